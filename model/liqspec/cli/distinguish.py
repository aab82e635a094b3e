"""The command that distinguishes two rule sets."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from liqspec.cli.app import Json, fail, finish, print_json, progress, terminal
from liqspec.cli.options import Seed
from liqspec.distinguish import markets, report
from liqspec.distinguish.by_parameter import Alone, by_parameter
from liqspec.distinguish.search import STEPS, RuleSets, search
from liqspec.edge import writing
from liqspec.edge.texts import visible
from liqspec.search.campaign import Budget
from liqspec.search.parallel import available
from liqspec.spec import venues


def distinguish(
    first: Annotated[str, typer.Argument(metavar="VENUE_A", help="A shipped venue's name, or a .toml file.")],
    second: Annotated[str, typer.Argument(metavar="VENUE_B", help="Another one; its rules, in A's markets.")],
    steps: Annotated[
        int | None, typer.Option(min=1, help=f"How many events to try at most; {STEPS:,} if not given.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="For how long to try, in place of --steps.")
    ] = None,
    seed: Seed = 1,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the events as a scenario under A's rules.")
    ] = None,
    alone: Annotated[
        bool, typer.Option("--by-parameter/--shortest-only", help="Also the events for each parameter alone.")
    ] = True,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a page, which needs no network.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the few events on which two rule sets differ: for each parameter alone, and the shortest of all.

    Both run in the markets of the first, so that only their rules differ, and what a market that both have restricts.
    For each parameter a short example shows it: trades at the mark, round sizes, a mark that moves little. Where none
    does, there or in the markets of the second, and for all together, guided random events are given to both; what
    differs is made as short as it can be, then believable. Parameters that it does not need are listed separately.
    The same seed and steps give the same answer. Exits with 0 if no difference was found, 1 if they differ.

    **Examples**

    - `liqspec distinguish generic hyperliquid`
    - `liqspec distinguish generic my-venue.toml --budget 60`
    - `liqspec distinguish hyperliquid coarse --save difference.toml`
    """
    if steps is not None and budget is not None:
        fail("--steps and --budget: give one of them, how many events or for how long")
    loaded = venues.load(first), venues.load(second)
    sets = RuleSets.of(*loaded)
    differing = sets.parameters()
    searches = 1 + len(differing) if alone else 1
    limits = Budget(steps=steps, seconds=budget and budget / searches, seed=seed)
    found: list[Alone] = []
    if alone:
        with progress(TextColumn("parameter by parameter"), BarColumn(), MofNCompleteColumn()) as bars:
            bar = bars.add_task("parameters", total=len(differing))
            elsewhere = RuleSets.in_markets_of_second(*loaded)
            searched = by_parameter(
                sets, limits, elsewhere=elsewhere, processes=available(), done=lambda _: bars.advance(bar)
            )
            found = list(searched)
    outcome = search(sets, limits)
    if save is not None and outcome.distinction is not None:
        writing.write(save, report.to_scenario(sets, outcome.distinction))
    if html is not None:
        from liqspec.draw import distinction  # noqa: PLC0415 (only the page needs it)

        writing.write(html, distinction.render(sets, found, outcome))
    if as_json:
        print_json({**report.to_json(outcome), **({"by_parameter": report.alone_json(found)} if alone else {})})
    else:
        if found:
            report.print_alone(sets, found, terminal())
        report.print_outcome(outcome, terminal(), markets.differences(*loaded))
        if save is not None and outcome.distinction is not None:
            terminal().print(f"\nreplay it:  liqspec simulate {visible(str(save))}", markup=False)
    finish(outcome.distinction is None)
