"""Coverage: what there is to exercise is derived from the tables and the effects, so that nothing new is left out."""

from typing import get_args

import pytest

from liqspec.core.changes import reachable_transitions
from liqspec.core.effects import Effect, Transitioned
from liqspec.core.refusals import Overfill
from liqspec.properties.coverage import Coverage, acting_rules, exercisable, never_exercised
from liqspec.spec import rulebook
from liqspec.verify.tasks import examples, shipped_scenarios


@pytest.mark.parametrize("kind", get_args(Effect))
def test_every_effect_names_its_rules(kind: type[Effect]) -> None:
    assert kind.rules or kind is Transitioned
    assert set(kind.rules) <= rulebook.rules().keys()


def test_whatever_acts_is_there_to_be_exercised() -> None:
    """A rule that an effect names, and does not declare, would be counted and never missed."""
    coverage = Coverage()
    for task in (examples, shipped_scenarios):
        coverage.add(task().coverage)
    assert set(coverage.rules) <= set(acting_rules())
    assert set(coverage.transitions) <= set(reachable_transitions())
    assert set(coverage.events) <= set(exercisable()["accepted events"])


def test_only_what_no_event_fires_is_reserved() -> None:
    """LIF-5."""
    assert "T12" in reachable_transitions()
    assert "T13" not in reachable_transitions()


def test_what_was_not_counted_was_never_exercised() -> None:
    counts = {"transitions": dict.fromkeys(reachable_transitions(), 1), "refusals": {"overfill": 0, "off_grid": 2}}
    del counts["transitions"]["T3"]
    never = never_exercised(counts)
    assert never.keys() == counts.keys()
    assert never["transitions"] == ["T3"]
    assert "overfill" in never["refusals"]
    assert "off_grid" not in never["refusals"]


def test_a_refusal_is_counted_by_event_and_by_code() -> None:
    """EVT-3."""
    one, other = Coverage(), Coverage()
    refusal = Overfill("size", "2", "at most 1")
    one.count({"type": "fill"}, (), refusal)
    other.count({"type": "fill"}, (), refusal)
    other.count({"type": "block"}, (), None)
    one.add(other)
    assert one.codes == {"overfill": 2}
    assert one.refusals == {("fill", "overfill"): 2}
    assert one.events == {"block": 1}
    assert one.rules == {refusal.rule: 2}
