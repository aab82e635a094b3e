"""Many guided runs of model and engine side by side, to the first finding; that is repeated, and made short."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random

from attrs import Factory, define, evolve, field, frozen

from liqspec.conform.ahead import Ahead, Elsewhere
from liqspec.conform.answers import Answering
from liqspec.conform.configurations import Setting
from liqspec.conform.finding import CannotStart, EngineFault, Finding
from liqspec.conform.known_divergences import Divergence
from liqspec.conform.lockstep import Compared, Comparison, LockStep, play
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EVENTS, EventData
from liqspec.edge.texts import counted
from liqspec.generate import Guide
from liqspec.generate.worlds import World
from liqspec.search import campaign
from liqspec.search.campaign import guided_run, seeded
from liqspec.search.minimise import FailingRun, Pass, minimise
from liqspec.search.passes import FEWER, PLAIN, PLAINER, SHORTEST, SIMPLER, other_runs

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
    _ahead: Ahead = field(init=False)
    _proposed: FailingRun | None = field(init=False, default=None)  # the latest other run, if it did not end in a fault

    _began: float = field(init=False, factory=time.monotonic)

    def __attrs_post_init__(self) -> None:
        """Every run is played ahead where that says the same."""
        self._ahead = Ahead(self.engine, self.events, self.comparison)

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
            name, world = self.setting.run(number, random, self.budget.length)
            if self.budget.steps is not None:
                world = world.at_most(self.budget.steps - coverage.steps)
            where = f"run {number} of seed {self.budget.seed}"
            finding = self._drive(world, random, coverage, where, witnessed=number % WITNESSED == 0)
            self.progress(coverage)
            if finding is None:
                continue
            if (entry := self._known(finding)) is not None:
                outcome.occurred[entry] += 1
                continue
            explained = self.explained(self._second_look(finding))
            if (entry := self._known(explained)) is not None:  # by a rule that only the explanation found
                outcome.occurred[entry] += 1
                continue
            outcome.found_events = len(finding.events)
            outcome.finding = evolve(explained, where=f"seed {self.budget.seed} run {number} on {name}")
            break
        return outcome

    def _drive(
        self, world: World, random: Random, coverage: Compared, where: str, *, witnessed: bool
    ) -> Finding | None:
        begun, unsupported = random.getstate(), coverage.unsupported.copy()

        def proposing(model: Engine) -> Callable[[], EventData | None]:
            guide = world.guide(random, model, self.events)
            return lambda: None if self._is_over() else self._next(guide, random, coverage.unsupported)

        with suppress(Elsewhere):
            return self._ahead.play(world.config, proposing, world.length, where, coverage, witnessed=witnessed)
        random.setstate(begun)
        coverage.unsupported = unsupported
        lockstep = LockStep(self.engine, self.comparison, coverage, world.config, witnessed)
        started = lockstep.start()
        if started is not None:
            return started if isinstance(started, Finding) else None
        return guided_run(proposing(lockstep.model), lockstep.give, world.length, where)

    def _is_over(self) -> bool:
        """Whether the time for comparing is used up, which ends a long run too."""
        return self.budget.seconds is not None and time.monotonic() > self._began + self.budget.seconds

    def _next(self, guide: Guide, random: Random, unsupported: Counter[str]) -> EventData | None:
        """The guide's next event of a type that the engine supports; None if there is none."""
        for _ in range(TRIES):
            event = guide.stray() if random.random() < MALFORMED else guide.next_event()
            kind = event.get("type")
            if kind in self.events or kind not in EVENTS:
                return event
            unsupported[str(kind)] += 1
        return None

    def explained(self, finding: Finding) -> Finding:
        """The finding with the rule first that the engine breaks, if a known mistake is what it does."""
        if not self.budget.shrink_seconds:
            return finding
        from liqspec.conform.explanations import SECONDS, Explanation  # noqa: PLC0415 (only a finding needs it)

        explanation = Explanation(
            engine=self.engine, events=self.events, setting=self.setting, comparison=self.comparison
        )
        return explanation.of(finding, min(SECONDS, self.budget.shrink_seconds))

    def _second_look(self, finding: Finding) -> Finding:
        """Whether the finding happens again, and in as few events as possible, with the live engine in the loop.

        An engine that does not start again gets no second look.
        """
        run = FailingRun(finding.config, finding.events, self._settled(finding))
        try:
            again = self._try(run, settle=True)
            if again is None or not again.is_like(run.found):
                return _not_deterministic(run.found, again)
            run = self._made(run, FEWER, SIMPLER)
            if run.found.kind != "fault":
                steps = SEARCHED * max(1, len(run.events) - LONG + 1)
                run = self._made(run, (other_runs(self._another, FEWER, SIMPLER, steps=steps, short=SHORT),))
                run = self._made(run, PLAIN, PLAINER, SHORTEST, PLAINER)
        except CannotStart:  # what was found until then must do
            pass
        found: Finding = run.found
        return found

    def _made(self, run: FailingRun, *groups: tuple[Pass, ...]) -> FailingRun:
        """What passes make of a run in the time for it, if that happens again to the end."""
        made = minimise(run, self._fails, *groups, deadline=time.monotonic() + self.budget.shrink_seconds)
        found = self._try(made, settle=True)
        return evolve(made, found=found) if found is not None and _same_kind(found, made.found) else run

    def _another(self, run: FailingRun, number: int) -> FailingRun | None:
        """A run of the model that is too short for a finding, in its configuration, which has what matters.

        By turns it opens a position at once, and begins as the finding does and goes another way. There is none after
        one in which the engine did not answer.
        """
        if number and self._proposed is None:
            return None
        number, length, events = number + 1, len(run.events) - 1, list[EventData]()
        random, model = seeded(self.budget.seed, number), Engine(Config.from_json(run.config))
        lead: Lead | None = _part(run.events, random) if number % 2 else self._opening
        if length >= LONG and number % 3 == 0:  # another long run may need few of its events
            length, lead = self.budget.length, None
        guide = Guide(random, model, self.events)

        def next_event() -> EventData | None:
            event = None if lead is None else lead(guide, len(events))
            return event or self._next(guide, random, Counter())

        def apply(event: EventData) -> None:
            events.append(event)
            apply_event(model, event)

        guided_run(next_event, apply, length, f"run {number} of seed {self.budget.seed} for a shorter finding")
        self._proposed = FailingRun(run.config, events, evolve(run.found, kind="difference"))
        return self._proposed

    def _opening(self, guide: Guide, number: int) -> EventData | None:
        """The event that leads soonest to a position: a deposit, then a trade; None from the third on."""
        if number > 1:
            return None
        event = guide.moves[("deposit", "open_or_increase")[number]][1]()
        return event if event is not None and event["type"] in self.events else None

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

    def _fails(self, candidate: FailingRun) -> FailingRun | None:
        if not self.setting.allows(candidate.config):
            return None
        found = self._try(candidate)
        if found is not None and found.kind == "fault" and candidate is self._proposed:
            self._proposed = None
        if found is None or not _same_kind(found, candidate.found) or self._known(found) is not None:
            return None
        return FailingRun(found.config, found.events, found)

    def _try(self, run: FailingRun, *, settle: bool = False) -> Finding | None:
        """Play a run again, as that of its finding was; `settle` also waits for what comes after its end."""
        fault = run.found.kind == "fault"
        if fault:
            self._renew()
        witnessed = run.found.kind == "property"
        found = play(self.engine, run.config, run.events, self.comparison, witnessed=witnessed)
        if found is not None and (settle or fault):
            found = self._settled(found)
        if found is not None and found.kind == "fault" and not fault:
            self._renew()
        return found

    def _renew(self) -> None:
        try:
            self.engine.renew()
        except EngineFault as error:
            raise CannotStart(str(error)) from None


def _not_deterministic(finding: Finding, again: Finding | None) -> Finding:
    events = counted(len(finding.events), "event")
    second = "nothing is wrong" if again is None else f"after {counted(len(again.events), 'event')}: {again.headline}"
    note = f"the same {events} twice; first: {finding.headline}; then: {second}"
    return evolve(finding, kind="not deterministic", note=note)


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
