"""The limit price of a liquidation order, fixed when the order is emitted (LIQ-17)."""

from liqspec.core import arithmetic
from liqspec.core.state import GuardInputs, Position, State


def limit_of(state: State, position: Position, inputs: GuardInputs) -> int | None:
    """The limit in ticks of an order that is emitted now; None where orders take any price (LIQ-17)."""
    price, held = state.venue.order_price, state.holding(position)
    if price is None or price == "market":
        return None
    if price == "bankruptcy":
        margin = arithmetic.pool_maintenance_margin([held])
        if not inputs.maintenance_margin:  # where margins are rounded down (MRG-13)
            return arithmetic.bankruptcy_limit(inputs.equity, 1, 1, held)
        return arithmetic.bankruptcy_limit(inputs.equity, margin, inputs.maintenance_margin, held)
    return arithmetic.band_limit(held.mark, held.size, price)
