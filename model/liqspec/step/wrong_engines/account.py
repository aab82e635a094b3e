"""Engines that are wrong about accounts: leverages, money out, reversals, modes (ACC-13 to ACC-18), settlements."""

from typing import Any

from liqspec.core import admission, arithmetic, changes, events
from liqspec.core.admission import Amounts, Failure
from liqspec.core.arithmetic import Holding, Ratio
from liqspec.core.state import Pool, State
from liqspec.step.wrong_engines.base import PERFORM, Patch, checks, fails, moves, operates, real, skips, wrong

Effects = list[Any]

_FALL_UNCOVERED = real(events.Leverage, "insufficient_margin")
_INCREASE_UNCOVERED = real(events.Trade, "insufficient_margin", "increasing")
_REMOVED = real(events.Transfer, "removal_not_allowed")
_IN_LIQUIDATION = real(events.Trade, "in_liquidation", "increasing")
_BELOW_INITIAL_MARGIN = admission.below_initial_margin
_BELOW_FLOOR = admission.below_floor


def _above_only(event: events.Leverage, state: State, amounts: Amounts) -> Failure | None:
    failure = _FALL_UNCOVERED(event, state, amounts)
    pool, position = event.open_position(state)
    held = [state.holding(one) for one in pool.open_positions() if one is not position]
    held.append(state.holding(position)._replace(leverage=event.leverage))
    exact = arithmetic.pool_equity(pool.collateral, held) == arithmetic.pool_initial_margin(held)
    falls = event.leverage < position.leverage
    return Failure("leverage", "equity", "must be above the initial margin") if falls and exact else failure


def _rise_uncovered(event: events.Leverage, state: State, _: Amounts) -> Failure | None:
    pool, position = event.open_position(state)
    held = [state.holding(one) for one in pool.open_positions() if one is not position]
    held.append(state.holding(position)._replace(leverage=event.leverage))
    covered = arithmetic.pool_equity(pool.collateral, held) >= arithmetic.pool_initial_margin(held)
    return None if covered else Failure("leverage", "equity", "must cover the initial margin")


def _covered_before(event: events.Leverage, state: State, _: Amounts) -> Failure | None:
    pool, position = event.open_position(state)
    held = state.holdings(pool)
    covered = arithmetic.pool_equity(pool.collateral, held) >= arithmetic.pool_initial_margin(held)
    if covered or event.leverage >= position.leverage:
        return None
    return Failure("leverage", "equity", "must cover the initial margin")


def _of_both_modes(event: events.Leverage, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.Leverage](event, state, amounts, effects)
    for _, position in state.positions():
        if (position.account, position.market.name) == (event.account, event.market) and position.size:
            position.leverage = event.leverage
    return touched


def _above_the_floor_only(equity: int, amount: int, floor: Ratio) -> bool:
    return equity * floor.denominator > amount * floor.numerator


def _floor_rounded_down(equity: int, amount: int, floor: Ratio) -> bool:
    return equity >= amount * floor.numerator // floor.denominator


def _floor_of_the_entry(state: State, equity: int, held: list[Holding]) -> Failure | None:
    at_entry = [one._replace(mark=1, unit=1, size=one.cost) for one in held]
    return _BELOW_FLOOR(state, equity, at_entry)


def _floor_alone(state: State, equity: int, held: list[Holding], field: str) -> Failure | None:
    if field == "amount" and state.venue.withdraw_floor is not None:
        return None
    return _BELOW_INITIAL_MARGIN(state, equity, held, field)


def _floor_of_trades(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    failure = _INCREASE_UNCOVERED(event, state, amounts)
    if failure is not None or state.venue.withdraw_floor is None:
        return failure
    pool = event.pool_in(state)
    market, held = state.venue.markets[event.market], state.holdings(pool)
    bought = amounts["size"] * market.unit
    held.append(
        Holding(amounts["size"], bought * amounts["price"], 1, state.marks[event.market], market.unit, market.schedule)
    )
    return _BELOW_FLOOR(state, arithmetic.pool_equity(pool.collateral, held), held)


def _above_0_only(state: State, collateral: int) -> Failure | None:
    if state.venue.withdraw_from != "collateral" or collateral > 0:
        return None
    return Failure("amount", "collateral", "it must be above 0")


def _of_withdrawals_only(event: events.Transfer, state: State, amounts: Amounts) -> Failure | None:
    pool, leaving = event.paying(state, amounts)
    held = state.holdings(pool)
    equity = arithmetic.pool_equity(pool.collateral, held) - leaving
    return _BELOW_INITIAL_MARGIN(state, equity, held, "amount")


def _keeps_the_leverage(event: events.Trade, state: State, _: int) -> int | None:
    position = event.pool_in(state).positions.get(event.market)
    return position.leverage if event.leverage is None and position is not None and position.size else event.leverage


def _with_the_old_leverage(event: events.Trade, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    position = event.pool_in(state).positions.get(event.market)
    leverage = 0 if position is None else position.leverage
    turned = position is not None and changes.turns_round(state.venue, position.size, amounts["size"])
    touched = PERFORM[events.Trade](event, state, amounts, effects)
    if turned and position is not None and event.leverage is None:
        position.leverage = leverage
    return touched


def _in_one_life(event: events.Trade, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    position = event.pool_in(state).positions.get(event.market)
    turned = position is not None and changes.turns_round(state.venue, position.size, amounts["size"])
    touched = PERFORM[events.Trade](event, state, amounts, effects)
    if turned and position is not None:
        position.life -= 1
    return touched


def _window_survives(event: events.Trade, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    position = event.pool_in(state).positions.get(event.market)
    turned = position is not None and changes.turns_round(state.venue, position.size, amounts["size"])
    window = None if position is None else position.window
    touched = PERFORM[events.Trade](event, state, amounts, effects)
    if turned and position is not None and window is not None:
        position.window = window
    return touched


def _at_the_old_cost(event: events.Trade, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    position = event.pool_in(state).positions.get(event.market)
    turned = position is not None and changes.turns_round(state.venue, position.size, amounts["size"])
    cost = 0 if position is None else position.cost
    touched = PERFORM[events.Trade](event, state, amounts, effects)
    if turned and position is not None:  # what was realised is left in the cost
        bought = amounts["size"] * amounts["price"] * position.market.unit
        touched[0].collateral -= position.cost - cost - bought
        position.cost = cost + bought
    return touched


def _whole_trade_uncovered(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    failure = _INCREASE_UNCOVERED(event, state, amounts)
    pool = event.pool_in(state)
    position = pool.positions.get(event.market)
    if failure or position is None or not changes.turns_round(state.venue, position.size, amounts["size"]):
        return failure
    market, leverage = position.market, event.leverage or 1
    held, size = event.others(state, pool), amounts["size"]
    equity = arithmetic.pool_equity(pool.collateral, state.holdings(pool))
    held.append(Holding(size, 0, leverage, state.marks[market.name], market.unit, market.schedule))
    return _BELOW_INITIAL_MARGIN(state, equity, held, "size")


def _margin_before_uncovered(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    pool = event.pool_in(state)
    position = pool.positions.get(event.market)
    if position is None or not changes.turns_round(state.venue, position.size, amounts["size"]):
        return _INCREASE_UNCOVERED(event, state, amounts)
    held = state.holdings(pool)
    return _BELOW_INITIAL_MARGIN(state, arithmetic.pool_equity(pool.collateral, held), held, "size")


def _others_liquidated(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    failure = _IN_LIQUIDATION(event, state, amounts)
    position = event.pool_in(state).positions.get(event.market)
    if position is None or not changes.turns_round(state.venue, position.size, amounts["size"]):
        return failure
    return None if failure is not None and failure.value == position.key else failure


def _kept_when_empty(event: events.Transfer, state: State, amounts: Amounts) -> Failure | None:
    pool, _ = event.paying(state, amounts)
    kept = pool.mode == "isolated" and state.venue.markets[event.market].isolated_removal == "never"
    return Failure("amount", pool.key, "its collateral stays") if kept else None


def _kept_below_cost(event: events.Transfer, state: State, amounts: Amounts) -> Failure | None:
    failure = _REMOVED(event, state, amounts)
    pool, leaving = event.paying(state, amounts)
    profit = arithmetic.pool_equity(0, state.holdings(pool))
    return None if leaving <= profit else failure


def _vault_keeps(event: events.Settle, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    held = state.vault.positions.pop(event.market, 0)
    touched = PERFORM[events.Settle](event, state, amounts, effects)
    if held:
        state.vault.positions[event.market] = held
    return touched


def _with_the_fee(event: events.Settle, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    market = state.venue.markets[event.market]
    sizes = [(pool, pool.positions[market.name].size) for pool in changes.pools_in(state, market.name)]
    touched = PERFORM[events.Settle](event, state, amounts, effects)
    for pool, size in sizes:
        worth = arithmetic.notional(size, amounts["price"], market.unit)
        fee = arithmetic.liquidation_fee(worth, state.venue.fee_rate, max(0, pool.collateral))
        pool.collateral -= fee
        state.vault.cash += fee
    return touched


def _but_ordered(event: events.Settle, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    ordered = {}
    for pool in changes.pools_in(state, event.market):
        if pool.positions[event.market].order is not None:
            ordered[pool.key] = (pool, pool.positions.pop(event.market))
    touched = PERFORM[events.Settle](event, state, amounts, effects)
    for pool, position in ordered.values():
        pool.positions[event.market] = position
    return touched


def _settled_unassessed(event: events.Settle, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    PERFORM[events.Settle](event, state, amounts, effects)
    return []


ENGINES = (
    wrong("X365", "EVT-11", "The vault keeps its position in a settled market", operates(events.Settle, _vault_keeps)),
    wrong("X366", "EVT-11", "A settlement takes the liquidation fee", operates(events.Settle, _with_the_fee)),
    wrong(
        "X367",
        "EVT-11",
        "A position with a working order is left out of a settlement",
        operates(events.Settle, _but_ordered),
    ),
    wrong(
        "X368", "EVT-11", "The pools of a settled market are not assessed", operates(events.Settle, _settled_unassessed)
    ),
    wrong(
        "X369",
        "EVT-11",
        "The vault trades in a settled market",
        checks(events.VaultTrade, skips("market_settled")),
    ),
    wrong(
        "X361",
        "ACC-17",
        "A mode that the market does not have is refused last",
        checks(events.Trade, moves("mode_not_allowed", "insufficient_margin")),
    ),
    wrong(
        "X362",
        "ACC-17",
        "An opening in a mode that the market does not have is accepted",
        checks(events.Trade, skips("mode_not_allowed")),
    ),
    wrong(
        "X363",
        "ACC-18",
        "Collateral stays in a pool without a position too",
        checks(events.Transfer, fails("removal_not_allowed", _kept_when_empty)),
    ),
    wrong(
        "X364",
        "ACC-18",
        "Unrealised profit may leave a pool whose collateral stays",
        checks(events.Transfer, fails("removal_not_allowed", _kept_below_cost)),
    ),
    wrong(
        "X354",
        "ACC-16",
        "A reversal keeps the leverage of the life that ends",
        Patch(events.Trade, "leverage_after", _keeps_the_leverage),
        operates(events.Trade, _with_the_old_leverage),
    ),
    wrong("X355", "ACC-16", "A reversal does not begin a life", operates(events.Trade, _in_one_life)),
    wrong("X356", "ACC-16", "The position's window survives a reversal", operates(events.Trade, _window_survives)),
    wrong("X357", "ACC-16", "A reversal realises nothing", operates(events.Trade, _at_the_old_cost)),
    wrong(
        "X358",
        "ACC-16",
        "A reversal needs margin for the whole trade",
        checks(events.Trade, fails("insufficient_margin", _whole_trade_uncovered, "increasing")),
    ),
    wrong(
        "X359",
        "ACC-16",
        "A reversal is checked against the margin before it",
        checks(events.Trade, fails("insufficient_margin", _margin_before_uncovered, "increasing")),
    ),
    wrong(
        "X360",
        "ACC-16",
        "A partially liquidated position may be turned round",
        checks(events.Trade, fails("in_liquidation", _others_liquidated, "increasing")),
    ),
    wrong(
        "X347",
        "ACC-14",
        "A withdrawal must leave more than the floor",
        Patch(arithmetic, "keeps_the_floor", _above_the_floor_only),
    ),
    wrong("X348", "ACC-14", "The floor is rounded down", Patch(arithmetic, "keeps_the_floor", _floor_rounded_down)),
    wrong(
        "X349",
        "ACC-14",
        "The floor is a share of what the positions cost",
        Patch(admission, "below_floor", _floor_of_the_entry),
    ),
    wrong(
        "X350",
        "ACC-14",
        "The floor takes the place of the initial margin",
        Patch(admission, "below_initial_margin", _floor_alone),
    ),
    wrong(
        "X351",
        "ACC-14",
        "The floor is asked of trades too",
        checks(events.Trade, fails("insufficient_margin", _floor_of_trades, "increasing")),
    ),
    wrong(
        "X352",
        "ACC-15",
        "A withdrawal must leave some collateral",
        Patch(admission, "beyond_collateral", _above_0_only),
    ),
    wrong(
        "X353",
        "ACC-15",
        "The floor and the collateral limit withdrawals, and not transfers",
        checks(events.Transfer, fails("insufficient_margin", _of_withdrawals_only)),
    ),
    wrong(
        "X340",
        "ACC-13",
        "A lower leverage is not checked against the margin",
        checks(events.Leverage, skips("insufficient_margin")),
    ),
    wrong(
        "X341",
        "ACC-13",
        "A lower leverage needs equity above the initial margin",
        checks(events.Leverage, fails("insufficient_margin", _above_only)),
    ),
    wrong(
        "X342",
        "ACC-13",
        "A higher leverage is checked against the margin too",
        checks(events.Leverage, fails("insufficient_margin", _rise_uncovered)),
    ),
    wrong(
        "X343",
        "ACC-13",
        "A lower leverage is checked against the margin before it",
        checks(events.Leverage, fails("insufficient_margin", _covered_before)),
    ),
    wrong(
        "X344",
        "ACC-13",
        "A leverage is set in a pool in liquidation",
        checks(events.Leverage, skips("in_liquidation")),
    ),
    wrong(
        "X345",
        "ACC-13",
        "A leverage above that of the first tier is set",
        checks(events.Leverage, skips("bad_leverage")),
    ),
    wrong(
        "X346",
        "ACC-13",
        "A leverage is that of the market in both modes",
        operates(events.Leverage, _of_both_modes),
    ),
)
