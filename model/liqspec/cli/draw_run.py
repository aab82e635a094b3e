"""The command that draws a run: a timeline, the path through the lifecycle, or a page to step through."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from liqspec.cli.app import fail
from liqspec.cli.draw import draw_app
from liqspec.draw import page, path
from liqspec.draw.dot import image
from liqspec.draw.theme import ThemeName
from liqspec.replay import recordings
from liqspec.replay.record import Record

STANDARD_INPUT = "-"


class Format(StrEnum):
    """The formats of a picture."""

    svg = "svg"
    png = "png"


class Picture(StrEnum):
    """What is drawn of a run."""

    timeline = "timeline"
    path = "path"


class Theme(StrEnum):
    """The ground that a picture is drawn for."""

    light = "light"
    dark = "dark"


@draw_app.command(name="run")
def draw_run(
    story: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|TRACE",
            help="A shipped scenario's name, a .toml file, or what `liqspec simulate --json` printed; - reads that.",
        ),
    ],
    form: Annotated[Format | None, typer.Option("--format", help="By default that of FILE, else svg.")] = None,
    picture: Annotated[Picture | None, typer.Option(help="The timeline, or the path through the lifecycle.")] = None,
    position: Annotated[
        str | None,
        typer.Option(metavar="ACCOUNT/MARKET/MODE", help="Whose path; by default the longest one."),
    ] = None,
    theme: Annotated[Theme | None, typer.Option(help="For a light or a dark ground.")] = None,
    html: Annotated[bool, typer.Option("--html", help="One page to step through the run, as a separate file.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="By default the standard output.")
    ] = None,
) -> None:
    """Draw a run: marks, equity and its lines, states and time; or the path through the lifecycle; or a page.

    The page (`--html`) needs no network: step through it with the arrow keys, a slider or buttons. It opens
    counterexamples, too. The path and the page need the program `dot` (Graphviz).

    Examples: `liqspec draw run deficit -o deficit.svg`, `liqspec draw run price-gap --picture path -o path.png`,
    `liqspec draw run counterexample.toml --html -o page.html`, `liqspec simulate deficit --json | liqspec draw run -`
    """
    if html and (form or picture or theme):
        fail("--html makes a separate page: leave out --format, --picture and --theme")
    record = _record(story)
    chosen = _position(record, position)
    ground: ThemeName = "dark" if theme is Theme.dark else "light"
    if html:
        drawn = page.render(record, chosen).encode()
    elif picture is Picture.path:
        if chosen is None:
            fail(f"{story}: no position was ever opened in this run, so there is no path")
        drawn = image(path.graph(record, chosen, ground), _format(form, output).value)
    else:
        wanted: Literal["svg", "png"] = "png" if _format(form, output) is Format.png else "svg"
        from liqspec.draw import timeline  # noqa: PLC0415 (its library takes longer to load than all the rest)

        drawn = timeline.render(record, wanted, ground)
    _write(drawn, output)


def _record(story: str) -> Record:
    if story == STANDARD_INPUT:
        return recordings.parse(sys.stdin.read(), Path("standard input"))
    return recordings.load(story)


def _position(record: Record, wanted: str | None) -> str | None:
    """The position whose path is shown: the wanted one, else that with the longest path; None if there is none."""
    known = record.positions()
    if wanted is None:
        return max(known, key=lambda key: len(record.path(key)), default=None)
    if wanted not in known:
        fail(f"--position {wanted}: no such position in this run; it has {', '.join(known) or 'none'}")
    return wanted


def _format(form: Format | None, output: Path | None) -> Format:
    """The format that was asked for, else that of the file's name."""
    suffix = "" if output is None else output.suffix.lower().removeprefix(".")
    of_file = Format(suffix) if suffix in list(Format) else None
    if output is not None and form is None and of_file is None:
        fail(f"-o {output}: give the name a suffix, .svg or .png, or say --format")
    if form and of_file and form is not of_file:
        fail(f"-o {output}: the name says {of_file.value}, but --format says {form.value}")
    return form or of_file or Format.svg


def _write(drawn: bytes, output: Path | None) -> None:
    if output is not None:
        output.write_bytes(drawn)
    elif drawn.startswith(b"\x89PNG") and sys.stdout.isatty():
        fail("a PNG picture is not for the terminal: give -o FILE")
    else:
        sys.stdout.buffer.write(drawn)
        sys.stdout.buffer.flush()
