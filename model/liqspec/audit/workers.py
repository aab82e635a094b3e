"""Where the parts of a divided log are followed: processes of this machine, or the workers of a Dask scheduler."""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager

from attrs import frozen

from liqspec.audit import shares
from liqspec.audit.shares import Followed, Part
from liqspec.edge.errors import InvalidInput, needs
from liqspec.edge.texts import one_line
from liqspec.search import workers

PATIENCE = 20  # seconds in which a scheduler must answer


class LostWorkers(InvalidInput):
    """Workers ended before their results were there, or never began."""


@frozen
class Workers:
    """What follows parts; `lost` are the exceptions that mean that a worker ended before its result was there."""

    executor: Executor
    count: int
    lost: tuple[type[Exception], ...] = (BrokenExecutor,)

    def submit(self, part: Part) -> "Future[Followed]":
        """Let a worker follow a part."""
        return self.executor.submit(shares.follow, part)

    def result(self, future: "Future[Followed]") -> Followed:
        """What a worker found.

        Raises:
            LostWorkers: it ended before that.
        """
        try:
            return future.result()
        except self.lost as error:
            raise LostWorkers(f"a worker ended before its result was there: {one_line(str(error), 200)}") from None


@contextmanager
def begun(count: int | None, scheduler: str | None) -> Iterator[Workers]:
    """Processes of this machine, or the workers of the scheduler at an address; none is left behind.

    Raises:
        MissingExtra: Dask is not installed.
        LostWorkers: the address is malformed, or no scheduler answers there.
    """
    if scheduler is None:
        with workers.pool(count or 1, interrupted=False) as processes:
            yield Workers(processes, count or 1)
        return
    with needs("distributed", "dask", "liqspec audit --scheduler"):
        from distributed import Client  # noqa: PLC0415  # an extra, and it takes long to load
        from distributed.client import FutureCancelledError  # noqa: PLC0415
        from distributed.comm import CommClosedError, get_address_host_port  # noqa: PLC0415
        from distributed.scheduler import KilledWorker  # noqa: PLC0415
    try:
        get_address_host_port(scheduler, strict=True)  # with a malformed one the library waits
    except ValueError as error:
        raise LostWorkers(f"{one_line(scheduler, 200)}: not an address: {one_line(str(error), 200)}") from None
    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except OSError as error:
        raise LostWorkers(f"{one_line(scheduler, 200)}: no scheduler answers: {one_line(str(error), 200)}") from None
    with client:
        lost = (KilledWorker, CommClosedError, FutureCancelledError)
        threads = sum(client.nthreads().values())
        yield Workers(client.get_executor(pure=False), count or threads or 1, lost)
