"""What Hyperliquid's documents say of its margin: the tiers of the shipped files, and what an account may do."""

from fractions import Fraction
from typing import Any

import pytest

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.spec import venues
from support.builders import apply, mark, pool, position, refused, restricted

# For each market, or the market that stands for its group: where each published tier starts, and its leverage.
TIERS: dict[str, dict[str, list[tuple[int, int]]]] = {
    "hyperliquid": {
        "BTC": [(0, 40), (150_000_000, 20)],
        "ETH": [(0, 25), (100_000_000, 15)],
        "SOL": [(0, 20), (70_000_000, 10)],
        "XRP": [(0, 20), (40_000_000, 10)],
        "DOGE": [(0, 10), (20_000_000, 5)],
        "ARB": [(0, 10), (3_000_000, 5)],
        "HPOS": [(0, 3)],
    },
    "hyperliquid-testnet": {
        "BTC": [(0, 40), (10_000, 25), (50_000, 10)],
        "ETH": [(0, 25), (20_000, 10), (50_000, 5)],
    },
}
THRESHOLDS = {"hyperliquid": "100000", "hyperliquid-testnet": "10000"}


@pytest.mark.parametrize("name", TIERS)
def test_the_tiers_of_a_venue_file_are_the_published_ones(name: str) -> None:
    """The maintenance rate is half of the initial rate at the tier's maximum leverage."""
    venue = venues.load(name)
    found = {
        market: [(int(tier.above), tier.max_leverage) for tier in rules.tiers]
        for market, rules in venue.markets.items()
    }
    assert found == TIERS[name]
    for rules in venue.markets.values():
        assert all(Fraction(tier.maintenance_rate) * 2 * tier.max_leverage == 1 for tier in rules.tiers)
    assert venue.liquidation.partial_threshold == THRESHOLDS[name]


def ether(collateral: str, leverage: int) -> Engine:
    """A run of the shipped venue in which Alice has just bought 1 ETH at 2,500."""
    engine = Engine(venues.load("hyperliquid").config(accounts=("alice",), marks={"ETH": "2500"}))
    apply(engine, "deposit", account="alice", amount=collateral)
    apply(engine, "trade", account="alice", market="ETH", mode="cross", size="1", price="2500", leverage=leverage)
    return engine


@pytest.mark.parametrize(("leverage", "stays"), [(25, "250"), (5, "500")], ids=["a tenth", "the initial margin"])
def test_what_leaves_a_pool_leaves_the_published_tenth_of_its_notional(leverage: int, stays: str) -> None:
    """The larger of the initial margin, 100 or 500, and a tenth of 2,500 (ACC-14)."""
    engine = ether("1000", leverage)
    assert refused(engine, "withdraw", account="alice", amount="750.000001").code == "insufficient_margin"
    apply(engine, "withdraw", account="alice", amount=str(1000 - int(stays)))
    assert refused(engine, "withdraw", account="alice", amount="0.000001").code == "insufficient_margin"
    transfer = {"account": "alice", "market": "ETH", "amount": "0.000001"}
    assert refused(engine, "transfer", **transfer).code == "insufficient_margin"
    assert pool(engine)["equity"] == stays


def test_leverage_is_raised_without_a_trade_below_the_initial_margin() -> None:
    """At 2,400 equity is 400, and 480 would be asked at 5x (ACC-13)."""
    engine = ether("500", 5)
    mark(engine, "2400", "ETH")
    assert (pool(engine)["equity"], pool(engine)["initial_margin"]) == ("400", "480")
    key = {"account": "alice", "market": "ETH", "mode": "cross"}
    apply(engine, "leverage", **key, leverage=25)
    assert (pool(engine)["equity"], pool(engine)["initial_margin"]) == ("400", "96")
    assert refused(engine, "leverage", **key, leverage=5).code == "insufficient_margin"


def test_margin_of_a_strictly_isolated_market_is_never_removed() -> None:
    """300 back an initial margin of 200 (ACC-18); B is traded isolated only (ACC-17)."""
    engine = restricted()
    assert refused(engine, "transfer", account="alice", market="A", amount="-1").code == "removal_not_allowed"
    trade: dict[str, Any] = {"account": "alice", "market": "B", "size": "1", "price": "100", "leverage": 5}
    assert refused(engine, "trade", **trade, mode="cross").code == "mode_not_allowed"


def test_a_mark_moves_by_at_most_a_hundredth_and_a_market_is_settled_at_it() -> None:
    """Markets of other deployers (MRK-7, EVT-11)."""
    data = venues.load("hyperliquid").config(accounts=("alice",), marks={"ETH": "2500"}).to_json()
    engine = Engine(Config.from_json({**data, "mark": {"max_move": "1/100"}}))
    apply(engine, "deposit", account="alice", amount="1000")
    apply(engine, "trade", account="alice", market="ETH", mode="cross", size="1", price="2500", leverage=10)
    apply(engine, "price_inputs", market="ETH", index="2000")
    assert engine.observe()["marks"] == {"ETH": "2475"}
    apply(engine, "settle", market="ETH", price="2475")
    assert (position(engine, "ETH")["state"], pool(engine)["collateral"]) == ("closed", "975")
