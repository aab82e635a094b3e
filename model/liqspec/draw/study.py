"""What a study found, as a picture: the paths of some traders, or what is kept over the sizes of an order."""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

from attrs import frozen
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from liqspec.draw.diagram import CannotDraw
from liqspec.draw.theme import THEMES, Role, Theme, ThemeName
from liqspec.draw.timeline import Format, settings
from liqspec.draw.timeline_axes import scale_text
from liqspec.replay.study import Findings, Point, Result, value_of
from liqspec.spec.studies import MEASURES, Axis, Choice

_DPI = 110
# How each line of a picture looks, in the order of the choices: a colour of the theme, dashes and a marker.
_LOOKS: tuple[tuple[Role, tuple[float, ...], str], ...] = (
    ("liquidation", (), "o"),
    ("covered", (6, 2), "s"),
    ("waiting", (2, 1.2), "^"),
    ("partial", (7, 1.5, 1.5, 1.5), "D"),
    ("vault", (1, 1), "v"),
    ("end", (4, 1, 1, 1, 1, 1), "P"),
)


@frozen
class Look:
    """How the line of a choice looks; pattern and marker distinguish what colours do not."""

    color: str
    dashes: tuple[float, ...]
    marker: str

    @property
    def line(self) -> dict[str, Any]:
        """The look as the library names it."""
        style = (0, self.dashes) if self.dashes else "-"
        return {"color": self.color, "linestyle": style, "linewidth": 1.9, "marker": self.marker, "markersize": 5}


def render(findings: Findings, form: Format, theme: ThemeName = "light") -> bytes:
    """The picture as a file; the same findings give the same bytes with the same version of the library.

    Raises:
        CannotDraw: the study has neither two nor four axes.
    """
    file = io.BytesIO()
    with settings():
        figure = draw(findings, theme)
        title = findings.study.file.title
        metadata = {"Date": None, "Title": title} if form == "svg" else {"Software": None}
        figure.savefig(file, format=form, dpi=_DPI, metadata=metadata)
    return file.getvalue()


def draw(findings: Findings, theme: ThemeName = "light") -> Figure:
    """The picture as a figure: over two axes the paths of the second, over four what is kept over the last.

    Raises:
        CannotDraw: the study has another number of axes.
    """
    axes = findings.study.file.axis
    if len(axes) not in (2, 4):
        raise CannotDraw(f"a study of {len(axes)} axes has no picture; it needs two or four")
    with settings():
        return (_paths if len(axes) == 2 else _grid)(findings, THEMES[theme])


# ------------------------------------------------------------------------------------------------ the paths of traders


def _paths(findings: Findings, theme: Theme) -> Figure:
    """A column for each choice of the first axis: the mark, each trader's equity, and what each kept."""
    first, second = findings.study.file.axis
    figure = Figure(figsize=(4.9 * len(first.choice) + 1.3, 8.2), facecolor=theme.background)
    grid = figure.add_gridspec(
        3, len(first.choice), height_ratios=(1.5, 2.6, 1.7), left=0.155, right=0.985, top=0.865, bottom=0.045,
        hspace=0.34, wspace=0.16,
    )  # fmt: skip
    handles = list(_line_samples(second, theme))
    _head(figure, findings, handles, theme)
    tops: dict[int, Axes] = {}
    for column, choice in enumerate(first.choice):
        results = [findings.of(f"{choice.name}/{other.name}") for other in second.choice]
        rows = [figure.add_subplot(grid[row, column], sharey=tops.get(row), facecolor=theme.panel) for row in range(3)]
        for row, axes in enumerate(rows):
            tops.setdefault(row, axes)
            _plain(axes, theme)
        _mark(rows[0], results[0], choice, theme)
        rows[1].set_title("equity of each trader", loc="left", fontsize=9, fontweight="bold", color=theme.text)
        for number, result in enumerate(results):
            look = _look(number, theme)
            points = _last_of_each_time(result.path)
            marked = {**look.line, "markevery": (number, 6), "label": result.case.choices[second.name]}
            rows[1].step(_minutes(points), [float(point.equity) for point in points], where="post", **marked)
        _kept(rows[2], results, second, theme, named=column == 0)
    return figure


def _mark(axes: Axes, result: Result, choice: Choice, theme: Theme) -> None:
    axes.set_title(f"{choice.title}: mark price", loc="left", fontsize=9, fontweight="bold", color=theme.text)
    points = _last_of_each_time(result.path)
    marks = [float(point.mark) for point in points]
    axes.step(_minutes(points), marks, where="post", color=theme.text, linewidth=1.6)
    axes.set_xlabel("minutes", color=theme.text, labelpad=1)


def _last_of_each_time(path: tuple[Point, ...]) -> list[Point]:
    return [list(points)[-1] for _, points in groupby(path, key=lambda point: point.time)]


def _minutes(points: list[Point]) -> list[float]:
    return [point.time / 60_000 for point in points]


def _kept(axes: Axes, results: list[Result], axis: Axis, theme: Theme, *, named: bool) -> None:
    """A bar for each trader: what was paid in as an outline, what was kept in it, and both in numbers."""
    axes.set_title("what each kept of what was paid in", loc="left", fontsize=9, fontweight="bold", color=theme.text)
    most = max(float(_amount(result, "paid_in")) for result in results)
    for number, result in enumerate(results):
        color = _look(number, theme).color
        paid, kept = float(_amount(result, "paid_in")), float(_amount(result, "kept"))
        axes.barh(number, paid, height=0.66, facecolor="none", edgecolor=color, linewidth=1)
        axes.barh(number, kept, height=0.66, facecolor=color, edgecolor=color, linewidth=1)
        figures = [value_of(MEASURES[name], result.measures[name]) for name in ("kept", "paid_in", "left")]
        text = f"{figures[0]} of {figures[1]}" + (f"; {figures[2]} left" if figures[2] != "0" else "; none left")
        axes.text(most * 1.03, number, text, va="center", fontsize=8, color=theme.text)
    axes.set_xlim(0, most * 1.75)
    axes.set_ylim(len(results) - 0.4, -0.6)
    axes.set_xticks([])
    axes.set_yticks(range(len(results)), [choice.title for choice in axis.choice], fontsize=8)
    axes.tick_params(axis="y", length=0, labelleft=named)
    axes.grid(visible=False)


# ----------------------------------------------------------------------------------------------- the sizes of an order


def _grid(findings: Findings, theme: Theme) -> Figure:
    """Rows and columns of the first two axes; in each, over the last axis, what is kept, a line for each of the third.

    What was kept is above 0, what was missing below.
    """
    rows, columns, lines, places = findings.study.file.axis
    width = 3.3 * len(columns.choice) + 1.1
    figure = Figure(figsize=(width, 8.6), facecolor=theme.background)
    grid = figure.add_gridspec(
        len(rows.choice),
        len(columns.choice),
        left=0.85 / width,
        right=0.985,
        top=0.855,
        bottom=0.095,
        hspace=0.3,
        wspace=0.07,
    )
    _head(figure, findings, [*_line_samples(lines, theme), *_end_samples(theme)], theme)
    for row, one in enumerate(rows.choice):
        left: Axes | None = None
        for column, other in enumerate(columns.choice):
            axes = figure.add_subplot(grid[row, column], sharey=left, facecolor=theme.panel)
            _plain(axes, theme)
            axes.set_title(f"{one.title}, {other.title}", loc="left", fontsize=9, fontweight="bold", color=theme.text)
            for number, line in enumerate(lines.choice):
                results = [findings.of("/".join((one.name, other.name, line.name, end.name))) for end in places.choice]
                _over_sizes(axes, results, _look(number, theme), theme, 1.0 if number else 2.0)
            axes.axhline(0, color=theme.quiet, linewidth=0.9, zorder=1)
            axes.margins(x=0.07, y=0.16)
            names = [choice.name for choice in places.choice] if row == len(rows.choice) - 1 else []
            axes.set_xticks(range(len(places.choice)), names or [""] * len(places.choice), fontsize=8.5)
            if column:
                axes.tick_params(axis="y", labelleft=False)
            else:
                left = axes
    said = "; ".join(f"{choice.name}: {choice.title}" for choice in places.choice)
    figure.text(0.015, 0.022, f"{places.name}: {said}", fontsize=8, color=theme.quiet)
    return figure


def _over_sizes(axes: Axes, results: list[Result], look: Look, theme: Theme, scale: float) -> None:
    """A line with a marker for each size; `scale` makes a line that others may cover wider than they are."""
    values = [float(_amount(result, "kept") - _amount(result, "deficit")) for result in results]
    axes.plot(range(len(values)), values, **{**look.line, "marker": "", "linewidth": 1.9 * scale}, zorder=2)
    for place, (value, result) in enumerate(zip(values, results, strict=True)):
        filled = _amount(result, "survives") or _amount(result, "by_vault")
        style: dict[str, Any] = {"marker": look.marker, "markersize": 4.2 + 2.2 * scale, "linestyle": "none"}
        style |= {"markeredgecolor": look.color, "markerfacecolor": look.color if filled else theme.panel}
        if _amount(result, "by_vault"):
            style |= {"marker": "X", "markersize": 5 + 2.8 * scale}
        axes.plot([place], [value], **style, markeredgewidth=1.4, zorder=3)


def _end_samples(theme: Theme) -> Iterator[Line2D]:
    """What the markers mean, whatever their shape."""
    for text, marker, face in (
        ("a part of the position is left", "o", theme.text),
        ("all was sold", "o", theme.panel),
        ("the vault took the rest", "X", theme.text),
    ):
        yield Line2D([], [], marker=marker, linestyle="none", color=theme.text, markerfacecolor=face, label=text)


# ----------------------------------------------------------------------------------------------------- parts of both


def _head(figure: Figure, findings: Findings, handles: Sequence[Line2D], theme: Theme) -> None:
    file = findings.study.file
    figure.text(0.015, 0.982, file.title, fontsize=12, fontweight="bold", color=theme.text, va="top")
    kept = "; what is kept is above 0, what is missing below" if len(file.axis) == 4 else ""
    count = len(findings.results)
    said = f"venue {file.venue}, {count} cases{kept}: liqspec study {findings.study.name}"
    figure.text(0.015, 0.949, said, fontsize=8.5, color=theme.quiet, va="top")
    figure.legend(
        handles=list(handles), loc="upper left", bbox_to_anchor=(0.012, 0.928), ncols=5, frameon=False, borderpad=0,
        borderaxespad=0, labelcolor=theme.text, fontsize=8.5, handlelength=3.4, columnspacing=1.6,
    )  # fmt: skip


def _line_samples(axis: Axis, theme: Theme) -> Iterator[Line2D]:
    for number, choice in enumerate(axis.choice):
        yield Line2D([], [], label=choice.title, **_look(number, theme).line)


def _look(number: int, theme: Theme) -> Look:
    role, dashes, marker = _LOOKS[number % len(_LOOKS)]
    return Look(theme.colors[role][1], dashes, marker)


def _plain(axes: Axes, theme: Theme) -> None:
    """The grounds and scales of a panel."""
    for spine in axes.spines.values():
        spine.set_color(theme.grid)
    axes.tick_params(colors=theme.text, length=3, labelsize=8.5)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, min_n_ticks=2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: scale_text(value)))
    axes.grid(axis="y", color=theme.grid, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)


def _amount(result: Result, measure: str) -> Fraction:
    """A measure that every case has."""
    value = result.measures[measure]
    assert value is not None, "this figure exists in every case"
    return value
