"""Which steps there are: every event at every shape of the pools that it is about, with each of its targets."""

from collections.abc import Iterator
from itertools import combinations, islice, product
from math import ceil

from attrs import frozen

from liqspec.core.config import Mode
from liqspec.proofs.inductive.covered import ASSESSMENT, SIZING, WITHOUT_KEYS
from liqspec.proofs.inductive.unknown import Shape, ended, middle_shapes, shapes

MARKETS = "ABCDEFGH"
_AT_ONCE = (1_000, 1_000, 250, 100)  # steps of a part, by the number of keys: what an interruption can lose

# What goes over all pools; any other event reads and writes no account or pool but those that it names.
OVER_ALL = frozenset({"mark_price", "marks", "funding", "settle", "price_inputs", "block"})


@frozen
class Step:
    """One event type at one shape of the pool that it is about; None is an isolated pool that was never used.

    A part of events stands like an event type. `markets` are those that the event names, `leverage` whether a trade
    has one. `other` is a second pool, of the same account or of account b.
    """

    kind: str
    mode: Mode = "cross"
    shape: Shape | None = None
    markets: str = ""
    leverage: bool = False
    other: "Other | None" = None

    @property
    def local(self) -> bool:
        """Whether the event reads and writes nothing but the pools that it names."""
        return self.kind not in OVER_ALL

    @property
    def has_bystander(self) -> bool:
        """Whether the second pool is one that the event must leave alone, real and not unreadable."""
        return self.local and self.other is not None and self.kind != "transfer"

    def __str__(self) -> str:
        """Such as `fill of A, cross [in liquidation: A liquidatable with an order]`."""
        named = f" of {', '.join(self.markets)}" if self.markets else ""
        around = f" next to {self.other}" if self.other is not None else ""
        return f"{self.kind}{named}, {self.mode} [{self.shape or 'never used'}]{around}"


@frozen
class Other:
    """A second pool; an isolated one without a shape was never used."""

    account: str
    mode: Mode
    shape: Shape | None

    def __str__(self) -> str:
        """Such as `a isolated [A healthy]`."""
        return f"{self.account} {self.mode} [{self.shape or 'never used'}]"


def pairs(kind: str) -> Iterator[Step]:
    """Every step of an event over all pools at two pools with one key each: of one account, and of two accounts."""
    markets = "" if kind == "block" else "A"
    for shape, second in product(shapes("A"), shapes("A")):
        for other in (Other("a", "isolated", second), Other("b", "cross", second)):
            yield Step(kind, "cross", shape, markets, other=other)


def steps(kind: str, keys: int) -> Iterator[Step]:
    """Every step of an event type with this number of keys in the pool that it is about, or in the larger of two.

    An isolated pool has one key at most.
    """
    if kind in WITHOUT_KEYS:
        if keys == 0:
            yield Step(kind, markets="A" if kind == "vault_trade" else "")
        return
    markets = MARKETS[:keys]
    modes: tuple[Mode, ...] = ("cross", "isolated") if keys <= 1 else ("cross",)
    if kind == SIZING:
        for mode, shape in product(modes, shapes(markets)):
            yield from (Step(kind, mode, shape, name) for name, one in shape.kinds if not ended(one.state))
        return
    if kind == ASSESSMENT:
        yield from (Step(kind, mode, shape) for mode, shape in product(modes, middle_shapes(markets)))
        return
    if kind == "transfer":
        pairs = product(shapes(markets), (None, *shapes(""), *(shapes("A") if keys else ())))
        for shape, other in (*pairs, *(product(shapes(""), shapes("A")) if keys == 1 else ())):
            yield Step(kind, "cross", shape, "A", other=Other("a", "isolated", other))
        return
    for shape in shapes(markets):
        yield from _of_pool(kind, "cross", shape, keys)
    if keys > 1 or kind in ("deposit", "withdraw"):
        return
    for isolated in (None, *shapes("")) if keys == 0 else shapes("A"):
        if isolated is not None or kind in ("trade", "fill", "order_done", "adjust", "leverage"):
            yield from _of_pool(kind, "isolated", isolated, 1)


def parts(kind: str, keys: int) -> int:
    """In how many parts the steps of an event type are proved, each by itself."""
    return ceil(sum(1 for _ in steps(kind, keys)) / _AT_ONCE[keys]) or 1


def part_of(kind: str, keys: int, part: int) -> Iterator[Step]:
    """The steps of one part."""
    return islice(steps(kind, keys), part * _AT_ONCE[keys], (part + 1) * _AT_ONCE[keys])


def _of_pool(kind: str, mode: Mode, shape: Shape | None, keys: int) -> Iterator[Step]:
    markets = MARKETS[:keys]
    match kind:
        case "deposit" | "withdraw" | "block":
            yield Step(kind, mode, shape)
        case "adjust":
            yield Step(kind, mode, shape, "A" if mode == "isolated" else "")
        case "trade":
            for market in markets if mode == "isolated" else MARKETS[: keys + 1]:
                yield Step(kind, mode, shape, market)
                yield Step(kind, mode, shape, market, leverage=True)
        case "marks":
            for size in range(1, keys + 1):
                for named in combinations(markets, size):
                    yield Step(kind, mode, shape, "".join(named))
        case "leverage":
            for market in markets if mode == "isolated" else MARKETS[: keys + 1]:
                yield Step(kind, mode, shape, market, leverage=True)
        case _:
            for market in markets:
                yield Step(kind, mode, shape, market)
