"""The counterexample that is told: the shortest of what was violated, or of what a few more random runs violate."""

from collections.abc import Iterable
from random import Random
from typing import Any

from liqspec import counterexample
from liqspec.random_run import LENGTH, random_run
from liqspec.tally import Tally, Violation

SHORT = 8  # events that a reader takes in at once: above it a shorter counterexample is looked for
RUNS = 80  # more random runs at most: a few seconds


def shortest(violations: Iterable[Violation], bases: tuple[dict[str, Any], ...], seed: int) -> Violation | None:
    """The shortest counterexample to be had without much ado; None if nothing was violated.

    A defect that is met where much has happened already keeps most of its events when it is shrunk; the same defect is
    often met again soon, and there takes few. Deterministic.
    """
    best = _best(violations)
    if best is None:
        return None
    for number in range(RUNS):
        if len(best.events) <= SHORT:
            break
        random, tally = Random(f"{seed}/again/{number}"), Tally()
        random_run(random.choice(bases), random, LENGTH, f"another random run, {number} of seed {seed}", tally)
        best = min(filter(None, (best, _best(tally.violations))), key=_length)
    return best


def _best(violations: Iterable[Violation]) -> Violation | None:
    return min(map(counterexample.shrink, violations), key=_length, default=None)


def _length(violation: Violation) -> int:
    return len(violation.events)
