"""Each parameter in which two rule sets differ: the shortest events on which it alone makes a difference."""

from collections.abc import Callable, Iterator
from functools import partial
from operator import call

from attrs import evolve, frozen

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.parameters import InvalidConfig
from liqspec.distinguish.search import STEPS, Distinction, Parameter, RuleSets, by_examples, search
from liqspec.search import parallel
from liqspec.search.campaign import Budget


@frozen(kw_only=True)
class Alone:
    """What a parameter does alone, all others being as in the rule set `within`; None if nothing was found."""

    parameter: Parameter
    within: str
    distinction: Distinction | None


def by_parameter(
    sets: RuleSets,
    budget: Budget,
    *,
    elsewhere: RuleSets | None = None,
    processes: int = 1,
    done: Callable[[Alone], None] = lambda _: None,
) -> Iterator[Alone]:
    """Try examples, then search, for each parameter separately, each with the same budget; deterministic as `search`.

    Where the markets of `sets` show nothing, examples are tried in those of `elsewhere`, of the same two in order.

    Raises:
        InternalFailure: an engine raised an exception.
    """
    budget = budget if budget.steps or budget.seconds else evolve(budget, steps=STEPS // 8)
    tasks = (partial(_alone, sets, elsewhere, parameter, budget) for parameter in sets.parameters())
    yield from parallel.run_parallel(call, tasks, processes=processes, done=done)


def _alone(sets: RuleSets, elsewhere: RuleSets | None, parameter: Parameter, budget: Budget) -> Alone:
    within = sets.names[0]
    for name, found in _tried(sets, elsewhere, parameter, budget):
        within = name
        if found is not None:
            return Alone(parameter=parameter, within=name, distinction=found)
    return Alone(parameter=parameter, within=within, distinction=None)


def _tried(
    sets: RuleSets, elsewhere: RuleSets | None, parameter: Parameter, budget: Budget
) -> Iterator[tuple[str, Distinction | None]]:
    """What examples show, then those in other markets, then the search; with the rule set whose other rules hold."""
    for places in filter(None, (sets, elsewhere)):
        yield from ((name, by_examples(separated)) for name, separated in _separated(places, parameter))
    yield from ((name, search(separated, budget).distinction) for name, separated in _separated(sets, parameter))


def _separated(sets: RuleSets, parameter: Parameter) -> Iterator[tuple[str, RuleSets]]:
    """Rule sets that differ in this parameter alone: in the rules of the first, then in those of the second.

    A parameter may mean nothing, or not be valid, without another one.
    """
    swapped = evolve(sets, first=sets.second, second=sets.first)
    other = Parameter(path=parameter.path, first=parameter.second, second=parameter.first)
    of_second = swapped.only(other)
    found = (sets.only(parameter), evolve(of_second, first=of_second.second, second=of_second.first))
    for name, separated in zip(sets.names, found, strict=True):
        try:
            for config in separated.configs(sets.setting):
                Engine(Config.from_json(config))
        except InvalidConfig:
            continue
        yield name, separated
