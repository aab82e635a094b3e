"""Monitor one step from a state that is known: what does not change with it is not judged again.

A refused event that changed no bit of the state leaves all that is observed and remembered as it was, so only the
refusal is judged; after any event that changed no bit nothing is observed again. What must hold of a state, whatever
led to it, is judged when the state is met first, except what is about the vault, which differs with the way to a
state.
"""

from collections.abc import Callable
from typing import Any

from liqspec.core.effects import Effect
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.observation import Observer
from liqspec.core.refusals import Refusal
from liqspec.core.snapshot import Snapshot
from liqspec.core.state import Book, Pool, Position
from liqspec.properties.catalogue import (
    OBSERVED,
    a_refused_event_changes_nothing,
    an_event_is_accepted_exactly_if_its_rule_says_so,
    the_vaults_equity_is_its_own,
)
from liqspec.properties.checker.witness import Witness
from liqspec.properties.coverage import Coverage
from liqspec.properties.model_step import MODEL, ModelStep, a_refused_event_changes_no_bit
from liqspec.properties.monitor import Found, Monitor, count_verdicts

_MOST_KEPT = 1 << 15  # entries, so that memory stays bounded


class StateObserver(Observer):
    """Observes states of many runs; an entry is formed once for what it shows, whichever state shows it."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[object, dict[str, Any]] = {}

    def _kept(
        self, of: Position | Pool | Book, shown: tuple[object, ...], form: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        key = ("vault" if isinstance(of, Book) else of.key, shown)
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) >= _MOST_KEPT:
                self._entries.clear()
            entry = self._entries[key] = form()
        return entry


class StepMonitor(Monitor):
    """Judges one event in a known state.

    `met` says of the state after it whether what must hold of a state was judged there. It is `unchanged` if the event
    changed no bit of the state.
    """

    def __init__(
        self,
        engine: Engine,
        snapshot: Snapshot,
        witness: Witness,
        coverage: Coverage,
        observer: StateObserver,
        met: Callable[[Snapshot], bool],
    ) -> None:
        super().__init__(engine, snapshot, witness, coverage)
        self._observer, self._met = observer, met
        self.unchanged = False

    def see(self, event: EventData, effects: tuple[Effect, ...], refusal: Refusal | None) -> list[Found]:
        """Judge the event that the engine has just been given, and return the violated properties."""
        before, after = self.snapshot, self._engine.snapshot()
        self._latest, self.snapshot = (before, event), after
        self._coverage.count(event, effects, refusal)
        self.refusal = None if refusal is None else refusal.code
        self.unchanged = after == before
        if refusal is not None and self.unchanged:
            refused = self.witness.refused(event, refusal.code)
            unmoved = ModelStep(self._engine, before, event, after, effects, refusal, self.witness)
            return count_verdicts(_REFUSED.exercised(refused) + _REFUSED_MODEL.exercised(unmoved), self._coverage)
        met = self.unchanged or self._met(after)
        seen = self.observation if self.unchanged else self._observer.observe(self._engine.state)
        step = self.witness.see(event, self.refusal, seen)
        model_step = ModelStep(self._engine, before, event, after, effects, refusal, self.witness)
        observed, model = (_STEP, _STEP_MODEL) if met else (OBSERVED, MODEL)
        return count_verdicts(observed.exercised(step) + model.exercised(model_step), self._coverage)


_OF_REFUSALS = (
    a_refused_event_changes_nothing,
    an_event_is_accepted_exactly_if_its_rule_says_so,
    a_refused_event_changes_no_bit,
)
_REFUSED = OBSERVED.where(lambda entry: entry.judge in _OF_REFUSALS)
_REFUSED_MODEL = MODEL.where(lambda entry: entry.judge in _OF_REFUSALS)
_STEP = OBSERVED.where(lambda entry: entry.kind != "state" or entry.judge is the_vaults_equity_is_its_own)
_STEP_MODEL = MODEL.where(lambda entry: entry.kind != "state")
