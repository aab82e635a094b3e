"""The properties that need the model itself: each is silent where it has nothing to judge, and sees what breaks it."""

from random import Random
from typing import Any

import attrs
import pytest

from adversaries.wrong_engines.search import BASES
from liqspec.core import events
from liqspec.core.effects import Backstopped, Effect
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.snapshot import Snapshot, WindowValue
from liqspec.properties.checker.witness import Witness
from liqspec.properties.coverage import Coverage, Violation
from liqspec.properties.model_step import MODEL, ModelStep
from liqspec.properties.paired import WHOLE_RUNS
from liqspec.properties.property import HOLDS, NOT_EXERCISED, Verdict, violated
from liqspec.verify.tasks import random_run
from support.builders import small_config, small_engine

ALICE = {"account": "alice", "market": "A", "mode": "cross"}
DEPOSIT: EventData = {"type": "deposit", "account": "alice", "amount": "200"}
TRADE: EventData = {"type": "trade", **ALICE, "size": "10", "price": "100", "leverage": 5}
MARK: EventData = {"type": "mark_price", "market": "A", "price": "88"}


def step(*given: EventData, **changes: Any) -> ModelStep:
    """The last of these events, as the properties see it."""
    engine = small_engine(**changes)
    witness = Witness(small_config(**changes), engine.observe())
    before: Snapshot = engine.snapshot()
    effects: tuple[Effect, ...] = ()
    for event in given:
        before = engine.snapshot()
        effects = engine.apply(events.from_json(event))
        witness.see(event, None, engine.observe())
    return ModelStep(engine, before, given[-1], engine.snapshot(), effects, None, witness)


def judged(name: str, seen: ModelStep) -> Verdict:
    """What a property says of it."""
    return MODEL[name].judge(seen)


def of_both(event: EventData) -> list[EventData]:
    """The event of alice, and the same of bob."""
    return [event, {**event, "account": "bob"}]


def test_pools_in_another_order_are_seen() -> None:
    """LIQ-7: at 80 both are breached."""
    events = [*of_both(DEPOSIT), *of_both(TRADE), {**MARK, "price": "80"}]
    name = "pools_are_assessed_in_their_order"
    entered = step(*events)
    assert judged(name, entered) == HOLDS
    wrong = judged(name, _with(entered, tuple(reversed(entered.effects)))).wrong
    assert wrong == "pools were assessed in the order bob/, alice/"
    assert judged(name, step(*events, {"type": "order_done", **ALICE})) == NOT_EXERCISED  # one pool has no order


def _with(seen: ModelStep, effects: tuple[Effect, ...]) -> ModelStep:
    return ModelStep(seen.engine, seen.before, seen.event, seen.after, effects, seen.refusal, seen.witness)


def test_a_pool_that_is_taken_before_another_was_assessed_is_seen() -> None:
    """LIQ-7: a book that failed for alice, while bob is breached for the first time."""
    one_of_each = [
        DEPOSIT,
        TRADE,
        MARK,
        {"type": "order_done", **ALICE},
        {**DEPOSIT, "account": "bob", "amount": "176"},
        {**TRADE, "account": "bob", "price": "88"},
        {**MARK, "price": "70"},
    ]
    seen = step(*one_of_each)
    name = "pools_are_assessed_in_their_order"
    assert [effect.pool for effect in seen.effects if isinstance(effect, Backstopped)] == ["alice/cross"]
    assert judged(name, seen) == HOLDS
    taken = tuple(effect for effect in seen.effects if isinstance(effect, Backstopped))
    rest = tuple(effect for effect in seen.effects if not isinstance(effect, Backstopped))
    assert judged(name, _with(seen, (*taken, *rest))) == violated("a pool was taken before another had been assessed")


@pytest.mark.parametrize(
    ("off", "wrong"),
    [
        (0, ""),
        (1, "alice/A/cross is not breached at its liquidation price of 89 ticks"),
        (-1, "alice/A/cross is breached beyond its liquidation price of 87 ticks"),
    ],
)
def test_a_liquidation_price_that_is_a_tick_off_is_seen(off: int, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """MRG-10: 200 + 10 p - 1000 < p holds at 88, and not at 89."""
    seen = step(DEPOSIT, TRADE)
    right = Engine.liquidation_price
    ticks, crossing = right(seen.engine, "alice", "A", "cross")
    assert ticks == 88
    monkeypatch.setattr(Engine, "liquidation_price", lambda *_: (88 + off, crossing))
    assert judged("a_liquidation_price_is_exact", seen) == (violated(wrong) if wrong else HOLDS)


def test_a_long_that_is_breached_at_every_tick_has_no_liquidation_price_to_judge() -> None:
    """MRG-10: at a rate of 1 equity less margin is the same at every mark; after the funding it is below 0."""
    whole = [{"above": "0", "maintenance_rate": "1", "max_leverage": 1}]
    markets = {"A": {"tick": "1", "lot": "1", "tiers": whole}}
    events = [
        {**DEPOSIT, "amount": "1000"},
        {**TRADE, "leverage": 1},
        {"type": "funding", "market": "A", "payment": "1"},
    ]
    seen = step(*events, markets=markets, marks={"A": "100"})
    assert seen.engine.observe()["pools"][0]["in_liquidation"]
    assert seen.engine.liquidation_price("alice", "A", "cross")[0] is None
    assert judged("a_liquidation_price_is_exact", seen) == NOT_EXERCISED


def test_a_liquidation_price_that_is_missing_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """MRG-10."""
    seen = step(DEPOSIT, TRADE)
    monkeypatch.setattr(Engine, "liquidation_price", lambda *_: (None, None))
    assert judged("a_liquidation_price_is_exact", seen) == violated("alice/A/cross has no liquidation price")


@pytest.mark.parametrize("scope", ["position", "pool", "account"])
@pytest.mark.parametrize("field", ["until", "forcing_until"])
def test_a_window_that_is_a_millisecond_off_is_seen(scope: str, field: str) -> None:
    """CLD-1, CLD-3, CLD-4: a fill of a chunk opens it, and from the next block on it forces."""
    liquidation = {
        "partial_threshold": "0",
        "partial_fraction": "1/2",
        "cooldown_ms": 50,
        "cooldown_scope": scope,
    }
    fill: EventData = {"type": "fill", **ALICE, "size": "5", "price": "88"}
    seen = step(DEPOSIT, TRADE, MARK, fill, {"type": "block", "time": 20}, liquidation=liquidation)
    name = "the_engine_remembers_what_the_rules_remember"
    assert judged(name, seen) == HOLDS
    (alice, bob) = seen.after.accounts
    (pool,) = alice.pools
    (held,) = pool.positions
    held = held._replace(window=_later(held.window, field if scope == "position" else ""))
    pool = pool._replace(positions=(held,), window=_later(pool.window, field if scope == "pool" else ""))
    alice = alice._replace(pools=(pool,), window=_later(alice.window, field if scope == "account" else ""))
    wrong = judged(name, attrs.evolve(seen, after=attrs.evolve(seen.after, accounts=(alice, bob)))).wrong
    what = "the window" if field == "until" else "the window that forces full size"
    of = {"position": "alice/A/cross#1", "pool": "alice/cross", "account": "alice"}[scope]
    assert wrong == f"{what} of {of} ends at 51 ms, must end at 50 ms; it is 20 ms"


def _later(window: WindowValue, field: str) -> WindowValue:
    return window._replace(**{field: getattr(window, field) + 1}) if field else window


def test_a_window_that_has_ended_is_as_good_as_none() -> None:
    """CLD-2, OBS-4."""
    seen = step(DEPOSIT, TRADE)
    (alice, bob) = seen.after.accounts
    (pool,) = alice.pools
    ended = pool._replace(window=WindowValue(seen.after.time, seen.after.time))
    other = attrs.evolve(seen.after, accounts=(alice._replace(pools=(ended,)), bob))
    assert judged("the_engine_remembers_what_the_rules_remember", attrs.evolve(seen, after=other)) == HOLDS


@pytest.mark.parametrize("part", ["positions", "pools"])
def test_what_is_listed_in_another_order_is_seen(part: str) -> None:
    """OBS-1."""
    name = "what_is_listed_is_in_its_order"
    seen = step(*of_both(DEPOSIT), *of_both(TRADE))
    assert judged(name, seen) == HOLDS
    seen.witness.view.raw[part].reverse()
    assert judged(name, seen).wrong.startswith(f"the {part} are listed in the order bob/")


def test_a_run_in_which_an_account_makes_a_difference_to_others_ends_in_that_violation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is judged on the run as a whole, at its end."""
    name = "an_unrelated_account_changes_nothing"
    differs = attrs.evolve(WHOLE_RUNS[name], judge=lambda run: violated(f"{len(run.events)} events differ"))
    monkeypatch.setitem(WHOLE_RUNS, name, differs)
    coverage = Coverage()
    given = random_run(BASES[0], Random(1), 5, "a test", coverage)
    (found,) = coverage.violations
    assert found == Violation(name, "5 events differ", "a test", found.config, given)
    assert coverage.checked[name] == 1
