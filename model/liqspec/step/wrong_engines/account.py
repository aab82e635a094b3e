"""Engines that are wrong about what the account may do: the leverage of an open position (ACC-13)."""

from typing import Any

from liqspec.core import arithmetic, events
from liqspec.core.admission import Amounts, Failure
from liqspec.core.state import Pool, State
from liqspec.step.wrong_engines.base import PERFORM, checks, fails, operates, real, skips, wrong

Effects = list[Any]

_FALL_UNCOVERED = real(events.Leverage, "insufficient_margin")


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


ENGINES = (
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
