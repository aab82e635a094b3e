"""Boundaries of the decisions, searched for by symbolic execution (CrossHair) where random search rarely lands."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Ratio

symbolic = settings(
    backend="crosshair",
    max_examples=30,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)
whole = st.integers(min_value=-(10**6), max_value=10**6)
positive = st.integers(min_value=1, max_value=10**4)


@symbolic
@given(equity=whole, margin=whole)
def test_equal_is_healthy_and_one_below_is_not(equity: int, margin: int) -> None:
    """LIQ-3, LIQ-4."""
    assert arithmetic.breached(equity, margin) == (margin - equity >= 1)
    assert arithmetic.restored(equity, margin) != arithmetic.breached(equity, margin)


@symbolic
@given(now=whole, until=whole)
def test_the_end_of_a_window_is_no_part_of_it(now: int, until: int) -> None:
    """CLD-2."""
    assert arithmetic.window_open(now, until) == (until - now >= 1)


@symbolic
@given(equity=whole, margin=whole, top=positive, bottom=positive)
def test_the_line_itself_is_not_below_the_line(equity: int, margin: int, top: int, bottom: int) -> None:
    """BKS-1."""
    below = arithmetic.below_backstop(equity, margin, Ratio(top, bottom))
    assert below == (margin * top - equity * bottom >= 1)


@symbolic
@given(equity=whole, margin=whole, after=whole, margin_after=whole, left=st.integers(min_value=0, max_value=2))
def test_a_reduction_is_accepted_exactly_if_a_clause_says_so(
    equity: int, margin: int, after: int, margin_after: int, left: int
) -> None:
    """ACC-9."""
    clauses = (
        left == 0 and after - min(0, equity) >= 0,
        after - margin_after >= 0,
        margin - equity >= 1 and equity >= 0 and after * margin - equity * margin_after >= 0,
        equity <= -1 and after - equity >= 0,
    )
    assert arithmetic.reduction_is_safe(equity, margin, after, margin_after, left) == any(clauses)


@symbolic
@given(amount=st.integers(min_value=0, max_value=10**6), start=positive)
def test_a_tier_begins_above_its_start(amount: int, start: int) -> None:
    """MRG-4."""
    schedule = arithmetic.Schedule(10, (arithmetic.Tier(0, 1, 0, 5), arithmetic.Tier(start, 2, start, 2)))
    assert (arithmetic.tier_at(amount, schedule).above == start) == (amount - start >= 1)


@symbolic
@given(dividend=whole, divisor=positive)
def test_up_and_down_are_the_next_whole_numbers(dividend: int, divisor: int) -> None:
    """AMT-6."""
    up, down = arithmetic.divide_up(dividend, divisor), arithmetic.divide_down(dividend, divisor)
    assert 0 <= up * divisor - dividend < divisor
    assert 0 <= dividend - down * divisor < divisor


def test_symbolic_execution_finds_a_needle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search must be able to fail: one wrong point among 4 * 10**12."""
    monkeypatch.setattr(arithmetic, "breached", lambda equity, margin: equity < margin or equity == margin == 424_242)
    with pytest.raises(AssertionError):
        test_equal_is_healthy_and_one_below_is_not()
