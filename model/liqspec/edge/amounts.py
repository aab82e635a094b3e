"""Exact amounts: decimal strings outside, integers on a grid inside (AMT-1 to AMT-5)."""

import re
from fractions import Fraction
from functools import lru_cache
from math import lcm

from attrs import field, frozen

from liqspec.edge.texts import show

# AMT-3: 78 digits hold any unsigned 256-bit integer; the bound keeps a hostile file from costing quadratic time.
MAX_DIGITS = 78
# What an engine reports may be longer; here is where Python stops reading integers in good time.
MAX_REPORTED = 4_000
# EVT-4: the largest integer that every JSON reader represents exactly.
MAX_INTEGER = 2**53 - 1

AMOUNT = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?", re.ASCII)
_RATIO = re.compile(r"([0-9]+)/([0-9]+)", re.ASCII)


class MalformedAmount(ValueError):
    """A text that is not an amount or rate in the outside format (AMT-3, AMT-5)."""


def check_amount(text: object) -> str:
    """Return `text` if it is a well-formed decimal string (AMT-3).

    Raises:
        MalformedAmount: it is not a string, has an exponent, a leading plus, white space, no digits before or after
            its point, or too many digits.
    """
    if not isinstance(text, str):
        raise MalformedAmount(f'expected a decimal string such as "1.5", got {show(text)}')
    match = AMOUNT.fullmatch(text)
    if match is None:
        raise MalformedAmount(f"{show(text)} is not a decimal number (-?digits[.digits], no exponent, no leading +)")
    if len(match[1]) + len(match[2] or "") > MAX_DIGITS:
        raise MalformedAmount(f"{show(text)} has more than {MAX_DIGITS} digits")
    return text


def is_decimal(text: object) -> bool:
    """Whether this is a decimal string of any length that can be computed with: what an engine may report (AMT-3)."""
    return isinstance(text, str) and len(text) <= MAX_REPORTED and AMOUNT.fullmatch(text) is not None


def check_reported(text: object) -> None:
    """Refuse, as a MalformedAmount, what no engine can report as an amount and no state can have (`is_decimal`)."""
    if not is_decimal(text):
        form = f"a decimal number of at most {MAX_REPORTED:,} characters (-?digits[.digits], no exponent, no leading +)"
        raise MalformedAmount(f"{show(text)} is not {form}")


def exact(text: str) -> Fraction:
    """The exact value of a decimal string; a MalformedAmount where `check_amount` raises one."""
    return Fraction(check_amount(text))


def rate(text: object) -> Fraction:
    """The exact value of a ratio ("1/80") or a decimal string ("0.0125"), or a MalformedAmount (AMT-5)."""
    if isinstance(text, str) and (match := _RATIO.fullmatch(text)):
        if len(match[1]) + len(match[2]) > MAX_DIGITS:
            raise MalformedAmount(f"{show(text)} has more than {MAX_DIGITS} digits")
        if int(match[2]) == 0:
            raise MalformedAmount(f"{show(text)} divides by zero")
        return Fraction(int(match[1]), int(match[2]))
    try:
        return exact(text)  # type: ignore[arg-type]  # check_amount refuses what is not a string
    except MalformedAmount as error:
        raise MalformedAmount(f'{error}; a rate is written "1/80" or "0.0125"') from None


@frozen
class Grid:
    """The multiples of one positive decimal step: the tick of a price, the lot of a size, the quote unit of money.

    Inside, an amount is the whole number of steps; outside, it is a decimal string (AMT-1, AMT-3).
    """

    step: Fraction
    _places: int = field(init=False, repr=False, eq=False)
    _scaled: int = field(init=False, repr=False, eq=False)  # the step, times 10 to the power of its places

    def __attrs_post_init__(self) -> None:
        """Write the step once as a whole number and decimal places; a ValueError if it has no finite expansion."""
        object.__setattr__(self, "_places", decimal_places(self.step))
        object.__setattr__(self, "_scaled", int(self.step * 10**self._places))

    @classmethod
    def of(cls, text: str) -> "Grid":
        """The grid with this step; a MalformedAmount is raised if it is malformed or not above 0."""
        step = exact(text)
        if step <= 0:
            raise MalformedAmount(f"a grid step must be above 0, got {text}")
        return cls(step)

    def units(self, text: str) -> int | None:
        """The number of steps in a well-formed decimal string, or None if it is off the grid (AMT-4)."""
        return _units(text, self._scaled, self._places)

    def text(self, units: int) -> str:
        """The shortest decimal string of an amount on this grid."""
        return _text(units, self._scaled, self._places)


@lru_cache(maxsize=4096)  # bounded: the same few marks and sizes come again and again, and memory must not grow
def _units(text: str, step: int, places: int) -> int | None:
    whole, _, decimals = text.partition(".")
    units, failed = divmod(int(whole + decimals) * 10**places, step * 10 ** len(decimals))
    return None if failed else units


@lru_cache(maxsize=4096)
def _text(units: int, step: int, places: int) -> str:
    value = units * step
    digits = str(abs(value)).rjust(places + 1, "0")
    whole, decimals = digits[: len(digits) - places], digits[len(digits) - places :].rstrip("0")
    return f"{'-' if value < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"


def decimal_text(value: Fraction) -> str:
    """The shortest decimal string of a value; a ValueError is raised if it has no finite decimal expansion."""
    places = decimal_places(value)
    return _text(value.numerator * (10**places // value.denominator), 1, places)


def decimal_places(value: Fraction) -> int:
    """How many decimal places a value needs; a ValueError is raised if it has no finite decimal expansion."""
    denominator = value.denominator
    places = next((places for places in range(denominator.bit_length()) if 10**places % denominator == 0), None)
    if places is None:
        raise ValueError(f"{value} has no finite decimal expansion")
    return places


def ratio_text(value: Fraction) -> str:
    """An exact rational: a decimal string where it has one, else numerator/denominator."""
    try:
        return decimal_text(value)
    except ValueError:
        return f"{value.numerator}/{value.denominator}"


def share_text(text: str) -> str:
    """A rate for people: in per cent where that is a decimal of at most four places, else as a ratio."""
    value = rate(text)
    hundredths = ratio_text(value * 100)
    exact = "/" not in hundredths and len(hundredths.partition(".")[2]) <= 4
    return f"{hundredths} %" if exact else f"{value.numerator}/{value.denominator}"


def common_denominator(values: list[Fraction]) -> int:
    """The least denominator over which all of `values` are whole."""
    return lcm(*(value.denominator for value in values))
