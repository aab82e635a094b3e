"""What is kept of a run to draw it: event by event what happened, what is observed after it, and the pools' measures.

A recording is what `liqspec simulate --json` prints, as values: a picture of a trace is the picture of its run.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal

from attrs import Factory, evolve, frozen

from liqspec.core import machine
from liqspec.core.events import EventData
from liqspec.edge import keys
from liqspec.step.compare import Change, Difference


@frozen
class Amount:
    """An amount as it was written, exact (AMT-3); backstop lines may be a ratio of two whole numbers."""

    text: str
    exact: Fraction

    @property
    def drawn(self) -> float:
        """The amount as a place on paper; nothing is ever decided by it."""
        return float(self.exact)


@frozen(kw_only=True)
class PositionSeen:
    """A position as observed (OBS-2)."""

    account: str
    market: str
    mode: Literal["cross", "isolated"]
    state: str
    size: Amount
    cost: Amount
    life: int
    order: Amount | None = None
    cooldown_until: int | None = None

    @property
    def key(self) -> str:
        """The position's name: account/market/mode."""
        return keys.position(self.account, self.market, self.mode)


@frozen(kw_only=True)
class VaultSeen:
    """The liquidator vault as observed (OBS-2)."""

    cash: Amount
    equity: Amount
    positions: dict[str, Amount]


@frozen(kw_only=True)
class Seen:
    """What everyone may see after an event (OBS-1)."""

    time: int
    block: int
    positions: tuple[PositionSeen, ...]
    vault: VaultSeen


@frozen(kw_only=True)
class PositionTerms:
    """A position as a part of its pool's measures; the price is None where none would liquidate it (MRG-10)."""

    position: str
    liquidation_price: Amount | None = None


@frozen(kw_only=True)
class Terms:
    """What a decision about a pool rests on, at the moment at which it was made (MRG-3, MRG-5, BKS-1)."""

    pool: str
    equity: Amount
    maintenance_margin: Amount
    backstop_line: Amount
    positions: tuple[PositionTerms, ...] = ()


@frozen(kw_only=True)
class Measures:
    """A margin pool's measures and the decisions about it (MRG-3, MRG-5, LIQ-3, BKS-1)."""

    collateral: Amount
    equity: Amount
    maintenance_margin: Amount
    backstop_line: Amount
    in_liquidation: bool
    breached: bool
    below_backstop: bool
    terms: Terms | None = None


@frozen(kw_only=True)
class RecordedEffect:
    """An effect: its kind, the rule that acted, a sentence, its subject, and what a decision rests on."""

    kind: str
    rule: str
    text: str
    subject: str = ""
    terms: Terms | None = None


@frozen(kw_only=True)
class Refused:
    """Why an event was refused (EVT-3)."""

    code: str
    rule: str
    field: str = ""
    value: str = ""
    limit: str = ""


@frozen(kw_only=True)
class RecordedTransition:
    """A transition that a position took (LIF-1)."""

    position: str
    transition: str
    source: str
    target: str


@frozen(kw_only=True)
class Step:
    """One event of a run, and everything that can be drawn of the moment after it.

    `arithmetic` are the terms of what was decided, a sentence each.
    `step` is the step of the scenario that it belongs to; `by_market` marks an event of the depth ladder (SCN-3),
    `protection` one of a trader's stop or alarm (SCN-5, SCN-6).
    """

    step: int
    event: EventData
    observation: Seen
    marks: dict[str, Amount]
    measures: dict[str, Measures]
    effects: tuple[RecordedEffect, ...] = ()
    transitions: tuple[RecordedTransition, ...] = ()
    changes: tuple[Change, ...] = ()
    unexpected: tuple[str, ...] = ()
    arithmetic: tuple[str, ...] = ()
    refusal: Refused | None = None
    note: str = ""
    by_market: bool = False
    protection: str | None = None
    theirs: tuple[Difference, ...] = ()

    def executed(self) -> Iterable[EventData]:
        """The event, if it was accepted."""
        return [self.event] if self.refusal is None else []

    def vaults(self) -> dict[str, VaultSeen]:
        """The vault after this event, by its name."""
        return {"vault": self.observation.vault}

    def position(self, key: str) -> PositionSeen | None:
        """The position as observed after this event; None if it was never opened."""
        return next((seen for seen in self.observation.positions if seen.key == key), None)

    def state(self, key: str) -> str:
        """The position's state after this event; the lifecycle's initial one before its first opening."""
        seen = self.position(key)
        return machine.lifecycle().table.initial if seen is None else seen.state


@frozen(kw_only=True)
class End:
    """How a run ended: what was not as expected."""

    as_expected: bool
    unexpected: tuple[str, ...] = ()


@frozen
class Visit:
    """A transition on a position's path: its place on the path and the event that caused it, both from 1."""

    number: int
    event: int
    recorded: RecordedTransition


@frozen
class Trade:
    """An executed trade or liquidation fill: the event (from 1), the position, and the side of the market."""

    event: int
    kind: Literal["trade", "fill"]
    position: str
    market: str
    size: Amount
    price: Amount
    sells: bool


@frozen
class Span:
    """Consecutive events (from 1, both included) through which something stayed the same."""

    first: int
    last: int
    value: Any


@frozen
class Record:
    """A recorded run, or a part of one; it has at least one step.

    `numbers` are those of its events as `liqspec simulate` prints them: "7" for step 7 of the scenario, "7.1" for the
    first event that follows because of it. Of a part, `before` is the step before its first. `paired` is a recording of
    two runs, whose steps say in what they differ.
    """

    name: str
    title: str
    steps: tuple[Step, ...]
    end: End
    venue: str = ""
    story: str = ""
    before: Step | None = None
    paired: bool = False
    numbers: tuple[str, ...] = Factory(lambda record: numbered(record.steps), takes_self=True)

    @property
    def differs_from(self) -> int | None:
        """The first event (from 1) at which two runs differ; None of a single run, and where they do not."""
        found = (event for event, step in enumerate(self.steps, start=1) if step.theirs)
        return next(found, None) if self.paired else None

    def part(self, first: int, last: int) -> "Record":
        """The events from the `first` to the `last` one, counted from 1 and both included."""
        before = self.steps[first - 2] if first > 1 else self.before
        return evolve(self, steps=self.steps[first - 1 : last], before=before, numbers=self.numbers[first - 1 : last])

    def positions(self) -> list[str]:
        """The positions ever opened, in the order of their first opening."""
        return list(dict.fromkeys(seen.key for step in self.steps for seen in step.observation.positions))

    def pools(self) -> list[str]:
        """The pools that ever backed a position; every pool where none did."""
        seen = [(key, measures) for step in self.steps for key, measures in step.measures.items()]
        backing = {key for key, measures in seen if measures.maintenance_margin.exact != 0}
        every = dict.fromkeys(key for key, _ in seen)
        return [key for key in every if key in backing] or list(every)

    def markets(self) -> list[str]:
        """The markets in which there ever was a position or a new mark; every market where there was neither."""
        first, used = self.steps[0].marks, {keys.market_of(key) for key in self.positions()}
        for step in self.steps:
            used |= {name for name, mark in step.marks.items() if mark.exact != first[name].exact}
        return [name for name in first if name in used] or list(first)

    def path(self, key: str) -> list[Visit]:
        """The transitions that a position took, numbered in their order."""
        passed = [
            (event, recorded)
            for event, step in enumerate(self.steps, start=1)
            for recorded in step.transitions
            if recorded.position == key
        ]
        return [Visit(number, event, recorded) for number, (event, recorded) in enumerate(passed, start=1)]

    def trades(self) -> Iterator[Trade]:
        """The accepted trades of the accounts, and the fills of their liquidation orders."""
        for event, step in enumerate(self.steps, start=1):
            for fields in step.executed():
                kind = fields.get("type")
                if kind not in ("trade", "fill"):
                    continue
                key, price = keys.of_position(fields), str(fields["price"])
                earlier = self.steps[event - 2] if event > 1 else self.before
                before = earlier.position(key) if earlier is not None else None
                closes_long = before is not None and before.size.exact > 0
                size = Amount(str(fields["size"]), Fraction(str(fields["size"])))
                sells = size.exact < 0 if kind == "trade" else closes_long
                kept: Literal["trade", "fill"] = "trade" if kind == "trade" else "fill"
                yield Trade(event, kept, key, str(fields["market"]), size, Amount(price, Fraction(price)), sells)

    def takeovers(self, pool: str) -> list[int]:
        """The events (from 1) at which the vault took the pool (BKS-3)."""
        return [
            event
            for event, step in enumerate(self.steps, start=1)
            if any(one.target == "backstopped" and keys.pool_of(one.position) == pool for one in step.transitions)
        ]

    def states(self, key: str) -> list[Span]:
        """The position's states, each with the events after which it was in it."""
        return spans([step.state(key) for step in self.steps])

    def windows(self, key: str) -> list[Span]:
        """The position's open windows, each with the events after which it was open, by its end in ms (CLD-1)."""
        ends = [None if (seen := step.position(key)) is None else seen.cooldown_until for step in self.steps]
        return [span for span in spans(ends) if span.value is not None]

    def liquidation_prices(self, key: str) -> list[Amount | None]:
        """The liquidation price of a position after each event (MRG-10); None where it has none, or it is unknown."""
        pool, found = keys.pool_of(key), []
        for step in self.steps:
            measures = step.measures.get(pool)
            terms = measures.terms.positions if measures and measures.terms else ()
            found.append(next((one.liquidation_price for one in terms if one.position == key), None))
        return found

    def vault_equities(self) -> dict[str, list[Amount | None]]:
        """The equity of each vault after each event, from its first change on; a vault without one is left out."""
        found = {}
        for name in self.steps[0].vaults():
            seen = [step.vaults()[name].equity for step in self.steps]
            before = seen[0] if self.before is None else self.before.vaults()[name].equity
            changed = next((event for event, equity in enumerate(seen) if equity.exact != before.exact), len(seen))
            if changed < len(seen):
                found[name] = [*[None] * changed, *seen[changed:]]
        return found

    def blocks(self) -> list[Span]:
        """The blocks, each with its events; the value is (block, time in ms)."""
        return spans([(step.observation.block, step.observation.time) for step in self.steps])

    def rules(self) -> list[str]:
        """The rules that acted or refused, in the order of their first action."""
        return list(dict.fromkeys(rule for step in self.steps for rule in rules_of(step)))


def event_number(step: int, follows: int) -> str:
    """An event's number wherever it is shown: "7" for step 7, "7.1" for the first that follows from it (SCN-3)."""
    return f"{step}.{follows}" if follows else str(step)


def numbered(steps: Iterable[Step]) -> tuple[str, ...]:
    """The number of each event of a run."""
    of_steps = (list(run) for _, run in groupby(steps, key=lambda one: one.step))
    return tuple(event_number(one.step, follows) for run in of_steps for follows, one in enumerate(run))


def rules_of(step: Step) -> list[str]:
    """The rules that acted in one step, or refused it, each once."""
    refused = [] if step.refusal is None else [step.refusal.rule]
    return list(dict.fromkeys([*refused, *(effect.rule for effect in step.effects)]))


def spans(values: list[Any]) -> list[Span]:
    """Runs of equal neighbours; the first value is of event 1."""
    runs = [list(run) for _, run in groupby(enumerate(values, start=1), key=itemgetter(1))]
    return [Span(run[0][0], run[-1][0], run[0][1]) for run in runs]
