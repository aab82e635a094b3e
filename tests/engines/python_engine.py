"""A conforming engine in Python without the package, written from spec/ alone."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from itertools import accumulate
from statistics import median
from typing import Any

MAX_INTEGER = 2**53 - 1
MAX_DIGITS = 78
DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
RATIO = re.compile(r"[0-9]+/[0-9]+")
OPEN = ("healthy", "liquidatable", "partially_liquidated", "cooldown")
AMOUNTS = ("money", "price", "size")
# AMT-7: in addition to the last two code points of each plane.
REFUSED_IN_NAMES = (
    *((0x0000, 0x0020), (0x002F, 0x002F), (0x007F, 0x00A0), (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C)),
    *((0x115F, 0x1160), (0x1680, 0x1680), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2000, 0x200F), (0x2028, 0x202F)),
    *((0x205F, 0x206F), (0x3000, 0x3000), (0x3164, 0x3164), (0xD800, 0xDFFF), (0xFDD0, 0xFDEF), (0xFE00, 0xFE0F)),
    *((0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
MAX_LINE = 1024 * 1024
ANY, NOT_ZERO, POSITIVE = "any", "not zero", "above zero"

# Events (EVT-1): the fields in their order, each with its kind and, for an amount, the sign that it must have.
ACCOUNT, MARKET, MODE = ("account", "name", ANY), ("market", "name", ANY), ("mode", "mode", ANY)
KEY, PRICE = (ACCOUNT, MARKET, MODE), ("price", "price", POSITIVE)
QUOTES = ("index", "best_bid", "best_ask", "last")
EVENTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "deposit": (ACCOUNT, ("amount", "money", POSITIVE)),
    "withdraw": (ACCOUNT, ("amount", "money", POSITIVE)),
    "transfer": (ACCOUNT, MARKET, ("amount", "money", NOT_ZERO)),
    "trade": (*KEY, ("size", "size", NOT_ZERO), PRICE, ("leverage", "optional integer", ANY)),
    "mark_price": (MARKET, PRICE),
    "marks": (("prices", "prices", POSITIVE),),
    "fill": (*KEY, ("size", "size", POSITIVE), PRICE),
    "order_done": KEY,
    "funding": (MARKET, ("payment", "money", ANY)),
    "vault_trade": (MARKET, ("size", "size", NOT_ZERO), PRICE),
    "vault_cash": (("amount", "money", NOT_ZERO),),
    "adjust": (ACCOUNT, MODE, ("amount", "money", NOT_ZERO), ("market", "optional name", ANY)),
    "leverage": (*KEY, ("leverage", "integer", ANY)),
    "settle": (MARKET, PRICE),
    "price_inputs": (
        MARKET,
        *((name, "optional price", POSITIVE) for name in QUOTES),
        ("perps", "optional perps", POSITIVE),
    ),
    "block": (("time", "integer", ANY),),
}
OBSERVES = [
    "time",
    "block",
    "marks",
    *(f"positions.{name}" for name in ("state", "size", "cost", "order", "limit", "life", "cooldown_until")),
    *(f"pools.{name}" for name in ("collateral", "equity", "maintenance_margin", "initial_margin", "in_liquidation")),
    *(f"vault.{name}" for name in ("cash", "equity", "positions")),
]
PRICES = ["positions.liquidation_price", "positions.bankruptcy_price"]  # OBS-5
FAMILIES = [
    *("restore", "mark", "partial_method", "least_orders", "order_price", "market_attempt", "assess_at"),
    *("rounding", "valuation", "close_fee", "withdraw", "crossing", "modes", "removal", "closeout"),
]


class RefusedError(Exception):
    """The event is refused with this code; nothing was changed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


# ---------------------------------------------------------------- amounts and names


def ceil_div(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INTEGER


def is_amount(value: object) -> bool:
    return (
        isinstance(value, str)
        and DECIMAL.fullmatch(value) is not None
        and sum(character.isdigit() for character in value) <= MAX_DIGITS
    )


def is_name(value: object) -> bool:
    """Whether it has 1 to 128 code points, none of them refused (AMT-7)."""
    return isinstance(value, str) and 1 <= len(value) <= 128 and not any(map(is_refused, value))


def is_refused(character: str) -> bool:
    point = ord(character)
    return point % 0x10000 >= 0xFFFE or any(first <= point <= last for first, last in REFUSED_IN_NAMES)


class Grid:
    """A tick, a lot or a quote unit: amounts outside are decimal strings, inside they are whole numbers of it."""

    def __init__(self, text: str) -> None:
        self.places = len(text.partition(".")[2])
        self.mantissa = int(text.replace(".", ""))
        self.step = Fraction(self.mantissa, 10**self.places)

    def read(self, text: str) -> int | None:
        """Return the amount as a whole number of steps, or None if it is off the grid."""
        steps = Fraction(text) / self.step
        return steps.numerator if steps.denominator == 1 else None

    def write(self, steps: int) -> str:
        digits = str(abs(steps) * self.mantissa).rjust(self.places + 1, "0")
        whole, rest = digits[: len(digits) - self.places], digits[len(digits) - self.places :].rstrip("0")
        return ("-" if steps < 0 else "") + whole + ("." + rest if rest else "")


# ---------------------------------------------------------------- configuration

LIQUIDATION = {"order_policy", "fee_rate", "order_price", "market_attempt", "assess_at"}
RESTORE = {"restore", "stop_when_restored"}
PARTIAL = {"partial_threshold", "partial_fraction", "partial_method", "tier_steps", "partial_lots"}
LEAST = {"min_order_notional", "min_rest_notional"}
COOLDOWN = {"cooldown_ms", "cooldown_scope"}
MODES = ("cross", "isolated")
BANKRUPTCY_PRICES = "0.000000000000000001"  # OBS-5


def demand(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def table(value: object, where: str, required: set[str], optional: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: not a table")
    demand(required <= set(value), f"{where}: missing {sorted(required - set(value))}")
    unknown = [str(name) for name in value if name not in required | optional]
    demand(not unknown, f"{where}: unknown {unknown}")
    return value


def read_rate(value: object, where: str) -> Fraction:
    """Read an exact rational: a ratio of two whole numbers, or a decimal string (AMT-5)."""
    if isinstance(value, str) and RATIO.fullmatch(value):
        above, below = value.split("/")
        demand(len(above + below) <= MAX_DIGITS and int(below) > 0, f"{where}: not a ratio: {value}")
        return Fraction(int(above), int(below))
    demand(is_amount(value), f"{where}: not a rate: {value!r}")
    return Fraction(str(value))


def read_grid(value: object, where: str) -> Grid:
    demand(is_amount(value), f"{where}: not a decimal string: {value!r}")
    grid = Grid(str(value))
    demand(grid.mantissa > 0, f"{where}: not above 0")
    return grid


def read_steps(value: object, grid: Grid, where: str) -> int:
    demand(is_amount(value), f"{where}: not a decimal string: {value!r}")
    steps = grid.read(str(value))
    if steps is None:
        raise ValueError(f"{where}: off its grid: {value!r}")
    return steps


def read_choice(fields: dict[str, Any], where: str, *choices: str) -> str:
    """Read one of these texts; left out, the first."""
    value = fields.get(where.rpartition(".")[2], choices[0])
    demand(isinstance(value, str) and value in choices, f"{where}: not one of {choices}: {value!r}")
    return str(value)


def read_flag(fields: dict[str, Any], where: str) -> bool:
    """Read true or false; left out, true."""
    value = fields.get(where.rpartition(".")[2], True)
    demand(isinstance(value, bool), f"{where}: neither true nor false")
    return bool(value)


@dataclass(frozen=True)
class Tier:
    above: int
    rate: Fraction
    max_leverage: int
    deduction: Fraction
    closeout: Fraction | None  # BKS-9
    closeout_deduction: Fraction


class Market:
    """A market: its grids, its unit (AMT-2), its tiers (MRG-8) and its modes (ACC-17)."""

    def __init__(self, name: str, value: object, quote: Grid) -> None:
        config = table(value, name, {"tick", "lot", "tiers"}, {"modes", "isolated_removal"})
        self.tick = read_grid(config["tick"], f"{name}.tick")
        self.lot = read_grid(config["lot"], f"{name}.lot")
        unit = self.tick.step * self.lot.step / quote.step
        demand(unit.denominator == 1, f"{name}: a tick times a lot is not a whole number of quote units")
        self.unit = unit.numerator
        if not isinstance(config["tiers"], list) or not config["tiers"]:
            raise ValueError(f"{name}: no tiers")
        self.tiers: list[Tier] = []
        for entry in config["tiers"]:
            self._add_tier(f"{name}.tiers", entry, quote)
        self.modes = config.get("modes", list(MODES))
        demand(isinstance(self.modes, list) and bool(self.modes), f"{name}.modes: not a list of modes")
        demand(all(mode in MODES for mode in self.modes), f"{name}.modes: unknown")
        demand(len(self.modes) == len(set(self.modes)), f"{name}.modes: a repetition")
        self.removal = read_choice(config, f"{name}.isolated_removal", "free", "never")
        demand(self.removal == "free" or "isolated" in self.modes, f"{name}.isolated_removal: never isolated")

    def _add_tier(self, where: str, value: object, quote: Grid) -> None:
        entry = table(value, where, {"above", "maintenance_rate", "max_leverage"}, {"closeout_rate"})
        above = read_steps(entry["above"], quote, f"{where}.above")
        rate = read_rate(entry["maintenance_rate"], f"{where}.maintenance_rate")
        most = entry["max_leverage"]
        demand(is_integer(most) and most >= 1, f"{where}: bad max_leverage: {most!r}")
        demand(0 < rate <= Fraction(1, most), f"{where}: the rate is not above 0 and at most 1 / max_leverage")
        closeout = read_rate(entry["closeout_rate"], f"{where}.closeout_rate") if "closeout_rate" in entry else None
        demand(closeout is None or 0 < closeout <= rate, f"{where}: closeout_rate is not above 0 and at most the rate")
        deduction = closeout_deduction = Fraction(0)
        if self.tiers:
            before = self.tiers[-1]
            demand(above > before.above, f"{where}: above does not rise")
            demand(rate >= before.rate, f"{where}: the rate falls")
            demand(most <= before.max_leverage, f"{where}: max_leverage rises")
            deduction = before.deduction + above * (rate - before.rate)
            demand((closeout is None) == (before.closeout is None), f"{where}: not every tier has a closeout_rate")
            if closeout is not None and before.closeout is not None:
                demand(closeout >= before.closeout, f"{where}: closeout_rate falls")
                closeout_deduction = before.closeout_deduction + above * (closeout - before.closeout)
        else:
            demand(above == 0, f"{where}: the first tier does not start at 0")
        self.tiers.append(Tier(above, rate, most, deduction, closeout, closeout_deduction))

    def level(self, notional: int) -> int:
        """Return the index of the last tier that starts strictly below the notional (MRG-4)."""
        return max(0, sum(tier.above < notional for tier in self.tiers) - 1)

    def tier(self, notional: int) -> Tier:
        return self.tiers[self.level(notional)]


# ---------------------------------------------------------------- mark price

AVERAGES = Context(prec=28, rounding=ROUND_HALF_EVEN)  # MRK-5


@dataclass
class Average:
    """An average over time, in ticks, as its last sample left it (MRK-5)."""

    tau: int
    value: Fraction = Fraction(0)
    numerator: Decimal = Decimal(0)
    denominator: Decimal = Decimal(0)
    time: int | None = None

    def add(self, sample: Fraction, now: int) -> None:
        """Add a sample, which is a multiple of half a tick."""
        lasted = Decimal(now - (now if self.time is None else self.time))
        factor = AVERAGES.exp(AVERAGES.divide(-lasted, Decimal(self.tau)))
        exact = Decimal(f"{int(sample * 10)}e-1")
        self.numerator = AVERAGES.add(product(self.numerator, factor), product(exact, lasted))
        self.denominator = AVERAGES.add(product(self.denominator, factor), lasted)
        self.time = now
        self.value = sample
        if self.denominator:
            quotient = Fraction(AVERAGES.divide(self.numerator, self.denominator))
            self.value = Fraction(round(quotient * 10**9), 10**9)


def product(left: Decimal, right: Decimal) -> Decimal:
    result = AVERAGES.multiply(left, right)
    return result if abs(result) >= Decimal("1e-28") else Decimal(0)


def weighted_median(entries: list[tuple[int, int]]) -> Fraction:
    """Return the mean of the prices at which half of the weight is reached and is exceeded (MRK-4)."""
    entries = sorted(entries)
    reached = list(accumulate(weight for _, weight in entries))
    lower = next(price for (price, _), weight in zip(entries, reached, strict=True) if 2 * weight >= reached[-1])
    upper = next(price for (price, _), weight in zip(entries, reached, strict=True) if 2 * weight > reached[-1])
    return Fraction(lower + upper, 2)


@dataclass
class Former:
    """What forms the marks of one market from inputs (MRK-2 to MRK-7)."""

    stale_ms: int | None
    max_move: Fraction | None
    inputs: dict[str, tuple[Fraction, int]] = field(default_factory=dict)  # each with the time of its event
    basis: Average = field(default_factory=lambda: Average(150_000))
    book: Average = field(default_factory=lambda: Average(30_000))

    def form(self, given: dict[str, Fraction], now: int, previous: int) -> int:
        """Return the mark, in ticks, that an event with these inputs leads to."""
        inputs = self._fresh(now) | {name: (value, now) for name, value in given.items()}
        index, bid, ask, last, perps = (inputs[name][0] if name in inputs else None for name in (*QUOTES, "perps"))
        if index is None and perps is None and (bid is None or ask is None):
            raise RefusedError("no_price", "no index, no book and no prices on other venues")
        self.inputs = inputs
        candidates: list[Fraction] = []
        if bid is not None and ask is not None:
            mid = (bid + ask) / 2
            candidates.append(mid if last is None else median([bid, ask, last]))
            self.book.add(candidates[0], now)
            if index is not None:
                self.basis.add(mid - index, now)
        if index is not None:
            candidates.append(max(index + self.basis.value, Fraction(1)))
        if perps is not None:
            candidates.append(perps)
        if bid is not None and ask is not None and len(candidates) == 2:
            candidates.append(self.book.value)
        return self._limited(round(median(candidates)), previous)

    def _fresh(self, now: int) -> dict[str, tuple[Fraction, int]]:
        """Return the inputs of earlier events that still count (MRK-2)."""
        if self.stale_ms is None:
            return {}
        return {name: (value, time) for name, (value, time) in self.inputs.items() if now - time <= self.stale_ms}

    def _limited(self, mark: int, previous: int) -> int:
        """MRK-7."""
        if self.max_move is None:
            return mark
        most = max(1, previous * self.max_move.numerator // self.max_move.denominator)
        return min(max(mark, previous - most), previous + most)


# ---------------------------------------------------------------- state


@dataclass
class Position:
    """One life of a key (LIF-2); a new life is a new object, so nothing carries over."""

    account: str
    market: str
    mode: str
    life: int
    leverage: int
    state: str = "healthy"
    size: int = 0
    cost: int = 0
    order: int | None = None
    limit: int | None = None  # of the order, in ticks (LIQ-17)
    attempted: bool = False  # an order was emitted in this block and not cancelled (LIQ-12)
    failed: bool = False  # an order ended by order_done, in this block and this liquidation (BKS-2)
    window: int = 0  # the end of the position's window
    window_at_block: int = 0  # the same, as it was when this block began (CLD-3)

    @property
    def key(self) -> str:
        return f"{self.account}/{self.market}/{self.mode}"


@dataclass
class Pool:
    account: str
    market: str  # "" for the cross pool, which so comes first
    collateral: int = 0
    in_liquidation: bool = False
    window: int = 0
    window_at_block: int = 0


class Engine:
    """A run: the configuration and everything that changes."""

    def __init__(self, config: dict[str, Any], prices: bool = False) -> None:
        self.prices = prices  # whether they are shown (OBS-5)
        fields = table(
            config,
            "config",
            {"markets", "accounts", "marks", "backstop"},
            {"quote_unit", "time", "vault", "liquidation", "margin", "account", "trading", "mark"},
        )
        self.quote = read_grid(fields.get("quote_unit", "0.000001"), "quote_unit")
        self.time: int = fields.get("time", 0)
        demand(is_integer(self.time), "time: not an integer")
        self.block = 0
        self._read_markets(fields["markets"], fields["marks"])
        self._read_accounts(fields["accounts"])
        self._read_liquidation(
            table(
                fields.get("liquidation", {}), "liquidation", set(), LIQUIDATION | RESTORE | PARTIAL | LEAST | COOLDOWN
            )
        )
        self._read_margin(table(fields.get("margin", {}), "margin", set(), {"rounding", "valuation", "close_fee_rate"}))
        account = table(fields.get("account", {}), "account", set(), {"withdraw_floor", "withdraw_from"})
        self.withdraw_floor = read_rate(account.get("withdraw_floor", "0"), "account.withdraw_floor")
        demand(
            self.withdraw_floor <= 1 and ("withdraw_floor" not in account or self.withdraw_floor > 0),
            "account.withdraw_floor: not above 0 and at most 1",
        )
        self.withdraw_from = read_choice(account, "account.withdraw_from", "equity", "collateral")
        trading = table(fields.get("trading", {}), "trading", set(), {"crossing"})
        self.crossing = read_choice(trading, "trading.crossing", "refuse", "split")
        backstop = table(fields["backstop"], "backstop", {"threshold"}, {"return_fraction", "measure"})
        self.threshold = read_rate(backstop["threshold"], "backstop.threshold")
        demand(0 < self.threshold <= 1, "backstop.threshold: not above 0 and at most 1")
        self.return_fraction = read_rate(backstop.get("return_fraction", "0"), "backstop.return_fraction")
        demand(0 <= self.return_fraction <= 1, "backstop.return_fraction: not from 0 to 1")
        self.backstop_measure = read_choice(backstop, "backstop.measure", "threshold", "tier")
        if self.backstop_measure == "tier":
            for name, market in self.markets.items():
                demand(market.tiers[0].closeout is not None, f"{name}.tiers: no closeout_rate")
        self._read_mark(table(fields["mark"], "mark", set(), {"max_move", "stale_ms"}) if "mark" in fields else None)
        vault = table(fields.get("vault", {}), "vault", set(), {"cash"})
        self.vault_cash = read_steps(vault.get("cash", "0"), self.quote, "vault.cash")
        self.vault_sizes = dict.fromkeys(self.market_names, 0)
        self.settled: set[str] = set()
        self.positions: dict[tuple[str, str, str], Position] = {}
        self.pools = {(account, ""): Pool(account, "") for account in self.accounts}
        self.account_windows = dict.fromkeys(self.accounts, 0)
        self.account_windows_at_block = dict.fromkeys(self.accounts, 0)
        self.effects: list[str] = []

    def _read_markets(self, markets: object, marks: object) -> None:
        if not isinstance(markets, dict) or not markets:
            raise ValueError("markets: none")
        demand(all(is_name(name) for name in markets), "markets: bad name")
        self.market_names = sorted(markets)
        self.markets = {name: Market(name, markets[name], self.quote) for name in self.market_names}
        given = table(marks, "marks", set(markets), set())
        self.marks: dict[str, int] = {}
        for name in self.market_names:
            self.marks[name] = read_steps(given[name], self.markets[name].tick, f"marks.{name}")
            demand(self.marks[name] > 0, f"marks.{name}: not above 0")

    def _read_accounts(self, accounts: object) -> None:
        if not isinstance(accounts, list) or not accounts:
            raise ValueError("accounts: none")
        demand(all(is_name(name) for name in accounts), "accounts: bad name")
        demand(len(set(accounts)) == len(accounts), "accounts: a repetition")
        self.accounts: list[str] = sorted(accounts)

    def _read_liquidation(self, fields: dict[str, Any]) -> None:
        self.order_policy = read_choice(fields, "liquidation.order_policy", "all", "ranked")
        self.stop_when_restored = read_flag(fields, "liquidation.stop_when_restored")
        self.market_attempt = read_flag(fields, "liquidation.market_attempt")
        self.assess_at = read_choice(fields, "liquidation.assess_at", "event", "block")
        self.partial_threshold = self._read_least(fields, "partial_threshold")
        self.partial_fraction = read_rate(fields.get("partial_fraction", "1"), "liquidation.partial_fraction")
        demand(0 < self.partial_fraction <= 1, "liquidation.partial_fraction: not above 0 and at most 1")
        self.cooldown_ms: int = fields.get("cooldown_ms", 0)
        demand(is_integer(self.cooldown_ms), "liquidation.cooldown_ms: not an integer")
        self.cooldown_scope = read_choice(fields, "liquidation.cooldown_scope", "pool", "position", "account")
        self.fee_rate = read_rate(fields.get("fee_rate", "0"), "liquidation.fee_rate")
        demand(0 <= self.fee_rate <= 1, "liquidation.fee_rate: not from 0 to 1")
        restore = table(fields.get("restore", {}), "liquidation.restore", set(), {"measure", "factor"})
        self.restore_measure = read_choice(restore, "liquidation.restore.measure", "maintenance", "initial")
        self.restore_factor = read_rate(restore.get("factor", "1"), "liquidation.restore.factor")
        demand(self.restore_factor >= 1, "liquidation.restore.factor: below 1")
        self._read_orders(fields)

    def _read_least(self, fields: dict[str, Any], name: str) -> int | None:
        if name not in fields:
            return None
        least = read_steps(fields[name], self.quote, f"liquidation.{name}")
        demand(least >= 0, f"liquidation.{name}: below 0")
        return least

    def _read_orders(self, fields: dict[str, Any]) -> None:
        """Read how large chunks are (PRT-4, PRT-5), and what limits orders have (LIQ-17)."""
        methods = ("fraction", "restore", "tier_down", "lots")
        self.partial_method = read_choice(fields, "liquidation.partial_method", *methods)
        for name, method in (("tier_steps", "tier_down"), ("partial_lots", "lots")):
            demand(name not in fields or self.partial_method == method, f"liquidation.{name}: not with this method")
            number = fields.get(name, 1)
            demand(is_integer(number) and number >= 1, f"liquidation.{name}: not an integer of at least 1")
        self.tier_steps: int = fields.get("tier_steps", 1)
        self.partial_lots: int = fields.get("partial_lots", 1)
        self.min_order = self._read_least(fields, "min_order_notional") or 0
        self.min_rest = self._read_least(fields, "min_rest_notional") or 0
        self.band: Fraction | None = None
        if isinstance(fields.get("order_price"), dict):
            price = table(fields["order_price"], "liquidation.order_price", {"band"}, set())
            self.band = read_rate(price["band"], "liquidation.order_price.band")
            demand(0 <= self.band <= 1, "liquidation.order_price.band: not from 0 to 1")
            self.order_price = "band"
        else:
            self.order_price = read_choice(fields, "liquidation.order_price", "market", "bankruptcy")
        chunks = self.partial_method != "fraction" or self.min_order > 0 or self.min_rest > 0
        demand(not chunks or self.partial_threshold is not None, "liquidation: no threshold, so no chunks")
        demand(self.market_attempt or not (chunks or self.order_price != "market"), "liquidation: no orders")

    def _read_margin(self, fields: dict[str, Any]) -> None:
        self.rounding = read_choice(fields, "margin.rounding", "up", "down")
        self.valuation = read_choice(fields, "margin.valuation", "mark", "entry")
        self.close_fee_rate = read_rate(fields.get("close_fee_rate", "0"), "margin.close_fee_rate")
        demand(self.close_fee_rate >= 0, "margin.close_fee_rate: below 0")
        for market in self.markets.values():
            demand(self.close_fee_rate + market.tiers[-1].rate <= 1, "margin.close_fee_rate: above 1 with a rate")

    def _read_mark(self, fields: dict[str, Any] | None) -> None:
        """MRK-1: without the table no mark is formed."""
        self.formers: dict[str, Former] | None = None
        if fields is None:
            return
        stale_ms = fields.get("stale_ms")
        demand("stale_ms" not in fields or is_integer(stale_ms), "mark.stale_ms: not an integer")
        max_move = read_rate(fields["max_move"], "mark.max_move") if "max_move" in fields else None
        demand(max_move is None or 0 < max_move <= 1, "mark.max_move: not above 0 and at most 1")
        self.formers = {name: Former(stale_ms, max_move) for name in self.market_names}

    # ------------------------------------------------------------ measures

    def notional(self, market: str, size: int) -> int:
        return abs(size) * self.marks[market] * self.markets[market].unit

    def asked(self, market: str, size: int, cost: int) -> int:
        """Return the notional that margins are asked of (MRG-14)."""
        return abs(cost) if self.valuation == "entry" else self.notional(market, size)

    def maintenance_of(self, market: str, notional: int) -> int:
        """MRG-5, MRG-13, MRG-15."""
        tier = self.markets[market].tier(notional)
        return self.rounded(notional * (tier.rate + self.close_fee_rate) - tier.deduction)

    def rounded(self, margin: Fraction) -> int:
        down = margin.numerator // margin.denominator
        return down if self.rounding == "down" else ceil_div(margin.numerator, margin.denominator)

    def position_maintenance(self, market: str, size: int, cost: int) -> int:
        return self.maintenance_of(market, self.asked(market, size, cost))

    def position_initial(self, market: str, size: int, cost: int, leverage: int) -> int:
        """MRG-7, MRG-15."""
        notional = self.asked(market, size, cost)
        most = min(leverage, self.markets[market].tier(notional).max_leverage)
        margin = Fraction(notional, most) + notional * self.close_fee_rate
        return ceil_div(margin.numerator, margin.denominator)

    def open_positions(self, pool: Pool) -> list[Position]:
        """Return the pool's open positions by market name."""
        markets, mode = ([pool.market], "isolated") if pool.market else (self.market_names, "cross")
        found = [self.positions.get((pool.account, market, mode)) for market in markets]
        return [position for position in found if position is not None and position.size != 0]

    def equity(self, pool: Pool) -> int:
        total = pool.collateral
        for position in self.open_positions(pool):
            market = self.markets[position.market]
            total += position.size * self.marks[position.market] * market.unit - position.cost
        return total

    def maintenance(self, pool: Pool) -> int:
        return sum(self.position_maintenance(p.market, p.size, p.cost) for p in self.open_positions(pool))

    def initial(self, pool: Pool) -> int:
        return sum(self.position_initial(p.market, p.size, p.cost, p.leverage) for p in self.open_positions(pool))

    def breached(self, pool: Pool) -> bool:
        return self.equity(pool) < self.maintenance(pool)

    def restored(self, pool: Pool) -> bool:
        """LIQ-4, LIQ-15."""
        measure = self.initial(pool) if self.restore_measure == "initial" else self.maintenance(pool)
        return not self.breached(pool) and self.equity(pool) >= self.restore_factor * measure

    def below_backstop(self, pool: Pool) -> bool:
        margin = self.closeout(pool) if self.backstop_measure == "tier" else self.maintenance(pool)
        return self.equity(pool) * self.threshold.denominator < margin * self.threshold.numerator

    def closeout(self, pool: Pool) -> int:
        """Return the close-out margin (BKS-9)."""
        total = 0
        for position in self.open_positions(pool):
            notional = self.asked(position.market, position.size, position.cost)
            tier = self.markets[position.market].tier(notional)
            rate = (tier.closeout or Fraction(0)) + self.close_fee_rate
            total += self.rounded(notional * rate - tier.closeout_deduction)
        return total

    def liquidation_price(self, pool: Pool, position: Position) -> int | None:
        """Return the nearest tick at which the pool is breached, found by halving (MRG-10)."""
        name, market = position.market, self.markets[position.market]
        worth, long = position.size * market.unit, position.size > 0
        own = self.position_maintenance(name, position.size, position.cost)
        rest = self.equity(pool) - worth * self.marks[name] - (self.maintenance(pool) - own)

        def breached(tick: int) -> bool:
            margin = own if self.valuation == "entry" else self.maintenance_of(name, abs(worth) * tick)
            return rest + worth * tick < margin

        if breached(1) != long:
            return None if long else 1
        far = self.marks[name]
        if long and self.valuation == "mark" and market.tiers[-1].rate + self.close_fee_rate == 1:
            far = max(far, market.tiers[-1].above // worth + 1)  # in the last tier, where a rising mark helps no more
            if breached(far):
                return None
        while breached(far) == long:
            far *= 2
        near = 1  # breached for a long and not for a short, and far is the other way round
        while far - near > 1:
            middle = (near + far) // 2
            near, far = (middle, far) if breached(middle) == long else (near, middle)
        return near if long else far

    def bankruptcy_price(self, pool: Pool, position: Position) -> int:
        """Return the price in units of 18 decimals, rounded for the pool (MRG-11, OBS-5)."""
        market = self.markets[position.market]
        exact = self.marks[position.market] - Fraction(self.equity(pool), position.size * market.unit)
        units = exact * market.tick.step * 10**18
        up = ceil_div(units.numerator, units.denominator)
        return up if position.size > 0 else units.numerator // units.denominator

    def order_working(self, pool: Pool) -> bool:
        return any(position.order is not None for position in self.open_positions(pool))

    def vault_equity(self) -> int:
        held = self.vault_sizes.items()
        return self.vault_cash + sum(size * self.marks[name] * self.markets[name].unit for name, size in held)

    # ------------------------------------------------------------ observation

    def observation(self) -> dict[str, Any]:
        money = self.quote.write
        positions = []
        for _, position in sorted(self.positions.items()):
            lot, tick = self.markets[position.market].lot, self.markets[position.market].tick
            limit = None if position.order is None or position.limit is None else tick.write(position.limit)
            positions.append(
                {
                    "account": position.account,
                    "market": position.market,
                    "mode": position.mode,
                    "state": position.state,
                    "size": lot.write(position.size),
                    "cost": money(position.cost),
                    "order": None if position.order is None else lot.write(position.order),
                    "life": position.life,
                    "cooldown_until": position.window if position.size != 0 and self.time < position.window else None,
                    **({} if self.order_price == "market" else {"limit": limit}),
                    **(self._shown_prices(position) if self.prices else {}),
                }
            )
        pools = []
        for _, pool in sorted(self.pools.items()):
            pools.append(
                {
                    "account": pool.account,
                    "mode": "isolated" if pool.market else "cross",
                    "market": pool.market or None,
                    "collateral": money(pool.collateral),
                    "equity": money(self.equity(pool)),
                    "maintenance_margin": money(self.maintenance(pool)),
                    "initial_margin": money(self.initial(pool)),
                    "in_liquidation": pool.in_liquidation,
                }
            )
        held = {name: self.markets[name].lot.write(size) for name, size in self.vault_sizes.items() if size != 0}
        vault = {"cash": money(self.vault_cash), "equity": money(self.vault_equity()), "positions": held}
        begun: dict[str, Any] = {"time": self.time, "block": self.block}
        if self.formers is not None:
            begun["marks"] = {name: self.markets[name].tick.write(mark) for name, mark in self.marks.items()}
        return {**begun, "positions": positions, "pools": pools, "vault": vault}

    def _shown_prices(self, position: Position) -> dict[str, str | None]:
        """OBS-5."""
        if position.size == 0:
            return {"liquidation_price": None, "bankruptcy_price": None}
        pool = self.pools[position.account, position.market if position.mode == "isolated" else ""]
        liquidation = self.liquidation_price(pool, position)
        return {
            "liquidation_price": None if liquidation is None else self.markets[position.market].tick.write(liquidation),
            "bankruptcy_price": Grid(BANKRUPTCY_PRICES).write(self.bankruptcy_price(pool, position)),
        }

    # ------------------------------------------------------------ events

    def apply(self, event: dict[str, Any]) -> dict[str, Any]:
        """Apply one event and give the reply of the protocol."""
        self.effects = []
        try:
            kind, values = self._check(event)
            touched = getattr(self, f"_on_{kind}")(values)
        except RefusedError as refused:
            return {"ok": False, "error": {"code": refused.code, "message": str(refused)}}
        if self.assess_at == "block" and kind != "block":  # LIQ-18: a liquidation begins at a block only
            touched = [pool for pool in touched if pool.in_liquidation or not self.open_positions(pool)]
        self._assess(touched)
        return {"ok": True, "observation": self.observation(), "effects": self.effects}

    def _check(self, event: object) -> tuple[str, dict[str, Any]]:
        """Do the checks 1 to 5 of EVT-2, and read every amount as a whole number of its unit."""
        kind, fields = check_form(event)
        if "account" in fields and fields["account"] not in self.accounts:
            raise RefusedError("unknown_account", f"account {fields['account']!r}")
        if kind == "marks":
            self._check_markets(sorted(fields["prices"]))
            read = self._read_amounts(
                [(name, text, "price", name, POSITIVE) for name, text in fields["prices"].items()]
            )
            return kind, {"prices": read}
        market = fields.get("market", "")
        if "market" in fields:
            self._check_markets([market])
        amounts = [
            (name, fields[name], what.removeprefix("optional "), market, sign)
            for name, what, sign in EVENTS[kind]
            if name in fields and what.removeprefix("optional ") in AMOUNTS
        ]
        perps = {f"perps[{index}]": entry for index, entry in enumerate(fields.get("perps", []))}
        amounts += [(name, entry["price"], "price", market, POSITIVE) for name, entry in perps.items()]
        read = self._read_amounts(amounts)
        if perps:
            read["perps"] = [(read.pop(name), entry["weight"]) for name, entry in perps.items()]
        return kind, fields | read

    def _check_markets(self, names: list[str]) -> None:
        for name in names:
            if name not in self.markets:
                raise RefusedError("unknown_market", f"market {name!r}")

    def _read_amounts(self, amounts: list[tuple[str, str, str, str, str]]) -> dict[str, Any]:
        """Check all grids, then all signs; an amount is its field, text, kind, market and the sign it must have."""
        read: dict[str, int] = {}
        for name, text, what, market, _ in amounts:
            if what == "money":
                grid = self.quote
            else:
                grid = self.markets[market].tick if what == "price" else self.markets[market].lot
            steps = grid.read(text)
            if steps is None:
                raise RefusedError("off_grid", f"{name} {text!r} is not a whole number of {grid.write(1)}")
            read[name] = steps
        for name, text, _, _, sign in amounts:
            if (sign == POSITIVE and read[name] <= 0) or (sign == NOT_ZERO and read[name] == 0):
                raise RefusedError("not_positive", f"{name} {text!r} must be {sign}")
        return read

    def _pool_of(self, event: dict[str, Any]) -> Pool:
        """Return the pool of the event's key; a new one that is not yet listed if it does not exist (ACC-3)."""
        market = event["market"] if event.get("mode", "isolated") == "isolated" else ""
        return self.pools.get((event["account"], market)) or Pool(event["account"], market)

    def _move(self, position: Position, transition: str, state: str) -> None:
        position.state = state
        self.effects.append(f"{transition} {position.key}")

    # The trader: deposits, withdrawals, transfers, trades.

    def _on_deposit(self, event: dict[str, Any]) -> list[Pool]:
        pool = self.pools[event["account"], ""]
        pool.collateral += event["amount"]
        return [pool]

    def _on_withdraw(self, event: dict[str, Any]) -> list[Pool]:
        pool = self.pools[event["account"], ""]
        self._check_payment(pool, event["amount"])
        pool.collateral -= event["amount"]
        return [pool]

    def _on_transfer(self, event: dict[str, Any]) -> list[Pool]:
        cross, isolated, amount = self.pools[event["account"], ""], self._pool_of(event), event["amount"]
        if amount < 0 and self.markets[event["market"]].removal == "never" and self.open_positions(isolated):
            raise RefusedError("removal_not_allowed", "no collateral leaves the isolated pool: it has a position")
        self._check_payment(cross if amount > 0 else isolated, abs(amount))
        self.pools[isolated.account, isolated.market] = isolated
        cross.collateral -= amount
        isolated.collateral += amount
        return [cross, isolated]

    def _on_adjust(self, event: dict[str, Any]) -> list[Pool]:
        """Book what the trader did not decide on (ACC-12)."""
        pool = self.pools.get((event["account"], event.get("market", "")))
        if pool is None:
            raise RefusedError("not_open", f"the isolated pool of {event['market']!r} was never used")
        pool.collateral += event["amount"]
        return [pool]

    def _check_payment(self, pool: Pool, amount: int) -> None:
        """Refuse what may not leave the pool (ACC-5, ACC-14, ACC-15)."""
        if self.order_working(pool):
            raise RefusedError("order_working", "a liquidation order of the paying pool is working")
        if pool.in_liquidation:
            raise RefusedError("in_liquidation", "the paying pool is in liquidation")
        after = self.equity(pool) - amount
        floor = self.withdraw_floor * sum(self.notional(p.market, p.size) for p in self.open_positions(pool))
        self._demand_margin(after, max(self.initial(pool), ceil_div(floor.numerator, floor.denominator)))
        if self.withdraw_from == "collateral" and pool.collateral < amount:
            raise RefusedError("insufficient_margin", f"only {self.quote.write(pool.collateral)} is collateral")

    def _demand_margin(self, equity: int, needed: int) -> None:
        if equity < needed:
            raise RefusedError(
                "insufficient_margin", f"equity after it {self.quote.write(equity)}, needed {self.quote.write(needed)}"
            )

    def _on_trade(self, event: dict[str, Any]) -> list[Pool]:
        key, size = (event["account"], event["market"], event["mode"]), event["size"]
        pool, position = self._pool_of(event), self.positions.get(key)
        held = position.size if position is not None else 0
        self._check_settled(event["market"])
        if event["mode"] not in self.markets[event["market"]].modes:
            raise RefusedError("mode_not_allowed", f"{event['market']!r} is not traded in mode {event['mode']!r}")
        if position is not None and position.state == "backstopped":
            raise RefusedError("not_open", f"{position.key} was backstopped in this block")
        if self.order_working(pool):
            raise RefusedError("order_working", "a liquidation order of the pool is working")
        reduces = held * size < 0
        crosses = reduces and abs(size) > abs(held)
        if crosses and self.crossing == "refuse":
            raise RefusedError("crosses_zero", "the trade is larger than the position that it reduces")
        if position is not None and reduces and not crosses:
            self._reduce(pool, position, event)
        else:
            self._increase(pool, position, event)
        return [pool]

    def _increase(self, pool: Pool, position: Position | None, event: dict[str, Any]) -> None:
        """Open or increase (ACC-8), or turn round (ACC-16): close all, and open the rest in a new life."""
        market, size, price, leverage = event["market"], event["size"], event["price"], event.get("leverage")
        if pool.in_liquidation or any(p.state == "partially_liquidated" for p in self.open_positions(pool)):
            raise RefusedError(
                "in_liquidation", "the pool is in liquidation, or was partially liquidated in this block"
            )
        held = position.size if position is not None else 0
        crosses = held * size < 0
        opens = held == 0 or crosses
        if leverage is None and position is not None and not opens:
            leverage = position.leverage
        leverage = self._check_leverage(market, leverage)
        unit = self.markets[market].unit
        equity = self.equity(pool) + size * (self.marks[market] - price) * unit
        needed = self.initial(pool)
        if position is not None and held != 0:
            needed -= self.position_initial(market, held, position.cost, position.leverage)
        traded = size + held if crosses else size
        cost = traded * price * unit + (position.cost if position is not None and not opens else 0)
        self._demand_margin(equity, needed + self.position_initial(market, held + size, cost, leverage))
        if position is not None and crosses:
            self._close(pool, position, abs(held), price)
            self._move(position, "T12", "closed")
        if position is None or opens:
            life = position.life if position is not None else 0
            position = Position(event["account"], market, event["mode"], life + 1, leverage)
        self.pools[pool.account, pool.market] = pool
        self.positions[position.account, position.market, position.mode] = position
        position.size += traded
        position.cost = cost
        position.leverage = leverage
        if opens:
            self._move(position, "T0", "healthy")

    def _check_leverage(self, market: str, leverage: int | None) -> int:
        most = self.markets[market].tiers[0].max_leverage
        if leverage is None or not 1 <= leverage <= most:
            raise RefusedError("bad_leverage", f"leverage {leverage!r} is not from 1 to {most}")
        return leverage

    def _on_leverage(self, event: dict[str, Any]) -> list[Pool]:
        """Set the leverage of an open position (ACC-13)."""
        pool = self._pool_of(event)
        position = self.positions.get((event["account"], event["market"], event["mode"]))
        if position is None or position.size == 0:
            raise RefusedError("not_open", "the position is not open")
        if self.order_working(pool):
            raise RefusedError("order_working", "a liquidation order of the pool is working")
        if pool.in_liquidation:
            raise RefusedError("in_liquidation", "the pool is in liquidation")
        leverage = self._check_leverage(position.market, event["leverage"])
        if leverage < position.leverage:
            needed = self.initial(pool)
            needed -= self.position_initial(position.market, position.size, position.cost, position.leverage)
            needed += self.position_initial(position.market, position.size, position.cost, leverage)
            self._demand_margin(self.equity(pool), needed)
        position.leverage = leverage
        return [pool]

    def _reduce(self, pool: Pool, position: Position, event: dict[str, Any]) -> None:
        """Reduce or close, unless it would make the pool worse (ACC-9)."""
        market, size, price = event["market"], event["size"], event["price"]
        if "leverage" in event:
            raise RefusedError("bad_leverage", "a reduction takes no leverage")
        equity, needed = self.equity(pool), self.maintenance(pool)
        equity_after = equity + size * (self.marks[market] - price) * self.markets[market].unit
        left, cost_left = position.size + size, position.cost - self.released(position, abs(size))
        needed_after = needed - self.position_maintenance(market, position.size, position.cost)
        needed_after += self.position_maintenance(market, left, cost_left) if left != 0 else 0
        empty = left == 0 and len(self.open_positions(pool)) == 1
        allowed = (
            (empty and equity_after >= min(0, equity))
            or equity_after >= needed_after
            or (0 <= equity < needed and equity_after * needed >= equity * needed_after)
            or (equity < 0 and equity_after >= equity)
        )
        if not allowed:
            raise RefusedError(
                "insufficient_margin",
                f"equity {self.quote.write(equity)} of {self.quote.write(needed)} would become "
                f"{self.quote.write(equity_after)} of {self.quote.write(needed_after)}",
            )
        self._close(pool, position, abs(size), price)
        if position.size == 0:
            self._move(position, "T12", "closed")

    def released(self, position: Position, closed: int) -> int:
        """Return the cost that closing these lots releases: in proportion, towards zero (MRG-9)."""
        released = abs(position.cost) * closed // abs(position.size)
        return released if position.cost > 0 else -released

    def _close(self, pool: Pool, position: Position, closed: int, price: int) -> None:
        """Close lots: release their cost, and realise the rest (MRG-9)."""
        released = self.released(position, closed)
        signed = closed if position.size > 0 else -closed
        pool.collateral += signed * price * self.markets[position.market].unit - released
        position.size -= signed
        position.cost -= released

    # The market: marks, fills, funding.

    def _on_mark_price(self, event: dict[str, Any]) -> list[Pool]:
        return self._set_marks({event["market"]: event["price"]})

    def _on_marks(self, event: dict[str, Any]) -> list[Pool]:
        return self._set_marks(event["prices"])

    def _set_marks(self, prices: dict[str, int]) -> list[Pool]:
        self.marks.update(prices)
        return [pool for pool in self.pools.values() if any(p.market in prices for p in self.open_positions(pool))]

    def _on_price_inputs(self, event: dict[str, Any]) -> list[Pool]:
        if self.formers is None:
            raise RefusedError("not_formed", "the configuration has no table mark")
        name = event["market"]
        given = {quote: Fraction(event[quote]) for quote in QUOTES if quote in event}
        if "perps" in event:
            given["perps"] = weighted_median(event["perps"])
        return self._set_marks({name: self.formers[name].form(given, self.time, self.marks[name])})

    def _working(self, event: dict[str, Any]) -> tuple[Position, int]:
        position = self.positions.get((event["account"], event["market"], event["mode"]))
        if position is None or position.order is None:
            raise RefusedError("no_working_order", "no liquidation order of the position is working")
        return position, position.order

    def _on_fill(self, event: dict[str, Any]) -> list[Pool]:
        position, left = self._working(event)
        pool, size, price = self._pool_of(event), event["size"], event["price"]
        if size > left:
            raise RefusedError("overfill", f"{size} lots are more than the {left} that are left of the order")
        if position.limit is not None and (price < position.limit if position.size > 0 else price > position.limit):
            raise RefusedError("worse_than_limit", f"the limit is {position.limit} ticks, the price {price}")
        self._close(pool, position, size, price)
        paid = self.fee(position.market, size, price, self.equity(pool))
        pool.collateral -= paid
        self.vault_cash += paid
        position.order = left - size or None
        if position.size == 0:
            position.order = None
            self._move(position, "T7", "closed")
        else:
            self._open_windows(pool, position)
            self._move(position, "T6", "partially_liquidated")
        return [pool]

    def fee(self, market: str, size: int, price: int, equity: int) -> int:
        """FIL-2."""
        fee = self.fee_rate * size * price * self.markets[market].unit
        return max(0, min(ceil_div(fee.numerator, fee.denominator), equity))

    def _open_windows(self, pool: Pool, position: Position) -> None:
        """Open the position's own window and that of the venue's scope (CLD-1)."""
        if self.cooldown_ms == 0:
            return
        end = self.time + self.cooldown_ms
        position.window = max(position.window, end)
        if self.cooldown_scope == "pool":
            pool.window = max(pool.window, end)
        elif self.cooldown_scope == "account":
            self.account_windows[pool.account] = max(self.account_windows[pool.account], end)

    def _on_order_done(self, event: dict[str, Any]) -> list[Pool]:
        position, _ = self._working(event)
        position.order = None
        position.failed = True
        return [self._pool_of(event)]

    def _on_funding(self, event: dict[str, Any]) -> list[Pool]:
        name, payment = event["market"], event["payment"]
        lot, touched = self.markets[name].lot.step, []
        for pool in self.pools.values():
            for position in self.open_positions(pool):
                if position.market == name:
                    pool.collateral -= ceil_div(position.size * lot.numerator * payment, lot.denominator)
                    touched.append(pool)
        self.vault_cash -= ceil_div(self.vault_sizes[name] * lot.numerator * payment, lot.denominator)
        return touched

    def _check_settled(self, market: str) -> None:
        if market in self.settled:
            raise RefusedError("market_settled", f"{market!r} is settled")

    def _on_settle(self, event: dict[str, Any]) -> list[Pool]:
        """Close all positions of a market at one price, once and for all (EVT-11)."""
        name, price = event["market"], event["price"]
        self._check_settled(name)
        self.settled.add(name)
        touched = self._set_marks({name: price})
        for pool in sorted(touched, key=lambda pool: (pool.account, pool.market)):
            for position in [p for p in self.open_positions(pool) if p.market == name]:
                position.order = None
                self._close(pool, position, abs(position.size), price)
                self._move(position, "T12", "closed")
        self.vault_cash += self.vault_sizes[name] * price * self.markets[name].unit
        self.vault_sizes[name] = 0
        return touched

    # The vault, and time.

    def _on_vault_trade(self, event: dict[str, Any]) -> list[Pool]:
        name, size = event["market"], event["size"]
        self._check_settled(name)
        self.vault_sizes[name] += size
        self.vault_cash -= size * event["price"] * self.markets[name].unit
        return []

    def _on_vault_cash(self, event: dict[str, Any]) -> list[Pool]:
        self.vault_cash += event["amount"]
        return []

    def _on_block(self, event: dict[str, Any]) -> list[Pool]:
        if event["time"] <= self.time:
            raise RefusedError("time_not_after", f"time {event['time']} is not after {self.time}")
        if any(self.order_working(pool) for pool in self.pools.values()):
            raise RefusedError("order_working", "a liquidation order is working")
        self.time = event["time"]
        self.block += 1
        self.account_windows_at_block = dict(self.account_windows)
        for pool in self.pools.values():
            pool.window_at_block = pool.window
        for _, position in sorted(self.positions.items()):
            position.attempted = position.failed = False
            position.window_at_block = position.window
            window_open = self.time < position.window
            if position.state == "partially_liquidated":
                if window_open:
                    self._move(position, "T8", "cooldown")
                else:
                    self._move(position, "T9", "healthy")
            elif position.state == "cooldown" and not window_open:
                self._move(position, "T10", "healthy")
            elif position.state == "backstopped":
                self._move(position, "T11", "closed")
        return list(self.pools.values())

    # ------------------------------------------------------------ assessment

    def _assess(self, pools: list[Pool]) -> None:
        """Do the steps 1 to 4 for all pools, then step 5 for those that are not done (LIQ-7)."""
        ordered = sorted(pools, key=lambda pool: (pool.account, pool.market))
        for pool in [pool for pool in ordered if not self._offer_to_market(pool)]:
            self._backstop_or_wait(pool)

    def _offer_to_market(self, pool: Pool) -> bool:
        """Do the steps 1 to 4 (LIQ-8 to LIQ-11); true says done."""
        positions = self.open_positions(pool)
        if not positions:  # step 1
            self._leave_liquidation(pool)
            if pool.collateral < 0:
                self.vault_cash += pool.collateral
                pool.collateral = 0
            return True
        restored = self.restored(pool)
        working = [position for position in positions if position.order is not None]
        if working and not (restored and self.stop_when_restored):  # step 2
            return True
        for position in working:
            position.order = None
            position.attempted = False
        if restored or not (pool.in_liquidation or self.breached(pool)):  # step 3
            self._leave_liquidation(pool)
            return True
        return self._emit_orders(pool, positions)  # step 4

    def _leave_liquidation(self, pool: Pool) -> None:
        pool.in_liquidation = False
        for position in self.open_positions(pool):
            position.failed = False
            if position.state == "liquidatable":
                if self.time < position.window:
                    self._move(position, "T3", "cooldown")
                else:
                    self._move(position, "T4", "healthy")

    def _emit_orders(self, pool: Pool, positions: list[Position]) -> bool:
        """Put the pool in liquidation and emit what orders it can have (LIQ-11); false if there are none."""
        pool.in_liquidation = True
        for position in positions:
            if position.state == "healthy":
                self._move(position, "T1", "liquidatable")
            elif position.state == "cooldown":
                self._move(position, "T2", "liquidatable")
        ready = [p for p in positions if p.state == "liquidatable" and not p.attempted and self.market_attempt]
        if self.order_policy == "ranked" and ready:
            ready = [max(ready, key=lambda p: self.position_maintenance(p.market, p.size, p.cost))]
        for position in ready:
            position.order = self._order_size(pool, position)
            position.limit = self._order_limit(pool, position)
            position.attempted = True
        return bool(ready)

    def _order_size(self, pool: Pool, position: Position) -> int:
        """Return the lots of a new order: all, or a chunk (PRT-1 to PRT-5)."""
        size = abs(position.size)
        if self.cooldown_scope == "position":
            window = position.window_at_block
        elif self.cooldown_scope == "pool":
            window = pool.window_at_block
        else:
            window = self.account_windows_at_block[pool.account]
        if self.partial_threshold is None or self.notional(position.market, size) <= self.partial_threshold:
            return size
        if self.below_backstop(pool) or self.time < window:
            return size
        lot = self.marks[position.market] * self.markets[position.market].unit
        chunk = self._chunk(pool, position)
        if chunk * lot < self.min_order:
            chunk = min(size, ceil_div(self.min_order, lot))
        return size if (size - chunk) * lot < self.min_rest else chunk

    def _chunk(self, pool: Pool, position: Position) -> int:
        """PRT-3, PRT-4."""
        size = abs(position.size)
        if self.partial_method == "lots":
            return min(size, self.partial_lots)
        if self.partial_method == "tier_down":
            return self._tier_down(position)
        if self.partial_method == "restore":
            low, high = 0, size
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if self._is_enough(pool, position, middle) else (middle, high)
            return high
        return ceil_div(size * self.partial_fraction.numerator, self.partial_fraction.denominator)

    def _tier_down(self, position: Position) -> int:
        size, market = abs(position.size), self.markets[position.market]
        level = market.level(self.notional(position.market, size))  # at the mark, whatever margins are asked of
        if level < self.tier_steps:
            return size
        bound = market.tiers[level - self.tier_steps + 1].above
        return size - bound // (self.marks[position.market] * market.unit)

    def _is_enough(self, pool: Pool, position: Position, closed: int) -> bool:
        """Whether the pool would be restored by closing these lots at the mark; which is then undone."""
        kept = pool.collateral, position.size, position.cost
        price = self.marks[position.market]
        self._close(pool, position, closed, price)
        pool.collateral -= self.fee(position.market, closed, price, self.equity(pool))
        enough = self.restored(pool)
        pool.collateral, position.size, position.cost = kept
        return enough

    def _order_limit(self, pool: Pool, position: Position) -> int | None:
        """LIQ-17."""
        mark, long = Fraction(self.marks[position.market]), position.size > 0
        if self.order_price == "market":
            return None
        if self.band is not None:
            limit = mark * (1 - self.band if long else 1 + self.band)
        else:
            own, whole = (
                self.position_maintenance(position.market, position.size, position.cost),
                self.maintenance(pool),
            )
            share = Fraction(own, whole) if whole else Fraction(1)
            limit = mark - self.equity(pool) * share / (position.size * self.markets[position.market].unit)
        rounded = ceil_div(limit.numerator, limit.denominator) if long else limit.numerator // limit.denominator
        return max(1, rounded)

    def _backstop_or_wait(self, pool: Pool) -> None:
        """Do step 5 (LIQ-13): hand the pool to the vault if it is below the line and the book failed (BKS-3)."""
        positions = self.open_positions(pool)
        if not self.below_backstop(pool):
            return
        if self.market_attempt and not all(position.failed for position in positions):
            return
        share = self.return_fraction
        returned = max(self.equity(pool), 0) * share.numerator // share.denominator
        for position in positions:
            self.vault_cash -= position.cost
            self.vault_sizes[position.market] += position.size
            position.size = position.cost = 0
            position.order = None
            self._move(position, "T5", "backstopped")
        self.vault_cash += pool.collateral - returned
        pool.collateral = returned
        pool.in_liquidation = False


def check_form(event: object) -> tuple[str, dict[str, Any]]:
    """Do the first check of EVT-2; return the event's type and its fields."""
    if not isinstance(event, dict):
        raise RefusedError("bad_request", "an event is an object")
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in EVENTS:
        raise RefusedError("bad_request", f"unknown type {kind!r}")
    fields = {name: value for name, value in event.items() if name != "type"}
    known = {name: what for name, what, _ in EVENTS[kind]}
    for name in fields:
        if name not in known:
            raise RefusedError("bad_request", f"unknown field {name!r}")
    for name, what in known.items():
        if name not in fields:
            if not what.startswith("optional"):
                raise RefusedError("bad_request", f"missing field {name!r}")
        elif not well_formed(fields[name], what):
            raise RefusedError("bad_request", f"malformed field {name!r}: {fields[name]!r}")
    if kind == "adjust" and ("market" in fields) != (fields["mode"] == "isolated"):
        raise RefusedError("bad_request", "an adjustment has a market in mode 'isolated', and only there")
    return kind, fields


def well_formed(value: object, what: str) -> bool:
    if what.endswith("name"):
        return isinstance(value, str)
    if what == "mode":
        return value in ("cross", "isolated")
    if what == "prices":
        return isinstance(value, dict) and bool(value) and all(is_amount(price) for price in value.values())
    if what.endswith("perps"):
        return isinstance(value, list) and bool(value) and all(map(is_perp, value))
    if what.endswith("integer"):
        return is_integer(value)
    return is_amount(value)


def is_perp(entry: object) -> bool:
    """Whether it is a price on another venue with its weight (MRK-1)."""
    if not isinstance(entry, dict) or entry.keys() != {"price", "weight"}:
        return False
    return is_amount(entry["price"]) and is_integer(entry["weight"]) and entry["weight"] >= 1


# ---------------------------------------------------------------- protocol


class RequestError(Exception):
    """The line is not a valid request."""


class Session:
    """One conversation: replies to requests, one by one."""

    def __init__(self, prices: bool = False) -> None:
        self.prices = prices
        self.engine: Engine | None = None
        self.over = False

    def reply(self, line: bytes) -> dict[str, Any]:
        try:
            return self._answer(read_request(line))
        except RequestError as error:
            return {"ok": False, "error": {"code": "bad_request", "message": str(error)}}

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        op = request["op"]
        if op == "hello":
            if not is_integer(request["protocol"]) or request["protocol"] != 1:
                raise RequestError("the protocol spoken here is 1")
            return {
                "ok": True,
                "protocol": 1,
                "engine": "python_engine 2.5.0",
                "rules": "2.5.0",
                "observes": OBSERVES + PRICES if self.prices else OBSERVES,
                "states": "full",
                "events": list(EVENTS),
                "families": FAMILIES,
            }
        if op == "reset":
            try:
                self.engine = Engine(request["config"], self.prices)
            except ValueError as error:
                raise RequestError(str(error)) from error
            return {"ok": True, "observation": self.engine.observation()}
        if op == "apply":
            if self.engine is None:
                raise RequestError("apply before reset")
            return self.engine.apply(request["event"])
        self.over = True
        return {"ok": True}


REQUESTS = {"hello": {"op", "protocol"}, "reset": {"op", "config"}, "apply": {"op", "event"}, "bye": {"op"}}


def refuse_constant(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


def read_digits(text: str) -> int | float:
    """Read a number without point and exponent; -0 is spelt as no integer (EVT-4)."""
    return -0.0 if text == "-0" else int(text)


def read_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is repeated")
    return table


def strings(value: object) -> Iterator[str]:
    """Yield every string in a value of JSON, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from strings(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def read_request(line: bytes) -> dict[str, Any]:
    """Read one line; an error unless it is an object with a known op and exactly that op's fields."""
    if len(line) > MAX_LINE:
        raise RequestError(f"longer than {MAX_LINE} bytes")
    try:
        text = line.decode("utf-8")
        request = json.loads(text, parse_constant=refuse_constant, parse_int=read_digits, object_pairs_hook=read_pairs)
        for string in strings(request):
            string.encode("utf-8")  # an error if it has an unpaired surrogate
    except (ValueError, RecursionError) as error:
        raise RequestError(f"not JSON: {error}") from error
    if not isinstance(request, dict):
        raise RequestError("a request is an object")
    op = request.get("op")
    if not isinstance(op, str) or op not in REQUESTS:
        raise RequestError(f"unknown op {op!r}")
    if set(request) != REQUESTS[op]:
        raise RequestError(f"the fields of {op} are {sorted(REQUESTS[op])}")
    return request


def lines() -> Iterator[bytes]:
    """Yield the lines of standard input without their ends; of one that is too long its beginning."""
    while line := sys.stdin.buffer.readline(MAX_LINE + 2):
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while (rest := sys.stdin.buffer.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
        yield line.removesuffix(b"\n")


def main() -> None:
    session = Session("--prices" in sys.argv[1:])
    for line in lines():
        sys.stdout.write(json.dumps(session.reply(line)) + "\n")
        sys.stdout.flush()
        if session.over:
            break


if __name__ == "__main__":
    main()
