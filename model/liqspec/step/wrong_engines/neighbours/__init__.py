"""Neighbours of the rules: engines that differ from the model in one small way, among what a run executes."""

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest
from typing import Any

from liqspec.core import changes
from liqspec.core.admission import EventRecord
from liqspec.core.effects import Effect
from liqspec.core.engine import Engine
from liqspec.core.events import Event, Trade
from liqspec.step.reasons import turns_round
from liqspec.step.wrong_engines.base import Patch, WrongEngine
from liqspec.step.wrong_engines.neighbours import code, configured, memory, shown, tables

_TURNS, _APPLY = changes.turns_round, Engine.apply


def neighbours(
    run: Callable[[], object], config: dict[str, Any], last: type[EventRecord] | None = None
) -> Iterator[WrongEngine]:
    """The engines with one change in a table, in what is configured, remembered or shown, or in the code of this run.

    `config` is that of the run, `last` its last event. Some of each kind come before the others, for whoever has no
    time for all.
    """
    kinds = tables.neighbours(last), configured.neighbours(config, last), shown.neighbours(), memory.neighbours(run)
    changed = code.neighbours(run)
    if last is Trade and _turned_last(run):
        changed = _also_where_turned(changed)
    for together in zip_longest(*kinds, changed):
        yield from (one for one in together if one is not None)


def _turned_last(run: Callable[[], object]) -> bool:
    """Whether the last trade of a run turns a position round."""
    asked = [False]

    def asking(*given: Any) -> bool:
        asked[0] = _TURNS(*given)
        return asked[0]

    with WrongEngine("", "", "", (Patch(changes, "turns_round", asking),)).applied():
        run()
    return asked[0]


def _also_where_turned(changed: Iterable[WrongEngine]) -> Iterator[WrongEngine]:
    """Each of these, also as an engine that is so only where a trade turns a position round (ACC-16)."""
    for wrong in changed:
        yield wrong
        yield _where_turned(wrong)


def _where_turned(wrong: WrongEngine) -> WrongEngine:
    def apply(engine: Engine, event: Event) -> tuple[Effect, ...]:
        if not turns_round(event, engine.state):
            return _APPLY(engine, event)
        with wrong.applied():
            return _APPLY(engine, event)

    title = f"where a trade turns a position round: {wrong.title}"
    return WrongEngine(title, "ACC-16", title, (Patch(Engine, "apply", apply),))
