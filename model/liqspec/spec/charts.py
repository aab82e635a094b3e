"""The two tables that are drawn as charts: the assessment of a pool, and what its liquidation may touch.

The rules decide what holds; the tests hold the model to both tables.
"""

from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

from attrs import frozen

from liqspec.core.config import Mode
from liqspec.edge import files, shapes
from liqspec.edge.errors import InvalidInput

ASSESSMENT = "assessment.toml"
ISOLATION = "isolation.toml"

Access = Literal["changes", "orders", "never"]
Kind = Literal["pool", "sibling", "vault", "stranger"]

T = TypeVar("T")


class InvalidChart(InvalidInput):
    """A table of a chart that has the wrong shape, or leads nowhere: the entry, and what is wrong."""


@frozen(kw_only=True)
class Node:
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
class Assessment:
    """The assessment of a pool, as questions, actions and ends by name."""

    format: int
    first: str
    nodes: dict[str, Node]

    def steps(self) -> dict[int, dict[str, Node]]:
        """The nodes of each step, in order; those of no step are left out."""
        steps = sorted({node.step for node in self.nodes.values() if node.step is not None})
        return {step: {name: node for name, node in self.nodes.items() if node.step == step} for step in steps}


@cache
def assessment(path: Path = files.ROOT / ASSESSMENT) -> Assessment:
    """The assessment of the specification, or of another file.

    Raises:
        files.UnreadableFile: the file cannot be read or parsed.
        InvalidChart: an entry has the wrong shape, leads nowhere, or is led to by none.
    """
    found = _load(path, Assessment)
    led_to = {found.first}
    for name, node in found.nodes.items():
        wanted = {"start": {""}, "action": {""}, "question": {"yes", "no"}, "end": set[str]()}[node.kind]
        if set(node.exits) != wanted:
            needs = " and ".join(name or "next" for name in sorted(wanted)) or "no next node"
            raise InvalidChart(f"{path.name}: nodes.{name}: kind {node.kind} needs {needs}")
        led_to.update(node.exits.values())
    if led_to != set(found.nodes):
        raise InvalidChart(f"{path.name}: no such node, or none leads to it: {sorted(led_to ^ set(found.nodes))}")
    return found


@frozen(kw_only=True)
class Reach:
    """Something that a liquidation may touch, or may not: a kind of target, how, and by which rules."""

    target: str
    kind: Kind
    access: Access
    text: str
    rules: tuple[str, ...]


@frozen(kw_only=True)
class Liquidation:
    """What the liquidation of one kind of pool reaches."""

    of: Mode
    title: str
    reaches: tuple[Reach, ...]


@frozen(kw_only=True)
class Isolation:
    """What the liquidation of a cross pool and of an isolated pool may touch."""

    format: int
    liquidations: tuple[Liquidation, ...]


@cache
def isolation(path: Path = files.ROOT / ISOLATION) -> Isolation:
    """The isolation of pools in the specification, or in another file; an InvalidChart as for `assessment`."""
    return _load(path, Isolation)


def _load(path: Path, shape: type[T]) -> T:
    text = files.read_text(path)
    with files.located(text, path, InvalidChart):
        return shapes.structure(files.parse_toml(text, path), shape)
