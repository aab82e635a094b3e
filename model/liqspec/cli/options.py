"""The options that several commands share."""

from typing import Annotated

import typer

from liqspec.cli.app import fail
from liqspec.step.relation import Mode

Scenario = Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped scenario's name, or a .toml file.")]
Seed = Annotated[int, typer.Option(min=0, help="Where the random events start from.")]
EngineCommand = Annotated[list[str], typer.Argument(metavar="-- COMMAND…", help="What starts the engine.")]
LONGEST = 10**8  # seconds
Timeout = Annotated[
    float,
    typer.Option(
        min=0.05, max=LONGEST, metavar="SECONDS", help="How long one reply may take; the first one 20 s at least."
    ),
]
Compare = Annotated[
    Mode, typer.Option(help="Only whether an event is refused, also with which code, or everything observed.")
]
Tolerance = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD=UNITS", help="Compare an amount within so much (may be given several times)."),
]

Venue = Annotated[
    str | None, typer.Option(metavar="VENUE", help="Under this venue's rules: a shipped one's name, or a .toml file.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="TABLE.PARAMETER=VALUE",
        help="With this parameter set so; `none` leaves it out (may be given several times).",
    ),
]
Against = Annotated[
    str | None,
    typer.Option(
        metavar="VENUE",
        help="Compare with the same under this venue's rules, or `scenario` for those that it was written for.",
    ),
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
