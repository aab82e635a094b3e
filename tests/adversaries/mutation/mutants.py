"""All mutants of a module: each is its whole source with one small change."""

import ast
import pickle
import re
from collections import Counter
from pathlib import Path

from attrs import evolve, frozen
from cosmic_ray.ast import ast_nodes, get_ast  # type: ignore[import-untyped]
from cosmic_ray.mutating import MutationVisitor  # type: ignore[import-untyped]

from adversaries.mutation.operators import operators

# Mistakes that no one makes: an order replaced by the identity of objects, a product by a shift or a power, a sign by
# an inversion of bits. They are seen at once and only raise the score. | joins nothing but types in the model.
_LEFT_OUT = re.compile(
    r"ReplaceComparisonOperator_(?!Is)\w+?_Is(Not)?$"
    r"|ReplaceComparisonOperator_Is(Not)?_(?!Is)"
    r"|ReplaceBinaryOperator_\w+_(Pow|RShift|LShift|BitOr|BitAnd|BitXor)$"
    r"|ReplaceBinaryOperator_BitOr_"
    r"|ReplaceUnaryOperator_USub_"
    # Of the changes of a comparison those are kept that differ from it in one case of less, equal and more, or in all
    # three: what differs in two is seen wherever one of these is. Of an operation one or two others stand for the rest.
    r"|ReplaceComparisonOperator_Lt_(Eq|Gt)$"
    r"|ReplaceComparisonOperator_LtE_(NotEq|GtE)$"
    r"|ReplaceComparisonOperator_Gt_(Eq|Lt)$"
    r"|ReplaceComparisonOperator_GtE_(NotEq|LtE)$"
    r"|ReplaceComparisonOperator_Eq_(Lt|Gt)$"
    r"|ReplaceComparisonOperator_NotEq_(LtE|GtE)$"
    r"|ReplaceBinaryOperator_(Add|Sub)_(Mul|Div|FloorDiv|Mod)$"
    r"|ReplaceBinaryOperator_Mul_(Div|Sub|Mod)$"
    r"|ReplaceBinaryOperator_(FloorDiv|Div|Mod|Pow|BitAnd)_(?!Mul$)"
)
# What is a matter of reading or of speed, not of what is computed: whether an argument must be named (`kw_only=`, a `*`
# alone), what a representation shows, and whether a result is remembered, or how many are.
_NOT_COMPUTED = re.compile(r"(?<=kw_only=)True|(?<=repr=)False|(?<=maxsize=)\d|\*,|@(lru_)?cache\b")
# Values that random configurations try: others serve as well.
_SAMPLES = re.compile(r"\s*samples=")
# A text is equal to another or not; the order of texts means nothing in these modules.
_ORDER = re.compile(r"ReplaceComparisonOperator_\w+_(Lt|LtE|Gt|GtE)$")
_WITH_TEXT = re.compile(r"(==|!=) *[\"']")


@frozen
class Mutant:
    """One small change: the changed lines before and after, and the function or class that contains them.

    `which` counts the same change in the same function, from 1.
    """

    module: str
    line: int
    inside: str
    operator: str
    was: str
    becomes: str
    source: str
    which: int = 1

    @property
    def name(self) -> "Name":
        """What it is called in the list of survivors."""
        return self.module, self.inside, self.was, self.becomes, self.which


# Module, function, line before, line after, which of the same; no line number, which any edit above would change.
Name = tuple[str, str, str, str, int]


def mutants_of(module: str, package: Path) -> list[Mutant]:
    """Every mutant of a module, by its path in the package, that is valid Python, each once, in the order of the lines.

    Annotations are left out: no run looks at them, and the type checker does.
    """
    original = (package / module).read_text(encoding="utf-8")
    lines = original.splitlines()
    tree, parsed = get_ast(original), ast.parse(original)
    kept = pickle.dumps(tree)  # an operator changes the tree; a copy is twenty times faster than parsing again
    nodes, hidden, places = list(ast_nodes(tree)), _annotations(parsed), _places(parsed)
    found: dict[str, Mutant] = {}
    for name, operator in operators().items():
        if _LEFT_OUT.match(name):
            continue
        starts = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, start in enumerate(starts):
            if any(first <= start < last for first, last in hidden):
                continue
            if _NOT_COMPUTED.match(lines[start[0] - 1], start[1]) or _SAMPLES.match(lines[start[0] - 1]):
                continue
            if _ORDER.match(name) and _WITH_TEXT.match(lines[start[0] - 1], start[1]):
                continue
            source = MutationVisitor(occurrence, operator).walk(pickle.loads(kept)).get_code()
            if source not in found and _is_python(source):
                was, becomes = _difference(lines, source.splitlines())
                found[source] = Mutant(module, start[0], places.get(start[0], ""), name, was, becomes, source)
    return _counted(sorted(found.values(), key=lambda mutant: mutant.line))


def _counted(mutants: list[Mutant]) -> list[Mutant]:
    seen: Counter[Name] = Counter()
    counted = []
    for mutant in mutants:
        seen[mutant.name] += 1
        counted.append(evolve(mutant, which=seen[mutant.name]))
    return counted


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _annotations(parsed: ast.Module) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the annotations are: (line, column) of the start and of the end of each."""
    places = []
    for node in ast.walk(parsed):
        fields = (getattr(node, "annotation", None), getattr(node, "returns", None))
        places += [_extent(field) for field in fields if isinstance(field, ast.expr)]
    return places


def _extent(node: ast.expr) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)


def _places(parsed: ast.Module) -> dict[int, str]:
    """The innermost function or class of each line; outer ones are written first, so that inner ones replace them."""
    places: dict[int, str] = {}

    def visit(node: ast.AST, outer: str) -> None:
        for child in ast.iter_child_nodes(node):
            inside = outer
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inside = f"{outer}.{child.name}".lstrip(".")
                first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
                places.update(dict.fromkeys(range(first, (child.end_lineno or first) + 1), inside))
            visit(child, inside)

    visit(parsed, "")
    return places


def _difference(before: list[str], after: list[str]) -> tuple[str, str]:
    """The lines that changed, before and after, each side in one line with single spaces."""
    first = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    while len(before) > first and len(after) > first and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    return " ".join(" ".join(before[first:]).split()), " ".join(" ".join(after[first:]).split())
