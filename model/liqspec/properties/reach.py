"""How far runs went: the largest of each dimension, how their names were related, and the outcomes of each rule."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import combinations, islice
from typing import Any, get_args

from attrs import Factory, define, field

from liqspec.core import machine
from liqspec.core.arithmetic import Ratio, margin_notional, tier_at
from liqspec.core.changes import reachable_transitions
from liqspec.core.effects import (
    Backstopped,
    Effect,
    EndOfOrder,
    OrderEmitted,
    OrderEnded,
    Sizing,
    Transitioned,
    WindowOpened,
)
from liqspec.core.engine import Engine
from liqspec.core.events import CHECKS
from liqspec.core.parameters import PARAMETERS
from liqspec.core.refusals import Refusal
from liqspec.core.state import Pool, State
from liqspec.edge import keys
from liqspec.edge.texts import words

# What of a run is measured; `Reach.largest` has the largest of all runs.
DIMENSIONS = (
    "accounts",
    "markets",
    "tiers of a market",
    "events of a run",
    "blocks of a run",
    "pools of an account",
    "positions in a pool",
    "highest tier of a position",
    "lives of a key",
    "pools touched by an event",
    "transitions in an event",
    "orders at work",
    "windows open",
    "bits of an amount",
    "bits of a time",
)
_DETAILS: dict[type[Any], Callable[[Any], str]] = {
    Transitioned: lambda effect: effect.transition,
    OrderEmitted: lambda effect: words(effect.sizing),
    OrderEnded: lambda effect: words(effect.how),
    WindowOpened: lambda effect: effect.scope,
    Backstopped: lambda effect: "something returned" if effect.returned else "nothing returned",
}
_FIELDS = frozenset(
    ("account", "market", "mode", "type", "cross", "isolated", "config", "null", "__proto__", "constructor", "toString")
)
# How two names of a run can be related; what decides wrongly by it confuses or misplaces them (AMT-7, LIQ-7).
_RELATIONS: dict[str, Callable[[str, str], bool]] = {
    "one begins with the other": lambda one, other: other.startswith(one) or one.startswith(other),
    "the same initial": lambda one, other: one[0] == other[0],
    "the same without case": lambda one, other: one.casefold() == other.casefold(),
    "the same in normal form": lambda one, other: _normal(one) == _normal(other),
    "another order in UTF-16": lambda one, other: (one < other) != (_utf16(one) < _utf16(other)),
    "another order without case": lambda one, other: (one < other) != (one.casefold() < other.casefold()),
    "another order as numbers": lambda one, other: (
        one.isdecimal() and other.isdecimal() and (one < other) != (int(one) < int(other))
    ),
    "a field of JSON": lambda one, other: not _FIELDS.isdisjoint((one, other)),
}
RELATIONS = tuple(_RELATIONS)

Outcome = tuple[str, str]  # a rule, and what it decided
_COVERED: Outcome = ("LIQ-5", "a pool not liquidated")
_WORKING: Outcome = ("LIQ-9", "an order left at work")
_WAITING: Outcome = ("LIQ-13", "a pool that waits")
_ACCEPTED = "accepted"  # what is counted of an event that passed all its checks, in place of each of them
_TOGETHER = 1000  # runs that are counted at once, so that memory stays bounded
_LEFT_ALONE = (_COVERED, _WORKING, _WAITING)


@define
class Reach:
    """How far all runs went; `outcomes` are counted separately for each policy, which is a choice of parameters.

    An outcome is something that would have been seen had the rule decided otherwise: an effect, a refusal, a check
    that an event passed, or a pool that was left as it was.
    """

    largest: dict[str, int] = Factory(dict)
    names: Counter[str] = Factory(Counter)  # runs in which two names are related so
    outcomes: dict[tuple[str, ...], Counter[Outcome]] = Factory(dict)  # with what was accepted, for its checks
    condensed: dict[Outcome, Counter[str]] = Factory(dict)  # of earlier outcomes, what `by_policy` says
    condensed_outcomes: Counter[Outcome] = Factory(Counter)

    def follow(self, engine: Engine, every: int = 1) -> "Follower":
        """Measure a run of this engine, which is at its start; its state at an interval of `every` events."""
        return Follower(self, engine, every)

    def add(self, other: "Reach") -> None:
        """Add what others reached."""
        for name, size in other.largest.items():
            self.largest[name] = max(size, self.largest.get(name, 0))
        self.names.update(other.names)
        for policy, counts in other.outcomes.items():
            self.outcomes.setdefault(policy, Counter()).update(counts)
        for outcome, policies in other.condensed.items():
            self.condensed.setdefault(outcome, Counter()).update(policies)
        self.condensed_outcomes.update(other.condensed_outcomes)

    def condense(self) -> None:
        """Forget which choices of parameters were made together: each run has others. All runs must have ended."""
        self.condensed, self.condensed_outcomes, self.outcomes = self.by_policy, self.by_outcome, {}

    @property
    def by_outcome(self) -> Counter[Outcome]:
        """How often each outcome of a rule was met, under whatever policy."""
        found = self.condensed_outcomes.copy()
        for counts in self.outcomes.values():
            for met, times in counts.items():
                for outcome in _stands_for(met):
                    found[outcome] += times
        return found

    @property
    def by_policy(self) -> dict[Outcome, Counter[str]]:
        """How often each outcome of a rule was met with each value of a parameter."""
        import numpy as np  # noqa: PLC0415 - which takes a while to load, and most commands do without

        found = {outcome: policies.copy() for outcome, policies in self.condensed.items()}
        outcomes = [*{outcome for counts in self.outcomes.values() for outcome in counts}]
        names = [*{name for policy in self.outcomes for name in policy}]
        column, row = ({one: place for place, one in enumerate(listed)} for listed in (names, outcomes))
        total, runs = np.zeros((len(outcomes), len(names))), iter(self.outcomes.items())
        while some := [*islice(runs, _TOGETHER)]:
            met, had = np.zeros((len(outcomes), len(some))), np.zeros((len(some), len(names)))
            for run, (policy, counts) in enumerate(some):
                met[[row[outcome] for outcome in counts], run] = [*counts.values()]
                had[run, [column[name] for name in policy]] = 1
            total += met @ had
        for place, met_so in enumerate(outcomes):
            counted = zip(names, total[place].astype(int).tolist(), strict=True)
            times = {name: count for name, count in counted if count}
            for outcome in _stands_for(met_so):
                found.setdefault(outcome, Counter()).update(times)
        return found

    @property
    def never(self) -> list[Outcome]:
        """The outcomes that were never met."""
        met = self.by_outcome
        return [outcome for outcome in possible_outcomes() if not met[outcome]]

    def to_json(self) -> dict[str, Any]:
        """What was reached as plain data."""
        policies = self.by_policy
        return {
            "largest": {name: self.largest.get(name, 0) for name in DIMENSIONS},
            "names": {name: self.names[name] for name in RELATIONS},
            "outcomes": [
                {"rule": rule, "outcome": what, "times": times, "policies": dict(sorted(policies[rule, what].items()))}
                for (rule, what), times in sorted(self.by_outcome.items())
            ],
            "never": [{"rule": rule, "outcome": what} for rule, what in self.never],
        }


@define
class Follower:
    """Measures one run, event by event, and adds to the reach of all."""

    _reach: Reach
    _engine: Engine
    _every: int = 1
    _events: int = field(init=False, default=0)
    _counts: Counter[Outcome] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Measure the configuration."""
        venue = self._engine.venue
        self._counts = self._reach.outcomes.setdefault(tuple(_policy(self._engine)), Counter())
        self._grow(
            {
                "accounts": len(self._engine.state.accounts),
                "markets": len(venue.markets),
                "tiers of a market": max(len(market.schedule.tiers) for market in venue.markets.values()),
            }
        )
        self._reach.names.update(_related(tuple(self._engine.state.accounts)) | _related(tuple(venue.markets)))

    def see(self, event: object, effects: Iterable[Effect], refusal: Refusal | None) -> None:
        """Measure an event that the engine has just been given."""
        self._events += 1
        kind = str(event.get("type")) if isinstance(event, dict) else ""
        if refusal is not None:
            self._counts[refusal.rule, f"{kind} refused as {refusal.code}"] += 1
            self._grow({"events of a run": self._events})
            return
        self._counts[_ACCEPTED, kind] += 1
        touched, transitions = set[str](), 0
        for effect in effects:
            self._counts[_outcome(effect)] += 1
            transitions += isinstance(effect, Transitioned)
            if effect.subject is not None:
                touched.add(keys.pool_of(effect.subject))
        sizes = {
            "transitions in an event": transitions,
            "pools touched by an event": len(touched),
            "events of a run": self._events,
        }
        self._grow(sizes)
        if not self._events % self._every:
            self._grow(self._sizes(touched))

    def _sizes(self, touched: set[str]) -> dict[str, int]:
        """What is measured of the state after an event; amounts and tiers are those of the pools that it touched."""
        state = self._engine.state
        orders = windows = most = lives = tier = 0
        amount = max(abs(state.vault.cash), *state.marks.values())
        for pool in state.pools():
            held = [position for position in pool.positions.values() if position.size]
            at_work = sum([position.order is not None for position in held])
            orders, most = orders + at_work, max(most, len(held))
            windows += pool.window.until > state.time
            if pool.key in touched:
                amount = max(amount, abs(pool.collateral), *[abs(position.cost) for position in held])
                lives = max([lives, *[position.life for position in pool.positions.values()]])
                tier = max(tier, _highest_tier(state, pool))
            elif held:
                self._counts[_left_alone(pool, at_work)] += 1
        return {
            "blocks of a run": state.block,
            "pools of an account": max(1 + len(account.isolated) for account in state.accounts.values()),
            "positions in a pool": most,
            "highest tier of a position": tier,
            "lives of a key": lives,
            "orders at work": orders,
            "windows open": windows,
            "bits of an amount": amount.bit_length(),
            "bits of a time": state.time.bit_length(),
        }

    def _grow(self, sizes: Mapping[str, int]) -> None:
        largest = self._reach.largest
        for name, size in sizes.items():
            if size > largest.get(name, -1):
                largest[name] = size


def possible_outcomes() -> list[Outcome]:
    """What the checks of events, the transitions, and the orders can come to; other effects have one outcome each."""
    checks = [(check.rule, kind, check.code) for kind, listed in CHECKS.items() for check in listed]
    return [
        *dict.fromkeys((rule, f"{kind} refused as {code}") for rule, kind, code in checks),
        *dict.fromkeys((rule, f"{kind} not refused as {code}") for rule, kind, code in checks),
        *((machine.lifecycle().by_id[name].rules[0], f"transitioned: {name}") for name in reachable_transitions()),
        *(_outcome(OrderEmitted("", 0, 0, sizing)) for sizing in get_args(Sizing)),
        *(_outcome(OrderEnded("", 0, how)) for how in get_args(EndOfOrder)),
        *_LEFT_ALONE,
    ]


def _outcome(effect: Effect) -> Outcome:
    detail = _DETAILS.get(type(effect))
    return effect.rule, _what(effect.kind, detail(effect) if detail else "")


@cache
def _what(kind: str, detail: str) -> str:
    return words(kind) + (detail and f": {detail}")


@cache
def _stands_for(met: Outcome) -> tuple[Outcome, ...]:
    """What was met, or the checks that an accepted event has passed, each of which could have refused it."""
    what, kind = met
    if what != _ACCEPTED:
        return (met,)
    return tuple((check.rule, f"{kind} not refused as {check.code}") for check in CHECKS.get(kind, ()))


def _left_alone(pool: Pool, orders: int) -> Outcome:
    """Why nothing was done with a pool that an event did not touch."""
    if not pool.in_liquidation:
        return _COVERED
    return _WORKING if orders else _WAITING


def _policy(engine: Engine) -> Iterator[str]:
    """The choices of a venue: the value of a parameter that has few, of others whether it is there and not 0."""
    for entry in PARAMETERS:
        value = getattr(engine.venue, entry.inner_name)
        few = "enum" in entry.kind.schema or entry.kind.schema.get("type") == "boolean"
        shown = str(value).lower() if few else "off" if not value or value == Ratio(0, 1) else "on"
        if entry.path != "backstop.threshold":
            yield f"{entry.name} {shown}"


@lru_cache
def _related(names: tuple[str, ...]) -> frozenset[str]:
    """How some two of these names are related; kept, as a run that is made shorter has the same names each time."""
    pairs = list(combinations(names, 2))
    return frozenset(name for name, related in _RELATIONS.items() if any(related(*pair) for pair in pairs))


def _highest_tier(state: State, pool: Pool) -> int:
    """Which tier, counted from 1, the largest position of a pool by its own schedule is in; 0 without a position."""
    tiers = [
        1 + held.schedule.tiers.index(tier_at(margin_notional(held), held.schedule)) for held in state.holdings(pool)
    ]
    return max(tiers, default=0)


def _normal(name: str) -> str:
    return unicodedata.normalize("NFKC", name)


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")
