"""What an account may do in some runs only, by hand: the leverage of an open position (ACC-13)."""

from typing import Any

import pytest

from liqspec.core.effects import LeverageSet
from liqspec.core.engine import Engine
from support.builders import apply, holding, order_event, pool, refused, trade, waiting, working

KEY = {"account": "alice", "market": "A", "mode": "cross"}


def set_leverage(engine: Engine, leverage: int, **key: str) -> Any:
    """Set the leverage of alice's position in A, cross, unless `key` says otherwise."""
    return apply(engine, "leverage", **{**KEY, **key}, leverage=leverage)


class TestLeverage:
    def test_it_changes_the_initial_margin_and_nothing_else(self) -> None:
        """Ten at 100 at 4x: 250, which 250 of equity just covers."""
        engine = holding("250")
        before = engine.observe()
        assert set_leverage(engine, 4) == (LeverageSet("alice/A/cross", 4, 5),)
        assert pool(engine) == {**before["pools"][0], "initial_margin": "250"}
        assert engine.observe()["positions"] == before["positions"]

    def test_a_lower_one_needs_the_initial_margin_to_the_unit(self) -> None:
        refusal = refused(holding("249"), "leverage", **KEY, leverage=4)
        assert (refusal.code, refusal.rule) == ("insufficient_margin", "ACC-13")
        assert refusal.message.startswith("leverage is refused: equity 249 after it, but initial margin 250 after it")

    def test_a_higher_one_needs_nothing(self) -> None:
        """At 70 equity is 200; of 700 the initial margin at 3x is 234, at 2x 350."""
        engine = holding("500")
        set_leverage(engine, 2)
        apply(engine, "mark_price", market="A", price="70")
        set_leverage(engine, 3)
        assert pool(engine)["equity"] == "200"
        assert pool(engine)["initial_margin"] == "234"
        assert refused(engine, "leverage", **KEY, leverage=2).code == "insufficient_margin"
        set_leverage(engine, 3)

    def test_the_tier_still_limits_it(self) -> None:
        """Above 1,000 the tier allows 2x: of 1,100 the initial margin is 550 at 5x as at 2x, and at 1x 1,100."""
        engine = holding("1000")
        apply(engine, "mark_price", market="A", price="110")
        for leverage in (2, 5):
            set_leverage(engine, leverage)
            assert pool(engine)["initial_margin"] == "550"
        set_leverage(engine, 1)
        assert pool(engine)["initial_margin"] == "1100"

    def test_an_increase_without_a_leverage_keeps_it_and_a_new_life_does_not(self) -> None:
        """ACC-8, ACC-11, LIF-2."""
        engine = holding("1000")
        set_leverage(engine, 2)
        trade(engine, "-5")
        trade(engine, "5")
        assert pool(engine)["initial_margin"] == "500"
        trade(engine, "-10")
        assert refused(engine, "leverage", **KEY, leverage=3).code == "not_open"
        assert refused(engine, "trade", **KEY, size="1", price="100").code == "bad_leverage"
        trade(engine, "10", leverage=5)
        assert pool(engine)["initial_margin"] == "200"

    @pytest.mark.parametrize("leverage", [0, 6])
    def test_one_out_of_range_is_refused(self, leverage: int) -> None:
        refusal = refused(holding(), "leverage", **KEY, leverage=leverage)
        assert refusal.message == f"leverage is {leverage}; it must be from 1 to 5 (ACC-13)"

    def test_it_is_refused_in_liquidation(self) -> None:
        assert refused(working(), "leverage", **KEY, leverage=5).code == "order_working"
        assert refused(waiting(), "leverage", **KEY, leverage=5).code == "in_liquidation"

    def test_a_partially_liquidated_position_of_a_restored_pool_has_one(self) -> None:
        """At 88 one of ten is closed: equity 80 covers 79.2."""
        engine = working()
        order_event(engine, "fill", size="1", price="88")
        assert not pool(engine)["in_liquidation"]
        set_leverage(engine, 5)
        assert refused(engine, "leverage", **KEY, leverage=4).code == "insufficient_margin"

    def test_each_mode_has_its_own(self) -> None:
        engine = holding("1000")
        apply(engine, "transfer", account="alice", market="A", amount="300")
        trade(engine, "10", leverage=5, mode="isolated")
        set_leverage(engine, 4, mode="isolated")
        assert pool(engine, "A")["initial_margin"] == "250"
        assert pool(engine)["initial_margin"] == "200"
