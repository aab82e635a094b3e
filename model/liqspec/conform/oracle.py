"""The model as an engine that speaks the conformance protocol: a request line in, a reply line out."""

import traceback
from fractions import Fraction
from typing import Any, BinaryIO, TextIO

from liqspec import __version__
from liqspec.core import events
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.parameters import FAMILIES, OWN_TABLE, TABLES, InvalidConfig
from liqspec.core.refusals import BadRequest
from liqspec.edge import amounts, protocol
from liqspec.edge.files import rules_version
from liqspec.edge.protocol import BadLine
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import one_line, show
from liqspec.report.amounts import Units
from liqspec.report.sentences import effect_json
from liqspec.spec import observables
from liqspec.spec.venues import VenueFile

# What is refused with this code is a fault of the engine that replies it, and none of its user's.
INTERNAL_ERROR = "internal_error"


class Oracle:
    """One conversation: every line gets exactly one reply, whatever it is; `ended` after a `bye`."""

    def __init__(
        self, log: TextIO, venue: VenueFile | None = None, *, with_effects: bool = True, with_prices: bool = False
    ) -> None:
        """Begin.

        Where a `venue` is given, only its rule set can be run. Replies include effects unless `with_effects` is false,
        and positions have their prices (OBS-5) if `with_prices` is true. What should never happen is written to `log`.
        """
        self.ended = False
        self._log = log
        self._venue = venue
        self._with_effects = with_effects
        self._with_prices = with_prices
        self._engine: Engine | None = None
        self._units: Units | None = None

    def reply(self, line: bytes) -> bytes:
        """The reply to a request line, as a line; never an exception."""
        try:
            return protocol.write_line(self._answer(*protocol.read_request(line)))
        except BadLine as error:
            return protocol.write_line(_error(BadRequest.code, str(error)))
        except Exception:  # a defect of ours must not end the conversation; what is left of the run cannot be trusted
            traceback.print_exc(file=self._log)
            self._engine = None
            return protocol.write_line(_error(INTERNAL_ERROR, "a defect of this engine; the run is lost, reset it"))

    def _answer(self, op: str, request: dict[str, Any]) -> dict[str, Any]:
        if op == "apply":
            return self._apply(request["event"])
        if op == "reset":
            return self._reset(request["config"])
        if op == "hello":
            return self._hello(request["protocol"])
        self.ended = True
        return {"ok": True}

    def _hello(self, wanted: object) -> dict[str, Any]:
        if type(wanted) is not int or wanted != protocol.PROTOCOL:
            raise BadLine(f"protocol: this engine speaks {protocol.PROTOCOL}, got {show(wanted)}")
        reply: dict[str, Any] = {
            "ok": True,
            "protocol": protocol.PROTOCOL,
            "engine": f"liqspec {__version__}",
            "observes": list(observables.every_name() if self._with_prices else observables.names()),
            "states": "full",
            "events": list(events.EVENTS),
            "families": sorted(FAMILIES),
            "rules": rules_version(),
        }
        return reply if self._venue is None else {**reply, "venue": rule_set(self._venue)}

    def _reset(self, data: object) -> dict[str, Any]:
        try:
            config = Config.from_json(data)
            if self._venue is not None:
                _check_rule_set(self._venue, config)
            engine = Engine(config, shows_prices=self._with_prices)
        except (WrongShape, InvalidConfig) as error:
            raise BadLine(f"config: {error}") from None
        self._engine, self._units = engine, Units(engine.venue)
        return {"ok": True, "observation": engine.observe()}

    def _apply(self, event: object) -> dict[str, Any]:
        if self._engine is None or self._units is None:
            raise BadLine("apply before reset: there is no run yet")
        outcome = apply_event(self._engine, event)
        if outcome.refusal is not None:
            return {"ok": False, "error": {**outcome.refusal.to_json(), "message": outcome.refusal.message}}
        reply: dict[str, Any] = {"ok": True, "observation": self._engine.observe()}
        if self._with_effects:
            reply["effects"] = [effect_json(effect, self._units) for effect in outcome.effects]
        return reply


def serve(oracle: Oracle, requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer every line of `requests` on `replies`, in order and at once, until `bye` or the end of the requests.

    Raises:
        BrokenPipeError: the reader of the replies is gone.
    """
    for line in protocol.lines(requests):
        replies.write(oracle.reply(line))
        replies.flush()
        if oracle.ended:
            return


def _error(code: str, message: str) -> dict[str, Any]:
    return {"ok": False, "error": {"code": code, "message": one_line(message)}}


_OF_RULES = ("quote_unit", "markets", *(table for table in TABLES if table not in OWN_TABLE))


def rule_set(venue: VenueFile) -> dict[str, Any]:
    """The rule set of a venue file as the protocol writes it: a configuration without what belongs to a run (CFG-4)."""
    marks = dict.fromkeys(venue.markets, "1")
    written = venue.config(accounts=("any",), marks=marks).to_json()
    return {name: written[name] for name in _OF_RULES if name in written}


def _check_rule_set(venue: VenueFile, config: Config) -> None:
    """Refuse a configuration of other rules; it may have fewer markets.

    Raises:
        InvalidConfig: the first field that differs.
    """
    ours, theirs = rule_set(venue), config.to_json()
    for name in theirs["markets"]:
        if name not in ours["markets"]:
            raise InvalidConfig(f"markets.{name}", f"not a market of {venue.name}, the only venue served here")
    ours["markets"] = {name: ours["markets"][name] for name in theirs["markets"]}
    for path, wanted, given in _leaves("", ours, {name: theirs[name] for name in _OF_RULES if name in theirs}):
        raise InvalidConfig(path, f"is {show(wanted)} in {venue.name}, the only venue served here, got {show(given)}")


def _leaves(path: str, ours: Any, theirs: Any) -> list[tuple[str, Any, Any]]:
    """Where two rule sets differ; numbers compare as numbers."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = [(f"{path}.{name}".strip("."), ours.get(name), theirs.get(name)) for name in {**ours, **theirs}]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(f"{path}[{index}]", *both) for index, both in enumerate(zip(ours, theirs, strict=True), start=1)]
    else:
        return [] if ours == theirs or _number(ours) == _number(theirs) is not None else [(path, ours, theirs)]
    return [leaf for pair in pairs for leaf in _leaves(*pair)]


def _number(value: object) -> Fraction | None:
    try:
        return amounts.rate(value)
    except amounts.MalformedAmount:
        return None
