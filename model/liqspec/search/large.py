"""The passes for runs that are long, or in a large setting: to few accounts, markets and kinds of events."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from attrs import evolve

from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.generate import names
from liqspec.search.minimise import Candidates, FailingRun
from liqspec.search.smaller_numbers import divide_together, write_shortest

LONG, WIDE = 100, 6  # events, and accounts and markets together: in smaller runs dropping single events is enough
FEW = 4  # tiers of a market that a reader takes in at once


def narrow(run: FailingRun) -> Candidates:
    """Drop all that is refused, all events of a kind, of an account or in a market: the accounts and markets too."""
    if len(run.events) <= LONG and len(run.config["accounts"]) + len(run.config["markets"]) <= WIDE:
        return run
    for name in run.config["accounts"]:
        run = yield from _tried(run, _without_account(run, name))
    for name in list(run.config["markets"]):
        run = yield from _tried(run, _without_market(run, name))
    run = yield from _tried(run, _accepted(run))
    for kind in sorted({str(event.get("type")) for event in run.events}):
        run = yield from _tried(run, evolve(run, events=[one for one in run.events if one.get("type") != kind]))
    return run


def _tried(run: FailingRun, candidate: FailingRun) -> Candidates:
    """The candidate if it fails, else the run."""
    if (candidate.config, candidate.events) == (run.config, run.events):
        return run
    found = yield candidate
    return run if found is None else found


def _without_account(run: FailingRun, name: str) -> FailingRun:
    left = [one for one in run.config["accounts"] if one != name]
    events = [event for event in run.events if event.get("account") != name]
    return evolve(run, config={**run.config, "accounts": left}, events=events) if left else run


def _without_market(run: FailingRun, name: str) -> FailingRun:
    if len(run.config["markets"]) == 1:
        return run
    parts = {part: {key: value for key, value in run.config[part].items() if key != name} for part in names.BY_MARKET}
    events = [_without_price(event, name) for event in run.events if event.get("market") != name]
    return evolve(run, config={**run.config, **parts}, events=[event for event in events if event is not None])


def _without_price(event: EventData, name: str) -> EventData | None:
    """The event without its price of a market; None if it has no other."""
    if not isinstance(prices := event.get("prices"), dict) or name not in prices:
        return event
    left = {market: price for market, price in prices.items() if market != name}
    return {**event, "prices": left} if left else None


def _accepted(run: FailingRun) -> FailingRun:
    """The run without what the model refuses in it, except for the last event."""
    kept: list[EventData] = []
    with suppress(Exception):  # a wrong engine may raise anything, and a configuration may be one that only it takes
        engine = Engine(Config.from_json(run.config))
        for event in run.events[:-1]:
            if apply_event(engine, event).code is None:
                kept.append(event)
        return evolve(run, events=[*kept, run.events[-1]])
    return run


def plain_setting(run: FailingRun) -> Candidates:
    """Plain names, the time 0, few tiers, and smaller amounts, where the failure does not need others."""
    accounts = _plain(run.config["accounts"], names.ACCOUNTS)
    markets = _plain(list(run.config["markets"]), names.MARKETS)
    changes: list[tuple[dict[str, str], dict[str, str]]] = [(accounts, markets), (accounts, {}), ({}, markets)]
    changes += [({name: accounts[name]}, {}) for name in accounts]
    changes += [({}, {name: markets[name]}) for name in markets]
    for owners, traded in changes:
        left = {name: to for name, to in owners.items() if name in run.config["accounts"]}
        other = {name: to for name, to in traded.items() if name in run.config["markets"]}
        run = yield from _tried(run, _renamed(run, left, other))
    run = yield from _tried(run, _from_time_0(run))
    for name, market in run.config["markets"].items():
        for kept in _fewer_tiers(market["tiers"]):
            changed = {**run.config["markets"], name: {**market, "tiers": kept}}
            before, run = run, (yield from _tried(run, evolve(run, config={**run.config, "markets": changed})))
            if run is not before:
                break
    run = yield from write_shortest(run)
    return (yield from divide_together(run))


def _plain(present: list[str], plain: tuple[str, ...]) -> dict[str, str]:
    """Plain names for those of the present ones that are not."""
    free = [name for name in plain if name not in present]
    odd = [name for name in present if name not in plain and not (name.isascii() and name.isalpha() and name.isupper())]
    return dict(zip(odd, free, strict=False))


def _renamed(run: FailingRun, accounts: dict[str, str], markets: dict[str, str]) -> FailingRun:
    config, events = names.renamed(run.config, run.events, accounts, markets)
    return evolve(run, config=config, events=events)


def _from_time_0(run: FailingRun) -> FailingRun:
    """The run as much earlier as it begins late."""
    if not (begun := run.config.get("time", 0)):
        return run
    events = [_earlier(event, begun) for event in run.events]
    return evolve(run, config={key: value for key, value in run.config.items() if key != "time"}, events=events)


def _earlier(event: EventData, by: int) -> EventData:
    return {**event, "time": event["time"] - by} if type(event.get("time")) is int else event


def _fewer_tiers(tiers: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The first few tiers, if there are more: as few as possible first."""
    if len(tiers) > FEW:
        yield from (tiers[:count] for count in range(1, len(tiers)))
