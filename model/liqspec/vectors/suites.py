"""The suites of the corpus and their cases: from the rules' examples, the scenarios, the refusals, and the search."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from liqspec.core import machine
from liqspec.core.events import EventData
from liqspec.core.parameters import MARKET_PARAMETERS, MARKETS, OWN_TABLE, PARAMETERS
from liqspec.distinguish.search import RuleSets
from liqspec.distinguish.search import search as distinguish
from liqspec.edge.texts import words
from liqspec.replay.run import Run
from liqspec.search.campaign import Budget
from liqspec.search.minimise import FailingRun
from liqspec.search.passes import FEWER, SIMPLER
from liqspec.spec import rulebook, scenarios
from liqspec.spec.scenarios import Scenario
from liqspec.spec.vectors import Case
from liqspec.vectors import refusals, related_names, scale
from liqspec.vectors.goals import BOUNDARIES, acting_rules, boundaries_met, transition_goals, transitions
from liqspec.vectors.search import Goal, rules_seen, search

MISTAKES = "mistakes"
# What each suite shows, in the order in which an engine should be taken through them.
SUITES = {
    "essential": "one short case for each rule that acts in a run",
    "refusals": "each code of each event, and of each two neighbouring checks that fail the first",
    "transitions": "each transition from each of its states, in either mode, under each policy and window scope",
    "boundaries": "each boundary, met exactly and by one unit, tick or millisecond to either side",
    "parameters": "each parameter with two values, on the shortest events where they make a difference, under either",
    MISTAKES: "for each known mistake, events on which an engine that makes it answers otherwise",
    "scenarios": "the shipped scenarios, whole",
    scale.SUITE: "much of something: positions, pools, tiers, lives, blocks, events, digits, time",
    related_names.SUITE: "names that are easily confused, sorted wrong, or the same text in a key of two of them",
}
SEED = "vectors 1"
_PROVENANCE = "found by guided search from a fixed seed, and made short"

STEPS = 240_000  # events that are tried for one pair of values
# Each parameter, with values that must make a difference; None is left out.
PAIRS: tuple[tuple[str, Any, Any], ...] = tuple(
    (entry.path, *pair) for entry in (*PARAMETERS, *MARKET_PARAMETERS) for pair in entry.pairs
)

_POLICIES, _SCOPES = ("all", "ranked"), ("position", "pool", "account")
_TIERS = [
    {"above": "0", "maintenance_rate": "1/10", "max_leverage": 5},
    {"above": "100000", "maintenance_rate": "1/5", "max_leverage": 2},
]
_MARKET = {"tick": "1", "lot": "1", "tiers": _TIERS}


def search_space(policy: str = "all", scope: str = "pool") -> dict[str, Any]:
    """A configuration in which events are looked for: small numbers, and every mechanism on."""
    return {
        "markets": {"A": _MARKET, "B": _MARKET},
        "marks": {"A": "1000", "B": "1000"},
        "accounts": ["alice"],
        "vault": {"cash": "1000"},
        "liquidation": {
            "order_policy": policy,
            "partial_threshold": "20000",
            "partial_fraction": "1/3",
            "cooldown_ms": 30000,
            "cooldown_scope": scope,
        },
        "backstop": {"threshold": "2/3"},
    }


def worked() -> Iterator[Case]:
    """The cases that need no search: worked examples, refusals, scenarios, and those of scale and of names."""
    for rule in rulebook.rules().values():
        # Those of scenario files show what the users of an engine do (SCN-5), not what it does.
        for number, example in enumerate(() if rule.id.startswith("SCN-") else rule.examples, start=1):
            name = rule.id.lower() + (f"-{number}" if len(rule.examples) > 1 else "")
            scenario = rulebook.example_scenario(rule, example)
            yield _of_scenario(scenario, "essential", name, (rule.id,), f"worked example {number} of {rule.id}")
    yield from refusals.cases()
    for name in scenarios.names():
        yield _of_scenario(scenarios.load(name), "scenarios", name, (), f"the scenario {name}")
    yield from scale.cases()
    yield from related_names.cases()


def _of_scenario(scenario: Scenario, suite: str, name: str, rules: tuple[str, ...], provenance: str) -> Case:
    run = Run(scenario)
    events: list[EventData] = [moment.event for moment in run]
    return Case(
        venue=scenario.file.venue or "own",
        suite=suite,
        name=name,
        title=scenario.file.title,
        rules=rules or run.outcome().rules or ("EVT-1",),
        provenance=provenance,
        config=scenario.config.to_json(),
        events=tuple(events),
    )


# What a searched suite looks for.
GOALS: dict[str, Goal] = {"transitions": transitions, "boundaries": boundaries_met, "essential": acting_rules}


def goal_of(case: Case) -> str:
    """What a searched case has to reach at its last event."""
    if case.suite == "essential":
        return case.name.upper()
    return case.name.partition(".")[0]


def expected() -> list[str]:
    """The paths of the searched cases that the corpus has to have, except those of rules."""
    names = [f"small/boundaries/{goal}.json" for goal in BOUNDARIES]
    names += [f"small/parameters/{_pair_name(*pair)}.{_value(side)}.json" for pair in PAIRS for side in pair[1:]]
    grounds = product(sorted(transition_goals()), _POLICIES, _SCOPES)
    return [*names, *(f"small/transitions/{goal}.{policy}.{scope}.json" for goal, policy, scope in grounds)]


def all_tasks() -> list[str]:
    """The parts of the search, which can be done at once."""
    grounds = product(_POLICIES, _SCOPES)
    return [*(f"transitions {policy} {scope}" for policy, scope in grounds), "boundaries", "parameters", "essential"]


def searched(task: str) -> list[Case]:
    """The cases of a part of the search; deterministic, and each part is on its own."""
    return list(_searched(task))


def _searched(task: str) -> Iterator[Case]:
    suite, _, rest = task.partition(" ")
    if suite == "transitions":
        policy, scope = rest.split()
        found = search(search_space(policy, scope), transition_goals(), transitions, f"{SEED} {task}")
        for goal, run in found.items():
            name, _, source = goal.partition("-from-")
            entry = machine.lifecycle().by_id[name.upper()]
            state, _, mode = source.rpartition("-")
            title = (
                f"{entry.id}, {state.replace('-', ' ')} to {words(entry.to)}, {mode}, "
                f"policy {policy}, windows of a {scope}"
            )
            yield _found(suite, f"{goal}.{policy}.{scope}", title, entry.rules, run)
    elif suite == "boundaries":
        for goal, run in search(search_space(), set(BOUNDARIES), boundaries_met, f"{SEED} {task}").items():
            title, rules = BOUNDARIES[goal]
            yield _found(suite, goal, title[0].upper() + title[1:], rules, run)
    elif suite == "parameters":
        yield from _parameters()
    else:
        ground = search_space()
        acting = rules_seen(ground, f"{SEED} acting")
        without = {rule.id for rule in rulebook.rules().values() if not rule.examples} & acting
        for goal, run in search(search_space(), without, acting_rules, f"{SEED} {task}").items():
            yield _found("essential", goal.lower(), rulebook.rules()[goal].title, (goal,), run)


def _found(suite: str, name: str, title: str, rules: tuple[str, ...], run: FailingRun) -> Case:
    return Case(
        venue="small",
        suite=suite,
        name=name,
        title=title,
        rules=tuple(dict.fromkeys(rules)),
        provenance=_PROVENANCE,
        config=run.config,
        events=tuple(run.events),
    )


def _parameters() -> Iterator[Case]:
    """Two cases for each pair of values, at a configuration in which only the parameter differs."""
    for path, one, other in PAIRS:
        coarse = {"quote_unit": "1"} if path.startswith("margin.") else {}  # where a margin is rounded at all
        sets = _rule_sets({**search_space(), **coarse, **_closeout_rates(path)}, path, one, other)
        found = distinguish(sets, Budget(steps=STEPS), (FEWER, SIMPLER)).distinction
        if found is None:
            continue
        for config, side in zip(sets.configs(found.setting), (one, other), strict=True):
            yield Case(
                venue="small",
                suite="parameters",
                name=f"{_pair_name(path, one, other)}.{_value(side)}",
                title=f"{path} is {_text(side)}, where {_text(other if side == one else one)} would make a difference",
                rules=found.divergence.rules,
                provenance=_PROVENANCE,
                config=config,
                events=found.divergence.events,
            )


def _closeout_rates(path: str) -> dict[str, Any]:
    """The markets with close-out rates, for the parameter that is about them (BKS-9)."""
    if path != "backstop.measure":
        return {}
    tiers = [{**tier, "closeout_rate": rate} for tier, rate in zip(_TIERS, ("1/20", "1/10"), strict=True)]
    return {"markets": {name: {**_MARKET, "tiers": tiers} for name in ("A", "B")}}


def _pair_name(path: str, one: Any, other: Any) -> str:
    return f"{path.rpartition('.')[2]}.{_value(one)}-or-{_value(other)}".replace("_", "-")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "-".join(f"{name}-{_value(entry)}" for name, entry in value.items())
    if isinstance(value, list):
        return "-".join(_value(entry) for entry in value)
    return "none" if value is None else str(value).lower().replace("/", "-of-")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " and ".join(f"{name} {_text(entry)}" for name, entry in value.items())
    if isinstance(value, list):
        return " and ".join(_text(entry) for entry in value)
    return "left out" if value is None else str(value).lower()


def _rule_sets(ground: dict[str, Any], path: str, one: Any, other: Any) -> RuleSets:
    table, _, name = path.rpartition(".")
    only_with = next((entry.only_with for entry in PARAMETERS if entry.path == path), None)
    of_markets = table.startswith(MARKETS)
    places = [f"{MARKETS}{market}" for market in ground["markets"]] if of_markets else [table]
    both = {"liquidation": ground["liquidation"], "backstop": ground["backstop"]}
    rules = []
    for value in (one, other):
        changed = {**ground.get(table, {}), **dict([only_with] if only_with else []), name: value}
        given = {key: entry for key, entry in changed.items() if entry is not None}
        is_there = given or of_markets or table in OWN_TABLE  # an engine may lack the table
        rules.append({**both, **dict.fromkeys(places, given)} if is_there else both)
    setting = {key: value for key, value in ground.items() if key != "liquidation"}
    return RuleSets(names=(_value(one), _value(other)), setting=setting, first=rules[0], second=rules[1])
