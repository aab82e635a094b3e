"""The lifecycle of pages and paths: laid out once by Graphviz and shipped, so that they are made without it.

`python -m liqspec.draw.lifecycle_svg` lays it out again. The source that it was laid out from is kept next to it.
"""

import re
from functools import cache
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

from attrs import frozen
from graphviz import Digraph

from liqspec.core import machine
from liqspec.draw import dot
from liqspec.draw.diagram import condition
from liqspec.draw.theme import FONT
from liqspec.edge import writing
from liqspec.edge.texts import words

_ASSETS = resources.files("liqspec.draw") / "assets"
_SVG, _SOURCE = "lifecycle.svg", "lifecycle.dot"
_SVG_NAMES = "{http://www.w3.org/2000/svg}"

Point = tuple[float, float]


@frozen(kw_only=True)
class Node:
    """A state's box: its left, upper, right and lower border, in points from the upper left corner."""

    state: str
    box: tuple[float, float, float, float]


@frozen(kw_only=True)
class Edge:
    """A line between two states, as Bézier curves that continue each other, its arrow, and its label's middle."""

    source: str
    target: str
    line: tuple[Point, ...]
    arrow: tuple[Point, ...]
    label: str
    at: Point

    @property
    def name(self) -> str:
        """The name of the edge on the page."""
        return edge_id(self.source, self.target)


@frozen(kw_only=True)
class Layout:
    """Where everything of the lifecycle is, in points."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@cache
def layout() -> Layout:
    """The shipped layout in numbers, for pictures that are drawn."""
    root = ElementTree.fromstring(shipped())
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    groups = {part.attrib["id"]: part for part in root.iter(f"{_SVG_NAMES}g")}
    shift = _points(groups["graph0"].attrib["transform"].rpartition("translate")[2])[0]

    def points(group: str, element: str, attribute: str) -> tuple[Point, ...]:
        (found,) = groups[group].iter(f"{_SVG_NAMES}{element}")
        return tuple((x + shift[0], y + shift[1]) for x, y in _points(found.attrib[attribute]))

    nodes = []
    for state in machine.lifecycle().table.states:
        across, down = zip(*points(state_id(state), "path", "d"), strict=True)
        nodes.append(Node(state=state, box=(min(across), min(down), max(across), max(down))))
    found = []
    for source, target in edges():
        name = edge_id(source, target)
        (label,) = groups[name].iter(f"{_SVG_NAMES}text")
        found.append(
            Edge(
                source=source,
                target=target,
                line=points(name, "path", "d"),
                arrow=points(name, "polygon", "points"),
                label=(label.text or "").strip(),
                at=(float(label.attrib["x"]) + shift[0], float(label.attrib["y"]) + shift[1]),
            )
        )
    return Layout(width=width, height=height, nodes=tuple(nodes), edges=tuple(found))


def _points(text: str) -> list[Point]:
    numbers = [float(number) for number in re.findall(r"-?[0-9.]+", text)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def edge_id(source: str, target: str) -> str:
    """The name of the edge between two states."""
    return f"edge-{source}-{target}"


def state_id(state: str) -> str:
    """The name of a state's box."""
    return f"state-{state}"


def shipped() -> str:
    """The lifecycle as an element of a page, which finds and colours its states and edges by their names."""
    return (_ASSETS / _SVG).read_text(encoding="utf-8")


def shipped_source() -> str:
    """The source from which the shipped one was laid out."""
    return (_ASSETS / _SOURCE).read_text(encoding="utf-8")


def explained() -> dict[str, str]:
    """What each state means, and the trigger, the guards and the meaning of each edge's transitions, by their names."""
    table = machine.lifecycle().table
    found = {state_id(name): f"{words(name)}: {state.meaning}" for name, state in table.states.items()}
    for entry in table.transitions:
        text = f"{entry.id} {entry.trigger} {condition(entry)}".rstrip() + f": {entry.meaning}"
        for source in entry.sources:
            name = edge_id(source, entry.to)
            found[name] = f"{found[name]}\n{text}" if name in found else text
    return found


def edges() -> dict[tuple[str, str], list[str]]:
    """The transitions from each state to each other one."""
    table = machine.lifecycle().table
    found: dict[tuple[str, str], list[str]] = {}
    for entry in table.transitions:
        for source in entry.sources:
            found.setdefault((source, entry.to), []).append(entry.id)
    return found


def graph() -> Digraph:
    """The lifecycle with one edge from a state to another, labelled with its transitions: narrow, for a phone."""
    drawn = Digraph(
        "lifecycle",
        graph_attr={"rankdir": "TB", "bgcolor": "transparent", "nodesep": "0.2", "ranksep": "0.38", "pad": "0.05"},
        node_attr={"shape": "box", "style": "rounded", "fontname": FONT, "fontsize": "17", "margin": "0.12,0.05"},
        edge_attr={"fontname": FONT, "fontsize": "14", "arrowsize": "0.8"},
    )
    table = machine.lifecycle().table
    for name in table.states:
        drawn.node(name, words(name).replace(" ", "\n"), id=state_id(name))
    for (source, target), ids in edges().items():
        drawn.edge(source, target, label=f" {' '.join(ids)} ", id=edge_id(source, target))
    return drawn


def laid_out() -> str:
    """The lifecycle as Graphviz lays it out now.

    Raises:
        CannotDraw: the program `dot` is missing or failed.
    """
    text = dot.image(graph(), "svg").decode()
    element = re.sub(r"<!--.*?-->\n?", "", text[text.index("<svg") :], flags=re.DOTALL)
    return re.sub(r'<svg width="[^"]*" height="[^"]*"', '<svg role="img" aria-label="the lifecycle"', element, count=1)


def write(folder: Path) -> None:
    """Lay it out again, into a folder.

    Raises:
        CannotDraw: the program `dot` is missing or failed.
        OSError: the folder cannot be written.
    """
    writing.write(folder / _SVG, laid_out())
    writing.write(folder / _SOURCE, graph().source)


if __name__ == "__main__":
    write(Path(str(_ASSETS)))
