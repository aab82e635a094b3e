"""Valid requests that are damaged at random: each must get one `bad_request`."""

import json
from collections.abc import Callable
from random import Random

from liqspec.conform.protocol import lines
from liqspec.core.events import EVENTS
from support.every_field import CONFIG

_REQUESTS = [
    lines.HELLO,
    lines.BYE,
    *(
        json.dumps(data, ensure_ascii=False).encode()
        for data in (
            {"op": "reset", "config": CONFIG},
            *({"op": "apply", "event": lines.sample(kind, CONFIG)} for kind in EVENTS),
        )
    ),
]


def damaged_line(random: Random) -> bytes:
    """A line that is damaged in one way or another."""
    return random.choice(_KINDS)(random).replace(b"\n", b" ")


def _cut(random: Random) -> bytes:
    line = random.choice(_REQUESTS)
    return line[: random.randrange(len(line))]


def _followed(random: Random) -> bytes:
    return random.choice(_REQUESTS) + random.choice((b"x", b",", b"}", b"{}", b"1", b"\x00", b"\xa0", b"null", b'"'))


def _noise(random: Random) -> bytes:
    return random.choice((b"#", b"}", b"\xfe", b"a", b"7", b"[")) + random.randbytes(random.randrange(40))


def _unread(random: Random) -> bytes:
    """Bytes inside a string that are not valid UTF-8."""
    before, quote, after = random.choice(_REQUESTS).rpartition(b'"')
    return (
        before
        + random.choice((b"\x80", b"\xff", b"\xc3", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xe0\x80\xaf"))
        + quote
        + after
    )


def _half_a_pair(random: Random) -> bytes:
    """An escape of a surrogate without its other half, somewhere in a string, of a key too."""
    half = random.choice((rb"\ud800", rb"\uDFFF", rb"\udbff\udbff", rb"\udc00\ud800", rb"\ud800x\udc00", rb"\\\udead"))
    parts = random.choice(_REQUESTS).split(b'"')
    parts[2 * random.randrange(len(parts) // 2) + 1] += half
    return b'"'.join(parts)


_KINDS: list[Callable[[Random], bytes]] = [_cut, _followed, _noise, _unread, _half_a_pair]
