"""A row of a table as a line of a log: columns such as `event.type`, `position.state` and `pool.equity`."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

from liqspec.edge import files, limits
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import show
from liqspec.spec import observables

Row = dict[str, Any]

_WHOLE = ("event", "observation", "executed", "before", "marks", "event.prices", "event.perps", "vault.positions")
_PLAIN = ("refused", "accepted", "note")
_NUMBERS = ("time", "block", "life", "cooldown_until", "leverage")
_FLAGS = ("accepted", "in_liquidation")


def rows_of_csv(file: BinaryIO) -> tuple[list[str], Iterator[tuple[Row, int]]]:
    """The names of the columns of a CSV file (RFC 4180), and its rows, each with the bytes up to its end.

    A value is the text that it is, or None where it is empty.

    Raises:
        WrongShape: the header cannot be read; or, from the rows, one of them cannot.
    """
    lines = _Lines(file)
    rows = _cells(lines)
    names = next(rows, None)
    if names is None:
        raise WrongShape("header", "the file is empty")
    return names, _named(names, rows, lines)


def _cells(lines: "_Lines") -> Iterator[list[str]]:
    csv.field_size_limit(limits.BLOCK_BYTES)
    try:
        for values in csv.reader(lines, strict=True):
            lines.size = 0
            if values:
                yield values
    except (csv.Error, UnicodeDecodeError) as error:
        raise WrongShape("", str(error)) from None


def _named(names: list[str], rows: Iterator[list[str]], lines: "_Lines") -> Iterator[tuple[Row, int]]:
    for values in rows:
        if len(values) != len(names):
            raise WrongShape("", f"expected {len(names)} columns, got {len(values)}")
        yield {name: value or None for name, value in zip(names, values, strict=True)}, lines.read


class _Lines:
    """The lines of a file as texts: `read` are its bytes so far, and `size` those of the row, which are bounded."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.read, self.size = file, 0, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(limits.BLOCK_BYTES + 1)
        if not line:
            raise StopIteration
        encoding = "utf-8" if self.read else "utf-8-sig"  # programs of Windows begin a text with a byte order mark
        self.read += len(line)
        self.size += len(line)
        if self.size > limits.BLOCK_BYTES:
            raise WrongShape("", f"a row is longer than {limits.BLOCK_BYTES} bytes")
        return line.decode(encoding)


def check_columns(names: list[str]) -> None:
    """Raise a WrongShape if a log does not have one of these columns, or if one is missing or repeated."""
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


def entry(row: Row) -> dict[str, Any]:
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
        _check_plain(name, value)
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


def _check_plain(name: str, value: Any) -> None:
    """Raise a WrongShape if a value of a nested type has what JSON does not have, or a float."""
    if isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            _check_plain(name, one)
    elif value is not None and not isinstance(value, str | bool | int):
        raise WrongShape(name, f"{show(value)} is not of a type that a log has")
