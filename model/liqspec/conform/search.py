"""Many guided runs of model and engine side by side, to the first finding; that is repeated, and made short."""

import time
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

from attrs import Factory, define, evolve, frozen

from liqspec.conform.answers import Answering
from liqspec.conform.configurations import Setting
from liqspec.conform.coverage import Compared
from liqspec.conform.finding import CannotStart, EngineFault, Finding
from liqspec.conform.known_divergences import Divergence
from liqspec.conform.lockstep import Comparison, LockStep, play
from liqspec.core.events import EVENTS, EventData
from liqspec.edge.texts import counted
from liqspec.generate import Guide
from liqspec.search import campaign
from liqspec.search.campaign import guided_run, seeded
from liqspec.search.minimise import FailingRun, Pass, minimise
from liqspec.search.passes import FEWER, PLAINER, SHORTEST, SIMPLER

SHORT = 3  # events; a finding with fewer is not made shorter by other runs
LENGTH = 40  # events in one run: short, so that what is found is soon made short
WITNESSED = 8  # the interval, in runs, at which every property is judged on the engine's own observations too
MALFORMED = 0.03  # of the events, in addition to those of the guide: of any type, with a field that must be refused
SEARCHED = 4_000  # steps in which a finding shorter than the first one is looked for
LONG = 8  # events; each one that a finding has from here on adds this many steps
SHRINK_SECONDS = 60.0  # for each of making a finding short, looking for a shorter one, and making its numbers plain
TRIES = 200  # events proposed for one that the engine supports

# Says which event comes first, second, and so on, in a run that the guide continues; None leaves it to the guide.
Lead = Callable[[Guide, int], EventData | None]


@frozen(kw_only=True)
class Budget(campaign.Budget):
    """How much to compare; and how long a finding is made shorter and plain.

    With 0 `shrink_seconds` a finding is repeated once, and reported as it was found.
    """

    length: int = LENGTH
    shrink_seconds: float = SHRINK_SECONDS


@define(kw_only=True)
class Outcome:
    """How a comparison ended: what was found, if anything, and from how many events it was made short."""

    coverage: Compared = Factory(Compared)
    finding: Finding | None = None
    found_events: int = 0
    occurred: dict[Divergence, int] = Factory(dict)

    @property
    def stale(self) -> list[Divergence]:
        """The known divergences that did not occur."""
        return [entry for entry, times in self.occurred.items() if not times]

    @property
    def conforms(self) -> bool:
        """Whether something was compared, nothing was found, and what is known still occurs."""
        return self.finding is None and not self.stale and self.coverage.steps > 0


@define(kw_only=True)
class Search:
    """A comparison of an engine with the model."""

    engine: Answering
    events: frozenset[str]
    setting: Setting
    comparison: Comparison = Factory(Comparison)
    budget: Budget = Factory(Budget)
    known: tuple[Divergence, ...] = ()
    progress: Callable[[Compared], None] = lambda _: None

    def run(self) -> Outcome:
        """Compare, up to the first finding that is not known; deterministic in steps, if the engine is.

        Raises:
            CannotStart: an engine that had ended does not start again.
        """
        coverage = Compared(drawn=self.setting.drawn)
        outcome = Outcome(coverage=coverage, occurred=dict.fromkeys(self.known, 0))
        for number in self.budget.numbers(lambda: coverage.steps):
            if number > 20 and not coverage.steps:  # an engine that skips everything would never come to its steps
                break
            random = seeded(self.budget.seed, number)
            name, config = self.setting.run(number, random)
            witnessed = number % WITNESSED == 0
            finding = self._drive(config, random, coverage, self.budget.length, witnessed=witnessed)
            self.progress(coverage)
            if finding is None:
                continue
            if (entry := self._known(finding)) is not None:
                outcome.occurred[entry] += 1
                continue
            outcome.found_events = len(finding.events)
            where = f"seed {self.budget.seed} run {number} on {name}"
            outcome.finding = evolve(self._second_look(finding), where=where)
            break
        return outcome

    def examine(self, finding: Finding, deadline: float | None = None) -> Finding:
        """The finding after a second look: whether it happens again, and in as few events as possible.

        It is made shorter until the deadline, a time of the monotonic clock. An engine that does not start again
        gets no second look.
        """
        finding = self._settled(finding)
        try:
            again = self._again(finding)
        except (CannotStart, EngineFault):
            return finding
        if again is None or not again.is_like(finding):
            second = (
                "nothing is wrong"
                if again is None
                else f"after {counted(len(again.events), 'event')}: {again.headline}"
            )
            note = f"the same {counted(len(finding.events), 'event')} twice; first: {finding.headline}; then: {second}"
            return evolve(finding, kind="not deterministic", note=note)
        return self._made(finding, (FEWER, SIMPLER), self._deadline() if deadline is None else deadline)

    # ------------------------------------------------------------------------------------------------------- inside

    def _shorter(self, finding: Finding) -> Finding:
        """A shorter run in which something is wrong, where other runs show one soon: exact amounts barely shrink.

        Looked for in the finding's own configuration, which has what matters, in runs that are too short for it:
        by turns such as open a position at once, and such as begin as the finding does and go another way. A slow
        engine gets fewer runs, and one that fails in them without an answer no more of them.
        """
        searched, attempt, deadline = Compared(), 0, self._deadline()
        while len(finding.events) > SHORT and max(searched.steps, attempt) < SEARCHED * _worth(finding):
            if time.monotonic() > deadline:
                break
            length, attempt = len(finding.events) - 1, attempt + 1
            random = seeded(self.budget.seed, attempt)
            lead: Lead | None = _part(finding.events, random) if attempt % 2 else self._opening
            if length >= LONG and attempt % 3 == 0:  # another long run may have a short heart
                length, lead = self.budget.length, None
            found = self._drive(finding.config, random, searched, length, lead=lead, witnessed=False)
            if found is not None and found.kind == "fault":
                break
            if found is not None and found.kind == "difference" and self._known(found) is None:
                again = self.examine(found, deadline)
                if again.kind == "difference" and len(again.events) < len(finding.events):
                    finding = again
        return finding

    def _second_look(self, finding: Finding) -> Finding:
        examined = self.examine(finding)
        if examined.kind not in ("difference", "property"):
            return examined
        shortest = self._shorter(examined)
        return self._made(shortest, (PLAINER, SHORTEST, PLAINER), self._deadline())

    def _drive(
        self,
        config: dict[str, Any],
        random: Random,
        coverage: Compared,
        length: int,
        *,
        witnessed: bool,
        lead: Lead | None = None,
    ) -> Finding | None:
        """Run `length` events; `lead` chooses each first."""
        lockstep = LockStep(self.engine, self.comparison, coverage, config, witnessed)
        begun = lockstep.start()
        if begun is not None:
            return begun if isinstance(begun, Finding) else None
        guide = Guide(random, lockstep.model, self.events)
        places = count()

        def next_event() -> EventData | None:
            event = lead(guide, next(places)) if lead is not None else None
            return event or self._next(guide, random, coverage)

        return guided_run(next_event, lockstep.give, length)

    def _opening(self, guide: Guide, number: int) -> EventData | None:
        """The event that leads soonest to a position: a deposit, then a trade; None from the third on."""
        if number > 1:
            return None
        event = guide.moves[("deposit", "open_or_increase")[number]][1]()
        return event if event is not None and event["type"] in self.events else None

    def _next(self, guide: Guide, random: Random, coverage: Compared) -> EventData | None:
        """The guide's next event of a type that the engine supports; None if there is none."""
        for _ in range(TRIES):
            event = guide.stray() if random.random() < MALFORMED else guide.next_event()
            kind = event.get("type")
            if kind in self.events or kind not in EVENTS:
                return event
            coverage.unsupported[str(kind)] += 1
        return None

    def _known(self, finding: Finding) -> Divergence | None:
        return next((entry for entry in self.known if entry.matches(finding)), None)

    def _settled(self, finding: Finding) -> Finding:
        """The finding; or, if the engine turns out to say more than it was asked, that."""
        if finding.kind == "fault":
            return finding
        try:
            self.engine.settle()
        except EngineFault as error:
            return evolve(finding, kind="fault", fault=error.fault, reasons=(), broken=())
        return finding

    def _again(self, finding: Finding) -> Finding | None:
        return self._try(finding, FailingRun(finding.config, finding.events), deep=True)

    def _try(self, finding: Finding, candidate: FailingRun, *, deep: bool = False) -> Finding | None:
        """Play a run again, as the finding's was; `deep` also waits for what comes after its end."""
        if finding.kind == "fault":
            self.engine.renew()
        witnessed = finding.kind == "property"
        found = play(self.engine, candidate.config, candidate.events, self.comparison, witnessed=witnessed)
        if found is not None and (deep or finding.kind == "fault"):
            found = self._settled(found)
        if found is not None and found.kind == "fault" and finding.kind != "fault":
            self.engine.renew()
        return found

    def _deadline(self) -> float:
        return time.monotonic() + self.budget.shrink_seconds

    def _made(self, finding: Finding, passes: tuple[tuple[Pass, ...], ...], deadline: float) -> Finding:
        """The finding in what passes make of its run until the deadline, with the live engine in the loop."""

        def fails(candidate: FailingRun) -> FailingRun | None:
            if not self.setting.allows(candidate.config):
                return None
            found = self._try(finding, candidate)
            if found is None or not _same_kind(found, finding) or self._known(found) is not None:
                return None
            return FailingRun(found.config, found.events)

        try:
            made = minimise(FailingRun(finding.config, finding.events), fails, *passes, deadline=deadline)
            found = self._again(evolve(finding, config=made.config, events=made.events))
        except (CannotStart, EngineFault):  # it does not even start again: the first run must do
            return finding
        return found if found is not None and _same_kind(found, finding) else finding


def _worth(finding: Finding) -> int:
    """How much time to spend on a shorter run: the more, the longer the finding is."""
    return max(1, len(finding.events) - LONG + 1)


def _part(events: list[EventData], random: Random) -> Lead:
    """The lead of a run that begins with some of these events: with the first ones, often without one of them."""
    kept = events[: random.randrange(1, len(events))]
    if len(kept) > 1 and random.random() < 0.7:
        del kept[random.randrange(len(kept))]
    return lambda _, number: kept[number] if number < len(kept) else None


def _same_kind(found: Finding, first: Finding) -> bool:
    if found.kind != first.kind or bool(found.events) != bool(first.events):
        return False
    return found.fault is None or first.fault is None or found.fault.kind == first.fault.kind
