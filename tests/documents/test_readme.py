"""The README is true: its output, its picture, its Python and its links are those of the project."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from liqspec.core import machine
from liqspec.draw import diagram, lifecycle_mermaid
from support.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language in the README."""
    found: list[tuple[str, list[str]]] = []
    inside = False
    for line in README.splitlines():
        if line.startswith("```"):
            inside = not inside
            if inside:
                found.append((line.removeprefix("```"), []))
        elif inside:
            found[-1][1].append(line)
    return ["\n".join(lines) + "\n" for name, lines in found if name == language]


def test_the_pictures_are_drawn_from_the_table() -> None:
    drawn = lifecycle_mermaid.draw(diagram.whole(machine.lifecycle()))
    assert blocks("mermaid") == [drawn]
    assert (ROOT / "diagrams" / "machine.mmd").read_text(encoding="utf-8") == drawn


def test_the_worked_example_is_the_real_output() -> None:
    (example,) = (block for block in blocks("") if "simulate market-liquidation" in block and "$" in block)
    shown = [line for line in example.splitlines()[1:] if line != "…"]
    done = subprocess.run(
        [sys.executable, "-c", "from liqspec.cli import main; main()", "simulate", "market-liquidation"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\n".join(shown) in done.stdout


@pytest.mark.skipif(shutil.which("node") is None, reason="node is missing: the tutorial's engine cannot be run")
def test_the_tutorial_shows_the_real_output(tmp_path: Path) -> None:
    (tutorial,) = (block for block in blocks("") if "liqspec conform -- node" in block)
    command, *shown = (line for line in tutorial.splitlines() if line != "…")
    arguments = shlex.split(command.removeprefix("$ .venv/bin/liqspec "))
    # In a separate folder, because the counterexample is written to the current one.
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    done = subprocess.run(
        [sys.executable, "-c", "from liqspec.cli import main; main()", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert [line for line in shown if line not in done.stdout.splitlines()] == []


def test_the_first_command_writes_an_engine_and_prints_what_is_shown(tmp_path: Path) -> None:
    (example,) = (block for block in blocks("") if "liqspec new engine" in block)
    command, *shown = example.splitlines()
    arguments = shlex.split(command.removeprefix("$ .venv/bin/liqspec "))
    done = subprocess.run(
        [sys.executable, "-c", "from liqspec.cli import main; main()", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == shown
    assert (tmp_path / "engine.rs").exists()


def test_the_python_example_runs() -> None:
    (example,) = (block for block in blocks("python") if "my_venue" not in block)
    subprocess.run([sys.executable, "-c", example], check=True, capture_output=True, timeout=60)


def test_the_test_file_passes_for_an_engine_that_follows_the_rules(tmp_path: Path) -> None:
    (example,) = (block for block in blocks("python") if "my_venue" in block)
    (tmp_path / "my_venue.py").write_text("from liqspec.testing import Model as MyEngine\n", encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(example, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "test_mine.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_every_link_leads_somewhere() -> None:
    folders = ("spec", "tests/engines", "tests/adversaries")
    pages = [*ROOT.glob("*.md"), *(page for folder in folders for page in (ROOT / folder).rglob("*.md"))]
    dead = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                dead.append(f"{page.relative_to(ROOT)}: {target}")
    assert dead == []
