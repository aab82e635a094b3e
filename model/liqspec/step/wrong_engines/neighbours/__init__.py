"""Neighbours of the rules: engines that differ from the model in one small way, among what a run executes."""

from collections.abc import Callable, Iterator
from typing import Any

from liqspec.core.admission import EventRecord
from liqspec.step.wrong_engines.base import WrongEngine
from liqspec.step.wrong_engines.neighbours import code, configured, memory, shown, tables


def neighbours(
    run: Callable[[], object], config: dict[str, Any], last: type[EventRecord] | None = None
) -> Iterator[WrongEngine]:
    """The engines with one change in a table, in what is configured, remembered or shown, or in the code of this run.

    `config` is that of the run, `last` its last event.
    """
    yield from tables.neighbours(last)
    yield from configured.neighbours(config)
    yield from shown.neighbours()
    yield from memory.neighbours(run)
    yield from code.neighbours(run)
