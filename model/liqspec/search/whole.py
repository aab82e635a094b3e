"""Sampled whole steps: random runs of a scope with all its accounts, compared with what each account does alone."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from attrs import evolve

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.snapshot import Snapshot
from liqspec.properties.coverage import Violation
from liqspec.properties.monitor import Found, Monitor, judge_whole_run
from liqspec.properties.paired import WholeRun, an_unrelated_account_changes_nothing
from liqspec.search.alone import REFUSED, Alone, is_own
from liqspec.search.exploration import Exploration
from liqspec.search.moves import moves

PAIRED = 4  # the interval, in events, at which the last one is also judged against paired runs


def sample_whole_steps(
    found: Exploration, accounts: Mapping[str, Alone], count: int, progress: Callable[[Exploration], None]
) -> None:
    """Run about `count` steps whole, up to the first that violates something or that the accounts alone do otherwise.

    A run is judged by every property, as a random run is. Deterministic.
    """
    run, coverage = 0, found.coverage
    while found.whole_steps < count and not coverage.violations:
        progress(found)
        _Run(found, accounts, f"sampled run {run} of scope {found.scope.name}").go(Random(f"{found.scope.name}/{run}"))
        run += 1


class _Run:
    """One random run of a scope, as deep as the scope was explored."""

    def __init__(self, found: Exploration, accounts: Mapping[str, Alone], where: str) -> None:
        self._found, self._accounts, self._where = found, accounts, where
        self._engine = Engine(Config.from_json(found.scope.config))
        self._other = self._engine.another()
        self._monitor = Monitor.of_start(self._engine, found.scope.config, found.coverage)
        self._events: list[EventData] = []
        self._seen: list[tuple[str | None, dict[str, Any]]] = []

    def go(self, random: Random) -> None:
        """Run it."""
        scope, coverage = self._found.scope, self._found.coverage
        for event in scope.setup:
            self._apply(event)
        for _ in range(self._found.depth):
            if coverage.violations:
                return
            self._found.whole_steps += 1
            tried = list(moves(scope, self._engine))
            event, before = random.choice(tried), self._monitor.snapshot
            self._apply(event)
            self._compare(before, tried, event)
        if not coverage.violations:
            self._violated(judge_whole_run(WholeRun(self._engine, self._events, self._seen), coverage))

    def _apply(self, event: EventData) -> None:
        monitor = self._monitor
        self._events.append(event)
        found = monitor.apply(event)
        self._seen.append((monitor.refusal, monitor.observation))
        found = found or monitor.repeat(self._other)
        if not found and len(self._events) % PAIRED == 0:
            found = monitor.compare(self._other)
        self._violated(found)

    def _violated(self, found: list[Found]) -> None:
        for name, wrong in found[:1]:
            violation = Violation(name, wrong, self._where, self._found.scope.config, list(self._events))
            self._found.coverage.violations.append(violation)

    def _compare(self, before: Snapshot, tried: list[EventData], event: EventData) -> None:
        """Compare each account's state after an event with the one that it reaches alone."""
        for name, alone in self._accounts.items():
            now = alone.find(_part(before, name))
            steps = None if now is None else alone.steps.get(now)
            if now is None or steps is None:
                self._differs(f"{name} is in a state that it does not reach alone")
                return
            due = now
            if not is_own(event):
                shared = [one for one in tried if not is_own(one)]
                due = steps.shared[shared.index(event)]
            elif event["account"] == name:
                own = [one for one in tried if one.get("account") == name]
                due = steps.own[own.index(event)]
            if due == REFUSED or self._monitor.refusal is not None:
                due = now  # a block is refused to all by one
            if alone.find(_part(self._monitor.snapshot, name)) != due:
                self._differs(f"after a {event['type']} {name} is not in the state that it reaches alone")
                return

    def _differs(self, what: str) -> None:
        if not self._found.coverage.violations:
            self._violated([(an_unrelated_account_changes_nothing.__name__, what)])


def _part(snapshot: Snapshot, name: str) -> Snapshot:
    """The part of a state that an account alone has."""
    return evolve(snapshot, accounts=tuple(account for account in snapshot.accounts if account.name == name))
