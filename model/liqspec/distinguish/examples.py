"""Examples that a trader recognises, tried before anything is searched: trades at the mark, round sizes, small moves.

Each opens one or two positions at the mark, lets the mark fall to where they are liquidated, and continues from there.
An example is written by playing it to an engine of the first rule set, whose liquidation prices it asks for.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import permutations, product
from typing import Any, Literal

from liqspec.core import arithmetic
from liqspec.core.config import Config, quote_unit_of
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.parameters import InvalidConfig
from liqspec.edge.amounts import decimal_text, exact
from liqspec.search.minimise import FailingRun

_NOTIONALS = (50_000, 500_000)  # below and above what venues liquidate in parts
_ACCOUNT = "alice"
_MARKS = {
    "BTC": "50000",
    "ETH": "2500",
    "SOL": "150",
}  # others start at their own marks
Mode = Literal["cross", "isolated"]
_MODES: tuple[Mode, ...] = ("cross", "isolated")


def examples(
    setting: dict[str, Any], markets: Sequence[str], rules: Callable[[dict[str, Any]], dict[str, Any]]
) -> Iterator[FailingRun]:
    """The examples in these markets of a setting, the plainest first.

    `rules` makes of a setting the configuration of the first rule set.
    """
    alone = product((_liquidated, _moved, _turned, _exact), ([market] for market in markets))
    pairs = product((_together,), map(list, permutations(markets, 2)))
    for (example, names), notional, mode in product((*alone, *pairs), _NOTIONALS, _MODES):
        mine = {**setting, "accounts": [_ACCOUNT], "vault": {"cash": "1000000"}}
        mine["markets"] = {name: setting["markets"][name] for name in names}
        mine["marks"] = {name: _MARKS.get(name, setting["marks"][name]) for name in names}
        try:
            writer = _Writer(mine, rules(mine), notional)
        except InvalidConfig:  # the rules do not fit these markets alone
            continue
        example(writer, names, mode)
        yield FailingRun(mine, writer.events)


class _Writer:
    """An example so far, and the engine that it was played to."""

    def __init__(self, setting: dict[str, Any], config: dict[str, Any], notional: int) -> None:
        self.setting, self.notional = setting, notional
        self.engine = Engine(Config.from_json(config))
        self.unit = exact(quote_unit_of(config))
        self.marks = {name: exact(mark) for name, mark in setting["marks"].items()}
        self.sizes: dict[str, Fraction] = {}
        self.events: list[EventData] = []

    def does(self, kind: str, **fields: Any) -> None:
        """Apply and write an event."""
        event = {"type": kind, **fields}
        self.events.append(event)
        apply_event(self.engine, event)

    def leverage(self, market: str) -> int:
        """The most that the market allows for this notional."""
        tiers = self.setting["markets"][market]["tiers"]
        return int(next(one for one in reversed(tiers) if exact(one["above"]) <= self.notional)["max_leverage"])

    def opens(self, market: str, mode: Mode, *, part: Fraction = Fraction(1)) -> None:
        """Pay in a fifth more than the initial margin, and buy a round size at the mark."""
        lot, mark = exact(self.setting["markets"][market]["lot"]), self.marks[market]
        size = self.sizes[market] = max(_round(self.notional * part / mark, lot), lot)
        amount = _round(size * mark * Fraction(6, 5) / self.leverage(market), self.unit, up=True)
        self.pays(market, mode, amount)
        self.trades(market, mode, size)

    def pays(self, market: str, mode: Mode, amount: Fraction) -> None:
        """Pay in, for an isolated position also into its margin."""
        self.does("deposit", account=_ACCOUNT, amount=decimal_text(amount))
        if mode == "isolated":
            self.does("transfer", account=_ACCOUNT, market=market, amount=decimal_text(amount))

    def trades(self, market: str, mode: Mode, size: Fraction) -> None:
        """Trade at the mark."""
        about = {"account": _ACCOUNT, "market": market, "mode": mode, "size": decimal_text(size)}
        self.does("trade", **about, price=decimal_text(self.marks[market]), leverage=self.leverage(market))

    def marks_at(self, market: str, mark: Fraction) -> None:
        """Move a mark."""
        self.marks[market] = mark
        self.does("mark_price", market=market, price=decimal_text(mark))

    def falls(self, market: str, mode: Mode, share: Fraction) -> None:
        """Let the mark fall to a share of the way from the liquidation price of a position to its bankruptcy price."""
        tick = exact(self.setting["markets"][market]["tick"])
        try:
            liquidation, _ = self.engine.liquidation_price(_ACCOUNT, market, mode)
            bankruptcy = self.engine.bankruptcy_price(_ACCOUNT, market, mode)
        except LookupError:
            return
        if liquidation is None:
            return
        way = Fraction(liquidation) - Fraction(bankruptcy.numerator, bankruptcy.denominator)
        step = tick * Fraction(10) ** max(len(str(int(way / 4))) - 1, 0)
        wanted = (liquidation - way * share) * tick
        self.marks_at(market, max(wanted // step * step, tick))

    def fills(self, market: str, mode: Mode, share: Fraction, price: Fraction | None = None) -> None:
        """Fill a share of the size that was bought, at the mark."""
        lot, tick = (exact(self.setting["markets"][market][name]) for name in ("lot", "tick"))
        size = max(_round(self.sizes[market] * share, lot), lot)
        at = max((price or self.marks[market]) // tick * tick, tick)
        about = {"account": _ACCOUNT, "market": market, "mode": mode}
        self.does("fill", **about, size=decimal_text(size), price=decimal_text(at))

    def ends(self, market: str, mode: Mode) -> None:
        """The book has no more."""
        self.does("order_done", account=_ACCOUNT, market=market, mode=mode)

    def waits(self, milliseconds: int) -> None:
        """Begin a block."""
        self.does("block", time=self.engine.state.time + milliseconds)


def _round(value: Fraction, step: Fraction, *, up: bool = False) -> Fraction:
    """A value with two leading digits, or one that is larger by less than one of them, on a grid."""
    digit = Fraction(10) ** (len(str(int(value))) - 2) if value >= 10 else Fraction(1, 100)
    coarse = max(digit, step)
    rounded = -(-value // coarse) if up else round(value / coarse)
    return (round(rounded * coarse / step)) * step


def _liquidated(example: _Writer, markets: list[str], mode: Mode) -> None:
    """A position falls below its maintenance margin, is restored, falls again, is sold in part, and goes to the end."""
    (market,) = markets
    example.opens(market, mode)
    example.falls(market, mode, Fraction(1, 10))
    example.pays(market, mode, _round(example.notional * Fraction(1, 100), example.unit))
    example.falls(market, mode, Fraction(1, 10))
    example.fills(market, mode, Fraction(1, 10))
    example.fills(market, mode, Fraction(1, 10), example.marks[market] * Fraction(97, 100))
    example.ends(market, mode)
    example.waits(1_000)
    example.falls(market, mode, Fraction(3, 10))
    example.ends(market, mode)
    example.falls(market, mode, Fraction(3, 5))
    example.waits(30_000)
    example.falls(market, mode, Fraction(3, 5))
    example.ends(market, mode)
    example.waits(1_000)


def _moved(example: _Writer, markets: list[str], mode: Mode) -> None:
    """Money is paid in, and taken out again as far as it may be, without a profit and with one."""
    (market,) = markets
    example.opens(market, mode)
    start = example.marks[market]
    for rise in (Fraction(1), Fraction(21, 20)):
        example.marks_at(market, start * rise)
        extra = _round(example.notional * Fraction(1, 20), example.unit)
        example.pays(market, mode, extra)
        for part in (extra, extra / 2, extra / 5, extra / 10):
            taken = decimal_text(_round(part, example.unit))
            if mode == "isolated":
                example.does("transfer", account=_ACCOUNT, market=market, amount=f"-{taken}")
            example.does("withdraw", account=_ACCOUNT, amount=taken)


def _turned(example: _Writer, markets: list[str], mode: Mode) -> None:
    """A long is sold twice, with enough margin for the short."""
    (market,) = markets
    example.opens(market, mode)
    example.pays(market, mode, _round(Fraction(example.notional), example.unit))
    example.trades(market, mode, -2 * example.sizes[market])


def _exact(example: _Writer, markets: list[str], mode: Mode) -> None:
    """The equity is the maintenance margin except for what is rounded: its exact value lies between two quote units."""
    (market,) = markets
    rules, start = example.setting["markets"][market], example.marks[market]
    lot, tick = exact(rules["lot"]), exact(rules["tick"])
    size = example.sizes[market] = _round(example.notional / start, lot) + lot
    reached = (start * Fraction(97, 100)) // tick * tick + tick
    schedule = example.engine.venue.markets[market].schedule._replace(rounds_down=True, close_fee=0)
    margin = arithmetic.maintenance_margin(int(size * reached / example.unit), schedule) * example.unit
    example.pays(market, mode, margin + size * (start - reached))
    example.trades(market, mode, size)
    example.marks_at(market, reached)


def _together(example: _Writer, markets: list[str], mode: Mode) -> None:
    """Two positions of an account, one of them perhaps isolated; after a part of the one is sold, the other falls."""
    first, second = markets
    example.opens(first, mode)
    example.opens(second, "cross", part=Fraction(4, 5))
    example.falls(first, mode, Fraction(1, 10))
    example.fills(first, mode, Fraction(1, 20))
    example.ends(first, mode)
    example.waits(1_000)
    example.falls(second, "cross", Fraction(1, 10))
    example.fills(second, "cross", Fraction(1, 10))
    example.ends(second, "cross")
    example.falls(first, mode, Fraction(1, 5))
