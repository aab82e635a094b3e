"""What the engine costs: an uneventful mark price against one bare `transitions` trigger, and memory over many events.

Run with `make bench`. Prints times and their ratio; ends with 1 if a bound of the project is broken.
"""

import sys
import timeit
import tracemalloc

from transitions import Machine

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import Deposit, MarkPrice, Trade

MARKETS = [f"M{index}" for index in range(5)]
BOUND_MICROSECONDS = 60.0
EVENTS = 1_000_000


def five_positions() -> Engine:
    """An account with five cross positions, far from any margin."""
    tiers = [
        {"above": "0", "maintenance_rate": "1/80", "max_leverage": 40},
        {"above": "100000", "maintenance_rate": "1/40", "max_leverage": 20},
    ]
    engine = Engine(
        Config.from_json(
            {
                "accounts": ["alice"],
                "markets": {name: {"tick": "0.1", "lot": "0.001", "tiers": tiers} for name in MARKETS},
                "marks": dict.fromkeys(MARKETS, "100"),
                "backstop": {"threshold": "2/3"},
            }
        )
    )
    engine.apply(Deposit("alice", "100000"))
    for name in MARKETS:
        engine.apply(Trade("alice", name, "cross", "10", "100", 10))
    return engine


def best_of(repeats: int, number: int, call: "timeit._Stmt") -> float:
    """The best time of one call, in microseconds."""
    return min(timeit.repeat(call, number=number, repeat=repeats)) / number * 1e6


def main() -> int:
    """Measure, print, and judge."""
    engine = five_positions()
    up, down = MarkPrice("M0", "100.1"), MarkPrice("M0", "99.9")

    def two_marks() -> None:
        engine.apply(up)
        engine.apply(down)

    class Lamp:
        state: str

    lamp = Lamp()
    bare = Machine(lamp, states=["off", "on"], initial="off", auto_transitions=False)
    bare.add_transition("switch", "off", "on")
    bare.add_transition("switch", "on", "off")
    trigger = best_of(5, 20_000, lamp.switch)  # type: ignore[attr-defined]  # the machine adds it
    mark = best_of(5, 5_000, two_marks) / 2
    print(f"one bare transitions trigger               {trigger:8.2f} us")
    print(f"mark_price, five cross positions, no change {mark:7.2f} us = {mark / trigger:.1f} x the bare trigger")

    tracemalloc.start()
    for _ in range(1_000):
        two_marks()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(EVENTS // 2):
        two_marks()
    grown = tracemalloc.get_traced_memory()[0] - before
    print(f"memory grown over {EVENTS:,} events          {grown / 1024:8.1f} KiB")
    return 0 if mark <= BOUND_MICROSECONDS and grown < 64 * 1024 else 1


if __name__ == "__main__":
    sys.exit(main())
