"""Engines that book a fill, its fee or the end of an order wrongly."""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from liqspec.core import arithmetic, assessment, changes, events
from liqspec.core.admission import Amounts, Failure
from liqspec.core.arithmetic import Ratio
from liqspec.core.effects import Filled
from liqspec.core.refusals import InsufficientMargin
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.step.wrong_engines.base import PERFORM, Patch, bug, checks, fails, operates, real, refuses, wrong

Effects = list[Any]

_CLOSE = changes.close
_REDUCE = changes.reduce
_EMIT = assessment.emit_order
_RELEASED = arithmetic.released_cost
_FEE = arithmetic.liquidation_fee
_OVERFILLS = real(events.Fill, "overfill")


def _afterwards(change: Callable[[State, Pool, Position, Filled, int], None]) -> Patch:
    """A fill as it should be, and then something else; the last argument is the order that it executed a part of."""

    def fill(event: events.Fill, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
        pool, position = event.working(state)
        order = position.order or 0
        touched = PERFORM[events.Fill](event, state, amounts, effects)
        (filled,) = (effect for effect in effects if isinstance(effect, Filled))
        change(state, pool, position, filled, order)
        return touched

    return operates(events.Fill, fill)


def _grows_for_shorts(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    if position.size < 0:
        position.order = order + filled.size


def _keeps_the_order(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    if position.order is not None:
        position.order = min(order, abs(position.size))


def _ends_the_order(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    position.order = None


def _never_ends_the_order(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    if position.size and position.order is None:
        position.order = 1


def _confiscates(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    if position.size and pool.collateral > 0:
        state.vault.cash += pool.collateral
        pool.collateral = 0


def _confiscates_at_the_end(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    if not pool.open_positions() and pool.collateral > 0:
        state.vault.cash += pool.collateral
        pool.collateral = 0


def _tops_up(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    if pool.collateral < 0:
        state.vault.cash += pool.collateral
        pool.collateral = 0


def _into_the_cross_pool(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    moved = filled.realised - filled.fee
    pool.collateral -= moved
    state.accounts[pool.account].cross.collateral += moved


def _fee_in_full(state: State, filled: Filled, position: Position) -> int:
    worth = arithmetic.notional(filled.size, filled.price, position.market.unit)
    return arithmetic.divide_up(worth * state.venue.fee_rate.numerator, state.venue.fee_rate.denominator)


def _credits_in_full(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    state.vault.cash += _fee_in_full(state, filled, position) - filled.fee


def _scales_twice(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    before = abs(position.size) + filled.size
    less = filled.fee - arithmetic.divide_up(filled.fee * filled.size, before)
    pool.collateral += less
    state.vault.cash -= less


def _nobody_gets_it(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    state.vault.cash -= filled.fee


def _by_the_mark(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    worth = arithmetic.notional(filled.size, state.marks[position.market.name], position.market.unit)
    equity = arithmetic.pool_equity(pool.collateral + filled.fee, state.holdings(pool))
    more = arithmetic.liquidation_fee(worth, state.venue.fee_rate, equity) - filled.fee
    pool.collateral -= more
    state.vault.cash += more


def _at_the_mark(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    side = 1 if (filled.realised + filled.released_cost) > 0 else -1
    better = side * filled.size * (state.marks[position.market.name] - filled.price) * position.market.unit
    pool.collateral += better
    state.outside.cash -= better


def _uncapped(amount: int, fee_rate: Ratio, equity_after: int) -> int:
    return arithmetic.divide_up(amount * fee_rate.numerator, fee_rate.denominator)


def _fee_down(amount: int, fee_rate: Ratio, equity_after: int) -> int:
    return max(0, min(amount * fee_rate.numerator // fee_rate.denominator, equity_after))


def _fee_not_floored(amount: int, fee_rate: Ratio, equity_after: int) -> int:
    return min(arithmetic.divide_up(amount * fee_rate.numerator, fee_rate.denominator), equity_after)


def _capped_by_collateral(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    collateral = pool.collateral + filled.fee
    more = max(0, min(_fee_in_full(state, filled, position), collateral)) - filled.fee
    pool.collateral -= more
    state.vault.cash += more


def _capped_by_equity_before(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    mark, unit = state.marks[position.market.name], position.market.unit
    side = 1 if (filled.realised + filled.released_cost) > 0 else -1
    equity = arithmetic.pool_equity(pool.collateral + filled.fee, state.holdings(pool))
    before = equity + side * filled.size * (mark - filled.price) * unit
    more = max(0, min(_fee_in_full(state, filled, position), before)) - filled.fee
    pool.collateral -= more
    state.vault.cash += more


_SIZE_AT_ORDER: WeakKeyDictionary[Position, int] = WeakKeyDictionary()


def _remembers_its_size(state: State, pool: Pool, position: Position, inputs: GuardInputs, effects: Effects) -> None:
    _EMIT(state, pool, position, inputs, effects)
    _SIZE_AT_ORDER[position] = position.size


def _by_the_size_at_order(pool: Pool, position: Position, closed: int, price: int) -> tuple[int, int]:
    if position.order is None:
        return _CLOSE(pool, position, closed, price)
    released = arithmetic.released_cost(_SIZE_AT_ORDER.get(position, position.size), position.cost, closed)
    realised = arithmetic.realised_pnl(position.size, closed, price, position.market.unit, released)
    position.size -= closed if position.size > 0 else -closed
    position.cost -= released
    pool.collateral += realised
    return released, realised


def _towards_the_trader(size: int, cost: int, closed: int) -> int:
    # The real rounding favours a long already: the less cost is released, the more is realised.
    return _RELEASED(size, cost, closed) if cost >= 0 else -arithmetic.divide_up(abs(cost) * closed, abs(size))


def _of_one_lot(size: int, cost: int, closed: int) -> int:
    # The average price of one lot, rounded, times the lots: all of it only in the end.
    share = abs(cost) if closed == abs(size) else abs(cost) // abs(size) * closed
    return share if cost >= 0 else -share


def _floor_of_the_signed(size: int, cost: int, closed: int) -> int:
    return cost * closed // abs(size)


def _refuses_a_deficit(event: events.Fill, state: State, amounts: Amounts) -> Failure | None:
    pool, position = event.working(state)
    if pool.mode == "isolated" and amounts["size"] == abs(position.size):
        worth = position.size * amounts["price"] * position.market.unit - position.cost
        if pool.collateral + worth < 0:
            return Failure("price", "the pool", "cannot pay")
    return None


def _refuses_below_bankruptcy(event: events.Fill, state: State, amounts: Amounts) -> Failure | None:
    pool, position = event.working(state)
    held = state.holding(position)
    ruin = arithmetic.bankruptcy_price(arithmetic.pool_equity(pool.collateral, state.holdings(pool)), held)
    gap = amounts["price"] * ruin.denominator - ruin.numerator
    worse = (gap < 0) if position.size > 0 else (gap > 0)
    return Failure("price", "worse", "than the bankruptcy price") if worse else None


def _up_to_the_position(event: events.Fill, state: State, amounts: Amounts) -> Failure | None:
    position = event.working(state)[1]
    return None if amounts["size"] <= abs(position.size) else _OVERFILLS(event, state, amounts)


def _takes_more_than_is_left(state: State, pool: Pool, position: Position, filled: Filled, order: int) -> None:
    if position.order is not None and position.order < 0:
        position.order = None


def _less_than_is_left(event: events.Fill, state: State, amounts: Amounts) -> Failure | None:
    return _OVERFILLS(event, state, {"size": amounts["size"] + 1})


def _fee_on_reductions(state: State, pool: Pool, position: Position, size: int, price: int, effects: Effects) -> None:
    _REDUCE(state, pool, position, size, price, effects)
    worth = arithmetic.notional(size, price, position.market.unit)
    equity = arithmetic.pool_equity(pool.collateral, state.holdings(pool))
    fee = arithmetic.liquidation_fee(worth, state.venue.fee_rate, equity)
    pool.collateral -= fee
    state.vault.cash += fee


def _one_over_the_denominator(amount: int, fee_rate: Ratio, equity_after: int) -> int:
    return _FEE(amount, Ratio(min(1, fee_rate.numerator), fee_rate.denominator), equity_after)


ENGINES = (
    bug("B27", "FIL-1", _afterwards(_grows_for_shorts)),
    bug(
        "B29",
        "FIL-1",
        Patch(assessment, "emit_order", _remembers_its_size),
        Patch(changes, "close", _by_the_size_at_order),
    ),
    bug("B38", "ACC-2", _afterwards(_into_the_cross_pool)),
    bug("B41", "FIL-4", _afterwards(_confiscates)),
    bug("B46", "FIL-2", _afterwards(_credits_in_full)),
    bug("B48", "MRG-9", _afterwards(_scales_twice)),
    bug("B53", "BKS-7", checks(events.Fill, refuses(InsufficientMargin, _refuses_a_deficit))),
    bug(
        "B56",
        "AMT-6",
        Patch(arithmetic, "released_cost", _towards_the_trader),
    ),
    bug("B72", "BKS-7", _afterwards(_tops_up)),
    wrong("X78", "FIL-1", "A fill does not make the order smaller", _afterwards(_keeps_the_order)),
    wrong("X79", "FIL-3", "Any fill ends the order", _afterwards(_ends_the_order)),
    wrong("X80", "FIL-3", "A filled chunk keeps a lot working", _afterwards(_never_ends_the_order)),
    wrong("X81", "FIL-4", "Remaining collateral goes to the vault", _afterwards(_confiscates_at_the_end)),
    wrong("X82", "FIL-2", "Nobody gets the fee", _afterwards(_nobody_gets_it)),
    wrong("X83", "FIL-2", "The fee is a share of the notional at the mark", _afterwards(_by_the_mark)),
    wrong("X84", "FIL-1", "A fill is booked at the mark", _afterwards(_at_the_mark)),
    wrong("X85", "FIL-2", "The fee has no cap", Patch(arithmetic, "liquidation_fee", _uncapped)),
    wrong("X86", "FIL-2", "The fee is rounded down", Patch(arithmetic, "liquidation_fee", _fee_down)),
    wrong(
        "X87", "FIL-2", "The fee is negative where equity is", Patch(arithmetic, "liquidation_fee", _fee_not_floored)
    ),
    wrong("X88", "FIL-2", "The fee is capped by the collateral", _afterwards(_capped_by_collateral)),
    wrong("X89", "FIL-2", "The fee is capped by the equity before the fill", _afterwards(_capped_by_equity_before)),
    wrong(
        "X90",
        "FIL-2",
        "The fee is charged on the trader's own reductions",
        Patch(changes, "reduce", _fee_on_reductions),
    ),
    wrong("X91", "MRG-9", "Released cost is rounded lot by lot", Patch(arithmetic, "released_cost", _of_one_lot)),
    wrong(
        "X92",
        "MRG-9",
        "Released cost of shorts is rounded away from zero",
        Patch(arithmetic, "released_cost", _floor_of_the_signed),
    ),
    wrong(
        "X93",
        "FIL-5",
        "A fill below the bankruptcy price is refused",
        checks(events.Fill, refuses(InsufficientMargin, _refuses_below_bankruptcy)),
    ),
    wrong(
        "X94",
        "FIL-1",
        "A fill may be larger than the order",
        checks(events.Fill, fails("overfill", _up_to_the_position)),
        _afterwards(_takes_more_than_is_left),
    ),
    wrong(
        "X95",
        "FIL-1",
        "A fill of all that is left is refused",
        checks(events.Fill, fails("overfill", _less_than_is_left)),
    ),
    wrong(
        "X226",
        "FIL-2",
        "A fee rate is taken for one over its denominator",
        Patch(arithmetic, "liquidation_fee", _one_over_the_denominator),
    ),
)
