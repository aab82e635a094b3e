"""The assessment of a pool laid out by Graphviz: the questions down the page, what ends the assessment beside them."""

from graphviz import Digraph

from liqspec.draw.graphs import markup
from liqspec.draw.graphs.dot import base
from liqspec.draw.graphs.palette import Box, Theme
from liqspec.spec.charts import Assessment, Node

TITLE = "The assessment of a pool"
_BETWEEN = "Several pools that one event touched: steps 1 to 4 for all of them, then step 5 for all (LIQ-7)."
_WIDTH = 28


def draw(chart: Assessment, theme: Theme) -> Digraph:
    """The chart as a Graphviz graph."""
    graph = base(
        "assessment",
        TITLE,
        theme,
        rankdir="TB",
        newrank="true",
        nodesep="0.45",
        ranksep="0.3",
        labelloc="b",
        label=_caption(theme),
    )
    for name, node in chart.nodes.items():
        if node.step is None:
            _node(graph, name, node, theme)
    for step, nodes in chart.steps().items():
        with graph.subgraph(name=f"cluster_{step}") as frame:
            frame.attr(
                label=f"Step {step}",
                labelloc="t",
                labeljust="r",
                style="rounded,filled",
                fillcolor=theme.panel,
                color=theme.faint,
                fontcolor=theme.quiet,
                fontsize="13",
                margin="14",
            )
            for name, node in nodes.items():
                _node(frame, name, node, theme, spine=_leads_on(node, chart))
            for name, node in nodes.items():
                _beside(frame, name, node, chart)
    for name, node in chart.nodes.items():
        for answer in node.exits:
            _edge(graph, chart, name, answer, theme)
    return graph


def _beside(frame: Digraph, name: str, node: Node, chart: Assessment) -> None:
    """Put what ends the assessment on the level of its question, unless both answers end it."""
    ends = [target for target in node.exits.values() if chart.nodes[target].kind == "end"]
    if len(ends) == 1:
        with frame.subgraph() as level:
            level.attr(rank="same")
            level.node(name)
            level.node(ends[0])


def box_of(node: Node, theme: Theme) -> Box:
    """How a node is drawn: by what it means for the pool."""
    if node.kind == "start":
        return theme.boxes["start"]
    if node.kind == "question":
        return Box(theme.background, theme.text, "solid", 1.4, False, False, theme.text)
    if "T5" in node.transitions:
        return theme.boxes["vault"]
    if node.step in (4, 5):
        return theme.boxes["liquidation"]
    return theme.boxes["covered"] if node.kind == "end" else theme.boxes["waiting"]


def _leads_on(node: Node, chart: Assessment) -> bool:
    """Whether a question leads to the next step: those stand in one line down the page."""
    return node.kind == "question" and any(chart.nodes[target].step != node.step for target in node.exits.values())


def _node(graph: Digraph, name: str, node: Node, theme: Theme, *, spine: bool = False) -> None:
    box = box_of(node, theme)
    rows = [
        markup.cell(markup.text(line, color=box.text, size=12, bold=node.kind == "question"))
        for line in markup.wrapped(node.text, _WIDTH)
    ]
    cited = " ".join((*node.transitions, *node.rules))
    rows.append(markup.cell(markup.text(cited, color=theme.quiet if node.kind == "question" else box.text, size=10)))
    style = ["filled", box.outline, *(["rounded"] if box.rounded else [])]
    graph.node(
        name,
        label=markup.html(markup.table(rows)),
        shape="octagon" if node.kind == "question" else "box",
        style=",".join(style),
        fillcolor=box.fill,
        color=box.border,
        penwidth=str(box.width),
        margin="0.12,0.06",
        tooltip=node.text,
        **({"group": "spine"} if spine else {}),
    )


def _edge(graph: Digraph, chart: Assessment, name: str, answer: str, theme: Theme) -> None:
    target = chart.nodes[name].exits[answer]
    label = (
        markup.html(markup.text(f"\N{NO-BREAK SPACE}{answer}\N{NO-BREAK SPACE}", color=theme.text, size=12, bold=True))
        if answer
        else ""
    )
    graph.edge(name, target, label=label, penwidth="1.4", color=theme.text)


def _caption(theme: Theme) -> str:
    return markup.html(
        markup.table(
            [
                markup.cell("", attributes='HEIGHT="6"'),
                markup.cell(markup.text(TITLE, color=theme.text, size=15, bold=True)),
                markup.cell(markup.text(_BETWEEN, color=theme.quiet, size=11)),
                markup.cell(markup.text("A box without a way out ends the assessment.", color=theme.quiet, size=11)),
            ],
            attributes='CELLPADDING="3"',
        )
    )
