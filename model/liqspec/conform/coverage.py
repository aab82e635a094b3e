"""What a comparison exercised: each rule, transition and refusal, how often; what was skipped, or never reached."""

from collections import Counter
from typing import Any

from attrs import Factory, define

from liqspec.core.events import CHECKS
from liqspec.properties.coverage import Coverage, never_exercised, reachable_transitions


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

    def never(self) -> dict[str, list[str]]:
        """What no step exercised: families, event types, transitions, rules that act, and refusals of each event."""
        counts: dict[str, dict[str, int]] = {
            "accepted events": self.events,
            "transitions": self.transitions,
            "rules": self.rules,
            **{f"refusals of {kind}": {} for kind in CHECKS},
        }
        for (kind, code), times in self.refusals.items():
            counts.setdefault(f"refusals of {kind}", {})[code] = times
        never = {"families": sorted(self.drawn - set(+self.families)), **never_exercised(counts)}
        return {kind: names for kind, names in never.items() if names}

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
        }
