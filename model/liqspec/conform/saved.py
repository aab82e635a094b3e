"""What is kept of a finding: a scenario, a vector, its requests, and the command that plays it again."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w
from attrs import frozen

from liqspec.conform.answers import Hello
from liqspec.conform.finding import Finding
from liqspec.conform.protocol import requests
from liqspec.edge import limits, writing
from liqspec.search.minimise import FailingRun
from liqspec.spec import scenarios, vectors
from liqspec.spec.vectors import Case
from liqspec.verify import counterexample

NAME = "counterexample"
_ANSWERED = ("ok", "observation", "error")  # of a reply, what is shown next to ours


@frozen(kw_only=True)
class Saved:
    """The files of a finding, those that it has, and the command that plays it again."""

    scenario: Path | None
    vector: Path | None
    requests: Path | None = None
    replay: str

    @property
    def files(self) -> list[Path]:
        """The files that were written."""
        return [path for path in (self.scenario, self.vector, self.requests) if path is not None]


def save(
    finding: Finding,
    folder: Path,
    command: Sequence[str],
    options: Sequence[str],
    name: str = NAME,
    hello: Hello | None = None,
) -> Saved:
    """Write the files under a name; `options` are those of the comparison, which the replay needs too.

    The scenario has what the engine answered last, if it said `hello` (SCN-2) and there is room for it in a TOML text.

    A finding outside a run has no scenario, nor has one whose events alone are too long for a TOML text; one at the
    very start of a run has no event, and so no vector. What needs more than its run, such as raw lines or earlier runs,
    has its requests.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = _readable(finding, hello) if finding.config and not has_null(finding.applied) else None
    scenario = None if text is None else _write(folder / f"{name}.toml", text)
    vector = _write(folder / f"{name}.json", vectors.to_text(to_vector(finding))) if finding.applied else None
    sent = _write(folder / f"{name}.jsonl", requests.to_text(finding.requests)) if finding.requests else None
    replayed = sent or scenario or vector
    assert replayed is not None, "a finding has a run or requests"
    replay = shlex.join(["liqspec", "conform", *options, "--replay", str(replayed), "--", *command])
    return Saved(scenario=scenario, vector=vector, requests=sent, replay=replay)


def _write(path: Path, text: str) -> Path:
    writing.write(path, text)
    return path


def has_null(data: Any) -> bool:
    """Whether plain data has a null, which no scenario can write."""
    if isinstance(data, dict | list):
        return any(map(has_null, data.values() if isinstance(data, dict) else data))
    return data is None


def _readable(finding: Finding, hello: Hello | None) -> str | None:
    """The scenario, without the answer where it is too long with it; None if it cannot be read back even so."""
    texts = (to_scenario(finding, said) for said in (hello, None))
    return next((text for text in texts if len(text) <= limits.TOML_BYTES), None)


def to_scenario(finding: Finding, hello: Hello | None = None) -> str:
    """The text of `to_data`."""
    return tomli_w.dumps(to_data(finding, hello))


def to_data(finding: Finding, hello: Hello | None = None) -> dict[str, Any]:
    """The finding as plain data of a scenario, with the engine's own executions among its events.

    With a `hello` it also has what the engine answered to the last event, where that is a valid reply.
    """
    title, story = "Counterexample: an engine departs from the rules", f"{finding.headline} ({finding.where})"
    engine, answered = None, ""
    if hello is not None and finding.reply is not None and finding.kind in ("difference", "property"):
        engine = {"name": hello.engine, "observes": sorted(hello.observes), "states": hello.states}
        answered = json.dumps({name: finding.reply[name] for name in _ANSWERED if name in finding.reply})
    return counterexample.scenario_data(title, story, finding.config, finding.applied, engine, answered)


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


def load(path: Path) -> FailingRun | list[bytes]:
    """The configuration and the events of a saved scenario or vector; or the requests in a file of those.

    Raises:
        UnreadableFile, InvalidScenario: the scenario or the requests cannot be read, or are not valid.
        WrongShape, InvalidConfig: the vector is not valid.
    """
    if path.suffix == ".jsonl":
        return requests.load(path)
    if path.suffix == ".toml":
        read = scenarios.load(str(path))
        return FailingRun(read.config.to_json(), [step.event for step in read.file.step])
    return FailingRun(*vectors.read_run(path))
