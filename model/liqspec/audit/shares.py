"""A log followed for some of the accounts alone: what happens to them, and what they hand to the vault.

By the frame (docs/what-is-proved.md) the step of an account depends on nothing but the account, the marks and the
blocks. What else couples accounts is found here, and then the lines are not divisible: a block that is refused because
of any account's order, and a departure from the rules after which more than one account continues from what was seen.
"""

import pickle
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from attrs import Factory, evolve, frozen

from liqspec.audit.follow import Audit, Follower, seen
from liqspec.audit.log import Entry, Head
from liqspec.audit.routes import OWN, Routes
from liqspec.audit.sources import Raw, data_of
from liqspec.core.effects import Effect
from liqspec.core.engine import Outcome, apply_event, refusal_of
from liqspec.core.events import Block, VaultCash, VaultTrade
from liqspec.core.refusals import OrderWorking, Refusal
from liqspec.core.snapshot import AccountValue, BookValue, Snapshot
from liqspec.core.state import Book
from liqspec.edge.errors import InvalidInput
from liqspec.step import compare
from liqspec.step.relation import Mode

_OF_THE_VAULT = (VaultCash.type, VaultTrade.type)  # they change nothing of any account


Numbered = tuple[int, Raw]  # a line with its number


class NotDivisible(Exception):
    """A line that concerns accounts of several shares in a way that none of these can follow alone."""


class Inflow(NamedTuple):
    """What accounts handed to the vault at a line: money in quote units, and sizes in lots by market."""

    cash: int
    positions: dict[str, int]


@frozen(kw_only=True)
class Part:
    """Lines of a log for one share: the run and the state of the share, both pickled, and each line with its number.

    `own` are the numbers of the lines that concern an account of this share alone.
    """

    run: bytes
    state: bytes
    lines: Sequence[Numbered]
    own: frozenset[int]


@frozen(kw_only=True)
class Followed:
    """What following a part found: the state after it, pickled, what was counted, and what the vault is due by line.

    `refusals` are of lines that concern all: of an event of an account of the share, or of a block, because an order of
    the share works. If the lines are `not_divisible`, the rest is without meaning.
    """

    state: bytes = b""
    audit: Audit = Factory(Audit)
    inflows: dict[int, Inflow] = Factory(dict)
    refusals: dict[int, Refusal] = Factory(dict)
    not_divisible: str = ""


def follow(part: Part) -> Followed:
    """Follow a part of a log for one share."""
    head, mode = pickle.loads(part.run)
    follower = _Share(head, mode, pickle.loads(part.state))
    for number, raw in part.lines:
        try:
            entry = Entry.from_json(data_of(raw))
            if number in part.own:
                follower.see_own(number, entry)
            else:
                follower.see_shared(number, entry)
        except (NotDivisible, InvalidInput) as reason:  # what is malformed is reported where the whole is followed
            return Followed(not_divisible=f"line {number:,}: {reason}")
    return Followed(
        state=pickle.dumps(follower.model.snapshot()),
        audit=follower.audit,
        inflows=follower.inflows,
        refusals=follower.refusals,
    )


class _Share(Follower):
    """Follows a log for some accounts; the vault's own events and what is seen of it are left to another."""

    def __init__(self, head: Head, mode: Mode, state: Snapshot) -> None:
        super().__init__(head, mode)
        self.model.restore(state)
        self.inflows: dict[int, Inflow] = {}
        self.refusals: dict[int, Refusal] = {}

    def see_own(self, line: int, entry: Entry) -> None:
        """Follow a line that concerns one account.

        Raises:
            NotDivisible: it departs from the rules, and shows something else than the account.
        """
        before, run = self.audit.diverged, (self.model.state.time, self.model.state.block)
        self.see(line, entry)
        shown = (entry.observed and entry.observed.observation) or {}
        if self.audit.diverged != before and ("marks" in shown or run != _run(shown, run)):
            raise NotDivisible("what it shows of all accounts is not as the rules say")
        self._hand_over(line)

    def see_shared(self, line: int, entry: Entry) -> None:
        """Follow a line that may concern all accounts.

        Raises:
            NotDivisible: something of these accounts is not as the rules say, or couples them with others.
        """
        if entry.before is not None:
            raise NotDivisible("it has a state before it")
        outcome = self._of_shared(line, entry)
        self._count(outcome.effects)
        if outcome.refusal is None:
            for execution in entry.executed:
                if _named(execution)[1] in self.model.state.accounts:
                    done = apply_event(self.model, execution)
                    if done.refusal is not None:
                        raise NotDivisible("an execution in it is not as the rules say")
                    self.audit.coverage.count(execution, done.effects, None)
        observation = None if entry.observed is None else entry.observed.observation
        if observation is not None and self.mode == "full":
            of_share = of_accounts(observation, self.model.state.accounts, inside=True)
            shown = seen(self.model.state, of_share)
            if compare.first_difference(shown, of_share, self.head.observes) is not None:
                raise NotDivisible("what it shows is not as the rules say")
        self._hand_over(line)

    def _of_shared(self, line: int, entry: Entry) -> Outcome:
        kind, account = _named(entry.event)
        if kind in _OF_THE_VAULT or (kind in OWN and account not in self.model.state.accounts):
            return Outcome()
        if kind == Block.type:
            refusal = refusal_of(self.model, entry.event)
            works = refusal is not None and refusal.code == OrderWorking.code
            waits = entry.observed is not None and entry.observed.refused == OrderWorking.code
            if works and not waits:
                raise NotDivisible("a block begins while an order works")
            if refusal is not None and works:
                self.refusals[line] = refusal
            if waits:
                return Outcome(refusal=refusal)
        outcome = apply_event(self.model, entry.event, entry.observed and entry.observed.observation)
        if kind in OWN and outcome.refusal is not None:
            self.refusals[line] = outcome.refusal
        return outcome

    def _count(self, effects: tuple[Effect, ...]) -> None:
        """Count the effects of an event on these accounts; the rest of it is counted once for all."""
        self.audit.coverage.count_effects(effect for effect in effects if effect.subject is not None)

    def _hand_over(self, line: int) -> None:
        vault = self.model.state.vault
        if vault.cash or vault.positions:
            self.inflows[line] = Inflow(vault.cash, vault.positions)
            self.model.state.vault = Book()


class Venue(Follower):
    """Follows the lines that may concern all accounts for what none of these has: the run, its marks, and the vault."""

    def __init__(self, head: Head, mode: Mode, state: Snapshot, accounts: frozenset[str]) -> None:
        """Follow for the state without the accounts, which are those of the run."""
        super().__init__(head, mode)
        self.model.restore(state)
        self._known = accounts
        self._at = 0
        self._refusals: dict[int, Refusal] = {}
        self._inflows: dict[int, list[Inflow]] = {}

    def follow_shared(self, lines: Sequence[Numbered], followed: Sequence[Followed]) -> None:
        """Follow these lines; what the accounts did at them, and at all lines between, is known already.

        Raises:
            NotDivisible: something of the run or the vault is not as the rules say.
            InvalidInput: a line is malformed.
        """
        for one in followed:
            self._refusals |= one.refusals
            for line, inflow in one.inflows.items():
                self._inflows.setdefault(line, []).append(inflow)
        due = iter(sorted(self._inflows))
        earlier = next(due, None)
        for number, raw in lines:
            while earlier is not None and earlier < number:
                self._receive(earlier)
                earlier = next(due, None)
            if earlier == number:  # while the line is followed
                earlier = next(due, None)
            self._see_shared(number, Entry.from_json(data_of(raw)))
        while earlier is not None:
            self._receive(earlier)
            earlier = next(due, None)

    def _see_shared(self, number: int, entry: Entry) -> None:
        strangers = [one for one in entry.executed if _named(one)[1] not in self._known]
        observed = entry.observed
        if observed is not None and observed.observation is not None:
            observed = evolve(observed, observation=of_accounts(observed.observation, self._known, inside=False))
        if entry.before is not None or strangers:
            raise NotDivisible(f"line {number:,}: it names what the run does not have")
        self._at = number
        self.see(number, evolve(entry, observed=observed, executed=()))

    def _explained(self, *_: Any) -> NoReturn:
        raise NotDivisible(f"line {self._at:,}: what it shows of the run or the vault is not as the rules say")

    def _applied(self, line: int, entry: Entry) -> tuple[Outcome, Snapshot | None]:
        kind, account = _named(entry.event)
        done: tuple[Outcome, Snapshot | None] = Outcome(refusal=self._refusals.get(line)), None
        if line not in self._refusals and not (kind in OWN and account in self._known):
            done = super()._applied(line, entry)
        self._receive(line)
        return done

    def _receive(self, line: int) -> None:
        """Give the vault what the accounts handed to it at a line."""
        vault = self.model.state.vault
        for inflow in self._inflows.pop(line, ()):
            vault.cash += inflow.cash
            for market, size in inflow.positions.items():
                vault.add(market, size, 0)


def _named(event: object) -> tuple[str | None, str | None]:
    """The type and the account of an event from anywhere, None where it names none."""
    kind, account = (event.get(name) if isinstance(event, dict) else None for name in ("type", "account"))
    return kind if isinstance(kind, str) else None, account if isinstance(account, str) else None


def _run(shown: dict[str, Any], run: tuple[int, int]) -> tuple[Any, Any]:
    return shown.get("time", run[0]), shown.get("block", run[1])


def of_accounts(observation: dict[str, Any], accounts: Any, *, inside: bool) -> dict[str, Any]:
    """What an observation shows of these accounts and nothing else; or, if not `inside`, all else."""
    rest = {} if inside else {name: part for name, part in observation.items() if name not in ("positions", "pools")}
    for name in ("positions", "pools"):
        if name in observation:
            rest[name] = [one for one in observation[name] if (one["account"] in accounts) == inside]
    return rest


def divide(state: Snapshot, routes: Routes) -> list[Snapshot]:
    """The state of each share: its accounts with the marks and the time, and nothing in the vault."""
    accounts: list[list[AccountValue]] = [[] for _ in range(routes.shares)]
    for account in state.accounts:
        accounts[routes.of_account[account.name]].append(account)
    nothing = BookValue()
    return [evolve(state, accounts=tuple(own), vault=nothing, outside=nothing, net_deposits=0) for own in accounts]


def join(venue: Snapshot, shares: Sequence[Snapshot]) -> Snapshot:
    """The whole state of which these are the shares, with the state of the venue apart from all accounts."""
    accounts = sorted((account for share in shares for account in share.accounts), key=lambda account: account.name)
    outside = Book()
    for share in (venue, *shares):
        outside.cash += share.outside.cash
        for market, size in share.outside.positions:
            outside.add(market, size, 0)
    return evolve(
        venue,
        accounts=tuple(accounts),
        outside=BookValue(outside.cash, tuple(sorted(outside.positions.items()))),
        net_deposits=sum(share.net_deposits for share in (venue, *shares)),
    )
