"""Independent tasks on several processes, their results in the order of the tasks."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import TypeVar

from liqspec.search.workers import pool

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_GRACE = 1.0  # seconds


def available() -> int:
    """How many processes this machine can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_parallel(
    work: Callable[[_Task], _Result],
    tasks: Iterable[_Task],
    *,
    processes: int,
    done: Callable[[_Result], None] = lambda _: None,
) -> Iterator[_Result]:
    """The result of each task, in the order of the tasks, whatever process was sooner; one process is this one.

    Tasks are taken from their iterable only when they can begin. `done` gets each result as soon as it is there, in
    any order. Whoever stops to ask for results ends the work.
    """
    if processes == 1:
        for task in tasks:
            result = work(task)
            done(result)
            yield result
        return
    waiting, running = iter(tasks), dict[Future[_Result], int]()
    ready: dict[int, _Result] = {}
    begun, given = 0, 0
    with pool(processes) as workers:
        try:
            while True:
                for task in islice(waiting, 2 * processes - len(running)):
                    running[workers.submit(work, task)] = begun
                    begun += 1
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    ready[running.pop(future)] = future.result()
                    done(future.result())
                while given in ready:
                    yield ready.pop(given)
                    given += 1
        except KeyboardInterrupt:
            wait(running, timeout=_GRACE)  # for those that were interrupted too, and say how far they are
            raise
