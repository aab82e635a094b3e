"""What follows a breach that waits for a block: mostly the block, now and then its trader first: a family (LIQ-18)."""

from random import Random

from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Pool
from liqspec.generate import boundaries
from liqspec.generate.market import MarketMoves
from liqspec.generate.moves import Moves
from liqspec.generate.trader import TraderMoves


class BlockMoves(Moves):
    """Moves that a run has only if breaches wait for a block; their chances are a separate source."""

    def __init__(self, random: Random, engine: Engine) -> None:
        super().__init__(random, engine)
        self._market_moves, self._trader = MarketMoves(random, engine), TraderMoves(random, engine)

    def now_and_then(self) -> EventData | None:
        """While a breached pool waits, a block in one event of three, or what its trader does; otherwise None."""
        if self._venue.assess_at != "block" or self._state.working_orders():
            return None
        waiting = [pool for pool in self._state.pools() if self._waits(pool)]
        if not waiting or self._chance(0.4):
            return None
        if self._chance(0.6):
            return self._market_moves.block()
        pool = self._random.choice(waiting)
        return self._money_out(pool) if self._chance(0.3) else self._trader.reduce_in(pool)

    def _waits(self, pool: Pool) -> bool:
        if pool.in_liquidation or not pool.open_positions():
            return False
        equity, margin = boundaries.measures(self._state, pool)
        return equity < margin

    def _money_out(self, pool: Pool) -> EventData:
        """A little money out of the pool, which must be refused for its margin."""
        event = {"account": pool.account, "amount": self._money(1)}
        if pool.market is None:
            return {"type": "withdraw", **event}
        return {"type": "transfer", **event, "market": pool.market, "amount": self._money(-1)}
