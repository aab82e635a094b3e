"""What is known of a state laid over one that is known whole, and what is assumed for the rest (STP-2 to STP-4).

Works on the plain data of a snapshot (OBS-4), which is checked when it is read as one.
"""

import copy
from collections.abc import Callable, Iterator
from itertools import chain, combinations, islice
from typing import Any

from attrs import define, frozen

from liqspec.core import arithmetic, snapshot
from liqspec.core.arithmetic import Holding
from liqspec.core.config import Venue
from liqspec.core.parameters import InvalidConfig, on_grid
from liqspec.core.snapshot import PoolValue, PositionValue, WindowValue
from liqspec.edge import shapes
from liqspec.edge.texts import show
from liqspec.step.partial import PartialPool, PartialPosition, PartialState, pool_path

SnapshotData = dict[str, Any]
Edit = Callable[[SnapshotData], None]


GROUPS = 30  # of positions that are taken to have been attempted: all that five positions can make


@frozen
class Assumption:
    """Something that was left out, the value assumed for it, and what else it could have been (STP-3, STP-4).

    `alternatives` are changes of the completed snapshot; none stand for something that could be any amount. It
    `matters` if the answer depends on the assumed value.
    """

    field: str
    value: str
    rule: str
    alternatives: tuple[Edit, ...] = ()
    matters: bool = False


@define
class Completed:
    """A whole state in plain data, and what had to be assumed for it."""

    data: SnapshotData
    assumptions: list[Assumption]

    def assume(self, path: str, value: object, rule: str, *alternatives: Edit) -> None:
        """Note an assumption."""
        self.assumptions.append(Assumption(path, show(value).strip('"'), rule, alternatives))


def complete(venue: Venue, base: SnapshotData, known: PartialState) -> Completed:
    """Lay what is known over a whole state; what is known of neither is assumed (STP-2 to STP-4).

    Raises:
        shapes.WrongShape: an account is not one of the base, or a size is needed and missing.
        InvalidConfig: a market is unknown, or an amount off its grid.
    """
    done = Completed(copy.deepcopy(base), [])
    data = done.data
    for name in ("time", "block"):
        if (value := getattr(known, name)) is not None:
            data[name] = value
    for market, mark in known.marks.items():
        if market not in venue.markets:
            raise InvalidConfig(f"marks.{market}", "not among the markets")
        data["marks"][market] = mark
    for held in known.positions:
        _position(venue, done, held)
    for pool in known.pools:
        _pool(venue, done, pool)
    data["vault"].update(known.vault.known)
    return done


def _position(venue: Venue, done: Completed, held: PartialPosition) -> None:
    if held.market not in venue.markets:
        raise InvalidConfig(f"{held.path}.market", "not among the markets")
    pool = _pool_data(venue, done, held.path, held.account, held.pool_market)
    found = next((entry for entry in pool["positions"] if entry["market"] == held.market), None)
    if found is None:
        found = {"market": held.market}
        pool["positions"].append(found)
    found.update(held.known)
    if "order" in found and on_grid(f"{held.path}.order", found["order"], venue.markets[held.market].size) == 0:
        del found["order"]
    _fill_in(venue, done, held, found)


def _fill_in(venue: Venue, done: Completed, held: PartialPosition, found: SnapshotData) -> None:
    """What a position lacks after all that is known: STP-3 for what was left out, STP-4 for what cannot be seen."""
    market, state = venue.markets[held.market], held.known.get("state")
    if state in ("backstopped", "closed"):
        found["size"] = held.known.get("size", "0")
    if "size" not in found:
        raise shapes.WrongShape(f"{held.path}.size", "required, unless the position is backstopped or closed")
    size = on_grid(f"{held.path}.size", found["size"], market.size)
    if state is None and ("state" not in found or _is_open(found) != (size != 0)):
        found["state"] = "closed" if not size else "liquidatable" if "order" in found else "healthy"
        done.assume(f"{held.path}.state", found["state"], "STP-3")
    if "life" not in found:
        found["life"] = 1
        done.assume(f"{held.path}.life", 1, "STP-3", _held_updated(held, life=2))
    if not size:
        for field in snapshot.fields(PositionValue):
            if not field.required:  # LIF-2: what belonged to its life only is forgotten
                found.pop(field.name, None)
        found.update(cost="0", leverage=0, window=_window(0))
        return
    if found.get("leverage") == 0:
        del found["leverage"]  # of a life that has ended
    if "cost" not in found:
        mark = on_grid(f"marks.{held.market}", done.data["marks"][held.market], market.price)
        found["cost"] = venue.money.text(size * mark * market.unit)
        done.assume(f"{held.path}.cost", found["cost"], "STP-3")
    if "order" in found and "attempted" not in held.known:
        found["attempted"] = True  # an order that works was emitted in this block (EVT-9, LIQ-12)
    needs_order = found["state"] in ("liquidatable", "partially_liquidated")
    if needs_order and "order" not in held.known and "order" not in found:
        ordered = _held_updated(held, order=market.size.text(abs(size)), attempted=True)
        done.assume(f"{held.path}.order", "none", "STP-3", ordered)
    _own_window(venue, done, held, found)


def _own_window(venue: Venue, done: Completed, held: PartialPosition, found: SnapshotData) -> None:
    """CLD-3: a window was open before this block, unless the position was filled in this very block."""
    until = held.cooldown_until
    if until is None and "window" in found:
        return
    if until is None:
        found["window"] = _window(0)
        if venue.cooldown_ms:
            opened = _window(done.data["time"] + venue.cooldown_ms)
            done.assume(f"{held.path}.cooldown_until", "none", "STP-3", _held_updated(held, window=opened))
    elif found.setdefault("window", _window(0))["until"] != until:
        fresh = found["state"] == "partially_liquidated"
        found["window"] = {"until": until, "forcing_until": 0 if fresh else until}
        if fresh and until:
            older = _held_updated(held, window=_window(until))
            done.assume(f"{held.path} window before this block", "none", "STP-4", older)


def _pool(venue: Venue, done: Completed, known: PartialPool) -> None:
    data = _pool_data(venue, done, known.path, known.account, known.market)
    data.update(known.known)
    if "collateral" not in known.known and known.equity is not None:
        # MRG-3: equity is collateral and unrealised profit, so the one follows from the other.
        equity = on_grid(f"{known.path}.equity", known.equity, venue.money)
        profit = arithmetic.pool_equity(0, _holdings(venue, done.data, data, known.path))
        data["collateral"] = venue.money.text(equity - profit)
    _leverages(venue, done, known, data)


def _leverages(venue: Venue, done: Completed, known: PartialPool, data: SnapshotData) -> None:
    """MRG-7: leverages are in no observation, but the initial margin that they make is."""
    held = [entry for entry in data["positions"] if _is_open(entry)]
    unknown = [index for index, entry in enumerate(held) if "leverage" not in entry]
    if not unknown or known.initial_margin is None:
        return
    margin = on_grid(f"{known.path}.initial_margin", known.initial_margin, venue.money)
    holdings = _holdings(venue, done.data, data, known.path)
    found = list(islice(matching(holdings, unknown, margin), 64))
    if not found:
        return
    for index, leverage in zip(unknown, found[0], strict=True):
        held[index]["leverage"] = leverage
    if len(found) > 1:
        markets = [held[index]["market"] for index in unknown]
        chosen, *others = [dict(zip(markets, leverages, strict=True)) for leverages in found]
        edits = [
            _updated(known.account, known.market, {name: {"leverage": other[name]} for name in markets})
            for other in others
        ]
        text = ", ".join(f"{name} {leverage}" for name, leverage in chosen.items())
        done.assume(f"{known.path} leverages", text, "STP-4", *edits)


def _holdings(venue: Venue, data: SnapshotData, pool: SnapshotData, path: str) -> list[Holding]:
    """The open positions of a pool as the arithmetic takes them; an unknown leverage is taken to be 1."""
    holdings = []
    for held in pool["positions"]:
        market = venue.markets[held["market"]]
        if _is_open(held):
            holdings.append(
                Holding(
                    on_grid(f"{path}.{market.name}.size", held["size"], market.size),
                    on_grid(f"{path}.{market.name}.cost", held["cost"], venue.money),
                    held.get("leverage", 1),
                    on_grid(f"marks.{market.name}", data["marks"][market.name], market.price),
                    market.unit,
                    market.schedule,
                )
            )
    return holdings


def from_start(venue: Venue, start: SnapshotData, known: PartialState) -> Completed:
    """`complete` a state of which nothing is known but what is given: the rest is as at the run's start (STP-3)."""
    done = complete(venue, start, known)
    data = done.data
    if known.time is None:
        done.assume("time", data["time"], "STP-3", lambda data: data.update(time=data["time"] + 1))
    if known.block is None:
        done.assume("block", data["block"], "STP-3", lambda data: data.update(block=data["block"] + 1))
    held_markets = {held["market"] for _, pool in pools(data) for held in pool["positions"] if _is_open(held)}
    for market in sorted(held_markets - set(known.marks)):
        done.assume(f"marks.{market}", data["marks"][market], "STP-3")
    listed = {pool.path: pool for pool in known.pools}
    for account, pool in pools(data):
        _assume_of_pool(done, account["name"], pool, listed.get(pool_path(account["name"], pool.get("market"))))
        _assume_attempts(done, account["name"], pool, known)
    if venue.cooldown_ms and venue.cooldown_scope != "position":
        _assume_windows(venue, done)
    if "cash" not in known.vault.known:
        other = venue.money.text(on_grid("vault.cash", data["vault"]["cash"], venue.money) + 1)
        done.assume("vault.cash", data["vault"]["cash"], "STP-3", lambda data: data["vault"].update(cash=other))
    _assume_leverages(venue, done)
    return done


def _assume_leverages(venue: Venue, done: Completed) -> None:
    """STP-4: the largest leverage that the market allows, where nothing says another."""
    for account, pool in pools(done.data):
        for held in pool["positions"]:
            if "leverage" not in held:
                most = held["leverage"] = venue.markets[held["market"]].max_leverage
                path = f"{pool_path(account['name'], pool.get('market'))} leverage of {held['market']}"
                least = _updated(account["name"], pool.get("market"), {held["market"]: {"leverage": 1}})
                done.assume(path, most, "STP-4", least)


def _assume_of_pool(done: Completed, account: str, pool: SnapshotData, known: PartialPool | None) -> None:
    if not pool["positions"]:
        return
    market, path = pool.get("market"), pool_path(account, pool.get("market"))
    given = {} if known is None else known.known
    if "collateral" not in given and (known is None or known.equity is None):
        done.assume(f"{path}.collateral", pool["collateral"], "STP-3")
    if "in_liquidation" not in given:
        # LIQ-11: a pool with a liquidatable position is in liquidation.
        assumed = pool["in_liquidation"] = any(held["state"] == "liquidatable" for held in pool["positions"])
        opposite = _pool_updated(account, market, in_liquidation=not assumed)
        done.assume(f"{path}.in_liquidation", assumed, "STP-3", opposite)


def _assume_attempts(done: Completed, account: str, pool: SnapshotData, known: PartialState) -> None:
    """LIQ-12, BKS-2: what this block remembers of the pool's orders is in no observation."""
    market = pool.get("market")
    said = {
        held.market
        for held in known.positions
        if (held.account, held.pool_market) == (account, market) and held.known.keys() & {"attempted", "failed"}
    }
    without_order = [held["market"] for held in pool["positions"] if _is_open(held) and "order" not in held]
    silent = sorted(set(without_order) - said)
    if not silent:
        return

    # Any of them, the smallest groups first, and all of them: each can have been attempted without the others.
    groups = chain.from_iterable(combinations(silent, size) for size in range(1, len(silent)))
    edits = [
        _updated(account, market, {name: {"attempted": True, "failed": failed} for name in group})
        for group in (tuple(silent), *islice(groups, GROUPS))
        for failed in (False, True)
    ]
    done.assume(f"{pool_path(account, market)} attempts in this block", "none", "STP-4", *edits)


def _assume_windows(venue: Venue, done: Completed) -> None:
    """CLD-1: a pool's or account's window is at least as long as those of its positions that can be seen."""
    later, by_pool = done.data["time"] + venue.cooldown_ms, venue.cooldown_scope == "pool"
    for account in done.data["accounts"]:
        name = account["name"]
        for group in [[pool] for pool in account["pools"]] if by_pool else [account["pools"]]:
            held = [held for pool in group for held in pool["positions"]]
            if not any(map(_is_open, held)):
                continue
            seen = {end: max(entry["window"][end] for entry in held) for end in ("until", "forcing_until")}
            (group[0] if by_pool else account)["window"] = seen
            path, forced = f"accounts[{name}]", _account_updated(name, window=_window(later))
            if by_pool:
                market = group[0].get("market")
                path, forced = pool_path(name, market), _pool_updated(name, market, window=_window(later))
            done.assume(f"{path} window", f"until {seen['until']}" if seen["until"] else "none", "STP-4", forced)


def _updated(account: str, market: str | None, changes: dict[str, SnapshotData]) -> Edit:
    """The edit that changes fields of a pool's positions, by the market of each."""

    def edit(data: SnapshotData) -> None:
        for held in find_pool(data, account, market)["positions"]:
            held.update(changes.get(held["market"], {}))

    return edit


def _held_updated(held: PartialPosition, **changes: Any) -> Edit:
    return _updated(held.account, held.pool_market, {held.market: changes})


def _pool_updated(account: str, market: str | None, **changes: Any) -> Edit:
    return lambda data: find_pool(data, account, market).update(changes)


def _account_updated(name: str, **changes: Any) -> Edit:
    return lambda data: next(account for account in data["accounts"] if account["name"] == name).update(changes)


def find_pool(data: SnapshotData, account: str, market: str | None) -> SnapshotData:
    """A pool's plain data; `market` is None for the cross pool."""
    return next(pool for owner, pool in pools(data) if (owner["name"], pool.get("market")) == (account, market))


def _pool_data(venue: Venue, done: Completed, path: str, account: str, market: str | None) -> SnapshotData:
    """The pool's plain data; an isolated pool that is not there yet is added."""
    owner = next((entry for entry in done.data["accounts"] if entry["name"] == account), None)
    if owner is None:
        raise shapes.WrongShape(path, f"{show(account)} is not among the accounts of the configuration")
    found: SnapshotData | None = next((pool for pool in owner["pools"] if pool.get("market") == market), None)
    if found is None:
        found = snapshot.write(venue, PoolValue(market, 0))
        owner["pools"].append(found)
    return found


def pools(data: SnapshotData) -> Iterator[tuple[SnapshotData, SnapshotData]]:
    """Each pool's plain data with that of its account."""
    return ((account, pool) for account in data["accounts"] for pool in account["pools"])


def _is_open(held: SnapshotData) -> bool:
    return held["state"] not in ("backstopped", "closed")


def _window(until: int) -> dict[str, int]:
    """A window that ends then, and was open before this block; at 0 it is closed (CLD-1, CLD-3)."""
    return WindowValue(until, until)._asdict()


# Both end the search early: the leverages of such pools stay unknown.
MAX_TRIES = 20_000
MAX_LEVERAGE = 1_000


def matching(holdings: list[Holding], unknown: list[int], initial_margin: int) -> Iterator[list[int]]:
    """The leverages, largest first, of the positions at the indices `unknown` with which the pool has this margin.

    The search is bounded, so not all of them may come.
    """
    known = [held for index, held in enumerate(holdings) if index not in unknown]
    left = initial_margin - arithmetic.pool_initial_margin(known)
    choices = []
    for held in (holdings[index] for index in unknown):
        leverages = range(min(held.schedule.tiers[0].max_leverage, MAX_LEVERAGE), 0, -1)
        margins = [arithmetic.pool_initial_margin([held._replace(leverage=leverage)]) for leverage in leverages]
        choices.append(list(zip(leverages, margins, strict=True)))
    yield from _search(choices, left, [MAX_TRIES])


def _search(choices: list[list[tuple[int, int]]], left: int, tries: list[int]) -> Iterator[list[int]]:
    """Depth first; `tries` holds how many choices may still be tried, and is counted down."""
    if not choices:
        if left == 0:
            yield []
        return
    least_of_rest = sum(min(margin for _, margin in choice) for choice in choices[1:])
    for leverage, margin in choices[0]:
        tries[0] -= 1
        if tries[0] < 0:
            return
        if margin + least_of_rest <= left:
            for rest in _search(choices[1:], left - margin, tries):
                yield [leverage, *rest]
