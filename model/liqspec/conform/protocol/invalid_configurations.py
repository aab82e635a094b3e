"""Configurations that are invalid in one place (CFG-1 to CFG-3); for parameters, made from their declarations."""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from liqspec.conform.protocol.malformed_values import NO_AMOUNTS, NO_INTEGERS, NO_RATES, NO_VALUES
from liqspec.conform.protocol.odd_configurations import highest_fee
from liqspec.core import parameters
from liqspec.core.config import quote_unit_of
from liqspec.core.parameters import SHARE_ABOVE_0, Parameter
from liqspec.edge import keys
from liqspec.edge.amounts import decimal_text, exact

Path = tuple[str | int, ...]
REMOVED = object()  # in place of a value: the field is left out

_NO_TABLES: tuple[Any, ...] = ([], "x", {"x": 1}, *NO_VALUES)


def invalid_configurations(config: dict[str, Any], families: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """Valid configurations with one wrong place, each with the path of it; of these families alone."""
    given = json.dumps(config)
    for path, faults in _faults(config, families):
        for fault in faults:
            changed = _changed(config, path, fault)
            if json.dumps(changed) != given:  # 1 and true are equal in Python
                yield ".".join(map(str, path)) or "config", changed


def _faults(config: dict[str, Any], families: frozenset[str]) -> Iterator[tuple[Path, list[Any]]]:
    unit = exact(quote_unit_of(config))
    off_unit = decimal_text(unit / 10)
    yield (), [{}, [], "x", *NO_VALUES]
    yield ("accounts",), [REMOVED, ["a", "a"], [1], {}, "alice", *NO_VALUES[:6]]
    yield ("accounts",), [[name] for name in ("", "a/b", "a b", "x" * 129, "a\u200b", "\ufeff")]
    yield ("accounts",), [[f"a{chr(point)}"] for point in sorted({*keys.at_the_edges()}) if keys.is_refused(point)]
    yield ("quote_unit",), ["0", "-1", "-0", *NO_AMOUNTS]
    yield ("time",), list(NO_INTEGERS)
    yield ("vault",), [[], "1", {"cash": off_unit}, {"cash": 1}, {"gold": "1"}, *NO_VALUES]
    yield ("name",), ["a name of a venue file"]
    yield ("provenance",), [{}]
    yield from _market_faults(config, off_unit)
    yield from _nearly_valid_tiers(config, families)
    name = next(iter(config["markets"]))
    for entry in parameters.MARKET_PARAMETERS:
        if entry.family in families:
            yield ("markets", name, entry.name), _no_values(entry, off_unit)
    for table in parameters.TABLES:
        if table not in parameters.OWN_TABLE or table in families:
            required = [entry.name for entry in parameters.of_table(table) if entry.required]
            yield (table,), [*_NO_TABLES, *([REMOVED, {}] if required else [])]
        for entry in parameters.of_table(table):
            if not entry.family or entry.family in families:
                yield (table, entry.name), [*_no_values(entry, off_unit), *([REMOVED] if entry.required else [])]
    yield from _without_effect(config, families)


def _without_effect(config: dict[str, Any], families: frozenset[str]) -> Iterator[tuple[Path, list[Any]]]:
    """Tables in which a parameter could have no effect with the others, each for one reason."""
    market = next(iter(config["markets"]))
    for entries, path in (
        *((tuple(parameters.of_table(table)), (table,)) for table in parameters.TABLES),
        (parameters.MARKET_PARAMETERS, ("markets", market)),
    ):
        here = {entry.name: entry for entry in entries}
        plain = config["markets"][market] if path == ("markets", market) else config.get(path[0], {})
        for entry in entries:
            values = {json.dumps(sample): sample for sample in entry.samples if sample != entry.neutral}
            others = dict(entry.idle_with) if entry.only_with is None else {entry.only_with[0]: None}
            for other, value in others.items():
                if {entry.family, here[other].family} <= {"", *families}:
                    effective = {one: here[one].samples[0] for one in others if one != other and not here[one].family}
                    tables = [{**plain, **effective, entry.name: chosen, other: value} for chosen in values.values()]
                    yield path, [_without_nothing(table) for table in tables]


def _without_nothing(table: dict[str, Any]) -> dict[str, Any]:
    return {name: given for name, given in table.items() if given is not None}


def _market_faults(config: dict[str, Any], off_unit: str) -> Iterator[tuple[Path, list[Any]]]:
    """What is wrong with the markets, their tiers and their marks."""
    name, market = next(iter(config["markets"].items()))
    mark, tick = config["marks"][name], exact(market["tick"])
    yield ("markets",), [REMOVED, {}, [], {name: {}}, "x", *NO_VALUES]
    yield ("markets", name), [*_NO_TABLES, {}]
    yield ("markets", name, "tick"), [REMOVED, "0", "-1", *NO_AMOUNTS]
    yield ("markets", name, "lot"), [REMOVED, "0", *NO_AMOUNTS]
    yield ("markets", name, "fee"), ["0"]
    others = {one: value for one, value in config["marks"].items() if one != name}
    yield ("marks",), [REMOVED, {}, others, {**config["marks"], "NONE": "1"}, *NO_VALUES]
    yield ("marks", name), [REMOVED, decimal_text(exact(mark) + tick / 10), "-1", "0", *NO_AMOUNTS]
    tiers: Path = ("markets", name, "tiers")
    yield tiers, [REMOVED, [], {}, [[]], [{}], "x", *NO_VALUES]
    yield (*tiers, 0, "above"), [REMOVED, "1", "-1", off_unit, *NO_AMOUNTS]
    yield (*tiers, 0, "maintenance_rate"), [REMOVED, "0", "-1/40", "2", *NO_RATES]
    yield (*tiers, 0, "max_leverage"), [REMOVED, 0, 1000, *NO_INTEGERS]
    yield (*tiers, 0, "name"), ["first"]
    first, last = market["tiers"][0], market["tiers"][-1]
    yield tiers, [[*market["tiers"], last], [*market["tiers"], {**first, "above": off_unit}]]


def _nearly_valid_tiers(config: dict[str, Any], families: frozenset[str]) -> Iterator[tuple[Path, list[Any]]]:
    """What is just beyond a limit of tiers: each between two of them or two rates (MRG-8, MRG-15, BKS-9, AMT-2)."""
    unit = quote_unit_of(config)
    market, held = next(iter(config["markets"].items()))
    first = {"above": "0", "maintenance_rate": "1/20", "max_leverage": 20}
    second = {**first, "above": unit}
    wrong = [
        [{**first, "maintenance_rate": "50000001/1000000000"}],  # above 1/20, the initial rate
        [first, {**second, "maintenance_rate": "49999999/1000000000"}],
        [{**first, "max_leverage": 19}, second],
        [first, {**second, "above": "0"}],
        [second, {**second, "above": decimal_text(exact(unit) * 2)}],
        [],
    ]
    if "closeout" in families:
        rated = {**second, "closeout_rate": "1/40"}
        wrong += [
            [{**first, "closeout_rate": bad}] for bad in ("0", "-0.1", "50000001/1000000000", 1, None, *NO_RATES[:3])
        ]
        wrong += [[first, rated], [{**first, "closeout_rate": "1/40"}, second]]
        wrong += [[{**first, "closeout_rate": "25000001/1000000000"}, rated]]
    yield ("markets", market, "tiers"), wrong
    if "close_fee" in families:
        beyond = highest_fee(config) + Fraction(1, 10**12)
        yield ("margin", "close_fee_rate"), [f"{beyond.numerator}/{beyond.denominator}"]
    less = exact(unit) / exact(held["lot"]) / 2  # a lot at this tick is worth half a quote unit
    if less.denominator == 1:
        yield ("markets", market, "tick"), [decimal_text(less)]


def _no_values(entry: Parameter, off_unit: str) -> list[Any]:
    """Values that a parameter must not have, by its kind."""
    if "properties" in entry.kind.schema:
        return ["maintenance", {"ratio": "1"}, *NO_VALUES, *_no_parts(entry.kind.schema["properties"])]
    bad = _of_schema(entry.kind.schema)
    if entry.kind.schema.get("$ref", "").endswith("/rate"):
        bad += ["3/2", "1.01", *(["0", "-0", "0/1"] if entry.kind is SHARE_ABOVE_0 else [])]
    return [*bad, "-0.01", off_unit] if entry.kind.schema.get("$ref", "").endswith("/amount") else bad


def _no_parts(properties: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, schema in properties.items():
        low = ["0", "1/2", "0.999"] if schema.get("$ref", "").endswith("/rate") else []  # a factor is at least 1
        yield from ({name: bad} for bad in [*_of_schema(schema), *low])


def _of_schema(schema: Mapping[str, Any]) -> list[Any]:
    if "enum" in schema:
        return ["", *(name.upper() for name in schema["enum"]), "other", {}, *NO_VALUES]
    if "oneOf" in schema:  # one of some names, or a table
        named, table = schema["oneOf"]
        parts = ((name, _of_schema(part)) for name, part in table["properties"].items())
        return [*_of_schema(named), *({name: bad} for name, wrong in parts for bad in wrong)]
    if schema.get("type") == "array":
        return ["cross", {}, [], ["both"], ["cross", "cross"], [1], *NO_VALUES]
    if schema.get("type") == "boolean":
        return ["true", 0, 1, None, {}]
    kind = schema["$ref"].rpartition("/")[2]
    return list({"integer": NO_INTEGERS, "amount": NO_AMOUNTS, "rate": NO_RATES}[kind])


def _changed(value: Any, path: Path, fault: Any) -> Any:
    if not path:
        return fault
    name, *rest = path
    if isinstance(value, list):
        return [_changed(item, tuple(rest), fault) if index == name else item for index, item in enumerate(value)]
    held = {} if value is None else value  # a table that was left out
    if not rest and fault is REMOVED:
        return {key: item for key, item in held.items() if key != name}
    return {**held, name: _changed(held.get(name), tuple(rest), fault)}
