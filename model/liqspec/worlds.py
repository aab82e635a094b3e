"""The configurations of random runs: near those of a venue, some of their parameters changed."""

from fractions import Fraction
from random import Random
from typing import Any

from liqspec.amounts import decimal_text
from liqspec.venue_file import VenueFile

# Names that are in another order by UTF-16 (the first two), without regard to case, or by the rules of a language.
_MARKET_NAMES = ("\uff21", "\U0001d401", "Z", "a")
_ACCOUNT_NAMES = ("Zoe", "adam", "\u00c4da")

START = 50_000  # the starting mark of each market in ticks, so that a tick is a small move


def base_configuration(venue: VenueFile) -> dict[str, Any]:
    """A venue's configuration in plain data, with a starting mark for each market."""
    marks = {name: decimal_text(Fraction(market.tick) * START) for name, market in venue.markets.items()}
    return venue.config(accounts=("alice",), marks=marks).to_json()


def configuration(random: Random, base: dict[str, Any]) -> dict[str, Any]:
    """A configuration near `base`: one to three accounts, some of its markets, parameters changed now and then."""
    dense = random.random() < 0.2
    accounts, most = (1, 2) if dense else (random.choice((1, 2, 2, 3)), random.choice((1, 2, 2, 3)))
    markets = random.sample(sorted(base["markets"]), k=min(len(base["markets"]), most))
    config = {**base, "accounts": ["alice", "bob", "carol"][:accounts]}
    config["markets"] = {name: base["markets"][name] for name in sorted(markets)}
    config["marks"] = {name: base["marks"][name] for name in sorted(markets)}
    config["vault"] = {"cash": random.choice(("0", "1000", "1000000"))}
    if dense or random.random() < 0.6:
        changes = _everything_at_once(random) if dense else _liquidation_changes(random)
        config["liquidation"] = {**base.get("liquidation", {}), **changes}
        config["backstop"] = {**base["backstop"], "return_fraction": random.choice(("0", "0", "1/3", "1"))}
    ranked = config.get("liquidation", {}).get("order_policy") == "ranked"
    if random.random() < (0.5 if ranked else 0.15):  # equal markets, in which two positions can have equal margins
        first = min(markets)
        config["markets"] = dict.fromkeys(config["markets"], base["markets"][first])
        config["marks"] = dict.fromkeys(config["marks"], base["marks"][first])
    return _renamed(config, random) if random.random() < 0.05 else config


def _renamed(config: dict[str, Any], random: Random) -> dict[str, Any]:
    """The configuration with names that other orders than that of code points sort otherwise (AMT-7)."""
    names = random.sample(_MARKET_NAMES, k=len(config["markets"]))
    markets = dict(zip(config["markets"], names, strict=True))
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
