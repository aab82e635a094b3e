"""The process of an engine: one line to it, one line from it, in bounded time and memory, and nothing left behind."""

import os
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Literal

from liqspec.conform import processes
from liqspec.conform.finding import CannotStart, EngineFault, Fault, FaultKind, TimeIsUp
from liqspec.edge.texts import counted, one_line

MAX_REPLY = 4 * 1024 * 1024  # bytes of one reply; more is a flood
MAX_LOG = 8 * 1024 * 1024  # bytes on standard error between a request and its reply; more is a flood
KEPT = 4096  # bytes of the last output that are kept, of each stream
CHUNK = 65536
EMPTY = "(an empty line)"
POLLED = 0.05  # seconds between two looks whether a process has ended whose child may still hold its output open
GRACE = 0.5  # seconds in which a process whose output has ended is expected to have ended too


class Peer(AbstractContextManager["Peer"]):
    """A process that is asked line by line; a context manager, on leaving which it and all its children are gone.

    Standard error is read whenever the process is waited for, so that it never blocks the process; its end is kept.
    Children that leave for another session are found where the system lists them (`processes`).

    Raises:
        EngineFault: it says more or less than a method waits for, or not in time.
    """

    def __init__(self, command: Sequence[str], timeout: float, until: float | None = None) -> None:
        """Start the process; a reply may take `timeout` seconds, and all of it until a time (monotonic), if any.

        Raises:
            CannotStart: there is no such program, or it cannot be executed.
            TimeIsUp: that time has come; so do all methods that wait.
        """
        self.timeout, self.until = timeout, until
        self._see_time()
        self._out, self._said, self._logged = bytearray(), bytearray(), bytearray()
        self._late = bytearray()  # the first that it wrote when it was to end
        self._log_size = 0
        self.due = 0  # replies to what was written
        self._deaf = self._stuck = False  # whether standard input was closed, or a request could not be written
        self.sees_all = processes.adopt_orphans()
        try:
            # A separate session, so that whatever the command starts can be ended with it.
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
            raise CannotStart(f"{one_line(command[0], 200)}: cannot be started: {one_line(why)}") from None
        self._guard = processes.Guard(self._process.pid)
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None and stdout is not None and stderr is not None, "started with pipes"
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr
        self._selector = selectors.DefaultSelector()
        for stream, name in ((self._stdout, "stdout"), (self._stderr, "stderr")):
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, name)
        os.set_blocking(self._stdin.fileno(), False)

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()

    @property
    def pid(self) -> int:
        """The number of the process, which is also that of its group."""
        return self._process.pid

    def send(self, lines: bytes) -> None:
        """Write requests, a line each, when no reply is due."""
        self._see_time()
        self.expect_silence(0)
        self._log_size = 0
        self._write(lines)
        if self._deaf:
            self._read_for(GRACE)
            raise self._ended()

    def send_ahead(self, lines: bytes) -> None:
        """Write requests while replies are due; if that fails, `receive` says so at the first without a reply."""
        try:
            self._write(b"" if self._stuck else lines)
            if len(self._out) < CHUNK:  # what is there is read, so that the process is not held up
                self._read_for(0, first=True)
        except EngineFault:
            self._stuck = True

    def receive(self) -> bytes:
        """The next reply line, without its end."""
        self._see_time()
        deadline, searched = time.monotonic() + self.timeout, 0
        while (end := self._out.find(b"\n", searched)) < 0:
            if len(self._out) > MAX_REPLY:
                raise self.fault("flooded standard output", f"a line of more than {MAX_REPLY} bytes")
            searched = len(self._out)
            if not self._deaf:
                self._wait_for(deadline)
            elif not self._reads_more():
                raise self._ended()
        line = bytes(self._out[:end])
        del self._out[: end + 1]
        self.due, self._log_size = self.due - 1, 0
        return line.rstrip(b"\r")

    def expect_silence(self, seconds: float) -> None:
        """Check that standard output stays silent for `seconds`, when no reply is due."""
        self._read_for(seconds)
        if not self._out:
            return
        if len(self._out) >= CHUNK:
            raise self.fault("flooded standard output", f"at least {counted(len(self._out), 'byte')} without a request")
        text = one_line(bytes(self._out.split(b"\n")[0]).decode("utf-8", "replace"), 200)
        raise self.fault("answered without being asked", f"after its reply came also: {text or EMPTY}")

    def end_input(self) -> None:
        """Close the standard input of the process."""
        self._stdin.close()

    def wait_for_end(self, after: str, *, any_status: bool) -> None:
        """See that the process ends by itself, in time, and with status 0 unless it may have any.

        It must say no more, and leave no process running.
        """
        deadline = time.monotonic() + self.timeout
        while self._process.poll() is None and time.monotonic() < deadline:
            self._see_time()
            if not self._read_for(POLLED, until_end=True):
                break
        deadline = deadline if self.until is None else min(deadline, self.until)
        try:
            status = self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._see_time()
            raise self.fault("did not end", f"{self.timeout:g} s after {after}") from None
        if status and not any_status:
            raise self._ended()
        self._read_for(GRACE, until_end=True)  # to its end, unless a child still holds it open
        if late := bytes(self._late + self._out):
            text = one_line(late.split(b"\n")[0].decode("utf-8", "replace"), 200)
            raise self.fault("answered without being asked", f"after {after} came also: {text or EMPTY}")
        if names := processes.left(self._process.pid, GRACE):
            raise self.fault("left processes running", f"after its end, {processes.described(names)}")

    def close(self) -> None:
        """End the process and all that it started, at once; may be called again.

        What cannot be killed is waited for no longer than `processes.PATIENCE`, and noted there.
        """
        processes.end(self._process)
        processes.sweep()
        self._guard.release()
        self._selector.close()
        for stream in (self._stdin, self._stdout, self._stderr):
            stream.close()

    def kill(self) -> None:
        """Kill the process and all that it started, without waiting for them to end: a signal handler may do so."""
        processes.kill_group(self._process.pid)

    def fault(self, kind: FaultKind, message: str) -> EngineFault:
        """A fault of this process, with the last that it wrote."""
        self._drain_log()
        said = bytes(self._said).decode("utf-8", "replace")
        logged = bytes(self._logged).decode("utf-8", "replace")
        return EngineFault(Fault(kind=kind, message=message, stdout=said, stderr=logged))

    def _write(self, lines: bytes) -> None:
        self.due += lines.count(b"\n")
        deadline, left = time.monotonic() + self.timeout, memoryview(lines)
        while left and not self._deaf:
            try:
                left = left[os.write(self._stdin.fileno(), left) :]
            except BlockingIOError:
                self._wait_for(deadline, writing=True)
                if len(self._out) > MAX_REPLY * self.due:
                    raise self.fault("flooded standard output", f"more than {MAX_REPLY} bytes a request") from None
            except BrokenPipeError:
                self._deaf = True

    def _reads_more(self) -> bool:
        """Whether more came from a process that has closed its standard input."""
        before = len(self._out)
        self._read_for(GRACE)
        return len(self._out) > before

    def _wait_for(self, deadline: float, *, writing: bool = False) -> None:
        """Wait until something can be read (or written), and read it."""
        self._see_time()
        left = deadline - time.monotonic()
        if left <= 0:
            if self._process.poll() is not None:  # a child of it still holds its output open
                raise self._ended()
            if self._input_is_closed():
                self._deaf = True
                raise self._ended()
            waited = "did not read its request" if writing else "no reply"
            raise self.fault("hung", f"{waited} within {self.timeout:g} s")
        # A full pipe is polled: while it is full the process may be stuck in writing its log, which is read here.
        allowed = left if self.until is None else min(left, max(0.0, self.until - time.monotonic()))
        if not self._read_for(min(allowed, 0.01) if writing else allowed, first=True):
            raise self._ended()

    def _input_is_closed(self) -> bool:
        """Whether the process, and whatever it started, has closed the standard input that it was given."""
        if self._stdin.closed:
            return False
        poll = select.poll()
        poll.register(self._stdin.fileno(), 0)  # an error is reported even where nothing is asked for
        return bool(poll.poll(0))

    def _see_time(self) -> None:
        if self.until is not None and time.monotonic() >= self.until:
            raise TimeIsUp

    def _read_for(self, seconds: float, *, first: bool = False, until_end: bool = False) -> bool:
        """Read for so long, or until the first that comes; whether standard output is still open.

        Reading ends early when too much has come, or standard output has ended.
        """
        deadline = time.monotonic() + seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            ready = self._selector.select(left)
            for key, _ in ready:
                if not self._read(key.data) and key.data == "stdout":
                    return False
            if self._log_size > MAX_LOG:
                raise self.fault("flooded standard error", f"more than {MAX_LOG} bytes before its reply")
            if (ready and first) or not ready or left <= 0:
                return True
            if len(self._out) >= CHUNK and not until_end:
                return True
            if until_end:
                self._late += self._out[: KEPT - len(self._late)]
                self._out.clear()

    def _read(self, name: Literal["stdout", "stderr"]) -> bool:
        """Read what is there; false at the end of the stream, which is then not looked at any more."""
        stream = self._stdout if name == "stdout" else self._stderr
        try:
            data = os.read(stream.fileno(), CHUNK)
        except BlockingIOError:
            return True
        if not data:
            if name == "stderr":
                self._selector.unregister(stream)
            return False
        if name == "stdout":
            self._out += data
            self._keep(self._said, data)
        else:
            self._log_size += len(data)
            self._keep(self._logged, data)
        return True

    def _keep(self, kept: bytearray, data: bytes) -> None:
        kept += data[-KEPT:]
        del kept[:-KEPT]

    def _ended(self) -> EngineFault:
        """Standard output has ended: say how the process did."""
        status: int | None = None
        with suppress(subprocess.TimeoutExpired):
            status = self._process.wait(GRACE)
        if status is None and (self._deaf or self._input_is_closed()):  # both, whichever was seen first
            return self.fault("closed its input", "the process still runs, but its standard input is closed")
        if status is None:
            return self.fault("closed its output", "the process still runs, but its standard output is closed")
        if status < 0:
            return self.fault("died", f"ended by {_signal_name(-status)}")
        return self.fault("died", f"exit status {status}")

    def _drain_log(self) -> None:
        with suppress(OSError, ValueError):  # nothing more is there, or the process was closed before
            while data := os.read(self._stderr.fileno(), CHUNK):
                self._keep(self._logged, data)
                if self._log_size > MAX_LOG:
                    return
                self._log_size += len(data)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
