"""How far runs went: each dimension, relation and outcome is measured where it is met, and only there."""

from typing import Any

import pytest

from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.properties.reach import DIMENSIONS, RELATIONS, Reach, possible_outcomes
from support.builders import small_config

DEPOSIT = {"type": "deposit", "account": "alice", "amount": "200"}
OPEN = {"type": "trade", "account": "alice", "market": "A", "mode": "cross", "size": "9", "price": "100", "leverage": 5}
CLOSE = {name: value for name, value in OPEN.items() if name != "leverage"} | {"size": "-9"}
CRASH = {"type": "marks", "prices": {"A": "85", "B": "85"}}
BLOCK = {"type": "block", "time": 7}


def reached(*events: EventData, **config: Any) -> Reach:
    reach, engine = Reach(), Engine(Config.from_json(small_config(**config)))
    follower = reach.follow(engine)
    for event in events:
        done = apply_event(engine, event)
        follower.see(event, done.effects, done.refusal)
    return reach


def test_every_dimension_is_measured() -> None:
    reach = reached(DEPOSIT, DEPOSIT, OPEN, {**OPEN, "market": "B"}, BLOCK)
    assert set(reach.largest) == set(DIMENSIONS)
    assert reach.largest["positions in a pool"] == 2
    assert reach.largest["events of a run"] == 5
    assert reach.largest["blocks of a run"] == 1
    assert reach.largest["bits of a time"] == 3
    assert reach.largest["bits of an amount"] == (5000).bit_length()
    assert reach.largest["highest tier of a position"] == 1


@pytest.mark.parametrize(
    ("dimension", "events"),
    [
        ("events of a run", (DEPOSIT,)),
        ("blocks of a run", (BLOCK,)),
        ("positions in a pool", (DEPOSIT, OPEN)),
        ("lives of a key", (DEPOSIT, OPEN, CLOSE, OPEN)),
        ("highest tier of a position", ({**DEPOSIT, "amount": "2000"}, {**OPEN, "size": "11", "leverage": 2})),
        ("pools touched by an event", (DEPOSIT,)),
        ("transitions in an event", (DEPOSIT, OPEN)),
        ("orders at work", (DEPOSIT, OPEN, CRASH)),
        ("pools of an account", (DEPOSIT, {"type": "transfer", "account": "alice", "market": "A", "amount": "1"})),
        ("bits of an amount", ({**DEPOSIT, "amount": "9" * 40},)),
        ("bits of a time", (BLOCK,)),
    ],
)
def test_a_dimension_grows_by_the_event_that_it_is_about(dimension: str, events: tuple[EventData, ...]) -> None:
    before, after = reached(*events[:-1]).largest, reached(*events).largest
    assert after[dimension] > before.get(dimension, 0)


@pytest.mark.parametrize(
    ("relation", "names"),
    [
        ("one begins with the other", ("BTC", "BTC2")),
        ("the same initial", ("BTC", "BNB")),
        ("the same without case", ("btc", "BTC")),
        ("the same in normal form", ("\u00e4", "a\u0308")),
        ("another order in UTF-16", ("\uff21", "\U0001d401")),
        ("another order without case", ("Z", "a")),
        ("another order as numbers", ("10", "9")),
        ("a field of JSON", ("type", "x")),
    ],
)
def test_a_relation_of_names_is_counted_where_two_have_it(relation: str, names: tuple[str, str]) -> None:
    assert reached(accounts=list(names)).names[relation] == 1
    assert reached(accounts=["k", "m"]).names[relation] == 0
    assert relation in RELATIONS


def test_what_was_met_is_not_missed() -> None:
    reach = reached(DEPOSIT, OPEN, {**DEPOSIT, "amount": "0"}, {**DEPOSIT, "account": "bob"}, CRASH, BLOCK)
    for outcome in (
        ("ACC-7", "trade not refused as not_open"),
        ("EVT-2", "deposit refused as not_positive"),
        ("LIQ-5", "a pool not liquidated"),
        ("EVT-9", "block refused as order_working"),
    ):
        assert reach.by_outcome[outcome]
        assert outcome in possible_outcomes()
        assert outcome not in reach.never
    assert ("FIL-6", "order ended: no liquidity") in reach.never


def test_outcomes_are_counted_for_each_policy() -> None:
    both = Reach()
    for policy in ("all", "ranked", "ranked"):
        both.add(reached(DEPOSIT, OPEN, CRASH, liquidation={"order_policy": policy}))
    (entered,) = [one for one in both.to_json()["outcomes"] if one["rule"] == "LIQ-11"]
    assert entered["times"] == 3
    assert entered["policies"]["order_policy all"] == 1
    assert entered["policies"]["order_policy ranked"] == 2
    assert entered["policies"]["partial_threshold off"] == 3


def test_the_largest_of_all_runs_is_kept() -> None:
    both = reached(DEPOSIT)
    both.add(reached(DEPOSIT, OPEN))
    both.add(reached(DEPOSIT))
    assert both.largest["events of a run"] == 2
    assert both.largest["positions in a pool"] == 1
