"""A number in too few bits or digits is recognised, and no other one (AMT-1)."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from liqspec.edge.amounts import decimal_text
from liqspec.step import widths

STEP = Fraction(1, 100)


def text(steps: int) -> str:
    return decimal_text(steps * STEP)


@given(
    st.sampled_from(widths.BITS).flatmap(
        lambda bits: st.tuples(st.just(bits), st.integers(2**bits, 2**bits * 10), st.sampled_from((1, -1)))
    )
)
def test_a_number_modulo_a_power_of_two_is_recognised(drawn: tuple[int, int, int]) -> None:
    bits, right, sign = drawn
    assume(right % 2**bits)
    said = widths.as_if(text(sign * right), text(sign * (right % 2**bits)), STEP)
    assert said is not None
    assert said.startswith("it is the right number modulo 2^")


def test_nothing_where_something_must_be_is_not_a_number_that_is_too_narrow() -> None:
    assert widths.as_if(text(10**40), text(0), STEP) is None


@pytest.mark.parametrize("bits", [63, 128])
def test_the_largest_number_of_some_bits_is_recognised(bits: int) -> None:
    assert widths.as_if(text(2**bits + 12345), text(2**bits - 1), STEP) == f"it is the largest number of {bits} bits"


@given(st.integers(2**54, 2**80))
def test_a_double_is_recognised(right: int) -> None:
    said = widths.as_if(text(right), text(int(float(right))), STEP)
    assert said is None if right == int(float(right)) else said is not None


def test_the_first_digits_are_recognised() -> None:
    right = int("123456789" * 5)
    assert (
        widths.as_if(text(right), text(right // 10**17 * 10**17), STEP)
        == "it has the first 28 digits of the right number"
    )


@given(st.integers(-(2**300), 2**300), st.integers(1, 2**20))
def test_a_number_that_is_near_is_not(right: int, off: int) -> None:
    said = widths.as_if(str(right), str(right + off), Fraction(1))
    assert said is None or "digits" in said or "double" in said


def test_what_is_off_the_steps_or_the_same_is_not() -> None:
    assert widths.as_if("1.005", "2", STEP) is None
    assert widths.as_if(text(2**70), text(2**70), STEP) is None
    assert widths.as_if("9" * 400, "9" * 399, Fraction(1)) is None


@pytest.mark.parametrize(("bits", "power", "signed"), [(64, 1, True), (64, 9, False), (128, 12, True)])
def test_a_product_that_was_too_wide_is_recognised(bits: int, power: int, signed: bool) -> None:
    right = 2**bits // 10**power * 7 + 12345
    wrapped = right * 10**power % 2**bits
    wrapped -= 2**bits if signed and wrapped >= 2**bits // 2 else 0
    said = widths.as_if(text(right), text(wrapped // 10**power), STEP)
    assert said == f"it is 10^{power} times the right number modulo 2^{bits}, divided by 10^{power}"
