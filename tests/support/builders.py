"""Builds the small engines that the tests run on: every grid is 1, so an amount's text is its own integer."""

from typing import Any

import pytest

from liqspec.core import events
from liqspec.core.config import Config
from liqspec.core.effects import Effect, Transitioned
from liqspec.core.engine import Engine
from liqspec.core.refusals import Refusal

# Rates 1/10 up to a notional of 1000, then 1/5 less 1000 x (1/5 - 1/10) = 100.
TIERS = [
    {"above": "0", "maintenance_rate": "1/10", "max_leverage": 5},
    {"above": "1000", "maintenance_rate": "1/5", "max_leverage": 2},
]


def small_config(**changes: Any) -> dict[str, Any]:
    """The plain data of a configuration with two markets, A and B, at 100 each, and what the test changes."""
    market = {"tick": "1", "lot": "1", "tiers": TIERS}
    return {
        "quote_unit": "1",
        "markets": {"A": market, "B": market},
        "marks": {"A": "100", "B": "100"},
        "accounts": ["alice", "bob"],
        "vault": {"cash": "5000"},
        "backstop": {"threshold": "2/3"},
        **changes,
    }


def small_engine(**changes: Any) -> Engine:
    """A run on the small configuration."""
    return Engine(Config.from_json(small_config(**changes)))


def beyond_78_digits() -> Engine:
    """A run whose collaterals have a digit more than a deposit may have, and whose equities have twice as many."""
    engine = small_engine()
    for _ in range(2):
        apply(engine, "deposit", account="alice", amount="9" * 78)
    apply(engine, "trade", account="alice", market="A", mode="cross", size="9" * 77, price="1", leverage=1)
    apply(engine, "mark_price", market="A", price="9" * 77)
    return engine


def apply(engine: Engine, kind: str, **fields: Any) -> tuple[Effect, ...]:
    """Apply an event that must be accepted."""
    return engine.apply(events.from_json({"type": kind, **fields}))


def refused(engine: Engine, kind: str, **fields: Any) -> Refusal:
    """Apply an event that must be refused, and see that it changed nothing."""
    before, seen = engine.snapshot(), engine.observe()
    with pytest.raises(Refusal) as caught:
        apply(engine, kind, **fields)
    assert (engine.snapshot(), engine.observe()) == (before, seen)
    return caught.value


def trade(engine: Engine, size: str, price: str = "100", leverage: int | None = None, **key: str) -> tuple[Effect, ...]:
    """Trade as alice in A, cross, unless `key` says otherwise; the trade must be accepted."""
    return apply(engine, "trade", **trade_fields(size, price, leverage, **key))


def trade_fields(size: str, price: str = "100", leverage: int | None = None, **key: str) -> dict[str, Any]:
    """The fields of a trade of alice in A, cross, unless `key` says otherwise."""
    fields = {"account": "alice", "market": "A", "mode": "cross", **key, "size": size, "price": price}
    return fields if leverage is None else {**fields, "leverage": leverage}


def mark(engine: Engine, price: str, market: str = "A") -> tuple[Effect, ...]:
    """Move the mark of a market."""
    return apply(engine, "mark_price", market=market, price=price)


def order_event(engine: Engine, kind: str, **fields: str) -> tuple[Effect, ...]:
    """Apply a `fill` or an `order_done` to alice's order in A, cross, unless `fields` say otherwise."""
    return apply(engine, kind, **{"account": "alice", "market": "A", "mode": "cross", **fields})


def transitions(effects: tuple[Effect, ...]) -> list[str]:
    """The transitions among effects, in their order."""
    return [effect.transition for effect in effects if isinstance(effect, Transitioned)]


def view(engine: Engine, kind: str, *key: str | None) -> dict[str, Any]:
    """The observed position of (account, market, mode), or the observed pool of (account, market)."""
    names = {"positions": ("account", "market", "mode"), "pools": ("account", "market")}[kind]
    found: list[dict[str, Any]] = engine.observe()[kind]
    return next(entry for entry in found if tuple(entry[name] for name in names) == key)


def position(engine: Engine, market: str = "A", mode: str = "cross", account: str = "alice") -> dict[str, Any]:
    """An observed position."""
    return view(engine, "positions", account, market, mode)


def pool(engine: Engine, market: str | None = None, account: str = "alice") -> dict[str, Any]:
    """An observed pool; the cross pool where `market` is None."""
    return view(engine, "pools", account, market)


# ---------------------------------------------------------------------------------------------------------- situations
# Alice is long 10 A from 100, so at a mark p of at most 100 her equity is collateral + 10p - 1000 and her margin is p.


def holding(collateral: str = "200", **changes: Any) -> Engine:
    """Equity 200 = initial margin 1000 / 5; maintenance margin 1000 / 10 = 100."""
    engine = small_engine(**changes)
    apply(engine, "deposit", account="alice", amount=collateral)
    trade(engine, "10", "100", 5)
    return engine


def restricted() -> Engine:
    """Ten A in an isolated pool with 300, of which 200 are needed and none may leave; B is isolated only."""
    market = small_config()["markets"]["A"]
    markets = {"A": {**market, "isolated_removal": "never"}, "B": {**market, "modes": ["isolated"]}}
    engine = small_engine(markets=markets)
    apply(engine, "deposit", account="alice", amount="500")
    apply(engine, "transfer", account="alice", market="A", amount="300")
    trade(engine, "10", leverage=5, mode="isolated")
    return engine


def settled() -> Engine:
    """The same, and B is not traded any more."""
    engine = restricted()
    apply(engine, "settle", market="B", price="100")
    return engine


def working(**changes: Any) -> Engine:
    """At 88 equity is 80 and the margin 88: an order for all 10 is working."""
    engine = holding(**changes)
    mark(engine, "88")
    return engine


def waiting(**changes: Any) -> Engine:
    """The order found nothing; 80 is above 2/3 of 88, so the pool waits in liquidation without an order."""
    engine = working(**changes)
    order_event(engine, "order_done")
    return engine


def backstopped(**changes: Any) -> Engine:
    """At 85 equity is 50, below 2/3 of 85: the vault has taken the pool."""
    engine = waiting(**changes)
    mark(engine, "85")
    return engine


def restored_by_a_fill(**changes: Any) -> Engine:
    """One of ten closed at 88: equity 80 meets the margin of 792 / 10, rounded up; the position shows the fill."""
    engine = working(**changes)
    order_event(engine, "fill", size="1", price="88")
    return engine


def chunk_badly_filled() -> Engine:
    """Half was sold at 75: size 5, collateral 75, equity 15, margin 44, in liquidation, and no order is working.

    The chunk was filled whole, so the book did not fail, and the vault may not take the pool in this block.
    """
    engine = working(liquidation={"partial_threshold": "100", "partial_fraction": "1/2"})
    order_event(engine, "fill", size="5", price="75")
    return engine


def backstopped_and_working() -> Engine:
    """A was taken in this block, and B, opened after it in the same cross pool, has an order working."""
    engine = backstopped()
    apply(engine, "deposit", account="alice", amount="200")
    trade(engine, "10", "100", 5, market="B")
    mark(engine, "88", "B")
    return engine


# Each event once, such that it is accepted where nothing is wrong.
SAMPLES: dict[str, dict[str, Any]] = {kind: record.example for kind, record in events.EVENTS.items()}


def partial_position(**fields: Any) -> dict[str, Any]:
    """Partial state: alice's position in A, of size 10 at a leverage of 5, in a pool with 200, and `fields`."""
    held = {"account": "alice", "market": "A", "mode": "cross", "size": "10", "cost": "1000", "leverage": 5, **fields}
    pools = [{"account": "alice", "mode": "cross", "collateral": "200"}]
    return {"positions": [{name: value for name, value in held.items() if value is not None}], "pools": pools}
