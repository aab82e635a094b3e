"""What a case can be about: a transition, a boundary met from either side, a rule that acts."""

from liqspec.core import arithmetic, machine
from liqspec.core.changes import reachable_transitions
from liqspec.core.effects import DeficitCovered, Effect, OrderEmitted, Transitioned
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.measures import all_pools
from liqspec.core.state import Pool
from liqspec.edge import keys
from liqspec.generate import boundaries
from liqspec.spec.vectors import rules_of

SIDES = {-1: "below", 0: "at", 1: "above"}
# Each boundary, what it is between, and the rules that draw it.
BOUNDARIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "margin-below": ("equity one unit below the maintenance margin: breached", ("LIQ-3",)),
    "margin-at": ("equity of exactly the maintenance margin: healthy", ("LIQ-3",)),
    "margin-above": ("equity one unit above the maintenance margin: healthy", ("LIQ-3",)),
    "restore-below": ("in liquidation, equity one unit below the margin: not restored", ("LIQ-4",)),
    "restore-at": ("in liquidation, equity of exactly the margin: restored", ("LIQ-4",)),
    "restore-above": ("in liquidation, equity one unit above the margin: restored", ("LIQ-4",)),
    "backstop-below": (
        "the book failed, equity one unit below the backstop line: the vault takes the pool",
        ("BKS-1",),
    ),
    "backstop-at": ("the book failed, equity exactly at the backstop line: the pool waits", ("BKS-1",)),
    "backstop-above": ("the book failed, equity one unit above the backstop line: the pool waits", ("BKS-1",)),
    "threshold-below": ("an order for a notional just below the partial threshold", ("PRT-2",)),
    "threshold-at": ("an order for a notional of exactly the partial threshold", ("PRT-2",)),
    "threshold-above": ("an order for a notional just above the partial threshold", ("PRT-2",)),
    "window-below": ("a block one millisecond before a window's end: still open", ("CLD-2",)),
    "window-at": ("a block exactly at a window's end: over", ("CLD-2",)),
    "window-above": ("a block one millisecond after a window's end: over", ("CLD-2",)),
    "tier-below": ("a notional just below the start of a tier: the tier before", ("MRG-4",)),
    "tier-at": ("a notional of exactly the start of a tier: the tier before", ("MRG-4",)),
    "tier-above": ("a notional just above the start of a tier: in the tier", ("MRG-4",)),
    "withdrawal-below": ("a withdrawal that leaves one unit less than the initial margin: refused", ("ACC-5",)),
    "withdrawal-at": ("a withdrawal that leaves exactly the initial margin: accepted", ("ACC-5",)),
    "withdrawal-above": ("a withdrawal that leaves one unit more than the initial margin: accepted", ("ACC-5",)),
    "deficit-below": ("the last fill leaves the pool one unit below 0: a deficit", ("FIL-5",)),
    "deficit-at": ("the last fill leaves the pool exactly 0: no deficit", ("FIL-5",)),
    "deficit-above": ("the last fill leaves the pool one unit: no deficit", ("FIL-5",)),
}


def transition_goals() -> set[str]:
    """Each transition from each of its states, in either mode."""
    return {
        f"{name}-from-{source}-{mode}".lower().replace("_", "-")
        for name in reachable_transitions()
        for source in machine.lifecycle().by_id[name].sources
        for mode in ("cross", "isolated")
    }


def transitions(engine: Engine, event: EventData) -> set[str]:
    """Apply an event; the transitions that it caused, as `transition_goals` names them."""
    return {
        f"{effect.transition}-from-{effect.source}-{effect.position.rpartition('/')[2]}".lower().replace("_", "-")
        for effect in apply_event(engine, event).effects
        if isinstance(effect, Transitioned)
    }


def acting_rules(engine: Engine, event: EventData) -> set[str]:
    """Apply an event; the rules that acted, or by which it was refused."""
    return set(rules_of(apply_event(engine, event)))


def boundaries_met(engine: Engine, event: EventData) -> set[str]:
    """Apply an event; the boundaries that it met exactly, or by one unit to either side, as `BOUNDARIES` names them."""
    pools = list(engine.state.pools())
    windows = {held.window.until for pool in pools for held in pool.open_positions() if held.window.until}
    in_liquidation = {pool.key for pool in pools if pool.in_liquidation}
    account = engine.state.accounts.get(str(event.get("account")))
    free = 0 if account is None else boundaries.free(engine.state, account.cross)
    outcome = apply_event(engine, event)
    found = set[str]()
    if event.get("type") == "withdraw" and outcome.code in (None, "insufficient_margin"):
        units = engine.venue.money.units(event["amount"])
        if units is not None and account is not None and account.cross.open_positions():
            found.add(_side("withdrawal", free - units))
    elif outcome.refusal is None:
        for pool in all_pools(engine).values():
            found |= _measures(engine, pool, pool.key in in_liquidation) | _tiers(engine, pool)
        if event.get("type") == "block":
            found |= {_side("window", engine.state.time - until) for until in windows}
        for effect in outcome.effects:
            found |= _of_effect(engine, effect)
        if event.get("type") == "fill":
            found |= _emptied(engine, event, outcome.effects)
    return found - {""}


def _measures(engine: Engine, pool: Pool, was_in_liquidation: bool) -> set[str]:
    if not pool.open_positions():
        return set()
    equity, margin = boundaries.measures(engine.state, pool)
    if not was_in_liquidation:  # LIQ-3, LIQ-11: by now it is in liquidation exactly if it is breached
        return {_side("margin", equity - margin)}
    found = set()
    if pool.in_liquidation == (equity < margin):
        found.add(_side("restore", equity - margin))
    if pool.in_liquidation and all(held.failed for held in pool.open_positions()):
        found.add(_side("backstop", equity - boundaries.backstop_line(engine.venue, margin)))
    return found


def _side(name: str, beyond: int) -> str:
    return f"{name}-{SIDES[beyond]}" if beyond in SIDES else ""


def _of_effect(engine: Engine, effect: Effect) -> set[str]:
    venue = engine.venue
    if isinstance(effect, Transitioned) and effect.transition == "T5":
        line = boundaries.backstop_line(venue, effect.maintenance_margin)
        return {_side("backstop", effect.equity - line)}
    if isinstance(effect, DeficitCovered) and effect.amount == 1:
        return {"deficit-below"}
    if isinstance(effect, OrderEmitted) and venue.partial_threshold is not None:
        account, market, mode = keys.parts(effect.position)
        held = engine.state.position(account, market, "cross" if mode == "cross" else "isolated")
        assert held is not None and held.size, "an order is emitted for an open position, which it does not close"
        worth, tick = boundaries.worth(engine.state.holding(held)), abs(held.size) * held.market.unit
        return {_near("threshold", worth, venue.partial_threshold, tick)}
    return set()


def _tiers(engine: Engine, pool: Pool) -> set[str]:
    found = set()
    for held in pool.open_positions():
        worth = boundaries.worth(engine.state.holding(held))
        for tier in held.market.schedule.tiers[1:]:
            found.add(_near("tier", worth, tier.above, abs(held.size) * held.market.unit))
    return found


def _near(name: str, worth: int, bound: int, tick: int) -> str:
    """The side of a bound on which a notional is, if it is at most the worth of one tick away from it."""
    if abs(worth - bound) > tick:
        return ""
    return f"{name}-{SIDES[(worth > bound) - (worth < bound)]}"


def _emptied(engine: Engine, event: EventData, effects: tuple[Effect, ...]) -> set[str]:
    """Where a fill closed the last position of a pool, without a deficit: what was left of its collateral."""
    if any(isinstance(effect, DeficitCovered) for effect in effects):
        return set()
    pool = engine.state.pool(event["account"], event["mode"], event["market"])
    if pool is None or pool.open_positions() or arithmetic.pool_equity(pool.collateral, []) not in (0, 1):
        return set()
    return {_side("deficit", pool.collateral)}
