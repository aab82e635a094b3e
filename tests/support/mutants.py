"""Damaged copies of a file: bytes changed, cut out, repeated or inserted, and values that readers get wrong."""

import re
from collections.abc import Iterator
from random import Random

# What readers have failed at: controls, huge and odd numbers, nesting, odd types, names of other objects.
_INSERTED = (
    *(
        b"\x00",
        b"\xff",
        b"\x1b[2J",
        "\u202e\u2028\x85".encode(),
        b"\r\n",
        b"\n\n",
        b"\xef\xbb\xbf",
        b"'",
        b'"',
        b'"""',
        b"\\",
    ),
    *(
        b"-0",
        b"1e999",
        b"1E-999",
        b"NaN",
        b"inf",
        b"-",
        b"9" * 400,
        b"0x10",
        b"1_0",
        b"1979-05-27",
        b"1/0",
        b"0.",
        b"1/3/3",
    ),
    *(b"[" * 40, b"{" * 40, b"[[", b"]]", b"{}", b"[]", b"null", b"true", b"=", b",", b".", b"#", b":", b";", b"/*"),
    *(b'"\\ud800"', b"\\u0000", b"__class__", b"[/bold]", b"x" * 5_000, b"a." * 200, b"= " * 50),
)
_VALUE = re.compile(rb'"[^"\n]{0,40}"|-?[0-9][0-9./]*|\btrue\b|\bfalse\b')


def mutants(original: bytes, count: int, seed: int) -> Iterator[bytes]:
    """That many damaged copies, the same for the same seed; each has one to four damages."""
    random = Random(seed)
    for _ in range(count):
        data = original
        for _ in range(random.choice((1, 1, 2, 4))):
            data = _damaged(data, random)
        yield data


def _damaged(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    length = random.choice((1, 1, 3, 20, 200))
    kind = random.randrange(8)
    if kind == 0:
        return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
    if kind == 1:
        return data[:at]
    if kind == 2:
        return data[:at] + data[at + length :]
    if kind == 3:
        return data[:at] + data[at : at + length] * random.choice((2, 2, 50)) + data[at + length :]
    if kind == 4:
        other = random.randrange(len(data) + 1)
        return data[:at] + data[other : other + length] + data[at:]
    if kind == 5:
        return data[:at] + random.choice(_INSERTED) + data[at:]
    values = list(_VALUE.finditer(data))
    if not values:
        return data[:at] + random.choice(_INSERTED) + data[at:]
    place = random.choice(values)
    if kind == 6:
        return data[: place.start()] + random.choice(_INSERTED) + data[place.end() :]
    return data[: place.start()] + random.choice(values)[0] + data[place.end() :]
