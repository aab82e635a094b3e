"""What an engine says of itself in `hello`: what it observes, which events, families and rule set it can run."""

from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

from liqspec.conform.answers import malformed
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EVENTS, OPTIONAL
from liqspec.core.parameters import FAMILIES, InvalidConfig, families_of
from liqspec.edge.amounts import decimal_text, exact
from liqspec.edge.protocol import PROTOCOL
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import one_line, show
from liqspec.generate.configurations import START
from liqspec.spec import observables


@frozen(kw_only=True)
class Hello:
    """An engine's introduction; `base` is the configuration of the only rule set it can run, None if it can run any."""

    engine: str
    observes: frozenset[str]
    states: Literal["full", "coarse"]
    events: frozenset[str]
    families: frozenset[str] = frozenset()
    base: dict[str, Any] | None = None

    @property
    def observes_everything(self) -> bool:
        """Whether nothing of an observation is missing, so that every property can be judged on it."""
        return self.states == "full" and self.observes == frozenset(observables.names())


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
    venue, families = reply.get("venue"), _names("families", reply.get("families", []), tuple(sorted(FAMILIES)))
    return Hello(
        engine=one_line(str(reply.get("engine", "unnamed")), 100),
        observes=_names("observes", reply.get("observes"), observables.names()),
        states=states,
        events=_names("events", reply.get("events"), tuple(EVENTS)),
        families=families,
        base=None if venue is None else _base(venue, families),
    )


def _names(field: str, listed: object, known: tuple[str, ...]) -> frozenset[str]:
    if not isinstance(listed, list):
        raise malformed(f"hello.{field}: expected a list, got {show(listed)}")
    for name in listed:
        if name not in known:
            raise malformed(f"hello.{field}: unknown {show(name)}; there are {', '.join(known)}")
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
