"""Amounts for people: what is rounded has a tilde, what is exact has none."""

from fractions import Fraction
from typing import Any

import pytest

from liqspec.core.arithmetic import Ratio
from liqspec.core.config import Config, Venue
from liqspec.report import amounts


def _units() -> amounts.Units:
    market = {"tick": "0.5", "lot": "0.001", "tiers": [{"above": "0", "maintenance_rate": "1/20", "max_leverage": 10}]}
    config = {"markets": {"A": market}, "marks": {"A": "30000"}, "accounts": ["alice"], "backstop": {"threshold": "1"}}
    return amounts.Units(Venue.from_config(Config.from_json(config)))


def test_the_integers_of_a_run_are_shown_on_their_grids() -> None:
    units = _units()
    assert units.money(1_234_567_890_123) == "1,234,567.890123"
    assert units.money(-1) == "-0.000001"
    assert units.exact_money(Ratio(3, 2)) == "0.0000015"
    assert units.exact_money(Ratio(-1, 3)) == "-1/3000000"
    assert units.price("A", 60_001) == "30,000.5"
    assert units.size("A", 1_234_567) == "1,234.567"


@pytest.mark.parametrize(
    ("billionths", "said"),
    [
        (60_000 * 10**9, "30,000"),
        (60_000 * 10**9 + 10**7, "30,000.005"),
        (60_000 * 10**9 + 10**6, "~30,000"),
        (60_000 * 10**9 - 10**6, "~30,000"),
        (6 * 10**6, "~0.005"),
        (4 * 10**6, "~0"),
    ],
)
def test_a_part_of_a_price_is_exact_to_a_hundredth_of_a_tick(billionths: int, said: str) -> None:
    """OBS-5."""
    assert _units().part_of_price("A", billionths) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1234", "1,234"),
        ("123", "123"),
        ("-1234.50", "-1,234.50"),
        ("from 1234 to 5678", "from 1,234 to 5,678"),
        ("at 1234 ms", "at 1234 ms"),
        ("1234 msg", "1,234 msg"),
        ("1234.", "1,234."),
        ("1234, 5678", "1,234, 5,678"),
        ("1234,5", "1234,5"),
        ("12,3456", "12,3456"),
        ("name-1234", "name-1234"),
        ("a1234", "a1234"),
        ("1234a", "1234a"),
        ("path/1234", "path/1234"),
        ("1234/5", "1234/5"),
        ('"1234"', '"1234"'),
        ("'1234'", "'1234'"),
        ("1234-5678", "1234-5678"),
        ("field:1234", "field:1234"),
    ],
)
def test_of_a_message_amounts_alone_have_separators(text: str, said: str) -> None:
    assert amounts.people(text) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "none"),
        (True, "yes"),
        (False, "no"),
        ("30000.5", "30,000.5"),
        ("alice", "alice"),
        (12345, "12345"),
        ([], ""),
        (["cross", "1234"], "cross and 1,234"),
        ([{"price": "1234", "size": "1"}, {"price": "2", "size": "3"}], "price 1,234 size 1 and price 2 size 3"),
        ({}, "none"),
        ({"factor": "1234", "on": True}, "factor 1,234, on yes"),
    ],
)
def test_a_value_of_an_event_is_shown(value: Any, said: str) -> None:
    assert amounts.value_text(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "left out"), (12345, "12,345"), (-12345, "-12,345"), (True, "yes"), ("12345", "12,345"), ("up", "up")],
)
def test_a_value_of_a_parameter_is_shown(value: Any, said: str) -> None:
    assert amounts.parameter_value(value) == said


@pytest.mark.parametrize(
    ("value", "exact", "near"),
    [
        (Fraction(0), "0", "0"),
        (Fraction(12345), "12,345", "12,345"),
        (Fraction(12345, 10), "1,234.5", "1,234.5"),
        (Fraction(1_234_567_891, 10**6), "1,234.567891", "1,234.567891"),
        (Fraction(12_345_678_912, 10**7), "1,234.5678912", "~1,234.57"),
        (Fraction(1, 3), "1/3", "~0.33"),
        (Fraction(-2, 3), "-2/3", "~-0.67"),
        (Fraction(10**6, 3), "1000000/3", "~333,333.33"),
    ],
)
def test_a_rational_is_exact_or_near(value: Fraction, exact: str, near: str) -> None:
    assert (amounts.exact_text(value), amounts.approximate(value)) == (exact, near)


@pytest.mark.parametrize(
    ("ticks", "said"),
    [
        (Fraction(0), " (0 ticks)"),
        (Fraction(1), " (1 tick)"),
        (Fraction(-1), " (-1 tick)"),
        (Fraction(2), " (2 ticks)"),
        (Fraction(1, 3), " (1/3 ticks)"),
        (Fraction(1234), " (1,234 ticks)"),
    ],
)
def test_a_distance_is_counted_in_ticks(ticks: Fraction, said: str) -> None:
    assert amounts.counted_ticks(ticks) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (Fraction(0), "0 %"),
        (Fraction(1, 2), "50 %"),
        (Fraction(20), "2,000 %"),
        (Fraction(1, 3), "~33.33 %"),
        (Fraction(2, 3), "~66.67 %"),
        (Fraction(1, 100), "1 %"),
        (Fraction(1, 10**4), "0.01 %"),
        (Fraction(99_999, 10**7), "~1 %"),
        (Fraction(12_345, 10**7), "~0.123 %"),
        (Fraction(1, 3 * 10**4), "~0.00333 %"),
        (Fraction(12_345, 10**8), "~0.0123 %"),
        (Fraction(995, 10**5), "0.995 %"),
        (Fraction(1_005, 10**5), "~1 %"),
    ],
)
def test_a_share_is_shown_in_percent(share: Fraction, said: str) -> None:
    assert amounts.percent(share) == said
