"""Runs that share their work: the paths of one step repeat each other, so each operation on the same operands is done
once. Nothing of what a run means changes.

A product of symbols is kept as one unknown number where a path is excluded or an obligation proved (`quick`). `abs` is
plain where the conditions so far say the sign, so that a product of it is a plain product.
"""

from collections.abc import Callable
from typing import Any

import z3  # type: ignore[import-untyped]
from attrs import Factory, define, field

from liqspec.proofs import symbolic
from liqspec.proofs.inductive.quick import QuickCheck
from liqspec.proofs.symbolic import Run, SymbolicBool, SymbolicInt


@define(eq=False)
class Shared:
    """What runs share: the terms that were made, by operation and operands, and the solver; so do further steps. What
    was joined is that of one step.
    """

    made: dict[Any, Any] = Factory(dict)
    quick: QuickCheck = Factory(QuickCheck)
    joined: dict[Any, Any] = Factory(dict)

    def of_a_step(self) -> "Shared":
        """The same terms and solver, for a step."""
        return Shared(self.made, self.quick)

    def number(self, term: z3.BoolRef) -> int:
        """The solver's number of a term."""
        found = self.made.get(("number", id(term)))
        if found is None:
            found = self.made["number", id(term)] = (term.get_id(), term)  # with the term: no id is used again
        return int(found[0])


def present() -> "SharedRun":
    """The present run of a step."""
    run = symbolic.present()
    assert isinstance(run, SharedRun), "a run of a step"
    return run


def shared() -> Shared:
    """What the present run shares with others."""
    return present().shared


def asked() -> dict[int, Any]:
    """The conditions that the present run has to meet besides, by their identity."""
    return present().asked


def _remembered(name: str, plain: Callable[..., Any]) -> Any:
    """The operation, done once for the same operands."""

    def operation(self: Any, *others: Any) -> Any:
        made = shared().made
        key = (name, id(self), *(one if type(one) in (int, bool) else id(one) for one in others), *map(type, others))
        found = made.get(key)
        if found is None:
            found = made[key] = (_sharing(plain(self, *others)), self, others)  # with its operands, as above
        return found[0]

    return operation


def _sharing(result: Any) -> Any:
    if isinstance(result, SymbolicInt):
        return SharedInt(result.term)
    return SharedBool(result.term, result.negated) if isinstance(result, SymbolicBool) else result


class SharedInt(SymbolicInt):
    """A whole number made of symbols, in runs that share their work."""

    __slots__ = ()
    __hash__ = None

    def __abs__(self) -> SymbolicInt:
        """The number or its negation where the path knows the sign, else one term."""
        run, quick = symbolic.present(), shared().quick
        for plain, other in ((self, self < 0), (-self, self > 0)):
            if run.decided(other) is False or quick.excludes([*run.conditions, other.term]):
                return plain
        known = shared().made
        return known.setdefault(("abs", id(self)), (_sharing(super().__abs__()), self))[0]  # type: ignore[no-any-return]

    def __str__(self) -> str:
        """For messages, which nothing decides on."""
        return "?"

    __repr__ = __str__


class SharedBool(SymbolicBool):
    """A condition on symbols, in runs that share their work."""

    __slots__ = ()
    __hash__ = None


for _name in ("add", "sub", "rsub", "mul", "neg", "lt", "le", "gt", "ge", "eq", "ne", "radd", "rmul"):
    setattr(SharedInt, f"__{_name}__", _remembered(_name, getattr(SymbolicInt, f"__{_name}__")))
for _name in ("__and__", "__or__", "__rand__", "__ror__", "__ne__", "opposite"):
    setattr(SharedBool, _name, _remembered(_name, getattr(SymbolicBool, _name)))


def _is(self: SharedBool, other: object) -> Any:
    """Comparing with a plain truth value makes no new term: the lifecycle compares every guard with one."""
    if isinstance(other, bool):
        return self if other else self.opposite()
    return _both(self, other)


_both = _remembered("eq", SymbolicBool.__eq__)
SharedBool.__eq__ = _is  # type: ignore[method-assign, assignment]


@define(eq=False)
class SharedRun(Run):
    """One run of a step.

    `joins` counts the calls whose ways were joined, and `place` is the call that the run is a way through. `joint` are
    the conditions that this made, by identity, `decisions` those of the single ways.
    """

    shared: Shared = field(kw_only=True)
    asked: dict[int, Any] = field(init=False, factory=dict)
    joins: int = field(init=False, default=0)
    place: tuple[int, ...] = field(init=False, default=())
    joint: set[int] = field(init=False, factory=set)
    decisions: list[z3.BoolRef] = field(init=False, factory=list)

    def symbol(self, name: str) -> SymbolicInt:
        """The symbol of this name, the same in all runs of the step."""
        made, key = self.shared.made, ("symbol", name)
        if key not in made:
            made[key] = SharedInt(z3.Int(name))
        found: SymbolicInt = made[key]
        self.symbols[name] = found.term
        return found

    def plain(self, condition: SymbolicBool) -> bool | None:
        """Whether it holds, where that is plain to see."""
        made, key = self.shared.made, ("plain", id(condition))
        if key not in made:
            made[key] = (super().plain(condition), condition)
        plain: bool | None = made[key][0]
        return plain

    def number(self, term: z3.BoolRef) -> int:
        """The solver's number of a term."""
        return self.shared.number(term)

    def quotient(self, dividend: symbolic.Number, divisor: symbolic.Number) -> SymbolicInt:
        """The floor of the quotient."""
        quotient: SymbolicInt = _sharing(super().quotient(dividend, divisor))
        return quotient

    def possible(self, term: z3.BoolRef) -> symbolic.Example | None:
        """None if the run may not go where this holds."""
        return None if self.shared.quick.excludes([*self.conditions, term]) else ()

    def excluded(self, term: z3.BoolRef) -> bool:
        """Whether what has been decided excludes this; the executor's own check has the last word."""
        return self.shared.quick.excludes([*self.conditions, term]) or super().excluded(term)
