"""A simple order book for scenarios: a ladder of liquidity around the mark that liquidation orders walk (SCN-3)."""

from attrs import define

from liqspec.core import arithmetic
from liqspec.core.engine import Engine
from liqspec.core.events import Event, Fill, OrderDone
from liqspec.core.state import Position
from liqspec.spec.scenarios import Level


@define
class Ladder:
    """What rests in one market at distances from the mark, on each side for itself.

    What is taken comes back when a block begins.
    """

    levels: list[tuple[int, int]]
    bids: list[int]
    asks: list[int]

    @classmethod
    def of(cls, engine: Engine, market: str, levels: tuple[Level, ...]) -> "Ladder":
        """The ladder of a market, nearest level first."""
        grids = engine.venue.markets[market]
        steps = sorted((grids.price.units(level.distance) or 0, grids.size.units(level.size) or 0) for level in levels)
        return cls(steps, [size for _, size in steps], [size for _, size in steps])

    def begin_block(self) -> None:
        """Refill the ladder."""
        self.bids = [size for _, size in self.levels]
        self.asks = self.bids.copy()

    def take(self, wanted: int, mark: int, selling: bool) -> tuple[int, int] | None:
        """The next execution of an order: size in lots and price in ticks, or None if nothing rests any more."""
        found = self._nearest(mark, selling)
        if found is None:
            return None
        index, price = found
        left = self.bids if selling else self.asks
        size = min(wanted, left[index])
        left[index] -= size
        return size, price

    def nearest(self, wanted: int, mark: int, selling: bool) -> tuple[int, int] | None:
        """What `take` would take now; nothing is taken."""
        found = self._nearest(mark, selling)
        if found is None:
            return None
        index, price = found
        return min(wanted, (self.bids if selling else self.asks)[index]), price

    def _nearest(self, mark: int, selling: bool) -> tuple[int, int] | None:
        """The nearest level that is not empty, and its price."""
        left = self.bids if selling else self.asks
        for index, (distance, _) in enumerate(self.levels):
            price = mark - distance if selling else mark + distance
            if left[index] and price > 0:
                return index, price
        return None


def _beyond_limit(position: Position, price: int) -> bool:
    """Whether the order may not be executed at a price in ticks (LIQ-17); what lies farther away is worse still."""
    return position.limit is not None and arithmetic.worse(price, position.limit, position.size)


def next_execution(engine: Engine, ladders: dict[str, Ladder]) -> Event | None:
    """What the market does next to a working order in a market with a ladder: a fill, or the end of the order."""
    for position in engine.state.working_orders():
        market = position.market
        ladder = ladders.get(market.name)
        if position.order is not None and ladder is not None:
            mark, selling = engine.state.marks[market.name], position.size > 0
            execution = ladder.nearest(position.order, mark, selling=selling)
            if execution is None or _beyond_limit(position, execution[1]):
                return OrderDone(position.account, market.name, position.mode)
            ladder.take(position.order, mark, selling=selling)
            size, price = market.size.text(execution[0]), market.price.text(execution[1])
            return Fill(position.account, market.name, position.mode, size, price)
    return None
