"""The commands that draw, as a user meets them: what they write, and what they say to bad input."""

import json
import os
import sys
from pathlib import Path

import pytest

from liqspec.core import changes
from liqspec.draw import views
from support.commands import run_here

NEEDS_DOT = ["svg", "png", "pdf"]
TEXTS = ["dot", "mermaid", "scxml", "xstate"]


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_goes_to_standard_output(
    kind: views.Format, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run_here(monkeypatch, "draw", "machine", "--format", kind) == 0
    assert capsysbinary.readouterr().out == views.draw("whole", kind, "light")


@pytest.mark.parametrize("view", ["whole", "trigger:fill", "state:cooldown", "assessment", "scopes"])
@pytest.mark.parametrize("kind", ["dot", "mermaid"])
def test_each_view_can_be_written_to_a_file(
    view: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture"
    assert run_here(monkeypatch, "draw", "machine", "--view", view, "--format", kind, "-o", str(path)) == 0
    assert path.read_text("utf-8").startswith(("digraph", "stateDiagram-v2", "flowchart"))


@pytest.mark.parametrize("kind", NEEDS_DOT)
def test_without_dot_an_image_gets_one_line_that_says_how_to_install_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_here(monkeypatch, "draw", "machine", "--format", kind, "-o", str(tmp_path / "x")) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"liqspec: {kind} needs the program dot: apt-get install graphviz, or brew install graphviz")
    assert said.count("\n") == 1
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("kind", TEXTS)
def test_without_dot_every_text_is_drawn(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_here(monkeypatch, "draw", "machine", "--format", kind, "-o", str(tmp_path / "x")) == 0


def test_an_image_is_not_printed_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run_here(monkeypatch, "draw", "machine", "--format", "png") == 2
    assert (
        capsys.readouterr().err == "liqspec: png is not for a terminal: give a file with -o, or redirect the output\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["machine", "--view", "half"], 'no view "half"; the views are: whole, trigger:NAME, state:NAME, assessment'),
        (["machine", "--view", "trigger:burn"], 'no trigger "burn"; the triggers are: open,'),
        (["machine", "--view", "state:dead"], 'no state "dead"; the states are: new,'),
        (["machine", "--venue", "nowhere"], "no such venue; shipped are"),
        (["machine", "--venue", "generic", "--view", "scopes"], "the same at every venue: leave --venue out"),
        (["machine", "--venue", "generic", "--format", "scxml"], "it always has the whole lifecycle"),
        (["machine", "--view", "assessment", "--format", "xstate"], "it always has the whole lifecycle"),
        (["coverage", "nothing.json"], "nothing.json: no such file"),
        (["machine", "-o", "no/such/folder/x.svg"], "no/such/folder/x.svg: no such file or directory"),
        (["coverage", "nothing.json", "--format", "scxml"], "scxml has no place for counts: use svg, png,"),
    ],
)
def test_bad_usage_gets_one_line_and_status_2(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "draw", *arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_all_pictures_are_written_into_a_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = views.files()[-2:]  # two texts
    monkeypatch.setattr(views, "files", lambda: kept)
    folder = tmp_path / "new" / "folder"
    assert run_here(monkeypatch, "draw", "all", str(folder)) == 0
    assert capsys.readouterr().out == f"{len(kept)} pictures in {folder}\n"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        picture.name: picture.content() for picture in kept
    }


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def drawn(_: views.Committed) -> bytes:
        raise AssertionError("it was drawn")

    monkeypatch.setattr(views.Committed, "content", drawn)
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert run_here(monkeypatch, "draw", "all", str(tmp_path / "file")) == 2
    error = capsys.readouterr().err
    assert (error.count("\n"), "file" in error) == (1, True)


@pytest.mark.skipif(os.name == "nt", reason="the program is a script")
def test_what_the_program_dot_says_when_it_fails_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\nexec 0<&-\necho 'no fonts' >&2\nsleep 0.2\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert run_here(monkeypatch, "draw", "machine", "--format", "svg", "-o", str(tmp_path / "x")) == 2
    said = capsys.readouterr().err
    assert said == "liqspec: dot failed: no fonts\n"


def test_coverage_reads_what_verify_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "result.json"
    result.write_text(json.dumps({"holds": False, "transitions": {"T0": 1234, "T1": 7}}), "utf-8")
    assert run_here(monkeypatch, "draw", "coverage", str(result)) == 0
    drawn = capsys.readouterr().out
    assert "T0 open<br>LIF-2<br>1,234 times" in drawn
    assert drawn.count("NEVER FIRED") == len(changes.reachable_transitions()) - 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "has no table of transitions; give what `liqspec verify --json` prints"),
        ('{"transitions": {"T0": -1}}', "transitions.T0: expected a whole number from 0, got -1"),
        ('{"transitions": {"T77": 1}}', "transitions.T77: no such transition; the lifecycle has T0,"),
        ("{", "malformed JSON"),
    ],
)
def test_another_file_is_no_result(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "result.json"
    path.write_text(text, "utf-8")
    assert run_here(monkeypatch, "draw", "coverage", str(path)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_help_has_examples(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(monkeypatch, "draw", "machine", "--help") == 0
    shown = capsys.readouterr().out
    assert "liqspec draw machine --view trigger:assess" in " ".join(shown.split())
