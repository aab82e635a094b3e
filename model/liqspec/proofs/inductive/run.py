"""One step as an ordinary function of its numbers: what is given, `Engine.apply`, what must hold afterwards."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import attrs
from attrs import frozen

from liqspec.core import assessment
from liqspec.core.effects import Effect, Transitioned
from liqspec.core.engine import Engine
from liqspec.core.events import EVENTS, Event
from liqspec.core.events.price_inputs import PerpInput
from liqspec.core.refusals import Refusal
from liqspec.core.state import Account, Pool, State
from liqspec.proofs import symbolic
from liqspec.proofs.inductive import invariants, sizes, unknown
from liqspec.proofs.inductive.conditions import every
from liqspec.proofs.inductive.covered import ASSESSMENT, SIZING, WITHOUT_KEYS
from liqspec.proofs.inductive.feeds import AnyFeed
from liqspec.proofs.inductive.frame import Leak, Only, Poison
from liqspec.proofs.inductive.obligations import Before, after_an_event, refused, values_of
from liqspec.proofs.inductive.probes import probes
from liqspec.proofs.inductive.steps import Step
from liqspec.proofs.inductive.terms import SharedRun, asked
from liqspec.proofs.inductive.unknown import Numbers, ended
from liqspec.proofs.symbolic import Condition


@frozen
class Outcome:
    """How a step ended: accepted, refused with a code, or with a leak; what must hold, by name; what happened."""

    end: str
    must: Mapping[str, Condition]
    effects: tuple[Effect, ...] = ()

    @property
    def happened(self) -> frozenset[str]:
        """The kinds of effects and the transitions of the step."""
        fired = {effect.transition for effect in self.effects if isinstance(effect, Transitioned)}
        return frozenset({effect.kind for effect in self.effects} | fired)


def run(step: Step, numbers: Numbers, *, by_contract: bool = True, whole: bool = False) -> Outcome:
    """The step with these numbers; by contract no schedule is looked into, and unless it is `whole` an event ends where
    its pools are handed to the assessment, which is proved by itself.
    """
    outcome = _run(step, numbers, by_contract=by_contract, whole=whole or not by_contract)
    if numbers.symbolic and isinstance(symbolic.present(), SharedRun) and (conditions := asked()):
        must = {**outcome.must, "the lemmas may be used": every(conditions.values())}
        return Outcome(outcome.end, must, outcome.effects)
    return outcome


def _run(step: Step, numbers: Numbers, *, by_contract: bool, whole: bool) -> Outcome:
    around = _Around(step, numbers, by_contract=by_contract)
    state, pools = around.state, around.pools
    if step.kind == SIZING:
        return _chunk(state, pools[0], step.markets)
    whole = whole or step.kind == ASSESSMENT
    for pool in pools:
        if (
            step.kind in ("trade", "settle")
            and step.markets in pool.positions
            and not ended(pool.positions[step.markets].state)
        ):
            held = pool.positions[step.markets]
            symbolic.assume(held.size != 0)
            bool(held.size > 0)  # one case for each side: products with its size are then plain
        for condition in invariants.of_pool(state, pool, assessed=step.kind != ASSESSMENT).values():
            symbolic.assume(condition)
    for owner in around.owners:
        symbolic.assume(invariants.normal_window(state, owner.window))
    before = Before.of(step, numbers, state, around.owners, pools, around.names)
    engine = Engine.__new__(Engine)
    engine.venue, engine.state = around.venue, state
    must: dict[str, Condition] = {}
    handed: list[Pool] = []
    with probes(must, alone=not step.has_bystander) if whole else _handing(handed):
        try:
            effects = _assessed(state, pools) if step.kind == ASSESSMENT else engine.apply(around.event())
        except Refusal as refusal:
            return Outcome(f"refused {refusal.code}", refused(before, around.made(), refusal.code))
        except Leak as leak:
            return Outcome(f"leak: {leak}", {"the frame is kept": False})
    pools += around.made()
    must |= after_an_event(before, pools, effects, None if whole else handed)
    return Outcome("accepted", must, effects)


@contextmanager
def _handing(handed: list[Pool]) -> Iterator[None]:
    """Keep the pools that are handed to the assessment in place of it, until the block ends."""
    real = assessment.assess

    def assess(_: State, pools: list[Pool], __: list[Effect]) -> None:
        handed.extend(pools)

    cast(Any, assessment).assess = assess
    try:
        yield
    finally:
        cast(Any, assessment).assess = real


def _assessed(state: State, pools: list[Pool]) -> tuple[Effect, ...]:
    effects: list[Effect] = []
    assessment.assess(state, pools, effects)
    return tuple(effects)


def _chunk(state: State, pool: Pool, market: str) -> Outcome:
    """How large a chunk is, in the middle of any event: of the invariants only sizes are known."""
    for one in pool.positions.values():
        if not ended(one.state):
            symbolic.assume(one.size != 0)
    outside = {name: cast(Any, Poison(name)) for name in ("accounts", "vault", "outside", "feeds")}
    alone = attrs.evolve(state, **outside)
    before = values_of(pool)
    try:
        must = sizes.of_a_chunk(alone, pool, pool.positions[market])
    except Leak as leak:
        return Outcome(f"leak: {leak}", {"the frame is kept": False})
    now = values_of(pool)
    must["a chunk that is measured changes nothing"] = all(value is before.get(path) for path, value in now.items())
    return Outcome("accepted", must)


class _Around:
    """The unknown venue and state of a step: its pools, and around them what cannot be read."""

    def __init__(self, step: Step, numbers: Numbers, *, by_contract: bool) -> None:
        self.step, self.numbers = step, numbers
        listed = {name for shape in _shapes(step) for name, _ in shape.kinds}
        self.names = sorted(listed | set(step.markets))
        self.markets = {name: unknown.market(numbers, name, step.kind, by_contract=by_contract) for name in self.names}
        self.venue = unknown.venue(
            numbers, step.kind, self._only(self.markets, "markets", ("",)), by_contract=by_contract
        )
        self.pools: list[Pool] = []
        self.owners: list[Account] = []
        accounts = self._accounts()
        books = {
            name: unknown.book(
                numbers,
                name,
                Only({market: numbers.integer(f"{name}.{market}") for market in self.names}, name, self.names),
            )
            for name in ("vault", "outside")
        }
        marks = Only({name: numbers.positive(f"mark.{name}") for name in self.names}, "marks")
        fed = {step.markets: AnyFeed(numbers)} if step.kind == "price_inputs" else {}
        self.state = unknown.state(numbers, accounts, self.venue, books, marks, Only(fed, "feeds"))

    def made(self) -> list[Pool]:
        """The isolated pool that the event made, if it did."""
        known = [] if not self.owners else list(dict.values(self.owners[0].isolated))
        return [pool for pool in known if pool not in self.pools]

    def event(self) -> Event:
        """The event, with any amounts."""
        step, numbers = self.step, self.numbers
        fields: dict[str, Any] = {"account": "a", "market": step.markets, "mode": step.mode}
        fields |= {"amount": "1", "size": "1", "price": "1", "payment": "1"}
        fields["prices"] = tuple((name, "1") for name in step.markets)
        fields |= dict.fromkeys(("index", "best_bid", "best_ask", "last"), "1")
        fields["perps"] = (PerpInput(price="1", weight=1),)
        if step.leverage:
            fields["leverage"] = numbers.integer("event.leverage")
        if step.kind == "adjust" and step.mode == "cross":
            del fields["market"]
        if step.kind == "block":
            fields["time"] = numbers.integer("event.time")
        kind = EVENTS[step.kind]
        known = {one.name for one in cast(Any, kind).__attrs_attrs__}
        return cast(Event, unknown.event(kind, **{name: value for name, value in fields.items() if name in known}))

    def _only(self, entries: Mapping[str, Any], what: str, absent: tuple[str, ...] = ()) -> Any:
        return Only(entries, what, absent)

    def _pool(self, account: str, mode: Any, shape: unknown.Shape) -> Pool:
        made = unknown.pool(self.numbers, account, mode, self.markets, shape)
        self.pools.append(made)
        return made

    def _accounts(self) -> Any:
        """The account of the step, and around it what cannot be read, or another pool."""
        step = self.step
        if step.kind in WITHOUT_KEYS:
            return Only({}, "accounts")
        kept: Callable[..., Any] = self._only if step.local else lambda entries, *_: dict(entries)
        focus = None if step.shape is None else self._pool("a", step.mode, step.shape)
        other = step.other
        second = None if other is None or other.shape is None else self._pool(other.account, other.mode, other.shape)
        cross: Any = Poison("a/cross") if step.local else Pool("a", "cross", None)
        isolated: dict[str, Pool] = {}
        for pool in (focus, second if other is not None and other.account == "a" else None):
            if pool is not None and pool.mode == "cross":
                cross = pool
            elif pool is not None:
                isolated["A"] = pool
        unused = step.markets if not isolated and (step.mode == "isolated" or step.kind == "transfer") else ""
        named = self._owner("a", cross, kept(isolated, "a/isolated", tuple(unused)))
        accounts = {"a": named}
        if second is not None and second.account == "b":
            of_b = second if second.mode == "cross" else Pool("b", "cross", None)
            accounts["b"] = self._owner("b", of_b, {} if second.mode == "cross" else {"A": second})
        elif not step.local and step.kind != "block":
            # Any pool without an open position in these markets: just that may be looked at.
            unread = {name: Poison(f"z.{name}") for name in ("collateral", "in_liquidation", "window")}
            stub = Pool("z", "cross", None, positions=Only({}, "z.positions", step.markets), **cast(Any, unread))
            accounts["z"] = Account("z", stub, {}, cast(Any, Poison("z.window")))
        return kept(accounts, "accounts")

    def _owner(self, name: str, cross: Pool, isolated: Any) -> Account:
        made = Account(name, cross, isolated, self.numbers.window(name))
        self.owners.append(made)
        return made


def _shapes(step: Step) -> list[unknown.Shape]:
    found = (step.shape, None if step.other is None else step.other.shape)
    return [shape for shape in found if shape is not None]
