"""The exact numbers of the naive checker: Fractions, in their compiled form, as most of its time goes into them."""

import fractions
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction
else:
    from quicktions import Fraction

__all__ = ["ZERO", "Fraction", "number", "total"]

ZERO = Fraction(0)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+|/[0-9]+)?", re.ASCII)
_MOST = 4_000  # characters, which are read in good time; an exponent is never (AMT-3, AMT-5)


def number(text: str) -> Fraction:
    """The number that a decimal string or a rate is.

    Raises:
        ValueError: it is not one, or has more than 4,000 characters: an engine may show anything.
    """
    return _read(text)


@lru_cache(maxsize=1 << 16)  # the same few are read again and again
def _read(text: str) -> Fraction:
    if isinstance(text, str) and (len(text) > _MOST or _NUMBER.fullmatch(text) is None):
        raise ValueError("not a number of a bounded size")
    # By the standard library: the compiled class reads other scripts' digits wrongly, and harms the process by it.
    exact = fractions.Fraction(text)
    return Fraction(exact.numerator, exact.denominator)


def total(values: Iterable[Fraction]) -> Fraction:
    """The exact sum."""
    return sum(values, ZERO)
