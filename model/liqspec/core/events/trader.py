"""What a trader does: deposits, withdrawals, transfers, trades, and the choice of a leverage (ACC-4 to ACC-13)."""

from typing import ClassVar

from attrs import field, frozen

from liqspec.core import admission, arithmetic, changes
from liqspec.core.admission import Amounts, Check, EventData, EventRecord, Failure, Sort
from liqspec.core.arithmetic import Holding
from liqspec.core.changes import Effects, Touched
from liqspec.core.config import Mode
from liqspec.core.effects import CollateralMoved, LeverageSet
from liqspec.core.refusals import (
    BadLeverage,
    CrossesZero,
    InLiquidation,
    InsufficientMargin,
    ModeNotAllowed,
    NotOpen,
    OrderWorking,
    RemovalNotAllowed,
)
from liqspec.core.state import Pool, Position, State
from liqspec.edge import keys
from liqspec.edge.shapes import is_integer


@frozen
class Deposit(EventRecord, rule="ACC-4"):
    """Money comes into the account's cross pool (ACC-4)."""

    example: ClassVar[EventData] = {"account": "alice", "amount": "1"}

    account: str = field(validator=admission.is_text)
    amount: str = admission.amount("money", "positive")

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """ACC-4."""
        pool, amount = state.accounts[self.account].cross, amounts["amount"]
        # Change
        pool.collateral += amount
        effects.append(CollateralMoved("ACC-4", pool.key, amount))
        # Outside
        state.net_deposits += amount
        # Touched
        return [pool]


@frozen
class Withdraw(EventRecord, rule="ACC-5"):
    """Money leaves the account's cross pool (ACC-5)."""

    example: ClassVar[EventData] = {"account": "alice", "amount": "1"}

    account: str = field(validator=admission.is_text)
    amount: str = admission.amount("money", "positive")

    def paying(self, state: State, amounts: Amounts) -> tuple[Pool, int]:
        """The pool that money leaves, and how much."""
        return state.accounts[self.account].cross, amounts["amount"]

    checks: ClassVar[tuple[Check["Withdraw"], ...]] = admission.outflow_checks(paying)

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """ACC-5."""
        pool, amount = state.accounts[self.account].cross, amounts["amount"]
        # Change
        pool.collateral -= amount
        effects.append(CollateralMoved("ACC-5", pool.key, -amount))
        # Outside
        state.net_deposits -= amount
        # Touched
        return [pool]


@frozen
class Transfer(EventRecord, rule="ACC-6"):
    """Money moves between the cross pool and an isolated one: above 0 to the isolated pool, below 0 back (ACC-6)."""

    example: ClassVar[EventData] = {"account": "alice", "market": "A", "amount": "1"}

    account: str = field(validator=admission.is_text)
    market: str = field(validator=admission.is_text)
    amount: str = admission.amount("money", "nonzero")

    def paying(self, state: State, amounts: Amounts) -> tuple[Pool, int]:
        """The pool that money leaves, and how much."""
        account, amount = state.accounts[self.account], amounts["amount"]
        if amount > 0:
            return account.cross, amount
        unused = Pool(self.account, "isolated", self.market)
        return account.isolated.get(self.market, unused), -amount

    def removed(self, state: State, amounts: Amounts) -> Failure | None:
        """ACC-18: collateral leaves an isolated pool with a position only where the market allows it."""
        pool, _ = self.paying(state, amounts)
        kept = pool.mode == "isolated" and state.venue.markets[self.market].isolated_removal == "never"
        if not kept or not pool.open_positions():
            return None
        return Failure("amount", pool.key, "its collateral stays while it has a position")

    checks: ClassVar[tuple[Check["Transfer"], ...]] = (
        Check(
            refusal=RemovalNotAllowed,
            rule="ACC-18",
            optional=True,
            failing=removed,
            example=("restricted", {"amount": "-1"}),
        ),
        *admission.outflow_checks(paying, paid_by="paying pool"),
    )

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """ACC-6."""
        cross, isolated = state.accounts[self.account].cross, changes.isolated_pool(state, self.account, self.market)
        amount = amounts["amount"]
        # Change
        cross.collateral -= amount
        isolated.collateral += amount
        effects.append(CollateralMoved("ACC-6", cross.key, -amount))
        effects.append(CollateralMoved("ACC-6", isolated.key, amount))
        # Touched
        return [cross, isolated]


@frozen
class Trade(EventRecord, rule="ACC-7"):
    """The trader's own trade with the outside: buys for size above 0, sells below (ACC-7 to ACC-9)."""

    example: ClassVar[EventData] = {
        "account": "alice",
        "market": "A",
        "mode": "cross",
        "size": "1",
        "price": "100",
        "leverage": 1,
    }

    account: str = field(validator=admission.is_text)
    market: str = field(validator=admission.is_text)
    mode: Mode
    size: str = admission.amount("size", "nonzero")
    price: str = admission.amount("price", "positive")
    leverage: int | None = field(default=None, validator=is_integer)

    def pool_in(self, state: State) -> Pool:
        """The pool that backs the position; an empty one where it was never used (ACC-3)."""
        return state.pool(self.account, self.mode, self.market) or Pool(self.account, "isolated", self.market)

    def sort(self, state: State, amounts: Amounts, /) -> Sort:
        """Whether the trade reduces the position of its key, or opens, increases or turns it round (ACC-7, ACC-16)."""
        held, size = self.held(state), amounts["size"]
        return "increasing" if held * size >= 0 or changes.turns_round(state.venue, held, size) else "reducing"

    def held(self, state: State) -> int:
        """The signed size of the position of its key in lots; 0 if it is not open."""
        position = self.pool_in(state).positions.get(self.market)
        return 0 if position is None else position.size

    def in_another_mode(self, state: State, _: Amounts) -> Failure | None:
        """ACC-17: the market is traded in the mode."""
        modes = state.venue.markets[self.market].modes
        if modes is None or self.mode in modes:
            return None
        return Failure("mode", self.mode, f"{self.market} is traded in mode {modes[0]} only")

    def backstopped(self, state: State, _: Amounts) -> Failure | None:
        """ACC-7: the vault has not taken the position in this block."""
        position = self.pool_in(state).positions.get(self.market)
        if position is None or position.state != "backstopped":
            return None
        return Failure("market", position.key, "the vault has taken it; it can be opened again from the next block on")

    def order_works(self, state: State, _: Amounts) -> Failure | None:
        """ACC-7: no liquidation order of the pool is working."""
        return admission.order_working(self.pool_in(state))

    def in_liquidation(self, state: State, _: Amounts) -> Failure | None:
        """ACC-8: nothing is opened or increased in a pool in liquidation, or after a partial liquidation."""
        pool = self.pool_in(state)
        if pool.in_liquidation:
            return Failure("market", pool.key, "nothing is opened or increased in a pool in liquidation")
        for other in pool.open_positions():
            if other.state == "partially_liquidated":
                return Failure("market", other.key, "it was partially liquidated in this block")
        return None

    def leverage_after(self, state: State, size: int) -> int | None:
        """The leverage of the position after an increase: the trade's, or that of its present life (ACC-8, LIF-2)."""
        position = self.pool_in(state).positions.get(self.market)
        if self.leverage is None and position is not None and position.size * size > 0:
            return position.leverage
        return self.leverage

    def leverage_out_of_range(self, state: State, amounts: Amounts) -> Failure | None:
        """ACC-8: the leverage is from 1 to the first tier's maximum."""
        leverage = self.leverage_after(state, amounts["size"])
        return admission.leverage_out_of_range(state.venue.markets[self.market], leverage)

    def increase_uncovered(self, state: State, amounts: Amounts) -> Failure | None:
        """ACC-8, ACC-16: a trade that opens, increases or turns round leaves the pool its initial margin or more."""
        pool, market = self.pool_in(state), state.venue.markets[self.market]
        position, leverage = pool.positions.get(self.market), self.leverage_after(state, amounts["size"])
        assert leverage is not None, "its range was checked"
        size, cost = (position.size, position.cost) if position is not None else (0, 0)
        traded, collateral = amounts["size"], pool.collateral
        if changes.turns_round(state.venue, size, traded):
            collateral += arithmetic.realised_pnl(size, abs(size), amounts["price"], market.unit, cost)
            traded, size, cost = traded + size, 0, 0
        bought = traded * amounts["price"] * market.unit
        held, mark = self.others(state, pool), state.marks[market.name]
        held.append(Holding(size + traded, cost + bought, leverage, mark, market.unit, market.schedule))
        equity = arithmetic.pool_equity(collateral, held)
        return admission.below_initial_margin(state, equity, held, "size")

    def larger_than_position(self, state: State, amounts: Amounts) -> Failure | None:
        """ACC-7: a reduction does not turn the position round."""
        position = self.reduced(state)
        if abs(amounts["size"]) <= abs(position.size):
            return None
        return Failure("size", self.size, f"the position is {position.market.size.text(position.size)}")

    def leverage_given(self, _: State, __: Amounts) -> Failure | None:
        """ACC-9: a reduction takes no leverage."""
        if self.leverage is None:
            return None
        return Failure("leverage", str(self.leverage), "a reduction takes none")

    def worse_covered(self, state: State, amounts: Amounts) -> Failure | None:
        """ACC-9: a reduction does not make the pool worse in any of the ways that the rule names."""
        pool, position = self.pool_in(state), self.reduced(state)
        market, closed = position.market, abs(amounts["size"])
        before = state.holdings(pool)
        equity_before = arithmetic.pool_equity(pool.collateral, before)
        released = arithmetic.released_cost(position.size, position.cost, closed)
        realised = arithmetic.realised_pnl(position.size, closed, amounts["price"], market.unit, released)
        after = self.others(state, pool)
        if closed != abs(position.size):
            size = position.size + amounts["size"]
            after.append(state.holding(position)._replace(size=size, cost=position.cost - released))
        equity_after = arithmetic.pool_equity(pool.collateral + realised, after)
        maintenance_after = arithmetic.pool_maintenance_margin(after)
        if arithmetic.reduction_is_safe(
            equity_before, arithmetic.pool_maintenance_margin(before), equity_after, maintenance_after, len(after)
        ):
            return None
        money = state.venue.money
        return Failure(
            "price",
            f"equity {money.text(equity_before)} before, {money.text(equity_after)} after",
            f"maintenance margin {money.text(maintenance_after)} after, and the pool would be worse covered",
        )

    def reduced(self, state: State) -> Position:
        """The position that a reducing trade reduces."""
        return self.pool_in(state).positions[self.market]

    def others(self, state: State, pool: Pool) -> list[Holding]:
        """The pool's other open positions at the present marks."""
        return [state.holding(position) for position in pool.open_positions() if position.market.name != self.market]

    checks: ClassVar[tuple[Check["Trade"], ...]] = (
        admission.NOT_SETTLED,
        Check(
            refusal=ModeNotAllowed,
            rule="ACC-17",
            optional=True,
            failing=in_another_mode,
            example=("restricted", {"market": "B"}),
        ),
        Check(refusal=NotOpen, rule="ACC-7", failing=backstopped, example=("backstopped", {})),
        Check(refusal=OrderWorking, rule="ACC-7", failing=order_works, example=("working", {})),
        Check(
            refusal=CrossesZero,
            rule="ACC-7",
            of="reducing",
            failing=larger_than_position,
            example=("holding", {"size": "-11"}),
        ),
        Check(
            refusal=InLiquidation,
            rule="ACC-8",
            of="increasing",
            when="the pool is in liquidation, or one of its positions is partially liquidated",
            failing=in_liquidation,
            example=("waiting", {}),
        ),
        Check(
            refusal=BadLeverage,
            rule="ACC-8",
            of="increasing",
            when="the leverage is missing for an opening, or not from 1 to the first tier's maximum",
            failing=leverage_out_of_range,
            example=("holding", {"leverage": 6}),
        ),
        Check(
            refusal=InsufficientMargin,
            rule="ACC-8",
            also=("MRG-7", "MRG-3"),
            of="increasing",
            when="the pool's equity after it, at the marks, would be below its initial margin after it",
            failing=increase_uncovered,
            example=("holding", {"size": "1000", "leverage": 5}),
        ),
        Check(
            refusal=BadLeverage,
            rule="ACC-9",
            of="reducing",
            when="a leverage is given",
            failing=leverage_given,
            example=("holding", {"size": "-1", "leverage": 5}),
        ),
        Check(
            refusal=InsufficientMargin,
            rule="ACC-9",
            also=("LIQ-3", "MRG-5", "MRG-3"),
            of="reducing",
            when="the pool would be worse covered in all of the four ways of ACC-9",
            failing=worse_covered,
            example=("holding", {"size": "-5", "price": "1"}),
        ),
    )

    def perform(self, state: State, amounts: Amounts, effects: Effects) -> Touched:
        """ACC-7."""
        account, market = state.accounts[self.account], state.venue.markets[self.market]
        pool = account.cross if self.mode == "cross" else changes.isolated_pool(state, self.account, self.market)
        size, price = amounts["size"], amounts["price"]
        position = pool.positions.get(self.market)
        if position is None:
            position = pool.positions[self.market] = Position(self.account, market, self.mode)
        # Change
        rest = size
        if position.size * size < 0:
            closed = changes.closed_part(position.size, size)
            rest -= closed
            changes.reduce(state, pool, position, closed, price, effects)
        if rest:
            changes.increase(state, pool, position, rest, price, self.leverage, effects)
        # Outside
        state.outside.add(market.name, -size, -size * price * market.unit)
        # Touched
        return [pool]


@frozen
class Leverage(EventRecord, rule="ACC-13"):
    """The trader sets the leverage of an open position (ACC-13)."""

    example: ClassVar[EventData] = {"account": "alice", "market": "A", "mode": "cross", "leverage": 5}

    account: str = field(validator=admission.is_text)
    market: str = field(validator=admission.is_text)
    mode: Mode
    leverage: int = field(validator=is_integer)

    def open_position(self, state: State) -> tuple[Pool, Position]:
        """The position and its pool; the check has seen that it is open (ACC-13)."""
        pool = state.pool(self.account, self.mode, self.market)
        assert pool is not None, "admission saw the position"
        return pool, pool.positions[self.market]

    def not_an_open_position(self, state: State, _: Amounts) -> Failure | None:
        """ACC-13: the position is open."""
        position = state.position(self.account, self.market, self.mode)
        if position is not None and position.size:
            return None
        return Failure("market", keys.position(self.account, self.market, self.mode), "has no open position")

    def order_works(self, state: State, _: Amounts) -> Failure | None:
        """ACC-13: no liquidation order of the pool is working."""
        return admission.order_working(self.open_position(state)[0])

    def liquidated(self, state: State, _: Amounts) -> Failure | None:
        """ACC-13: the pool is not in liquidation."""
        pool, _position = self.open_position(state)
        if not pool.in_liquidation:
            return None
        return Failure("market", pool.key, "no leverage is set in a pool in liquidation")

    def out_of_range(self, state: State, _: Amounts) -> Failure | None:
        """ACC-13: the leverage is from 1 to the first tier's maximum."""
        return admission.leverage_out_of_range(state.venue.markets[self.market], self.leverage)

    def fall_uncovered(self, state: State, _: Amounts) -> Failure | None:
        """ACC-13: after a fall of the leverage the pool is at or above its initial margin."""
        pool, position = self.open_position(state)
        if self.leverage >= position.leverage:
            return None
        held = [state.holding(other) for other in pool.open_positions() if other is not position]
        held.append(state.holding(position)._replace(leverage=self.leverage))
        return admission.below_initial_margin(state, arithmetic.pool_equity(pool.collateral, held), held, "leverage")

    checks: ClassVar[tuple[Check["Leverage"], ...]] = (
        Check(
            refusal=NotOpen,
            rule="ACC-13",
            when="the position is not open",
            failing=not_an_open_position,
            example=("holding", {"mode": "isolated"}),
        ),
        Check(refusal=OrderWorking, rule="ACC-13", failing=order_works, example=("working", {})),
        Check(refusal=InLiquidation, rule="ACC-13", failing=liquidated, example=("waiting", {})),
        Check(
            refusal=BadLeverage,
            rule="ACC-13",
            when="the leverage is not from 1 to the first tier's maximum",
            failing=out_of_range,
            example=("holding", {"leverage": 6}),
        ),
        Check(
            refusal=InsufficientMargin,
            rule="ACC-13",
            also=("MRG-7", "MRG-3"),
            when="the leverage falls, and the pool's equity would be below its initial margin after it",
            failing=fall_uncovered,
            example=("holding", {"leverage": 4}),
        ),
    )

    def perform(self, state: State, _: Amounts, effects: Effects) -> Touched:
        """ACC-13."""
        pool, position = self.open_position(state)
        # Change
        effects.append(LeverageSet(position.key, self.leverage, position.leverage))
        position.leverage = self.leverage
        # Touched
        return [pool]
