"""Neighbours in what is shown: a field of a position that a state wrongly hides, or that a closed one still has."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from liqspec.core import arithmetic, observation
from liqspec.core.machine import lifecycle
from liqspec.core.state import Position, State
from liqspec.edge.texts import words
from liqspec.step.wrong_engines.base import Patch, WrongEngine

_OBSERVE, _END = observation.observe_position, Position.end_life
_HIDDEN = {"cooldown_until": "OBS-2", "order": "OBS-1", "limit": "LIQ-17"}  # what can be null, and who says when


def neighbours() -> Iterator[WrongEngine]:
    """The engines that do not show a field of positions in one state, or the window of a closed position."""
    yield _showing_ended_windows()
    for state in lifecycle().table.states:
        for field, rule in _HIDDEN.items():
            title = f"{words(field)} is not shown of a position in state {words(state)}"
            yield WrongEngine(
                title, rule, title, (Patch(observation, "observe_position", partial(_hiding, state, field)),)
            )


def _hiding(hidden: str, field: str, state: State, position: Position) -> dict[str, Any]:
    shown = _OBSERVE(state, position)
    return {**shown, field: None} if position.state == hidden and field in shown else shown


def _showing_ended_windows() -> WrongEngine:
    """OBS-2: the window that a position had when its life ended is shown until it would have ended itself."""
    ended: WeakKeyDictionary[Position, int] = WeakKeyDictionary()

    def end_life(position: Position) -> None:
        ended[position] = position.window.until
        _END(position)

    def cooldown_until(state: State, position: Position) -> int | None:
        until = position.window.until if position.size else ended.get(position, 0)
        return until if arithmetic.window_open(state.time, until) else None

    title = "cooldown until is shown of a closed position"
    patches = (Patch(Position, "end_life", end_life), Patch(observation, "cooldown_until", cooldown_until))
    return WrongEngine(title, "OBS-2", title, patches)
