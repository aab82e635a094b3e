"""A run as a timeline: marks, margin ratios, equity, positions, the vault and time; a column an event.

Events of one block share their time, so the events are the axis, each a column of the same width, and the time stands
below as the blocks that the columns belong to. A value in a column is what was so after that event.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from liqspec.draw.legend import event_label, short
from liqspec.draw.theme import THEMES, ThemeName
from liqspec.draw.timeline_axes import COLUMN, Sheet
from liqspec.draw.timeline_heading import Heading
from liqspec.draw.timeline_panels import MANY_BLOCKS, panels
from liqspec.replay.record import Record

Format = Literal["svg", "png"]

# Inches.
_LEFT, _RIGHT, _EVENTS_BELOW = 1.0, 0.2, 0.72
_COLUMNS, _MOST = 6.4, 40.0
_DPI = 110
_LONGEST_TITLE = 200

_SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # it comes with the library, so the picture is the same everywhere
    "font.size": 8.5,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "svg.fonttype": "none",  # a text stays a text: it can be searched, selected and read aloud
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
    metadata = {"Date": None, "Title": short(title, _LONGEST_TITLE)} if form == "svg" else {"Software": None}
    with settings():
        figure.savefig(file, format=form, dpi=_DPI, metadata=metadata)
    return file.getvalue()


@settings()
def draw(record: Record, theme: ThemeName = "light") -> Figure:
    """The timeline as a figure: panels of markets, pools, positions, the vault and the blocks, below a heading."""
    colours, events = THEMES[theme], len(record.steps)
    sheet = Sheet(record=record, theme=colours, column=min(max(COLUMN, _COLUMNS / events), _MOST / events))
    across = _LEFT + events * sheet.column + _RIGHT
    heading = Heading.of(record, colours, across - _RIGHT, labelled=sheet.labelled)
    every = list(panels(sheet))
    up = heading.height + sum(panel.height + panel.gap for panel in every) + _EVENTS_BELOW
    figure = Figure(figsize=(across, up), facecolor=colours.background)
    heading.draw(figure, colours)
    bottom = up - heading.height
    for panel in every:
        bottom -= panel.gap + panel.height
        axes = figure.add_axes((_LEFT / across, bottom / up, events * sheet.column / across, panel.height / up))
        _prepare(axes, sheet)
        panel.fill(axes)
    _name_events(axes, sheet)
    return figure


def _prepare(axes: Axes, sheet: Sheet) -> None:
    theme, blocks = sheet.theme, sheet.record.blocks()
    axes.set_facecolor(theme.panel)
    axes.set_xlim(0.5, sheet.events + 0.5)
    axes.set_xticks([])
    axes.tick_params(colors=theme.quiet, labelcolor=theme.text, length=3)
    for spine in axes.spines.values():
        spine.set_color(theme.grid)
    if (begins := sheet.record.differs_from) is not None:
        axes.axvline(begins - 0.5, color=theme.boxes["waiting"].border, linewidth=2, zorder=6)
    if len(blocks) <= MANY_BLOCKS:
        for block in blocks[1:]:
            axes.axvline(block.first - 0.5, color=theme.quiet, linewidth=0.8, zorder=1)


def _name_events(axes: Axes, sheet: Sheet) -> None:
    """Below each column its number and its event; every n-th number alone where the columns are too narrow."""
    record, theme = sheet.record, sheet.theme
    every = 1 if sheet.labelled else max(1, round(0.5 / sheet.column))
    places = list(range(1, sheet.events + 1, every))
    labels = [record.numbers[place - 1] for place in places]
    if sheet.labelled:
        labels = [f"{label}\n{event_label(step.event)}" for label, step in zip(labels, record.steps, strict=True)]
    axes.set_xticks(places, labels, color=theme.text, fontsize=8, linespacing=1.15)
    axes.tick_params(axis="x", length=3)
    for label, place in zip(axes.get_xticklabels(), places, strict=True):
        if record.steps[place - 1].refusal is not None:
            label.set_color(theme.quiet)
            label.set_fontstyle("italic")
