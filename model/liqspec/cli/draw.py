"""The commands that draw."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from liqspec.cli.app import app, fail
from liqspec.core import machine
from liqspec.draw import coverage, diagram, views
from liqspec.draw.theme import ThemeName
from liqspec.draw.views import VIEWS, Format

draw_app = typer.Typer(
    name="draw",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Draw the specification: every picture is made from its tables, so it cannot disagree with them.

**Examples**

- `liqspec draw machine` - the lifecycle as Mermaid, which repositories render in Markdown
- `liqspec draw machine --format svg --theme dark -o lifecycle.svg`
- `liqspec draw machine --format png --view state:cooldown -o cooldown.png`
- `liqspec draw run deficit -o deficit.svg`, or `--html -o deficit.html` for a page to step through
- `liqspec verify --json > result.json`, then `liqspec draw coverage result.json --format svg -o coverage.svg`
""",
)
app.add_typer(draw_app)

Kind = Annotated[Format, typer.Option("--format", help="SVG, PNG and PDF need the program dot (Graphviz).")]
Theme = Annotated[ThemeName, typer.Option(help="Colours for a light or a dark page.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write; without it, standard output.")
]


@draw_app.command(name="machine")
def machine_command(
    kind: Kind = "mermaid",
    view: Annotated[str, typer.Option(metavar="VIEW", help=f"What to show: {VIEWS}.")] = "whole",
    venue: Annotated[
        str | None, typer.Option(help="Grey out what this rule set makes impossible: a venue's name, or a .toml file.")
    ] = None,
    theme: Theme = "light",
    output: Output = None,
) -> None:
    """Draw the lifecycle of a position, a part of it, the assessment of a pool, or what a liquidation may touch.

    Examples: `liqspec draw machine --format svg -o machine.svg`, `liqspec draw machine --view trigger:assess`,
    `liqspec draw machine --venue hyperliquid --format pdf -o hyperliquid.pdf`,
    `liqspec draw machine --view assessment --format png -o assessment.png`, `liqspec draw machine --format scxml`
    """
    _refuse_terminal(kind, output)
    _deliver(views.draw(view, kind, theme, venue), output)


@draw_app.command(name="coverage")
def coverage_command(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="What `liqspec verify --json` printed.")],
    kind: Kind = "mermaid",
    theme: Theme = "light",
    output: Output = None,
) -> None:
    """Draw the lifecycle with how often each transition fired in a verification; what never fired stands out.

    Example: `liqspec draw coverage result.json --format svg -o coverage.svg`
    """
    _refuse_terminal(kind, output)
    if kind in ("scxml", "xstate"):
        fail(f"{kind} has no place for counts: use svg, png, pdf, dot or mermaid")
    picture = coverage.covered(diagram.whole(machine.lifecycle()), coverage.read_counts(result))
    _deliver(views.lifecycle(picture, kind, theme), output)


@draw_app.command(name="all")
def all_command(
    folder: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where the pictures are written.")],
) -> None:
    """Draw all pictures that the repository keeps: for light and dark pages, for each venue, as SVG and as text.

    Example: `liqspec draw all diagrams`
    """
    written = views.write(folder)
    typer.echo(f"{len(written)} pictures in {folder}")


def _refuse_terminal(kind: Format, output: Path | None) -> None:
    """Refuse to print an image to a terminal, before it is drawn."""
    if output is None and kind in ("png", "pdf") and sys.stdout.isatty():
        fail(f"{kind} is not a text format: give a file with -o, or redirect the output")


def _deliver(content: bytes, output: Path | None) -> None:
    if output is not None:
        output.write_bytes(content)
    else:
        typer.get_binary_stream("stdout").write(content)
