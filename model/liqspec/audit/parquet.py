"""The rows of a Parquet file, so that no more of its cells is in memory than its size allows: it is compressed.

As a program it reads the file that is its standard input, of the size that is its argument, and prints nothing. What
the library makes of a damaged file can end a process by a signal, so such a process reads it first.
"""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.compute as pa_compute  # type: ignore[import-untyped]
import pyarrow.parquet as pa_parquet  # type: ignore[import-untyped]

from liqspec.audit.tables import Row
from liqspec.edge import limits
from liqspec.edge.shapes import WrongShape

# What the library raises at a file that is not valid; a value of Python that it makes may be out of range.
_NOT_VALID = (pa.ArrowException, OSError, OverflowError, ValueError)


def check(file: BinaryIO, size: int) -> None:
    """Read a whole file of this size in another process; `rows_of` reports all else that is wrong with it.

    Raises:
        WrongShape: that process was ended by a signal.
    """
    # Without the present folder among those of modules; a relative one that the user names still holds.
    command = [sys.executable, "-P", "-m", __spec__.name, str(size)]
    done = subprocess.run(command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    file.seek(0)
    if done.returncode < 0:
        raise WrongShape("", f"the file is damaged: what reads it was ended by {signal.Signals(-done.returncode).name}")


def rows_of(file: BinaryIO, size: int) -> tuple[list[str], int, Iterator[tuple[Row, int]]]:
    """The names of the columns of a Parquet file of this size in bytes, how many rows it has, and these, numbered.

    Raises:
        WrongShape: it is not valid, or says of more rows, or of more in them, than a file of its size may have; or,
            from the rows, one of them cannot be read.
    """
    try:
        names, count, batches = _opened(file, size)
    except _NOT_VALID as error:
        raise _wrong(error) from None
    return names, count, _bounded(batches, _most(size))


def _most(size: int) -> int:
    """How many bytes the cells of a file of this size may have."""
    return limits.TABLE_BYTES + limits.CELL_BYTES_A_BYTE * size


def _opened(file: BinaryIO, size: int) -> tuple[list[str], int, Iterator[Any]]:
    schema = pa_parquet.read_schema(file)
    # A text that is repeated is kept once, until its rows are read.
    table = pa_parquet.ParquetFile(file, read_dictionary=[field.name for field in schema if _is_text(field.type)])
    at_once = _rows_at_once(table.metadata, size)
    return schema.names, table.metadata.num_rows, table.iter_batches(batch_size=at_once)


def _wrong(error: Exception) -> WrongShape:
    return error if isinstance(error, WrongShape) else WrongShape("", str(error))


def _rows_at_once(metadata: Any, size: int) -> int:
    """How many rows may be read at once; a WrongShape is raised if the file says of too much."""
    if metadata.num_rows > limits.TABLE_ROWS + limits.ROWS_A_BYTE * size:
        raise WrongShape("", f"{metadata.num_rows} rows are too many for a file of {size} bytes")
    largest, shares_prefixes = 0, False
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = [group.column(place) for place in range(group.num_columns)]
        largest = max(largest, sum(column.total_uncompressed_size for column in columns))
        shares_prefixes |= any("DELTA_BYTE_ARRAY" in column.encodings for column in columns)
    if largest > _most(size):
        raise WrongShape("", f"{largest} bytes of cells are too many for a file of {size} bytes")
    # A text that is written by what differs from the one before it can be as long as its whole column.
    fitting = limits.TABLE_BYTES // max(largest, 1) if shares_prefixes else limits.TABLE_ROWS
    return max(1, min(limits.TABLE_ROWS, fitting))


def _bounded(batches: Iterator[Any], most: int) -> Iterator[tuple[Row, int]]:
    """The rows of batches, numbered; a WrongShape is raised if they have more than `most` bytes of text together."""
    try:
        yield from _rows(batches, most)
    except _NOT_VALID as error:
        raise _wrong(error) from None


def _rows(batches: Iterator[Any], most: int) -> Iterator[tuple[Row, int]]:
    number = read = 0
    for batch in batches:
        longest = sum(map(_longest, batch.columns))
        at_once = max(1, limits.TABLE_BYTES // max(longest, 1))
        for start in range(0, batch.num_rows, at_once):
            columns = [_values(column.slice(start, at_once)) for column in batch.columns]
            for values in zip(*columns, strict=True):
                size = sum(len(value) for value in values if isinstance(value, str))
                read += size
                if size > limits.TABLE_BYTES or read > most:
                    raise WrongShape("", "its rows have more text than a file of its size may have")
                number += 1
                yield dict(zip(batch.schema.names, values, strict=True)), number


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def _longest(column: Any) -> int:
    """The bytes of the longest text in a column; of other types, a bound."""
    texts = column.dictionary if isinstance(column, pa.DictionaryArray) else column
    if _is_text(texts.type):
        return pa_compute.max(pa_compute.binary_length(texts)).as_py() or 0
    return 64


def _values(column: Any) -> list[Any]:
    whole = column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
    values: list[Any] = whole.to_pylist()
    return values


def main() -> None:
    """Read a whole file, whatever is in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(*_NOT_VALID, WrongShape):
        _, _, batches = _opened(sys.stdin.buffer, int(sys.argv[1]))
        for _ in batches:
            pass


if __name__ == "__main__":
    main()
