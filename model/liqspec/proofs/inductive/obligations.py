"""What must hold after an event, in addition to the invariants: what is kept, changes, and is not looked at.

One with the name of a property of the catalogue says the same.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

import z3  # type: ignore[import-untyped]
from attrs import frozen

from liqspec.core.effects import Effect, LiquidationEntered
from liqspec.core.state import Account, Pool, Position, State, Window
from liqspec.proofs.inductive import feeds, invariants, unknown
from liqspec.proofs.inductive.accepted import exactly
from liqspec.proofs.inductive.conditions import chosen, every, implies, negation, same
from liqspec.proofs.inductive.covered import ASSESSMENT, EMITTING
from liqspec.proofs.inductive.exact import PoolBefore, exact
from liqspec.proofs.inductive.steps import Step
from liqspec.proofs.inductive.terms import present, shared
from liqspec.proofs.inductive.unknown import Numbers, ended
from liqspec.proofs.symbolic import Condition, SymbolicInt

Must = dict[str, Condition]
ACCEPTED = "an_event_is_accepted_exactly_if_its_rule_says_so"

# The events that may start a liquidation where breaches do not wait for a block. Others leave a pool that is not
# breached as it is, or better covered.
STARTS = ("mark_price", "marks", "price_inputs", "funding", "adjust", "settle")


@frozen(eq=False)
class Before:
    """What was before an event: the step with its numbers, the state itself, and its values then."""

    step: Step
    numbers: Numbers
    state: State
    owners: list[Account]
    pools: list[Pool]
    markets: list[str]
    values: dict[str, Any]
    windows: dict[tuple[str, str], tuple[int, int]]
    totals: dict[str, int]
    pools_before: list[PoolBefore]

    @classmethod
    def of(
        cls, step: Step, numbers: Numbers, state: State, owners: list[Account], pools: list[Pool], markets: list[str]
    ) -> "Before":
        """The values of a state before its event."""
        windows = {(of, key): (window.until, window.forcing_until) for key, window, of in _windows(owners, pools)}
        values, totals = _values(state, pools), _totals(state, pools, markets)
        earlier = [PoolBefore.of(state, pool) for pool in pools]
        return cls(step, numbers, state, owners, list(pools), markets, values, windows, totals, earlier)


def refused(before: Before, made: list[Pool], code: str) -> Must:
    """What must hold after a refusal with this code."""
    now = _values(before.state, before.pools)
    unchanged = not made and all(value is before.values.get(path) for path, value in now.items())
    expected = exactly(before.step, before.numbers, before.state, before.pools_before, code)
    return {"a_refused_event_changes_nothing": unchanged, ACCEPTED: expected}


def after_an_event(
    before: Before, pools: list[Pool], effects: tuple[Effect, ...], handed: list[Pool] | None = None
) -> Must:
    """What must hold after an accepted event; or, if pools were `handed` to the assessment, before that."""
    state, step = before.state, before.step
    known = all(one in pools or not one.positions for one in handed or ())
    must: Must = {"only pools of the event are assessed": known}
    for pool in pools:
        middle = pool in (handed or ())
        held = invariants.of_pool(state, pool, assessed=not middle)
        must |= {f"{name} [{pool.key}]": holds for name, holds in held.items()}
        if middle:
            must |= {f"{name} [{pool.key}]": holds for name, holds in _middle(before, pool).items()}
        elif step.kind in ("block", ASSESSMENT):
            must[f"a block sees every breach [{pool.key}]"] = _seen(state, pool)
    for owner in before.owners:
        must[f"windows_are_normal [{owner.name}]"] = invariants.normal_window(state, owner.window)
    must["what is settled stays so"] = every(
        same(
            unknown.is_settled(state, name),
            before.numbers.flag(f"settled.{name}") | (step.kind == "settle" and name == step.markets),
        )
        for name in before.markets
    )
    formed = step.markets if step.kind == "price_inputs" else ""
    must["marks are what the event says"] = every(_mark(before, name) for name in before.markets if name not in formed)
    must |= feeds.formed(step, before.numbers, state) if formed else {}
    must["only_a_block_moves_time"] = _clock(before)
    must["numbers stay in their ranges"] = invariants.ranges(state, before.owners, pools)
    totals = _totals(state, pools, before.markets)
    must |= {f"nothing_is_created [{name}]": total == before.totals[name] for name, total in totals.items()}
    now = _values(state, pools)
    if step.has_bystander:
        own = f"{before.pools[-1].key}."
        kept = {path: value for path, value in before.values.items() if path.startswith((own, own[:-1] + "/"))}
        must |= {f"other_pools_are_untouched [{path}]": _equal(value, now[path]) for path, value in kept.items()}
    if before.numbers.symbolic:
        must["no decision looks at another pool or at the vault"] = _separate(pools, now)
    must |= _only_the_trader(step, before.values, now)
    must["windows_open_and_end_on_time"] = _on_time(before, pools)
    if step.kind != ASSESSMENT and any(isinstance(effect, LiquidationEntered) for effect in effects):
        must["only_prices_and_funding_start_a_liquidation"] = _may_start(before)
    must |= exact(step, before.numbers, state, before.pools_before, pools, effects, assessed=handed is None)
    if step.kind != ASSESSMENT:
        must[ACCEPTED] = exactly(step, before.numbers, state, before.pools_before, None)
    kinds = [effect.kind for effect in effects]
    first = kinds.index("backstopped") if "backstopped" in kinds else len(kinds)
    must["every pool is offered to the market before any is taken"] = "order_emitted" not in kinds[first:]
    return must


def _may_start(before: Before) -> Condition:
    """LIQ-6, LIQ-18: whether the event may start a liquidation: one that moves a mark or money, or a block instead."""
    at_blocks = unknown.has(before.state.venue, "assess_at", "block")
    return at_blocks if before.step.kind == "block" else (before.step.kind in STARTS) & negation(at_blocks)


def _middle(before: Before, pool: Pool) -> Must:
    """What the assessment of a pool is proved from, in addition to invariants; and what not every event may cause."""
    view = invariants.View.of(before.state, pool)
    covered: Condition = not view.held or view.equity >= view.maintenance
    emits = before.step.kind in EMITTING or bool(view.working) or not pool.in_liquidation
    return {
        "the assessment begins with a known shape": unknown.shape_of(pool)
        in set(unknown.middle_shapes("".join(pool.positions))),
        "only_prices_and_funding_start_a_liquidation": pool.in_liquidation or covered | _may_start(before),
        "no other event sends anything to the market": emits or view.without_book | negation(view.untried),
    }


def _seen(state: State, pool: Pool) -> Condition:
    """LIQ-18: after a block no breached pool is out of liquidation."""
    view = invariants.View.of(state, pool)
    return implies(view.equity < view.maintenance, pool.in_liquidation) if view.held else True


def _mark(before: Before, market: str) -> Condition:
    """EVT-5, EVT-11: a mark is the price of its event, or as it was."""
    named = before.step.kind in ("mark_price", "marks", "settle") and market in before.step.markets
    price = before.numbers.integer(f"event.price.{market}" if named else f"mark.{market}")
    kept: Condition = before.state.marks[market] == price
    return kept


def _clock(before: Before) -> Condition:
    """EVT-9: time and block move with a block only, to its time, and by one."""
    block = before.step.kind == "block"
    time = before.numbers.integer("event.time" if block else "time")
    began: int = before.numbers.integer("block")
    return (before.state.time == time) & (before.state.block == began + block)


# --------------------------------------------------------------------------------------------------------------- values


def _values(state: State, pools: list[Pool]) -> dict[str, Any]:
    """Every value of these pools by its path, and the numbers of the state."""
    found: dict[str, Any] = {
        "time": state.time,
        "block": state.block,
        "net_deposits": state.net_deposits,
        "vault.cash": state.vault.cash,
        "outside.cash": state.outside.cash,
    }
    for pool in pools:
        found |= values_of(pool)
    return found


def values_of(pool: Pool) -> dict[str, Any]:
    """Every value of a pool by its path."""
    found: dict[str, Any] = {f"{pool.key}.{name}": getattr(pool, name) for name in ("collateral", "in_liquidation")}
    found |= _of_window(pool.key, pool.window)
    for held in pool.positions.values():
        names = ("state", "size", "cost", "leverage", "life", "order", "attempted", "failed")
        found |= {f"{held.key}.{name}": getattr(held, name) for name in names}
        found[f"{held.key}.limit"] = unknown.limit_of(held)
        found |= _of_window(held.key, held.window)
    return found


def _of_window(key: str, window: Window) -> dict[str, int]:
    return {f"{key}.until": window.until, f"{key}.forcing_until": window.forcing_until}


def _equal(one: Any, other: Any) -> Condition:
    if one is other or one is None or other is None:
        return one is other
    equal: Condition = one == other
    return equal


# ----------------------------------------------------------------------------------------------------------------- kept


def _totals(state: State, pools: list[Pool], markets: list[str]) -> dict[str, int]:
    """All money with each position at its cost, and the sizes of each market: so nothing is created at any marks."""
    money = state.vault.cash + state.outside.cash - state.net_deposits
    sizes = {name: state.vault.positions.get(name, 0) + state.outside.positions.get(name, 0) for name in markets}
    for pool in pools:
        money = money + pool.collateral
        for name, held in pool.positions.items():
            money = money - held.cost
            sizes[name] = sizes[name] + held.size
    return {"money": money, **sizes}


def _only_the_trader(step: Step, before: dict[str, Any], now: dict[str, Any]) -> Must:
    """No event but the position's own trade makes it larger or turns it round."""
    found: Must = {}
    for path, size in now.items():
        if not path.endswith(".size") or (step.kind == "trade" and f"/{step.markets}/" in path):
            continue
        earlier = before.get(path, 0)
        same_side = ((size >= 0) & (earlier >= 0)) | ((size <= 0) & (earlier <= 0))
        found[f"only_the_trader_increases_a_position [{path}]"] = (abs(size) <= abs(earlier)) & same_side
    return found


def _windows(owners: list[Account], pools: list[Pool]) -> Iterable[tuple[str, Window, str]]:
    """The windows of accounts, pools and open positions, each with its key and what its scope is called."""
    yield from ((owner.name, owner.window, "account") for owner in owners)
    for pool in pools:
        yield pool.key, pool.window, "pool"
        yield from ((held.key, held.window, "position") for held in _open(pool))


def _open(pool: Pool) -> list[Position]:
    return [held for held in pool.positions.values() if not ended(held.state)]


def _on_time(before: Before, pools: list[Pool]) -> Condition:
    """CLD-1 to CLD-4: a fill that leaves a size opens the windows of its position and scope; a block forgets those that
    have ended, and lets open ones force; nothing else moves a window, but that a new life begins without one.
    """
    state, step, found = before.state, before.step, []
    now, venue = state.time, state.venue
    left = step.kind == "fill" and any(held.market.name == step.markets for held in _open(pools[0]))
    lives = {held.key: held.life for pool in pools for held in _open(pool)}
    for key, window, of in _windows(before.owners, pools):
        until, forcing = before.windows.get((of, key), (0, 0))
        if of == "position" and step.kind == "trade" and key.split("/")[1] == step.markets:
            # ACC-16: a life that a trade began has no window yet.
            anew = lives[key] != before.values.get(f"{key}.life", 0)
            found.append(chosen(anew, 0, until, window.until) & chosen(anew, 0, forcing, window.forcing_until))
            continue
        if step.kind == "block":
            found.append(chosen(until > now, until, 0, window.until) & (window.forcing_until == window.until))
            continue
        opens: Condition = False
        if left and (of != "position" or key.split("/")[1] == step.markets):
            opens = (venue.cooldown_ms > 0) & ((of == "position") | (venue.cooldown_scope == of))
        found.append(chosen(opens, now + venue.cooldown_ms, until, window.until) & (window.forcing_until == forcing))
    return every(found)


# ------------------------------------------------------------------------------------------------------------ isolation


def _separate(pools: list[Pool], now: dict[str, Any]) -> bool:
    """No decision looked at numbers of two pools, or of a pool and a book, and no value of a pool is made of another's.

    Common are the marks, the time, the venue, the event, and the account's window.
    """
    own = [("vault.", "outside.", "net_deposits"), *(_names(pool) for pool in pools)]

    @cache
    def belongs(name: str) -> set[int]:
        return {index for index, prefixes in enumerate(own) if name.startswith(prefixes)}

    run = present()
    decisions = [*run.decisions, *(term for term in run.conditions if id(term) not in run.joint)]
    looked_at = {_symbols(term) for term in decisions}
    if any(len(set().union(*map(belongs, names))) > 1 for names in looked_at):
        return False
    terms = [(belongs(path), value.term) for path, value in now.items() if isinstance(value, SymbolicInt)]
    of_pools = [(owners, term) for owners, term in terms if owners and 0 not in owners]
    return not any(belongs(name) - owners for owners, term in of_pools for name in _symbols(term))


def _names(pool: Pool) -> tuple[str, ...]:
    """How the names of a pool's own numbers begin."""
    return f"{pool.key}.", *(f"{held.key}." for held in pool.positions.values())


def _symbols(term: z3.ExprRef) -> frozenset[str]:
    """The names of the symbols in a term."""
    made = shared().made
    key = ("symbols", id(term))
    if key not in made:
        names, todo, seen = set(), [term], set()
        while todo:
            one = todo.pop()
            if one.get_id() not in seen:
                seen.add(one.get_id())
                if one.num_args() == 0 and one.decl().kind() == z3.Z3_OP_UNINTERPRETED:
                    names.add(one.decl().name())
                todo += one.children()
        made[key] = (frozenset(names), term)
    found: frozenset[str] = made[key][0]
    return found
