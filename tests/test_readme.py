"""The README is true: its output, its picture, its Python and its links are those of the project."""

import re
import subprocess
import sys
from pathlib import Path

from liqspec import machine
from liqspec.drawing import diagram, mermaid

ROOT = Path(__file__).resolve().parents[1]
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
    drawn = mermaid.draw(diagram.whole(machine.lifecycle()))
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


def test_the_python_example_runs() -> None:
    for block in blocks("python"):
        subprocess.run([sys.executable, "-c", block], check=True, capture_output=True, timeout=60)


def test_every_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "spec").rglob("*.md")]
    dead = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                dead.append(f"{page.relative_to(ROOT)}: {target}")
    assert dead == []
