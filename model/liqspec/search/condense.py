"""Says the same with an event fewer: a mark that was there from the start, collateral that a better price replaces."""

from collections.abc import Iterator

from liqspec.core.events import EventData
from liqspec.edge.amounts import decimal_text, exact
from liqspec.search.minimise import Failing


def condensed(failing: Failing) -> Iterator[Failing]:
    """Runs with one event fewer that leave a pool with the same equity; whether they fail is for others to ask."""
    yield from _with_a_starting_mark(failing)
    yield from _paid_by_the_price(failing)


def _with_a_starting_mark(failing: Failing) -> Iterator[Failing]:
    """Runs in which a market has from the start the mark that an event gave it."""
    for index, event in enumerate(failing.events):
        market, price = event.get("market"), event.get("price")
        if event.get("type") == "mark_price" and isinstance(market, str) and market in failing.config["marks"]:
            config = {**failing.config, "marks": {**failing.config["marks"], market: price}}
            yield Failing(config, failing.events[:index] + failing.events[index + 1 :])


def _paid_by_the_price(failing: Failing) -> Iterator[Failing]:
    """Runs in which an opening trade is cheap enough that its profit replaces the collateral given before it."""
    for paid, money in enumerate(failing.events):
        for opened in range(paid + 1, len(failing.events)):
            price = _cheaper(failing, money, failing.events[opened])
            if price is not None:
                rest = [{**one, "price": price} if at == opened else one for at, one in enumerate(failing.events)]
                yield Failing(failing.config, rest[:paid] + rest[paid + 1 :])


def _cheaper(failing: Failing, money: EventData, trade: EventData) -> str | None:
    """The price, on its tick, at which a trade earns at its mark at least what an event gave to its pool."""
    backs = {("deposit", "cross"), ("transfer", "isolated")}
    if trade.get("type") != "trade" or (money.get("type"), trade.get("mode")) not in backs:
        return None
    if money.get("account") != trade.get("account") or money.get("market", trade.get("market")) != trade.get("market"):
        return None
    try:
        amount, size, price = (exact(text) for text in (money["amount"], trade["size"], trade["price"]))
        tick = exact(failing.config["markets"][trade["market"]]["tick"])
        ticks = (price - amount / size) / tick
    except (KeyError, TypeError, ValueError, ZeroDivisionError):  # one of them is an event that must be refused
        return None
    lowered = ticks.__floor__() if size > 0 else ticks.__ceil__()
    return decimal_text(lowered * tick) if lowered > 0 else None
