"""The joined explorer: all states and steps of a scope, made of the states and steps of its accounts, as arrays.

The states in one setting (marks, and inputs of marks) are kept together, each as the places of its accounts among the
account's states in that setting, packed into an integer. An own event moves one account within the setting, an event of
all moves each to one other setting, and is refused where any of them refuses it: a block begins only when no order
works anywhere (EVT-9).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from liqspec.search.account_steps import AccountSteps, one_of
from liqspec.search.alone import REFUSED, Alone
from liqspec.search.expand import Setting
from liqspec.search.exploration import Exploration
from liqspec.search.packing import InOrder, NotJoinable, Numbers, Packing, Unordered
from liqspec.search.seen import Seen

_CHUNK = 1 << 16  # states at once, so that their columns stay in the cache


def explore_joined(found: Exploration, accounts: Sequence[Alone], progress: Callable[[Exploration], None]) -> None:
    """Explore up to the scope's depth, or to the first layer in which an account's step violates something.

    `accounts` are the scope's, or of a symmetric scope one and the same for each.

    Raises:
        NotJoinable: the accounts do not have what a join needs.
    """
    coverage, kinds = found.coverage, _different(accounts)
    for alone in kinds:
        alone.begin()
    start = one_of([alone.places[0][0] for alone in kinds])
    assert start is not None, "each account is in some state"
    joint = _Joint(found, accounts)
    frontier = {start: joint.at(start).pack([np.zeros(1, np.int64) for _ in accounts])}
    joint.add(start, frontier[start])
    joint.layer()
    while frontier and found.depth < found.scope.max_depth and not coverage.violations:
        found.depth += 1
        met = {setting: joint.at(setting).unpack(packed) for setting, packed in frontier.items()}
        for place, alone in enumerate(accounts):
            for number in sorted(_unexpanded(alone, {setting: columns[place] for setting, columns in met.items()})):
                progress(found)
                alone.expand(number)
                if coverage.violations:
                    return
        found.model_steps = sum(alone.model_steps for alone in kinds)
        joint.fit()
        for setting, columns in met.items():
            for begin in range(0, len(columns[0]), _CHUNK):
                progress(found)
                joint.follow(setting, [column[begin : begin + _CHUNK] for column in columns])
        frontier = joint.layer()
    found.exhausted = not frontier


def _different(accounts: Sequence[Alone]) -> list[Alone]:
    """Each once: symmetric accounts are one and the same."""
    return list({id(alone): alone for alone in accounts}.values())


def _unexpanded(alone: Alone, columns: dict[Setting, Numbers]) -> Iterator[int]:
    """The numbers of an account's states that occur and are not expanded yet."""
    for setting, column in columns.items():
        within = alone.within[setting]
        occurring = np.flatnonzero(np.bincount(column, minlength=len(within)))
        yield from (number for place in occurring if (number := within[place]) not in alone.steps)


class _Joint:
    """The states of the scope that were met in each setting, and how they follow each other."""

    def __init__(self, found: Exploration, accounts: Sequence[Alone]) -> None:
        self._found, self._accounts = found, accounts
        self._seen: dict[Setting, Seen] = {}
        self._packings: dict[Setting, Packing] = {}
        self._steps: dict[tuple[int, Setting], AccountSteps] = {}
        self._known = 0

    def at(self, setting: Setting) -> Packing:
        """How states in a setting are packed."""
        if setting not in self._packings:
            packing = Unordered if self._found.scope.symmetric else InOrder
            self._packings[setting], self._seen[setting] = packing(len(self._accounts)), Seen()
            self._fit(setting)
        return self._packings[setting]

    def fit(self) -> None:
        """Make room for the states of the accounts that became known, and take in their steps."""
        known = sum(len(alone.steps) for alone in self._accounts)
        if known == self._known:
            return
        self._known = known
        self._steps = {
            (id(alone), setting): AccountSteps.of(alone, setting)
            for alone in _different(self._accounts)
            for setting in alone.within
        }
        for setting in self._packings:
            self._fit(setting)
        if all(len(alone.steps) == len(alone) for alone in self._accounts):
            self._found.most = sum(self.at(setting).cells for setting in self._accounts[0].within)

    def _fit(self, setting: Setting) -> None:
        packing = self._packings[setting]
        renumber = packing.fit([len(alone.within[setting]) for alone in self._accounts])
        self._seen[setting].fit(packing.cells, renumber)

    def add(self, setting: Setting, packed: Numbers) -> None:
        """Add states that follow."""
        self.at(setting)
        self._seen[setting].add(packed)

    def layer(self) -> dict[Setting, Numbers]:
        """The states added that are new, which are counted."""
        layer = {setting: new for setting, seen in self._seen.items() if len(new := seen.layer())}
        self._found.states += sum(map(len, layer.values()))
        return layer

    def follow(self, setting: Setting, columns: list[Numbers]) -> None:
        """Add the states after every event of these states, and count the steps."""
        found, packing = self._found, self.at(setting)
        each = [self._steps[id(alone), setting] for alone in self._accounts]
        for place, (column, steps) in enumerate(zip(columns, each, strict=True)):
            occurrences = np.bincount(column, minlength=len(steps.tried))
            found.steps += int(occurrences @ steps.tried)
            found.refused += int(occurrences @ steps.refused)
            changes = steps.changes[column]
            for order, after in enumerate(steps.own):
                changing = np.flatnonzero(changes > order)
                rows = [other[changing] for other in columns]
                self._seen[setting].add(packing.moved(rows, place, after[rows[place]]))
        last = len(each[0].shared) - len(found.scope.events.block)  # the blocks come last
        for event in range(len(each[0].shared)):
            moved = [steps.shared[event][column] for steps, column in zip(each, columns, strict=True)]
            refused = [column == REFUSED for column in moved]
            accepted = ~np.logical_or.reduce(refused)
            if event < last and any((one == accepted).any() for one in refused):
                raise NotJoinable("one account refuses an event of all that is not a block, another accepts it")
            found.steps += len(accepted)
            found.refused += int(len(accepted) - np.count_nonzero(accepted))
            following = one_of([steps.following[event] for steps in each])
            if following is not None and accepted.any():
                to = self.at(following)
                self._seen[following].add(to.pack([column[accepted] for column in moved]))
