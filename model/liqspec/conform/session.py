"""An engine in a separate process: `hello`, runs, and a new process after a fault."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from liqspec.conform import start_up
from liqspec.conform.answers import Hello, check_same, read_hello
from liqspec.conform.finding import CannotStart, EngineFault, Fault, Finding, TimeIsUp
from liqspec.conform.peer import MAX_REPLY, Peer
from liqspec.core.events import EventData
from liqspec.edge import protocol
from liqspec.edge.protocol import BadLine
from liqspec.edge.texts import one_line

GRACE = 0.05  # seconds in which an answer too many is expected
TOGETHER = 16  # events that are sent at once, where replies are not waited for
END = 5.0  # seconds at least for the end of a process that may have had no time to start
START = 20.0  # seconds at least for the first reply, before which a process may have much to load


class LiveEngine(AbstractContextManager["LiveEngine"]):
    """An engine that answers over the protocol; a context manager, on leaving which its process is gone."""

    def __init__(self, command: Sequence[str], timeout: float, hello: Hello | None = None) -> None:
        """Start the engine, and read what it says of itself, which must be this `hello` if another process said it.

        Raises:
            CannotStart: the program does not exist, or does not introduce itself as the protocol says.
            EngineFault: it answers out of order, or more than it was asked, or says something else of itself.
        """
        self._command, self.timeout = command, timeout
        self._until: float | None = None
        self._kept: list[bytes] = []  # requests that are not sent yet
        self._start()
        try:
            try:
                said = self._greet()
            except EngineFault as error:
                raise CannotStart(f"{one_line(command[0], 200)}: {start_up.explained(error.fault)}") from None
            self.hello = hello or said
            check_same(self.hello, said)
            self._see_order()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run, and return the reply."""
        self._send("reset", config=config)
        return self.answer()

    def give(self, event: EventData) -> None:
        """Hand over an event."""
        self._send("apply", event=event)

    def reset_ahead(self, config: dict[str, Any]) -> None:
        """Start a run, without waiting for the reply."""
        self._send("reset", config=config)

    def give_ahead(self, event: EventData) -> None:
        """Hand over an event, with some others at once."""
        self.queue(request("apply", event=event))

    def queue(self, line: bytes) -> None:
        """Send a request with some others at once."""
        self._kept.append(line)
        if len(self._kept) == TOGETHER:
            self.flush()

    def send_ahead(self, lines: bytes) -> None:
        """Send requests while replies are due; what goes wrong is raised by `answer_line`."""
        self._peer.send_ahead(lines)

    def flush(self) -> None:
        """Hand over what was kept."""
        self._peer.send_ahead(b"".join(self._kept))
        self._kept.clear()

    def forget(self) -> bool:
        """Read the replies that are still due; whether there were as many. If not, it is a new process.

        It is one too where there was no time to read them.
        """
        self._kept.clear()
        try:
            while self._peer.due:
                self._peer.receive()
            self._peer.expect_silence(0)
        except EngineFault:
            self.renew()
            return False
        except TimeIsUp:  # then a new process, in which nothing is due
            self.until = time.monotonic() + self.timeout
            self.renew()
        return True

    def answer(self) -> dict[str, Any]:
        """The reply to what was sent last."""
        return self.read(self.answer_line())

    def answer_line(self) -> bytes:
        """The next reply, as it came."""
        line = self._peer.receive()
        self._peer.timeout = self.timeout
        return line

    def read(self, line: bytes) -> dict[str, Any]:
        """The reply in a line."""
        try:
            return protocol.read_line(line, MAX_REPLY)
        except BadLine as error:
            raise self._peer.fault("printed garbage", f"an invalid reply: {error}") from None

    @property
    def until(self) -> float | None:
        """The time (monotonic) after which whatever waits for the engine raises a `TimeIsUp`; none at the start."""
        return self._until

    @until.setter
    def until(self, until: float | None) -> None:
        self._until = self._peer.until = until

    def settle(self) -> None:
        """See that the engine says nothing that it was not asked for: no more now, and not in place of a reply."""
        self._peer.expect_silence(GRACE)
        try:
            self.say(HELLO)
            line = self.answer_line()
            reply = self.read(line)
        except EngineFault as error:
            if error.fault.kind == "answered without being asked":
                raise
            return  # what is wrong with a hello has nothing to do with what was said before
        if reply.get("ok") is True and "protocol" not in reply:
            text = one_line(line.decode("utf-8", "replace"), 200)
            message = f"a `hello` was answered by a reply that was too many before: {text}"
            raise self._peer.fault("answered without being asked", message)

    def renew(self) -> None:
        """End the process, and start another, which must say the same of itself."""
        self.restart()
        check_same(self.hello, self._greet())

    def restart(self) -> None:
        """End the process, and start another that is asked nothing yet."""
        self._peer.close()
        self._kept.clear()
        self._start()

    def say(self, data: bytes) -> None:
        """Write bytes, whatever they are."""
        self._peer.send(data)

    def end_input(self) -> None:
        """Close its standard input."""
        self._peer.end_input()

    def wait_for_end(self, after: str, *, any_status: bool = False) -> None:
        """See that it says no more, and that its process ends, with status 0 unless it may have any.

        Raises:
            EngineFault: it does not.
        """
        self._peer.expect_silence(GRACE)
        self._peer.timeout = min(self._peer.timeout, max(self.timeout, END))
        self._peer.wait_for_end(after, any_status=any_status)

    def described(self, fault: Fault) -> Fault:
        """The fault with the last that the engine wrote, where it was seen in a reply and not in the process."""
        return fault if fault.stdout or fault.stderr else self._peer.fault(fault.kind, fault.message).fault

    def close(self) -> None:
        """End the process at once."""
        self._peer.close()

    def kill(self) -> None:
        """Kill the process, without waiting for its end."""
        self._peer.kill()

    @property
    def sees_all(self) -> bool:
        """Whether this system lists what the engine leaves running in another session."""
        return self._peer.sees_all

    def _start(self) -> None:
        self._peer = Peer(self._command, self.timeout, self._until)
        self._peer.timeout = max(self.timeout, START)  # until the first reply

    def _greet(self) -> Hello:
        self.say(HELLO)
        return read_hello(self.answer())

    def _see_order(self) -> None:
        """See that of two requests at once the first is answered first: a hello, and one that must be refused."""
        asked = HELLO + request("hello", protocol=0)
        self.say(asked)
        answered = (self.answer().get("ok"), self.answer().get("ok"))
        if answered == (False, True):
            raise self._peer.fault("answered out of order", "of two requests at once it answered the second first")
        self._peer.expect_silence(GRACE)

    def _send(self, op: str, **fields: Any) -> None:
        self.say(request(op, **fields))


def request(op: str, **fields: Any) -> bytes:
    """A request as a line, its end included."""
    return protocol.write_line({"op": op, **fields})


HELLO = request("hello", protocol=protocol.PROTOCOL)


def at_the_start(fault: Fault) -> Finding:
    """The finding that a fault outside a run is: a `hello` to a new process shows it again."""
    return Finding(
        kind="fault", config={}, events=[], applied=[], requests=(HELLO,), fault=fault, where="outside a run"
    )
