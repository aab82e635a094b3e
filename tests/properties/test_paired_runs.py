"""Properties of pairs of runs: each holds of the model, and each sees the engine that breaks it."""

from collections.abc import Callable
from typing import Any

import pytest

from liqspec.core import arithmetic
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.refusals import NotPositive
from liqspec.properties.coverage import Violation
from liqspec.properties.paired import PAIRED, WHOLE_RUNS, PairedRun, WholeRun
from liqspec.properties.property import HOLDS, NOT_EXERCISED, Verdict, violated
from liqspec.verify import counterexample
from support.builders import apply, small_config, small_engine, trade_fields

NO_FEE: dict[str, Any] = {
    "liquidation": {"partial_threshold": "0", "partial_fraction": "1/2", "cooldown_ms": 5, "stop_when_restored": False}
}


def deposit(account: str, amount: str) -> EventData:
    return {"type": "deposit", "account": account, "amount": amount}


def opened(size: str, **key: str) -> EventData:
    return {"type": "trade", **trade_fields(size, "100", 5, **key)}


def filled(size: str, price: str, **key: str) -> EventData:
    return {"type": "fill", "account": "alice", "market": "A", "mode": "cross", "size": size, "price": price, **key}


def run_twice(name: str, *given: EventData, **changes: Any) -> Verdict:
    """What the pair property of this name says of the last of these events."""
    engine = small_engine(**changes)
    snapshots = [engine.snapshot()]
    for event in given:
        fields = {key: value for key, value in event.items() if key != "type"}
        apply(engine, event["type"], **fields)
        snapshots.append(engine.snapshot())
    earlier = (snapshots[-3], given[-2]) if len(given) > 1 else None
    return PAIRED[name].judge(PairedRun(engine, earlier, snapshots[-2], given[-1], snapshots[-1], None))


BREACHED = (
    deposit("alice", "200"),
    opened("8"),
    deposit("bob", "200"),
    opened("-8", account="bob", market="B"),
    {"type": "marks", "prices": {"A": "83", "B": "117"}},
)
HALVED = (*BREACHED, filled("4", "83"))


def wrong_arithmetic(name: str, wrong: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda monkeypatch: monkeypatch.setattr(arithmetic, name, wrong)


def alice_gains_what_bob_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each event of hers, Alice gets a tenth of what Bob has: whose event comes first now matters."""
    apply_right = Engine.apply

    def apply_wrong(self: Engine, event: Any) -> Any:
        effects = apply_right(self, event)
        if getattr(event, "account", "") == "alice":
            self.state.accounts["alice"].cross.collateral += self.state.accounts["bob"].cross.collateral // 10
        return effects

    monkeypatch.setattr(Engine, "apply", apply_wrong)


CASES: dict[str, tuple[tuple[EventData, ...], Callable[[pytest.MonkeyPatch], None]]] = {
    "one_fill_is_its_two_halves": (
        HALVED,
        wrong_arithmetic("realised_pnl", lambda size, closed, price, unit, released: closed // 3 - released),
    ),
    "events_of_unrelated_pools_commute": ((deposit("alice", "50"), deposit("bob", "70")), alice_gains_what_bob_has),
    "mirrored_accounts_get_the_same_decisions": (
        BREACHED,
        wrong_arithmetic("notional", lambda size, price, unit: max(size, 0) * price * unit),
    ),
    "a_liquidation_price_moves_away_as_collateral_grows": (
        (*BREACHED[:4], deposit("alice", "10")),
        wrong_arithmetic("liquidation_price", lambda equity, others, held: equity),
    ),
}


def test_there_is_a_case_for_each() -> None:
    assert CASES.keys() == PAIRED.keys()


@pytest.mark.parametrize("name", CASES)
def test_it_holds_of_the_model(name: str) -> None:
    """FIL-1, MRG-9, LIQ-2, ACC-2, ACC-10, CLD-5, MRG-1, MRG-2, MRG-10, MRG-12."""
    given, _ = CASES[name]
    assert run_twice(name, *given, **NO_FEE) == HOLDS


@pytest.mark.parametrize("name", CASES)
def test_it_sees_the_engine_that_breaks_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given, break_it = CASES[name]
    break_it(monkeypatch)
    assert run_twice(name, *given, **NO_FEE).wrong


def test_fees_that_take_one_run_across_a_line_and_the_other_not_are_no_violation() -> None:
    """FIL-2, BKS-1: one fee of 13 leaves equity on the backstop line, two of 7 take the pool below it."""
    flat = [{"above": "0", "maintenance_rate": "1/10", "max_leverage": 5}]
    markets = {name: {"tick": "1", "lot": "1", "tiers": flat} for name in "AB"}
    given = (
        deposit("alice", "103"),
        opened("2"),
        opened("3", market="B"),
        {"type": "mark_price", "market": "A", "price": "65"},
        {"type": "order_done", "account": "alice", "market": "B", "mode": "cross"},
        filled("2", "65"),
    )
    changes = {"markets": markets, "marks": {"A": "100", "B": "100"}, "liquidation": {"fee_rate": "1/10"}}
    engine = small_engine(**changes)
    for event in (*given[:-1], filled("1", "65"), filled("1", "65")):
        apply(engine, event["type"], **{key: value for key, value in event.items() if key != "type"})
    assert [entry["state"] for entry in engine.observe()["positions"]] == ["closed", "backstopped"]
    assert run_twice("one_fill_is_its_two_halves", *given, **changes) == HOLDS


def test_with_a_fee_the_fill_itself_is_judged_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """FIL-1, FIL-2: the two runs are without it."""
    liquidation = {**NO_FEE["liquidation"], "fee_rate": "1/70"}
    assert run_twice("one_fill_is_its_two_halves", *HALVED, liquidation=liquidation) == HOLDS
    CASES["one_fill_is_its_two_halves"][1](monkeypatch)
    assert run_twice("one_fill_is_its_two_halves", *HALVED, liquidation=liquidation).wrong


@pytest.mark.parametrize("event", [deposit("alice", "1"), {"type": "block", "time": 7}, filled("1", "83")])
def test_what_a_pair_does_not_speak_of_is_not_counted(event: EventData) -> None:
    given = (*BREACHED, event) if event["type"] == "fill" else (event,)
    judged = {name: run_twice(name, *given, **NO_FEE) for name in PAIRED}
    assert judged["one_fill_is_its_two_halves"] == NOT_EXERCISED
    assert NOT_EXERCISED in (
        judged["events_of_unrelated_pools_commute"],
        judged["mirrored_accounts_get_the_same_decisions"],
    )


def refuse_after(monkeypatch: pytest.MonkeyPatch, account: str, other: str) -> None:
    """Make the engine one that refuses all of an account while another has collateral."""
    apply_right = Engine.apply

    def refuse(self: Engine, event: Any) -> Any:
        if getattr(event, "account", "") == account and collateral(self, other):
            raise NotPositive("amount", "70", f"none after {other}")
        return apply_right(self, event)

    monkeypatch.setattr(Engine, "apply", refuse)


def test_refusals_that_depend_on_the_order_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """LIQ-2: Bob's deposit is refused after Alice's, and hers is not after his."""
    name = "events_of_unrelated_pools_commute"
    engine = small_engine()
    start, events = engine.snapshot(), (deposit("alice", "50"), deposit("bob", "70"))
    apply(engine, "deposit", account="alice", amount="50")
    between = engine.snapshot()
    refuse_after(monkeypatch, "bob", "alice")
    judged = PAIRED[name].judge(PairedRun(engine, (start, events[0]), between, events[1], between, "not_positive"))
    assert judged == violated("in this order [None, 'not_positive'], in the other [None, None]")


def test_a_mirror_image_that_is_refused_is_reported() -> None:
    """MRG-1: what was seen of the event is a refusal that its image does not get."""
    engine = small_engine()
    before = engine.snapshot()
    apply(engine, "deposit", account="alice", amount="50")
    twice = PairedRun(engine, None, before, deposit("alice", "50"), engine.snapshot(), "unknown_account")
    judged = PAIRED["mirrored_accounts_get_the_same_decisions"].judge(twice)
    assert judged == violated("refused unknown_account, but mirrored None")


def test_a_short_that_is_liquidated_sooner_with_more_collateral_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """MRG-10."""
    monkeypatch.setattr(Engine, "liquidation_price", lambda self, account, *_: (1000 - collateral(self, account), None))
    events = (deposit("bob", "200"), opened("-8", account="bob"), deposit("bob", "10"))
    judged = run_twice("a_liquidation_price_moves_away_as_collateral_grows", *events)
    assert judged == violated("the short in A is liquidated at 800, with more collateral at 790 ticks")


def collateral(engine: Engine, account: str) -> int:
    return engine.state.accounts[account].cross.collateral


def alone(config: dict[str, Any], events: list[EventData]) -> Verdict:
    """The verdict on a run without one of its accounts."""
    return WHOLE_RUNS["an_unrelated_account_changes_nothing"].judge(WholeRun(Engine(Config.from_json(config)), events))


def test_an_event_that_is_refused_only_with_another_account_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """LIQ-2, ACC-2."""
    refuse_after(monkeypatch, "alice", "bob")
    wrong = alone(small_config(), [deposit("bob", "100"), deposit("alice", "50")]).wrong
    assert wrong == "deposit is refused not_positive, without bob None"


def test_an_absent_account_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """LIQ-2, ACC-2: Bob is taken away, and Alice fares the same; where she does not, the run is the counterexample."""
    config, given = small_config(), [deposit("bob", "100"), deposit("alice", "50")]
    assert alone(config, given) == HOLDS
    alice_gains_what_bob_has(monkeypatch)
    wrong = alone(config, given).wrong
    assert "alice" in wrong
    assert alone(small_config(accounts=["alice"]), given[1:]) == NOT_EXERCISED
    longer = [deposit("alice", "1"), *given, deposit("alice", "2")]
    shrunk = counterexample.shrink(Violation("an_unrelated_account_changes_nothing", wrong, "a test", config, longer))
    assert shrunk.events == [deposit("bob", "10"), deposit("alice", "1")]  # fewer events, then plainer numbers


def test_a_counterexample_to_a_pair_is_shrunk_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    alice_gains_what_bob_has(monkeypatch)
    given = [deposit("bob", "9"), deposit("alice", "50"), deposit("bob", "70")]
    name = "events_of_unrelated_pools_commute"
    shrunk = counterexample.shrink(Violation(name, "", "a test", small_config(), given))
    assert shrunk.wrong
    assert len(shrunk.events) == 2


def test_another_engine_of_a_run_is_at_its_start_and_on_its_own() -> None:
    """CFG-1."""
    engine = small_engine()
    start = engine.snapshot()
    apply(engine, "deposit", account="alice", amount="50")
    other = engine.another()
    assert other.snapshot() == start
    apply(other, "deposit", account="bob", amount="1")
    assert engine.state.accounts["bob"].cross.collateral == 0


def test_a_run_that_was_seen_is_judged_on_what_was_seen() -> None:
    """LIQ-2, ACC-2."""
    engine, given = small_engine(), [deposit("bob", "100"), deposit("alice", "50")]
    second = engine.another()
    seen = [(apply_event(second, event).code, second.observe()) for event in given]
    name = "an_unrelated_account_changes_nothing"
    assert WHOLE_RUNS[name].judge(WholeRun(engine, given, seen)) == HOLDS
    refused = WHOLE_RUNS[name].judge(WholeRun(engine, given, [seen[0], ("off_grid", seen[1][1])]))
    assert refused == violated("deposit is refused off_grid, without bob None")
    seen[1][1]["pools"][0]["collateral"] = "51"
    assert "'collateral': '51'" in WHOLE_RUNS[name].judge(WholeRun(engine, given, seen)).wrong
