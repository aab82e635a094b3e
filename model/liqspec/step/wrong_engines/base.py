"""What a wrong engine is: the real one with a few names replaced, for as long as it is wanted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import getattr_static
from typing import Any, NamedTuple

from attrs import evolve, frozen

from liqspec.core import assessment, changes
from liqspec.core.admission import Amounts, Check, Failure, Sort
from liqspec.core.events import EVENTS, Event
from liqspec.core.refusals import Refusal
from liqspec.core.state import GuardInputs, Pool, State
from liqspec.step.wrong_engines.catalogue import CATALOGUE


class Patch(NamedTuple):
    """One public name replaced where it is looked up: an attribute of a module or class."""

    owner: Any
    name: str
    wrong: Any

    def read(self) -> Any:
        """What the name is now: as it is stored, perhaps by a base class (getattr would unwrap a static method)."""
        return getattr_static(self.owner, self.name)

    def write(self, value: Any) -> None:
        """Make the name another value."""
        setattr(self.owner, self.name, value)


@frozen
class WrongEngine:
    """An engine that is wrong in one way; the title says in which, and `rule` is the rule that it breaks.

    `also` are others that it breaks, such as the one for all numbers.
    """

    id: str
    rule: str
    title: str
    patches: tuple[Patch, ...]
    slow: bool = False
    also: tuple[str, ...] = ()

    def install(self) -> None:
        """Make this process' engine the wrong one, for good: for a process that is started to be it."""
        for patch in self.patches:
            patch.write(patch.wrong)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Make the engine the wrong one, until the block ends."""
        real = [patch.read() for patch in self.patches]
        self.install()
        try:
            yield
        finally:
            for patch, value in zip(self.patches, real, strict=True):
                patch.write(value)


def bug(number: str, rule: str, *patches: Patch) -> WrongEngine:
    """A bug of the catalogue."""
    return WrongEngine(number, rule, CATALOGUE[number], patches)


def wrong(number: str, rule: str, title: str, *patches: Patch, slow: bool = False) -> WrongEngine:
    """A bug that the catalogue might have; `slow` is one that is found only after more than 1,500 random events."""
    return WrongEngine(number, rule, title, patches, slow)


# ------------------------------------------------------------------------------------------- common ways of being wrong

REAL_MEASURE = changes.measure
PERFORM: dict[Any, Callable[[Any, State, Amounts, Any], list[Pool]]] = {kind: kind.perform for kind in EVENTS.values()}
ADMIT: dict[Any, Callable[[Any, State], Amounts]] = {kind: kind.admit for kind in EVENTS.values()}

Failing = Callable[[Any, State, Amounts], Failure | None]
Checks = tuple[Check[Any], ...]


def operates(kind: type[Event], operation: Callable[[Any, State, Amounts, Any], list[Pool]]) -> Patch:
    """Another change for an event."""
    return Patch(kind, "perform", operation)


def checks(kind: type[Event], *changes: Callable[[Checks], Checks]) -> Patch:
    """Other checks of an event's own, after those of its fields."""
    listed: Checks = kind.checks
    for change in changes:
        listed = change(listed)
    return Patch(kind, "checks", listed)


def real(kind: type[Event], code: str, of: Sort | None = None) -> Failing:
    """How a check of an event really fails."""
    return next(check.failing for check in kind.checks if (check.code, check.of) == (code, of))


def fails(code: str, failing: Failing, of: Sort | None = None) -> Callable[[Checks], Checks]:
    """The check fails otherwise."""
    return lambda listed: tuple(evolve(each, failing=failing) if _is(each, code, of) else each for each in listed)


def skips(code: str, of: Sort | None = None) -> Callable[[Checks], Checks]:
    """The check is left out."""
    return lambda listed: tuple(each for each in listed if not _is(each, code, of))


def moves(code: str, before: str, of: Sort | None = None) -> Callable[[Checks], Checks]:
    """The check runs before the first with another code."""

    def change(listed: Checks) -> Checks:
        (moved,) = (each for each in listed if _is(each, code, of))
        return _insert(skips(code, of)(listed), moved, before)

    return change


def refuses(
    refusal: type[Refusal], failing: Failing, of: Sort | None = None, before: str | None = None
) -> Callable[[Checks], Checks]:
    """One check more: the last, or before the first with a code."""
    more: Check[Any] = Check(refusal=refusal, rule=refusal.rule, failing=failing, of=of)
    return lambda listed: (*listed, more) if before is None else _insert(listed, more, before)


def _is(check: Check[Any], code: str, of: Sort | None) -> bool:
    return (check.code, check.of) == (code, of)


def _insert(listed: Checks, check: Check[Any], before: str) -> Checks:
    index = [each.code for each in listed].index(before)
    return (*listed[:index], check, *listed[index:])


def sees(view: Callable[[State, Pool, GuardInputs], GuardInputs]) -> Patch:
    """Another view of a pool when it is assessed; what is observed of it stays right."""

    def measure(state: State, pool: Pool) -> GuardInputs:
        return view(state, pool, REAL_MEASURE(state, pool))

    return Patch(assessment, "measure", measure)
