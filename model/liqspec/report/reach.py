"""How far runs went, for people: the largest of each dimension, related names, and what no rule came to."""

from rich.console import Console

from liqspec.edge.texts import counted
from liqspec.properties.reach import DIMENSIONS, RELATIONS, Reach, possible_outcomes
from liqspec.report.tables import table
from liqspec.report.visible_console import foreign

MAX_NEVER = 8  # outcomes that are listed; --json has all


def print_reach(reach: Reach, console: Console) -> None:
    """Print the largest of each dimension as a table, and in lines the relations of names and the outcomes of rules."""
    rows = table("how far runs went", "the largest", right=("the largest",))
    for name in DIMENSIONS:
        rows.add_row(name, f"{reach.largest.get(name, 0):,}")
    console.print(rows)
    names = "  ".join(f"{name} {reach.names[name]:,}" for name in RELATIONS if reach.names[name])
    console.print(f"[bold]runs with names related[/bold]  {names or 'none'}", soft_wrap=True)
    possible, never = len(possible_outcomes()), reach.never
    policies = sum(len(values) for values in reach.by_policy.values())
    console.print(
        f"[bold]outcomes of rules[/bold]  {possible - len(never):,} of {possible:,}, "
        f"with {policies:,} values of a parameter in all",
        soft_wrap=True,
    )
    if never:
        listed = ", ".join(f"{rule} {what}" for rule, what in never[:MAX_NEVER])
        more = f", and {counted(len(never) - MAX_NEVER, 'more outcome')}" if len(never) > MAX_NEVER else ""
        console.print(f"[bold yellow]never met[/bold yellow]  {foreign(listed)}{more}", soft_wrap=True)
