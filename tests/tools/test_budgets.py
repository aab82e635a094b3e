"""A comparison ends at its budget, and says what it did not do, however slow the engine is and however much it writes.

It may end later by the start of the engine, and where something is found by `--shrink` and one reply's timeout, in
which the finding is repeated.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from liqspec.cli.app import app
from liqspec.conform.finding import TimeIsUp
from liqspec.conform.session import LiveEngine
from support.paths import ENGINES, TESTS

BUDGET, SHRINK, TIMEOUT = 1.0, 1.0, 2.0
SLACK = 6.0  # for the start of processes, on a machine that does nothing else
RIGHT = [sys.executable, str(ENGINES / "python_engine.py")]


def engine(*way: str) -> list[str]:
    return [sys.executable, str(TESTS / "support" / "misbehaving_engine.py"), *way]


def timed(*arguments: str) -> tuple[Any, float]:
    """The outcome of a command, and how many seconds it took."""
    began = time.monotonic()
    done = CliRunner().invoke(app, list(arguments))
    return done, time.monotonic() - began


def in_time(seconds: float, most: float) -> bool:
    """Whether `seconds` are at most `most` and the start of processes, on a machine as slow as it is now."""
    return seconds < most + SLACK or seconds < most + SLACK * slowness()


def slowness() -> float:
    """How many times longer work takes now than the processor needs for it, because the machine does much else."""
    began, begun = time.monotonic(), time.process_time()
    while time.process_time() - begun < 0.5:
        pass
    return (time.monotonic() - began) / 0.5


SLOW = engine("is slow", "0.4")
MODES = {
    "lock-step": ([], engine("is slow without orders", "0.4")),
    "sent ahead": ([], SLOW),
    "two processes": (["--processes", "2"], SLOW),
    "all": (["--all"], SLOW),
    "no malformed events": (["--malformed", "off"], SLOW),
}


@pytest.mark.parametrize(
    "mode", [pytest.param(one, marks=() if one == "sent ahead" else pytest.mark.thorough) for one in MODES]
)
def test_a_slow_engine_is_compared_for_the_budget_only(mode: str) -> None:
    options, command = MODES[mode]
    options = ["--processes", "1", *options, "--budget", str(BUDGET), "--timeout", str(TIMEOUT), "--json"]
    done, seconds = timed("conform", *options, "--", *command)
    assert (done.exit_code, in_time(seconds, BUDGET)) == (0, True), (seconds, done.output)
    data = json.loads(done.stdout)
    assert [text.split(":")[0].split(",")[0] for text in data["unchecked"]] == [
        "a whole run",
        "the rest of the protocol's suite",
        *["a whole run with malformed events"] * ("off" not in options),
    ]
    assert 0 < data["exercised"]["steps"] < 10


@pytest.mark.parametrize(
    ("way", "options"),
    [
        (["is slow and wrong", "0.4"], []),
        pytest.param(["is slow and wrong", "0.4"], ["--all"], marks=pytest.mark.thorough),
        pytest.param(["is slow and wrong", "0.4"], ["--processes", "2"], marks=pytest.mark.thorough),
        (["observes thousands"], []),
    ],
    ids=["slow", "slow all", "slow two processes", "large"],
)
def test_what_is_found_is_made_shorter_for_its_time_only(way: list[str], options: list[str], tmp_path: Path) -> None:
    options = ["--processes", "1", *options, "--budget", str(BUDGET), "--shrink", str(SHRINK)]
    options += ["--timeout", str(TIMEOUT), "--json", "--save", str(tmp_path)]
    done, seconds = timed("conform", *options, "--", *engine(*way))
    assert (done.exit_code, in_time(seconds, BUDGET + SHRINK + TIMEOUT)) == (1, True), (seconds, done.output)
    data = json.loads(done.stdout)
    assert data["finding"]["kind"] == "difference"
    assert any(text.startswith("whether") and "no time for it" in text for text in data["unchecked"]), data["unchecked"]


def test_text_and_files_say_what_was_cut(tmp_path: Path) -> None:
    junit, sarif = tmp_path / "a.xml", tmp_path / "a.sarif"
    options = ["--processes", "1", "--budget", "0.5", "--junit", str(junit), "--sarif", str(sarif)]
    done, _ = timed("conform", *options, "--", *engine("is slow", "0.2"))
    cut = "a whole run: none ended within the budget of 0.5 s, which was cut after "
    assert f"not checked {cut}" in done.stdout
    assert f"not checked: {cut}" in junit.read_text()
    (run,) = json.loads(sarif.read_text())["runs"]
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith(cut)


def test_a_budget_that_suffices_is_not_noted() -> None:
    done, _ = timed("conform", "--steps", "40", "--json", "--", *RIGHT)
    assert json.loads(done.stdout)["unchecked"] == []


def test_vectors_that_are_not_played_in_time_are_skipped() -> None:
    options = ["--suite", "essential", "--budget", str(BUDGET), "--json"]
    done, seconds = timed("vectors", "run", *options, "--", *engine("is slow", "0.05"))
    assert (done.exit_code, in_time(seconds, BUDGET)) == (0, True)
    assert {one["why"] for one in json.loads(done.stdout)["skipped"]} == {"the budget of 1.0 s was used up before"}


@pytest.mark.parametrize("wait", ["answer", "settle", "restart", "wait_for_end"])
def test_whatever_waits_for_an_engine_ends_in_time(wait: str) -> None:
    with LiveEngine(RIGHT, 30) as live:
        live.until = time.monotonic() + 0.2
        began = time.monotonic()
        with pytest.raises(TimeIsUp):
            while True:
                live.wait_for_end("nothing") if wait == "wait_for_end" else getattr(live, wait)()
        assert time.monotonic() - began < 3
