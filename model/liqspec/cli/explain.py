"""The command that explains a rule or a transition: text, worked examples, code and tests."""

import inspect
from pathlib import Path
from typing import Annotated, Any, ClassVar

import attrs
import typer
from rich.console import Console, ConsoleOptions
from rich.markdown import Markdown, TableElement

from liqspec.cli.app import Json, fail, print_json, terminal
from liqspec.core import machine
from liqspec.core.events import CHECKS, EVENTS
from liqspec.core.parameters import MARKET_PARAMETERS, PARAMETERS
from liqspec.core.refusals import MEANINGS
from liqspec.edge import files
from liqspec.edge.texts import did_you_mean, words
from liqspec.report.tables import WholeWords
from liqspec.report.visible_console import foreign, indented
from liqspec.spec import citations, observables, rulebook


class _MarkdownTable(TableElement):
    """A table of a page, as all others here."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Any:
        assert self.header is not None and self.header.row is not None and self.body is not None, "a table has both"
        made = WholeWords()
        for title in self.header.row.cells:
            made.add_column(title.content)
        for row in self.body.rows:
            made.add_row(*(cell.content for cell in row.cells))
        yield made


class Page(Markdown):
    """A text in Markdown."""

    elements: ClassVar = {**Markdown.elements, "table_open": _MarkdownTable}


def explain(
    rule: Annotated[
        str,
        typer.Argument(
            metavar="RULE",
            help="A rule such as LIQ-3, a group of rules such as BKS, a transition such as T5, or a name: "
            "of an event, a state, a trigger, a guard, a refusal code, a parameter of a venue or "
            "a field of an observation.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Print a rule: its text and worked examples, its transitions, its code and its tests.

    **Examples**

    - `liqspec explain LIQ-3`
    - `liqspec explain BKS`
    - `liqspec explain T5`
    - `liqspec explain below_backstop`
    """
    wanted, names, groups = rule.upper(), _names(), _groups()
    lifecycle = machine.lifecycle()
    if wanted in lifecycle.by_id:
        _explain_transition(lifecycle.by_id[wanted], as_json)
    elif wanted in rulebook.rules():
        _explain_rule(rulebook.rules()[wanted], as_json)
    elif wanted in groups:
        if as_json:
            print_json([{"rule": number, "title": entry.title} for number, entry in groups[wanted].items()])
            return
        for number, entry in groups[wanted].items():
            terminal().print(f"[bold]{number}[/bold] {foreign(entry.title)}", soft_wrap=True)
    elif rule.lower() in names:
        named = names[rule.lower()]
        if as_json:
            print_json(named)
            return
        by = f" ({named['rule']})" if "rule" in named else ""
        said = f"{named['kind']} [bold]{rule.lower()}[/bold]{by}: {foreign(named['meaning'])}"
        terminal().print(said, soft_wrap=True)
        for more in ("event", "answers"):
            if more in named:
                terminal().print(f"{more}: {foreign(named[more])}", soft_wrap=True)
    else:
        known = [*lifecycle.by_id, *rulebook.rules(), *groups, *names]
        hint = did_you_mean(wanted, known) or did_you_mean(rule.lower(), known)
        fail(f"{rule}: no such rule; rules are numbered {', '.join(sorted(groups))}-n, transitions T0 to T13{hint}")


def _groups() -> dict[str, dict[str, rulebook.Rule]]:
    groups: dict[str, dict[str, rulebook.Rule]] = {}
    for number, rule in rulebook.rules().items():
        groups.setdefault(number.partition("-")[0], {})[number] = rule
    return groups


def _names() -> dict[str, dict[str, str]]:
    """What has a name and a meaning, by its name."""
    table, fields = machine.lifecycle().table, observables.observables().fields
    parameters = {
        one.path: {"kind": "parameter", "rule": one.rule, "meaning": one.meaning}
        for one in (*PARAMETERS, *MARKET_PARAMETERS)
    }
    guards = {
        name: {"kind": "guard", "rule": entry.rule, "meaning": entry.meaning} for name, entry in table.guards.items()
    }
    found = {
        **{name: {"kind": "field of an observation", **_observed(entry)} for name, entry in fields.items()},
        **{
            name: {"kind": "refusal", "meaning": meaning, "answers": _answers(name)}
            for name, meaning in MEANINGS.items()
        },
        **{name.rpartition(".")[2]: entry for name, entry in parameters.items()},
        **parameters,
        **{name: {"kind": "trigger", "meaning": entry.meaning} for name, entry in table.triggers.items()},
        **guards,
        **{name: {"kind": "state", "meaning": entry.meaning} for name, entry in table.states.items()},
    }
    for name in EVENTS:
        text = _event(name)
        found[name] = {**found[name], "event": text} if name in found else {"kind": "event", "meaning": text}
    return found


def _event(name: str) -> str:
    """What an event is: its rules, its fields, and the codes that refuse it, in the order of its checks."""
    fields = ", ".join(attribute.name for attribute in attrs.fields(EVENTS[name]))
    codes = ", ".join(dict.fromkeys(check.code for check in CHECKS[name]))
    return f"{inspect.getdoc(EVENTS[name])} Fields: {fields or 'none'}. Refused as: {codes}."


def _answers(code: str) -> str:
    """The events that are refused with a code, each with the rules by which they are."""
    rules = {
        name: ", ".join(dict.fromkeys(check.rule for check in checks if check.code == code))
        for name, checks in CHECKS.items()
    }
    return ", ".join(f"{name} ({by})" for name, by in rules.items() if by) or "none"


def _observed(entry: observables.Observable) -> dict[str, str]:
    """A field of an observation: its first rule, how it compares, and what sets it."""
    setters = ", ".join(words(name) for name in entry.effects) or "nothing that has a name"
    rules = ", ".join(entry.rules)
    return {"rule": entry.rules[0], "meaning": f"compared as {entry.kind}; decided by {rules}; set by: {setters}"}


def _explain_rule(rule: rulebook.Rule, as_json: bool) -> None:
    transitions = [entry for entry in machine.lifecycle().table.transitions if rule.id in entry.rules]
    code = [citation for citation in citations.of_code() if citation.rule == rule.id]
    cited = {
        "Decided in": [citation for citation in code if citation.decides],
        "Mentioned in": [citation for citation in code if not citation.decides],
        "Tests": [citation for citation in citations.of_tests() if citation.rule == rule.id],
    }
    if as_json:
        data = {
            "rule": rule.id,
            "title": rule.title,
            "text": rule.text,
            "page": _place(rule.path, rule.line),
            "examples": [example.text for example in rule.examples],
            "transitions": [entry.id for entry in transitions],
            "code": [_cited(citation) for citation in code],
            "decided_in": [_cited(citation) for citation in cited["Decided in"]],
            "tests": [_cited(citation) for citation in cited["Tests"]],
        }
        print_json(data)
        return
    console = terminal()
    console.print(f"[bold]{rule.id}[/bold] {rule.title}  [dim]{_place(rule.path, rule.line)}[/dim]")
    console.print(Page(rule.text))
    for example in rule.examples:
        console.print("\n[bold]Worked example[/bold] (executed by the tests)")
        console.print(indented(example.text), markup=False, soft_wrap=True)
    for entry in transitions:
        console.print(f"\n[bold]{entry.id}[/bold] {_arrow(entry)}\n  {entry.meaning}", markup=True)
    for title, found in cited.items():
        if found:
            console.print(f"\n[bold]{title}[/bold]")
        for citation in found:
            console.print(f"  {_cited(citation, gap='  ')}", soft_wrap=True)
    if not cited["Tests"]:
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


def _cited(citation: citations.Citation, gap: str = " ") -> str:
    return f"{_place(citation.path, citation.line)}{gap}{citation.name}"


def _place(path: Path, line: int) -> str:
    root = files.ROOT.parent
    return f"{path.relative_to(root) if path.is_relative_to(root) else path}:{line}"
