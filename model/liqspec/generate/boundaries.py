"""Where the exact boundaries are in a state: the prices, sizes, payments and amounts that meet them.

Each boundary is computed with the arithmetic of the rules; a guide chooses among them, and often misses by one unit.
"""

from liqspec.core.arithmetic import (
    Holding,
    Ratio,
    below_backstop,
    divide_up,
    initial_margin,
    notional,
    pool_equity,
    pool_initial_margin,
    pool_maintenance_margin,
    pool_notional,
    released_cost,
)
from liqspec.core.changes import measure
from liqspec.core.config import Market, Venue
from liqspec.core.state import Pool, Position, State


def measures(state: State, pool: Pool) -> tuple[int, int]:
    """Equity and maintenance margin of a pool, in quote units."""
    held = state.holdings(pool)
    return pool_equity(pool.collateral, held), pool_maintenance_margin(held)


def free(state: State, pool: Pool) -> int:
    """What a pool's equity is above its initial margin, in quote units; negative if it lacks some."""
    held = state.holdings(pool)
    return pool_equity(pool.collateral, held) - pool_initial_margin(held)


def outflows(state: State, pool: Pool) -> tuple[int, ...]:
    """The most that may leave a pool by each of its bounds (ACC-5, ACC-14, ACC-15), in quote units."""
    held, floor = state.holdings(pool), state.venue.withdraw_floor or Ratio(0, 1)
    kept = divide_up(pool_notional(held) * floor.numerator, floor.denominator)
    return free(state, pool), pool_equity(pool.collateral, held) - kept, pool.collateral


def backstop_line(venue: Venue, margin: int) -> int:
    """The least equity in quote units that is not below the backstop threshold of a margin."""
    share = venue.backstop_threshold
    line = divide_up(margin * share.numerator, share.denominator)
    assert not below_backstop(line, margin, share)
    return line


def backstop_line_of(state: State, pool: Pool) -> int:
    """The least equity in quote units with which a pool is not below its backstop threshold (BKS-1, BKS-9)."""
    return backstop_line(state.venue, measure(state, pool).backstop_margin)


def restore_lines(state: State, pool: Pool) -> tuple[int, ...]:
    """The least equity in quote units that reaches the pool's restore target, if it has one besides its margin."""
    target = measure(state, pool).restore_target
    return () if target is None else (divide_up(target.numerator, target.denominator),)


def equity_lines(state: State, pool: Pool) -> tuple[int, ...]:
    """The equities at which a decision changes, and their neighbours, in quote units."""
    _, margin = measures(state, pool)
    line = backstop_line_of(state, pool)
    restoring = [equity for line in restore_lines(state, pool) for equity in (line, line - 1)]
    return (margin, margin - 1, line, line - 1, 0, -1, *restoring)


def whole_ticks(position: Position, equity: int) -> int:
    """The next equity above that one in quote units that a whole number of ticks of a position's price would cost.

    At such an equity a reduction can keep the ratio of equity to margin exactly (ACC-9).
    """
    tick = abs(position.size) * position.market.unit
    return (equity // tick + 1) * tick


def threshold_amounts(venue: Venue, market: Market) -> list[int]:
    """The notionals at which a tier starts, or beyond which liquidation is partial, in quote units."""
    starts = [tier.above for tier in market.schedule.tiers[1:]]
    return [*starts, *([venue.partial_threshold] if venue.partial_threshold else [])]


def is_exact(state: State, pool: Pool, position: Position) -> bool:
    """Whether a pool that is not in liquidation is on a line as long as its marks stay: what to liquidate it on.

    The notional of this position is one at which a tier starts or partial liquidation ends, or less than a lot above
    it, or its maintenance margin is that of another position of its pool.
    """
    if pool.in_liquidation:
        return False
    held = state.holding(position)
    lot = held.mark * held.unit
    if any(0 <= worth(held) - amount < lot for amount in threshold_amounts(state.venue, position.market)):
        return True
    others = [state.holding(other) for other in pool.open_positions() if other is not position]
    return pool_maintenance_margin([held]) in [pool_maintenance_margin([other]) for other in others]


def affordable(market: Market, mark: int, free: int, leverage: int) -> int:
    """Lots whose initial margin at a mark in ticks is at most `free` quote units: the most such, or at least half."""
    lot = mark * market.unit
    lots = max(0, free * leverage // lot)
    while lots and initial_margin(lots * lot, leverage, market.schedule) > free:
        lots //= 2
    return lots


def funding_to(position: Position, equity: int, target: int) -> int:
    """The payment for one unit of size, in quote units, that brings a pool's equity to a target, or just beyond."""
    lot = position.market.lot
    top, bottom = (equity - target) * lot.denominator, position.size * lot.numerator
    return divide_up(top, bottom) if bottom > 0 else divide_up(-top, -bottom)


def reduction_prices(state: State, pool: Pool, position: Position, closed: int) -> list[int]:
    """The prices in ticks at which closing `closed` lots just meets a bound of ACC-9, such as an equity of 0."""
    market, side = position.market, 1 if position.size > 0 else -1
    equity, margin = measures(state, pool)
    mark = state.marks[market.name]
    margin_after = _margin_after(state, pool, position, closed)
    kept_ratio = divide_up(equity * margin_after, margin) if margin else 0
    kept_shortfall = equity - margin + margin_after
    bounds = (0, equity, margin_after, margin_after - 1, kept_ratio, kept_shortfall)
    return [mark + side * divide_up(bound - equity, closed * market.unit) for bound in bounds]


def ratio_keeping_price(state: State, pool: Pool, position: Position, closed: int) -> int | None:
    """The price in ticks at which closing `closed` lots keeps the ratio of equity to margin to the unit (ACC-9).

    None if the position would be closed, or no tick keeps it.
    """
    market, side = position.market, 1 if position.size > 0 else -1
    equity, margin = measures(state, pool)
    if not 0 <= equity < margin or closed >= abs(position.size):
        return None
    kept, failed = divmod(equity * _margin_after(state, pool, position, closed), margin)
    ticks, between = divmod(kept - equity, closed * market.unit)
    price = state.marks[market.name] + side * ticks
    return price if not failed and not between and price > 0 else None


def _margin_after(state: State, pool: Pool, position: Position, closed: int) -> int:
    """The maintenance margin of a pool when `closed` lots of a position have been closed."""
    rest = [state.holding(other) for other in pool.open_positions() if other is not position]
    if closed != abs(position.size):
        left = position.size - closed if position.size > 0 else position.size + closed
        released = released_cost(position.size, position.cost, closed)
        rest.append(state.holding(position)._replace(size=left, cost=position.cost - released))
    return pool_maintenance_margin(rest)


def worth(held: Holding) -> int:
    """The notional of a holding at its mark, in quote units."""
    return notional(held.size, held.mark, held.unit)
