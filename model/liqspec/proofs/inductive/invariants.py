"""What holds of every pool between events, as conditions on its numbers that fork nothing.

One with the name of a property of the catalogue says the same.
"""

from collections.abc import Callable

from attrs import frozen

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding
from liqspec.core.state import Account, Pool, Position, State, Window
from liqspec.proofs.inductive import thresholds
from liqspec.proofs.inductive.conditions import every, implies, negation, same, some
from liqspec.proofs.inductive.unknown import Limit, ended, has, is_settled, limit_of, liquidated
from liqspec.proofs.symbolic import Condition


@frozen(eq=False)
class View:
    """A pool with what the invariants ask of it; the measures are 0 where it has no open position."""

    state: State
    pool: Pool
    closed: list[Position]
    held: list[Position]
    working: list[Position]
    holdings: list[Holding]
    equity: int
    maintenance: int

    @classmethod
    def of(cls, state: State, pool: Pool) -> "View":
        """The view of a pool; its lifecycle states and whether orders work are concrete."""
        positions = list(pool.positions.values())
        held = [one for one in positions if not ended(one.state)]
        holdings = [state.holding(one) for one in held]
        return cls(
            state,
            pool,
            [one for one in positions if ended(one.state)],
            held,
            [one for one in held if one.order is not None],
            holdings,
            arithmetic.pool_equity(pool.collateral, holdings) if held else 0,
            arithmetic.pool_maintenance_margin(holdings) if held else 0,
        )

    @property
    def untried(self) -> Condition:
        """That some liquidatable position had no attempt in this block."""
        return some(negation(one.attempted) for one in self.held if _waits(one))

    @property
    def sends_all(self) -> Condition:
        """That all positions are sent to the market at once."""
        return self.state.venue.order_policy == "all"

    @property
    def without_book(self) -> Condition:
        """That the venue has no market step."""
        return has(self.state.venue, "market_attempt", False)


def _waits(position: Position) -> bool:
    return position.state == "liquidatable"


@frozen
class Invariant:
    """A sentence about a pool between events, its rules, and the condition that it is.

    One that is `assessed` holds by the assessment that ends an event, and need not hold before it.
    """

    name: str
    sentence: str
    rules: tuple[str, ...]
    assessed: bool
    holds: Callable[[View], Condition]


INVARIANTS: dict[str, Invariant] = {}


def _invariant(
    rules: str, *, assessed: bool = False
) -> Callable[[Callable[[View], Condition]], Callable[[View], Condition]]:
    def enter(holds: Callable[[View], Condition]) -> Callable[[View], Condition]:
        sentence = " ".join((holds.__doc__ or "").split())
        INVARIANTS[holds.__name__] = Invariant(holds.__name__, sentence, tuple(rules.split()), assessed, holds)
        return holds

    return enter


def of_pool(state: State, pool: Pool, *, assessed: bool = True) -> dict[str, Condition]:
    """Every invariant of a pool, by its name; before it is assessed those that hold then."""
    view = View.of(state, pool)
    return {name: one.holds(view) for name, one in INVARIANTS.items() if assessed or not one.assessed}


def normal_window(state: State, window: Window) -> Condition:
    """CLD-1 to CLD-4: 0 or open; `forcing` is at most `until`, and `until` at most that of a window that opens now."""
    now = state.time
    return (
        (window.until <= now + state.venue.cooldown_ms)
        & ((window.until == 0) | (window.until > now))
        & ((window.forcing_until == 0) | (window.forcing_until > now))
        & (window.forcing_until <= window.until)
    )


def ranges(state: State, owners: list[Account], pools: list[Pool]) -> Condition:
    """Time, block and windows are at least 0, marks above 0, and lives at least 1."""
    positions = [one for pool in pools for one in pool.positions.values()]
    windows = [
        *(owner.window for owner in owners),
        *(pool.window for pool in pools),
        *(one.window for one in positions),
    ]
    return every(
        [
            state.time >= 0,
            state.block >= 0,
            *(state.marks[name] > 0 for name in {one.market.name for one in positions}),
            *(one.life >= 1 for one in positions),
            *((window.until >= 0) & (window.forcing_until >= 0) for window in windows),
        ]
    )


# ------------------------------------------------------------------------------------------------------------ positions


@_invariant("LIF-2 ACC-8")
def a_position_was_opened(view: View) -> Condition:
    """Every position that a pool knows was opened at least once."""
    return all(one.state != "new" for one in view.pool.positions.values())


@_invariant("LIF-2 LIF-3 CLD-1")
def closed_is_empty(view: View) -> Condition:
    """What is closed or backstopped has no size, cost, leverage, order, attempt or window."""
    return every(
        (one.size == 0)
        & (one.cost == 0)
        & (one.leverage == 0)
        & (one.order is None)
        & (one.limit is None)
        & negation(one.attempted)
        & negation(one.failed)
        & (one.window.until == 0)
        & (one.window.forcing_until == 0)
        for one in view.closed
    )


@_invariant("LIF-3")
def what_is_open_has_a_size(view: View) -> Condition:
    """A position that is not ended has a size."""
    return every(one.size != 0 for one in view.held)


@_invariant("EVT-11")
def what_is_settled_is_not_open(view: View) -> Condition:
    """No position is open in a settled market."""
    return every(negation(is_settled(view.state, one.market.name)) for one in view.held)


@_invariant("ACC-8 LIF-2")
def a_leverage_is_allowed(view: View) -> Condition:
    """The leverage of an open position is from 1 to the first tier's maximum."""
    return every((one.leverage >= 1) & (one.leverage <= one.market.max_leverage) for one in view.held)


@_invariant("LIQ-14 FIL-1 FIL-3")
def an_order_fits_its_position(view: View) -> Condition:
    """A working order is above 0 and at most the position, which can be filled."""
    return every(
        (one.order > 0) & (one.order <= abs(one.size)) & liquidated(one.state)
        for one in view.working
        if one.order is not None
    )


@_invariant("LIQ-17 FIL-3")
def an_order_has_its_limit(view: View) -> Condition:
    """A working order has a limit of at least a tick where the venue has limits, and else none."""
    limited = negation(has(view.state.venue, "order_price", None, "market"))
    return every(_limited_as(one, (one.order is not None) & limited) for one in view.held)


def _limited_as(position: Position, wanted: Condition) -> Condition:
    limit = limit_of(position)
    if isinstance(limit, Limit):
        return same(limit.there, wanted) & (limit.price >= 1)
    return negation(wanted) if limit is None else wanted & (limit >= 1)


@_invariant("LIQ-11 LIQ-12 BKS-2")
def an_order_is_an_attempt(view: View) -> Condition:
    """While an order works its position was attempted, and has not failed."""
    return every(one.attempted & negation(one.failed) for one in view.working)


@_invariant("BKS-2 LIQ-8 LIQ-10")
def what_failed_was_attempted(view: View) -> Condition:
    """A position has failed only by an attempt in this block, in the pool's present liquidation."""
    return every(
        implies(one.failed, one.attempted & view.pool.in_liquidation & liquidated(one.state)) for one in view.held
    )


# -------------------------------------------------------------------------------------------------------------- windows


@_invariant("CLD-1 CLD-2 CLD-3 CLD-4")
def windows_are_normal(view: View) -> Condition:
    """A window is 0 or open, its `forcing` at most its `until`, and that at most the cooldown from now."""
    return every(normal_window(view.state, w) for w in (view.pool.window, *(one.window for one in view.held)))


@_invariant("CLD-1 LIQ-10 EVT-9")
def healthy_has_no_window(view: View) -> Condition:
    """A healthy position has no window of its own."""
    return every(one.window.until == 0 for one in view.held if one.state == "healthy")


@_invariant("CLD-2 LIQ-10 EVT-9")
def cooldown_has_a_window(view: View) -> Condition:
    """A position in cooldown has an open window of its own."""
    return every(one.window.until > view.state.time for one in view.held if one.state == "cooldown")


# ---------------------------------------------------------------------------------------------------------------- pools


@_invariant("BKS-7 LIQ-8", assessed=True)
def no_negative_collateral_without_position(view: View) -> Condition:
    """A pool without position has no negative collateral, and is not in liquidation."""
    if view.held:
        return True
    return (view.pool.collateral >= 0) & negation(view.pool.in_liquidation)


@_invariant("LIQ-3 LIQ-6 LIQ-11 LIQ-18", assessed=True)
def a_breach_is_seen_at_once(view: View) -> Condition:
    """A breached pool is in liquidation, unless breaches wait for a block."""
    if not view.held:
        return True
    waits = has(view.state.venue, "assess_at", "block")
    return implies(view.equity < view.maintenance, waits | view.pool.in_liquidation)


@_invariant("LIQ-4 LIQ-5 LIQ-9 LIQ-10 LIQ-15", assessed=True)
def a_covered_pool_is_left_alone(view: View) -> Condition:
    """A restored pool, equality included, is in liquidation only while an order works to its end."""
    if not view.held:
        return True
    goes_on = bool(view.working) & negation(view.state.venue.stop_when_restored)
    restored = thresholds.restored(view.state, view.holdings, view.equity, view.maintenance)
    return implies(restored, same(view.pool.in_liquidation, goes_on))


@_invariant("LIF-1 LIQ-11", assessed=True)
def in_liquidation_everything_can_be_filled(view: View) -> Condition:
    """In liquidation every open position is in a state in which it can be filled."""
    return implies(view.pool.in_liquidation, all(liquidated(one.state) for one in view.held))


@_invariant("LIF-1 LIQ-10")
def nothing_waits_out_of_liquidation(view: View) -> Condition:
    """Out of liquidation no position is liquidatable, and no order works."""
    waits = any(_waits(one) for one in view.held) or bool(view.working)
    return implies(negation(view.pool.in_liquidation), not waits)


@_invariant("LIQ-16")
def without_a_book_nothing_is_attempted(view: View) -> Condition:
    """Where the venue has no market step, no order works, and no position was attempted."""
    return implies(view.without_book, every(negation(one.attempted) & (one.order is None) for one in view.held))


@_invariant("LIQ-11 LIQ-12 LIQ-16", assessed=True)
def liquidation_makes_progress(view: View) -> Condition:
    """Where no order works, a pool in liquidation has attempted every liquidatable position in this block."""
    return view.without_book | (bool(view.working) or implies(view.pool.in_liquidation, negation(view.untried)))


@_invariant("BKS-1 BKS-2 BKS-3 BKS-9 LIQ-16", assessed=True)
def a_failed_pool_below_its_line_is_taken(view: View) -> Condition:
    """No pool in liquidation is left whose every position failed, or that has no book, and whose equity is below the
    backstop line.
    """
    if view.working or not view.held:
        return True
    below = thresholds.below_line(view.state, view.held, view.equity, view.maintenance)
    failed = view.without_book | every(one.failed for one in view.held)
    return negation(failed & below & view.pool.in_liquidation)


@_invariant("LIQ-11 LIQ-16", assessed=True)
def where_all_are_sent_nobody_waits(view: View) -> Condition:
    """Where all positions are sent, none of a pool in liquidation waits for its first attempt."""
    return implies(view.sends_all & view.pool.in_liquidation, view.without_book | negation(view.untried))


@_invariant("LIQ-11 EVT-9")
def while_an_order_works_nobody_waits(view: View) -> Condition:
    """While an order works where all are sent, none waits for its first attempt: only a block ends attempts."""
    return implies(view.sends_all, not view.working or negation(view.untried))


@_invariant("LIQ-12")
def where_one_is_sent_one_works(view: View) -> Condition:
    """Where the largest is sent first, at most one order of a pool works."""
    return (len(view.working) <= 1) | view.sends_all
