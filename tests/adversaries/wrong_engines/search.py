"""Looking for an event sequence, or a story of the specification, on which an engine is seen to be wrong."""

import tomllib
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from attrs import frozen

from liqspec.generate.configurations import shipped_bases
from liqspec.generate.random_runs import length_of
from liqspec.properties.coverage import Violation
from liqspec.replay.run import Run
from liqspec.spec import rulebook, scenarios
from liqspec.spec.scenarios import Scenario
from liqspec.verify.tasks import LENGTH, random_runs

# Coarse grids, where boundaries are met often; and the venue that uses every parameter.
BASES: tuple[dict[str, Any], ...] = tuple(shipped_bases()[name] for name in ("coarse", "hyperliquid"))
# What a verification starts from.
SHIPPED: tuple[dict[str, Any], ...] = tuple(shipped_bases().values())


@frozen
class Found:
    """A violation, and how many random events were tried until it happened."""

    violation: Violation
    tried: int


def find(steps: int, seed: int = 1) -> Found | None:
    """The first violation in the random events of a verification with this seed, of the engine as it is now."""
    tried = 0
    for number in count():
        if tried >= steps:
            break
        part = random_runs(SHIPPED, seed, ((number, min(length_of(number, LENGTH), steps - tried)),))
        tried += part.steps
        if part.coverage.violations:
            return Found(part.coverage.violations[0], tried)
    return None


def shortest_known() -> dict[str, int]:
    """The events of the shortest counterexample known to each wrong engine; the measurement keeps the file."""
    path = Path(__file__).parent / "shortest.toml"
    known: dict[str, int] = tomllib.loads(path.read_text(encoding="utf-8"))["events"] if path.exists() else {}
    return known


@cache
def stories() -> tuple[Scenario, ...]:
    """The worked examples of the rules and the shipped scenarios; to be loaded while the engine is the right one."""
    return (*rulebook.example_scenarios(), *(scenarios.load(name) for name in scenarios.names()))


def contradicted(shipped: tuple[Scenario, ...]) -> str | None:
    """The first story that does not end as it says on the engine as it is now."""
    for story in shipped:
        run = Run(story)
        try:
            list(run)
            unexpected = run.outcome().unexpected
        except Exception as error:  # an engine that crashes was seen, whatever the exception
            return f"{story.name}: {type(error).__name__}"
        if unexpected:
            return f"{story.name}: {unexpected[0]}"
    return None
