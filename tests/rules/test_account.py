"""What an account may do in some runs only, by hand: leverages, money out, reversals, modes, settlements."""

from typing import Any, ClassVar

import pytest

from liqspec.core import snapshot
from liqspec.core.config import Config
from liqspec.core.effects import LeverageSet, OrderEnded, PositionSettled, Traded, Transitioned
from liqspec.core.engine import Engine
from liqspec.core.parameters import InvalidConfig
from liqspec.edge import schemas
from liqspec.replay import itf
from liqspec.spec import venues
from support.builders import (
    apply,
    backstopped,
    holding,
    order_event,
    pool,
    position,
    refused,
    restricted,
    small_config,
    trade,
    transitions,
    waiting,
    working,
)

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


class TestTheFloor:
    """Ten at 100 at 5x: the initial margin is 200; half of the notional is 500, a third 333 1/3."""

    @pytest.mark.parametrize(("floor", "most"), [("1/2", 500), ("1/3", 666), ("1/10", 800), ("1/5", 800), ("1", 0)])
    def test_a_withdrawal_leaves_the_larger_of_floor_and_initial_margin(self, floor: str, most: int) -> None:
        engine = holding("1000", account={"withdraw_floor": floor})
        refusal = refused(engine, "withdraw", account="alice", amount=str(most + 1))
        assert refusal.code == "insufficient_margin"
        assert refusal.rule == ("ACC-5" if most == 800 else "ACC-14")
        if most:
            apply(engine, "withdraw", account="alice", amount=str(most))

    def test_its_message_names_both_sides(self) -> None:
        engine = holding("1000", account={"withdraw_floor": "1/2"})
        message = refused(engine, "withdraw", account="alice", amount="501").message
        assert message == "amount is refused: equity 499 after it, but 1/2 of notional 1000 (ACC-14)"

    def test_a_transfer_leaves_it_in_the_pool_that_pays(self) -> None:
        engine = holding("1000", account={"withdraw_floor": "1/2"})
        into = {"account": "alice", "market": "A"}
        assert refused(engine, "transfer", **into, amount="501").rule == "ACC-14"
        apply(engine, "transfer", **into, amount="500")
        trade(engine, "10", leverage=5, mode="isolated")
        assert refused(engine, "transfer", **into, amount="-1").rule == "ACC-14"
        apply(engine, "mark_price", market="A", price="101")
        apply(engine, "transfer", **into, amount="-5")
        assert pool(engine, "A")["equity"] == "505"

    def test_every_position_of_the_pool_counts_and_no_other_pool(self) -> None:
        engine = holding("1000", account={"withdraw_floor": "1/2"})
        trade(engine, "-2", leverage=5, market="B")
        assert refused(engine, "withdraw", account="alice", amount="401").rule == "ACC-14"
        apply(engine, "withdraw", account="alice", amount="400")
        apply(engine, "deposit", account="bob", amount="1")
        apply(engine, "withdraw", account="bob", amount="1")

    def test_neither_trades_nor_leverages_nor_liquidations_know_it(self) -> None:
        engine = holding("200", account={"withdraw_floor": "1"})
        apply(engine, "deposit", account="alice", amount="350")
        trade(engine, "1")
        apply(engine, "leverage", **KEY, leverage=5)
        assert not pool(engine)["in_liquidation"]

    @pytest.mark.parametrize("floor", ["0", "3/2", "1.01"])
    def test_one_out_of_range_is_refused(self, floor: str) -> None:
        """CFG-2."""
        with pytest.raises(InvalidConfig, match=r"account\.withdraw_floor: must be above 0 and at most 1"):
            Engine(Config.from_json(small_config(account={"withdraw_floor": floor})))


def test_a_tenth_of_the_notional_as_one_venue_documents_it() -> None:
    """Hyperliquid: what is left after a withdrawal is at least the initial margin and 10 % of the notional.

    One BTC at 60,000 at 40x: of 10,000, 4,000 may leave, and not 8,500.
    """
    venue = venues.load("hyperliquid")
    engine = Engine(venue.config(accounts=("alice",), marks={"BTC": "60000"}))
    apply(engine, "deposit", account="alice", amount="10000")
    apply(engine, "trade", **{**KEY, "market": "BTC"}, size="1", price="60000", leverage=40)
    assert pool(engine)["initial_margin"] == "1500"
    assert refused(engine, "withdraw", account="alice", amount="4000.000001").rule == "ACC-14"
    apply(engine, "withdraw", account="alice", amount="4000")


class TestCollateralOnly:
    def test_unrealised_profit_stays(self) -> None:
        """At 99 equity is 390 and the initial margin 198; at 300 they are 2,400 and, in the second tier, 1,500."""
        engine = holding("400", account={"withdraw_from": "collateral"})
        apply(engine, "mark_price", market="A", price="99")
        assert refused(engine, "withdraw", account="alice", amount="193").rule == "ACC-5"
        apply(engine, "mark_price", market="A", price="300")
        assert pool(engine)["equity"] == "2400"
        refusal = refused(engine, "withdraw", account="alice", amount="401")
        assert refusal.message == "amount is refused: collateral -1 after it, but it must be at least 0 (ACC-15)"
        apply(engine, "withdraw", account="alice", amount="400")
        assert pool(engine)["collateral"] == "0"

    def test_what_is_realised_may_leave(self) -> None:
        engine = holding("200", account={"withdraw_from": "collateral"})
        apply(engine, "mark_price", market="A", price="200")
        trade(engine, "-10", "200")
        apply(engine, "withdraw", account="alice", amount="1200")

    def test_a_pool_with_collateral_below_0_pays_nothing(self) -> None:
        engine = holding("200", account={"withdraw_from": "collateral"})
        apply(engine, "mark_price", market="A", price="300")
        apply(engine, "adjust", account="alice", mode="cross", amount="-201")
        assert refused(engine, "withdraw", account="alice", amount="1").rule == "ACC-15"
        assert refused(engine, "transfer", account="alice", market="A", amount="1").rule == "ACC-15"

    @pytest.mark.parametrize("account", [{}, {"withdraw_from": "equity"}])
    def test_otherwise_it_may_leave(self, account: dict[str, str]) -> None:
        engine = holding("200", account=account)
        apply(engine, "mark_price", market="A", price="200")
        apply(engine, "withdraw", account="alice", amount="200")
        assert refused(engine, "withdraw", account="alice", amount="1").rule == "ACC-5"


class TestReversals:
    """Ten long at 100 with 200 of collateral at 5x; `splitting` has 500 more."""

    def splitting(self, collateral: str = "700", **changes: Any) -> Engine:
        return holding(collateral, trading={"crossing": "split"}, **changes)

    def test_it_closes_and_opens_the_rest_at_one_price(self) -> None:
        """110 × 10 − 1,000 is realised; five short cost −550, and at the mark of 100 they gain 50."""
        engine = self.splitting()
        effects = trade(engine, "-15", "110", leverage=2)
        assert effects[0] == Traded("ACC-9", "alice/A/cross", -10, 110, 100)
        assert effects[2] == Traded("ACC-8", "alice/A/cross", -5, 110, 0)
        assert transitions(effects) == ["T12", "T0"]
        held = position(engine)
        assert (held["size"], held["cost"], held["life"], held["state"]) == ("-5", "-550", 2, "healthy")
        seen = pool(engine)
        assert (seen["collateral"], seen["equity"], seen["initial_margin"]) == ("800", "850", "250")

    def test_a_short_turns_too(self) -> None:
        engine = self.splitting()
        trade(engine, "-15", leverage=2)
        trade(engine, "8", "90", leverage=4)
        held = position(engine)
        assert (held["size"], held["cost"], held["life"]) == ("3", "270", 3)
        assert pool(engine)["collateral"] == "750"

    def test_it_is_two_trades_in_one(self) -> None:
        one, two = self.splitting(), self.splitting()
        trade(one, "-15", "103", leverage=3)
        trade(two, "-10", "103")
        trade(two, "-5", "103", leverage=3)
        assert one.snapshot() == two.snapshot()

    @pytest.mark.parametrize(("size", "code"), [("-19", None), ("-20", None), ("-21", "insufficient_margin")])
    def test_both_or_neither(self, size: str, code: str | None) -> None:
        """Ten short at 5x need 200, which is what there is; eleven need 220 in tier 1, and 550 in tier 2."""
        engine = self.splitting("200")
        if code is None:
            trade(engine, size, leverage=5)
        else:
            assert refused(engine, "trade", **KEY, size=size, price="100", leverage=5).code == code

    def test_a_price_below_the_mark_counts_for_the_whole_trade(self) -> None:
        """Sold at 99, twenty lose 20: equity 180, and ten short need 200. Closing alone would do."""
        engine = self.splitting("200")
        refusal = refused(engine, "trade", **KEY, size="-20", price="99", leverage=5)
        assert (refusal.code, refusal.rule) == ("insufficient_margin", "ACC-8")
        trade(engine, "-10", "99")

    @pytest.mark.parametrize(("collateral", "code"), [("324", None), ("323", "insufficient_margin")])
    def test_margins_at_the_entry_are_those_of_the_rest_alone(self, collateral: str, code: str | None) -> None:
        """MRG-14: eight sold at 90 cost 720, of which a fifth is 144; eighteen sold 10 below the mark lose 180."""
        engine = self.splitting(collateral, margin={"valuation": "entry"})
        if code is None:
            trade(engine, "-18", "90", leverage=5)
            assert (pool(engine)["equity"], pool(engine)["initial_margin"]) == ("144", "144")
        else:
            assert refused(engine, "trade", **KEY, size="-18", price="90", leverage=5).code == code

    @pytest.mark.parametrize(("collateral", "code"), [("2700", None), ("2699", "insufficient_margin")])
    def test_more_on_the_same_side_is_none(self, collateral: str, code: str | None) -> None:
        """MRG-14, ACC-16: with eleven at 200 the ten at 100 keep their entry; half of 3,200 is 1,600."""
        engine = self.splitting(collateral, margin={"valuation": "entry"})
        if code is None:
            trade(engine, "11", "200")
            assert (pool(engine)["equity"], pool(engine)["initial_margin"]) == ("1600", "1600")
        else:
            assert refused(engine, "trade", **KEY, size="11", price="200").code == code

    def test_it_needs_a_leverage_and_a_reduction_takes_none(self) -> None:
        engine = self.splitting()
        assert refused(engine, "trade", **KEY, size="-11", price="100").code == "bad_leverage"
        assert refused(engine, "trade", **KEY, size="-11", price="100", leverage=6).code == "bad_leverage"
        assert refused(engine, "trade", **KEY, size="-10", price="100", leverage=5).code == "bad_leverage"
        trade(engine, "-11", leverage=1)
        assert pool(engine)["initial_margin"] == "100"

    def test_it_is_refused_in_liquidation(self) -> None:
        fields = {**KEY, "size": "-11", "price": "100", "leverage": 5}
        split = {"crossing": "split"}
        assert refused(working(trading=split), "trade", **fields).code == "order_working"
        assert refused(waiting(trading=split), "trade", **fields).code == "in_liquidation"

    def test_a_partially_liquidated_position_is_not_turned_in_its_block(self) -> None:
        engine = working(trading={"crossing": "split"})
        order_event(engine, "fill", size="1", price="88")
        fields = {**KEY, "size": "-10", "price": "88", "leverage": 5}
        assert refused(engine, "trade", **fields).code == "in_liquidation"
        apply(engine, "block", time=1)
        apply(engine, "trade", **fields)
        assert position(engine)["size"] == "-1"

    def test_the_window_ends_with_its_life_and_that_of_the_pool_stays(self) -> None:
        """CLD-1, LIF-2: in the next block the short's order is for the full size, not for a chunk."""
        engine = working(
            trading={"crossing": "split"},
            liquidation={"partial_threshold": "0", "partial_fraction": "1/2", "cooldown_ms": 1000},
        )
        order_event(engine, "fill", size="5", price="88")
        apply(engine, "block", time=1)
        assert position(engine)["cooldown_until"] == 1000
        trade(engine, "-7", "88", leverage=5)
        assert position(engine)["cooldown_until"] is None
        apply(engine, "mark_price", market="A", price="120")
        assert (position(engine)["order"], position(engine)["size"]) == ("2", "-2")

    @pytest.mark.parametrize("trading", [{}, {"crossing": "refuse"}])
    def test_otherwise_it_is_refused(self, trading: dict[str, str]) -> None:
        refusal = refused(holding("700", trading=trading), "trade", **KEY, size="-11", price="100", leverage=5)
        assert (refusal.code, refusal.rule) == ("crosses_zero", "ACC-7")


def restricting(**rules: Any) -> Engine:
    """Alice with 1,000 in a run whose market A has these rules."""
    market = small_config()["markets"]["A"]
    engine = Engine(Config.from_json(small_config(markets={"A": {**market, **rules}, "B": market})))
    apply(engine, "deposit", account="alice", amount="1000")
    return engine


class TestModes:
    def test_a_trade_in_another_mode_is_refused_before_all_else(self) -> None:
        refusal = refused(restricted(), "trade", **{**KEY, "market": "B"}, size="-1", price="100")
        assert refusal.message == "mode is cross; B is traded in mode isolated only (ACC-17)"

    def test_a_pool_that_cannot_be_traded_in_is_paid_into_and_out_of(self) -> None:
        engine = restricting(modes=["cross"])
        apply(engine, "transfer", account="alice", market="A", amount="5")
        assert refused(engine, "trade", **{**KEY, "mode": "isolated"}, size="1", price="1", leverage=1).rule == "ACC-17"
        apply(engine, "transfer", account="alice", market="A", amount="-5")
        trade(engine, "1", leverage=1)

    @pytest.mark.parametrize("modes", [["cross", "isolated"], ["isolated", "cross"]])
    def test_both_restrict_nothing(self, modes: list[str]) -> None:
        engine = restricting(modes=modes)
        trade(engine, "1", leverage=1)
        apply(engine, "transfer", account="alice", market="A", amount="100")
        trade(engine, "1", leverage=1, mode="isolated")

    @pytest.mark.parametrize(
        ("modes", "message"),
        [
            ([], "at least one mode is needed"),
            (["cross", "cross"], "cross is repeated"),
            (["cross", "isolated", "isolated"], "isolated is repeated"),
        ],
    )
    def test_a_wrong_list_is_refused(self, modes: list[str], message: str) -> None:
        with pytest.raises(InvalidConfig, match=rf"markets\.A\.modes: {message}"):
            restricting(modes=modes)


class TestRemoval:
    """Ten A at 100 in an isolated pool with 300, where 200 would do."""

    OUT: ClassVar = {"account": "alice", "market": "A", "amount": "-1"}

    def test_nothing_leaves_a_pool_with_a_position(self) -> None:
        engine = restricted()
        refusal = refused(engine, "transfer", **self.OUT)
        assert refusal.message == ("alice/A/isolated: its collateral stays while it has a position (ACC-18)")
        apply(engine, "mark_price", market="A", price="150")
        assert refused(engine, "transfer", **self.OUT).code == "removal_not_allowed"
        apply(engine, "transfer", account="alice", market="A", amount="1")

    def test_everything_leaves_it_when_that_is_closed(self) -> None:
        engine = restricted()
        trade(engine, "-10", mode="isolated")
        apply(engine, "transfer", account="alice", market="A", amount="-300")
        assert refused(engine, "transfer", **self.OUT).code == "insufficient_margin"

    def test_it_is_refused_before_a_working_order_is_looked_at(self) -> None:
        engine = restricted()
        apply(engine, "mark_price", market="A", price="76")
        assert position(engine, mode="isolated")["order"] == "10"
        assert refused(engine, "transfer", **self.OUT).code == "removal_not_allowed"

    def test_a_market_without_isolated_positions_cannot_keep_their_collateral(self) -> None:
        """CFG-2, ACC-17."""
        with pytest.raises(InvalidConfig, match=r"markets\.A\.isolated_removal: has no effect with modes = \["):
            restricting(modes=["cross"], isolated_removal="never")
        restricting(modes=["cross"], isolated_removal="free")
        restricting(modes=["isolated", "cross"], isolated_removal="never")

    @pytest.mark.parametrize("rules", [{}, {"isolated_removal": "free"}])
    def test_otherwise_the_margin_decides(self, rules: dict[str, str]) -> None:
        engine = restricting(**rules)
        apply(engine, "transfer", account="alice", market="A", amount="300")
        trade(engine, "10", leverage=5, mode="isolated")
        apply(engine, "transfer", account="alice", market="A", amount="-100")
        assert refused(engine, "transfer", **self.OUT).code == "insufficient_margin"


class TestSettlement:
    """Alice is long ten A from 100; `two_traders` has bob short ten A from 100 with 1,000, and long one B."""

    def two_traders(self, **changes: Any) -> Engine:
        engine = holding("200", **changes)
        apply(engine, "deposit", account="bob", amount="1000")
        trade(engine, "-10", leverage=5, account="bob")
        trade(engine, "1", leverage=5, account="bob", market="B")
        return engine

    def test_every_position_is_closed_at_the_price_without_fee(self) -> None:
        """At 107 alice realises 70, and bob loses it."""
        engine = self.two_traders(liquidation={"fee_rate": "1/10"})
        effects = apply(engine, "settle", market="A", price="107")
        assert [effect for effect in effects if isinstance(effect, PositionSettled)] == [
            PositionSettled("alice/A/cross", "A", 10, 107, 70),
            PositionSettled("bob/A/cross", "A", -10, 107, -70),
        ]
        assert [one.rule for one in effects if isinstance(one, Transitioned)] == ["EVT-11", "EVT-11"]
        assert pool(engine)["collateral"] == "270"
        assert pool(engine, account="bob")["collateral"] == "930"
        assert position(engine) == {**position(engine, account="bob"), "account": "alice"}
        assert position(engine, "B", account="bob")["size"] == "1"
        assert engine.state.marks["A"] == 107

    def test_an_order_ends_with_its_position(self) -> None:
        engine = working()
        effects = apply(engine, "settle", market="A", price="88")
        assert OrderEnded("alice/A/cross", 10, "settled") in effects
        assert (position(engine)["order"], position(engine)["state"]) == (None, "closed")
        assert pool(engine)["in_liquidation"] is False
        assert pool(engine)["collateral"] == "80"
        order = {"account": "alice", "market": "A", "mode": "cross"}
        assert refused(engine, "order_done", **order).code == "no_working_order"
        # The outside was paid 1,000 for ten A, and pays 880 for them.
        assert (engine.state.outside.cash, engine.state.outside.positions) == (120, {})

    def test_nothing_of_the_life_is_remembered(self) -> None:
        """LIF-2: neither the leverage, nor the attempt, nor the window of its fill."""
        engine = working(liquidation={"cooldown_ms": 1000, "stop_when_restored": False})
        order_event(engine, "fill", size="1", price="88")
        held = engine.state.position("alice", "A", "cross")
        assert held is not None
        assert (held.leverage, held.attempted, held.window.until) == (5, True, 1000)
        apply(engine, "settle", market="A", price="88")
        assert (held.leverage, held.attempted, held.window.until) == (0, False, 0)

    def test_the_vaults_position_is_closed_too(self) -> None:
        """The vault took ten A that cost 1,000 with 200 of collateral, and sells them at 90."""
        engine = backstopped()
        cash = int(engine.observe()["vault"]["cash"])
        apply(engine, "settle", market="A", price="90")
        assert engine.observe()["vault"] == {"cash": str(cash + 900), "equity": str(cash + 900), "positions": {}}
        assert (engine.state.outside.cash, engine.state.outside.positions) == (100, {})
        assert position(engine)["state"] == "backstopped"
        apply(engine, "block", time=1)
        assert position(engine)["state"] == "closed"

    def test_a_deficit_of_an_isolated_pool_is_the_vaults(self) -> None:
        engine = restricted()
        apply(engine, "settle", market="A", price="69")
        assert pool(engine, "A")["collateral"] == "0"
        assert engine.observe()["vault"]["cash"] == "4990"
        assert pool(engine)["collateral"] == "200"
        apply(engine, "transfer", account="alice", market="A", amount="1")
        apply(engine, "transfer", account="alice", market="A", amount="-1")

    def test_a_cross_pool_is_liquidated_for_what_else_it_holds(self) -> None:
        """Bob pays 995 of his 1,000 for A; the other 5 are below the margin of 10 for his one B."""
        engine = self.two_traders()
        apply(engine, "adjust", account="bob", mode="cross", amount="-5")
        effects = apply(engine, "settle", market="A", price="199")
        assert transitions(effects) == ["T12", "T12", "T1"]
        assert (pool(engine, account="bob")["equity"], position(engine, "B", account="bob")["order"]) == ("5", "1")

    def test_the_market_is_not_traded_any_more(self) -> None:
        engine = self.two_traders()
        apply(engine, "settle", market="A", price="100")
        for mode in ("cross", "isolated"):
            refusal = refused(engine, "trade", **{**KEY, "mode": mode}, size="1", price="100")
            assert refusal.message == "market A: it is settled, and not traded any more (EVT-11)"
        assert refused(engine, "vault_trade", market="A", size="1", price="100").code == "market_settled"
        assert refused(engine, "settle", market="A", price="100").code == "market_settled"
        assert refused(engine, "leverage", **KEY, leverage=1).code == "not_open"
        apply(engine, "block", time=1)
        assert refused(engine, "trade", **KEY, size="1", price="100").code == "market_settled"
        trade(engine, "1", leverage=5, market="B")

    def test_its_prices_still_come(self) -> None:
        engine = self.two_traders(mark={})
        apply(engine, "settle", market="A", price="100")
        before = engine.observe()["pools"]
        apply(engine, "mark_price", market="A", price="1")
        apply(engine, "funding", market="A", payment="5")
        apply(engine, "price_inputs", market="A", index="7")
        assert engine.observe()["pools"] == before
        assert engine.observe()["marks"]["A"] == "7"

    def test_a_snapshot_knows_it(self) -> None:
        engine = self.two_traders()
        assert "settled" not in snapshot.to_json(engine.venue, engine.snapshot())
        apply(engine, "settle", market="A", price="100")
        data = snapshot.to_json(engine.venue, engine.snapshot())
        assert data["settled"] == [{"market": "A"}]
        assert schemas.accepts("snapshot", data)
        other = self.two_traders()
        other.restore(snapshot.from_json(other.venue, data))
        assert other.snapshot() == engine.snapshot()
        assert refused(other, "trade", **KEY, size="1", price="100").code == "market_settled"

    def test_a_trace_knows_it_and_others_do_not_mention_it(self) -> None:
        config = Config.from_json(small_config())
        settling: list[dict[str, Any]] = [{"type": "settle", "market": "A", "price": "9"}, {"type": "block", "time": 1}]
        trace = itf.run(config, settling)
        assert itf.from_json(itf.to_json(trace)) == trace
        assert "settled" in itf.to_json(trace)["vars"]
        assert "settled" not in itf.to_json(itf.run(config, settling[1:]))["vars"]

    @pytest.mark.parametrize(
        ("markets", "message"), [(["C"], 'settled: unknown market "C"'), (["A", "A"], "settled: a market is repeated")]
    )
    def test_a_snapshot_with_other_markets_is_refused(self, markets: list[str], message: str) -> None:
        engine = self.two_traders()
        data = snapshot.to_json(engine.venue, engine.snapshot())
        data["settled"] = [{"market": market} for market in markets]
        with pytest.raises(InvalidConfig, match=message):
            snapshot.from_json(engine.venue, data)
