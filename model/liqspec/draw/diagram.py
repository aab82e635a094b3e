"""What a picture of the lifecycle shows, whatever its format: states, transitions and frames around states (LIF-1)."""

from functools import cache
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, frozen

from liqspec.core import changes, machine
from liqspec.core.machine import Lifecycle, Table, TransitionEntry, guard_name
from liqspec.core.parameters import LiquidationConfig
from liqspec.draw.theme import Purpose, Role
from liqspec.edge import files
from liqspec.edge.errors import InvalidInput
from liqspec.edge.texts import counted, show, visible, words
from liqspec.spec import venue_words
from liqspec.spec.venues import VenueFile


class CannotDraw(InvalidInput):
    """A picture that was asked for and cannot be drawn: what is wrong, and what to do."""


@frozen(kw_only=True)
class StateShown:
    """A state in a picture; `role` is what it means for the trader, `possible` is False where nothing leads to it."""

    name: str
    role: Role
    meaning: str
    possible: bool = True


@frozen(kw_only=True)
class TransitionShown(TransitionEntry):
    """A transition of the table in a picture, with those of its sources that the picture shows.

    `possible` is False where the parameters of a venue rule it out; `fired` counts how often it happened in a
    verification, None where nothing was counted.
    """

    purpose: Purpose
    possible: bool = True
    fired: int | None = None

    @property
    def frequency(self) -> str:
        """How often it fired, in words; empty where nothing was counted."""
        if self.fired is None:
            return ""
        if self.fired:
            return counted(self.fired, "time")
        return "reserved" if self.purpose == "reserved" else "NEVER FIRED"


@frozen(kw_only=True)
class Frame:
    """States that several transitions leave together: a superstate; `inside` is the frame around it, if there is one.

    A transition whose sources are exactly the states of a frame is drawn once, from the frame.
    """

    name: str
    states: tuple[str, ...]
    inside: str | None


@frozen(kw_only=True)
class Diagram:
    """A picture of the lifecycle or of a part of it, as a value."""

    title: str
    states: tuple[StateShown, ...]
    transitions: tuple[TransitionShown, ...]
    frames: tuple[Frame, ...] = ()
    initial: str | None = None
    notes: tuple[str, ...] = ()

    def frame_of(self, transition: TransitionShown) -> Frame | None:
        """The frame that a transition leaves as a whole, or None if it leaves its states one by one."""
        wanted = set(transition.sources)
        return next((frame for frame in self.frames if set(frame.states) == wanted), None)


def condition(entry: TransitionEntry) -> str:
    """The guards of a transition in words, in brackets; empty where there are none."""
    return f"[{words(', '.join(entry.guard))}]" if entry.guard else ""


def whole(lifecycle: Lifecycle) -> Diagram:
    """The whole lifecycle: every state and every transition of the table once."""
    table = lifecycle.table
    roles = _roles(table)
    return Diagram(
        title="The lifecycle of a position",
        states=tuple(
            StateShown(name=name, role=roles[name], meaning=state.meaning) for name, state in table.states.items()
        ),
        transitions=tuple(
            TransitionShown(**asdict(entry, recurse=False), purpose=_purpose(entry, roles))
            for entry in table.transitions
        ),
        frames=_frames(table),
        initial=table.initial,
    )


def of_trigger(diagram: Diagram, trigger: str) -> Diagram:
    """Only what one trigger causes.

    Raises:
        CannotDraw: the lifecycle has no such trigger.
    """
    kept = tuple(entry for entry in diagram.transitions if entry.trigger == trigger)
    if not kept:
        known = ", ".join(dict.fromkeys(entry.trigger for entry in diagram.transitions))
        raise CannotDraw(f"no trigger {show(trigger)}; the triggers are: {known}")
    return _part(diagram, f"What the trigger {trigger} does", kept, set())


def of_state(diagram: Diagram, state: str) -> Diagram:
    """One state with its neighbours: the transitions that lead to it, and those that leave it.

    Raises:
        CannotDraw: the lifecycle has no such state.
    """
    if state not in {entry.name for entry in diagram.states}:
        known = ", ".join(entry.name for entry in diagram.states)
        raise CannotDraw(f"no state {show(state)}; the states are: {known}")
    kept = tuple(
        entry if entry.to == state else evolve(entry, sources=(state,))
        for entry in diagram.transitions
        if state in (entry.to, *entry.sources)
    )
    return _part(diagram, f"The state {state} and its neighbours", kept, {state})


def _part(diagram: Diagram, title: str, kept: tuple[TransitionShown, ...], states: set[str]) -> Diagram:
    wanted = states | {state for entry in kept for state in (entry.to, *entry.sources)}
    return evolve(
        diagram,
        title=title,
        states=tuple(state for state in diagram.states if state.name in wanted),
        transitions=kept,
        frames=(),
        initial=None,
    )


@cache
def role_of(state: str) -> Role:
    """What a state of the specification's lifecycle means."""
    return _roles(machine.lifecycle().table)[state]


def _roles(table: Table) -> dict[str, Role]:
    """What each state means: read off its kind and off the triggers that leave it."""
    filled = {state for entry in table.transitions if entry.trigger == "fill" for state in entry.sources}
    partly = {entry.to for entry in table.transitions if entry.trigger == "fill"}
    opened = {entry.to for entry in table.transitions if entry.trigger == "open"}
    kinds: dict[str, Role] = {"pseudo": "start", "ended": "vault", "final": "end"}

    def role(name: str, kind: str) -> Role:
        if kind in kinds:
            return kinds[kind]
        if name in filled:
            return "partial" if name in partly else "liquidation"
        return "covered" if name in opened else "waiting"

    return {name: role(name, state.kind) for name, state in table.states.items()}


def _purpose(entry: TransitionEntry, roles: dict[str, Role]) -> Purpose:
    if entry.id not in changes.reachable_transitions():
        return "reserved"
    if roles[entry.to] in ("liquidation", "partial", "vault"):
        return "trouble"
    if roles[entry.to] == "end":
        return "closing"
    return "opening" if entry.trigger == "open" else "relief"


def _frames(table: Table) -> tuple[Frame, ...]:
    """One frame for each set of several states that a transition leaves, the outer ones first.

    Raises:
        CannotDraw: two of the sets cross, so that no frame can be drawn around each.
    """
    sets = sorted(
        {frozenset(entry.sources) for entry in table.transitions if len(entry.sources) > 1},
        key=lambda states: (-len(states), sorted(states)),
    )
    frames: list[Frame] = []
    for number, states in enumerate(sets):
        for other in sets[:number]:
            if states & other and not states <= other:
                raise CannotDraw(f"the sources {', '.join(sorted(states))} cross {', '.join(sorted(other))}")
        around = next((frame for frame in reversed(frames) if states < set(frame.states)), None)
        ordered = tuple(name for name in table.states if name in states)
        inside = None if around is None else around.name
        frames.append(Frame(name=_frame_name(table, ordered), states=ordered, inside=inside))
    return tuple(frames)


def _frame_name(table: Table, states: tuple[str, ...]) -> str:
    roles = _roles(table)
    if {roles[name] for name in states} <= {"liquidation", "partial"}:
        return "in_liquidation"
    if states == tuple(name for name, state in table.states.items() if state.kind == "open"):
        return "open_position"
    if all(table.states[name].kind in ("pseudo", "final") for name in states):
        return "without_position"
    return "_or_".join(states)


def guards_of(transition: TransitionShown) -> dict[str, bool]:
    """The guards of a transition by name, each with the value that it must have."""
    return {guard_name(guard): guard == guard_name(guard) for guard in transition.guard}


def at_venue(diagram: Diagram, venue: VenueFile) -> Diagram:
    """The same picture, with what can never happen at the venue marked as impossible."""
    never = never_true(venue.liquidation)
    ruled_out = {entry.id for entry in diagram.transitions if any(guards_of(entry).get(name) for name in never)}
    reached = _reached(diagram, ruled_out)
    return evolve(
        diagram,
        title=f"{diagram.title}, at the venue {visible(venue.name)}",
        states=tuple(evolve(state, possible=state.name in reached) for state in diagram.states),
        transitions=tuple(
            evolve(entry, possible=entry.id not in ruled_out and bool(reached.intersection(entry.sources)))
            for entry in diagram.transitions
        ),
        notes=(*diagram.notes, venue_words.in_short(venue), *(f"Impossible here: {why}" for why in never.values())),
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
    possible = [entry for entry in diagram.transitions if entry.id not in ruled_out]
    while grown := {entry.to for entry in possible if reached.intersection(entry.sources)} - reached:
        reached |= grown
    return reached


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
    text = f"never fired: {', '.join(never)}" if never else "each one that events can cause fired"
    return evolve(
        diagram,
        title="How often each transition fired in a verification",
        transitions=transitions,
        notes=(*diagram.notes, f"{sum(counts.values()):,} transitions in all; {text}"),
    )
