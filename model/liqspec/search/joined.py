"""The joined explorer: all states and steps of a scope, made of the states and steps of its accounts, as arrays.

A state of the scope is one number for each account, packed into an integer; of symmetric accounts the numbers are
sorted. An own event moves one account, an event of all moves each, and is refused where any of them refuses it: a block
begins only when no order works anywhere (EVT-9).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from liqspec.search.alone import REFUSED, Alone
from liqspec.search.exploration import Exploration

Numbers = NDArray[np.int64]
_BITS, _CHUNK = 63, 1 << 18


class NotJoinable(Exception):
    """The scope cannot be put together from its accounts; the message says why."""


def explore_joined(found: Exploration, accounts: Sequence[Alone], progress: Callable[[Exploration], None]) -> None:
    """Explore up to the scope's depth, or to the first layer in which an account's step violates something.

    `accounts` are the scope's, or of a symmetric scope one and the same for each.
    """
    bits, coverage = _BITS // len(accounts), found.coverage
    symmetric = found.scope.symmetric
    for alone in {id(alone): alone for alone in accounts}.values():
        alone.begin()
    frontier = _packed([np.zeros(1, np.int64) for _ in accounts], bits, symmetric)
    seen, found.states = frontier, 1
    while len(frontier) and found.depth < found.scope.max_depth and not coverage.violations:
        found.depth += 1
        met = _unpacked(frontier, bits, len(accounts))
        for number, alone in zip(met, accounts, strict=True):
            for one in np.unique(number):
                progress(found)
                alone.expand(int(one))
                if coverage.violations:
                    return
            if len(alone) > 1 << bits:
                raise NotJoinable(f"{len(alone):,} states of an account, room for {1 << bits:,}")
        found.model_steps = sum(alone.model_steps for alone in {id(alone): alone for alone in accounts}.values())
        tables = [_Table(alone) for alone in accounts]
        following: list[Numbers] = []
        for begin in range(0, len(frontier), _CHUNK):
            progress(found)
            columns = [column[begin : begin + _CHUNK] for column in met]
            following.append(np.unique(np.concatenate([*_moved(found, columns, tables, bits)])))
        after = np.unique(np.concatenate(following))
        places = np.minimum(np.searchsorted(seen, after), len(seen) - 1)
        frontier = after[seen[places] != after]
        seen = np.insert(seen, np.searchsorted(seen, frontier), frontier)
        found.states = len(seen)
    found.exhausted = not len(frontier)


class _Table:
    """The steps of an account as arrays: what its own events change, and a column for each event of all."""

    def __init__(self, alone: Alone) -> None:
        count = len(alone)
        shared = max(len(steps.shared) for steps in alone.steps.values())
        self.shared: Numbers = np.full((count, shared), REFUSED, np.int64)
        self.tried, self.refused, self.changes = (np.zeros(count, np.int64) for _ in range(3))
        changed: list[int] = []
        for number in range(count):
            steps = alone.steps.get(number)
            if steps is not None:
                moves = [after for after in steps.own if after not in (REFUSED, number)]
                changed += moves
                self.shared[number] = steps.shared
                self.changes[number] = len(moves)
                self.tried[number] = len(steps.own)
                self.refused[number] = steps.own.count(REFUSED)
        self.changed: Numbers = np.array(changed, np.int64)
        self.first: Numbers = np.cumsum(self.changes) - self.changes


def _moved(found: Exploration, columns: list[Numbers], tables: list[_Table], bits: int) -> Iterator[Numbers]:
    """The states after every event of these states, which are counted."""
    symmetric = found.scope.symmetric
    for place, (column, table) in enumerate(zip(columns, tables, strict=True)):
        found.steps += int(table.tried[column].sum())
        found.refused += int(table.refused[column].sum())
        changes = table.changes[column]
        of = np.repeat(np.arange(len(column)), changes)
        which = np.arange(len(of)) - np.repeat(np.cumsum(changes) - changes, changes)
        after = [other[of] for other in columns]
        after[place] = table.changed[table.first[after[place]] + which]
        yield _packed(after, bits, symmetric)
    last = tables[0].shared.shape[1] - len(found.scope.events.block)  # the blocks come last
    for event in range(tables[0].shared.shape[1]):
        found.steps += len(columns[0])
        after = [table.shared[column, event] for column, table in zip(columns, tables, strict=True)]
        accepted = np.all([column != REFUSED for column in after], axis=0)
        if event < last and any(((column != REFUSED) != accepted).any() for column in after):
            raise NotJoinable("one account refuses an event of all that is not a block, another accepts it")
        found.refused += int(len(accepted) - accepted.sum())
        yield _packed([column[accepted] for column in after], bits, symmetric)


def _packed(columns: Sequence[Numbers], bits: int, symmetric: bool) -> Numbers:
    ordered = np.sort(np.stack(columns), axis=0) if symmetric else columns
    packed = ordered[0].astype(np.int64)
    for column in ordered[1:]:
        packed = (packed << bits) | column
    return packed


def _unpacked(packed: Numbers, bits: int, count: int) -> list[Numbers]:
    return [(packed >> (bits * (count - 1 - place))) & ((1 << bits) - 1) for place in range(count)]
