"""Runs ordinary Python functions on Z3 integers, so that what is proved is the model's own code and no copy of it.

A function is run once for each way through it. Where it asks whether a condition on symbols holds, the run goes one
way, and the other way is kept for a later run; ways that the conditions so far exclude are left out. What comes out is,
for each way, the conditions under which a run takes it and what it returns.
"""

# ruff: noqa: D105 (the operators of a number need no explanation)

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from itertools import product
from typing import Generic, Literal, TypeAlias, TypeVar, cast

import z3  # type: ignore[import-untyped]
from attrs import define, field, frozen

T = TypeVar("T")

# Over "integers" a solution is a true counterexample. Over "reals" a symbol may also be a fraction, which asks for more
# than is needed: what is proved there is proved for the integers too, and Z3 decides it much sooner.
Domain = Literal["integers", "reals"]

Verdict = Literal["sat", "unsat", "unknown"]


def _of_polynomials(ctx: z3.Context) -> z3.Solver:
    """Z3's procedure for polynomials over the reals, without what it tries before it by default."""
    return z3.Tactic("qfnra-nlsat", ctx).solver()


# What Z3 may spend on one attempt, in its own units of work, about a million a second: unlike seconds they are the same
# on every machine. It has two solvers, and each fails on some queries that the other answers at once, so both are tried
# with little before either gets much; first the one that is faster over the domain.
LIMITS = (100_000, 1_000_000, 10_000_000)
_SOLVERS: dict[Domain, tuple[Callable[..., z3.Solver], ...]] = {
    "integers": (z3.SimpleSolver, z3.Solver),
    "reals": (_of_polynomials, z3.SimpleSolver),
}

# No attempt takes longer than this, whatever it spends: some of its procedures do not count.
MILLISECONDS = 20_000


class UnsafeDivision(ArithmeticError):
    """A division whose divisor is not known to be above 0: Z3's division is then not Python's."""


class Excluded(Exception):
    """The assumptions exclude this run."""


@frozen(eq=False)
class SymbolicBool:
    """A condition on symbols. `negated` is its negation for integers, which over reals leaves a gap."""

    term: z3.BoolRef
    negated: z3.BoolRef

    def __bool__(self) -> bool:
        return present().decide(self)

    def __and__(self, other: "Condition") -> "SymbolicBool":
        right = as_condition(other)
        return SymbolicBool(z3.And(self.term, right.term), z3.Or(self.negated, right.negated))

    def __or__(self, other: "Condition") -> "SymbolicBool":
        right = as_condition(other)
        return SymbolicBool(z3.Or(self.term, right.term), z3.And(self.negated, right.negated))

    __rand__ = __and__
    __ror__ = __or__

    def __radd__(self, other: int) -> int:
        return other + bool(self)  # conditions that are counted are decided

    def __eq__(self, other: object) -> "SymbolicBool":  # type: ignore[override]
        if not isinstance(other, bool | SymbolicBool):
            return NotImplemented
        right = as_condition(other)
        return (self & right) | (self.opposite() & right.opposite())

    def __ne__(self, other: object) -> "SymbolicBool":  # type: ignore[override]
        if not isinstance(other, bool | SymbolicBool):
            return NotImplemented
        return self == as_condition(other).opposite()

    __hash__ = None  # type: ignore[assignment]

    def opposite(self) -> "SymbolicBool":
        """That it does not hold; `not` would fork."""
        return SymbolicBool(self.negated, self.term)


@frozen(eq=False)
class SymbolicInt:
    """A whole number made of symbols. What is not defined here raises a TypeError, as it should."""

    term: z3.ArithRef

    def __add__(self, other: "Number") -> "SymbolicInt":
        return SymbolicInt(self.term + _term(other))

    def __sub__(self, other: "Number") -> "SymbolicInt":
        return SymbolicInt(self.term - _term(other))

    def __rsub__(self, other: "Number") -> "SymbolicInt":
        return SymbolicInt(_term(other) - self.term)

    def __mul__(self, other: "Number") -> "SymbolicInt":
        return SymbolicInt(self.term * _term(other))

    def __floordiv__(self, other: "Number") -> "SymbolicInt":
        return present().quotient(self, other)

    def __rfloordiv__(self, other: "Number") -> "SymbolicInt":
        return present().quotient(other, self)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> "SymbolicInt":
        return SymbolicInt(-self.term)

    def __pos__(self) -> "SymbolicInt":
        return self

    def __abs__(self) -> "SymbolicInt":
        # One term and no fork: a pool of three positions would have eight ways through it for their sides alone.
        return SymbolicInt(z3.If(self.term >= 0, self.term, -self.term))

    def __lt__(self, other: "Number") -> SymbolicBool:
        return _at_most(self + 1, other)

    def __le__(self, other: "Number") -> SymbolicBool:
        return _at_most(self, other)

    def __gt__(self, other: "Number") -> SymbolicBool:
        return _at_most(other + 1, self)

    def __ge__(self, other: "Number") -> SymbolicBool:
        return _at_most(other, self)

    def __eq__(self, other: object) -> SymbolicBool:  # type: ignore[override]
        if not isinstance(other, int | SymbolicInt):
            return NotImplemented
        return SymbolicBool(self.term == _term(other), z3.Or((self < other).term, (self > other).term))

    def __ne__(self, other: object) -> SymbolicBool:  # type: ignore[override]
        if not isinstance(other, int | SymbolicInt):
            return NotImplemented
        return (self == other).opposite()

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self != 0)


Number: TypeAlias = int | SymbolicInt
Condition: TypeAlias = bool | SymbolicBool


def integer(name: str) -> int:
    """The symbol of this name in the present run. It is not an int, but the arithmetic accepts it as one."""
    return cast(int, present().symbol(name))


def assume(condition: Condition) -> None:
    """Go on only where the condition holds.

    Raises:
        Excluded: it does not.
    """
    if isinstance(condition, SymbolicBool):
        present().conditions.append(condition.term)
    elif not condition:
        raise Excluded


def _at_most(left: Number, right: Number) -> SymbolicBool:
    """That left ≤ right. Every number is whole, so the negation is right + 1 ≤ left: over reals that says more."""
    return SymbolicBool(_term(left) <= _term(right), _term(right) + 1 <= _term(left))


def _term(number: object) -> z3.ArithRef | int:
    if isinstance(number, SymbolicInt):
        return number.term
    if isinstance(number, int):
        return number
    # Z3 would take a float or a text, and round it.
    raise TypeError(f"a whole number is wanted, not {number!r}")


def as_condition(value: Condition) -> SymbolicBool:
    """A condition that may be plain, as one on symbols."""
    return value if isinstance(value, SymbolicBool) else SymbolicBool(z3.BoolVal(value), z3.BoolVal(not value))


@define(eq=False)
class Questions:
    """What is asked of the solvers about one function, in a separate context: what was asked before in this process
    changes no answer. Each condition is brought there once.
    """

    domain: Domain = "integers"
    _context: z3.Context | None = None
    _brought: dict[int, tuple[z3.BoolRef, z3.BoolRef]] = field(init=False, factory=dict)  # both, so that both are kept

    def check(self, conditions: Sequence[z3.BoolRef]) -> Verdict:
        """Whether the conditions, of symbols of the domain, can hold together; `unknown` where no limit suffices."""
        return self.solved(conditions, LIMITS)[0]

    def solved(self, conditions: Sequence[z3.BoolRef], limits: Sequence[int]) -> tuple[Verdict, z3.Solver]:
        """The first verdict within the limits that is known, and its solver."""
        self._context = self._context or z3.Context()
        there = [self._bring(condition, self._context) for condition in conditions]
        for limit, make in product(limits, _SOLVERS[self.domain]):
            solver = make(ctx=self._context)
            solver.set("rlimit", limit)
            solver.set("timeout", MILLISECONDS)
            solver.add(*there)
            verdict = cast(Verdict, str(solver.check()))
            if verdict != "unknown":
                break
        return verdict, solver

    def _bring(self, condition: z3.BoolRef, context: z3.Context) -> z3.BoolRef:
        number = condition.get_id()
        if number not in self._brought:
            self._brought[number] = condition, condition.translate(context)
        return self._brought[number][1]


@frozen(eq=False)
class Path(Generic[T]):
    """One way through a function: its conditions, what it returns, its symbols by name, and whom to ask about it."""

    conditions: tuple[z3.BoolRef, ...]
    result: T
    symbols: dict[str, z3.ArithRef]
    questions: Questions

    def check(self, *further: z3.BoolRef) -> Verdict:
        """Whether this way can be taken where this holds too; `unknown` where no limit suffices."""
        return self.questions.check([*self.conditions, *further])

    def solution(self, *further: z3.BoolRef) -> dict[str, int] | None:
        """Whole numbers with which this way is taken and this holds too; None if none are found within moderate
        limits.
        """
        verdict, solver = self.questions.solved([*self.conditions, *further], LIMITS[:2])
        if verdict != "sat":
            return None
        model, context = solver.model(), solver.ctx
        return {
            name: model.eval(symbol.translate(context), model_completion=True).as_long()
            for name, symbol in self.symbols.items()
        }

    @property
    def holds(self) -> z3.BoolRef:
        """That the returned condition holds."""
        return as_condition(cast(Condition, self.result)).term

    @property
    def fails(self) -> z3.BoolRef:
        """That the returned condition does not hold."""
        return as_condition(cast(Condition, self.result)).negated


# Numbers that meet what has been decided, each with the symbol that it stands for; empty where none are known.
Example: TypeAlias = tuple[tuple[z3.ArithRef, z3.ArithRef], ...]


@define(eq=False)
class Run:
    """One run of a function: the decisions to repeat, those taken, and the conditions that they make.

    Where an example goes one way, only the other way is a question for the solver.
    """

    questions: Questions
    repeat: tuple[bool, ...]
    example: Example = ()
    met: int = 0  # the number of conditions, from the first, that the example is known to meet
    choices: list[bool] = field(factory=list)
    untried: list[tuple[tuple[bool, ...], Example]] = field(factory=list)
    conditions: list[z3.BoolRef] = field(factory=list)
    symbols: dict[str, z3.ArithRef] = field(factory=dict)
    quotients: list[tuple[z3.ArithRef, z3.ArithRef, SymbolicInt]] = field(factory=list)
    _known: set[int] = field(init=False, factory=set)  # the numbers of the first `_counted` conditions
    _counted: int = field(init=False, default=0)

    def symbol(self, name: str) -> SymbolicInt:
        """The symbol of this name."""
        return SymbolicInt(self.symbols.setdefault(name, self._new(name)))

    def decide(self, condition: SymbolicBool) -> bool:
        """Which way to go; the other way, where there is one, is kept."""
        known = self.decided(condition)
        if known is not None:
            return known
        index = len(self.choices)
        if index < len(self.repeat):
            choice = self.repeat[index]
        else:
            shown = self._shown(condition)
            one = self.example if shown is True else self.possible(condition.term)
            other = self.example if shown is False else self.possible(condition.negated)
            if one is None and other is None:
                raise Excluded
            choice = one is not None
            if one is not None and other is not None:
                self.untried.append(((*self.choices, False), other))
            taken = (one if choice else other) or ()
            if taken is not self.example:
                self.example, self.met = taken, len(self.conditions)
        self.choices.append(choice)
        self.conditions.append(condition.term if choice else condition.negated)
        return choice

    def decided(self, condition: SymbolicBool) -> bool | None:
        """What is plain to see, or was decided before: the same question again does not fork."""
        plain = self.plain(condition)
        if plain is not None:
            return plain
        self._known.update(map(self.number, self.conditions[self._counted :]))
        self._counted = len(self.conditions)
        if self.number(condition.term) in self._known:
            return True
        return False if self.number(condition.negated) in self._known else None

    def plain(self, condition: SymbolicBool) -> bool | None:
        """Whether it holds, where that is plain to see."""
        found = z3.simplify(condition.term)
        return True if z3.is_true(found) else False if z3.is_false(found) else None

    def number(self, term: z3.BoolRef) -> int:
        """The solver's number of a term that is kept: equal terms have the same."""
        return int(term.get_id())

    def quotient(self, dividend: Number, divisor: Number) -> SymbolicInt:
        """The whole q with q·divisor ≤ dividend < (q + 1)·divisor: the floor, as the divisor is above 0."""
        above, below = z3.simplify(self.literal(dividend)), z3.simplify(self.literal(divisor))
        for known_above, known_below, known in self.quotients:
            if known_above.eq(above) and known_below.eq(below):
                return known
        # Before the last repeated decision an earlier run has asked it.
        if len(self.choices) >= len(self.repeat) and not self.excluded(below <= 0):
            raise UnsafeDivision(f"the divisor {below} is not known to be above 0")
        quotient = SymbolicInt(self._new(f"quotient!{len(self.quotients)}"))
        self.quotients.append((above, below, quotient))
        self._extend(above, below, quotient.term)
        self.conditions += [below * quotient.term <= above, above + 1 <= below * quotient.term + below]
        return quotient

    def _new(self, name: str) -> z3.ArithRef:
        return z3.Int(name) if self.questions.domain == "integers" else z3.Real(name)

    def literal(self, number: Number) -> z3.ArithRef:
        """A number as a term."""
        if isinstance(number, SymbolicInt):
            return number.term
        return z3.IntVal(number) if self.questions.domain == "integers" else z3.RealVal(number)

    def possible(self, term: z3.BoolRef) -> Example | None:
        """Numbers with which the run may go where this holds, none of them where they are not known; None if it may
        not. A way that is not excluded soon is taken.
        """
        verdict, solver = self.questions.solved((*self.conditions, term), LIMITS[:1])
        return None if verdict == "unsat" else self._numbers(solver) if verdict == "sat" else ()

    def excluded(self, term: z3.BoolRef) -> bool:
        """Whether what has been decided excludes this."""
        return self.questions.check((*self.conditions, term)) == "unsat"

    def _shown(self, condition: SymbolicBool) -> bool | None:
        """Which way the example goes; None where none is known, or it goes neither."""
        if not self.example or not self._holds(z3.And(*self.conditions[self.met :])):
            self.example, self.met = (), 0
            return None
        self.met = len(self.conditions)
        return True if self._holds(condition.term) else False if self._holds(condition.negated) else None

    def _holds(self, term: z3.BoolRef) -> bool:
        return bool(z3.is_true(z3.simplify(z3.substitute(term, *self.example))))

    def _numbers(self, solver: z3.Solver) -> Example:
        """The example that a solver found; none if one of its numbers is irrational."""
        model, context, example = solver.model(), solver.ctx, []
        for symbol in (*self.symbols.values(), *(quotient.term for _, _, quotient in self.quotients)):
            value = model.eval(symbol.translate(context), model_completion=True)
            if not (z3.is_int_value(value) or z3.is_rational_value(value)):
                return ()
            example.append((symbol, value.translate(symbol.ctx)))
        return tuple(example)

    def _extend(self, above: z3.ArithRef, below: z3.ArithRef, quotient: z3.ArithRef) -> None:
        """Give the example a number for a new quotient, the floor or, over reals, the fraction itself."""
        if not self.example or any(known.eq(quotient) for known, _ in self.example):
            return
        high, low = (z3.simplify(z3.substitute(term, *self.example)) for term in (above, below))
        divide = high / low  # of integers Z3's own division, which for a divisor above 0 is the floor
        self.example = (*self.example, (quotient, z3.simplify(divide)))


_PRESENT: ContextVar[Run] = ContextVar("the present run")


def present() -> Run:
    """The present run.

    Raises:
        RuntimeError: there is none.
    """
    try:
        return _PRESENT.get()
    except LookupError:
        raise RuntimeError("a symbol was used outside paths()") from None


def paths(
    function: Callable[[], T], domain: Domain = "integers", make: Callable[[Questions, tuple[bool, ...]], Run] = Run
) -> Iterator[Path[T]]:
    """Every way through a function that makes its symbols by `integer`; each is one run, made by `make`.

    Raises:
        UnsafeDivision: the function divides by what is not known to be above 0.
    """
    questions = Questions(domain)
    untried: list[tuple[tuple[bool, ...], Example]] = [((), ())]
    while untried:
        choices, example = untried.pop()
        run = make(questions, choices)
        run.example = example
        token = _PRESENT.set(run)
        try:
            result = function()
        except Excluded:
            continue
        finally:
            _PRESENT.reset(token)
            untried += run.untried
        yield Path(tuple(run.conditions), result, run.symbols, questions)
