"""`liqspec new engine`: each skeleton builds, answers as the protocol says, and skips every event."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from liqspec.core.events import EVENTS, OPTIONAL
from liqspec.spec import rulebook
from liqspec.spec.skeletons import LANGUAGES
from support.builders import small_config
from support.commands import run, run_here
from support.foreign_engines import converse, request
from support.paths import ROOT

PATH = f"{os.environ.get('PATH', '')}{os.pathsep}{Path.home() / '.cargo/bin'}"  # where rustup puts its programs
BAD = [b"", b"deposit", b"[]", b"null", b'{"op":"bye"', b'{"op":"dance"}', b'{"op":"hello","protocol":2}', b"\xff\xfe"]
BAD += [request("apply", event={"type": "block", "time": 1})]  # no run has begun


@pytest.fixture(scope="module", params=LANGUAGES)
def command(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Write a skeleton, and build it as the command prints; what starts it, in the folder where it is."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setenv("PATH", PATH)
        printed = dict(re.findall(r"^(build it|compare it): +(.+)$", run("new", "engine", request.param).stdout, re.M))
        compared = shlex.split(printed["compare it"])
        assert compared[:3] == ["liqspec", "conform", "--"]
        build, start = shlex.split(printed.get("build it", "")), compared[3:]
        program = (build or start)[0]
        if shutil.which(program) is None:
            pytest.skip(f"the program {program} is missing: the skeleton in {request.param} was not run")
        if build:
            warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"] if program == "cc" else []
            done = subprocess.run([*build, *warnings], capture_output=True, text=True, timeout=300, check=False)
            assert (done.returncode, done.stderr) == (0, "")
        yield start


def test_a_skeleton_is_compared_without_a_fault(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "conform", "--json", "--steps", "800", "--", *command) == 1
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["finding"] is None, outcome["finding"]["headline"]
    assert outcome["exercised"]["runs"] > 10
    assert {entry["why"] for entry in outcome["exercised"]["skipped"]} == {"not implemented"}
    skipped = {entry["event"] for entry in outcome["exercised"]["skipped"]}
    assert {"deposit", "mark_price", "trade", "block"} < skipped
    assert "reset" not in skipped, "each run begins, and its first observation is compared"
    assert run_here(monkeypatch, "conform", "--steps", "50", "--", *command) == 1
    assert capsys.readouterr().out.endswith("nothing was compared: the engine skipped every step\n")


def test_a_skeleton_answers_as_the_protocol_says(command: list[str]) -> None:
    config = {**small_config(), "time": 7, "accounts": ["bob", 'a"\\,{é']}
    asked = [*BAD, request("hello", protocol=1), request("reset", config=config)]
    asked += [request("apply", event={"type": "block", "time": 8}), b' {"op" : "bye"} \r']
    *refused, hello, begun, skipped, bye = converse(command, asked)
    assert [reply["error"]["code"] for reply in refused] == ["bad_request"] * len(BAD)
    assert set(hello["events"]) == EVENTS.keys() - OPTIONAL
    assert (begun["observation"]["time"], begun["observation"]["block"]) == (7, 0)
    assert {pool["account"] for pool in begun["observation"]["pools"]} == {"bob", 'a"\\,{é'}
    assert (skipped, bye) == ({"ok": False, "skipped": "not implemented"}, {"ok": True})


def test_a_skeleton_ends_with_its_input(command: list[str]) -> None:
    assert [reply["ok"] for reply in converse(command, [request("hello", protocol=1)], last=b"")] == [True]


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_comments_name_pages_and_rules_that_exist(name: str) -> None:
    text = LANGUAGES[name].text
    pages = set(re.findall(r"spec/[a-z0-9/.-]*[a-z]", text))
    assert {"spec/protocol.md", "spec/rules/08-events.md"} < pages
    assert [page for page in pages if not (ROOT / page).exists()] == []
    assert {"ACC-4", "EVT-9", "OBS-1"} < set(re.findall(r"[A-Z]{3}-\d+", text)) <= rulebook.rules().keys()


def test_the_end_of_a_file_names_its_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_here(monkeypatch, "new", "engine", "RS") == 0
    assert Path("engine.rs").read_text(encoding="utf-8") == LANGUAGES["rust"].text


def test_a_program_elsewhere_is_named_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my venue").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run_here(monkeypatch, "new", "engine", "c", "my venue/one.c") == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "build it:    cc -std=c11 -O2 -o 'my venue/one' 'my venue/one.c'",
        "compare it:  liqspec conform -- 'my venue/one'",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["rusty"],
            '"rusty": no skeleton in this language; there are python, javascript, rust, go, c; did you mean rust?',
        ),
        (["go", "taken.go"], "taken.go: exists, and is not overwritten; give the name of another file"),
        (["c", "engine"], "engine: a file in c has a name that ends in .c"),
        (["python", "nowhere/x.py"], "nowhere/x.py: no such file or directory"),
    ],
)
def test_bad_usage_is_one_line_and_writes_nothing(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken.go").write_text("mine", encoding="utf-8")
    assert run_here(monkeypatch, "new", "engine", *arguments) == 2
    assert capsys.readouterr().err == f"liqspec: {said}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["taken.go"]
    assert Path("taken.go").read_text(encoding="utf-8") == "mine"
