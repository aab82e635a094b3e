"""The rule that an engine breaks is named first, with the mistake that explains what it does."""

import sys
from itertools import islice

import pytest
from attrs import evolve

from adversaries.measure_naming import FIRST, THREE, named, shares
from liqspec.conform.configurations import shipped
from liqspec.conform.explanations import Explanation
from liqspec.conform.lockstep import Comparison, play
from liqspec.core import arithmetic
from liqspec.core.arithmetic import Ratio
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import Block
from liqspec.core.families import chunks
from liqspec.spec import rulebook
from liqspec.step.compare import Observes
from liqspec.step.explanations import Likeness, Played
from liqspec.step.relation import Observed
from liqspec.step.wrong_engines import WRONG_ENGINES, WrongEngine
from liqspec.step.wrong_engines.neighbours import code, memory, neighbours
from liqspec.testing.engines import InProcess, Model
from support.builders import small_engine
from support.in_process import wrong_engine

STRIDE = 28  # of the wrong engines, each one at this distance is explained in every test run


def test_of_some_wrong_engines_the_broken_rule_is_named() -> None:
    first, three = shares(named(wrong) for wrong in islice(WRONG_ENGINES.values(), 0, None, STRIDE))
    assert first >= FIRST
    assert three >= THREE


@pytest.mark.thorough
def test_of_all_wrong_engines_the_broken_rule_is_named() -> None:
    first, three = shares(map(named, WRONG_ENGINES.values()))
    assert first >= FIRST
    assert three >= THREE


def test_the_mistake_is_named_in_a_sentence() -> None:
    reason = named(WRONG_ENGINES["X86"]).finding.reasons[0]
    assert reason.rules[:2] == ("FIL-2", "FIL-1")
    assert reason.because[0] == "it answers as an engine would with this mistake: the fee is rounded down"


class Odd(Model):
    """An engine that shows what no rule and no mistake is about."""

    def apply(self, event: dict[str, object]) -> object:
        shown = super().apply(event)
        assert isinstance(shown, dict)
        return {**shown, "vault": {"cash": "12345.6", "equity": "6543.2"}}


def explanation_of(engine: InProcess, hypotheses: tuple[WrongEngine, ...] = ()) -> Explanation:
    comparison = Comparison.of(engine.hello)
    return Explanation(
        engine=engine,
        events=engine.hello.events,
        setting=shipped(),
        comparison=comparison,
        hypotheses=hypotheses,
    )


def test_what_no_mistake_explains_keeps_its_rules() -> None:
    engine = InProcess(Odd)
    config = named(WRONG_ENGINES["X86"]).finding.config
    found = play(engine, config, [{"type": "block", "time": 10**9}], Comparison.of(engine.hello))
    assert found is not None
    assert explanation_of(engine, tuple(WRONG_ENGINES.values())).of(found) == found


def test_a_mistake_that_nobody_listed_is_a_small_change_of_a_rule() -> None:
    engine = wrong_engine(WRONG_ENGINES["X86"])
    reason = explanation_of(engine).of(named(WRONG_ENGINES["X86"]).finding).reasons[0]
    assert reason.rule == "FIL-2"
    assert "`divide_down` in place of `divide_up` in liquidation_fee" in reason.because[0]


EVERYTHING = {
    "markets": {
        "A": {
            "tick": "1",
            "lot": "1",
            "tiers": [{"above": "0", "maintenance_rate": "1/60", "max_leverage": 20}],
            "isolated_removal": "never",
        }
    },
    "marks": {"A": "100"},
    "accounts": ["alice"],
    "backstop": {"threshold": "1/3"},
    "liquidation": {
        "order_policy": "ranked",
        "partial_threshold": "0",
        "partial_fraction": "1/5",
        "cooldown_ms": 1000,
        "cooldown_scope": "account",
        "fee_rate": "1/1000",
    },
}
POSITION = {"account": "alice", "market": "A", "mode": "cross"}
LIQUIDATED: list[dict[str, object]] = [
    {"type": "deposit", "account": "alice", "amount": "100"},
    {"type": "trade", **POSITION, "size": "10", "price": "100", "leverage": 10},
    {"type": "mark_price", "market": "A", "price": "91"},
    {"type": "deposit", "account": "alice", "amount": "0"},
    {"type": "deposit", "account": "alice", "amount": "0.5"},
    {"type": "fill", **POSITION, "size": "1", "price": "91"},
    {"type": "order_done", **POSITION},
    {"type": "block", "time": 500},
    {"type": "fill", **POSITION, "size": "9", "price": "91"},
    {"type": "block", "time": 2000},
]


class TestNeighbours:
    def test_each_changes_functions_only_while_it_is_applied(self) -> None:
        played = Played(start=small_engine, events=[{"type": "block", "time": 5}])
        listed = list(neighbours(lambda: list(played.answers()), EVERYTHING, Block))
        assert len(listed) > 20
        for one in listed:
            before = [patch.read() for patch in one.patches]
            with one.applied():
                assert all(patch.read() is patch.wrong for patch in one.patches)
            assert all(patch.read() is real is not patch.wrong for patch, real in zip(one.patches, before, strict=True))

    def test_they_have_a_rule_that_exists(self) -> None:
        played = Played(start=lambda: Engine(Config.from_json(EVERYTHING)), events=LIQUIDATED)
        assert {one.rule for one in neighbours(lambda: list(played.answers()), EVERYTHING)} <= set(rulebook.rules())

    @pytest.mark.parametrize(
        ("rule", "title"),
        [
            ("FIL-2", "liquidation.fee_rate has no effect"),
            ("CLD-1", 'liquidation.cooldown_scope is always "position" with the families of this run'),
            ("AMT-5", "backstop.threshold has 18 decimals"),
            ("AMT-5", "the maintenance rate of a tier has 4 decimals"),
            ("ACC-18", "markets.*.isolated_removal has no effect"),
            ("OBS-2", "cooldown until is not shown of a position in state partially liquidated"),
            ("LIQ-12", "deposit forgets the attempt of the position"),
            ("LIQ-4", "fill forgets the liquidation of the pool where it has positions"),
            ("CLD-4", "block forgets the window as it was when the block began of the account"),
            ("EVT-3", "a refused deposit forgets the order of the position in state liquidatable"),
            ("CLD-4", "an event that ends the window of a position keeps it"),
            ("LIQ-12", "block that ends the attempt of a position in state cooldown keeps it"),
        ],
    )
    def test_what_is_configured_shown_and_remembered_is_changed(self, rule: str, title: str) -> None:
        played = Played(start=lambda: Engine(Config.from_json(EVERYTHING)), events=LIQUIDATED)
        listed = {one.title: one.rule for one in neighbours(lambda: list(played.answers()), EVERYTHING, Block)}
        assert listed[title] == rule

    def test_what_a_run_does_not_remember_is_not_forgotten(self) -> None:
        played = Played(start=small_engine, events=[{"type": "block", "time": 5}])
        titles = [one.title for one in memory.neighbours(lambda: list(played.answers()))]
        assert not [title for title in titles if "forgets" in title or "that ends" in title]

    def test_what_does_not_run_is_not_changed(self) -> None:
        assert not list(code.neighbours(lambda: None))
        assert {one.patches[0].owner.__name__ for one in code.neighbours(lambda: arithmetic.chunk(3, Ratio(1, 2)))} == {
            "chunk",
            "divide_up",
        }

    def test_what_could_run_for_ever_is_not_changed(self) -> None:
        assert not list(code.neighbours(lambda: chunks.by_halving(9, lambda number: number > 3)))

    def test_a_trace_that_runs_goes_on(self) -> None:
        def trace(*_: object) -> None: ...

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            list(code.neighbours(lambda: None))
            assert sys.gettrace() is trace
        finally:
            sys.settrace(before)


@pytest.mark.parametrize(
    ("number", "rule", "sentence"),
    [
        ("X10", "LIQ-6", "after transfer no pool is assessed"),
        ("X56", "LIQ-9", "`position.attempted = False` is left out in cancel_orders"),
        ("X132", "EVT-9", "there is no T10"),
        ("X161", "ACC-5", "in_liquidation is not checked for withdraw"),
        ("X206", "EVT-2", "unknown_market is reported before unknown_account"),
        ("X191", "ACC-9", "`maintenance_before` in place of `equity_before` in reduction_is_safe"),
    ],
)
def test_a_mistake_of_each_kind_is_found_among_the_neighbours(number: str, rule: str, sentence: str) -> None:
    wrong = WRONG_ENGINES[number]
    reason = explanation_of(wrong_engine(wrong)).of(named(wrong).finding).reasons[0]
    assert reason.rule == rule
    assert sentence in reason.because[0]


def test_a_mistake_that_the_engine_does_not_make_elsewhere_is_dropped() -> None:
    """A reply of the last event that was read wrongly: the engine that is asked again is right."""
    found = named(WRONG_ENGINES["X86"]).finding
    right = InProcess(Model)
    explanation = explanation_of(right, tuple(WRONG_ENGINES.values()))
    plain = evolve(found, reasons=(evolve(found.reasons[0], rules=("FIL-1",), because=()),))
    assert explanation.of(plain).rules == ("FIL-1",)


@pytest.mark.parametrize(
    ("likeness", "ours", "theirs", "alike"),
    [
        (Likeness(), Observed(refused="overfill"), Observed(refused="overfill"), True),
        (Likeness(), Observed(refused="overfill"), Observed(refused="no_order"), False),
        (Likeness(mode="decision"), Observed(refused="overfill"), Observed(refused="no_order"), True),
        (Likeness(mode="decision"), Observed(refused="overfill"), Observed(observation={}), False),
        (Likeness(mode="code"), Observed(observation={"time": 1}), Observed(observation={"time": 2}), True),
        (Likeness(), Observed(observation={"time": 1}), Observed(observation=None), True),
    ],
)
def test_answers_are_alike_as_they_are_compared(
    likeness: Likeness, ours: Observed, theirs: Observed, alike: bool
) -> None:
    assert likeness(ours, theirs) is alike


def test_only_observed_fields_are_compared() -> None:
    engine = wrong_engine(WRONG_ENGINES["X86"])
    found = named(WRONG_ENGINES["X86"]).finding
    played = engine.reset(found.config)["observation"]
    other = {**played, "time": played["time"] + 1}
    assert not Likeness()(Observed(observation=played), Observed(observation=other))
    assert not Likeness()(Observed(observation=played), Observed(observation={**played, "pools": 1}))
    seen = Likeness(observes=Observes(fields=("vault.cash",)))
    assert seen(Observed(observation=played), Observed(observation=other))
