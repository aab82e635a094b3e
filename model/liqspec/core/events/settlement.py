"""The end of a market: the venue closes every position in it at one price (EVT-11)."""

from typing import ClassVar

from attrs import field, frozen

from liqspec.core import admission, changes
from liqspec.core.admission import Amounts, Check, EventData, EventRecord
from liqspec.core.changes import Effects, Touched, fire
from liqspec.core.effects import Marked, OrderEnded, PositionSettled
from liqspec.core.state import State


@frozen
class Settle(EventRecord, rule="EVT-11"):
    """The venue closes every position of a market at a price, without fee, and ends trading in it (EVT-11)."""

    example: ClassVar[EventData] = {"market": "A", "price": "100"}

    market: str = field(validator=admission.is_text)
    price: str = admission.amount("price", "positive")

    checks: ClassVar[tuple[Check["Settle"], ...]] = (admission.NOT_SETTLED,)

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """EVT-11."""
        market, price = state.venue.markets[self.market], amounts["price"]
        touched = changes.pools_in(state, market.name)
        # Change
        state.settled.add(market.name)
        state.marks[market.name] = price
        effects.append(Marked(market.name, price))
        for pool in touched:
            position = pool.positions[market.name]
            size = position.size
            if position.order is not None:
                effects.append(OrderEnded(position.key, position.order, "settled"))
            _, realised = changes.close(pool, position, abs(size), price)
            effects.append(PositionSettled(position.key, market.name, size, price, realised))
            fire(state, pool, position, "reduce", effects, rule=self.rule)
            position.end_life()
            state.outside.add(market.name, size, size * price * market.unit)  # Outside
        held = state.vault.positions.get(market.name, 0)
        if held:
            worth = held * price * market.unit
            state.vault.add(market.name, -held, -worth)
            state.outside.add(market.name, held, worth)  # Outside
            effects.append(PositionSettled(None, market.name, held, price, worth))
        # Touched
        return touched
