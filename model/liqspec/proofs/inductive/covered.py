"""Which events and parameters the proofs of the engine's steps cover, and what they say of every run."""

from typing import Any

from liqspec.core import parameters
from liqspec.core.events import EVENTS
from liqspec.edge.texts import counted

# Of the parameters, those for which any value is taken; each other is left out, as in the rules without families.
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
OPTIONAL = tuple(dict.fromkeys(("partial_threshold", "restore", "withdraw_floor", *CHUNK, *SOME)))
# Any value of these too: a schedule is not looked into, and the lemmas of the contracts hold for each.
ANY_MEASURE = frozenset({"rounding", "valuation", "close_fee_rate"})

# What may emit an order: by a mark or a payment, or once the last attempt of a pool has ended.
EMITTING = frozenset({"mark_price", "marks", "funding", "adjust", "fill", "order_done", "settle", "block"})
# What is a part of events, and proved by itself: how large a chunk is (PRT-3 to PRT-5).
PARTS = ("chunk",)
# The events and parts that may look at a parameter; where it is not listed, all may.
READ_BY: dict[str, frozenset[str]] = {
    "partial_threshold": EMITTING,
    **dict.fromkeys(CHUNK, EMITTING | set(PARTS)),
    "withdraw_floor": frozenset({"withdraw", "transfer"}),
    "withdraw_from": frozenset({"withdraw", "transfer"}),
    "crossing": frozenset({"trade"}),
    "modes": frozenset({"trade"}),
    "isolated_removal": frozenset({"transfer"}),
}

# Not proved: they are of a family.
NOT_COVERED = ("price_inputs",)
WITHOUT_KEYS = ("vault_trade", "vault_cash")  # they look at no pool, so they are the same for any number of keys
COVERED = tuple(kind for kind in EVENTS if kind not in NOT_COVERED)


def at_default() -> list[str]:
    """The paths of the parameters that are left out, of venues and of markets: the proofs say nothing with them."""
    declared = (*parameters.PARAMETERS, *parameters.MARKET_PARAMETERS)
    return [one.path for one in declared if one.inner_name not in ANY | ANY_MEASURE | set(SOME)]


def sentence(keys: int) -> str:
    """What the proofs with at most this number of keys in a pool say of every run."""
    most = "a position" if keys == 0 else f"positions in more than {counted(keys, 'market')}"
    return (
        "One event at a time, so after every event of every run, with any number of accounts and any numbers, as long "
        f"as no pool has had {most}, and no event over all pools touches two. Not with {' or '.join(NOT_COVERED)}, and "
        f"not with these parameters, which are left out: {', '.join(at_default())}."
    )
