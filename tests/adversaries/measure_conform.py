"""Which wrong engines `conform` catches as separate processes, how soon, and with how short a counterexample.

Each runs in lock-step with the model through the protocol for at most 60 seconds. Exits with 1 if one is missed, if the
median counterexample has more than 6 events, or the longest more than 12. With `--keep`, a counterexample becomes the
vector of its mistake, where it is the first one or shorter than the one that is there.
"""

import sys
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Annotated

import typer
from attrs import frozen
from rich.console import Console
from rich.table import Table

from adversaries.wrong_engines.mistakes import case_of
from liqspec.conform.configurations import shipped
from liqspec.conform.finding import Finding
from liqspec.conform.lockstep import Comparison
from liqspec.conform.search import Budget, Outcome, Search
from liqspec.conform.session import LiveEngine
from liqspec.spec.vectors import to_text
from liqspec.step.wrong_engines import EVERY, WRONG_ENGINES
from liqspec.vectors import corpus

SECONDS, MEDIAN, LONGEST = 60.0, 6, 12


@frozen(kw_only=True)
class Measure:
    """The result of one wrong engine."""

    id: str
    outcome: Outcome
    seconds: float

    @property
    def caught(self) -> str:
        """What was found; empty if nothing was."""
        found = self.outcome.finding
        return "" if found is None else f"{found.kind}: {found.headline}"

    @property
    def events(self) -> int:
        """The events of the counterexample."""
        return 0 if self.outcome.finding is None else len(self.outcome.finding.events)

    @property
    def named(self) -> str:
        """Whether the broken rule is named: first, among others, or not."""
        rule, rules = EVERY[self.id].rule, _rules(self.outcome.finding)
        return "first" if rules[:1] == [rule] else "among" if rule in rules else "not"


def _rules(found: Finding | None) -> list[str]:
    """The rules of all that differs at once."""
    if found is None:
        return []
    return [*found.rules, *(rule for reason in found.reasons for rule in reason.rules)]


def command(number: str) -> list[str]:
    """The command that is this wrong engine, speaking the protocol."""
    path = f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})"
    install = f"from liqspec.step.wrong_engines import EVERY; EVERY[{number!r}].install()"
    # The oracle without the rest of the command line, which takes a second to load.
    served = "serve(Oracle(sys.stderr, with_effects=False, with_prices=True), sys.stdin.buffer, sys.stdout.buffer)"
    return [
        sys.executable,
        "-c",
        f"import sys; {path}; {install}; from liqspec.conform.oracle import Oracle, serve; {served}",
    ]


def measure(number: str, seconds: float = SECONDS, seed: int = 1) -> Measure:
    """Run one wrong engine in lock-step with the model."""
    with LiveEngine(command(number), timeout=10) as engine:
        began = monotonic()
        outcome = Search(
            engine=engine,
            events=engine.hello.events,
            setting=shipped(engine.hello.families),
            comparison=Comparison.of(engine.hello),
            budget=Budget(seconds=seconds, seed=seed),
        ).run()
        taken = monotonic() - began
    return Measure(id=number, outcome=outcome, seconds=taken)


def main(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of wrong engines; all if none.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what is found as vectors.")] = False,
) -> None:
    """Measure, print, and judge."""
    table, measures = Table("id", "title", "breaks", "named", "caught by", "steps", "events", "shrunk", "seconds"), []
    for number in ids or EVERY:
        found = measure(number)
        measures.append(found)
        outcome, wrong = found.outcome, EVERY[number]
        row = (
            str(outcome.coverage.steps),
            str(0 if outcome.finding is None else outcome.finding.found_events),
            str(found.events),
            f"{found.seconds:.1f}",
        )
        table.add_row(number, wrong.title, wrong.rule, found.named, found.caught or "[red]nothing[/red]", *row)
        print(number, *row, wrong.rule, found.named, found.caught, file=sys.stderr, flush=True)  # noqa: T201
        if keep and outcome.finding is not None and number in WRONG_ENGINES:
            _keep(number, outcome.finding)
    console = Console(width=180)
    console.print(table)
    lengths = [found.events for found in measures if found.caught]
    missed = [found.id for found in measures if not found.caught]
    middle, most = (median(lengths), max(lengths)) if lengths else (0, 0)
    named = {how: sum(found.named == how for found in measures) for how in ("first", "among", "not")}
    slowest = max(found.seconds for found in measures)
    console.print(
        f"{len(lengths)} of {len(measures)} caught, median {middle:g} events, longest {most}, "
        f"slowest {slowest:.0f} s; the broken rule is named first {named['first']} times, among others "
        f"{named['among']} times, and {named['not']} times not; missed: {', '.join(missed) or 'none'}"
    )
    raise typer.Exit(1 if missed or middle > MEDIAN or most > LONGEST else 0)


def _keep(number: str, found: Finding) -> None:
    case = case_of(WRONG_ENGINES[number], found.config, found.events)
    path = corpus.FOLDER / case.path
    if not path.exists() or len(corpus.case_in(path).events) > len(case.events):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(to_text(case.vector()), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
