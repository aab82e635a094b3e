"""The command line: reads arguments, calls the tools, prints, and ends with 0 (holds), 1 (violated) or 2 (usage)."""

import sys

import typer

from liqspec.audit.log import InvalidLog

# Each import of a command adds it to the application, in the order of the help.
from liqspec.cli import (  # noqa: F401
    audit,
    conform,
    distinguish,
    draw,
    draw_run,
    explain,
    oracle,
    simulate,
    step,
    trace,
    vectors,
    verify,
)
from liqspec.cli.app import INTERNAL, USAGE, app

# Each import adds its commands to the application, in the order of the help.
from liqspec.core import machine
from liqspec.core.parameters import InvalidConfig
from liqspec.draw.diagram import CannotDraw
from liqspec.edge import files
from liqspec.edge.failures import InternalFailure, named
from liqspec.edge.shapes import WrongShape
from liqspec.replay import recordings
from liqspec.spec import scenarios, venues
from liqspec.spec.charts import InvalidChart

__all__ = ["app", "main"]

# What a bad input raises: each is one line that says what was wrong, where, and what to do.
_BAD_INPUT = (
    files.UnreadableFile,
    scenarios.InvalidScenario,
    venues.InvalidVenueFile,
    machine.InvalidMachine,
    WrongShape,
    InvalidConfig,
    recordings.InvalidTrace,
    CannotDraw,
    InvalidChart,
    InvalidLog,
)


def main() -> None:
    """Run the command line; bad input (exit status 2) and a defect of ours (70) become one line, never a traceback."""
    try:
        app()
    except _BAD_INPUT as error:
        typer.echo(f"liqspec: {' '.join(str(error).split())}", err=True)
        sys.exit(USAGE)
    except OSError as error:  # such as a counterexample that cannot be written
        typer.echo(f"liqspec: {error.filename or 'output'}: {(error.strerror or str(error)).lower()}", err=True)
        sys.exit(USAGE)
    except InternalFailure as error:
        typer.echo(f"liqspec: {error}", err=True)
        sys.exit(INTERNAL)
    except Exception as error:  # a defect of this tool: one line with its place, which a report of it needs
        typer.echo(f"liqspec: internal failure: {named(error)}", err=True)
        sys.exit(INTERNAL)
