"""The heading of a timeline: the run's title, what it is a run of, and what each line, mark and area means."""

import math
import textwrap
from itertools import pairwise
from typing import Any

from attrs import frozen
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from liqspec.draw.run_theme import Theme
from liqspec.draw.words import short, time_text, words
from liqspec.replay.record import Record

# Markers of what was executed, at its price: down for a sale, up for a purchase, empty for the trader's own.
SELLS, BUYS = "v", "^"

# Inches.
_MARGIN, _TITLE_LINE, _SUBTITLE, _LEGEND_LINE = 0.15, 0.24, 0.24, 0.2
_LEGEND_CHARACTER, _LEGEND_HANDLE = 0.073, 0.62
_TITLE_CHARACTERS = 9.5  # of the title's size, in an inch


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
        entries = _entries(record, theme) + ([] if labelled else _states(record, theme))
        return cls(
            width=width, title="\n".join(title or [record.name]), subtitle=_subtitle(record), entries=tuple(entries)
        )

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
        figure.text(
            left, top / height, self.title, fontsize=12, fontweight="bold", color=theme.text, va="top", linespacing=1.2
        )
        top -= (self.title.count("\n") + 1) * _TITLE_LINE
        figure.text(left, top / height, self.subtitle, fontsize=8.5, color=theme.quiet, va="top")
        top -= _SUBTITLE
        figure.legend(
            handles=list(self.entries),
            loc="upper left",
            bbox_to_anchor=(left, top / height),
            ncols=self.columns,
            frameon=False,
            borderaxespad=0,
            borderpad=0,
            labelcolor=theme.text,
            fontsize=8.5,
            handlelength=2.6,
            columnspacing=1.6,
            labelspacing=0.45,
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
    told = f"{venue}{len(record.steps)} events, from {time_text(first)} to {time_text(last)}"
    return told + ("" if record.end.as_expected else " · NOT AS EXPECTED")


def _entries(record: Record, theme: Theme) -> list[Artist]:
    """What occurs in this picture, each with its meaning."""
    measures = [seen for step in record.steps for seen in step.measures.values()]
    trades = list(record.trades())
    edge: dict[str, Any] = {"markeredgecolor": theme.text, "linestyle": "none", "markersize": 7.5}
    entries: list[Artist] = [
        Line2D([], [], color=theme.mark, linewidth=1.6, label="mark price"),
        Line2D([], [], color=theme.equity, linewidth=2.2, label="equity"),
    ]
    if any(seen.maintenance_margin.exact for seen in measures):
        entries += [
            Line2D([], [], color=theme.maintenance, linewidth=1.6, linestyle=(0, (5, 2)), label="maintenance margin"),
            Line2D([], [], color=theme.backstop, linewidth=1.6, linestyle=(0, (1, 1.4)), label="backstop line"),
        ]
    if any(seen.breached and not seen.below_backstop for seen in measures):
        entries.append(Patch(color=theme.breached, label="breached"))
    if any(seen.below_backstop for seen in measures):
        entries.append(Patch(color=theme.below_backstop, label="below backstop line"))
    for sells, marker, verb in ((True, SELLS, "sells"), (False, BUYS, "buys")):
        if any(trade.kind == "trade" and trade.sells == sells for trade in trades):
            ground = theme.panel
            entries.append(Line2D([], [], marker=marker, markerfacecolor=ground, label=f"trader {verb}", **edge))
        if any(trade.kind == "fill" and trade.sells == sells for trade in trades):
            ground = theme.maintenance
            entries.append(Line2D([], [], marker=marker, markerfacecolor=ground, label=f"liquidation {verb}", **edge))
    if any(record.takeovers(key) for key in record.pools()):
        entries.append(
            Line2D([], [], color=theme.backstop, linewidth=1.6, linestyle="-.", label="the vault takes the pool")
        )
    if any(record.windows(key) for key in record.positions()):
        entries.append(Patch(color=theme.window, label="own cooldown window"))
    return entries


def _states(record: Record, theme: Theme) -> list[Artist]:
    names = dict.fromkeys(span.value for key in record.positions() for span in record.states(key))
    looks = [(name, theme.state(name)) for name in names]
    return [
        Patch(facecolor=look.area, edgecolor=theme.quiet, hatch=look.hatch, label=words(name)) for name, look in looks
    ]
