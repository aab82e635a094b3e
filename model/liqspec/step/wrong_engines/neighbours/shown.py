"""Neighbours in what is shown: a field of a position that a state wrongly hides, though the engine knows it."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from liqspec.core import observation
from liqspec.core.machine import lifecycle
from liqspec.core.state import Position, State
from liqspec.edge.texts import words
from liqspec.step.wrong_engines.base import Patch, WrongEngine

_OBSERVE = observation.observe_position
_HIDDEN = {"cooldown_until": "OBS-2", "order": "OBS-1", "limit": "LIQ-17"}  # what can be null, and who says when


def neighbours() -> Iterator[WrongEngine]:
    """The engines that do not show a field of positions in one state."""
    for state in lifecycle().table.states:
        for field, rule in _HIDDEN.items():
            title = f"{words(field)} is not shown of a position in state {words(state)}"
            yield WrongEngine(
                title, rule, title, (Patch(observation, "observe_position", partial(_hiding, state, field)),)
            )


def _hiding(hidden: str, field: str, state: State, position: Position) -> dict[str, Any]:
    shown = _OBSERVE(state, position)
    return {**shown, field: None} if position.state == hidden and field in shown else shown
