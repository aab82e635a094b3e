"""The heading of a timeline: the run's title, what it is a run of, and what each line, mark and area means."""

import math
import textwrap
from itertools import pairwise
from typing import Any, TypeVar

from attrs import frozen
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from liqspec.draw.diagram import role_of
from liqspec.draw.legend import Entry, Mark, Side, entries, short
from liqspec.draw.theme import Curve, Theme
from liqspec.edge.texts import counted, time_text, words
from liqspec.replay.record import Record

P = TypeVar("P", bound=Patch)

# Markers of what was executed, at its price: down for a sale, up for a purchase.
_MARKERS: dict[Side, str] = {"sells": "v", "buys": "^"}

# Inches.
_MARGIN, _TITLE_LINE, _SUBTITLE, _LEGEND_LINE = 0.15, 0.24, 0.24, 0.2
_LEGEND_CHARACTER, _LEGEND_HANDLE = 0.073, 0.62
_TITLE_CHARACTERS = 9.5  # of the title's size, in an inch
# In characters of the legend.
_LEGEND: dict[str, Any] = {"frameon": False, "borderaxespad": 0, "borderpad": 0}
_LEGEND |= {"handlelength": 2.6, "columnspacing": 1.6, "labelspacing": 0.45}


@frozen(kw_only=True)
class Heading:
    """The heading of a picture that is `width` inches wide."""

    width: float
    title: str
    subtitle: str
    entries: tuple[Artist, ...]

    @classmethod
    def of(cls, record: Record, theme: Theme, width: float, *, labelled: bool) -> "Heading":
        """The heading of a record; where the bands have no room for names, it names the states as well."""
        title = textwrap.wrap(short(record.title, 200), max(20, int(width * _TITLE_CHARACTERS)))
        samples = tuple(_sample(entry, theme) for entry in entries(record)) + (
            () if labelled else _states(record, theme)
        )
        return cls(width=width, title="\n".join(title or [record.name]), subtitle=_subtitle(record), entries=samples)

    @property
    def columns(self) -> int:
        """The columns of the legend: as few lines as the width allows, evenly filled."""
        widths = [len(str(entry.get_label())) * _LEGEND_CHARACTER + _LEGEND_HANDLE for entry in self.entries]
        for lines in range(1, len(widths)):
            columns = math.ceil(len(widths) / lines)
            if sum(max(column) for column in _split(widths, columns)) <= self.width - _MARGIN:
                return columns
        return 1

    @property
    def height(self) -> float:
        """The height in inches."""
        lines = math.ceil(len(self.entries) / self.columns)
        titles = self.title.count("\n") + 1
        return _MARGIN + titles * _TITLE_LINE + _SUBTITLE + lines * _LEGEND_LINE - 0.1

    def draw(self, figure: Figure, theme: Theme) -> None:
        """Draw it from the top of the figure down."""
        width, height = figure.get_size_inches()
        left, top = _MARGIN / width, height - _MARGIN
        looks: dict[str, Any] = {"fontsize": 12, "fontweight": "bold", "linespacing": 1.2}
        figure.text(left, top / height, self.title, color=theme.text, va="top", **looks)
        top -= (self.title.count("\n") + 1) * _TITLE_LINE
        figure.text(left, top / height, self.subtitle, fontsize=8.5, color=theme.quiet, va="top")
        top -= _SUBTITLE
        figure.legend(
            handles=list(self.entries),
            loc="upper left",
            bbox_to_anchor=(left, top / height),
            ncols=self.columns,
            labelcolor=theme.text,
            fontsize=8.5,
            **_LEGEND,
        )


def _split(widths: list[float], columns: int) -> list[list[float]]:
    """The entries of each column as the library places them: the first columns have one more."""
    lines, longer = divmod(len(widths), columns)
    ends = [0]
    for column in range(columns):
        ends.append(ends[-1] + lines + (column < longer))
    return [widths[first:last] for first, last in pairwise(ends)]


def _subtitle(record: Record) -> str:
    first, last = record.blocks()[0].value[1], record.blocks()[-1].value[1]
    venue = f"venue {record.venue}, " if record.venue else ""
    when = f"from {time_text(first)} to {time_text(last)}" if last > first else f"at {time_text(first)}"
    text = f"{venue}{_events(record)}{_refused(record)}, {when}"
    if record.paired:
        begins = record.differs_from
        text += (
            " · both do the same" if begins is None else f" · they differ from event {record.numbers[begins - 1]} on"
        )
    return text + ("" if record.end.as_expected else " · NOT AS EXPECTED")


def _events(record: Record) -> str:
    if record.before:
        return f"events {record.numbers[0]} to {record.numbers[-1]}"
    return counted(len(record.steps), "event")


def _refused(record: Record) -> str:
    count = sum(step.refusal is not None for step in record.steps)
    return f" ({count} refused, in italics)" if count else ""


def stroke(curve: Curve, theme: Theme) -> dict[str, Any]:
    """How a line looks, as the library names it."""
    drawn = theme.curves[curve]
    return {"color": drawn.color, "linewidth": drawn.width, "linestyle": (0, drawn.dashes) if drawn.dashes else "-"}


def hatched(patch: P, theme: Theme) -> P:
    """The look of what a working order is to close."""
    patch.set(facecolor="none", edgecolor=theme.areas["order"], hatch="////", linewidth=0.8)
    return patch


def marker(mark: Mark, theme: Theme) -> dict[str, Any]:
    """How a trade or a fill is marked, as the library names it; the trader's own are empty."""
    color = theme.panel if mark.kind == "trade" else theme.boxes["liquidation"].border
    look: dict[str, Any] = {"marker": _MARKERS[mark.side], "markersize": 7.5, "linestyle": "none"}
    return look | {"markerfacecolor": color, "markeredgecolor": theme.text}


def _sample(entry: Entry, theme: Theme) -> Artist:
    if entry.curve is not None:
        return Line2D([], [], label=entry.text, **stroke(entry.curve, theme))
    if entry.area == "order":
        return hatched(Patch(label=entry.text), theme)
    if entry.area is not None:
        return Patch(color=theme.areas[entry.area], label=entry.text)
    assert entry.mark is not None, "an entry is a line, an area or a mark"
    return Line2D([], [], label=entry.text, **marker(entry.mark, theme))


def _states(record: Record, theme: Theme) -> tuple[Artist, ...]:
    names = dict.fromkeys(span.value for key in record.positions() for span in record.states(key))
    looks = [(words(name), theme.boxes[role_of(name)]) for name in names]
    return tuple(
        Patch(facecolor=look.fill, edgecolor=look.border, hatch=look.hatch, label=text) for text, look in looks
    )
