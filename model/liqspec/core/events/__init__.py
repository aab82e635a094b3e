"""The events: what can happen to a venue from outside, one record each (EVT-1, EVT-4).

A record holds the event's fields, its checks in their order, its change and its examples. The union `Event` is the one
list of them: strict mypy names what a record in it lacks.
"""

from typing import get_args

import attrs
from attrs import frozen

from liqspec.core.admission import EventData, Listed, listed_fields
from liqspec.core.events.market import Fill, Funding, MarkPrice, Marks, OrderDone
from liqspec.core.events.price_inputs import PriceInputs
from liqspec.core.events.settlement import Settle
from liqspec.core.events.trader import Deposit, Leverage, Trade, Transfer, Withdraw
from liqspec.core.events.vault_and_time import Adjust, Block, VaultCash, VaultTrade
from liqspec.core.refusals import BadRequest
from liqspec.edge import shapes
from liqspec.edge.texts import show

Event = (
    Deposit
    | Withdraw
    | Transfer
    | Trade
    | MarkPrice
    | Marks
    | Fill
    | OrderDone
    | Funding
    | VaultTrade
    | VaultCash
    | Adjust
    | Leverage
    | Settle
    | PriceInputs
    | Block
)

EVENTS: dict[str, type[Event]] = {kind.type: kind for kind in get_args(Event)}
# The checks of each, in the order in which they run (EVT-2).
CHECKS: dict[str, tuple[Listed, ...]] = {kind: (*listed_fields(event), *event.checks) for kind, event in EVENTS.items()}

# Of a minor version of the rules: an engine has these only if it lists them (VER-1).
OPTIONAL: frozenset[str] = frozenset({"adjust", "leverage", "price_inputs", "settle"})

__all__ = [
    "CHECKS",
    "EVENTS",
    "OPTIONAL",
    "Adjust",
    "Block",
    "Deposit",
    "Event",
    "EventData",
    "Fill",
    "Funding",
    "Leverage",
    "MarkPrice",
    "Marks",
    "OrderDone",
    "PriceInputs",
    "Settle",
    "Trade",
    "Transfer",
    "VaultCash",
    "VaultTrade",
    "Withdraw",
    "checks_with",
    "from_json",
    "to_json",
]


@frozen
class _MarksOnTheWire:
    """`Marks` with its prices as an object, which is how it is written outside."""

    prices: dict[str, str]


def from_json(data: object) -> Event:
    """The event in plain data.

    Raises:
        BadRequest: it is not an object, or its type or one of its fields is missing, unknown or malformed (EVT-2).
    """
    if not isinstance(data, dict):
        raise BadRequest("event", show(data), "an event is an object with a type")
    kind = data.get("type")
    event = EVENTS.get(kind) if isinstance(kind, str) else None
    if event is None:
        value = show(kind) if "type" in data else "required field is missing"
        raise BadRequest("type", value, f"the types are: {', '.join(EVENTS)}")
    fields = {name: value for name, value in data.items() if name != "type"}
    try:
        if event is Marks:
            return Marks(shapes.structure(fields, _MarksOnTheWire).prices)
        return shapes.structure(fields, event)
    except shapes.WrongShape as error:
        raise BadRequest(error.path, error.message, f"see the fields of {kind}") from None


def to_json(event: Event) -> EventData:
    """The event as plain data; `from_json` of it is the event again."""
    data: EventData = {"type": event.type}
    filled = attrs.asdict(event, filter=lambda _, value: value is not None)
    for name, value in filled.items():
        data[name] = dict(value) if name == "prices" else list(value) if isinstance(value, tuple) else value
    return data


def checks_with(kind: str, code: str) -> tuple[Listed, ...]:
    """The checks of an event type with this code; more than one for trades, none for what cannot be."""
    return tuple(check for check in CHECKS.get(kind, ()) if check.code == code)
