"""Big logs for measuring an audit: a run of the model, of which each line shows some fields of what its event names."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pa_parquet  # type: ignore[import-untyped]

from liqspec.core.config import Config, Mode
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.observation import observe_pool, observe_position

Line = dict[str, Any]

EVENT = ("type", "account", "market", "mode", "size", "price", "leverage", "amount", "time", "payment")
POSITION, POOL = ("state", "size", "cost"), ("collateral",)  # what is shown

TIERS = [
    {"above": "0", "maintenance_rate": "1/80", "max_leverage": 40},
    {"above": "1000000", "maintenance_rate": "1/40", "max_leverage": 20},
]


def configuration(accounts: int, markets: int, **changes: Any) -> dict[str, Any]:
    """The plain data of a run with these counts of accounts and markets, and what else is given."""
    market = {"tick": "0.01", "lot": "0.001", "tiers": TIERS}
    names = [f"M{number}" for number in range(markets)]
    return {
        "accounts": [f"trader{number:05}" for number in range(accounts)],
        "markets": dict.fromkeys(names, market),
        "marks": dict.fromkeys(names, "100"),
        "vault": {"cash": "1000000"},
        "backstop": {"threshold": "2/3"},
        "quote_unit": "0.000001",
        **changes,
    }


def head(config: dict[str, Any]) -> Line:
    """The first line of a log of this run."""
    return {"format": 1, "engine": "big 1.0", "config": config}


def lines(config: dict[str, Any], length: int, seed: int = 1) -> Iterator[Line]:
    """The lines after the first: trades, deposits and withdrawals, marks, funding, blocks, and what ends orders.

    An event of an account is followed by three fields of its position and one of its pool; other events by nothing but
    that they were accepted.
    """
    random, engine = Random(seed), Engine(Config.from_json(config))
    written = 0
    while written < length:
        for event in _next(random, engine):
            yield _line(engine, event)
            written += 1
            if written == length:
                return


def _line(engine: Engine, event: EventData) -> Line:
    code = apply_event(engine, event).code
    if code is not None:
        return {"event": event, "refused": code}
    account = event.get("account")
    if account is None:
        return {"event": event, "accepted": True}
    observation: dict[str, Any] = {}
    pool = engine.state.pool(account, event.get("mode", "cross"), event.get("market", ""))
    position = engine.state.position(account, event["market"], event["mode"]) if "market" in event else None
    if position is not None:
        shown = observe_position(engine.state, position)
        names = ("account", "market", "mode", *POSITION)
        observation["positions"] = [{name: shown[name] for name in names}]
    if pool is not None:
        shown = observe_pool(engine.state, pool)
        observation["pools"] = [{name: shown[name] for name in ("account", "mode", "market", *POOL)}]
    return {"event": event, "observation": observation}


def _next(random: Random, engine: Engine) -> list[EventData]:
    """The next events: what ends the orders that work, or one at random."""
    state = engine.state
    account, market = random.choice(list(state.accounts)), random.choice(list(state.marks))
    mark = state.marks[market]
    kind = random.random()
    if kind < 0.03:
        moved = state.venue.markets[market].price.text(max(1, mark + random.randint(-mark // 12, mark // 12)))
        return [{"type": "mark_price", "market": market, "price": moved}, *_ended(random, engine, market, moved)]
    if kind < 0.034:
        return [{"type": "block", "time": state.time + 1000}]
    if kind < 0.04:
        return [{"type": "funding", "market": market, "payment": f"0.0{random.randint(1, 9)}"}]
    if kind < 0.2:
        amount = str(random.randint(1, 500))
        return [{"type": random.choice(["deposit", "withdraw"]), "account": account, "amount": amount}]
    mode: Mode = "cross" if random.random() < 0.9 else "isolated"
    held = state.position(account, market, mode)
    event: EventData = {"type": "trade", "account": account, "market": market, "mode": mode}
    event["price"] = state.venue.markets[market].price.text(max(1, mark + random.randint(-50, 50)))
    if held is not None and held.size and random.random() < 0.5:
        return [{**event, "size": held.market.size.text(-held.size)}]
    size = f"{random.choice(['', '-'])}{random.randint(1, 60)}.{random.randint(1, 999):03}"
    return [{**event, "size": size, "leverage": 30}]


def _ended(random: Random, engine: Engine, market: str, price: str) -> Iterator[EventData]:
    """The events that end each working order: a fill at this price, or the end for lack of liquidity."""
    for held in engine.state.working_orders():
        key = {"account": held.account, "market": held.market.name, "mode": held.mode}
        if held.market.name == market and random.random() < 0.8:
            assert held.order is not None, "it works"
            yield {"type": "fill", **key, "size": held.market.size.text(held.order), "price": price}
        else:
            yield {"type": "order_done", **key}


def write_json_lines(path: Path, written: Iterable[Line]) -> Path:
    """Write lines as JSON Lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in written)
    return path


def rows(written: Iterable[Line]) -> Iterator[dict[str, Any]]:
    """Lines as the rows of a table."""
    for line in written:
        event, shown = line["event"], line.get("observation", {})
        row = {f"event.{name}": event.get(name) for name in EVENT}
        row |= {"refused": line.get("refused"), "accepted": None if "refused" in line else True}
        for part, names in (("position", POSITION), ("pool", POOL)):
            first: dict[str, Any] = next(iter(shown.get(f"{part}s", [])), {})
            row |= {f"{part}.{name}": first.get(name) for name in names}
        yield row


def write_csv(path: Path, written: Iterable[Line]) -> Path:
    """Write lines as CSV."""
    table = rows(written)
    with path.open("w", newline="", encoding="utf-8") as file:
        first: dict[str, Any] = next(table)
        writer = csv.DictWriter(file, fieldnames=list(first))
        writer.writeheader()
        for row in (first, *table):
            writer.writerow({name: "true" if value is True else value for name, value in row.items()})
    return path


def write_parquet(path: Path, written: Iterable[Line]) -> Path:
    """Write lines as Parquet."""
    whole = ("leverage", "time")
    kinds = {f"event.{name}": pa.int64() if name in whole else pa.string() for name in EVENT}
    kinds |= {"refused": pa.string(), "accepted": pa.bool_()}
    kinds |= {f"position.{name}": pa.string() for name in POSITION} | {f"pool.{name}": pa.string() for name in POOL}
    pa_parquet.write_table(pa.Table.from_pylist(list(rows(written)), schema=pa.schema(list(kinds.items()))), path)
    return path
