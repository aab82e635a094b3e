"""Whether an event is accepted: the checks of EVT-2 and of each event, in their order, changing nothing."""

from collections.abc import Callable, Iterable
from typing import Any

from liqspec.core import arithmetic, events
from liqspec.core.arithmetic import Holding
from liqspec.core.events import Event
from liqspec.core.refusals import (
    BadLeverage,
    CrossesZero,
    InLiquidation,
    InsufficientMargin,
    NotOpen,
    NotPositive,
    NoWorkingOrder,
    OffGrid,
    OrderWorking,
    Overfill,
    TimeNotAfter,
    UnknownAccount,
    UnknownMarket,
)
from liqspec.core.state import Pool, Position, State
from liqspec.edge.amounts import Grid

# The amounts of an admitted event in steps of their grids, by field; for marks, by market.
Amounts = dict[str, int]


def admit(state: State, event: Event) -> Amounts:
    """The event's amounts in integers, if the event is accepted (EVT-2).

    Raises:
        Refusal: the first check that failed.
    """
    amounts = _admit_marks(state, event) if isinstance(event, events.Marks) else _check_fields(state, event)
    own = _OWN.get(type(event))
    if own is not None:
        own(state, event, amounts)
    return amounts


# ------------------------------------------------------------------------------------- checks common to all (EVT-2)


def _check_fields(state: State, event: Event) -> Amounts:
    account, market = getattr(event, "account", None), getattr(event, "market", None)
    if account is not None and account not in state.accounts:
        raise UnknownAccount("account", account, "not among the accounts of this run")
    if market is not None:
        _check_market(state, "market", market)
    grids = {"money": state.venue.money}
    if market is not None:
        grids.update(price=state.venue.markets[market].price, size=state.venue.markets[market].size)
    amounts = {}
    fields = _FIELDS[type(event)]
    for name, grid_name, _ in fields:
        amounts[name] = _on_grid(name, getattr(event, name), grids[grid_name])
    for name, _, sign in fields:
        if sign == "positive":
            _check_positive(name, amounts[name], getattr(event, name))
        elif sign == "nonzero" and amounts[name] == 0:
            raise NotPositive(name, getattr(event, name), "must not be 0")
    return amounts


def _admit_marks(state: State, event: events.Marks) -> Amounts:
    for market, _ in event.prices:
        _check_market(state, "prices", market)
    amounts = {
        market: _on_grid(f"prices.{market}", price, state.venue.markets[market].price) for market, price in event.prices
    }
    for market, price in event.prices:
        _check_positive(f"prices.{market}", amounts[market], price)
    return amounts


def _check_market(state: State, field: str, market: str) -> None:
    if market not in state.venue.markets:
        raise UnknownMarket(field, market, "not among the markets of this run")


def _on_grid(field: str, text: str, grid: Grid) -> int:
    units = grid.units(text)
    if units is None:
        raise OffGrid(field, text, f"must be a multiple of {grid.text(1)}")
    return units


def _check_positive(field: str, units: int, text: str) -> None:
    if units <= 0:
        raise NotPositive(field, text, "must be above 0")


# ------------------------------------------------------------------------------------------------ checks of one event


def _withdraw(state: State, event: events.Withdraw, amounts: Amounts) -> None:
    _check_outflow(state, state.accounts[event.account].cross, amounts["amount"])


def _transfer(state: State, event: events.Transfer, amounts: Amounts) -> None:
    account, amount = state.accounts[event.account], amounts["amount"]
    if amount > 0:
        _check_outflow(state, account.cross, amount)
    else:
        unused = Pool(event.account, "isolated", event.market)
        _check_outflow(state, account.isolated.get(event.market, unused), -amount)


def _check_outflow(state: State, pool: Pool, amount: int) -> None:
    """ACC-5: money leaves a pool that is neither in liquidation nor left below its initial margin."""
    _check_no_order(pool, "ACC-5")
    if pool.in_liquidation:
        raise InLiquidation("amount", pool.key, "nothing leaves a pool in liquidation", rule="ACC-5")
    held = state.holdings(pool)
    equity = arithmetic.pool_equity(pool.collateral, held) - amount
    _check_initial_margin(state, equity, held, "amount", "ACC-5")


def _trade(state: State, event: events.Trade, amounts: Amounts) -> None:
    pool = state.pool(event.account, event.mode, event.market) or Pool(event.account, "isolated", event.market)
    position = pool.positions.get(event.market)
    if position is not None and position.state == "backstopped":
        raise NotOpen("market", position.key, "the vault has taken it; it can be opened again from the next block on")
    _check_no_order(pool, "ACC-7")
    if position is None or position.size * amounts["size"] >= 0:
        _check_increase(state, event, amounts, pool, position)
    else:
        _check_reduction(state, event, amounts, pool, position)


def _check_increase(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Position | None) -> None:
    """ACC-8: an opening or increasing trade leaves the pool at or above its initial margin."""
    if pool.in_liquidation:
        raise InLiquidation("market", pool.key, "nothing is opened or increased in a pool in liquidation")
    for other in pool.open_positions():
        if other.state == "partially_liquidated":
            raise InLiquidation("market", other.key, "it was partially liquidated in this block")
    market = state.venue.markets[event.market]
    leverage = event.leverage
    if leverage is None and position is not None and position.size:
        leverage = position.leverage
    if leverage is None or not 1 <= leverage <= market.max_leverage:
        value = "none" if leverage is None else str(leverage)
        raise BadLeverage("leverage", value, f"must be from 1 to {market.max_leverage}")
    size, cost = (position.size, position.cost) if position is not None else (0, 0)
    bought = amounts["size"] * amounts["price"] * market.unit
    held = _others(state, pool, event.market)
    held.append(
        Holding(size + amounts["size"], cost + bought, leverage, state.marks[market.name], market.unit, market.schedule)
    )
    equity = arithmetic.pool_equity(pool.collateral, held)
    _check_initial_margin(state, equity, held, "size", "ACC-8")


def _check_reduction(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Position) -> None:
    """ACC-9: a reduction does not make the pool worse in any of the ways that the rule names."""
    market, closed = position.market, abs(amounts["size"])
    if closed > abs(position.size):
        raise CrossesZero("size", event.size, f"the position is {market.size.text(position.size)}")
    if event.leverage is not None:
        raise BadLeverage("leverage", str(event.leverage), "a reduction takes none", rule="ACC-9")
    before = state.holdings(pool)
    equity_before = arithmetic.pool_equity(pool.collateral, before)
    released = arithmetic.released_cost(position.size, position.cost, closed)
    realised = arithmetic.realised_pnl(position.size, closed, amounts["price"], market.unit, released)
    after = _others(state, pool, event.market)
    if closed != abs(position.size):
        size = position.size + amounts["size"]
        after.append(state.holding(position)._replace(size=size, cost=position.cost - released))
    equity_after = arithmetic.pool_equity(pool.collateral + realised, after)
    maintenance_after = arithmetic.pool_maintenance_margin(after)
    if not arithmetic.reduction_is_safe(
        equity_before, arithmetic.pool_maintenance_margin(before), equity_after, maintenance_after, len(after)
    ):
        money = state.venue.money
        raise InsufficientMargin(
            "price",
            f"equity {money.text(equity_before)} before, {money.text(equity_after)} after",
            f"maintenance margin {money.text(maintenance_after)} after, and the pool would be worse covered",
            rule="ACC-9",
        )


def _working_order(state: State, event: events.Fill | events.OrderDone) -> int:
    position = state.position(event.account, event.market, event.mode)
    if position is None or position.order is None:
        rule = "FIL-1" if isinstance(event, events.Fill) else "FIL-6"
        key = f"{event.account}/{event.market}/{event.mode}"
        raise NoWorkingOrder("market", key, "has no working liquidation order", rule=rule)
    return position.order


def _fill(state: State, event: events.Fill, amounts: Amounts) -> None:
    left = _working_order(state, event)
    if amounts["size"] > left:
        raise Overfill("size", event.size, f"{state.venue.markets[event.market].size.text(left)} is left of the order")


def _order_done(state: State, event: events.OrderDone, _: Amounts) -> None:
    _working_order(state, event)


def _block(state: State, event: events.Block, _: Amounts) -> None:
    if event.time <= state.time:
        raise TimeNotAfter("time", str(event.time), f"must be after {state.time}")
    for pool in state.pools():
        _check_no_order(pool, "EVT-9")


# ------------------------------------------------------------------------------------------------------ shared checks


def _others(state: State, pool: Pool, market: str) -> list[Holding]:
    return [state.holding(position) for position in pool.open_positions() if position.market.name != market]


def _check_no_order(pool: Pool, rule: str) -> None:
    for position in pool.open_positions():
        if position.order is not None:
            limit = "its liquidation order is working"
            raise OrderWorking("time" if rule == "EVT-9" else "account", position.key, limit, rule=rule)


def _check_initial_margin(state: State, equity: int, held: Iterable[Holding], field: str, rule: str) -> None:
    required = arithmetic.pool_initial_margin(held)
    if equity < required:
        money = state.venue.money
        limit = f"initial margin {money.text(required)} after it"
        raise InsufficientMargin(field, f"equity {money.text(equity)} after it", limit, rule=rule)


_FIELDS = {
    event: tuple((field.name, field.grid, field.sign) for field in events.amount_fields(event))
    for event in events.EVENTS.values()
}

_OWN: dict[type[Any], Callable[[State, Any, Amounts], None]] = {
    events.Withdraw: _withdraw,
    events.Transfer: _transfer,
    events.Trade: _trade,
    events.Fill: _fill,
    events.OrderDone: _order_done,
    events.Block: _block,
}
