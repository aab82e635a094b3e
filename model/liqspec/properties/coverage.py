"""What a run exercised, counted; and all that there is to exercise, so that what was never reached is known."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, get_args

from attrs import Factory, define, frozen

from liqspec.core import machine
from liqspec.core.effects import Effect, Transitioned
from liqspec.core.events import EventData
from liqspec.core.refusals import Refusal
from liqspec.spec.checks import checks

# T13 is reserved: no event of these rules causes it (LIF-5).
_RESERVED = ("T13",)
# The rules that an effect names only as the case may be; those of the others stand in their classes.
_OF_CASES = ("ACC-4", "ACC-6", "CLD-3", "FIL-3", "FIL-6", "LIQ-9", "PRT-1", "PRT-3")


def reachable_transitions() -> list[str]:
    """The transitions that some event can cause, in the order of the table."""
    return [name for name in machine.lifecycle().by_id if name not in _RESERVED]


def acting_rules() -> list[str]:
    """The rules that an effect, a transition or a refusal can name."""
    named = [check.rule for listed in checks().events.values() for check in listed]
    lifecycle = machine.lifecycle()
    named += [lifecycle.by_id[name].rules[0] for name in reachable_transitions()]
    named += [rule for kind in get_args(Effect) if isinstance(rule := vars(kind).get("rule"), str)]
    named += _OF_CASES
    return sorted(set(named), key=lambda rule: (rule.partition("-")[0], int(rule.partition("-")[2])))


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

    def add(self, other: "Tally") -> None:
        """Add what another tally counted and collected."""
        self.checked.update(other.checked)
        self.transitions.update(other.transitions)
        self.rules.update(other.rules)
        self.refusals.update(other.refusals)
        self.violations.extend(other.violations)
