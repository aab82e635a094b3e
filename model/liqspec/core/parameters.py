"""A venue's parameters, each declared once: type, range, default, rule, meaning, sample values (CFG-1, CFG-2).

Everything else reads these declarations: configurations and their validation, the rule set in integers, the JSON
Schema, the table in the documents, random configurations, the vectors' pairs, `distinguish`, the minimiser, and the
notes on a venue's diagram. A new parameter is a field of its table here, and its type in `Parameters`.
"""

# ruff: noqa: RUF009 (`parameter` makes a field, as `attrs.field` does)

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from json import dumps
from typing import Any, Literal, NamedTuple, TypeVar

import attrs
from attrs import Factory, field, frozen

from liqspec.core.arithmetic import Ratio
from liqspec.edge import amounts
from liqspec.edge.amounts import Grid
from liqspec.edge.errors import InvalidField
from liqspec.edge.shapes import WrongShape, at, is_amount, is_integer, is_rate
from liqspec.edge.texts import counted, show, thousands, time_text

OrderPolicy = Literal["all", "ranked"]
Scope = Literal["position", "pool", "account"]
Measure = Literal["maintenance", "initial"]
PartialMethod = Literal["fraction", "restore", "tier_down", "lots"]
Rounding = Literal["up", "down"]
Valuation = Literal["mark", "entry"]
BackstopMeasure = Literal["threshold", "tier"]
Source = Literal["equity", "collateral"]
Crossing = Literal["refuse", "split"]
AssessAt = Literal["event", "block"]
Mode = Literal["cross", "isolated"]
Removal = Literal["free", "never"]


V = TypeVar("V")


class InvalidConfig(InvalidField):
    """A configuration that is not a valid rule set: the field, and what is wrong with it."""


def on_grid(path: str, text: str, grid: Grid) -> int:
    """An amount of the configuration in steps of its grid; InvalidConfig if it is off the grid (AMT-4)."""
    units = grid.units(text)
    if units is None:
        raise InvalidConfig(path, f"{text} is not a multiple of {grid.text(1)}")
    return units


@frozen(kw_only=True)
class Kind:
    """What values a parameter can have.

    `values` says it in words. `validator` refuses what is mistyped or malformed. `inside` makes of a value that it let
    pass, its path and the grid of money what the rules compute with, and refuses what is out of range (CFG-2).
    """

    values: str
    schema: Mapping[str, Any]
    validator: Callable[[Any, Any, Any], None] | None = None
    inside: Callable[[str, Any, Grid], Any] = lambda _path, value, _money: value


def choice(*names: str) -> Kind:
    """One of some names."""
    return Kind(values=" or ".join(f"`{name}`" for name in names), schema={"enum": list(names)})


def _share(path: str, text: str, _: Grid, *, zero: bool) -> Ratio:
    share = amounts.rate(text)
    if share > 1 or share < 0 or (share == 0 and not zero):
        raise InvalidConfig(path, f"must be {'at least' if zero else 'above'} 0 and at most 1, got {text}")
    return Ratio(share.numerator, share.denominator)


def _money(path: str, text: str, money: Grid) -> int:
    units = on_grid(path, text, money)
    if units < 0:
        raise InvalidConfig(path, f"must be at least 0, got {text}")
    return units


def _above_0(path: str, value: int, _: Grid) -> int:
    if value < 1:
        raise InvalidConfig(path, f"must be at least 1, got {value}")
    return value


FLAG = Kind(values="true or false", schema={"type": "boolean"})
MILLISECONDS = Kind(values="an integer", schema={"$ref": "common.schema.json#/$defs/integer"}, validator=is_integer)
WHOLE_ABOVE_0 = Kind(
    values="an integer of at least 1",
    schema={"$ref": "common.schema.json#/$defs/integer", "minimum": 1},
    validator=is_integer,
    inside=_above_0,
)
MONEY = Kind(
    values="an amount of at least 0, on the quote grid",
    schema={"$ref": "common.schema.json#/$defs/amount"},
    validator=is_amount,
    inside=_money,
)
_RATE = {"$ref": "common.schema.json#/$defs/rate"}
SHARE = Kind(
    values="a rate of at least 0 and at most 1", schema=_RATE, validator=is_rate, inside=partial(_share, zero=True)
)
SHARE_ABOVE_0 = Kind(
    values="a rate above 0 and at most 1", schema=_RATE, validator=is_rate, inside=partial(_share, zero=False)
)


@frozen(kw_only=True)
class RestoreConfig:
    """What equity must reach for a pool to be restored: a measure of the pool, times a factor (LIQ-15)."""

    measure: Measure = "maintenance"
    factor: str = field(default="1", validator=is_rate)


class Restore(NamedTuple):
    """The same, as the rules compute with it."""

    measure: Measure
    factor: Ratio


def _restore(path: str, config: RestoreConfig, _: Grid) -> Restore:
    factor = amounts.rate(config.factor)
    if factor < 1:
        raise InvalidConfig(f"{path}.factor", f"must be at least 1, got {config.factor}")
    return Restore(config.measure, Ratio(factor.numerator, factor.denominator))


OrderPrice = Literal["market", "bankruptcy"] | Ratio  # a ratio is a band around the mark


def _is_order_price(_: object, attribute: "attrs.Attribute[Any]", value: str | dict[str, str] | None) -> None:
    """An attrs validator: a name, or a table of a band (LIQ-17)."""
    if value in ("market", "bankruptcy", None):
        return
    if not isinstance(value, dict) or list(value) != ["band"]:
        got = f"expected market, bankruptcy or a table of band, got {show(value)}"
        raise WrongShape(attribute.name, got)
    with at(f"{attribute.name}.band"):
        amounts.rate(value["band"])


def _order_price(path: str, written: str | dict[str, str], money: Grid) -> OrderPrice:
    if isinstance(written, dict):
        return _share(f"{path}.band", written["band"], money, zero=True)
    return "market" if written == "market" else "bankruptcy"


ORDER_PRICE = Kind(
    values="`market`, `bankruptcy`, or a table of `band` (a rate of at least 0 and at most 1)",
    schema={
        "oneOf": [
            {"enum": ["market", "bankruptcy"]},
            {"type": "object", "properties": {"band": _RATE}, "required": ["band"], "additionalProperties": False},
        ]
    },
    validator=_is_order_price,
    inside=_order_price,
)
RESTORE = Kind(
    values="a table of `measure` (`maintenance` or `initial`) and `factor` (a rate of at least 1)",
    schema={
        "type": "object",
        "properties": {"measure": {"enum": ["maintenance", "initial"]}, "factor": _RATE},
        "additionalProperties": False,
    },
    inside=_restore,
)


def _modes(path: str, modes: tuple[Mode, ...], _: Grid) -> tuple[Mode, ...]:
    if not modes:
        raise InvalidConfig(path, "at least one mode is needed")
    for place, mode in enumerate(modes):
        if mode in modes[:place]:
            raise InvalidConfig(path, f"{mode} is repeated")
    return modes


MODES = Kind(
    values="a list of `cross`, `isolated` or both",
    schema={
        "type": "array",
        "items": {"$ref": "common.schema.json#/$defs/mode"},
        "minItems": 1,
        "uniqueItems": True,
    },
    inside=_modes,
)


@frozen(kw_only=True)
class Parameter:
    """A declared parameter: its table and name in a configuration, and what is declared of it.

    `samples` are the values of random configurations, each as likely as often as it is listed. The two of each of the
    `pairs` must make a difference; None is left out. Where the meaning asks "whether", `answers` has what each value
    says. `note` says on a venue's diagram what the table means; "" is left
    out. A parameter of a `family` is only for engines that have the family. One that is `only_with` a value of another
    means nothing without it, and is refused. So is one with another value than `neutral`, as the rules compute with it,
    where another parameter has a value of `idle_with`, with which it could have no effect.
    """

    table: str
    name: str
    kind: Kind
    rule: str
    meaning: str
    samples: tuple[Any, ...]
    pairs: tuple[tuple[Any, Any], ...]
    default: Any = attrs.NOTHING
    answers: Mapping[Any, str] = Factory(dict)
    note: Callable[[Any], str] | None = None
    family: str = ""
    only_with: tuple[str, Any] | None = None
    neutral: Any = None
    idle_with: tuple[tuple[str, Any], ...] = ()

    @property
    def path(self) -> str:
        """The path of the parameter in a configuration, such as `liquidation.cooldown_ms`."""
        return f"{self.table}.{self.name}"

    def idle(self, given: Callable[[str], Any]) -> str:
        """Why it could have no effect with the others of its table, whose values are `given`; "" if it could."""
        if self.only_with is not None and given(self.only_with[0]) != self.only_with[1]:
            return f"has a meaning only with {' = '.join(self.only_with)} ({self.rule})"
        for other, value in self.idle_with:
            held = given(other)
            if (list(held) if isinstance(held, tuple) else held) == value:
                where = f"without {other}" if value is None else f"with {other} = {dumps(value)}"
                return f"has no effect {where} (CFG-2)"
        return ""

    @property
    def required(self) -> bool:
        """Whether a configuration must have it."""
        return self.default is attrs.NOTHING

    @property
    def inner_name(self) -> str:
        """Its name in `Parameters`."""
        return f"backstop_{self.name}" if self.path in ("backstop.threshold", "backstop.measure") else self.name


def parameter(kind: Kind, *, default: Any = attrs.NOTHING, **declared: Any) -> Any:
    """The field of a parameter in its table, with what is declared of it in a `Parameter`."""
    return field(default=default, validator=kind.validator, metadata={"kind": kind, **declared})


def _orders(rules: "LiquidationConfig") -> str:
    part = "whole positions"
    if rules.partial_threshold is not None:
        share, threshold = amounts.share_text(rules.partial_fraction), thousands(rules.partial_threshold)
        part = f"{share} of a position above {threshold}"
    which = "all of a pool at once" if rules.order_policy == "all" else "the largest margin of a pool first"
    end = "stop when restored" if rules.stop_when_restored else "run to their end"
    return f"Orders for {part}, {which}; they {end}"


def _method(rules: "LiquidationConfig") -> str:
    made = {
        "restore": "as much as restores the pool",
        "tier_down": f"{counted(rules.tier_steps or 1, 'tier')} down",
        "lots": counted(rules.partial_lots or 1, "lot"),
    }
    return f"a chunk is {made[rules.partial_method]}" if rules.partial_method in made else ""


def _said(text: str, value: V | None, shown: Callable[[V], str]) -> str:
    return "" if value is None else text.format(shown(value))


def _limit(rules: "LiquidationConfig") -> str:
    if isinstance(rules.order_price, dict):
        return f"orders within {amounts.share_text(rules.order_price['band'])} of the mark"
    return "orders limited by the bankruptcy price" if rules.order_price == "bankruptcy" else ""


def _cooldown(rules: "LiquidationConfig") -> str:
    if rules.cooldown_ms == 0:
        return "no cooldown"
    return f"cooldown {time_text(rules.cooldown_ms)} of the {rules.cooldown_scope}"


def _fee(rules: "LiquidationConfig") -> str:
    rate = amounts.rate(rules.fee_rate)
    return f"a fee of {amounts.share_text(rules.fee_rate)} on liquidation fills" if rate else "no liquidation fee"


def _restored(rules: "LiquidationConfig") -> str:
    restore = rules.restore
    return f"restored at {amounts.share_text(restore.factor)} of the {restore.measure} margin" if restore else ""


def _returned(rules: "BackstopConfig") -> str:
    share = amounts.rate(rules.return_fraction)
    return f"the vault {f'returns {amounts.share_text(rules.return_fraction)} of' if share else 'keeps'} the equity"


_ABOUT_ORDERS = (("market_attempt", False),)
_ABOUT_CHUNKS = (("partial_threshold", None), *_ABOUT_ORDERS)


@frozen(kw_only=True)
class LiquidationConfig:
    """How the venue liquidates in the market (LIQ, PRT, CLD, FIL)."""

    order_policy: OrderPolicy = parameter(
        choice("all", "ranked"),
        default="all",
        rule="LIQ-11",
        meaning="Whether all positions of a pool get an order, or only the one with the largest margin.",
        answers={
            "all": "All positions of a pool get an order.",
            "ranked": "Only the position of a pool with the largest margin gets an order.",
        },
        samples=("all", "ranked"),
        pairs=(("all", "ranked"),),
    )
    stop_when_restored: bool = parameter(
        FLAG,
        default=True,
        rule="LIQ-9",
        meaning="Whether the working orders of a restored pool are cancelled, or run to their end.",
        answers={
            True: "The working orders of a restored pool are cancelled.",
            False: "The working orders of a restored pool run to their end.",
        },
        samples=(True, False),
        pairs=((True, False),),
        note=_orders,
    )
    partial_threshold: str | None = parameter(
        MONEY,
        default=None,
        rule="PRT-2",
        meaning="The notional above which a position is liquidated in chunks; left out, none is.",
        samples=("0", "1000", "20000", "100000"),
        pairs=(("20000", None), ("20000", "0")),
    )
    partial_fraction: str = parameter(
        SHARE_ABOVE_0,
        default="1",
        rule="PRT-3",
        meaning="The share of a position that a chunk is.",
        samples=("1/5", "1/3", "0.4", "1/2", "1"),
        pairs=(("1/3", "1/2"),),
    )
    cooldown_ms: int = parameter(
        MILLISECONDS,
        default=0,
        rule="CLD-1",
        meaning="How many milliseconds a window stays open after a partial liquidation; 0 opens none.",
        samples=(0, 10, 30000, 30000),
        pairs=((30000, 0), (30000, 10)),
        note=_cooldown,
    )
    cooldown_scope: Scope = parameter(
        choice("position", "pool", "account"),
        default="pool",
        rule="CLD-1",
        meaning="Whose orders an open window forces to full size.",
        samples=("position", "pool", "account"),
        pairs=(("position", "pool"), ("pool", "account")),
    )
    fee_rate: str = parameter(
        SHARE,
        default="0",
        rule="FIL-2",
        meaning="The fee on a liquidation fill, as a share of its notional.",
        samples=("0", "0", "1/200", "3/70", "0.1"),
        pairs=(("0", "1/200"), ("1/10", "1")),
        note=_fee,
    )
    restore: RestoreConfig | None = parameter(
        RESTORE,
        default=None,
        rule="LIQ-15",
        meaning="What equity must reach for a pool to be restored; left out, its maintenance margin.",
        samples=({"factor": "6/5"}, {"factor": "4/3"}, {"measure": "initial"}, {"measure": "initial", "factor": "7/6"}),
        pairs=((None, {"factor": "3/2"}), (None, {"measure": "initial"})),
        note=_restored,
        family="restore",
    )
    partial_method: PartialMethod | None = parameter(
        choice("fraction", "restore", "tier_down", "lots"),
        default=None,
        rule="PRT-4",
        meaning="What makes a chunk: a fraction, what restores the pool, the way to a lower tier, or a number of lots.",
        samples=("restore", "restore", "tier_down", "lots", "fraction"),
        pairs=((None, "restore"), (None, "tier_down"), (None, "lots")),
        note=_method,
        family="partial_method",
        neutral="fraction",
        idle_with=_ABOUT_CHUNKS,
    )
    tier_steps: int | None = parameter(
        WHOLE_ABOVE_0,
        default=None,
        rule="PRT-4",
        meaning="How many tiers down a chunk takes its position; left out, one.",
        samples=(1, 2, 2, 3),
        pairs=((1, 2),),
        family="partial_method",
        only_with=("partial_method", "tier_down"),
    )
    partial_lots: int | None = parameter(
        WHOLE_ABOVE_0,
        default=None,
        rule="PRT-4",
        meaning="How many lots a chunk has; left out, one.",
        samples=(1, 2, 7, 1000, 100000, 2**32 + 4),
        pairs=((1, 7),),
        family="partial_method",
        only_with=("partial_method", "lots"),
    )
    min_order_notional: str | None = parameter(
        MONEY,
        default=None,
        rule="PRT-5",
        meaning="The notional that a chunk has at least, if the position has it; left out, a chunk may be smaller.",
        samples=("10", "500", "5000", "20000"),
        pairs=((None, "20000"),),
        note=lambda rules: _said("a chunk has a notional of at least {}", rules.min_order_notional, thousands),
        family="least_orders",
        neutral=0,
        idle_with=_ABOUT_CHUNKS,
    )
    min_rest_notional: str | None = parameter(
        MONEY,
        default=None,
        rule="PRT-5",
        meaning="The notional below which a rest is ordered with its chunk; left out, every rest may be left.",
        samples=("10", "500", "5000", "20000"),
        pairs=((None, "20000"),),
        note=lambda rules: _said("a rest below {} is ordered with its chunk", rules.min_rest_notional, thousands),
        family="least_orders",
        neutral=0,
        idle_with=_ABOUT_CHUNKS,
    )
    order_price: str | dict[str, str] | None = parameter(
        ORDER_PRICE,
        default=None,
        rule="LIQ-17",
        meaning="The limit price of a liquidation order; left out, it takes any price.",
        samples=("bankruptcy", "bankruptcy", {"band": "1/50"}, {"band": "1/5"}, {"band": "0"}, "market"),
        pairs=((None, "bankruptcy"), (None, {"band": "1/50"})),
        note=_limit,
        family="order_price",
        neutral="market",
        idle_with=_ABOUT_ORDERS,
    )
    market_attempt: bool | None = parameter(
        FLAG,
        default=None,
        rule="LIQ-16",
        meaning="Whether a pool is offered to the market before the vault may take it; left out, it is.",
        answers={
            True: "A pool is offered to the market before the vault may take it.",
            False: "A pool is never offered to the market: the vault alone liquidates.",
        },
        samples=(False, True, True),
        pairs=((None, False),),
        note=lambda rules: "no orders: the vault alone liquidates" if rules.market_attempt is False else "",
        family="market_attempt",
    )
    assess_at: AssessAt | None = parameter(
        choice("event", "block"),
        default=None,
        rule="LIQ-18",
        meaning="Whether a liquidation begins at the event that breaches a pool, or at the next block; left out, at "
        "the event.",
        answers={
            "event": "A liquidation begins at the event that breaches a pool.",
            "block": "A liquidation begins at the next block.",
        },
        samples=("block", "block", "event"),
        pairs=((None, "block"),),
        note=lambda rules: "liquidations begin at blocks" if rules.assess_at == "block" else "",
        family="assess_at",
    )


@frozen(kw_only=True)
class BackstopConfig:
    """When the liquidator vault takes a pool, and what it returns (BKS)."""

    threshold: str = parameter(
        SHARE_ABOVE_0,
        rule="BKS-1",
        meaning="The share of the maintenance margin below which the vault takes a pool whose book failed.",
        samples=("2/3", "2/3", "2/3", "1/3", "1/2", "9/10", "1"),
        pairs=(("2/3", "1/3"),),
        note=lambda rules: f"backstop below {amounts.share_text(rules.threshold)} of the margin",
    )
    return_fraction: str = parameter(
        SHARE,
        default="0",
        rule="BKS-4",
        meaning="The share of the equity that stays in a pool when the vault takes it.",
        samples=("0", "0", "1/3", "0.7", "1"),
        pairs=(("0", "1/3"), ("1/3", "1")),
        note=_returned,
    )
    measure: BackstopMeasure | None = parameter(
        choice("threshold", "tier"),
        default=None,
        rule="BKS-9",
        meaning="Whether the threshold is a share of the maintenance margin, or of the margin at the tiers' "
        "`closeout_rate`; left out, of the maintenance margin.",
        answers={
            "threshold": "The threshold is a share of the maintenance margin.",
            "tier": "The threshold is a share of the margin at the tiers' `closeout_rate`.",
        },
        samples=("tier", "tier", "tier", "threshold"),
        pairs=((None, "tier"),),
        note=lambda rules: "the backstop line is at the tiers' close-out rates" if rules.measure == "tier" else "",
        family="closeout",
    )


@frozen(kw_only=True)
class MarginConfig:
    """How the venue measures margin (MRG-13 to MRG-15); what is left out is as in MRG-1 to MRG-7."""

    rounding: Rounding | None = parameter(
        choice("up", "down"),
        default=None,
        rule="MRG-13",
        meaning="Which way a position's maintenance margin is rounded; left out, up.",
        samples=("down", "down", "down", "up"),
        pairs=((None, "down"),),
        note=lambda rules: "maintenance margins are rounded down" if rules.rounding == "down" else "",
        family="rounding",
    )
    valuation: Valuation | None = parameter(
        choice("mark", "entry"),
        default=None,
        rule="MRG-14",
        meaning="Whether margins are asked of a size at its mark, or of what it cost; left out, at its mark.",
        answers={
            "mark": "Margins are asked of a size at its mark.",
            "entry": "Margins are asked of what a position cost.",
        },
        samples=("entry", "entry", "entry", "mark"),
        pairs=((None, "entry"),),
        note=lambda rules: "margins are asked of the cost" if rules.valuation == "entry" else "",
        family="valuation",
    )
    close_fee_rate: str | None = parameter(
        SHARE,
        default=None,
        rule="MRG-15",
        meaning="The fee of closing that margins count in, as a share of the notional; left out, none.",
        samples=("1/1000", "3/4000", "1/70", "1/30", "0"),
        pairs=((None, "1/20"),),
        note=lambda rules: _said("margins count a closing fee of {}", rules.close_fee_rate, amounts.share_text),
        family="close_fee",
    )


@frozen(kw_only=True)
class AccountConfig:
    """What the trader may take out of a pool (ACC-14, ACC-15); what is left out is as in ACC-5."""

    withdraw_floor: str | None = parameter(
        SHARE_ABOVE_0,
        default=None,
        rule="ACC-14",
        meaning="The share of its notional that a pool's equity keeps where money leaves it; left out, none.",
        samples=("1/10", "1/3", "3/7", "1"),
        pairs=((None, "1/2"),),
        note=lambda rules: _said(
            "what leaves a pool leaves {} of its notional", rules.withdraw_floor, amounts.share_text
        ),
        family="withdraw",
    )
    withdraw_from: Source | None = parameter(
        choice("equity", "collateral"),
        default=None,
        rule="ACC-15",
        meaning="Whether all equity may leave a pool, or only its collateral; left out, equity.",
        answers={"equity": "All equity may leave a pool.", "collateral": "Only its collateral may leave a pool."},
        samples=("collateral", "collateral", "equity"),
        pairs=((None, "collateral"),),
        note=lambda rules: "only collateral leaves a pool" if rules.withdraw_from == "collateral" else "",
        family="withdraw",
    )


@frozen(kw_only=True)
class TradingConfig:
    """What the venue makes of a trade that is larger than the position which it reduces (ACC-16)."""

    crossing: Crossing | None = parameter(
        choice("refuse", "split"),
        default=None,
        rule="ACC-16",
        meaning="Whether a trade that turns a position round is refused, or split into two; left out, refused.",
        answers={
            "refuse": "A trade that turns a position round is refused.",
            "split": "A trade that turns a position round is split into two.",
        },
        samples=("split", "split", "split", "refuse"),
        pairs=((None, "split"),),
        note=lambda rules: "a trade may turn a position round" if rules.crossing == "split" else "",
        family="crossing",
    )


@frozen(kw_only=True)
class MarketRules:
    """What a market may restrict (ACC-17, ACC-18); what is left out is not restricted."""

    modes: tuple[Mode, ...] | None = parameter(
        MODES,
        default=None,
        rule="ACC-17",
        meaning="The modes in which the market is traded; left out, both.",
        samples=(["cross"], ["isolated"], ["cross", "isolated"], ["isolated", "cross"]),
        pairs=((None, ["cross"]), (None, ["isolated"])),
        note=lambda rules: f"{rules.modes[0]} only" if rules.modes is not None and len(rules.modes) == 1 else "",
        family="modes",
    )
    isolated_removal: Removal | None = parameter(
        choice("free", "never"),
        default=None,
        rule="ACC-18",
        meaning="Whether collateral may leave an isolated pool while it has a position; left out, it may.",
        answers={
            "free": "Collateral may leave an isolated pool while it has a position.",
            "never": "No collateral may leave an isolated pool while it has a position.",
        },
        samples=("never", "never", "free"),
        pairs=((None, "never"),),
        note=lambda rules: "no collateral leaves a position" if rules.isolated_removal == "never" else "",
        family="removal",
        neutral="free",
        idle_with=(("modes", ["cross"]),),
    )


@frozen(kw_only=True)
class MarkConfig:
    """How the venue forms its marks from inputs (MRK); a configuration without this table does not form them."""

    max_move: str | None = parameter(
        SHARE_ABOVE_0,
        default=None,
        rule="MRK-7",
        meaning="The share of the previous mark by which inputs move it at most; left out, there is no limit.",
        samples=("1/100", "1/20", "1/3", "1"),
        pairs=((None, "1/20"),),
        note=lambda rules: _said("a mark moves by at most {} of itself", rules.max_move, amounts.share_text),
        family="mark",
    )
    stale_ms: int | None = parameter(
        MILLISECONDS,
        default=None,
        rule="MRK-2",
        meaning="How many milliseconds an input still counts; left out, it counts only in its own event.",
        samples=(0, 1, 1000, 30000),
        pairs=((None, 1000),),
        note=lambda rules: _said("an input counts for {}", rules.stale_ms, time_text),
        family="mark",
    )


@frozen(kw_only=True)
class Parameters:
    """The parameters in integers, as the rules compute with them; money in quote units."""

    order_policy: OrderPolicy
    stop_when_restored: bool
    partial_threshold: int | None
    partial_fraction: Ratio
    cooldown_ms: int
    cooldown_scope: Scope
    fee_rate: Ratio
    restore: Restore | None
    partial_method: PartialMethod | None
    tier_steps: int | None
    partial_lots: int | None
    min_order_notional: int | None
    min_rest_notional: int | None
    order_price: OrderPrice | None
    market_attempt: bool | None
    assess_at: AssessAt | None
    backstop_threshold: Ratio
    return_fraction: Ratio
    backstop_measure: BackstopMeasure | None
    rounding: Rounding | None
    valuation: Valuation | None
    close_fee_rate: Ratio | None
    withdraw_floor: Ratio | None
    withdraw_from: Source | None
    crossing: Crossing | None
    max_move: Ratio | None
    stale_ms: int | None

    def families(self) -> frozenset[str]:
        """The families of which some parameter is there."""
        return frozenset(one.family for one in PARAMETERS if one.family and getattr(self, one.inner_name) is not None)


TABLES: dict[str, type[Any]] = {
    "liquidation": LiquidationConfig,
    "backstop": BackstopConfig,
    "margin": MarginConfig,
    "account": AccountConfig,
    "trading": TradingConfig,
    "mark": MarkConfig,
}
# A family that is on in every run whose configuration has the table of its name, even an empty one.
OWN_TABLE: tuple[str, ...] = ("mark",)
PARAMETERS: tuple[Parameter, ...] = tuple(
    Parameter(table=table, name=entry.name, default=entry.default, **entry.metadata)
    for table, shape in TABLES.items()
    for entry in attrs.fields(shape)
)
# Those of each market, which are declared alike; `*` is the name of any.
MARKET_PARAMETERS: tuple[Parameter, ...] = tuple(
    Parameter(table="markets.*", name=entry.name, default=entry.default, **entry.metadata)
    for entry in attrs.fields(MarketRules)
)
FAMILIES = frozenset(entry.family for entry in (*PARAMETERS, *MARKET_PARAMETERS) if entry.family)


MARKETS = "markets."  # how the path of a market begins


def of_table(table: str) -> Iterator[Parameter]:
    """The parameters of a table of the configuration, in the order of their declarations."""
    return (entry for entry in PARAMETERS if entry.table == table)


def tables_of(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The tables of parameters that a configuration in plain data has."""
    return {table: dict(config[table]) for table in TABLES if table in config}


def market_rules_of(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the markets of a configuration in plain data restrict, by the path of the market."""
    names = {entry.name for entry in MARKET_PARAMETERS}
    return {
        f"{MARKETS}{market}": {name: value for name, value in rules.items() if name in names}
        for market, rules in config["markets"].items()
    }


def families_of(config: Mapping[str, Any]) -> dict[str, str]:
    """The families that a configuration in plain data has, each with the path of what turns it on."""
    families = {table: table for table in OWN_TABLE if table in config}
    for entry in PARAMETERS:
        if entry.family and entry.name in (config.get(entry.table) or {}):
            families.setdefault(entry.family, entry.path)
    for entry in MARKET_PARAMETERS:
        for market, rules in config["markets"].items():
            if entry.name in rules:
                families.setdefault(entry.family, f"markets.{market}.{entry.name}")
    for market, rules in config["markets"].items():
        if any("closeout_rate" in tier for tier in rules["tiers"]):
            families.setdefault("closeout", f"markets.{market}.tiers")
    return families


def in_integers(tables: Mapping[str, Any], money: Grid) -> dict[str, Any]:
    """The values of `Parameters`, by their names there, for the tables of a configuration.

    Raises:
        InvalidConfig: a parameter is out of its range or off its grid; the first in the order of the declarations.
    """
    return {entry.inner_name: _inside(entry, entry.path, tables[entry.table], money) for entry in PARAMETERS}


def _inside(entry: Parameter, path: str, table: Any, money: Grid) -> Any:
    """The value that the rules compute with, if it is in its range and has an effect with the others (CFG-2)."""
    value = getattr(table, entry.name, None)
    if value is None:
        return None
    inside = entry.kind.inside(path, value, money)
    idle = "" if inside == entry.neutral else entry.idle(partial(getattr, table))
    if idle:
        raise InvalidConfig(path, idle)
    return inside


def of_market(path: str, rules: MarketRules, money: Grid) -> dict[str, Any]:
    """The values of a market's parameters, by name; `path` is that of the market in the configuration.

    Raises:
        InvalidConfig: a parameter is out of its range; the first in the order of the declarations.
    """
    return {entry.name: _inside(entry, f"{path}.{entry.name}", rules, money) for entry in MARKET_PARAMETERS}
