"""Names of accounts and markets (AMT-7), and the keys of positions and pools that are made of names.

A position is account/market/mode; a pool account/cross or account/market/isolated. No name has a slash, so a key can be
taken apart again.
"""

from collections.abc import Mapping
from typing import Any

from liqspec.edge.texts import show

MAX_CODE_POINTS = 128

# First and last of each range, in their order. The last two code points of each plane are refused too.
REFUSED: tuple[tuple[int, int], ...] = (
    (0x0000, 0x0020),
    (0x002F, 0x002F),
    (0x007F, 0x00A0),
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x1680, 0x1680),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2000, 0x200F),
    (0x2028, 0x202F),
    (0x205F, 0x206F),
    (0x3000, 0x3000),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)


def is_refused(code_point: int) -> bool:
    """Whether a name must not have this code point (AMT-7)."""
    if code_point & 0xFFFE == 0xFFFE:  # U+xFFFE and U+xFFFF
        return True
    return any(first <= code_point <= last for first, last in REFUSED)


def what_is_wrong(name: str) -> str | None:
    """Why a string cannot be a name, in one phrase; None if it can (AMT-7)."""
    if not 0 < len(name) <= MAX_CODE_POINTS:
        return f"a name has 1 to {MAX_CODE_POINTS} code points, this has {len(name)}"
    refused = next((character for character in name if is_refused(ord(character))), None)
    return None if refused is None else f"a name must not have U+{ord(refused):04X} (AMT-7 lists what is refused)"


def check_name(value: str) -> None:
    """Refuse what cannot be the name of an account or a market (AMT-7).

    Raises:
        ValueError: it is empty, too long, or has a code point that no name has.
    """
    wrong = what_is_wrong(value)
    if wrong is not None:
        raise ValueError(f"{show(value)} is not a valid name: {wrong}")


def has_unpaired_surrogate(text: str) -> bool:
    """Whether a string is not a sequence of Unicode characters, so that no encoding can write it (EVT-2)."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


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
