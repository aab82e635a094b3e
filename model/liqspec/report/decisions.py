"""The terms of the measures for which an event was refused, or a pool liquidated, left alone or taken."""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from liqspec.core import measures
from liqspec.core.config import Venue
from liqspec.core.effects import (
    CHUNKS,
    Backstopped,
    CollateralMoved,
    Effect,
    LiquidationEntered,
    LiquidationLeft,
    OrderEmitted,
    OrderEnded,
    Transitioned,
)
from liqspec.core.measures import Around, PoolTerms
from liqspec.core.refusals import InsufficientMargin, Refusal
from liqspec.edge import keys
from liqspec.report import terms
from liqspec.report.amounts import Units
from liqspec.report.sentences import effect_json
from liqspec.report.terms import COVERED, Measure


@frozen
class Decision:
    """The measures on which a decision rests, and the terms of its pool as they were when it was made.

    `position` is the one whose notional it rests on; None if it rests on none. `when` says of which time the terms are,
    where it is another than that of the decision.
    """

    terms: PoolTerms
    measures: tuple[Measure, ...]
    position: str | None = None
    when: str = ""

    def lines(self) -> Iterator[str]:
        """A sentence for each measure."""
        yield from (terms.sizing(self.terms, one) for one in self.terms.positions if one.position == self.position)
        for line in terms.lines(self.terms, *self.measures):
            yield line.replace(":", f"{self.when}:", 1)


def of_refusal(venue: Venue, around: Around, event: object, refusal: Refusal | None) -> Decision | None:
    """What a refusal rests on: the pool as the event would leave it (ACC-5, ACC-8, ACC-9); None if it measured none."""
    if not isinstance(refusal, InsufficientMargin):
        return None
    state, effects = measures.changed(venue, around, event)
    # Of the pools of a transfer, the one that pays.
    about = [effect.subject for effect in effects if not isinstance(effect, CollateralMoved) or effect.amount < 0]
    pool = measures.all_terms(state).get(keys.pool_of(about[0] or "")) if about else None
    if pool is None:  # an engine that breaks the rules may have refused any event
        return None
    margin: Measure = "maintenance_margin" if refusal.rule == "ACC-9" else "initial_margin"
    return Decision(pool, ("equity", margin), when=" after it")


def of_effects(
    venue: Venue, around: Around, event: object, effects: tuple[Effect, ...]
) -> Iterator[tuple[Effect, Decision | None]]:
    """Each effect of an event with what it rests on: its pool with the event's own change, before any assessment.

    What rests on no measure has None, and so has what only repeats the measures of an earlier effect on the pool.
    """
    covered: set[str] = set()
    pools: dict[str, PoolTerms] = {}
    for effect in effects:
        seen, pool = _measured(effect), keys.pool_of(effect.subject or "")
        sized = isinstance(effect, OrderEmitted) and effect.sizing in (*CHUNKS, "not_above_threshold")
        if seen is COVERED:
            seen = () if pool in covered else COVERED
            covered.add(pool)
        if (seen or sized) and not pools:
            pools = measures.all_terms(measures.changed(venue, around, event)[0])
        decision = Decision(pools[pool], seen, effect.subject if sized else None) if seen or sized else None
        yield effect, decision


def survival(venue: Venue, around: Around, event: object, effects: tuple[Effect, ...], key: str) -> Iterator[str]:
    """What would have kept a position from the liquidation that an event begins; nothing if it begins none of it."""
    if any(isinstance(effect, LiquidationEntered) and effect.pool == keys.pool_of(key) for effect in effects):
        pool = measures.all_terms(measures.changed(venue, around, event)[0])[keys.pool_of(key)]
        yield from (terms.survival(pool, one) for one in pool.positions if one.position == key)


def arithmetic(
    venue: Venue, around: Around, event: object, effects: tuple[Effect, ...], refusal: Refusal | None
) -> tuple[str, ...]:
    """The terms of all that was decided at an event, a sentence each; empty where nothing was decided by a measure.

    Of a pool with many positions, those of its first ones.
    """
    refused = of_refusal(venue, around, event, refusal)
    said = list(refused.lines()) if refused else []
    for effect, decision in of_effects(venue, around, event, effects):
        if decision is not None:
            pool, shown = decision.terms, decision.terms.positions[: terms.SHOWN]
            if isinstance(effect, LiquidationEntered):
                said += [terms.survival(pool, one) for one in shown]
            for one in shown:
                said += terms.position_lines(pool, one)
            said += decision.lines()
    return tuple(dict.fromkeys(said))


def refusal_json(units: Units, around: Around, event: object, refusal: Refusal) -> dict[str, Any]:
    """A refusal as plain data, with the terms that it rests on."""
    return refusal.to_json() | _json(of_refusal(units.venue, around, event, refusal))


def effects_json(units: Units, around: Around, event: object, effects: tuple[Effect, ...]) -> list[dict[str, Any]]:
    """The effects of an event as plain data, each with the terms that it rests on."""
    decided = of_effects(units.venue, around, event, effects)
    return [effect_json(effect, units) | _json(decision) for effect, decision in decided]


def _json(decision: Decision | None) -> dict[str, Any]:
    return {} if decision is None else {"terms": measures.terms_json(decision.terms)}


def _measured(effect: Effect) -> tuple[Measure, ...]:
    match effect:
        case LiquidationEntered() | LiquidationLeft(rule="LIQ-10") | OrderEnded(how="restored"):
            return COVERED
        case Transitioned() if {"needs_liquidation", "restored"} & set(effect.guard):
            return COVERED
        case Backstopped():
            return ("equity", "maintenance_margin", "backstop_line")
        case OrderEmitted(sizing="below_backstop"):
            return ("backstop_line",)
        case _:
            return ()
