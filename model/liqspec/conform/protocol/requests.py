"""Conversations in files: the requests of one process, line by line, as `spec/protocol.md` describes them.

A request here is what is written to the engine, its line feed included; one without is the last line, and an empty one
closes standard input.
"""

import json
import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from liqspec.edge import files, limits, protocol
from liqspec.edge.files import UnreadableFile
from liqspec.edge.protocol import BadLine
from liqspec.edge.texts import show

CLOSE = b""

_LONGEST = 8 * protocol.MAX_LINE  # bytes of a line that is made of parts
_REPEATED = re.compile(r"(.{1,5}?)\1{99,}", re.DOTALL)


def to_text(requests: Iterable[bytes]) -> str:
    """The text of a file: valid requests as they are, and everything else described by an object."""
    return "".join(f"{_written(line)}\n" for request in requests for line in BytesIO(request).readlines() or [CLOSE])


def _written(request: bytes) -> str:
    if request.endswith(b"\n"):
        try:
            protocol.read_request(request[:-1])
            if (text := request[:-1].decode()).isprintable():
                return text
        except BadLine:
            pass
    return json.dumps(described(request))


def described(request: bytes, longest: int | None = None) -> dict[str, Any]:
    """The object that describes a request; in parts that are repeated where it is longer than `longest` bytes."""
    line = request.removesuffix(b"\n")
    if request == CLOSE:
        return {"close": True}
    ended = {} if request.endswith(b"\n") else {"line_feed": False}
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return {"bytes": line.hex(), **ended}
    if longest is not None and len(line) > longest:
        return {"parts": list(_parts(text)), **ended}
    return {"line": text, **ended}


def _parts(text: str) -> Iterator[list[str | int]]:
    """Texts, each with how often it is repeated, that together are this text."""
    at = 0
    for run in _REPEATED.finditer(text):
        if run.start() > at:
            yield [text[at : run.start()], 1]
        yield [run[1], len(run[0]) // len(run[1])]
        at = run.end()
    if at < len(text):
        yield [text[at:], 1]


def load(path: Path) -> list[bytes]:
    """The requests in a file.

    Raises:
        UnreadableFile: it cannot be read, or a line of it is neither a request nor describes one; its number is named.
    """
    requests, size = list[bytes](), 0
    for number, line in enumerate(files.read_text(path).split("\n"), start=1):
        if not line:
            continue
        if requests[-1:] == [CLOSE]:
            raise UnreadableFile(path, f"line {number}: nothing can be sent when standard input is closed")
        try:
            requests.append(_read(line, files.parse_json(line)))
        except ValueError as error:
            raise UnreadableFile(path, f"line {number}: {error}") from None
        size += len(requests[-1])
        if size > limits.REQUESTS_BYTES:
            raise UnreadableFile(path, f"line {number}: more than {limits.REQUESTS_BYTES} bytes of requests")
    return requests


def _read(line: str, data: Any) -> bytes:
    return line.encode() + b"\n" if isinstance(data, dict) and "op" in data else made(data)


def made(data: Any) -> bytes:
    """The request that an object describes.

    Raises:
        ValueError: it does not describe one.
    """
    if data == {"close": True}:
        return CLOSE
    named = data.keys() - {"line_feed"} if isinstance(data, dict) else set()
    if len(named) != 1 or not named <= {"line", "bytes", "parts"}:
        raise ValueError(f'expected a request, or an object with "line", "bytes", "parts" or "close", got {show(data)}')
    (name,) = named
    text = _joined(data[name]) if name == "parts" else data[name]
    if not isinstance(text, str) or "\n" in text or data.get("line_feed", False) is not False:
        raise ValueError(f"expected a text without line feeds, got {show(text)}")
    given = bytes.fromhex(text) if name == "bytes" else text.encode()
    return given + (b"" if "line_feed" in data else b"\n")


def _joined(parts: Any) -> Any:
    """The text of parts; or what they are, where that is not a list of texts with how often each is repeated."""
    try:
        repeated = [
            (text, times) for text, times in parts if isinstance(text, str) and type(times) is int and times >= 0
        ]
    except (TypeError, ValueError):
        return parts
    if len(repeated) < len(parts) or sum(len(text) * times for text, times in repeated) > _LONGEST:
        return parts
    return "".join(text * times for text, times in repeated)
