"""States of a scope as integers: one number for each account, packed so that the integers are small and dense."""

from collections.abc import Callable, Sequence
from copy import copy
from math import comb
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
MOST = 1 << 62  # integers that fit


class NotJoinable(Exception):
    """The scope cannot be put together from its accounts; the message says why."""


class Packing(Protocol):
    """Packs a number of each account into an integer; `cells` is above all integers."""

    cells: int

    def fit(self, counts: Sequence[int]) -> Callable[[Numbers], Numbers]:
        """Make room for numbers below these counts, an account each; gives what was packed its new integers.

        Raises:
            NotJoinable: the integers would be too large.
        """

    def pack(self, columns: Sequence[Numbers]) -> Numbers:
        """The integers of states, whose numbers of each account are a column."""

    def moved(self, columns: Sequence[Numbers], place: int, after: Numbers) -> Numbers:
        """The integers of unpacked states after the account at a place has moved."""

    def unpack(self, packed: Numbers) -> list[Numbers]:
        """The columns that were packed."""


class InOrder:
    """Each account has its own bits."""

    def __init__(self, accounts: int) -> None:
        self._bits = [0] * accounts
        self.cells = 1

    def fit(self, counts: Sequence[int]) -> Callable[[Numbers], Numbers]:
        """See Packing."""
        earlier, self._bits = copy(self), [(count - 1).bit_length() for count in counts]
        self.cells = _checked(1 << sum(self._bits), counts)
        return lambda packed: self.pack(earlier.unpack(packed))

    def pack(self, columns: Sequence[Numbers]) -> Numbers:
        """See Packing."""
        packed = columns[0]
        for column, bits in zip(columns[1:], self._bits[1:], strict=True):
            packed = (packed << bits) | column
        return packed

    def moved(self, columns: Sequence[Numbers], place: int, after: Numbers) -> Numbers:
        """See Packing."""
        return self.pack([*columns[:place], after, *columns[place + 1 :]])

    def unpack(self, packed: Numbers) -> list[Numbers]:
        """See Packing."""
        columns = []
        for bits in reversed(self._bits):
            columns.append(packed & ((1 << bits) - 1))
            packed = packed >> bits
        return columns[::-1]


class Unordered:
    """Symmetric accounts, whose order does not count: sorted, and numbered without gaps.

    Of the numbers x, sorted, the one at place i (from 0) adds the binomial coefficient of x + i over i + 1.
    """

    def __init__(self, accounts: int) -> None:
        self._adds: list[Numbers] = [np.zeros(0, np.int64)] * accounts
        self.cells = 1

    def fit(self, counts: Sequence[int]) -> Callable[[Numbers], Numbers]:
        """See Packing."""
        count, places = max(counts), len(self._adds)
        self.cells = _checked(comb(count + places - 1, places), counts)
        if count > len(self._adds[0]):
            self._adds = [
                np.array([comb(x + place, place + 1) for x in range(count)], np.int64) for place in range(places)
            ]
        return lambda packed: packed

    def pack(self, columns: Sequence[Numbers]) -> Numbers:
        """See Packing."""
        ordered: list[Numbers] = []
        for column in columns:
            ordered = _inserted(ordered, column)
        return self._sum(ordered)

    def moved(self, columns: Sequence[Numbers], place: int, after: Numbers) -> Numbers:
        """See Packing."""
        return self._sum(_inserted([*columns[:place], *columns[place + 1 :]], after))

    def unpack(self, packed: Numbers) -> list[Numbers]:
        """See Packing."""
        columns: list[Numbers] = []
        for adds in reversed(self._adds[1:]):
            columns.append(np.searchsorted(adds, packed, side="right") - 1)
            packed = packed - adds[columns[-1]]
        return [packed, *reversed(columns)]

    def _sum(self, ordered: Sequence[Numbers]) -> Numbers:
        packed = ordered[0].copy()
        for adds, column in zip(self._adds[1:], ordered[1:], strict=True):
            packed += adds[column]
        return packed


def _inserted(ordered: Sequence[Numbers], column: Numbers) -> list[Numbers]:
    """Columns that are sorted in each row, with one more that is sorted into them."""
    inserted = []
    for other in ordered:
        inserted.append(np.minimum(other, column))
        column = np.maximum(other, column)
    return [*inserted, column]


def _checked(cells: int, counts: Sequence[int]) -> int:
    if cells > MOST:
        sizes = ", ".join(f"{count:,}" for count in counts)
        raise NotJoinable(f"too many states of accounts to join: {sizes}")
    return cells
