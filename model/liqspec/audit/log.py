"""What a log says: its first line about the run, and every further line about an event (spec/logs.md)."""

from typing import Any, Literal

from attrs import field, frozen

from liqspec.core.config import Config
from liqspec.core.events import EventData
from liqspec.core.refusals import CODES
from liqspec.edge import shapes
from liqspec.edge.errors import InvalidInput
from liqspec.edge.texts import show
from liqspec.step.compare import Observes
from liqspec.step.relation import Observed

FORMAT = 1
_ENTRY = ("event", "refused", "accepted", "observation", "executed", "before", "note")


class InvalidLog(InvalidInput):
    """A log that cannot be read to its end: the file, the line, the field, and what is wrong with it."""


@frozen(kw_only=True)
class _Comparison:
    format: int
    engine: str = ""
    observes: tuple[str, ...] | None = None
    states: Literal["full", "coarse"] = "full"


@frozen(kw_only=True)
class Head:
    """The run that a log is of."""

    config: Config
    engine: str = ""
    observes: Observes = field(factory=lambda: Observes(partial=True))
    before: dict[str, Any] | None = None

    @classmethod
    def from_json(cls, data: object, tolerance: dict[str, str]) -> "Head":
        """The first line in plain data; amounts are to be compared within the tolerance (STP-7).

        Raises:
            shapes.WrongShape: a field is missing, unknown or mistyped, or the format is another one.
        """
        if not isinstance(data, dict):
            raise shapes.WrongShape("", f"expected an object, got {show(data)}")
        rest = dict(data)
        if "config" not in rest:
            raise shapes.WrongShape("config", "required field is missing: a log begins with the run that it is of")
        config, before = rest.pop("config"), rest.pop("before", None)
        read = shapes.structure(rest, _Comparison)
        if read.format != FORMAT:
            raise shapes.WrongShape("format", f"this version reads format {FORMAT}, got {read.format}")
        fields = {} if read.observes is None else {"fields": read.observes}
        observes = Observes(states=read.states, tolerance=tolerance, partial=True, **fields)
        with shapes.below("config"):
            return cls(config=Config.from_json(config), engine=read.engine, observes=observes, before=before)


@frozen(kw_only=True)
class Entry:
    """An event, and what was observed of its outcome; `observed` is None where nothing was."""

    event: object
    observed: Observed | None = None
    executed: tuple[EventData, ...] = ()
    before: dict[str, Any] | None = None

    @classmethod
    def from_json(cls, data: object) -> "Entry":
        """A further line in plain data.

        Raises:
            shapes.WrongShape: a field is missing, unknown or mistyped, or two contradict each other.
        """
        if not isinstance(data, dict):
            raise shapes.WrongShape("", f"expected an object, got {show(data)}")
        for name in data:
            if name not in _ENTRY:
                raise shapes.WrongShape(show(name).strip('"'), f"unknown field; known are {', '.join(_ENTRY)}")
        if "event" not in data:
            raise shapes.WrongShape("event", "required field is missing")
        if "before" in data and not isinstance(data["before"], dict):
            raise shapes.WrongShape("before", f"expected an object, got {show(data['before'])}")
        return cls(event=data["event"], observed=_observed(data), executed=_executed(data), before=data.get("before"))


def _observed(data: dict[str, Any]) -> Observed | None:
    refused, observation = data.get("refused"), data.get("observation")
    if "refused" in data:
        if refused not in CODES:
            raise shapes.WrongShape("refused", f"expected one of {', '.join(CODES)}, got {show(refused)}")
        if "accepted" in data:
            raise shapes.WrongShape("accepted", "an event is either accepted or refused")
    if "accepted" in data and data["accepted"] is not True:
        raise shapes.WrongShape("accepted", f"expected true, got {show(data['accepted'])}")
    if "observation" in data:
        if not isinstance(observation, dict):
            raise shapes.WrongShape("observation", f"expected an object, got {show(observation)}")
        try:
            Observed.from_json(observation)
        except shapes.WrongShape as error:
            path = error.path.removeprefix("after").removeprefix("observation").removeprefix(".")
            raise shapes.WrongShape(f"observation.{path}", error.message) from None
    if not data.keys() & {"refused", "accepted", "observation", "executed"}:
        return None
    return Observed(refused=refused, observation=observation)


def _executed(data: dict[str, Any]) -> tuple[EventData, ...]:
    listed = data.get("executed", [])
    if not isinstance(listed, list):
        raise shapes.WrongShape("executed", f"expected a list, got {show(listed)}")
    if listed and "refused" in data:
        raise shapes.WrongShape("executed", "a refused event executes nothing")
    for index, event in enumerate(listed, start=1):
        if not isinstance(event, dict) or event.get("type") not in ("fill", "order_done"):
            raise shapes.WrongShape(f"executed[{index}]", f"expected a fill or an order_done, got {show(event)}")
    return tuple(listed)
