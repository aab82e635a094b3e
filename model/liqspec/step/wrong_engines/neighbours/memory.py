"""Neighbours in what a run remembers: what an event wrongly forgets, or keeps where it must be forgotten."""

from collections.abc import Callable, Iterable, Iterator
from itertools import starmap
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from attrs import evolve, frozen

from liqspec.core import admission, assessment, changes
from liqspec.core.admission import Amounts
from liqspec.core.effects import Effect
from liqspec.core.events import (
    EVENTS,
    Block,
    Event,
    Fill,
    Leverage,
    MarkPrice,
    Marks,
    OrderDone,
    PriceInputs,
    Settle,
    Trade,
)
from liqspec.core.families.mark_price import INPUTS, Average, Feed, Quotes, limited
from liqspec.core.machine import lifecycle
from liqspec.core.refusals import InsufficientMargin, NoPrice, Refusal
from liqspec.core.state import Pool, Position, State, Window
from liqspec.edge.texts import words
from liqspec.step.wrong_engines.base import ADMIT, PERFORM, Patch, WrongEngine

_LEAVE, _END = assessment.leave_liquidation, Position.end_life
_CURRENT, _KEEP, _SAMPLE, _ADD = Feed.current, Feed.keep, Feed.sample, Average.add
_INCREASE, _WORKING, _BEGIN = changes.increase, Pool.order_working, Window.begin_block
_NARROW = (1, 2, 3, 4, 5, 6, 7, 8)  # bits of a block's number


@frozen(eq=False)
class _Memory:
    """Something remembered: in which attributes, what they are without it, and the rule that says how long it stays."""

    name: str
    rule: str
    paths: tuple[str, ...]
    blank: Callable[[], tuple[Any, ...]]

    def read(self, holder: object) -> tuple[Any, ...]:
        """What a position, a pool, an account or a feed remembers of it."""
        return tuple(attrgetter(path)(holder) for path in self.paths)

    def write(self, holder: Any, values: Iterable[Any]) -> None:
        """Make it remember that."""
        for path, value in zip(self.paths, values, strict=True):
            owner, _, name = path.rpartition(".")
            setattr(attrgetter(owner)(holder) if owner else holder, name, value)

    def is_there(self, holder: object) -> bool:
        """Whether there is something to forget."""
        return self.read(holder) != self.blank()


_WINDOWS = (
    _Memory("window", "CLD-4", ("window.until", "window.forcing_until"), lambda: (0, 0)),
    _Memory("window as it was when the block began", "CLD-4", ("window.forcing_until",), lambda: (0,)),
)
_ATTEMPTS = (
    _Memory("attempt", "LIQ-12", ("attempted",), lambda: (False,)),
    _Memory("failed attempt", "BKS-2", ("failed",), lambda: (False,)),
    _Memory("attempt and whether it failed", "LIQ-12", ("attempted", "failed"), lambda: (False, False)),
)
_ORDER = _Memory("order", "LIQ-9", ("order", "limit"), lambda: (None, None))
_LIQUIDATION = _Memory("liquidation", "LIQ-4", ("in_liquidation",), lambda: (False,))
# Inputs that an engine may hold as one, so that a new one replaces the others.
_TOGETHER = (
    ("price", INPUTS),
    ("price of the book", ("best_bid", "best_ask")),
    ("price of the book or last trade", ("best_bid", "best_ask", "last")),
)
_OF_FEEDS = (
    _Memory("inputs", "MRK-2", ("given",), lambda: ({},)),
    _Memory("averages", "MRK-5", ("basis", "book"), lambda: (Average(), Average())),
)

# Events that end orders, and the rules by which they do.
_ENDS: tuple[tuple[type[Event], str], ...] = (
    (Settle, "EVT-11"),
    (Fill, "FIL-3"),
    (OrderDone, "FIL-5"),
    (MarkPrice, "LIQ-9"),
    (Marks, "LIQ-9"),
)

# Events that set a mark as it is, and the rules by which they do.
_SETTING: tuple[tuple[type[Settle | MarkPrice | Marks], str], ...] = (
    (Settle, "EVT-11"),
    (MarkPrice, "EVT-5"),
    (Marks, "EVT-5"),
)

# What can be forgotten or kept, and of what: of which position, pool or account, or of those in which situation.
_What = tuple[_Memory, str]
_Held = dict[tuple[_Memory, int], tuple[Any, ...]]  # by the memory, and the identity of what holds it


def neighbours(run: Callable[[], object]) -> Iterator[WrongEngine]:
    """The engines that forget something which this run remembers, or keep what it forgets."""
    forgotten, refused, kept = _seen(run)
    for kind, what in forgotten:
        yield _forgetting(kind, what)
    for kind, what in refused:
        yield _forgetting_where_refused(kind, what)
    for every, what in kept:
        yield _keeping(every, what)
    yield from map(_surviving, (*_WINDOWS, *_ATTEMPTS))
    yield from map(_surviving_until_opened, _WINDOWS)
    yield from map(_keeping_where_turned, (*_WINDOWS, *_ATTEMPTS))
    yield from map(_keeping_failures, lifecycle().table.states)
    yield from map(_attempting_by_number, _NARROW)
    for kind in (Trade, Leverage):
        yield from (_leaving_leverage(kind, refusal) for refusal in (Refusal, InsufficientMargin))
    yield _forcing_at_the_end()
    yield from starmap(_counting_ended_orders, _ENDS)
    yield from _of_inputs()


def _holders(event: Event, state: State, touched: list[Pool]) -> Iterator[tuple[_What, Any]]:
    """All that an event can forget of what a state remembers, with what holds it."""
    account, market, mode = (getattr(event, name, None) for name in ("account", "market", "mode"))
    for pool, position in state.positions():
        if account in (None, pool.account):
            own = market in (None, position.market.name) and mode in (None, pool.mode)
            near = any(pool is one for one in touched) or mode == pool.mode == "cross"
            place = "the position" if own else "the others of its pool" if near else "the account's other pools"
            for where in (place, f"{place} in state {words(position.state)}"):
                yield from (((one, where), position) for one in (*_WINDOWS, *_ATTEMPTS, _ORDER))
            if position.order is None:
                yield from (((one, f"{place} without a working order"), position) for one in _ATTEMPTS)
    for pool in state.pools():
        if account in (None, pool.account):
            own = any(pool is one for one in touched) or (mode == pool.mode and pool.market in (None, market))
            place = "the pool" if own else "the account's other pools"
            flat = "where it has positions" if pool.open_positions() else "where it has no position"
            for where in (place, f"{place} {flat}"):
                yield from (((one, where), pool) for one in (*_WINDOWS, _LIQUIDATION))
    for name, owner in state.accounts.items():
        if account in (None, name):
            for where in ("the account", *([f"the account of a position that is {mode}"] if mode else [])):
                yield from (((one, where), owner) for one in _WINDOWS)
    for name, feed in state.feeds.items():
        if market in (None, name):
            yield from (((one, "the market"), feed) for one in _OF_FEEDS)


def _ending(state: State) -> Iterator[tuple[_What, Any]]:
    """All that the rules end at some time, with what holds it."""
    for _, position in state.positions():
        for where in ("a position", f"a position in state {words(position.state)}"):
            yield from (((one, where), position) for one in (*_WINDOWS, *_ATTEMPTS))
    yield from (((one, "a pool"), pool) for pool in state.pools() for one in _WINDOWS)
    yield from (((one, "an account"), account) for account in state.accounts.values() for one in _WINDOWS)


def _held(state: State) -> _Held:
    """What a state remembers of all that the rules end at some time."""
    return {(what[0], id(holder)): what[0].read(holder) for what, holder in _ending(state) if what[0].is_there(holder)}


def _ended(state: State, before: _Held) -> Iterator[tuple[_What, Any]]:
    """What is not remembered any more of what was held before."""
    for what, holder in _ending(state):
        if (what[0], id(holder)) in before and not what[0].is_there(holder):
            yield what, holder


Forgotten = dict[tuple[type[Event], _What], None]  # in the order in which they were seen


def _seen(run: Callable[[], object]) -> tuple[Forgotten, Forgotten, dict[tuple[type[Event] | None, _What], None]]:
    """What a run has to forget after accepted events, and refused ones, of each kind, and what it forgets."""
    forgotten: Forgotten = {}
    refused: Forgotten = {}
    kept: dict[tuple[type[Event] | None, _What], None] = {}

    patches = []
    for kind in EVENTS.values():

        def perform(
            event: Any, state: State, amounts: Amounts, effects: list[Effect], kind: type[Event] = kind
        ) -> list[Pool]:
            before = _held(state)
            touched = PERFORM[kind](event, state, amounts, effects)
            for what, _ in _ended(state, before):
                kept[kind, what] = kept[None, what] = None
            forgotten.update(
                {(kind, what): None for what, one in _holders(event, state, touched) if what[0].is_there(one)}
            )
            return touched

        def admit(event: Any, state: State, kind: type[Event] = kind) -> Amounts:
            try:
                return ADMIT[kind](event, state)
            except Refusal:
                if getattr(event, "account", None) in (None, *state.accounts):
                    refused.update(
                        {(kind, what): None for what, one in _holders(event, state, []) if what[0].is_there(one)}
                    )
                raise

        patches += [Patch(kind, "perform", perform), Patch(kind, "admit", admit)]
    with WrongEngine("", "", "", tuple(patches)).applied():
        run()
    return forgotten, refused, kept


def _forget(event: Event, state: State, touched: list[Pool], wanted: _What) -> None:
    for what, holder in _holders(event, state, touched):
        if what == wanted:
            what[0].write(holder, what[0].blank())


def _forgetting(kind: type[Event], what: _What) -> WrongEngine:
    def perform(event: Any, state: State, amounts: Amounts, effects: list[Effect]) -> list[Pool]:
        touched = PERFORM[kind](event, state, amounts, effects)
        _forget(event, state, touched, what)
        return touched

    memory, where = what
    title = f"{kind.type} forgets the {memory.name} of {where}"
    rule = memory.rule
    if kind is Fill and memory in _WINDOWS:
        rule = "CLD-1"  # it opens none
    elif kind is Block and memory is _LIQUIDATION:
        rule = "EVT-9"  # what a block ends
    return WrongEngine(title, rule, title, (Patch(kind, "perform", perform),))


def _forgetting_where_refused(kind: type[Event], what: _What) -> WrongEngine:
    """EVT-3."""

    def admit(event: Any, state: State) -> Amounts:
        try:
            return ADMIT[kind](event, state)
        except Refusal:
            _forget(event, state, [], what)
            raise

    title = f"a refused {kind.type} forgets the {what[0].name} of {what[1]}"
    return WrongEngine(title, "EVT-3", title, (Patch(kind, "admit", admit),))


def _keeping(kind: type[Event] | None, wanted: _What) -> WrongEngine:
    """That which ends in what an event says, kept: of one kind of event, or of every kind."""
    memory, where = wanted

    def patch(kind: type[Event]) -> Patch:
        def perform(event: Any, state: State, amounts: Amounts, effects: list[Effect]) -> list[Pool]:
            before = _held(state)
            touched = PERFORM[kind](event, state, amounts, effects)
            for what, holder in _ended(state, before):
                if what == wanted:
                    memory.write(holder, before[memory, id(holder)])
            return touched

        return Patch(kind, "perform", perform)

    title = f"{'an event' if kind is None else kind.type} that ends the {memory.name} of {where} keeps it"
    patches = tuple(patch(one) for one in (EVENTS.values() if kind is None else (kind,)))
    return WrongEngine(title, memory.rule, title, patches)


def _surviving(memory: _Memory) -> WrongEngine:
    """LIF-2: what a position has of one life is there in the next one, however the first one ended."""

    def end_life(position: Position) -> None:
        had = memory.read(position)
        _END(position)
        memory.write(position, had)

    title = f"the {memory.name} of a position outlasts its life"
    return WrongEngine(title, "LIF-2", title, (Patch(Position, "end_life", end_life),))


def _surviving_until_opened(memory: _Memory) -> WrongEngine:
    """CLD-4: the window stays when a life ends; the next life then begins with a part of it."""

    def end_life(position: Position) -> None:
        window = position.window
        _END(position)
        position.window = window

    def increase(state: State, pool: Pool, position: Position, *given: Any) -> None:
        opened, had = not position.size, memory.read(position)
        if opened:
            position.window = Window()
            memory.write(position, had)
        _INCREASE(state, pool, position, *given)

    title = f"a new life of a position begins with the last one's {memory.name}"
    return WrongEngine(
        title, memory.rule, title, (Patch(Position, "end_life", end_life), Patch(changes, "increase", increase))
    )


def _keeping_where_turned(memory: _Memory) -> WrongEngine:
    """ACC-16: the life that a trade begins by turning a position round has something of the one that it ends."""

    def perform(event: Trade, state: State, amounts: Amounts, effects: list[Effect]) -> list[Pool]:
        position = state.position(event.account, event.market, event.mode)
        life, had = (0, ()) if position is None else (position.life, memory.read(position))
        touched = PERFORM[Trade](event, state, amounts, effects)
        if position is not None and had and position.life != life and amounts["size"] != position.size:
            memory.write(position, had)
        return touched

    title = f"a position that a trade turns round keeps its {memory.name}"
    return WrongEngine(title, "ACC-16", title, (Patch(Trade, "perform", perform),))


def _forcing_at_the_end() -> WrongEngine:
    """CLD-2: the last moment of a window is part of it for the size of orders, and for nothing else."""

    def begin_block(window: Window, now: int) -> None:
        until = window.until
        _BEGIN(window, now)
        window.forcing_until = until if now <= until else 0

    def forces(window: Window, now: int) -> bool:
        return 0 < window.forcing_until >= now

    title = "a window forces full size at its end too"
    patches = Patch(Window, "begin_block", begin_block), Patch(Window, "forces_full_size", forces)
    return WrongEngine(title, "CLD-2", title, patches)


def _counting_ended_orders(kind: type[Event], rule: str) -> WrongEngine:
    """A pool of which an event of this kind ends the last order counts as one with a working order from then on."""
    counted: WeakSet[Pool] = WeakSet()

    def perform(event: Any, state: State, amounts: Amounts, effects: list[Effect]) -> list[Pool]:
        working = [pool for pool in state.pools() if _WORKING(pool)]
        touched = PERFORM[kind](event, state, amounts, effects)
        for pool in working:
            if not _WORKING(pool):
                counted.add(pool)
        return touched

    def order_working(pool: Pool) -> bool:
        return pool in counted or _WORKING(pool)

    title = f"an order that {kind.type} ends counts as working"
    patches = (Patch(kind, "perform", perform), Patch(Pool, "order_working", order_working))
    return WrongEngine(title, rule, title, patches)


def _keeping_failures(state: str) -> WrongEngine:
    """BKS-2: a pool that leaves liquidation forgets what failed, except for positions in one state."""

    def leave(pool: Pool, rule: str, effects: list[Effect]) -> None:
        failed = [held for held in pool.positions.values() if held.failed and held.state == state]
        _LEAVE(pool, rule, effects)
        for position in failed:
            position.failed = True

    title = f"the failed attempt of a position in state {words(state)} is kept when its pool leaves liquidation"
    return WrongEngine(title, "BKS-2", title, (Patch(assessment, "leave_liquidation", leave),))


def _attempting_by_number(bits: int) -> WrongEngine:
    """LIQ-12: an attempt is not forgotten at a block, but known by the number of its block in a few bits."""
    last: WeakKeyDictionary[State, dict[int, int]] = WeakKeyDictionary()

    def perform(event: Block, state: State, amounts: Amounts, effects: list[Effect]) -> list[Pool]:
        attempts = last.setdefault(state, {})
        attempts.update({id(held): state.block for _, held in state.positions() if held.attempted})
        touched = PERFORM[Block](event, state, amounts, effects)
        for _, position in state.positions():
            attempted = attempts.get(id(position))
            position.attempted = attempted is not None and (state.block - attempted) % 2**bits == 0
        return touched

    title = f"an attempt is known by the number of its block in {bits} bits"
    return WrongEngine(title, "LIQ-12", title, (Patch(Block, "perform", perform),))


def _leaving_leverage(kind: type[Trade | Leverage], refusal: type[Refusal]) -> WrongEngine:
    """EVT-3: the leverage that an event would have made is left where it is refused, for any reason or for this one."""

    def admit(event: Any, state: State) -> Amounts:
        try:
            return ADMIT[kind](event, state)
        except refusal:
            held = state.position(event.account, event.market, event.mode) if event.account in state.accounts else None
            if held is not None and held.size and event.leverage is not None:
                held.leverage = event.leverage
            raise

    why = "" if refusal is Refusal else f" for {words(refusal.code)}"
    title = f"a {kind.type} that is refused{why} leaves its leverage"
    return WrongEngine(title, "EVT-3", title, (Patch(kind, "admit", admit),))


def _of_inputs() -> Iterator[WrongEngine]:
    """What price inputs wrongly leave, replace or share (MRK-2): those of a refused event (EVT-3), the mark that was
    formed last (MRK-7), and no samples of earlier inputs that still count (MRK-5).
    """
    for names in (INPUTS, *((name,) for name in INPUTS)):
        yield _keeping_refused(names)
    yield _moving_from_the_last_formed()
    yield from (_sampling_fresh_inputs(at_first) for at_first in (True, False))
    yield _sampling_once()
    yield from map(_timed_otherwise, (True, False))
    yield _renewing()
    yield from (_replacing(what, names) for what, names in _TOGETHER)
    yield from map(_sharing, (_OF_FEEDS[:1], _OF_FEEDS[1:], _OF_FEEDS))
    yield from starmap(_limiting, _SETTING)
    yield from map(_keeping_set_marks, ("index", "last", "best_bid", "best_ask"))


def _keeping_refused(names: tuple[str, ...]) -> WrongEngine:
    def admit(event: PriceInputs, state: State) -> Amounts:
        try:
            return ADMIT[PriceInputs](event, state)
        except NoPrice:
            quotes = event.quotes(admission.admit_fields(event, state))
            others = {name: None for name in INPUTS if name not in names}
            state.feeds.setdefault(event.market, Feed()).keep(evolve(quotes, **others), state.time)
            raise

    title = f"a refused price_inputs leaves its {'inputs' if names == INPUTS else words(names[0])}"
    return WrongEngine(title, "EVT-3", title, (Patch(PriceInputs, "admit", admit),))


def _moving_from_the_last_formed() -> WrongEngine:
    formed: WeakKeyDictionary[State, dict[str, int]] = WeakKeyDictionary()

    def perform(event: PriceInputs, state: State, amounts: Amounts, effects: list[Effect]) -> list[Pool]:
        last = formed.setdefault(state, {})
        state.marks[event.market] = last.get(event.market, state.marks[event.market])
        touched = PERFORM[PriceInputs](event, state, amounts, effects)
        last[event.market] = state.marks[event.market]
        return touched

    title = "the largest move counts from the mark that was formed last"
    return WrongEngine(title, "MRK-7", title, (Patch(PriceInputs, "perform", perform),))


def _sampling_fresh_inputs(at_first: bool) -> WrongEngine:
    """MRK-5: an average gets no sample of inputs of earlier times; or only its first one."""

    def sample(feed: Feed, quotes: Quotes, now: int) -> None:
        old = {name: None for name in INPUTS if name in feed.given and feed.given[name][1] != now}
        fresh = evolve(quotes, **old)
        begun = feed.book.time is not None
        _SAMPLE(feed, quotes if at_first and not begun else fresh, now)

    title = f"an average gets no sample of earlier inputs{', except its first' if at_first else ''}"
    return WrongEngine(title, "MRK-5", title, (Patch(Feed, "sample", sample),))


def _sampling_once() -> WrongEngine:
    """MRK-5: of two samples at one time an average gets the first only."""

    def add(average: Average, sample: int, now: int, tau: int) -> None:
        if average.time != now:
            _ADD(average, sample, now, tau)

    title = "an average gets no second sample at one time"
    return WrongEngine(title, "MRK-5", title, (Patch(Average, "add", add),))


def _timed_otherwise(together: bool) -> WrongEngine:
    """MRK-5: the first sample of an average lasts since time 0; or both averages have the time of the latest sample."""

    def sample(feed: Feed, quotes: Quotes, now: int) -> None:
        times = [average.time for average in (feed.basis, feed.book) if average.time is not None]
        for average in (feed.basis, feed.book):
            if together and average.time is not None:
                average.time = max(times)
            elif not together and average.time is None:
                average.time = 0
        _SAMPLE(feed, quotes, now)

    title = "both averages have the time of the latest sample" if together else "a first sample lasts since time 0"
    return WrongEngine(title, "MRK-5", title, (Patch(Feed, "sample", sample),))


def _renewing() -> WrongEngine:
    """MRK-2: an earlier input that counts is from then on as fresh as the event in which it did."""

    def sample(feed: Feed, quotes: Quotes, now: int) -> None:
        counted = {name: (value, now) for name, (value, _) in feed.given.items() if getattr(quotes, name) == value}
        feed.given.update(counted)
        _SAMPLE(feed, quotes, now)

    title = "an earlier input that counts is as fresh as the event in which it does"
    return WrongEngine(title, "MRK-2", title, (Patch(Feed, "sample", sample),))


def _replacing(what: str, names: tuple[str, ...]) -> WrongEngine:
    """MRK-2: one of several inputs replaces all of them, so that the others of earlier times count no longer."""

    def replaced(quotes: Quotes) -> set[str]:
        given = {name for name in names if getattr(quotes, name) is not None}
        return set(names) - given if given else set()

    def current(feed: Feed, quotes: Quotes, *at: Any) -> Quotes:
        left = {name: value for name, value in feed.given.items() if name not in replaced(quotes)}
        return _CURRENT(evolve(feed, given=left), quotes, *at)

    def keep(feed: Feed, quotes: Quotes, now: int) -> None:
        for name in replaced(quotes):
            feed.given.pop(name, None)
        _KEEP(feed, quotes, now)

    title = f"a {what} of an event replaces each earlier one"
    return WrongEngine(title, "MRK-2", title, (Patch(Feed, "current", current), Patch(Feed, "keep", keep)))


def _sharing(memories: tuple[_Memory, ...]) -> WrongEngine:
    """MRK-2, MRK-5: all markets have one memory of inputs or averages."""

    def admit(event: PriceInputs, state: State) -> Amounts:
        first = next(iter(state.feeds.values()), None)
        if first is not None and event.market in state.venue.markets:
            feed = state.feeds.setdefault(event.market, Feed())
            for memory in memories:
                memory.write(feed, memory.read(first))
        return ADMIT[PriceInputs](event, state)

    title = f"all markets have one memory of {' and '.join(memory.name for memory in memories)}"
    return WrongEngine(title, memories[0].rule, title, (Patch(PriceInputs, "admit", admit),))


def _keeping_set_marks(name: str) -> WrongEngine:
    """MRK-2: a mark that is set counts as an input of its market later on."""

    def patch(kind: type[Event]) -> Patch:
        def perform(event: Any, state: State, amounts: Amounts, effects: list[Effect]) -> list[Pool]:
            touched = PERFORM[kind](event, state, amounts, effects)
            named = (event.market,) if isinstance(event, MarkPrice) else [market for market, _ in event.prices]
            for market in named:
                state.feeds.setdefault(market, Feed()).given[name] = (state.marks[market], state.time)
            return touched

        return Patch(kind, "perform", perform)

    title = f"a mark that is set is kept as the {words(name)} of its market"
    return WrongEngine(title, "MRK-2", title, tuple(map(patch, (MarkPrice, Marks))))


def _limiting(kind: type[Settle | MarkPrice | Marks], rule: str) -> WrongEngine:
    """The largest move holds for marks that are set too (MRK-7)."""

    def perform(event: Any, state: State, amounts: Amounts, effects: list[Effect]) -> list[Pool]:
        most = state.venue.max_move
        market = {"price": getattr(event, "market", "")}  # of events of one market
        cut = {name: limited(price, state.marks[market.get(name, name)], most) for name, price in amounts.items()}
        return PERFORM[kind](event, state, cut, effects)

    title = f"the largest move of a mark holds for {kind.type} too"
    return WrongEngine(title, rule, title, (Patch(kind, "perform", perform),))
