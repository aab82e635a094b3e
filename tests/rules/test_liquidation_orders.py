"""The families of the liquidation order, by hand: no book, methods of a chunk, least sizes (LIQ-16, PRT-4)."""

from typing import Any

import pytest

from liqspec.core import arithmetic, snapshot
from liqspec.core.arithmetic import Holding, Ratio, Schedule, Tier
from liqspec.core.config import Config
from liqspec.core.effects import OrderEmitted
from liqspec.core.engine import Engine
from liqspec.core.families import chunks
from liqspec.core.parameters import InvalidConfig
from liqspec.edge import schemas
from liqspec.edge.shapes import WrongShape
from support.builders import (
    apply,
    holding,
    mark,
    order_event,
    pool,
    position,
    refused,
    small_config,
    small_engine,
    trade,
    transitions,
)

ORDER = {"account": "alice", "market": "A", "mode": "cross"}
# Tiers that begin above 0, 100, 200 and 400.
SCHEDULE = Schedule(1, (Tier(0, 0, 0, 1), Tier(100, 0, 0, 1), Tier(200, 0, 0, 1), Tier(400, 0, 0, 1)))


def chunked(collateral: str = "200", **liquidation: Any) -> Engine:
    """Alice is long 10 A from 100; at a mark p her equity is collateral + 10p - 1000, her margin p."""
    return holding(collateral, liquidation={"partial_threshold": "0", **liquidation})


def ordered(engine: Engine, price: str) -> str | None:
    """The order that the mark brings about."""
    mark(engine, price)
    order: str | None = position(engine)["order"]
    return order


class TestWithoutABook:
    def test_a_breached_pool_above_the_line_waits(self) -> None:
        """LIQ-16: at 88 equity is 80, the margin 88, the line 58.7."""
        engine = chunked(market_attempt=False)
        assert transitions(mark(engine, "88")) == ["T1"]
        assert position(engine)["order"] is None
        assert position(engine)["state"] == "liquidatable"
        assert transitions(apply(engine, "block", time=1)) == []

    def test_one_below_it_goes_to_the_vault_in_the_same_event(self) -> None:
        """LIQ-16: at 85 equity is 50, the line 56.7."""
        engine = chunked(market_attempt=False)
        assert transitions(mark(engine, "85")) == ["T1", "T5"]
        assert engine.state.vault.positions == {"A": 10}

    def test_one_that_waits_goes_when_it_falls_below_it(self) -> None:
        engine = chunked(market_attempt=False)
        mark(engine, "88")
        assert transitions(mark(engine, "85")) == ["T5"]

    def test_at_the_line_it_waits(self) -> None:
        """BKS-1: at 90 the margin is 90 and the line 60; of an equity of 100, funding of 4 a unit leaves just that."""
        for payment, following in (("4", ["T1"]), ("5", ["T1", "T5"])):
            engine = chunked(market_attempt=False)
            mark(engine, "90")
            assert transitions(apply(engine, "funding", market="A", payment=payment)) == following

    def test_with_a_book_it_is_as_without_the_parameter(self) -> None:
        assert ordered(chunked(market_attempt=True), "88") == "10"


class TestWhatRestores:
    @pytest.mark.parametrize(("price", "order"), [("89", "10"), ("88", "1"), ("86", "4")])
    def test_the_least_lots_that_leave_a_covered_margin(self, price: str, order: str) -> None:
        """PRT-4: a lot has a margin of p / 10: equity of 80 at 88 covers 9 (79.2), of 60 at 86 it covers 6 (51.6)."""
        engine = chunked(partial_method="restore")
        found = ordered(engine, price)
        assert found == (None if price == "89" else order)

    def test_after_it_the_pool_is_restored(self) -> None:
        engine = chunked(partial_method="restore")
        mark(engine, "86")
        order_event(engine, "fill", size="4", price="86")
        assert not engine.state.accounts["alice"].cross.in_liquidation

    def test_the_fee_is_paid_first(self) -> None:
        """FIL-2: a lot less saves 8.6 and costs 4.3; 26 are short: 7 lots (4 lots would leave 60 - 17.2 < 51.6)."""
        assert ordered(chunked(partial_method="restore", fee_rate="1/20"), "86") == "7"

    def test_where_no_part_restores_all_is_ordered(self) -> None:
        """A lot costs a fee of 17.2 and saves 8.6."""
        assert ordered(chunked(partial_method="restore", fee_rate="1/5"), "86") == "10"

    def test_the_restore_target_is_what_must_be_reached(self) -> None:
        """LIQ-15: twice the margin of 5 lots is 88 > 80, of 4 lots 70.4."""
        assert ordered(chunked(partial_method="restore", restore={"factor": "2"}), "88") == "6"

    def test_the_siblings_margin_counts(self) -> None:
        """MRG-6: with 5 B at 100 the margin is 50 more, and equity stays."""
        engine = chunked("300", partial_method="restore")
        trade(engine, "5", "100", 5, market="B")
        assert ordered(engine, "82") == "2"  # equity 120: 9 lots would have 74 + 50, 8 lots have 66 + 50

    @pytest.mark.parametrize("most", range(1, 20))
    def test_halving_finds_the_least_that_is_enough(self, most: int) -> None:
        for least in range(1, most + 1):
            assert chunks.by_halving(most, least.__le__) == least
        assert chunks.by_halving(most, lambda _: False) == most

    def test_halving_asks_as_the_rule_says_where_more_is_not_better(self) -> None:
        """PRT-4: of 8 lots, 4 are asked first, then 6 and 7 or 2 and 1."""
        asked = []

        def enough(lots: int) -> bool:
            asked.append(lots)
            return lots in (2, 3)

        assert chunks.by_halving(8, enough) == 8
        assert asked == [4, 6, 7]


class TestALowerTier:
    @pytest.mark.parametrize(
        ("lots", "steps", "chunk"),
        [
            *[(401, 1, 1), (401, 2, 201), (401, 3, 301), (401, 4, 401), (400, 1, 200), (201, 1, 1)],
            *[(200, 1, 100), (101, 1, 1), (101, 2, 101), (100, 1, 100), (1, 1, 1), (500, 1, 100)],
        ],
    )
    def test_the_notional_is_brought_to_the_end_of_that_tier(self, lots: int, steps: int, chunk: int) -> None:
        """PRT-4, MRG-4: a notional at which a tier begins is still of the one below."""
        assert arithmetic.chunk_to_tier(lots, 1, steps, SCHEDULE) == chunk
        assert arithmetic.chunk_to_tier(-lots, 1, steps, SCHEDULE) == chunk

    def test_the_rest_is_rounded_down(self) -> None:
        """20 lots worth 7 each: 14 are worth 98."""
        assert arithmetic.chunk_to_tier(20, 7, 1, SCHEDULE) == 6

    def test_in_a_run(self) -> None:
        """The small market's second tier begins above 1,000: of 20 lots at 100, 10 stay."""
        engine = holding("2000", liquidation={"partial_threshold": "0", "partial_method": "tier_down"})
        trade(engine, "10", "100", 2)
        apply(engine, "withdraw", account="alice", amount="1000")
        apply(engine, "funding", market="A", payment="36")
        assert position(engine)["order"] == "10"


class TestSoManyLots:
    @pytest.mark.parametrize(("lots", "order"), [(None, "1"), (1, "1"), (4, "4"), (10, "10"), (11, "10")])
    def test_at_most_all_of_them(self, lots: int | None, order: str) -> None:
        given: dict[str, Any] = {} if lots is None else {"partial_lots": lots}
        assert ordered(chunked(partial_method="lots", **given), "88") == order


class TestLeastSizes:
    @pytest.mark.parametrize(
        ("lots", "order", "rest", "chunk"),
        [
            (2, None, None, 2),
            (2, 14, None, 2),
            (2, 15, None, 3),
            (2, 71, None, 10),
            (2, None, 56, 2),
            (2, None, 57, 10),
            (2, 21, 49, 3),
            (2, 21, 50, 10),
        ],
    )
    def test_a_chunk_is_raised_and_a_small_rest_ordered_with_it(
        self, lots: int, order: int | None, rest: int | None, chunk: int
    ) -> None:
        """PRT-5: of 10 lots that are worth 7 each."""
        assert arithmetic.at_least(lots, 10, 7, order, rest) == chunk
        assert arithmetic.at_least(lots, -10, 7, order, rest) == chunk

    def test_in_a_run(self) -> None:
        """A tenth is one lot of 88; 200 need three."""
        assert ordered(chunked(partial_fraction="1/10", min_order_notional="200"), "88") == "3"
        assert ordered(chunked(partial_fraction="1/2", min_rest_notional="441"), "88") == "10"
        assert ordered(chunked(partial_fraction="1/2", min_rest_notional="440"), "88") == "5"

    @pytest.mark.parametrize(
        ("fraction", "least", "rest", "sizing", "rule"),
        [
            ("1/10", "88", "0", "chunk", "PRT-3"),
            ("1/10", "89", "792", "least_rest", "PRT-5"),
            ("1/10", "89", "704", "least_order", "PRT-5"),
            ("1/10", "881", "704", "least_order", "PRT-5"),
            ("1", "89", "704", "chunk", "PRT-3"),
        ],
    )
    def test_the_effect_says_what_decided_the_size(
        self, fraction: str, least: str, rest: str, sizing: str, rule: str
    ) -> None:
        """PRT-3, PRT-5: a lot is worth 88, and ten of them are held."""
        engine = chunked(partial_fraction=fraction, min_order_notional=least, min_rest_notional=rest)
        *_, emitted = mark(engine, "88")
        assert isinstance(emitted, OrderEmitted)
        assert (emitted.sizing, emitted.rule) == (sizing, rule)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tier_steps": 1}, r"liquidation\.tier_steps: has a meaning only with partial_method = tier_down"),
        (
            {"partial_threshold": "0", "partial_method": "lots", "tier_steps": 1},
            r"only with partial_method = tier_down",
        ),
        ({"partial_lots": 5}, r"liquidation\.partial_lots: has a meaning only with partial_method = lots"),
        (
            {"partial_threshold": "0", "partial_method": "lots", "partial_lots": 0},
            r"liquidation\.partial_lots: must be at least 1, got 0",
        ),
        ({"min_order_notional": "-1"}, r"liquidation\.min_order_notional: must be at least 0, got -1"),
        ({"partial_method": "restore"}, r"partial_method: has no effect without partial_threshold \(CFG-2\)"),
        ({"partial_method": "lots", "partial_lots": 5}, r"partial_method: has no effect without partial_threshold"),
        ({"min_order_notional": "1"}, r"min_order_notional: has no effect without partial_threshold \(CFG-2\)"),
        ({"min_rest_notional": "1"}, r"min_rest_notional: has no effect without partial_threshold \(CFG-2\)"),
        *(
            ({"partial_threshold": "0", "market_attempt": False, **given}, "has no effect with market_attempt = false")
            for given in (
                {"partial_method": "tier_down"},
                {"min_order_notional": "1"},
                {"min_rest_notional": "1"},
                {"order_price": "bankruptcy"},
                {"order_price": {"band": "1"}},
            )
        ),
    ],
)
def test_what_has_no_meaning_is_refused(changes: dict[str, Any], message: str) -> None:
    """CFG-2, PRT-4, PRT-5, LIQ-16."""
    with pytest.raises(InvalidConfig, match=message):
        Engine(Config.from_json(small_config(liquidation=changes)))


def test_what_holds_without_a_parameter_may_be_said_where_it_has_no_effect() -> None:
    """CFG-2: a venue without a market step, compared with itself."""
    said = {"partial_method": "fraction", "min_order_notional": "0", "min_rest_notional": "0", "order_price": "market"}
    Engine(Config.from_json(small_config(liquidation={**said, "market_attempt": False})))


class TestLimits:
    def test_the_bankruptcy_price_of_the_only_position(self) -> None:
        """LIQ-17: at 88 the equity of 80 is 8 for each of 10."""
        engine = chunked(order_price="bankruptcy")
        mark(engine, "88")
        assert position(engine)["limit"] == "80"
        assert refused(engine, "fill", **ORDER, size="1", price="79").code == "worse_than_limit"
        assert refused(engine, "fill", **ORDER, size="11", price="79").code == "overfill"
        order_event(engine, "fill", size="10", price="80")
        assert pool(engine)["collateral"] == "0"

    @pytest.mark.parametrize(
        ("size", "breach", "worse", "bound"),
        [
            ("10", "88", "79", "sells at 80 or above"),
            ("1", "88", "79", "sells at 80 or above"),
            ("-10", "112", "121", "buys at 120 or below"),
        ],
    )
    def test_a_worse_fill_is_refused_with_the_side_and_the_limit(
        self, size: str, breach: str, worse: str, bound: str
    ) -> None:
        engine = small_engine(liquidation={"order_price": "bankruptcy"})
        apply(engine, "deposit", account="alice", amount=str(20 * abs(int(size))))
        trade(engine, size, "100", 5)
        mark(engine, breach)
        refusal = refused(engine, "fill", **ORDER, size="1", price=worse)
        assert str(refusal) == f"worse_than_limit: price is {worse}; the order {bound} (LIQ-17)"

    def test_equity_is_allocated_by_maintenance_margin(self) -> None:
        """5 B at 100 have 50 of a margin of 133: of an equity of 130, A has 81.2 for 10, B 48.9 for 5."""
        engine = chunked("300", order_price="bankruptcy")
        trade(engine, "5", "100", 5, market="B")
        mark(engine, "83")
        assert [position(engine, name)["limit"] for name in ("A", "B")] == ["75", "91"]

    @pytest.mark.parametrize(
        ("equity", "margin", "whole", "held", "limit"),
        [
            (80, 88, 88, (10, 100), 92),
            (81, 88, 88, (10, 100), 92),
            (79, 88, 88, (10, 100), 93),
            (81, 88, 88, (-10, 100), 108),
            (79, 88, 88, (-10, 100), 107),
            (-15, 1, 1, (10, 100), 102),
            (2000, 1, 1, (10, 100), 1),
            (30, 1, 3, (10, 100), 99),
            (1, 1, 3, (1, 100), 100),
        ],
    )
    def test_it_is_rounded_in_favour_of_the_pool_and_at_least_a_tick(
        self, equity: int, margin: int, whole: int, held: tuple[int, int], limit: int
    ) -> None:
        size, price = held
        assert arithmetic.bankruptcy_limit(equity, margin, whole, Holding(size, 0, 1, price, 1, SCHEDULE)) == limit

    @pytest.mark.parametrize(("size", "limit"), [("8", "2"), ("-8", "1")])
    def test_a_position_has_all_equity_of_a_pool_without_a_margin(self, size: str, limit: str) -> None:
        """LIQ-17, MRG-13: a tenth of 8 is rounded down to 0; an equity of -3 is 3/8 a lot, and a tick is the least."""
        rules = {"order_price": "bankruptcy"}
        engine = small_engine(margin={"rounding": "down"}, marks={"A": "1", "B": "1"}, liquidation=rules)
        apply(engine, "deposit", account="alice", amount="5")
        trade(engine, size, "1", 2)
        assert pool(engine)["maintenance_margin"] == "0"
        apply(engine, "funding", market="A", payment="1" if size == "8" else "-1")
        assert (pool(engine)["equity"], position(engine)["limit"]) == ("-3", limit)

    def test_a_position_has_all_of_a_larger_debt_of_a_pool_without_a_margin(self) -> None:
        """LIQ-17, MRG-13: an equity of -83 for 8 lots at 1 is 91/8 a lot."""
        engine = small_engine(
            margin={"rounding": "down"}, marks={"A": "1", "B": "1"}, liquidation={"order_price": "bankruptcy"}
        )
        apply(engine, "deposit", account="alice", amount="5")
        trade(engine, "8", "1", 2)
        apply(engine, "funding", market="A", payment="11")
        assert (pool(engine)["equity"], position(engine)["limit"]) == ("-83", "12")

    @pytest.mark.parametrize(
        ("size", "band", "limit"),
        [
            (1, Ratio(1, 50), 99),
            (-1, Ratio(1, 50), 103),
            (1, Ratio(0, 1), 101),
            (-1, Ratio(1, 1), 202),
            (1, Ratio(1, 1), 1),
        ],
    )
    def test_a_band_is_around_the_mark(self, size: int, band: Ratio, limit: int) -> None:
        """101 less a fiftieth is 98.98; and with it 103.02."""
        assert arithmetic.band_limit(101, size, band) == limit

    def test_it_stays_while_the_order_works(self) -> None:
        engine = chunked(order_price={"band": "1/10"})
        mark(engine, "88")
        mark(engine, "70")
        assert position(engine)["limit"] == "80"
        order_event(engine, "order_done")
        assert position(engine)["limit"] is None

    def test_orders_at_any_price_show_none(self) -> None:
        engine = chunked(order_price="market")
        mark(engine, "88")
        assert "limit" not in position(engine)

    def test_it_is_remembered_by_a_snapshot(self) -> None:
        engine = chunked(order_price="bankruptcy")
        mark(engine, "88")
        data = snapshot.to_json(engine.venue, engine.snapshot())
        assert data["accounts"][0]["pools"][0]["positions"][0]["limit"] == "80"
        assert snapshot.from_json(engine.venue, data) == engine.snapshot()
        held = data["accounts"][0]["pools"][0]["positions"][0]
        held["limit"] = "1"
        assert snapshot.to_json(engine.venue, snapshot.from_json(engine.venue, data)) == data
        for held["limit"] in ("0", "-1"):
            with pytest.raises(InvalidConfig, match="limit: must be above 0"):
                snapshot.from_json(engine.venue, data)
        del held["limit"]
        with pytest.raises(InvalidConfig, match=r"limit: must be a price above 0 \(LIQ-17\)"):
            snapshot.from_json(engine.venue, data)

    @pytest.mark.parametrize(
        ("price", "path"),
        [
            ("bankrupt", "liquidation.order_price"),
            (5, "liquidation.order_price"),
            ({}, "liquidation.order_price"),
            ({"band": 1}, "liquidation.order_price.band"),
            ({"band": "x"}, "liquidation.order_price.band"),
            ({"band": "1", "bend": "1"}, "liquidation.order_price"),
        ],
    )
    def test_a_malformed_one_is_refused_where_it_is(self, price: object, path: str) -> None:
        config = small_config(liquidation={"order_price": price})
        with pytest.raises(WrongShape) as caught:
            Config.from_json(config)
        assert caught.value.path == path
        assert not schemas.accepts("config", config)

    def test_a_band_above_1_is_refused(self) -> None:
        with pytest.raises(InvalidConfig, match=r"liquidation\.order_price\.band: must be at least 0 and at most 1"):
            Engine(Config.from_json(small_config(liquidation={"order_price": {"band": "1.01"}})))
