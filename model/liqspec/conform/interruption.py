"""A request to end, by Ctrl-C, by a signal or by a terminal that is gone: it interrupts, and no engine is left."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from liqspec.conform import processes

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name))


@contextmanager
def interrupted_by_signals(kill: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Within this, each of these signals interrupts as Ctrl-C does; at its end nothing that an engine started is left.

    Processes of workers leave them to this one, which ends a worker by SIGTERM: it calls `kill` first. A hang-up that
    is ignored at the start (`nohup`) stays ignored.
    """
    parent = os.getpid()

    def interrupt(number: int, _: object) -> None:
        if os.getpid() == parent:
            raise KeyboardInterrupt
        if number == signal.SIGTERM:  # a worker whose results are not needed
            kill()
            os._exit(1)

    before = {}
    for number in _SIGNALS:
        if number != getattr(signal, "SIGHUP", None) or signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        processes.sweep()
        for number, handler in before.items():
            signal.signal(number, handler)
