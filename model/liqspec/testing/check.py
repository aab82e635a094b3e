"""One call that compares a Python engine with the model, and fails with the shortest counterexample it can find."""

from pathlib import Path

from liqspec.conform import configurations, known_divergences, report
from liqspec.conform.finding import EngineFault
from liqspec.conform.lockstep import Compared, Comparison
from liqspec.conform.search import Budget, Search
from liqspec.edge.texts import visible
from liqspec.step.relation import Mode
from liqspec.testing.engines import Factory, InProcess


def check_engine(
    engine: Factory,
    *,
    steps: int = 2_000,
    seed: int = 1,
    venue: str | None = None,
    compare: Mode = "full",
    tolerance: dict[str, str] | None = None,
    known: Path | None = None,
) -> Compared:
    """Drive an engine in lock-step with the model through `steps` guided events, and return what they exercised.

    `engine` makes an engine, and may be its class. `venue`, `compare`, `tolerance` and the file `known` mean what
    they mean for `liqspec conform`: a venue's name or file, "decision", "code" or "full", amounts by field, and the
    divergences that are expected.

    Raises:
        AssertionError: the engine departs from the rules; the message has the events, the first difference and the
            rule. Also if nothing could be compared, or a known divergence did not occur.
        WrongShape: an attribute of the engine, a tolerance or the file of known divergences is malformed.
        UnreadableFile: there is no such venue, or a file cannot be read.
        InvalidConfig: the venue has a parameter of a family that the engine does not have.
    """
    listed = () if known is None else known_divergences.load(known)
    try:
        driven = InProcess(engine)
        search = Search(
            engine=driven,
            events=driven.hello.events,
            setting=configurations.of(driven.hello, venue),
            comparison=Comparison.of(driven.hello, compare, tolerance),
            budget=Budget(steps=steps, seed=seed),
            known=listed,
            malformed=driven.hello.validates,
        )
        outcome = search.run()
    except EngineFault as error:
        raise AssertionError(visible(f"{error.fault}\n{error.fault.stderr}".strip(), kept="\n\t")) from None
    if outcome.finding is not None:
        raise AssertionError(report.text(outcome.finding))
    if outcome.stale:
        raise AssertionError(f"known, but it did not occur: {'; '.join(map(str, outcome.stale))}")
    if not outcome.conforms:
        raise AssertionError("nothing was compared: the engine skipped every step")
    return outcome.coverage
