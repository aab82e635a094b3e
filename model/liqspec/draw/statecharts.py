"""The lifecycle as a machine that runs, in the formats that know superstates: each transition stands once.

In SCXML, the W3C's notation for statecharts, an event brings the values of the guards as its data. In XState's JSON,
for `createMachine`, a guard's type is its text; its params say which named guards must hold and which must fail, so
that one implementation serves all of them.
"""

from typing import Any
from xml.etree import ElementTree

from attrs import frozen

from liqspec.draw.diagram import CannotDraw, Diagram, Frame, StateShown, TransitionShown, guards_of
from liqspec.edge.json_text import json_text

NAMESPACE = "http://www.w3.org/2005/07/scxml"
OWN = "urn:liqspec"  # the attributes id, rules and meaning, which SCXML lets a document add in its own namespace
MACHINE = "lifecycle"


@frozen
class Node:
    """A state, or a superstate with its children; `transitions` are those that leave it."""

    name: str
    state: StateShown | None
    children: tuple["Node", ...]
    transitions: tuple[TransitionShown, ...]

    @property
    def final(self) -> bool:
        """Whether it is a state in which the machine ends."""
        return self.state is not None and self.state.role == "end" and not self.transitions


def always_whole(kind: str) -> CannotDraw:
    """The refusal of a picture, in a format of a machine, that is not of the whole lifecycle."""
    return CannotDraw(f"{kind} is a machine that runs: it always has the whole lifecycle, without --view or --venue")


def _outermost(diagram: Diagram, kind: str) -> tuple[tuple[Node, ...], str]:
    """The outermost states and superstates of the whole lifecycle, and its initial state."""
    if diagram.initial is None or not all(entry.possible for entry in diagram.transitions):
        raise always_whole(kind)
    return _inside(diagram, None), diagram.initial


def _inside(diagram: Diagram, around: Frame | None) -> tuple[Node, ...]:
    name = None if around is None else around.name
    inner = [frame for frame in diagram.frames if frame.inside == name]
    nodes: dict[str, Node] = {}
    for state in diagram.states:
        frame = next((frame for frame in inner if state.name in frame.states), None)
        if frame is not None and frame.name not in nodes:
            nodes[frame.name] = Node(frame.name, None, _inside(diagram, frame), _leaving(diagram, set(frame.states)))
        elif frame is None and (around is None or state.name in around.states):
            nodes[state.name] = Node(state.name, state, (), _leaving(diagram, {state.name}))
    return tuple(nodes.values())


def _leaving(diagram: Diagram, states: set[str]) -> tuple[TransitionShown, ...]:
    return tuple(entry for entry in diagram.transitions if set(entry.sources) == states)


def scxml(diagram: Diagram) -> str:
    """The machine as the text of an SCXML document.

    Raises:
        CannotDraw: the picture is not the whole lifecycle.
    """
    outermost, initial = _outermost(diagram, "scxml")
    spaces = {"xmlns": NAMESPACE, "xmlns:liqspec": OWN, "version": "1.0", "datamodel": "ecmascript"}
    root = ElementTree.Element("scxml", {**spaces, "name": MACHINE, "initial": initial})
    for node in outermost:
        _scxml_node(root, node)
    ElementTree.indent(root, "  ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _scxml_node(parent: ElementTree.Element, node: Node) -> None:
    attributes = {"initial": node.children[0].name} if node.state is None else {"liqspec:meaning": node.state.meaning}
    element = ElementTree.SubElement(parent, "final" if node.final else "state", {"id": node.name, **attributes})
    for entry in node.transitions:
        # The guards over the event's data, in ECMAScript.
        terms = (f"{'' if wanted else '!'}_event.data.{name}" for name, wanted in guards_of(entry).items())
        condition = " && ".join(terms)
        ElementTree.SubElement(
            element,
            "transition",
            {
                "event": entry.trigger,
                **({"cond": condition} if condition else {}),
                "target": entry.to,
                "liqspec:id": entry.id,
                "liqspec:rules": " ".join(entry.rules),
                "liqspec:meaning": entry.meaning,
            },
        )
    for child in node.children:
        _scxml_node(element, child)


def xstate(diagram: Diagram) -> str:
    """The machine as the text of a JSON document.

    Raises:
        CannotDraw: the picture is not the whole lifecycle.
    """
    outermost, initial = _outermost(diagram, "xstate")
    first = next(node for node in outermost if initial in (node.name, *(child.name for child in node.children)))
    machine = {
        "id": MACHINE,
        "description": diagram.title,
        "initial": first.name,
        "states": {node.name: _xstate_node(node) for node in outermost},
    }
    return json_text(machine, indent=2) + "\n"


def _xstate_node(node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {"id": node.name}
    if node.state is None:
        data["initial"] = node.children[0].name
    else:
        data["description"] = node.state.meaning
    if node.final:
        data["type"] = "final"
    moves: dict[str, list[dict[str, Any]]] = {}
    for entry in node.transitions:
        moves.setdefault(entry.trigger, []).append(_xstate_transition(entry))
    return {
        **data,
        **({"on": moves} if moves else {}),
        **({"states": {child.name: _xstate_node(child) for child in node.children}} if node.children else {}),
    }


def _xstate_transition(entry: TransitionShown) -> dict[str, Any]:
    guards = guards_of(entry)
    params = {
        "hold": [name for name, wanted in guards.items() if wanted],
        "fail": [name for name, wanted in guards.items() if not wanted],
    }
    return {
        "target": f"#{entry.to}",
        **({"guard": {"type": " and ".join(entry.guard), "params": params}} if guards else {}),
        "description": entry.meaning,
        "meta": {"transition": entry.id, "rules": list(entry.rules)},
    }
