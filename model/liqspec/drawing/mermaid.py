"""The lifecycle as a Mermaid state diagram, which repositories render in Markdown.

A state is declared once, and a transition is one labelled arrow. What leaves a frame leaves the composite state; what
has several other sources meets in a choice node first, by arrows without a label.
"""

from liqspec.drawing.diagram import Diagram, Frame, TransitionShown

_INDENT = "    "


def draw(diagram: Diagram) -> str:
    """The picture as the text of a Mermaid diagram."""
    lines = ["stateDiagram-v2", f"{_INDENT}direction LR", *_states(diagram, None, _INDENT)]
    if diagram.initial is not None:
        lines.append(f"{_INDENT}[*] --> {diagram.initial}")
    for number, entry in enumerate(diagram.transitions):
        lines.extend(_INDENT + line for line in _arrows(diagram, entry, f"joint_{number}"))
    lines.extend(f"{_INDENT}{state.name} --> [*]" for state in diagram.states if state.role == "end")
    return "\n".join(lines) + "\n"


def _composites(diagram: Diagram) -> list[Frame]:
    # A composite state with the first and the last state inside would lead the arrows round in a circle.
    return [frame for frame in diagram.frames if diagram.initial not in frame.states]


def _states(diagram: Diagram, around: Frame | None, indent: str) -> list[str]:
    """Declare the states that belong into a composite state, or the page, and in no composite inside it."""
    composites = _composites(diagram)
    lines = []
    for state in diagram.states:
        homes = [frame for frame in composites if state.name in frame.states]
        home = min(homes, key=lambda frame: len(frame.states), default=None)
        if home is around:
            note = "" if state.possible else " (impossible here)"
            lines.append(f"{indent}{state.name} : {state.name}{note}")
    for frame in composites:
        if frame.inside == (around.name if around else None):
            lines.append(f"{indent}state {frame.name} {{")
            lines.extend(_states(diagram, frame, indent + _INDENT))
            lines.append(f"{indent}}}")
    return lines


def _arrows(diagram: Diagram, entry: TransitionShown, joint: str) -> list[str]:
    frame = diagram.frame_of(entry)
    if frame in _composites(diagram) and frame is not None:
        start, lines = frame.name, []
    elif len(entry.sources) == 1:
        start, lines = entry.sources[0], []
    else:
        start = joint
        lines = [f"state {joint} <<choice>>", *(f"{source} --> {joint}" for source in entry.sources)]
    return [*lines, f"{start} --> {entry.to} : {entry.label}{_remark(entry)}"]


def _remark(entry: TransitionShown) -> str:
    if not entry.possible:
        return " (impossible here)"
    if entry.fired is None:
        return ""
    if entry.fired == 0 and entry.purpose == "reserved":
        return " (reserved)"
    return f" ({entry.fired:,} times)" if entry.fired else " (NEVER FIRED)"
