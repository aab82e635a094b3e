"""One run under two rule sets at once, up to the first event after which they show something else."""

from typing import Any

from attrs import frozen

from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.snapshot import Snapshot
from liqspec.distinguish.rule_sets import RuleSets
from liqspec.report.amounts import Units
from liqspec.report.sentences import effect_text
from liqspec.step import compare, reasons, relation
from liqspec.step.compare import Observes
from liqspec.step.reasons import Reason, Step
from liqspec.step.relation import Expected


@frozen(kw_only=True)
class Difference:
    """How the last event of a run distinguishes two rule sets: what each does, and why."""

    events: tuple[EventData, ...]
    first: Reason
    second: Reason
    did: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that make the difference, the first before all: those of either side."""
        return tuple(dict.fromkeys((*self.first.rules, *self.second.rules)))


class Pair:
    """Two engines in the same configuration, each under its own rules."""

    def __init__(self, sets: RuleSets, setting: dict[str, Any]) -> None:
        """Start a run of both.

        Raises:
            InvalidConfig: the configuration is not valid for one of them.
        """
        one, other = sets.configs(setting)
        self.engines = (Engine(Config.from_json(one)), Engine(Config.from_json(other)))
        self.events: list[EventData] = []
        self._now = (self.engines[0].snapshot(), self.engines[1].snapshot())

    @property
    def snapshots(self) -> tuple[Snapshot, Snapshot]:
        """Where both are."""
        return self._now

    def restore(self, snapshots: tuple[Snapshot, Snapshot], events: list[EventData]) -> None:
        """Return both to where they were after some events."""
        for engine, snapshot in zip(self.engines, snapshots, strict=True):
            engine.restore(snapshot)
        self.events, self._now = list(events), snapshots

    def apply(self, event: EventData) -> Difference | None:
        """Apply an event to both; how they differ after it, or None if they show the same."""
        before = self._now
        codes = (apply_event(self.engines[0], event).code, apply_event(self.engines[1], event).code)
        self.events.append(event)
        self._now = (self.engines[0].snapshot(), self.engines[1].snapshot())
        # States can differ in what is not observed; only observed differences count.
        if codes[0] == codes[1] and (
            self._now[0] == self._now[1] or self.engines[0].observe() == self.engines[1].observe()
        ):
            return None
        return self._difference(before, event)

    def _difference(self, before: tuple[Snapshot, Snapshot], event: EventData) -> Difference:
        """Apply the last event once more, and explain why each does what it does."""
        steps, done = [], []
        for engine, snapshot in zip(self.engines, before, strict=True):
            engine.restore(snapshot)
            seen = engine.observe()
            expected = relation.apply(engine, event)
            done.append(expected)
            steps.append(Step.of(engine, event, expected.effects, expected.refusal, seen))
        return Difference(
            events=tuple(self.events),
            first=_reason(steps[0], done[0], done[1]),
            second=_reason(steps[1], done[1], done[0]),
            did=(_did(self.engines[0], done[0]), _did(self.engines[1], done[1])),
        )


def play(sets: RuleSets, setting: dict[str, Any], events: list[EventData]) -> Difference | None:
    """Play events from the start; the first difference, or None if there is none."""
    pair = Pair(sets, setting)
    return next((found for event in events if (found := pair.apply(event)) is not None), None)


def _reason(step: Step, ours: Expected, theirs: Expected) -> Reason:
    code = None if theirs.refusal is None else theirs.refusal.code
    outcome = reasons.outcome_difference(ours.refusal, code, codes=True)
    if outcome is not None:
        return reasons.of_outcome(step, outcome)
    seen = compare.first_difference(ours.observation, theirs.observation, Observes())
    assert seen is not None, "the same venue writes equal amounts alike"
    return reasons.of_difference(step, seen, Observes())


def _did(engine: Engine, expected: Expected) -> tuple[str, ...]:
    if expected.refusal is not None:
        return (f"refused {expected.refusal}",)
    units = Units(engine.venue)
    return tuple(f"{effect.rule:<7}{effect_text(effect, units)}" for effect in expected.effects)
