"""The command that runs a foreign engine beside the model."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from liqspec import shapes
from liqspec.cli.app import HOLDS, VIOLATED, Json, app, fail, terminal
from liqspec.conform import divergences, junit, saved, told, worlds
from liqspec.conform.beside import Comparison, play
from liqspec.conform.coverage import Coverage
from liqspec.conform.fault import CannotStart, EngineFault
from liqspec.conform.finding import Finding
from liqspec.conform.live import LiveEngine
from liqspec.conform.search import Effort, Outcome, Search
from liqspec.events import EVENTS
from liqspec.step import Mode

BUDGET = 30.0  # seconds, if nothing else is asked for
REPORT = 5.0  # seconds between two lines of progress


@app.command()
def conform(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND…", help="What starts the engine.")],
    venue: Annotated[
        str | None,
        typer.Option(help="Only this rule set, as it is: a shipped venue's name, or a .toml file."),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help=f"For so long; {BUDGET:g} if not given.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="So many events, in place of --budget.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Where the random events start from.")] = 1,
    compare: Annotated[
        Mode, typer.Option(help="Only whether an event is refused, also with which code, or everything observed.")
    ] = "full",
    tolerance: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=UNITS", help="Compare an amount within so much (may be given several times)."),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.05, metavar="SECONDS", help="How long one reply may take.")] = 10.0,
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
    """Run an engine beside the model, and tell the first rule that it breaks with the shortest events that show it.

    The engine is a command that speaks the protocol of `spec/protocol.md`. It gets guided random events near every
    shipped venue; or at its own one, if it can run no other, or at the one asked for. What is found is repeated,
    shortened with the engine in the loop, told event by event, and saved as a scenario, a vector and a command that
    plays it again. Exits with 0 if nothing was found, 1 if something was, 2 for bad usage.

    Examples: `liqspec conform -- ./my-engine`, `liqspec conform --venue hyperliquid --budget 600 -- node engine.js`,
    `liqspec conform --compare code --junit conform.xml -- ./my-engine`,
    `liqspec conform --tolerance pools.equity=0.01 --known known.toml -- ./my-engine`
    """
    if steps is not None and budget is not None:
        fail("--steps and --budget: give one of them, how many events or for how long")
    tolerances = _tolerances(tolerance or [])
    Comparison.of(_everything(), compare, tolerances)  # a wrong tolerance is refused before anything is started
    listed = () if known is None else divergences.load(known)
    failing = None if replay is None else saved.load(replay)
    console, began = terminal(), time.monotonic()
    with _ended_by_signals():
        try:
            with LiveEngine(command, timeout) as engine:
                name, comparison = engine.hello.engine, Comparison.of(engine.hello, compare, tolerances)
                search = Search(
                    engine=engine,
                    events=engine.hello.events,
                    world=worlds.of(engine.hello, venue),
                    comparison=comparison,
                    effort=Effort(steps=steps, seconds=None if steps else budget or BUDGET, seed=seed),
                    known=listed,
                    progress=_Progress(terminal(stderr=True)),
                )
                if failing is None:
                    outcome = search.run()
                else:
                    # What the engine executes itself was saved as events, which it does not support.
                    events = [one for one in failing.events if one.get("type") in engine.hello.events | _unknown(one)]
                    outcome = _replayed(search, failing.config, events)
                if outcome.finding is None:
                    engine.bye()
        except CannotStart as error:
            fail(str(error))
        except EngineFault as error:
            name = command[0]
            finding = Finding(kind="fault", config=_no_run(), events=[], applied=[], fault=error.fault)
            outcome = Outcome(finding=finding)
    files = None
    if outcome.finding is not None and outcome.finding.config and replay is None:
        options = _options(compare, tolerance or [], timeout)
        files = saved.save(outcome.finding, save, command, options)
    if junit_file is not None:
        junit.write(outcome, name, time.monotonic() - began, junit_file)
    if as_json:
        typer.echo(json.dumps(told.to_json(outcome, name, files), ensure_ascii=True, indent=2))
    else:
        told.tell(outcome, console)
        if files is not None:
            told.tell_saved(files, console)
    raise typer.Exit(HOLDS if outcome.conforms else VIOLATED)
