"""What the engine costs: an uneventful mark price against a bare loop and a bare trigger, and memory over many events.

Run with `make bench`. Prints times and their ratios; ends with 1 if one is far above the recorded ratio.
"""

import sys
import tracemalloc

from transitions import Machine

from benchmarks.bounds import bare_loop, best_in_turn, within
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import Deposit, MarkPrice, Trade

MARKETS = [f"M{index}" for index in range(5)]
PER_LOOP, PER_TRIGGER = 10.5, 3.8  # the recorded ratios
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
    loop, trigger, two = best_in_turn(3_000, bare_loop, lamp.switch, two_marks)  # type: ignore[attr-defined]  # the machine adds it
    mark = two / 2
    print(f"a bare loop {loop:.2f} us, a bare trigger {trigger:.2f} us, a mark price with five positions {mark:.2f} us")
    fast = within("mark_price, five cross positions, to the bare loop", mark / loop, PER_LOOP)
    fast &= within("mark_price, five cross positions, to the bare trigger", mark / trigger, PER_TRIGGER)

    tracemalloc.start()
    for _ in range(1_000):
        two_marks()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(EVENTS // 2):
        two_marks()
    grown = tracemalloc.get_traced_memory()[0] - before
    print(f"memory grown over {EVENTS:,} events          {grown / 1024:8.1f} KiB")
    return 0 if fast and grown < 64 * 1024 else 1


if __name__ == "__main__":
    sys.exit(main())
