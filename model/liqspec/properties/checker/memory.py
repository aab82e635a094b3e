"""What the naive checker remembers of a run between two events, because no observation shows it."""

from copy import copy
from typing import NamedTuple, get_origin

from attrs import Factory, define, fields

from liqspec.properties.checker.exact import ZERO, Fraction, total
from liqspec.properties.checker.families.mark_price import NaiveFeed
from liqspec.properties.checker.measures import Contents, Holding, NaivePosition, NaiveRules

Life = tuple[str, int]  # a position's key and the number of its life


class Window(NamedTuple):
    """A window that forces full size: its end, and its end as it was when this block began (CLD-3)."""

    until: int = 0
    forcing_until: int = 0


@define
class Memory:
    """What the witness knows between two events, and the measures that a pool has by it."""

    rules: NaiveRules
    marks: dict[str, Fraction]
    net_deposits: Fraction
    outside_cash: Fraction = ZERO
    outside_sizes: dict[str, Fraction] = Factory(dict)
    leverages: dict[str, int] = Factory(dict)
    attempted: set[Life] = Factory(set)
    failed: set[Life] = Factory(set)
    own_windows: dict[Life, int] = Factory(dict)
    windows: dict[str, Window] = Factory(dict)
    feeds: dict[str, NaiveFeed] = Factory(dict)

    def copy(self) -> "Memory":
        """A memory that can continue independently."""
        other = copy(self)
        for name in _COLLECTIONS:
            setattr(other, name, getattr(self, name).copy())
        return other

    def trade_outside(self, market: str, size: Fraction, price: Fraction) -> None:
        """EVT-10: the other side of a trade or a fill of so much of a market."""
        self.outside_sizes[market] = self.outside_sizes.get(market, ZERO) - size
        self.outside_cash += size * price

    def notional(self, held: Holding | NaivePosition) -> Fraction:
        """MRG-2."""
        return abs(held.size) * self.marks[held.market]

    def equity(self, pool: Contents) -> Fraction:
        """MRG-1, MRG-3."""
        profits = (held.size * self.marks[held.market] - held.cost for held in pool.holdings.values())
        return pool.collateral + total(profits)

    def maintenance_margin(self, pool: Contents) -> Fraction:
        """MRG-6."""
        held = pool.holdings.values()
        return total(self.rules.maintenance_margin(entry.market, self.notional(entry)) for entry in held)

    def initial_margin(self, pool: Contents) -> Fraction:
        """MRG-7."""
        held = pool.holdings.items()
        return total(
            self.rules.initial_margin(entry.market, self.notional(entry), self.leverages[key]) for key, entry in held
        )

    def breached(self, pool: Contents) -> bool:
        """LIQ-3."""
        return self.equity(pool) < self.maintenance_margin(pool)

    def restored(self, pool: Contents) -> bool:
        """LIQ-4, LIQ-15."""
        equity, margin = self.equity(pool), self.maintenance_margin(pool)
        measure = self.initial_margin(pool) if self.rules.restore_initial else margin
        return equity >= margin and equity >= self.rules.restore_factor * measure


# What an event may add to or take from, which two memories must not share.
_COLLECTIONS = tuple(one.name for one in fields(Memory) if get_origin(one.type) in (dict, set))


def scope_key(rules: NaiveRules, position: NaivePosition) -> str:
    """What a window of the position forces to full size: this life, its pool or its account (CLD-1)."""
    scopes = {"position": f"{position.key}#{position.life}", "pool": position.pool, "account": position.account}
    return scopes[rules.scope]
