"""The parameters of a rule set in integers, and the conditions that make them a valid one (MRG-8, CFG-1 to CFG-3)."""

from fractions import Fraction

from attrs import field, frozen

from liqspec.core.arithmetic import Ratio, Schedule, Tier
from liqspec.core.config import Config, MarketConfig, OrderPolicy, Scope, TierConfig, check_name
from liqspec.edge import amounts
from liqspec.edge.amounts import Grid
from liqspec.edge.texts import one_line


class InvalidConfig(ValueError):
    """A configuration that is no valid rule set: the field, and what is wrong with it."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(one_line(f"{path}: {message}"))
        self.path = path
        self.message = message


@frozen(eq=False)
class Market:
    """A market: `unit` is the worth of one lot at a price of one tick, in quote units (AMT-2)."""

    name: str
    price: Grid
    size: Grid
    unit: int
    lot: Ratio
    schedule: Schedule
    max_leverage: int


@frozen(eq=False)
class Venue:
    """A rule set: markets and the parameters of the liquidation, all amounts in integers."""

    markets: dict[str, Market]
    money: Grid
    order_policy: OrderPolicy
    stop_when_restored: bool
    partial_threshold: int | None
    partial_fraction: Ratio
    cooldown_ms: int
    cooldown_scope: Scope
    fee_rate: Ratio
    backstop_threshold: Ratio
    return_fraction: Ratio = field()

    @classmethod
    def from_config(cls, config: Config) -> "Venue":
        """The rule set of a configuration.

        Raises:
            InvalidConfig: a parameter is out of its range or off its grid, or the tiers of a market are no schedule.
        """
        money = _grid("quote_unit", config.quote_unit)
        if not config.markets:
            raise InvalidConfig("markets", "at least one market is needed")
        liquidation, backstop = config.liquidation, config.backstop
        threshold = liquidation.partial_threshold
        return cls(
            markets={name: _market(name, config.markets[name], money) for name in sorted(config.markets)},
            money=money,
            order_policy=liquidation.order_policy,
            stop_when_restored=liquidation.stop_when_restored,
            partial_threshold=None if threshold is None else _threshold(threshold, money),
            partial_fraction=_share("liquidation.partial_fraction", liquidation.partial_fraction, zero=False),
            cooldown_ms=liquidation.cooldown_ms,
            cooldown_scope=liquidation.cooldown_scope,
            fee_rate=_share("liquidation.fee_rate", liquidation.fee_rate, zero=True),
            backstop_threshold=_share("backstop.threshold", backstop.threshold, zero=False),
            return_fraction=_share("backstop.return_fraction", backstop.return_fraction, zero=True),
        )


def on_grid(path: str, text: str, grid: Grid) -> int:
    """An amount of the configuration in steps of its grid.

    Raises:
        InvalidConfig: it is off the grid (AMT-4).
    """
    units = grid.units(text)
    if units is None:
        raise InvalidConfig(path, f"{text} is not a multiple of {grid.text(1)}")
    return units


def _threshold(text: str, money: Grid) -> int:
    units = on_grid("liquidation.partial_threshold", text, money)
    if units < 0:
        raise InvalidConfig("liquidation.partial_threshold", f"must be at least 0, got {text}")
    return units


def _grid(path: str, step: str) -> Grid:
    try:
        return Grid.of(step)
    except amounts.MalformedAmount as error:
        raise InvalidConfig(path, str(error)) from None


def _share(path: str, text: str, *, zero: bool) -> Ratio:
    """A rate in [0, 1], or in (0, 1] where zero makes no sense (CFG-2)."""
    share = amounts.rate(text)
    if share > 1 or share < 0 or (share == 0 and not zero):
        raise InvalidConfig(path, f"must be {'at least' if zero else 'above'} 0 and at most 1, got {text}")
    return Ratio(share.numerator, share.denominator)


def _market(name: str, config: MarketConfig, money: Grid) -> Market:
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
        schedule=_schedule(f"{path}.tiers", config.tiers, money),
        max_leverage=config.tiers[0].max_leverage,
    )


def _schedule(path: str, tiers: tuple[TierConfig, ...], money: Grid) -> Schedule:
    """The margin tiers with their deductions, over one denominator (MRG-5), if they are valid (MRG-8)."""
    if not tiers:
        raise InvalidConfig(path, "at least one tier is needed")
    aboves = [on_grid(f"{path}[{index}].above", tier.above, money) for index, tier in enumerate(tiers)]
    rates = [amounts.rate(tier.maintenance_rate) for tier in tiers]
    if aboves[0] != 0:
        raise InvalidConfig(f"{path}[0].above", f"the first tier starts above 0, got {tiers[0].above} (MRG-8)")
    deduction, deductions = Fraction(0), []
    for index, tier in enumerate(tiers):
        here = f"{path}[{index}]"
        if tier.max_leverage < 1:
            raise InvalidConfig(f"{here}.max_leverage", "must be at least 1 (MRG-8)")
        if rates[index] <= 0:
            raise InvalidConfig(f"{here}.maintenance_rate", f"must be above 0, got {tier.maintenance_rate} (MRG-8)")
        if rates[index] * tier.max_leverage > 1:
            raise InvalidConfig(
                f"{here}.maintenance_rate",
                f"{tier.maintenance_rate} is above the initial rate 1/{tier.max_leverage} (MRG-8)",
            )
        if index:
            before = tiers[index - 1]
            if aboves[index] <= aboves[index - 1]:
                raise InvalidConfig(
                    f"{here}.above", f"tiers out of order: {tier.above} does not rise from {before.above} (MRG-8)"
                )
            if rates[index] < rates[index - 1]:
                raise InvalidConfig(
                    f"{here}.maintenance_rate",
                    f"the rate falls from {before.maintenance_rate} to {tier.maintenance_rate} (MRG-8)",
                )
            if tier.max_leverage > before.max_leverage:
                raise InvalidConfig(
                    f"{here}.max_leverage",
                    f"the maximum leverage rises from {before.max_leverage} to {tier.max_leverage} (MRG-8)",
                )
            deduction += aboves[index] * (rates[index] - rates[index - 1])
        deductions.append(deduction)
    denominator = amounts.common_denominator([*rates, *deductions])
    return Schedule(
        denominator,
        tuple(
            Tier(above, int(rate * denominator), int(deducted * denominator), tier.max_leverage)
            for above, rate, deducted, tier in zip(aboves, rates, deductions, tiers, strict=True)
        ),
    )
