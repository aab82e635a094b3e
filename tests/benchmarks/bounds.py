"""Costs as ratios: each measure is compared with one that runs in turn with it, so that a busy machine slows both."""

import timeit
from collections.abc import Callable
from typing import Any

ROUNDS = 7
SLACK = 2.5  # how many times a recorded ratio a measured one may be


def bare_loop() -> None:
    """What every ratio is to: some work of Python alone."""
    total = 0
    for index in range(100):
        total += index * index


def best_in_turn(number: int, *calls: Callable[[], Any]) -> list[float]:
    """The best time of one call of each, in microseconds; in each round every one is measured once, in turn."""
    best = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for index, call in enumerate(calls):
            best[index] = min(best[index], timeit.timeit(call, number=number) / number * 1e6)
    return best


def within(name: str, ratio: float, recorded: float) -> bool:
    """Print a ratio with the recorded one; whether it is within the slack."""
    print(f"{name:<58} {ratio:7.1f} x, recorded {recorded:g} x, at most {recorded * SLACK:g} x")
    return ratio <= recorded * SLACK
