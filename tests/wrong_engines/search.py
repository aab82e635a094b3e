"""Looking for an event sequence, or a story of the specification, on which an engine is seen to be wrong."""

from functools import cache
from random import Random
from time import process_time
from typing import Any

from attrs import frozen

from liqspec import rulebook, scenario
from liqspec.config import Config
from liqspec.engine import Engine
from liqspec.events import EventData
from liqspec.guided import Guide, configuration
from liqspec.judge import Judge, Tally, Violation
from liqspec.scenario import Scenario
from liqspec.simulate import Run

EPISODE = 80  # events in one run

# Coarse grids, so that sizes, roundings and boundaries meet often; generic-like and hyperliquid-like.
BASES: tuple[dict[str, Any], ...] = (
    {
        "quote_unit": "0.01",
        "markets": {
            "A": {
                "tick": "1",
                "lot": "0.01",
                "tiers": [{"above": "0", "maintenance_rate": "1/40", "max_leverage": 20}],
            },
            "B": {
                "tick": "1",
                "lot": "1",
                "tiers": [
                    {"above": "0", "maintenance_rate": "1/40", "max_leverage": 20},
                    {"above": "50000", "maintenance_rate": "1/20", "max_leverage": 10},
                ],
            },
        },
        "marks": {"A": "50000", "B": "2500"},
        "backstop": {"threshold": "2/3"},
        "liquidation": {"partial_threshold": "1000", "partial_fraction": "1/3", "cooldown_ms": 10},
    },
    {
        "quote_unit": "0.000001",
        "markets": {
            "BTC": {
                "tick": "0.1",
                "lot": "0.00001",
                "tiers": [
                    {"above": "0", "maintenance_rate": "1/80", "max_leverage": 40},
                    {"above": "150000", "maintenance_rate": "1/40", "max_leverage": 20},
                ],
            },
            "ETH": {
                "tick": "0.01",
                "lot": "0.0001",
                "tiers": [
                    {"above": "0", "maintenance_rate": "1/50", "max_leverage": 25},
                    {"above": "100000", "maintenance_rate": "1/30", "max_leverage": 15},
                ],
            },
            "SOL": {
                "tick": "0.0001",
                "lot": "0.01",
                "tiers": [{"above": "0", "maintenance_rate": "1/40", "max_leverage": 20}],
            },
        },
        "marks": {"BTC": "60000", "ETH": "3000", "SOL": "150"},
        "backstop": {"threshold": "2/3"},
        "liquidation": {
            "stop_when_restored": False,
            "partial_threshold": "100000",
            "partial_fraction": "1/5",
            "cooldown_ms": 30000,
            "cooldown_scope": "account",
        },
    },
)


@frozen
class Found:
    """A violation, and how many random events were tried until it happened."""

    violation: Violation
    tried: int


def find(seed: str, episodes: int, seconds: float | None = None) -> Found | None:
    """The first violation in guided random runs of the engine as it is now, a fixed number of runs or until time is up.

    The limit, in seconds of processor time, decides only how soon to give up: the same seed finds the same.
    """
    tried, began = 0, process_time()
    for episode in range(episodes):
        if seconds is not None and process_time() - began > seconds:
            return None
        random = Random(f"{seed}/{episode}")
        config = configuration(random, BASES[episode % len(BASES)])
        engine = Engine(Config.from_json(config))
        guide, judge = Guide(random, engine), Judge.of_start(engine, config, Tally())
        told: list[EventData] = []
        for _ in range(EPISODE):
            told.append(guide.next_event())
            tried += 1
            if violated := judge.apply(told[-1]):
                name, wrong = violated[0]
                return Found(Violation(name, wrong, f"seed {seed} run {episode}", config, told), tried)
    return None


@cache
def stories() -> tuple[Scenario, ...]:
    """The worked examples of the rules and the shipped scenarios; to be loaded while the engine is the right one."""
    return (*rulebook.example_scenarios(), *(scenario.load(name) for name in scenario.names()))


def contradicted(told: tuple[Scenario, ...]) -> str | None:
    """The first story that does not end as it says on the engine as it is now."""
    for story in told:
        run = Run(story)
        try:
            list(run)
            unexpected = run.outcome().unexpected
        except Exception as error:  # an engine that crashes was seen, whatever the exception
            return f"{story.name}: {type(error).__name__}"
        if unexpected:
            return f"{story.name}: {unexpected[0]}"
    return None
