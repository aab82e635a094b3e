"""Checking that the rules hold, four ways: scenarios, exhaustive scopes, proofs, and guided random runs."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from attrs import evolve, frozen
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from liqspec.edge.errors import InternalFailure
from liqspec.edge.sources import digest
from liqspec.generate.configurations import base_configuration, shipped_bases
from liqspec.generate.random_runs import length_of
from liqspec.proofs.inductive.covered import COVERED, FEWEST, PARTS, WITHOUT_KEYS
from liqspec.proofs.lemmas import LEMMAS
from liqspec.properties.coverage import Coverage
from liqspec.search import campaign, parallel
from liqspec.search.explore import WHOLE_STEPS
from liqspec.spec import scopes, venues
from liqspec.verify import tasks
from liqspec.verify.done import Checkpoint, Done
from liqspec.verify.report import Report, counts
from liqspec.verify.tasks import LENGTH, Part, StepsResult, Task

STEPS, THOROUGH_STEPS, QUICK_STEPS = 60_000, 2_000_000, 3_000
QUICK_SCOPE = "minimal"
_ONE = {  # what one of each part is called
    "scopes": "scope",
    "lemmas": "lemma",
    "steps for all numbers": "step for all numbers",
    "random events": "random event",
}
RUNS = 10  # random runs in one task: about a second


@frozen(kw_only=True)
class Budget(campaign.Budget):
    """How much to check: random events until the steps or the seconds are used up, and the seed of these.

    `scopes` are explored, `whole_steps` of each joined one run whole, all lemmas proved if `proved`, the engine's own
    steps in pools of at most `keys` keys if that is not None, and the worked examples and scenarios run if `replayed`;
    no random events without steps and seconds. The work runs on this number of `processes`. One that need not be
    `adequate` holds although it did not exercise everything.
    """

    venue: str | None = None
    scopes: tuple[str, ...] = ()
    whole_steps: int = WHOLE_STEPS
    steps: int | None = STEPS
    proved: bool = True
    keys: int | None = None
    replayed: bool = True
    adequate: bool = True
    processes: int = parallel.available()

    @property
    def fixed(self) -> bool:
        """Whether random runs have the markets and parameters of the venue asked for as they are."""
        return self.venue is not None

    def venues(self) -> list[str]:
        """The rule sets that random runs start from."""
        return [self.venue] if self.venue else list(venues.BASES)

    def bases(self) -> tuple[dict[str, Any], ...]:
        """The configurations of these rule sets.

        Raises:
            UnreadableFile, shapes.WrongShape: the venue asked for is wrong.
        """
        return (base_configuration(venues.load(self.venue)),) if self.venue else tuple(shipped_bases().values())


def verify(budget: Budget, progress: Console, resumed: Path | None = None) -> Report:
    """Check everything, up to the first violation; deterministic in the budget, unless that is given in seconds.

    What is done is kept in the file `resumed`, and what that has is not done again.

    Raises:
        UnreadableFile, shapes.WrongShape, InvalidConfig, InvalidScenario: a file of the specification,
            or the venue asked for, is wrong; or the file to resume is damaged, or of another verification.
        OSError: the file to resume cannot be written.
    """
    loaded, bases = [scopes.load(name) for name in budget.scopes], budget.bases()
    kept = None
    if resumed is not None:
        kept = Checkpoint(resumed, digest(evolve(budget, processes=1), bases, loaded), loaded)
    done = Done() if kept is None else kept.done
    waiting = ((number, task) for number, task in enumerate(_tasks(budget, loaded, bases)) if number not in done)
    first = list(islice(waiting, 2))  # one task alone is done in this process
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    totals = {
        "scopes": len(budget.scopes),
        "lemmas": len(LEMMAS) if budget.proved else 0,
        "steps for all numbers": 0 if budget.keys is None else len(_steps(budget.keys)),
        "random events": None if budget.seconds else budget.steps or 0,
    }
    if not progress.is_terminal:  # no bar is seen there, and this can take minutes
        progress.print(f"checking {_counted(totals) or f'random events for {budget.seconds:g} s'}", soft_wrap=True)
    before: Counter[str] = Counter()
    for part in done.parts():
        before[part.kind] += part.steps
    if before:
        progress.print(f"done before: {_counted({kind: before[kind] for kind in totals})}", soft_wrap=True)
    with Progress(*columns, console=progress, transient=True, disable=not progress.is_terminal) as bars:
        shown = {
            kind: bars.add_task(kind, total=total, completed=before[kind])
            for kind, total in totals.items()
            if total != 0
        }

        def add(numbered: tuple[int, Part]) -> None:
            number, part = numbered
            if (found := part.exploration) is not None:
                speed = f"{found.states:,} states, {found.rate:,.0f} a second"
                bars.console.print(f"scope {found.scope.name}: {speed}")
            if part.kind in shown:
                bars.advance(shown[part.kind], part.steps)
            done.add(number, part)
            if kept is not None:
                kept.written_in_time()

        try:
            for _, part in parallel.run_parallel(
                tasks.timed, chain(first, waiting), processes=budget.processes if len(first) > 1 else 1, done=add
            ):
                if part.coverage.violations:
                    break
        except KeyboardInterrupt:
            if kept is not None:
                line = f"what is done is kept in {kept.path}: the same command continues with the rest"
                bars.console.print(line, markup=False, highlight=False, soft_wrap=True)
            raise
        finally:
            if kept is not None:
                kept.write()
    return _report(budget, done.parts())


def _counted(totals: dict[str, int | None]) -> str:
    """How many there are of each kind that there is."""
    return ", ".join(f"{total:,} {kind if total != 1 else _ONE[kind]}" for kind, total in totals.items() if total)


def _tasks(budget: Budget, loaded: list[scopes.Scope], bases: tuple[dict[str, Any], ...]) -> Iterator[Task]:
    """What takes longest comes first."""
    yield from (partial(tasks.explored, scope, budget.whole_steps) for scope in loaded)
    if budget.replayed:
        yield from (tasks.examples, tasks.shipped_scenarios)
    if budget.proved:
        yield from (partial(tasks.proved, name) for name in LEMMAS)
    if budget.keys is not None:
        yield from (partial(tasks.proved_steps, *one) for one in _steps(budget.keys))
    if budget.steps or budget.seconds:
        yield from (
            partial(tasks.random_runs, bases, budget.seed, lengths, fixed=budget.fixed) for lengths in _lengths(budget)
        )


def _steps(keys: int) -> list[tuple[str, int, int]]:
    """The events, and parts of events, and numbers of keys whose steps are proved, the largest first, part by part."""
    from liqspec.proofs.inductive.steps import parts  # noqa: PLC0415 (it needs Z3, which only a proof does)

    listed = [(kind, number) for number in range(keys, -1, -1) for kind in (*PARTS, *COVERED)]
    return [
        (kind, number, part)
        for kind, number in listed
        if number >= FEWEST.get(kind, 0) and (number == 0 or kind not in WITHOUT_KEYS)
        for part in range(parts(kind, number))
    ]


def _proved(found: list[Part]) -> list[StepsResult]:
    """What became of the steps of each event with each number of keys, its parts together."""
    events: dict[tuple[str, int], StepsResult] = {}
    for one in (part.proved_steps for part in found if part.proved_steps is not None):
        key = one.event, one.keys
        events[key] = events[key] + one if key in events else one
    return list(events.values())


def _lengths(budget: Budget) -> Iterator[tuple[tuple[int, int], ...]]:
    """Numbers and lengths of the random runs, grouped into tasks, until the steps or the seconds are used up."""
    planned = 0

    def runs() -> Iterator[tuple[int, int]]:
        nonlocal planned
        numbers = budget.numbers(lambda: planned)
        for number in numbers:
            length = length_of(number, LENGTH)
            yield number, length if budget.steps is None else min(length, budget.steps - planned)
            planned += length

    grouped = runs()
    while task := tuple(islice(grouped, RUNS)):
        yield task


def _report(budget: Budget, parts: list[Part]) -> Report:
    coverage, steps = Coverage(), {"worked examples": 0, "scenarios": 0, "random events": 0}
    seconds: defaultdict[str, float] = defaultdict(float)
    for part in parts:
        seconds[part.kind] += part.seconds
        coverage.add(part.coverage)
        steps[part.kind] = steps.get(part.kind, 0) + part.steps
    first: dict[str, InternalFailure] = {}  # of each kind: many runs may fail alike
    for failure in coverage.failures:
        first.setdefault(failure.what, failure)
    return Report(
        venues=budget.venues(),
        seed=budget.seed,
        steps=steps["random events"],
        examples=steps["worked examples"],
        scenarios=steps["scenarios"],
        failures=[*(line for part in parts for line in part.failures), *map(str, first.values())],
        **counts(coverage),
        scopes=[part.exploration for part in parts if part.exploration is not None],
        proofs=[part.proof for part in parts if part.proof is not None],
        proved_steps=_proved(parts),
        violations=coverage.violations,
        reach=coverage.reach,
        seconds=dict(seconds),
        adequate=budget.adequate,
    )
