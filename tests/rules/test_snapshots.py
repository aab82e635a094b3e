"""A snapshot is the whole state: equal, hashable, restorable, written as JSON and read back."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqspec.core import observation, snapshot, state
from liqspec.core.config import Config
from liqspec.core.effects import Effect
from liqspec.core.engine import Engine, apply_event
from liqspec.core.parameters import InvalidConfig
from liqspec.core.snapshot import Snapshot
from liqspec.edge.amounts import Grid
from liqspec.edge.shapes import WrongShape
from support.builders import (
    TIERS,
    apply,
    backstopped,
    beyond_78_digits,
    chunk_badly_filled,
    holding,
    mark,
    order_event,
    position,
    refused,
    restored_by_a_fill,
    small_config,
    small_engine,
    trade,
    transitions,
    waiting,
    working,
)

# One rule set with everything on, so that a snapshot has everything to remember.
RULES: dict[str, Any] = {
    "liquidation": {
        "partial_threshold": "100",
        "partial_fraction": "1/2",
        "cooldown_ms": 1000,
        "cooldown_scope": "account",
        "fee_rate": "1/100",
    },
    "backstop": {"threshold": "2/3", "return_fraction": "1/3"},
}


def story() -> list[dict[str, Any]]:
    """A run through every state: an isolated and a cross pool, a chunk, its window, the vault, a new life."""
    key = {"account": "alice", "market": "A", "mode": "cross"}
    isolated, other = {**key, "mode": "isolated"}, {**key, "market": "B"}
    return [
        {"type": "deposit", "account": "alice", "amount": "700"},
        {"type": "transfer", "account": "alice", "market": "A", "amount": "300"},
        {"type": "trade", **key, "size": "10", "price": "100", "leverage": 5},
        {"type": "trade", **isolated, "size": "10", "price": "100", "leverage": 4},
        {"type": "trade", **other, "size": "-9", "price": "100", "leverage": 5},
        # both pools are breached, the isolated one is below the backstop line
        {"type": "marks", "prices": {"A": "73", "B": "98"}},
        {"type": "fill", **isolated, "size": "5", "price": "73"},
        {"type": "mark_price", "market": "A", "price": "70"},
        {"type": "fill", **key, "size": "1", "price": "70"},
        {"type": "order_done", **key},
        {"type": "order_done", **other},
        {"type": "order_done", **isolated},
        # the vault has the isolated pool; the cross pool is restored and cools down
        {"type": "mark_price", "market": "A", "price": "76"},
        {"type": "block", "time": 999},
        {"type": "mark_price", "market": "A", "price": "69"},
        {"type": "order_done", **key},
        {"type": "order_done", **other},
        # both orders failed; below the line the vault has the cross pool as well
        {"type": "mark_price", "market": "A", "price": "62"},
        {"type": "mark_price", "market": "A", "price": "30"},
        {"type": "funding", "market": "A", "payment": "-1"},
        {"type": "vault_trade", "market": "A", "size": "-1", "price": "30"},
        {"type": "block", "time": 1000},
        {"type": "deposit", "account": "alice", "amount": "500"},
        {"type": "trade", **key, "size": "3", "price": "30", "leverage": 5},
        {"type": "block", "time": 2500},
        {"type": "vault_cash", "amount": "-7"},
    ]


def try_event(engine: Engine, event: dict[str, Any]) -> tuple[Effect, ...] | str:
    """The effects of an event, or the refusal in its words."""
    outcome = apply_event(engine, event)
    return outcome.effects if outcome.refusal is None else str(outcome.refusal)


def stops() -> Iterator[tuple[Engine, list[dict[str, Any]]]]:
    """An engine before each event of the story, with the events still to come."""
    engine, given = small_engine(**RULES), story()
    for index, event in enumerate(given):
        yield engine, given[index:]
        try_event(engine, event)
    yield engine, []


SITUATIONS: list[Callable[[], Engine]] = [
    small_engine,
    holding,
    working,
    waiting,
    backstopped,
    restored_by_a_fill,
    chunk_badly_filled,
]


# Each class of the state, its record in a snapshot, and what the record keeps elsewhere: in its place, or in its owner.
RECORDS: list[tuple[Any, Any, set[str]]] = [
    (state.State, snapshot.Snapshot, {"venue"}),
    (state.Account, snapshot.AccountValue, {"cross", "isolated", "pools"}),
    (state.Pool, snapshot.PoolValue, {"account", "mode"}),
    (state.Position, snapshot.PositionValue, {"account", "mode"}),
    (state.Book, snapshot.BookValue, set()),
    (state.Window, snapshot.WindowValue, set()),
]


@pytest.mark.parametrize(("kept", "record", "elsewhere"), RECORDS)
def test_a_snapshot_has_every_field_of_the_state(kept: Any, record: Any, elsewhere: set[str]) -> None:
    """OBS-4."""
    listed = {field.name for field in snapshot.fields(record)}
    assert {field.name for field in attrs.fields(kept)} ^ listed == elsewhere


class TestAValue:
    """OBS-4, EVT-3."""

    def test_the_story_passes_through_every_state_and_leaves_nothing_at_its_default(self) -> None:
        """A run that remembered little would test little."""
        states: set[str] = set()
        flags: set[str] = set()
        for engine, _ in stops():
            for pool in engine.state.pools():
                states.update(held.state for held in pool.positions.values())
                flags.update(
                    name
                    for held in pool.positions.values()
                    for name in ("order", "attempted", "failed", "cost", "leverage")
                    if getattr(held, name)
                )
                flags.update({"in_liquidation"} if pool.in_liquidation else set())
            for account in engine.state.accounts.values():
                flags.update({"until"} if account.window.until else set())
                flags.update({"forcing"} if account.window.forcing_until else set())
        assert states == {"healthy", "liquidatable", "partially_liquidated", "cooldown", "backstopped", "closed"}
        wanted = {"order", "attempted", "failed", "cost", "leverage", "in_liquidation", "until", "forcing"}
        assert flags == wanted

    @pytest.mark.parametrize("situation", SITUATIONS)
    def test_equal_states_have_equal_snapshots_and_hashes(self, situation: Callable[[], Engine]) -> None:
        first, second = situation().snapshot(), situation().snapshot()
        assert first is not second
        assert (first, hash(first)) == (second, hash(second))
        assert len({first, second}) == 1

    def test_different_states_of_a_run_have_different_snapshots(self) -> None:
        """OBS-4: each accepted event of the story changes something that a snapshot sees, except one that sets a
        mark to what it was, and none here does.
        """
        engine = small_engine(**RULES)
        seen: list[Snapshot] = [engine.snapshot()]
        for event in story():
            if not isinstance(try_event(engine, event), str):
                seen.append(engine.snapshot())
        assert len(set(seen)) == len(seen)

    @pytest.mark.parametrize(
        "change",
        [
            lambda engine: setattr(engine.state, "net_deposits", 0),
            lambda engine: setattr(engine.state, "block", 7),
            lambda engine: setattr(engine.state, "time", 7),
            lambda engine: setattr(engine.state.vault, "cash", 7),
            lambda engine: setattr(engine.state.outside, "cash", 7),
            lambda engine: engine.state.outside.positions.update(A=7),
            lambda engine: engine.state.vault.positions.update(A=7),
            lambda engine: engine.state.marks.update(B=7),
            lambda engine: setattr(engine.state.accounts["alice"].window, "until", 7),
            lambda engine: setattr(engine.state.accounts["alice"].window, "forcing_until", 7),
            lambda engine: setattr(engine.state.accounts["alice"].cross, "collateral", 7),
            lambda engine: setattr(engine.state.accounts["alice"].cross, "in_liquidation", True),
            lambda engine: setattr(engine.state.accounts["alice"].cross.window, "until", 7),
            lambda engine: setattr(engine.state.accounts["alice"].cross.positions["A"], "state", "cooldown"),
            lambda engine: setattr(engine.state.accounts["alice"].cross.positions["A"], "size", 7),
            lambda engine: setattr(engine.state.accounts["alice"].cross.positions["A"], "cost", 7),
            lambda engine: setattr(engine.state.accounts["alice"].cross.positions["A"], "leverage", 4),
            lambda engine: setattr(engine.state.accounts["alice"].cross.positions["A"], "life", 7),
            lambda engine: vars(engine.state.accounts["alice"].cross.positions["A"]).update(
                order=7, state="liquidatable"
            ),
            lambda engine: setattr(engine.state.accounts["alice"].cross.positions["A"], "attempted", True),
            lambda engine: setattr(engine.state.accounts["alice"].cross.positions["A"], "failed", True),
            lambda engine: setattr(engine.state.accounts["alice"].cross.positions["A"].window, "until", 7),
            lambda engine: setattr(engine.state.accounts["alice"].cross.positions["A"].window, "forcing_until", 7),
        ],
    )
    def test_sees_every_part_of_the_state_and_so_does_its_json(self, change: Callable[[Engine], None]) -> None:
        """OBS-4."""
        engine = holding()
        before = engine.snapshot()
        change(engine)
        after = engine.snapshot()
        assert after != before
        assert snapshot.from_json(engine.venue, snapshot.to_json(engine.venue, after)) == after

    def test_does_not_change_when_the_engine_goes_on(self) -> None:
        engine = working()
        kept = engine.snapshot()
        order_event(engine, "fill", size="10", price="88")
        apply(engine, "block", time=1)
        assert kept == working().snapshot()

    @pytest.mark.parametrize("situation", SITUATIONS)
    def test_restores_into_another_run_of_the_same_configuration(self, situation: Callable[[], Engine]) -> None:
        """OBS-4."""
        engine = situation()
        other = Engine(Config.from_json(small_config()))
        other.restore(engine.snapshot())
        assert other.snapshot() == engine.snapshot()
        assert other.observe() == engine.observe()

    def test_restoring_is_no_sharing(self) -> None:
        """OBS-4: two runs restored from one snapshot go different ways, and the snapshot stays."""
        kept = working().snapshot()
        first, second = small_engine(), small_engine()
        first.restore(kept)
        second.restore(kept)
        order_event(first, "fill", size="10", price="88")
        assert position(second)["size"] == "10"
        assert second.snapshot() == kept
        first.restore(kept)
        assert first.snapshot() == kept

    def test_a_refused_event_leaves_the_very_same_snapshot(self) -> None:
        """EVT-3."""
        engine = waiting()
        before = engine.snapshot()
        refused(engine, "withdraw", account="alice", amount="1")
        assert hash(engine.snapshot()) == hash(before)


class TestJson:
    """OBS-4."""

    def test_every_state_of_the_story_comes_back_from_its_text(self) -> None:
        for engine, _ in stops():
            kept = engine.snapshot()
            text = json.dumps(snapshot.to_json(engine.venue, kept))
            assert snapshot.from_json(engine.venue, json.loads(text)) == kept

    def test_what_is_left_out_is_as_of_a_pool_out_of_liquidation(self) -> None:
        engine = holding()
        kept = snapshot.to_json(engine.venue, engine.snapshot())
        (pool,) = kept["accounts"][0]["pools"]
        for entry in (pool, *pool["positions"]):
            for name in ("attempted", "failed", "in_liquidation", "window"):
                entry.pop(name, None)
        assert snapshot.from_json(engine.venue, kept) == engine.snapshot()

    def test_amounts_that_grew_beyond_any_input_come_back_too(self) -> None:
        """AMT-3."""
        engine = beyond_78_digits()
        kept = snapshot.to_json(engine.venue, engine.snapshot())
        assert len(kept["accounts"][0]["pools"][0]["collateral"]) == 79
        assert snapshot.from_json(engine.venue, kept) == engine.snapshot()

    def test_a_run_restored_from_json_goes_on_exactly_like_the_original(self) -> None:
        """OBS-4: from every state of the story the same effects, refusals and states, to its end."""
        original = small_engine(**RULES)
        answers = [try_event(original, event) for event in story()]
        assert not [answer for answer in answers if isinstance(answer, str)], "the story must be accepted whole"
        for engine, rest in stops():
            other = small_engine(**RULES)
            other.restore(snapshot.from_json(engine.venue, snapshot.to_json(engine.venue, engine.snapshot())))
            assert other.snapshot() == engine.snapshot()
            assert [try_event(other, event) for event in rest] == answers[len(answers) - len(rest) :]
            assert other.snapshot() == original.snapshot()

    @settings(max_examples=60)
    @given(
        st.lists(
            st.one_of(
                st.sampled_from(story()),
                st.builds(
                    lambda market, price: {"type": "mark_price", "market": market, "price": str(price)},
                    st.sampled_from(["A", "B"]),
                    st.integers(55, 130),
                ),
                st.builds(lambda time: {"type": "block", "time": time}, st.integers(1, 4000)),
            ),
            min_size=1,
            max_size=30,
        ),
        st.data(),
    )
    def test_any_run_can_be_stopped_written_read_and_continued(
        self, run: list[dict[str, Any]], data: st.DataObject
    ) -> None:
        """OBS-4: after the opening of the story, any events in any order, refused ones among them."""
        whole = [*story()[:5], *run]
        stop = data.draw(st.integers(5, len(whole)), label="stop")
        original = small_engine(**RULES)
        for event in whole[:stop]:
            try_event(original, event)
        written = json.dumps(snapshot.to_json(original.venue, original.snapshot()))
        other = small_engine(**RULES)
        other.restore(snapshot.from_json(other.venue, json.loads(written)))
        for event in whole[stop:]:
            assert try_event(other, event) == try_event(original, event)
        assert (other.snapshot(), other.observe()) == (original.snapshot(), original.observe())

    def test_amounts_are_written_in_the_outside_format(self) -> None:
        """OBS-4, AMT-3: on grids other than 1."""
        data = small_config()
        fine = {**data["markets"]["A"], "tick": "0.5", "lot": "0.01"}
        engine = Engine(
            Config.from_json({**data, "markets": {"A": fine}, "marks": {"A": "100.5"}, "quote_unit": "0.005"})
        )
        apply(engine, "deposit", account="alice", amount="50.005")
        trade(engine, "0.25", "100.5", 2)
        written = snapshot.to_json(engine.venue, engine.snapshot())
        held = written["accounts"][0]["pools"][0]["positions"][0]
        assert (written["marks"], held["size"], held["cost"]) == ({"A": "100.5"}, "0.25", "25.125")
        assert (written["net_deposits"], written["outside"]["positions"]) == ("5050.005", {"A": "-0.25"})
        assert snapshot.from_json(engine.venue, written) == engine.snapshot()

    def test_what_is_at_its_default_may_be_left_out(self) -> None:
        """OBS-4: a hand-written snapshot of two empty accounts."""
        engine = small_engine(vault={"cash": "0"})
        pools = [{"collateral": "0"}]
        data = {
            "format": 1,
            "time": 0,
            "block": 0,
            "marks": {"B": "100", "A": "100.0"},
            "accounts": [{"name": "bob", "pools": pools}, {"name": "alice", "pools": pools}],
        }
        assert snapshot.from_json(engine.venue, data) == engine.snapshot()

    def test_the_order_in_which_it_is_written_does_not_matter(self) -> None:
        """AMT-7: accounts, pools, positions and markets are put into the order of their names."""
        for engine, _ in stops():
            kept = engine.snapshot()
            data = snapshot.to_json(engine.venue, kept)
            data["accounts"].reverse()
            data["marks"] = dict(reversed(data["marks"].items()))
            for account in data["accounts"]:
                account["pools"].reverse()
                for pool in account["pools"]:
                    pool["positions"].reverse()
            assert snapshot.from_json(engine.venue, data) == kept

    def test_nor_does_that_of_a_book(self) -> None:
        """AMT-7."""
        engine = small_engine()
        for market in ("B", "A"):
            apply(engine, "vault_trade", market=market, size="1", price="100")
        data = snapshot.to_json(engine.venue, engine.snapshot())
        for book in ("vault", "outside"):
            data[book]["positions"] = dict(sorted(data[book]["positions"].items(), reverse=True))
        assert snapshot.from_json(engine.venue, data) == engine.snapshot()

    def test_nor_does_that_of_isolated_pools_and_of_settled_markets(self) -> None:
        """AMT-7, EVT-11."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="2")
        for market in "AB":
            apply(engine, "transfer", account="alice", market=market, amount="1")
            apply(engine, "settle", market=market, price="1")
        data = snapshot.to_json(engine.venue, engine.snapshot())
        data["accounts"][0]["pools"].reverse()
        data["settled"].reverse()
        assert snapshot.from_json(engine.venue, data) == engine.snapshot()

    def test_settled_markets_come_by_name(self) -> None:
        """AMT-7, EVT-11: eight of them, so that a set is almost never in that order by itself."""
        names = "HGFEDCBA"
        market = {"tick": "1", "lot": "1", "tiers": TIERS}
        engine = small_engine(markets=dict.fromkeys(names, market), marks=dict.fromkeys(names, "1"))
        for name in names:
            apply(engine, "settle", market=name, price="1")
        assert [one.market for one in engine.snapshot().settled or ()] == sorted(names)


CROSS = ("accounts", 0, "pools", 0)
HELD = (*CROSS, "positions", 0)

GONE = object()


def changed(data: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The data with the value at a path replaced, or removed."""
    data = copy.deepcopy(data)
    target: Any = data
    for step in path[:-1]:
        target = target[step]
    if value is GONE:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return data


class TestMalformedJson:
    """OBS-4, AMT-3, AMT-4, EVT-4: refused in one line that begins with the path."""

    @pytest.mark.parametrize(
        ("path", "value", "where"),
        [
            (("format",), GONE, "format: required field is missing"),
            (("format",), 2, "format: this version reads format 1, got 2"),
            (("format",), 0, "format: this version reads format 1, got 0"),
            (("format",), "1", "format: expected a whole number"),
            (("format",), True, "format: expected a whole number, got true"),
            (("time",), -1, "time: expected a whole number from 0"),
            (("time",), 1.0, "time: expected a whole number"),
            (("block",), True, "block: expected a whole number"),
            (("block",), 2**53, "block: expected a whole number from 0 to 9007199254740991"),
            (("colour",), "red", "colour: unknown field"),
            (("marks",), [], "marks: expected a table"),
            (("marks", "A"), 100, "marks.A: expected a string"),
            (("marks", "A"), "1e2", 'marks.A: "1e2" is not a decimal number'),
            (("accounts",), GONE, "accounts: required field is missing"),
            (("accounts",), {}, "accounts: expected a list"),
            (("accounts", 0), 1, "accounts[1]: expected a table of fields"),
            (("accounts", 0, "name"), None, "accounts[1].name: expected a string, got null"),
            (("accounts", 0, "name"), "a/b", 'accounts: "a/b" is not a valid name'),
            (("accounts", 0, "pools"), GONE, "accounts[1].pools: required field is missing"),
            ((*CROSS, "market"), None, "accounts[1].pools[1].market: expected a string, got null"),
            ((*CROSS, "collateral"), GONE, "accounts[1].pools[1].collateral: required field is missing"),
            ((*CROSS, "in_liquidation"), 1, "accounts[1].pools[1].in_liquidation: expected true or false"),
            ((*CROSS, "window"), {"untill": 1}, "accounts[1].pools[1].window.untill: unknown field"),
            ((*CROSS, "window"), {"until": -1}, "accounts[1].pools[1].window.until: expected a whole number"),
            ((*HELD, "size"), 10, "accounts[1].pools[1].positions[1].size: expected a string"),
            ((*HELD, "order"), "+1", 'accounts[1].pools[1].positions[1].order: "+1" is not a decimal number'),
            ((*HELD, "order"), None, "accounts[1].pools[1].positions[1].order: expected a string, got null"),
            ((*HELD, "attempted"), "yes", "accounts[1].pools[1].positions[1].attempted: expected true or false"),
            (("vault",), {"cash": 1}, "vault.cash: expected a string"),
            (("vault", "positions"), {"A": "x"}, 'vault.positions.A: "x" is not a decimal number'),
            (("net_deposits",), "NaN", 'net_deposits: "NaN" is not a decimal number'),
        ],
    )
    def test_of_the_wrong_shape(self, path: tuple[str | int, ...], value: object, where: str) -> None:
        engine = holding()
        data = changed(snapshot.to_json(engine.venue, engine.snapshot()), path, value)
        with pytest.raises(WrongShape) as caught:
            snapshot.from_json(engine.venue, data)
        assert str(caught.value).startswith(where)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("data", [None, [], "snapshot", 1])
    def test_of_no_shape_at_all(self, data: object) -> None:
        with pytest.raises(WrongShape, match="expected a table of fields"):
            snapshot.from_json(small_engine().venue, data)

    @pytest.mark.parametrize(
        ("path", "value", "where"),
        [
            (("marks",), {"A": "100"}, "marks: must be of exactly these markets: A, B"),
            (("marks",), {"A": "100", "B": "100", "C": "1"}, "marks: must be of exactly these markets: A, B"),
            (("marks", "A"), "0", "marks.A: must be above 0, got 0"),
            (("marks", "A"), "-1", "marks.A: must be above 0, got -1"),
            (("marks", "A"), "0.5", "marks.A: 0.5 is not a multiple of 1"),
            (("net_deposits",), "0.5", "net_deposits: 0.5 is not a multiple of 1"),
            (("accounts",), [], "accounts: at least one account is needed"),
            (("accounts", 1, "name"), "alice", "accounts: a name is repeated"),
            (
                (*HELD, "life"),
                0,
                "accounts.alice.cross.positions.A.life: an open position has had at least one opening",
            ),
            ((*HELD, "order"), "5", "accounts.alice.cross.positions.A.order: a position that is healthy has no"),
            (("accounts", 0, "pools"), [], "accounts.alice.pools: must be one cross pool"),
            (
                ("accounts", 0, "pools"),
                [{"collateral": "0"}, {"collateral": "0"}],
                "accounts.alice.pools: must be one cross pool",
            ),
            (
                ("accounts", 0, "pools"),
                [{"collateral": "0"}, {"market": "A", "collateral": "0"}, {"market": "A", "collateral": "1"}],
                "accounts.alice.pools: must be one cross pool",
            ),
            (
                ("accounts", 0, "pools"),
                [{"collateral": "0"}, {"market": "C", "collateral": "0"}],
                'accounts.alice.C: unknown market "C"',
            ),
            ((*CROSS, "collateral"), "0.5", "accounts.alice.cross.collateral: 0.5 is not a multiple of 1"),
            ((*HELD, "market"), "C", 'accounts.alice.cross.positions.C: unknown market "C"'),
            ((*HELD, "state"), "open", 'accounts.alice.cross.positions.A.state: unknown state "open"'),
            ((*HELD, "state"), "new", 'accounts.alice.cross.positions.A.state: unknown state "new"'),
            ((*HELD, "state"), "closed", "accounts.alice.cross.positions.A.size: 10 does not go with the state closed"),
            ((*HELD, "size"), "0", "accounts.alice.cross.positions.A.size: 0 does not go with the state healthy"),
            ((*HELD, "size"), "0.5", "accounts.alice.cross.positions.A.size: 0.5 is not a multiple of 1"),
            ((*HELD, "cost"), "0.5", "accounts.alice.cross.positions.A.cost: 0.5 is not a multiple of 1"),
            ((*HELD, "leverage"), 0, "accounts.alice.cross.positions.A.leverage: must be from 1 to 5, got 0"),
            ((*HELD, "leverage"), 6, "accounts.alice.cross.positions.A.leverage: must be from 1 to 5, got 6"),
            ((*HELD, "order"), "11", "accounts.alice.cross.positions.A.order: must be above 0 and at most the size"),
            ((*HELD, "order"), "0", "accounts.alice.cross.positions.A.order: must be above 0 and at most the size"),
            ((*HELD, "order"), "-1", "accounts.alice.cross.positions.A.order: must be above 0 and at most the size"),
            (("vault", "positions"), {"C": "1"}, 'vault: unknown market "C"'),
            (("vault", "positions"), {"A": "0.5"}, "vault.positions.A: 0.5 is not a multiple of 1"),
            (("outside", "cash"), "0.5", "outside.cash: 0.5 is not a multiple of 1"),
        ],
    )
    def test_that_contradicts_itself_or_its_rule_set(
        self, path: tuple[str | int, ...], value: object, where: str
    ) -> None:
        engine = holding()
        data = changed(snapshot.to_json(engine.venue, engine.snapshot()), path, value)
        with pytest.raises(InvalidConfig) as caught:
            snapshot.from_json(engine.venue, data)
        assert str(caught.value).startswith(where)
        assert "\n" not in str(caught.value)

    def test_a_mark_is_at_least_a_tick(self) -> None:
        """OBS-4: the least above 0."""
        engine = small_engine()
        data = changed(snapshot.to_json(engine.venue, engine.snapshot()), ("marks", "A"), "1")
        assert dict(snapshot.from_json(engine.venue, data).marks)["A"] == 1

    @pytest.mark.parametrize(("market", "other"), [("A", "B"), ("B", "A")])
    def test_an_isolated_pool_backs_a_position_of_its_own_market_only(self, market: str, other: str) -> None:
        """ACC-1."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="200")
        apply(engine, "transfer", account="alice", market=market, amount="200")
        trade(engine, "10", "100", 5, mode="isolated", market=market)
        data = snapshot.to_json(engine.venue, engine.snapshot())
        data["accounts"][0]["pools"][1]["market"] = other
        message = rf"accounts\.alice\.{other}\.positions: an isolated pool backs a position"
        with pytest.raises(InvalidConfig, match=message):
            snapshot.from_json(engine.venue, data)

    def test_a_position_stands_once(self) -> None:
        engine = holding()
        data = snapshot.to_json(engine.venue, engine.snapshot())
        held = data["accounts"][0]["pools"][0]["positions"]
        held.append(held[0])
        with pytest.raises(InvalidConfig, match=r"accounts\.alice\.cross\.positions: a market is repeated"):
            snapshot.from_json(engine.venue, data)

    def test_an_order_of_one_lot_is_one(self) -> None:
        """OBS-4, LIQ-14."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="20")
        trade(engine, "1", "100", 5)
        mark(engine, "88")
        data = snapshot.to_json(engine.venue, engine.snapshot())
        assert data["accounts"][0]["pools"][0]["positions"][0]["order"] == "1"
        assert snapshot.from_json(engine.venue, data) == engine.snapshot()

    def test_a_limit_is_of_a_venue_with_limits(self) -> None:
        """LIQ-17."""
        engine = working()
        data = changed(snapshot.to_json(engine.venue, engine.snapshot()), (*HELD, "limit"), "80")
        with pytest.raises(InvalidConfig, match=r"A\.limit: must be left out: no order with a limit is working"):
            snapshot.from_json(engine.venue, data)

    def test_a_vault_position_of_size_zero_is_none(self) -> None:
        """OBS-1."""
        engine = holding()
        data = changed(snapshot.to_json(engine.venue, engine.snapshot()), ("vault", "positions"), {"A": "0"})
        assert snapshot.from_json(engine.venue, data) == engine.snapshot()


class TestObservation:
    def test_positions_and_pools_are_listed_in_their_orders(self) -> None:
        """OBS-1, AMT-7: positions by account, market, mode; pools by account, cross first, then market."""
        engine = small_engine(accounts=["b", "B"])
        for account in ("b", "B"):
            apply(engine, "deposit", account=account, amount="1000")
            for market, mode in (("B", "isolated"), ("A", "isolated"), ("B", "cross"), ("A", "cross")):
                if mode == "isolated":
                    apply(engine, "transfer", account=account, market=market, amount="100")
                trade(engine, "1", "100", 5, account=account, market=market, mode=mode)
        seen = engine.observe()
        keys = [(held["account"], held["market"], held["mode"]) for held in seen["positions"]]
        assert keys == [
            (account, market, mode) for account in "Bb" for market in "AB" for mode in ("cross", "isolated")
        ]
        assert [(pool["account"], pool["market"]) for pool in seen["pools"]] == [
            (account, market) for account in "Bb" for market in (None, "A", "B")
        ]

    def test_a_position_is_listed_from_its_first_opening_on_and_a_cross_pool_from_the_start(self) -> None:
        """OBS-1, OBS-2, ACC-3: closed ones too, with size and cost 0."""
        engine = small_engine()
        assert engine.observe()["positions"] == []
        assert [pool["account"] for pool in engine.observe()["pools"]] == ["alice", "bob"]
        engine = holding()
        trade(engine, "-10")
        assert position(engine) == {
            "account": "alice",
            "market": "A",
            "mode": "cross",
            "state": "closed",
            "size": "0",
            "cost": "0",
            "order": None,
            "life": 1,
            "cooldown_until": None,
        }

    def test_a_whole_observation_written_by_hand(self) -> None:
        """OBS-1, OBS-2: alice is long 10 from 100 with 200, at 88; a short's order has no sign."""
        engine = working(accounts=["alice"])
        assert engine.observe() == {
            "time": 0,
            "block": 0,
            "positions": [
                {
                    "account": "alice",
                    "market": "A",
                    "mode": "cross",
                    "state": "liquidatable",
                    "size": "10",
                    "cost": "1000",
                    "order": "10",
                    "life": 1,
                    "cooldown_until": None,
                }
            ],
            "pools": [
                {
                    "account": "alice",
                    "mode": "cross",
                    "market": None,
                    "collateral": "200",
                    "equity": "80",
                    "maintenance_margin": "88",
                    "initial_margin": "176",
                    "in_liquidation": True,
                }
            ],
            "vault": {"cash": "5000", "equity": "5000", "positions": {}},
        }
        short = small_engine()
        apply(short, "deposit", account="alice", amount="200")
        trade(short, "-10", "100", 5)
        assert transitions(mark(short, "109")) == ["T1"]
        assert (position(short)["size"], position(short)["order"]) == ("-10", "10")

    @given(st.integers(-(10**12), 10**12), st.integers(0, 6), st.integers(0, 4), st.integers(0, 4))
    def test_amounts_compare_as_numbers(self, units: int, places: int, before: int, after: int) -> None:
        """OBS-3: zeros at either end are a matter of taste."""
        text = Grid.of(f"0.{'0' * places}1").text(units)
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        point = "" if "." in digits or not after else "."
        assert observation.same(text, f"{sign}{'0' * before}{digits}{point}{'0' * after}")
        assert not observation.same(text, Grid.of(f"0.{'0' * places}1").text(units + 1))

    @pytest.mark.parametrize(
        ("left", "right", "equal"),
        [
            ("1", "1.0", True),
            ("01", "1", True),
            ("-0", "0", True),
            ("-0.0", "0", True),
            ("-1", "1", False),
            ("0.1", "0.01", False),
            ("10", "1", False),
            ("healthy", "healthy", True),
            ("healthy", "closed", False),
            # a number is not an amount, and null is not zero
            ("1", 1, False),
            (None, "0", False),
            (None, None, True),
            (1, True, False),
            ("1e0", "1", False),
        ],
    )
    def test_what_is_the_same_and_what_is_not(self, left: object, right: object, equal: bool) -> None:
        """OBS-3, OBS-2."""
        assert observation.same(left, right) is equal
        assert observation.same(right, left) is equal
