"""An engine in a process of its own, line by line over the protocol: as little as playing vectors needs."""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from liqspec import protocol
from liqspec.compare import Observes
from liqspec.protocol import BadLine
from liqspec.shapes import WrongShape
from liqspec.texts import one_line
from liqspec.vectors.play import Abilities

MAX_REPLY = 4 * 1024 * 1024
KEPT = 2_000  # bytes of the end of what it logged that are told


class EngineFailed(Exception):
    """The engine does not answer as an engine does: what it did, and the last that it logged."""


class ProcessEngine:
    """An engine that answers over the protocol; a context manager, on leaving which its process is gone."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        """Start the engine, and hear what it says of itself; a reply may take `timeout` seconds.

        Raises:
            EngineFailed: it cannot be started, or does not introduce itself as the protocol says.
        """
        self._timeout = timeout
        self._out = bytearray()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        try:
            # A session of its own, so that whatever the command starts can be ended with it.
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._log.close()
            why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
            raise EngineFailed(f"{command[0]}: cannot be started: {why}") from None
        assert self._process.stdout is not None and self._process.stdin is not None, "started with pipes"
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._stdout, selectors.EVENT_READ)
        try:
            self.abilities = _abilities(self._ask("hello", protocol=protocol.PROTOCOL))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "ProcessEngine":
        """Enter the block that the process lives for."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run, and return the reply.

        Raises:
            EngineFailed: there is none.
        """
        return self._ask("reset", config=config)

    def give(self, event: Any) -> None:
        """Hand over an event.

        Raises:
            EngineFailed: the engine does not take it.
        """
        self._send("apply", event=event)

    def answer(self) -> dict[str, Any]:
        """The reply to the event that was handed over.

        Raises:
            EngineFailed: there is none.
        """
        return self._receive()

    def close(self) -> None:
        """End the process and all that it started; may be called again."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._selector.close()
        for stream in (self._stdin, self._stdout, self._log):
            stream.close()

    # ------------------------------------------------------------------------------------------------------- inside

    def _ask(self, op: str, **fields: Any) -> dict[str, Any]:
        self._send(op, **fields)
        return self._receive()

    def _send(self, op: str, **fields: Any) -> None:
        left = memoryview(protocol.write_line({"op": op, **fields}))
        try:
            while left:
                left = left[os.write(self._stdin.fileno(), left) :]
        except BrokenPipeError:
            raise self._failed("has ended") from None

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + self._timeout
        while (end := self._out.find(b"\n")) < 0:
            left = deadline - time.monotonic()
            if left <= 0 or not self._selector.select(left):
                raise self._failed(f"gave no reply within {self._timeout:g} s")
            data = os.read(self._stdout.fileno(), 65536)
            if not data:
                raise self._failed("has ended")
            self._out += data
            if len(self._out) > MAX_REPLY:
                raise self._failed(f"wrote a reply of more than {MAX_REPLY} bytes")
        line = bytes(self._out[:end])
        del self._out[: end + 1]
        try:
            return protocol.read_line(line, MAX_REPLY)
        except BadLine as error:
            raise self._failed(f"printed what is no reply: {error}") from None

    def _failed(self, what: str) -> EngineFailed:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - KEPT))
        logged = one_line(self._log.read().decode("utf-8", "replace"), KEPT)
        return EngineFailed(f"the engine {what}" + (f"; it logged: {logged}" if logged else ""))


def _abilities(hello: dict[str, Any]) -> Abilities:
    observes, events, states = hello.get("observes"), hello.get("events"), hello.get("states")
    if hello.get("ok") is not True or not isinstance(observes, list) or not isinstance(events, list):
        raise EngineFailed("the engine does not say in `hello` what it observes and which events it supports")
    if states not in ("full", "coarse"):
        raise EngineFailed('the engine does not say in `hello` whether its states are "full" or "coarse"')
    try:
        read = Observes(fields=tuple(map(str, observes)), states=states)
    except WrongShape as error:
        raise EngineFailed(f"the engine says in `hello`: {error}") from None
    name = one_line(str(hello.get("engine", "the engine")), 100)
    return Abilities(engine=name, observes=read, events=frozenset(map(str, events)))
