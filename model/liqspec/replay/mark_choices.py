"""The same run under each other choice of the mark: the last trade, the index, the book or other venues alone.

What a choice does is not estimated: the scenario is run again, with the price of the choice as a `mark_price` in the
place of each `price_inputs` (MRK-1, EVT-5).
"""

from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

from attrs import evolve, frozen

from liqspec.core import measures
from liqspec.core.effects import MarkFormed, Transitioned
from liqspec.core.events import EventData, MarkPrice, PriceInputs
from liqspec.core.families.mark_price import BILLION, half_even
from liqspec.core.refusals import NoPrice
from liqspec.edge.amounts import Grid, exact
from liqspec.edge.errors import InvalidInput
from liqspec.edge.texts import show
from liqspec.replay.run import Moment, Run
from liqspec.spec.scenarios import Expectation, Scenario, Step

Choice = Literal["last", "index", "book", "perps"]
CHOICES: tuple[Choice, ...] = ("last", "index", "book", "perps")


class FormsNoMark(InvalidInput):
    """A run without a mark that is formed from inputs, so that there is no choice to compare it with."""


@frozen(kw_only=True)
class Column:
    """A `price_inputs` of a run: its step and time, what it gave, and the candidates that it led to (MRK-3).

    `liquidation_prices` are those of the positions that are open after it; None is a position without one (MRG-9).
    """

    step: int
    time: int
    inputs: EventData
    candidates: dict[str, Fraction]
    liquidation_prices: dict[str, Fraction | None]


@frozen(kw_only=True)
class Row:
    """A run under one choice: the mark after each column, and the positions whose liquidation began there.

    `given` says whether the choice had a price in the column; without one, the mark stays.
    """

    marks: tuple[Fraction, ...]
    given: tuple[bool, ...]
    liquidated: tuple[tuple[str, ...], ...]

    @property
    def everybody(self) -> tuple[str, ...]:
        """The positions that were liquidated at all, in their order."""
        return tuple(dict.fromkeys(key for keys in self.liquidated for key in keys))


@frozen(kw_only=True)
class Comparison:
    """A run whose marks are formed, and the same run under each other choice."""

    scenario: Scenario
    market: str
    columns: tuple[Column, ...]
    formed: Row
    choices: dict[Choice, Row]


def compare(scenario: Scenario, market: str | None = None) -> Comparison:
    """A scenario under the rules and under each other choice; by default in the first market that forms a mark.

    Raises:
        FormsNoMark: no `price_inputs` of the market was accepted.
    """
    run = Run(scenario)
    columns: list[Column] = []
    moments: list[Moment] = []
    ticks: list[dict[Choice, str]] = []
    for moment in run:
        moments.append(moment)
        formed = next((effect for effect in moment.effects if isinstance(effect, MarkFormed)), None)
        if formed is not None:
            market = market or formed.market
        if moment.refusal is not None and moment.refusal.code != NoPrice.code:
            continue
        if market and moment.event.get("type") == PriceInputs.type and moment.event.get("market") == market:
            grid = run.engine.venue.markets[market].price
            columns.append(_column(run, moment, formed, grid))
            ticks.append(_prices(moment, formed, grid))
    if market is None or not any(column.candidates for column in columns):
        where = "" if market is None else f" of {show(market)}"
        raise FormsNoMark(f"{scenario.name}: no price_inputs{where} is accepted in this run, so no mark is formed")
    steps = [column.step for column in columns]
    choices = {
        name: _under(scenario, market, dict(zip(steps, (prices.get(name) for prices in ticks), strict=True)))
        for name in CHOICES
        if any(name in prices for prices in ticks)
    }
    given = [bool(column.candidates) for column in columns]
    return Comparison(
        scenario=scenario,
        market=market,
        columns=tuple(columns),
        formed=_row(scenario, market, steps, given, [(moment.number, moment) for moment in moments]),
        choices=choices,
    )


def _column(run: Run, moment: Moment, formed: MarkFormed | None, grid: Grid) -> Column:
    """What is drawn of a `price_inputs`, right after it."""
    seen = {key: measures.position_details(run.engine, one) for key, one in measures.all_positions(run.engine).items()}
    lines = {
        key: exact(price) if (price := details["liquidation_price"]) is not None else None
        for key, details in seen.items()
        if details["market"] == moment.event["market"] and "liquidation_price" in details
    }
    candidates = () if formed is None else formed.candidates
    return Column(
        step=moment.number,
        time=moment.after["time"],
        inputs=moment.event,
        candidates={name: grid.step * Fraction(value, BILLION) for name, value in candidates},
        liquidation_prices=lines,
    )


def _prices(moment: Moment, formed: MarkFormed | None, grid: Grid) -> dict[Choice, str]:
    """The price of each choice that has one in a `price_inputs`, on the grid."""
    candidates = {} if formed is None else dict(formed.candidates)
    inputs: tuple[Choice, ...] = ("last", "index")
    computed: tuple[Choice, ...] = ("book", "perps")
    return {name: moment.event[name] for name in inputs if name in moment.event} | {
        name: grid.text(half_even(candidates[name], BILLION)) for name in computed if name in candidates
    }


def _under(scenario: Scenario, market: str, prices: dict[int, str | None]) -> Row:
    """The run with a `mark_price` at each of these steps where there is a price, and nothing where there is none."""
    steps: list[tuple[int, Step]] = []
    for number, step in enumerate(scenario.file.step, start=1):
        if number not in prices:
            steps.append((number, Step(event=step.event)))
        elif (price := prices[number]) is not None:
            steps.append((number, Step(event={"type": MarkPrice.type, "market": market, "price": price})))
    file = evolve(scenario.file, step=tuple(step for _, step in steps), end=Expectation(), report=())
    moments = [(steps[moment.number - 1][0], moment) for moment in Run(evolve(scenario, file=file))]
    return _row(scenario, market, list(prices), [price is not None for price in prices.values()], moments)


def _row(
    scenario: Scenario, market: str, steps: list[int], given: list[bool], moments: Iterable[tuple[int, Moment]]
) -> Row:
    """The marks and the liquidations of a run by the columns; what comes before the first column is of the first."""
    marks: dict[int, str] = {}
    liquidated: list[list[str]] = [[] for _ in steps]
    for number, moment in moments:
        place = max(bisect_right(steps, number) - 1, 0)
        if number == steps[place]:
            marks.setdefault(place, moment.marks[market])
        liquidated[place] += [
            effect.position
            for effect in moment.effects
            if isinstance(effect, Transitioned) and effect.target == "liquidatable"
        ]
    kept, last = [], scenario.config.marks[market]
    for place in range(len(steps)):
        kept.append(exact(last := marks.get(place, last)))
    return Row(marks=tuple(kept), given=tuple(given), liquidated=tuple(map(tuple, liquidated)))
