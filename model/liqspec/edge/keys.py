"""The keys by which texts name a position, account/market/mode, and a pool, account/cross or account/market/isolated.

No name has a slash (AMT-7), so a key can be taken apart again.
"""

from collections.abc import Mapping
from typing import Any


def position(account: str, market: str, mode: str) -> str:
    """The key of a position."""
    return f"{account}/{market}/{mode}"


def pool(account: str, market: str | None) -> str:
    """The key of a pool; `market` is None for the cross pool."""
    return f"{account}/cross" if market is None else f"{account}/{market}/isolated"


def of_position(fields: Mapping[str, Any]) -> str:
    """The key of a position in plain data, or of the one that an event names."""
    return position(fields["account"], fields["market"], fields["mode"])


def of_pool(fields: Mapping[str, Any]) -> str:
    """The key of a pool in plain data, where a cross pool has no market or null."""
    return pool(fields["account"], fields.get("market"))


def parts(key: str) -> list[str]:
    """The names in a key."""
    return key.split("/")


def account_of(key: str) -> str:
    """The account of a position or a pool."""
    return parts(key)[0]


def market_of(key: str) -> str:
    """The market of a position or an isolated pool."""
    return parts(key)[1]


def pool_of(key: str) -> str:
    """The pool that backs a position: its own where it is isolated, else the cross pool (ACC-1).

    Any other text, such as a pool's key, is returned as it is.
    """
    account, *rest = parts(key)
    return pool(account, None) if len(rest) == 2 and rest[1] == "cross" else key
