"""A valid configuration that uses every field (CFG-1)."""

from typing import Any

from liqspec.core import parameters
from liqspec.core.parameters import FAMILIES


def every_parameter(table: str, families: frozenset[str] = FAMILIES) -> dict[str, Any]:
    """A value of each parameter of a table of the configuration, those of these families too, that go together."""
    values = {
        entry.name: entry.samples[-1]
        for entry in parameters.of_table(table)
        if not entry.family or entry.family in families
    }
    for entry in parameters.of_table(table):
        if entry.only_with is not None and values.get(entry.only_with[0]) != entry.only_with[1]:
            values.pop(entry.name, None)
    return values


CONFIG: dict[str, Any] = {
    "quote_unit": "0.01",
    "time": 5,
    "accounts": ["alice", "bob"],
    "vault": {"cash": "100"},
    "markets": {
        "A": {"tick": "1", "lot": "0.01", "tiers": [{"above": "0", "maintenance_rate": "1/40", "max_leverage": 20}]},
        "B": {
            "tick": "0.5",
            "lot": "1",
            "tiers": [
                {"above": "0", "maintenance_rate": "1/40", "max_leverage": 20},
                {"above": "5000", "maintenance_rate": "1/20", "max_leverage": 10},
            ],
        },
    },
    "marks": {"A": "100", "B": "50"},
    "liquidation": every_parameter("liquidation"),
    "backstop": every_parameter("backstop"),
}
