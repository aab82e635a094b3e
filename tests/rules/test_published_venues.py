"""What Hyperliquid's documents say of its margin: the tiers of the shipped files, and what an account may do."""

from typing import Any

import pytest
from attrs import evolve

from liqspec.core.arithmetic import Ratio
from liqspec.core.config import Config, Venue
from liqspec.core.engine import Engine
from liqspec.spec import venues
from support.builders import apply, mark, pool, position, refused, restricted

# For each market, or the market of a group: where each tier begins, and its maximum leverage.
TIERS = {
    "hyperliquid": {
        "BTC": [("0", 40), ("150000000", 20)],
        "ETH": [("0", 25), ("100000000", 15)],
        "SOL": [("0", 20), ("70000000", 10)],
        "XRP": [("0", 20), ("40000000", 10)],
        "DOGE": [("0", 10), ("20000000", 5)],
        "ARB": [("0", 10), ("3000000", 5)],
        "HPOS": [("0", 3)],
    },
    "hyperliquid-testnet": {
        "BTC": [("0", 40), ("10000", 25), ("50000", 10)],
        "ETH": [("0", 25), ("20000", 10), ("50000", 5)],
    },
}


@pytest.mark.parametrize("name", TIERS)
def test_the_tiers_of_a_venue_file_are_the_published_ones(name: str) -> None:
    """MRG-5, MRG-8: the maintenance rate is half the initial rate at the tier's maximum leverage."""
    venue = venues.load(name)
    tiers = {market: rules.tiers for market, rules in venue.markets.items()}
    assert {name: [(tier.above, tier.max_leverage) for tier in held] for name, held in tiers.items()} == TIERS[name]
    assert all(tier.maintenance_rate == f"1/{2 * tier.max_leverage}" for held in tiers.values() for tier in held)
    decimals = {"BTC": (1, 5), "ETH": (2, 4), "SOL": (4, 2), "XRP": (6, 0), "DOGE": (6, 0), "ARB": (5, 1)}
    for market, rules in venue.markets.items():
        assert (len(rules.tick) - 2, len(rules.lot.partition(".")[2])) == decimals.get(market, (6, 0))


def test_the_rules_of_a_venue_file_are_the_published_ones() -> None:
    """MRG-13, ACC-14, ACC-16, ACC-17: also what is true of the test network alone, its threshold."""
    main, test = venues.load("hyperliquid"), venues.load("hyperliquid-testnet")
    for venue in (main, test):
        rules = Venue.from_config(venue.config(accounts=(), marks={"BTC": "50000"}))
        assert (rules.rounding, rules.withdraw_floor, rules.crossing) == ("down", Ratio(1, 10), "split")
        assert venue.undocumented
    assert venues.load("eth-march-2025").undocumented
    assert {market: rules.modes for market, rules in main.markets.items() if rules.modes} == {"HPOS": ("isolated",)}
    assert (main.liquidation.partial_threshold, main.liquidation.partial_fraction) == ("100000", "1/5")
    assert evolve(main.liquidation, partial_threshold="10000") == test.liquidation
    assert (main.liquidation.cooldown_ms, main.liquidation.fee_rate) == (30_000, "0")
    assert (main.backstop.threshold, main.backstop.return_fraction) == ("2/3", "0")
    assert main.backstop == test.backstop


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
