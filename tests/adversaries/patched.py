"""Wrong engines that were written from the rules alone: each a patch of the independent engine in Python."""

import json
import tomllib
from pathlib import Path
from typing import Any

from attrs import frozen

from engines import python_engine

LIST = Path(__file__).with_suffix(".toml")
RUNS = Path(__file__).with_name("patched_runs.json")  # of those that a short one shows, as `conform` found it
RIGHT = Path(str(python_engine.__file__))


@frozen
class Patched:
    """A patch: the rules that it breaks, the most exact one first; why, and why nothing finds it yet, if so."""

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
        text = RIGHT.read_text(encoding="utf-8")
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
    """All of them, in the order of the list."""
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))["engine"]
    return tuple(
        Patched(
            name=one["name"],
            rules=tuple(one["rules"]),
            why=one["why"],
            missed=one.get("missed", ""),
            patches=tuple((patch["was"], patch["becomes"]) for patch in one["patch"]),
        )
        for one in listed
    )
