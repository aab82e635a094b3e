"""The lifecycle: `spec/machine.toml` read, validated, and built into one shared `transitions` machine (LIF-1)."""

from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from attrs import frozen
from transitions import Event, Machine

from liqspec.edge import files, shapes
from liqspec.edge.errors import InvalidInput

NOT = "not "


class InvalidMachine(InvalidInput):
    """A lifecycle table that contradicts itself: the entry, and what is wrong with it."""


@frozen(kw_only=True)
class State:
    """A state of the lifecycle; `pseudo` is where a key starts, `ended` has no size, `final` ends a life."""

    kind: Literal["pseudo", "open", "ended", "final"]
    meaning: str


@frozen(kw_only=True)
class Trigger:
    """Something that can move a position through its lifecycle."""

    meaning: str


@frozen(kw_only=True)
class Guard:
    """A named condition of a transition, and the guards that never hold together with it."""

    rule: str
    meaning: str
    excludes: tuple[str, ...] = ()


@frozen(kw_only=True)
class TransitionEntry:
    """A transition as the table writes it; `from` is a word of Python, hence the odd name."""

    id: str
    trigger: str
    to: str
    rules: tuple[str, ...]
    meaning: str
    sources: tuple[str, ...]
    guard: tuple[str, ...] = ()


@frozen(kw_only=True)
class Table:
    """The lifecycle table."""

    format: int
    initial: str
    states: dict[str, State]
    triggers: dict[str, Trigger]
    guards: dict[str, Guard]
    transitions: tuple[TransitionEntry, ...]


class _PlainEvent(Event):
    """A trigger that no callback waits for, so only guards are asked: many times as fast as with all hooks."""

    def trigger(self, model: Any, *args: Any, **_: Any) -> bool:
        """Take the first transition whose guards hold; whether there was one."""
        for transition in self.transitions[model.state]:
            if all(getattr(model, str(guard.func))(*args) == guard.target for guard in transition.conditions):
                model.state = transition.dest
                return True
        return False


class _Machine(Machine):
    event_cls = _PlainEvent


@frozen(eq=False)
class Lifecycle:
    """A valid lifecycle table, and the machine built from it."""

    table: Table
    machine: Machine
    by_id: dict[str, TransitionEntry]
    _candidates: dict[tuple[str, str], list[TransitionEntry]]

    def fire(self, model: Any, trigger: str, inputs: object) -> TransitionEntry | None:
        """Let `model` take the transition of `trigger` whose guards hold, and say which it was.

        Guards are methods of the model, named as in the table, that take `inputs`. None if no transition applies.
        """
        source, event = model.state, self.machine.events[trigger]
        candidates = self.candidates(source, trigger)
        # Without candidates, the library would log a warning for each position that a block does not concern.
        if not candidates or not event.trigger(model, inputs):
            return None
        return next(entry for entry in candidates if entry.to == model.state)

    def candidates(self, state: str, trigger: str) -> list[TransitionEntry]:
        """The transitions that `trigger` can cause from `state`, in the table's order."""
        return self._candidates.get((trigger, state), [])


def guard_name(guard: str) -> str:
    """The name of a guard as a transition writes it, without its negation."""
    return guard.removeprefix(NOT)


@cache
def lifecycle() -> Lifecycle:
    """The lifecycle of the specification (LIF-1)."""
    return load(files.ROOT / "machine.toml")


def load(path: Path) -> Lifecycle:
    """The lifecycle in a file.

    Raises:
        UnreadableFile: the file cannot be read or parsed.
        InvalidMachine: an entry has the wrong shape or contradicts another.
    """
    data = files.read_toml(path)
    for entry in data.get("transitions", []) if isinstance(data.get("transitions"), list) else []:
        if isinstance(entry, dict):
            if "sources" in entry:
                raise InvalidMachine(f"{path.name}: transitions.{entry.get('id')}: unknown field sources")
            if "from" in entry:
                entry["sources"] = entry.pop("from")
    try:
        table = shapes.structure(data, Table)
        _validate(table)
    except shapes.WrongShape as error:
        raise InvalidMachine(f"{path.name}: {str(error).replace('sources', 'from')}") from None
    except InvalidMachine as error:
        raise InvalidMachine(f"{path.name}: {error}") from None
    return build(table)


def build(table: Table) -> Lifecycle:
    """The lifecycle of a valid table, with the `transitions` machine (LIF-1)."""
    machine = _Machine(model=None, states=list(table.states), initial=table.initial, auto_transitions=False)
    candidates: dict[tuple[str, str], list[TransitionEntry]] = {}
    for entry in table.transitions:
        for source in entry.sources:
            candidates.setdefault((entry.trigger, source), []).append(entry)
        machine.add_transition(
            entry.trigger,
            list(entry.sources),
            entry.to,
            conditions=[guard for guard in entry.guard if not guard.startswith(NOT)],
            unless=[guard_name(guard) for guard in entry.guard if guard.startswith(NOT)],
        )
    return Lifecycle(table, machine, {entry.id: entry for entry in table.transitions}, candidates)


def _validate(table: Table) -> None:
    """Refuse what the library would accept until it fires, or forever: see each message."""
    if table.initial not in table.states:
        raise InvalidMachine(f"initial: unknown state {table.initial!r}")
    for name, guard in table.guards.items():
        for other in guard.excludes:
            if other not in table.guards:
                raise InvalidMachine(f"guards.{name}: excludes unknown guard {other!r}")
            if name not in table.guards[other].excludes:
                raise InvalidMachine(f"guards.{name}: excludes {other!r}, but not the other way round")
    seen: set[str] = set()
    for entry in table.transitions:
        if entry.id in seen:
            raise InvalidMachine(f"transitions.{entry.id}: is repeated")
        seen.add(entry.id)
        _validate_transition(entry, table)
    for trigger in table.triggers:
        if all(entry.trigger != trigger for entry in table.transitions):
            raise InvalidMachine(f"triggers.{trigger}: no transition has it")
    for first, second in combinations(table.transitions, 2):
        shared = [state for state in first.sources if state in second.sources]
        if first.trigger == second.trigger and shared and not _exclusive(first, second, table):
            raise InvalidMachine(
                f"transitions.{second.id}: its guards and those of {first.id} can both hold "
                f"in state {shared[0]!r} on trigger {first.trigger!r}"
            )
    _validate_reachable(table)


def _validate_transition(entry: TransitionEntry, table: Table) -> None:
    where = f"transitions.{entry.id}"
    if entry.trigger not in table.triggers:
        raise InvalidMachine(f"{where}: unknown trigger {entry.trigger!r}")
    if not entry.sources:
        raise InvalidMachine(f"{where}: from names no state")
    if not entry.rules:
        raise InvalidMachine(f"{where}: rules names no rule")
    for state in (*entry.sources, entry.to):
        if state not in table.states:
            raise InvalidMachine(f"{where}: unknown state {state!r}; the states are: {', '.join(table.states)}")
    for condition in entry.guard:
        if guard_name(condition) not in table.guards:
            raise InvalidMachine(f"{where}: unknown guard {condition!r}; the guards are: {', '.join(table.guards)}")


def _exclusive(first: TransitionEntry, second: TransitionEntry, table: Table) -> bool:
    """Whether a guard of one is the negation of, or declared to exclude, a guard of the other."""
    return any(
        left == NOT + right
        or right == NOT + left
        or (right in table.guards[guard_name(left)].excludes and not left.startswith(NOT))
        for left in first.guard
        for right in second.guard
    )


def _validate_reachable(table: Table) -> None:
    reached = {table.initial}
    for _ in table.states:  # each time one transition farther
        reached |= {entry.to for entry in table.transitions if reached.intersection(entry.sources)}
    for state in table.states:
        if state not in reached:
            raise InvalidMachine(f"states.{state}: unreachable from {table.initial!r}")
