"""The command line: reads arguments, calls the tools, prints, and ends with 0 (holds), 1 (violated) or 2 (usage)."""

import sys

import typer

# Each import adds its commands to the application, in the order of the help.
from liqspec import machine, scenario, specification, venue_file
from liqspec.audit.log import InvalidLog
from liqspec.cli import (  # noqa: F401
    auditing,
    conforming,
    distinguishing,
    drawing,
    explaining,
    picturing,
    serving,
    stepping,
    stories,
    tracing,
    vectoring,
    verifying,
)
from liqspec.cli.app import USAGE, app
from liqspec.drawing.diagram import CannotDraw
from liqspec.drawing.flow import InvalidChart
from liqspec.drawing.touch import InvalidTouch
from liqspec.pictures import trace
from liqspec.shapes import WrongShape
from liqspec.venue import InvalidConfig

__all__ = ["app", "main"]

# What a bad input raises: each is one line that says what was wrong, where, and what to do.
_BAD_INPUT = (
    specification.UnreadableFile,
    scenario.InvalidScenario,
    venue_file.InvalidVenueFile,
    machine.InvalidMachine,
    WrongShape,
    InvalidConfig,
    trace.InvalidTrace,
    CannotDraw,
    InvalidChart,
    InvalidTouch,
    InvalidLog,
)


def main() -> None:
    """Run the command line; bad input becomes one line and exit status 2, never a traceback."""
    try:
        app()
    except _BAD_INPUT as error:
        typer.echo(f"liqspec: {' '.join(str(error).split())}", err=True)
        sys.exit(USAGE)
    except OSError as error:  # such as a counterexample that cannot be written
        typer.echo(f"liqspec: {error.filename or 'output'}: {(error.strerror or str(error)).lower()}", err=True)
        sys.exit(USAGE)
