"""Request lines, most of them malformed, for everything that must answer all of them."""

import json
from random import Random
from typing import Any

from liqspec.core.engine import Engine
from liqspec.edge.protocol import MAX_LINE
from liqspec.generate import Guide

EVENT = {"type": "block", "time": 1}
HELLO = b'{"op":"hello","protocol":1}'

# Each is not a valid request, or one that must be refused, with what the refusal must say.
BAD_LINES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "spaces": (b"  \t", "empty"),
    "no JSON": (b"hello", "not JSON"),
    "half a line": (b'{"op":"hello","proto', "not JSON"),
    "two in one line": (HELLO + HELLO, "not JSON"),
    "single quotes": (b"{'op':'bye'}", "not JSON"),
    "no UTF-8": (b'{"op":"\xff\xfe"}', "not UTF-8 (byte 7)"),
    "a byte order mark": (b"\xef\xbb\xbf" + HELLO, "not JSON"),
    "UTF-16": (HELLO.decode().encode("utf-16"), "not UTF-8"),
    "zero bytes": (b"\x00" * 40, "not JSON"),
    "a control character in a string": (b'{"op":"by\x01e"}', "not JSON"),
    "a list": (b'["hello",1]', "expected an object"),
    "a number": (b"17", "expected an object"),
    "null": (b"null", "expected an object"),
    "a text": (b'"bye"', "expected an object"),
    "no op": (b'{"protocol":1}', "op: expected one of"),
    "an unknown op": (b'{"op":"sing"}', 'op: expected one of hello, reset, apply, bye, got "sing"'),
    "op is a number": (b'{"op":1}', "op: expected one of"),
    "op is a list": (b'{"op":["bye"]}', "op: expected one of"),
    "an unknown field": (b'{"op":"bye","now":true}', '"now": unknown field of bye'),
    "a field too few": (b'{"op":"apply"}', "event: apply needs it"),
    "a key twice": (b'{"op":"hello","protocol":1,"protocol":1}', "is repeated"),
    "a key twice further in": (b'{"op":"apply","event":{"type":"block","time":1,"time":2}}', "is repeated"),
    "NaN": (b'{"op":"hello","protocol":NaN}', "NaN"),
    "Infinity": (b'{"op":"hello","protocol":-Infinity}', "-Infinity"),
    "another protocol": (b'{"op":"hello","protocol":2}', "this engine speaks 1, got 2"),
    "a fraction for a protocol": (b'{"op":"hello","protocol":1.0}', "this engine speaks 1, got 1.0"),
    "true for a protocol": (b'{"op":"hello","protocol":true}', "this engine speaks 1, got true"),
    "a number of 10,000 digits": (b'{"op":"hello","protocol":' + b"1" * 10_000 + b"}", "too many digits"),
    "a number of 4,000 digits": (b'{"op":"hello","protocol":' + b"1" * 4_000 + b"}", "this engine speaks 1"),
    "a huge exponent": (b'{"op":"hello","protocol":1e999999999}', "1e999999999 is too large for a number"),
    "nested lists": (b"[" * 100_000, "nested too deeply"),
    "nested objects": (b'{"op":' * 50_000 + b"1" + b"}" * 50_000, "nested too deeply"),
    "nested further in": (b'{"op":"apply","event":' + b"[" * 900 + b"]" * 900 + b"}", "nested too deeply"),
    "a config of nested lists": (
        b'{"op":"reset","config":{"markets":' + b"[" * 900 + b"]" * 900 + b"}}",
        "nested too deeply",
    ),
    "a lone surrogate": (b'{"op":"\\ud800"}', "unpaired surrogate"),
    "a lone surrogate in a name": (b'{"op":"reset","config":{"accounts":["\\udfff"]}}', "unpaired surrogate"),
    "a very long line": (b'{"op":"' + b"x" * (3 * MAX_LINE) + b'"}', f"longer than {MAX_LINE} bytes"),
    "one byte too long": (b" " * (MAX_LINE + 1), f"longer than {MAX_LINE} bytes"),
    "an invalid config": (b'{"op":"reset","config":[]}', "config"),
    "an empty config": (b'{"op":"reset","config":{}}', "config"),
    "a float for an amount": (b'{"op":"reset","config":{"quote_unit":0.01}}', "config"),
}


def request(op: str, **fields: Any) -> bytes:
    """A request as a line without its end."""
    return json.dumps({"op": op, **fields}).encode()


def fuzzed(random: Random, engine: Engine) -> bytes:
    """A line close to a valid request: corrupted in bytes, in JSON or in meaning, or a bad one from the list."""
    kind = random.randrange(6)
    if kind == 0:
        return random.choice([line for line, _ in BAD_LINES.values() if len(line) < 20_000])
    if kind == 1:
        return random.randbytes(random.randrange(60)).replace(b"\n", b" ")
    event = Guide(random, engine).next_event()
    if kind == 2:
        return request("apply", event=malformed_value(random, event))
    line = request(random.choice(("apply", "apply", "reset", "hello", "bye!", "")), event=event)
    if kind == 3:
        return line[: random.randrange(len(line))]
    malformed = bytearray(line)
    for _ in range(random.choice((1, 1, 2, 8))):
        place = random.randrange(len(malformed))
        if random.random() < 0.5:
            malformed[place] = random.choice(b'0123456789"{}[],:.-eE \\u\xff\x00')
        else:
            del malformed[place : place + random.choice((1, 3))]
            malformed = malformed or bytearray(b"x")
    return bytes(malformed).replace(b"\n", b" ")


def malformed_value(random: Random, event: dict[str, Any]) -> Any:
    """An event with one field replaced by something of another type, range or spelling, taken away, or added."""
    anything: list[Any] = [None, True, 1.5, -1, 2**53, 10**300, "", "1e3", "0x1", "\ud800", "9" * 79, [], {}, [event]]
    choice = random.randrange(4)
    if choice == 0:
        return random.choice(anything)
    name = random.choice([*event, "extra"])
    if choice == 1:
        return {key: value for key, value in event.items() if key != name}
    return {**event, name: random.choice(anything)}
