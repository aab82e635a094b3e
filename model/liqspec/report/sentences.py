"""Events and effects in sentences for people."""

from typing import Any, assert_never

from liqspec.core.effects import (
    Backstopped,
    BlockBegun,
    CollateralMoved,
    DeficitCovered,
    Effect,
    Filled,
    FundingPaid,
    LiquidationEntered,
    LiquidationLeft,
    Marked,
    MarkFormed,
    OrderEmitted,
    OrderEnded,
    Sizing,
    Traded,
    Transitioned,
    VaultFunded,
    VaultTraded,
    WindowOpened,
)
from liqspec.core.events import EventData
from liqspec.edge import keys
from liqspec.report.amounts import Units, value_text

_SIZING_REASONS: dict[Sizing, str] = {
    "no_threshold": "the venue has no threshold for partial orders",
    "not_above_threshold": "notional not above the threshold",
    "below_backstop": "the pool is below the backstop line",
    "window": "a window forces full size",
    "chunk": "notional above the threshold, no window",
}


def event_text(event: EventData) -> str:
    """An event in one line: its type and its fields."""
    words = [str(event.get("type"))]
    for name, value in event.items():
        if name == "type":
            continue
        if isinstance(value, dict):
            words.append(", ".join(f"{market} {value_text(price)}" for market, price in value.items()))
        elif name in ("account", "market", "mode"):
            words.append(str(value))
        else:
            words.append(f"{name} {value_text(value)}")
    return " ".join(words)


def effect_json(effect: Effect, units: Units) -> dict[str, Any]:
    """An effect as plain data: its kind, rule, subject, transition and sentence."""
    data: dict[str, Any] = {"kind": effect.kind, "rule": effect.rule}
    if (about := effect.subject) is not None:
        data["subject"] = about
    if isinstance(effect, Transitioned):
        data["transition"] = effect.transition
    return {**data, "text": effect_text(effect, units)}


def effect_text(effect: Effect, units: Units) -> str:  # noqa: PLR0912  # one case an effect, so that mypy names a missing one
    """An effect in one sentence."""
    match effect:
        case Marked():
            return f"mark of {effect.market} is {units.price(effect.market, effect.price)}"
        case MarkFormed():
            return _mark_formed(effect, units)
        case CollateralMoved():
            return f"{effect.pool} {_verb(effect.amount, 'receives', 'pays')} {units.money(abs(effect.amount))}"
        case Traded():
            return _traded(effect, units)
        case Filled():
            return _filled(effect, units)
        case OrderEmitted():
            return _order_emitted(effect, units)
        case OrderEnded():
            return _order_ended(effect, units)
        case Transitioned():
            return _transitioned(effect, units)
        case WindowOpened():
            return (
                f"window of {effect.position} open until {effect.until} ms; "
                f"from the next block on, orders of its {effect.scope} are for the full size"
            )
        case LiquidationEntered():
            return (
                f"{effect.pool} is in liquidation: equity {units.money(effect.equity)} "
                f"< maintenance margin {units.money(effect.maintenance_margin)}"
            )
        case LiquidationLeft():
            return f"{effect.pool} is not in liquidation any more"
        case DeficitCovered():
            return f"the vault covers a deficit of {units.money(effect.amount)} of {effect.pool}"
        case Backstopped():
            return (
                f"the vault takes {effect.pool}: equity {units.money(effect.equity)}, "
                f"collateral {units.money(effect.collateral)}, returned {units.money(effect.returned)}"
            )
        case FundingPaid():
            verb = "pays" if effect.amount >= 0 else "receives"
            return (
                f"{effect.position or 'the vault'} {verb} {units.money(abs(effect.amount))} of {effect.market} funding"
            )
        case VaultTraded():
            size = units.size(effect.market, abs(effect.size))
            price = units.price(effect.market, effect.price)
            return f"the vault {_verb(effect.size, 'buys', 'sells')} {size} {effect.market} at {price}"
        case VaultFunded():
            return f"the vault {_verb(effect.amount, 'receives', 'pays out')} {units.money(abs(effect.amount))}"
        case BlockBegun():
            return f"block {effect.block} begins at {effect.time} ms"
        case _:
            assert_never(effect)


def _mark_formed(effect: MarkFormed, units: Units) -> str:
    shown = [f"{name} {units.part_of_price(effect.market, value)}" for name, value in effect.candidates]
    limit = ", cut to the largest move (MRK-7)" if effect.limited else ""
    mark = units.price(effect.market, effect.price)
    return f"mark of {effect.market} is {mark}: the median of {', '.join(shown)}{limit}"


def _verb(amount: int, positive: str, negative: str) -> str:
    return positive if amount > 0 else negative


def _traded(effect: Traded, units: Units) -> str:
    market = keys.market_of(effect.position)
    size, price = units.size(market, abs(effect.size)), units.price(market, effect.price)
    realised = f", realises {units.money(effect.realised)}" if effect.rule == "ACC-9" else ""
    return f"{effect.position} {_verb(effect.size, 'buys', 'sells')} {size} at {price}{realised}"


def _filled(effect: Filled, units: Units) -> str:
    market = keys.market_of(effect.position)
    size, price = units.size(market, effect.size), units.price(market, effect.price)
    fee = f", fee {units.money(effect.fee)} (FIL-2)" if effect.fee else ""
    return f"{size} of {effect.position} closed at {price}, realises {units.money(effect.realised)}{fee}"


def _order_emitted(effect: OrderEmitted, units: Units) -> str:
    market = keys.market_of(effect.position)
    size, held = units.size(market, effect.size), units.size(market, abs(effect.of))
    side = _verb(effect.of, "sell", "buy")
    return f"order to {side} {size} of {held} of {effect.position}: {_SIZING_REASONS[effect.sizing]}"


def _order_ended(effect: OrderEnded, units: Units) -> str:
    left = units.size(keys.market_of(effect.position), effect.left)
    match effect.how:
        case "filled":
            return f"order of {effect.position} is filled"
        case "no_liquidity":
            return f"order of {effect.position} ends with {left} left: no liquidity"
        case "restored":
            return f"order of {effect.position} is cancelled with {left} left: the pool is restored"
        case _:
            assert_never(effect.how)


def _transitioned(effect: Transitioned, units: Units) -> str:
    equity, margin = units.money(effect.equity), units.money(effect.maintenance_margin)
    breached = effect.equity < effect.maintenance_margin
    reasons = {
        "needs_liquidation": f"equity {equity} < maintenance margin {margin}"
        if breached
        else "the pool is not restored",
        "restored": f"equity {equity} >= maintenance margin {margin}",
        "below_backstop": f"equity {equity} is below the backstop share of maintenance margin {margin}",
        "book_failed": "the market was tried and failed",
        "own_window_open": "its window is open",
        "not own_window_open": "no window of its own is open",
        "size_remains": "size remains",
        "not size_remains": "no size remains",
    }
    why = " and ".join(reasons[guard] for guard in effect.guard)
    return f"{effect.transition} by {effect.rule}: {effect.position} {effect.source} -> {effect.target}" + (
        f": {why}" if why else ""
    )
