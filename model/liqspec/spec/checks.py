"""The checks of every event in their order, as data: from the records of the events, which run them (EVT-2)."""

from functools import cache

from attrs import frozen

from liqspec.core.admission import Listed
from liqspec.core.events import EVENTS, checks_of
from liqspec.core.refusals import Refusal


@frozen(kw_only=True)
class Checks:
    """The checks of all events in their order, and what each code means where a check does not say it."""

    codes: dict[str, str]
    events: dict[str, tuple[Listed, ...]]

    def of_event(self, kind: str, code: str) -> tuple[Listed, ...]:
        """The checks of an event type with this code; more than one for trades, none for what cannot be."""
        return tuple(check for check in self.events.get(kind, ()) if check.code == code)


@cache
def checks() -> Checks:
    """The checks of the specification."""
    return Checks(
        codes={refusal.code: refusal.meaning for refusal in Refusal.__subclasses__()},
        events={kind: checks_of(event) for kind, event in EVENTS.items()},
    )
