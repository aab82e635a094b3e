"""Checking that the rules hold: worked examples, scenarios, and guided random runs, all under every property."""

import json
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from random import Random
from typing import Any

import attrs
from attrs import Factory, define
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from liqspec import events, rulebook, scenario, venue_file
from liqspec.amounts import decimal_text
from liqspec.config import Config
from liqspec.effects import Effect, Transitioned
from liqspec.engine import Engine
from liqspec.guided import EventData, Guide, configuration
from liqspec.properties import PROPERTIES, Witness
from liqspec.refusals import Refusal
from liqspec.report import Report, Violation
from liqspec.scenario import Scenario
from liqspec.simulate import Run
from liqspec.venue_file import VenueFile

EPISODE = 80  # events in one random run: long enough for two liquidations, short enough to read
_START = 50_000  # the starting mark of each market in ticks, so that a tick is a small move


@define
class Tally:
    """Counts what a verification exercised, and collects what was violated."""

    checked: Counter[str] = Factory(Counter)
    transitions: Counter[str] = Factory(Counter)
    rules: Counter[str] = Factory(Counter)
    refusals: Counter[str] = Factory(Counter)
    violations: list[Violation] = Factory(list)

    def count(self, effects: Iterable[Effect], refusal: Refusal | None) -> None:
        """Count what one event did."""
        for effect in effects:
            self.rules[effect.rule] += 1
            if isinstance(effect, Transitioned):
                self.transitions[effect.transition] += 1
        if refusal is not None:
            self.refusals[refusal.code] += 1
            self.rules[refusal.rule] += 1


class Judge:
    """Watches one run through its observations, and tells which properties an event violated."""

    def __init__(self, config: dict[str, Any], observation: dict[str, Any], tally: Tally) -> None:
        self._witness = Witness(config, observation)
        self._tally = tally

    def see(self, event: EventData, refusal: str | None, observation: dict[str, Any]) -> list[tuple[str, str]]:
        """The violated properties and what was wrong, after one event."""
        step = self._witness.see(event, refusal, observation)
        wrong = []
        for name, entry in PROPERTIES.items():
            judgement = entry.judge(step)
            if judgement is not None:
                self._tally.checked[name] += 1
                if judgement:
                    wrong.append((name, judgement))
        return wrong


def verify(*, venue: str | None, steps: int, seed: int, progress: Console) -> Report:
    """Check worked examples, scenarios and random runs; deterministic in its arguments.

    Raises:
        specification.UnreadableFile, shapes.WrongShape, InvalidConfig, InvalidScenario: a file of the specification,
            or the venue asked for, is wrong.
    """
    tally = Tally()
    examples = [
        rulebook.example_scenario(rule, example) for rule in rulebook.rules().values() for example in rule.examples
    ]
    stories = [scenario.load(name) for name in scenario.names()]
    bases = [_base(venue_file.load(name)) for name in ([venue] if venue else venue_file.names())]
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=progress, transient=True) as bars:
        failed_examples = _stories(examples, "worked examples", tally, bars)
        failed_stories = _stories(stories, "scenarios", tally, bars)
        _random(bases, steps, seed, tally, bars)
    return Report(
        venues=[venue] if venue else venue_file.names(),
        seed=seed,
        steps=steps,
        examples=len(examples),
        scenarios=len(stories),
        failures=[*failed_examples, *failed_stories],
        checked=dict(tally.checked),
        transitions=dict(tally.transitions),
        rules=dict(tally.rules),
        refusals=dict(tally.refusals),
        violations=tally.violations,
    )


def _stories(stories: list[Scenario], title: str, tally: Tally, bars: Progress) -> list[str]:
    """Run scenarios with their expectations, judged by every property; what was not as expected."""
    failures: list[str] = []
    for story in bars.track(stories, description=title):
        run = Run(story)
        judge = Judge(_plain(story.config), run.engine.observe(), tally)
        told: list[EventData] = []
        for moment in run:
            told.append(events.to_json(moment.event))
            tally.count(moment.effects, moment.refusal)
            code = None if moment.refusal is None else moment.refusal.code
            for name, wrong in judge.see(told[-1], code, moment.after):
                tally.violations.append(Violation(name, wrong, f"scenario {story.name}", _plain(story.config), told))
        failures.extend(f"{story.name}: {line}" for line in run.outcome().unexpected)
    return failures


def _random(bases: list[dict[str, Any]], steps: int, seed: int, tally: Tally, bars: Progress) -> None:
    """Guided random runs, each in a configuration near that of a venue."""
    task = bars.add_task("random events", total=steps)
    done = episode = 0
    while done < steps and not tally.violations:
        length = min(EPISODE, steps - done)
        random = Random(f"{seed}/{episode}")  # a string seeds the same on every machine and PYTHONHASHSEED
        _episode(configuration(random, random.choice(bases)), random, length, f"seed {seed} run {episode}", tally)
        done += length
        episode += 1
        bars.update(task, completed=done)


def _episode(config: dict[str, Any], random: Random, length: int, where: str, tally: Tally) -> None:
    engine = Engine(Config.from_json(config))
    guide = Guide(random, engine)
    judge = Judge(config, engine.observe(), tally)
    told: list[EventData] = []
    for _ in range(length):
        event = guide.next_event()
        told.append(event)
        before, refusal = engine.snapshot(), None
        effects: tuple[Effect, ...] = ()
        try:
            effects = engine.apply(events.from_json(event))
        except Refusal as error:
            refusal = error
        tally.count(effects, refusal)
        found = judge.see(event, None if refusal is None else refusal.code, engine.observe())
        found += _on_the_model(engine, before, event, refusal, effects, tally)
        if found:
            tally.violations.extend(Violation(name, wrong, where, config, list(told)) for name, wrong in found)
            return


# The properties that need more than observations: they look at the model's own snapshots.
REFUSED_CHANGES_NOTHING = "a_refused_event_changes_no_bit"
DETERMINISTIC = "the_same_event_in_the_same_state_does_the_same"


def _on_the_model(
    engine: Engine,
    before: Any,
    event: EventData,
    refusal: Refusal | None,
    effects: tuple[Effect, ...],
    tally: Tally,
) -> list[tuple[str, str]]:
    after = engine.snapshot()
    if refusal is not None:
        tally.checked[REFUSED_CHANGES_NOTHING] += 1
        return [] if after == before else [(REFUSED_CHANGES_NOTHING, "the snapshot changed")]
    tally.checked[DETERMINISTIC] += 1
    engine.restore(before)
    again = engine.apply(events.from_json(event))
    if again != effects or engine.snapshot() != after:
        return [(DETERMINISTIC, "a repetition from the snapshot before ended differently")]
    return []


def _base(venue: VenueFile) -> dict[str, Any]:
    """A venue's configuration in plain data, with a starting mark for each market."""
    marks = {name: decimal_text(Fraction(market.tick) * _START) for name, market in venue.markets.items()}
    return _plain(venue.config(accounts=("alice",), marks=marks))


def _plain(config: Config) -> dict[str, Any]:
    """A configuration as the protocol writes it: without what is absent."""
    data = attrs.asdict(config, filter=lambda _, value: value is not None)
    plain: dict[str, Any] = json.loads(json.dumps(data))  # tuples become lists
    return plain
