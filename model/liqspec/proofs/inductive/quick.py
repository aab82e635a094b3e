"""A quick check: every product of symbols is one unknown number with its sign. Its `unsat` is certain, nothing else is.

One solver is kept; conditions that a query shares with the one before are not asserted again.
"""

from collections.abc import Sequence

import z3  # type: ignore[import-untyped]
from attrs import Factory, define, frozen

from liqspec.proofs.symbolic import MILLISECONDS


def _solver() -> z3.Solver:
    solver = z3.SolverFor("QF_UFLIA")
    solver.set("timeout", MILLISECONDS)
    return solver


@frozen(eq=False)
class _Form:
    """A term with a number in the place of each product; which signs are known of those; and what keeps the ids of its
    terms from being used again.
    """

    found: z3.ExprRef
    signs: frozenset[int]
    of: z3.ExprRef


@define(eq=False)
class QuickCheck:
    """The check, with what it remembers of earlier queries, and how often it was asked."""

    queries: int = 0
    _solver: z3.Solver = Factory(_solver)
    _stack: list[z3.BoolRef | None] = Factory(list)  # the conditions that are asserted
    _signs: list[z3.BoolRef] = Factory(list)
    _products: dict[tuple[int, ...], _Form] = Factory(dict)
    _asserted: dict[int, tuple[z3.BoolRef, z3.BoolRef]] = Factory(dict)
    _forms: dict[int, _Form] = Factory(dict)
    _plain: dict[int, _Form] = Factory(dict)
    _answers: dict[tuple[object, ...], bool] = Factory(dict)  # by what `_asserted` keeps

    def excludes(self, conditions: Sequence[z3.BoolRef], some_of: Sequence[z3.BoolRef] = ()) -> bool:
        """Whether the conditions cannot hold together, with at least one of the others if there are any."""
        asked = (*map(id, conditions), "", *map(id, some_of))
        if asked not in self._answers:
            self._answers[asked] = self._excludes(conditions, some_of)
        return self._answers[asked]

    def _excludes(self, conditions: Sequence[z3.BoolRef], some_of: Sequence[z3.BoolRef]) -> bool:
        self.queries += 1
        shared = 0
        for known, condition in zip(self._stack, conditions, strict=False):
            if known is not condition:
                break
            shared += 1
        if len(self._stack) > shared:
            self._solver.pop(len(self._stack) - shared)
            del self._stack[shared:]
        for condition in conditions[shared:]:
            self._push(condition, self._of(condition))
        if some_of:
            self._push(None, z3.Or(*map(self._of, some_of)))
        return bool(self._solver.check() == z3.unsat)

    def _push(self, condition: z3.BoolRef | None, asserted: z3.BoolRef) -> None:
        self._solver.push()
        self._solver.add(asserted)
        self._stack.append(condition)

    def _of(self, condition: z3.BoolRef) -> z3.BoolRef:
        """A condition without products, and what is known of them."""
        key = id(condition)
        if key not in self._asserted:
            form = self._form(condition)
            found = z3.And(form.found, *(self._signs[number] for number in sorted(form.signs)))
            self._asserted[key] = found, condition
        return self._asserted[key][0]

    def _form(self, term: z3.BoolRef) -> _Form:
        """The condition without products; what conditions have in common is brought into this form once."""
        number = term.get_id()
        if number not in self._forms:
            if z3.is_and(term) or z3.is_or(term) or z3.is_not(term):
                self._forms[number] = _joined(term, [self._form(part) for part in term.children()])
            else:
                plain = self._without_products(z3.simplify(term, som=True))
                self._forms[number] = _Form(plain.found, plain.signs, term)
        return self._forms[number]

    def _without_products(self, term: z3.ExprRef) -> _Form:
        number = term.get_id()
        if number not in self._plain:
            parts = [self._without_products(part) for part in term.children()]
            made = self._product(term, parts) if z3.is_mul(term) else None
            self._plain[number] = made or _joined(term, parts)
        return self._plain[number]

    def _product(self, term: z3.ArithRef, parts: list[_Form]) -> _Form | None:
        """The unknown number that stands for a product of symbols; it is 0 where a factor is, and has the sign of a
        product. None if there is at most one symbol.
        """
        plain = [part.found for part in parts]
        factors = [one for one in plain if not z3.is_int_value(one)]
        if len(factors) < 2:  # one symbol, with a number
            return None
        key = tuple(sorted(factor.get_id() for factor in factors))
        if key not in self._products:
            product = z3.FreshInt("product")
            below = factors[0] < 0
            for factor in factors[1:]:
                below = z3.Xor(below, factor < 0)
            zero = z3.Or(*(factor == 0 for factor in factors))
            self._signs.append(z3.And((product == 0) == zero, z3.Implies(z3.Not(zero), (product < 0) == below)))
            signs = {len(self._signs) - 1}.union(*(part.signs for part in parts))
            self._products[key] = _Form(product, frozenset(signs), zero)  # which keeps the factors
        known = self._products[key]
        found = known.found
        for one in plain:
            if z3.is_int_value(one):
                found = one * found
        return _Form(found, known.signs, term)


def _joined(term: z3.ExprRef, parts: list[_Form]) -> _Form:
    found = term.decl()(*(part.found for part in parts)) if parts else term
    return _Form(found, frozenset().union(*(part.signs for part in parts)), term)
