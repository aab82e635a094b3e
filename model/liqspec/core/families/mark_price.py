"""How a mark is formed from prices that others quote and from the venue's own book (MRK-2 to MRK-7).

Prices are in ticks. Candidates and averages are in billionths of a tick, so that halves and averages are integers.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple

from attrs import Factory, define, evolve, frozen

from liqspec.core.arithmetic import Ratio, divide_down, divide_up

INPUTS = ("index", "best_bid", "best_ask", "last", "perps")
BILLION = 10**9
BASIS_MS, BOOK_MS = 150_000, 30_000  # the τ of the two averages (MRK-5)

_DIGITS = Context(prec=28, rounding=ROUND_HALF_EVEN)
_WIDE = Context(prec=1000, rounding=ROUND_HALF_EVEN)  # rounds to decimals, whatever the digits before the point
_NOTHING = Decimal("1e-28")
_FORGOTTEN = 10_000  # ages, in τ, after which nothing that an amount can be is left of a sample


class Perp(NamedTuple):
    """The price of the same contract on another venue, and its weight."""

    price: int
    weight: int


@frozen
class Quotes:
    """The inputs of one market that count now; None is absent (MRK-2)."""

    index: int | None = None
    best_bid: int | None = None
    best_ask: int | None = None
    last: int | None = None
    perps: tuple[Perp, ...] | None = None

    @property
    def price_exists(self) -> bool:
        """Whether there is at least one candidate (MRK-6)."""
        return self.index is not None or self.perps is not None or has_book(self)


@define
class Average:
    """An average over time that forgets exponentially (MRK-5): numerator (ticks × ms), denominator (ms), latest sample.

    The sample is in ticks; `time` is when it came, None before the first.
    """

    numerator: Decimal = Decimal(0)
    denominator: Decimal = Decimal(0)
    sample: Decimal = Decimal(0)
    time: int | None = None

    def add(self, sample: int, now: int, tau: int) -> None:
        """A sample in billionths of a tick at this time (ms), for an average over `tau` ms."""
        elapsed = 0 if self.time is None else now - self.time
        kept, lasted = decay(elapsed, tau), Decimal(elapsed)
        self.sample, self.time = Decimal(f"{sample}e-9"), now
        self.numerator = _DIGITS.add(_product(self.numerator, kept), _product(self.sample, lasted))
        self.denominator = _DIGITS.add(_product(self.denominator, kept), lasted)

    def value(self) -> int:
        """The average in billionths of a tick; the latest sample while no time has passed, 0 before the first."""
        quotient = _DIGITS.divide(self.numerator, self.denominator) if self.denominator else self.sample
        return int(_WIDE.multiply(quotient, Decimal(BILLION)).to_integral_value(context=_WIDE))


@define
class Feed:
    """What a market remembers of its inputs: each with the time of its event (MRK-2), and the averages (MRK-5)."""

    given: dict[str, tuple[int | tuple[Perp, ...], int]] = Factory(dict)
    basis: Average = Factory(Average)
    book: Average = Factory(Average)

    def current(self, quotes: Quotes, now: int, stale_ms: int | None) -> Quotes:
        """The inputs that count: those of the event, and of the earlier ones those that are not stale (MRK-2)."""
        kept = {name: value for name, (value, time) in self.given.items() if counts(now - time, stale_ms)}
        missing: dict[str, Any] = {name: kept[name] for name in kept if getattr(quotes, name) is None}
        return evolve(quotes, **missing)

    def keep(self, quotes: Quotes, now: int) -> None:
        """Remember the inputs of an event (MRK-2)."""
        for name in INPUTS:
            value = getattr(quotes, name)
            if value is not None:
                self.given[name] = (value, now)

    def sample(self, quotes: Quotes, now: int) -> None:
        """Give the averages the samples of these inputs (MRK-5)."""
        if not has_book(quotes):
            return
        if quotes.index is not None:
            self.basis.add(mid(quotes) - quotes.index * BILLION, now, BASIS_MS)
        self.book.add(book_candidate(quotes), now, BOOK_MS)

    def candidates(self, quotes: Quotes) -> dict[str, int]:
        """The candidates that exist, by name, in billionths of a tick (MRK-3)."""
        found: dict[str, int] = {}
        if quotes.index is not None:
            found["spot"] = max(quotes.index * BILLION + self.basis.value(), BILLION)
        if has_book(quotes):
            found["book"] = book_candidate(quotes)
        if quotes.perps is not None:
            found["perps"] = weighted_median(quotes.perps)
        if len(found) == 2 and "book" in found:
            found["average of the book"] = self.book.value()
        return found


def counts(age: int, stale_ms: int | None) -> bool:
    """Whether an input of an earlier event, this many ms old, still counts (MRK-2)."""
    return stale_ms is not None and age <= stale_ms


def has_book(quotes: Quotes) -> bool:
    """Whether the book candidate exists: bid and ask do (MRK-3)."""
    return quotes.best_bid is not None and quotes.best_ask is not None


def mid(quotes: Quotes) -> int:
    """The mean of bid and ask, in billionths of a tick (MRK-3)."""
    assert quotes.best_bid is not None and quotes.best_ask is not None, "the book exists"
    return (quotes.best_bid + quotes.best_ask) * BILLION // 2


def book_candidate(quotes: Quotes) -> int:
    """The median of bid, ask and last trade; without the trade the mean of the two; billionths of a tick (MRK-3)."""
    if quotes.last is None:
        return mid(quotes)
    assert quotes.best_bid is not None and quotes.best_ask is not None, "the book exists"
    return median_of_three(quotes.best_bid, quotes.best_ask, quotes.last) * BILLION


def median_of_three(first: int, second: int, third: int) -> int:
    """The middle one of three (MRK-3, MRK-6)."""
    return max(min(first, second), min(max(first, second), third))


def weighted_median(perps: Iterable[Perp]) -> int:
    """The price at which more than half of the weight is reached, in billionths of a tick (MRK-4)."""
    ordered = sorted(perps)
    half, reached = sum(perp.weight for perp in ordered), 0  # twice the weight is compared with all of it
    for place, perp in enumerate(ordered):
        reached += 2 * perp.weight
        if reached > half:
            return perp.price * BILLION
        if reached == half:
            return (perp.price + ordered[place + 1].price) * BILLION // 2
    raise ValueError("a weighted median needs a price")


def decay(elapsed: int, tau: int) -> Decimal:
    """What is left of a sample after `elapsed` ms: e^(−elapsed ÷ tau), to 28 digits (MRK-5)."""
    if elapsed > _FORGOTTEN * tau:
        return Decimal(0)
    return _DIGITS.exp(_DIGITS.divide(Decimal(-elapsed), Decimal(tau)))


def _product(left: Decimal, right: Decimal) -> Decimal:
    product = _DIGITS.multiply(left, right)
    return product if abs(product) >= _NOTHING else Decimal(0)


def median(candidates: Sequence[int]) -> int:
    """The median of one to three candidates in billionths of a tick, to the tick, half to even (MRK-6)."""
    if len(candidates) == 3:
        return half_even(median_of_three(*candidates), BILLION)
    return half_even(sum(candidates), len(candidates) * BILLION)


def half_even(numerator: int, denominator: int) -> int:
    """The quotient to the nearest integer, a half to the even one; the denominator is above 0 (MRK-6)."""
    floor = divide_down(numerator, denominator)
    twice = 2 * (numerator - floor * denominator)
    if twice == denominator:
        return 2 * divide_up(floor, 2)
    return floor + 1 if twice > denominator else floor


def limited(mark: int, previous: int, max_move: Ratio | None) -> int:
    """A mark cut to the largest move from the one before, all in ticks (MRK-7)."""
    if max_move is None:
        return mark
    most = max(previous * max_move.numerator // max_move.denominator, 1)
    return max(previous - most, min(previous + most, mark))
