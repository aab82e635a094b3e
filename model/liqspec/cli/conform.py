"""The command that runs a foreign engine in lock-step with the model."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from attrs import evolve
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from liqspec.cli.app import Json, fail, finish, print_json, progress, terminal
from liqspec.cli.options import Compare, EngineCommand, Seed, Timeout, Tolerance, tolerances
from liqspec.conform import configurations, known_divergences, report, saved
from liqspec.conform.answers import check_families, of_this_process
from liqspec.conform.finding import CannotStart, EngineFault, Finding
from liqspec.conform.lockstep import Compared, Comparison, play
from liqspec.conform.search import SHRINK_SECONDS, Budget, Outcome, Search
from liqspec.conform.session import LiveEngine
from liqspec.core.events import EVENTS
from liqspec.search.minimise import FailingRun

BUDGET = 30.0  # seconds, if nothing else is asked for
TIMEOUT = 10.0  # seconds that one reply may take, if nothing else is asked for


def conform(
    command: EngineCommand,
    venue: Annotated[
        str | None, typer.Option(help="Only this rule set, as it is: a shipped venue's name, or a .toml file.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help=f"For so long; {BUDGET:g} if not given.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="So many events, in place of --budget.")] = None,
    seed: Seed = 1,
    compare: Compare = "full",
    tolerance: Tolerance = None,
    timeout: Timeout = TIMEOUT,
    shrink: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long a finding is made shorter; 0: not at all.")
    ] = SHRINK_SECONDS,
    known: Annotated[Path | None, typer.Option(metavar="FILE", help="Divergences that are known, in TOML.")] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Play only this scenario or vector, such as one that was saved.")
    ] = None,
    save: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where a counterexample is written.")] = Path(),
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the result as JUnit XML.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run an engine in lock-step with the model, and report the first rule that it breaks with the shortest events.

    The engine is a command that speaks the protocol of `spec/protocol.md`. It gets guided random events near every
    shipped venue; or at its own one, if it can run no other, or at the one asked for. What is found is repeated,
    shortened with the engine in the loop, shown event by event, and saved as a scenario, a vector and a command that
    plays it again. Exits with 0 if nothing was found, 1 if something was, 2 for bad usage.

    Examples: `liqspec conform -- ./my-engine`, `liqspec conform --venue hyperliquid --budget 600 -- node engine.js`,
    `liqspec conform --compare code --junit conform.xml -- ./my-engine`,
    `liqspec conform --tolerance pools.equity=0.01 --known known.toml -- ./my-engine`
    """
    if steps is not None and budget is not None:
        fail("--steps and --budget: give one of them, how many events or for how long")
    within = tolerances(tolerance)
    Comparison.of(of_this_process(), compare, within)  # a wrong tolerance is refused before anything is started
    listed = () if known is None else known_divergences.load(known)
    run = None if replay is None else saved.load(replay)
    seconds = None if steps else budget or BUDGET
    name, began = command[0], time.monotonic()
    try:
        with _ended_by_signals(), LiveEngine(command, timeout) as engine, _progress(steps, seconds) as shown:
            name = engine.hello.engine
            search = Search(
                engine=engine,
                events=engine.hello.events,
                setting=configurations.of(engine.hello, venue),
                comparison=Comparison.of(engine.hello, compare, within),
                budget=Budget(steps=steps, seconds=seconds, seed=seed, shrink_seconds=shrink),
                known=listed,
                progress=shown,
            )
            outcome = _compare(search, run)
            if outcome.finding is None:
                engine.bye()
            elif outcome.finding.fault is not None:
                outcome.finding = evolve(outcome.finding, fault=engine.described(outcome.finding.fault))
    except CannotStart as error:
        fail(str(error))
    except EngineFault as error:
        where = "outside a run"  # as it started, or at its end
        found = Finding(kind="fault", config={}, events=[], applied=[], fault=error.fault, where=where)
        outcome = Outcome(finding=found)
    if not as_json:
        report.print_outcome(outcome, terminal())
    files, unwritten = None, None
    try:
        if outcome.finding is not None and outcome.finding.config and replay is None:
            options = _options(compare, tolerance or [], timeout)
            files = saved.save(outcome.finding, save, command, options)
        if junit_file is not None:
            report.write_junit(outcome, name, time.monotonic() - began, junit_file)
    except OSError as error:  # what was found is still reported
        unwritten = error
    if as_json:
        print_json(report.to_json(outcome, name, files), escaped=True)
    elif files is not None:
        report.print_saved(files, terminal())
    if unwritten is not None:
        raise unwritten
    finish(outcome.conforms)


def _options(compare: str, tolerance: list[str], timeout: float) -> list[str]:
    """The options of this comparison that its replay needs too."""
    options = [] if compare == "full" else ["--compare", compare]
    for one in tolerance:
        options += ["--tolerance", one]
    return options if timeout == TIMEOUT else [*options, "--timeout", f"{timeout:g}"]


def _compare(search: Search, replay: FailingRun | None) -> Outcome:
    """Compare at random; or only the run to be replayed, as it is, without making it shorter."""
    if replay is None:
        return search.run()
    check_families(replay.config, search.setting.families)
    # What the engine executes by itself was saved as events, which it does not support.
    events = [event for event in replay.events if event.get("type") not in EVENTS.keys() - search.events]
    outcome = Outcome(occurred=dict.fromkeys(search.known, 0))
    found = play(
        search.engine, replay.config, events, search.comparison, outcome.coverage, witnessed=search.comparison.judged
    )
    outcome.finding = found and search.explained(found)
    return outcome


@contextmanager
def _progress(steps: int | None, seconds: float | None) -> Iterator[Callable[[Compared], None]]:
    """A line on the terminal that shows the progress of the comparison; nothing without a terminal."""
    counts = TextColumn("{task.fields[steps]:,} steps, {task.fields[transitions]} transitions")
    began = time.monotonic()
    with progress(TextColumn("comparing"), BarColumn(), counts, TimeElapsedColumn()) as bars:
        task = bars.add_task("comparing", total=steps or seconds, steps=0, transitions=0)

        def show(coverage: Compared) -> None:
            done = coverage.steps if steps else time.monotonic() - began
            bars.update(task, completed=done, steps=coverage.steps, transitions=len(+coverage.transitions))

        yield show


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Within this, a request to terminate ends the engine too, as Ctrl-C does."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
