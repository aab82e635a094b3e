"""Engines that show a wrong liquidation or bankruptcy price, and liquidate as they must (OBS-5, MRG-10, MRG-11).

Only who compares these prices can see it, so that no vector does.
"""

from fractions import Fraction

from liqspec.core import arithmetic, observation
from liqspec.core.arithmetic import Holding, Ratio
from liqspec.core.state import Position, State
from liqspec.edge.amounts import decimal_text
from liqspec.step.wrong_engines.base import Patch, wrong

_LIQUIDATION, _BANKRUPTCY = arithmetic.liquidation_price, arithmetic.bankruptcy_price
_SHOWN, _TEXT = observation.observe_prices, observation.bankruptcy_text

Prices = dict[str, str | None]


def _last_healthy(equity: int, other_maintenance: int, held: Holding) -> int | None:
    price = _LIQUIDATION(equity, other_maintenance, held)
    return None if price is None else price + 1 if held.size > 0 else max(1, price - 1)


def _at_or_beyond(equity: int, other_maintenance: int, held: Holding) -> int | None:
    """The tick of the exact crossing, where it is one, at which the pool is not yet breached."""
    price, crossing = (
        _LIQUIDATION(equity, other_maintenance, held),
        arithmetic.liquidation_crossing(equity, other_maintenance, held),
    )
    if price is None or crossing is None or crossing.numerator % crossing.denominator:
        return price
    return crossing.numerator // crossing.denominator


def _without_the_others(equity: int, other_maintenance: int, held: Holding) -> int | None:
    return _LIQUIDATION(equity, 0, held)


def _in_this_tier(equity: int, other_maintenance: int, held: Holding) -> int | None:
    tier = arithmetic.tier_at(arithmetic.notional(held.size, held.mark, held.unit), held.schedule)
    only = held.schedule._replace(tiers=(tier._replace(above=0),))
    return _LIQUIDATION(equity, other_maintenance, held._replace(schedule=only))


def _as_if_unrounded(equity: int, other_maintenance: int, held: Holding) -> int | None:
    return _LIQUIDATION(equity, other_maintenance, held._replace(schedule=held.schedule._replace(rounds_down=False)))


def _as_if_the_margin_moved(equity: int, other_maintenance: int, held: Holding) -> int | None:
    return _LIQUIDATION(equity, other_maintenance, held._replace(schedule=held.schedule._replace(at_entry=False)))


def _without_the_fee(equity: int, other_maintenance: int, held: Holding) -> int | None:
    return _LIQUIDATION(equity, other_maintenance, held._replace(schedule=held.schedule._replace(close_fee=0)))


def _against_the_pool(price: Fraction, size: int) -> str:
    return _TEXT(price, -size)


def _to_the_nearest(price: Fraction, size: int) -> str:
    return decimal_text(round(price, observation.PLACES))


def _of_a_long(equity: int, held: Holding) -> Ratio:
    return _BANKRUPTCY(equity, held) if held.size > 0 else _BANKRUPTCY(-equity, held)


def _of_its_own(state: State, position: Position) -> Prices:
    pool = state.pool(position.account, position.mode, position.market.name)
    if pool is None or not position.size:
        return _SHOWN(state, position)
    held = state.holding(position)
    price = arithmetic.bankruptcy_price(arithmetic.pool_equity(pool.collateral, [held]), held)
    text = _TEXT(Fraction(price.numerator, price.denominator) * position.market.price.step, position.size)
    return {**_SHOWN(state, position), "bankruptcy_price": text}


def _not_below_zero(price: Fraction, size: int) -> str:
    return _TEXT(max(price, Fraction(0)), size)


def _zero_for_none(state: State, position: Position) -> Prices:
    return {name: "0" if price is None else price for name, price in _SHOWN(state, position).items()}


ENGINES = (
    wrong(
        "X315",
        "MRG-10",
        "The liquidation price is the last tick at which nothing happens",
        Patch(arithmetic, "liquidation_price", _last_healthy),
    ),
    wrong(
        "X316",
        "MRG-10",
        "The liquidation price is the tick at which equity is exactly the margin",
        Patch(arithmetic, "liquidation_price", _at_or_beyond),
    ),
    wrong(
        "X317",
        "MRG-10",
        "The liquidation price forgets the margin of the pool's other positions",
        Patch(arithmetic, "liquidation_price", _without_the_others),
    ),
    wrong(
        "X318",
        "MRG-10",
        "The liquidation price is sought in the present tier only",
        Patch(arithmetic, "liquidation_price", _in_this_tier),
    ),
    wrong(
        "X319",
        "MRG-13",
        "The liquidation price of a venue that rounds margins down is that of one that rounds up",
        Patch(arithmetic, "liquidation_price", _as_if_unrounded),
    ),
    wrong(
        "X332",
        "MRG-14",
        "The liquidation price is that of a margin that moves with the mark",
        Patch(arithmetic, "liquidation_price", _as_if_the_margin_moved),
    ),
    wrong(
        "X336",
        "MRG-15",
        "The liquidation price does not count the closing fee in",
        Patch(arithmetic, "liquidation_price", _without_the_fee),
    ),
    wrong(
        "X320",
        "OBS-5",
        "A bankruptcy price is rounded against the pool",
        Patch(observation, "bankruptcy_text", _against_the_pool),
    ),
    wrong(
        "X321",
        "OBS-5",
        "A bankruptcy price is rounded to the nearest decimal",
        Patch(observation, "bankruptcy_text", _to_the_nearest),
    ),
    wrong(
        "X322",
        "MRG-11",
        "The bankruptcy price of a short is on the side of a long's",
        Patch(arithmetic, "bankruptcy_price", _of_a_long),
    ),
    wrong(
        "X323",
        "MRG-11",
        "A bankruptcy price below 0 is shown as 0",
        Patch(observation, "bankruptcy_text", _not_below_zero),
    ),
    wrong(
        "X324",
        "OBS-5",
        "A price that does not exist is shown as 0",
        Patch(observation, "observe_prices", _zero_for_none),
    ),
    wrong(
        "X325",
        "MRG-11",
        "The bankruptcy price forgets the profit of the pool's other positions",
        Patch(observation, "observe_prices", _of_its_own),
    ),
)
