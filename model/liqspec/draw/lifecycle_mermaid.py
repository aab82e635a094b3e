"""The lifecycle as a Mermaid state diagram, which repositories render in Markdown.

A state is declared once, and a transition is one labelled arrow: the sources of those that leave several states meet in
a choice node first, by arrows without a label. (Mermaid's composite states cannot do it: it misplaces the arrows that
leave one as a whole.)
"""

from liqspec.draw.diagram import Diagram, TransitionShown
from liqspec.draw.theme import LIGHT, Box
from liqspec.edge.texts import counted

_INDENT = "    "
_BREAK = "<br>"


def draw(diagram: Diagram) -> str:
    """The picture as the text of a Mermaid diagram."""
    lines = ["direction TB"]
    for state in diagram.states:
        lines.append(f"{state.name} : {state.name}{'' if state.possible else f'{_BREAK}(impossible here)'}")
    if diagram.initial is not None:
        lines.append(f"[*] --> {diagram.initial}")
    joints = _Joints([state.name for state in diagram.states])
    # Those without a joint first, and joints met in the order of the states: so labels do not overlap in Mermaid.
    for entry in sorted(diagram.transitions, key=lambda entry: len(entry.sources) > 1):
        lines.extend(joints.arrows(entry))
    lines.extend(f"{state.name} --> [*]" for state in diagram.states if state.role == "end")
    lines.extend(_classes(diagram))
    return "\n".join(["stateDiagram-v2", *(_INDENT + line for line in lines)]) + "\n"


class _Joints:
    """The choice nodes so far: one for each set of sources, and a further one where two arrows would coincide."""

    def __init__(self, order: list[str]) -> None:
        self._order = order
        self._of: dict[tuple[str, ...], str] = {}
        self._drawn: set[tuple[str, str]] = set()

    def arrows(self, entry: TransitionShown) -> list[str]:
        """The arrows of a transition; only the last one has a label."""
        lines = []
        start = entry.sources[0]
        if len(entry.sources) > 1:
            if entry.sources not in self._of:
                self._of[entry.sources] = f"any_{len(self._of)}"
                lines = self._joint(self._of[entry.sources], *sorted(entry.sources, key=self._order.index))
            start = self._of[entry.sources]
            if (start, entry.to) in self._drawn:
                further = f"{start}_too"
                lines += self._joint(further, start)
                start = further
            self._drawn.add((start, entry.to))
        return [*lines, f"{start} --> {entry.to} : {_label(entry)}"]

    @staticmethod
    def _joint(name: str, *sources: str) -> list[str]:
        return [f"state {name} <<choice>>", *(f"{source} --> {name}" for source in sources)]


def _label(entry: TransitionShown) -> str:
    """Number, trigger, guards and rule; the guards on separate lines, so that labels stay narrow."""
    guards = entry.condition.replace(", ", f",{_BREAK}")
    parts = [f"{entry.id} {entry.trigger}", *([guards] if guards else []), entry.rules[0]]
    return _BREAK.join([*parts, *_remark(entry)])


def _remark(entry: TransitionShown) -> list[str]:
    if not entry.possible:
        return ["(impossible here)"]
    if entry.fired is None:
        return []
    if entry.fired == 0 and entry.purpose == "reserved":
        return ["(reserved)"]
    return [counted(entry.fired, "time") if entry.fired else "NEVER FIRED"]


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
