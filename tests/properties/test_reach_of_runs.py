"""What random runs reach does not fall below what is written in `reach.toml`."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from liqspec.conform.configurations import Setting, shipped
from liqspec.conform.search import LENGTH
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EVENTS, EventData
from liqspec.core.parameters import FAMILIES
from liqspec.generate.random_runs import ROUND
from liqspec.properties.reach import DIMENSIONS, RELATIONS, Reach
from liqspec.search.campaign import guided_run, seeded

BASELINE: dict[str, Any] = tomllib.loads((Path(__file__).parent / "reach.toml").read_text(encoding="utf-8"))


def play(number: int, setting: Setting, reach: Reach) -> None:
    """Play the run with this number on the model alone."""
    random = seeded(1, number)
    _, drawn = setting.run(number, random, LENGTH)
    engine = Engine(Config.from_json(drawn.config))
    guide, follower = drawn.guide(random, engine, frozenset(EVENTS)), reach.follow(engine)

    def apply(event: EventData) -> None:
        done = apply_event(engine, event)
        follower.see(event, done.effects, done.refusal)

    guided_run(guide.next_event, apply, drawn.length, f"run {number}")


@pytest.fixture(scope="module")
def reach() -> Reach:
    reach, setting = Reach(), shipped(FAMILIES)
    for number in range(ROUND):
        play(number, setting, reach)
    return reach


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_dimension_is_as_large_as_it_was(reach: Reach, dimension: str) -> None:
    assert reach.largest[dimension] >= BASELINE["largest"][dimension]


@pytest.mark.parametrize("relation", RELATIONS)
def test_names_are_related_as_often_as_they_were(reach: Reach, relation: str) -> None:
    assert reach.names[relation] >= BASELINE["names"][relation]


def test_as_many_outcomes_of_rules_are_met_with_as_many_values(reach: Reach) -> None:
    assert len(reach.by_outcome) >= BASELINE["outcomes"]
    assert sum(map(len, reach.by_policy.values())) >= BASELINE["values_of_parameters"]
