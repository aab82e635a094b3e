"""What can replace a piece of code: the other comparison, sign or rounding, another name, less of it."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache

from attrs import fields, frozen, has

from liqspec.core import arithmetic, config, state

_PAIRS = (("divide_up", "divide_down"), ("min", "max"), ("any", "all"))
_OTHER_WAY: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
}
_OTHER_NAME = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
_EXCHANGED = (int, bool, arithmetic.Ratio)  # values of these types stand for each other by mistake


@frozen
class Seen:
    """What a run showed of a function: the types of its names and of what it returned."""

    names: Mapping[str, type]
    returned: type | None

    def others(self, name: str) -> Iterator[str]:
        """The names that had a value of the same type, if it is one that is easily mistaken."""
        kind = self.names.get(name)
        if kind in _EXCHANGED:
            yield from (other for other, its in self.names.items() if its is kind and other != name)


@cache
def _siblings() -> dict[str, set[str]]:
    """Of each field of the core's records, the other fields of its record with the same type."""
    found: dict[str, set[str]] = {}
    for module in (arithmetic, config, state):
        for kind in vars(module).values():
            if isinstance(kind, type) and (has(kind) or hasattr(kind, "_fields")):
                types = {one.name: one.type for one in fields(kind)} if has(kind) else dict(kind.__annotations__)
                for name, its in types.items():
                    alike = {other for other, same in types.items() if same == its and other != name}
                    found.setdefault(name, set()).update(alike if its in _EXCHANGED else ())
    return found


@cache
def _optional() -> set[str]:
    """The fields of the core's records that can be None, names aside."""
    records = (kind for module in (arithmetic, config, state) for kind in vars(module).values())
    return {
        one.name
        for kind in records
        if isinstance(kind, type) and has(kind)
        for one in fields(kind)
        if "None" in str(one.type) and "str" not in str(one.type)
    }


def replacements(node: ast.AST, seen: Seen) -> Iterator[ast.AST]:
    """What can replace a node of a function, by one small mistake."""
    yield from _expressions(node)
    yield from _statements(node, seen)
    match node:
        case ast.Call(called, arguments, keywords):
            yield from _of_its_cost(called, arguments)
            for place, argument in enumerate(arguments):
                if isinstance(argument, ast.Attribute) and argument.attr in _optional():
                    without = [*arguments[:place], ast.Constant(None), *arguments[place + 1 :]]
                    yield ast.Call(called, without, keywords)
        case ast.Attribute(value, name, ast.Load()):
            yield from (ast.Attribute(value, other, ast.Load()) for other in sorted(_siblings().get(name, ())))
        case ast.Name(name, ast.Load()):
            yield from (ast.Name(other, ast.Load()) for other in seen.others(name))


def _of_its_cost(called: ast.expr, arguments: list[ast.expr]) -> Iterator[ast.expr]:
    """MRG-14: the notional of a position that a margin is asked of, in place of that at its mark."""
    match arguments:
        case [ast.Attribute(ast.Name(held), "size"), ast.Attribute(ast.Name(), "mark"), ast.Attribute(ast.Name(), _)]:
            name: ast.expr = ast.Name("margin_notional", ast.Load())
            if isinstance(called, ast.Attribute):
                name = ast.Attribute(called.value, "margin_notional", ast.Load())
            yield ast.Call(name, [ast.Name(held, ast.Load())], [])


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [operator], [right]) if type(operator) in _OTHER_WAY:
            yield ast.Compare(left, [_OTHER_WAY[type(operator)]()], [right])
            if isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                yield ast.UnaryOp(ast.Not(), node)
                yield ast.Compare(_double(left), [operator], [_double(right)])
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(_OTHER_WAY[type(operator)](), values)
            for kept in (values[:place] + values[place + 1 :] for place in range(len(values))):
                yield kept[0] if len(kept) == 1 else ast.BoolOp(operator, kept)
        case ast.BinOp(left, operator, right):
            other = _OTHER_WAY.get(type(operator))
            yield from (left, right) if other is None else (ast.BinOp(left, other(), right), left, right)
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.IfExp(_, body, other):
            yield from (body, other)
        case ast.Call(ast.Name(name), arguments, keywords):
            if name in _OTHER_NAME:
                yield ast.Call(ast.Name(_OTHER_NAME[name], ast.Load()), arguments, keywords)
            if name in {"min", "max", "abs"} and not keywords:
                yield from (each for each in arguments if not isinstance(each, ast.Starred))
        case _:
            yield from _small_ones(node)


def _double(number: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("float", ast.Load()), [number], [])


def _small_ones(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.comprehension(target, source, conditions) if conditions:
            yield ast.comprehension(target, source, [], 0)


def _statements(node: ast.AST, seen: Seen) -> Iterator[ast.AST]:
    """What can replace a statement: always, never, the other sign, another result, or nothing at all."""
    match node:
        case ast.If(test, body, other):
            yield from (ast.If(ast.Constant(always), body, other) for always in (True, False))
            if len(body) > 1 and isinstance(body[-1], ast.Return):  # it continues where it must end
                yield ast.If(test, body[:-1], other)
            if not isinstance(test, ast.Compare | ast.UnaryOp):
                yield ast.If(ast.UnaryOp(ast.Not(), test), body, other)
        case ast.AugAssign(target, operator, value):
            if type(operator) in _OTHER_WAY:
                yield ast.AugAssign(target, _OTHER_WAY[type(operator)](), value)
            yield ast.Pass()
        case ast.Expr(ast.Call()) | ast.Assign([ast.Attribute() | ast.Subscript()], _):
            yield ast.Pass()
        case ast.Return(ast.expr() as value):
            yield from map(ast.Return, _results(value, seen.returned))


def _results(value: ast.expr, kind: type | None) -> Iterator[ast.expr]:
    if kind is bool:
        yield ast.UnaryOp(ast.Not(), value)
    elif kind is int:
        yield ast.Constant(0)
        yield from (ast.BinOp(value, sign, ast.Constant(1)) for sign in (ast.Add(), ast.Sub()))
    elif kind is list:
        one, all_but_one = ast.Constant(1), ast.Constant(-1)
        yield from (ast.Subscript(value, part, ast.Load()) for part in (ast.Slice(None, one), ast.Slice(all_but_one)))
        yield ast.Subscript(value, ast.Slice(None, None, all_but_one), ast.Load())
