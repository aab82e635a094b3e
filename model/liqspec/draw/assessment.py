"""The assessment of a pool as a flow chart, by Graphviz and as Mermaid (LIQ-8 to LIQ-13)."""

from graphviz import Digraph

from liqspec.draw import dot
from liqspec.draw.theme import Box, Theme
from liqspec.spec.charts import Assessment, Node

TITLE = "The assessment of a pool"
_NOTES = (
    "Several pools that one event touched: steps 1 to 4 for all of them, then step 5 for all (LIQ-7).",
    "A box without a way out ends the assessment.",
)
_WIDTH = 28
_SHAPES = {"start": ("([", "])"), "question": ("{{", "}}"), "action": ("[", "]"), "end": ("([", "])")}


def to_dot(chart: Assessment, theme: Theme) -> Digraph:
    """The chart as a Graphviz graph: the questions down the page, what ends the assessment next to them."""
    graph = dot.empty(
        "assessment",
        TITLE,
        theme,
        rankdir="TB",
        newrank="true",
        nodesep="0.45",
        ranksep="0.3",
        labelloc="b",
        label=dot.caption(TITLE, [dot.text(note, color=theme.quiet, size=11) for note in _NOTES], theme),
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
                _align_end(frame, name, node, chart)
    for name, node in chart.nodes.items():
        for answer in node.exits:
            _edge(graph, chart, name, answer, theme)
    return graph


def _align_end(frame: Digraph, name: str, node: Node, chart: Assessment) -> None:
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
    """Whether a question leads to the next step: those are in one line down the page."""
    return node.kind == "question" and any(chart.nodes[target].step != node.step for target in node.exits.values())


def _node(graph: Digraph, name: str, node: Node, theme: Theme, *, spine: bool = False) -> None:
    box = box_of(node, theme)
    asks = node.kind == "question"
    rows = [dot.text(line, color=box.text, size=12, bold=asks) for line in dot.wrapped(node.text, _WIDTH)]
    cited = " ".join((*node.transitions, *node.rules))
    rows.append(dot.text(cited, color=theme.quiet if asks else box.text, size=10))
    group = {"group": "spine"} if spine else {}
    shape = "octagon" if asks else "box"
    dot.node(graph, name, rows, box, shape=shape, margin="0.12,0.06", tooltip=node.text, **group)


def _edge(graph: Digraph, chart: Assessment, name: str, answer: str, theme: Theme) -> None:
    target = chart.nodes[name].exits[answer]
    label = (
        dot.html(dot.text(f"\N{NO-BREAK SPACE}{answer}\N{NO-BREAK SPACE}", color=theme.text, size=12, bold=True))
        if answer
        else ""
    )
    graph.edge(name, target, label=label, penwidth="1.4", color=theme.text)


# -------------------------------------------------------------------------------------------------------------- Mermaid


def to_mermaid(chart: Assessment) -> str:
    """The chart as the text of a Mermaid diagram."""
    lines = ["flowchart TB"]
    lines += [f"    {_mermaid_node(name, node)}" for name, node in chart.nodes.items() if node.step is None]
    for step, nodes in chart.steps().items():
        lines += [f'    subgraph step_{step} ["Step {step}"]']
        lines += [f"        {_mermaid_node(name, node)}" for name, node in nodes.items()]
        lines += ["    end"]
    for name, node in chart.nodes.items():
        for answer, target in node.exits.items():
            lines.append(f"    {name} -->{f'|{answer}| ' if answer else ' '}{target}")
    return "\n".join(lines) + "\n"


def _mermaid_node(name: str, node: Node) -> str:
    left, right = _SHAPES[node.kind]
    cited = " ".join((*node.transitions, *node.rules))
    return f'{name}{left}"{node.text}<br>{cited}"{right}'
