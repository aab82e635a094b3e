"""How a venue measures margin, by hand: its rounding, its notional, its fee (MRG-13 to MRG-15)."""

import pytest

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding, Schedule, Tier
from liqspec.core.config import Config
from liqspec.core.measures import pool_terms, terms_json
from liqspec.core.parameters import InvalidConfig, families_of
from liqspec.report.terms import lines
from support.builders import apply, mark, pool, refused, small_config, small_engine, trade, trade_fields

DOWN = {"margin": {"rounding": "down"}}
ENTRY = {"margin": {"valuation": "entry"}}
# 1/10, and above 1000 1/5 less 100: over 10.
SMALL = Schedule(10, (Tier(0, 1, 0, 5), Tier(1000, 2, 1000, 2)))


@pytest.mark.parametrize(
    ("amount", "up", "down"),
    [(0, 0, 0), (1, 1, 0), (9, 1, 0), (10, 1, 1), (11, 2, 1), (1000, 100, 100), (1001, 101, 100), (1005, 101, 101)],
)
def test_a_margin_is_rounded_as_the_venue_says(amount: int, up: int, down: int) -> None:
    """1,001 ÷ 5 − 100 = 100.2."""
    assert arithmetic.maintenance_margin(amount, SMALL) == up
    assert arithmetic.maintenance_margin(amount, SMALL._replace(rounds_down=True)) == down


def test_each_position_is_rounded_and_then_they_are_added() -> None:
    """Two of 199 ÷ 10 make 19 + 19, not 39; the initial margins of 199 ÷ 5 are rounded up to 40 each."""
    engine = small_engine(**DOWN, marks={"A": "199", "B": "199"})
    apply(engine, "deposit", account="alice", amount="1000")
    trade(engine, "1", "199", 5)
    trade(engine, "1", "199", 5, market="B")
    assert (pool(engine)["maintenance_margin"], pool(engine)["initial_margin"]) == ("38", "80")


def test_a_pool_is_breached_only_below_the_rounded_margin() -> None:
    """Long 1 from 100 with 21: at 87 equity is 8 and the margin 8.7, at 86 it is 7 and 8.6."""
    engine = small_engine(**DOWN)
    apply(engine, "deposit", account="alice", amount="21")
    trade(engine, "1", "100", 5)
    mark(engine, "87")
    assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("8", "8")
    assert not pool(engine)["in_liquidation"]
    mark(engine, "86")
    assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("7", "8")
    assert pool(engine)["in_liquidation"]


def test_the_terms_say_that_it_was_rounded_down() -> None:
    engine = small_engine(**DOWN)
    apply(engine, "deposit", account="alice", amount="100")
    trade(engine, "1", "100", 5)
    mark(engine, "99")
    (said,) = lines(pool_terms(engine.state, engine.state.accounts["alice"].cross), "maintenance_margin")
    assert said == "maintenance margin: 99 × 1/10, rounded down = 9 (tier 1, MRG-5)"


@pytest.mark.parametrize("fee", [0, 1, 7])
@pytest.mark.parametrize("at_entry", [False, True])
@pytest.mark.parametrize("rounds_down", [False, True])
@pytest.mark.parametrize("size", [1, 3, 17, -1, -3, -17])
def test_the_liquidation_price_is_where_a_search_of_all_ticks_finds_it(
    rounds_down: bool, at_entry: bool, fee: int, size: int
) -> None:
    """MRG-10: the highest (long) or lowest (short) tick that is breached, in and across tiers."""
    schedule = SMALL._replace(rounds_down=rounds_down, at_entry=at_entry, close_fee=fee)
    for equity in range(-20, 400, 7):
        held = Holding(size, size * 100, 5, 100, 1, schedule)

        def breached(tick: int, held: Holding = held, equity: int = equity) -> bool:
            there = held._replace(mark=tick)
            worth = equity + held.size * (tick - held.mark)
            return arithmetic.breached(worth, 3 + arithmetic.pool_maintenance_margin([there]))

        ticks = [tick for tick in range(1, 1000) if breached(tick)]
        found = arithmetic.liquidation_price(equity, 3, held)
        assert found == ((max(ticks) if size > 0 else min(ticks)) if ticks else None)


def test_margins_asked_of_the_cost_stay_where_they_are() -> None:
    """11 for 110 cost 1,210: above 1,000, so ÷ 5 − 100 = 142 and ÷ 2 = 605, at every mark."""
    engine = small_engine(**ENTRY)
    apply(engine, "deposit", account="alice", amount="1000")
    trade(engine, "11", "110", 2)
    for price in ("100", "50", "200"):
        mark(engine, price)
        assert (pool(engine)["maintenance_margin"], pool(engine)["initial_margin"]) == ("142", "605")
    mark(engine, "32")  # 1000 − 1210 + 352 = 142
    assert not pool(engine)["in_liquidation"]
    mark(engine, "31")
    assert pool(engine)["in_liquidation"]


def test_an_opening_is_admitted_by_the_margin_of_its_cost() -> None:
    """At 120, 20 above the mark, 5 cost 600, ÷ 5 is 120; equity after it is 220 − 100."""
    engine = small_engine(**ENTRY)
    apply(engine, "deposit", account="alice", amount="219")
    assert refused(engine, "trade", **trade_fields("5", "120", 5)).code == "insufficient_margin"
    apply(engine, "deposit", account="alice", amount="1")
    trade(engine, "5", "120", 5)
    assert (pool(engine)["equity"], pool(engine)["initial_margin"]) == ("120", "120")


def test_the_terms_name_what_the_margin_is_asked_of() -> None:
    engine = small_engine(**ENTRY)
    apply(engine, "deposit", account="alice", amount="200")
    trade(engine, "10", "100", 5)
    mark(engine, "90")
    terms = pool_terms(engine.state, engine.state.accounts["alice"].cross)
    assert list(lines(terms, "maintenance_margin", "initial_margin")) == [
        "maintenance margin: 1,000 × 1/10 = 100 (tier 1, MRG-5)",
        "initial margin: 1,000 ÷ 5 = 200 (MRG-7)",
    ]
    (one,) = terms_json(terms)["positions"]
    assert (one["notional"], one["margin_notional"]) == ("900", "1000")


@pytest.mark.parametrize(
    ("amount", "maintenance", "initial"),
    [(1000, 105, 205), (1001, 106, 506), (1010, 108, 511), (1020, 110, 516)],
)
def test_both_margins_count_the_closing_fee_in_and_are_rounded_once(
    amount: int, maintenance: int, initial: int
) -> None:
    """Of 1,001 ÷ 200: 1,001 ÷ 5 − 100 + 5.005 = 105.205, and 1,001 ÷ 2 + 5.005 = 505.505."""
    engine = small_engine(margin={"close_fee_rate": "1/200"})
    schedule = engine.venue.markets["A"].schedule
    assert arithmetic.maintenance_margin(amount, schedule) == maintenance
    assert arithmetic.initial_margin(amount, 5, schedule) == initial


def test_a_closing_fee_is_not_charged() -> None:
    """1,000 ÷ 10 + 50 and 1,000 ÷ 5 + 50; closing at the entry price leaves everything."""
    engine = small_engine(margin={"close_fee_rate": "0.05"})
    apply(engine, "deposit", account="alice", amount="249")
    assert refused(engine, "trade", **trade_fields("10", "100", 5)).code == "insufficient_margin"
    apply(engine, "deposit", account="alice", amount="1")
    trade(engine, "10", "100", 5)
    assert (pool(engine)["maintenance_margin"], pool(engine)["initial_margin"]) == ("150", "250")
    terms = pool_terms(engine.state, engine.state.accounts["alice"].cross)
    assert list(lines(terms, "maintenance_margin", "initial_margin")) == [
        "maintenance margin: 1,000 × (1/10 + 1/20) = 150 (tier 1, MRG-5)",
        "initial margin: 1,000 ÷ 5 + 1,000 × 1/20 = 250 (MRG-7)",
    ]
    trade(engine, "-10", "100")
    assert pool(engine)["collateral"] == "250"


@pytest.mark.parametrize("fee", ["0.8", "4/5"])
def test_a_fee_with_which_a_margin_is_the_notional_is_the_largest(fee: str) -> None:
    """Small tiers ask for 1/10 and 1/5."""
    small_engine(margin={"close_fee_rate": fee})
    with pytest.raises(
        InvalidConfig, match=r"margin\.close_fee_rate: with the maintenance rate 1/5 of A it is above 1"
    ):
        small_engine(margin={"close_fee_rate": "0.801"})


def test_left_out_it_leaves_no_trace() -> None:
    """VER-1: a configuration without the table is written without it, and is of no family."""
    written = Config.from_json(small_config()).to_json()
    assert "margin" not in written
    assert families_of(written) == {}
    assert families_of(small_config(**DOWN)) == {"rounding": "margin.rounding"}
