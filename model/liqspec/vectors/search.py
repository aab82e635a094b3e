"""The search for the shortest events that reach a goal: guided runs from a fixed seed, shrunk, with plain numbers."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.generate import Guide
from liqspec.search.campaign import guided_run, seeded
from liqspec.search.minimise import FailingRun, minimise
from liqspec.search.passes import FEWER, PLAINER, SIMPLER
from liqspec.spec import rulebook
from liqspec.vectors.goals import acting_rules

LENGTH = 50  # events of one run
RUNS = 500  # from one configuration, if all that is wanted was reached by then
MORE = 5_000  # at most
PASSES = (FEWER, SIMPLER, PLAINER, FEWER, SIMPLER)  # those that made the committed cases
CANDIDATES = 3  # runs that reach a goal, of which the one that becomes plainest is taken


Goal = Callable[[Engine, EventData], set[str]]  # applies an event, and returns what it reaches, by name


def search(config: dict[str, Any], wanted: set[str], goals: Goal, seed: str) -> dict[str, FailingRun]:
    """A short run for each of what is wanted, ending as soon as it is reached; what is not found is left out."""
    found: dict[str, list[FailingRun]] = {goal: [] for goal in wanted}
    for number in range(MORE):
        enough = CANDIDATES if number < RUNS else 1
        open_goals = {goal for goal, runs in found.items() if len(runs) < enough}
        if not open_goals:
            break
        for goal, run in _goals_reached(config, seed, number, goals, open_goals).items():
            found[goal].append(run)
    return {
        goal: min((shortest(run, goal, goals) for run in found[goal]), key=_burden)
        for goal in sorted(wanted)
        if found[goal]
    }


def _goals_reached(
    config: dict[str, Any], seed: str, number: int, goals: Goal, wanted: set[str]
) -> dict[str, FailingRun]:
    """The goals that a guided run reaches, each with the events up to it; it ends when it has reached all."""
    engine, events, runs = Engine(Config.from_json(config)), list[EventData](), dict[str, FailingRun]()

    def apply(event: EventData) -> bool | None:
        events.append(event)
        for goal in goals(engine, event) & wanted:
            runs.setdefault(goal, FailingRun(config, list(events)))
        return runs.keys() == wanted or None

    guided_run(Guide(seeded(seed, number), engine).next_event, apply, LENGTH, f"run {number} of {seed}")
    return runs


def rules_seen(config: dict[str, Any], seed: str) -> set[str]:
    """The rules that act, or refuse, in guided runs of a configuration."""
    every = set(rulebook.rules())
    runs = (_goals_reached(config, seed, number, acting_rules, every) for number in range(RUNS))
    return set[str]().union(*runs)


def _burden(failing: FailingRun) -> tuple[int, int]:
    """What a reader has to read: events before all, then digits."""
    return len(failing.events), len(json.dumps([failing.config, failing.events]))


def shortest(failing: FailingRun, goal: str, goals: Goal) -> FailingRun:
    """A run that reaches the goal, with as few events and as plain numbers as shrinking makes; its rules are kept."""

    def fails(candidate: FailingRun) -> FailingRun | None:
        # The case is about its configuration: only accounts and markets may be removed.
        rules = {name: candidate.config.get(name) for name in ("liquidation", "backstop", "vault")}
        if rules != {name: failing.config.get(name) for name in rules}:
            return None
        for index, met in enumerate(reached(candidate.config, candidate.events, goals)):
            if goal in met:
                return FailingRun(candidate.config, candidate.events[: index + 1])
        return None

    return minimise(failing, fails, *PASSES)


def reached(config: dict[str, Any], events: Iterable[Any], goals: Goal) -> Iterator[set[str]]:
    """What each event of a run reaches."""
    engine = Engine(Config.from_json(config))
    return (goals(engine, event) for event in events)
