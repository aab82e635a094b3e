"""Events and effects in sentences for people."""

from typing import Any, assert_never

from liqspec.core import effects
from liqspec.core.effects import Effect, EndOfOrder, Sizing
from liqspec.core.events import EventData
from liqspec.edge import keys
from liqspec.edge.texts import visible
from liqspec.report.amounts import Units, value_text

_SIZING_REASONS: dict[Sizing, str] = {
    "no_threshold": "the venue has no threshold for partial orders",
    "not_above_threshold": "notional not above the threshold",
    "below_backstop": "the pool is below the backstop line",
    "window": "a window forces full size",
    "chunk": "notional above the threshold, no window",
    "restore": "notional above the threshold, no window: what restores the pool at the mark",
    "tier_down": "notional above the threshold, no window: what leads to a lower tier",
    "lots": "notional above the threshold, no window: the lots of a chunk",
    "least_order": "notional above the threshold, no window: raised to the least notional of an order",
    "least_rest": "notional above the threshold, no window: all, as a rest would be below the least notional",
}
_ENDS_OF_ORDERS: dict[EndOfOrder, str] = {
    "filled": "is filled",
    "no_liquidity": "ends with {} left: no liquidity",
    "restored": "is cancelled with {} left: the pool is restored",
    "settled": "ends with {} left: the market is settled",
}


def event_text(event: EventData) -> str:
    """An event in one line: its type and its fields."""
    words = [str(event.get("type"))]
    for name, value in event.items():
        if isinstance(value, dict) and name != "type":
            words.append(", ".join(f"{market} {value_text(price)}" for market, price in value.items()))
        elif name in ("account", "market", "mode"):
            words.append(str(value))
        elif name != "type":
            words.append(f"{name} {value_text(value)}")
    return visible(" ".join(words))


def effect_json(effect: Effect, units: Units) -> dict[str, Any]:
    """An effect as plain data: its kind, rule, subject, transition and sentence."""
    data: dict[str, Any] = {"kind": effect.kind, "rule": effect.rule}
    if (about := effect.subject) is not None:
        data["subject"] = about
    if isinstance(effect, effects.Transitioned):
        data["transition"] = effect.transition
    return {**data, "text": effect_text(effect, units)}


def effect_text(effect: Effect, units: Units) -> str:  # noqa: PLR0912  # one case an effect, so that mypy names a missing one
    """An effect in one sentence."""
    money = units.money
    match effect:
        case effects.Marked():
            return f"mark of {effect.market} is {units.price(effect.market, effect.price)}"
        case effects.MarkFormed():
            price, median = units.price(effect.market, effect.price), _median(effect, units)
            if effect.limited:
                return f"mark of {effect.market} is {price}, as far as one update moves it (MRK-7), towards {median}"
            return f"mark of {effect.market} is {price}: {median}"
        case effects.CollateralMoved():
            return f"{effect.pool} {_verb(effect.amount, 'receives', 'pays')} {money(abs(effect.amount))}"
        case effects.Traded():
            size, price = _execution(effect, units)
            realised = f", realises {money(effect.realised)}" if effect.rule == "ACC-9" else ""
            return f"{effect.position} {_verb(effect.size, 'buys', 'sells')} {size} at {price}{realised}"
        case effects.LeverageSet():
            return f"leverage of {effect.position} is {effect.leverage}, was {effect.before}"
        case effects.Filled():
            size, price = _execution(effect, units)
            fee = f", fee {money(effect.fee)} (FIL-2)" if effect.fee else ""
            return f"{size} of {effect.position} closed at {price}, realises {money(effect.realised)}{fee}"
        case effects.OrderEmitted():
            market = keys.market_of(effect.position)
            size, held = units.size(market, effect.size), units.size(market, abs(effect.of))
            side = _verb(effect.of, "sell", "buy")
            return f"order to {side} {size} of {held} of {effect.position}: {_SIZING_REASONS[effect.sizing]}"
        case effects.OrderEnded():
            left = units.size(keys.market_of(effect.position), effect.left)
            return f"order of {effect.position} {_ENDS_OF_ORDERS[effect.how].format(left)}"
        case effects.Transitioned():
            why = " and ".join(_guard_text(guard, effect, units) for guard in effect.guard)
            path = f"{effect.position} {effect.source} -> {effect.target}"
            return f"{effect.transition} by {effect.rule}: {path}{why and f': {why}'}"
        case effects.WindowOpened():
            return (
                f"window of {effect.position} open until {effect.until} ms; "
                f"from the next block on, orders of its {effect.scope} are for the full size"
            )
        case effects.LiquidationEntered():
            equity, margin = money(effect.equity), money(effect.maintenance_margin)
            return f"{effect.pool} is in liquidation: equity {equity} < maintenance margin {margin}"
        case effects.LiquidationLeft():
            return f"{effect.pool} is not in liquidation any more"
        case effects.DeficitCovered():
            return f"the vault covers a deficit of {money(effect.amount)} of {effect.pool}"
        case effects.Backstopped():
            return (
                f"the vault takes {effect.pool}: equity {money(effect.equity)}, "
                f"collateral {money(effect.collateral)}, returned {money(effect.returned)}"
            )
        case effects.FundingPaid():
            verb = "pays" if effect.amount >= 0 else "receives"
            return f"{effect.position or 'the vault'} {verb} {money(abs(effect.amount))} of {effect.market} funding"
        case effects.PositionSettled():
            size, price = units.size(effect.market, effect.size), units.price(effect.market, effect.price)
            whose, gain = effect.position or f"the vault's {effect.market}", money(effect.realised)
            return f"{whose} is closed by the venue: {size} at {price}, realises {gain}"
        case effects.VaultTraded():
            size, price = units.size(effect.market, abs(effect.size)), units.price(effect.market, effect.price)
            return f"the vault {_verb(effect.size, 'buys', 'sells')} {size} {effect.market} at {price}"
        case effects.VaultFunded():
            return f"the vault {_verb(effect.amount, 'receives', 'pays out')} {money(abs(effect.amount))}"
        case effects.BlockBegun():
            return f"block {effect.block} begins at {effect.time} ms"
        case _:
            assert_never(effect)


def _median(effect: effects.MarkFormed, units: Units) -> str:
    """The candidates and what is made of them: one alone, the mean of two, the median of three."""
    *others, last = (f"{name} {units.part_of_price(effect.market, value)}" for name, value in effect.candidates)
    if not others:
        return f"{last}, the only candidate"
    return f"the {'mean' if len(others) == 1 else 'median'} of {', '.join(others)} and {last}"


def _verb(amount: int, positive: str, negative: str) -> str:
    return positive if amount > 0 else negative


def _execution(effect: effects.Traded | effects.Filled, units: Units) -> tuple[str, str]:
    market = keys.market_of(effect.position)
    return units.size(market, abs(effect.size)), units.price(market, effect.price)


def _guard_text(guard: str, effect: effects.Transitioned, units: Units) -> str:
    equity, margin = units.money(effect.equity), units.money(effect.maintenance_margin)
    breached = effect.equity < effect.maintenance_margin
    needs = f"equity {equity} < maintenance margin {margin}" if breached else "the pool is not restored"
    target = effect.restore_target
    reached = f"maintenance margin {margin}" if target is None else f"restore target {units.exact_money(target)}"
    share = units.venue.backstop_threshold
    of = "the close-out margin" if units.venue.backstop_measure == "tier" else f"maintenance margin {margin}"
    return {
        "needs_liquidation": needs,
        "restored": f"equity {equity} >= {reached}",
        "below_backstop": f"equity {equity} < {share.numerator}/{share.denominator} × {of}",
        "book_failed": "the market was tried and failed",
        "own_window_open": "its window is open",
        "not own_window_open": "no window of its own is open",
        "size_remains": "size remains",
        "not size_remains": "no size remains",
    }[guard]
