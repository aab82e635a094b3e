"""The protective orders of a scenario file: stops on positions, and margin alarms on pools (SCN-5, SCN-6)."""

from fractions import Fraction

from attrs import field, frozen

from liqspec.core.engine import Engine
from liqspec.core.parameters import InvalidConfig
from liqspec.edge import amounts, keys
from liqspec.edge.amounts import Grid
from liqspec.edge.shapes import is_amount, is_integer
from liqspec.edge.texts import did_you_mean, show

_STOP = 'position = "alice/BTC/cross" with a stop'
_ALARM = 'pool = "alice/cross" with an alarm and a deposit or a reduce'
_OF_STOPS, _OF_ALARMS = ("stop", "size"), ("alarm", "deposit", "reduce", "times")


@frozen(kw_only=True)
class Protect:
    """A protective order as a scenario file writes it: a stop of a position, or an alarm of a pool."""

    position: str | None = None
    stop: str | None = field(default=None, validator=is_amount)
    size: str | None = field(default=None, validator=is_amount)
    pool: str | None = None
    alarm: str | None = None
    deposit: str | None = field(default=None, validator=is_amount)
    reduce: str | None = None
    times: int | None = field(default=None, validator=is_integer)


@frozen(kw_only=True)
class Stop:
    """A stop (SCN-5): the position, the price in ticks, and the size in lots; None is the whole position."""

    position: str
    price: int
    size: int | None


@frozen(kw_only=True)
class Alarm:
    """A margin alarm (SCN-6): the pool, the multiple of its maintenance margin, and what the trader does, how often.

    Either `deposit`, in quote units, or `reduce`, a fraction of each position, is given.
    """

    pool: str
    multiple: Fraction
    deposit: int | None
    reduce: Fraction | None
    times: int


def read(entries: tuple[Protect, ...], engine: Engine) -> tuple[Stop | Alarm, ...]:
    """The protective orders in integers; an InvalidConfig says what to write instead of one that is not valid."""
    return tuple(_read(entry, f"protect[{index}]", engine) for index, entry in enumerate(entries, start=1))


def _read(entry: Protect, path: str, engine: Engine) -> Stop | Alarm:
    if (entry.position is None) == (entry.pool is None):
        given = "both a position and a pool" if entry.pool is not None else "neither a position nor a pool"
        raise InvalidConfig(path, f"has {given}; write either {_STOP}, or {_ALARM}")
    if entry.position is not None:
        _refuse(entry, _OF_ALARMS, path, f"is not of a stop; write {_STOP}, or {_ALARM}")
        return _stop(entry, entry.position, path, engine)
    assert entry.pool is not None, "one of the two is given"
    _refuse(entry, _OF_STOPS, path, f"is not of an alarm; write {_ALARM}, or {_STOP}")
    return _alarm(entry, entry.pool, path, engine)


def _refuse(entry: Protect, names: tuple[str, ...], path: str, message: str) -> None:
    for name in names:
        if getattr(entry, name) is not None:
            raise InvalidConfig(f"{path}.{name}", message)


def _stop(entry: Protect, key: str, path: str, engine: Engine) -> Stop:
    parts = keys.parts(key)
    if len(parts) != 3 or parts[2] not in ("cross", "isolated"):
        raise InvalidConfig(f"{path}.position", f"{show(key)} is not ACCOUNT/MARKET/MODE, such as alice/BTC/cross")
    _check_names(parts[0], parts[1], f"{path}.position", engine)
    market = engine.venue.markets[parts[1]]
    if entry.stop is None:
        raise InvalidConfig(f"{path}.stop", f"required field is missing: a price, such as {market.price.text(1)}")
    return Stop(
        position=key,
        price=_above_zero(entry.stop, market.price, f"{path}.stop"),
        size=None if entry.size is None else _above_zero(entry.size, market.size, f"{path}.size"),
    )


def _alarm(entry: Protect, key: str, path: str, engine: Engine) -> Alarm:
    parts = keys.parts(key)
    if parts[1:] != ["cross"] and (len(parts) != 3 or parts[2] != "isolated"):
        raise InvalidConfig(
            f"{path}.pool",
            f"{show(key)} is not ACCOUNT/cross or ACCOUNT/MARKET/isolated, such as alice/cross",
        )
    _check_names(parts[0], parts[1] if len(parts) == 3 else None, f"{path}.pool", engine)
    if entry.alarm is None:
        raise InvalidConfig(f"{path}.alarm", 'required field is missing: a multiple of the margin, such as "3/2"')
    multiple = _rate(entry.alarm, f"{path}.alarm")
    if multiple < 1:
        raise InvalidConfig(f"{path}.alarm", f"must be at least 1: below that the pool is breached; got {entry.alarm}")
    if (entry.deposit is None) == (entry.reduce is None):
        raise InvalidConfig(path, 'an alarm has either a deposit, such as "500", or a reduce, such as "1/2"')
    reduce = None if entry.reduce is None else _rate(entry.reduce, f"{path}.reduce")
    if reduce is not None and not 0 < reduce <= 1:
        raise InvalidConfig(f"{path}.reduce", f"must be above 0 and at most 1, such as 1/2; got {entry.reduce}")
    if entry.times == 0:
        raise InvalidConfig(f"{path}.times", "must be at least 1; leave the alarm out if it must not act")
    money = engine.venue.money
    return Alarm(
        pool=key,
        multiple=multiple,
        deposit=None if entry.deposit is None else _above_zero(entry.deposit, money, f"{path}.deposit"),
        reduce=reduce,
        times=1 if entry.times is None else entry.times,
    )


def _check_names(account: str, market: str | None, path: str, engine: Engine) -> None:
    for kind, name, known in (("account", account, engine.state.accounts), ("market", market, engine.state.marks)):
        if name is not None and name not in known:
            hint = did_you_mean(name, known) or f"; it has {', '.join(known)}"
            raise InvalidConfig(path, f"the scenario has no {kind} {show(name)}{hint}")


def _above_zero(text: str, grid: Grid, path: str) -> int:
    units = grid.units(text)
    if units is None or units <= 0:
        raise InvalidConfig(path, f"must be a multiple of {grid.text(1)} above 0; got {text}")
    return units


def _rate(text: str, path: str) -> Fraction:
    try:
        return amounts.rate(text)
    except amounts.MalformedAmount as error:
        raise InvalidConfig(path, str(error)) from None
