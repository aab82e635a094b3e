"""Every picture of the specification: the view and format that are asked for, and those kept in `diagrams/`."""

from functools import cache
from pathlib import Path
from typing import Literal

from attrs import frozen
from graphviz import Digraph

from liqspec.core import machine
from liqspec.draw import diagram, dot, flowcharts, lifecycle_dot, lifecycle_mermaid, statecharts
from liqspec.draw.diagram import CannotDraw, Diagram, at_venue
from liqspec.draw.plotting import plotting
from liqspec.draw.theme import THEMES, ThemeName
from liqspec.edge import writing
from liqspec.edge.texts import show
from liqspec.replay import mark_choices, recordings
from liqspec.replay import study as running
from liqspec.replay.mark_choices import Comparison
from liqspec.replay.study import Findings
from liqspec.spec import charts, scenarios, studies, venues

Format = Literal["svg", "png", "pdf", "dot", "mermaid", "scxml", "xstate"]
TEXTS: tuple[Format, ...] = ("dot", "mermaid", "scxml", "xstate")  # formats that are short texts, to be read

_SUFFIXES: dict[Format, str] = {"mermaid": "mmd", "xstate": "xstate.json"}

STUDY, MARK, RUN = "study", "mark", "run"
MARK_DRAWN = "each-source-fails-once"  # the scenario whose mark is drawn
RUN_DRAWN = "market-liquidation"  # the scenario whose run the README shows
VIEWS = "whole, trigger:NAME, state:NAME, assessment, scopes"


def draw(view: str, kind: Format, theme: ThemeName, venue: str | None = None) -> bytes:
    """The picture of a view, in a format; texts are UTF-8.

    Raises:
        CannotDraw: there is no such view, it does not exist in this format or for a venue, or `dot` is missing.
        files.UnreadableFile, venues.InvalidVenueFile: the venue cannot be read.
    """
    if view not in ("assessment", "scopes"):
        return lifecycle(_part(view, venue), kind, theme)
    if venue is not None:
        raise CannotDraw(f"--view {view} is the same at every venue: leave --venue out")
    if kind in ("scxml", "xstate"):
        raise statecharts.always_whole(kind)
    chart, table = charts.assessment(), charts.isolation()
    if kind == "mermaid":
        mermaid = flowcharts.isolation_mermaid(table) if view == "scopes" else flowcharts.assessment_mermaid(chart)
        return mermaid.encode()
    colours = THEMES[theme]
    drawn = flowcharts.isolation_dot(table, colours) if view == "scopes" else flowcharts.assessment_dot(chart, colours)
    return _laid_out(drawn, kind)


def lifecycle(picture: Diagram, kind: Format, theme: ThemeName) -> bytes:
    """A picture of the lifecycle, in a format.

    Raises:
        CannotDraw: it does not exist in this format, or `dot` is missing.
    """
    texts = {"mermaid": lifecycle_mermaid.draw, "scxml": statecharts.scxml, "xstate": statecharts.xstate}
    if kind in texts:
        return texts[kind](picture).encode()
    return _laid_out(lifecycle_dot.draw(picture, THEMES[theme]), kind)


def of_study(name: str, kind: Literal["svg", "png"], theme: ThemeName) -> bytes:
    """The picture of a study, which is run for it.

    Raises:
        UnreadableFile, InvalidStudy: the study cannot be read, or is not valid.
        CannotDraw: its axes make no picture.
        MissingExtra: the library that draws it is missing.
    """
    with plotting("liqspec draw study"):
        from liqspec.draw import study  # noqa: PLC0415 (its library takes longer to load than all the rest)

    return study.render(_found(name), kind, theme)


def of_mark(comparison: Comparison, kind: Literal["svg", "png"], theme: ThemeName) -> bytes:
    """The picture of how a mark is formed.

    Raises:
        MissingExtra: the library that draws it is missing.
    """
    with plotting("the picture of a mark"):
        from liqspec.draw import mark  # noqa: PLC0415 (its library takes longer to load than all the rest)

    return mark.render(comparison, kind, theme)


def of_run(name: str, kind: Literal["svg", "png"], theme: ThemeName) -> bytes:
    """The picture of a shipped scenario's run.

    Raises:
        MissingExtra: the library that draws it is missing.
    """
    with plotting("liqspec draw run"):
        from liqspec.draw import timeline  # noqa: PLC0415 (its library takes longer to load than all the rest)

    return timeline.render(recordings.load(name), kind, theme)


@cache
def _found(name: str) -> Findings:
    return running.run(studies.load(name))


def _part(view: str, venue: str | None) -> Diagram:
    picture = diagram.whole(machine.lifecycle())
    if venue is not None:
        picture = at_venue(picture, venues.load(venue))
    what, _, name = view.partition(":")
    if what == "trigger":
        return diagram.of_trigger(picture, name)
    if what == "state":
        return diagram.of_state(picture, name)
    if view != "whole":
        raise CannotDraw(f"no view {show(view)}; the views are: {VIEWS}")
    return picture


def _laid_out(graph: Digraph, kind: Format) -> bytes:
    if kind == "dot":
        source: str = graph.source
        return source.encode()
    return dot.image(graph, kind)


@frozen(kw_only=True)
class Committed:
    """One file of `diagrams/`."""

    stem: str
    view: str
    kind: Format
    theme: ThemeName = "light"
    venue: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.stem}.{_SUFFIXES.get(self.kind, self.kind)}"

    def content(self) -> bytes:
        """What the file must hold.

        Raises:
            CannotDraw: the program `dot` is missing, for an SVG.
            MissingExtra: the library that draws studies and marks is missing.
        """
        what, _, name = self.view.partition(":")
        if what == STUDY:
            return of_study(name, "svg", self.theme)
        if what == MARK:
            return of_mark(mark_choices.compare(scenarios.load(name)), "svg", self.theme)
        if what == RUN:
            return of_run(name, "svg", self.theme)
        return draw(self.view, self.kind, self.theme, self.venue)


def files() -> list[Committed]:
    """All files; next to each SVG is the DOT source from which it was laid out.

    A study's source is its page in `spec/`, and that of a mark or a run its scenario.
    """
    pictures: list[tuple[str, str, str | None]] = [("machine", "whole", None)]
    pictures += [(f"venue-{venue}", "whole", venue) for venue in venues.names()]
    pictures += [("assessment", "assessment", None), ("scopes", "scopes", None)]
    themes: tuple[ThemeName, ...] = ("light", "dark")
    kinds: tuple[Format, ...] = ("dot", "svg")
    machines: tuple[Format, ...] = ("scxml", "xstate")
    found = []
    for stem, view, venue in pictures:
        found.append(Committed(stem=stem, view=view, kind="mermaid", venue=venue))
        found += [
            Committed(stem=f"{stem}-{theme}", view=view, kind=kind, theme=theme, venue=venue)
            for theme in themes
            for kind in kinds
        ]
    for name in studies.names():
        found += [
            Committed(stem=f"study-{name}-{theme}", view=f"{STUDY}:{name}", kind="svg", theme=theme) for theme in themes
        ]
    found += [Committed(stem=f"mark-{theme}", view=f"{MARK}:{MARK_DRAWN}", kind="svg", theme=theme) for theme in themes]
    found += [
        Committed(stem=f"run-{RUN_DRAWN}-{theme}", view=f"{RUN}:{RUN_DRAWN}", kind="svg", theme=theme)
        for theme in themes
    ]
    return found + [Committed(stem="machine", view="whole", kind=kind) for kind in machines]


def write(folder: Path) -> list[str]:
    """Draw all files into a folder, and say which were written.

    Raises:
        CannotDraw: the program `dot` is missing.
        MissingExtra: the library that draws studies is missing.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)  # one that cannot be made is refused before all is drawn
    drawn = {picture.name: picture.content() for picture in files()}
    for name, content in drawn.items():
        writing.write(folder / name, content)
    return list(drawn)
