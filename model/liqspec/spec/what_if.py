"""A scenario under other rules: another venue's, or with some parameters set otherwise. Nothing is expected of it."""

import tomllib
from collections.abc import Iterable
from typing import Any

from attrs import evolve

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.parameters import MARKET_PARAMETERS, PARAMETERS, TABLES, Parameter, tables_of
from liqspec.edge.errors import InvalidField, InvalidInput
from liqspec.edge.texts import did_you_mean, placed
from liqspec.spec import venues
from liqspec.spec.scenarios import Scenario

LEFT_OUT, AS_WRITTEN = "none", "scenario"


class InvalidSetting(InvalidInput):
    """A question that cannot be asked: the option, and what is wrong with it."""


def altered(scenario: Scenario, venue: str | None = None, settings: Iterable[str] = ()) -> Scenario:
    """The scenario under the rules of another venue, then with these settings, each `TABLE.PARAMETER=VALUE`.

    A venue that has all the scenario's markets brings its own markets; of one that has not, the rules are used in the
    scenario's markets. What the scenario changed of its venue is then left out. Its expectations, and an engine's
    answers, are left out: they are about the rules that it was written for.

    Raises:
        UnreadableFile, InvalidVenueFile: the venue cannot be read, or is not valid.
        InvalidSetting: a setting is malformed, names no parameter, or makes no valid configuration.
    """
    settings = tuple(settings)
    data, option = scenario.config.to_json(), ""
    name = scenario.file.venue
    if venue is not None:
        loaded = venues.load(venue)
        data, name, option = _under(data, loaded), loaded.name, f"--venue {venue}"
        config = _valid(data, option)
    for setting in settings:
        data, option = _set(data, setting), f"--set {setting}"
        config = _valid(data, option)
    if not option:
        return scenario
    steps = tuple(evolve(step, answered=None) for step in scenario.file.step)
    file = evolve(scenario.file, step=steps, engine=None, venue=", ".join((name or "its own rules", *settings)))
    return evolve(scenario, file=file, config=config, expects=False)


def other(scenario: Scenario, against: str) -> Scenario:
    """The scenario that another run of it is compared with: under a venue, or as it is written (`scenario`).

    Raises:
        UnreadableFile, InvalidVenueFile, InvalidSetting: as `altered` does.
    """
    return scenario if against == AS_WRITTEN else altered(scenario, against)


def _valid(data: dict[str, Any], option: str) -> Config:
    try:
        config = Config.from_json(data)
        Engine(config)
    except InvalidField as error:
        raise InvalidSetting(f"{option}: {placed(error.path, error.message)}") from None
    return config


def _under(data: dict[str, Any], venue: venues.VenueFile) -> dict[str, Any]:
    """The configuration under a venue's rules."""
    if data["markets"].keys() <= venue.markets.keys():
        made = venue.config(accounts=tuple(data["accounts"]), marks=data["marks"]).to_json()
        return {**made, "vault": data["vault"], "time": data["time"]}
    rules = tables_of(venue.config(accounts=(), marks={}).to_json())
    return {**{name: value for name, value in data.items() if name not in TABLES}, **rules}


def _set(data: dict[str, Any], setting: str) -> dict[str, Any]:
    """The configuration with one setting."""
    path, equals, text = (part.strip() for part in setting.partition("="))
    if not equals or not path or not text:
        raise InvalidSetting(f"--set {setting}: expected TABLE.PARAMETER=VALUE, such as liquidation.cooldown_ms=60000")
    places = _places(data)
    if path not in places:
        hint = did_you_mean(path, places) or "; spec/parameters.md lists them"
        raise InvalidSetting(f"--set {setting}: no parameter {path}{hint}")
    place, declared = places[path]
    return _with(data, place, _value(setting, text, declared))


def _places(data: dict[str, Any]) -> dict[str, tuple[tuple[str, ...], Parameter | None]]:
    """What can be set, by its path: where it is, and what is declared of it if it is a parameter of the rules."""
    places: dict[str, tuple[tuple[str, ...], Parameter | None]]
    places = {one.path: ((one.table, one.name), one) for one in PARAMETERS}
    for market in data["markets"]:
        places[f"marks.{market}"] = ("marks", market), None
        for name in ("tick", "lot", "tiers"):
            places[f"markets.{market}.{name}"] = ("markets", market, name), None
        for one in MARKET_PARAMETERS:
            places[f"markets.{market}.{one.name}"] = ("markets", market, one.name), one
    return {**places, "vault.cash": (("vault", "cash"), None)}


def _value(setting: str, text: str, declared: Parameter | None) -> Any:
    """The value as a configuration writes it: amounts and rates as texts, all else as in TOML."""
    if text == LEFT_OUT and declared is not None:
        return None
    schema = {} if declared is None else declared.kind.schema
    if text[0] not in "[{" and schema.get("type") != "boolean" and "integer" not in schema.get("$ref", ""):
        return text.strip('"')
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        values = "a list or a table as in TOML" if declared is None else declared.kind.values
        raise InvalidSetting(f"--set {setting}: expected {values}") from None


def _with(data: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Plain data with the value at a place; None leaves it out."""
    name, *rest = place
    if rest:
        return {**data, name: _with(data.get(name) or {}, tuple(rest), value)}
    return {**{one: kept for one, kept in data.items() if one != name}, **({} if value is None else {name: value})}
