"""What all commands share: the application, its exit statuses, where it prints and how it refuses."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO

import typer
from typer.core import TyperGroup

from liqspec import __version__
from liqspec.cli import INTERRUPTED
from liqspec.edge import writing
from liqspec.edge.errors import InternalFailure, InvalidInput, MissingExtra, named
from liqspec.edge.files import rules_version
from liqspec.edge.json_text import json_text
from liqspec.edge.texts import visible

if TYPE_CHECKING:  # they take long to load, and not every command prints with them
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

HOLDS, VIOLATED, USAGE = 0, 1, 2
MOST_LINES = 20  # about one input
INTERNAL = 70  # a defect of this tool itself; the number is that of sysexits.h
EXIT_STATUS = (
    "**Exit status**: 0 if what was asked holds, 1 if it is violated, 2 for bad usage or bad input, "
    "70 for a defect of liqspec itself, 130 if it was interrupted."
)

# In the order of the help. Each is a function, or a group of commands, in a module of its name.
COMMANDS = (
    "audit",
    "new",
    "conform",
    "distinguish",
    "explain",
    "properties",
    "oracle",
    "simulate",
    "venues",
    "scenarios",
    "step",
    "study",
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


class _Commands(TyperGroup):
    """The commands, with two ends that the library under them would call 1, which here means violated."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "commands": dict.fromkeys(COMMANDS)})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, from its module, which is imported now; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"liqspec.cli.{cmd_name}"), cmd_name)
        if not isinstance(command, typer.Typer):
            alone = application()
            alone.command(cmd_name)(command)
            command = alone
        made = typer.main.get_command(command)
        for one in (made, *getattr(made, "commands", {}).values()):
            one.epilog = EXIT_STATUS
        _hide_types_of_flags(made, ctx)
        return made

    def get_help_option(self, ctx: Any) -> Any:
        """The option --help, of which the help shows no type."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.metavar = ""
        return option

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the arguments; print the help or the version if they ask for it."""
        with _ends():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # the library keeps its own copy of the type
        """Run the command."""
        with _ends():
            return super().invoke(ctx)


def _hide_types_of_flags(command: Any, parent: Any) -> None:
    """Let the help show no type of an option that takes no value; so too of the commands of a group."""
    context = command.context_class(command, parent=parent, **command.context_settings)
    for option in (*command.params, command.get_help_option(context)):
        if getattr(option, "is_flag", False) and option.metavar is None:
            option.metavar = ""
    for one in getattr(command, "commands", {}).values():
        _hide_types_of_flags(one, context)


@contextmanager
def _ends() -> Iterator[None]:
    """The reader may go away, and the user may interrupt it."""
    try:
        yield
    except BrokenPipeError:
        discard_output()  # the reader has gone (`liqspec … | head`): that is not an error
        sys.exit(HOLDS)
    except KeyboardInterrupt:
        _end("liqspec: interrupted", INTERRUPTED)
    except Exception as error:
        if hasattr(error, "format_message"):  # wrong usage, which the library prints
            _report_visibly()
        raise


def _report_visibly() -> None:
    """Let the library print what it has to say of the arguments, which may be anything, on a console of ours."""
    from typer import rich_utils  # noqa: PLC0415

    from liqspec.report.visible_console import VisibleConsole  # noqa: PLC0415

    rich_utils.Console = VisibleConsole  # type: ignore[attr-defined]


def discard_output() -> None:
    """Let standard output lead nowhere, so that what is left to flush does not complain that its reader has gone."""
    _discard(sys.stdout)


def _discard(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _end(message: str, status: int) -> NoReturn:
    try:
        typer.echo(visible(message), err=True)
    except OSError:  # standard error is full, or nobody reads it: the status says what there is to say
        _discard(sys.stderr)
    sys.exit(status)


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
        typer.Option(
            "--version", callback=_version, is_eager=True, metavar="", help="Print the versions of tool and rules."
        ),
    ] = False,
) -> None:
    del version


def run() -> None:
    """Run the command line; bad input (exit status 2) and a defect of ours (70) become one line, never a traceback."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # not after this, when nobody reports what goes wrong
    except InvalidInput as error:
        said = " ".join(str(error).split())
        _end(said if isinstance(error, MissingExtra) else f"liqspec: {said}", USAGE)
    except OSError as error:  # such as a counterexample that cannot be written
        if error.filename is None:
            discard_output()
        if not isinstance(error, BrokenPipeError):
            _end(f"liqspec: {of_system(error)}", USAGE)
        sys.exit(HOLDS)
    except InternalFailure as error:
        _end(f"liqspec: {error}", INTERNAL)
    except Exception as error:  # a defect of this tool: one line with its place, which a report of it needs
        _end(f"liqspec: internal failure: {named(error)}", INTERNAL)


def terminal(stderr: bool = False) -> "Console":
    """A console for tables and texts."""
    from liqspec.report.visible_console import VisibleConsole  # noqa: PLC0415

    class Terminal(VisibleConsole):
        """A console that leaves it to `_ends` what a reader that has gone means."""

        def on_broken_pipe(self) -> None:
            """Make the command stop, because its reader is gone."""
            raise BrokenPipeError

    # Wide enough for a timeline where neither a terminal nor its user says how wide it is.
    asked = (sys.stderr if stderr else sys.stdout).isatty() or "COLUMNS" in os.environ
    return Terminal(stderr=stderr, width=None if asked else 120, highlight=False, hangs=asked)


def progress(*columns: "ProgressColumn | str") -> "Progress":
    """A progress bar on stderr; nothing at all if that is not a terminal."""
    from rich.progress import Progress  # noqa: PLC0415

    console = terminal(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def print_json(data: Any, indent: int | None = 2, escaped: bool = False) -> None:
    """Print data as JSON; with escapes if asked for, or where the output's encoding may not have a character.

    What is not printable is always escaped.
    """
    plain = escaped or (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    typer.echo(json_text(data, indent=indent, escaped=plain))


def finish(holds: bool) -> NoReturn:
    """End with the exit status that says whether what was asked holds."""
    raise typer.Exit(HOLDS if holds else VIOLATED)


def fail(message: str) -> NoReturn:
    """End with one line that says what was wrong with the usage."""
    _end(f"liqspec: {message}", USAGE)


def of_system(error: OSError) -> str:
    """What the system says of a file, in a line."""
    return f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}"


def check_written(option: str, path: Path | None, *, folder: bool = False) -> None:
    """End before any work if what an option names cannot be written at its end."""
    if path is None:
        return
    try:
        (writing.check_folder if folder else writing.check)(path)
    except OSError as error:
        fail(f"{option} {of_system(error)}")


def hint(message: str) -> None:
    """Say in one line what is not as it could be."""
    typer.echo(visible(f"liqspec: {message}"), err=True)


def refuse(messages: list[str]) -> NoReturn:
    """End with a line for each thing that is wrong with the input, at most MOST_LINES of them."""
    *before, last = messages[:MOST_LINES] + ["and more; correct these first"] * (len(messages) > MOST_LINES)
    for one in before:
        typer.echo(f"liqspec: {visible(one)}", err=True)
    fail(last)
