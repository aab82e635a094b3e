"""The configurations of random runs: near those of a venue, some of their parameters changed."""

from fractions import Fraction
from random import Random
from typing import Any

from liqspec.amounts import decimal_text
from liqspec.venue_file import VenueFile

START = 50_000  # the starting mark of each market in ticks, so that a tick is a small move


def base_configuration(venue: VenueFile) -> dict[str, Any]:
    """A venue's configuration in plain data, with a starting mark for each market."""
    marks = {name: decimal_text(Fraction(market.tick) * START) for name, market in venue.markets.items()}
    return venue.config(accounts=("alice",), marks=marks).to_json()


def configuration(random: Random, base: dict[str, Any]) -> dict[str, Any]:
    """A configuration near `base`: one to three accounts, some of its markets, parameters changed now and then."""
    markets = random.sample(sorted(base["markets"]), k=min(len(base["markets"]), random.choice((1, 2, 2, 3))))
    config = {**base, "accounts": ["alice", "bob", "carol"][: random.choice((1, 2, 2, 3))]}
    config["markets"] = {name: base["markets"][name] for name in sorted(markets)}
    config["marks"] = {name: base["marks"][name] for name in sorted(markets)}
    if random.random() < 0.2:  # equal markets, in which two positions can have equal margins
        first = min(markets)
        config["markets"] = dict.fromkeys(config["markets"], base["markets"][first])
        config["marks"] = dict.fromkeys(config["marks"], base["marks"][first])
    config["vault"] = {"cash": random.choice(("0", "1000", "1000000"))}
    if random.random() < 0.7:
        config["liquidation"] = {**base.get("liquidation", {}), **_liquidation_changes(random)}
        config["backstop"] = {**base["backstop"], "return_fraction": random.choice(("0", "0", "1/3", "1"))}
    return config


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
