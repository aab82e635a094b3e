"""Vectors: a case's events, each with what the model does; how they are written to a file, and read from one."""

import json
from pathlib import Path
from typing import Any

from attrs import frozen

from liqspec.core import machine
from liqspec.core.config import Config
from liqspec.core.effects import Transitioned
from liqspec.core.engine import Engine, Outcome, apply_event
from liqspec.core.events import EventData
from liqspec.edge import files
from liqspec.edge.shapes import WrongShape, below
from liqspec.edge.texts import show

FORMAT = 1
_FIELDS = ("format", "venue", "suite", "case", "title", "rules", "provenance", "config", "steps")
_STEP = ("event", "expect", "observation", "rules")


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
        """The vector: each event with its expected result."""
        engine = Engine(Config.from_json(self.config))
        steps = [_step(engine, event) for event in self.events]
        head = {field: getattr(self, "name" if field == "case" else field) for field in _FIELDS[1:-1]}
        return {"format": FORMAT, **head, "rules": list(self.rules), "steps": steps}

    @classmethod
    def of_vector(cls, vector: dict[str, Any]) -> "Case":
        """The case that made a vector."""
        head = {"name" if field == "case" else field: vector[field] for field in _FIELDS[1:-1]}
        events = tuple(step["event"] for step in vector["steps"])
        return cls(**{**head, "rules": tuple(vector["rules"])}, events=events)


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


def to_text(data: dict[str, Any], listed: str = "steps") -> str:
    """A vector as its file has it: a line for each step; or other data, a line for each entry that is `listed`."""
    lines = []
    for name, value in data.items():
        entries = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in value) if name == listed else ""
        text = f"[\n{entries}\n ]" if name == listed else json.dumps(value, ensure_ascii=False)
        lines.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read(path: Path) -> dict[str, Any]:
    """A whole vector; an UnreadableFile is raised if the file cannot be read or is not a valid vector."""
    return _read(path, _FIELDS, _STEP)


def read_conversation(path: Path) -> dict[str, Any]:
    """A whole conversation; an UnreadableFile is raised if the file cannot be read or is not a valid one."""
    return _read(path, tuple(name for name in _FIELDS if name != "config"), ("expect",))


def _read(path: Path, fields: tuple[str, ...], of_step: tuple[str, ...]) -> dict[str, Any]:
    vector = files.read_json(path)
    if not isinstance(vector, dict) or not isinstance(vector.get("steps", []), list):
        raise files.UnreadableFile(path, "is not a vector: expected an object with a list of steps")
    wrong = _mistyped(vector, fields)
    for step in vector.get("steps", []):
        wrong += [f"steps.{one}" for one in _mistyped(step, of_step)]
    if wrong:
        raise files.UnreadableFile(path, f"is not a vector: {wrong[0]}")
    return vector


# The types of the fields that are used; an event may be anything, because vectors are also of malformed ones.
_TYPES: dict[str, type] = {
    **dict.fromkeys(("venue", "suite", "case", "title", "provenance"), str),
    **dict.fromkeys(("config", "expect", "observation"), dict),
    **dict.fromkeys(("rules", "steps"), list),
}


def _mistyped(data: object, fields: tuple[str, ...]) -> list[str]:
    given = data if isinstance(data, dict) else {}
    missing = [f"{name}: is missing" for name in fields if name not in given]
    kinds = [(name, _TYPES.get(name, object)) for name in fields if name in given]
    wrong = [f"{name}: is not of its type" for name, kind in kinds if not isinstance(given[name], kind)]
    texts = [*given["rules"]] if isinstance(given.get("rules"), list) else []
    return missing + wrong + [f"rules: expected texts, got {show(one)}" for one in texts if not isinstance(one, str)]


def read_run(path: Path) -> tuple[dict[str, Any], list[EventData]]:
    """The configuration and the events of a vector; nothing else need be in it.

    Raises:
        UnreadableFile: the file cannot be read.
        WrongShape, InvalidConfig: they are not in it, or not valid.
    """
    data = files.read_json(path)
    with below(str(path)):
        if not isinstance(data, dict) or not isinstance(data.get("steps"), list):
            raise WrongShape("steps", "expected a vector: an object with config and steps")
        config = Config.from_json(data.get("config"))
        Engine(config)
        events: list[Any] = [step.get("event") if isinstance(step, dict) else None for step in data["steps"]]
        if not all(isinstance(event, dict) for event in events):
            raise WrongShape("steps", "expected objects, each with an event that is an object")
        return config.to_json(), events
