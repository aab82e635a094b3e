"""What the naive checker remembers of a run between two events, because no observation shows it."""

from collections.abc import Callable, Mapping
from functools import wraps
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from attrs import Factory, define, fields

from liqspec.properties.checker.exact import ZERO, Fraction, total
from liqspec.properties.checker.families.mark_price import NaiveFeed
from liqspec.properties.checker.measures import Contents, Holding, NaivePosition, NaiveRules

Measure = TypeVar("Measure", Fraction, bool)
Life = tuple[str, int]  # a position's key and the number of its life


class Window(NamedTuple):
    """A window that forces full size: its end, and its end as it was when this block began (CLD-3)."""

    until: int = 0
    forcing_until: int = 0


def _once(measure: Callable[["Memory", Contents], Measure]) -> Callable[["Memory", Contents], Measure]:
    """A measure of a pool, computed once for the same contents, rules, marks and leverages: none of them changes."""
    name = measure.__name__

    @wraps(measure)
    def measured(memory: "Memory", pool: Contents) -> Measure:
        kept = pool.measured.get(name)
        if kept is not None and kept[0] is memory.marks and kept[1] is memory.leverages and kept[2] is memory.rules:
            known: Measure = kept[3]
            return known
        known = kept[3] if kept and _same_inputs(memory, pool, *kept[:3]) else measure(memory, pool)
        pool.measured[name] = (memory.marks, memory.leverages, memory.rules, known)
        return known

    return measured


def _same_inputs(memory: "Memory", pool: Contents, marks: Any, leverages: Any, rules: NaiveRules) -> bool:
    """Whether the marks and the leverages of what a pool holds are those of an earlier memory."""
    return rules is memory.rules and all(
        marks[held.market] is memory.marks[held.market] and leverages.get(key) == memory.leverages.get(key)
        for key, held in pool.holdings.items()
    )


@define
class Memory:
    """What the witness knows between two events, and the measures that a pool has by it.

    A collection is never changed but replaced, so that memories can share it.
    """

    rules: NaiveRules
    marks: Mapping[str, Fraction]
    net_deposits: Fraction
    outside_cash: Fraction = ZERO
    outside_sizes: Mapping[str, Fraction] = Factory(dict)
    leverages: Mapping[str, int] = Factory(dict)
    attempted: frozenset[Life] = frozenset()
    failed: frozenset[Life] = frozenset()
    own_windows: Mapping[Life, int] = Factory(dict)
    windows: Mapping[str, Window] = Factory(dict)
    feeds: Mapping[str, NaiveFeed] = Factory(dict)
    settled: frozenset[str] = frozenset()

    def copy(self) -> "Memory":
        """A memory that can continue independently."""
        return Memory(*_VALUES(self))

    def trade_outside(self, market: str, size: Fraction, price: Fraction) -> None:
        """EVT-10: the other side of a trade or a fill of so much of a market."""
        self.outside_sizes = {**self.outside_sizes, market: self.outside_sizes.get(market, ZERO) - size}
        self.outside_cash += size * price

    def notional(self, held: Holding | NaivePosition) -> Fraction:
        """MRG-2."""
        return abs(held.size) * self.marks[held.market]

    def margin_notional(self, held: Holding | NaivePosition) -> Fraction:
        """MRG-2, or MRG-14 at a venue that asks margins of the cost."""
        return abs(held.cost) if self.rules.at_entry else self.notional(held)

    @_once
    def equity(self, pool: Contents) -> Fraction:
        """MRG-1, MRG-3."""
        profits = (held.size * self.marks[held.market] - held.cost for held in pool.holdings.values())
        return pool.collateral + total(profits)

    @_once
    def maintenance_margin(self, pool: Contents) -> Fraction:
        """MRG-6."""
        held = pool.holdings.values()
        return total(self.rules.maintenance_margin(entry.market, self.margin_notional(entry)) for entry in held)

    @_once
    def backstop_margin(self, pool: Contents) -> Fraction:
        """BKS-1, BKS-9: what the threshold is a share of."""
        if not self.rules.at_closeout:
            return self.maintenance_margin(pool)
        held = pool.holdings.values()
        return total(self.rules.closeout_margin(entry.market, self.margin_notional(entry)) for entry in held)

    @_once
    def initial_margin(self, pool: Contents) -> Fraction:
        """MRG-7."""
        held = pool.holdings.items()
        return total(
            self.rules.initial_margin(entry.market, self.margin_notional(entry), self.leverages[key])
            for key, entry in held
        )

    @_once
    def breached(self, pool: Contents) -> bool:
        """LIQ-3."""
        return self.equity(pool) < self.maintenance_margin(pool)

    def breached_at(self, pool: Contents, market: str, mark: Fraction) -> bool:
        """LIQ-3, were this the mark of a market; computed once for the same pool at the same marks."""
        held = tuple((one.market, one.size, one.cost, self.marks[one.market]) for one in pool.holdings.values())

        def breached() -> bool:
            there = self.copy()
            there.marks = {**self.marks, market: mark}
            return there.breached(Contents(pool.collateral, pool.holdings))

        return self.rules.once(("LIQ-3", market, mark, pool.collateral, held), breached)

    @_once
    def restored(self, pool: Contents) -> bool:
        """LIQ-4, LIQ-15."""
        equity, margin = self.equity(pool), self.maintenance_margin(pool)
        measure = self.initial_margin(pool) if self.rules.restore_initial else margin
        return equity >= margin and equity >= self.rules.restore_factor * measure


_VALUES = attrgetter(*(one.name for one in fields(Memory)))


def scope_key(rules: NaiveRules, position: NaivePosition) -> str:
    """What a window of the position forces to full size: this life, its pool or its account (CLD-1)."""
    if rules.scope == "position":
        return f"{position.key}#{position.life}"
    return {"pool": position.pool, "account": position.account}[rules.scope]
