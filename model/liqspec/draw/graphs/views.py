"""From a view and a format, by name, to the picture: the one place that knows which view exists in which format."""

from typing import Literal, get_args

from graphviz import Digraph

from liqspec.core import machine
from liqspec.draw.graphs import (
    diagram,
    dot,
    flow_dot,
    flow_mermaid,
    isolation_dot,
    isolation_mermaid,
    mermaid,
    render,
    scxml,
    xstate,
)
from liqspec.draw.graphs.at_venue import at_venue
from liqspec.draw.graphs.diagram import CannotDraw, Diagram
from liqspec.draw.graphs.palette import THEMES, ThemeName
from liqspec.edge.texts import show
from liqspec.spec import charts, venues

TextFormat = Literal["dot", "mermaid", "scxml", "xstate"]
Format = Literal["svg", "png", "pdf", "dot", "mermaid", "scxml", "xstate"]

VIEWS = "whole, trigger:NAME, state:NAME, assessment, scopes"


def draw(view: str, kind: Format, theme: ThemeName, venue: str | None = None) -> bytes:
    """The picture of a view, in a format; texts are UTF-8.

    Raises:
        CannotDraw: there is no such view, it does not exist in this format or for a venue, or `dot` is missing.
        specification.UnreadableFile, venue_file.InvalidVenueFile: the venue cannot be read.
    """
    if view not in ("assessment", "scopes"):
        return lifecycle(_part(view, venue), kind, theme)
    if venue is not None:
        raise CannotDraw(f"--view {view} is the same at every venue: leave --venue out")
    if kind in ("scxml", "xstate"):
        raise CannotDraw(f"{kind} is a machine that runs: it always has the whole lifecycle, without --view or --venue")
    if view == "assessment":
        chart = charts.assessment()
        return (
            flow_mermaid.draw(chart).encode()
            if kind == "mermaid"
            else _laid_out(flow_dot.draw(chart, THEMES[theme]), kind)
        )
    table = charts.isolation()
    return (
        isolation_mermaid.draw(table).encode()
        if kind == "mermaid"
        else _laid_out(isolation_dot.draw(table, THEMES[theme]), kind)
    )


def lifecycle(picture: Diagram, kind: Format, theme: ThemeName) -> bytes:
    """A picture of the lifecycle, in a format.

    Raises:
        CannotDraw: it does not exist in this format, or `dot` is missing.
    """
    if kind == "mermaid":
        return mermaid.draw(picture).encode()
    if kind == "scxml":
        return scxml.draw(picture).encode()
    if kind == "xstate":
        return xstate.draw(picture).encode()
    return _laid_out(dot.draw(picture, THEMES[theme]), kind)


def is_text(kind: Format) -> bool:
    """Whether a format is a text to be read."""
    return kind in get_args(TextFormat)


def _part(view: str, venue: str | None) -> Diagram:
    picture = diagram.whole(machine.lifecycle())
    if venue is not None:
        picture = at_venue(picture, venues.load(venue))
    what, _, name = view.partition(":")
    if view == "whole":
        return picture
    if what == "trigger":
        return diagram.of_trigger(picture, name)
    if what == "state":
        return diagram.of_state(picture, name)
    raise CannotDraw(f"no view {show(view)}; the views are: {VIEWS}")


def _laid_out(graph: Digraph, kind: Format) -> bytes:
    if kind == "dot":
        source: str = graph.source
        return source.encode()
    return render.image(graph, kind)
