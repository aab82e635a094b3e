"""What the rules promise the trader, as runs: collateral stays, leverage stays, a sibling's window only sizes."""

from liqspec.core.events import Withdraw
from liqspec.replay.run import Run
from liqspec.spec import scenarios
from support.builders import apply, refused, small_engine, trade


def test_remaining_collateral_stays_with_the_trader() -> None:
    """FIL-4: 3,000 less the loss of 1,800 is 1,200, in the same pool, and can be withdrawn."""
    run = Run(scenarios.load("market-liquidation"))
    list(run)
    run.engine.apply(Withdraw("alice", "1200"))
    assert run.engine.observe()["pools"][0]["collateral"] == "0"


def test_a_reduction_keeps_the_leverage() -> None:
    """ACC-11: ten at 100 and 5x need 200; the four that are left need 80, and none can be given with a reduction."""
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount="300")
    trade(engine, "10", leverage=5)
    assert engine.observe()["pools"][0]["initial_margin"] == "200"
    key = {"account": "alice", "market": "A", "mode": "cross"}
    assert refused(engine, "trade", **key, size="-6", price="100", leverage=2).code == "bad_leverage"
    trade(engine, "-6")
    assert engine.observe()["pools"][0]["initial_margin"] == "80"


def test_a_window_of_a_sibling_changes_the_size_of_orders_and_nothing_else() -> None:
    """CLD-5, LIF-4: a chunk of the isolated A opens the account's window; the cross B stays as it was."""
    rules = {"partial_threshold": "100", "partial_fraction": "1/2", "cooldown_ms": 10, "cooldown_scope": "account"}
    engine = small_engine(liquidation=rules)
    apply(engine, "deposit", account="alice", amount="600")
    apply(engine, "transfer", account="alice", market="A", amount="250")
    trade(engine, "10", leverage=5, mode="isolated")
    trade(engine, "10", leverage=5, market="B")
    apply(engine, "mark_price", market="A", price="83")  # 250 - 170 = 80 is below 83
    before = engine.observe()
    apply(engine, "fill", account="alice", market="A", mode="isolated", size="5", price="83")
    after = engine.observe()
    assert after["positions"][0]["cooldown_until"] == 10
    assert after["positions"][1] == before["positions"][1]
    assert after["pools"][0] == before["pools"][0]
    apply(engine, "block", time=1)
    apply(engine, "mark_price", market="B", price="70")  # 350 - 300 = 50 is below 70; half would be 5
    assert engine.observe()["positions"][1]["order"] == "10"
