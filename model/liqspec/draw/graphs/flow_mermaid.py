"""The assessment of a pool as a Mermaid flow chart."""

from liqspec.spec.charts import Assessment, Node

_SHAPES = {"start": ("([", "])"), "question": ("{{", "}}"), "action": ("[", "]"), "end": ("([", "])")}


def draw(chart: Assessment) -> str:
    """The chart as the text of a Mermaid diagram."""
    lines = ["flowchart TB"]
    lines += [f"    {_node(name, node)}" for name, node in chart.nodes.items() if node.step is None]
    for step, nodes in chart.steps().items():
        lines += [f'    subgraph step_{step} ["Step {step}"]']
        lines += [f"        {_node(name, node)}" for name, node in nodes.items()]
        lines += ["    end"]
    for name, node in chart.nodes.items():
        for answer, target in node.exits.items():
            lines.append(f"    {name} -->{f'|{answer}| ' if answer else ' '}{target}")
    return "\n".join(lines) + "\n"


def _node(name: str, node: Node) -> str:
    left, right = _SHAPES[node.kind]
    cited = " ".join((*node.transitions, *node.rules))
    return f'{name}{left}"{node.text}<br>{cited}"{right}'
