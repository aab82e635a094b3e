"""Exactly what an event makes of a pool: collateral, sizes, costs, leverages, lives, and what its orders are.

One with the name of a property of the catalogue says the same. A pool that the vault took is left to the probes.
"""

from typing import Any

from attrs import define, frozen

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding
from liqspec.core.effects import Backstopped, Effect, LiquidationLeft, OrderEmitted, OrderEnded
from liqspec.core.state import Pool, Position, State
from liqspec.proofs.inductive.conditions import chosen, every, negation
from liqspec.proofs.inductive.steps import Step
from liqspec.proofs.inductive.unknown import Numbers, ended, has, limit_of
from liqspec.proofs.symbolic import Condition

Must = dict[str, Condition]


@frozen(eq=False)
class PoolBefore:
    """What a pool was before an event: its collateral, whether it was in liquidation, and its positions by market."""

    key: str
    collateral: int
    in_liquidation: bool
    positions: dict[str, dict[str, Any]]
    holdings: dict[str, Holding]

    @classmethod
    def of(cls, state: State, pool: Pool) -> "PoolBefore":
        """What a pool is now."""
        names = ("state", "size", "cost", "leverage", "life", "order", "attempted", "failed")
        positions = {market: {name: getattr(one, name) for name in names} for market, one in pool.positions.items()}
        for market, one in pool.positions.items():
            positions[market]["limit"] = limit_of(one)
        holdings = {market: state.holding(one) for market, one in pool.positions.items() if not ended(one.state)}
        return cls(pool.key, pool.collateral, pool.in_liquidation, positions, holdings)

    @property
    def working(self) -> bool:
        """Whether an order works."""
        return any(one["order"] is not None for one in self.positions.values())


@define
class _Expected:
    """What a pool is made of by its event, before it is assessed: collateral, positions and lives by market."""

    collateral: int
    holdings: dict[str, Holding]
    lives: dict[str, int]
    fee: int = 0


def exact(
    step: Step,
    numbers: Numbers,
    state: State,
    before: list[PoolBefore],
    pools: list[Pool],
    effects: tuple[Effect, ...],
    *,
    assessed: bool,
) -> Must:
    """What must be in the pools after an accepted event, and in the vault's cash; or before it is `assessed`."""
    must: Must = {}
    taken = {effect.pool for effect in effects if isinstance(effect, Backstopped)}
    paid = 0
    for pool in pools:
        was = next((one for one in before if one.key == pool.key), PoolBefore(pool.key, 0, False, {}, {}))
        expected = _expected(step, numbers, state, was, pool)
        if pool.key not in taken:
            holds, deficit = _collateral(pool, expected, assessed=assessed)
            must[f"an_event_changes_exactly_what_it_must [{pool.key}]"] = holds & every(
                _position(held, expected) for held in pool.positions.values()
            )
            paid = paid + expected.fee - deficit
            must |= _orders(step, numbers, state, was, pool, effects)
    if not taken and step.kind not in ("funding", "settle", "vault_trade", "vault_cash"):
        must["the vault gets the fees and pays the deficits"] = state.vault.cash == numbers.integer("vault.cash") + paid
    return must


def _collateral(pool: Pool, expected: _Expected, *, assessed: bool) -> tuple[Condition, int]:
    """BKS-7: the collateral is what is expected; where nothing is open, a deficit is covered. And that deficit."""
    if not assessed or any(not ended(one.state) for one in pool.positions.values()):
        return pool.collateral == expected.collateral, 0
    return chosen(
        expected.collateral >= 0, expected.collateral, 0, pool.collateral
    ), pool.collateral - expected.collateral


def _position(held: Position, expected: _Expected) -> Condition:
    """The size, cost, leverage and life of a position; what has no size has no cost or leverage either (LIF-2)."""
    name = held.market.name
    wanted = expected.holdings.get(name)
    life: Condition = held.life == expected.lives[name]
    if wanted is None:
        return (held.size == 0) & (held.cost == 0) & life
    leverage: Condition = held.leverage == 0 if ended(held.state) else held.leverage == wanted.leverage
    return (held.size == wanted.size) & (held.cost == wanted.cost) & leverage & life


def _expected(step: Step, numbers: Numbers, state: State, was: PoolBefore, pool: Pool) -> _Expected:
    """What the event's rule makes of the pool."""
    found = _Expected(was.collateral, dict(was.holdings), {name: one["life"] for name, one in was.positions.items()})
    own = pool.account == "a" and pool.mode == step.mode
    amount = numbers.integer("event.amount")
    match step.kind:
        case "deposit":
            found.collateral = found.collateral + amount
        case "adjust" if own:
            found.collateral = found.collateral + amount
        case "withdraw":
            found.collateral = found.collateral - amount
        case "transfer":
            found.collateral = found.collateral + (-amount if pool.mode == "cross" else amount)
        case "trade" if own:
            _trade(step, numbers, state, found)
        case "fill" if own:
            _fill(step, numbers, state, found)
        case "leverage" if own:
            held = found.holdings[step.markets]
            found.holdings[step.markets] = held._replace(leverage=numbers.integer("event.leverage"))
        case "settle" if step.markets in found.holdings:
            held = found.holdings.pop(step.markets)
            price = numbers.integer(f"event.price.{step.markets}")
            found.collateral = found.collateral + (held.size * price * held.unit - held.cost)
        case "funding" if step.markets in found.holdings:
            lot = state.venue.markets[step.markets].lot
            due = arithmetic.funding_due(found.holdings[step.markets].size, amount, lot)
            found.collateral = found.collateral - due
    return found


def _close(found: _Expected, market: str, closed: int, price: int) -> None:
    """FIL-1, ACC-9, MRG-9: part of a position, or all of it, is closed."""
    held = found.holdings[market]
    released = arithmetic.released_cost(held.size, held.cost, closed)
    signed = closed if held.size > 0 else -closed
    found.collateral = found.collateral + (signed * price * held.unit - released)
    found.holdings[market] = held._replace(size=held.size - signed, cost=held.cost - released)


def _fill(step: Step, numbers: Numbers, state: State, found: _Expected) -> None:
    """FIL-1, FIL-2."""
    name = step.markets
    size, price = numbers.integer(f"event.size.{name}"), numbers.integer(f"event.price.{name}")
    _close(found, name, size, price)
    held = found.holdings[name]
    left = [one for one in found.holdings.values() if one is not held or held.size != 0]
    equity = arithmetic.pool_equity(found.collateral, left)
    worth = arithmetic.notional(size, price, held.unit)
    found.fee = arithmetic.liquidation_fee(worth, state.venue.fee_rate, equity)
    found.collateral = found.collateral - found.fee


def _trade(step: Step, numbers: Numbers, state: State, found: _Expected) -> None:
    """ACC-8, ACC-9, ACC-16."""
    name = step.markets
    size, price = numbers.integer(f"event.size.{name}"), numbers.integer(f"event.price.{name}")
    held = found.holdings.get(name)
    if held is not None and held.size * size < 0:
        if negation(has(state.venue, "crossing", "split")) | (abs(size) <= abs(held.size)):
            _close(found, name, abs(size), price)
            return
        _close(found, name, abs(held.size), price)  # ACC-16
        size, held = size + held.size, None
    market = state.venue.markets[name]
    bought = size * price * market.unit
    if held is None:
        held = Holding(0, 0, 0, state.marks[name], market.unit, market.schedule)
        found.lives[name] = found.lives.get(name, 0) + 1
    leverage = numbers.integer("event.leverage") if step.leverage else held.leverage
    found.holdings[name] = held._replace(size=held.size + size, cost=held.cost + bought, leverage=leverage)


def _orders(
    step: Step, numbers: Numbers, state: State, was: PoolBefore, pool: Pool, effects: tuple[Effect, ...]
) -> Must:
    """FIL-3, FIL-6, LIQ-9, LIQ-10, BKS-2: an order changes only as it may, and so do an attempt and a failure."""
    emitted = {effect.position for effect in effects if isinstance(effect, OrderEmitted)}
    over = {effect.position: effect.how for effect in effects if isinstance(effect, OrderEnded)}
    left = any(isinstance(effect, LiquidationLeft) and effect.pool == pool.key for effect in effects)
    must: Must = {}
    for name, held in pool.positions.items():
        if ended(held.state) or name not in was.positions or ended(was.positions[name]["state"]):
            continue
        earlier, own = was.positions[name], pool.account == "a" and pool.mode == step.mode and name == step.markets
        anew: Condition = held.life != earlier["life"] if own and step.kind == "trade" else False  # ACC-16, LIF-2
        done, filled = own and step.kind == "order_done", own and step.kind == "fill"
        failed: Any = False if left or step.kind == "block" else True if done else earlier["failed"]
        conditions: list[Condition] = [_flag(held.failed, failed, anew)]
        if held.key not in emitted:
            attempted = False if step.kind == "block" or over.get(held.key) == "restored" else earlier["attempted"]
            conditions.append(_flag(held.attempted, attempted, anew))
        order = earlier["order"]
        match over.get(held.key):
            case "restored":
                conditions += [state.venue.stop_when_restored, not held.order, not pool.in_liquidation]
            case "filled":
                conditions += [filled, order == numbers.integer(f"event.size.{name}")]
            case "no_liquidity":
                conditions.append(done)
            case _ if held.key not in emitted and order is None:
                conditions.append(held.order is None)
            case _ if held.key not in emitted:
                rest = order - numbers.integer(f"event.size.{name}") if filled else order
                conditions += [held.order is not None and held.order == rest, limit_of(held) is earlier["limit"]]
        must[f"an_order_changes_only_as_it_may [{held.key}]"] = every(conditions)
        partly = "partially_liquidated"
        stays = step.kind != "block" and earlier["state"] == partly
        must[f"a_partial_liquidation_shows_until_the_next_block [{held.key}]"] = (held.state == partly) == (
            stays or filled
        )
    return must


def _flag(found: Any, expected: Any, anew: Condition) -> Condition:
    """That a flag is as expected, or not set where a life has begun."""
    return True if found is expected else chosen(anew, False, expected, found)
