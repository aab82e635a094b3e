"""A conversation with an engine, line by line: each reply must be what `spec/protocol.md` demands of its line."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any, Protocol

from attrs import Factory, define, evolve, field

from liqspec.conform.answers import Answering, Hello, Refused, Skipped, check_same, malformed, read_answer, read_hello
from liqspec.conform.finding import EngineFault, Finding
from liqspec.conform.lockstep import Compared, Comparison, LockStep, settled
from liqspec.conform.protocol.odd_configurations import is_rate
from liqspec.conform.protocol.requests import CLOSE
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.parameters import InvalidConfig
from liqspec.core.refusals import BadRequest
from liqspec.edge import protocol
from liqspec.edge.amounts import MalformedAmount, rate
from liqspec.edge.errors import InvalidField
from liqspec.edge.protocol import PROTOCOL, BadLine
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import one_line, show
from liqspec.spec import rulebook

OF_A_LINE = ("EVT-2",)
SHOWN = 100  # characters of a line in a sentence


class Speaking(Answering, Protocol):
    """An engine in a process, which can be written anything.

    Raises:
        EngineFault: it does not take it, or does not end as it must.
    """

    hello: Hello

    def restart(self) -> None:
        """End the process, and start another that is asked nothing yet."""

    def say(self, data: bytes) -> None:
        """Write bytes."""

    def end_input(self) -> None:
        """Close its standard input."""

    def wait_for_end(self, after: str, *, any_status: bool = False) -> None:
        """See that it says no more, and ends."""


@define
class _AsWritten:
    """The engine as the lock-step drives it, which sends each request in the spelling of the conversation."""

    engine: Speaking
    data: bytes = b""
    reply: dict[str, Any] = Factory(dict)

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        del config
        _say(self.engine, self.data)
        return self.answer()

    def give(self, event: EventData) -> None:
        del event
        _say(self.engine, self.data)

    def answer(self) -> dict[str, Any]:
        self.reply = self.engine.answer()
        return self.reply

    def settle(self) -> None:
        self.engine.settle()

    def renew(self) -> None:
        self.engine.renew()


@define
class Conversation:
    """What is said to one process, from its start to the first reply that is wrong.

    `topic` says what is odd with the line that comes, where that is known.
    """

    engine: Speaking
    comparison: Comparison
    coverage: Compared = Factory(Compared)
    sent: list[bytes] = Factory(list)
    topic: str = ""
    lockstep: LockStep | None = None  # the run, if it is compared
    judged: int = 0  # requests of which the reply was judged
    _skipped: bool = field(default=False, init=False)  # whether there is a run that is not compared
    _held: set[Fraction] = field(factory=set, init=False)  # amounts and rates of configurations that it accepted
    _texts: set[str] = field(factory=set, init=False)  # how these are written
    _names: set[str] = field(factory=set, init=False)  # of their accounts and markets
    _run: int = field(default=0, init=False)  # what was sent since the reset, in a number
    _replies: dict[int, object] = field(factory=dict, init=False)  # what was observed after all that, the first time

    def send(self, *requests: bytes) -> Finding | None:
        """Send requests (see `protocol.requests`), and judge the replies, to the first that is wrong.

        Those after a `bye` are sent with it, because it is the last that the engine reads.
        """
        for index, data in enumerate(requests):
            last = _is_bye(data)
            self.sent.extend(requests[index:] if last else (data,))
            try:
                found = None if last else self._judged(data)
                if last:
                    self._bye(requests[index:])
            except EngineFault as error:
                found = self._finding(kind="fault", fault=error.fault)
            self.judged += len(requests) - index if last else 1
            if found is not None:
                return evolve(found, requests=tuple(self.sent), topic=self.topic)
            if last:
                break
        return None

    def _judged(self, data: bytes) -> Finding | None:
        if data == CLOSE:
            self.engine.end_input()
            self.engine.wait_for_end("the end of its input", any_status=True)
            return None
        try:
            op, request = protocol.read_request(data.removesuffix(b"\n"))
        except BadLine as error:
            return self._refused(data, str(error))
        if op == "hello":
            return self._hello(data, request["protocol"])
        return self._reset(data, request["config"]) if op == "reset" else self._apply(data, request["event"])

    def _bye(self, requests: Sequence[bytes]) -> None:
        if self._ask(b"".join(requests)).get("ok") is not True:
            raise malformed("bye: expected ok true")
        if CLOSE in requests:
            self.engine.end_input()
        self.engine.wait_for_end("its `bye`")

    def _hello(self, data: bytes, wanted: object) -> Finding | None:
        if type(wanted) is not int or wanted != PROTOCOL:
            return self._refused(data, f"protocol: expected {PROTOCOL}, got {show(wanted)}")
        reply = self._ask(data)
        if reply.get("ok") is not True:
            return self._wrong("accepted", reply, "a hello may come at any time")
        check_same(self.engine.hello, read_hello(reply))
        return None

    def _reset(self, data: bytes, config: Any) -> Finding | None:
        try:
            Engine(Config.from_json(config))
        except (WrongShape, InvalidConfig) as error:
            return self._refused(data, f"config: {error}", may_skip=True, rules=_of_config(error))
        engine, self._run = _AsWritten(self.engine, data), 0
        self.lockstep = LockStep(engine, self.comparison, self.coverage, config)
        begun = self.lockstep.start()
        self._skipped = isinstance(begun, Skipped)
        if self._skipped:
            self.lockstep = None
            if self._could_hold(config) and isinstance(read_answer(engine.reply), Refused):
                why = "a valid configuration, and the engine accepted another one with all of its amounts and rates"
                new = ("AMT-7",) if not _names(config) <= self._names else ()
                spelled = ("AMT-5", "AMT-3") if not _texts(config) <= self._texts else ()
                return self._wrong("accepted", engine.reply, why, (*new, "CFG-2", *spelled, "CFG-1"))
        else:
            self._held |= _numbers(config)
            self._names |= _names(config)
            self._texts |= _texts(config)
        return begun if isinstance(begun, Finding) else self._repeated(data, engine.reply)

    def _could_hold(self, config: Any) -> bool:
        """AMT-1: whether the engine holds all amounts and rates of this configuration, 0 and 1 as well, in others."""
        return _numbers({**config, "accounts": []}) <= self._held | {Fraction(0), Fraction(1)}

    def _apply(self, data: bytes, event: Any) -> Finding | None:
        if not isinstance(event, dict):
            return self._refused(data, f"event: expected an object, got {show(event)}", may_skip=True)
        if self._skipped:
            self._ask(data)
            return None
        if self.lockstep is None:
            return self._refused(data, "apply before reset: there is no run yet")
        engine = self.lockstep.engine
        assert isinstance(engine, _AsWritten), "made above"
        engine.data = data
        return self.lockstep.give(event) or self._repeated(data, engine.reply)

    def _repeated(self, data: bytes, reply: dict[str, Any]) -> Finding | None:
        """See that the same run as before in this process gets the same replies: a reset forgets everything."""
        self._run = hash((self._run, data))
        seen = _observed(reply, self.comparison.observes.fields if self.comparison.mode == "full" else ())
        if self._replies.setdefault(self._run, seen) == seen:
            return None
        note = "the same run twice in one process, and the replies to the same request differ: a reset must forget"
        return self._finding(kind="protocol", note=note, reply=reply)

    def _refused(
        self, data: bytes, why: str, *, may_skip: bool = False, rules: tuple[str, ...] = OF_A_LINE
    ) -> Finding | None:
        """See that the line is refused, because of this; an event or a run may also be skipped."""
        reply = self._ask(data)
        answer = read_answer(reply)
        if isinstance(answer, Skipped) and may_skip:
            return None
        if isinstance(answer, Refused) and (answer.code == BadRequest.code or self.comparison.mode == "decision"):
            return None
        return self._wrong(BadRequest.code, reply, why, rules)

    def _wrong(self, ours: str, reply: dict[str, Any], why: str, rules: tuple[str, ...] = OF_A_LINE) -> Finding:
        answer = read_answer(reply)
        theirs = (
            answer.code if isinstance(answer, Refused) else "skipped" if isinstance(answer, Skipped) else "accepted"
        )
        named = f"{self.topic}: " if self.topic else ""
        return self._finding(
            kind="protocol",
            note=f"{named}ours {ours}, theirs {theirs} ({one_line(why, 300)})",
            reply=reply,
            of_line=rules,
        )

    def _ask(self, data: bytes) -> dict[str, Any]:
        _say(self.engine, data)
        return self.engine.answer()

    def _finding(self, **found: Any) -> Finding:
        run = self.lockstep
        config, events = ({}, []) if run is None else (run.config, list(run.events))
        return Finding(config=config, events=events, applied=[] if run is None else list(run.applied), **found)


def converse(engine: Speaking, requests: Sequence[bytes], comparison: Comparison, looks: int = 0) -> Finding | None:
    """Send requests to a new process, to the first reply that is wrong; None if there is none.

    If none is, look some times for an answer too many that may come late.

    Raises:
        CannotStart: the engine cannot be started.
    """
    engine.restart()
    found = Conversation(engine, comparison).send(*requests)
    if any(data == CLOSE or not data.endswith(b"\n") or _is_bye(data) for data in requests):
        return found
    answered = Finding(kind="protocol", config={}, events=[], applied=[], requests=tuple(requests))
    late = settled(engine, found or answered, looks if found is None else max(1, looks))
    return found if late is answered else late


def _say(engine: Speaking, data: bytes) -> None:
    """Write a request; one that is not ended is the last, after which the input ends."""
    engine.say(data)
    if not data.endswith(b"\n"):
        engine.end_input()


def _is_bye(data: bytes) -> bool:
    try:
        return protocol.read_request(data.removesuffix(b"\n"))[0] == "bye"
    except BadLine:
        return False


def _observed(reply: dict[str, Any], fields: Collection[str]) -> object:
    """What a reply says in the fields that the engine reports: that it was accepted, or the code, and what it shows."""
    error, shown = reply.get("error"), reply.get("observation")
    said: list[object] = [reply.get("ok"), isinstance(error, dict) and error.get("code"), "skipped" in reply]
    if not isinstance(shown, dict):
        return said
    for name in sorted(fields):
        part, _, inner = name.partition(".")
        held = shown.get(part)
        entries = held if isinstance(held, list) else [held]
        said.append([entry.get(inner) if inner and isinstance(entry, dict) else entry for entry in entries])
    return said


def shown(request: bytes) -> str:
    """A request in a sentence: what is not printable escaped, and short."""
    return one_line(request.removesuffix(b"\n").decode("utf-8", "backslashreplace"), SHOWN)


def _of_config(error: InvalidField) -> tuple[str, ...]:
    """The rules by which a configuration is not valid: those that a sentence names, or of how numbers are written."""
    written = ["AMT-5" if is_rate(error.path) else "AMT-3"] if "digits" in error.message else []
    return tuple(dict.fromkeys((*rulebook.NUMBER.findall(str(error)), *written, "CFG-1")))


def _names(config: Any) -> set[str]:
    return {*config["accounts"], *config["markets"]}


def _numbers(value: Any) -> set[Fraction]:
    """The amounts, rates and integers in a configuration."""
    return {number for _, number in _written(value)}


def _texts(value: Any) -> set[str]:
    """The same as they are written."""
    return {str(text) for text, _ in _written(value)}


def _written(value: Any) -> Iterator[tuple[str | int, Fraction]]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _written(one)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        with suppress(MalformedAmount):  # of an account, or a choice
            yield value, rate(value) if isinstance(value, str) else Fraction(value)
