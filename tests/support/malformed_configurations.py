"""Configurations that are invalid in one place, and a valid one that uses every field (CFG-1)."""

from collections.abc import Iterator
from typing import Any

from liqspec.core import parameters


def every_parameter(table: str) -> dict[str, Any]:
    """A value of each parameter of a table of the configuration, those of families too."""
    return {entry.name: entry.samples[-1] for entry in parameters.of_table(table)}


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

# Of no type that any field has, or of none that this one has.
NO_VALUES: list[Any] = [None, True, 1.5, -1, 2**53, [], [[]], 10**30]
NO_AMOUNTS: list[Any] = [
    *(
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "1.",
        ".5",
        "--1",
        "1e3",
        "0x1",
        "1_0",
        "1,0",
        "1/2",
        "NaN",
        "Infinity",
        "\u0661",
        "\uff11",
    ),
    *("1\n", "1\x00", "9" * 79, "0." + "0" * 78, "-" + "0" * 79, 1, 0, {}),
]

# Where a configuration is corrupted, and with what; `...` removes the field.
_CONFIG_FAULTS: list[tuple[tuple[str | int, ...], list[Any]]] = [
    ((), [{}, [], "x", *NO_VALUES]),
    (
        ("accounts",),
        [
            ...,
            [""],
            ["a/b"],
            ["a b"],
            ["a", "a"],
            ["x" * 129],
            ["a\u200b"],
            ["\ufeff"],
            [1],
            {},
            "alice",
            *NO_VALUES[:6],
        ],
    ),
    (("markets",), [..., {}, [], {"A": {}}, "x", *NO_VALUES]),
    (
        ("marks",),
        [
            ...,
            {},
            {"A": "100"},
            {"A": "100", "B": "50", "C": "1"},
            {"A": "0.5", "B": "50"},
            {"A": "0", "B": "50"},
            *NO_VALUES,
        ],
    ),
    (("marks", "B"), [..., "0.3", "-1", "0", *NO_AMOUNTS]),
    (("quote_unit",), ["0", "-1", "0.03", "-0", *NO_AMOUNTS]),
    (("time",), [-1, 2**53, 1.0, "1", None, True]),
    (("vault",), [[], "1", {"cash": "0.001"}, {"cash": 1}, {"gold": "1"}, *NO_VALUES]),
    (("liquidation",), [[], {"partial_threshold": None}, {"x": 1}, *NO_VALUES]),
    (("liquidation", "order_policy"), ["ALL", "", "both", {}, *NO_VALUES]),
    (("liquidation", "stop_when_restored"), ["true", 0, 1, None, {}]),
    (("liquidation", "partial_threshold"), ["-0.01", "0.001", *NO_AMOUNTS]),
    (
        ("liquidation", "partial_fraction"),
        ["0", "-0", "0/1", "3/2", "1.01", "-1/2", "1/-2", "1/0", "1/00", "1/2/3", " 1/2", "1/ 2", "0.", *NO_VALUES],
    ),
    (("liquidation", "fee_rate"), ["-0.1", "-0/1", "2", "0/" + "1" * 78, "+1/2", "/2", "1/", 1, {}]),
    (("liquidation", "cooldown_ms"), ["1", 1.0, *NO_VALUES[:5]]),
    (("liquidation", "cooldown_scope"), ["POOL", "all", "", *NO_VALUES]),
    (("liquidation", "restore"), ["maintenance", {"ratio": "1"}, *NO_VALUES]),
    (("liquidation", "restore", "measure"), ["equity", "", {}, *NO_VALUES]),
    (("liquidation", "restore", "factor"), ["0", "1/2", "-1", "0.999", "1/0", {}, *NO_VALUES]),
    (("mark",), ["on", {"max": "1"}, *NO_VALUES]),
    (("mark",), [{"max_move": bad} for bad in ("0", "-0", "1.01", "-1/2", "1/0", {}, *NO_VALUES)]),
    (("mark",), [{"stale_ms": bad} for bad in ("1", 1.0, *NO_VALUES)]),
    (("account",), ["1/2", {"floor": "1/2"}, *NO_VALUES]),
    (("account",), [{"withdraw_floor": bad} for bad in ("0", "-0", "1.01", "-1/2", "1/0", {}, *NO_VALUES)]),
    (("account",), [{"withdraw_from": bad} for bad in ("Equity", "", "cash", {}, *NO_VALUES)]),
    (("markets", "A", "modes"), ["cross", [], ["both"], ["cross", "cross"], [1], {}, *NO_VALUES]),
    (("markets", "A", "isolated_removal"), ["Never", "", "always", {}, *NO_VALUES]),
    (("trading",), ["split", {"cross": "split"}, *NO_VALUES]),
    (("trading",), [{"crossing": bad} for bad in ("Split", "", "close", {}, *NO_VALUES)]),
    (("margin",), ["up", {"round": "up"}, *NO_VALUES]),
    (("margin",), [{"valuation": bad} for bad in ("ENTRY", "", "cost", {}, *NO_VALUES)]),
    (("margin",), [{"close_fee_rate": bad} for bad in ("-0.1", "1.01", "0.98", "1/0", "", 0, {}, *NO_VALUES)]),
    (("margin",), [{"rounding": bad} for bad in ("UP", "", "nearest", {}, *NO_VALUES)]),
    (("backstop",), [..., {}, [], {"return_fraction": "0"}, *NO_VALUES]),
    (("backstop", "threshold"), [..., "0", "1.5", "-1/2", "2/0", *NO_VALUES]),
    (("markets", "A", "tick"), [..., "0", "-1", "0.00001", *NO_AMOUNTS]),
    (("markets", "A", "lot"), [..., "0", "0.0001", *NO_AMOUNTS]),
    (("markets", "A", "tiers"), [..., [], {}, [[]], [{}], "x", *NO_VALUES]),
    (("markets", "A", "tiers", 0, "above"), [..., "1", "-1", "0.001", *NO_AMOUNTS]),
    (("markets", "A", "tiers", 0, "maintenance_rate"), [..., "0", "-1/40", "1/19", "1", "1/0", *NO_VALUES]),
    (("markets", "A", "tiers", 0, "max_leverage"), [..., 0, 41, "20", 20.0, *NO_VALUES[:5]]),
    (("backstop",), [{"threshold": "1", "measure": bad} for bad in ("TIER", "", "tier", {}, *NO_VALUES)]),
    (("markets", "A", "tiers", 0, "closeout_rate"), ["0", "-1/80", "1/39", "1/0", 0, {}, *NO_VALUES]),
    (("markets", "B", "tiers", 1, "closeout_rate"), ["1/40"]),
    (("markets", "B", "tiers", 1, "above"), ["0", "-5000", "5000.001"]),
    (("markets", "B", "tiers", 1, "maintenance_rate"), ["1/41", "1/9"]),
    (("markets", "B", "tiers", 1, "max_leverage"), [21, 0]),
    (("name",), ["a name of a venue file"]),
    (("provenance",), [{}]),
]


def bad_configurations() -> Iterator[dict[str, Any]]:
    """Configurations that are invalid in one place."""
    for path, faults in _CONFIG_FAULTS:
        for fault in faults:
            config = _changed(CONFIG, path, fault)
            if config != CONFIG:
                yield config


def _changed(value: Any, path: tuple[str | int, ...], fault: Any) -> Any:
    if not path:
        return fault
    name, *rest = path
    if isinstance(value, list):
        return [_changed(item, tuple(rest), fault) if index == name else item for index, item in enumerate(value)]
    if not rest and fault is ...:
        return {key: item for key, item in value.items() if key != name}
    return {**value, name: _changed(value.get(name), tuple(rest), fault)}
