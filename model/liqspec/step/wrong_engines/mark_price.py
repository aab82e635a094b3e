"""Engines that form the mark price wrongly, most of them as some venue once did."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import median
from typing import Any

from attrs import evolve

from liqspec.core import events
from liqspec.core.admission import COMMON, Amounts
from liqspec.core.arithmetic import Ratio
from liqspec.core.families import mark_price
from liqspec.core.families.mark_price import BILLION, Average, Feed, Perp, Quotes
from liqspec.core.refusals import NotPositive
from liqspec.core.state import Pool, State
from liqspec.step.wrong_engines.base import PERFORM, Patch, checks, operates, skips, wrong

REAL_CANDIDATES, REAL_ADD, REAL_KEEP, REAL_SAMPLE = Feed.candidates, Average.add, Feed.keep, Feed.sample
REAL_LIMITED = mark_price.limited


def _mean(candidates: Sequence[int]) -> int:
    return mark_price.half_even(sum(candidates), len(candidates) * BILLION)


def _first(candidates: Sequence[int]) -> int:
    return mark_price.half_even(candidates[0], BILLION)


def _lower(candidates: Sequence[int]) -> int:
    return mark_price.half_even(sorted(candidates)[(len(candidates) - 1) // 2], BILLION)


def _never_stale(_: int, stale_ms: int | None) -> bool:
    return stale_ms is not None


def _stale_at_its_age(age: int, stale_ms: int | None) -> bool:
    return stale_ms is not None and age < stale_ms


def _keeps_the_first_time(self: Feed, quotes: Quotes, now: int) -> None:
    times = {name: time for name, (_, time) in self.given.items()}
    REAL_KEEP(self, quotes, now)
    self.given = {name: (value, times.get(name, time)) for name, (value, time) in self.given.items()}


def _last_alone(quotes: Quotes) -> int:
    return mark_price.mid(quotes) if quotes.last is None else quotes.last * BILLION


def _without_the_last(quotes: Quotes) -> int:
    return mark_price.mid(quotes)


def _one_side_is_enough(self: Feed, quotes: Quotes) -> dict[str, int]:
    bid, ask = quotes.best_bid or quotes.best_ask, quotes.best_ask or quotes.best_bid
    return REAL_CANDIDATES(self, evolve(quotes, best_bid=bid, best_ask=ask))


def _without_the_basis(self: Feed, quotes: Quotes) -> dict[str, int]:
    found = REAL_CANDIDATES(self, quotes)
    return {**found, "spot": quotes.index * BILLION} if quotes.index is not None else found


def _without_the_average(self: Feed, quotes: Quotes) -> dict[str, int]:
    found = REAL_CANDIDATES(self, quotes)
    return {name: value for name, value in found.items() if name != "average of the book"}


def _with_the_average_alone(self: Feed, quotes: Quotes) -> dict[str, int]:
    found = REAL_CANDIDATES(self, quotes)
    return {**found, "average of the book": self.book.value()} if "book" in found and len(found) < 3 else found


def _below_a_tick(self: Feed, quotes: Quotes) -> dict[str, int]:
    found = REAL_CANDIDATES(self, quotes)
    if quotes.index is not None:
        found["spot"] = quotes.index * BILLION + self.basis.value()
    return found


def _without_weights(perps: Iterable[Perp]) -> int:
    return int(median(perp.price for perp in perps) * BILLION)


def _lower_of_two(perps: Iterable[Perp]) -> int:
    ordered, reached = sorted(perps), 0
    for perp in ordered:
        reached += 2 * perp.weight
        if reached >= sum(one.weight for one in ordered):
            return perp.price * BILLION
    raise AssertionError("a weighted median needs a price")


def _weighted_mean(perps: Iterable[Perp]) -> int:
    listed = list(perps)
    return sum(perp.price * perp.weight for perp in listed) * BILLION // sum(perp.weight for perp in listed)


def _restarts(self: Average, sample: int, now: int, tau: int) -> None:
    self.numerator = self.denominator = Decimal(0)
    REAL_ADD(self, sample, now, tau)


def _counts_samples(self: Average, sample: int, now: int, tau: int) -> None:
    self.time = now - 1
    REAL_ADD(self, sample, now, tau)


def _never_forgets(self: Average, sample: int, now: int, tau: int) -> None:
    REAL_ADD(self, sample, now, tau * 10**9)


def _in_seconds(self: Average, sample: int, now: int, tau: int) -> None:
    REAL_ADD(self, sample, now, tau // 1000)


def _of_the_bid(self: Feed, quotes: Quotes, now: int) -> None:
    if quotes.index is not None and mark_price.has_book(quotes):
        bid = quotes.best_bid
        REAL_SAMPLE(self, evolve(quotes, best_ask=bid), now)
    else:
        REAL_SAMPLE(self, quotes, now)


def _only_upwards(mark: int, previous: int, max_move: Ratio | None) -> int:
    return mark if mark < previous else REAL_LIMITED(mark, previous, max_move)


def _of_the_new_mark(mark: int, previous: int, max_move: Ratio | None) -> int:
    if max_move is None:
        return mark
    most = max(mark * max_move.numerator // max_move.denominator, 1)
    return max(previous - most, min(previous + most, mark), 1)


def _stays_where_it_was(mark: int, previous: int, max_move: Ratio | None) -> int:
    return mark if REAL_LIMITED(mark, previous, max_move) == mark else previous


def _takes_zeros(self: events.PriceInputs, state: State) -> Amounts:
    amounts: Amounts = {}
    for check in COMMON:
        if check.refusal is not NotPositive:
            check.run(self, state, amounts)
    for own in self.checks:
        own.run(self, state, amounts)
    return amounts


def _unassessed(self: events.PriceInputs, state: State, amounts: Amounts, effects: list[Any]) -> list[Pool]:
    PERFORM[events.PriceInputs](self, state, amounts, effects)
    return []


def _sets_the_last(self: events.PriceInputs, state: State, amounts: Amounts, effects: list[Any]) -> list[Pool]:
    if self.current(state, amounts).price_exists:
        return PERFORM[events.PriceInputs](self, state, amounts, effects)
    state.marks[self.market] = amounts.get("last", state.marks[self.market])
    return []


ENGINES = (
    wrong("X236", "MRK-6", "The mark is the mean of the candidates", Patch(mark_price, "median", _mean)),
    wrong("X237", "MRK-6", "The mark is the first candidate that exists", Patch(mark_price, "median", _first)),
    wrong("X238", "MRK-6", "Of two candidates the mark is the lower one", Patch(mark_price, "median", _lower)),
    wrong("X241", "MRK-2", "A stale input is kept", Patch(mark_price, "counts", _never_stale)),
    wrong(
        "X242", "MRK-2", "An input of exactly its greatest age is stale", Patch(mark_price, "counts", _stale_at_its_age)
    ),
    wrong(
        "X243",
        "MRK-2",
        "An input counts from when one of its name first came",
        Patch(Feed, "keep", _keeps_the_first_time),
    ),
    wrong("X244", "MRK-3", "The last trade is the price of the book", Patch(mark_price, "book_candidate", _last_alone)),
    wrong("X245", "MRK-3", "The last trade is ignored", Patch(mark_price, "book_candidate", _without_the_last)),
    wrong("X246", "MRK-3", "One side of the book is a book", Patch(Feed, "candidates", _one_side_is_enough)),
    wrong("X247", "MRK-3", "Spot is the index without the basis", Patch(Feed, "candidates", _without_the_basis)),
    wrong("X248", "MRK-3", "The average of the book never joins", Patch(Feed, "candidates", _without_the_average)),
    wrong(
        "X249",
        "MRK-3",
        "The average of the book joins the book alone",
        Patch(Feed, "candidates", _with_the_average_alone),
    ),
    wrong("X250", "MRK-3", "Spot may be below a tick", Patch(Feed, "candidates", _below_a_tick)),
    wrong(
        "X251", "MRK-4", "A weighted median ignores the weights", Patch(mark_price, "weighted_median", _without_weights)
    ),
    wrong(
        "X252",
        "MRK-4",
        "At half of the weight the lower price counts",
        Patch(mark_price, "weighted_median", _lower_of_two),
    ),
    wrong(
        "X253", "MRK-4", "The other venues count by their mean", Patch(mark_price, "weighted_median", _weighted_mean)
    ),
    wrong("X254", "MRK-5", "An average restarts at each sample", Patch(Average, "add", _restarts)),
    wrong("X255", "MRK-5", "An average counts samples and not time", Patch(Average, "add", _counts_samples)),
    wrong("X256", "MRK-5", "An average never forgets", Patch(Average, "add", _never_forgets)),
    wrong("X257", "MRK-5", "An average takes seconds for milliseconds", Patch(Average, "add", _in_seconds)),
    wrong("X258", "MRK-5", "The basis is of the best bid", Patch(Feed, "sample", _of_the_bid)),
    wrong("X260", "MRK-7", "Only a rising mark is limited", Patch(mark_price, "limited", _only_upwards)),
    wrong(
        "X261", "MRK-7", "The largest move is a share of the new mark", Patch(mark_price, "limited", _of_the_new_mark)
    ),
    wrong("X262", "MRK-7", "A mark that would move too far stays", Patch(mark_price, "limited", _stays_where_it_was)),
    wrong("X263", "EVT-2", "An input of 0 is a price", Patch(events.PriceInputs, "admit", _takes_zeros)),
    wrong("X264", "MRK-1", "A formed mark liquidates nobody", operates(events.PriceInputs, _unassessed)),
    wrong(
        "X265",
        "MRK-6",
        "Without a candidate the last trade is the mark",
        checks(events.PriceInputs, skips("no_price")),
        operates(events.PriceInputs, _sets_the_last),
    ),
)
