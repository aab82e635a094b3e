"""What can be observed, field by field, and the rules that decide it: `spec/observation.toml` (OBS-1, OBS-2)."""

from collections.abc import Collection
from functools import cache
from typing import Literal, get_args

from attrs import Factory, field, frozen

from liqspec.core import machine
from liqspec.core.effects import Sizing
from liqspec.edge import files, shapes

OWN = "own"  # where the rule of an effect stands among those that it adds
Kind = Literal["integer", "state", "amount", "amounts", "flag"]


@frozen(kw_only=True)
class Observable:
    """A field of an observation: how it compares, and the rules that decide it.

    `effects` names the kinds of effects that can set the field, each with the rules that it adds to its own, of which
    `OWN` gives the place if it is not the first; `families` those of parameters that change what the field is, each
    with its rules. An `optional` field is only in the observations of an engine that lists it (OBS-5); one of a
    `family` only in a run that has the family.
    """

    kind: Kind
    rules: tuple[str, ...]
    effects: dict[str, tuple[str, ...]]
    families: dict[str, tuple[str, ...]] = Factory(dict)
    optional: bool = False
    family: str = ""


@frozen(kw_only=True)
class Observables:
    """All fields of an observation by name, in the order in which they compare, and the classes of coarse states.

    `sizings` has the rules that an order's size depends on, by what decided it.
    """

    format: int
    classes: dict[str, tuple[str, ...]] = field()
    sizings: dict[Sizing, tuple[str, ...]] = field()
    fields: dict[str, Observable]

    @classes.validator
    def _check(self, _: object, classes: dict[str, tuple[str, ...]]) -> None:
        listed = [state for states in classes.values() for state in states]
        states = [name for name, state in machine.lifecycle().table.states.items() if state.kind != "pseudo"]
        if sorted(listed) != sorted(states):
            raise shapes.WrongShape("classes", f"must list each of these states once: {', '.join(states)}")

    @sizings.validator
    def _check_sizings(self, _: object, sizings: dict[str, tuple[str, ...]]) -> None:
        if set(sizings) != set(get_args(Sizing)):
            raise shapes.WrongShape("sizings", f"must have each of these: {', '.join(get_args(Sizing))}")

    def state_class(self, state: str) -> str:
        """The class of a state: what a coarse engine says of it. A text that is not a state is its own class."""
        return next((name for name, states in self.classes.items() if state in states), state)


@cache
def observables() -> Observables:
    """The fields of an observation; an UnreadableFile or a WrongShape if their file is missing or malformed."""
    with shapes.below("observation.toml"):
        return shapes.structure(files.read_toml(files.ROOT / "observation.toml"), Observables)


@cache
def of(part: str) -> tuple[str, ...]:
    """The names of a part's fields without that of the part: `positions`, `pools`, `vault`, or "" for the run."""
    split = (name.rpartition(".") for name in observables().fields)
    return tuple(leaf for owner, _, leaf in split if owner == part)


@cache
def names() -> tuple[str, ...]:
    """What every observation has (OBS-1), in the order in which it is compared."""
    return tuple(name for name, entry in observables().fields.items() if not entry.optional)


def due_in_both(first: Collection[str], second: Collection[str]) -> tuple[str, ...]:
    """What the observations of two runs with these families both have: what only one shows is not compared."""
    return tuple(name for name in names() if name in due(first) and name in due(second))


def due(families: Collection[str]) -> frozenset[str]:
    """What an observation has in the runs of an engine with these families (OBS-1, MRK-8, LIQ-17)."""
    fields = observables().fields
    return frozenset(name for name in names() if not fields[name].family or fields[name].family in families)


def every_name() -> tuple[str, ...]:
    """What an engine can say that it observes, with what is optional (OBS-5), in the order in which it is compared."""
    return tuple(observables().fields)
