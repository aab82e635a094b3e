"""The exact places where a decision turns, from both sides, and what nothing may remain of."""

import attrs
import pytest

from liqspec.core.effects import Transitioned, WindowOpened
from liqspec.core.engine import Engine
from liqspec.core.snapshot import WindowValue
from liqspec.core.state import Account, Book, Pool, Position, State, Window
from liqspec.edge.amounts import Grid
from support.builders import (
    apply,
    holding,
    mark,
    order_event,
    pool,
    position,
    restored_by_a_fill,
    small_engine,
    trade,
    working,
)

NO_WINDOW = WindowValue(0, 0)


class TestThreshold:
    """PRT-2: the notional at the mark must be strictly above the threshold; ten at 88 are 880."""

    @pytest.mark.parametrize(("threshold", "order"), [("879", "5"), ("880", "10"), ("881", "10")])
    def test_a_chunk_only_above_it(self, threshold: str, order: str) -> None:
        engine = working(liquidation={"partial_threshold": threshold, "partial_fraction": "1/2"})
        assert position(engine)["order"] == order


class TestSecondBreachInABlock:
    """LIQ-11, LIQ-9: only a liquidatable position gets an order, also if its last one was cancelled in this block."""

    def test_a_partially_liquidated_position_waits_for_the_next_block(self) -> None:
        engine = restored_by_a_fill()
        mark(engine, "80")
        assert (position(engine)["state"], position(engine)["order"]) == ("partially_liquidated", None)
        assert engine.observe()["pools"][0]["in_liquidation"]
        apply(engine, "block", time=1)
        assert (position(engine)["state"], position(engine)["order"]) == ("liquidatable", "9")

    def test_a_position_whose_order_was_cancelled_untouched_is_attempted_again(self) -> None:
        engine = working()
        mark(engine, "95")
        assert position(engine)["order"] is None
        mark(engine, "88")
        assert position(engine)["order"] == "10"


class TestWindowsLeaveNoTrace:
    """CLD-2, CLD-3: a window that has ended is as none: states that differ in it only are the same state."""

    @pytest.mark.parametrize("scope", ["position", "pool", "account"])
    def test_when_the_block_at_its_end_begins(self, scope: str) -> None:
        rules = {"partial_threshold": "100", "partial_fraction": "1/2", "cooldown_ms": 10, "cooldown_scope": scope}
        engine = working(liquidation=rules)
        order_event(engine, "fill", size="2", price="88")
        apply(engine, "block", time=9)
        (account, _) = engine.snapshot().accounts
        (cross,) = account.pools
        open_until = WindowValue(10, 10)
        assert cross.positions[0].window == open_until
        assert (cross.window, account.window) == (
            open_until if scope == "pool" else NO_WINDOW,
            open_until if scope == "account" else NO_WINDOW,
        )
        apply(engine, "block", time=10)
        (account, _) = engine.snapshot().accounts
        (cross,) = account.pools
        assert (cross.positions[0].window, cross.window, account.window) == (NO_WINDOW, NO_WINDOW, NO_WINDOW)


class TestLives:
    """LIF-2."""

    def test_a_position_is_empty_before_its_first_life(self) -> None:
        market = small_engine().venue.markets["A"]
        fields = attrs.asdict(Position("alice", market, "cross"), recurse=False)
        assert fields == {
            "account": "alice",
            "market": market,
            "mode": "cross",
            "state": "new",
            "size": 0,
            "cost": 0,
            "leverage": 0,
            "life": 0,
            "order": None,
            "attempted": False,
            "failed": False,
            "limit": None,
            "window": Window(0, 0),
        }

    def test_the_end_of_a_life_leaves_the_state_and_the_number_of_lives(self) -> None:
        market = small_engine().venue.markets["A"]
        held = Position("alice", market, "cross", "closed", 3, 300, 5, 7, 2, True, True, 11, Window(9, 8))
        held.end_life()
        assert attrs.asdict(held, recurse=False) == attrs.asdict(
            Position("alice", market, "cross", "closed", life=7), recurse=False
        )


class TestIdentity:
    """What changes is the same only as itself; what is equal in value is compared as a snapshot (OBS-4)."""

    def test_positions_pools_accounts_books_and_states(self) -> None:
        venue = small_engine().venue

        def pair() -> list[object]:
            cross = Pool("alice", "cross", None)
            return [
                Position("alice", venue.markets["A"], "cross"),
                cross,
                Account("alice", cross),
                Book(),
                State(venue, 0, {}, {}, Book(), Book(), 0),
            ]

        for one, other in zip(pair(), pair(), strict=True):
            assert one != other
            assert one in {one}


def test_a_leverage_given_with_an_increase_stays() -> None:
    """ACC-8: the leverage given with an increase replaces the position's; none given keeps it."""
    engine = holding("400")
    trade(engine, "-2")
    trade(engine, "1", leverage=3)
    assert engine.snapshot().accounts[0].pools[0].positions[0].leverage == 3
    trade(engine, "1")
    assert engine.snapshot().accounts[0].pools[0].positions[0].leverage == 3


class TestTheOtherSide:
    """ACC-10, EVT-7: what the outside holds, on grids where a lot at a tick is worth five units of money (AMT-2)."""

    @staticmethod
    def engine() -> Engine:
        market = {
            "tick": "0.5",
            "lot": "0.1",
            "tiers": [{"above": "0", "maintenance_rate": "1/10", "max_leverage": 5}],
        }
        engine = small_engine(quote_unit="0.01", markets={"A": market}, marks={"A": "10"})
        apply(engine, "deposit", account="alice", amount="1")
        return engine

    @staticmethod
    def outside(engine: Engine) -> tuple[int, dict[str, int]]:
        """Its cash in cents and its lots."""
        book = engine.snapshot().outside
        return book.cash, dict(book.positions)

    def test_of_a_short_position_through_its_life(self) -> None:
        """ACC-8, ACC-9, FIL-1: three lots sold at 20 ticks are worth 300; one lot bought at 26 costs 130."""
        engine = self.engine()
        trade(engine, "-0.3", "10", 5)
        assert self.outside(engine) == (-300, {"A": 3})
        trade(engine, "0.1", "10")
        assert self.outside(engine) == (-200, {"A": 2})
        assert (position(engine)["size"], position(engine)["life"], position(engine)["cost"]) == ("-0.2", 1, "-2")
        trade(engine, "-0.1", "10")
        assert self.outside(engine) == (-300, {"A": 3})
        assert (position(engine)["size"], position(engine)["life"], position(engine)["state"]) == ("-0.3", 1, "healthy")
        mark(engine, "13")
        order_event(engine, "fill", size="0.1", price="13")
        assert self.outside(engine) == (-170, {"A": 2})
        order_event(engine, "fill", size="0.1", price="13")
        assert self.outside(engine) == (-40, {"A": 1})
        order_event(engine, "fill", size="0.1", price="13")
        assert self.outside(engine) == (90, {})
        assert pool(engine)["collateral"] == "0.1"

    @pytest.mark.parametrize(("side", "back"), [("0.1", "-0.1"), ("-0.1", "0.1")])
    def test_of_one_lot_opened_and_closed(self, side: str, back: str) -> None:
        """ACC-9: with nothing gained, the smallest position leaves everything as it was."""
        engine = self.engine()
        trade(engine, side, "10", 1)
        trade(engine, back, "10")
        assert (position(engine)["state"], position(engine)["cost"], pool(engine)["collateral"]) == ("closed", "0", "1")
        assert self.outside(engine) == (0, {})

    def test_of_the_vault(self) -> None:
        """EVT-7: it buys two lots at 20 ticks, and sells three at 30."""
        engine = self.engine()
        apply(engine, "vault_trade", market="A", size="0.2", price="10")
        assert (self.outside(engine), engine.observe()["vault"]["cash"]) == ((200, {"A": -2}), "4998")
        apply(engine, "vault_trade", market="A", size="-0.3", price="15")
        assert (self.outside(engine), engine.observe()["vault"]["cash"]) == ((-250, {"A": 1}), "5002.5")
        assert engine.observe()["vault"]["equity"] == "5001.5"

    @pytest.mark.parametrize(("amount", "paid"), [("0.05", -5), ("-0.05", 5)])
    def test_of_an_adjustment(self, amount: str, paid: int) -> None:
        """ACC-12: what comes into a pool leaves the outside, and what leaves it comes there."""
        engine = self.engine()
        apply(engine, "adjust", account="alice", mode="cross", amount=amount)
        assert self.outside(engine) == (paid, {})

    @pytest.mark.parametrize(("payment", "alice", "vault", "outside"), [("0.03", -6, 3, 3), ("-0.03", 6, -3, -3)])
    def test_of_funding(self, payment: str, alice: int, vault: int, outside: int) -> None:
        """EVT-6: three cents a unit. Two units of A long pay 6, the vault's short unit receives 3, so 3 go out."""
        engine = small_engine(quote_unit="0.01")
        apply(engine, "deposit", account="alice", amount="200")
        trade(engine, "2", "100", 1)
        apply(engine, "vault_trade", market="A", size="-1", price="100")
        before = self.outside(engine)[0]
        apply(engine, "funding", market="A", payment=payment)
        assert pool(engine)["collateral"] == Grid.of("0.01").text(20_000 + alice)
        assert engine.observe()["vault"]["cash"] == Grid.of("0.01").text(510_000 + vault)
        assert self.outside(engine)[0] - before == outside


class TestCooldownLength:
    """CLD-1: a length of 0 means no cooldown; a length of one millisecond is one."""

    @pytest.mark.parametrize(("length", "opened"), [(0, []), (1, [WindowOpened("alice/A/cross", "pool", 1)])])
    def test_a_window_opens_only_if_it_has_a_length(self, length: int, opened: list[WindowOpened]) -> None:
        engine = working(liquidation={"cooldown_ms": length})
        effects = order_event(engine, "fill", size="1", price="88")
        assert [effect for effect in effects if isinstance(effect, WindowOpened)] == opened


class TestOrderOfNames:
    """AMT-7, LIQ-7: markets come in the order of their names, whatever was used first."""

    def test_in_what_a_block_does(self) -> None:
        """EVT-9: B is opened before A, and A is reported before B."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="400")
        trade(engine, "10", leverage=5, market="B")
        trade(engine, "10", leverage=5)
        apply(engine, "marks", prices={"A": "82", "B": "82"})
        for market in ("A", "B"):
            order_event(engine, "order_done", market=market)
        apply(engine, "marks", prices={"A": "81", "B": "81"})
        keys = ["alice/A/cross", "alice/B/cross"]
        moves = [effect for effect in apply(engine, "block", time=1) if isinstance(effect, Transitioned)]
        assert [(effect.transition, effect.position) for effect in moves] == [("T11", key) for key in keys]
