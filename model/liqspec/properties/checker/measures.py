"""The naive checker's arithmetic: the measures of the rules in Fractions, written from `spec/` and sharing no code.

Everything is in the outside's units (money, prices and sizes as they are written), so not even the grids are shared.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from attrs import field, fields, frozen
from attrs.converters import optional

from liqspec.properties.checker.exact import ZERO, Fraction, number, total


def up(value: Fraction, step: Fraction) -> Fraction:
    """The next multiple of `step` at or above the value."""
    steps = value / step
    return step * -(-steps.numerator // steps.denominator)


def down(value: Fraction, step: Fraction) -> Fraction:
    """The next multiple of `step` at or below the value."""
    return -up(-value, step)


Computed = TypeVar("Computed")
_MOST_COMPUTED = 1 << 14  # that are kept, so that memory stays bounded in a long run


@frozen
class NaiveTier:
    """A margin tier as the configuration writes it."""

    above: Fraction = field(converter=number)
    maintenance_rate: Fraction = field(converter=number)
    max_leverage: int
    closeout_rate: Fraction | None = field(default=None, converter=optional(number))


@frozen
class NaiveMarket:
    """A market as the configuration writes it."""

    tick: Fraction = field(converter=number)
    lot: Fraction = field(converter=number)
    tiers: tuple[NaiveTier, ...]
    modes: tuple[str, ...] = ("cross", "isolated")
    removal: str = "free"


@frozen
class NaiveRules:
    """A configuration, its numbers read as Fractions."""

    quote: Fraction
    markets: dict[str, NaiveMarket]
    ranked: bool
    stop_when_restored: bool
    partial_threshold: Fraction | None
    partial_fraction: Fraction
    cooldown_ms: int
    scope: str
    fee_rate: Fraction
    threshold: Fraction
    return_fraction: Fraction
    restore_factor: Fraction
    restore_initial: bool
    market_attempt: bool
    at_block: bool
    limited_by: str
    band: Fraction
    partial_method: str
    tier_steps: int
    partial_lots: int
    min_order: Fraction
    min_rest: Fraction
    at_closeout: bool
    rounds_down: bool
    at_entry: bool
    close_fee: Fraction
    withdraw_floor: Fraction
    collateral_only: bool
    splits: bool
    forms_marks: bool
    max_move: Fraction | None
    stale_ms: int | None
    _computed: dict[tuple[Any, ...], Any] = field(init=False, factory=dict, eq=False, repr=False)

    @classmethod
    def of(cls, config: dict[str, Any]) -> "NaiveRules":
        """The rules of a configuration in plain data, with the defaults of CFG-1."""
        liquidation, backstop = config.get("liquidation", {}), config["backstop"]
        threshold, restore = liquidation.get("partial_threshold"), liquidation.get("restore", {})
        order_price = liquidation.get("order_price", "market")
        return cls(
            quote=number(config.get("quote_unit", "0.000001")),
            markets={
                name: NaiveMarket(
                    market["tick"],
                    market["lot"],
                    tuple(NaiveTier(**tier) for tier in market["tiers"]),
                    tuple(market.get("modes", ("cross", "isolated"))),
                    market.get("isolated_removal", "free"),
                )
                for name, market in config["markets"].items()
            },
            ranked=liquidation.get("order_policy", "all") == "ranked",
            stop_when_restored=liquidation.get("stop_when_restored", True),
            partial_threshold=None if threshold is None else number(threshold),
            partial_fraction=number(liquidation.get("partial_fraction", "1")),
            cooldown_ms=liquidation.get("cooldown_ms", 0),
            scope=liquidation.get("cooldown_scope", "pool"),
            fee_rate=number(liquidation.get("fee_rate", "0")),
            threshold=number(backstop["threshold"]),
            return_fraction=number(backstop.get("return_fraction", "0")),
            restore_factor=number(restore.get("factor", "1")),
            restore_initial=restore.get("measure") == "initial",
            market_attempt=liquidation.get("market_attempt", True),
            at_block=liquidation.get("assess_at", "event") == "block",
            limited_by="band" if isinstance(order_price, dict) else order_price,
            band=number(order_price["band"]) if isinstance(order_price, dict) else ZERO,
            partial_method=liquidation.get("partial_method", "fraction"),
            tier_steps=liquidation.get("tier_steps", 1),
            partial_lots=liquidation.get("partial_lots", 1),
            min_order=number(liquidation.get("min_order_notional", "0")),
            min_rest=number(liquidation.get("min_rest_notional", "0")),
            at_closeout=backstop.get("measure") == "tier",
            rounds_down=config.get("margin", {}).get("rounding") == "down",
            close_fee=number(config.get("margin", {}).get("close_fee_rate", "0")),
            at_entry=config.get("margin", {}).get("valuation") == "entry",
            withdraw_floor=number(config.get("account", {}).get("withdraw_floor", "0")),
            collateral_only=config.get("account", {}).get("withdraw_from") == "collateral",
            splits=config.get("trading", {}).get("crossing") == "split",
            forms_marks="mark" in config,
            max_move=number(config["mark"]["max_move"]) if "max_move" in config.get("mark", {}) else None,
            stale_ms=config.get("mark", {}).get("stale_ms"),
        )

    def tier(self, market: str, notional: Fraction) -> NaiveTier:
        """MRG-4."""
        below = [tier for tier in self.markets[market].tiers if tier.above < notional]
        return below[-1] if below else self.markets[market].tiers[0]

    def maintenance_margin(self, market: str, notional: Fraction) -> Fraction:
        """MRG-5, MRG-13, MRG-15, as the sum over the parts of the notional that lie in each tier."""
        return self.once(("MRG-5", market, notional), lambda: self._margin_by_parts(market, notional, False))

    def closeout_margin(self, market: str, notional: Fraction) -> Fraction:
        """BKS-9, in the same way."""
        return self.once(("BKS-9", market, notional), lambda: self._margin_by_parts(market, notional, True))

    def _margin_by_parts(self, market: str, notional: Fraction, at_closeout: bool) -> Fraction:
        tiers = self.markets[market].tiers
        ends = (*(tier.above for tier in tiers[1:]), notional)
        inside = [max(ZERO, min(notional, end) - tier.above) for tier, end in zip(tiers, ends, strict=True)]
        rates = [(at_closeout and tier.closeout_rate) or tier.maintenance_rate for tier in tiers]
        margin = total(rate * part for rate, part in zip(rates, inside, strict=True)) + notional * self.close_fee
        return (down if self.rounds_down else up)(margin, self.quote)

    def initial_margin(self, market: str, notional: Fraction, leverage: int) -> Fraction:
        """MRG-7, MRG-15."""
        return self.once(
            ("MRG-7", market, notional, leverage), lambda: self._initial_margin(market, notional, leverage)
        )

    def _initial_margin(self, market: str, notional: Fraction, leverage: int) -> Fraction:
        margin = notional / min(leverage, self.tier(market, notional).max_leverage)
        return up(margin + notional * self.close_fee, self.quote)

    def once(self, of: tuple[Any, ...], compute: Callable[[], Computed]) -> Computed:
        """What a rule gives of these inputs, which decide it with the configuration: computed once for them."""
        computed: Computed | None = self._computed.get(of)
        if computed is None:
            if len(self._computed) > _MOST_COMPUTED:
                self._computed.clear()
            computed = self._computed[of] = compute()
        return computed


@frozen
class Holding:
    """A position's size and cost."""

    market: str
    size: Fraction
    cost: Fraction


@frozen
class Contents:
    """What a pool holds, or should hold after an event's change: `holdings` by position; `fee` went to the vault."""

    collateral: Fraction
    holdings: dict[str, Holding]
    fee: Fraction = ZERO
    measured: dict[str, Any] = field(init=False, factory=dict, eq=False, repr=False)  # see `Memory`


@frozen
class NaivePosition:
    """An observed position; `raw` is its entry in the observation."""

    raw: dict[str, Any] = field(repr=False, eq=False)
    account: str
    market: str
    mode: str
    state: str
    size: Fraction = field(converter=number)
    cost: Fraction = field(converter=number)
    order: Fraction | None = field(converter=optional(number))
    life: int
    cooldown_until: int | None

    @cached_property
    def key(self) -> str:
        """account/market/mode."""
        return event_position(self.raw)

    @cached_property
    def pool(self) -> str:
        """The key of the pool that backs it."""
        return f"{self.account}/cross" if self.mode == "cross" else self.key

    @property
    def limit(self) -> Fraction | None:
        """The limit of its order where one is shown (LIQ-17)."""
        shown = self.raw.get("limit")
        return None if shown is None else number(shown)


@frozen
class NaivePool:
    """An observed pool with its open positions; `raw` is its entry in the observation."""

    raw: dict[str, Any] = field(repr=False, eq=False)
    key: str
    positions: tuple[NaivePosition, ...]
    account: str
    collateral: Fraction = field(converter=number)
    equity: Fraction = field(converter=number)
    maintenance_margin: Fraction = field(converter=number)
    initial_margin: Fraction = field(converter=number)
    in_liquidation: bool

    @cached_property
    def contents(self) -> Contents:
        """Its collateral, and the sizes and costs of its open positions."""
        return Contents(
            self.collateral, {held.key: Holding(held.market, held.size, held.cost) for held in self.positions}
        )

    def order_working(self) -> bool:
        """Whether a liquidation order of the pool is working."""
        return any(position.order is not None for position in self.positions)


class Readings:
    """What entries of observations say, each read once: for an observer whose observations share their entries.

    An entry that is the same object says the same; what was read of it keeps it.
    """

    def __init__(self) -> None:
        self._positions: dict[int, NaivePosition] = {}
        self._pools: dict[tuple[int, ...], NaivePool] = {}
        self._marks: dict[tuple[tuple[str, Fraction], ...], Mapping[str, Fraction]] = {}

    def marks(self, marks: Mapping[str, Fraction]) -> Mapping[str, Fraction]:
        """Equal marks as one object, by which the measures of a pool at them are found sooner."""
        of = tuple(marks.items())
        known = self._marks.get(of)
        return _kept(self._marks, of, marks) if known is None else known

    def position(self, entry: dict[str, Any]) -> NaivePosition:
        """The position that an entry shows."""
        if (position := self._positions.get(id(entry))) is None:
            position = _kept(self._positions, id(entry), _position(entry))
        return position

    def pool(self, entry: dict[str, Any], key: str, backed: tuple[NaivePosition, ...]) -> NaivePool:
        """The pool of this key that an entry shows, with the open positions that it backs."""
        of = (id(entry), *map(id, backed))
        if (pool := self._pools.get(of)) is None:
            pool = _kept(self._pools, of, _pool(entry, key, backed))
        return pool


Key = TypeVar("Key")
Read = TypeVar("Read")


def _kept(kept: dict[Key, Read], key: Key, read: Read) -> Read:
    if len(kept) > _MOST_COMPUTED:
        kept.clear()
    kept[key] = read
    return read


def _position(entry: dict[str, Any]) -> NaivePosition:
    return NaivePosition(entry, *(entry[name] for name in _OF_POSITION))


def _pool(entry: dict[str, Any], key: str, backed: tuple[NaivePosition, ...]) -> NaivePool:
    return NaivePool(entry, key, backed, *(entry[name] for name in _OF_POOL))


@frozen
class View:
    """An observation, its numbers read as Fractions."""

    time: int
    block: int
    positions: dict[str, NaivePosition]
    pools: dict[str, NaivePool]
    vault_cash: Fraction
    vault_equity: Fraction
    vault_positions: dict[str, Fraction]
    marks: dict[str, Fraction]
    raw: dict[str, Any] = field(repr=False, eq=False)

    @classmethod
    def of(cls, observation: dict[str, Any], earlier: "View | None" = None, readings: Readings | None = None) -> "View":
        """The view of an observation in plain data (OBS-1); what is as it was in an earlier one is taken from there."""
        if earlier is not None and earlier.raw is observation:
            return earlier
        positions: dict[str, NaivePosition] = {}
        held: dict[str, list[NaivePosition]] = {}
        known, known_pools = ({}, {}) if earlier is None else (earlier.positions, earlier.pools)
        read_position, read_pool = (_position, _pool) if readings is None else (readings.position, readings.pool)
        for entry in observation["positions"]:
            key = event_position(entry)
            position = known.get(key)
            if position is None or (position.raw is not entry and position.raw != entry):
                position = read_position(entry)
            positions[key] = position
            if position.size:
                held.setdefault(position.pool, []).append(position)
        pools: dict[str, NaivePool] = {}
        for entry in observation["pools"]:
            account, market = entry["account"], entry["market"]
            key = f"{account}/cross" if market is None else f"{account}/{market}/isolated"
            pool, backed = known_pools.get(key), tuple(held.get(key, ()))
            if pool is None or (pool.raw is not entry and pool.raw != entry) or pool.positions != backed:
                pool = read_pool(entry, key, backed)
            pools[key] = pool
        vault = observation["vault"]
        if earlier is not None and earlier.raw["vault"] is vault:
            of_vault = earlier.vault_cash, earlier.vault_equity, earlier.vault_positions
        else:
            sizes = {market: number(size) for market, size in vault["positions"].items()}
            of_vault = number(vault["cash"]), number(vault["equity"]), sizes
        return cls(
            observation["time"],
            observation["block"],
            positions,
            pools,
            *of_vault,
            {market: number(mark) for market, mark in observation.get("marks", {}).items()},
            observation,
        )

    def contents(self, pool: str) -> Contents:
        """What a pool holds; one that does not exist yet is taken as an empty one (ACC-3)."""
        return self.pools[pool].contents if pool in self.pools else Contents(ZERO, {})


_OF_POSITION = [one.name for one in fields(NaivePosition)][1:]
_OF_POOL = [one.name for one in fields(NaivePool)][3:]


def close(rules: NaiveRules, held: Holding, closed: Fraction, price: Fraction) -> tuple[Holding, Fraction]:
    """MRG-9: what is left of a position after closing part of it at a price, and what that realises."""
    released = abs(held.cost) * closed / abs(held.size)
    released = down(released, rules.quote) * (1 if held.cost >= 0 else -1)
    sign = 1 if held.size > 0 else -1
    return Holding(held.market, held.size - sign * closed, held.cost - released), sign * closed * price - released


def event_position(event: dict[str, Any]) -> str:
    """The key of the position that an event names."""
    return f"{event['account']}/{event['market']}/{event['mode']}"


def event_pool(event: dict[str, Any]) -> str:
    """The key of the pool that backs the position that an event names."""
    return f"{event['account']}/cross" if event["mode"] == "cross" else event_position(event)
