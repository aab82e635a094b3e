"""What a comparison exercised: each rule, transition and refusal, how often; what was skipped, or never reached."""

from collections import Counter
from typing import Any

from attrs import Factory, define

from liqspec.properties.coverage import Tally, acting_rules, reachable_transitions
from liqspec.spec.checks import checks


@define
class Coverage:
    """Counts of the steps on which engine and model agreed, and of what was not compared."""

    tally: Tally = Factory(Tally)
    runs: int = 0
    steps: int = 0
    events: Counter[str] = Factory(Counter)
    refusals: Counter[tuple[str, str]] = Factory(Counter)
    executed: Counter[str] = Factory(Counter)
    skipped: Counter[tuple[str, str]] = Factory(Counter)
    unsupported: Counter[str] = Factory(Counter)
    judged: Counter[str] = Factory(Counter)

    def never(self) -> dict[str, list[str]]:
        """What no step exercised: event types, transitions, refusals of each event, and rules that act."""
        found = {
            "accepted events": [kind for kind in checks().events if not self.events.get(kind)],
            "transitions": [name for name in reachable_transitions() if not self.tally.transitions.get(name)],
            "rules": [rule for rule in acting_rules() if not self.tally.rules.get(rule)],
        }
        for kind, listed in checks().events.items():
            codes = dict.fromkeys(check.code for check in listed)
            found[f"refusals of {kind}"] = [code for code in codes if not self.refusals.get((kind, code))]
        return {kind: names for kind, names in found.items() if names}

    def never_listed(self) -> list[str]:
        """The same, one text for each."""
        return [f"{kind}: {name}" for kind, names in self.never().items() for name in names]

    def to_json(self) -> dict[str, Any]:
        """The counts as plain data."""
        return {
            "runs": self.runs,
            "steps": self.steps,
            "events": dict(sorted(self.events.items())),
            "transitions": {name: self.tally.transitions.get(name, 0) for name in reachable_transitions()},
            "refusals": {f"{kind} {code}": times for (kind, code), times in sorted(self.refusals.items())},
            "rules": dict(sorted(self.tally.rules.items())),
            "properties": dict(sorted(self.judged.items())),
            "executed": dict(sorted(self.executed.items())),
            "skipped": [
                {"event": kind, "why": why, "times": times} for (kind, why), times in sorted(self.skipped.items())
            ],
            "unsupported": dict(sorted(self.unsupported.items())),
            "never": self.never_listed(),
        }
