"""Neighbours in the code of the core: one changed expression or statement in a function that a run executes."""

import ast
import inspect
import sys
import tokenize
from collections.abc import Callable, Iterator
from io import StringIO
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from attrs import Factory, define, evolve, frozen

from liqspec.core import admission, arithmetic, assessment, changes, config, state
from liqspec.core.events import market, price_inputs, settlement, trader, vault_and_time
from liqspec.core.families import chunks, limits, mark_price
from liqspec.spec.rulebook import NUMBER
from liqspec.step.wrong_engines.base import Patch, WrongEngine
from liqspec.step.wrong_engines.neighbours.edits import Seen, bodies, replacements

_MODULES = (
    arithmetic,
    assessment,
    changes,
    state,
    admission,
    config,
    market,
    trader,
    vault_and_time,
    price_inputs,
    settlement,
    mark_price,
    chunks,
    limits,
)
_AMOUNTS = "AMT-"  # the rules of all numbers, which are of no function's purpose
EXACT = "AMT-1"
_LONGEST = 60  # characters of code in a title

Place = tuple[str | None, str, int]  # of a function: its file, name and first line


class _Code(Patch):
    """The code of a function replaced, wherever the function is held."""

    def read(self) -> Any:
        return self.owner.__code__


@define
class _Executed:
    """What a run did in one function: its lines, the last types of its names, and what it returned."""

    lines: set[int] = Factory(set)
    names: dict[str, type] = Factory(dict)
    returned: type | None = None


@frozen(kw_only=True)
class _Function:
    """A function of the core in three forms, and the rules that its module names: by comment, and as a whole."""

    function: Any  # a FunctionType, which mypy would take for a method
    node: ast.FunctionDef
    executed: _Executed
    commented: dict[int, str]
    callees: dict[str, str]
    rules: list[str]

    def rule_at(self, statement: ast.stmt) -> str:
        """The rule of a statement: that which it names, or the comment above it, or the only one of the function.

        Where the function has several, that of a function which the statement calls.
        """
        inside = list(ast.walk(statement))
        texts = [each.value for each in inside if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        said = [text for text in texts if NUMBER.fullmatch(text)]
        above = [rule for line, rule in self.commented.items() if self.node.lineno <= line <= statement.lineno]
        calls = [each.func for each in inside if isinstance(each, ast.Call)] if len(self.rules) > 1 else []
        names = [getattr(called, "attr", getattr(called, "id", "")) for called in calls]
        called = [self.callees[name] for name in names if not self.callees.get(name, _AMOUNTS).startswith(_AMOUNTS)]
        return next(iter((*said, *above[-1:], *called, *self.rules)))


def neighbours(run: Callable[[], object]) -> Iterator[WrongEngine]:
    """The engines that differ from the model in one expression or statement that this run executes."""
    executed, callees = _executed(run), _callees()
    for module in _MODULES:
        source = inspect.getsource(module)
        functions = {(each.__code__.co_name, each.__code__.co_firstlineno): each for each in _functions(module)}
        commented, tree = dict(_commented(source)), ast.parse(source)
        endless = _endless(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name not in endless:
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                function, ran = functions.get((node.name, first)), executed.get((module.__file__, node.name, first))
                rules = NUMBER.findall(ast.get_docstring(node) or "") or NUMBER.findall(module.__doc__ or "")
                if function is not None and ran is not None and rules:
                    yield from _of_function(
                        _Function(
                            function=function,
                            node=node,
                            executed=ran,
                            commented=commented,
                            callees=callees,
                            rules=rules,
                        )
                    )


def _endless(tree: ast.Module) -> set[str]:
    """The functions that could run for ever after a small change: those that repeat, and what these call."""
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    repeating = [each for each in functions if any(isinstance(inside, ast.While) for inside in ast.walk(each))]
    called = {each.id for one in repeating for each in ast.walk(one) if isinstance(each, ast.Name)}
    return {one.name for one in repeating} | called


def _executed(run: Callable[[], object]) -> dict[Place, _Executed]:
    """What a run did in each function."""
    files = {module.__file__ for module in _MODULES}
    executed: dict[Place, _Executed] = {}

    def trace(frame: FrameType, _: str, __: object) -> Any:
        code = frame.f_code
        if code.co_filename not in files:
            return None
        ran = executed.setdefault((code.co_filename, code.co_name, code.co_firstlineno), _Executed())

        def line(frame: FrameType, event: str, value: object) -> Any:
            ran.lines.add(frame.f_lineno)
            if event == "return":
                ran.names.update((name, type(held)) for name, held in frame.f_locals.items())
                ran.returned = type(value)
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


def _callees() -> dict[str, str]:
    """The rule of each function of the core, by its name."""
    rules = ((each.__name__, NUMBER.findall(each.__doc__ or "")) for module in _MODULES for each in _functions(module))
    return {name: found[0] for name, found in rules if found}


def _commented(source: str) -> Iterator[tuple[int, str]]:
    """The lines that have a comment with a rule, and the first rule in it."""
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.COMMENT and (rules := NUMBER.findall(token.string)):
            yield token.start[0], rules[0]


def _of_function(one: _Function) -> Iterator[WrongEngine]:
    node, seen = one.node, Seen(one.executed.names, one.executed.returned)
    said = ast.get_docstring(node) or ""
    node.decorator_list, node.body = [], node.body[bool(said) :]
    body = node.body
    for statement, container, key, before in _places(body):
        if not one.executed.lines.intersection((getattr(before, "lineno", 0), getattr(before, "end_lineno", 0))):
            continue
        for after in replacements(before, seen):
            container[key] = after
            code = _compiled(node, one.function)
            container[key] = before
            title, in_doubles = f"{_text(before, after)} in {node.name}", _in_doubles(after)
            for wrong in _with(one, code, one.rule_at(statement), title):
                yield evolve(wrong, also=(EXACT,)) if in_doubles else wrong
    for title, other in bodies(node, seen):
        node.body = other
        code = _compiled(node, one.function)
        node.body = body
        yield from _with(one, code, one.rules[0], f"{title} in {node.name}")


def _with(one: _Function, code: CodeType | None, rule: str, title: str) -> Iterator[WrongEngine]:
    if code is not None:
        patch = _Code(one.function, "__code__", code)
        yield WrongEngine(f"{one.node.name}: {title}", rule, title, (patch,))


def _places(inside: Any, statement: ast.stmt | None = None) -> Iterator[tuple[ast.stmt, Any, Any, ast.AST]]:
    """Each node inside a list of nodes or the fields of a node: its statement, what holds it, the key, and itself."""
    for key, held in list(enumerate(inside) if isinstance(inside, list) else inside.items()):
        if isinstance(held, ast.AST):
            around = held if isinstance(held, ast.stmt) else statement
            assert around is not None, "a function's body has statements"
            yield around, inside, key, held
            yield from _places(vars(held), around)
        elif isinstance(held, list):
            yield from _places(held, statement)


def _in_doubles(after: ast.AST) -> bool:
    """Whether the code computes with doubles."""
    return any(isinstance(each, ast.Name) and each.id == "float" for each in ast.walk(after))


def _compiled(node: ast.FunctionDef, function: FunctionType) -> CodeType | None:
    """The code of a changed function; None where it cannot stand for the code of the real one."""
    module = ast.fix_missing_locations(ast.Module([node], []))
    compiled = compile(module, function.__code__.co_filename, "exec", dont_inherit=True)
    code = next(one for one in compiled.co_consts if isinstance(one, CodeType) and one.co_name == node.name)
    return code if code.co_freevars == function.__code__.co_freevars else None


def _text(before: ast.AST, after: ast.AST) -> str:
    if isinstance(before, ast.For) and isinstance(after, ast.If):
        (guarded,) = (
            each.body[0]
            for each in ast.walk(after)
            if isinstance(each, ast.If) and len(each.body) == 2 and each is not after
        )
        return f"`{ast.unparse(guarded)}` only the first time"
    if isinstance(before, ast.If) and isinstance(after, ast.If):
        before, after = before.test, after.test
    if isinstance(before, ast.Call) and isinstance(after, ast.Call) and before.args is after.args:
        before, after = before.func, after.func
    texts = [ast.unparse(ast.fix_missing_locations(node)).strip() for node in (after, before)]
    new, old = (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…" for text in texts)
    return f"`{old}` is left out" if isinstance(after, ast.Pass) else f"`{new}` in place of `{old}`"
