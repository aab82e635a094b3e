"""Engines that get wrong how their venue measures margin: which way it rounds (MRG-13)."""

from collections.abc import Iterable
from fractions import Fraction
from math import floor

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding, Schedule
from liqspec.step.wrong_engines.base import Patch, wrong

_MAINTENANCE, _INITIAL = arithmetic.maintenance_margin, arithmetic.initial_margin
_OF_POOL = arithmetic.pool_maintenance_margin


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
)
