"""Whether a finding happens again, what it needs for that, and how short it can be, with the engine in the loop."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from attrs import define, evolve, field

from liqspec.conform.answers import Answering
from liqspec.conform.configurations import Setting
from liqspec.conform.finding import CannotStart, EngineFault, FaultKind, Finding, TimeIsUp
from liqspec.conform.known_divergences import Divergence, known_as
from liqspec.conform.lockstep import PATIENT, Compared, Comparison, LockStep, play, settled
from liqspec.conform.proposals import Proposals
from liqspec.conform.protocol.conversation import converse
from liqspec.conform.session import END, HELLO, LiveEngine
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.edge import protocol
from liqspec.edge.texts import counted
from liqspec.generate import Guide
from liqspec.search.campaign import guided_run, seeded
from liqspec.search.minimise import Candidates, FailingRun, Pass, Test, minimise
from liqspec.search.passes import FEWER, PLAIN, PLAINER, SHORTEST, SIMPLER, drop_events, other_runs

SHORT = 3  # events; a finding with fewer is not made shorter by other runs
SEARCHED = 4_000  # steps in which a finding shorter than the first one is looked for
STEPS = (0.4, 0.8, 1.0)  # the shares of the time at which making it short, looking for others, making it plain end
FEWER_EVENTS = "whether fewer or plainer events show it"
TOO_MUCH: tuple[FaultKind, ...] = ("printed garbage", "answered without being asked")
LONG = 8  # events; each one that a finding has from here on adds this many steps

# Says which event comes first, second, and so on, in a run that the guide continues; None leaves it to the guide.
Lead = Callable[[Guide, int], EventData | None]
Requests = list[dict[str, Any]]


@define(kw_only=True)
class SecondLook:
    """Plays a finding again, in `seconds` for making it short, looking for a shorter one, and making it plain.

    Repeating it may take until `until` (monotonic), if given; `cut` says what there was no time for. With 0 seconds it
    is repeated once, and reported as it was found. Candidates are what `setting` allows and is not `known`; other runs
    are of this `seed` and `length`, with `malformed` events if the finding may have one. What is shorter may be another
    defect, unless it must have the `same_cause`.
    """

    engine: Answering
    events: frozenset[str]
    setting: Setting
    comparison: Comparison
    known: tuple[Divergence, ...] = ()
    seconds: float
    until: float | None = None
    seed: int
    length: int
    malformed: bool = False
    same_cause: bool = False
    cut: str = field(init=False, default="")
    _ends: tuple[float, ...] = field(init=False, default=())  # of the steps in which it is made short
    _proposed: FailingRun | None = field(init=False, default=None)  # the latest other run, if it did not end in a fault

    def of(self, finding: Finding, history: Sequence[FailingRun]) -> Finding:
        """The finding in as few events as possible; with what it needs, where its own run does not show it.

        `history` are the runs before it in the same process. An engine that does not start again gets no second look.
        """
        finding = evolve(finding, found_events=finding.length)
        began = time.monotonic()
        self._ends = tuple(began + share * self.seconds for share in STEPS)
        self._limit(self.until)
        try:
            return self._conversation(finding) if finding.requests else self._run(finding, history)
        except CannotStart:  # what was found until then must do
            return finding
        except TimeIsUp:
            self.cut = "whether it happens again"
            return finding
        finally:
            if self.cut:  # in the middle of a run
                self._limit(time.monotonic() + END)
                with suppress(EngineFault, CannotStart, TimeIsUp):
                    self.engine.renew()
            self._limit(None)

    def _limit(self, until: float | None) -> None:
        if isinstance(self.engine, LiveEngine):
            self.engine.until = until

    def _minimised(self, run: FailingRun, test: Test, end: float, *groups: tuple[Pass, ...]) -> FailingRun:
        """What passes make of a run until a time; a candidate fails only if it does before."""

        def in_time(candidate: FailingRun) -> FailingRun | None:
            self._limit(end if self.until is None else min(end, self.until))
            try:
                return test(candidate)
            except TimeIsUp:
                return None
            finally:
                self._limit(self.until)

        made = minimise(run, in_time, *groups, deadline=end)
        if self.seconds and time.monotonic() > end:
            self.cut = FEWER_EVENTS
        return made

    def _run(self, finding: Finding, history: Sequence[FailingRun]) -> Finding:
        run = FailingRun(finding.config, finding.events, settled(self.engine, finding))
        again = self._try_anew(run)
        if again is None or not (again.is_like(run.found) or _is_a_line_later(again, run.found)):
            unasked = self._unasked(run.found)
            return unasked or self._after_others(run, history) or _not_deterministic(run.found, again)
        try:
            run = self._made(run, self._ends[-1 if run.found.kind == "fault" else 0], FEWER, SIMPLER)
            if run.found.kind != "fault":
                steps = SEARCHED * max(1, len(run.events) - LONG + 1)
                others = other_runs(self._another, FEWER, SIMPLER, steps=steps, short=SHORT)
                run = self._made(run, self._ends[1], (others,))
                run = self._made(run, self._ends[2], PLAIN, PLAINER, SHORTEST, PLAINER)
        except CannotStart:
            pass
        except TimeIsUp:
            self.cut = FEWER_EVENTS
        found: Finding = run.found
        return found

    def _made(self, run: FailingRun, end: float, *groups: tuple[Pass, ...]) -> FailingRun:
        """What passes make of a run until a time, if that happens again to the end, in a new process."""
        made = self._minimised(run, self._fails, end, *groups)
        found = self._try_anew(made)
        if found is None or not _same_kind(found, made.found):
            return run
        return evolve(made, found=evolve(found, found_events=run.found.found_events))

    def _another(self, run: FailingRun, number: int) -> FailingRun | None:
        """A run of the model that is too short for a finding, in its configuration, which has what matters.

        By turns it opens a position at once, and begins as the finding does and goes another way. There is none after
        one in which the engine did not answer.
        """
        if number and self._proposed is None:
            return None
        number, length, events = number + 1, len(run.events) - 1, list[EventData]()
        random, model = seeded(self.seed, number), Engine(Config.from_json(run.config))
        lead: Lead | None = _part(run.events, random) if number % 2 else self._opening
        if length >= LONG and number % 3 == 0:  # another long run may need few of its events
            length, lead = self.length, None
        proposals = Proposals.of(model, random, self.events, malformed=self.malformed)

        def next_event() -> EventData | None:
            event = None if lead is None else lead(proposals.guide, len(events))
            return event or proposals.next_event()

        def apply(event: EventData) -> None:
            events.append(event)
            apply_event(model, event)

        guided_run(next_event, apply, length, f"run {number} of seed {self.seed} for a shorter finding")
        self._proposed = FailingRun(run.config, events, evolve(run.found, kind="difference"))
        return self._proposed

    def _opening(self, guide: Guide, number: int) -> EventData | None:
        """The event that leads soonest to a position: a deposit, then a trade; None from the third on."""
        if number > 1:
            return None
        event = guide.moves[("deposit", "open_or_increase")[number]][1]()
        return event if event is not None and event["type"] in self.events else None

    def _after_others(self, run: FailingRun, history: Sequence[FailingRun]) -> Finding | None:
        """The finding after some of the runs before it in a new process: few runs, and few of their events."""
        count = 1
        while history:
            before = list(history[-count:])
            requests = [request for one in (*before, run) for request in _requests(one)]
            found = self._after(FailingRun({}, requests, run.found))
            if found is not None:
                return self._shortened(found)
            if count >= len(history):
                break
            count *= 2
        return None

    def _shortened(self, run: FailingRun) -> Finding:
        made = self._minimised(run, self._after, self._ends[-1], (drop_events,))
        found: Finding = (self._after(made) or run).found
        lines = tuple(protocol.write_line(request) for request in made.events)
        return evolve(found, requests=(HELLO, *lines), found_events=run.found.found_events)

    def _after(self, candidate: FailingRun) -> FailingRun | None:
        """The requests up to the finding, if they show it in a new process; `candidate.events` are requests."""
        self._renew()
        lockstep: LockStep | None = None
        for index, request in enumerate(candidate.events):
            found: Any = None
            if request["op"] == "reset":
                lockstep = LockStep(self.engine, self.comparison, Compared(), request["config"])
                found = lockstep.start()
            elif lockstep is not None:
                found = lockstep.give(request["event"])
            if isinstance(found, Finding):
                alike = found.signature == candidate.found.signature and self._allowed(found)
                kept = evolve(found, found_events=candidate.found.found_events)
                return FailingRun({}, candidate.events[: index + 1], kept) if alike else None
        return None

    def _conversation(self, finding: Finding) -> Finding:
        """A finding of raw lines: whether they show it again, and which of them are needed."""
        engine = self.engine
        assert isinstance(engine, LiveEngine), "raw lines are sent to a process"

        def shows(candidate: FailingRun) -> FailingRun | None:
            requests = [request["line"] for request in candidate.events]
            found = converse(engine, requests, self.comparison)
            if found is None or found.kind != finding.kind:
                return None
            if finding.fault is not None:  # the event before it does not matter
                alike = found.fault is not None and found.fault.kind == finding.fault.kind
            else:
                alike = (found.event_type, found.rules[0]) == (finding.event_type, finding.rules[0])
            return FailingRun({}, [{"line": line} for line in found.requests], found) if alike else None

        run = FailingRun({}, [{"line": line} for line in finding.requests], finding)
        again = shows(run)
        if again is None:
            late = converse(engine, finding.requests, self.comparison, PATIENT)
            return late if late is not None and _is_unasked(late) else _not_deterministic(finding, None)
        made = self._minimised(again, shows, self._ends[-1], (last_requests, drop_events))
        found: Finding = made.found
        return evolve(found, topic=finding.topic, note=finding.note, found_events=finding.found_events)

    def _unasked(self, finding: Finding) -> Finding | None:
        """The finding as an answer too many, if it was one, or if one comes late: when it comes differs each time."""
        found = settled(self.engine, finding, PATIENT)
        return found if _is_unasked(found) else None

    def _fails(self, candidate: FailingRun) -> FailingRun | None:
        if not self.setting.allows(candidate.config):
            return None
        found = self._try(candidate)
        if found is not None and found.kind == "fault" and candidate is self._proposed:
            self._proposed = None
        if found is None or not _same_kind(found, candidate.found) or not self._allowed(found):
            return None
        if self.same_cause and found.cause != candidate.found.cause:
            return None
        kept = evolve(found, found_events=candidate.found.found_events)
        return FailingRun(found.config, found.events, kept)

    def _allowed(self, found: Finding) -> bool:
        return known_as(self.known, found) is None

    def _try_anew(self, run: FailingRun) -> Finding | None:
        """Play a run again in a new process."""
        if run.found.kind != "fault":  # after which there is a new one anyway
            self._renew()
        return self._try(run, settle=True)

    def _try(self, run: FailingRun, *, settle: bool = False) -> Finding | None:
        """Play a run again, as that of its finding was; `settle` also waits for what comes after its end."""
        fault = run.found.kind == "fault"
        if fault:
            self._renew()
        witnessed = run.found.kind == "property"
        found = play(self.engine, run.config, run.events, self.comparison, witnessed=witnessed)
        if found is not None and (settle or fault):
            found = settled(self.engine, found)
        elif _is_unasked(run.found):
            played = evolve(run.found, config=run.config, events=run.events, applied=run.events, kind="property")
            found = settled(self.engine, played)
            found = found if found.kind == "fault" else None
        if found is not None and found.kind == "fault" and not fault:
            self._renew()
        return found

    def _renew(self) -> None:
        try:
            self.engine.renew()
        except EngineFault as error:
            raise CannotStart(str(error)) from None


def last_requests(run: FailingRun) -> Candidates:
    """The last one or two requests alone, or with the start of their run: mostly that is all that is needed."""
    starts = [request for request in run.events if request["line"].startswith(b'{"op":"reset"')][:1]
    for first, count in ((0, 1), (1, 1), (0, 2), (1, 2)):
        found = yield evolve(run, events=[*(starts if first else ()), *run.events[-count:]])
        if found is not None:
            return found
    return run


def _requests(run: FailingRun) -> Requests:
    return [{"op": "reset", "config": run.config}, *({"op": "apply", "event": event} for event in run.events)]


def _not_deterministic(finding: Finding, again: Finding | None) -> Finding:
    events = counted(finding.length, "request" if finding.requests else "event")
    second = "nothing is wrong" if again is None else f"after {counted(len(again.events), 'event')}: {again.headline}"
    note = f"the same {events} twice; first: {finding.headline}; then: {second}"
    return evolve(finding, kind="not deterministic", note=note)


def _is_unasked(found: Finding) -> bool:
    return found.fault is not None and found.fault.kind == "answered without being asked"


def _part(events: list[EventData], random: Random) -> Lead:
    """The lead of a run that begins with some of these events: with the first ones, often without one of them."""
    kept = events[: random.randrange(1, len(events))]
    if len(kept) > 1 and random.random() < 0.7:
        del kept[random.randrange(len(kept))]
    return lambda _, number: kept[number] if number < len(kept) else None


def _same_kind(found: Finding, first: Finding) -> bool:
    if found.kind != first.kind or bool(found.events) != bool(first.events):
        return False
    if found.fault is None or first.fault is None or found.fault.kind == first.fault.kind:
        return True
    return _says_too_much(found, first)


def _is_a_line_later(again: Finding, first: Finding) -> bool:
    """Whether both have a line too many, of the same event or the next one."""
    return _says_too_much(again, first) and abs(len(again.events) - len(first.events)) <= 1


def _says_too_much(found: Finding, first: Finding) -> bool:
    """Whether in both there is a line too many, which is seen as a reply or after one: that depends on the time."""
    return all(one.fault is not None and one.fault.kind in TOO_MUCH for one in (found, first))
