"""Independent tasks on several processes, their results in the order of the tasks."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

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


@contextmanager
def pool(processes: int, *, interrupted: bool = True) -> Iterator[ProcessPoolExecutor]:
    """Processes, which end with this one; what still runs in them at the end is not needed.

    An interrupt, which a terminal sends to all of them, reaches them or not.
    """
    with ProcessPoolExecutor(processes, initializer=_end_with_parent, initargs=(interrupted,)) as workers:
        try:
            yield workers
        finally:
            for worker in multiprocessing.active_children():
                worker.terminate()
            workers.shutdown(wait=True, cancel_futures=True)


def _end_with_parent(interrupted: bool) -> None:
    """Let a worker end when its parent is gone, even if that was killed: its results are not needed."""
    if not interrupted:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "only workers are asked to"
    threading.Thread(target=_wait_for_end, args=(parent.sentinel,), daemon=True).start()


def _wait_for_end(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
