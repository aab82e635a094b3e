"""How measures come about, in sentences: the terms of equity, margins and lines; how far a price is from the mark."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal, assert_never

from attrs import frozen

from liqspec.core.measures import PoolTerms, PositionTerms
from liqspec.edge.texts import thousands
from liqspec.report.amounts import approximate, exact_text, percent

Measure = Literal["equity", "maintenance_margin", "initial_margin", "restore_target", "backstop_line"]
COVERED: tuple[Measure, ...] = ("equity", "maintenance_margin", "restore_target")  # what LIQ-3 to LIQ-5 compare

SHOWN = 4  # of more positions than this and one, only these are written out: the largest terms


@frozen
class _Term:
    """What one position adds to a sum, and how that comes about: the calculation, and what else decided it."""

    market: str
    amount: Fraction
    why: str = ""
    by: str = ""


def lines(terms: PoolTerms, *measures: Measure) -> Iterator[str]:
    """A sentence for each of these measures, a restore target after what it is a share of, if the venue has one."""
    for measure in measures:
        if measure != "restore_target":
            yield _sentence(terms, measure)
        elif terms.restore is not None:
            if terms.restore.measure not in measures:
                yield _sentence(terms, "initial_margin")
            yield _sentence(terms, measure)


def position_lines(terms: PoolTerms, position: PositionTerms) -> Iterator[str]:
    """What the liquidation of a position of the pool depends on: the pool's measures, and the prices that matter."""
    yield from lines(terms, "equity")
    gain = f"{_operand(position.size)} × {thousands(position.mark)} − {_operand(position.cost)}"
    of = f" of {position.market}" if len(terms.positions) > 1 else ""
    yield f"PnL{of}: {gain} = {thousands(position.unrealised_pnl)} (size × mark − cost, MRG-1)"
    yield from lines(terms, "maintenance_margin", "restore_target", "backstop_line")
    others = ", the other marks fixed" if len(terms.positions) > 1 else ""
    for name, price, rule in (
        ("liquidation", position.liquidation_price, "MRG-10"),
        ("bankruptcy", position.bankruptcy_price, "MRG-11"),
    ):
        yield f"{name} price: {_place(price, position)} ({rule}{others})"


def survival(terms: PoolTerms, position: PositionTerms) -> str:
    """At which marks of a position's market a breached pool would not be breached, or with how much more (LIQ-3)."""
    more = Fraction(terms.maintenance_margin) - Fraction(terms.equity)
    long, price = not position.size.startswith("-"), position.liquidation_price
    nearest = Fraction(position.tick) * (1 if long else -1)
    first = Fraction() if price is None else Fraction(price) + nearest
    others = ", the other marks fixed" if len(terms.positions) > 1 else ""
    reached = f"with the mark of {position.market} at {exact_text(first)} or {'above' if long else 'below'}{others}, or"
    where = reached if first > 0 else f"at no mark of {position.market}{others}, but"
    return f"{terms.pool} would not be in liquidation {where} with {exact_text(more)} more collateral (LIQ-3, MRG-10)"


def sizing(terms: PoolTerms, position: PositionTerms) -> str:
    """The notional of a position, and the threshold of the venue that its orders are sized by."""
    worth = f"{thousands(position.size.removeprefix('-'))} × {thousands(position.mark)}"
    threshold = "none" if terms.partial_threshold is None else thousands(terms.partial_threshold)
    return f"notional: {worth} = {thousands(position.notional)} (MRG-2); threshold {threshold} (PRT-2)"


def prices(position: PositionTerms) -> str:
    """The liquidation and the bankruptcy price of a position, in one phrase; only those that a mark can reach."""
    liquidation = "none" if position.liquidation_price is None else thousands(position.liquidation_price)
    bankruptcy = Fraction(position.bankruptcy_price)
    return f"liquidation price {liquidation}" + (
        f"; bankruptcy price {approximate(bankruptcy)}" if bankruptcy > 0 else ""
    )


def _sentence(terms: PoolTerms, measure: Measure) -> str:
    held = terms.positions
    match measure:
        case "equity":
            if not held:
                return f"equity: the collateral, {thousands(terms.equity)} (MRG-3)"
            gains = [_Term(one.market, Fraction(one.unrealised_pnl)) for one in held]
            added = _added([f"collateral {thousands(terms.collateral)}"], gains, "PnL ")
            return f"equity: {added} = {thousands(terms.equity)} (MRG-3)"
        case "maintenance_margin":
            return _margin("maintenance margin", terms.maintenance_margin, [_maintenance(one) for one in held], "MRG-5")
        case "initial_margin":
            return _margin("initial margin", terms.initial_margin, [_initial(one) for one in held], "MRG-7")
        case "restore_target":
            assert terms.restore is not None, "only asked where there is one"
            name = terms.restore.measure
            measured = terms.initial_margin if name == "initial_margin" else terms.maintenance_margin
            share = f"{terms.restore.factor} × {name.replace('_', ' ')} {thousands(measured)}"
            return f"restore target: {share} = {approximate(Fraction(terms.restore.target))} (LIQ-15)"
        case "backstop_line":
            name, margin, rule = "maintenance margin", terms.maintenance_margin, "BKS-1"
            if terms.closeout_margin is not None:
                name, margin, rule = "close-out margin", terms.closeout_margin, "BKS-9"
            share = f"{terms.backstop_threshold} × {name} {thousands(margin)}"
            return f"backstop line: {share} = {approximate(Fraction(terms.backstop_line))} ({rule})"
        case _:
            assert_never(measure)


def _maintenance(position: PositionTerms) -> _Term:
    amount, deduction = Fraction(position.maintenance_margin), Fraction(position.deduction)
    fee = position.close_fee_rate
    rate = position.maintenance_rate if fee is None else f"({position.maintenance_rate} + {fee})"
    why = f"{thousands(position.margin_notional)} × {rate}" + (f" − {exact_text(deduction)}" if deduction else "")
    exact = Fraction(position.margin_notional) * (Fraction(position.maintenance_rate) + Fraction(fee or 0)) - deduction
    rounded = "" if exact == amount else ", rounded up" if amount > exact else ", rounded down"
    return _Term(position.market, amount, why + rounded, f"tier {position.tier}")


def _initial(position: PositionTerms) -> _Term:
    amount, most = Fraction(position.initial_margin), position.max_leverage
    allowed, fee, worth = min(position.leverage, most), position.close_fee_rate, Fraction(position.margin_notional)
    why = f"{thousands(position.margin_notional)} ÷ {allowed}"
    if fee is not None:
        why += f" + {thousands(position.margin_notional)} × {fee}"
    rounded = worth / allowed + worth * Fraction(fee or 0) != amount
    by = f"tier {position.tier} allows {most}" if most < position.leverage else ""
    return _Term(position.market, amount, f"{why}{', rounded up' * rounded}", by)


def _margin(name: str, total: str, terms: list[_Term], rule: str) -> str:
    """The margin of a pool: the calculation of its only position, or the sum of its positions'."""
    rules = {"MRG-5": "MRG-5, MRG-6"}.get(rule, rule)
    if not terms:
        return f"{name}: {total}, for the pool has no position ({rules})"
    if len(terms) == 1:
        (term,) = terms
        cited = f"{term.by}, {rule}" if term.by else rule
        return f"{name}: {term.why} = {thousands(total)} ({cited})"
    return f"{name}: {_added([], terms, '')} = {thousands(total)} ({rules})"


def _added(first: list[str], terms: list[_Term], name: str) -> str:
    """A sum: all of its terms, or the largest and what the others are together."""
    shown, others = terms, terms[:0]
    if len(terms) > SHOWN + 1:
        ranked = sorted(terms, key=lambda term: -abs(term.amount))
        shown, others = ranked[:SHOWN], ranked[SHOWN:]
    texts = [*first, *(f"{name}{exact_text(term.amount)}{_of(term) * (len(terms) > 1)}" for term in shown)]
    if others:
        texts.append(f"{len(others)} more, together {exact_text(sum((term.amount for term in others), Fraction()))}")
    return " + ".join(texts)


def _of(term: _Term) -> str:
    return f" ({', '.join(part for part in (f'{term.market} {term.why}'.rstrip(), term.by) if part)})"


def _operand(amount: str) -> str:
    """An amount in a calculation; one below 0 in brackets."""
    return f"({thousands(amount)})" if amount.startswith("-") else thousands(amount)


def _place(price: str | None, position: PositionTerms) -> str:
    """A price and how far it is from the mark, in ticks and in percent of the mark."""
    if price is None:
        return "none, for no positive tick is the highest at which the pool is breached"
    mark = Fraction(position.mark)
    away, text = Fraction(price) - mark, approximate(Fraction(price))
    if away == 0:
        return f"{text}, which is the mark"
    ticks = abs(away) / Fraction(position.tick)
    distance = f"{approximate(ticks)} tick{'' if ticks == 1 else 's'} ({percent(abs(away) / mark)})"
    return f"{text}, {distance} {'above' if away > 0 else 'below'} the mark {thousands(position.mark)}"
