"""An engine in one run, whose requests and replies are recorded; and a run that it is sent as it was sent before.

An engine that replies in the same bytes as in a run in which it was right is right again: no model is needed. At the
first bytes that differ, the model judges all that was replied in this run, and what comes after it. So an engine is
sent the same, and judged the same, as without what is kept.
"""

import json
from collections import deque
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from attrs import Factory, define, frozen

from liqspec.conform.finding import EngineFault
from liqspec.conform.lockstep import Compared
from liqspec.conform.session import LiveEngine, request
from liqspec.core.events import EventData
from liqspec.edge.errors import InvalidInput
from liqspec.edge.limits import MEBIBYTE
from liqspec.search.minimise import FailingRun

TOGETHER = 32  # requests of a kept run that are sent at once, and replies that have one digest
MOST_REPLIED = 16 * MEBIBYTE  # bytes in a run that is kept: they are all in memory if only the last reply differs


@frozen
class KeptRun:
    """A run in which the engine was right: the requests as sent, digests of the replies, and what was exercised."""

    number: int
    length: int
    requests: Sequence[bytes]
    replies: Sequence[str]
    exercised: Compared

    def played(self) -> FailingRun:
        """The run as data.

        Raises:
            InvalidInput: its requests are not what was sent.
        """
        try:
            reset, *applied = [json.loads(line) for line in self.requests]
            return FailingRun(reset["config"], [one["event"] for one in applied])
        except (ValueError, LookupError, TypeError):
            raise _damaged(self.number) from None


@define
class Tape:
    """The engine in the run with this number; requests that it was sent before are not sent again."""

    engine: LiveEngine
    number: int
    _sent: list[bytes] = Factory(list)
    _asked: int = 0  # requests, most of them before they were sent
    _replies: deque[bytes] = Factory(deque)  # that came before they were asked for
    _fault: EngineFault | None = None  # that came in place of a further one
    _latest: list[bytes] = Factory(list)  # replies without a digest
    _digests: list[str] = Factory(list)
    _size: int = 0  # bytes of all replies

    def repeats(self, run: KeptRun) -> bool:
        """Send a run as it was sent before; whether the replies are the same. If not, it has to be played."""
        try:
            self.engine.say(run.requests[0])
            for place in range(len(run.replies)):
                lines = run.requests[place * TOGETHER : (place + 1) * TOGETHER]
                self._sent += lines
                self.engine.send_ahead(b"".join(lines if place else lines[1:]))
                if place and self._replies_to(TOGETHER) != run.replies[place - 1]:
                    return False
            return self._replies_to(len(lines)) == run.replies[-1]
        except EngineFault as fault:
            self._fault = fault
            return False

    def _replies_to(self, count: int) -> str:
        """The digest of the next replies."""
        replies: list[bytes] = []
        try:
            for _ in range(count):
                replies.append(self.engine.answer_line())
        finally:
            self._replies.extend(replies)
        return _digest(replies)

    @property
    def has_more(self) -> bool:
        """Whether it was sent more than was asked for since."""
        return self._asked < len(self._sent)

    def kept(self, length: int, exercised: Compared) -> KeptRun | None:
        """The run, in which the engine was right; None if that would take too much memory."""
        if self._size > MOST_REPLIED:
            return None
        digests = [*self._digests, _digest(self._latest)] if self._latest else self._digests
        return KeptRun(self.number, length, self._sent, digests, exercised)

    def reset_ahead(self, config: dict[str, Any]) -> None:
        """Send the start of the run (see `Queueing`, as for all below)."""
        line = request("reset", config=config)
        if not self._sent:
            self.engine.say(line)
        self._ask(line)

    def give_ahead(self, event: EventData) -> None:
        """Send an event."""
        line = request("apply", event=event)
        if not self.has_more:
            self.engine.queue(line)
        self._ask(line)

    def _ask(self, line: bytes) -> None:
        if not self.has_more:
            self._sent.append(line)
        elif line != self._sent[self._asked]:
            raise _damaged(self.number)
        self._asked += 1

    def flush(self) -> None:
        """Send what was not sent yet."""
        self.engine.flush()

    def answer_line(self) -> bytes:
        """The next reply."""
        if not self._replies and self._fault is not None:
            raise self._fault
        line = self._replies.popleft() if self._replies else self.engine.answer_line()
        self._size += len(line)
        self._latest.append(line)
        if len(self._latest) == TOGETHER:
            self._digests.append(_digest(self._latest))
            self._latest.clear()
        return line

    def read(self, line: bytes) -> dict[str, Any]:
        """The reply in a line."""
        return self.engine.read(line)

    def forget(self) -> bool:
        """Read the replies that are still due."""
        self._replies.clear()
        return self.engine.forget()


def _digest(replies: list[bytes]) -> str:
    return blake2b(b"\n".join(replies), digest_size=16).hexdigest()


def _damaged(number: int) -> InvalidInput:
    return InvalidInput(f"what --kept has of run {number} is damaged: it is not what was sent; try --fresh")
