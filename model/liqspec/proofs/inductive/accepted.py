"""Whether an event must be accepted, and if not with which refusal: its checks in their order, as conditions (EVT-2).

What an engine does not see here are names that are unknown and amounts that are off their grid.
"""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding
from liqspec.core.state import State
from liqspec.proofs.inductive import feeds
from liqspec.proofs.inductive.conditions import every, negation, some
from liqspec.proofs.inductive.exact import PoolBefore
from liqspec.proofs.inductive.steps import Step
from liqspec.proofs.inductive.unknown import Limit, Numbers, given, has
from liqspec.proofs.symbolic import Condition

Check = tuple[str, Condition]  # the code of a refusal, and when the check fails


def exactly(step: Step, numbers: Numbers, state: State, before: list[PoolBefore], code: str | None) -> Condition:
    """That the event ends as its rule says, with this refusal or none; the state is that after it."""
    earlier: list[Condition] = []
    for known, fails in _Checks(step, numbers, state, before).all():
        if known == code:
            return fails & every(earlier)
        earlier.append(negation(fails))
    return every(earlier) if code is None else False


@frozen(eq=False)
class _Checks:
    """The checks of an event, on what was before it; marks do not change in an event that looks at them."""

    step: Step
    numbers: Numbers
    state: State
    before: list[PoolBefore]

    def all(self) -> Iterator[Check]:
        """Each check with its code, in their order; a later one may be asked only where the earlier ones passed."""
        yield "not_positive", self._wrong_sign()
        if self.step.kind in ("trade", "vault_trade", "settle"):
            yield "market_settled", self.numbers.flag(f"settled.{self.step.markets}")
        if self.step.kind == "trade":
            yield "mode_not_allowed", self._in_another_mode()
        own = getattr(self, f"_{self.step.kind}", None)
        yield from own() if own is not None else ()

    def _wrong_sign(self) -> Condition:
        """EVT-2: an amount that must be above 0 is not, or one that must not be 0 is."""
        kind, amount = self.step.kind, self.numbers.integer
        wrong: list[Condition] = []
        if kind in ("deposit", "withdraw"):
            wrong = [amount("event.amount") <= 0]
        elif kind in ("transfer", "vault_cash", "adjust"):
            wrong = [amount("event.amount") == 0]
        if kind in ("trade", "vault_trade", "fill", "mark_price", "marks", "price_inputs", "settle"):
            wrong = [amount(f"event.price.{market}") <= 0 for market in self.step.markets]
        if kind in ("trade", "vault_trade"):
            wrong.append(amount(f"event.size.{self.step.markets}") == 0)
        if kind == "fill":
            wrong.append(amount(f"event.size.{self.step.markets}") <= 0)
        return some(wrong)

    def _in_another_mode(self) -> Condition:
        """ACC-17: the market has another mode only."""
        other = "isolated" if self.step.mode == "cross" else "cross"
        return has(self.state.venue.markets[self.step.markets], "modes", (other,))

    def _pool(self, mode: str) -> PoolBefore:
        """The pool of account a in this mode; an isolated one that was never used is empty."""
        key = "a/cross" if mode == "cross" else "a/A/isolated"
        return next((one for one in self.before if one.key == key), PoolBefore(key, 0, False, {}, {}))

    def _outflow(self, pool: PoolBefore, amount: int) -> list[Check]:
        """ACC-5, ACC-6: no order of the paying pool works, it is not in liquidation, and keeps its initial margin; and
        where the venue asks for it a share of its notional, and no negative collateral (ACC-14, ACC-15).
        """
        held, venue = list(pool.holdings.values()), self.state.venue
        equity = arithmetic.pool_equity(pool.collateral, held) - amount
        floored, floor = given(venue, "withdraw_floor")
        worth = sum(arithmetic.notional(one.size, one.mark, one.unit) for one in held)
        uncovered: Condition = equity < arithmetic.pool_initial_margin(held)
        if floored is not False:
            uncovered = uncovered | (floored & (equity * floor.denominator < worth * floor.numerator))
        uncovered = uncovered | (has(venue, "withdraw_from", "collateral") & (pool.collateral - amount < 0))
        return [
            ("order_working", pool.working),
            ("in_liquidation", pool.in_liquidation),
            ("insufficient_margin", uncovered),
        ]

    def _withdraw(self) -> list[Check]:
        return self._outflow(self._pool("cross"), self.numbers.integer("event.amount"))

    def _transfer(self) -> list[Check]:
        amount, isolated = self.numbers.integer("event.amount"), self._pool("isolated")
        to_isolated, back = self._outflow(self._pool("cross"), amount), self._outflow(isolated, -amount)
        stays = has(self.state.venue.markets[self.step.markets], "isolated_removal", "never") & bool(isolated.holdings)
        return [
            ("removal_not_allowed", (amount < 0) & stays),
            *(
                (code, ((amount > 0) & fails) | ((amount < 0) & other))
                for (code, fails), (_, other) in zip(to_isolated, back, strict=True)
            ),
        ]

    def _trade(self) -> Iterator[Check]:
        step, pool, market = self.step, self._pool(self.step.mode), self.step.markets
        size, price = (self.numbers.integer(f"event.{name}.{market}") for name in ("size", "price"))
        held, known = pool.holdings.get(market), pool.positions.get(market)
        yield "not_open", known is not None and known["state"] == "backstopped"
        yield "order_working", pool.working
        others = [one for name, one in pool.holdings.items() if name != market]
        collateral = pool.collateral
        if held is not None and held.size * size < 0:
            if negation(has(self.state.venue, "crossing", "split")) | (abs(size) <= abs(held.size)):
                yield from self._reduction(pool, held, others, size, price)
                return
            # ACC-16: what is closed is paid for, and the rest opened.
            collateral = collateral + (held.size * price * held.unit - held.cost)
            size, held = size + held.size, None
        of = self.state.venue.markets[market]
        leverage = self.numbers.integer("event.leverage") if step.leverage else None if held is None else held.leverage
        partly = any(pool.positions[name]["state"] == "partially_liquidated" for name in pool.holdings)
        yield "in_liquidation", pool.in_liquidation or partly
        if leverage is None:
            yield "bad_leverage", True
            return
        yield "bad_leverage", (leverage < 1) | (leverage > of.max_leverage)
        old = Holding(0, 0, leverage, self.state.marks[market], of.unit, of.schedule) if held is None else held
        bought = old._replace(size=old.size + size, cost=old.cost + size * price * of.unit, leverage=leverage)
        equity = arithmetic.pool_equity(collateral, [*others, bought])
        yield "insufficient_margin", equity < arithmetic.pool_initial_margin([*others, bought])

    def _reduction(
        self, pool: PoolBefore, held: Holding, others: list[Holding], size: int, price: int
    ) -> Iterator[Check]:
        """ACC-7, ACC-9: it does not turn the position round, takes no leverage, and makes the pool no worse."""
        closed = abs(size)
        yield "crosses_zero", closed > abs(held.size)
        yield "bad_leverage", self.step.leverage
        if self.step.leverage:
            return
        before = list(pool.holdings.values())
        released = arithmetic.released_cost(held.size, held.cost, closed)
        realised = arithmetic.realised_pnl(held.size, closed, price, held.unit, released)
        after = list(others)
        if closed != abs(held.size):
            after.append(held._replace(size=held.size + size, cost=held.cost - released))
        safe = arithmetic.reduction_is_safe(
            arithmetic.pool_equity(pool.collateral, before),
            arithmetic.pool_maintenance_margin(before),
            arithmetic.pool_equity(pool.collateral + realised, after),
            arithmetic.pool_maintenance_margin(after),
            len(after),
        )
        yield "insufficient_margin", negation(safe)

    def _fill(self) -> list[Check]:
        known = self._pool(self.step.mode).positions.get(self.step.markets)
        order = None if known is None else known["order"]
        if known is None or order is None:
            return [("no_working_order", True)]
        size, price = (self.numbers.integer(f"event.{name}.{self.step.markets}") for name in ("size", "price"))
        return [("overfill", size > order), ("worse_than_limit", self._worse(known, price))]

    def _worse(self, known: dict[str, Any], price: int) -> Condition:
        """LIQ-17: the price is worse for the position than the limit of its order."""
        limit, long = known["limit"], known["size"] > 0
        if limit is None:
            return False
        there, bound = (limit.there, limit.price) if isinstance(limit, Limit) else (True, limit)
        worse: Condition = there & ((long & (price < bound)) | (negation(long) & (price > bound)))
        return worse

    def _order_done(self) -> list[Check]:
        known = self._pool(self.step.mode).positions.get(self.step.markets)
        return [("no_working_order", known is None or known["order"] is None)]

    def _adjust(self) -> list[Check]:
        return [
            ("not_open", self.step.mode == "isolated" and not any(one.key == "a/A/isolated" for one in self.before))
        ]

    def _leverage(self) -> Iterator[Check]:
        pool, market = self._pool(self.step.mode), self.step.markets
        held, leverage = pool.holdings.get(market), self.numbers.integer("event.leverage")
        yield "not_open", held is None
        if held is None:
            return
        yield "order_working", pool.working
        yield "in_liquidation", pool.in_liquidation
        yield "bad_leverage", (leverage < 1) | (leverage > self.state.venue.markets[market].max_leverage)
        lower = [one._replace(leverage=leverage) if name == market else one for name, one in pool.holdings.items()]
        short = arithmetic.pool_equity(pool.collateral, lower) < arithmetic.pool_initial_margin(lower)
        yield "insufficient_margin", (leverage < held.leverage) & short

    def _price_inputs(self) -> list[Check]:
        formed = self.numbers.flag("venue.forms_marks")
        return [("not_formed", negation(formed)), ("no_price", negation(feeds.exists(self.numbers)))]

    def _block(self) -> list[Check]:
        too_early = self.numbers.integer("event.time") <= self.numbers.integer("time")
        return [("time_not_after", too_early), ("order_working", any(pool.working for pool in self.before))]
