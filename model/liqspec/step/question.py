"""A question about one step in plain data, and its answer (STP-1 to STP-7)."""

from typing import Any, Literal

from attrs import asdict, evolve, field, frozen
from attrs.filters import exclude

from liqspec.core import snapshot
from liqspec.core.config import Config, Venue
from liqspec.core.engine import Engine
from liqspec.core.events import EVENTS
from liqspec.edge import shapes
from liqspec.edge.texts import show
from liqspec.report import decisions
from liqspec.report.amounts import Units
from liqspec.step import relation
from liqspec.step.compare import Observes
from liqspec.step.reasons import Reason
from liqspec.step.relation import Observed, Verdict


@frozen(kw_only=True)
class Comparison:
    """How a question wants its step to be compared (STP-5 to STP-7)."""

    compare: Literal["decision", "code", "full"] = "full"
    observes: tuple[str, ...] | None = None
    states: Literal["full", "coarse"] = "full"
    tolerance: dict[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Question:
    """A question about one step: what the command `step` reads."""

    config: Config
    before: dict[str, Any]
    event: object
    after: dict[str, Any] | None
    compare: Literal["decision", "code", "full"]
    observes: Observes

    @classmethod
    def from_json(cls, data: object) -> "Question":
        """The question in plain data.

        Raises:
            shapes.WrongShape: a field is missing, unknown or mistyped.
        """
        if not isinstance(data, dict):
            raise shapes.WrongShape("", f"expected an object, got {show(data)}")
        rest = dict(data)
        for name in ("config", "before", "event"):
            if name not in rest:
                raise shapes.WrongShape(name, "required field is missing")
        config, before, event = rest.pop("config"), rest.pop("before"), rest.pop("event")
        after = rest.pop("after", None)
        comparison = shapes.structure(rest, Comparison)
        with shapes.below("config"):
            read = Config.from_json(config)
        observes = Observes(fields=comparison.observes, states=comparison.states, tolerance=comparison.tolerance)
        return cls(config=read, before=before, event=event, after=after, compare=comparison.compare, observes=observes)

    def verdict(self) -> Verdict:
        """The answer, its first reason with the known mistakes that explain it; malformed input as in `judge`."""
        verdict = relation.judge(
            self.config, self.before, self.event, self.after, mode=self.compare, observes=self.observes
        )
        return verdict if verdict.allowed or not isinstance(self.event, dict) else self._explained(verdict, self.event)

    def _explained(self, verdict: Verdict, event: dict[str, Any]) -> Verdict:
        """The verdict on a step that is not allowed, with the rules first that known mistakes break."""
        from liqspec.step.explanations import Likeness, Played, explained, explaining  # noqa: PLC0415 (only then needed)
        from liqspec.step.wrong_engines import EVERY  # noqa: PLC0415
        from liqspec.step.wrong_engines.neighbours import neighbours  # noqa: PLC0415

        def start() -> Engine:
            engine = Engine(self.config)
            engine.restore(verdict.before)
            return engine

        alike = Likeness(mode=self.compare, observes=evolve(self.observes, partial=True))
        played, shown = Played(start=start, events=[event]), Observed.from_json(self.after)
        mistakes = explaining(played, shown, alike, EVERY.values())
        if not mistakes:
            last = EVENTS.get(str(event.get("type")))
            small = neighbours(lambda: list(played.answers()), self.config.to_json(), last)
            likely = verdict.reasons[0].rules  # of many small changes one may do the same by chance
            mistakes = [one for one in explaining(played, shown, alike, small) if one.rule in likely]
        first, *others = verdict.reasons
        return evolve(verdict, reasons=(explained(first, mistakes), *others))


def answer_json(question: Question, verdict: Verdict) -> dict[str, Any]:
    """The answer as plain data: whether the step is allowed, what was expected, why not, and what was assumed."""
    expected, venue = verdict.expected, Venue.from_config(question.config)
    units, around = Units(venue), (verdict.before, expected.snapshot)
    data: dict[str, Any] = {"allowed": verdict.allowed, "expected": {"accepted": expected.accepted}}
    if expected.refusal is not None:
        data["expected"]["error"] = {
            **decisions.refusal_json(units, around, question.event, expected.refusal),
            "message": expected.refusal.message,
        }
    data["expected"]["effects"] = decisions.effects_json(units, around, question.event, expected.effects)
    data["expected"]["observation"] = expected.observation
    data["expected"]["snapshot"] = snapshot.to_json(venue, expected.snapshot)
    if verdict.reasons:
        data["reasons"] = [reason_json(reason) for reason in verdict.reasons]
    if verdict.assumed:
        data["assumed"] = [asdict(entry, filter=exclude("alternatives")) for entry in verdict.assumed]
    return data


def reason_json(reason: Reason) -> dict[str, Any]:
    """A difference as plain data, with the rules that decide it and the guards that stand against it."""
    return {
        **asdict(reason.difference),
        "rules": list(reason.rules),
        "title": reason.title,
        "because": list(reason.because),
        "guards": [asdict(result) for result in reason.guards],
        "terms": list(reason.terms),
    }
