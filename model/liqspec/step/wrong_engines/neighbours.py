"""Neighbours of the rules: engines with one small change in one function of the core, among what a run executed."""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from liqspec.core import admission, arithmetic, assessment, changes, config, state
from liqspec.core.events import market, price_inputs, trader, vault_and_time
from liqspec.core.families import mark_price
from liqspec.step.wrong_engines.base import Patch, WrongEngine

_MODULES = (arithmetic, assessment, changes, state, admission, config, market, trader, vault_and_time, price_inputs)
_RULE = re.compile(r"\b[A-Z]{3}-[0-9]+\b")
_PAIRS = (("divide_up", "divide_down"), ("min", "max"), ("any", "all"))
_LONGEST = 60  # characters of code in a title
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


class _Code(Patch):
    """The code of a function replaced, wherever the function is held."""

    def read(self) -> Any:
        return self.owner.__code__


def neighbours(run: Callable[[], object]) -> Iterator[WrongEngine]:
    """The engines that differ from the model in one expression or statement that this run executes."""
    executed = _executed(run)
    for module in (*_MODULES, mark_price):
        functions = {(each.__code__.co_name, each.__code__.co_firstlineno): each for each in _functions(module)}
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.FunctionDef):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                function = functions.get((node.name, first))
                lines = executed.get((module.__file__, node.name, first))
                if function is not None and lines:
                    yield from _of_function(module, function, node, lines)


def _executed(run: Callable[[], object]) -> dict[tuple[str | None, str, int], set[int]]:
    """The lines that a run executes in each function, by file, name and first line."""
    files = {module.__file__ for module in (*_MODULES, mark_price)}
    executed: dict[tuple[str | None, str, int], set[int]] = {}

    def trace(frame: FrameType, _: str, __: object) -> Any:
        code = frame.f_code
        if code.co_filename not in files:
            return None
        lines = executed.setdefault((code.co_filename, code.co_name, code.co_firstlineno), set())

        def line(frame: FrameType, _: str, __: object) -> Any:
            lines.add(frame.f_lineno)
            return line

        return line

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return executed


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """The functions of a module, and those of its classes."""
    for held in vars(module).values():
        inside = vars(held).values() if isinstance(held, type) and held.__module__ == module.__name__ else [held]
        for one in inside:
            plain = getattr(one, "__func__", None) or getattr(one, "fget", None) or getattr(one, "__wrapped__", one)
            if isinstance(plain, FunctionType) and plain.__module__ == module.__name__:
                yield plain


def _of_function(
    module: ModuleType, function: FunctionType, node: ast.FunctionDef, lines: set[int]
) -> Iterator[WrongEngine]:
    said = ast.get_docstring(node) or ""
    rules = _RULE.findall(said) or _RULE.findall(module.__doc__ or "")
    node.decorator_list, node.body = [], node.body[bool(said) :]
    for container, key, before in _places(node.body):
        if not lines.intersection((getattr(before, "lineno", 0), getattr(before, "end_lineno", 0))):
            continue
        for after in (*_expressions(before), *_statements(before)):
            container[key] = after
            code = _compiled(node, function)
            container[key] = before
            if code is not None and rules:
                title = f"{_text(before, after)} in {node.name}"
                yield WrongEngine(f"{node.name}: {title}", rules[0], title, (_Code(function, "__code__", code),))


def _places(inside: Any) -> Iterator[tuple[Any, Any, ast.AST]]:
    """Each node inside a list of nodes or the fields of a node: what holds it, at which key, and itself."""
    for key, held in list(enumerate(inside) if isinstance(inside, list) else inside.items()):
        if isinstance(held, ast.AST):
            yield inside, key, held
            yield from _places(vars(held))
        elif isinstance(held, list):
            yield from _places(held)


def _compiled(node: ast.FunctionDef, function: FunctionType) -> CodeType | None:
    """The code of a changed function; None where it cannot stand for the code of the real one."""
    module = ast.fix_missing_locations(ast.Module([node], []))
    compiled = compile(module, function.__code__.co_filename, "exec", dont_inherit=True)
    code = next(one for one in compiled.co_consts if isinstance(one, CodeType) and one.co_name == node.name)
    return code if code.co_freevars == function.__code__.co_freevars else None


def _text(before: ast.AST, after: ast.AST) -> str:
    if isinstance(before, ast.If) and isinstance(after, ast.If):
        before, after = before.test, after.test
    if isinstance(before, ast.Call) and isinstance(after, ast.Call) and before.args is after.args:
        before, after = before.func, after.func
    texts = [ast.unparse(ast.fix_missing_locations(node)).strip() for node in (after, before)]
    new, old = (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…" for text in texts)
    return f"`{old}` is left out" if isinstance(after, ast.Pass) else f"`{new}` in place of `{old}`"


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    """What can replace an expression: the other comparison, sign or rounding, or less of it."""
    match node:
        case ast.Compare(left, [operator], [right]) if type(operator) in _OTHER_WAY:
            yield ast.Compare(left, [_OTHER_WAY[type(operator)]()], [right])
            if isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                yield ast.UnaryOp(ast.Not(), node)
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


def _small_ones(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.comprehension(target, source, conditions) if conditions:
            yield ast.comprehension(target, source, [], 0)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """What can replace a statement: always, never, the other sign, or nothing at all."""
    match node:
        case ast.If(test, body, other):
            yield from (ast.If(ast.Constant(always), body, other) for always in (True, False))
            if not isinstance(test, ast.Compare | ast.UnaryOp):
                yield ast.If(ast.UnaryOp(ast.Not(), test), body, other)
        case ast.AugAssign(target, operator, value):
            if type(operator) in _OTHER_WAY:
                yield ast.AugAssign(target, _OTHER_WAY[type(operator)](), value)
            yield ast.Pass()
        case ast.Expr(ast.Call()) | ast.Assign([ast.Attribute() | ast.Subscript()], _):
            yield ast.Pass()
