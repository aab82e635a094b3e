"""Engines that emit, count, rank or cancel orders wrongly."""

from typing import Any

from liqspec.core import arithmetic, assessment, events
from liqspec.core.admission import Amounts
from liqspec.core.effects import OrderEnded
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.step.wrong_engines.base import PERFORM, REAL_MEASURE, Patch, bug, operates, sees, wrong

Effects = list[Any]

_TO_ATTEMPT = assessment.to_attempt
_CANCEL = assessment.cancel_orders
_LEAVE = assessment.leave_liquidation
_SETTLED = assessment.settled_without_backstop
_EMIT = assessment.emit_order


def _again_while_working(state: State, pool: Pool) -> list[Position]:
    return [held for held in pool.open_positions() if held.state == "liquidatable"]


def _no_order_seen(self: Pool) -> bool:
    return False


def _keeps_over_blocks(name: str) -> Patch:
    def block(event: events.Block, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        kept = {held: getattr(held, name) for pool in state.pools() for held in pool.open_positions()}
        touched = PERFORM[events.Block](event, state, amounts, effects)
        for held, value in kept.items():
            setattr(held, name, value)
        return touched

    return operates(events.Block, block)


def _still_failed(pool: Pool, rule: str, effects: Effects) -> None:
    kept = {held: held.failed for held in pool.open_positions()}
    _LEAVE(pool, rule, effects)
    for held, value in kept.items():
        held.failed = value


def _cancels_as_attempt(pool: Pool, effects: Effects) -> None:
    working = [held for held in pool.open_positions() if held.order is not None]
    _CANCEL(pool, effects)
    for held in working:
        held.attempted = True


def _cancels_the_first(pool: Pool, effects: Effects) -> None:
    for held in pool.open_positions():
        if held.order is not None:
            effects.append(OrderEnded(held.key, held.order, "restored"))
            held.order, held.attempted = None, False
            return


def _forgets_the_attempt(state: State, pool: Pool, position: Position, inputs: GuardInputs, effects: Effects) -> None:
    _EMIT(state, pool, position, inputs, effects)
    position.attempted = False


def _only_untouched_orders_fail(
    event: events.OrderDone, state: State, amounts: Amounts, effects: Effects
) -> list[Pool]:
    touched = PERFORM[events.OrderDone](event, state, amounts, effects)
    position = touched[0].positions[event.market]
    position.failed = position.state == "liquidatable"
    return touched


def _filled_orders_fail(event: events.Fill, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.Fill](event, state, amounts, effects)
    position = touched[0].positions[event.market]
    position.failed = bool(position.size) and position.order is None
    return touched


def _any_failure(state: State, pool: Pool, inputs: GuardInputs) -> GuardInputs:
    failed = any(held.failed for held in pool.open_positions())
    return GuardInputs(
        inputs.equity, inputs.maintenance_margin, inputs.in_liquidation, failed, inputs.backstop_threshold, inputs.now
    )


def _tried_is_failed(state: State, pool: Pool, inputs: GuardInputs) -> GuardInputs:
    tried = all(held.attempted for held in pool.open_positions())
    return GuardInputs(
        inputs.equity, inputs.maintenance_margin, inputs.in_liquidation, tried, inputs.backstop_threshold, inputs.now
    )


def _untried(pool: Pool) -> list[Position]:
    return [held for held in pool.open_positions() if held.state == "liquidatable" and not held.attempted]


def _margin(state: State, position: Position) -> int:
    return arithmetic.pool_maintenance_margin([state.holding(position)])


def _smallest_first(state: State, pool: Pool) -> list[Position]:
    untried = _untried(pool)
    if state.venue.order_policy == "all" or not untried:
        return untried
    return [min(untried, key=lambda held: _margin(state, held))]


def _last_of_equals(state: State, pool: Pool) -> list[Position]:
    untried = _untried(pool)
    if state.venue.order_policy == "all" or not untried:
        return untried
    return [max(reversed(untried), key=lambda held: _margin(state, held))]


def _by_notional(state: State, pool: Pool) -> list[Position]:
    untried = _untried(pool)
    if state.venue.order_policy == "all" or not untried:
        return untried
    marks = state.marks
    return [max(untried, key=lambda held: abs(held.size) * marks[held.market.name] * held.market.unit)]


def _by_loss(state: State, pool: Pool) -> list[Position]:
    untried = _untried(pool)
    if state.venue.order_policy == "all" or not untried:
        return untried
    marks = state.marks
    return [min(untried, key=lambda held: held.size * marks[held.market.name] * held.market.unit - held.cost)]


def _all_at_once(state: State, pool: Pool) -> list[Position]:
    return _untried(pool)


def _one_at_a_time(state: State, pool: Pool) -> list[Position]:
    return _TO_ATTEMPT(state, pool)[:1]


def _once_a_pool_and_block(state: State, pool: Pool) -> list[Position]:
    tried = any(held.attempted for held in pool.positions.values())
    return [] if state.venue.order_policy == "ranked" and tried else _TO_ATTEMPT(state, pool)


def _the_partly_filled_too(state: State, pool: Pool) -> list[Position]:
    partly = [held for held in pool.open_positions() if held.state == "partially_liquidated" and not held.attempted]
    return _TO_ATTEMPT(state, pool) or partly


def _never_stops(state: State, pool: Pool, effects: Effects) -> bool:
    if pool.open_positions() and pool.order_working():
        return True
    return _SETTLED(state, pool, effects)


def _always_stops(state: State, pool: Pool, effects: Effects) -> bool:
    inputs = REAL_MEASURE(state, pool)
    if pool.order_working() and inputs.restored:
        assessment.cancel_orders(pool, effects)
    return _SETTLED(state, pool, effects)


def _calls_back_below_the_line(state: State, pool: Pool, effects: Effects) -> bool:
    inputs = REAL_MEASURE(state, pool)
    working = [held for held in pool.open_positions() if held.order is not None]
    if working and not arithmetic.below_backstop(
        inputs.equity, inputs.maintenance_margin, state.venue.backstop_threshold
    ):
        return _SETTLED(state, pool, effects)
    for held in working:  # Below the line the orders are called back, and the vault waits for the next block.
        held.order = None
    return _SETTLED(state, pool, effects)


def _resizes_below_the_line(state: State, pool: Pool, effects: Effects) -> bool:
    inputs = REAL_MEASURE(state, pool)
    if arithmetic.below_backstop(inputs.equity, inputs.maintenance_margin, state.venue.backstop_threshold):
        for held in pool.open_positions():
            if held.order is not None:
                held.order = abs(held.size)
    return _SETTLED(state, pool, effects)


def _leaves_during_an_order(state: State, pool: Pool, effects: Effects) -> bool:
    settled = _SETTLED(state, pool, effects)
    inputs = REAL_MEASURE(state, pool)
    if pool.order_working() and inputs.restored:
        pool.in_liquidation = False
    return settled


def _siblings_during_an_order(state: State, pool: Pool, effects: Effects) -> bool:
    if _SETTLED(state, pool, effects):
        inputs = REAL_MEASURE(state, pool)
        if pool.order_working() and arithmetic.breached(inputs.equity, inputs.maintenance_margin):
            for position in _TO_ATTEMPT(state, pool):
                assessment.emit_order(state, pool, position, inputs, effects)
        return True
    return False


ENGINES = (
    bug(
        "B67",
        "LIQ-12",
        Patch(Pool, "order_working", _no_order_seen),
        Patch(assessment, "to_attempt", _again_while_working),
    ),
    wrong("X53", "LIQ-12", "An attempt counts in the next block too", _keeps_over_blocks("attempted")),
    wrong("X54", "LIQ-12", "A failure counts in the next block too", _keeps_over_blocks("failed")),
    wrong(
        "X55",
        "LIQ-12",
        "A failure counts in the next liquidation too",
        Patch(assessment, "leave_liquidation", _still_failed),
    ),
    wrong("X56", "LIQ-12", "A cancelled order was an attempt", Patch(assessment, "cancel_orders", _cancels_as_attempt)),
    wrong(
        "X58",
        "LIQ-9",
        "Only the first order of a restored pool is cancelled",
        Patch(assessment, "cancel_orders", _cancels_the_first),
    ),
    wrong("X59", "LIQ-12", "An attempt is forgotten at once", Patch(assessment, "emit_order", _forgets_the_attempt)),
    wrong(
        "X60",
        "FIL-6",
        "A partly filled order that is done is not a failure",
        operates(events.OrderDone, _only_untouched_orders_fail),
    ),
    wrong("X61", "FIL-6", "An order that was filled whole is a failure", operates(events.Fill, _filled_orders_fail)),
    wrong("X62", "BKS-2", "The book failed if any position's order did", sees(_any_failure)),
    wrong("X63", "BKS-2", "The book failed if every position was tried", sees(_tried_is_failed)),
    wrong("X64", "LIQ-11", "Ranked takes the smallest first", Patch(assessment, "to_attempt", _smallest_first)),
    wrong("X65", "LIQ-11", "Ranked takes the last of equals", Patch(assessment, "to_attempt", _last_of_equals)),
    wrong("X66", "LIQ-11", "Ranked by notional", Patch(assessment, "to_attempt", _by_notional)),
    wrong("X67", "LIQ-11", "Ranked by loss", Patch(assessment, "to_attempt", _by_loss)),
    wrong("X68", "LIQ-11", "Ranked is ignored", Patch(assessment, "to_attempt", _all_at_once)),
    wrong(
        "X69", "LIQ-11", "The policy all is taken for one at a time", Patch(assessment, "to_attempt", _one_at_a_time)
    ),
    wrong(
        "X70",
        "LIQ-11",
        "Ranked tries one position of a pool in a block",
        Patch(assessment, "to_attempt", _once_a_pool_and_block),
    ),
    wrong(
        "X71",
        "LIQ-11",
        "A partially liquidated position is tried again",
        Patch(assessment, "to_attempt", _the_partly_filled_too),
    ),
    wrong("X72", "LIQ-9", "Orders are never stopped", Patch(assessment, "settled_without_backstop", _never_stops)),
    wrong(
        "X73",
        "LIQ-9",
        "Orders are stopped though the venue lets them run",
        Patch(assessment, "settled_without_backstop", _always_stops),
    ),
    wrong(
        "X74",
        "LIQ-9",
        "Orders are called back below the backstop line",
        Patch(assessment, "settled_without_backstop", _calls_back_below_the_line),
    ),
    wrong(
        "X75",
        "LIQ-9",
        "A working chunk becomes full size below the line",
        Patch(assessment, "settled_without_backstop", _resizes_below_the_line),
    ),
    wrong(
        "X76",
        "LIQ-9",
        "A restored pool leaves liquidation during its order",
        Patch(assessment, "settled_without_backstop", _leaves_during_an_order),
    ),
    wrong(
        "X77",
        "LIQ-9",
        "Siblings are tried while an order works",
        Patch(assessment, "settled_without_backstop", _siblings_during_an_order),
    ),
)
