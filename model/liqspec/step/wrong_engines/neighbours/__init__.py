"""Neighbours of the rules: engines that differ from the model in one small way, among what a run executes."""

from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

from liqspec.core.admission import EventRecord
from liqspec.step.wrong_engines.base import WrongEngine
from liqspec.step.wrong_engines.neighbours import code, configured, memory, shown, tables


def neighbours(
    run: Callable[[], object], config: dict[str, Any], last: type[EventRecord] | None = None
) -> Iterator[WrongEngine]:
    """The engines with one change in a table, in what is configured, remembered or shown, or in the code of this run.

    `config` is that of the run, `last` its last event. Some of each kind come before the others, for whoever has no
    time for all.
    """
    kinds = tables.neighbours(last), configured.neighbours(config, last), shown.neighbours(), memory.neighbours(run)
    for together in zip_longest(*kinds, code.neighbours(run)):
        yield from (one for one in together if one is not None)
