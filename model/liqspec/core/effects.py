"""What an accepted event did, step by step, and by which rule: records; their sentences are in `report`."""

from typing import ClassVar, Literal

from attrs import frozen

from liqspec.core.machine import TransitionEntry

EndOfOrder = Literal["filled", "no_liquidity", "restored"]
Sizing = Literal["no_threshold", "not_above_threshold", "below_backstop", "window", "chunk"]


@frozen
class Marked:
    """A mark price was set."""

    kind: ClassVar[str] = "marked"
    rule: ClassVar[str] = "EVT-5"
    market: str
    price: int


@frozen
class CollateralMoved:
    """Money came into a pool or left it, by the trader's deposit, withdrawal or transfer."""

    kind: ClassVar[str] = "collateral_moved"
    rules: ClassVar[tuple[str, ...]] = ("ACC-4", "ACC-5", "ACC-6")
    rule: str
    pool: str
    amount: int


@frozen
class Traded:
    """The trader traded; `realised` is what closing realised, 0 for an opening or increasing trade."""

    kind: ClassVar[str] = "traded"
    rules: ClassVar[tuple[str, ...]] = ("ACC-8", "ACC-9")
    rule: str
    position: str
    size: int
    price: int
    realised: int


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


@frozen
class OrderEmitted:
    """A liquidation order went to the market."""

    kind: ClassVar[str] = "order_emitted"
    rules: ClassVar[tuple[str, ...]] = ("PRT-1", "PRT-3", "CLD-3")
    position: str
    size: int
    of: int
    sizing: Sizing

    @property
    def rule(self) -> str:
        """The rule that sized the order."""
        return {"chunk": "PRT-3", "window": "CLD-3"}.get(self.sizing, "PRT-1")


@frozen
class OrderEnded:
    """A liquidation order ended; `left` is what was not executed."""

    kind: ClassVar[str] = "order_ended"
    rules: ClassVar[tuple[str, ...]] = ("FIL-3", "FIL-6", "LIQ-9")
    position: str
    left: int
    how: EndOfOrder

    @property
    def rule(self) -> str:
        """The rule that ended the order."""
        return {"filled": "FIL-3", "no_liquidity": "FIL-6", "restored": "LIQ-9"}[self.how]


@frozen
class Transitioned:
    """A position moved through its lifecycle; the two measures are its pool's when the guards were judged."""

    kind: ClassVar[str] = "transitioned"
    rules: ClassVar[tuple[str, ...]] = ()  # the first rule of each transition in the table
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


@frozen
class WindowOpened:
    """A partial liquidation opened, or made longer, a window."""

    kind: ClassVar[str] = "window_opened"
    rule: ClassVar[str] = "CLD-1"
    position: str
    scope: str
    until: int


@frozen
class LiquidationEntered:
    """A pool is now in liquidation."""

    kind: ClassVar[str] = "liquidation_entered"
    rule: ClassVar[str] = "LIQ-11"
    pool: str
    equity: int
    maintenance_margin: int


@frozen
class LiquidationLeft:
    """A pool is no longer in liquidation."""

    kind: ClassVar[str] = "liquidation_left"
    rules: ClassVar[tuple[str, ...]] = ("LIQ-8", "LIQ-10", "BKS-3")
    rule: str
    pool: str


@frozen
class DeficitCovered:
    """The vault made good a pool's negative collateral."""

    kind: ClassVar[str] = "deficit_covered"
    rule: ClassVar[str] = "BKS-7"
    pool: str
    amount: int


@frozen
class Backstopped:
    """The vault took a whole pool; `collateral` is what it got with it, `returned` what stayed."""

    kind: ClassVar[str] = "backstopped"
    rule: ClassVar[str] = "BKS-3"
    pool: str
    equity: int
    collateral: int
    returned: int


@frozen
class FundingPaid:
    """A position, or the vault where `position` is None, paid funding (below 0: received it)."""

    kind: ClassVar[str] = "funding_paid"
    rule: ClassVar[str] = "EVT-6"
    position: str | None
    market: str
    amount: int


@frozen
class VaultTraded:
    """The vault traded with the outside."""

    kind: ClassVar[str] = "vault_traded"
    rule: ClassVar[str] = "EVT-7"
    market: str
    size: int
    price: int


@frozen
class VaultFunded:
    """The vault was funded, or drawn on."""

    kind: ClassVar[str] = "vault_funded"
    rule: ClassVar[str] = "EVT-8"
    amount: int


@frozen
class BlockBegun:
    """A block began."""

    kind: ClassVar[str] = "block_begun"
    rule: ClassVar[str] = "EVT-9"
    block: int
    time: int


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


def rules_of(kind: type[Effect]) -> tuple[str, ...]:
    """The rules that an effect of this kind can name: its one rule, or those that it declares."""
    one: object = vars(kind).get("rule")
    declared: tuple[str, ...] = (one,) if isinstance(one, str) else vars(kind)["rules"]
    return declared


def subject(effect: Effect) -> str | None:
    """The position or pool that an effect is about; None for the vault, a mark or a block."""
    found: str | None = getattr(effect, "position", None) or getattr(effect, "pool", None)
    return found
