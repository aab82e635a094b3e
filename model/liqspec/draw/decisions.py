"""Where a run was decided: the two numbers of each decision about a pool, and the event at which a picture begins."""

from fractions import Fraction
from typing import Literal

from attrs import frozen

from liqspec.replay.record import Amount, Measures, Record, Step, Terms, spans
from liqspec.report.amounts import approximate, value_text

# Healthy is the last moment before a breach, and every moment at which equity is exactly the margin.
Kind = Literal["healthy", "breached", "restored", "taken"]
_WORDS: dict[Kind, str] = {
    "healthy": "healthy",
    "breached": "breached",
    "restored": "restored",
    "taken": "to the vault",
}
_MOST_PLACES = 12

Event = Literal["finding", "backstop", "liquidation", "refusal"]
_DECISIVE: tuple[Event, ...] = ("finding", "backstop", "liquidation", "refusal")  # the most decisive first


@frozen(kw_only=True)
class Decision:
    """What decided about a pool at an event (from 1): its equity, and the line that it was compared with."""

    event: int
    kind: Kind
    equity: Amount
    maintenance_margin: Amount
    backstop_line: Amount

    @property
    def line(self) -> Amount:
        """The line that equity was compared with: the backstop line for a takeover (BKS-1), else the margin (LIQ-3)."""
        return self.backstop_line if self.kind == "taken" else self.maintenance_margin

    @property
    def amounts(self) -> str:
        """The two numbers, on two lines."""
        line = approximate_text(self.line)
        return f"{value_text(self.equity.text)}\n{_sign(self.equity.exact, self.line.exact)} {line}"

    @property
    def ratio(self) -> Fraction:
        """Equity by maintenance margin."""
        return self.equity.exact / self.maintenance_margin.exact

    @property
    def ratios(self) -> str:
        """The ratio against what it was compared with, and what follows, on two lines."""
        share = self.line.exact / self.maintenance_margin.exact
        against = "1" if share == 1 else value_text(str(share.limit_denominator(1000)))
        return f"{ratio_text(self.ratio, share)} {_sign(self.ratio, share)} {against}\n{_WORDS[self.kind]}"


def decisions(record: Record, pool: str) -> list[Decision]:
    """The decisions about a pool, in the order of their events, at most one an event."""
    measures = [step.measures.get(pool) for step in record.steps]
    begins = [span.first for span in spans([_breached(seen) for seen in measures]) if span.value]
    found: dict[int, Decision] = {}
    for event, (step, seen) in enumerate(zip(record.steps, measures, strict=True), start=1):
        if seen is not None and (event + 1 in begins or seen.equity.exact == seen.maintenance_margin.exact):
            _keep(found, event, "healthy", seen, unless=seen.breached)
        if event in begins:
            _keep(found, event, "breached", seen)
        for effect in step.effects:
            if effect.subject == pool and (kind := _kind(effect.kind, effect.rule)):
                _keep(found, event, kind, _terms(step, pool) or seen)
    return [found[event] for event in sorted(found)]


def _terms(step: Step, pool: str) -> Terms | None:
    """What the first decision of a step about a pool rests on."""
    return next((one.terms for one in step.effects if one.terms is not None and one.terms.pool == pool), None)


def _kind(effect: str, rule: str) -> Kind | None:
    match effect, rule:
        case "liquidation_entered", _:
            return "breached"
        case "liquidation_left", "LIQ-10":
            return "restored"
        case "backstopped", _:
            return "taken"
        case _:
            return None


def _keep(
    found: dict[int, Decision], event: int, kind: Kind, numbers: Measures | Terms | None, *, unless: bool = False
) -> None:
    if numbers is not None and numbers.maintenance_margin.exact and not unless:
        found[event] = Decision(
            event=event,
            kind=kind,
            equity=numbers.equity,
            maintenance_margin=numbers.maintenance_margin,
            backstop_line=numbers.backstop_line,
        )


def _breached(seen: Measures | None) -> bool:
    return seen is not None and seen.breached


def ratio_of(seen: Measures) -> Fraction:
    """Equity by maintenance margin, of a pool that has positions."""
    return seen.equity.exact / seen.maintenance_margin.exact


def happened(step: Step) -> Event | None:
    """What an event is marked by: a finding, a backstop, a liquidation that begins or a refusal, the first of these.

    A finding is what was not as expected, or what an engine answered otherwise.
    """
    if step.unexpected or step.theirs:
        return "finding"
    kinds = {effect.kind for effect in step.effects}
    if "backstopped" in kinds:
        return "backstop"
    if "liquidation_entered" in kinds:
        return "liquidation"
    return "refusal" if step.refusal is not None else None


def decisive(record: Record) -> int:
    """The event (from 1) at which a picture of the run opens.

    The first finding; without one, the first takeover by the vault; without one, the first liquidation; without one,
    the first refusal; without one, the last event.
    """
    marks = [happened(step) for step in record.steps]
    return next((marks.index(wanted) + 1 for wanted in _DECISIVE if wanted in marks), len(marks))


def ratio_text(ratio: Fraction, *lines: Fraction) -> str:
    """A ratio rounded to as few places, at least three, as leave it on the same side of each line."""
    for places in range(3, _MOST_PLACES + 1):
        rounded = round(ratio, places)
        if all(_sign(rounded, line) == _sign(ratio, line) for line in lines):
            break
    return f"{float(rounded):,.{_MOST_PLACES}g}"


def _sign(one: Fraction, other: Fraction) -> str:
    return "<" if one < other else "=" if one == other else ">"


def approximate_text(amount: Amount) -> str:
    """An amount as it was written, with a tilde where it has no decimal."""
    return approximate(amount.exact) if "/" in amount.text else value_text(amount.text)
