"""An engine in one run, whose requests and replies are recorded; and a run that it is sent as it was sent before.

An engine whose replies say the same as in a run in which they were right is right again: no model is needed. At the
first that differ, the model judges all that was replied in this run, and what comes after it. So an engine is sent the
same, and judged the same, as without what is kept.
"""

import json
import re
from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

from attrs import Factory, define, frozen

from liqspec.conform.finding import EngineFault
from liqspec.conform.lockstep import Compared
from liqspec.conform.peer import MAX_REPLY
from liqspec.conform.session import LiveEngine, request
from liqspec.core.events import EventData
from liqspec.edge.errors import InvalidInput
from liqspec.edge.limits import MEBIBYTE
from liqspec.edge.protocol import BadLine, read_line, write_line
from liqspec.search.minimise import FailingRun

ACCEPTED = b'{"ok":true,"observation":'  # how the model begins the reply to an event that it accepts
TOGETHER = 32  # requests of a kept run that are sent at once, and replies that have one digest
MOST_REPLIED = 32 * MEBIBYTE  # bytes in a run that is kept: they are all in memory if only the last reply differs


@frozen
class KeptRun:
    """A run in which the engine was right: the requests, digests of what was replied, and what was exercised."""

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
    _replied: deque[bytes] = Factory(deque)  # that came before they were asked for
    _fault: EngineFault | None = None  # that came in place of a further one
    _latest: list[bytes] = Factory(list)  # what replies without a digest say
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
                if place and not self._replies(TOGETHER, run.replies[place - 1]):
                    return False
            return self._replies(len(lines), run.replies[-1])
        except EngineFault as fault:
            self._fault = fault
            return False

    def _replies(self, count: int, digest: str) -> bool:
        """Whether the next replies say what has this digest."""
        replies: list[bytes] = []
        try:
            for _ in range(count):
                replies.append(self.engine.answer_line())
        finally:
            self._replied.extend(replies)
        return digest == _digest(map(said, replies)) or digest == _digest(map(said_in_any_order, replies))

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
        if not self._replied and self._fault is not None:
            raise self._fault
        line = self._replied.popleft() if self._replied else self.engine.answer_line()
        self._size += len(line)
        self._latest.append(said(line))
        if len(self._latest) == TOGETHER:
            self._digests.append(_digest(self._latest))
            self._latest.clear()
        return line

    def read(self, line: bytes) -> dict[str, Any]:
        """The reply in a line."""
        return self.engine.read(line)

    def forget(self) -> bool:
        """Read the replies that are still due."""
        self._replied.clear()
        return self.engine.forget()


def said(line: bytes) -> bytes:
    """What a reply says: the observation as it is written or as the model writes it, or a code; else the reply itself.

    So engines that say the same in other words have the same digests. Effects and messages are not compared.
    """
    if not line.startswith(ACCEPTED):
        return said_in_any_order(line)
    line = line if line.isascii() else _escaped(line)
    end = min((at for at in map(line.find, _AFTER) if at > 0), default=-1)
    rest = line[end:]
    try:
        # What stands for the observation is read with its digest: only what was right once has it.
        reply = _OFTEN.get(rest) or read_line(ACCEPTED + b"0" + rest, MAX_REPLY)
    except BadLine:
        return line
    return line[len(ACCEPTED) : end] if _accepts(reply) else line


def said_in_any_order(line: bytes) -> bytes:
    """The same, with the fields of an observation in the order in which the model writes them."""
    try:
        reply = read_line(line, MAX_REPLY)
    except BadLine:
        return line
    if _accepts(reply):
        return write_line(_ordered(reply.get("observation")))[:-1]
    error = reply.get("error")
    if reply.get("ok") is False and "skipped" not in reply and isinstance(error, dict):
        return write_line(error.get("code"))[:-1]
    return line


def _escaped(line: bytes) -> bytes:
    """A line with what is not ASCII written as the model writes it; unchanged if it is not UTF-8."""
    try:
        return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], line.decode()).encode()
    except UnicodeDecodeError:
        return line


_NOT_ASCII = re.compile(r"[^\x00-\x7f]++")


def _accepts(reply: dict[str, Any]) -> bool:
    return reply.get("ok") is True and reply.get("executed", []) == []


_AFTER = (b',"effects":', b',"executed":')  # what may follow an observation


_OFTEN = {rest: read_line(ACCEPTED + b"0" + rest) for rest in (b"}", _AFTER[0] + b"[]}")}


def _ordered(observation: Any) -> Any:
    """An observation with its fields in the order in which the model writes them."""
    if not isinstance(observation, dict):
        return observation
    made = _sorted("", observation)
    for name in ("positions", "pools"):
        if isinstance(listed := made.get(name), list):
            made[name] = [_sorted(name, one) for one in listed]
    return {**made, "vault": _sorted("vault", made["vault"])} if "vault" in made else made


def _sorted(entry: str, fields: Any) -> Any:
    order = _ORDERS[entry]
    if not isinstance(fields, dict):
        return fields
    if entry == "vault" and isinstance(held := fields.get("positions"), dict):
        fields = {**fields, "positions": dict(sorted(held.items()))}
    return {name: fields[name] for name in sorted(fields, key=lambda one: (order.find(f" {one} "), one))}


_ORDERS = {
    "": " time block marks positions pools vault ",
    "positions": " account market mode state size cost order limit life cooldown_until"
    " liquidation_price bankruptcy_price ",
    "pools": " account mode market collateral equity maintenance_margin initial_margin in_liquidation ",
    "vault": " cash equity positions ",
}


def _digest(replies: Iterable[bytes]) -> str:
    return blake2b(b"\n".join(replies), digest_size=8).hexdigest()


def _damaged(number: int) -> InvalidInput:
    return InvalidInput(f"what --kept has of run {number} is damaged: it is not what was sent; try --fresh")
