"""Exhaustive exploration: every event sequence of a scope, breadth first, every step judged by every property."""

import time
from collections.abc import Callable

from liqspec.edge.errors import InternalFailure
from liqspec.search.expand import Expander, events_of
from liqspec.search.exploration import WHERE, Exploration
from liqspec.search.plain import explore_plainly
from liqspec.spec.scopes import Scope


def explore(scope: Scope, *, progress: Callable[[Exploration], None] = lambda _: None) -> Exploration:
    """Explore a scope breadth first, up to its depth; at the first violation, stop with the shortest way to it.

    States are the same if they differ only in the clock, the block number, the outside and the vault's book.

    Raises:
        InvalidConfig: the scope's configuration is not a valid rule set.
    """
    began, found = time.perf_counter(), Exploration(scope=scope)
    expander = Expander(scope, found.coverage)
    try:
        explore_plainly(found, expander, progress)
    except Exception as error:
        found.coverage.failures.append(InternalFailure.of(f"{WHERE}{scope.name}", error, events_of(expander.trail)))
    found.seconds = time.perf_counter() - began
    return found
