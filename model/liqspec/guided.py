"""Random events that go where liquidations happen: breaches on purpose, exact boundaries, working orders, windows.

All choices come from a `random.Random`: a seed repeats a run, and Hypothesis' `randoms()` can shrink one.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from liqspec import arithmetic
from liqspec.config import Mode
from liqspec.engine import Engine
from liqspec.events import EventData
from liqspec.state import Pool, Position
from liqspec.venue import Market


def configuration(random: Random, base: dict[str, Any]) -> dict[str, Any]:
    """A configuration near `base`: one to three accounts, some of its markets, parameters changed now and then."""
    markets = random.sample(sorted(base["markets"]), k=min(len(base["markets"]), random.choice((1, 2, 2, 3))))
    config = {**base, "accounts": ["alice", "bob", "carol"][: random.choice((1, 2, 2, 3))]}
    config["markets"] = {name: base["markets"][name] for name in sorted(markets)}
    config["marks"] = {name: base["marks"][name] for name in sorted(markets)}
    config["vault"] = {"cash": random.choice(("0", "1000", "1000000"))}
    if random.random() < 0.7:
        config["liquidation"] = {**base.get("liquidation", {}), **_liquidation_changes(random)}
        config["backstop"] = {**base["backstop"], "return_fraction": random.choice(("0", "0", "1/3", "1"))}
    return config


def _liquidation_changes(random: Random) -> dict[str, Any]:
    return {
        "order_policy": random.choice(("all", "ranked")),
        "stop_when_restored": random.choice((True, False)),
        "partial_threshold": random.choice(("0", "1000", "20000", "100000")),
        "partial_fraction": random.choice(("1/5", "1/3", "1/2", "1")),
        "cooldown_ms": random.choice((0, 10, 30000, 30000)),
        "cooldown_scope": random.choice(("position", "pool", "account")),
        "fee_rate": random.choice(("0", "0", "1/200", "1/10")),
    }


class Guide:
    """Proposes the next event for an engine, from what state the engine is in."""

    def __init__(self, random: Random, engine: Engine) -> None:
        self._random = random
        self._engine = engine
        self._moves: tuple[tuple[int, Callable[[], EventData | None]], ...] = (
            (10, self._deposit),
            (5, self._withdraw),
            (8, self._transfer),
            (22, self._open_or_increase),
            (9, self._reduce),
            (26, self._mark),
            (4, self._marks),
            (6, self._funding),
            (14, self._block),
            (2, self._vault_trade),
            (1, self._vault_cash),
            (2, self._order_of_nobody),
            (3, self._spoilt),
        )

    def next_event(self) -> EventData:
        """The next event as plain data; now and then one that must be refused."""
        if self._working() and self._random.random() < 0.7:
            return self._execution()
        weights = [weight for weight, _ in self._moves]
        while True:
            move = self._random.choices(self._moves, weights)[0][1]
            event = move()
            if event is not None:
                return event

    # ------------------------------------------------------------------------------------------------ what is there

    def _working(self) -> list[Position]:
        return self._engine.state.working_orders()

    def _open(self) -> list[tuple[Pool, Position]]:
        return [(pool, held) for pool in self._engine.state.pools() for held in pool.open_positions()]

    def _account(self) -> str:
        return self._random.choice(list(self._engine.state.accounts))

    def _market(self) -> Market:
        return self._random.choice(list(self._engine.venue.markets.values()))

    def _money(self, units: int) -> str:
        return self._engine.venue.money.text(units)

    def _key(self, position: Position) -> EventData:
        return {"account": position.account, "market": position.market.name, "mode": position.mode}

    # ----------------------------------------------------------------------------------------------------- the trader

    def _deposit(self) -> EventData:
        amount = self._random.choice((1, 10**6, 10**9, 3 * 10**9, 10**11, 10**30))
        in_trouble = [owner.name for owner in self._engine.state.accounts.values() if owner.cross.in_liquidation]
        account = self._random.choice(in_trouble) if in_trouble else self._account()
        short = self._missing(self._engine.state.accounts[account].cross)
        if short is not None and self._random.random() < 0.6:
            amount = max(1, short + self._random.choice((-1, 0, 0, 1)))
        return {"type": "deposit", "account": account, "amount": self._money(amount)}

    def _missing(self, pool: Pool) -> int | None:
        """What a pool lacks to its margin, or to its backstop line."""
        held = self._engine.state.holdings(pool)
        if not held:
            return None
        equity = arithmetic.pool_equity(pool.collateral, held)
        margin = arithmetic.pool_maintenance_margin(held)
        share = self._engine.venue.backstop_threshold
        line = arithmetic.divide_up(margin * share.numerator, share.denominator)
        return self._random.choice((margin, line)) - equity

    def _withdraw(self) -> EventData:
        account = self._account()
        amount = max(1, self._free(self._engine.state.accounts[account].cross) + self._random.choice((-1, 0, 1)))
        return {"type": "withdraw", "account": account, "amount": self._money(amount)}

    def _free(self, pool: Pool) -> int:
        held = self._engine.state.holdings(pool)
        return arithmetic.pool_equity(pool.collateral, held) - arithmetic.pool_initial_margin(held)

    def _transfer(self) -> EventData:
        account, market = self._account(), self._market().name
        owner = self._engine.state.accounts[account]
        isolated = owner.isolated.get(market)
        if isolated is not None and self._random.random() < 0.4:
            amount = -max(1, self._free(isolated) + self._random.choice((-1, 0, 1)))
        else:
            amount = max(1, self._free(owner.cross) // self._random.choice((1, 2, 4)) + self._random.choice((0, 0, 1)))
            short = None if isolated is None else self._missing(isolated)
            if short is not None and short > 0 and self._random.random() < 0.5:
                amount = max(1, short + self._random.choice((-1, 0, 1)))
        return {"type": "transfer", "account": account, "market": market, "amount": self._money(amount)}

    def _open_or_increase(self) -> EventData:
        account, market, random = self._account(), self._market(), self._random
        modes: tuple[Mode, ...] = ("cross", "cross", "isolated")
        mode = random.choice(modes)
        leverage = random.choice((1, market.max_leverage, market.max_leverage, random.randint(1, market.max_leverage)))
        pool = self._engine.state.pool(account, mode, market.name)
        mark = self._engine.state.marks[market.name]
        free = self._free(pool) if pool is not None else 0
        if free <= 0 and random.random() < 0.8:
            return self._fund(account, market, mode)
        most = max(1, free * leverage // (mark * market.unit))
        size = max(1, random.choice((1, 2, most, most, most // 2, most + 1)))
        boundary = market.schedule.tiers[-1].above // (mark * market.unit)
        if boundary and random.random() < 0.1:
            size = max(1, boundary + random.choice((-1, 0, 1)))
        event = {
            "type": "trade",
            "account": account,
            "market": market.name,
            "mode": mode,
            "size": market.size.text(size * random.choice((1, -1))),
            "price": market.price.text(max(1, mark + random.choice((0, 0, 0, 1, -1)))),
            "leverage": leverage,
        }
        if random.random() < 0.1:
            del event["leverage"]
        return event

    def _fund(self, account: str, market: Market, mode: Mode) -> EventData:
        """Collateral for a pool that has none to trade with."""
        amount = self._money(self._random.choice((10**8, 10**9, 10**10, 3 * 10**11)))
        if mode == "isolated" and self._free(self._engine.state.accounts[account].cross) > 10**10:
            return {"type": "transfer", "account": account, "market": market.name, "amount": amount}
        return {"type": "deposit", "account": account, "amount": amount}

    def _reduce(self) -> EventData | None:
        if not (held := self._open()):
            return None
        _, position = self._random.choice(held)
        whole = abs(position.size)
        size = self._random.choice((whole, whole, 1, max(1, whole // 2), whole + 1))
        price = self._near_mark(position, self._random.choice((0, 0, 0, -1, 1, -5, 5, -20)))
        return {
            "type": "trade",
            **self._key(position),
            "size": position.market.size.text(-size if position.size > 0 else size),
            "price": position.market.price.text(price),
        }

    # ----------------------------------------------------------------------------------------------------- the market

    def _near_mark(self, position: Position, percent: int) -> int:
        mark = self._engine.state.marks[position.market.name]
        return max(1, mark + mark * percent // 100)

    def _mark(self) -> EventData:
        held = [position.market for _, position in self._open()]
        held += [position.market for _, position in self._open() if position.state == "cooldown"] * 2
        market = self._random.choice(held) if held and self._random.random() < 0.9 else self._market()
        return {"type": "mark_price", "market": market.name, "price": market.price.text(self._price(market))}

    def _price(self, market: Market) -> int:
        """A new mark: at, or one tick beside, a price that matters to somebody; between two such; or anywhere near."""
        random, state = self._random, self._engine.state
        mark = state.marks[market.name]
        held = [position for _, position in self._open() if position.market is market]
        if held and random.random() < 0.75:
            exact = self._at_a_boundary(random.choice(held), market)
            if exact is not None and random.random() < 0.15:
                return exact
            cooling = [position for position in held if position.state == "cooldown"]
            position = random.choice(cooling if cooling and random.random() < 0.7 else held)
            key = (position.account, market.name, position.mode)
            liquidation, _ = self._engine.liquidation_price(*key)
            ruin = self._engine.bankruptcy_price(*key)
            bankruptcy = ruin.numerator // ruin.denominator
            if liquidation is not None:
                between = liquidation + (bankruptcy - liquidation) * random.randint(0, 10) // 10
                return max(1, random.choice((liquidation, between, between, bankruptcy)) + random.choice((-1, 0, 0, 1)))
        return max(1, mark + mark * random.choice((-30, -10, -3, -1, 0, 1, 3, 10, 30)) // 100 + random.randint(-1, 1))

    def _at_a_boundary(self, position: Position, market: Market) -> int | None:
        """The mark at which the notional is exactly a tier's start or the partial threshold, if there is one."""
        starts = [tier.above for tier in market.schedule.tiers[1:]]
        threshold = self._engine.venue.partial_threshold
        amount = self._random.choice([*starts, threshold or 0])
        price, rest = divmod(amount, abs(position.size) * market.unit)
        return price if price > 0 and rest == 0 else None

    def _marks(self) -> EventData:
        markets = self._engine.venue.markets.values()
        return {"type": "marks", "prices": {market.name: market.price.text(self._price(market)) for market in markets}}

    def _execution(self) -> EventData:
        random = self._random
        position = random.choice(self._working())
        if random.random() < 0.35:
            return {"type": "order_done", **self._key(position)}
        left = position.order or 1
        size = random.choice((left, left, left, 1, max(1, left // 2), max(1, left - 1), left + 1))
        return {
            "type": "fill",
            **self._key(position),
            "size": position.market.size.text(size),
            "price": position.market.price.text(self._near_mark(position, random.choice((0, 0, 0, -1, 1, -10, 10)))),
        }

    def _order_of_nobody(self) -> EventData:
        key = {
            "account": self._account(),
            "market": self._market().name,
            "mode": self._random.choice(("cross", "isolated")),
        }
        return {"type": "order_done", **key}

    def _funding(self) -> EventData:
        payment = self._random.choice((0, 1, -1, 10**6, -(10**6), 10**8, -(10**8)))
        return {"type": "funding", "market": self._market().name, "payment": self._money(payment)}

    # ----------------------------------------------------------------------------------------------- the vault, time

    def _block(self) -> EventData:
        state, random = self._engine.state, self._random
        ends = [position.window.until for _, position in self._open() if position.window.until]
        ends += [account.window.until for account in state.accounts.values() if account.window.until]
        time = state.time + random.choice((1, 1, 5, 1000, 29999, 30000))
        if ends and random.random() < 0.6:
            time = random.choice((random.choice(ends) + random.choice((-1, -1, 0, 1)), state.time + 1))
        return {"type": "block", "time": max(0, time)}

    def _vault_trade(self) -> EventData | None:
        if not (held := self._engine.state.vault.positions):
            return None
        market = self._engine.venue.markets[self._random.choice(sorted(held))]
        size = -held[market.name] * self._random.choice((1, 1, 2))
        mark = self._engine.state.marks[market.name]
        price = market.price.text(max(1, mark + mark * self._random.choice((0, -10, 10)) // 100))
        return {"type": "vault_trade", "market": market.name, "size": market.size.text(size), "price": price}

    def _vault_cash(self) -> EventData:
        return {"type": "vault_cash", "amount": self._random.choice(("1000", "-1000", "0"))}

    # ---------------------------------------------------------------------------------------------------- bad requests

    def _spoilt(self) -> EventData:
        """An otherwise possible event with one field that must be refused."""
        event = self._random.choice((self._deposit, self._open_or_increase, self._mark, self._block))()
        name = self._random.choice(sorted(event))
        bad = {"account": "nobody", "market": "NONE", "mode": "both", "time": 0, "leverage": 0, "type": "liquidate"}
        return {**event, name: bad.get(name, self._random.choice(("0", "-1", "0.0000000001", "1e3", "NaN", 1.5)))}
