"""What everyone may see of a venue, as plain data in the outside format (OBS-1)."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding
from liqspec.core.state import Book, Pool, Position, State
from liqspec.edge.amounts import Grid, is_decimal

PLACES = 18  # the decimals of an observed bankruptcy price (OBS-5)
_BANKRUPTCY = Grid(Fraction(1, 10**PLACES))


def observe(state: State) -> dict[str, Any]:
    """The observation of a state: positions, pools and vault (OBS-1)."""
    return Observer().observe(state)


class Observer:
    """Observes a run again and again; an entry is formed again only when what it shows has changed.

    Its observations share their entries, and must not be changed.
    """

    def __init__(self) -> None:
        self._formed: dict[object, tuple[object, dict[str, Any]]] = {}  # what an entry shows, and the entry

    def observe(self, state: State) -> dict[str, Any]:
        """The observation of a state: positions, pools and vault (OBS-1)."""
        return {
            "time": state.time,
            "block": state.block,
            **({"marks": observe_marks(state)} if state.venue.forms_marks else {}),
            "positions": [self._position(state, position) for _, position in state.positions()],
            "pools": [self._pool(state, pool) for pool in state.pools()],
            "vault": self._vault(state),
        }

    def _position(self, state: State, position: Position) -> dict[str, Any]:
        ends = cooldown_until(state, position)
        shown: tuple[object, ...] = position.state, position.size, position.cost, position.order, position.life, ends
        if state.venue.limits_orders:
            shown += (position.limit,)
        if state.venue.shows_prices:
            shown += (measured(state, position),)
        return self._kept(position, shown, lambda: observe_position(state, position))

    def _pool(self, state: State, pool: Pool) -> dict[str, Any]:
        shown = (pool.collateral, pool.in_liquidation, tuple(state.holdings(pool)))
        return self._kept(pool, shown, lambda: observe_pool(state, pool))

    def _vault(self, state: State) -> dict[str, Any]:
        vault = state.vault
        shown = (vault.cash, state.equity(vault), tuple(vault.positions.items()))
        return self._kept(vault, shown, lambda: observe_vault(state))

    def _kept(
        self, of: Position | Pool | Book, shown: tuple[object, ...], form: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """The entry of something that shows this; formed only if it showed something else before."""
        formed = self._formed.get(of)
        if formed is None or formed[0] != shown:
            formed = self._formed[of] = shown, form()
        return formed[1]


def observe_marks(state: State) -> dict[str, str]:
    """The marks as observed in a run that forms them (MRK-8)."""
    return {market: state.venue.markets[market].price.text(mark) for market, mark in state.marks.items()}


def observe_vault(state: State) -> dict[str, Any]:
    """The vault as observed (OBS-2)."""
    money, markets, vault = state.venue.money, state.venue.markets, state.vault
    return {
        "cash": money.text(vault.cash),
        "equity": money.text(state.equity(vault)),
        "positions": {name: markets[name].size.text(size) for name, size in sorted(vault.positions.items())},
    }


def observe_position(state: State, position: Position) -> dict[str, Any]:
    """A position as observed; closed ones too (OBS-2). It has its prices where they are shown (OBS-5)."""
    size = position.market.size
    prices = observe_prices(state, position) if state.venue.shows_prices else {}
    limited = {"limit": observe_limit(position)} if state.venue.limits_orders else {}
    return {
        "account": position.account,
        "market": position.market.name,
        "mode": position.mode,
        "state": position.state,
        "size": size.text(position.size),
        "cost": state.venue.money.text(position.cost),
        "order": None if position.order is None else size.text(position.order),
        **limited,
        "life": position.life,
        "cooldown_until": cooldown_until(state, position),
        **prices,
    }


def observe_limit(position: Position) -> str | None:
    """The limit of a position's working order as observed; null where none works (LIQ-17)."""
    return None if position.order is None or position.limit is None else position.market.price.text(position.limit)


def observe_prices(state: State, position: Position) -> dict[str, str | None]:
    """The prices of a position as observed, null where there is none (OBS-5)."""
    of = measured(state, position)
    if of is None:
        return {"liquidation_price": None, "bankruptcy_price": None}
    equity, _, held = of
    ticks, tick = arithmetic.liquidation_price(*of), position.market.price
    top, bottom = arithmetic.bankruptcy_price(equity, held)
    bankruptcy = Fraction(top * tick.step.numerator, bottom * tick.step.denominator)
    return {
        "liquidation_price": None if ticks is None else tick.text(ticks),
        "bankruptcy_price": bankruptcy_text(bankruptcy, held.size),
    }


def bankruptcy_text(price: Fraction, size: int) -> str:
    """A bankruptcy price as a decimal of at most 18 places, rounded in favour of a pool with that size (OBS-5)."""
    divide = arithmetic.divide_up if size > 0 else arithmetic.divide_down
    return _BANKRUPTCY.text(divide(price.numerator * 10**PLACES, price.denominator))


def measured(state: State, position: Position) -> tuple[int, int, Holding] | None:
    """What the prices of a position depend on; None if it is not open."""
    pool = state.pool(position.account, position.mode, position.market.name)
    return None if pool is None or not position.size else state.measured(pool, position)


def cooldown_until(state: State, position: Position) -> int | None:
    """The end of the window that a position shows: its own, while it is open (OBS-2)."""
    shows = position.size and arithmetic.window_open(state.time, position.window.until)
    return position.window.until if shows else None


def observe_pool(state: State, pool: Pool, *, measured: bool = True) -> dict[str, Any]:
    """A margin pool as observed (OBS-2); where it is not `measured`, without its measures at the marks."""
    return {
        "account": pool.account,
        "mode": pool.mode,
        "market": pool.market,
        "collateral": state.venue.money.text(pool.collateral),
        **(observe_measures(state, pool) if measured else {}),
        "in_liquidation": pool.in_liquidation,
    }


MEASURES = ("equity", "maintenance_margin", "initial_margin")


def observe_measures(state: State, pool: Pool) -> dict[str, str]:
    """The measures of a margin pool at the marks (OBS-2)."""
    money, held = state.venue.money, state.holdings(pool)
    equity = arithmetic.pool_equity(pool.collateral, held)
    margins = arithmetic.pool_maintenance_margin(held), arithmetic.pool_initial_margin(held)
    return dict(zip(MEASURES, map(money.text, (equity, *margins)), strict=True))


def same(left: object, right: object) -> bool:
    """Whether two observed values are equal, amounts compared as numbers (OBS-3)."""
    if isinstance(left, str) and isinstance(right, str):
        return left == right or (is_decimal(left) and is_decimal(right) and Fraction(left) == Fraction(right))
    return type(left) is type(right) and left == right
