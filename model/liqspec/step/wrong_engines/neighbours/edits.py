"""What can replace a piece of code: the other comparison, sign or rounding, another name, less of it."""

import ast
import copy
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
_DIVIDING = ("divide_up", "divide_down")
# Ways to round a number, of which each is as easily chosen as another.
_ROUNDED = (
    ("down", "(lambda exact: exact // 1)"),
    ("up", "(lambda exact: -(-exact // 1))"),
    ("towards 0", "int"),
    ("away from 0", "(lambda exact: exact // 1 if exact < 0 else -(-exact // 1))"),
    ("to the nearest, and halves to even", "round"),
)
_RATIOS = (
    ("down", "type({0})({0}.numerator // {0}.denominator, 1)"),
    ("up", "type({0})(-(-{0}.numerator // {0}.denominator), 1)"),
)
# Ways to collect sorted entries wrongly: by their first part, of which there is one each; or each that is there once.
_COLLECTED = (
    "[*{{entry[0]: entry for entry in {0}}}.values()]",
    "[*{{entry[0]: entry for entry in {0}[::-1]}}.values()][::-1]",
    "[*dict.fromkeys({0})]",
)
_DONE = "_done"
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
            if isinstance(called, ast.Attribute) and ast.unparse(called.value) == "arithmetic":
                yield from _shifted(called, arguments, keywords)
            for place, argument in enumerate(arguments):
                if isinstance(argument, ast.Attribute) and argument.attr in _optional():
                    without = [*arguments[:place], ast.Constant(None), *arguments[place + 1 :]]
                    yield ast.Call(called, without, keywords)
        case ast.Attribute(value, name, ast.Load()):
            yield from (ast.Attribute(value, other, ast.Load()) for other in sorted(_siblings().get(name, ())))
        case ast.Name(name, ast.Load()):
            yield from (ast.Name(other, ast.Load()) for other in seen.others(name))


def bodies(function: ast.FunctionDef, seen: Seen) -> Iterator[tuple[str, list[ast.stmt]]]:
    """What can replace the whole body of a function: a ratio that it is given, or its result, is rounded (AMT-6)."""
    for name in (each.arg for each in function.args.args):
        if seen.names.get(name) is arithmetic.Ratio:
            for how, rounded in _RATIOS:
                yield (
                    f"`{name}` is rounded {how}",
                    [*ast.parse(f"{name} = {rounded.format(name)}").body, *function.body],
                )
    divides = any(isinstance(each, ast.Name) and each.id in _DIVIDING for each in ast.walk(function))
    if divides and seen.returned is int:
        for how, rounded in _ROUNDED:
            changed = copy.deepcopy(function)
            _Exact(rounded).generic_visit(changed)
            yield f"the result is rounded {how}", changed.body


class _Exact(ast.NodeTransformer):
    """Makes the divisions of a function exact, and rounds what it returns."""

    def __init__(self, rounded: str) -> None:
        self._rounded = rounded

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A division, as it stands."""
        return _expression("__import__('fractions').Fraction") if node.id in _DIVIDING else node

    def visit_Return(self, node: ast.Return) -> ast.Return:
        """What is returned, rounded."""
        self.generic_visit(node)
        assert node.value is not None, "it returns a whole number"
        return ast.Return(ast.Call(_expression(self._rounded), [node.value], []))


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


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
        case ast.Call(ast.Name(name)):
            yield from _of_call(node, name)
        case _:
            yield from _small_ones(node)


def _shifted(called: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword]) -> Iterator[ast.expr]:
    """A use of the arithmetic with one of its numbers larger or smaller by 1: off by one there, and nowhere else."""
    for place, argument in enumerate(arguments):
        for sign in (ast.Add(), ast.Sub()):
            other = ast.BinOp(argument, sign, ast.Constant(1))
            yield ast.Call(called, [*arguments[:place], other, *arguments[place + 1 :]], keywords)


def _of_call(call: ast.Call, name: str) -> Iterator[ast.expr]:
    if name in _OTHER_NAME:
        yield ast.Call(ast.Name(_OTHER_NAME[name], ast.Load()), call.args, call.keywords)
    if name in {"min", "max", "abs"} and not call.keywords:
        yield from (each for each in call.args if not isinstance(each, ast.Starred))
    if name in _DIVIDING:
        yield from _divided_alone(call)
    if name == "sorted":
        yield from (_expression(text.format(ast.unparse(call))) for text in _COLLECTED)


def _divided_alone(division: ast.Call) -> Iterator[ast.expr]:
    """A division of a sum, or of its product with a factor, where each term is divided, and so rounded, alone."""
    top, *others = division.args
    match top:
        case ast.BinOp(left, ast.Add() | ast.Sub() as operator, right):
            terms = [left, right]
        case ast.BinOp(factor, ast.Mult() as times, ast.BinOp(left, ast.Add() | ast.Sub() as operator, right)):
            terms = [ast.BinOp(factor, times, term) for term in (left, right)]
        case _:
            return
    first, second = (ast.Call(division.func, [term, *others], []) for term in terms)
    yield ast.BinOp(first, operator, second)


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
        case ast.For(target, source, body, []):
            listed = ast.Call(ast.Name("list", ast.Load()), [source], [])
            yield from (ast.For(target, part, body, []) for part in _parts(listed))
            yield from _once(node)
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


def _parts(listed: ast.expr) -> Iterator[ast.expr]:
    """The first, and the last, of a list."""
    for part in (ast.Slice(None, ast.Constant(1)), ast.Slice(ast.Constant(-1))):
        yield ast.Subscript(listed, part, ast.Load())


def _once(loop: ast.For) -> Iterator[ast.If]:
    """The loop with one statement that is done only the first time, of each."""
    for number in range(len(_simple(loop))):
        changed = copy.deepcopy(loop)
        block, place = _simple(changed)[number]
        first = ast.UnaryOp(ast.Not(), ast.Name(_DONE, ast.Load()))
        done = ast.Assign([ast.Name(_DONE, ast.Store())], ast.Constant(True))
        block[place] = ast.If(first, [block[place], done], [])
        yield ast.If(ast.Constant(True), [ast.Assign([ast.Name(_DONE, ast.Store())], ast.Constant(False)), changed], [])


def _simple(loop: ast.For) -> list[tuple[list[ast.stmt], int]]:
    """The statements of a loop that have none inside, each by its block and its place there."""
    blocks = [each.body for each in ast.walk(loop) if isinstance(each, ast.For | ast.If)]
    simple = (ast.Expr, ast.Assign, ast.AugAssign)
    return [(block, place) for block in blocks for place, each in enumerate(block) if isinstance(each, simple)]


def _results(value: ast.expr, kind: type | None) -> Iterator[ast.expr]:
    if kind is bool:
        yield ast.UnaryOp(ast.Not(), value)
    elif kind is int:
        yield ast.Constant(0)
        yield from (ast.BinOp(value, sign, ast.Constant(1)) for sign in (ast.Add(), ast.Sub()))
    elif kind is list:
        yield from _parts(value)
        yield ast.Subscript(value, ast.Slice(None, None, ast.Constant(-1)), ast.Load())
