"""How long a liquidation can take in a scope, or at a venue: the longest waits, and what is violated, with events."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from attrs import asdict, frozen
from rich.console import Console

from liqspec.core import arithmetic
from liqspec.core.config import Config, Venue
from liqspec.core.effects import Transitioned
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.edge import shapes
from liqspec.edge.amounts import decimal_text
from liqspec.edge.texts import counted
from liqspec.generate.configurations import base_configuration
from liqspec.properties.liveness import BELOW, BLOCKS_BELOW, FILLED, ORDERS_END
from liqspec.report.sentences import event_text
from liqspec.report.tables import table
from liqspec.report.visible_console import foreign
from liqspec.search.alone import only
from liqspec.search.liveness import EXECUTIONS, Graph, Waits, graph_of, in_time, stuck
from liqspec.spec.scopes import Alphabet, Scope
from liqspec.spec.venues import VenueFile

MARKETS = {
    "filled": "every order is filled",
    "below": "below the backstop line, orders are filled or end",
    "any": "orders are filled or end",
}


@frozen(kw_only=True)
class Wait:
    """The longest wait of any pool in one kind of market: its blocks, None if it has no end, and the shortest story.

    `bound` is the number of blocks that is allowed, None without a bound; `loop` are the events that repeat.
    """

    market: str
    pool: str | None
    blocks: int | None
    bound: int | None
    story: list[EventData]
    loop: list[EventData]


@frozen(kw_only=True)
class Broken:
    """A claim that does not hold, of which pool, and the events that show it, with those that repeat."""

    claim: str
    pool: str
    story: list[EventData]
    loop: list[EventData]


@frozen(kw_only=True)
class Liveness:
    """How long the liquidations of a scope can take."""

    scope: Scope
    states: int
    steps: int
    waits: list[Wait]
    broken: list[Broken]

    def to_json(self) -> dict[str, Any]:
        """The result as plain data; a wait without an end has null blocks."""
        lists = {"waits": [asdict(one) for one in self.waits], "broken": [asdict(one) for one in self.broken]}
        return {
            "scope": self.scope.name,
            "states": self.states,
            "steps": self.steps,
            "setup": self.scope.setup,
            **lists,
        }


def judge(scope: Scope) -> Liveness:
    """Judge a scope, each account alone with the marks: other accounts only delay its blocks.

    Raises:
        InvalidConfig: the scope's configuration is not a valid rule set.
    """
    names = sorted(scope.config["accounts"])
    graphs = [graph_of(only(scope, name)) for name in (names[:1] if scope.symmetric else names)]
    judged = [(graph, pool, _found(graph, pool)) for graph in graphs for pool in graph.pools]
    waits = [wait for one in judged for wait in _waits(*one)]
    return Liveness(
        scope=scope,
        states=sum(len(graph.waiting) for graph in graphs),
        steps=sum(len(steps) for graph in graphs for steps in graph.steps),
        waits=[
            max((one for one in waits if one.market == market), key=_length, default=_none(market))
            for market in MARKETS
        ],
        broken=[broken for one in judged for broken in _broken(*one)],
    )


def _found(graph: Graph, pool: str) -> dict[str, Waits]:
    every = {step.type for steps in graph.steps for step in steps}
    return {
        "filled": Waits(graph, pool, lambda _: True, every - {"order_done"}),
        "below": Waits(graph, pool, lambda waiting: waiting.below, every),
        "any": Waits(graph, pool, lambda _: True, every),
    }


def _waits(graph: Graph, pool: str, found: dict[str, Waits]) -> Iterator[Wait]:
    orders = max(pools[pool].orders for pools in graph.waiting if pool in pools)
    bounds = {"filled": orders, "below": BLOCKS_BELOW}
    for market, longest in found.items():
        story, loop = _story(graph, longest)
        yield Wait(market=market, pool=pool, blocks=longest.blocks, bound=bounds.get(market), story=story, loop=loop)


def _story(graph: Graph, found: Waits) -> tuple[list[EventData], list[EventData]]:
    story, loop = found.story()
    events = in_time(graph.scope, [*story, *loop])
    return events[: len(story)], events[len(story) :]


def _none(market: str) -> Wait:
    return Wait(market=market, pool=None, blocks=0, bound=None, story=[], loop=[])


def _length(wait: Wait) -> tuple[bool, int, int]:
    return wait.blocks is None, wait.blocks or 0, -len(wait.story) - len(wait.loop)


def _broken(graph: Graph, pool: str, found: dict[str, Waits]) -> Iterator[Broken]:
    endless = Waits(graph, pool, lambda _: True, EXECUTIONS, EXECUTIONS)
    if endless.for_ever:
        story, loop = _story(graph, endless)
        yield Broken(claim=ORDERS_END.name, pool=pool, story=story, loop=loop)
    if (at := stuck(graph, pool)) is not None:
        story = in_time(graph.scope, graph.events_to(at))
        yield Broken(claim=ORDERS_END.name, pool=pool, story=story, loop=[])
    if found["filled"].later_than(lambda waiting: waiting.orders) is not None:
        story, loop = _story(graph, found["filled"])
        yield Broken(claim=FILLED.name, pool=pool, story=story, loop=loop)
    if found["below"].later_than(lambda _: BLOCKS_BELOW) is not None:
        story, loop = _story(graph, found["below"])
        yield Broken(claim=BELOW.name, pool=pool, story=story, loop=loop)


def around(venue: VenueFile) -> Scope:
    """A scope at a venue: one long position in its first market, at the largest leverage, and marks at each decision.

    Its notional is 2.5 times the venue's threshold for chunks. The marks are the first one, one between the liquidation
    price and the backstop line, one below the line, and one at which the pool is bankrupt.

    Raises:
        shapes.WrongShape: no market of the venue is traded in mode cross.
    """
    config = base_configuration(venue)
    crossed = [name for name, rules in config["markets"].items() if "cross" in rules.get("modes", ["cross"])]
    if not crossed:
        raise shapes.WrongShape("markets", "none is traded in mode cross")
    market = min(crossed)
    rules, mark = config["markets"][market], Fraction(config["marks"][market])
    tick, lot = Fraction(rules["tick"]), Fraction(rules["lot"])
    threshold = config.get("liquidation", {}).get("partial_threshold")
    size = -(-Fraction(threshold or mark * lot * 10) * Fraction(5, 2) // (mark * lot)) * lot
    valid = Venue.from_config(Config.from_json(config))
    schedule, unit = valid.markets[market].schedule, valid.money.step
    tier = arithmetic.tier_at(int(size * mark / unit), schedule)
    rate, deduction = Fraction(tier.rate, schedule.denominator), Fraction(tier.deduction, schedule.denominator) * unit
    collateral = Fraction(-(-size * mark // tier.max_leverage))
    share = Fraction(config["backstop"]["threshold"])
    bankrupt = mark - collateral / size
    liquidated, taken = ((bankrupt - part * deduction / size) / (1 - part * rate) for part in (1, share))
    ticks = (mark, (liquidated + taken) / 2, (taken + bankrupt) / 2, bankrupt * Fraction(99, 100))
    window = config.get("liquidation", {}).get("cooldown_ms", 0)
    position = {"account": "alice", "market": market, "mode": "cross"}
    trade = {**position, "size": decimal_text(size), "price": decimal_text(mark), "leverage": tier.max_leverage}
    return Scope(
        name=venue.name,
        title=f"One long position of {venue.name} in {market}",
        config={**config, "markets": {market: rules}, "marks": {market: config["marks"][market]}},
        setup=({"type": "deposit", "account": "alice", "amount": decimal_text(collateral)}, {"type": "trade", **trade}),
        events=Alphabet(
            mark_price={market: tuple(decimal_text(one // tick * tick) for one in ticks)},
            block=tuple(sorted({max(1, window // 2), max(1, window)})),
        ),
        max_depth=8,
    )


def print_liveness(results: list[Liveness], console: Console, *, full: bool = False) -> None:
    """Print the longest waits, with the events of the longest of all (with `full`, of each), and what is violated."""
    rows = table("scope", "states", *MARKETS.values(), right=("states",))
    for result in results:
        rows.add_row(result.scope.name, f"{result.states:,}", *(_cell(wait) for wait in result.waits))
    console.print("Blocks until a pool in liquidation is restored, closed or taken, at most:")
    console.print(rows)
    for market, text in MARKETS.items():
        waits = [(wait, result) for result in results for wait in result.waits if wait.market == market and wait.pool]
        for wait, result in waits if full else waits and [max(waits, key=lambda pair: _length(pair[0]))]:
            console.print(
                f"\n[bold]Where {text}[/bold]: {foreign(str(wait.pool))} in {result.scope.name}, {_cell(wait)}"
            )
            _print_story(result.scope, wait.story, wait.loop, console)
    for result in results:
        for one in result.broken:
            console.print(f"\n[bold red]violated[/bold red] {one.claim}: {foreign(one.pool)} in {result.scope.name}")
            _print_story(result.scope, one.story, one.loop, console)
    if not any(result.broken for result in results):
        console.print("[bold green]all hold[/bold green]")


def _cell(wait: Wait) -> str:
    if wait.blocks is None:
        return "for ever"
    return counted(wait.blocks, "block") + ("" if wait.bound is None else f" (bound {wait.bound})")


def _print_story(scope: Scope, story: list[EventData], loop: list[EventData], console: Console) -> None:
    engine = Engine(Config.from_json(scope.config))
    for number, event in enumerate([*scope.setup, *story, *loop], 1):
        if loop and number == len(scope.setup) + len(story) + 1:
            console.print("     and then again and again:")
        effects = apply_event(engine, event).effects
        moves = " ".join(effect.transition for effect in effects if isinstance(effect, Transitioned))
        console.print(f"{number:>4} {event_text(event)}{'  ' + moves if moves else ''}", markup=False, soft_wrap=True)
