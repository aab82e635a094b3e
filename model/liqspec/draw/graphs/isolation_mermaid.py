"""Cross against isolated side by side as a Mermaid flow chart: what each liquidation may touch."""

from liqspec.draw.graphs.isolation_dot import WORDS
from liqspec.spec.charts import Isolation, Liquidation, Touch

_ARROWS: dict[Touch, str] = {"changes": "==>", "orders": "-.->", "never": "--x"}


def draw(table: Isolation) -> str:
    """The table as the text of a Mermaid diagram."""
    lines = ["flowchart TB"]
    for liquidation in table.liquidations:
        lines += [f'    subgraph {liquidation.of} ["{liquidation.title}"]']
        lines += [f"        {line}" for line in _panel(liquidation)]
        lines += ["    end"]
    return "\n".join(lines) + "\n"


def _panel(liquidation: Liquidation) -> list[str]:
    own, nodes, arrows = f"{liquidation.of}_pool", [], []
    for reach in liquidation.reaches:
        name = f"{liquidation.of}_{reach.kind}"
        nodes.append(f'{name}["{reach.target}: {reach.text}<br>{" ".join(reach.rules)}"]')
        if name != own:
            arrows.append(f'{own} {_ARROWS[reach.touch]}|"{WORDS[reach.touch]}"| {name}')
    return nodes + arrows
