"""The lifecycle as SCXML, the W3C's notation for statecharts; an event brings the values of the guards as its data."""

from xml.etree import ElementTree

from liqspec.draw.graphs.diagram import Diagram, TransitionShown, guards_of
from liqspec.draw.graphs.nesting import Node, nested

NAMESPACE = "http://www.w3.org/2005/07/scxml"
OWN = "urn:liqspec"  # the attributes id, rules and meaning, which SCXML lets a document add in its own namespace


def draw(diagram: Diagram) -> str:
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
        _add(root, node)
    ElementTree.indent(root, "  ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def condition(transition: TransitionShown) -> str:
    """The guards of a transition over the event's data, in ECMAScript."""
    terms = (f"{'' if wanted else '!'}_event.data.{name}" for name, wanted in guards_of(transition).items())
    return " && ".join(terms)


def _add(parent: ElementTree.Element, node: Node) -> None:
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
        _add(element, child)
