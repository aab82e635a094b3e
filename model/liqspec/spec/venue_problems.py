"""All that is wrong with a venue file: what is refused is left out, and the rest is checked once more."""

import copy
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import attrs

from liqspec.core.config import MarketConfig, TierConfig
from liqspec.core.parameters import PARAMETERS, TABLES, InvalidConfig
from liqspec.edge import files, shapes
from liqspec.edge.errors import InvalidField
from liqspec.spec import venues
from liqspec.spec.venues import VenueFile

MOST = 100  # problems that are looked for in one file; each takes a look at all of it, so in a large one fewer
_LOOKED_AT = 2**22  # characters in all these looks
# What each market and each venue must have, and what may be in a tier.
_OF_MARKET = {one.name for one in attrs.fields(MarketConfig) if one.default is attrs.NOTHING}
_OF_TIER = {one.name for one in attrs.fields(TierConfig)}
_STAND_INS: dict[str, Any] = {"name": "x", "title": "x", "description": "x", "backstop": {"threshold": "1"}}


def problems(name_or_path: str) -> list[str]:
    """What is wrong with a venue, one line for each problem: the file, the line, the field, and why it is refused.

    Empty if the venue is valid. At most MOST problems, and of a large file only the first, the last line of which then
    says so; a problem that only follows from another one is left out.

    Raises:
        UnreadableFile: the venue does not exist, or its file cannot be read.
    """
    path = venues.path_of(name_or_path)
    text = files.read_text(path)
    most = max(2, min(MOST, _LOOKED_AT // max(1, len(text))))
    found = [files.place_of(text, path, error) for _, error in zip(range(most), _wrong(text, path, most), strict=False)]
    more = [f"{path}: there may be more; correct these first"] if len(found) == most else []
    return [*(message for _, message in sorted(found, key=lambda one: one[0])), *more]


def _wrong(text: str, path: Path, most: int) -> Iterator[InvalidField]:
    try:
        data = files.parse_toml(text, path)
        venues.check_kind(data)
    except InvalidField as error:
        yield error
        return
    rest: Any = data
    reported: set[str] = set()
    for mismatch in chain(shapes.mismatches(data, VenueFile), _refused_values(data)):
        if mismatch.path not in reported:
            yield mismatch
        reported.add(mismatch.path)
        rest = _without(rest, mismatch.path) if rest else rest
    before = None
    for _ in range(most):
        if not rest or rest == before:
            return
        before = rest
        try:
            venues.built(rest)
        except InvalidField as error:
            if error.path not in reported and not _follows(error, reported):
                yield error
            reported.add(error.path)
            rest = _without(rest, error.path)


def _refused_values(data: dict[str, Any]) -> Iterator[shapes.WrongShape]:
    """The values that are of the right type and malformed, also where another field of their table is wrong."""
    for table, shape in TABLES.items():
        yield from shapes.refused_values(data.get(table), shape, table)
    markets = data.get("markets")
    for market, rules in markets.items() if isinstance(markets, dict) else ():
        path = f"markets.{market}"
        yield from shapes.refused_values(rules, MarketConfig, path)
        tiers = rules.get("tiers") if isinstance(rules, dict) else None
        for number, tier in enumerate(tiers, start=1) if isinstance(tiers, list) else ():
            yield from shapes.refused_values(tier, TierConfig, f"{path}.tiers[{number}]")


def _follows(error: InvalidField, reported: set[str]) -> bool:
    """Whether something is refused only because something else was left out before."""
    if not isinstance(error, InvalidConfig):
        return not error.path.startswith("provenance.")  # all other mistakes of shape are known before
    return any(
        one.path == error.path and one.only_with and f"{one.table}.{one.only_with[0]}" in reported for one in PARAMETERS
    )


def _without(data: Any, path: str) -> Any:
    """A copy without the least part around this path that may be left out; {} if nothing more can be said."""
    rest = copy.deepcopy(data)
    table, _, below = path.partition(".")
    name = below.partition(".")[0].partition("[")[0]
    inside = rest.get(table) if below else None
    if table == "backstop":
        kept = inside if isinstance(inside, dict) else {}
        rest[table] = {**_STAND_INS[table], **{key: one for key, one in kept.items() if key != name}}
    elif table in _STAND_INS:
        rest[table] = _STAND_INS[table]
    elif table == "markets" and isinstance(inside, dict):
        _leave_out_of_market(inside, below, _stand_in_market(rest))
    elif table in ("markets", "quote_unit", ""):
        return {}
    elif table == "provenance" and isinstance(inside, dict):
        rest[table] = {key: one for key, one in inside.items() if below != key and not below.startswith(f"{key}.")}
    elif isinstance(inside, dict):
        inside.pop(name, None)
    else:
        rest.pop(table.partition("[")[0], None)
    return rest


def _stand_in_market(data: dict[str, Any]) -> dict[str, Any]:
    """A market that is valid whatever the rest of the venue is."""
    tier = {"above": "0", "maintenance_rate": "1/1000000", "closeout_rate": "1/1000000", "max_leverage": 1}
    return {"tick": data.get("quote_unit", "0.000001"), "lot": "1", "tiers": [tier]}


def _leave_out_of_market(markets: dict[str, Any], below: str, stand_in: dict[str, Any]) -> None:
    """Leave out a field that a market need not have, or its tiers from one on; or put a valid one in its place."""
    market = next((name for name in markets if below == name or below.startswith(f"{name}.")), None)
    if market is None:
        return
    rules, inner = markets[market], below[len(market) + 1 :]
    tier, _, name = inner.removeprefix("tiers").partition(".")
    number = int(tier.strip("[]")) if tier.strip("[]").isdigit() else 0
    if inner and not inner.startswith("tiers") and inner not in _OF_MARKET:
        rules.pop(inner, None)
    elif name and name not in _OF_TIER:
        if number < len(rules["tiers"]):
            rules["tiers"][number].pop(name, None)
    elif number:
        del rules["tiers"][number:]
    else:
        if not inner:  # its name may be what is wrong
            del markets[market]
        markets[market if inner else "stand-in"] = stand_in
