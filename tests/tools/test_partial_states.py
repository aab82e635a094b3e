"""The values assumed for the unknowns of a partial state, and what else they could be (STP-2 to STP-4)."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from liqspec.core import snapshot
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.edge import shapes
from liqspec.edge.shapes import WrongShape
from liqspec.step import completion, partial, relation
from liqspec.step.completion import Completed
from liqspec.step.partial import PartialState
from support.builders import apply, holding, partial_position, small_config, small_engine, trade
from support.step_answers import assumed

Data = dict[str, Any]
CONFIG = Config.from_json(small_config())
MARK_88 = {"type": "mark_price", "market": "A", "price": "88"}
TWO_MARKETS = [{"account": "alice", "market": market, "mode": "cross", "size": "10", "cost": "1000"} for market in "AB"]


def completed(before: Data) -> Completed:
    """The state, with what is not known of it as at the start of the run."""
    engine = Engine(CONFIG)
    start = snapshot.to_json(engine.venue, engine.snapshot())
    return completion.from_start(engine.venue, start, PartialState.from_json(before))


def held(data: Data, *names: str) -> list[tuple[Any, ...]]:
    """These fields of alice's cross positions."""
    return [
        tuple(entry.get(name) for name in names) for entry in completion.find_pool(data, "alice", None)["positions"]
    ]


def alternatives(done: Completed, field: str, *names: str) -> list[list[tuple[Any, ...]]]:
    """These fields of alice's cross positions, as each alternative to the value assumed for a field has them."""
    (found,) = (one for one in done.assumptions if one.field == field)
    shown = []
    for edit in found.alternatives:
        data = copy.deepcopy(done.data)
        edit(data)
        shown.append(held(data, *names))
    return shown


def test_a_window_that_is_not_given_is_none_and_matters_where_it_would_force_the_whole_order() -> None:
    """STP-3, CLD-3: at 88 the order is for 5 of 10, and in a window for all."""
    liquidation = {"partial_threshold": "100", "partial_fraction": "1/2", "cooldown_ms": 10}
    config = Config.from_json(small_config(liquidation={**liquidation, "cooldown_scope": "position"}))
    before = partial_position(state="healthy")
    shown = {"account": "alice", "market": "A", "mode": "cross"}
    verdict = relation.judge(config, before, MARK_88, {"positions": [{**shown, "order": "5"}]})
    assert verdict.allowed
    assert assumed(verdict, "positions[alice/A/cross].cooldown_until") == ("none", True)
    verdict = relation.judge(config, before, MARK_88, {"positions": [{**shown, "state": "liquidatable"}]})
    assert assumed(verdict, "positions[alice/A/cross].cooldown_until") == ("none", False)


@pytest.mark.parametrize("pools", [[], [{"account": "alice", "mode": "cross", "in_liquidation": False}]])
def test_a_collateral_that_nothing_gives_is_that_of_the_start(pools: list[Data]) -> None:
    """STP-3: an amount that is assumed always matters."""
    before = {**partial_position(), "pools": pools}
    verdict = relation.judge(CONFIG, before, {"type": "deposit", "account": "alice", "amount": "7"})
    assert verdict.expected.observation["pools"][0]["collateral"] == "7"
    assert assumed(verdict, "pools[alice/cross].collateral") == ("0", True)
    assert ("pools[alice/cross].in_liquidation" in [one.field for one in verdict.assumed]) == (not pools)


def test_leverages_that_make_the_same_margin_are_all_thought_of() -> None:
    """MRG-7, STP-4: 1000 / 5 + 1000 / 2 = 1000 / 2 + 1000 / 5 = 700."""
    pool = {"account": "alice", "mode": "cross", "collateral": "900", "initial_margin": "700"}
    done = completed({"positions": TWO_MARKETS, "pools": [pool]})
    (found,) = (one for one in done.assumptions if one.field == "pools[alice/cross] leverages")
    assert (found.value, found.rule) == ("A 5, B 2", "STP-4")
    assert held(done.data, "market", "leverage") == [("A", 5), ("B", 2)]
    assert alternatives(done, found.field, "market", "leverage") == [[("A", 2), ("B", 5)]]


def test_one_leverage_that_nothing_gives_is_varied_alone() -> None:
    """STP-4: B's is known."""
    done = completed({"positions": [TWO_MARKETS[0], {**TWO_MARKETS[1], "leverage": 3}]})
    assert held(done.data, "leverage") == [(5,), (3,)]
    assert alternatives(done, "pools[alice/cross] leverage of A", "leverage") == [[(1,), (3,)]]


def test_attempts_are_thought_of_together_and_each_alone() -> None:
    """STP-4, LIQ-12, BKS-2: an attempt that left nothing over, and one that did."""
    done = completed({"positions": TWO_MARKETS})
    (yes, over), no = ((True, False), (True, True)), (None, None)
    for entry in held(done.data, "attempted", "failed"):
        assert entry == no
    assert alternatives(done, "pools[alice/cross] attempts in this block", "attempted", "failed") == [
        [yes, yes],
        [over, over],
        [yes, no],
        [over, no],
        [no, yes],
        [no, over],
    ]


def test_attempts_of_any_of_several_positions_are_thought_of() -> None:
    """STP-4, LIQ-12: two of three were attempted, and the third was not."""
    markets = {name: small_config()["markets"]["A"] for name in "ABC"}
    config = Config.from_json(small_config(markets=markets, marks=dict.fromkeys(markets, "100")))
    positions = [{**TWO_MARKETS[0], "market": market} for market in markets]
    before = {"positions": positions, "pools": [{"account": "alice", "mode": "cross", "collateral": "200"}]}
    ordered = {"account": "alice", "market": "C", "mode": "cross", "order": "10"}
    after = {"positions": [*({**entry, "order": None} for entry in positions[:2]), ordered]}
    verdict = relation.judge(config, before, {**MARK_88, "price": "70"}, after)
    assert not verdict.allowed
    assert assumed(verdict, "pools[alice/cross] attempts in this block") == ("none", True)


def test_a_partial_state_that_is_no_object_is_refused() -> None:
    with pytest.raises(shapes.WrongShape, match=r"^expected a table of fields, got 1$"):
        PartialState.from_json(1)


@pytest.mark.parametrize("part", ["positions", "pools"])
def test_an_entry_that_is_no_object_is_refused_where_it_stands(part: str) -> None:
    with pytest.raises(shapes.WrongShape, match=rf"^{part}\[1\]: expected a table of fields, got 5$"):
        PartialState.from_json({part: [5]})


def test_what_is_known_of_one_position_leaves_the_others_as_they_were() -> None:
    """STP-2: the cost of alice's position in A, laid over a state that is known whole."""
    engine = holding("500")
    trade(engine, "1", "100", 5, market="B")
    apply(engine, "deposit", account="bob", amount="9")
    base = snapshot.to_json(engine.venue, engine.snapshot())
    known = PartialState.from_json({"positions": [{**TWO_MARKETS[0], "cost": "999"}]})
    done = completion.complete(small_engine().venue, base, known)
    assert done.assumptions == []
    wanted = copy.deepcopy(base)
    completion.find_pool(wanted, "alice", None)["positions"][0]["cost"] = "999"
    assert done.data == wanted


ENTRIES: dict[str, dict[str, Any]] = {
    "positions": {"account": "alice", "market": "A", "mode": "cross", "size": "1", "order": None, "cooldown_until": 5},
    "pools": {"account": "alice", "mode": "cross", "market": None, "equity": "1", "in_liquidation": False},
}
VALUES: list[Any] = ["1", "-1.5", "x", "", None, True, 0, -1, 2**60, 1.5, [], {}, "isolated", "cross", "9" * 5_000]


@pytest.mark.parametrize("part", ENTRIES)
def test_a_part_with_one_entry_is_checked_as_a_whole_state_is(part: str) -> None:
    """What a line of a log shows is mostly one position and one pool, which are seen to be valid without being made."""

    def said(read: Callable[[dict[str, Any]], object], data: dict[str, Any]) -> str:
        try:
            read(data)
        except WrongShape as error:
            return str(error)
        return ""

    outcomes = set()
    for name in [*ENTRIES[part], "leverage", "life", "surprise"]:
        for value in [*VALUES, ...]:
            entry = {key: one for key, one in {**ENTRIES[part], name: value}.items() if one is not ...}
            for listed in ([entry], [entry, entry], entry):
                wrong = said(partial.check, {part: listed})
                assert wrong == said(PartialState.from_json, {part: listed}), (name, value)
                outcomes.add(bool(wrong))
    assert outcomes == {True, False}
