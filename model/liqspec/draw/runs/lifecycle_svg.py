"""The lifecycle as an inline SVG for the page, which finds and colours its states and edges by their names."""

import re

import graphviz

from liqspec.core import machine
from liqspec.draw.graphs.render import image
from liqspec.draw.runs.words import words

_FONT = "Helvetica,Arial,sans-serif"


def edge_id(source: str, target: str) -> str:
    """The name of the edge between two states."""
    return f"edge-{source}-{target}"


def graph() -> graphviz.Digraph:
    """The lifecycle with one edge from a state to another, labelled with its transitions: narrow, for a phone."""
    drawn = graphviz.Digraph(
        "lifecycle",
        graph_attr={"rankdir": "TB", "bgcolor": "transparent", "nodesep": "0.2", "ranksep": "0.38", "pad": "0.05"},
        node_attr={"shape": "box", "style": "rounded", "fontname": _FONT, "fontsize": "17", "margin": "0.12,0.05"},
        edge_attr={"fontname": _FONT, "fontsize": "14", "arrowsize": "0.8"},
    )
    table = machine.lifecycle().table
    for name in table.states:
        drawn.node(name, words(name).replace(" ", "\n"), id=f"state-{name}")
    transitions: dict[tuple[str, str], list[str]] = {}
    for entry in table.transitions:
        for source in entry.sources:
            transitions.setdefault((source, entry.to), []).append(entry.id)
    for (source, target), ids in transitions.items():
        drawn.edge(source, target, label=f" {' '.join(ids)} ", id=edge_id(source, target))
    return drawn


def svg() -> str:
    """The graph as an element that takes the width of where it stands.

    Raises:
        CannotDraw: the program `dot` is missing or failed.
    """
    text = image(graph(), "svg").decode()
    element = text[text.index("<svg") :]
    element = re.sub(r"<!--.*?-->\n?", "", element, flags=re.DOTALL)
    return re.sub(r'<svg width="[^"]*" height="[^"]*"', '<svg role="img" aria-label="the lifecycle"', element, count=1)
