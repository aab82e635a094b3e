"""What an accepted event did, step by step, and by which rule: records; their sentences are in `report`."""

from typing import ClassVar, Literal

from attrs import frozen

from liqspec.core.arithmetic import Ratio
from liqspec.edge.texts import snake_case

EndOfOrder = Literal["filled", "no_liquidity", "restored", "settled"]
Sizing = Literal[
    "no_threshold",
    "not_above_threshold",
    "below_backstop",
    "window",
    "chunk",
    "restore",
    "tier_down",
    "lots",
    "least_order",
    "least_rest",
]


@frozen
class EffectRecord:
    """What the records of all effects share."""

    kind: ClassVar[str]
    rules: ClassVar[tuple[str, ...]] = ()  # those that an effect of the kind can name

    def __init_subclass__(cls, *, rules: tuple[str, ...] = ()) -> None:
        """The kind is the name of the class."""
        cls.kind = snake_case(cls.__name__)
        if rules:  # attrs makes the class again, with the attributes that it has then
            cls.rules = rules

    @property
    def rule(self) -> str:
        """The rule by which it happened."""
        return self.rules[0]

    @property
    def subject(self) -> str | None:
        """The position or pool that the effect is about; None for the vault, a mark or a block."""
        found: str | None = getattr(self, "position", None) or getattr(self, "pool", None)
        return found


@frozen
class Marked(EffectRecord, rules=("EVT-5",)):
    """A mark price was set."""

    market: str
    price: int


@frozen
class MarkFormed(EffectRecord, rules=("MRK-6", "MRK-7")):
    """A mark was formed from inputs; `limited` says whether the median was further away (MRK-7).

    The candidates are in billionths of a tick, in the order of MRK-3.
    """

    market: str
    price: int
    candidates: tuple[tuple[str, int], ...]
    limited: bool

    @property
    def rule(self) -> str:
        """The rule that decided the mark."""
        return "MRK-7" if self.limited else "MRK-6"


@frozen
class CollateralMoved(EffectRecord, rules=("ACC-4", "ACC-5", "ACC-6")):
    """Money came into a pool or left it, by the trader's deposit, withdrawal or transfer."""

    rule: str
    pool: str
    amount: int


@frozen
class Traded(EffectRecord, rules=("ACC-8", "ACC-9")):
    """The trader traded; `realised` is what closing realised, 0 for an opening or increasing trade."""

    rule: str
    position: str
    size: int
    price: int
    realised: int


@frozen
class LeverageSet(EffectRecord, rules=("ACC-13",)):
    """The trader set the leverage of a position; `before` is what it was."""

    position: str
    leverage: int
    before: int


@frozen
class Filled(EffectRecord, rules=("FIL-1",)):
    """A liquidation order was executed in part or whole."""

    position: str
    size: int
    price: int
    released_cost: int
    realised: int
    fee: int


# Where PRT-2 asks for a chunk; the last two are what PRT-5 makes of one.
CHUNKS: tuple[Sizing, ...] = ("chunk", "restore", "tier_down", "lots", "least_order", "least_rest")
_SIZED = {"window": "CLD-3", **dict.fromkeys(CHUNKS, "PRT-4"), "chunk": "PRT-3", **dict.fromkeys(CHUNKS[-2:], "PRT-5")}


@frozen
class OrderEmitted(EffectRecord, rules=("PRT-1", "PRT-3", "PRT-4", "PRT-5", "CLD-3")):
    """A liquidation order went to the market."""

    position: str
    size: int
    of: int
    sizing: Sizing

    @property
    def rule(self) -> str:
        """The rule that sized the order."""
        return _SIZED.get(self.sizing, "PRT-1")


@frozen
class OrderEnded(EffectRecord, rules=("FIL-3", "FIL-6", "LIQ-9", "EVT-11")):
    """A liquidation order ended; `left` is what was not executed."""

    position: str
    left: int
    how: EndOfOrder

    @property
    def rule(self) -> str:
        """The rule that ended the order."""
        return {"filled": "FIL-3", "no_liquidity": "FIL-6", "restored": "LIQ-9", "settled": "EVT-11"}[self.how]


@frozen
class Transitioned(EffectRecord):  # its rules are the first of each transition in the table
    """A position moved through its lifecycle; the measures are its pool's when the guards were judged.

    `restore_target` is what equity had to reach, where that is not the maintenance margin (LIQ-15).
    """

    position: str
    transition: str
    source: str
    target: str
    rule: str
    guard: tuple[str, ...]
    equity: int
    maintenance_margin: int
    restore_target: Ratio | None = None


@frozen
class WindowOpened(EffectRecord, rules=("CLD-1",)):
    """A partial liquidation opened, or made longer, a window."""

    position: str
    scope: str
    until: int


@frozen
class LiquidationEntered(EffectRecord, rules=("LIQ-11",)):
    """A pool is now in liquidation."""

    pool: str
    equity: int
    maintenance_margin: int


@frozen
class LiquidationLeft(EffectRecord, rules=("LIQ-8", "LIQ-10", "BKS-3")):
    """A pool is no longer in liquidation."""

    rule: str
    pool: str


@frozen
class DeficitCovered(EffectRecord, rules=("BKS-7",)):
    """The vault made good a pool's negative collateral."""

    pool: str
    amount: int


@frozen
class Backstopped(EffectRecord, rules=("BKS-3",)):
    """The vault took a whole pool; `collateral` is what it got with it, `returned` what stayed."""

    pool: str
    equity: int
    collateral: int
    returned: int


@frozen
class FundingPaid(EffectRecord, rules=("EVT-6",)):
    """A position, or the vault where `position` is None, paid funding (below 0: received it)."""

    position: str | None
    market: str
    amount: int


@frozen
class PositionSettled(EffectRecord, rules=("EVT-11",)):
    """The venue closed a position, or the vault's where `position` is None; `size` is what it was.

    `realised` is what that added to the collateral, or to the vault's cash.
    """

    position: str | None
    market: str
    size: int
    price: int
    realised: int


@frozen
class VaultTraded(EffectRecord, rules=("EVT-7",)):
    """The vault traded with the outside."""

    market: str
    size: int
    price: int


@frozen
class VaultFunded(EffectRecord, rules=("EVT-8",)):
    """The vault was funded, or drawn on."""

    amount: int


@frozen
class BlockBegun(EffectRecord, rules=("EVT-9",)):
    """A block began."""

    block: int
    time: int


Effect = (
    Marked
    | MarkFormed
    | CollateralMoved
    | Traded
    | LeverageSet
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
    | PositionSettled
    | VaultTraded
    | VaultFunded
    | BlockBegun
)
