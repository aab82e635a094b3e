"""A backstop line at close-out rates, by hand (BKS-9)."""

from typing import Any

import pytest

from liqspec.core import arithmetic
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.measures import pool_terms, terms_json
from liqspec.core.parameters import InvalidConfig, families_of
from liqspec.edge import schemas
from liqspec.report.terms import lines
from support.builders import TIERS, apply, mark, order_event, pool, position, small_config, trade, transitions

RATES = ("1/20", "1/8")


def config(rates: tuple[str | None, ...] = RATES, threshold: str = "1", **changes: Any) -> dict[str, Any]:
    """Close-out rates of half of 1/10 and, above 1000, five eighths of 1/5."""
    given = zip(TIERS, rates, strict=True)
    tiers = [tier if rate is None else {**tier, "closeout_rate": rate} for tier, rate in given]
    market = {"tick": "1", "lot": "1", "tiers": tiers}
    backstop = {"threshold": threshold, "measure": "tier"}
    return small_config(**{"markets": {"A": market, "B": market}, "backstop": backstop, **changes})


def holding(collateral: str = "200", **changes: Any) -> Engine:
    """Long 10 A from 100 with 200: at a mark p equity is 10p − 800, and the line p ÷ 2."""
    engine = Engine(Config.from_json(config(**changes)))
    apply(engine, "deposit", account="alice", amount=collateral)
    trade(engine, "10", "100", 5)
    return engine


@pytest.mark.parametrize(
    ("amount", "margin"),
    [(0, 0), (1, 1), (20, 1), (21, 2), (1000, 50), (1001, 51), (1008, 51), (1009, 52), (2000, 175)],
)
def test_a_closeout_margin_has_its_own_rates_and_deductions(amount: int, margin: int) -> None:
    """Above 1,000: ÷ 8 less 1,000 × (1/8 − 1/20) = 75."""
    schedule = holding().venue.markets["A"].closeout
    assert schedule is not None
    assert arithmetic.maintenance_margin(amount, schedule) == margin


def test_the_vault_takes_a_pool_only_below_the_line() -> None:
    """At 85 equity is 50, below 2/3 of the margin of 85, and not below the line of 42.5; at 84 it is 40, below 42."""
    engine = holding()
    mark(engine, "85")
    assert (pool(engine)["equity"], pool(engine)["in_liquidation"]) == ("50", True)
    assert transitions(order_event(engine, "order_done")) == []
    assert position(engine)["state"] == "liquidatable"
    assert transitions(mark(engine, "84")) == ["T5"]


def test_equity_of_exactly_the_line_is_not_below_it() -> None:
    """At 85 the line is 42.5, rounded up to 43."""
    for left, taken in (("43", []), ("42", ["T5"])):
        engine = holding()
        mark(engine, "85")
        order_event(engine, "order_done")
        moved = apply(engine, "adjust", account="alice", mode="cross", amount=str(int(left) - 50))
        assert transitions(moved) == taken


def test_the_threshold_is_a_share_of_it() -> None:
    """Half of 43 is 21.5: at 85, 22 is not below it, and 21 is."""
    for left, taken in (("22", []), ("21", ["T5"])):
        engine = holding(threshold="1/2")
        mark(engine, "85")
        order_event(engine, "order_done")
        assert transitions(apply(engine, "adjust", account="alice", mode="cross", amount=str(int(left) - 50))) == taken


def test_a_chunk_is_sized_by_the_line() -> None:
    """Equity 50 is not below the line, so the order is for a part."""
    engine = holding(liquidation={"partial_threshold": "0", "partial_fraction": "1/5"})
    mark(engine, "85")
    assert position(engine)["order"] == "2"
    engine = holding(liquidation={"partial_threshold": "0", "partial_fraction": "1/5"})
    mark(engine, "84")
    assert position(engine)["order"] == "10"


def test_the_line_is_measured_like_the_margin() -> None:
    """Of the cost of 1,000, with a fee of 1/50: 50 + 20, wherever the mark is."""
    engine = holding("300", margin={"valuation": "entry", "close_fee_rate": "1/50"})
    mark(engine, "80")
    assert engine.state.closeout_margin(engine.state.accounts["alice"].cross) == 70


def test_the_terms_name_the_closeout_margin() -> None:
    engine = holding()
    mark(engine, "85")
    terms = pool_terms(engine.state, engine.state.accounts["alice"].cross)
    assert list(lines(terms, "backstop_line")) == ["backstop line: 1 × close-out margin 43 = 43 (BKS-9)"]
    assert terms_json(terms)["closeout_margin"] == "43"


@pytest.mark.parametrize(
    ("rates", "where", "why"),
    [
        ((None, None), "tiers[1].closeout_rate", "required field is missing: backstop.measure is tier"),
        (("1/20", None), "tiers[2].closeout_rate", "required field is missing: another tier has it"),
        ((None, "1/20"), "tiers[1].closeout_rate", "required field is missing: another tier has it"),
        (("0", "1/20"), "tiers[1].closeout_rate", "must be above 0, got 0"),
        (("-0.05", "1/20"), "tiers[1].closeout_rate", "must be above 0, got -0.05"),
        (("1/9", "1/8"), "tiers[1].closeout_rate", "1/9 is above the maintenance rate 1/10"),
        (("1/10", "1/11"), "tiers[2].closeout_rate", "the rate falls to 1/11"),
    ],
)
def test_rates_that_are_not_valid_are_refused(rates: tuple[str | None, ...], where: str, why: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        Engine(Config.from_json(config(rates)))
    assert (caught.value.path, caught.value.message) == (f"markets.A.{where}", f"{why} (BKS-9)")


def test_rates_of_exactly_the_maintenance_rates_are_valid() -> None:
    whole = config(("1/10", "1/5"))
    Engine(Config.from_json(whole))
    assert schemas.accepts("config", whole)
    assert Config.from_json(whole).to_json()["markets"] == whole["markets"]


def test_without_the_measure_nothing_depends_on_them() -> None:
    """VER-1: still, a configuration with them is only for an engine of the family."""
    given = config(backstop={"threshold": "2/3"})
    assert families_of(given) == {"closeout": "markets.A.tiers"}
    assert families_of(small_config()) == {}
    engine = Engine(Config.from_json(given))
    apply(engine, "deposit", account="alice", amount="200")
    trade(engine, "10", "100", 5)
    mark(engine, "85")
    assert transitions(order_event(engine, "order_done")) == ["T5"]  # 50 is below 2/3 of 85
