"""Making an image of a Graphviz graph with the program `dot`."""

from graphviz import CalledProcessError, Digraph, ExecutableNotFound

from liqspec.drawing.diagram import CannotDraw
from liqspec.texts import one_line

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
        drawing: bytes = drawn.pipe(format=kind, quiet=True)  # what it says is told below, in one line
    except ExecutableNotFound:
        raise CannotDraw(
            f"{kind} needs the program dot: apt-get install graphviz, or brew install graphviz; "
            "the formats dot, mermaid, scxml and xstate do without it"
        ) from None
    except CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split())
        raise CannotDraw(f"dot failed: {one_line(said)}") from None
    return drawing
