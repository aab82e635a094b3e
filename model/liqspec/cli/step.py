"""The command that judges one step."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from liqspec.cli.app import Json, finish, print_json, terminal
from liqspec.core.config import Venue
from liqspec.edge import files
from liqspec.report import decisions
from liqspec.report.amounts import Units, people
from liqspec.report.decisions import Decision
from liqspec.report.sentences import effect_text
from liqspec.report.visible_console import foreign
from liqspec.spec import rulebook
from liqspec.step.question import Question, answer_json
from liqspec.step.reasons import lines_of
from liqspec.step.relation import Verdict


def step(
    file: Annotated[
        str, typer.Argument(metavar="[FILE|-]", help="The question, a JSON object; - is standard input.")
    ] = "-",
    as_json: Json = False,
) -> None:
    """Monitor one step of an engine: is what was observed after an event what the rules say?

    The question is a JSON object: `config`, `before` (a snapshot, or an observation with anything left out), `event`,
    and, to have it judged, `after` (an observation, of which only what it has is compared, or `{"error":{"code":…}}`).
    It may say how to compare: `compare` (decision, code or full), `observes`, `states`, `tolerance`. The rules are
    STP-1 to STP-7. Exits with 0 if the step is allowed, 1 if it is not, 2 if the question is malformed.

    **Examples**

    - `liqspec step question.json`
    - `liqspec step --json < question.json`
    """
    path, stream = (Path("standard input"), sys.stdin.buffer) if file == "-" else (Path(file), None)
    question = Question.from_json(files.read_json(path, stream))
    verdict = question.verdict()
    if as_json:
        print_json(answer_json(question, verdict), escaped=True)
    else:
        _print_answer(question, verdict, terminal())
    finish(verdict.allowed)


def _print_answer(question: Question, verdict: Verdict, console: Console) -> None:
    expected, units = verdict.expected, Units(Venue.from_config(question.config))
    heading = "[bold green]allowed[/bold green]" if verdict.allowed else "[bold red]not allowed[/bold red]"
    console.print(heading if question.after is not None else "[bold]foretold[/bold]")
    explained: set[str] = set()
    for reason, (first, rule, *rest) in zip(verdict.reasons, lines_of(verdict.reasons), strict=True):
        summary = "" if reason.rule in explained else rulebook.rules()[reason.rule].summary
        explained.add(reason.rule)
        console.print(f"  [bold]{foreign(people(first))}[/bold]", soft_wrap=True)
        for line in (rule, *([summary] if summary else []), *rest):
            console.print(f"    {foreign(people(line))}", soft_wrap=True)
    console.print("[bold]expected[/bold]")
    around = verdict.before, expected.snapshot
    shown = {line for reason in verdict.reasons for line in reason.terms}

    def print_terms(decision: Decision | None) -> None:
        for line in () if decision is None else decision.lines():
            if line not in shown:
                console.print(f"         [dim]{foreign(line)}[/dim]", soft_wrap=True)

    if expected.refusal is not None:
        console.print(f"  refused {foreign(people(str(expected.refusal)))}", soft_wrap=True)
        print_terms(decisions.of_refusal(units.venue, around, question.event, expected.refusal))
    for effect, decision in decisions.of_effects(units.venue, around, question.event, expected.effects):
        console.print(f"  [cyan]{effect.rule:<7}[/cyan]{foreign(effect_text(effect, units))}", soft_wrap=True)
        print_terms(decision)
    if expected.accepted and not expected.effects:
        console.print("  accepted, and nothing happens")
    _print_assumed(verdict, console)


def _print_assumed(verdict: Verdict, console: Console) -> None:
    """STP-4: each assumption on which the answer depends, and the others in one line."""
    for entry in verdict.assumed:
        if entry.matters:
            text = f"[bold]assumed[/bold] {foreign(entry.field)} = {foreign(entry.value)} ({entry.rule}): "
            console.print(text + "the answer depends on it", soft_wrap=True)
    others = [f"{entry.field} = {entry.value}" for entry in verdict.assumed if not entry.matters]
    if others:
        console.print(
            f"[bold]assumed[/bold], without effect on the answer: {foreign('; '.join(others))}", soft_wrap=True
        )
