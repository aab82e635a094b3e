"""What an engine can do instead of answering: die, hang, print garbage, flood, or answer out of order."""

from typing import Literal

from attrs import frozen

from liqspec.edge.errors import InvalidInput

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
