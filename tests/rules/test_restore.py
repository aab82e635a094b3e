"""A restore target above the maintenance margin, by hand (LIQ-15)."""

from typing import Any

import pytest

from liqspec.core import changes
from liqspec.core.arithmetic import Ratio
from liqspec.core.config import Config
from liqspec.core.effects import Transitioned
from liqspec.core.engine import Engine
from liqspec.core.parameters import InvalidConfig
from liqspec.edge import schemas
from liqspec.edge.shapes import WrongShape
from liqspec.generate import boundaries
from liqspec.report.amounts import Units
from liqspec.report.sentences import effect_text
from support.builders import apply, restored_by_a_fill, small_config, working

FACTORS = [
    ({"factor": "6/5"}, Ratio(6, 5)),
    ({"factor": "1.2", "measure": "maintenance"}, Ratio(6, 5)),
    ({}, Ratio(1, 1)),
]


def target(engine: Engine) -> Ratio | None:
    """The restore target of alice's cross pool."""
    return changes.measure(engine.state, engine.state.accounts["alice"].cross).restore_target


@pytest.mark.parametrize(("restore", "factor"), FACTORS)
def test_the_target_is_the_factor_times_the_maintenance_margin(restore: dict[str, Any], factor: Ratio) -> None:
    engine = working(liquidation={"restore": restore})
    margin = changes.measure(engine.state, engine.state.accounts["alice"].cross).maintenance_margin
    found = target(engine)
    assert found is not None
    assert found.numerator * factor.denominator == margin * factor.numerator * found.denominator


def test_the_target_may_be_the_initial_margin() -> None:
    """MRG-7."""
    engine = working(liquidation={"restore": {"measure": "initial"}})
    (observed,) = [pool for pool in engine.observe()["pools"] if pool["account"] == "alice" and pool["mode"] == "cross"]
    found = target(engine)
    assert found is not None
    assert engine.venue.money.text(found.numerator) == observed["initial_margin"]
    assert observed["initial_margin"] != observed["maintenance_margin"]


def test_without_one_there_is_none() -> None:
    assert target(working()) is None
    assert "restore" not in Config.from_json(small_config()).to_json()["liquidation"]


def test_a_pool_between_margin_and_target_stays_in_liquidation() -> None:
    """LIQ-4, LIQ-5: the same fill restores the pool of a venue without a target."""
    assert not restored_by_a_fill().state.accounts["alice"].cross.in_liquidation
    engine = restored_by_a_fill(liquidation={"restore": {"factor": "1000"}})
    assert engine.state.accounts["alice"].cross.in_liquidation


def test_the_boundary_is_the_least_equity_that_restores() -> None:
    """Of 3 ÷ 2 times a margin that is odd, the next whole quote unit above."""
    engine = working(liquidation={"restore": {"factor": "3/2"}})
    pool = engine.state.accounts["alice"].cross
    (line,) = boundaries.restore_lines(engine.state, pool)
    found = target(engine)
    assert found is not None
    assert (line - 1) * found.denominator < found.numerator <= line * found.denominator
    assert {line, line - 1} <= set(boundaries.equity_lines(engine.state, pool))


@pytest.mark.parametrize("factor", ["0", "0.999", "-1", "1/2"])
def test_a_factor_below_1_is_refused(factor: str) -> None:
    """CFG-2."""
    with pytest.raises(InvalidConfig, match=rf"liquidation\.restore\.factor: must be at least 1, got {factor}"):
        Engine(Config.from_json(small_config(liquidation={"restore": {"factor": factor}})))


@pytest.mark.parametrize(
    ("restore", "path"),
    [
        (None, "liquidation.restore"),
        ("maintenance", "liquidation.restore"),
        ({"measure": "equity"}, "liquidation.restore.measure"),
        ({"factor": 2}, "liquidation.restore.factor"),
        ({"factor": "1/0"}, "liquidation.restore.factor"),
        ({"ratio": "1"}, "liquidation.restore.ratio"),
    ],
)
def test_a_malformed_target_is_refused_where_it_is(restore: object, path: str) -> None:
    """CFG-1; the schema refuses it too."""
    config = small_config(liquidation={"restore": restore})
    with pytest.raises(WrongShape) as caught:
        Config.from_json(config)
    assert caught.value.path == path
    assert not schemas.accepts("config", config)
    assert schemas.accepts("config", small_config(liquidation={"restore": {"factor": "3/2", "measure": "initial"}}))


def test_the_sentence_of_a_restored_pool_names_its_target() -> None:
    """LIQ-15: with a deposit of 10 equity is 90, exactly 45/44 of the margin of 88."""
    engine = working(liquidation={"restore": {"factor": "45/44"}})
    (restored,) = (
        one for one in apply(engine, "deposit", account="alice", amount="10") if isinstance(one, Transitioned)
    )
    assert "equity 90 >= restore target 90 and" in effect_text(restored, Units(engine.venue))
