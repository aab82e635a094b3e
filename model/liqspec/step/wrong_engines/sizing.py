"""Engines that size a liquidation order wrongly."""

from typing import Any
from weakref import WeakKeyDictionary

from attrs import evolve

from liqspec.core import arithmetic, assessment, events
from liqspec.core.admission import Amounts
from liqspec.core.arithmetic import Ratio
from liqspec.core.changes import fire
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.step.wrong_engines.base import PERFORM, Patch, bug, operates, wrong

_SIZING = assessment.order_sizing
_EMIT = assessment.emit_order
_CHUNK = arithmetic.chunk


def _larger_of_both(size: int, fraction: Ratio) -> int:
    return max(arithmetic.divide_up(abs(size) * fraction.numerator, fraction.denominator), abs(size))


def _rounded_down(size: int, fraction: Ratio) -> int:
    return max(1, abs(size) * fraction.numerator // fraction.denominator)


def _one_lot_more(size: int, fraction: Ratio) -> int:
    return min(abs(size), abs(size) * fraction.numerator // fraction.denominator + 1)


def _always_a_chunk(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Any:
    if state.venue.partial_threshold is None:
        return "no_threshold"
    # At -1 every notional is above the threshold; the other conditions stay.
    return _SIZING(evolve(state, venue=evolve(state.venue, partial_threshold=-1)), pool, position, inputs)


def _at_the_threshold(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Any:
    if state.venue.partial_threshold is None:
        return "no_threshold"
    threshold = state.venue.partial_threshold - 1
    return _SIZING(evolve(state, venue=evolve(state.venue, partial_threshold=threshold)), pool, position, inputs)


def _on_entry(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Any:
    threshold = state.venue.partial_threshold
    if threshold is not None and abs(position.cost) <= threshold:
        return "not_above_threshold"
    return _always_a_chunk(state, pool, position, inputs)


def _on_the_pool(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Any:
    threshold = state.venue.partial_threshold
    worth = sum(arithmetic.notional(held.size, held.mark, held.unit) for held in state.holdings(pool))
    if threshold is not None and worth <= threshold:
        return "not_above_threshold"
    return _always_a_chunk(state, pool, position, inputs)


def _above_the_line(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Any:
    # With an equity far above the line, the line is not asked.
    return _SIZING(state, pool, position, evolve(inputs, equity=inputs.maintenance_margin))


def _at_the_line(state: State, pool: Pool, position: Position, inputs: GuardInputs) -> Any:
    return _SIZING(state, pool, position, evolve(inputs, equity=inputs.equity - 1))


_ORIGINAL: WeakKeyDictionary[Position, tuple[int, int]] = WeakKeyDictionary()


def _of_the_original(state: State, pool: Pool, position: Position, inputs: GuardInputs, effects: list[Any]) -> None:
    life, size = _ORIGINAL.get(position, (0, 0))
    if life != position.life:
        size = abs(position.size)
        _ORIGINAL[position] = (position.life, size)
    _EMIT(state, pool, position, inputs, effects)
    assert position.order is not None
    if _SIZING(state, pool, position, inputs) == "chunk":
        position.order = min(abs(position.size), arithmetic.chunk(size, state.venue.partial_fraction))


def _always_sells(event: events.Fill, state: State, amounts: Amounts, effects: list[Any]) -> list[Pool]:
    pool, position = event.working(state)
    size, price, unit = amounts["size"], amounts["price"], position.market.unit
    if position.size > 0 or position.order is None:
        return PERFORM[events.Fill](event, state, amounts, effects)
    position.size -= size
    position.cost -= size * price * unit
    position.order = (position.order - size) or None
    fire(state, pool, position, "fill", effects)
    state.outside.add(position.market.name, size, size * price * unit)
    return [pool]


def _at_least_two_lots(size: int, fraction: arithmetic.Ratio) -> int:
    return max(2, _CHUNK(size, fraction))


def _size_by_a_whole_number(size: int, fraction: arithmetic.Ratio) -> int:
    return arithmetic.divide_up(abs(size), fraction.denominator // fraction.numerator)


ENGINES = (
    bug("B16", "PRT-3", Patch(arithmetic, "chunk", _larger_of_both)),
    bug("B18", "PRT-1", Patch(assessment, "order_sizing", _always_a_chunk)),
    bug("B20", "LIQ-14", operates(events.Fill, _always_sells)),
    wrong("X25", "PRT-3", "A chunk is rounded down", Patch(arithmetic, "chunk", _rounded_down)),
    wrong("X26", "PRT-3", "A chunk is one lot more than its share", Patch(arithmetic, "chunk", _one_lot_more)),
    wrong(
        "X27",
        "PRT-2",
        "A notional equal to the threshold is large",
        Patch(assessment, "order_sizing", _at_the_threshold),
    ),
    wrong(
        "X28",
        "PRT-2",
        "The threshold is compared with the entry notional",
        Patch(assessment, "order_sizing", _on_entry),
    ),
    wrong(
        "X29",
        "PRT-2",
        "The threshold is compared with the pool's notional",
        Patch(assessment, "order_sizing", _on_the_pool),
    ),
    wrong("X30", "PRT-2", "A chunk even below the backstop line", Patch(assessment, "order_sizing", _above_the_line)),
    wrong("X31", "PRT-2", "Full size already at the backstop line", Patch(assessment, "order_sizing", _at_the_line)),
    wrong(
        "X32",
        "PRT-3",
        "A chunk is a share of the size before the first chunk",
        Patch(assessment, "emit_order", _of_the_original),
    ),
    wrong(
        "X212",
        "LIQ-14",
        "A chunk has at least two lots, though the position has one",
        Patch(arithmetic, "chunk", _at_least_two_lots),
    ),
    wrong(
        "X225",
        "PRT-3",
        "A chunk is the size divided by a whole number",
        Patch(arithmetic, "chunk", _size_by_a_whole_number),
    ),
)
