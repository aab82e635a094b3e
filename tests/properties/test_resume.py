"""A verification that was interrupted continues where it was, with the result of one that was not."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import attrs
import pytest
from rich.console import Console

from liqspec.core import arithmetic
from liqspec.edge import limits, sources
from liqspec.edge.files import UnreadableFile
from liqspec.proofs.lemmas import LEMMAS
from liqspec.spec import scopes
from liqspec.verify import done, run, tasks
from liqspec.verify.done import Done
from liqspec.verify.run import Budget
from liqspec.verify.tasks import Part
from support.commands import run_here

SMALL = attrs.evolve(scopes.load("minimal"), max_depth=4)
BUDGET = Budget(venue="generic", scopes=("one", "two"), steps=2_500, keys=0, processes=1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scope is a small one; two lemmas, and the steps of one event, are all that is proved."""
    monkeypatch.setattr(scopes, "load", lambda name: attrs.evolve(SMALL, name=name))
    monkeypatch.setattr(run, "LEMMAS", dict(list(LEMMAS.items())[:2]))
    monkeypatch.setattr(run, "COVERED", ("vault_cash",))
    monkeypatch.setattr(run, "PARTS", ())


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept.json"


def verified(budget: Budget, path: Path | None = None) -> tuple[dict[str, Any], str]:
    """The result, and what was printed meanwhile."""
    screen = StringIO()
    return run.verify(budget, Console(file=screen, width=200), path).to_json(), screen.getvalue()


def interrupted(monkeypatch: pytest.MonkeyPatch, budget: Budget, path: Path, after: int) -> str:
    """Verify until `after` tasks are done, and interrupt it then; what was printed."""
    screen, numbers, timed = StringIO(), iter(range(after)), tasks.timed

    def until(numbered: Any) -> tuple[int, Part]:
        if next(numbers, None) is None:
            raise KeyboardInterrupt
        return timed(numbered)

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "timed", until)
        with pytest.raises(KeyboardInterrupt):
            run.verify(budget, Console(file=screen, width=200), path)
    return screen.getvalue()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the tasks that are done from now on."""
    numbers: list[int] = []
    timed = tasks.timed

    def noted(numbered: Any) -> tuple[int, Part]:
        numbers.append(numbered[0])
        return timed(numbered)

    monkeypatch.setattr(tasks, "timed", noted)
    return numbers


def test_what_is_resumed_again_and_again_has_the_result_of_one_run(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = verified(BUDGET)
    for _ in range(2):
        said = interrupted(monkeypatch, BUDGET, kept, 4)
        assert f"what is done is kept in {kept}: the same command continues with the rest" in said
    numbers = counted(monkeypatch)
    result, said = verified(BUDGET, kept)
    assert json.dumps(result) == json.dumps(whole)
    assert "done before: 2 scopes, 2 lemmas, 1 step for all numbers" in said
    assert numbers[0] == 8
    assert json.dumps(verified(attrs.evolve(BUDGET, processes=2), kept)[0]) == json.dumps(whole)
    assert numbers == list(range(8, max(numbers) + 1)), "all was done, once"


def test_on_two_processes_nothing_is_done_twice_either(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = attrs.evolve(BUDGET, keys=None, replayed=False)
    whole, _ = verified(budget)
    interrupted(monkeypatch, budget, kept, 4)
    assert json.dumps(verified(attrs.evolve(budget, processes=2), kept)[0]) == json.dumps(whole)


def breach_at_equality(equity: int, maintenance: int) -> bool:
    """LIQ-3 with the wrong sign."""
    return equity <= maintenance


def test_a_violation_is_found_again_with_what_came_before_it_alone(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may have done later tasks; these are not part of a result that ends sooner."""
    monkeypatch.setattr(arithmetic, "breached", breach_at_equality)
    budget = attrs.evolve(BUDGET, scopes=(), proved=False, keys=None, replayed=False)
    whole, _ = verified(budget)
    assert whole["violations"]
    checkpoint = done.Checkpoint(kept, sources.digest(budget, budget.bases(), []), [])
    checkpoint.done.add(2, Part("random events", 7))  # the last one
    checkpoint.write()
    for _ in range(2):
        assert json.dumps(verified(budget, kept)[0]) == json.dumps(whole)


def test_random_tasks_are_added_up_whatever_is_done_first() -> None:
    parts = [Part("random events", steps) for steps in range(1, 7)]
    for part in parts:
        part.coverage.rules["LIQ-3"] = part.steps
    found = Done()
    for number in (3, 0, 4, 1):
        found.add(number, parts[number])
    assert [(span.first, span.last, span.part.steps) for span in found.spans] == [(0, 1, 3), (3, 4, 9)]
    failed = Part("random events", 1, failures=["no"])
    found.add(2, failed)
    found.add(5, parts[5])
    assert [(span.first, span.last) for span in found.spans] == [(0, 1), (2, 2), (3, 5)]
    assert found.spans[2].part.coverage.rules == {"LIQ-3": 15}
    assert [part.steps for part in parts] == list(range(1, 7)), "what was given is as it was"


def test_what_was_not_kept_whole_is_done_again(kept: Path) -> None:
    """A scenario with an unexpected end is a failure, and no failure is kept."""
    checkpoint = done.Checkpoint(kept, "a digest", [])
    checkpoint.done.add(0, Part("scenarios", failures=["it ended otherwise"]))
    checkpoint.done.add(1, Part("lemmas"))
    checkpoint.write()
    assert [span.first for span in done.Checkpoint(kept, "a digest", []).done.spans] == [1]


def test_the_file_does_not_grow_with_the_number_of_random_runs(kept: Path) -> None:
    """Each run has another choice of parameters; what is kept of them is by single choices."""
    checkpoint, sizes = done.Checkpoint(kept, "a digest", []), []
    for number, lengths in enumerate(list(run._lengths(Budget(steps=9_000)))[:6]):
        checkpoint.done.add(number, tasks.random_runs(Budget().bases(), 1, lengths))
        (span,) = checkpoint.done.spans
        reached = span.part.coverage.reach.to_json()
        checkpoint.write()
        assert span.part.coverage.reach.to_json() == reached
        sizes.append(kept.stat().st_size)
    assert sizes[-1] < sizes[2] * 1.2
    assert sizes[-1] < limits.FILE_BYTES / 16


@pytest.mark.parametrize(
    "changed",
    [{"seed": 2}, {"steps": 2_501}, {"venue": "coarse"}, {"scopes": ("one", "three")}, {"keys": 1}],
)
def test_a_file_of_another_verification_is_refused(kept: Path, changed: dict[str, Any]) -> None:
    budget = attrs.evolve(BUDGET, steps=80, proved=False, keys=None, replayed=False)
    verified(budget, kept)
    written = kept.read_bytes()
    with pytest.raises(UnreadableFile) as error:
        verified(attrs.evolve(budget, **changed), kept)
    why = "is of another verification: the options, the rules or the sources differ; give another file"
    assert str(error.value) == f"{kept}: {why}"
    assert kept.read_bytes() == written


def test_other_sources_are_another_verification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    monkeypatch.setattr(sources, "_PACKAGE", tmp_path)
    before = sources.digest(1)
    assert sources.digest(1) == before
    (tmp_path / "one.py").write_text("x = 2\n")
    assert sources.digest(1) != before


def forged(data: bytes, what: object) -> bytes:
    return json.dumps({**json.loads(data), "done": what, "checksum": done._checksum(what)}).encode()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[:-100],
    "no JSON": lambda _: b"what is this",
    "no UTF-8": lambda data: b"\xff" + data,
    "a list": lambda _: b"[1, 2]",
    "another format": lambda data: data.replace(b'"format": 1', b'"format": 2'),
    "a number changed": lambda data: data.replace(b'"steps": ', b'"steps": 1', 1),
    "nothing done": lambda data: json.dumps({**json.loads(data), "done": []}).encode(),
    "no list of what is done": lambda data: json.dumps({**json.loads(data), "done": 7}).encode(),
    "forged": lambda data: forged(data, 7),
    "forged fields": lambda data: forged(data, [{"first": 0, "last": "one", "part": {"kind": [[]]}}]),
    "a forged scope": lambda data: forged(
        data, [{"first": 0, "last": 0, "part": {"kind": "scopes", "exploration": {"scope": 9}}}]
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_in_one_line_and_stays(
    damage: str, kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("verify", "--scope", "one", "--processes", "1", "--resume", str(kept))
    run_here(monkeypatch, *options)
    kept.write_bytes(damaged := DAMAGES[damage](kept.read_bytes()))
    capsys.readouterr()
    assert run_here(monkeypatch, *options) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"liqspec: {kept}: ")
    assert kept.read_bytes() == damaged


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = counted(monkeypatch)
    assert run_here(monkeypatch, "verify", "--scope", "one", "--resume", str(tmp_path / "none" / "kept.json")) == 2
    assert capsys.readouterr().err.endswith("kept.json: no such file or directory\n")
    assert numbers == []


def test_it_is_written_at_intervals(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(done, "INTERVAL", 0.0)
    sizes = []
    timed = tasks.timed

    def noted(numbered: Any) -> tuple[int, Part]:
        sizes.append(len(json.loads(kept.read_bytes())["done"]))
        return timed(numbered)

    monkeypatch.setattr(tasks, "timed", noted)
    verified(attrs.evolve(BUDGET, steps=None, replayed=False), kept)
    assert sizes == [0, 1, 2, 3, 4]


def test_an_interrupt_says_how_to_continue(kept: Path) -> None:
    command = [sys.executable, "-m", "liqspec", "verify", "--thorough", "--processes", "2", "--resume", str(kept)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("checking ")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 130
    assert f"what is done is kept in {kept}: the same command continues with the rest" in said
    assert said[-1] == "liqspec: interrupted"
    assert json.loads(kept.read_bytes())["format"] == 1


@pytest.mark.parametrize("options", [("--budget", "1"), ("--liveness",)])
def test_what_cannot_be_resumed_is_refused(
    options: tuple[str, ...], kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "verify", *options, "--resume", str(kept)) == 2
    assert "--resume" in capsys.readouterr().err
    assert not kept.exists()
