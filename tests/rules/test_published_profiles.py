"""How venues liquidate, as their documents say it: each a few parameters of these rules, and a run by hand.

Their numbers are not those of a venue: markets A and B have grids of 1, and Alice is long from 100.
"""

from typing import Any

import pytest

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from support.builders import apply, mark, order_event, pool, position, refused, small_config, trade, transitions

TWO = [
    {"above": "0", "maintenance_rate": "1/10", "max_leverage": 5},
    {"above": "1000", "maintenance_rate": "1/5", "max_leverage": 2},
]
# Deductions 0, 100, and 100 + 3000 x (1/4 - 1/5) = 250.
THREE = [*TWO, {"above": "3000", "maintenance_rate": "1/4", "max_leverage": 2}]


def opened(
    size: str, collateral: str, *, leverage: int, tiers: list[dict[str, Any]] = TWO, **tables: dict[str, Any]
) -> Engine:
    """A run in which Alice has just bought A at 100."""
    market = {"tick": "1", "lot": "1", "tiers": tiers}
    engine = Engine(Config.from_json(small_config(markets={"A": market, "B": market}, **tables)))
    apply(engine, "deposit", account="alice", amount=collateral)
    trade(engine, size, leverage=leverage)
    return engine


def test_one_order_back_to_the_margin_not_below_bankruptcy() -> None:
    """Binance: at 88 equity is 80 and each lot needs 8.8: 9 lots may stay. Bankrupt is 88 - 80 / 10."""
    rules = {"partial_threshold": "0", "partial_method": "restore", "order_price": "bankruptcy"}
    engine = opened("10", "200", leverage=5, liquidation=rules)
    mark(engine, "88")
    assert (position(engine)["order"], position(engine)["limit"]) == ("1", "80")
    fill = {"account": "alice", "market": "A", "mode": "cross", "size": "1"}
    assert refused(engine, "fill", **fill, price="79").code == "worse_than_limit"
    assert transitions(apply(engine, "fill", **fill, price="88")) == ["T6"]
    assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("80", "80")
    assert pool(engine)["in_liquidation"] is False


def test_margin_at_entry_and_one_tier_down_then_the_whole() -> None:
    """Bybit: 60 lots cost 6,000, of which 6,000 / 4 - 250 = 1,250 are asked, also at 70, where equity is 1,200."""
    rules = {"partial_threshold": "0", "partial_method": "tier_down", "cooldown_ms": 1000, "cooldown_scope": "position"}
    engine = opened("60", "3000", leverage=2, tiers=THREE, margin={"valuation": "entry"}, liquidation=rules)
    mark(engine, "71")
    assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("1260", "1250")
    # 42 lots at 70 are 2,940, and 43 are above 3,000
    mark(engine, "70")
    assert position(engine)["order"] == "18"
    order_event(engine, "fill", size="18", price="70")
    assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("1200", "800")
    apply(engine, "block", time=1)
    # 1,200 - 42 x 10 = 780; a tier down would be 16 lots of 60
    mark(engine, "60")
    assert position(engine)["order"] == "42"


def test_one_tier_down_then_the_whole_at_bankruptcy() -> None:
    """BitMEX: at 61 equity is 660, the margin 3,660 / 4 - 250 = 665. 49 lots at 61 are 2,989."""
    rules = {
        **{"partial_threshold": "0", "partial_method": "tier_down", "order_price": "bankruptcy"},
        **{"cooldown_ms": 1000, "cooldown_scope": "position"},
    }
    engine = opened("60", "3000", leverage=2, tiers=THREE, liquidation=rules)
    mark(engine, "61")
    # 61 - 660 / 60 = 50
    assert (position(engine)["order"], position(engine)["limit"]) == ("11", "50")
    order_event(engine, "fill", size="11", price="61")
    apply(engine, "block", time=1)
    # 660 - 49 x 5 = 415 is below 2,744 / 5 - 100, and 56 - 415 / 49 is 47.5
    mark(engine, "56")
    assert (position(engine)["order"], position(engine)["limit"]) == ("49", "48")


def test_three_fractions_reduce_to_the_second_and_take_over_below_the_third() -> None:
    """Lighter: a fifth, a tenth and a twentieth. At 88 equity is 80, the margin 88: 9 lots may stay."""
    tiers = [{"above": "0", "maintenance_rate": "1/10", "closeout_rate": "1/20", "max_leverage": 5}]
    engine = opened(
        *("10", "200"),
        leverage=5,
        tiers=tiers,
        liquidation={"partial_threshold": "0", "partial_method": "restore"},
        backstop={"threshold": "1", "measure": "tier"},
    )
    mark(engine, "88")
    assert position(engine)["order"] == "1"
    order_event(engine, "order_done")
    # equity 50 is above a twentieth of 850, 40 is below one of 840
    assert transitions(mark(engine, "85")) == []
    assert transitions(mark(engine, "84")) == ["T5"]


def test_the_largest_margin_first_and_just_enough() -> None:
    """Dango: at 80 equity is 100, the margins 80 and 50; each lot of A saves 8, and 4 are enough for 30."""
    rules = {"order_policy": "ranked", "partial_threshold": "0", "partial_method": "restore"}
    engine = opened("10", "300", leverage=5, liquidation=rules)
    trade(engine, "5", leverage=5, market="B")
    # exactly equal is not liquidated: 300 - 10 x 17 = 83 + 50 - 3
    apply(engine, "marks", prices={"A": "83"})
    apply(engine, "adjust", account="alice", mode="cross", amount="3")
    assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("133", "133")
    assert position(engine)["order"] is None
    apply(engine, "adjust", account="alice", mode="cross", amount="-3")
    assert (position(engine)["order"], position(engine, "B")["order"]) == ("1", None)


def test_one_position_at_a_time_until_the_initial_margin_is_restored() -> None:
    """Polymarket: at 80 equity is 100, the initial margins are 160 and 100, so all of A must go and B may stay."""
    rules = {
        **{"order_policy": "ranked", "partial_threshold": "0", "partial_method": "restore"},
        "restore": {"measure": "initial"},
    }
    engine = opened("10", "300", leverage=5, liquidation=rules)
    trade(engine, "5", leverage=5, market="B")
    mark(engine, "80")
    assert (position(engine)["order"], position(engine, "B")["order"]) == ("10", None)
    assert transitions(order_event(engine, "fill", size="10", price="80")) == ["T7", "T4"]
    assert (pool(engine)["equity"], pool(engine)["initial_margin"]) == ("100", "100")


@pytest.mark.parametrize(
    ("size", "collateral", "order"), [("100", "5000", "17"), ("300", "15000", "30")], ids=["a thousand", "a tenth"]
)
def test_a_tenth_but_at_least_a_thousand(size: str, collateral: str, order: str) -> None:
    """DYdX: at 61 a tenth of 100 lots is 610, and 17 lots are 1,037; a tenth of 300 is 1,830."""
    rules = {"partial_threshold": "0", "partial_fraction": "1/10", "min_order_notional": "1000"}
    tiers = [{"above": "0", "maintenance_rate": "1/5", "max_leverage": 2}]
    engine = opened(size, collateral, leverage=2, tiers=tiers, liquidation=rules)
    mark(engine, "61")
    assert position(engine)["order"] == order
