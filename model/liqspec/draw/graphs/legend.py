"""The caption below a picture of the lifecycle: its title, what lines and boxes mean, and its notes."""

from liqspec.draw.graphs import markup
from liqspec.draw.graphs.diagram import Diagram
from liqspec.draw.graphs.palette import PURPOSES, ROLES, Line, Theme
from liqspec.draw.graphs.strokes import scale_steps

_READING = "A label is: transition, trigger, [guards], and the rule that acts."
_FRAMES = "A line from the edge of a frame holds for every state in it."


def legend(diagram: Diagram, theme: Theme) -> str:
    """The caption as an HTML-like label."""
    rows = [markup.cell("", attributes='HEIGHT="6"')]
    rows.append(markup.cell(markup.text(diagram.title, color=theme.text, size=15, bold=True)))
    rows.append(markup.cell(_row(_boxes(diagram, theme), theme)))
    rows.append(markup.cell(_row(_lines(diagram, theme), theme)))
    reading = f"{_READING} {_FRAMES}" if diagram.frames else _READING
    rows.extend(markup.cell(markup.text(note, color=theme.quiet, size=11)) for note in (reading, *diagram.notes))
    return markup.html(markup.table(rows, attributes='CELLPADDING="4"'))


def _row(samples: list[tuple[str, str]], theme: Theme) -> str:
    cells = []
    for sample, told in samples:
        cells.append(markup.cell(sample, align="RIGHT"))
        cells.append(markup.cell(markup.text(f"{told}   ", color=theme.text, size=11), align="LEFT"))
    return markup.table(["".join(cells)], attributes='CELLPADDING="3"')


def _boxes(diagram: Diagram, theme: Theme) -> list[tuple[str, str]]:
    shown = {state.role for state in diagram.states if state.possible}
    return [(markup.box_sample(theme.boxes[role]), told) for role, told in ROLES.items() if role in shown]


def _lines(diagram: Diagram, theme: Theme) -> list[tuple[str, str]]:
    if any(entry.fired is not None for entry in diagram.transitions):
        samples = [(told, line) for told, line in scale_steps(theme)]
        samples.append(("never", Line(theme.alarm, "dashed", 3.0, "normal")))
        samples.append((PURPOSES["reserved"], theme.lines["reserved"]))
    else:
        shown = {entry.purpose for entry in diagram.transitions if entry.possible}
        samples = [(told, theme.lines[purpose]) for purpose, told in PURPOSES.items() if purpose in shown]
    if not all(entry.possible for entry in diagram.transitions):
        samples.append(("impossible at this venue", Line(theme.faint, "dotted", 1.0, "vee")))
    return [(markup.line_sample(line, theme), told) for told, line in samples]
