"""Which event comes next in a run: one that the engine supports, and a malformed one only where they are wanted."""

from collections import Counter
from collections.abc import Iterable
from random import Random

from attrs import frozen

from liqspec.core import events
from liqspec.core.admission import admit_fields
from liqspec.core.config import quote_unit_of
from liqspec.core.engine import Engine
from liqspec.core.events import EVENTS, EventData
from liqspec.core.refusals import BadRequest, OffGrid, Refusal
from liqspec.generate import Guide

MALFORMED = 0.25  # of the events, where malformed ones are sent: of any type, with a field that must be refused
TRIES = 200  # events proposed for one that can be sent


@frozen
class Proposals:
    """Proposes the events of a run of the model, from what state it is in; `malformed` ones too, if that is set."""

    guide: Guide
    random: Random
    model: Engine
    supported: frozenset[str]
    malformed: bool = False

    @classmethod
    def of(cls, model: Engine, random: Random, supported: frozenset[str], *, malformed: bool) -> "Proposals":
        """The proposals of a usual run."""
        return cls(Guide(random, model, supported), random, model, supported, malformed)

    def next_event(self, unsupported: Counter[str] | None = None) -> EventData | None:
        """The guide's next event that can be sent; None if there is none. `unsupported` counts the others by type."""
        for _ in range(TRIES):
            stray = self.malformed and self.random.random() < MALFORMED
            event = self.guide.stray() if stray else self.guide.next_event()
            kind = event.get("type")
            if kind in EVENTS and kind not in self.supported:
                if unsupported is not None:
                    unsupported[str(kind)] += 1
            elif self.malformed or not is_malformed(self.model, event):
                return event
        return None


def is_malformed(model: Engine, event: EventData) -> bool:
    """Whether an event is refused for its shape alone: as malformed, or as off a grid (EVT-2)."""
    try:
        admit_fields(events.from_json(event), model.state)
    except (BadRequest, OffGrid):
        return True
    except Refusal:
        pass
    return False


def probe(config: dict[str, object], supported: Iterable[str]) -> EventData | None:
    """An event that is accepted in any state and changes what can be seen; None if the engine supports none."""
    unit, accounts = quote_unit_of(config), config["accounts"]
    assert isinstance(accounts, list), "the configuration is valid"
    for kind, given in (("deposit", {"account": accounts[0], "amount": unit}), ("vault_cash", {"amount": unit})):
        if kind in supported:
            return {"type": kind, **given}
    return None
