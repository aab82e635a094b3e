"""The naive checker's mark: candidates in Fractions, averages from the whole history of samples (MRK-2 to MRK-7)."""

from decimal import Context, Decimal
from itertools import pairwise
from statistics import median
from typing import Any

from attrs import Factory, frozen

from liqspec.properties.checker.exact import ZERO, Fraction, number

_WIDE = Context(prec=60)
_INPUTS = ("index", "best_bid", "best_ask", "last", "perps")


@frozen
class NaiveFeed:
    """What was given for one market: each input with its time, and every sample of the two averages with its time."""

    given: dict[str, tuple[Any, int]] = Factory(dict)
    basis: tuple[tuple[Fraction, int], ...] = ()
    book: tuple[tuple[Fraction, int], ...] = ()

    @property
    def imprecision(self) -> Fraction:
        """What the 28 digits of MRK-5 can cost an average; above a tick only where prices have 25 digits in ticks."""
        samples = [abs(value) for value, _ in (*self.basis, *self.book)]
        return max(samples, default=ZERO) / 10**25

    def current(self, event: dict[str, Any], now: int, stale_ms: int | None) -> dict[str, Any]:
        """MRK-2: the inputs of the event, and the earlier ones that are not stale."""
        fresh = {
            name: value for name, (value, time) in self.given.items() if stale_ms is not None and now - time <= stale_ms
        }
        return {**fresh, **{name: event[name] for name in _INPUTS if name in event}}

    def take(self, event: dict[str, Any], inputs: dict[str, Any], now: int) -> "NaiveFeed":
        """The feed after the event: with its inputs, and the samples that it gives (MRK-5)."""
        given = {**self.given, **{name: (event[name], now) for name in _INPUTS if name in event}}
        basis, book = self.basis, self.book
        if (price := book_of(inputs)) is not None:
            book = (*book, (price, now))
            if "index" in inputs:
                mid = (number(inputs["best_bid"]) + number(inputs["best_ask"])) / 2
                basis = (*basis, (mid - number(inputs["index"]), now))
        return NaiveFeed(given, basis, book)

    def candidates(self, inputs: dict[str, Any], tick: Fraction) -> list[Fraction]:
        """MRK-3; averages are rounded to nine decimals of a tick (MRK-5)."""
        found = []
        if "index" in inputs:
            found.append(max(number(inputs["index"]) + average(self.basis, 150_000, tick), tick))
        if (book := book_of(inputs)) is not None:
            found.append(book)
        if "perps" in inputs:
            found.append(weighted_median([(number(one["price"]), one["weight"]) for one in inputs["perps"]]))
        if len(found) == 2 and book is not None:
            found.append(average(self.book, 30_000, tick))
        return found


def book_of(inputs: dict[str, Any]) -> Fraction | None:
    """MRK-3: the median of bid, ask and last trade, if there are bid and ask."""
    if "best_bid" not in inputs or "best_ask" not in inputs:
        return None
    return median([number(inputs[name]) for name in ("best_bid", "best_ask", "last") if name in inputs])


def weighted_median(perps: list[tuple[Fraction, int]]) -> Fraction:
    """MRK-4: the mean of the lower and the upper of the prices around half of the weight, each written out `weight`."""
    half = Fraction(sum(weight for _, weight in perps), 2)
    prices = sorted({price for price, _ in perps})
    below = {price: sum(weight for other, weight in perps if other <= price) for price in prices}
    lower = next(price for price in prices if below[price] >= half)
    upper = next(price for price in prices if below[price] > half)
    return (lower + upper) / 2


def average(samples: tuple[tuple[Fraction, int], ...], tau: int, tick: Fraction) -> Fraction:
    """MRK-5, as one sum over all samples: each counts for the time since the one before, and fades from then on."""
    if not samples:
        return ZERO
    numerator, denominator = Decimal(0), Decimal(0)
    now = samples[-1][1]
    for (_, earlier), (sample, time) in pairwise(samples):
        age = min(Fraction(now - time, tau), Fraction(100_000))
        lasted = _WIDE.multiply(_WIDE.exp(_WIDE.divide(-age.numerator, age.denominator)), time - earlier)
        in_ticks = sample / tick
        numerator = _WIDE.add(numerator, _WIDE.multiply(lasted, _WIDE.divide(in_ticks.numerator, in_ticks.denominator)))
        denominator = _WIDE.add(denominator, lasted)
    if not denominator:
        return samples[-1][0]
    return Fraction(round(Fraction(_WIDE.divide(numerator, denominator)) * 10**9), 10**9) * tick


def formed(candidates: list[Fraction], tick: Fraction) -> Fraction:
    """MRK-6."""
    return round(median(candidates) / tick) * tick


def largest_move(previous: Fraction, share: Fraction | None, tick: Fraction) -> Fraction | None:
    """MRK-7; None is any."""
    return None if share is None else max(tick, (previous * share / tick).__floor__() * tick)
