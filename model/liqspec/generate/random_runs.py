"""What one random run is: its configuration, its length, which moves are made how often, and which plans it follows.

Most runs are small and short, as a defect is met soonest there, and read most easily. A few in a round of runs are
large in one way, because an engine can be wrong from some size on: many accounts, markets, positions, pools that one
event touches, tiers, lives or blocks, long runs, large amounts, late times, names that are easily confused.
"""

import json
from collections.abc import Container
from fractions import Fraction
from random import Random
from typing import Any, Literal

from attrs import Factory, evolve, frozen

from liqspec.core.engine import Engine
from liqspec.edge.amounts import MAX_INTEGER
from liqspec.generate.configurations import (
    FIRST_FAMILIES,
    configuration,
    liquidated_in_parts,
    part,
    part_of,
    with_equals,
    with_markets,
)
from liqspec.generate.guide import Guide
from liqspec.generate.names import MOST, of_accounts_and_markets, renamed
from liqspec.generate.plans import Plans

Kind = Literal["usual", "swarm", "named", "wide", "deep", "long"]

# The kinds of the runs of one round by their places in it; all others are usual. A prime number of runs, so that what
# else depends on a run's number, such as its venue, is another in each round.
ROUND = 73
_PLACES: dict[int, Kind] = {
    **dict.fromkeys((17, 31, 45, 59, 67), "swarm"),
    **dict.fromkeys((13, 19, 27, 35, 41, 49, 55, 63, 69), "named"),
    **dict.fromkeys((11, 25, 39, 53), "wide"),
    **dict.fromkeys((15, 23, 33, 47, 57, 65), "deep"),
    37: "long",
}


@frozen
class Size:
    """How large a run is: its accounts, its markets, and its events; the plan for which that is; tiers of a market."""

    accounts: int
    markets: int
    length: int
    plan: str | None = None
    tiers: int = 0


# The sizes of the runs of a kind, one after the other; a step costs more where there are more accounts and markets.
_SIZES: dict[Kind, tuple[Size, ...]] = {
    "wide": (
        Size(1, 16, 90, "one_pool"),
        Size(16, 1, 120, "every_pool"),
        Size(9, 3, 120, "every_pool"),
        Size(2, 12, 90, "one_pool"),
        Size(12, 2, 160, "every_pool"),
        Size(4, 9, 80, "all_ruined"),
        Size(2, 6, 120, "siblings"),
        Size(1, 33, 110, "one_pool"),
        Size(16, 2, 250, "every_pool"),
        Size(6, 6, 100, "all_ruined"),
        Size(1, 16, 160, "siblings"),
        Size(5, 16, 120, "one_pool"),
    ),
    "named": (
        Size(4, 4, 100, "every_pool"),
        Size(1, 8, 60, "one_by_one"),
        Size(12, 2, 60),
        Size(4, 4, 100, "every_pool"),
        Size(2, 6, 50, "one_by_one"),
        Size(9, 3, 60, "siblings"),
        Size(4, 5, 80, "all_ruined"),
    ),
    "deep": (
        Size(1, 1, 60, "all_tiers"),
        Size(1, 3, 120, "siblings"),
        Size(2, 2, 120, "siblings"),
        Size(1, 1, 100, "many_lives"),
        Size(1, 2, 80, "siblings"),
        Size(1, 5, 160, "siblings"),
        Size(1, 1, 70, "emptied_in_a_window"),
        Size(2, 3, 90, "many_fills"),
        Size(1, 2, 80, "all_tiers"),
        Size(1, 2, 160, "siblings"),
        Size(2, 1, 160, "many_blocks"),
        Size(3, 2, 60, "all_ruined"),
        Size(3, 3, 120, "siblings"),
        Size(1, 2, 70, "emptied_in_a_window"),
        Size(1, 4, 100, "siblings"),
        Size(1, 1, 90, "blocks_later"),
    ),
    "long": (
        Size(1, 1, 1400, "many_blocks"),
        Size(70, 1, 420, "in_chunks_again"),
        Size(1, 2, 400, "siblings"),
        Size(2, 70, 70, "settled_far"),
        Size(1, 1, 330, "blocks_later"),
        Size(1, 1, 320, "many_fills"),
        Size(1, 1, 700, "many_lives"),
        Size(270, 1, 276, "everyone"),
        Size(MOST, 2, 100, "siblings"),
        Size(2, 1, 300, "many_blocks"),
        Size(2, MOST, 80, "siblings"),
        Size(2, 3, 1100, "siblings"),
        Size(1, 1, 90, "all_tiers", tiers=300),
        Size(1, 1, 330, "blocks_later"),
        Size(2, 2, 500, "one_pool"),
        Size(1, 1, 2000, "many_blocks"),
        Size(1, 1, 300, "many_lives"),
        Size(1, 1, 5000, "many_blocks"),
    ),
}
_LONG = 300  # events: from here on a run does not begin near the largest time
_SMALL = ((1, 1), (1, 2), (2, 2), (2, 3), (3, 2), (4, 4))
_PLANS = tuple(sorted({size.plan for sizes in _SIZES.values() for size in sizes if size.plan}))

_IN_PARTS = ("siblings", "in_chunks_again", "emptied_in_a_window")  # plans about windows

_FACTORS = (0, 0, 0.3, 1, 1, 1, 3)  # how much more often a move is made
_ALWAYS = ("deposit", "mark")  # moves that are always possible: without them a run might not continue
_MOVES = (
    *("withdraw", "transfer", "open_or_increase", "equal_margins", "reduce", "marks", "funding", "block"),
    *("vault_trade", "vault_cash", "order_of_nobody", "malformed", "nearly", "execution", "rescue", "any"),
)
_SCALES = (1, 1, 1, 1, 1, 1, 10**24, 10**31, 10**33, 10**40)
_PAUSES = (
    *((1, 1, 5, 1000, 29999, 30000),) * 4,
    *((1,), (30000, 86_400_000), (1, 1000, 2**31, 2**32), (1, 10**12, 2**47, 2**51)),
)
_STARTS = (1, 2**31 - 30_001, 2**32 - 30_001, 2**32 - 2, 1_700_000_000_000, MAX_INTEGER - 30_001, MAX_INTEGER - 10**6)


@frozen(kw_only=True)
class RandomRun:
    """One run; `weights` are factors of how often moves are made, None for those of a usual run."""

    config: dict[str, Any]
    length: int
    weights: dict[str, float] | None = None
    scale: int = 1
    pauses: tuple[int, ...] = ()
    plans: tuple[str, ...] = Factory(tuple)

    def at_most(self, length: int) -> "RandomRun":
        """The drawn with a run of at most that many events."""
        return evolve(self, length=min(self.length, length))

    def guide(self, random: Random, engine: Engine, optional: Container[str] = ()) -> Guide:
        """A guide for an engine that was started with the configuration; it also proposes these optional events."""
        guide = Guide(random, engine, optional)
        if self.weights is not None:
            plan = Plans(random, engine, self.scale, self.pauses, self.length).named(*self.plans)
            guide.vary(self.weights, self.scale, self.pauses, plan)
        return guide


def kind_of(number: int) -> Kind:
    """The kind of the run with this number."""
    return _PLACES.get(number % ROUND, "usual")


def length_of(number: int, usual: int) -> int:
    """The length in events of the run with this number, where a usual one has `usual`."""
    if (size := _size_of(number)) is not None:
        return size.length
    return (usual, 10, 2 * usual)[number % 3] if kind_of(number) == "swarm" else usual


def _size_of(number: int) -> Size | None:
    """The size of the run with this number; None if it is of a kind that is not about size."""
    kind = kind_of(number)
    if kind not in _SIZES:
        return None
    places = [place for place, one in _PLACES.items() if one == kind]
    return _SIZES[kind][(number // ROUND * len(places) + places.index(number % ROUND)) % len(_SIZES[kind])]


def of_run(
    number: int,
    random: Random,
    base: dict[str, Any],
    *,
    usual: int,
    families: frozenset[str] = frozenset(),
    fixed: bool = False,
) -> RandomRun:
    """The run with this number near a base; in it if `fixed`: with its own markets and parameters only."""
    kind, size, length = kind_of(number), _size_of(number), length_of(number, usual)
    if kind == "usual":
        return RandomRun(
            config=part_of(random, base) if fixed else configuration(random, base, families), length=length
        )
    if size is None:
        size = Size(*random.choice(_SMALL), length, random.choice(_PLANS) if random.random() < 0.5 else None)
    plans: tuple[str, ...] = () if size.plan is None else (size.plan,)
    if random.random() < 0.2:
        plans += (random.choice(_PLANS),)
    config = part(random, base, size.accounts, size.markets) if fixed else _near(random, base, families, size)
    if size.plan == "one_by_one" and not fixed:
        config = with_equals(random, config)
    if kind == "named" or random.random() < 0.25:
        config = _with_confusing_names(random, config, fixed)
    swarm = kind == "swarm" or random.random() < 0.3
    weights, scale = {name: random.choice(_FACTORS) for name in _MOVES} if swarm else {}, random.choice(_SCALES)
    return RandomRun(
        config=config if fixed else _with_raised_thresholds(config, scale),
        length=length,
        weights=weights,
        scale=scale,
        pauses=random.choice(_PAUSES) if kind != "long" else _PAUSES[0],
        plans=plans,
    )


def _with_confusing_names(random: Random, config: dict[str, Any], fixed: bool) -> dict[str, Any]:
    owners, traded = of_accounts_and_markets(random, len(config["accounts"]), len(config["markets"]))
    accounts = dict(zip(config["accounts"], owners, strict=True))
    markets = {} if fixed else dict(zip(config["markets"], traded, strict=True))
    return renamed(config, [], accounts, markets)[0]


def _near(random: Random, base: dict[str, Any], families: frozenset[str], size: Size) -> dict[str, Any]:
    """A configuration near a base of this size, now and then with numbers far from usual."""
    tiers = size.tiers or random.choice((5, 9, 10, 12) if size.plan == "all_tiers" else (0, 0, 0, 1, 2, 4, 12))
    without = {family for family in FIRST_FAMILIES if family in families and random.random() >= 0.7}
    config = configuration(
        random, with_markets(random, base, size.markets, tiers), families - without, (size.accounts, size.markets)
    )
    if size.plan in _IN_PARTS or random.random() < 0.15:
        config["liquidation"] = {**config.get("liquidation", {}), **liquidated_in_parts(random)}
    if size.plan == "emptied_in_a_window" and random.random() < 0.7:
        config["liquidation"] |= {"cooldown_scope": random.choice(("pool", "pool", "account"))}
    if size.plan == "many_fills" and size.length >= _LONG:  # whose order does not end before it is filled
        config["liquidation"] = {**config.get("liquidation", {}), "stop_when_restored": False}
    if random.random() < 0.2 and size.length < _LONG:
        config["time"] = random.choice(_STARTS)
    if random.random() < 0.15:
        zeros = "0" * random.choice((3, 9, 15, 25))
        config["marks"] = {name: _times(mark, zeros) for name, mark in config["marks"].items()}
    config["vault"] = {"cash": random.choice(("0", "1", "-1000", "1000000", "1" + "0" * 40))}
    return _with_long_windows(config)


def _with_long_windows(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with windows of more milliseconds than some integers hold, now and then."""
    source, rules = Random(f"windows {json.dumps(config)}"), config.get("liquidation", {})
    if not rules.get("cooldown_ms") or source.random() >= 0.1:
        return config
    length = source.choice((2**15, 2**16, 2**31, 2**32, 2**40)) + source.choice((0, 30_000))
    return {**config, "liquidation": {**rules, "cooldown_ms": length}}


def _with_raised_thresholds(config: dict[str, Any], scale: int) -> dict[str, Any]:
    """The configuration with tiers that begin, and chunks that end, where runs of this scale come, now and then.

    A double or a small integer does not hold such a notional exactly.
    """
    source = Random(f"thresholds {scale} {json.dumps(config)}")
    if scale == 1 or source.random() < 0.3:
        return config
    zeros, rules = "0" * (len(str(scale)) - source.choice((6, 9))), config.get("liquidation", {})
    markets = {
        name: {**market, "tiers": [{**tier, "above": _times(tier["above"], zeros)} for tier in market["tiers"]]}
        for name, market in config["markets"].items()
    }
    if (threshold := rules.get("partial_threshold")) is not None:
        rules = {**rules, "partial_threshold": _times(threshold if Fraction(threshold) else "1000", zeros)}
    return {**config, "markets": markets, "liquidation": rules}


def _times(amount: str, zeros: str) -> str:
    """An amount times the power of ten with these zeros."""
    whole, _, decimals = amount.partition(".")
    decimals = decimals.ljust(len(zeros), "0")
    return f"{whole}{decimals[: len(zeros)]}.{decimals[len(zeros) :]}".rstrip(".")
