"""How vectors went, for people and for machines."""

from collections import Counter
from typing import Any

from rich.console import Console

from liqspec.edge.texts import show
from liqspec.report.amounts import people
from liqspec.report.sentences import event_text
from liqspec.report.tables import table
from liqspec.report.visible_console import foreign
from liqspec.spec import rulebook
from liqspec.vectors import conversations
from liqspec.vectors.play import Played
from liqspec.vectors.suites import SUITES

SHOWN = 20  # failures that are printed


def print_played(engine: str, played: list[Played], console: Console) -> None:
    """Print each failure, then how many passed in each suite."""
    failed = [one for one in played if one.outcome == "failed"]
    for one in failed[:SHOWN]:
        _failure(one, console)
    if len(failed) > SHOWN:
        console.print(f"… and {len(failed) - SHOWN} more; --json has them all\n")
    rows = table("suite", "passed", "failed", "skipped", title=f"Vectors, {foreign(engine)}")
    counts = Counter((one.path.split("/")[1], one.outcome) for one in played)
    for suite in (*SUITES, conversations.SUITE):
        row = [counts[suite, outcome] for outcome in ("passed", "failed", "skipped")]
        if any(row):
            rows.add_row(suite, *map(str, row))
    console.print(rows)
    for why, times in Counter(one.why for one in played if one.outcome == "skipped").most_common(SHOWN):
        console.print(f"skipped {times:,}: {foreign(why)}")
    if not any(one.outcome != "skipped" for one in played):
        console.print("[bold red]nothing was played[/bold red]")


def _failure(one: Played, console: Console) -> None:
    event = one.event
    text = (
        "the reset"
        if one.step is None
        else event_text(event)
        if isinstance(event, dict) and "type" in event
        else show(event)
    )
    console.print(f"[bold red]failed[/bold red] [bold]{foreign(one.path)}[/bold]  {foreign(one.title)}", soft_wrap=True)
    console.print(f"    step {one.step or 0}  {foreign(text)}", soft_wrap=True)
    difference = str(one.difference).replace("ours ", "expected ", 1).replace("theirs ", "answered ", 1)
    console.print(f"    {foreign(people(difference))}", soft_wrap=True)
    titles = [f"{rule} {rulebook.rules()[rule].title}" for rule in one.rules if rule in rulebook.rules()]
    console.print(f"    {foreign('; '.join(titles))}\n", soft_wrap=True)


def to_json(engine: str, played: list[Played]) -> dict[str, Any]:
    """How vectors went, as plain data."""
    return {
        "engine": engine,
        "conforms": conforms(played),
        "passed": sum(one.outcome == "passed" for one in played),
        "failed": [_failed_json(one) for one in played if one.outcome == "failed"],
        "skipped": [{"case": one.path, "why": one.why} for one in played if one.outcome == "skipped"],
    }


def _failed_json(one: Played) -> dict[str, Any]:
    assert one.difference is not None, "a failure is a difference"
    difference = {
        "subject": one.difference.subject,
        "field": one.difference.field,
        "expected": one.difference.ours,
        "answered": one.difference.theirs,
    }
    about = {"case": one.path, "title": one.title, "step": one.step, "event": one.event}
    return {**about, **difference, "rules": list(one.rules)}


def conforms(played: list[Played]) -> bool:
    """Whether nothing failed, and something was played."""
    return all(one.outcome != "failed" for one in played) and any(one.outcome == "passed" for one in played)
