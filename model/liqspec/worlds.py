"""The configurations of random runs: near those of a venue, some of their parameters changed."""

from fractions import Fraction
from random import Random
from typing import Any

from liqspec.amounts import MAX_INTEGER, decimal_text
from liqspec.venue_file import VenueFile

# Names that are in another order by UTF-16; and names of which any two are without regard to case, or in a language,
# for the last is the sign of the kelvin, a K (AMT-7).
_MARKET_NAMES = (("\uff21", "\U0001d401", "\U0001d402"), ("Z", "m", "\u212a"))
_ACCOUNT_NAMES = ("Zoe", "adam", "\u00c4da")

START = 50_000  # the starting mark of each market in ticks, so that a tick is a small move


def base_configuration(venue: VenueFile) -> dict[str, Any]:
    """A venue's configuration in plain data, with a starting mark for each market."""
    marks = {name: decimal_text(Fraction(market.tick) * START) for name, market in venue.markets.items()}
    return venue.config(accounts=("alice",), marks=marks).to_json()


def part_of(random: Random, base: dict[str, Any]) -> dict[str, Any]:
    """One to three accounts and some markets of `base`, whose rules stay as they are."""
    accounts, markets = random.choice((1, 2, 2, 3)), random.choice((1, 2, 2, 3))
    return _part(random, base, accounts, markets)


def configuration(random: Random, base: dict[str, Any]) -> dict[str, Any]:
    """A configuration near `base`: part of it, parameters and names changed now and then."""
    dense = random.random() < 0.2
    config = _part(random, base, 1, 2) if dense else part_of(random, base)
    if dense or random.random() < 0.6:
        changes = _everything_at_once(random) if dense else _liquidation_changes(random)
        config["liquidation"] = {**base.get("liquidation", {}), **changes}
        config["backstop"] = {**base["backstop"], "return_fraction": random.choice(("0", "0", "1/3", "1"))}
    ranked = config.get("liquidation", {}).get("order_policy") == "ranked"
    equal = random.random() < (0.5 if ranked else 0.15)
    if equal:  # equal markets, in which two positions can have equal margins
        first = min(config["markets"])
        config["markets"] = dict.fromkeys(config["markets"], base["markets"][first])
        config["marks"] = dict.fromkeys(config["marks"], base["marks"][first])
    if random.random() < 0.03:  # near the largest time, beyond which a window can end (CFG-2)
        config["time"] = MAX_INTEGER - random.choice((10, 30_001, 100_000))
    # The order of names decides between equal margins, and hardly anywhere else.
    return _renamed(config, random) if random.random() < (0.8 if equal and ranked else 0.02) else config


def _part(random: Random, base: dict[str, Any], accounts: int, markets: int) -> dict[str, Any]:
    names = sorted(random.sample(sorted(base["markets"]), k=min(len(base["markets"]), markets)))
    return {
        **base,
        "accounts": ["alice", "bob", "carol"][:accounts],
        "markets": {name: base["markets"][name] for name in names},
        "marks": {name: base["marks"][name] for name in names},
        "vault": {"cash": random.choice(("0", "1000", "1000000"))},
    }


def _renamed(config: dict[str, Any], random: Random) -> dict[str, Any]:
    """The configuration with names that are easily sorted wrong."""
    names = random.choice(_MARKET_NAMES)
    markets = dict(zip(config["markets"], random.sample(names, k=len(config["markets"])), strict=True))
    return {
        **config,
        "accounts": list(_ACCOUNT_NAMES[: len(config["accounts"])]),
        "markets": {markets[name]: market for name, market in config["markets"].items()},
        "marks": {markets[name]: mark for name, mark in config["marks"].items()},
    }


def _liquidation_changes(random: Random) -> dict[str, Any]:
    return {
        "order_policy": random.choice(("all", "ranked")),
        "stop_when_restored": random.choice((True, False)),
        "partial_threshold": random.choice(("0", "1000", "20000", "100000")),
        "partial_fraction": random.choice(("1/5", "1/3", "1/2", "1")),
        "cooldown_ms": random.choice((0, 10, 30000, 30000)),
        "cooldown_scope": random.choice(("position", "pool", "account")),
        "fee_rate": random.choice(("0", "0", "1/200", "1/10")),
    }


def _everything_at_once(random: Random) -> dict[str, Any]:
    """Orders one at a time and for chunks, and long windows, for one trader: what they do together is rare else."""
    return {
        **_liquidation_changes(random),
        "order_policy": "ranked",
        "partial_threshold": "0",
        "partial_fraction": random.choice(("1/5", "1/2")),
        "cooldown_ms": 30000,
    }
