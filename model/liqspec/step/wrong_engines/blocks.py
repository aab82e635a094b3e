"""Engines that look for breaches at other times than a venue that does so at blocks only (LIQ-18)."""

from collections.abc import Callable
from typing import Any

from liqspec.core import assessment, events
from liqspec.core.admission import Amounts, Failure
from liqspec.core.changes import measure
from liqspec.core.events import Event
from liqspec.core.state import Pool, State
from liqspec.step.wrong_engines.base import PERFORM, Failing, Patch, checks, fails, operates, real, wrong

Effects = list[Any]

_DUE = assessment.due


def _looks(at: Callable[[State, Pool], bool]) -> Patch:
    """Where breaches wait for a block, another choice of the pools that other events have assessed."""

    def due(state: State, touched: list[Pool], *, block_begins: bool) -> list[Pool]:
        if block_begins or state.venue.assess_at != "block":
            return touched
        return [pool for pool in touched if at(state, pool)]

    return Patch(assessment, "due", due)


def _followed(pool: Pool) -> bool:
    return pool.in_liquidation or not pool.open_positions()


def _fresh_from_liquidation(_: State, pool: Pool) -> bool:
    return _followed(pool) or any(held.attempted or held.order for held in pool.open_positions())


def _below_its_line(state: State, pool: Pool) -> bool:
    inputs = measure(state, pool)
    return _followed(pool) or any(held.below_backstop(inputs) for held in pool.open_positions())


def _never(state: State, touched: list[Pool], *, block_begins: bool) -> list[Pool]:
    return _DUE(state, touched, block_begins=False)


def _at_once(*kinds: type[Event]) -> tuple[Patch, ...]:
    """Some events begin a liquidation although it is to begin at a block."""

    def patch(kind: type[Event]) -> Patch:
        def operation(event: Any, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
            touched = PERFORM[kind](event, state, amounts, effects)
            if state.venue.assess_at != "block":
                return touched
            assessment.assess(state, touched, effects)
            return []

        return operates(kind, operation)

    return tuple(map(patch, kinds))


def _looks_first(event: events.Block, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    if state.venue.assess_at != "block":
        return PERFORM[events.Block](event, state, amounts, effects)
    assessment.assess(state, list(state.pools()), effects)
    PERFORM[events.Block](event, state, amounts, effects)
    return []


def _next_block(event: events.Block, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.Block](event, state, amounts, effects)
    if state.venue.assess_at != "block":
        return touched
    return [pool for pool in touched if _followed(pool) or state.block % 2 == 0]


_WITHDRAWN = real(events.Withdraw, "in_liquidation")


def _breached_is_liquidated(event: Any, state: State, amounts: Amounts) -> Failure | None:
    pool = state.accounts[event.account].cross
    if state.venue.assess_at == "block" and measure(state, pool).needs_liquidation:
        return Failure("amount", pool.key, "nothing leaves a breached pool")
    return _WITHDRAWN(event, state, amounts)


def _no_trade_while_breached(failing: Failing) -> Failing:
    def refused(event: Any, state: State, amounts: Amounts) -> Failure | None:
        pool = state.pool(event.account, event.mode, event.market)
        if pool is not None and state.venue.assess_at == "block" and measure(state, pool).needs_liquidation:
            return Failure("account", pool.key, "the pool is breached")
        return failing(event, state, amounts)

    return refused


ENGINES = (
    wrong("X398", "LIQ-18", "A breach is found at once, also where it waits for a block", _looks(lambda *_: True)),
    wrong("X399", "LIQ-18", "Between blocks no pool is assessed, also none in liquidation", _looks(lambda *_: False)),
    wrong(
        "X400",
        "LIQ-18",
        "Between blocks a pool in liquidation is not followed",
        _looks(lambda _, pool: not pool.open_positions()),
    ),
    wrong("X401", "BKS-7", "A deficit waits for a block too", _looks(lambda _, pool: pool.in_liquidation)),
    wrong("X402", "LIQ-18", "A block finds no breach either", Patch(assessment, "due", _never)),
    wrong("X403", "LIQ-18", "A block looks for breaches before it moves time", operates(events.Block, _looks_first)),
    wrong("X404", "LIQ-18", "A trader's own event begins a liquidation", *_at_once(events.Trade, events.Deposit)),
    wrong("X405", "LIQ-18", "A funding begins a liquidation at once", *_at_once(events.Funding)),
    wrong("X406", "LIQ-18", "A pool that left liquidation enters it again at once", _looks(_fresh_from_liquidation)),
    wrong(
        "X407",
        "LIQ-18",
        "Isolated pools do not wait for a block",
        _looks(lambda _, pool: _followed(pool) or pool.market is not None),
    ),
    wrong("X408", "LIQ-18", "An adjustment begins a liquidation at once", *_at_once(events.Adjust)),
    wrong("X409", "LIQ-18", "A pool below its backstop line does not wait for a block", _looks(_below_its_line)),
    wrong("X410", "LIQ-18", "Only every other block looks for breaches", operates(events.Block, _next_block)),
    wrong(
        "X411",
        "ACC-5",
        "A breached pool that waits for a block counts as in liquidation",
        checks(events.Withdraw, fails("in_liquidation", _breached_is_liquidated)),
    ),
    wrong(
        "X412",
        "ACC-7",
        "A breached pool that waits for a block is not traded in",
        checks(events.Trade, fails("order_working", _no_trade_while_breached(real(events.Trade, "order_working")))),
    ),
)
