"""The lots of a chunk, written from the rules (PRT-3 to PRT-5), and what must hold of the model's own."""

from typing import Any

from liqspec.core import arithmetic
from liqspec.core.families import chunks
from liqspec.core.state import Pool, Position, State
from liqspec.proofs.inductive import thresholds
from liqspec.proofs.symbolic import Condition


def of_a_chunk(state: State, pool: Pool, position: Position) -> dict[str, Condition]:
    """What must hold of the lots of a chunk."""
    lots, _ = chunks.sized(state, pool, position, "chunk")
    return {
        f"a chunk has exactly the size of its rule [{position.key}]": lots == expected(state, pool, position),
        f"a chunk is some and not too much [{position.key}]": (lots >= 1) & (lots <= abs(position.size)),
    }


def expected(state: State, pool: Pool, position: Position) -> int:
    """The lots of an order where a chunk is asked for now."""
    venue, held = state.venue, state.holding(position)
    order, rest, worth = venue.min_order_notional, venue.min_rest_notional, held.mark * held.unit
    lots = _by_method(state, pool, position, worth)
    return lots if order is None and rest is None else arithmetic.at_least(lots, held.size, worth, order, rest)


def _by_method(state: State, pool: Pool, position: Position, worth: int) -> int:
    """The lots before any least size (PRT-3, PRT-4)."""
    venue, size = state.venue, position.size
    method, whole = venue.partial_method, abs(size)
    if method == "restore":
        return chunks.by_halving(whole, lambda closed: _is_enough(state, pool, position, closed))
    if method == "lots":
        lots = 1 if venue.partial_lots is None else venue.partial_lots
        return lots if lots < whole else whole
    if method == "tier_down":
        steps = 1 if venue.tier_steps is None else venue.tier_steps
        return arithmetic.chunk_to_tier(size, worth, steps, state.holding(position).schedule)
    return arithmetic.chunk(size, venue.partial_fraction)


def _is_enough(state: State, pool: Pool, position: Position, closed: int) -> Any:
    """Whether the pool is restored once these lots are closed at the mark, with their fee (LIQ-4, FIL-1, FIL-2)."""
    held = state.holding(position)
    released = arithmetic.released_cost(held.size, held.cost, closed)
    signed = closed if held.size > 0 else -closed
    left = held._replace(size=held.size - signed, cost=held.cost - released)
    after = [left if one.key == position.key else state.holding(one) for one in pool.open_positions()]
    collateral = pool.collateral + (signed * held.mark * held.unit - released)
    equity = arithmetic.pool_equity(collateral, after)
    fee = arithmetic.liquidation_fee(arithmetic.notional(closed, held.mark, held.unit), state.venue.fee_rate, equity)
    return thresholds.restored(state, after, equity - fee, arithmetic.pool_maintenance_margin(after))
