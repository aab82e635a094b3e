"""What is raised in a verification is a named violation or a named internal failure, never a traceback (EVT-1)."""

import json
import pickle
import re
import sys
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from rich.console import Console

from adversaries.wrong_engines.search import BASES
from liqspec.core import arithmetic
from liqspec.core.arithmetic import Ratio
from liqspec.core.engine import Engine
from liqspec.core.events import Fill
from liqspec.edge.errors import InternalFailure
from liqspec.generate import boundaries
from liqspec.generate.guide import Guide
from liqspec.properties.coverage import Coverage, Violation
from liqspec.replay.run import Run
from liqspec.search import expand, explore
from liqspec.spec import scenarios, scopes
from liqspec.verify import counterexample, tasks
from liqspec.verify import run as verify_run
from liqspec.verify.tasks import random_run
from support.commands import run_here
from support.paths import TESTS


def crash_in_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Engine.apply

    def apply(self: Engine, event: Any) -> Any:
        if isinstance(event, Fill):
            raise AssertionError("fills are not for me")
        return right(self, event)

    monkeypatch.setattr(Engine, "apply", apply)


def break_the_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Guide.next_event

    def next_event(self: Guide) -> Any:
        event = right(self)
        if event["type"] == "mark_price":
            raise AssertionError("no such boundary")
        return event

    monkeypatch.setattr(Guide, "next_event", next_event)


def test_an_assertion_of_a_boundary_generator_ends_its_run_as_a_named_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """BKS-1: the line itself is below the line, which the generator's own assertion contradicts."""

    def at_the_line(equity: int, maintenance: int, threshold: Ratio) -> bool:
        return equity * threshold.denominator <= maintenance * threshold.numerator

    monkeypatch.setattr(arithmetic, "below_backstop", at_the_line)
    monkeypatch.setattr(boundaries, "below_backstop", at_the_line)
    coverage = Coverage()
    for number in range(40):
        given = random_run(BASES[0], Random(number), 80, f"run {number}", coverage)
        if coverage.failures:
            break
    (failure,) = coverage.failures
    assert failure.what.startswith("AssertionError in backstop_line (boundaries.py, line ")
    assert failure.where == f"run {number}"
    assert failure.events == given
    assert coverage.violations == []


def test_an_assertion_of_the_guide_is_printed_once_with_the_events_so_far(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    break_the_guide(monkeypatch)
    monkeypatch.setattr(verify_run, "LEMMAS", {})
    arguments = ("--scope", "minimal", "--steps", "2000", "--processes", "1", "--save", str(tmp_path / "found.toml"))
    assert run_here(monkeypatch, "verify", *arguments) == 1
    out = capsys.readouterr().out
    assert out.count("internal failure in random run ") == 1
    assert "not as expected: internal failure in random run 0 of seed 1: AssertionError in next_event (" in out
    assert ": no such boundary; number of events so far: " in out
    assert out.splitlines()[-1] == "violated"


@pytest.mark.parametrize(
    "arguments",
    [
        ("distinguish", "generic", "hyperliquid"),
        ("vectors", "generate", "vectors"),
        ("conform", "--steps", "100", "--", sys.executable, str(TESTS / "engines" / "python_engine.py")),
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_assertion_of_the_guide_ends_every_command_in_one_line_with_the_events_so_far(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    break_the_guide(monkeypatch)
    assert run_here(monkeypatch, *arguments) == 70
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("liqspec: ")]
    assert re.match(r"liqspec: internal failure in run \d+ of .+: AssertionError in next_event \(test_failures", line)
    count, _, events = line.partition(": no such boundary; number of events so far: ")[2].partition(": ")
    assert len(json.loads(events)) == int(count) > 0


def test_an_exploration_that_cannot_go_on_is_a_named_failure_with_the_events_so_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def canonical(*_: object) -> bytes:
        raise LookupError("no such pool")

    monkeypatch.setattr(expand, "_account", canonical)
    scope = scopes.load("minimal")
    found = explore.explore(scope)
    (failure,) = found.coverage.failures
    assert failure.where == "scope minimal"
    assert failure.what.startswith("LookupError in canonical (")
    assert failure.events == list(scope.setup)
    assert not found.holds
    (again,) = tasks.explored(scope).coverage.failures
    assert str(again) == str(failure)


def test_a_story_in_which_the_engine_crashes_ends_in_that_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    crash_in_fills(monkeypatch)
    run = Run(scenarios.load("market-liquidation"))
    *_, last = run
    assert last.event["type"] == "fill"
    assert last.unexpected == (
        "property every_event_gets_an_answer: fill ended in AssertionError: fills are not for me",
    )
    assert run.outcome().unexpected[-1].endswith(last.unexpected[0])
    part = tasks.shipped_scenarios()
    assert any("every_event_gets_an_answer" in line for line in part.failures)
    assert part.coverage.failures == []


def test_a_counterexample_in_which_the_engine_crashes_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    crash_in_fills(monkeypatch)
    story = scenarios.load("market-liquidation")
    events = [moment.event for moment in Run(story)]
    name = "every_event_gets_an_answer"
    shrunk = counterexample.shrink(Violation(name, "", "a test", story.config.to_json(), events))
    assert shrunk.wrong == "fill ended in AssertionError: fills are not for me"
    path, printed = tmp_path / "found.toml", StringIO()
    counterexample.save(shrunk, path)
    counterexample.print_counterexample(shrunk, path, Console(file=printed, width=200))
    assert "fills are not for me" in printed.getvalue()


def test_a_failure_crosses_processes() -> None:
    failure = InternalFailure("run 1", "LookupError: no", [{"type": "block", "time": 1}])
    assert str(pickle.loads(pickle.dumps(failure))) == str(failure)
    assert str(failure) == (
        'internal failure in run 1: LookupError: no; number of events so far: 1: [{"type": "block", "time": 1}]'
    )
