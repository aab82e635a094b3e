"""The limit of a liquidation order by its rule (LIQ-17); its ways are joined."""

from liqspec.core import arithmetic
from liqspec.core.state import GuardInputs, Position, State


def expected(state: State, position: Position, inputs: GuardInputs) -> int | None:
    """The limit in ticks of an order that is emitted now, None where orders take any price."""
    price, held = state.venue.order_price, state.holding(position)
    if price is None or price == "market":
        return None
    if price != "bankruptcy":
        return arithmetic.band_limit(held.mark, held.size, price)
    own, whole = arithmetic.pool_maintenance_margin([held]), inputs.maintenance_margin
    share = (own, whole) if whole > 0 else (1, 1)
    return arithmetic.bankruptcy_limit(inputs.equity, *share, held)
