"""A configuration as it is written, and the valid rule set that it makes in integers (MRG-8, CFG-1 to CFG-3)."""

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import attrs
from attrs import Factory, field, frozen
from attrs.validators import optional

from liqspec.core import parameters
from liqspec.core.arithmetic import Ratio, Schedule, Tier
from liqspec.core.parameters import (
    AccountConfig,
    BackstopConfig,
    InvalidConfig,
    LiquidationConfig,
    MarginConfig,
    MarkConfig,
    MarketRules,
    Parameters,
    Removal,
    TradingConfig,
    on_grid,
)
from liqspec.edge import amounts, shapes
from liqspec.edge.amounts import Grid
from liqspec.edge.keys import check_name
from liqspec.edge.shapes import are_amounts, are_names, is_amount, is_integer, is_rate

Mode = parameters.Mode


@frozen(kw_only=True)
class TierConfig:
    """A margin tier (MRG-4, MRG-8), perhaps with the rate of its close-out margin (BKS-9)."""

    above: str = field(validator=is_amount)
    maintenance_rate: str = field(validator=is_rate)
    max_leverage: int = field(validator=is_integer)
    closeout_rate: str | None = field(default=None, validator=optional(is_rate))


@frozen(kw_only=True)
class MarketConfig(MarketRules):
    """A market: its grids, its margin tiers, and what it restricts."""

    tick: str = field(validator=is_amount)
    lot: str = field(validator=is_amount)
    tiers: tuple[TierConfig, ...]


@frozen(kw_only=True)
class VaultConfig:
    """What the liquidator vault starts with."""

    cash: str = field(default="0", validator=is_amount)


@frozen(kw_only=True)
class Config:
    """The whole configuration of a run (CFG-1)."""

    markets: dict[str, MarketConfig]
    marks: dict[str, str] = field(validator=are_amounts)
    accounts: tuple[str, ...] = field(validator=are_names)
    backstop: BackstopConfig
    liquidation: LiquidationConfig = Factory(LiquidationConfig)
    vault: VaultConfig = Factory(VaultConfig)
    quote_unit: str = field(default="0.000001", validator=is_amount)
    time: int = field(default=0, validator=is_integer)
    margin: MarginConfig | None = None
    account: AccountConfig | None = None
    trading: TradingConfig | None = None
    mark: MarkConfig | None = None

    @classmethod
    def from_json(cls, data: object) -> "Config":
        """The configuration in plain data, as the protocol and the venue files write it.

        Raises:
            shapes.WrongShape: a field is missing, unknown or mistyped, or a number is malformed.
        """
        return shapes.structure(data, cls)

    def to_json(self) -> dict[str, Any]:
        """The configuration as the protocol writes it, without what is absent; `from_json` reads it."""
        data = attrs.asdict(self, filter=lambda _, value: value is not None)
        plain: dict[str, Any] = json.loads(json.dumps(data))  # tuples become lists
        return plain


def quote_unit_of(config: Mapping[str, Any]) -> str:
    """The quote unit of a configuration in plain data, which may leave it out (CFG-1)."""
    written: str = config.get("quote_unit", attrs.fields(Config).quote_unit.default)
    return written


@frozen(eq=False)
class Market:
    """A market: `unit` is the worth of one lot at a price of one tick, in quote units (AMT-2).

    `closeout` is the schedule of its close-out margins, if its tiers have them (BKS-9).
    """

    name: str
    price: Grid
    size: Grid
    unit: int
    lot: Ratio
    schedule: Schedule
    max_leverage: int
    closeout: Schedule | None = None
    modes: tuple[Mode, ...] | None = None
    isolated_removal: Removal | None = None


@frozen(eq=False, kw_only=True)
class Venue(Parameters):
    """A rule set: markets and the parameters of the liquidation, all amounts in integers.

    `shows_prices` says whether an observation has the prices of OBS-5; no rule depends on it.
    """

    markets: dict[str, Market]
    money: Grid
    forms_marks: bool

    @property
    def limits_orders(self) -> bool:
        """Whether liquidation orders have a limit price (LIQ-17)."""
        return self.order_price not in (None, "market")

    shows_prices: bool = False

    @classmethod
    def from_config(cls, config: Config, *, shows_prices: bool = False) -> "Venue":
        """The rule set of a configuration.

        Raises:
            InvalidConfig: a parameter is out of its range or off its grid, or the tiers of a market are not a schedule.
        """
        money = _grid("quote_unit", config.quote_unit)
        if not config.markets:
            raise InvalidConfig("markets", "at least one market is needed")
        markets = {name: market_of(name, config.markets[name], money) for name in sorted(config.markets)}
        values = parameters.in_integers({table: getattr(config, table) for table in parameters.TABLES}, money)
        markets = {name: _measured(market, values) for name, market in markets.items()}
        forms_marks = config.mark is not None  # MRK-1
        return cls(markets=markets, money=money, forms_marks=forms_marks, shows_prices=shows_prices, **values)


def _measured(market: Market, values: Mapping[str, Any]) -> Market:
    """The market with the venue's choices of how margin is measured (MRG-13 to MRG-15, BKS-9)."""
    if market.closeout is None and values["backstop_measure"] == "tier":
        message = "required field is missing: backstop.measure is tier (BKS-9)"
        raise InvalidConfig(f"markets.{market.name}.tiers[1].closeout_rate", message)
    closeout = None if market.closeout is None else _measuring(market.name, market.closeout, values)
    return attrs.evolve(market, schedule=_measuring(market.name, market.schedule, values), closeout=closeout)


def _measuring(market: str, schedule: Schedule, values: Mapping[str, Any]) -> Schedule:
    """The schedule with the venue's choices of how it measures (MRG-13 to MRG-15), if they are valid (MRG-15)."""
    fee, denominator = values["close_fee_rate"] or Ratio(0, 1), schedule.denominator
    highest = schedule.tiers[-1].rate
    if highest * fee.denominator + fee.numerator * denominator > denominator * fee.denominator:
        rate = Fraction(highest, denominator)
        message = f"with the maintenance rate {rate} of {market} it is above 1 (MRG-15)"
        raise InvalidConfig("margin.close_fee_rate", message)
    times = fee.denominator
    return Schedule(
        denominator * times,
        tuple(tier._replace(rate=tier.rate * times, deduction=tier.deduction * times) for tier in schedule.tiers),
        rounds_down=values["rounding"] == "down",
        at_entry=values["valuation"] == "entry",
        close_fee=fee.numerator * denominator,
    )


def _grid(path: str, step: str) -> Grid:
    try:
        return Grid.of(step)
    except amounts.MalformedAmount as error:
        raise InvalidConfig(path, str(error)) from None


def market_of(name: str, config: MarketConfig, money: Grid) -> Market:
    """A market with its grids, and what a lot is worth at a price of one tick (AMT-2), if it is valid (CFG-1)."""
    path = f"markets.{name}"
    try:
        check_name(name)
    except ValueError as error:
        raise InvalidConfig(path, str(error)) from None
    price, size = _grid(f"{path}.tick", config.tick), _grid(f"{path}.lot", config.lot)
    unit = price.step * size.step / money.step
    if unit.denominator != 1:
        raise InvalidConfig(
            f"{path}.tick",
            f"tick {config.tick} x lot {config.lot} is not a whole number of quote units of {money.text(1)} (AMT-2)",
        )
    return Market(
        name=name,
        price=price,
        size=size,
        unit=unit.numerator,
        lot=Ratio(size.step.numerator, size.step.denominator),
        schedule=schedule_of(f"{path}.tiers", config.tiers, money),
        max_leverage=config.tiers[0].max_leverage,
        closeout=closeout_of(f"{path}.tiers", config.tiers, money),
        **parameters.of_market(path, config, money),
    )


def closeout_of(path: str, tiers: tuple[TierConfig, ...], money: Grid) -> Schedule | None:
    """The schedule of close-out margins of valid margin tiers, None if no tier has a rate of it (BKS-9)."""
    if all(tier.closeout_rate is None for tier in tiers):
        return None
    before, at_closeout = Fraction(0), []
    for index, tier in enumerate(tiers, start=1):
        text, most = tier.closeout_rate, tier.maintenance_rate
        if text is None:
            raise InvalidConfig(
                f"{path}[{index}].closeout_rate", "required field is missing: another tier has it (BKS-9)"
            )
        rate = amounts.rate(text)
        for failed, message in (
            (rate <= 0, f"must be above 0, got {text}"),
            (rate < before, f"the rate falls to {text}"),
            (rate > amounts.rate(most), f"{text} is above the maintenance rate {most}"),
        ):
            if failed:
                raise InvalidConfig(f"{path}[{index}].closeout_rate", f"{message} (BKS-9)")
        before = rate
        at_closeout.append(attrs.evolve(tier, maintenance_rate=text))
    return schedule_of(path, tuple(at_closeout), money)


def schedule_of(path: str, tiers: tuple[TierConfig, ...], money: Grid) -> Schedule:
    """The margin tiers with their deductions, over one denominator (MRG-5), if they are valid (MRG-8)."""
    if not tiers:
        raise InvalidConfig(path, "at least one tier is needed")
    aboves = [on_grid(f"{path}[{index}].above", tier.above, money) for index, tier in enumerate(tiers, start=1)]
    rates = [amounts.rate(tier.maintenance_rate) for tier in tiers]
    deduction, deductions = Fraction(0), []
    for index, (tier, above, rate) in enumerate(zip(tiers, aboves, rates, strict=True)):
        highest, rate_text = tier.max_leverage, tier.maintenance_rate
        checks = [
            (highest < 1, "max_leverage", "must be at least 1"),
            (rate <= 0, "maintenance_rate", f"must be above 0, got {rate_text}"),
            (rate * highest > 1, "maintenance_rate", f"{rate_text} is above the initial rate 1/{highest}"),
        ]
        if index == 0:
            checks.insert(0, (above != 0, "above", f"the first tier starts above 0, got {tier.above}"))
        else:
            before, rise = tiers[index - 1], rate - rates[index - 1]
            unordered = f"tiers out of order: {tier.above} does not rise from {before.above}"
            rises = f"the maximum leverage rises from {before.max_leverage} to {highest}"
            checks += [
                (above <= aboves[index - 1], "above", unordered),
                (rise < 0, "maintenance_rate", f"the rate falls from {before.maintenance_rate} to {rate_text}"),
                (highest > before.max_leverage, "max_leverage", rises),
            ]
            deduction += above * rise
        for failed, name, message in checks:
            if failed:
                raise InvalidConfig(f"{path}[{index + 1}].{name}", f"{message} (MRG-8)")
        deductions.append(deduction)
    denominator = amounts.common_denominator([*rates, *deductions])
    return Schedule(
        denominator,
        tuple(
            Tier(above, int(rate * denominator), int(deducted * denominator), tier.max_leverage)
            for above, rate, deducted, tier in zip(aboves, rates, deductions, tiers, strict=True)
        ),
    )
