"""Engines that mix up the pools of an account, or pass one over."""

from typing import Any

from attrs import evolve

from liqspec.core import arithmetic, assessment, changes, events
from liqspec.core.admission import Amounts, Failure, order_working
from liqspec.core.changes import fire_with
from liqspec.core.refusals import InsufficientMargin, OrderWorking
from liqspec.core.state import GuardInputs, Pool, Position, State
from liqspec.step.wrong_engines.base import PERFORM, Patch, bug, checks, operates, refuses, sees, wrong

Effects = list[Any]

_ASSESS = assessment.assess
_HAND = assessment.hand_to_vault
_TO_ATTEMPT = assessment.to_attempt
_REDUCE = changes.reduce
_COVER = assessment.cover_deficit
_OPEN_WINDOWS = changes.open_windows


def _cross_only(state: State, pools: list[Pool], effects: Effects) -> None:
    _ASSESS(state, [pool for pool in pools if pool.mode == "cross"], effects)


def _first_account_only(state: State, pools: list[Pool], effects: Effects) -> None:
    _ASSESS(state, [pool for pool in pools if not pools or pool.account == pools[0].account], effects)


def _cross_blocks_only(event: events.Block, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    return [pool for pool in PERFORM[events.Block](event, state, amounts, effects) if pool.mode == "cross"]


def _with_the_cross_equity(state: State, pool: Pool, inputs: GuardInputs) -> GuardInputs:
    if pool.mode == "cross":
        return inputs
    cross = state.accounts[pool.account].cross
    equity = arithmetic.pool_equity(cross.collateral, state.holdings(cross))
    return evolve(inputs, equity=inputs.equity + max(0, equity))


def _with_isolated_margins(state: State, pool: Pool, inputs: GuardInputs) -> GuardInputs:
    if pool.mode == "isolated":
        return inputs
    margins = sum(
        arithmetic.pool_maintenance_margin(state.holdings(isolated))
        for isolated in state.accounts[pool.account].isolated.values()
    )
    return evolve(inputs, maintenance_margin=inputs.maintenance_margin + margins)


def _the_whole_account(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    _HAND(state, pool, inputs, effects)
    cross = state.accounts[pool.account].cross
    if pool.mode == "isolated" and cross.open_positions() and not cross.order_working():
        forced = evolve(inputs, equity=-1, maintenance_margin=1, in_liquidation=True, book_failed=True)
        for position in cross.open_positions():
            for _ in range(2):
                fire_with(forced, position, "assess", effects)
        _HAND(state, cross, evolve(inputs, equity=0), effects)


def _its_cross_sibling_too(state: State, pool: Pool) -> list[Position]:
    orders = _TO_ATTEMPT(state, pool)
    cross = state.accounts[pool.account].cross
    if pool.mode == "isolated" and orders:
        sibling = cross.positions.get(orders[0].market.name)
        if sibling is not None and sibling.size and sibling.order is None and not sibling.attempted:
            sibling.order = abs(sibling.size)
            sibling.attempted = True
    return orders


def _cross_is_liquidated_with_it(state: State, pools: list[Pool], effects: Effects) -> None:
    _ASSESS(state, pools, effects)
    for pool in pools:
        cross = state.accounts[pool.account].cross
        if pool.in_liquidation and pool.mode == "isolated" and cross.open_positions():
            cross.in_liquidation = True


def _sweeps(state: State, pool: Pool, position: Position, size: int, price: int, effects: Effects) -> None:
    _REDUCE(state, pool, position, size, price, effects)
    if pool.mode == "isolated" and not pool.open_positions() and pool.collateral > 0:
        state.accounts[pool.account].cross.collateral += pool.collateral
        pool.collateral = 0


def _sweeps_after_fills(event: events.Fill, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.Fill](event, state, amounts, effects)
    (pool,) = touched
    if pool.mode == "isolated" and not pool.open_positions() and pool.collateral > 0:
        state.accounts[pool.account].cross.collateral += pool.collateral
        pool.collateral = 0
    return touched


def _profit_to_cross(state: State, pool: Pool, position: Position, size: int, price: int, effects: Effects) -> None:
    before = pool.collateral
    _REDUCE(state, pool, position, size, price, effects)
    profit = max(0, pool.collateral - before)
    pool.collateral -= profit
    state.accounts[pool.account].cross.collateral += profit


def _only_cross_marks(event: events.MarkPrice, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.MarkPrice](event, state, amounts, effects)
    return [pool for pool in touched if pool.mode == "cross"]


def _only_first_markets(event: events.MarkPrice, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    touched = PERFORM[events.MarkPrice](event, state, amounts, effects)
    return [pool for pool in touched if pool.open_positions()[0].market.name == event.market]


def _pays_the_wrong_way(event: events.Transfer, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    turned = {"amount": -amounts["amount"]} if amounts["amount"] < 0 else amounts
    return PERFORM[events.Transfer](event, state, turned, effects)


def _losses_only(state: State, pool: Pool, inputs: GuardInputs) -> GuardInputs:
    return evolve(
        inputs, equity=pool.collateral + sum(min(0, arithmetic.pool_equity(0, [held])) for held in state.holdings(pool))
    )


def _from_another_account(state: State, pool: Pool, effects: Effects) -> None:
    others = [account.cross for name, account in state.accounts.items() if name != pool.account]
    payer = next((other for other in others if other.collateral > 0), None)
    if payer is None or pool.collateral >= 0:
        _COVER(state, pool, effects)
        return
    payer.collateral += pool.collateral
    pool.collateral = 0


def _to_the_first_pool(event: events.Transfer, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    isolated = state.accounts[event.account].isolated
    if event.market not in isolated and isolated and amounts["amount"] > 0:
        event = evolve(event, market=min(isolated))
    return PERFORM[events.Transfer](event, state, amounts, effects)


def _without_regard_to_case(pool: Pool) -> list[Position]:
    names = sorted(pool.positions, key=lambda name: (name.lower(), name))
    return [pool.positions[name] for name in names if pool.positions[name].size]


def _forgets_what_is_empty(event: events.Transfer, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    cross, pool = PERFORM[events.Transfer](event, state, amounts, effects)
    if pool.collateral or pool.positions:
        return [cross, pool]
    del state.accounts[pool.account].isolated[event.market]
    return [cross]


def _calms_siblings(state: State, pool: Pool, position: Position, effects: Effects) -> None:
    _OPEN_WINDOWS(state, pool, position, effects)
    if state.venue.cooldown_scope == "account" and state.venue.cooldown_ms:
        for other in state.pools():
            if other.account == pool.account and other is not pool:
                for sibling in other.open_positions():
                    sibling.state = "cooldown" if sibling.state == "healthy" else sibling.state


def _adjusts_the_cross_pool(event: events.Adjust, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    return PERFORM[events.Adjust](evolve(event, mode="cross", market=None), state, amounts, effects)


def _adjusted_unassessed(event: events.Adjust, state: State, amounts: Amounts, effects: Effects) -> list[Pool]:
    PERFORM[events.Adjust](event, state, amounts, effects)
    return []


def _adjusted_below_zero(event: events.Adjust, state: State, amounts: Amounts) -> Failure | None:
    pool = event.pool_in(state)
    assert pool is not None
    short = pool.collateral + amounts["amount"] < 0
    return Failure("amount", "collateral", "would be below 0") if short else None


def _adjusted_during_an_order(event: events.Adjust, state: State, amounts: Amounts) -> Failure | None:
    pool = event.pool_in(state)
    assert pool is not None
    return order_working(pool)


ENGINES = (
    wrong(
        "X232",
        "ACC-12",
        "An isolated adjustment is booked in the cross pool",
        operates(events.Adjust, _adjusts_the_cross_pool),
    ),
    wrong("X233", "ACC-12", "An adjustment is not assessed", operates(events.Adjust, _adjusted_unassessed)),
    wrong(
        "X234",
        "ACC-12",
        "An adjustment that takes collateral below 0 is refused",
        checks(events.Adjust, refuses(InsufficientMargin, _adjusted_below_zero)),
    ),
    wrong(
        "X235",
        "ACC-12",
        "An adjustment is refused while an order is working",
        checks(events.Adjust, refuses(OrderWorking, _adjusted_during_an_order)),
    ),
    bug("B36", "LIQ-6", Patch(assessment, "assess", _cross_only)),
    bug("B40", "LIQ-3", sees(_with_the_cross_equity)),
    wrong("X117", "LIQ-6", "Only the first account is assessed", Patch(assessment, "assess", _first_account_only)),
    wrong("X118", "LIQ-6", "Isolated pools are skipped at blocks", operates(events.Block, _cross_blocks_only)),
    wrong("X119", "LIQ-6", "A mark is assessed for cross pools only", operates(events.MarkPrice, _only_cross_marks)),
    wrong(
        "X120",
        "LIQ-6",
        "A mark is assessed for a pool's first market only",
        operates(events.MarkPrice, _only_first_markets),
    ),
    wrong("X121", "LIQ-1", "The cross pool must cover isolated margins too", sees(_with_isolated_margins)),
    wrong(
        "X122",
        "ACC-2",
        "The vault takes the cross pool with an isolated one",
        Patch(assessment, "hand_to_vault", _the_whole_account),
    ),
    wrong(
        "X123",
        "ACC-2",
        "An isolated liquidation closes the cross sibling",
        Patch(assessment, "to_attempt", _its_cross_sibling_too),
    ),
    wrong(
        "X124",
        "ACC-2",
        "An isolated liquidation marks the cross pool",
        Patch(assessment, "assess", _cross_is_liquidated_with_it),
    ),
    wrong(
        "X125",
        "ACC-2",
        "A closed isolated position returns its margin to the cross pool",
        Patch(changes, "reduce", _sweeps),
    ),
    wrong(
        "X126",
        "FIL-4",
        "A liquidated isolated position returns its margin to the cross pool",
        operates(events.Fill, _sweeps_after_fills),
    ),
    wrong("X127", "FIL-1", "Isolated profit goes to the cross pool", Patch(changes, "reduce", _profit_to_cross)),
    wrong("X128", "ACC-6", "A transfer back goes forth", operates(events.Transfer, _pays_the_wrong_way)),
    wrong("X208", "MRG-3", "Equity counts losses and no profits", sees(_losses_only)),
    wrong(
        "X209",
        "ACC-10",
        "A deficit is taken from another account",
        Patch(assessment, "cover_deficit", _from_another_account),
    ),
    wrong(
        "X210",
        "ACC-1",
        "A transfer goes to the isolated pool that is there",
        operates(events.Transfer, _to_the_first_pool),
    ),
    wrong(
        "X211",
        "CLD-5",
        "A window of the account calms its other pools",
        Patch(changes, "open_windows", _calms_siblings),
    ),
    wrong(
        "X216",
        "AMT-7",
        "A pool's positions are taken in order of market without regard to case",
        Patch(Pool, "open_positions", _without_regard_to_case),
    ),
    wrong(
        "X217",
        "ACC-3",
        "A transfer that empties a pool never traded in forgets it",
        operates(events.Transfer, _forgets_what_is_empty),
    ),
)
