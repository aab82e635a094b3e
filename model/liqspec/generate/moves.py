"""What all moves share: chance, the state of the engine, and how an event is written."""

from copy import copy
from random import Random

from liqspec.core.config import Market
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Account, Pool, Position, State
from liqspec.generate import boundaries


def separate_source(random: Random, name: str = "") -> Random:
    """A separate source for moves that were added later: whatever is drawn from it, `random` stays the same.

    Sources of different names are independent of each other.
    """
    drawn = copy(random).random()
    return Random(f"{name} {drawn}") if name else Random(drawn)


class Moves:
    """Proposes events by chance, from what state an engine is in."""

    def __init__(self, random: Random, engine: Engine) -> None:
        self._random = random
        self._engine = engine
        self._venue = engine.venue

    @property
    def _state(self) -> State:
        return self._engine.state

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _open(self) -> list[tuple[Pool, Position]]:
        return [(pool, held) for pool in self._state.pools() for held in pool.open_positions()]

    def _window_ends(self, account: Account) -> list[int]:
        """When the windows of an account end that are open, its positions' and its pools'."""
        windows = [account.window]
        for pool in account.pools():
            windows += [pool.window, *(position.window for position in pool.open_positions())]
        return [window.until for window in windows if window.until > self._state.time]

    def _account(self) -> Account:
        return self._random.choice(list(self._state.accounts.values()))

    def _market(self) -> Market:
        return self._random.choice(list(self._venue.markets.values()))

    def _breaching(self, pool: Pool, position: Position) -> EventData:
        """A funding that leaves a pool between its margin and its backstop line, as far as that is possible."""
        equity, margin = boundaries.measures(self._state, pool)
        line = boundaries.backstop_line_of(self._state, pool)
        return self._funding(position, equity, self._random.randint(min(line, margin - 1), margin - 1))

    def _funding(self, position: Position, equity: int, target: int) -> EventData:
        """A funding that brings the equity of a position's pool to a target, or just beyond."""
        payment = boundaries.funding_to(position, equity, target)
        return {"type": "funding", "market": position.market.name, "payment": self._money(payment)}

    def _money(self, units: int) -> str:
        return self._venue.money.text(units)

    def _key(self, position: Position) -> EventData:
        return {"account": position.account, "market": position.market.name, "mode": position.mode}

    def _mark_of(self, market: Market) -> int:
        return self._state.marks[market.name]

    def _near_mark(self, market: Market, percent: int) -> str:
        """A price `percent` percent from the mark, as it is written."""
        mark = self._mark_of(market)
        return market.price.text(max(1, mark + mark * percent // 100))
