"""The commands about scenarios: running one, and listing scenarios and venues."""

import json
from typing import Annotated

import typer
from rich.table import Table

from liqspec.cli.app import HOLDS, VIOLATED, Json, app, fail, terminal
from liqspec.edge import keys
from liqspec.replay import timeline
from liqspec.replay.run import Run
from liqspec.report.amounts import Units
from liqspec.spec import scenarios, venues


@app.command()
def simulate(
    story: Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped scenario's name, or a .toml file.")],
    why: Annotated[
        str | None,
        typer.Option(
            metavar="ACCOUNT/MARKET/MODE", help="After each step, why this position was or was not liquidated."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a scenario and print a timeline of what happened, what changed, and which rule acted.

    Each step shows the event, the rules that acted, and only what changed: equity against maintenance margin and
    backstop line for pools. Exits with 1 if something was not as the scenario expects.

    Examples: `liqspec simulate price-gap`, `liqspec simulate my.toml --why alice/BTC/cross`,
    `liqspec simulate deficit --json`
    """
    run = Run(scenarios.load(story), why=why)
    if why is not None:
        _check_key(run, why)
    if as_json:
        units = Units(run.engine.venue)
        for moment in run:
            typer.echo(json.dumps(timeline.moment_json(moment, units), ensure_ascii=False))
        outcome = run.outcome()
        typer.echo(json.dumps(timeline.outcome_json(outcome), ensure_ascii=False))
    else:
        outcome = timeline.tell(run, terminal())
    raise typer.Exit(VIOLATED if outcome.unexpected else HOLDS)


def _check_key(run: Run, key: str) -> None:
    """Refuse a position that can never exist in the scenario."""
    state, parts = run.engine.state, keys.parts(key)
    if len(parts) != 3 or parts[2] not in ("cross", "isolated"):
        fail(f"--why {key}: expected ACCOUNT/MARKET/MODE with cross or isolated as mode, such as alice/BTC/cross")
    if parts[0] not in state.accounts or parts[1] not in state.marks:
        known = f"accounts {', '.join(state.accounts)}; markets {', '.join(state.marks)}"
        fail(f"--why {key}: no such account or market in this scenario; it has {known}")


@app.command(name="venues")
def list_venues(as_json: Json = False) -> None:
    """List the rule sets that the specification ships."""
    loaded = [venues.load(name) for name in venues.names()]
    if as_json:
        rows = [
            {"name": venue.name, "title": venue.title, "markets": list(venue.markets), "about": venue.description}
            for venue in loaded
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("venue", "markets", "about")
    for venue in loaded:
        table.add_row(venue.name, ", ".join(venue.markets), venue.description)
    terminal().print(table)


@app.command(name="scenarios")
def list_scenarios(as_json: Json = False) -> None:
    """List the scenarios that the specification ships; run one with `liqspec simulate NAME`."""
    loaded = [scenarios.load(name) for name in scenarios.names()]
    if as_json:
        rows = [{"name": story.name, "title": story.file.title, "venue": story.file.venue} for story in loaded]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("scenario", "venue", "title")
    for story in loaded:
        table.add_row(story.name, story.file.venue or "its own", story.file.title)
    terminal().print(table)
