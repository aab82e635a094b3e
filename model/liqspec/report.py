"""What a verification found: as tables for people, as plain data for machines."""

from typing import Any

from attrs import asdict, frozen
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liqspec import machine
from liqspec.explore import Exploration
from liqspec.judge import DETERMINISTIC, REFUSED_CHANGES_NO_BIT, REMEMBERS, Violation, reachable_transitions
from liqspec.properties import PROPERTIES
from liqspec.refusals import CODES

# The rules of the properties that are judged on the model's own snapshots.
_ON_THE_MODEL = {
    DETERMINISTIC: ("EVT-1", "OBS-4"),
    REFUSED_CHANGES_NO_BIT: ("EVT-3",),
    REMEMBERS: ("LIQ-12", "BKS-2", "ACC-8"),
}


@frozen(kw_only=True)
class ScopeResult:
    """The result of exploring one scope, without its timing, which is different each time."""

    scope: str
    title: str
    states: int
    steps: int
    refused: int
    depth: int
    exhausted: bool
    checked: dict[str, int]
    transitions: dict[str, int]
    never: list[str]
    excused: dict[str, str]

    @classmethod
    def of(cls, found: Exploration) -> "ScopeResult":
        """The result of an exploration."""
        return cls(
            scope=found.scope,
            title=found.title,
            states=found.states,
            steps=found.steps,
            refused=found.refused,
            depth=found.depth,
            exhausted=found.exhausted,
            checked=dict(sorted(found.tally.checked.items())),
            transitions=dict(sorted(found.tally.transitions.items())),
            never=found.never,
            excused=found.excused,
        )


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
    scopes: list[ScopeResult]
    violations: list[Violation]

    @property
    def never(self) -> list[str]:
        """What was never exercised; a check that checked nothing is a failure, not a success.

        A verification that stopped at a violation has no such list: it did not come to its end.
        """
        if self.violations:
            return []
        return [
            *(f"property {name}" for name in PROPERTIES if not self.checked.get(name)),
            *(f"transition {name}" for name in reachable_transitions() if not self.transitions.get(name)),
            *(f"refusal {code}" for code in CODES if not self.refusals.get(code)),
            *(f"scope {result.scope}: {name}" for result in self.scopes for name in result.never),
        ]

    @property
    def holds(self) -> bool:
        """Whether nothing was violated and everything was exercised."""
        return not (self.failures or self.violations or self.never)

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return {"holds": self.holds, **asdict(self), "never": self.never}


def tell(report: Report, console: Console) -> None:
    """Print the result as tables, the verdict last."""
    console.print(_properties(report))
    if report.scopes:
        console.print(_scopes(report))
    console.print(_counts("transitions", {name: report.transitions.get(name, 0) for name in machine.lifecycle().by_id}))
    console.print(_counts("refusals", {code: report.refusals.get(code, 0) for code in CODES}))
    console.print(
        f"{report.examples} worked examples, {report.scenarios} scenarios, {report.steps:,} random events "
        f"(seed {report.seed}, venues {', '.join(report.venues)})"
    )
    for line in report.failures:
        console.print(f"[red]not as expected:[/red] {escape(line)}", soft_wrap=True)
    for violation in report.violations:
        console.print(f"[red]violated:[/red] {violation.property} in {violation.where}: {escape(violation.wrong)}")
    for line in report.never:
        console.print(f"[yellow]never exercised:[/yellow] {escape(line)}")
    if report.holds:
        console.print("[bold green]all hold[/bold green]")
    elif report.failures or report.violations:
        console.print("[bold red]violated[/bold red]")
    else:
        console.print("[bold yellow]not enough was exercised[/bold yellow]: try more --steps")


def _properties(report: Report) -> Table:
    table = Table("property", "rules", "runs", "exhaustive", "verdict")
    for column in (2, 3):
        table.columns[column].justify = "right"
    violated = {violation.property for violation in report.violations}
    rules = {name: entry.rules for name, entry in PROPERTIES.items()} | _ON_THE_MODEL
    for name, numbers in rules.items():
        exhaustive = sum(result.checked.get(name, 0) for result in report.scopes)
        verdict = "[green]holds[/green]"
        if name in violated:
            verdict = "[red]violated[/red]"
        elif not report.checked.get(name):
            verdict = "[yellow]never exercised[/yellow]"
        checked = f"{report.checked.get(name, 0):,}"
        table.add_row(name.replace("_", " "), " ".join(numbers), checked, f"{exhaustive:,}", verdict)
    return table


def _scopes(report: Report) -> Table:
    table = Table("scope", "about", "states", "steps", "depth", "frontier", "excused")
    for column in (2, 3, 4):
        table.columns[column].justify = "right"
    for result in report.scopes:
        table.add_row(
            result.scope,
            result.title,
            f"{result.states:,}",
            f"{result.steps:,}",
            str(result.depth),
            "exhausted" if result.exhausted else "bounded by depth",
            ", ".join(result.excused) or "nothing",
        )
    return table


def _counts(title: str, counts: dict[str, int]) -> str:
    told = (f"{name} {count:,}" if count else f"[yellow]{name} 0[/yellow]" for name, count in counts.items())
    return f"[bold]{title}[/bold]  " + "  ".join(told)
