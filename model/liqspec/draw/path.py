"""The lifecycle with the path that one position took: in thick lines, numbered, and below it the list of its events."""

import textwrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from liqspec.core import machine
from liqspec.draw import lifecycle_svg
from liqspec.draw.diagram import condition, role_of
from liqspec.draw.legend import short
from liqspec.draw.lifecycle_svg import Edge, Node, Point
from liqspec.draw.theme import THEMES, Theme, ThemeName
from liqspec.draw.timeline import Format, saved, settings
from liqspec.edge.texts import words
from liqspec.replay.record import Record, Visit

# In points, as the layout is.
_MARGIN, _LINE, _TITLE_LINE = 10.0, 14.0, 18.0
_NODE_SIZE, _EDGE_SIZE, _TITLE_SIZE, _TEXT_SIZE = 13.5, 11.0, 12.0, 8.5
_CHARACTERS, _TITLE_CHARACTERS = 92, 60  # of a line below, and of the title
_MOST_LINES = 60
_POINTS = 72


def render(record: Record, position: str, form: Format, theme: ThemeName = "light") -> bytes:
    """The path of the position named account/market/mode as a file."""
    return saved(draw(record, position, theme), form, record.title)


@settings()
def draw(record: Record, position: str, theme: ThemeName = "light") -> Figure:
    """The path as a figure: a heading, the lifecycle, and each transition that the position took."""
    colours, layout, path = THEMES[theme], lifecycle_svg.layout(), record.path(position)
    heading = textwrap.wrap(short(record.title, 200), _TITLE_CHARACTERS) or [record.name]
    below = listed(record, position)
    top = _MARGIN + len(heading) * _TITLE_LINE + 2 * _LINE + _MARGIN
    width, height = layout.width + 2 * _MARGIN, top + layout.height + len(below) * _LINE + 2 * _MARGIN
    figure = Figure(figsize=(width / _POINTS, height / _POINTS), facecolor=colours.background)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(-_MARGIN, width - _MARGIN)
    axes.set_ylim(height - top, -top)  # downwards, from the top of the lifecycle
    _write_heading(axes, heading, position, path, colours, _MARGIN - top)
    for edge in sorted(layout.edges, key=lambda edge: bool(_taken(edge, path))):
        _draw_edge(axes, edge, _taken(edge, path), colours)
    passed = {state for visit in path for state in (visit.recorded.source, visit.recorded.target)}
    last = path[-1].recorded.target if path else machine.lifecycle().table.initial
    for node in layout.nodes:
        _draw_node(axes, node, colours, passed=node.state in passed, last=node.state == last)
    for place, line in enumerate(below):
        y = layout.height + _MARGIN + place * _LINE
        axes.text(0, y, line, color=colours.text, fontsize=_TEXT_SIZE, va="top")
    return figure


def _taken(edge: Edge, path: list[Visit]) -> list[Visit]:
    return [visit for visit in path if (visit.recorded.source, visit.recorded.target) == (edge.source, edge.target)]


def _write_heading(axes: Axes, heading: list[str], position: str, path: list[Visit], theme: Theme, top: float) -> None:
    for place, line in enumerate(heading):
        looks: dict[str, Any] = {"fontsize": _TITLE_SIZE, "fontweight": "bold"}
        axes.text(0, top + place * _TITLE_LINE, line, color=theme.text, va="top", **looks)
    taken = ", ".join(visit.recorded.transition for visit in path) or "none"
    remarks = (
        short(f"the path of {short(position, 60)}: {taken}", _CHARACTERS),
        "thick and numbered: taken; thin dashes: not taken; double border: where it ended",
    )
    for place, remark in enumerate(remarks):
        y = top + len(heading) * _TITLE_LINE + place * _LINE
        axes.text(0, y, remark, color=theme.quiet, fontsize=_TEXT_SIZE, va="top")


def _draw_edge(axes: Axes, edge: Edge, taken: list[Visit], theme: Theme) -> None:
    color, text = (theme.boxes["waiting"].border, theme.text) if taken else (theme.quiet, theme.quiet)
    looks = {"linewidth": 2.8} if taken else {"linewidth": 0.9, "linestyle": (0, (4, 3))}
    axes.add_patch(PathPatch(_curve(edge.line), facecolor="none", edgecolor=color, **looks))
    axes.add_patch(Polygon(edge.arrow, facecolor=color, edgecolor=color, linewidth=1.5 if taken else 0.5))
    x, y = edge.at
    ground = {"facecolor": theme.background, "edgecolor": "none", "pad": 0.6}
    weight = "bold" if taken else "normal"
    label = " ".join(dict.fromkeys(visit.recorded.transition for visit in taken)) or edge.label
    axes.text(x, y, label, color=text, fontsize=_EDGE_SIZE, fontweight=weight, ha="center", va="baseline", bbox=ground)
    if taken:
        numbers = short(", ".join(str(visit.number) for visit in taken), 14)
        badge = {"boxstyle": "round,pad=0.2", "facecolor": color, "edgecolor": theme.background}
        over: dict[str, Any] = {
            "fontsize": _TEXT_SIZE,
            "fontweight": "bold",
            "ha": "center",
            "va": "center",
            "bbox": badge,
        }
        axes.text(x, y - 1.35 * _EDGE_SIZE, numbers, color=theme.background, gid=f"numbers-{edge.name}", **over)


def _draw_node(axes: Axes, node: Node, theme: Theme, *, passed: bool, last: bool) -> None:
    look, (left, top, right, bottom) = theme.boxes[role_of(node.state)], node.box
    color = look.border if passed else theme.quiet
    looks = {"linewidth": 1.8} if passed else {"linewidth": 1.0, "linestyle": (0, (4, 3))}
    fill = look.fill if passed else theme.background
    for room in (3.5, 0.0) if last else (0.0,):
        axes.add_patch(
            FancyBboxPatch(
                (left + 4 - room, top + 4 - room),
                right - left - 8 + 2 * room,
                bottom - top - 8 + 2 * room,
                boxstyle="round,pad=4",
                facecolor=theme.background if room else fill,
                edgecolor=color,
                gid=f"{'ends' if room else 'state'}-{node.state}",
                **looks,
            )
        )
    name = words(node.state).replace(" ", "\n")
    color = look.text if passed else theme.quiet
    middle = ((left + right) / 2, (top + bottom) / 2)
    axes.text(*middle, name, color=color, fontsize=_NODE_SIZE, linespacing=1.1, ha="center", va="center")


def _curve(points: tuple[Point, ...]) -> Path:
    return Path(points, [Path.MOVETO, *[Path.CURVE4] * (len(points) - 1)])


def listed(record: Record, position: str) -> list[str]:
    """Each transition with its event, its states, its trigger and its guard; of very many the first ones."""
    table, path, lines = machine.lifecycle().by_id, record.path(position), []
    for visit in path[:_MOST_LINES]:
        recorded = visit.recorded
        entry = table[recorded.transition]
        states = f"{words(recorded.source)} → {words(recorded.target)}"
        why = f"{entry.trigger} {condition(entry)}".rstrip()
        lines.append(
            f"{visit.number}   event {record.numbers[visit.event - 1]}: {recorded.transition}, {states}, by {why}"
        )
    return lines + ([f"and {len(path) - _MOST_LINES} more"] if len(path) > _MOST_LINES else [])
