"""A quick check: every product of symbols is one unknown number with its sign. Its `unsat` is certain, nothing else is.

One solver is kept; conditions that a query shares with the one before are not asserted again.
"""

from collections.abc import Sequence

import z3  # type: ignore[import-untyped]
from attrs import Factory, define

from liqspec.proofs.symbolic import MILLISECONDS

_Numbered = tuple[z3.ExprRef, int]  # a term with its id; kept together, so that the id is not used again


def _solver() -> z3.Solver:
    solver = z3.SolverFor("QF_UFLIA")
    solver.set("timeout", MILLISECONDS)
    return solver


@define(eq=False)
class QuickCheck:
    """The check, with what it remembers of earlier queries, and how often it was asked."""

    queries: int = 0
    _solver: z3.Solver = Factory(_solver)
    _stack: list[_Numbered] = Factory(list)
    _signs: list[_Numbered] = Factory(list)
    _products: dict[tuple[int, ...], z3.ArithRef] = Factory(dict)
    _linear: dict[int, tuple[_Numbered, z3.ExprRef]] = Factory(dict)
    _forms: dict[int, tuple[z3.BoolRef, z3.BoolRef]] = Factory(dict)
    _kept: list[z3.ExprRef] = Factory(list)

    def excludes(self, conditions: Sequence[z3.BoolRef], some_of: Sequence[z3.BoolRef] = ()) -> bool:
        """Whether the conditions cannot hold together, with at least one of the others if there are any."""
        self.queries += 1
        terms = [self._of(condition) for condition in conditions]
        if some_of:
            either = z3.Or(*(self._of(condition)[0] for condition in some_of))
            terms.append((either, either.get_id()))
        terms = [*self._signs, *terms]
        shared = 0
        for known, term in zip(self._stack, terms, strict=False):
            if known[1] != term[1]:
                break
            shared += 1
        if len(self._stack) > shared:
            self._solver.pop(len(self._stack) - shared)
            del self._stack[shared:]
        for term in terms[shared:]:
            self._solver.push()
            self._solver.add(term[0])
            self._stack.append(term)
        return bool(self._solver.check() == z3.unsat)

    def _of(self, term: z3.BoolRef) -> _Numbered:
        key = id(term)
        if key not in self._linear:
            found = self._form(term)
            self._linear[key] = ((found, found.get_id()), term)
        return self._linear[key][0]

    def _form(self, term: z3.BoolRef) -> z3.BoolRef:
        """The condition without products; what conditions have in common is brought into this form once."""
        number = term.get_id()
        if number not in self._forms:
            if z3.is_and(term) or z3.is_or(term) or z3.is_not(term):
                found = term.decl()(*map(self._form, term.children()))
            else:
                found = self._without_products(z3.simplify(term, som=True), {})
            self._forms[number] = (found, term)  # with the term, so that its id is not used again
        return self._forms[number][0]

    def _without_products(self, term: z3.ExprRef, seen: dict[int, z3.ExprRef]) -> z3.ExprRef:
        key = term.get_id()
        if key in seen:
            return seen[key]
        arguments = [self._without_products(argument, seen) for argument in term.children()]
        found = term.decl()(*arguments) if arguments else term
        if z3.is_mul(term):
            symbols = [argument for argument in arguments if not z3.is_int_value(argument)]
            if len(symbols) > 1:
                found = self._product(symbols)
                for argument in arguments:
                    if z3.is_int_value(argument):
                        found = argument * found
        seen[key] = found
        self._kept.append(term)
        return found

    def _product(self, factors: list[z3.ArithRef]) -> z3.ArithRef:
        """The unknown number that stands for a product; it is 0 where a factor is, and has the sign of a product."""
        key = tuple(sorted(factor.get_id() for factor in factors))
        if key not in self._products:
            self._kept += factors
            product = self._products[key] = z3.FreshInt("product")
            below = factors[0] < 0
            for factor in factors[1:]:
                below = z3.Xor(below, factor < 0)
            zero = z3.Or(*(factor == 0 for factor in factors))
            sign = z3.And((product == 0) == zero, z3.Implies(z3.Not(zero), (product < 0) == below))
            self._signs.append((sign, sign.get_id()))
        return self._products[key]
