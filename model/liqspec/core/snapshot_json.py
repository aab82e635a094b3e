"""A snapshot as JSON in the outside format, complete enough to continue from (OBS-4)."""

from typing import Any

from attrs import Factory, field, frozen

from liqspec.core import machine
from liqspec.core.parameters import InvalidConfig, on_grid
from liqspec.core.snapshot import AccountValue, BookValue, PoolValue, PositionValue, Snapshot, WindowValue
from liqspec.core.venue import Market, Venue
from liqspec.edge import shapes
from liqspec.edge.amounts import Grid
from liqspec.edge.names import check_name
from liqspec.edge.texts import show
from liqspec.edge.validators import are_amounts, are_reported, is_integer, is_moment, is_reported

FORMAT = 1


@frozen(kw_only=True)
class _Window:
    until: int = field(default=0, validator=is_moment)
    forcing_until: int = field(default=0, validator=is_moment)


@frozen(kw_only=True)
class _Position:
    market: str
    state: str
    size: str = field(validator=is_reported)
    cost: str = field(validator=is_reported)
    leverage: int = field(validator=is_integer)
    life: int = field(validator=is_integer)
    order: str | None = field(default=None, validator=is_reported)
    attempted: bool = False
    failed: bool = False
    window: _Window = Factory(_Window)


@frozen(kw_only=True)
class _Pool:
    market: str | None = None
    collateral: str = field(validator=is_reported)
    in_liquidation: bool = False
    window: _Window = Factory(_Window)
    positions: tuple[_Position, ...] = ()


@frozen(kw_only=True)
class _Account:
    name: str
    window: _Window = Factory(_Window)
    pools: tuple[_Pool, ...]


@frozen(kw_only=True)
class _Book:
    cash: str = field(default="0", validator=is_reported)
    positions: dict[str, str] = field(factory=dict, validator=are_reported)


@frozen(kw_only=True)
class _Document:
    format: int
    time: int = field(validator=is_integer)
    block: int = field(validator=is_integer)
    marks: dict[str, str] = field(validator=are_amounts)
    accounts: tuple[_Account, ...]
    vault: _Book = Factory(_Book)
    outside: _Book = Factory(_Book)
    net_deposits: str = field(default="0", validator=is_reported)


# --------------------------------------------------------------------------------------------------------------- write


def to_json(venue: Venue, snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as plain data in the outside format; `from_json` of it is the snapshot again (OBS-4)."""
    return {
        "format": FORMAT,
        "time": snapshot.time,
        "block": snapshot.block,
        "marks": {market: venue.markets[market].price.text(mark) for market, mark in snapshot.marks},
        "accounts": [
            {
                "name": account.name,
                "window": account.window._asdict(),
                "pools": [_pool(venue, pool) for pool in account.pools],
            }
            for account in snapshot.accounts
        ],
        "vault": _book(venue, snapshot.vault),
        "outside": _book(venue, snapshot.outside),
        "net_deposits": venue.money.text(snapshot.net_deposits),
    }


def _pool(venue: Venue, pool: PoolValue) -> dict[str, Any]:
    return _without_none(
        market=pool.market,
        collateral=venue.money.text(pool.collateral),
        in_liquidation=pool.in_liquidation,
        window=pool.window._asdict(),
        positions=[_position(venue, position) for position in pool.positions],
    )


def _position(venue: Venue, position: PositionValue) -> dict[str, Any]:
    size = venue.markets[position.market].size
    return _without_none(
        market=position.market,
        state=position.state,
        size=size.text(position.size),
        cost=venue.money.text(position.cost),
        leverage=position.leverage,
        life=position.life,
        order=None if position.order is None else size.text(position.order),
        attempted=position.attempted,
        failed=position.failed,
        window=position.window._asdict(),
    )


def _book(venue: Venue, book: BookValue) -> dict[str, Any]:
    positions = {market: venue.markets[market].size.text(size) for market, size in book.positions}
    return {"cash": venue.money.text(book.cash), "positions": positions}


def _without_none(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# ---------------------------------------------------------------------------------------------------------------- read


def from_json(venue: Venue, data: object) -> Snapshot:
    """The snapshot in plain data, for the rule set that it was taken under.

    Raises:
        shapes.WrongShape: a field is missing, unknown or mistyped, or the format is another one.
        InvalidConfig: a market is unknown, an amount is off its grid, or fields contradict each other.
    """
    written = shapes.structure(data, _Document)
    if written.format != FORMAT:
        raise shapes.WrongShape("format", f"this version reads format {FORMAT}, got {written.format}")
    if set(written.marks) != set(venue.markets):
        raise InvalidConfig("marks", f"must be of exactly these markets: {', '.join(venue.markets)}")
    names = [account.name for account in written.accounts]
    if not names:
        raise InvalidConfig("accounts", "at least one account is needed")
    for name in names:
        with shapes.at("accounts"):
            check_name(name)
    if len(set(names)) != len(names):
        raise InvalidConfig("accounts", "a name is repeated")
    return Snapshot(
        written.time,
        written.block,
        tuple(
            (market, _mark(f"marks.{market}", written.marks[market], venue.markets[market].price))
            for market in sorted(written.marks)
        ),
        tuple(
            _read_account(venue, f"accounts.{account.name}", account)
            for account in sorted(written.accounts, key=lambda account: account.name)
        ),
        _read_book(venue, "vault", written.vault),
        _read_book(venue, "outside", written.outside),
        on_grid("net_deposits", written.net_deposits, venue.money),
    )


def _mark(path: str, text: str, grid: Grid) -> int:
    mark = on_grid(path, text, grid)
    if mark <= 0:
        raise InvalidConfig(path, f"must be above 0, got {text}")
    return mark


def _read_account(venue: Venue, path: str, account: _Account) -> AccountValue:
    markets = [pool.market for pool in account.pools]
    if markets.count(None) != 1 or len(set(markets)) != len(markets):
        raise InvalidConfig(f"{path}.pools", "must be one cross pool (without market) and one isolated pool a market")
    pools = sorted(account.pools, key=lambda pool: (pool.market is not None, pool.market or ""))
    return AccountValue(
        account.name, _read_window(account.window), tuple(_read_pool(venue, path, pool) for pool in pools)
    )


def _read_pool(venue: Venue, path: str, pool: _Pool) -> PoolValue:
    path = f"{path}.{pool.market or 'cross'}"
    if pool.market is not None:
        _market(venue, path, pool.market)
        if any(position.market != pool.market for position in pool.positions):
            raise InvalidConfig(f"{path}.positions", "an isolated pool backs a position of its own market only")
    names = [position.market for position in pool.positions]
    if len(set(names)) != len(names):
        raise InvalidConfig(f"{path}.positions", "a market is repeated")
    return PoolValue(
        pool.market,
        on_grid(f"{path}.collateral", pool.collateral, venue.money),
        pool.in_liquidation,
        _read_window(pool.window),
        tuple(
            _read_position(venue, f"{path}.positions.{position.market}", position)
            for position in sorted(pool.positions, key=lambda position: position.market)
        ),
    )


def _read_position(venue: Venue, path: str, position: _Position) -> PositionValue:
    market = _market(venue, path, position.market)
    states = machine.lifecycle().table.states
    if position.state not in states or states[position.state].kind == "pseudo":
        raise InvalidConfig(f"{path}.state", f"unknown state {show(position.state)}")
    size = on_grid(f"{path}.size", position.size, market.size)
    if (size != 0) != (states[position.state].kind == "open"):
        raise InvalidConfig(f"{path}.size", f"{position.size} does not go with the state {position.state}")
    if size and not 1 <= position.leverage <= market.max_leverage:
        raise InvalidConfig(f"{path}.leverage", f"must be from 1 to {market.max_leverage}, got {position.leverage}")
    order = None if position.order is None else on_grid(f"{path}.order", position.order, market.size)
    if size and position.life < 1:
        raise InvalidConfig(f"{path}.life", "an open position has had at least one opening")
    if order is not None and not 0 < order <= abs(size):
        raise InvalidConfig(f"{path}.order", f"must be above 0 and at most the size, got {position.order}")
    if order is not None and position.state not in ("liquidatable", "partially_liquidated"):
        raise InvalidConfig(f"{path}.order", f"a position that is {position.state} has no liquidation order")
    return PositionValue(
        position.market,
        position.state,
        size,
        on_grid(f"{path}.cost", position.cost, venue.money),
        position.leverage,
        position.life,
        order,
        position.attempted,
        position.failed,
        _read_window(position.window),
    )


def _read_window(window: _Window) -> WindowValue:
    return WindowValue(window.until, window.forcing_until)


def _read_book(venue: Venue, path: str, book: _Book) -> BookValue:
    positions = []
    for market in sorted(book.positions):
        size = on_grid(f"{path}.positions.{market}", book.positions[market], _market(venue, path, market).size)
        if size:
            positions.append((market, size))
    return BookValue(on_grid(f"{path}.cash", book.cash, venue.money), tuple(positions))


def _market(venue: Venue, path: str, name: str) -> Market:
    if name not in venue.markets:
        raise InvalidConfig(path, f"unknown market {show(name)}")
    return venue.markets[name]
