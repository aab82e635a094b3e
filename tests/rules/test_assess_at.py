"""A venue that looks for breaches at blocks only, by hand (LIQ-18)."""

from typing import Any

import pytest

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.parameters import families_of
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
    trade_fields,
    transitions,
)

# Alice is long 10 A from 100; at a mark p her equity is 10p - 800, her margin p.


def by_blocks(**liquidation: Any) -> Engine:
    """Alice's position at a venue that looks at blocks."""
    return holding(liquidation={"assess_at": "block", **liquidation})


def block(engine: Engine) -> list[str]:
    """The transitions of the next block."""
    return transitions(apply(engine, "block", time=engine.state.time + 1))


BREACHES = (
    ("mark_price", {"market": "A", "price": "88"}),
    ("marks", {"prices": {"A": "88", "B": "99"}}),
    ("funding", {"market": "A", "payment": "11"}),
    ("adjust", {"account": "alice", "mode": "cross", "amount": "-101"}),
)


class TestABreachWaits:
    @pytest.mark.parametrize(("kind", "fields"), BREACHES, ids=[kind for kind, _ in BREACHES])
    def test_for_the_next_block(self, kind: str, fields: dict[str, Any]) -> None:
        assert transitions(apply(holding(), kind, **fields)) == ["T1"]
        engine = by_blocks()
        assert transitions(apply(engine, kind, **fields)) == []
        assert pool(engine)["in_liquidation"] is False
        assert (position(engine)["state"], position(engine)["order"]) == ("healthy", None)
        assert block(engine) == ["T1"]
        assert pool(engine)["in_liquidation"] is True
        assert position(engine)["order"] == "10"

    def test_and_so_does_one_by_a_settlement(self) -> None:
        """10 A and 5 B with an equity of 300; B is settled 45 lower, which leaves 75 for a margin of 100."""
        for at, following in (("event", ["T12", "T1"]), ("block", ["T12"])):
            engine = holding("300", liquidation={"assess_at": at})
            trade(engine, "5", "100", 5, market="B")
            assert transitions(apply(engine, "settle", market="B", price="55")) == following

    def test_in_vain_if_it_is_over_by_then(self) -> None:
        engine = by_blocks()
        mark(engine, "80")
        mark(engine, "89")
        assert block(engine) == []

    def test_whatever_its_trader_does(self) -> None:
        """At 87 equity is 70; a tenth sold at the mark leaves a margin of 79, still above it."""
        engine = by_blocks()
        mark(engine, "87")
        assert transitions(apply(engine, "deposit", account="alice", amount="1")) == []
        assert transitions(trade(engine, "-1", "87")) == []
        assert block(engine) == ["T1"]
        assert position(engine)["order"] == "9"

    def test_while_every_refusal_is_that_of_a_pool_not_in_liquidation(self) -> None:
        engine = by_blocks()
        mark(engine, "88")
        assert refused(engine, "withdraw", account="alice", amount="1").code == "insufficient_margin"
        assert refused(engine, "trade", **trade_fields("1", "88")).code == "insufficient_margin"
        lower = {"account": "alice", "market": "A", "mode": "cross", "leverage": 4}
        assert refused(engine, "leverage", **lower).code == "insufficient_margin"
        apply(engine, "leverage", **{**lower, "leverage": 5})

    def test_until_time_has_moved_and_positions_have_changed_with_it(self) -> None:
        """Half is sold at 88, which restores the pool. At 75 an equity of 15 is below a margin of 38."""
        engine = by_blocks(partial_threshold="100", partial_fraction="1/2", cooldown_ms=10)
        mark(engine, "88")
        block(engine)
        assert transitions(order_event(engine, "fill", size="5", price="88")) == ["T6"]
        assert transitions(mark(engine, "75")) == []
        assert position(engine)["state"] == "partially_liquidated"
        assert block(engine) == ["T8", "T2"]


class TestWhatDoesNotWait:
    def test_the_end_of_a_liquidation(self) -> None:
        engine = by_blocks()
        mark(engine, "88")
        block(engine)
        assert transitions(apply(engine, "deposit", account="alice", amount="8")) == ["T4"]
        assert transitions(mark(engine, "87")) == []
        assert block(engine) == ["T1"]

    def test_the_vault_when_the_book_has_failed(self) -> None:
        """At 85 equity is 50, and the line 56.7."""
        engine = by_blocks()
        mark(engine, "85")
        assert block(engine) == ["T1"]
        assert transitions(order_event(engine, "order_done")) == ["T5"]

    def test_the_vault_when_the_price_falls_below_the_line(self) -> None:
        engine = by_blocks()
        mark(engine, "88")
        block(engine)
        assert transitions(order_event(engine, "order_done")) == []
        assert transitions(mark(engine, "85")) == ["T5"]

    def test_a_deficit(self) -> None:
        """At 79 equity is -10; the trader closes everything there."""
        engine = by_blocks()
        mark(engine, "79")
        assert transitions(trade(engine, "-10", "79")) == ["T12"]
        assert pool(engine)["collateral"] == "0"
        assert engine.observe()["vault"]["cash"] == "4990"


def test_without_a_market_step_the_vault_takes_in_the_block() -> None:
    engine = by_blocks(market_attempt=False)
    assert transitions(mark(engine, "85")) == []
    assert block(engine) == ["T1", "T5"]


def test_the_default_is_to_look_at_every_event() -> None:
    assert transitions(mark(holding(liquidation={"assess_at": "event"}), "88")) == ["T1"]
    assert families_of(small_config(liquidation={"assess_at": "event"})) == {"assess_at": "liquidation.assess_at"}
    assert small_engine().venue.assess_at is None


def test_another_time_is_refused() -> None:
    with pytest.raises(WrongShape, match="assess_at"):
        Config.from_json(small_config(liquidation={"assess_at": "hour"}))
