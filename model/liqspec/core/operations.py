"""What each accepted event changes before the pools are assessed: one function per event, in the same sections.

Change: what happens. Outside: the other side of it, so that nothing is created. Touched: the pools to be assessed.
"""

from collections.abc import Callable
from typing import Any

from liqspec.core import arithmetic, events
from liqspec.core.admission import Amounts
from liqspec.core.effects import (
    BlockBegun,
    CollateralMoved,
    Effect,
    Filled,
    FundingPaid,
    Marked,
    OrderEnded,
    Traded,
    VaultFunded,
    VaultTraded,
    WindowOpened,
)
from liqspec.core.events import Event
from liqspec.core.lifecycle import fire, fire_with, measure
from liqspec.core.state import Pool, Position, State

Touched = list[Pool]
Effects = list[Effect]


def perform(state: State, event: Event, amounts: Amounts, effects: Effects) -> Touched:
    """Apply an admitted event to the state, and return the pools that it touched in the order of assessment (LIQ-7)."""
    return _OPERATIONS[type(event)](state, event, amounts, effects)


# ---------------------------------------------------------------------------------------------------------- the trader


def _deposit(state: State, event: events.Deposit, amounts: Amounts, effects: Effects) -> Touched:
    """ACC-4."""
    pool, amount = state.accounts[event.account].cross, amounts["amount"]
    # Change
    pool.collateral += amount
    effects.append(CollateralMoved("ACC-4", pool.key, amount))
    # Outside
    state.net_deposits += amount
    # Touched
    return [pool]


def _withdraw(state: State, event: events.Withdraw, amounts: Amounts, effects: Effects) -> Touched:
    """ACC-5."""
    pool, amount = state.accounts[event.account].cross, amounts["amount"]
    # Change
    pool.collateral -= amount
    effects.append(CollateralMoved("ACC-5", pool.key, -amount))
    # Outside
    state.net_deposits -= amount
    # Touched
    return [pool]


def _transfer(state: State, event: events.Transfer, amounts: Amounts, effects: Effects) -> Touched:
    """ACC-6."""
    cross, isolated = state.accounts[event.account].cross, _isolated_pool(state, event.account, event.market)
    amount = amounts["amount"]
    # Change
    cross.collateral -= amount
    isolated.collateral += amount
    effects.append(CollateralMoved("ACC-6", cross.key, -amount))
    effects.append(CollateralMoved("ACC-6", isolated.key, amount))
    # Touched
    return [cross, isolated]


def _trade(state: State, event: events.Trade, amounts: Amounts, effects: Effects) -> Touched:
    """ACC-7."""
    account, market = state.accounts[event.account], state.venue.markets[event.market]
    pool = account.cross if event.mode == "cross" else _isolated_pool(state, event.account, event.market)
    size, price = amounts["size"], amounts["price"]
    position = pool.positions.get(event.market)
    if position is None:
        position = pool.positions[event.market] = Position(event.account, market, event.mode)
    # Change
    if position.size * size < 0:
        _reduce(state, pool, position, size, price, effects)
    else:
        _increase(state, pool, position, size, price, event.leverage, effects)
    # Outside
    state.outside.take(market.name, -size, -size * price * market.unit)
    # Touched
    return [pool]


def _increase(
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


def _reduce(state: State, pool: Pool, position: Position, size: int, price: int, effects: Effects) -> None:
    """ACC-9: close part of the position, or all of it."""
    _, realised = _close(pool, position, abs(size), price)
    effects.append(Traded("ACC-9", position.key, size, price, realised))
    fire(state, pool, position, "reduce", effects)
    if position.size == 0:
        position.end_life()


# ---------------------------------------------------------------------------------------------------------- the market


def _mark_price(state: State, event: events.MarkPrice, amounts: Amounts, effects: Effects) -> Touched:
    """EVT-5."""
    # Change
    state.marks[event.market] = amounts["price"]
    effects.append(Marked(event.market, amounts["price"]))
    # Touched
    return _pools_in(state, event.market)


def _marks(state: State, _: events.Marks, amounts: Amounts, effects: Effects) -> Touched:
    """EVT-5."""
    # Change
    for market, price in amounts.items():
        state.marks[market] = price
        effects.append(Marked(market, price))
    # Touched
    return _pools_in(state, *amounts)


def _fill(state: State, event: events.Fill, amounts: Amounts, effects: Effects) -> Touched:
    """FIL-1 to FIL-5."""
    pool, position = _working(state, event)
    market, size, price = position.market, amounts["size"], amounts["price"]
    sold = size if position.size > 0 else -size
    # Change
    released, realised = _close(pool, position, size, price)
    equity = arithmetic.pool_equity(pool.collateral, state.holdings(pool))
    worth = arithmetic.notional(size, price, market.unit)
    fee = arithmetic.liquidation_fee(worth, state.venue.fee_rate, equity)
    pool.collateral -= fee
    state.vault.cash += fee
    effects.append(Filled(position.key, size, price, released, realised, fee))
    assert position.order is not None, "admission saw a working order"
    position.order -= size
    if position.order == 0:
        position.order = None
        effects.append(OrderEnded(position.key, 0, "filled"))
    fire(state, pool, position, "fill", effects)
    if position.size == 0:
        position.end_life()
    elif state.venue.cooldown_ms > 0:
        _open_windows(state, pool, position, effects)
    # Outside
    state.outside.take(market.name, sold, sold * price * market.unit)
    # Touched
    return [pool]


def _open_windows(state: State, pool: Pool, position: Position, effects: Effects) -> None:
    """CLD-1: the position's own window, and that of the scope in which it forces full size."""
    until = state.time + state.venue.cooldown_ms
    position.window.extend(until)
    state.scope_window(pool, position).extend(until)
    effects.append(WindowOpened(position.key, state.venue.cooldown_scope, until))


def _order_done(state: State, event: events.OrderDone, _: Amounts, effects: Effects) -> Touched:
    """FIL-6."""
    pool, position = _working(state, event)
    # Change
    assert position.order is not None, "admission saw a working order"
    effects.append(OrderEnded(position.key, position.order, "no_liquidity"))
    position.order = None
    position.failed = True
    # Touched
    return [pool]


def _funding(state: State, event: events.Funding, amounts: Amounts, effects: Effects) -> Touched:
    """EVT-6."""
    market, payment = state.venue.markets[event.market], amounts["payment"]
    touched = _pools_in(state, market.name)
    # Change
    for pool in touched:
        position = pool.positions[market.name]
        due = arithmetic.funding_due(position.size, payment, market.lot)
        pool.collateral -= due
        state.outside.cash += due  # Outside
        effects.append(FundingPaid(position.key, market.name, due))
    held = state.vault.positions.get(market.name, 0)
    if held:
        due = arithmetic.funding_due(held, payment, market.lot)
        state.vault.cash -= due
        state.outside.cash += due  # Outside
        effects.append(FundingPaid(None, market.name, due))
    # Touched
    return touched


# ----------------------------------------------------------------------------------------------------- the vault, time


def _vault_trade(state: State, event: events.VaultTrade, amounts: Amounts, effects: Effects) -> Touched:
    """EVT-7."""
    market, size, price = state.venue.markets[event.market], amounts["size"], amounts["price"]
    worth = size * price * market.unit
    # Change
    state.vault.take(market.name, size, worth)
    effects.append(VaultTraded(market.name, size, price))
    # Outside
    state.outside.take(market.name, -size, -worth)
    # Touched
    return []


def _vault_cash(state: State, _: events.VaultCash, amounts: Amounts, effects: Effects) -> Touched:
    """EVT-8."""
    # Change
    state.vault.cash += amounts["amount"]
    effects.append(VaultFunded(amounts["amount"]))
    # Outside
    state.net_deposits += amounts["amount"]
    # Touched
    return []


def _block(state: State, event: events.Block, _: Amounts, effects: Effects) -> Touched:
    """EVT-9."""
    # Change
    state.time = event.time
    state.block += 1
    effects.append(BlockBegun(state.block, state.time))
    for account in state.accounts.values():
        account.window.begin_block(state.time)
    touched = list(state.pools())
    for pool in touched:
        pool.window.begin_block(state.time)
    inputs = {pool.key: measure(state, pool) for pool in touched}
    for pool, position in state.positions():
        position.attempted = position.failed = False
        # T8 and T10 ask whether the window is open now, so it is only cut after the trigger.
        fire_with(inputs[pool.key], position, "block", effects)
        position.window.begin_block(state.time)
    # Touched
    return touched


# ------------------------------------------------------------------------------------------------------ shared changes


def _isolated_pool(state: State, account: str, market: str) -> Pool:
    """The isolated pool of a market, from its first accepted use on (ACC-3)."""
    return state.accounts[account].isolated.setdefault(market, Pool(account, "isolated", market))


def _working(state: State, event: events.Fill | events.OrderDone) -> tuple[Pool, Position]:
    pool = state.pool(event.account, event.mode, event.market)
    assert pool is not None, "admission saw a working order"
    return pool, pool.positions[event.market]


def _close(pool: Pool, position: Position, closed: int, price: int) -> tuple[int, int]:
    """Close `closed` > 0 lots at a price: the released cost and what that realises for the pool (MRG-9)."""
    released = arithmetic.released_cost(position.size, position.cost, closed)
    realised = arithmetic.realised_pnl(position.size, closed, price, position.market.unit, released)
    position.size -= closed if position.size > 0 else -closed
    position.cost -= released
    pool.collateral += realised
    return released, realised


def _pools_in(state: State, *markets: str) -> Touched:
    """The pools with an open position in any of these markets, in the order of assessment."""
    return [
        pool
        for pool in state.pools()
        if any((position := pool.positions.get(market)) is not None and position.size for market in markets)
    ]


_OPERATIONS: dict[type[Any], Callable[[State, Any, Amounts, Effects], Touched]] = {
    events.Deposit: _deposit,
    events.Withdraw: _withdraw,
    events.Transfer: _transfer,
    events.Trade: _trade,
    events.MarkPrice: _mark_price,
    events.Marks: _marks,
    events.Fill: _fill,
    events.OrderDone: _order_done,
    events.Funding: _funding,
    events.VaultTrade: _vault_trade,
    events.VaultCash: _vault_cash,
    events.Block: _block,
}
