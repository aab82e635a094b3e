"""A run as a timeline: marks, equity against its lines, the states of the positions, and time; a column an event.

Events of one block share their time, so the events are the axis, each a column of the same width, and the time stands
below as the blocks that the columns belong to. A value in a column is what was so after that event.
"""

import io
import math
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from liqspec.core import machine
from liqspec.draw.diagram import role_of
from liqspec.draw.legend import CURVES, area_of, event_label, mark_of, short, time_text
from liqspec.draw.theme import THEMES, Curve, Theme, ThemeName
from liqspec.draw.timeline_heading import Heading, marker, stroke
from liqspec.edge.texts import words
from liqspec.replay.record import Amount, Record, Span, spans
from liqspec.report.amounts import value_text

Format = Literal["svg", "png"]

# Inches.
_LEFT, _RIGHT, _GAP, _EVENTS_BELOW = 1.0, 0.2, 0.4, 0.72
_PRICE, _POOL, _BLOCKS = 1.15, 1.7, 0.34
_STATES, _STRIP, _WINDOWS = 0.5, 0.13, 0.2  # a band of states, the hatched strip on top of it, the windows below it
_COLUMNS, _COLUMN, _MOST = 6.4, 0.82, 40.0
_NUMBER = 0.062  # at most, a character of the numbers of a breach
_CHARACTER, _LINE = 0.064, 0.13  # at most, a character and a line of a text in a band, whose size in points is _POINTS
_POINTS = 7.5
_DPI = 110

_HEADROOM = 0.3  # what is kept free above the lines of a pool, as a share of them, for the numbers of a breach
_LONGEST_NAME = 60

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # it comes with the library, so the picture is the same everywhere
    "font.size": 8.5,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "svg.fonttype": "path",
    "svg.hashsalt": "liqspec",
    "hatch.linewidth": 0.6,
}


@contextmanager
def settings() -> Iterator[None]:
    """The library's settings under which the pictures are drawn, whatever those of the caller are."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; that does not need a warning.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def render(record: Record, form: Format, theme: ThemeName = "light") -> bytes:
    """The timeline as a file; the same record gives the same bytes with the same version of the library."""
    return saved(draw(record, theme), form, record.title)


def saved(figure: Figure, form: Format, title: str) -> bytes:
    """A figure as a file, without the date."""
    file = io.BytesIO()
    metadata = {"Date": None, "Title": title} if form == "svg" else {"Software": None}
    with settings():
        figure.savefig(file, format=form, dpi=_DPI, metadata=metadata)
    return file.getvalue()


@settings()
def draw(record: Record, theme: ThemeName = "light") -> Figure:
    """The timeline as a figure: a panel a market, a panel a pool, a band a position, and the blocks."""
    colours, events = THEMES[theme], len(record.steps)
    column = min(max(_COLUMN, _COLUMNS / events), _MOST / events)
    across = _LEFT + events * column + _RIGHT
    heading = Heading.of(record, colours, across - _RIGHT, labelled=column >= _COLUMN)
    panels: list[tuple[float, Callable[[Axes], None]]] = [
        *((_PRICE, partial(_market, record=record, name=name, theme=colours)) for name in record.markets()),
        *((_POOL, partial(_pool, record=record, key=key, theme=colours, column=column)) for key in record.pools()),
        *(
            (_band_height(record, key), partial(_position, record=record, key=key, theme=colours, column=column))
            for key in record.positions()
        ),
        (_BLOCKS, partial(_blocks, record=record, theme=colours, column=column)),
    ]
    up = heading.height + sum(height for height, _ in panels) + _GAP * len(panels) + _EVENTS_BELOW
    figure = Figure(figsize=(across, up), facecolor=colours.background)
    heading.draw(figure, colours)
    bottom = up - heading.height
    for height, fill in panels:
        bottom -= _GAP + height
        axes = figure.add_axes((_LEFT / across, bottom / up, events * column / across, height / up))
        _prepare(axes, record, colours)
        fill(axes)
    _name_events(axes, record, column, colours)
    return figure


def _prepare(axes: Axes, record: Record, theme: Theme) -> None:
    axes.set_facecolor(theme.panel)
    axes.set_xlim(0.5, len(record.steps) + 0.5)
    axes.set_xticks([])
    axes.tick_params(colors=theme.quiet, labelcolor=theme.text, length=3)
    for spine in axes.spines.values():
        spine.set_color(theme.grid)
    for block in record.blocks()[1:]:
        axes.axvline(block.first - 0.5, color=theme.quiet, linewidth=0.8, zorder=1)


def _name_events(axes: Axes, record: Record, column: float, theme: Theme) -> None:
    """Below each column its number and its event; every n-th number alone where the columns are too narrow."""
    every = 1 if column >= _COLUMN else max(1, round(0.5 / column))
    places = list(range(1, len(record.steps) + 1, every))
    labels = [str(place) for place in places]
    if column >= _COLUMN:
        labels = [f"{place}\n{event_label(step.event)}" for place, step in zip(places, record.steps, strict=True)]
    axes.set_xticks(places, labels, color=theme.text, fontsize=8, linespacing=1.15)
    axes.tick_params(axis="x", length=3)
    for label, place in zip(axes.get_xticklabels(), places, strict=True):
        if record.steps[place - 1].refusal is not None:
            label.set_color(theme.quiet)
            label.set_fontstyle("italic")


def _title(axes: Axes, text: str, theme: Theme) -> None:
    axes.set_title(short(text, _LONGEST_NAME), loc="left", fontsize=9, fontweight="bold", color=theme.text, pad=4)


def _market(axes: Axes, record: Record, name: str, theme: Theme) -> None:
    """The mark price of a market as steps, with the fills and trades at their prices."""
    _title(axes, f"{name}: mark price", theme)
    _stairs(axes, [step.marks[name] for step in record.steps], "mark", theme)
    for trade in record.trades():
        if trade.market == name:
            look = marker(mark_of(trade), theme)
            axes.plot([trade.event], [trade.price.drawn], **look, markeredgewidth=1.0, zorder=4, label=trade.kind)
    scale(axes, theme)


def _pool(axes: Axes, record: Record, key: str, theme: Theme, column: float) -> None:
    """The equity of a pool against its maintenance margin and backstop line, and where it fell below them."""
    _title(axes, f"{key}: equity against its lines", theme)
    measures = [step.measures.get(key) for step in record.steps]
    for span in spans([area_of(seen) for seen in measures]):
        if span.value:
            axes.axvspan(span.first - 0.5, span.last + 0.5, color=theme.areas[span.value], linewidth=0, zorder=0)
    # A pool without positions has no lines to be measured by: its margin of 0 would only squeeze the scale.
    backing = [seen if seen and seen.maintenance_margin.exact else None for seen in measures]
    _stairs(axes, [seen.backstop_line if seen else None for seen in backing], "backstop", theme, zorder=3)
    _stairs(axes, [seen.maintenance_margin if seen else None for seen in backing], "maintenance", theme, zorder=3)
    _stairs(axes, [seen.equity if seen else None for seen in measures], "equity", theme)
    for event in record.takeovers(key):
        axes.axvline(event, label=CURVES["takeover"], **stroke("takeover", theme))
    scale(axes, theme)
    _draw_breaches(axes, record, key, theme, column)


def _draw_breaches(axes: Axes, record: Record, key: str, theme: Theme, column: float) -> None:
    """Write the two numbers of each breach over its first event, in a part of the panel that no line reaches."""
    measures = [step.measures.get(key) for step in record.steps]
    breached = [seen is not None and seen.breached for seen in measures]
    if any(breached):
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + (top - bottom) * _HEADROOM)
    for span in spans(breached):
        seen = measures[span.first - 1]
        if span.value and seen is not None:
            lines = [value_text(seen.equity.text), f"< {value_text(seen.maintenance_margin.text)}"]
            if max(map(len, lines)) * _NUMBER <= (span.last - span.first + 1) * column:
                where = (span.first - 0.5 + 0.05 / column, 0.96)
                looks: dict[str, Any] = {"color": theme.text, "fontsize": 7, "va": "top", "linespacing": 1.1}
                axes.text(*where, "\n".join(lines), transform=axes.get_xaxis_transform(), label="breach", **looks)


def _stairs(axes: Axes, amounts: Sequence[Amount | None], curve: Curve, theme: Theme, zorder: int = 2) -> None:
    """A line that is flat through each column; a gap where there is no value."""
    values = [math.nan if amount is None else amount.drawn for amount in amounts]
    edges = [event - 0.5 for event in range(1, len(values) + 2)]
    axes.stairs(values, edges, baseline=None, label=CURVES[curve], zorder=zorder, **stroke(curve, theme))


def scale(axes: Axes, theme: Theme) -> None:
    """Prepare the vertical scale of a panel with its lines."""
    axes.margins(y=0.14)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, min_n_ticks=2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: scale_text(value)))
    axes.grid(axis="y", color=theme.grid, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)


def scale_text(value: float) -> str:
    """A number on a scale: thousands separated, millions and more shortened, nothing that is not needed."""
    if value == 0:
        return "0"
    size = abs(value)
    for step, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if size >= step:
            return f"{value / step:,.6g}{letter}" if size < 1e16 else f"{value:.3g}"
    return f"{value:,.10g}" if size >= 1e-4 else f"{value:.3g}"


def _band_height(record: Record, key: str) -> float:
    return _STATES + (_WINDOWS if record.windows(key) else 0)


def _position(axes: Axes, record: Record, key: str, theme: Theme, column: float) -> None:
    """The states of a position as a band, each with its name, and below it the position's own open windows."""
    _title(axes, key, theme)
    whole = _band_height(record, key)
    _empty(axes, whole)
    floor = whole - _STATES
    for span in record.states(key):
        if span.value == machine.lifecycle().table.initial:
            continue
        look = theme.boxes[role_of(span.value)]
        axes.add_patch(box := _box(span, floor, whole, facecolor=look.fill, label=span.value))
        if look.hatch:  # the hatch takes the colour of the edge; on a separate strip it leaves the name readable
            strip = _box(span, whole - _STRIP, whole, facecolor=look.fill, edgecolor=look.border, hatch=look.hatch)
            strip.set_linewidth(0)
            axes.add_patch(strip)
            box.set_height(_STATES - _STRIP)
        _write(axes, box, column, [words(span.value)], look.text)
        box.set_height(_STATES)
        axes.add_patch(_box(span, floor, whole, facecolor="none", edgecolor=theme.background))
    for span in record.windows(key):
        looks = {"facecolor": theme.areas["window"], "edgecolor": theme.background, "label": "window"}
        axes.add_patch(box := _box(span, 0, floor, **looks))
        ends = time_text(span.value)
        _write(axes, box, column, [f"window to {ends}", f"to {ends}", ends], theme.background)


def _blocks(axes: Axes, record: Record, theme: Theme, column: float) -> None:
    _title(axes, "blocks and their times", theme)
    _empty(axes, _BLOCKS)
    for place, span in enumerate(record.blocks()):
        number, time = span.value
        ground = theme.grid if place % 2 else theme.panel
        axes.add_patch(box := _box(span, 0, _BLOCKS, facecolor=ground, edgecolor=theme.grid, label=f"block {number}"))
        clock = time_text(time)
        texts = [f"block {number} at {clock}", f"block {number} {clock}", clock, str(number)]
        _write(axes, box, column, texts, theme.text)


def _empty(axes: Axes, height_in_inches: float) -> None:
    """A panel without a scale, whose vertical unit is the inch."""
    axes.set_yticks([])
    axes.set_ylim(0, height_in_inches)


def _box(span: Span, bottom: float, top: float, **look: Any) -> Rectangle:
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
            looks: dict[str, Any] = {"color": colour, "fontsize": _POINTS, "linespacing": 1.05}
            axes.text(*middle, "\n".join(lines), ha="center", va="center", **looks)
            return
