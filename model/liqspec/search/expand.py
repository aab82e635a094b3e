"""One state with all that can happen in it: every event of the scope is tried, and every step judged.

What does not change between steps is not judged again. A refused event that changed no bit of the state leaves what is
observed and remembered as it was, so only the refusal itself is judged. What must hold of a state, whatever led to it,
is judged when the state is met first.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from attrs import define, field, frozen

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData, PriceInputs
from liqspec.core.families.mark_price import INPUTS
from liqspec.core.snapshot import AVERAGES, AccountValue, FeedValue, PoolValue, Snapshot, WindowValue
from liqspec.properties.checker.measures import Readings
from liqspec.properties.checker.witness import Witness
from liqspec.properties.coverage import Coverage, Violation
from liqspec.properties.monitor import Monitor
from liqspec.properties.step_monitor import StateObserver, StepMonitor
from liqspec.search.exploration import WHERE
from liqspec.search.moves import moves
from liqspec.spec.scopes import Scope

Setting = tuple[Any, ...]
Trail = tuple[Any, ...]  # (earlier trail, event), so that trails share their beginnings


@frozen
class Node:
    """A state to expand: a representative of its form, and how it was reached."""

    snapshot: Snapshot
    witness: Witness
    form: bytes
    trail: Trail


@frozen
class Tried:
    """An event tried in a state: whether it was refused, and the state after it; None if nothing changed."""

    event: EventData
    refused: bool
    after: Node | None


@define
class Expander:
    """Tries events on one engine, and judges each step; what is violated is added to the coverage.

    `trail` are the events up to what it tries now.
    """

    scope: Scope
    coverage: Coverage
    trail: Trail = ()
    _engine: Engine = field(init=False)
    _other: Engine = field(init=False)  # to which events are applied that did not happen
    _observer: StateObserver = field(init=False, factory=StateObserver)

    def __attrs_post_init__(self) -> None:
        """Raises InvalidConfig if the scope's configuration is not a valid rule set."""
        self._engine, self._other = (Engine(Config.from_json(self.scope.config)) for _ in range(2))

    def start(self) -> Node:
        """The state after the scope's setup, up to what it violates."""
        monitor = Monitor.of_start(self._engine, self.scope.config, self.coverage)
        for event in self.scope.setup:
            if self._violates(monitor, self.trail, event):
                break
        monitor.witness.readings = Readings()  # of all states: the observer shares their entries
        form = canonical(monitor.snapshot, self.scope.symmetric)
        return Node(monitor.snapshot, monitor.witness, form, self.trail)

    def expand(self, node: Node, known: Callable[[bytes], bool]) -> Iterator[Tried]:
        """Every event that can be tried in a state, up to one that violates something.

        `known` says whether a state, by its form, was met before.
        """
        form = b""

        def met(snapshot: Snapshot) -> bool:
            nonlocal form
            form = canonical(snapshot, self.scope.symmetric)
            return known(form)

        self._engine.restore(node.snapshot)
        for event in list(moves(self.scope, self._engine)):
            monitor = StepMonitor(self._engine, node.snapshot, node.witness.copy(), self.coverage, self._observer, met)
            if self._violates(monitor, node.trail, event):
                return
            if monitor.unchanged:
                yield Tried(event, monitor.refusal is not None, None)
            else:
                self._engine.restore(node.snapshot)
                yield Tried(event, False, Node(monitor.snapshot, monitor.witness, form, self.trail))

    def _violates(self, monitor: Monitor, trail: Trail, event: EventData) -> bool:
        """Apply an event after a trail; whether it violated something."""
        self.trail = (trail, event)
        found = monitor.apply(event)
        if not found and event["type"] == PriceInputs.type:
            found = monitor.judge_formed(self._other)
        for name, wrong in found[:1]:
            where, config = f"{WHERE}{self.scope.name}", self.scope.config
            self.coverage.violations.append(Violation(name, wrong, where, config, events_of(self.trail)))
        return bool(found)


def events_of(trail: Trail) -> list[EventData]:
    """The events of a trail, the first one first."""
    events: list[EventData] = []
    while trail:
        trail, event = trail
        events.append(event)
    return events[::-1]


def canonical(snapshot: Snapshot, symmetric: bool) -> bytes:
    """What the future of a state depends on: windows relative to now, and no clock, block number, outside or vault.

    None of these is looked at by any guard or measure of a pool (LIQ-1, BKS-8). Where accounts are symmetric, not even
    who is who. Only a digest of 16 bytes is kept: a million of them have two alike with a probability below 10 to the
    minus 26.
    """
    accounts = [_account(account, snapshot.time) for account in snapshot.accounts]
    marks, *feeds = setting(snapshot)
    state = repr((marks, sorted(accounts) if symmetric else accounts, *feeds))
    return hashlib.blake2b(state.encode(), digest_size=16).digest()


def setting(snapshot: Snapshot) -> Setting:
    """What of a state's form is not of any account: the marks, and the inputs of marks."""
    return (snapshot.marks, *(_feed(feed, snapshot.time) for feed in snapshot.feeds or ()))


def _feed(feed: FeedValue, now: int) -> tuple[Any, ...]:
    values = ((name, getattr(feed, name)) for name in (*INPUTS, *AVERAGES))
    return tuple((name, *value[:-1], now - value.time) for name, value in values if value is not None)


def _account(account: AccountValue, now: int) -> str:
    return repr(_window(account.window, now)) + "".join([_pool(pool, now) for pool in account.pools])


@lru_cache(maxsize=1 << 14)  # a scope has few pools, which are in many states together
def _pool(pool: PoolValue, now: int) -> str:
    positions = tuple((*held[:-1], _window(held.window, now)) for held in pool.positions)
    return repr((pool.market, pool.collateral, pool.in_liquidation, _window(pool.window, now), positions))


def _window(window: WindowValue, now: int) -> tuple[int, int]:
    return (max(0, window.until - now), max(0, window.forcing_until - now))
