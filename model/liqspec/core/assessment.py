"""The assessment of margin pools: the five steps that liquidate, or leave alone (LIQ-6 to LIQ-13, BKS-1 to BKS-7)."""

from liqspec.core import arithmetic
from liqspec.core.changes import fire_with, measure
from liqspec.core.effects import (
    CHUNKS,
    Backstopped,
    DeficitCovered,
    Effect,
    LiquidationEntered,
    LiquidationLeft,
    OrderEmitted,
    OrderEnded,
    Sizing,
)
from liqspec.core.families import chunks, limits
from liqspec.core.state import GuardInputs, Pool, Position, State


def due(state: State, touched: list[Pool], *, block_begins: bool) -> list[Pool]:
    """The pools to assess of those that an event touched: all, unless breaches wait for a block (LIQ-6, LIQ-18)."""
    if block_begins or state.venue.assess_at != "block":
        return touched
    return [pool for pool in touched if pool.in_liquidation or not pool.open_positions()]


def assess(state: State, pools: list[Pool], effects: list[Effect]) -> None:
    """Assess pools that one event touched: steps 1 to 4 for all of them, then step 5 for all (LIQ-7)."""
    undecided = [pool for pool in pools if not settled_without_backstop(state, pool, effects)]
    for pool in undecided:
        backstop_or_wait(state, pool, effects)


def settled_without_backstop(state: State, pool: Pool, effects: list[Effect]) -> bool:
    """LIQ-8 to LIQ-12: steps 1 to 4; False if the pool still needs liquidation and no attempt is left in this block."""
    # Step 1: nothing to liquidate (LIQ-8)
    if not any(position.size for position in pool.positions.values()):
        leave_liquidation(pool, "LIQ-8", effects)
        cover_deficit(state, pool, effects)
        return True

    inputs = measure(state, pool)

    # Step 2: a pool is judged between orders, never during one (LIQ-9)
    if pool.order_working():
        if not (inputs.restored and state.venue.stop_when_restored):
            return True
        cancel_orders(pool, effects)

    # Step 3: a restored pool is left alone (LIQ-10)
    if not inputs.needs_liquidation:
        if pool.in_liquidation:
            leave_liquidation(pool, "LIQ-10", effects)
            assess_positions(pool, ("liquidatable",), inputs, effects)
        return True

    # Step 4: the market first (LIQ-11, LIQ-12)
    if not pool.in_liquidation:
        pool.in_liquidation = True
        effects.append(LiquidationEntered(pool.key, inputs.equity, inputs.maintenance_margin))
    assess_positions(pool, ("healthy", "cooldown"), inputs, effects)
    orders = to_attempt(state, pool)
    for position in orders:
        emit_order(state, pool, position, inputs, effects)
    return bool(orders)


def backstop_or_wait(state: State, pool: Pool, effects: list[Effect]) -> None:
    """Step 5: the backstop, if the book failed and equity is below its line (BKS-1 to BKS-5); else wait (LIQ-13)."""
    inputs = measure(state, pool)
    if assess_positions(pool, ("liquidatable", "partially_liquidated"), inputs, effects):
        hand_to_vault(state, pool, inputs, effects)


def assess_positions(pool: Pool, states: tuple[str, ...], inputs: GuardInputs, effects: list[Effect]) -> bool:
    """Fire `assess` at the pool's open positions in these states, with one view of the pool; whether any moved."""
    moved = [
        fire_with(inputs, position, "assess", effects) for position in pool.open_positions() if position.state in states
    ]
    return any(moved)


def leave_liquidation(pool: Pool, rule: str, effects: list[Effect]) -> None:
    """LIQ-8, LIQ-10: what failed in this liquidation does not count in the next one (BKS-2)."""
    if pool.in_liquidation:
        pool.in_liquidation = False
        effects.append(LiquidationLeft(rule, pool.key))
    for position in pool.positions.values():
        position.failed = False


def cover_deficit(state: State, pool: Pool, effects: list[Effect]) -> None:
    """BKS-7: a deficit is the vault's, and no other pool's."""
    if pool.collateral < 0:
        effects.append(DeficitCovered(pool.key, -pool.collateral))
        state.vault.cash += pool.collateral
        pool.collateral = 0


def cancel_orders(pool: Pool, effects: list[Effect]) -> None:
    """LIQ-9: the order is withdrawn, and a cancelled order is not an attempt."""
    for position in pool.open_positions():
        if position.order is not None:
            effects.append(OrderEnded(position.key, position.order, "restored"))
            position.end_order()
            position.attempted = False


def to_attempt(state: State, pool: Pool) -> list[Position]:
    """The positions that get an order now, by the order policy; without a book none (LIQ-11, LIQ-12, LIQ-16)."""
    if state.venue.market_attempt is False:
        return []
    untried = [
        position for position in pool.open_positions() if position.state == "liquidatable" and not position.attempted
    ]
    if state.venue.order_policy == "all" or not untried:
        return untried
    # The first of the largest: open positions come by market name, and max keeps the first.
    return [max(untried, key=lambda position: arithmetic.pool_maintenance_margin([state.holding(position)]))]


def emit_order(state: State, pool: Pool, position: Position, inputs: GuardInputs, effects: list[Effect]) -> None:
    """LIQ-14, PRT-1 to PRT-5: a reduce-only market order for the position or a chunk of it."""
    sizing = order_sizing(state, pool, position, inputs)
    position.order = abs(position.size)
    if sizing in CHUNKS:
        position.order, sizing = chunks.sized(state, pool, position, sizing)
    position.limit = limits.limit_of(state, position, inputs)
    position.attempted = True
    effects.append(OrderEmitted(position.key, position.order, position.size, sizing))


def order_sizing(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Sizing:
    """PRT-2: when an order is for a chunk only, and if not, why not."""
    venue, held = state.venue, state.holding(position)
    if venue.partial_threshold is None:
        return "no_threshold"
    if arithmetic.notional(held.size, held.mark, held.unit) <= venue.partial_threshold:
        return "not_above_threshold"
    if arithmetic.below_backstop(inputs.equity, inputs.backstop_margin, venue.backstop_threshold):
        return "below_backstop"
    # CLD-3: an open window forces full size.
    if state.scope_window(pool, position).forces_full_size(state.time):
        return "window"
    method = venue.partial_method or "fraction"
    return "chunk" if method == "fraction" else method


def hand_to_vault(state: State, pool: Pool, inputs: GuardInputs, effects: list[Effect]) -> None:
    """BKS-3, BKS-4: the vault takes every position at its cost basis, and the collateral except the return."""
    returned = arithmetic.backstop_return(inputs.equity, state.venue.return_fraction)
    taken = pool.collateral - returned
    for position in pool.open_positions():
        state.vault.add(position.market.name, position.size, position.cost)
        position.end_life()
    state.vault.cash += taken
    pool.collateral = returned
    effects.append(Backstopped(pool.key, inputs.equity, taken, returned))
    leave_liquidation(pool, "BKS-3", effects)
