"""The command that exports a run for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from liqspec.cli.options import Scenario
from liqspec.edge import writing
from liqspec.edge.json_text import json_text
from liqspec.replay import itf
from liqspec.replay.run import Run
from liqspec.spec import scenarios


def trace(
    story: Scenario,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it; by default, standard output.")
    ] = None,
) -> None:
    """Export a scenario's run as ITF JSON, which the viewers of Quint and Apalache open.

    Each state is the model's whole state in integers, with the event that led to it; nothing is lost.

    **Examples**

    - `liqspec trace market-liquidation -o market-liquidation.itf.json`
    - `liqspec trace my.toml`
    """
    loaded = scenarios.load(story)
    events = [moment.event for moment in Run(loaded)]
    text = json_text(itf.to_json(itf.run(loaded.config, events), loaded.name), indent=1, escaped=True)
    if output is None:
        typer.echo(text)
    else:
        writing.write(output, text + "\n")
