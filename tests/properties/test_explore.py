"""The exhaustive exploration: pinned sizes of the shipped scopes, and the shortest counterexample to a wrong engine."""

import gc
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import pytest

from liqspec.core import arithmetic, assessment
from liqspec.core.config import Config
from liqspec.core.effects import Sizing
from liqspec.core.engine import Engine, apply_event
from liqspec.core.snapshot import Snapshot
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.properties.checker.exact import number
from liqspec.properties.checker.measures import Readings, View
from liqspec.properties.coverage import Violation
from liqspec.properties.step_monitor import StateObserver
from liqspec.replay.run import Run
from liqspec.search.explore import explore
from liqspec.spec import scenarios, scopes
from liqspec.step.wrong_engines import EVERY
from liqspec.verify import counterexample
from support.paths import ROOT

# States and steps of each shipped scope, to the last one: a change of the model or of a scope shows here.
PINNED = {
    "cooldown": (692, 4_709, 13, True),
    "cross": (2_669, 14_080, 9, False),
    "four": (11_778_327, 84_861_857, 25, True),
    "isolated": (9_474, 42_626, 8, False),
    "mark": (766, 2_051, 4, False),
    "minimal": (1_084, 7_516, 20, True),
    "ranked": (712, 5_387, 8, False),
    "vault": (2_617, 9_947, 8, False),
}

THOROUGH = {
    "thorough/accounts": (305_179, 1_192_267, 10, False),
    "thorough/four": (127_551_076, 1_827_521_037, 30, False),
    "thorough/gaps": (105_026, 676_371, 8, False),
    "thorough/lives": (280_504, 1_365_518, 9, False),
    "thorough/modes": (317_769, 1_746_005, 9, False),
    "thorough/three": (323_214, 1_247_031, 9, False),
}


def breach_at_equality(equity: int, maintenance: int) -> bool:
    """LIQ-3 with the wrong sign."""
    return equity <= maintenance


@pytest.mark.parametrize(
    "name", [*scopes.names(), *(pytest.param(name, marks=pytest.mark.thorough) for name in scopes.thorough_names())]
)
def test_a_scope_holds_and_has_exactly_its_states(name: str) -> None:
    """EVT-1, LIQ-1: all event sequences of the scope, every step judged by every property."""
    found = explore(scopes.load(name))
    assert found.coverage.violations == []
    assert found.never == []
    assert (found.states, found.steps, found.depth, found.exhausted) == (PINNED | THOROUGH)[name]


def test_the_readme_states_the_sum_of_the_scopes() -> None:
    states, steps = (sum(counts[place] for counts in PINNED.values()) for place in (0, 1))
    assert f"{states:,} states and {steps:,} steps" in (ROOT / "README.md").read_text(encoding="utf-8")


def ranked_before_rounding(state: State, pool: Pool) -> list[Position]:
    """LIQ-11 with margins that are not rounded up yet: of two that only rounding makes equal, the larger is first."""
    untried = [one for one in pool.open_positions() if one.state == "liquidatable" and not one.attempted]

    def margin(position: Position) -> Fraction:
        held = state.holding(position)
        amount = arithmetic.notional(held.size, held.mark, held.unit)
        return Fraction(amount * held.schedule.tiers[0].rate, held.schedule.denominator)

    return [max(untried, key=margin)] if untried else []


def test_positions_that_are_equal_only_when_rounded_are_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """LIQ-11, MRG-5: in random events that is too rare to rely on; in the scope it must happen."""
    monkeypatch.setattr(assessment, "to_attempt", ranked_before_rounding)
    (violation,) = explore(scopes.load("ranked")).coverage.violations
    assert violation.property == "an_order_is_emitted_only_if_needed_and_once"
    assert len(violation.events) == 6


def chunks_from_two_units_above(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Sizing:
    """PRT-2 with a threshold that is one quote unit higher."""
    held, threshold = state.holding(position), state.venue.partial_threshold
    if threshold is not None and arithmetic.notional(held.size, held.mark, held.unit) == threshold + 1:
        return "not_above_threshold"
    return SIZING(state, pool, position, inputs)


SIZING = assessment.order_sizing


def test_a_notional_one_unit_above_the_threshold_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """PRT-2: random amounts almost never have this one; in the scope a notional is 52 and the threshold 51."""
    monkeypatch.setattr(assessment, "order_sizing", chunks_from_two_units_above)
    (violation,) = explore(scopes.load("isolated")).coverage.violations
    assert violation.property == "an_order_has_exactly_the_size_of_its_rule"
    assert len(violation.events) == 5


def test_an_exploration_that_left_something_unexercised_does_not_hold() -> None:
    scope = attrs.evolve(scopes.load("minimal"), max_depth=2)
    found = explore(scope)
    assert not found.holds
    assert "transition T11" in found.never


def test_an_excuse_for_what_was_exercised_is_refused() -> None:
    scope = scopes.load("minimal")
    found = explore(attrs.evolve(scope, max_depth=3, excused={**scope.excused, "T1": "not so"}))
    assert "excuse for transition T1, which was exercised" in found.never


@pytest.mark.parametrize(
    ("number", "scope", "events"),
    [
        ("B14", "minimal", 5),
        ("X63", "minimal", 9),
        ("X192", "minimal", 9),
        ("X204", "minimal", 4),
        ("X38", "cooldown", 7),
    ],
)
def test_what_is_not_judged_again_would_not_have_been_violated_sooner(number: str, scope: str, events: int) -> None:
    """EVT-3, BKS-8: the lengths are those found when every property was judged on every step (MUTANTS.md)."""
    with EVERY[number].applied():
        (violation,) = explore(scopes.load(scope)).coverage.violations
    assert len(violation.events) == events


def test_only_what_an_event_changed_is_judged_again() -> None:
    """A state is judged when it is met first; after a refused event, that nothing changed is."""
    found = explore(attrs.evolve(scopes.load("minimal"), max_depth=7))
    assert found.coverage.checked["closed_is_empty"] < found.states < found.steps
    assert found.coverage.checked["a_refused_event_changes_no_bit"] == found.refused
    assert found.coverage.checked["an_event_is_accepted_exactly_if_its_rule_says_so"] == found.steps + 2
    assert found.model_steps == found.steps


def test_a_price_is_computed_once_for_what_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """MRG-10: the pool of a position is measured alike in most states that differ."""
    computed = []
    price = Engine.liquidation_price

    def counted(self: Engine, *position: Any) -> Any:
        computed.append(position)
        return price(self, *position)

    monkeypatch.setattr(Engine, "liquidation_price", counted)
    found = explore(attrs.evolve(scopes.load("isolated"), max_depth=5))
    assert len(computed) < found.coverage.checked["a_liquidation_price_is_exact"] // 5


@pytest.mark.parametrize(("name", "depth"), [("isolated", 6), ("mark", 2), ("thorough/accounts", 5)])
def test_steps_leave_nothing_for_the_garbage_collector(name: str, depth: int) -> None:
    """A refusal with its traceback would: that refers to all frames, and so to the monitor that keeps the refusal."""
    scope = scopes.load(name)
    explore(attrs.evolve(scope, max_depth=2))  # what is made once
    gc.collect()
    gc.disable()
    try:
        found = explore(attrs.evolve(scope, max_depth=depth))
        assert gc.collect() < found.model_steps / 10
    finally:
        gc.enable()


def test_the_garbage_collector_rests_until_an_exploration_ends() -> None:
    scope, enabled = attrs.evolve(scopes.load("minimal"), max_depth=3), []

    def interrupted(_: object) -> None:
        enabled.append(gc.isenabled())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explore(scope, progress=interrupted)
    assert (enabled, gc.isenabled()) == ([False], True)


def test_what_is_read_once_of_shared_entries_is_what_each_shows() -> None:
    """OBS-1: the end of an order changes the entry of a position, but not that of its pool."""
    scope, readings, observer = scopes.load("isolated"), Readings(), StateObserver()
    engine, seen = Engine(Config.from_json(scope.config)), []
    above = {"type": "mark_price", "market": "X", "price": "26"}
    done = {"type": "order_done", "account": "alice", "market": "X", "mode": "cross"}
    for event in (*scope.setup, above, done):
        assert apply_event(engine, event).code is None
        seen.append(observer.observe(engine.state))
    for observation in (*seen, *reversed(seen)):
        assert View.of(observation, None, readings) == View.of(observation)
    first, second = (View.of(seen[-1], None, readings).pools["alice/cross"] for _ in range(2))
    assert first is second
    twenty, again, other = (readings.marks({"X": number(mark)}) for mark in ("20", "20", "21"))
    assert twenty is again
    assert other == {"X": 21}


@pytest.fixture
def violation(monkeypatch: pytest.MonkeyPatch) -> Violation:
    """What the exploration finds in an engine that liquidates at equality (LIQ-3)."""
    monkeypatch.setattr(arithmetic, "breached", breach_at_equality)
    return explore(scopes.load("minimal")).coverage.violations[0]


def test_the_counterexample_of_an_exploration_is_the_shortest(violation: Violation) -> None:
    """LIQ-3, LIQ-4: the two events that lead into the scope, and one more."""
    assert violation.property == "a_covered_pool_is_left_alone"
    assert [event["type"] for event in violation.events] == ["deposit", "trade", "mark_price"]


def test_a_long_counterexample_is_shrunk_to_what_it_needs(violation: Violation) -> None:
    detours: list[dict[str, Any]] = []
    for event in violation.events:
        detours += [{"type": "vault_cash", "amount": "5"}, event, {"type": "deposit", "account": "bob", "amount": "1"}]
    long = attrs.evolve(violation, events=detours)
    assert counterexample.shrink(long).events == violation.events


def test_a_counterexample_replays_from_its_file(violation: Violation, tmp_path: Path) -> None:
    path = tmp_path / "counterexample.toml"
    counterexample.save(violation, path)
    run = Run(scenarios.load(str(path)))
    list(run)
    assert run.outcome().unexpected[0].startswith("step 3: property a_covered_pool_is_left_alone: alice/cross")


def test_a_violation_on_the_way_into_a_scope_is_reported(monkeypatch: pytest.MonkeyPatch, violation: Violation) -> None:
    scope = scopes.load("minimal")
    into = attrs.evolve(scope, setup=tuple(violation.events))
    found = explore(into)
    assert found.coverage.violations[0].property == violation.property
    assert found.coverage.violations[0].events == violation.events
    assert (found.depth, found.exhausted) == (0, False)


def test_what_does_not_happen_again_is_not_shrunk(violation: Violation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert counterexample.shrink(violation) is violation


def test_an_engine_that_restores_less_than_there_is_is_shrunk_as_one_that_repeats_wrongly(
    violation: Violation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EVT-1, OBS-4: the second run, from the restored state, ends otherwise."""
    monkeypatch.undo()
    restore = Engine.restore

    def restore_earlier(self: Engine, snapshot: Snapshot) -> None:
        restore(self, attrs.evolve(snapshot, net_deposits=snapshot.net_deposits + 1))

    monkeypatch.setattr(Engine, "restore", restore_earlier)
    reported = attrs.evolve(violation, property="the_same_event_in_the_same_state_does_the_same")
    shrunk = counterexample.shrink(reported)
    assert shrunk.wrong == "from the same state it ended differently"
    assert len(shrunk.events) == 1


def test_a_mended_engine_passes_the_counterexample(tmp_path: Path) -> None:
    path = tmp_path / "counterexample.toml"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arithmetic, "breached", breach_at_equality)
        counterexample.save(explore(scopes.load("minimal")).coverage.violations[0], path)
    run = Run(scenarios.load(str(path)))
    list(run)
    assert run.outcome().unexpected == ()


def test_the_test_that_keeps_a_counterexample_runs(violation: Violation, tmp_path: Path) -> None:
    path = tmp_path / "counterexample.toml"
    counterexample.save(violation, path)
    names = {"Run": Run, "scenarios": scenarios}
    exec(counterexample.to_pytest(violation, path), names)
    test = names["test_a_covered_pool_is_left_alone_in_counterexample"]
    with pytest.raises(AssertionError):
        test()  # type: ignore[operator]  # the engine is still the wrong one
