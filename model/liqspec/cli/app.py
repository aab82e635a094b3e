"""What all commands share: the application, its exit statuses, where it prints and how it refuses."""

import os
import sys
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, ProgressColumn
from typer.core import TyperGroup

from liqspec import __version__
from liqspec.spec import rulebook

HOLDS, VIOLATED, USAGE = 0, 1, 2
INTERNAL = 70  # a defect of this tool itself; the number is that of sysexits.h
INTERRUPTED = 130  # as a shell reports it


class _Commands(TyperGroup):
    """The commands, with two ends that the library under them would call 1, which here means violated."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # the library keeps its own copy of the type
        """Run the command; its reader may go away, its user may interrupt it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader has gone (`liqspec … | head`): that is not an error.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(HOLDS)
        except KeyboardInterrupt:
            typer.echo("liqspec: interrupted", err=True)
            sys.exit(INTERRUPTED)


app = typer.Typer(
    name="liqspec",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""The executable specification of perpetual-futures liquidations.

Run scenarios, read rules, and check that the rules hold.

**Examples**

- `liqspec scenarios` - the shipped scenarios
- `liqspec simulate market-liquidation` - run one, and see each rule act
- `liqspec simulate my.toml --why alice/BTC/cross` - why was it, or was it not, liquidated?
- `liqspec explain LIQ-3` - a rule with its transitions, code and tests
- `liqspec verify` - check everything there is

**Exit status**: 0 if what was asked holds, 1 if it is violated, 2 for bad usage or bad input.
""",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables, for machines.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"liqspec {__version__}, rules {rulebook.version()}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the versions of tool and rules."),
    ] = False,
) -> None:
    del version


class _Terminal(Console):
    """A console that leaves it to `_Commands` what a reader that has gone means."""

    def on_broken_pipe(self) -> None:
        """Make the command stop, because its reader is gone."""
        raise BrokenPipeError


def terminal(stderr: bool = False) -> Console:
    """A console for tables and texts."""
    # Wide enough for a timeline where there is no terminal to ask.
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else 120
    return _Terminal(stderr=stderr, width=width, highlight=False)


def progress(*columns: ProgressColumn) -> Progress:
    """A progress bar on stderr; nothing at all if that is not a terminal."""
    console = terminal(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def fail(message: str) -> NoReturn:
    """End with one line that says what was wrong with the usage."""
    typer.echo(f"liqspec: {message}", err=True)
    raise typer.Exit(USAGE)
