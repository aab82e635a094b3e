"""The two tables of `spec.charts` as flow charts, by Graphviz and as Mermaid.

They are the assessment of a pool (LIQ-8 to LIQ-13), and what the liquidation of a pool may touch.
"""

from collections.abc import Iterable

from graphviz import Digraph

from liqspec.draw import dot
from liqspec.draw.theme import Box, Line, Theme
from liqspec.spec.charts import Access, Assessment, Isolation, Node, Reach

_ASSESSMENT = "The assessment of a pool"
_NOTES = (
    "Several pools that one event touched: steps 1 to 4 for all of them, then step 5 for all (LIQ-7).",
    "A box without a way out ends the assessment.",
)
_SHAPES = {"start": ("([", "])"), "question": ("{{", "}}"), "action": ("[", "]"), "end": ("([", "])")}

_ISOLATION = "What a liquidation may touch"
# What each kind of access says in a picture, and its arrow in Mermaid.
_ACCESS: dict[Access, tuple[str, str]] = {
    "changes": ("changes", "==>"),
    "orders": ("only the size of orders", "-.->"),
    "never": ("untouched", "--x"),
}


def assessment_dot(chart: Assessment, theme: Theme) -> Digraph:
    """The assessment as a Graphviz graph: the questions down the page, what ends the assessment next to them."""
    spaces = {"rankdir": "TB", "newrank": "true", "nodesep": "0.45", "ranksep": "0.3"}
    graph = dot.captioned("assessment", _ASSESSMENT, [], _NOTES, theme, **spaces)
    for name, node in chart.nodes.items():
        if node.step is None:
            _node(graph, name, node, theme)
    looks = {"labeljust": "r", "fontcolor": theme.quiet, "fontsize": "13", "margin": "14"}
    for step, nodes in chart.steps().items():
        with dot.frame(graph, str(step), theme, label=f"Step {step}", **looks) as frame:
            for name, node in nodes.items():
                # The questions that lead to the next step are in one line down the page.
                leads_on = any(chart.nodes[target].step != node.step for target in node.exits.values())
                _node(frame, name, node, theme, **({"group": "spine"} if _asks(node) and leads_on else {}))
            for name, node in nodes.items():
                # What ends the assessment is on the level of its question, unless both answers end it.
                ends = [target for target in node.exits.values() if chart.nodes[target].kind == "end"]
                if len(ends) == 1:
                    with frame.subgraph() as level:
                        level.attr(rank="same")
                        level.node(name)
                        level.node(ends[0])
    for name, node in chart.nodes.items():
        for answer, target in node.exits.items():
            said = dot.text(f"\N{NO-BREAK SPACE}{answer}\N{NO-BREAK SPACE}", color=theme.text, bold=True)
            graph.edge(name, target, label=dot.html(said) if answer else "", penwidth="1.4", color=theme.text)
    return graph


def _asks(node: Node) -> bool:
    return node.kind == "question"


def _node(graph: Digraph, name: str, node: Node, theme: Theme, **attributes: str) -> None:
    box, asks = _box_of_node(node, theme), _asks(node)
    rows = dot.lines(node.text, 28, color=box.text, size=12, bold=asks)
    rows.append(dot.text(_cited(node), color=theme.quiet if asks else box.text, size=10))
    shape = "octagon" if asks else "box"
    dot.node(graph, name, rows, box, shape=shape, margin="0.12,0.06", tooltip=node.text, **attributes)


def _box_of_node(node: Node, theme: Theme) -> Box:
    """How a node is drawn: by what it means for the pool."""
    if node.kind == "start":
        return theme.boxes["start"]
    if _asks(node):
        return Box(theme.background, theme.text, "solid", 1.4, False, False, "", theme.text)
    if "T5" in node.transitions:
        return theme.boxes["vault"]
    if node.step in (4, 5):
        return theme.boxes["liquidation"]
    return theme.boxes["covered" if node.kind == "end" else "waiting"]


def _cited(node: Node) -> str:
    return " ".join((*node.transitions, *node.rules))


def isolation_dot(table: Isolation, theme: Theme) -> Digraph:
    """What a liquidation may touch as a Graphviz graph: a cross pool next to an isolated one."""
    legend = [(dot.line_sample(_line(access, theme), theme), meaning) for access, (meaning, _) in _ACCESS.items()]
    spaces = {"rankdir": "TB", "nodesep": "0.25", "ranksep": "0.8"}
    graph = dot.captioned("touch", _ISOLATION, [legend], [], theme, **spaces)
    for liquidation in table.liquidations:
        title = dot.html(dot.text(liquidation.title, color=theme.text, size=14, bold=True))
        with dot.frame(graph, liquidation.of, theme, label=title, margin="16") as panel:
            for reach in liquidation.reaches:
                name = f"{liquidation.of}_{reach.kind}"
                _reach(panel, name, reach, theme)
                if reach.kind != "pool":
                    line = _line(reach.access, theme)
                    dot.edge(panel, f"{liquidation.of}_pool", name, line, arrowhead=line.arrow)
    return graph


def _line(access: Access, theme: Theme) -> Line:
    """How a reach is drawn; the end of the line says it without colour: an arrow, or a bar."""
    return {
        "changes": Line(theme.lines["trouble"].color, "solid", 2.6, "normal"),
        "orders": Line(theme.lines["relief"].color, "dashed", 1.6, "vee"),
        "never": Line(theme.quiet, "dotted", 1.6, "tee"),
    }[access]


def _reach(panel: Digraph, name: str, reach: Reach, theme: Theme) -> None:
    own = {"pool": theme.boxes["liquidation"], "vault": theme.boxes["vault"]}
    box = own.get(reach.kind, theme.boxes["covered" if reach.access == "never" else "waiting"])
    rows = [
        *dot.lines(reach.target, 25, color=box.text, size=13, bold=True),
        dot.text(_ACCESS[reach.access][0], color=box.text, size=12),
        *dot.lines(reach.text, 25, color=box.text, size=11),
        dot.text(" ".join(reach.rules), color=box.text, size=10),
    ]
    dot.node(panel, name, rows, box, shape="box", margin="0.14,0.08", tooltip=f"{reach.target}: {reach.text}")


def assessment_mermaid(chart: Assessment) -> str:
    """The assessment as the text of a Mermaid diagram."""

    def node_text(name: str, node: Node) -> str:
        left, right = _SHAPES[node.kind]
        return f'{name}{left}"{node.text}<br>{_cited(node)}"{right}'

    lines = [node_text(name, node) for name, node in chart.nodes.items() if node.step is None]
    for step, nodes in chart.steps().items():
        lines += _subgraph(f"step_{step}", f"Step {step}", (node_text(name, node) for name, node in nodes.items()))
    for name, node in chart.nodes.items():
        for answer, target in node.exits.items():
            lines.append(f"{name} -->{f'|{answer}| ' if answer else ' '}{target}")
    return _mermaid(lines)


def isolation_mermaid(table: Isolation) -> str:
    """What a liquidation may touch as the text of a Mermaid diagram."""
    lines = []
    for liquidation in table.liquidations:
        of, nodes, arrows = liquidation.of, [], []
        for reach in liquidation.reaches:
            nodes.append(f'{of}_{reach.kind}["{reach.target}: {reach.text}<br>{" ".join(reach.rules)}"]')
            if reach.kind != "pool":
                words, arrow = _ACCESS[reach.access]
                arrows.append(f'{of}_pool {arrow}|"{words}"| {of}_{reach.kind}')
        lines += _subgraph(of, liquidation.title, nodes + arrows)
    return _mermaid(lines)


def _subgraph(name: str, title: str, lines: Iterable[str]) -> list[str]:
    return [f'subgraph {name} ["{title}"]', *(f"    {line}" for line in lines), "end"]


def _mermaid(lines: list[str]) -> str:
    return "\n".join(["flowchart TB", *(f"    {line}" for line in lines)]) + "\n"
