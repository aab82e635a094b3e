"""What the naive checker remembers of a run between two events, because no observation shows it."""

from attrs import Factory, define, evolve

from liqspec.properties.checker.exact import ZERO, Fraction
from liqspec.properties.checker.measures import NaivePosition, NaiveRules

Life = tuple[str, int]  # a position's key and the number of its life


@define
class Window:
    """A window that forces full size: its end, and its end as it was when this block began (CLD-3)."""

    until: int = 0
    forcing_until: int = 0


@define
class Memory:
    """What the witness knows between two events."""

    marks: dict[str, Fraction]
    net_deposits: Fraction
    outside_cash: Fraction = ZERO
    outside_sizes: dict[str, Fraction] = Factory(dict)
    leverages: dict[str, int] = Factory(dict)
    attempted: set[Life] = Factory(set)
    failed: set[Life] = Factory(set)
    own_windows: dict[Life, int] = Factory(dict)
    windows: dict[str, Window] = Factory(dict)

    def copy(self) -> "Memory":
        """A memory that can continue independently."""
        return evolve(
            self,
            marks=dict(self.marks),
            outside_sizes=dict(self.outside_sizes),
            leverages=dict(self.leverages),
            attempted=set(self.attempted),
            failed=set(self.failed),
            own_windows=dict(self.own_windows),
            windows={key: Window(window.until, window.forcing_until) for key, window in self.windows.items()},
        )

    def trade_outside(self, market: str, size: Fraction, price: Fraction) -> None:
        """EVT-10: the other side of a trade or a fill of so much of a market."""
        self.outside_sizes[market] = self.outside_sizes.get(market, ZERO) - size
        self.outside_cash += size * price


def scope_key(rules: NaiveRules, position: NaivePosition) -> str:
    """What a window of the position forces to full size: this life, its pool or its account (CLD-1)."""
    return {
        "position": f"{position.key}#{position.life}",
        "pool": position.pool,
        "account": position.account,
    }[rules.scope]
