"""What all commands share: the application, its exit statuses, where it prints and how it refuses."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from liqspec import __version__
from liqspec.cli import INTERRUPTED
from liqspec.edge.errors import InternalFailure, InvalidInput, MissingExtra, named
from liqspec.edge.files import rules_version

if TYPE_CHECKING:  # they take long to load, and not every command prints with them
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

HOLDS, VIOLATED, USAGE = 0, 1, 2
INTERNAL = 70  # a defect of this tool itself; the number is that of sysexits.h
EXIT_STATUS = (
    "**Exit status**: 0 if what was asked holds, 1 if it is violated, 2 for bad usage or bad input, "
    "70 for a defect of liqspec itself, 130 if it was interrupted."
)

# In the order of the help. Each is a function, or a group of commands, in a module of its name.
COMMANDS = (
    "audit",
    "conform",
    "distinguish",
    "explain",
    "properties",
    "oracle",
    "simulate",
    "venues",
    "scenarios",
    "step",
    "trace",
    "verify",
    "draw",
    "vectors",
)


def application(help_text: str | None = None, **options: Any) -> typer.Typer:
    """A command, or a group of commands, that looks and behaves as all others do."""
    return typer.Typer(
        help=help_text,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **options,
    )


class _CommandModules(dict[str, Any]):
    """The commands by name; the module of a command is imported when the command is asked for."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(COMMANDS))

    def __getitem__(self, name: str) -> Any:
        command = getattr(import_module(f"liqspec.cli.{name}"), name)
        if not isinstance(command, typer.Typer):
            alone = application()
            alone.command(name)(command)
            command = alone
        made = typer.main.get_command(command)
        for one in (made, *getattr(made, "commands", {}).values()):
            one.epilog = EXIT_STATUS
        return made

    def get(self, name: str, default: Any = None) -> Any:
        """The command of this name."""
        if name not in self:
            return default
        return self[name]

    def items(self) -> Any:
        """All commands, for the help."""
        return [(name, self[name]) for name in self]


class _Commands(TyperGroup):
    """The commands, with two ends that the library under them would call 1, which here means violated."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "commands": _CommandModules()})

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the arguments; print the help or the version if they ask for it."""
        with _ends():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # the library keeps its own copy of the type
        """Run the command."""
        with _ends():
            return super().invoke(ctx)


@contextmanager
def _ends() -> Iterator[None]:
    """The reader may go away, and the user may interrupt it."""
    try:
        yield
    except BrokenPipeError:
        # The reader has gone (`liqspec … | head`): that is not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(HOLDS)
    except KeyboardInterrupt:
        typer.echo("liqspec: interrupted", err=True)
        sys.exit(INTERRUPTED)


app = application(
    """The executable specification of perpetual-futures liquidations.

Run scenarios, read rules, and check that the rules hold.

**Examples**

- `liqspec scenarios` - the shipped scenarios
- `liqspec simulate market-liquidation` - run one, and see each rule act
- `liqspec simulate my.toml --why alice/BTC/cross` - why was it, or was it not, liquidated?
- `liqspec explain LIQ-3` - a rule with its transitions, code and tests
- `liqspec verify` - check everything there is

""",
    name="liqspec",
    epilog=EXIT_STATUS,
    cls=_Commands,
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables, for machines.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"liqspec {__version__}, rules {rules_version()}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the versions of tool and rules."),
    ] = False,
) -> None:
    del version


def run() -> None:
    """Run the command line; bad input (exit status 2) and a defect of ours (70) become one line, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what its encoding does not have is written as an escape
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except InvalidInput as error:
        said = " ".join(str(error).split())
        typer.echo(said if isinstance(error, MissingExtra) else f"liqspec: {said}", err=True)
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


# ------------------------------------------------------------------------------------------------------------- printing


def terminal(stderr: bool = False) -> "Console":
    """A console for tables and texts."""
    from rich.console import Console  # noqa: PLC0415

    class Terminal(Console):
        """A console that leaves it to `_ends` what a reader that has gone means."""

        def on_broken_pipe(self) -> None:
            """Make the command stop, because its reader is gone."""
            raise BrokenPipeError

    # Wide enough for a timeline where neither a terminal nor its user says how wide it is.
    asked = (sys.stderr if stderr else sys.stdout).isatty() or "COLUMNS" in os.environ
    width = None if asked else 120
    return Terminal(stderr=stderr, width=width, highlight=False)


def progress(*columns: "ProgressColumn | str") -> "Progress":
    """A progress bar on stderr; nothing at all if that is not a terminal."""
    from rich.progress import Progress  # noqa: PLC0415

    console = terminal(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def print_json(data: Any, indent: int | None = 2) -> None:
    """Print data as JSON, with escapes where the output's encoding may not have a character."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    typer.echo(json.dumps(data, ensure_ascii=plain, indent=indent))


def fail(message: str) -> NoReturn:
    """End with one line that says what was wrong with the usage."""
    typer.echo(f"liqspec: {message}", err=True)
    raise typer.Exit(USAGE)
