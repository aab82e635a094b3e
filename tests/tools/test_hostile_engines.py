"""Each hostile engine is reported as what it is, soon, shown without its controls, and nothing is left of it.

What is found can be played again by the printed command.
"""

import shlex
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from liqspec.cli.app import app
from liqspec.conform import processes
from support import misbehaving_engine
from support.hostile_engines import ENGINES
from support.paths import TESTS

STEPS, TIMEOUT = 60, 1.0
SLACK = 60.0  # seconds on a machine that does much else; most take two
NO_GROUP = 2**30  # of which no process is a member
LINES = {"\n"}  # the only control that may be printed


QUICK = (
    "answers twice",
    "changes its name",
    "closes all streams",
    "confesses with controls",
    "has a child with a name of controls",
    "observes an exponent",
    "observes too many",
    "speaks a protocol of controls",
)
EACH = [pytest.param(way, marks=() if way in QUICK else pytest.mark.thorough) for way in ENGINES]


def conform(*options: str) -> Any:
    return CliRunner().invoke(app, ["conform", *options])


def plain(text: str) -> bool:
    """Whether a text has nothing that a terminal would act on."""
    return all(one.isprintable() or one in LINES for one in text)


@pytest.mark.parametrize("way", EACH)
def test_a_hostile_engine_is_reported_as_what_it_is(way: str, tmp_path: Path) -> None:
    expected, began = ENGINES[way], time.monotonic()
    engine = [sys.executable, str(TESTS / "support" / "misbehaving_engine.py"), way]
    options = ["--timeout", f"{TIMEOUT:g}"]
    once = [*options, "--steps", str(STEPS), "--shrink", "0", "--save", str(tmp_path), "--processes", "1"]
    once += [] if expected.malformed else ["--malformed", "off"]
    done = conform(*once, "--", *engine)
    said = " ".join(done.output.split())
    assert (done.exit_code, expected.says in said) == (expected.status, True), done.output
    assert plain(done.output)
    assert time.monotonic() - began < SLACK
    assert processes.left(NO_GROUP, 0) == []
    replays = [line for line in done.stdout.splitlines() if line.startswith("replay it:")]
    assert bool(replays) == (expected.status == 1 and expected.says != "nothing was compared")
    for line in replays:
        again = conform(*shlex.split(line.partition("liqspec conform ")[2]))
        assert (again.exit_code, expected.says in " ".join(again.output.split())) == (1, True), again.output
        assert processes.left(NO_GROUP, 0) == []


def test_every_way_has_its_end() -> None:
    """But those that other tests need an argument for."""
    elsewhere = {"is slow", "is slow and wrong", "is slow without orders"}
    ways = {*misbehaving_engine.WAYS} - elsewhere
    assert ways - ENGINES.keys() == set()
    assert len(ENGINES) >= 95
