"""A rule set in words: each parameter with its value, where that comes from, and what it means."""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

import attrs
from attrs import frozen

from liqspec.core.parameters import MARKET_PARAMETERS, PARAMETERS, TABLES, Parameter, of_table
from liqspec.edge import files
from liqspec.edge.texts import thousands
from liqspec.spec.venues import VenueFile

Origin = Literal["documented", "assumed", "default", "not said"]


@frozen
class Worded:
    """A parameter of a venue: its path, value (None: left out), origin, rule, and meaning."""

    path: str
    value: Any
    origin: Origin
    rule: str
    meaning: str


def in_short(venue: VenueFile) -> str:
    """The rules in a sentence, and what each market restricts."""
    tables = {entry.table: getattr(venue, entry.table) for entry in PARAMETERS}
    said = [entry.note(tables[entry.table]) for entry in PARAMETERS if entry.note is not None and tables[entry.table]]
    for name, market in venue.markets.items():
        of_market = filter(None, (entry.note(market) for entry in MARKET_PARAMETERS if entry.note is not None))
        said += [f"{name}: {text}" for text in of_market]
    return "; ".join(filter(None, said))


def of(venue: VenueFile) -> Iterator[Worded]:
    """The unit of money, the markets with their grids, tiers and restrictions, then the tables of the rules."""
    unit = "The grid of money, of which every amount is a whole number."
    yield Worded("quote_unit", venue.quote_unit, _origin(venue, "quote_unit"), "AMT-2", unit)
    for market, rules in venue.markets.items():
        path = f"markets.{market}"
        for name, rule, meaning in (
            ("tick", "AMT-4", "The grid of prices."),
            ("lot", "AMT-4", "The grid of sizes."),
        ):
            yield Worded(f"{path}.{name}", getattr(rules, name), _origin(venue, f"{path}.{name}"), rule, meaning)
        for number, tier in enumerate(rules.tiers, start=1):
            value = f"above {thousands(tier.above)}: {tier.maintenance_rate}, at most {tier.max_leverage}x"
            meaning = "From this notional on: the maintenance rate, and the largest leverage."
            yield Worded(f"{path}.tiers {number}", value, _origin(venue, f"{path}.tiers"), "MRG-4", meaning)
        for one in MARKET_PARAMETERS:
            if (value := getattr(rules, one.name)) is not None:
                where = f"{path}.{one.name}"
                yield Worded(
                    where,
                    list(value) if isinstance(value, tuple) else value,
                    _origin(venue, where),
                    one.rule,
                    _meaning(one, value),
                )
    for table in TABLES:
        config = getattr(venue, table)
        for one in of_table(table):
            value = one.default if config is None else getattr(config, one.name)
            if value is None or value is attrs.NOTHING:
                continue
            origin = _origin(venue, one.path)
            plain = attrs.asdict(value) if attrs.has(type(value)) else value
            if origin == "not said" and value == one.default:
                origin = "default"
            yield Worded(one.path, plain, origin, one.rule, _meaning(one, plain))


def _meaning(one: Parameter, value: Any) -> str:
    """What this value of a parameter means; what the parameter is where its values need no words."""
    return one.answers.get(value, one.meaning) if one.answers else one.meaning


def template(name: str) -> str:
    """The text of a venue's file to begin with, under this name."""
    text = files.read_text(files.ROOT / "venues" / "generic.toml")
    head = "# A rule set to begin with. spec/parameters.md has every parameter; what is left out has its default."
    body = (
        text.partition("\n")[2]
        .replace('"generic"', json.dumps(name))
        .replace("The rules at their plainest", "My venue")
    )
    for pattern in (r"(?<=description = )", r"(?<=note = )"):
        body = re.sub(f'{pattern}".*"', '"Not compared with the documents of the venue yet."', body)
    return f"{head}\n{body}"


def _origin(venue: VenueFile, path: str) -> Origin:
    """What the file says of this path, or of the nearest one above it (CFG-4)."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        if (found := venue.provenance.get(".".join(parts[:length]))) is not None:
            return found.status
    return "not said"
