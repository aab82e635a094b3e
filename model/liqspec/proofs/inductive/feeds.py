"""What a market remembers of its price inputs, not known, and what must hold of the mark that is formed of it.

How candidates come of inputs is not run here (MRK-2 to MRK-5). That each is at least a tick is a lemma, given that an
average of such prices is: the tests of MRK-5 say so, as no rounding puts its numerator below its denominator.
"""

from liqspec.core.families import mark_price
from liqspec.core.families.mark_price import BILLION, Feed, Quotes
from liqspec.core.state import State
from liqspec.proofs.inductive.conditions import chosen, same
from liqspec.proofs.inductive.steps import Step
from liqspec.proofs.inductive.unknown import Numbers, given
from liqspec.proofs.symbolic import Condition


class AnyQuotes(Quotes):
    """Inputs that count, of which it is not known whether a candidate comes of them."""

    exists: bool

    @property
    def price_exists(self) -> bool:
        """Whether there is a candidate."""
        return self.exists


class AnyFeed(Feed):
    """What any inputs have left, and how often it was given others: `kept` and `sampled`."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()
        self.numbers, self.kept, self.sampled = numbers, 0, 0

    def current(self, *_: object) -> Quotes:
        """Any inputs."""
        found = AnyQuotes()
        object.__setattr__(found, "exists", exists(self.numbers))
        return found

    def keep(self, *_: object) -> None:
        """Count it."""
        self.kept += 1

    def sample(self, *_: object) -> None:
        """Count it."""
        self.sampled += 1

    def candidates(self, *_: object) -> dict[str, int]:
        """One candidate, which stands for all of them."""
        return {"any": _candidate(self.numbers)} if self.sampled else {}


def exists(numbers: Numbers) -> bool:
    """Whether a candidate comes of the inputs."""
    return numbers.flag("event.price_exists")


def _candidate(numbers: Numbers) -> int:
    """A candidate in billionths of a tick, at least a tick."""
    return numbers.positive("event.candidate") * BILLION + numbers.natural("event.candidate.rest")


def formed(step: Step, numbers: Numbers, state: State) -> dict[str, Condition]:
    """MRK-2, MRK-5 to MRK-7: the mark is that of the candidates, cut to its largest move; what the feed was given."""
    market, feed = step.markets, state.feeds[step.markets]
    middle = mark_price.median((_candidate(numbers),))
    limits, move = given(state.venue, "max_move")
    cut = middle if limits is False else mark_price.limited(middle, numbers.integer(f"mark.{market}"), move)
    stale, _ = given(state.venue, "stale_ms")
    assert isinstance(feed, AnyFeed), "a feed of a step"
    return {
        f"a formed mark is that of its candidates [{market}]": chosen(limits, cut, middle, state.marks[market]),
        f"inputs are kept where they may go stale [{market}]": same(stale, feed.kept == 1) & (feed.kept <= 1),
        f"inputs are sampled once [{market}]": feed.sampled == 1,
    }
