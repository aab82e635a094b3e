"""Which mistake the engine of a finding makes: what explains the finding, and further runs that decide."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import takewhile, zip_longest
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from attrs import Factory, evolve, frozen

from liqspec.conform.answers import Accepted, Player, Refused, read_answer
from liqspec.conform.configurations import Setting
from liqspec.conform.finding import EngineFault, Finding
from liqspec.conform.lockstep import Comparison
from liqspec.core import parameters
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EVENTS, EventData
from liqspec.core.parameters import InvalidConfig
from liqspec.edge import files
from liqspec.edge.shapes import WrongShape
from liqspec.generate import Guide, names
from liqspec.search.campaign import guided_run, seeded
from liqspec.spec import vectors
from liqspec.step.explanations import TITLES, Likeness, Played, explained, explaining
from liqspec.step.relation import Observed
from liqspec.step.wrong_engines import EVERY, WrongEngine
from liqspec.step.wrong_engines.neighbours import neighbours

SECONDS = 8.0  # for all hypotheses and further runs
RUNS = 60  # random runs that may distinguish mistakes
CONFIRMING = 10  # runs that the engine is asked for where one broken rule is left
PATIENT = 30  # the same where more mistakes of that rule are left than are named
SEVERAL = 3  # runs that a mistake explains where it is named though it does not explain all
LENGTH = 40  # events in one of them
NAMES = "AMT-7"
OTHER_NAMES = "with other names of the accounts and markets, in the same order, it answers as the rules say"

Run = tuple[dict[str, Any], list[EventData]]


@frozen
class _Shown:
    """Mistakes that an engine shows, in how many runs; and whether in every run that it was asked for.

    `only` has the rule that all mistakes break by which an answer was explained, where there were several.
    """

    mistakes: list[WrongEngine] = Factory(list)
    runs: int = 0
    everywhere: bool = False
    only: set[str] = Factory(set)

    def names(self, mistake: WrongEngine, likely: Sequence[str]) -> bool:
        """Whether the rule of a mistake is broken: also if not all is explained, where nothing says another one."""
        return self.everywhere or self.runs >= SEVERAL or mistake.rule in (*likely, *self.only)


@frozen(kw_only=True)
class Explanation:
    """A live engine, what it supports, and how it is compared: what is needed to say which mistake it makes."""

    engine: Player
    events: frozenset[str]
    setting: Setting
    comparison: Comparison
    hypotheses: tuple[WrongEngine, ...] = tuple(EVERY.values())

    @property
    def alike(self) -> Likeness:
        """How answers are compared."""
        return Likeness(mode=self.comparison.mode, observes=self.comparison.observes)

    def of(self, finding: Finding, seconds: float = SECONDS) -> Finding:
        """The finding with the rule first that the engine breaks, if a known mistake explains all that it does."""
        shown = None if finding.reply is None or finding.kind != "difference" else _observed(finding.reply)
        if shown is None:
            return finding
        first, *others = finding.reasons
        played = _played(finding.config, finding.applied, self.comparison.observes.prices)
        deadline = time.monotonic() + seconds
        last = EVENTS.get(str(finding.applied[-1].get("type"))) if finding.applied else None
        nearest = _Shown()
        for hypotheses in (self.hypotheses, neighbours(lambda: list(played.answers()), finding.config, last)):
            in_time = takewhile(lambda _: time.monotonic() < deadline - seconds / 4, hypotheses)
            found = self._confirmed(explaining(played, shown, self.alike, in_time), finding, deadline)
            found = evolve(found, mistakes=[one for one in found.mistakes if found.names(one, first.rules)])
            nearest = max(found, nearest, key=lambda one: (one.everywhere, one.runs))
            if found.everywhere:
                break
        reason = explained(first, nearest.mistakes, everywhere=nearest.everywhere)
        finding = evolve(finding, reasons=(reason, *others))
        return finding if finding.reasons[0].rule == NAMES or not self._by_names(finding) else _of_names(finding)

    def _by_names(self, finding: Finding) -> bool:
        """Whether the engine is right only where accounts and markets have other names, in the same order (AMT-7)."""
        accounts, markets = finding.config["accounts"], list(finding.config["markets"])
        if max(len(accounts), len(markets)) > len(ascii_lowercase):
            return False
        others = dict(zip(sorted(accounts), ascii_lowercase, strict=False))
        traded = dict(zip(sorted(markets), ascii_uppercase, strict=False))
        config, events = names.renamed(finding.config, list(finding.events), others, traded)
        return self._is_right(config, events) is True and self._is_right(finding.config, list(finding.events)) is False

    def _is_right(self, config: dict[str, Any], events: list[EventData]) -> bool | None:
        """Whether the engine answers as the rules say; None if that cannot be compared."""
        answered, played = self._answers(config, events), _played(config, events, self.comparison.observes.prices)
        return None if answered is None else all(map(self.alike, played.answers(answered[-1]), answered))

    def _confirmed(self, mistakes: list[WrongEngine], finding: Finding, deadline: float) -> "_Shown":
        """Those of the mistakes that the engine shows in further runs too, until one broken rule is left; if none is,
        those that it showed in the most.
        """
        asked, rules = 0, {wrong.rule for wrong in mistakes} if len(mistakes) > 1 else set()
        for config, events in self._runs(mistakes, finding):
            enough = CONFIRMING if len(mistakes) <= TITLES else PATIENT
            certain = len({wrong.rule for wrong in mistakes}) < 2 and asked >= enough
            if not mistakes or certain or (asked and time.monotonic() > deadline):
                break
            played = _played(config, events, self.comparison.observes.prices)
            expected = list(played.answers())
            if all(played.answered_by(wrong, expected, self.alike) for wrong in mistakes):
                continue  # none of them shows here
            answered = self._answers(config, events)
            if answered is not None:
                left = [wrong for wrong in mistakes if played.answered_by(wrong, answered, self.alike)]
                if not left:  # if it was asked nothing before, it does not answer as in the finding
                    return _Shown(mistakes, asked, only=rules if len(rules) == 1 else set()) if asked else _Shown()
                asked, mistakes = asked + 1, left
        return _Shown(mistakes, asked, everywhere=bool(mistakes))

    def _runs(self, mistakes: list[WrongEngine], finding: Finding) -> Iterator[Run]:
        """The finding; in turn, runs near it and the shortest counterexamples of mistakes, of these first; and guided
        runs, of which some begin as it does.
        """
        yield finding.config, list(finding.events)
        for together in zip_longest(self._near(finding), self._counterexamples(mistakes)):
            yield from (run for run in together if run is not None)
        for number in range(RUNS):
            random, events = seeded(0, number), list[EventData]()
            config = self.setting.config(number, random) if number % 3 == 2 else finding.config
            model, led = Engine(Config.from_json(config)), list(finding.events[:-1]) if number % 3 == 0 else []

            def apply(event: EventData, model: Engine = model, events: list[EventData] = events) -> None:
                events.append(event)
                apply_event(model, event)

            for event in led:
                apply(event)
            guided_run(partial(self._next, Guide(random, model, self.events)), apply, LENGTH, "a run that explains")
            yield config, events

    def _counterexamples(self, mistakes: list[WrongEngine]) -> Iterator[Run]:
        """The shortest counterexamples of mistakes: of these, of others that break the same rules, and of others."""
        rules = {wrong.rule for wrong in mistakes}
        ranked = sorted(EVERY.values(), key=lambda wrong: (wrong not in mistakes, wrong.rule not in rules))
        for wrong in ranked:
            for path in (files.ROOT / "vectors").glob(f"*/mistakes/{wrong.id.lower()}-*.json"):
                config, events = vectors.read_run(path)
                if self.setting.allows(config) and all(_kind(event) in self.events for event in events):
                    yield config, events

    def _near(self, finding: Finding) -> Iterator[Run]:
        """The finding without one of its parameters, or without one of its events."""
        for table in (one for one in parameters.TABLES if finding.config.get(one)):
            for name in finding.config[table]:
                kept = {other: value for other, value in finding.config[table].items() if other != name}
                config = {**finding.config, table: kept}
                if _is_valid(config) and self.setting.allows(config):
                    yield config, list(finding.events)
        for place in range(len(finding.events) if len(finding.events) <= LENGTH else 0):
            yield finding.config, [*finding.events[:place], *finding.events[place + 1 :]]

    def _next(self, guide: Guide) -> EventData | None:
        event = guide.next_event()
        return event if event is None or _kind(event) in self.events else None

    def _answers(self, config: dict[str, Any], events: list[EventData]) -> list[Observed] | None:
        """What the engine answers at the start, and to each event; None if that cannot be compared."""
        try:
            answers = [_observed(self.engine.reset(config))]
            for event in events:
                self.engine.give(event)
                answers.append(_observed(self.engine.answer()))
        except EngineFault:
            return None
        known = [answer for answer in answers if answer is not None]
        return known if len(known) == len(answers) else None


def _is_valid(config: dict[str, Any]) -> bool:
    try:
        Engine(Config.from_json(config))
    except (InvalidConfig, WrongShape):
        return False
    return True


def _of_names(finding: Finding) -> Finding:
    """The finding with the rule about names before its others."""
    first, *others = finding.reasons
    rules = tuple(dict.fromkeys((NAMES, *first.rules)))
    return evolve(finding, reasons=(evolve(first, rules=rules, because=(OTHER_NAMES, *first.because)), *others))


def _played(config: dict[str, Any], events: list[EventData], prices: bool) -> Played:
    read = Config.from_json(config)
    return Played(start=lambda: Engine(read, shows_prices=prices), events=events)


def _observed(reply: dict[str, Any]) -> Observed | None:
    """What an engine showed; None where it skipped, or executed orders itself, so that other events were applied."""
    answer = read_answer(reply)
    if isinstance(answer, Refused):
        return Observed(refused=answer.code)
    if not isinstance(answer, Accepted) or answer.executed or not isinstance(answer.observation, dict):
        return None
    return Observed(observation=answer.observation)


def _kind(event: EventData) -> str:
    kind = str(event.get("type"))
    return kind if kind in EVENTS else next(iter(EVENTS))  # one of an unknown type must be refused by every engine
