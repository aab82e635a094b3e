"""Neighbours of the rules: engines that differ from the model in one small way, among what a run executes."""

from collections.abc import Callable, Iterator

from liqspec.core.admission import EventRecord
from liqspec.step.wrong_engines.base import WrongEngine
from liqspec.step.wrong_engines.neighbours import code, tables


def neighbours(run: Callable[[], object], last: type[EventRecord] | None = None) -> Iterator[WrongEngine]:
    """The engines with one change in a table, or in the code that this run executes; `last` is its last event."""
    yield from tables.neighbours(last)
    yield from code.neighbours(run)
