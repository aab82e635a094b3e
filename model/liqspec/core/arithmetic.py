"""The arithmetic of the rules: small pure functions on integers, and the only place where a margin is computed.

Units everywhere: sizes in lots (long > 0, short < 0), prices in ticks, money in quote units. `unit` is the worth of one
lot at a price of one tick, in quote units (AMT-2). Each function cites the rule that it is.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Tier(NamedTuple):
    """One margin tier over the schedule's common denominator (MRG-4, MRG-5).

    `above` is a notional in quote units; `rate` and `deduction` are numerators over `Schedule.denominator`.
    """

    above: int
    rate: int
    deduction: int
    max_leverage: int


class Schedule(NamedTuple):
    """The margin tiers of one market, in rising order of `above`, and the denominator of their rates.

    `rounds_down` says that a maintenance margin is rounded down (MRG-13), `at_entry` that margins are asked of what the
    size cost (MRG-14); `close_fee` is the rate of the fee of closing, over the denominator too (MRG-15).
    """

    denominator: int
    tiers: tuple[Tier, ...]
    rounds_down: bool = False
    at_entry: bool = False
    close_fee: int = 0


class Holding(NamedTuple):
    """What the measures of a pool need to know of one position."""

    size: int
    cost: int
    leverage: int
    mark: int
    unit: int
    schedule: Schedule


class Ratio(NamedTuple):
    """An exact rational number, its denominator above 0; not necessarily in lowest terms."""

    numerator: int
    denominator: int


def divide_down(dividend: int, divisor: int) -> int:
    """The quotient rounded down; `divisor` is above 0 (AMT-6)."""
    return dividend // divisor


def divide_up(dividend: int, divisor: int) -> int:
    """The quotient rounded up; `divisor` is above 0 (AMT-6)."""
    return -(-dividend // divisor)


def unrealised_pnl(size: int, cost: int, mark: int, unit: int) -> int:
    """What closing the whole position at the mark would realise (MRG-1)."""
    return size * mark * unit - cost


def notional(size: int, price: int, unit: int) -> int:
    """The worth of a size at a price, whatever its side (MRG-2)."""
    return abs(size) * price * unit


def margin_notional(held: Holding) -> int:
    """The notional of which a position's margins are asked: at its mark (MRG-2), or what its size cost (MRG-14)."""
    return abs(held.cost) if held.schedule.at_entry else notional(held.size, held.mark, held.unit)


def tier_at(amount: int, schedule: Schedule) -> Tier:
    """The last tier whose `above` is strictly below the notional; the first where there is none (MRG-4)."""
    chosen = schedule.tiers[0]
    for tier in schedule.tiers[1:]:
        if amount > tier.above:
            chosen = tier
    return chosen


def maintenance_margin(amount: int, schedule: Schedule) -> int:
    """The maintenance margin of a position of this notional, rounded up (MRG-5, MRG-15) or down (MRG-13)."""
    tier = tier_at(amount, schedule)
    divide = divide_down if schedule.rounds_down else divide_up
    return divide(amount * (tier.rate + schedule.close_fee) - tier.deduction, schedule.denominator)


def initial_margin(amount: int, leverage: int, schedule: Schedule) -> int:
    """The initial margin of a position of this notional at this leverage, rounded up (MRG-7, MRG-15)."""
    allowed = min(leverage, tier_at(amount, schedule).max_leverage)
    if not schedule.close_fee:
        return divide_up(amount, allowed)
    # MRG-15
    return divide_up(amount * (schedule.denominator + schedule.close_fee * allowed), schedule.denominator * allowed)


def pool_equity(collateral: int, holdings: Iterable[Holding]) -> int:
    """Collateral and the unrealised PnL of every position that it backs (MRG-3)."""
    return collateral + sum(unrealised_pnl(held.size, held.cost, held.mark, held.unit) for held in holdings)


def pool_maintenance_margin(holdings: Iterable[Holding]) -> int:
    """The sum of the positions' maintenance margins (MRG-6)."""
    return sum(maintenance_margin(margin_notional(held), held.schedule) for held in holdings)


def pool_initial_margin(holdings: Iterable[Holding]) -> int:
    """The sum of the positions' initial margins (MRG-7)."""
    return sum(initial_margin(margin_notional(held), held.leverage, held.schedule) for held in holdings)


def pool_notional(holdings: Iterable[Holding]) -> int:
    """The sum of the positions' notionals (ACC-14)."""
    return sum(notional(held.size, held.mark, held.unit) for held in holdings)


def keeps_the_floor(equity: int, amount: int, floor: Ratio) -> bool:
    """Whether equity is at least the floor's share of the pool's notional, exactly (ACC-14)."""
    return equity * floor.denominator >= amount * floor.numerator


def breached(equity: int, maintenance: int) -> bool:
    """Whether the pool's equity is strictly below its maintenance margin (LIQ-3)."""
    return equity < maintenance


def restore_target(measure: int, factor: Ratio) -> Ratio:
    """What equity must reach for a pool to be restored: the factor times its measure, not rounded (LIQ-15)."""
    return Ratio(measure * factor.numerator, factor.denominator)


def restored(equity: int, maintenance: int, target: Ratio | None = None) -> bool:
    """Whether the pool is not breached, and its equity reaches the restore target if there is one (LIQ-4, LIQ-15)."""
    if breached(equity, maintenance):
        return False
    # LIQ-15
    return target is None or equity * target.denominator >= target.numerator


def needs_liquidation(equity: int, maintenance: int, in_liquidation: bool, target: Ratio | None = None) -> bool:
    """Whether the pool is breached, or in liquidation and not restored (LIQ-5)."""
    return breached(equity, maintenance) or (in_liquidation and not restored(equity, maintenance, target))


def below_backstop(equity: int, maintenance: int, threshold: Ratio) -> bool:
    """Whether equity is strictly below the threshold's share of the maintenance margin, exactly (BKS-1)."""
    return equity * threshold.denominator < maintenance * threshold.numerator


def window_open(now: int, until: int) -> bool:
    """Whether a window that ends at `until` is open: its end is not part of it (CLD-2)."""
    return now < until


def reduction_is_safe(
    equity_before: int, maintenance_before: int, equity_after: int, maintenance_after: int, positions_after: int
) -> bool:
    """Whether a trader's reduction is good for the pool, so that it is accepted (ACC-9)."""
    if positions_after == 0 and equity_after >= min(0, equity_before):
        return True
    if not breached(equity_after, maintenance_after):
        return True
    if equity_before < 0:
        return equity_after >= equity_before
    return (
        breached(equity_before, maintenance_before)
        and equity_after * maintenance_before >= equity_before * maintenance_after
    )


def chunk(size: int, fraction: Ratio) -> int:
    """The lots of a partial liquidation order, rounded up (PRT-3)."""
    return divide_up(abs(size) * fraction.numerator, fraction.denominator)


def chunk_to_tier(size: int, worth: int, steps: int, schedule: Schedule) -> int:
    """The least lots that take a position `steps` tiers down; all if no tier is so far below (PRT-4).

    `worth` is that of a lot at the mark, in quote units.
    """
    lots = abs(size)
    reached = sum(tier.above < lots * worth for tier in schedule.tiers[1:])
    if reached < steps:
        return lots
    return lots - schedule.tiers[reached - steps + 1].above // worth


def at_least(lots: int, size: int, worth: int, order: int | None, rest: int | None) -> int:
    """A chunk of `lots` with the notional that an order has at least, and without a rest that is too small (PRT-5).

    `worth` is that of a lot at the mark, `order` and `rest` are the least notionals, all in quote units.
    """
    whole = abs(size)
    if order is not None:
        lots = min(whole, max(lots, divide_up(order, worth)))
    return whole if rest is not None and (whole - lots) * worth < rest else lots


def bankruptcy_limit(equity: int, margin: int, pool_margin: int, held: Holding) -> int:
    """The tick that leaves a position its share of its pool's equity when it is closed there (LIQ-17).

    The share is that of its maintenance margin in the pool's, which is above 0. Rounded in favour of the pool.
    """
    worth = held.size * held.unit
    top, bottom = held.mark * worth * pool_margin - equity * margin, worth * pool_margin
    return max(1, divide_up(top, bottom) if worth > 0 else divide_down(-top, -bottom))


def band_limit(mark: int, size: int, band: Ratio) -> int:
    """The tick that is a share of the mark worse than the mark, rounded in favour of the pool (LIQ-17)."""
    if size > 0:
        return max(1, divide_up(mark * (band.denominator - band.numerator), band.denominator))
    return divide_down(mark * (band.denominator + band.numerator), band.denominator)


def worse(price: int, limit: int, size: int) -> bool:
    """Whether closing a position of this size at a price is worse for it than at a limit (LIQ-17)."""
    return price < limit if size > 0 else price > limit


def released_cost(size: int, cost: int, closed: int) -> int:
    """The cost basis released by closing `closed` > 0 lots of a position of `size` ≠ 0 lots (MRG-9)."""
    share = divide_down(abs(cost) * closed, abs(size))
    return share if cost >= 0 else -share


def realised_pnl(size: int, closed: int, price: int, unit: int, released: int) -> int:
    """What closing `closed` > 0 lots of a position at a price realises against its released cost (MRG-9, FIL-1)."""
    signed = closed if size > 0 else -closed
    return signed * price * unit - released


def liquidation_fee(amount: int, fee_rate: Ratio, equity_after: int) -> int:
    """The fee on a fill of this notional: rounded up, at most the equity after the fill, at least 0 (FIL-2)."""
    return max(0, min(divide_up(amount * fee_rate.numerator, fee_rate.denominator), equity_after))


def backstop_return(equity: int, fraction: Ratio) -> int:
    """What stays in the pool when the vault takes it, rounded down (BKS-4)."""
    return divide_down(fraction.numerator * max(equity, 0), fraction.denominator)


def funding_due(size: int, payment: int, lot: Ratio) -> int:
    """What a position pays (negative: receives) for a payment per unit of size: paid up, received down (EVT-6)."""
    return divide_up(size * payment * lot.numerator, lot.denominator)


def liquidation_crossing(equity: int, other_maintenance: int, held: Holding) -> Ratio | None:
    """The exact mark at which equity meets the maintenance margin before rounding, the other marks fixed (MRG-10).

    `equity` is the pool's at the present marks, `other_maintenance` the margin of its other positions. None if a long
    position meets it at no positive mark, or a short one at no positive mark from which it is breached upwards.
    """
    return _crossing(equity, other_maintenance, held, 0)


def _crossing(equity: int, other_maintenance: int, held: Holding, deducted: int) -> Ratio | None:
    """The same with so much more deducted from the margin, in parts of the schedule's denominator."""
    side = 1 if held.size > 0 else -1
    worth = abs(held.size) * held.unit
    equity_at_zero = equity - held.size * held.unit * held.mark
    denominator, tiers = held.schedule.denominator, _tiers_by_mark(held)
    ends: Sequence[int | None] = [*(tier.above for tier in tiers[1:]), None]
    for tier, end in zip(tiers, ends, strict=True):
        # Equity equal to margin, solved for the notional n = x·worth at the crossing x:
        # equity_at_zero + side·n = other_maintenance + (n·rate − deduction) / denominator
        slope = side * denominator - tier.rate
        if slope == 0:
            continue
        target = (other_maintenance - equity_at_zero) * denominator - tier.deduction - deducted
        if slope < 0:
            target, slope = -target, -slope
        if target > tier.above * slope and (end is None or target <= end * slope):
            return Ratio(target, slope * worth)
    return None


def _tiers_by_mark(held: Holding) -> tuple[Tier, ...]:
    """The tiers by the notional at the mark, their rates with the closing fee (MRG-15); where margins are asked of the
    cost, one margin at every mark (MRG-14).
    """
    fee = held.schedule.close_fee
    if not held.schedule.at_entry:
        return tuple(tier._replace(rate=tier.rate + fee) for tier in held.schedule.tiers)
    amount = margin_notional(held)
    tier = tier_at(amount, held.schedule)
    return (Tier(0, 0, tier.deduction - amount * (tier.rate + fee), tier.max_leverage),)


def liquidation_price(equity: int, other_maintenance: int, held: Holding) -> int | None:
    """The highest (long) or lowest (short) positive tick at which the pool is breached, the other marks fixed (MRG-10).

    None where there is no such tick. The larger the notional relative to equity, the nearer it is (MRG-12).
    """
    # Of whole parts, what is rounded down is what is rounded up of one whole less a part (MRG-13).
    deducted = held.schedule.denominator - 1 if held.schedule.rounds_down else 0
    crossing = _crossing(equity, other_maintenance, held, deducted)
    if held.size > 0:
        if crossing is None:
            return None
        tick = divide_up(crossing.numerator, crossing.denominator) - 1
        return tick if tick >= 1 else None
    if crossing is None:
        return 1
    return divide_down(crossing.numerator, crossing.denominator) + 1


def bankruptcy_price(equity: int, held: Holding) -> Ratio:
    """The exact mark at which the pool's equity is 0, the other marks fixed; it may be negative (MRG-11)."""
    worth = held.size * held.unit
    top = worth * held.mark - equity
    return Ratio(top, worth) if worth > 0 else Ratio(-top, -worth)
