"""What an accepted event did, step by step, and by which rule: values that can be compared and told in a sentence."""

from typing import Any, ClassVar, Literal

from attrs import frozen

from liqspec.core.machine import TransitionEntry
from liqspec.core.venue import Venue
from liqspec.edge.amounts import Grid

EndOfOrder = Literal["filled", "no_liquidity", "restored"]
Sizing = Literal["no_threshold", "not_above_threshold", "below_backstop", "window", "chunk"]

SIZING_REASONS: dict[Sizing, str] = {
    "no_threshold": "the venue has no threshold for partial orders",
    "not_above_threshold": "notional not above the threshold",
    "below_backstop": "the pool is below the backstop line",
    "window": "a window forces full size",
    "chunk": "notional above the threshold, no window",
}


@frozen
class Units:
    """How integers are told to people: decimals with thousands separators."""

    venue: Venue

    def money(self, amount: int) -> str:
        """An amount in quote units."""
        return thousands(self.venue.money.text(amount))

    def price(self, market: str, ticks: int) -> str:
        """A price in ticks."""
        return thousands(self.venue.markets[market].price.text(ticks))

    def size(self, market: str, lots: int) -> str:
        """A size in lots."""
        return thousands(self._sizes(market).text(lots))

    def _sizes(self, market: str) -> Grid:
        return self.venue.markets[market].size


def thousands(text: str) -> str:
    """A decimal string with thousands separators before its point."""
    whole, point, places = text.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    groups = []
    while len(digits) > 3:
        digits, group = digits[:-3], digits[-3:]
        groups.append(group)
    return sign + ",".join([digits, *reversed(groups)]) + point + places


def _market_of(position: str) -> str:
    return position.split("/")[1]


@frozen
class Marked:
    """A mark price was set."""

    kind: ClassVar[str] = "marked"
    rule: ClassVar[str] = "EVT-5"
    market: str
    price: int

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        return f"mark of {self.market} is {units.price(self.market, self.price)}"


@frozen
class CollateralMoved:
    """Money came into a pool or left it, by the trader's deposit, withdrawal or transfer."""

    kind: ClassVar[str] = "collateral_moved"
    rule: str
    pool: str
    amount: int

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        verb = "receives" if self.amount > 0 else "pays"
        return f"{self.pool} {verb} {units.money(abs(self.amount))}"


@frozen
class Traded:
    """The trader traded; `realised` is what closing realised, 0 for an opening or increasing trade."""

    kind: ClassVar[str] = "traded"
    rule: str
    position: str
    size: int
    price: int
    realised: int

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        market = _market_of(self.position)
        verb = "buys" if self.size > 0 else "sells"
        told = f"{self.position} {verb} {units.size(market, abs(self.size))} at {units.price(market, self.price)}"
        return told + (f", realises {units.money(self.realised)}" if self.rule == "ACC-9" else "")


@frozen
class Filled:
    """A liquidation order was executed in part or whole."""

    kind: ClassVar[str] = "filled"
    rule: ClassVar[str] = "FIL-1"
    position: str
    size: int
    price: int
    released_cost: int
    realised: int
    fee: int

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        market = _market_of(self.position)
        told = (
            f"{units.size(market, self.size)} of {self.position} closed at {units.price(market, self.price)}, "
            f"realises {units.money(self.realised)}"
        )
        return told + (f", fee {units.money(self.fee)} (FIL-2)" if self.fee else "")


@frozen
class OrderEmitted:
    """A liquidation order went to the market."""

    kind: ClassVar[str] = "order_emitted"
    position: str
    size: int
    of: int
    sizing: Sizing

    @property
    def rule(self) -> str:
        """The rule that sized the order."""
        return {"chunk": "PRT-3", "window": "CLD-3"}.get(self.sizing, "PRT-1")

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        market = _market_of(self.position)
        side = "sell" if self.of > 0 else "buy"
        return (
            f"order to {side} {units.size(market, self.size)} of {units.size(market, abs(self.of))} "
            f"of {self.position}: {SIZING_REASONS[self.sizing]}"
        )


@frozen
class OrderEnded:
    """A liquidation order ended; `left` is what was not executed."""

    kind: ClassVar[str] = "order_ended"
    position: str
    left: int
    how: EndOfOrder

    @property
    def rule(self) -> str:
        """The rule that ended the order."""
        return {"filled": "FIL-3", "no_liquidity": "FIL-6", "restored": "LIQ-9"}[self.how]

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        left = units.size(_market_of(self.position), self.left)
        return {
            "filled": f"order of {self.position} is filled",
            "no_liquidity": f"order of {self.position} ends with {left} left: no liquidity",
            "restored": f"order of {self.position} is cancelled with {left} left: the pool is restored",
        }[self.how]


@frozen
class Transitioned:
    """A position moved through its lifecycle; the two measures are its pool's when the guards were judged."""

    kind: ClassVar[str] = "transitioned"
    position: str
    transition: str
    source: str
    target: str
    rule: str
    guard: tuple[str, ...]
    equity: int
    maintenance_margin: int

    @classmethod
    def of(cls, position: str, entry: TransitionEntry, source: str, equity: int, maintenance: int) -> "Transitioned":
        """The effect of a transition of the lifecycle's table."""
        return cls(position, entry.id, source, entry.to, entry.rules[0], entry.guard, equity, maintenance)

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        equity, margin = units.money(self.equity), units.money(self.maintenance_margin)
        reasons = {
            "needs_liquidation": f"equity {equity} < maintenance margin {margin}",
            "restored": f"equity {equity} >= maintenance margin {margin}",
            "below_backstop": f"equity {equity} is below the backstop share of maintenance margin {margin}",
            "book_failed": "the market was tried and failed",
            "own_window_open": "its window is open",
            "not own_window_open": "no window of its own is open",
            "size_remains": "size remains",
            "not size_remains": "no size remains",
        }
        why = " and ".join(reasons[guard] for guard in self.guard)
        return f"{self.transition} by {self.rule}: {self.position} {self.source} -> {self.target}" + (
            f": {why}" if why else ""
        )


@frozen
class WindowOpened:
    """A partial liquidation opened, or made longer, a window."""

    kind: ClassVar[str] = "window_opened"
    rule: ClassVar[str] = "CLD-1"
    position: str
    scope: str
    until: int

    def text(self, _: Units) -> str:
        """The effect in a sentence."""
        return (
            f"window of {self.position} open until {self.until} ms; "
            f"from the next block on, orders of its {self.scope} are for the full size"
        )


@frozen
class LiquidationEntered:
    """A pool is now in liquidation."""

    kind: ClassVar[str] = "liquidation_entered"
    rule: ClassVar[str] = "LIQ-11"
    pool: str
    equity: int
    maintenance_margin: int

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        return (
            f"{self.pool} is in liquidation: equity {units.money(self.equity)} "
            f"< maintenance margin {units.money(self.maintenance_margin)}"
        )


@frozen
class LiquidationLeft:
    """A pool is no longer in liquidation."""

    kind: ClassVar[str] = "liquidation_left"
    rule: str
    pool: str

    def text(self, _: Units) -> str:
        """The effect in a sentence."""
        return f"{self.pool} is not in liquidation any more"


@frozen
class DeficitCovered:
    """The vault made good a pool's negative collateral."""

    kind: ClassVar[str] = "deficit_covered"
    rule: ClassVar[str] = "BKS-7"
    pool: str
    amount: int

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        return f"the vault covers a deficit of {units.money(self.amount)} of {self.pool}"


@frozen
class Backstopped:
    """The vault took a whole pool; `collateral` is what it got with it, `returned` what stayed."""

    kind: ClassVar[str] = "backstopped"
    rule: ClassVar[str] = "BKS-3"
    pool: str
    equity: int
    collateral: int
    returned: int

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        return (
            f"the vault takes {self.pool}: equity {units.money(self.equity)}, "
            f"collateral {units.money(self.collateral)}, returned {units.money(self.returned)}"
        )


@frozen
class FundingPaid:
    """A position, or the vault where `position` is None, paid funding (below 0: received it)."""

    kind: ClassVar[str] = "funding_paid"
    rule: ClassVar[str] = "EVT-6"
    position: str | None
    market: str
    amount: int

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        verb = "pays" if self.amount >= 0 else "receives"
        return f"{self.position or 'the vault'} {verb} {units.money(abs(self.amount))} of {self.market} funding"


@frozen
class VaultTraded:
    """The vault traded with the outside."""

    kind: ClassVar[str] = "vault_traded"
    rule: ClassVar[str] = "EVT-7"
    market: str
    size: int
    price: int

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        verb = "buys" if self.size > 0 else "sells"
        size = units.size(self.market, abs(self.size))
        return f"the vault {verb} {size} {self.market} at {units.price(self.market, self.price)}"


@frozen
class VaultFunded:
    """The vault was funded, or drawn on."""

    kind: ClassVar[str] = "vault_funded"
    rule: ClassVar[str] = "EVT-8"
    amount: int

    def text(self, units: Units) -> str:
        """The effect in a sentence."""
        return f"the vault {'receives' if self.amount > 0 else 'pays out'} {units.money(abs(self.amount))}"


@frozen
class BlockBegun:
    """A block began."""

    kind: ClassVar[str] = "block_begun"
    rule: ClassVar[str] = "EVT-9"
    block: int
    time: int

    def text(self, _: Units) -> str:
        """The effect in a sentence."""
        return f"block {self.block} begins at {self.time} ms"


Effect = (
    Marked
    | CollateralMoved
    | Traded
    | Filled
    | OrderEmitted
    | OrderEnded
    | Transitioned
    | WindowOpened
    | LiquidationEntered
    | LiquidationLeft
    | DeficitCovered
    | Backstopped
    | FundingPaid
    | VaultTraded
    | VaultFunded
    | BlockBegun
)


def subject(effect: Effect) -> str | None:
    """The position or pool that an effect is about; None for the vault, a mark or a block."""
    found: str | None = getattr(effect, "position", None) or getattr(effect, "pool", None)
    return found


def to_json(effect: Effect, units: Units) -> dict[str, Any]:
    """An effect as plain data: its kind, rule, subject, transition, and the sentence that tells it."""
    data: dict[str, Any] = {"kind": effect.kind, "rule": effect.rule}
    if (about := subject(effect)) is not None:
        data["subject"] = about
    if isinstance(effect, Transitioned):
        data["transition"] = effect.transition
    return {**data, "text": effect.text(units)}
