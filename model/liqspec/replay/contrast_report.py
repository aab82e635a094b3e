"""Two rule sets compared over a scenario: for people, and as plain data for machines."""

from collections.abc import Iterator
from typing import Any

import attrs
from rich.console import Console

from liqspec.replay.contrast import SIDES, Contrast, Row
from liqspec.replay.run import Moment
from liqspec.report import decisions
from liqspec.report.amounts import Units, people, value_text
from liqspec.report.sentences import effect_text, event_text
from liqspec.report.tables import table
from liqspec.report.visible_console import foreign
from liqspec.step.compare import Difference


def print_contrast(contrast: Contrast, console: Console) -> bool:
    """Print in what the runs differ, from which step on, and how they end; whether they differ at all."""
    scenario = contrast.runs[0].scenario
    console.print(f"[bold]{foreign(scenario.file.title)}[/bold]")
    for side, rules in zip(SIDES, contrast.rules, strict=True):
        console.print(f"  {side}: {foreign(rules)}")
    differ, shown, same, last = False, frozenset[Difference](), list[int](), None
    for row in contrast:
        last = row
        new = [one for one in row.differences if one not in shown]
        shown = frozenset(row.differences)
        if row.same or not (new or _said(row, 0, contrast) != _said(row, 1, contrast)):
            same.append(row.number)
            continue
        differ = differ or not row.same
        _print_same(same, console)
        same = []
        for line in _lines(row, new, contrast):
            console.print(line, soft_wrap=True)
    _print_same(same, console)
    console.print()
    if not differ or last is None:
        console.print("both do the same at every step")
        return False
    _print_end(last, console)
    return True


def _print_same(steps: list[int], console: Console) -> None:
    if steps:
        where = f"step {steps[0]}" if len(steps) == 1 else f"steps {steps[0]} to {steps[-1]}"
        console.print(f"\n[dim]{where}: nothing new differs[/dim]")


def _lines(row: Row, new: list[Difference], contrast: Contrast) -> Iterator[str]:
    yield f"\n[bold]{row.number:>3} {foreign(event_text(row.first[0].event))}[/bold]"
    said = [_said(row, side, contrast) for side in (0, 1)]
    if said[0] != said[1]:
        for side, lines in zip(SIDES, said, strict=True):
            for line in lines or ("nothing happens",):
                yield f"    [cyan]{side}[/cyan] {foreign(line)}"
    for one in new:
        values = f"A {value_text(one.ours)}, B {value_text(one.theirs)}"
        yield f"    [green]{foreign(_subject(one)):<24}[/green] {foreign(_field(one))}: {foreign(values)}"


def _said(row: Row, side: int, contrast: Contrast) -> list[str]:
    """What one side makes of a step, line by line."""
    units = Units(contrast.runs[side].engine.venue)
    moments = (row.first, row.second)[side]
    return [line for moment in moments for line in _moment(moment, units)]


def _moment(moment: Moment, units: Units) -> Iterator[str]:
    if moment.by_market or moment.protection:
        yield f"the {'market' if moment.by_market else moment.protection}: {event_text(moment.event)}"
    if moment.refusal is not None:
        yield f"refused {people(str(moment.refusal))}"
    yield from (f"{effect.rule:<7}{effect_text(effect, units)}" for effect in moment.effects)
    yield from (f"not as expected: {people(line)}" for line in moment.unexpected)


def _subject(difference: Difference) -> str:
    return "" if difference.subject == "run" else difference.subject


def _field(difference: Difference) -> str:
    return difference.field.partition(".")[2] or difference.field


def _print_end(last: Row, console: Console) -> None:
    if not last.differences:
        console.print("at the end both show the same")
        return
    rows = table("at the end", "what", "A", "B", right=("A", "B"))
    for one in last.differences:
        values = (value_text(one.ours), value_text(one.theirs))
        rows.add_row(foreign(_subject(one)), foreign(_field(one).replace("_", " ")), *map(foreign, values))
    console.print(rows)


def to_json(contrast: Contrast) -> dict[str, Any]:
    """The same as plain data: of each step what each side does, and all in what they differ after it."""
    steps = []
    for row in contrast:
        moments = zip(contrast.runs, (row.first, row.second), strict=True)
        did = [[_moment_json(moment, Units(run.engine.venue)) for moment in listed] for run, listed in moments]
        differences = [attrs.asdict(one) for one in row.differences]
        steps.append({"step": row.number, "same": row.same, "did": did, "differences": differences})
    first = next((step["step"] for step in steps if not step["same"]), None)
    unexpected = [list(outcome.unexpected) for outcome in contrast.outcomes()]
    return {
        "venues": list(contrast.rules),
        "differ": first is not None,
        "from": first,
        "steps": steps,
        "unexpected": unexpected,
    }


def _moment_json(moment: Moment, units: Units) -> dict[str, Any]:
    around, refusal = moment.snapshots, moment.refusal
    return {
        "event": moment.event,
        "refusal": None if refusal is None else decisions.refusal_json(units, around, moment.event, refusal),
        "effects": decisions.effects_json(units, around, moment.event, moment.effects),
    }
