"""Proves a step on every path, or names what it did not prove."""

from collections.abc import Iterator
from functools import partial

from attrs import define, field, frozen

from liqspec.proofs import symbolic
from liqspec.proofs.inductive import contracts, steps
from liqspec.proofs.inductive.run import Outcome, run
from liqspec.proofs.inductive.steps import Step
from liqspec.proofs.inductive.terms import Shared, SharedRun
from liqspec.proofs.inductive.unknown import Numbers
from liqspec.proofs.symbolic import Condition, Path, as_condition

MOST_TERMS = 200_000  # that steps share: with what is known of them about a gigabyte


@frozen
class Unproved:
    """A path of a step on which something is not proved: how it ended, and the names of what must hold there."""

    step: Step | None
    end: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        """Such as `fill of A, cross [...], accepted: closed_is_empty [a/cross]`."""
        where = self.end if self.step is None else f"{self.step}, {self.end}"
        return f"{where}: {', '.join(self.names)}" if self.names else where


@define
class Proved:
    """What was proved of some steps: how much was looked at, and what is not proved."""

    steps: int = 0
    shapes: set[str] = field(factory=set)
    paths: int = 0
    accepted: int = 0
    obligations: int = 0
    queries: int = 0
    unproved: list[Unproved] = field(factory=list)

    def add(self, other: "Proved") -> None:
        """Count other steps too."""
        for name in ("steps", "paths", "accepted", "obligations", "queries"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.unproved += other.unproved
        self.shapes |= other.shapes


def ways(
    step: Step, shared: Shared, numbers: Numbers, *, by_contract: bool = True, whole: bool = False
) -> Iterator[Path[Outcome]]:
    """Every path of a step."""
    make = partial(SharedRun, shared=shared)
    yield from symbolic.paths(partial(run, step, numbers, by_contract=by_contract, whole=whole), make=make)


def prove(step: Step, *, whole: bool = False, shared: Shared | None = None) -> Proved:
    """Prove all that must hold after a step, on each of its paths; without the assessment unless it is `whole`.

    What earlier steps have `shared`, their terms and answers, is used again.

    Raises:
        Exception: the engine itself raised one on some path, which no event may cause (EVT-3).
    """
    shared, found = (shared or Shared()).of_a_step(), Proved(steps=1, shapes={f"{step.mode} {step.shape}"})
    before = shared.quick.queries
    with contracts.by_contract(step.kind):
        for way in ways(step, shared, Numbers(), whole=whole):
            outcome = way.result
            found.paths += 1
            found.accepted += outcome.end == "accepted"
            found.obligations += len(outcome.must)
            wrong = {name: as_condition(holds).negated for name, holds in outcome.must.items() if holds is not True}
            if not wrong or shared.quick.excludes(way.conditions, list(wrong.values())):
                continue
            names = tuple(n for n, fails in wrong.items() if not shared.quick.excludes([*way.conditions, fails]))
            found.unproved.append(Unproved(step, outcome.end, names))
    if not found.paths:
        found.unproved.append(Unproved(step, "no path at all", ()))
    found.queries = shared.quick.queries - before
    return found


def book_is_addition() -> bool:
    """Whether `Book.add` is proved to be the addition that the proofs take it for."""

    def statement(had: bool) -> Condition:
        return contracts.adding_to_a_book_is_addition(symbolic.integer("held") if had else None)

    return all(
        way.check(way.fails) == "unsat" for had in (True, False) for way in symbolic.paths(partial(statement, had))
    )


def prove_part(kind: str, keys: int, part: int) -> Proved:
    """Prove the steps of an event type at pools of exactly this number of keys, those of one part."""
    found, shared = Proved(), Shared()
    for step in steps.part_of(kind, keys, part):
        if len(shared.made) > MOST_TERMS:
            shared = Shared()
        try:
            found.add(prove(step, shared=shared))
        except Exception as error:  # it is a finding: an event ends in a refusal or is accepted, never so
            found.unproved.append(Unproved(step, f"{type(error).__name__}: {error}", ()))
    if not found.steps:
        found.unproved.append(Unproved(None, f"no step of {kind} with {keys} keys", ()))
    return found


def prove_event(kind: str, keys: int) -> Proved:
    """Prove every step of an event type at pools of exactly this number of keys."""
    found = Proved()
    for part in range(steps.parts(kind, keys)):
        found.add(prove_part(kind, keys, part))
    return found
