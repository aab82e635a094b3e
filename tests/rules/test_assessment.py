"""Properties of the assessment as a whole, and of the two flags that keep what was tried in a block."""

from random import Random

import pytest

from adversaries.wrong_engines.search import BASES
from liqspec.core import assessment
from liqspec.core.config import Config
from liqspec.core.effects import Effect, Transitioned
from liqspec.core.engine import Engine, apply_event
from liqspec.generate import Guide
from liqspec.generate.configurations import configuration
from support.builders import apply, mark, order_event, position, restored_by_a_fill, small_engine, trade, transitions


@pytest.mark.parametrize("seed", range(40))
def test_assessing_every_pool_once_more_changes_nothing(seed: int) -> None:
    """LIQ-6: after any event, touched or not."""
    random = Random(f"twice/{seed}")
    engine = Engine(Config.from_json(configuration(random, BASES[seed % len(BASES)])))
    guide = Guide(random, engine)
    for _ in range(80):
        if apply_event(engine, guide.next_event()).refusal is not None:
            continue
        before = engine.snapshot()
        effects: list[Effect] = []
        assessment.assess(engine.state, list(engine.state.pools()), effects)
        assert (effects, engine.snapshot()) == ([], before)


def test_a_position_whose_order_was_cancelled_after_a_fill_keeps_the_vault_away_until_the_next_block() -> None:
    """LIQ-11, LIQ-12, BKS-2: it is not attempted, and not up for an order either."""
    engine = restored_by_a_fill()
    assert not engine.state.position("alice", "A", "cross").attempted  # type: ignore[union-attr]
    assert transitions(mark(engine, "80")) == []
    assert position(engine)["state"] == "partially_liquidated"
    assert position(engine)["order"] is None
    assert transitions(apply(engine, "block", time=1)) == ["T9", "T1"]
    assert position(engine)["order"] == "9"
    assert transitions(order_event(engine, "order_done")) == ["T5"]


def test_a_block_moves_positions_by_account_market_and_mode_and_not_pool_by_pool() -> None:
    """LIF-4: the cross pool is assessed before the isolated one, but A comes before B."""
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount="400")
    apply(engine, "transfer", account="alice", market="A", amount="200")
    trade(engine, "10", "100", 5, market="A", mode="isolated")
    trade(engine, "10", "100", 5, market="B")
    apply(engine, "marks", prices={"A": "88", "B": "88"})
    for key in ({"market": "A", "mode": "isolated"}, {"market": "B", "mode": "cross"}):
        order_event(engine, "fill", size="1", price="88", **key)
    moved = [effect for effect in apply(engine, "block", time=1) if isinstance(effect, Transitioned)]
    assert [(effect.transition, effect.position) for effect in moved] == [
        ("T9", "alice/A/isolated"),
        ("T9", "alice/B/cross"),
    ]
