"""The guide: which move comes next, and now and then one that must be refused."""

from collections.abc import Callable, Container, Iterator, Mapping
from fractions import Fraction
from random import Random

from liqspec.core.engine import Engine
from liqspec.core.events import CHECKS, EVENTS, OPTIONAL, EventData
from liqspec.core.state import Position
from liqspec.edge.amounts import MAX_DIGITS, MAX_INTEGER, decimal_text, is_decimal
from liqspec.generate.account import AccountMoves
from liqspec.generate.blocks import BlockMoves
from liqspec.generate.chunks import ChunkMoves
from liqspec.generate.market import MarketMoves
from liqspec.generate.moves import Moves, separate_source
from liqspec.generate.names import nearly
from liqspec.generate.tiny import TinyMoves
from liqspec.generate.trader import TraderMoves

_NO_MARKET = "NONE"
_BAD_INTEGERS = (0, -1, MAX_INTEGER + 1, 2.0, "2", True)
_OFF_GRID = "0.0000000001"
_BAD_AMOUNTS = (
    *("0",) * 8,  # what an engine is likeliest to accept as an amount
    *("-1", "-1", *(_OFF_GRID,) * 4, f"-{_OFF_GRID}", "1" + "0" * MAX_DIGITS),
    *("1e3", "NaN", "+1", " 1", "1.", ".5", "", "1_0", "\u0661", 1, 1.5, True),
)
# What must be refused in a field, by its name; every other field is an amount.
_BAD: dict[str, tuple[object, ...]] = {
    "account": ("nobody", "nobody", "", 7),
    "market": (_NO_MARKET, _NO_MARKET, "", 7),
    "mode": ("both", "Cross", 7),
    "time": _BAD_INTEGERS,
    "leverage": _BAD_INTEGERS,
}

_AMOUNTS = ("size", "price")  # of a trade or a fill: the events with two amounts

Weighted = tuple[float, Callable[[], EventData | None]]  # how often a move is made, and the move
# Which events come next, each computed when it is asked for; None leaves one to the guide.
Plan = Iterator[EventData | None]


class Guide(Moves):
    """Proposes the next event for an engine, from what state the engine is in."""

    def __init__(self, random: Random, engine: Engine, optional: Container[str] = ()) -> None:
        """`optional` are the optional events that are proposed too."""
        super().__init__(random, engine)
        trader, market = TraderMoves(random, engine), MarketMoves(random, engine)
        self._trader, self._market_moves = trader, market
        self._weights: Mapping[str, float] = {}
        self._plan: Plan = iter(())
        self.moves: dict[str, Weighted] = {
            "deposit": (10, trader.deposit),
            "withdraw": (5, trader.withdraw),
            "transfer": (8, trader.transfer),
            "open_or_increase": (20, trader.open_or_increase),
            "equal_margins": (8, trader.equal_margins),
            "reduce": (9, trader.reduce),
            "mark": (24, market.mark),
            "marks": (8, market.marks),
            "funding": (7, market.funding),
            "block": (14, market.block),
            "vault_trade": (2, market.vault_trade),
            "vault_cash": (1, market.vault_cash),
            "order_of_nobody": (2, market.order_of_nobody),
            "malformed": (5, self._malformed),
        }
        self._types = [kind for kind in EVENTS if kind not in OPTIONAL or kind in optional]
        self._optional = [kind for kind in self._types if kind in OPTIONAL]
        self._plainly = separate_source(random, "plainly malformed")
        self._asked = [move for kind, move in market.optional().items() if kind in optional]
        if engine.venue.forms_marks:
            self._asked += self._asked[1:] * 3  # mostly inputs of the marks
        self._account_moves = AccountMoves(separate_source(random), engine, optional)
        self._chunk_moves = ChunkMoves(separate_source(random, "chunks"), engine)
        self._block_moves = BlockMoves(separate_source(random, "blocks"), engine)
        self._tiny_moves = TinyMoves(separate_source(random, "tiny"), engine)

    def vary(self, weights: Mapping[str, float], scale: int, pauses: tuple[int, ...], plan: Plan) -> None:
        """Make moves more or less often, by these factors; propose names that are nearly right; follow a plan first.

        `scale` multiplies what is deposited, and `pauses` are the milliseconds between two blocks.
        """
        self._weights, self._plan = weights, plan
        self._trader.scale, self._trader.careful, self._market_moves.pauses = scale, True, pauses
        self.moves["nearly"] = (3, self._nearly)

    def next_event(self) -> EventData:
        """The next event as plain data; now and then one that must be refused."""
        return next(self._plan, None) or self._by_chance()

    def _by_chance(self) -> EventData:
        for moves in (self._block_moves, self._chunk_moves, self._tiny_moves, self._account_moves):
            if (event := moves.now_and_then()) is not None:
                return event
        if self._asked and self._chance(0.4 if self._venue.forms_marks else 0.1):
            return self._random.choice(self._asked)()
        if working := self._state.working_orders():
            event = self._while_working(working)
        elif any(pool.in_liquidation for pool in self._state.pools()):
            event = self._while_waiting()
        if event is not None:
            return event
        if self._chance(0.8) and not self._open():  # without a position almost nothing can happen
            return self._trader.open_or_increase()
        if not working and self._chance(0.3) and self._market_moves.exact():
            return self._market_moves.funding()
        while event is None:
            event = self._chosen(self.moves)
        return event

    def _chosen(self, moves: Mapping[str, Weighted]) -> EventData | None:
        """One of the moves, by their weights; None if it does not apply at present."""
        weights = [weight * self._weights.get(name, 1) for name, (weight, _) in moves.items()]
        return self._random.choices([move for _, move in moves.values()], weights)[0]()

    def _while_working(self, working: list[Position]) -> EventData | None:
        """What the market does with an order, and now and then what is refused while it works."""
        trader, market = self._trader, self._market_moves
        moves: dict[str, Weighted] = {
            "execution": (66, lambda: market.execution(working)),
            "mark": (7, market.mark),
            "reduce": (3, trader.reduce),
            "trade_what_the_vault_took": (2, trader.trade_what_the_vault_took),
            "block_too_soon": (2, market.block_too_soon),
            "any": (20, lambda: None),
        }
        return self._chosen(moves)

    def _while_waiting(self) -> EventData | None:
        """What is otherwise rare: a liquidation over several blocks, and what its trader does about it between them."""
        trader, market = self._trader, self._market_moves
        moves: dict[str, Weighted] = {
            "block": (30, market.block),
            "reduce": (18, trader.reduce),
            "rescue": (8, trader.rescue),
            "increase_in_trouble": (4, trader.increase_in_trouble),
            "mark": (12, market.mark),
            "any": (28, lambda: None),
        }
        return self._chosen(moves)

    def execution(self) -> EventData | None:
        """What the market does with a working order; None if none is working."""
        working = self._state.working_orders()
        return self._market_moves.execution(working) if working else None

    def _malformed(self) -> EventData:
        """An otherwise possible event with one or two fields that must be refused."""
        trader, market = self._trader, self._market_moves
        trades = (trader.open_or_increase, market.vault_trade)
        choices = (*trades, trader.deposit, trader.transfer, trader.withdraw, market.mark, market.block)
        return self.corrupt(self._random.choice(choices)() or trader.open_or_increase())

    def _nearly(self) -> EventData:
        """A deposit or a new mark, of a name that is nearly one of the run, and mostly none of it."""
        field = self._random.choice(("account", "market"))
        event = self._trader.deposit() if field == "account" else self._market_moves.mark()
        return {**event, field: nearly(self._random, event[field])}

    def stray(self) -> EventData:
        """An event of any kind, all kinds alike, with a field that must be refused; or a fill of no order."""
        if self._chance(0.2):
            nobody = self._market_moves.order_of_nobody()
            market = self._venue.markets[nobody["market"]]
            fill = {**nobody, "type": "fill", "size": market.size.text(1), "price": self._near_mark(market, 0)}
            return fill if self._chance(0.3) else self.corrupt(fill)
        moves = [move for _, move in self.moves.values()]
        event = self._random.choice(moves)() or self.next_event()
        return {**event, "time": -1} if "time" in event and self._chance(0.5) else self.corrupt(event)

    def of_any_type(self) -> EventData:
        """An event of any type, all types alike, an example of its record or its checks with names of the run; mostly
        with a field that must be refused. Where there are optional events, it is one of them in every other run.
        """
        kind, market = self._random.choice(self._types), self._market()
        named = {
            "account": self._account().name,
            "market": market.name,
            "prices": {market.name: self._near_mark(market, 0)},
        }
        if self._optional and self._plainly.random() < 0.5:
            return self._plainly_malformed(named)
        given = _example(self._random, kind, named)
        return {"type": kind, **(given if self._chance(0.1) else self.corrupt(given))}

    def _plainly_malformed(self, named: EventData) -> EventData:
        """An optional event with names of the run, and one field that is wrong in the plainest way, or none."""
        random, state = self._plainly, self._state
        kind = random.choice(self._optional)
        if state.settled:
            named = {**named, "market": random.choice(sorted(state.settled))}
        price = self._near_mark(self._venue.markets[named["market"]], 0)
        event = _example(random, kind, {**named, "price": price})
        name = random.choice(sorted(event))
        return {"type": kind, **event, name: random.choice((*_BAD.get(name, (_OFF_GRID, "0"))[:2], 7, event[name]))}

    def corrupt(self, event: EventData) -> EventData:
        """The event with one or two fields that must be refused; of two, the order of the checks decides (EVT-2)."""
        event = dict(event)
        names, count = sorted(event), self._random.choice((1, 1, 2, 2))
        alike = [name for name in names if name in ("account", "market")], [name for name in names if name in _AMOUNTS]
        if count == 2 and self._chance(0.6):  # which of two unknown names, or of two bad amounts, is reported
            names = self._random.choice([pair for pair in alike if len(pair) == 2] or [names])
        for name in self._random.sample(names, k=min(count, len(names))):
            if is_decimal(event[name]) and self._plainly.random() < 0.2:
                event[name] = _next_decimal(event[name])
            else:
                event[name] = self._bad_prices(event[name]) if name == "prices" else self._bad(name)
        return event

    def _bad_prices(self, prices: object) -> object:
        """Prices of which one or two are bad, or of a market that is not there."""
        if not isinstance(prices, dict) or self._chance(0.2):
            return None
        markets = self._random.sample([*prices, _NO_MARKET], k=self._random.choice((1, 2)))
        bad = {market: "1" if market not in prices else self._random.choice(_BAD_AMOUNTS) for market in markets}
        return {**prices, **bad}

    def _bad(self, name: str) -> object:
        return "liquidate" if name == "type" else self._random.choice(_BAD.get(name, _BAD_AMOUNTS))


def _next_decimal(amount: str) -> str:
    """The next number with as many decimals, which is off a grid of another step than a power of ten."""
    _, _, decimals = amount.partition(".")
    return decimal_text(Fraction(amount) + Fraction(1, 10 ** len(decimals)))


def _example(random: Random, kind: str, named: EventData) -> EventData:
    """An example of an event's record or of one of its checks, with these names and values."""
    examples = [{}, *(check.example[1] for check in CHECKS[kind] if check.example)]
    fields = {**EVENTS[kind].example, **random.choice(examples)}
    return {name: named.get(name, value) for name, value in fields.items() if value is not None}
