"""Engines that move a position through its lifecycle wrongly, or remember wrongly what belongs to a life."""

from collections.abc import Callable
from functools import cache
from typing import Any

from attrs import evolve

from liqspec.core import assessment, changes, events, machine
from liqspec.core.admission import Amounts
from liqspec.core.machine import Lifecycle
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.step.wrong_engines.base import PERFORM, Patch, bug, operates, wrong

Effects = list[Any]

_LIFECYCLE = machine.lifecycle
_LEAVE = assessment.leave_liquidation
_INCREASE = changes.increase
_REDUCE = changes.reduce
_END_LIFE = Position.end_life
_HAND = assessment.hand_to_vault


def another_table(**changes: dict[str, Any] | None) -> Patch:
    """Another lifecycle: transitions changed, or left out where there is None."""

    @cache
    def lifecycle() -> Lifecycle:
        real = _LIFECYCLE()
        entries = tuple(
            evolve(entry, **(changes.get(entry.id) or {}))
            for entry in real.table.transitions
            if changes.get(entry.id, {}) is not None
        )
        return machine.build(evolve(real.table, transitions=entries))

    return Patch(machine, "lifecycle", lifecycle)


def _only_with_positions(pool: Pool, rule: str, effects: Effects) -> None:
    if rule != "LIQ-8":
        _LEAVE(pool, rule, effects)


def _same_life(
    state: State, pool: Pool, position: Position, size: int, price: int, leverage: int | None, effects: Effects
) -> None:
    again = position.size == 0 and position.life > 0
    _INCREASE(state, pool, position, size, price, leverage, effects)
    if again:
        position.life -= 1


def _life_with_each_trade(
    state: State, pool: Pool, position: Position, size: int, price: int, leverage: int | None, effects: Effects
) -> None:
    increases = position.size != 0
    _INCREASE(state, pool, position, size, price, leverage, effects)
    if increases:
        position.life += 1


def _first_leverage(
    state: State, pool: Pool, position: Position, size: int, price: int, leverage: int | None, effects: Effects
) -> None:
    kept = position.leverage if position.size else leverage
    _INCREASE(state, pool, position, size, price, kept, effects)


def _average_leverage(
    state: State, pool: Pool, position: Position, size: int, price: int, leverage: int | None, effects: Effects
) -> None:
    if position.size and leverage is not None:
        leverage = (position.leverage + leverage) // 2
    _INCREASE(state, pool, position, size, price, leverage, effects)


def _cost_at_the_mark(
    state: State, pool: Pool, position: Position, size: int, price: int, leverage: int | None, effects: Effects
) -> None:
    _INCREASE(state, pool, position, size, state.marks[position.market.name], leverage, effects)


def _default_leverage_after(
    state: State, pool: Pool, position: Position, size: int, price: int, effects: Effects
) -> None:
    _REDUCE(state, pool, position, size, price, effects)
    if position.size:
        position.leverage = position.market.max_leverage


def _healthy_after_reducing(
    state: State, pool: Pool, position: Position, size: int, price: int, effects: Effects
) -> None:
    _REDUCE(state, pool, position, size, price, effects)
    if position.size:
        position.state = "healthy"


def _keeps(*names: str) -> Callable[[Position], None]:
    def end_life(self: Position) -> None:
        kept = {name: getattr(self, name) for name in names}
        _END_LIFE(self)
        for name, value in kept.items():
            setattr(self, name, value)

    return end_life


def _closed_at_once(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    taken = pool.open_positions()
    _HAND(state, pool, inputs, effects)
    for position in taken:
        position.state = "closed"


def _no_block_number(event: events.Block, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.Block](event, state, amounts, effects)
    state.block -= 1
    return touched


def _always_a_millisecond(event: events.Block, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    return PERFORM[events.Block](evolve(event, time=state.time + 1), state, amounts, effects)


def _transition_first(event: events.Block, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    """T8 to T10 ask whether the window is open at the time of the block before."""
    later = event.time - state.time
    before = {held: held.window.until for pool in state.pools() for held in pool.positions.values()}
    for held, until in before.items():
        held.window.until = until + later if until else 0
    touched = PERFORM[events.Block](event, state, amounts, effects)
    for held, until in before.items():
        held.window.until = until if state.time < until else 0
        held.window.forcing_until = held.window.until
    return touched


ENGINES = (
    bug(
        "B62",
        "LIQ-8",
        Patch(assessment, "leave_liquidation", _only_with_positions),
    ),
    wrong(
        "X129",
        "LIQ-10",
        "Cooldown and healthy swapped when restored (T3, T4)",
        another_table(T3={"to": "healthy"}, T4={"to": "cooldown"}),
    ),
    wrong(
        "X130",
        "EVT-9",
        "Cooldown and healthy swapped at a block (T8, T9)",
        another_table(T8={"to": "healthy"}, T9={"to": "cooldown"}),
    ),
    wrong("X131", "LIQ-11", "A position in cooldown is not liquidated (T2)", another_table(T2=None)),
    wrong("X132", "EVT-9", "A cooldown does not end (T10)", another_table(T10=None)),
    wrong("X133", "EVT-9", "A cooldown ends with any block (T10)", another_table(T10={"guard": ()})),
    wrong("X134", "LIQ-10", "A restored position keeps its state (T4)", another_table(T4=None)),
    wrong("X135", "BKS-5", "A backstopped position stays so (T11)", another_table(T11=None)),
    wrong("X136", "BKS-2", "A backstop asks no book (T5)", another_table(T5={"guard": ("below_backstop",)})),
    wrong("X137", "LIQ-13", "A backstop asks no line (T5)", another_table(T5={"guard": ("book_failed",)})),
    wrong(
        "X138",
        "LIQ-13",
        "Only a position without a fill can be backstopped (T5)",
        another_table(T5={"sources": ("liquidatable",)}),
    ),
    wrong(
        "X139", "LIF-1", "A partly filled position stays liquidatable (T6)", another_table(T6={"to": "liquidatable"})
    ),
    wrong(
        "X140",
        "LIF-1",
        "A position in liquidation that its trader closes keeps its state (T12)",
        another_table(T12={"sources": ("healthy", "cooldown")}),
    ),
    wrong("X141", "LIF-2", "A new life keeps the state closed (T0)", another_table(T0={"sources": ("new",)})),
    wrong(
        "X142",
        "EVT-9",
        "A partial fill of a restored pool stays so over blocks (T8, T9)",
        another_table(T8=None, T9=None),
    ),
    wrong("X143", "LIF-2", "The life does not grow at a reopening", Patch(changes, "increase", _same_life)),
    wrong("X144", "LIF-2", "Every increase begins a life", Patch(changes, "increase", _life_with_each_trade)),
    wrong("X145", "ACC-8", "An increase does not replace the leverage", Patch(changes, "increase", _first_leverage)),
    wrong("X146", "ACC-8", "An increase averages the leverage", Patch(changes, "increase", _average_leverage)),
    wrong("X147", "ACC-8", "A trade is booked at the mark", Patch(changes, "increase", _cost_at_the_mark)),
    wrong("X148", "ACC-11", "A reduction resets the leverage", Patch(changes, "reduce", _default_leverage_after)),
    wrong("X149", "LIF-1", "A reduction makes a position healthy", Patch(changes, "reduce", _healthy_after_reducing)),
    wrong(
        "X150", "LIQ-12", "An attempt counts for the next life too", Patch(Position, "end_life", _keeps("attempted"))
    ),
    wrong("X152", "LIF-3", "The cost of a closed position stays", Patch(Position, "end_life", _keeps("cost"))),
    wrong(
        "X154", "BKS-5", "A backstopped position is closed at once", Patch(assessment, "hand_to_vault", _closed_at_once)
    ),
    wrong("X155", "EVT-9", "A block does not count", operates(events.Block, _no_block_number)),
    wrong("X156", "EVT-9", "A block always takes a millisecond", operates(events.Block, _always_a_millisecond)),
    wrong(
        "X157",
        "EVT-9",
        "At a block, cooldowns are judged at the time before it",
        operates(events.Block, _transition_first),
    ),
)
