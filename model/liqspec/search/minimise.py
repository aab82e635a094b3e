"""Makes a failing run short: fewer events first, then a plainer configuration; whatever fails is asked each time."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

from attrs import frozen

from liqspec.core.events import EventData
from liqspec.core.parameters import PARAMETERS, TABLES
from liqspec.edge.amounts import decimal_text, exact

MANY = 40  # above this number of events, pairs are not tried: single ones must go first


@frozen
class Failing:
    """A run that fails: its configuration, and its events up to the failure."""

    config: dict[str, Any]
    events: list[EventData]


# Runs the events, and returns them up to the failure; None if this run does not fail as the first one did.
Test = Callable[[Failing], Failing | None]


def shrink(failing: Failing, fails: Test) -> Failing:
    """The run with as few events as dropping, merging and exchanging them can reach, its configuration made plain.

    Deterministic, if the test is. Each candidate is a run from the start, so the result fails as the first did.
    """
    best = failing
    while True:
        best = _first_passes(best, fails)
        shorter = next((found for candidate in _rewritten(best) if (found := fails(candidate)) is not None), None)
        if shorter is None:
            break
        best = shorter
    return _plainer(best, fails)


def _first_passes(best: Failing, fails: Test) -> Failing:
    """Drop runs of events, the longest first."""
    length = max(1, len(best.events) // 2)
    while True:
        shorter = _dropped(best, length, fails)
        if shorter is not None:
            best = shorter
        elif length > 1:
            length = max(1, length // 2)
        else:
            return best


def _dropped(best: Failing, length: int, fails: Test) -> Failing | None:
    for start in range(len(best.events) - length, -1, -1):
        kept = best.events[:start] + best.events[start + length :]
        if (found := fails(Failing(best.config, kept))) is not None:
            return found
    return None


# ------------------------------------------------------------------------------------------------------------ rewriting


def _rewritten(best: Failing) -> Iterator[Failing]:
    """Runs with at least one event fewer: a block whose time never passed, two merged, or two dropped."""
    told = best.events
    if len(told) > MANY:
        return
    yield from _without_a_block(best)
    for first, second in combinations(range(len(told)), 2):
        merged = _merged(told[first], told[second])
        for event, place in () if merged is None else ((merged, first), (merged, second)):
            other = second if place == first else first
            rest = [event if index == place else one for index, one in enumerate(told) if index != other]
            yield Failing(best.config, rest)
    for first, second in combinations(range(len(told)), 2):
        yield Failing(best.config, [one for index, one in enumerate(told) if index not in (first, second)])


def _without_a_block(best: Failing) -> Iterator[Failing]:
    """Runs in which one block never came: the later ones come as much earlier, so that windows keep their lengths."""
    before = best.config.get("time", 0)
    for index, event in enumerate(best.events):
        if event.get("type") != "block":
            continue
        time = event.get("time")
        if type(time) is not int or type(before) is not int or time <= before:
            continue
        later = [_earlier(one, time - before) for one in best.events[index + 1 :]]
        yield Failing(best.config, best.events[:index] + later)
        before = time


def _earlier(event: EventData, by: int) -> EventData:
    if event.get("type") == "block" and type(event.get("time")) is int:
        return {**event, "time": event["time"] - by}
    return event


def _merged(one: EventData, other: EventData) -> EventData | None:
    """One event that does what two of a kind do, if there is one."""
    if one.get("type") != other.get("type"):
        return None
    same = {"deposit": ("account",), "transfer": ("account", "market"), "funding": ("market",)}
    keyed = ("account", "market", "mode")
    try:
        kind = one["type"]
        if kind in same and all(one[name] == other[name] for name in same[kind]):
            field = "payment" if kind == "funding" else "amount"
            return {**one, field: _sum(one[field], other[field])}
        if kind in ("trade", "fill") and all(one[name] == other[name] for name in keyed):
            return {**one, "size": _sum(one["size"], other["size"])}
    except (KeyError, ValueError, TypeError):  # one of them is an event that must be refused
        return None
    return None


def _sum(one: str, other: str) -> str:
    return decimal_text(exact(one) + exact(other))


# -------------------------------------------------------------------------------------------------------- configuration


def _plainer(best: Failing, fails: Test) -> Failing:
    """The same events in a configuration without what they do not need."""
    for simpler in (_without_accounts, _without_markets, _without_parameters):
        tried: list[dict[str, Any]] = []
        while (config := next((one for one in simpler(best) if one not in tried), None)) is not None:
            tried.append(config)
            found = fails(Failing(config, best.events))
            if found is not None and len(found.events) <= len(best.events):
                best = found
    return best


def _without_accounts(best: Failing) -> Iterator[dict[str, Any]]:
    for name in best.config["accounts"]:
        left = [one for one in best.config["accounts"] if one != name]
        if left and not any(event.get("account") == name for event in best.events):
            yield {**best.config, "accounts": left}


def _without_markets(best: Failing) -> Iterator[dict[str, Any]]:
    used = repr(best.events)
    for name in list(best.config["markets"]):
        if len(best.config["markets"]) > 1 and f"'{name}'" not in used:
            yield {
                **best.config,
                "markets": {key: value for key, value in best.config["markets"].items() if key != name},
                "marks": {key: value for key, value in best.config["marks"].items() if key != name},
            }


def _without_parameters(best: Failing) -> Iterator[dict[str, Any]]:
    """Each optional parameter left out, so that it has its default."""
    required = [entry.path for entry in PARAMETERS if entry.required]
    for table in (*TABLES, "vault"):
        for name in list(best.config.get(table) or {}):
            if f"{table}.{name}" not in required:
                yield {**best.config, table: {key: value for key, value in best.config[table].items() if key != name}}
