"""A witness of a run: remembers what the rules remember, from the events and observations alone, engine unseen."""

from functools import cached_property
from typing import Any

from attrs import frozen

from liqspec.properties.checker.admission import expected_refusal
from liqspec.properties.checker.events import EVENTS, NaiveEvent
from liqspec.properties.checker.exact import Fraction, number
from liqspec.properties.checker.measures import Contents, NaivePosition, NaiveRules, Readings, View, event_position
from liqspec.properties.checker.memory import Memory


@frozen
class Step:
    """One event as the witness saw it: what it knew before, what it sees after, and what should have changed.

    `changed` are the pools that the event should change before assessment; `memory` is what was known when the event
    came, with the marks and the time already those after it, and a failed attempt of this event already counted.
    """

    rules: NaiveRules
    event: dict[str, Any]
    refusal: str | None
    before: View
    after: View
    memory: Memory
    later: Memory
    changed: dict[str, Contents]
    expected_refusal: str | None

    @property
    def accepted(self) -> bool:
        """Whether the event was accepted."""
        return self.refusal is None

    def accepted_a(self, *kinds: str, of: str | None = None) -> bool:
        """Whether an event of one of these types was accepted; with `of`, one that names this position."""
        if self.refusal is not None or self.event["type"] not in kinds:
            return False
        return of is None or of == event_position(self.event)

    def expected(self, pool: str) -> Contents:
        """What the pool should hold after the event's change, before assessment."""
        return self.changed.get(pool) or self.before.contents(pool)

    def measures(self, pool: str) -> tuple[Fraction, Fraction]:
        """Equity and maintenance margin of a pool after the event's change, before assessment."""
        expected = self.expected(pool)
        return self.memory.equity(expected), self.memory.maintenance_margin(expected)

    def restored(self, pool: str) -> bool:
        """Whether a pool is restored after the event's change, before assessment."""
        return self.memory.restored(self.expected(pool))

    @cached_property
    def moved(self) -> dict[str, tuple[NaivePosition | None, NaivePosition]]:
        """The positions that are not as they were, each before and after the event."""
        around = ((key, self.before.positions.get(key), held) for key, held in self.after.positions.items())
        return {key: (before, after) for key, before, after in around if before is not after}

    @cached_property
    def emitted(self) -> list[NaivePosition]:
        """The positions for which this event emitted a liquidation order."""
        return [after for _, after in self.moved.values() if _is_new_order(self.before, after)]

    @cached_property
    def backstopped(self) -> list[str]:
        """The pools that the vault took in this event."""
        states = ((before.state if before else None, after) for before, after in self.moved.values())
        return sorted({after.pool for before, after in states if before != after.state == "backstopped"})


class Witness:
    """Follows a run event by event, and turns each into a step that properties can judge."""

    def __init__(self, config: dict[str, Any], observation: dict[str, Any]) -> None:
        self.rules = NaiveRules.of(config)
        self.view = View.of(observation)
        self.readings: Readings | None = None
        self.memory = Memory(
            self.rules,
            marks={market: number(mark) for market, mark in config["marks"].items()},
            net_deposits=number(config.get("vault", {}).get("cash", "0")),
        )

    def copy(self) -> "Witness":
        """A witness that can continue independently; what it has seen is shared, as nothing seen ever changes."""
        other = object.__new__(Witness)
        other.rules, other.view, other.memory, other.readings = self.rules, self.view, self.memory, self.readings
        return other

    def refused(self, event: dict[str, Any], refusal: str) -> Step:
        """The step of an event that was refused, and after which all is observed as it was."""
        expected = expected_refusal(_naive(self.view, self.view, self.memory.copy(), event))
        return Step(self.rules, event, refusal, self.view, self.view, self.memory, self.memory, {}, expected)

    def see(self, event: dict[str, Any], refusal: str | None, observation: dict[str, Any]) -> Step:
        """Take in one event, its refusal code if it was refused, and what is observed after it."""
        before, after = self.view, View.of(observation, self.view, self.readings)
        known = self.memory.copy()
        naive = _naive(before, after, known, event)
        expected = expected_refusal(naive)
        changed: dict[str, Contents] = {}
        if refusal is None:
            naive.learn()
            if self.readings is not None:
                known.marks = self.readings.marks(known.marks)
            changed = naive.changes()
        later = known.copy()
        if refusal is None:
            naive.settle(later)
            _learn_from_assessment(later, before, after, naive)
        self.view, self.memory = after, later
        return Step(self.rules, event, refusal, before, after, known, later, changed, expected)


def _naive(before: View, after: View, known: Memory, event: dict[str, Any]) -> NaiveEvent:
    kind = EVENTS.get(str(event.get("type")), NaiveEvent) if isinstance(event, dict) else NaiveEvent
    return kind(before, after, known, event)


def _learn_from_assessment(later: Memory, before: View, after: View, event: NaiveEvent) -> None:
    for key, position in after.positions.items():
        earlier = before.positions.get(key)
        if position is earlier:
            continue
        if _is_new_order(before, position):
            later.attempted |= {(key, position.life)}
        elif earlier is None or earlier.order is None or position.order is not None or not position.size:
            continue
        elif not event.ends_order(earlier):
            later.attempted -= {(key, position.life)}  # LIQ-9: a cancelled order is not an attempt
    for pool in after.pools.values() if later.failed else ():
        if not pool.in_liquidation:
            later.failed -= {(position.key, position.life) for position in pool.positions}


def _is_new_order(before: View, position: NaivePosition) -> bool:
    earlier = before.positions.get(position.key)
    return position.order is not None and (earlier is None or earlier.order is None)
