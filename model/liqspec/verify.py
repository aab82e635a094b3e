"""Checking that the rules hold: examples, scenarios, exhaustive scopes and guided random runs, all by one set."""

import time
from fractions import Fraction
from random import Random
from typing import Any

from attrs import frozen
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from liqspec import explore, rulebook, scenario, scope, venue_file
from liqspec.amounts import decimal_text
from liqspec.config import Config
from liqspec.engine import Engine
from liqspec.events import EventData
from liqspec.guided import Guide, configuration
from liqspec.judge import Judge, Tally, Violation
from liqspec.report import Report, ScopeResult
from liqspec.scenario import Scenario
from liqspec.scope import Scope
from liqspec.simulate import Run
from liqspec.venue_file import VenueFile

EPISODE = 80  # events in one random run: long enough for two liquidations, short enough to read
_START = 50_000  # the starting mark of each market in ticks, so that a tick is a small move


@frozen(kw_only=True)
class Effort:
    """How much to check: `steps` random events, or as many as fit in `seconds` where that is given."""

    venue: str | None = None
    scopes: tuple[str, ...] = ()
    steps: int = 40_000
    seconds: float | None = None
    seed: int = 1


def verify(effort: Effort, progress: Console) -> Report:
    """Check everything; deterministic in the effort, unless that is given in seconds.

    Raises:
        specification.UnreadableFile, shapes.WrongShape, InvalidConfig, InvalidScenario: a file of the specification,
            or the venue asked for, is wrong.
    """
    tally = Tally()
    examples = rulebook.example_scenarios()
    stories = [scenario.load(name) for name in scenario.names()]
    venues = [effort.venue] if effort.venue else venue_file.names()
    bases = [base_configuration(venue_file.load(name)) for name in venues]
    worlds = [scope.load(name) for name in effort.scopes]
    columns = (TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=progress, transient=True) as bars:
        failures = _stories(examples, "worked examples", tally, bars)
        failures += _stories(stories, "scenarios", tally, bars)
        results = []
        for world in worlds:
            found = _explored(world, bars)
            progress.print(f"scope {world.name}: {found.states / found.seconds:,.0f} states/s")
            results.append(ScopeResult.of(found))
            tally.violations.extend(found.tally.violations)
        done = _random(bases, effort, tally, bars)
    return Report(
        venues=venues,
        seed=effort.seed,
        steps=done,
        examples=len(examples),
        scenarios=len(stories),
        failures=failures,
        checked=dict(sorted(tally.checked.items())),
        transitions=dict(sorted(tally.transitions.items())),
        rules=dict(sorted(tally.rules.items())),
        refusals=dict(sorted(tally.refusals.items())),
        scopes=results,
        violations=tally.violations,
    )


def _explored(world: Scope, bars: Progress) -> explore.Exploration:
    bar = bars.add_task(f"scope {world.name}", total=None)
    found = explore.explore(world, progress=lambda states: bars.update(bar, completed=states))
    bars.update(bar, total=found.states, completed=found.states)
    return found


def _stories(stories: list[Scenario], title: str, tally: Tally, bars: Progress) -> list[str]:
    """Run scenarios with their expectations, judged by every property; what was not as expected."""
    failures: list[str] = []
    for story in bars.track(stories, description=title):
        run = Run(story, tally=tally)
        for _ in run:
            pass
        failures.extend(f"{story.name}: {line}" for line in run.outcome().unexpected)
    return failures


def _random(bases: list[dict[str, Any]], effort: Effort, tally: Tally, bars: Progress) -> int:
    """Guided random runs, each in a configuration near that of a venue; how many events there were."""
    bar: TaskID = bars.add_task("random events", total=None if effort.seconds else effort.steps)
    began, done, episode = time.monotonic(), 0, 0
    while not tally.violations:
        if effort.seconds is None:
            length = min(EPISODE, effort.steps - done)
        else:
            length = EPISODE if time.monotonic() - began < effort.seconds else 0
        if length == 0:
            break
        random = Random(f"{effort.seed}/{episode}")  # a string seeds the same on every machine and PYTHONHASHSEED
        where = f"random run {episode} of seed {effort.seed}"
        _episode(configuration(random, random.choice(bases)), random, length, where, tally)
        done += length
        episode += 1
        bars.update(bar, completed=done)
    return done


def _episode(config: dict[str, Any], random: Random, length: int, where: str, tally: Tally) -> None:
    engine = Engine(Config.from_json(config))
    guide, judge = Guide(random, engine), Judge.of_start(engine, config, tally)
    told: list[EventData] = []
    for _ in range(length):
        told.append(guide.next_event())
        before = judge.snapshot
        found = judge.apply(told[-1])
        if not found and judge.snapshot != before:
            found = judge.repeat(before, told[-1])
        if found:
            tally.violations.extend(Violation(name, wrong, where, config, list(told)) for name, wrong in found)
            return


def base_configuration(venue: VenueFile) -> dict[str, Any]:
    """A venue's configuration in plain data, with a starting mark for each market."""
    marks = {name: decimal_text(Fraction(market.tick) * _START) for name, market in venue.markets.items()}
    return venue.config(accounts=("alice",), marks=marks).to_json()
