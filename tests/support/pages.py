"""Pages in Markdown: their fenced blocks, the files that they write down, and the commands that they show."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from support.paths import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_BLOCK = re.compile(r"(?:`([\w.-]+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PROMPT = "$ .venv/bin/liqspec "


class Command(NamedTuple):
    """A command of a page: its arguments, and the lines of output that are shown; "…" stands for lines left out."""

    arguments: list[str]
    shown: list[str]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language on a page."""
    return [text for _, found, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def files(page: Path) -> dict[str, str]:
    """The files that a page writes down: a block after the name of the file and a colon."""
    return {name: text for name, _, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if name}


def commands(page: Path) -> list[Command]:
    """The commands of a page that are shown with a prompt, in their order."""
    found: list[Command] = []
    for block in blocks(page, ""):
        for line in block.splitlines():
            if line.startswith(_PROMPT):
                found.append(Command(shlex.split(line.removeprefix(_PROMPT)), []))
            elif found and block.startswith(_PROMPT):
                found[-1].shown.append(line)
    return found
