"""Known divergences of an engine: a list of what is expected to differ, which must not go stale."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import tomli_w
from attrs import field, frozen

from liqspec.conform.finding import Finding
from liqspec.edge import files, shapes
from liqspec.edge.texts import show


def _filled(_: object, attribute: Any, value: str) -> None:
    if not value.strip():
        raise shapes.WrongShape(attribute.name, "must say something")


@frozen(kw_only=True)
class Divergence:
    """A difference that is known: in which field, at which event, by which rule, ours and theirs; and why it is there.

    What is left out matches anything; `field` is one of an observation, "outcome", or "config".
    """

    why: str = field(validator=_filled)
    field: str
    event: str | None = None
    rule: str | None = None
    subject: str | None = None
    ours: str | None = None
    theirs: str | None = None

    def matches(self, finding: Finding) -> bool:
        """Whether a finding is this divergence."""
        if finding.kind != "difference":
            return False
        found = finding.reasons[0].difference
        return (
            found.field == self.field
            and self.event in (None, finding.event_type)
            and (self.rule is None or self.rule in finding.rules)
            and self.subject in (None, found.subject)
            and self.ours in (None, _text(found.ours))
            and self.theirs in (None, _text(found.theirs))
        )

    def __str__(self) -> str:
        """The divergence in one line."""
        texts = [self.field] + [f"{name} {value}" for name in _NARROWER if (value := getattr(self, name)) is not None]
        return f"{', '.join(texts)} ({self.why})"


def known_as(known: Sequence[Divergence], finding: Finding) -> Divergence | None:
    """The known divergence that a finding is, if it is one."""
    return next((entry for entry in known if entry.matches(finding)), None)


def silencing(finding: Finding) -> str:
    """The entry of a file of known divergences that would match a finding, in TOML; "" if it is not a difference."""
    if finding.kind != "difference":
        return ""
    found = finding.reasons[0].difference
    entry = {"why": "SAY WHY", "field": found.field, "event": finding.event_type, "rule": finding.rules[0]}
    return f"[[known]]\n{tomli_w.dumps(entry)}"


_NARROWER = ("event", "rule", "subject", "ours", "theirs")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


@frozen(kw_only=True)
class _File:
    format: Literal[1]
    known: tuple[Divergence, ...]


def load(path: Path) -> tuple[Divergence, ...]:
    """The known divergences in a TOML file: `format = 1`, and a `[[known]]` for each.

    Raises:
        UnreadableFile: the file cannot be read or parsed.
        shapes.WrongShape: it is not a list of divergences; the message has file and field.
    """
    data = files.read_toml(path)
    with shapes.below(str(path)):
        return shapes.structure(data, _File).known
