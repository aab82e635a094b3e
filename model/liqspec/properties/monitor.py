"""Watching one run of the model: every property judged on each event."""

from collections.abc import Callable
from typing import Any

from liqspec.core import events
from liqspec.core.effects import Effect
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.refusals import Refusal
from liqspec.core.snapshot import Snapshot
from liqspec.properties import PROPERTIES, Witness, paired
from liqspec.properties.coverage import Tally
from liqspec.properties.model_step import CRASHES, DETERMINISTIC, MODEL_PROPERTIES, ModelStep


class Monitor:
    """Applies events to an engine, and tells which properties each violated.

    `snapshot`, `witness` and `refusal` are those after the latest event.
    """

    def __init__(self, engine: Engine, snapshot: Snapshot, witness: Witness, tally: Tally) -> None:
        """Go on judging an engine that is in the state of `snapshot`, with what `witness` has seen up to there."""
        self._engine = engine
        self.snapshot = snapshot
        self.witness = witness
        self.refusal: str | None = None
        self._tally = tally

    @classmethod
    def of_start(cls, engine: Engine, config: dict[str, Any], tally: Tally) -> "Monitor":
        """The judge of a run that has just started."""
        return cls(engine, engine.snapshot(), Witness(config, engine.observe()), tally)

    @property
    def observation(self) -> dict[str, Any]:
        """What was observed after the latest event."""
        return self.witness.view.raw

    def apply(self, event: EventData) -> list[tuple[str, str]]:
        """Apply an event, and return the violated properties with what was wrong."""
        return self._guarded(event, lambda: self._apply(event))

    def _apply(self, event: EventData) -> list[tuple[str, str]]:
        outcome = apply_event(self._engine, event)
        return self.see(event, outcome.effects, outcome.refusal)

    def _guarded(self, event: EventData, judge: Callable[[], list[tuple[str, str]]]) -> list[tuple[str, str]]:
        """Monitor; an engine that crashes, or shows what cannot be, has broken EVT-1, whatever the exception."""
        try:
            return judge()
        except Exception as error:
            return [(CRASHES, f"{event.get('type')} ended in {type(error).__name__}: {error}")]

    def see(self, event: EventData, effects: tuple[Effect, ...], refusal: Refusal | None) -> list[tuple[str, str]]:
        """Monitor an event that the engine has just been given, and return the violated properties."""
        before = self.snapshot
        self._tally.count(effects, refusal)
        self.refusal = None if refusal is None else refusal.code
        step = self.witness.see(event, self.refusal, self._engine.observe())
        self.snapshot = self._engine.snapshot()
        model_step = ModelStep(self._engine, before, event, self.snapshot, effects, refusal, self.witness)
        judged = [(name, entry.judge(step)) for name, entry in PROPERTIES.items()]
        judged += [(name, known.judge(model_step)) for name, known in MODEL_PROPERTIES.items()]
        return self._counted(judged)

    def see_twice(
        self,
        beside: Engine,
        earlier: tuple[Snapshot, EventData] | None,
        before: Snapshot,
        event: EventData,
    ) -> list[tuple[str, str]]:
        """Monitor the event just seen against other runs, and return the violated properties.

        They are made on the engine `beside`, of the same configuration, so that the judged one is left as it is.
        `earlier` is the event before, with the state that it came in.
        """
        told = paired.PairedRun(beside, earlier, before, event, self.snapshot, self.refusal)
        return self._guarded(event, lambda: self._counted(paired.judge(told)))

    def repeat(self, beside: Engine, before: Snapshot, event: EventData) -> list[tuple[str, str]]:
        """Apply an accepted event to another engine in the state before it: it must end the same (EVT-1, OBS-4)."""
        return self._guarded(event, lambda: self._counted([(DETERMINISTIC, self._repeated(beside, before, event))]))

    def _repeated(self, beside: Engine, before: Snapshot, event: EventData) -> str:
        beside.restore(before)
        beside.apply(events.from_json(event))
        return "" if beside.snapshot() == self.snapshot else "from the same state it ended differently"

    def _counted(self, judged: list[tuple[str, str | None]]) -> list[tuple[str, str]]:
        """Count what was exercised, and keep what was violated."""
        wrong = []
        for name, judgement in judged:
            if judgement is not None:
                self._tally.checked[name] += 1
                if judgement:
                    wrong.append((name, judgement))
        return wrong
