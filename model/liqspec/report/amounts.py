"""Amounts for people: decimals on their grid, with thousands separators."""

import re
from fractions import Fraction
from typing import Any

from attrs import frozen

from liqspec.core.arithmetic import Ratio
from liqspec.core.config import Venue
from liqspec.edge import amounts
from liqspec.edge.texts import thousands

_AMOUNT = re.compile(r"(?<![\w.,/:\"'-])-?[0-9]{4,}(\.[0-9]+)?(?![\w/\"'-]|[.,][0-9]| ms\b)")


@frozen
class Units:
    """The integers of a run as decimals of its rule set, with thousands separators."""

    venue: Venue

    def money(self, amount: int) -> str:
        """An amount in quote units."""
        return thousands(self.venue.money.text(amount))

    def exact_money(self, amount: Ratio) -> str:
        """An exact rational amount in quote units: a decimal where it has one, else a ratio."""
        return exact_text(Fraction(amount.numerator, amount.denominator) * self.venue.money.step)

    def price(self, market: str, ticks: int) -> str:
        """A price in ticks."""
        return thousands(self.venue.markets[market].price.text(ticks))

    def part_of_price(self, market: str, billionths: int) -> str:
        """A price in billionths of a tick: exact where that is short, else to a hundredth of a tick, with a tilde."""
        ticks = Fraction(billionths, 10**9)
        shown = round(ticks, 2)
        text = thousands(amounts.ratio_text(self.venue.markets[market].price.step * shown))
        return text if shown == ticks else f"~{text}"

    def size(self, market: str, lots: int) -> str:
        """A size in lots."""
        return thousands(self.venue.markets[market].size.text(lots))


def people(text: str) -> str:
    """A message with thousands separators in its amounts; times in ms, and parts of names and paths, stay."""
    return _AMOUNT.sub(lambda found: thousands(found[0]), text)


def value_text(value: Any) -> str:
    """A value of an event or an observation: thousands separated, yes or no, none."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " and ".join(map(_entry_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {value_text(entry)}" for name, entry in value.items()) or "none"
    if isinstance(value, str):
        try:
            return thousands(amounts.check_amount(value))
        except amounts.MalformedAmount:
            return value
    return str(value)


def parameter_value(value: Any) -> str:
    """The value of a venue's parameter; one that is left out has its default."""
    if value is None:
        return "left out"
    return thousands(str(value)) if type(value) is int else value_text(value)


def _entry_text(entry: Any) -> str:
    """An entry of a list: its names and values without commas, which are those of the list's neighbours."""
    if isinstance(entry, dict):
        return " ".join(f"{name} {value_text(value)}" for name, value in entry.items())
    return value_text(entry)


def exact_text(value: Fraction) -> str:
    """A rational with nothing rounded: a decimal with thousands separators where it has one, else a ratio."""
    text = amounts.ratio_text(value)
    return text if "/" in text else thousands(text)


def counted_ticks(ticks: Fraction) -> str:
    """A distance of prices in ticks, after the distance itself."""
    return f" ({exact_text(ticks)} tick{'' if abs(ticks) == 1 else 's'})"


def approximate(value: Fraction) -> str:
    """A rational: exact where that is short, else rounded to two places and marked with a tilde."""
    text = amounts.ratio_text(value)
    if "/" not in text and len(text.partition(".")[2]) <= 6:
        return thousands(text)
    cents = round(value * 100)
    return "~" + thousands(amounts.decimal_text(Fraction(cents, 100)))


def percent(share: Fraction) -> str:
    """A share of at least 0 in percent, to two places or three significant digits; a tilde marks what was rounded."""
    value, places = share * 100, 2
    while value and value * 10**places < 100:
        places += 1
    shown = Fraction(round(value * 10**places), 10**places)
    return f"{'' if shown == value else '~'}{thousands(amounts.decimal_text(shown))} %"
