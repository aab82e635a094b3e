"""What each event is to the naive checker, in one class: its fields, its refusals, its changes, what is remembered."""

from typing import Any, ClassVar

from liqspec.properties.checker import measures
from liqspec.properties.checker.exact import ZERO, Fraction, number
from liqspec.properties.checker.measures import Change, Holding, NaivePool, NaivePosition, NaiveRules, View
from liqspec.properties.checker.memory import Memory, Window, scope_key


class NaiveEvent:
    """An event with the rules, and what was seen and known when it came; what a kind does not define, it does not do.

    `fields` are those of EVT-1, in order: "+" above 0, "!" not 0, "~" any, then the grid; or a special kind.
    "market?" is a market in mode isolated only. `starts_liquidations` says whether a pool may
    enter liquidation by it (ACC-8, ACC-9).
    """

    fields: ClassVar[dict[str, str]] = {}
    starts_liquidations: ClassVar[bool] = False

    def __init__(self, rules: NaiveRules, before: View, memory: Memory, data: dict[str, Any]) -> None:
        self.rules, self.before, self.memory, self.data = rules, before, memory, data

    def refusal(self) -> str | None:
        """EVT-2, check 6: the code of the event's own refusal."""
        return None

    def learn(self) -> None:
        """Remember what the event says, before the pools are assessed."""

    def changes(self) -> dict[str, Change]:
        """What the event makes of each pool that it changes, before the pools are assessed."""
        return {}

    def settle(self, later: Memory, after: View) -> None:
        """Remember what the outside paid and took (EVT-10), and what is known only after the event."""

    def ends_order(self, earlier: NaivePosition) -> bool:
        """Whether the event itself ends the order that a position had, so that it was not cancelled (LIQ-9)."""
        del earlier
        return False

    # ----------------------------------------------------------------------------------------------------- in the event

    @property
    def key(self) -> str:
        """The key of the position that the event names."""
        return measures.event_position(self.data)

    @property
    def pool(self) -> str:
        """The key of the pool that backs it."""
        return measures.event_pool(self.data)

    def amount(self, name: str) -> Fraction:
        """The number in a field."""
        return number(self.data[name])

    def pool_before(self, key: str) -> Change:
        """A pool as it was; one that does not exist yet is taken as an empty one (ACC-3)."""
        pool = self.before.pools.get(key)
        return Change(ZERO, {}) if pool is None else Change(pool.collateral, measures.holdings_of(pool))

    def outflow(self, key: str, amount: Fraction) -> str | None:
        """ACC-5, ACC-6: whether a pool may pay an amount."""
        pool = self.before.pools.get(key)
        if pool is not None and pool.order_working():
            return "order_working"
        if pool is not None and pool.in_liquidation:
            return "in_liquidation"
        before = self.pool_before(key)
        equity = measures.equity(before.collateral, before.holdings, self.memory.marks) - amount
        return "insufficient_margin" if equity < self.initial(before, self.memory.leverages) else None

    def initial(self, pool: Change, leverages: dict[str, int]) -> Fraction:
        """MRG-7."""
        return sum(
            (
                self.rules.initial_margin(held.market, abs(held.size) * self.memory.marks[held.market], leverages[key])
                for key, held in pool.holdings.items()
            ),
            ZERO,
        )


# ---------------------------------------------------------------------------------------------------------- collateral


class Deposit(NaiveEvent):
    """ACC-4."""

    fields: ClassVar = {"account": "account", "amount": "+quote"}

    def changes(self) -> dict[str, Change]:
        """The cross pool receives the amount."""
        key = f"{self.data['account']}/cross"
        before = self.pool_before(key)
        return {key: Change(before.collateral + self.amount("amount"), before.holdings)}

    def settle(self, later: Memory, after: View) -> None:
        """It came from nowhere."""
        del after
        later.net_deposits += self.amount("amount")


class Withdraw(NaiveEvent):
    """ACC-5."""

    fields: ClassVar = {"account": "account", "amount": "+quote"}

    def refusal(self) -> str | None:
        """What is left must cover the initial margin."""
        return self.outflow(f"{self.data['account']}/cross", self.amount("amount"))

    def changes(self) -> dict[str, Change]:
        """The cross pool pays the amount."""
        key = f"{self.data['account']}/cross"
        before = self.pool_before(key)
        return {key: Change(before.collateral - self.amount("amount"), before.holdings)}

    def settle(self, later: Memory, after: View) -> None:
        """It goes to nowhere."""
        del after
        later.net_deposits -= self.amount("amount")


class Transfer(NaiveEvent):
    """ACC-6."""

    fields: ClassVar = {"account": "account", "market": "market", "amount": "!quote"}

    def _pools(self) -> tuple[str, str]:
        return f"{self.data['account']}/cross", f"{self.data['account']}/{self.data['market']}/isolated"

    def refusal(self) -> str | None:
        """What is left of the pool that pays must cover its initial margin."""
        (cross, isolated), amount = self._pools(), self.amount("amount")
        return self.outflow(cross if amount > 0 else isolated, abs(amount))

    def changes(self) -> dict[str, Change]:
        """The amount goes from the cross pool to the isolated one; below 0 the other way."""
        (cross, isolated), amount = self._pools(), self.amount("amount")
        paying, receiving = self.pool_before(cross), self.pool_before(isolated)
        return {
            cross: Change(paying.collateral - amount, paying.holdings),
            isolated: Change(receiving.collateral + amount, receiving.holdings),
        }


# ---------------------------------------------------------------------------------------------- trades and liquidation


class Trade(NaiveEvent):
    """ACC-7 to ACC-9."""

    fields: ClassVar = {
        "account": "account",
        "market": "market",
        "mode": "mode",
        "size": "!lot",
        "price": "+tick",
        "leverage": "integer?",
    }

    def refusal(self) -> str | None:
        """ACC-7."""
        pool, position = self.before.pools.get(self.pool), self.before.positions.get(self.key)
        held, size = ZERO if position is None else position.size, self.amount("size")
        if position is not None and position.state == "backstopped":
            return "not_open"
        if pool is not None and pool.order_working():
            return "order_working"
        if held * size < 0 and abs(size) > abs(held):
            return "crosses_zero"
        (after,) = self.changes().values()
        if held * size < 0:
            return self._reduction(pool, after)
        if pool is not None and (pool.in_liquidation or any(p.state == "partially_liquidated" for p in pool.positions)):
            return "in_liquidation"
        leverage = self.data.get("leverage", self.memory.leverages.get(self.key) if held else None)
        if leverage is None or not 1 <= leverage <= self.rules.markets[self.data["market"]].tiers[0].max_leverage:
            return "bad_leverage"
        equity = measures.equity(after.collateral, after.holdings, self.memory.marks)
        required = self.initial(after, {**self.memory.leverages, self.key: leverage})
        return "insufficient_margin" if equity < required else None

    def _reduction(self, pool: NaivePool | None, after: Change) -> str | None:
        """ACC-9, its four clauses one by one."""
        if "leverage" in self.data:
            return "bad_leverage"
        assert pool is not None, "only a position can be reduced"
        holdings, marks = measures.holdings_of(pool), self.memory.marks
        equity_before = measures.equity(pool.collateral, holdings, marks)
        margin_before = measures.maintenance_margin(self.rules, holdings, marks)
        equity = measures.equity(after.collateral, after.holdings, marks)
        margin = measures.maintenance_margin(self.rules, after.holdings, marks)
        closed_clean = not after.holdings and equity >= min(ZERO, equity_before)
        covered = equity >= margin
        not_worse = 0 <= equity_before < margin_before and equity * margin_before >= equity_before * margin
        not_deeper = equity_before < 0 and equity >= equity_before
        return None if closed_clean or covered or not_worse or not_deeper else "insufficient_margin"

    def learn(self) -> None:
        """ACC-8: the leverage that the trader chose."""
        if "leverage" in self.data:
            self.memory.leverages[self.key] = self.data["leverage"]

    def changes(self) -> dict[str, Change]:
        """ACC-8, ACC-9."""
        before, size, price = self.pool_before(self.pool), self.amount("size"), self.amount("price")
        held = before.holdings.get(self.key, Holding(self.data["market"], ZERO, ZERO))
        if held.size * size >= 0:
            after, realised = Holding(held.market, held.size + size, held.cost + size * price), ZERO
        else:
            after, realised = measures.close(self.rules, held, abs(size), price)
        return {self.pool: Change(before.collateral + realised, _with(before.holdings, self.key, after))}

    def settle(self, later: Memory, after: View) -> None:
        """The outside is the other side."""
        del after
        later.trade_outside(self.data["market"], self.amount("size"), self.amount("price"))


class _OfAnOrder(NaiveEvent):
    """What the market does with the working order of a position (FIL-1, FIL-6)."""

    def refusal(self) -> str | None:
        """There must be one."""
        position = self.before.positions.get(self.key)
        return "no_working_order" if position is None or position.order is None else None


class Fill(_OfAnOrder):
    """FIL-1 to FIL-5."""

    fields: ClassVar = {"account": "account", "market": "market", "mode": "mode", "size": "+lot", "price": "+tick"}

    def refusal(self) -> str | None:
        """At most the order."""
        order = None if super().refusal() else self.before.positions[self.key].order
        return "no_working_order" if order is None else "overfill" if self.amount("size") > order else None

    def changes(self) -> dict[str, Change]:
        """FIL-1, FIL-2."""
        before, size, price = self.pool_before(self.pool), self.amount("size"), self.amount("price")
        after, realised = measures.close(self.rules, before.holdings[self.key], size, price)
        holdings = _with(before.holdings, self.key, after)
        left = measures.equity(before.collateral + realised, holdings, self.memory.marks)
        fee = max(ZERO, min(measures.up(self.rules.fee_rate * size * price, self.rules.quote), left))
        return {self.pool: Change(before.collateral + realised - fee, holdings, fee)}

    def settle(self, later: Memory, after: View) -> None:
        """The outside is the other side; a fill that leaves size opens the windows of position and scope (CLD-1)."""
        size = self.amount("size") * (-1 if self.before.positions[self.key].size > 0 else 1)
        later.trade_outside(self.data["market"], size, self.amount("price"))
        position = after.positions[self.key]
        if self.rules.cooldown_ms == 0 or (position.size == 0 and position.state != "backstopped"):
            return
        until = after.time + self.rules.cooldown_ms
        later.own_windows[self.key, position.life] = until
        later.windows.setdefault(scope_key(self.rules, position), Window()).until = until

    def ends_order(self, earlier: NaivePosition) -> bool:
        """FIL-3."""
        return earlier.key == self.key and self.amount("size") == earlier.order


class OrderDone(_OfAnOrder):
    """FIL-6."""

    fields: ClassVar = {"account": "account", "market": "market", "mode": "mode"}

    def learn(self) -> None:
        """BKS-2: the order left quantity over."""
        self.memory.failed.add((self.key, self.before.positions[self.key].life))

    def ends_order(self, earlier: NaivePosition) -> bool:
        """FIL-6."""
        return earlier.key == self.key


# ------------------------------------------------------------------------------------------------- marks, funding, time


class MarkPrice(NaiveEvent):
    """EVT-5."""

    fields: ClassVar = {"market": "market", "price": "+tick"}
    starts_liquidations: ClassVar = True

    def learn(self) -> None:
        """The new mark."""
        self.memory.marks[self.data["market"]] = self.amount("price")


class Marks(NaiveEvent):
    """EVT-5."""

    fields: ClassVar = {"prices": "prices"}
    starts_liquidations: ClassVar = True

    def learn(self) -> None:
        """The new marks."""
        self.memory.marks.update({market: number(price) for market, price in self.data["prices"].items()})


class Funding(NaiveEvent):
    """EVT-6."""

    fields: ClassVar = {"market": "market", "payment": "~quote"}
    starts_liquidations: ClassVar = True

    def changes(self) -> dict[str, Change]:
        """Every position of the market pays."""
        changed = {}
        for position in self.before.positions.values():
            if position.market == self.data["market"] and position.size:
                before = self.pool_before(position.pool)
                changed[position.pool] = Change(before.collateral - self._due(position.size), before.holdings)
        return changed

    def settle(self, later: Memory, after: View) -> None:
        """The outside receives what positions and vault pay."""
        del after
        market = self.data["market"]
        sizes = [position.size for position in self.before.positions.values() if position.market == market]
        sizes.append(self.before.vault_positions.get(market, ZERO))
        later.outside_cash += sum((self._due(size) for size in sizes), ZERO)

    def _due(self, size: Fraction) -> Fraction:
        return measures.up(size * self.amount("payment"), self.rules.quote)


class Block(NaiveEvent):
    """EVT-9."""

    fields: ClassVar = {"time": "integer"}

    def refusal(self) -> str | None:
        """It is later than the one before it, and comes when no order is working."""
        if self.data["time"] <= self.before.time:
            return "time_not_after"
        return "order_working" if any(pool.order_working() for pool in self.before.pools.values()) else None

    def learn(self) -> None:
        """LIQ-12, BKS-2, CLD-3: attempts and failures are of one block, and windows force from the next one on."""
        self.memory.attempted.clear()
        self.memory.failed.clear()
        for window in self.memory.windows.values():
            window.forcing_until = window.until


# ----------------------------------------------------------------------------------------------------------- the vault


class VaultTrade(NaiveEvent):
    """EVT-7."""

    fields: ClassVar = {"market": "market", "size": "!lot", "price": "+tick"}

    def settle(self, later: Memory, after: View) -> None:
        """The outside is the other side."""
        del after
        later.trade_outside(self.data["market"], self.amount("size"), self.amount("price"))


class VaultCash(NaiveEvent):
    """EVT-8."""

    fields: ClassVar = {"amount": "!quote"}

    def settle(self, later: Memory, after: View) -> None:
        """It came from nowhere."""
        del after
        later.net_deposits += self.amount("amount")


class Adjust(NaiveEvent):
    """ACC-12."""

    fields: ClassVar = {"account": "account", "mode": "mode", "amount": "!quote", "market": "market?"}
    starts_liquidations: ClassVar = True

    def refusal(self) -> str | None:
        """An isolated pool must have been used."""
        return None if self.pool in self.before.pools else "not_open"

    def changes(self) -> dict[str, Change]:
        """The pool receives the amount."""
        before = self.pool_before(self.pool)
        return {self.pool: Change(before.collateral + self.amount("amount"), before.holdings)}

    def settle(self, later: Memory, after: View) -> None:
        """The outside pays it."""
        del after
        later.outside_cash -= self.amount("amount")


EVENTS: dict[str, type[NaiveEvent]] = {
    "deposit": Deposit,
    "withdraw": Withdraw,
    "transfer": Transfer,
    "trade": Trade,
    "mark_price": MarkPrice,
    "marks": Marks,
    "fill": Fill,
    "order_done": OrderDone,
    "funding": Funding,
    "vault_trade": VaultTrade,
    "vault_cash": VaultCash,
    "adjust": Adjust,
    "block": Block,
}


def _with(holdings: dict[str, Holding], key: str, held: Holding) -> dict[str, Holding]:
    others = {name: other for name, other in holdings.items() if name != key}
    return {**others, key: held} if held.size else others
