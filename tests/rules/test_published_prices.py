"""Prices, margins and takeovers that venues publish, to the last digit given (MRG-5, MRG-9 to MRG-11, LIQ-16).

`published.toml` lists what is published row by row, also what these rules cannot reproduce, and why.
"""

from fractions import Fraction
from typing import Any

import pytest
from attrs import frozen

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from support.builders import apply, mark, pool, position, transitions

TICK = "0.001"


@frozen
class Published:
    """An isolated position of a public page, and what the page says of it; its tier is the first and only one."""

    source: str
    size: str
    entry: str
    leverage: int
    collateral: str
    rate: str
    liquidation: str
    bankruptcy: str | None = None
    margin: dict[str, Any] | None = None

    def engine(self, **tables: Any) -> Engine:
        """The run in which it was just opened, with further tables of parameters."""
        tier = {"above": "0", "maintenance_rate": self.rate, "max_leverage": self.leverage}
        config: dict[str, Any] = {
            "quote_unit": "0.000000000001",
            "markets": {"X": {"tick": TICK, "lot": "0.0001", "tiers": [tier]}},
            "marks": {"X": self.entry},
            "accounts": ["alice"],
            "backstop": {"threshold": "2/3"},
            **tables,
        }
        engine = Engine(Config.from_json(config if self.margin is None else {**config, "margin": self.margin}))
        apply(engine, "deposit", account="alice", amount=self.collateral)
        apply(engine, "transfer", account="alice", market="X", amount=self.collateral)
        key = {"account": "alice", "market": "X", "mode": "isolated"}
        apply(engine, "trade", **key, size=self.size, price=self.entry, leverage=self.leverage)
        return engine


ENTRY = {"valuation": "entry"}
PUBLISHED = (
    Published("Bybit help, USDT contract, long", "1", "20000", 50, "400", "0.005", "19700", margin=ENTRY),
    Published("the same long with its margin at the mark", "1", "20000", 50, "400", "0.005", "19698.49"),
    Published("Bybit help, short", "-1", "8000", 40, "200", "0.005", "8160", margin=ENTRY),
    Published("the same short with its margin at the mark", "-1", "8000", 40, "200", "0.005", "8159.20"),
    Published("BitMEX documentation", "1", "100", 100, "1", "0.005", "99.5", bankruptcy="99", margin=ENTRY),
    Published("Injective documentation", "1", "10", 5, "2", "0.05", "8.42", bankruptcy="8"),
    Published("Gate, a position of a public report", "-11.9", "11.515", 8, "17.39155324375", "0.025", "12.65998"),
    Published(
        *("the same position with its closing fee", "-11.9", "11.515", 8, "17.39155324375", "0.025", "12.6507"),
        margin={"close_fee_rate": "0.00075"},
    ),
    # Half of 1 ÷ 50; its cash is −95.0598235, shown as −95.059824, and the page opened it at 20x.
    Published("Hyperliquid documentation", "0.0335", "2986.3", 50, "4.9812265", "0.01", "2866.26936529"),
)


@pytest.mark.parametrize("one", PUBLISHED, ids=lambda one: one.source)
def test_the_exact_crossing_is_the_published_price(one: Published) -> None:
    engine = one.engine()
    _, crossing = engine.liquidation_price("alice", "X", "isolated")
    assert crossing is not None
    exact = Fraction(*crossing) * Fraction(TICK)
    places = len(one.liquidation.partition(".")[2])
    assert round(exact, places) == Fraction(one.liquidation)
    if one.bankruptcy is not None:
        bankruptcy = engine.bankruptcy_price("alice", "X", "isolated")
        assert Fraction(*bankruptcy) * Fraction(TICK) == Fraction(one.bankruptcy)


def test_the_limit_of_a_liquidation_order_is_the_published_bankruptcy_price() -> None:
    """BitMEX: from 100 with a margin of 1, so 99, wherever below 99.5 the mark is (LIQ-17)."""
    one = next(one for one in PUBLISHED if one.source == "BitMEX documentation")
    for price, limit in (("99.5", None), ("99.499", "99"), ("99.25", "99")):
        engine = one.engine(liquidation={"order_price": "bankruptcy"})
        mark(engine, price, "X")
        assert position(engine, "X", "isolated")["limit"] == limit


def test_toobits_example_is_liquidated_at_its_mark() -> None:
    """Long 10 ETH from 1,500 with 300: 1 % of 15,000 is 150, and equity at 1,483 is 130. At the mark: 148.3."""
    shown = {}
    for name, margin in (("entry", ENTRY), ("mark", None)):
        one = Published("Toobit help", "10", "1500", 50, "300", "0.01", "1485", margin=margin)
        engine = one.engine()
        mark(engine, "1483", "X")
        (held,) = [pool for pool in engine.observe()["pools"] if pool["mode"] == "isolated"]
        shown[name] = held["maintenance_margin"], held["equity"]
        assert position(engine, "X", "isolated")["state"] == "liquidatable"
    assert shown == {"entry": ("150", "130"), "mark": ("148.3", "130")}


# Where each bracket of Binance's BTCUSDT of 2021 starts, its rate, its leverage, and its published maintenance amount.
BRACKETS = (
    ("0", "0.004", 125, "0"),
    ("50000", "0.005", 100, "50"),
    ("250000", "0.01", 50, "1300"),
    ("1000000", "0.025", 20, "16300"),
    ("10000000", "0.05", 10, "266300"),
    ("20000000", "0.1", 5, "1266300"),
    ("50000000", "0.125", 4, "2516300"),
    ("100000000", "0.15", 3, "5016300"),
    ("200000000", "0.25", 2, "25016300"),
    ("300000000", "0.5", 1, "100016300"),
)


def test_the_deductions_of_ten_brackets_are_their_published_maintenance_amounts() -> None:
    """MRG-5."""
    names = ("above", "maintenance_rate", "max_leverage")
    tiers = [dict(zip(names, bracket[:-1], strict=True)) for bracket in BRACKETS]
    market = {"tick": "0.1", "lot": "0.001", "tiers": tiers}
    config = {"markets": {"X": market}, "marks": {"X": "50000"}, "accounts": ["alice"], "backstop": {"threshold": "1"}}
    venue = Engine(Config.from_json(config)).venue
    schedule = venue.markets["X"].schedule
    found = [Fraction(tier.deduction, schedule.denominator) * venue.money.step for tier in schedule.tiers]
    assert found == [Fraction(bracket[-1]) for bracket in BRACKETS]


@pytest.mark.parametrize(
    ("collateral", "share", "taken"), [("2.9798334", "0.0099983", True), ("2.98", "0.01", False)], ids=["below", "at"]
)
def test_takeovers_without_an_order_are_strictly_below_a_hundredth(collateral: str, share: str, taken: bool) -> None:
    """Hyperliquid's list of takeovers of spring 2023, at 50x: of all, the largest value ÷ notional is 0.0099983.

    The line of a takeover is then the maintenance margin, and no order comes first (LIQ-16).
    """
    tier = {"above": "0", "maintenance_rate": "1/100", "max_leverage": 50}
    config = {
        "quote_unit": "0.0000001",
        "markets": {"X": {"tick": "0.01", "lot": "0.0001", "tiers": [tier]}},
        "marks": {"X": "100"},
        "accounts": ["alice"],
        "liquidation": {"market_attempt": False},
        "backstop": {"threshold": "1"},
    }
    engine = Engine(Config.from_json(config))
    apply(engine, "deposit", account="alice", amount=collateral)
    apply(engine, "trade", account="alice", market="X", mode="cross", size="1", price="100", leverage=50)
    equity = Fraction(pool(engine)["equity"]) - 2  # at 98, where the notional is 98
    assert equity / 98 == Fraction(share)
    assert transitions(mark(engine, "98", "X")) == (["T1", "T5"] if taken else [])
    assert position(engine, "X")["state"] == ("backstopped" if taken else "healthy")


def test_the_vault_pays_the_bankruptcy_price_of_what_it_takes() -> None:
    """Hyperliquid's list prints it cut to six significant digits. Long 3 from 1,800 with 110: 1,800 - 110 / 3."""
    tier = {"above": "0", "maintenance_rate": "1/100", "max_leverage": 50}
    config = {
        "quote_unit": "0.000001",
        "markets": {"X": {"tick": "0.01", "lot": "0.0001", "tiers": [tier]}},
        "marks": {"X": "1800"},
        "accounts": ["alice"],
        "liquidation": {"market_attempt": False},
        "backstop": {"threshold": "1"},
    }
    engine = Engine(Config.from_json(config), shows_prices=True)
    apply(engine, "deposit", account="alice", amount="110")
    apply(engine, "trade", account="alice", market="X", mode="cross", size="3", price="1800", leverage=50)
    shown = position(engine, "X")
    assert (shown["liquidation_price"], shown["bankruptcy_price"]) == ("1781.14", "1763.333333333333333334")
    assert transitions(mark(engine, "1781.14", "X")) == ["T1", "T5"]
    paid = -Fraction(engine.observe()["vault"]["cash"]) / 3
    assert paid == Fraction(5290, 3)
    assert Fraction(int(paid * 100), 100) == Fraction("1763.33")


def test_the_margins_of_fourteen_positions_are_cut_before_they_are_added() -> None:
    """Hyperliquid's API: 356,978.709123, each cut at 0.000001; rounded up they would end in 129 (MRG-6, MRG-13).

    The positions are not published. Of these, six have a margin that ends in half a unit.
    """
    prices = ["1000.000005"] * 6 + ["1000"] * 7 + ["3556787.09123"]
    sums = {}
    for rounding in ("down", "up"):
        tier = {"above": "0", "maintenance_rate": "1/10", "max_leverage": 5}
        marks = {f"M{number:02}": price for number, price in enumerate(prices)}
        config = {
            "quote_unit": "0.000001",
            "markets": {name: {"tick": "0.000001", "lot": "1", "tiers": [tier]} for name in marks},
            "marks": marks,
            "accounts": ["alice"],
            "margin": {"rounding": rounding},
            "backstop": {"threshold": "2/3"},
        }
        engine = Engine(Config.from_json(config))
        apply(engine, "deposit", account="alice", amount="1000000")
        for name, price in marks.items():
            apply(engine, "trade", account="alice", market=name, mode="cross", size="1", price=price, leverage=5)
        sums[rounding] = pool(engine)["maintenance_margin"]
    assert sums == {"down": "356978.709123", "up": "356978.709129"}


def test_the_first_deleveraged_position_of_october_2025_gained_its_published_profit() -> None:
    """Hyperliquid: a short of 28.53 AVAX from 28.8845 is closed at 22.075, with the mark at 22.025 (MRG-9)."""
    tier = {"above": "0", "maintenance_rate": "1/20", "max_leverage": 10}
    config = {
        "quote_unit": "0.000001",
        "markets": {"AVAX": {"tick": "0.0001", "lot": "0.01", "tiers": [tier]}},
        "marks": {"AVAX": "28.8845"},
        "accounts": ["alice"],
        "backstop": {"threshold": "2/3"},
    }
    engine = Engine(Config.from_json(config))
    apply(engine, "deposit", account="alice", amount="1000")
    key = {"account": "alice", "market": "AVAX", "mode": "cross"}
    apply(engine, "trade", **key, size="-28.53", price="28.8845", leverage=10)
    mark(engine, "22.025", "AVAX")
    apply(engine, "trade", **key, size="28.53", price="22.075")
    assert Fraction(pool(engine)["collateral"]) - 1000 == Fraction("194.275035")
