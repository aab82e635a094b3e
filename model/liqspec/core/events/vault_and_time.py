"""What the venue does: the vault's trades and cash, adjustments, and blocks, which alone move time (EVT-7 to EVT-9)."""

from typing import ClassVar

import attrs
from attrs import field, frozen

from liqspec.core import admission
from liqspec.core.admission import Amounts, Check, EventData, EventRecord, Failure
from liqspec.core.changes import Effects, Touched, fire_with, measure
from liqspec.core.config import Mode
from liqspec.core.effects import BlockBegun, CollateralMoved, VaultFunded, VaultTraded
from liqspec.core.refusals import NotOpen, OrderWorking, TimeNotAfter
from liqspec.core.state import Pool, State
from liqspec.edge import shapes
from liqspec.edge.shapes import is_integer


@frozen
class VaultTrade(EventRecord, rule="EVT-7"):
    """The vault trades with the outside, to unwind what it took (EVT-7)."""

    example: ClassVar[EventData] = {"market": "A", "size": "1", "price": "100"}

    market: str = field(validator=admission.is_text)
    size: str = admission.amount("size", "nonzero")
    price: str = admission.amount("price", "positive")

    checks: ClassVar[tuple[Check["VaultTrade"], ...]] = (admission.NOT_SETTLED,)

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """EVT-7."""
        market, size, price = state.venue.markets[self.market], amounts["size"], amounts["price"]
        worth = size * price * market.unit
        # Change
        state.vault.add(market.name, size, worth)
        effects.append(VaultTraded(market.name, size, price))
        # Outside
        state.outside.add(market.name, -size, -worth)
        # Touched
        return []


@frozen
class VaultCash(EventRecord, rule="EVT-8"):
    """The vault is funded, or drawn on (EVT-8)."""

    example: ClassVar[EventData] = {"amount": "1"}

    amount: str = admission.amount("money", "nonzero")

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """EVT-8."""
        # Change
        state.vault.cash += amounts["amount"]
        effects.append(VaultFunded(amounts["amount"]))
        # Outside
        state.net_deposits += amounts["amount"]
        # Touched
        return []


@frozen
class Adjust(EventRecord, rule="ACC-12"):
    """Money that the trader did not decide on comes into a pool, or leaves it: a fee, a rebate, interest (ACC-12)."""

    example: ClassVar[EventData] = {"account": "alice", "mode": "cross", "amount": "1"}

    account: str = field(validator=admission.is_text)
    mode: Mode
    amount: str = admission.amount("money", "nonzero")
    market: str | None = field(default=None, metadata={"mode": "isolated"})

    @market.validator
    def _check(self, attribute: "attrs.Attribute[str | None]", market: str | None) -> None:
        if market is not None:
            admission.is_text(None, attribute, market)
        if (market is not None) != (self.mode == "isolated"):
            needed = "required in mode isolated" if market is None else "refused in mode cross"
            raise shapes.WrongShape(attribute.name, f"a market is {needed}")

    def pool_in(self, state: State) -> Pool | None:
        """The pool that is adjusted; None for an isolated one that was never used (ACC-3)."""
        account = state.accounts[self.account]
        return account.cross if self.market is None else account.isolated.get(self.market)

    def never_used(self, state: State, _: Amounts) -> Failure | None:
        """ACC-12: the pool exists."""
        if self.pool_in(state) is not None:
            return None
        return Failure("market", f"{self.account}/{self.market}/isolated", "the pool was never used")

    checks: ClassVar[tuple[Check["Adjust"], ...]] = (
        Check(
            refusal=NotOpen,
            rule="ACC-12",
            also=("ACC-3",),
            when="the isolated pool was never used",
            failing=never_used,
            example=("holding", {"mode": "isolated", "market": "A"}),
        ),
    )

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """ACC-12."""
        pool, amount = self.pool_in(state), amounts["amount"]
        assert pool is not None, "admission saw the pool"
        # Change
        pool.collateral += amount
        effects.append(CollateralMoved("ACC-12", pool.key, amount))
        # Outside
        state.outside.cash -= amount
        # Touched
        return [pool]


@frozen
class Block(EventRecord, rule="EVT-9"):
    """A block begins: the only event that moves time (EVT-9)."""

    example: ClassVar[EventData] = {"time": 1}

    time: int = field(validator=is_integer)

    def too_early(self, state: State, _: Amounts) -> Failure | None:
        """EVT-9: a block begins after the present one, in milliseconds."""
        if self.time > state.time:
            return None
        return Failure("time", str(self.time), f"must be after {state.time}")

    def order_works(self, state: State, _: Amounts) -> Failure | None:
        """EVT-9: no liquidation order of any pool is working."""
        failures = (admission.order_working(pool, "time") for pool in state.pools())
        return next((failure for failure in failures if failure is not None), None)

    checks: ClassVar[tuple[Check["Block"], ...]] = (
        Check(refusal=TimeNotAfter, rule="EVT-9", failing=too_early, example=("holding", {"time": 0})),
        Check(
            refusal=OrderWorking,
            rule="EVT-9",
            when="a liquidation order of any pool is working",
            failing=order_works,
            example=("working", {}),
        ),
    )

    def perform(self, state: State, _: Amounts, effects: Effects) -> Touched:
        """EVT-9."""
        # Change
        state.time = self.time
        state.block += 1
        effects.append(BlockBegun(state.block, state.time))
        for account in state.accounts.values():
            account.window.begin_block(state.time)
        touched = list(state.pools())
        for pool in touched:
            pool.window.begin_block(state.time)
        inputs = {pool.key: measure(state, pool) for pool in touched}
        for pool, position in state.positions():
            position.attempted = position.failed = False
            # T8 and T10 ask whether the window is open now, so it is only cut after the trigger.
            fire_with(inputs[pool.key], position, "block", effects)
            position.window.begin_block(state.time)
        # Touched
        return touched
