"""What must hold in the middle of an event: where an order is emitted, and where a pool is handed to the vault.

The functions of `assessment` are watched and do what they did. The assessment sees only the pools that it is given.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from liqspec.core import arithmetic, assessment
from liqspec.core.effects import Effect, LiquidationEntered, LiquidationLeft
from liqspec.core.state import Account, GuardInputs, Pool, Position, State
from liqspec.proofs.inductive import limits, sizes, thresholds
from liqspec.proofs.inductive.conditions import chosen, every, negation, some
from liqspec.proofs.inductive.frame import Only, Poison
from liqspec.proofs.inductive.unknown import given, has
from liqspec.proofs.symbolic import Condition

Must = dict[str, Condition]


@contextmanager
def probes(must: Must, *, alone: bool) -> Iterator[None]:
    """Add what must hold to `must`, until the block ends; `alone` hides every other pool from the assessment."""
    real = assessment.assess, assessment.emit_order, assessment.hand_to_vault
    ordered: set[str] = set()

    def assess(state: State, pools: list[Pool], effects: list[Effect]) -> None:
        accounts, began = state.accounts, len(effects)
        if alone:
            state.accounts = _hidden(accounts)
        measured = {pool.key: _measured(state, pool) for pool in pools}
        real[0](state, pools, effects)
        state.accounts = accounts
        for effect in effects[began:]:
            if isinstance(effect, LiquidationEntered):
                must[f"a liquidation begins only with a breach [{effect.pool}]"] = measured[effect.pool][0]
            if isinstance(effect, LiquidationLeft) and effect.rule == "LIQ-10":
                must[f"a liquidation ends only where the pool is restored [{effect.pool}]"] = measured[effect.pool][1]

    def emit_order(state: State, pool: Pool, position: Position, inputs: GuardInputs, effects: list[Effect]) -> None:
        ordered.add(pool.key)
        held = [state.holding(one) for one in _held(pool)]
        restored = thresholds.restored(state, held, inputs.equity, inputs.maintenance_margin)
        must[f"an order is emitted only if needed and once [{position.key}]"] = negation(restored) & negation(
            position.attempted | has(state.venue, "market_attempt", False)
        )
        must[f"the largest position is sent first [{position.key}]"] = _is_first(state, pool, position)
        whole = _is_whole(state, pool, position, inputs)
        real[1](state, pool, position, inputs, effects)
        chunk = abs(position.size) if whole is True else sizes.expected(state, pool, position)
        must[f"an order has exactly the size of its rule [{position.key}]"] = chosen(
            whole, abs(position.size), chunk, position.order
        )
        limit = limits.expected(state, position, inputs)
        must[f"an order has exactly the limit of its rule [{position.key}]"] = (
            position.limit is None if limit is None else position.limit is not None and position.limit == limit
        )

    def hand_to_vault(state: State, pool: Pool, inputs: GuardInputs, effects: list[Effect]) -> None:
        held = _held(pool)
        _before_the_vault(must, state, pool, pool.key in ordered)
        sizes = {one.market.name: one.size for one in held}
        had = {name: state.vault.positions.get(name, 0) for name in sizes}
        cash, collateral, cost = state.vault.cash, pool.collateral, sum(one.cost for one in held)
        equity = arithmetic.pool_equity(collateral, [state.holding(one) for one in held])
        real[2](state, pool, inputs, effects)
        must[f"the vault takes the whole pool and nothing else [{pool.key}]"] = (
            every((one.size == 0) & (one.state == "backstopped") for one in held)
            & every(state.vault.positions.get(name, 0) == had[name] + size for name, size in sizes.items())
            & (pool.collateral == arithmetic.backstop_return(equity, state.venue.return_fraction))
            & (state.vault.cash == cash + collateral - pool.collateral - cost)
        )

    assessment.assess, assessment.emit_order, assessment.hand_to_vault = assess, emit_order, hand_to_vault
    try:
        yield
    finally:
        assessment.assess, assessment.emit_order, assessment.hand_to_vault = real


def _hidden(accounts: dict[str, Account]) -> dict[str, Account]:
    """The accounts without what is in their pools; the window of an account is that of all its pools (CLD-5)."""
    return Only(
        {
            name: Account(
                name,
                cast(Any, Poison(f"{name}/cross")),
                Only({}, f"{name}/isolated"),
                cast(Account, dict.get(accounts, name)).window,
            )
            for name in ("a", "b")
            if dict.__contains__(accounts, name)
        },
        "accounts",
    )


def _held(pool: Pool) -> list[Position]:
    """The open positions; a size that is a symbol is not 0, by the invariants."""
    return [one for one in pool.positions.values() if not isinstance(one.size, int) or one.size != 0]


def _measured(state: State, pool: Pool) -> tuple[Condition, Condition]:
    """Whether a pool is breached, and whether it is restored (LIQ-3, LIQ-4)."""
    held = [state.holding(one) for one in _held(pool)]
    equity, margin = arithmetic.pool_equity(pool.collateral, held), arithmetic.pool_maintenance_margin(held)
    return equity < margin, thresholds.restored(state, held, equity, margin)


def _before_the_vault(must: Must, state: State, pool: Pool, ordered: bool) -> None:
    """BKS-1, BKS-2: the vault is handed a pool only below its line, after every position failed in this block."""
    held = _held(pool)
    measured = [state.holding(one) for one in held]
    equity, margin = arithmetic.pool_equity(pool.collateral, measured), arithmetic.pool_maintenance_margin(measured)
    working = any(one.order is not None for one in held)
    must[f"the vault comes last [{pool.key}]"] = (
        thresholds.below_line(state, held, equity, margin)
        & (equity < margin)
        & (has(state.venue, "market_attempt", False) | every(one.failed & one.attempted for one in held))
        & (not ordered and not working)
    )


def _is_first(state: State, pool: Pool, position: Position) -> Condition:
    """LIQ-12: where the largest is sent first, no waiting position has a larger margin, nor as large an earlier one."""
    margins = {
        name: arithmetic.pool_maintenance_margin([state.holding(one)])
        for name, one in pool.positions.items()
        if one.state == "liquidatable"
    }
    own = position.market.name
    first = every(
        pool.positions[name].attempted | ((margin < margins[own]) if name < own else (margin <= margins[own]))
        for name, margin in margins.items()
        if name != own
    )
    return (state.venue.order_policy == "all") | first


def _is_whole(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Condition:
    """PRT-2, CLD-3: whether the order is for the whole position."""
    venue, now, held = state.venue, state.time, state.holding(position)
    partly, threshold = given(venue, "partial_threshold")
    if partly is False:
        return True
    windows = {"position": position.window, "pool": pool.window, "account": state.accounts[pool.account].window}
    forced = some((venue.cooldown_scope == of) & (now < window.forcing_until) for of, window in windows.items())
    small: Condition = arithmetic.notional(held.size, held.mark, held.unit) <= threshold
    below = thresholds.below_line(state, _held(pool), inputs.equity, inputs.maintenance_margin)
    return negation(partly) | small | forced | below
