"""What a run exercised, counted; and all that there is to exercise, so that what was never reached is known."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from attrs import Factory, define, frozen

from liqspec.core import machine
from liqspec.core.changes import reachable_transitions
from liqspec.core.effects import Effect, Transitioned
from liqspec.core.events import CHECKS, EventData
from liqspec.core.refusals import CODES, Refusal
from liqspec.edge.errors import InternalFailure
from liqspec.properties.reach import Reach
from liqspec.properties.registry import PROPERTIES


def acting_rules() -> list[str]:
    """The rules that an effect, a transition or a refusal can name."""
    checks = [check for listed in CHECKS.values() for check in listed]
    named = [check.rule for check in checks]
    named += [rule for check in checks for rule in check.instead]
    lifecycle = machine.lifecycle()
    named += [lifecycle.by_id[name].rules[0] for name in reachable_transitions()]
    named += [rule for kind in get_args(Effect) for rule in kind.rules]
    return sorted(set(named), key=lambda rule: (rule.partition("-")[0], int(rule.partition("-")[2])))


def exercisable() -> dict[str, list[str]]:
    """All that there is to exercise, by its kind: what the properties, the tables and the effects can name."""
    return {
        "properties": [name for name, entry in PROPERTIES.items() if entry.counted],
        "accepted events": list(CHECKS),
        "transitions": reachable_transitions(),
        "rules": acting_rules(),
        "refusals": list(CODES),
        **{
            f"refusals of {kind}": list(dict.fromkeys(check.code for check in listed))
            for kind, listed in CHECKS.items()
        },
    }


def never_exercised(counts: Mapping[str, Mapping[str, int]]) -> dict[str, list[str]]:
    """Of each kind that is counted, what was never exercised."""
    return {
        kind: [name for name in names if not counts[kind].get(name)]
        for kind, names in exercisable().items()
        if kind in counts
    }


@frozen
class Violation:
    """A property that did not hold: what was wrong, in which run, and the events that led there."""

    property: str
    wrong: str
    where: str
    config: dict[str, Any]
    events: list[EventData]


@define
class Coverage:
    """Counts what was exercised, and collects what was violated, and the runs that could not continue."""

    checked: Counter[str] = Factory(Counter)
    transitions: Counter[str] = Factory(Counter)
    rules: Counter[str] = Factory(Counter)
    events: Counter[str] = Factory(Counter)  # that were accepted, by type
    refusals: Counter[tuple[str, str]] = Factory(Counter)  # by event type and code
    reach: Reach = Factory(Reach)
    violations: list[Violation] = Factory(list)
    failures: list[InternalFailure] = Factory(list)

    @property
    def codes(self) -> Counter[str]:
        """The refusals by code alone."""
        return sum((Counter({code: times}) for (_, code), times in self.refusals.items()), Counter[str]())

    def count(self, event: object, effects: Iterable[Effect], refusal: Refusal | None) -> None:
        """Count what one event did."""
        kind = str(event.get("type")) if isinstance(event, dict) else "none"
        self.count_effects(effects)
        if refusal is None:
            self.events[kind] += 1
        else:
            self.refusals[kind, refusal.code] += 1
            self.rules[refusal.rule] += 1

    def count_effects(self, effects: Iterable[Effect]) -> None:
        """Count the rules and the transitions of effects."""
        for effect in effects:
            self.rules[effect.rule] += 1
            if isinstance(effect, Transitioned):
                self.transitions[effect.transition] += 1

    def add(self, other: "Coverage") -> None:
        """Add what another coverage counted and collected."""
        for name in ("checked", "transitions", "rules", "events", "refusals"):
            getattr(self, name).update(getattr(other, name))
        self.reach.add(other.reach)
        self.violations.extend(other.violations)
        self.failures.extend(other.failures)
