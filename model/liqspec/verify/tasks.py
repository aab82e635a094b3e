"""The tasks that a verification consists of, each of which any process can do on its own."""

import sys
import time
from collections.abc import Callable, Container
from random import Random
from typing import Any

from attrs import Factory, define, evolve, frozen

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import OPTIONAL, EventData
from liqspec.core.parameters import FAMILIES
from liqspec.edge.errors import InternalFailure
from liqspec.edge.texts import counted
from liqspec.generate.configurations import configuration, part_of
from liqspec.generate.guide import Guide
from liqspec.generate.moves import separate_source
from liqspec.generate.random_runs import RandomRun, of_run
from liqspec.proofs.inductive import covered
from liqspec.proofs.lemmas import LEMMAS
from liqspec.properties.coverage import Coverage, Violation
from liqspec.properties.monitor import Found, Monitor, judge_whole_run
from liqspec.properties.paired import WholeRun
from liqspec.replay.run import Run
from liqspec.report.visible_console import VisibleConsole
from liqspec.search.campaign import guided_run, seeded
from liqspec.search.exploration import Exploration
from liqspec.search.explore import WHOLE_STEPS, explore
from liqspec.spec import rulebook, scenarios
from liqspec.spec.scopes import Scope

INTERVAL = 30.0  # seconds between two lines about a long exploration


@define
class Part:
    """The result of one task, and the seconds of processor time that it took."""

    kind: str
    steps: int = 1
    seconds: float = 0
    coverage: Coverage = Factory(Coverage)
    failures: list[str] = Factory(list)
    exploration: Exploration | None = None
    proof: "ProofResult | None" = None
    proved_steps: "StepsResult | None" = None

    @property
    def is_clean(self) -> bool:
        """Whether nothing was violated and all could continue, so that this is all there is to say of the task."""
        return not (self.failures or self.coverage.violations or self.coverage.failures)

    def add(self, other: "Part") -> None:
        """Add what another task of the same kind counted."""
        self.steps += other.steps
        self.seconds += other.seconds
        self.coverage.add(other.coverage)


@frozen(kw_only=True)
class ProofResult:
    """What became of a lemma: proved, and its control refuted by these numbers, or not; and why one did not run."""

    name: str
    status: str
    counterexample: dict[str, int]
    control: str
    control_numbers: dict[str, int]
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether the lemma is proved, and its control, which claims too much, is refuted."""
        return self.status == "proved" and self.control == "refuted"


@frozen(kw_only=True)
class StepsResult:
    """What became of the steps of an event, in pools of exactly `keys` keys, for all numbers.

    `unproved` names the first steps and what is not proved of them, `counterexample` has numbers on which it fails.
    `control` is a wrong engine and what became of it; None with keys at which none is tried. `lemmas` are those that
    the proofs rest on, `parts` the parts of events that must be proved too.
    """

    event: str
    keys: int
    shapes: list[str]
    steps: int
    paths: int
    obligations: int
    unproved: list[str]
    counterexample: str
    control: tuple[str, str] | None
    lemmas: tuple[str, ...]
    parts: tuple[str, ...] = ()

    def __add__(self, other: "StepsResult") -> "StepsResult":
        """Both, of parts of the steps of one event with the same number of keys."""
        return evolve(
            self,
            shapes=sorted({*self.shapes, *other.shapes}),
            steps=self.steps + other.steps,
            paths=self.paths + other.paths,
            obligations=self.obligations + other.obligations,
            unproved=(self.unproved + other.unproved)[:SHOWN],
            counterexample=self.counterexample or other.counterexample,
            control=self.control or other.control,
        )

    @property
    def holds(self) -> bool:
        """Whether everything is proved, and the control is refuted."""
        return not self.unproved and (self.control is None or self.control[1] == "refuted")


SHOWN = 3  # unproved steps that a result names

Task = Callable[[], Part]


def timed(numbered: tuple[int, Task]) -> tuple[int, Part]:
    """Do a task; its number, and what it found."""
    number, task = numbered
    begun = time.process_time()
    part = task()
    part.seconds = time.process_time() - begun
    return number, part


def examples() -> Part:
    """Run the worked examples of the rules with their expectations, judged by every property."""
    return _replayed("worked examples", rulebook.example_scenarios())


def shipped_scenarios() -> Part:
    """Run the shipped scenarios with their expectations, judged by every property."""
    return _replayed("scenarios", [scenarios.load(name) for name in scenarios.names()])


def _replayed(kind: str, replayed: list[scenarios.Scenario]) -> Part:
    part = Part(kind, len(replayed))
    for scenario in replayed:
        events: list[EventData] = []
        try:
            run = Run(scenario, coverage=part.coverage)
            events.extend(moment.event for moment in run)
            part.failures.extend(f"{scenario.name}: {line}" for line in run.outcome().unexpected)
        except Exception as error:
            part.coverage.failures.append(InternalFailure.of(scenario.name, error, events))
    return part


def explored(scope: Scope, whole_steps: int = WHOLE_STEPS) -> Part:
    """Explore a scope, with about `whole_steps` whole steps; what it exercises is counted separately from the runs.

    A long exploration prints on standard error how far it is, every half a minute, and when it is interrupted.
    """
    shown = _Progress()
    try:
        found = explore(scope, whole_steps=whole_steps, progress=shown)
    except KeyboardInterrupt:
        shown.print("interrupted, with nothing violated so far: ")
        raise
    coverage = Coverage(violations=found.coverage.violations, failures=found.coverage.failures)
    return Part("scopes", exploration=found, coverage=coverage)


class _Progress:
    """Prints how far an exploration is, at intervals."""

    def __init__(self) -> None:
        self._began = self._printed = time.perf_counter()
        self._found: Exploration | None = None

    def __call__(self, found: Exploration) -> None:
        self._found = found
        if (now := time.perf_counter()) - self._printed >= INTERVAL:
            self._printed = now
            self.print()

    def print(self, why: str = "") -> None:
        """Print how far it is now, after the reason for it."""
        if (found := self._found) is None:
            return
        rate = found.states / (time.perf_counter() - self._began)
        states = counted(found.states, "state")
        left = ""
        if found.most is not None:
            states += f" of at most {found.most:,}"
            left = f", at most {(found.most - found.states) / rate:,.0f} s left"
        whole = f", {counted(found.whole_steps, 'whole step')}" if found.whole_steps else ""
        line = f"{why}scope {found.scope.name}: depth {found.depth}, {states}, {rate:,.0f} a second{left}{whole}"
        VisibleConsole(file=sys.__stderr__).print(line, markup=False, highlight=False, soft_wrap=True)


def proved(lemma: str) -> Part:
    """Prove a lemma, by its name, and refute its control."""
    from liqspec.proofs import prove  # noqa: PLC0415 (it needs Z3, and only this does)

    proof, control = prove.prove(LEMMAS[lemma]), prove.refute_control(LEMMAS[lemma])
    result = ProofResult(
        name=lemma,
        status=proof.status,
        counterexample=proof.counterexample,
        control=control.status,
        control_numbers=control.counterexample,
        reason=proof.reason or control.reason,
    )
    return Part("lemmas", proof=result)


def proved_steps(event: str, keys: int, part: int = 0) -> Part:
    """Prove the engine's steps of an event type, or a part of events, in pools of exactly `keys` keys, of which one
    part; its control with the first one of the fewest keys.
    """
    from liqspec.proofs.inductive import planted, prove, refute  # noqa: PLC0415 (as above)
    from liqspec.proofs.inductive.contracts import CONTRACTS  # noqa: PLC0415

    found = prove.prove_part(event, keys, part)
    if not prove.book_is_addition():
        found.unproved.append(prove.Unproved(None, "Book.add is not proved to be addition", ()))
    numbers = next(filter(None, (refute.numbers_for(one) for one in found.unproved[:SHOWN])), None)
    control = None
    if part == 0 and keys == covered.FEWEST.get(event, 0):
        wrong = planted.CONTROLS[event]
        with wrong.applied():
            control = wrong.title, "refuted" if refute.refute(wrong.step, wrong.fails, wrong.venue) else "not refuted"
    result = StepsResult(
        event=event,
        keys=keys,
        shapes=sorted(found.shapes),
        steps=found.steps,
        paths=found.paths,
        obligations=found.obligations,
        unproved=[str(one) for one in found.unproved[:SHOWN]],
        counterexample="" if numbers is None else str(numbers),
        control=control,
        lemmas=tuple(sorted({name for contract in CONTRACTS.values() for name in contract.lemmas})),
        parts=tuple(one for one in covered.PARTS if covered.FEWEST.get(one, 0) <= keys and event not in covered.PARTS),
    )
    return Part("steps for all numbers", proved_steps=result)


LENGTH = 80  # events in one run: long enough for two liquidations, short enough to read
PAIRED = 4  # the interval, in events, at which the last one is also repeated and judged against other runs
EVERY = 4  # the interval, in runs, at which one also has the optional events


def random_runs(
    bases: tuple[dict[str, Any], ...], seed: int, lengths: tuple[tuple[int, int], ...], *, fixed: bool = False
) -> Part:
    """Random runs, of these numbers and lengths, one after the other up to the first that violates something.

    Each is near one of the bases; in it if `fixed`: with its own markets and parameters only.
    """
    part = Part("random events", 0)
    for number, length in lengths:
        random = seeded(seed, number)
        where = f"random run {number} of seed {seed}"
        optional, base = OPTIONAL if number % EVERY == EVERY - 1 else (), random.choice(bases)
        drawn = of_run(number, random, base, usual=LENGTH, families=FAMILIES, fixed=fixed)
        part.steps += len(run_in(drawn.at_most(length), random, where, part.coverage, optional))
        if part.coverage.violations:
            break
    return part


def random_run(
    base: dict[str, Any],
    random: Random,
    length: int,
    where: str,
    coverage: Coverage,
    optional: Container[str] = (),
    *,
    fixed: bool = False,
) -> list[EventData]:
    """A usual run near a base, or in it if `fixed`, as `run_in` makes it."""
    config = part_of(random, base) if fixed else configuration(random, base, FAMILIES)
    drawn = RandomRun(config=config, length=length)
    return run_in(drawn, random, where, coverage, optional)


def run_in(
    drawn: RandomRun, random: Random, where: str, coverage: Coverage, optional: Container[str] = ()
) -> list[EventData]:
    """A run as it was drawn, judged by every property; violations are added to the coverage. Returns its events.

    It ends at the first violation. Its last event is of any type, and mostly malformed. Every fourth event is also
    applied once more from the state before it. A run in which the guide or the state raises an exception ends there,
    as an internal failure. `optional` are the optional events that are proposed too.
    """
    config, events = drawn.config, list[EventData]()
    seen: list[tuple[str | None, dict[str, Any]]] = []

    def violations(found: list[Found]) -> list[Violation]:
        return [Violation(name, wrong, where, config, list(events)) for name, wrong in found]

    try:
        engine = Engine(Config.from_json(config))
        other = engine.another()
        last = Guide(separate_source(random, "last"), engine, optional)
        guide, monitor = drawn.guide(random, engine, optional), Monitor.of_start(engine, config, coverage)

        def next_event() -> EventData:
            return last.of_any_type() if len(events) == drawn.length - 1 else guide.next_event()

        def apply(event: EventData) -> list[Violation] | None:
            events.append(event)
            found = monitor.apply(event)
            seen.append((monitor.refusal, monitor.observation))
            if not found and len(events) % PAIRED == 0:
                found = [*monitor.repeat(other), *monitor.compare(other)]
            return violations(found) or None

        found = guided_run(next_event, apply, drawn.length, where)
        coverage.violations.extend(found or violations(judge_whole_run(WholeRun(engine, events, seen), coverage)))
    except Exception as error:
        coverage.failures.append(InternalFailure.of(where, error, events))
    return events
