"""The cases about parameters: the shortest events on which two values of one make a difference, under either."""

from collections.abc import Iterator
from typing import Any

from liqspec.core.parameters import PARAMETERS
from liqspec.distinguish.rule_sets import RuleSets
from liqspec.distinguish.search import search
from liqspec.search.campaign import Budget
from liqspec.search.passes import FEWER, SIMPLER
from liqspec.spec.vectors import Case

STEPS = 240_000  # events that are tried for one pair of values

# Each parameter, with values that must make a difference; None is left out.
PAIRS: tuple[tuple[str, Any, Any], ...] = tuple((entry.path, *pair) for entry in PARAMETERS for pair in entry.pairs)


def cases(ground: dict[str, Any], seed: int, provenance: str) -> Iterator[Case]:
    """Two cases for each pair of values, at a configuration in which only the parameter differs."""
    for path, one, other in PAIRS:
        sets = _rule_sets(ground, path, one, other)
        found = search(sets, Budget(steps=STEPS, seed=seed), (FEWER, SIMPLER)).distinction
        if found is None:
            continue
        for config, side in zip(sets.configs(found.setting), (one, other), strict=True):
            yield Case(
                venue="small",
                suite="parameters",
                name=f"{pair_name(path, one, other)}.{_value(side)}",
                title=f"{path} is {_text(side)}, where {_text(other if side == one else one)} would make a difference",
                rules=found.divergence.rules,
                provenance=provenance,
                config=config,
                events=found.divergence.events,
            )


def expected() -> list[str]:
    """The names of the cases that there must be."""
    return [f"{pair_name(*pair)}.{_value(side)}" for pair in PAIRS for side in pair[1:]]


def pair_name(path: str, one: Any, other: Any) -> str:
    """The name that the two cases of a pair share."""
    return f"{path.partition('.')[2]}.{_value(one)}-or-{_value(other)}".replace("_", "-")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "-".join(f"{name}-{_value(entry)}" for name, entry in value.items())
    return "none" if value is None else str(value).lower().replace("/", "-of-")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " and ".join(f"{name} {_text(entry)}" for name, entry in value.items())
    return "left out" if value is None else str(value).lower()


def _rule_sets(ground: dict[str, Any], path: str, one: Any, other: Any) -> RuleSets:
    table, _, name = path.partition(".")
    rules = []
    for value in (one, other):
        changed = {**ground[table], name: value}
        both = {"liquidation": ground["liquidation"], "backstop": ground["backstop"]}
        rules.append({**both, table: {key: entry for key, entry in changed.items() if entry is not None}})
    setting = {key: value for key, value in ground.items() if key != "liquidation"}
    return RuleSets(names=(_value(one), _value(other)), setting=setting, first=rules[0], second=rules[1])
