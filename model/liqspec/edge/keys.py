"""Names of accounts and markets (AMT-7), and the keys of positions and pools that are made of names.

A position is account/market/mode; a pool account/cross or account/market/isolated. No name has a slash, so a key can be
taken apart again.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from liqspec.edge.texts import show

MAX_CODE_POINTS = 128

_SURROGATE = re.compile("[\ud800-\udfff]")

# The first and the last code point of each range. The last two code points of each plane are refused too.
REFUSED = tuple(
    (int(first, 16), int(last or first, 16))
    for first, last in re.findall(
        r"(\w+)(?:-(\w+))?",
        """
        0000-0020 002F 007F-00A0 00AD 034F 061C 115F-1160 1680 17B4-17B5 180B-180F 2000-200F 2028-202F 205F-206F 3000
        3164 D800-DFFF FDD0-FDEF FE00-FE0F FEFF FFA0 FFF0-FFFB 1BCA0-1BCA3 1D173-1D17A E0000-E0FFF
        """,
    )
)


@lru_cache(maxsize=4096)
def is_refused(code_point: int) -> bool:
    """Whether a name must not have this code point (AMT-7)."""
    noncharacter = code_point & 0xFFFE == 0xFFFE  # U+xFFFE and U+xFFFF
    return noncharacter or any(first <= code_point <= last for first, last in REFUSED)


def at_the_edges() -> Iterator[int]:
    """The code points at both ends of each range that is refused, and next to them, without surrogates (AMT-7)."""
    planes = ((plane * 0x10000 + 0xFFFE, plane * 0x10000 + 0xFFFF) for plane in range(17))
    for first, last in (*REFUSED, *planes):
        near = (first - 1, first, last, last + 1)
        yield from (one for one in near if 0 <= one <= sys.maxunicode and not 0xD800 <= one <= 0xDFFF)


def refused_code_points() -> Iterator[int]:
    """Those that are refused (AMT-7), without surrogates; of a range with more than 128 its ends alone."""
    yield from (one for one in at_the_edges() if is_refused(one))
    for first, last in REFUSED:
        yield from range(first, last + 1) if last - first < 128 else ()


def check_name(name: str) -> None:
    """Refuse, as a ValueError, what cannot be the name of an account or a market (AMT-7)."""
    refused = next((character for character in name if is_refused(ord(character))), None)
    if not 0 < len(name) <= MAX_CODE_POINTS:
        wrong = f"a name has 1 to {MAX_CODE_POINTS} code points, this has {len(name)}"
    elif refused is not None:
        wrong = f"a name must not have U+{ord(refused):04X} (AMT-7 lists what is refused)"
    else:
        return
    raise ValueError(f"{show(name)} is not a valid name: {wrong}")


def has_unpaired_surrogate(text: str) -> bool:
    """Whether a string is not a sequence of Unicode characters, so that no encoding can write it (EVT-2)."""
    return not text.isascii() and _SURROGATE.search(text) is not None


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


@lru_cache(maxsize=4096)
def pool_of(key: str) -> str:
    """The pool that backs a position: its own where it is isolated, else the cross pool (ACC-1).

    Any other text, such as a pool's key, is returned as it is.
    """
    account, *rest = parts(key)
    return pool(account, None) if len(rest) == 2 and rest[1] == "cross" else key
