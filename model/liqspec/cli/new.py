"""The commands that write a file to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from liqspec.cli.app import application, fail
from liqspec.edge import writing
from liqspec.edge.texts import visible
from liqspec.spec import skeletons

new = application(
    """Write a file to begin with.

Example: `liqspec new engine rust`""",
    name="new",
    no_args_is_help=True,
)


@new.callback()
def _group() -> None:
    """Keep `engine` a command of the group, although it is the only one."""


@new.command()
def engine(
    language: Annotated[str, typer.Argument(metavar="LANGUAGE", help=f"One of {', '.join(skeletons.LANGUAGES)}.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to write it: `engine.py` and so on if not given.")
    ] = None,
) -> None:
    """Write the skeleton of an engine that speaks the protocol, and print how to build it and compare it.

    It needs only the standard library of its language. It starts every run and skips every event, so it can be compared
    at once; its comments say where to continue, and which page of `spec/` says what. A file that exists is never
    overwritten.

    Examples: `liqspec new engine rust`, `liqspec new engine python my_engine.py`, `liqspec new engine c src/engine.c`
    """
    chosen = skeletons.language(language)
    path = file or Path(f"engine{chosen.suffix}")
    if path.suffix != chosen.suffix:
        fail(f"{path}: a file in {chosen.name} has a name that ends in {chosen.suffix}")
    try:
        writing.create(path, chosen.text)
    except FileExistsError:
        fail(f"{path}: exists, and is not overwritten; give the name of another file")
    build, start = chosen.commands(path)
    typer.echo(visible(f"wrote {path}: it skips every event, continue in `apply`"))
    if build:
        typer.echo(visible(f"build it:    {build}"))
    typer.echo(visible(f"compare it:  liqspec conform -- {start}"))
