"""Running a study: the measures of each case, exact, and whether its claims are as they are stated."""

from collections.abc import Callable
from fractions import Fraction

from attrs import define, field, frozen

from liqspec.core.effects import Backstopped, DeficitCovered
from liqspec.core.engine import Engine
from liqspec.edge import keys
from liqspec.edge.amounts import decimal_text
from liqspec.edge.texts import thousands
from liqspec.replay.run import Moment, Run
from liqspec.spec.studies import TRADER, Case, Claim, InvalidStudy, Measure, Shown, Study

Value = Fraction | None  # None: there is no such figure, such as the average price of nothing


@frozen(kw_only=True)
class Point:
    """What is drawn of a moment: the time, the mark, and the trader's equity."""

    time: int
    mark: Fraction
    equity: Fraction


@frozen(kw_only=True)
class Result:
    """A case that was run: its measures by name, and its path."""

    case: Case
    measures: dict[str, Value]
    path: tuple[Point, ...]


@frozen(kw_only=True)
class Checked:
    """A comparison of a claim with its two figures, and whether it is as it is stated."""

    shown: Shown
    left: Value
    right: Value

    @property
    def holds(self) -> bool:
        """Whether the figures are as stated; a figure that does not exist compares with none."""
        if self.left is None or self.right is None:
            return False
        found = "equal" if self.left == self.right else "less" if self.left < self.right else "more"
        return found == self.shown.relation


@frozen(kw_only=True)
class Findings:
    """A study that was run."""

    study: Study
    results: tuple[Result, ...]

    def of(self, case: str) -> Result:
        """The result of a case."""
        return next(result for result in self.results if result.case.name == case)

    def checked(self, claim: Claim) -> list[Checked]:
        """The comparisons of a claim, with their figures."""
        return [
            Checked(
                shown=one,
                left=self.of(one.case).measures[one.measure],
                right=Fraction(one.value or 0) if one.than is None else self.of(one.than).measures[one.measure],
            )
            for one in claim.shown
        ]

    @property
    def wrong(self) -> list[Checked]:
        """The comparisons that are not as the study states them."""
        return [one for claim in self.study.file.claim for one in self.checked(claim) if not one.holds]


def run(study: Study, done: Callable[[], None] = lambda: None) -> Findings:
    """Run all cases of a study; `done` is called after each.

    Raises:
        InvalidStudy: an event that the study describes, or one that follows from it, is refused in a case.
        AssertionError: a property was violated in a case.
    """
    results = []
    for case in study.cases:
        results.append(_result(case, study.file.market))
        done()
    return Findings(study=study, results=tuple(results))


@define
class _Closed:
    """What was closed in the market: sizes, and sums of size times price."""

    size: Fraction = Fraction(0)
    paid: Fraction = Fraction(0)
    at_marks: Fraction = Fraction(0)
    first_mark: Fraction | None = None

    def add(self, size: Fraction, price: Fraction, mark: Fraction) -> None:
        """Add an execution."""
        self.size += size
        self.paid += size * price
        self.at_marks += size * mark
        self.first_mark = mark if self.first_mark is None else self.first_mark


@define
class _Tally:
    """What is counted while a case runs."""

    market: str
    paid_in: Fraction = Fraction(0)
    closed: _Closed = field(factory=_Closed)
    by_orders: Fraction = Fraction(0)
    by_trader: Fraction = Fraction(0)
    by_vault: Fraction = Fraction(0)
    deficit: int = 0

    def add(self, moment: Moment) -> None:
        """Count what an accepted event did."""
        if moment.refusal is not None:
            return
        event = moment.event
        mark = Fraction(moment.marks[self.market])
        if event["type"] == "deposit":
            self.paid_in += Fraction(event["amount"])
        elif event["type"] == "fill":
            self.by_orders += Fraction(event["size"])
            self.closed.add(Fraction(event["size"]), Fraction(event["price"]), mark)
        elif event["type"] == "trade" and Fraction(event["size"]) < 0:
            self.by_trader -= Fraction(event["size"])
            self.closed.add(-Fraction(event["size"]), Fraction(event["price"]), mark)
        for effect in moment.effects:
            if isinstance(effect, DeficitCovered):
                self.deficit += effect.amount
            elif isinstance(effect, Backstopped):
                self.by_vault += sum(Fraction(one["size"]) for one in moment.before["positions"])
                self.deficit += max(0, -effect.equity)


def _result(case: Case, market: str) -> Result:
    run, tally, path = Run(case.scenario), _Tally(market), []
    first_cash = run.engine.state.vault.cash
    for moment in run:
        if moment.refusal is not None and moment.unexpected:
            what = "what follows from step" if moment.protection or moment.by_market else "step"
            raise InvalidStudy(f"the case {case.name}: {what} {moment.number} is refused: {moment.refusal}")
        tally.add(moment)
        equity = sum(Fraction(pool["equity"]) for key, pool in moment.pools.items() if keys.account_of(key) == TRADER)
        point = Point(time=moment.after["time"], mark=Fraction(moment.marks[market]), equity=Fraction(equity))
        path.append(point)
    assert run.outcome().unexpected == (), f"{case.name}: {run.outcome().unexpected[0]}"
    measures = _measures(tally, run.engine, path[-1].equity, first_cash)
    return Result(case=case, measures=measures, path=tuple(path))


def _measures(tally: _Tally, engine: Engine, kept: Fraction, first_cash: int) -> dict[str, Value]:
    money, closed, state = engine.venue.money.step, tally.closed, engine.state
    position = state.position(TRADER, tally.market, "cross")
    left = Fraction(0) if position is None else position.size * position.market.size.step
    sold = closed.size > 0
    return {
        "paid_in": tally.paid_in,
        "kept": kept,
        "kept_share": 100 * kept / tally.paid_in,
        "result": kept - tally.paid_in,
        "left": left,
        "survives": Fraction(bool(left)),
        "by_orders": tally.by_orders,
        "by_trader": tally.by_trader,
        "by_vault": tally.by_vault,
        "price": closed.paid / closed.size if sold else None,
        "slippage": 10_000 * (closed.at_marks - closed.paid) / closed.at_marks if sold else None,
        "slippage_cost": closed.at_marks - closed.paid,
        "shortfall": 10_000 * (1 - closed.paid / closed.size / closed.first_mark) if closed.first_mark else None,
        "vault": money * (state.equity(state.vault) - first_cash),
        "deficit": money * tally.deficit,
    }


def value_of(measure: Measure, value: Value) -> str:
    """A figure for people: money and sizes to two places, prices to one, shares and points to one."""
    if value is None:
        return "none"
    if measure.unit == "yes":
        return "yes" if value else "no"
    places = {"money": 0, "size": 3, "price": 1, "percent": 1, "points": 1}[measure.unit]
    text = thousands(decimal_text(Fraction(round(value * 10**places), 10**places)))
    return text if measure.unit == "size" or not places or "." in text else text + ".0"
