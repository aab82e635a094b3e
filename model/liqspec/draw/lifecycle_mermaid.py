"""The lifecycle as a Mermaid state diagram, which repositories render in Markdown.

A state is declared once, and a transition is one labelled arrow: the sources of those that leave several states meet in
a choice node first, by arrows without a label. (Mermaid's composite states cannot do it: it misplaces the arrows that
leave one as a whole.)
"""

from liqspec.draw.diagram import Diagram, TransitionShown, condition
from liqspec.draw.theme import LIGHT, Box

_BREAK = "<br>"


def draw(diagram: Diagram) -> str:
    """The picture as the text of a Mermaid diagram."""
    lines = ["direction TB"]
    for state in diagram.states:
        lines.append(f"{state.name} : {state.name}{'' if state.possible else f'{_BREAK}(impossible here)'}")
    if diagram.initial is not None:
        lines.append(f"[*] --> {diagram.initial}")
    order = [state.name for state in diagram.states]
    joints: dict[tuple[str, ...], str] = {}  # the choice node of each set of sources
    drawn: set[tuple[str, str]] = set()
    # Those without a joint first, and joints met in the order of the states: so labels do not overlap in Mermaid.
    for entry in sorted(diagram.transitions, key=lambda entry: len(entry.sources) > 1):
        start = entry.sources[0]
        if len(entry.sources) > 1:
            if entry.sources not in joints:
                joints[entry.sources] = f"any_{len(joints)}"
                lines += _joint(joints[entry.sources], sorted(entry.sources, key=order.index))
            start = joints[entry.sources]
            if (start, entry.to) in drawn:  # a further joint, where two arrows would coincide
                lines += _joint(f"{start}_too", [start])
                start = f"{start}_too"
            drawn.add((start, entry.to))
        lines.append(f"{start} --> {entry.to} : {_label(entry)}")
    lines.extend(f"{state.name} --> [*]" for state in diagram.states if state.role == "end")
    lines.extend(_classes(diagram))
    return "\n".join(["stateDiagram-v2", *(f"    {line}" for line in lines)]) + "\n"


def _joint(name: str, sources: list[str]) -> list[str]:
    return [f"state {name} <<choice>>", *(f"{source} --> {name}" for source in sources)]


def _label(entry: TransitionShown) -> str:
    """Number, trigger, guards and rule; the guards on separate lines, so that labels stay narrow."""
    remark = entry.frequency if entry.possible else "impossible here"
    if remark in ("reserved", "impossible here"):
        remark = f"({remark})"
    guards = condition(entry).replace(", ", f",{_BREAK}")
    return _BREAK.join(filter(None, (f"{entry.id} {entry.trigger}", guards, entry.rules[0], remark)))


def _classes(diagram: Diagram) -> list[str]:
    """The colours of the roles; they are those of the light theme, with their own text colour, on any page."""
    lines = []
    for role, box in LIGHT.boxes.items():
        names = [state.name for state in diagram.states if state.role == role and state.possible]
        if names:
            lines += [f"classDef {role}_state {_style(box)}", f"class {', '.join(names)} {role}_state"]
    return lines


def _style(box: Box) -> str:
    dashes = {"solid": "", "dashed": ",stroke-dasharray:6 4", "dotted": ",stroke-dasharray:2 3"}[box.outline]
    return f"fill:{box.fill},stroke:{box.border},stroke-width:{box.width}px{dashes},color:{box.text}"
