"""Engines whose vault takes, pays or returns wrongly."""

from typing import Any

from attrs import evolve

from liqspec.core import arithmetic, assessment
from liqspec.core.arithmetic import Ratio
from liqspec.core.effects import Backstopped
from liqspec.core.state import Book, GuardInputs, Pool, Position, State
from liqspec.step.wrong_engines.base import REAL_MEASURE, Patch, bug, sees, wrong

Effects = list[Any]

_HAND = assessment.hand_to_vault
_WAIT = assessment.backstop_or_wait
_COVER = assessment.cover_deficit
_EQUITY = State.equity
_RETURN = arithmetic.backstop_return


def _pnl(state: State, pool: Pool) -> list[int]:
    return [arithmetic.unrealised_pnl(held.size, held.cost, held.mark, held.unit) for held in state.holdings(pool)]


def _profit_as_loss(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    settled = pool.collateral - sum(abs(pnl) for pnl in _pnl(state, pool))
    _HAND(state, pool, evolve(inputs, equity=settled), effects)


def _minus_its_positions(self: State, book: Book) -> int:
    return 2 * book.cash - _EQUITY(self, book)


def _with_siblings(self: State, book: Book) -> int:
    # The other strategies of the same fund, at 1,000,000 quote units.
    return _EQUITY(self, book) + (10**6 if book is self.vault else 0)


def _profit_twice(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    profit = sum(_pnl(state, pool))
    _HAND(state, pool, inputs, effects)
    state.vault.cash += profit


def _another_share(state: State, pool: Pool, inputs: GuardInputs) -> GuardInputs:
    return evolve(inputs, backstop_threshold=state.venue.partial_fraction)


def _of_initial_margin(self: Position, inputs: GuardInputs) -> bool:
    # Initial margin is at least twice the maintenance margin here.
    return arithmetic.below_backstop(inputs.equity, 2 * inputs.maintenance_margin, inputs.backstop_threshold)


def _in_thirds(state: State, pool: Pool, effects: Effects) -> None:
    deficit = max(0, -pool.collateral)
    _COVER(state, pool, effects)
    state.vault.cash += deficit - deficit // 3 * 3


def _reverts_when_insolvent(state: State, pool: Pool, effects: Effects) -> None:
    if REAL_MEASURE(state, pool).equity >= 0:
        _WAIT(state, pool, effects)


def _reverts_without_collateral(state: State, pool: Pool, effects: Effects) -> None:
    if pool.collateral >= 0:
        _WAIT(state, pool, effects)


def _every_other(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    returned = arithmetic.backstop_return(inputs.equity, state.venue.return_fraction)
    for position in pool.open_positions()[::2]:
        state.vault.add(position.market.name, position.size, position.cost)
        position.end_life()
    state.vault.cash += pool.collateral - returned
    pool.collateral = returned
    effects.append(Backstopped(pool.key, inputs.equity, pool.collateral, returned))
    assessment.leave_liquidation(pool, "BKS-3", effects)


def _at_the_line(equity: int, maintenance: int, threshold: Ratio) -> bool:
    return equity * threshold.denominator <= maintenance * threshold.numerator


def _line_rounded_down(equity: int, maintenance: int, threshold: Ratio) -> bool:
    return equity < maintenance * threshold.numerator // threshold.denominator


def _at_the_mark(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    profit = sum(_pnl(state, pool))
    _HAND(state, pool, inputs, effects)
    state.vault.cash -= profit


def _pays_the_trader_the_mark(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    profit = sum(_pnl(state, pool))
    _HAND(state, pool, inputs, effects)
    state.vault.cash -= profit
    pool.collateral += profit


def _returns_of_collateral(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    _HAND(state, pool, evolve(inputs, equity=pool.collateral), effects)


def _returns_of_the_rest(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    _HAND(state, pool, evolve(inputs, equity=inputs.equity - inputs.maintenance_margin), effects)


def _return_up(equity: int, fraction: Ratio) -> int:
    return arithmetic.divide_up(fraction.numerator * max(equity, 0), fraction.denominator)


def _return_negative(equity: int, fraction: Ratio) -> int:
    return arithmetic.divide_down(fraction.numerator * equity, fraction.denominator)


def _returns_nothing(equity: int, fraction: Ratio) -> int:
    return 0


def _returns_to_cross(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    _HAND(state, pool, inputs, effects)
    if pool.mode == "isolated":
        state.accounts[pool.account].cross.collateral += pool.collateral
        pool.collateral = 0


def _leaves_the_deficit(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    deficit = max(0, -pool.collateral)
    _HAND(state, pool, inputs, effects)
    state.vault.cash += deficit


def _collateral_stays(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    collateral = pool.collateral
    _HAND(state, pool, inputs, effects)
    if collateral > pool.collateral:
        state.vault.cash -= collateral - pool.collateral
        pool.collateral = collateral


def _stays_in_liquidation(state: State, pool: Pool, inputs: GuardInputs, effects: Effects) -> None:
    _HAND(state, pool, inputs, effects)
    pool.in_liquidation = True


def _only_while_solvent(state: State, pool: Pool, effects: Effects) -> None:
    if _EQUITY(state, state.vault) >= 0:
        _WAIT(state, pool, effects)


def _with_the_last_cash(state: State, pool: Pool, effects: Effects) -> None:
    paid = min(max(0, -pool.collateral), max(0, state.vault.cash))
    if pool.collateral < 0 and paid < -pool.collateral:
        state.vault.cash -= paid
        pool.collateral += paid
    else:
        _COVER(state, pool, effects)


def _of_the_cross_pool(state: State, pool: Pool, effects: Effects) -> None:
    cross = state.accounts[pool.account].cross
    if pool.mode == "isolated" and pool.collateral < 0 < cross.collateral:
        cross.collateral += pool.collateral
        pool.collateral = 0
    _COVER(state, pool, effects)


def _forgotten(state: State, pool: Pool, effects: Effects) -> None:
    pool.collateral = max(0, pool.collateral)


def _never_covered(state: State, pool: Pool, effects: Effects) -> None:
    return


def _never_taken(state: State, pool: Pool, effects: Effects) -> None:
    return


def _at_two_thirds(equity: int, maintenance: int, threshold: Ratio) -> bool:
    return 3 * equity < 2 * maintenance


def _return_one_over(equity: int, fraction: Ratio) -> int:
    return _RETURN(equity, Ratio(min(1, fraction.numerator), fraction.denominator))


ENGINES = (
    bug("B12", "MRG-1", Patch(assessment, "hand_to_vault", _profit_as_loss)),
    bug("B14", "BKS-8", Patch(State, "equity", _minus_its_positions)),
    bug("B31", "BKS-8", Patch(State, "equity", _with_siblings)),
    bug(
        "B33",
        "EVT-10",
        Patch(assessment, "hand_to_vault", _profit_twice),
    ),
    bug("B35", "MRG-4", sees(_another_share)),
    bug("B58", "BKS-7", Patch(assessment, "cover_deficit", _in_thirds)),
    bug(
        "B59",
        "LIQ-5",
        Patch(assessment, "backstop_or_wait", _reverts_when_insolvent),
    ),
    bug(
        "B78",
        "BKS-3",
        Patch(assessment, "hand_to_vault", _every_other),
    ),
    wrong("X96", "BKS-1", "The line itself is below the line", Patch(arithmetic, "below_backstop", _at_the_line)),
    wrong("X97", "BKS-1", "The line is rounded down", Patch(arithmetic, "below_backstop", _line_rounded_down)),
    wrong(
        "X98",
        "BKS-1",
        "The line is a share of the initial margin",
        Patch(Position, "below_backstop", _of_initial_margin),
    ),
    wrong("X99", "BKS-3", "The vault pays the mark, from nowhere", Patch(assessment, "hand_to_vault", _at_the_mark)),
    wrong(
        "X100",
        "BKS-3",
        "The vault settles the PnL with the trader",
        Patch(assessment, "hand_to_vault", _pays_the_trader_the_mark),
    ),
    wrong(
        "X101", "BKS-4", "The return is of the collateral", Patch(assessment, "hand_to_vault", _returns_of_collateral)
    ),
    wrong(
        "X102",
        "BKS-4",
        "The return is of what exceeds the margin",
        Patch(assessment, "hand_to_vault", _returns_of_the_rest),
    ),
    wrong("X103", "BKS-4", "The return is rounded up", Patch(arithmetic, "backstop_return", _return_up)),
    wrong("X104", "BKS-4", "A negative equity is returned too", Patch(arithmetic, "backstop_return", _return_negative)),
    wrong("X105", "BKS-4", "Nothing is returned", Patch(arithmetic, "backstop_return", _returns_nothing)),
    wrong(
        "X106",
        "BKS-4",
        "What is returned goes to the cross pool",
        Patch(assessment, "hand_to_vault", _returns_to_cross),
    ),
    wrong(
        "X107",
        "BKS-3",
        "The vault does not take a negative collateral",
        Patch(assessment, "hand_to_vault", _leaves_the_deficit),
    ),
    wrong(
        "X108",
        "BKS-6",
        "The vault takes the positions and leaves the collateral",
        Patch(assessment, "hand_to_vault", _collateral_stays),
    ),
    wrong(
        "X109",
        "BKS-3",
        "A backstopped pool stays in liquidation",
        Patch(assessment, "hand_to_vault", _stays_in_liquidation),
    ),
    wrong(
        "X110",
        "BKS-3",
        "A vault with bad debt takes nothing",
        Patch(assessment, "backstop_or_wait", _only_while_solvent),
    ),
    wrong(
        "X111",
        "BKS-7",
        "A deficit is covered only as far as the vault's cash goes",
        Patch(assessment, "cover_deficit", _with_the_last_cash),
    ),
    wrong(
        "X112",
        "ACC-2",
        "An isolated deficit is taken from the cross pool",
        Patch(assessment, "cover_deficit", _of_the_cross_pool),
    ),
    wrong("X113", "BKS-7", "A deficit is forgotten", Patch(assessment, "cover_deficit", _forgotten)),
    wrong("X114", "BKS-7", "A deficit stays with the pool", Patch(assessment, "cover_deficit", _never_covered)),
    wrong("X115", "BKS-3", "The vault takes nothing", Patch(assessment, "backstop_or_wait", _never_taken)),
    wrong(
        "X116",
        "BKS-3",
        "A pool with negative collateral cannot be taken",
        Patch(assessment, "backstop_or_wait", _reverts_without_collateral),
    ),
    wrong(
        "X223",
        "BKS-1",
        "The backstop threshold is 2/3 at every venue",
        Patch(arithmetic, "below_backstop", _at_two_thirds),
    ),
    wrong(
        "X227",
        "BKS-4",
        "A return fraction is taken for one over its denominator",
        Patch(arithmetic, "backstop_return", _return_one_over),
    ),
)
