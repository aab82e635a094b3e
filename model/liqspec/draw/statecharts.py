"""The lifecycle as a machine that runs, in the formats that know superstates: each transition stands once.

In SCXML, the W3C's notation for statecharts, an event brings the values of the guards as its data. In XState's JSON,
for `createMachine`, a guard's type is its text; its params say which named guards must hold and which must fail, so
that one implementation serves all of them.
"""

import json
from typing import Any
from xml.etree import ElementTree

from attrs import frozen

from liqspec.draw.diagram import CannotDraw, Diagram, Frame, StateShown, TransitionShown, guards_of

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
    def first(self) -> str:
        """The child that is entered by default."""
        return self.children[0].name


def nested(diagram: Diagram, only: str) -> tuple[Node, ...]:
    """The outermost states and superstates of the whole lifecycle.

    Raises:
        CannotDraw: the picture shows only a part, or a venue; `only` names the format in the message.
    """
    if diagram.initial is None or not all(entry.possible for entry in diagram.transitions):
        raise CannotDraw(f"{only} is a machine that runs: it always has the whole lifecycle, without --view or --venue")
    return _inside(diagram, None)


def _inside(diagram: Diagram, around: Frame | None) -> tuple[Node, ...]:
    nodes: dict[str, Node] = {}
    for state in diagram.states:
        if around is not None and state.name not in around.states:
            continue
        frame = _child(diagram, around, state.name)
        if frame is None:
            nodes[state.name] = Node(state.name, state, (), _leaving(diagram, {state.name}))
        elif frame.name not in nodes:
            nodes[frame.name] = Node(frame.name, None, _inside(diagram, frame), _leaving(diagram, set(frame.states)))
    return tuple(nodes.values())


def _child(diagram: Diagram, around: Frame | None, state: str) -> Frame | None:
    """The frame directly inside another that has this state, or None if the state itself is directly inside."""
    name = None if around is None else around.name
    return next((frame for frame in diagram.frames if frame.inside == name and state in frame.states), None)


def _leaving(diagram: Diagram, states: set[str]) -> tuple[TransitionShown, ...]:
    return tuple(entry for entry in diagram.transitions if set(entry.sources) == states)


# ---------------------------------------------------------------------------------------------------------------- SCXML


def scxml(diagram: Diagram) -> str:
    """The machine as the text of an SCXML document.

    Raises:
        CannotDraw: the picture is not the whole lifecycle.
    """
    outermost = nested(diagram, "scxml")
    root = ElementTree.Element(
        "scxml",
        {
            "xmlns": NAMESPACE,
            "xmlns:liqspec": OWN,
            "version": "1.0",
            "datamodel": "ecmascript",
            "name": "lifecycle",
            "initial": diagram.initial or outermost[0].name,
        },
    )
    for node in outermost:
        _scxml_node(root, node)
    ElementTree.indent(root, "  ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def condition(transition: TransitionShown) -> str:
    """The guards of a transition over the event's data, in ECMAScript."""
    terms = (f"{'' if wanted else '!'}_event.data.{name}" for name, wanted in guards_of(transition).items())
    return " && ".join(terms)


def _scxml_node(parent: ElementTree.Element, node: Node) -> None:
    if node.state is None:
        element = ElementTree.SubElement(parent, "state", {"id": node.name, "initial": node.first})
    else:
        kind = "final" if node.state.role == "end" and not node.transitions else "state"
        element = ElementTree.SubElement(parent, kind, {"id": node.name, "liqspec:meaning": node.state.meaning})
    for entry in node.transitions:
        cond = condition(entry)
        ElementTree.SubElement(
            element,
            "transition",
            {
                "event": entry.trigger,
                **({"cond": cond} if cond else {}),
                "target": entry.to,
                "liqspec:id": entry.id,
                "liqspec:rules": " ".join(entry.rules),
                "liqspec:meaning": entry.meaning,
            },
        )
    for child in node.children:
        _scxml_node(element, child)


# --------------------------------------------------------------------------------------------------------------- XState


def xstate(diagram: Diagram) -> str:
    """The machine as the text of a JSON document.

    Raises:
        CannotDraw: the picture is not the whole lifecycle.
    """
    outermost = nested(diagram, "xstate")
    first = next(node for node in outermost if diagram.initial in (node.name, *(child.name for child in node.children)))
    machine = {
        "id": MACHINE,
        "description": diagram.title,
        "initial": first.name,
        "states": {node.name: _xstate_node(node) for node in outermost},
    }
    return json.dumps(machine, ensure_ascii=False, indent=2) + "\n"


def _xstate_node(node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {"id": node.name}
    if node.state is None:
        data["initial"] = node.first
    else:
        data["description"] = node.state.meaning
        if node.state.role == "end" and not node.transitions:
            data["type"] = "final"
    moves: dict[str, list[dict[str, Any]]] = {}
    for entry in node.transitions:
        moves.setdefault(entry.trigger, []).append(_xstate_transition(entry))
    if moves:
        data["on"] = moves
    if node.children:
        data["states"] = {child.name: _xstate_node(child) for child in node.children}
    return data


def _xstate_transition(entry: TransitionShown) -> dict[str, Any]:
    guards = guards_of(entry)
    move: dict[str, Any] = {"target": f"#{entry.to}"}
    if guards:
        move["guard"] = {
            "type": " and ".join(entry.guard),
            "params": {
                "hold": [name for name, wanted in guards.items() if wanted],
                "fail": [name for name, wanted in guards.items() if not wanted],
            },
        }
    move["description"] = entry.meaning
    move["meta"] = {"transition": entry.id, "rules": list(entry.rules)}
    return move
