"""Makes a failing run short and plain: one loop tries what the passes propose, and asks the caller's test about it."""

import time
from collections.abc import Callable, Generator
from typing import Any

from attrs import frozen

from liqspec.core.events import EventData
from liqspec.core.parameters import InvalidConfig
from liqspec.edge.errors import in_run
from liqspec.edge.shapes import WrongShape


@frozen
class FailingRun:
    """A run that fails: its configuration, its events up to the failure, and what the test found there."""

    config: dict[str, Any]
    events: list[EventData]
    found: Any = None


# Runs a candidate, and returns it up to the failure; None if it does not fail as the run that it was made from did.
Test = Callable[[FailingRun], FailingRun | None]
# Yields candidates, is sent what the test returned for each, and returns the run that it made.
Candidates = Generator[FailingRun, FailingRun | None, FailingRun]
Pass = Callable[[FailingRun], Candidates]


def minimise(run: FailingRun, fails: Test, *groups: tuple[Pass, ...], deadline: float | None = None) -> FailingRun:
    """The run that groups of passes make of a failing one; past the deadline (monotonic clock), the shortest so far.

    Each candidate is a run from the start, so the result fails as the first did. Deterministic if the test is, and
    there is no deadline.

    Raises:
        InternalFailure: the test raised an exception.
    """
    candidates, answer, shortest = in_groups(run, groups), None, run
    while True:
        try:
            candidate = candidates.send(answer)
        except StopIteration as end:
            made: FailingRun = end.value
            return made
        if deadline is not None and time.monotonic() > deadline:
            return shortest
        with in_run("a run that is made shorter", candidate.events):
            answer = _answer(fails, candidate)
        if answer is not None:
            shortest = min(answer, shortest, key=length)


def in_groups(run: FailingRun, groups: tuple[tuple[Pass, ...], ...]) -> Candidates:
    """Apply the passes of each group in their order; when a later one makes the run shorter, from its first again."""
    for group in groups:
        place = 0
        while place < len(group):
            made = yield from group[place](run)
            shorter, run = length(made) < length(run), made
            place = 0 if shorter and place else place + 1
    return run


def length(run: FailingRun) -> int:
    """The number of its events."""
    return len(run.events)


def _answer(fails: Test, candidate: FailingRun) -> FailingRun | None:
    try:
        return fails(candidate)
    except (WrongShape, InvalidConfig):  # a pass moved into the configuration what only a wrong engine accepts
        return None
