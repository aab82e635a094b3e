"""Where the lines of a log come from: JSON Lines, CSV or Parquet, each as a stream, never in memory as a whole.

A log is a file, or a folder of parts, which are read in the order of their names as if they were one file.
"""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Literal

from attrs import frozen

from liqspec.audit import tables
from liqspec.audit.log import InvalidLog
from liqspec.audit.tables import Row
from liqspec.edge import protocol
from liqspec.edge.errors import needs
from liqspec.edge.limits import LOG_LINE_BYTES
from liqspec.edge.protocol import BadLine
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import one_line

Format = Literal["jsonl", "csv", "parquet"]
STANDARD_INPUT = Path("-")
_SUFFIXES: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


Raw = bytes | Row  # a line of a log as it is read: of JSON Lines its text, of a table its row


@frozen(kw_only=True)
class Line:
    """A line of a log, its number (of a table: the row's, the header counts), and how far it is there.

    `read` counts what `size` of the log does: bytes, or the rows of a Parquet file. A folder's lines are numbered
    through, and have one header.
    """

    number: int
    raw: Raw
    read: int

    @property
    def data(self) -> Any:
        """The line in plain data; a WrongShape is raised if it is malformed."""
        return data_of(self.raw)


def data_of(raw: Raw) -> Any:
    """A line in plain data.

    Raises:
        WrongShape: it is malformed.
    """
    if not isinstance(raw, bytes):
        return tables.entry(raw)
    try:
        return protocol.read_line(raw, LOG_LINE_BYTES)
    except BadLine as error:
        raise WrongShape("", str(error)) from None


def format_of(path: Path) -> Format:
    """The format that a file's name says, or the names of the parts in a folder; of standard input, JSON Lines.

    Raises:
        InvalidLog: it says none, or the parts have several.
    """
    if path == STANDARD_INPUT:
        return "jsonl"
    found = {_SUFFIXES.get(one.suffix.lower()) for one in (parts_of(path) if path.is_dir() else [path])}
    kind = found.pop()
    if kind is None or found:
        named = "files that end" if path.is_dir() else "a name that ends"
        raise InvalidLog(f"{path}: give --format, or {named} in one of {', '.join(_SUFFIXES)}")
    return kind


def parts_of(folder: Path) -> list[Path]:
    """The parts of a log in a folder, in the order of their names; names that begin with . or _ are of no part.

    Raises:
        InvalidLog: there is none, or something else than files.
    """
    try:
        found = sorted(one for one in folder.iterdir() if not one.name.startswith((".", "_")))
    except OSError as error:
        raise InvalidLog(f"{folder}: {one_line((error.strerror or str(error)).lower(), 300)}") from None
    for one in found:
        if not one.is_file():
            raise InvalidLog(f"{one}: is not a file; the parts of a log are files in one folder")
    if not found:
        raise InvalidLog(f"{folder}: has no parts of a log; give a file, or a folder with files")
    return found


def name_of(path: Path) -> Path:
    """What errors call a log."""
    return Path("standard input") if path == STANDARD_INPUT else path


@contextmanager
def opened(path: Path, kind: Format) -> Iterator[tuple[int, Iterator[Line]]]:
    """Open a log: its size in what its lines count, 0 where that is not known, and the lines; `-` is standard input.

    Raises:
        InvalidLog: a file cannot be read; or, from the lines, one of them cannot.
    """
    if path != STANDARD_INPUT and path.is_dir():
        parts = parts_of(path)
        yield sum(part.stat().st_size for part in parts), _numbered_through(parts, kind)
    else:
        with _file(path, kind) as (size, lines):
            yield size, lines


def _numbered_through(parts: list[Path], kind: Format) -> Iterator[Line]:
    """The lines of the parts of a log, which count its bytes."""
    number = 0 if kind == "jsonl" else 1  # the header
    before = 0
    for part in parts:
        whole = part.stat().st_size
        with _file(part, kind) as (size, lines):
            for line in lines:
                number += 1
                yield Line(number=number, raw=line.raw, read=before + line.read * whole // max(size, 1))
        before += whole


@contextmanager
def _file(path: Path, kind: Format) -> Iterator[tuple[int, Iterator[Line]]]:
    """Open one file of a log.

    Raises:
        InvalidLog: the file cannot be read; or, from the lines, one of them cannot.
    """
    named = name_of(path)
    try:
        with nullcontext(sys.stdin.buffer) if path == STANDARD_INPUT else path.open("rb") as file:
            status = os.fstat(file.fileno())
            size = status.st_size if stat.S_ISREG(status.st_mode) else 0
            if kind == "jsonl":
                yield size, _json_lines(file)
            else:
                total, rows = _table(named, file, kind, size)
                yield total, _rows(named, rows)
    except OSError as error:
        raise InvalidLog(f"{named}: {one_line((error.strerror or str(error)).lower(), 300)}") from None


def _json_lines(file: BinaryIO) -> Iterator[Line]:
    read = 0
    for number, text in enumerate(protocol.lines(file, LOG_LINE_BYTES, whole=False), start=1):
        read += len(text) + 1
        yield Line(number=number, raw=text, read=read)


def _table(path: Path, file: BinaryIO, kind: Format, size: int) -> tuple[int, Iterator[tuple[Row, int]]]:
    """The size of a table in what its rows count, and the rows, each with how far it is there."""
    if kind == "parquet" and not size:
        raise InvalidLog(f"{path}: a Parquet log has to be a file, and not an empty one: its end is read first")
    try:
        if kind == "csv":
            names, rows = tables.rows_of_csv(file)
        else:
            with needs("pyarrow", "logs", "liqspec audit of a Parquet file"):
                from liqspec.audit import parquet  # noqa: PLC0415  # its library takes long to load
            parquet.check(file, size)
            names, size, rows = parquet.rows_of(file, size)
        tables.check_columns(names)
    except WrongShape as error:
        raise InvalidLog(f"{path}: {one_line(str(error), 300)}") from None
    return size, rows


def _rows(path: Path, rows: Iterator[tuple[Row, int]]) -> Iterator[Line]:
    number = 1  # of the header
    while True:
        try:
            found = next(rows, None)
        except WrongShape as error:
            raise InvalidLog(f"{path}: after row {number}: {one_line(str(error), 300)}") from None
        if found is None:
            return
        number += 1
        row, read = found
        yield Line(number=number, raw=row, read=read)
