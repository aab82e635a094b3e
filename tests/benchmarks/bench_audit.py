"""What a line of a log costs, compared with a bare loop that reads the same lines, and what two workers add to it.

Run with `make bench`. Prints ratios; ends with 1 if one is far above the recorded ratio. A line costs the processor
time of this process. What two workers need together, compared with one, is the cost of dividing; what they gain by the
clock is not judged, as it depends on what else the machine does. Each event of an account shows three fields of a
position and one of a pool.
"""

import json
import resource
import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.bounds import within
from liqspec.audit import run
from liqspec.search.parallel import available
from support import big_logs

PER_LINE, PER_DIVIDED = 40, 1.25  # the recorded ratios
ACCOUNTS, MARKETS, LINES = 40, 5, 20_000
ROUNDS = 3


def read(path: Path) -> None:
    """Read each line as JSON, and nothing else."""
    with path.open("rb") as file:
        for line in file:
            json.loads(line)


def of_all() -> float:
    """The processor time of this process and of those that it has waited for, in seconds."""
    of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in of)


def audited(path: Path, workers: int | None = None) -> None:
    """Audit a log that holds."""
    found = run.audit(path, workers=workers)
    assert found.holds and not found.by_one


def best(timer: Callable[[], float], *calls: Callable[[], None]) -> list[float]:
    """The best time of each, in seconds; in each round every one is measured once, in turn."""
    rounds = [[timeit.timeit(call, timer=timer, number=1) for call in calls] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def main() -> int:
    """Measure, print, and judge."""
    config = big_logs.configuration(ACCOUNTS, MARKETS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        big_logs.write_json_lines(path, [big_logs.head(config), *big_logs.lines(config, LINES)])
        bare, alone = best(process_time, lambda: read(path), lambda: audited(path))
        print(f"{LINES / bare:,.0f} lines read and {LINES / alone:,.0f} events audited a second of one core")
        (together,) = best(of_all, lambda: audited(path, 2))
        one, two = best(perf_counter, lambda: audited(path), lambda: audited(path, 2))
        print(f"two workers on {available()} processors, by the clock: {one / two:.2f} times as fast as one")
    held = within("an audited line, to reading it as JSON", alone / bare, PER_LINE)
    held &= within("all processes of two workers, to one", together / alone, PER_DIVIDED)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
