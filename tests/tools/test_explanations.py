"""The rule that an engine breaks is named first, with the mistake that explains what it does."""

from itertools import islice

import pytest
from attrs import evolve

from adversaries.measure_naming import FIRST, THREE, named, shares
from liqspec.conform.configurations import shipped
from liqspec.conform.explanations import Explanation
from liqspec.conform.lockstep import Comparison, play
from liqspec.step.compare import Observes
from liqspec.step.explanations import Likeness
from liqspec.step.relation import Observed
from liqspec.testing.engines import InProcess, Model
from liqspec.wrong_engines import WRONG_ENGINES
from support.in_process import wrong_engine

STRIDE = 14  # of the wrong engines, each one at this distance is explained in every test run


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


def test_what_no_mistake_explains_keeps_its_rules() -> None:
    wrong = wrong_engine(WRONG_ENGINES["X86"])
    found = named(WRONG_ENGINES["X86"]).finding
    comparison = Comparison.of(wrong.hello)
    unexplained = play(wrong, found.config, found.events, comparison)
    assert unexplained is not None
    explanation = Explanation(
        engine=wrong, events=wrong.hello.events, setting=shipped(), comparison=comparison, hypotheses=()
    )
    assert explanation.of(unexplained) == unexplained


def test_a_mistake_that_the_engine_does_not_make_elsewhere_is_dropped() -> None:
    """A reply of the last event that was read wrongly: the engine that is asked again is right."""
    found = named(WRONG_ENGINES["X86"]).finding
    right = InProcess(Model)
    explanation = Explanation(
        engine=right, events=right.hello.events, setting=shipped(), comparison=Comparison.of(right.hello)
    )
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
