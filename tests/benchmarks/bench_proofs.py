"""What proving the steps of some events costs, by the number of keys in a pool: the processor time of this process.

Run with `make bench`. Prints the time with two and with three keys as a ratio to that with one; ends with 1 if a step
is not proved, or if one is far above the recorded ratio.
"""

import sys
from time import process_time

from benchmarks.bounds import within
from liqspec.proofs.inductive.prove import prove_event

EVENTS = ("deposit", "order_done", "funding")
RECORDED = {2: 5, 3: 45}  # keys, and the ratio


def measured(keys: int) -> tuple[float, int]:
    """Seconds for all steps of these events with that many keys, and what was to be shown; raises if one is not."""
    began, shown = process_time(), 0
    for kind in EVENTS:
        found = prove_event(kind, keys)
        assert not found.unproved, (kind, keys)
        shown += found.obligations
    return process_time() - began, shown


def main() -> int:
    """Measure, print, and judge."""
    measured(1)  # what is made once
    alone, held = measured(1)[0], True
    for keys, recorded in RECORDED.items():
        seconds, shown = measured(keys)
        print(f"{keys} keys: {shown:,} obligations of {', '.join(EVENTS)} in {seconds:.1f} s")
        held &= within(f"the steps of pools with {keys} keys, to those with one", seconds / alone, recorded)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
