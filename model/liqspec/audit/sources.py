"""Where the lines of a log come from: JSON Lines, CSV or Parquet, each as a stream, never in memory as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

from attrs import frozen

from liqspec.audit.log import InvalidLog
from liqspec.edge import protocol
from liqspec.edge.errors import needs
from liqspec.edge.protocol import BadLine
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import one_line

Format = Literal["jsonl", "csv", "parquet"]
MAX_LINE = 16 * 1024 * 1024  # bytes of one line: a first line can have many accounts
ROWS = 4096  # of a table that are in memory at once
_SUFFIXES: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


@frozen(kw_only=True)
class Line:
    """A line of a log in plain data, its number (of a table: the row's, the header counts), and how far it is there.

    `read` counts what `size` of the log does: bytes, or the rows of a Parquet file.
    """

    number: int
    data: Any
    read: int


def format_of(path: Path) -> Format:
    """The format that a file's name says.

    Raises:
        InvalidLog: it says none.
    """
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise InvalidLog(f"{path}: give --format, or a name that ends in {', '.join(_SUFFIXES)}")
    return found


@contextmanager
def opened(path: Path, kind: Format) -> Iterator[tuple[int, Iterator[Line]]]:
    """Open a log: its size in what its lines count, and the lines.

    Raises:
        InvalidLog: the file cannot be read; or, from the lines, one of them is malformed, with its number.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if kind == "jsonl":
                yield size, _json_lines(path, file)
            else:
                total, rows = _table(path, file, kind)
                yield total or size, rows
    except OSError as error:
        raise InvalidLog(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _json_lines(path: Path, file: BinaryIO) -> Iterator[Line]:
    read = 0
    for number, text in enumerate(protocol.lines(file, MAX_LINE), start=1):
        read += len(text) + 1
        try:
            yield Line(number=number, data=protocol.read_line(text, MAX_LINE), read=read)
        except BadLine as error:
            raise InvalidLog(f"{path}:{number}: {error}") from None


def _table(path: Path, file: BinaryIO, kind: Format) -> tuple[int, Iterator[Line]]:
    """The rows of a table and their number, 0 where that is not known."""
    with needs("pyarrow", "logs", "liqspec audit of a table"):
        from liqspec.audit import tables  # noqa: PLC0415  # what reads tables takes long to load, and few need it

    try:
        total, batches = tables.parquet(file, ROWS) if kind == "parquet" else (0, tables.csv(file))
    except (tables.ArrowError, WrongShape) as error:
        raise InvalidLog(f"{path}: {one_line(str(error), 300)}") from None
    return total, _rows(path, file, batches, counted=kind == "parquet")


def _rows(path: Path, file: BinaryIO, batches: Iterator[list[dict[str, Any]]], *, counted: bool) -> Iterator[Line]:
    from liqspec.audit import tables  # noqa: PLC0415

    number = 1  # of the header
    while True:
        try:
            rows = next(batches, None)
        except (tables.ArrowError, UnicodeDecodeError) as error:
            raise InvalidLog(f"{path}: after row {number}: {one_line(str(error), 300)}") from None
        if rows is None:
            return
        read = 0 if counted else file.tell()
        for row in rows:
            number += 1
            try:
                data = tables.entry(row)
            except WrongShape as error:
                raise InvalidLog(f"{path}:{number}: {error}") from None
            yield Line(number=number, data=data, read=number - 1 if counted else read)
