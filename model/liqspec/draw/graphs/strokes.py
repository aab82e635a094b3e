"""How one transition's line is drawn: by its purpose, by its possibility at a venue, or by how often it fired."""

from liqspec.draw.graphs import markup
from liqspec.draw.graphs.diagram import TransitionShown
from liqspec.draw.graphs.palette import Line, Theme


def stroke(entry: TransitionShown, theme: Theme) -> Line:
    """The line of a transition."""
    if not entry.possible:
        return Line(theme.faint, "dotted", 1.0, "vee")
    if entry.fired is None or entry.purpose == "reserved":
        return theme.lines[entry.purpose]
    if entry.fired == 0:
        return Line(theme.alarm, "dashed", 3.0, "normal")
    step = _step(entry.fired, theme)
    return Line(theme.scale[step], "solid", 1.0 + 1.1 * step, "normal")


def count_box(entry: TransitionShown, theme: Theme) -> str:
    """How often a transition fired, as a cell of its label."""
    assert entry.fired is not None, "only pictures of a verification have counts"
    if entry.fired == 0 and entry.purpose == "reserved":
        return markup.cell(markup.text("reserved", color=theme.quiet, size=11))
    if entry.fired == 0:
        return markup.cell(
            markup.text("NEVER FIRED", color=theme.alarm_text, size=12, bold=True),
            attributes=f'BGCOLOR="{theme.alarm}" CELLPADDING="4"',
        )
    return markup.cell(markup.text(f"{entry.fired:,} times", color=theme.text, size=12, bold=True))


def scale_steps(theme: Theme) -> list[tuple[str, Line]]:
    """The steps of the scale for counts, each with what it stands for."""
    steps = []
    for step, color in enumerate(theme.scale):
        low = 10**step
        told = f"{low:,} and more" if step == len(theme.scale) - 1 else f"{low:,} to {10 * low - 1:,}"
        steps.append((told, Line(color, "solid", 1.0 + 1.1 * step, "normal")))
    return steps


def _step(count: int, theme: Theme) -> int:
    """The step of the scale by the count's number of digits."""
    return min(len(str(count)), len(theme.scale)) - 1
