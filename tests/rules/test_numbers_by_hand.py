"""Numbers worked out on paper: no expectation here was computed by the model, and each shows its derivation."""

from fractions import Fraction

import pytest

from liqspec.core import arithmetic
from liqspec.core.arithmetic import Holding, Ratio, Schedule, Tier
from liqspec.core.config import Config, Venue
from liqspec.core.effects import DeficitCovered, FundingPaid, OrderEmitted
from liqspec.core.engine import Engine
from liqspec.spec import venues
from support.builders import (
    apply,
    backstopped,
    chunk_badly_filled,
    holding,
    mark,
    order_event,
    pool,
    position,
    restored_by_a_fill,
    small_engine,
    trade,
    transitions,
    waiting,
    working,
)

# Rates 1/10 and, above 1000, 1/5, both over 10; the deduction 1000 x (1/5 - 1/10) = 100 is 1000 tenths.
SMALL = Schedule(10, (Tier(0, 1, 0, 5), Tier(1000, 2, 1000, 2)))


def exactly(ratio: Ratio | None) -> Fraction | None:
    return None if ratio is None else Fraction(ratio.numerator, ratio.denominator)


def held(size: int, cost: int, mark: int = 100) -> Holding:
    return Holding(size, cost, 5, mark, 1, SMALL)


def hyperliquid(deposit: str, size: str, leverage: int) -> Engine:
    venue = venues.load("hyperliquid")
    engine = Engine(venue.config(accounts=("alice",), marks={"BTC": "60000"}))
    apply(engine, "deposit", account="alice", amount=deposit)
    trade(engine, size, "60000", leverage, market="BTC")
    return engine


class TestMargin:
    """MRG-4, MRG-5, MRG-7, AMT-6."""

    def test_the_schedule_of_the_small_tiers_is_the_one_on_paper(self) -> None:
        """MRG-5: the deduction makes the margin continuous."""
        assert small_engine().venue.markets["A"].schedule == SMALL

    @pytest.mark.parametrize(
        ("notional", "margin"),
        [
            # nothing needs nothing
            (0, 0),
            # a tenth of 1, rounded up
            (1, 1),
            # a tenth of 10 is whole
            (10, 1),
            # 1.1 rounded up
            (11, 2),
            # one below the boundary: 99.9 rounded up
            (999, 100),
            # on the boundary, still the first tier: 1000 / 10
            (1000, 100),
            # one above: 1001 / 5 - 100 is 100.2, rounded up
            (1001, 101),
            # 1005 / 5 - 100 is whole
            (1005, 101),
            # 2000 / 5 - 100
            (2000, 300),
        ],
    )
    def test_maintenance_margin_around_a_tier_boundary(self, notional: int, margin: int) -> None:
        """MRG-4, MRG-5."""
        assert arithmetic.maintenance_margin(notional, SMALL) == margin

    @pytest.mark.parametrize(
        ("notional", "leverage", "margin"),
        [
            # 999 / 5 is 199.8, rounded up
            (999, 5, 200),
            # on the boundary the first tier's 5 is allowed: 1000 / 5
            (1000, 5, 200),
            # one above, only 2 is: 1001 / 2 is 500.5, rounded up
            (1001, 5, 501),
            # a leverage below the tier's maximum counts: 1001 / 1
            (1001, 1, 1001),
            # 1002 / 2 is whole
            (1002, 2, 501),
            # 1000 / 3 is 333.3, rounded up
            (1000, 3, 334),
        ],
    )
    def test_initial_margin_around_a_tier_boundary(self, notional: int, leverage: int, margin: int) -> None:
        """MRG-4, MRG-7."""
        assert arithmetic.initial_margin(notional, leverage, SMALL) == margin

    @pytest.mark.parametrize(
        ("notional", "maintenance", "initial"),
        [
            # one unit below: / 80 is 1,874,999,999,999.9875, rounded down; / 40 is 3,749,999,999,999.975, rounded up
            (149_999_999_999_999, 1_874_999_999_999, 3_750_000_000_000),
            # on the boundary of 150,000,000: / 80 and / 40 are whole
            (150_000_000_000_000, 1_875_000_000_000, 3_750_000_000_000),
            # one unit above: / 40 less 1,875,000,000,000 is …000.025, and / 20 is 7,500,000,000,000.05
            (150_000_000_000_001, 1_875_000_000_000, 7_500_000_000_001),
        ],
    )
    def test_margins_of_the_hyperliquid_bitcoin_tiers(self, notional: int, maintenance: int, initial: int) -> None:
        """MRG-4, MRG-5, MRG-7, MRG-13."""
        venue = venues.load("hyperliquid")
        market = Venue.from_config(venue.config(accounts=("a",), marks={"BTC": "1"})).markets["BTC"]
        assert arithmetic.maintenance_margin(notional, market.schedule) == maintenance
        assert arithmetic.initial_margin(notional, 40, market.schedule) == initial

    def test_a_fractional_deduction_is_kept_exact(self) -> None:
        """MRG-5: 1 x (1/2 - 1/3) = 1/6 is deducted, before anything is rounded."""
        tiers = [
            {"above": "0", "maintenance_rate": "1/3", "max_leverage": 2},
            {"above": "1", "maintenance_rate": "1/2", "max_leverage": 2},
        ]
        engine = small_engine(markets={"A": {"tick": "1", "lot": "1", "tiers": tiers}}, marks={"A": "1"})
        schedule = engine.venue.markets["A"].schedule
        # 2 / 2 - 1/6 = 5/6, rounded up; a deduction rounded to 0 gives the same
        assert arithmetic.maintenance_margin(2, schedule) == 1
        # 3 / 2 - 1/6 = 4/3, rounded up
        assert arithmetic.maintenance_margin(3, schedule) == 2
        # 4 / 2 - 1/6 = 11/6, rounded up; with a deduction of 1 it would be 1
        assert arithmetic.maintenance_margin(4, schedule) == 2


class TestMeasures:
    @pytest.mark.parametrize(
        ("size", "cost", "mark", "unit", "pnl"),
        [
            # long: 3 x 110 - 300
            (3, 300, 110, 1, 30),
            # long, falling: 3 x 90 - 300
            (3, 300, 90, 1, -30),
            # short: -3 x 110 + 300
            (-3, -300, 110, 1, -30),
            # short, falling: -3 x 90 + 300
            (-3, -300, 90, 1, 30),
            # a lot at one tick is worth 7 units: 2 x 5 x 7 - 60
            (2, 60, 5, 7, 10),
        ],
    )
    def test_unrealised_profit_of_long_and_short(self, size: int, cost: int, mark: int, unit: int, pnl: int) -> None:
        """MRG-1."""
        assert arithmetic.unrealised_pnl(size, cost, mark, unit) == pnl

    def test_notional_has_no_sign(self) -> None:
        """MRG-2, AMT-2: 4 lots x 25 ticks x 3 units."""
        assert (arithmetic.notional(4, 25, 3), arithmetic.notional(-4, 25, 3)) == (300, 300)

    def test_a_pool_sums_its_positions_after_rounding_each(self) -> None:
        """MRG-3, MRG-6, MRG-7."""
        pair = [held(1, 90, 101), held(-1, -90, 101)]
        # 7 in collateral, the long gains 11, the short loses 11
        assert arithmetic.pool_equity(7, pair) == 7
        # 10.1 rounded up is 11, twice; rounded together it would be 21
        assert arithmetic.pool_maintenance_margin(pair) == 22
        # 101 / 5 is 20.2, rounded up, twice
        assert arithmetic.pool_initial_margin(pair) == 42


class TestDecisions:
    def test_equal_to_the_margin_is_healthy(self) -> None:
        """LIQ-3, LIQ-4: breached is strict."""
        assert [arithmetic.breached(equity, 100) for equity in (99, 100, 101)] == [True, False, False]
        assert [arithmetic.restored(equity, 100) for equity in (99, 100, 101)] == [False, True, True]

    @pytest.mark.parametrize("in_liquidation", [True, False])
    def test_liquidation_is_needed_below_the_margin_only(self, in_liquidation: bool) -> None:
        """LIQ-5: with the restore target at the margin, being in liquidation makes no difference."""
        needed = [arithmetic.needs_liquidation(equity, 100, in_liquidation) for equity in (99, 100, 101)]
        assert needed == [True, False, False]

    @pytest.mark.parametrize(
        ("equity", "margin", "below"),
        [
            # two thirds of 300 are 200: equal is not below
            (200, 300, False),
            (199, 300, True),
            (201, 300, False),
            # two thirds of 100 are 66.67: 66 is below, 67 is not
            (66, 100, True),
            (67, 100, False),
            # two thirds of 1 are 0.67
            (0, 1, True),
            (1, 1, False),
            (-1, 300, True),
            # without margin only a deficit is below
            (0, 0, False),
            (-1, 0, True),
        ],
    )
    def test_the_backstop_line_at_two_thirds(self, equity: int, margin: int, below: bool) -> None:
        """BKS-1."""
        assert arithmetic.below_backstop(equity, margin, Ratio(2, 3)) is below

    def test_a_window_of_thirty_seconds_ends_on_the_millisecond(self) -> None:
        """CLD-2."""
        assert [arithmetic.window_open(now, 30_000) for now in (29_999, 30_000, 30_001)] == [True, False, False]

    @pytest.mark.parametrize(
        ("before", "after", "positions", "safe"),
        [
            # nothing left, equity was at least 0 and is at least 0
            ((50, 100), (0, 0), 0, True),
            ((50, 100), (-1, 0), 0, False),
            # nothing left, equity was -20 and did not fall
            ((-20, 100), (-20, 0), 0, True),
            ((-20, 100), (-21, 0), 0, False),
            # nothing left, by itself: a margin that no empty pool has, so that no other clause can hold
            ((10, 5), (0, 20), 0, True),
            ((10, 5), (3, 20), 0, True),
            ((10, 5), (-1, 20), 0, False),
            # not breached after, from health
            ((200, 100), (50, 50), 1, True),
            ((200, 100), (49, 50), 1, False),
            # not breached after, from a deficit and from a breach
            ((-5, 100), (50, 50), 1, True),
            ((5, 100), (50, 50), 1, True),
            # breached before: 25 / 50 is as good as 50 / 100, and 24 / 50 is worse
            ((50, 100), (25, 50), 1, True),
            ((50, 100), (24, 50), 1, False),
            # breached before, inexact: 15 / 44 of 36 is 12.27
            ((15, 44), (13, 36), 1, True),
            ((15, 44), (12, 36), 1, False),
            # breached before with equity 0: it may not fall
            ((0, 100), (0, 50), 1, True),
            ((0, 100), (-1, 50), 1, False),
            # equity was -20: it may not fall, although -21 / 50 x 100 is another ratio
            ((-20, 100), (-20, 50), 1, True),
            ((-20, 100), (-21, 50), 1, False),
            # equity was -20: as a ratio -20 / 50 is worse than -20 / 100, and it does not matter
            ((-20, 100), (-19, 90), 1, True),
            # equal to the margin is not breached before: the ratio alone, 50 / 50 to 100 / 100, does not excuse 49
            ((100, 100), (50, 50), 1, True),
            ((100, 100), (49, 49), 1, True),
            ((100, 100), (48, 49), 1, False),
        ],
    )
    def test_each_clause_of_a_safe_reduction(
        self, before: tuple[int, int], after: tuple[int, int], positions: int, safe: bool
    ) -> None:
        """ACC-9: pairs of equity and maintenance margin."""
        assert arithmetic.reduction_is_safe(*before, *after, positions) is safe

    def test_a_healthy_pool_has_no_claim_to_the_clause_of_the_breached(self) -> None:
        """ACC-9: 200 / 100 to 99 / 100 with the same margin: not breached before, breached after."""
        assert not arithmetic.reduction_is_safe(200, 100, 99, 100, 1)
        # a margin that grows as much as equity falls short would satisfy the ratio only from a breach
        assert not arithmetic.reduction_is_safe(100, 100, 100, 101, 1)


class TestRounding:
    """AMT-6."""

    @pytest.mark.parametrize(
        ("dividend", "down", "up"),
        [
            # 7 / 2 is 3.5
            (7, 3, 4),
            # -7 / 2 is -3.5: down is away from zero, up is towards it
            (-7, -4, -3),
            (8, 4, 4),
            (-8, -4, -4),
            (0, 0, 0),
        ],
    )
    def test_down_is_towards_minus_infinity(self, dividend: int, down: int, up: int) -> None:
        assert (arithmetic.divide_down(dividend, 2), arithmetic.divide_up(dividend, 2)) == (down, up)

    @pytest.mark.parametrize(
        ("size", "lots"),
        [
            # a fifth of 10 is whole
            (10, 2),
            # 2.2 rounded up
            (11, 3),
            (-11, 3),
            # 0.2 rounded up: at least one lot
            (1, 1),
            (-1, 1),
            # 3.0 is whole, 3.2 is not
            (15, 3),
            (16, 4),
        ],
    )
    def test_a_chunk_is_rounded_up(self, size: int, lots: int) -> None:
        """PRT-3."""
        assert arithmetic.chunk(size, Ratio(1, 5)) == lots

    def test_a_chunk_of_the_fraction_one_is_everything(self) -> None:
        """PRT-3."""
        assert arithmetic.chunk(-7, Ratio(1, 1)) == 7

    @pytest.mark.parametrize(
        ("size", "cost", "closed", "released"),
        [
            # 100 / 3 is 33.3, rounded towards zero
            (3, 100, 1, 33),
            # 200 / 3 is 66.7
            (3, 100, 2, 66),
            # a full close releases all
            (3, 100, 3, 100),
            # a short: -33.3 towards zero is -33, not -34
            (-3, -100, 1, -33),
            (-3, -100, 2, -66),
            (-3, -100, 3, -100),
            # 99 / 3 is whole
            (3, 99, 1, 33),
            (-3, -99, 1, -33),
            (3, 0, 2, 0),
            # a cost of the other sign, which profit rolled into it would give
            (3, -100, 1, -33),
        ],
    )
    def test_released_cost_is_rounded_towards_zero(self, size: int, cost: int, closed: int, released: int) -> None:
        """MRG-9."""
        assert arithmetic.released_cost(size, cost, closed) == released

    @pytest.mark.parametrize(
        ("size", "closed", "price", "unit", "released", "realised"),
        [
            # a long sells 1 at 40: 40 - 33
            (3, 1, 40, 1, 33, 7),
            # a short buys 1 at 40: -40 + 33
            (-3, 1, 40, 1, -33, -7),
            # 2 lots at 5 ticks of 10 units: 100 - 60
            (2, 2, 5, 10, 60, 40),
        ],
    )
    def test_realised_profit_is_the_price_less_the_released_cost(
        self, size: int, closed: int, price: int, unit: int, released: int, realised: int
    ) -> None:
        """MRG-9, FIL-1."""
        assert arithmetic.realised_pnl(size, closed, price, unit, released) == realised

    @pytest.mark.parametrize(
        ("notional", "equity", "fee"),
        [
            # a thousandth of 1000 is whole
            (1000, 50, 1),
            # 1.001 rounded up
            (1001, 50, 2),
            # 0.001 rounded up
            (1, 50, 1),
            # 5 are due, and all 5 are there
            (5000, 5, 5),
            # 5 are due, 4 are there
            (5000, 4, 4),
            # nothing is there, or less than nothing
            (5000, 0, 0),
            (5000, -3, 0),
        ],
    )
    def test_a_fee_is_rounded_up_and_capped_by_equity(self, notional: int, equity: int, fee: int) -> None:
        """FIL-2."""
        assert arithmetic.liquidation_fee(notional, Ratio(1, 1000), equity) == fee

    def test_a_rate_of_zero_is_no_fee(self) -> None:
        """FIL-2."""
        assert arithmetic.liquidation_fee(5000, Ratio(0, 1), 50) == 0

    @pytest.mark.parametrize(
        ("equity", "returned"),
        [
            # 500 / 3 is 166.7, rounded down
            (500, 166),
            # 501 / 3 is whole
            (501, 167),
            (2, 0),
            (0, 0),
            # a deficit returns nothing
            (-500, 0),
        ],
    )
    def test_a_backstop_returns_a_third_rounded_down(self, equity: int, returned: int) -> None:
        """BKS-4."""
        assert arithmetic.backstop_return(equity, Ratio(1, 3)) == returned

    @pytest.mark.parametrize(
        ("size", "payment", "due"),
        [
            # 3 lots of 1/1000 x 500 units is 1.5: paid up
            (3, 500, 2),
            # a short receives 1.5, rounded down
            (-3, 500, -1),
            # a payment below 0: the long receives, the short pays
            (3, -500, -1),
            (-3, -500, 2),
            # 4 x 500 / 1000 is whole
            (4, 500, 2),
            (-4, 500, -2),
            # 0.5: paid 1, received 0
            (1, 500, 1),
            (-1, 500, 0),
            (3, 0, 0),
        ],
    )
    def test_funding_is_paid_up_and_received_down(self, size: int, payment: int, due: int) -> None:
        """EVT-6."""
        assert arithmetic.funding_due(size, payment, Ratio(1, 1000)) == due


class TestDerivedPrices:
    """MRG-10, MRG-11: the equity given is at the mark of 100, and each mark has a tick of 1."""

    @pytest.mark.parametrize(
        ("size", "cost", "equity", "others", "price", "crossing"),
        [
            # long, first tier: 200 + 10x - 1000 meets x at 800/9, which is 88.9
            (10, 1000, 200, 0, 88, Fraction(800, 9)),
            # long, exactly on a tick and on the tier's boundary: 10x - 900 meets x at 100; equal is healthy
            (10, 1000, 100, 0, 99, Fraction(100)),
            # long, second tier: 500 + 20x - 2000 meets 4x - 100 at 1400/16; 20 x 87.5 is above 1000
            (20, 2000, 500, 0, 87, Fraction(175, 2)),
            # short, first tier: -1000 is the cost, 50 the collateral: 1050 - 10x meets x at 1050/11, which is 95.5
            (-10, -1000, 50, 0, 96, Fraction(1050, 11)),
            # short, exactly: 1100 - 10x meets x at 100; breached from 101 on
            (-10, -1000, 100, 0, 101, Fraction(100)),
            # short, second tier: 1200 - 10x meets 2x - 100 at 1300/12, which is 108.3
            (-10, -1000, 200, 0, 109, Fraction(325, 3)),
            # a second position that needs 55: 250 + 10(x - 100) meets x + 55 at 805/9, which is 89.4
            (10, 1000, 250, 55, 89, Fraction(805, 9)),
            # long without one: 1000 + 10x - 1000 meets x at 0 only
            (10, 1000, 1000, 0, None, None),
            # long without one: with 1100 it is covered even at 0
            (10, 1000, 1100, 0, None, None),
            # long, between 0 and the first tick: 10x - 5 meets x at 5/9, and no tick is below it
            (10, 1000, 995, 0, None, Fraction(5, 9)),
            # long, on the first tick: 10x - 9 meets x at 1; equal is healthy, so no tick is breached
            (10, 1000, 991, 0, None, Fraction(1)),
            # long, just above the first tick: 10x - 10 meets x at 10/9
            (10, 1000, 990, 0, 1, Fraction(10, 9)),
            # short, already breached by every positive mark: -10x is below x
            (-10, -1000, -1000, 0, 1, None),
            # short, between 0 and the first tick: 10 - 10x meets x at 10/11
            (-10, -1000, -990, 0, 1, Fraction(10, 11)),
        ],
    )
    def test_the_liquidation_price_and_the_exact_crossing(
        self, size: int, cost: int, equity: int, others: int, price: int | None, crossing: Fraction | None
    ) -> None:
        """MRG-10."""
        assert arithmetic.liquidation_price(equity, others, held(size, cost)) == price
        assert exactly(arithmetic.liquidation_crossing(equity, others, held(size, cost))) == crossing

    def test_half_the_exposure_is_liquidated_by_more_than_twice_the_move(self) -> None:
        """MRG-12, MRG-10: with 200 each, 10 go at 88 (800/9); 5 at 66, where 200 + 5x - 500 meets x/2 at 300/4.5."""
        assert arithmetic.liquidation_price(200, 0, held(10, 1000)) == 88
        assert arithmetic.liquidation_price(200, 0, held(5, 500)) == 66

    @pytest.mark.parametrize("seen_at", ["89", "100", "150"])
    def test_the_liquidation_price_does_not_depend_on_the_mark_it_is_seen_from(self, seen_at: str) -> None:
        """MRG-10: 800/9 from everywhere; at 150 the position is in the second tier."""
        engine = holding()
        mark(engine, seen_at)
        price, crossing = engine.liquidation_price("alice", "A", "cross")
        assert (price, exactly(crossing)) == (88, Fraction(800, 9))
        assert not pool(engine)["in_liquidation"]
        mark(engine, "89")
        assert not pool(engine)["in_liquidation"]
        mark(engine, "88")
        assert pool(engine)["in_liquidation"]

    def test_a_short_in_the_second_tier_is_liquidated_at_its_price_and_not_one_tick_before(self) -> None:
        """MRG-10, LIQ-3: at 108 equity is 120 and the margin 1080/5 - 100 = 116; at 109 they are 110 and 118."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="200")
        trade(engine, "-10", "100", 5)
        assert engine.liquidation_price("alice", "A", "cross")[0] == 109
        mark(engine, "108")
        assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("120", "116")
        assert position(engine)["state"] == "healthy"
        mark(engine, "109")
        assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("110", "118")
        assert position(engine)["state"] == "liquidatable"

    def test_a_second_position_of_the_pool_moves_the_liquidation_price(self) -> None:
        """MRG-10: 300 - 50 + 10(x - 100) meets x + 55 at 805/9, with the short of 5 B at 110."""
        engine = holding("300")
        trade(engine, "-5", "100", 5, market="B")
        mark(engine, "110", "B")
        price, crossing = engine.liquidation_price("alice", "A", "cross")
        assert (price, exactly(crossing)) == (89, Fraction(805, 9))
        # 300 - 50 + 10(x - 100) is 0 at 75
        assert exactly(engine.bankruptcy_price("alice", "A", "cross")) == 75

    def test_liquidation_price_of_one_bitcoin_on_hyperliquid(self) -> None:
        """MRG-10: 2000 + x - 60000 meets x/80 at 4,640,000/79 = 58,734.177…; in ticks of 0.1 that is 587,341.77…."""
        price, crossing = hyperliquid("2000", "1", 40).liquidation_price("alice", "BTC", "cross")
        assert (price, exactly(crossing)) == (587_341, Fraction(46_400_000, 79))

    def test_liquidation_price_in_the_second_tier_of_hyperliquid(self) -> None:
        """MRG-10: 10,000,000 + 3000x - 180,000,000 meets 75x - 1,875,000 at 168,125,000/2925 = 57,478.63…."""
        price, crossing = hyperliquid("10000000", "3000", 20).liquidation_price("alice", "BTC", "cross")
        assert (price, exactly(crossing)) == (574_786, Fraction(1_681_250_000, 2925))

    @pytest.mark.parametrize(
        ("size", "cost", "equity", "price"),
        [
            # long: 200 + 10x - 1000 is 0 at 80
            (10, 1000, 200, Fraction(80)),
            # short: 200 + 1000 - 10x is 0 at 120
            (-10, -1000, 200, Fraction(120)),
            # long, inexact: 100 + 3x - 300 is 0 at 200/3
            (3, 300, 100, Fraction(200, 3)),
            # long with more collateral than cost: 1100 + 10x - 1000 is 0 at -10
            (10, 1000, 1100, Fraction(-10)),
            # short with a deficit beyond its cost: -1100 + 1000 - 10x is 0 at -10
            (-10, -1000, -1100, Fraction(-10)),
            # long with a deficit: -50 + 10x - 1000 is 0 at 105
            (10, 1000, -50, Fraction(105)),
        ],
    )
    def test_the_bankruptcy_price(self, size: int, cost: int, equity: int, price: Fraction) -> None:
        """MRG-11."""
        assert exactly(arithmetic.bankruptcy_price(equity, held(size, cost))) == price

    def test_a_position_that_is_not_open_has_no_prices(self) -> None:
        """MRG-10, MRG-11."""
        with pytest.raises(LookupError, match="alice/A/cross is not an open position"):
            small_engine().liquidation_price("alice", "A", "cross")
        with pytest.raises(LookupError, match="nobody/A/cross is not an open position"):
            small_engine().bankruptcy_price("nobody", "A", "cross")


class TestLiquidationInTheMarket:
    def test_equal_to_the_margin_is_left_alone_and_one_unit_less_is_not(self) -> None:
        """LIQ-3, LIQ-6, LIQ-11, LIQ-14, PRT-1: funding of 10 on 10 lots takes equity from 200 to the margin of 100."""
        engine = holding()
        assert transitions(apply(engine, "funding", market="A", payment="10")) == []
        # one tick down costs 10 of equity and 1 of margin
        assert transitions(mark(engine, "99")) == ["T1"]
        assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("90", "99")
        assert position(engine)["order"] == "10"

    def test_a_fill_takes_exactly_what_it_must(self) -> None:
        """FIL-1, FIL-3, MRG-9: 3 of 10 at 87 release 300 and realise 261 - 300; the order has 7 left."""
        engine = working(liquidation={"stop_when_restored": False})
        effects = order_event(engine, "fill", size="3", price="87")
        assert transitions(effects) == ["T6"]
        seen = position(engine)
        assert (seen["size"], seen["cost"], seen["order"]) == ("7", "700", "7")
        # collateral 200 - 39, and equity 161 + 7 x 88 - 700
        assert (pool(engine)["collateral"], pool(engine)["equity"]) == ("161", "77")
        assert transitions(order_event(engine, "fill", size="7", price="88")) == ["T7"]
        # 161 - 84 stay in the pool
        assert (pool(engine)["collateral"], position(engine)["order"]) == ("77", None)

    def test_an_order_is_cancelled_when_the_pool_is_restored(self) -> None:
        """LIQ-9, LIQ-10: 80 meets 9 x 88 / 10 = 79.2, rounded up to 80; the cancelled order is not an attempt."""
        engine = restored_by_a_fill()
        assert (position(engine)["state"], position(engine)["order"]) == ("partially_liquidated", None)
        assert not pool(engine)["in_liquidation"]

    def test_an_order_runs_to_its_end_where_the_venue_says_so(self) -> None:
        """LIQ-9: the same fill without stop_when_restored."""
        engine = restored_by_a_fill(liquidation={"stop_when_restored": False})
        assert position(engine)["order"] == "9"
        assert pool(engine)["in_liquidation"]

    def test_a_cancelled_order_may_be_emitted_again_in_the_same_block(self) -> None:
        """LIQ-9, LIQ-12: restored by a mark, breached by the next."""
        engine = working()
        assert transitions(mark(engine, "89")) == ["T4"]
        assert position(engine)["order"] is None
        assert transitions(mark(engine, "88")) == ["T1"]
        assert position(engine)["order"] == "10"

    def test_a_position_is_attempted_once_in_a_block(self) -> None:
        """LIQ-12, LIQ-13: after an order that found nothing the pool waits for the next block."""
        engine = waiting()
        assert transitions(mark(engine, "87")) == []
        assert position(engine)["order"] is None
        assert transitions(apply(engine, "block", time=1)) == []
        assert position(engine)["order"] == "10"

    def test_a_ranked_venue_sends_the_largest_margin_first_and_stops_when_restored(self) -> None:
        """LIQ-11: A and B are equal, so A, by its name; with more B it is B."""
        engine = small_engine(liquidation={"order_policy": "ranked"})
        apply(engine, "deposit", account="alice", amount="400")
        trade(engine, "10", "100", 5)
        trade(engine, "10", "100", 5, market="B")
        # 400 - 260 = 140 against 87 + 87
        effects = apply(engine, "marks", prices={"A": "87", "B": "87"})
        assert transitions(effects) == ["T1", "T1"]
        assert (position(engine)["order"], position(engine, "B")["order"]) == ("10", None)
        # all of A at 87: equity 140 against 87
        assert transitions(order_event(engine, "fill", size="10", price="87")) == ["T7", "T4"]
        assert position(engine, "B")["state"] == "healthy"

    def test_a_ranked_venue_goes_on_with_the_next_when_the_first_failed(self) -> None:
        """LIQ-11, LIQ-12, LIQ-13, BKS-2: only when both have failed may the vault take the pool."""
        engine = small_engine(liquidation={"order_policy": "ranked"})
        apply(engine, "deposit", account="alice", amount="420")
        trade(engine, "9", "100", 5)
        trade(engine, "10", "100", 5, market="B")
        # 420 - 19 x 19 = 59 against 9 x 8.1 = 73 and 81, of which two thirds are 102.7
        apply(engine, "marks", prices={"A": "81", "B": "81"})
        assert (position(engine)["order"], position(engine, "B")["order"]) == (None, "10")
        assert transitions(order_event(engine, "order_done", market="B")) == []
        assert (position(engine)["order"], position(engine, "B")["order"]) == ("9", None)
        assert transitions(order_event(engine, "order_done")) == ["T5", "T5"]

    def test_several_pools_are_assessed_by_account_then_cross_then_market(self) -> None:
        """LIQ-7, AMT-7: names sort by code point, so Z comes before a."""
        engine = small_engine(accounts=["a", "Z"])
        for account in ("a", "Z"):
            apply(engine, "deposit", account=account, amount="400")
            apply(engine, "transfer", account=account, market="A", amount="200")
            trade(engine, "10", "100", 5, account=account)
            trade(engine, "10", "100", 5, account=account, mode="isolated")
        effects = mark(engine, "88")
        orders = [effect.position for effect in effects if isinstance(effect, OrderEmitted)]
        assert orders == ["Z/A/cross", "Z/A/isolated", "a/A/cross", "a/A/isolated"]

    def test_marks_are_set_before_any_pool_is_assessed(self) -> None:
        """EVT-5: A alone would breach; with B down too the short of B pays for it, and the pool is assessed once."""
        engine = holding("300")
        trade(engine, "-5", "100", 5, market="B")
        # 300 - 200 + 100 = 200 against 80 + 40
        assert transitions(apply(engine, "marks", prices={"A": "80", "B": "80"})) == []
        assert pool(engine)["equity"] == "200"

    def test_a_fee_goes_to_the_vault_and_is_capped_by_equity(self) -> None:
        """FIL-2: a tenth of 870 is 87, but 200 - 130 = 70 is left."""
        engine = working(liquidation={"fee_rate": "1/10"})
        order_event(engine, "fill", size="10", price="87")
        assert pool(engine)["collateral"] == "0"
        assert engine.observe()["vault"]["cash"] == "5070"

    def test_a_fill_below_the_bankruptcy_price_is_accepted_and_its_deficit_is_the_vaults(self) -> None:
        """FIL-5, BKS-7, LIQ-8: 10 at 75 realise -250: the vault pays 50; half of it first leaves collateral at -10."""
        engine = working()
        order_event(engine, "fill", size="5", price="58")
        # 200 - 210: below 0 while size remains
        assert pool(engine)["collateral"] == "-10"
        effects = order_event(engine, "fill", size="5", price="92")
        # -10 - 40
        assert [effect.amount for effect in effects if isinstance(effect, DeficitCovered)] == [50]
        assert (pool(engine)["collateral"], pool(engine)["in_liquidation"]) == ("0", False)
        assert engine.observe()["vault"]["cash"] == "4950"

    def test_funding_moves_collateral_of_every_position_and_of_the_vault(self) -> None:
        """EVT-6: 10 x 3 paid by the long, 4 x 3 received by the short."""
        engine = holding()
        apply(engine, "deposit", account="bob", amount="200")
        trade(engine, "-4", "100", 5, account="bob")
        apply(engine, "vault_trade", market="A", size="-2", price="100")
        effects = apply(engine, "funding", market="A", payment="3")
        paid = {effect.position: effect.amount for effect in effects if isinstance(effect, FundingPaid)}
        assert paid == {"alice/A/cross": 30, "bob/A/cross": -12, None: -6}
        assert (pool(engine)["collateral"], pool(engine, account="bob")["collateral"]) == ("170", "212")
        # 5000 + 200 from the sale + 6
        assert engine.observe()["vault"]["cash"] == "5206"


class TestBackstop:
    def test_the_vault_takes_size_at_cost_and_all_the_collateral(self) -> None:
        """BKS-3, BKS-5, BKS-8: it pays 1000, gets 200, and is worth 50 more: 4200 + 10 x 85."""
        engine = backstopped()
        assert engine.observe()["vault"] == {"cash": "4200", "equity": "5050", "positions": {"A": "10"}}
        assert (pool(engine)["collateral"], pool(engine)["in_liquidation"]) == ("0", False)
        seen = position(engine)
        assert (seen["state"], seen["size"], seen["cost"], seen["order"]) == ("backstopped", "0", "0", None)
        assert transitions(apply(engine, "block", time=1)) == ["T11"]
        assert position(engine)["state"] == "closed"

    def test_a_third_of_the_equity_stays_rounded_down(self) -> None:
        """BKS-4: a third of 50 is 16.7; the vault gets 200 - 16."""
        engine = backstopped(backstop={"threshold": "2/3", "return_fraction": "1/3"})
        assert pool(engine)["collateral"] == "16"
        assert engine.observe()["vault"]["cash"] == "4184"

    def test_a_pool_on_the_line_waits_and_one_below_it_goes(self) -> None:
        """BKS-1, LIQ-13: collateral 200 - 4 x 10 by funding; at 90, equity 60 is two thirds of the margin 90."""
        engine = holding()
        apply(engine, "funding", market="A", payment="4")
        mark(engine, "90")
        assert transitions(order_event(engine, "order_done")) == []
        assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("60", "90")
        assert transitions(mark(engine, "89")) == ["T5"]

    def test_a_chunk_that_was_filled_whole_is_no_failure_of_the_book(self) -> None:
        """BKS-2, LIQ-13, LIF-4: 15 is below two thirds of 44, and the pool waits; the next order is for all of it."""
        engine = chunk_badly_filled()
        assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("15", "44")
        assert position(engine)["state"] == "partially_liquidated"
        assert transitions(apply(engine, "block", time=1)) == ["T9", "T1"]
        assert position(engine)["order"] == "5"

    def test_what_failed_in_another_block_does_not_count(self) -> None:
        """BKS-2: the failure of the last block is forgotten, and the new order must fail first."""
        engine = waiting()
        apply(engine, "block", time=1)
        assert transitions(mark(engine, "85")) == []
        assert transitions(order_event(engine, "order_done")) == ["T5"]

    def test_a_failure_of_the_last_block_does_not_make_a_whole_chunk_of_this_one_fail(self) -> None:
        """BKS-2: the order found nothing in block 0; in block 1 a chunk is filled whole, at 15 against 44."""
        engine = waiting(liquidation={"partial_threshold": "100", "partial_fraction": "1/2"})
        apply(engine, "block", time=1)
        assert transitions(order_event(engine, "fill", size="5", price="75")) == ["T6"]
        assert transitions(mark(engine, "87")) == []
        assert transitions(apply(engine, "block", time=2)) == ["T9", "T1"]

    def test_a_position_that_is_closed_does_not_keep_the_book_from_failing(self) -> None:
        """BKS-2: B was filled whole, and A is the only one that is open."""
        engine = holding("400")
        trade(engine, "10", "100", 5, market="B")
        # 400 - 300 = 100 against 85 + 85, of which two thirds are 113.3
        apply(engine, "marks", prices={"A": "85", "B": "85"})
        # 10 at 80 realise -200: 400 - 200 - 150 = 50 against 85
        order_event(engine, "fill", market="B", size="10", price="80")
        assert transitions(order_event(engine, "order_done")) == ["T5"]

    def test_the_vault_takes_a_negative_collateral_too(self) -> None:
        """BKS-3, FIL-5: 200 - 210 = -10 with 5 left at a cost of 500: the vault pays 510, and owes no one else."""
        engine = working()
        order_event(engine, "fill", size="5", price="58")
        assert transitions(order_event(engine, "order_done")) == ["T5"]
        # 5000 - 510, and 5 at 88 in addition
        assert engine.observe()["vault"] == {"cash": "4490", "equity": "4930", "positions": {"A": "5"}}
        assert pool(engine)["collateral"] == "0"

    def test_what_failed_before_the_pool_was_restored_does_not_count(self) -> None:
        """BKS-2, LIQ-12: attempted in this block, but not since it entered liquidation again: no order and no vault."""
        engine = waiting()
        assert transitions(mark(engine, "100")) == ["T4"]
        assert transitions(mark(engine, "85")) == ["T1"]
        assert (position(engine)["state"], position(engine)["order"]) == ("liquidatable", None)

    def test_the_vault_unwinds_and_turns_round_with_the_outside(self) -> None:
        """EVT-7, EVT-8, BKS-8: sells 12 at 90 of the 10 that it took, and pays out 280."""
        engine = backstopped()
        assert transitions(apply(engine, "vault_trade", market="A", size="-12", price="90")) == []
        apply(engine, "vault_cash", amount="-280")
        # 4200 + 1080 - 280 = 5000; less 2 x 85
        assert engine.observe()["vault"] == {"cash": "5000", "equity": "4830", "positions": {"A": "-2"}}
        apply(engine, "vault_trade", market="A", size="2", price="85")
        assert engine.observe()["vault"] == {"cash": "4830", "equity": "4830", "positions": {}}


def after_a_chunk(scope: str) -> Engine:
    """Half of 10 A sold at 88 in block 0: a window until 1000. Alice also has 10 A isolated and 10 B cross.

    The cross pool has collateral 590 with 5 A and 10 B from 100: at marks a and b its equity is 5a + 10b - 910.
    """
    rules = {"partial_threshold": "100", "partial_fraction": "1/2", "cooldown_ms": 1000, "cooldown_scope": scope}
    engine = small_engine(liquidation={**rules, "stop_when_restored": False})
    apply(engine, "deposit", account="alice", amount="900")
    apply(engine, "transfer", account="alice", market="A", amount="250")
    trade(engine, "10", "100", 5, mode="isolated")
    trade(engine, "10", "100", 5)
    trade(engine, "10", "100", 5, market="B")
    # cross: 650 - 120 - 390 = 140 against 88 + 61; isolated: 250 - 120 = 130 against 88
    apply(engine, "marks", prices={"A": "88", "B": "61"})
    assert (position(engine)["order"], position(engine, "B")["order"]) == ("5", "5")
    order_event(engine, "fill", size="5", price="88")
    # 140 against 44 + 61: restored when the other order is done
    assert transitions(order_event(engine, "order_done", market="B")) == ["T4"]
    return engine


class TestWindows:
    def test_partial_orders_above_the_threshold_only(self) -> None:
        """PRT-2, PRT-3: the notional at 88 is 880; a threshold of 880 is not below it, one of 879 is."""
        rules = {"partial_fraction": "1/3"}
        assert position(working(liquidation={**rules, "partial_threshold": "880"}))["order"] == "10"
        # a third of 10 is 3.3
        assert position(working(liquidation={**rules, "partial_threshold": "879"}))["order"] == "4"

    def test_a_pool_below_the_backstop_line_is_sold_whole(self) -> None:
        """PRT-2: at 85, 50 is below two thirds of 85; at 86, 60 is above two thirds of 86."""
        rules = {"partial_fraction": "1/3", "partial_threshold": "100"}
        for price, order in (("86", "4"), ("85", "10")):
            engine = holding(liquidation=rules)
            mark(engine, price)
            assert position(engine)["order"] == order

    @pytest.mark.parametrize(
        ("scope", "same", "sibling", "isolated"),
        [("position", "5", "5", "5"), ("pool", "5", "10", "5"), ("account", "5", "10", "10")],
    )
    def test_a_window_forces_full_size_in_its_scope_from_the_next_block_on(
        self, scope: str, same: str, sibling: str, isolated: str
    ) -> None:
        """CLD-1, CLD-3: outside the scope the orders for 10 B and for 10 A isolated are for half of it."""
        engine = after_a_chunk(scope)
        assert position(engine)["cooldown_until"] == 1000
        # in the same block it forces nothing: isolated 250 - 170 = 80 against 83
        mark(engine, "83")
        assert position(engine, mode="isolated")["order"] == "5"
        order_event(engine, "order_done", mode="isolated")
        apply(engine, "block", time=999)
        # cross: 415 + 570 - 910 = 75 against 42 + 57, of which two thirds are 66
        mark(engine, "57", "B")
        orders = (position(engine)["order"], position(engine, "B")["order"], position(engine, mode="isolated")["order"])
        assert orders == (same, sibling, isolated)

    @pytest.mark.parametrize(("time", "sibling", "until"), [(999, "10", 1000), (1000, "5", None)])
    def test_a_window_ends_on_its_millisecond(self, time: int, sibling: str, until: int | None) -> None:
        """CLD-2, CLD-3, OBS-2: one millisecond before its end it forces, at its end it does not."""
        engine = after_a_chunk("pool")
        apply(engine, "block", time=time)
        # 440 + 570 - 910 = 100 against 44 + 57
        mark(engine, "57", "B")
        assert position(engine, "B")["order"] == sibling
        assert position(engine)["cooldown_until"] == until

    def test_a_window_of_the_pool_outlasts_the_position_that_opened_it(self) -> None:
        """CLD-4: alice sells the rest of A herself; the pool's window still forces B whole."""
        engine = after_a_chunk("pool")
        assert transitions(trade(engine, "-5", "88")) == ["T12"]
        apply(engine, "block", time=999)
        # collateral 590 - 60; 530 + 520 - 1000 = 50 against 52
        mark(engine, "52", "B")
        assert position(engine, "B")["order"] == "10"

    def test_a_window_of_a_position_ends_with_its_life(self) -> None:
        """CLD-4, LIF-2: closed and opened again, the key has a new life without a window."""
        engine = after_a_chunk("position")
        trade(engine, "-5", "88")
        apply(engine, "deposit", account="alice", amount="100")
        trade(engine, "2", "88", 5)
        assert (position(engine)["life"], position(engine)["cooldown_until"]) == (2, None)

    def test_a_later_fill_extends_a_window(self) -> None:
        """CLD-4: a fill in the block of 999 makes the pool's end 1999."""
        engine = after_a_chunk("pool")
        apply(engine, "block", time=999)
        mark(engine, "57", "B")
        order_event(engine, "fill", market="B", size="1", price="57")
        assert position(engine, "B")["cooldown_until"] == 1999
        order_event(engine, "order_done", market="B")
        assert transitions(order_event(engine, "order_done")) == ["T3"]
        assert transitions(apply(engine, "block", time=1998)) == ["T10", "T8"]
        # collateral 590 - 43; 547 - 60 + 9 x 55 - 900 = 82 against 44 + 50
        mark(engine, "55", "B")
        assert (position(engine)["order"], position(engine, "B")["order"]) == ("5", "9")

    def test_a_restored_position_cools_down_until_its_window_ends(self) -> None:
        """CLD-2, CLD-6, EVT-9: T8 into the cooldown, T10 out of it, and T2 when the pool is breached again."""
        for breached, expected in ((False, "healthy"), (True, "liquidatable")):
            engine = restored_by_a_fill(liquidation={"cooldown_ms": 1000})
            assert transitions(apply(engine, "block", time=999)) == ["T8"]
            assert position(engine)["state"] == "cooldown"
            seen = mark(engine, "87") if breached else apply(engine, "block", time=1000)
            assert transitions(seen) == (["T2"] if breached else ["T10"])
            assert position(engine)["state"] == expected

    def test_a_pool_restored_inside_the_window_is_in_cooldown_and_not_healthy(self) -> None:
        """LIQ-10, CLD-2: T3."""
        engine = restored_by_a_fill(liquidation={"cooldown_ms": 1000})
        apply(engine, "block", time=999)
        mark(engine, "87")
        assert transitions(mark(engine, "88")) == ["T3"]

    def test_without_a_cooldown_there_are_no_windows(self) -> None:
        """CLD-1: T9 straight to healthy."""
        engine = restored_by_a_fill()
        assert position(engine)["cooldown_until"] is None
        assert transitions(apply(engine, "block", time=1)) == ["T9"]


class TestConservation:
    def test_the_two_sides_of_a_worked_run_add_up_to_the_net_deposits(self) -> None:
        """EVT-1, BKS-8: pools + vault + outside = 5000 + 200 after a deposit, a trade, a fill and a backstop."""
        engine = working()
        order_event(engine, "fill", size="1", price="80")
        order_event(engine, "order_done")
        mark(engine, "85")
        # alice: 200 - 20 + 9 x 85 - 900 = 45 at the backstop, below two thirds of 77
        assert position(engine)["state"] == "backstopped"
        # the vault: 5000 + 180 - 900 + 9 x 85
        assert engine.observe()["vault"]["equity"] == "5045"
        # the outside sold 10 at 100 and bought 1 at 80: 920 - 9 x 85
        assert engine.state.equity(engine.state.outside) == 155
        assert engine.state.net_deposits == 5200

    @pytest.mark.parametrize(("size", "price"), [("1", "80"), ("-1", "120"), ("2", "80"), ("-2", "120")])
    def test_the_outside_takes_the_other_side_of_a_liquidation_fill(self, size: str, price: str) -> None:
        """FIL-1, EVT-10: with the trade and the fill it has nothing left in the market, whatever the size."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount=str(25 * abs(int(size))))
        trade(engine, size, leverage=5)
        mark(engine, price)
        order_event(engine, "fill", size=size.lstrip("-"), price=price)
        assert engine.state.outside.positions == {}

    def test_what_is_taken_out_is_no_longer_in(self) -> None:
        """ACC-4, ACC-5, EVT-8: 5000 + 30 - 10 - 500."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="30")
        apply(engine, "withdraw", account="alice", amount="10")
        apply(engine, "vault_cash", amount="-500")
        assert engine.state.net_deposits == 4520


def test_a_configuration_of_everything_gives_the_numbers_of_the_venue() -> None:
    """CFG-1, AMT-2: tick 0.1 x lot 0.001 on a quote unit of 0.00001 is 10."""
    data = {
        "quote_unit": "0.00001",
        "time": 5,
        "accounts": ["alice"],
        "vault": {"cash": "1.5"},
        "markets": {
            "A": {
                "tick": "0.1",
                "lot": "0.001",
                "tiers": [{"above": "0", "maintenance_rate": "0.0125", "max_leverage": 40}],
            }
        },
        "marks": {"A": "60000.0"},
        "backstop": {"threshold": "2/3"},
    }
    engine = Engine(Config.from_json(data))
    market = engine.venue.markets["A"]
    assert (market.unit, market.lot, engine.state.marks["A"]) == (10, Ratio(1, 1000), 600_000)
    assert (engine.state.vault.cash, engine.state.time) == (150_000, 5)
    # 0.0125 is 1/80
    assert market.schedule == Schedule(80, (Tier(0, 1, 0, 40),))
    # every default of the rules
    venue = engine.venue
    assert (venue.order_policy, venue.stop_when_restored, venue.partial_threshold) == ("all", True, None)
    assert (venue.partial_fraction, venue.fee_rate, venue.return_fraction) == (Ratio(1, 1), Ratio(0, 1), Ratio(0, 1))
    assert (venue.cooldown_ms, venue.cooldown_scope) == (0, "pool")


@pytest.mark.parametrize("size", ["1", "-1"])
def test_a_position_of_one_lot_has_a_liquidation_price(size: str) -> None:
    """MRG-10: any size but 0 is open."""
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount="25")
    trade(engine, size, leverage=5)
    price, _ = engine.liquidation_price("alice", "A", "cross")
    assert price is not None
