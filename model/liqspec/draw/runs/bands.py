"""The bands of a timeline: the states of a position with its window, and the blocks with their times."""

import textwrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from liqspec.core import machine
from liqspec.draw.runs.palette import Theme
from liqspec.draw.runs.panels import title
from liqspec.draw.runs.record import Record, Span
from liqspec.draw.runs.words import time_text, words

# The size of the bands' text in points, and the inches that one of its characters takes at most.
_POINTS, _CHARACTER, _LINE = 7.5, 0.064, 0.13

# Inches: a band of states with the hatched strip on top of it, and the bar of the windows below it.
STATES, _STRIP, WINDOWS = 0.5, 0.13, 0.2


def height(record: Record, key: str) -> float:
    """The height of a position's band in inches."""
    return STATES + (WINDOWS if record.windows(key) else 0)


def position(axes: Axes, record: Record, key: str, theme: Theme, column: float) -> None:
    """The states of a position as a band, each with its name, and below it the position's own open windows."""
    title(axes, key, theme)
    whole = height(record, key)
    _empty(axes, whole)
    floor = whole - STATES
    for span in record.states(key):
        if span.value == machine.lifecycle().table.initial:
            continue
        look = theme.state(span.value)
        axes.add_patch(box := _box(span, floor, whole, facecolor=look.area, label=span.value))
        if look.hatch:  # the hatch takes the colour of the edge; on a strip of its own it leaves the name readable
            strip = _box(span, whole - _STRIP, whole, facecolor=look.area, edgecolor=look.text, hatch=look.hatch)
            strip.set_linewidth(0)
            axes.add_patch(strip)
            box.set_height(STATES - _STRIP)
        _write(axes, box, column, [words(span.value)], look.text)
        box.set_height(STATES)
        axes.add_patch(_box(span, floor, whole, facecolor="none", edgecolor=theme.ground))
    for span in record.windows(key):
        axes.add_patch(box := _box(span, 0, floor, facecolor=theme.window, edgecolor=theme.ground, label="window"))
        ends = time_text(span.value)
        _write(axes, box, column, [f"window to {ends}", f"to {ends}", ends], theme.ground)


def blocks(axes: Axes, record: Record, theme: Theme, column: float, height_in_inches: float) -> None:
    """The blocks with their times."""
    title(axes, "blocks and their times", theme)
    _empty(axes, height_in_inches)
    for place, span in enumerate(record.blocks()):
        number, time = span.value
        ground = theme.grid if place % 2 else theme.panel
        box = _box(span, 0, height_in_inches, facecolor=ground, edgecolor=theme.grid, label=f"block {number}")
        axes.add_patch(box)
        told = time_text(time)
        _write(
            axes, box, column, [f"block {number} at {told}", f"block {number} {told}", told, str(number)], theme.text
        )


def _empty(axes: Axes, height_in_inches: float) -> None:
    """A panel without a scale, whose vertical unit is the inch."""
    axes.set_yticks([])
    axes.set_ylim(0, height_in_inches)


def _box(span: Span, bottom: float, top: float, **look: Any) -> Rectangle:
    """An area over the columns of a span."""
    columns = span.last - span.first + 1
    return Rectangle((span.first - 0.5, bottom), columns, top - bottom, linewidth=1, **look)


def _write(axes: Axes, box: Rectangle, column: float, texts: list[str], colour: str) -> None:
    """Write the first text that fits in the middle of an area, on as many lines as there is room for; or none."""
    across = int(box.get_width() * column / _CHARACTER)
    down = int(box.get_height() / _LINE)
    for text in texts:
        lines = [text] if len(text) <= across else textwrap.wrap(text, max(across, 1), break_long_words=False)
        if len(lines) <= down and all(len(line) <= across for line in lines):
            middle = (box.get_x() + box.get_width() / 2, box.get_y() + box.get_height() / 2)
            style: dict[str, Any] = {"color": colour, "fontsize": _POINTS, "linespacing": 1.05}
            axes.text(*middle, "\n".join(lines), ha="center", va="center", **style)
            return
