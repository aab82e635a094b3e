"""Graphviz: an empty graph in a theme's colours, the pieces of its HTML-like labels, and its image by `dot`."""

from html import escape
from typing import Literal

import graphviz
from graphviz import CalledProcessError, Digraph, ExecutableNotFound

from liqspec.draw.diagram import CannotDraw
from liqspec.draw.theme import FONT, Box, Line, Theme
from liqspec.edge.texts import one_line

Align = Literal["LEFT", "CENTER", "RIGHT"]

_PNG_DPI = "144"  # twice the points of the layout, so that the smallest text is sharp


def empty(name: str, title: str, theme: Theme, **attributes: str) -> Digraph:
    """An empty graph in the theme's colours."""
    return Digraph(
        name=name,
        graph_attr={
            "bgcolor": theme.background,
            "fontname": FONT,
            "fontcolor": theme.text,
            "pad": "0.25",
            "tooltip": title,
            **attributes,
        },
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


# --------------------------------------------------------------------------------------------------------------- labels


def text(content: str, *, color: str, size: int = 12, bold: bool = False, struck: bool = False) -> str:
    """A run of text; its content is escaped."""
    escaped = escape(content, quote=True)
    if bold:
        escaped = f"<B>{escaped}</B>"
    if struck:
        escaped = f"<S>{escaped}</S>"
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{escaped}</FONT>'


def cell(content: str, *, align: Align = "CENTER", attributes: str = "") -> str:
    """A cell of a table."""
    return f'<TD ALIGN="{align}"{" " if attributes else ""}{attributes}>{content}</TD>'


def table(rows: list[str], *, attributes: str = 'CELLPADDING="1"') -> str:
    """A table without lines; each row is its cells."""
    body = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" {attributes}>{body}</TABLE>'


def html(content: str) -> str:
    """Content as a label that Graphviz reads as HTML-like."""
    return f"<{content}>"


def wrapped(words: str, width: int) -> list[str]:
    """A text in lines of about `width` characters, broken between words."""
    lines: list[str] = []
    for word in words.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def caption(title: str, rows: list[str], theme: Theme, padding: int = 3) -> str:
    """A label of a whole picture: some space, its title, and further rows."""
    lines = [
        cell("", attributes='HEIGHT="6"'),
        cell(text(title, color=theme.text, size=15, bold=True)),
        *map(cell, rows),
    ]
    return html(table(lines, attributes=f'CELLPADDING="{padding}"'))


def samples(pairs: list[tuple[str, str]], theme: Theme) -> str:
    """A row of a legend: samples, each with its meaning."""
    cells = []
    for sample, meaning in pairs:
        cells.append(cell(sample, align="RIGHT"))
        cells.append(cell(text(f"{meaning}   ", color=theme.text, size=11), align="LEFT"))
    return table(["".join(cells)], attributes='CELLPADDING="3"')


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
    """A short piece of line for a legend: its colour, pattern and weight."""
    strokes = {"solid": [34], "dashed": [9, 9, 9], "dotted": [3, 3, 3, 3, 3, 3]}[line.pattern]
    height = max(1, round(line.width))
    cells = f'<TD FIXEDSIZE="TRUE" WIDTH="3" HEIGHT="{height}" BGCOLOR="{theme.background}"></TD>'.join(
        f'<TD FIXEDSIZE="TRUE" WIDTH="{stroke}" HEIGHT="{height}" BGCOLOR="{line.color}"></TD>' for stroke in strokes
    )
    # Fixed: a table inside a cell would be stretched to fill it, and its gaps with it.
    size = f'FIXEDSIZE="TRUE" WIDTH="{sum(strokes) + 3 * (len(strokes) - 1)}" HEIGHT="{height}"'
    return f'<TABLE {size} BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{cells}</TR></TABLE>'
