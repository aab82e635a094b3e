"""A scenario under two rule sets, step by step: what each makes of a step, and in what they differ after it."""

from collections.abc import Iterator
from itertools import groupby

from attrs import frozen

from liqspec.core.parameters import families_of
from liqspec.replay.run import Moment, Outcome, Run
from liqspec.spec import observables
from liqspec.spec.scenarios import Scenario
from liqspec.step import compare
from liqspec.step.compare import Difference, Observes

SIDES = A, B = "A", "B"


@frozen
class Row:
    """A step under both: the moments of each, its own event first, and in what is observed differently after it."""

    number: int
    first: tuple[Moment, ...]
    second: tuple[Moment, ...]
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Whether both answer the step alike, and show the same after it."""
        one, other = (
            [None if moment.refusal is None else moment.refusal.code for moment in moments[:1]]
            for moments in (self.first, self.second)
        )
        return one == other and not self.differences


class Contrast:
    """Two runs of one scenario: iterate over the rows, then read the outcomes."""

    def __init__(self, first: Scenario, second: Scenario) -> None:
        self.runs = Run(first), Run(second)
        families = [families_of(one.config.to_json()) for one in (first, second)]
        self._observes = Observes(fields=observables.due_in_both(*families))

    def __iter__(self) -> Iterator[Row]:
        """The rows in their order; a run in which an engine crashes ends both."""
        steps = [groupby(run, key=lambda moment: moment.number) for run in self.runs]
        for (number, first), (_, second) in zip(*steps, strict=False):
            ours, theirs = tuple(first), tuple(second)
            found = compare.differences(ours[-1].after, theirs[-1].after, self._observes)
            yield Row(number, ours, theirs, tuple(found))

    @property
    def rules(self) -> tuple[str, str]:
        """What each runs under, in words."""
        first, second = (_rules(run.scenario) for run in self.runs)
        return first, second

    def outcomes(self) -> tuple[Outcome, Outcome]:
        """How each ended; to be read when the rows are exhausted."""
        return self.runs[0].outcome(), self.runs[1].outcome()


def _rules(scenario: Scenario) -> str:
    name = scenario.file.venue or "its own rules"
    return f"{name}, with the scenario's changes" if scenario.expects and scenario.file.change.tables() else name
