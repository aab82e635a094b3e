"""The command that runs a foreign engine in lock-step with the model."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from attrs import evolve, frozen
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from liqspec.cli.app import Json, check_written, fail, finish, hint, of_system, print_json, progress, terminal
from liqspec.cli.options import LONGEST, Compare, EngineCommand, Seed, Timeout, Tolerance, tolerances
from liqspec.conform import configurations, known_divergences, report, sarif, saved, worker
from liqspec.conform.answers import Hello, check_families, of_this_process
from liqspec.conform.configurations import Setting
from liqspec.conform.finding import CannotStart, EngineFault
from liqspec.conform.interruption import interrupted_by_signals
from liqspec.conform.kept import Kept
from liqspec.conform.lockstep import PATIENT, Compared, Comparison, play, settled
from liqspec.conform.processes import NOT_LISTED, unended
from liqspec.conform.protocol.conversation import converse
from liqspec.conform.search import LENGTH, SHRINK_SECONDS, Budget, Outcome, Search
from liqspec.conform.session import LiveEngine, at_the_start
from liqspec.core.events import EVENTS
from liqspec.edge import writing
from liqspec.edge.json_text import json_text
from liqspec.edge.texts import counted
from liqspec.search import parallel
from liqspec.search.minimise import FailingRun

BUDGET = 30.0  # seconds, if nothing else is asked for
TIMEOUT = 10.0  # seconds that one reply may take, if nothing else is asked for
FRESH = "LIQSPEC_FRESH"  # the variable that stands for --fresh
WAITING = 2  # processes more than cores, as some wait for their engines at any time
FEW_STEPS = 2_000  # for which one process is enough
MOST = 256  # processes at once


def conform(
    command: EngineCommand,
    venue: Annotated[
        str | None, typer.Option(help="Only this rule set, as it is: a shipped venue's name, or a .toml file.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0.1, max=LONGEST, metavar="SECONDS", help=f"For so long; {BUDGET:g} if not given."),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="So many events, in place of --budget.")] = None,
    seed: Seed = 1,
    compare: Compare = "full",
    tolerance: Tolerance = None,
    timeout: Timeout = TIMEOUT,
    shrink: Annotated[
        float,
        typer.Option(
            min=0, max=LONGEST, metavar="SECONDS", help="How long what is found is made shorter; 0: not at all."
        ),
    ] = SHRINK_SECONDS,
    known: Annotated[Path | None, typer.Option(metavar="FILE", help="Divergences that are known, in TOML.")] = None,
    replay: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Play only this scenario, vector or file of requests, as saved.")
    ] = None,
    malformed: Annotated[
        Literal["on", "off"], typer.Option(help="Whether malformed lines, events and configurations are sent too.")
    ] = "on",
    every: Annotated[
        bool, typer.Option("--all", help="Go on after a finding, and report the shortest of each defect.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Name everything that was never reached.")] = False,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST, help="How many processes of the engine run at once; if not given, two more than cores."
        ),
    ] = None,
    kept: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the runs that conform are kept; in the user's cache if not given."),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help=f"Compute every run, and keep none; so too with {FRESH}=1 in the environment."),
    ] = False,
    save: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where a counterexample is written.")] = Path(),
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the result as JUnit XML.")
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the result as one offline page, in HTML.")
    ] = None,
    sarif_file: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Write the findings as SARIF, for code hosts.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run an engine in lock-step with the model, and report the first rule that it breaks with the shortest events.

    The engine is a command that speaks the protocol of `spec/protocol.md`. It gets guided random events near every
    shipped venue; or at its own one, if it can run no other, or at the one asked for. What is found is repeated,
    shortened with the engine in the loop, shown event by event, and saved as a scenario, a vector and a command that
    plays it again. Malformed input and the protocol's own suite come last. A budget is kept however slow the engine is:
    what was cut is listed, and only a finding takes longer, by --shrink and one reply's timeout. The same seed and
    steps give the same result on any number of processes. A run is kept if the engine conforms in it, and is not
    computed again as long as it says the same: the result is the same, sooner, and with a budget the time goes to new
    runs. Those of a first comparison are recorded (`spec/recorded/`). --fresh computes all, and keeps none. A folder of
    --kept has at most 256 MiB, and is of one seed and its options; what it has of others, or of other rules, is
    replaced. Exits with 0 if nothing was found, 1 if something was, 2 for bad usage, and for an engine that cannot be
    started.

    **Examples**

    - `liqspec conform -- ./my-engine`
    - `liqspec conform --venue hyperliquid --budget 600 -- node engine.js`
    - `liqspec conform --compare code --junit conform.xml -- ./my-engine`
    - `liqspec conform --all --malformed off --report report.html -- ./my-engine`
    - `liqspec conform --kept .liqspec -- ./my-engine`
    - `liqspec conform --tolerance pools.equity=0.01 --known known.toml -- ./my-engine`
    """
    if kept is not None and fresh:
        fail("--kept and --fresh: give one of them, where runs are kept or that none is")
    if steps is not None and budget is not None:
        fail("--steps and --budget: give one of them, how many events or for how long")
    for option, file in (("--junit", junit_file), ("--report", report_file), ("--sarif", sarif_file)):
        check_written(option, file)
    check_written("--save", save, folder=True)
    within = tolerances(tolerance)
    Comparison.of(of_this_process(), compare, within)  # a wrong tolerance is refused before anything is started
    listed = () if known is None else known_divergences.load(known)
    run = None if replay is None else saved.load(replay)
    seconds = None if steps else budget or BUDGET
    name, began = command[0], time.monotonic()
    hello: Hello | None = None
    try:
        with (
            interrupted_by_signals(worker.kill),
            LiveEngine(command, timeout) as engine,
            _progress(steps, seconds) as shown,
        ):
            name, hello = engine.hello.engine, engine.hello
            used: dict[str, Any] = {
                "setting": configurations.of(hello, venue),
                "comparison": Comparison.of(hello, compare, within),
                "budget": Budget(steps=steps, seconds=seconds, seed=seed, shrink_seconds=shrink),
                "known": listed,
                "malformed": malformed == "on" and hello.validates,
                "every": every,
            }
            if run is None and not (fresh or (kept is None and os.environ.get(FRESH))):
                used["kept"] = _kept(kept, used["setting"], used["comparison"], hello, seed)
            search = Search(engine=engine, events=hello.events, progress=shown, **used)
            search.processes = 1 if run is not None else _processes(processes, search.budget)
            if search.processes > 1:
                engine.close()  # those of the workers are others; a finding is looked at with a new one
                search.work = worker.Worker(command=command, timeout=timeout, hello=hello, **used)
            outcome = search.run() if run is None else _replayed(search, engine, run)
            outcome.unchecked += () if engine.sees_all else (NOT_LISTED,)
    except CannotStart as error:
        fail("; ".join([str(error), *unended()]))
    except EngineFault as error:
        outcome = Outcome(findings=[at_the_start(error.fault)])
    outcome.unchecked += unended()
    if not as_json:
        report.print_outcome(outcome, terminal(), full=full, replayed=run is not None)
    options = None if run is not None else _options(compare, tolerance or [], timeout)
    files, unwritten = _saved(outcome, save, command, options, hello, every=every)
    wanted = _Written(junit=junit_file, sarif=sarif_file, page=report_file)
    unwritten = unwritten or _write(wanted, outcome, name, files, began) or _not_kept(outcome, kept)
    if as_json:
        print_json(report.to_json(outcome, name, files, every=every), escaped=True)
    else:
        report.print_saved(files, terminal())
    if unwritten is not None:  # what was found is still reported
        raise unwritten
    if outcome.interrupted:
        raise KeyboardInterrupt
    finish(outcome.conforms)


def _kept(folder: Path | None, setting: Setting, comparison: Comparison, hello: Hello, seed: int) -> Kept | None:
    """The kept runs of a folder, or of the user's cache; None, with a hint, if that cannot be written.

    Raises:
        InvalidInput: the folder has other files.
        OSError: it cannot be made or read.
    """
    options = (hello.events, seed, LENGTH)
    if folder is not None:
        return Kept.of(folder, setting, comparison, *options)
    try:
        return Kept.in_cache(hello.engine, setting, comparison, *options)
    except OSError as error:
        hint(f"runs are not kept, as with --fresh: {of_system(error)}")
        return None


def _not_kept(outcome: Outcome, folder: Path | None) -> OSError | None:
    """Why some runs are not kept in a folder; of the user's cache it is only said."""
    error = next(iter(outcome.unwritten), None)
    if error is None or folder is not None:
        return error
    hint(f"some runs are not kept: {of_system(error)}")
    return None


def _saved(
    outcome: Outcome,
    folder: Path,
    command: list[str],
    options: list[str] | None,
    hello: Hello | None,
    *,
    every: bool,
) -> tuple[list[saved.Saved], OSError | None]:
    """Save the findings, but those of a replay, which has no options; the files, and why one could not be written."""
    files: list[saved.Saved] = []
    for number, found in enumerate(outcome.findings if options is not None else (), start=1):
        named = f"{saved.NAME}-{number}" if every else saved.NAME
        try:
            if found.config or found.requests:
                files.append(saved.save(found, folder, command, options or [], named, hello))
        except OSError as error:
            return files, error
    return files, None


@frozen(kw_only=True)
class _Written:
    """The files that were asked for."""

    junit: Path | None
    sarif: Path | None
    page: Path | None


def _write(wanted: _Written, outcome: Outcome, engine: str, files: list[saved.Saved], began: float) -> OSError | None:
    """Write the result to the files that were asked for; why one could not be written."""
    seconds = time.monotonic() - began
    try:
        if wanted.junit is not None:
            report.write_junit(outcome, engine, seconds, wanted.junit)
        if wanted.sarif is not None:
            found = sarif.to_sarif(outcome, engine, files)
            writing.write(wanted.sarif, json_text(found, indent=1, escaped=True))
        if wanted.page is not None:
            from liqspec.draw import conformance  # noqa: PLC0415 (only a page needs what draws)

            about = f"{counted(outcome.coverage.runs, 'run')} in {seconds:.0f} s"
            writing.write(wanted.page, conformance.render(outcome, engine, files, about))
    except OSError as error:
        return error
    return None


def _processes(wanted: int | None, budget: Budget) -> int:
    """How many processes compare at once: as many as were asked for; more than cores if there is much to do."""
    most = parallel.available() + WAITING
    if wanted is not None or budget.steps is None:
        return wanted or most
    return min(most, 1 + budget.steps // FEW_STEPS)


def _options(compare: str, tolerance: list[str], timeout: float) -> list[str]:
    """The options of this comparison that its replay needs too."""
    options = [] if compare == "full" else ["--compare", compare]
    for one in tolerance:
        options += ["--tolerance", one]
    return options if timeout == TIMEOUT else [*options, "--timeout", f"{timeout:g}"]


def _replayed(search: Search, engine: LiveEngine, replay: FailingRun | list[bytes]) -> Outcome:
    """Compare only what is to be replayed, as it is, without making it shorter."""
    outcome = Outcome()  # what is known and does not occur may need other events
    if isinstance(replay, list):
        found, outcome.coverage.steps = converse(engine, replay, search.comparison, PATIENT), len(replay)
    else:
        check_families(replay.config, search.setting.families)
        # What the engine executes by itself was saved as events, which it does not support.
        unsupported = [*(EVENTS.keys() - search.events)]  # a list, because a type in a file may be anything
        events = [event for event in replay.events if event.get("type") not in unsupported]
        judged = search.comparison.judged
        found = play(engine, replay.config, events, search.comparison, outcome.coverage, witnessed=judged)
        found = settled(engine, found, PATIENT) if found else search.late(replay, PATIENT)
    if found is not None and found.fault is not None:
        found = evolve(found, fault=engine.described(found.fault))
    if found is not None:
        found = search.explained(found)
        if (entry := known_divergences.known_as(search.known, found)) is None:
            outcome.findings = [found]
        else:
            outcome.occurred = {entry: 1}
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
