"""The commands that write a file to begin with."""

from pathlib import Path
from typing import Annotated

import typer

from liqspec.cli.app import application, fail
from liqspec.edge import writing
from liqspec.edge.texts import visible
from liqspec.spec import scenarios, skeletons, venue_words

new = application(
    """Write a file to begin with.

**Examples**

- `liqspec new engine rust`
- `liqspec new venue`
- `liqspec new scenario`
""",
    name="new",
    no_args_is_help=True,
)


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

    **Examples**

    - `liqspec new engine rust`
    - `liqspec new engine python my_engine.py`
    - `liqspec new engine c src/engine.c`
    """
    chosen = skeletons.language(language)
    path = file or Path(f"engine{chosen.suffix}")
    if path.suffix != chosen.suffix:
        fail(f"{path}: a file in {chosen.name} has a name that ends in {chosen.suffix}")
    _write(path, chosen.text)
    build, start = chosen.commands(path)
    typer.echo(visible(f"wrote {path}: it skips every event, continue in `apply`"))
    if build:
        typer.echo(f"build it:    {build}")
    typer.echo(f"compare it:  liqspec conform -- {start}")


@new.command()
def venue(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path("my-venue.toml"),
) -> None:
    """Write a rule set to begin with, that of `generic`: markets, parameters, and where each number comes from.

    A file that exists is never overwritten.

    **Examples**

    - `liqspec new venue`
    - `liqspec new venue venues/mine.toml`
    """
    if file.suffix != ".toml":
        fail(f"{file}: the name of a venue's file ends in .toml")
    _write(file, venue_words.template(file.stem))
    typer.echo(visible(f"wrote {file}: the plainest rules; spec/parameters.md has every parameter"))
    typer.echo(visible(f"read it back:  liqspec venues {file}"))
    typer.echo(visible(f"compare it:    liqspec distinguish generic {file}"))


@new.command()
def scenario(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path("my-scenario.toml"),
) -> None:
    """Write a scenario to begin with, that of `market-liquidation`: events, and what is expected of them.

    A file that exists is never overwritten.

    **Examples**

    - `liqspec new scenario`
    - `liqspec new scenario scenarios/mine.toml`
    """
    if file.suffix != ".toml":
        fail(f"{file}: the name of a scenario's file ends in .toml")
    _write(file, scenarios.template())
    typer.echo(visible(f"wrote {file}: a long is liquidated; spec/rules/09-data.md has every field (SCN-1)"))
    typer.echo(visible(f"run it:      liqspec simulate {file}"))
    typer.echo(visible(f"ask why:     liqspec simulate {file} --why alice/BTC/cross"))
    typer.echo(visible(f"look at it:  liqspec draw run {file} --html -o {file.with_suffix('.html')}"))


def _write(path: Path, text: str) -> None:
    try:
        writing.create(path, text)
    except FileExistsError:
        fail(f"{path}: exists, and is not overwritten; give the name of another file")
