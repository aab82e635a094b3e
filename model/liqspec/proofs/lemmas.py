"""The lemmas about the arithmetic that hold for all whole numbers, each with a control that must be refuted.

A lemma is an ordinary function: it names its numbers, says what is given about them, calls the functions of the
arithmetic, and returns whether its conclusion holds. Run on symbols it is proved (see `proofs`), run on numbers it is
an example. It never restates a formula of the arithmetic.

What is bounded: a schedule has one, two or three tiers, and a pool that is looked at as a whole one, two or three
positions. All numbers are unbounded. Where a lemma looks at one position of a pool, `collateral` stands for the
collateral and the PnL of the others, and `other_maintenance` for their margin; the first lemma says that they may.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Any

from attrs import define, frozen

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding, Ratio, Schedule, Tier
from liqspec.core.families import chunks, mark_price

Statement = Callable[..., bool]

# The labels of what MRG-5 and MRG-8 say of a schedule, for the controls that drop one of them.
DEDUCTIONS = "the deductions are those of MRG-5"
RATE_LIMIT = "the rate is at most 1 ÷ max_leverage"
CLOSEOUT_LIMIT = "no close-out rate is above its tier's maintenance rate"
FEE_LIMIT = "the closing fee and the rate are together at most 1"


@define
class Case:
    """The numbers of one lemma: symbols if it has no values, and the given condition that a control drops."""

    values: Mapping[str, int] | None = None
    without: str | None = None
    bound: int | None = None

    def integer(self, name: str) -> int:
        """Any whole number; where a bound is set, none that is further from 0."""
        if self.values is not None:
            return self.values[name]
        from liqspec.proofs import symbolic  # noqa: PLC0415 (it needs Z3, which the list of the lemmas does not)

        number = symbolic.integer(name)
        if self.bound is not None:
            symbolic.assume((-self.bound <= number) & (number <= self.bound))
        return number

    def integers(self, *names: str) -> tuple[int, ...]:
        """Any whole numbers."""
        return tuple(self.integer(name) for name in names)

    def positive(self, *names: str) -> tuple[int, ...]:
        """Any whole numbers above 0."""
        numbers = self.integers(*names)
        for name, number in zip(names, numbers, strict=True):
            self.given(f"{name} is above 0", number > 0)
        return numbers

    def given(self, label: str, condition: bool) -> None:
        """A side condition of the lemma.

        Raises:
            Excluded: it does not hold, and no control drops it.
        """
        if label != self.without:
            from liqspec.proofs import symbolic  # noqa: PLC0415

            symbolic.assume(condition)


@frozen(init=False)
class Control:
    """What is false: the lemma without one of its conditions, or with `arguments` that make it claim too much."""

    sentence: str
    without: str | None
    arguments: Mapping[str, Any]

    def __init__(self, sentence: str, without: str | None = None, **arguments: Any) -> None:
        self.__attrs_init__(sentence, without, arguments)


@frozen(kw_only=True)
class Lemma:
    """A sentence about all whole numbers, and the statement that says it, once for each of its variants."""

    name: str
    sentence: str
    rules: tuple[str, ...]
    statement: Statement
    variants: tuple[Mapping[str, Any], ...]
    control: Control


LEMMAS: dict[str, Lemma] = {}


def lemma(rules: str, control: Control, **choices: Iterable[Any]) -> Callable[[Statement], Statement]:
    """Make a statement a lemma: its name is the function's, its sentence the docstring, its variants all choices."""

    def enter(statement: Statement) -> Statement:
        LEMMAS[statement.__name__] = Lemma(
            name=statement.__name__,
            sentence=" ".join((statement.__doc__ or "").split()),
            rules=tuple(rules.split()),
            statement=statement,
            variants=tuple(dict(zip(choices, chosen, strict=True)) for chosen in product(*choices.values())),
            control=control,
        )
        return statement

    return enter


# ------------------------------------------------------------------------------------------------- what they start from


def any_schedule(case: Case, tiers: int, of: str = "", denominator: int | None = None) -> Schedule:
    """Any schedule with `count` tiers that MRG-5 and MRG-8 allow, its rates over any common denominator."""
    if denominator is None:
        (denominator,) = case.positive(f"denominator{of}")
    entries: list[Tier] = []
    for index in range(1, tiers + 1):
        rate, leverage = case.positive(f"rate{index}{of}", f"max_leverage{index}{of}")
        above = deduction = 0
        if entries:
            before = entries[-1]
            above, deduction = case.integers(f"above{index}{of}", f"deduction{index}{of}")
            case.given("above rises", above > before.above)
            case.given("rates do not fall", rate >= before.rate)
            case.given("maximum leverages do not rise", leverage <= before.max_leverage)
            case.given(DEDUCTIONS, deduction == before.deduction + above * (rate - before.rate))
        entries.append(Tier(above, rate, deduction, leverage))
    for entry in entries:
        case.given(RATE_LIMIT, entry.rate * entry.max_leverage <= denominator)
    return Schedule(denominator, tuple(entries))


def with_fee(case: Case, schedule: Schedule) -> Schedule:
    """The schedule with any closing fee that MRG-15 allows, none among them."""
    (fee,) = case.integers("close_fee")
    case.given("a closing fee is not negative", fee >= 0)
    case.given(FEE_LIMIT, schedule.tiers[-1].rate + fee <= schedule.denominator)
    return schedule._replace(close_fee=fee)


def before_rounding(schedule: Schedule) -> Schedule:
    """The schedule whose margins are the same ones in parts of the denominator: whole, so that nothing is rounded."""
    return schedule._replace(denominator=1)


def any_holding(case: Case, schedule: Schedule, of: str = "") -> Holding:
    """Any open position at any mark."""
    size, cost = case.integers(f"size{of}", f"cost{of}")
    mark, unit, leverage = case.positive(f"mark{of}", f"unit{of}", f"leverage{of}")
    case.given("the position is open", size != 0)
    return Holding(size, cost, leverage, mark, unit, schedule)


def any_pool(case: Case, positions: int, tiers: int, denominator: int | None = None) -> list[Holding]:
    """Any open positions, each with its own schedule."""
    names = [f"_{index + 1}" for index in range(positions)]
    return [any_holding(case, any_schedule(case, tiers, name, denominator), name) for name in names]


def any_share(case: Case, name: str, lowest: int) -> Ratio:
    """Any rate from 0, or from above 0, to 1 (CFG-2)."""
    (denominator,) = case.positive(f"{name}_denominator")
    numerator = case.integer(f"{name}_numerator")
    case.given(f"the {name} is not too low", numerator >= lowest)
    case.given(f"the {name} is at most 1", numerator <= denominator)
    return Ratio(numerator, denominator)


def any_closed(case: Case, held: Holding) -> int:
    """Any part of a position, and all of it."""
    (closed,) = case.positive("closed")
    case.given("no more is closed than there is", closed <= abs(held.size))
    return closed


def after_fill(collateral: int, held: Holding, closed: int, price: int) -> tuple[int, Holding]:
    """Collateral and position after a fill without fee (FIL-1)."""
    released = arithmetic.released_cost(held.size, held.cost, closed)
    return after_release(collateral, held, closed, price, released)


def after_release(collateral: int, held: Holding, closed: int, price: int, released: int) -> tuple[int, Holding]:
    """Collateral and position after closing part of it and releasing part of its cost."""
    realised = arithmetic.realised_pnl(held.size, closed, price, held.unit, released)
    left = held.size - closed if held.size > 0 else held.size + closed
    return collateral + realised, held._replace(size=left, cost=held.cost - released)


NO_SCHEDULE = Schedule(1, ())
NO_CHOICES: Mapping[str, Any] = {}

# -------------------------------------------------------------------------------------------------------------- margins


@lemma("MRG-3 MRG-6 MRG-7", Control("Only the first position counts.", count_the_others=False), positions=(2, 3))
def a_pool_is_the_sum_of_its_positions(case: Case, positions: int, count_the_others: bool = True) -> bool:
    """The measures of a pool are those of its first position with those of the others added."""
    collateral, (first, *others) = case.integer("collateral"), any_pool(case, positions, tiers=1)
    rest = others if count_the_others else []
    equity = arithmetic.pool_equity(arithmetic.pool_equity(collateral, rest), [first])
    maintenance = arithmetic.pool_maintenance_margin([first]) + arithmetic.pool_maintenance_margin(rest)
    initial = arithmetic.pool_initial_margin([first]) + arithmetic.pool_initial_margin(rest)
    return (
        (arithmetic.pool_equity(collateral, [first, *others]) == equity)
        & (arithmetic.pool_maintenance_margin([first, *others]) == maintenance)
        & (arithmetic.pool_initial_margin([first, *others]) == initial)
    )


@lemma("MRG-5", Control("The deductions need not be scaled.", tiers=2, scale_deductions=False), tiers=(1, 2, 3))
def a_schedule_is_its_rates_not_their_denominator(case: Case, tiers: int, scale_deductions: bool = True) -> bool:
    """The same rates and deductions over a multiple of their denominator ask for the same margin."""
    schedule, amount = any_schedule(case, tiers), _any_notional(case)
    (factor,) = case.positive("factor")
    scaled = [
        tier._replace(rate=tier.rate * factor, deduction=tier.deduction * (factor if scale_deductions else 1))
        for tier in schedule.tiers
    ]
    same = Schedule(schedule.denominator * factor, tuple(scaled))
    return arithmetic.maintenance_margin(amount, same) == arithmetic.maintenance_margin(amount, schedule)


@lemma("MRG-2 MRG-14", Control("At any price.", without="mark is above 0"), at_entry=(False, True))
def a_notional_is_never_negative(case: Case, at_entry: bool) -> bool:
    """What a position is worth at a price above 0, or what its size cost, whatever its side, is at least 0."""
    held = any_holding(case, NO_SCHEDULE._replace(at_entry=at_entry))
    return arithmetic.margin_notional(held) >= 0


@lemma("MRG-5 MRG-8", Control("Any deductions do.", without=DEDUCTIONS, tiers=2), tiers=(1, 2, 3))
def a_margin_is_never_negative(case: Case, tiers: int) -> bool:
    """A maintenance margin is at least 0."""
    schedule, amount = any_schedule(case, tiers), _any_notional(case)
    return arithmetic.maintenance_margin(amount, schedule) >= 0


@lemma("MRG-4 MRG-5 MRG-8", Control("Any deductions do.", without=DEDUCTIONS, tiers=2), tiers=(1, 2, 3))
def a_margin_has_no_jump_before_rounding(case: Case, tiers: int) -> bool:
    """Nothing needs no margin, and one more quote unit of notional exactly the rate of the tier that it is in, also
    across a boundary.
    """
    schedule, amount = any_schedule(case, tiers), _any_notional(case)
    exact = before_rounding(schedule)
    more = arithmetic.maintenance_margin(amount + 1, exact) - arithmetic.maintenance_margin(amount, exact)
    nothing = arithmetic.maintenance_margin(0, exact)
    return (nothing == 0) & (more == arithmetic.tier_at(amount + 1, schedule).rate)


@lemma("MRG-5 AMT-6", Control("It is exact.", within=0), tiers=(1, 2, 3))
def a_margin_is_rounded_up(case: Case, tiers: int, within: int = 1) -> bool:
    """A maintenance margin is never below what it is before rounding, and less than a unit above."""
    schedule, amount = any_schedule(case, tiers), _any_notional(case)
    margin = arithmetic.maintenance_margin(amount, schedule) * schedule.denominator
    above = margin - arithmetic.maintenance_margin(amount, before_rounding(schedule))
    return (above >= 0) & (above <= within * (schedule.denominator - 1))


@lemma("MRG-13 AMT-6", Control("It is exact.", within=0), tiers=(1, 2, 3))
def a_margin_may_be_rounded_down(case: Case, tiers: int, within: int = 1) -> bool:
    """At a venue that rounds it down a maintenance margin is never above what it is before rounding, less than a unit
    below, and at least 0.
    """
    schedule, amount = any_schedule(case, tiers)._replace(rounds_down=True), _any_notional(case)
    margin = arithmetic.maintenance_margin(amount, schedule)
    above = margin * schedule.denominator - arithmetic.maintenance_margin(amount, before_rounding(schedule))
    return (margin >= 0) & (above <= 0) & (above >= -within * (schedule.denominator - 1))


@lemma("MRG-5 MRG-8", Control("A rate may be above 1.", without=RATE_LIMIT), tiers=(1, 2, 3))
def a_margin_grows_no_faster_than_the_notional(case: Case, tiers: int) -> bool:
    """Of two notionals the larger costs at most their difference more, so a rounded margin has no jump above a unit."""
    schedule, less = any_schedule(case, tiers), _any_notional(case)
    more = case.integer("more")
    case.given("the other notional is no smaller", more >= less)
    grown = arithmetic.maintenance_margin(more, schedule) - arithmetic.maintenance_margin(less, schedule)
    return grown <= more - less


@lemma("MRG-5 MRG-8", Control("Any deductions do.", without=DEDUCTIONS, tiers=2), tiers=(1, 2, 3))
def a_margin_never_falls_with_the_notional(case: Case, tiers: int) -> bool:
    """Of two notionals the larger never has the smaller maintenance margin."""
    schedule, less = any_schedule(case, tiers), _any_notional(case)
    more = case.integer("more")
    case.given("the other notional is no smaller", more >= less)
    return arithmetic.maintenance_margin(less, schedule) <= arithmetic.maintenance_margin(more, schedule)


@lemma("MRG-5 MRG-7 MRG-8", Control("A rate may be above 1 ÷ max_leverage.", without=RATE_LIMIT), tiers=(1, 2, 3))
def the_maintenance_margin_is_never_above_the_initial_margin(case: Case, tiers: int) -> bool:
    """Of one position at any leverage, the maintenance margin is at most the initial margin."""
    schedule, amount = any_schedule(case, tiers), _any_notional(case)
    (leverage,) = case.positive("leverage")
    return arithmetic.maintenance_margin(amount, schedule) <= arithmetic.initial_margin(amount, leverage, schedule)


@lemma("MRG-15 MRG-7 MRG-8", Control("The maintenance margin alone may count the fee in.", of_both=False), tiers=(1, 2))
def the_maintenance_margin_with_a_fee_is_never_above_the_initial_margin(
    case: Case, tiers: int, of_both: bool = True
) -> bool:
    """So it is where both margins count the closing fee in."""
    schedule, amount = any_schedule(case, tiers), _any_notional(case)
    counted, (leverage,) = with_fee(case, schedule), case.positive("leverage")
    initial = arithmetic.initial_margin(amount, leverage, counted if of_both else schedule)
    return arithmetic.maintenance_margin(amount, counted) <= initial


@lemma(
    "ACC-8 MRG-8 MRG-14 LIQ-3",
    Control("A rate may be above 1 ÷ max_leverage.", without=RATE_LIMIT),
    tiers=(1, 2, 3),
    at_entry=(False, True),
)
def an_admitted_opening_is_not_breached(case: Case, tiers: int, at_entry: bool = False) -> bool:
    """A pool whose equity covers its initial margin, as ACC-8 asks, is not breached. (Position by position: the other
    positions together need no more maintenance than initial margin, and then so do all with this one.)
    """
    held = any_holding(case, any_schedule(case, tiers)._replace(at_entry=at_entry))
    equity, other_maintenance, other_initial = case.integers("equity", "other_maintenance", "other_initial")
    case.given("it is so for the others", other_maintenance <= other_initial)
    initial = other_initial + arithmetic.pool_initial_margin([held])
    maintenance = other_maintenance + arithmetic.pool_maintenance_margin([held])
    case.given("equity covers the initial margin", equity >= initial)
    return (maintenance <= initial) & (not arithmetic.breached(equity, maintenance))


# ---------------------------------------------------------------------------------------------- breaches and reductions


@lemma(
    "LIQ-3 MRG-5 MRG-6",
    Control("So is a breach by less than a unit of equity.", short_by=1),
    positions=(1, 2, 3),
    tiers=(1, 2),
)
def a_breach_before_rounding_is_a_breach(case: Case, positions: int, tiers: int, short_by: int = 0) -> bool:
    """Where equity is below the margin before anything is rounded, the pool is breached. (All rates over one
    denominator, which does not restrict them.)
    """
    equity, (denominator,) = case.integer("equity"), case.positive("denominator")
    pool = any_pool(case, positions, tiers, denominator)
    exact = [held._replace(schedule=before_rounding(held.schedule)) for held in pool]
    needed = arithmetic.pool_maintenance_margin(exact)
    case.given("breached before rounding", arithmetic.breached((equity - short_by) * denominator, needed))
    return arithmetic.breached(equity, arithmetic.pool_maintenance_margin(pool))


@lemma(
    "LIQ-3 MRG-5 MRG-6",
    Control("Two positions are as exact as one.", positions=2, units_each=0),
    positions=(1, 2, 3),
    tiers=(1, 2),
)
def a_breach_is_one_before_rounding_but_for_a_unit_for_each_further_position(
    case: Case, positions: int, tiers: int, units_each: int = 1
) -> bool:
    """A breached pool with one quote unit less for each of its positions but the first is breached before anything is
    rounded: of a single position exactly so, as equity is whole. (All rates over one denominator, which does
    not restrict them.)
    """
    equity, (denominator,) = case.integer("equity"), case.positive("denominator")
    pool = any_pool(case, positions, tiers, denominator)
    case.given("breached", arithmetic.breached(equity, arithmetic.pool_maintenance_margin(pool)))
    exact = [held._replace(schedule=before_rounding(held.schedule)) for held in pool]
    less = equity - units_each * (positions - 1)
    return arithmetic.breached(less * denominator, arithmetic.pool_maintenance_margin(exact))


@lemma(
    "LIQ-4 LIQ-5",
    Control("Also if each looks at another moment.", without="both look at one moment"),
    in_liquidation=(False, True),
)
def needs_liquidation_excludes_restored(case: Case, in_liquidation: bool) -> bool:
    """The guards `needs_liquidation` and `restored` never hold together."""
    equity, maintenance, other_equity = case.integers("equity", "maintenance", "other_equity")
    case.given("both look at one moment", other_equity == equity)
    restored = arithmetic.restored(equity, maintenance)
    return not (restored and arithmetic.needs_liquidation(other_equity, maintenance, in_liquidation))


@lemma("BKS-1 LIQ-4 CFG-2", Control("The threshold may be above 1.", without="the threshold is at most 1"))
def below_backstop_excludes_restored(case: Case) -> bool:
    """The guards `below_backstop` and `restored` never hold together."""
    equity, maintenance = case.integers("equity", "maintenance")
    threshold = any_share(case, "threshold", lowest=1)
    case.given("no margin is negative", maintenance >= 0)
    restored = arithmetic.restored(equity, maintenance)
    return not (restored and arithmetic.below_backstop(equity, maintenance, threshold))


@lemma("LIQ-3 LIQ-4", Control("A unit less is healthy.", less=1), in_liquidation=(False, True))
def equality_is_healthy(case: Case, in_liquidation: bool, less: int = 0) -> bool:
    """A pool whose equity is its maintenance margin is not breached, is restored, and needs no liquidation."""
    maintenance = case.integer("maintenance")
    equity = maintenance - less
    if arithmetic.breached(equity, maintenance) or not arithmetic.restored(equity, maintenance):
        return False
    return not arithmetic.needs_liquidation(equity, maintenance, in_liquidation)


@lemma("LIQ-4 LIQ-15", Control("So it is with any other factor.", without="the factor is 1"))
def a_factor_of_one_asks_for_the_margin(case: Case) -> bool:
    """With the maintenance margin as its measure and a factor of 1, a restore target changes nothing."""
    equity, maintenance = case.integers("equity", "maintenance")
    top, bottom = case.positive("top", "bottom")
    case.given("the factor is 1", top == bottom)
    target = arithmetic.restore_target(maintenance, Ratio(top, bottom))
    return arithmetic.restored(equity, maintenance, target) == arithmetic.restored(equity, maintenance)


@lemma(
    "LIQ-3 LIQ-5", Control("So does every other pool.", without="the pool is breached"), in_liquidation=(False, True)
)
def a_breached_pool_needs_liquidation(case: Case, in_liquidation: bool) -> bool:
    """Whether or not it is in liquidation already, a breached pool needs liquidation."""
    equity, maintenance = case.integers("equity", "maintenance")
    case.given("the pool is breached", arithmetic.breached(equity, maintenance))
    return arithmetic.needs_liquidation(equity, maintenance, in_liquidation)


@lemma(
    "BKS-9 MRG-5 MRG-13 MRG-15",
    Control("So it is at any rates.", without=CLOSEOUT_LIMIT),
    tiers=(1, 2),
    rounds_down=(False, True),
)
def a_closeout_margin_is_never_above_the_maintenance_margin(case: Case, tiers: int, rounds_down: bool) -> bool:
    """At close-out rates a position needs no more margin than at its maintenance rates, so what is below a share of the
    one is below the other.
    """
    schedule, amount = with_fee(case, any_schedule(case, tiers)), _any_notional(case)
    schedule = schedule._replace(rounds_down=rounds_down)
    entries: list[Tier] = []
    for index, tier in enumerate(schedule.tiers, start=1):
        (rate,) = case.positive(f"closeout_rate{index}")
        case.given(CLOSEOUT_LIMIT, rate <= tier.rate)
        deduction = 0
        if entries:
            case.given("close-out rates do not fall", rate >= entries[-1].rate)
            deduction = entries[-1].deduction + tier.above * (rate - entries[-1].rate)
        entries.append(tier._replace(rate=rate, deduction=deduction))
    closeout = schedule._replace(tiers=tuple(entries))
    return arithmetic.maintenance_margin(amount, closeout) <= arithmetic.maintenance_margin(amount, schedule)


@lemma("ACC-9", Control("Nor one that closes all.", without="a position is left"))
def an_accepted_reduction_breaches_no_healthy_pool(case: Case) -> bool:
    """A pool that was not breached, and still has a position after an accepted reduction, is not breached then."""
    before, after = _any_reduction(case)
    case.given("it was not breached", not arithmetic.breached(*before))
    case.given("a position is left", case.integer("positions_after") > 0)
    return not arithmetic.breached(*after)


@lemma("ACC-9", Control("It never lowers equity.", deficit_only=False))
def an_accepted_reduction_makes_no_deficit_larger(case: Case, deficit_only: bool = True) -> bool:
    """After an accepted reduction there is no deficit if there was none, and no larger one if there was one."""
    (before, _), (after, _) = _any_reduction(case)
    return after >= (min(0, before) if deficit_only else before)


@lemma("ACC-9 FIL-1", Control("Also one that loses a unit.", lost=1))
def a_trader_can_always_reduce_at_the_mark(case: Case, lost: int = 0) -> bool:
    """A reduction that leaves equity as it was and lets no margin grow, as one at the mark does, is accepted."""
    equity, maintenance, maintenance_after = case.integers("equity", "maintenance", "maintenance_after")
    case.given("no margin grows", maintenance_after <= maintenance)
    positions_after = case.integer("positions_after")
    return arithmetic.reduction_is_safe(equity, maintenance, equity - lost, maintenance_after, positions_after)


@lemma(
    "ACC-16 ACC-8 ACC-9", Control("Also a margin that another pool needs.", without="it is part of the margin before")
)
def a_reversal_that_opens_may_reduce(case: Case) -> bool:
    """A trade that closes a position and opens the rest, and leaves the pool its initial margin, is also accepted as
    the reduction that it begins with.
    """
    equity, maintenance, left, initial = case.integers("equity", "maintenance", "margin_of_the_others", "initial")
    closed, rest, price, mark, unit = case.positive("closed", "rest", "price", "mark", "unit")
    case.given("no margin is negative", left >= 0)
    case.given("it is part of the margin before", left <= maintenance)
    case.given("an initial margin covers the maintenance margin", initial >= left)
    gain = arithmetic.unrealised_pnl(1, price * unit, mark, unit)
    between, after = equity + closed * gain, equity + (closed + rest) * gain
    case.given("the opening is covered", after >= initial)
    return arithmetic.reduction_is_safe(equity, maintenance, between, left, case.integer("positions_after"))


@lemma("ACC-14", Control("So may any other.", without="it is not more"))
def less_may_leave_above_a_floor(case: Case) -> bool:
    """From a pool that keeps its floor when an amount leaves it, any amount that is not larger may leave as well."""
    equity, worth, leaving, other = case.integers("equity", "notional", "leaving", "other")
    floor = any_share(case, "floor", 1)
    case.given("it keeps the floor", arithmetic.keeps_the_floor(equity - leaving, worth, floor))
    case.given("it is not more", other <= leaving)
    return arithmetic.keeps_the_floor(equity - other, worth, floor)


def _any_reduction(case: Case) -> tuple[tuple[int, int], tuple[int, int]]:
    """Equity and maintenance margin before any accepted reduction, and after it."""
    equity, maintenance, equity_after, maintenance_after, positions_after = case.integers(
        "equity", "maintenance", "equity_after", "maintenance_after", "positions_after"
    )
    case.given("no margin is negative", (maintenance >= 0) & (maintenance_after >= 0))
    case.given("no number of positions is negative", positions_after >= 0)
    accepted = arithmetic.reduction_is_safe(equity, maintenance, equity_after, maintenance_after, positions_after)
    case.given("it is accepted", accepted)
    return (equity, maintenance), (equity_after, maintenance_after)


# ----------------------------------------------------------------------------------------------------- derived prices


@lemma(
    "MRG-10 MRG-13 MRG-14 MRG-15 LIQ-3",
    Control("Any deductions do.", without=DEDUCTIONS, tiers=2),
    side=(1, -1),
    tiers=(1, 2, 3),
    measured=({}, {"rounds_down": True}, {"at_entry": True}),
)
def the_liquidation_price_parts_the_ticks(
    case: Case, side: int, tiers: int, measured: Mapping[str, Any] = NO_CHOICES
) -> bool:
    """The pool is breached at the liquidation price and at every tick beyond it, and at no tick before it. Where a
    long has none, it is breached at no tick, or at all of them and some rate is 1; a short always has one.
    """
    held = any_holding(case, with_fee(case, any_schedule(case, tiers)._replace(**measured)))
    collateral, other_maintenance = case.integers("collateral", "other_maintenance")
    case.given("the position is of this side", held.size * side > 0)
    price = arithmetic.liquidation_price(arithmetic.pool_equity(collateral, [held]), other_maintenance, held)
    (tick,) = case.positive("tick")
    breached = _breached_at(tick, collateral, other_maintenance, held)
    if price is not None:
        beyond = tick <= price if side > 0 else tick >= price
        return breached == beyond
    if not breached:
        return True
    (other_tick,) = case.positive("other_tick")
    highest = held.schedule.tiers[-1].rate + held.schedule.close_fee
    everywhere = _breached_at(other_tick, collateral, other_maintenance, held)
    return side > 0 and everywhere and highest == held.schedule.denominator and not held.schedule.at_entry


@lemma(
    "MRG-10 MRG-14",
    Control("It is that of the first tier.", tiers=2, last_tier=1),
    side=(1, -1),
    tiers=(1, 2, 3),
    at_entry=(False, True),
)
def equity_is_the_margin_at_the_exact_crossing(
    case: Case, side: int, tiers: int, last_tier: int | None = None, at_entry: bool = False
) -> bool:
    """Where there is an exact crossing, it is above 0, and there equity is the margin before rounding. (Everything is
    taken as many times as its denominator says, and the mark with it, so that all is whole.)
    """
    held = any_holding(case, any_schedule(case, tiers)._replace(at_entry=at_entry))
    collateral, other_maintenance = case.integers("collateral", "other_maintenance")
    case.given("the position is of this side", held.size * side > 0)
    equity = arithmetic.pool_equity(collateral, [held])
    crossing = arithmetic.liquidation_crossing(equity, other_maintenance, held)
    if crossing is None:
        return True
    times, parts = crossing.denominator, held.schedule.denominator
    enlarged = [
        tier._replace(above=tier.above * times, deduction=tier.deduction * times) for tier in held.schedule.tiers
    ]
    exact = Schedule(1, tuple(enlarged[:last_tier]), at_entry=at_entry)
    there = held._replace(cost=held.cost * times, mark=crossing.numerator, schedule=exact)
    equity_there = arithmetic.pool_equity(collateral * times, [there])
    margin_there = other_maintenance * times * parts + arithmetic.pool_maintenance_margin([there])
    return (times > 0) & (crossing.numerator > 0) & (equity_there * parts == margin_there)


def _breached_at(tick: int, collateral: int, other_maintenance: int, held: Holding) -> bool:
    moved = held._replace(mark=tick)
    margin = other_maintenance + arithmetic.pool_maintenance_margin([moved])
    # As a plain answer: each path continues with one or the other.
    return bool(arithmetic.breached(arithmetic.pool_equity(collateral, [moved]), margin))


@lemma(
    "MRG-12 LIQ-3",
    Control("So it is of any sizes in a higher tier, too.", without="beyond the first tier it is no smaller", tier=2),
    side=(1, -1),
    tier=(1, 2, 3),
)
def higher_exposure_is_liquidated_by_a_smaller_move(case: Case, side: int, tier: int) -> bool:
    """Of two pools that hold one position of the same market, side and tier, the one with the larger notional for its
    equity is breached at every mark that breaches the other. Beyond the first tier it also must not be the smaller
    position, as the deduction, the same for both, is worth more to a small one.
    """
    schedule = any_schedule(case, tiers=tier)
    first, second = any_holding(case, schedule, "_first"), any_holding(case, schedule, "_second")
    case.given("they have the same market", (first.mark == second.mark) & (first.unit == second.unit))
    case.given("they have the same side", (first.size * side > 0) & (second.size * side > 0))
    if tier > 1:
        case.given("beyond the first tier it is no smaller", abs(first.size) >= abs(second.size))
    first_collateral, second_collateral = case.integers("collateral_first", "collateral_second")
    exposed = _notional(first) * arithmetic.pool_equity(second_collateral, [second])
    case.given("it is more exposed", exposed >= _notional(second) * arithmetic.pool_equity(first_collateral, [first]))
    (tick,) = case.positive("tick")
    for held in (first, second):
        for mark in (held.mark, tick):
            amount = _notional(held._replace(mark=mark))
            case.given("both stay in the last tier", amount > schedule.tiers[-1].above)
    case.given("the other is breached", _breached_at(tick, second_collateral, 0, second))
    return _breached_at(tick, first_collateral, 0, first)


def _notional(held: Holding) -> int:
    return arithmetic.notional(held.size, held.mark, held.unit)


@lemma("MRG-11 MRG-3", Control("Also one tick from it.", ticks_away=1))
def equity_is_zero_at_the_bankruptcy_price(case: Case, ticks_away: int = 0) -> bool:
    """Were the mark the stand-alone bankruptcy price, equity would be 0. (Everything is taken as many times as its
    denominator says, and the mark with it, so that all is whole.)
    """
    held, collateral = any_holding(case, NO_SCHEDULE), case.integer("collateral")
    bankruptcy = arithmetic.bankruptcy_price(arithmetic.pool_equity(collateral, [held]), held)
    times = bankruptcy.denominator
    there = held._replace(cost=held.cost * times, mark=bankruptcy.numerator + ticks_away * times)
    return (times > 0) & (arithmetic.pool_equity(collateral * times, [there]) == 0)


@lemma("MRG-11 MRG-9 FIL-1", Control("Nor does a fill one tick worse.", ticks_worse=1))
def a_fill_no_worse_than_bankruptcy_makes_no_deficit(case: Case, ticks_worse: int = 0) -> bool:
    """A fill without fee, at a price no worse than the stand-alone bankruptcy price just before it, leaves equity at 0
    or above where it was so before.
    """
    held, collateral = any_holding(case, NO_SCHEDULE), case.integer("collateral")
    closed, (price,) = any_closed(case, held), case.positive("price")
    equity = arithmetic.pool_equity(collateral, [held])
    case.given("there is no deficit before", equity >= 0)
    bankruptcy = arithmetic.bankruptcy_price(equity, held)
    side = 1 if held.size > 0 else -1
    better = (price + side * ticks_worse) * bankruptcy.denominator - bankruptcy.numerator
    case.given("the price is no worse than bankruptcy", better * side >= 0)
    collateral_after, held_after = after_fill(collateral, held, closed, price)
    return arithmetic.pool_equity(collateral_after, [held_after]) >= 0


# ------------------------------------------------------------------------------------------------------------- closing


@lemma(
    "FIL-1 MRG-9 MRG-14 LIQ-3",
    Control("Nor does a fill at any price.", without="the price is the mark"),
    tiers=(1, 2, 3),
    at_entry=(False, True),
)
def a_fill_at_the_mark_is_never_for_the_worse(case: Case, tiers: int, at_entry: bool = False) -> bool:
    """A fill at the mark without fee never lowers what equity is above the maintenance margin."""
    held, collateral = (
        any_holding(case, any_schedule(case, tiers)._replace(at_entry=at_entry)),
        case.integer("collateral"),
    )
    closed, (price,) = any_closed(case, held), case.positive("price")
    case.given("the price is the mark", price == held.mark)
    collateral_after, held_after = after_fill(collateral, held, closed, price)
    before = arithmetic.pool_equity(collateral, [held]) - arithmetic.pool_maintenance_margin([held])
    after = arithmetic.pool_equity(collateral_after, [held_after]) - arithmetic.pool_maintenance_margin([held_after])
    return after >= before


@lemma("FIL-1 MRG-9 MRG-3", Control("So does one at any price.", without="the price is the mark"))
def a_fill_at_the_mark_leaves_equity_as_it_was(case: Case) -> bool:
    """What closing a part at the mark realises and what it takes from the unrealised PnL are the same."""
    held, collateral = any_holding(case, NO_SCHEDULE), case.integer("collateral")
    closed, (price,) = any_closed(case, held), case.positive("price")
    case.given("the price is the mark", price == held.mark)
    collateral_after, held_after = after_fill(collateral, held, closed, price)
    return arithmetic.pool_equity(collateral_after, [held_after]) == arithmetic.pool_equity(collateral, [held])


@lemma("MRG-9 MRG-3", Control("The collateral is the same as well.", count_the_position=False))
def how_cost_is_split_never_changes_equity(case: Case, count_the_position: bool = True) -> bool:
    """After closing at any price, equity is the same as if any other part of the cost had been released."""
    held, collateral = any_holding(case, NO_SCHEDULE), case.integer("collateral")
    closed, (price,) = any_closed(case, held), case.positive("price")
    left, after = after_fill(collateral, held, closed, price)
    other_left, other_after = after_release(collateral, held, closed, price, case.integer("released"))
    if not count_the_position:
        return left == other_left
    return arithmetic.pool_equity(left, [after]) == arithmetic.pool_equity(other_left, [other_after])


@lemma("MRG-9", Control("So does closing a part.", without="all of it is closed"))
def a_full_close_releases_the_whole_cost(case: Case) -> bool:
    """Closing all of a position releases all of its cost."""
    held = any_holding(case, NO_SCHEDULE)
    closed = any_closed(case, held)
    case.given("all of it is closed", closed == abs(held.size))
    return arithmetic.released_cost(held.size, held.cost, closed) == held.cost


@lemma("MRG-9", Control("Not even if more is closed than there is.", without="no more is closed than there is"))
def no_more_than_the_cost_is_released(case: Case) -> bool:
    """The released cost has the sign of the cost, and is never larger."""
    held = any_holding(case, NO_SCHEDULE)
    released = arithmetic.released_cost(held.size, held.cost, any_closed(case, held))
    return abs(released) + abs(held.cost - released) == abs(held.cost)


@lemma("MRG-9 AMT-6", Control("It is the exact share.", within=0))
def a_part_releases_its_share_towards_zero(case: Case, within: int = 1) -> bool:
    """The released cost is never further from 0 than the closed share of the cost, and less than a unit nearer."""
    held = any_holding(case, NO_SCHEDULE)
    closed = any_closed(case, held)
    released = abs(arithmetic.released_cost(held.size, held.cost, closed))
    short_by = abs(held.cost) * closed - released * abs(held.size)
    return (short_by >= 0) & (short_by <= within * (abs(held.size) - 1))


# ------------------------------------------------------------------------------------------------ fees and other shares


@lemma("FIL-2", Control("Something is always left.", left=1))
def a_fee_never_makes_a_deficit(case: Case, left: int = 0) -> bool:
    """After a fee equity is at 0 or above if it was so before the fee."""
    fee, equity = _any_fee(case)
    case.given("there is no deficit before", equity >= 0)
    return equity - fee >= left


@lemma("FIL-2", Control("A fee is above 0.", at_least=1))
def a_fee_is_never_negative(case: Case, at_least: int = 0) -> bool:
    """No trader is paid for being liquidated."""
    fee, _ = _any_fee(case)
    return fee >= at_least


@lemma("FIL-2 AMT-6", Control("Also where there is no room.", without="equity has room for the whole fee"))
def a_fee_is_whole_where_there_is_room(case: Case) -> bool:
    """Where equity has room for it, the fee is the rate's share of the notional and less than a unit more."""
    amount, rate, equity = _any_notional(case), any_share(case, "fee_rate", lowest=0), case.integer("equity")
    share = amount * rate.numerator
    case.given("equity has room for the whole fee", equity * rate.denominator >= share)
    fee = arithmetic.liquidation_fee(amount, rate, equity)
    return (fee * rate.denominator >= share) & ((fee - 1) * rate.denominator < share)


@lemma("FIL-2 AMT-6", Control("It comes to exactly the same.", more=0))
def two_fees_are_the_fee_of_both_but_for_a_unit(case: Case, more: int = 1) -> bool:
    """Where equity has room for them, the fees of two parts come to the fee of the whole, or to one unit more."""
    first, second = case.integers("first", "second")
    case.given("no notional is negative", (first >= 0) & (second >= 0))
    rate, equity = any_share(case, "fee_rate", lowest=0), case.integer("equity")
    share = (first + second) * rate.numerator
    case.given("equity has room for both fees", equity * rate.denominator >= share + 2 * rate.denominator)
    one = arithmetic.liquidation_fee(first, rate, equity)
    both = one + arithmetic.liquidation_fee(second, rate, equity - one)
    whole = arithmetic.liquidation_fee(first + second, rate, equity)
    return (both >= whole) & (both <= whole + more)


def _any_fee(case: Case) -> tuple[int, int]:
    """Any fee, and the equity before it."""
    equity = case.integer("equity")
    return arithmetic.liquidation_fee(_any_notional(case), any_share(case, "fee_rate", lowest=0), equity), equity


@lemma("PRT-3 CFG-2", Control("The fraction may be above 1.", without="the fraction is at most 1"))
def a_chunk_is_some_and_not_too_much(case: Case) -> bool:
    """A chunk is at least one lot and at most the whole position."""
    size = case.integer("size")
    case.given("the position is open", size != 0)
    chunk = arithmetic.chunk(size, any_share(case, "fraction", lowest=1))
    return (chunk >= 1) & (chunk <= abs(size))


@lemma("PRT-4", Control("It never is all of it.", less=1), tiers=(1, 2, 3), steps=(1, 2))
def a_chunk_to_a_tier_is_some_and_not_too_much(case: Case, tiers: int, steps: int, less: int = 0) -> bool:
    """A chunk that takes a position down by tiers is at least one lot and at most the whole position."""
    schedule, size, (worth,) = any_schedule(case, tiers), case.integer("size"), case.positive("worth")
    case.given("the position is open", size != 0)
    chunk = arithmetic.chunk_to_tier(size, worth, steps, schedule)
    return (chunk >= 1) & (chunk <= abs(size) - less)


@lemma(
    "PRT-4", Control("Also where there is nothing to halve.", without="the search is not over"), enough=(True, False)
)
def a_halving_stays_within_its_ends_and_narrows(case: Case, enough: bool) -> bool:
    """Each halving of a search for a chunk looks between its ends, keeps the one that must stay, and narrows them."""
    low, high = case.integers("low", "high")
    case.given("the search is not over", high - low > 1)
    left, right = chunks.halved(low, high, lambda _: enough)
    kept, middle = (left == low, right) if enough else (right == high, left)
    return kept & (low < middle) & (middle < high)


@lemma("PRT-5", Control("It is as small as it was.", without="the chunk is some and not too much"))
def a_raised_chunk_is_some_and_not_too_much(case: Case) -> bool:
    """A chunk that is raised to a least size is at least what it was and at most the whole position."""
    size, lots, order, rest = case.integers("size", "lots", "order", "rest")
    (worth,) = case.positive("worth")
    case.given("the chunk is some and not too much", (lots >= 1) & (lots <= abs(size)))
    raised = arithmetic.at_least(lots, size, worth, order, rest)
    return (raised >= lots) & (raised <= abs(size))


@lemma("LIQ-17", Control("It is above the mark.", above_mark=True), price=("bankruptcy", "band"), side=(1, -1))
def a_limit_is_at_least_a_tick(case: Case, price: str, side: int, above_mark: bool = False) -> bool:
    """Whatever an order's limit is fixed by, it is a tick or more."""
    held = any_holding(case, NO_SCHEDULE)
    case.given("the position is of this side", held.size * side > 0)
    if price == "band":
        limit = arithmetic.band_limit(held.mark, held.size, any_share(case, "band", lowest=0))
    else:
        equity, margin, (pool_margin,) = *case.integers("equity", "margin"), case.positive("pool_margin")
        limit = arithmetic.bankruptcy_limit(equity, margin, pool_margin, held)
    return limit > held.mark if above_mark else limit >= 1


@lemma("BKS-4 CFG-2", Control("The fraction may be above 1.", without="the fraction is at most 1"))
def a_backstop_returns_no_more_than_there_is(case: Case) -> bool:
    """What a backstop returns is at least 0 and at most the equity, nothing where that is below 0, and never more than
    the fraction says, but less than a unit below it.
    """
    equity, fraction = case.integer("equity"), any_share(case, "fraction", lowest=0)
    returned, there = arithmetic.backstop_return(equity, fraction), max(equity, 0)
    short_by = fraction.numerator * there - returned * fraction.denominator
    return (returned >= 0) & (returned <= there) & (short_by >= 0) & (short_by < fraction.denominator)


@lemma("EVT-6 EVT-10", Control("No unit is ever lost.", lost=0))
def opposite_sizes_pay_what_they_receive_but_for_a_unit(case: Case, lost: int = 1) -> bool:
    """A payment between two opposite positions creates nothing, and loses at most one quote unit to rounding."""
    size, payment = case.integers("size", "payment")
    lot = Ratio(*case.positive("lot_numerator", "lot_denominator"))
    both = arithmetic.funding_due(size, payment, lot) + arithmetic.funding_due(-size, payment, lot)
    return (both >= 0) & (both <= lost)


def _any_notional(case: Case) -> int:
    amount = case.integer("notional")
    case.given("no notional is negative", amount >= 0)
    return amount


# ------------------------------------------------------------------------------------------- the mark from its inputs


@lemma("MRK-3 MRK-6", Control("It is the first of them.", first=True), order=("spot", "book", "perps"))
def one_of_three_moves_their_median_at_most_to_the_next(case: Case, order: str, first: bool = False) -> bool:
    """Whatever one of three candidates is, their median lies between the two others, or is one of them."""
    any_one, least, step = case.integers("any_one", "least", "step")
    case.given("the others are in order", step >= 0)
    others = (least, least + step)
    listed = {"spot": (any_one, *others), "book": (least, any_one, least + step), "perps": (*others, any_one)}[order]
    middle = mark_price.median_of_three(*listed)
    return middle == any_one if first else least <= middle <= least + step


@lemma("MRK-3", Control("Nor may it be crossed.", without="the ask is not below the bid"))
def a_last_trade_leaves_the_book_within_bid_and_ask(case: Case) -> bool:
    """The median of bid, ask and any last trade lies between bid and ask."""
    bid, ask, last = case.integers("bid", "ask", "last")
    case.given("the ask is not below the bid", ask >= bid)
    return bid <= mark_price.median_of_three(bid, ask, last) <= ask


@lemma("MRK-6", Control("Where they are not, too.", least=0), candidates=(1, 2, 3))
def a_mark_of_candidates_is_at_least_a_tick(case: Case, candidates: int, least: int = 1) -> bool:
    """Whatever candidates a mark is formed of, each a tick or more, the mark is."""
    given = "a candidate is at least a tick"
    return mark_price.median([_price(case, f"candidate{place}", given, least) for place in range(candidates)]) >= 1


def _price(case: Case, name: str, given: str, least: int = 1) -> int:
    """A price in billionths of a tick, which is given to be that many ticks or more."""
    ticks, rest = case.integers(f"{name}_ticks", f"{name}_rest")
    case.given(given, (ticks >= least) & (rest >= 0))
    return ticks * mark_price.BILLION + rest


@lemma(
    "MRK-3 MRK-4",
    Control("Also where an average is not.", without="an average of the book is at least a tick"),
    of=("average", "spot", "book", "last", "perps"),
)
def a_candidate_is_at_least_a_tick(case: Case, of: str) -> bool:
    """Every candidate of prices that are a tick or more is at least a tick, if an average of them is."""
    index, bid, ask, last = case.positive("index", "best_bid", "best_ask", "last")
    perps = tuple(mark_price.Perp(*case.positive(f"price{place}", f"weight{place}")) for place in (1, 2))
    quotes = {
        "average": mark_price.Quotes(best_bid=bid, best_ask=ask, perps=perps),
        "spot": mark_price.Quotes(index=index),
        "book": mark_price.Quotes(best_bid=bid, best_ask=ask),
        "last": mark_price.Quotes(best_bid=bid, best_ask=ask, last=last),
        "perps": mark_price.Quotes(perps=perps),
    }
    average = _price(case, "average", "an average of the book is at least a tick")
    feed = mark_price.Feed(basis=_Average(case.integer("basis")), book=_Average(average))
    return all(one >= mark_price.BILLION for one in feed.candidates(quotes[of]).values())


class _Average(mark_price.Average):
    """An average of which only its value is known."""

    def __init__(self, known: int) -> None:
        super().__init__()
        self.known = known

    def value(self) -> int:
        """The value."""
        return self.known


@lemma("MRK-7", Control("And it never stands still.", less=1))
def a_limited_mark_moves_at_most_by_its_share(case: Case, less: int = 0) -> bool:
    """A limited mark moves by at most its share of the one before, or by one tick; and it stays above 0."""
    mark, previous = case.positive("mark", "previous")
    share = any_share(case, "share", lowest=1)
    moved = mark_price.limited(mark, previous, share) - previous
    if moved < 0:
        moved = -moved
    at_most = moved * share.denominator <= previous * share.numerator - less * share.denominator
    return (at_most or moved <= 1 - less) and mark_price.limited(mark, previous, share) > 0


@lemma("MRK-7", Control("However far it is.", without="it is near enough"))
def a_mark_that_moves_little_is_not_limited(case: Case) -> bool:
    """A mark that moves by at most its share is left as it is."""
    mark, previous, share = case.integer("mark"), case.positive("previous")[0], any_share(case, "share", lowest=1)
    far = mark - previous
    case.given("it is near enough", far * share.denominator <= previous * share.numerator)
    case.given("it is near enough", -far * share.denominator <= previous * share.numerator)
    return mark_price.limited(mark, previous, share) == mark


@lemma("MRK-6", Control("A half goes up.", up=True))
def a_mark_is_the_nearest_tick(case: Case, up: bool = False) -> bool:
    """Rounded half to even, a mark is at most half a tick away, and exactly that far only on an even tick."""
    numerator, (denominator,) = case.integer("numerator"), case.positive("denominator")
    mark = mark_price.half_even(numerator, denominator)
    twice = 2 * (mark * denominator - numerator)
    if up or -denominator < twice < denominator:
        return -denominator < twice
    return twice in (denominator, -denominator) and 2 * arithmetic.divide_down(mark, 2) == mark
