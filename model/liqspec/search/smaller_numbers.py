"""The passes for the numbers of a run as a whole: long ones are divided together, and all written as short as can be.

Divided together, each amount stays as much of the others as it was.
"""

from fractions import Fraction
from functools import cache
from typing import Any

from attrs import evolve

from liqspec.core.admission import GridName, amount_fields
from liqspec.core.config import quote_unit_of
from liqspec.core.events import EVENTS, EventData
from liqspec.core.parameters import MONEY, PARAMETERS
from liqspec.edge.amounts import decimal_text, is_decimal, rate
from liqspec.search.minimise import Candidates, FailingRun

LONG = 10**9  # amounts below this are read as easily as what would come of them
MOST = 40  # powers of ten by which they are divided at once
LEFT = 4  # digits that the longest keeps at least

_TOGETHER: tuple[tuple[GridName, GridName], ...] = (("price", "money"), ("size", "money"))


def divide_together(run: FailingRun) -> Candidates:
    """Divide all prices and money, then all sizes and money, by the largest power of ten with which the run fails."""
    for kinds in _TOGETHER:
        longest = _Divided(run, kinds, 1).longest
        for power in range(min(MOST, len(str(longest)) - LEFT), 0, -1) if longest >= LONG else ():
            divided = _Divided(run, kinds, 10**power)
            found = yield evolve(run, config=divided.config, events=divided.events)
            if found is not None and len(found.events) <= len(run.events):
                run = found
                break
    return run


def write_shortest(run: FailingRun) -> Candidates:
    """Write each amount and rate of the configuration in its shortest form."""
    config = {name: value if name == "accounts" else _shortest(value) for name, value in run.config.items()}
    if config == run.config:
        return run
    found = yield evolve(run, config=config)
    return run if found is None else found


def _shortest(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortest(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_shortest(entry) for entry in value]
    if is_decimal(value):
        return decimal_text(Fraction(value))
    try:
        return str(rate(value))
    except ValueError:
        return value


class _Divided:
    """A run with the amounts of some kinds divided, each brought to its grid; `longest` is the largest that there was.

    An amount that would be nothing is a step of its grid, as many must be positive.
    """

    def __init__(self, run: FailingRun, kinds: tuple[GridName, ...], by: int) -> None:
        self._markets, self._money = run.config["markets"], Fraction(quote_unit_of(run.config))
        self._kinds, self._by = kinds, by
        self.longest = 0
        self.config = self._configuration(run.config)
        self.events: list[EventData] = [self._event(event, event.get("market")) for event in run.events]

    def _configuration(self, config: dict[str, Any]) -> dict[str, Any]:
        divided = {**config, "marks": self._prices(config["marks"]), "markets": {}}
        for name, market in config["markets"].items():
            tiers = [{**tier, "above": self._amount("money", tier["above"])} for tier in market["tiers"]]
            divided["markets"][name] = {**market, "tiers": tiers}
        for table, name in (*_money_parameters(), ("vault", "cash")):
            if name in (there := divided.get(table) or {}):
                divided[table] = {**there, name: self._amount("money", there[name])}
        return divided

    def _event(self, event: Any, market: Any) -> Any:
        divided = dict(event)
        for name, value in event.items():
            if name == "prices" and isinstance(value, dict):
                divided[name] = self._prices(value)
            elif name == "perps" and isinstance(value, list):
                divided[name] = [self._event(one, market) if isinstance(one, dict) else one for one in value]
            elif (kind := _kinds_by_field().get(name)) is not None:
                divided[name] = self._amount(kind, value, market)
        return divided

    def _prices(self, prices: dict[str, Any]) -> dict[str, Any]:
        return {market: self._amount("price", price, market) for market, price in prices.items()}

    def _amount(self, kind: GridName, value: Any, market: Any = None) -> Any:
        if kind not in self._kinds or not is_decimal(value):
            return value
        amount, step = Fraction(value), self._step(kind, market)
        self.longest = max(self.longest, int(abs(amount)))
        if step is None or self._by == 1:
            return value
        steps = int(abs(amount) / self._by / step) or int(amount != 0)
        return decimal_text(steps * step * (-1 if amount < 0 else 1))

    def _step(self, kind: GridName, market: Any) -> Fraction | None:
        if kind == "money":
            return self._money
        known = self._markets.get(market) if isinstance(market, str) else None
        return Fraction(known["tick" if kind == "price" else "lot"]) if known else None


@cache
def _kinds_by_field() -> dict[str, GridName]:
    """Which amounts the fields of events are."""
    return {field: grid for event in EVENTS.values() for field, grid, _ in amount_fields(event)}


@cache
def _money_parameters() -> list[tuple[str, str]]:
    """The tables and names of the parameters that are amounts of money."""
    paths = [entry.path.split(".") for entry in PARAMETERS if entry.kind is MONEY]
    return [(table, name) for table, name in paths]
