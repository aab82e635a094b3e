"""What a verification found: as tables for people, as plain data for machines."""

from typing import Any

from attrs import asdict, frozen
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liqspec import machine
from liqspec.explore import Exploration
from liqspec.judge import Violation, reachable_transitions
from liqspec.known import KNOWN
from liqspec.lemmas import LEMMAS
from liqspec.model_properties import CRASHES
from liqspec.pieces import ProofResult
from liqspec.refusals import CODES


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
    proofs: list[ProofResult]
    violations: list[Violation]

    @property
    def never(self) -> list[str]:
        """What was never exercised; a check that checked nothing is a failure, not a success.

        A verification that stopped at a violation has no such list: it did not come to its end.
        """
        if self.violations:
            return []
        return [
            *(f"property {name}" for name in KNOWN if not self.checked.get(name) and name != CRASHES),
            *(f"transition {name}" for name in reachable_transitions() if not self.transitions.get(name)),
            *(f"refusal {code}" for code in CODES if not self.refusals.get(code)),
            *(f"scope {result.scope}: {name}" for result in self.scopes for name in result.never),
        ]

    @property
    def holds(self) -> bool:
        """Whether nothing was violated and everything was exercised."""
        return not (self.failures or self.violations or self.never or self.unproved)

    @property
    def unproved(self) -> list[str]:
        """The lemmas that are not proved, or whose control is not refuted."""
        return [
            f"lemma {proof.name} is {proof.status}, its control {proof.control}"
            for proof in self.proofs
            if not proof.holds
        ]

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return {"holds": self.holds, **asdict(self), "never": self.never, "unproved": self.unproved}


def tell(report: Report, console: Console) -> None:
    """Print the result as tables, the verdict last."""
    console.print(_properties(report))
    if report.scopes:
        console.print(_scopes(report))
    if report.proofs:
        console.print(_proofs(report))
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
    for line in report.unproved:
        console.print(f"[red]not proved:[/red] {escape(line)}", soft_wrap=True)
    for line in report.never:
        console.print(f"[yellow]never exercised:[/yellow] {escape(line)}")
    if report.holds:
        console.print("[bold green]all hold[/bold green]")
    elif report.failures or report.violations or report.unproved:
        console.print("[bold red]violated[/bold red]")
    else:
        console.print("[bold yellow]not enough was exercised[/bold yellow]: try more --steps")


def _properties(report: Report) -> Table:
    table = Table("property", "rules", "judges", "runs", "exhaustive", "verdict")
    for column in (3, 4):
        table.columns[column].justify = "right"
    violated = {violation.property for violation in report.violations}
    for name, known in KNOWN.items():
        exhaustive = sum(result.checked.get(name, 0) for result in report.scopes)
        checked = report.checked.get(name, 0)
        verdict = "[green]holds[/green]"
        if name in violated:
            verdict = "[red]violated[/red]"
        elif name == CRASHES:  # whatever else was judged was answered
            checked, exhaustive = max(report.checked.values(), default=0), sum(one.steps for one in report.scopes)
        elif not checked:
            verdict = "[yellow]never exercised[/yellow]"
        table.add_row(known.title, " ".join(known.rules), known.kind, f"{checked:,}", f"{exhaustive:,}", verdict)
    return table


def _proofs(report: Report) -> Table:
    table = Table("proved for all numbers", "rules", "verdict", "control")
    for proof in report.proofs:
        lemma = LEMMAS[proof.name]
        verdict = "[green]proved[/green]" if proof.status == "proved" else f"[red]{proof.status}[/red]"
        control = proof.control if proof.control == "refuted" else f"[red]{proof.control}[/red]"
        table.add_row(proof.name.replace("_", " "), " ".join(lemma.rules), verdict, control)
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
