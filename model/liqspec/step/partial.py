"""What may be known of a state: an observation with anything left out, and memories that it does not show (STP-2)."""

from attrs import field, frozen

from liqspec.core.config import Mode
from liqspec.edge import keys, shapes
from liqspec.edge.validators import are_amounts, are_reported, is_integer, is_moment, is_reported


@frozen(kw_only=True)
class PartialPosition:
    """What may be known of a position: its key and, field by field, what was observed or is remembered.

    No order is an order of "0", and no window one that ends at 0; None is what is not known.
    """

    account: str
    market: str
    mode: Mode
    state: str | None = None
    size: str | None = field(default=None, validator=is_reported)
    cost: str | None = field(default=None, validator=is_reported)
    order: str | None = field(default=None, validator=is_reported)
    life: int | None = field(default=None, validator=is_integer)
    cooldown_until: int | None = field(default=None, validator=is_moment)
    leverage: int | None = field(default=None, validator=is_integer)
    attempted: bool | None = None
    failed: bool | None = None

    @property
    def pool_market(self) -> str | None:
        """The market of the pool that backs it, None for a cross pool."""
        return self.market if self.mode == "isolated" else None

    @property
    def path(self) -> str:
        """Where it stands, for messages."""
        return f"positions[{keys.position(self.account, self.market, self.mode)}]"


@frozen(kw_only=True)
class PartialPool:
    """What may be known of a margin pool."""

    account: str
    mode: Mode
    market: str | None = None
    collateral: str | None = field(default=None, validator=is_reported)
    equity: str | None = field(default=None, validator=is_reported)
    maintenance_margin: str | None = field(default=None, validator=is_reported)
    initial_margin: str | None = field(default=None, validator=is_reported)
    in_liquidation: bool | None = None

    @property
    def path(self) -> str:
        """Where it stands, for messages."""
        return pool_path(self.account, self.market)


def pool_path(account: str, market: str | None) -> str:
    """Where a pool stands, for messages."""
    return f"pools[{keys.pool(account, market)}]"


@frozen(kw_only=True)
class PartialVault:
    """What may be known of the vault."""

    cash: str | None = field(default=None, validator=is_reported)
    equity: str | None = field(default=None, validator=is_reported)
    positions: dict[str, str] | None = field(default=None, validator=are_reported)


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
        read = shapes.structure(_without_nulls(data), cls)
        for pool in read.pools:
            if (pool.mode == "cross") != (pool.market is None):
                raise shapes.WrongShape(pool.path, "a cross pool has no market, and an isolated one has its market")
        paths = [*(held.path for held in read.positions), *(pool.path for pool in read.pools)]
        for path in paths:
            if paths.count(path) > 1:
                raise shapes.WrongShape(path, "is repeated")
        return read


# In these fields null is a value, and this is what stands for it.
_NULLS = {"order": "0", "cooldown_until": 0, "market": None}


def _without_nulls(data: object) -> object:
    if not isinstance(data, dict):
        return data
    plain = dict(data)
    for part in ("positions", "pools"):
        if isinstance(plain.get(part), list):
            plain[part] = [_entry(entry) for entry in plain[part]]
    return plain


def _entry(entry: object) -> object:
    if not isinstance(entry, dict):
        return entry
    told = {name: _NULLS.get(name) if value is None and name in _NULLS else value for name, value in entry.items()}
    return {name: value for name, value in told.items() if name != "market" or value is not None}
