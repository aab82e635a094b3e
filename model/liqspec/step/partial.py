"""What may be known of a state: an observation with anything left out, and memories that it does not show (STP-2)."""

from collections import Counter
from functools import cache
from typing import Any

import attrs
from attrs import Factory, field, frozen

from liqspec.core import snapshot
from liqspec.core.config import Mode
from liqspec.core.snapshot import BookValue, PoolValue, PositionValue
from liqspec.edge import keys, shapes
from liqspec.edge.shapes import are_amounts, is_integer, is_moment, is_reported


@frozen(kw_only=True)
class PartialPosition:
    """What may be known of a position: its key, its window, and other fields of it in a snapshot, as these are written.

    No order is an order of "0", and no window one that ends at 0; None is what is not known.
    """

    account: str
    market: str
    mode: Mode
    cooldown_until: int | None = field(default=None, validator=is_moment)
    known: dict[str, Any] = Factory(dict)

    @property
    def pool_market(self) -> str | None:
        """The market of the pool that backs it, None for a cross pool."""
        return self.market if self.mode == "isolated" else None

    @property
    def path(self) -> str:
        """Its path, for messages."""
        return position_path(self.account, self.market, self.mode)


@frozen(kw_only=True)
class PartialPool:
    """What may be known of a margin pool: its key, its measures, and fields of it in a snapshot."""

    account: str
    mode: Mode
    market: str | None = None
    equity: str | None = field(default=None, validator=is_reported)
    maintenance_margin: str | None = field(default=None, validator=is_reported)
    initial_margin: str | None = field(default=None, validator=is_reported)
    known: dict[str, Any] = Factory(dict)

    @property
    def path(self) -> str:
        """Its path, for messages."""
        return pool_path(self.account, self.market)


def position_path(account: str, market: str, mode: Mode) -> str:
    """The path of a position, for messages."""
    return f"positions[{keys.position(account, market, mode)}]"


def pool_path(account: str, market: str | None) -> str:
    """The path of a pool, for messages."""
    return f"pools[{keys.pool(account, market)}]"


@frozen(kw_only=True)
class PartialVault:
    """What may be known of the vault: its equity, and fields of it in a snapshot."""

    equity: str | None = field(default=None, validator=is_reported)
    known: dict[str, Any] = Factory(dict)


@frozen(kw_only=True)
class PartialState:
    """An observation with anything left out, and the marks, which an observation does not have."""

    time: int | None = field(default=None, validator=is_integer)
    block: int | None = field(default=None, validator=is_integer)
    marks: dict[str, str] = field(factory=dict, validator=are_amounts)
    positions: tuple[PartialPosition, ...] = ()
    pools: tuple[PartialPool, ...] = ()
    vault: PartialVault = PartialVault()

    @classmethod
    def from_json(cls, data: object) -> "PartialState":
        """The partial state in plain data.

        Raises:
            shapes.WrongShape: a field is unknown or mistyped, or a key is missing, contradicts itself or is repeated.
        """
        written = _read(data)
        return cls(
            time=written.time,
            block=written.block,
            marks=written.marks,
            positions=tuple(_part(PartialPosition, entry) for entry in written.positions),
            pools=tuple(_part(PartialPool, entry) for entry in written.pools),
            vault=PartialVault() if written.vault is None else _part(PartialVault, written.vault),
        )


def check(data: dict[str, Any]) -> None:
    """See that plain data is a partial state, without making one of it.

    Raises:
        shapes.WrongShape: a field is unknown or mistyped, or a key is missing, contradicts itself or is repeated.
    """
    if not _holds(data):
        _read(data)


def _holds(data: dict[str, Any]) -> bool:
    """Whether it is a partial state of which each part has at most one entry, as in most lines of a log.

    False also where that is not seen at once.
    """
    for name, value in data.items():
        part = _PARTS.get(name)
        if part is None or not isinstance(value, list) or len(value) > 1:
            return False
        for entry in value:
            if not shapes.holds(_entry(entry), _shape_of(part)):
                return False
            if part is PartialPool and (entry["mode"] == "cross") != (entry.get("market") is None):
                return False
    return True


def _read(data: object) -> Any:
    """A partial state as records with its fields, None where one is left out."""
    written: Any = shapes.structure(_without_nulls(data), _shape())
    for pool in written.pools:
        if (pool.mode == "cross") != (pool.market is None):
            message = "a cross pool has no market, and an isolated one has its market"
            raise shapes.WrongShape(pool_path(pool.account, pool.market), message)
    paths = Counter(position_path(held.account, held.market, held.mode) for held in written.positions)
    paths.update(pool_path(pool.account, pool.market) for pool in written.pools)
    for path, times in paths.items():
        if times > 1:
            raise shapes.WrongShape(path, "is repeated")
    return written


_PARTS: dict[str, Any] = {"positions": PartialPosition, "pools": PartialPool}
_RECORDS: dict[Any, Any] = {PartialPosition: PositionValue, PartialPool: PoolValue, PartialVault: BookValue}


@cache
def known_fields(record: Any) -> tuple[snapshot.Field, ...]:
    """The fields of a record that a state known in part may have as a snapshot has them."""
    listed = snapshot.fields(record)
    return tuple(one for one in listed if one.kind not in ("record", "records") and one.name != "market")


@cache
def _shape() -> type[Any]:
    """The class of a partial state in plain data; what is left out is None."""
    positions, pools, vault = (_shape_of(part) for part in (PartialPosition, PartialPool, PartialVault))
    fields = _own_fields(PartialState)
    fields["positions"] = attrs.field(type=tuple[positions, ...], default=())  # type: ignore[valid-type]  # made just now
    fields["pools"] = attrs.field(type=tuple[pools, ...], default=())  # type: ignore[valid-type]  # made just now
    fields["vault"] = attrs.field(type=vault, default=None)
    return attrs.make_class("PartialState", fields, frozen=True, kw_only=True)


@cache
def _shape_of(part: Any) -> type[Any]:
    known = {one.name: snapshot.outside(one, required=False) for one in known_fields(_RECORDS[part])}
    return attrs.make_class(part.__name__, {**_own_fields(part), **known}, frozen=True, kw_only=True)


def _own_fields(part: Any) -> dict[str, Any]:
    own = [one for one in attrs.fields(part) if one.name != "known"]
    return {one.name: attrs.field(type=one.type, default=one.default, validator=one.validator) for one in own}


def _part(part: Any, written: Any) -> Any:
    known = {one.name: getattr(written, one.name) for one in known_fields(_RECORDS[part])}
    own = {name: getattr(written, name) for name in _own_fields(part)}
    return part(**own, known={name: value for name, value in known.items() if value is not None})


# In these fields null is a value, and this is what stands for it; None is what is left out.
_NULLS = {
    **{"order": "0", "cooldown_until": 0, "market": None},
    **dict.fromkeys(("limit", "liquidation_price", "bankruptcy_price")),
}


def _without_nulls(data: object) -> object:
    if not isinstance(data, dict):
        return data
    plain = dict(data)
    for part in ("positions", "pools"):
        if isinstance(plain.get(part), list):
            plain[part] = [_entry(entry) for entry in plain[part]]
    return plain


def _entry(entry: object) -> object:
    if not isinstance(entry, dict) or None not in entry.values():
        return entry
    fields = {name: _NULLS.get(name) if value is None and name in _NULLS else value for name, value in entry.items()}
    return {name: value for name, value in fields.items() if value is not None or name not in _NULLS}
