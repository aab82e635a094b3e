"""How a mark is formed from its inputs, by hand (MRK-1 to MRK-9)."""

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqspec.core import snapshot
from liqspec.core.arithmetic import Ratio
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.families import mark_price
from liqspec.core.families.mark_price import BILLION, Average, Perp
from liqspec.core.parameters import InvalidConfig
from liqspec.properties.checker.exact import Fraction as Exact
from liqspec.properties.checker.families import mark_price as naive
from liqspec.properties.coverage import Coverage
from liqspec.properties.monitor import Monitor
from liqspec.replay import itf
from support.builders import apply, holding, refused, small_config, small_engine, transitions

PRICES = st.integers(1, 10**6)


def forming(**mark: Any) -> Engine:
    """Alice is long 10 A from 100 with an equity of 200, in a run that forms its marks."""
    return holding(mark=mark)


def inputs(engine: Engine, *, observed: Any = None, **fields: Any) -> int:
    """Give inputs of A, which must be accepted; the mark after them, in ticks."""
    event = {"type": "price_inputs", "market": "A", **fields}
    assert apply_event(engine, event, observed).refusal is None
    return engine.state.marks["A"]


def perps(*entries: tuple[int, int]) -> list[dict[str, Any]]:
    return [{"price": str(price), "weight": weight} for price, weight in entries]


def later(engine: Engine, milliseconds: int) -> None:
    apply(engine, "block", time=engine.state.time + milliseconds)


class TestTheFamily:
    def test_without_the_table_inputs_are_refused_and_no_marks_are_observed(self) -> None:
        """MRK-1, MRK-8."""
        engine = holding()
        assert refused(engine, "price_inputs", market="A", index="90").code == "not_formed"
        assert "marks" not in engine.observe()
        assert "feeds" not in snapshot.to_json(engine.venue, engine.snapshot())

    def test_an_empty_table_turns_it_on(self) -> None:
        """MRK-1, MRK-8: and mark_price and marks still set a mark."""
        engine = forming()
        assert engine.observe()["marks"] == {"A": "100", "B": "100"}
        assert inputs(engine, index="97") == 97
        apply(engine, "mark_price", market="A", price="98")
        apply(engine, "marks", prices={"B": "7"})
        assert engine.observe()["marks"] == {"A": "98", "B": "7"}

    def test_a_mark_set_teaches_no_average(self) -> None:
        """MRK-1, MRK-5."""
        engine = forming()
        apply(engine, "mark_price", market="A", price="98")
        assert engine.state.feeds == {}

    def test_a_formed_mark_liquidates_as_a_set_one_does(self) -> None:
        """MRK-1, LIQ-3: at 88 equity is 80, and the margin 88."""
        assert transitions(apply(forming(), "price_inputs", market="A", index="88")) == ["T1"]

    @pytest.mark.parametrize(
        "mark", [{"max_move": "0"}, {"max_move": "-0.1"}, {"max_move": "2"}, {"max_move": "11/10"}]
    )
    def test_the_largest_move_is_a_share_above_0(self, mark: dict[str, str]) -> None:
        """MRK-7, CFG-2."""
        with pytest.raises(InvalidConfig, match=r"mark\.max_move"):
            small_engine(mark=mark)


class TestInputs:
    def test_without_stale_ms_only_the_events_own_inputs_count(self) -> None:
        """MRK-2."""
        engine = forming()
        inputs(engine, index="97")
        assert inputs(engine, perps=perps((99, 1))) == 99

    @pytest.mark.parametrize(("age", "mark"), [(0, 98), (999, 98), (1000, 98), (1001, 99)])
    def test_an_input_counts_up_to_its_age(self, age: int, mark: int) -> None:
        """MRK-2: at exactly stale_ms it still counts."""
        engine = forming(stale_ms=1000)
        inputs(engine, index="97")
        if age:
            later(engine, age)
        assert inputs(engine, perps=perps((99, 1))) == mark

    def test_with_stale_ms_0_an_input_counts_until_time_moves(self) -> None:
        """MRK-2."""
        engine = forming(stale_ms=0)
        inputs(engine, index="97")
        assert inputs(engine, perps=perps((99, 1))) == 98
        later(engine, 1)
        assert inputs(engine, perps=perps((99, 1))) == 99

    def test_a_new_input_replaces_the_old_one_and_its_time(self) -> None:
        """MRK-2."""
        engine = forming(stale_ms=10)
        inputs(engine, index="97")
        later(engine, 10)
        inputs(engine, index="95")
        later(engine, 10)
        assert inputs(engine, perps=perps((99, 1))) == 97

    def test_perps_are_replaced_as_a_whole(self) -> None:
        """MRK-2."""
        engine = forming(stale_ms=10)
        inputs(engine, perps=perps((90, 1), (95, 1)))
        assert inputs(engine, perps=perps((99, 1))) == 99

    def test_a_refused_event_leaves_no_input(self) -> None:
        """MRK-6, EVT-3."""
        engine = forming(stale_ms=10)
        assert refused(engine, "price_inputs", market="A", best_bid="97").code == "no_price"
        assert refused(engine, "price_inputs", market="A", best_ask="99").code == "no_price"

    def test_inputs_of_one_market_are_no_inputs_of_another(self) -> None:
        """MRK-1, MRK-2."""
        engine = forming(stale_ms=10)
        inputs(engine, index="97")
        assert refused(engine, "price_inputs", market="B", last="99").code == "no_price"


class TestCandidates:
    @pytest.mark.parametrize(
        ("fields", "mark"),
        [
            ({"index": "90"}, 90),
            ({"index": "90", "last": "200"}, 90),
            ({"best_bid": "90", "best_ask": "94"}, 92),
            ({"best_bid": "90", "best_ask": "94", "last": "91"}, 91),
            ({"best_bid": "90", "best_ask": "94", "last": "1"}, 90),
            ({"best_bid": "90", "best_ask": "94", "last": "900"}, 94),
            ({"best_bid": "94", "best_ask": "90"}, 92),
            ({"index": "80", "best_bid": "94", "perps": perps((97, 1))}, 88),
            # spot 90 + (92 - 90), the book 92, its average 92
            ({"index": "90", "best_bid": "90", "best_ask": "94"}, 92),
            # the book 92, its average 92, and perps
            ({"best_bid": "90", "best_ask": "94", "perps": perps((99, 1))}, 92),
            # spot and perps, without the book: their mean
            ({"index": "90", "perps": perps((99, 1))}, 94),
            ({"index": "90", "perps": perps((97, 1))}, 94),
            ({"index": "90", "best_bid": "90", "best_ask": "94", "perps": perps((70, 1))}, 92),
        ],
    )
    def test_the_mark_is_the_median_of_those_that_exist(self, fields: dict[str, Any], mark: int) -> None:
        """MRK-3, MRK-6."""
        assert inputs(forming(), **fields) == mark

    @pytest.mark.parametrize("fields", [{}, {"last": "90"}, {"best_bid": "90"}, {"best_ask": "90", "last": "90"}])
    def test_without_a_candidate_the_event_is_refused(self, fields: dict[str, Any]) -> None:
        """MRK-6."""
        assert refused(forming(), "price_inputs", market="A", **fields).code == "no_price"

    def test_spot_is_at_least_one_tick(self) -> None:
        """MRK-3: an index of 3 with a basis of 2 - 100."""
        engine = forming()
        inputs(engine, index="100", best_bid="2", best_ask="2", last="2", perps=perps((50, 1)))
        assert inputs(engine, index="3") == 1

    def test_the_basis_stays_where_the_book_is_empty(self) -> None:
        """MRK-3: 92 - 90, and then the index alone."""
        engine = forming()
        inputs(engine, index="90", best_bid="91", best_ask="93")
        assert inputs(engine, index="95") == 97

    @pytest.mark.parametrize(
        ("entries", "twice"),
        [
            ([(100, 1)], 200),
            ([(100, 1), (110, 1)], 210),
            ([(100, 1), (110, 1), (300, 1)], 220),
            ([(100, 3), (110, 2), (300, 1)], 210),
            ([(100, 4), (110, 2), (300, 1)], 200),
            ([(300, 1), (110, 2), (100, 3)], 210),
            ([(100, 1), (100, 1), (110, 2)], 210),
            ([(100, 1), (110, 1), (110, 1), (120, 3)], 230),
        ],
    )
    def test_a_weighted_median_is_where_half_the_weight_is(self, entries: list[tuple[int, int]], twice: int) -> None:
        """MRK-4."""
        assert mark_price.weighted_median([Perp(*entry) for entry in entries]) * 2 == twice * BILLION

    @given(st.lists(st.tuples(PRICES, st.integers(1, 9)), min_size=1, max_size=6))
    def test_a_weighted_median_is_the_median_of_each_price_repeated(self, entries: list[tuple[int, int]]) -> None:
        """MRK-4: written out, each price as often as its weight."""
        listed = sorted(price for price, weight in entries for _ in range(weight))
        low, high = listed[(len(listed) - 1) // 2], listed[len(listed) // 2]
        assert mark_price.weighted_median([Perp(*one) for one in entries]) * 2 == (low + high) * BILLION
        exact = [(Exact(price), weight) for price, weight in entries]
        assert naive.weighted_median(exact) * 2 == low + high

    @pytest.mark.parametrize(
        ("sum_of_two", "mark"), [(201, 100), (203, 102), (199, 100), (200, 100), (1, 0), (3, 2), (5, 2)]
    )
    def test_halves_go_to_the_even_tick(self, sum_of_two: int, mark: int) -> None:
        """MRK-6."""
        assert mark_price.half_even(sum_of_two, 2) == mark


class TestAverages:
    def test_it_is_the_latest_sample_while_no_time_has_passed(self) -> None:
        """MRK-5."""
        average = Average()
        assert average.value() == 0
        for sample in (5, 7):
            average.add(sample * BILLION, 1000, 30_000)
            assert average.value() == sample * BILLION

    def test_the_first_sample_that_lasts_replaces_it(self) -> None:
        """MRK-5: the sample before it had no time to count for."""
        average = Average()
        average.add(5 * BILLION, 0, 30_000)
        average.add(7 * BILLION, 10, 30_000)
        assert average.value() == 7 * BILLION

    def test_a_sample_counts_for_its_time_and_fades(self) -> None:
        """MRK-5: 30,000 ms at 7, then 60,000 ms at 1, after which e^-2 is left of the first."""
        average = Average()
        for sample, time in ((7, 0), (7, 30_000), (1, 90_000)):
            average.add(sample * BILLION, time, 30_000)
        left = 30_000 * math.exp(-2)
        assert average.value() / BILLION == pytest.approx((7 * left + 60_000) / (left + 60_000), abs=1e-9)

    def test_the_numbers_have_28_digits(self) -> None:
        """MRK-5."""
        average = Average()
        for sample, time in ((7, 0), (7, 30_000), (1, 60_000)):
            average.add(sample * BILLION, time, 30_000)
        assert mark_price.decay(30_000, 30_000) == Decimal("0.3678794411714423215955237702")
        assert average.denominator == Decimal("41036.38323514326964786571311")

    def test_what_is_forgotten_is_0(self) -> None:
        """MRK-5: a product below 10^-28 counts as 0."""
        average = Average()
        for sample, time in ((7, 0), (7, 1), (0, 10**12)):
            average.add(sample * BILLION, time, 30_000)
        assert not average.numerator
        assert average.value() == 0

    def test_the_longest_times_and_largest_prices_are_finite(self) -> None:
        """MRK-5, EVT-4, AMT-3."""
        average, price = Average(), 10**77
        for time in (0, 2**53 - 2, 2**53 - 1):
            average.add(price * BILLION, time, 150_000)
        assert average.value() == price * BILLION

    @given(st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 200_000)), min_size=1, max_size=8))
    def test_the_checker_finds_the_same_from_the_whole_history(self, samples: list[tuple[int, int]]) -> None:
        """MRK-5."""
        average, now, history = Average(), 0, []
        for sample, elapsed in samples:
            now += elapsed
            average.add(sample * BILLION, now, 30_000)
            history.append((Exact(sample), now))
        found = naive.average(tuple(history), 30_000, Exact(1))
        assert abs(average.value() - Fraction(found.numerator, found.denominator) * BILLION) <= 1

    @given(st.lists(st.tuples(st.integers(BILLION, 10**40), st.integers(0, 10**7)), min_size=1, max_size=12))
    def test_an_average_of_ticks_is_at_least_a_tick(self, samples: list[tuple[int, int]]) -> None:
        """MRK-5: no rounding puts the numerator below the denominator, so a mark is never below a tick (MRK-6)."""
        average, now = Average(), 0
        for sample, elapsed in samples:
            now += elapsed
            average.add(sample, now, 30_000)
            assert average.numerator >= average.denominator
            assert average.value() >= BILLION


class TestTheLargestMove:
    @pytest.mark.parametrize(
        ("target", "mark"), [("109", 109), ("110", 110), ("111", 110), ("90", 90), ("89", 90), ("1", 90)]
    )
    def test_a_mark_is_cut_to_it(self, target: str, mark: int) -> None:
        """MRK-7: a tenth of 100."""
        assert inputs(forming(max_move="1/10"), index=target) == mark

    def test_it_is_rounded_down_to_ticks_and_at_least_one(self) -> None:
        """MRK-7."""
        assert mark_price.limited(200, 109, Ratio(1, 10)) == 119
        assert mark_price.limited(200, 9, Ratio(1, 10)) == 10
        assert mark_price.limited(1, 2, Ratio(1, 10)) == 1

    def test_a_mark_that_is_set_is_not_cut(self) -> None:
        """MRK-7."""
        engine = forming(max_move="1/10")
        apply(engine, "mark_price", market="A", price="500")
        assert engine.state.marks["A"] == 500

    def test_averages_learn_what_was_quoted(self) -> None:
        """MRK-7: only the mark is cut."""
        engine = forming(max_move="1/10")
        inputs(engine, best_bid="50", best_ask="50")
        assert engine.state.feeds["A"].book.value() == 50 * BILLION


class TestAnEnginesMark:
    @pytest.mark.parametrize(
        ("shown", "mark"), [("96", 97), ("97", 97), ("98", 98), ("95", 97), ("99", 97), ("97.5", 97), ("x", 97)]
    )
    def test_the_run_continues_with_a_mark_within_a_tick(self, shown: str, mark: int) -> None:
        """MRK-9."""
        wanted = {"96": 96}.get(shown, mark)
        assert inputs(forming(), index="97", observed={"marks": {"A": shown}}) == wanted

    def test_of_prices_on_other_venues_too(self) -> None:
        """MRK-9, MRK-4."""
        assert inputs(forming(), perps=perps((99, 2), (90, 1)), observed={"marks": {"A": "98"}}) == 98

    @pytest.mark.parametrize("observed", [{"A": 98}, {"A": None}, {"B": "98"}, {}, ["98"], "98"])
    def test_what_shows_no_such_price_changes_nothing(self, observed: Any) -> None:
        """MRK-9."""
        assert inputs(forming(), index="97", observed={"marks": observed}) == 97

    def test_the_mark_of_an_unknown_market_is_none(self) -> None:
        """MRK-9, EVT-2."""
        event = {"type": "price_inputs", "market": "Z", "index": "97"}
        assert apply_event(forming(), event, {"marks": {"Z": "97"}}).code == "unknown_market"

    def test_not_beyond_the_largest_move(self) -> None:
        """MRK-9, MRK-7."""
        assert inputs(forming(max_move="1/10"), index="120", observed={"marks": {"A": "111"}}) == 110
        assert inputs(forming(max_move="1/10"), index="120", observed={"marks": {"A": "109"}}) == 109
        assert inputs(forming(max_move="1/10"), index="80", observed={"marks": {"A": "89"}}) == 90
        assert inputs(forming(max_move="1/10"), index="80", observed={"marks": {"A": "91"}}) == 91

    def test_not_below_a_tick(self) -> None:
        """MRK-9, MRK-6."""
        assert inputs(forming(), index="1", observed={"marks": {"A": "0"}}) == 1
        assert inputs(forming(), index="2", observed={"marks": {"A": "1"}}) == 1


class TestTheState:
    def test_a_snapshot_holds_inputs_and_averages(self) -> None:
        """OBS-4, MRK-2, MRK-5: a run restored from its JSON continues like the original."""
        engine = forming(stale_ms=1000)
        inputs(engine, index="97", best_bid="97", best_ask="98", last="97", perps=perps((99, 2), (98, 1)))
        later(engine, 700)
        inputs(engine, index="96", best_bid="96", best_ask="98")
        data = json.loads(json.dumps(snapshot.to_json(engine.venue, engine.snapshot())))
        other = Engine(Config.from_json(small_config(mark={"stale_ms": 1000})))
        other.restore(snapshot.from_json(other.venue, data))
        assert other.snapshot() == engine.snapshot()
        for run in (engine, other):
            later(run, 400)
        assert inputs(engine, last="90") == inputs(other, last="90")
        assert other.snapshot() == engine.snapshot()

    def test_the_order_of_the_inputs_is_not_part_of_it(self) -> None:
        """OBS-4: the markets are in the order of their names."""
        first, second = forming(stale_ms=1000), forming(stale_ms=1000)
        for engine, markets in ((first, "AB"), (second, "BA")):
            for market in markets:
                apply(engine, "price_inputs", market=market, index="100")
        assert first.snapshot() == second.snapshot()

    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            (("market",), "C", "feeds.C: unknown market"),
            (("index", "price"), "0", "feeds.A.index.price: must be above 0"),
            (("index", "price"), "0.5", "feeds.A.index.price: 0.5 is not a multiple of 1"),
            (("index", "time"), 9, "feeds.A.index.time: must not be after the time of the state"),
            (("perps", "prices"), [], "feeds.A.perps.prices: at least one entry"),
            (("perps", "prices", 1, "weight"), 0, "feeds.A.perps.prices: at least one entry is needed, and weights"),
            (("perps", "prices", 0, "price"), "0.5", "feeds.A.perps.prices[1].price: 0.5 is not a multiple of 1"),
            (("basis", "denominator"), "-1", "feeds.A.basis.denominator: must be at least 0"),
        ],
    )
    def test_a_snapshot_that_contradicts_itself_is_refused(
        self, path: tuple[str | int, ...], value: Any, message: str
    ) -> None:
        """OBS-4."""
        engine = forming(stale_ms=1000)
        inputs(engine, index="97", best_bid="97", best_ask="98", perps=perps((99, 2), (99, 1)))
        data = snapshot.to_json(engine.venue, engine.snapshot())
        *parents, last = path
        entry = data["feeds"][0]
        for name in parents:
            entry = entry[name]
        entry[last] = value
        with pytest.raises(InvalidConfig) as caught:
            snapshot.from_json(engine.venue, data)
        assert str(caught.value).startswith(message)

    def test_the_inputs_of_every_market_are_looked_at(self) -> None:
        """OBS-4."""
        engine = forming(stale_ms=1000)
        for market in "AB":
            apply(engine, "price_inputs", market=market, index="97")
        data = snapshot.to_json(engine.venue, engine.snapshot())
        data["feeds"][1]["index"]["time"] = 9
        with pytest.raises(InvalidConfig, match=r"feeds\.B\.index\.time: must not be after the time of the state"):
            snapshot.from_json(engine.venue, data)

    def test_an_average_of_one_sample_is_read_back(self) -> None:
        """OBS-4, MRK-5: its denominator is 0."""
        engine = forming()
        inputs(engine, index="97", best_bid="97", best_ask="98")
        data = snapshot.to_json(engine.venue, engine.snapshot())
        assert data["feeds"][0]["basis"]["denominator"] == "0"
        assert snapshot.from_json(engine.venue, data) == engine.snapshot()

    def test_the_inputs_of_a_market_stand_once(self) -> None:
        """OBS-4."""
        engine = forming()
        inputs(engine, index="97")
        data = snapshot.to_json(engine.venue, engine.snapshot())
        data["feeds"] *= 2
        with pytest.raises(InvalidConfig, match="feeds: a market is repeated"):
            snapshot.from_json(engine.venue, data)

    def test_a_snapshot_with_inputs_is_of_a_run_that_forms_its_marks(self) -> None:
        """OBS-4, MRK-1."""
        engine = forming()
        inputs(engine, index="97")
        data = snapshot.to_json(engine.venue, engine.snapshot())
        with pytest.raises(InvalidConfig, match="no table mark"):
            snapshot.from_json(holding().venue, data)

    def test_a_trace_holds_all_of_it(self) -> None:
        """OBS-4."""
        config = Config.from_json(small_config(mark={"stale_ms": 10}))
        event = {"type": "price_inputs", "market": "A", "index": "97", "best_bid": "9", "best_ask": "9"}
        trace = itf.run(config, [event, {**event, "perps": perps((3, 1))}])
        written = json.loads(json.dumps(itf.to_json(trace)))
        assert "feeds" in written["vars"]
        assert itf.from_json(written) == trace
        assert "feeds" not in itf.to_json(itf.run(Config.from_json(small_config()), []))["vars"]


def test_what_28_digits_cost_a_huge_average_is_not_held_against_an_engine() -> None:
    """MRK-5: the checker's averages are more exact, which shows in prices of more than 25 digits in ticks."""
    huge, other = "193447865216806200000000000000000001046200", "64482621738935400000000000000000000348750"
    perps = [{"price": huge, "weight": 5}, {"price": other, "weight": 5}]
    config = small_config(mark={})
    engine, coverage = Engine(Config.from_json(config)), Coverage()
    monitor = Monitor.of_start(engine, config, coverage)
    inputs = {"type": "price_inputs", "market": "A"}
    for number in range(1, 40):
        ask = str(10**30 + number * 10**29)
        assert monitor.apply({**inputs, "index": str(1000 + number), "best_bid": "100", "best_ask": ask}) == []
        assert monitor.apply({"type": "block", "time": number * 7}) == []
        assert monitor.apply({**inputs, "perps": perps, "index": "100"}) == []
