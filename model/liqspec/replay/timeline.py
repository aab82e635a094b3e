"""Telling a run: a readable timeline for the terminal, and the same as plain data for machines."""

import re
import textwrap
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import attrs
from rich.console import Console

from liqspec.core import measures, snapshot
from liqspec.core.effects import Transitioned
from liqspec.core.measures import PositionTerms
from liqspec.edge import amounts, keys
from liqspec.edge.texts import thousands, words
from liqspec.replay.run import Comparison, Moment, Outcome, Run
from liqspec.report import decisions, terms
from liqspec.report.amounts import Units, approximate, counted_ticks, exact_text, people, value_text
from liqspec.report.decisions import Decision
from liqspec.report.sentences import effect_text, event_text
from liqspec.report.tables import table
from liqspec.report.visible_console import foreign, indented
from liqspec.spec.scenarios import Scenario
from liqspec.step.compare import Change, changes

# A pool's measures are shown together, in one line, when any of them changed.
_PRICES = ("liquidation_price", "liquidation_crossing", "bankruptcy_price")
_MEASURES = ("equity", "maintenance_margin", "initial_margin")


def print_run(run: Run, console: Console) -> Outcome:
    """Run a scenario and print its timeline, then how it ended."""
    file = run.scenario.file
    console.print(f"[bold]{foreign(file.title)}[/bold]  [dim]venue {foreign(file.venue or 'of its own')}[/dim]")
    if file.story.strip():
        _print_story(file.story.strip(), console)
    units = Units(run.engine.venue)
    for moment in run:
        console.print()
        for line in moment_lines(moment, units):
            console.print(line, soft_wrap=True)
    outcome = run.outcome()
    console.print()
    _print_figures(run, outcome, console)
    _print_end(outcome, run.scenario, console)
    return outcome


def _print_story(story: str, console: Console) -> None:
    """Print the scenario's own words; where one of their lines would run over, each paragraph is filled again."""
    lines = indented(story)
    if getattr(console, "hangs", False) and max(map(len, lines.split("\n"))) > console.width:
        width = max(console.width - 4, 1)
        filled = (textwrap.fill(one, width, break_long_words=False) for one in re.split(r"\n\s*\n", story))
        lines = indented("\n\n".join(filled))
    console.print(lines, style="italic", markup=False, soft_wrap=True)


def moment_lines(moment: Moment, units: Units) -> Iterator[str]:
    """A moment in lines for a console: its event, its effects with their rules, and what changed."""
    actor = "market" if moment.by_market else moment.protection
    by = "" if actor is None else f"[dim](the {actor})[/dim] "
    yield f"[bold]{moment.name:>3} {by}{foreign(event_text(moment.event))}[/bold]"
    if moment.note:
        yield f"    [italic dim]{foreign(moment.note)}[/italic dim]"
    around = moment.snapshots
    if moment.refusal is not None:
        yield f"    [yellow]refused[/yellow] {foreign(people(str(moment.refusal)))}"
        yield from _terms(decisions.of_refusal(units.venue, around, moment.event, moment.refusal))
    for effect, decision in decisions.of_effects(units.venue, around, moment.event, moment.effects):
        yield f"    [cyan]{effect.rule:<7}[/cyan]{foreign(effect_text(effect, units))}"
        yield from _terms(decision)
    yield from _changes(moment, units)
    for line in moment.why:
        yield f"    [magenta]why[/magenta]    {foreign(line)}"
    for difference in moment.theirs:
        yield f"    [bold red]engine[/bold red] {foreign(people(str(difference)))}"
    for line in moment.unexpected:
        yield f"    [bold red]not as expected:[/bold red] {foreign(people(line))}"


def _terms(decision: Decision | None) -> Iterator[str]:
    return (f"           [dim]{foreign(line)}[/dim]" for line in (() if decision is None else decision.lines()))


def _changes(moment: Moment, units: Units) -> Iterator[str]:
    by_subject: dict[str, list[Change]] = {}
    for change in changes(moment.before, moment.after):
        by_subject.setdefault(change.subject, []).append(change)
    held = _resized(moment, by_subject, units)
    for subject, changed in by_subject.items():
        texts = [
            f"{words(change.field)} {value_text(change.before)} -> {value_text(change.after)}"
            for change in changed
            if change.field not in _MEASURES or subject == "vault"
        ]
        if subject in held:
            texts.append(terms.prices(held[subject]))
        if any(change.field in _MEASURES for change in changed) and subject in moment.pools:
            texts.append(_pool_line(moment.pools[subject]))
        yield f"    [green]{foreign(subject):<24}[/green]{foreign('; '.join(texts))}"


def _resized(moment: Moment, by_subject: dict[str, list[Change]], units: Units) -> dict[str, PositionTerms]:
    """The open positions of which the size or the cost is another: their prices are so too."""
    keys_of = {key for key, changed in by_subject.items() if {"size", "cost"} & {change.field for change in changed}}
    if not keys_of:
        return {}
    pools = measures.all_terms(snapshot.build(units.venue, moment.snapshots[1])).values()
    return {one.position: one for pool in pools for one in pool.positions if one.position in keys_of}


def _pool_line(pool: dict[str, Any]) -> str:
    equity, margin = pool["equity"], pool["maintenance_margin"]
    if Fraction(margin) == 0:
        return f"equity {value_text(equity)}"
    sign, line = "<" if pool["breached"] else ">=", approximate(Fraction(pool["backstop_line"]))
    return f"equity {value_text(equity)} {sign} maintenance margin {value_text(margin)} (backstop line {line})"


def _print_figures(run: Run, outcome: Outcome, console: Console) -> None:
    sources = table("figure", "status", "note", title="Figures used")
    for source in run.scenario.file.source:
        sources.add_row(foreign(source.figure), source.status, foreign(source.note))
    titles = ("figure", "reported", "model", "gap", "what would explain the gap")
    compared = table(*titles, title="Reported and modelled", right=("reported", "model", "gap"))
    for comparison in outcome.comparisons:
        report = comparison.report
        compared.add_row(
            foreign(report.figure),
            ("~" if report.approximate else "") + thousands(report.reported),
            "none" if comparison.model is None else exact_text(comparison.model),
            _gap(comparison, run),
            foreign(report.explanation),
        )
    for rows in (sources, compared):
        if rows.rows:
            console.print(rows)


def _gap(comparison: Comparison, run: Run) -> str:
    """How far the model's figure is from the reported one; for a price also in ticks of its market."""
    if comparison.gap is None:
        return "none"
    kind, _, rest = comparison.report.measure.partition(".")
    key, _, name = rest.rpartition(".")
    of_position = kind == "position" and name in _PRICES
    market = rest if kind == "mark" else keys.market_of(key) if of_position else None
    ticks = "" if market is None else counted_ticks(comparison.gap / run.engine.venue.markets[market].price.step)
    return exact_text(comparison.gap) + ticks


def _print_end(outcome: Outcome, scenario: Scenario, console: Console) -> None:
    console.print(f"transitions: {' '.join(outcome.transitions) or 'none'}")
    console.print(f"rules that acted: {' '.join(outcome.rules) or 'none'}")
    if outcome.unexpected:
        console.print(f"[bold red]{len(outcome.unexpected)} unexpected[/bold red]")
        for line in outcome.unexpected:
            console.print(f"  {foreign(people(line))}", soft_wrap=True)
    elif scenario.expects:
        console.print("[bold green]as expected[/bold green]" + ": the engine answered otherwise" * outcome.differs)
    else:
        console.print("other rules than the scenario's own: it expects nothing of them; every property holds")


def moment_json(moment: Moment, units: Units) -> dict[str, Any]:
    """A moment as plain data: one line of the JSON Lines output."""
    refusal, around = moment.refusal, moment.snapshots
    pools = measures.all_terms(snapshot.build(units.venue, around[1]))
    return {
        "step": moment.number,
        "by_market": moment.by_market,
        **({} if moment.protection is None else {"protection": moment.protection}),
        "note": moment.note,
        "event": moment.event,
        "accepted": refusal is None,
        "refusal": None if refusal is None else decisions.refusal_json(units, around, moment.event, refusal),
        "effects": decisions.effects_json(units, around, moment.event, moment.effects),
        "transitions": [
            {name: getattr(effect, name) for name in ("position", "transition", "source", "target")}
            for effect in moment.effects
            if isinstance(effect, Transitioned)
        ],
        "changes": [attrs.asdict(change) for change in changes(moment.before, moment.after)],
        "observation": moment.after,
        "marks": moment.marks,
        "measures": {key: {**seen, "terms": measures.terms_json(pools[key])} for key, seen in moment.pools.items()},
        "arithmetic": list(decisions.arithmetic(units.venue, around, moment.event, moment.effects, refusal)),
        "why": list(moment.why),
        **({"theirs": [attrs.asdict(one) for one in moment.theirs]} if moment.theirs else {}),
        "unexpected": list(moment.unexpected),
    }


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """The end of a run as plain data: the last line of the JSON Lines output."""
    return {
        "end": {
            "as_expected": not outcome.unexpected,
            "unexpected": list(outcome.unexpected),
            "transitions": list(outcome.transitions),
            "rules": list(outcome.rules),
            "reported": [
                {
                    "figure": comparison.report.figure,
                    "reported": comparison.report.reported,
                    "model": None if comparison.model is None else amounts.ratio_text(comparison.model),
                    "gap": None if comparison.gap is None else amounts.ratio_text(comparison.gap),
                    "explanation": comparison.report.explanation,
                }
                for comparison in outcome.comparisons
            ],
        }
    }
