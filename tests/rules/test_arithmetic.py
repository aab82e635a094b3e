"""The arithmetic of the rules on a few numbers each, worked by hand: where small changes would go unseen elsewhere."""

import pytest

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding, Ratio, Schedule, Tier
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.parameters import InvalidConfig
from support.builders import TIERS, small_config

TENTH = Schedule(denominator=10, tiers=(Tier(above=0, rate=1, deduction=0, max_leverage=5),))
WHOLE = Schedule(
    denominator=10,
    tiers=(Tier(above=0, rate=1, deduction=0, max_leverage=5), Tier(above=100, rate=10, deduction=900, max_leverage=1)),
)


def holding(size: int, mark: int = 100, schedule: Schedule = TENTH) -> Holding:
    return Holding(size=size, cost=0, leverage=1, mark=mark, unit=1, schedule=schedule)


@pytest.mark.parametrize(
    ("before", "after", "safe"),
    [
        ((-1, 10), (-1, 5), True),  # below 0, and it did not fall
        ((-1, 10), (-2, 5), False),
        ((0, 10), (0, 5), True),
        ((0, 0), (0, 5), False),  # it was not breached
        ((0, 10), (-1, 5), False),
        ((1, 10), (0, 5), False),  # 0 of 5 is worse covered than 1 of 10
        ((2, 10), (1, 5), True),
    ],
)
def test_a_reduction_of_a_breached_pool(before: tuple[int, int], after: tuple[int, int], safe: bool) -> None:
    """ACC-9, 3 and 4: a position is left, and the pool is breached after it too."""
    assert arithmetic.reduction_is_safe(*before, *after, 1) is safe


@pytest.mark.parametrize(("size", "lots"), [(10, 7), (-10, 7), (3, 2), (1, 1)])
def test_a_chunk_of_two_thirds(size: int, lots: int) -> None:
    """PRT-3."""
    assert arithmetic.chunk(size, Ratio(2, 3)) == lots


@pytest.mark.parametrize(("size", "cost"), [(1, 1), (1, -1), (-1, -1), (-1, 1), (1, 0)])
def test_closing_one_lot_whole_releases_its_cost(size: int, cost: int) -> None:
    """MRG-9."""
    assert arithmetic.released_cost(size, cost, 1) == cost


@pytest.mark.parametrize(("size", "payment", "due"), [(3, 7, 105), (-3, 7, -105), (3, -7, -105)])
def test_funding_of_lots_of_five(size: int, payment: int, due: int) -> None:
    """EVT-6: 3 lots are a size of 15."""
    assert arithmetic.funding_due(size, payment, Ratio(5, 1)) == due


@pytest.mark.parametrize("size", [1, -1, 2, -2])
def test_a_bankruptcy_price_is_a_ratio_with_a_positive_denominator(size: int) -> None:
    """MRG-11: with equity of 10 at 100, a mark of 100 - 10 / size."""
    price = arithmetic.bankruptcy_price(10, holding(size))
    assert price == Ratio(100 * abs(size) - (10 if size > 0 else -10), abs(size))


@pytest.mark.parametrize(
    ("equity", "size", "schedule", "price"),
    [
        (200, 1, WHOLE, None),  # 200 + (x - 100) = x / 10 at -111.1, which is not a valid mark
        (0, 1, WHOLE, None),  # x - 100 < x / 10 up to 100, and x - 100 < x - 90 from there on: breached at every mark
        (95, 1, WHOLE, 5),  # 95 + (x - 100) = x / 10 at 5.6: up to 5
        (5, -1, TENTH, 96),  # 5 - (x - 100) = x / 10 at 95.45: from 96 on
        (5, 1, TENTH, 105),  # 5 + (x - 100) = x / 10 at 105.6: up to 105
        (0, -2, TENTH, 91),  # 0 - 2 (x - 100) = 2x / 10 at 90.9
    ],
)
def test_a_liquidation_price(equity: int, size: int, schedule: Schedule, price: int | None) -> None:
    """MRG-10."""
    assert arithmetic.liquidation_price(equity, 0, holding(size, schedule=schedule)) == price


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"marks": {}}, "marks.A: the market has no starting mark"),
        (
            {"markets": {name: {"tick": "1", "lot": "1", "tiers": TIERS} for name in "HGFEDCBA"}, "marks": {"A": "1"}},
            "marks.B: the market has no starting mark",
        ),
        ({"marks": {"A": "1", "B": "1", "Z": "1", "Y": "1"}}, "marks.Y: not among the markets"),
        ({"marks": {"Z": "1", "Y": "1", "B": "1", "A": "0"}}, "marks.A: must be above 0, got 0"),
        ({"accounts": ["ann", "bob", "bob"]}, "accounts: 'bob' is repeated"),
        (
            {"markets": {name: {"tick": "0", "lot": "1", "tiers": TIERS} for name in ("B", "A")}},
            "markets.A.tick: a grid step must be above 0, got 0",
        ),
    ],
)
def test_what_is_wrong_first_by_name_is_reported(changes: dict[str, object], message: str) -> None:
    """CFG-1."""
    with pytest.raises(InvalidConfig) as error:
        Engine(Config.from_json(small_config(**changes)))
    assert str(error.value) == message
