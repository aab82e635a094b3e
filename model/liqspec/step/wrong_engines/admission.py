"""Engines that accept what must be refused, refuse what must be accepted, or say the wrong why."""

import re
from typing import Any

from attrs import evolve

from liqspec.core import admission, arithmetic, changes, events
from liqspec.core.admission import Amounts, Failure
from liqspec.core.arithmetic import Holding
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
from liqspec.edge import amounts, shapes
from liqspec.edge.amounts import Grid
from liqspec.step.wrong_engines.base import ADMIT, Patch, bug, checks, fails, moves, real, refuses, skips, wrong

_INITIAL = admission.below_initial_margin
_FIELDS = admission.admit_fields
_NO_ORDER = real(events.Trade, "order_working")
_IN_LIQUIDATION = real(events.Trade, "in_liquidation", "increasing")
_INCREASE = real(events.Trade, "insufficient_margin", "increasing")
_TIME = real(events.Block, "time_not_after")
_END_LIFE = Position.end_life
_SAFE = arithmetic.reduction_is_safe
_LENIENT = re.compile(r"\s*[+-]?([0-9]+)(?:\.([0-9]+))?\s*")


# ------------------------------------------------------------------------------------------------- money that leaves


def _beyond_collateral(event: events.Withdraw | events.Transfer, state: State, amounts: Amounts) -> Failure | None:
    pool, leaving = event.paying(state, amounts)
    return Failure("amount", "collateral", "not enough") if pool.collateral < leaving else None


def _without_pnl(event: events.Transfer, state: State, amounts: Amounts) -> Failure | None:
    pool, leaving = event.paying(state, amounts)
    held = state.holdings(pool)
    equity = arithmetic.pool_equity(pool.collateral, held if pool.mode == "cross" else [])
    return _INITIAL(state, equity - leaving, held, "amount")


def _down_to_maintenance(event: events.Withdraw | events.Transfer, state: State, amounts: Amounts) -> Failure | None:
    pool, leaving = event.paying(state, amounts)
    held = state.holdings(pool)
    if arithmetic.pool_equity(pool.collateral, held) - leaving < arithmetic.pool_maintenance_margin(held):
        return Failure("amount", "equity", "maintenance margin")
    return None


def _outflows(*changes: Any) -> tuple[Patch, Patch]:
    return checks(events.Withdraw, *changes), checks(events.Transfer, *changes)


def _receiving(event: events.Transfer, state: State, amounts: Amounts) -> tuple[Pool, int]:
    turned = {"amount": -amounts["amount"]}
    return event.paying(state, turned)


def _receiver_in_liquidation(event: events.Transfer, state: State, amounts: Amounts) -> Failure | None:
    account = state.accounts[event.account]
    receiving = account.isolated.get(event.market) if amounts["amount"] > 0 else account.cross
    if receiving is not None and receiving.in_liquidation:
        return Failure("market", receiving.key, "it may not receive")
    return None


def _not_to_the_last(state: State, equity: int, held: Any, field: str) -> Failure | None:
    return _INITIAL(state, equity - 1, held, field)


def _cross_in_liquidation(event: events.Deposit, state: State, amounts: Amounts) -> Failure | None:
    pool = state.accounts[event.account].cross
    return Failure("account", pool.key, "too late") if pool.in_liquidation else None


def _cross_order_works(event: events.Deposit, state: State, amounts: Amounts) -> Failure | None:
    return admission.order_working(state.accounts[event.account].cross)


def _vault_below_zero(event: events.VaultCash, state: State, amounts: Amounts) -> Failure | None:
    return Failure("amount", "vault", "cash") if state.vault.cash + amounts["amount"] < 0 else None


def _vault_turns(event: events.VaultTrade, state: State, amounts: Amounts) -> Failure | None:
    held = state.vault.positions.get(event.market, 0)
    return Failure("size", "vault", "would turn round") if held * (held + amounts["size"]) < 0 else None


# ------------------------------------------------------------------------------------------------------------- trades


def _closes_what_was_taken(event: events.Trade, state: State, amounts: Amounts) -> None:
    position = event.pool_in(state).positions.get(event.market)
    if position is not None and position.state == "backstopped":
        position.state = "closed"


def _but_for_siblings(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    position = event.pool_in(state).positions.get(event.market)
    if event.sort(state, amounts) == "reducing" and position is not None and position.order is None:
        return None
    return _NO_ORDER(event, state, amounts)


def _partial_unasked(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    return _IN_LIQUIDATION(event, state, amounts) if event.pool_in(state).in_liquidation else None


def _own_partial_only(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    pool = event.pool_in(state)
    own = pool.positions.get(event.market)
    partly = own is not None and own.size != 0 and own.state == "partially_liquidated"
    return _IN_LIQUIDATION(event, state, amounts) if pool.in_liquidation or partly else None


def _partial_only(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    partly = [held for held in event.pool_in(state).open_positions() if held.state == "partially_liquidated"]
    return Failure("market", partly[0].key, "it was partially liquidated in this block") if partly else None


def _given_out_of_range(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    if event.leverage is None or 1 <= event.leverage <= state.venue.markets[event.market].max_leverage:
        return None
    return Failure("leverage", str(event.leverage), "out of range")


def _the_maximum(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    if event.leverage != state.venue.markets[event.market].max_leverage:
        return None
    return Failure("leverage", str(event.leverage), "out of range")


def _last_lifes_leverage(self: events.Trade, state: State, _: int) -> int | None:
    position = self.pool_in(state).positions.get(self.market)
    return position.leverage or None if self.leverage is None and position is not None else self.leverage


def _keeps_leverage(self: Position) -> None:
    leverage = self.leverage
    _END_LIFE(self)
    self.leverage = leverage


def _no_leverage(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    return Failure("leverage", "none", "must be given") if event.leverage is None else None


def _at_the_trade_price(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    marks = {**state.marks, event.market: amounts["price"]}
    return _INCREASE(event, evolve(state, marks=marks), amounts)


def _its_own_margin_only(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    def own(state: State, equity: int, held: list[Holding], field: str) -> Failure | None:
        return _INITIAL(state, equity, held[-1:], field)

    with Patched(admission, "below_initial_margin", own):
        return _INCREASE(event, state, amounts)


class Patched:
    """A name replaced during one call."""

    def __init__(self, owner: Any, name: str, value: Any) -> None:
        self._patch = Patch(owner, name, value)
        self._real: Any = None

    def __enter__(self) -> None:
        """Replace it."""
        self._real = self._patch.read()
        self._patch.write(self._patch.wrong)

    def __exit__(self, *_: object) -> None:
        """Put the real value back."""
        self._patch.write(self._real)


def _before_the_trade(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    return _INCREASE(event, state, {**amounts, "price": state.marks[event.market]})


def _to_maintenance(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    with Patched(arithmetic, "pool_initial_margin", arithmetic.pool_maintenance_margin):
        return _INCREASE(event, state, amounts)


def _unless_larger(code: str) -> Any:
    """The check of a reduction, except one that turns the position round."""
    asked = real(events.Trade, code, "reducing")

    def failing(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
        larger = abs(amounts["size"]) > abs(event.reduced(state).size)
        return None if larger else asked(event, state, amounts)

    return fails(code, failing, "reducing")


def _not_smaller(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    whole = abs(event.reduced(state).size)
    return Failure("size", event.size, "not the whole") if abs(amounts["size"]) >= whole else None


def _pool_in_liquidation(event: events.Trade, state: State, amounts: Amounts) -> Failure | None:
    pool = event.pool_in(state)
    return Failure("market", pool.key, "the venue closes") if pool.in_liquidation else None


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


def _same_time(event: events.Block, state: State, amounts: Amounts) -> Failure | None:
    return _TIME(evolve(event, time=event.time + 1), state, amounts)


def _not_the_next(event: events.Block, state: State, amounts: Amounts) -> Failure | None:
    return _TIME(evolve(event, time=event.time - 1), state, amounts)


def _cross_orders_work(event: events.Block, state: State, amounts: Amounts) -> Failure | None:
    failures = (admission.order_working(pool, "time") for pool in state.pools() if pool.mode == "cross")
    return next((failure for failure in failures if failure is not None), None)


# --------------------------------------------------------------------------------------------------- common checks


def _sentinel(self: events.MarkPrice, state: State) -> Amounts:
    # 0 stands for "no price", and is set like one.
    if self.price == "0" and self.market in state.venue.markets:
        return {"price": 0}
    return _admitted(self, state)


def _admitted(event: events.Event, state: State) -> Amounts:
    return ADMIT[type(event)](event, state)


def _ends_the_order(self: events.Fill, state: State) -> Amounts:
    try:
        return _admitted(self, state)
    except Overfill:
        self.working(state)[1].order = None
        raise


def _makes_a_pool(self: events.Transfer, state: State) -> Amounts:
    try:
        return _admitted(self, state)
    except InsufficientMargin:
        changes.isolated_pool(state, self.account, self.market)
        raise


def _keeps_the_leverage(self: events.Trade, state: State) -> Amounts:
    try:
        return _admitted(self, state)
    except InsufficientMargin:
        if self.leverage is not None:
            held = state.position(self.account, self.market, self.mode)
            if held is not None and held.size:
                held.leverage = self.leverage
        raise


def _counts_the_attempt(self: events.Event, state: State) -> Amounts:
    try:
        return _admitted(self, state)
    except Refusal:
        for pool in state.pools():
            for held in pool.open_positions():
                held.attempted = True
        raise


def _sign_before_grid(event: events.Event, state: State) -> Amounts:
    try:
        return _FIELDS(event, state)
    except Refusal as error:
        if error.code == "off_grid":
            for name, _, sign in admission.amount_fields(type(event)):
                if sign == "positive" and getattr(event, name).startswith("-"):
                    raise NotPositive(name, getattr(event, name), "must be above 0") from None
        raise


def _rounds(grid: Grid, text: str) -> int:
    units = grid.units(text)
    return 0 if units is None else units


ENGINES = (
    bug("B43", "ACC-5", checks(events.Transfer, fails("insufficient_margin", _beyond_collateral))),
    bug("B45", "ACC-5", checks(events.Transfer, fails("insufficient_margin", _without_pnl))),
    bug("B51", "EVT-2", Patch(events.MarkPrice, "admit", _sentinel)),
    bug("B55", "EVT-3", Patch(events.Fill, "admit", _ends_the_order)),
    wrong(
        "X158", "ACC-5", "Unrealised profit cannot leave", *_outflows(refuses(InsufficientMargin, _beyond_collateral))
    ),
    wrong(
        "X159",
        "ACC-5",
        "Money leaves down to the maintenance margin",
        *_outflows(fails("insufficient_margin", _down_to_maintenance)),
    ),
    wrong(
        "X160",
        "EVT-2",
        "in_liquidation is reported before order_working",
        *_outflows(moves("in_liquidation", "order_working")),
    ),
    wrong("X161", "ACC-5", "in_liquidation is not reported for money that leaves", *_outflows(skips("in_liquidation"))),
    wrong("X162", "ACC-5", "order_working is not reported for money that leaves", *_outflows(skips("order_working"))),
    wrong(
        "X163",
        "ACC-6",
        "A transfer checks the receiving pool",
        Patch(events.Transfer, "checks", admission.outflow_checks(_receiving)),
    ),
    wrong(
        "X164",
        "ACC-6",
        "A transfer into a pool in liquidation is refused",
        checks(events.Transfer, refuses(InLiquidation, _receiver_in_liquidation)),
    ),
    wrong(
        "X165",
        "ACC-8",
        "Equity equal to the initial margin is too little",
        Patch(admission, "below_initial_margin", _not_to_the_last),
    ),
    wrong(
        "X166",
        "ACC-4",
        "A deposit in liquidation is refused",
        checks(events.Deposit, refuses(InLiquidation, _cross_in_liquidation)),
    ),
    wrong(
        "X167",
        "ACC-4",
        "A deposit during an order is refused",
        checks(events.Deposit, refuses(OrderWorking, _cross_order_works)),
    ),
    wrong(
        "X168",
        "EVT-8",
        "The vault's cash cannot be drawn below 0",
        checks(events.VaultCash, refuses(InsufficientMargin, _vault_below_zero)),
    ),
    wrong(
        "X169",
        "EVT-7",
        "The vault's position cannot turn round",
        checks(events.VaultTrade, refuses(InsufficientMargin, _vault_turns)),
    ),
    wrong(
        "X170",
        "ACC-7",
        "A backstopped key can be opened in its block",
        checks(events.Trade, fails("not_open", _closes_what_was_taken)),
    ),
    wrong(
        "X171",
        "ACC-7",
        "A sibling can be reduced during an order",
        checks(events.Trade, fails("order_working", _but_for_siblings)),
    ),
    wrong(
        "X172",
        "ACC-7",
        "A partially liquidated position can be increased",
        checks(events.Trade, fails("in_liquidation", _partial_unasked, "increasing")),
    ),
    wrong(
        "X173",
        "ACC-7",
        "A partially liquidated sibling does not hinder",
        checks(events.Trade, fails("in_liquidation", _own_partial_only, "increasing")),
    ),
    wrong(
        "X174",
        "ACC-7",
        "A pool in liquidation does not hinder an increase",
        checks(events.Trade, fails("in_liquidation", _partial_only, "increasing")),
    ),
    wrong(
        "X175",
        "EVT-2",
        "bad_leverage is reported before in_liquidation",
        checks(events.Trade, refuses(BadLeverage, _given_out_of_range, "increasing", before="in_liquidation")),
    ),
    wrong(
        "X176",
        "ACC-8",
        "The maximum leverage is refused",
        checks(events.Trade, refuses(BadLeverage, _the_maximum, "increasing")),
    ),
    wrong(
        "X177",
        "ACC-8",
        "A reopening takes the last life's leverage",
        Patch(events.Trade, "leverage_after", _last_lifes_leverage),
        Patch(Position, "end_life", _keeps_leverage),
    ),
    wrong(
        "X178",
        "ACC-8",
        "An increase needs a leverage",
        checks(events.Trade, refuses(BadLeverage, _no_leverage, "increasing", before="in_liquidation")),
    ),
    wrong(
        "X179",
        "ACC-8",
        "A trade is checked at its own price",
        checks(events.Trade, fails("insufficient_margin", _at_the_trade_price, "increasing")),
    ),
    wrong(
        "X180",
        "ACC-8",
        "A trade is checked against its own position's margin",
        checks(events.Trade, fails("insufficient_margin", _its_own_margin_only, "increasing")),
    ),
    wrong(
        "X181",
        "ACC-8",
        "The equity before the trade must do",
        checks(events.Trade, fails("insufficient_margin", _before_the_trade, "increasing")),
    ),
    wrong(
        "X182",
        "ACC-8",
        "Positions are opened on maintenance margin",
        checks(events.Trade, fails("insufficient_margin", _to_maintenance, "increasing")),
    ),
    wrong(
        "X183",
        "ACC-9",
        "A reduction may turn the position round",
        checks(
            events.Trade,
            skips("crosses_zero", "reducing"),
            _unless_larger("bad_leverage"),
            _unless_larger("insufficient_margin"),
        ),
    ),
    wrong(
        "X184",
        "ACC-9",
        "A position cannot be closed whole",
        checks(events.Trade, fails("crosses_zero", _not_smaller, "reducing")),
    ),
    wrong("X185", "ACC-9", "A reduction may have a leverage", checks(events.Trade, skips("bad_leverage", "reducing"))),
    wrong(
        "X186",
        "EVT-2",
        "bad_leverage is reported before crosses_zero",
        checks(events.Trade, moves("bad_leverage", "crosses_zero", "reducing")),
    ),
    wrong(
        "X187",
        "ACC-9",
        "A pool in liquidation cannot be reduced",
        checks(events.Trade, refuses(InLiquidation, _pool_in_liquidation, "reducing", before="crosses_zero")),
    ),
    wrong("X188", "ACC-9", "Every reduction is accepted", Patch(arithmetic, "reduction_is_safe", _always_safe)),
    wrong(
        "X189",
        "ACC-9",
        "An insolvent pool cannot be closed",
        Patch(arithmetic, "reduction_is_safe", _clean_close_to_zero),
    ),
    wrong(
        "X190", "ACC-9", "A whole close is accepted at any price", Patch(arithmetic, "reduction_is_safe", _close_always)
    ),
    wrong("X191", "ACC-9", "A reduction must restore the pool", Patch(arithmetic, "reduction_is_safe", _covered_only)),
    wrong(
        "X192",
        "ACC-9",
        "A reduction must make the pool better",
        Patch(arithmetic, "reduction_is_safe", _strictly_better),
    ),
    wrong(
        "X193", "ACC-9", "A reduction must not lower equity", Patch(arithmetic, "reduction_is_safe", _equity_not_less)
    ),
    wrong(
        "X194",
        "ACC-9",
        "A reduction must not widen the shortfall",
        Patch(arithmetic, "reduction_is_safe", _shortfall_not_more),
    ),
    wrong(
        "X195",
        "ACC-9",
        "The ratio is asked for at negative equity too",
        Patch(arithmetic, "reduction_is_safe", _ratio_also_below_zero),
    ),
    wrong(
        "X196",
        "ACC-9",
        "A healthy pool may be made breached by a reduction",
        Patch(arithmetic, "reduction_is_safe", _breach_unasked),
    ),
    wrong(
        "X197",
        "EVT-9",
        "A block at the present time is accepted",
        checks(events.Block, fails("time_not_after", _same_time)),
    ),
    wrong(
        "X198",
        "EVT-9",
        "A block in the next millisecond is refused",
        checks(events.Block, fails("time_not_after", _not_the_next)),
    ),
    wrong("X199", "EVT-9", "A block ends with a working order", checks(events.Block, skips("order_working"))),
    wrong(
        "X200",
        "EVT-9",
        "A block ends with an isolated order",
        checks(events.Block, fails("order_working", _cross_orders_work)),
    ),
    wrong(
        "X201",
        "EVT-2",
        "order_working is reported before time_not_after",
        checks(events.Block, moves("order_working", "time_not_after")),
    ),
    wrong("X202", "ACC-3", "A refused transfer makes the pool", Patch(events.Transfer, "admit", _makes_a_pool)),
    wrong(
        "X203", "EVT-3", "A refused increase changes the leverage", Patch(events.Trade, "admit", _keeps_the_leverage)
    ),
    wrong(
        "X204",
        "EVT-3",
        "A refused event is an attempt",
        *(Patch(kind, "admit", _counts_the_attempt) for kind in events.EVENTS.values()),
    ),
    wrong(
        "X205", "EVT-2", "not_positive is reported before off_grid", Patch(admission, "admit_fields", _sign_before_grid)
    ),
    wrong(
        "X206",
        "EVT-2",
        "unknown_market is reported before unknown_account",
        Patch(admission, "COMMON", moves("unknown_market", "unknown_account")(admission.COMMON)),
    ),
    wrong("X207", "AMT-4", "An amount off its grid is taken for 0", Patch(admission, "units_on", _rounds)),
    wrong(
        "X213", "AMT-3", "An amount may have any number of digits", Patch(amounts, "MAX_DIGITS", amounts.MAX_REPORTED)
    ),
    wrong("X214", "AMT-3", "An amount may have a leading plus and white space", Patch(amounts, "AMOUNT", _LENIENT)),
    wrong("X215", "EVT-4", "An integer may be larger than 2^53 - 1", Patch(shapes, "MAX_INTEGER", 2**64)),
)
