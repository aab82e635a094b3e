"""Exhaustive exploration: every event sequence of a scope, breadth first, every step judged by every property."""

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from attrs import Factory, define, field

from liqspec.core.changes import reachable_transitions
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData, PriceInputs
from liqspec.core.families.mark_price import INPUTS
from liqspec.core.parameters import families_of
from liqspec.core.snapshot import AVERAGES, AccountValue, FeedValue, PoolValue, Snapshot, WindowValue
from liqspec.core.state import Position
from liqspec.edge.errors import InternalFailure
from liqspec.properties.catalogue import OBSERVED
from liqspec.properties.checker.witness import Witness
from liqspec.properties.coverage import Coverage, Violation
from liqspec.properties.monitor import Monitor
from liqspec.spec.scopes import Scope

WHERE = "scope "  # how the place of a violation begins that an exploration found


@define(kw_only=True)
class Exploration:
    """What an exploration found: how large the scope is, whether all of it was seen, and what was exercised."""

    scope: Scope
    states: int = 0
    steps: int = 0
    refused: int = 0
    depth: int = 0
    exhausted: bool = False
    seconds: float = 0.0
    coverage: Coverage = Factory(Coverage)

    @property
    def never(self) -> list[str]:
        """What the scope neither exercised nor excused; and excuses for what it did exercise, which are wrong."""
        counts = {f"transition {name}": self.coverage.transitions[name] for name in reachable_transitions()}
        families = {"", *families_of(self.scope.config)}
        judged = [name for name, entry in OBSERVED.items() if entry.family in families]
        counts.update({f"property {name}": self.coverage.checked[name] for name in judged})
        excused = [name for name in counts if name.partition(" ")[2] in self.scope.excused]
        return [
            *(name for name, count in counts.items() if not count and name not in excused),
            *(f"excuse for {name}, which was exercised" for name in excused if counts[name]),
        ]

    @property
    def holds(self) -> bool:
        """Whether nothing was violated, and nothing was left unexercised without an excuse."""
        return not (self.coverage.violations or self.coverage.failures or self.never)


@define
class _Node:
    """A state to expand: a representative of its canonical form, and how it was reached."""

    snapshot: Snapshot
    witness: Witness
    trail: "tuple[Any, ...]" = ()  # (earlier trail, event), so that trails share their beginnings


def explore(scope: Scope, *, progress: Callable[[int], None] = lambda _: None) -> Exploration:
    """Explore a scope breadth first, up to its depth; at the first violation, stop with the shortest way to it.

    States are the same if they differ only in the clock, the block number, the outside and the vault's book: none of
    these is looked at by any guard or measure of a pool (LIQ-1, BKS-8).

    Raises:
        InvalidConfig: the scope's configuration is not a valid rule set.
    """
    began, explorer = time.perf_counter(), _Explorer(Exploration(scope=scope))
    try:
        explorer.explore(progress)
    except Exception as error:
        failure = InternalFailure.of(f"{WHERE}{scope.name}", error, _events_of(explorer.trail))
        explorer.found.coverage.failures.append(failure)
    explorer.found.seconds = time.perf_counter() - began
    return explorer.found


@define
class _Explorer:
    """How far an exploration came; `trail` are the events up to what it tries now."""

    found: Exploration
    trail: "tuple[Any, ...]" = ()
    other: Engine = field(init=False)  # to which events are applied that did not happen

    def explore(self, progress: Callable[[int], None]) -> None:
        found, scope = self.found, self.found.scope
        engine, self.other = (Engine(Config.from_json(scope.config)) for _ in range(2))
        monitor = Monitor.of_start(engine, scope.config, found.coverage)
        for event in scope.setup:
            self._apply(monitor, self.trail, event)
        root = _Node(monitor.snapshot, monitor.witness, self.trail)
        seen: set[bytes] = {_canonical(root.snapshot, scope.symmetric)}
        frontier, found.states = [root], 1
        while frontier and found.depth < scope.max_depth and not found.coverage.violations:
            following: list[_Node] = []
            found.depth += 1
            for node in frontier:
                progress(len(seen))
                self.trail = node.trail
                for event in _events(scope, engine, node.snapshot):
                    engine.restore(node.snapshot)
                    monitor = Monitor(engine, node.snapshot, node.witness.copy(), found.coverage)
                    found.steps += 1
                    if self._apply(monitor, node.trail, event):
                        return
                    if monitor.snapshot == node.snapshot:
                        found.refused += 1
                        continue
                    canonical = _canonical(monitor.snapshot, scope.symmetric)
                    if canonical not in seen:
                        seen.add(canonical)
                        found.states += 1
                        following.append(_Node(monitor.snapshot, monitor.witness, self.trail))
            frontier = following
        found.exhausted = not frontier and not found.coverage.violations

    def _apply(self, monitor: Monitor, trail: tuple[Any, ...], event: EventData) -> bool:
        """Apply an event after a trail; whether it violated something."""
        self.trail = (trail, event)
        scope, found = self.found.scope, monitor.apply(event)
        if not found and event["type"] == PriceInputs.type:
            found = monitor.judge_formed(self.other)
        for name, wrong in found[:1]:
            violation = Violation(name, wrong, f"{WHERE}{scope.name}", scope.config, _events_of(self.trail))
            self.found.coverage.violations.append(violation)
            return True
        return False


def _events_of(trail: tuple[Any, ...]) -> list[EventData]:
    """The events of a trail, the first one first."""
    events: list[EventData] = []
    while trail:
        trail, event = trail
        events.append(event)
    return events[::-1]


def _events(scope: Scope, engine: Engine, snapshot: Snapshot) -> Iterator[EventData]:
    """The events of the scope that can be tried in a state."""
    engine.restore(snapshot)
    state, alphabet = engine.state, scope.events
    for position in state.working_orders():
        yield from _executions(scope, engine, position)
    for account, amount in alphabet.deposit.items():
        cap = engine.venue.money.units(scope.max_collateral) or 0
        if state.accounts[account].cross.collateral < cap:
            yield {"type": "deposit", "account": account, "amount": amount}
    for account, amount in alphabet.withdraw.items():
        yield {"type": "withdraw", "account": account, "amount": amount}
    for transfer in alphabet.transfer:
        yield {"type": "transfer", **transfer}
    for trade in alphabet.trade:
        position_now = state.position(trade.account, trade.market, trade.mode)
        if position_now is not None and not position_now.size and position_now.life >= scope.max_life:
            continue
        market = engine.venue.markets[trade.market]
        event = {
            "type": "trade",
            "account": trade.account,
            "market": trade.market,
            "mode": trade.mode,
            "size": trade.size,
            "price": trade.price or market.price.text(state.marks[trade.market]),
        }
        reduces = position_now is not None and position_now.size * (market.size.units(trade.size) or 0) < 0
        yield event if trade.leverage is None or reduces else {**event, "leverage": trade.leverage}
    for name, prices in alphabet.mark_price.items():
        for price in prices:
            yield {"type": "mark_price", "market": name, "price": price}
    for inputs in alphabet.price_inputs:
        yield {"type": "price_inputs", **inputs}
    for name, payment in alphabet.funding.items():
        yield {"type": "funding", "market": name, "payment": payment}
    for after in alphabet.block:
        yield {"type": "block", "time": state.time + after}


def _executions(scope: Scope, engine: Engine, position: Position) -> Iterator[EventData]:
    market = position.market
    key = {"account": position.account, "market": market.name, "mode": position.mode}
    mark = market.price.text(engine.state.marks[market.name])
    sizes = dict.fromkeys((market.size.text(position.order or 0), *scope.events.fill_size))
    for size in sizes:
        for price in dict.fromkeys((mark, *scope.events.fill_price)):
            yield {"type": "fill", **key, "size": size, "price": price}
    yield {"type": "order_done", **key}


def _canonical(snapshot: Snapshot, symmetric: bool) -> bytes:
    """What the future of a state depends on: windows relative to now, and no clock, block number, outside or vault.

    Where accounts are symmetric, not even who is who. Only a digest of 16 bytes is kept: a million of them have two
    alike with a probability below 10 to the minus 26.
    """
    accounts = [repr(_account(account, snapshot.time)) for account in snapshot.accounts]
    feeds = [_feed(feed, snapshot.time) for feed in snapshot.feeds or ()]
    state = repr((snapshot.marks, sorted(accounts) if symmetric else accounts, *feeds))
    return hashlib.blake2b(state.encode(), digest_size=16).digest()


def _feed(feed: FeedValue, now: int) -> tuple[Any, ...]:
    values = ((name, getattr(feed, name)) for name in (*INPUTS, *AVERAGES))
    return tuple((name, *value[:-1], now - value.time) for name, value in values if value is not None)


def _account(account: AccountValue, now: int) -> tuple[Any, ...]:
    return (_window(account.window, now), tuple(_pool(pool, now) for pool in account.pools))


def _pool(pool: PoolValue, now: int) -> tuple[Any, ...]:
    positions = tuple((*held[:-1], _window(held.window, now)) for held in pool.positions)
    return (pool.market, pool.collateral, pool.in_liquidation, _window(pool.window, now), positions)


def _window(window: WindowValue, now: int) -> tuple[int, int]:
    return (max(0, window.until - now), max(0, window.forcing_until - now))
