"""Traces in ITF JSON, which the viewers and checkers of Apalache and Quint read; nothing of a run is lost in them.

A state of the trace is a snapshot in integers (OBS-4) and the event that led to it. What may be absent is a variant
`Some` or `None`, an event a variant of its type, an integer `#bigint`, a table `#map`.
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from attrs import frozen

from liqspec.core import events, snapshot
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.refusals import Refusal
from liqspec.core.snapshot import Snapshot
from liqspec.edge import files, shapes
from liqspec.edge.texts import show

Value = Any  # a value of ITF
ACTION = "mbt::actionTaken"
INIT = "init"

_DESCRIPTION = "https://apalache.informal.systems/docs/adr/015adr-trace.html"
VARIABLES = (ACTION, "event", "refused", *(field.name for field in snapshot.fields(Snapshot)))
_NOTHING: Value = {"#tup": []}


@frozen
class Moment:
    """An event of a trace in plain data, the code with which it was refused, and the state after it."""

    event: EventData
    refused: str | None
    snapshot: Snapshot


@frozen
class Trace:
    """A run: its configuration, the state that it starts in, and what happened."""

    config: Config
    start: Snapshot
    moments: tuple[Moment, ...]


def run(config: Config, events: Iterable[EventData]) -> Trace:
    """The trace of the model over these events; an InvalidConfig if the configuration is not a valid rule set."""
    engine = Engine(config)
    start = engine.snapshot()
    moments = (Moment(event, apply_event(engine, event).code, engine.snapshot()) for event in events)
    return Trace(config, start, tuple(moments))


def to_json(trace: Trace, source: str = "") -> dict[str, Any]:
    """The trace as ITF; `source` says where it comes from. `from_json` of it is the trace again."""
    used = {"feeds": trace.config.mark is not None, "settled": any(one.snapshot.settled for one in trace.moments)}
    unused = frozenset(name for name, there in used.items() if not there)
    states = [_state(0, INIT, _NOTHING, None, trace.start, unused)]
    for index, moment in enumerate(trace.moments, start=1):
        states.append(_state(index, *_event(moment.event), moment.refused, moment.snapshot, unused))
    return {
        "#meta": {
            "format": "ITF",
            "format-description": _DESCRIPTION,
            "source": source,
            "description": "A run of the liquidation rules; amounts are integers in steps of the configuration's grids",
            "config": trace.config.to_json(),
        },
        "params": [],
        "vars": [name for name in VARIABLES if name in states[0]],
        "states": states,
    }


def _state(
    index: int, action: str, event: Value, refused: str | None, after: Snapshot, unused: frozenset[str]
) -> dict[str, Value]:
    """A state of the trace; only a run that forms its marks has `feeds` (MRK-1), one with a `settle` `settled`."""
    happened = {ACTION: action, "event": _variant(action, event), "refused": _option(refused)}
    written = {name: value for name, value in _write_record(after).items() if name not in unused}
    return {"#meta": {"index": index}, **happened, **written}


def _event(event: EventData) -> tuple[str, Value]:
    """The type of an event, and its fields as a record; an invalid event becomes its JSON text."""
    fields = {name: value for name, value in event.items() if name != "type"}
    try:
        return events.from_json(event).type, {name: _write(value) for name, value in fields.items()}
    except Refusal:
        return "bad_request", {"json": json.dumps(event)}


def _write_record(record: Any) -> dict[str, Value]:
    """A snapshot, or a record in it."""
    return {field.name: _write_field(field, getattr(record, field.name)) for field in snapshot.fields(record.__class__)}


def _write_field(field: snapshot.Field, value: Any) -> Value:
    match field.kind:
        case "record" if field.default is None:
            return _variant("None", _NOTHING) if value is None else _variant("Some", _write_record(value))
        case "record":
            return _write_record(value)
        case "records":
            return [_write_record(entry) for entry in value or ()]
        case "sizes" | "prices":
            return _map(value)
        case "decimal":
            return f"{value:f}"
        case _:
            return _option(value) if field.default is None else _write(value)


def _write(value: object) -> Value:
    """A value of an event or a plain field of a snapshot."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return {"#bigint": str(value)}
    if isinstance(value, dict):
        return _map(value.items())
    if isinstance(value, list):
        return [_write(entry) for entry in value]
    raise AssertionError(f"no value of a trace: {value!r}")


def _map(pairs: Iterable[tuple[str, object]]) -> Value:
    return {"#map": [[name, _write(value)] for name, value in pairs]}


def _option(value: object) -> Value:
    return _variant("None", _NOTHING) if value is None else _variant("Some", _write(value))


def _variant(tag: str, value: Value) -> Value:
    return {"tag": tag, "value": value}


def from_json(data: Any) -> Trace:
    """The trace in ITF that `to_json` has written; a WrongShape is raised if it is not such a trace."""
    try:
        first, *rest = data["states"]
        moments = tuple(
            Moment(_read_event(state["event"]), _read_option(state["refused"]), _read_record(Snapshot, state))
            for state in rest
        )
        return Trace(Config.from_json(data["#meta"]["config"]), _read_record(Snapshot, first), moments)
    except (KeyError, TypeError, ValueError) as error:
        raise shapes.WrongShape("", f"no trace of this program: {type(error).__name__}: {error}") from None


def _read_event(data: Any) -> EventData:
    if data["tag"] == "bad_request":
        event: EventData = files.parse_json(data["value"]["json"])
        return event
    return {"type": data["tag"], **{name: _read(value) for name, value in data["value"].items()}}


# The parts of a state that only some runs have.
_USED = ("feeds", "settled")


def _read_record(record: Any, data: Any) -> Any:
    """A snapshot, or a record in it."""
    listed = [field for field in snapshot.fields(record) if field.name in data or field.name not in _USED]
    return record(**{field.name: _read_field(field, data[field.name]) for field in listed})


def _read_field(field: snapshot.Field, data: Any) -> Any:
    match field.kind:
        case "record" if field.default is None:
            return None if data["tag"] == "None" else _read_record(field.record, data["value"])
        case "record":
            return _read_record(field.record, data)
        case "records":
            return tuple(_read_record(field.record, entry) for entry in data) or field.default
        case "decimal":
            return Decimal(data)
        case "sizes" | "prices":
            return tuple(_read(data).items())
        case _:
            return _read_option(data) if field.default is None else _read(data)


def _read_option(data: Any) -> Any:
    return None if data["tag"] == "None" else _read(data["value"])


def _read(data: Any) -> Any:
    """A truth value, a text, an integer, or a table of such."""
    if isinstance(data, bool | str):
        return data
    if isinstance(data, list):
        return [_read(entry) for entry in data]
    if "#bigint" in data:
        return int(data["#bigint"])
    if "#map" in data:
        return {name: _read(value) for name, value in data["#map"]}
    raise ValueError(f"unknown value {show(data)}")
