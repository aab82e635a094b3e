"""What the market does: marks, executions of liquidation orders, and funding (EVT-5, EVT-6, FIL-1 to FIL-6)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from attrs import field, frozen

from liqspec.core import admission, arithmetic, changes
from liqspec.core.admission import Amounts, Check, EventData, EventRecord, Failure
from liqspec.core.changes import Effects, Touched, fire
from liqspec.core.config import Mode
from liqspec.core.effects import Filled, FundingPaid, Marked, OrderEnded
from liqspec.core.refusals import NoWorkingOrder, Overfill, WorseThanLimit
from liqspec.core.state import Pool, Position, State
from liqspec.edge import keys, shapes
from liqspec.edge.amounts import check_amount


@frozen
class MarkPrice(EventRecord, rule="EVT-5"):
    """A new mark price of one market (EVT-5)."""

    example: ClassVar[EventData] = {"market": "A", "price": "100"}

    market: str = field(validator=admission.is_text)
    price: str = admission.amount("price", "positive")

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """EVT-5."""
        # Change
        state.marks[self.market] = amounts["price"]
        effects.append(Marked(self.market, amounts["price"]))
        # Touched
        return changes.pools_in(state, self.market)


def _sorted_prices(prices: Mapping[str, str] | tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(prices.items() if isinstance(prices, Mapping) else prices))


@frozen
class Marks(EventRecord, rule="EVT-5"):
    """New mark prices of several markets at once, in the order of the markets' names (EVT-5)."""

    example: ClassVar[EventData] = {"prices": {"A": "100"}}

    prices: tuple[tuple[str, str], ...] = field(converter=_sorted_prices)

    @prices.validator
    def _check(self, attribute: "attrs.Attribute[Any]", prices: tuple[tuple[str, str], ...]) -> None:
        if not prices:
            raise shapes.WrongShape(attribute.name, "at least one price is needed")
        for market, price in prices:
            admission.is_text(None, attribute, market)
            with shapes.at(f"{attribute.name}.{market}"):
                check_amount(price)

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """EVT-5."""
        # Change
        for market, price in amounts.items():
            state.marks[market] = price
            effects.append(Marked(market, price))
        # Touched
        return changes.pools_in(state, *amounts)


@frozen
class OrderEvent(EventRecord):
    """What happens to a working liquidation order, that of a position (FIL-1, FIL-6)."""

    account: str = field(validator=admission.is_text)
    market: str = field(validator=admission.is_text)
    mode: Mode

    def not_working(self, state: State, _: Amounts) -> Failure | None:
        """FIL-1, FIL-6: a liquidation order of the position is working."""
        position = state.position(self.account, self.market, self.mode)
        if position is not None and position.order is not None:
            return None
        return Failure(
            "market", keys.position(self.account, self.market, self.mode), "has no working liquidation order"
        )

    def working(self, state: State) -> tuple[Pool, Position]:
        """The position whose order it is, and its pool; the check has seen that there is one (FIL-1)."""
        pool = state.pool(self.account, self.mode, self.market)
        assert pool is not None, "admission saw a working order"
        return pool, pool.positions[self.market]


@frozen
class Fill(OrderEvent, rule="FIL-1"):
    """Part of a working liquidation order is executed at a price (FIL-1)."""

    example: ClassVar[EventData] = {"account": "alice", "market": "A", "mode": "cross", "size": "1", "price": "88"}

    size: str = admission.amount("size", "positive")
    price: str = admission.amount("price", "positive")

    def overfills(self, state: State, amounts: Amounts) -> Failure | None:
        """FIL-1: a fill is not larger than what is left of the order."""
        left = self.working(state)[1].order
        assert left is not None, "the check before saw a working order"
        if amounts["size"] <= left:
            return None
        return Failure("size", self.size, f"{state.venue.markets[self.market].size.text(left)} is left of the order")

    def worse_than_limit(self, state: State, amounts: Amounts) -> Failure | None:
        """LIQ-17: a fill is not worse for the position than the limit of its order."""
        position = self.working(state)[1]
        limit, price = position.limit, state.venue.markets[self.market].price
        if limit is None or not arithmetic.worse(amounts["price"], limit, position.size):
            return None
        side = "sells at" if position.size > 0 else "buys at"
        bound = "or above" if position.size > 0 else "or below"
        return Failure("price", self.price, f"the order {side} {price.text(limit)} {bound}")

    checks: ClassVar[tuple[Check["Fill"], ...]] = (
        Check(refusal=NoWorkingOrder, rule="FIL-1", failing=OrderEvent.not_working, example=("holding", {})),
        Check(refusal=Overfill, rule="FIL-1", failing=overfills, example=("working", {"size": "11"})),
        Check(refusal=WorseThanLimit, rule="LIQ-17", failing=worse_than_limit, example=("limited", {"price": "79"})),
    )

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """FIL-1 to FIL-5."""
        pool, position = self.working(state)
        market, size, price = position.market, amounts["size"], amounts["price"]
        sold = size if position.size > 0 else -size
        # Change
        released, realised = changes.close(pool, position, size, price)
        # FIL-2: the fee, of what the fill is worth and at most what the pool still has
        equity = arithmetic.pool_equity(pool.collateral, state.holdings(pool))
        worth = arithmetic.notional(size, price, market.unit)
        fee = arithmetic.liquidation_fee(worth, state.venue.fee_rate, equity)
        pool.collateral -= fee
        state.vault.cash += fee
        effects.append(Filled(position.key, size, price, released, realised, fee))
        # FIL-3: the order becomes smaller, and ends
        assert position.order is not None, "admission saw a working order"
        position.order -= size
        if position.order == 0:
            position.end_order()
            effects.append(OrderEnded(position.key, 0, "filled"))
        fire(state, pool, position, "fill", effects)
        if position.size == 0:  # LIF-2
            position.end_life()
        elif state.venue.cooldown_ms > 0:  # CLD-1
            changes.open_windows(state, pool, position, effects)
        # Outside
        state.outside.add(market.name, sold, sold * price * market.unit)
        # Touched
        return [pool]


@frozen
class OrderDone(OrderEvent, rule="FIL-6"):
    """The rest of a working liquidation order found no liquidity (FIL-6)."""

    example: ClassVar[EventData] = {"account": "alice", "market": "A", "mode": "cross"}

    checks: ClassVar[tuple[Check["OrderDone"], ...]] = (
        Check(refusal=NoWorkingOrder, rule="FIL-6", failing=OrderEvent.not_working, example=("holding", {})),
    )

    def perform(self, state: State, _: Amounts, effects: Effects) -> Touched:
        """FIL-6."""
        pool, position = self.working(state)
        # Change
        assert position.order is not None, "admission saw a working order"
        effects.append(OrderEnded(position.key, position.order, "no_liquidity"))
        position.end_order()
        position.failed = True
        # Touched
        return [pool]


@frozen
class Funding(EventRecord, rule="EVT-6"):
    """Every position of a market pays, or receives, per unit of its size: above 0, longs pay (EVT-6)."""

    example: ClassVar[EventData] = {"market": "A", "payment": "1"}

    market: str = field(validator=admission.is_text)
    payment: str = admission.amount("money", "any")

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """EVT-6."""
        market, payment = state.venue.markets[self.market], amounts["payment"]
        touched = changes.pools_in(state, market.name)
        # Change
        for pool in touched:
            position = pool.positions[market.name]
            due = arithmetic.funding_due(position.size, payment, market.lot)
            pool.collateral -= due
            state.outside.cash += due  # Outside
            effects.append(FundingPaid(position.key, market.name, due))
        held = state.vault.positions.get(market.name, 0)
        if held:
            due = arithmetic.funding_due(held, payment, market.lot)
            state.vault.cash -= due
            state.outside.cash += due  # Outside
            effects.append(FundingPaid(None, market.name, due))
        # Touched
        return touched
