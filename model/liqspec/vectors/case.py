"""A case of the corpus, and the vector that it makes: what the model does with its events."""

import json
from typing import Any

from attrs import frozen

from liqspec.core import machine
from liqspec.core.config import Config
from liqspec.core.effects import Transitioned
from liqspec.core.engine import Engine, Outcome, apply_event

FORMAT = 1


@frozen(kw_only=True)
class Case:
    """Events that show something; `notes` are words to the reader, by the number of the step from 0."""

    venue: str
    suite: str
    name: str
    title: str
    rules: tuple[str, ...]
    provenance: str
    config: dict[str, Any]
    events: tuple[Any, ...]

    @property
    def path(self) -> str:
        """Where its vector is in the corpus."""
        return f"{self.venue}/{self.suite}/{self.name}.json"

    def vector(self) -> dict[str, Any]:
        """The vector: each event with what must come of it."""
        engine = Engine(Config.from_json(self.config))
        return {
            "format": FORMAT,
            "venue": self.venue,
            "suite": self.suite,
            "case": self.name,
            "title": self.title,
            "rules": list(self.rules),
            "provenance": self.provenance,
            "config": self.config,
            "steps": [_step(engine, event) for event in self.events],
        }

    @classmethod
    def of_vector(cls, vector: dict[str, Any]) -> "Case":
        """The case that made a vector."""
        return cls(
            venue=vector["venue"],
            suite=vector["suite"],
            name=vector["case"],
            title=vector["title"],
            rules=tuple(vector["rules"]),
            provenance=vector["provenance"],
            config=vector["config"],
            events=tuple(step["event"] for step in vector["steps"]),
        )


def _step(engine: Engine, event: object) -> dict[str, Any]:
    outcome = apply_event(engine, event)
    return {
        "event": event,
        "expect": {"accepted": True} if outcome.refusal is None else {"refused": outcome.code},
        "rules": list(rules_of(outcome)),
        "observation": engine.observe(),
    }


def rules_of(outcome: Outcome) -> tuple[str, ...]:
    """The rules that acted in a step, those of its transitions too, or the one by which it was refused."""
    found = [] if outcome.refusal is None else [outcome.refusal.rule]
    for effect in outcome.effects:
        found.append(effect.rule)
        if isinstance(effect, Transitioned):
            found += machine.lifecycle().by_id[effect.transition].rules
    return tuple(dict.fromkeys(found))


def text(vector: dict[str, Any]) -> str:
    """A vector as its file has it: a line for each step."""
    head = {name: value for name, value in vector.items() if name != "steps"}
    lines = [f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}," for name, value in head.items()]
    steps = [f"  {json.dumps(step, ensure_ascii=False)}" for step in vector["steps"]]
    return "\n".join(["{", *lines, ' "steps": [', ",\n".join(steps), " ]", "}", ""])
