"""The step relation: right steps are allowed, wrong ones are not, and the verdict names the rule, guard and numbers."""

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from adversaries.wrong_engines.mistakes import name_of
from adversaries.wrong_engines.search import BASES
from engines import python_engine
from liqspec.core import arithmetic, measures, snapshot
from liqspec.core.config import Config
from liqspec.core.effects import MarkFormed, OrderEmitted
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.parameters import InvalidConfig
from liqspec.edge import shapes
from liqspec.generate import Guide
from liqspec.generate.configurations import configuration
from liqspec.spec import observables, rulebook
from liqspec.step import compare, completion, other_marks, question, reasons, relation
from liqspec.step.compare import Difference, Observes
from liqspec.step.reasons import Reason, Step
from liqspec.step.relation import Verdict
from liqspec.step.wrong_engines import WRONG_ENGINES, WrongEngine, mark_price
from liqspec.vectors import corpus
from liqspec.vectors.suites import MISTAKES
from support.builders import (
    apply,
    beyond_78_digits,
    holding,
    mark,
    order_event,
    partial_position,
    small_config,
    small_engine,
    trade,
    trade_fields,
    waiting,
    working,
)
from support.commands import run, run_here
from support.step_answers import assumed

Data = dict[str, Any]
CONFIG = Config.from_json(small_config())


def whole(engine: Engine) -> Data:
    """The state of an engine as a snapshot in plain data."""
    return snapshot.to_json(engine.venue, engine.snapshot())


def seen(engine: Engine) -> Data:
    """The state of an engine as it is observed, with the marks."""
    marks = {name: engine.venue.markets[name].price.text(mark) for name, mark in engine.state.marks.items()}
    return {**engine.observe(), "marks": marks}


def outcome(engine: Engine, event: EventData) -> Data:
    """What an engine does with an event, as it is given for `after`."""
    done = relation.apply(engine, event)
    return done.observation if done.refusal is None else {"error": {"code": done.refusal.code}}


def text_of(verdict: Verdict) -> str:
    """The verdict's reasons in one text."""
    return "\n".join(line for reason in verdict.reasons for line in reason.lines())


MARK_88 = {"type": "mark_price", "market": "A", "price": "88"}


class TestEveryStep:
    @given(st.randoms(use_true_random=False))
    @settings(max_examples=8, deadline=None)
    def test_of_the_model_is_allowed_from_a_snapshot(self, random: Random) -> None:
        """STP-1: and nothing has to be assumed."""
        config = configuration(random, BASES[0])
        engine, read = Engine(Config.from_json(config)), Config.from_json(config)
        guide = Guide(random, engine)
        for _ in range(40):
            before, event = whole(engine), guide.next_event()
            verdict = relation.judge(read, before, event, outcome(engine, event))
            assert verdict.allowed, text_of(verdict)
            assert verdict.assumed == ()

    @pytest.mark.parametrize("state", [whole, seen])
    def test_at_amounts_beyond_any_input_is_allowed(self, state: Callable[[Engine], Data]) -> None:
        """AMT-3: what an engine reports may be longer."""
        engine = beyond_78_digits()
        before = state(engine)
        if state is seen:  # whose leverages are not observed
            before["positions"][0]["leverage"] = 1
        verdict = relation.judge(Config.from_json(small_config()), before, MARK_88, outcome(engine, MARK_88))
        assert verdict.allowed, text_of(verdict)

    @given(st.randoms(use_true_random=False))
    @settings(max_examples=8, deadline=None)
    def test_of_an_independent_engine_is_allowed(self, random: Random) -> None:
        """STP-1: the state before comes from the model, the state after from the other one."""
        config = configuration(random, BASES[1])
        model, other = Engine(Config.from_json(config)), python_engine.Engine(config)
        guide = Guide(random, model)
        for _ in range(40):
            before, event = whole(model), guide.next_event()
            reply = other.apply(event)
            verdict = relation.judge(
                Config.from_json(config),
                before,
                event,
                reply["observation"] if reply["ok"] else {"error": reply["error"]},
            )
            assert verdict.allowed, text_of(verdict)
            assert verdict.expected.observation == outcome(model, event) or not reply["ok"]

    @given(st.randoms(use_true_random=False))
    @settings(max_examples=8, deadline=None)
    def test_from_an_observation_is_allowed_or_names_an_assumption_that_matters(self, random: Random) -> None:
        """STP-2 to STP-4: what no observation shows may make the answer wrong, and then it says so."""
        config = configuration(random, BASES[1])
        engine, read = Engine(Config.from_json(config)), Config.from_json(config)
        guide = Guide(random, engine)
        for _ in range(40):
            before, event = seen(engine), guide.next_event()
            verdict = relation.judge(read, before, event, outcome(engine, event))
            assert verdict.allowed or any(entry.matters for entry in verdict.assumed), text_of(verdict)

    @given(st.randoms(use_true_random=False), st.data())
    @settings(max_examples=20, deadline=None)
    def test_with_one_field_changed_is_not_allowed_and_that_field_is_named(
        self, random: Random, data: st.DataObject
    ) -> None:
        """STP-1, STP-6."""
        config = configuration(random, BASES[0])
        engine = Engine(Config.from_json(config))
        guide = Guide(random, engine)
        for _ in range(20):
            before, event = whole(engine), guide.next_event()
            after = outcome(engine, event)
        if "error" in after:
            return
        after = copy.deepcopy(after)
        name = data.draw(
            st.sampled_from(
                [name for name in observables.names() if name not in ("marks", "vault.positions", "positions.limit")]
            )
        )
        part, _, field = name.partition(".")
        if part in ("positions", "pools"):
            if not after[part]:
                return
            place = data.draw(st.sampled_from(after[part]))
        else:
            place, field = (after["vault"], field) if part == "vault" else (after, part)
        other = {
            "state": "unheard of",
            "flag": not place.get("in_liquidation"),
            "integer": 2**52,
            "amount": "123456789.5",
        }
        place[field] = other[observables.observables().fields[name].kind]
        verdict = relation.judge(Config.from_json(config), before, event, after)
        assert verdict.reasons
        assert verdict.reasons[0].difference.field == name
        assert verdict.reasons[0].difference.theirs == place[field]
        assert verdict.reasons[0].rule in rulebook.rules()


class TestAWrongStep:
    """What the verdict says; the situations are those of `builders`."""

    def test_that_liquidates_at_equality_names_the_guard_that_was_false(self) -> None:
        """LIQ-3, LIQ-5: at 89 equity is 90 and the margin 89."""
        engine = holding()
        before = whole(engine)
        mark(engine, "89")
        after = copy.deepcopy(engine.observe())
        after["positions"][0].update(state="liquidatable", order="10")
        after["pools"][0]["in_liquidation"] = True
        verdict = relation.judge(CONFIG, before, {"type": "mark_price", "market": "A", "price": "89"}, after)
        assert [str(reason.difference) for reason in verdict.reasons] == [
            "alice/A/cross positions.state: ours healthy, theirs liquidatable",
            "alice/A/cross positions.order: ours none, theirs 10",
            "alice/cross pools.in_liquidation: ours false, theirs true",
        ]
        state, order, flag = verdict.reasons
        assert state.rules == ("LIQ-3", "LIQ-5", "LIQ-11", "EVT-5")
        assert state.title == "A pool is breached when its equity is strictly below its maintenance margin"
        assert [str(result) for result in state.guards] == [
            "needs liquidation is false (LIQ-5: equity 90 >= maintenance margin 89, not in liquidation)"
        ]
        assert order.rule == "LIQ-3"
        assert flag.rule == "LIQ-5"
        assert flag.because[-1].startswith("alice/cross after it: equity 90, maintenance margin 89, ")
        covered = (
            "equity: collateral 200 + PnL -110 = 90 (MRG-3)",
            "maintenance margin: 890 × 1/10 = 89 (tier 1, MRG-5)",
        )
        assert [reason.terms for reason in verdict.reasons] == [covered, covered, covered]
        of_state, of_order, of_flag = reasons.lines_of(verdict.reasons)
        assert of_state[-2:] == list(covered)
        assert not {*covered} & {*of_order, *of_flag}, "terms are not repeated"

    def test_that_does_not_liquidate_names_the_transition_that_was_due(self) -> None:
        """LIQ-3, LIQ-11."""
        engine = holding()
        before, after = whole(engine), seen(engine)
        del after["marks"]
        verdict = relation.judge(CONFIG, before, MARK_88, after)
        assert verdict.reasons
        assert verdict.reasons[0].rule == "LIQ-3"
        assert verdict.reasons[0].because == (
            "T1 by LIQ-3: alice/A/cross healthy -> liquidatable: equity 80 < maintenance margin 88",
        )
        fields = [(reason.difference.field, reason.rule) for reason in verdict.reasons]
        assert ("positions.order", "LIQ-11") in fields
        terms = {reason.difference.field: reason.terms for reason in verdict.reasons}
        assert terms["pools.equity"] == ("equity: collateral 200 + PnL -120 = 80 (MRG-3)",)
        assert terms["pools.maintenance_margin"] == ("maintenance margin: 880 × 1/10 = 88 (tier 1, MRG-5)",)
        assert ("pools.equity", "MRG-3") in fields
        assert ("pools.maintenance_margin", "MRG-5") in fields
        assert ("pools.in_liquidation", "LIQ-11") in fields

    def test_that_backstops_too_early_names_both_guards_with_their_numbers(self) -> None:
        """BKS-1, BKS-2: 80 is above 2/3 of 88, and nothing was tried."""
        engine = holding()
        before = whole(engine)
        mark(engine, "88")
        after = {"positions": [{"account": "alice", "market": "A", "mode": "cross", "state": "backstopped"}]}
        verdict = relation.judge(CONFIG, before, MARK_88, after)
        assert verdict.reasons
        assert {result.guard for result in verdict.reasons[0].guards} == {"below_backstop", "book_failed"}
        assert "equity 80 >= 2/3 × maintenance margin 88" in text_of(verdict)
        assert verdict.reasons[0].terms[-1] == "backstop line: 2/3 × maintenance margin 88 = ~58.67 (BKS-1)"
        assert "BKS-3" in verdict.reasons[0].rules

    @pytest.mark.parametrize(
        ("changes", "theirs", "rules"),
        [
            ({}, "6", ("PRT-3", "PRT-2")),
            ({}, "10", ("PRT-2", "CLD-3", "PRT-3")),
            ({"partial_method": "lots"}, "2", ("PRT-4", "PRT-2")),
            ({"min_order_notional": "440"}, "6", ("PRT-3", "PRT-5")),
            ({"min_order_notional": "440"}, "10", ("PRT-2", "PRT-5")),
            ({"min_order_notional": "441"}, "5", ("PRT-5", "PRT-2")),
            ({"min_order_notional": "441"}, "10", ("PRT-5", "PRT-2")),
            ({"min_rest_notional": "440"}, "10", ("PRT-2", "PRT-5")),
            ({"min_rest_notional": "441"}, "5", ("PRT-5", "PRT-2")),
            ({"partial_threshold": "880"}, "5", ("PRT-2", "PRT-1")),
            ({"partial_threshold": "880"}, None, ("LIQ-11", "PRT-1")),
        ],
    )
    def test_that_sizes_an_order_wrongly_names_the_sizing_rule(
        self, changes: Data, theirs: str | None, rules: tuple[str, ...]
    ) -> None:
        """PRT-1 to PRT-5: half of 10 is 5, and each lot is worth 88."""
        config = small_config(liquidation={"partial_threshold": "100", "partial_fraction": "1/2", **changes})
        engine = holding(liquidation=config["liquidation"])
        before = whole(engine)
        mark(engine, "88")
        after = copy.deepcopy(engine.observe())
        ours, after["positions"][0]["order"] = after["positions"][0]["order"], theirs
        verdict = relation.judge(Config.from_json(config), before, MARK_88, after)
        assert verdict.reasons
        assert verdict.reasons[0].rules[: len(rules)] == rules
        assert f"order to sell {ours} of 10 of alice/A/cross: notional" in text_of(verdict)

    def test_whose_order_has_a_wrong_limit_names_the_rule_of_limits(self) -> None:
        """LIQ-17."""
        config = small_config(liquidation={"order_price": {"band": "1/2"}})
        engine = holding(liquidation=config["liquidation"])
        before = whole(engine)
        mark(engine, "88")
        after = copy.deepcopy(engine.observe())
        after["positions"][0]["limit"] = "43"
        verdict = relation.judge(Config.from_json(config), before, MARK_88, after)
        assert verdict.reasons
        assert verdict.reasons[0].rules == ("LIQ-17", "MRG-11", "PRT-1")

    def test_that_settles_a_market_and_values_the_vault_otherwise_names_the_settlement_too(self) -> None:
        """BKS-8, EVT-11: the vault's position is closed."""
        engine = holding()
        outcome(engine, {"type": "vault_trade", "market": "A", "size": "1", "price": "100"})
        event = {"type": "settle", "market": "A", "price": "90"}
        before, after = whole(engine), copy.deepcopy(outcome(engine, event))
        after["vault"]["equity"] = "0"
        verdict = relation.judge(CONFIG, before, event, after)
        assert verdict.reasons
        assert verdict.reasons[0].rules == ("BKS-8", "EVT-11")

    def test_that_turns_a_position_round_names_the_rule_of_that_before_what_is_measured(self) -> None:
        """ACC-16: a leverage that is not the trade's shows in the initial margin."""
        config = small_config(trading={"crossing": "split"})
        engine = holding(trading=config["trading"])
        position = {"account": "alice", "market": "A", "mode": "cross"}
        event = {"type": "trade", **position, "size": "-11", "price": "100", "leverage": 1}
        before, after = whole(engine), copy.deepcopy(outcome(engine, event))
        after["pools"][0]["initial_margin"] = "50"
        verdict = relation.judge(Config.from_json(config), before, event, after)
        assert verdict.reasons
        assert verdict.reasons[0].rules[:2] == ("ACC-16", "MRG-7")

    def test_that_refuses_a_transfer_otherwise_names_the_rule_of_transfers(self) -> None:
        """ACC-6: only the pool that pays is asked."""
        engine = holding()
        event = {"type": "transfer", "account": "alice", "market": "A", "amount": "1"}
        before = whole(engine)
        for code in ("in_liquidation", "order_working"):
            verdict = relation.judge(CONFIG, before, event, {"error": {"code": code}})
            assert verdict.reasons
            assert verdict.reasons[0].rules[:2] == ("ACC-5", "ACC-6")

    def test_that_is_reported_with_an_exponent_names_the_rule_of_amounts(self) -> None:
        """AMT-3."""
        engine = holding()
        step = Step(engine=engine, event=MARK_88, effects=(), refusal=None, states_before={})
        difference = Difference("alice/cross", "pools.collateral", "1000", "1E+3")
        reason = reasons.of_difference(step, difference, Observes())
        assert reason.rules[0] == "AMT-3"
        assert reason.because[0] == "1E+3 is not a decimal string (AMT-3)"

    def test_that_returns_another_amount_names_the_rule_of_the_return(self) -> None:
        """BKS-4: half of an equity of 50."""
        config = small_config(backstop={"threshold": "2/3", "return_fraction": "1/2"})
        engine = holding(backstop=config["backstop"])
        mark(engine, "85")
        event = {"type": "order_done", "account": "alice", "market": "A", "mode": "cross"}
        before, after = whole(engine), copy.deepcopy(outcome(engine, event))
        assert after["pools"][0]["collateral"] == "25"
        after["pools"][0]["collateral"] = "50"
        verdict = relation.judge(Config.from_json(config), before, event, after)
        assert verdict.reasons
        assert verdict.reasons[0].rules[:2] == ("BKS-4", "BKS-3")

    @pytest.mark.parametrize(
        ("fee_rate", "rules"), [("1/100", ("FIL-2", "FIL-1", "MRG-9")), ("0", ("FIL-1", "MRG-9", "FIL-2"))]
    )
    def test_that_takes_too_much_for_a_fill_names_the_fee_if_there_is_one(
        self, fee_rate: str, rules: tuple[str, ...]
    ) -> None:
        """FIL-1, FIL-2."""
        config = small_config(liquidation={"fee_rate": fee_rate})
        engine = working(liquidation=config["liquidation"])
        event = {"type": "fill", "account": "alice", "market": "A", "mode": "cross", "size": "1", "price": "88"}
        before, after = whole(engine), copy.deepcopy(outcome(engine, event))
        after["pools"][0]["collateral"] = "180"
        verdict = relation.judge(Config.from_json(config), before, event, after)
        assert verdict.reasons
        assert verdict.reasons[0].rules[:3] == rules

    def test_that_covers_another_deficit_names_what_came_last(self) -> None:
        """BKS-7, FIL-2, FIL-1."""
        config = small_config(liquidation={"fee_rate": "1/100"})
        engine = working(liquidation=config["liquidation"])
        event = {"type": "fill", "account": "alice", "market": "A", "mode": "cross", "size": "10", "price": "70"}
        before, after = whole(engine), copy.deepcopy(outcome(engine, event))
        after["vault"]["cash"] = "4901"
        verdict = relation.judge(Config.from_json(config), before, event, after)
        assert verdict.reasons
        assert verdict.reasons[0].rules[:3] == ("BKS-7", "FIL-2", "FIL-1")

    def test_that_charges_a_wrong_fee_names_the_fill_and_the_fee(self) -> None:
        """FIL-1, FIL-2."""
        config = small_config(liquidation={"fee_rate": "1/100"})
        engine = working(liquidation=config["liquidation"])
        before = whole(engine)
        event = {"type": "fill", "account": "alice", "market": "A", "mode": "cross", "size": "1", "price": "88"}
        after = copy.deepcopy(outcome(engine, event))
        after["vault"]["cash"] = "5000"
        verdict = relation.judge(Config.from_json(config), before, event, after)
        assert [reason.difference.field for reason in verdict.reasons] == ["vault.cash"]
        assert verdict.reasons[0].rules[:2] == ("FIL-2", "FIL-1")

    def test_that_accepts_what_is_refused_gives_code_field_value_and_limit(self) -> None:
        """EVT-3, ACC-5."""
        event = {"type": "withdraw", "account": "alice", "amount": "1"}
        verdict = relation.judge(CONFIG, whole(holding()), event, {})
        assert verdict.reasons
        assert verdict.reasons[0].rule == "ACC-5"
        assert text_of(verdict).splitlines()[0] == "outcome: ours insufficient_margin, theirs accepted"
        assert "amount is refused: equity 199 after it, but initial margin 200 after it" in text_of(verdict)
        assert verdict.reasons[0].terms == (
            "equity after it: collateral 199 + PnL 0 = 199 (MRG-3)",
            "initial margin after it: 1,000 ÷ 5 = 200 (MRG-7)",
        )

    def test_that_refuses_what_is_accepted_gives_the_pool_that_has_enough(self) -> None:
        """ACC-8."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="200")
        event = {"type": "trade", **trade_fields("10", "100", 5)}
        verdict = relation.judge(CONFIG, whole(engine), event, {"error": {"code": "insufficient_margin"}})
        assert verdict.reasons
        assert verdict.reasons[0].rules == ("ACC-8", "MRG-7", "MRG-3")
        assert "alice/cross after it: equity 200, maintenance margin 100, initial margin 200" in text_of(verdict)
        assert "initial margin: 1,000 ÷ 5 = 200 (MRG-7)" in verdict.reasons[0].terms

    @pytest.mark.parametrize(
        ("size", "code", "rule"),
        [("-5", "insufficient_margin", "ACC-9"), ("-5", "crosses_zero", "ACC-7"), ("1", "crosses_zero", "ACC-7")],
    )
    def test_that_refuses_a_trade_names_the_check_of_a_trade_as_it_was(self, size: str, code: str, rule: str) -> None:
        """ACC-7 to ACC-9: a reduction is not judged by the rule for increases."""
        engine = holding()
        apply(engine, "deposit", account="alice", amount="1000")
        event = {"type": "trade", **trade_fields(size, "100")}
        verdict = relation.judge(CONFIG, whole(engine), event, {"error": {"code": code}})
        assert verdict.reasons
        assert verdict.reasons[0].rule == rule
        assert f"no check failed; {code} is for when" in text_of(verdict)

    def test_with_another_code_is_not_allowed_unless_only_the_decision_is_compared(self) -> None:
        """EVT-2, STP-5."""
        event = {"type": "withdraw", "account": "alice", "amount": "1000"}
        before = whole(waiting())
        other = {"error": {"code": "insufficient_margin"}}
        verdict = relation.judge(CONFIG, before, event, other)
        assert verdict.reasons
        assert verdict.reasons[0].rules == ("ACC-5", "EVT-2")
        assert relation.judge(CONFIG, before, event, other, mode="decision").allowed
        assert not relation.judge(CONFIG, before, event, {}, mode="decision").allowed
        assert relation.judge(CONFIG, before, event, {"error": {"code": "in_liquidation"}}, mode="code").allowed

    def test_a_code_that_the_event_never_has_is_called_so(self) -> None:
        """EVT-2."""
        verdict = relation.judge(CONFIG, whole(holding()), MARK_88, {"error": {"code": "overfill"}})
        assert "overfill is not a refusal of mark_price" in text_of(verdict)

    def test_the_observation_is_compared_only_where_that_is_asked_for(self) -> None:
        """STP-5."""
        wrong = {"time": 7}
        assert not relation.judge(CONFIG, whole(holding()), MARK_88, wrong).allowed
        assert relation.judge(CONFIG, whole(holding()), MARK_88, wrong, mode="code").allowed

    def test_without_an_observation_the_step_is_predicted(self) -> None:
        """STP-5."""
        verdict = relation.judge(CONFIG, whole(holding()), MARK_88)
        assert verdict.allowed
        assert verdict.expected.observation == working().observe()
        assert verdict.expected.snapshot == working().snapshot()


# Wrong engines, each with the rule that must be among the first two that a verdict on one of its steps names.
BLAMED = {
    "B07": "MRG-5",
    "X01": "LIQ-3",
    "X12": "MRG-4",
    "X17": "MRG-7",
    "X25": "PRT-3",
    "X34": "CLD-3",
    "X36": "CLD-1",
    "X72": "LIQ-9",
    "X82": "FIL-2",
    "X94": "FIL-1",
    "X103": "BKS-4",
    "X113": "BKS-7",
    "X131": "LIQ-3",
    "X136": "BKS-2",
    "X143": "LIF-2",
    "X147": "ACC-8",
    "X158": "ACC-5",
    "X160": "EVT-2",
    "X166": "ACC-4",
    "X183": "ACC-7",
    "X188": "ACC-9",
    "X197": "EVT-9",
    "X207": "AMT-4",
}


# Where it takes many events until the engine differs.
SLOW = {"X12", "X34", "X36", "X94", "X103", "X113", "X188", "X197"}


@pytest.mark.parametrize(
    ("number", "rule"),
    [pytest.param(*entry, marks=[pytest.mark.thorough] if entry[0] in SLOW else []) for entry in BLAMED.items()],
)
def test_a_wrong_engine_is_reported_with_the_rule_that_it_breaks(number: str, rule: str) -> None:
    """STP-1: the first step on which it differs from the right engine."""
    assert rule in first_wrong_step(number).rules[:2]


# Each as good an explanation of the mark that the vector's last event forms.
AMBIGUOUS = {"X237", "X255", "X264"}


@pytest.mark.parametrize(
    "wrong", [one for one in mark_price.ENGINES if one.id not in AMBIGUOUS], ids=lambda one: one.id
)
def test_a_wrong_mark_is_reported_with_the_rule_that_it_breaks_first(wrong: WrongEngine) -> None:
    """MRK-2 to MRK-7: on the vector of the mistake, by what would form the mark that was reported."""
    case = corpus.case_in(corpus.FOLDER / f"own/{MISTAKES}/{name_of(wrong)}.json")
    right = Engine(Config.from_json(case.config))
    with wrong.applied():
        other = Engine(Config.from_json(case.config))
        after = [outcome(other, event) for event in case.events][-1]
    for event in case.events[:-1]:
        apply_event(right, event)
    verdict = relation.judge(Config.from_json(case.config), whole(right), case.events[-1], after)
    assert verdict.reasons[0].rule == wrong.rule


def test_a_mark_in_doubles_departs_from_the_median() -> None:
    """MRK-6: the only candidate is exact, and what was reported is that number as a double."""
    engine, price = small_engine(mark={}), 2**60 + 1
    event = {"type": "price_inputs", "market": "A", "index": str(price)}
    (formed,) = (one for one in apply_event(engine, event).effects if isinstance(one, MarkFormed))
    assert other_marks.rules_of(engine, event, formed, int(float(price)) + 256) == ["MRK-6"]


def test_an_amount_that_shows_first_in_a_state_is_reported_among_the_rules() -> None:
    """STP-6: states compare before amounts, so a wrong funding payment can show as a pool that is not liquidated."""
    assert "EVT-6" in first_wrong_step("X20").rules


@pytest.mark.thorough
@pytest.mark.parametrize("number", WRONG_ENGINES)
def test_every_wrong_engine_takes_a_step_that_is_not_allowed(number: str) -> None:
    assert set(first_wrong_step(number, 1500).rules) <= set(rulebook.rules())


def first_wrong_step(number: str, episodes: int = 100) -> Reason:
    """Why a wrong engine's first step that is not allowed is not, against the right engine on the same events."""
    wrong = WRONG_ENGINES[number]
    formed = wrong in mark_price.ENGINES
    for episode in range(episodes):
        random = Random(f"18/{number}/{episode}")
        config = configuration(random, BASES[episode % len(BASES)])
        if formed:
            config["mark"] = {"stale_ms": 1000} if episode % 2 else {"max_move": "1/20"}
        right = Engine(Config.from_json(config))
        with wrong.applied():  # some are wrong about the configuration
            guided = Engine(Config.from_json(config))
        guide = Guide(random, right, ("price_inputs",) if formed else ())
        for _ in range(80):
            before, event = right.observe(), guide.next_event()
            with wrong.applied():
                after = relation.Observed.from_json(outcome(guided, event))
            expected = relation.apply(right, event, after.observation)
            taken = Step.of(right, event, expected.effects, expected.refusal, before)
            found = relation.differences(taken, expected, after, "full", Observes())
            if found:
                return found[0]
    raise AssertionError(f"{number}: every step was allowed")


# ------------------------------------------------------------------------------------------------------ partial states


class TestAPartialState:
    def test_takes_what_is_left_out_from_the_start_of_the_run(self) -> None:
        """STP-3: the step is that of `holding`."""
        verdict = relation.judge(CONFIG, partial_position(), MARK_88, working().observe())
        assert verdict.allowed, text_of(verdict)
        assert assumed(verdict, "time") == ("0", True)  # and the observation after it says 0
        assert assumed(verdict, "marks.A") == ("100", True)
        assert assumed(verdict, "vault.cash") == ("5000", True)

    def test_vault_and_clock_do_not_matter_where_nothing_looks_at_them(self) -> None:
        """STP-4."""
        verdict = relation.judge(CONFIG, partial_position(), MARK_88, {"pools": working().observe()["pools"]})
        assert verdict.allowed
        assert not assumed(verdict, "vault.cash")[1]
        assert not assumed(verdict, "time")[1]

    @pytest.mark.parametrize(
        ("given", "state"), [({}, "healthy"), ({"order": "3"}, "liquidatable"), ({"size": "0", "cost": "0"}, "closed")]
    )
    def test_a_state_follows_from_size_and_order(self, given: Data, state: str) -> None:
        """STP-3."""
        verdict = relation.judge(CONFIG, partial_position(**given), {"type": "vault_cash", "amount": "1"})
        assert verdict.expected.observation["positions"][0]["state"] == state
        assert assumed(verdict, "positions[alice/A/cross].state")[0] == state

    def test_a_size_is_required_unless_the_position_has_ended(self) -> None:
        """STP-3."""
        with pytest.raises(shapes.WrongShape, match=r"^before\.positions\[alice/A/cross\]\.size: required"):
            relation.judge(CONFIG, partial_position(size=None), MARK_88)
        ended = relation.judge(CONFIG, partial_position(size=None, cost=None, state="closed"), MARK_88)
        assert ended.expected.observation["positions"][0]["size"] == "0"

    def test_a_cost_that_is_left_out_is_the_worth_at_the_mark(self) -> None:
        """STP-3: an assumed amount always matters."""
        verdict = relation.judge(CONFIG, partial_position(cost=None), MARK_88)
        assert assumed(verdict, "positions[alice/A/cross].cost") == ("1000", True)

    def test_collateral_follows_from_equity(self) -> None:
        """STP-2, MRG-3: 80 at 88 is 200 less 120."""
        before = {**partial_position(state="healthy"), "marks": {"A": "88"}}
        before["pools"] = [{"account": "alice", "mode": "cross", "equity": "80"}]
        verdict = relation.judge(CONFIG, before, {"type": "mark_price", "market": "A", "price": "100"})
        assert verdict.expected.observation["pools"][0]["collateral"] == "200"
        assert all("collateral" not in entry.field for entry in verdict.assumed)

    def test_measures_that_contradict_the_rest_are_refused(self) -> None:
        """STP-2."""
        before = partial_position()
        before["pools"][0]["maintenance_margin"] = "99"
        with pytest.raises(shapes.WrongShape, match=r"before\.alice/cross pools\.maintenance_margin: given as \"99\""):
            relation.judge(CONFIG, before, MARK_88)

    def test_a_leverage_follows_from_the_initial_margin(self) -> None:
        """STP-4, MRG-7: 1000 / 4."""
        before = partial_position(leverage=None)
        before["pools"][0]["initial_margin"] = "250"
        verdict = relation.judge(CONFIG, before, {"type": "withdraw", "account": "alice", "amount": "1"})
        assert verdict.expected.refusal is not None
        assert verdict.expected.refusal.limit == "initial margin 250 after it"
        assert all("leverage" not in entry.field for entry in verdict.assumed)

    def test_a_leverage_that_nothing_gives_is_the_largest_and_matters_to_a_withdrawal(self) -> None:
        """STP-4."""
        before = partial_position(leverage=None)
        before["pools"][0]["collateral"] = "300"
        withdrawn = relation.judge(CONFIG, before, {"type": "withdraw", "account": "alice", "amount": "1"})
        assert assumed(withdrawn, "pools[alice/cross] leverage of A") == ("5", True)
        marked = relation.judge(CONFIG, before, MARK_88)
        assert assumed(marked, "pools[alice/cross] leverage of A") == ("5", False)

    def test_the_memory_of_attempts_matters_where_the_next_order_depends_on_it(self) -> None:
        """STP-4, LIQ-12: a pool that waits, or one that is about to be offered to the market."""
        before = {**partial_position(state="liquidatable", order=None), "marks": {"A": "88"}}
        verdict = relation.judge(CONFIG, before, {"type": "mark_price", "market": "A", "price": "87"})
        assert assumed(verdict, "pools[alice/cross] attempts in this block") == ("none", True)
        said = {**partial_position(state="liquidatable", attempted=True, failed=True), "marks": {"A": "88"}}
        verdict = relation.judge(CONFIG, said, {"type": "mark_price", "market": "A", "price": "85"})
        assert [effect.rule for effect in verdict.expected.effects][-1] == "BKS-3"

    def test_a_window_of_this_block_forces_nothing_yet(self) -> None:
        """STP-4, CLD-3."""
        liquidation = {"partial_threshold": "100", "cooldown_ms": 10, "cooldown_scope": "position"}
        config = Config.from_json(small_config(liquidation=liquidation))
        before = partial_position(state="partially_liquidated", cooldown_until=10)
        verdict = relation.judge(config, before, MARK_88)
        assert assumed(verdict, "positions[alice/A/cross] window before this block")[0] == "none"
        assert verdict.expected.snapshot.accounts[0].pools[0].positions[0].window == (10, 0)
        before["positions"][0]["state"] = "cooldown"
        verdict = relation.judge(config, before, MARK_88)
        assert verdict.expected.snapshot.accounts[0].pools[0].positions[0].window == (10, 10)

    def test_a_window_of_the_account_matters_where_it_would_make_another_order(self) -> None:
        """STP-4, CLD-3: as many effects either way, but the order is for half of the position or for all of it."""
        liquidation = {
            "partial_threshold": "100",
            "partial_fraction": "1/2",
            "cooldown_ms": 10,
            "cooldown_scope": "account",
        }
        config = Config.from_json(small_config(liquidation=liquidation))
        before = partial_position()
        sibling = {"account": "alice", "market": "B", "mode": "isolated", "size": "1", "cost": "10"}
        before["positions"].append({**sibling, "state": "partially_liquidated", "cooldown_until": 10})
        before["pools"].append({"account": "alice", "market": "B", "mode": "isolated", "collateral": "1000"})
        verdict = relation.judge(config, before, MARK_88)
        orders = [effect.size for effect in verdict.expected.effects if isinstance(effect, OrderEmitted)]
        assert orders == [5]
        assert assumed(verdict, "accounts[alice] window") == ("until 10", True)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"postions": []}, r"^before\.postions: unknown field"),
            ({"positions": [{"market": "A", "mode": "cross"}]}, r"account: required field is missing"),
            ({"pools": [{"account": "alice", "mode": "isolated"}]}, r"a cross pool has no market"),
            ({"marks": {"C": "1"}}, r"^before\.marks\.C: not among the markets"),
            ({"positions": [{"account": "zoe", "market": "A", "mode": "cross", "size": "1"}]}, r'"zoe" is not among'),
            (
                {"positions": [{"account": "alice", "market": "C", "mode": "cross", "size": "1"}]},
                r"not among the markets",
            ),
            ({"positions": 1}, r"positions: expected"),
            (1, r"^before: expected an object"),
        ],
    )
    def test_that_is_malformed_is_refused_in_one_line(self, change: Any, message: str) -> None:
        with pytest.raises((shapes.WrongShape, InvalidConfig), match=message):
            relation.judge(CONFIG, change, MARK_88)

    def test_a_margin_that_no_leverage_gives_determines_no_leverage(self) -> None:
        """MRG-7, STP-4: it contradicts the rest, whatever the leverage is taken to be."""
        before = partial_position(leverage=None)
        before["pools"][0]["initial_margin"] = "999999"
        with pytest.raises(shapes.WrongShape, match=r'pools.initial_margin: given as "999999", but the rest'):
            relation.judge(CONFIG, before, MARK_88)

    def test_a_repeated_entry_is_refused(self) -> None:
        before = partial_position()
        before["positions"] *= 2
        with pytest.raises(shapes.WrongShape, match="is repeated"):
            relation.judge(CONFIG, before, MARK_88)


# ---------------------------------------------------------------------------------------------------------- comparison


class TestComparing:
    OURS = working().observe()

    def changed(self, part: str, index: int = 0, **fields: Any) -> Data:
        theirs = copy.deepcopy(self.OURS)
        theirs[part][index].update(fields)
        return theirs

    def test_an_observation_is_like_itself(self) -> None:
        assert compare.first_difference(self.OURS, copy.deepcopy(self.OURS), Observes()) is None

    def test_only_what_is_observed_is_compared(self) -> None:
        """STP-5."""
        theirs = self.changed("positions", state="healthy")
        assert compare.first_difference(self.OURS, theirs, Observes(fields=("positions.size", "pools.equity"))) is None
        found = compare.first_difference(self.OURS, theirs, Observes(fields=("positions.state",)))
        assert found == Difference("alice/A/cross", "positions.state", "liquidatable", "healthy")

    def test_a_field_that_is_observed_must_be_reported(self) -> None:
        theirs = copy.deepcopy(self.OURS)
        del theirs["pools"][0]["equity"]
        found = compare.first_difference(self.OURS, theirs, Observes())
        assert found == Difference("alice/cross", "pools.equity", "80", compare.NOT_REPORTED)
        assert compare.first_difference(self.OURS, theirs, Observes(partial=True)) is None

    @pytest.mark.parametrize("part", ["positions", "pools"])
    def test_a_list_that_is_observed_must_be_reported(self, part: str) -> None:
        """OBS-1: one without entries is present, and empty."""
        theirs = copy.deepcopy(self.OURS)
        del theirs[part]
        found = compare.first_difference(self.OURS, theirs, Observes())
        assert found == Difference("run", part, compare.LISTED, compare.NOT_REPORTED)
        assert compare.first_difference(self.OURS, theirs, Observes(partial=True)) is None
        assert compare.first_difference(self.OURS, theirs, Observes(fields=("vault.cash",))) is None

    @pytest.mark.parametrize(
        ("ours", "theirs", "same"),
        [
            ("liquidatable", "partially_liquidated", True),
            ("liquidatable", "in_liquidation", True),
            ("liquidatable", "cooldown", False),
            ("liquidatable", "ok", False),
            ("liquidatable", None, False),
        ],
    )
    def test_coarse_states_are_compared_by_class(self, ours: str, theirs: object, same: bool) -> None:
        """STP-7."""
        assert self.OURS["positions"][0]["state"] == ours
        found = compare.first_difference(self.OURS, self.changed("positions", state=theirs), Observes(states="coarse"))
        assert (found is None) is same

    def test_a_closed_position_must_be_listed_only_where_states_are_full(self) -> None:
        """STP-6, OBS-1."""
        engine = holding()
        trade(engine, "-10")
        ours = engine.observe()
        theirs = {**copy.deepcopy(ours), "positions": []}
        found = compare.first_difference(ours, theirs, Observes())
        assert found == Difference("alice/A/cross", "positions", compare.LISTED, compare.NOT_LISTED)
        assert compare.first_difference(ours, theirs, Observes(states="coarse")) is None
        assert compare.first_difference(ours, theirs, Observes(fields=("positions.size",))) is None
        found = compare.first_difference(self.OURS, {**theirs, "pools": self.OURS["pools"]}, Observes(states="coarse"))
        assert found is not None and (found.field, found.theirs) == ("positions.state", "closed")

    def test_what_only_they_list_is_a_difference(self) -> None:
        """STP-6."""
        theirs = copy.deepcopy(self.OURS)
        theirs["pools"].append({**theirs["pools"][0], "mode": "isolated", "market": "A"})
        found = compare.first_difference(self.OURS, theirs, Observes())
        assert found == Difference("alice/A/isolated", "pools", compare.NOT_LISTED, compare.LISTED)

    def test_entries_are_found_by_their_keys(self) -> None:
        """STP-6."""
        theirs = copy.deepcopy(self.OURS)
        theirs["pools"].reverse()
        assert compare.first_difference(self.OURS, theirs, Observes()) is None

    @given(st.integers(-50, 50), st.integers(0, 20))
    def test_amounts_compare_within_their_tolerance(self, off: int, tolerance: int) -> None:
        """STP-7."""
        theirs = self.changed("pools", equity=str(80 + off))
        observes = Observes(tolerance={"pools.equity": str(tolerance)})
        assert (compare.first_difference(self.OURS, theirs, observes) is None) is (abs(off) <= tolerance)
        assert (compare.first_difference(self.OURS, theirs, Observes()) is None) is (off == 0)

    def test_the_vaults_positions_compare_market_by_market(self) -> None:
        """STP-6, STP-7: a market that is not listed is held at 0."""
        theirs = copy.deepcopy(self.OURS)
        theirs["vault"]["positions"] = {"A": "0.0"}
        assert compare.first_difference(self.OURS, theirs, Observes()) is None
        theirs["vault"]["positions"] = {"B": "1"}
        assert compare.first_difference(self.OURS, theirs, Observes()) is not None
        assert compare.first_difference(self.OURS, theirs, Observes(tolerance={"vault.positions": "1"})) is None

    def test_the_order_is_that_of_an_observation(self) -> None:
        """STP-6."""
        theirs = copy.deepcopy(self.OURS)
        theirs["vault"]["cash"] = theirs["pools"][1]["equity"] = theirs["positions"][0]["cost"] = "1"
        theirs["positions"][0]["state"] = "healthy"
        theirs["time"] = 1
        found = [difference.field for difference in compare.differences(self.OURS, theirs, Observes())]
        assert found == ["time", "positions.state", "positions.cost", "pools.equity", "vault.cash"]

    @pytest.mark.parametrize(
        "theirs",
        [
            [],
            {"positions": {}},
            {"positions": [1]},
            {"positions": [{"account": "alice", "market": None, "mode": "cross"}]},
            {"positions": [{"account": "alice", "market": "A", "mode": "hedge"}]},
            {"positions": [], "pools": [{"account": "a", "mode": "cross", "market": "A"}]},
            {"positions": [], "pools": [{"account": "a", "mode": "cross"}, {"account": "a", "mode": "cross"}]},
            {"positions": [], "pools": [], "vault": 1},
        ],
    )
    def test_what_is_no_observation_is_said_to_be_none(self, theirs: Any) -> None:
        with pytest.raises(shapes.WrongShape, match=r"^observation"):
            list(
                compare.differences(
                    self.OURS, theirs, Observes(fields=("positions.size", "pools.equity", "vault.cash"))
                )
            )

    @pytest.mark.parametrize(
        "options",
        [
            {"fields": ("pools.equty",)},
            {"tolerance": {"pools.equty": "1"}},
            {"tolerance": {"positions.state": "1"}},
            {"tolerance": {"pools.equity": "-1"}},
            {"tolerance": {"pools.equity": "1e3"}},
        ],
    )
    def test_a_comparison_that_compares_nothing_is_refused(self, options: Data) -> None:
        with pytest.raises(shapes.WrongShape):
            Observes(**options)

    def test_every_observed_field_has_rules_that_exist(self) -> None:
        """OBS-1: and nothing is observed that the table does not have."""
        table = observables.observables()
        for name, entry in table.fields.items():
            cited = {*entry.rules, *(rule for rules in entry.effects.values() for rule in rules)}
            assert entry.rules and cited <= {*rulebook.rules(), observables.OWN}, name
        shown = {"time", "block"} | {name for name, entry in table.fields.items() if entry.optional or entry.family}
        for part, entry in (("positions", self.OURS["positions"][0]), ("pools", self.OURS["pools"][0])):
            shown |= {f"{part}.{name}" for name in entry if name not in ("account", "market", "mode")}
        shown |= {f"vault.{name}" for name in self.OURS["vault"]}
        assert set(table.fields) == shown


# ------------------------------------------------------------------------------------------------------- the command


KEY = {"account": "alice", "market": "A", "mode": "cross"}


def asked_about(**changes: Any) -> Data:
    return {"config": small_config(), "before": whole(holding()), "event": MARK_88, **changes}


class TestTheCommand:
    @pytest.mark.parametrize(
        ("asked", "status", "said"),
        [
            (asked_about(after=working().observe()), 0, "allowed"),
            (asked_about(after={"time": 1}), 1, "not allowed"),
            (asked_about(), 0, "foretold"),
            (asked_about(before=partial_position()), 0, "the answer depends on it"),
        ],
    )
    def test_says_whether_the_step_is_allowed(self, asked: Data, status: int, said: str, tmp_path: Path) -> None:
        file = tmp_path / "question.json"
        file.write_text(json.dumps(asked))
        done = run("step", str(file))
        assert (done.returncode, done.stderr) == (status, "")
        assert said in done.stdout

    def test_prints_the_first_sentences_of_the_rule_once_and_each_measure_once_with_its_terms(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        engine = holding()
        before = whole(engine)
        mark(engine, "88")
        after = {"positions": [{**engine.observe()["positions"][0], "order": None}]}
        file = tmp_path / "question.json"
        file.write_text(json.dumps(asked_about(before=before, event=MARK_88, after=after)))
        assert run_here(monkeypatch, "step", str(file)) == 1
        shown = capsys.readouterr().out
        for line in (
            rulebook.rules()["LIQ-11"].summary,
            "equity: collateral 200 + PnL -120 = 80 (MRG-3)",
            "maintenance margin: 880 × 1/10 = 88 (tier 1, MRG-5)",
        ):
            assert shown.count(line) == 1
        file.write_text(json.dumps(asked_about(before=before, event=MARK_88)))
        run_here(monkeypatch, "step", str(file))
        assert "         equity: collateral 200 + PnL -120 = 80 (MRG-3)" in capsys.readouterr().out

    def test_reads_the_standard_input_and_prints_json(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        asked = asked_about(before=partial_position(), event={"type": "trade"})
        stream = io.TextIOWrapper(io.BytesIO(json.dumps(asked).encode()))
        monkeypatch.setattr("sys.stdin", stream)
        assert run_here(monkeypatch, "step", "--json") == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["expected"]["error"]["code"] == "bad_request"
        assert "message" in answer["expected"]["error"]
        assert "reasons" not in answer
        assert answer["assumed"][0].keys() == {"field", "value", "rule", "matters"}

    def test_reports_a_refusal_and_an_event_that_does_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "question.json"
        for event, said in (
            ({"type": "vault_cash", "amount": "0"}, "  refused not_positive"),
            ({"type": "funding", "market": "B", "payment": "1"}, "  accepted, and nothing happens"),
        ):
            file.write_text(json.dumps(asked_about(event=event)))
            run_here(monkeypatch, "step", str(file))
            assert said in capsys.readouterr().out

    def test_answers_in_json(self) -> None:
        """The state after it can be the next question's state before."""
        asked = question.Question.from_json(asked_about(after={"time": 1}))
        answer = json.loads(json.dumps(question.answer_json(asked, asked.verdict())))
        assert not answer["allowed"]
        assert answer["reasons"][0] | {"because": []} == {
            "subject": "run",
            "field": "time",
            "ours": 0,
            "theirs": 1,
            "rules": ["EVT-9"],
            "title": rulebook.rules()["EVT-9"].title,
            "because": [],
            "guards": [],
            "terms": [],
        }
        assert answer["expected"]["accepted"]
        done = {"type": "order_done", "account": "alice", "market": "A", "mode": "cross"}
        following = question.Question.from_json(asked_about(before=answer["expected"]["snapshot"], event=done))
        assert following.verdict().expected.observation == waiting().observe()

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty"),
            ("[1", "malformed JSON"),
            ("[]", "expected an object"),
            ("{}", "config: required field is missing"),
            (json.dumps(asked_about(extra=1)), "extra: unknown field"),
            (json.dumps(asked_about(compare="all")), "compare: expected one of"),
            (json.dumps(asked_about(tolerance={"pools.equty": "1"})), "tolerance: unknown field"),
            (json.dumps(asked_about(observes=["equity"])), "observes: unknown field"),
            (json.dumps(asked_about(before=1)), "before: expected an object"),
            (json.dumps(asked_about(before={"format": 2})), "before"),
            (json.dumps(asked_about(after={"error": {"code": "no"}})), "after.error.code: expected one of"),
            (json.dumps(asked_about(after=[1])), "after: expected an object, got"),
            (
                json.dumps(asked_about(after={"positions": [{**KEY, "leverage": 5}]})),
                "after.positions[1].leverage: an observation has no leverage",
            ),
            (json.dumps(asked_about(after={"equity": "1"})), "after.equity: unknown field"),
            (json.dumps(asked_about(after={"marks": {}})), "no marks are observed (MRK-8)"),
            (json.dumps(asked_about(config={})), "config."),
        ],
    )
    def test_refuses_a_bad_question_in_one_line(
        self,
        text: str,
        message: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        file = tmp_path / "question.json"
        file.write_text(text)
        status = run_here(monkeypatch, "step", str(file))
        said = capsys.readouterr()
        assert (status, said.out) == (2, "")
        assert said.err.count("\n") == 1
        assert message in said.err

    def test_a_malformed_event_is_answered_and_not_refused(self) -> None:
        """EVT-2: whether an engine must refuse it is a question like any other."""
        asked = question.Question.from_json(
            asked_about(event={"type": "nothing"}, after={"error": {"code": "bad_request"}})
        )
        assert asked.verdict().allowed


def test_many_differences_are_reported_to_a_bound() -> None:
    """A wholly different observation is reported by its first differences."""
    names = [f"a{index}" for index in range(30)]
    engine = small_engine(accounts=names)
    after = copy.deepcopy(engine.observe())
    for entry in after["pools"]:
        entry["equity"] = "1"
    verdict = relation.judge(
        evolve(CONFIG, accounts=tuple(names)), whole(engine), {"type": "vault_cash", "amount": "1"}, after
    )
    assert len(verdict.reasons) == relation.MAX_REASONS


def test_situations_are_callable() -> None:
    """What the cases above rely on: an order that found nothing leaves a pool waiting."""
    situation: Callable[[], Engine] = waiting
    engine = situation()
    assert engine.observe()["positions"][0]["order"] is None
    assert order_event(working(), "order_done")


def test_the_search_for_leverages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """STP-4: where there are too many ways, they stay unknown."""
    held = arithmetic.Holding(10, 1000, 100, 1, 5, Engine(CONFIG).venue.markets["A"].schedule)
    margin = arithmetic.pool_initial_margin([held])
    assert list(completion.matching([held], [0], margin)) == [[5]]
    monkeypatch.setattr(completion, "MAX_TRIES", 0)
    assert list(completion.matching([held], [0], margin)) == []


@pytest.mark.parametrize(
    ("situation", "said"),
    [
        (working, "an order for 10 is working"),
        (waiting, "its order of this block ended with quantity left over"),
        (holding, "no order in block 0"),
    ],
)
def test_why_reports_of_the_order_of_this_block(situation: Callable[[], Engine], said: str) -> None:
    """LIQ-12, BKS-2."""
    assert next(reasons.explain(situation(), "alice/A/cross")).endswith(said)


def test_why_reports_the_size_that_remains() -> None:
    engine = holding()
    (result,) = reasons.evaluate_guards(engine, measures.all_positions(engine)["alice/A/cross"], ("size_remains",))
    assert (result.holds, result.numbers) == (True, "size 10")


def test_a_wrong_coarse_state_is_explained_by_a_transition_to_its_class() -> None:
    """STP-7: `in_liquidation` is the class of two states."""
    engine = holding()
    before = whole(engine)
    event = {"type": "mark_price", "market": "A", "price": "99"}
    apply(engine, "mark_price", market="A", price="99")
    theirs = copy.deepcopy(engine.observe())
    theirs["positions"][0]["state"] = "in_liquidation"
    verdict = relation.judge(CONFIG, before, event, theirs, observes=Observes(states="coarse"))
    assert not verdict.allowed
    assert "needs liquidation is false" in text_of(verdict)


def test_vault_positions_that_are_no_table_differ() -> None:
    ours = working().observe()
    theirs = copy.deepcopy(ours)
    theirs["vault"]["positions"] = "5"
    found = compare.first_difference(ours, theirs, Observes())
    assert found == Difference("vault", "vault.positions", {}, "5")


def test_why_reports_that_the_order_of_this_block_is_over() -> None:
    """LIQ-12: it was emitted, and neither works nor left quantity over."""
    engine = waiting()
    measures.all_positions(engine)["alice/A/cross"].failed = False
    assert next(reasons.explain(engine, "alice/A/cross")).endswith("its order of this block is over")


class TestMistakes:
    """The first reason says which known mistake, or which small change of a rule, shows what was observed."""

    @staticmethod
    def because(collateral: str) -> tuple[str, ...]:
        """Why a step is not allowed after which this is left of 80, where the fee is 880 / 200, rounded up."""
        engine = working(liquidation={"fee_rate": "1/200"})
        fill = {"type": "fill", "account": "alice", "market": "A", "mode": "cross", "size": "10", "price": "88"}
        pools = [{"account": "alice", "mode": "cross", "collateral": collateral}]
        config = small_config(liquidation={"fee_rate": "1/200"})
        data = {"config": config, "before": whole(engine), "event": fill, "after": {"pools": pools}}
        return question.Question.from_json(data).verdict().reasons[0].because

    def test_a_known_one_is_named(self) -> None:
        assert self.because("76")[0] == "it answers as an engine would with this mistake: the fee is rounded down"

    def test_a_small_change_is_named_where_none_is_known(self) -> None:
        assert "`pool.collateral += fee` in place of `pool.collateral -= fee`" in self.because("85")[0]

    def test_what_nothing_explains_is_not_explained(self) -> None:
        assert not any("mistake" in sentence for sentence in self.because("12345"))
