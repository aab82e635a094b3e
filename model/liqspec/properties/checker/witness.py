"""A witness of a run: remembers what the rules remember, from the events and observations alone, engine unseen."""

from typing import Any

from attrs import frozen

from liqspec.properties.checker import measures
from liqspec.properties.checker.admission import expected_refusal
from liqspec.properties.checker.events import EVENTS, NaiveEvent
from liqspec.properties.checker.exact import ZERO, Fraction, number
from liqspec.properties.checker.measures import NaivePosition, NaiveRules, View
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
    changed: dict[str, measures.Change]
    expected_refusal: str | None

    @property
    def accepted(self) -> bool:
        """Whether the event was accepted."""
        return self.refusal is None

    def expected(self, pool: str) -> measures.Change:
        """What the pool should be after the event's change, before assessment."""
        if pool in self.changed:
            return self.changed[pool]
        before = self.before.pools.get(pool)
        return (
            measures.Change(ZERO, {})
            if before is None
            else measures.Change(before.collateral, measures.holdings_of(before))
        )

    def measures(self, pool: str) -> tuple[Fraction, Fraction]:
        """Equity and maintenance margin of a pool after the event's change, before assessment."""
        expected = self.expected(pool)
        return (
            measures.equity(expected.collateral, expected.holdings, self.memory.marks),
            measures.maintenance_margin(self.rules, expected.holdings, self.memory.marks),
        )

    def restored(self, pool: str) -> bool:
        """Whether a pool is restored after the event's change, before assessment."""
        change, known = self.expected(pool), self.memory
        return measures.restored(self.rules, change.collateral, change.holdings, known.marks, known.leverages)

    def emitted(self) -> list[NaivePosition]:
        """The positions for which this event emitted a liquidation order."""
        return [position for position in self.after.positions.values() if _is_new_order(self.before, position)]

    def backstopped(self) -> list[str]:
        """The pools that the vault took in this event."""
        return sorted(
            {
                position.pool
                for key, position in self.after.positions.items()
                if position.state == "backstopped"
                and (key not in self.before.positions or self.before.positions[key].state != "backstopped")
            }
        )


class Witness:
    """Follows a run event by event, and turns each into a step that properties can judge."""

    def __init__(self, config: dict[str, Any], observation: dict[str, Any]) -> None:
        self.rules = NaiveRules.of(config)
        self.view = View.of(observation)
        self.memory = Memory(
            marks={market: number(mark) for market, mark in config["marks"].items()},
            net_deposits=number(config.get("vault", {}).get("cash", "0")),
        )

    def copy(self) -> "Witness":
        """A witness that can continue independently; what it has seen is shared, as nothing seen ever changes."""
        other = Witness.__new__(Witness)
        other.rules, other.view, other.memory = self.rules, self.view, self.memory
        return other

    def see(self, event: dict[str, Any], refusal: str | None, observation: dict[str, Any]) -> Step:
        """Take in one event, its refusal code if it was refused, and what is observed after it."""
        before, after = self.view, View.of(observation)
        known = self.memory.copy()
        kind = EVENTS.get(str(event.get("type")), NaiveEvent) if isinstance(event, dict) else NaiveEvent
        naive = kind(self.rules, before, known, event)
        expected = expected_refusal(naive)
        changed: dict[str, measures.Change] = {}
        if refusal is None:
            naive.learn()
            changed = naive.changes()
        later = known.copy()
        if refusal is None:
            naive.settle(later, after)
            _learn_from_assessment(later, before, after, naive)
        self.view, self.memory = after, later
        return Step(self.rules, event, refusal, before, after, known, later, changed, expected)


def _learn_from_assessment(later: Memory, before: View, after: View, event: NaiveEvent) -> None:
    for key, position in after.positions.items():
        earlier = before.positions.get(key)
        if _is_new_order(before, position):
            later.attempted.add((key, position.life))
            continue
        ended = earlier is not None and earlier.order is not None and position.order is None and position.size
        if ended and earlier is not None and not event.ends_order(earlier):
            later.attempted.discard((key, position.life))  # LIQ-9: a cancelled order is not an attempt
    for pool in after.pools.values():
        if not pool.in_liquidation:
            later.failed -= {(position.key, position.life) for position in pool.positions}


def _is_new_order(before: View, position: NaivePosition) -> bool:
    earlier = before.positions.get(position.key)
    return position.order is not None and (earlier is None or earlier.order is None)
