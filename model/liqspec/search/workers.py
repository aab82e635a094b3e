"""Processes of this machine that do calls, and that can be ended at any time, whatever they are doing.

Each has its own pipe, of which this process keeps one end only: so what a killed one leaves half written ends there.
With a pipe that several share, as the executor of the standard library has, whoever reads would wait for the rest.
"""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

_Result = TypeVar("_Result")

_ENDED = "a process ended before the result of its call was there"


class _Call(NamedTuple):
    future: "Future[Any]"
    function: Callable[..., Any]
    given: tuple[Any, ...]
    named: dict[str, Any]


class Workers(Executor):
    """A number of processes, each with a thread that gives it one call after the other."""

    def __init__(self, count: int, *, interrupted: bool) -> None:
        """Start the processes, all before the first thread; they are `interrupted` by a terminal, or not."""
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._broken = threading.Event()
        begun = [_begun(interrupted) for _ in range(count)]
        self._processes = [process for process, _ in begun]
        self._threads = [threading.Thread(target=self._serve, args=(one,), daemon=True) for _, one in begun]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> "Future[_Result]":
        """Let a process do a call.

        Raises:
            BrokenExecutor: a process has ended; the result raises it too, where one ends later.
        """
        if self._broken.is_set():
            raise BrokenExecutor(_ENDED)
        future: Future[_Result] = Future()
        self._calls.put(_Call(future, fn, args, kwargs))
        if self._broken.is_set():  # meanwhile
            self._drop()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes: when all calls are done, or at once, without what they are doing."""
        if cancel_futures:
            for process in self._processes:
                process.terminate()
            self._drop()
        self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()
        for process in self._processes if wait else ():
            process.join()

    def _serve(self, connection: Connection) -> None:
        """Give the calls to a process, one after the other, and set their results, as long as it lives."""
        with connection:
            while (call := self._calls.get()) is not None:
                if not call.future.set_running_or_notify_cancel():
                    continue
                try:
                    connection.send(call[1:])
                    result, error = connection.recv()
                except (EOFError, OSError):
                    self._broken.set()
                    call.future.set_exception(BrokenExecutor(_ENDED))
                    self._drop()
                    return
                except Exception as failed:  # what was asked cannot be sent
                    result, error = None, failed
                if error is None:
                    call.future.set_result(result)
                else:
                    call.future.set_exception(error)
        self._calls.put(None)  # for the next thread

    def _drop(self) -> None:
        """Do none of the calls that wait; the end, if it is among them, stays for each thread that waits for it."""
        over = False
        with suppress(Empty):
            while True:
                call = self._calls.get_nowait()
                if call is None:
                    over = True
                elif call.future.set_running_or_notify_cancel():
                    call.future.set_exception(BrokenExecutor(_ENDED))
        if over:
            self._calls.put(None)


@contextmanager
def pool(count: int, *, interrupted: bool = True) -> Iterator[Workers]:
    """Processes, which end with this one; what still runs in them at the end is not needed.

    An interrupt, which a terminal sends to all of them, reaches them or not.
    """
    workers = Workers(count, interrupted=interrupted)
    try:
        yield workers
    finally:
        workers.shutdown(cancel_futures=True)


def _begun(interrupted: bool) -> tuple[BaseProcess, Connection]:
    """A process, and this one's end of its pipe."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_work, args=(theirs, interrupted), daemon=False)
    process.start()
    theirs.close()
    return process, ours


def _work(connection: Connection, interrupted: bool) -> None:
    """Do each call that comes, and give its result, until the pipe is closed."""
    _end_with_parent(interrupted)
    with suppress(EOFError, KeyboardInterrupt):  # an interrupt while there is nothing to do
        while True:
            function, given, named = connection.recv()
            answer: tuple[Any, BaseException | None]
            try:
                answer = function(*given, **named), None
            except BaseException as error:  # whoever asked gets it, and where it was raised
                error.add_note(traceback.format_exc())
                answer = None, error
            try:
                connection.send(answer)
            except (EOFError, OSError):
                return
            except Exception as error:  # it cannot be sent
                connection.send((None, error))


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
