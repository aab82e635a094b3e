"""How a mark is formed in a run, and who is liquidated under it and under each other choice of the mark.

The events `price_inputs` are the axis, each a column of the same width. The upper panel shows the inputs, as empty
markers, the candidates, as full ones, the mark, and the liquidation prices of the open positions. Below it is a row for
each choice, with its price in each column and those who are liquidated there.
"""

from fractions import Fraction
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from liqspec.draw.legend import SOURCES, short
from liqspec.draw.theme import THEMES, Source, Theme, ThemeName
from liqspec.draw.timeline import Format, saved, settings
from liqspec.draw.timeline_axes import scale, scale_text
from liqspec.draw.timeline_heading import Heading, stroke
from liqspec.edge import keys
from liqspec.edge.amounts import exact
from liqspec.edge.texts import time_text
from liqspec.replay.mark_choices import Choice, Column, Comparison, Row

# Inches.
_LEFT, _RIGHT, _GAP, _BELOW = 1.65, 1.75, 0.42, 0.5
_PRICES, _ROW = 3.3, 0.34
_COLUMNS, _COLUMN, _MOST = 6.6, 0.6, 40.0
_CHARACTER = 0.062  # at most, a character of the text in a cell
_LABEL = 0.15  # the distance of two labels of liquidation prices

_BEYOND = Fraction(1, 10)  # of the range of all prices: a liquidation price further away is named at the border
# Where in a column each source stands, from its middle, and its marker.
_PLACES: dict[Source, float] = {"index": -0.3, "book": -0.08, "perps": 0.14, "last": 0.34}
_MARKERS: dict[Source, str] = {"index": "o", "book": "s", "perps": "D", "last": "x"}
_CANDIDATES: dict[str, tuple[Source, str]] = {  # the source of each candidate, and its meaning
    "spot": ("index", "spot: index + basis"),
    "book": ("book", "book: median of bid, ask, last"),
    "perps": ("perps", "perps: their weighted median"),
    "average of the book": ("book", "average of the book"),
}
_INPUTS: dict[str, tuple[Source, str]] = {
    "index": ("index", "index"),
    "best_bid": ("book", "bid and ask"),
    "best_ask": ("book", "bid and ask"),
    "perps": ("perps", "prices on other venues"),
    "last": ("last", "last trade"),
}
_ALONE: dict[Choice, Source] = {"last": "last", "index": "index", "book": "book", "perps": "perps"}
_AVERAGE = "^"


def render(comparison: Comparison, form: Format, theme: ThemeName = "light") -> bytes:
    """The picture as a file; the same run gives the same bytes with the same version of the library."""
    return saved(draw(comparison, theme), form, comparison.scenario.file.title)


def draw(comparison: Comparison, theme: ThemeName = "light") -> Figure:
    """The picture as a figure: a panel of prices, and a panel with a row for each choice of the mark."""
    with settings():
        return _draw(comparison, THEMES[theme])


def _draw(comparison: Comparison, theme: Theme) -> Figure:
    count, rows = len(comparison.columns), 1 + len(comparison.choices)
    column = min(max(_COLUMN, _COLUMNS / count), _MOST / count)
    across = _LEFT + count * column + _RIGHT
    file = comparison.scenario.file
    venue = f"venue {file.venue}, " if file.venue else ""
    heading = Heading(
        width=across,
        title=short(file.title, int(across * 9)),
        subtitle=f"{venue}{comparison.market}: empty markers are inputs, full ones candidates; the mark is the median",
        entries=tuple(_entries(comparison, theme)),
    )
    up = heading.height + _GAP + _PRICES + _GAP + rows * _ROW + _BELOW
    figure = Figure(figsize=(across, up), facecolor=theme.background)
    heading.draw(figure, theme)

    def panel(top: float, height: float) -> Axes:
        axes = figure.add_axes((_LEFT / across, (top - height) / up, count * column / across, height / up))
        axes.set_facecolor(theme.panel)
        axes.set_xlim(0.5, count + 0.5)
        axes.set_xticks([])
        axes.tick_params(colors=theme.quiet, labelcolor=theme.text, length=3)
        for spine in axes.spines.values():
            spine.set_color(theme.grid)
        for border in range(1, count):
            axes.axvline(border + 0.5, color=theme.grid, linewidth=0.8, zorder=1)
        return axes

    top = up - heading.height - _GAP
    prices = panel(top, _PRICES)
    _title(prices, f"{comparison.market}: inputs, candidates and mark", theme)
    _draw_prices(prices, comparison, theme)
    choices = panel(top - _PRICES - _GAP, rows * _ROW)
    _title(choices, "who is liquidated, if the mark is", theme)
    _draw_choices(choices, comparison, theme, column)
    return figure


def _title(axes: Axes, text: str, theme: Theme) -> None:
    axes.set_title(text, loc="left", fontsize=9, fontweight="bold", color=theme.text, pad=4)


# ------------------------------------------------------------------------------------------------------------- prices


def _draw_prices(axes: Axes, comparison: Comparison, theme: Theme) -> None:
    edges = [place + 0.5 for place in range(len(comparison.columns) + 1)]
    marks = [float(mark) for mark in comparison.formed.marks]
    look: dict[str, Any] = {**stroke("mark", theme), "linewidth": 2.4}
    axes.stairs(marks, edges, baseline=None, label="mark", zorder=3, **look)
    for place, column in enumerate(comparison.columns, start=1):
        _draw_inputs(axes, place, column, theme)
        for name, value in column.candidates.items():
            source = _CANDIDATES[name][0]
            x = place + _PLACES[source]
            axes.plot([x], [float(value)], label=name, zorder=5, **_candidate(name, theme))
    _draw_liquidation_prices(axes, comparison, edges, theme)


def _draw_inputs(axes: Axes, place: int, column: Column, theme: Theme) -> None:
    given = column.inputs
    for name in ("index", "last"):
        if name in given:
            source = _INPUTS[name][0]
            axes.plot([place + _PLACES[source]], [float(exact(given[name]))], label=name, **_input(source, theme))
    for perp in given.get("perps", ()):
        axes.plot([place + _PLACES["perps"]], [float(exact(perp["price"]))], label="perps", **_input("perps", theme))
    sides = [float(exact(given[name])) for name in ("best_bid", "best_ask") if name in given]
    if sides:
        x = place + _PLACES["book"]
        axes.plot([x] * len(sides), sides, label="bid and ask", **_book(theme))


def _input(source: Source, theme: Theme) -> dict[str, Any]:
    look: dict[str, Any] = {"marker": _MARKERS[source], "markersize": 7.5, "linestyle": "none", "zorder": 4}
    return look | {
        "markerfacecolor": "none",
        "markeredgecolor": theme.sources[source],
        "markeredgewidth": 2.2 if source == "last" else 1.3,
    }


def _book(theme: Theme) -> dict[str, Any]:
    """The range from bid to ask: a line with a bar at either end."""
    color = theme.sources["book"]
    return {"color": color, "linewidth": 1.2, "marker": "_", "markersize": 10, "markeredgewidth": 1.3, "zorder": 4}


def _candidate(name: str, theme: Theme) -> dict[str, Any]:
    source = _CANDIDATES[name][0]
    marker = _AVERAGE if name == "average of the book" else _MARKERS[source]
    color = theme.sources[source]
    return {"marker": marker, "markersize": 4.5, "linestyle": "none", "color": color}


def _line(theme: Theme) -> dict[str, Any]:
    """The liquidation price of a position."""
    return {"color": theme.boxes["liquidation"].border, "linewidth": 1.3, "linestyle": (0, (5, 2))}


def _draw_liquidation_prices(axes: Axes, comparison: Comparison, edges: list[float], theme: Theme) -> None:
    """The lines that are in reach of the prices, each with its name at the right; the others as names at the border."""
    scale(axes, theme)
    bottom, top = axes.get_ylim()
    margin = (top - bottom) * float(_BEYOND)
    labels: list[tuple[float, float, str]] = []  # where, the price, the text
    for key in dict.fromkeys(key for column in comparison.columns for key in column.liquidation_prices):
        values = [column.liquidation_prices.get(key) for column in comparison.columns]
        last = next((value for value in reversed(values) if value is not None), None)
        if last is None:
            continue
        text = f"{_name(key)} {scale_text(float(last))}"
        if bottom - margin <= last <= top + margin:
            drawn = [float("nan") if value is None else float(value) for value in values]
            axes.stairs(drawn, edges, baseline=None, label=f"liquidation price of {key}", zorder=2, **_line(theme))
            labels.append((float(last), float(last), text))
        else:
            border, side = (bottom, "below") if last < bottom else (top, "above")
            labels.append((border, float(last), f"{text}, {side}"))
    bottom, top = axes.get_ylim()
    distance = (top - bottom) * _LABEL / _PRICES
    place = bottom - distance
    for value, _, text in sorted(labels):
        place = max(value, place + distance)
        _right_of_panel(axes, place, text, theme.boxes["liquidation"].border)


# ------------------------------------------------------------------------------------------------------------ choices


def _draw_choices(axes: Axes, comparison: Comparison, theme: Theme, column: float) -> None:
    """A row for each choice, the mark of the rules first: its price in each column, and who is liquidated there."""
    rows: list[tuple[str, Row]] = [("formed by the rules", comparison.formed)]
    rows += [(f"{SOURCES[_ALONE[name]]} alone", row) for name, row in comparison.choices.items()]
    axes.set_ylim(len(rows), 0)
    axes.set_yticks([place + 0.5 for place in range(len(rows))], [name for name, _ in rows], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.get_yticklabels()[0].set_fontweight("bold")
    for place, (_, row) in enumerate(rows):
        if place:
            axes.axhline(place, color=theme.grid, linewidth=0.8)
        for number, (mark, given, hit) in enumerate(zip(row.marks, row.given, row.liquidated, strict=True), start=1):
            price = scale_text(float(mark)) if given else "–"
            names = ", ".join(map(_name, hit))
            if hit:
                look = theme.boxes["liquidation"]
                box = Rectangle((number - 0.5, place), 1, 1, facecolor=look.fill, edgecolor=look.border, linewidth=1.4)
                box.set(label=names, zorder=3, clip_on=False)
                axes.add_patch(box)
            text = next(
                (one for one in (f"{names}\n{price}" if hit else price, names or price) if _fits(one, column)), ""
            )
            weight = "bold" if hit else "normal"
            color = theme.on_boxes if hit else theme.quiet if not given else theme.text
            axes.text(
                number,
                place + 0.5,
                text,
                ha="center",
                va="center",
                fontsize=7,
                color=color,
                fontweight=weight,
                zorder=4,
            )
        _right_of_panel(
            axes, place + 0.5, _summary(row, comparison.columns), theme.text, "bold" if row.everybody else "normal"
        )
    _right_of_panel(axes, -0.3, "liquidated at step", theme.text)
    labels = [f"{one.step}\n{time_text(one.time)}" for one in comparison.columns]
    every = max(1, round(0.5 / column))
    places = list(range(1, len(labels) + 1, every))
    axes.annotate(
        "step\ntime",
        (0.5, len(rows)),
        xytext=(-8, -4.5),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=8,
        linespacing=1.15,
        color=theme.quiet,
        annotation_clip=False,
    )
    axes.set_xticks(places, [labels[place - 1] for place in places], color=theme.text, fontsize=8, linespacing=1.15)


def _right_of_panel(axes: Axes, place: float, text: str, color: str, weight: str = "normal") -> None:
    """Write to the right of the panel."""
    look: dict[str, Any] = {"fontsize": 8, "va": "center", "color": color, "fontweight": weight}
    where = (axes.get_xlim()[1], place)
    axes.annotate(text, where, xytext=(6, 0), textcoords="offset points", annotation_clip=False, **look)


def _summary(row: Row, columns: tuple[Column, ...]) -> str:
    """Who is liquidated at all, and at which step first."""
    first = {
        key: column.step for hit, column in reversed(list(zip(row.liquidated, columns, strict=True))) for key in hit
    }
    return short(", ".join(f"{_name(key)} at {first[key]}" for key in row.everybody) or "nobody", 30)


def _fits(text: str, column: float) -> bool:
    return max(map(len, text.split("\n"))) * _CHARACTER <= column


def _name(key: str) -> str:
    """A position in a word: its account."""
    return short(keys.account_of(key), 14)


# ------------------------------------------------------------------------------------------------------------- legend


def _entries(comparison: Comparison, theme: Theme) -> list[Artist]:
    """What occurs in the picture, each with its meaning."""
    look: dict[str, Any] = {**stroke("mark", theme), "linewidth": 2.4}
    found: list[Artist] = [Line2D([], [], label="mark", **look)]
    given = {name for column in comparison.columns for name in column.inputs}
    for text, source in dict.fromkeys((text, source) for name, (source, text) in _INPUTS.items() if name in given):
        found.append(Line2D([], [], label=text, **(_book(theme) if source == "book" else _input(source, theme))))
    formed = {name for column in comparison.columns for name in column.candidates}
    found += [
        Line2D([], [], label=text, **_candidate(name, theme))
        for name, (_, text) in _CANDIDATES.items()
        if name in formed
    ]
    if any(column.liquidation_prices for column in comparison.columns):
        found.append(Line2D([], [], label="liquidation price", **_line(theme)))
    return found
