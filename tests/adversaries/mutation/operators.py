"""The mutation operators: those of cosmic-ray, and the ones that this arithmetic needs in addition."""

from collections.abc import Iterator
from typing import Any

import parso
from cosmic_ray.operators.operator import Operator  # type: ignore[import-untyped]
from cosmic_ray.operators.provider import OperatorProvider  # type: ignore[import-untyped]
from parso.python.tree import Name, PythonNode
from parso.tree import NodeOrLeaf

Positions = Iterator[tuple[tuple[int, int], tuple[int, int]]]

# Each needs names to be given.
_WITHOUT_NAMES = ("VariableReplacer", "VariableInserter")

# What a function is replaced by: another rounding, another bound, no order. None takes it away: abs(x) becomes (x).
_INSTEAD: dict[str, str | None] = {
    "divide_up": "divide_down",
    "divide_down": "divide_up",
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "sorted": "list",
    "abs": None,
}

_AUGMENTED = {"+=": "-=", "-=": "+=", "*=": "//=", "//=": "*="}


class ReplaceAugmentedAssignment(Operator):  # type: ignore[misc]
    """Turn the sign of what is added to a variable: cosmic-ray replaces binary operators only."""

    def mutation_positions(self, node: NodeOrLeaf) -> Positions:
        if getattr(node, "value", None) in _AUGMENTED:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, _: int) -> NodeOrLeaf:
        node.value = _AUGMENTED[node.value]
        return node  # type: ignore[no-any-return]

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class ReplaceCall(Operator):  # type: ignore[misc]
    """Round the other way, take the other bound, do not sort, keep the sign."""

    def mutation_positions(self, node: NodeOrLeaf) -> Positions:
        if isinstance(node, Name) and node.value in _INSTEAD and _is_called(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, _: int) -> NodeOrLeaf:
        node.value = _INSTEAD[node.value] or ""
        return node  # type: ignore[no-any-return]

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class DeleteStatement(Operator):  # type: ignore[misc]
    """Do nothing in place of a call, a change of an attribute or an entry, a `return` or a `raise`."""

    def mutation_positions(self, node: NodeOrLeaf) -> Positions:
        if not isinstance(node, PythonNode) or node.type != "simple_stmt":
            return
        if _acts(node.children[0]) and not _ends_anyway(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, _: int) -> NodeOrLeaf:
        prefix = node.children[0].get_first_leaf().prefix
        node.children[0] = parso.parse(prefix + "pass")  # type: ignore[no-untyped-call]
        return node  # type: ignore[no-any-return]

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


def _is_called(name: Any) -> bool:
    following = name.get_next_leaf()
    return following is not None and following.get_code() == "(" and name.parent.type != "funcdef"


def _acts(statement: Any) -> bool:
    """Whether something remains to be seen when the statement is gone; a missing local name ends the run at once."""
    if statement.type in {"return_stmt", "raise_stmt"}:
        return True
    if statement.type == "expr_stmt":
        target, operator = statement.children[0], statement.children[1]
        return operator.type != "annassign" and (target.type != "name" or operator.get_code().strip() in _AUGMENTED)
    return statement.type in {"power", "atom_expr"}


def _ends_anyway(statement: Any) -> bool:
    """Whether a `return None` is the last statement of its function, where nothing is returned as well."""
    suite = statement.parent
    last = suite.type == "suite" and suite.parent.type == "funcdef" and suite.children[-1] is statement
    return last and statement.get_code().split() == ["return", "None"]


def operators() -> dict[str, Operator]:
    """All operators by name."""
    provider = OperatorProvider()
    known: dict[str, Operator] = {name: provider[name]() for name in provider if name not in _WITHOUT_NAMES}
    for own in (ReplaceAugmentedAssignment, ReplaceCall, DeleteStatement):
        known[own.__name__] = own()
    return known
