"""The naive checker's size of a chunk by each method, and the limit of an order (PRT-3 to PRT-5, LIQ-17)."""

from attrs import evolve

from liqspec.properties.checker.exact import ZERO, Fraction
from liqspec.properties.checker.measures import Contents, NaiveRules, close, down, up
from liqspec.properties.checker.memory import Memory


def chunk(rules: NaiveRules, memory: Memory, pool: Contents, key: str) -> Fraction:
    """The size of the order for a chunk of a position, without sign."""
    held, market = pool.holdings[key], rules.markets[pool.holdings[key].market]
    size, mark = abs(held.size), memory.marks[held.market]
    if rules.partial_method == "restore":
        chosen = _halved(size / market.lot, market.lot, rules, memory, pool, key)
    elif rules.partial_method == "lots":
        chosen = min(size, rules.partial_lots * market.lot)
    elif rules.partial_method == "tier_down":
        passed = [tier.above for tier in market.tiers[1:] if tier.above < size * mark]
        fits = down(passed[-rules.tier_steps] / mark, market.lot) if len(passed) >= rules.tier_steps else ZERO
        chosen = size - fits
    else:
        chosen = up(rules.partial_fraction * size, market.lot)
    if chosen * mark < rules.min_order:
        chosen = min(size, up(rules.min_order / mark, market.lot))
    return size if (size - chosen) * mark < rules.min_rest else chosen


def _halved(lots: Fraction, lot: Fraction, rules: NaiveRules, memory: Memory, pool: Contents, key: str) -> Fraction:
    """PRT-4: between 0 lots, which do not restore, and all, which are taken, halved until one lot is between them."""
    low, high = 0, int(lots)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _restored_by(lot * middle, rules, memory, pool, key) else (middle, high)
    return lot * high


def _restored_by(closed: Fraction, rules: NaiveRules, memory: Memory, pool: Contents, key: str) -> bool:
    """FIL-1, FIL-2: whether the pool is restored once so much is closed at the mark, and the fee is paid."""
    held = pool.holdings[key]
    rest, realised = close(rules, held, closed, memory.marks[held.market])
    after = evolve(pool, collateral=pool.collateral + realised, holdings={**pool.holdings, key: rest})
    fee = min(up(rules.fee_rate * closed * memory.marks[held.market], rules.quote), memory.equity(after))
    return memory.restored(evolve(after, collateral=after.collateral - max(ZERO, fee)))


def limit(rules: NaiveRules, memory: Memory, pool: Contents, key: str) -> Fraction | None:
    """LIQ-17: the limit of an order that is emitted now; None where orders take any price."""
    held = pool.holdings[key]
    mark, tick, sells = memory.marks[held.market], rules.markets[held.market].tick, held.size > 0
    if rules.limited_by == "market":
        return None
    if rules.limited_by == "band":
        exact = mark * (1 - rules.band) if sells else mark * (1 + rules.band)
    else:
        margin = memory.maintenance_margin(pool)
        share = memory.maintenance_margin(evolve(pool, holdings={key: held})) / margin if margin else Fraction(1)
        exact = mark - memory.equity(pool) * share / held.size
    return max(tick, up(exact, tick) if sells else down(exact, tick))
