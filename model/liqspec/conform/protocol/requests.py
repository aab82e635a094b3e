"""Conversations in files: the requests of one process, line by line, as `spec/protocol.md` describes them.

A request here is what is written to the engine, its line feed included; one without is the last line, and an empty one
closes standard input.
"""

import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from liqspec.edge import files, protocol
from liqspec.edge.files import UnreadableFile
from liqspec.edge.protocol import BadLine
from liqspec.edge.texts import show

CLOSE = b""


def to_text(requests: Iterable[bytes]) -> str:
    """The text of a file: valid requests as they are, and everything else described by an object."""
    return "".join(f"{_written(line)}\n" for request in requests for line in BytesIO(request).readlines() or [CLOSE])


def _written(request: bytes) -> str:
    line = request.removesuffix(b"\n")
    if request == CLOSE:
        return '{"close":true}'
    ended = {} if request.endswith(b"\n") else {"line_feed": False}
    try:
        text = line.decode("utf-8")
        if not ended and text.isprintable():
            protocol.read_request(line)
            return text
    except UnicodeDecodeError:
        return json.dumps({"bytes": line.hex(), **ended})
    except BadLine:
        pass
    return json.dumps({"line": text, **ended})


def load(path: Path) -> list[bytes]:
    """The requests in a file.

    Raises:
        UnreadableFile: it cannot be read, or a line of it is neither a request nor describes one; its number is named.
    """
    requests: list[bytes] = []
    for number, line in enumerate(files.read_text(path).split("\n"), start=1):
        if not line:
            continue
        if requests[-1:] == [CLOSE]:
            raise UnreadableFile(path, f"line {number}: nothing can be sent when standard input is closed")
        try:
            requests.append(_read(line, files.parse_json(line)))
        except ValueError as error:
            raise UnreadableFile(path, f"line {number}: {error}") from None
    return requests


def _read(line: str, data: Any) -> bytes:
    if isinstance(data, dict) and "op" in data:
        return line.encode() + b"\n"
    if data == {"close": True}:
        return CLOSE
    if (
        not isinstance(data, dict)
        or not data.keys() <= {"line", "bytes", "line_feed"}
        or len(data.keys() - {"line_feed"}) != 1
    ):
        raise ValueError(f'expected a request, or an object with "line", "bytes" or "close", got {show(data)}')
    text = next(value for name, value in data.items() if name != "line_feed")
    if not isinstance(text, str) or "\n" in text or data.get("line_feed", False) is not False:
        raise ValueError(f"expected a text without line feeds, got {show(text)}")
    given = text.encode() if "line" in data else bytes.fromhex(text)
    return given + (b"" if "line_feed" in data else b"\n")
