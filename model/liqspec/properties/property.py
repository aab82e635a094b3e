"""One property: a sentence that must hold, the rules it is about, and a judge whose verdict has three values."""

from collections.abc import Callable, Iterator
from typing import Any, Generic, Literal, TypeVar

from attrs import asdict, frozen
from attrs.filters import include

from liqspec.edge.texts import words

Kind = Literal["state", "step", "history", "pair"]
JudgedOn = Literal["observation", "model"]
Subject = TypeVar("Subject")


@frozen
class Verdict:
    """What a property says of what it was judged on; `wrong` says what was wrong where it is violated."""

    outcome: Literal["not exercised", "holds", "violated"]
    wrong: str = ""


NOT_EXERCISED = Verdict("not exercised")
HOLDS = Verdict("holds")


def holds_if(exercised: object) -> Verdict:
    """The verdict where nothing was wrong: the property holds, if there was anything to judge."""
    return HOLDS if exercised else NOT_EXERCISED


def violated(wrong: str) -> Verdict:
    """The verdict where something was wrong: what it was, with its numbers."""
    return Verdict("violated", wrong)


@frozen
class Property(Generic[Subject]):
    """Something that must hold of every run.

    `kind` says what it looks at: one state, one step, a history that is remembered, or a pair of runs. `judged_on` says
    whether a foreign engine's observations suffice. Where it is not `counted`, every other judgement implies it. One of
    a `family` can be exercised only where the family is on.
    """

    name: str
    sentence: str
    rules: tuple[str, ...]
    kind: Kind
    judged_on: JudgedOn
    judge: Callable[[Subject], Verdict]
    counted: bool = True
    family: str = ""

    @property
    def title(self) -> str:
        """The name as words."""
        return words(self.name)

    def to_json(self) -> dict[str, Any]:
        """The property as plain data."""
        return asdict(self, filter=include("name", "sentence", "rules", "kind", "judged_on"))


class Properties(dict[str, Property[Subject]], Generic[Subject]):
    """The properties that are judged on the same subject, by name, in the order of their definition."""

    def __init__(self, judged_on: JudgedOn) -> None:
        super().__init__()
        self._judged_on = judged_on

    def add(
        self, kind: Kind, rules: str, counted: bool = True, family: str = ""
    ) -> Callable[[Callable[[Subject], Verdict]], Callable[[Subject], Verdict]]:
        """Make a property of a function: its name, and its docstring as the sentence."""

        def register(judge: Callable[[Subject], Verdict]) -> Callable[[Subject], Verdict]:
            name, sentence = judge.__name__, " ".join((judge.__doc__ or "").split())
            self[name] = Property(name, sentence, tuple(rules.split()), kind, self._judged_on, judge, counted, family)
            return judge

        return register

    def where(self, wanted: Callable[[Property[Subject]], bool]) -> "Properties[Subject]":
        """Those that are wanted, in the same order."""
        chosen = Properties[Subject](self._judged_on)
        chosen.update({name: entry for name, entry in self.items() if wanted(entry)})
        return chosen

    def exercised(self, subject: Subject) -> list[tuple[Property[Subject], Verdict]]:
        """The verdict of each that was exercised, when all were judged."""
        return [(entry, verdict) for entry in self.values() if (verdict := entry.judge(subject)) is not NOT_EXERCISED]

    def judge(self, subject: Subject) -> Iterator[tuple[Property[Subject], Verdict]]:
        """The verdict of each of them, one by one."""
        return ((entry, entry.judge(subject)) for entry in self.values())
