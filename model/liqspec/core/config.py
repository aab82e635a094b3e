"""What a venue and a run are configured with, as written outside: decimal strings, rates, names (CFG-1)."""

import json
from typing import Any, Literal

import attrs
from attrs import Factory, field, frozen

from liqspec.core.parameters import BackstopConfig, LiquidationConfig
from liqspec.edge import shapes
from liqspec.edge.validators import are_amounts, are_names, is_amount, is_integer, is_rate

Mode = Literal["cross", "isolated"]


@frozen(kw_only=True)
class TierConfig:
    """A margin tier (MRG-4, MRG-8)."""

    above: str = field(validator=is_amount)
    maintenance_rate: str = field(validator=is_rate)
    max_leverage: int = field(validator=is_integer)


@frozen(kw_only=True)
class MarketConfig:
    """A market: its grids and its margin tiers."""

    tick: str = field(validator=is_amount)
    lot: str = field(validator=is_amount)
    tiers: tuple[TierConfig, ...]


@frozen(kw_only=True)
class VaultConfig:
    """What the liquidator vault starts with."""

    cash: str = field(default="0", validator=is_amount)


@frozen(kw_only=True)
class Config:
    """The whole configuration of a run (CFG-1)."""

    markets: dict[str, MarketConfig]
    marks: dict[str, str] = field(validator=are_amounts)
    accounts: tuple[str, ...] = field(validator=are_names)
    backstop: BackstopConfig
    liquidation: LiquidationConfig = Factory(LiquidationConfig)
    vault: VaultConfig = Factory(VaultConfig)
    quote_unit: str = field(default="0.000001", validator=is_amount)
    time: int = field(default=0, validator=is_integer)

    @classmethod
    def from_json(cls, data: object) -> "Config":
        """The configuration in plain data, as the protocol and the venue files write it.

        Raises:
            shapes.WrongShape: a field is missing, unknown or mistyped, or a number is malformed.
        """
        return shapes.structure(data, cls)

    def to_json(self) -> dict[str, Any]:
        """The configuration as the protocol writes it, without what is absent; `from_json` reads it."""
        data = attrs.asdict(self, filter=lambda _, value: value is not None)
        plain: dict[str, Any] = json.loads(json.dumps(data))  # tuples become lists
        return plain
