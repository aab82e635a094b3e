"""Engines that depart from a family of the liquidation order: no book, its size, its limit (LIQ-16, LIQ-17, PRT-4)."""

from collections.abc import Callable
from typing import Any

from attrs import evolve

from liqspec.core import arithmetic, assessment, changes, events
from liqspec.core.admission import Amounts
from liqspec.core.arithmetic import Holding, Ratio, Schedule
from liqspec.core.families import chunks, limits
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.step.wrong_engines.base import PERFORM, Patch, checks, moves, operates, sees, skips, wrong

Effects = list[Any]

_ATTEMPT = assessment.to_attempt
_STEP_5 = assessment.backstop_or_wait
_RESTORES = chunks.restores
_HALVING = chunks.by_halving
_TO_TIER = arithmetic.chunk_to_tier
_AT_LEAST = arithmetic.at_least
_LIMIT = limits.limit_of
_BAND = arithmetic.band_limit


def _without_book(state: State) -> bool:
    return state.venue.market_attempt is False


def _one_order_first(state: State, pool: Pool) -> list[Position]:
    if not _without_book(state):
        return _ATTEMPT(state, pool)
    return _ATTEMPT(evolve(state, venue=evolve(state.venue, market_attempt=None)), pool)


def _whatever_the_line(state: State, pool: Pool, inputs: GuardInputs) -> GuardInputs:
    return (
        evolve(inputs, equity=min(inputs.equity, -1)) if _without_book(state) and inputs.needs_liquidation else inputs
    )


def _in_the_next_block(state: State, pool: Pool, effects: Effects) -> None:
    waits = _without_book(state) and any(
        held.state == "liquidatable" and not held.attempted for held in pool.open_positions()
    )
    for held in pool.open_positions() if _without_book(state) else ():
        held.attempted = True
    if not waits:
        _STEP_5(state, pool, effects)


def _only_a_failed_book(state: State, pool: Pool, inputs: GuardInputs) -> GuardInputs:
    failed = all(held.failed for held in pool.open_positions())
    return evolve(inputs, book_failed=failed) if _without_book(state) else inputs


def _without(**changes: Any) -> Any:
    """Whether closing restores the pool, by other parameters."""

    def restores(state: State, pool: Pool, position: Position, closed: int) -> bool:
        other = evolve(state, venue=evolve(state.venue, **changes))
        return _RESTORES(other, pool, position, closed)

    return restores


def _alone(state: State, pool: Pool, position: Position, closed: int) -> bool:
    """As if the pool held nothing else, its equity included."""
    others = [held for held in pool.open_positions() if held is not position]
    profit = sum(arithmetic.unrealised_pnl(*state.holding(held)[:2], *state.holding(held)[3:5]) for held in others)
    alone = evolve(pool, collateral=pool.collateral + profit, positions={position.market.name: position})
    return _RESTORES(state, alone, position, closed)


def _one_less(most: int, enough: Callable[[int], bool]) -> int:
    return max(1, _HALVING(most, enough) - 1)


def _at_most_half(most: int, enough: Callable[[int], bool]) -> int:
    found = _HALVING(most, enough)
    return found if found < most else max(1, most // 2)


def _to_the_tiers_end(size: int, worth: int, steps: int, schedule: Schedule) -> int:
    reached = sum(tier.above < abs(size) * worth for tier in schedule.tiers[1:])
    if reached < steps:
        return abs(size)
    return abs(size) - schedule.tiers[reached - steps].above // worth


def _rest_rounded_up(size: int, worth: int, steps: int, schedule: Schedule) -> int:
    return max(1, _TO_TIER(size, worth, steps, schedule) - 1)


def _as_low_as_possible(size: int, worth: int, steps: int, schedule: Schedule) -> int:
    reached = sum(tier.above < abs(size) * worth for tier in schedule.tiers[1:])
    return _TO_TIER(size, worth, max(1, min(steps, reached)), schedule)


def _one_tier(size: int, worth: int, steps: int, schedule: Schedule) -> int:
    return _TO_TIER(size, worth, 1, schedule)


def _rounded_down(lots: int, size: int, worth: int, order: int | None, rest: int | None) -> int:
    return _AT_LEAST(lots, size, worth, None if order is None else order // worth * worth, rest)


def _rest_of_the_first_chunk(lots: int, size: int, worth: int, order: int | None, rest: int | None) -> int:
    raised = _AT_LEAST(lots, size, worth, order, None)
    return abs(size) if rest is not None and (abs(size) - lots) * worth < rest else raised


def _rest_of_the_least(lots: int, size: int, worth: int, order: int | None, rest: int | None) -> int:
    return _AT_LEAST(lots, size, worth, order, None if rest is None else rest + 1)


def _too_small_is_whole(lots: int, size: int, worth: int, order: int | None, rest: int | None) -> int:
    if order is not None and lots * worth < order:
        return abs(size)
    return _AT_LEAST(lots, size, worth, order, rest)


def _any_rest(lots: int, size: int, worth: int, order: int | None, rest: int | None) -> int:
    return _AT_LEAST(lots, size, worth, order, None)


def _stand_alone(state: State, position: Position, inputs: GuardInputs) -> int | None:
    """With the equity of the whole pool, as MRG-11 has it."""
    if state.venue.order_price != "bankruptcy":
        return _LIMIT(state, position, inputs)
    return arithmetic.bankruptcy_limit(inputs.equity, 1, 1, state.holding(position))


def _by_notional(state: State, position: Position, inputs: GuardInputs) -> int | None:
    pool = state.pool(position.account, position.mode, position.market.name)
    if state.venue.order_price != "bankruptcy" or pool is None:
        return _LIMIT(state, position, inputs)
    held = state.holding(position)
    worths = [arithmetic.notional(each.size, each.mark, each.unit) for each in state.holdings(pool)]
    own = arithmetic.notional(held.size, held.mark, held.unit)
    return arithmetic.bankruptcy_limit(inputs.equity, own, sum(worths), held)


def _for_the_buyer(equity: int, margin: int, pool_margin: int, held: Holding) -> int:
    worth = held.size * held.unit
    top, bottom = held.mark * worth * pool_margin - equity * margin, worth * pool_margin
    return max(1, top // bottom if worth > 0 else arithmetic.divide_up(-top, -bottom))


def _for_a_long(mark: int, size: int, band: Ratio) -> int:
    return _BAND(mark, abs(size), band)


def _a_tick_less(mark: int, size: int, band: Ratio) -> int:
    return max(1, _BAND(mark, size, band) - (1 if size > 0 else -1))


def _beyond(price: int, limit: int, size: int) -> bool:
    return price <= limit if size > 0 else price >= limit


def _of_a_long(price: int, limit: int, size: int) -> bool:
    return price < limit


def _follows_the_mark(event: events.MarkPrice, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.MarkPrice](event, state, amounts, effects)
    for pool in touched if state.venue.limits_orders else ():
        for position in pool.open_positions():
            if position.order is not None:
                position.limit = _LIMIT(state, position, changes.measure(state, pool))
    return touched


ENGINES = (
    wrong(
        "X370",
        "LIQ-16",
        "A venue without a book sends an order first",
        Patch(assessment, "to_attempt", _one_order_first),
    ),
    wrong("X371", "LIQ-16", "Without a book the vault takes every breached pool", sees(_whatever_the_line)),
    wrong(
        "X372",
        "LIQ-16",
        "Without a book the vault waits for the next block",
        Patch(assessment, "backstop_or_wait", _in_the_next_block),
    ),
    wrong("X373", "LIQ-16", "Without a book no book has failed, and the vault never takes", sees(_only_a_failed_book)),
    wrong(
        "X374",
        "PRT-4",
        "A chunk that restores is found without the fee",
        Patch(chunks, "restores", _without(fee_rate=Ratio(0, 1))),
    ),
    wrong(
        "X375",
        "PRT-4",
        "A chunk that restores reaches the margin, whatever the restore target",
        Patch(chunks, "restores", _without(restore=None)),
    ),
    wrong("X376", "PRT-4", "A chunk restores its position alone", Patch(chunks, "restores", _alone)),
    wrong("X377", "PRT-4", "A chunk that restores is a lot too small", Patch(chunks, "by_halving", _one_less)),
    wrong("X378", "PRT-4", "Where no chunk restores, half is ordered", Patch(chunks, "by_halving", _at_most_half)),
    wrong("X379", "PRT-4", "A chunk leads a tier too far down", Patch(arithmetic, "chunk_to_tier", _to_the_tiers_end)),
    wrong(
        "X380",
        "PRT-4",
        "A chunk to a lower tier leaves a lot too much",
        Patch(arithmetic, "chunk_to_tier", _rest_rounded_up),
    ),
    wrong(
        "X381",
        "PRT-4",
        "A chunk of more steps than there are lower tiers leads to the lowest",
        Patch(arithmetic, "chunk_to_tier", _as_low_as_possible),
    ),
    wrong("X382", "PRT-4", "A chunk always leads one tier down", Patch(arithmetic, "chunk_to_tier", _one_tier)),
    wrong("X383", "PRT-5", "The least order is rounded down", Patch(arithmetic, "at_least", _rounded_down)),
    wrong(
        "X384",
        "PRT-5",
        "The rest is judged before the order is raised",
        Patch(arithmetic, "at_least", _rest_of_the_first_chunk),
    ),
    wrong(
        "X385", "PRT-5", "A rest of exactly the least is ordered too", Patch(arithmetic, "at_least", _rest_of_the_least)
    ),
    wrong("X386", "PRT-5", "A chunk that is too small is for all", Patch(arithmetic, "at_least", _too_small_is_whole)),
    wrong("X387", "PRT-5", "A rest may be of any size", Patch(arithmetic, "at_least", _any_rest)),
    wrong(
        "X388",
        "LIQ-17",
        "The limit is the stand-alone bankruptcy price of each position",
        Patch(limits, "limit_of", _stand_alone),
    ),
    wrong("X389", "LIQ-17", "Equity is allocated by notional", Patch(limits, "limit_of", _by_notional)),
    wrong(
        "X390",
        "LIQ-17",
        "The bankruptcy price is rounded in favour of the other side",
        Patch(arithmetic, "bankruptcy_limit", _for_the_buyer),
    ),
    wrong("X391", "LIQ-17", "A short buys below the mark", Patch(arithmetic, "band_limit", _for_a_long)),
    wrong("X392", "LIQ-17", "The band is a tick wider", Patch(arithmetic, "band_limit", _a_tick_less)),
    wrong("X393", "LIQ-17", "A fill at the limit is refused", Patch(arithmetic, "worse", _beyond)),
    wrong("X394", "LIQ-17", "A short may buy at any higher price", Patch(arithmetic, "worse", _of_a_long)),
    wrong(
        "X395",
        "EVT-2",
        "worse_than_limit is reported before overfill",
        checks(events.Fill, moves("worse_than_limit", "overfill")),
    ),
    wrong("X396", "LIQ-17", "A limit follows the mark", operates(events.MarkPrice, _follows_the_mark)),
    wrong("X397", "LIQ-17", "The limit is shown and never asked", checks(events.Fill, skips("worse_than_limit"))),
)
