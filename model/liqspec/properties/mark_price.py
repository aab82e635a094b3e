"""What must hold of a mark that is formed, whatever one source says (MRK-3, MRK-6, MRK-7)."""

from typing import Any

from liqspec.core.effects import MarkFormed
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData, PriceInputs, from_json
from liqspec.core.families.mark_price import BILLION, Quotes
from liqspec.core.snapshot import Snapshot
from liqspec.properties.paired import PairedRun
from liqspec.properties.property import HOLDS, NOT_EXERCISED, Properties, Verdict, holds_if, violated

FORMED = Properties[PairedRun]("model")


def _formed(engine: Engine, before: Snapshot, event: EventData) -> MarkFormed | None:
    """The mark that inputs form from a state; None if they are refused."""
    engine.restore(before)
    return next((one for one in apply_event(engine, event).effects if isinstance(one, MarkFormed)), None)


def _inputs(pair: PairedRun) -> Quotes | None:
    """The inputs that count at the event of the pair; None if it forms no mark."""
    if pair.refusal is not None or pair.event.get("type") != PriceInputs.type:
        return None
    event = from_json(pair.event)
    assert isinstance(event, PriceInputs), "of that type"
    pair.engine.restore(pair.before)
    return event.current(pair.engine.state, event.admit(pair.engine.state))


@FORMED.add("pair", "MRK-3 MRK-6 MRK-7")
def a_mark_lies_between_its_candidates(pair: PairedRun) -> Verdict:
    """A mark is formed between the least and the greatest candidate, or between these and the mark before."""
    if _inputs(pair) is None:
        return NOT_EXERCISED
    formed = _formed(pair.engine, pair.before, pair.event)
    assert formed is not None, "the event was accepted"
    return _between(pair, formed, [value for _, value in formed.candidates])


@FORMED.add("pair", "MRK-3 MRK-6")
def a_last_trade_moves_a_mark_within_bid_and_ask_only(pair: PairedRun) -> Verdict:
    """Whatever the last trade, a mark is as without it to within the spread of the book; without a book, the same."""
    inputs = _inputs(pair)
    if inputs is None or "last" not in pair.event:
        return NOT_EXERCISED
    bid, ask = inputs.best_bid, inputs.best_ask
    spread = 0 if bid is None or ask is None else abs(ask - bid) + 1
    text = pair.engine.venue.markets[pair.event["market"]].price.text
    here = _formed(pair.engine, pair.before, pair.event)
    for last in ("", text(1), text(1000 * dict(pair.before.marks)[pair.event["market"]])):
        changed = {**pair.event, "last": last} if last else {k: v for k, v in pair.event.items() if k != "last"}
        there = _formed(pair.engine, pair.before, changed)
        if here is None or there is None or abs(here.price - there.price) > spread:
            marks = [None if one is None else one.price for one in (here, there)]
            return violated(f"with another last trade the mark is {marks[1]}, not {marks[0]} ticks; spread {spread}")
    return HOLDS


@FORMED.add("pair", "MRK-4 MRK-6 MRK-7")
def one_candidate_moves_a_mark_at_most_to_the_next(pair: PairedRun) -> Verdict:
    """With three candidates, whatever the other venues quote, a mark stays between spot and book."""
    inputs = _inputs(pair)
    if inputs is None or "perps" not in pair.event or inputs.index is None or inputs.best_bid is None:
        return NOT_EXERCISED
    text, exercised = pair.engine.venue.markets[pair.event["market"]].price.text, False
    for price in (1, 1000 * dict(pair.before.marks)[pair.event["market"]]):
        manipulated: dict[str, Any] = {**pair.event, "perps": [{"price": text(price), "weight": 1}]}
        formed = _formed(pair.engine, pair.before, manipulated)
        if formed is None or len(formed.candidates) != 3:
            continue
        exercised = True
        verdict = _between(pair, formed, [value for name, value in formed.candidates if name != "perps"])
        if verdict.wrong:
            return verdict
    return holds_if(exercised)


def _between(pair: PairedRun, formed: MarkFormed, values: list[int]) -> Verdict:
    """Whether a mark is between values in billionths of a tick; where it was limited, these and the mark before."""
    bounds = [min(values) // BILLION, -(-max(values) // BILLION)]
    if formed.limited:
        bounds.append(dict(pair.before.marks)[formed.market])
    if min(bounds) <= formed.price <= max(bounds):
        return HOLDS
    return violated(f"the mark is {formed.price} ticks, must be from {min(bounds)} to {max(bounds)}")
