"""Plans: sequences of moves to where single random moves never lead, each event computed from the present state."""

from collections.abc import Callable, Iterator
from random import Random

from liqspec.core.arithmetic import divide_up, initial_margin
from liqspec.core.config import Market, Mode
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Pool, Position
from liqspec.generate import boundaries
from liqspec.generate.market import MarketMoves
from liqspec.generate.moves import Moves
from liqspec.generate.trader import TraderMoves

Plan = Iterator[EventData | None]  # None leaves an event to the guide

_LONG = 100  # events of a run
_AROUND = 8  # events that lead to an order and out of trouble
_MOST = 40  # executions of orders in one go, or tiers that a position grows through


class Plans(Moves):
    """What several moves in a row lead to; money is in quote units, and a side is 1 for long and -1 for short."""

    def __init__(self, random: Random, engine: Engine, scale: int, pauses: tuple[int, ...], length: int) -> None:
        super().__init__(random, engine)
        self._trader, self._prices = TraderMoves(random, engine), MarketMoves(random, engine)
        self._scale, self._prices.pauses, self._length = scale, pauses, length

    def named(self, *names: str) -> Plan:
        """Plans by their names, one after the other, and some events of the guide after each."""
        for name in names:
            plan: Callable[[], Plan] = getattr(self, name)
            yield from plan()
            yield from [None] * self._random.choice((5, 10, 30))

    # ------------------------------------------------------------------------------------------------ many at once

    def one_pool(self) -> Plan:
        """A cross pool with a position in every market, and isolated pools of its account, then in trouble."""
        account, mixed, margin = self._account().name, self._chance(0.3), self._margin()
        for market in self._shuffled_markets():
            side = self._random.choice((1, -1)) if mixed else 1
            yield from self._open_in(account, market, "cross", side, margin)
            if self._chance(0.2):
                yield from self._open_in(account, market, "isolated", side, margin)
        yield from self._trouble()

    def one_by_one(self) -> Plan:
        """Like positions of one pool in every market, whose orders find nothing one after the other."""
        account, margin = self._account().name, self._margin()
        for market in self._shuffled_markets():
            yield from self._open_in(account, market, "cross", 1, margin)
        yield self._moved(6)
        yield from self._executed((0, 0, 1))

    def every_pool(self) -> Plan:
        """The same positions of every account, at like margins, which one event brings into trouble together."""
        most = self._random.choice((1, 1, 2, 3) if len(self._state.accounts) > 4 else (2, 3, 4))
        markets, margin = self._shuffled_markets()[:most], self._margin()
        modes: tuple[Mode, ...] = self._random.choice((("cross",), ("cross", "isolated"), ("isolated",)))
        for account in self._random.sample(list(self._state.accounts), k=len(self._state.accounts)):
            for market in markets:
                for mode in modes:
                    yield from self._open_in(account, market, mode, 1, margin + self._random.choice((0, 0, 1, 7)))
        yield from self._trouble()

    def in_chunks_again(self) -> Plan:
        """The same position of every account, all in trouble in one block, and once more in the next ones."""
        market, accounts = self._market(), list(self._state.accounts)
        margin = self._margin_of(market, self._random.choice((10, 100, 100_000)))
        for account in self._random.sample(accounts, k=len(accounts)):
            yield from self._open_in(account, market, "cross", 1, margin)
        for _ in range(3):
            yield self._fallen(market)
            for position in self._state.working_orders():
                done = self._chance(0.2)
                yield {"type": "order_done", **self._key(position)} if done else self._filled(position, position.order)
            yield self._prices.block()

    def everyone(self) -> Plan:
        """One position of every account, paid for by its profit, and then what affects all of them at once."""
        market, accounts = self._market(), list(self._state.accounts)
        leverage, lots = market.max_leverage, self._random.choice((1, 10))
        better = divide_up(self._margin_of(market, lots), lots * market.unit)
        for account in self._random.sample(accounts, k=len(accounts)):
            price = market.price.text(self._mark_of(market) + better + self._random.choice((0, 0, 1)))
            key = {"account": account, "market": market.name, "mode": "cross"}
            yield {"type": "trade", **key, "size": market.size.text(-lots), "price": price, "leverage": leverage}
        yield {"type": "funding", "market": market.name, "payment": self._money(1 if lots == 1 else -1)}
        yield self._fallen(market)

    def settled_far(self) -> Plan:
        """A market is settled, and others are traded in that are a power of two of markets from it."""
        markets, account = list(self._venue.markets.values()), self._account().name
        if self._chance(0.5):
            markets.sort(key=lambda market: market.name)
        place = self._random.randrange(min(4, len(markets)))
        market = markets[place]
        yield {"type": "settle", "market": market.name, "price": self._near_mark(market, 1)}
        for power in range(9):
            for other in markets[place + 2**power : place + 2**power + 1]:
                yield from self._open_in(account, other, self._mode(), 1, self._margin())

    def all_ruined(self) -> Plan:
        """What every pool holds in every market goes to the vault, as the book fills nothing; the vault sells some."""
        many_markets = len(self._venue.markets) >= len(self._state.accounts)
        yield from self.one_pool() if many_markets and self._chance(0.8) else self.every_pool()
        yield self._moved(self._random.randint(9, 30))
        for _ in range(_MOST):
            if not (working := self._state.working_orders()):
                break
            yield {"type": "order_done", **self._key(self._random.choice(working))}
        for _ in range(len(self._state.vault.positions)):
            yield self._prices.vault_trade()

    # -------------------------------------------------------------------------------------------- again and again

    def all_tiers(self) -> Plan:
        """One position that grows through all tiers of its market, just to and just beyond where each starts."""
        account, markets = self._account().name, list(self._venue.markets.values())
        market = max(markets, key=lambda market: (len(market.schedule.tiers), self._random.random()))
        mode, side, lot = self._mode(), self._random.choice((1, -1)), self._lot(market)
        starts = [tier.above for tier in market.schedule.tiers[1:]]
        if len(starts) > _MOST:
            starts = sorted(self._random.sample(starts, k=_MOST))
        yield from self._paid_in(account, market, mode, 3 * (starts or [self._margin()])[-1] + lot * 10)
        held = 0
        for start in starts:
            for beyond in self._random.sample((0, 1), k=2 if self._chance(0.2) else 1):
                size = max(1, start // lot + beyond - held)
                held += size
                leverage = self._random.choice((1, market.max_leverage))
                yield self._trade_at_mark(account, market, mode, side * size, leverage)
        if self._chance(0.5):
            yield from self._trouble()
        elif starts:
            step = max(1, held // (2 * len(starts)))
            for _ in range(2 * len(starts)):
                yield self._trade_at_mark(account, market, mode, -side * step)

    def many_lives(self) -> Plan:
        """One key that is opened and closed again and again."""
        account, market, mode = self._account().name, self._market(), self._mode()
        yield from self._paid_in(account, market, mode, 100 * self._lot(market))
        for _ in range(self._times(2, 5, 10, 18, 40, 140, 270)):
            size = self._random.choice((1, -1, 2))
            yield self._trade_at_mark(account, market, mode, size, market.max_leverage)
            yield self._trade_at_mark(account, market, mode, -size)

    def many_blocks(self) -> Plan:
        """A position that is held for some hundreds of blocks."""
        yield from self._open_in(self._account().name, self._market(), self._mode(), 1, self._margin())
        for _ in range(self._times(1, 20, 60, 140, 270, 520, 1100)):
            yield from self._executed((1, 1, 1))
            yield self._prices.block()
            if self._chance(0.05):
                yield None

    def blocks_later(self) -> Plan:
        """An order that finds nothing, and one of the same position some power of two of blocks later."""
        account, market, mode, margin = self._account().name, self._market(), self._mode(), self._margin()
        yield from self._open_in(account, market, mode, self._random.choice((1, -1)), margin)
        left, powers = self._length, [2**power for power in range(1, 9) if 2**power + _AROUND <= self._length]
        for blocks in (*powers[-1:], *self._random.sample(powers, k=len(powers))):
            pool = self._state.pool(account, mode, market.name)
            position = self._state.position(account, market.name, mode)
            if pool is None or position is None or not position.size or blocks + _AROUND > left:
                continue
            left -= blocks + _AROUND
            yield self._breaching(pool, position)
            yield from self._executed((0, 0, 1))
            yield from self._paid_in(account, market, mode, margin + abs(boundaries.measures(self._state, pool)[1]))
            for _ in range(blocks):
                yield self._prices.block()

    def many_fills(self) -> Plan:
        """Orders that are filled by very little many times."""
        if self._length >= _LONG:
            market = self._market()
            yield from self._open_in(self._account().name, market, "cross", 1, self._margin_of(market, 1000))
            yield self._fallen(market)
            if not self._state.working_orders():  # of a venue that assesses at blocks
                yield self._prices.block()
        else:
            yield from self.one_pool()
        for _ in range(self._times(1, 10, 20, 40, 70, 140, 270)):
            if not (working := self._state.working_orders()):
                break
            yield self._filled(working[0], 1)

    # ----------------------------------------------------------------------------------- siblings over several blocks

    def siblings(self) -> Plan:
        """Positions and pools of one or two accounts that are liquidated over several blocks, each in its own way.

        Before each block a funding brings the pools to below their margin, and mostly not below backstop; then each
        order is filled whole, filled in part, or finds nothing.
        """
        margin, markets = self._margin(), self._shuffled_markets()[: self._random.choice((1, 2, 2, 3, 5))]
        modes: tuple[Mode, ...] = self._random.choice((("cross",), ("cross", "isolated"), ("cross", "isolated")))
        accounts = list(self._state.accounts)
        for account in self._random.sample(accounts, k=min(len(accounts), self._random.choice((1, 1, 2)))):
            for market in markets:
                for mode in modes:
                    yield from self._open_in(account, market, mode, self._random.choice((1, 1, 1, -1)), margin)
        temper = self._random.choice(((5, 1, 1), (1, 1, 0), (2, 1, 3), (0, 0, 1)))
        for _ in range(self._random.randint(2, 10)):
            for pool in [pool for pool in self._state.pools() if self._chance(0.7)]:
                if (pressed := self._pressed(pool)) is not None:
                    yield pressed
                yield from self._executed(temper)
            yield self._prices.block()
            yield from self._executed(temper)

    def emptied_in_a_window(self) -> Plan:
        """A position liquidated in part, closed, all its money taken out, and once more in trouble in its window."""
        account, market, mode = self._account().name, self._market(), self._mode()
        margin = self._margin_of(market, self._random.choice((10, 100, 100_000)))
        for _ in range(3):
            yield from self._open_in(account, market, mode, 1, margin)
            pool, position = (
                self._state.pool(account, mode, market.name),
                self._state.position(account, market.name, mode),
            )
            if pool is None or position is None or not position.size:
                continue
            yield self._breaching(pool, position)
            yield from self._executed((0, 5, 1))
            yield from self._paid_in(account, market, mode, margin + abs(boundaries.measures(self._state, pool)[1]))
            if position.size:
                yield self._trade_at_mark(account, market, mode, -position.size)
            if self._chance(0.6):
                yield self._prices.block()
            paid = {"account": account, "amount": self._money(max(1, pool.collateral))}
            if mode == "isolated":
                paid = {**paid, "market": market.name, "amount": self._money(-max(1, pool.collateral))}
            yield {"type": "withdraw" if mode == "cross" else "transfer", **paid}
            if self._chance(0.6):
                yield self._prices.block()

    def _pressed(self, pool: Pool) -> EventData | None:
        """A funding that brings a pool to between its backstop line and its margin, if it is not there yet."""
        if not (held := pool.open_positions()) or pool.order_working():
            return None
        equity, margin = boundaries.measures(self._state, pool)
        line = boundaries.backstop_line_of(self._state, pool)
        if line <= equity < margin and self._chance(0.7):
            return None
        position = self._random.choice(held)
        return self._funding(position, equity, line - 1) if self._chance(0.1) else self._breaching(pool, position)

    def _executed(self, temper: tuple[int, int, int]) -> Plan:
        """Each working order filled in part, filled whole, or done: as likely as the temper of the book says."""
        for _ in range(_MOST):
            if not (working := self._state.working_orders()) or self._chance(0.1):
                break
            position = self._random.choice(working)
            left, ending = position.order or 1, self._random.choices(("part", "whole", "done"), temper)[0]
            if ending == "done":
                yield {"type": "order_done", **self._key(position)}
                continue
            size = left if ending == "whole" else max(1, left // self._random.choice((2, 3, 10)))
            yield self._filled(position, size)

    # ---------------------------------------------------------------------------------------------------- their parts

    def _trouble(self) -> Plan:
        """One event that brings many pools below their margin, some of them below backstop; or none."""
        held = [position for _, position in self._open()]
        if not held:
            return
        if self._chance(0.5) or len(self._venue.markets) == 1:
            market = self._random.choice(held).market
            yield self._fallen(market)
        else:
            yield self._moved(self._random.choice((5, 6, 8, 10)))
        if self._chance(0.5):
            yield from self._executed(self._random.choice(((5, 1, 1), (1, 1, 0), (0, 0, 1))))

    def _fallen(self, market: Market) -> EventData:
        """The mark of a market at the last of the liquidation prices of its positions on one side, or just beyond."""
        held = [position for _, position in self._open() if position.market is market]
        side = 1 if not held or held[0].size > 0 else -1
        prices = [self._engine.liquidation_price(one.account, market.name, one.mode)[0] for one in held]
        known = [price for one, price in zip(held, prices, strict=True) if price and one.size * side > 0]
        mark = self._mark_of(market)
        last = (min(known) if side > 0 else max(known)) if known else mark
        beyond = self._random.choice((0, 0, 1, mark // 200, mark // 50))
        return {"type": "mark_price", "market": market.name, "price": market.price.text(max(1, last - side * beyond))}

    def _moved(self, tenths: int) -> EventData:
        """Marks of all markets moved against what is held, by tenths of what the highest leverage can bear."""
        prices = {}
        for market in self._venue.markets.values():
            side = next((1 if one.size > 0 else -1 for _, one in self._open() if one.market is market), 1)
            mark = self._mark_of(market)
            moved = max(1, mark - side * (mark * tenths // (10 * market.max_leverage)))
            prices[market.name] = market.price.text(moved)
        return {"type": "marks", "prices": prices}

    def _open_in(self, account: str, market: Market, mode: Mode, side: int, margin: int) -> Plan:
        """Collateral and a position on all of it."""
        lot, leverage = self._lot(market), market.max_leverage
        margin = max(margin, initial_margin(lot, leverage, market.schedule))
        lots = boundaries.affordable(market, self._mark_of(market), margin, leverage)
        yield from self._paid_in(account, market, mode, margin)
        yield self._trade_at_mark(account, market, mode, side * lots, leverage)

    def _filled(self, position: Position, size: int | None) -> EventData:
        """A fill of the position's order at the mark; of one lot if it has none."""
        price, text = self._near_mark(position.market, 0), position.market.size.text(size or 1)
        return {"type": "fill", **self._key(position), "size": text, "price": price}

    def _paid_in(self, account: str, market: Market, mode: Mode, amount: int) -> Plan:
        yield {"type": "deposit", "account": account, "amount": self._money(amount)}
        if mode == "isolated":
            yield {"type": "transfer", "account": account, "market": market.name, "amount": self._money(amount)}

    def _trade_at_mark(
        self, account: str, market: Market, mode: Mode, size: int, leverage: int | None = None
    ) -> EventData:
        price, text = self._near_mark(market, 0), market.size.text(size)
        event = {"type": "trade", "account": account, "market": market.name, "mode": mode, "size": text, "price": price}
        return event if leverage is None else {**event, "leverage": leverage}

    def _times(self, events: int, *counts: int) -> int:
        """One of the counts, so that that number of times `events` fits into the run; in a long one the largest."""
        fitting = [count for count in counts if count * events < self._length] or [1]
        return fitting[-1] if self._length >= _LONG else self._random.choice((*fitting, *fitting[-2:], *fitting[-2:]))

    def _mode(self) -> Mode:
        return "isolated" if self._chance(0.3) else "cross"

    def _margin(self) -> int:
        return int(self._random.choice((1, 10**6, 10**8, 10**9, 10**10)) * self._scale)

    def _margin_of(self, market: Market, lots: int) -> int:
        """The initial margin of a position of that many lots."""
        return initial_margin(lots * self._lot(market), market.max_leverage, market.schedule)

    def _lot(self, market: Market) -> int:
        return self._mark_of(market) * market.unit

    def _shuffled_markets(self) -> list[Market]:
        return self._random.sample(list(self._venue.markets.values()), k=len(self._venue.markets))
