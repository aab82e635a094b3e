"""Inputs of a mark: at the lines of positions, with one source far away, missing, old, or alone (MRK-1)."""

from collections.abc import Callable
from itertools import cycle, islice
from random import Random
from typing import Any

from liqspec.core.config import Market
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.families.mark_price import BILLION, Feed
from liqspec.edge.amounts import MAX_INTEGER
from liqspec.generate.moves import Moves

# Weights whose sums no double has.
_HEAVY = (
    (MAX_INTEGER, MAX_INTEGER - 1, 1),
    (MAX_INTEGER, MAX_INTEGER - 1),
    (2**52, 2**52 - 1, 1, 1),
    (MAX_INTEGER, 2**52, 2**52 - 2),
)
_MANY = (9, 17, 33, 65, 300, 2_100)  # entries; the sum of the weights of 2,100 heavy ones has more than 64 bits
_WEIGHTS = ((1,), (1, 1), (3, 2, 1), (2, 1, 1), (3, 3, 2), (1, 1, 1, 1), (5, 2, 2, 1))


class InputMoves(Moves):
    """What the sources of a mark can quote; `price` proposes a mark of a market in ticks."""

    def __init__(self, random: Random, engine: Engine, price: Callable[[Market], int]) -> None:
        super().__init__(random, engine)
        self._price = price

    def price_inputs(self) -> EventData:
        """Inputs of one market, mostly of one with a position, mostly near a mark at a boundary."""
        held = [position.market for _, position in self._open()]
        market = self._random.choice(held) if held and self._chance(0.9) else self._market()
        target, chosen = self._price(market), self._sources()
        inputs: dict[str, Any] = {}
        for name in chosen:
            inputs.update(self._quoted(market, name, self._near(target)))
        if self._chance(0.06):  # what no candidate can be made of, unless earlier inputs still count
            kept = self._random.choice(("last", "best_bid", "best_ask"))
            inputs = {kept: market.price.text(target)}
        return {"type": "price_inputs", "market": market.name, **_with_a_fault(inputs)}

    def _sources(self) -> tuple[str, ...]:
        """One source alone, two, or all three; often the one that decides is at the target."""
        count = self._random.choice((1, 1, 2, 3, 3))
        return tuple(self._random.sample(("spot", "book", "perps"), k=count))

    def _near(self, target: int) -> int:
        """The target mostly; else a tick, a little, or very far from it: a source that is manipulated."""
        far = self._random.choice((target // 2, target * 3, 1, target // 10))
        little = target + target * self._random.choice((-3, -1, 1, 3)) // 100
        choices = (target, target, target, target - 1, target + 1, little, far)
        return max(1, self._random.choice(choices))

    def _quoted(self, market: Market, source: str, price: int) -> dict[str, Any]:
        text, random = market.price.text, self._random
        if source == "spot":  # so that index and basis together are the price
            basis = (self._state.feeds.get(market.name) or Feed()).basis.value() // BILLION
            return {"index": text(max(1, price - random.choice((basis, basis, 0))))}
        if source == "book":
            spread = random.choice((0, 0, 1, 2, 3, price // 50, -1))  # below 0 the book is crossed
            book = {"best_bid": text(max(1, price - spread)), "best_ask": text(max(1, price + spread))}
            if self._chance(0.5):
                last = random.choice((price, price + spread, price - spread - 1, price * 2, price // 2))
                book["last"] = text(max(1, last))
            return book
        weights = random.choice(_WEIGHTS)
        around = [
            price + step for step in random.sample((0, 0, 1, -1, price // 20, -(price // 3), price), k=len(weights))
        ]
        quotes = [{"price": text(max(1, one)), "weight": weight} for one, weight in zip(around, weights, strict=True)]
        return {"perps": quotes}


_WRONG = ("0", "0." + "0" * 40 + "1", "-1")  # prices: two that are not above 0, and one that is on no grid


def _wrong(given: Any, price: str) -> Any:
    """A wrong price in the place of one, or of the last of several."""
    return [*given[:-1], {**given[-1], "price": price}] if isinstance(given, list) else price


def _with_a_fault(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs; of some, one side of the book is gone, or a price is 0, or the weights are heavy, or many, or two
    prices are wrong, each in its own way, or there are none: by a chance that they make themselves.
    """
    if Random(f"none {inputs!r}").random() < 0.04:
        return {}
    chance = Random(repr(inputs))
    further = Random(f"heavy {inputs!r}")
    many = Random(f"many {inputs!r}")
    if len(inputs.get("perps", ())) > 1 and many.random() < 0.02:
        count, weight = many.choice(_MANY), many.choice((MAX_INTEGER, 1))
        entries = [*islice(cycle(inputs["perps"]), count)]
        if many.random() < 0.6:  # the last one decides: without it the median would be another
            entries = [entries[0]] * ((count - 1) // 2) + [entries[1]] * (count - (count - 1) // 2)
        return {**inputs, "perps": [{**one, "weight": weight} for one in entries]}
    if "perps" in inputs and further.random() < 0.15:
        heavy = [one for one in _HEAVY if len(one) == len(inputs["perps"])]
        weights = further.choice(heavy) if heavy else [one["weight"] for one in inputs["perps"]]
        return {
            **inputs,
            "perps": [{**one, "weight": weight} for one, weight in zip(inputs["perps"], weights, strict=True)],
        }
    if len(inputs) > 1 and further.random() < 0.05:
        bad = zip(further.sample(sorted(inputs), k=2), further.sample((*_WRONG, *_WRONG), k=2), strict=True)
        return {**inputs, **{name: _wrong(inputs[name], price) for name, price in bad}}
    if "index" in inputs and chance.random() < 0.1:
        gone = chance.choice(("best_bid", "best_ask"))
        return {name: value for name, value in inputs.items() if name != gone}
    if chance.random() < 0.06:
        return {**inputs, chance.choice(("index", "last", "best_ask")): "0"}
    return inputs
