"""Work in parallel processes: its order, what is begun, and that no worker outlives its parent."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from liqspec.search.parallel import available, run_parallel
from liqspec.search.workers import Workers

SLEEP = 600  # longer than any test waits

# A parent whose two workers write their process ids into files of this folder, and work on for long.
PARENT = """
import os, pathlib, sys, time
from liqspec.search.parallel import run_parallel

def work(number):
    part = pathlib.Path(sys.argv[1], f"{number}.part")
    part.write_text(str(os.getpid()))
    part.rename(part.with_suffix(".pid"))
    time.sleep(600)

list(run_parallel(work, range(2), processes=2))
"""


def slow_first(number: int) -> tuple[int, int]:
    """The number and the process that worked on it; the first takes longest."""
    time.sleep(0.3 if number == 0 else 0)
    return number, os.getpid()


def sleep_but_first(number: int) -> int:
    """The process that works; all but the first work on for long."""
    time.sleep(SLEEP if number else 0)
    return os.getpid()


LONG = b"x" * 100_000_000  # a result that takes a while to give


def answer_at_length(number: int) -> int | bytes:
    """A small result, then long ones."""
    time.sleep(0.05 if number == 0 else 0)
    return LONG if number else number


def end_at_two(number: int) -> int:
    """A process that is killed."""
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def answer_what_cannot_be_sent(number: int) -> object:
    """A result that has no form as bytes."""
    return threading.Lock() if number == 2 else number


def fail_at_two(number: int) -> int:
    """A piece that raises."""
    if number == 2:
        raise ValueError("two")
    return number


def is_running(process: int) -> bool:
    """Whether the process still exists and is not a zombie."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(processes: list[int]) -> list[int]:
    """Those that still run after ten seconds."""
    until = time.monotonic() + 10
    while (running := [process for process in processes if is_running(process)]) and time.monotonic() < until:
        time.sleep(0.02)
    return running


def counted(most: int, taken: list[int]) -> Iterator[int]:
    """The numbers below `most`, each noted as it is taken."""
    for number in range(most):
        taken.append(number)
        yield number


def test_there_is_at_least_one_process() -> None:
    assert available() >= 1


def test_one_process_is_this_one_and_takes_tasks_as_results_are_asked_for() -> None:
    taken: list[int] = []
    done: list[tuple[int, int]] = []
    results = run_parallel(slow_first, counted(5, taken), processes=1, done=done.append)
    assert [next(results), next(results)] == [(0, os.getpid()), (1, os.getpid())]
    assert done == [(0, os.getpid()), (1, os.getpid())]
    assert taken == [0, 1]
    assert [number for number, _ in results] == [2, 3, 4]


def test_results_come_in_the_order_of_the_tasks_whatever_was_sooner() -> None:
    done: list[tuple[int, int]] = []
    results = list(run_parallel(slow_first, range(12), processes=2, done=done.append))
    assert [number for number, _ in results] == list(range(12))
    assert os.getpid() not in {process for _, process in results}
    assert sorted(done) == sorted(results)
    assert done[0][0] != 0, "the slow first task was not reported last of those that ran in parallel"


def test_no_more_tasks_are_taken_than_can_begin_soon() -> None:
    taken: list[int] = []
    results = run_parallel(sleep_but_first, counted(1000, taken), processes=2)
    next(results)
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert taken == [0, 1, 2, 3]


def test_whoever_stops_to_ask_ends_the_workers() -> None:
    results = run_parallel(sleep_but_first, range(3), processes=2)
    first = next(results)
    workers = [worker.pid for worker in multiprocessing.active_children() if worker.pid is not None]
    assert first in workers
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert wait_until_gone(workers) == []


def test_what_a_task_raises_is_raised_here_and_ends_the_work() -> None:
    given: list[int] = []
    with pytest.raises(ValueError, match="two") as raised:
        given.extend(run_parallel(fail_at_two, range(100), processes=2))
    assert "in fail_at_two" in raised.value.__notes__[0]
    assert multiprocessing.active_children() == []


# A parent that ends its workers while they give long results; to wait for the rest of one would take for ever.
ENDING = """
import sys, time
sys.path.insert(0, sys.argv[1])
from test_parallel import answer_at_length
from liqspec.search.parallel import run_parallel

for pause in range(20):
    results = run_parallel(answer_at_length, range(8), processes=2)
    assert next(results) == 0
    time.sleep(pause / 100)
    results.close()
"""


def test_workers_end_in_the_middle_of_a_result() -> None:
    subprocess.run([sys.executable, "-c", ENDING, str(Path(__file__).parent)], check=True, timeout=60)


class DroppingLate(Workers):
    """Workers of which a thread whose process has ended drops what waits only after the end was said."""

    def __init__(self, count: int) -> None:
        self.over, self.dropped = threading.Event(), threading.Event()
        super().__init__(count, interrupted=True)
        queue, over = self._calls, self.over

        class Noted:
            get, get_nowait = queue.get, queue.get_nowait

            @staticmethod
            def put(call: Any) -> None:
                queue.put(call)
                if call is None:
                    over.set()

        self._calls = Noted()  # type: ignore[assignment]

    def _drop(self) -> None:
        late = threading.current_thread() in self._threads
        if late:
            self.over.wait()
        super()._drop()
        if late:
            self.dropped.set()


def test_the_end_reaches_a_thread_that_asks_for_it_late() -> None:
    """Another thread, whose process ended in the middle of a call, drops what waits before."""
    workers = DroppingLate(2)
    running, ended = workers.submit(time.sleep, SLEEP), workers.submit(slow_first, 0)
    ended.add_done_callback(lambda _: workers.dropped.wait())
    while not ended.done():
        time.sleep(0.01)
    end = threading.Thread(target=workers.shutdown, kwargs={"cancel_futures": True}, daemon=True)
    end.start()
    end.join(timeout=20)
    assert not end.is_alive()
    assert isinstance(running.exception(), BrokenExecutor)


def test_a_worker_that_is_killed_ends_the_work() -> None:
    with pytest.raises(BrokenExecutor, match="a process ended before the result of its call was there"):
        list(run_parallel(end_at_two, range(100), processes=2))
    assert multiprocessing.active_children() == []


def test_a_result_that_cannot_be_sent_is_an_error_here() -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        list(run_parallel(answer_what_cannot_be_sent, range(100), processes=2))
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    try:
        until = time.monotonic() + 30
        while len(reported := list(tmp_path.glob("*.pid"))) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        workers = [int(path.read_text(encoding="utf-8")) for path in reported]
    finally:
        parent.kill()
        parent.wait()
    assert len(workers) == 2
    left = wait_until_gone(workers)
    for worker in left:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    assert left == []
