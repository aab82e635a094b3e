"""Each hostile engine is reported as what it is, soon, shown without its controls, and nothing is left of it.

What is found can be played again by the printed command.
"""

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from typer.testing import CliRunner

from liqspec.cli.app import app
from liqspec.conform import processes
from support.paths import TESTS

STEPS, TIMEOUT = 60, 1.0
SLACK = 60.0  # seconds on a machine that does much else; most take two
NO_GROUP = 2**30  # of which no process is a member
LINES = {"\n"}  # the only control that may be printed


@frozen
class Expected:
    """How a comparison ends: its exit status, and what its text says."""

    status: int
    says: str
    suite: bool = False  # whether it shows only in the protocol's suite


def fault(kind: str, message: str = "", **more: Any) -> Expected:
    return Expected(1, f"the engine {kind}: {message}", **more)


GARBAGE, DIED = "printed garbage", "died"
ENGINES = {
    "closes its input": fault("closed its input"),
    "dies with controls": fault(DIED, "exit status 5"),
    "repeats a key": fault(GARBAGE),
    "writes controls": fault(GARBAGE),
    "confesses with controls": fault("reported an internal defect"),
    "observes an endless time": fault(GARBAGE, "an invalid reply: the line is not JSON: Infinity"),
    "observes controls": Expected(1, "positions: ours "),
    "has a code with controls": Expected(1, "outcome: ours "),
    "answers twice": fault("answered without being asked"),
    "answers again": fault("answered without being asked"),
    "greets twice": fault("answered without being asked"),
    "changes its name": fault("changed its hello", "engine: first ", suite=True),
    "has a name with controls": Expected(0, "conforms"),
    "has a child in another session": fault("left processes running", suite=True),
}


def conform(*options: str) -> Any:
    return CliRunner().invoke(app, ["conform", *options])


def plain(text: str) -> bool:
    """Whether a text has nothing that a terminal would act on."""
    return all(one.isprintable() or one in LINES for one in text)


@pytest.mark.parametrize("way", ENGINES)
def test_a_hostile_engine_is_reported_as_what_it_is(way: str, tmp_path: Path) -> None:
    expected, began = ENGINES[way], time.monotonic()
    engine = [sys.executable, str(TESTS / "support" / "misbehaving_engine.py"), way]
    options = ["--timeout", f"{TIMEOUT:g}"]
    once = [*options, "--steps", str(STEPS), "--shrink", "0", "--save", str(tmp_path), "--processes", "1"]
    once += ["--malformed", "off"] if expected.suite or expected.status == 0 else []
    done = conform(*once, "--", *engine)
    said = " ".join(done.output.split())
    assert (done.exit_code, expected.says in said) == (expected.status, True), done.output
    assert plain(done.output)
    assert time.monotonic() - began < SLACK
    assert processes.left(NO_GROUP, 0) == []
    replays = [line for line in done.stdout.splitlines() if line.startswith("replay it:")]
    assert bool(replays) == (expected.status == 1 and "nothing was compared" not in said)
    for line in replays:
        again = conform(*shlex.split(line.partition("liqspec conform ")[2]))
        assert (again.exit_code, expected.says in " ".join(again.output.split())) == (1, True), again.output
        assert processes.left(NO_GROUP, 0) == []


@pytest.mark.parametrize("way", ["observes an endless time"])
def test_what_it_says_makes_no_invalid_json(way: str, tmp_path: Path) -> None:
    engine = [sys.executable, str(TESTS / "support" / "misbehaving_engine.py"), way]
    done = conform("--steps", "40", "--shrink", "0", "--json", "--save", str(tmp_path), "--", *engine)

    def refused(name: str) -> None:
        raise AssertionError(name)

    json.loads(done.stdout, parse_constant=refused)
