"""What must happen: the claims about how long a liquidation can take, judged on all ways through a scope."""

from attrs import frozen


@frozen
class Claim:
    """A claim about every way on which each working order is ended by the market, and the rules that it is about."""

    name: str
    sentence: str
    rules: tuple[str, ...]


BLOCKS_BELOW = 1  # the bound of the last claim

ORDERS_END = Claim(
    "the market can end every order",
    "While a pool is in liquidation, an order can be executed or a block can begin, and no fills and ends of orders "
    "continue for ever without a block.",
    ("FIL-3", "FIL-6", "EVT-9", "LIQ-12"),
)
FILLED = Claim(
    "a liquidation that is filled ends",
    "Where every order is filled, a pool is restored, closed or taken after at most as many blocks as orders would "
    "close it, if each were for a chunk.",
    ("LIQ-11", "LIQ-12", "PRT-3", "EVT-9"),
)
BELOW = Claim(
    "below the backstop line a liquidation ends at once",
    f"Where orders are filled or end, a pool is below its backstop line for at most {BLOCKS_BELOW} block until it is "
    "restored, closed or taken, or is above the line again.",
    ("LIQ-13", "BKS-1", "BKS-2", "BKS-3"),
)
CLAIMS = (ORDERS_END, FILLED, BELOW)
