"""What changed between two observations, and only that."""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from liqspec.core.observation import same


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
        *_changed(_by_key(before["positions"], position_key), _by_key(after["positions"], position_key)),
        *_changed(_by_key(before["pools"], pool_key), _by_key(after["pools"], pool_key)),
        *_changed({"vault": before["vault"]}, {"vault": after["vault"]}),
    ]


def position_key(position: dict[str, Any]) -> str:
    """An observed position's name: account/market/mode."""
    return f"{position['account']}/{position['market']}/{position['mode']}"


def pool_key(pool: dict[str, Any]) -> str:
    """An observed pool's name: account/cross or account/market/isolated."""
    return f"{pool['account']}/cross" if pool["market"] is None else f"{pool['account']}/{pool['market']}/isolated"


def _by_key(entries: list[dict[str, Any]], key: Any) -> dict[str, dict[str, Any]]:
    return {key(entry): entry for entry in entries}


def _changed(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> Iterator[Change]:
    for subject, fields in after.items():
        earlier = before.get(subject, {})
        for name, value in fields.items():
            if name not in ("account", "market", "mode") and not same(earlier.get(name), value):
                yield Change(subject, name, earlier.get(name), value)
