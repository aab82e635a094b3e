"""One random run: guided events in a configuration near a base, every step judged by every property."""

from collections.abc import Container
from random import Random
from typing import Any

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.parameters import FAMILIES
from liqspec.edge.errors import InternalFailure
from liqspec.generate import Guide
from liqspec.generate.configurations import configuration
from liqspec.properties.coverage import Coverage, Violation
from liqspec.properties.monitor import Found, Monitor, judge_whole_run

LENGTH = 80  # events in one run: long enough for two liquidations, short enough to read
PAIRED = 4  # the interval, in events, at which the last one is also judged against paired runs, which takes some time


def random_run(
    base: dict[str, Any], random: Random, length: int, where: str, coverage: Coverage, optional: Container[str] = ()
) -> list[EventData]:
    """Run, and add what was violated to the coverage, the first of it at the end of the run; the events of the run.

    Every accepted event is also applied once more from the state before it. A run in which the guide or the state
    raises an exception ends there, as an internal failure. `optional` are the optional events that are proposed too.
    """
    config, told = configuration(random, base, FAMILIES), list[EventData]()
    try:
        _run(config, random, length, where, coverage, optional, told)
    except Exception as error:
        coverage.failures.append(InternalFailure.of(where, error, told))
    return told


def _run(
    config: dict[str, Any],
    random: Random,
    length: int,
    where: str,
    coverage: Coverage,
    optional: Container[str],
    told: list[EventData],
) -> None:
    engine, beside = Engine(Config.from_json(config)), Engine(Config.from_json(config))
    guide, judge = Guide(random, engine, optional), Monitor.of_start(engine, config, coverage)

    def violations(found: list[Found]) -> list[Violation]:
        return [Violation(name, wrong, where, config, list(told)) for name, wrong in found]

    while len(told) < length and not coverage.violations:
        event, before = guide.next_event(), judge.snapshot
        told.append(event)
        found = judge.apply(event)
        if not found and judge.snapshot != before:
            found = judge.repeat(beside)
        if not found and len(told) % PAIRED == 0:
            found = judge.compare(beside)
        coverage.violations.extend(violations(found))
    if not coverage.violations:
        coverage.violations.extend(violations(judge_whole_run(config, told, coverage)))
