"""What hostile engines say of themselves: for `misbehaving_engine`, whose `hello` gets these fields."""

from typing import Any

CONTROLS = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e[/bold]\u2028[green]conforms\r\n"
LONG = 1_000_000
MANY = 2_000

HELLO: dict[str, dict[str, Any]] = {
    "has a name of markup": {"engine": "[/x][bold green]conforms"},
    "has a name that is a list": {"engine": [[CONTROLS]]},
    "has a long name": {"engine": "x" * LONG},
    "has no name": {"engine": ""},
    "has a number of 4000 digits for a name": {"engine": int("9" * 4_000)},
    "speaks protocol one in a text": {"protocol": "1"},
    "speaks protocol 1.0": {"protocol": 1.0},
    "speaks protocol true": {"protocol": True},
    "speaks a protocol of controls": {"protocol": CONTROLS},
    "says ok 1 to hello": {"ok": 1},
    "skips hello": {"ok": False, "skipped": CONTROLS},
    "refuses hello with controls": {"ok": False, "error": {"code": CONTROLS, "message": CONTROLS}},
    "observes twice the same": {"observes": ["vault.cash"] * MANY},
    "observes what is null": {"observes": [None]},
    "observes what is a list": {"observes": [[[]]]},
    "observes what is an object": {"observes": {"vault.cash": True}},
    "observes names of controls": {"observes": [CONTROLS]},
    "observes a long name": {"observes": ["x" * LONG]},
    "has events of controls": {"events": [CONTROLS]},
    "has events in an object": {"events": {"deposit": 1}},
    "has the same event often": {"events": ["deposit"] * MANY},
    "has families of null": {"families": None},
    "has families of controls": {"families": [CONTROLS]},
    "has states of null": {"states": None},
    "has states of a list": {"states": ["full"]},
    "has states of controls": {"states": CONTROLS},
    "validates in a text": {"validates": "no"},
    "validates nothing": {"validates": False},
    "has a venue of a list": {"venue": []},
    "has a venue of controls": {"venue": {CONTROLS: CONTROLS, "markets": {CONTROLS: {CONTROLS: CONTROLS}}}},
    "has a venue of many markets": {"venue": {"markets": {str(at): {} for at in range(MANY)}}},
    "has a venue of a bad tick": {"venue": {"markets": {"M": {"tick": "1e999999999"}}}},
    "has a venue of a long tick": {"venue": {"markets": {"M": {"tick": "0." + "0" * LONG + "1"}}}},
    "has rules of controls": {"rules": CONTROLS, CONTROLS: CONTROLS},
}
