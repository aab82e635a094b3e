"""The commands that draw."""

import typer

from liqspec import draw, machine
from liqspec.cli.app import app


@app.command(name="draw")
def draw_command() -> None:
    """Print the lifecycle as a Mermaid state diagram, which repositories render in Markdown.

    Example: `liqspec draw > machine.mmd`
    """
    typer.echo(draw.mermaid(machine.lifecycle()), nl=False)
