"""The lifecycle at one venue: which transitions its parameters rule out (CLD-1)."""

from attrs import evolve

from liqspec.core.parameters import PARAMETERS, LiquidationConfig
from liqspec.draw.diagram import Diagram, guards_of
from liqspec.spec.venues import VenueFile


def at_venue(diagram: Diagram, venue: VenueFile) -> Diagram:
    """The same picture, with what can never happen at the venue marked as impossible."""
    never = never_true(venue.liquidation)
    ruled_out = {entry.id for entry in diagram.transitions if any(guards_of(entry).get(name) for name in never)}
    reached = _reached(diagram, ruled_out)
    return evolve(
        diagram,
        title=f"{diagram.title}, at the venue {venue.name}",
        states=tuple(evolve(state, possible=state.name in reached) for state in diagram.states),
        transitions=tuple(
            evolve(entry, possible=entry.id not in ruled_out and bool(reached.intersection(entry.sources)))
            for entry in diagram.transitions
        ),
        notes=(*diagram.notes, *_notes(venue, never)),
    )


def never_true(liquidation: LiquidationConfig) -> dict[str, str]:
    """The guards that never hold with these parameters, each with the reason."""
    if liquidation.cooldown_ms == 0:
        return {"own_window_open": "no window ever opens, because cooldown_ms is 0 (CLD-1)"}
    return {}


def _reached(diagram: Diagram, ruled_out: set[str]) -> set[str]:
    """The states that a position can get to by what is not ruled out; of a part of the lifecycle, by all it shows."""
    targets = {entry.to for entry in diagram.transitions}
    reached = {state.name for state in diagram.states if state.role == "start" or state.name not in targets}
    grown = True
    while grown:
        grown = False
        for entry in diagram.transitions:
            if entry.id not in ruled_out and entry.to not in reached and reached.intersection(entry.sources):
                reached.add(entry.to)
                grown = True
    return reached


def _notes(venue: VenueFile, never: dict[str, str]) -> tuple[str, ...]:
    said = [entry.note(getattr(venue, entry.table)) for entry in PARAMETERS if entry.note is not None]
    return ("; ".join(filter(None, said)), *(f"Impossible here: {reason}" for reason in never.values()))
