"""What an account may do in some runs only: a leverage without a trade, and money out where that is limited more."""

from collections.abc import Callable, Container
from random import Random

from liqspec.core.arithmetic import pool_initial_margin
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Pool, Position
from liqspec.generate import boundaries
from liqspec.generate.moves import Moves


class AccountMoves(Moves):
    """Moves that a run has only if the engine has their events; all their chances are from a separate source."""

    def __init__(self, random: Random, engine: Engine, optional: Container[str]) -> None:
        super().__init__(random, engine)
        every: dict[str, Callable[[], EventData | None]] = {"leverage": self.leverage}
        self._moves = [move for kind, move in every.items() if kind in optional]
        if self._venue.withdraw_floor is not None or self._venue.withdraw_from == "collateral":
            self._moves.append(self.outflow)
        self._next: EventData | None = None  # what the event before it prepared

    def now_and_then(self) -> EventData | None:
        """One of the moves in one event of ten, and what an earlier one prepared; mostly None."""
        if (prepared := self._next) is not None:
            self._next = None
            return prepared
        return self._random.choice(self._moves)() if self._moves and self._chance(0.1) else None

    def leverage(self) -> EventData | None:
        """Another leverage of an open position: any, or the least that its pool covers, or one out of range."""
        random, held = self._random, self._open()
        if not held or self._chance(0.05):
            position = random.choice([None, *(one for _, one in self._state.positions())])
            key = {"account": self._account().name, "market": self._market().name, "mode": "cross"}
            return self._set(key if position is None else self._key(position), 1)
        pool, position = random.choice(held)
        most = position.market.max_leverage
        lower = random.randint(1, position.leverage)
        if lower < position.leverage and not pool.in_liquidation and self._chance(0.4):
            return self._paid_for(pool, position, lower)
        chosen = (1, lower, lower, most, random.randint(1, most), position.leverage, 0, most + 1)
        return self._set(self._key(position), random.choice(chosen))

    def _paid_for(self, pool: Pool, position: Position, leverage: int) -> EventData:
        """Money in or out of the account, after which the pool covers a leverage exactly, or by one unit not."""
        held = [self._state.holding(other) for other in pool.open_positions() if other is not position]
        held.append(self._state.holding(position)._replace(leverage=leverage))
        equity, _ = boundaries.measures(self._state, pool)
        amount = pool_initial_margin(held) - equity + self._random.choice((0, 0, 0, -1, 1))
        self._next = self._set(self._key(position), leverage)
        if amount == 0:
            return self._next
        return self._paid(pool, amount)

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
