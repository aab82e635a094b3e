"""The arithmetic by contract: a function that divides, or looks at tiers, is an unknown function of its arguments of
which only lemmas are known. What is proved of the engine with them holds for whatever the lemmas hold for.

Each contract names its lemmas; where one of them is not proved in the same run, nothing that rests on it is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import z3  # type: ignore[import-untyped]
from attrs import evolve, frozen

from liqspec.core import arithmetic, assessment, changes
from liqspec.core.admission import COMMON, Check
from liqspec.core.arithmetic import Holding, Ratio
from liqspec.core.events import EVENTS
from liqspec.core.families import chunks, mark_price
from liqspec.core.families import limits as core_limits
from liqspec.core.families.mark_price import BILLION
from liqspec.core.state import Book, GuardInputs, Pool, Position, State
from liqspec.proofs import symbolic
from liqspec.proofs.inductive import limits, sizes
from liqspec.proofs.inductive.conditions import every, implies, same
from liqspec.proofs.inductive.covered import SIZING
from liqspec.proofs.inductive.frame import Leak
from liqspec.proofs.inductive.joined import joined
from liqspec.proofs.inductive.terms import SharedInt, asked, present, shared
from liqspec.proofs.inductive.unknown import CLOSEOUT, OneOf
from liqspec.proofs.symbolic import Condition


@frozen
class Contract:
    """A function of `owner`, what stands for it, and the lemmas that it rests on.

    One with a `part` rests on the proofs of that part of the events instead, in which it is as it is.
    """

    name: str
    lemmas: tuple[str, ...]
    function: Callable[..., Any]
    owner: Any
    part: str | None


CONTRACTS: dict[str, Contract] = {}

# Functions that change nothing, whose ways are joined.
JOINED: tuple[tuple[Any, str], ...] = (
    (EVENTS["trade"], "sort"),
    (assessment, "due"),
    (assessment, "to_attempt"),
    (assessment, "order_sizing"),
    (changes, "_book_failed"),
    (arithmetic, "needs_liquidation"),
    (arithmetic, "restored"),
    (Position, "below_backstop"),
    (core_limits, "limit_of"),
    (limits, "expected"),
)


@frozen(eq=False)
class Later:
    """What a function of the model returns, computed where it is looked at; nothing that it depends on may change."""

    compute: Callable[[], Any]

    def value(self) -> Any:
        """The value."""
        return self.compute()


def _restore_target(real: Callable[..., Any], restore: Any, held: list[Holding]) -> Later:
    return Later(lambda: real(restore.decided() if isinstance(restore, OneOf) else restore, held))


def _closeout_margin(real: Callable[..., Any], state: State, pool: Pool) -> Later:
    held = state.holdings(pool)

    def compute() -> Any:
        now = state.holdings(pool)
        if len(now) != len(held) or any(
            one is not other for a, b in zip(held, now, strict=True) for one, other in zip(a, b, strict=True)
        ):
            raise Leak("a pool that has changed since it was measured")
        return real(state, pool)

    return Later(compute)


def _backstop_margin(real: Any, inputs: GuardInputs) -> Any:
    margin: Any = inputs.closeout_margin
    return real.fget(evolve(inputs, closeout_margin=margin.value() if isinstance(margin, Later) else margin))


# What `changes.measure` computes whether or not it is looked at.
LATER: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (changes, "restore_target", _restore_target),
    (State, "closeout_margin", _closeout_margin),
)


def _ask(condition: Condition) -> None:
    """What the lemma asks of the arguments of a call: an obligation of the run too."""
    asked()[id(condition)] = condition


def _contract(
    *lemmas: str, of: Any = arithmetic, part: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        CONTRACTS[function.__name__] = Contract(function.__name__, lemmas, function, of, part)
        return function

    return enter


def _unknown(name: str, *arguments: int) -> int:
    """The unknown function of this name, of these arguments."""
    made = shared().made
    key = ("unknown", name, *(one if type(one) is int else id(one) for one in arguments))
    if key not in made:
        terms = [symbolic.present().literal(one) for one in arguments]
        function = z3.Function(name, *([z3.IntSort()] * (len(terms) + 1)))
        made[key] = (SharedInt(function(*terms)), arguments)
    return made[key][0]  # type: ignore[no-any-return]


@contextmanager
def by_contract(part: str | None = None) -> Iterator[None]:
    """The arithmetic by its contracts, until the block ends; what this part of the events is stays as it is."""
    replaced = list(_replaced(part))
    real = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    for owner, name, instead in replaced:
        setattr(owner, name, instead)
    try:
        yield
    finally:
        for owner, name, function in real:
            setattr(owner, name, function)


def _replaced(part: str | None) -> Iterator[tuple[Any, str, Any]]:
    """What is replaced, of what, and by what."""
    for name, contract in CONTRACTS.items():
        if part is None or contract.part != part:
            yield contract.owner, name, contract.function
    for owner, name in JOINED:
        yield owner, name, _joining(getattr(owner, name))
    for owner, name, instead in LATER:
        yield owner, name, _bound(instead, getattr(owner, name))
    margin: Any = GuardInputs.backstop_margin
    yield GuardInputs, "backstop_margin", property(partial(_backstop_margin, margin))
    yield Check, "run", _check


def _joining(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: joined(partial(_with_values, function, **named), *arguments)


def _with_values(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return function(*(one.value() if isinstance(one, Later) else one for one in arguments), **named)


def _bound(instead: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """A function, not a partial, so that it can be a method."""
    return lambda *arguments: instead(function, *arguments)


def _check(check: Check[Any], event: Any, state: State, amounts: Any) -> None:
    """`Check.run`, with the ways on which the check fails taken together, and those on which it does not."""
    common = any(check is one for one in COMMON)  # one of them fills in the amounts
    failure = check.failing(event, state, amounts) if common else joined(check.failing, event, state, amounts)
    if failure is not None:
        raise check.refusal("?", "?", "?", rule=check.rule)


@_contract("a_notional_is_never_negative")
def notional(size: int, price: int, unit: int) -> int:
    """At least 0."""
    _ask((price > 0) & (unit > 0))
    found = _unknown("notional", size, price, unit)
    symbolic.assume(found >= 0)
    return found


@_contract("a_notional_is_never_negative")
def margin_notional(held: Holding) -> int:
    """At least 0, at the mark or at the entry (MRG-14)."""
    _ask((held.mark > 0) & (held.unit > 0))
    name = str(held.schedule).removesuffix(CLOSEOUT)  # both schedules of a market measure alike
    found = _unknown(f"margin_notional.{name}", held.size, held.cost, held.mark, held.unit)
    symbolic.assume(found >= 0)
    return found


@_contract(
    "a_margin_is_never_negative",
    "a_margin_may_be_rounded_down",
    "a_closeout_margin_is_never_above_the_maintenance_margin",
)
def maintenance_margin(amount: int, schedule: object) -> int:
    """At least 0, rounded up or down (MRG-13), and at close-out rates no more than at those of maintenance (BKS-9)."""
    _ask(amount >= 0)
    name = str(schedule)
    found = _unknown(f"maintenance_margin.{name}", amount)
    symbolic.assume(found >= 0)
    if name.endswith(CLOSEOUT):
        symbolic.assume(found <= maintenance_margin(amount, name.removesuffix(CLOSEOUT)))
    return found


@_contract(
    "the_maintenance_margin_is_never_above_the_initial_margin",
    "the_maintenance_margin_with_a_fee_is_never_above_the_initial_margin",
)
def initial_margin(amount: int, leverage: int, schedule: object) -> int:
    """At least the maintenance margin."""
    _ask((amount >= 0) & (leverage >= 1))
    found = _unknown(f"initial_margin.{schedule}", amount, leverage)
    symbolic.assume(found >= maintenance_margin(amount, schedule))
    return found


@_contract("below_backstop_excludes_restored")
def below_backstop(equity: int, maintenance: int, _: Ratio) -> Condition:
    """Only below the margin."""
    _ask(maintenance >= 0)
    below = _unknown("below_backstop", equity, maintenance) == 1
    symbolic.assume(implies(below, equity < maintenance))
    return below


@_contract("a_full_close_releases_the_whole_cost")
def released_cost(size: int, cost: int, closed: int) -> int:
    """All of the cost where all is closed."""
    _ask((closed > 0) & (closed <= abs(size)))
    found = _unknown("released_cost", size, cost, closed)
    symbolic.assume(implies(abs(size) == closed, found == cost))
    return found


@_contract("a_chunk_is_some_and_not_too_much")
def chunk(size: int, _: Ratio) -> int:
    """At least one lot, at most all."""
    _ask(size != 0)
    return _some_of(_unknown("chunk", size), 1, abs(size))


@_contract("a_fee_is_never_negative", "a_fee_never_makes_a_deficit")
def liquidation_fee(amount: int, _: Ratio, equity_after: int) -> int:
    """At least 0, and no more than there is."""
    _ask(amount >= 0)
    found = _unknown("liquidation_fee", amount, equity_after)
    symbolic.assume((found >= 0) & implies(equity_after >= 0, found <= equity_after))
    return found


@_contract("a_backstop_returns_no_more_than_there_is")
def backstop_return(equity: int, _: Ratio) -> int:
    """At least 0, at most the equity, nothing of a deficit."""
    found = _unknown("backstop_return", equity)
    symbolic.assume((found >= 0) & implies(equity >= 0, found <= equity) & implies(equity < 0, found == 0))
    return found


@_contract()
def funding_due(size: int, payment: int, lot: Ratio) -> int:
    """Anything."""
    return _unknown("funding_due", size, payment, *lot)


@_contract("a_chunk_to_a_tier_is_some_and_not_too_much")
def chunk_to_tier(size: int, worth: int, steps: int, schedule: object) -> int:
    """At least one lot, at most all."""
    _ask((size != 0) & (worth > 0) & (steps >= 1))
    return _some_of(_unknown(f"chunk_to_tier.{schedule}", size, worth, steps), 1, abs(size))


@_contract("a_raised_chunk_is_some_and_not_too_much")
def at_least(lots: int, size: int, worth: int, order: int | None, rest: int | None) -> int:
    """At least the chunk, at most all."""
    _ask((lots >= 1) & (lots <= abs(size)) & (worth > 0))
    given = [one for one in (order, rest) if one is not None]
    found = _unknown(f"at_least.{order is None}.{rest is None}", lots, size, worth, *given)
    return _some_of(found, lots, abs(size))


@_contract("a_halving_stays_within_its_ends_and_narrows", of=chunks)
def by_halving(most: int, enough: Callable[[int], bool]) -> int:
    """At least 1, at most all, and the same for the same question.

    Each halving keeps it between two ends, and brings them nearer, until they are 1 apart.
    """
    _ask(most >= 1)
    if most > 1:
        closed = symbolic.integer("closed")
        symbolic.assume((closed >= 1) & (closed < most))
        question = enough(closed)
        run = present()
        first, _ = run.shared.made.setdefault(("the question of a search", id(run)), (question, run))
        _ask(same(first, question))
    return _some_of(_unknown("by_halving", most), 1, most)


@_contract("a_mark_of_candidates_is_at_least_a_tick", "a_candidate_is_at_least_a_tick", of=mark_price)
def median(candidates: Sequence[int]) -> int:
    """At least a tick."""
    _ask(every(one >= BILLION for one in candidates))
    return _ticks("median", *candidates)


@_contract("a_limited_mark_moves_at_most_by_its_share", of=mark_price)
def limited(mark: int, previous: int, max_move: Ratio | None) -> int:
    """At least a tick; the mark itself where nothing limits it."""
    if max_move is None:
        return mark
    _ask((mark > 0) & (previous > 0))
    return _ticks("limited", mark, previous)


@_contract(of=chunks, part=SIZING)
def sized(state: State, pool: Pool, position: Position, method: str) -> tuple[int, str]:
    """At least one lot, at most all: a chunk is proved by itself to be that of its rules."""
    return expected(state, pool, position), method


@_contract(of=sizes, part=SIZING)
def expected(state: State, pool: Pool, position: Position) -> int:
    """The lots of a chunk by its rules: a number of the pool and its marks, of nothing else."""
    held = pool.open_positions()
    arguments = [pool.collateral]
    for one in (position, *(other for other in held if other.key != position.key)):
        size, cost, _, mark, unit, _ = state.holding(one)
        _ask((size != 0) & (mark > 0) & (unit > 0))
        arguments += [size, cost, mark, unit]
    markets = "".join(one.market.name for one in held)
    return _some_of(_unknown(f"chunk of {position.market.name} in {markets}", *arguments), 1, abs(position.size))


def _some_of(found: int, least: int, most: int) -> int:
    symbolic.assume((found >= least) & (found <= most))
    return found


@_contract("a_limit_is_at_least_a_tick")
def band_limit(mark: int, size: int, band: Ratio) -> int:
    """At least a tick."""
    _ask((mark > 0) & (size != 0))
    return _ticks("band_limit", mark, size, *band)


@_contract("a_limit_is_at_least_a_tick")
def bankruptcy_limit(equity: int, margin: int, pool_margin: int, held: Holding) -> int:
    """At least a tick."""
    _ask((pool_margin > 0) & (held.size != 0) & (held.mark > 0) & (held.unit > 0))
    return _ticks("bankruptcy_limit", equity, margin, pool_margin, held.size, held.mark, held.unit)


def _ticks(name: str, *arguments: int) -> int:
    found = _unknown(name, *arguments)
    symbolic.assume(found >= 1)
    return found


def adding_to_a_book_is_addition(held: int | None) -> Condition:
    """`Book.add` adds, and keeps no entry of 0: a market that it has with this size, not 0, or does not have."""
    cash, size, paid = (symbolic.integer(name) for name in ("cash", "size", "paid"))
    if held is not None:
        symbolic.assume(held != 0)
    book = Book(cash, {} if held is None else {"A": held})
    book.add("A", size, paid)
    after = book.positions.get("A", 0)
    kept = after != 0 if "A" in book.positions else True
    return (after == size + (0 if held is None else held)) & (book.cash == cash - paid) & kept
