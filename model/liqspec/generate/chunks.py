"""Positions whose chunk or rest is of a least notional or near it, leaves a tier, or restores (PRT-4, PRT-5)."""

from collections.abc import Callable, Iterator
from random import Random

from liqspec.core.arithmetic import divide_up, initial_margin, liquidation_fee, maintenance_margin
from liqspec.core.config import Market
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Account
from liqspec.generate import boundaries
from liqspec.generate.moves import Moves

_FEW, _FEW_TIMES = 1000, 6  # lots, and positions of few lots in a run

Plan = Callable[[], Iterator[EventData]]


class ChunkMoves(Moves):
    """Moves that a run has only if its chunks have a least notional, lead to a tier or restore; a separate source."""

    _rest_of_plan: Iterator[EventData] = iter(())
    _few_lots: int = 0  # how many more times a run has a position of few lots

    def __init__(self, random: Random, engine: Engine) -> None:
        super().__init__(random, engine)
        venue = engine.venue
        self._plans: list[Plan] = []
        self._tiered = [market for market in venue.markets.values() if len(market.schedule.tiers) > 1]
        if venue.partial_threshold is not None and (venue.min_order_notional, venue.min_rest_notional) != (None, None):
            self._plans.append(self._at_a_least)
        if venue.partial_threshold is not None and venue.partial_method == "tier_down" and self._tiered:
            self._plans.append(self._in_a_tier)
        if venue.partial_threshold is not None and venue.partial_method == "restore":
            self._few_lots = _FEW_TIMES

    def now_and_then(self) -> EventData | None:
        """The next event of a plan; a new one in one event of ten, while few lots are due in one of three."""
        if (event := next(self._rest_of_plan, None)) is not None:
            return event
        if not self._plans and not self._few_lots:
            return None
        self._rest_of_plan = self._next_plan()() if self._chance(0.3 if self._few_lots else 0.1) else iter(())
        return next(self._rest_of_plan, None)

    def _next_plan(self) -> Plan:
        if self._few_lots and (not self._plans or self._chance(0.5)):
            self._few_lots -= 1
            return self._of_few_lots
        return self._plans[0] if len(self._plans) == 1 else self._random.choice(self._plans)

    def _at_a_least(self) -> Iterator[EventData]:
        """A position of a size that meets a least notional at a mark, then a funding by which a chunk of it is due."""
        account, market = self._account(), self._market()
        if account.cross.order_working() or account.cross.in_liquidation:
            return
        yield from self._marked(market, self._dividing(market, self._random.choice(self._leasts())))
        yield from self._due(account, market, self._random.choice(self._sizes(market)))

    def _in_a_tier(self) -> Iterator[EventData]:
        """A position just inside a higher tier of its market, or not yet, then a funding by which a chunk of it is due;
        often at a mark at which whole lots are worth exactly where the tier starts.
        """
        account, market = self._account(), self._random.choice(self._tiered)
        if account.cross.order_working() or account.cross.in_liquidation:
            return
        tier = self._random.choice(market.schedule.tiers[1:])
        if self._chance(0.6):
            yield from self._marked(market, self._dividing(market, tier.above))
        least = tier.above // (self._mark_of(market) * market.unit) + 1
        yield from self._due(account, market, least + self._random.choice((-1, 0, 1, least // 10)))

    def _of_few_lots(self) -> Iterator[EventData]:
        """A position of few lots at a mark of few ticks, in trouble: its margins and fees are mostly rounding."""
        random = self._random
        market = min(self._venue.markets.values(), key=lambda one: (one.unit, random.random()))
        least = (self._venue.partial_threshold or 0) // market.unit + 1
        pools = [one.cross for one in self._state.accounts.values() if not one.cross.open_positions()]
        if not pools or least > _FEW:
            return
        pool, side, mark = random.choice(pools), random.choice((1, -1)), random.randint(2, 2 + market.max_leverage // 2)
        after = mark - side  # by which it loses a tick for each of its lots
        yield from self._marked(market, mark)
        lots = least + random.choice((1, 3, 8, 20, 60, 60, 200, 200, 700))
        margin = maintenance_margin(lots * after * market.unit, market.schedule)
        line = boundaries.backstop_line(self._venue, margin)
        needed = initial_margin(lots * mark * market.unit, market.max_leverage, market.schedule)
        equity = self._uneven(market, lots, after, range(min(line, margin - 1), margin))
        money = max(needed, equity + lots * market.unit) - pool.collateral
        if money:
            kind = "deposit" if money > 0 else "withdraw"
            yield {"type": kind, "account": pool.account, "amount": self._money(abs(money))}
        key = {"account": pool.account, "market": market.name, "mode": "cross", "leverage": market.max_leverage}
        size, price = market.size.text(side * lots), market.price.text(mark)
        yield {"type": "trade", **key, "size": size, "price": price}
        yield from self._marked(market, after)

    def _uneven(self, market: Market, lots: int, mark: int, equities: range) -> int:
        """An equity; of a dozen one with which some larger chunk does not restore though a smaller one does (PRT-4)."""
        worth = mark * market.unit
        for _ in range(12):
            equity = self._random.choice(equities)
            enough = [
                equity - liquidation_fee(closed * worth, self._venue.fee_rate, equity)
                >= maintenance_margin((lots - closed) * worth, market.schedule)
                for closed in range(1, min(lots, 300))
            ]
            if enough != sorted(enough):
                break
        return equity

    def _marked(self, market: Market, mark: int) -> Iterator[EventData]:
        """Another mark, if it is another."""
        if mark != self._mark_of(market):
            yield {"type": "mark_price", "market": market.name, "price": market.price.text(mark)}

    def _due(self, account: Account, market: Market, lots: int) -> Iterator[EventData]:
        """A cross position of that many lots, whatever the account has in the market, of which a chunk is due."""
        pool, key = account.cross, {"account": account.name, "market": market.name, "mode": "cross"}
        size, mark = lots * self._random.choice((1, -1)), self._mark_of(market)
        if (held := self._state.position(account.name, market.name, "cross")) is not None:
            size -= held.size
        worth = initial_margin(abs(size) * mark * market.unit, market.max_leverage, market.schedule)
        if (lacking := worth - boundaries.free(self._state, pool)) > 0:
            yield {"type": "deposit", "account": account.name, "amount": self._money(lacking)}
        trade = {"type": "trade", **key, "size": market.size.text(size), "price": market.price.text(mark)}
        yield {**trade, "leverage": market.max_leverage} if held is None or held.size * size >= 0 else trade
        position = pool.positions.get(market.name)
        if position is not None and position.size:
            equity, margin = boundaries.measures(self._state, pool)
            line = boundaries.backstop_line_of(self._state, pool)
            yield self._funding(position, equity, (line + margin - 1) // 2)

    def _dividing(self, market: Market, least: int) -> int:
        """A mark near the present one at which a whole number of lots is worth a least notional, if there is one."""
        mark = self._mark_of(market)
        lots = max(1, least // (mark * market.unit))
        for near in range(lots, lots + 50):
            if near * market.unit <= least and least % (near * market.unit) == 0:
                return least // (near * market.unit)
        return mark

    def _leasts(self) -> list[int]:
        return [least for least in (self._venue.min_order_notional, self._venue.min_rest_notional) if least] or [1]

    def _sizes(self, market: Market) -> list[int]:
        """The sizes in lots at which a chunk is just large enough, or leaves just enough; and their neighbours."""
        venue, worth = self._venue, self._mark_of(market) * market.unit
        order, rest = (divide_up(least or 0, worth) for least in (venue.min_order_notional, venue.min_rest_notional))
        share = venue.partial_fraction
        chunk = venue.partial_lots or 1 if venue.partial_method == "lots" else 0
        left = share.denominator - share.numerator
        by_share = rest * share.denominator // left if left and not chunk else rest + chunk
        found = (order + rest, by_share, order * share.denominator // share.numerator)
        return [max(1, size + off) for size in found for off in (-1, 0, 0, 1)]
