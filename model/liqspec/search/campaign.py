"""Random runs: how many, from which seed, and the loop that applies one guided event after the other."""

import time
from collections.abc import Callable, Iterator
from itertools import count, takewhile
from random import Random
from typing import TypeVar

from attrs import frozen

from liqspec.core.events import EventData
from liqspec.edge.errors import in_run

Found = TypeVar("Found")


@frozen(kw_only=True)
class Budget:
    """How much to try: a number of events, or of seconds, until the first of them is used up; and the seed."""

    steps: int | None = None
    seconds: float | None = None
    seed: int = 1

    def numbers(self, used: Callable[[], int]) -> Iterator[int]:
        """The number of each run, until the budget is used up; `used` counts the events so far."""
        began = time.monotonic()

        def goes_on(_: int) -> bool:
            in_time = self.seconds is None or time.monotonic() - began < self.seconds
            return in_time and (self.steps is None or used() < self.steps)

        return takewhile(goes_on, count())


def seeded(seed: int | str, number: int) -> Random:
    """The source of all choices of the run with this number."""
    return Random(f"{seed}/{number}")  # a string seeds the same on every machine and PYTHONHASHSEED


def guided_run(
    next_event: Callable[[], EventData | None],
    apply: Callable[[EventData], Found | None],
    length: int,
    where: str,
) -> Found | None:
    """Apply up to `length` events, each proposed after the one before; what `apply` finds first, or None.

    The run also ends where no event is proposed.

    Raises:
        InternalFailure: an exception, in the run that `where` names.
    """
    events: list[EventData] = []
    with in_run(where, events):
        while len(events) < length and (event := next_event()) is not None:
            events.append(event)
            if (found := apply(event)) is not None:
                return found
    return None
