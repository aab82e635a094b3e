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

_HAIR = "0" * 28 + "1"  # decimals that a double does not hold
_NO_TABLES: tuple[Any, ...] = ([], "x", {"x": 1}, *NO_VALUES)


def invalid_configurations(config: dict[str, Any], families: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """Valid configurations with one wrong place, each with the path of it; of these families alone."""
    several = _with_another_market(config)
    yield from _with_each(config, _faults(config, families))
    yield from _with_each(several, _last_faults(several, families))


def _with_each(config: dict[str, Any], listed: Iterator[tuple[Path, list[Any]]]) -> Iterator[tuple[str, Any]]:
    """The configuration with each fault in its place."""
    given = json.dumps(config)
    for path, faults in listed:
        for fault in faults:
            changed = _changed(config, path, fault)
            if json.dumps(changed) != given:  # 1 and true are equal in Python
                yield ".".join(map(str, path)) or "config", changed


def _off_unit(config: dict[str, Any]) -> str:
    """A tenth of the quote unit, which is off the grid of money."""
    return decimal_text(exact(quote_unit_of(config)) / 10)


def _faults(config: dict[str, Any], families: frozenset[str]) -> Iterator[tuple[Path, list[Any]]]:
    off_unit = _off_unit(config)
    yield (), [{}, [], "x", *NO_VALUES]
    yield ("accounts",), [REMOVED, ["a", "a"], [1], {}, "alice", *NO_VALUES[:6]]
    yield ("accounts",), [[name] for name in ("", "a/b", "a b", "x" * 129, "a\u200b", "\ufeff")]
    yield ("accounts",), [[f"a{chr(point)}"] for point in sorted({*keys.refused_code_points()})]
    yield ("quote_unit",), ["0", "-1", "-0", *NO_AMOUNTS]
    yield ("time",), list(NO_INTEGERS)
    yield ("vault",), [[], "1", {"cash": off_unit}, {"cash": 1}, {"gold": "1"}, *NO_VALUES]
    yield ("name",), ["a name of a venue file"]
    yield ("provenance",), [{}]
    name = next(iter(config["markets"]))
    yield from _market_faults(config, name, off_unit)
    yield from _nearly_valid_tiers(config, name, families)
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
    yield (), list(_of_another_run(config))


def _of_another_run(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Configurations of which all is otherwise, and one part wrong: nothing of them may stay."""
    other = {
        **config,
        "quote_unit": _off_unit(config),
        "time": config.get("time", 0) // 2 + 1,
        "vault": {"cash": "7"},
        "accounts": [*config["accounts"][1:], "another"],
        "marks": {name: decimal_text(exact(mark) * 2) for name, mark in config["marks"].items()},
    }
    yield {**other, "another": {}}
    for part in ("markets", "marks", "accounts", "liquidation", "backstop", "vault", "time"):
        yield {**{name: held for name, held in other.items() if name != part}, part: {"another": "x"}}


def _with_another_market(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with a market after all others, in their order and by its name; its rates are like theirs."""
    name = max(config["markets"])
    market, mark = config["markets"][name], config["marks"][name]
    other = f"{name[:120]}2"
    return {
        **config,
        "markets": {**config["markets"], other: market},
        "marks": {**config["marks"], other: mark},
    }


def _last_faults(config: dict[str, Any], families: frozenset[str]) -> Iterator[tuple[Path, list[Any]]]:
    """What is wrong with the last market alone, or with its last tier alone."""
    *_, name = config["markets"]
    yield from _market_faults(config, name, _off_unit(config))
    yield from _nearly_valid_tiers(config, name, families)
    first = {"above": "0", "maintenance_rate": "1/50", "max_leverage": 20}
    last = {**first, "above": quote_unit_of(config), "maintenance_rate": "3/4", "max_leverage": 1}
    if "close_fee" in families:  # with the last tier's rate it is above 1 (MRG-15)
        charged = _changed(config, ("markets", name, "tiers"), [first, last])
        yield (), [{**charged, "margin": {**charged.get("margin", {}), "close_fee_rate": "1/3"}}]
    if "closeout" in families:  # each market must have close-out rates (BKS-9)
        rates = [{**first, "closeout_rate": "1/60"}]
        measured = {**config, "backstop": {**config["backstop"], "measure": "tier"}}
        markets = {one: {**market, "tiers": rates} for one, market in config["markets"].items()}
        yield (), [{**measured, "markets": {**markets, name: {**markets[name], "tiers": [first]}}}]


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


def _market_faults(config: dict[str, Any], name: str, off_unit: str) -> Iterator[tuple[Path, list[Any]]]:
    """What is wrong with the markets, and with the tiers and the mark of this one."""
    market = config["markets"][name]
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


def _nearly_valid_tiers(
    config: dict[str, Any], market: str, families: frozenset[str]
) -> Iterator[tuple[Path, list[Any]]]:
    """What is just beyond a limit of tiers: each between two of them or two rates (MRG-8, MRG-15, BKS-9, AMT-2).

    Some are nearer to it than a double can say.
    """
    unit, held = quote_unit_of(config), config["markets"][market]
    first = {"above": "0", "maintenance_rate": "1/20", "max_leverage": 20}
    second = {**first, "above": unit}
    wrong = [
        [{**first, "maintenance_rate": "50000001/1000000000"}],  # above 1/20, the initial rate
        [{**first, "maintenance_rate": f"0.05{_HAIR}"}],
        [{**first, "max_leverage": 3, "maintenance_rate": f"0.{'3' * 30}4"}],
        [first, {**second, "maintenance_rate": f"0.04{'9' * 30}"}],
        [first, {**second, "maintenance_rate": "49999999/1000000000"}],
        [{**first, "max_leverage": 19}, second],
        [first, {**second, "above": "0"}],
        [second, {**second, "above": decimal_text(exact(unit) * 2)}],
        [],
    ]
    if "closeout" in families:
        rated = {**second, "closeout_rate": "1/40"}
        wrong += [[{**first, "closeout_rate": bad}] for bad in ("0", "-0.1", f"0.05{_HAIR}", 1, None, *NO_RATES[:3])]
        wrong += [[first, rated], [{**first, "closeout_rate": "1/40"}, second]]
        wrong += [[{**first, "closeout_rate": "25000001/1000000000"}, rated]]
    yield ("markets", market, "tiers"), wrong
    if "close_fee" in families:
        beyond = highest_fee(config) + Fraction(1, 10**30)
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
