"""The keys of positions and pools, and what they say (ACC-1)."""

import pytest

from liqspec.edge import keys


@pytest.mark.parametrize(
    ("position", "pool"),
    [
        (("alice", "BTC", "cross"), "alice/cross"),
        (("alice", "BTC", "isolated"), "alice/BTC/isolated"),
        (("cross", "isolated", "cross"), "cross/cross"),
        (("isolated", "cross", "isolated"), "isolated/cross/isolated"),
    ],
)
def test_a_key_says_its_account_its_market_and_its_pool(position: tuple[str, str, str], pool: str) -> None:
    account, market, mode = position
    key = keys.position(account, market, mode)
    assert key == keys.of_position({"account": account, "market": market, "mode": mode}) == "/".join(position)
    assert (keys.account_of(key), keys.market_of(key), keys.parts(key)) == (account, market, list(position))
    assert keys.pool_of(key) == keys.pool_of(pool) == pool
    assert keys.pool(account, market if mode == "isolated" else None) == pool


def test_a_cross_pool_may_have_no_market_or_null() -> None:
    assert keys.of_pool({"account": "a"}) == keys.of_pool({"account": "a", "market": None}) == "a/cross"
    assert keys.of_pool({"account": "a", "market": "B"}) == "a/B/isolated"


@pytest.mark.parametrize("subject", ["vault", "run", "event", "a/cross", "a/B/cross/C"])
def test_what_is_no_key_is_its_own_pool(subject: str) -> None:
    """An account may be called vault."""
    assert keys.pool_of(subject) == subject
