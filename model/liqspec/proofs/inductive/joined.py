"""Joins the ways through a function of the model that changes nothing: a run forks only where its results differ.

The function itself runs, on every way through it. Ways with the same result are taken together, on the condition that
one of them is taken.
"""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import z3  # type: ignore[import-untyped]
from attrs import frozen

from liqspec.core.admission import Failure
from liqspec.core.state import Pool, Position
from liqspec.proofs import symbolic
from liqspec.proofs.inductive.conditions import implies
from liqspec.proofs.inductive.terms import SharedBool, SharedInt, SharedRun, present
from liqspec.proofs.symbolic import SymbolicBool, SymbolicInt

NUMBER = "a number"  # stands for any number, which is then one of several, by the way that is taken
FAILS = "fails"  # stands for any failure of a check: they end in the same refusal


@frozen(eq=False)
class _Ways:
    """The ways through one call: their results, each with the condition that it is that, and what was asked on them."""

    results: tuple[tuple[Any, SharedBool], ...]
    given: tuple[z3.BoolRef, ...]
    asked: tuple[Any, ...]
    decided: tuple[z3.BoolRef, ...]
    before: tuple[z3.BoolRef, ...]  # kept, so that no identity is used again


def _plain(call: Callable[[], Any]) -> Any:
    """The result of a call; one that is a condition is decided."""
    result = call()
    return bool(result) if isinstance(result, SymbolicBool) else result


def joined(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of the function; a truth value as a condition, on which nothing is decided yet."""
    run = present()
    known = run.shared.joined
    key = (*run.place, run.joins, "", *map(id, run.conditions))  # a run is repeated up to here by the same decisions
    run.joins += 1
    if key not in known:
        known[key] = _ways(run, partial(function, *arguments))
    ways: _Ways = known[key]
    run.asked.update((id(one), one) for one in ways.asked)
    run.decisions += ways.decided
    run.conditions += ways.given
    run.joint.update(map(id, ways.given))
    for result, condition in ways.results:
        run.joint.update((id(condition.term), id(condition.negated)))
        if isinstance(result, bool) and len(ways.results) > 1:
            return condition if result else condition.opposite()
        if condition:
            return _decoded(result, arguments)
    raise symbolic.Excluded


def _ways(run: SharedRun, call: Callable[[], Any]) -> _Ways:
    made: list[SharedRun] = []

    def branch(questions: symbolic.Questions, repeat: tuple[bool, ...]) -> SharedRun:
        made.append(SharedRun(questions, repeat, shared=run.shared, symbols=run.symbols))
        made[-1].conditions += run.conditions
        made[-1].place = (*run.place, run.joins)
        return made[-1]

    start, found, asked, decided = len(run.conditions), dict[Any, list[z3.BoolRef]](), [], []
    numbers: list[tuple[z3.BoolRef, Any]] = []
    for way in symbolic.paths(partial(_plain, call), make=branch):
        added = way.conditions[start:]
        taken = z3.And(*added)
        result = _encoded(way.result)
        found.setdefault(result, []).append(taken)
        if result is NUMBER:
            numbers.append((taken, way.result))
        asked += [implies(SharedBool(taken, z3.Not(taken)), one) for one in made[-1].asked.values()]
        decided += [*made[-1].decisions, *(one for one in added if id(one) not in made[-1].joint)]
        assert not made[-1].quotients, "what divides is not run"
    about = tuple(asked), tuple(decided), tuple(run.conditions)
    if len(found) == 1 and len(made) == 1:
        return _Ways(((way.result if result is NUMBER else result, _TRUE),), tuple(added), *about)
    results = []
    for result, ways in found.items():
        others = z3.Or(*(one for other, listed in found.items() if other != result for one in listed))
        value = _one_of(numbers) if result is NUMBER else result
        results.append((value, SharedBool(z3.Or(*ways), others)))
    return _Ways(tuple(results), (z3.Or(*(one for ways in found.values() for one in ways)),), *about)


_TRUE = SharedBool(z3.BoolVal(True), z3.BoolVal(False))


def _one_of(numbers: list[tuple[z3.BoolRef, Any]]) -> SharedInt:
    """The number of the way that is taken."""
    *others, (_, last) = numbers
    literal = symbolic.present().literal
    return SharedInt(reduce(lambda rest, one: z3.If(one[0], literal(one[1]), rest), others, literal(last)))


def _encoded(result: Any) -> Any:
    """A result as what is the same in every run: lists of pools or positions by their keys."""
    if isinstance(result, SymbolicInt) or type(result) is int:
        return NUMBER
    if isinstance(result, Failure):
        return FAILS
    return tuple(one.key for one in result) if isinstance(result, list) else result


def _decoded(result: Any, arguments: tuple[Any, ...]) -> Any:
    if not isinstance(result, tuple):
        return result
    listed: dict[str, Pool | Position] = {}
    for argument in arguments:
        members = argument.positions.values() if isinstance(argument, Pool) else argument
        listed |= {one.key: one for one in members} if isinstance(argument, Pool | list) else {}
    return [listed[key] for key in result]
