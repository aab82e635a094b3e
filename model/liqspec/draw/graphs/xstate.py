"""The lifecycle as XState's JSON, for `createMachine` and the tools that open it.

A guard's type is its text; its params say which named guards must hold and which must fail, so that one implementation
serves all of them.
"""

import json
from typing import Any

from liqspec.draw.graphs.diagram import Diagram, TransitionShown, guards_of
from liqspec.draw.graphs.nesting import Node, nested

MACHINE = "lifecycle"


def draw(diagram: Diagram) -> str:
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
        "states": {node.name: _state(node) for node in outermost},
    }
    return json.dumps(machine, ensure_ascii=False, indent=2) + "\n"


def _state(node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {"id": node.name}
    if node.state is None:
        data["initial"] = node.first
    else:
        data["description"] = node.state.meaning
        if node.state.role == "end" and not node.transitions:
            data["type"] = "final"
    moves: dict[str, list[dict[str, Any]]] = {}
    for entry in node.transitions:
        moves.setdefault(entry.trigger, []).append(_move(entry))
    if moves:
        data["on"] = moves
    if node.children:
        data["states"] = {child.name: _state(child) for child in node.children}
    return data


def _move(entry: TransitionShown) -> dict[str, Any]:
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
