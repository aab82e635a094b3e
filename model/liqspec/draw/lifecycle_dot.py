"""The lifecycle laid out by Graphviz: one box for each state, one label for each transition, on its line.

A transition is a separate node, with lines from its sources and an arrow to its target: so it appears exactly once,
however many sources it has, and labels do not overlap. From a frame, one line leaves the frame.
"""

from graphviz import Digraph

from liqspec.draw import dot
from liqspec.draw.diagram import Diagram, Frame, StateShown, TransitionShown
from liqspec.draw.legend import PURPOSES, ROLES
from liqspec.draw.theme import Line, Theme
from liqspec.edge.texts import counted

_FRAME = "cluster_"
_PROSE = str.maketrans("_", " ")
_READING = "A label is: transition, trigger, [guards], and the rule that acts."
_FRAMES = "A line from the edge of a frame holds for every state in it."


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
        self.graph = dot.empty(
            "lifecycle",
            diagram.title,
            theme,
            rankdir="LR",
            compound="true",
            nodesep="0.2",
            ranksep="0.22",
            labelloc="b",
            label=caption(diagram, theme),
        )
        self._fill(self.graph, None)
        for entry in diagram.transitions:
            self._connect(entry)

    # ----------------------------------------------------------------------------------------------- boxes and labels

    def _fill(self, graph: Digraph, frame: Frame | None) -> None:
        """Put into a frame, or the page, what belongs there and in no frame inside it."""
        for state in self.diagram.states:
            if self._innermost({state.name}) is frame:
                self._state(graph, state)
        for inner in self.frames:
            if inner.inside == (frame.name if frame else None):
                with graph.subgraph(name=_FRAME + inner.name) as nested:
                    nested.attr(
                        label=inner.name.translate(_PROSE),
                        style="rounded,filled",
                        fillcolor=self.theme.panel if inner.inside is None else self.theme.background,
                        color=self.theme.faint,
                        fontcolor=self.theme.quiet,
                        fontsize="12",
                        labelloc="t",
                        labeljust="l",
                        margin="12",
                        tooltip=f"any of {', '.join(inner.states)}",
                    )
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
        style = ["filled", *(["rounded"] if box.rounded else []), box.outline]
        fill, border, ink = (box.fill, box.border, box.text)
        if not state.possible:
            style, fill, border, ink = ["filled", "rounded", "dotted"], theme.background, theme.faint, theme.faint
        graph.node(
            state.name,
            label=dot.html(dot.text(state.name, color=ink, size=14, bold=state.possible)),
            shape="box",
            style=",".join(style),
            fillcolor=fill,
            color=border,
            penwidth=str(box.width if state.possible else 1),
            peripheries="2" if box.double else "1",
            margin="0.16,0.1",
            tooltip=state.meaning,
        )

    def _label(self, graph: Digraph, entry: TransitionShown) -> None:
        theme = self.theme
        ink = theme.text if entry.possible else theme.faint
        number = ink if entry.fired else self._line(entry).color
        head = dot.text(entry.id, color=number, size=13, bold=True)
        # A no-break space: browsers drop an ordinary one at the beginning of a piece of text.
        head += dot.text(f"\N{NO-BREAK SPACE}{entry.trigger}", color=ink, size=13, struck=not entry.possible)
        rows = [dot.cell(head)]
        if entry.condition:
            parts = [f"{guard},".translate(_PROSE) for guard in entry.guard]
            parts[0], parts[-1] = f"[{parts[0]}", f"{parts[-1][:-1]}]"
            if len(parts) == 1:
                parts = [entry.condition]
            rows += [dot.cell(dot.text(part, color=ink, size=11)) for part in parts]
        rows.append(dot.cell(dot.text(entry.rules[0], color=theme.quiet, size=10)))
        if entry.fired is not None:
            rows.append(count_box(entry, theme))
        graph.node(entry.id, label=dot.html(dot.table(rows)), tooltip=entry.meaning)

    # --------------------------------------------------------------------------------------------------------- lines

    def _connect(self, entry: TransitionShown) -> None:
        """Draw the lines of a transition, always towards trouble: an arrow back is drawn from its head."""
        frame = self.diagram.frame_of(entry)
        if frame in self.frames and frame is not None:
            # Graphviz cuts a line at a frame; it needs a state inside to start from.
            inside = frame.states[-1]
            self._tail(entry, inside, cut=_FRAME + frame.name)
        else:
            for source in entry.sources:
                self._tail(entry, source)
        self._head(entry)

    def _backwards(self, entry: TransitionShown, source: str) -> bool:
        return self.order.index(source) > self.order.index(entry.to)

    def _tail(self, entry: TransitionShown, source: str, cut: str | None = None) -> None:
        line = self._line(entry)
        if self._backwards(entry, source):
            self._edge(line, entry.id, source, dir="none", lhead=cut)
        else:
            self._edge(line, source, entry.id, dir="none", ltail=cut)

    def _head(self, entry: TransitionShown) -> None:
        line = self._line(entry)
        if all(self._backwards(entry, source) for source in entry.sources):
            self._edge(line, entry.to, entry.id, dir="back", arrowtail=line.arrow)
        else:
            self._edge(line, entry.id, entry.to, dir="forward", arrowhead=line.arrow)

    def _line(self, entry: TransitionShown) -> Line:
        return stroke(entry, self.theme)

    def _edge(self, line: Line, start: str, end: str, **attributes: str | None) -> None:
        given = {name: value for name, value in attributes.items() if value is not None}
        self.graph.edge(start, end, color=line.color, style=line.pattern, penwidth=str(line.width), **given)


# --------------------------------------------------------------------------------------------------------------- a line


def stroke(entry: TransitionShown, theme: Theme) -> Line:
    """The line of a transition."""
    if not entry.possible:
        return Line(theme.faint, "dotted", 1.0, "vee")
    if entry.fired is None or entry.purpose == "reserved":
        return theme.lines[entry.purpose]
    if entry.fired == 0:
        return Line(theme.alarm, "dashed", 3.0, "normal")
    step = _step(entry.fired, theme)
    return Line(theme.scale[step], "solid", 1.0 + 1.1 * step, "normal")


def count_box(entry: TransitionShown, theme: Theme) -> str:
    """How often a transition fired, as a cell of its label."""
    assert entry.fired is not None, "only pictures of a verification have counts"
    if entry.fired == 0 and entry.purpose == "reserved":
        return dot.cell(dot.text("reserved", color=theme.quiet, size=11))
    if entry.fired == 0:
        return dot.cell(
            dot.text("NEVER FIRED", color=theme.alarm_text, size=12, bold=True),
            attributes=f'BGCOLOR="{theme.alarm}" CELLPADDING="4"',
        )
    return dot.cell(dot.text(counted(entry.fired, "time"), color=theme.text, size=12, bold=True))


def scale_steps(theme: Theme) -> list[tuple[str, Line]]:
    """The steps of the scale for counts, each with what it stands for."""
    steps = []
    for step, color in enumerate(theme.scale):
        low = 10**step
        text = f"{low:,} and more" if step == len(theme.scale) - 1 else f"{low:,} to {10 * low - 1:,}"
        steps.append((text, Line(color, "solid", 1.0 + 1.1 * step, "normal")))
    return steps


def _step(count: int, theme: Theme) -> int:
    """The step of the scale by the count's number of digits."""
    return min(len(str(count)), len(theme.scale)) - 1


# ---------------------------------------------------------------------------------------------------------- the caption


def caption(diagram: Diagram, theme: Theme) -> str:
    """The title, what boxes and lines mean, and the notes, as an HTML-like label."""
    reading = f"{_READING} {_FRAMES}" if diagram.frames else _READING
    rows = [dot.samples(_boxes(diagram, theme), theme), dot.samples(_lines(diagram, theme), theme)]
    rows += [dot.text(note, color=theme.quiet, size=11) for note in (reading, *diagram.notes)]
    return dot.caption(diagram.title, rows, theme, padding=4)


def _boxes(diagram: Diagram, theme: Theme) -> list[tuple[str, str]]:
    shown = {state.role for state in diagram.states if state.possible}
    return [(dot.box_sample(theme.boxes[role]), meaning) for role, meaning in ROLES.items() if role in shown]


def _lines(diagram: Diagram, theme: Theme) -> list[tuple[str, str]]:
    if any(entry.fired is not None for entry in diagram.transitions):
        samples = [(meaning, line) for meaning, line in scale_steps(theme)]
        samples.append(("never", Line(theme.alarm, "dashed", 3.0, "normal")))
        samples.append((PURPOSES["reserved"], theme.lines["reserved"]))
    else:
        shown = {entry.purpose for entry in diagram.transitions if entry.possible}
        samples = [(meaning, theme.lines[purpose]) for purpose, meaning in PURPOSES.items() if purpose in shown]
    if not all(entry.possible for entry in diagram.transitions):
        samples.append(("impossible at this venue", Line(theme.faint, "dotted", 1.0, "vee")))
    return [(dot.line_sample(line, theme), meaning) for meaning, line in samples]
