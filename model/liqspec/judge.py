"""Watching one run of the model: every property judged on each event, and what was exercised counted."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from attrs import Factory, define, frozen

from liqspec import events, machine
from liqspec.effects import Effect, Transitioned
from liqspec.engine import Engine
from liqspec.events import EventData
from liqspec.properties import PROPERTIES, Witness
from liqspec.refusals import Refusal
from liqspec.snapshot import Snapshot

# The properties that need more than observations: they look at the model's own snapshots.
REFUSED_CHANGES_NO_BIT = "a_refused_event_changes_no_bit"
DETERMINISTIC = "the_same_event_in_the_same_state_does_the_same"
REMEMBERS = "the_engine_remembers_what_the_rules_remember"
CRASHES = "every_event_gets_an_answer"


# T13 is reserved: no event of these rules causes it (LIF-5).
_RESERVED = ("T13",)


def reachable_transitions() -> list[str]:
    """The transitions that some event can cause, in the order of the table."""
    return [name for name in machine.lifecycle().by_id if name not in _RESERVED]


@frozen
class Violation:
    """A property that did not hold: what was wrong, in which run, and the events that led there."""

    property: str
    wrong: str
    where: str
    config: dict[str, Any]
    events: list[EventData]


@define
class Tally:
    """Counts what a verification exercised, and collects what was violated."""

    checked: Counter[str] = Factory(Counter)
    transitions: Counter[str] = Factory(Counter)
    rules: Counter[str] = Factory(Counter)
    refusals: Counter[str] = Factory(Counter)
    violations: list[Violation] = Factory(list)

    def count(self, effects: Iterable[Effect], refusal: Refusal | None) -> None:
        """Count what one event did."""
        for effect in effects:
            self.rules[effect.rule] += 1
            if isinstance(effect, Transitioned):
                self.transitions[effect.transition] += 1
        if refusal is not None:
            self.refusals[refusal.code] += 1
            self.rules[refusal.rule] += 1


class Judge:
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
    def of_start(cls, engine: Engine, config: dict[str, Any], tally: Tally) -> "Judge":
        """The judge of a run that has just started."""
        return cls(engine, engine.snapshot(), Witness(config, engine.observe()), tally)

    @property
    def observation(self) -> dict[str, Any]:
        """What was observed after the latest event."""
        return self.witness.view.raw

    def apply(self, event: EventData) -> list[tuple[str, str]]:
        """Apply an event, and return the violated properties with what was wrong."""
        self.refusal = None
        try:
            effects = self._engine.apply(events.from_json(event))
        except Refusal as refusal:
            return self.see(event, (), refusal)
        except Exception as error:  # an engine that crashes has broken EVT-1, whatever the exception
            return [(CRASHES, f"{event.get('type')} ended in {type(error).__name__}: {error}")]
        return self.see(event, effects, None)

    def see(self, event: EventData, effects: tuple[Effect, ...], refusal: Refusal | None) -> list[tuple[str, str]]:
        """Judge an event that the engine has just been given, and return the violated properties."""
        before = self.snapshot
        self._tally.count(effects, refusal)
        self.refusal = None if refusal is None else refusal.code
        step = self.witness.see(event, self.refusal, self._engine.observe())
        wrong = []
        for name, entry in PROPERTIES.items():
            judgement = entry.judge(step)
            if judgement is not None:
                self._tally.checked[name] += 1
                if judgement:
                    wrong.append((name, judgement))
        self.snapshot = self._engine.snapshot()
        return [*wrong, *self._on_the_model(before, refusal)]

    def repeat(self, before: Snapshot, event: EventData) -> list[tuple[str, str]]:
        """Apply an accepted event once more from the snapshot before it: it must end the same (EVT-1, OBS-4)."""
        self._tally.checked[DETERMINISTIC] += 1
        self._engine.restore(before)
        self._engine.apply(events.from_json(event))
        same = self._engine.snapshot() == self.snapshot
        return [] if same else [(DETERMINISTIC, "a repetition from the snapshot before it ended differently")]

    def _on_the_model(self, before: Snapshot, refusal: Refusal | None) -> list[tuple[str, str]]:
        if refusal is not None:
            self._tally.checked[REFUSED_CHANGES_NO_BIT] += 1
            return [] if self.snapshot == before else [(REFUSED_CHANGES_NO_BIT, "the snapshot changed")]
        self._tally.checked[REMEMBERS] += 1
        wrong = differences(self.witness, self.snapshot)
        return [(REMEMBERS, wrong)] if wrong else []


def differences(witness: Witness, snapshot: Snapshot) -> str:
    """Where the engine's memory of attempts, failures and leverages differs from the witness's; "" if nowhere."""
    for account in snapshot.accounts:
        for pool in account.pools:
            mode = "cross" if pool.market is None else "isolated"
            for held in pool.positions:
                life = (f"{account.name}/{held.market}/{mode}", held.life)
                if held.size and held.attempted != (life in witness.memory.attempted):
                    return f"{life[0]}: attempted is {held.attempted}"
                if held.size and pool.in_liquidation and held.left_over != (life in witness.memory.failed):
                    return f"{life[0]}: its order left quantity over is {held.left_over}"
                if held.size and held.leverage != witness.memory.leverages[life[0]]:
                    return f"{life[0]}: leverage is {held.leverage}, must be {witness.memory.leverages[life[0]]}"
    return ""
