"""The README and the pages by task are true: commands, outputs, pictures, Python and links are those of the project."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from liqspec.cli.app import app
from liqspec.core import machine
from liqspec.draw import diagram, lifecycle_mermaid
from liqspec.proofs.inductive.covered import COVERED
from liqspec.proofs.lemmas import LEMMAS
from liqspec.verify.run import STEPS
from support.pages import PAGES, blocks, commands, files
from support.paths import ROOT

README, ENGINE = ROOT / "README.md", ROOT / "docs" / "your-engine.md"


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    """One after the other in one folder, where the files are that the page writes down."""
    for name, text in files(page).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name in ("tests", "spec"):
        (tmp_path / name).symlink_to(ROOT / name)
    for command in commands(page):
        if "node" in command.arguments and shutil.which("node") is None:
            continue  # the engine of the tutorial cannot be run
        done = subprocess.run(
            [sys.executable, "-c", "from liqspec.cli import main; main()", *command.arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        printed, at = done.stdout.splitlines(), 0
        for line in command.shown:
            if line != "…":
                assert line in printed[at:], f"liqspec {' '.join(command.arguments)} does not print: {line}"
                at = printed.index(line, at) + 1
        if "…" not in command.shown and command.shown:
            assert printed == command.shown


def test_the_readme_is_short_and_shows_a_finding() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < 150
    assert any("conform" in command.arguments and len(command.shown) > 20 for command in commands(README))


def test_the_readme_states_what_a_verification_has() -> None:
    text = README.read_text(encoding="utf-8")
    assert f"({len(LEMMAS)} lemmas)" in text
    assert f"steps of {len(COVERED)} events" in text
    assert f"{STEPS:,} random events" in text


def test_the_pictures_are_drawn_from_the_table() -> None:
    drawn = lifecycle_mermaid.draw(diagram.whole(machine.lifecycle()))
    assert blocks(ROOT / "docs" / "lifecycle.md", "mermaid") == [drawn]
    assert (ROOT / "diagrams" / "machine.mmd").read_text(encoding="utf-8") == drawn


def test_the_python_example_runs() -> None:
    (example,) = (block for block in blocks(ENGINE, "python") if "my_venue" not in block)
    subprocess.run([sys.executable, "-c", example], check=True, capture_output=True, timeout=60)


def test_the_test_file_passes_for_an_engine_that_follows_the_rules(tmp_path: Path) -> None:
    (example,) = (block for block in blocks(ENGINE, "python") if "my_venue" in block)
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
    folders = ("docs", "spec", "tests/engines", "tests/adversaries")
    pages = [*ROOT.glob("*.md"), *(page for folder in folders for page in (ROOT / folder).rglob("*.md"))]
    dead = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                dead.append(f"{page.relative_to(ROOT)}: {target}")
    assert dead == []


def written(page: Path) -> list[list[str]]:
    """The commands in a page's sentences, tables and blocks, without a prompt: each as its words after `liqspec`."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"`(?:\.venv/bin/)?liqspec ([a-z][^`\n]*)`", text)
    found += re.findall(r"^(?:\.venv/bin/)?liqspec ([a-z].*)$", text, flags=re.MULTILINE)
    return [shlex.split(one.replace("…", "").partition(" -- ")[0]) for one in found]


@pytest.mark.parametrize("page", [page for page in PAGES if written(page)], ids=lambda page: page.stem)
def test_the_commands_in_the_sentences_of_a_page_exist_with_their_options(page: Path) -> None:
    for words in written(page):
        command: Any = typer.main.get_command(app)
        rest = list(words)
        while rest and hasattr(command, "commands"):
            command = command.get_command(command.context_class(command), rest.pop(0))
            assert command is not None, f"{page.name}: liqspec {' '.join(words)}"
        known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)} | {"--help"}
        asked = {word for word in rest if word.startswith("-") and word != "-"}
        assert asked <= known, f"{page.name}: liqspec {' '.join(words)}"
