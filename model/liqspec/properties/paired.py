"""Properties of pairs of runs: what must come out the same if an event is split, mirrored, swapped or taken away."""

from collections.abc import Iterator
from copy import copy
from fractions import Fraction
from typing import Any

from attrs import evolve, frozen

from liqspec.core.arithmetic import Ratio
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.observation import Observer
from liqspec.core.snapshot import AccountValue, PoolValue, PositionValue, Snapshot
from liqspec.edge import keys
from liqspec.edge.amounts import decimal_text
from liqspec.properties.property import HOLDS, NOT_EXERCISED, Properties, Verdict, holds_if, violated

# Events that touch one pool and nothing else that a pool looks at.
_OF_ONE_POOL = ("deposit", "withdraw", "trade", "fill", "order_done")


@frozen
class PairedRun:
    """An event with the states around it, the one before it, and an engine that may be restored to any state."""

    engine: Engine
    earlier: tuple[Snapshot, EventData] | None
    before: Snapshot
    event: EventData
    after: Snapshot
    refusal: str | None

    def run(self, start: Snapshot, *events: EventData) -> tuple[list[str | None], Snapshot]:
        """The refusal codes of these events from a state, and the state after them."""
        self.engine.restore(start)
        return [apply_event(self.engine, event).code for event in events], self.engine.snapshot()


REPEATED = Properties[PairedRun]("model")
PAIRED = Properties[PairedRun]("model")


@REPEATED.add("pair", "EVT-1 OBS-4")
def the_same_event_in_the_same_state_does_the_same(pair: PairedRun) -> Verdict:
    """The same event in the same state ends the same."""
    if pair.refusal is not None:
        return NOT_EXERCISED
    _, end = pair.run(pair.before, pair.event)
    return HOLDS if end == pair.after else violated("from the same state it ended differently")


@PAIRED.add("pair", "FIL-1 MRG-9")
def one_fill_is_its_two_halves(pair: PairedRun) -> Verdict:
    """But for its fee, a fill does what its two halves at the same price do; only how cost is split may differ."""
    event = pair.event
    if pair.refusal is not None or event["type"] != "fill" or pair.engine.venue.valuation == "entry":
        return NOT_EXERCISED  # MRG-14: there the split of the cost decides margins
    market = pair.engine.venue.markets[event["market"]]
    lots = market.size.units(event["size"]) or 0
    if lots < 2:
        return NOT_EXERCISED
    halves = [{**event, "size": market.size.text(part)} for part in (lots // 2, lots - lots // 2)]
    # Fees are capped one by one and rounded one by one, and either may be what takes a pool across a line (FIL-2).
    free = copy(pair.engine)
    free.venue = evolve(free.venue, fee_rate=Ratio(0, 1))
    without = evolve(pair, engine=free)
    _, whole = without.run(pair.before, event)
    refused, split = without.run(pair.before, *halves)
    if refused != [None, None]:
        return NOT_EXERCISED  # the first half restored the pool, and its order was cancelled (LIQ-9)
    return _difference(_decisions(free, whole), _decisions(free, split), "one fill", "its two halves")


def _decisions(engine: Engine, state: Snapshot) -> dict[str, Any]:
    """What is observed of positions and pools in a state, except collateral and cost."""
    engine.restore(state)
    seen = engine.observe()
    of_position = ("state", "size", "order", "life", "cooldown_until")
    of_pool = ("equity", "maintenance_margin", "initial_margin", "in_liquidation")
    positions = {keys.of_position(entry): {name: entry[name] for name in of_position} for entry in seen["positions"]}
    pools = {f"pool {keys.of_pool(entry)}": {name: entry[name] for name in of_pool} for entry in seen["pools"]}
    return positions | pools


def _difference(one: dict[str, Any], other: dict[str, Any], first: str, second: str) -> Verdict:
    for name in sorted(one.keys() | other.keys()):
        here, there = one.get(name), other.get(name)
        if here != there:
            return violated(f"{name}: {first} gives {here}, {second} {there}")
    return HOLDS


@PAIRED.add("pair", "LIQ-2 ACC-2 ACC-10 CLD-5")
def events_of_unrelated_pools_commute(pair: PairedRun) -> Verdict:
    """Two events of different pools, one after the other, end the same in either order."""
    if pair.earlier is None:
        return NOT_EXERCISED
    start, previous = pair.earlier
    pools = (_own_pool(previous), _own_pool(pair.event))
    if None in pools or pools[0] == pools[1]:
        return NOT_EXERCISED
    first, second = pair.run(start, previous, pair.event)
    swapped, end = pair.run(start, pair.event, previous)
    if swapped != first[::-1]:
        return violated(f"in this order {first}, in the other {swapped[::-1]}")
    return HOLDS if end == second else violated("the states after them differ with their order")


def _own_pool(event: EventData) -> str | None:
    """The one pool that an event touches; None for an event of many, or one that may not even name any."""
    if event.get("type") not in _OF_ONE_POOL or not isinstance(event.get("account"), str):
        return None
    cross = event["type"] in ("deposit", "withdraw") or event.get("mode") == "cross"
    return keys.pool(event["account"], None if cross else str(event.get("market")))


@PAIRED.add("pair", "MRG-1 MRG-2 LIQ-3 BKS-1 PRT-1 FIL-1")
def mirrored_accounts_get_the_same_decisions(pair: PairedRun) -> Verdict:
    """With all sizes negated, and costs that give the same PnL, the same happens to every pool."""
    mirrored = _mirrored_event(pair)
    if mirrored is None or pair.engine.venue.valuation == "entry":
        return NOT_EXERCISED  # MRG-14: the image has another cost, and there another margin
    marks = dict(pair.after.marks)
    units = {name: market.unit for name, market in pair.engine.venue.markets.items()}
    refused, end = pair.run(_mirror(pair.before, marks, units), mirrored)
    if refused != [pair.refusal]:
        return violated(f"refused {pair.refusal}, but mirrored {refused[0]}")
    back = _mirror(end, marks, units)
    if back == evolve(pair.after, vault=back.vault, outside=back.outside, net_deposits=back.net_deposits):
        return HOLDS  # nothing of these is seen of positions and pools
    there = _decisions(pair.engine, back)
    return _difference(_decisions(pair.engine, pair.after), there, "the one", "its mirror image")


def _mirror(state: Snapshot, marks: dict[str, int], units: dict[str, int]) -> Snapshot:
    """The state with every position on the other side: its PnL at these marks the same, its limit as near to them."""

    def position(held: PositionValue) -> PositionValue:
        market, now, size, cost, *rest = held
        turned = PositionValue._make((market, now, -size, cost - 2 * size * marks[market] * units[market], *rest))
        return turned if held.limit is None else turned._replace(limit=2 * marks[market] - held.limit)

    def pool(one: PoolValue) -> PoolValue:
        return one._replace(positions=tuple(map(position, one.positions))) if one.positions else one

    def account(one: AccountValue) -> AccountValue:
        return AccountValue(one.name, one.window, tuple(map(pool, one.pools)))

    return evolve(state, accounts=tuple(map(account, state.accounts)))


def _mirrored_event(pair: PairedRun) -> EventData | None:
    """The event with its sizes and payments negated, its prices mirrored in the mark; None if it has no image."""
    event, venue = pair.event, pair.engine.venue
    kind = event.get("type")
    if kind in ("deposit", "withdraw", "transfer", "order_done", "block", "mark_price", "marks"):
        return event
    market = venue.markets.get(event.get("market", ""))
    if market is None or pair.refusal in ("bad_request", "off_grid", "not_positive"):
        return None
    if kind == "funding":
        return {**event, "payment": decimal_text(-Fraction(event["payment"]))}
    if kind == "trade" or (kind == "fill" and not venue.fee_rate.numerator):
        price = 2 * dict(pair.after.marks)[market.name] - (market.price.units(event["price"]) or 0)
        if price < 1:
            return None
        image = {**event, "price": market.price.text(price)}
        return image if kind == "fill" else {**image, "size": decimal_text(-Fraction(event["size"]))}
    return None


@PAIRED.add("pair", "MRG-10 MRG-12")
def a_liquidation_price_moves_away_as_collateral_grows(pair: PairedRun) -> Verdict:
    """More collateral never brings a liquidation price nearer, less never moves it away."""
    kind = pair.event.get("type")
    if pair.refusal is not None or kind not in ("deposit", "withdraw") or not isinstance(pair.event["account"], str):
        return NOT_EXERCISED
    prices = []
    for state in (pair.before, pair.after):
        pair.engine.restore(state)
        prices.append(_prices(pair.engine, pair.event["account"]))
    growing = prices if kind == "deposit" else prices[::-1]
    for market in growing[0].keys() & growing[1].keys():
        (side, less), (_, more) = growing[0][market], growing[1][market]
        if side > 0 and (less or 0) < (more or 0):
            return violated(f"the long in {market} is liquidated at {less}, with more collateral at {more} ticks")
        if side < 0 and less is not None and more is not None and less > more:
            return violated(f"the short in {market} is liquidated at {less}, with more collateral at {more} ticks")
    return holds_if(growing[0])


def _prices(engine: Engine, account: str) -> dict[str, tuple[int, int | None]]:
    """Side and liquidation price in ticks of the open cross positions."""
    held = engine.state.accounts[account].cross.open_positions()
    markets = {position.market.name: position.size for position in held}
    return {name: (size, engine.liquidation_price(account, name, "cross")[0]) for name, size in markets.items()}


Observation = dict[str, Any]


@frozen
class WholeRun:
    """A run from its start: an engine of its configuration, all events, and the outcome of each if that was seen.

    An outcome is the code of its refusal and the observation after it.
    """

    engine: Engine
    events: list[EventData]
    seen: list[tuple[str | None, Observation]] | None = None

    def outcomes(self) -> Iterator[tuple[str | None, Observation]]:
        """What came of each event, on an engine of this run if it was not seen."""
        if self.seen is not None:
            return iter(self.seen)
        engine, observer = self.engine.another(), Observer()
        return ((apply_event(engine, event).code, observer.observe(engine.state)) for event in self.events)


WHOLE_RUNS = Properties[WholeRun]("model")


@WHOLE_RUNS.add("pair", "LIQ-2 ACC-2 CLD-5")
def an_unrelated_account_changes_nothing(run: WholeRun) -> Verdict:
    """Take away all events of one account, and all other accounts fare the same."""
    accounts = run.engine.state.accounts
    if len(accounts) < 2:
        return NOT_EXERCISED
    absent, alone, observer = max(accounts), run.engine.another(), Observer()
    working, acted = set[str](), False
    for event, (code, seen) in zip(run.events, run.outcomes(), strict=True):
        ours = event.get("account") == absent
        acted = acted or ours
        # EVT-9: the absent account's order keeps the block open for all
        if not ours and not (event.get("type") == "block" and working == {absent}):
            without = apply_event(alone, event).code
            if code != without:
                return violated(f"{event.get('type')} is refused {code}, without {absent} {without}")
            with_it, without_it = _others(seen, absent), _others(observer.observe(alone.state), absent)
            if with_it != without_it:
                verdict = _difference(_by_name(with_it), _by_name(without_it), "with it", f"without {absent}")
                if verdict.wrong:
                    return verdict
        working = {entry["account"] for entry in seen["positions"] if entry["order"] is not None}
    return holds_if(acted)


def _others(seen: Observation, absent: str) -> list[dict[str, Any]]:
    return [entry for entry in (*seen["positions"], *seen["pools"]) if entry["account"] != absent]


def _by_name(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "/".join(str(entry.get(name)) for name in ("account", "market", "mode", "life")): entry for entry in entries
    }
