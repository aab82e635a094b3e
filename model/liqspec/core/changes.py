"""What the changes of several events have in common: transitions, opening, closing, windows, touched pools."""

from typing import Literal, get_args

from liqspec.core import arithmetic, machine
from liqspec.core.arithmetic import Holding, Ratio
from liqspec.core.config import Venue
from liqspec.core.effects import Effect, Traded, Transitioned, WindowOpened
from liqspec.core.parameters import Restore
from liqspec.core.state import GuardInputs, Pool, Position, State

Trigger = Literal["open", "assess", "fill", "block", "reduce"]  # those of the table that some event fires


def reachable_transitions() -> list[str]:
    """The transitions that some event can cause, in the order of the table; nothing fires what is reserved (LIF-5)."""
    return [entry.id for entry in machine.lifecycle().by_id.values() if entry.trigger in get_args(Trigger)]


def measure(state: State, pool: Pool) -> GuardInputs:
    """What the guards look at, for the pool as it is now."""
    held = state.holdings(pool)
    return GuardInputs(
        equity=arithmetic.pool_equity(pool.collateral, held),
        maintenance_margin=arithmetic.pool_maintenance_margin(held),
        in_liquidation=pool.in_liquidation,
        book_failed=_book_failed(state, pool),
        backstop_threshold=state.venue.backstop_threshold,
        now=state.time,
        restore_target=restore_target(state.venue.restore, held),
        closeout_margin=state.closeout_margin(pool),
    )


def _book_failed(state: State, pool: Pool) -> bool:
    """BKS-2; LIQ-16: a book that is not asked counts as one that failed."""
    if state.venue.market_attempt is False:
        return True
    return all(position.failed for position in pool.positions.values() if position.size)


def restore_target(restore: Restore | None, held: list[Holding]) -> Ratio | None:
    """What equity must reach for a pool that holds this to be restored, in addition to not being breached (LIQ-15)."""
    if restore is None:
        return None
    initial = restore.measure == "initial"
    measured = arithmetic.pool_initial_margin(held) if initial else arithmetic.pool_maintenance_margin(held)
    return arithmetic.restore_target(measured, restore.factor)


def fire(
    state: State, pool: Pool, position: Position, trigger: Trigger, effects: list[Effect], rule: str | None = None
) -> bool:
    """Fire a trigger at a position, with the inputs of its pool; whether a transition followed."""
    return fire_with(measure(state, pool), position, trigger, effects, rule)


def fire_with(
    inputs: GuardInputs, position: Position, trigger: Trigger, effects: list[Effect], rule: str | None = None
) -> bool:
    """Fire a trigger at a position, with these inputs; whether a transition followed, by its first rule or another."""
    source = position.state
    entry = machine.lifecycle().fire(position, trigger, inputs)
    if entry is None:
        return False
    measures = inputs.equity, inputs.maintenance_margin, inputs.restore_target
    effects.append(
        Transitioned(position.key, entry.id, source, entry.to, rule or entry.rules[0], entry.guard, *measures)
    )
    return True


Touched = list[Pool]  # the pools that an event touched, in the order of assessment (LIQ-7)
Effects = list[Effect]


def isolated_pool(state: State, account: str, market: str) -> Pool:
    """The isolated pool of a market, from its first accepted use on (ACC-3)."""
    return state.accounts[account].isolated.setdefault(market, Pool(account, "isolated", market))


def increase(
    state: State, pool: Pool, position: Position, size: int, price: int, leverage: int | None, effects: Effects
) -> None:
    """ACC-8: open a new life of the key, or make the position larger."""
    opens = position.size == 0
    position.size += size
    position.cost += size * price * position.market.unit
    if leverage is not None:
        position.leverage = leverage
    effects.append(Traded("ACC-8", position.key, size, price, 0))
    if opens:
        position.life += 1
        fire(state, pool, position, "open", effects)


def turns_round(venue: Venue, held: int, size: int) -> bool:
    """ACC-16: whether a trade of signed size closes a position of signed size `held`, and opens the rest of it."""
    return venue.crossing == "split" and held * size < 0 and abs(size) > abs(held)


def closed_part(held: int, size: int) -> int:
    """ACC-16: what a trade against a position closes of it, in lots with the sign of the trade."""
    return size if abs(size) <= abs(held) else -held


def reduce(state: State, pool: Pool, position: Position, size: int, price: int, effects: Effects) -> None:
    """ACC-9: close part of the position, or all of it."""
    _, realised = close(pool, position, abs(size), price)
    effects.append(Traded("ACC-9", position.key, size, price, realised))
    fire(state, pool, position, "reduce", effects)
    if position.size == 0:
        position.end_life()


def close(pool: Pool, position: Position, closed: int, price: int) -> tuple[int, int]:
    """Close `closed` > 0 lots at a price: the released cost and what that realises for the pool (MRG-9)."""
    released = arithmetic.released_cost(position.size, position.cost, closed)
    realised = arithmetic.realised_pnl(position.size, closed, price, position.market.unit, released)
    position.size -= closed if position.size > 0 else -closed
    position.cost -= released
    pool.collateral += realised
    return released, realised


def open_windows(state: State, pool: Pool, position: Position, effects: Effects) -> None:
    """CLD-1: the position's own window, and that of the scope in which it forces full size."""
    until = state.time + state.venue.cooldown_ms
    position.window.extend(until)
    state.scope_window(pool, position).extend(until)
    effects.append(WindowOpened(position.key, state.venue.cooldown_scope, until))


def pools_in(state: State, *markets: str) -> Touched:
    """The pools with an open position in any of these markets, in the order of assessment (LIQ-7)."""
    return [
        pool
        for pool in state.pools()
        if any((position := pool.positions.get(market)) is not None and position.size for market in markets)
    ]
