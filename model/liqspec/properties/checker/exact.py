"""The exact numbers of the naive checker: Fractions, in their compiled form, as most of its time goes into them."""

import fractions
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction
else:
    from quicktions import Fraction

__all__ = ["ZERO", "Fraction", "number", "total"]

ZERO = Fraction(0)


def number(text: str) -> Fraction:
    """The number that a decimal string or a rate is."""
    return _read(text)


@lru_cache(maxsize=1 << 16)  # the same few are read again and again
def _read(text: str) -> Fraction:
    # By the standard library: the compiled class reads other scripts' digits wrongly, and harms the process by it.
    exact = fractions.Fraction(text)
    return Fraction(exact.numerator, exact.denominator)


def total(values: Iterable[Fraction]) -> Fraction:
    """The exact sum."""
    return sum(values, ZERO)
