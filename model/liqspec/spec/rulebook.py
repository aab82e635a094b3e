"""The rules as they are written in `spec/rules/`: their numbers, statements and worked examples (VER-1)."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import frozen

from liqspec.edge import files
from liqspec.edge.errors import InvalidField
from liqspec.spec import scenarios
from liqspec.spec.scenarios import Scenario

RULE_ID = re.compile(r"\b([A-Z]{3})-([0-9]+)\b")
NUMBER = re.compile(r"\b[A-Z]{3}-[0-9]+\b")  # of a rule, anywhere in a text
_HEADING = re.compile(r"^### ([A-Z]{3}-[0-9]+) · (.+)$", re.MULTILINE)
_EXAMPLE = re.compile(r"^```toml example\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOT_PROSE = ("|", "- ", "1. ", "```", "![")
_END_OF_SENTENCE = re.compile(r"(?<=[.]) (?=[A-Z`*(])")

# What a worked example need not repeat, unless it has a whole config in place of all these (SCN-1).
EXAMPLE_DEFAULTS = {"venue": "generic", "marks": {"BTC": "50000", "ETH": "2500"}, "accounts": ["alice"]}


@frozen(kw_only=True)
class Example:
    """A worked example of a rule: a scenario in TOML, and the line of the page where it begins."""

    text: str
    line: int


@frozen(kw_only=True)
class Rule:
    """A numbered rule: its title, its text in Markdown without the examples, and where it stands."""

    id: str
    title: str
    text: str
    path: Path
    line: int
    examples: tuple[Example, ...]

    @property
    def summary(self) -> str:
        """The first two sentences of its statement, without tables, lists and reasons; empty if its title says it."""
        statement = self.text.partition("*Why:*")[0]
        prose = next((part for part in statement.split("\n\n") if not part.startswith(_NOT_PROSE)), "")
        sentences = " ".join(_END_OF_SENTENCE.split(" ".join(prose.split()))[:2])
        return f"{sentences} …" if sentences.endswith(":") else sentences


@cache
def rules() -> dict[str, Rule]:
    """All rules by number, in the order of the pages."""
    found: dict[str, Rule] = {}
    for path in sorted((files.ROOT / "rules").glob("*.md")):
        for rule in _read(path):
            if rule.id in found:
                raise ValueError(f"{path.name}: {rule.id} is repeated")
            found[rule.id] = rule
    return found


def example_scenario(rule: Rule, example: Example) -> Scenario:
    """The worked example as a scenario; an InvalidScenario has the page, the line and the field if it is not valid."""
    own = files.parse_toml(example.text, rule.path)
    data = {**({} if "config" in own else EXAMPLE_DEFAULTS), "title": rule.title, **own}
    try:
        return scenarios.build(rule.id, data, rule.path.parent)
    except InvalidField as error:
        line = example.line + (files.line_of(example.text, error.path) or 1)
        raise scenarios.InvalidScenario(f"{rule.path.name}:{line}: {rule.id}: {error}") from None


def example_scenarios() -> list[Scenario]:
    """All worked examples as scenarios, in the order of the pages; an InvalidScenario if one is not valid."""
    return [example_scenario(rule, example) for rule in rules().values() for example in rule.examples]


def _read(path: Path) -> Iterator[Rule]:
    page = files.read_text(path)
    headings = list(_HEADING.finditer(page))
    ends = [heading.start() for heading in headings[1:]] + [len(page)]
    for heading, end in zip(headings, ends, strict=True):
        # A rule ends where the next section of the page begins.
        body = re.split(r"^## ", page[heading.end() : end], maxsplit=1, flags=re.MULTILINE)[0]
        examples = (
            Example(text=match[1], line=_line(page, heading.end() + match.start())) for match in _EXAMPLE.finditer(body)
        )
        text, line = _EXAMPLE.sub("", body).strip(), _line(page, heading.start())
        yield Rule(id=heading[1], title=heading[2], text=text, path=path, line=line, examples=tuple(examples))


def _line(page: str, offset: int) -> int:
    return page.count("\n", 0, offset) + 1
