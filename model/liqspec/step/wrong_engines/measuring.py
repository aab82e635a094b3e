"""Engines that get wrong how their venue measures margin: its rounding, notional, fee, close-out (MRG-13, BKS-9)."""

from collections.abc import Iterable
from fractions import Fraction
from math import floor

from attrs import evolve

from liqspec.core import arithmetic, assessment, config
from liqspec.core.arithmetic import Holding, Schedule
from liqspec.core.config import TierConfig
from liqspec.core.effects import Sizing
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.edge.amounts import Grid
from liqspec.step.wrong_engines.base import Patch, wrong

_MAINTENANCE, _INITIAL = arithmetic.maintenance_margin, arithmetic.initial_margin
_OF_POOL, _INITIAL_OF_POOL = arithmetic.pool_maintenance_margin, arithmetic.pool_initial_margin
_CLOSEOUT = config.closeout_of
_VALUED, _SIZING = arithmetic.margin_notional, assessment.order_sizing


# ------------------------------------------------------------------------------------------------------------- rounding


def _always_up(amount: int, schedule: Schedule) -> int:
    return _MAINTENANCE(amount, schedule._replace(rounds_down=False))


def _strictly_below(amount: int, schedule: Schedule) -> int:
    up = _always_up(amount, schedule)
    return max(0, up - 1) if schedule.rounds_down else up


def _before_the_deduction(amount: int, schedule: Schedule) -> int:
    if not schedule.rounds_down:
        return _MAINTENANCE(amount, schedule)
    tier = arithmetic.tier_at(amount, schedule)
    return amount * tier.rate // schedule.denominator - tier.deduction // schedule.denominator


def _initial_as_well(amount: int, leverage: int, schedule: Schedule) -> int:
    if not schedule.rounds_down:
        return _INITIAL(amount, leverage, schedule)
    return amount // min(leverage, arithmetic.tier_at(amount, schedule).max_leverage)


def _the_sum(holdings: Iterable[Holding]) -> int:
    held = list(holdings)
    if not held or not held[0].schedule.rounds_down:
        return _OF_POOL(held)
    exact = (
        Fraction(_OF_POOL([one._replace(schedule=one.schedule._replace(denominator=1))]), one.schedule.denominator)
        for one in held
    )
    return floor(sum(exact))


# ------------------------------------------------------------------------------------------------------------ valuation


def _at_the_mark(held: Holding) -> int:
    return arithmetic.notional(held.size, held.mark, held.unit)


def _signed(held: Holding) -> int:
    return max(0, held.cost) if held.schedule.at_entry else _VALUED(held)


def _the_larger(held: Holding) -> int:
    return max(_VALUED(held), _at_the_mark(held))


def _tier_by_the_mark(holdings: Iterable[Holding]) -> int:
    margin = 0
    for held in holdings:
        tier = arithmetic.tier_at(_at_the_mark(held), held.schedule)
        only = held.schedule._replace(tiers=(tier._replace(above=0),)) if held.schedule.at_entry else held.schedule
        margin += _OF_POOL([held._replace(schedule=only)])
    return margin


def _initial_at_the_mark(holdings: Iterable[Holding]) -> int:
    return _INITIAL_OF_POOL(held._replace(schedule=held.schedule._replace(at_entry=False)) for held in holdings)


def _threshold_by_cost(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Sizing:
    sizing = _SIZING(state, pool, position, inputs)
    threshold = state.venue.partial_threshold
    if state.venue.valuation != "entry" or threshold is None or abs(position.cost) > threshold:
        return sizing
    return "not_above_threshold"


# ---------------------------------------------------------------------------------------------------------- closing fee


def _without_the_fee(amount: int, schedule: Schedule) -> int:
    return _MAINTENANCE(amount, schedule._replace(close_fee=0))


def _fee_rounded_by_itself(amount: int, schedule: Schedule) -> int:
    return _without_the_fee(amount, schedule) + arithmetic.divide_up(amount * schedule.close_fee, schedule.denominator)


def _initial_without_the_fee(amount: int, leverage: int, schedule: Schedule) -> int:
    return _INITIAL(amount, leverage, schedule._replace(close_fee=0))


# ----------------------------------------------------------------------------------------------------- close-out margin


def _no_closeout_margin(state: State, pool: Pool) -> None:
    return None


def _undeducted_closeout(path: str, tiers: tuple[TierConfig, ...], money: Grid) -> Schedule | None:
    real = _CLOSEOUT(path, tiers, money)
    return real and real._replace(tiers=tuple(tier._replace(deduction=0) for tier in real.tiers))


def _sized_by_maintenance(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Sizing:
    return _SIZING(state, pool, position, evolve(inputs, closeout_margin=None))


ENGINES = (
    wrong(
        "X310",
        "MRG-13",
        "A venue that rounds margins down rounds them up",
        Patch(arithmetic, "maintenance_margin", _always_up),
    ),
    wrong(
        "X311",
        "MRG-13",
        "Maintenance margins are added before they are rounded down",
        Patch(arithmetic, "pool_maintenance_margin", _the_sum),
    ),
    wrong(
        "X312",
        "MRG-13",
        "A venue that rounds margins down does so with initial margins",
        Patch(arithmetic, "initial_margin", _initial_as_well),
    ),
    wrong(
        "X313",
        "MRG-13",
        "A margin that needs no rounding is rounded down by a unit",
        Patch(arithmetic, "maintenance_margin", _strictly_below),
    ),
    wrong(
        "X314",
        "MRG-13",
        "The rate's share and the deduction are rounded down one by one",
        Patch(arithmetic, "maintenance_margin", _before_the_deduction),
    ),
    wrong(
        "X326",
        "MRG-14",
        "A venue that asks margins of the cost asks them of the notional at the mark",
        Patch(arithmetic, "margin_notional", _at_the_mark),
    ),
    wrong(
        "X327",
        "MRG-14",
        "A short, whose cost is below 0, needs no margin",
        Patch(arithmetic, "margin_notional", _signed),
    ),
    wrong(
        "X328",
        "MRG-14",
        "Margins are asked of the larger of cost and notional",
        Patch(arithmetic, "margin_notional", _the_larger),
    ),
    wrong(
        "X329",
        "MRG-14",
        "The tier is that of the notional at the mark, though the margin is asked of the cost",
        Patch(arithmetic, "pool_maintenance_margin", _tier_by_the_mark),
    ),
    wrong(
        "X330",
        "MRG-14",
        "Only the maintenance margin is asked of the cost",
        Patch(arithmetic, "pool_initial_margin", _initial_at_the_mark),
    ),
    wrong(
        "X331",
        "MRG-14",
        "What is compared with the threshold of partial orders is the cost",
        Patch(assessment, "order_sizing", _threshold_by_cost),
    ),
    wrong(
        "X333",
        "MRG-15",
        "The maintenance margin does not count the closing fee in",
        Patch(arithmetic, "maintenance_margin", _without_the_fee),
    ),
    wrong(
        "X334",
        "MRG-15",
        "The closing fee is rounded up by itself",
        Patch(arithmetic, "maintenance_margin", _fee_rounded_by_itself),
    ),
    wrong(
        "X335",
        "MRG-15",
        "The initial margin does not count the closing fee in",
        Patch(arithmetic, "initial_margin", _initial_without_the_fee),
    ),
    wrong(
        "X337",
        "BKS-9",
        "The backstop line is a share of the maintenance margin where the venue has close-out rates",
        Patch(State, "closeout_margin", _no_closeout_margin),
    ),
    wrong(
        "X338",
        "BKS-9",
        "A close-out margin has no deduction",
        Patch(config, "closeout_of", _undeducted_closeout),
    ),
    wrong(
        "X339",
        "BKS-9",
        "Whether an order is for a chunk depends on the share of the maintenance margin",
        Patch(assessment, "order_sizing", _sized_by_maintenance),
    ),
)
