"""The lifecycle with the path that one position took: numbered and in thick lines, the rest in thin dashes."""

from collections.abc import Iterable
from html import escape

from attrs import frozen
from graphviz import Digraph

from liqspec.core import machine
from liqspec.core.machine import TransitionEntry
from liqspec.draw import dot
from liqspec.draw.diagram import condition, role_of
from liqspec.draw.legend import short
from liqspec.draw.theme import FONT, THEMES, Theme, ThemeName
from liqspec.edge.texts import words
from liqspec.replay.record import Record, Visit


@frozen(kw_only=True)
class Edge:
    """A transition between two states of the diagram, and the visits to it."""

    entry: TransitionEntry
    source: str
    visits: tuple[Visit, ...]


def edges(record: Record, position: str) -> list[Edge]:
    """Every transition of the table, once for each state that it leaves, with the position's visits to it."""
    path = record.path(position)

    def visits(transition: str, source: str) -> tuple[Visit, ...]:
        wanted = (transition, source)
        return tuple(visit for visit in path if (visit.recorded.transition, visit.recorded.source) == wanted)

    table = machine.lifecycle().table
    every = ((entry, source) for entry in table.transitions for source in entry.sources)
    return [Edge(entry=entry, source=source, visits=visits(entry.id, source)) for entry, source in every]


def joined(pairs: Iterable[tuple[TransitionEntry, str]]) -> dict[tuple[str, str], list[str]]:
    """The transitions from each state to each other one, of entries with the source that each leaves."""
    found: dict[tuple[str, str], list[str]] = {}
    for entry, source in pairs:
        found.setdefault((source, entry.to), []).append(entry.id)
    return found


def graph(record: Record, position: str, theme: ThemeName = "light") -> Digraph:
    """The lifecycle as a graph, with the path of the position named account/market/mode."""
    colours = THEMES[theme]
    spaces = {"rankdir": "TB", "labelloc": "t", "labeljust": "l", "nodesep": "0.55", "ranksep": "0.5", "pad": "0.2"}
    texts = {"fontname": FONT, "fontcolor": colours.text, "label": _heading(record, position, colours)}
    drawn = Digraph(
        "path",
        graph_attr={"bgcolor": colours.background, **texts, **spaces},
        node_attr={"shape": "box", "fontname": FONT, "fontsize": "12", "margin": "0.16,0.08"},
        edge_attr={"fontname": FONT, "fontsize": "11"},
    )
    _nodes(drawn, record, position, colours)
    _edges(drawn, edges(record, position), colours)
    return drawn


def _heading(record: Record, position: str, theme: Theme) -> str:
    taken = ", ".join(visit.recorded.transition for visit in record.path(position)) or "none"
    remarks = (
        f"the path of {short(position, 60)}: {taken}",
        "thick and numbered: taken, with its event; thin dashes: not taken; double border: where it ended",
    )
    lines = [dot.text(short(record.title, 80), color=theme.text, size=15, bold=True)]
    lines += [dot.text(remark, color=theme.text, size=11) for remark in remarks]
    return dot.html(dot.table([dot.cell(line, align="LEFT") for line in lines], padding=2, spacing=2))


def _nodes(drawn: Digraph, record: Record, position: str, theme: Theme) -> None:
    path = record.path(position)
    passed = {state for visit in path for state in (visit.recorded.source, visit.recorded.target)}
    last = path[-1].recorded.target if path else machine.lifecycle().table.initial
    for name in machine.lifecycle().table.states:
        look = theme.boxes[role_of(name)]
        on_path = name in passed
        drawn.node(
            name,
            words(name),
            id=f"state-{name}",
            fillcolor=look.fill if on_path else theme.background,
            fontcolor=look.text if on_path else theme.quiet,
            color=look.border if on_path else theme.quiet,
            style="rounded,filled" if on_path else "rounded,filled,dashed",
            penwidth="1.8" if on_path else "1",
            peripheries="2" if name == last else "1",
        )


def _edges(drawn: Digraph, every: list[Edge], theme: Theme) -> None:
    """First, those not taken, joined where they lead from one state to the same other; over them the taken ones."""
    others = joined((edge.entry, edge.source) for edge in every if not edge.visits)
    looks = {"style": "dashed", "arrowsize": "0.7", "penwidth": "0.9", "fontsize": "9"}
    for (source, target), ids in others.items():
        label = _label(" ".join(ids), theme)
        drawn.edge(source, target, label=label, color=theme.quiet, fontcolor=theme.quiet, **looks)
    for edge in every:
        if edge.visits:
            drawn.edge(
                edge.source,
                edge.entry.to,
                label=_label(_numbered(edge), theme),
                id=f"edge-{edge.entry.id}-{edge.source}",
                color=theme.boxes["waiting"].border,
                fontcolor=theme.text,
                penwidth="2.8",
                weight="4",
            )


def _label(text: str, theme: Theme) -> str:
    """A label on the picture's ground, at a distance from its edge, so that no line runs through its text."""
    cell = dot.cell(text, align="LEFT", attributes=f'BALIGN="LEFT" BGCOLOR="{theme.background}"')
    return dot.html(dot.table([cell], spacing=4))


def _numbered(edge: Edge) -> str:
    """The places on the path and the events, then the transition with its trigger and guard."""
    numbers = ", ".join(str(visit.number) for visit in edge.visits)
    events = ", ".join(str(visit.event) for visit in edge.visits)
    guard = condition(edge.entry)
    text = f"{edge.entry.id} {escape(edge.entry.trigger)}, event{'s' if len(edge.visits) > 1 else ''} {events}"
    return f'<FONT POINT-SIZE="14"><B>{numbers}</B></FONT>  {text}{f"<BR/>{escape(guard)}" if guard else ""}'
