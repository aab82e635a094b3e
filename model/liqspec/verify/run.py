"""Checking that the rules hold, four ways: scenarios, exhaustive scopes, proofs, and guided random runs."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from attrs import frozen
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from liqspec.edge.errors import InternalFailure
from liqspec.generate.configurations import base_configuration
from liqspec.proofs.lemmas import LEMMAS
from liqspec.properties.coverage import Coverage
from liqspec.search import campaign, parallel
from liqspec.spec import scopes, venues
from liqspec.verify.report import Report, ScopeResult
from liqspec.verify.tasks import LENGTH, Examples, Explored, Part, Proved, RandomRuns, Scenarios, Task, work

STEPS, THOROUGH_STEPS = 60_000, 2_000_000
RUNS = 10  # random runs in one piece: about a second


@frozen(kw_only=True)
class Budget(campaign.Budget):
    """How much to check: random events until the steps or the seconds are used up, and the seed of these.

    `scopes` are explored, and all lemmas proved if `proved`; the work runs on this number of `processes`.
    """

    venue: str | None = None
    scopes: tuple[str, ...] = ()
    steps: int | None = STEPS
    proved: bool = True
    processes: int = parallel.available()

    def venues(self) -> list[str]:
        """The rule sets that random runs start from."""
        return [self.venue] if self.venue else venues.names()

    def bases(self) -> tuple[dict[str, Any], ...]:
        """The configurations of these rule sets.

        Raises:
            UnreadableFile, shapes.WrongShape: the venue asked for is wrong.
        """
        return tuple(base_configuration(venues.load(name)) for name in self.venues())


def verify(budget: Budget, progress: Console) -> Report:
    """Check everything, up to the first violation; deterministic in the budget, unless that is given in seconds.

    Raises:
        UnreadableFile, shapes.WrongShape, InvalidConfig, InvalidScenario: a file of the specification,
            or the venue asked for, is wrong.
    """
    loaded = [scopes.load(name) for name in budget.scopes]
    tasks = chain(_shipped(budget, loaded), _random_runs(budget, budget.bases()))
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    parts: list[Part] = []
    with Progress(*columns, console=progress, transient=True) as bars:
        shown = _Bars(bars, budget)
        for part in parallel.run_parallel(work, tasks, processes=budget.processes, done=shown.done):
            parts.append(part)
            if part.coverage.violations:
                break
    return _report(budget, parts)


def _shipped(budget: Budget, loaded: list[scopes.Scope]) -> Iterator[Task]:
    """What takes longest comes first."""
    yield from (Explored(scope) for scope in loaded)
    yield Examples()
    yield Scenarios()
    if budget.proved:
        yield from (Proved(name) for name in LEMMAS)


def _random_runs(budget: Budget, bases: tuple[dict[str, Any], ...]) -> Iterator[Task]:
    yield from (RandomRuns(bases, budget.seed, lengths) for lengths in _lengths(budget))


def _lengths(budget: Budget) -> Iterator[tuple[tuple[int, int], ...]]:
    """Numbers and lengths of the random runs, grouped into tasks, until the steps or the seconds are used up."""
    runs = _runs(budget)
    while task := tuple(islice(runs, RUNS)):
        yield task


def _runs(budget: Budget) -> Iterator[tuple[int, int]]:
    planned = 0
    numbers = budget.numbers(lambda: planned)
    for number in numbers:
        yield number, LENGTH if budget.steps is None else min(LENGTH, budget.steps - planned)
        planned += LENGTH


class _Bars:
    """One progress bar for each kind of task."""

    def __init__(self, bars: Progress, budget: Budget) -> None:
        self._bars = bars
        totals = {
            "scopes": len(budget.scopes),
            "lemmas": len(LEMMAS) if budget.proved else 0,
            "random events": None if budget.seconds else budget.steps,
        }
        self._tasks: dict[str, TaskID] = {
            kind: bars.add_task(kind, total=total) for kind, total in totals.items() if total != 0
        }

    def done(self, part: Part) -> None:
        """Show that a part is there."""
        if part.exploration is not None:
            found = part.exploration
            speed = f"{found.states:,} states, {found.states / found.seconds:,.0f} a second"
            self._bars.console.print(f"scope {found.scope}: {speed}")
        if part.kind in self._tasks:
            self._bars.advance(self._tasks[part.kind], part.steps)


def _report(budget: Budget, parts: list[Part]) -> Report:
    coverage, steps = Coverage(), {"worked examples": 0, "scenarios": 0, "random events": 0}
    for part in parts:
        coverage.add(part.coverage)
        steps[part.kind] = steps.get(part.kind, 0) + part.steps
    return Report(
        venues=budget.venues(),
        seed=budget.seed,
        steps=steps["random events"],
        examples=steps["worked examples"],
        scenarios=steps["scenarios"],
        failures=[*(line for part in parts for line in part.failures), *_first_of_each(coverage.failures)],
        checked=dict(sorted(coverage.checked.items())),
        transitions=dict(sorted(coverage.transitions.items())),
        rules=dict(sorted(coverage.rules.items())),
        refusals=dict(sorted(coverage.codes.items())),
        scopes=[ScopeResult.of(part.exploration) for part in parts if part.exploration is not None],
        proofs=[part.proof for part in parts if part.proof is not None],
        violations=coverage.violations,
    )


def _first_of_each(failures: list[InternalFailure]) -> list[str]:
    """The first failure of each kind: many runs may fail alike."""
    first: dict[str, InternalFailure] = {}
    for failure in failures:
        first.setdefault(failure.what, failure)
    return [str(failure) for failure in first.values()]
