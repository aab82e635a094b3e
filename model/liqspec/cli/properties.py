"""The command that lists the properties."""

from typing import Annotated

import typer

from liqspec.cli.app import Json, print_json, terminal
from liqspec.properties import registry
from liqspec.report.tables import table


def properties(
    as_json: Json = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the page of the specification.")] = False,
) -> None:
    """List what must hold: every property with its sentence, its kind, on what it is judged, and its rules.

    **Examples**

    - `liqspec properties`
    - `liqspec properties --json`
    """
    if as_markdown:
        typer.echo(registry.markdown(), nl=False)
    elif as_json:
        print_json([entry.to_json() for entry in registry.PROPERTIES.values()])
    else:
        rows = table("property", "what must hold", "kind", "judged on", "rules")
        for entry in registry.PROPERTIES.values():
            rows.add_row(entry.title, entry.sentence, entry.kind, entry.judged_on, " ".join(entry.rules))
        terminal().print(rows)
