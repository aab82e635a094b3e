"""States of a scope as integers: each has its own, small ones, and of those met none is new again."""

from collections.abc import Sequence
from itertools import combinations_with_replacement, product

import numpy as np
import pytest

from liqspec.search import seen
from liqspec.search.packing import InOrder, NotJoinable, Numbers, Packing, Unordered
from liqspec.search.seen import Seen


def columns(rows: Sequence[tuple[int, ...]]) -> list[Numbers]:
    return list(np.array(rows, np.int64).T)


def rows(packing: Packing, packed: Numbers) -> list[tuple[int, ...]]:
    return [tuple(map(int, row)) for row in zip(*packing.unpack(packed), strict=True)]


@pytest.mark.parametrize("accounts", [1, 2, 3, 4])
def test_symmetric_states_are_numbered_without_gaps_whatever_their_order(accounts: int) -> None:
    """At every place, any account moved to any state has the integer of the sorted states."""
    packing = Unordered(accounts)
    packing.fit([5] * accounts)
    every = list(combinations_with_replacement(range(5), accounts))
    packed = packing.pack(columns(every))
    assert sorted(packed) == list(range(packing.cells))
    assert rows(packing, packed) == every
    assert list(packing.pack(columns([row[::-1] for row in every]))) == list(packed)
    for place, after in product(range(accounts), range(5)):
        moved = packing.moved(columns(every), place, np.full(len(every), after))
        due = [tuple(sorted((*row[:place], after, *row[place + 1 :]))) for row in every]
        assert rows(packing, moved) == due


def test_accounts_in_order_have_an_integer_each_and_others_when_more_states_are_known() -> None:
    packing = InOrder(3)
    packing.fit([3, 1, 2])
    every = list(product(range(3), range(1), range(2)))
    packed = packing.pack(columns(every))
    assert len(set(packed)) == len(every)
    assert max(packed) < packing.cells
    assert rows(packing, packing.moved(columns(every), 2, np.zeros(len(every), np.int64))) == [
        (first, 0, 0) for first, _, _ in every
    ]
    again = packing.fit([5, 9, 2])(packed)
    assert rows(packing, again) == every


@pytest.mark.parametrize("packing", [InOrder(4), Unordered(4)])
def test_what_does_not_fit_into_an_integer_is_not_joined(packing: Packing) -> None:
    with pytest.raises(NotJoinable, match="200,000"):
        packing.fit([200_000] * 4)


@pytest.mark.parametrize("dense", [1 << 28, 25, 0], ids=["cells", "cells at first", "sorted"])
def test_of_what_is_added_a_layer_has_each_once_that_was_not_met(dense: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "DENSE", dense)
    met = Seen()
    met.fit(20, lambda integers: integers)
    met.add(np.array([7, 3, 7]))
    met.add(np.array([3, 11]))
    assert list(met.layer()) == [3, 7, 11]
    met.fit(40, lambda integers: integers + 1)
    met.add(np.array([3, 4, 0]))
    met.add(np.array([8, 39, 12]))
    assert list(met.layer()) == [0, 3, 39]
    assert list(met.layer()) == []
