"""Makes the numbers of a failing run plain: each as round and small as it can be while the run still fails."""

from collections.abc import Iterator
from fractions import Fraction

from liqspec.core.events import EventData
from liqspec.edge.amounts import decimal_text, is_decimal
from liqspec.search.minimise import Failing, Test

ROUNDS = 3  # over all numbers: one that is made plain can make another one free
SMALLER = 12  # powers of ten by which all amounts and sizes are divided at once, at most
DECIMALS = 2  # of an amount or a size after that, at most


def rounded(failing: Failing, fails: Test) -> Failing:
    """The run with plainer numbers and as many events; deterministic, if the test is."""
    best = _smaller(failing, fails)
    for _ in range(ROUNDS):
        before = best
        for index in range(len(best.events)):
            for name in list(best.events[index]):
                best = _plainer(best, index, name, fails)
        if best == before:
            break
    return best


def _smaller(failing: Failing, fails: Test) -> Failing:
    """The run with all amounts and sizes divided by the same power of ten, which keeps most relations between them."""
    for power in range(SMALLER, 0, -1):
        events = [_divided(event, 10**power) for event in failing.events]
        if None in events or events == failing.events:
            continue
        found = fails(Failing(failing.config, [event for event in events if event is not None]))
        if found is not None and len(found.events) == len(failing.events):
            return found
    return failing


def _divided(event: EventData, by: int) -> EventData | None:
    """The event with its amount and size divided; None if one of them would need too many decimals."""
    divided = dict(event)
    for name in ("amount", "size"):
        value = event.get(name)
        if isinstance(value, str) and is_decimal(value):
            quotient = Fraction(value) / by
            if 10**DECIMALS % quotient.denominator:
                return None
            divided[name] = decimal_text(quotient)
    return divided


def _plainer(best: Failing, index: int, name: str, fails: Test) -> Failing:
    for value in _simpler(best.events[index][name]):
        event: EventData = {**best.events[index], name: value}
        found = fails(Failing(best.config, [*best.events[:index], event, *best.events[index + 1 :]]))
        if found is not None and len(found.events) == len(best.events):
            return found
    return best


def _simpler(value: object) -> Iterator[object]:
    """Plainer values than this one, the plainest first."""
    if isinstance(value, dict):
        for name in value:
            if len(value) > 1:
                yield {key: entry for key, entry in value.items() if key != name}
            for entry in _simpler(value[name]):
                yield {**value, name: entry}
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from (one for one in _rounder(Fraction(value)) if one < value)
    elif isinstance(value, str) and is_decimal(value):
        yield from (decimal_text(Fraction(one)) for one in _rounder(Fraction(value)))


def _rounder(exact: Fraction) -> Iterator[int]:
    """Whole numbers of the same sign that are plainer: powers of ten first, then near ones with few digits."""
    sign, size = (-1 if exact < 0 else 1), abs(exact)
    digits = len(str(int(size)))
    candidates = [10**power for power in range(digits)]
    for significant in (1, 2, 3):
        unit = 10 ** max(0, digits - significant)
        below = int(size) // unit * unit
        candidates += [below, below + unit]
    # Only what is strictly plainer, or two numbers that are equally plain would replace each other for ever.
    present = _plainness(exact)
    plain = {one: _plainness(Fraction(one)) for one in candidates if one}
    yield from (sign * one for one in sorted(plain, key=lambda one: plain[one]) if plain[one] < present)


def _plainness(value: Fraction) -> tuple[int, bool, Fraction]:
    """Orders numbers by how plain they are, the plainest first: few digits, powers of ten, small."""
    digits = decimal_text(abs(value)).replace(".", "").strip("0")
    return len(digits), digits != "1", abs(value)
