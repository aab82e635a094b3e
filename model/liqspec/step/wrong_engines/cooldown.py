"""Engines that open, keep, end or obey a window wrongly."""

from typing import Any

from attrs import evolve

from liqspec.core import arithmetic, assessment, changes, events
from liqspec.core.admission import Amounts
from liqspec.core.state import GuardInputs, Pool, Position, State, Window
from liqspec.step.wrong_engines.base import PERFORM, Patch, bug, operates, wrong

_SETTLED = assessment.settled_without_backstop
_SIZING = assessment.order_sizing
_OPEN_WINDOWS = changes.open_windows
_EMIT = assessment.emit_order
_BEGIN_BLOCK = Window.begin_block
_END_LIFE = Position.end_life
_LEAVE = assessment.leave_liquidation


def _blocks(state: State, pool: Pool, effects: list[Any]) -> bool:
    windows = [pool.window, state.accounts[pool.account].window, *(held.window for held in pool.open_positions())]
    return any(window.forces_full_size(state.time) for window in windows) or _SETTLED(state, pool, effects)


def _backwards(self: Window, now: int) -> bool:
    return not arithmetic.window_open(now, self.forcing_until)


def _at_once(self: Window, now: int) -> bool:
    return arithmetic.window_open(now, self.until)


def _never(self: Window, now: int) -> bool:
    return False


def _in_seconds(now: int, until: int) -> bool:
    return now // 1000 < until


def _with_its_end(now: int, until: int) -> bool:
    return until > 0 and now <= until  # 0 means no window


def _restarts_only_when_over(self: Window, until: int) -> None:
    self.until = self.until or until


def _forgets_that_it_forces(self: Window, until: int) -> None:
    # A later fill makes a new window, which forces from the next block on only.
    self.until, self.forcing_until = until, 0


def _one_later(state: State, pool: Pool, position: Position, effects: list[Any]) -> None:
    later = evolve(state.venue, cooldown_ms=state.venue.cooldown_ms + 1)
    _OPEN_WINDOWS(evolve(state, venue=later), pool, position, effects)


def _of_the_account(scope: str) -> tuple[Patch, Patch]:
    """Windows of this scope reach the whole account."""

    def widened(state: State) -> State:
        wide = state.venue.cooldown_scope == scope
        return evolve(state, venue=evolve(state.venue, cooldown_scope="account")) if wide else state

    def open_windows(state: State, pool: Pool, position: Position, effects: list[Any]) -> None:
        _OPEN_WINDOWS(widened(state), pool, position, effects)

    def sizing(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Any:
        return _SIZING(widened(state), pool, position, inputs)

    return Patch(changes, "open_windows", open_windows), Patch(assessment, "order_sizing", sizing)


def _own_window_only(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Any:
    return _SIZING(evolve(state, venue=evolve(state.venue, cooldown_scope="position")), pool, position, inputs)


def _opened_by_a_close(event: events.Fill, state: State, amounts: Amounts, effects: list[Any]) -> list[Pool]:
    touched = PERFORM[events.Fill](event, state, amounts, effects)
    until = state.time + state.venue.cooldown_ms
    if state.venue.cooldown_ms and state.venue.cooldown_scope == "pool":
        touched[0].window.extend(until)
    elif state.venue.cooldown_ms and state.venue.cooldown_scope == "account":
        state.accounts[event.account].window.extend(until)
    return touched


def _opened_by_an_order(state: State, pool: Pool, position: Position, inputs: GuardInputs, effects: list[Any]) -> None:
    _EMIT(state, pool, position, inputs, effects)
    if state.venue.cooldown_ms:
        _OPEN_WINDOWS(state, pool, position, effects)


def _opened_by_the_last_fill(state: State, pool: Pool, position: Position, effects: list[Any]) -> None:
    if position.order is None:
        _OPEN_WINDOWS(state, pool, position, effects)


def _opened_by_the_first_fill(state: State, pool: Pool, position: Position, effects: list[Any]) -> None:
    if not arithmetic.window_open(state.time, position.window.until):
        _OPEN_WINDOWS(state, pool, position, effects)


def _opened_by_a_trade(event: events.Trade, state: State, amounts: Amounts, effects: list[Any]) -> list[Pool]:
    touched = PERFORM[events.Trade](event, state, amounts, effects)
    position = touched[0].positions[event.market]
    if position.size and position.size * amounts["size"] < 0 and state.venue.cooldown_ms:
        _OPEN_WINDOWS(state, touched[0], position, effects)
    return touched


def _survives_the_life(self: Position) -> None:
    window = self.window
    _END_LIFE(self)
    self.window = window


def _ends_with_its_position(event: events.Fill, state: State, amounts: Amounts, effects: list[Any]) -> list[Pool]:
    touched = PERFORM[events.Fill](event, state, amounts, effects)
    if touched[0].positions[event.market].size == 0:
        touched[0].window = Window()
        state.accounts[event.account].window = Window()
    return touched


def _ends_with_liquidation(pool: Pool, rule: str, effects: list[Any]) -> None:
    _LEAVE(pool, rule, effects)
    pool.window = Window()


def _for_all_positions(state: State, pool: Pool, position: Position, effects: list[Any]) -> None:
    for each in pool.open_positions():
        _OPEN_WINDOWS(state, pool, each, effects)


def _ends_unseen(self: Window, now: int) -> None:
    # Asks at the block before whether the window is still open.
    self.forcing_until = self.until if arithmetic.window_open(now + 1, self.until) else 0
    if not arithmetic.window_open(now, self.until):
        self.until = 0


ENGINES = (
    bug(
        "B21",
        "CLD-6",
        Patch(assessment, "settled_without_backstop", _blocks),
    ),
    bug(
        "B23",
        "CLD-3",
        Patch(Window, "forces_full_size", _backwards),
    ),
    bug("B25", "CLD-2", Patch(arithmetic, "window_open", _in_seconds)),
    wrong("X33", "CLD-3", "A window forces full size in its own block", Patch(Window, "forces_full_size", _at_once)),
    wrong("X34", "CLD-3", "A window never forces full size", Patch(Window, "forces_full_size", _never)),
    wrong("X35", "CLD-2", "A window is still open at its end", Patch(arithmetic, "window_open", _with_its_end)),
    wrong("X36", "CLD-1", "A window is a millisecond too long", Patch(changes, "open_windows", _one_later)),
    wrong("X37", "CLD-4", "A later fill does not extend a window", Patch(Window, "extend", _restarts_only_when_over)),
    wrong(
        "X38", "CLD-3", "A later fill suspends a window for its block", Patch(Window, "extend", _forgets_that_it_forces)
    ),
    wrong("X40", "CLD-1", "The scope pool is taken for account", *_of_the_account("pool")),
    wrong("X41", "CLD-1", "The scope position is taken for account", *_of_the_account("position")),
    wrong(
        "X42", "CLD-3", "Only a position's own window forces it", Patch(assessment, "order_sizing", _own_window_only)
    ),
    wrong(
        "X43",
        "CLD-1",
        "A fill that closes the position opens the scope's window",
        operates(events.Fill, _opened_by_a_close),
    ),
    wrong(
        "X44",
        "CLD-1",
        "An order opens the window, before any fill",
        Patch(assessment, "emit_order", _opened_by_an_order),
    ),
    wrong(
        "X45",
        "CLD-1",
        "Only the fill that ends the order opens the window",
        Patch(changes, "open_windows", _opened_by_the_last_fill),
    ),
    wrong(
        "X46",
        "CLD-1",
        "Only the first fill opens the window",
        Patch(changes, "open_windows", _opened_by_the_first_fill),
    ),
    wrong("X47", "CLD-1", "The trader's own reduction opens a window", operates(events.Trade, _opened_by_a_trade)),
    wrong("X48", "CLD-4", "A position's window survives its life", Patch(Position, "end_life", _survives_the_life)),
    wrong(
        "X49",
        "CLD-4",
        "A scope's window ends with the position that opened it",
        operates(events.Fill, _ends_with_its_position),
    ),
    wrong(
        "X50",
        "CLD-4",
        "A pool's window ends with its liquidation",
        Patch(assessment, "leave_liquidation", _ends_with_liquidation),
    ),
    wrong(
        "X51",
        "CLD-1",
        "A fill opens the own windows of all positions of the pool",
        Patch(changes, "open_windows", _for_all_positions),
    ),
    wrong(
        "X52", "CLD-2", "In its last millisecond a window does not force", Patch(Window, "begin_block", _ends_unseen)
    ),
)
