"""The market's and the venue's moves: marks at the lines, fundings that meet one, executions, blocks, the vault."""

from collections.abc import Callable
from random import Random

from liqspec.core.config import Market
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Pool, Position
from liqspec.edge.amounts import MAX_INTEGER
from liqspec.generate import boundaries
from liqspec.generate.families.mark_price import InputMoves
from liqspec.generate.moves import Moves


class MarketMoves(Moves):
    """What prices, the book, time and the vault can do."""

    def __init__(self, random: Random, engine: Engine) -> None:
        super().__init__(random, engine)
        # A book that fills little of an order: otherwise liquidations rarely last several blocks.
        self._thin = self._chance(0.3)
        self.pauses: tuple[int, ...] = (1, 1, 5, 1000, 29999, 30000)  # milliseconds between two blocks

    def mark(self) -> EventData:
        """A new mark of one market, mostly of one with a position."""
        held = [position for _, position in self._open()]
        held += self._pressed(held) * 2
        market = self._random.choice(held).market if held and self._chance(0.9) else self._market()
        return {"type": "mark_price", "market": market.name, "price": market.price.text(self._price(market))}

    def marks(self) -> EventData:
        """New marks of all markets; where their ticks are the same, now and then one for all."""
        markets = list(self._venue.markets.values())
        prices = {market.name: market.price.text(self._price(market)) for market in markets}
        if len({market.price.step for market in markets}) == 1 and self._chance(0.5):
            prices = dict.fromkeys(prices, self._random.choice(list(prices.values())))
        return {"type": "marks", "prices": prices}

    def _price(self, market: Market) -> int:
        """A new mark: at, or one tick from, a boundary of some position; between two such; or anywhere near."""
        random, mark = self._random, self._mark_of(market)
        if self._chance(0.12):  # two significant digits, so that sizes can meet a boundary exactly
            step: int = 10 ** max(0, len(str(mark)) - 2)
            return max(1, mark // step * step)
        if self._chance(0.05):  # what was equal becomes nearly so
            return max(1, mark + random.choice((-1, 1)))
        held = [position for _, position in self._open() if position.market is market]
        if held and self._chance(0.75):
            exact = self._at_a_threshold(random.choice(held))
            if exact is not None and self._chance(0.15):
                return exact
            pressed = self._pressed(held)
            aimed = self._at_a_line(random.choice(pressed if pressed and self._chance(0.7) else held))
            if aimed is not None:
                return max(1, aimed + random.choice((-1, 0, 0, 1)))
        return max(1, mark + mark * random.choice((-30, -10, -3, -1, 0, 1, 3, 10, 30)) // 100 + random.randint(-1, 1))

    def _pressed(self, held: list[Position]) -> list[Position]:
        """Those that are not being liquidated while a window of their account is open, which may force them or not."""
        windows = {account.name for account in self._state.accounts.values() if self._window_ends(account)}
        return [one for one in held if one.state in ("healthy", "cooldown") and one.account in windows]

    def _at_a_line(self, position: Position) -> int | None:
        """The liquidation price, the bankruptcy price, or one of nine between them."""
        key = (position.account, position.market.name, position.mode)
        liquidation, _ = self._engine.liquidation_price(*key)
        if liquidation is None:
            return None
        ruin = self._engine.bankruptcy_price(*key)
        bankruptcy = ruin.numerator // ruin.denominator
        # Mostly nearer to the first line, where a pool is not yet below backstop.
        tenths = min(self._random.randint(0, 10), self._random.randint(0, 10))
        between = liquidation + (bankruptcy - liquidation) * tenths // 10
        beyond = bankruptcy + (bankruptcy - liquidation) * self._random.randint(0, 3)
        return self._random.choice((liquidation, between, between, beyond))

    def _at_a_threshold(self, position: Position) -> int | None:
        """The mark at which the notional is exactly a tier's start or the partial threshold, or just below."""
        if not (amounts := boundaries.threshold_amounts(self._venue, position.market)):
            return None
        return self._random.choice(amounts) // (abs(position.size) * position.market.unit) or None

    def execution(self, working: list[Position]) -> EventData:
        """A fill of a working order, whole, in part or of too much; or its end."""
        random, position = self._random, self._random.choice(working)
        if self._chance(0.6 if self._thin else 0.35):
            return {"type": "order_done", **self._key(position)}
        left = position.order or 1
        small = (1, max(1, left // 2))
        size = random.choice(small if self._thin else (left, left, left, *small, max(1, left - 1), left + 1))
        price = self._near_mark(position.market, random.choice((0, 0, 0, -1, 1, -10, 10)))
        if position.limit is not None:
            price = position.market.price.text(max(1, position.limit + random.choice((0, 0, 0, -1, 1, -10, 10))))
        return {"type": "fill", **self._key(position), "size": position.market.size.text(size), "price": price}

    def order_of_nobody(self) -> EventData:
        """The end of an order that usually does not exist."""
        mode = self._random.choice(("cross", "isolated"))
        return {"type": "order_done", "account": self._account().name, "market": self._market().name, "mode": mode}

    def funding(self) -> EventData:
        """A funding; often the one that brings a pool's equity exactly to a line, or anywhere below its margin."""
        if (held := self._open()) and self._chance(0.7):
            exact = self.exact()
            pool, position = self._random.choice(exact or held)
            equity, margin = boundaries.measures(self._state, pool)
            lines = (*boundaries.equity_lines(self._state, pool), boundaries.whole_ticks(position, equity))
            least = min(boundaries.backstop_line_of(self._state, pool), margin) if exact else 0  # where chunks are
            target = self._random.choice(lines) if self._chance(0.6) else self._random.randint(least, margin)
            return self._funding(position, equity, target)
        payment = self._random.choice((0, 1, -1, 10**6, -(10**6), 10**8, -(10**8)))
        return {"type": "funding", "market": self._market().name, "payment": self._money(payment)}

    def exact(self) -> list[tuple[Pool, Position]]:
        """The positions that are on a line at the present marks, with their pools."""
        return [entry for entry in self._open() if boundaries.is_exact(self._state, *entry)]

    def block_too_soon(self) -> EventData:
        """A block that is no later than the present one."""
        return {"type": "block", "time": max(0, self._state.time - self._random.choice((0, 0, 1)))}

    def block(self) -> EventData:
        """The next block: soon, late, or at the end of a window or of an input, and one millisecond to each side."""
        state, random = self._state, self._random
        ends = [until for account in state.accounts.values() for until in self._window_ends(account)]
        time = state.time + random.choice(self.pauses)
        if ends and self._chance(0.6):
            end = random.choice((min(ends), random.choice(ends)))
            time = random.choice((end + random.choice((-1, -1, 0, 1)), state.time + 1))
        if (old := self._stale_after()) and self._chance(0.3):
            time = random.choice(old) + random.choice((0, 1))
        if time > MAX_INTEGER and state.time % 2 and state.time < MAX_INTEGER:  # by no further chance
            time = MAX_INTEGER
        return {"type": "block", "time": max(0, time)}

    def _stale_after(self) -> list[int]:
        """The last times at which earlier inputs of marks still count (MRK-2)."""
        feeds, stale_ms = self._state.feeds.values(), self._venue.stale_ms
        if not stale_ms:
            return []
        times = [time + stale_ms for feed in feeds for _, time in feed.given.values()]
        return [time for time in times if time >= self._state.time]

    def vault_trade(self) -> EventData | None:
        """The vault closes, or turns round, what it holds; now and then it opens something."""
        held, random = self._state.vault.positions, self._random
        if not held and self._chance(0.5):
            return None
        market = self._venue.markets[random.choice(sorted(held))] if held else self._market()
        size = -held.get(market.name, random.choice((1, -1))) * random.choice((1, 1, 2))
        price = self._near_mark(market, random.choice((0, -1, 1, -10, 10)))
        return {"type": "vault_trade", "market": market.name, "size": market.size.text(size), "price": price}

    def vault_cash(self) -> EventData:
        """Money for the vault, or from it."""
        return {"type": "vault_cash", "amount": self._random.choice(("1000", "-1000", "0"))}

    def optional(self) -> dict[str, Callable[[], EventData]]:
        """The moves of the optional events, by event: runs without these events stay the same."""
        return {"adjust": self.adjust, "price_inputs": InputMoves(self._random, self._engine, self._price).price_inputs}

    def adjust(self) -> EventData:
        """Money that moves a pool: often to where a position is on a line, or to a margin below it; or any pool."""
        account = self._account()
        pool, amount = self._random.choice(list(account.pools())), self._random.choice((1, -1, 0, 10**6, -(10**6)))
        if (held := self._open()) and self._chance(0.7):
            pool, _ = self._random.choice(held)
            equity, margin = boundaries.measures(self._state, pool)
            lines = boundaries.equity_lines(self._state, pool)
            amount = (self._random.choice(lines) if self._chance(0.6) else self._random.randint(0, margin)) - equity
        event = {"type": "adjust", "account": pool.account, "mode": pool.mode, "amount": self._money(amount)}
        market = pool.market or (self._market().name if self._chance(0.1) else None)
        return event if market is None else {**event, "mode": "isolated", "market": market}
