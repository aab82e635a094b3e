"""Whether a pool is restored, and whether it is below its backstop line, written from the rules: conditions that fork
nothing.
"""

from collections.abc import Iterable

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding
from liqspec.core.state import Position, State
from liqspec.proofs.inductive.conditions import negation
from liqspec.proofs.inductive.unknown import given, has
from liqspec.proofs.symbolic import Condition


def restored(state: State, held: list[Holding], equity: int, maintenance: int) -> Condition:
    """LIQ-4, LIQ-15: equity is at the maintenance margin or above, and at the target if there is one."""
    covered: Condition = equity >= maintenance
    asked, restore = given(state.venue, "restore")
    if asked is False:
        return covered
    top, bottom = restore.factor
    initial: Condition = restore.measure == "initial"
    reached: Condition = (initial & (equity * bottom >= arithmetic.pool_initial_margin(held) * top)) | (
        negation(initial) & (equity * bottom >= maintenance * top)
    )
    found: Condition = covered & (negation(asked) | reached)
    return found


def below_line(state: State, positions: Iterable[Position], equity: int, maintenance: int) -> Condition:
    """BKS-1, BKS-9: equity is below the threshold's share of the maintenance margin, or of the close-out margin."""
    threshold = state.venue.backstop_threshold
    below = arithmetic.below_backstop(equity, maintenance, threshold)
    tiers = has(state.venue, "backstop_measure", "tier")
    if tiers is False:
        return below
    closeout = sum(
        arithmetic.maintenance_margin(arithmetic.margin_notional(state.holding(one)), one.market.closeout)
        for one in positions
        if one.market.closeout is not None
    )
    found: Condition = (negation(tiers) & below) | (tiers & arithmetic.below_backstop(equity, closeout, threshold))
    return found
