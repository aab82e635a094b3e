"""What is kept of a finding: a scenario, a vector, and the command that plays it again; and reading them back."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from liqspec.conform.finding import Finding
from liqspec.core import events
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.refusals import Refusal
from liqspec.edge import files
from liqspec.edge.shapes import WrongShape, below
from liqspec.properties.coverage import Violation
from liqspec.search.minimise import Failing
from liqspec.spec import scenarios
from liqspec.verify import counterexample

SCENARIO, VECTOR = "counterexample.toml", "counterexample.json"


@frozen(kw_only=True)
class Saved:
    """The files of a finding, and the command that plays it again."""

    scenario: Path
    vector: Path | None
    replay: str


def save(finding: Finding, folder: Path, command: Sequence[str], options: Sequence[str]) -> Saved:
    """Write the files; `options` are those of the comparison, which the replay needs too.

    A finding at the very start of a run has no event, and so no vector.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    story, case = folder / SCENARIO, folder / VECTOR
    story.write_text(to_scenario(finding), encoding="utf-8")
    if finding.applied:
        case.write_text(json.dumps(to_vector(finding), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    replay = shlex.join(["liqspec", "conform", *options, "--replay", str(story), "--", *command])
    return Saved(scenario=story, vector=case if finding.applied else None, replay=replay)


def to_scenario(finding: Finding) -> str:
    """The finding as a scenario: what the rules say of its events. Executions of the engine's own are events of it."""
    violation = Violation(
        property="an_engine_departs_from_the_rules",
        wrong=finding.headline,
        where=finding.where,
        config=finding.config,
        events=finding.applied,
    )
    return counterexample.to_toml(violation)


def to_vector(finding: Finding) -> dict[str, Any]:
    """The finding as a vector: each event with what must come of it."""
    model = Engine(Config.from_json(finding.config))
    steps = [_step(model, event) for event in finding.applied]
    return {
        "format": 1,
        "venue": "counterexample",
        "suite": "conform",
        "case": "counterexample",
        "title": finding.headline,
        "rules": list(finding.rules),
        "provenance": f"found by liqspec conform, {finding.where}",
        "config": finding.config,
        "steps": steps,
    }


def _step(model: Engine, event: EventData) -> dict[str, Any]:
    try:
        rules = [effect.rule for effect in model.apply(events.from_json(event))]
        expect: dict[str, Any] = {"accepted": True}
    except Refusal as refusal:
        rules, expect = [refusal.rule], {"refused": refusal.code}
    return {"event": event, "expect": expect, "rules": list(dict.fromkeys(rules)), "observation": model.observe()}


def load(path: Path) -> Failing:
    """The configuration and the events of a saved scenario or vector.

    Raises:
        specification.UnreadableFile, scenario.InvalidScenario: the scenario cannot be read, or is none.
        WrongShape, InvalidConfig: the vector is none.
    """
    if path.suffix == ".toml":
        read = scenarios.load(str(path))
        return Failing(read.config.to_json(), [step.event for step in read.file.step])
    data = files.read_json(path)
    with below(str(path)):
        if not isinstance(data, dict) or not isinstance(data.get("steps"), list):
            raise WrongShape("steps", "expected a vector: an object with config and steps")
        config = Config.from_json(data.get("config"))
        Engine(config)
        return Failing(config.to_json(), [_event(step) for step in data["steps"]])


def _event(step: object) -> EventData:
    event = step.get("event") if isinstance(step, dict) else None
    if not isinstance(event, dict):
        raise WrongShape("steps", "expected objects, each with an event that is an object")
    return event
