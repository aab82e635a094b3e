"""Valid configurations that say what holds anyway, in another order or spelling, or are at a limit (CFG-1, CFG-2)."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from liqspec.core import parameters
from liqspec.core.config import quote_unit_of
from liqspec.core.parameters import (
    MILLISECONDS,
    MONEY,
    ORDER_PRICE,
    RESTORE,
    SHARE,
    SHARE_ABOVE_0,
    WHOLE_ABOVE_0,
    Parameter,
)
from liqspec.edge import keys
from liqspec.edge.amounts import AMOUNT, MAX_DIGITS, MAX_INTEGER, rate
from liqspec.generate import names
from liqspec.generate.configurations import with_effect

Table = dict[str, Any]

_TOGETHER = 8  # names in one configuration
_SHOWN = 3  # of them in a text
_LONGEST = 20  # characters of a name that is shown
_RATES = ("_rate", "threshold", "factor", "fraction", "band", "floor", "max_move")  # how names of rates end
_NONE, _ALL = ("0", "-0", "0.00", "000/7"), ("1", "1.0", "07/7")  # of what a share is of, in every spelling
# Of each kind, the ends of its range, in every spelling.
_LIMITS: tuple[tuple[parameters.Kind, tuple[Any, ...]], ...] = (
    (SHARE, (*_NONE, *_ALL)),
    (SHARE_ABOVE_0, _ALL),
    (MONEY, ("0", "-0", "0.00")),
    (MILLISECONDS, (0, MAX_INTEGER)),
    (WHOLE_ABOVE_0, (1, MAX_INTEGER)),
    (RESTORE, tuple({"factor": one} for one in _ALL)),
    (ORDER_PRICE, tuple({"band": one} for one in (*_NONE, *_ALL))),
)


def is_rate(path: str) -> bool:
    """Whether the field of a configuration with this path, or this name, is a rate (AMT-5)."""
    return path.endswith(_RATES) and not path.endswith("partial_threshold")


def odd_configurations(config: Table, families: frozenset[str]) -> Iterator[tuple[str, Table]]:
    """Configurations that are as valid as this one, each with what is odd; of these families alone."""
    for entry in parameters.PARAMETERS:
        if (not entry.family or entry.family in families) and entry.table not in parameters.OWN_TABLE:
            held = config.get(entry.table, {})
            for table in (*_saying_nothing(entry, held, families), *_at_its_limits(entry, held, families, config)):
                yield entry.path, {**config, entry.table: table}
    markets: Table = config["markets"]
    for entry in parameters.MARKET_PARAMETERS:
        for name, held in markets.items() if entry.family in families else ():
            for table in _saying_nothing(entry, held, families):
                yield f"markets.{name}.{entry.name}", {**config, "markets": {**markets, name: table}}
    yield "the defaults", {"quote_unit": quote_unit_of(config), "time": 0, "vault": {"cash": "0"}, **config}
    yield "the order of fields", _reversed(config)
    yield "how rates are written", _respelled(config, _doubled, amounts=False)
    yield "how amounts are written", _respelled(config, _padded)
    yield "how many digits there are", _respelled(config, _longest)
    yield from _tiers_at_their_limits(config, families)
    for listed in _valid_names():
        yield f"names {_shown(listed)}", with_names(config, listed)


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


def with_names(config: Table, listed: tuple[str, ...]) -> Table:
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


def _at_its_limits(entry: Parameter, held: Table, families: frozenset[str], config: Table) -> Iterator[Table]:
    """The table with the least and the most that a parameter can be, where it has an effect."""
    listed = {one.name: one for one in _listed_with(entry)}
    needed = {} if entry.only_with is None else dict((entry.only_with,))
    about = listed[next(iter(needed))] if needed else entry
    for other, idle in about.idle_with:
        if held.get(other) == idle and not listed[other].family:
            needed[other] = next(one for one in listed[other].samples if one != idle)
    if not {listed[one].family for one in needed} <= {"", *families}:
        return
    limits = next((ends for kind, ends in _LIMITS if kind is entry.kind), ())
    if entry.kind is SHARE:
        # A fee of closing is at most this (MRG-15); of another share an engine shows before that it can hold the rate.
        most = highest_fee(config)
        of_all = () if entry.path == "margin.close_fee_rate" else _ALL
        limits = (*_NONE, *of_all, f"{most.numerator}/{most.denominator}")
    if entry.kind is RESTORE:  # it has no most; and an engine shows before that it can hold a mark
        limits = (*limits, *({"factor": one} for one in config["marks"].values() if Fraction(one) >= 1))
    for limit in limits:
        table = with_effect(listed.values(), {**held, **needed, entry.name: limit}, asked=entry.name)
        if not entry.idle(table.get) and table != held:
            yield table


def highest_fee(config: Table) -> Fraction:
    """The highest fee of closing that its maintenance rates allow (MRG-15)."""
    return 1 - max(rate(tier["maintenance_rate"]) for one in config["markets"].values() for tier in one["tiers"])


def _tiers_at_their_limits(config: Table, families: frozenset[str]) -> Iterator[tuple[str, Table]]:
    """Tiers that are as near to each other, or to what a leverage allows, as they may be (MRG-8, BKS-9, MRG-15)."""
    name, market = next(iter(config["markets"].items()))
    first = {"above": "0", "maintenance_rate": "1/20", "max_leverage": 20}
    second = {**first, "above": quote_unit_of(config)}
    several = [
        [first],
        [{**first, "maintenance_rate": "0.05"}],
        [first, second],
        [first, {**second, "max_leverage": 1}],
        [first, {**second, "max_leverage": 1, "maintenance_rate": "1"}],
    ]
    if "closeout" in families:
        several += [
            [{**first, "closeout_rate": "0.05"}],
            [{**first, "closeout_rate": "2/40"}, {**second, "closeout_rate": "2/40"}],
        ]
    rest = {table: held for table, held in config.items() if table != "margin"}  # its fee may be too much (MRG-15)
    backstop = {one: value for one, value in config["backstop"].items() if one != "measure"}
    other, mark = f"{name}2", config["marks"][name]
    for tiers in several:
        markets = {**config["markets"], name: {**market, "tiers": tiers}}
        yield f"markets.{name}.tiers", {**rest, "backstop": backstop, "markets": markets}
        if "closeout_rate" in tiers[0]:  # which another market need not have
            markets = {**markets, other: {**market, "tiers": [first]}}
            marks = {**config["marks"], other: mark}
            yield f"markets.{name}.tiers", {**rest, "backstop": backstop, "markets": markets, "marks": marks}


def _doubled(text: str) -> str:
    """As a ratio that can be reduced."""
    value = rate(text)
    return f"0{value.numerator * 2}/{value.denominator * 2}"


def _padded(text: str) -> str:
    """With a zero at either end; a ratio with one before it."""
    sign, digits = _signed(text)
    after = "" if "/" in digits else "0" if "." in digits else ".0"
    return f"{sign}0{digits}{after}"


def _longest(text: str) -> str:
    """With as many zeros before it as there may be."""
    sign, digits = _signed(text)
    return sign + digits.zfill(MAX_DIGITS + sum(not one.isdigit() for one in digits))


def _signed(text: str) -> tuple[str, str]:
    return ("-", text[1:]) if text.startswith("-") else ("", text)


def _respelled(value: Any, written: Callable[[str], str], name: str = "", *, amounts: bool = True) -> Any:
    """The same with its rates, and its `amounts` too, `written` otherwise."""
    if isinstance(value, list):
        return [_respelled(one, written, amounts=amounts) for one in value]
    if isinstance(value, dict):
        return {name: _respelled(one, written, name, amounts=amounts) for name, one in value.items()}
    if not name or not isinstance(value, str):
        return value
    return written(value) if is_rate(name) or (amounts and AMOUNT.fullmatch(value)) else value
