"""Nothing that is observed is left unjudged: whatever is changed in it after a step, some property sees that.

The properties are only as good as what they look at, so here every part of an observation is made wrong, one at a
time: an amount by one unit, a state into each other one, an entry that is missing, or that no event made.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from adversaries.wrong_engines.search import SHIPPED
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.edge.amounts import decimal_text
from liqspec.generate import Guide
from liqspec.generate.configurations import configuration
from liqspec.properties.catalogue import OBSERVED
from liqspec.properties.checker.witness import Witness

Data = dict[str, Any]
Edit = tuple[tuple[str | int, ...], Any]  # where in an observation, and its new value; GONE for nothing
GONE = object()
STATES = ("healthy", "liquidatable", "partially_liquidated", "cooldown", "backstopped", "closed")
RUNS, LENGTH, CHANGES = 24, 80, 10


def edited(seen: Data, edits: tuple[Edit, ...]) -> Data:
    """A copy of an observation with something else in some places; a list's end is a place, too."""
    other = copy.deepcopy(seen)
    for (*way, last), value in edits:
        place: Any = other
        for step in way:
            place = place[step]
        if value is GONE:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value
    return other


def more(seen: Data, *way: str | int, by: Fraction) -> Edit:
    """An amount that is larger by so much."""
    place: Any = seen
    for step in way:
        place = place[step]
    return way, decimal_text(Fraction(place) + by)


def of_positions(seen: Data, config: Data) -> Iterator[tuple[str, tuple[Edit, ...]]]:
    """What can be wrong with positions: each with its name."""
    quote, listed = Fraction(config.get("quote_unit", "0.000001")), seen["positions"]
    keys = {(entry["account"], entry["market"], entry["mode"]) for entry in listed}
    for number, entry in enumerate(listed):
        way, lot = ("positions", number), Fraction(config["markets"][entry["market"]]["lot"])
        until, order = entry["cooldown_until"], entry["order"]
        for state in STATES:
            if state != entry["state"]:
                yield "another state", (((*way, "state"), state),)
        for sign in (-1, 1):
            yield "size", (more(seen, *way, "size", by=sign * lot),)
            yield "cost", (more(seen, *way, "cost", by=sign * quote),)
            yield "life", (((*way, "life"), entry["life"] + sign),)
            if order is not None:
                yield "order", (more(seen, *way, "order", by=sign * lot),)
            if until is not None:
                yield "window", (((*way, "cooldown_until"), until + sign),)
        if order is None:
            yield "an order of a lot", (((*way, "order"), decimal_text(lot)),)
            yield "an order of all", (((*way, "order"), entry["size"].removeprefix("-")),)
        else:
            yield "no order", (((*way, "order"), None),)
        yield "a window or none", (((*way, "cooldown_until"), seen["time"] + 7 if until is None else None),)
        yield "no position", ((way, GONE),)
        mode = "isolated" if entry["mode"] == "cross" else "cross"
        if (entry["account"], entry["market"], mode) not in keys:
            made = {"mode": mode, "state": "closed", "size": "0", "cost": "0", "order": None, "life": 0}
            made = {**entry, **made, "cooldown_until": None}
            yield "a position that was never opened", ((("positions", len(listed)), made),)


def of_pools(seen: Data, config: Data) -> Iterator[tuple[str, tuple[Edit, ...]]]:
    """What can be wrong with pools, and with what a pool and the vault or another pool have together."""
    quote, pools = Fraction(config.get("quote_unit", "0.000001")), seen["pools"]
    listed = {(pool["account"], pool["market"]) for pool in pools}
    measures = ("collateral", "equity", "maintenance_margin", "initial_margin")
    for number, pool in enumerate(pools):
        way, other = ("pools", number), ("pools", number - 1 if number else len(pools) - 1)
        for by in (-quote, quote):
            for field in measures:
                yield field, (more(seen, *way, field, by=by),)
            here = more(seen, *way, "collateral", by=by), more(seen, *way, "equity", by=by)
            yield "from the vault", (*here, *(more(seen, "vault", field, by=-by) for field in ("cash", "equity")))
            if len(pools) > 1:
                there = more(seen, *other, "collateral", by=-by), more(seen, *other, "equity", by=-by)
                yield "from another pool", (*here, *there)
        yield "in liquidation", (((*way, "in_liquidation"), not pool["in_liquidation"]),)
        if pool["collateral"] == pool["equity"] == "0":
            yield "no pool", ((way, GONE),)
        for market in config["markets"]:
            if (pool["account"], market) not in listed:
                made = {**pool, "mode": "isolated", "market": market, "in_liquidation": False}
                made.update(dict.fromkeys(measures, "0"))
                yield "a pool that was never used", ((("pools", len(pools)), made),)


def of_the_rest(seen: Data, config: Data) -> Iterator[tuple[str, tuple[Edit, ...]]]:
    """What can be wrong with the vault and the clock."""
    quote, held = Fraction(config.get("quote_unit", "0.000001")), seen["vault"]["positions"]
    for sign in (-1, 1):
        cash, equity = (more(seen, "vault", field, by=sign * quote) for field in ("cash", "equity"))
        yield "the vault's cash", (cash,)
        yield "the vault's equity", (equity,)
        yield "the vault's cash and equity", (cash, equity)
        for field in ("time", "block"):
            yield field, (((field,), seen[field] + sign),)
        for market, rules in config["markets"].items():
            size = decimal_text(Fraction(held.get(market, "0")) + sign * Fraction(rules["lot"]))
            yield "a position of the vault", ((("vault", "positions", market), size),)
    for market in config["markets"]:
        if market in held:
            yield "no position of the vault", ((("vault", "positions", market), GONE),)
        else:
            yield "a position of 0 of the vault", ((("vault", "positions", market), "0"),)


def is_seen(witness: Witness, event: EventData, refusal: str | None, observation: Data) -> bool:
    """Whether some property sees that something is wrong; what cannot be judged at all is seen, as by the judge."""
    try:
        step = witness.copy().see(event, refusal, observation)
        return any(verdict.wrong for _, verdict in OBSERVED.judge(step))
    except KeyError:
        return True


@pytest.fixture(scope="module")
def judged() -> tuple[Counter[str], list[str]]:
    """How often each kind of change was tried, and the changes that no property saw."""
    tried: Counter[str] = Counter()
    unseen: list[str] = []
    for number in range(RUNS):
        random = Random(f"what is seen/{number}")
        config = configuration(random, random.choice(SHIPPED))
        engine = Engine(Config.from_json(config))
        guide, witness = Guide(random, engine), Witness(config, engine.observe())
        for _ in range(LENGTH):
            event = guide.next_event()
            refusal = apply_event(engine, event).code
            seen = engine.observe()
            assert not is_seen(witness, event, refusal, seen), "the model itself is right"
            changes = [*of_positions(seen, config), *of_pools(seen, config), *of_the_rest(seen, config)]
            for name, edits in random.sample(changes, min(CHANGES, len(changes))):
                tried[name] += 1
                if not is_seen(witness, event, refusal, edited(seen, edits)):
                    unseen.append(f"{name} in run {number}, after {refusal or event}: {edits}")
            witness.see(event, refusal, seen)
    return tried, unseen


@pytest.mark.wide
def test_no_change_of_an_observation_is_unseen(judged: tuple[Counter[str], list[str]]) -> None:
    """OBS-1, OBS-2, and every rule that says what is there."""
    _, unseen = judged
    assert unseen == []


@pytest.mark.wide
def test_every_part_of_an_observation_was_changed(judged: tuple[Counter[str], list[str]]) -> None:
    tried, _ = judged
    assert sum(tried.values()) > RUNS * LENGTH * CHANGES * 0.95
    assert min(tried.values()) >= 10, tried
    assert len(tried) == 29
