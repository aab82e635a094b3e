"""One run of the model and an engine side by side: the same events, to the first thing in which the engine is wrong."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from attrs import Factory, define, evolve, field, frozen

from liqspec.conform.answers import Accepted, Answering, Hello, Refused, Skipped, malformed, read_answer
from liqspec.conform.finding import EngineFault, Finding
from liqspec.conform.own_observations import RESET, OwnObservations
from liqspec.core.changes import reachable_transitions
from liqspec.core.config import Config
from liqspec.core.effects import Effect
from liqspec.core.engine import Engine
from liqspec.core.events import CHECKS, EVENTS, EventData, PriceInputs
from liqspec.core.parameters import families_of
from liqspec.core.refusals import BadRequest, OffGrid, Refusal
from liqspec.edge.shapes import WrongShape
from liqspec.properties.coverage import Coverage, never_exercised
from liqspec.properties.reach import Follower
from liqspec.step import relation
from liqspec.step.compare import Difference, Observes
from liqspec.step.reasons import Reason, Step, of_outcome, outcome_difference
from liqspec.step.relation import Expected, Mode, Observed

MOST_REASONS = 50  # for which an engine skips something, so that memory and the report stay bounded
PATIENT = 10  # looks for an answer too many that may come late, of some hundredths of a second
MEASURED = 4  # the interval in events at which how far a run went is measured, which takes some time
OF_SHAPE = (BadRequest.code, OffGrid.code)  # the refusals of malformed events


@frozen(kw_only=True)
class Comparison:
    """How engine and model are compared (STP-5 to STP-7)."""

    observes: Observes = Factory(Observes)
    mode: Mode = "full"
    judged: bool = True  # whether the engine reports enough, and exactly enough, for every property to be judged on it

    @classmethod
    def of(cls, hello: Hello, mode: Mode = "full", tolerance: dict[str, str] | None = None) -> "Comparison":
        """How an engine that says this of itself is compared.

        Raises:
            WrongShape: a tolerance is of an unknown field, malformed, or not of an amount.
        """
        observes = Observes(fields=hello.observes, states=hello.states, tolerance=tolerance or {})
        judged = hello.observes_everything and mode == "full" and not tolerance
        return cls(observes=observes, mode=mode, judged=judged)


@define
class Compared(Coverage):
    """Counts of the steps on which engine and model agreed, and of what was not compared."""

    runs: int = 0
    steps: int = 0
    executed: Counter[str] = Factory(Counter)
    families: Counter[str] = Factory(Counter)  # steps of runs that have a parameter of a family
    drawn: frozenset[str] = frozenset()  # the families that runs were to have
    skipped: Counter[tuple[str, str]] = Factory(Counter)
    unsupported: Counter[str] = Factory(Counter)
    supported: frozenset[str] = frozenset(EVENTS)  # the events that the engine says it has
    malformed: bool = True  # whether events were sent that are refused for their shape

    def add(self, other: "Coverage") -> None:
        """Add what another comparison counted."""
        Coverage.add(self, other)
        if isinstance(other, Compared):
            self.runs, self.steps = self.runs + other.runs, self.steps + other.steps
            for name in ("executed", "families", "skipped", "unsupported"):
                getattr(self, name).update(getattr(other, name))

    def skip(self, kind: str, why: str) -> None:
        """Count what the engine skipped; of many reasons only the first are kept."""
        known = (kind, why) in self.skipped or len(self.skipped) < MOST_REASONS
        self.skipped[kind, why if known else "other reasons"] += 1

    def agree(
        self, families: Iterable[str], event: EventData, effects: Iterable[Effect], refusal: Refusal | None
    ) -> None:
        """Count a step on which engine and model agreed, in a run that has parameters of these families."""
        self.steps += 1
        self.families.update(families)
        self.count(event, effects, refusal)

    def never(self) -> dict[str, list[str]]:
        """What no step exercised: families, event types, transitions, rules that act, and refusals of each event.

        Events that the engine says it does not have, or of which it skipped each one, are left out.
        """
        counts: dict[str, dict[str, int]] = {
            "accepted events": self.events,
            "transitions": self.transitions,
            "rules": self.rules,
            **{f"refusals of {kind}": {} for kind in CHECKS},
        }
        for (kind, code), times in self.refusals.items():
            counts.setdefault(f"refusals of {kind}", {})[code] = times
        never = {"families": sorted(self.drawn - set(+self.families)), **never_exercised(counts)}
        lacking = (EVENTS.keys() - self.supported) | self._only_skipped()
        never = {kind: names for kind, names in never.items() if kind.removeprefix("refusals of ") not in lacking}
        never["accepted events"] = [name for name in never["accepted events"] if name not in lacking]
        if not self.malformed:
            never = {kind: [name for name in names if name not in OF_SHAPE] for kind, names in never.items()}
        return {kind: names for kind, names in never.items() if names}

    def _only_skipped(self) -> set[str]:
        compared = {*self.events, *(kind for kind, _ in self.refusals)}
        return {kind for kind, _ in self.skipped} - compared

    def never_listed(self) -> list[str]:
        """The same, one text for each."""
        return [f"{kind}: {name}" for kind, names in self.never().items() for name in names]

    def to_json(self) -> dict[str, Any]:
        """The counts as plain data."""
        return {
            "runs": self.runs,
            "steps": self.steps,
            "events": dict(sorted(self.events.items())),
            "transitions": {name: self.transitions.get(name, 0) for name in reachable_transitions()},
            "refusals": {f"{kind} {code}": times for (kind, code), times in sorted(self.refusals.items())},
            "rules": dict(sorted(self.rules.items())),
            "properties": dict(sorted(self.checked.items())),
            "families": dict(sorted(self.families.items())),
            "executed": dict(sorted(self.executed.items())),
            "skipped": [
                {"event": kind, "why": why, "times": times} for (kind, why), times in sorted(self.skipped.items())
            ],
            "unsupported": dict(sorted(self.unsupported.items())),
            "never": self.never_listed(),
            "reach": self.reach.to_json(),
        }


@define
class LockStep:
    """The model and an engine in the same run; `start` it, then `give` it events until something is found."""

    engine: Answering
    comparison: Comparison
    coverage: Compared
    config: dict[str, Any]
    witnessed: bool = False  # whether every property is judged on the engine's own observations
    model: Engine = field(init=False)
    events: list[EventData] = field(init=False, factory=list)
    applied: list[EventData] = field(init=False, factory=list)
    _own: OwnObservations | None = field(init=False, default=None)
    _last: Expected = field(init=False)  # the model after the latest event
    _follower: Follower = field(init=False)
    _families: tuple[str, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Start the model; the engine starts later, because that can fail."""
        self.model = Engine(Config.from_json(self.config), shows_prices=self.comparison.observes.prices)
        self._follower = self.coverage.reach.follow(self.model, MEASURED)
        self._families = tuple(families_of(self.config))
        shown, whole = self.model.observe(), self.model.snapshot()
        self._last = Expected(refusal=None, effects=(), observation=shown, snapshot=whole)

    def start(self) -> Finding | Skipped | None:
        """Reset the engine, and compare where the run begins (CFG-1, OBS-1)."""
        self.coverage.runs += 1
        try:
            reply = self.engine.reset(self.config)
            answer = read_answer(reply)
            if isinstance(answer, Refused) and answer.code == BadRequest.code:
                answer = Skipped(why=answer.message or "it cannot hold the configuration")  # AMT-1
            if isinstance(answer, Skipped):
                self.coverage.skip("reset", answer.why)
                return answer
            if isinstance(answer, Refused):
                difference = Difference("run", "config", "accepted", answer.code)
                because = (answer.message, "the configuration is a valid one")
                reason = Reason(difference=difference, rules=("CFG-1",), because=because)
                return self._finding(kind="difference", reasons=(reason,), reply=reply)
            return self._compare(RESET, self._last, answer, reply)
        except EngineFault as error:
            return self._finding(kind="fault", fault=error.fault)

    def give(self, event: EventData) -> Finding | None:
        """Apply an event to both, and compare the outcomes; None if nothing is wrong so far."""
        self.events.append(event)
        self.applied.append(event)
        earlier = self._last.snapshot
        try:
            self.engine.give(event)
            expected = relation.apply(self.model, event)  # while the engine works
            reply = self.engine.answer()
            answer = read_answer(reply)
            if isinstance(answer, Skipped):
                self.model.restore(earlier)
                self.events.pop()
                self.applied.pop()
                self.coverage.skip(str(event.get("type")), answer.why)
                return None
            if isinstance(answer, Accepted) and self._forms_another_mark(event, expected, answer):
                self.model.restore(earlier)  # the run continues with the engine's mark (MRK-9)
                expected = relation.apply(self.model, event, answer.observation)
            return self._compare(event, expected, answer, reply)
        except EngineFault as error:
            return self._finding(kind="fault", fault=error.fault)

    def _forms_another_mark(self, event: EventData, expected: Expected, answer: Accepted) -> bool:
        shown = answer.observation.get("marks") if isinstance(answer.observation, dict) else None
        return event.get("type") == PriceInputs.type and shown != expected.observation.get("marks")

    def _compare(
        self, event: EventData, expected: Expected, answer: Accepted | Refused, reply: dict[str, Any]
    ) -> Finding | None:
        effects = expected.effects
        last = expected
        if isinstance(answer, Accepted) and expected.accepted:
            for execution in answer.executed:
                self.applied.append(execution)
                last = relation.apply(self.model, execution)
                effects = (*effects, *last.effects)
                if last.refusal is not None:
                    return self._not_allowed(execution, last, reply)
                self.coverage.executed[str(execution["type"])] += 1
        observed = self._observed(answer)
        reasons: tuple[Reason, ...] = ()
        # What the engine shows exactly as the model does, to the letter, need not be compared.
        alike = repr(observed.observation) == repr(last.observation)
        if not (alike and last.refusal is None and observed.refused is None):
            step = Step.of(self.model, event, effects, expected.refusal, self._last.observation)
            judged = evolve(last, refusal=expected.refusal, effects=effects)
            try:
                reasons = relation.differences(step, judged, observed, self.comparison.mode, self.comparison.observes)
            except WrongShape as error:
                raise malformed(str(error)) from None
        broken = self._broken(event, answer, observed, reasons)
        self._last = last
        if not reasons and not broken and event is not RESET:
            self.coverage.agree(self._families, event, effects, expected.refusal)
            self._follower.see(event, effects, expected.refusal)
        if reasons:
            return self._finding(kind="difference", reasons=reasons, broken=broken, reply=reply)
        return self._finding(kind="property", broken=broken, reply=reply) if broken else None

    def _observed(self, answer: Accepted | Refused) -> Observed:
        if isinstance(answer, Refused):
            return Observed(refused=answer.code)
        if self.comparison.mode != "full" or not self.comparison.observes.fields:
            return Observed()
        if not isinstance(answer.observation, dict):
            raise malformed("an accepted event, and no observation, but `observes` is not empty")
        return Observed(observation=answer.observation)

    def _not_allowed(self, execution: EventData, refused: Expected, reply: dict[str, Any]) -> Finding:
        """The engine executed what the rules refuse."""
        step = Step.of(self.model, execution, (), refused.refusal, self._last.observation)
        difference = outcome_difference(refused.refusal, None, codes=True)
        assert difference is not None, "refused by the rules, and done by the engine"
        return self._finding(kind="difference", reasons=(of_outcome(step, difference),), reply=reply)

    def _broken(
        self, event: EventData, answer: Accepted | Refused, observed: Observed, reasons: tuple[Reason, ...]
    ) -> tuple[tuple[str, str], ...]:
        """The properties that the engine's own observations break, where they are judged."""
        if not self.witnessed or not self.comparison.judged or (isinstance(answer, Accepted) and answer.executed):
            self.witnessed = False  # what happened between two observations cannot be judged on them
            return ()
        if event is RESET:
            if reasons:
                return ()
            self._own = OwnObservations(self.config, self.coverage.checked)
        assert self._own is not None, "a run that begins as it must not ends there"
        return self._own.broken_by(event, observed.refused, observed.observation)

    def _finding(self, **found: Any) -> Finding:
        return Finding(config=self.config, events=list(self.events), applied=list(self.applied), **found)


def play(
    engine: Answering,
    config: dict[str, Any],
    events: list[EventData],
    comparison: Comparison,
    coverage: Compared | None = None,
    *,
    witnessed: bool = False,
) -> Finding | None:
    """Play a run of these events to the first finding; None if there is none, or the engine cannot run it."""
    lockstep = LockStep(engine, comparison, coverage or Compared(), config, witnessed)
    begun = lockstep.start()
    if begun is not None:
        return begun if isinstance(begun, Finding) else None
    return next((found for event in events if (found := lockstep.give(event)) is not None), None)


def settled(engine: Answering, finding: Finding, times: int = 1) -> Finding:
    """The finding; or, if the engine turns out to say more than it was asked, that. An engine is asked some times."""
    if finding.kind == "fault":
        return finding
    try:
        for _ in range(times):
            engine.settle()
    except EngineFault as error:
        return evolve(finding, kind="fault", fault=error.fault, reasons=(), broken=())
    return finding
