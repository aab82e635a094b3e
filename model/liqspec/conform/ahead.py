"""A run sent ahead of its replies: the model's side of it is known without them, and is compared afterwards.

That says what lock-step says, unless the engine executes orders by itself, skips an event or forms another mark: then
what comes after depends on the reply, and the run is played in lock-step.
"""

import json
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from attrs import Factory, define, field, frozen

from liqspec.conform.answers import EXECUTIONS, Accepted, Answering, Skipped, read_answer
from liqspec.conform.finding import CannotStart, EngineFault, Finding, TimeIsUp
from liqspec.conform.lockstep import MEASURED, Compared, Comparison, LockStep
from liqspec.conform.own_observations import RESET, OwnObservations
from liqspec.conform.peer import MAX_REPLY
from liqspec.conform.tape import ACCEPTED, KeptRun, Tape
from liqspec.core.config import Config
from liqspec.core.engine import Engine, Outcome, apply_event
from liqspec.core.events import EventData
from liqspec.core.observation import Observer
from liqspec.core.parameters import families_of
from liqspec.edge.errors import InternalFailure
from liqspec.edge.protocol import BadLine, read_line, write_line
from liqspec.properties.reach import Reach
from liqspec.search.campaign import guided_run
from liqspec.step.relation import Expected

MOST_DUE = 64  # replies that are not read, so that memory stays bounded in a long run
MOST_KEPT = 10_000  # entries of observations, in the same way
Reply = dict[str, Any]
# Makes of a model what proposes each event when the model has processed the one before it.
Proposing = Callable[[Engine], Callable[[], EventData | None]]


class Elsewhere(Exception):
    """The run has to be played in lock-step, because the engine may be in another state than the model."""


@runtime_checkable
class Queueing(Protocol):
    """An engine that can be sent requests before the replies to earlier ones are read."""

    def reset_ahead(self, config: dict[str, Any]) -> None:
        """Send the start of a run, when no reply is due; raises an EngineFault as `reset` does."""

    def give_ahead(self, event: EventData) -> None:
        """Send an event, soon; what goes wrong is raised by `answer`, at the first request without a reply."""

    def flush(self) -> None:
        """Send what was not sent yet."""

    def answer_line(self) -> bytes:
        """The next reply as it came; `read` reads it as `answer` does."""

    def read(self, line: bytes) -> Reply:
        """The reply in a line."""

    def forget(self) -> bool:
        """Read the replies that are still due; whether there were as many. If not, the engine is started again."""


@frozen
class Sent:
    """An event that was sent, what the model did with it, and what the model shows after it where that is compared.

    `line` is how a reply begins that shows it as the model would write it.
    """

    event: EventData
    outcome: Outcome
    observation: dict[str, Any] | None = None
    line: bytes = b""

    def is_answered_by(self, line: bytes) -> bool:
        """Whether a reply says this to the letter; one that does not may still mean the same."""
        written = bool(self.line) and line.startswith(self.line)
        try:
            reply = read_line(ACCEPTED + b"0" + line[len(self.line) :] if written else line, MAX_REPLY)
        except BadLine:
            return False
        if self.outcome.code is None:
            shown = written or self.observation is None or _is(reply.get("observation"), self.observation)
            return reply.get("ok") is True and reply.get("executed", []) == [] and shown
        error = reply.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return reply.get("ok") is False and "skipped" not in reply and code == self.outcome.code


def _is(theirs: Any, ours: dict[str, Any]) -> bool:
    """Whether plain data is the same in values and types: `==` takes 1, 1.0 and true for equal."""
    return bool(theirs == ours) and json.dumps(theirs, sort_keys=True) == json.dumps(ours, sort_keys=True)


class Writer:
    """Writes the observations of one run, each entry once."""

    def __init__(self) -> None:
        self._written: dict[int, tuple[object, bytes]] = {}  # by identity, which lasts as long as the entry is kept

    def line(self, observation: dict[str, Any]) -> bytes:
        """The beginning of a reply that shows an observation."""
        if len(self._written) > MOST_KEPT:
            self._written.clear()
        fields = [b'"%b":%b' % (name.encode(), self._value(value)) for name, value in observation.items()]
        return ACCEPTED + b"{%b}" % b",".join(fields)

    def _value(self, value: Any) -> bytes:
        if not isinstance(value, list):
            return self._entry(value)
        written, entry = self._written, self._entry
        kept = [(one, written.get(id(one))) for one in value]
        return b"[%b]" % b",".join([at[1] if at and at[0] is one else entry(one) for one, at in kept])

    def _entry(self, entry: Any) -> bytes:
        kept = self._written.get(id(entry))
        if kept is None or kept[0] is not entry:
            kept = self._written[id(entry)] = entry, write_line(entry)[:-1]
        return kept[1]


@define
class Ahead:
    """Plays the runs of a comparison ahead, as long as few of them have to be played again in lock-step."""

    events: frozenset[str]
    comparison: Comparison
    _played: int = 0
    _elsewhere: int = 0
    exercised: Compared = Factory(Compared)  # in the latest run that was played to its end

    @property
    def pays(self) -> bool:
        """Whether the next run is to be played ahead, if the engine can be sent one."""
        return self.events.issuperset(EXECUTIONS) and self._elsewhere <= 1 + self._played // 4

    def repeats(self, tape: Tape, run: KeptRun) -> bool:
        """Send a run that is kept; whether it is accepted again. If not, it has to be played."""
        if not self.pays or not tape.repeats(run):
            return False
        self._played += 1
        return True

    def play(
        self,
        engine: Answering | Queueing,
        config: dict[str, Any],
        proposing: Proposing,
        length: int,
        where: str,
        coverage: Compared,
        *,
        witnessed: bool,
    ) -> Finding | None:
        """Play a run of up to `length` events to the first finding; it is not counted if it has to be played again.

        Raises:
            Elsewhere: it has to be played in lock-step.
            InternalFailure: an exception, in the run that `where` names.
            CannotStart: the engine had ended, and does not start again.
        """
        if not isinstance(engine, Queueing) or not self.pays:
            raise Elsewhere
        self._played += 1
        run = _Run(engine, self.comparison, config, witnessed)
        try:
            found = run.play(proposing, length, where)
            if found is not None and not self._stands(engine, found):
                raise Elsewhere
        except Elsewhere:
            self._elsewhere += 1
            engine.forget()
            raise
        except TimeIsUp:
            run.coverage.reach = Reach()  # which counts what was sent too
            coverage.add(run.coverage)
            raise
        self.exercised = run.coverage
        coverage.add(run.coverage)
        return found

    def _stands(self, engine: Queueing, found: Finding) -> bool:
        """Whether lock-step would find the same: not if there were more or fewer replies, or much was logged."""
        if found.fault is not None:
            return found.fault.kind != "flooded standard error"  # several events may have logged it
        try:
            return engine.forget()
        except (EngineFault, CannotStart, TimeIsUp):
            return True  # one that does not start again keeps its finding


@define
class _Run:
    """One run: its events, the codes of those answered to the letter, and those of which the reply is not read yet."""

    engine: Queueing
    comparison: Comparison
    config: dict[str, Any]
    witnessed: bool
    coverage: Compared = Factory(Compared)
    _events: list[EventData] = Factory(list)
    _codes: list[str | None] = Factory(list)  # the first is that of the start of the run
    _due: deque[Sent] = Factory(deque)
    _doubtful: list[bytes | EngineFault] = Factory(list)  # the first reply that is otherwise, or the fault in its place
    _observer: Observer = Factory(Observer)
    _writer: Writer = Factory(Writer)
    _own: OwnObservations | None = None
    _families: tuple[str, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """The families are those of the configuration."""
        self._families = tuple(families_of(self.config))

    def play(self, proposing: Proposing, length: int, where: str) -> Finding | None:
        """Send the run, and compare."""
        model, failure = Engine(Config.from_json(self.config), shows_prices=self.comparison.observes.prices), None
        follower = self.coverage.reach.follow(model, MEASURED)
        if self.witnessed and self.comparison.judged:
            self._own = OwnObservations(self.config, self.coverage.checked)
        self._add(RESET, model, Outcome())
        try:
            self.engine.reset_ahead(self.config)
        except EngineFault as fault:
            self._doubtful.append(fault)
            return self._compared_closely()

        def give(event: EventData) -> bool | None:
            self.engine.give_ahead(event)
            self._events.append(event)
            outcome = apply_event(model, event)
            follower.see(event, outcome.effects, outcome.refusal)
            self._add(event, model, outcome)
            return (len(self._due) > MOST_DUE and not self._is_answered(MOST_DUE // 2)) or None

        cut = None
        try:
            cut = guided_run(proposing(model), give, length, where)
        except InternalFailure as error:  # what the engine did before is found first
            failure = error
        found = None if self._is_answered(0) else self._compared_closely()
        if found is None and failure is not None:
            raise failure
        if found is None and cut:  # what was doubtful is as it must be, and the rest of the run was not sent
            raise Elsewhere
        return found

    def _add(self, event: EventData, model: Engine, outcome: Outcome) -> None:
        if outcome.refusal is not None or self.comparison.mode != "full" or not self.comparison.observes.fields:
            self._due.append(Sent(event, outcome))
            return
        shown = self._observer.observe(model.state)
        self._due.append(Sent(event, outcome, shown, self._writer.line(shown)))

    def _is_answered(self, left: int) -> bool:
        """Whether the replies, except the latest `left`, say to the letter what the model does; they are counted."""
        self.engine.flush()
        while len(self._due) > left and not self._doubtful:
            sent = self._due.popleft()
            try:
                line = self.engine.answer_line()
            except EngineFault as fault:
                self._doubtful.append(fault)
                break
            code, own = sent.outcome.code, self._own
            if not sent.is_answered_by(line) or (own and own.broken_by(sent.event, code, sent.observation)):
                self._doubtful.append(line)
                break
            self._codes.append(code)
            if sent.event is RESET:
                self.coverage.runs += 1
            else:
                self.coverage.agree(self._families, sent.event, sent.outcome.effects, sent.outcome.refusal)
        return not self._doubtful

    def _compared_closely(self) -> Finding | None:
        """What lock-step finds in the replies."""
        self.coverage = Compared()
        recorded = _Recorded(self.engine, deque(self._codes), self._doubtful)
        lockstep = _Afterwards(recorded, self.comparison, self.coverage, self.config, self.witnessed)
        recorded.model = lockstep.model
        begun = lockstep.start()
        if isinstance(begun, Skipped):
            raise Elsewhere
        found = (lockstep.give(event) for event in self._events)
        return begun or next((one for one in found if one is not None), None)


@define
class _Afterwards(LockStep):
    """Lock-step on replies that came before."""

    def _forms_another_mark(self, event: EventData, expected: Expected, answer: Accepted) -> bool:
        if LockStep._forms_another_mark(self, event, expected, answer):
            raise Elsewhere
        return False


@define
class _Recorded:
    """An engine that was sent everything before: first the replies that the model gives too, then its other ones."""

    engine: Queueing
    codes: deque[str | None]
    doubtful: list[bytes | EngineFault]
    model: Engine = field(init=False)

    def reset(self, _: dict[str, Any]) -> Reply:
        """The reply to the start of the run."""
        return self.answer()

    def give(self, _: EventData) -> None:
        """It was sent."""

    def answer(self) -> Reply:
        """The next reply."""
        if self.codes:
            code = self.codes.popleft()
            return {"ok": True, "observation": self.model.observe()} if code is None else _refused(code)
        line = self.doubtful.pop() if self.doubtful else self.engine.answer_line()
        if isinstance(line, EngineFault):
            raise line
        reply = self.engine.read(line)
        answer = read_answer(reply)
        if isinstance(answer, Skipped) or (isinstance(answer, Accepted) and answer.executed):
            raise Elsewhere
        return reply

    def settle(self) -> None:
        """Other replies may be due."""

    def renew(self) -> None:
        """It continues."""


def _refused(code: str) -> Reply:
    return {"ok": False, "error": {"code": code}}
