"""The passes that make a failing run shorter or plainer; `minimise` applies them."""

from collections.abc import Callable, Hashable, Iterator
from fractions import Fraction
from functools import wraps
from itertools import combinations
from math import inf
from typing import Any, Protocol

from attrs import define, evolve

from liqspec.core.events import EventData
from liqspec.core.parameters import MARKET_PARAMETERS, OWN_TABLE, PARAMETERS, TABLES
from liqspec.edge.amounts import decimal_text, exact, is_decimal
from liqspec.edge.errors import in_run
from liqspec.search.large import LONG, narrow, plain_setting
from liqspec.search.minimise import Candidates, FailingRun, Pass, in_groups, length

MANY = 40  # events: in a longer run pairs are not tried, since single ones must go first
HOPELESS = 80  # candidates in a row that do not fail: then a long run is not made shorter by dropping events
ROUNDS = 3  # over all numbers: one that is made plain can make another one free
SMALLER = 12  # powers of ten by which all amounts and sizes are divided at once, at most
DECIMALS = 2  # of an amount or a size after that, at most


def drop_events(run: FailingRun) -> Candidates:
    """Drop neighbouring events: half of them first, then ever fewer, the last ones before all.

    In a long run each event is in one of those of a size; in a short one neighbours begin at every event.
    """
    size, failed = max(1, len(run.events) // 2), 0
    while size:
        start = len(run.events) - size
        while start >= 0:
            found = yield evolve(run, events=run.events[:start] + run.events[start + size :])
            long = len(run.events) > LONG
            failed = failed + 1 if found is None else 0
            if long and failed > HOPELESS:
                return run
            if found is None:
                start -= size if long else 1
            else:
                run, start = found, (min(start, len(found.events)) if long else len(found.events)) - size
        size //= 2
    return run


def _first(candidates: Callable[[FailingRun], Iterator[FailingRun]]) -> Pass:
    """The pass that makes the first of some candidates that fails."""

    @wraps(candidates)
    def one(run: FailingRun) -> Candidates:
        for candidate in candidates(run):
            if (found := (yield candidate)) is not None:
                return found
        return run

    return one


@_first
def rewrite_events(run: FailingRun) -> Iterator[FailingRun]:
    """Say the same with an event fewer: a block whose time never passed, two events merged, or any two dropped."""
    events = run.events
    if len(events) > MANY:
        return
    yield from _without_a_block(run)
    for first, second in combinations(range(len(events)), 2):
        merged = _merged(events[first], events[second])
        for event, place in () if merged is None else ((merged, first), (merged, second)):
            other = second if place == first else first
            rest = [event if index == place else one for index, one in enumerate(events) if index != other]
            yield evolve(run, events=rest)
    for first, second in combinations(range(len(events)), 2):
        yield evolve(run, events=[one for index, one in enumerate(events) if index not in (first, second)])


def _without_a_block(run: FailingRun) -> Iterator[FailingRun]:
    """Runs in which one block never came: the later ones come as much earlier, so that windows keep their lengths."""
    before = run.config.get("time", 0)
    for index, event in enumerate(run.events):
        if event.get("type") != "block":
            continue
        time = event.get("time")
        if type(time) is not int or type(before) is not int or time <= before:
            continue
        later = [_earlier(one, time - before) for one in run.events[index + 1 :]]
        yield evolve(run, events=run.events[:index] + later)
        before = time


def _earlier(event: EventData, by: int) -> EventData:
    if event.get("type") == "block" and type(event.get("time")) is int:
        return {**event, "time": event["time"] - by}
    return event


def _merged(one: EventData, other: EventData) -> EventData | None:
    """One event that does what two of a kind do, if there is one."""
    if one.get("type") != other.get("type"):
        return None
    same = {"deposit": ("account",), "transfer": ("account", "market"), "funding": ("market",)}
    keyed = ("account", "market", "mode")
    try:
        kind = one["type"]
        if kind in same and all(one[name] == other[name] for name in same[kind]):
            field = "payment" if kind == "funding" else "amount"
            return {**one, field: _sum(one[field], other[field])}
        if kind in ("trade", "fill") and all(one[name] == other[name] for name in keyed):
            return {**one, "size": _sum(one["size"], other["size"])}
    except (KeyError, ValueError, TypeError):  # one of them is an event that must be refused
        return None
    return None


def _sum(one: str, other: str) -> str:
    return decimal_text(exact(one) + exact(other))


@_first
def condense_events(run: FailingRun) -> Iterator[FailingRun]:
    """Leave a pool the same equity with an event fewer: a mark there from the start, a price in place of collateral."""
    for index, event in enumerate(run.events):
        market, price = event.get("market"), event.get("price")
        if event.get("type") == "mark_price" and isinstance(market, str) and market in run.config["marks"]:
            config = {**run.config, "marks": {**run.config["marks"], market: price}}
            yield evolve(run, config=config, events=run.events[:index] + run.events[index + 1 :])

    # An opening trade is cheap enough that its profit replaces the collateral given before it.
    for paid, money in enumerate(run.events):
        for opened in range(paid + 1, len(run.events)):
            price = _cheaper(run, money, run.events[opened])
            if price is not None:
                rest = [{**one, "price": price} if at == opened else one for at, one in enumerate(run.events)]
                yield evolve(run, events=rest[:paid] + rest[paid + 1 :])


def _cheaper(run: FailingRun, money: EventData, trade: EventData) -> str | None:
    """The price, on its tick, at which a trade earns at its mark at least what an event gave to its pool."""
    backs = {("deposit", "cross"), ("transfer", "isolated")}
    if trade.get("type") != "trade" or (money.get("type"), trade.get("mode")) not in backs:
        return None
    if money.get("account") != trade.get("account") or money.get("market", trade.get("market")) != trade.get("market"):
        return None
    try:
        amount, size, price = (exact(text) for text in (money["amount"], trade["size"], trade["price"]))
        tick = exact(run.config["markets"][trade["market"]]["tick"])
        ticks = (price - amount / size) / tick
    except (KeyError, TypeError, ValueError, ZeroDivisionError):  # one of them is an event that must be refused
        return None
    lowered = ticks.__floor__() if size > 0 else ticks.__ceil__()
    return decimal_text(lowered * tick) if lowered > 0 else None


def simplify_configuration(run: FailingRun) -> Candidates:
    """Take away accounts, markets and optional parameters that the events do not need."""
    for simpler in (_without_accounts, _without_markets, _without_parameters):
        tried: list[dict[str, Any]] = []
        while (config := next((one for one in simpler(run) if one not in tried), None)) is not None:
            tried.append(config)
            found = yield evolve(run, config=config)
            if found is not None and len(found.events) <= len(run.events):
                run = found
    return run


def _without_accounts(run: FailingRun) -> Iterator[dict[str, Any]]:
    for name in run.config["accounts"]:
        left = [one for one in run.config["accounts"] if one != name]
        if left and not any(event.get("account") == name for event in run.events):
            yield {**run.config, "accounts": left}


def _without_markets(run: FailingRun) -> Iterator[dict[str, Any]]:
    used = repr(run.events)
    for name in list(run.config["markets"]):
        if len(run.config["markets"]) > 1 and f"'{name}'" not in used:
            yield {
                **run.config,
                "markets": {key: value for key, value in run.config["markets"].items() if key != name},
                "marks": {key: value for key, value in run.config["marks"].items() if key != name},
            }


def _without_parameters(run: FailingRun) -> Iterator[dict[str, Any]]:
    """Each optional parameter left out, so that it has its default."""
    required = [entry.path for entry in PARAMETERS if entry.required]
    for table in OWN_TABLE:
        if table in run.config:
            yield {key: value for key, value in run.config.items() if key != table}
    for table in (*TABLES, "vault"):
        for name in list(run.config.get(table) or {}):
            if f"{table}.{name}" not in required:
                yield {**run.config, table: {key: value for key, value in run.config[table].items() if key != name}}
    for entry in MARKET_PARAMETERS:
        for name, market in run.config["markets"].items():
            if entry.name in market:
                left = {key: value for key, value in market.items() if key != entry.name}
                yield {**run.config, "markets": {**run.config["markets"], name: left}}


def simplify_numbers(run: FailingRun) -> Candidates:
    """Make each number as round and small as it can be, with as many events."""
    run = yield from _smaller(run)
    for _ in range(ROUNDS):
        before = run
        for index in range(len(run.events)):
            for name in list(run.events[index]):
                run = yield from _plainer(run, index, name)
        if run == before:
            break
    return run


def _smaller(run: FailingRun) -> Candidates:
    """Divide all amounts and sizes by the same power of ten, which keeps most relations between them."""
    for power in range(SMALLER, 0, -1):
        events = [_divided(event, 10**power) for event in run.events]
        if None in events or events == run.events:
            continue
        found = yield evolve(run, events=[event for event in events if event is not None])
        if found is not None and len(found.events) == len(run.events):
            return found
    return run


def _divided(event: EventData, by: int) -> EventData | None:
    """The event with its amount and size divided; None if one of them would need too many decimals."""
    divided = dict(event)
    for name in ("amount", "size"):
        value = event.get(name)
        if isinstance(value, str) and is_decimal(value):
            quotient = Fraction(value) / by
            if 10**DECIMALS % quotient.denominator:
                return None
            divided[name] = decimal_text(quotient)
    return divided


def _plainer(run: FailingRun, index: int, name: str) -> Candidates:
    for value in _simpler(run.events[index][name]):
        event: EventData = {**run.events[index], name: value}
        found = yield evolve(run, events=[*run.events[:index], event, *run.events[index + 1 :]])
        if found is not None and len(found.events) == len(run.events):
            return found
    return run


def _simpler(value: object) -> Iterator[object]:
    """Plainer values than this one, the plainest first."""
    if isinstance(value, dict):
        for name in value:
            if len(value) > 1:
                yield {key: entry for key, entry in value.items() if key != name}
            for entry in _simpler(value[name]):
                yield {**value, name: entry}
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from (one for one in _rounder(Fraction(value)) if one < value)
    elif isinstance(value, str) and is_decimal(value):
        yield from (decimal_text(Fraction(one)) for one in _rounder(Fraction(value)))


def _rounder(exact: Fraction) -> Iterator[int]:
    """Whole numbers of the same sign that are plainer: powers of ten first, then near ones with few digits."""
    sign, size = (-1 if exact < 0 else 1), abs(exact)
    digits = len(str(int(size)))
    candidates = [10**power for power in range(digits)]
    for significant in (1, 2, 3):
        unit = 10 ** max(0, digits - significant)
        below = int(size) // unit * unit
        candidates += [below, below + unit]
    # Only what is strictly plainer, or two numbers that are equally plain would replace each other for ever.
    present = _plainness(exact)
    plain = {one: _plainness(Fraction(one)) for one in candidates if one}
    yield from (sign * one for one in sorted(plain, key=lambda one: plain[one]) if plain[one] < present)


def _plainness(value: Fraction) -> tuple[int, bool, Fraction]:
    """Orders numbers by how plain they are, the plainest first: few digits, powers of ten, small."""
    digits = decimal_text(abs(value)).replace(".", "").strip("0")
    return len(digits), digits != "1", abs(value)


def other_runs(
    propose: Callable[[FailingRun, int], FailingRun | None],
    *groups: tuple[Pass, ...],
    steps: float = inf,
    short: int = 0,
    enough: int | None = None,
) -> Pass:
    """Other runs, each that fails made short by the groups: the shortest of all, where exact amounts barely shrink.

    `propose` makes the run with a number, from the shortest so far; None ends them. They also end after `steps` events,
    or `enough` runs that failed, or when the shortest has at most `short` events.
    """

    def others(run: FailingRun) -> Candidates:
        used = number = failed = 0
        while used < steps and failed != enough and length(run) > short:
            if (candidate := propose(run, number)) is None:
                break
            used, number = used + max(1, length(candidate)), number + 1
            if (found := (yield candidate)) is not None:
                failed += 1
                run = min(run, (yield from in_groups(found, groups)), key=length)
        return run

    return others


class Walk(Protocol):
    """A run that can go back to where it was; `position` is the same wherever the future is."""

    events: list[EventData]

    @property
    def position(self) -> Hashable:
        """Where it is."""

    def restore(self, position: Any, events: list[EventData]) -> None:
        """Go back to where it was after some events."""

    def apply(self, event: EventData) -> object | None:
        """Apply an event; None if nothing is found after it."""


@define
class AllShorter:
    """The pass that tries all shorter sequences of a run's events and of their variations, and what it finds again.

    `exhausted` says whether all were tried, of which none fails: there were not more positions than may be seen.
    """

    walk: Callable[[dict[str, Any]], Walk]
    groups: tuple[tuple[Pass, ...], ...]
    positions: int
    exhausted: bool = False

    def __call__(self, run: FailingRun) -> Candidates:
        """Apply the pass."""
        while (shorter := self._first(run)) is not None and (found := (yield shorter)) is not None:
            run = yield from in_groups(found, self.groups)
        return run

    def _first(self, run: FailingRun) -> FailingRun | None:
        walk, menu = self.walk(run.config), _menu(run.events)
        level: list[tuple[Hashable, list[EventData]]] = [(walk.position, [])]
        seen = {walk.position}
        for _ in range(length(run) - 1):
            following = []
            for position, events in level:
                for event in menu:
                    walk.restore(position, events)
                    with in_run("a shorter run", walk.events):
                        if walk.apply(event) is not None:
                            return evolve(run, events=walk.events)
                    if walk.position not in seen:
                        seen.add(walk.position)
                        following.append((walk.position, walk.events))
                    if len(seen) > self.positions:
                        return None
            level = following
        self.exhausted = True
        return None


def _menu(events: list[EventData]) -> list[EventData]:
    """The events of a run, each also with an amount of it halved or doubled."""
    menu: list[EventData] = []
    for event in events:
        varied = [event]
        for name, value in event.items():
            if is_decimal(value) and name != "price":
                varied += [{**event, name: decimal_text(Fraction(value) * by)} for by in (Fraction(1, 2), Fraction(2))]
        menu += [one for one in varied if one not in menu]
    return menu


# ------------------------------------------------------------------------------------------------------------ in groups

FEWER: tuple[Pass, ...] = (narrow, drop_events, rewrite_events)
SIMPLER: tuple[Pass, ...] = (simplify_configuration,)
SHORTEST: tuple[Pass, ...] = (*FEWER, *SIMPLER, condense_events)
PLAINER: tuple[Pass, ...] = (simplify_numbers,)
PLAIN: tuple[Pass, ...] = (plain_setting,)
