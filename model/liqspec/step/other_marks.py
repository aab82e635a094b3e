"""Which rule a reported mark departs from: the marks that engines form which break one of them (MRK-2 to MRK-7)."""

from collections.abc import Iterator
from fractions import Fraction
from statistics import fmean, median
from typing import Any

from attrs import evolve

from liqspec.core.effects import MarkFormed
from liqspec.core.engine import Engine
from liqspec.core.events import EventData, PriceInputs, from_json
from liqspec.core.families.mark_price import BILLION, Feed, Quotes, mid

IN_DOUBLES = 2**50  # a mark that was computed in doubles is off by less than its share of 1 in this
Candidates = dict[str, int]  # by name, in billionths of a tick


def rules_of(engine: Engine, event: EventData, effect: MarkFormed, reported: int) -> list[str]:
    """The rules without which the mark would be the reported one, in ticks; the likeliest first.

    The engine is in the state after the event.
    """
    inputs = from_json(event)
    if not isinstance(inputs, PriceInputs):
        return []
    feed, formed = engine.state.feeds[effect.market], dict(effect.candidates)
    amounts = inputs.admit(engine.state)
    own, quotes = inputs.quotes(amounts), inputs.current(engine.state, amounts)
    if effect.limited and _near(reported, _median(formed)):
        return ["MRK-7"]
    exact = Fraction(median(map(Fraction, formed.values()))) / BILLION
    if not effect.limited and abs(reported - exact) <= exact / IN_DOUBLES and _is_double(reported):
        return ["MRK-6"]
    found = [rule for rule, other in _others(feed, formed, own, quotes) if other and _near(reported, _median(other))]
    found += ["MRK-6" for value in (fmean(formed.values()), *formed.values()) if _near(reported, value / BILLION)]
    if not found and not effect.limited:  # no single mistake, so most likely in what is remembered
        averaged = feed.basis.time is not None or "average of the book" in formed
        return ["MRK-5"] if averaged and reported > 0 else ["MRK-3"]
    return [*dict.fromkeys(found), *(["MRK-7"] if effect.limited else [])]


def _is_double(ticks: int) -> bool:
    """Whether a mark can have been computed in doubles; one below 2^53 always can."""
    try:
        return int(float(ticks)) == ticks
    except OverflowError:
        return False


def _near(reported: int, mark: float) -> bool:
    return abs(reported - mark) <= 1


def _median(candidates: Candidates) -> float:
    return median(candidates.values()) / BILLION


def _others(feed: Feed, formed: Candidates, own: Quotes, quotes: Quotes) -> Iterator[tuple[str, Candidates]]:
    """Other candidates, each set with the rule that forbids it."""
    if quotes.perps is not None:
        prices = [one.price * BILLION for one in quotes.perps]
        weighted = (
            sum(one.price * one.weight for one in quotes.perps) * BILLION // sum(one.weight for one in quotes.perps)
        )
        for other in (int(median(prices)), weighted, *prices):
            yield "MRK-4", {**formed, "perps": other}
    every: dict[str, Any] = {name: value for name, (value, _) in feed.given.items()}
    for kept in (own, evolve(own, **{name: every[name] for name in every if getattr(own, name) is None})):
        if kept != quotes:
            yield "MRK-2", feed.candidates(kept)
    if quotes.index is not None:
        if feed.basis.denominator:
            yield "MRK-5", {**formed, "spot": quotes.index * BILLION + int(feed.basis.sample * BILLION)}
        yield "MRK-3", {**formed, "spot": quotes.index * BILLION}
    if "average of the book" in formed:
        yield "MRK-5", {**formed, "average of the book": int(feed.book.sample * BILLION)}
        yield "MRK-3", {name: value for name, value in formed.items() if name != "average of the book"}
    if "book" in formed:
        for book in (mid(quotes), *([] if quotes.last is None else [quotes.last * BILLION])):
            yield "MRK-3", {**formed, "book": book}
        yield "MRK-3", {**formed, "average of the book": feed.book.value()}
    elif (side := quotes.best_bid or quotes.best_ask) is not None:
        yield "MRK-3", feed.candidates(evolve(quotes, best_bid=side, best_ask=side))
