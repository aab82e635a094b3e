"""Graphviz: an empty graph in a theme's colours, the parts of its HTML-like labels, and its image by `dot`."""

import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Literal

import graphviz
from graphviz import CalledProcessError, Digraph, ExecutableNotFound

from liqspec.draw.diagram import CannotDraw
from liqspec.draw.theme import FONT, Box, Line, Theme
from liqspec.edge.texts import one_line

_REMARK = 150  # characters of a line above the picture
_PNG_DPI = "144"  # twice the points of the layout, so that the smallest text is sharp


def captioned(
    name: str, title: str, legend: list[list[tuple[str, str]]], remarks: Iterable[str], theme: Theme, **attributes: str
) -> Digraph:
    """An empty graph in the theme's colours; above it its title, rows of samples with their meanings, and remarks."""
    rows = [text(title, color=theme.text, size=15, bold=True), *(samples(pairs, theme) for pairs in legend)]
    rows += [line for remark in remarks for line in lines(remark, _REMARK, color=theme.quiet, size=11)]
    looks = {"bgcolor": theme.background, "fontname": FONT, "fontcolor": theme.text, "pad": "0.25", "labelloc": "t"}
    label = html(table([*map(cell, rows), cell("", attributes='HEIGHT="6"')], padding=4 if len(legend) > 1 else 3))
    return Digraph(
        name=name,
        graph_attr={**looks, "tooltip": graphviz.escape(title), "label": label, **attributes},
        node_attr={"fontname": FONT, "fontcolor": theme.text, "shape": "plain"},
        edge_attr={"fontname": FONT, "fontcolor": theme.text, "color": theme.text, "arrowsize": "0.8"},
    )


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
        # what it said is lost. What it says is reported below, in one line.
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


@contextmanager
def frame(graph: Digraph, name: str, theme: Theme, **attributes: str) -> Iterator[Digraph]:
    """A frame around the nodes that are added within it."""
    looks = {"style": "rounded,filled", "fillcolor": theme.panel, "color": theme.faint, "labelloc": "t"}
    with graph.subgraph(name=f"cluster_{name}") as framed:
        framed.attr(**{**looks, **attributes})
        yield framed


def text(content: str, *, color: str, size: int = 12, bold: bool = False, struck: bool = False) -> str:
    """A run of text; its content is escaped."""
    escaped = escape(content, quote=True)
    if bold:
        escaped = f"<B>{escaped}</B>"
    if struck:
        escaped = f"<S>{escaped}</S>"
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{escaped}</FONT>'


def cell(content: str, *, align: Literal["LEFT", "CENTER", "RIGHT"] = "CENTER", attributes: str = "") -> str:
    """A cell of a table."""
    return f'<TD ALIGN="{align}"{" " if attributes else ""}{attributes}>{content}</TD>'


def table(rows: list[str], padding: int = 1, spacing: int = 0) -> str:
    """A table without lines; each row is its cells."""
    body = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}">{body}</TABLE>'


def html(content: str) -> str:
    """Content as a label that Graphviz reads as HTML-like."""
    return f"<{content}>"


def lines(content: str, width: int, *, color: str, size: int, bold: bool = False) -> list[str]:
    """A text in lines of about `width` characters, broken between words."""
    broken = textwrap.wrap(content, width, break_long_words=False, break_on_hyphens=False)
    return [text(line, color=color, size=size, bold=bold) for line in broken]


def samples(pairs: list[tuple[str, str]], theme: Theme) -> str:
    """A row of a legend: samples, each with its meaning."""
    cells = [
        cell(sample, align="RIGHT") + cell(text(f"{meaning}   ", color=theme.text, size=11), align="LEFT")
        for sample, meaning in pairs
    ]
    return table(["".join(cells)], padding=3)


def node(graph: Digraph, name: str, rows: list[str], box: Box, **attributes: str) -> None:
    """Add a node that is drawn like a box, with the rows as its label."""
    graph.node(
        name,
        label=html(table([cell(row) for row in rows])),
        style=",".join(["filled", box.outline, *(["rounded"] if box.rounded else [])]),
        fillcolor=box.fill,
        color=box.border,
        penwidth=str(box.width),
        **attributes,
    )


def edge(graph: Digraph, start: str, end: str, line: Line, **attributes: str) -> None:
    """Add an edge that is drawn like a line; its arrow is for the attributes to say."""
    graph.edge(start, end, color=line.color, style=line.pattern, penwidth=str(line.width), **attributes)


def box_sample(box: Box) -> str:
    """A small box for a legend, drawn like the box that it stands for."""
    style = ",".join(filter(None, ("rounded" if box.rounded else "", "" if box.outline == "solid" else box.outline)))
    styled = f' STYLE="{style}"' if style else ""
    border = max(1, round(box.width))
    inner = (
        f'<TABLE BORDER="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" COLOR="{box.border}" '
        f'BGCOLOR="{box.fill}"{styled}><TR><TD FIXEDSIZE="TRUE" WIDTH="26" HEIGHT="12"></TD></TR></TABLE>'
    )
    if not box.double:
        return inner
    return (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" COLOR="{box.border}">'
        f"<TR><TD>{inner}</TD></TR></TABLE>"
    )


def line_sample(line: Line, theme: Theme) -> str:
    """A short line for a legend: its colour, pattern and weight."""
    strokes = {"solid": [34], "dashed": [9, 9, 9], "dotted": [3, 3, 3, 3, 3, 3]}[line.pattern]
    height = max(1, round(line.width))
    cells = f'<TD FIXEDSIZE="TRUE" WIDTH="3" HEIGHT="{height}" BGCOLOR="{theme.background}"></TD>'.join(
        f'<TD FIXEDSIZE="TRUE" WIDTH="{stroke}" HEIGHT="{height}" BGCOLOR="{line.color}"></TD>' for stroke in strokes
    )
    # Fixed: a table inside a cell would be stretched to fill it, and its gaps with it.
    size = f'FIXEDSIZE="TRUE" WIDTH="{sum(strokes) + 3 * (len(strokes) - 1)}" HEIGHT="{height}"'
    return f'<TABLE {size} BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{cells}</TR></TABLE>'
