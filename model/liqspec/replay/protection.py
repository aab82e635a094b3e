"""What the protective orders of a scenario do: stops and alarms of the traders, one event at a time (SCN-5, SCN-6)."""

from collections.abc import Iterator
from math import ceil
from typing import Literal

from attrs import define, evolve, field, frozen

from liqspec.core import measures
from liqspec.core.changes import measure
from liqspec.core.engine import Engine
from liqspec.core.events import Deposit, Event, Trade, Transfer
from liqspec.core.refusals import Refusal
from liqspec.core.state import Pool, Position
from liqspec.edge import amounts, keys
from liqspec.replay.order_book import Ladder
from liqspec.report.amounts import Units
from liqspec.spec.protection import Alarm, Stop

Kind = Literal["stop", "alarm"]


@frozen(kw_only=True)
class Action:
    """What a trader's protective order does next, with the code of the refusal that it meets, and why it acts."""

    kind: Kind
    event: Event
    note: str
    refused: str | None = None


@define
class _Order:
    """A triggered order: it closes `left` lots of a position, at most what there is of it."""

    kind: Kind
    position: str
    left: int
    note: str
    refused: bool = False  # in this step; it is tried again after the next one

    def working(self, engine: Engine) -> Position | None:
        """The position, if there is something left to close; when it is closed, nothing is left for a later life."""
        position = _position(engine, self.position)
        self.left = min(self.left, 0 if position is None else abs(position.size))
        return position if self.left else None

    def next(self, engine: Engine, ladders: dict[str, Ladder]) -> Action | None:
        """Its next trade, which takes liquidity of the ladder unless it is refused; None if it cannot act now."""
        position = self.working(engine)
        if position is None or self.refused or _pool(engine, position).order_working():
            return None
        mark, selling = engine.state.marks[position.market.name], position.size > 0
        ladder = ladders.get(position.market.name)
        found = (self.left, mark) if ladder is None else ladder.nearest(self.left, mark, selling)
        if found is None:
            return None
        size, price = found
        action = _tried(Action(kind=self.kind, event=_closing(position, size, price), note=self.note), engine)
        self.refused = action.refused is not None
        if self.refused:
            return action
        if ladder is not None:
            ladder.take(self.left, mark, selling)
        self.left -= size
        return action


@define
class _StopState:
    """A stop that rests for one life of its position, and then is an order."""

    stop: Stop
    life: int | None = None
    order: _Order | None = None

    def begin_step(self) -> None:
        """Another step of the timeline has happened."""
        if self.order is not None:
            self.order.refused = False

    def next(self, engine: Engine, ladders: dict[str, Ladder]) -> Action | None:
        """SCN-5: what the stop does now; None if it does nothing."""
        if self.order is None:
            self.order = self._triggered(engine)
        return None if self.order is None else self.order.next(engine, ladders)

    def _triggered(self, engine: Engine) -> _Order | None:
        position = _position(engine, self.stop.position)
        if position is None or position.size == 0:
            return None
        if self.life is None:
            self.life = position.life
        mark, price = engine.state.marks[position.market.name], self.stop.price
        reached = mark <= price if position.size > 0 else mark >= price
        if position.life != self.life or not reached:
            return None
        units, market = Units(engine.venue), position.market.name
        note = f"The stop at {units.price(market, price)}, triggered at a mark of {units.price(market, mark)} (SCN-5)."
        wanted = abs(position.size) if self.stop.size is None else self.stop.size
        return _Order("stop", position.key, wanted, note)


@define
class _AlarmState:
    """An alarm, and what is still to be done because of it."""

    alarm: Alarm
    acted: int = 0
    acted_in_step: bool = False
    transfer: Action | None = None
    orders: list[_Order] = field(factory=list)

    def begin_step(self) -> None:
        """Another step of the timeline has happened."""
        self.acted_in_step = False
        for order in self.orders:
            order.refused = False

    def next(self, engine: Engine, ladders: dict[str, Ladder]) -> Action | None:
        """SCN-6: what the alarm does now; None if it does nothing."""
        if self.transfer is not None:
            action, self.transfer = self.transfer, None
            return _tried(action, engine)
        pool = measures.all_pools(engine).get(self.alarm.pool)
        if pool is not None and self._rings(engine, pool):
            self.acted, self.acted_in_step = self.acted + 1, True
            note = self._note(engine, pool)
            if self.alarm.deposit is not None:
                return self._deposit(engine, pool, self.alarm.deposit, note)
            self.orders = list(self._reductions(pool, note))
        actions = (order.next(engine, ladders) for order in self.orders)
        return next((action for action in actions if action is not None), None)

    def _rings(self, engine: Engine, pool: Pool) -> bool:
        if self.acted == self.alarm.times or self.acted_in_step or any(order.working(engine) for order in self.orders):
            return False
        seen = measure(engine.state, pool)
        return seen.equity < self.alarm.multiple * seen.maintenance_margin

    def _note(self, engine: Engine, pool: Pool) -> str:
        seen, units = measure(engine.state, pool), Units(engine.venue)
        count = f", {self.acted} of {self.alarm.times}" if self.alarm.times > 1 else ""
        line = f"{amounts.ratio_text(self.alarm.multiple)} × maintenance margin {units.money(seen.maintenance_margin)}"
        return f"The alarm{count}: equity {units.money(seen.equity)} below {line} (SCN-6)."

    def _deposit(self, engine: Engine, pool: Pool, deposited: int, note: str) -> Action:
        amount = engine.venue.money.text(deposited)
        if pool.market is not None:
            self.transfer = Action(kind="alarm", event=Transfer(pool.account, pool.market, amount), note=note)
        return Action(kind="alarm", event=Deposit(pool.account, amount), note=note)

    def _reductions(self, pool: Pool, note: str) -> Iterator[_Order]:
        assert self.alarm.reduce is not None, "an alarm deposits or reduces"
        for position in pool.open_positions():
            lots = ceil(self.alarm.reduce * abs(position.size))
            yield _Order("alarm", position.key, lots, note)


class Protections:
    """The protective orders of a run, in the order of the scenario's file."""

    def __init__(self, engine: Engine, protections: tuple[Stop | Alarm, ...]) -> None:
        self._engine = engine
        self._states = [_StopState(one) if isinstance(one, Stop) else _AlarmState(one) for one in protections]

    def begin_step(self) -> None:
        """Another step of the timeline has happened: what was refused is tried again, and an alarm may act again."""
        for state in self._states:
            state.begin_step()

    def next(self, ladders: dict[str, Ladder]) -> Action | None:
        """What the first that can act does; None if none can."""
        actions = (state.next(self._engine, ladders) for state in self._states)
        return next((action for action in actions if action is not None), None)


def _position(engine: Engine, key: str) -> Position | None:
    account, market, mode = keys.parts(key)
    return engine.state.position(account, market, "cross" if mode == "cross" else "isolated")


def _pool(engine: Engine, position: Position) -> Pool:
    pool = engine.state.pool(position.account, position.mode, position.market.name)
    assert pool is not None, "a position has a pool"
    return pool


def _closing(position: Position, lots: int, price: int) -> Trade:
    market = position.market
    size = -lots if position.size > 0 else lots
    return Trade(position.account, market.name, position.mode, market.size.text(size), market.price.text(price))


def _tried(action: Action, engine: Engine) -> Action:
    """The action, with the refusal that it meets."""
    try:
        action.event.admit(engine.state)
    except Refusal as refusal:
        return evolve(action, refused=refusal.code)
    return action
