"""The commands that write, check and play the corpus of vectors."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from liqspec.cli.app import Json, application, fail, finish, print_json, progress, terminal
from liqspec.cli.options import EngineCommand, Timeout
from liqspec.conform.finding import CannotStart, EngineFault, TimeIsUp
from liqspec.conform.interruption import interrupted_by_signals
from liqspec.conform.processes import unended
from liqspec.conform.session import LiveEngine
from liqspec.edge.texts import counted, one_line, visible
from liqspec.vectors import conversations, corpus, report
from liqspec.vectors.play import Played, not_played, play
from liqspec.vectors.suites import SUITES, all_tasks
from liqspec.vectors.talk import talk

_SUITES = (*SUITES, conversations.SUITE)

vectors = application(
    """Conformance vectors: cases in JSON that an engine in any language can be tested with.

**Examples**

- `liqspec vectors run -- ./my-engine`
- `liqspec vectors check`
- `liqspec vectors generate spec/vectors`
""",
    name="vectors",
    no_args_is_help=True,
)

Folder = Annotated[Path | None, typer.Argument(metavar="DIRECTORY", help="The shipped corpus if not given.")]


@vectors.command()
def generate(
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where to write the corpus.")],
) -> None:
    """Regenerate the corpus from the rules, the scenarios and a guided search; the same every time.

    Cases of an earlier corpus that are not in it any more are removed; nothing else in the directory is touched.

    Example: `liqspec vectors generate spec/vectors`
    """
    directory.mkdir(parents=True, exist_ok=True)  # one that cannot be made is refused before the search
    with progress() as bars:
        task = bars.add_task("searching", total=len(all_tasks()))
        found = corpus.cases(lambda _: bars.advance(task))
    texts = corpus.texts_by_path(found)
    corpus.write(directory, texts)
    size = sum(len(text.encode()) for text in texts.values())
    typer.echo(visible(f"{counted(len(found), 'case')}, {size / 1e6:.1f} MB, in {directory}"))


@vectors.command()
def check(directory: Folder = None) -> None:
    """Check that a corpus is what the specification makes now; fast, because nothing is searched again.

    Exits with 1 if a case is stale, missing, or does not show any more what it is about.

    Example: `liqspec vectors check`
    """
    stale = list(corpus.stale(directory or corpus.FOLDER))
    for line in stale[:40]:
        typer.echo(visible(line))
    if stale:
        regenerate = f"liqspec vectors generate {directory or 'spec/vectors'}"
        typer.echo(visible(f"{counted(len(stale), 'stale case')}; regenerate the corpus: {regenerate}"))
    else:
        typer.echo("the corpus is what the specification makes")
    finish(not stale)


@vectors.command()
def run(
    command: EngineCommand,
    suite: Annotated[
        list[str] | None, typer.Option(help=f"Only this suite (may be given several times): {', '.join(_SUITES)}.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="The corpus; the shipped one if not given.")
    ] = None,
    timeout: Timeout = 10.0,
    budget: Annotated[
        float | None,
        typer.Option(min=0.1, metavar="SECONDS", help="Skip the cases that are not played within so long."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the corpus on an engine that speaks the protocol, and report each case that it answers differently.

    Exits with 0 if no case failed, 1 if one did, or if the engine failed itself.

    **Examples**

    - `liqspec vectors run -- ./my-engine`
    - `liqspec vectors run --suite essential --json -- node engine.js`
    """
    for name in suite or []:
        if name not in _SUITES:
            fail(f"--suite {name}: there are {', '.join(_SUITES)}")
    folder = directory or corpus.FOLDER
    chosen = [one for one in corpus.load(folder) if not suite or one["suite"] in suite]
    spoken = corpus.load_conversations(folder) if not suite or conversations.SUITE in suite else []
    try:
        with interrupted_by_signals(), LiveEngine(command, timeout) as engine, progress() as bars:
            task = bars.add_task("playing", total=len(chosen) + len(spoken))
            hello = engine.hello
            engine.until = None if budget is None else time.monotonic() + budget
            played: list[Played] = []
            with suppress(TimeIsUp):
                for play_one, vectors in ((play, chosen), (talk, spoken)):
                    for vector in vectors:
                        played.append(play_one(vector, engine, hello))
                        bars.advance(task)
            left = [*chosen, *spoken][len(played) :]
            played += (not_played(vector, f"the budget of {budget} s") for vector in left)
    except CannotStart as error:
        fail(str(error))
    except EngineFault as error:
        logged = one_line(error.fault.stderr, 2000)
        typer.echo(visible(f"liqspec: {error}" + (f"; it logged: {logged}" if logged else "")), err=True)
        finish(False)
    for line in unended():
        typer.echo(visible(f"liqspec: {line}"), err=True)
    if as_json:
        print_json(report.to_json(hello.engine, played), escaped=True)
    else:
        report.print_played(hello.engine, played, terminal())
    finish(report.conforms(played))
