"""Neighbours in a configuration: a parameter that has no effect, another choice, or a rate that is rounded."""

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from liqspec.core.config import Config, Venue
from liqspec.core.parameters import MARKET_PARAMETERS, PARAMETERS, InvalidConfig, Parameter
from liqspec.edge import amounts
from liqspec.edge.texts import words
from liqspec.step.wrong_engines.base import Patch, WrongEngine

_FROM_CONFIG = Venue.from_config
_DECIMALS = (18, 8, 6, 4)  # of a rate, where an engine has fixed numbers
_OF_TIERS = ("maintenance_rate", "closeout_rate")

Plain = dict[str, Any]
Change = Callable[[Plain], None]


def neighbours(config: Plain) -> Iterator[WrongEngine]:
    """The engines that read another configuration in place of this one: in every run, or with its families only."""
    here = _FROM_CONFIG(Config.from_json(config)).families()
    for rule, title, change in _changes(config):
        yield _reading(rule, title, change, None)
        yield _reading(rule, f"{title} with the families of this run", change, here)


def _reading(rule: str, title: str, change: Change, families: frozenset[str] | None) -> WrongEngine:
    def from_config(config: Config, *, shows_prices: bool = False) -> Venue:
        right = _FROM_CONFIG(config, shows_prices=shows_prices)
        if families is not None and right.families() != families:
            return right
        read = config.to_json()
        change(read)
        try:
            return _FROM_CONFIG(Config.from_json(read), shows_prices=shows_prices)
        except InvalidConfig:  # another parameter means nothing with it
            return right

    return WrongEngine(title, rule, title, (Patch(Venue, "from_config", from_config),))


def _changes(config: Plain) -> Iterator[tuple[str, str, Change]]:
    """What can be read in place of what a configuration has: the rule that says what is right, a title, the change."""
    for entry in (*PARAMETERS, *MARKET_PARAMETERS):
        written = [table[entry.name] for table in _tables(config, entry)]
        if not written:
            continue
        if not entry.required:
            yield entry.rule, f"{entry.path} has no effect", partial(_leave_out, entry)
        for other in _choices(entry):
            if any(one != other for one in written) and other != entry.default:
                yield entry.rule, f"{entry.path} is always {json.dumps(other)}", partial(_set, entry, other)
        if "defs/rate" in json.dumps(entry.kind.schema):
            yield from _roundings(entry.path, partial(_tables, entry=entry), entry.name, config)
    for name in _OF_TIERS:
        yield from _roundings(f"the {words(name)} of a tier", partial(_tiers, name), name, config)


def _choices(entry: Parameter) -> tuple[Any, ...]:
    return (True, False) if entry.kind.schema.get("type") == "boolean" else tuple(entry.kind.schema.get("enum", ()))


def _tables(config: Plain, entry: Parameter) -> list[Plain]:
    """The tables of a configuration that have a parameter."""
    held = config["markets"].values() if entry in MARKET_PARAMETERS else [config.get(entry.table) or {}]
    return [table for table in held if entry.name in table]


def _tiers(name: str, config: Plain) -> list[Plain]:
    return [tier for market in config["markets"].values() for tier in market["tiers"] if name in tier]


def _leave_out(entry: Parameter, config: Plain) -> None:
    for table in _tables(config, entry):
        del table[entry.name]


def _set(entry: Parameter, value: Any, config: Plain) -> None:
    for table in _tables(config, entry):
        table[entry.name] = value


def _roundings(
    path: str, tables: Callable[[Plain], list[Plain]], name: str, config: Plain
) -> Iterator[tuple[str, str, Change]]:
    """AMT-5: the engines that compute with a rate of fewer places."""
    for places in _DECIMALS:

        def change(read: Plain, places: int = places) -> None:
            for table in tables(read):
                table[name] = _rounded(table[name], places)

        if any(table[name] != _rounded(table[name], places) for table in tables(config)):
            yield "AMT-5", f"{path} has {places} decimals", change


def _rounded(written: Any, places: int) -> Any:
    """A rate, or a table with one, rounded down."""
    if isinstance(written, dict):
        return {name: _rounded(value, places) for name, value in written.items()}
    try:
        rate = amounts.rate(written)
    except amounts.MalformedAmount:  # a name
        return written
    rounded = Fraction(rate * 10**places // 1, 10**places)
    return written if rounded == rate else amounts.decimal_text(rounded)
