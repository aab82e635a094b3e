"""Diagrams of the lifecycle, drawn from the specification's table (LIF-1)."""

from liqspec.machine import Lifecycle


def mermaid(lifecycle: Lifecycle) -> str:
    """The whole lifecycle as a Mermaid state diagram; every transition appears exactly once for each source state."""
    states = lifecycle.table.states
    lines = ["stateDiagram-v2", "    direction LR"]
    for entry in lifecycle.table.transitions:
        guard = f" [{', '.join(entry.guard).replace('_', ' ')}]" if entry.guard else ""
        for source in entry.sources:
            start = "[*]" if states[source].kind == "pseudo" else source
            lines.append(f"    {start} --> {entry.to} : {entry.id} {entry.trigger}{guard}")
    lines.extend(f"    {name} --> [*]" for name, state in states.items() if state.kind == "final")
    return "\n".join(lines) + "\n"
