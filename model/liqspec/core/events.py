"""The events: what the outside world can do to a venue, as written outside (EVT-1, EVT-4)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import attrs
from attrs import field, frozen

from liqspec.core.config import Mode
from liqspec.core.refusals import BadRequest
from liqspec.edge import names, shapes
from liqspec.edge.amounts import check_amount
from liqspec.edge.texts import show
from liqspec.edge.validators import is_amount, is_integer

# An event in plain data, as the wire and the files write it.
EventData = dict[str, Any]

GridName = Literal["money", "price", "size"]
Sign = Literal["positive", "nonzero", "any"]


def _amount(grid: GridName, sign: Sign) -> Any:
    """A field that holds a decimal string on a grid; admission reads both from here (EVT-2)."""
    return field(validator=is_amount, metadata={"grid": grid, "sign": sign})


def _is_text(_: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    """An attrs validator: a string of Unicode characters; whether it names anything, admission sees (EVT-2)."""
    if names.has_unpaired_surrogate(value):
        raise shapes.WrongShape(attribute.name, f"{show(value)} has an unpaired surrogate")


@frozen
class Deposit:
    """Money comes into the account's cross pool (ACC-4)."""

    type: ClassVar[str] = "deposit"
    account: str = field(validator=_is_text)
    amount: str = _amount("money", "positive")


@frozen
class Withdraw:
    """Money leaves the account's cross pool (ACC-5)."""

    type: ClassVar[str] = "withdraw"
    account: str = field(validator=_is_text)
    amount: str = _amount("money", "positive")


@frozen
class Transfer:
    """Money moves between the cross pool and an isolated one: above 0 to the isolated pool, below 0 back (ACC-6)."""

    type: ClassVar[str] = "transfer"
    account: str = field(validator=_is_text)
    market: str = field(validator=_is_text)
    amount: str = _amount("money", "nonzero")


@frozen
class Trade:
    """The trader's own trade with the outside: buys for size above 0, sells below (ACC-7 to ACC-9)."""

    type: ClassVar[str] = "trade"
    account: str = field(validator=_is_text)
    market: str = field(validator=_is_text)
    mode: Mode
    size: str = _amount("size", "nonzero")
    price: str = _amount("price", "positive")
    leverage: int | None = field(default=None, validator=is_integer)


@frozen
class MarkPrice:
    """A new mark price of one market (EVT-5)."""

    type: ClassVar[str] = "mark_price"
    market: str = field(validator=_is_text)
    price: str = _amount("price", "positive")


def _sorted_prices(prices: Mapping[str, str] | tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(prices.items() if isinstance(prices, Mapping) else prices))


@frozen
class Marks:
    """New mark prices of several markets at once, in the order of the markets' names (EVT-5)."""

    type: ClassVar[str] = "marks"
    prices: tuple[tuple[str, str], ...] = field(converter=_sorted_prices)

    @prices.validator
    def _check(self, attribute: "attrs.Attribute[Any]", prices: tuple[tuple[str, str], ...]) -> None:
        if not prices:
            raise shapes.WrongShape(attribute.name, "at least one price is needed")
        for market, price in prices:
            _is_text(None, attribute, market)
            with shapes.at(f"{attribute.name}.{market}"):
                check_amount(price)


@frozen
class Fill:
    """Part of a working liquidation order is executed at a price (FIL-1)."""

    type: ClassVar[str] = "fill"
    account: str = field(validator=_is_text)
    market: str = field(validator=_is_text)
    mode: Mode
    size: str = _amount("size", "positive")
    price: str = _amount("price", "positive")


@frozen
class OrderDone:
    """The rest of a working liquidation order found no liquidity (FIL-6)."""

    type: ClassVar[str] = "order_done"
    account: str = field(validator=_is_text)
    market: str = field(validator=_is_text)
    mode: Mode


@frozen
class Funding:
    """Every position of a market pays, or receives, per unit of its size: above 0, longs pay (EVT-6)."""

    type: ClassVar[str] = "funding"
    market: str = field(validator=_is_text)
    payment: str = _amount("money", "any")


@frozen
class VaultTrade:
    """The vault trades with the outside, to unwind what it took (EVT-7)."""

    type: ClassVar[str] = "vault_trade"
    market: str = field(validator=_is_text)
    size: str = _amount("size", "nonzero")
    price: str = _amount("price", "positive")


@frozen
class VaultCash:
    """The vault is funded, or drawn on (EVT-8)."""

    type: ClassVar[str] = "vault_cash"
    amount: str = _amount("money", "nonzero")


@frozen
class Block:
    """A block begins: the only event that moves time (EVT-9)."""

    type: ClassVar[str] = "block"
    time: int = field(validator=is_integer)


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
    | Block
)

EVENTS: dict[str, type[Event]] = {
    event.type: event
    for event in (
        Deposit,
        Withdraw,
        Transfer,
        Trade,
        MarkPrice,
        Marks,
        Fill,
        OrderDone,
        Funding,
        VaultTrade,
        VaultCash,
        Block,
    )
}


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
    if "type" not in data:
        raise BadRequest("type", "required field is missing", f"the types are: {', '.join(EVENTS)}")
    kind = data["type"]
    event = EVENTS.get(kind) if isinstance(kind, str) else None
    if event is None:
        raise BadRequest("type", show(kind), f"the types are: {', '.join(EVENTS)}")
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
    for name, value in _fields(event):
        data[name] = dict(value) if name == "prices" else value
    return data


def _fields(event: Event) -> list[tuple[str, Any]]:
    pairs = ((attribute.name, getattr(event, attribute.name)) for attribute in attrs.fields(type(event)))
    return [(name, value) for name, value in pairs if value is not None]


@frozen
class AmountField:
    """What admission checks of one amount of an event: the field, its grid, and the sign it must have."""

    name: str
    grid: GridName
    sign: Sign


def amount_fields(event: type[Event]) -> tuple[AmountField, ...]:
    """The amounts of an event's class in the order of its fields."""
    return tuple(
        AmountField(attribute.name, attribute.metadata["grid"], attribute.metadata["sign"])
        for attribute in attrs.fields(event)
        if "grid" in attribute.metadata
    )
