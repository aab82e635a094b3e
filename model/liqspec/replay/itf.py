"""Traces in ITF JSON, which the viewers and checkers of Apalache and Quint read; nothing of a run is lost in them.

A state of the trace is a snapshot in integers (OBS-4) and the event that led to it. What may be absent is a variant
`Some` or `None`, an event a variant of its type, an integer `#bigint`, a table `#map`.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from attrs import frozen

from liqspec.core import events
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.refusals import Refusal
from liqspec.core.snapshot import AccountValue, BookValue, PoolValue, PositionValue, Snapshot, WindowValue
from liqspec.edge import files, shapes
from liqspec.edge.texts import show

Value = Any  # a value of ITF
ACTION = "mbt::actionTaken"
INIT = "init"

_DESCRIPTION = "https://apalache.informal.systems/docs/adr/015adr-trace.html"
_NAMES = tuple(field.name for field in attrs.fields(Snapshot))
VARIABLES = (ACTION, "event", "refused", *_NAMES)
# The fields that can be None, by class: a position without order, a pool without market (the cross pool).
_OPTIONAL: dict[type, tuple[str, ...]] = {PositionValue: ("order",), PoolValue: ("market",)}
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


def run(config: Config, told: Iterable[EventData]) -> Trace:
    """The trace of the model over these events.

    Raises:
        InvalidConfig: the configuration is no valid rule set.
    """
    engine = Engine(config)
    return Trace(config, engine.snapshot(), tuple(_moments(engine, told)))


def _moments(engine: Engine, told: Iterable[EventData]) -> Iterator[Moment]:
    for event in told:
        yield Moment(event, apply_event(engine, event).code, engine.snapshot())


# --------------------------------------------------------------------------------------------------------------- write


def to_json(trace: Trace, source: str = "") -> dict[str, Any]:
    """The trace as ITF; `source` says where it comes from. `from_json` of it is the trace again."""
    first = {ACTION: INIT, "event": _variant(INIT, _NOTHING), "refused": _option(None)}
    states = [{**first, **_state(trace.start)}]
    for moment in trace.moments:
        kind, rest = _event(moment.event)
        happened = {ACTION: kind, "event": _variant(kind, rest), "refused": _option(moment.refused)}
        states.append({**happened, **_state(moment.snapshot)})
    return {
        "#meta": {
            "format": "ITF",
            "format-description": _DESCRIPTION,
            "source": source,
            "description": "A run of the liquidation rules; amounts are integers in steps of the configuration's grids",
            "config": trace.config.to_json(),
        },
        "params": [],
        "vars": list(VARIABLES),
        "states": [{"#meta": {"index": index}, **state} for index, state in enumerate(states)],
    }


def _event(event: EventData) -> tuple[str, Value]:
    """The type of an event, and its fields as a record; what is no event is a text of itself."""
    fields = {name: value for name, value in event.items() if name != "type"}
    try:
        return events.from_json(event).type, {name: _write(value) for name, value in fields.items()}
    except Refusal:
        return "bad_request", {"json": json.dumps(event)}


def _state(snapshot: Snapshot) -> dict[str, Value]:
    state = {name: _write(getattr(snapshot, name)) for name in _NAMES}
    state["marks"] = _map(snapshot.marks)
    return state


def _write(value: object) -> Value:
    """A value of a snapshot or an event; named tuples are records."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return {"#bigint": str(value)}
    if isinstance(value, BookValue):
        return {"cash": _write(value.cash), "positions": _map(value.positions)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        optional = _OPTIONAL.get(type(value), ())
        fields: dict[str, object] = value._asdict()
        return {name: _option(entry) if name in optional else _write(entry) for name, entry in fields.items()}
    if isinstance(value, dict):
        return _map(tuple(value.items()))
    assert isinstance(value, tuple), f"no value of a trace: {value!r}"
    return [_write(entry) for entry in value]


def _map(pairs: Iterable[tuple[str, object]]) -> Value:
    return {"#map": [[name, _write(value)] for name, value in pairs]}


def _option(value: object) -> Value:
    return _variant("None", _NOTHING) if value is None else _variant("Some", _write(value))


def _variant(tag: str, value: Value) -> Value:
    return {"tag": tag, "value": value}


# ---------------------------------------------------------------------------------------------------------------- read


def from_json(data: Any) -> Trace:
    """The trace in ITF that `to_json` has written.

    Raises:
        shapes.WrongShape: it is no such trace.
    """
    try:
        first, *rest = data["states"]
        moments = tuple(
            Moment(_read_event(state["event"]), _read_option(state["refused"]), _read_state(state)) for state in rest
        )
        return Trace(Config.from_json(data["#meta"]["config"]), _read_state(first), moments)
    except (KeyError, TypeError, ValueError) as error:
        raise shapes.WrongShape("", f"no trace of this program: {type(error).__name__}: {error}") from None


def _read_event(data: Any) -> EventData:
    if data["tag"] == "bad_request":
        event: EventData = files.parse_json(data["value"]["json"])
        return event
    return {"type": data["tag"], **{name: _read(value) for name, value in data["value"].items()}}


def _read_state(state: dict[str, Any]) -> Snapshot:
    return Snapshot(
        time=_read(state["time"]),
        block=_read(state["block"]),
        marks=tuple(_read(state["marks"]).items()),
        accounts=tuple(map(_read_account, state["accounts"])),
        vault=_read_book(state["vault"]),
        outside=_read_book(state["outside"]),
        net_deposits=_read(state["net_deposits"]),
    )


def _read_account(data: Any) -> AccountValue:
    return AccountValue(data["name"], _read_window(data["window"]), tuple(map(_read_pool, data["pools"])))


def _read_pool(data: Any) -> PoolValue:
    fields = {name: _read(data[name]) for name in ("collateral", "in_liquidation")}
    positions = tuple(map(_read_position, data["positions"]))
    return PoolValue(
        market=_read_option(data["market"]), window=_read_window(data["window"]), positions=positions, **fields
    )


def _read_position(data: Any) -> PositionValue:
    plain = ("market", "state", "size", "cost", "leverage", "life", "attempted", "failed")
    fields = {name: _read(data[name]) for name in plain}
    return PositionValue(order=_read_option(data["order"]), window=_read_window(data["window"]), **fields)


def _read_window(data: Any) -> WindowValue:
    return WindowValue(_read(data["until"]), _read(data["forcing_until"]))


def _read_book(data: Any) -> BookValue:
    return BookValue(_read(data["cash"]), tuple(_read(data["positions"]).items()))


def _read_option(data: Any) -> Any:
    return None if data["tag"] == "None" else _read(data["value"])


def _read(data: Any) -> Any:
    """A truth value, a text, an integer, or a table of such."""
    if isinstance(data, bool | str):
        return data
    if "#bigint" in data:
        return int(data["#bigint"])
    if "#map" in data:
        return {name: _read(value) for name, value in data["#map"]}
    raise ValueError(f"unknown value {show(data)}")
