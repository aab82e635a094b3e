"""The command that runs a scenario."""

from typing import Annotated

import typer

from liqspec.cli.app import Json, fail, finish, print_json, terminal
from liqspec.cli.options import Against, Scenario, Settings, Venue
from liqspec.edge import keys
from liqspec.replay import contrast_report, timeline
from liqspec.replay.contrast import Contrast
from liqspec.replay.run import Run
from liqspec.report.amounts import Units
from liqspec.spec import scenarios, what_if


def simulate(
    story: Scenario,
    why: Annotated[
        str | None,
        typer.Option(
            metavar="ACCOUNT/MARKET/MODE",
            help="After each step, why this position was or was not liquidated: its guards, the terms of its measures, "
            "its liquidation and bankruptcy price, and how far the mark is from them; where its liquidation begins, at "
            "which mark, or with how much more collateral, it would not have.",
        ),
    ] = None,
    venue: Venue = None,
    settings: Settings = None,
    against: Against = None,
    as_json: Json = False,
) -> None:
    """Run a scenario and print a timeline of what happened, what changed, and which rule acted.

    Each step shows the event, the rules that acted, the terms of the measures on which a decision rests, and only what
    changed: equity against maintenance margin and backstop line for pools. Exits with 1 if something
    was not as the scenario expects.

    What if? --venue and --set run the same events under other rules, of which the scenario expects nothing. --against
    compares two such runs step by step, from where they differ; it exits with 1 if they do.

    **Examples**

    - `liqspec simulate price-gap`
    - `liqspec simulate my.toml --why alice/BTC/cross`
    - `liqspec simulate deficit --json`
    - `liqspec simulate price-gap --set liquidation.cooldown_ms=60000`
    - `liqspec simulate short-squeeze --against coarse`
    - `liqspec simulate deficit --venue hyperliquid --against scenario`
    """
    written = scenarios.load(story)
    scenario = what_if.altered(written, venue, settings or ())
    if against is not None:
        if why is not None:
            fail("--why and --against: give one of them; why is asked of one run")
        contrast = Contrast(scenario, what_if.other(written, against))
        if as_json:
            data = contrast_report.to_json(contrast)
            print_json(data)
            finish(not data["differ"])
        finish(not contrast_report.print_contrast(contrast, terminal()))
    run = Run(scenario, why=why)
    if why is not None:
        _check_key(run, why)
    if as_json:
        units = Units(run.engine.venue)
        for moment in run:
            print_json(timeline.moment_json(moment, units), indent=None)
        outcome = run.outcome()
        print_json(timeline.outcome_json(outcome), indent=None)
    else:
        outcome = timeline.print_run(run, terminal())
    finish(not outcome.unexpected)


def _check_key(run: Run, key: str) -> None:
    """Refuse a position that can never exist in the scenario."""
    state, parts = run.engine.state, keys.parts(key)
    if len(parts) != 3 or parts[2] not in ("cross", "isolated"):
        fail(f"--why {key}: expected ACCOUNT/MARKET/MODE with cross or isolated as mode, such as alice/BTC/cross")
    if parts[0] not in state.accounts or parts[1] not in state.marks:
        known = f"accounts {', '.join(state.accounts)}; markets {', '.join(state.marks)}"
        fail(f"--why {key}: no such account or market in this scenario; it has {known}")
