"""Measures beyond the observation, for examples, timelines and reports: how each comes about, prices, lines."""

from fractions import Fraction
from typing import Any

from attrs import asdict, frozen

from liqspec.core import arithmetic, events, snapshot
from liqspec.core.admission import admit_fields
from liqspec.core.arithmetic import Ratio
from liqspec.core.changes import measure
from liqspec.core.config import Venue
from liqspec.core.effects import Effect
from liqspec.core.engine import Engine
from liqspec.core.observation import observe_pool, observe_position
from liqspec.core.snapshot import Snapshot
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.edge.amounts import Grid, ratio_text

# Those of a position's terms that a scenario may expect (SCN-2).
_DETAILS = (
    "mark",
    "notional",
    "unrealised_pnl",
    "maintenance_margin",
    "initial_margin",
    "liquidation_price",
    "liquidation_crossing",
    "bankruptcy_price",
)


@frozen(kw_only=True)
class PositionTerms:
    """How the measures of an open position come about; every amount exact, as a decimal string or a ratio.

    `unrealised_pnl` is size × mark − cost (MRG-1), `notional` the size without sign × mark (MRG-2), `margin_notional`
    that of which margins are asked (MRG-14), `maintenance_margin` it × the rate of its tier − its deduction, rounded
    (MRG-5, MRG-13), and `initial_margin` it ÷ the lesser of its leverage and the most of its tier, rounded up (MRG-7),
    both with the closing fee (MRG-15). `tier` counts from 1.
    """

    position: str
    market: str
    size: str
    cost: str
    mark: str
    tick: str
    unrealised_pnl: str
    notional: str
    margin_notional: str
    tier: int
    maintenance_rate: str
    close_fee_rate: str | None
    deduction: str
    maintenance_margin: str
    leverage: int
    max_leverage: int
    initial_margin: str
    liquidation_price: str | None
    liquidation_crossing: str | None
    bankruptcy_price: str


@frozen(kw_only=True)
class RestoreTerms:
    """What equity must reach for the pool to be restored: the factor × a measure, not rounded (LIQ-15)."""

    measure: str
    factor: str
    target: str


@frozen(kw_only=True)
class PoolTerms:
    """How the measures of a pool come about: equity is its collateral and each PnL (MRG-3), a margin the sum of theirs.

    `backstop_line` is the threshold × the maintenance margin or, where there is one, the `closeout_margin`, not rounded
    (BKS-1, BKS-9). The positions are the open ones by market name.
    """

    pool: str
    collateral: str
    equity: str
    maintenance_margin: str
    initial_margin: str
    restore: RestoreTerms | None
    backstop_threshold: str
    closeout_margin: str | None
    backstop_line: str
    partial_threshold: str | None
    positions: tuple[PositionTerms, ...]


def _exact(ratio: Ratio, grid: Grid) -> str:
    return ratio_text(Fraction(ratio.numerator, ratio.denominator) * grid.step)


def _rate(ratio: Ratio) -> str:
    return str(Fraction(ratio.numerator, ratio.denominator))


def position_terms(state: State, pool: Pool, position: Position) -> PositionTerms:
    """How the measures of an open position of the pool come about (MRG-1 to MRG-11)."""
    money, grid = state.venue.money, position.market.price
    equity, others, held = state.measured(pool, position)
    worth = arithmetic.margin_notional(held)
    tier, denominator = arithmetic.tier_at(worth, held.schedule), held.schedule.denominator
    price = arithmetic.liquidation_price(equity, others, held)
    crossing = arithmetic.liquidation_crossing(equity, others, held)
    return PositionTerms(
        position=position.key,
        market=position.market.name,
        size=position.market.size.text(held.size),
        cost=money.text(held.cost),
        mark=grid.text(held.mark),
        tick=grid.text(1),
        unrealised_pnl=money.text(arithmetic.unrealised_pnl(held.size, held.cost, held.mark, held.unit)),
        notional=money.text(arithmetic.notional(held.size, held.mark, held.unit)),
        margin_notional=money.text(worth),
        tier=held.schedule.tiers.index(tier) + 1,
        maintenance_rate=_rate(Ratio(tier.rate, denominator)),
        close_fee_rate=_rate(Ratio(held.schedule.close_fee, denominator)) if held.schedule.close_fee else None,
        deduction=_exact(Ratio(tier.deduction, denominator), money),
        maintenance_margin=money.text(arithmetic.maintenance_margin(worth, held.schedule)),
        leverage=held.leverage,
        max_leverage=tier.max_leverage,
        initial_margin=money.text(arithmetic.initial_margin(worth, held.leverage, held.schedule)),
        liquidation_price=None if price is None else grid.text(price),
        liquidation_crossing=None if crossing is None else _exact(crossing, grid),
        bankruptcy_price=_exact(arithmetic.bankruptcy_price(equity, held), grid),
    )


def pool_terms(state: State, pool: Pool) -> PoolTerms:
    """How the measures of a pool come about, as it is now."""
    inputs, money, restore = measure(state, pool), state.venue.money, state.venue.restore
    restoring = None
    if restore is not None and inputs.restore_target is not None:
        factor, target = _rate(restore.factor), _exact(inputs.restore_target, money)
        restoring = RestoreTerms(measure=f"{restore.measure}_margin", factor=factor, target=target)
    return PoolTerms(
        pool=pool.key,
        collateral=money.text(pool.collateral),
        equity=money.text(inputs.equity),
        maintenance_margin=money.text(inputs.maintenance_margin),
        initial_margin=money.text(arithmetic.pool_initial_margin(state.holdings(pool))),
        restore=restoring,
        backstop_threshold=_rate(inputs.backstop_threshold),
        closeout_margin=None if inputs.closeout_margin is None else money.text(inputs.closeout_margin),
        backstop_line=_backstop_line(inputs, money),
        partial_threshold=None if state.venue.partial_threshold is None else money.text(state.venue.partial_threshold),
        positions=tuple(position_terms(state, pool, held) for held in pool.open_positions()),
    )


def all_terms(state: State) -> dict[str, PoolTerms]:
    """How the measures of every pool come about, by account/cross or account/market/isolated."""
    return {pool.key: pool_terms(state, pool) for pool in state.pools()}


def terms_json(terms: PoolTerms) -> dict[str, Any]:
    """The terms as plain data; a position has `margin_notional` only where that is not its notional (MRG-14), and
    `close_fee_rate` and `closeout_margin` are only there where the venue has them (MRG-15, BKS-9).
    """
    plain = asdict(terms)
    if terms.closeout_margin is None:
        del plain["closeout_margin"]
    for position in plain["positions"]:
        if position["margin_notional"] == position["notional"]:
            del position["margin_notional"]
        if position["close_fee_rate"] is None:
            del position["close_fee_rate"]
    return plain


Around = tuple[Snapshot, Snapshot]  # the whole states before an event and after it


def changed(venue: Venue, around: Around, event: object) -> tuple[State, list[Effect]]:
    """The state when an event has made its own change and no pool is assessed yet, and the effects of that change.

    This is what the guards measure, and the check of the margin if the event fails it; it must pass those before it.
    """
    before, after = around
    state, read, effects = snapshot.build(venue, before), events.from_json(event), list[Effect]()
    read.perform(state, admit_fields(read, state), effects)
    state.marks = dict(after.marks)  # a mark may be that of another engine (MRK-9)
    return state, effects


def position_details(engine: Engine, position: Position) -> dict[str, Any]:
    """What is observed of a position, with its own measures and derived prices (MRG-1 to MRG-11)."""
    state = engine.state
    details = {**observe_position(state, position), "leverage": position.leverage}
    pool = state.pool(position.account, position.mode, position.market.name)
    if position.size == 0 or pool is None:
        return details
    terms = position_terms(state, pool, position)
    return details | {name: getattr(terms, name) for name in _DETAILS}


def pool_details(engine: Engine, pool: Pool) -> dict[str, Any]:
    """What is observed of a pool, with its backstop line and the decisions about it (LIQ-3 to LIQ-5, BKS-1)."""
    inputs = measure(engine.state, pool)
    return observe_pool(engine.state, pool) | {
        "backstop_line": _backstop_line(inputs, engine.venue.money),
        "breached": arithmetic.breached(inputs.equity, inputs.maintenance_margin),
        "needs_liquidation": inputs.needs_liquidation,
        "below_backstop": arithmetic.below_backstop(inputs.equity, inputs.backstop_margin, inputs.backstop_threshold),
    }


def _backstop_line(inputs: GuardInputs, money: Grid) -> str:
    threshold = inputs.backstop_threshold
    return _exact(Ratio(inputs.backstop_margin * threshold.numerator, threshold.denominator), money)


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
