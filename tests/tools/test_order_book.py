"""The ladder of a scenario's book (SCN-3), level by level."""

import pytest

from liqspec.core.engine import Engine
from liqspec.core.events import Event, Fill, OrderDone
from liqspec.replay.order_book import Ladder, next_execution
from liqspec.spec.scenarios import Level
from support.builders import apply, mark, small_engine, trade


def ladder(*levels: tuple[str, str]) -> Ladder:
    """The ladder of market A with these levels: distance and size."""
    book_levels = tuple(Level(distance=distance, size=size) for distance, size in levels)
    return Ladder.of(small_engine(), "A", book_levels)


def in_liquidation(size: str, price: str) -> Engine:
    """A run in which alice's position of this size has a working order, at this mark."""
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount=str(25 * abs(int(size))))
    trade(engine, size, leverage=5)
    mark(engine, price)
    return engine


def test_a_level_may_be_at_the_mark_itself() -> None:
    assert ladder(("0", "3")).take(5, 100, selling=True) == (3, 100)


def test_the_nearest_level_is_taken_first_up_to_what_rests() -> None:
    book = ladder(("20", "2"), ("10", "4"))
    taken = [book.take(3, 100, selling=False) for _ in range(4)]
    assert taken == [(3, 110), (1, 110), (2, 120), None]


def test_who_sells_takes_bids_and_who_buys_takes_asks() -> None:
    book = ladder(("10", "4"))
    assert book.take(4, 100, selling=True) == (4, 90)
    assert book.take(4, 100, selling=True) is None
    assert book.take(4, 100, selling=False) == (4, 110)


@pytest.mark.parametrize("selling", [True, False])
def test_a_block_refills_either_side_by_itself(selling: bool) -> None:
    book = ladder(("10", "4"))
    assert book.take(4, 100, selling=selling) is not None
    book.begin_block()
    assert [book.take(4, 100, selling=side) for side in (selling, not selling)].count(None) == 0
    assert book.take(4, 100, selling=selling) is None


def test_nothing_rests_at_a_price_of_zero() -> None:
    book = ladder(("10", "4"))
    assert book.take(1, 10, selling=True) is None
    assert book.take(1, 11, selling=True) == (1, 1)


@pytest.mark.parametrize(("size", "price", "executed"), [("1", "80", "70"), ("-1", "120", "130"), ("10", "80", "70")])
def test_a_long_of_any_size_sells_below_the_mark_and_a_short_buys_above_it(
    size: str, price: str, executed: str
) -> None:
    engine = in_liquidation(size, price)
    execution = next_execution(engine, {"A": ladder(("10", "99"))})
    assert execution == Fill("alice", "A", "cross", size.lstrip("-"), executed)


def test_an_order_that_finds_nothing_is_done_and_no_order_is_nothing() -> None:
    assert next_execution(in_liquidation("10", "80"), {"A": ladder()}) == OrderDone("alice", "A", "cross")
    assert next_execution(in_liquidation("10", "80"), {"B": ladder(("10", "4"))}) is None
    assert next_execution(in_liquidation("10", "99"), {"A": ladder(("10", "4"))}) is None


@pytest.mark.parametrize(
    ("distance", "execution"),
    [("8", Fill("alice", "A", "cross", "10", "80")), ("9", OrderDone("alice", "A", "cross"))],
)
def test_an_order_takes_no_level_beyond_its_limit(distance: str, execution: Event) -> None:
    """LIQ-17: at 88 the limit is 80, and the order is for all 10."""
    engine = small_engine(liquidation={"order_price": "bankruptcy"})
    apply(engine, "deposit", account="alice", amount="200")
    trade(engine, "10", leverage=5)
    mark(engine, "88")
    assert next_execution(engine, {"A": ladder((distance, "99"))}) == execution
