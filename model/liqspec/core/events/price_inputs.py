"""What other venues and the venue's own book quote, from which a mark is formed (MRK-1)."""

from typing import Any, ClassVar

import attrs
from attrs import field, frozen

from liqspec.core import admission, changes
from liqspec.core.admission import Amounts, Check, EventData, EventRecord, Failure
from liqspec.core.changes import Effects, Touched
from liqspec.core.effects import MarkFormed
from liqspec.core.families import mark_price
from liqspec.core.families.mark_price import Feed, Perp, Quotes
from liqspec.core.refusals import NoPrice, NotFormed
from liqspec.core.state import State
from liqspec.edge import shapes
from liqspec.edge.shapes import is_integer


@frozen(kw_only=True)
class PerpInput:
    """A price of the same contract on another venue, and its weight, as an event writes them (MRK-1)."""

    price: str = admission.amount("price", "positive")
    weight: int = field(validator=is_integer)


@frozen
class PriceInputs(EventRecord, rule="MRK-1"):
    """Prices of one market, each optional, from which its mark is formed (MRK-1)."""

    example: ClassVar[EventData] = {"market": "A", "index": "100"}

    market: str = field(validator=admission.is_text)
    index: str | None = admission.amount("price", "positive", default=None)
    best_bid: str | None = admission.amount("price", "positive", default=None)
    best_ask: str | None = admission.amount("price", "positive", default=None)
    last: str | None = admission.amount("price", "positive", default=None)
    perps: tuple[PerpInput, ...] | None = field(default=None)

    @perps.validator
    def _check(self, attribute: "attrs.Attribute[Any]", perps: tuple[PerpInput, ...] | None) -> None:
        if perps == ():
            raise shapes.WrongShape(attribute.name, "at least one entry is needed")
        for place, perp in enumerate(perps or (), start=1):
            if perp.weight < 1:
                raise shapes.WrongShape(f"{attribute.name}[{place}].weight", f"must be at least 1, got {perp.weight}")

    def not_formed(self, state: State, _: Amounts) -> Failure | None:
        """MRK-1: the run forms its marks."""
        if state.venue.forms_marks:
            return None
        return Failure("market", self.market, "the configuration of this run has no table mark")

    def no_price(self, state: State, amounts: Amounts) -> Failure | None:
        """MRK-6: at least one candidate exists."""
        if self.current(state, amounts).price_exists:
            return None
        return Failure("market", self.market, "of index, perps, and best_bid with best_ask at least one is needed")

    checks: ClassVar[tuple[Check["PriceInputs"], ...]] = (
        Check(refusal=NotFormed, rule="MRK-1", failing=not_formed, example=("holding", {})),
        Check(
            refusal=NoPrice,
            rule="MRK-6",
            also=("MRK-2", "MRK-3"),
            failing=no_price,
            example=("forming", {"index": None, "last": "100"}),
        ),
    )

    def quotes(self, amounts: Amounts) -> Quotes:
        """The inputs of the event itself, in ticks."""
        perps = None
        if self.perps is not None:
            places = enumerate(self.perps, start=1)
            perps = tuple(Perp(amounts[f"perps[{place}].price"], perp.weight) for place, perp in places)
        index, bid, ask, last = (amounts.get(name) for name in ("index", "best_bid", "best_ask", "last"))
        return Quotes(index, bid, ask, last, perps)

    def current(self, state: State, amounts: Amounts) -> Quotes:
        """The inputs that count when the event comes (MRK-2)."""
        feed = state.feeds.get(self.market) or Feed()
        return feed.current(self.quotes(amounts), state.time, state.venue.stale_ms)

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """MRK-2 to MRK-7."""
        quotes, feed = self.current(state, amounts), state.feeds.setdefault(self.market, Feed())
        # Change
        if state.venue.stale_ms is not None:
            feed.keep(self.quotes(amounts), state.time)
        feed.sample(quotes, state.time)
        candidates = feed.candidates(quotes)
        middle = mark_price.median(tuple(candidates.values()))
        mark = mark_price.limited(middle, state.marks[self.market], state.venue.max_move)
        state.marks[self.market] = self.settled(state, mark)
        effects.append(MarkFormed(self.market, state.marks[self.market], tuple(candidates.items()), mark != middle))
        # Touched
        return changes.pools_in(state, self.market)

    def settled(self, _: State, mark: int) -> int:
        """The mark with which the run continues: the one that these rules form (MRK-6)."""
        return mark


@frozen
class AtReportedMark(PriceInputs, rule="MRK-1"):
    """The same where an engine reports its mark, in ticks: the run continues with it if it is near enough (MRK-9)."""

    reported: int = field(kw_only=True)

    @classmethod
    def of(cls, event: PriceInputs, reported: int) -> "AtReportedMark":
        """The event with the mark that an engine reports after it."""
        return cls(**attrs.asdict(event, recurse=False), reported=reported)

    def settled(self, state: State, mark: int) -> int:
        """MRK-9: the reported mark within one tick of the mark of these rules, and within the largest move."""
        near = abs(self.reported - mark) <= 1
        allowed = mark_price.limited(self.reported, state.marks[self.market], state.venue.max_move) == self.reported
        return self.reported if near and allowed and self.reported > 0 else mark
