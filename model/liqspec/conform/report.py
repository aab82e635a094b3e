"""How a comparison ended: the finding event by event, what was exercised, and what never was."""

import io
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from attrs import asdict
from rich.console import Console

from liqspec.conform import known_divergences
from liqspec.conform.finding import Fault, Finding
from liqspec.conform.lockstep import Compared
from liqspec.conform.protocol import requests
from liqspec.conform.protocol.conversation import shown
from liqspec.conform.saved import Saved, has_null, to_data
from liqspec.conform.search import Outcome
from liqspec.core import machine
from liqspec.core.events import EVENTS
from liqspec.core.refusals import CODES
from liqspec.edge import writing
from liqspec.edge.texts import counted, visible, words
from liqspec.replay import timeline
from liqspec.replay.run import Run
from liqspec.report.amounts import Units, people
from liqspec.report.reach import print_reach
from liqspec.report.tables import table
from liqspec.report.visible_console import VisibleConsole, foreign
from liqspec.spec import rulebook, scenarios
from liqspec.step.question import reason_json
from liqspec.step.reasons import lines_of

MAX_REASONS = 5  # further differences of the same step are only counted
MAX_REQUESTS = 20  # of those that a finding needs
MAX_NEVER = 6  # names of an area of what was never reached; of more only some
LAST_LINES = 12  # of what an engine wrote before a fault


def print_outcome(outcome: Outcome, console: Console, *, full: bool = False, replayed: bool = False) -> None:
    """Print what was exercised, then the findings, then the verdict; of a replay only these.

    What was never reached is a line for each area, with all names if `full`.
    """
    if outcome.coverage.runs and not replayed:
        print_coverage(outcome.coverage, console)
        if outcome.coverage.steps:
            _print_never(outcome, console, full=full)
        if outcome.finding is None and outcome.coverage.steps:
            print_reach(outcome.coverage.reach, console)
    for entry, times in outcome.occurred.items():
        if times:
            console.print(f"known, {counted(times, 'time')}: {foreign(str(entry))}", soft_wrap=True)
    for entry in outcome.stale:
        console.print(f"[bold red]known, but it did not occur:[/bold red] {foreign(str(entry))}", soft_wrap=True)
    if outcome.lines:
        console.print(f"[bold]protocol[/bold]  {counted(outcome.lines, 'line')} of its suite")
    if len(outcome.findings) > 1:
        _print_summary(outcome.findings, console)
    for finding in outcome.findings:
        print_finding(finding, console)
    _print_verdict(outcome, console)


def _print_verdict(outcome: Outcome, console: Console) -> None:
    """Print what could not be looked at, and how it ended."""
    for what in outcome.unchecked:
        console.print(f"[bold yellow]not checked[/bold yellow] {foreign(what)}", soft_wrap=True)
    if outcome.interrupted:
        console.print(f"[bold yellow]interrupted[/bold yellow] after {counted(outcome.coverage.steps, 'step')}")
    elif outcome.conforms:
        console.print(f"[bold green]conforms[/bold green] in {counted(outcome.coverage.steps, 'step')}")
    elif outcome.finding is None and outcome.coverage.steps == 0:
        why = "no step ended in time" if outcome.unchecked else "the engine skipped every step"
        console.print(f"[bold red]nothing was compared[/bold red]: {why}")
    else:
        console.print("[bold red]does not conform[/bold red]")


def _print_summary(findings: list[Finding], console: Console) -> None:
    """Print a table of the broken rules, each with its findings by their numbers."""
    rows = table("rule", "title", "findings", "shortest", right=("shortest",))
    rules = dict.fromkeys(finding.rules[0] for finding in findings)
    for rule in sorted(rules, key=lambda rule: min(one.length for one in findings if one.rules[0] == rule)):
        of_rule = [(number, one) for number, one in enumerate(findings, start=1) if one.rules[0] == rule]
        numbers = ", ".join(str(number) for number, _ in of_rule)
        rows.add_row(rule, foreign(rulebook.rules()[rule].title), numbers, str(min(one.length for _, one in of_rule)))
    console.print(rows)


def print_finding(finding: Finding, console: Console) -> None:
    """Print a finding: its events with what the rules make of each, then what the engine did instead and why not."""
    heads = {
        "difference": "differs",
        "property": "breaks a property",
        "fault": "fails",
        "protocol": "breaks the protocol",
    }
    console.print(f"\n[bold red]{heads.get(finding.kind, finding.kind)}[/bold red] {foreign(people(finding.headline))}")
    short = f", shortened from {finding.found_events:,}" if finding.found_events > finding.length else ""
    noun = "request" if finding.requests else "event"
    console.print(f"after {counted(finding.length, noun)}{short}; {foreign(finding.where or 'replayed')}")
    if finding.requests:
        _print_requests(finding, console)
    if finding.kind != "protocol" and not has_null(finding.applied):
        console.print("what the rules make of these events:")
        _print_events(finding, console)
    console.print()
    for first, _, *rest in lines_of(finding.reasons[:MAX_REASONS]):
        console.print(f"[bold]{foreign(people(first))}[/bold]", soft_wrap=True)
        for line in rest:
            console.print(f"    {foreign(people(line))}", soft_wrap=True)
    if len(finding.reasons) > MAX_REASONS:
        console.print(f"and {counted(len(finding.reasons) - MAX_REASONS, 'more field')}")
    for name, wrong in finding.broken:
        console.print(f"its observations break: [bold]{words(name)}[/bold]: {foreign(people(wrong))}", soft_wrap=True)
    if finding.fault is not None:
        _print_fault(finding.fault, console)
    if finding.kind in ("difference", "property"):
        _print_rule(finding, console)
    if finding.kind == "not deterministic":
        console.print("it does not happen each time, and a replay may not show it: play it more than once")
    if entry := known_divergences.silencing(finding):
        console.print("\n[dim]if this is known and meant, list it in a file for --known:[/dim]")
        console.print(entry.strip(), markup=False, soft_wrap=True)


def text(finding: Finding) -> str:
    """A finding as plain text, for the message of a failed test."""
    written = StringIO()
    print_finding(finding, VisibleConsole(file=written, width=120, no_color=True, highlight=False))
    return written.getvalue().strip()


def _print_requests(finding: Finding, console: Console) -> None:
    """Print the requests that a new process needs to show it, each short, the middle of many left out."""
    why = f"the last one is about {finding.topic}" if finding.topic else "its run alone does not show it"
    console.print(f"a new process shows it after these requests; {foreign(why)}:", soft_wrap=True)
    numbered = list(enumerate(finding.requests, start=1))
    for number, request in (
        numbered[: MAX_REQUESTS // 2] + numbered[max(MAX_REQUESTS // 2, len(numbered) - MAX_REQUESTS // 2) :]
    ):
        console.print(f"  {number} {shown(request) or '(nothing)'}", markup=False, soft_wrap=True)


def _print_events(finding: Finding, console: Console) -> None:
    if not finding.events:
        console.print("  (none: the run had not begun)")
        return
    run = Run(scenarios.build("counterexample", to_data(finding), Path()))
    units = Units(run.engine.venue)
    for moment in run:
        for line in timeline.moment_lines(moment, units):
            console.print(line, soft_wrap=True)


def _print_fault(fault: Fault, console: Console) -> None:
    for name, written in (("standard output", fault.stdout), ("standard error", fault.stderr)):
        lines = written.splitlines()[-LAST_LINES:]
        if lines:
            console.print(f"the last on its {name}:")
        for line in lines:
            console.print(f"    {line[:200]}", markup=False)
    console.print(f"likely remedy: {fault.remedy}", markup=False, soft_wrap=True)


def _print_rule(finding: Finding, console: Console) -> None:
    rule = rulebook.rules()[finding.rules[0]]
    console.print(f"\n[bold]{rule.id}[/bold] {foreign(rule.title)}", soft_wrap=True)
    if rule.summary:
        console.print(foreign(rule.summary), soft_wrap=True)
    others = ", ".join(finding.rules[1:])
    console.print(f"[dim]also {others}; [/dim]" * bool(others) + f"[dim]liqspec explain {rule.id}[/dim]")


def print_saved(files: list[Saved], console: Console) -> None:
    """Print where findings were saved, and how to play each again."""
    for saved in files:
        _print_saved(saved, console)


def _print_saved(saved: Saved, console: Console) -> None:
    console.print(f"saved:      {visible(' and '.join(map(str, saved.files)))}", markup=False, soft_wrap=True)
    console.print(f"replay it:  {visible(saved.replay)}", markup=False, soft_wrap=True)
    if saved.scenario is not None and saved.requests is None:
        console.print(f"the model:  liqspec simulate {visible(str(saved.scenario))}", markup=False, soft_wrap=True)


def print_coverage(coverage: Compared, console: Console) -> None:
    """Print how often each event, transition, refusal and rule was exercised, what was skipped, and what never came."""
    rows = table("event", "accepted", "refused", "skipped", right=("accepted", "refused", "skipped"))
    skipped: dict[str, int] = dict(coverage.unsupported)
    for (kind, _), times in coverage.skipped.items():
        skipped[kind] = skipped.get(kind, 0) + times
    refused: dict[str, int] = {}
    for (kind, _), times in coverage.refusals.items():
        refused[kind] = refused.get(kind, 0) + times
    kinds = [*EVENTS, *sorted({*coverage.events, *refused, *skipped} - EVENTS.keys())]
    shown = {kind: [kind] for kind in kinds if kind in {*coverage.events, *refused, *skipped} & EVENTS.keys()}
    if malformed := [kind for kind in kinds if kind not in EVENTS]:  # one row for all, whatever was sent as their type
        shown["(not an event)"] = malformed
    for name, same in shown.items():
        counts = (sum(one.get(kind, 0) for kind in same) for one in (coverage.events, refused, skipped))
        rows.add_row(name, *(f"{times:,}" if times else "" for times in counts))
    console.print(rows)
    lines = {
        "transitions": {name: coverage.transitions.get(name, 0) for name in machine.lifecycle().by_id},
        "refusals": {code: coverage.codes.get(code, 0) for code in CODES},
        "rules": dict(sorted(coverage.rules.items())),
        "families": dict(sorted(coverage.families.items())),
        "executed by the engine": dict(coverage.executed),
    }
    for title, numbers in lines.items():
        if any(numbers.values()):
            text = "  ".join(f"{name} {times:,}" for name, times in numbers.items() if times)
            console.print(f"[bold]{title}[/bold]  {text}", soft_wrap=True)
    if coverage.checked:
        console.print(f"[bold]properties[/bold]  {len(+coverage.checked)} judged on the engine's own observations")
    skipped_for: dict[str, list[str]] = {}
    for (kind, why), times in sorted(coverage.skipped.items()):
        skipped_for.setdefault(why, []).append(f"{kind} ({times:,})")
    for why, kinds in skipped_for.items():
        console.print(f"[yellow]the engine skipped[/yellow] {', '.join(kinds)}: {foreign(why)}", soft_wrap=True)
    if lacking := sorted({*coverage.unsupported, *(EVENTS.keys() - coverage.supported)}):
        console.print(f"[yellow]the engine does not support[/yellow] {', '.join(lacking)}", soft_wrap=True)


def _print_never(outcome: Outcome, console: Console, *, full: bool) -> None:
    """Report what was never reached, a line for each area; where a finding ended the run early, only the count."""
    never = outcome.coverage.never()
    if never and outcome.finding is not None:
        text = f"{counted(len(outcome.coverage.never_listed()), 'thing')} before the finding; --json lists them"
        console.print(f"[bold yellow]NEVER REACHED[/bold yellow] {text}")
        return
    for area, names in (never if full else _areas(never)).items():
        some = names if full or len(names) <= MAX_NEVER else names[: MAX_NEVER // 2]
        count = f" {len(names):,}, such as" if len(some) < len(names) else ""
        text = foreign(", ".join(some)) + (" (--full lists them)" if count else "")
        console.print(f"[bold yellow]NEVER REACHED[/bold yellow] {area}:{count} {text}", soft_wrap=True)


def _areas(never: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """What was never reached with all refusals as one area."""
    areas: dict[str, list[str]] = {}
    for kind, names in never.items():
        area, of, event = kind.partition(" of ")
        areas.setdefault(area, []).extend(f"{name} of {event}" if of else name for name in names)
    return areas


def to_json(outcome: Outcome, engine: str, saved: list[Saved], *, every: bool = False) -> dict[str, Any]:
    """How a comparison ended, as plain data; with the list of all findings if `every` one was looked for."""
    files = [asdict(one, value_serializer=lambda _, __, value: value and str(value)) for one in saved]
    listed = [finding_json(finding) for finding in outcome.findings]
    whole = {"findings": listed, "all_saved": files} if every else {}
    return {
        "conforms": outcome.conforms,
        "interrupted": outcome.interrupted,
        "engine": engine,
        "finding": listed[0] if listed else None,
        "saved": files[0] if files else None,
        **whole,
        "unchecked": outcome.unchecked,
        "known": [{"divergence": str(entry), "times": times} for entry, times in outcome.occurred.items()],
        "exercised": outcome.coverage.to_json(),
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as plain data."""
    return {
        "kind": finding.kind,
        "headline": finding.headline,
        "rules": list(finding.rules),
        "where": finding.where,
        "config": finding.config,
        "events": finding.events,
        "applied": finding.applied,
        "found_events": finding.found_events,
        "requests": requests.to_text(finding.requests).split("\n")[:-1],
        "reply": finding.reply,
        "reasons": [reason_json(reason) for reason in finding.reasons],
        "broken": [{"property": name, "wrong": wrong} for name, wrong in finding.broken],
        "fault": finding.fault and {**asdict(finding.fault), "remedy": finding.fault.remedy},
    }


def write_junit(outcome: Outcome, engine: str, seconds: float, path: Path) -> None:
    """Write one test for the comparison, one for each known divergence, and one skipped for what was never reached.

    Raises:
        OSError: the file cannot be written.
    """
    from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite  # noqa: PLC0415 (only this needs it)

    suite = TestSuite("liqspec conform")
    compared = TestCase(f"{visible(engine)} conforms", "liqspec.conform", seconds)
    for finding in outcome.findings:
        failure = Failure(visible(finding.headline), finding.rules[0])
        failure.text = text(finding)
        compared.result = [*compared.result, failure]
    if outcome.interrupted:
        compared.result = [*compared.result, Error(f"interrupted after {counted(outcome.coverage.steps, 'step')}")]
    elif not outcome.findings and outcome.coverage.steps == 0:
        compared.result = [Failure("nothing was compared")]
    suite.add_testcase(compared)
    for entry, times in outcome.occurred.items():
        case = TestCase(f"known: {visible(str(entry))}", "liqspec.conform.known")
        if entry in outcome.stale:
            case.result = [Failure("it did not occur: take it out")]
        else:
            case.result = [Skipped(f"occurred {counted(times, 'time')}" if times else "could not occur yet")]
        suite.add_testcase(case)
    for what in outcome.unchecked:
        case = TestCase(f"not checked: {visible(what)}", "liqspec.conform.unchecked")
        case.result = [Skipped("not checked")]
        suite.add_testcase(case)
    for name in outcome.coverage.never_listed():
        case = TestCase(name, "liqspec.conform.reached")
        case.result = [Skipped("never reached")]
        suite.add_testcase(case)
    xml = JUnitXml()
    xml.add_testsuite(suite)
    written = io.BytesIO()
    xml.write(written, pretty=True)
    writing.write(path, written.getvalue())
