"""The panels of a timeline that have a scale: the mark of a market, and the equity of a pool against its lines."""

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from liqspec.draw.runs.palette import Theme
from liqspec.draw.runs.record import Amount, Record, spans
from liqspec.draw.runs.words import short
from liqspec.report.amounts import value_text

# Markers of what was executed, at its price: down for a sale, up for a purchase, empty for the trader's own.
SELLS, BUYS = "v", "^"

_LONGEST_NAME = 60

# What is kept free above the lines, as a share of them, for the numbers; and the inches of one of their characters.
_HEADROOM, _CHARACTER = 0.3, 0.062


def title(axes: Axes, text: str, theme: Theme) -> None:
    """Name a panel, above its left corner."""
    axes.set_title(short(text, _LONGEST_NAME), loc="left", fontsize=9, fontweight="bold", color=theme.text, pad=4)


def market(axes: Axes, record: Record, name: str, theme: Theme) -> None:
    """The mark price of a market as steps, with the fills and trades at their prices."""
    title(axes, f"{name}: mark price", theme)
    marks = [step.marks[name] for step in record.steps]
    _stairs(axes, marks, label="mark price", color=theme.mark, linewidth=1.6)
    for trade in record.trades():
        if trade.market == name:
            own = trade.kind == "trade"
            axes.plot(
                [trade.event],
                [trade.price.drawn],
                marker=SELLS if trade.sells else BUYS,
                markersize=7.5,
                markerfacecolor=theme.panel if own else theme.maintenance,
                markeredgecolor=theme.text,
                markeredgewidth=1.0,
                linestyle="none",
                zorder=4,
                label=trade.kind,
            )
    _scale(axes, theme)


def pool(axes: Axes, record: Record, key: str, theme: Theme, column: float) -> None:
    """The equity of a pool against its maintenance margin and backstop line, and where it fell below them."""
    title(axes, f"{key}: equity against its lines", theme)
    measures = [step.measures.get(key) for step in record.steps]
    below = ["" if seen is None else _depth(seen.breached, seen.below_backstop) for seen in measures]
    for span in spans(below):
        if span.value:
            axes.axvspan(span.first - 0.5, span.last + 0.5, color=getattr(theme, span.value), linewidth=0, zorder=0)
    # A pool without positions has no lines to be measured by: its margin of 0 would only squeeze the scale.
    backing = [seen is not None and seen.maintenance_margin.exact != 0 for seen in measures]
    _stairs(
        axes,
        [seen.backstop_line if seen and held else None for seen, held in zip(measures, backing, strict=True)],
        label="backstop line",
        color=theme.backstop,
        linewidth=1.6,
        linestyle=(0, (1, 1.4)),
        zorder=3,
    )
    _stairs(
        axes,
        [seen.maintenance_margin if seen and held else None for seen, held in zip(measures, backing, strict=True)],
        label="maintenance margin",
        color=theme.maintenance,
        linewidth=1.6,
        linestyle=(0, (5, 2)),
        zorder=3,
    )
    equity = [None if seen is None else seen.equity for seen in measures]
    _stairs(axes, equity, label="equity", color=theme.equity, linewidth=2.2)
    for event in record.takeovers(key):
        axes.axvline(event, color=theme.backstop, linewidth=1.6, linestyle="-.", label="the vault takes the pool")
    _scale(axes, theme)
    _tell_breaches(axes, record, key, theme, column)


def _tell_breaches(axes: Axes, record: Record, key: str, theme: Theme, column: float) -> None:
    """Write the two numbers of each breach over its first event, in a part of the panel that no line reaches."""
    measures = [step.measures.get(key) for step in record.steps]
    breaches = [span for span in spans([seen is not None and seen.breached for seen in measures]) if span.value]
    if breaches:
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + (top - bottom) * _HEADROOM)
    for span in breaches:
        seen = measures[span.first - 1]
        if seen is not None:
            lines = [value_text(seen.equity.text), f"< {value_text(seen.maintenance_margin.text)}"]
            if max(map(len, lines)) * _CHARACTER <= (span.last - span.first + 1) * column:
                where = (span.first - 0.5 + 0.05 / column, 0.96)
                axes.text(
                    *where, "\n".join(lines), transform=axes.get_xaxis_transform(), color=theme.text,
                    fontsize=7, va="top", linespacing=1.1, label="breach",
                )  # fmt: skip


def _depth(breached: bool, below_backstop: bool) -> str:
    """The name of the ground's colour where a pool is below one of its lines."""
    return "below_backstop" if below_backstop else "breached" if breached else ""


def _stairs(axes: Axes, amounts: "list[Amount] | list[Amount | None]", **style: Any) -> None:
    """A line that is flat through each column; a gap where there is no value."""
    values = [math.nan if amount is None else amount.drawn for amount in amounts]
    edges = [event - 0.5 for event in range(1, len(values) + 2)]
    axes.stairs(values, edges, baseline=None, **{"zorder": 2, **style})


def _scale(axes: Axes, theme: Theme) -> None:
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
