"""Wrong engines that were written from the rules alone: each a patch of an independent engine."""

import json
import tomllib
from pathlib import Path
from typing import Any

from attrs import frozen

HERE = Path(__file__).parent
# The lists, each with the engine that is patched.
LISTS = {
    "patched.toml": "python_engine.py",
    "patched_javascript.toml": "engine.js",
    "patched_c.toml": "engine.c",
    "patched_javascript_second.toml": "engine.js",
    "patched_python_second.toml": "python_engine.py",
    "patched_javascript_third.toml": "engine.js",
    "patched_c_second.toml": "engine.c",
    "patched_python_third.toml": "python_engine.py",
    "patched_javascript_fourth.toml": "engine.js",
    "patched_c_third.toml": "engine.c",
    "patched_python_fourth.toml": "python_engine.py",
    "patched_javascript_fifth.toml": "engine.js",
}
RUNS = HERE / "patched_runs.json"  # of those that a short one shows, as `conform` found it


@frozen
class Patched:
    """A patch: the rules that it breaks, the most exact one first; why, and why nothing finds it yet, if so."""

    right: Path
    name: str
    rules: tuple[str, ...]
    why: str
    missed: str
    patches: tuple[tuple[str, str], ...]

    def source(self) -> str:
        """The engine with the patch.

        Raises:
            ValueError: a text that is to be replaced is not there exactly once.
        """
        text = self.right.read_text(encoding="utf-8")
        for was, becomes in self.patches:
            if text.count(was) != 1:
                raise ValueError(f"{self.name}: is there {text.count(was)} times: {was}")
            text = text.replace(was, becomes)
        return text


def runs() -> dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Short counterexamples by the name of the engine: a configuration, and events of which the last one shows it."""
    listed = json.loads(RUNS.read_text(encoding="utf-8"))
    return {name: (run["config"], run["events"]) for name, run in listed.items()}


def engines() -> tuple[Patched, ...]:
    """All of them, in the order of the lists."""
    return tuple(
        Patched(
            right=HERE.parent / "engines" / right,
            name=one["name"],
            rules=tuple(one["rules"]),
            why=one["why"],
            missed=one.get("missed", ""),
            patches=tuple((patch["was"], patch["becomes"]) for patch in one["patch"]),
        )
        for name, right in LISTS.items()
        for one in tomllib.loads((HERE / name).read_text(encoding="utf-8"))["engine"]
    )
