"""What a venue and a run are configured with, as written outside: decimal strings, rates, names (CFG-1)."""

import json
from typing import Any, Literal

import attrs
from attrs import Attribute, Factory, field, frozen

from liqspec.edge import names, shapes
from liqspec.edge.amounts import MAX_INTEGER, check_amount, check_reported, rate
from liqspec.edge.texts import show

Mode = Literal["cross", "isolated"]
OrderPolicy = Literal["all", "ranked"]
Scope = Literal["position", "pool", "account"]


def is_amount(_: object, attribute: "Attribute[str]", value: str | None) -> None:
    """An attrs validator: a decimal string (AMT-3)."""
    if value is not None:
        with shapes.at(attribute.name):
            check_amount(value)


def is_reported(_: object, attribute: "Attribute[str]", value: str | None) -> None:
    """An attrs validator: an amount of a state, which may be longer than one that is put in (AMT-3)."""
    if value is not None:
        with shapes.at(attribute.name):
            check_reported(value)


def are_reported(_: object, attribute: "Attribute[dict[str, str]]", value: dict[str, str] | None) -> None:
    """An attrs validator: a table of amounts of a state (AMT-3)."""
    for name, text in (value or {}).items():
        with shapes.at(f"{attribute.name}.{name}"):
            check_reported(text)


def is_rate(_: object, attribute: "Attribute[str]", value: str) -> None:
    """An attrs validator: an exact rate (AMT-5)."""
    with shapes.at(attribute.name):
        rate(value)


def is_integer(_: object, attribute: "Attribute[int]", value: int | None) -> None:
    """An attrs validator: a whole number from 0 to 2^53 - 1 (EVT-4)."""
    if value is not None and (type(value) is not int or not 0 <= value <= MAX_INTEGER):
        raise shapes.WrongShape(attribute.name, f"expected a whole number from 0 to {MAX_INTEGER}, got {show(value)}")


def is_moment(_: object, attribute: "Attribute[int]", value: int | None) -> None:
    """An attrs validator: the end of a window, a sum of two integers that may lie beyond their range (CFG-2)."""
    if value is not None and value < 0:
        raise shapes.WrongShape(attribute.name, f"expected a whole number of at least 0, got {show(value)}")


def are_amounts(_: object, attribute: "Attribute[dict[str, str]]", value: dict[str, str]) -> None:
    """An attrs validator: a table of decimal strings (AMT-3)."""
    for name, text in value.items():
        with shapes.at(f"{attribute.name}.{name}"):
            check_amount(text)


def are_names(_: object, attribute: "Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    """An attrs validator: names of accounts (AMT-7)."""
    for name in value:
        with shapes.at(attribute.name):
            check_name(name)


def check_name(value: str) -> None:
    """Refuse what cannot be the name of an account or a market (AMT-7).

    Raises:
        ValueError: it is empty, too long, or has a code point that no name has.
    """
    wrong = names.what_is_wrong(value)
    if wrong is not None:
        raise ValueError(f"{show(value)} is not a valid name: {wrong}")


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
class LiquidationConfig:
    """How the venue liquidates in the market (LIQ, PRT, CLD, FIL)."""

    order_policy: OrderPolicy = "all"
    stop_when_restored: bool = True
    partial_threshold: str | None = field(default=None, validator=is_amount)
    partial_fraction: str = field(default="1", validator=is_rate)
    cooldown_ms: int = field(default=0, validator=is_integer)
    cooldown_scope: Scope = "pool"
    fee_rate: str = field(default="0", validator=is_rate)


@frozen(kw_only=True)
class BackstopConfig:
    """When the liquidator vault takes a pool, and what it returns (BKS)."""

    threshold: str = field(validator=is_rate)
    return_fraction: str = field(default="0", validator=is_rate)


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
