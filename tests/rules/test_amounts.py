"""Decimal text outside, whole numbers of a grid's step inside, and nothing rounded on the way."""

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqspec.edge.amounts import (
    MAX_DIGITS,
    MAX_INTEGER,
    MAX_REPORTED,
    Grid,
    MalformedAmount,
    check_amount,
    check_reported,
    common_denominator,
    decimal_text,
    exact,
    is_decimal,
    rate,
    share_text,
)

# Units that fit into 78 digits on every grid below: 60 digits, 12 places.
UNITS = st.integers(-(10**60), 10**60)
STEPS = st.one_of(
    st.integers(0, 12).map(lambda places: Decimal(1).scaleb(-places)),
    st.sampled_from([Decimal("0.5"), Decimal("0.25"), Decimal("2.5"), Decimal("3"), Decimal("10"), Decimal("0.07")]),
).map(lambda step: Grid.of(format(step, "f")))
AMOUNTS = st.from_regex(r"\A-?[0-9]{1,40}(\.[0-9]{1,38})?\Z")

MALFORMED: list[Any] = [
    "",
    " ",
    "-",
    ".",
    "-.",
    "1.",
    ".5",
    "-.5",
    "--1",
    "+1",
    " 1",
    "1 ",
    "1\n",
    "\t1",
    "1 000",
    "1_000",
    "1,000",
    "1e5",
    "1E5",
    "1e-5",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "0x10",
    "1/2",
    "1.2.3",
    "1-",
    "−1",  # the minus sign of typographers
    "١٢٣",  # Arabic-Indic digits
    "１",  # full-width digit
    "1²",
    "1\x00",
    "1" * 10_000,
    "0." + "1" * 10_000,
    "-" + "9" * 10_000,
    None,
    True,
    1,
    1.5,
    ["1"],
    {"amount": "1"},
    b"1",
]


class TestText:
    """AMT-3."""

    @pytest.mark.parametrize("text", ["0", "-0", "1", "-1", "007", "1.50", "0.000001", "-12.5", "00.00"])
    def test_a_decimal_string_is_taken_as_it_is(self, text: str) -> None:
        assert check_amount(text) == text

    @pytest.mark.parametrize("text", MALFORMED, ids=lambda text: repr(text)[:20])
    def test_anything_else_is_refused_in_one_short_line(self, text: Any) -> None:
        """AMT-3: the message shows what was given, however long it is."""
        with pytest.raises(MalformedAmount) as caught:
            check_amount(text)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 200

    @pytest.mark.parametrize(
        ("whole", "places", "accepted"),
        [(78, 0, True), (79, 0, False), (1, 77, True), (1, 78, False), (40, 38, True), (40, 39, False)],
    )
    def test_at_most_78_digits_are_read(self, whole: int, places: int, accepted: bool) -> None:
        """AMT-3: neither the sign nor the point is a digit, but a leading zero is."""
        text = "-" + "0" * (whole - 1) + "9" + ("." + "9" * places if places else "")
        if accepted:
            assert check_amount(text) == text
        else:
            with pytest.raises(MalformedAmount, match="more than 78 digits"):
                check_amount(text)

    def test_an_unsigned_256_bit_integer_fits(self) -> None:
        """AMT-3, AMT-1: no bit of it is lost."""
        assert len(str(2**256 - 1)) == MAX_DIGITS
        assert Grid.of("1").units(str(2**256 - 1)) == 2**256 - 1

    def test_what_an_engine_reports_may_be_longer_but_not_endless(self) -> None:
        """AMT-3: at sizes of 256 bits a notional has twice the digits of an input amount."""
        check_reported("-" + "9" * 100 + "." + "9" * 100)
        check_reported("9" * MAX_REPORTED)
        with pytest.raises(MalformedAmount, match="at most 4,000 characters"):
            check_reported("9" * (MAX_REPORTED + 1))

    @pytest.mark.parametrize("text", [text for text in MALFORMED if len(repr(text)) < MAX_DIGITS])
    def test_what_an_engine_reports_is_a_decimal_string_too(self, text: object) -> None:
        """AMT-3."""
        with pytest.raises(MalformedAmount, match="is not a decimal number"):
            check_reported(text)

    @given(AMOUNTS)
    def test_the_exact_value_is_that_of_decimal_arithmetic(self, text: str) -> None:
        with localcontext() as context:
            context.prec = 200
            assert exact(text) == Fraction(Decimal(text))

    @given(st.text(alphabet="0123456789.-+eE_ /", max_size=12))
    def test_what_is_accepted_has_digits_and_at_most_one_sign_and_point(self, text: str) -> None:
        try:
            check_amount(text)
        except MalformedAmount:
            return
        whole, point, places = text.removeprefix("-").partition(".")
        assert whole.isdecimal()
        assert places.isdecimal() or not point

    def test_the_largest_integer_is_the_last_that_a_float_counts_to(self) -> None:
        """EVT-4: the next one is lost in a float."""
        assert MAX_INTEGER == 9_007_199_254_740_991
        assert float(MAX_INTEGER) + 1.0 == float(MAX_INTEGER + 1)
        assert float(MAX_INTEGER + 2) != MAX_INTEGER + 2


class TestGrids:
    """AMT-1, AMT-4."""

    @given(STEPS, UNITS)
    def test_text_and_units_are_inverse(self, grid: Grid, units: int) -> None:
        assert grid.units(grid.text(units)) == units

    @given(STEPS, UNITS)
    def test_the_text_of_an_amount_is_exact_and_the_shortest(self, grid: Grid, units: int) -> None:
        """AMT-3: no trailing zero after the point, no leading zero before it, no minus zero."""
        text = grid.text(units)
        assert exact(text) == units * grid.step
        assert "." not in text or not text.endswith("0")
        digits = text.removeprefix("-")
        assert digits[0] != "0" or digits == "0" or digits.startswith("0.")
        assert text != "-0"

    @given(STEPS, AMOUNTS)
    def test_an_amount_is_on_the_grid_if_and_only_if_it_is_a_whole_number_of_steps(self, grid: Grid, text: str) -> None:
        """AMT-4."""
        steps = exact(text) / grid.step
        assert grid.units(text) == (steps.numerator if steps.denominator == 1 else None)

    @given(STEPS, UNITS, st.integers(0, 5), st.integers(0, 5))
    def test_zeros_at_both_ends_change_nothing(self, grid: Grid, units: int, before: int, after: int) -> None:
        """AMT-3."""
        text = grid.text(units)
        sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
        padded = sign + "0" * before + digits + ("" if "." in digits or not after else ".") + "0" * after
        assert grid.units(padded) == units

    @pytest.mark.parametrize(
        ("step", "text", "units"),
        [
            # 60000.0 is 600,000 ticks of 0.1
            ("0.1", "60000.0", 600_000),
            # half a tick
            ("0.1", "60000.05", None),
            # a long tail beyond the grid
            ("0.1", "60000.1" + "0" * 30 + "1", None),
            # a negative amount, and one that lies between two steps on the other side of zero
            ("0.25", "-1.25", -5),
            ("0.25", "-1.3", None),
            ("0.25", "-0.25", -1),
            # a step above 1
            ("2.5", "7.5", 3),
            ("2.5", "7", None),
            ("3", "9", 3),
            ("3", "10", None),
            # zero is on every grid, with either sign
            ("0.1", "-0.00", 0),
            ("3", "0", 0),
            # one millionth
            ("0.000001", "0.000001", 1),
            ("0.000001", "0.0000001", None),
        ],
    )
    def test_steps_counted_by_hand(self, step: str, text: str, units: int | None) -> None:
        """AMT-1, AMT-4."""
        assert Grid.of(step).units(text) == units

    @pytest.mark.parametrize(
        ("step", "units", "text"),
        [
            ("0.1", 600_000, "60000"),
            ("0.1", 600_001, "60000.1"),
            ("0.1", 1, "0.1"),
            ("0.25", -1, "-0.25"),
            ("2.5", 3, "7.5"),
            ("0.000001", -1_000_000, "-1"),
            ("0.000001", 10, "0.00001"),
            ("1", 0, "0"),
            ("10", 12, "120"),
        ],
    )
    def test_texts_written_by_hand(self, step: str, units: int, text: str) -> None:
        """AMT-3."""
        assert Grid.of(step).text(units) == text

    @pytest.mark.parametrize("step", ["0", "0.0", "-0", "-1", "-0.1"])
    def test_a_grid_has_a_step_above_zero(self, step: str) -> None:
        """AMT-4."""
        with pytest.raises(MalformedAmount, match=f"a grid step must be above 0, got {step}"):
            Grid.of(step)

    def test_a_malformed_step_is_no_grid(self) -> None:
        """AMT-3."""
        with pytest.raises(MalformedAmount, match="is not a decimal number"):
            Grid.of("1e-6")


class TestRates:
    """AMT-5."""

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1/80", Fraction(1, 80)),
            ("2/160", Fraction(1, 80)),
            ("0.0125", Fraction(1, 80)),
            ("0/5", Fraction(0)),
            ("1", Fraction(1)),
            ("3/2", Fraction(3, 2)),
            ("-0.5", Fraction(-1, 2)),
            # a ratio whose parts use all the digits there are
            ("1/" + "9" * 77, Fraction(1, 10**77 - 1)),
        ],
    )
    def test_a_rate_is_a_ratio_or_a_decimal_string(self, text: str, value: Fraction) -> None:
        assert rate(text) == value

    @pytest.mark.parametrize(
        "text",
        [
            *MALFORMED[: MALFORMED.index("1/2")],
            "1/0",
            "0/0",
            "1/",
            "/2",
            "1/2/3",
            "-1/2",
            "1/-2",
            "1.5/2",
            "1 / 2",
            "1/2\n",
            "1/" + "9" * 78,
            "1/" + "1" * 10_000,
            0.0125,
            1,
            None,
        ],
        ids=lambda text: repr(text)[:20],
    )
    def test_anything_else_is_refused_in_one_short_line(self, text: Any) -> None:
        with pytest.raises(MalformedAmount) as caught:
            rate(text)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 250

    def test_a_refused_rate_says_how_one_is_written(self) -> None:
        with pytest.raises(MalformedAmount, match=r'a rate is written "1/80" or "0\.0125"'):
            rate("1%")
        with pytest.raises(MalformedAmount, match='"1/0" divides by zero'):
            rate("1/0")

    @given(st.integers(0, 10**30), st.integers(1, 10**30))
    def test_a_ratio_is_kept_exact(self, numerator: int, denominator: int) -> None:
        assert rate(f"{numerator}/{denominator}") == Fraction(numerator, denominator)

    @given(AMOUNTS)
    def test_a_decimal_rate_is_kept_exact(self, text: str) -> None:
        assert rate(text) == exact(text)


class TestDecimalText:
    """AMT-3: what the grids write with."""

    @given(st.integers(-(10**30), 10**30), st.integers(0, 20), st.integers(0, 20))
    def test_whatever_has_a_finite_expansion_is_written_exactly(self, numerator: int, twos: int, fives: int) -> None:
        value = Fraction(numerator, 2**twos * 5**fives)
        assert Fraction(decimal_text(value)) == value

    @pytest.mark.parametrize("value", [Fraction(1, 3), Fraction(2, 7), Fraction(1, 30)])
    def test_a_value_without_one_is_an_error_and_never_rounded(self, value: Fraction) -> None:
        with pytest.raises(ValueError, match="has no finite decimal expansion"):
            decimal_text(value)

    def test_rates_get_one_denominator(self) -> None:
        """MRG-5, AMT-5: of 1/80, 1/40 and 2/3 it is 240."""
        assert common_denominator([Fraction(1, 80), Fraction(1, 40), Fraction(2, 3)]) == 240


def test_a_text_of_more_than_4000_characters_is_no_decimal() -> None:
    """AMT-3: what an engine reports is read up to a bound, so that no text takes long to read."""
    assert [is_decimal("1" * length) for length in (3_999, 4_000, 4_001)] == [True, True, False]


@pytest.mark.parametrize(
    ("share", "text"), [("1/80", "1.25 %"), ("1/1000000", "0.0001 %"), ("1/10000000", "1/10000000"), ("2/3", "2/3")]
)
def test_a_share_is_in_per_cent_up_to_four_places(share: str, text: str) -> None:
    assert share_text(share) == text
