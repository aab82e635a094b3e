"""What a verification found: as tables for people, as plain data for machines."""

from typing import Any

from attrs import Attribute, Factory, asdict, frozen
from rich.console import Console

from liqspec.core import machine
from liqspec.core.changes import reachable_transitions
from liqspec.core.refusals import MEANINGS
from liqspec.edge.texts import counted, words
from liqspec.proofs.inductive import covered
from liqspec.proofs.lemmas import LEMMAS
from liqspec.properties.coverage import Coverage, Violation, acting_rules, never_exercised
from liqspec.properties.reach import Reach
from liqspec.properties.registry import PROPERTIES
from liqspec.report.amounts import people
from liqspec.report.reach import print_reach
from liqspec.report.tables import WholeWords, table
from liqspec.report.visible_console import foreign
from liqspec.search.exploration import Exploration
from liqspec.spec import rulebook
from liqspec.verify.tasks import ProofResult, StepsResult

_KINDS = ("transitions", "rules", "refusals")
_NOT_PLAIN = ("reach", "seconds", "adequate")  # the first has another form; seconds are different each time


def counts(coverage: Coverage) -> dict[str, dict[str, int]]:
    """How often each property, transition, rule and refusal was exercised, by name."""
    counted_by = {
        "checked": coverage.checked,
        "transitions": coverage.transitions,
        "rules": coverage.rules,
        "refusals": coverage.codes,
    }
    return {kind: dict(sorted(times.items())) for kind, times in counted_by.items()}


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
    scopes: list[Exploration]
    proofs: list[ProofResult]
    proved_steps: list[StepsResult] = Factory(list)
    violations: list[Violation]
    reach: Reach
    seconds: dict[str, float] = Factory(dict)
    adequate: bool = True

    @property
    def never(self) -> list[str]:
        """What was never exercised; a check that checked nothing is a failure, not a success.

        A verification that stopped at a violation has no such list: it did not come to its end. One that is not
        `adequate`, because it was asked to be quick, or about something else, lists only what its scopes lack.
        """
        if self.violations:
            return []
        exercised = {"properties": self.checked, **{kind: getattr(self, kind) for kind in _KINDS}}
        names = never_exercised(exercised) if self.adequate else dict.fromkeys(exercised, ())
        return [
            *(f"property {name}" for name in names.pop("properties")),
            *(f"{kind.removesuffix('s')} {name}" for kind in _KINDS for name in names[kind]),
            *(f"scope {result.scope.name}: {name}" for result in self.scopes for name in result.never),
        ]

    @property
    def holds(self) -> bool:
        """Whether nothing was violated and everything was exercised."""
        return not (self.failures or self.violations or self.never or self.unproved)

    @property
    def unproved(self) -> list[str]:
        """The lemmas and steps that are not proved, or whose control is not refuted."""
        lemmas = [
            f"lemma {proof.name} is {proof.status}, its control {proof.control}"
            + (proof.reason and f": {proof.reason}")
            for proof in self.proofs
            if not proof.holds
        ]
        events: dict[str, list[str]] = {}  # by the lemma or part that their steps rest on
        for one in self.proved_steps:
            for name in self.missing(one):
                events.setdefault(name, []).append(one.event)
        for name, kinds in events.items():
            is_part = name in covered.PARTS
            on = f"those of {name}, which are not" if is_part else f"the lemma {name}, which is not"
            lemmas.append(f"steps of {', '.join(dict.fromkeys(kinds))} rest on {on} proved")
        return lemmas + [line for one in self.proved_steps for line in _steps_unproved(one)]

    def missing(self, found: StepsResult) -> list[str]:
        """The lemmas and parts that an event's steps rest on, and that were not proved here; nor are then its steps."""
        proved = {proof.name for proof in self.proofs if proof.holds}
        proved |= {one.event for one in self.proved_steps if one.keys == found.keys and not one.unproved}
        return [name for name in (*found.lemmas, *found.parts) if name not in proved]

    @property
    def elsewhere(self) -> list[str]:
        """The rules that nothing here is about: they define, or say how files and tools are; only tests hold them."""
        about = set(acting_rules())
        about.update(*(entry.rules for entry in PROPERTIES.values()), *(lemma.rules for lemma in LEMMAS.values()))
        return [number for number, rule in rulebook.rules().items() if number not in about and not rule.examples]

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        lists = {"never": self.never, "unproved": self.unproved, "elsewhere": self.elsewhere}
        found = asdict(self, filter=lambda attribute, _: attribute.name not in _NOT_PLAIN, value_serializer=_plain)
        return {"holds": self.holds, **found, **lists, "reach": self.reach.to_json()}


def _plain(_: object, attribute: "Attribute[Any] | None", value: Any) -> Any:
    name = "" if attribute is None else attribute.name
    if name == "scopes":
        return [_scope_json(found) for found in value]
    return len(value) if name == "shapes" else value


def _scope_json(found: Exploration) -> dict[str, Any]:
    """An exploration without its timing, which is different each time."""
    names = ("explorer", "states", "steps", "model_steps", "whole_steps", "refused", "depth", "exhausted")
    sizes = {name: getattr(found, name) for name in names}
    about = {"scope": found.scope.name, "title": found.scope.title}
    return {**about, **sizes, **counts(found.coverage), "never": found.never, "excused": found.scope.excused}


def print_report(report: Report, console: Console, *, full: bool = False) -> None:
    """Print the result, the verdict last; `full` puts all tables before it."""
    if full:
        _print_tables(report, console)
    console.print(_parts(report))
    if whole := sum(result.whole_steps for result in report.scopes):
        console.print(
            "scopes of several accounts: joined from the steps of each account alone, which relies on accounts not "
            f"affecting each other; sampled by {counted(whole, 'whole step')}",
            soft_wrap=True,
        )
    for line in report.failures:
        console.print(f"[red]not as expected:[/red] {foreign(line)}", soft_wrap=True)
    for violation in report.violations:
        console.print(
            f"[red]violated:[/red] {violation.property} in {foreign(violation.where)}: "
            f"{foreign(people(violation.wrong))}"
        )
    if report.violations:
        console.print("It stopped there: what had not been finished by then is not counted.")
    for line in report.unproved:
        console.print(f"[red]not proved:[/red] {foreign(line)}", soft_wrap=True)
    for line in report.never:
        console.print(f"[yellow]never exercised:[/yellow] {foreign(line)}")
    if report.holds:
        judged = "" if report.adequate else f": {_judged(report)}"
        console.print(
            f"[bold green]{'all hold' if report.adequate else 'what was looked at holds'}[/bold green]{judged}"
        )
    elif report.failures or report.violations or report.unproved:
        console.print("[bold red]violated[/bold red]")
    else:
        console.print("[bold yellow]not enough was exercised[/bold yellow]: try more --steps")


def _judged(report: Report) -> str:
    """How much was judged in a verification that need not exercise everything."""
    runs = [name for name in PROPERTIES if report.checked.get(name)]
    scopes = [name for found in report.scopes for name in found.coverage.checked]
    return f"{len({*runs, *scopes})} of {len(PROPERTIES)} properties had something to judge (--full lists them)"


def _print_tables(report: Report, console: Console) -> None:
    console.print(_properties(report))
    if report.scopes:
        console.print(_scopes(report))
    if report.proofs:
        console.print(_proofs(report))
    if report.proved_steps:
        console.print(_proved_steps(report))
        keys = max(one.keys for one in report.proved_steps)
        console.print(foreign(covered.sentence(keys)), soft_wrap=True)
    console.print(_fired(report))
    print_reach(report.reach, console)
    console.print(
        f"not checked here, for they define, or say how files and tools are: {' '.join(report.elsewhere)}\n"
        "(what holds them instead: liqspec explain RULE)",
        soft_wrap=True,
    )


def _parts(report: Report) -> WholeWords:
    """What was looked at, part by part; a part that was not asked for is left out."""
    rows = table("part", "what was looked at", "processor time", right=("processor time",))
    states, steps = (sum(getattr(found, name) for found in report.scopes) for name in ("states", "steps"))
    events = {one.event for one in report.proved_steps} - set(covered.PARTS)
    for kinds, text in (
        (
            ("worked examples", "scenarios"),
            f"{counted(report.examples, 'worked example')}, {counted(report.scenarios, 'scenario')}",
        ),
        (("scopes",), f"{counted(len(report.scopes), 'scope')}: {counted(states, 'state')}, {counted(steps, 'step')}"),
        (
            ("random events",),
            f"{counted(report.steps, 'random event')} (seed {report.seed}, venues {', '.join(report.venues)})",
        ),
        (
            ("steps for all numbers",),
            f"{counted(sum(one.steps for one in report.proved_steps), 'step')} of "
            f"{counted(len(events), 'event')} for all numbers, each event with a control; "
            f"keys in a pool: at most {max((one.keys for one in report.proved_steps), default=0)}",
        ),
        (("lemmas",), f"{counted(len(report.proofs), 'lemma')} for all numbers, each with a control"),
    ):
        if any(kind in report.seconds for kind in kinds):
            seconds = sum(report.seconds.get(kind, 0) for kind in kinds)
            rows.add_row(" and ".join(kinds), text, f"{seconds:,.1f} s")
    return rows


def _properties(report: Report) -> WholeWords:
    titles = ("property", "rules", "judges", "runs", "exhaustive", "verdict")
    rows = table(*titles, right=("runs", "exhaustive"))
    violated = {violation.property for violation in report.violations}
    for name, entry in PROPERTIES.items():
        exhaustive = sum(result.coverage.checked[name] for result in report.scopes)
        checked = report.checked.get(name, 0)
        verdict = "[green]holds[/green]"
        if name in violated:
            verdict = "[red]violated[/red]"
        elif not entry.counted:  # whatever else was judged was answered
            checked, exhaustive = max(report.checked.values(), default=0), sum(one.model_steps for one in report.scopes)
        elif violated:
            verdict = "holds so far" if checked or exhaustive else "not come to"
        elif not checked:
            verdict = "[yellow]never exercised[/yellow]"
        rows.add_row(entry.title, " ".join(entry.rules), entry.kind, f"{checked:,}", f"{exhaustive:,}", verdict)
    return rows


def _proofs(report: Report) -> WholeWords:
    rows = table("proved for all numbers", "rules", "verdict", "control")
    for proof in report.proofs:
        lemma = LEMMAS[proof.name]
        verdict = "[green]proved[/green]" if proof.status == "proved" else f"[red]{proof.status}[/red]"
        control = proof.control if proof.control == "refuted" else f"[red]{proof.control}[/red]"
        rows.add_row(words(proof.name), " ".join(lemma.rules), verdict, control)
    return rows


def _steps_unproved(found: StepsResult) -> list[str]:
    """What is not proved of an event's steps, whatever the lemmas."""
    lines = [f"step of {line}" for line in found.unproved]
    if found.counterexample:
        lines.append(f"and fails: {found.counterexample}")
    if found.control is not None and found.control[1] != "refuted":
        lines.append(f"steps of {found.event}: the control is {found.control[1]}: {found.control[0]}")
    return lines


def _proved_steps(report: Report) -> WholeWords:
    titles = ("one step, for all numbers", "keys", "shapes", "steps", "paths", "obligations", "verdict", "control")
    rows = table(*titles, right=("keys", "shapes", "steps", "paths", "obligations"))
    for one in report.proved_steps:
        proved = not (report.missing(one) or one.unproved)
        numbers = (f"{number:,}" for number in (one.keys, len(one.shapes), one.steps, one.paths, one.obligations))
        verdict = "[green]proved[/green]" if proved else "[red]not proved[/red]"
        control = "" if one.control is None else f"{one.control[1]}: {foreign(one.control[0])}"
        rows.add_row(one.event, *numbers, verdict, control)
    return rows


def _scopes(report: Report) -> WholeWords:
    titles = ("scope", "about", "explorer", "states", "steps", "model steps", "depth", "frontier", "excused")
    rows = table(*titles, right=("states", "steps", "model steps", "depth"))
    for result in report.scopes:
        rows.add_row(
            result.scope.name,
            result.scope.title,
            result.explorer,
            f"{result.states:,}",
            f"{result.steps:,}",
            f"{result.model_steps:,}",
            str(result.depth),
            "exhausted" if result.exhausted else "bounded by depth",
            ", ".join(result.scope.excused) or "nothing",
        )
    return rows


def _fired(report: Report) -> WholeWords:
    rows = table("what acted", "which is", "runs", "exhaustive", right=("runs", "exhaustive"))
    rules, acting, reachable = rulebook.rules(), acting_rules(), reachable_transitions()
    transitions = {entry.id: entry.meaning for entry in machine.lifecycle().by_id.values()}
    for kind, meanings in (
        ("transitions", transitions),
        ("rules", {number: rule.title for number, rule in rules.items() if number in acting}),
        ("refusals", dict(MEANINGS)),
    ):
        exhaustive = [counts(found.coverage)[kind] for found in report.scopes]
        for name, meaning in meanings.items():
            expected = name not in transitions or name in reachable
            runs = getattr(report, kind).get(name, 0)
            times = sum(one.get(name, 0) for one in exhaustive)
            rows.add_row(name, foreign(meaning), *_counted(runs, times, expected=expected))
        rows.add_section()
    return rows


def _counted(runs: int, exhaustive: int, *, expected: bool = True) -> tuple[str, str]:
    """Both counts; the first stands out where it is 0 and should not be."""
    return f"{runs:,}" if runs or not expected else "[yellow]0[/yellow]", f"{exhaustive:,}"
