"""The terms of the measures for which an event was refused, or a pool liquidated, left alone or taken."""

from collections.abc import Iterator
from typing import Any

from attrs import asdict, frozen

from liqspec.core import measures
from liqspec.core.config import Venue
from liqspec.core.effects import (
    Backstopped,
    CollateralMoved,
    Effect,
    LiquidationEntered,
    LiquidationLeft,
    OrderEmitted,
    Transitioned,
)
from liqspec.core.events import EventData
from liqspec.core.measures import PoolTerms
from liqspec.core.refusals import InsufficientMargin, Refusal
from liqspec.core.snapshot import Snapshot
from liqspec.edge import keys
from liqspec.report import terms
from liqspec.report.terms import COVERED, Measure


@frozen
class Decision:
    """The measures on which a decision rests, and the terms of its pool as they were when it was made.

    `position` is the one whose notional it rests on; None if it rests on none.
    """

    terms: PoolTerms
    measures: tuple[Measure, ...]
    position: str | None = None

    def lines(self) -> Iterator[str]:
        """A sentence for each measure."""
        yield from (terms.sizing(self.terms, one) for one in self.terms.positions if one.position == self.position)
        yield from terms.lines(self.terms, *self.measures)

    def to_json(self) -> dict[str, Any]:
        """The terms as plain data."""
        return asdict(self.terms)


def of_refusal(venue: Venue, before: Snapshot, event: EventData, refusal: Refusal | None) -> Decision | None:
    """What a refusal rests on: the pool as the event would leave it (ACC-5, ACC-8, ACC-9); None if it measured none."""
    if not isinstance(refusal, InsufficientMargin):
        return None
    state, effects = measures.changed(venue, before, event)
    # Of the pools of a transfer, the one that pays.
    (about,) = {effect.subject for effect in effects if not isinstance(effect, CollateralMoved) or effect.amount < 0}
    margin: Measure = "maintenance_margin" if refusal.rule == "ACC-9" else "initial_margin"
    return Decision(measures.all_terms(state)[keys.pool_of(str(about))], ("equity", margin))


def of_effects(
    venue: Venue, before: Snapshot, event: EventData, effects: tuple[Effect, ...]
) -> Iterator[tuple[Effect, Decision | None]]:
    """Each effect of an event with what it rests on: its pool with the event's own change, before any assessment.

    What rests on no measure has None, and so has what only repeats the measures of an earlier effect on the pool.
    """
    covered: set[str] = set()
    pools: dict[str, PoolTerms] = {}
    for effect in effects:
        seen, pool = _measured(effect), keys.pool_of(effect.subject or "")
        sized = isinstance(effect, OrderEmitted) and effect.sizing in ("chunk", "not_above_threshold")
        if seen is COVERED:
            seen = () if pool in covered else COVERED
            covered.add(pool)
        if (seen or sized) and not pools:
            pools = measures.all_terms(measures.changed(venue, before, event)[0])
        decision = Decision(pools[pool], seen, effect.subject if sized else None) if seen or sized else None
        yield effect, decision


def _measured(effect: Effect) -> tuple[Measure, ...]:
    match effect:
        case LiquidationEntered() | LiquidationLeft(rule="LIQ-10"):
            return COVERED
        case Transitioned() if {"needs_liquidation", "restored"} & set(effect.guard):
            return COVERED
        case Backstopped():
            return ("equity", "maintenance_margin", "backstop_line")
        case OrderEmitted(sizing="below_backstop"):
            return ("backstop_line",)
        case _:
            return ()
