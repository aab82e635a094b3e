"""The command that verifies."""

import json
from pathlib import Path
from typing import Annotated

import typer

from liqspec import counterexample, report, scope, verify
from liqspec.cli.app import HOLDS, VIOLATED, Json, app, terminal
from liqspec.judge import Violation


@app.command(name="verify")
def verify_command(
    venue: Annotated[
        str | None, typer.Option(help="Only this rule set: a shipped venue's name, or a .toml file.")
    ] = None,
    scope_names: Annotated[
        list[str] | None, typer.Option("--scope", help="Only this exhaustive scope (may be given several times).")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Random events to check.")] = verify.Effort().steps,
    budget: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Random events for so long, in place of --steps.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Where the random events start from.")] = 1,
    save: Annotated[Path, typer.Option(help="Where a counterexample is written, if there is one.")] = Path(
        "counterexample.toml"
    ),
    as_json: Json = False,
) -> None:
    """Check that the rules hold: worked examples, scenarios, exhaustive scopes, and random events, by every property.

    The same seed and steps give the same result, byte for byte; timings go to standard error. Exits with 1 if anything
    is violated, or was never exercised. A violation is shrunk, told step by step, and saved as a scenario.

    Examples: `liqspec verify`, `liqspec verify --venue hyperliquid --steps 1000000 --seed 7`,
    `liqspec verify --scope minimal --steps 1000`
    """
    effort = verify.Effort(
        venue=venue, scopes=tuple(scope_names or scope.names()), steps=steps, seconds=budget, seed=seed
    )
    found = verify.verify(effort, terminal(stderr=True))
    shortest = min((counterexample.shrink(violation) for violation in found.violations), key=_length, default=None)
    if shortest is not None:
        counterexample.save(shortest, save)
    if as_json:
        typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        report.tell(found, terminal())
        if shortest is not None:
            counterexample.tell(shortest, save, terminal())
    raise typer.Exit(HOLDS if found.holds else VIOLATED)


def _length(violation: Violation) -> int:
    return len(violation.events)
