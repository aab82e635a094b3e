"""The naive checker's admission: which refusal an event must get, written from `spec/` (EVT-2) and sharing no code."""

import re
from typing import Any

from liqspec.properties.checker import measures
from liqspec.properties.checker.exact import ZERO, Fraction, number
from liqspec.properties.checker.measures import Change, NaivePool, NaiveRules, View

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_MAX_DIGITS = 78
_MAX_INTEGER = 2**53 - 1

# EVT-1: the fields of each event, in order. "+" above 0, "!" not 0, "~" any; then the grid, or a special kind.
_FIELDS: dict[str, dict[str, str]] = {
    "deposit": {"account": "account", "amount": "+quote"},
    "withdraw": {"account": "account", "amount": "+quote"},
    "transfer": {"account": "account", "market": "market", "amount": "!quote"},
    "trade": {
        "account": "account",
        "market": "market",
        "mode": "mode",
        "size": "!lot",
        "price": "+tick",
        "leverage": "integer?",
    },
    "mark_price": {"market": "market", "price": "+tick"},
    "marks": {"prices": "prices"},
    "fill": {"account": "account", "market": "market", "mode": "mode", "size": "+lot", "price": "+tick"},
    "order_done": {"account": "account", "market": "market", "mode": "mode"},
    "funding": {"market": "market", "payment": "~quote"},
    "vault_trade": {"market": "market", "size": "!lot", "price": "+tick"},
    "vault_cash": {"amount": "!quote"},
    "block": {"time": "integer"},
}


def expected_refusal(
    rules: NaiveRules, view: View, marks: dict[str, Fraction], leverages: dict[str, int], event: Any
) -> str | None:
    """The code that the event must be refused with, or None if it must be accepted (EVT-2)."""
    if not _well_formed(event):
        return "bad_request"
    return _unknown_or_off_grid(rules, view, event) or _own_refusal(rules, view, marks, leverages, event)


def _well_formed(event: Any) -> bool:
    if not isinstance(event, dict) or not isinstance(event.get("type"), str) or event["type"] not in _FIELDS:
        return False
    fields = _FIELDS[event["type"]]
    if any(name != "type" and name not in fields for name in event):
        return False
    return all(_is_a(kind, event[name]) if name in event else kind.endswith("?") for name, kind in fields.items())


def _is_a(kind: str, value: Any) -> bool:
    if kind in ("integer", "integer?"):
        return type(value) is int and 0 <= value <= _MAX_INTEGER
    if kind == "prices":
        return isinstance(value, dict) and bool(value) and all(_is_number(price) for price in value.values())
    if kind == "mode":
        return value in ("cross", "isolated")
    return isinstance(value, str) if kind in ("account", "market") else _is_number(value)


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, str)
        and value.isascii()
        and _NUMBER.fullmatch(value) is not None
        and sum(character.isdigit() for character in value) <= _MAX_DIGITS
    )


def _unknown_or_off_grid(rules: NaiveRules, view: View, event: dict[str, Any]) -> str | None:
    """EVT-2, checks 2 to 5."""
    if "account" in event and f"{event['account']}/cross" not in view.pools:
        return "unknown_account"
    named = sorted(event["prices"]) if event["type"] == "marks" else [event["market"]] if "market" in event else []
    if any(market not in rules.markets for market in named):
        return "unknown_market"
    amounts = []
    for name, kind in _FIELDS[event["type"]].items():
        if kind[0] in "+!~":
            step = rules.quote if kind[1:] == "quote" else getattr(rules.markets[event["market"]], kind[1:])
            amounts.append((number(event[name]), step, kind[0]))
    if event["type"] == "marks":
        amounts = [(number(price), rules.markets[market].tick, "+") for market, price in event["prices"].items()]
    if any((value / step).denominator != 1 for value, step, _ in amounts):
        return "off_grid"
    if any((sign == "+" and value <= 0) or (sign == "!" and value == 0) for value, _, sign in amounts):
        return "not_positive"
    return None


def _own_refusal(
    rules: NaiveRules, view: View, marks: dict[str, Fraction], leverages: dict[str, int], event: dict[str, Any]
) -> str | None:
    """EVT-2, check 6."""
    kind = event["type"]
    if kind in ("withdraw", "transfer"):
        amount = number(event["amount"])
        pool = f"{event['account']}/cross"
        if amount < 0:
            pool = f"{event['account']}/{event['market']}/isolated"
        return _outflow(rules, view, marks, leverages, pool, abs(amount))
    if kind == "trade":
        return _trade(rules, view, marks, leverages, event)
    if kind in ("fill", "order_done"):
        position = view.positions.get(measures.event_position(event))
        if position is None or position.order is None:
            return "no_working_order"
        return "overfill" if kind == "fill" and number(event["size"]) > position.order else None
    if kind == "block":
        if event["time"] <= view.time:
            return "time_not_after"
        return "order_working" if any(pool.order_working() for pool in view.pools.values()) else None
    return None


def _outflow(
    rules: NaiveRules, view: View, marks: dict[str, Fraction], leverages: dict[str, int], key: str, amount: Fraction
) -> str | None:
    """ACC-5, ACC-6."""
    pool = view.pools.get(key)
    if pool is not None and pool.order_working():
        return "order_working"
    if pool is not None and pool.in_liquidation:
        return "in_liquidation"
    before = Change(ZERO, {}) if pool is None else Change(pool.collateral, measures.holdings_of(pool))
    equity = measures.equity(before.collateral, before.holdings, marks) - amount
    return "insufficient_margin" if equity < _initial(rules, before, marks, leverages) else None


def _trade(
    rules: NaiveRules, view: View, marks: dict[str, Fraction], leverages: dict[str, int], event: dict[str, Any]
) -> str | None:
    """ACC-7."""
    key = measures.event_position(event)
    pool = view.pools.get(measures.event_pool(event))
    position = view.positions.get(key)
    held, size = ZERO if position is None else position.size, number(event["size"])
    if position is not None and position.state == "backstopped":
        return "not_open"
    if pool is not None and pool.order_working():
        return "order_working"
    if held * size < 0 and abs(size) > abs(held):
        return "crosses_zero"
    (after,) = measures.changes(rules, view, marks, event).values()
    if held * size < 0:
        return _reduction(rules, pool, marks, after, event)
    if pool is not None and (pool.in_liquidation or any(p.state == "partially_liquidated" for p in pool.positions)):
        return "in_liquidation"
    leverage = event.get("leverage", leverages.get(key) if held else None)
    if leverage is None or not 1 <= leverage <= rules.markets[event["market"]].tiers[0].max_leverage:
        return "bad_leverage"
    equity = measures.equity(after.collateral, after.holdings, marks)
    required = _initial(rules, after, marks, {**leverages, key: leverage})
    return "insufficient_margin" if equity < required else None


def _reduction(
    rules: NaiveRules, pool: NaivePool | None, marks: dict[str, Fraction], after: Change, event: dict[str, Any]
) -> str | None:
    """ACC-9, its four clauses one by one."""
    if "leverage" in event:
        return "bad_leverage"
    assert pool is not None, "only a position can be reduced"
    holdings = measures.holdings_of(pool)
    equity_before = measures.equity(pool.collateral, holdings, marks)
    margin_before = measures.maintenance_margin(rules, holdings, marks)
    equity = measures.equity(after.collateral, after.holdings, marks)
    margin = measures.maintenance_margin(rules, after.holdings, marks)
    closed_clean = not after.holdings and equity >= min(ZERO, equity_before)
    covered = equity >= margin
    not_worse = 0 <= equity_before < margin_before and equity * margin_before >= equity_before * margin
    not_deeper = equity_before < 0 and equity >= equity_before
    return None if closed_clean or covered or not_worse or not_deeper else "insufficient_margin"


def _initial(rules: NaiveRules, pool: Change, marks: dict[str, Fraction], leverages: dict[str, int]) -> Fraction:
    """MRG-7."""
    return sum(
        (
            rules.initial_margin(held.market, abs(held.size) * marks[held.market], leverages[key])
            for key, held in pool.holdings.items()
        ),
        ZERO,
    )
