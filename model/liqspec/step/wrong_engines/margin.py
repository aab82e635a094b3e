"""Engines that measure a pool wrongly, or pay funding wrongly."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from math import ceil
from typing import Any

from attrs import evolve

from liqspec.core import arithmetic, config, events
from liqspec.core.admission import Amounts
from liqspec.core.arithmetic import Holding, Ratio, Schedule, Tier
from liqspec.core.config import Market, MarketConfig, TierConfig
from liqspec.core.state import Pool, State
from liqspec.edge.amounts import Grid
from liqspec.step.wrong_engines.base import PERFORM, Patch, bug, operates, wrong

_MAINTENANCE = arithmetic.maintenance_margin
_FUNDING = arithmetic.funding_due
_SCHEDULE = config.schedule_of
_MARKET = config.market_of


def _never_added(holdings: Iterable[Holding]) -> int:
    return 0


def _on_entry(holdings: Iterable[Holding]) -> int:
    return sum(_MAINTENANCE(abs(held.cost), held.schedule) for held in holdings)


def _rounded_once(holdings: Iterable[Holding]) -> int:
    total = Fraction(0)
    for held in holdings:
        amount = arithmetic.notional(held.size, held.mark, held.unit)
        tier = arithmetic.tier_at(amount, held.schedule)
        total += Fraction(amount * tier.rate - tier.deduction, held.schedule.denominator)
    return ceil(total)


def _tier_at_equality(amount: int, schedule: Schedule) -> Tier:
    return [tier for tier in schedule.tiers if amount >= tier.above][-1]


def _down(amount: int, schedule: Schedule) -> int:
    tier = arithmetic.tier_at(amount, schedule)
    return (amount * tier.rate - tier.deduction) // schedule.denominator


def _undeducted(amount: int, schedule: Schedule) -> int:
    return arithmetic.divide_up(amount * arithmetic.tier_at(amount, schedule).rate, schedule.denominator)


def _first_tier(amount: int, schedule: Schedule) -> int:
    return arithmetic.divide_up(amount * schedule.tiers[0].rate, schedule.denominator)


def _chosen_leverage(amount: int, leverage: int, schedule: Schedule) -> int:
    return arithmetic.divide_up(amount, leverage)


def _allowed_leverage(amount: int, leverage: int, schedule: Schedule) -> int:
    return arithmetic.divide_up(amount, arithmetic.tier_at(amount, schedule).max_leverage)


def _initial_down(amount: int, leverage: int, schedule: Schedule) -> int:
    return amount // min(leverage, arithmetic.tier_at(amount, schedule).max_leverage)


def _third_tier_as_the_second(amount: int, schedule: Schedule) -> Tier:
    return [tier for tier in schedule.tiers[:2] if amount > tier.above or not tier.above][-1]


def _deducts(from_first: bool) -> Callable[[str, tuple[TierConfig, ...], Grid], Schedule]:
    """Deductions that are right up to the second tier: a sum with the first tier's rate, or no sum at all."""

    def schedule(path: str, tiers: tuple[TierConfig, ...], money: Grid) -> Schedule:
        real = _SCHEDULE(path, tiers, money)
        deduction, own = 0, []
        for before, tier in zip((real.tiers[0], *real.tiers), real.tiers, strict=False):
            if from_first:
                deduction += tier.above * (tier.rate - real.tiers[0].rate)
            else:
                deduction = tier.above * (tier.rate - before.rate)
            own.append(tier._replace(deduction=deduction))
        return Schedule(real.denominator, tuple(own))

    return schedule


def _lots_by_their_decimals(name: str, config: MarketConfig, money: Grid) -> Market:
    real = _MARKET(name, config, money)
    return evolve(real, lot=Ratio(1, real.lot.denominator))


def _ticks_by_their_decimals(name: str, config: MarketConfig, money: Grid) -> Market:
    real = _MARKET(name, config, money)
    return evolve(real, unit=max(1, real.unit // real.price.step.numerator))


def _everybody_pays(size: int, payment: int, lot: Ratio) -> int:
    return _FUNDING(abs(size), payment, lot)


def _towards_zero(size: int, payment: int, lot: Ratio) -> int:
    due = _FUNDING(abs(size), abs(payment), lot)
    return due if size * payment > 0 else -due


def _vault_pays_nothing(event: events.Funding, state: State, amounts: Amounts, effects: list[Any]) -> list[Pool]:
    held = state.vault.positions.pop(event.market, 0)
    touched = PERFORM[events.Funding](event, state, amounts, effects)
    if held:
        state.vault.positions[event.market] = held
    return touched


def _isolated_pays_nothing(event: events.Funding, state: State, amounts: Amounts, effects: list[Any]) -> list[Pool]:
    before = {pool: pool.collateral for pool in state.pools() if pool.mode == "isolated"}
    touched = PERFORM[events.Funding](event, state, amounts, effects)
    for pool, collateral in before.items():
        state.outside.cash += pool.collateral - collateral
        pool.collateral = collateral
    return touched


def _from_the_cross_pool(event: events.Funding, state: State, amounts: Amounts, effects: list[Any]) -> list[Pool]:
    before = {pool: pool.collateral for pool in state.pools() if pool.mode == "isolated"}
    touched = PERFORM[events.Funding](event, state, amounts, effects)
    for pool, collateral in before.items():
        state.accounts[pool.account].cross.collateral += pool.collateral - collateral
        pool.collateral = collateral
    return touched


ENGINES = (
    bug(
        "B07",
        "MRG-6",
        Patch(arithmetic, "pool_maintenance_margin", _never_added),
    ),
    bug(
        "B09",
        "MRG-2",
        Patch(arithmetic, "pool_maintenance_margin", _on_entry),
    ),
    wrong("X12", "MRG-4", "A tier begins at its boundary", Patch(arithmetic, "tier_at", _tier_at_equality)),
    wrong("X13", "MRG-5", "Maintenance margin rounded down", Patch(arithmetic, "maintenance_margin", _down)),
    wrong(
        "X14",
        "AMT-6",
        "Maintenance margins added before rounding",
        Patch(arithmetic, "pool_maintenance_margin", _rounded_once),
    ),
    wrong(
        "X15", "MRG-5", "Maintenance margin without the deduction", Patch(arithmetic, "maintenance_margin", _undeducted)
    ),
    wrong(
        "X16",
        "MRG-4",
        "Maintenance margin of the first tier only",
        Patch(arithmetic, "maintenance_margin", _first_tier),
    ),
    wrong("X17", "MRG-7", "Initial margin ignores the tier", Patch(arithmetic, "initial_margin", _chosen_leverage)),
    wrong(
        "X18",
        "MRG-7",
        "Initial margin ignores the chosen leverage",
        Patch(arithmetic, "initial_margin", _allowed_leverage),
    ),
    wrong("X19", "MRG-7", "Initial margin rounded down", Patch(arithmetic, "initial_margin", _initial_down)),
    wrong("X20", "EVT-6", "Shorts pay funding like longs", Patch(arithmetic, "funding_due", _everybody_pays)),
    wrong("X21", "EVT-6", "Funding received is rounded up", Patch(arithmetic, "funding_due", _towards_zero)),
    wrong("X22", "EVT-6", "The vault pays no funding", operates(events.Funding, _vault_pays_nothing)),
    wrong("X23", "EVT-6", "Isolated pools pay no funding", operates(events.Funding, _isolated_pays_nothing)),
    wrong("X24", "EVT-6", "Isolated funding is paid by the cross pool", operates(events.Funding, _from_the_cross_pool)),
    wrong(
        "X218",
        "MRG-5",
        "The deduction of a third tier starts from the first tier's rate",
        Patch(config, "schedule_of", _deducts(from_first=True)),
    ),
    wrong(
        "X219",
        "MRG-5",
        "The deduction of a third tier forgets that of the second",
        Patch(config, "schedule_of", _deducts(from_first=False)),
    ),
    wrong(
        "X220", "MRG-4", "A market has no more than two tiers", Patch(arithmetic, "tier_at", _third_tier_as_the_second)
    ),
    wrong(
        "X221", "EVT-6", "Funding takes a lot for a power of ten", Patch(config, "market_of", _lots_by_their_decimals)
    ),
    wrong(
        "X222",
        "AMT-2",
        "What a lot is worth takes a tick for a power of ten",
        Patch(config, "market_of", _ticks_by_their_decimals),
    ),
)
