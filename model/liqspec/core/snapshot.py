"""The whole state as a value: compared, hashed, restored, and written as JSON from which a run can continue (OBS-4).

The records below list the fields of the state once, each with its type outside. Capture, restore, JSON, traces
(`replay.itf`), states known in part (`step`) and the schema follow the list.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen

from liqspec.core import machine
from liqspec.core.config import Market, Mode, Venue
from liqspec.core.families import mark_price
from liqspec.core.families.mark_price import Average, Feed, Perp
from liqspec.core.parameters import InvalidConfig, on_grid
from liqspec.core.state import Account, Book, Pool, Position, State, Window
from liqspec.edge import shapes
from liqspec.edge.keys import check_name
from liqspec.edge.shapes import are_amounts, are_reported, is_amount, is_integer, is_moment, is_reported
from liqspec.edge.texts import show

T = TypeVar("T")

FORMAT = 1

# What a field is outside: amounts are decimal strings on their grid. A size is in lots of the market of its record; the
# tables are by market name; a moment may lie beyond the range of integers.
Money = Annotated[int, "money"]
Size = Annotated[int, "size"]
Moment = Annotated[int, "moment"]
Sizes = Annotated[tuple[tuple[str, int], ...], "sizes"]
Prices = Annotated[tuple[tuple[str, int], ...], "prices"]
Price = Annotated[int, "price"]
Exact = Annotated[Decimal, "decimal"]
Kind = Literal[
    "money", "size", "sizes", "price", "prices", "decimal", "moment", "integer", "flag", "text", "record", "records"
]


class WindowValue(NamedTuple):
    """A window: its end, and what that was when the block began (CLD-3)."""

    until: Moment = 0
    forcing_until: Moment = 0


class PositionValue(NamedTuple):
    """A position with all that the rules remember of it."""

    market: str
    state: str
    size: Size
    cost: Money
    leverage: int
    life: int
    order: Size | None = None
    attempted: bool = False
    failed: bool = False
    limit: Price | None = None
    window: WindowValue = WindowValue()


class PoolValue(NamedTuple):
    """A margin pool, its positions by market name; `market` is None for the cross pool."""

    market: str | None
    collateral: Money
    in_liquidation: bool = False
    window: WindowValue = WindowValue()
    positions: tuple[PositionValue, ...] = ()


class AccountValue(NamedTuple):
    """An account: its cross pool first, then its isolated pools by market name."""

    name: str
    window: WindowValue
    pools: tuple[PoolValue, ...]


class BookValue(NamedTuple):
    """The vault's or the outside's cash and positions by market name."""

    cash: Money = 0
    positions: Sizes = ()


class InputValue(NamedTuple):
    """An input that may still count, and the time of its event (MRK-2)."""

    price: Price
    time: int


class PerpValue(NamedTuple):
    """A price on another venue, and its weight (MRK-1)."""

    price: Price
    weight: int


class PerpsValue(NamedTuple):
    """The prices on other venues that may still count, and the time of their event (MRK-2)."""

    prices: tuple[PerpValue, ...]
    time: int


class AverageValue(NamedTuple):
    """An average over time: numerator in ticks × ms, denominator in ms, latest sample in ticks, its time (MRK-5)."""

    numerator: Exact
    denominator: Exact
    sample: Exact
    time: int


@frozen(kw_only=True)
class FeedValue:
    """What a market remembers of its inputs."""

    market: str
    index: InputValue | None = None
    best_bid: InputValue | None = None
    best_ask: InputValue | None = None
    last: InputValue | None = None
    perps: PerpsValue | None = None
    basis: AverageValue | None = None
    book: AverageValue | None = None


class SettledValue(NamedTuple):
    """A market that is settled (EVT-11)."""

    market: str


@frozen(cache_hash=True)
class Snapshot:
    """The state of a run between two events; everything in integers."""

    time: int
    block: int
    marks: Prices
    accounts: tuple[AccountValue, ...]
    vault: BookValue
    outside: BookValue
    net_deposits: Money = 0
    feeds: tuple[FeedValue, ...] | None = None
    settled: tuple[SettledValue, ...] | None = None


@frozen
class Field:
    """A field of a record: its type outside, the class of a nested record, and the value where it is left out."""

    name: str
    kind: Kind
    record: Any
    default: Any

    @property
    def required(self) -> bool:
        """Whether the field may not be left out."""
        return self.default is attrs.NOTHING


@cache
def fields(record: Any) -> tuple[Field, ...]:
    """The fields of a record of the state, in their order.

    None is left out; so may be what has a default, and a record of which every field has one.
    """
    defaults = {one.name: one.default for one in attrs.fields(record)} if attrs.has(record) else record._field_defaults
    listed = []
    for name, hint in get_type_hints(record, include_extras=True).items():
        optional = type(None) in get_args(hint)
        kind, nested = _kind(get_args(hint)[0] if optional else hint)
        default = None if optional else defaults.get(name, attrs.NOTHING)
        if kind == "record" and not any(one.required for one in fields(nested)):
            default = nested()
        listed.append(Field(name, kind, nested, default))
    return tuple(listed)


def _kind(hint: Any) -> tuple[Kind, Any]:
    if get_origin(hint) is Annotated:
        return hint.__metadata__[0], None
    if get_origin(hint) is tuple:
        return "records", get_args(hint)[0]
    plain: dict[Any, Kind] = {int: "integer", bool: "flag", str: "text"}
    return (plain[hint], None) if hint in plain else ("record", hint)


AVERAGES = ("basis", "book")
_OF_POSITION = attrgetter(*PositionValue._fields[1:-1])


def capture(state: State) -> Snapshot:
    """The state as a value."""
    return Snapshot(
        state.time,
        state.block,
        tuple(state.marks.items()),
        tuple(
            [
                AccountValue(account.name, _window(account.window), tuple([_pool(pool) for pool in account.pools()]))
                for account in state.accounts.values()
            ]
        ),
        _book(state.vault),
        _book(state.outside),
        state.net_deposits,
        tuple(_feed(market, feed) for market, feed in sorted(state.feeds.items())) or None,
        tuple(SettledValue(market) for market in sorted(state.settled)) or None,
    )


def _feed(market: str, feed: Feed) -> FeedValue:
    kept: dict[str, Any] = {
        name: InputValue(value, time)
        if isinstance(value, int)
        else PerpsValue(tuple(PerpValue(*perp) for perp in value), time)
        for name, (value, time) in feed.given.items()
    }
    for name in AVERAGES:
        average: Average = getattr(feed, name)
        if average.time is not None:
            kept[name] = AverageValue(average.numerator, average.denominator, average.sample, average.time)
    return FeedValue(market=market, **kept)


def _pool(pool: Pool) -> PoolValue:
    return PoolValue(
        pool.market,
        pool.collateral,
        pool.in_liquidation,
        _window(pool.window),
        tuple(
            [
                PositionValue._make((market, *_OF_POSITION(position), _window(position.window)))
                for market, position in sorted(pool.positions.items())
            ]
        ),
    )


_NO_WINDOW = WindowValue()


def _window(window: Window) -> WindowValue:
    return WindowValue(window.until, window.forcing_until) if window.until or window.forcing_until else _NO_WINDOW


def _book(book: Book) -> BookValue:
    return BookValue(book.cash, tuple(sorted(book.positions.items())))


def build(venue: Venue, value: Snapshot) -> State:
    """The state of a value, for the rule set that it was captured under."""
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
        {feed.market: _build_feed(feed) for feed in value.feeds or ()},
        {entry.market for entry in value.settled or ()},
    )


def _build_feed(value: FeedValue) -> Feed:
    feed = Feed()
    for name in mark_price.INPUTS:
        kept = getattr(value, name)
        if kept is not None:
            given = kept.price if isinstance(kept, InputValue) else tuple(Perp(*perp) for perp in kept.prices)
            feed.given[name] = (given, kept.time)
    for name in AVERAGES:
        if (average := getattr(value, name)) is not None:
            setattr(feed, name, Average(*average))
    return feed


def _build_pool(venue: Venue, account: str, value: PoolValue) -> Pool:
    mode: Mode = "cross" if value.market is None else "isolated"
    positions = {
        held.market: Position(account, venue.markets[held.market], mode, *held[1:-1], Window(*held.window))
        for held in value.positions
    }
    return Pool(account, mode, value.market, value.collateral, value.in_liquidation, positions, Window(*value.window))


def to_json(venue: Venue, snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as plain data in the outside format; `from_json` of it is the snapshot again (OBS-4)."""
    return {"format": FORMAT, **write(venue, snapshot)}


def write(venue: Venue, record: Any, market: Market | None = None) -> dict[str, Any]:
    """A record of the state as plain data in the outside format; `market` is that of the record around it."""
    if isinstance(record, PositionValue | FeedValue):
        market = venue.markets[record.market]
    values = [(field, getattr(record, field.name)) for field in fields(record.__class__)]
    return {field.name: _write_value(venue, market, field.kind, value) for field, value in values if value is not None}


def _write_value(venue: Venue, market: Market | None, kind: Kind, value: Any) -> Any:
    match kind:
        case "money":
            return venue.money.text(value)
        case "size":
            assert market is not None, "only a position has a size"
            return market.size.text(value)
        case "price":
            assert market is not None, "only an input or an order has a price"
            return market.price.text(value)
        case "decimal":
            return f"{value:f}"
        case "sizes":
            return {name: venue.markets[name].size.text(size) for name, size in value}
        case "prices":
            return {name: venue.markets[name].price.text(price) for name, price in value}
        case "record":
            return write(venue, value, market)
        case "records":
            return [write(venue, entry, market) for entry in value]
        case _:
            return value


_OUTSIDE: dict[Kind, tuple[Any, Any]] = {
    "money": (str, is_reported),
    "size": (str, is_reported),
    "price": (str, is_amount),
    "decimal": (str, is_reported),
    "sizes": (dict[str, str], are_reported),
    "prices": (dict[str, str], are_amounts),
    "moment": (int, is_moment),
    "integer": (int, is_integer),
    "flag": (bool, None),
    "text": (str, None),
}


@cache
def _shape(record: Any) -> type[Any]:
    """The class of a record in the outside format; what is left out is None."""
    written: dict[str, Any] = {"format": attrs.field(type=int)} if record is Snapshot else {}
    written.update({field.name: outside(field, required=field.required) for field in fields(record)})
    return attrs.make_class(record.__name__, written, frozen=True, kw_only=True)


def outside(field: Field, *, required: bool) -> Any:
    """The attrs field that reads a field in the outside format; None is what is left out."""
    shape, validator = _OUTSIDE.get(field.kind, (None, None))
    if field.record is not None:
        shape = _shape(field.record)
    if field.kind == "records":
        shape = tuple[shape, ...]  # type: ignore[valid-type]  # made at run time, as its members are
    return attrs.field(type=shape, validator=validator, default=attrs.NOTHING if required else None)


def from_json(venue: Venue, data: object) -> Snapshot:
    """The snapshot in plain data, for the rule set that it was captured under.

    Raises:
        shapes.WrongShape: a field is missing, unknown or mistyped, or the format is another one.
        InvalidConfig: a market is unknown, an amount is off its grid, or fields contradict each other.
    """
    written: Any = shapes.structure(data, _shape(Snapshot))
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
    accounts = tuple(
        _read_account(venue, f"accounts.{account.name}", account)
        for account in sorted(written.accounts, key=lambda account: account.name)
    )
    read = _read(
        venue,
        Snapshot,
        written,
        "",
        accounts=accounts,
        feeds=_read_feeds(venue, written.feeds or (), written.time),
        settled=_read_settled(venue, written.settled or ()),
    )
    for market, mark in read.marks:
        if mark <= 0:
            raise InvalidConfig(f"marks.{market}", f"must be above 0, got {written.marks[market]}")
    return read


def _read(
    venue: Venue, record: Callable[..., T], written: Any, path: str, market: Market | None = None, **nested: Any
) -> T:
    """The value of a record in the outside format; `nested` are fields of it that are read already."""
    values = dict(nested)
    for field in fields(record):
        if field.name not in values:
            given = getattr(written, field.name)
            values[field.name] = field.default if given is None else _read_value(venue, market, field, given, path)
    return record(**values)


def _read_value(venue: Venue, market: Market | None, field: Field, given: Any, path: str) -> Any:
    below = f"{path}.{field.name}" if path else field.name
    match field.kind:
        case "money":
            return on_grid(below, given, venue.money)
        case "size":
            assert market is not None, "only a position has a size"
            return on_grid(below, given, market.size)
        case "sizes":
            sizes = [(name, on_grid(f"{below}.{name}", given[name], _market(venue, path, name).size)) for name in given]
            return tuple(sorted((name, size) for name, size in sizes if size))
        case "prices":
            return tuple(
                (name, on_grid(f"{below}.{name}", given[name], venue.markets[name].price)) for name in sorted(given)
            )
        case "price":
            assert market is not None, "only an input has a price"
            return _positive(below, on_grid(below, given, market.price))
        case "decimal":
            return Decimal(given)
        case "record":
            return _read(venue, field.record, given, below, market)
        case "records":
            places = enumerate(given, start=1)
            return tuple(_read(venue, field.record, entry, f"{below}[{place}]", market) for place, entry in places)
        case _:
            return given


def _positive(path: str, value: int) -> int:
    if value <= 0:
        raise InvalidConfig(path, "must be above 0")
    return value


def _read_feeds(venue: Venue, written: Any, now: int) -> tuple[FeedValue, ...] | None:
    if written and not venue.forms_marks:
        raise InvalidConfig("feeds", "the configuration of this run has no table mark (MRK-1)")
    names = [feed.market for feed in written]
    if len(set(names)) != len(names):
        raise InvalidConfig("feeds", "a market is repeated")
    feeds: list[FeedValue] = []
    for feed in sorted(written, key=lambda feed: feed.market):
        path = f"feeds.{feed.market}"
        feeds.append(_read(venue, FeedValue, feed, path, _market(venue, path, feed.market)))
        for name, value in attrs.asdict(feeds[-1], recurse=False).items():
            if isinstance(value, InputValue | PerpsValue | AverageValue) and value.time > now:
                raise InvalidConfig(f"{path}.{name}.time", f"must not be after the time of the state, got {value.time}")
            if isinstance(value, AverageValue) and value.denominator < 0:
                raise InvalidConfig(f"{path}.{name}.denominator", "must be at least 0")
            if isinstance(value, PerpsValue) and (not value.prices or any(one.weight < 1 for one in value.prices)):
                raise InvalidConfig(f"{path}.{name}.prices", "at least one entry is needed, and weights of at least 1")
    return tuple(feeds) or None


def _read_settled(venue: Venue, written: Any) -> tuple[SettledValue, ...] | None:
    names = sorted(entry.market for entry in written)
    if len(set(names)) != len(names):
        raise InvalidConfig("settled", "a market is repeated")
    return tuple(SettledValue(_market(venue, "settled", name).name) for name in names) or None


def _read_account(venue: Venue, path: str, written: Any) -> AccountValue:
    markets = [pool.market for pool in written.pools]
    if markets.count(None) != 1 or len(set(markets)) != len(markets):
        raise InvalidConfig(f"{path}.pools", "must be one cross pool (without market) and one isolated pool a market")
    pools = sorted(written.pools, key=lambda pool: (pool.market is not None, pool.market or ""))
    return _read(venue, AccountValue, written, path, pools=tuple(_read_pool(venue, path, pool) for pool in pools))


def _read_pool(venue: Venue, path: str, written: Any) -> PoolValue:
    path, held = f"{path}.{written.market or 'cross'}", written.positions or ()
    if written.market is not None:
        _market(venue, path, written.market)
        if any(position.market != written.market for position in held):
            raise InvalidConfig(f"{path}.positions", "an isolated pool backs a position of its own market only")
    names = [position.market for position in held]
    if len(set(names)) != len(names):
        raise InvalidConfig(f"{path}.positions", "a market is repeated")
    positions = tuple(
        _read_position(venue, f"{path}.positions.{position.market}", position)
        for position in sorted(held, key=lambda position: position.market)
    )
    return _read(venue, PoolValue, written, path, positions=positions)


def _read_position(venue: Venue, path: str, written: Any) -> PositionValue:
    market = _market(venue, path, written.market)
    states = machine.lifecycle().table.states
    if written.state not in states or states[written.state].kind == "pseudo":
        raise InvalidConfig(f"{path}.state", f"unknown state {show(written.state)}")
    held = _read(venue, PositionValue, written, path, market)
    if (held.size != 0) != (states[held.state].kind == "open"):
        raise InvalidConfig(f"{path}.size", f"{written.size} does not go with the state {held.state}")
    if held.size and not 1 <= held.leverage <= market.max_leverage:
        raise InvalidConfig(f"{path}.leverage", f"must be from 1 to {market.max_leverage}, got {held.leverage}")
    if held.size and held.life < 1:
        raise InvalidConfig(f"{path}.life", "an open position has had at least one opening")
    if held.order is not None and not 0 < held.order <= abs(held.size):
        raise InvalidConfig(f"{path}.order", f"must be above 0 and at most the size, got {written.order}")
    if held.order is not None and held.state not in ("liquidatable", "partially_liquidated"):
        raise InvalidConfig(f"{path}.order", f"a position that is {held.state} has no liquidation order")
    limited = held.order is not None and venue.limits_orders
    if limited != (held.limit is not None):
        wanted = "a price above 0" if limited else "left out: no order with a limit is working"
        raise InvalidConfig(f"{path}.limit", f"must be {wanted} (LIQ-17)")
    return held


def _market(venue: Venue, path: str, name: str) -> Market:
    if name not in venue.markets:
        raise InvalidConfig(path, f"unknown market {show(name)}")
    return venue.markets[name]
