"""Which events and parameters the proofs of the engine's steps cover, and what they say of every run."""

from typing import Any

from liqspec.core import parameters
from liqspec.core.events import EVENTS
from liqspec.edge.texts import counted

# Of the parameters, those for which any value is taken; one that is nowhere here is left out.
ANY = frozenset(
    {
        "order_policy",
        "stop_when_restored",
        "partial_threshold",
        "partial_fraction",
        "tier_steps",
        "partial_lots",
        "min_order_notional",
        "min_rest_notional",
        "cooldown_ms",
        "cooldown_scope",
        "fee_rate",
        "backstop_threshold",
        "restore",
        "return_fraction",
        "withdraw_floor",
        "max_move",
        "stale_ms",
    }
)
# Those of words, with all their values; which one it is, is decided where it is read.
SOME: dict[str, tuple[Any, ...]] = {
    "market_attempt": (None, True, False),
    "assess_at": (None, "event", "block"),
    "order_price": (None, "market", "bankruptcy"),
    "partial_method": (None, "fraction", "tier_down", "lots", "restore"),
    "backstop_measure": (None, "threshold", "tier"),
    "withdraw_from": (None, "equity", "collateral"),
    "crossing": (None, "refuse", "split"),
    "modes": (None, ("cross",), ("isolated",), ("cross", "isolated"), ("isolated", "cross")),
    "isolated_removal": (None, "free", "never"),
}
# The parameters that may be there or not.
CHUNK = ("partial_method", "tier_steps", "partial_lots", "min_order_notional", "min_rest_notional")
OPTIONAL = tuple(
    dict.fromkeys(("partial_threshold", "restore", "withdraw_floor", "max_move", "stale_ms", *CHUNK, *SOME))
)
# Any value of these too: a schedule is not looked into, and the lemmas of the contracts hold for each.
ANY_MEASURE = frozenset({"rounding", "valuation", "close_fee_rate"})

# What may emit an order: by a mark or a payment, or once the last attempt of a pool has ended.
EMITTING = frozenset({*EVENTS} - {"deposit", "withdraw", "transfer", "trade", "leverage", "vault_trade", "vault_cash"})
# What is a part of events, and proved by itself: the assessment of a pool, and how large a chunk is (PRT-3 to PRT-5).
PARTS = ASSESSMENT, SIZING = ("assessment", "chunk")
FEWEST = {SIZING: 1}  # of the keys in a pool; 0 where it is not listed
# The events and parts that may look at a parameter; where it is not listed, all may.
READ_BY: dict[str, frozenset[str]] = {
    **dict.fromkeys(("partial_threshold", *CHUNK), EMITTING | set(PARTS)),
    "withdraw_floor": frozenset({"withdraw", "transfer"}),
    "withdraw_from": frozenset({"withdraw", "transfer"}),
    "max_move": frozenset({"price_inputs"}),
    "stale_ms": frozenset({"price_inputs"}),
    "crossing": frozenset({"trade"}),
    "modes": frozenset({"trade"}),
    "isolated_removal": frozenset({"transfer"}),
}

WITHOUT_KEYS = ("vault_trade", "vault_cash")  # they look at no pool, so they are the same for any number of keys
COVERED = tuple(EVENTS)


def left_out() -> list[str]:
    """The paths of the parameters that the proofs do not cover: they say nothing of venues with them."""
    declared = (*parameters.PARAMETERS, *parameters.MARKET_PARAMETERS)
    return [one.path for one in declared if one.inner_name not in ANY | ANY_MEASURE | set(SOME)]


def sentence(keys: int) -> str:
    """What the proofs with at most this number of keys in a pool say of every run."""
    most = "a position" if keys == 0 else f"positions in more than {counted(keys, 'market')}"
    without = f" Not with these parameters, which are left out: {', '.join(left_out())}." if left_out() else ""
    return (
        "One event at a time, so after every event of every run, with any number of accounts and any numbers, as long "
        f"as no pool has had {most}, and no event over all pools touches two.{without}"
    )
