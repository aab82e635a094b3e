"""The search for the shortest events that distinguish two rule sets: guided runs, shrinking, then all shorter ones."""

from fractions import Fraction
from random import Random
from typing import Any

from attrs import evolve, frozen

from liqspec.core.events import EventData
from liqspec.core.snapshot import Snapshot
from liqspec.distinguish.divergence import Difference, Pair, play
from liqspec.distinguish.rule_sets import Parameter, RuleSets
from liqspec.edge.amounts import decimal_text, is_decimal
from liqspec.generate import Guide
from liqspec.generate.configurations import in_its_markets
from liqspec.search.campaign import Budget, guided_run, seeded
from liqspec.search.minimise import FailingRun, Pass, Test, minimise
from liqspec.search.passes import PLAINER, SHORTEST

LENGTH = 40  # events in one run
STEPS = 20_000  # events tried, if nothing else is asked for
CANDIDATES = 12  # the number of differing runs that are made short; the shortest of them is used
STATES = 3_000  # states of both engines that the search through all shorter sequences may see


@frozen(kw_only=True)
class Distinction:
    """What distinguishes two rule sets: the events, their setting, and the necessary parameters.

    `exhausted` says that no shorter sequence of the same events and of their variations does it: all were tried.
    """

    setting: dict[str, Any]
    divergence: Difference
    parameters: tuple[Parameter, ...]
    exhausted: bool


@frozen(kw_only=True)
class Outcome:
    """What was tried, and what was found, if anything was."""

    sets: RuleSets
    runs: int
    steps: int
    distinction: Distinction | None = None


def search(sets: RuleSets, budget: Budget, passes: tuple[tuple[Pass, ...], ...] = (SHORTEST,)) -> Outcome:
    """Search, and make what is found short with these passes; equal rule sets need no search.

    Without a limit the budget is `STEPS`. Deterministic in the budget, unless that is given in seconds.
    """
    if not sets.parameters():
        return Outcome(sets=sets, runs=0, steps=0)
    if budget.steps is None and budget.seconds is None:
        budget = evolve(budget, steps=STEPS)
    found: list[FailingRun] = []
    runs = steps = 0
    numbers = budget.numbers(lambda: steps)
    for number in numbers:
        random = seeded(budget.seed, number)
        setting = _setting(random, sets)
        pair = Pair(sets, setting)
        # Each rule set has its own lines and windows, so the guide follows each in turn.
        guide = Guide(random, pair.engines[number % 2])
        divergence = guided_run(guide.next_event, pair.apply, LENGTH)
        runs, steps = runs + 1, steps + len(pair.events)
        if divergence is not None:
            found.append(FailingRun(setting, list(divergence.events)))
        if len(found) == CANDIDATES:
            break
    if not found:
        return Outcome(sets=sets, runs=runs, steps=steps)
    shortest = min((minimise(run, _differs(sets), *passes) for run in found), key=lambda run: len(run.events))
    return Outcome(sets=sets, runs=runs, steps=steps, distinction=_distinction(sets, shortest, passes))


def _setting(random: Random, sets: RuleSets) -> dict[str, Any]:
    """A setting near that of the first rule set: accounts, markets and a vault by chance, the rules left out."""
    setting = in_its_markets(random, sets.setting)
    return {
        **{name: value for name, value in setting.items() if name != "liquidation"},
        "backstop": sets.setting["backstop"],
    }


def _differs(sets: RuleSets) -> Test:
    def fails(candidate: FailingRun) -> FailingRun | None:
        divergence = play(sets, candidate.config, candidate.events)
        return None if divergence is None else FailingRun(candidate.config, list(divergence.events))

    return fails


def _distinction(sets: RuleSets, shortest: FailingRun, passes: tuple[tuple[Pass, ...], ...]) -> Distinction:
    best = minimise(shortest, _differs(sets), PLAINER)
    while True:
        shorter, exhausted = _all_shorter(sets, best.config, best.events)
        if shorter is None:
            break
        best = minimise(FailingRun(best.config, shorter), _differs(sets), *passes, PLAINER)
    divergence = play(sets, best.config, best.events)
    assert divergence is not None, "it was found by playing it"
    parameters = _decisive(sets, best.config, best.events)
    return Distinction(setting=best.config, divergence=divergence, parameters=parameters, exhausted=exhausted)


def _decisive(sets: RuleSets, setting: dict[str, Any], events: list[EventData]) -> tuple[Parameter, ...]:
    """The parameters that are needed for the difference: all others can be made equal, and it stays."""
    rest = sets
    for parameter in sets.parameters():
        candidate = rest.without(parameter)
        if play(candidate, setting, events) is not None:
            rest = candidate
    return rest.parameters()


# ----------------------------------------------------------------------------------------------------- all shorter


def _all_shorter(
    sets: RuleSets, setting: dict[str, Any], events: list[EventData]
) -> tuple[list[EventData] | None, bool]:
    """A shorter sequence of these events and of their variations that does it too; and whether all were tried."""
    menu = _menu(events)
    pair = Pair(sets, setting)
    level: list[tuple[tuple[Snapshot, Snapshot], list[EventData]]] = [(pair.snapshots, [])]
    seen = {pair.snapshots}
    for _ in range(len(events) - 1):
        following = []
        for snapshots, events_so_far in level:
            for event in menu:
                pair.restore(snapshots, events_so_far)
                if pair.apply(event) is not None:
                    return pair.events, True
                if pair.snapshots not in seen:
                    seen.add(pair.snapshots)
                    following.append((pair.snapshots, pair.events))
                if len(seen) > STATES:
                    return None, False
        level = following
    return None, True


def _menu(events: list[EventData]) -> list[EventData]:
    """The events of a run, each also with an amount of it halved or doubled."""
    menu: list[EventData] = []
    for event in events:
        varied = [event]
        for name, value in event.items():
            if is_decimal(value) and name != "price":
                varied += [{**event, name: _scaled(value, factor)} for factor in (Fraction(1, 2), Fraction(2))]
        menu += [one for one in varied if one not in menu]
    return menu


def _scaled(value: str, factor: Fraction) -> str:
    return decimal_text(Fraction(value) * factor)
