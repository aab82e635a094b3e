"""The texts mean what their readers expect: checked with the real mermaid, xstate and an SCXML interpreter."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from liqspec.core import machine
from liqspec.core.machine import Lifecycle, TransitionEntry
from liqspec.draw import diagram, statecharts, views
from liqspec.replay.run import Run
from liqspec.spec import rulebook, scenarios

HERE = Path(__file__).resolve().parent / "node"
LIFECYCLE = machine.lifecycle()
WHOLE = diagram.whole(LIFECYCLE)

Walk = list[dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def _node() -> None:
    """Skip where Node.js or its packages are missing; on a CI machine that is a failure."""
    missing = None
    if shutil.which("node") is None:
        missing = "Node.js is missing: install it, then `make node`"
    elif not (HERE / "node_modules" / ".package-lock.json").is_file():
        missing = "the packages of tests/draw/node are missing: run `make node`"
    if missing:
        assert not os.environ.get("CI"), missing
        pytest.skip(f"MERMAID, XSTATE AND SCXML ARE NOT CHECKED: {missing}")


@pytest.fixture(scope="module")
def walks() -> list[Walk]:
    """The triggers of every position of every scenario and worked example, and the state it was in afterwards.

    Also triggers after which it stayed where it was: the machine must stay as well.
    """
    recorded: dict[tuple[str, str], Walk] = {}
    fire = Lifecycle.fire
    current = ""

    def recording(self: Lifecycle, model: Any, trigger: str, inputs: Any) -> TransitionEntry | None:
        guards = {name: bool(getattr(model, name)(inputs)) for name in self.table.guards}
        entry = fire(self, model, trigger, inputs)
        step = {"trigger": trigger, "guards": guards, "state": model.state}
        recorded.setdefault((current, model.key), []).append(step)
        return entry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lifecycle, "fire", recording)
        for number, story in enumerate([*map(scenarios.load, scenarios.names()), *rulebook.example_scenarios()]):
            current = f"{number} {story.name}"
            for _ in Run(story):
                pass
    return list(recorded.values())


def node(script: str, question: Any) -> Any:
    """The answer of a script in tests/draw/node."""
    done = subprocess.run(
        ["node", script], cwd=HERE, input=json.dumps(question), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def states(walk: Walk) -> list[str]:
    return [LIFECYCLE.table.initial, *(step["state"] for step in walk)]


def test_the_walks_take_every_transition_that_events_can_cause(walks: list[Walk]) -> None:
    """Without this, a walk that goes nowhere would pass."""
    pairs = {(before, after) for walk in walks for before, after in zip(states(walk), states(walk)[1:], strict=False)}
    moves = {
        (source, entry.to)
        for entry, shown in zip(LIFECYCLE.table.transitions, WHOLE.transitions, strict=True)
        for source in entry.sources
        if shown.purpose != "reserved" and len(entry.sources) == 1
    }
    assert moves <= pairs
    stayed = {
        (before, step["trigger"])
        for walk in walks
        for before, step in zip(states(walk), walk, strict=False)
        if before == step["state"]
    }
    assert ("liquidatable", "assess") in stayed


def test_xstate_walks_the_same_states(walks: list[Walk]) -> None:
    walked = node("xstate.mjs", {"machine": json.loads(statecharts.xstate(WHOLE)), "runs": walks})
    assert walked == [states(walk) for walk in walks]


def test_scxml_is_valid_and_walks_the_same_states(walks: list[Walk]) -> None:
    answer = node("scxml.mjs", {"document": statecharts.scxml(WHOLE), "runs": walks})
    assert answer["errors"] == []
    assert answer["walked"] == [states(walk) for walk in walks]


def test_the_schema_refuses_what_is_no_scxml() -> None:
    """A target that does not exist, and an element that SCXML does not have."""
    document = statecharts.scxml(WHOLE)
    unknown = document.replace('target="backstopped"', 'target="nowhere"')
    foreign = document.replace("<final ", "<finale ")
    for wrong in (unknown, foreign):
        assert wrong != document
        assert node("scxml.mjs", {"document": wrong, "runs": [], "only_schema": True})["errors"]


@pytest.fixture(scope="module")
def parsed() -> dict[str, Any]:
    """What mermaid reads in every committed text, and in one that is wrong."""
    texts = {picture.name: picture.content().decode() for picture in views.files() if picture.kind == "mermaid"}
    found: dict[str, Any] = node("mermaid.mjs", {**texts, "wrong": "stateDiagram-v2\n    a --> : {"})
    assert set(found) == {*texts, "wrong"}
    return found


def test_mermaid_parses_every_committed_text(parsed: dict[str, Any]) -> None:
    assert [name for name, found in parsed.items() if "error" in found] == ["wrong"]
    assert {found["type"] for found in parsed.values() if "type" in found} == {"stateDiagram", "flowchart-v2"}


def test_mermaid_reads_each_state_and_each_transition_once(parsed: dict[str, Any]) -> None:
    found = parsed["machine.mmd"]
    plain = [state["id"] for state in found["states"] if state["type"] == "default"]
    assert sorted(name for name in plain if not name.startswith("root_")) == sorted(LIFECYCLE.table.states)
    joints = {state["id"] for state in found["states"] if state["type"] == "choice"}
    labelled = [arrow for arrow in found["relations"] if arrow["label"]]
    assert Counter(arrow["label"].split()[0] for arrow in labelled) == Counter(list(LIFECYCLE.by_id))
    for arrow in labelled:
        entry = LIFECYCLE.by_id[arrow["label"].split()[0]]
        assert arrow["to"] == entry.to
        assert set(_origins(arrow["from"], found["relations"], joints)) == set(entry.sources)


def _origins(name: str, arrows: list[dict[str, str]], joints: set[str]) -> Iterator[str]:
    """The states from which unlabelled arrows lead to a joint; a state is its own origin."""
    if name not in joints:
        yield name
        return
    for arrow in arrows:
        if arrow["to"] == name:
            yield from _origins(arrow["from"], arrows, joints)
