"""Engines that accept what must be refused, refuse what must be accepted, or say the wrong why."""

import re
from typing import Any

from attrs import evolve

from adversaries.wrong_engines.base import REAL_CHECKS, Patch, bug, checks, wrong
from liqspec.core import admission, arithmetic, config, engine, events, operations
from liqspec.core.admission import Amounts
from liqspec.core.arithmetic import Holding
from liqspec.core.events import Event
from liqspec.core.refusals import (
    BadLeverage,
    InLiquidation,
    InsufficientMargin,
    NotPositive,
    OrderWorking,
    Overfill,
    Refusal,
)
from liqspec.core.state import Pool, Position, State
from liqspec.edge import amounts
from liqspec.edge.amounts import Grid

_ADMIT = admission.admit
_OUTFLOW = admission._check_outflow
_INCREASE = admission._check_increase
_REDUCTION = admission._check_reduction
_INITIAL = admission._check_initial_margin
_NO_ORDER = admission._check_no_order
_CHECK_FIELDS = admission._check_fields
_POSITIVE = admission._check_positive
_END_LIFE = Position.end_life
_SAFE = arithmetic.reduction_is_safe
_LENIENT = re.compile(r"\s*[+-]?([0-9]+)(?:\.([0-9]+))?\s*")


def _admits(change: Any) -> tuple[Patch, ...]:
    # The engine imports the name, so it is looked up there.
    return (Patch(engine, "admit", change),)


# ------------------------------------------------------------------------------------------------- money that leaves


def _raw_balance(state: State, pool: Pool, amount: int) -> None:
    _NO_ORDER(pool, "ACC-5")
    if pool.in_liquidation:
        raise InLiquidation("amount", pool.key, "in liquidation")
    if pool.collateral < amount:
        raise InsufficientMargin("amount", "collateral", "not enough")


def _transfers_on_balance(state: State, event: events.Transfer, amounts: Amounts) -> None:
    account, amount = state.accounts[event.account], amounts["amount"]
    unused = Pool(event.account, "isolated", event.market)
    _raw_balance(state, account.cross if amount > 0 else account.isolated.get(event.market, unused), abs(amount))


def _without_pnl(state: State, pool: Pool, amount: int) -> None:
    if pool.mode == "cross":
        _OUTFLOW(state, pool, amount)
        return
    _NO_ORDER(pool, "ACC-5")
    if pool.in_liquidation:
        raise InLiquidation("amount", pool.key, "in liquidation")
    _INITIAL(state, pool.collateral - amount, state.holdings(pool), "amount", "ACC-5")


def _without_profit(state: State, pool: Pool, amount: int) -> None:
    _OUTFLOW(state, pool, amount)
    if pool.collateral < amount:
        raise InsufficientMargin("amount", "collateral", "unrealised profit cannot leave")


def _down_to_maintenance(state: State, pool: Pool, amount: int) -> None:
    _NO_ORDER(pool, "ACC-5")
    if pool.in_liquidation:
        raise InLiquidation("amount", pool.key, "in liquidation")
    held = state.holdings(pool)
    if arithmetic.pool_equity(pool.collateral, held) - amount < arithmetic.pool_maintenance_margin(held):
        raise InsufficientMargin("amount", "equity", "maintenance margin")


def _in_liquidation_first(state: State, pool: Pool, amount: int) -> None:
    if pool.in_liquidation:
        raise InLiquidation("amount", pool.key, "in liquidation")
    _OUTFLOW(state, pool, amount)


def _in_liquidation_unasked(state: State, pool: Pool, amount: int) -> None:
    _NO_ORDER(pool, "ACC-5")
    held = state.holdings(pool)
    _INITIAL(state, arithmetic.pool_equity(pool.collateral, held) - amount, held, "amount", "ACC-5")


def _orders_unasked(state: State, pool: Pool, amount: int) -> None:
    if pool.in_liquidation:
        raise InLiquidation("amount", pool.key, "in liquidation")
    held = state.holdings(pool)
    _INITIAL(state, arithmetic.pool_equity(pool.collateral, held) - amount, held, "amount", "ACC-5")


def _receiving_pool(state: State, event: events.Transfer, amounts: Amounts) -> None:
    turned = {"amount": -amounts["amount"]}
    REAL_CHECKS[events.Transfer](state, event, turned)


def _both_pools(state: State, event: events.Transfer, amounts: Amounts) -> None:
    REAL_CHECKS[events.Transfer](state, event, amounts)
    account = state.accounts[event.account]
    receiving = account.isolated.get(event.market) if amounts["amount"] > 0 else account.cross
    if receiving is not None and receiving.in_liquidation:
        raise InLiquidation("market", receiving.key, "it may not receive")


def _not_to_the_last(state: State, equity: int, held: Any, field: str, rule: str) -> None:
    _INITIAL(state, equity - 1, held, field, rule)


def _no_deposit_in_liquidation(state: State, event: events.Deposit, amounts: Amounts) -> None:
    pool = state.accounts[event.account].cross
    if pool.in_liquidation:
        raise InLiquidation("account", pool.key, "too late")


def _no_deposit_during_orders(state: State, event: events.Deposit, amounts: Amounts) -> None:
    _NO_ORDER(state.accounts[event.account].cross, "ACC-4")


def _vault_not_below_zero(state: State, event: events.VaultCash, amounts: Amounts) -> None:
    if state.vault.cash + amounts["amount"] < 0:
        raise InsufficientMargin("amount", "vault", "cash")


def _vault_does_not_turn(state: State, event: events.VaultTrade, amounts: Amounts) -> None:
    held = state.vault.positions.get(event.market, 0)
    if held * (held + amounts["size"]) < 0:
        raise InsufficientMargin("size", "vault", "would turn round")


# ------------------------------------------------------------------------------------------------------------- trades


def _backstopped_unasked(state: State, event: events.Trade, amounts: Amounts) -> None:
    pool = state.pool(event.account, event.mode, event.market)
    position = None if pool is None else pool.positions.get(event.market)
    if position is None or position.state != "backstopped":
        REAL_CHECKS[events.Trade](state, event, amounts)
        return
    position.state = "closed"
    REAL_CHECKS[events.Trade](state, event, amounts)


def _trades_during_orders(state: State, event: events.Trade, amounts: Amounts) -> None:
    try:
        REAL_CHECKS[events.Trade](state, event, amounts)
    except OrderWorking:
        pool = state.pool(event.account, event.mode, event.market)
        position = None if pool is None else pool.positions.get(event.market)
        if pool is None or position is None or position.order is not None or position.size * amounts["size"] >= 0:
            raise
        _REDUCTION(state, event, amounts, pool, position)


def _not_while_partial(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    partly = [held for held in pool.open_positions() if held.state == "partially_liquidated"]
    for held in partly:
        held.state = "healthy"
    try:
        _INCREASE(state, event, amounts, pool, position)
    finally:
        for held in partly:
            held.state = "partially_liquidated"


def _own_partial_only(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    partly = [held for held in pool.open_positions() if held.state == "partially_liquidated" and held is not position]
    for held in partly:
        held.state = "healthy"
    try:
        _INCREASE(state, event, amounts, pool, position)
    finally:
        for held in partly:
            held.state = "partially_liquidated"


def _more_in_liquidation(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    kept, pool.in_liquidation = pool.in_liquidation, False
    try:
        _INCREASE(state, event, amounts, pool, position)
    finally:
        pool.in_liquidation = kept


def _leverage_first(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    market = state.venue.markets[event.market]
    if event.leverage is not None and not 1 <= event.leverage <= market.max_leverage:
        raise BadLeverage("leverage", str(event.leverage), "out of range")
    _INCREASE(state, event, amounts, pool, position)


def _below_the_maximum(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    _INCREASE(state, event, amounts, pool, position)
    if event.leverage == state.venue.markets[event.market].max_leverage:
        raise BadLeverage("leverage", str(event.leverage), "out of range")


def _last_lifes_leverage(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    if event.leverage is None and position is not None and position.leverage:
        event = evolve(event, leverage=position.leverage)
    _INCREASE(state, event, amounts, pool, position)


def _keeps_leverage(self: Position) -> None:
    leverage = self.leverage
    _END_LIFE(self)
    self.leverage = leverage


def _leverage_always(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    if event.leverage is None:
        raise BadLeverage("leverage", "none", "must be given")
    _INCREASE(state, event, amounts, pool, position)


def _at_the_trade_price(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    marks = {**state.marks, event.market: amounts["price"]}
    _INCREASE(evolve(state, marks=marks), event, amounts, pool, position)


def _its_own_margin_only(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    def own(state: State, equity: int, held: list[Holding], field: str, rule: str) -> None:
        _INITIAL(state, equity, held[-1:], field, rule)

    with Patched(admission, "_check_initial_margin", own):
        _INCREASE(state, event, amounts, pool, position)


class Patched:
    """A name replaced during one call."""

    def __init__(self, owner: Any, name: str, value: Any) -> None:
        self._patch = Patch(owner, name, value)
        self._real: Any = None

    def __enter__(self) -> None:
        self._real = self._patch.read()
        self._patch.write(self._patch.wrong)

    def __exit__(self, *_: object) -> None:
        self._patch.write(self._real)


def _before_the_trade(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    _INCREASE(state, event, {**amounts, "price": state.marks[event.market]}, pool, position)


def _to_maintenance(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Any) -> None:
    with Patched(arithmetic, "pool_initial_margin", arithmetic.pool_maintenance_margin):
        _INCREASE(state, event, amounts, pool, position)


def _any_size(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Position) -> None:
    if abs(amounts["size"]) <= abs(position.size):
        _REDUCTION(state, event, amounts, pool, position)


def _only_part(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Position) -> None:
    if abs(amounts["size"]) == abs(position.size):
        _REDUCTION(state, event, {**amounts, "size": 2 * amounts["size"]}, pool, position)
    _REDUCTION(state, event, amounts, pool, position)


def _with_leverage(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Position) -> None:
    _REDUCTION(state, evolve(event, leverage=None), amounts, pool, position)


def _leverage_before_size(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Position) -> None:
    if event.leverage is not None:
        raise BadLeverage("leverage", str(event.leverage), "a reduction takes none", rule="ACC-9")
    _REDUCTION(state, event, amounts, pool, position)


def _not_in_liquidation(state: State, event: events.Trade, amounts: Amounts, pool: Pool, position: Position) -> None:
    if pool.in_liquidation:
        raise InLiquidation("market", pool.key, "the venue closes")
    _REDUCTION(state, event, amounts, pool, position)


def _always_safe(*_: int) -> bool:
    return True


def _clean_close_to_zero(before: int, margin_before: int, after: int, margin: int, positions: int) -> bool:
    if positions == 0:
        return after >= 0
    return _SAFE(before, margin_before, after, margin, positions)


def _close_always(before: int, margin_before: int, after: int, margin: int, positions: int) -> bool:
    return positions == 0 or _SAFE(before, margin_before, after, margin, positions)


def _covered_only(before: int, margin_before: int, after: int, margin: int, positions: int) -> bool:
    return (positions == 0 and after >= min(0, before)) or after >= margin


def _strictly_better(before: int, margin_before: int, after: int, margin: int, positions: int) -> bool:
    if 0 <= before < margin_before and after < margin and positions:
        return after * margin_before > before * margin
    return _SAFE(before, margin_before, after, margin, positions)


def _equity_not_less(before: int, margin_before: int, after: int, margin: int, positions: int) -> bool:
    if 0 <= before < margin_before and after < margin and positions:
        return after >= before
    return _SAFE(before, margin_before, after, margin, positions)


def _shortfall_not_more(before: int, margin_before: int, after: int, margin: int, positions: int) -> bool:
    if 0 <= before < margin_before and after < margin and positions:
        return margin - after <= margin_before - before
    return _SAFE(before, margin_before, after, margin, positions)


def _ratio_also_below_zero(before: int, margin_before: int, after: int, margin: int, positions: int) -> bool:
    if before < 0 and after < margin and positions:
        return after * margin_before >= before * margin
    return _SAFE(before, margin_before, after, margin, positions)


def _breach_unasked(before: int, margin_before: int, after: int, margin: int, positions: int) -> bool:
    if before >= margin_before and after < margin and positions:
        return after * margin_before >= before * margin or after >= 0
    return _SAFE(before, margin_before, after, margin, positions)


# ------------------------------------------------------------------------------------------------- orders and blocks


def _same_time(state: State, event: events.Block, amounts: Amounts) -> None:
    REAL_CHECKS[events.Block](state, evolve(event, time=event.time + 1), amounts)


def _not_the_next(state: State, event: events.Block, amounts: Amounts) -> None:
    REAL_CHECKS[events.Block](state, evolve(event, time=event.time - 1), amounts)


def _over_orders(state: State, event: events.Block, amounts: Amounts) -> None:
    with Patched(admission, "_check_no_order", lambda pool, rule: None):
        REAL_CHECKS[events.Block](state, event, amounts)


def _over_isolated_orders(state: State, event: events.Block, amounts: Amounts) -> None:
    with Patched(admission, "_check_no_order", lambda pool, rule: _NO_ORDER(pool, rule) if not pool.market else None):
        REAL_CHECKS[events.Block](state, event, amounts)


def _order_before_time(state: State, event: events.Block, amounts: Amounts) -> None:
    for pool in state.pools():
        _NO_ORDER(pool, "EVT-9")
    REAL_CHECKS[events.Block](state, event, amounts)


# --------------------------------------------------------------------------------------------------- common checks


def _sentinel(state: State, event: Event) -> Amounts:
    # 0 stands for "no price", and is set like one.
    if isinstance(event, events.MarkPrice) and event.price == "0" and event.market in state.venue.markets:
        return {"price": 0}
    return _ADMIT(state, event)


def _ends_the_order(state: State, event: Event) -> Amounts:
    try:
        return _ADMIT(state, event)
    except Overfill:
        assert isinstance(event, events.Fill)
        operations._working(state, event)[1].order = None
        raise


def _makes_a_pool(state: State, event: Event) -> Amounts:
    try:
        return _ADMIT(state, event)
    except InsufficientMargin:
        if isinstance(event, events.Transfer):
            operations._isolated_pool(state, event.account, event.market)
        raise


def _keeps_the_leverage(state: State, event: Event) -> Amounts:
    try:
        return _ADMIT(state, event)
    except InsufficientMargin:
        if isinstance(event, events.Trade) and event.leverage is not None:
            held = state.position(event.account, event.market, event.mode)
            if held is not None and held.size:
                held.leverage = event.leverage
        raise


def _counts_the_attempt(state: State, event: Event) -> Amounts:
    try:
        return _ADMIT(state, event)
    except Refusal:
        for pool in state.pools():
            for held in pool.open_positions():
                held.attempted = True
        raise


def _sign_before_grid(state: State, event: Event) -> Amounts:
    try:
        return _CHECK_FIELDS(state, event)
    except Refusal as error:
        if error.code == "off_grid":
            for name, _, sign in admission._FIELDS[type(event)]:
                if sign == "positive" and getattr(event, name).startswith("-"):
                    raise NotPositive(name, getattr(event, name), "must be above 0") from None
        raise


def _market_before_account(state: State, event: Event) -> Amounts:
    market = getattr(event, "market", None)
    if market is not None:
        admission._check_market(state, "market", market)
    return _CHECK_FIELDS(state, event)


def _rounds(name: str, text: str, grid: Grid) -> int:
    units = grid.units(text)
    return 0 if units is None else units


ENGINES = (
    bug("B43", checks(events.Transfer, _transfers_on_balance)),
    bug("B45", Patch(admission, "_check_outflow", _without_pnl)),
    bug("B51", *_admits(_sentinel)),
    bug("B55", *_admits(_ends_the_order)),
    wrong("X158", "Unrealised profit cannot leave", Patch(admission, "_check_outflow", _without_profit)),
    wrong(
        "X159", "Money leaves down to the maintenance margin", Patch(admission, "_check_outflow", _down_to_maintenance)
    ),
    wrong(
        "X160", "in_liquidation is told before order_working", Patch(admission, "_check_outflow", _in_liquidation_first)
    ),
    wrong(
        "X161",
        "in_liquidation is not told of money that leaves",
        Patch(admission, "_check_outflow", _in_liquidation_unasked),
    ),
    wrong(
        "X162", "order_working is not told of money that leaves", Patch(admission, "_check_outflow", _orders_unasked)
    ),
    wrong("X163", "A transfer checks the receiving pool", checks(events.Transfer, _receiving_pool)),
    wrong("X164", "A transfer into a pool in liquidation is refused", checks(events.Transfer, _both_pools)),
    wrong(
        "X165",
        "Equity equal to the initial margin is too little",
        Patch(admission, "_check_initial_margin", _not_to_the_last),
    ),
    wrong("X166", "A deposit in liquidation is refused", checks(events.Deposit, _no_deposit_in_liquidation)),
    wrong("X167", "A deposit during an order is refused", checks(events.Deposit, _no_deposit_during_orders)),
    wrong("X168", "The vault's cash cannot be drawn below 0", checks(events.VaultCash, _vault_not_below_zero)),
    wrong("X169", "The vault's position cannot turn round", checks(events.VaultTrade, _vault_does_not_turn)),
    wrong("X170", "A backstopped key can be opened in its block", checks(events.Trade, _backstopped_unasked)),
    wrong("X171", "A sibling can be reduced during an order", checks(events.Trade, _trades_during_orders)),
    wrong(
        "X172",
        "A partially liquidated position can be increased",
        Patch(admission, "_check_increase", _not_while_partial),
    ),
    wrong(
        "X173", "A partially liquidated sibling does not hinder", Patch(admission, "_check_increase", _own_partial_only)
    ),
    wrong(
        "X174",
        "A pool in liquidation does not hinder an increase",
        Patch(admission, "_check_increase", _more_in_liquidation),
    ),
    wrong("X175", "bad_leverage is told before in_liquidation", Patch(admission, "_check_increase", _leverage_first)),
    wrong("X176", "The maximum leverage is refused", Patch(admission, "_check_increase", _below_the_maximum)),
    wrong(
        "X177",
        "A reopening takes the last life's leverage",
        Patch(admission, "_check_increase", _last_lifes_leverage),
        Patch(Position, "end_life", _keeps_leverage),
    ),
    wrong("X178", "An increase needs a leverage", Patch(admission, "_check_increase", _leverage_always)),
    wrong("X179", "A trade is checked at its own price", Patch(admission, "_check_increase", _at_the_trade_price)),
    wrong(
        "X180",
        "A trade is checked against its own position's margin",
        Patch(admission, "_check_increase", _its_own_margin_only),
    ),
    wrong("X181", "The equity before the trade must do", Patch(admission, "_check_increase", _before_the_trade)),
    wrong("X182", "Positions are opened on maintenance margin", Patch(admission, "_check_increase", _to_maintenance)),
    wrong("X183", "A reduction may turn the position round", Patch(admission, "_check_reduction", _any_size)),
    wrong("X184", "A position cannot be closed whole", Patch(admission, "_check_reduction", _only_part)),
    wrong("X185", "A reduction may have a leverage", Patch(admission, "_check_reduction", _with_leverage)),
    wrong(
        "X186", "bad_leverage is told before crosses_zero", Patch(admission, "_check_reduction", _leverage_before_size)
    ),
    wrong("X187", "A pool in liquidation cannot be reduced", Patch(admission, "_check_reduction", _not_in_liquidation)),
    wrong("X188", "Every reduction is accepted", Patch(arithmetic, "reduction_is_safe", _always_safe)),
    wrong("X189", "An insolvent pool cannot be closed", Patch(arithmetic, "reduction_is_safe", _clean_close_to_zero)),
    wrong("X190", "A whole close is accepted at any price", Patch(arithmetic, "reduction_is_safe", _close_always)),
    wrong("X191", "A reduction must restore the pool", Patch(arithmetic, "reduction_is_safe", _covered_only)),
    wrong("X192", "A reduction must make the pool better", Patch(arithmetic, "reduction_is_safe", _strictly_better)),
    wrong("X193", "A reduction must not lower equity", Patch(arithmetic, "reduction_is_safe", _equity_not_less)),
    wrong(
        "X194", "A reduction must not widen the shortfall", Patch(arithmetic, "reduction_is_safe", _shortfall_not_more)
    ),
    wrong(
        "X195",
        "The ratio is asked for at negative equity too",
        Patch(arithmetic, "reduction_is_safe", _ratio_also_below_zero),
    ),
    wrong(
        "X196",
        "A healthy pool may be made breached by a reduction",
        Patch(arithmetic, "reduction_is_safe", _breach_unasked),
    ),
    wrong("X197", "A block at the present time is accepted", checks(events.Block, _same_time)),
    wrong("X198", "A block in the next millisecond is refused", checks(events.Block, _not_the_next)),
    wrong("X199", "A block ends with a working order", checks(events.Block, _over_orders)),
    wrong("X200", "A block ends with an isolated order", checks(events.Block, _over_isolated_orders)),
    wrong("X201", "order_working is told before time_not_after", checks(events.Block, _order_before_time)),
    wrong("X202", "A refused transfer makes the pool", *_admits(_makes_a_pool)),
    wrong("X203", "A refused increase changes the leverage", *_admits(_keeps_the_leverage)),
    wrong("X204", "A refused event is an attempt", *_admits(_counts_the_attempt)),
    wrong("X205", "not_positive is told before off_grid", Patch(admission, "_check_fields", _sign_before_grid)),
    wrong(
        "X206",
        "unknown_market is told before unknown_account",
        Patch(admission, "_check_fields", _market_before_account),
    ),
    wrong("X207", "An amount off its grid is taken for 0", Patch(admission, "_on_grid", _rounds)),
    wrong("X213", "An amount may have any number of digits", Patch(amounts, "MAX_DIGITS", amounts.MAX_REPORTED)),
    wrong("X214", "An amount may have a leading plus and white space", Patch(amounts, "AMOUNT", _LENIENT)),
    wrong("X215", "An integer may be larger than 2^53 - 1", Patch(config, "MAX_INTEGER", 2**64)),
)
