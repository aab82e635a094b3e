"""What a comparison found: where the engine departs from the rules, or did not answer at all, and by which events."""

from typing import Any, Literal

from attrs import frozen

from liqspec.core.events import EventData
from liqspec.edge.errors import InvalidInput
from liqspec.properties.registry import PROPERTIES
from liqspec.step.reasons import Reason

FaultKind = Literal[
    "died",
    "hung",
    "printed garbage",
    "flooded standard output",
    "flooded standard error",
    "answered without being asked",
    "answered out of order",
    "closed its input",
    "closed its output",
    "did not end",
    "left processes running",
    "changed its hello",
    "sent an invalid reply",
    "reported an internal defect",
    "raised an exception",
]

REMEDIES: dict[FaultKind, str] = {
    "died": "its standard error may say why; it has to run until `bye` or the end of its input",
    "hung": "flush standard output after each reply, or give it longer with --timeout",
    "printed garbage": "only replies may go to standard output, one JSON object a line; write logs to standard error",
    "flooded standard output": "write one line for each request, and nothing else, to standard output",
    "flooded standard error": "write less to standard error",
    "answered without being asked": "write exactly one reply for each request, and nothing after that to `bye`",
    "answered out of order": "answer each request before the next one is read",
    "closed its input": "keep standard input open, and read it until `bye` or its end",
    "closed its output": "keep standard output open until the reply to `bye` is written",
    "did not end": "end with status 0 after the reply to `bye`, and end when standard input does",
    "left processes running": "end all that it started, and wait for it, before it ends itself",
    "changed its hello": "reply the same to each `hello` of each process: no times, process numbers or random names",
    "sent an invalid reply": "spec/protocol.md and spec/schemas/reply.schema.json say what a reply has",
    "reported an internal defect": "its standard error may say more",
    "raised an exception": "the traceback names the line",
}


@frozen(kw_only=True)
class Fault:
    """A misbehaviour of an engine: its kind, a sentence, and the last that it wrote."""

    kind: FaultKind
    message: str
    stdout: str = ""
    stderr: str = ""

    def __str__(self) -> str:
        """The fault in one line, without the output."""
        return f"the engine {self.kind}: {self.message}"

    @property
    def remedy(self) -> str:
        """The likely fix."""
        return REMEDIES[self.kind]


class EngineFault(Exception):
    """An engine misbehaved; `fault` says how."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class TimeIsUp(BaseException):
    """The time that was allowed is used up; as for an interruption, what handles errors does not handle it."""


class CannotStart(InvalidInput):
    """The command of an engine cannot be started: why, in one line."""


@frozen(kw_only=True)
class Finding:
    """A run up to the first thing in which the engine is wrong: a difference, a broken property, or a fault.

    `applied` are the events as the model applies them: where the engine executed its orders itself, with those
    executions; the last one too, where the engine never answered it. `reply` is what the engine replied to the
    last event. `requests` are all that a new process must be sent to show it, where that is more than the run: raw
    lines, or earlier runs (`conform.protocol.requests`); `topic` is what is odd with the last of them. It was found
    after `found_events`, or requests, before it was made short.
    """

    kind: Literal["difference", "property", "fault", "protocol", "not deterministic"]
    config: dict[str, Any]
    events: list[EventData]
    applied: list[EventData]
    requests: tuple[bytes, ...] = ()
    topic: str = ""
    found_events: int = 0
    reply: dict[str, Any] | None = None
    reasons: tuple[Reason, ...] = ()
    fault: Fault | None = None
    broken: tuple[tuple[str, str], ...] = ()  # properties, each with what was wrong
    of_line: tuple[str, ...] = ("EVT-2",)  # the rules of a line that was judged wrongly
    note: str = ""
    where: str = ""

    @property
    def headline(self) -> str:
        """What was found, in one line."""
        if self.kind == "difference":
            return str(self.reasons[0].difference)
        if self.kind == "property":
            return f"{PROPERTIES[self.broken[0][0]].title}: {self.broken[0][1]}"
        return str(self.fault) if self.kind == "fault" else self.note

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that it departs from, the first before all; EVT-1 where it did not answer."""
        if self.kind == "difference":
            return self.reasons[0].rules
        if self.kind == "property":
            return PROPERTIES[self.broken[0][0]].rules
        return self.of_line if self.kind == "protocol" else ("EVT-1",)

    @property
    def event_type(self) -> str:
        """The type of the last event; "reset" where the run had not begun, and "line" where it is not about events."""
        if self.kind == "protocol":
            return "line"
        return str(self.events[-1].get("type")) if self.events else "reset"

    @property
    def length(self) -> int:
        """How many events it needs, or requests where it is about those."""
        return len(self.requests or self.events)

    @property
    def signature(self) -> tuple[str, ...]:
        """What two findings share that are the same defect, as far as that can be seen: kind, event, field and rule."""
        field = self.topic
        if self.reasons:
            field = self.reasons[0].difference.field
        elif self.broken or self.fault:
            field = self.broken[0][0] if self.broken else str(self.fault and self.fault.kind)
        return self.kind, self.event_type, field, self.rules[0]

    @property
    def cause(self) -> tuple[str, ...]:
        """What is reported as one defect: the signature, without the event where a field or a property is wrong.

        A wrong answer or a fault is one of its event: other events are checked elsewhere.
        """
        kind, event, field, rule = self.signature
        observed = kind == "property" or (kind == "difference" and "." in field)
        return (kind, field, rule) if observed else (kind, event, field, rule)

    @property
    def said(self) -> tuple[str, ...]:
        """What a reader sees of it first, by which two findings are the same defect too."""
        return self.kind, self.rules[0], self.headline

    def is_like(self, other: "Finding") -> bool:
        """Whether both are the same thing after as many events."""
        return (self.kind, len(self.events), self.headline) == (other.kind, len(other.events), other.headline)
