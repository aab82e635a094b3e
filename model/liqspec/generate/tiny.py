"""Positions of a few lots at a mark of a few ticks, whose margin may be rounded down to 0 (MRG-13, LIQ-17)."""

from collections.abc import Iterator
from random import Random

from liqspec.core.arithmetic import initial_margin, maintenance_margin
from liqspec.core.config import Market
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Account
from liqspec.generate import boundaries
from liqspec.generate.moves import Moves


class TinyMoves(Moves):
    """Moves that a run has only if its margins are rounded down or its orders have limits; a separate source."""

    _rest_of_plan: Iterator[EventData] = iter(())

    def __init__(self, random: Random, engine: Engine) -> None:
        super().__init__(random, engine)
        markets = [market for market in self._venue.markets.values() if "cross" in (market.modes or ("cross",))]
        fit = self._venue.limits_orders or any(market.schedule.rounds_down for market in markets)
        # In units so coarse that the margin of one lot at one tick is rounded.
        self._markets = [one for one in markets if fit and maintenance_margin(one.unit, one.schedule) <= 1]

    def now_and_then(self) -> EventData | None:
        """The next event of a plan, a new one in one event of forty; otherwise None."""
        if not self._markets:
            return None
        if (event := next(self._rest_of_plan, None)) is not None:
            return event
        self._rest_of_plan = self._plan() if self._chance(0.025) else iter(())
        return next(self._rest_of_plan, None)

    def _plan(self) -> Iterator[EventData]:
        """One or two positions of a few lots in an empty cross pool, then what leaves it next to nothing, or less."""
        random = self._random
        pools = [account for account in self._state.accounts.values() if not account.cross.open_positions()]
        markets = random.sample(self._markets, k=min(len(self._markets), random.choice((1, 1, 2))))
        if not pools:
            return
        account = random.choice(pools)
        for market in markets:
            yield {"type": "mark_price", "market": market.name, "price": market.price.text(random.randint(1, 3))}
        for market in markets:
            yield from self._opened(account, market)
        held = account.cross.open_positions()
        if not held or account.cross.in_liquidation:
            return
        position = random.choice(held)
        equity, _ = boundaries.measures(self._state, account.cross)
        side = 1 if position.size > 0 else -1
        target = random.choice((0, 0, -1, -1, -2, -random.randint(1, 30)))
        if abs(position.size) > 1 and self._chance(0.3):
            ticks = -((target - equity) // position.market.unit)
            price = max(1, self._mark_of(position.market) - side * ticks)
            trade = {"type": "trade", **self._key(position), "size": position.market.size.text(-side)}
            yield {**trade, "price": position.market.price.text(price)}
        if not position.size:  # that trade may have ended it
            return
        yield self._funding(position, equity, target)
        lacking = -boundaries.measures(self._state, account.cross)[0]
        if lacking > 0 and self._chance(0.4):
            amount = self._money(lacking - (lacking > 1 and self._chance(0.3)))
            yield {"type": "deposit", "account": account.name, "amount": amount}

    def _opened(self, account: Account, market: Market) -> Iterator[EventData]:
        """A cross position of a few lots at the mark, with no more collateral than it needs."""
        mark, size = self._mark_of(market), self._random.randint(1, 4) * self._random.choice((1, -1))
        needed = initial_margin(abs(size) * mark * market.unit, market.max_leverage, market.schedule)
        lacking = needed - boundaries.free(self._state, account.cross)
        if lacking:
            kind = "deposit" if lacking > 0 else "withdraw"
            yield {"type": kind, "account": account.name, "amount": self._money(abs(lacking))}
        key = {"account": account.name, "market": market.name, "mode": "cross", "leverage": market.max_leverage}
        yield {"type": "trade", **key, "size": market.size.text(size), "price": market.price.text(mark)}
