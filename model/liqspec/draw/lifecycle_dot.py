"""The lifecycle laid out by Graphviz: one box for each state, one label for each transition, on its line.

A transition is a separate node, with lines from its sources and an arrow to its target: so it appears exactly once,
however many sources it has, and labels do not overlap. From a frame, one line leaves the frame.
"""

from graphviz import Digraph

from liqspec.draw import dot
from liqspec.draw.diagram import Diagram, Frame, StateShown, TransitionShown, condition
from liqspec.draw.legend import PURPOSES, ROLES
from liqspec.draw.theme import Box, Line, Theme
from liqspec.edge.texts import words

_READING = "A label is: transition, trigger, [guards], and the rule that acts."
_FRAMES = " A line from the edge of a frame holds for every state in it."

_STRAIGHT = "5"  # a weight with which lines stay side by side instead of crossing


def draw(diagram: Diagram, theme: Theme) -> Digraph:
    """The picture as a Graphviz graph."""
    return _Drawing(diagram, theme).graph


class _Drawing:
    """A graph in the making: boxes first, then labels, then lines."""

    def __init__(self, diagram: Diagram, theme: Theme) -> None:
        self.diagram = diagram
        self.theme = theme
        # A frame is drawn where its states lie together; the first state of all and the last one do not.
        self.frames = [frame for frame in diagram.frames if diagram.initial not in frame.states]
        self.order = [state.name for state in diagram.states]
        legend = [_boxes(diagram, theme), _lines(diagram, theme)]
        remarks = [_READING + (_FRAMES if diagram.frames else ""), *diagram.notes]
        spaces = {"rankdir": "LR", "compound": "true", "nodesep": "0.2", "ranksep": "0.34"}
        self.graph = dot.captioned("lifecycle", diagram.title, legend, remarks, theme, **spaces)
        self._fill(self.graph, None)
        for entry in diagram.transitions:
            self._connect(entry)

    def _fill(self, graph: Digraph, frame: Frame | None) -> None:
        """Put into a frame, or the page, what belongs there and in no frame inside it."""
        for state in self.diagram.states:
            if self._innermost({state.name}) is frame:
                self._state(graph, state)
        for inner in self.frames:
            if inner.inside == (frame.name if frame else None):
                looks = {"fontcolor": self.theme.quiet, "fontsize": "12", "labeljust": "l", "margin": "12"}
                looks["fillcolor"] = self.theme.panel if inner.inside is None else self.theme.background
                tooltip = f"any of {', '.join(inner.states)}"
                with dot.frame(
                    graph, inner.name, self.theme, label=words(inner.name), tooltip=tooltip, **looks
                ) as nested:
                    self._fill(nested, inner)
        for entry in self.diagram.transitions:
            if self._home(entry) is frame:
                self._label(graph, entry)

    def _innermost(self, states: set[str]) -> Frame | None:
        around = [frame for frame in self.frames if states <= set(frame.states)]
        return min(around, key=lambda frame: len(frame.states), default=None)

    def _home(self, entry: TransitionShown) -> Frame | None:
        """The innermost frame around a transition that does not leave that very frame."""
        home = self._innermost({entry.to, *entry.sources})
        leaves = self.diagram.frame_of(entry)
        if home is None or leaves is None or home.name != leaves.name:
            return home
        return next((frame for frame in self.frames if frame.name == home.inside), None)

    def _state(self, graph: Digraph, state: StateShown) -> None:
        box, theme = self.theme.boxes[state.role], self.theme
        if not state.possible:
            box = Box(theme.background, theme.faint, "dotted", 1, True, box.double, "", theme.faint)
        graph.node(
            state.name,
            label=dot.html(dot.text(state.name, color=box.text, size=14, bold=state.possible)),
            shape="box",
            style=",".join(["filled", *(["rounded"] if box.rounded else []), box.outline]),
            fillcolor=box.fill,
            color=box.border,
            penwidth=str(box.width),
            peripheries="2" if box.double else "1",
            margin="0.16,0.1",
            tooltip=state.meaning,
        )

    def _label(self, graph: Digraph, entry: TransitionShown) -> None:
        theme = self.theme
        ink = theme.text if entry.possible else theme.faint
        number = ink if entry.fired else stroke(entry, theme).color
        head = dot.text(entry.id, color=number, size=13, bold=True)
        # A no-break space: browsers drop an ordinary one at the beginning of a text.
        head += dot.text(f"\N{NO-BREAK SPACE}{entry.trigger}", color=ink, size=13, struck=not entry.possible)
        guards = condition(entry).replace(", ", ",\n").splitlines()
        rows = [dot.cell(head), *(dot.cell(dot.text(guard, color=ink, size=11)) for guard in guards)]
        rows.append(dot.cell(dot.text(entry.rules[0], color=theme.quiet, size=10)))
        if entry.fired is not None:
            rows.append(_frequency(entry, theme))
        graph.node(entry.id, label=dot.html(dot.table(rows)), tooltip=entry.meaning)

    def _connect(self, entry: TransitionShown) -> None:
        """Draw the lines of a transition, always towards trouble: an arrow back is drawn from its head.

        A transition to one of its sources is a loop, which enters its label from below and comes back above it. A
        recovery leaves above the trouble that leads back, so that they do not cross.
        """
        line, frame = stroke(entry, self.theme), self.diagram.frame_of(entry)
        cut = f"cluster_{frame.name}" if frame is not None and frame in self.frames else None
        # Graphviz cuts a line at a frame; it needs a state inside to start from.
        sources = frame.states[-1:] if frame is not None and cut else entry.sources
        for source in sources:
            if self._backwards(entry, source):
                dot.edge(self.graph, entry.id, source, line, dir="none", **({"lhead": cut} if cut else {}))
            else:
                side = {"tailport": "ne", "weight": _STRAIGHT} if self._has_opposite(entry) else {}
                below = {"headport": "s"} if entry.to in entry.sources else {}
                dot.edge(self.graph, source, entry.id, line, dir="none", **({"ltail": cut} if cut else side), **below)
        if entry.to in entry.sources:
            ports = {"tailport": "e", "headport": "e"}
            dot.edge(self.graph, entry.to, entry.id, line, dir="back", arrowtail=line.arrow, **ports)
        elif all(self._backwards(entry, source) for source in entry.sources):
            side = {"tailport": "e", "weight": _STRAIGHT} if self._has_opposite(entry) else {}
            dot.edge(self.graph, entry.to, entry.id, line, dir="back", arrowtail=line.arrow, **side)
        else:
            dot.edge(self.graph, entry.id, entry.to, line, dir="forward", arrowhead=line.arrow)

    def _has_opposite(self, entry: TransitionShown) -> bool:
        """Whether it is one of a recovery forward and the trouble that leads back from there."""
        pairs = [(one, other) for one in self.diagram.transitions for other in self.diagram.transitions]
        return any(
            entry in (one, other)
            and (one.purpose, other.purpose) == ("relief", "trouble")
            and (one.to in other.sources and other.to in one.sources)
            and self._backwards(other, one.to)
            for one, other in pairs
        )

    def _backwards(self, entry: TransitionShown, source: str) -> bool:
        return self.order.index(source) > self.order.index(entry.to)


def stroke(entry: TransitionShown, theme: Theme) -> Line:
    """The line of a transition."""
    if not entry.possible:
        return _impossible(theme)
    if entry.fired is None or entry.purpose == "reserved":
        return theme.lines[entry.purpose]
    if entry.fired == 0:
        return _never(theme)
    digits = len(str(entry.fired))
    return scale_steps(theme)[min(digits, len(theme.scale)) - 1][1]


def scale_steps(theme: Theme) -> list[tuple[str, Line]]:
    """The steps of the scale for counts by their number of digits, each with what it stands for."""
    last = len(theme.scale) - 1
    texts = [f"{10**step:,} to {10 ** (step + 1) - 1:,}" for step in range(last)] + [f"{10**last:,} and more"]
    lines = [Line(color, "solid", 1.0 + 1.1 * step, "normal") for step, color in enumerate(theme.scale)]
    return list(zip(texts, lines, strict=True))


def _impossible(theme: Theme) -> Line:
    return Line(theme.faint, "dotted", 1.0, "vee")


def _never(theme: Theme) -> Line:
    return Line(theme.alarm, "dashed", 3.0, "normal")


def _frequency(entry: TransitionShown, theme: Theme) -> str:
    """How often a transition fired, as a cell of its label."""
    if entry.fired:
        return dot.cell(dot.text(entry.frequency, color=theme.text, bold=True))
    if entry.purpose == "reserved":
        return dot.cell(dot.text(entry.frequency, color=theme.quiet, size=11))
    alarm = dot.text(entry.frequency, color=theme.alarm_text, bold=True)
    return dot.cell(alarm, attributes=f'BGCOLOR="{theme.alarm}" CELLPADDING="4"')


def _boxes(diagram: Diagram, theme: Theme) -> list[tuple[str, str]]:
    shown = {state.role for state in diagram.states if state.possible}
    return [(dot.box_sample(theme.boxes[role]), meaning) for role, meaning in ROLES.items() if role in shown]


def _lines(diagram: Diagram, theme: Theme) -> list[tuple[str, str]]:
    if any(entry.fired is not None for entry in diagram.transitions):
        samples = [*scale_steps(theme), ("never", _never(theme)), (PURPOSES["reserved"], theme.lines["reserved"])]
    else:
        shown = {entry.purpose for entry in diagram.transitions if entry.possible}
        samples = [(meaning, theme.lines[purpose]) for purpose, meaning in PURPOSES.items() if purpose in shown]
    if not all(entry.possible for entry in diagram.transitions):
        samples.append(("impossible at this venue", _impossible(theme)))
    return [(dot.line_sample(line, theme), meaning) for meaning, line in samples]
