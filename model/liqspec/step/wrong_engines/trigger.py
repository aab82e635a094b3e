"""Engines that start, stop or look for liquidations at the wrong time."""

from typing import Any
from weakref import WeakKeyDictionary

from attrs import evolve

from liqspec.core import arithmetic, assessment, changes, events
from liqspec.core.admission import Amounts
from liqspec.core.state import GuardInputs, Pool, State
from liqspec.step.wrong_engines.base import PERFORM, Patch, bug, operates, sees, wrong

Effects = list[Any]
Target = arithmetic.Ratio | None


def _at_or_above(equity: int, maintenance: int) -> bool:
    return equity >= maintenance


def _at_or_below(equity: int, maintenance: int) -> bool:
    return equity <= maintenance


def _only_above(equity: int, maintenance: int, target: Target = None) -> bool:
    return equity > maintenance


def _only_above_the_target(equity: int, maintenance: int, target: Target = None) -> bool:
    reached = target is None or equity * target.denominator > target.numerator
    return equity >= maintenance and reached


def _ignores_the_target(equity: int, maintenance: int, target: Target = None) -> bool:
    return equity >= maintenance


def _rounds_down(measure: int, factor: arithmetic.Ratio) -> arithmetic.Ratio:
    return arithmetic.Ratio(measure * factor.numerator // factor.denominator, 1)


def _breached_below_the_target(equity: int, maintenance: int, in_liquidation: bool, target: Target = None) -> bool:
    return not arithmetic.restored(equity, maintenance, target)


def _only_while_solvent(equity: int, maintenance: int, in_liquidation: bool, target: Target = None) -> bool:
    return 0 < equity < maintenance


def _but_for_zero(equity: int, maintenance: int, in_liquidation: bool, target: Target = None) -> bool:
    return equity < maintenance and equity != 0


def _latched(equity: int, maintenance: int, in_liquidation: bool, target: Target = None) -> bool:
    return equity < maintenance or in_liquidation


def _with_closing_fees(state: State, pool: Pool, inputs: GuardInputs) -> GuardInputs:
    fees = sum(
        arithmetic.divide_up(
            arithmetic.notional(held.size, held.mark, held.unit) * state.venue.fee_rate.numerator,
            state.venue.fee_rate.denominator,
        )
        for held in state.holdings(pool)
    )
    return evolve(inputs, maintenance_margin=inputs.maintenance_margin + fees)


# What left a pool since its liquidation price was last computed, by trade, fill or deposit.
_UNSEEN: WeakKeyDictionary[Pool, int] = WeakKeyDictionary()


def _pays_unseen(event: Any, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    before = {pool: pool.collateral for pool in state.pools()}
    touched = PERFORM[type(event)](event, state, amounts, effects)
    for pool in touched:
        _UNSEEN[pool] = _UNSEEN.get(pool, 0) + max(0, before.get(pool, 0) - pool.collateral)
    return touched


def _recomputes(event: Any, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[type(event)](event, state, amounts, effects)
    for pool in touched:
        _UNSEEN.pop(pool, None)
    return touched


def _without_unseen(_: State, pool: Pool, inputs: GuardInputs) -> GuardInputs:
    return evolve(inputs, equity=inputs.equity + _UNSEEN.get(pool, 0))


def _sets_the_mark(event: events.Trade, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.Trade](event, state, amounts, effects)
    state.marks[event.market] = amounts["price"]
    return touched


def _vault_sets_the_mark(event: events.VaultTrade, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.VaultTrade](event, state, amounts, effects)
    state.marks[event.market] = amounts["price"]
    return touched


def _withdraws_orders(event: events.Deposit, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.Deposit](event, state, amounts, effects)
    for position in touched[0].open_positions():
        position.order = None
    return touched


def _catches_up(event: events.Block, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    late = event.time - state.time > 1000
    touched = PERFORM[events.Block](event, state, amounts, effects)
    return [] if late else touched


def _unassessed(kind: type[events.Event]) -> Patch:
    def operation(event: Any, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        PERFORM[kind](event, state, amounts, effects)
        return []

    return operates(kind, operation)


def _one_by_one(event: events.Marks, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    for market, price in amounts.items():
        state.marks[market] = price
        assessment.assess(state, changes.pools_in(state, market), effects)
    return []


def _first_only(event: events.Marks, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    PERFORM[events.Marks](event, state, amounts, effects)
    return changes.pools_in(state, next(iter(amounts)))


def _giver_only(event: events.Transfer, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    cross, isolated = PERFORM[events.Transfer](event, state, amounts, effects)
    return [cross if amounts["amount"] > 0 else isolated]


ENGINES = (
    bug("B01", "LIQ-3", Patch(arithmetic, "breached", _at_or_above)),
    bug("B03", "LIQ-3", sees(_with_closing_fees)),
    bug(
        "B05",
        "LIQ-6",
        operates(events.Withdraw, _pays_unseen),
        operates(events.Transfer, _pays_unseen),
        operates(events.Deposit, _recomputes),
        operates(events.Trade, _recomputes),
        operates(events.Fill, _recomputes),
        sees(_without_unseen),
    ),
    bug(
        "B11",
        "MRG-3",
        operates(events.Funding, _pays_unseen),
        operates(events.Withdraw, _recomputes),
        operates(events.Trade, _recomputes),
        sees(_without_unseen),
    ),
    bug("B49", "LIQ-2", operates(events.Trade, _sets_the_mark)),
    bug(
        "B61",
        "LIQ-5",
        Patch(arithmetic, "needs_liquidation", _only_while_solvent),
    ),
    bug("B66", "LIQ-10", Patch(arithmetic, "needs_liquidation", _latched)),
    bug("B69", "LIQ-6", operates(events.Block, _catches_up)),
    bug("B80", "LIQ-9", operates(events.Deposit, _withdraws_orders)),
    wrong("X01", "LIQ-3", "A pool is breached at equality", Patch(arithmetic, "breached", _at_or_below)),
    wrong("X02", "LIQ-4", "A pool is restored only above its margin", Patch(arithmetic, "restored", _only_above)),
    wrong(
        "X03",
        "LIQ-3",
        "A pool with equity of exactly 0 is healthy",
        Patch(arithmetic, "needs_liquidation", _but_for_zero),
    ),
    wrong("X04", "LIQ-6", "Funding is not followed by an assessment", _unassessed(events.Funding)),
    wrong("X05", "LIQ-6", "A deposit is not followed by an assessment", _unassessed(events.Deposit)),
    wrong("X06", "LIQ-6", "A trade is not followed by an assessment", _unassessed(events.Trade)),
    wrong("X07", "LIQ-6", "The end of an order is not followed by an assessment", _unassessed(events.OrderDone)),
    wrong("X08", "EVT-5", "Marks are assessed one by one", operates(events.Marks, _one_by_one)),
    wrong("X09", "EVT-5", "Of several marks only the first is assessed", operates(events.Marks, _first_only)),
    wrong("X10", "LIQ-6", "The pool that receives a transfer is not assessed", operates(events.Transfer, _giver_only)),
    wrong("X11", "LIQ-2", "The vault's trade sets the mark", operates(events.VaultTrade, _vault_sets_the_mark)),
    wrong(
        "X228",
        "LIQ-15",
        "A pool is restored only above its target",
        Patch(arithmetic, "restored", _only_above_the_target),
        slow=True,
    ),
    wrong("X229", "LIQ-15", "A pool is restored at its margin", Patch(arithmetic, "restored", _ignores_the_target)),
    wrong(
        "X230",
        "LIQ-15",
        "The restore target is rounded down",
        Patch(arithmetic, "restore_target", _rounds_down),
        slow=True,
    ),
    wrong(
        "X231",
        "LIQ-15",
        "A pool below its restore target is liquidated",
        Patch(arithmetic, "needs_liquidation", _breached_below_the_target),
    ),
)
