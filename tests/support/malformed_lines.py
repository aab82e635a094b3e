"""Lines that are not a request, or carry no event or configuration: each must get one `bad_request`."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from support.malformed_configurations import CONFIG, NO_AMOUNTS, NO_VALUES, bad_configurations

TRADE = {
    "type": "trade",
    "account": "alice",
    "market": "A",
    "mode": "cross",
    "size": "1",
    "price": "100",
    "leverage": 20,
}
EVENTS: list[dict[str, Any]] = [
    {"type": "deposit", "account": "alice", "amount": "100"},
    {"type": "withdraw", "account": "alice", "amount": "1"},
    {"type": "transfer", "account": "alice", "market": "A", "amount": "-1"},
    TRADE,
    {"type": "mark_price", "market": "A", "price": "101"},
    {"type": "marks", "prices": {"A": "100", "B": "49.5"}},
    {"type": "fill", "account": "alice", "market": "A", "mode": "cross", "size": "1", "price": "100"},
    {"type": "order_done", "account": "alice", "market": "A", "mode": "isolated"},
    {"type": "funding", "market": "B", "payment": "0.01"},
    {"type": "vault_trade", "market": "B", "size": "-1", "price": "50"},
    {"type": "vault_cash", "amount": "-1"},
    {"type": "block", "time": 6},
]
REQUESTS: list[dict[str, Any]] = [
    {"op": "hello", "protocol": 1},
    {"op": "reset", "config": CONFIG},
    {"op": "bye"},
    *({"op": "apply", "event": event} for event in EVENTS),
]
HELLO, BYE = b'{"op":"hello","protocol":1}', b'{"op":"bye"}'

_NO_INTEGERS = [
    "-0",
    "-1",
    "1.0",
    "6.0",
    "1e0",
    "6E0",
    "1e1",
    "9007199254740992",
    "1e999999999",
    '"6"',
    "true",
    "null",
    "[6]",
    "{}",
]
_NO_NUMBERS_OF_JSON = [
    "01",
    "+1",
    "1.",
    ".5",
    "0x1",
    "NaN",
    "Infinity",
    "-Infinity",
    "1e",
    "--1",
    "1_0",
    "- 1",
    "\uff11",
]

ALWAYS: list[bytes] = [
    *(
        b"",
        b" ",
        b" \t ",
        b"\r",
        b"\x0b",
        b"\xc2\xa0",
        b"\x00",
        b"null",
        b"1",
        b"-0",
        b"[]",
        b"{}",
        b'"bye"',
        b"true",
        b"nul",
    ),
    *(
        b"\xef\xbb\xbf" + BYE,
        "{}".encode("utf-16"),
        BYE.decode().encode("utf-16"),
        BYE + b"\x00",
        BYE + BYE,
        BYE + b"x",
    ),
    *(
        b'{"op":"bye",}',
        b'{"op":"bye"',
        b'{"op" "bye"}',
        b'{op:"bye"}',
        b"{'op':'bye'}",
        b'{"op":"bye"}//',
        b'[{"op":"bye"}]',
    ),
    *(
        b'{"op":1}',
        b'{"op":null}',
        b'{"op":["bye"]}',
        b'{"op":"Bye"}',
        b'{"op":"bye "}',
        b'{"op":""}',
        b'{"op":"by\x01e"}',
    ),
    *(b'{"op":"bye","x":1}', b'{"op":"bye","__proto__":1}', b'{"__proto__":{"op":"bye"}}', b'{"op":"bye","op":"bye"}'),
    *(b'{"op":"hello"}', b'{"op":"hello","protocol":2}', b'{"op":"reset"}', b'{"op":"apply"}', b'{"protocol":1}'),
    *(b'{"op":"hello","\\u006fp":"hello","protocol":1}', b'{"op":"hello","protocol":1,"protocol":1}'),
    *(b'{"op":"\\ud800"}', b'{"op":"bye\\x"}', b'{"op":"bye\\u00g0"}', b'{"op":"bye\\u00"}', b'{"op":"bye\\'),
    *(
        b'{"op":"\xed\xa0\x80"}',
        b'{"op":"\xc0\x80"}',
        b'{"op":"\xf5\x80\x80\x80"}',
        b'{"op":"\xe2\x82"}',
        b'{"op":"\xff"}',
    ),
    *(b"[" * 60, b"[" * 5_000 + b"]" * 5_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"[" * 300_000),
    *(
        b'{"op":' + b"9" * 20_000 + b"}",
        b'{"op":"' + b"x" * 100_000 + b'"}',
        b" " * 1024 * 1024 + BYE,
        b"x" * 1024 * 1024 + b"y",
    ),
    *(b'{"op":"hello","protocol":' + number.encode() + b"}" for number in (*_NO_INTEGERS[:-4], *_NO_NUMBERS_OF_JSON)),
]


def write(value: Any) -> bytes:
    """Plain data as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()


def random_line(random: Random) -> bytes:
    """A malformed line, of one kind or another."""
    return random.choice(_KINDS)(random).replace(b"\n", b" ")


def _cut(random: Random) -> bytes:
    line = write(random.choice(REQUESTS))
    return line[: random.randrange(len(line))]


def _followed(random: Random) -> bytes:
    return write(random.choice(REQUESTS)) + random.choice(
        (b"x", b",", b"}", b"{}", b"1", b"\x00", b"\xa0", b"null", b'"')
    )


def _noise(random: Random) -> bytes:
    return random.choice((b"#", b"}", b"\xfe", b"a", b"7", b"[")) + random.randbytes(random.randrange(40))


def _unread(random: Random) -> bytes:
    """Bytes inside a string that are not valid UTF-8."""
    before, quote, after = write(random.choice(REQUESTS)).rpartition(b'"')
    return (
        before
        + random.choice((b"\x80", b"\xff", b"\xc3", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xe0\x80\xaf"))
        + quote
        + after
    )


def _half_a_pair(random: Random) -> bytes:
    """An escape of a surrogate without its other half, somewhere in a string, of a key too."""
    half = random.choice((rb"\ud800", rb"\uDFFF", rb"\udbff\udbff", rb"\udc00\ud800", rb"\ud800x\udc00", rb"\\\udead"))
    parts = write(random.choice(REQUESTS)).split(b'"')
    parts[2 * random.randrange(len(parts) // 2) + 1] += half
    return b'"'.join(parts)


def _field_of(random: Random, event: dict[str, Any], *, only: tuple[str, ...] = ()) -> str:
    return random.choice([name for name in event if name in only or not only])


def _event_without_a_field(random: Random) -> bytes:
    event = dict(random.choice(EVENTS))
    del event[_field_of(random, {name: value for name, value in event.items() if name != "leverage"})]
    return write({"op": "apply", "event": event})


def _event_with_another_field(random: Random) -> bytes:
    extra = random.choice(("x", "Type", "amounts", "__proto__", "op", "", "id", "leverage", "time", "prices"))
    event = random.choice(
        [event for event in EVENTS if extra not in event and (event["type"], extra) != ("trade", "leverage")]
    )
    return write({"op": "apply", "event": {**event, extra: 1}})


def _event_with_a_mistyped_field(random: Random) -> bytes:
    event = dict(random.choice(EVENTS))
    event[_field_of(random, event)] = random.choice([*NO_VALUES[:3], [], [[]]])
    return write({"op": "apply", "event": event})


def _event_with_a_malformed_amount(random: Random) -> bytes:
    amounts = ("amount", "size", "price", "payment", "prices")
    event = dict(random.choice([event for event in EVENTS if any(name in event for name in amounts)]))
    name, bad = _field_of(random, event, only=amounts), random.choice(NO_AMOUNTS)
    event[name] = {**event[name], random.choice(("A", "Z")): bad} if name == "prices" else bad
    return write({"op": "apply", "event": event})


def _event_with_a_misspelt_integer(random: Random) -> bytes:
    spelt = random.choice([*_NO_INTEGERS, *_NO_NUMBERS_OF_JSON]).encode()
    if random.random() < 0.5:
        return write({"op": "apply", "event": TRADE}).replace(b'"leverage": 20', b'"leverage": ' + spelt)
    return write({"op": "apply", "event": EVENTS[-1]}).replace(b'"time": 6', b'"time": ' + spelt)


def _event_with_malformed_inputs(random: Random) -> bytes:
    """Prices that a mark is formed from; each of them is optional (MRK-1)."""
    entry: dict[str, Any] = {"price": "100", "weight": 1}
    entries = random.choice(
        (
            [None, "100", ["100", 1], {}, {"price": "100"}, {"weight": 1}, {**entry, "venue": "x"}],
            [{**entry, "weight": weight} for weight in (0, 0, "1", *NO_VALUES)],
            [{**entry, "price": price} for price in NO_AMOUNTS],
        )
    )
    perps = random.choice(([entry, random.choice(entries), entry], random.choice([[], entry, *NO_VALUES[:4]])))
    quote = random.choice(("index", "best_bid", "best_ask", "last"))
    fault = random.choice(({"perps": perps}, {"perps": perps}, {quote: random.choice([*NO_VALUES, *NO_AMOUNTS])}))
    return write({"op": "apply", "event": {"type": "price_inputs", "market": "A", **fault}})


def _event_of_no_type(random: Random) -> bytes:
    kind: Any = random.choice(
        ("", "Trade", "trade ", "liquidate", "toString", "__proto__", "hello", None, 1, [], ["trade"], {})
    )
    return write({"op": "apply", "event": {**random.choice(EVENTS), "type": kind}})


def _event_of_no_mode(random: Random) -> bytes:
    mode: Any = random.choice(("", "CROSS", "cross ", "both", "hedge", 0, [], {}, ["cross"], None))
    return write(
        {"op": "apply", "event": {**random.choice((TRADE, EVENTS[6], EVENTS[7])), "account": "nobody", "mode": mode}}
    )


def _no_event(random: Random) -> bytes:
    return write(
        {
            "op": "apply",
            "event": random.choice(
                [*NO_VALUES, {}, "block", [EVENTS[-1]], {"event": EVENTS[-1]}, {"type": "marks", "prices": {}}]
            ),
        }
    )


def _key_twice(random: Random) -> bytes:
    """A key repeated in the innermost object, as it is or spelt with an escape."""
    event = random.choice(EVENTS)
    name = _field_of(random, event)
    again = random.choice((f'"{name}"', f'"\\u{ord(name[0]):04x}{name[1:]}"'))
    pair = f"{again}: {json.dumps(event[name])}".encode()
    return b'{"op": "apply", "event": {' + pair + b", " + write(event)[1:] + b"}"


def _bad_configuration(random: Random) -> bytes:
    return write({"op": "reset", "config": random.choice(list(bad_configurations()))})


_KINDS: list[Callable[[Random], bytes]] = [
    _cut,
    _followed,
    _noise,
    _unread,
    _half_a_pair,
    _event_without_a_field,
    _event_with_another_field,
    _event_with_a_mistyped_field,
    _event_with_a_malformed_amount,
    _event_with_a_misspelt_integer,
    _event_with_malformed_inputs,
    _event_of_no_type,
    _event_of_no_mode,
    _no_event,
    _key_twice,
    _bad_configuration,
]
