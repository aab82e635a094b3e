"""What an engine's reply says: accepted with an observation, refused with a code, skipped, or nothing known."""

from typing import Any, Protocol

from attrs import frozen

from liqspec.conform.finding import EngineFault, Fault
from liqspec.conform.oracle import INTERNAL_ERROR
from liqspec.core.events import EventData, from_json
from liqspec.core.refusals import BadRequest
from liqspec.edge.texts import one_line, show

EXECUTIONS = ("fill", "order_done")  # what an engine with its own order book may have executed


class Player(Protocol):
    """An engine as events are played to it: over the protocol, or in this process, with the replies of the protocol."""

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run, and return the reply."""

    def give(self, event: EventData) -> None:
        """Send an event, without waiting for its outcome."""

    def answer(self) -> dict[str, Any]:
        """The reply to the event that was handed over."""


class Answering(Player, Protocol):
    """An engine that runs in lock-step with the model; its output between requests is checked too."""

    def settle(self) -> None:
        """See that nothing is still to be said; called when something was found."""

    def renew(self) -> None:
        """Start again after a fault."""


@frozen(kw_only=True)
class Accepted:
    """The event was accepted; `observation` is what was observed after it, `executed` what the engine's book did."""

    observation: object
    executed: tuple[EventData, ...] = ()


@frozen(kw_only=True)
class Refused:
    """The event was refused."""

    code: str
    message: str


@frozen(kw_only=True)
class Skipped:
    """The engine cannot do this."""

    why: str


def read_answer(reply: dict[str, Any]) -> Accepted | Refused | Skipped:
    """What a reply to `reset` or `apply` says.

    Raises:
        EngineFault: it is not such a reply, or the engine reports an internal error.
    """
    if reply.get("ok") is True:
        return Accepted(observation=reply.get("observation"), executed=_executed(reply.get("executed", [])))
    if reply.get("ok") is not False:
        raise malformed(f"ok: expected true or false, got {show(reply.get('ok'))}")
    if "skipped" in reply:
        return Skipped(why=one_line(str(reply["skipped"]), 200))
    error = reply.get("error")
    if not isinstance(error, dict) or not isinstance(error.get("code"), str):
        raise malformed(f"error: expected an object with a code, got {show(error)}")
    message = one_line(str(error.get("message", "")), 300)
    if error["code"] == INTERNAL_ERROR:
        raise EngineFault(Fault(kind="reported an internal defect", message=message or "it says no more"))
    return Refused(code=error["code"], message=message)


def _executed(listed: object) -> tuple[EventData, ...]:
    if not isinstance(listed, list):
        raise malformed(f"executed: expected a list, got {show(listed)}")
    for index, event in enumerate(listed):
        if not isinstance(event, dict) or event.get("type") not in EXECUTIONS:
            raise malformed(f"executed[{index}]: expected a fill or an order_done, got {show(event)}")
        try:
            from_json(event)
        except BadRequest as refusal:
            raise malformed(f"executed[{index}]: {refusal}") from None
    return tuple(listed)


def malformed(message: str) -> EngineFault:
    """A reply that the protocol does not know."""
    return EngineFault(Fault(kind="sent an invalid reply", message=message))
