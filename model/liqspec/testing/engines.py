"""What a Python engine is for the tests, and how it is driven: like one in a separate process, by the same replies."""

import traceback
from collections.abc import Callable, Collection
from copy import deepcopy
from difflib import get_close_matches
from inspect import getmembers_static
from typing import Any, NoReturn, Protocol

from liqspec.conform.answers import Accepted, Hello, of_this_process, read_hello
from liqspec.conform.finding import EngineFault, Fault
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EVENTS, EventData
from liqspec.core.parameters import FAMILIES
from liqspec.edge import protocol
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import did_you_mean, one_line
from liqspec.spec import observables


class PythonEngine(Protocol):
    """An engine in this process. Configurations, events and observations are those of `spec/rules/09-data.md`.

    An engine of a part of the rules says so in attributes, with the meaning that they have in `hello`
    (`spec/protocol.md`). A name that is unknown there is an error, and so is an attribute that looks like one of these:

    - `events`: the types of events that it supports, such as `("deposit", "trade")`; others are never given to it.
      Without it: every event that is not optional (VER-1).
    - `observes`: the fields that it reports, such as `("positions.state", "pools.equity")`; only these are compared.
      Account, market and mode are always reported. Without it: all but the prices of positions (OBS-5); a field that is
      missing then is a finding.
    - `states`: "full", or "coarse" where states are compared by class (STP-7). Without it: "full".
    - `families`: the families of parameters that it has. Without it: none.
    - `venue`: the only rule set that it can run (CFG-4). Without it: any.
    - `validates`: whether it refuses malformed events, which are given to it only then. Without it: true.
    """

    def reset(self, config: dict[str, Any]) -> object:
        """Start a run (CFG-1), and return the observation where it begins (OBS-1).

        Raises:
            Refused, Skip: the run cannot be started.
        """

    def apply(self, event: EventData) -> object:
        """Apply an event (EVT-1), and return the observation after it; or an `Accepted`, which has also `executed`.

        Raises:
            Refused: with the code of the first check that fails (EVT-2); nothing is changed.
            Skip: the engine cannot do this; nothing is changed.
        """


Factory = Callable[[], PythonEngine]
# What an engine can say of itself: each attribute with names that only it has.
ATTRIBUTES: dict[str, Collection[str]] = {
    "observes": observables.every_name(),
    "states": ("full", "coarse"),
    "events": tuple(EVENTS),
    "families": FAMILIES,
    "venue": ("markets",),
}


class Refused(Exception):
    """An engine refuses an event: the code of EVT-2, and a message for people."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message)
        self.code = code


class Skip(Exception):
    """An engine cannot do what it was asked for; the message says why."""


class Model:
    """The model as an engine in this process: what a test of it compares when no other engine is given."""

    events = tuple(EVENTS)
    families = tuple(sorted(FAMILIES))

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run."""
        self._engine = Engine(Config.from_json(config))
        return self._engine.observe()

    def apply(self, event: EventData) -> object:
        """Apply an event.

        Raises:
            Refused: the rules refuse it.
        """
        refusal = apply_event(self._engine, event).refusal
        if refusal is not None:
            raise Refused(refusal.code, str(refusal))
        return self._engine.observe()


class InProcess:
    """An engine as it is driven; what it keeps and what it gives away are never the same objects."""

    def __init__(self, factory: Factory) -> None:
        """Make the engine, and read what it says of itself.

        Raises:
            EngineFault: it cannot be made.
            WrongShape: one of its attributes is malformed or unknown.
        """
        self._factory, self._event = factory, EventData()
        self.renew()
        self.hello = _hello(self._engine)

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run, and return the reply.

        Raises:
            EngineFault: the engine raised an exception.
        """
        return self._asked("reset", config)

    def give(self, event: EventData) -> None:
        """Keep an event, to be applied when its answer is wanted."""
        self._event = event

    def answer(self) -> dict[str, Any]:
        """Apply the event that was given, and return the reply.

        Raises:
            EngineFault: the engine raised an exception.
        """
        return self._asked("apply", self._event)

    def settle(self) -> None:
        """Nothing: a call has returned, or it has not."""

    def renew(self) -> None:
        """Make a new engine.

        Raises:
            EngineFault: it cannot be made.
        """
        try:
            self._engine = self._factory()
        except Exception as error:
            _raised(error)

    def _asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        try:
            answered = getattr(self._engine, method)(deepcopy(given))
        except Refused as refused:
            return {"ok": False, "error": {"code": refused.code, "message": str(refused)}}
        except Skip as skipped:
            return {"ok": False, "skipped": str(skipped)}
        except Exception as error:
            _raised(error)
        accepted = answered if isinstance(answered, Accepted) else Accepted(observation=answered)
        return {"ok": True, "observation": deepcopy(accepted.observation), "executed": list(accepted.executed)}


def _hello(engine: PythonEngine) -> Hello:
    whole, name = of_this_process(), type(engine).__name__
    said: dict[str, Any] = {one: getattr(engine, one, getattr(whole, one)) for one in ("states", "validates")}
    for listed in ("observes", "events", "families"):
        given = getattr(engine, listed, getattr(whole, listed))
        said[listed] = list(given) if isinstance(given, list | tuple | set | frozenset) else given
    venue = getattr(engine, "venue", None)
    if venue is not None:
        said["venue"] = venue
    _check_attributes(engine)
    try:
        return read_hello({"ok": True, "protocol": protocol.PROTOCOL, "engine": name, **said})
    except EngineFault as error:
        raise WrongShape(name, error.fault.message.removeprefix("hello.")) from None


def _check_attributes(engine: PythonEngine) -> None:
    """Refuse a mistyped attribute: its name is close to one that is read and not given, and its value fits that."""
    given = {**dict(getmembers_static(type(engine))), **getattr(engine, "__dict__", {})}
    for name, value in given.items():
        for meant in get_close_matches(name, ATTRIBUTES, n=1):
            if name not in ATTRIBUTES and meant not in given and _fits(value, ATTRIBUTES[meant]):
                raise WrongShape(
                    f"{type(engine).__name__}.{name}", f"unknown attribute{did_you_mean(name, ATTRIBUTES)}"
                )


def _fits(value: object, names: Collection[str]) -> bool:
    """Whether a value is one of these names, or has one."""
    words = value if isinstance(value, list | tuple | set | frozenset | dict) else (value,)
    return any(isinstance(word, str) and word in names for word in words)


def _raised(error: Exception) -> NoReturn:
    """Report an exception of the engine, with the place where it was raised."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    message = f"{type(error).__name__}: {one_line(str(error), 200)} (line {where.lineno} of {where.name})"
    text = "".join(traceback.format_exception(error))
    raise EngineFault(Fault(kind="raised an exception", message=message, stderr=text)) from None
