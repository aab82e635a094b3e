"""The difference of two rule sets, for people and for machines, and saved as a scenario."""

from collections.abc import Iterable, Iterator
from typing import Any

import tomli_w
from rich.console import Console

from liqspec.core.events import EventData
from liqspec.distinguish.by_parameter import Alone
from liqspec.distinguish.search import Distinction, Outcome, Parameter, RuleSets
from liqspec.edge.texts import counted
from liqspec.report.amounts import parameter_value, people, value_text
from liqspec.report.sentences import event_text
from liqspec.report.tables import table
from liqspec.report.visible_console import foreign
from liqspec.spec import rulebook
from liqspec.step.compare import Difference
from liqspec.step.question import reason_json
from liqspec.verify.counterexample import scenario_data


def print_outcome(outcome: Outcome, console: Console, markets: Iterable[str] = ()) -> None:
    """Print what was found, or how much was tried; where the rules are the same, how the `markets` differ."""
    for line in _lines(outcome, list(markets)):
        console.print(line, soft_wrap=True)


def print_alone(sets: RuleSets, found: list[Alone], console: Console) -> None:
    """Print a table: what each parameter does alone, by a short example, or by the shortest events that were found."""
    rows = table("parameter, and what an account notices", "events", title="Parameter by parameter")
    for one in found:
        within = "" if one.within == sets.names[0] else f", in the rules of {one.within}"
        values = ", ".join(_values(one.parameter, sets.names))
        about, events = [f"{one.parameter.path} ({one.parameter.rule}{within})", values], list[str]()
        if one.distinction is None:
            about.append("no difference found")
        else:
            divergence = one.distinction.divergence
            about.append(difference_text(divergence.first.difference, sets.names))
            listed = [f"{number} {event_text(event)}" for number, event in enumerate(divergence.events, start=1)]
            events = [marks_text(one.distinction), *listed]
        rows.add_row("\n".join(map(foreign, about)), "\n".join(map(foreign, events)))
        rows.add_section()
    console.print(rows)
    console.print("\nThe shortest of all:")


def alone_json(found: list[Alone]) -> list[dict[str, Any]]:
    """The same as plain data."""
    return [
        {
            **_parameter_json(one.parameter),
            "rule": one.parameter.rule,
            "within": one.within,
            "events": None if one.distinction is None else list(one.distinction.divergence.events),
            "difference": None if one.distinction is None else reason_json(one.distinction.divergence.first),
        }
        for one in found
    ]


def _lines(outcome: Outcome, markets: list[str]) -> Iterator[str]:
    first, second = (foreign(name) for name in outcome.sets.names)
    parameters = outcome.sets.parameters()
    if not parameters:
        yield f"{first} and {second} have the same rules" + ("; their markets differ:" if markets else " and markets")
        yield from (f"    {foreign(line)}" for line in markets)
        return
    yield f"[bold]{first} and {second}, both in the markets of {first}[/bold]"
    found = outcome.distinction
    if found is None:
        tried = f"{counted(outcome.steps, 'event')} of {counted(outcome.runs, 'run')}"
        yield f"no difference found in {tried}, though these parameters differ:"
        yield from (_parameter(entry, outcome.sets.names) for entry in parameters)
        return
    yield f"They differ after {counted(len(found.divergence.events), 'event')}, from {foreign(marks_text(found))}:\n"
    for number, event in enumerate(found.divergence.events, start=1):
        yield f"[bold]{number:>3} {foreign(event_text(event))}[/bold]"
    yield f"\n{foreign(difference_text(found.divergence.first.difference, outcome.sets.names))}"
    for name, did in zip(outcome.sets.names, found.divergence.did, strict=True):
        yield f"\n[bold]{foreign(name)}[/bold]"
        yield from (f"    {foreign(people(line))}" for line in did or ("nothing happens",))
    yield "\nThe rule that makes the difference:"
    # A single parameter makes the difference by its own rule.
    deciding = [found.parameters[0].rule] if len(found.parameters) == 1 else []
    also = dict.fromkeys((*deciding, *found.divergence.rules))
    first_rule, *rest = also
    yield f"    [cyan]{first_rule}[/cyan] {foreign(rulebook.rules()[first_rule].title)}"
    if rest:
        yield f"    it acts together with {', '.join(rest)}"
    yield "\nThe parameters that it needs:"
    yield from (_parameter(entry, outcome.sets.names) for entry in found.parameters)
    others = [entry.path for entry in parameters if entry.path not in {one.path for one in found.parameters}]
    if others:
        yield f"    (they also differ in {foreign(', '.join(others))})"
    yield f"\n{_how_short(found)} Tried: {counted(outcome.steps, 'event')} of {counted(outcome.runs, 'run')}."


def marks_text(found: Distinction) -> str:
    """The marks at which the markets of the events start."""
    named = {name for event in found.divergence.events for name in (event.get("market"), *_priced(event))}
    marks = found.setting["marks"]
    return "marks " + ", ".join(
        f"{name} {value_text(marks[name])}" for name in marks if name in named or not named & {*marks}
    )


def _priced(event: EventData) -> list[Any]:
    prices = event.get("prices")
    return list(prices) if isinstance(prices, dict) else []


def _how_short(found: Distinction) -> str:
    """What is known of shorter ones; where trades far from the mark make it shorter, of those."""
    far, these = "", "these events, and of these"
    if found.shortest < len(found.divergence.events):
        far, these = f"With trades far from the mark {counted(found.shortest, 'event')} do it. ", "those, and of those"
    if found.exhausted:
        return f"{far}No shorter sequence of {these} with an amount halved or doubled, does it."
    return f"{far}There may be shorter ones: those one event shorter were too many to try all."


def difference_text(difference: Difference, names: tuple[str, str]) -> str:
    """A difference in one line, with the names of the rule sets for ours and theirs."""
    where = difference.field if difference.subject in ("run", "vault") else f"{difference.subject} {difference.field}"
    return f"{where}: {names[0]} {value_text(difference.ours)}, {names[1]} {value_text(difference.theirs)}"


def parameter_text(parameter: Parameter, names: tuple[str, str]) -> str:
    """A parameter in one line, with its value in each rule set."""
    return f"{parameter.path}: {', '.join(_values(parameter, names))}"


def _values(parameter: Parameter, names: tuple[str, str]) -> list[str]:
    values = (parameter_value(parameter.first), parameter_value(parameter.second))
    return [f"{name} {value}" for name, value in zip(names, values, strict=True)]


def _parameter(parameter: Parameter, names: tuple[str, str]) -> str:
    return f"    {foreign(parameter_text(parameter, names))}"


def to_json(outcome: Outcome) -> dict[str, Any]:
    """What was found as plain data."""
    found = outcome.distinction
    data: dict[str, Any] = {
        "venues": list(outcome.sets.names),
        "differ": found is not None,
        "runs": outcome.runs,
        "steps": outcome.steps,
        "parameters": [_parameter_json(entry) for entry in outcome.sets.parameters()],
    }
    if found is not None:
        first, second = outcome.sets.configs(found.setting)
        data["distinction"] = {
            "configs": [first, second],
            "events": list(found.divergence.events),
            "rules": list(found.divergence.rules),
            "difference": reason_json(found.divergence.first),
            "did": [list(did) for did in found.divergence.did],
            "parameters": [_parameter_json(entry) for entry in found.parameters],
            "shortest_at_any_price": found.shortest,
            "no_shorter_of_these_events": found.exhausted,
        }
    return data


def _parameter_json(parameter: Parameter) -> dict[str, Any]:
    return {"parameter": parameter.path, "first": parameter.first, "second": parameter.second}


def to_scenario(sets: RuleSets, found: Distinction) -> str:
    """The events as a scenario under the first rule set; its story says what the second one has instead."""
    changed = "; ".join(f"{one.path} = {value_text(one.second)}" for one in found.parameters)
    data = scenario_data(
        f"Where {sets.names[0]} and {sets.names[1]} differ",
        f"{difference_text(found.divergence.first.difference, sets.names)}. {sets.names[1]} has {changed}.",
        sets.configs(found.setting)[0],
        found.divergence.events,
    )
    return tomli_w.dumps(data)
