"""The naive checker's prices of a position: by what its pool is at other marks, not by an equation (OBS-5)."""

from liqspec.properties.checker.exact import Fraction, number
from liqspec.properties.checker.measures import Contents, NaivePosition, down, up
from liqspec.properties.checker.memory import Memory

_PLACES = number("0.000000000000000001")


def bankruptcy(known: Memory, pool: Contents, held: NaivePosition) -> Fraction:
    """MRG-11, to 18 decimals: up for a long, which sells, down for a short."""
    exact = known.marks[held.market] - known.equity(pool) / held.size
    return (up if held.size > 0 else down)(exact, _PLACES)


def wrong_liquidation(known: Memory, pool: Contents, held: NaivePosition, price: Fraction | None) -> str:
    """What is wrong with a shown liquidation price; empty if nothing is (MRG-10)."""
    if not held.size:
        return "it is closed" if price is not None else ""
    tick, side = known.rules.markets[held.market].tick, 1 if held.size > 0 else -1

    def breached_at(mark: Fraction) -> bool:
        return known.breached_at(pool, held.market, mark)

    if price is None:
        if side < 0:
            return "a short always has one"
        rates = [tier.maintenance_rate for tier in known.rules.markets[held.market].tiers]
        everywhere = not known.rules.at_entry and 1 - known.rules.close_fee in rates
        return "the pool is breached at one tick" if breached_at(tick) and not everywhere else ""
    if price < tick or price % tick:
        return "it is not a positive tick"
    if not breached_at(price):
        return "the pool is not breached there"
    if price + side * tick >= tick and breached_at(price + side * tick):
        return "the pool is breached one tick before it"
    return ""
