"""Measures beyond the observation, for examples, timelines and reports: prices, lines, each position's margin."""

from fractions import Fraction
from typing import Any

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Ratio
from liqspec.core.changes import measure
from liqspec.core.engine import Engine
from liqspec.core.observation import observe_pool, observe_position
from liqspec.core.state import Pool, Position
from liqspec.edge.amounts import Grid, ratio_text


def _price(ratio: Ratio | None, grid: Grid) -> str | None:
    return None if ratio is None else ratio_text(Fraction(ratio.numerator, ratio.denominator) * grid.step)


def position_details(engine: Engine, position: Position) -> dict[str, Any]:
    """What is observed of a position, with its own measures and derived prices (MRG-1 to MRG-11)."""
    state, money = engine.state, engine.venue.money
    details = {**observe_position(state, position), "leverage": position.leverage}
    if position.size == 0:
        return details
    held = state.holding(position)
    worth = arithmetic.notional(held.size, held.mark, held.unit)
    key = (position.account, position.market.name, position.mode)
    price, crossing = engine.liquidation_price(*key)
    grid = position.market.price
    return details | {
        "mark": grid.text(held.mark),
        "notional": money.text(worth),
        "unrealised_pnl": money.text(arithmetic.unrealised_pnl(held.size, held.cost, held.mark, held.unit)),
        "maintenance_margin": money.text(arithmetic.maintenance_margin(worth, held.schedule)),
        "initial_margin": money.text(arithmetic.initial_margin(worth, held.leverage, held.schedule)),
        "liquidation_price": None if price is None else grid.text(price),
        "liquidation_crossing": _price(crossing, grid),
        "bankruptcy_price": _price(engine.bankruptcy_price(*key), grid),
    }


def pool_details(engine: Engine, pool: Pool) -> dict[str, Any]:
    """What is observed of a pool, with its backstop line and the decisions about it (LIQ-3 to LIQ-5, BKS-1)."""
    inputs = measure(engine.state, pool)
    equity, margin, threshold = inputs.equity, inputs.maintenance_margin, inputs.backstop_threshold
    line = Fraction(margin * threshold.numerator, threshold.denominator) * engine.venue.money.step
    return observe_pool(engine.state, pool) | {
        "backstop_line": ratio_text(line),
        "breached": arithmetic.breached(equity, margin),
        "needs_liquidation": inputs.needs_liquidation,
        "below_backstop": arithmetic.below_backstop(equity, margin, threshold),
    }


def all_positions(engine: Engine) -> dict[str, Position]:
    """Every position ever opened, by account/market/mode."""
    return {position.key: position for pool in engine.state.pools() for _, position in sorted(pool.positions.items())}


def all_pools(engine: Engine) -> dict[str, Pool]:
    """Every margin pool, by account/cross or account/market/isolated."""
    return {pool.key: pool for pool in engine.state.pools()}


def all_marks(engine: Engine) -> dict[str, str]:
    """The mark price of every market, by its name."""
    markets = engine.venue.markets
    return {name: markets[name].price.text(mark) for name, mark in engine.state.marks.items()}
