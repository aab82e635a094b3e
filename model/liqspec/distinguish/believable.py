"""Events as they could happen at a venue: its own marks, trades and fills at the mark, and money paid in for them.

The shortest events often pay for a position by a price far from the mark. Each pass here keeps what the run shows.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import wraps
from itertools import islice, product
from typing import Any

from attrs import evolve

from liqspec.core.config import quote_unit_of
from liqspec.core.events import EventData
from liqspec.edge.amounts import decimal_text, exact, is_decimal
from liqspec.search.minimise import Candidates, FailingRun, Pass
from liqspec.search.passes import drop_events

_MOVES = (Fraction(1, 20), Fraction(1, 10), Fraction(1, 5), Fraction(1, 2))  # of a mark, the smallest that shows it
_MONEY = frozenset({"amount", "payment"})


def passes(marks: dict[str, str]) -> tuple[Pass, ...]:
    """The passes that make a run believable, towards these starting marks."""
    return (one_mark, _from_marks(marks), trade_at_the_mark, fill_at_the_mark, move_less, drop_events)


def _each(other: Callable[[FailingRun, int], EventData | None]) -> Pass:
    """The pass that puts another event in the place of each for which there is one."""

    @wraps(other)
    def one(run: FailingRun) -> Candidates:
        for index in range(len(run.events)):
            if index < len(run.events) and (made := other(run, index)) is not None:
                run = (yield evolve(run, events=[*run.events[:index], made, *run.events[index + 1 :]])) or run
        return run

    return one


def _from_marks(marks: dict[str, str]) -> Pass:
    """Start each market from its mark, with sizes as much smaller as prices are larger, else money in proportion."""

    def start(run: FailingRun) -> Candidates:
        for market, mark in run.config["marks"].items():
            wanted = marks.get(market)
            if wanted is None or exact(wanted) == exact(mark):
                continue
            factor = exact(wanted) / exact(mark)
            for size, money in ((1 / factor, Fraction(1)), (Fraction(1), factor)):
                if (found := (yield _scaled(run, market, factor, size, money))) is not None:
                    run = found
                    break
        return run

    return start


def _scaled(run: FailingRun, market: str, price: Fraction, size: Fraction, money: Fraction) -> FailingRun:
    """The run with the prices and sizes of a market, and all money, times these factors, each on its grid."""
    rules = run.config["markets"][market]
    of_market = {"price": (price, exact(rules["tick"])), "size": (size, exact(rules["lot"]))}
    of_money = (money, exact(quote_unit_of(run.config)))

    def scaled(event: EventData) -> EventData:
        made = dict(event)
        for name in _MONEY & event.keys():
            made[name] = _times(event[name], *of_money)
        for name in of_market.keys() & event.keys() if event.get("market") == market else ():
            made[name] = _times(event[name], *of_market[name])
        if isinstance(event.get("prices"), dict) and market in event["prices"]:
            made["prices"] = {**event["prices"], market: _times(event["prices"][market], *of_market["price"])}
        return made

    marks = {**run.config["marks"], market: _times(run.config["marks"][market], *of_market["price"])}
    return evolve(run, config={**run.config, "marks": marks}, events=[scaled(event) for event in run.events])


def _times(text: Any, factor: Fraction, step: Fraction) -> Any:
    """An amount times a factor, to the nearest step but not to 0; what is not an amount as it is."""
    if not is_decimal(text) or not (value := exact(text) * factor):
        return text
    return decimal_text((round(value / step) or (1 if value > 0 else -1)) * step)


def trade_at_the_mark(run: FailingRun) -> Candidates:
    """Trade at the mark; what another price would have earned there is paid in before."""
    index = 0
    while index < len(run.events):
        event, mark = run.events[index], _mark_elsewhere(run, index, "trade")
        if mark is not None and is_decimal(event.get("size")):
            earned = exact(event["size"]) * (exact(mark) - exact(event["price"]))
            paid = _paid_in(event, decimal_text(earned)) if earned > 0 else []
            events = [*run.events[:index], *paid, {**event, "price": mark}, *run.events[index + 1 :]]
            if (found := (yield evolve(run, events=events))) is not None:
                run, index = found, index + len(paid)
        index += 1
    return run


def _paid_in(trade: EventData, amount: str) -> list[EventData]:
    """A deposit of what is earned, and for an isolated position also its transfer."""
    deposit = {"type": "deposit", "account": trade["account"], "amount": amount}
    if trade["mode"] == "cross":
        return [deposit]
    return [deposit, {"type": "transfer", "account": trade["account"], "market": trade["market"], "amount": amount}]


@_each
def fill_at_the_mark(run: FailingRun, index: int) -> EventData | None:
    """Fill at the mark."""
    mark = _mark_elsewhere(run, index, "fill")
    return None if mark is None else {**run.events[index], "price": mark}


def move_less(run: FailingRun) -> Candidates:
    """Where a mark moves by more than half: less, with money that leaves its positions the same equity or ratio."""
    for index, event in enumerate(run.events):
        before = _mark_at(run, index)
        if event.get("type") != "mark_price" or not is_decimal(before) or not is_decimal(event.get("price")):
            continue
        moved = exact(event["price"]) / exact(before or "")
        if abs(moved - 1) <= Fraction(1, 2):
            continue
        for candidate in _moving_less(run, index, exact(before or ""), moved):
            if (found := (yield candidate)) is not None:
                run = found
                break
    return run


def _moving_less(run: FailingRun, index: int, before: Fraction, moved: Fraction) -> Iterator[FailingRun]:
    """The run with smaller moves of the mark at an event, each with other sizes and leverages, the smallest first."""
    market = run.events[index]["market"]
    for move in _MOVES:
        to = 1 + move if moved > 1 else 1 - move
        for size, leverage in product((moved / to, Fraction(1)), _leverages(run, market)):
            yield _moving(_at_leverage(run, market, leverage), index, before, to, size)


def _leverages(run: FailingRun, market: str) -> list[int | None]:
    """None for that of each trade, then the most that the market's tiers allow."""
    return [None, *sorted({tier["max_leverage"] for tier in run.config["markets"][market]["tiers"]}, reverse=True)]


def _at_leverage(run: FailingRun, market: str, leverage: int | None) -> FailingRun:
    def with_leverage(event: EventData) -> EventData:
        trades = leverage is not None and event.get("type") == "trade" and event.get("market") == market
        return {**event, "leverage": leverage} if trades and "leverage" in event else event

    return evolve(run, events=[with_leverage(event) for event in run.events])


@_each
def one_mark(run: FailingRun, index: int) -> EventData | None:
    """Set the mark of one market by the event of one market."""
    event = run.events[index]
    prices = event.get("prices")
    if event.get("type") != "marks" or not isinstance(prices, dict) or len(prices) != 1:
        return None
    ((market, price),) = prices.items()
    return {"type": "mark_price", "market": market, "price": price}


def _moving(run: FailingRun, index: int, before: Fraction, to: Fraction, size: Fraction) -> FailingRun:
    """The run in which the mark at an event is `to` times the one before, and sizes in its market `size` times.

    What was paid in last is such that the equity of the account is in the same proportion to its notional as before.
    """
    market, price = run.events[index]["market"], exact(run.events[index]["price"])
    rules, share = run.config["markets"][market], before * to / price
    near = _scaled(evolve(run, events=run.events[index:]), market, share, size, Fraction(1)).events
    earlier = _scaled(evolve(run, events=run.events[:index]), market, Fraction(1), size, Fraction(1)).events
    unit = exact(quote_unit_of(run.config))
    reached = round(before * to / exact(rules["tick"])) * exact(rules["tick"])
    for account in dict.fromkeys(event.get("account") for event in earlier):
        pairs = [
            (exact(old["size"]), exact(new["size"]))
            for old, new in zip(run.events, earlier, strict=False)
            if (new.get("type"), new.get("account"), new.get("market")) == ("trade", account, market)
        ]
        earned = sum(old * (price - before) for old, _ in pairs)
        earns = sum(new * (reached - before) for _, new in pairs)
        paid = [one for one in earlier if one.get("account") == account and one.get("type") in ("deposit", "transfer")]
        if pairs and paid:
            amount = exact(paid[-1]["amount"])
            needed = round(((amount + earned) * share * size - earns) / unit) * unit
            by = needed - amount
            for place, one in enumerate(earlier):
                if any(one is other for other in paid[-2:]):
                    earlier[place] = {**one, "amount": decimal_text(exact(one["amount"]) + by)}
    return evolve(run, events=[*earlier, *near])


def _mark_elsewhere(run: FailingRun, index: int, kind: str) -> str | None:
    """The mark at an event of a kind with another price; None where there is none, or it is of another kind."""
    event, mark = run.events[index], _mark_at(run, index)
    at_price = event.get("type") == kind and is_decimal(event.get("price")) and is_decimal(mark)
    return mark if at_price and event["price"] != mark else None


def _mark_at(run: FailingRun, index: int) -> str | None:
    """The mark of the event's market before it, if nothing refused it; None where that is formed from inputs."""
    market = run.events[index].get("market")
    mark: str | None = run.config["marks"].get(market)
    for event in islice(run.events, index):
        if event.get("type") == "price_inputs":
            return None
        if event.get("type") == "mark_price" and event.get("market") == market:
            mark = event.get("price")
        if event.get("type") == "marks" and isinstance(event.get("prices"), dict):
            mark = event["prices"].get(market, mark)
    return mark
