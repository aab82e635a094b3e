"""What each event is to the naive checker, in one class: its fields, its refusals, its changes, what is remembered."""

from typing import Any, ClassVar

from attrs import evolve, frozen

from liqspec.properties.checker import measures
from liqspec.properties.checker.exact import ZERO, Fraction, number, total
from liqspec.properties.checker.families import mark_price
from liqspec.properties.checker.families.mark_price import NaiveFeed
from liqspec.properties.checker.measures import Contents, Holding, NaiveMarket, NaivePool, NaivePosition, View
from liqspec.properties.checker.memory import Memory, Window, scope_key


@frozen
class NaiveEvent:
    """An event with what was seen and known when it came; what a kind does not define, it does not do.

    `fields` are those of EVT-1, in order: "+" above 0, "!" not 0, "~" any, then the grid; or a special kind.
    "market?" is a market in mode isolated only; any other "?" is optional. `starts_liquidations` says whether a pool
    may enter liquidation by it (ACC-8, ACC-9). Only `settle`, and what forms a mark, look at what was seen after it.
    """

    before: View
    after: View
    memory: Memory
    data: dict[str, Any]

    fields: ClassVar[dict[str, str]] = {}
    starts_liquidations: ClassVar[bool] = False

    def refusal(self) -> str | None:
        """EVT-2, check 6: the code of the event's own refusal."""
        return None

    def learn(self) -> None:
        """Remember what the event says, before the pools are assessed."""

    def changes(self) -> dict[str, Contents]:
        """What the event makes of each pool that it changes, before the pools are assessed."""
        return {}

    def settle(self, later: Memory) -> None:
        """Remember what the outside paid and took (EVT-10), and what is known only after the event."""

    def ends_order(self, earlier: NaivePosition) -> bool:  # noqa: ARG002
        """Whether the event itself ends the order that a position had, so that it was not cancelled (LIQ-9)."""
        return False

    @property
    def key(self) -> str:
        """The key of the position that the event names."""
        return measures.event_position(self.data)

    @property
    def pool(self) -> str:
        """The key of the pool that backs it."""
        return measures.event_pool(self.data)

    @property
    def _market(self) -> NaiveMarket:
        return self.memory.rules.markets[self.data["market"]]

    @property
    def cross(self) -> str:
        """The key of the account's cross pool."""
        return f"{self.data['account']}/cross"

    def amount(self, name: str = "amount") -> Fraction:
        """The number in a field."""
        return number(self.data[name])

    def paid(self, key: str, amount: Fraction) -> dict[str, Contents]:
        """What an amount that a pool receives makes of it."""
        before = self.before.contents(key)
        return {key: evolve(before, collateral=before.collateral + amount)}

    def outflow(self, key: str, amount: Fraction) -> str | None:
        """ACC-5, ACC-6, ACC-14, ACC-15: whether a pool may pay an amount."""
        pool, contents = self.before.pools.get(key), self.before.contents(key)
        if pool is not None and pool.order_working():
            return "order_working"
        if pool is not None and pool.in_liquidation:
            return "in_liquidation"
        left, rules = self.memory.equity(contents) - amount, self.memory.rules
        floor = rules.withdraw_floor * total(self.memory.notional(held) for held in contents.holdings.values())
        short = left < max(self.memory.initial_margin(contents), floor)
        spent = rules.collateral_only and contents.collateral < amount
        return "insufficient_margin" if short or spent else None


class Deposit(NaiveEvent):
    """ACC-4."""

    fields: ClassVar = {"account": "account", "amount": "+quote"}
    sign: ClassVar = 1

    def changes(self) -> dict[str, Contents]:
        """The cross pool receives the amount, or pays it."""
        return self.paid(self.cross, self.sign * self.amount())

    def settle(self, later: Memory) -> None:
        """It came from nowhere, or goes there."""
        later.net_deposits += self.sign * self.amount()


class Withdraw(Deposit):
    """ACC-5."""

    sign: ClassVar = -1

    def refusal(self) -> str | None:
        """What is left must cover the initial margin."""
        return self.outflow(self.cross, self.amount())


class Transfer(NaiveEvent):
    """ACC-6."""

    fields: ClassVar = {"account": "account", "market": "market", "amount": "!quote"}

    @property
    def isolated(self) -> str:
        """The key of the market's isolated pool."""
        return f"{self.data['account']}/{self.data['market']}/isolated"

    def refusal(self) -> str | None:
        """What is left of the pool that pays must cover its initial margin; where it may not be removed, it stays."""
        paying = self.before.pools.get(self.isolated) if self.amount() < 0 else None
        if paying is not None and paying.positions and self._market.removal == "never":
            return "removal_not_allowed"
        return self.outflow(self.cross if self.amount() > 0 else self.isolated, abs(self.amount()))

    def changes(self) -> dict[str, Contents]:
        """The amount goes from the cross pool to the isolated one; below 0 the other way."""
        return self.paid(self.cross, -self.amount()) | self.paid(self.isolated, self.amount())


_POSITION = {"account": "account", "market": "market", "mode": "mode"}


class Trade(NaiveEvent):
    """ACC-7 to ACC-9, ACC-16."""

    fields: ClassVar = {**_POSITION, "size": "!lot", "price": "+tick", "leverage": "integer?"}

    def refusal(self) -> str | None:
        """ACC-7, ACC-17, EVT-11."""
        if self.data["market"] in self.memory.settled:
            return "market_settled"
        if self.data["mode"] not in self._market.modes:
            return "mode_not_allowed"
        pool, position = self.before.pools.get(self.pool), self.before.positions.get(self.key)
        held, size = ZERO if position is None else position.size, self.amount("size")
        if position is not None and position.state == "backstopped":
            return "not_open"
        if pool is not None and pool.order_working():
            return "order_working"
        crosses = held * size < 0 and abs(size) > abs(held)
        if crosses and not self.memory.rules.splits:
            return "crosses_zero"
        (after,) = self.changes().values()
        if held * size < 0 and not crosses:
            return self._reduction(pool, after)
        if pool is not None and (pool.in_liquidation or any(p.state == "partially_liquidated" for p in pool.positions)):
            return "in_liquidation"
        leverage = self.data.get("leverage", self.memory.leverages.get(self.key) if held * size > 0 else None)
        if leverage is None or not 1 <= leverage <= self._market.tiers[0].max_leverage:
            return "bad_leverage"
        chosen = evolve(self.memory, leverages={**self.memory.leverages, self.key: leverage})
        return "insufficient_margin" if chosen.equity(after) < chosen.initial_margin(after) else None

    def _reduction(self, pool: NaivePool | None, after: Contents) -> str | None:
        """ACC-9, its four clauses one by one."""
        if "leverage" in self.data:
            return "bad_leverage"
        assert pool is not None, "only a position can be reduced"
        known, before = self.memory, pool.contents
        equity_before, margin_before = known.equity(before), known.maintenance_margin(before)
        equity, margin = known.equity(after), known.maintenance_margin(after)
        closed_clean = not after.holdings and equity >= min(ZERO, equity_before)
        covered = equity >= margin
        not_worse = 0 <= equity_before < margin_before and equity * margin_before >= equity_before * margin
        not_deeper = equity_before < 0 and equity >= equity_before
        return None if closed_clean or covered or not_worse or not_deeper else "insufficient_margin"

    def learn(self) -> None:
        """ACC-8: the leverage that the trader chose."""
        if "leverage" in self.data:
            self.memory.leverages = {**self.memory.leverages, self.key: self.data["leverage"]}

    def changes(self) -> dict[str, Contents]:
        """ACC-8, ACC-9; of a trade that crosses, the one after the other (ACC-16)."""
        before, size, price = self.before.contents(self.pool), self.amount("size"), self.amount("price")
        held = before.holdings.get(self.key, Holding(self.data["market"], ZERO, ZERO))
        if held.size * size >= 0:
            after, realised = Holding(held.market, held.size + size, held.cost + size * price), ZERO
        elif abs(size) > abs(held.size):
            closed, realised = measures.close(self.memory.rules, held, abs(held.size), price)
            rest = held.size + size
            after = Holding(held.market, closed.size + rest, closed.cost + rest * price)
        else:
            after, realised = measures.close(self.memory.rules, held, abs(size), price)
        return {self.pool: Contents(before.collateral + realised, _with(before.holdings, self.key, after))}

    def settle(self, later: Memory) -> None:
        """The outside is the other side."""
        later.trade_outside(self.data["market"], self.amount("size"), self.amount("price"))


class Leverage(NaiveEvent):
    """ACC-13."""

    fields: ClassVar = {**_POSITION, "leverage": "integer"}

    def refusal(self) -> str | None:
        """The position is open and not being liquidated; a lower leverage must be covered."""
        pool, position = self.before.pools.get(self.pool), self.before.positions.get(self.key)
        if pool is None or position is None or not position.size:
            return "not_open"
        if pool.order_working():
            return "order_working"
        if pool.in_liquidation:
            return "in_liquidation"
        chosen = self.data["leverage"]
        if not 1 <= chosen <= self.memory.rules.markets[position.market].tiers[0].max_leverage:
            return "bad_leverage"
        known = evolve(self.memory, leverages={**self.memory.leverages, self.key: chosen})
        falls = chosen < self.memory.leverages[self.key]
        covered = known.equity(pool.contents) >= known.initial_margin(pool.contents)
        return "insufficient_margin" if falls and not covered else None

    def learn(self) -> None:
        """The leverage that the trader chose."""
        self.memory.leverages = {**self.memory.leverages, self.key: self.data["leverage"]}


class _OfAnOrder(NaiveEvent):
    """What the market does with the working order of a position (FIL-1, FIL-6)."""

    def refusal(self) -> str | None:
        """There must be one."""
        position = self.before.positions.get(self.key)
        return "no_working_order" if position is None or position.order is None else None


class Fill(_OfAnOrder):
    """FIL-1 to FIL-5."""

    fields: ClassVar = {**_POSITION, "size": "+lot", "price": "+tick"}

    def refusal(self) -> str | None:
        """At most the order, and not worse than its limit (LIQ-17)."""
        held = None if super().refusal() else self.before.positions[self.key]
        if held is None or held.order is None:
            return "no_working_order"
        if self.amount("size") > held.order:
            return "overfill"
        worse = held.limit is not None and (self.amount("price") - held.limit) * held.size < 0
        return "worse_than_limit" if worse else None

    def changes(self) -> dict[str, Contents]:
        """FIL-1, FIL-2."""
        before, size, price = self.before.contents(self.pool), self.amount("size"), self.amount("price")
        after, realised = measures.close(self.memory.rules, before.holdings[self.key], size, price)
        holdings = _with(before.holdings, self.key, after)
        left, rules = Contents(before.collateral + realised, holdings), self.memory.rules
        fee = max(ZERO, min(measures.up(rules.fee_rate * size * price, rules.quote), self.memory.equity(left)))
        return {self.pool: Contents(left.collateral - fee, holdings, fee)}

    def settle(self, later: Memory) -> None:
        """The outside is the other side; a fill that leaves size opens the windows of position and scope (CLD-1)."""
        size = self.amount("size") * (-1 if self.before.positions[self.key].size > 0 else 1)
        later.trade_outside(self.data["market"], size, self.amount("price"))
        position, rules = self.after.positions[self.key], self.memory.rules
        if rules.cooldown_ms == 0 or (position.size == 0 and position.state != "backstopped"):
            return
        until, scope = self.after.time + rules.cooldown_ms, scope_key(rules, position)
        later.own_windows = {**later.own_windows, (self.key, position.life): until}
        later.windows = {**later.windows, scope: later.windows.get(scope, Window())._replace(until=until)}

    def ends_order(self, earlier: NaivePosition) -> bool:
        """FIL-3."""
        return earlier.key == self.key and self.amount("size") == earlier.order


class OrderDone(_OfAnOrder):
    """FIL-6."""

    fields: ClassVar = _POSITION

    def learn(self) -> None:
        """BKS-2: the order left quantity over."""
        self.memory.failed |= {(self.key, self.before.positions[self.key].life)}

    def ends_order(self, earlier: NaivePosition) -> bool:
        """FIL-6."""
        return earlier.key == self.key


class MarkPrice(NaiveEvent):
    """EVT-5."""

    fields: ClassVar = {"market": "market", "price": "+tick"}
    starts_liquidations: ClassVar = True

    def learn(self) -> None:
        """The new mark."""
        self.memory.marks = {**self.memory.marks, self.data["market"]: self.amount("price")}


class Marks(NaiveEvent):
    """EVT-5."""

    fields: ClassVar = {"prices": "prices"}
    starts_liquidations: ClassVar = True

    def learn(self) -> None:
        """The new marks."""
        prices = {market: number(price) for market, price in self.data["prices"].items()}
        self.memory.marks = {**self.memory.marks, **prices}


class PriceInputs(NaiveEvent):
    """MRK-1 to MRK-9."""

    fields: ClassVar = {
        "market": "market",
        **dict.fromkeys(("index", "best_bid", "best_ask", "last"), "+tick?"),
        "perps": "perps?",
    }
    starts_liquidations: ClassVar = True

    def _inputs(self) -> dict[str, Any]:
        feed = self.memory.feeds.get(self.data["market"]) or NaiveFeed()
        return feed.current(self.data, self.before.time, self.memory.rules.stale_ms)

    def refusal(self) -> str | None:
        """MRK-1, MRK-6."""
        if not self.memory.rules.forms_marks:
            return "not_formed"
        return None if NaiveFeed().candidates(self._inputs(), self._tick) else "no_price"

    def learn(self) -> None:
        """The new mark: the one that is observed, if it is near enough to the one that the rules form."""
        market, inputs = self.data["market"], self._inputs()
        feed = (self.memory.feeds.get(market) or NaiveFeed()).take(self.data, inputs, self.before.time)
        self.memory.feeds = {**self.memory.feeds, market: feed}
        candidates = feed.candidates(inputs, self._tick)
        if not candidates:  # accepted, and must not be: another property says so
            return
        previous, mark = self.memory.marks[market], mark_price.formed(candidates, self._tick)
        most = mark_price.largest_move(previous, self.memory.rules.max_move, self._tick)
        if most is not None:
            mark = max(previous - most, min(previous + most, mark))
        seen = self.after.marks.get(market, mark)
        off = max(self._tick, feed.imprecision)
        near = seen > 0 and abs(seen - mark) <= off and (most is None or abs(seen - previous) <= most)
        self.memory.marks = {**self.memory.marks, market: seen if near else mark}

    @property
    def _tick(self) -> Fraction:
        return self._market.tick


class Funding(NaiveEvent):
    """EVT-6."""

    fields: ClassVar = {"market": "market", "payment": "~quote"}
    starts_liquidations: ClassVar = True

    def changes(self) -> dict[str, Contents]:
        """Every position of the market pays."""
        changed: dict[str, Contents] = {}
        for position in self.before.positions.values():
            if position.market == self.data["market"] and position.size:
                changed |= self.paid(position.pool, -self._due(position.size))
        return changed

    def settle(self, later: Memory) -> None:
        """The outside receives what positions and vault pay."""
        market = self.data["market"]
        sizes = [position.size for position in self.before.positions.values() if position.market == market]
        sizes.append(self.before.vault_positions.get(market, ZERO))
        later.outside_cash += total(self._due(size) for size in sizes)

    def _due(self, size: Fraction) -> Fraction:
        return measures.up(size * self.amount("payment"), self.memory.rules.quote)


class Settle(NaiveEvent):
    """EVT-11."""

    fields: ClassVar = {"market": "market", "price": "+tick"}
    starts_liquidations: ClassVar = True

    def refusal(self) -> str | None:
        """Only once."""
        return "market_settled" if self.data["market"] in self.memory.settled else None

    def learn(self) -> None:
        """The mark is the price, and nothing is traded any more."""
        self.memory.marks = {**self.memory.marks, self.data["market"]: self.amount("price")}
        self.memory.settled |= {self.data["market"]}

    def changes(self) -> dict[str, Contents]:
        """Each pool with a position of the market closes it."""
        changed = {}
        for position in self._held():
            before = self.before.contents(position.pool)
            held = before.holdings[position.key]
            after, realised = measures.close(self.memory.rules, held, abs(held.size), self.amount("price"))
            changed[position.pool] = Contents(before.collateral + realised, _with(before.holdings, position.key, after))
        return changed

    def settle(self, later: Memory) -> None:
        """The outside takes what positions and vault had."""
        market = self.data["market"]
        sizes = [*(position.size for position in self._held()), self.before.vault_positions.get(market, ZERO)]
        later.trade_outside(market, -total(sizes), self.amount("price"))

    def ends_order(self, earlier: NaivePosition) -> bool:
        """Every order of the market ends with its position."""
        return bool(earlier.market == self.data["market"])

    def _held(self) -> list[NaivePosition]:
        held = self.before.positions.values()
        return [position for position in held if position.market == self.data["market"] and position.size]


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
        self.memory.attempted = self.memory.failed = frozenset()
        windows = self.memory.windows.items()
        self.memory.windows = {scope: Window(window.until, window.until) for scope, window in windows}


class VaultTrade(NaiveEvent):
    """EVT-7."""

    fields: ClassVar = {"market": "market", "size": "!lot", "price": "+tick"}

    def refusal(self) -> str | None:
        """EVT-11."""
        return "market_settled" if self.data["market"] in self.memory.settled else None

    def settle(self, later: Memory) -> None:
        """The outside is the other side."""
        later.trade_outside(self.data["market"], self.amount("size"), self.amount("price"))


class VaultCash(NaiveEvent):
    """EVT-8."""

    fields: ClassVar = {"amount": "!quote"}

    def settle(self, later: Memory) -> None:
        """It came from nowhere."""
        later.net_deposits += self.amount()


class Adjust(NaiveEvent):
    """ACC-12."""

    fields: ClassVar = {"account": "account", "mode": "mode", "amount": "!quote", "market": "market?"}
    starts_liquidations: ClassVar = True

    def refusal(self) -> str | None:
        """An isolated pool must have been used."""
        return None if self.pool in self.before.pools else "not_open"

    def changes(self) -> dict[str, Contents]:
        """The pool receives the amount."""
        return self.paid(self.pool, self.amount())

    def settle(self, later: Memory) -> None:
        """The outside pays it."""
        later.outside_cash -= self.amount()


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
    "leverage": Leverage,
    "settle": Settle,
    "price_inputs": PriceInputs,
    "block": Block,
}


def _with(holdings: dict[str, Holding], key: str, held: Holding) -> dict[str, Holding]:
    others = {name: other for name, other in holdings.items() if name != key}
    return {**others, key: held} if held.size else others
