"""The step relation: a state before, an event, and what was observed after; is that what the rules say? (STP-1)."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any, Literal

from attrs import evolve, frozen

from liqspec.core import snapshot
from liqspec.core.config import Config
from liqspec.core.effects import Effect, OrderEmitted, Transitioned
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.parameters import InvalidConfig
from liqspec.core.refusals import CODES, Refusal
from liqspec.core.snapshot import PositionValue, Snapshot
from liqspec.edge import shapes
from liqspec.edge.texts import show
from liqspec.spec import observables
from liqspec.step import compare, partial, reasons
from liqspec.step.compare import Observes
from liqspec.step.completion import Assumption, Completed, from_start
from liqspec.step.partial import PartialState
from liqspec.step.reasons import Reason, Step

Mode = Literal["decision", "code", "full"]
MAX_REASONS = 20  # differences beyond these are not reported


@frozen(kw_only=True)
class Expected:
    """What the rules say of an event: refused and why, or what it does, and the state after it either way."""

    refusal: Refusal | None
    effects: tuple[Effect, ...]
    observation: dict[str, Any]
    snapshot: Snapshot

    @property
    def accepted(self) -> bool:
        """Whether the event is accepted."""
        return self.refusal is None


@frozen(kw_only=True)
class Verdict:
    """Whether what was observed is what the rules say; with no observation, only what they say.

    `reasons` are the differences with the rules that decide them, in the order in which observations compare; empty if
    the step is allowed. `assumed` is what was left out of the state before, with the values assumed for it; `before` is
    that state with them.
    """

    expected: Expected
    before: Snapshot
    reasons: tuple[Reason, ...] = ()
    assumed: tuple[Assumption, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether nothing differs."""
        return not self.reasons


def judge(
    config: Config,
    before: dict[str, Any],
    event: object,
    after: dict[str, Any] | None = None,
    *,
    mode: Mode = "full",
    observes: Observes | None = None,
) -> Verdict:
    """Check one step: apply the event to the state before, and compare with what was observed after (STP-1, STP-5).

    `before` is a snapshot, or an observation with anything left out (STP-2). `after` is an observation, of which only
    what it has is compared, or a refusal, `{"error": {"code": …}}`; without it, the step is only predicted.

    Raises:
        shapes.WrongShape, InvalidConfig: the configuration, the state before or what was observed is malformed, or the
            state before contradicts itself.
    """
    observes = evolve(observes or Observes(), partial=True)
    engine = Engine(config, shows_prices=observes.prices)
    done = complete_before(engine, before)
    observed = None if after is None else Observed.from_json(after)

    def verdict_from(data: dict[str, Any]) -> Verdict:
        with _in_before():
            engine.restore(snapshot.from_json(engine.venue, data))
        shown, whole = engine.observe(), engine.snapshot()
        expected = apply(engine, event, observed and observed.observation)
        if observed is None:
            return Verdict(expected=expected, before=whole)
        plain: EventData = event if isinstance(event, dict) else {}
        step = Step.of(engine, plain, expected.effects, expected.refusal, shown)
        found = differences(step, expected, observed, mode, observes)
        return Verdict(expected=expected, before=whole, reasons=found)

    def answer(verdict: Verdict) -> object:
        """Whether the step is allowed, or, with nothing observed, what the rules decide."""
        if observed is not None:
            return verdict.allowed
        refusal, effects = verdict.expected.refusal, verdict.expected.effects
        return refusal and refusal.code, [_decision(effect) for effect in effects]

    def weighed(assumption: Assumption) -> Assumption:
        """STP-4: an assumption matters if the answer with an alternative, all else being equal, is another."""
        others = []
        for alternative in assumption.alternatives:
            data = copy.deepcopy(done.data)
            alternative(data)
            others.append(answer(verdict_from(data)))
        return evolve(assumption, matters=not others or any(other != answer(verdict) for other in others))

    verdict = verdict_from(done.data)
    return evolve(verdict, assumed=tuple(weighed(assumption) for assumption in done.assumptions))


@frozen(kw_only=True)
class Observed:
    """What an engine was seen to do with an event: the code with which it refused it, or what was observed after it."""

    refused: str | None = None
    observation: dict[str, Any] | None = None

    @classmethod
    def from_json(cls, data: object) -> "Observed":
        """An observation, or a refusal as the protocol replies it.

        Raises:
            WrongShape: it is neither; an unknown field or an unknown code is one that would never be compared.
        """
        if not isinstance(data, dict):
            raise shapes.WrongShape("after", f"expected an object, got {show(data)}")
        if "error" not in data:
            with shapes.below("after"):
                partial.check(data)
                _check_observed(data)
            return cls(observation=data)
        error = data["error"]
        if not isinstance(error, dict) or error.get("code") not in CODES:
            raise shapes.WrongShape("after.error.code", f"expected one of {', '.join(CODES)}")
        return cls(refused=error["code"])


def _check_observed(data: dict[str, Any]) -> None:
    """Refuse what a state before may have and an observation cannot show: it would never be compared."""
    for index, held in enumerate(data.get("positions", []), start=1):
        for name in held:
            if name in _remembered():
                raise shapes.WrongShape(f"positions[{index}].{name}", f"an observation has no {name}")


@cache
def _remembered() -> frozenset[str]:
    return frozenset({field.name for field in partial.known_fields(PositionValue)} - {*observables.of("positions")})


def differences(
    step: Step, expected: Expected, observed: Observed, mode: Mode, observes: Observes
) -> tuple[Reason, ...]:
    """How what an engine did differs from what the rules say, with the rules that decide it (STP-5).

    Raises:
        WrongShape: its observation is not valid.
    """
    outcome = reasons.outcome_difference(expected.refusal, observed.refused, codes=mode != "decision")
    if outcome is not None:
        return (reasons.of_outcome(step, outcome),)
    if mode != "full" or observed.observation is None:
        return ()
    found = compare.differences(expected.observation, observed.observation, observes)
    return reasons.narrow_first(reasons.of_difference(step, one, observes) for one in islice(found, MAX_REASONS))


def apply(engine: Engine, event: object, observed: object = None) -> Expected:
    """Apply an event in plain data to an engine, and return the outcome; `observed` as of `apply_event`."""
    done = apply_event(engine, event, observed)
    shown, whole = engine.observe(), engine.snapshot()
    return Expected(refusal=done.refusal, effects=done.effects, observation=shown, snapshot=whole)


@contextmanager
def _in_before() -> Iterator[None]:
    """Say of what is wrong with the state before that it is there."""
    try:
        with shapes.below("before"):
            yield
    except InvalidConfig as error:
        raise InvalidConfig(f"before.{error.path}", error.message) from None


def complete_before(engine: Engine, before: dict[str, Any]) -> Completed:
    """The state before as a snapshot in plain data, with what had to be assumed for it (STP-2).

    The engine must be at the start of its run.

    Raises:
        shapes.WrongShape, InvalidConfig: it is malformed, or contradicts itself.
    """
    if not isinstance(before, dict):
        raise shapes.WrongShape("before", f"expected an object, got {show(before)}")
    if "format" in before:
        return Completed(before, [])
    with _in_before():
        known = PartialState.from_json(before)
        start = snapshot.to_json(engine.venue, engine.snapshot())
        done = from_start(engine.venue, start, known)
        engine.restore(snapshot.from_json(engine.venue, done.data))
        _check_measures(engine, before)
    return done


def _check_measures(engine: Engine, before: dict[str, Any]) -> None:
    """STP-2: measures that are given must be those of the rest of what is given."""
    given = {name: value for name, value in before.items() if name != "marks"}
    found = compare.first_difference(engine.observe(), given, Observes(partial=True))
    if found is not None:
        raise shapes.WrongShape(
            f"{found.subject} {found.field}",
            f"given as {show(found.theirs)}, but the rest of what is given makes {show(found.ours)}; "
            "marks and leverages may be missing",
        )


def _decision(effect: Effect) -> object:
    """What an effect decides: a transition, the size of an order, or that it is there; not its amounts."""
    if isinstance(effect, Transitioned):
        return effect.kind, effect.subject, effect.transition
    return effect.kind, effect.subject, effect.size if isinstance(effect, OrderEmitted) else None
