"""Engines that are wrong about what the account may do: set a leverage, and take money out (ACC-13 to ACC-15)."""

from typing import Any

from liqspec.core import admission, arithmetic, events
from liqspec.core.admission import Amounts, Failure
from liqspec.core.arithmetic import Holding, Ratio
from liqspec.core.state import Pool, State
from liqspec.step.wrong_engines.base import PERFORM, Patch, checks, fails, operates, real, skips, wrong

Effects = list[Any]

_FALL_UNCOVERED = real(events.Leverage, "insufficient_margin")
_INCREASE_UNCOVERED = real(events.Trade, "insufficient_margin", "increasing")
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


ENGINES = (
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
