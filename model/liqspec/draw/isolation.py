"""What the liquidation of a cross and of an isolated pool may touch, side by side, by Graphviz and as Mermaid."""

from graphviz import Digraph

from liqspec.draw import dot
from liqspec.draw.theme import Box, Line, Theme
from liqspec.spec.charts import Access, Isolation, Liquidation, Reach

TITLE = "What a liquidation may touch"
_WIDTH = 25

# What each kind of touch says in a picture.
WORDS: dict[Access, str] = {"changes": "changes", "orders": "only the size of orders", "never": "untouched"}
_ARROWS: dict[Access, str] = {"changes": "==>", "orders": "-.->", "never": "--x"}


def to_dot(table: Isolation, theme: Theme) -> Digraph:
    """The table as a Graphviz graph."""
    samples = [(dot.line_sample(line_of(access, theme), theme), meaning) for access, meaning in WORDS.items()]
    caption = dot.caption(TITLE, [dot.samples(samples, theme)], theme)
    graph = dot.empty("touch", TITLE, theme, rankdir="TB", nodesep="0.25", ranksep="0.8", labelloc="b", label=caption)
    for liquidation in table.liquidations:
        with graph.subgraph(name=f"cluster_{liquidation.of}") as panel:
            panel.attr(
                label=dot.html(dot.text(liquidation.title, color=theme.text, size=14, bold=True)),
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
            line = line_of(reach.access, theme)
            panel.edge(own, name, color=line.color, style=line.pattern, penwidth=str(line.width), arrowhead=line.arrow)


def line_of(access: Access, theme: Theme) -> Line:
    """How a reach is drawn; the end of the line says it without colour: an arrow, or a bar."""
    return {
        "changes": Line(theme.lines["trouble"].color, "solid", 2.6, "normal"),
        "orders": Line(theme.lines["relief"].color, "dashed", 1.6, "vee"),
        "never": Line(theme.quiet, "dotted", 1.6, "tee"),
    }[access]


def _box(reach: Reach, theme: Theme) -> Box:
    if reach.kind == "pool":
        return theme.boxes["liquidation"]
    if reach.kind == "vault":
        return theme.boxes["vault"]
    return theme.boxes["covered" if reach.access == "never" else "waiting"]


def _node(panel: Digraph, name: str, reach: Reach, theme: Theme) -> None:
    box = _box(reach, theme)
    rows = [dot.text(line, color=box.text, size=13, bold=True) for line in dot.wrapped(reach.target, _WIDTH)]
    rows.append(dot.text(WORDS[reach.access], color=box.text, size=12))
    rows += [dot.text(line, color=box.text, size=11) for line in dot.wrapped(reach.text, _WIDTH)]
    rows.append(dot.text(" ".join(reach.rules), color=box.text, size=10))
    dot.node(panel, name, rows, box, shape="box", margin="0.14,0.08", tooltip=f"{reach.target}: {reach.text}")


# -------------------------------------------------------------------------------------------------------------- Mermaid


def to_mermaid(table: Isolation) -> str:
    """The table as the text of a Mermaid diagram."""
    lines = ["flowchart TB"]
    for liquidation in table.liquidations:
        lines += [f'    subgraph {liquidation.of} ["{liquidation.title}"]']
        lines += [f"        {line}" for line in _mermaid_panel(liquidation)]
        lines += ["    end"]
    return "\n".join(lines) + "\n"


def _mermaid_panel(liquidation: Liquidation) -> list[str]:
    own, nodes, arrows = f"{liquidation.of}_pool", [], []
    for reach in liquidation.reaches:
        name = f"{liquidation.of}_{reach.kind}"
        nodes.append(f'{name}["{reach.target}: {reach.text}<br>{" ".join(reach.rules)}"]')
        if name != own:
            arrows.append(f'{own} {_ARROWS[reach.access]}|"{WORDS[reach.access]}"| {name}')
    return nodes + arrows
