"""What a step costs: compared by `liqspec conform` with the engine in C, kept, and judged by `verify`.

Prints each as a ratio to a bare loop that runs in turn with it, and ends with 1 if one is far above the recorded ratio.
Of both it is the processor time of this process: what the engine and the waiting for it take is not counted.
On a busy machine with usual runs only, a step of `conform` cost 229 to 260 loops before runs were sent ahead of their
replies, 131 after that, and 66 to 96 now; a judged step of `verify` 523 to 560, then 393, and 139 now, although
there are more rules to judge. With runs of all sizes a step of `conform` is 92, and 13 if it is kept or recorded.
"""

import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from time import process_time

from benchmarks.bounds import ROUNDS, bare_loop, within
from liqspec.conform import configurations
from liqspec.conform.kept import Kept
from liqspec.conform.lockstep import Comparison
from liqspec.conform.search import LENGTH, Block, Search
from liqspec.conform.session import LiveEngine
from liqspec.properties.coverage import Coverage
from liqspec.search.campaign import seeded
from liqspec.verify import run, tasks
from support.foreign_engines import c_engine

PER_COMPARED, PER_KEPT, PER_JUDGED = 92, 13, 139  # the recorded ratios
LOOPS = 5_000
COMPARED = 60  # runs compared in one round
RUNS = 15  # judged in one round


def loops_alone() -> None:
    """`LOOPS` bare loops."""
    for _ in range(LOOPS):
        bare_loop()


def compared(engine: LiveEngine, kept: Kept | None = None) -> int:
    """Compare in `COMPARED` runs, without the protocol's own suite; how many steps that were."""
    search = Search(
        engine=engine,
        events=engine.hello.events,
        setting=configurations.of(engine.hello, None),
        comparison=Comparison.of(engine.hello),
        kept=kept,
    )
    part = search.block(Block(tuple((number, LENGTH) for number in range(COMPARED)), malformed=False))
    assert not part.found
    return part.coverage.steps


def judged() -> None:
    """Judge `RUNS` runs."""
    bases, coverage = run.Budget().bases(), Coverage()
    for number in range(RUNS):
        random = seeded(1, number)
        events = tasks.random_run(random.choice(bases), random, tasks.LENGTH, "a benchmark", coverage)
        assert len(events) == tasks.LENGTH
    assert not coverage.violations


def best(*calls: Callable[[], object]) -> list[float]:
    """The best processor time of each, in seconds; in each round every one is measured once, in turn."""
    rounds = [[timeit.timeit(call, timer=process_time, number=1) for call in calls] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def main() -> int:
    """Measure, print, and judge."""
    with tempfile.TemporaryDirectory() as folder, LiveEngine(c_engine(Path(folder)), 10) as engine:
        kept = Kept(Path(folder), "the comparison of this benchmark")
        steps = compared(engine, kept)
        loops, conform, again, verify = best(
            loops_alone, lambda: compared(engine), lambda: compared(engine, kept), judged
        )
        engine.say(b'{"op":"bye"}\n')
        engine.answer()
    loop, step, event = loops / LOOPS, conform / steps, verify / (RUNS * tasks.LENGTH)
    a_second = f"{1 / step:,.0f} compared, {steps / again:,.0f} kept and {1 / event:,.0f} judged steps a second"
    print(f"a bare loop {loop * 1e6:.2f} us; {a_second}")
    held = within("a step of conform with the engine in C, to the bare loop", step / loop, PER_COMPARED)
    held &= within("a kept step of conform, to the bare loop", again / steps / loop, PER_KEPT)
    held &= within("a judged step of verify, to the bare loop", event / loop, PER_JUDGED)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
