"""Monitor one run of the model: every property is judged on each event."""

from collections.abc import Callable, Iterable
from typing import Any

from liqspec.core.effects import Effect
from liqspec.core.engine import Engine, Outcome, apply_event
from liqspec.core.events import EventData
from liqspec.core.observation import Observer
from liqspec.core.refusals import Refusal
from liqspec.core.snapshot import Snapshot
from liqspec.properties.catalogue import (
    OBSERVED,
    a_refused_event_changes_nothing,
    an_event_is_accepted_exactly_if_its_rule_says_so,
)
from liqspec.properties.checker.witness import Step, Witness
from liqspec.properties.coverage import Coverage
from liqspec.properties.mark_price import FORMED
from liqspec.properties.model_step import ANSWERS, MODEL, Answer, ModelStep, a_refused_event_changes_no_bit
from liqspec.properties.paired import PAIRED, REPEATED, WHOLE_RUNS, PairedRun, WholeRun
from liqspec.properties.property import HOLDS, NOT_EXERCISED, Properties, Property, Verdict
from liqspec.properties.reach import Follower

Found = tuple[str, str]  # the name of a violated property, and what was wrong
Judged = tuple[Properties[Step], Properties[ModelStep]]
ALL: Judged = (OBSERVED, MODEL)
_OF_REFUSALS = (
    a_refused_event_changes_nothing,
    an_event_is_accepted_exactly_if_its_rule_says_so,
    a_refused_event_changes_no_bit,
)


def chosen(wanted: Callable[[Property[Any]], bool]) -> Judged:
    """The properties of each event that are wanted."""
    return OBSERVED.where(wanted), MODEL.where(wanted)


_REFUSED = chosen(lambda entry: entry.judge in _OF_REFUSALS)


class Monitor:
    """Applies events to an engine, and reports which properties each violated.

    A refused event that changed no bit of the state leaves all that is observed and remembered as it was, so only the
    refusal is judged; after any event that changed no bit nothing is observed again.

    `snapshot`, `witness`, `refusal` and `outcome` are those after the latest event, which `crashed` if the engine
    raised an exception, or showed what cannot be; it is `unchanged` if the event changed no bit of the state.
    """

    def __init__(self, engine: Engine, snapshot: Snapshot, witness: Witness, coverage: Coverage) -> None:
        """Go on judging an engine that is in the state of `snapshot`, with what `witness` has seen up to there."""
        self._engine = engine
        self.snapshot = snapshot
        self.witness = witness
        self.refusal: str | None = None
        self.outcome = Outcome()
        self.crashed = self.unchanged = False
        self._coverage = coverage
        self._observer = Observer()
        self._all, self._refused = ALL, _REFUSED
        self._follower: Follower | None = None
        self._latest: tuple[Snapshot, EventData] | None = None  # the latest event, with the state before it
        self._earlier: tuple[Snapshot, EventData] | None = None  # the event before that

    @classmethod
    def of_start(cls, engine: Engine, config: dict[str, Any], coverage: Coverage) -> "Monitor":
        """The monitor of a run that has just started."""
        monitor = cls(engine, engine.snapshot(), Witness(config, engine.observe()), coverage)
        monitor._follower = coverage.reach.follow(engine)
        return monitor

    @classmethod
    def of_one(cls, engine: Engine, config: dict[str, Any], name: str) -> "Monitor":
        """The monitor of a run that has just started, for one property alone; it measures nothing else."""
        monitor = cls(engine, engine.snapshot(), Witness(config, engine.observe()), Coverage())
        monitor._all = chosen(lambda entry: entry.name == name)
        monitor._refused = chosen(lambda entry: entry.name == name and entry.judge in _OF_REFUSALS)
        return monitor

    @property
    def observation(self) -> dict[str, Any]:
        """What was observed after the latest event."""
        return self.witness.view.raw

    def apply(self, event: EventData) -> list[Found]:
        """Apply an event, and return the violated properties with what was wrong."""
        self.outcome, self.crashed = Outcome(), False
        try:
            self.outcome = apply_event(self._engine, event)
            return self.see(event, self.outcome.effects, self.outcome.refusal)
        except Exception as error:
            self.crashed = True
            return count_verdicts(ANSWERS.judge(Answer(event, error)), self._coverage)

    def see(self, event: EventData, effects: tuple[Effect, ...], refusal: Refusal | None) -> list[Found]:
        """Judge an event that the engine has just been given, and return the violated properties."""
        before = self.snapshot
        self._earlier, self._latest = self._latest, (before, event)
        self._coverage.count(event, effects, refusal)
        if self._follower is not None:
            self._follower.see(event, effects, refusal)
        self.refusal = None if refusal is None else refusal.code
        self.snapshot = self._engine.snapshot()
        self.unchanged = self.snapshot == before
        if refusal is not None and self.unchanged:
            step, (observed, model) = self.witness.refused(event, refusal.code), self._refused
        else:
            seen = self.observation if self.unchanged else self._observer.observe(self._engine.state)
            step, (observed, model) = self.witness.see(event, self.refusal, seen), self.judged()
        model_step = ModelStep(self._engine, before, event, self.snapshot, effects, refusal, self.witness)
        return count_verdicts(observed.exercised(step) + model.exercised(model_step), self._coverage)

    def judged(self) -> Judged:
        """The properties by which the latest event is judged."""
        return self._all

    def compare(self, other: Engine) -> list[Found]:
        """Judge the latest event against runs of another engine of the same configuration; the violated properties."""
        return [*self._compared(PAIRED, other), *self.judge_formed(other)]

    def judge_formed(self, other: Engine) -> list[Found]:
        """Judge the latest event against other inputs of a mark, on another engine; the violated properties."""
        return self._compared(FORMED, other)

    def repeat(self, other: Engine) -> list[Found]:
        """Apply the latest event to another engine in the state before it: it must end the same (EVT-1, OBS-4)."""
        return self._compared(REPEATED, other)

    def _compared(self, properties: Properties[PairedRun], other: Engine) -> list[Found]:
        assert self._latest is not None, "an event was seen"
        before, event = self._latest
        pair = PairedRun(other, self._earlier, before, event, self.snapshot, self.refusal)
        return _guarded(event, properties.judge(pair), self._coverage)


def judge_whole_run(run: WholeRun, coverage: Coverage) -> list[Found]:
    """Judge a run that violated nothing so far as a whole, and return the violated properties."""
    latest: EventData = run.events[-1] if run.events else {}
    return _guarded(latest, WHOLE_RUNS.judge(run), coverage)


Verdicts = Iterable[tuple[Property[Any], Verdict]]  # one by one, so that each is judged when it is counted


def _guarded(event: EventData, judged: Verdicts, coverage: Coverage) -> list[Found]:
    """The violated; an engine that crashes, or shows what cannot be, has broken EVT-1, whatever the exception."""
    try:
        return count_verdicts(judged, coverage)
    except Exception as error:
        return count_verdicts(ANSWERS.judge(Answer(event, error)), coverage)


def count_verdicts(judged: Verdicts, coverage: Coverage) -> list[Found]:
    """Count what was exercised, and return what was violated."""
    found, checked = [], coverage.checked
    for entry, verdict in judged:
        if verdict is NOT_EXERCISED:
            continue
        if entry.counted:
            checked[entry.name] += 1
        if verdict is not HOLDS and verdict.outcome == "violated":
            found.append((entry.name, verdict.wrong))
    return found
