"""Conditions joined without a fork, on symbols or on plain values."""

from collections.abc import Iterable
from functools import reduce

from liqspec.proofs.symbolic import Condition, SymbolicBool


def negation(condition: Condition) -> Condition:
    """That it does not hold; `not` would fork."""
    return condition.opposite() if isinstance(condition, SymbolicBool) else not condition


def implies(left: Condition, right: Condition) -> Condition:
    """That the right holds where the left does."""
    return negation(left) | right


def every(conditions: Iterable[Condition]) -> Condition:
    """That all hold."""
    start: Condition = True
    return reduce(lambda one, other: one & other, conditions, start)


def some(conditions: Iterable[Condition]) -> Condition:
    """That one of them holds."""
    start: Condition = False
    return reduce(lambda one, other: one | other, conditions, start)


def same(left: Condition, right: Condition) -> Condition:
    """That both hold or neither does."""
    return implies(left, right) & implies(right, left)


def chosen(condition: Condition, then: object, otherwise: object, found: object) -> Condition:
    """That a value is the first where the condition holds, else the second."""
    return implies(condition, found == then) & implies(negation(condition), found == otherwise)
