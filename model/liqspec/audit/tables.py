"""A row of a table as a line of a log: columns such as `event.type`, `position.state` and `pool.equity`."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]
import pyarrow.parquet as pa_parquet  # type: ignore[import-untyped]

from liqspec.edge import files
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import show
from liqspec.spec import observables

ArrowError = pa.ArrowException
BLOCK = 1024 * 1024  # bytes of a CSV file that are read at once

_WHOLE = ("event", "observation", "executed", "before", "marks", "event.prices", "event.perps", "vault.positions")
_PLAIN = ("refused", "accepted", "note")
_NUMBERS = ("time", "block", "life", "cooldown_until", "leverage")
_FLAGS = ("accepted", "in_liquidation")


def csv(file: BinaryIO) -> Iterator[list[dict[str, Any]]]:
    """The rows of a CSV file by batches, each value as it is written; an empty one is left out.

    Raises:
        ArrowError, WrongShape: the header cannot be read, or has a column that a log does not have.
    """
    if not file.read(1):  # the library would begin to read ahead, and can abort the process at its end
        raise WrongShape("header", "the file is empty")
    file.seek(0)
    parsed = pa_csv.ParseOptions(newlines_in_values=True)
    reading = pa_csv.ReadOptions(block_size=BLOCK, use_threads=False)
    # By a separate handle, because it reads ahead in the background, even when it is closed.
    with pa_csv.open_csv(pa.OSFile(file.name), read_options=reading, parse_options=parsed) as reader:
        names = reader.schema.names
    _check(names)
    file.seek(0)
    # Every value stays the text that it is: nothing may pass through a float.
    texts = pa_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
    )
    reader = pa_csv.open_csv(file, read_options=reading, parse_options=parsed, convert_options=texts)
    return (batch.to_pylist() for batch in reader)


def parquet(file: BinaryIO, rows: int) -> tuple[int, Iterator[list[dict[str, Any]]]]:
    """The number of rows of a Parquet file, and the rows by batches.

    Raises:
        ArrowError, WrongShape: it is not valid, or has a column that a log does not have.
    """
    table = pa_parquet.ParquetFile(file)
    _check(table.schema_arrow.names)
    return table.metadata.num_rows, (batch.to_pylist() for batch in table.iter_batches(batch_size=rows))


def _check(names: list[str]) -> None:
    for name in names:
        part, _, rest = name.partition(".")
        known = part in (*_PLAIN, *_WHOLE, "time", "block") if not rest else part == "event" or _observed(name)
        if not known:
            raise WrongShape(name, "a log does not have this column; see spec/logs.md for its columns")
        if names.count(name) > 1:
            raise WrongShape(name, "this column is repeated")
    if not any(name.partition(".")[0] == "event" for name in names):
        raise WrongShape("event", "the table needs a column `event`, or `event.type` and the other fields of events")


def _observed(name: str) -> bool:
    part, _, rest = name.partition(".")
    table = {"position": "positions", "pool": "pools", "vault": "vault"}.get(part)
    return table is not None and f"{table}.{rest}" in observables.observables().fields


def entry(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a line of a log in plain data; a value that is null is left out.

    Raises:
        WrongShape: a value is not what its column has, or the row shows a position whose event names none.
    """
    given = {name: _value(name, value) for name, value in row.items() if value is not None}
    whole = (*_PLAIN, "event", "observation", "executed", "before")
    data = {name: value for name, value in given.items() if name in whole}
    event = data.setdefault("event", {})
    if isinstance(event, dict):
        event.update(_below("event", given))
    observation = _observation(given, event)
    if observation:
        shown = data.get("observation", {})
        if not isinstance(shown, dict):
            raise WrongShape("observation", f"expected an object, got {show(shown)}")
        data["observation"] = {**shown, **observation}
    return data


def _observation(given: dict[str, Any], event: object) -> dict[str, Any]:
    seen: dict[str, Any] = {name: given[name] for name in ("time", "block", "marks") if name in given}
    position, pool, vault = (_below(part, given) for part in ("position", "pool", "vault"))
    if position or pool:
        named = event if isinstance(event, dict) else {}
        key = {name: named.get(name) for name in ("account", "market", "mode")}
        if key["account"] is None or (position and None in key.values()):
            subject = "position" if position else "pool"
            raise WrongShape(subject, f"the event does not name a {subject}; write `observation` as JSON instead")
        if position:
            seen["positions"] = [{**key, **position}]
        if pool:
            mode = key["mode"] or "cross"
            market = key["market"] if mode == "isolated" else None
            seen["pools"] = [{"account": key["account"], "mode": mode, "market": market, **pool}]
    if vault:
        seen["vault"] = vault
    return seen


def _below(part: str, given: dict[str, Any]) -> dict[str, Any]:
    prefix = f"{part}."
    return {name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)}


def _value(name: str, value: Any) -> Any:
    """A cell as JSON has it: amounts as text, integers as integers, and what is JSON read."""
    last = name.rpartition(".")[2]
    if isinstance(value, float):
        raise WrongShape(name, f"{value!r} is a float; an amount is a text or a decimal")
    if isinstance(value, Decimal):
        return format(value, "f")
    if not isinstance(value, str):
        return value
    if value == "null" and name in ("position.order", "position.cooldown_until"):
        return None
    if name in _WHOLE:
        try:
            return files.parse_json(value)
        except ValueError as error:
            raise WrongShape(name, f"is not JSON: {error}") from None
    if last in _NUMBERS:
        if not value.isascii() or not value.isdigit() or len(value) > 30:
            raise WrongShape(name, f"expected a whole number, got {show(value)}")
        return int(value)
    if last in _FLAGS:
        if value not in ("true", "false"):
            raise WrongShape(name, f"expected true or false, got {show(value)}")
        return value == "true"
    return value
