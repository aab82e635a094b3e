"""The values assumed for the unknowns of a partial state, and what else they could be (STP-3, STP-4)."""

from liqspec.core.config import Venue
from liqspec.core.parameters import on_grid
from liqspec.step.completion import (
    Completed,
    Edit,
    SnapshotData,
    complete,
    find_account,
    find_pool,
    is_open,
    pools,
    updated,
    window,
)
from liqspec.step.partial import PartialPool, PartialState, pool_path


def from_start(venue: Venue, start: SnapshotData, known: PartialState) -> Completed:
    """Complete a state of which nothing is known but what is given: the rest is as at the start of the run (STP-3).

    Raises:
        shapes.WrongShape, InvalidConfig: see `complete`.
    """
    done = complete(venue, start, known)
    data = done.data
    if known.time is None:
        done.assume("time", data["time"], "STP-3", lambda data: data.update(time=data["time"] + 1))
    if known.block is None:
        done.assume("block", data["block"], "STP-3", lambda data: data.update(block=data["block"] + 1))
    held_markets = {held["market"] for _, pool in pools(data) for held in pool["positions"] if is_open(held)}
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
                least = updated(account["name"], pool.get("market"), {held["market"]: {"leverage": 1}})
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
        done.assume(
            f"{path}.in_liquidation",
            assumed,
            "STP-3",
            lambda data: find_pool(data, account, market).update(in_liquidation=not assumed),
        )


def _assume_attempts(done: Completed, account: str, pool: SnapshotData, known: PartialState) -> None:
    """LIQ-12, BKS-2: what this block remembers of the pool's orders is in no observation."""
    market = pool.get("market")
    said = {
        held.market
        for held in known.positions
        if (held.account, held.pool_market) == (account, market) and held.known.keys() & {"attempted", "failed"}
    }
    without_order = [held["market"] for held in pool["positions"] if is_open(held) and "order" not in held]
    silent = sorted(set(without_order) - said)
    if not silent:
        return

    # All of them alike, and each alone: a book fails only with all, and an order can be missing for one only.
    groups = [silent, *([market] for market in silent if len(silent) > 1)]
    edits = [
        updated(account, market, {name: {"attempted": True, "failed": failed} for name in group})
        for group in groups
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
            if not any(map(is_open, held)):
                continue
            seen = {end: max(entry["window"][end] for entry in held) for end in ("until", "forcing_until")}
            (group[0] if by_pool else account)["window"] = seen
            market = group[0].get("market")
            forced = _windowed(name, market, by_pool, window(later))
            path = pool_path(name, market) if by_pool else f"accounts[{name}]"
            done.assume(f"{path} window", f"until {seen['until']}" if seen["until"] else "none", "STP-4", forced)


def _windowed(account: str, market: str | None, by_pool: bool, open_until: SnapshotData) -> Edit:
    def edit(data: SnapshotData) -> None:
        owner = find_pool(data, account, market) if by_pool else find_account(data, account)
        owner["window"] = open_until

    return edit
