"""What a verification found: as a table for people, as plain data for machines."""

import json
from typing import Any

from attrs import asdict, frozen
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liqspec import machine, refusals
from liqspec.guided import EventData
from liqspec.properties import PROPERTIES

# T13 is reserved: no event of these rules causes it (LIF-5).
_RESERVED = ("T13",)


@frozen
class Violation:
    """A property that did not hold: what was wrong, in which run, and the events that led there."""

    property: str
    wrong: str
    where: str
    config: dict[str, Any]
    events: list[EventData]


@frozen(kw_only=True)
class Report:
    """The result of a verification."""

    venues: list[str]
    seed: int
    steps: int
    examples: int
    scenarios: int
    failures: list[str]
    checked: dict[str, int]
    transitions: dict[str, int]
    rules: dict[str, int]
    refusals: dict[str, int]
    violations: list[Violation]

    @property
    def never(self) -> list[str]:
        """What was never exercised; a check that checked nothing is a failure, not a success."""
        transitions = [name for name in machine.lifecycle().by_id if name not in _RESERVED]
        return [
            *(f"property {name}" for name in PROPERTIES if not self.checked.get(name)),
            *(f"transition {name}" for name in transitions if not self.transitions.get(name)),
            *(f"refusal {code}" for code in refusal_codes() if not self.refusals.get(code)),
        ]

    @property
    def holds(self) -> bool:
        """Whether nothing was violated and everything was exercised."""
        return not (self.failures or self.violations or self.never)

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return {"holds": self.holds, **asdict(self), "never": self.never}


def refusal_codes() -> list[str]:
    """Every refusal code, in the order in which the classes stand."""
    return [refusal.code for refusal in refusals.Refusal.__subclasses__()]


def tell(report: Report, console: Console) -> None:
    """Print the result as tables, the verdict last."""
    table = Table("property", "rules", "checked", "verdict")
    table.columns[2].justify = "right"
    violated = {violation.property for violation in report.violations}
    names = [*PROPERTIES, *(name for name in report.checked if name not in PROPERTIES)]
    for name in names:
        known = PROPERTIES.get(name)
        verdict = "[red]violated[/red]" if name in violated else "[green]holds[/green]"
        if not report.checked.get(name):
            verdict = "[yellow]never exercised[/yellow]"
        table.add_row(
            name.replace("_", " "),
            " ".join(known.rules) if known else "EVT-3" if "refused" in name else "EVT-1",
            f"{report.checked.get(name, 0):,}",
            verdict,
        )
    console.print(table)
    console.print(_counts("transitions", {name: report.transitions.get(name, 0) for name in machine.lifecycle().by_id}))
    console.print(_counts("refusals", {code: report.refusals.get(code, 0) for code in refusal_codes()}))
    console.print(
        f"{report.examples} worked examples, {report.scenarios} scenarios, {report.steps:,} random events "
        f"(seed {report.seed}, venues {', '.join(report.venues)})"
    )
    for line in report.failures:
        console.print(f"[red]not as expected:[/red] {escape(line)}", soft_wrap=True)
    for violation in report.violations:
        console.print(f"[red]violated:[/red] {violation.property} in {violation.where}: {escape(violation.wrong)}")
        for event in violation.events:
            console.print(f"  {escape(json.dumps(event))}", soft_wrap=True)
    for line in report.never:
        console.print(f"[yellow]never exercised:[/yellow] {escape(line)}")
    if report.holds:
        console.print("[bold green]all hold[/bold green]")
    elif report.failures or report.violations:
        console.print("[bold red]violated[/bold red]")
    else:
        console.print("[bold yellow]not enough was exercised[/bold yellow]: try more --steps")


def _counts(title: str, counts: dict[str, int]) -> str:
    told = (f"{name} {count:,}" if count else f"[yellow]{name} 0[/yellow]" for name, count in counts.items())
    return f"[bold]{title}[/bold]  " + "  ".join(told)
