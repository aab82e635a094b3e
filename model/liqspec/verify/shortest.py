"""The counterexample to report: the shortest violation found, or the shortest of a few more random runs."""

from collections.abc import Iterable
from typing import Any

from liqspec.properties.coverage import Coverage, Violation
from liqspec.search import explore
from liqspec.search.campaign import seeded
from liqspec.verify import counterexample
from liqspec.verify.tasks import LENGTH, random_run

SHORT = 2  # events: above it a shorter counterexample is looked for
RUNS, FOUND = 80, 5  # more random runs at most, and of those that violate something: some ten seconds


def shortest(violations: Iterable[Violation], bases: tuple[dict[str, Any], ...], seed: int) -> Violation | None:
    """The shortest counterexample found with little extra work; None if nothing was violated.

    A defect that is met where much has happened already keeps most of its events when it is shrunk; the same defect is
    often met again soon, and there takes few. What an exploration found is the shortest of its scope, and stays.
    Deterministic.
    """
    best = min(map(counterexample.shrink, violations), key=_length, default=None)
    if best is None or best.where.startswith(explore.WHERE):
        return best
    found = 0
    for number in range(RUNS):
        if len(best.events) <= SHORT or found == FOUND:
            break
        random, coverage = seeded(f"{seed}/again", number), Coverage()
        random_run(random.choice(bases), random, LENGTH, f"another random run, {number} of seed {seed}", coverage)
        if coverage.violations:
            found += 1
            best = min(best, counterexample.shrink(coverage.violations[0]), key=_length)
    return best


def _length(violation: Violation) -> int:
    return len(violation.events)
