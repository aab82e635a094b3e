"""The command that verifies."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from liqspec.cli.app import Json, fail, finish, print_json, terminal
from liqspec.cli.options import Seed
from liqspec.spec import scopes
from liqspec.verify import counterexample, report, run
from liqspec.verify.counterexample import shortest


def verify(
    venue: Annotated[
        str | None, typer.Option(help="Only this rule set: a shipped venue's name, or a .toml file.")
    ] = None,
    scope_names: Annotated[
        list[str] | None, typer.Option("--scope", help="Only this exhaustive scope (may be given several times).")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help=f"Random events to check; {run.STEPS:,} if not given.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Random events for so long, in place of --steps.")
    ] = None,
    seed: Seed = 1,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Also the large scopes, a million states, and more random events.")
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="How many processes work at once; as many as there are cores if not given."),
    ] = None,
    save: Annotated[Path, typer.Option(help="Where a counterexample is written, if there is one.")] = Path(
        "counterexample.toml"
    ),
    as_json: Json = False,
) -> None:
    """Check that the rules hold, four ways: scenarios, exhaustive scopes, random events, and proofs.

    Every step of the first three is judged by every property; the proofs hold for all numbers. The same seed and steps
    give the same result, byte for byte, on any number of processes; timings go to standard error. Exits with 1 if
    anything is violated, is not proved, or was never exercised. A violation is shrunk, shown step by step, and saved as
    a scenario.

    Examples: `liqspec verify`, `liqspec verify --venue hyperliquid --budget 600 --seed 7`,
    `liqspec verify --scope minimal --steps 1000`, `liqspec verify --thorough`
    """
    if steps is not None and budget is not None:
        fail("--steps and --budget: give one of them, how many random events or for how long")
    limits = run.Budget(
        venue=venue,
        scopes=tuple(scope_names or [*scopes.names(), *(scopes.thorough_names() if thorough else [])]),
        steps=steps or (None if budget else run.THOROUGH_STEPS if thorough else run.STEPS),
        seconds=budget,
        seed=seed,
        processes=processes or run.Budget().processes,
        proved=find_spec("z3") is not None,
    )
    found = run.verify(limits, terminal(stderr=True))
    smallest = shortest(found.violations, limits.bases(), seed)
    if smallest is not None:
        counterexample.save(smallest, save)
    if as_json:
        print_json(found.to_json())
    else:
        report.print_report(found, terminal())
        if smallest is not None:
            counterexample.print_counterexample(smallest, save, terminal())
    if not limits.proved:
        typer.echo("liqspec: THE PROOFS WERE NOT RUN: they need z3-solver: pip install 'liqspec[prove]'", err=True)
    finish(found.holds)
