"""The pieces that a verification consists of, each of which any process can do on its own."""

from random import Random
from typing import Any

from attrs import Factory, define, frozen

from liqspec.core.events import OPTIONAL, EventData
from liqspec.edge.errors import InternalFailure
from liqspec.properties.coverage import Coverage
from liqspec.replay.run import Run
from liqspec.search import explore
from liqspec.search.campaign import random_run
from liqspec.spec import rulebook, scenarios
from liqspec.spec.scopes import Scope


@define
class Part:
    """What one piece came to."""

    kind: str
    steps: int = 1
    coverage: Coverage = Factory(Coverage)
    failures: list[str] = Factory(list)
    exploration: explore.Exploration | None = None
    proof: "ProofResult | None" = None


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


@frozen
class Examples:
    """The worked examples of the rules, run as written."""

    def work(self) -> Part:
        """Run them with their expectations, judged by every property."""
        return _replayed("worked examples", rulebook.example_scenarios())


@frozen
class Scenarios:
    """The shipped scenarios."""

    def work(self) -> Part:
        """Run them with their expectations, judged by every property."""
        return _replayed("scenarios", [scenarios.load(name) for name in scenarios.names()])


def _replayed(kind: str, stories: list[scenarios.Scenario]) -> Part:
    part = Part(kind, len(stories))
    for story in stories:
        events: list[EventData] = []
        try:
            run = Run(story, coverage=part.coverage)
            events.extend(moment.event for moment in run)
            part.failures.extend(f"{story.name}: {line}" for line in run.outcome().unexpected)
        except Exception as error:
            part.coverage.failures.append(InternalFailure.of(story.name, error, events))
    return part


@frozen
class Explored:
    """A scope, to be explored."""

    world: Scope

    def work(self) -> Part:
        """Explore it; what it exercises is counted separately from the runs."""
        found = explore.explore(self.world)
        return Part(
            "scopes",
            exploration=found,
            coverage=Coverage(violations=found.coverage.violations, failures=found.coverage.failures),
        )


@frozen
class Proved:
    """A lemma, by its name."""

    lemma: str

    def work(self) -> Part:
        """Prove it, and refute its control."""
        from liqspec.proofs import prove  # noqa: PLC0415 (it needs Z3, and only this does)

        known = prove.LEMMAS[self.lemma]
        proof, control = prove.prove(known), prove.refute_control(known)
        result = ProofResult(
            name=self.lemma,
            status=proof.status,
            counterexample=proof.counterexample,
            control=control.status,
            control_numbers=control.counterexample,
            reason=proof.reason or control.reason,
        )
        return Part("lemmas", proof=result)


EVERY = 4  # the interval, in runs, at which one also has the optional events


@frozen
class RandomRuns:
    """Random runs: their numbers, and the events of each."""

    bases: tuple[dict[str, Any], ...]
    seed: int
    lengths: tuple[tuple[int, int], ...]

    def work(self) -> Part:
        """Run them one after the other, up to the first that violates something."""
        part = Part("random events", 0)
        for number, length in self.lengths:
            random = Random(f"{self.seed}/{number}")  # a string seeds the same on every machine and PYTHONHASHSEED
            where = f"random run {number} of seed {self.seed}"
            optional = OPTIONAL if number % EVERY == EVERY - 1 else ()
            part.steps += len(random_run(random.choice(self.bases), random, length, where, part.coverage, optional))
            if part.coverage.violations:
                break
        return part


Piece = Examples | Scenarios | Explored | Proved | RandomRuns


def work(piece: Piece) -> Part:
    """Do a piece of a verification."""
    return piece.work()
