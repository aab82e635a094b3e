"""Running a scenario: each event, what it did, what changed, and whether that was expected (SCN-1 to SCN-6)."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from attrs import evolve, frozen

from liqspec.core import arithmetic, events, measures, observation
from liqspec.core.effects import CollateralMoved, Effect, Transitioned, VaultFunded
from liqspec.core.engine import Engine
from liqspec.core.events import Block, EventData
from liqspec.core.measures import Around
from liqspec.core.refusals import Refusal
from liqspec.core.snapshot import Snapshot
from liqspec.edge import files, keys
from liqspec.edge.amounts import exact
from liqspec.edge.texts import show
from liqspec.properties.coverage import Coverage
from liqspec.properties.monitor import Monitor
from liqspec.replay import sides
from liqspec.replay.order_book import Ladder, next_execution
from liqspec.replay.protection import Kind, Protections
from liqspec.replay.record import event_number
from liqspec.report import decisions
from liqspec.spec import protection
from liqspec.spec.scenarios import Expectation, Report, Scenario
from liqspec.step.compare import Difference
from liqspec.step.reasons import explain


@frozen(kw_only=True)
class Moment:
    """One event of a run: what it did or why it was refused, the observations around it, and what was not expected.

    `number` is the step of the scenario's timeline that it belongs to, and `follows` which event it is of those that
    follow because of that step, 0 for the step's own; `by_market` marks one that the depth ladder produced.
    `snapshots` are the whole states around the event. `theirs` is in what the answer of an engine that the step has
    differs.
    """

    number: int
    note: str
    event: EventData
    by_market: bool
    effects: tuple[Effect, ...]
    refusal: Refusal | None
    before: dict[str, Any]
    after: dict[str, Any]
    snapshots: tuple[Snapshot, Snapshot]
    marks: dict[str, str]
    pools: dict[str, dict[str, Any]]
    unexpected: tuple[str, ...]
    why: tuple[str, ...]
    protection: Kind | None = None
    follows: int = 0
    theirs: tuple[Difference, ...] = ()

    @property
    def name(self) -> str:
        """The event's number wherever it is shown."""
        return event_number(self.number, self.follows)


@frozen(kw_only=True)
class Comparison:
    """A reported figure of a real event and the model's."""

    report: Report
    model: Fraction | None

    @property
    def gap(self) -> Fraction | None:
        """The model's figure less the reported one."""
        return None if self.model is None else self.model - exact(self.report.reported)


@frozen(kw_only=True)
class Outcome:
    """How a run ended: what was not as expected, and how the model compares with what was reported.

    Of a saved finding, the engine answered otherwise than the model if it `differs`.
    """

    unexpected: tuple[str, ...]
    differs: bool
    comparisons: tuple[Comparison, ...]
    transitions: tuple[str, ...]
    rules: tuple[str, ...]


class Run:
    """A run of a scenario: iterate over its moments, then read its outcome."""

    def __init__(self, scenario: Scenario, why: str | None = None, coverage: Coverage | None = None) -> None:
        self.scenario = scenario
        self.engine = Engine(scenario.config, shows_prices=sides.observes(scenario.file.engine).prices)
        self._monitor = Monitor.of_start(self.engine, scenario.config.to_json(), coverage or Coverage())
        self._why = why
        self._ladders = {
            market: Ladder.of(self.engine, market, levels) for market, levels in scenario.file.depth.items()
        }
        self._protections = Protections(self.engine, protection.read(scenario.file.protect, self.engine))
        self._net_deposits_by: Counter[str] = Counter()
        self._vault_deposits = self.engine.state.vault.cash
        self._unexpected: list[str] = []
        self._differs = False
        self._comparisons: list[Comparison] = []
        self._effects: list[Effect] = []

    def __iter__(self) -> Iterator[Moment]:
        """The moments in their order; each step's own event, then what the market and the protective orders do.

        A run in which the engine crashes ends there.
        """
        for number, step in enumerate(self.scenario.file.step, start=1):
            note = step.note if self.scenario.expects else ""  # it says what happens under the scenario's own rules
            moment = self._moment(number, step.event, step.expect, note)
            if step.answered is not None and not self._over():
                moment = evolve(moment, theirs=self._theirs(step.answered, moment))
                self._differs = self._differs or bool(moment.theirs)
            yield moment
            if self._over():
                return
            if step.event.get("type") == Block.type and moment.refusal is None:
                for ladder in self._ladders.values():
                    ladder.begin_block()
            for follows, moment in enumerate(self._follow(number), start=1):
                yield evolve(moment, follows=follows)
                if self._over():
                    return
            for report in self.scenario.file.report:
                if report.after_step == number:
                    self._comparisons.append(Comparison(report=report, model=self._measure(report.measure)))

    def _follow(self, number: int) -> Iterator[Moment]:
        """What happens because of a step: the market's executions first, then the protective orders (SCN-3, SCN-5)."""
        self._protections.begin_step()
        while True:
            if (execution := next_execution(self.engine, self._ladders)) is not None:
                yield self._moment(number, events.to_json(execution), Expectation(), by_market=True)
            elif (action := self._protections.next(self._ladders)) is not None:
                expect = Expectation(refused=action.refused)
                moment = self._moment(number, events.to_json(action.event), expect, action.note)
                yield evolve(moment, protection=action.kind)
            else:
                return

    def _theirs(self, answered: str, moment: Moment) -> tuple[Difference, ...]:
        observed = sides.observes(self.scenario.file.engine)
        return sides.differences(files.parse_json(answered), moment.refusal, moment.after, observed)

    def _over(self) -> bool:
        return self._monitor.crashed

    def outcome(self) -> Outcome:
        """How the run ended; to be read when its moments are exhausted."""
        end = () if self._monitor.crashed else self._compare(self.scenario.file.end, None, tuple(self._effects))
        fired = (effect.transition for effect in self._effects if isinstance(effect, Transitioned))
        return Outcome(
            unexpected=(*self._unexpected, *(f"at the end: {line}" for line in end)),
            differs=self._differs,
            comparisons=tuple(self._comparisons),
            transitions=tuple(sorted(set(fired), key=lambda name: int(name[1:]))),
            rules=tuple(sorted({effect.rule for effect in self._effects})),
        )

    def _moment(
        self, number: int, event: EventData, expect: Expectation, note: str = "", *, by_market: bool = False
    ) -> Moment:
        before, snapshot = self._monitor.observation, self._monitor.snapshot
        violated = self._monitor.apply(event)
        effects, refusal, crashed = self._monitor.outcome.effects, self._monitor.outcome.refusal, self._monitor.crashed
        pools = {} if crashed else measures.all_pools(self.engine)
        self._effects.extend(effects)
        self._follow_the_money(effects)
        unexpected = (
            *(() if crashed else self._compare(expect, refusal, effects)),
            *(f"property {name}: {wrong}" for name, wrong in violated),
        )
        self._unexpected.extend(f"step {number}: {line}" for line in unexpected)
        return Moment(
            number=number,
            note=note,
            event=event,
            by_market=by_market,
            effects=effects,
            refusal=refusal,
            before=before,
            after=self._monitor.observation,
            snapshots=(snapshot, self._monitor.snapshot),
            marks={} if crashed else measures.all_marks(self.engine),
            pools={key: measures.pool_details(self.engine, pool) for key, pool in pools.items()},
            unexpected=unexpected,
            why=tuple(self._explained(self._why, (snapshot, self._monitor.snapshot), event, effects))
            if self._why and not crashed
            else (),
        )

    def _explained(self, key: str, around: Around, event: EventData, effects: tuple[Effect, ...]) -> Iterator[str]:
        """What would have kept the position from a liquidation that begins here, then its situation."""
        yield from decisions.survival(self.engine.venue, around, event, effects, key)
        yield from explain(self.engine, key)

    def _compare(self, expect: Expectation, refusal: Refusal | None, effects: tuple[Effect, ...]) -> Iterator[str]:
        if not self.scenario.expects:
            return
        code = None if refusal is None else refusal.code
        if code != expect.refused:
            yield f"expected {expect.refused or 'acceptance'}, got {'acceptance' if refusal is None else refusal}"
        if expect.transitions is not None:
            fired = tuple(effect.transition for effect in effects if isinstance(effect, Transitioned))
            if fired != expect.transitions:
                expected = ", ".join(expect.transitions) or "none"
                yield f"expected transitions {expected}, got {', '.join(fired) or 'none'}"
        for key, fields in expect.positions.items():
            yield from _differences(key, fields, self._details("position", key))
        for key, fields in expect.pools.items():
            yield from _differences(key, fields, self._details("pool", key))
        yield from _differences("vault", expect.vault, self._details("vault", ""))
        yield from _differences("marks", expect.marks, measures.all_marks(self.engine))

    def _details(self, kind: str, key: str) -> dict[str, Any] | None:
        """What is observed and measured of a position, a pool or (with no key) the vault; None if it does not exist."""
        if kind == "position" and (position := measures.all_positions(self.engine).get(key)) is not None:
            return measures.position_details(self.engine, position)
        if kind == "pool" and (pool := measures.all_pools(self.engine).get(key)) is not None:
            return measures.pool_details(self.engine, pool)
        vault: dict[str, Any] = self._monitor.observation["vault"]
        return vault if kind == "vault" and not key else None

    def _measure(self, measure: str) -> Fraction | None:
        """A figure of the model by its path (SCN-4); None if there is no such figure now."""
        kind, _, rest = measure.partition(".")
        key, _, name = rest.rpartition(".")
        engine, money = self.engine, self.engine.venue.money
        if measure == "vault.result":
            return money.step * (engine.state.equity(engine.state.vault) - self._vault_deposits)
        if kind == "net" and rest in engine.state.accounts:
            pools = engine.state.accounts[rest].pools()
            equity = sum(arithmetic.pool_equity(pool.collateral, engine.state.holdings(pool)) for pool in pools)
            return money.step * (equity - self._net_deposits_by[rest])
        if kind == "mark":
            value: Any = measures.all_marks(engine).get(rest)
        else:
            value = (self._details(kind, key) or {}).get(name)
        return Fraction(value) if isinstance(value, str) else None

    def _follow_the_money(self, effects: tuple[Effect, ...]) -> None:
        """What each account, and the vault's owner, has paid in so far."""
        for effect in effects:
            if isinstance(effect, CollateralMoved) and effect.rule in ("ACC-4", "ACC-5"):
                self._net_deposits_by[keys.account_of(effect.pool)] += effect.amount
            elif isinstance(effect, VaultFunded):
                self._vault_deposits += effect.amount


def _differences(key: str, expected: dict[str, Any], found: dict[str, Any] | None) -> Iterator[str]:
    if found is None:
        yield f"{key} does not exist"
        return
    for name, value in expected.items():
        if name not in found:
            yield f"{key} has no {name}; it has: {', '.join(found)}"
        elif not _equal(value, found[name]):
            wanted = value if value == "none" or type(value) is type(found[name]) else show(value)
            as_string = isinstance(found[name], str) and isinstance(value, int | float)
            hint = " (amounts are written as strings)" if as_string else ""
            yield f"{key}.{name} is {found[name]}, expected {wanted}{hint}"


def _equal(expected: object, found: object) -> bool:
    if expected == "none":
        return found is None
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(_equal(expected[name], found[name]) for name in expected)
    return observation.same(expected, found)
