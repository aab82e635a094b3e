"""The command that explains a rule or a transition: text, worked examples, code and tests."""

import textwrap
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape

from liqspec.cli.app import Json, fail, print_json, terminal
from liqspec.core import machine
from liqspec.edge import files
from liqspec.spec import citations, rulebook


def explain(
    rule: Annotated[
        str, typer.Argument(metavar="RULE", help="A rule's number such as LIQ-3, or a transition such as T5.")
    ],
    as_json: Json = False,
) -> None:
    """Print a rule: its text and worked examples, its transitions, its code and its tests.

    Examples: `liqspec explain LIQ-3`, `liqspec explain T5`
    """
    wanted = rule.upper()
    lifecycle = machine.lifecycle()
    if wanted in lifecycle.by_id:
        _explain_transition(lifecycle.by_id[wanted], as_json)
    elif wanted in rulebook.rules():
        _explain_rule(rulebook.rules()[wanted], as_json)
    else:
        groups = sorted({number.partition("-")[0] for number in rulebook.rules()})
        fail(f"{rule}: no such rule; rules are numbered {', '.join(groups)}-n, transitions T0 to T13")


def _explain_rule(rule: rulebook.Rule, as_json: bool) -> None:
    transitions = [entry for entry in machine.lifecycle().table.transitions if rule.id in entry.rules]
    code = [citation for citation in citations.of_code() if citation.rule == rule.id]
    tests = [citation for citation in citations.of_tests() if citation.rule == rule.id]
    if as_json:
        data = {
            "rule": rule.id,
            "title": rule.title,
            "text": rule.text,
            "page": _place(rule.path, rule.line),
            "examples": [example.text for example in rule.examples],
            "transitions": [entry.id for entry in transitions],
            "code": [f"{_place(citation.path, citation.line)} {citation.name}" for citation in code],
            "tests": [f"{_place(citation.path, citation.line)} {citation.name}" for citation in tests],
        }
        print_json(data)
        return
    console = terminal()
    console.print(f"[bold]{rule.id}[/bold] {rule.title}  [dim]{_place(rule.path, rule.line)}[/dim]")
    console.print(Markdown(rule.text))
    for example in rule.examples:
        console.print("\n[bold]Worked example[/bold] (executed by the tests)")
        console.print(textwrap.indent(escape(example.text), "    "), soft_wrap=True)
    for entry in transitions:
        console.print(f"\n[bold]{entry.id}[/bold] {_arrow(entry)}\n  {entry.meaning}", markup=True)
    _tell_citations(console, "Code", code)
    _tell_citations(console, "Tests", tests)
    if not tests:
        console.print("\n[dim]No tests here: they are in the project's checkout.[/dim]")


def _explain_transition(entry: machine.TransitionEntry, as_json: bool) -> None:
    if as_json:
        data = {
            "transition": entry.id,
            "trigger": entry.trigger,
            "from": list(entry.sources),
            "guard": list(entry.guard),
            "to": entry.to,
            "rules": list(entry.rules),
            "meaning": entry.meaning,
        }
        print_json(data)
        return
    console = terminal()
    console.print(f"[bold]{entry.id}[/bold] {_arrow(entry)}\n{entry.meaning}\n")
    guards = machine.lifecycle().table.guards
    for condition in entry.guard:
        guard = guards[machine.guard_name(condition)]
        console.print(f"guard [bold]{condition}[/bold] ({guard.rule}): {guard.meaning}")
    for number in entry.rules:
        console.print(f"{number}: {rulebook.rules()[number].title}")


def _arrow(entry: machine.TransitionEntry) -> str:
    guard = f" \\[{', '.join(entry.guard)}]" if entry.guard else ""
    return f"{' or '.join(entry.sources)} --{entry.trigger}{guard}--> {entry.to}"


def _tell_citations(console: Console, title: str, found: list[citations.Citation]) -> None:
    if found:
        console.print(f"\n[bold]{title}[/bold]")
        for citation in found:
            console.print(f"  {_place(citation.path, citation.line)}  {citation.name}", soft_wrap=True)


def _place(path: Path, line: int) -> str:
    root = files.ROOT.parent
    return f"{path.relative_to(root) if path.is_relative_to(root) else path}:{line}"
