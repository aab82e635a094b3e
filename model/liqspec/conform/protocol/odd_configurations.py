"""Valid configurations that say what holds anyway, or say it in another order or spelling (CFG-1, CFG-2, AMT-5)."""

from collections.abc import Iterator
from typing import Any

from liqspec.core import parameters
from liqspec.core.config import quote_unit_of
from liqspec.core.parameters import Parameter
from liqspec.edge import amounts, keys
from liqspec.generate import names
from liqspec.generate.configurations import with_effect

Table = dict[str, Any]

_TOGETHER = 8  # names in one configuration
_SHOWN = 3  # of them in a text
_LONGEST = 20  # characters of a name that is shown
_RATES = ("_rate", "threshold", "factor", "fraction", "band", "floor", "max_move")  # how names of rates end


def odd_configurations(config: Table, families: frozenset[str]) -> Iterator[tuple[str, Table]]:
    """Configurations that are as valid as this one, each with what is odd; of these families alone."""
    for entry in parameters.PARAMETERS:
        if (not entry.family or entry.family in families) and entry.table not in parameters.OWN_TABLE:
            for table in _saying_nothing(entry, config.get(entry.table, {}), families):
                yield entry.path, {**config, entry.table: table}
    markets: Table = config["markets"]
    for entry in parameters.MARKET_PARAMETERS:
        for name, held in markets.items() if entry.family in families else ():
            for table in _saying_nothing(entry, held, families):
                yield f"markets.{name}.{entry.name}", {**config, "markets": {**markets, name: table}}
    yield "the defaults", {"quote_unit": quote_unit_of(config), "time": 0, "vault": {"cash": "0"}, **config}
    yield "the order of fields", _reversed(config)
    yield "how rates are written", _respelled(config)
    for listed in _valid_names():
        yield f"names {_shown(listed)}", _with_names(config, listed)


def _valid_names() -> Iterator[tuple[str, ...]]:
    """Names that are rarely read or compared rightly: those of random runs, and with what is nearly refused."""
    yield from (*names.SORTED_WRONG, *names.RELATED)
    near = sorted({chr(point) for point in keys.at_the_edges() if not keys.is_refused(point)})
    yield from (tuple(near[place : place + _TOGETHER]) for place in range(0, len(near), _TOGETHER))


def _shown(listed: tuple[str, ...]) -> str:
    """The first of some names; those that are long or not plain by their length and beginning."""
    return ", ".join(
        one if one.isascii() and len(one) <= _LONGEST else f"of {len(one)} from U+{ord(one[0]):04X}"
        for one in listed[:_SHOWN]
    )


def _with_names(config: Table, listed: tuple[str, ...]) -> Table:
    """The configuration with more accounts and markets, which have these names."""
    market, mark = next(iter(config["markets"].values())), next(iter(config["marks"].values()))
    return {
        **config,
        "accounts": [*dict.fromkeys((*config["accounts"], *listed))],
        "markets": {**dict.fromkeys(listed, market), **config["markets"]},
        "marks": {**dict.fromkeys(listed, mark), **config["marks"]},
    }


def _saying_nothing(entry: Parameter, held: Table, families: frozenset[str]) -> Iterator[Table]:
    """The table with a parameter that says what holds without it."""
    if not entry.required and entry.default is not None and entry.name not in held:
        yield {**held, entry.name: entry.default}
    listed = _listed_with(entry)
    family_of = {one.name: one.family for one in listed}
    for other, value in entry.idle_with:
        if family_of[other] and family_of[other] not in families:
            continue
        rest = {name: given for name, given in held.items() if name not in dict(entry.idle_with)}
        idle = {} if value is None else {other: value}
        for written in ("0", "0.00", "-0") if entry.neutral == 0 else (entry.neutral,):
            yield with_effect(listed, {**rest, **idle, entry.name: written}, asked=entry.name)


def _listed_with(entry: Parameter) -> tuple[Parameter, ...]:
    """The parameters of its table, or those of markets."""
    of_markets = parameters.MARKET_PARAMETERS
    return of_markets if entry in of_markets else tuple(parameters.of_table(entry.table))


def _reversed(value: Any) -> Any:
    """The same with the last field of each object first; lists stay."""
    if isinstance(value, list):
        return [_reversed(one) for one in value]
    return {name: _reversed(value[name]) for name in reversed(value)} if isinstance(value, dict) else value


def _respelled(value: Any, name: str = "") -> Any:
    """The same with rates as ratios that can be reduced."""
    if isinstance(value, list):
        return [_respelled(one, name) for one in value]
    if isinstance(value, dict):
        return {name: _respelled(one, name) for name, one in value.items()}
    if not name.endswith(_RATES) or name == "partial_threshold" or not isinstance(value, str):
        return value
    rate = amounts.rate(value)
    return f"0{rate.numerator * 2}/{rate.denominator * 2}"
