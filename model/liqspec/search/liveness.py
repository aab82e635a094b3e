"""How long a liquidation can take: the longest waits, in blocks, in the graph of an account's states.

The graph is explored once. A wait is then a way along steps in which the pool stays in liquidation; its length is the
number of its blocks. The states from which it can last k blocks are those from which, without a block, a block is
reached into a state from which it can last k - 1. Where these sets stop shrinking before they are empty, a wait has no
end, and following it leads into a loop.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from heapq import heapify, heappop, heappush
from itertools import count

from attrs import Factory, define, evolve, field, frozen

from liqspec.core.changes import measure
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.snapshot import Snapshot
from liqspec.core.state import Pool, State
from liqspec.edge import shapes
from liqspec.search.expand import Trail, canonical, events_of
from liqspec.search.moves import moves
from liqspec.spec.scopes import Scope

EXECUTIONS = ("fill", "order_done")  # by these the market ends an order


@frozen
class Waiting:
    """A pool in liquidation: whether it is below its backstop line, and by how many orders it would be closed.

    `orders` is counted as if every order were for a chunk (PRT-3).
    """

    below: bool
    orders: int


@frozen
class Step:
    """An accepted event and the number of the state after it. The time of a block is how much later it is."""

    event: EventData
    after: int

    @property
    def type(self) -> str:
        """The type of the event."""
        return str(self.event["type"])


@define
class Graph:
    """The states of one account by number, in the order in which they are met, with all accepted steps.

    `waiting` has the pools in liquidation of each state, by their keys; `way` the state before and the event between.
    """

    scope: Scope
    waiting: list[dict[str, Waiting]] = Factory(list)
    steps: list[list[Step]] = Factory(list)
    way: list[tuple[int, EventData] | None] = Factory(list)

    @property
    def pools(self) -> list[str]:
        """The keys of all pools that are in liquidation in some state."""
        return sorted({pool for state in self.waiting for pool in state})

    def events_to(self, number: int) -> list[EventData]:
        """The events after the setup that lead to a state, the first one first."""
        events: list[EventData] = []
        while (before := self.way[number]) is not None:
            number, event = before
            events.append(event)
        return events[::-1]


def graph_of(scope: Scope) -> Graph:
    """The graph of a scope of one account, judged by nothing.

    Up to the scope's depth everything happens that the scope has; from there on, only the orders of pools in
    liquidation are executed and blocks begin, until no pool is in liquidation: each liquidation is followed to its end.

    Raises:
        InvalidConfig: the scope's configuration is not a valid rule set.
        shapes.WrongShape: an event of its setup is refused.
    """
    graph, engine = Graph(scope), Engine(Config.from_json(scope.config))
    for event in scope.setup:
        if (refusal := apply_event(engine, event).refusal) is not None:
            raise shapes.WrongShape("setup", f"{event['type']} is refused: {refusal}")
    numbers: dict[bytes, int] = {}
    snapshots: deque[tuple[Snapshot, int]] = deque()

    def number_of(depth: int, way: tuple[int, EventData] | None) -> int:
        snapshot = engine.snapshot()
        form = canonical(snapshot, False)
        if depth >= scope.max_depth and form not in numbers:  # the marks rest, whatever their inputs are
            form = canonical(evolve(snapshot, feeds=None), False)
        number = numbers.setdefault(form, len(numbers))
        if number == len(graph.waiting):
            graph.waiting.append({pool.key: _waiting(engine.state, pool) for pool in _in_liquidation(engine)})
            graph.steps.append([])
            graph.way.append(way)
            snapshots.append((snapshot, depth))
        return number

    number_of(0, None)
    for number, (snapshot, depth) in enumerate(_taken(snapshots)):
        if depth >= scope.max_depth and not graph.waiting[number]:
            continue
        engine.restore(snapshot)
        for event in list(moves(scope, engine)):
            if depth >= scope.max_depth and event["type"] not in (*EXECUTIONS, "block"):
                continue
            engine.restore(snapshot)
            if apply_event(engine, event).code is None:
                kept = {**event, "time": event["time"] - snapshot.time} if event["type"] == "block" else event
                graph.steps[number].append(Step(kept, number_of(depth + 1, (number, kept))))
    return graph


def _taken(waiting: deque[tuple[Snapshot, int]]) -> Iterator[tuple[Snapshot, int]]:
    while waiting:
        yield waiting.popleft()


def _in_liquidation(engine: Engine) -> list[Pool]:
    return [pool for pool in engine.state.pools() if pool.in_liquidation]


def _waiting(state: State, pool: Pool) -> Waiting:
    inputs = measure(state, pool)
    below = pool.positions and next(iter(pool.positions.values())).below_backstop(inputs)
    return Waiting(bool(below), sum(_orders(state, abs(one.size)) for one in pool.open_positions()))


def _orders(state: State, lots: int) -> int:
    """How many orders close a position, if every one is for a chunk."""
    venue = state.venue
    if venue.partial_threshold is None:
        return 1
    if venue.partial_method not in (None, "fraction"):
        return lots  # each closes one lot at least
    orders, fraction = 0, venue.partial_fraction
    while lots:
        lots -= -(-lots * fraction.numerator // fraction.denominator)
        orders += 1
    return orders


@define
class Waits:
    """The states in which a pool waits, by how many blocks that can last: `layers[k]` for at least k of them.

    Where it can last for ever the last layer is the states from which it can.
    """

    graph: Graph
    pool: str
    inside: Callable[[Waiting], bool]
    allowed: Collection[str]  # the types of events on the way
    counted: Collection[str] = ("block",)  # those that are counted
    layers: list[frozenset[int]] = field(init=False)
    for_ever: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Find the layers."""
        every = enumerate(self.graph.waiting)
        layer = frozenset(at for at, pools in every if self.pool in pools and self.inside(pools[self.pool]))
        self.layers = [layer] if layer else []
        counted, before = [], dict[int, list[int]]()
        for at in sorted(layer):
            for step in self.graph.steps[at]:
                if step.type in self.allowed and step.after in layer:
                    if step.type in self.counted:
                        counted.append((at, step.after))
                    else:
                        before.setdefault(step.after, []).append(at)
        while layer:
            following = {at for at, after in counted if after in layer}
            waiting = list(following)
            while waiting:
                for at in before.get(waiting.pop(), ()):
                    if at not in following:
                        following.add(at)
                        waiting.append(at)
            if following == layer:
                self.for_ever = True
                return
            layer = frozenset(following)
            if layer:
                self.layers.append(layer)

    @property
    def blocks(self) -> int | None:
        """The longest wait; None if it has no end. 0 too where the pool never waits."""
        return None if self.for_ever else max(0, len(self.layers) - 1)

    def later_than(self, bound: Callable[[Waiting], int]) -> int | None:
        """The first state from which the pool can wait longer than a bound; None if it can nowhere."""
        for at in sorted(self.layers[0]) if self.layers else ():
            allowed = bound(self.graph.waiting[at][self.pool])
            layer = self.layers[min(allowed + 1, len(self.layers) - 1)]
            if at in layer and (self.for_ever or allowed + 1 < len(self.layers)):
                return at
        return None

    def story(self) -> tuple[list[EventData], list[EventData]]:
        """The shortest way to a longest wait, through it and out of it; where it has no end, what then repeats."""
        if not self.layers:
            return [], []
        left = len(self.layers) - 1
        begins = {at: self.graph.events_to(at) for at in sorted(self.layers[left])}
        if not self.for_ever:
            starts = [(len(events), at) for at, events in begins.items()]
            begin, events, _ = self._shortest(starts, left, lambda at: at not in self.layers[0])
            return [*begins[begin], *events], []
        best: tuple[list[EventData], list[EventData]] | None = None
        for begin, events in begins.items():
            if best is None or len(events) < len(best[0]) + len(best[1]) - 1:
                _, loop, closed = self._shortest([(0, begin)], 1, begin.__eq__)
                if closed and (best is None or len(events) + len(loop) < len(best[0]) + len(best[1])):
                    best = events, loop
        assert best is not None, "a wait without an end leads into a loop"
        return best

    def _shortest(
        self, starts: list[tuple[int, int]], left: int, ends: Callable[[int], bool]
    ) -> tuple[int, list[EventData], bool]:
        """The shortest way that makes `left` counted steps and ends, from the best of these starts; True, as it ends.

        A start comes with the length of the way to it. Where no way ends, the shortest one of as many counted steps.
        """
        serial = count()
        waiting: list[tuple[int, int, int, int, int, Trail]]
        waiting = [(length, next(serial), at, left, at, ()) for length, at in starts]
        heapify(waiting)
        met = set[tuple[int, int]]()
        found: tuple[int, Trail] = (starts[0][1], ())
        while waiting:
            length, _, at, left, begin, way = heappop(waiting)
            if left == 0 and way and (not found[1] or ends(at)):
                found = begin, way
                if ends(at):
                    return begin, events_of(way), True
            if (at, left) in met or at not in self.layers[0]:
                continue
            met.add((at, left))
            for step in self.graph.steps[at]:
                if step.type in self.allowed and (step.after in self.layers[0] or left == 0):
                    rest = max(0, left - 1) if step.type in self.counted else left
                    heappush(waiting, (length + 1, next(serial), step.after, rest, begin, (way, step.event)))
        return found[0], events_of(found[1]), False


def stuck(graph: Graph, pool: str) -> int | None:
    """The first state in which a pool is in liquidation and neither an order can be executed nor a block begin."""
    for at, (pools, steps) in enumerate(zip(graph.waiting, graph.steps, strict=True)):
        if pool in pools and not any(step.type in (*EXECUTIONS, "block") for step in steps):
            return at
    return None


def in_time(scope: Scope, events: list[EventData]) -> list[EventData]:
    """The events of a story as they are applied after a scope's setup, each block at its own time."""
    now = max([scope.config.get("time", 0), *(event["time"] for event in scope.setup if event["type"] == "block")])
    applied: list[EventData] = []
    for event in events:
        if event["type"] == "block":
            now += event["time"]
            applied.append({**event, "time": now})
        else:
            applied.append(event)
    return applied
