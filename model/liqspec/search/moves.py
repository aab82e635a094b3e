"""The events of a scope that can be tried in a state: first those that name an account, then those of all."""

from collections.abc import Iterator

from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Position
from liqspec.spec.scopes import Scope


def moves(scope: Scope, engine: Engine) -> Iterator[EventData]:
    """The events that can be tried in the present state of an engine; it must not change until all are taken."""
    state, alphabet = engine.state, scope.events
    for position in state.working_orders():
        yield from _executions(scope, engine, position)
    for account, amount in alphabet.deposit.items():
        cap = engine.venue.money.units(scope.max_collateral) or 0
        if state.accounts[account].cross.collateral < cap:
            yield {"type": "deposit", "account": account, "amount": amount}
    for account, amount in alphabet.withdraw.items():
        yield {"type": "withdraw", "account": account, "amount": amount}
    for transfer in alphabet.transfer:
        yield {"type": "transfer", **transfer}
    for trade in alphabet.trade:
        position_now = state.position(trade.account, trade.market, trade.mode)
        if position_now is not None and not position_now.size and position_now.life >= scope.max_life:
            continue
        market = engine.venue.markets[trade.market]
        event = {
            "type": "trade",
            "account": trade.account,
            "market": trade.market,
            "mode": trade.mode,
            "size": trade.size,
            "price": trade.price or market.price.text(state.marks[trade.market]),
        }
        reduces = position_now is not None and position_now.size * (market.size.units(trade.size) or 0) < 0
        yield event if trade.leverage is None or reduces else {**event, "leverage": trade.leverage}
    for name, prices in alphabet.mark_price.items():
        for price in prices:
            yield {"type": "mark_price", "market": name, "price": price}
    for inputs in alphabet.price_inputs:
        yield {"type": "price_inputs", **inputs}
    for name, payment in alphabet.funding.items():
        yield {"type": "funding", "market": name, "payment": payment}
    for after in alphabet.block:
        yield {"type": "block", "time": state.time + after}


def _executions(scope: Scope, engine: Engine, position: Position) -> Iterator[EventData]:
    market = position.market
    key = {"account": position.account, "market": market.name, "mode": position.mode}
    mark = market.price.text(engine.state.marks[market.name])
    sizes = dict.fromkeys((market.size.text(position.order or 0), *scope.events.fill_size))
    for size in sizes:
        for price in dict.fromkeys((mark, *scope.events.fill_price)):
            yield {"type": "fill", **key, "size": size, "price": price}
    yield {"type": "order_done", **key}
