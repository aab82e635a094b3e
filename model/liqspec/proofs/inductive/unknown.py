"""States of a concrete shape with unknown numbers, and unknown venues: symbols, or given numbers by the same names.

A shape says whether a pool is in liquidation, and of each position its lifecycle state and whether an order works.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, cast

import attrs
from attrs import define, frozen

from liqspec.core import machine, parameters
from liqspec.core.arithmetic import Ratio, Schedule, Tier
from liqspec.core.config import Market, Mode, Venue
from liqspec.core.parameters import Restore
from liqspec.core.state import Account, Book, Pool, Position, State, Window
from liqspec.proofs import symbolic
from liqspec.proofs.inductive.conditions import some
from liqspec.proofs.inductive.covered import ANY, READ_BY, SOME
from liqspec.proofs.inductive.frame import Leak
from liqspec.proofs.symbolic import Condition

LIMITED = 2  # from this value of `order_price` on, orders have a limit
CLOSEOUT = " at close-out rates"  # follows the name of a market, for its close-out schedule that is not looked into


@frozen
class Shape:
    """Whether a pool is in liquidation, and the kind of its position in each market in which it has had one."""

    in_liquidation: bool
    kinds: tuple[tuple[str, "Kind"], ...]

    def __str__(self) -> str:
        """Such as `in liquidation: A liquidatable with an order`."""
        positions = ", ".join(f"{market} {kind}" for market, kind in self.kinds) or "no position"
        return ("in liquidation: " if self.in_liquidation else "") + positions


@frozen
class Kind:
    """A lifecycle state, and whether an order works."""

    state: str
    order: bool = False

    def __str__(self) -> str:
        """Such as `liquidatable with an order`."""
        return f"{self.state} with an order" if self.order else self.state


def ended(state: str) -> bool:
    """Whether a position in this state has no size."""
    return machine.lifecycle().table.states[state].kind in ("ended", "final")


def liquidated(state: str) -> bool:
    """Whether a liquidation order may be filled in this state, by the table of the lifecycle."""
    return bool(machine.lifecycle().candidates(state, "fill"))


def enters(state: str) -> bool:
    """Whether a position in this state is about to become liquidatable, so that its pool is not in liquidation."""
    return any(liquidated(entry.to) for entry in machine.lifecycle().candidates(state, "assess"))


def shapes(markets: str) -> Iterator[Shape]:
    """All shapes of a pool that has had a position in each of these markets, a letter each.

    In liquidation each open position is in a state in which it can be filled, with an order or without. Otherwise it is
    in a state from which it would enter liquidation, or what its last fill left, which stays so until the next block.
    """
    states = machine.lifecycle().table.states
    ends = [Kind(name) for name in states if ended(name)]
    opened = [name for name in states if states[name].kind == "open"]
    calm = [Kind(name) for name in opened if enters(name) or machine.lifecycle().candidates(name, "block")]
    within = [Kind(name, order) for name in opened if liquidated(name) for order in (False, True)]
    for kinds in product((*calm, *ends), repeat=len(markets)):
        yield Shape(False, tuple(zip(markets, kinds, strict=True)))
    for kinds in product((*within, *ends), repeat=len(markets)):
        if not all(kind in ends for kind in kinds):
            yield Shape(True, tuple(zip(markets, kinds, strict=True)))


def middle_shapes(markets: str) -> Iterator[Shape]:
    """All shapes of a pool that an event hands to the assessment: in liquidation its last position may just have ended,
    and what a block found partially liquidated is not liquidatable yet; a block begins only where no order works.
    """
    yield from (shape for shape in shapes(markets) if not shape.in_liquidation)
    states = machine.lifecycle().table.states
    listed = [Kind(name) for name in states if states[name].kind != "pseudo"]
    listed += [Kind(one.state, order=True) for one in listed if liquidated(one.state)]
    for kinds in product(listed, repeat=len(markets)) if markets else ():
        if not any(one.order for one in kinds) or all(ended(one.state) or liquidated(one.state) for one in kinds):
            yield Shape(True, tuple(zip(markets, kinds, strict=True)))


def shape_of(pool: Pool) -> Shape:
    """The shape that a pool has."""
    kinds = ((name, Kind(one.state, one.order is not None)) for name, one in pool.positions.items())
    return Shape(pool.in_liquidation, tuple(kinds))


@define
class Numbers:
    """Where numbers come from: symbols, within a bound if there is one; or values, 0 if there is none of the name.

    `fixed` are numbers that are known also where the others are symbols.
    """

    values: Mapping[str, int] | None = None
    bound: int | None = None
    fixed: Mapping[str, int] = {}

    @property
    def symbolic(self) -> bool:
        """Whether the numbers are symbols."""
        return self.values is None

    def integer(self, name: str) -> int:
        """Any whole number."""
        if name in self.fixed:
            return self.fixed[name]
        if self.values is not None:
            return self.values.get(name, 0)
        number = symbolic.integer(name)
        if self.bound is not None:
            symbolic.assume((-self.bound <= number) & (number <= self.bound))
        return number

    def positive(self, name: str) -> int:
        """Any whole number above 0."""
        number = self.integer(name)
        symbolic.assume(number > 0)
        return number

    def natural(self, name: str) -> int:
        """Any whole number that is not negative."""
        number = self.integer(name)
        symbolic.assume(number >= 0)
        return number

    def flag(self, name: str) -> bool:
        """Either truth value."""
        number = self.integer(name)
        symbolic.assume((number >= 0) & (number <= 1))
        return number == 1

    def share(self, name: str, lowest: int) -> Ratio:
        """Any rate from 0, or from above 0, to 1 (CFG-2)."""
        top, bottom = self.integer(f"{name}.top"), self.positive(f"{name}.bottom")
        symbolic.assume((top >= lowest) & (top <= bottom))
        return Ratio(top, bottom)

    def window(self, name: str) -> Window:
        """Any window."""
        return Window(self.natural(f"{name}.until"), self.natural(f"{name}.forcing_until"))


@frozen(eq=False)
class Choice:
    """One of some words, not known which; a run forks only where it is compared."""

    number: int
    words: tuple[str, ...]

    def __eq__(self, other: object) -> Any:
        """Whether it is this word, as a condition."""
        return self.number == self.words.index(cast(str, other))

    __hash__ = None  # type: ignore[assignment]


@frozen(eq=False)
class OneOf:
    """One of some values, not known which; which it is, is decided where it is read."""

    number: int
    values: tuple[Any, ...]

    def decided(self) -> Any:
        """The value; the run forks."""
        *others, last = self.values
        return next((value for index, value in enumerate(others) if self.number == index), last)


class Deferred(OneOf):
    """One of some values, decided by the function that it is handed to."""


@frozen
class Unread:
    """A parameter that the event must not look at."""

    name: str

    def decided(self) -> Any:
        """There is none."""
        raise Leak(self.name)


class _Reading:
    """Makes attributes that are `OneOf` or `Unread` what they say where they are read."""

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        return value.decided() if type(value) in (OneOf, Unread) else value


class AnyVenue(_Reading, Venue):
    """A venue with parameters of which it is not known whether they are there."""


class AnyMarket(_Reading, Market):
    """A market with parameters of which it is not known whether they are there."""


def _held(owner: Venue | Market, name: str) -> Any:
    held = object.__getattribute__(owner, name)
    return held.decided() if isinstance(held, Unread) else held


@frozen
class Limit:
    """The limit of a working order, if the venue has limits; whether it has is decided where it is read."""

    there: Condition
    price: int


class AnyPosition(Position):
    """A position whose order may have a limit."""

    @property
    def limit(self) -> int | None:
        """The limit in ticks, None if there is none (LIQ-17)."""
        held = limit_of(self)
        return (held.price if held.there else None) if isinstance(held, Limit) else held

    @limit.setter
    def limit(self, limit: int | None) -> None:
        self.__dict__["limit"] = limit


def limit_of(position: Position) -> Limit | int | None:
    """The limit of a position's order, on which nothing is decided."""
    limit: Limit | int | None = position.__dict__["limit"]
    return limit


def has(owner: Venue | Market, name: str, *values: object) -> Condition:
    """That a parameter has one of these values, as a condition that forks nothing."""
    held = _held(owner, name)
    if not isinstance(held, OneOf):
        return any(held == value for value in values)
    return some(held.number == held.values.index(value) for value in values)


def given(owner: Venue | Market, name: str) -> tuple[Condition, Any]:
    """That a parameter is there, as a condition that forks nothing, and its value where it is."""
    held = _held(owner, name)
    if isinstance(held, OneOf):
        return held.number != held.values.index(None), held.values[-1]
    return held is not None, held


@frozen(eq=False)
class AnyGrid:
    """Any grid: what admission reads with it is a number of this name."""

    numbers: Numbers
    name: str

    def units(self, _: str) -> int:
        """Any amount."""
        return self.numbers.integer(self.name)

    def text(self, _: object) -> str:
        """For messages, which nothing decides on."""
        return "?"


class AddingBook(Book):
    """A book that adds without asking whether anything is left: 0 stands for none, as for whoever reads it.

    That `Book.add` is this addition is proved by itself (`contracts.adding_to_a_book_is_addition`).
    """

    def add(self, market: str, size: int, paid: int) -> None:
        """Add a signed size for a signed payment."""
        self.positions[market] = self.positions.get(market, 0) + size
        self.cash -= paid


def schedule(numbers: Numbers, of: str) -> Schedule:
    """Any schedule of one tier (MRG-8), for the search for numbers; proofs never look into one."""
    denominator, rate, leverage = (
        numbers.positive(f"{of}.{name}") for name in ("denominator", "rate", "tier_leverage")
    )
    symbolic.assume(rate * leverage <= denominator)
    return Schedule(denominator, (Tier(0, rate, 0, leverage),))


def closeout(numbers: Numbers, of: str, schedule: Schedule) -> Schedule:
    """Any close-out schedule that goes with a schedule of one tier (BKS-9)."""
    rate = numbers.positive(f"{of}.closeout_rate")
    symbolic.assume(rate <= schedule.tiers[0].rate)
    return schedule._replace(tiers=(schedule.tiers[0]._replace(rate=rate),))


def market(numbers: Numbers, name: str, kind: str, *, by_contract: bool) -> Market:
    """Any market, with the parameters that an event of this kind may look at."""
    tiers: Any = name if by_contract else schedule(numbers, name)
    return AnyMarket(
        name=name,
        price=cast(Any, AnyGrid(numbers, f"event.price.{name}")),
        size=cast(Any, AnyGrid(numbers, f"event.size.{name}")),
        unit=numbers.positive(f"{name}.unit"),
        lot=Ratio(numbers.positive(f"{name}.lot.top"), numbers.positive(f"{name}.lot.bottom")),
        schedule=tiers,
        max_leverage=numbers.positive(f"{name}.max_leverage"),
        closeout=cast(Any, f"{name}{CLOSEOUT}") if by_contract else closeout(numbers, name, tiers),
        **{one: option(numbers, f"{name}.{one}", kind, SOME[one]) for one in ("modes", "isolated_removal")},
    )


def one_of(numbers: Numbers, name: str, *words: str) -> Any:
    """One of some words, not known which."""
    number = numbers.natural(name)
    symbolic.assume(number < len(words))
    return Choice(number, words)


def option(numbers: Numbers, path: str, kind: str, values: tuple[Any, ...]) -> Any:
    """One of these values, where an event of this kind may look at the parameter."""
    name = path.partition(".")[2]
    if numbers.symbolic and kind not in READ_BY.get(name, (kind,)):
        return Unread(name)
    number = numbers.natural(path)
    symbolic.assume(number < len(values))
    return OneOf(number, values)


def restore(numbers: Numbers) -> Restore:
    """Any restore target (LIQ-15)."""
    top, bottom = numbers.integer("venue.restore.top"), numbers.positive("venue.restore.bottom")
    symbolic.assume(top >= bottom)
    return Restore(one_of(numbers, "venue.restore.measure", "maintenance", "initial"), Ratio(top, bottom))


def venue(numbers: Numbers, kind: str, markets: Mapping[str, Market], *, by_contract: bool) -> Venue:
    """Any venue, with the parameters that an event of this kind may look at."""
    left_out = {one.inner_name: None for one in parameters.PARAMETERS if one.inner_name not in ANY}
    there = {
        "restore": restore(numbers),
        "partial_threshold": numbers.natural("venue.partial_threshold.is"),
        "tier_steps": numbers.positive("venue.tier_steps.is"),
        "partial_lots": numbers.positive("venue.partial_lots.is"),
        "min_order_notional": numbers.natural("venue.min_order_notional.is"),
        "min_rest_notional": numbers.natural("venue.min_rest_notional.is"),
        "withdraw_floor": numbers.share("venue.withdraw_floor", 1),
        "max_move": numbers.share("venue.max_move", 1),
        "stale_ms": numbers.natural("venue.stale_ms.is"),
    }
    options = {name: (None, value) for name, value in there.items()}
    options |= {one.inner_name: SOME[one.inner_name] for one in parameters.PARAMETERS if one.inner_name in SOME}
    options["order_price"] = (*SOME["order_price"], numbers.share("venue.order_price.band", 0))
    made = {name: option(numbers, f"venue.{name}", kind, options[name]) for name in options}
    if by_contract:
        made["restore"] = Deferred(made["restore"].number, made["restore"].values)
    return AnyVenue(
        **cast(Any, left_out | made),
        markets=cast(Any, markets),
        money=cast(Any, AnyGrid(numbers, "event.amount")),
        forms_marks=numbers.flag("venue.forms_marks"),
        order_policy=one_of(numbers, "venue.order_policy", "all", "ranked"),
        stop_when_restored=numbers.flag("venue.stop_when_restored"),
        partial_fraction=numbers.share("venue.partial_fraction", 1),
        cooldown_ms=numbers.natural("venue.cooldown_ms"),
        cooldown_scope=one_of(numbers, "venue.cooldown_scope", "position", "pool", "account"),
        fee_rate=numbers.share("venue.fee_rate", 0),
        backstop_threshold=numbers.share("venue.backstop_threshold", 1),
        return_fraction=numbers.share("venue.return_fraction", 0),
    )


def position(numbers: Numbers, account: str, market: Market, mode: Mode, kind: Kind) -> Position:
    """Any position of a kind."""
    made = AnyPosition(account, market, mode, state=kind.state)
    of = made.key
    made.life = numbers.positive(f"{of}.life")
    if ended(kind.state):
        return made
    made.size, made.cost = numbers.integer(f"{of}.size"), numbers.integer(f"{of}.cost")
    made.leverage, made.window = numbers.positive(f"{of}.leverage"), numbers.window(of)
    if kind.order:
        made.order, made.attempted = numbers.positive(f"{of}.order"), True
        made.__dict__["limit"] = Limit(numbers.integer("venue.order_price") >= LIMITED, numbers.positive(f"{of}.limit"))
        return made
    made.attempted = numbers.flag(f"{of}.attempted")
    if liquidated(kind.state):
        made.failed = numbers.flag(f"{of}.failed")
    return made


def pool(numbers: Numbers, account: str, mode: Mode, markets: Mapping[str, Market], shape: Shape) -> Pool:
    """Any pool of a shape; an isolated one is of market A."""
    made = Pool(account, mode, "A" if mode == "isolated" else None, in_liquidation=shape.in_liquidation)
    made.collateral, made.window = numbers.integer(f"{made.key}.collateral"), numbers.window(made.key)
    for name, kind in shape.kinds:
        made.positions[name] = position(numbers, account, markets[name], mode, kind)
    return made


class AnySettled(set[str]):
    """Which markets are settled, not known (EVT-11); a run forks only where it is asked."""

    def __init__(self, flags: Mapping[str, bool]) -> None:
        super().__init__()
        self.flags = dict(flags)

    def __contains__(self, market: object) -> bool:
        """Whether a market that may be asked for is settled."""
        return bool(self.flags[cast(str, market)])

    def add(self, market: str) -> None:
        """Settle a market that may be settled."""
        self.flags[market] = True if market in self.flags else self.flags[market]


def is_settled(state: State, market: str) -> Condition:
    """That a market is settled, as a condition."""
    return state.settled.flags[market] if isinstance(state.settled, AnySettled) else market in state.settled


def book(numbers: Numbers, name: str, positions: Mapping[str, int]) -> Book:
    """Any book; these are its sizes by market."""
    return AddingBook(numbers.integer(f"{name}.cash"), cast(Any, positions))


def state(
    numbers: Numbers, accounts: Mapping[str, Account], of: Venue, books: Mapping[str, Book], marks: Any, feeds: Any
) -> State:
    """Any state of these accounts, books, marks and feeds."""
    return State(
        of,
        numbers.natural("time"),
        marks,
        cast(Any, accounts),
        books["vault"],
        books["outside"],
        numbers.integer("net_deposits"),
        numbers.natural("block"),
        feeds=feeds,
        settled=AnySettled({name: numbers.flag(f"settled.{name}") for name in dict.keys(marks)}),
    )


def event(kind: type[Any], **fields: Any) -> Any:
    """An event whose amounts the grids stand for."""
    with attrs.validators.disabled():
        return kind(**fields)
