"""Playing vectors to an engine: each event as its vector has it, up to the first step that is not as expected."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, Protocol

from attrs import field, frozen

from liqspec import compare
from liqspec.compare import Difference, Observes
from liqspec.events import EVENTS
from liqspec.reasons import OUTCOME
from liqspec.refusals import BadRequest
from liqspec.shapes import WrongShape
from liqspec.texts import one_line, show


class Player(Protocol):
    """An engine as it is driven; replies are those of `spec/protocol.md`."""

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run, and return the reply."""

    def give(self, event: Any) -> None:
        """Hand over an event."""

    def answer(self) -> dict[str, Any]:
        """The reply to the event that was handed over."""


@frozen(kw_only=True)
class Abilities:
    """What an engine says of itself: how it is compared, and which events it knows."""

    engine: str = "the engine"
    observes: Observes = field(factory=Observes)
    events: frozenset[str] = frozenset(EVENTS)


@frozen(kw_only=True)
class Played:
    """How a vector went; `step` is the number, from 1, of the step that was not as expected, or was skipped."""

    path: str
    title: str
    outcome: Literal["passed", "failed", "skipped"]
    step: int | None = None
    event: Any = None
    difference: Difference | None = None
    rules: tuple[str, ...] = ()
    why: str = ""


def play(vector: dict[str, Any], player: Player, abilities: Abilities) -> Played:
    """Play one vector; a new run begins with it."""
    told = {"path": path_of(vector), "title": vector["title"]}
    unknown = sorted({_type(step["event"]) for step in vector["steps"]} & (EVENTS.keys() - abilities.events))
    if unknown:
        return Played(**told, outcome="skipped", why=f"the engine does not support {', '.join(unknown)}")
    begun = player.reset(vector["config"])
    if "skipped" in begun:
        return Played(**told, outcome="skipped", why=one_line(str(begun["skipped"]), 200))
    if _code(begun) == BadRequest.code:  # AMT-1: an engine of fixed width cannot hold every configuration
        return Played(**told, outcome="skipped", why=f"the engine refuses the configuration: {_message(begun)}")
    if begun.get("ok") is not True:
        difference = Difference("run", "config", "accepted", _code(begun))
        return Played(**told, outcome="failed", difference=difference, rules=("CFG-1",))
    for number, step in enumerate(vector["steps"], start=1):
        player.give(step["event"])
        reply = player.answer()
        at: dict[str, Any] = {**told, "step": number, "event": step["event"]}
        if "skipped" in reply:
            return Played(**at, outcome="skipped", why=one_line(str(reply["skipped"]), 200))
        difference_found = _difference(step, reply, abilities.observes)
        if difference_found is not None:
            rules = tuple(dict.fromkeys((*vector["rules"], *step["rules"])))
            return Played(**at, outcome="failed", difference=difference_found, rules=rules)
    return Played(**told, outcome="passed")


def play_all(
    vectors: Iterable[dict[str, Any]],
    player: Player,
    abilities: Abilities,
    done: Callable[[Played], None] = lambda _: None,
) -> list[Played]:
    """Play vectors in their order, all of them."""
    played = []
    for vector in vectors:
        played.append(play(vector, player, abilities))
        done(played[-1])
    return played


def path_of(vector: dict[str, Any]) -> str:
    """A vector's name: its venue, its suite and its case."""
    return f"{vector['venue']}/{vector['suite']}/{vector['case']}"


def _type(event: Any) -> str:
    return str(event.get("type")) if isinstance(event, dict) else ""


def _difference(step: dict[str, Any], reply: dict[str, Any], observes: Observes) -> Difference | None:
    wanted = step["expect"].get("refused", "accepted")
    answered = "accepted" if reply.get("ok") is True else _code(reply)
    if wanted != answered:
        return Difference("event", OUTCOME, wanted, answered)
    # A refusal has no observation in the protocol; what it may have changed is seen in the next step.
    if answered != "accepted" or not observes.fields:
        return None
    try:
        return compare.first_difference(step["observation"], reply.get("observation", {}), observes)
    except WrongShape as error:
        return Difference("run", "observation", "one of the protocol", str(error))


def _message(reply: dict[str, Any]) -> str:
    return one_line(str(reply["error"].get("message", "")), 200)


def _code(reply: dict[str, Any]) -> str:
    error = reply.get("error")
    return str(error.get("code")) if isinstance(error, dict) else f"no reply of the protocol: {show(reply)}"
