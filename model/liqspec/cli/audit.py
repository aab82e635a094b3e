"""The command that checks a recorded log against the rules."""

from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from liqspec.audit import run
from liqspec.audit.sources import Format
from liqspec.cli.app import Json, fail, finish, print_json, progress, terminal
from liqspec.cli.options import Compare, Tolerance, tolerances
from liqspec.edge import files
from liqspec.edge.texts import visible
from liqspec.report.visible_console import foreign


def audit(
    log: Annotated[
        Path,
        typer.Argument(
            metavar="LOG",
            help="A log as spec/logs.md describes it: a file, a folder of parts, or - for standard input.",
        ),
    ],
    kind: Annotated[
        Format | None, typer.Option("--format", help="What the file is, where its name does not say it.")
    ] = None,
    head: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The log's first line in a separate file; tables need it.")
    ] = None,
    compare: Compare = "full",
    tolerance: Tolerance = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Divide the accounts among N processes.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Divide them among the workers of this Dask scheduler.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a recorded log, event by event: what an engine did, and whether the rules say the same.

    For each account: the first event after which the log departs from the rules, with the rule and its numbers.
    Then the model continues from what the log shows, if that is a valid state, so that one departure is not repeated
    after. The log can be larger than memory. Exits with 0 if nothing departs from the rules, 1 if something does, 2 if
    a line is malformed; what was found before it is still reported.

    What is found does not depend on the number of workers. Lines that only one can follow are followed by one.

    **Examples**

    - `liqspec audit engine.jsonl`
    - `liqspec audit events.parquet --head run.json`
    - `liqspec audit engine.jsonl --tolerance pools.equity=0.01 --json`
    - `zcat log.jsonl.gz | liqspec audit -`
    - `liqspec audit parts/ --head run.json --workers 4`
    """
    rate = TextColumn("{task.fields[events]:,} events, {task.fields[rate]:,.0f} a second")
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), rate)
    with progress(*columns) as bars:
        task, begun = bars.add_task(foreign(log.name), total=None, events=0, rate=0.0), monotonic()

        def show(read: int, size: int, events: int) -> None:
            passed = max(monotonic() - begun, 0.001)
            bars.update(task, completed=read, total=size or None, events=events, rate=events / passed)

        found = run.audit(
            log,
            head=None if head is None else files.read_json(head),
            kind=kind,
            mode=compare,
            tolerance=tolerances(tolerance),
            progress=show,
            workers=workers,
            scheduler=scheduler,
        )
    if found.by_one:
        typer.echo(f"liqspec: {visible(found.by_one)}", err=True)
    if as_json:
        print_json(run.to_json(found), escaped=True)
    else:
        run.print_audit(found, terminal())
    if found.error:
        fail(found.error)
    finish(found.holds)
