"""What an exploration found."""

from attrs import Factory, define

from liqspec.core.changes import reachable_transitions
from liqspec.core.parameters import families_of
from liqspec.properties.catalogue import OBSERVED
from liqspec.properties.coverage import Coverage
from liqspec.spec.scopes import Scope

WHERE = "scope "  # how the place of a violation begins that an exploration found


@define(kw_only=True)
class Exploration:
    """How large a scope is, whether all of it was seen, and what was exercised.

    `explorer` is "plain" where each step of the scope is a step of the model, "joined" where the steps of each account
    are, of which the scope's are made. `states` and `steps` are those of the scope, `model_steps` those of the model,
    and `whole_steps` how many steps were run whole to see that the accounts do not affect each other. `refused` are the
    steps of the scope whose event is refused. `most` is how many states there can be at most, once that is known.
    """

    scope: Scope
    explorer: str = "plain"
    states: int = 0
    most: int | None = None
    steps: int = 0
    model_steps: int = 0
    whole_steps: int = 0
    refused: int = 0
    depth: int = 0
    exhausted: bool = False
    seconds: float = 0.0
    coverage: Coverage = Factory(Coverage)

    @property
    def never(self) -> list[str]:
        """What the scope neither exercised nor excused; and excuses for what it did exercise, which are wrong."""
        counts = {f"transition {name}": self.coverage.transitions[name] for name in reachable_transitions()}
        families = {"", *families_of(self.scope.config)}
        judged = [name for name, entry in OBSERVED.items() if entry.family in families]
        counts.update({f"property {name}": self.coverage.checked[name] for name in judged})
        excused = [name for name in counts if name.partition(" ")[2] in self.scope.excused]
        return [
            *(name for name, count in counts.items() if not count and name not in excused),
            *(f"excuse for {name}, which was exercised" for name in excused if counts[name]),
        ]

    @property
    def rate(self) -> float:
        """States of the scope a second."""
        return self.states / self.seconds if self.seconds else 0.0

    @property
    def holds(self) -> bool:
        """Whether nothing was violated, and nothing was left unexercised without an excuse."""
        return not (self.coverage.violations or self.coverage.failures or self.never)
