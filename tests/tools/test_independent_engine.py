"""The model in lock-step with an engine that shares only the specification with it: every reply must be the same."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversaries.wrong_engines.search import BASES
from engines import python_engine
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.parameters import FAMILIES
from liqspec.generate import Guide
from liqspec.generate.configurations import base_configuration, configuration
from liqspec.replay.run import Run
from liqspec.spec import venues
from liqspec.spec.scenarios import Scenario
from support.comparison import STORIES, first_difference


def compare(model: Engine, other: Any, event: dict[str, Any]) -> None:
    """Give both the same event, and see that both answer the same (EVT-2, OBS-1)."""
    refusal = apply_event(model, event).code
    reply = other.apply(event)
    assert reply.get("error", {}).get("code") == refusal, event
    theirs = reply["observation"] if reply["ok"] else other.observation()
    assert first_difference(model.observe(), theirs) == "", event


@pytest.mark.parametrize("story", STORIES, ids=[f"{index}-{story.name}" for index, story in enumerate(STORIES)])
def test_both_answer_every_story_the_same(story: Scenario) -> None:
    """OBS-1, OBS-2."""
    run = Run(story)
    events = [moment.event for moment in run]
    model, other = Engine(story.config), python_engine.Engine(story.config.to_json())
    for event in events:
        compare(model, other, event)


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_both_answer_every_event_the_same(random: Random) -> None:
    """Guided events in configurations of every kind: two readings of the specification, one behaviour."""
    config = configuration(random, BASES[0], FAMILIES)
    model, other = Engine(Config.from_json(config)), python_engine.Engine(config)
    guide = Guide(random, model)
    for _ in range(80):
        compare(model, other, guide.next_event())


@pytest.mark.thorough
@pytest.mark.parametrize("name", venues.names())
def test_both_answer_many_events_the_same(name: str) -> None:
    for episode in range(400):
        random = Random(f"{name}/{episode}")
        config = configuration(random, base_configuration(venues.load(name)), FAMILIES)
        model, other = Engine(Config.from_json(config)), python_engine.Engine(config)
        guide = Guide(random, model)
        for _ in range(80):
            compare(model, other, guide.next_event())
