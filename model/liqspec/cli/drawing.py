"""The commands that draw."""

import typer

from liqspec import draw, machine
from liqspec.cli.app import app

draw_app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Draw the lifecycle, or a run.")
app.add_typer(draw_app, name="draw")


@draw_app.command(name="machine")
def draw_machine() -> None:
    """Print the lifecycle as a Mermaid state diagram, which repositories render in Markdown.

    Example: `liqspec draw machine > machine.mmd`
    """
    typer.echo(draw.mermaid(machine.lifecycle()), nl=False)
