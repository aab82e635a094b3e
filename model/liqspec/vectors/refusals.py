"""The cases about refusals: every code of every event, and of each two neighbouring checks that fail, the first.

How a check is made to fail is written here; which checks there are, in which order, is read from `spec/refusals.toml`.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from liqspec.core.admission import Listed, Situation, amount_fields
from liqspec.core.events import CHECKS, EVENTS, checks_with
from liqspec.core.refusals import MarketSettled, ModeNotAllowed, NoPrice, Refusal, RemovalNotAllowed, WorseThanLimit
from liqspec.spec.vectors import Case

Fields = dict[str, Any]

_TIERS = [
    {"above": "0", "maintenance_rate": "1/10", "max_leverage": 5},
    {"above": "1000", "maintenance_rate": "1/5", "max_leverage": 2},
]
_MARKET = {"tick": "1", "lot": "1", "tiers": _TIERS}
CONFIG: dict[str, Any] = {
    "quote_unit": "1",
    "markets": {"A": _MARKET, "B": _MARKET},
    "marks": {"A": "100", "B": "100"},
    "accounts": ["alice"],
    "backstop": {"threshold": "2/3"},
}

_KEY = {"account": "alice", "market": "A", "mode": "cross"}
_DEPOSIT = {"type": "deposit", "account": "alice", "amount": "200"}
_OPEN = {"type": "trade", **_KEY, "size": "10", "price": "100", "leverage": 5}

# Ten long A from 100 with 200 of collateral; at 88 equity is 80 and the margin 88, at 85 they are 50 and 85.
_HOLDING: list[Fields] = [_DEPOSIT, _OPEN]
_WORKING = [*_HOLDING, {"type": "mark_price", "market": "A", "price": "88"}]
_WAITING = [*_WORKING, {"type": "order_done", **_KEY}]
_BACKSTOPPED = [*_WAITING, {"type": "mark_price", "market": "A", "price": "85"}]
# The vault has taken A; B was opened after it in the same pool, and has an order working.
_BACKSTOPPED_AND_WORKING = [
    *_BACKSTOPPED,
    _DEPOSIT,
    {**_OPEN, "market": "B"},
    {"type": "mark_price", "market": "B", "price": "88"},
]
# Ten long A in mode isolated, with 300 of collateral.
_RESTRICTED: list[Fields] = [
    {**_DEPOSIT, "amount": "500"},
    {"type": "transfer", "account": "alice", "market": "A", "amount": "300"},
    {**_OPEN, "mode": "isolated"},
]

_AMOUNT = {
    **dict.fromkeys(("trade", "fill", "vault_trade", "mark_price", "settle"), "price"),
    "funding": "payment",
    "price_inputs": "index",
}

_SITUATIONS: dict[Situation, list[Fields]] = {
    "holding": _HOLDING,
    "working": _WORKING,
    "waiting": _WAITING,
    "backstopped": _BACKSTOPPED,
    "forming": _HOLDING,
    "restricted": _RESTRICTED,
    "limited": _WORKING,
    "settled": [*_RESTRICTED, {"type": "settle", "market": "B", "price": "100"}],
}
_RESTRICTING = {"markets": {"A": {**_MARKET, "isolated_removal": "never"}, "B": {**_MARKET, "modes": ["isolated"]}}}
# What the configuration of a check has that can fail only there.
_CONFIGS: dict[type[Refusal], dict[str, Any]] = {
    NoPrice: {"mark": {}},
    MarketSettled: _RESTRICTING,
    ModeNotAllowed: _RESTRICTING,
    RemovalNotAllowed: _RESTRICTING,
    WorseThanLimit: {"liquidation": {"order_price": "bankruptcy"}},
}
# Where the situation of the first check of a pair does not make the second fail too.
_BOTH: dict[tuple[str, str, str], tuple[list[Fields], Fields]] = {
    ("increasing trade", "not_open", "order_working"): (_BACKSTOPPED_AND_WORKING, {}),
    ("reducing trade", "not_open", "order_working"): (_BACKSTOPPED_AND_WORKING, {"size": "-1"}),
    ("block", "time_not_after", "order_working"): (_WORKING, {"time": 0}),
}
# An amount that only must not be 0 cannot be 0 and off its grid.
IMPOSSIBLE = {
    (kind, "off_grid", "not_positive")
    for kind, event in EVENTS.items()
    if {sign for _, _, sign in amount_fields(event)} == {"nonzero"}
}


def cases() -> Iterator[Case]:
    """All cases about refusals, in the order of the table."""
    for name, listed in _events():
        for check in listed:
            situation, fields = _failing(name, check.code)
            title = f"{name}: {check.code}, because {check.meaning}"
            yield _case(name, check, check.code, title, situation, fields)
        for first, second in _neighbours(listed):
            if (name, first.code, second.code) not in IMPOSSIBLE:
                situation, fields = _failing_both(name, first.code, second.code)
                title = f"{name}: where {first.code} and {second.code} both fail, the answer is {first.code}"
                yield _case(name, first, f"{first.code}-before-{second.code}", title, situation, fields)


def _neighbours(listed: list[Listed]) -> list[tuple[Listed, Listed]]:
    """Each two checks that follow each other, also for an engine that has none of the optional ones."""
    every, usual = list(pairwise(listed)), pairwise(check for check in listed if not check.optional)
    return [*every, *(pair for pair in usual if pair not in every)]


def _events() -> Iterator[tuple[str, list[Listed]]]:
    """Each event with its checks; trades of both sorts."""
    for kind, listed in CHECKS.items():
        if kind == "trade":
            for sort in ("increasing", "reducing"):
                yield f"{sort} trade", [check for check in listed if check.of in (None, sort)]
        else:
            yield kind, list(listed)


def _own(name: str, code: str) -> tuple[list[Fields], Fields] | None:
    """The situation and the fields in which a check of the event's own fails; None for those of all events."""
    for check in checks_with(name.rpartition(" ")[2], code):
        if check.example is not None and (check.of is None or check.of in name):
            situation, fields = check.example
            reducing = {"size": "-1"} if name == "reducing trade" else {}
            return _SITUATIONS[situation], {**reducing, **fields}
    return None


def _failing(name: str, code: str) -> tuple[list[Fields], Fields]:
    return _own(name, code) or (_HOLDING, _malformed(name.rpartition(" ")[2], code))


def _failing_both(name: str, first: str, second: str) -> tuple[list[Fields], Fields]:
    if (name, first, second) in _BOTH:
        return _BOTH[name, first, second]
    (situation, own), (later, other) = _failing(name, first), _failing(name, second)
    if _own(name, second) and not _own(name, first):
        situation = later
    if (first, second) == ("off_grid", "not_positive"):
        return situation, {field: _negative(value) for field, value in own.items()}
    return situation, {**other, **own}


def _malformed(kind: str, code: str) -> Fields:
    """The fields that make a check fail that all events share."""
    if kind == "marks":
        prices = {"unknown_market": {"C": "100"}, "off_grid": {"A": "100.5"}, "not_positive": {"A": "0"}}
        return {"prices": prices[code]} if code in prices else {"extra": 1}
    amount = _AMOUNT.get(kind, "amount")
    malformed: dict[str, Fields] = {
        "bad_request": {"extra": 1},
        "unknown_account": {"account": "nobody"},
        "unknown_market": {"market": "C"} if "market" in EVENTS[kind].example else {"mode": "isolated", "market": "C"},
        "off_grid": {amount: "0.5"},
        "not_positive": {amount: "0"},
    }
    return malformed[code]


def _negative(value: Any) -> Any:
    return {name: _negative(amount) for name, amount in value.items()} if isinstance(value, dict) else f"-{value}"


def _case(name: str, check: Listed, shown: str, title: str, situation: list[Fields], fields: Fields) -> Case:
    kind = name.rpartition(" ")[2]
    written = {"type": kind, **EVENTS[kind].example, **fields}
    event = {field: value for field, value in written.items() if value is not None}
    if name == "reducing trade" and "leverage" not in fields:
        del event["leverage"]
    return Case(
        venue="small",
        suite="refusals",
        name=f"{name}-{shown}".replace("_", "-").replace(" ", "-"),
        title=title,
        rules=(check.rule, *(["EVT-2"] if check.rule != "EVT-2" else [])),
        provenance="written from spec/refusals.toml",
        config={**CONFIG, **_CONFIGS.get(check.refusal, {})},
        events=(*situation, event),
    )
