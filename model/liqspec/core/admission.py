"""Whether an event is accepted: the checks of EVT-2 in their order, changing nothing.

Here is what a check is, and the checks that several events share. The record of an event (`core.events`) lists its own
checks; they run, and are printed in `spec/`, in that order.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

import attrs
from attrs import field, frozen

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding
from liqspec.core.config import Market
from liqspec.core.refusals import (
    BadRequest,
    InLiquidation,
    InsufficientMargin,
    MarketSettled,
    NotPositive,
    OffGrid,
    OrderWorking,
    Refusal,
    UnknownAccount,
    UnknownMarket,
)
from liqspec.core.state import Pool, State
from liqspec.edge import keys, shapes
from liqspec.edge.amounts import Grid
from liqspec.edge.shapes import is_amount, is_integer
from liqspec.edge.texts import show, snake_case

# An event in plain data, as the wire and the files write it.
EventData = dict[str, Any]
# The amounts of an admitted event in steps of their grids, by field; for marks, by market.
Amounts = dict[str, int]

GridName = Literal["money", "price", "size"]
Sign = Literal["positive", "nonzero", "any"]
Sort = Literal["increasing", "reducing"]  # of a trade: opening or increasing, or reducing
# Where the examples of the specification begin: alice has a position; an order for it works; it waits in liquidation
# without an order; the vault has taken it; alice has a position in a run that forms its marks; she has an isolated one
# in A, out of whose pool nothing is removed, where B is traded in mode isolated only; an order with a limit works; or
# she has that isolated position, and B is settled.
Situation = Literal["holding", "working", "waiting", "backstopped", "forming", "restricted", "limited", "settled"]

E = TypeVar("E")


class Failure(NamedTuple):
    """How a check failed: the field, what its value was or led to, and the bound that it broke (see `Refusal`)."""

    field: str
    value: str
    limit: str
    rule: str | None = None  # if it is not that of the check


@frozen(kw_only=True)
class Listed:
    """One check of an event as the specification lists it.

    An `optional` check fails only where a family or an optional event is at work. `also` are the rules that measure
    what it looks at, `instead` those by which it may fail in place of `rule`; `of` says for which trades it is,
    None for all; `when` is what is wrong where it fails, if it is not what the code says of every event. `example`
    is a situation of the specification, and the fields that make the check fail there.
    """

    refusal: type[Refusal]
    rule: str
    optional: bool = False
    also: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    of: Sort | None = None
    when: str | None = None
    example: tuple[Situation, EventData] | None = None

    @property
    def code(self) -> str:
        """The code of the refusal."""
        return self.refusal.code

    @property
    def meaning(self) -> str:
        """What is wrong where the check fails."""
        return self.when or self.refusal.meaning


@frozen(kw_only=True)
class Check(Listed, Generic[E]):
    """A check of events of class `E`: how it fails in a state, with the amounts of the event; None if it does not."""

    failing: Callable[[E, State, Amounts], Failure | None]

    def run(self, event: E, state: State, amounts: Amounts) -> None:
        """Raise the refusal if the event fails the check."""
        failure = self.failing(event, state, amounts)
        if failure is not None:
            raise self.refusal(failure.field, failure.value, failure.limit, rule=failure.rule or self.rule)


@frozen
class EventRecord:
    """What the records of all events share: their class variables, and how they are admitted."""

    type: ClassVar[str]
    rule: ClassVar[str]
    example: ClassVar[EventData]
    checks: ClassVar[tuple[Check[Any], ...]] = ()

    def __init_subclass__(cls, *, rule: str = "") -> None:
        """The type is the name of the class; `rule` is the event's."""
        cls.type = snake_case(cls.__name__)
        if rule:  # attrs makes the class again, with the attributes that it has then
            cls.rule = rule

    def admit(self, state: State) -> Amounts:
        """The event's amounts in integers, if it passes the checks of all events and then its own (EVT-2).

        Raises:
            Refusal: the first check that failed.
        """
        amounts = admit_fields(self, state)
        sort = self.sort(state, amounts)
        for check in self.checks:
            if check.of in (None, sort):
                check.run(self, state, amounts)
        return amounts

    def sort(self, _: State, __: Amounts, /) -> Sort | None:
        """Which of the checks concern the event; None if all of them do."""
        return None


def amount(grid: GridName, sign: Sign, default: Any = attrs.NOTHING) -> Any:
    """A field that holds a decimal string on a grid (AMT-4), with the sign that it must have (EVT-2)."""
    return field(default=default, validator=is_amount, metadata={"grid": grid, "sign": sign})


def is_text(_: object, attribute: "attrs.Attribute[Any]", value: str) -> None:
    """An attrs validator: a string of Unicode characters (EVT-2)."""
    if keys.has_unpaired_surrogate(value):
        raise shapes.WrongShape(attribute.name, f"{show(value)} has an unpaired surrogate")


class Written(NamedTuple):
    """An amount as an event writes it: its key among the amounts, its field in messages, its grid and its sign."""

    key: str
    field: str
    text: str
    grid: Grid
    sign: Sign


def amount_fields(kind: type[Any]) -> tuple[tuple[str, GridName, Sign], ...]:
    """The amounts of an event's class in the order of its fields."""
    return tuple(
        (attribute.name, attribute.metadata["grid"], attribute.metadata["sign"])
        for attribute in attrs.fields(kind)
        if "grid" in attribute.metadata
    )


def written(event: object, state: State) -> list[Written]:
    """The amounts of an event as it writes them; the prices of several markets each by its market (AMT-4)."""
    markets, prices = state.venue.markets, getattr(event, "prices", None)
    if prices is not None:
        return [Written(name, f"prices.{name}", text, markets[name].price, "positive") for name, text in prices]
    market, grids = markets.get(getattr(event, "market", None) or ""), {"money": state.venue.money}
    if market is not None:
        grids["price"], grids["size"] = market.price, market.size
    found: list[Written] = []
    _add_written(event, "", grids, found)
    return found


def _add_written(record: object, path: str, grids: Mapping[str, Grid], found: list[Written]) -> None:
    """Add the amounts of a record and of the records in its lists, without those that are left out."""
    for field_name, grid, sign in _written_fields(type(record)):  # type: ignore[arg-type]  # a class is hashable
        name, value = path + field_name, getattr(record, field_name)
        if grid is not None and value is not None:
            found.append(Written(name, name, value, grids[grid], sign))
        elif isinstance(value, tuple):
            for place, entry in enumerate(value, start=1):
                _add_written(entry, f"{name}[{place}].", grids, found)


@cache
def _written_fields(kind: type[Any]) -> tuple[tuple[str, GridName | None, Any], ...]:
    """The fields of a class that can have amounts, with the grid and the sign of one, None for those of a list."""
    listed = ((one.name, one.metadata.get("grid"), one.metadata.get("sign"), one.type) for one in attrs.fields(kind))
    return tuple((name, grid, sign) for name, grid, sign, shape in listed if grid or shape not in (str, int))


def admit_fields(event: object, state: State) -> Amounts:
    """The event's amounts in integers; raises the first refusal of the checks that all events share (EVT-2)."""
    amounts: Amounts = {}
    for check in COMMON:
        check.run(event, state, amounts)
    return amounts


def unknown_account(event: object, state: State, _: Amounts) -> Failure | None:
    """EVT-2: the account is one of the run."""
    account = getattr(event, "account", None)
    if account is None or account in state.accounts:
        return None
    return Failure("account", account, "not among the accounts of this run")


def unknown_market(event: object, state: State, _: Amounts) -> Failure | None:
    """EVT-2: the markets are those of the run."""
    prices, market = getattr(event, "prices", None), getattr(event, "market", None)
    named = [market for market, _ in prices] if prices is not None else [] if market is None else [market]
    for market in named:
        if market not in state.venue.markets:
            return Failure("market" if prices is None else "prices", market, "not among the markets of this run")
    return None


def off_grid(event: object, state: State, amounts: Amounts) -> Failure | None:
    """AMT-4: every amount is a multiple of its step; this check is what fills in `amounts`."""
    for entry in written(event, state):
        units = units_on(entry.grid, entry.text)
        if units is None:
            return Failure(entry.field, entry.text, f"must be a multiple of {entry.grid.text(1)}")
        amounts[entry.key] = units
    return None


def not_positive(event: object, state: State, amounts: Amounts) -> Failure | None:
    """EVT-2: every amount has the sign that its field demands."""
    if amounts and min(amounts.values()) > 0:
        return None
    for entry in written(event, state):
        units = amounts[entry.key]
        if entry.sign == "positive" and units <= 0:
            return Failure(entry.field, entry.text, "must be above 0")
        if entry.sign == "nonzero" and units == 0:
            return Failure(entry.field, entry.text, "must not be 0")
    return None


def units_on(grid: Grid, text: str) -> int | None:
    """An amount in steps of its grid, None if it is not a multiple of the step (AMT-4)."""
    return grid.units(text)


COMMON: tuple[Check[object], ...] = (
    Check(refusal=UnknownAccount, rule="EVT-2", failing=unknown_account),
    Check(refusal=UnknownMarket, rule="EVT-2", failing=unknown_market),
    Check(refusal=OffGrid, rule="AMT-4", failing=off_grid),
    Check(refusal=NotPositive, rule="EVT-2", failing=not_positive),
)


def listed_fields(kind: type[Any]) -> tuple[Listed, ...]:
    """The checks of an event's fields: those of `COMMON` that its fields can fail, after that of its shape (EVT-2)."""
    fields = attrs.fields_dict(kind)
    prices = "prices" in fields
    signs = [(key, sign) for key, _, sign in amount_fields(kind) if sign != "any"]
    phrases = [f"the {key} is 0" if sign == "nonzero" else f"the {key} not above 0" for key, sign in signs]
    of_signs = ", or ".join(phrases) if any(sign == "nonzero" for _, sign in signs) else None
    can_fail = {
        UnknownAccount: "account" in fields,
        UnknownMarket: "market" in fields or prices,
        OffGrid: bool(amount_fields(kind)) or prices,
        NotPositive: bool(signs) or prices,
    }
    measured = ["AMT-3"] if can_fail[OffGrid] else []
    measured += ["EVT-4"] if any(attribute.validator is is_integer for attribute in fields.values()) else []
    common = (
        Listed(refusal=check.refusal, rule=check.rule, when=of_signs if check.refusal is NotPositive else None)
        for check in COMMON
        if can_fail[check.refusal]
    )
    return (Listed(refusal=BadRequest, rule="EVT-2", also=tuple(measured)), *common)


def outflow_checks(
    paying: Callable[[E, State, Amounts], tuple[Pool, int]], *, paid_by: str = "pool"
) -> tuple[Check[E], ...]:
    """ACC-5: money leaves a pool that is neither in liquidation nor left below its initial margin.

    `paying` are the pool and the amount; `paid_by` is what the table of the checks calls the pool.
    """

    def working(event: E, state: State, amounts: Amounts) -> Failure | None:
        return order_working(paying(event, state, amounts)[0])

    def liquidated(event: E, state: State, amounts: Amounts) -> Failure | None:
        pool, _ = paying(event, state, amounts)
        if not pool.in_liquidation:
            return None
        return Failure("amount", pool.key, "nothing leaves a pool in liquidation")

    def uncovered(event: E, state: State, amounts: Amounts) -> Failure | None:
        pool, leaving = paying(event, state, amounts)
        held = state.holdings(pool)
        equity = arithmetic.pool_equity(pool.collateral, held) - leaving
        return (
            below_initial_margin(state, equity, held, "amount")
            or below_floor(state, equity, held)
            or beyond_collateral(state, pool.collateral - leaving)
        )

    return (
        Check(
            refusal=OrderWorking,
            rule="ACC-5",
            when=f"a liquidation order of the {paid_by} is working",
            failing=working,
            example=("working", {}),
        ),
        Check(
            refusal=InLiquidation,
            rule="ACC-5",
            when=f"the {paid_by} is in liquidation",
            failing=liquidated,
            example=("waiting", {}),
        ),
        Check(
            refusal=InsufficientMargin,
            rule="ACC-5",
            also=("MRG-7", "MRG-3", "ACC-14", "ACC-15"),
            instead=("ACC-14", "ACC-15"),
            when=f"the {paid_by}'s equity after it would be below its initial margin",
            failing=uncovered,
            example=("holding", {}),
        ),
    )


def order_working(pool: Pool, field: str = "account") -> Failure | None:
    """ACC-5, ACC-7, EVT-9: no liquidation order of the pool is working."""
    for position in pool.open_positions():
        if position.order is not None:
            return Failure(field, position.key, "its liquidation order is working")
    return None


def below_initial_margin(state: State, equity: int, held: Iterable[Holding], field: str) -> Failure | None:
    """MRG-7: the pool's equity after the event, in quote units, covers the initial margin of what it then holds."""
    required = arithmetic.pool_initial_margin(held)
    if equity >= required:
        return None
    money = state.venue.money
    return Failure(field, f"equity {money.text(equity)} after it", f"initial margin {money.text(required)} after it")


def market_settled(event: object, state: State, _: Amounts) -> Failure | None:
    """EVT-11: the market is not settled."""
    market = str(getattr(event, "market", None))
    return Failure("market", market, "it is settled, and not traded any more") if market in state.settled else None


NOT_SETTLED: Check[Any] = Check(
    refusal=MarketSettled,
    rule="EVT-11",
    optional=True,
    failing=market_settled,
    example=("settled", {"market": "B"}),
)


def below_floor(state: State, equity: int, held: Iterable[Holding]) -> Failure | None:
    """ACC-14: the equity that is left, in quote units, is at least the venue's share of the pool's notional."""
    floor, worth = state.venue.withdraw_floor, arithmetic.pool_notional(held)
    if floor is None or arithmetic.keeps_the_floor(equity, worth, floor):
        return None
    money, share = state.venue.money, f"{floor.numerator}/{floor.denominator}"
    return Failure(
        "amount", f"equity {money.text(equity)} after it", f"{share} of notional {money.text(worth)}", "ACC-14"
    )


def beyond_collateral(state: State, collateral: int) -> Failure | None:
    """ACC-15: where only collateral may leave, what is left of it, in quote units, is not below 0."""
    if state.venue.withdraw_from != "collateral" or collateral >= 0:
        return None
    return Failure(
        "amount", f"collateral {state.venue.money.text(collateral)} after it", "it must be at least 0", "ACC-15"
    )


def leverage_out_of_range(market: Market, leverage: int | None) -> Failure | None:
    """ACC-8, ACC-13: a leverage is from 1 to the first tier's maximum; None is missing."""
    if leverage is not None and 1 <= leverage <= market.max_leverage:
        return None
    value = "none" if leverage is None else str(leverage)
    return Failure("leverage", value, f"must be from 1 to {market.max_leverage}")
