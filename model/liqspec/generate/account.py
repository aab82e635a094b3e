"""What happens to accounts in some runs only: leverages, reversals, money out under more limits, a settled market."""

from collections.abc import Callable, Container
from random import Random

from liqspec.core.arithmetic import Holding, divide_up, initial_margin, pool_initial_margin
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Pool, Position
from liqspec.generate import boundaries
from liqspec.generate.moves import Moves, separate_source

_PROFITS = 0.004  # the share of events that are trades of nothing but their profit
_EARLY = 12  # blocks in which the last market may be settled


class AccountMoves(Moves):
    """Moves that a run has only if the engine has their events; all their chances are from a separate source."""

    def __init__(self, random: Random, engine: Engine, optional: Container[str]) -> None:
        super().__init__(random, engine)
        every: dict[str, Callable[[], EventData | None]] = {"leverage": self.leverage, "settle": self.settle}
        self._moves = [move for kind, move in every.items() if kind in optional]
        if self._venue.withdraw_floor is not None or self._venue.withdraw_from == "collateral":
            self._moves.append(self.outflow)
        if any(market.isolated_removal == "never" for market in self._venue.markets.values()):
            self._moves.append(self.removal)
        if any(market.modes is not None for market in self._venue.markets.values()):
            self._moves.append(self.in_any_mode)
        if self._venue.crossing == "split":
            self._moves.append(self.reversal)
            if any(market.isolated_removal == "never" for market in self._venue.markets.values()):
                self._moves += [self.locked_reversal] * 3
        self._next: Callable[[], EventData | None] | None = None  # what the event before it prepared
        self._later = separate_source(random, "of profits")

    def now_and_then(self) -> EventData | None:
        """One of the moves in one event of seven, and what an earlier one prepared; mostly None."""
        if (prepared := self._next) is not None:
            self._next = None
            if (event := prepared()) is not None:
                return event
        if self._later.random() < _PROFITS:
            return self.on_profit()
        if self._venue.crossing == "split" and self._cooling() and self._chance(0.2):
            return self.reversal()
        return self._random.choice(self._moves)() if self._moves and self._chance(0.15) else None

    def on_profit(self) -> EventData:
        """A trade of nothing but its own profit, mostly in an isolated pool that is not there yet (ACC-3).

        It is at the last price at which the profit covers the margin, or one tick from there.
        """
        random = self._later
        account, market = random.choice(list(self._state.accounts)), random.choice(list(self._venue.markets.values()))
        unused = self._state.pool(account, "isolated", market.name) is None
        mode = "isolated" if unused and "isolated" in (market.modes or ("isolated",)) else "cross"
        mark, side, leverage = self._mark_of(market), random.choice((1, -1)), market.max_leverage
        size = random.choice((1, 2, 1000))
        margin = initial_margin(size * mark * market.unit, leverage, market.schedule)
        price = mark - side * (divide_up(margin, size * market.unit) + random.choice((0, 0, 0, 0, 1, -1)))
        key = {"account": account, "market": market.name, "mode": mode, "leverage": leverage}
        text = market.size.text(side * size)
        return {"type": "trade", **key, "size": text, "price": market.price.text(max(1, price))}

    def leverage(self) -> EventData | None:
        """Another leverage of an open position: any, or the least that its pool covers, or one out of range."""
        random, found = self._random, self._open()
        if not found or self._chance(0.05):
            position = random.choice([None, *(one for _, one in self._state.positions())])
            key = {"account": self._account().name, "market": self._market().name, "mode": "cross"}
            return self._set(key if position is None else self._key(position), 1)
        pool, position = random.choice(found)
        most = position.market.max_leverage
        lower = random.randint(1, position.leverage)
        if lower < position.leverage and not pool.in_liquidation and self._chance(0.4):
            held = [self._state.holding(other) for other in pool.open_positions() if other is not position]
            held.append(self._state.holding(position)._replace(leverage=lower))
            return self._paid_for(pool, pool_initial_margin(held), self._set(self._key(position), lower))
        wide = 2 ** random.choice((8, 16, 32)) + lower  # the lower one, to whoever keeps so few bits
        chosen = (1, lower, lower, most, random.randint(1, most), position.leverage, 0, most + 1, wide)
        return self._set(self._key(position), random.choice(chosen))

    def removal(self) -> EventData | None:
        """What an isolated pool holds, or gained, or a little of it, back to the cross pool; or a little into it."""
        pools = [pool for pool in self._state.pools() if pool.mode == "isolated"]
        if not pools:
            return None
        held = [pool for pool in pools if pool.open_positions()]
        pool = self._random.choice(held if held and self._chance(0.8) else pools)
        gained = boundaries.measures(self._state, pool)[0] - pool.collateral
        amounts = (boundaries.free(self._state, pool) + self._random.choice((0, 0, 1)), gained, gained, 1, 1, -1)
        return self._paid(pool, -self._random.choice([amount for amount in amounts if amount > 0 or amount == -1]))

    def in_any_mode(self) -> EventData:
        """A little trade, or more than is there to pay for, in any mode of any market; often in trouble."""
        market, mode = self._market(), self._random.choice(("cross", "isolated"))
        size = market.size.text(self._random.choice((1, 1, -1, 10**12)))
        key = {"account": self._account().name, "market": market.name, "mode": mode}
        return {"type": "trade", **key, "size": size, "price": self._near_mark(market, 0), "leverage": 1}

    def reversal(self) -> EventData | None:
        """A trade that turns a position round into all that its pool covers: exactly, by one unit or one lot not."""
        random, held = self._random, self._open()
        if not held:
            return None
        cooling = self._cooling()
        pool, position = random.choice(cooling if cooling and self._chance(0.7) else held)
        market, mark = position.market, self._mark_of(position.market)
        leverage = random.choice((1, market.max_leverage, market.max_leverage, random.randint(1, market.max_leverage)))
        others = [self._state.holding(other) for other in pool.open_positions() if other is not position]
        equity, _ = boundaries.measures(self._state, pool)
        most = boundaries.affordable(market, mark, equity - pool_initial_margin(others), leverage)
        rest = max(1, random.choice((1, most, most, most // 2, most + 1, abs(position.size))))
        if position.state == "cooldown" and self._chance(0.3):
            rest = 2 * most + 1  # refused, and the window stays
        size = -position.size - (rest if position.size > 0 else -rest)
        price = market.price.text(max(1, mark + random.choice((0, 0, 0, 1, -1))))
        event = {"type": "trade", **self._key(position), "size": market.size.text(size), "price": price}
        if cooling and self._later.random() < 0.5:  # what the new life owes to the old one, an order shows
            self._next = lambda: self._breaching(pool, position) if position.size and not pool.in_liquidation else None
        if self._chance(0.9):
            event["leverage"] = random.choice((*(leverage,) * 8, 0, market.max_leverage + 1))
        opened = Holding(rest, rest * mark * market.unit, leverage, mark, market.unit, market.schedule)
        if not pool.in_liquidation and self._chance(0.4):
            return self._paid_for(
                pool, pool_initial_margin([*others, opened]), {**event, "price": market.price.text(mark)}
            )
        return event

    def locked_reversal(self) -> EventData:
        """A trade that turns a position round in a pool that nothing may leave, after which something is to leave it;
        or one that opens a position, if there is none.
        """
        random, locked = self._later, [one for one in self._open() if one[1].market.isolated_removal == "never"]
        isolated = [(pool, position) for pool, position in locked if pool.market is not None]
        if not isolated:
            return self.on_profit()
        pool, position = random.choice(isolated)
        size, price = position.market.size.text(-position.size - (1 if position.size > 0 else -1)), self._near_mark
        self._next = lambda: self._paid(pool, -1) if random.random() < 0.8 else None
        turned = {"size": size, "price": price(position.market, 0), "leverage": position.leverage}
        return {"type": "trade", **self._key(position), **turned}

    def _cooling(self) -> list[tuple[Pool, Position]]:
        """The positions whose own window is open: a reversal forgets it."""
        return [entry for entry in self._open() if entry[1].state == "cooldown"]

    def _paid_for(self, pool: Pool, margin: int, event: EventData) -> EventData:
        """Money in or out of a pool, after which its equity is a margin, or one unit off; the event comes next."""
        equity, _ = boundaries.measures(self._state, pool)
        amount = margin - equity + self._random.choice((0, 0, 0, -1, 1))
        if amount == 0:
            return event
        self._next = lambda: event
        return self._paid(pool, amount)

    def settle(self) -> EventData | None:
        """The end of a market, rarely, as nothing happens in it any more: near its mark, or far from it.

        Most often where the vault has a position, or an order works; and in a settled market, now and then a trade.
        """
        state, markets = self._state, self._venue.markets
        if state.settled and self._chance(0.3):
            market = markets[self._random.choice(sorted(state.settled))]
            trade = {"market": market.name, "size": market.size.text(1), "price": self._near_mark(market, 0)}
            return {"type": "vault_trade", **trade}
        if len(markets) - len(state.settled) < 2 and (state.block > _EARLY or not self._chance(0.1)):
            return None  # after the last market nothing more would happen in a long run
        busy = [*state.vault.positions, *(position.market.name for position in state.working_orders())]
        if not self._chance(0.5 if busy else 0.2):
            return None
        held = busy or [position.market.name for _, position in self._open()]
        market = markets[self._random.choice(held)] if held and self._chance(0.8) else self._market()
        price = self._near_mark(market, self._random.choice((0, 0, 1, -1, 5, -5, 30, -30)))
        return {"type": "settle", "market": market.name, "price": price}

    def outflow(self) -> EventData | None:
        """All that may leave a pool by one of its bounds, mostly by the tightest, exactly or by one unit not."""
        pools = [pool for pool in self._state.pools() if pool.open_positions() or self._chance(0.1)]
        if not pools:
            return None
        pool = self._random.choice(pools)
        bounds = boundaries.outflows(self._state, pool)
        amount = self._random.choice((min(bounds), min(bounds), *bounds)) + self._random.choice((-1, 0, 0, 1, 1))
        if amount < 1:
            return None
        return self._paid(pool, -amount)

    def _paid(self, pool: Pool, amount: int) -> EventData:
        """An amount into a pool by its trader; below 0 out of it."""
        event = {"account": pool.account, "amount": self._money(amount)}
        if pool.market is not None:
            return {"type": "transfer", **event, "market": pool.market}
        return {"type": "deposit" if amount > 0 else "withdraw", **event, "amount": self._money(abs(amount))}

    def _set(self, key: EventData, leverage: int) -> EventData:
        return {"type": "leverage", **key, "leverage": leverage}
