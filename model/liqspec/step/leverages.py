"""The leverages of a pool's positions that follow from its observed initial margin (MRG-7, STP-4)."""

from collections.abc import Iterator

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding

# Both end the search early: the leverages of such pools stay unknown.
MAX_TRIES = 20_000
MAX_LEVERAGE = 1_000


def matching(holdings: list[Holding], unknown: list[int], initial_margin: int) -> Iterator[list[int]]:
    """The leverages, largest first, of the positions at the indices `unknown` with which the pool has this margin.

    The search is bounded, so not all of them may come.
    """
    known = [held for index, held in enumerate(holdings) if index not in unknown]
    left = initial_margin - arithmetic.pool_initial_margin(known)
    choices = [_margins(holdings[index]) for index in unknown]
    yield from _search(choices, left, [MAX_TRIES])


def _margins(held: Holding) -> list[tuple[int, int]]:
    """The margin of a position at each leverage, largest leverage first."""
    most = held.schedule.tiers[0].max_leverage
    leverages = range(min(most, MAX_LEVERAGE), 0, -1)
    return [(leverage, arithmetic.pool_initial_margin([held._replace(leverage=leverage)])) for leverage in leverages]


def _search(choices: list[list[tuple[int, int]]], left: int, tries: list[int]) -> Iterator[list[int]]:
    """Depth first; `tries` holds how many choices may still be tried, and is counted down."""
    if not choices:
        if left == 0:
            yield []
        return
    least_of_rest = sum(min(margin for _, margin in choice) for choice in choices[1:])
    for leverage, margin in choices[0]:
        tries[0] -= 1
        if tries[0] < 0:
            return
        if margin + least_of_rest <= left:
            for rest in _search(choices[1:], left - margin, tries):
                yield [leverage, *rest]
