"""The search for the shortest events that distinguish two rule sets, each event applied under both."""

from fractions import Fraction
from itertools import islice
from typing import Any

from attrs import evolve, frozen

from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData, PriceInputs
from liqspec.core.parameters import (
    MARKET_PARAMETERS,
    MARKETS,
    PARAMETERS,
    TABLES,
    InvalidConfig,
    families_of,
    market_rules_of,
    tables_of,
)
from liqspec.core.parameters import Parameter as Declared
from liqspec.core.snapshot import Snapshot
from liqspec.distinguish import believable
from liqspec.distinguish.examples import examples
from liqspec.generate import Guide
from liqspec.generate.configurations import base_configuration, in_its_markets
from liqspec.report import decisions
from liqspec.report.amounts import Units
from liqspec.report.decisions import Decision
from liqspec.report.sentences import effect_text
from liqspec.search.campaign import Budget, guided_run, seeded
from liqspec.search.minimise import FailingRun, Pass, length, minimise
from liqspec.search.passes import PLAINER, SHORTEST, AllShorter, drop_events, other_runs
from liqspec.spec import observables
from liqspec.spec.venues import VenueFile
from liqspec.step import compare, reasons, relation
from liqspec.step.compare import Observes
from liqspec.step.reasons import Reason, Step
from liqspec.step.relation import Expected

Rules = dict[str, dict[str, Any]]

LENGTH = 40  # events in one run
STEPS = 20_000  # events tried, if nothing else is asked for
_RESTRICTED = {entry.name for entry in MARKET_PARAMETERS}  # what a market restricts
MARKETS_TRIED = 2  # markets in which examples are tried
EXAMPLES = 4  # examples that differ and are made short; the shortest of them is used
CANDIDATES = 12  # the number of differing runs that are made short; the shortest of them is used
STATES = 3_000  # states of both engines that the search through all shorter sequences may see


@frozen(kw_only=True)
class Parameter:
    """A parameter in which two rule sets differ, and what it is in each; None where it is absent."""

    path: str
    first: Any
    second: Any

    @property
    def rule(self) -> str:
        """The rule that it is of."""
        return self._declared.rule

    @property
    def meaning(self) -> str:
        """What it means, and what it is where it is left out."""
        return self._declared.meaning

    @property
    def _declared(self) -> Declared:
        known = MARKET_PARAMETERS if self.path.startswith(MARKETS) else PARAMETERS
        table, _, name = self.path.rpartition(".")
        return next(one for one in known if one.name == name and (one.table == table or known is MARKET_PARAMETERS))


@frozen(kw_only=True)
class RuleSets:
    """Two rule sets, and a setting for both: markets, marks and grids, without the rules.

    The rules are tables by name, and what each market restricts by its path, such as `markets.BTC`. The setting keeps a
    `backstop` with only a threshold, which the rules of either side replace.
    """

    names: tuple[str, str]
    setting: dict[str, Any]
    first: Rules
    second: Rules

    @classmethod
    def of(cls, first: VenueFile, second: VenueFile) -> "RuleSets":
        """The rule sets of two venues in the markets of the first.

        A market that the second one does not have restricts there what it restricts at the first.

        Raises:
            InvalidConfig: the second one's rules do not fit there: an amount of them is off the first one's grid.
        """
        base, other = base_configuration(first), base_configuration(second)
        rules = [{**tables_of(config), **market_rules_of(base)} for config in (base, other)]
        rules[1] |= {path: held for path, held in market_rules_of(other).items() if path in rules[0]}
        setting = {name: value for name, value in base.items() if name not in TABLES}
        setting["backstop"] = {"threshold": base["backstop"]["threshold"]}
        sets = cls(names=(first.name, second.name), setting=setting, first=rules[0], second=rules[1])
        try:
            Engine(Config.from_json(sets.configs(setting)[1]))
        except InvalidConfig as error:
            message = f"{error.message}; {second.name}'s rules do not fit the markets of {first.name}"
            raise InvalidConfig(f"{second.name}: {error.path}", message) from None
        return sets

    @classmethod
    def in_markets_of_second(cls, first: VenueFile, second: VenueFile) -> "RuleSets | None":
        """The same two in the markets of the second; None where the rules of the first do not fit there."""
        try:
            swapped = cls.of(second, first)
        except InvalidConfig:
            return None
        return evolve(swapped, names=(first.name, second.name), first=swapped.second, second=swapped.first)

    def configs(self, setting: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The configurations of a run in a setting under each rule set."""
        return _config(setting, self.first), _config(setting, self.second)

    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in which the rule sets differ; rates and amounts compare as numbers."""
        found = []
        for table in (*TABLES, *sorted(path for path in self.first if path.startswith(MARKETS))):
            one, other = self.first.get(table, {}), self.second.get(table, {})
            for name in sorted({*one, *other}):
                if _canonical(one.get(name)) != _canonical(other.get(name)):
                    found.append(Parameter(path=f"{table}.{name}", first=one.get(name), second=other.get(name)))
        return tuple(found)

    def without(self, parameter: Parameter) -> "RuleSets":
        """The same, but in this parameter the second is as the first."""
        return evolve(self, second=_set(self.second, parameter.path, parameter.first))

    def only(self, parameter: Parameter) -> "RuleSets":
        """The same, but in all other parameters the second is as the first."""
        return evolve(self, second=_set(self.first, parameter.path, parameter.second))


def _set(rules: Rules, path: str, value: Any) -> Rules:
    """The rules with a parameter set, or left out where it is None."""
    table, _, name = path.rpartition(".")
    held = {key: kept for key, kept in rules.get(table, {}).items() if key != name}
    return {**rules, table: held if value is None else {**held, name: value}}


def _config(setting: dict[str, Any], rules: Rules) -> dict[str, Any]:
    """The configuration of a run in a setting under some rules, which replace what its markets restrict."""
    markets = {name: _with_rules(market, rules.get(f"{MARKETS}{name}")) for name, market in setting["markets"].items()}
    return {**setting, **{table: held for table, held in rules.items() if table in TABLES}, "markets": markets}


def _with_rules(market: dict[str, Any], rules: dict[str, Any] | None) -> dict[str, Any]:
    if rules is None:
        return market
    return {**{name: value for name, value in market.items() if name not in _RESTRICTED}, **rules}


def _canonical(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError):
            return value
    return value


@frozen(kw_only=True)
class Difference:
    """How the last event of a run distinguishes two rule sets: what each does, and why."""

    events: tuple[EventData, ...]
    first: Reason
    second: Reason
    did: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that make the difference, the first before all: those of either side."""
        return tuple(dict.fromkeys((*self.first.rules, *self.second.rules)))

    @property
    def both_refuse(self) -> bool:
        """Whether both refuse the event, each with another code."""
        seen = self.first.difference
        return seen.field == "outcome" and "accepted" not in (seen.ours, seen.theirs)


@frozen(kw_only=True)
class Distinction:
    """What distinguishes two rule sets: the events, their setting, and the necessary parameters.

    The events are believable: trades at the mark, with money paid in for them. `shortest` events do it at any price;
    `exhausted` says that no shorter sequence of those and of their variations does it: all were tried.
    """

    setting: dict[str, Any]
    divergence: Difference
    parameters: tuple[Parameter, ...]
    shortest: int
    exhausted: bool


@frozen(kw_only=True)
class Outcome:
    """What was tried, and what was found, if anything was."""

    sets: RuleSets
    runs: int
    steps: int
    distinction: Distinction | None = None


def search(sets: RuleSets, budget: Budget, passes: tuple[tuple[Pass, ...], ...] = (SHORTEST,)) -> Outcome:
    """Search, and make what is found short with these passes; equal rule sets need no search.

    Without a limit the budget is `STEPS`. Deterministic in the budget, unless that is given in seconds.

    Raises:
        InternalFailure: an engine raised an exception.
    """
    if not sets.parameters():
        return Outcome(sets=sets, runs=0, steps=0)
    if budget.steps is None and budget.seconds is None:
        budget = evolve(budget, steps=STEPS)
    found: list[FailingRun] = []
    runs = steps = 0
    numbers = budget.numbers(lambda: steps)
    for number in numbers:
        random = seeded(budget.seed, number)
        # The vault by chance too; either rule set replaces what is left of the rules.
        counts = random.choice((1, 2, 2, 3)), random.choice((1, 2, 2, 3))  # given, so that all names are the venue's
        setting = {**in_its_markets(random, sets.setting, counts), "backstop": sets.setting["backstop"]}
        setting.pop("liquidation", None)
        pair = Pair(sets, setting)
        # Each rule set has its own lines and windows, so the guide follows each in turn.
        engine = pair.engines[number % 2]
        guide = Guide(random, engine, (PriceInputs.type,) if engine.venue.forms_marks else ())
        divergence = guided_run(guide.next_event, pair.apply, LENGTH, f"run {number} of seed {budget.seed}")
        runs, steps = runs + 1, steps + len(pair.events)
        if divergence is not None:
            found.append(FailingRun(setting, pair.events, divergence))
        if len(found) == CANDIDATES:
            break
    distinction = _distinction(sets, found, passes) if found else None
    return Outcome(sets=sets, runs=runs, steps=steps, distinction=distinction)


def by_examples(sets: RuleSets) -> Distinction | None:
    """The shortest example in which the rule sets differ, without the events that it does not need; None if none does.

    Raises:
        InternalFailure: an engine raised an exception.
    """

    def differs(candidate: FailingRun) -> FailingRun | None:
        found = play(sets, candidate.config, candidate.events)
        if found is None or found.both_refuse:
            return None
        return FailingRun(candidate.config, list(found.events), found)

    names = {one.path.split(".")[1]: None for one in sets.parameters() if one.path.startswith(MARKETS)}
    markets = [*(names or sets.setting["markets"])][:MARKETS_TRIED]
    every = examples(sets.setting, markets, lambda setting: sets.configs(setting)[0])
    found = list(islice(filter(None, map(differs, every)), EXAMPLES))
    short = min((minimise(one, differs, (drop_events,)) for one in found), key=length, default=None)
    return None if short is None else _needed(sets, short, len(short.events), exhausted=False)


def _distinction(sets: RuleSets, found: list[FailingRun], passes: tuple[tuple[Pass, ...], ...]) -> Distinction:
    def differs(candidate: FailingRun) -> FailingRun | None:
        divergence = play(sets, candidate.config, candidate.events)
        return None if divergence is None else FailingRun(candidate.config, list(divergence.events), divergence)

    others = other_runs(lambda _, number: found[number + 1], *passes, enough=len(found) - 1)
    every = AllShorter(lambda setting: Pair(sets, setting), (*passes, PLAINER), STATES)
    shortest = minimise(found[0], differs, *passes, (others,), PLAINER, (every,))
    best = minimise(shortest, differs, believable.passes(sets.setting["marks"]))
    return _needed(sets, best, len(shortest.events), exhausted=every.exhausted)


def _needed(sets: RuleSets, best: FailingRun, shortest: int, *, exhausted: bool) -> Distinction:
    """The distinction of a run, with the parameters that it needs."""
    rest = sets  # all parameters that are not needed for the difference can be made equal, and it stays
    for parameter in sets.parameters():
        if play(rest.without(parameter), best.config, best.events) is not None:
            rest = rest.without(parameter)
    return Distinction(
        setting=best.config,
        divergence=best.found,
        parameters=rest.parameters(),
        shortest=shortest,
        exhausted=exhausted,
    )


class Pair:
    """Two engines in the same configuration, each under its own rules."""

    def __init__(self, sets: RuleSets, setting: dict[str, Any]) -> None:
        """Start a run of both.

        Raises:
            InvalidConfig: the configuration is not valid for one of them.
        """
        one, other = sets.configs(setting)
        self.engines = (Engine(Config.from_json(one)), Engine(Config.from_json(other)))
        self.observes = Observes(fields=observables.due_in_both(*(families_of(config) for config in (one, other))))
        self.events: list[EventData] = []
        self.position = self._snapshots()

    def _snapshots(self) -> tuple[Snapshot, Snapshot]:
        return self.engines[0].snapshot(), self.engines[1].snapshot()

    def restore(self, position: tuple[Snapshot, Snapshot], events: list[EventData]) -> None:
        """Return both to where they were after some events."""
        for engine, snapshot in zip(self.engines, position, strict=True):
            engine.restore(snapshot)
        self.events, self.position = list(events), position

    def apply(self, event: EventData) -> Difference | None:
        """Apply an event to both; how they differ after it, or None if they show the same."""
        before = self.position
        self.events.append(event)
        codes = [apply_event(engine, event).code for engine in self.engines]
        self.position = self._snapshots()
        # States can differ in what is not observed; only observed differences count.
        if codes[0] == codes[1] and (self.position[0] == self.position[1] or self._show_the_same()):
            return None
        return self._difference(before, event)

    def _show_the_same(self) -> bool:
        one, other = (engine.observe() for engine in self.engines)
        return one == other or compare.first_difference(one, other, self.observes) is None

    def _difference(self, before: tuple[Snapshot, Snapshot], event: EventData) -> Difference:
        """Apply the last event once more, and explain why each does what it does."""
        steps, done = [], []
        for engine, snapshot in zip(self.engines, before, strict=True):
            engine.restore(snapshot)
            seen = engine.observe()
            expected = relation.apply(engine, event)
            done.append(expected)
            steps.append(Step.of(engine, event, expected.effects, expected.refusal, seen))
        return Difference(
            events=tuple(self.events),
            first=_reason(steps[0], done[0], done[1], self.observes),
            second=_reason(steps[1], done[1], done[0], self.observes),
            did=(_did(steps[0], before[0], done[0]), _did(steps[1], before[1], done[1])),
        )


def play(sets: RuleSets, setting: dict[str, Any], events: list[EventData]) -> Difference | None:
    """Play events from the start; the first difference, or None if there is none."""
    pair = Pair(sets, setting)
    return next((found for event in events if (found := pair.apply(event)) is not None), None)


def _reason(step: Step, ours: Expected, theirs: Expected, observes: Observes) -> Reason:
    code = None if theirs.refusal is None else theirs.refusal.code
    outcome = reasons.outcome_difference(ours.refusal, code, codes=True)
    if outcome is not None:
        return reasons.of_outcome(step, outcome)
    seen = compare.first_difference(ours.observation, theirs.observation, observes)
    assert seen is not None, "the same venue writes equal amounts alike"
    return reasons.of_difference(step, seen, observes)


def _did(step: Step, before: Snapshot, expected: Expected) -> tuple[str, ...]:
    """What a rule set makes of the event, line by line, with the terms of the measures on which it rests."""
    units, around, lines = Units(step.engine.venue), (before, expected.snapshot), list[str]()
    if expected.refusal is not None:
        decision = decisions.of_refusal(units.venue, around, step.event, expected.refusal)
        lines = [f"refused {expected.refusal}", *_terms(decision)]
    for effect, decision in decisions.of_effects(units.venue, around, step.event, expected.effects):
        lines += [f"{effect.rule:<7}{effect_text(effect, units)}", *_terms(decision)]
    return tuple(lines)


def _terms(decision: Decision | None) -> list[str]:
    return [] if decision is None else [" " * 7 + line for line in decision.lines()]
