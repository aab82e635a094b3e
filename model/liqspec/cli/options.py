"""The options of the commands that compare an engine with the rules."""

from typing import Annotated

import typer

from liqspec.cli.app import fail
from liqspec.step.relation import Mode

Compare = Annotated[
    Mode, typer.Option(help="Only whether an event is refused, also with which code, or everything observed.")
]
Tolerance = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD=UNITS", help="Compare an amount within so much (may be given several times)."),
]


def tolerances(given: list[str] | None) -> dict[str, str]:
    """The tolerances by their fields."""
    found = {}
    for one in given or []:
        name, _, units = one.partition("=")
        if not name or not units:
            fail(f"--tolerance {one}: expected FIELD=UNITS, such as pools.equity=0.01")
        found[name] = units
    return found
