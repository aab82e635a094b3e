"""The assessment of a pool as a chart of questions and actions, read from `spec/assessment.toml` (LIQ-8 to LIQ-13)."""

from functools import cache
from pathlib import Path
from typing import Literal

from attrs import frozen

from liqspec.edge import files, shapes, toml_lines

TABLE = "assessment.toml"


class InvalidChart(ValueError):
    """A chart that leads nowhere: the node, and what is wrong with it."""


@frozen(kw_only=True)
class ChartNode:
    """A question, with what follows a yes and a no; or an action, with what follows; or an end."""

    kind: Literal["start", "question", "action", "end"]
    text: str
    rules: tuple[str, ...]
    step: int | None = None
    transitions: tuple[str, ...] = ()
    next: str | None = None
    yes: str | None = None
    no: str | None = None

    @property
    def exits(self) -> dict[str, str]:
        """The nodes that follow, each by the answer that leads to it; an action's has no answer."""
        answers = {"": self.next, "yes": self.yes, "no": self.no}
        return {answer: target for answer, target in answers.items() if target is not None}


@frozen(kw_only=True)
class Chart:
    """The assessment of a pool."""

    format: int
    first: str
    nodes: dict[str, ChartNode]

    def steps(self) -> dict[int, dict[str, ChartNode]]:
        """The nodes of each step, in order; those of no step are left out."""
        found: dict[int, dict[str, ChartNode]] = {}
        for name, node in self.nodes.items():
            if node.step is not None:
                found.setdefault(node.step, {})[name] = node
        return dict(sorted(found.items()))


@cache
def chart() -> Chart:
    """The chart of the specification."""
    return load(files.ROOT / TABLE)


def load(path: Path) -> Chart:
    """The chart in a file.

    Raises:
        specification.UnreadableFile: the file cannot be read or parsed.
        InvalidChart: an entry has the wrong shape, leads nowhere, or is led to by none.
    """
    text = files.read_text(path)
    try:
        found = shapes.structure(files.parse_toml(text, path), Chart)
    except shapes.WrongShape as error:
        raise InvalidChart(f"{toml_lines.place(text, path, error.path)}: {error}") from None
    led_to = {found.first}
    for name, node in found.nodes.items():
        wanted = {"start": {""}, "action": {""}, "question": {"yes", "no"}, "end": set[str]()}[node.kind]
        if set(node.exits) != wanted:
            raise InvalidChart(f"{path.name}: nodes.{name}: a {node.kind} goes on by {sorted(wanted) or 'nothing'}")
        led_to.update(node.exits.values())
    if led_to != set(found.nodes):
        raise InvalidChart(f"{path.name}: no such node, or none leads to it: {sorted(led_to ^ set(found.nodes))}")
    return found
