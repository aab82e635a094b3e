"""What an engine says: of itself in `hello`, and in each reply: accepted, refused with a code, or skipped."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from attrs import fields, frozen

from liqspec.conform.finding import EngineFault, Fault
from liqspec.conform.oracle import INTERNAL_ERROR
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EVENTS, OPTIONAL, EventData, from_json
from liqspec.core.parameters import FAMILIES, InvalidConfig, families_of
from liqspec.core.refusals import BadRequest
from liqspec.edge import limits
from liqspec.edge.amounts import decimal_text, exact
from liqspec.edge.protocol import PROTOCOL
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import did_you_mean, one_line, show
from liqspec.generate.configurations import START
from liqspec.spec import observables

EXECUTIONS = ("fill", "order_done")  # what an engine with its own order book may have executed


class Player(Protocol):
    """An engine as events are played to it: over the protocol, or in this process, with the replies of the protocol.

    Raises:
        EngineFault: there is no reply.
    """

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run, and return the reply."""

    def give(self, event: EventData) -> None:
        """Send an event, without waiting for its outcome."""

    def answer(self) -> dict[str, Any]:
        """The reply to the event that was handed over."""


class Answering(Player, Protocol):
    """An engine that runs in lock-step with the model; its output between requests is checked too.

    Raises:
        CannotStart, EngineFault: it does not start again as it did, or says more than it was asked.
    """

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
    _check_lengths(reply)
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


def _check_lengths(reply: dict[str, Any]) -> None:
    """See that no list of a reply is longer than any that an engine needs: what is done with an entry takes time."""
    shown = reply.get("observation")
    observed = {f"observation.{name}": shown.get(name) for name in _LISTS} if isinstance(shown, dict) else {}
    for name, listed in {**{name: reply.get(name) for name in ("effects", "executed")}, **observed}.items():
        if isinstance(listed, list) and len(listed) > limits.REPLY_ENTRIES:
            raise malformed(f"{name}: {len(listed):,} entries, more than {limits.REPLY_ENTRIES:,}")


_LISTS = ("positions", "pools")


def _executed(listed: object) -> tuple[EventData, ...]:
    if not isinstance(listed, list):
        raise malformed(f"executed: expected a list, got {show(listed)}")
    for index, event in enumerate(listed, start=1):
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


@frozen(kw_only=True)
class Hello:
    """An engine's introduction; `base` is the configuration of the only rule set it can run, None if it can run any."""

    engine: str
    observes: frozenset[str]
    states: Literal["full", "coarse"]
    events: frozenset[str]
    families: frozenset[str] = frozenset()
    base: dict[str, Any] | None = None
    validates: bool = True  # whether it refuses malformed input, which is sent only then

    @property
    def observes_everything(self) -> bool:
        """Whether nothing of an observation is missing, so that every property can be judged on it."""
        return self.states == "full" and self.observes >= observables.due(self.families)


def of_this_process(base: dict[str, Any] | None = None) -> Hello:
    """The introduction of an engine that says nothing of itself: it has everything that is not optional (VER-1)."""
    return Hello(
        engine="an engine in this process",
        observes=frozenset(observables.names()),
        states="full",
        events=frozenset(EVENTS) - OPTIONAL,
        base=base,
    )


def read_hello(reply: dict[str, Any]) -> Hello:
    """What a reply to `hello` says.

    Raises:
        EngineFault: it refuses, speaks another version, or names what the protocol does not know.
    """
    if reply.get("ok") is not True:
        raise malformed(f"hello: expected ok true, got {show(reply)}")
    if reply.get("protocol") != PROTOCOL or type(reply["protocol"]) is not int:
        raise malformed(f"hello.protocol: expected {PROTOCOL}, got {show(reply.get('protocol'))}")
    states = reply.get("states")
    if states not in ("full", "coarse"):
        raise malformed(f'hello.states: expected "full" or "coarse", got {show(states)}')
    validates = reply.get("validates", True)
    if not isinstance(validates, bool):
        raise malformed(f"hello.validates: expected true or false, got {show(validates)}")
    venue, families = reply.get("venue"), _names("families", reply.get("families", []), tuple(sorted(FAMILIES)))
    return Hello(
        engine=one_line(str(reply.get("engine", "unnamed")), 100),
        observes=_names("observes", reply.get("observes"), observables.every_name()),
        states=states,
        events=_names("events", reply.get("events"), tuple(EVENTS)),
        families=families,
        base=None if venue is None else _base(venue, families),
        validates=validates,
    )


def check_same(first: Hello, later: Hello) -> None:
    """See that an engine says the same of itself as it did first.

    Raises:
        EngineFault: it does not; the message has the first field that differs.
    """
    for field in fields(Hello):
        before, now = getattr(first, field.name), getattr(later, field.name)
        if isinstance(before, frozenset):
            before, now = sorted(before - now), sorted(now - before)  # what only one of them has
        if before != now:
            name = "venue" if field.name == "base" else field.name
            raise EngineFault(
                Fault(kind="changed its hello", message=f"{name}: first {show(before)}, later {show(now)}")
            )


def _names(field: str, listed: object, known: tuple[str, ...]) -> frozenset[str]:
    if not isinstance(listed, list):
        raise malformed(f"hello.{field}: expected a list, got {show(listed)}")
    for name in listed:
        if name not in known:
            close = did_you_mean(str(name), known)
            raise malformed(f"hello.{field}: unknown {show(name)}; there are {', '.join(known)}{close}")
    return frozenset(listed)


def check_families(config: Mapping[str, Any], families: frozenset[str]) -> None:
    """See that an engine that has these families can be sent a configuration.

    Raises:
        InvalidConfig: the first parameter of a family that it does not have.
    """
    for family, path in families_of(config).items():
        if family not in families:
            raise InvalidConfig(path, f"is of the family {family}, which the engine does not list in `families`")


def _base(venue: object, families: frozenset[str]) -> dict[str, Any]:
    """A configuration of a run on the engine's rule set."""
    try:
        if not isinstance(venue, dict) or not isinstance(venue.get("markets"), dict):
            raise WrongShape("markets", f"expected an object with markets, got {show(venue)}")
        ticks = {name: market.get("tick", "1") for name, market in venue["markets"].items()}
        marks = {name: decimal_text(exact(tick) * START) for name, tick in ticks.items()}
        config = Config.from_json({**venue, "accounts": ["alice"], "marks": marks})
        Engine(config)
        check_families(config.to_json(), families)
    except (WrongShape, InvalidConfig, ValueError, AttributeError) as error:
        raise malformed(f"hello.venue: {error}") from None
    return config.to_json()
