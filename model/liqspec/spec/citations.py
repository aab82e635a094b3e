"""Which code and which tests cite which rule: from a rule's number to its code, and back."""

import ast
from collections.abc import Iterator
from functools import cache
from itertools import zip_longest
from pathlib import Path

from attrs import frozen

from liqspec.spec.rulebook import RULE_ID, rules

PACKAGE = Path(__file__).resolve().parents[1]
# Present in a checkout; an installed wheel carries no tests.
TESTS = PACKAGE.parents[1] / "tests"


@frozen(kw_only=True)
class Citation:
    """A function, class or module that names a rule."""

    rule: str
    path: Path
    line: int
    name: str

    @property
    def decides(self) -> bool:
        """Whether this is a function or class of the core, which acts by the rule; all else only mentions it."""
        return self.path.is_relative_to(PACKAGE / "core") and self.name != self.path.stem


@cache
def of_code() -> list[Citation]:
    """The citations in the package."""
    return _of_folder(PACKAGE)


@cache
def of_tests() -> list[Citation]:
    """The citations in the tests; none where there are no tests."""
    return _of_folder(TESTS) if TESTS.is_dir() else []


def _of_folder(folder: Path) -> list[Citation]:
    return [citation for path in sorted(folder.rglob("*.py")) for citation in _of_file(path)]


def _of_file(path: Path) -> Iterator[Citation]:
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    owners = _owners(ast.parse(source), len(lines))
    seen: set[tuple[str, str]] = set()
    for number, line in enumerate(lines, start=1):
        for rule in cited(line):
            name, begins = owners[number - 1]
            if (rule, name) not in seen:
                seen.add((rule, name))
                yield Citation(rule=rule, path=path, line=begins or number, name=name or path.stem)


def cited(text: str) -> list[str]:
    """The numbers of the rules named in a text; "LIQ-3 to LIQ-5" names all from one to the other."""
    found: list[str] = []
    groups = {rule.partition("-")[0] for rule in rules()}
    matches = [match for match in RULE_ID.finditer(text) if match[1] in groups]
    for match, following in zip_longest(matches, matches[1:]):
        found.append(match[0])
        if following and following[1] == match[1] and text[match.end() : following.start()] == " to ":
            found.extend(f"{match[1]}-{number}" for number in range(int(match[2]) + 1, int(following[2])))
    return found


def _owners(tree: ast.Module, count: int) -> list[tuple[str, int]]:
    """For each line, the innermost function or class around it and its first line; ("", 0) at module level."""
    owners = [("", 0)] * count
    for node in ast.walk(tree):  # the outer ones come first
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            name = f"{owners[first - 1][0]}.{node.name}".removeprefix(".")
            lines = slice(first - 1, node.end_lineno)
            owners[lines] = [(name, node.lineno)] * len(owners[lines])
    return owners
