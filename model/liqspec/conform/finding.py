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
    "closed its output",
    "did not end",
    "sent an invalid reply",
    "reported an internal defect",
    "raised an exception",
]


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


class EngineFault(Exception):
    """An engine misbehaved; `fault` says how."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class CannotStart(InvalidInput):
    """The command of an engine cannot be started: why, in one line."""


@frozen(kw_only=True)
class Finding:
    """A run up to the first thing in which the engine is wrong: a difference, a broken property, or a fault.

    `applied` are the events as the model applies them: where the engine executed its orders itself, with those
    executions; the last one too, where the engine never answered it. `reply` is what the engine replied to the
    last event.
    """

    kind: Literal["difference", "property", "fault", "not deterministic"]
    config: dict[str, Any]
    events: list[EventData]
    applied: list[EventData]
    reply: dict[str, Any] | None = None
    reasons: tuple[Reason, ...] = ()
    fault: Fault | None = None
    broken: tuple[tuple[str, str], ...] = ()  # properties, each with what was wrong
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
        """The rules that the engine departs from, the first before all; EVT-1 where it did not answer at all."""
        if self.kind == "difference":
            return self.reasons[0].rules
        return PROPERTIES[self.broken[0][0]].rules if self.kind == "property" else ("EVT-1",)

    @property
    def event_type(self) -> str:
        """The type of the last event; "reset" where the run had not begun."""
        return str(self.events[-1].get("type")) if self.events else "reset"

    def is_like(self, other: "Finding") -> bool:
        """Whether both are the same thing after as many events."""
        return (self.kind, len(self.events), self.headline) == (other.kind, len(other.events), other.headline)
