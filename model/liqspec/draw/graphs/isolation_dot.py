"""Cross against isolated side by side, laid out by Graphviz: what each liquidation may touch."""

from graphviz import Digraph

from liqspec.draw.graphs import markup
from liqspec.draw.graphs.dot import base
from liqspec.draw.graphs.palette import Box, Line, Theme
from liqspec.spec.charts import Isolation, Liquidation, Reach, Touch

TITLE = "What a liquidation may touch"
_WIDTH = 25

# What each kind of touch says in a picture.
WORDS: dict[Touch, str] = {"changes": "changes", "orders": "only the size of orders", "never": "untouched"}


def draw(table: Isolation, theme: Theme) -> Digraph:
    """The table as a Graphviz graph."""
    graph = base(
        "touch", TITLE, theme, rankdir="TB", nodesep="0.25", ranksep="0.8", labelloc="b", label=_caption(theme)
    )
    for liquidation in table.liquidations:
        with graph.subgraph(name=f"cluster_{liquidation.of}") as panel:
            panel.attr(
                label=markup.html(markup.text(liquidation.title, color=theme.text, size=14, bold=True)),
                labelloc="t",
                style="rounded,filled",
                fillcolor=theme.panel,
                color=theme.faint,
                margin="16",
            )
            _panel(panel, liquidation, theme)
    return graph


def _panel(panel: Digraph, liquidation: Liquidation, theme: Theme) -> None:
    own = f"{liquidation.of}_pool"
    for reach in liquidation.reaches:
        name = f"{liquidation.of}_{reach.kind}"
        _node(panel, name, reach, theme)
        if name != own:
            line = line_of(reach.touch, theme)
            panel.edge(own, name, color=line.color, style=line.pattern, penwidth=str(line.width), arrowhead=line.arrow)


def line_of(touch: Touch, theme: Theme) -> Line:
    """How a reach is drawn; the end of the line says it without colour: an arrow, or a bar."""
    return {
        "changes": Line(theme.lines["trouble"].color, "solid", 2.6, "normal"),
        "orders": Line(theme.lines["relief"].color, "dashed", 1.6, "vee"),
        "never": Line(theme.quiet, "dotted", 1.6, "tee"),
    }[touch]


def _box(reach: Reach, theme: Theme) -> Box:
    if reach.kind == "pool":
        return theme.boxes["liquidation"]
    if reach.kind == "vault":
        return theme.boxes["vault"]
    return theme.boxes["covered" if reach.touch == "never" else "waiting"]


def _node(panel: Digraph, name: str, reach: Reach, theme: Theme) -> None:
    box = _box(reach, theme)
    rows = [markup.text(line, color=box.text, size=13, bold=True) for line in markup.wrapped(reach.target, _WIDTH)]
    rows.append(markup.text(WORDS[reach.touch], color=box.text, size=12))
    rows += [markup.text(line, color=box.text, size=11) for line in markup.wrapped(reach.text, _WIDTH)]
    rows.append(markup.text(" ".join(reach.rules), color=box.text, size=10))
    style = ["filled", box.outline, *(["rounded"] if box.rounded else [])]
    panel.node(
        name,
        label=markup.html(markup.table([markup.cell(row) for row in rows])),
        shape="box",
        style=",".join(style),
        fillcolor=box.fill,
        color=box.border,
        penwidth=str(box.width),
        margin="0.14,0.08",
        tooltip=f"{reach.target}: {reach.text}",
    )


def _caption(theme: Theme) -> str:
    samples = "".join(
        markup.cell(markup.line_sample(line_of(touch, theme), theme), align="RIGHT")
        + markup.cell(markup.text(f"{told}   ", color=theme.text, size=11), align="LEFT")
        for touch, told in WORDS.items()
    )
    return markup.html(
        markup.table(
            [
                markup.cell("", attributes='HEIGHT="6"'),
                markup.cell(markup.text(TITLE, color=theme.text, size=15, bold=True)),
                markup.cell(markup.table([samples], attributes='CELLPADDING="3"')),
            ],
            attributes='CELLPADDING="3"',
        )
    )
