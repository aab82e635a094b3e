"""Moving one position through its lifecycle: the inputs its guards see, and the effect of the transition (LIF-1)."""

from typing import Literal

from liqspec.core import arithmetic, machine
from liqspec.core.arithmetic import Holding, Ratio
from liqspec.core.effects import Effect, Transitioned
from liqspec.core.parameters import Restore
from liqspec.core.state import GuardInputs, Pool, Position, State

Trigger = Literal["open", "assess", "fill", "block", "reduce"]  # those of the table that some event fires


def measure(state: State, pool: Pool) -> GuardInputs:
    """What the guards look at, for the pool as it is now."""
    held = state.holdings(pool)
    return GuardInputs(
        equity=arithmetic.pool_equity(pool.collateral, held),
        maintenance_margin=arithmetic.pool_maintenance_margin(held),
        in_liquidation=pool.in_liquidation,
        book_failed=all(position.failed for position in pool.positions.values() if position.size),
        backstop_threshold=state.venue.backstop_threshold,
        now=state.time,
        restore_target=_restore_target(state.venue.restore, held),
    )


def _restore_target(restore: Restore | None, held: list[Holding]) -> Ratio | None:
    if restore is None:
        return None
    initial = restore.measure == "initial"
    measured = arithmetic.pool_initial_margin(held) if initial else arithmetic.pool_maintenance_margin(held)
    return arithmetic.restore_target(measured, restore.factor)


def fire(state: State, pool: Pool, position: Position, trigger: Trigger, effects: list[Effect]) -> bool:
    """Fire a trigger at a position, with the inputs of its pool; whether a transition followed."""
    return fire_with(measure(state, pool), position, trigger, effects)


def fire_with(inputs: GuardInputs, position: Position, trigger: Trigger, effects: list[Effect]) -> bool:
    """Fire a trigger at a position, with these inputs; whether a transition followed."""
    source = position.state
    entry = machine.lifecycle().fire(position, trigger, inputs)
    if entry is not None:
        effects.append(Transitioned.of(position.key, entry, source, inputs.equity, inputs.maintenance_margin))
    return entry is not None
