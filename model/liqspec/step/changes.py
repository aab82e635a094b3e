"""What changed between two observations, and only that."""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from liqspec.core.observation import same
from liqspec.edge import keys


@frozen
class Change:
    """One field that changed; `subject` is a position's, a pool's or the vault's name, None stands for absent."""

    subject: str
    field: str
    before: Any
    after: Any


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """The fields of positions, pools and vault that differ; amounts compare as numbers (OBS-3)."""
    return [
        *_changed(_by_key(before["positions"], keys.of_position), _by_key(after["positions"], keys.of_position)),
        *_changed(_by_key(before["pools"], keys.of_pool), _by_key(after["pools"], keys.of_pool)),
        *_changed({"vault": before["vault"]}, {"vault": after["vault"]}),
    ]


def _by_key(entries: list[dict[str, Any]], key: Any) -> dict[str, dict[str, Any]]:
    return {key(entry): entry for entry in entries}


def _changed(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> Iterator[Change]:
    for subject, fields in after.items():
        earlier = before.get(subject, {})
        for name, value in fields.items():
            if name not in ("account", "market", "mode") and not same(earlier.get(name), value):
                yield Change(subject, name, earlier.get(name), value)
