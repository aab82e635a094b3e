"""The checks of every event in their order, as data: `spec/refusals.toml` (EVT-2).

The model does not read them: `admission` is the rules in code. They say which rule a code stands for in an event, write
the protocol's table, and are held against the model by the tests.
"""

from functools import cache
from typing import Literal

from attrs import field, frozen

from liqspec.core.events import EVENTS
from liqspec.core.refusals import CODES
from liqspec.edge import files, shapes


@frozen(kw_only=True)
class Check:
    """One check of an event: the code and rule of its refusal, and what is wrong where it fails.

    `also` are the rules that measure what it looks at; `of` says for which trades it is, None for all.
    """

    code: str
    rule: str
    also: tuple[str, ...] = ()
    of: Literal["increasing", "reducing"] | None = None
    when: str | None = None


@frozen(kw_only=True)
class Checks:
    """The checks of all events in their order, and what each code means where a check does not say it."""

    format: int
    codes: dict[str, str] = field()
    events: dict[str, tuple[Check, ...]] = field()

    @codes.validator
    def _check_codes(self, _: object, codes: dict[str, str]) -> None:
        if tuple(codes) != CODES:
            raise shapes.WrongShape("codes", f"must be, in this order: {', '.join(CODES)}")

    @events.validator
    def _check_events(self, _: object, events: dict[str, tuple[Check, ...]]) -> None:
        if list(events) != list(EVENTS):
            raise shapes.WrongShape("events", f"must be, in this order: {', '.join(EVENTS)}")

    def of_event(self, kind: str, code: str) -> tuple[Check, ...]:
        """The checks of an event type with this code; more than one for trades, none for what cannot be."""
        return tuple(check for check in self.events.get(kind, ()) if check.code == code)

    def meaning(self, check: Check) -> str:
        """What is wrong where this check fails."""
        return check.when or self.codes[check.code]


@cache
def checks() -> Checks:
    """The checks of the specification.

    Raises:
        specification.UnreadableFile, shapes.WrongShape: the file is missing or malformed.
    """
    with shapes.below("refusals.toml"):
        return shapes.structure(files.read_toml(files.ROOT / "refusals.toml"), Checks)


def table() -> str:
    """The checks as the Markdown table of the protocol's page."""
    rows = ["| event | checks, the first that fails is the answer |", "|---|---|"]
    for kind, listed in checks().events.items():
        told = []
        for check in listed:
            who = f", {check.of}" if check.of else ""
            told.append(f"`{check.code}` ({check.rule}{who})")
        rows.append(f"| `{kind}` | {' · '.join(told)} |")
    return "\n".join(rows) + "\n"
