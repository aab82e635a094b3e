"""How large a chunk is: a fraction of the position, or by another method of the venue (PRT-3 to PRT-5)."""

from collections.abc import Callable

from liqspec.core import arithmetic, changes
from liqspec.core.effects import Sizing
from liqspec.core.state import Pool, Position, State


def sized(state: State, pool: Pool, position: Position, method: Sizing) -> tuple[int, Sizing]:
    """The lots of the order where a chunk is asked for, and what decided them: the method, or a least size (PRT-5)."""
    venue, held = state.venue, state.holding(position)
    lots, worth = size_of(state, pool, position), held.mark * held.unit
    if venue.min_order_notional is None and venue.min_rest_notional is None:
        return lots, method
    raised = arithmetic.at_least(lots, held.size, worth, venue.min_order_notional, None)
    found = arithmetic.at_least(lots, held.size, worth, venue.min_order_notional, venue.min_rest_notional)
    return found, "least_rest" if found != raised else "least_order" if found != lots else method


def size_of(state: State, pool: Pool, position: Position) -> int:
    """The lots of a chunk of an open position: at least 1, and at most all of them (PRT-3, PRT-4)."""
    venue, held = state.venue, state.holding(position)
    match venue.partial_method:
        case "restore":
            return by_halving(abs(held.size), lambda closed: restores(state, pool, position, closed))
        case "tier_down":
            return arithmetic.chunk_to_tier(held.size, held.mark * held.unit, venue.tier_steps or 1, held.schedule)
        case "lots":
            return min(abs(held.size), venue.partial_lots or 1)
        case _:
            return arithmetic.chunk(held.size, venue.partial_fraction)


def by_halving(most: int, enough: Callable[[int], bool]) -> int:
    """A number from 1 to `most` that is enough while one less is not, or `most`; the least, if more is never worse."""
    too_few, found = 0, most
    while found - too_few > 1:
        too_few, found = halved(too_few, found, enough)
    return found


def halved(too_few: int, found: int, enough: Callable[[int], bool]) -> tuple[int, int]:
    """The half of a range of numbers in which the search continues; its middle is asked for."""
    middle = (too_few + found) // 2
    return (too_few, middle) if enough(middle) else (middle, found)


def restores(state: State, pool: Pool, position: Position, closed: int) -> bool:
    """Whether closing some lots at the mark, but not all, restores the pool once its fee is paid (LIQ-4, FIL-2)."""
    held = state.holding(position)
    released = arithmetic.released_cost(held.size, held.cost, closed)
    realised = arithmetic.realised_pnl(held.size, closed, held.mark, held.unit, released)
    rest = held._replace(size=held.size - (closed if held.size > 0 else -closed), cost=held.cost - released)
    after = [rest if other is position else state.holding(other) for other in pool.open_positions()]
    equity = arithmetic.pool_equity(pool.collateral + realised, after)
    worth = arithmetic.notional(closed, held.mark, held.unit)
    equity -= arithmetic.liquidation_fee(worth, state.venue.fee_rate, equity)
    target = changes.restore_target(state.venue.restore, after)
    return arithmetic.restored(equity, arithmetic.pool_maintenance_margin(after), target)
