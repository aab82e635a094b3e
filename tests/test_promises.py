"""What the rules promise the trader, as runs: collateral stays, leverage stays, a sibling's window only sizes."""

from liqspec import scenario
from liqspec.events import Withdraw
from liqspec.simulate import Run


def observations(name: str) -> list[dict[str, dict[str, object]]]:
    """What a scenario shows of each pool and position after each event, by their names."""
    seen = []
    for moment in Run(scenario.load(name)):
        positions = {f"{p['account']}/{p['market']}/{p['mode']}": p for p in moment.after["positions"]}
        pools = {f"{p['account']}/{p['market'] or 'cross'}": p for p in moment.after["pools"]}
        seen.append({**positions, **pools})
    return seen


def test_remaining_collateral_stays_with_the_trader() -> None:
    """FIL-4: 3,000 less the loss of 1,800 is 1,200, in the same pool, and can be withdrawn."""
    run = Run(scenario.load("market-liquidation"))
    list(run)
    run.engine.apply(Withdraw("alice", "1200"))
    assert run.engine.observe()["pools"][0]["collateral"] == "0"


def test_a_reduction_keeps_the_leverage() -> None:
    """ACC-11: half of one bitcoin at 20x still needs its notional by 20."""
    run = Run(scenario.load("trader-closes-in-time"))
    for moment in run:
        if moment.event.get("size") == "-0.5" and moment.number == 10:
            (pool,) = (pool for pool in moment.after["pools"] if pool["account"] == "bob")
            assert pool["initial_margin"] == "1205"  # 0.5 x 48,200 / 20
            return
    raise AssertionError("the scenario has no such step any more")


def test_a_window_of_a_sibling_changes_the_size_of_orders_and_nothing_else() -> None:
    """CLD-5, LIF-4: when the bitcoin position's window opens, the ether position and its pool stay as they were."""
    before, after = observations("windows-of-a-sibling")[5:7]
    for name in ("alice/ETH/isolated", "alice/ETH", "alice/cross"):
        assert before[name] == after[name]
    assert after["alice/BTC/isolated"]["cooldown_until"] == 30000
