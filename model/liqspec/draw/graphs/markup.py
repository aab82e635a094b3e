"""Small pieces of Graphviz's HTML-like labels, shared by every picture that Graphviz lays out."""

from html import escape
from typing import Literal

from liqspec.draw.graphs.palette import Box, Line, Theme

Align = Literal["LEFT", "CENTER", "RIGHT"]


def text(content: str, *, color: str, size: int = 12, bold: bool = False, struck: bool = False) -> str:
    """A run of text; its content is escaped."""
    told = escape(content, quote=True)
    if bold:
        told = f"<B>{told}</B>"
    if struck:
        told = f"<S>{told}</S>"
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{told}</FONT>'


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
    pieces = f'<TD FIXEDSIZE="TRUE" WIDTH="3" HEIGHT="{height}" BGCOLOR="{theme.background}"></TD>'.join(
        f'<TD FIXEDSIZE="TRUE" WIDTH="{stroke}" HEIGHT="{height}" BGCOLOR="{line.color}"></TD>' for stroke in strokes
    )
    # Fixed: a table inside a cell would be stretched to fill it, and its gaps with it.
    size = f'FIXEDSIZE="TRUE" WIDTH="{sum(strokes) + 3 * (len(strokes) - 1)}" HEIGHT="{height}"'
    return f'<TABLE {size} BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{pieces}</TR></TABLE>'
