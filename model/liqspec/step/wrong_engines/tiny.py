"""Engines that are wrong where a price is a few ticks, or a margin is rounded down to 0 (MRG-13, LIQ-17)."""

from liqspec.core import arithmetic, assessment
from liqspec.core.arithmetic import Holding, Ratio
from liqspec.core.families import limits
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.step.wrong_engines.base import Patch, wrong

_LIMIT = limits.limit_of
_ATTEMPT = assessment.to_attempt
_RESTORED = arithmetic.restored
_BELOW = arithmetic.below_backstop
_SAFE = arithmetic.reduction_is_safe


def _without_a_share(state: State, position: Position, inputs: GuardInputs) -> int | None:
    limited = state.venue.order_price == "bankruptcy" and not inputs.maintenance_margin
    return state.holding(position).mark if limited else _LIMIT(state, position, inputs)


def _bankruptcy_of_any_sign(equity: int, margin: int, pool_margin: int, held: Holding) -> int:
    worth = held.size * held.unit
    top, bottom = held.mark * worth * pool_margin - equity * margin, worth * pool_margin
    return arithmetic.divide_up(top, bottom) if worth > 0 else arithmetic.divide_down(-top, -bottom)


def _band_to_nothing(mark: int, size: int, band: Ratio) -> int:
    if size > 0:
        return arithmetic.divide_up(mark * (band.denominator - band.numerator), band.denominator)
    return arithmetic.divide_down(mark * (band.denominator + band.numerator), band.denominator)


def _nothing_is_too_little(equity: int, maintenance: int) -> bool:
    return equity < maintenance or equity == maintenance == 0


def _something_is_required(equity: int, maintenance: int, target: Ratio | None = None) -> bool:
    return equity != 0 and _RESTORED(equity, maintenance, target)


def _with_some_margin(state: State, pool: Pool) -> list[Position]:
    found = _ATTEMPT(state, pool)
    if state.venue.order_policy == "all":
        return found
    return [position for position in found if arithmetic.pool_maintenance_margin([state.holding(position)])]


def _no_line_without_a_margin(equity: int, maintenance: int, threshold: Ratio) -> bool:
    return maintenance > 0 and _BELOW(equity, maintenance, threshold)


def _safe_without_a_margin(
    equity_before: int, maintenance_before: int, equity_after: int, maintenance_after: int, positions_after: int
) -> bool:
    if positions_after and not maintenance_after:
        return True
    return _SAFE(equity_before, maintenance_before, equity_after, maintenance_after, positions_after)


ENGINES = (
    wrong(
        "X413",
        "LIQ-17",
        "Where the margin of the pool is 0, an order has no share of its equity",
        Patch(limits, "limit_of", _without_a_share),
    ),
    wrong(
        "X414",
        "LIQ-17",
        "A limit may be below a tick",
        Patch(arithmetic, "bankruptcy_limit", _bankruptcy_of_any_sign),
        Patch(arithmetic, "band_limit", _band_to_nothing),
    ),
    wrong(
        "X415",
        "LIQ-3",
        "A pool whose equity and margin are 0 is breached",
        Patch(arithmetic, "breached", _nothing_is_too_little),
    ),
    wrong(
        "X416",
        "LIQ-11",
        "A ranked venue sends no order for a position with a margin of 0",
        Patch(assessment, "to_attempt", _with_some_margin),
    ),
    wrong(
        "X417",
        "BKS-1",
        "A pool with a margin of 0 is not below its line",
        Patch(arithmetic, "below_backstop", _no_line_without_a_margin),
    ),
    wrong(
        "X418",
        "ACC-9",
        "A reduction that leaves positions with a margin of 0 is accepted",
        Patch(arithmetic, "reduction_is_safe", _safe_without_a_margin),
    ),
    wrong(
        "X419",
        "LIQ-4",
        "A pool in liquidation is not restored by an equity of 0, though its margin is 0",
        Patch(arithmetic, "restored", _something_is_required),
    ),
)
