"""The configurations of random runs: near those of a venue, some of their parameters changed."""

import json
from collections.abc import Iterable
from fractions import Fraction
from random import Random
from typing import Any

from liqspec.core import parameters
from liqspec.core.config import quote_unit_of
from liqspec.core.parameters import Parameter
from liqspec.edge.amounts import MAX_INTEGER, decimal_text
from liqspec.generate.names import ACCOUNTS, MARKETS, renamed
from liqspec.spec import venues
from liqspec.spec.venues import VenueFile

# Names that are in another order by UTF-16; and names of which any two are without regard to case, or in a language,
# for the last is the sign of the kelvin, a K (AMT-7).
_MARKET_NAMES = (("\uff21", "\U0001d401", "\U0001d402"), ("Z", "m", "\u212a"))
_ACCOUNT_NAMES = ("Zoe", "adam", "\u00c4da")

# The families whose chances come from one source; each later one has its own, so that it changes no earlier run.
FIRST_FAMILIES = ("mark", "restore")

_DOUBLING = 16  # tiers, of which each can start at twice the one before
_IDLE = 0.1  # the chance of close-out rates where they have no effect (BKS-9)
_FEW = 4  # markets: where there are more, none restricts anything, so that a pool can have a position in each

START = 50_000  # the starting mark of each market in ticks, so that a tick is a small move


def base_configuration(venue: VenueFile) -> dict[str, Any]:
    """A venue's configuration in plain data, with a starting mark for each market."""
    marks = {name: decimal_text(Fraction(market.tick) * START) for name, market in venue.markets.items()}
    return venue.config(accounts=("alice",), marks=marks).to_json()


def shipped_bases() -> dict[str, dict[str, Any]]:
    """The configurations near which random runs are where no venue is named, by venue, without any family."""
    return {name: without_families(base_configuration(venues.load(name))) for name in venues.BASES}


def without_families(base: dict[str, Any]) -> dict[str, Any]:
    """A configuration in plain data for any engine: without parameters of families, or markets that have some."""
    plain = {table: value for table, value in base.items() if table not in parameters.OWN_TABLE}
    for entry in parameters.PARAMETERS:
        if entry.family and entry.name in plain.get(entry.table, {}):
            plain[entry.table] = {name: value for name, value in plain[entry.table].items() if name != entry.name}
    plain = {name: value for name, value in plain.items() if value or name not in parameters.TABLES}
    every = plain["markets"]
    markets = {name: rules for name, rules in every.items() if not parameters.families_of({"markets": {name: rules}})}
    return {**plain, "markets": markets, "marks": {name: plain["marks"][name] for name in markets}}


def part_of(random: Random, base: dict[str, Any]) -> dict[str, Any]:
    """One to three accounts and some markets of `base`, whose rules stay as they are."""
    return part(random, base, accounts=random.choice((1, 2, 2, 3)), markets=random.choice((1, 2, 2, 3)))


def configuration(
    random: Random,
    base: dict[str, Any],
    families: frozenset[str] = frozenset(),
    counts: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """A configuration near `base`: part of it; parameters, markets and names changed now and then.

    `counts` are how many accounts and markets it has; without them there are one to three of each.
    """
    near = in_its_markets(random, _with_made_markets(base, random) if random.random() < 0.2 else base, counts)
    return _with_families(near, families)


def in_its_markets(random: Random, base: dict[str, Any], counts: tuple[int, int] | None = None) -> dict[str, Any]:
    """A configuration near `base` in some of its markets, in any order; parameters and names changed now and then."""
    dense = random.random() < 0.2
    if counts is not None:
        config = part(random, base, *counts)
    else:
        config = part(random, base, 1, 2) if dense else part_of(random, base)
    if dense or random.random() < 0.6:
        changes = _everything_at_once(random) if dense else _changes(random, "liquidation")
        config["liquidation"] = {**base.get("liquidation", {}), **changes}
        config["backstop"] = {**base["backstop"], **_changes(random, "backstop")}
    ranked = config.get("liquidation", {}).get("order_policy") == "ranked"
    equal = random.random() < (0.5 if ranked else 0.15)
    if equal:
        config = _with_equal_markets(config)
    if random.random() < 0.03:  # near the largest time, beyond which a window can end (CFG-2)
        config["time"] = MAX_INTEGER - random.choice((10, 30_001, 100_000))
    # The order of names decides between equal margins, and almost nowhere else.
    confusing = counts is None and random.random() < (0.8 if equal and ranked else 0.02)
    named = _renamed(config, random) if confusing else config
    return _shuffled(named, random) if random.random() < 0.5 else named


def part(random: Random, base: dict[str, Any], accounts: int, markets: int) -> dict[str, Any]:
    """That many accounts, and at most that many markets of `base`, whose rules stay as they are."""
    names = sorted(random.sample(sorted(base["markets"]), k=min(len(base["markets"]), markets)))
    return {
        **base,
        "accounts": list(ACCOUNTS[:accounts]),
        "markets": {name: base["markets"][name] for name in names},
        "marks": {name: base["marks"][name] for name in names},
        "vault": {"cash": random.choice(("0", "1000", "1000000"))},
    }


def _renamed(config: dict[str, Any], random: Random) -> dict[str, Any]:
    """The configuration with names that are easily sorted wrong."""
    sample = random.sample(random.choice(_MARKET_NAMES), k=len(config["markets"]))
    accounts = dict(zip(config["accounts"], _ACCOUNT_NAMES, strict=False))
    return renamed(config, [], accounts, dict(zip(config["markets"], sample, strict=True)))[0]


def with_markets(random: Random, base: dict[str, Any], count: int, tiers: int = 0) -> dict[str, Any]:
    """The base with at least that many markets, those that it lacks near its own; with `tiers`, each has those."""
    grown: dict[str, Any] = {**base, "markets": dict(base["markets"]), "marks": dict(base["marks"])}
    fresh = [name for name in MARKETS if name not in base["markets"]]
    for name in fresh[: max(0, count - len(base["markets"]))]:
        near = base["markets"][random.choice(sorted(base["markets"]))]
        grown["markets"][name], grown["marks"][name] = _market_near(random, near, near["tiers"])
    if tiers:
        grown["markets"] = {
            name: {**market, "tiers": _many_tiers(random, tiers)} for name, market in grown["markets"].items()
        }
    return grown


def _market_near(
    random: Random, market: dict[str, Any], tiers: list[dict[str, Any]] | None = None
) -> tuple[dict[str, Any], str]:
    """A market whose grids are often not powers of ten, and where its mark starts."""
    tick, lot = (Fraction(market[grid]) * random.choice((1, 3, 25)) for grid in ("tick", "lot"))
    made = {"tick": decimal_text(tick), "lot": decimal_text(lot), "tiers": tiers or _tiers(random)}
    return made, decimal_text(tick * START)


def _with_made_markets(base: dict[str, Any], random: Random) -> dict[str, Any]:
    """The base, its markets with their own tiers, and with grids that are not powers of ten."""
    quote_unit = Fraction(quote_unit_of(base)) / random.choice((1, 1, 4, 100))
    made: dict[str, Any] = {**base, "quote_unit": decimal_text(quote_unit), "markets": {}, "marks": {}}
    for name, market in base["markets"].items():
        made["markets"][name], made["marks"][name] = _market_near(random, market)
    return made


def _tiers(random: Random) -> list[dict[str, Any]]:
    """One to four tiers: only from the third on is a deduction a sum (MRG-5)."""
    count = random.choice((1, 2, 3, 3, 4))
    aboves = [0, *sorted(random.sample((1000, 5000, 20000, 50000, 100000, 1000000), k=count - 1))]
    leverages = sorted(random.choices((1, 2, 3, 5, 10, 20, 25, 40), k=count), reverse=True)
    return _schedule(random, aboves, leverages)


def _many_tiers(random: Random, count: int) -> list[dict[str, Any]]:
    """That many tiers, which begin low enough to be met one after the other, at leverages of up to 1,000."""
    starts = [250 * 2**power for power in range(16)] if count <= _DOUBLING else range(250, 250 * 4 * count, 250)
    aboves = [0, *sorted(random.sample(starts, k=count - 1))]
    leverages = sorted(random.choices((1, 2, 3, 4, 5, 10, 20, 25, 40, 50, 125, 300, 1000), k=count), reverse=True)
    return _schedule(random, aboves, leverages)


def _schedule(random: Random, aboves: list[int], leverages: list[int]) -> list[dict[str, Any]]:
    rate, tiers = Fraction(0), []
    for above, leverage in zip(aboves, leverages, strict=True):
        share = random.choice((Fraction(1), Fraction(1, 2), Fraction(1, 2), Fraction(2, 3), Fraction(1, 7)))
        rate = max(rate, share / leverage)  # a rate does not fall (MRG-8)
        tiers.append({"above": str(above), "maintenance_rate": str(rate), "max_leverage": leverage})
    return tiers


def with_equals(random: Random, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with equal markets, whose names decide in which order they are liquidated."""
    ranked = {
        **config.get("liquidation", {}),
        "order_policy": "ranked",
        "partial_threshold": random.choice(("0", "1000")),
    }
    return _with_equal_markets({**config, "liquidation": ranked})


def _with_equal_markets(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with equal markets, in which two positions can have equal margins."""
    first = min(config["markets"])
    return {**config, **{part: dict.fromkeys(config[part], config[part][first]) for part in ("markets", "marks")}}


def _shuffled(config: dict[str, Any], random: Random) -> dict[str, Any]:
    """The configuration with its accounts and markets in any order, which must not decide anything (LIQ-7)."""
    accounts, markets = (random.sample(list(config[part]), k=len(config[part])) for part in ("accounts", "markets"))
    return {
        **config,
        "accounts": accounts,
        "markets": {name: config["markets"][name] for name in markets},
        "marks": {name: config["marks"][name] for name in reversed(markets)},
    }


def _changes(random: Random, table: str) -> dict[str, Any]:
    """A sample value of each parameter of a table."""
    return {entry.name: random.choice(entry.samples) for entry in parameters.of_table(table) if not entry.family}


def _with_families(config: dict[str, Any], families: frozenset[str]) -> dict[str, Any]:
    """The configuration with parameters of these families now and then, by separate chances.

    What else is drawn is the same with them and without; and each family but the first two has its own source.
    """
    random, changed = Random(json.dumps(config)), dict(config)
    for entry in parameters.PARAMETERS:
        if entry.family not in families or entry.table in parameters.OWN_TABLE:
            continue
        source = random if entry.family in FIRST_FAMILIES else Random(f"{entry.path} {json.dumps(config)}")
        if source.random() < _likely(entry, changed):
            changed[entry.table] = {**changed.get(entry.table, {}), entry.name: source.choice(entry.samples)}
    for entry in parameters.MARKET_PARAMETERS:
        source = Random(f"{entry.path} {json.dumps(config)}")
        if entry.family in families and len(config["markets"]) <= _FEW and source.random() < 0.3:
            changed["markets"] = {
                name: {**market, entry.name: source.choice(entry.samples)} if source.random() < 0.7 else market
                for name, market in changed["markets"].items()
            }
    changed = _with_target(changed) if "restore" in families else changed
    changed = _without_idle(changed)
    if not _is_valid_fee(changed):
        changed["margin"] = {name: value for name, value in changed["margin"].items() if name != "close_fee_rate"}
    idle = "closeout" in families and Random(f"an idle closeout_rate {json.dumps(config)}").random() < _IDLE
    if changed["backstop"].get("measure") == "tier" or idle:
        changed["markets"] = _with_closeout_rates(Random(f"closeout_rate {json.dumps(config)}"), changed["markets"])
    for table in parameters.OWN_TABLE:
        if table in families and random.random() < 0.4:
            chosen = [entry for entry in parameters.of_table(table) if random.random() < 0.5]
            changed[table] = {entry.name: random.choice(entry.samples) for entry in chosen}
    return changed


def _with_closeout_rates(random: Random, markets: dict[str, Any]) -> dict[str, Any]:
    """The markets with a close-out rate in each tier; those that have them keep them (BKS-9)."""
    shares, made = (Fraction(1, 7), Fraction(1, 2), Fraction(2, 3), Fraction(9, 10), Fraction(1)), {}
    for name, market in markets.items():
        chosen = sorted(random.choices(shares, k=len(market["tiers"])))
        at = [
            str(share * Fraction(tier["maintenance_rate"])) for share, tier in zip(chosen, market["tiers"], strict=True)
        ]
        tiers = [{"closeout_rate": rate, **tier} for rate, tier in zip(at, market["tiers"], strict=True)]
        made[name] = {**market, "tiers": tiers}
    return made


def _likely(entry: Parameter, config: dict[str, Any]) -> float:
    """The chance with which a parameter is added to a configuration: 0 where it would mean nothing."""
    table = config.get(entry.table, {})
    if entry.only_with is not None:
        return 0.7 if table.get(entry.only_with[0]) == entry.only_with[1] else 0
    if entry.rule in ("PRT-4", "PRT-5"):  # they are about chunks
        return 0.5 if "partial_threshold" in table else 0
    return 0.3


def _with_target(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with a restore target, now and then, where chunks restore: only there it decides a size."""
    rules, source = config.get("liquidation", {}), Random(f"target {json.dumps(config)}")
    if rules.get("partial_method") != "restore" or "restore" in rules or source.random() < 0.5:
        return config
    target = next(entry for entry in parameters.PARAMETERS if entry.path == "liquidation.restore")
    return {**config, "liquidation": {**rules, "restore": source.choice(target.samples)}}


def _without_idle(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration without the parameters that could have no effect with the others (CFG-2)."""
    tables = {
        table: with_effect(parameters.of_table(table), config[table]) for table in parameters.TABLES if table in config
    }
    markets = {name: with_effect(parameters.MARKET_PARAMETERS, market) for name, market in config["markets"].items()}
    return {**config, **tables, "markets": markets}


def with_effect(entries: Iterable[Parameter], table: dict[str, Any], asked: str = "") -> dict[str, Any]:
    """The table without those of the parameters that could have no effect in it, except the one that is asked for."""
    kept = dict(table)
    for entry in entries:  # what one means nothing without comes before it
        if entry.name != asked and entry.name in kept and entry.idle(kept.get):
            del kept[entry.name]
    return kept


def _is_valid_fee(config: dict[str, Any]) -> bool:
    """MRG-15: the rate of the closing fee and that of no tier are together above 1."""
    fee = Fraction(config.get("margin", {}).get("close_fee_rate", "0"))
    rates = (tier["maintenance_rate"] for market in config["markets"].values() for tier in market["tiers"])
    return all(Fraction(rate) + fee <= 1 for rate in rates)


def liquidated_in_parts(random: Random) -> dict[str, Any]:
    """Parameters by which positions are liquidated in chunks, and windows matter from one block to the next."""
    return {
        **_changes(random, "liquidation"),
        "partial_threshold": random.choice(("0", "0", "0", "1000")),
        "partial_fraction": random.choice(("1/5", "1/2", "1/3")),
        "cooldown_ms": random.choice((30000, 30000, 10)),
    }


def _everything_at_once(random: Random) -> dict[str, Any]:
    """Orders one at a time and for chunks, and long windows, for one trader: otherwise these rarely occur together."""
    return {
        **_changes(random, "liquidation"),
        "order_policy": "ranked",
        "partial_threshold": "0",
        "partial_fraction": random.choice(("1/5", "1/2")),
        "cooldown_ms": 30000,
    }
