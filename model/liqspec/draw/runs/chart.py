"""A run as a timeline: marks, equity against its lines, the states of the positions, and time; a column an event.

Events of one block share their time, so the events are the axis, each a column of the same width, and the time stands
below as the blocks that the columns belong to. A value in a column is what was so after that event.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from liqspec.draw.runs import bands, legend, panels
from liqspec.draw.runs.palette import THEMES, Theme, ThemeName
from liqspec.draw.runs.record import Record
from liqspec.draw.runs.words import event_label

Format = Literal["svg", "png"]

# Inches.
_LEFT, _RIGHT, _GAP, _EVENTS_BELOW = 1.0, 0.2, 0.4, 0.72
_PRICE, _POOL, _BLOCKS = 1.15, 1.7, 0.34
_COLUMNS, _COLUMN, _MOST = 6.4, 0.82, 40.0
_DPI = 110

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # it comes with the library, so the picture is the same everywhere
    "font.size": 8.5,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "svg.fonttype": "path",
    "svg.hashsalt": "liqspec",
    "hatch.linewidth": 0.6,
}


@frozen(kw_only=True)
class Layout:
    """The measures of a picture in inches: the width of a column, the heights of its heading and of its rows."""

    events: int
    column: float
    top: float
    rows: tuple[float, ...]

    @property
    def width(self) -> float:
        """The whole width."""
        return _LEFT + self.events * self.column + _RIGHT

    @property
    def height(self) -> float:
        """The whole height."""
        return self.top + sum(self.rows) + _GAP * len(self.rows) + _EVENTS_BELOW


@contextmanager
def settings() -> Iterator[None]:
    """The library's settings under which the pictures are drawn, whatever those of the caller are."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; that is no reason to print a warning.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def render(record: Record, form: Format, theme: ThemeName = "light") -> bytes:
    """The timeline as a file; the same record gives the same bytes with the same version of the library."""
    file = io.BytesIO()
    with settings():
        figure = draw(record, theme)
        metadata = {"Date": None, "Title": record.title} if form == "svg" else {"Software": None}
        figure.savefig(file, format=form, dpi=_DPI, metadata=metadata)
    return file.getvalue()


def draw(record: Record, theme: ThemeName = "light") -> Figure:
    """The timeline as a figure: a panel a market, a panel a pool, a band a position, and the blocks."""
    with settings():
        return _draw(record, THEMES[theme])


def _draw(record: Record, theme: Theme) -> Figure:
    markets, pools, positions = record.markets(), record.pools(), record.positions()
    events = len(record.steps)
    column = min(max(_COLUMN, _COLUMNS / events), _MOST / events)
    heading = legend.Heading.of(record, theme, _LEFT + events * column, labelled=column >= _COLUMN)
    rows = (*[_PRICE] * len(markets), *[_POOL] * len(pools), *[bands.height(record, key) for key in positions], _BLOCKS)
    layout = Layout(events=events, column=column, top=heading.height, rows=rows)
    figure = Figure(figsize=(layout.width, layout.height), facecolor=theme.ground)
    heading.draw(figure, theme)
    axes = iter(_axes(figure, layout, record, theme))
    for market in markets:
        panels.market(next(axes), record, market, theme)
    for pool in pools:
        panels.pool(next(axes), record, pool, theme, column)
    for position in positions:
        bands.position(next(axes), record, position, theme, column)
    below = next(axes)
    bands.blocks(below, record, theme, column, _BLOCKS)
    _name_events(below, record, layout, theme)
    return figure


def _axes(figure: Figure, layout: Layout, record: Record, theme: Theme) -> list[Axes]:
    """An empty panel a row, from the top down, with the columns of the events and the borders of the blocks."""
    top, panels_down = layout.height - layout.top, []
    for height in layout.rows:
        top -= _GAP + height
        box = (_LEFT, top, layout.events * layout.column, height)
        across, up = layout.width, layout.height
        axes = figure.add_axes((box[0] / across, box[1] / up, box[2] / across, box[3] / up))
        axes.set_facecolor(theme.panel)
        axes.set_xlim(0.5, layout.events + 0.5)
        axes.set_xticks([])
        axes.tick_params(colors=theme.quiet, labelcolor=theme.text, length=3)
        for spine in axes.spines.values():
            spine.set_color(theme.grid)
        for block in record.blocks()[1:]:
            axes.axvline(block.first - 0.5, color=theme.quiet, linewidth=0.8, zorder=1)
        panels_down.append(axes)
    return panels_down


def _name_events(axes: Axes, record: Record, layout: Layout, theme: Theme) -> None:
    """Below each column its number and its event; every n-th number alone where the columns are too narrow."""
    if layout.column >= _COLUMN:
        places = list(range(1, layout.events + 1))
        labels = [f"{event}\n{event_label(step.event)}" for event, step in enumerate(record.steps, start=1)]
    else:
        every = max(1, round(0.5 / layout.column))
        places = list(range(1, layout.events + 1, every))
        labels = [str(place) for place in places]
    axes.set_xticks(places, labels, color=theme.text, fontsize=8, linespacing=1.15)
    axes.tick_params(axis="x", length=3)
    for label, place in zip(axes.get_xticklabels(), places, strict=True):
        if record.steps[place - 1].refusal is not None:
            label.set_color(theme.quiet)
            label.set_fontstyle("italic")
