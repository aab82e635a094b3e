"""The lifecycle with how often each transition fired, read from the result of a verification."""

from pathlib import Path
from typing import Any

from attrs import evolve

from liqspec.draw.diagram import CannotDraw, Diagram
from liqspec.edge import files
from liqspec.edge.texts import show


def read_counts(path: Path) -> dict[str, int]:
    """How often each transition fired, in a file that `liqspec verify --json` printed.

    Raises:
        files.UnreadableFile: the file cannot be read or parsed.
        CannotDraw: it is something else.
    """
    data = files.read_json(path)
    counts: Any = data.get("transitions") if isinstance(data, dict) else None
    if not isinstance(counts, dict):
        raise CannotDraw(f"{path}: has no table of transitions; give what `liqspec verify --json` prints")
    for name, count in counts.items():
        if type(count) is not int or count < 0:
            raise CannotDraw(f"{path}: transitions.{name}: expected a whole number from 0, got {show(count)}")
    return counts


def covered(diagram: Diagram, counts: dict[str, int]) -> Diagram:
    """The same picture, with the counts; a transition without one fired never.

    Raises:
        CannotDraw: a count is of a transition that the lifecycle does not have.
    """
    known = [entry.id for entry in diagram.transitions]
    for name in counts:
        if name not in known:
            raise CannotDraw(f"transitions.{name}: no such transition; the lifecycle has {', '.join(known)}")
    transitions = tuple(evolve(entry, fired=counts.get(entry.id, 0)) for entry in diagram.transitions)
    never = [entry.id for entry in transitions if not entry.fired and entry.purpose != "reserved"]
    total = sum(counts.values())
    text = f"never fired: {', '.join(never)}" if never else "each one that events can cause fired"
    return evolve(
        diagram,
        title="How often each transition fired in a verification",
        transitions=transitions,
        notes=(*diagram.notes, f"{total:,} transitions in all; {text}"),
    )
