"""What a parameter does alone is shown by an example: round sizes, trades at the mark, and a mark that moves little."""

from fractions import Fraction
from typing import Any

import pytest

from liqspec.distinguish.by_parameter import by_parameter
from liqspec.distinguish.search import Distinction, RuleSets, by_examples
from liqspec.search.campaign import Budget
from liqspec.spec import venues

GENERIC, HYPERLIQUID = venues.load("generic"), venues.load("hyperliquid")
SETS = RuleSets.of(GENERIC, HYPERLIQUID)
NOTHING = Budget(steps=1)  # so that the search cannot help


@pytest.fixture(scope="module")
def alone() -> dict[str, tuple[str, Distinction | None]]:
    elsewhere = RuleSets.in_markets_of_second(GENERIC, HYPERLIQUID)
    return {
        one.parameter.path: (one.within, one.distinction) for one in by_parameter(SETS, NOTHING, elsewhere=elsewhere)
    }


def test_each_parameter_in_which_two_venues_differ_has_one(alone: dict[str, tuple[str, Distinction | None]]) -> None:
    assert set(alone) == {one.path for one in SETS.parameters()}
    for path, (_, found) in alone.items():
        assert found is not None, path
        assert [needed.path for needed in found.parameters] == [path]


def test_prices_are_near_what_the_market_trades_at(alone: dict[str, tuple[str, Distinction | None]]) -> None:
    for path, (_, found) in alone.items():
        assert found is not None
        starts = found.setting["marks"]
        assert starts["BTC"] == "50000"
        marks: dict[str, Any] = dict(starts)
        for event in found.divergence.events:
            market = event.get("market", "")
            if event["type"] == "mark_price":
                assert abs(Fraction(event["price"]) / Fraction(starts[market]) - 1) <= Fraction(1, 5), path
                marks[market] = event["price"]
            if event["type"] == "trade":
                assert event["price"] == marks[market], path
            if event["type"] == "fill":
                assert abs(Fraction(event["price"]) / Fraction(marks[market]) - 1) <= Fraction(1, 20), path


def test_one_of_both_accepts_what_the_other_refuses(alone: dict[str, tuple[str, Distinction | None]]) -> None:
    """ACC-16: one refuses to turn the position round, the other does it."""
    found = alone["trading.crossing"][1]
    assert found is not None
    seen = found.divergence.first.difference
    assert (seen.ours, seen.theirs) == ("crosses_zero", "accepted")


def test_what_the_markets_of_the_first_never_show_is_shown_in_those_of_the_second(
    alone: dict[str, tuple[str, Distinction | None]],
) -> None:
    """MRG-13: in the markets of generic each maintenance margin is a whole number of quote units."""
    (rounding,) = [one for one in SETS.parameters() if one.path == "margin.rounding"]
    assert by_examples(SETS.only(rounding)) is None
    found = alone["margin.rounding"][1]
    assert found is not None
    assert set(found.setting["markets"]) <= set(HYPERLIQUID.markets)


def test_the_scope_of_windows_is_shown_by_two_pools_of_an_account(
    alone: dict[str, tuple[str, Distinction | None]],
) -> None:
    """CLD-1: a part of the one is sold; the next order of the other is for all of it."""
    within, found = alone["liquidation.cooldown_scope"]
    assert (within, found is not None) == ("hyperliquid", True)
    assert found is not None
    modes = {(event["market"], event["mode"]) for event in found.divergence.events if event["type"] == "trade"}
    assert len(modes) == 2


def test_equal_rules_have_no_example() -> None:
    assert by_examples(RuleSets.of(GENERIC, GENERIC)) is None
