"""Two runs of a scenario as one recording: what is of an account is in it twice, as that of A and that of B."""

from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest
from typing import TypeVar

from attrs import evolve, frozen

from liqspec.core.events import EventData
from liqspec.edge import keys
from liqspec.replay import recordings
from liqspec.replay.contrast import SIDES, A, B, Contrast, Row
from liqspec.replay.record import (
    End,
    Measures,
    PositionSeen,
    Record,
    RecordedEffect,
    Step,
    Terms,
    VaultSeen,
)
from liqspec.replay.run import Moment
from liqspec.report.amounts import Units
from liqspec.step.compare import Change, Difference
from liqspec.step.reasons import outcome_difference

T = TypeVar("T")


@frozen(kw_only=True)
class PairedStep(Step):
    """An event of both runs: what each executed, and the vault of each; `theirs` is in what they begin to differ."""

    both: tuple[Step | None, Step | None]
    after: tuple[Step, Step]
    names: "_Names"

    def executed(self) -> list[EventData]:
        """The event as that of each side that has it, unless it was refused there."""
        sided = zip(SIDES, self.both, strict=True)
        return [self.names.event(side, event) for side, step in sided if step for event in step.executed()]

    def vaults(self) -> dict[str, VaultSeen]:
        """The vault of each side."""
        return {f"{side} vault": step.observation.vault for side, step in zip(SIDES, self.after, strict=True)}


def record(contrast: Contrast) -> Record:
    """Run a scenario under both rule sets and record both.

    A fill of the market that only one of them has is an event of that one alone.

    Raises:
        InvalidTrace: the runs have no event, or too many to draw.
    """
    columns = list(_columns(contrast))
    name, file = contrast.runs[0].scenario.name, contrast.runs[0].scenario.file
    recordings.check_count(len(columns), name)
    names = _Names(markets=any(one.marks != other.marks for _, (one, other), _ in columns))
    steps = [_joined(both, after, theirs, names) for both, after, theirs in columns]
    unexpected = [
        f"{side}: {line}"
        for side, outcome in zip(SIDES, contrast.outcomes(), strict=True)
        for line in outcome.unexpected
    ]
    venue = "; ".join(f"{side}: {rules}" for side, rules in zip(SIDES, contrast.rules, strict=True))
    end = End(as_expected=not unexpected, unexpected=tuple(unexpected))
    return Record(name, file.title, tuple(steps), end, venue=venue, story=file.story.strip(), paired=True)


def plain(key: str) -> str:
    """The key of a position without the names of the sides, as the scenario has it."""
    return "/".join(name.removeprefix(f"{A} ").removeprefix(f"{B} ") for name in keys.parts(key))


_Column = tuple[tuple[Step | None, Step | None], tuple[Step, Step], tuple[Difference, ...]]


def _columns(contrast: Contrast) -> Iterator[_Column]:
    """What each side does at an event, if anything; where each is after it; and in what they begin to differ."""
    name = contrast.runs[0].scenario.name
    units = [Units(run.engine.venue) for run in contrast.runs]
    shown: tuple[Difference, ...] = ()
    latest: list[Step] = []
    for row in contrast:
        pairs = list(_pairs(row))
        begins = [one for one in row.differences if one not in shown]
        shown = row.differences
        for place, pair in enumerate(pairs):
            both = [
                None if moment is None else recordings.step(moment, one, name)
                for moment, one in zip(pair, units, strict=True)
            ]
            latest = [step for one, earlier in zip_longest(both, latest) if (step := one or earlier) is not None]
            theirs = [*_answers(pair), *(begins if place == len(pairs) - 1 else ())]
            yield (both[0], both[1]), (latest[0], latest[1]), tuple(theirs)


def _pairs(row: Row) -> Iterator[tuple[Moment | None, Moment | None]]:
    """The moments of a step, those of the same event together; the first ones always are."""
    for one, other in zip_longest(row.first, row.second):
        if one is None or other is None or one.event == other.event:
            yield one, other
        else:
            yield from ((one, None), (None, other))


def _answers(pair: tuple[Moment | None, Moment | None]) -> list[Difference]:
    one, other = pair
    if one is None or other is None:
        return []
    found = outcome_difference(one.refusal, None if other.refusal is None else other.refusal.code, codes=True)
    return [] if found is None else [found]


def _joined(
    both: tuple[Step | None, Step | None], after: tuple[Step, Step], theirs: tuple[Difference, ...], names: "_Names"
) -> PairedStep:
    own = next(step for step in both if step is not None)
    sided = [(side, step) for side, step in zip(SIDES, both, strict=True) if step is not None]
    refusals = {step.refusal and step.refusal.code for _, step in sided}
    every = [names.step(side, step) for side, step in zip(SIDES, after, strict=True)]
    acted = [names.step(side, step) for side, step in sided]
    alone = "" if len(sided) == 2 else f"Only {sided[0][0]} has this event."
    return PairedStep(
        step=own.step,
        event=own.event,
        observation=evolve(own.observation, positions=_alternating([one.observation.positions for one in every])),
        marks={name: mark for one in every for name, mark in one.marks.items()},
        measures=dict(_alternating([tuple(one.measures.items()) for one in every])),
        effects=tuple(chain.from_iterable(one.effects for one in acted)),
        transitions=tuple(chain.from_iterable(one.transitions for one in acted)),
        changes=_once(chain.from_iterable(one.changes for one in acted)),
        unexpected=tuple(chain.from_iterable(one.unexpected for one in acted)),
        arithmetic=tuple(chain.from_iterable(one.arithmetic for one in acted)),
        refusal=own.refusal if len(refusals) == 1 else None,
        note=" ".join(filter(None, (own.note, alone))),
        by_market=own.by_market,
        protection=own.protection,
        theirs=theirs,
        both=both,
        after=after,
        names=names,
    )


def _once(changes: Iterable[Change]) -> tuple[Change, ...]:
    found: list[Change] = []
    for one in changes:
        if one not in found:
            found.append(one)
    return tuple(found)


def _alternating(sides: list[tuple[T, ...]]) -> tuple[T, ...]:
    """What is of A and of B in turn."""
    return tuple(one for pair in zip_longest(*sides) for one in pair if one is not None)


@frozen(kw_only=True)
class _Names:
    """How accounts are named in the recording of both; `markets` are too, where their marks differ."""

    markets: bool

    def market(self, side: str, market: str) -> str:
        return f"{side} {market}" if self.markets else market

    def key(self, side: str, key: str) -> str:
        """The key of a position or a pool; any other text, such as `vault`, as that of the side."""
        account, *rest = keys.parts(key)
        if len(rest) == 2:
            rest[0] = self.market(side, rest[0])
        return "/".join([f"{side} {account}", *rest])

    def event(self, side: str, event: EventData) -> EventData:
        """An event with the names of the side."""
        named = {"account": lambda name: f"{side} {name}", "market": lambda name: self.market(side, name)}
        return {field: named[field](value) if field in named else value for field, value in event.items()}

    def step(self, side: str, step: Step) -> Step:
        """What a side did and is after it."""
        refused = step.refusal
        said = [self._effect(side, one) for one in step.effects]
        if refused is not None:
            text = f"{side}: refused, {refused.code}"
            said = [RecordedEffect(kind="refused", rule=refused.rule, text=text)]
        return evolve(
            step,
            observation=evolve(
                step.observation, positions=tuple(self._position(side, one) for one in step.observation.positions)
            ),
            marks={self.market(side, name): mark for name, mark in step.marks.items()},
            measures={self.key(side, key): self._measures(side, seen) for key, seen in step.measures.items()},
            effects=tuple(said),
            transitions=tuple(evolve(one, position=self.key(side, one.position)) for one in step.transitions),
            changes=tuple(self._change(side, one) for one in step.changes),
            unexpected=tuple(f"{side}: {line}" for line in step.unexpected),
            arithmetic=tuple(f"{side}: {line}" for line in step.arithmetic),
        )

    def _effect(self, side: str, effect: RecordedEffect) -> RecordedEffect:
        subject = self.key(side, effect.subject) if effect.subject else ""
        terms = effect.terms and self._terms(side, effect.terms)
        return evolve(effect, text=f"{side}: {effect.text}", subject=subject, terms=terms)

    def _position(self, side: str, seen: PositionSeen) -> PositionSeen:
        return evolve(seen, account=f"{side} {seen.account}", market=self.market(side, seen.market))

    def _measures(self, side: str, seen: Measures) -> Measures:
        return evolve(seen, terms=seen.terms and self._terms(side, seen.terms))

    def _terms(self, side: str, terms: Terms) -> Terms:
        positions = tuple(evolve(one, position=self.key(side, one.position)) for one in terms.positions)
        return evolve(terms, pool=self.key(side, terms.pool), positions=positions)

    def _change(self, side: str, change: Change) -> Change:
        """What is of the run alone, such as its time, is of both."""
        return change if change.subject == "run" else evolve(change, subject=self.key(side, change.subject))
