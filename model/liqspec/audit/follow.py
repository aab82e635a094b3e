"""The model following a log event by event: what departs from the rules, and how it continues after that."""

import copy
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import Factory, define, frozen

from liqspec.audit.log import Entry, Head, InvalidLog
from liqspec.audit.sources import Line
from liqspec.core import snapshot
from liqspec.core.effects import Effect, Transitioned
from liqspec.core.engine import Engine, Outcome, apply_event, refusal_of
from liqspec.core.events import EventData
from liqspec.core.machine import lifecycle
from liqspec.core.observation import MEASURES, observe_marks, observe_pool, observe_position, observe_vault
from liqspec.core.parameters import InvalidConfig
from liqspec.core.refusals import Refusal
from liqspec.core.snapshot import Snapshot
from liqspec.core.state import State
from liqspec.edge import keys, shapes
from liqspec.edge.shapes import WrongShape
from liqspec.edge.texts import placed
from liqspec.properties.coverage import Coverage
from liqspec.spec import observables
from liqspec.step import compare, relation
from liqspec.step.completion import Completed, complete, pools
from liqspec.step.partial import PartialState
from liqspec.step.reasons import Reason, Step, of_outcome, outcome_difference
from liqspec.step.relation import Expected, Mode, Observed

VENUE = "(venue)"  # the account of a divergence that belongs to none
MAX_KEPT = 1_000  # first divergences that are kept: a log can have more accounts than a report should show


@frozen
class Divergence:
    """The first event of an account after which the log shows what the rules do not say.

    `went_on` says from which state the model followed the log after it.
    """

    account: str
    line: int
    event: object
    reason: Reason
    went_on: str


@define
class Audit:
    """What was found in a log so far."""

    engine: str = ""
    events: int = 0
    compared: int = 0
    diverged: int = 0
    adopted: int = 0
    coverage: Coverage = Factory(Coverage)
    broken: Counter[str] = Factory(Counter)
    first: dict[str, Divergence] = Factory(dict)
    unlisted: set[str] = Factory(set)
    assumed: list[str] = Factory(list)
    error: str = ""
    by_one: str = ""  # why lines were followed by one process although several were asked for

    def add(self, parts: Iterable["Audit"]) -> None:
        """Add what was found in parts of the log that follow what was read so far, each of other accounts."""
        found: list[Divergence] = []
        unlisted: set[str] = set()
        for part in parts:
            self.events += part.events
            self.compared += part.compared
            self.diverged += part.diverged
            self.adopted += part.adopted
            self.coverage.add(part.coverage)
            self.broken.update(part.broken)
            found += part.first.values()
            unlisted |= part.unlisted
        for one in sorted(found, key=lambda one: one.line):
            self.note_first(one)
        self.unlisted |= unlisted - set(self.first)

    def note_first(self, found: Divergence) -> None:
        """Keep a divergence if it is the first of its account, and not too many are kept."""
        if found.account in self.first:
            return
        if len(self.first) == MAX_KEPT:
            self.unlisted.add(found.account)
            return
        self.first[found.account] = found

    @property
    def kept(self) -> int:
        """After how many of the departures the model continued from its own state."""
        return self.diverged - self.adopted

    @property
    def holds(self) -> bool:
        """Whether the whole log was read, something in it was compared, and nothing of it departs from the rules."""
        return not self.diverged and not self.error and self.compared > 0


class Follower:
    """Follows a log of one run; memory does not grow with its length."""

    def __init__(self, head: Head, mode: Mode = "full") -> None:
        """Begin the run, in the middle where the head says so.

        Raises:
            shapes.WrongShape, InvalidConfig: the configuration, or what is known of the state before, is malformed.
        """
        self.head, self.mode = head, mode
        self.model = Engine(head.config, shows_prices=head.observes.prices)
        self.audit = Audit(engine=head.engine)
        if head.before is not None:
            done = relation.complete_before(self.model, head.before)
            self._restore(done.data)
            self.audit.assumed = [f"{one.field}: {one.value} ({one.rule})" for one in done.assumptions]

    def follow(self, path: Path, lines: Iterable[Line]) -> Iterator[Line]:
        """Follow lines of the log at a path, each given when it was followed; the audit has what ended it."""
        number = 0
        try:
            for line in lines:
                number = line.number
                self.see(number, Entry.from_json(line.data))
                yield line
        except InvalidLog as error:
            self.audit.error = str(error)
        except (WrongShape, InvalidConfig) as error:
            self.audit.error = f"{path}:{number}: {placed(error.path, error.message)}"

    def see(self, line: int, entry: Entry) -> None:
        """Apply the event of a line, compare what was observed, and continue from there.

        Raises:
            shapes.WrongShape, InvalidConfig: what is known of the state before it contradicts itself.
        """
        if entry.before is not None:
            self._take_over(entry.before)
        outcome, earlier = self._applied(line, entry)
        effects, refusal = outcome.effects, outcome.refusal
        self.audit.events += 1
        self.audit.coverage.count(entry.event, effects, refusal)
        if entry.observed is None:
            return
        self.audit.compared += 1
        reasons: tuple[Reason, ...] = ()
        event = entry.event
        if refusal is None:
            for execution in entry.executed:
                done = apply_event(self.model, execution)
                self.audit.coverage.count(execution, done.effects, done.refusal)
                effects += done.effects
                if done.refusal is not None:
                    event, reasons = execution, (self._of_execution(execution, done.refusal),)
                    break
        reasons = reasons or self._differences(entry, effects, refusal)
        if reasons:
            went_on = self._go_on(entry.observed, refusal, earlier)
            self._note(line, event, reasons, went_on)

    def _applied(self, line: int, entry: Entry) -> tuple[Outcome, Snapshot | None]:
        """What the event of a line does, and the state before it where the model may have to go back to that."""
        del line
        earlier = None
        # Only where the log says that the event was refused, and the rules accept it, must the model go back.
        if entry.observed is not None and entry.observed.refused is not None:
            refusal = refusal_of(self.model, entry.event)
            if refusal is not None:
                return Outcome(refusal=refusal), None
            earlier = self.model.snapshot()
        return apply_event(self.model, entry.event, entry.observed and entry.observed.observation), earlier

    def _differences(self, entry: Entry, effects: tuple[Effect, ...], refusal: Refusal | None) -> tuple[Reason, ...]:
        observed = entry.observed or Observed()
        code = None if refusal is None else refusal.code
        shown = {} if observed.observation is None else seen(self.model.state, observed.observation)
        if code == observed.refused and (
            self.mode != "full"
            or observed.observation is None
            or compare.first_difference(shown, observed.observation, self.head.observes) is None
        ):
            return ()  # most lines are as they must be: only for the others is it worth while to say why
        return self._explained(entry, effects, refusal, shown)

    def _explained(
        self, entry: Entry, effects: tuple[Effect, ...], refusal: Refusal | None, shown: dict[str, Any]
    ) -> tuple[Reason, ...]:
        observed = entry.observed or Observed()
        step = self._step(entry.event, effects, refusal)
        snapshot = self.model.snapshot()
        expected = Expected(refusal=refusal, effects=effects, observation=shown, snapshot=snapshot)
        return relation.differences(step, expected, observed, self.mode, self.head.observes)

    def _step(self, event: object, effects: tuple[Effect, ...], refusal: Refusal | None) -> Step:
        data: EventData = event if isinstance(event, dict) else {}
        states = states_before(self.model.state, effects)
        return Step(engine=self.model, event=data, effects=effects, refusal=refusal, states_before=states)

    def _of_execution(self, execution: EventData, refusal: Refusal) -> Reason:
        difference = outcome_difference(refusal, None, codes=True)
        assert difference is not None, "refused by the rules, and done by the engine"
        return of_outcome(self._step(execution, (), refusal), difference)

    def _go_on(self, observed: Observed, refusal: Refusal | None, earlier: Snapshot | None) -> str:
        """Take over what was observed, so far as that is possible; what was done, in a sentence."""
        if observed.refused and refusal is None and earlier is not None:
            self.model.restore(earlier)
        if observed.observation is not None and self.mode == "full":
            why_not = adopt(self.model, observed.observation)
            if not why_not:
                self.audit.adopted += 1
                return "continued from what the log shows"
            return f"continued from the model's state, because the log does not show a valid state: {why_not}"
        if observed.refused and refusal is None:
            self.audit.adopted += 1
            return "continued from the state before it"
        return "continued from the model's state: the log does not show another"

    def _note(self, line: int, event: object, reasons: tuple[Reason, ...], went_on: str) -> None:
        """Count a line that departs from the rules, and keep it for the accounts that it is the first for."""
        self.audit.diverged += 1
        self.audit.broken.update({reason.rule for reason in reasons})
        for reason in reasons:
            self.audit.note_first(Divergence(self._account(event, reason), line, event, reason, went_on))

    def _account(self, event: object, reason: Reason) -> str:
        named = keys.account_of(reason.difference.subject)
        account = event.get("account") if named == "event" and isinstance(event, dict) else named
        return account if isinstance(account, str) and account in self.model.state.accounts else VENUE

    def _take_over(self, before: dict[str, Any]) -> None:
        """STP-2: a snapshot replaces the state; what is known in part is laid over it."""
        if "format" in before:
            self._restore(before)
            return
        with shapes.below("before"):
            done = _complete(self.model, before)
            for _, pool in pools(done.data):
                for held in (one for one in pool["positions"] if "leverage" not in one):
                    message = f"required for {held['market']}, which the lines before do not have"
                    raise shapes.WrongShape("positions.leverage", message)
        self._restore(done.data)

    def _restore(self, data: dict[str, Any]) -> None:
        try:
            with shapes.below("before"):
                self.model.restore(snapshot.from_json(self.model.venue, data))
        except InvalidConfig as error:
            raise InvalidConfig(f"before.{error.path}", error.message) from None


# The state that is assumed where only its class was observed.
_ASSUMED = {"ok": "healthy", "in_liquidation": "liquidatable", "none": "closed"}


def adopt(engine: Engine, observation: dict[str, Any]) -> str:
    """Lay an observation over the state of the model (STP-2); why that cannot be, or "" if it was done.

    What it leaves out stays as it is. A state that contradicts itself is left alone.
    """
    try:
        done = _complete(engine, _whole(engine, observation))
        for _, pool in pools(done.data):
            for held in pool["positions"]:
                # STP-4: a leverage is in no observation.
                held.setdefault("leverage", engine.venue.markets[held["market"]].max_leverage)
        engine.restore(snapshot.from_json(engine.venue, done.data))
    except (WrongShape, InvalidConfig) as error:
        return str(error)
    return ""


def _complete(engine: Engine, known: dict[str, Any]) -> Completed:
    base = snapshot.to_json(engine.venue, engine.snapshot())
    return complete(engine.venue, base, PartialState.from_json(known))


def _whole(engine: Engine, observation: dict[str, Any]) -> dict[str, Any]:
    """The observation with states that are only classes made whole, and without orders that cannot be."""
    whole = copy.deepcopy(observation)
    table = observables.observables()
    for held in whole.get("positions", []):
        state = held.get("state")
        if state in _ASSUMED:
            ours = engine.state.position(held["account"], held["market"], held["mode"])
            same = ours is not None and table.state_class(ours.state) == state
            held["state"] = state = ours.state if same and ours is not None else _ASSUMED[state]
        if state in lifecycle().table.states and state not in ("liquidatable", "partially_liquidated"):
            held.setdefault("order", None)
    return whole


def seen(state: State, observation: dict[str, Any]) -> dict[str, Any]:
    """The model's observation of what another one lists, which is valid: work for that, not for all accounts.

    Of a pool whose measures the other one leaves out, it has none either.
    """
    positions, pools = [], []
    for listed in observation.get("positions", ()):
        if listed["account"] in state.accounts:
            held = state.position(listed["account"], listed["market"], listed["mode"])
            positions += [] if held is None or not held.life else [observe_position(state, held)]
    for listed in observation.get("pools", ()):
        if listed["account"] in state.accounts:
            pool = state.pool(listed["account"], listed["mode"], listed.get("market") or "")
            measured = not listed.keys().isdisjoint(MEASURES)
            pools += [] if pool is None else [observe_pool(state, pool, measured=measured)]
    vault = observe_vault(state) if "vault" in observation else {}
    marks = {"marks": observe_marks(state)} if state.venue.forms_marks and "marks" in observation else {}
    return {"time": state.time, "block": state.block, **marks, "positions": positions, "pools": pools, "vault": vault}


def states_before(state: State, effects: tuple[Effect, ...]) -> dict[str, str]:
    """The state of each position before an event that did this."""
    states = {position.key: position.state for pool in state.pools() for position in pool.positions.values()}
    for effect in reversed(effects):
        if isinstance(effect, Transitioned):
            states[effect.position] = effect.source
    return states
