"""Many numbered runs of model and engine side by side, in one process or several; what was found, and made short.

Events that the rules decide come first. Malformed ones are sent in the last part of the budget, with the protocol's own
suite at its beginning; or not at all.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import chain, islice, repeat
from math import ceil

from attrs import Factory, define, evolve, field, frozen

from liqspec.conform.ahead import Ahead, Elsewhere
from liqspec.conform.answers import Answering
from liqspec.conform.configurations import Setting
from liqspec.conform.finding import CannotStart, EngineFault, Finding, TimeIsUp
from liqspec.conform.kept import Kept, Runs
from liqspec.conform.known_divergences import Divergence, known_as
from liqspec.conform.lockstep import Compared, Comparison, LockStep, settled
from liqspec.conform.proposals import Proposals
from liqspec.conform.protocol.suite import PARTS, VALID, ProtocolSuite
from liqspec.conform.second_look import SecondLook
from liqspec.conform.session import LiveEngine, at_the_start
from liqspec.conform.tape import KeptRun, Tape
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.edge.texts import counted
from liqspec.generate.random_runs import length_of
from liqspec.search import campaign
from liqspec.search.campaign import guided_run, seeded
from liqspec.search.minimise import FailingRun
from liqspec.search.parallel import run_parallel

LENGTH = 40  # events in one run: short, so that what is found is soon made short
WITNESSED = 8  # the interval, in runs, at which every property is judged on the engine's own observations too
SHRINK_SECONDS = 60.0  # for making what was found short and plain, and for explaining it
SHORTENED = 0.85  # the share of that in which it is made short
SEMANTIC = 0.8  # the share of the budget in which no malformed event is sent
BLOCKS = (10, 20, 40)  # runs in the first blocks; later ones have as many as the last of these
LEAST = 0.2  # seconds of a block's first run, however long the engine took to start
REMEMBERED = 256  # runs before a finding that it may depend on
SKIPPED = 20  # runs; an engine that skips every step of as many skips all


@frozen(kw_only=True)
class Budget(campaign.Budget):
    """How much to compare; and how long a finding is made shorter and plain.

    With 0 `shrink_seconds` a finding is repeated once, and reported as it was found.
    """

    length: int = LENGTH
    shrink_seconds: float = SHRINK_SECONDS


@frozen
class Block:
    """Runs of these numbers and lengths, malformed events or not, until a time (monotonic).

    Without runs it is a part of the protocol's suite.
    """

    runs: tuple[tuple[int, int], ...]
    malformed: bool
    until: float | None = None
    part: int = VALID[0]


@frozen
class Found:
    """A finding, with whether its run may have malformed events, and the runs before it in the same process."""

    finding: Finding
    malformed: bool
    history: tuple[FailingRun, ...] = ()


@define
class Part:
    """What a block exercised and found, of each defect the first; `lines` are those of the protocol's suite."""

    coverage: Compared = Factory(Compared)
    finished: int = 0  # runs that were not cut
    malformed: bool = False  # whether these were runs with malformed events
    cut: bool = False  # whether the time was up before the end of the suite
    found: list[Found] = Factory(list)
    occurred: Counter[Divergence] = Factory(Counter)
    lines: int = 0
    interrupted: bool = False
    unwritten: list[OSError] = Factory(list)  # why some of its runs are not kept

    def add(self, finding: Finding, malformed: bool, history: tuple[FailingRun, ...] = ()) -> None:
        """Keep a finding, unless one like it is here."""
        if finding.signature not in [one.finding.signature for one in self.found]:
            self.found.append(Found(finding, malformed, history))


@define(kw_only=True)
class Outcome:
    """How a comparison ended: what was found, if anything, the shortest of each defect, and what was exercised.

    With `every` it did not end at the first finding.
    """

    every: bool = False
    coverage: Compared = Factory(Compared)
    findings: list[Finding] = Factory(list)
    occurred: dict[Divergence, int] = Factory(dict)
    lines: int = 0
    interrupted: bool = False
    unchecked: list[str] = Factory(list)  # what this comparison could not look at, each in a sentence
    unwritten: list[OSError] = Factory(list)  # why some runs are not kept

    @property
    def finding(self) -> Finding | None:
        """The first finding, if there is one."""
        return self.findings[0] if self.findings else None

    @property
    def stale(self) -> list[Divergence]:
        """The known divergences that did not occur, though the comparison was not ended before they could."""
        ended_early = self.interrupted or (self.findings and not self.every)
        return [] if ended_early else [entry for entry, times in self.occurred.items() if not times]

    @property
    def conforms(self) -> bool:
        """Whether something was compared to the end, nothing was found, and what is known still occurs."""
        return not (self.findings or self.stale or self.interrupted) and self.coverage.steps > 0


@define(kw_only=True)
class Search:
    """A comparison of an engine with the model, up to the first finding; up to the end of the budget with `every`.

    `work` does a block on another engine process, where there are several `processes`.
    """

    engine: Answering
    events: frozenset[str]
    setting: Setting
    comparison: Comparison = Factory(Comparison)
    budget: Budget = Factory(Budget)
    known: tuple[Divergence, ...] = ()
    malformed: bool = True
    every: bool = False
    progress: Callable[[Compared], None] = lambda _: None
    processes: int = 1
    work: Callable[[Block], Part] | None = None
    kept: Kept | None = None
    _history: deque[FailingRun | KeptRun] = field(init=False, factory=lambda: deque(maxlen=REMEMBERED))
    _used: bool = field(init=False, default=False)  # whether the engine has done a block
    _unsettled: bool = field(init=False, default=False)  # whether it was left in the middle of something
    _lost: bool = field(init=False, default=False)  # whether a reply of it is due that nobody waits for
    _end: float | None = field(init=False, default=None)  # of all that is done with what was found
    _share: float | None = field(init=False, default=None)  # seconds for each of the findings, when they are known
    _ahead: Ahead = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Every run is played ahead where that says the same."""
        self._ahead = Ahead(self.events, self.comparison)

    def run(self) -> Outcome:
        """Compare; in steps, and if the engine is deterministic, the outcome is the same on any number of processes.

        Raises:
            CannotStart: an engine that had ended does not start again.
        """
        parts, arrived, kept = list[Part](), list[Part](), list[Found]()
        finished = {False: 0, True: 0}  # runs without malformed events, and with them
        outcome = Outcome(every=self.every, coverage=self._nothing_compared(), occurred=dict.fromkeys(self.known, 0))
        with suppress(KeyboardInterrupt):
            outcome.interrupted = True
            work = self.work or self.block
            for part in run_parallel(work, self._blocks(), processes=self.processes, done=arrived.append):
                parts.append(part)
                finished[part.malformed] += part.finished
                self._merge(outcome, part, kept)
                if part.interrupted:
                    raise KeyboardInterrupt
                if (kept and not self.every) or (outcome.coverage.runs > SKIPPED and not outcome.coverage.steps):
                    break
            else:
                self._say_what_was_cut(outcome, finished, parts)
            outcome.interrupted = False
        if outcome.interrupted:  # later blocks may have been done before an earlier one
            for part in (one for one in arrived if not any(one is other for other in parts)):
                self._merge(outcome, part, kept)
        if kept and (self._unsettled or self.work is not None):  # what was found was found in another process
            try:
                self._anew()
            except EngineFault as error:
                kept.insert(0, Found(at_the_start(error.fault), malformed=False))
        outcome.findings = self._looked_at(kept, outcome)
        return outcome

    def _nothing_compared(self) -> Compared:
        return Compared(drawn=self.setting.drawn, malformed=self.malformed, supported=frozenset(self.events))

    def block(self, block: Block) -> Part:
        """Compare in the runs of one block; an interrupted one has what was reached until then."""
        part = Part(malformed=block.malformed, interrupted=True)
        with suppress(KeyboardInterrupt):
            try:
                self._do(block, part)
            except EngineFault as error:
                part.add(at_the_start(error.fault), malformed=False)
            except TimeIsUp:
                part.cut = not block.runs
            part.interrupted = False
        if isinstance(self.engine, LiveEngine):
            self.engine.until = None
        return part

    def _do(self, block: Block, part: Part) -> None:
        if isinstance(self.engine, LiveEngine):  # some time at least, however long the engine took to start
            self.engine.until = block.until and max(block.until, time.monotonic() + LEAST)
        # With steps nothing may depend on which process does it; the suite starts each process that it needs.
        if (self._unsettled and block.runs) or (self._used and self.budget.steps is not None):
            self._anew()
        self._used = self._unsettled = True
        if not block.runs:
            self._suite(block, part)
            return
        with self._kept(block, part) as runs:
            self._runs(block, part, runs)
        if not part.found and self._history and (finding := self.late(_played(self._history[-1]))) is not None:
            part.add(evolve(finding, where="after a run"), block.malformed)
        self._unsettled = self._lost

    def _kept(self, block: Block, part: Part) -> AbstractContextManager[Runs]:
        """The kept runs of a block; none of those whose numbers depend on the time."""
        if self.kept is None or (block.malformed and block.until is not None):
            return nullcontext({})
        return self.kept.block(block.runs[0][0], part.unwritten, malformed=block.malformed)

    def late(self, run: FailingRun, times: int = 1) -> Finding | None:
        """What the engine says after the last of its replies, if it does, after this run."""
        played = Finding(kind="property", config=run.config, events=run.events, applied=run.events)
        found = settled(self.engine, played, times)
        return found if found.kind == "fault" else None

    def _runs(self, block: Block, part: Part, kept: Runs) -> None:
        for place, (number, length) in enumerate(block.runs):
            if place and _is_past(block.until):  # one run at least, however long the engine took to start
                return
            if part.coverage.runs > SKIPPED and not part.coverage.steps:
                return
            finding = self._drive(number, length, block, part.coverage, kept)
            if finding is None:
                part.finished += not _is_past(block.until)
                continue
            if (entry := self._known(finding)) is not None:
                part.occurred[entry] += 1
                continue
            *before, _ = self._history
            part.add(finding, block.malformed, tuple(map(_played, before)))
            if not self.every:
                return
            if finding.kind == "fault":
                self._anew()

    def _known(self, finding: Finding) -> Divergence | None:
        """The known divergence that a finding is, if it is one; perhaps by a rule that only an explanation finds."""
        entry = known_as(self.known, finding)
        if entry is not None or not any(one.rule for one in self.known):
            return entry
        return known_as(self.known, self.explained(finding))

    def _drive(self, number: int, length: int, block: Block, coverage: Compared, kept: Runs) -> Finding | None:
        """One run, to the first thing in which the engine is wrong."""
        tape = Tape(self.engine, number) if self.kept and isinstance(self.engine, LiveEngine) else None
        if tape and (earlier := kept.get((number, length))) and self._ahead.repeats(tape, earlier):
            self._history.append(earlier)
            coverage.add(earlier.exercised)
            return None
        random = seeded(self.budget.seed, number)
        name, drawn = self.setting.run(number, random, self.budget.length)
        drawn, witnessed, began = drawn.at_most(length), number % WITNESSED == 0, time.monotonic()
        run, until = FailingRun(drawn.config, []), block.until and max(block.until, began + LEAST)
        self._history.append(run)
        begun, unsupported = random.getstate(), coverage.unsupported.copy()

        def proposing(model: Engine) -> Callable[[], EventData | None]:
            run.events.clear()
            guide = drawn.guide(random, model, self.events)
            proposals = Proposals(guide, random, model, self.events, block.malformed)

            def next_event() -> EventData | None:
                if _is_past(until):  # which ends a long run too
                    return None
                event = proposals.next_event(coverage.unsupported)
                run.events.extend(() if event is None else (event,))
                return event

            return next_event

        where = f"run {number} of seed {self.budget.seed}"
        try:
            found: object = self._ahead.play(
                tape or self.engine, drawn.config, proposing, drawn.length, where, coverage, witnessed=witnessed
            )
        except Elsewhere:
            random.setstate(begun)
            coverage.unsupported = unsupported
            lockstep = LockStep(self.engine, self.comparison, coverage, drawn.config, witnessed)
            found = lockstep.start() or guided_run(proposing(lockstep.model), lockstep.give, drawn.length, where)
        else:
            if tape and found is None:
                if tape.has_more:
                    raise TimeIsUp  # at which a run is cut
                exercised = evolve(self._ahead.exercised, unsupported=coverage.unsupported - unsupported)
                if not _is_past(until) and (accepted := tape.kept(length, exercised)) is not None:
                    kept[number, length] = accepted
        return (
            evolve(found, where=f"seed {self.budget.seed} run {number} on {name}")
            if isinstance(found, Finding)
            else None
        )

    def _suite(self, block: Block, part: Part) -> None:
        if not isinstance(self.engine, LiveEngine):
            return
        suite = ProtocolSuite(
            engine=self.engine,
            setting=self.setting,
            comparison=self.comparison,
            seed=self.budget.seed,
            goes_on=lambda: self.every,
        )
        try:
            for finding in suite.findings(block.part):
                if known_as(self.known, finding) is None:
                    part.add(evolve(finding, where="the protocol's suite"), malformed=True)
                    if not self.every:
                        break
        finally:
            part.lines = suite.lines

    def _blocks(self) -> Iterator[Block]:
        """Blocks of numbered runs, the suite between those without malformed events and those with them."""
        share = SEMANTIC if self.malformed else 1
        if self.budget.steps is not None:
            first = [*self._planned(0, ceil(share * self.budget.steps))]
            rest = [*self._planned(len(first), self.budget.steps - sum(length for _, length in first))]
            yield from (Block(runs, malformed=False) for runs in _grouped(iter(first)))
            yield from self._suites(None)
            yield from (Block(runs, malformed=True) for runs in _grouped(iter(rest)))
            return
        began, seconds = time.monotonic(), self.budget.seconds or 0.0
        middle, end = began + share * seconds, began + seconds
        runs = self._planned(0, None)
        for block in _grouped(runs):
            yield Block(block, malformed=False, until=middle)
            if _is_past(middle):
                break
        yield from self._suites(end)
        for block in _grouped(runs if self.malformed else iter(())):
            if _is_past(end):
                break
            yield Block(block, malformed=True, until=end)

    def _suites(self, until: float | None) -> Iterator[Block]:
        """The parts of the protocol's suite."""
        for part in range(PARTS) if self.malformed else VALID:
            yield Block((), self.malformed, until=until, part=part)

    def _planned(self, number: int, steps: int | None) -> Iterator[tuple[int, int]]:
        """Numbers and lengths of runs from a number on, until `steps` are planned."""
        planned = 0
        while steps is None or planned < steps:
            length = length_of(number, self.budget.length)
            yield number, length if steps is None else min(length, steps - planned)
            planned, number = planned + length, number + 1

    def _merge(self, outcome: Outcome, part: Part, kept: list[Found]) -> None:
        outcome.coverage.add(part.coverage)
        outcome.lines += part.lines
        outcome.unwritten += part.unwritten
        for entry, times in part.occurred.items():
            outcome.occurred[entry] += times
        for one in part.found:
            if one.finding.signature not in [other.finding.signature for other in kept]:
                kept.append(one)
        self.progress(outcome.coverage)

    def _looked_at(self, kept: list[Found], outcome: Outcome) -> list[Finding]:
        """The findings made short, of each defect the shortest; unchanged from where that was interrupted.

        Of those with one cause only the shortest is looked at. The time that one leaves is the others'.
        """
        chosen, began = _shortest_of_causes(kept), time.monotonic()
        self._end = self._end_of_looks()
        shortest: list[Finding] = []
        for number, one in enumerate(chosen, start=1):
            left = max(0.0, began + self.budget.shrink_seconds - time.monotonic())
            self._share = left / (len(chosen) + 1 - number)
            seconds = SHORTENED * self._share
            look = SecondLook(
                engine=self.engine,
                events=self.events,
                setting=self.setting,
                comparison=self.comparison,
                known=self.known,
                seconds=seconds,
                until=self._end,
                seed=self.budget.seed,
                length=self.budget.length,
                malformed=one.malformed,
                same_cause=self.every,
            )
            found = one.finding
            if not outcome.interrupted:
                try:
                    found = evolve(self.explained(look.of(found, one.history)), where=found.where)
                except KeyboardInterrupt:
                    outcome.interrupted = True
                if look.cut:
                    of = f", of finding {number}" if len(chosen) > 1 else ""
                    outcome.unchecked.append(f"{look.cut}{of}: there was no time for it; --shrink gives it more")
            if found.fault is not None and isinstance(self.engine, LiveEngine):
                found = evolve(found, fault=self.engine.described(found.fault))
            keep_shortest(shortest, found)
        return shortest

    def _end_of_looks(self) -> float | None:
        """When whatever is repeated must end, a reply's timeout after the time for it; no time with --steps."""
        if self.budget.seconds is None or not isinstance(self.engine, LiveEngine):
            return None
        return time.monotonic() + self.budget.shrink_seconds + self.engine.timeout

    def _say_what_was_cut(self, outcome: Outcome, finished: dict[bool, int], parts: list[Part]) -> None:
        """Note what a budget in seconds was too short for."""
        if self.budget.seconds is None:
            return
        within = f"within the budget of {self.budget.seconds:g} s"
        if not finished[False]:
            steps = counted(outcome.coverage.steps, "step")
            outcome.unchecked.append(f"a whole run: none ended {within}, which was cut after {steps}")
        if any(part.cut for part in parts):
            outcome.unchecked.append(
                f"the rest of the protocol's suite, after {counted(outcome.lines, 'line')} {within}"
            )
        if self.malformed and not finished[True]:
            outcome.unchecked.append(f"a whole run with malformed events: none ended {within}")

    def explained(self, finding: Finding) -> Finding:
        """The finding with the rule first that the engine breaks, if a known mistake is what it does."""
        if not self.budget.shrink_seconds or finding.requests:
            return finding
        from liqspec.conform.explanations import SECONDS, Explanation  # noqa: PLC0415 (only a finding needs it)

        explanation = Explanation(
            engine=self.engine, events=self.events, setting=self.setting, comparison=self.comparison
        )
        seconds = min(SECONDS, self.budget.shrink_seconds if self._share is None else self._share)
        if self.budget.seconds is None or not isinstance(self.engine, LiveEngine):
            return explanation.of(finding, seconds)
        before, until = self.engine.until, time.monotonic() + seconds
        self.engine.until = min(one for one in (before, self._end, until) if one is not None)
        try:
            return explanation.of(finding, seconds)
        except TimeIsUp:
            self._lost = True
            return finding
        finally:
            self.engine.until = before
            if self._lost:
                with suppress(TimeIsUp):
                    self._anew()

    def _anew(self) -> None:
        """Go on with a new process of the engine, which has no run behind it.

        Raises:
            CannotStart: it does not start again.
            EngineFault: it says something else of itself than before.
        """
        self._history.clear()
        try:
            self.engine.renew()
        except EngineFault as error:
            if error.fault.kind == "changed its hello":
                raise
            raise CannotStart(str(error)) from None
        self._lost = False


def keep_shortest(kept: list[Finding], found: Finding) -> None:
    """Add a finding to others, of which those that are the same defect become one, the shortest."""
    alike = [one for one in kept if one.cause == found.cause or one.said == found.said]
    place = kept.index(alike[0]) if alike else len(kept)
    kept[:] = [one for one in kept if one not in alike]
    kept.insert(place, min((*alike, found), key=lambda one: one.length))


def _shortest_of_causes(kept: list[Found]) -> list[Found]:
    """Of the findings with the same cause the shortest, in the order in which the causes were found."""
    causes: dict[tuple[str, ...], Found] = {}
    for one in kept:
        best = causes.setdefault(one.finding.cause, one)
        if one.finding.length < best.finding.length:
            causes[one.finding.cause] = one
    return [*causes.values()]


def _grouped(runs: Iterator[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], ...]]:
    """The runs in blocks: short ones, then longer ones."""
    for size in chain(BLOCKS, repeat(BLOCKS[-1])):
        block = tuple(islice(runs, size))
        if not block:
            return
        yield block


def _played(run: FailingRun | KeptRun) -> FailingRun:
    return run.played() if isinstance(run, KeptRun) else run


def _is_past(moment: float | None) -> bool:
    return moment is not None and time.monotonic() > moment
