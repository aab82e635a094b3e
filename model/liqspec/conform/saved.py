"""What is kept of a finding: a scenario, a vector, and the command that plays it again; and reading them back."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from liqspec.conform.finding import Finding
from liqspec.search.minimise import FailingRun
from liqspec.spec import scenarios, vectors
from liqspec.spec.vectors import Case
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
    scenario, vector = folder / SCENARIO, folder / VECTOR
    scenario.write_text(to_scenario(finding), encoding="utf-8")
    if finding.applied:
        vector.write_text(vectors.to_text(to_vector(finding)), encoding="utf-8")
    replay = shlex.join(["liqspec", "conform", *options, "--replay", str(scenario), "--", *command])
    return Saved(scenario=scenario, vector=vector if finding.applied else None, replay=replay)


def to_scenario(finding: Finding) -> str:
    """The finding as a scenario: what the rules say of its events. Executions of the engine's own are events of it."""
    title, story = "Counterexample: an engine departs from the rules", f"{finding.headline} ({finding.where})"
    return counterexample.scenario_text(title, story, finding.config, finding.applied)


def to_vector(finding: Finding) -> dict[str, Any]:
    """The finding as a vector: each event with its expected result."""
    return Case(
        venue="counterexample",
        suite="conform",
        name="counterexample",
        title=finding.headline,
        rules=finding.rules,
        provenance=f"found by liqspec conform, {finding.where}",
        config=finding.config,
        events=tuple(finding.applied),
    ).vector()


def load(path: Path) -> FailingRun:
    """The configuration and the events of a saved scenario or vector.

    Raises:
        UnreadableFile, InvalidScenario: the scenario cannot be read, or is not valid.
        WrongShape, InvalidConfig: the vector is not valid.
    """
    if path.suffix == ".toml":
        read = scenarios.load(str(path))
        return FailingRun(read.config.to_json(), [step.event for step in read.file.step])
    return FailingRun(*vectors.read_run(path))
