"""The states of a scope that were met, as integers: which of those that follow in a layer are new."""

from collections.abc import Callable

import numpy as np

from liqspec.search.packing import Numbers

DENSE = 1 << 28  # cells of one byte: below this each integer has its own, above it only those met are kept
_SPAN = 1 << 22  # cells that are looked through at once

_NEW, _MET = 1, 2


class Seen:
    """The integers that were met; those added since the last `layer` are the next one."""

    def __init__(self) -> None:
        self._cells = np.zeros(0, np.uint8)
        self._sorted: Numbers | None = None  # in place of the cells, where these would be too many
        self._added: list[Numbers] = []

    def fit(self, cells: int, renumber: Callable[[Numbers], Numbers]) -> None:
        """Make room for integers below `cells`; between two layers. `renumber` gives those met their new integers."""
        met = renumber(np.flatnonzero(self._cells) if self._sorted is None else self._sorted)
        if self._sorted is None and cells <= DENSE:
            self._cells = np.zeros(cells, np.uint8)
            self._cells[met] = _MET
        else:
            self._sorted, self._cells = np.sort(met), np.zeros(0, np.uint8)

    def add(self, integers: Numbers) -> None:
        """Add what follows in this layer."""
        if self._sorted is None:
            self._cells[integers[self._cells[integers] == 0]] = _NEW
        else:
            self._added.append(_unique(integers))

    def layer(self) -> Numbers:
        """Those added that were not met before, sorted; they are met from now on."""
        if self._sorted is None:
            places = [
                begin + np.flatnonzero(self._cells[begin : begin + _SPAN] == _NEW)
                for begin in range(0, len(self._cells), _SPAN)
            ]
            new: Numbers = np.concatenate(places) if places else np.zeros(0, np.int64)
            self._cells[new] = _MET
            return new
        added, self._added = _unique(np.concatenate([*self._added, np.zeros(0, np.int64)])), []
        after = np.searchsorted(self._sorted, added)
        unmet = np.append(self._sorted, -1)[after] != added
        new = added[unmet]
        self._sorted = np.insert(self._sorted, after[unmet], new)
        return new


def _unique(integers: Numbers) -> Numbers:
    """Sorted, each once; numpy's own function is slower here by far."""
    ordered = np.sort(integers)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]
