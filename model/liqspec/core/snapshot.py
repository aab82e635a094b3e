"""The whole state as a value: compared, hashed and restored."""

from typing import NamedTuple

from attrs import frozen

from liqspec.core.config import Mode
from liqspec.core.state import Account, Book, Pool, Position, State, Window
from liqspec.core.venue import Venue


class WindowValue(NamedTuple):
    """A window: its end, and what that was when the block began (CLD-3)."""

    until: int
    forcing_until: int


class PositionValue(NamedTuple):
    """A position with all that the rules remember of it."""

    market: str
    state: str
    size: int
    cost: int
    leverage: int
    life: int
    order: int | None
    attempted: bool
    failed: bool
    window: WindowValue


class PoolValue(NamedTuple):
    """A margin pool, its positions by market name; `market` is None for the cross pool."""

    market: str | None
    collateral: int
    in_liquidation: bool
    window: WindowValue
    positions: tuple[PositionValue, ...]


class AccountValue(NamedTuple):
    """An account: its cross pool first, then its isolated pools by market name."""

    name: str
    window: WindowValue
    pools: tuple[PoolValue, ...]


class BookValue(NamedTuple):
    """The vault's or the outside's cash and positions by market name."""

    cash: int
    positions: tuple[tuple[str, int], ...]


@frozen(cache_hash=True)
class Snapshot:
    """The state of a run between two events; everything in integers."""

    time: int
    block: int
    marks: tuple[tuple[str, int], ...]
    accounts: tuple[AccountValue, ...]
    vault: BookValue
    outside: BookValue
    net_deposits: int


# --------------------------------------------------------------------------------------------------------- take, build


def take(state: State) -> Snapshot:
    """The state as a value."""
    return Snapshot(
        state.time,
        state.block,
        tuple(state.marks.items()),
        tuple(
            AccountValue(account.name, _window(account.window), tuple(_pool(pool) for pool in account.pools()))
            for account in state.accounts.values()
        ),
        _book(state.vault),
        _book(state.outside),
        state.net_deposits,
    )


def build(venue: Venue, value: Snapshot) -> State:
    """The state of a value, for the rule set that it was taken under."""
    accounts = {}
    for account in value.accounts:
        pools = [_build_pool(venue, account.name, pool) for pool in account.pools]
        accounts[account.name] = Account(
            account.name,
            pools[0],
            {pool.market: pool for pool in pools[1:] if pool.market is not None},
            Window(*account.window),
        )
    return State(
        venue,
        value.time,
        dict(value.marks),
        accounts,
        Book(value.vault.cash, dict(value.vault.positions)),
        Book(value.outside.cash, dict(value.outside.positions)),
        value.net_deposits,
        value.block,
    )


def _window(window: Window) -> WindowValue:
    return WindowValue(window.until, window.forcing_until)


def _pool(pool: Pool) -> PoolValue:
    return PoolValue(
        pool.market,
        pool.collateral,
        pool.in_liquidation,
        _window(pool.window),
        tuple(
            PositionValue(
                market,
                position.state,
                position.size,
                position.cost,
                position.leverage,
                position.life,
                position.order,
                position.attempted,
                position.failed,
                _window(position.window),
            )
            for market, position in sorted(pool.positions.items())
        ),
    )


def _book(book: Book) -> BookValue:
    return BookValue(book.cash, tuple(sorted(book.positions.items())))


def _build_pool(venue: Venue, account: str, value: PoolValue) -> Pool:
    mode: Mode = "cross" if value.market is None else "isolated"
    positions = {}
    for held in value.positions:
        fields = held._asdict()
        fields.update(account=account, market=venue.markets[held.market], mode=mode, window=Window(*held.window))
        positions[held.market] = Position(**fields)
    return Pool(account, mode, value.market, value.collateral, value.in_liquidation, positions, Window(*value.window))
