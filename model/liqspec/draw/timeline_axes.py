"""What the panels of a timeline share: the sheet they are on, their scales, their lines, and texts that fit."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle, StepPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from liqspec.draw.legend import CURVES, short
from liqspec.draw.theme import Curve, Theme
from liqspec.draw.timeline_heading import stroke
from liqspec.replay.record import Record, Span

# Inches.
COLUMN = 0.82  # a column that has room for the name of its event
_CHARACTER, _LINE = 0.064, 0.13  # at most, a character and a line of a text in a band, whose size in points is _POINTS
_POINTS = 7.5
_SMALL_CHARACTER, _SMALL_POINTS = 0.062, 7.0  # at most, a character of a number in a panel
_ROOM = 0.31  # the part at the top of a panel that no line reaches, for two lines of small text

_LONGEST_NAME, _LONGEST_TITLE = 60, 84


@frozen(kw_only=True)
class Sheet:
    """What a panel is drawn from: the run, the colours, and the width of a column in inches."""

    record: Record
    theme: Theme
    column: float

    @property
    def labelled(self) -> bool:
        """Whether each column has room for the name of its event."""
        return self.column >= COLUMN

    @property
    def events(self) -> int:
        """How many columns there are."""
        return len(self.record.steps)


def title(axes: Axes, name: str, about: str, theme: Theme) -> None:
    """Head a panel with a name, shortened where it is long, and with what is drawn of it."""
    text = short(name, min(_LONGEST_NAME, _LONGEST_TITLE - len(about))) + about
    axes.set_title(text, loc="left", fontsize=9, fontweight="bold", color=theme.text, pad=4)


def stairs(axes: Axes, values: Sequence[float | None], curve: Curve, theme: Theme, zorder: int = 2) -> Any:
    """A line that is flat through each column; a gap where there is no value."""
    drawn = [math.nan if value is None else value for value in values]
    edges = [event - 0.5 for event in range(1, len(drawn) + 2)]
    return axes.stairs(drawn, edges, baseline=None, label=CURVES[curve], zorder=zorder, **stroke(curve, theme))


def scale(axes: Axes, theme: Theme, ticks: int = 4) -> None:
    """Prepare the vertical scale of a panel with its lines."""
    axes.margins(y=0.14)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=ticks, min_n_ticks=2))
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


def limit(axes: Axes, low: float, high: float, height: float, notes: "Sequence[Note]") -> None:
    """Show what lies from `low` to `high` in a panel of this height in inches, with room for its notes.

    Lines that were drawn before are cut off at both, those of blocks too; none reaches the notes. A mark is whole.
    """
    above = max((_ROOM for note in notes if not note.bottom), default=0.0)
    below = max((_ROOM / 2 for note in notes if note.bottom), default=0.0)
    inch = (high - low) / (height - above - below)
    axes.set_ylim(low - below * inch, high + above * inch)
    left, right = axes.get_xlim()
    for line in (*axes.patches, *axes.lines):
        if isinstance(line, Line2D) and line.get_marker() != "None":
            line.set_clip_on(False)
        elif isinstance(line, StepPatch | Line2D):
            line.set_clip_path(Rectangle((left, low), right - left, high - low, transform=axes.transData))


def beyond(values: Sequence[float | None], low: float, high: float) -> list[float | None]:
    """The values, those outside of the range so far outside that nothing of their line is in it."""
    far = high - low
    return [
        value if value is None or low <= value <= high else value + math.copysign(far, value - low) for value in values
    ]


def padded(values: Sequence[float]) -> tuple[float, float]:
    """The range of some values, with a margin; a range around the only one."""
    low, high = min(values), max(values)
    pad = (high - low) * 0.14 or abs(high) * 0.01 or 1.0
    return low - pad, high + pad


@frozen(kw_only=True)
class Note:
    """A text at the top or the bottom of a panel about an event, from the beginning of its column or up to its end.

    Where notes overlap, those with the highest weight are kept.
    """

    event: int
    text: str
    weight: int = 0
    bottom: bool = False
    ends: bool = False


def write_notes(axes: Axes, notes: Sequence[Note], sheet: Sheet) -> None:
    """Write the notes that fit, without those that would overlap one that weighs more."""
    written: list[tuple[bool, float, float]] = []
    for note in sorted(notes, key=lambda one: (-one.weight, one.event)):
        lines = [short(line, 40) for line in note.text.splitlines()]
        across = max(map(len, lines)) * _SMALL_CHARACTER
        left = note.event * sheet.column - 0.05 - across if note.ends else (note.event - 1) * sheet.column + 0.05
        right = left + across
        free = all(right <= one or other <= left for bottom, one, other in written if bottom == note.bottom)
        if free and left >= 0 and right <= sheet.events * sheet.column:
            written.append((note.bottom, left, right))
            looks: dict[str, Any] = {"fontsize": _SMALL_POINTS, "linespacing": 1.1}
            looks |= {"color": sheet.theme.text if note.weight else sheet.theme.quiet}
            looks |= {"ha": "right" if note.ends else "left", "va": "bottom" if note.bottom else "top"}
            place = (0.5 + (right if note.ends else left) / sheet.column, 0.03 if note.bottom else 0.97)
            axes.text(*place, "\n".join(lines), label="note", transform=axes.get_xaxis_transform(), **looks)


def cut_off(values: Sequence[float | None], low: float, high: float, texts: Sequence[str]) -> list[Note]:
    """Where a line leaves the range, an arrow with its text there."""
    found: list[Note] = []
    outside = 0
    for event, (value, text) in enumerate(zip(values, texts, strict=True), start=1):
        side = 0 if value is None or low <= value <= high else -1 if value < low else 1
        if side and (side != outside or text != texts[event - 2]):
            arrow = "▲" if side > 0 else "▼"
            found.append(Note(event=event, text=f"{arrow} {text}", bottom=side < 0))
        outside = side
    return found


def bare(axes: Axes, height: float) -> None:
    """A panel without a scale, whose vertical unit is the inch."""
    axes.set_yticks([])
    axes.set_ylim(0, height)


def box(span: Span, bottom: float, top: float, **look: Any) -> Rectangle:
    """An area through the columns of a span."""
    columns = span.last - span.first + 1
    return Rectangle((span.first - 0.5, bottom), columns, top - bottom, linewidth=1, **look)


def write(axes: Axes, area: Rectangle, column: float, texts: list[str], colour: str) -> None:
    """Write the first text that fits in the middle of an area: on one line, or on as many as there is room for."""
    across = int(area.get_width() * column / _CHARACTER)
    down = int(area.get_height() / _LINE)
    for lines in (
        lines for text in texts for lines in ([text], textwrap.wrap(text, max(across, 1), break_long_words=False))
    ):
        if len(lines) <= down and all(len(line) <= across for line in lines):
            middle = (area.get_x() + area.get_width() / 2, area.get_y() + area.get_height() / 2)
            looks: dict[str, Any] = {"color": colour, "fontsize": _POINTS, "linespacing": 1.05}
            axes.text(*middle, "\n".join(lines), ha="center", va="center", **looks)
            return
