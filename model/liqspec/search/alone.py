"""One account of a scope, alone with the marks: its states are numbered, and its steps computed once, when asked for.

What an account does depends on nothing except itself, the marks and the time: no guard and no measure of a pool looks
at another account, at the vault or at the outside (LIQ-1, LIQ-2, CLD-5, BKS-8). The vault is judged here with what this
account alone brings it. What it has of all accounts is the sum of what each brings, except that funding rounds what it
pays once (EVT-6), and no account's step depends on it. So money and sizes that are kept by each account's step are kept
by the step of all. Whole steps, in which all accounts are there, are sampled as well.

An account alone may also begin a block that, among others, an order of another account would hold back at that depth.
Such a step is judged too, but is not counted as a step of the scope.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import Factory, define, evolve

from liqspec.core.events import EventData
from liqspec.core.snapshot import Snapshot
from liqspec.edge.errors import InternalFailure
from liqspec.properties.coverage import Coverage
from liqspec.search.expand import Expander, Node, Setting, canonical, events_of, setting
from liqspec.search.exploration import WHERE
from liqspec.spec.scopes import Scope

REFUSED = -1


@define
class Steps:
    """What can happen in a state of an account: the state after each event in its order, or REFUSED.

    `own` are the account's own events, `shared` those of all accounts.
    """

    own: list[int] = Factory(list)
    shared: list[int] = Factory(list)


@define
class Alone:
    """The states and steps of one account; what is violated is added to the coverage.

    `within` has the numbers of the states in each setting, `places` the setting and the place there of each number.
    """

    expander: Expander
    steps: dict[int, Steps] = Factory(dict)
    model_steps: int = 0
    within: defaultdict[Setting, list[int]] = Factory(lambda: defaultdict(list))
    places: list[tuple[Setting, int]] = Factory(list)
    _numbers: dict[bytes, int] = Factory(dict)
    _nodes: dict[int, Node] = Factory(dict)  # those that are not expanded yet

    @classmethod
    def of(cls, scope: Scope, account: str, coverage: Coverage) -> "Alone":
        """An account of a scope.

        Raises:
            InvalidConfig: the scope's configuration is not a valid rule set.
        """
        return cls(Expander(only(scope, account), coverage))

    def begin(self) -> None:
        """Number the state after the account's part of the setup, which is 0."""
        with self._named():
            self._number(self.expander.start())

    def __len__(self) -> int:
        """How many states are known."""
        return len(self._numbers)

    def find(self, snapshot: Snapshot) -> int | None:
        """The number of the state that the account named in a whole state is in, if it is known."""
        return self._numbers.get(canonical(snapshot, False))

    def expand(self, number: int) -> None:
        """Compute and judge all that can happen in a state, unless that is done; up to what it violates."""
        if number in self.steps:
            return
        node, steps = self._nodes.pop(number), Steps()
        with self._named():
            for tried in self.expander.expand(node, self._numbers.__contains__):
                after = REFUSED if tried.refused else number if tried.after is None else self._number(tried.after)
                (steps.own if is_own(tried.event) else steps.shared).append(after)
                self.model_steps += 1
        self.steps[number] = steps

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Within this, an exception is a failure that names this account's events."""
        try:
            yield
        except Exception as error:
            where = f"{WHERE}{self.expander.scope.name}"
            raise InternalFailure.of(where, error, events_of(self.expander.trail)) from error

    def _number(self, node: Node) -> int:
        number = self._numbers.setdefault(node.form, len(self._numbers))
        if number == len(self.places):
            around = setting(node.snapshot)
            self.places.append((around, len(self.within[around])))
            self.within[around].append(number)
        if number not in self.steps:
            self._nodes.setdefault(number, node)
        return number


def is_own(event: EventData) -> bool:
    """Whether an event is of one account."""
    return "account" in event


def only(scope: Scope, account: str) -> Scope:
    """A scope with one of its accounts: what others do is left out."""
    events = scope.events
    alphabet = evolve(
        events,
        deposit={name: amount for name, amount in events.deposit.items() if name == account},
        withdraw={name: amount for name, amount in events.withdraw.items() if name == account},
        transfer=tuple(entry for entry in events.transfer if entry["account"] == account),
        trade=tuple(entry for entry in events.trade if entry.account == account),
    )
    setup = tuple(event for event in scope.setup if event.get("account", account) == account)
    return evolve(scope, config={**scope.config, "accounts": [account]}, setup=setup, events=alphabet, symmetric=False)
