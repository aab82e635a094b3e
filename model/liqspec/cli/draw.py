"""The commands that draw: the lifecycle, a run, the coverage of a verification, and all committed pictures."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from liqspec.cli.app import application, fail
from liqspec.cli.options import Against, Settings, Venue
from liqspec.core import machine
from liqspec.draw import diagram, page, views
from liqspec.draw.plotting import plotting
from liqspec.draw.theme import ThemeName
from liqspec.draw.views import TEXTS, VIEWS, Format
from liqspec.edge import keys, writing
from liqspec.edge.texts import counted, visible
from liqspec.replay import mark_choices, paired, recordings
from liqspec.replay.contrast import Contrast
from liqspec.replay.record import Record
from liqspec.spec import scenarios, what_if

Kind = TypeVar("Kind", bound=str)
Image = Literal["svg", "png"]

STANDARD_INPUT = "-"
_NO_TEXTS = (b"\x89PNG", b"%PDF")  # how the formats begin that are not texts
# What the ending of a file's name says.
ENDINGS: Mapping[str, Format] = {
    ".svg": "svg",
    ".png": "png",
    ".pdf": "pdf",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".scxml": "scxml",
    ".json": "xstate",
}
IMAGE_ENDINGS: Mapping[str, Image] = {".svg": "svg", ".png": "png"}
PAGE_ENDINGS = {".html": "html", ".htm": "html"}

draw = application(
    """Draw the specification: every picture is made from its tables, so it cannot disagree with them.

**Examples**

- `liqspec draw machine` - the lifecycle as Mermaid, which repositories render in Markdown
- `liqspec draw machine --theme dark -o lifecycle.svg`
- `liqspec draw machine --view state:cooldown -o cooldown.png`
- `liqspec draw run deficit -o deficit.svg`, or `--html -o deficit.html` for a page to step through
- `liqspec draw run eth-march-2025 --from 10 --to 15 -o decided.svg` - a part of a run
- `liqspec draw mark each-source-fails-once -o mark.svg` - how a mark is formed, and what other choices would do
- `liqspec verify --json > result.json`, then `liqspec draw coverage result.json -o diagram.svg`
""",
    name="draw",
    no_args_is_help=True,
)

FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="By default that of FILE, else mermaid. SVG, PNG and PDF need dot (Graphviz)."),
]
Theme = Annotated[ThemeName, typer.Option(help="Colours for a light or a dark page.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write; without it, standard output.")
]


@draw.command(name="machine")
def draw_machine(
    kind: FormatOption = None,
    view: Annotated[str, typer.Option(metavar="VIEW", help=f"What to show: {VIEWS}.")] = "whole",
    venue: Annotated[
        str | None, typer.Option(help="Grey out what this rule set makes impossible: a venue's name, or a .toml file.")
    ] = None,
    theme: Theme = "light",
    output: Output = None,
) -> None:
    """Draw the lifecycle of a position, a part of it, the assessment of a pool, or what a liquidation may touch.

    **Examples**

    - `liqspec draw machine -o machine.svg`
    - `liqspec draw machine --view trigger:assess`
    - `liqspec draw machine --venue hyperliquid -o hyperliquid.pdf`
    - `liqspec draw machine --view assessment -o assessment.png`
    - `liqspec draw machine --format scxml`
    """
    chosen = _format(kind, output, ENDINGS, "mermaid")
    _deliver(views.draw(view, chosen, theme, venue), output)


@draw.command(name="coverage")
def draw_coverage(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="What `liqspec verify --json` printed.")],
    kind: FormatOption = None,
    theme: Theme = "light",
    output: Output = None,
) -> None:
    """Draw the lifecycle with how often each transition fired in a verification; what never fired stands out.

    Example: `liqspec draw coverage result.json -o diagram.svg`
    """
    chosen = _format(kind, output, ENDINGS, "mermaid")
    if chosen in ("scxml", "xstate"):
        fail(f"{chosen} has no place for counts: use svg, png, pdf, dot or mermaid")
    picture = diagram.covered(diagram.whole(machine.lifecycle()), diagram.read_counts(result))
    _deliver(views.lifecycle(picture, chosen, theme), output)


@draw.command(name="study")
def draw_study(
    name: Annotated[str, typer.Argument(metavar="STUDY", help="A shipped study's name, or a .toml file.")],
    kind: Annotated[Image | None, typer.Option("--format", help="By default that of FILE, else svg.")] = None,
    theme: Theme = "light",
    output: Output = None,
) -> None:
    """Run a study and draw what it found: the paths of traders, or what is kept over the sizes of an order.

    Example: `liqspec draw study self-protection -o self-protection.svg`
    """
    chosen: Image = _format(kind, output, IMAGE_ENDINGS, "svg")
    _deliver(views.of_study(name, chosen, theme), output)


@draw.command(name="all")
def draw_all(
    folder: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where the pictures are written.")],
) -> None:
    """Draw all pictures that the repository keeps: for light and dark pages, for each venue, as SVG and as text.

    Example: `liqspec draw all diagrams`
    """
    written = views.write(folder)
    typer.echo(visible(f"{counted(len(written), 'picture')} in {folder}"))


@draw.command(name="run")
def draw_run(
    story: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO|TRACE",
            help="A shipped scenario's name, a .toml file, or what `liqspec simulate --json` printed; - reads that.",
        ),
    ],
    kind: Annotated[Image | None, typer.Option("--format", help="By default that of FILE, else svg.")] = None,
    picture: Annotated[
        Literal["timeline", "path"] | None, typer.Option(help="The timeline, or the path through the lifecycle.")
    ] = None,
    position: Annotated[
        str | None, typer.Option(metavar="ACCOUNT/MARKET/MODE", help="Whose path; by default the longest one.")
    ] = None,
    theme: Annotated[ThemeName | None, typer.Option(help="For a light or a dark ground.")] = None,
    venue: Venue = None,
    settings: Settings = None,
    against: Against = None,
    html: Annotated[
        bool,
        typer.Option(
            "--html", help="One page to step through the run, as a separate file; so is a FILE that ends in .html."
        ),
    ] = False,
    first: Annotated[
        int | None,
        typer.Option(
            "--from", metavar="N", help="The first event of the timeline, by its number in `liqspec simulate`."
        ),
    ] = None,
    last: Annotated[int | None, typer.Option("--to", metavar="N", help="Its last event.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="By default the standard output.")
    ] = None,
) -> None:
    """Draw a run: marks, margin ratios, equity, positions, the vault; or the path through the lifecycle; or a page.

    The page (`--html`) needs no network: step through it with the arrow keys, a slider or buttons. It opens
    counterexamples, too, at the first finding, else at the first takeover by the vault, else the first liquidation,
    else the first refusal.

    What if? --venue and --set draw the same events under other rules. --against draws two such runs next to each other,
    what is of A next to what is of B, with a line where they begin to differ; the page opens there.

    **Examples**

    - `liqspec draw run deficit -o deficit.svg`
    - `liqspec draw run price-gap --picture path -o path.png`
    - `liqspec draw run counterexample.toml --html -o page.html`
    - `liqspec draw run short-squeeze --against coarse --html -o differ.html`
    - `liqspec simulate deficit --json | liqspec draw run -`
    """
    html = html or (kind is None and output is not None and output.suffix.lower() in PAGE_ENDINGS)
    if html and (kind or picture or theme):
        fail("--html makes a separate page: leave out --format, --picture and --theme")
    if (html or picture == "path") and (first, last) != (None, None):
        fail("--from and --to are for the timeline: leave them out")
    if html:
        _format("html", output, PAGE_ENDINGS, "html", option="--html")
    chosen: Image = "svg" if html else _format(kind, output, IMAGE_ENDINGS, "svg")
    record = _record(story, venue, settings or [], against)
    key = _position(record, position)
    if html:
        content = page.render(record, key).encode()
    else:
        with plotting("liqspec draw run"):
            from liqspec.draw import path, timeline  # noqa: PLC0415 (their library takes longer than all the rest)

        if picture != "path":
            content = timeline.render(_part(record, first, last), chosen, theme or "light")
        elif key is None:
            fail(f"{story}: no position was ever opened in this run, so there is no path")
        else:
            content = path.render(record, key, chosen, theme or "light")
    _deliver(content, output)


@draw.command(name="mark")
def draw_mark(
    story: Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped scenario's name, or a .toml file.")],
    market: Annotated[str | None, typer.Option(help="By default the first whose mark is formed.")] = None,
    kind: Annotated[Image | None, typer.Option("--format", help="By default that of FILE, else svg.")] = None,
    theme: Theme = "light",
    output: Output = None,
) -> None:
    """Draw how a mark is formed, and who is liquidated under it and under each other choice of the mark.

    Inputs, candidates, the mark (MRK-3, MRK-6), and the liquidation prices of the open positions; below them the same
    run with the last trade, the index, the book or the other venues as the mark alone.

    Example: `liqspec draw mark each-source-fails-once -o mark.svg`
    """
    chosen: Image = _format(kind, output, IMAGE_ENDINGS, "svg")
    _deliver(views.of_mark(mark_choices.compare(scenarios.load(story), market), chosen, theme), output)


def _format(
    asked: Kind | None, output: Path | None, endings: Mapping[str, Kind], default: Kind, option: str = "--format"
) -> Kind:
    """The format that was asked for, else that of the file's name; a contradiction is refused before it is drawn."""
    if output is None:
        chosen = asked or default
        if chosen not in TEXTS and sys.stdout.isatty():
            fail(f"{chosen} is not for a terminal: give a file with -o, or redirect the output")
        return chosen
    ending = output.suffix.lower()
    named = {**ENDINGS, **PAGE_ENDINGS}.get(ending)
    if asked is None:
        if ending not in endings:
            fail(f"-o {output}: give a name that ends in {', '.join(endings)}, or say --format")
        return endings[ending]
    if named is not None and named != asked:
        fail(f"-o {output}: the name says {named}, but {option} says {asked}")
    return asked


def _record(story: str, venue: str | None, settings: list[str], against: str | None) -> Record:
    """The recording of a scenario or in a trace; of a scenario also under other rules, or under two rule sets."""
    if venue is None and not settings and against is None:
        given = story == STANDARD_INPUT
        return recordings.read(sys.stdin.buffer, Path("standard input")) if given else recordings.load(story)
    if story == STANDARD_INPUT or Path(story).suffix in recordings.SUFFIXES:
        fail(f"{story}: --venue, --set and --against need a scenario: what is recorded is not run again")
    written = scenarios.load(story)
    altered = what_if.altered(written, venue, settings)
    if against is None:
        return recordings.record(altered)
    return paired.record(Contrast(altered, what_if.other(written, against)))


def _part(record: Record, first: int | None, last: int | None) -> Record:
    """The events of the steps from `first` to `last`, both included; by default all."""
    steps = [step.step for step in record.steps]
    begin, end = steps[0] if first is None else first, steps[-1] if last is None else last
    places = [place for place, step in enumerate(steps, start=1) if begin <= step <= end]
    if not places or begin not in steps or end not in steps:
        fail(f"--from {begin} --to {end}: the events of this run are {steps[0]} to {steps[-1]}")
    return record if len(places) == len(steps) else record.part(places[0], places[-1])


def _position(record: Record, wanted: str | None) -> str | None:
    """The position that is shown: the wanted one, else that with the longest path; None if there is none.

    Of two runs one whose pool or itself begins to differ, if there is such a one.
    """
    known = record.positions()
    if wanted is None:
        first = () if record.differs_from is None else record.steps[record.differs_from - 1].theirs
        subjects = {one.subject for one in first}

        def rank(key: str) -> tuple[bool, int]:
            plain = paired.plain(key)
            return bool({plain, keys.pool_of(plain)} & subjects), len(record.path(key))

        return max(known, key=rank, default=None)
    if wanted not in known:
        fail(f"--position {wanted}: no such position in this run; it has {', '.join(known) or 'none'}")
    return wanted


def _deliver(content: bytes, output: Path | None) -> None:
    """Write a picture; a text is made visible, because the names in it may be anything."""
    if not content.startswith(_NO_TEXTS):
        content = visible(content.decode(), kept="\n\t\xa0").encode()
    if output is not None:
        writing.write(output, content)
    else:
        sys.stdout.buffer.write(content)
