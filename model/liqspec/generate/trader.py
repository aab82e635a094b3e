"""The trader's moves: money in, out and across, trades at the edge of what is allowed, reductions out of trouble."""

from random import Random

from liqspec.core.config import Market, Mode
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Pool, Position
from liqspec.generate import boundaries
from liqspec.generate.moves import Moves

_MODES: tuple[tuple[Mode, int], ...] = (("cross", 2), ("isolated", 1))  # how often each is chosen

_DOUBLES = 2**53  # beyond which a double does not hold every whole number


class TraderMoves(Moves):
    """What the trader can do."""

    def __init__(self, random: Random, engine: Engine) -> None:
        super().__init__(random, engine)
        # Now and then all is too large for a machine's integer or a float.
        self.scale = 10**24 if self._chance(0.05) else 1
        self.careful = False  # whether little is tried that no money is there for, in any tier and at any mark

    def deposit(self) -> EventData:
        """A deposit; often what a pool in trouble lacks, exactly or by one unit not."""
        amount = self._random.choice((1, 10**6, 10**9, 3 * 10**9, 10**11)) * self.scale
        in_trouble = [owner for owner in self._state.accounts.values() if owner.cross.in_liquidation]
        owner = self._random.choice(in_trouble) if in_trouble else self._account()
        lacking = self._lacking(owner.cross)
        if lacking is not None and self._chance(0.6):
            amount = max(1, lacking + self._random.choice((-1, 0, 0, 1)))
        return {"type": "deposit", "account": owner.name, "amount": self._money(amount)}

    def rescue(self) -> EventData | None:
        """Money for a pool in liquidation: what it lacks, exactly or by one unit not."""
        if not (troubled := [pool for pool in self._state.pools() if pool.in_liquidation]):
            return None
        pool = self._random.choice(troubled)
        lacking = max(1, (self._lacking(pool) or 0) + self._random.choice((-1, 0, 0, 1)))
        event: EventData = {"account": pool.account, "amount": self._money(lacking)}
        if pool.market is None or boundaries.free(self._state, self._state.accounts[pool.account].cross) < lacking:
            return {"type": "deposit", **event}
        return {"type": "transfer", **event, "market": pool.market}

    def increase_in_trouble(self) -> EventData | None:
        """More of a position that is in liquidation, which must be refused; often with a bad leverage as well."""
        if not (stuck := [position for pool, position in self._open() if pool.in_liquidation]):
            return None
        position = self._random.choice(stuck)
        market, price = position.market, self._near_mark(position.market, 0)
        leverage = self._random.choice((0, 1, market.max_leverage))
        return self._trade(self._key(position), market, position.size, price, leverage=leverage)

    def trade_what_the_vault_took(self) -> EventData | None:
        """A trade in a key that is backstopped, which must be refused until the next block."""
        if not (backstopped := [one for _, one in self._state.positions() if one.state == "backstopped"]):
            return None
        position = self._random.choice(backstopped)
        return self._trade(self._key(position), position.market, 1, self._near_mark(position.market, 0))

    def withdraw(self) -> EventData:
        """A withdrawal of all that is free, exactly or by one unit not."""
        owner = self._account()
        amount = max(1, boundaries.free(self._state, owner.cross) + self._random.choice((-1, 0, 1)))
        return {"type": "withdraw", "account": owner.name, "amount": self._money(amount)}

    def transfer(self) -> EventData:
        """Money into an isolated pool, or all that is free of it back; often what it lacks."""
        random, owner, market = self._random, self._account(), self._market().name
        isolated = owner.isolated.get(market)
        if isolated is not None and self._chance(0.4):
            amount = -max(1, boundaries.free(self._state, isolated) + random.choice((-1, 0, 1)))
        else:
            share = boundaries.free(self._state, owner.cross) // random.choice((1, 2, 4))
            amount = max(1, share + random.choice((0, 0, 1)))
            lacking = None if isolated is None else self._lacking(isolated)
            if lacking is not None and lacking > 0 and self._chance(0.5):
                amount = max(1, lacking + random.choice((-1, 0, 1)))
        return {"type": "transfer", "account": owner.name, "market": market, "amount": self._money(amount)}

    def _lacking(self, pool: Pool) -> int | None:
        """What a pool lacks to one of its lines, to nothing, or to a whole number of ticks."""
        if not (held := pool.open_positions()):
            return None
        equity, margin = boundaries.measures(self._state, pool)
        ticks = boundaries.whole_ticks(self._random.choice(held), equity)
        lines = (margin, boundaries.backstop_line_of(self._state, pool), 0, ticks)
        return self._random.choice((*lines, *boundaries.restore_lines(self._state, pool))) - equity

    def open_or_increase(self) -> EventData:
        """A trade of as much as the pool allows, of a size that meets a boundary, or of very little."""
        random = self._random
        account, market, mode = self._key_to_trade()
        leverage = random.choice((1, market.max_leverage, market.max_leverage, random.randint(1, market.max_leverage)))
        pool = self._state.pool(account, mode, market.name)
        free = 0 if pool is None else boundaries.free(self._state, pool)
        if free <= 0 and self._chance(0.95):
            return self.fund(account, market, mode)
        affordable, mark = free * leverage, self._mark_of(market)
        if self.careful:
            lots = boundaries.affordable(market, mark, free, leverage)
            if not lots and self._chance(0.9):
                return self.fund(account, market, mode)
            affordable = lots * mark * market.unit
        size = self._lots(market, pool, affordable) * random.choice((1, -1))
        price = market.price.text(max(1, self._mark_of(market) + random.choice((0, 0, 0, 1, -1))))
        event = self._trade({"account": account, "market": market.name, "mode": mode}, market, size, price)
        return event if self._chance(0.1) else {**event, "leverage": leverage}

    def _key_to_trade(self) -> tuple[str, Market, Mode]:
        """Any account, market and mode; often next to what an account holds, or in a window that it left open."""
        accounts = self._state.accounts.values()
        held = [one for one in accounts if any(pool.open_positions() for pool in one.pools()) or self._window_ends(one)]
        nearby = bool(held) and self._chance(0.5)
        account = self._random.choice(held) if nearby else self._account()
        keys: list[tuple[Market, Mode]] = []
        for market in self._venue.markets.values():
            for mode, weight in _MODES:
                position = self._state.position(account.name, market.name, mode)
                if position is None or not ((nearby and position.size) or position.state == "backstopped"):
                    keys += [(market, mode)] * weight
        if not keys:
            keys = [(self._market(), "cross")]
        market, mode = self._random.choice(keys)
        return account.name, market, mode

    def _lots(self, market: Market, pool: Pool | None, affordable: int) -> int:
        """How much to trade, in lots: up to what is affordable, or exactly up to a notional that matters."""
        random, lot = self._random, self._mark_of(market) * market.unit
        amounts = [amount for amount in boundaries.threshold_amounts(self._venue, market) if amount <= affordable]
        if amounts and self._chance(0.2 if max(amounts) < _DOUBLES else 0.5):
            return max(1, random.choice(amounts) // lot + random.choice((-1, 0, 0, 1)))
        held = [] if pool is None else self._state.holdings(pool)
        if held and self._chance(0.15):  # two positions of equal margin, where ties are decided
            return max(1, boundaries.worth(random.choice(held)) // lot)
        most = max(1, affordable // lot)
        round_lots = 10 ** (len(str(most)) - 1)  # of which the worth of a tick often divides the equity
        return max(1, random.choice((1, 2, most, most, most // 2, most + 1, round_lots, round_lots)))

    def equal_margins(self) -> EventData | None:
        """Opens in another market of a cross pool as much as it holds in one."""
        pools = [pool for pool in self._state.pools() if pool.mode == "cross" and len(pool.open_positions()) == 1]
        if not (calm := [pool for pool in pools if not pool.in_liquidation]):
            return None
        pool = self._random.choice(calm)
        (position,) = pool.open_positions()
        if not (others := [market for market in self._venue.markets.values() if market is not position.market]):
            return None
        market = self._random.choice(others)
        lots = boundaries.worth(self._state.holding(position)) // (self._mark_of(market) * market.unit)
        size, price = max(1, lots) * self._random.choice((1, -1)), self._near_mark(market, 0)
        key = {"account": pool.account, "market": market.name, "mode": "cross"}
        return self._trade(key, market, size, price, leverage=market.max_leverage)

    def fund(self, account: str, market: Market, mode: Mode) -> EventData:
        """Collateral for a pool that has none to trade with."""
        units = self._random.choice((10**8, 10**9, 10**10, 3 * 10**11)) * self.scale
        amount = self._money(max(units, 3 * self._mark_of(market) * market.unit) if self.careful else units)
        free = boundaries.free(self._state, self._state.accounts[account].cross)
        if mode == "isolated" and free > 10**10 * self.scale:
            return {"type": "transfer", "account": account, "market": market.name, "amount": amount}
        return {"type": "deposit", "account": account, "amount": amount}

    def reduce(self) -> EventData | None:
        """A trade that closes some or all of a position; often at the very bound of what is accepted (ACC-9)."""
        if not (held := self._open()):
            return None
        troubled = [entry for entry in held if entry[0].in_liquidation]
        return self._reduction(*self._random.choice(troubled if troubled and self._chance(0.6) else held))

    def reduce_in(self, pool: Pool) -> EventData:
        """The same for a position of this pool, which has one."""
        return self._reduction(pool, self._random.choice(pool.open_positions()))

    def _reduction(self, pool: Pool, position: Position) -> EventData:
        random = self._random
        market, whole = position.market, abs(position.size)
        half = max(1, whole // 2)
        exact = boundaries.ratio_keeping_price(self._state, pool, position, half)
        if exact is not None and self._chance(0.5):
            size, price = half, market.price.text(exact)
        elif self._chance(0.5):
            size = random.choice((whole, 1, half, half, half))
            aimed = random.choice(boundaries.reduction_prices(self._state, pool, position, size))
            price = market.price.text(max(1, aimed + random.choice((-1, 0, 0, 1))))
        else:
            size = random.choice((whole, whole, 1, half, whole + 1))
            price = self._near_mark(market, random.choice((0, 0, 0, -1, 1, -5, 5, -20)))
        signed = -size if position.size > 0 else size
        return self._trade(self._key(position), market, signed, price)

    def _trade(self, key: EventData, market: Market, size: int, price: str, **leverage: int) -> EventData:
        return {"type": "trade", **key, "size": market.size.text(size), "price": price, **leverage}
