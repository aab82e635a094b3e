"""Exhaustive exploration: every event sequence of a scope, breadth first, every step judged by every property."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import evolve

from liqspec.edge.errors import InternalFailure
from liqspec.search.alone import Alone, only
from liqspec.search.expand import Expander, events_of
from liqspec.search.exploration import WHERE, Exploration
from liqspec.search.plain import explore_plainly
from liqspec.spec.scopes import Scope

WHOLE_STEPS, THOROUGH_WHOLE_STEPS = 500, 100_000
Progress = Callable[[Exploration], None]


def explore(
    scope: Scope, *, joined: bool = True, whole_steps: int = WHOLE_STEPS, progress: Progress = lambda _: None
) -> Exploration:
    """Explore a scope breadth first, up to its depth; at the first violation, stop with the shortest way to it.

    States are the same if they differ only in the clock, the block number, the outside and the vault's book. A scope of
    several accounts is put together from the steps of each if it may be `joined`, and about `whole_steps` of its steps
    are run whole in addition. Where something is violated, the plain explorer finds the shortest way.

    Raises:
        InvalidConfig: the scope's configuration is not a valid rule set.
    """
    began = time.perf_counter()
    with _no_garbage():
        found = _joined(scope, whole_steps, progress) if joined and _separable(scope) else None
        if found is None:
            found = _plain(scope, progress)
    found.seconds = time.perf_counter() - began
    return found


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Within this the collector does not look through all states again and again: steps leave it nothing to find."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _separable(scope: Scope) -> bool:
    """Whether the scope can be put together from its accounts: of symmetric ones all begin alike."""
    first, *others = sorted(scope.config["accounts"])
    beginnings = [[{**event, "account": ""} for event in only(scope, name).setup] for name in (first, *others)]
    return bool(others) and (not scope.symmetric or all(one == beginnings[0] for one in beginnings))


def _plain(scope: Scope, progress: Progress) -> Exploration:
    found = Exploration(scope=scope)
    expander = Expander(scope, found.coverage)
    try:
        explore_plainly(found, expander, progress)
    except Exception as error:
        found.coverage.failures.append(InternalFailure.of(f"{WHERE}{scope.name}", error, events_of(expander.trail)))
    return found


def _joined(scope: Scope, whole_steps: int, progress: Progress) -> Exploration | None:
    """The exploration of a scope by its accounts; None if it cannot be put together from them."""
    from liqspec.search import joined, packing, whole  # noqa: PLC0415 (arrays, which only this needs)

    found, names = Exploration(scope=scope, explorer="joined"), sorted(scope.config["accounts"])
    kinds = [Alone.of(scope, name, found.coverage) for name in (names[:1] if scope.symmetric else names)]
    accounts = kinds * len(names) if scope.symmetric else kinds
    try:
        joined.explore_joined(found, accounts, progress)
        if not found.coverage.violations:
            whole.sample_whole_steps(found, dict(zip(names, accounts, strict=True)), whole_steps, progress)
            return found
    except packing.NotJoinable:
        return None
    except Exception as error:
        found.coverage.failures.append(InternalFailure.of(f"{WHERE}{scope.name}", error, []))
        return found
    shortest = _plain(evolve(scope, max_depth=found.depth), progress)
    return shortest if shortest.coverage.violations else found
