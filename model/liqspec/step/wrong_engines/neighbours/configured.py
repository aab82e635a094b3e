"""Neighbours in a configuration: a parameter that has no effect, another choice, or a rate that is rounded."""

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from itertools import pairwise, repeat
from typing import Any

from attrs import evolve

from liqspec.core import admission, assessment, changes
from liqspec.core.admission import EventRecord
from liqspec.core.arithmetic import Holding, Schedule, Tier
from liqspec.core.config import Config, Venue
from liqspec.core.effects import Effect
from liqspec.core.engine import Engine
from liqspec.core.events import Event
from liqspec.core.families import chunks, limits
from liqspec.core.parameters import MARKET_PARAMETERS, PARAMETERS, SHARE, SHARE_ABOVE_0, InvalidConfig, Parameter
from liqspec.core.state import State
from liqspec.edge import amounts
from liqspec.edge.texts import words
from liqspec.step.wrong_engines.base import Patch, WrongEngine

_FROM_CONFIG, _APPLY, _HOLDING = Venue.from_config, Engine.apply, State.holding
# Functions that ask for margins, each with its rule.
_MEASURING: tuple[tuple[str, Any, str], ...] = (
    ("LIQ-15", changes, "restore_target"),
    ("LIQ-11", assessment, "to_attempt"),
    ("LIQ-17", limits, "limit_of"),
    ("PRT-4", chunks, "size_of"),
    ("MRG-7", admission, "below_initial_margin"),
)
_DOUBLE = 0
_PLACES = (_DOUBLE, 18, 8, 6, 4)  # of a rate, where an engine has doubles or fixed numbers
_OF_TIERS = ("maintenance_rate", "closeout_rate")

Plain = dict[str, Any]
Change = Callable[[Plain], None]


def neighbours(config: Plain, last: type[EventRecord] | None = None) -> Iterator[WrongEngine]:
    """The engines that read another configuration in place of this one: in every run, or with its families only.

    Or only while they process an event of the last one's kind.
    """
    yield from _of_schedules()
    here = _FROM_CONFIG(Config.from_json(config)).families()
    for rule, title, change in _changes(config):
        yield _reading(rule, title, change, None)
        yield _reading(rule, f"{title} with the families of this run", change, here)
        if last is not None:
            yield _reading_during(last, rule, f"{title} in {last.type}", change)


def _whole(schedule: Schedule) -> Iterator[int]:
    yield from (tier.deduction - tier.deduction % schedule.denominator for tier in schedule.tiers)


def _of_one_tier(schedule: Schedule) -> Iterator[int]:
    yield from (tier.deduction - before.deduction for before, tier in _pairs(schedule))


def _from_the_first(schedule: Schedule) -> Iterator[int]:
    yield from (tier.above * (tier.rate - schedule.tiers[0].rate) for tier in schedule.tiers)


def _of_the_tier_before(schedule: Schedule) -> Iterator[int]:
    yield from (before.deduction for before, _ in _pairs(schedule))


def _pairs(schedule: Schedule) -> Iterator[tuple[Tier, Tier]]:
    first, *others = schedule.tiers
    return pairwise((first._replace(deduction=0), first, *others))


# Other deductions of the tiers, in words and as numbers.
_DEDUCTIONS: tuple[tuple[str, Callable[[Schedule], Iterator[int]]], ...] = (
    ("are rounded down to quote units", _whole),
    ("do not add those of the tiers before", _of_one_tier),
    ("are those of one rise from the first rate", _from_the_first),
    ("are those of the tiers before", _of_the_tier_before),
    ("are missing", lambda schedule: repeat(0, len(schedule.tiers))),
)


def _of_schedules() -> Iterator[WrongEngine]:
    """The engines with other deductions (MRG-5, BKS-9), or whose close-out margins are plain (BKS-9)."""
    for how, deductions in _DEDUCTIONS:

        def changed(schedule: Schedule, deductions: Callable[[Schedule], Iterator[int]] = deductions) -> Schedule:
            others = zip(schedule.tiers, deductions(schedule), strict=True)
            return schedule._replace(tiers=tuple(tier._replace(deduction=other) for tier, other in others))

        yield _measuring("MRG-5", f"deductions {how}", ("schedule", "closeout"), changed)
        yield _measuring("MRG-5", f"deductions of the maintenance margin {how}", ("schedule",), changed)
        yield _measuring("BKS-9", f"deductions of the close-out margin {how}", ("closeout",), changed)
    plain: tuple[tuple[str, Callable[[Schedule], Schedule]], ...] = (
        ("is rounded up", lambda at: at._replace(rounds_down=False)),
        ("is that of marks", lambda at: at._replace(at_entry=False)),
        ("has no fee", lambda at: at._replace(close_fee=0)),
    )
    for how, change in plain:
        yield _measuring("BKS-9", f"a close-out margin {how}", ("closeout",), change)
        for rule, owner, name in _MEASURING:
            yield _measuring_in(rule, owner, name, f"a margin {how}", change)


def _measuring(rule: str, title: str, names: tuple[str, ...], change: Callable[[Schedule], Schedule]) -> WrongEngine:
    def from_config(config: Config, *, shows_prices: bool = False) -> Venue:
        right = _FROM_CONFIG(config, shows_prices=shows_prices)
        markets = {}
        for market, held in right.markets.items():
            schedules = {name: getattr(held, name) for name in names}
            changed: Any = {name: schedule and change(schedule) for name, schedule in schedules.items()}
            markets[market] = evolve(held, **changed)
        return evolve(right, markets=markets)

    return WrongEngine(title, rule, title, (Patch(Venue, "from_config", from_config),))


def _measuring_in(rule: str, owner: Any, name: str, title: str, change: Callable[[Schedule], Schedule]) -> WrongEngine:
    """Where one function asks for margins that are otherwise those of the rules."""
    real = getattr(owner, name)

    def changed(held: Holding) -> Holding:
        return held._replace(schedule=change(held.schedule))

    def measuring(*given: Any) -> Any:
        taken = [[changed(held) for held in one] if _are_holdings(one) else one for one in given]
        holding = Patch(State, "holding", lambda state, position: changed(_HOLDING(state, position)))
        with WrongEngine("", rule, "", (holding,)).applied():
            return real(*taken)

    title = f"{title} in {name}"
    return WrongEngine(title, rule, title, (Patch(owner, name, measuring),))


def _are_holdings(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(one, Holding) for one in given)


def _reading(rule: str, title: str, change: Change, families: frozenset[str] | None) -> WrongEngine:
    def from_config(config: Config, *, shows_prices: bool = False) -> Venue:
        right = _FROM_CONFIG(config, shows_prices=shows_prices)
        if families is not None and right.families() != families:
            return right
        return _read_otherwise(config, change, shows_prices) or right

    return WrongEngine(title, rule, title, (Patch(Venue, "from_config", from_config),))


def _reading_during(kind: type[EventRecord], rule: str, title: str, change: Change) -> WrongEngine:
    others: dict[int, tuple[Venue, Venue]] = {}  # by the identity of the right one, which stays as long as it is here

    def from_config(config: Config, *, shows_prices: bool = False) -> Venue:
        right = _FROM_CONFIG(config, shows_prices=shows_prices)
        if (other := _read_otherwise(config, change, shows_prices)) is not None:
            others[id(right)] = right, evolve(other, markets=right.markets)
        return right

    def apply(engine: Engine, event: Event) -> tuple[Effect, ...]:
        right, other = others.get(id(engine.state.venue), (None, None))
        if right is None or other is None or not isinstance(event, kind):
            return _APPLY(engine, event)
        engine.state.venue = other
        try:
            return _APPLY(engine, event)
        finally:
            engine.state.venue = right

    return WrongEngine(title, rule, title, (Patch(Venue, "from_config", from_config), Patch(Engine, "apply", apply)))


def _read_otherwise(config: Config, change: Change, shows_prices: bool) -> Venue | None:
    """The venue of a changed configuration; None if another parameter means nothing with the change."""
    read = config.to_json()
    change(read)
    try:
        return _FROM_CONFIG(Config.from_json(read), shows_prices=shows_prices)
    except InvalidConfig:
        return None


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
        yield from _in_parts(entry)
        if "defs/rate" in json.dumps(entry.kind.schema):
            yield from _roundings(entry.path, partial(_tables, entry=entry), entry.name, config)
    for name in _OF_TIERS:
        yield from _roundings(f"the {words(name)} of a tier", partial(_tiers, name), name, config)


def _choices(entry: Parameter) -> tuple[Any, ...]:
    if entry.kind in (SHARE, SHARE_ABOVE_0):
        return ("1",) if entry.kind is SHARE_ABOVE_0 else ("1", "0")
    return (True, False) if entry.kind.schema.get("type") == "boolean" else tuple(entry.kind.schema.get("enum", ()))


def _in_parts(entry: Parameter) -> Iterator[tuple[str, str, Change]]:
    """The parts of a parameter that is a table: one that has no effect, or is always the same."""
    for part, schema in entry.kind.schema.get("properties", {}).items():
        path = f"{entry.path}.{part}"
        yield entry.rule, f"{path} has no effect", partial(_leave_out_part, entry, part)
        for other in schema.get("enum", ()):
            yield entry.rule, f"{path} is always {other}", partial(_set_part, entry, part, other)


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


def _parted(entry: Parameter, config: Plain) -> list[Plain]:
    return [table[entry.name] for table in _tables(config, entry) if isinstance(table[entry.name], dict)]


def _leave_out_part(entry: Parameter, part: str, config: Plain) -> None:
    for held in _parted(entry, config):
        held.pop(part, None)


def _set_part(entry: Parameter, part: str, value: Any, config: Plain) -> None:
    for held in _parted(entry, config):
        held[part] = value


def _roundings(
    path: str, tables: Callable[[Plain], list[Plain]], name: str, config: Plain
) -> Iterator[tuple[str, str, Change]]:
    """AMT-5: the engines that compute with a rate of fewer places."""
    for places in _PLACES:

        def change(read: Plain, places: int = places) -> None:
            for table in tables(read):
                table[name] = _rounded(table[name], places)

        if any(table[name] != _rounded(table[name], places) for table in tables(config)):
            yield "AMT-5", f"{path} is a double" if places == _DOUBLE else f"{path} has {places} decimals", change


def _rounded(written: Any, places: int) -> Any:
    """A rate, or a table with one, as a double or rounded down."""
    if isinstance(written, dict):
        return {name: _rounded(value, places) for name, value in written.items()}
    try:
        rate = amounts.rate(written)
    except amounts.MalformedAmount:  # a name
        return written
    rounded = Fraction(float(rate)) if places == _DOUBLE else Fraction(rate * 10**places // 1, 10**places)
    return written if rounded == rate else amounts.decimal_text(rounded)
