"""Makes a failing run short and plain: one loop applies the passes, and asks the caller's test about each candidate."""

import time
from collections.abc import Callable, Generator
from typing import Any

from attrs import frozen

from liqspec.core.events import EventData
from liqspec.core.parameters import InvalidConfig
from liqspec.edge.shapes import WrongShape


@frozen
class FailingRun:
    """A run that fails: its configuration, and its events up to the failure."""

    config: dict[str, Any]
    events: list[EventData]


# Runs the events, and returns them up to the failure; None if this run does not fail as the first one did.
Test = Callable[[FailingRun], FailingRun | None]
# Yields candidates, is sent what the test returned for each, and returns the run that it made.
Candidates = Generator[FailingRun, FailingRun | None, FailingRun]
Pass = Callable[[FailingRun], Candidates]


def minimise(run: FailingRun, fails: Test, *groups: tuple[Pass, ...], deadline: float | None = None) -> FailingRun:
    """The run that the passes make of a failing one, until the deadline, a time of the monotonic clock.

    The passes of a group are applied in their order; when a later one makes the run shorter, from the first again.
    Each candidate is a run from the start, so the result fails as the first did. Deterministic if the test is, and
    there is no deadline.
    """

    def test(candidate: FailingRun) -> FailingRun | None:
        if deadline is not None and time.monotonic() > deadline:
            return None
        try:
            return fails(candidate)
        except (WrongShape, InvalidConfig):  # a pass moved into the configuration what only a wrong engine accepts
            return None

    for group in groups:
        place = 0
        while place < len(group):
            made = _apply(group[place], run, test)
            shorter, run = len(made.events) < len(run.events), made
            place = 0 if shorter and place else place + 1
    return run


def _apply(one: Pass, run: FailingRun, fails: Test) -> FailingRun:
    candidates, answer = one(run), None
    while True:
        try:
            candidate = candidates.send(answer)
        except StopIteration as end:
            made: FailingRun = end.value
            return made
        answer = fails(candidate)
