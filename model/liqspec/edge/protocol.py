"""The words of the conformance protocol: its version, its requests, and how a line of it is read and written."""

import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from liqspec.edge import files, limits
from liqspec.edge.texts import show

PROTOCOL = 1

# The longest line that is read, in bytes: far more than any observation needs, and bounded for hostile input.
MAX_LINE = limits.LINE_BYTES

# The fields of each request, without `op`.
REQUESTS: dict[str, tuple[str, ...]] = {"hello": ("protocol",), "reset": ("config",), "apply": ("event",), "bye": ()}


class BadLine(ValueError):
    """A line that is not a valid request or reply: what is wrong with it, in one line."""


def lines(stream: BinaryIO, most: int = MAX_LINE, *, whole: bool = True) -> Iterator[bytes]:
    """The lines of a stream without their ends, each as soon as it is there; also a last one that was not ended.

    A longer line than `most` bytes comes as its first `most` + 1 bytes, which `read_line` refuses. If it is to be read
    as a `whole`, the rest is read first and forgotten, so that memory stays bounded however much comes.
    """
    while line := stream.readline(most + 2):
        if whole and len(line) > most and not line.endswith(b"\n"):
            while (rest := stream.readline(most)) and not rest.endswith(b"\n"):
                pass
        yield line.removesuffix(b"\n")[: most + 1]


def read_line(line: bytes, most: int = MAX_LINE) -> dict[str, Any]:
    """The object in a line.

    Raises:
        BadLine: it is too long, empty, not UTF-8, not JSON, has a repeated key, NaN or Infinity, or is not an object.
    """
    if len(line) > most:
        raise BadLine(f"the line is longer than {most} bytes")
    if not line.strip():
        raise BadLine("the line is empty")
    try:
        data = files.parse_json(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadLine(f"the line is not UTF-8 (byte {error.start})") from None
    except ValueError as error:
        raise BadLine(f"the line is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise BadLine(f"expected an object, got {show(data)}")
    return data


def read_request(line: bytes) -> tuple[str, dict[str, Any]]:
    """The `op` of the request in a line, and its other fields.

    Raises:
        BadLine: it is not a JSON object (see `read_line`), its op is unknown, or it has not exactly the op's fields.
    """
    request = read_line(line)
    op = request.pop("op", None)
    if not isinstance(op, str) or op not in REQUESTS:
        raise BadLine(f"op: expected one of {', '.join(REQUESTS)}, got {show(op)}")
    for name in request:
        if name not in REQUESTS[op]:
            raise BadLine(f"{show(name)}: unknown field of {op}")
    for name in REQUESTS[op]:
        if name not in request:
            raise BadLine(f"{name}: {op} needs it")
    return op, request


def write_line(message: Any) -> bytes:
    """A message, or a part of one, as a line, its end included."""
    return _encoded(message).encode("ascii") + b"\n"


def _encoder() -> Callable[[Any], str]:
    """What writes JSON: the compiled encoder, made once, where the library would make it again for each text."""
    compiled = getattr(json.encoder, "c_make_encoder", None)
    if compiled is None:
        return _JSON.encode
    escaped = json.encoder.encode_basestring_ascii
    write = compiled(None, _JSON.default, escaped, None, ":", ",", False, False, True)
    return lambda message: "".join(write(message, 0))


# Escaping all that is not ASCII also makes lone surrogates writable, which JSON allows in a request.
_JSON = json.JSONEncoder(separators=(",", ":"), check_circular=False)
_encoded = _encoder()
