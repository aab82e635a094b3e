"""Raw lines that an engine must refuse, each as one `bad_request`, odd ones that it must accept, and some between.

`spec/protocol.md` says which are which; each line has a topic, and no end.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, combinations, cycle, permutations, product
from typing import Any

from liqspec.conform.protocol.malformed_values import NO_AMOUNTS, NO_INTEGER_TEXTS, NO_NUMBER_TEXTS
from liqspec.core.admission import amount_fields
from liqspec.core.config import quote_unit_of
from liqspec.core.events import EVENTS, EventData
from liqspec.edge.amounts import MAX_DIGITS, MAX_INTEGER, decimal_places, decimal_text, exact
from liqspec.edge.protocol import MAX_LINE
from liqspec.generate.names import other_forms

Line = tuple[str, bytes]  # a topic, and the line

HELLO, BYE = b'{"op":"hello","protocol":1}', b'{"op":"bye"}'
_MARK = "\ue000"  # marks in a text where something is put as it is

# Lines that are refused whatever the engine supports, by their topics.
_REFUSED: dict[str, tuple[bytes, ...]] = {
    "an empty line": (b"", b" ", b" \t ", b"\r"),
    "white space that is not JSON's": (b"\x0b", b"\xc2\xa0", b"\x0c" + HELLO, b"\xe2\x80\xa8" + HELLO),
    "a line that is not JSON": (
        *(b"nul", b"hello", b"{'op':'bye'}", b'{op:"bye"}', b'{"op" "bye"}', b'{"op":"bye"', b'{"op":"hello","proto'),
        *(BYE + BYE, BYE + b"x", BYE + b"\x00", b"\x00", b"\x00" * 40, b'{"op":"by\x01e"}', b'{"op":"bye\x00"}'),
        *(b'{"op":"bye\\x"}', b'{"op":"bye\\u00g0"}', b'{"op":"bye\\u00"}', b'{"op":"bye\\'),
    ),
    "a comment": (BYE + b"//", b'/* end */{"op":"bye"}', b'{"op":"bye"}#'),
    "a trailing comma": (b'{"op":"bye",}', b'{"op":"hello","protocol":1,}', b"[1,]"),
    "a byte order mark": (b"\xef\xbb\xbf" + BYE, b"\xef\xbb\xbf" + HELLO),
    "a line that is not UTF-8": (
        *(BYE.decode().encode("utf-16-le"), b"\xff\xfe" + BYE.decode().encode("utf-16-le"), b'{"op":"\xff"}'),
        *(b'{"op":"\xe2\x82"}', b'{"op":"\xf5\x80\x80\x80"}', b'{"op":"\x80"}', b'{"op":"bye"}\xa0'),
    ),
    "overlong UTF-8": (b'{"op":"\xc0\x80"}', b'{"op":"\xe0\x80\xaf"}', b'{"\xc1\xafp":"bye"}'),
    "a surrogate in UTF-8": (b'{"op":"\xed\xa0\x80"}', b'{"op":"\xed\xbf\xbf"}'),
    "an unpaired surrogate": (b'{"op":"\\ud800"}', b'{"op":"bye\\udfff"}', b'{"op":"bye","\\ud800":1}'),
    "a line that is not an object": (
        b"null",
        b"1",
        b"-0",
        b"17",
        b"true",
        b"[]",
        b'"bye"',
        b'["hello",1]',
        b'[{"op":"bye"}]',
    ),
    "a repeated key": (b'{"op":"bye","op":"bye"}', b'{"op":"hello","protocol":1,"protocol":1}'),
    "a repeated key, once spelled with an escape": (
        *(b'{"op":"hello","\\u006fp":"hello","protocol":1}', b'{"op":"hello","protocol":1,"protoco\\u006C":1}'),
    ),
    "an unknown op": (
        *(b"{}", b'{"op":1}', b'{"op":null}', b'{"op":["bye"]}', b'{"op":{}}', b'{"op":"Bye"}', b'{"op":"bye "}'),
        *(b'{"op":""}', b'{"op":"sing"}', b'{"protocol":1}', b'{"__proto__":{"op":"bye"}}', b'{"op":"constructor"}'),
    ),
    "an unknown field": (
        *(b'{"op":"bye","x":1}', b'{"op":"bye","__proto__":1}', b'{"op":"bye","event":{}}'),
        *(b'{"op":"hello","protocol":1,"":0}', b'{"op":"hello","protocol":1,"Protocol":1}'),
    ),
    "a missing field": (b'{"op":"hello"}', b'{"op":"reset"}', b'{"op":"apply"}'),
    "another version of the protocol": (
        *(b'{"op":"hello","protocol":2}', b'{"op":"hello","protocol":0}', b'{"op":"hello","protocol":11}'),
    ),
    "nesting": (
        *(b"[" * 60, b"[" * 5_000 + b"]" * 5_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"[" * 300_000),
        *(b'{"op":"apply","event":' + b"[" * depth + b"]" * depth + b"}" for depth in (7, 8, 31, 32, 900)),
        b'{"op":"reset","config":{"markets":' + b"[" * 900 + b"]" * 900 + b"}}",
    ),
    "a long value": (b'{"op":' + b"9" * 20_000 + b"}", b'{"op":"' + b"x" * 100_000 + b'"}'),
    "a line of more than 1 MiB": (
        *(b" " * (MAX_LINE + 1 - len(HELLO)) + HELLO, HELLO + b" " * (MAX_LINE - len(HELLO)) + b"\r"),
        *(b"x" * (MAX_LINE + 1), b'{"op":"' + b"x" * 3 * MAX_LINE + b'"}', b"[" * (MAX_LINE + 1)),
    ),
}


_NO_EVENTS: tuple[Any, ...] = (
    None,
    3,
    [],
    [[]],
    "block",
    [{"type": "block"}],
    {},
    {"event": {"type": "block", "time": 1}},
)
_NO_TYPES: tuple[Any, ...] = ("", "Trade", "trade ", "liquidate", "toString", "__proto__", None, 1, [], ["trade"], {})
_NO_FIELDS: tuple[Any, ...] = (None, True, 1.5, [], [[]], {})
_HALVES = (rb"\ud800", rb"\uDFFF", rb"\udbff\udbff", rb"\udc00\ud800", rb"\ud800x\udc00")  # of surrogate pairs
_CONTROLS = (b"\t", b"\x1f", b"\x0b", b"\x01", b"\x08")  # U+0000 is in other lines; a line ends at a line feed
# Integers that are another one, and a small one, in too few bits.
_WIDE = (*(2**bits + 1 for bits in (8, 16, 31, 32)), 2**52 + 1, MAX_INTEGER)
# Changes of a name, after which it is not that of any account or market.
_NEARLY: tuple[Callable[[str], str], ...] = (
    *(lambda name, end=end: f"{name}{end}" for end in ("\0", "\0x", " ", "\n", "\u200b", "\u0301")),
    *(lambda name, begin=begin: f"{begin}{name}" for begin in ("\0", " ", "\ufeff")),
)
_NO_REQUEST = ("id", "x", "jsonrpc", "protocol", "")  # fields that neither a reset nor an event has
# Of four bytes a character, and together longer than the 64 KiB that many read at once.
_WIDE_NAMES = [f"{number}" + "\U0001f600" * 120 for number in range(150)]
# Names that nothing has in a run, though tables of some languages have them.
_UNKNOWN = (
    *("constructor", "toString", "__proto__", "hasOwnProperty", "valueOf", "length", "prototype"),
    *("__class__", "__dict__", "keys", "get", "items", "null", "undefined", "0", "-1", "cross", "vault"),
)
_WRONG: EventData = {"account": "nobody", "market": "NONE", "mode": "both", "time": -1, "leverage": 0}
_NO_AMOUNT_HERE = ("0." + "0" * 40 + "1", "0", "-1")  # off every grid, or not above 0
_NO_MODES: tuple[Any, ...] = ("", "CROSS", "cross ", "both", 0, ["cross"])


def refused(config: dict[str, Any], supported: Iterable[str]) -> Iterator[Line]:
    """Lines that must be refused, in a run of this configuration; only events of the types that are supported."""
    for topic, lines in _REFUSED.items():
        yield from ((topic, line) for line in lines)
    for text in NO_INTEGER_TEXTS[:-4] + NO_NUMBER_TEXTS:
        yield _number_topic(text), b'{"op":"hello","protocol":' + text.encode() + b"}"
    for data in _NO_EVENTS:
        yield "an event that is not valid", _apply(data)
    for named in _NO_TYPES:
        yield "an unknown type of event", _apply({"type": named, "time": 1})
    for kind in EVENTS:
        if kind in supported:
            yield from _of_event(sample(kind, config))
    first = [kind for kind in EVENTS if kind in supported][:1]
    for extra in _NO_REQUEST:
        yield "an unknown field", _request("reset", config=config, **{extra: 1})
        yield from (("an unknown field", _apply(sample(kind, config), **{extra: 1})) for kind in first)
    yield from _with_repeated_keys("reset", config=config)
    yield from _with_what_no_string_has("reset", config=config)


def accepted(config: dict[str, Any], event: EventData | None, supported: Iterable[str]) -> Iterator[Line]:
    """Odd spellings and limits of valid requests, which are accepted; `event` may be sent again and again."""
    yield "white space", b' \t{ "op" : "hello" ,\r "protocol" : 1 } \r'
    yield "an escape", b'{"\\u006fp":"h\\u0065ll\\u006F","protocol":1}'
    yield "another order of fields", b'{"protocol":1,"op":"hello"}'
    yield "a line of exactly 1 MiB", HELLO + b" " * (MAX_LINE - len(HELLO))
    yield "a line of exactly 1 MiB", b" " * (MAX_LINE - len(HELLO) - 1) + HELLO + b"\r"
    if event is not None:
        yield "a carriage return", _apply(event) + b"\r"
        yield "an escape", b'{"\\u006fp":"apply","event":' + _escaped(event).encode() + b"}"
        yield "a line of exactly 1 MiB", _apply(event).ljust(MAX_LINE)
        if "block" in supported:
            yield "the largest integer", _apply({"type": "block", "time": MAX_INTEGER})
    yield from (("the largest integer", _request("reset", config=changed)) for changed in _latest(config))
    wide = _request("reset", config={**config, "accounts": [*config["accounts"], *_WIDE_NAMES]})
    yield from (("a long line", b" " * before + wide) for before in (0, 1))  # of other bytes in each piece that is read
    yield "an escape", b'{"op":"reset","config":' + _escaped(config).encode() + b"}"
    yield "an escape", _request("reset", config=config).replace(b"/", rb"\/")


def well_formed(config: dict[str, Any], supported: Iterable[str]) -> Iterator[Line]:
    """Events that are not malformed, though nearly: whether one is accepted depends on the state."""
    for kind in (one for one in EVENTS if one in supported):
        event = sample(kind, config)
        yield from (("an amount of 78 digits", _apply(changed)) for changed in _longest(event))
        yield from (("a large integer", _apply({**event, "leverage": one})) for one in _WIDE if "leverage" in event)
        yield from (("a name that is nearly another", _apply(changed)) for changed in _misnamed(event))
    unknown = [name for name in _UNKNOWN if name not in config["accounts"] and name not in config["markets"]]
    yield from (("an unknown name", line) for line in _with_each_name(config, unknown, supported))


def in_other_forms(config: dict[str, Any], named: Iterable[str], supported: Iterable[str]) -> Iterator[bytes]:
    """Events of accounts and markets that do not exist, though they do in another form: each of these names is one."""
    return _with_each_name(config, [form for name in named for form in other_forms(name)], supported)


def _with_each_name(config: dict[str, Any], named: list[str], supported: Iterable[str]) -> Iterator[bytes]:
    """Events with each of these names for their account, then for their market, each type of event in its turn."""
    for field in ("account", "market"):
        kinds = cycle([kind for kind in EVENTS if kind in supported and field in sample(kind, config)])
        yield from (_apply({**sample(kind, config), field: name}) for kind, name in zip(kinds, named, strict=False))


def with_faults(config: dict[str, Any], supported: Iterable[str]) -> Iterator[Line]:
    """Events with one or two things that are wrong: which of two is reported, the rules say (EVT-2)."""
    for kind in (one for one in EVENTS if one in supported):
        event = sample(kind, config)
        faults = [*_faults(event, config)]
        pairs = ({**one, **other} for one, other in combinations(faults, 2) if one.keys().isdisjoint(other))
        yield from (("what is wrong first", _apply({**event, **fault})) for fault in chain(faults, pairs))


def between_steps(config: dict[str, Any], supported: Iterable[str]) -> Iterator[bytes]:
    """Events with an amount that is off its grid (AMT-4), though it has no more decimals than the grid's step."""
    name, market = next(iter(config["markets"].items()))
    steps = {"money": exact(quote_unit_of(config)), "price": exact(market["tick"]), "size": exact(market["lot"])}
    off = {grid: step + Fraction(1, 10 ** decimal_places(step)) for grid, step in steps.items()}
    bad = {grid: decimal_text(amount) for grid, amount in off.items() if amount % steps[grid]}
    for kind in (one for one in EVENTS if one in supported):
        grids = {field: grid for field, grid, _ in amount_fields(EVENTS[kind])}
        event = {**sample(kind, config), **{field: decimal_text(steps[grid]) for field, grid in grids.items()}}
        yield from (_apply({**event, field: bad[grid]}) for field, grid in grids.items() if grid in bad)
        if "prices" in event and "price" in bad:
            yield _apply({**event, "prices": {name: bad["price"]}})


def _longest(event: EventData) -> Iterator[EventData]:
    """The event with each of its amounts written as long as it may be: with zeros before it, and after it; negative
    too, where it may be refused as that.
    """
    for name, value in event.items():
        if isinstance(value, str) and name not in ("type", "account", "market", "mode"):
            whole, point, part = value.lstrip("-").partition(".")
            for sign in ("", "-"):
                yield {**event, name: f"{sign}{whole.zfill(MAX_DIGITS - len(part))}{point}{part}"}
                yield {**event, name: f"{sign}{whole}.{part.ljust(MAX_DIGITS - len(whole), '0')}"}


def _latest(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Configurations with the largest integer for a time."""
    yield {**config, "time": MAX_INTEGER}
    yield {**config, "liquidation": {**config.get("liquidation", {}), "cooldown_ms": MAX_INTEGER}}
    if "stale_ms" in config.get("mark", {}):
        yield {**config, "mark": {**config["mark"], "stale_ms": MAX_INTEGER}}


def sample(kind: str, config: dict[str, Any]) -> EventData:
    """A well-formed event of this type, of the first account and market; integers and lists are there too."""
    market, account = next(iter(config["markets"])), config["accounts"][0]
    named: EventData = {"account": account, "market": market, "prices": {market: "100"}}
    event = {"type": kind, **EVENTS[kind].example}
    if kind == "price_inputs":
        event |= {"perps": [{"price": "100", "weight": 1}]}
    return {name: named.get(name, value) for name, value in event.items()}


def _of_event(event: EventData) -> Iterator[Line]:
    """What is wrong with one event, field by field."""
    kind = event["type"]
    fields = [name for name in event if name != "type"]
    for name in fields:
        if name != "leverage" and kind != "price_inputs":  # these may be left out
            yield "an event without a field", _apply({one: value for one, value in event.items() if one != name})
        for bad in _NO_FIELDS:
            yield "a field of the wrong type", _apply({**event, name: bad})
        if isinstance(event[name], str) and name not in ("account", "market", "mode"):
            yield from (("a malformed amount", _apply({**event, name: bad})) for bad in NO_AMOUNTS)
    for extra in ("x", "Type", "__proto__", "op", "", "id"):
        yield "an event with an unknown field", _apply({**event, extra: 1})
    if "mode" in event:
        for mode in _NO_MODES:
            yield "an unknown mode", _apply({**event, "account": "nobody", "mode": mode})
    for line in _with_mark(event):
        for text in NO_INTEGER_TEXTS + NO_NUMBER_TEXTS:
            yield _number_topic(text), line.replace(f'"{_MARK}"'.encode(), text.encode())
    if "perps" in event:
        entry = event["perps"][0]
        wrong: list[Any] = [{**entry, "weight": 0}, {**entry, "venue": "x"}, {"price": "100"}, {"weight": 1}, "100"]
        for perps in ([], *([one] for one in (*wrong, None, {}))):
            yield "an event that is not valid", _apply({**event, "perps": perps})
    yield from _with_what_no_string_has("apply", event=event)
    yield from _with_repeated_keys("apply", event=event)


def _faults(event: EventData, config: dict[str, Any]) -> Iterator[EventData]:
    """Fields of an event that are wrong, each in one way."""
    yield {"x": 1}
    for name, value in event.items():
        if name in _WRONG:
            yield {name: _WRONG[name]}
        elif isinstance(value, str) and name != "type":
            yield from ({name: bad} for bad in _NO_AMOUNT_HERE)
    if "mode" in event and "market" not in event:  # a market that only an isolated pool has
        yield from ({"market": market} for market in (None, next(iter(config["markets"]))))
    if "prices" in event:
        markets = [*config["markets"], "NONE"]
        for one, other in permutations(markets[:2] if len(markets) > 2 else markets, 2):
            yield from ({"prices": {one: first, other: second}} for first, second in product(_NO_AMOUNT_HERE, repeat=2))
        yield from ({"prices": {markets[0]: bad, "NONE": "1"}} for bad in _NO_AMOUNT_HERE)


def _misnamed(event: EventData) -> Iterator[EventData]:
    """The event with a name that is not one of an account or market, but that an engine may take for it."""
    for change in _NEARLY:
        yield from ({**event, name: change(event[name])} for name in ("account", "market") if name in event)
        if "prices" in event:
            yield {**event, "prices": {change(name): price for name, price in event["prices"].items()}}


def _with_mark(event: EventData) -> Iterator[bytes]:
    """The event with a mark in place of each of its integers."""
    yield from (_apply({**event, name: _MARK}) for name in ("leverage", "time") if name in event)
    if "perps" in event:
        yield _apply({**event, "perps": [{**event["perps"][0], "weight": _MARK}]})


def _with_what_no_string_has(op: str, **fields: Any) -> Iterator[Line]:
    """A request with an unpaired surrogate, or a control character as it is, in one of its strings or keys, at any
    depth.
    """
    for topic, parts in (("an unpaired surrogate", _HALVES), ("a control character in a string", _CONTROLS)):
        for place, data in enumerate(_marking(fields)):
            line = _request(op, **data)
            turn = place + len(line)  # so that not each event has the same part in the same place
            for part in (parts[turn % len(parts)], parts[(turn + 2) % len(parts)]):
                yield topic, line.replace(_MARK.encode(), part)


def _marking(data: Any) -> Iterator[Any]:
    """The data with a mark at the end of one of its strings or keys."""
    if isinstance(data, str):
        yield data + _MARK
    elif isinstance(data, list):
        for place, one in enumerate(data):
            yield from ([*data[:place], other, *data[place + 1 :]] for other in _marking(one))
    elif isinstance(data, dict):
        for name, value in data.items():
            yield {(name + _MARK if one == name else one): held for one, held in data.items()}
            yield from ({**data, name: other} for other in _marking(value))


def _with_repeated_keys(op: str, **fields: Any) -> Iterator[Line]:
    """A request in which a key of one of its objects is repeated: as it is, and spelled with an escape, at either end.

    Where any key is allowed, as in the prices of `marks`, an engine that compares keys as they are written finds no
    unknown field either.
    """
    for data in _repeating(fields):
        line = _request(op, **data).decode()
        name = line[line.index(_MARK) + 1]
        yield "a repeated key", line.replace(_MARK, "").encode()
        yield "a repeated key, once spelled with an escape", line.replace(_MARK + name, _escape(name)).encode()


def _repeating(data: Any) -> Iterator[Any]:
    """The data with the last key of one of its objects once more, after a mark, as the last one and as the first."""
    if isinstance(data, list):
        for place, one in enumerate(data):
            yield from ([*data[:place], other, *data[place + 1 :]] for other in _repeating(one))
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from ({**data, name: other} for other in _repeating(value))
        if data:
            name = max(data)
            yield {**data, _MARK + name: data[name]}
            yield {_MARK + name: data[name], **data}


def _number_topic(text: str) -> str:
    if text in ("NaN", "Infinity", "-Infinity"):
        return "NaN or Infinity"
    return "an integer spelled otherwise" if text in NO_INTEGER_TEXTS else "a malformed number"


def _apply(event: Any, **further: Any) -> bytes:
    return _request("apply", event=event, **further)


def _request(op: str, **fields: Any) -> bytes:
    """A request as a line without its end, its characters as they are."""
    return json.dumps({"op": op, **fields}, ensure_ascii=False, separators=(",", ":")).encode()


def _escaped(data: Any) -> str:
    """The data as JSON, what is ASCII in its strings and keys written as escapes, and other characters as they are."""
    if isinstance(data, str):
        return '"' + "".join(_escape(one) if one.isascii() else one for one in data) + '"'
    if isinstance(data, dict):
        return "{" + ",".join(f"{_escaped(name)}:{_escaped(value)}" for name, value in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ",".join(map(_escaped, data)) + "]"
    return json.dumps(data)


def _escape(character: str) -> str:
    """A character as its escape; one beyond U+FFFF as two."""
    return f"\\u{ord(character):04x}" if character.isascii() else json.dumps(character)[1:-1]
