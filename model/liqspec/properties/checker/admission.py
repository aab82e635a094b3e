"""The naive checker's admission: the checks that all events share, and then each event's own (EVT-2)."""

import re
from functools import lru_cache
from typing import Any

from liqspec.properties.checker.events import EVENTS, NaiveEvent
from liqspec.properties.checker.exact import number
from liqspec.properties.checker.measures import NaiveRules, View

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_MAX_DIGITS = 78
_MAX_INTEGER = 2**53 - 1


def expected_refusal(event: NaiveEvent) -> str | None:
    """The code that the event must be refused with, or None if it must be accepted (EVT-2)."""
    if not _well_formed(event.data):
        return "bad_request"
    return _unknown_or_off_grid(event.memory.rules, event.before, event.data) or event.refusal()


def _well_formed(event: Any) -> bool:
    if not isinstance(event, dict) or not isinstance(event.get("type"), str) or event["type"] not in EVENTS:
        return False
    fields = EVENTS[event["type"]].fields
    if any(name != "type" and name not in fields for name in event):
        return False
    if fields.get("market") == "market?" and (event.get("mode") == "isolated") != ("market" in event):
        return False
    return all(_is_a(kind, event[name]) if name in event else kind.endswith("?") for name, kind in fields.items())


def _is_a(kind: str, value: Any) -> bool:
    if kind in ("integer", "integer?"):
        return type(value) is int and 0 <= value <= _MAX_INTEGER
    if kind == "prices":
        return isinstance(value, dict) and bool(value) and all(_is_number(price) for price in value.values())
    if kind == "perps?":
        return isinstance(value, list) and bool(value) and all(_is_perp(entry) for entry in value)
    if kind == "mode":
        return value in ("cross", "isolated")
    return isinstance(value, str) if kind.rstrip("?") in ("account", "market") else _is_number(value)


def _is_perp(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.keys() == {"price", "weight"}
        and _is_number(entry["price"])
        and _is_a("integer", entry["weight"])
        and entry["weight"] > 0
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_DIGITS + len("-.") and _is_written_as_number(value)


@lru_cache(maxsize=1 << 12)  # the same few are read again and again
def _is_written_as_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) and sum(character.isdigit() for character in text) <= _MAX_DIGITS


def _unknown_or_off_grid(rules: NaiveRules, view: View, event: dict[str, Any]) -> str | None:
    """EVT-2, checks 2 to 5."""
    if "account" in event and f"{event['account']}/cross" not in view.pools:
        return "unknown_account"
    named = sorted(event["prices"]) if event["type"] == "marks" else [event["market"]] if "market" in event else []
    if any(market not in rules.markets for market in named):
        return "unknown_market"
    amounts = []
    for name, kind in EVENTS[event["type"]].fields.items():
        if kind[0] in "+!~" and name in event:
            grid = kind[1:].rstrip("?")
            step = rules.quote if grid == "quote" else getattr(rules.markets[event["market"]], grid)
            amounts.append((number(event[name]), step, kind[0]))
    for perp in event.get("perps", ()):
        amounts.append((number(perp["price"]), rules.markets[event["market"]].tick, "+"))
    if event["type"] == "marks":
        amounts = [(number(price), rules.markets[market].tick, "+") for market, price in event["prices"].items()]
    if any((value / step).denominator != 1 for value, step, _ in amounts):
        return "off_grid"
    if any((sign == "+" and value <= 0) or (sign == "!" and value == 0) for value, _, sign in amounts):
        return "not_positive"
    return None
