"""Making an image of a Graphviz graph with the program `dot`."""

import graphviz
from graphviz import CalledProcessError, Digraph, ExecutableNotFound

from liqspec.draw.graphs.diagram import CannotDraw
from liqspec.edge.texts import one_line

_PNG_DPI = "144"  # twice the points of the layout, so that the smallest text is sharp


def image(graph: Digraph, kind: str) -> bytes:
    """The graph as an image of a kind that `dot` knows, such as svg.

    Raises:
        CannotDraw: the program `dot` is missing, or failed.
    """
    drawn = graph.copy()
    if kind == "png":
        drawn.graph_attr["dpi"] = _PNG_DPI
    try:
        # The whole source at once: line by line, a program that ends before it has read it all breaks the pipe, and
        # what it said is lost. What it says is told below, in one line.
        drawing: bytes = graphviz.pipe("dot", kind, drawn.source.encode(), quiet=True)
    except ExecutableNotFound:
        raise CannotDraw(
            f"{kind} needs the program dot: apt-get install graphviz, or brew install graphviz; "
            "the formats dot, mermaid, scxml and xstate do without it"
        ) from None
    except CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split())
        raise CannotDraw(f"dot failed: {one_line(said)}") from None
    return drawing
