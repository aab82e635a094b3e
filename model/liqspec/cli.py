"""The command line: reads arguments, calls the tools, prints, and ends with 0 (holds), 1 (violated) or 2 (usage)."""

import json
import os
import sys
import textwrap
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from liqspec import (
    __version__,
    citations,
    counterexample,
    draw,
    machine,
    report,
    rulebook,
    scenario,
    scope,
    specification,
    timeline,
    venue_file,
    verify,
)
from liqspec.effects import Units
from liqspec.judge import Violation
from liqspec.shapes import WrongShape
from liqspec.simulate import Run
from liqspec.venue import InvalidConfig

HOLDS, VIOLATED, USAGE = 0, 1, 2
INTERRUPTED = 130  # as a shell reports it

# What a bad input raises: each is one line that says what was wrong, where, and what to do.
_BAD_INPUT = (
    specification.UnreadableFile,
    scenario.InvalidScenario,
    venue_file.InvalidVenueFile,
    machine.InvalidMachine,
    WrongShape,
    InvalidConfig,
)

app = typer.Typer(
    name="liqspec",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""The executable specification of perpetual-futures liquidations.

Run stories, read rules, and check that the rules hold.

**Examples**

- `liqspec scenarios` - what stories there are
- `liqspec simulate market-liquidation` - run one, and see each rule act
- `liqspec simulate my.toml --why alice/BTC/cross` - why was it, or was it not, liquidated?
- `liqspec explain LIQ-3` - a rule with its transitions, code and tests
- `liqspec verify` - check everything there is

**Exit status**: 0 if what was asked holds, 1 if it is violated, 2 for bad usage or bad input.
""",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables, for machines.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"liqspec {__version__}, rules {rulebook.version()}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the versions of tool and rules."),
    ] = False,
) -> None:
    del version


@app.command()
def simulate(
    story: Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped scenario's name, or a .toml file.")],
    why: Annotated[
        str | None,
        typer.Option(
            metavar="ACCOUNT/MARKET/MODE", help="After each step, why this position was or was not liquidated."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a scenario and print a timeline of what happened, what changed, and which rule acted.

    Each step shows the event, the rules that acted, and only what changed: equity against maintenance margin and
    backstop line for pools. Exits with 1 if something was not as the scenario expects.

    Examples: `liqspec simulate price-gap`, `liqspec simulate my.toml --why alice/BTC/cross`,
    `liqspec simulate deficit --json`
    """
    run = Run(scenario.load(story), why=why)
    if why is not None:
        _check_key(run, why)
    if as_json:
        units = Units(run.engine.venue)
        for moment in run:
            typer.echo(json.dumps(timeline.moment_json(moment, units), ensure_ascii=False))
        outcome = run.outcome()
        typer.echo(json.dumps(timeline.outcome_json(outcome), ensure_ascii=False))
    else:
        outcome = timeline.tell(run, _console())
    raise typer.Exit(VIOLATED if outcome.unexpected else HOLDS)


def _check_key(run: Run, key: str) -> None:
    """Refuse a position that can never exist in the scenario."""
    state, parts = run.engine.state, key.split("/")
    if len(parts) != 3 or parts[2] not in ("cross", "isolated"):
        _fail(f"--why {key}: expected ACCOUNT/MARKET/MODE with cross or isolated as mode, such as alice/BTC/cross")
    if parts[0] not in state.accounts or parts[1] not in state.marks:
        known = f"accounts {', '.join(state.accounts)}; markets {', '.join(state.marks)}"
        _fail(f"--why {key}: no such account or market in this scenario; it has {known}")


@app.command()
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
        _fail(f"{rule}: no such rule; rules are numbered {', '.join(groups)}-n, transitions T0 to T13")


@app.command()
def venues(as_json: Json = False) -> None:
    """List the rule sets that the specification ships."""
    loaded = [venue_file.load(name) for name in venue_file.names()]
    if as_json:
        rows = [
            {"name": venue.name, "title": venue.title, "markets": list(venue.markets), "about": venue.description}
            for venue in loaded
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("venue", "markets", "about")
    for venue in loaded:
        table.add_row(venue.name, ", ".join(venue.markets), venue.description)
    _console().print(table)


@app.command()
def scenarios(as_json: Json = False) -> None:
    """List the stories that the specification ships; run one with `liqspec simulate NAME`."""
    loaded = [scenario.load(name) for name in scenario.names()]
    if as_json:
        rows = [{"name": story.name, "title": story.file.title, "venue": story.file.venue} for story in loaded]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("scenario", "venue", "title")
    for story in loaded:
        table.add_row(story.name, story.file.venue or "its own", story.file.title)
    _console().print(table)


@app.command(name="draw")
def draw_command() -> None:
    """Print the lifecycle as a Mermaid state diagram, which repositories render in Markdown.

    Example: `liqspec draw > machine.mmd`
    """
    typer.echo(draw.mermaid(machine.lifecycle()), nl=False)


@app.command(name="verify")
def verify_command(
    venue: Annotated[
        str | None, typer.Option(help="Only this rule set: a shipped venue's name, or a .toml file.")
    ] = None,
    scope_names: Annotated[
        list[str] | None, typer.Option("--scope", help="Only this exhaustive scope (may be given several times).")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Random events to check.")] = verify.Effort().steps,
    budget: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Random events for so long, in place of --steps.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Where the random events start from.")] = 1,
    save: Annotated[Path, typer.Option(help="Where a counterexample is written, if there is one.")] = Path(
        "counterexample.toml"
    ),
    as_json: Json = False,
) -> None:
    """Check that the rules hold: worked examples, scenarios, exhaustive scopes, and random events, by every property.

    The same seed and steps give the same result, byte for byte; timings go to standard error. Exits with 1 if anything
    is violated, or was never exercised. A violation is shrunk, told step by step, and saved as a scenario.

    Examples: `liqspec verify`, `liqspec verify --venue hyperliquid --steps 1000000 --seed 7`,
    `liqspec verify --scope minimal --steps 1000`
    """
    effort = verify.Effort(
        venue=venue, scopes=tuple(scope_names or scope.names()), steps=steps, seconds=budget, seed=seed
    )
    found = verify.verify(effort, _console(stderr=True))
    shortest = min((counterexample.shrink(violation) for violation in found.violations), key=_length, default=None)
    if shortest is not None:
        counterexample.save(shortest, save)
    if as_json:
        typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        report.tell(found, _console())
        if shortest is not None:
            counterexample.tell(shortest, save, _console())
    raise typer.Exit(HOLDS if found.holds else VIOLATED)


def _length(violation: Violation) -> int:
    return len(violation.events)


# ---------------------------------------------------------------------------------------------------------- explaining


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
        typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    console = _console()
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
        typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    console = _console()
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
    root = specification.ROOT.parent
    return f"{path.relative_to(root) if path.is_relative_to(root) else path}:{line}"


# ---------------------------------------------------------------------------------------------------------------- edge


def _console(stderr: bool = False) -> Console:
    # Wide enough for a timeline where there is no terminal to ask.
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else 120
    return Console(stderr=stderr, width=width, highlight=False)


def _fail(message: str) -> None:
    typer.echo(f"liqspec: {message}", err=True)
    raise typer.Exit(USAGE)


def main() -> None:
    """Run the command line; bad input becomes one line and exit status 2, never a traceback."""
    try:
        app()
    except _BAD_INPUT as error:
        typer.echo(f"liqspec: {' '.join(str(error).split())}", err=True)
        sys.exit(USAGE)
    except BrokenPipeError:
        # The reader has gone (`liqspec … | head`): that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(HOLDS)
    except OSError as error:  # such as a counterexample that cannot be written
        typer.echo(f"liqspec: {error.filename or 'output'}: {(error.strerror or str(error)).lower()}", err=True)
        sys.exit(USAGE)
    except KeyboardInterrupt:
        typer.echo("liqspec: interrupted", err=True)
        sys.exit(INTERRUPTED)
