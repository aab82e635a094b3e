"""What a wrong engine is: the real one with a few names replaced, for as long as it is wanted."""

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from attrs import frozen

from adversaries.wrong_engines.catalogue import CATALOGUE
from liqspec.core import admission, assessment, lifecycle, operations
from liqspec.core.admission import Amounts
from liqspec.core.events import Event
from liqspec.core.state import GuardInputs, Pool, State

ABSENT = object()  # what a dispatch table has for a key that it does not have


class Patch(NamedTuple):
    """One name replaced where it is looked up: an attribute of a module or class, or an entry of a dispatch table."""

    owner: Any
    name: Any
    wrong: Any

    def read(self) -> Any:
        # From a class' own dictionary, because getattr would unwrap what is stored there.
        return self.owner.get(self.name, ABSENT) if isinstance(self.owner, dict) else vars(self.owner)[self.name]

    def write(self, value: Any) -> None:
        if not isinstance(self.owner, dict):
            setattr(self.owner, self.name, value)
        elif value is ABSENT:
            del self.owner[self.name]
        else:
            self.owner[self.name] = value


BREAKS: dict[str, str] = tomllib.loads((Path(__file__).parent / "breaks.toml").read_text(encoding="utf-8"))


@frozen
class WrongEngine:
    """An engine that is wrong in one way; the title says in which."""

    id: str
    title: str
    patches: tuple[Patch, ...]

    @property
    def rule(self) -> str:
        """The rule that it breaks."""
        return BREAKS[self.id]

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


def bug(number: str, *patches: Patch) -> WrongEngine:
    """A bug of the catalogue."""
    return WrongEngine(number, CATALOGUE[number], patches)


def wrong(number: str, title: str, *patches: Patch) -> WrongEngine:
    """A bug that the catalogue might have."""
    return WrongEngine(number, title, patches)


# ------------------------------------------------------------------------------------------- common ways of being wrong

REAL_MEASURE = lifecycle.measure
REAL_OPERATIONS = dict(operations._OPERATIONS)
REAL_CHECKS = dict(admission._OWN)


def operates(kind: type[Event], operation: Callable[[State, Any, Amounts, Any], list[Pool]]) -> Patch:
    """Another change for an event; the table holds the functions, so patching the module would change nothing."""
    return Patch(operations._OPERATIONS, kind, operation)


def checks(kind: type[Event], check: Callable[[State, Any, Amounts], None]) -> Patch:
    """Another admission for an event, beyond its fields."""
    return Patch(admission._OWN, kind, check)


def sees(view: Callable[[State, Pool, GuardInputs], GuardInputs]) -> Patch:
    """Another view of a pool when it is assessed; what is observed of it stays right."""

    def measure(state: State, pool: Pool) -> GuardInputs:
        return view(state, pool, REAL_MEASURE(state, pool))

    return Patch(assessment, "measure", measure)
