"""Shrinking on its own: what is dropped, merged or made plain, whatever it is that fails."""

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar

import pytest
from attrs import evolve

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.edge.errors import InternalFailure
from liqspec.properties.coverage import Coverage, Violation
from liqspec.search.minimise import Candidates, FailingRun, Test, minimise
from liqspec.search.passes import FEWER, MANY, PLAINER, SIMPLER, AllShorter, condense_events
from liqspec.verify import counterexample
from liqspec.verify.tasks import LENGTH
from support.builders import small_config

Wanted = Callable[[list[EventData]], bool]
KEY = {"account": "alice", "market": "A", "mode": "cross"}
CONFIG = {"accounts": ["alice"], "markets": {"A": {}}, "marks": {"A": "1"}, "time": 0}


def failing(wanted: Wanted) -> Callable[[FailingRun], FailingRun | None]:
    """A test that fails where the events are as wanted."""
    return lambda candidate: candidate if wanted(candidate.events) else None


def shrink(run: FailingRun, fails: Test) -> FailingRun:
    return minimise(run, fails, FEWER, SIMPLER)


def rounded(run: FailingRun, fails: Test) -> FailingRun:
    return minimise(run, fails, PLAINER)


def shrunk(given: list[EventData], wanted: Wanted) -> list[EventData]:
    assert wanted(given), "it must fail before it is shrunk"
    return shrink(FailingRun(CONFIG, given), failing(wanted)).events


def block(time: object) -> EventData:
    return {"type": "block", "time": time}


def mark(price: str) -> EventData:
    return {"type": "mark_price", "market": "A", "price": price}


def test_a_block_is_taken_away_and_later_ones_come_as_much_earlier() -> None:
    """What fails needs the first block, and seven milliseconds between the last two."""

    def wanted(events: list[EventData]) -> bool:
        times = [event["time"] for event in events if event["type"] == "block"]
        return len(times) > 1 and times[0] == 2 and times[-1] - times[-2] == 7

    assert shrunk([block(2), mark("1"), block(5), block(12)], wanted) == [block(2), block(9)]


def test_a_block_that_no_engine_would_take_is_left_as_it_is() -> None:
    given = [block("later"), block(0), block(None)]
    assert shrunk(given, lambda events: len(events) == 3) == given


def test_two_of_a_kind_become_one_and_malformed_ones_stay() -> None:
    def total(events: list[EventData]) -> bool:
        return sum(int(event["amount"]) for event in events if event["type"] == "deposit") == 7

    deposits: list[EventData] = [{"type": "deposit", "account": "alice", "amount": amount} for amount in ("3", "4")]
    assert shrunk(deposits, total) == [{**deposits[0], "amount": "7"}]
    trades: list[EventData] = [{"type": "trade", **KEY, "size": size, "price": "1"} for size in ("2", "-5")]
    net = shrunk(trades, lambda events: sum(int(event["size"]) for event in events) == -3)
    assert net == [{**trades[0], "size": "-3"}]
    malformed: list[EventData] = [{"type": "deposit", "account": "alice"}, {"type": "deposit", "account": "alice"}]
    assert shrunk(malformed, lambda events: len(events) == 2) == malformed


def test_pairs_are_not_tried_in_a_long_run() -> None:
    """Only whole pairs may go here, so a long run stays, and a shorter one loses them."""

    def even(given: list[EventData]) -> bool:
        return all(event in given for event in (mark("1"), mark("2"))) and len(given) % 2 == 0

    pairs = [mark("1"), mark("2"), mark("3"), mark("4")]
    assert shrunk(pairs, even) == pairs[:2]
    long = [mark(str(number)) for number in range(MANY + 1)]
    asked: list[int] = []

    def whole(candidate: FailingRun) -> FailingRun | None:
        asked.append(len(candidate.events))
        return None

    assert shrink(FailingRun(CONFIG, long), whole).events == long
    assert asked.count(MANY - 1) == MANY, "two neighbours are dropped, but no pairs from anywhere"


def test_numbers_become_as_plain_as_they_can_be() -> None:
    def wanted(candidate: FailingRun) -> FailingRun | None:
        (event,) = candidate.events
        return candidate if event["price"] in ("73.125", "70") and event["leverage"] in (37, 10) else None

    found = rounded(FailingRun(CONFIG, [{"type": "trade", "price": "73.125", "leverage": 37}]), wanted)
    assert found.events == [{"type": "trade", "price": "70", "leverage": 10}]


def test_of_several_prices_only_the_needed_ones_stay() -> None:
    def wanted(candidate: FailingRun) -> FailingRun | None:
        return candidate if candidate.events[0]["prices"].get("A") == "99" else None

    found = rounded(FailingRun(CONFIG, [{"type": "marks", "prices": {"A": "99", "B": "12", "C": "7"}}]), wanted)
    assert found.events[0]["prices"] == {"A": "99"}


def test_numbers_that_may_not_change_are_tried_once() -> None:
    asked: list[FailingRun] = []

    def never(candidate: FailingRun) -> FailingRun | None:
        asked.append(candidate)
        return None

    given = FailingRun(CONFIG, [{"type": "deposit", "account": "alice", "amount": "73.125"}])
    assert rounded(given, never) is given
    assert len({candidate.events[0]["amount"] for candidate in asked}) == len(asked) > 1


def test_other_events_after_a_block_stay_as_they_are() -> None:
    """The second block goes, and the mark between the later ones stays where it is."""
    given = [block(2), block(4), block(6), mark("7"), block(13)]
    shorter = [block(2), block(4), mark("7"), block(11)]
    assert shrunk(given, lambda events: events in (given, shorter)) == shorter


def deposit(amount: str) -> EventData:
    return {"type": "deposit", "account": "alice", "amount": amount}


def trade(size: str) -> EventData:
    return {"type": "trade", **KEY, "size": size, "price": "1"}


def test_amounts_and_sizes_are_made_smaller_together() -> None:
    """Neither alone, since only their ratio fails."""

    def wanted(given: list[EventData]) -> bool:
        return Fraction(given[0]["amount"]) == 4000 * -Fraction(given[1]["size"]) != 0

    made = rounded(FailingRun(CONFIG, [deposit("800000000"), trade("-200000")]), failing(wanted))
    assert made.events == [deposit("80"), trade("-0.02")]


def test_amounts_and_sizes_are_not_made_smaller_than_two_decimals() -> None:
    def wanted(given: list[EventData]) -> bool:
        return Fraction(given[0]["amount"]) == 125 * Fraction(given[1]["size"])

    given = [deposit("125"), trade("1")]
    assert rounded(FailingRun(CONFIG, given), failing(wanted)).events == [deposit("1.25"), trade("0.01")]
    given = [deposit("15.625"), trade("0.125")]
    assert rounded(FailingRun(CONFIG, given), failing(wanted)).events == given


def test_a_number_is_only_replaced_by_a_plainer_one() -> None:
    """Whatever still fails: two equally plain numbers would replace each other without end."""
    tried: list[str] = []

    def fails(candidate: FailingRun) -> FailingRun | None:
        tried.append(candidate.events[0]["price"])
        return None

    for price, plainer in {
        "1": [],
        "2": ["1"],
        "10": ["1"],
        "20": ["1", "10"],
        "25": ["1", "10", "20", "30"],
        "0.5": ["1"],
        "0.1": [],
        "1.25": ["1", "2"],
    }.items():
        tried.clear()
        rounded(FailingRun(CONFIG, [mark(price)]), fails)
        assert tried == plainer, price


class TestTheCounterexampleThatIsReported:
    """The shortest of what was violated; only where that is long, of what a few more random runs violate too."""

    @pytest.fixture(autouse=True)
    def nothing_is_shrunk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(counterexample, "PASSES", ())
        monkeypatch.setattr(counterexample, "judge_all", lambda violation, _: violation)

    def shortest(self, lengths: list[int], later: dict[int, int], monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
        """The reported events, and how many more runs were made; `later` has the violations of those runs."""
        runs: list[str] = []

        def another(
            base: object, random: object, length: int, where: str, coverage: Coverage, *, fixed: bool
        ) -> list[EventData]:
            if (events := later.get(len(runs))) is not None:
                coverage.violations.append(violated(events))
            runs.append(where)
            return [mark("1")] * length

        monkeypatch.setattr(counterexample, "random_run", another)
        smallest = counterexample.shortest(map(violated, lengths), (CONFIG,), seed=3)
        assert len(set(runs)) == len(runs)
        return -1 if smallest is None else len(smallest.events), len(runs)

    def test_is_none_if_nothing_was_violated(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.shortest([], {0: 1}, monkeypatch) == (-1, 0)

    def test_is_the_shortest_and_no_more_is_looked_for_if_that_is_short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.shortest([12, counterexample.SHORT, 9], {0: 1}, monkeypatch) == (counterexample.SHORT, 0)

    def test_is_looked_for_where_the_first_is_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        later = {2: 30, 4: counterexample.SHORT + 1, 7: counterexample.SHORT, 8: 1}
        assert self.shortest([counterexample.SHORT + 5], later, monkeypatch) == (counterexample.SHORT, 8)

    def test_of_a_scope_stays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is the shortest of a scope that is smaller than any random configuration."""
        monkeypatch.setattr(counterexample, "random_run", None)
        found = evolve(violated(9), where="scope minimal")
        assert counterexample.shortest([found], (CONFIG,), seed=1) == found

    def test_is_looked_for_in_so_many_runs_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Shrinking takes seconds: an engine of which every counterexample is long must not take minutes."""
        later = {run: 20 - run % 3 for run in range(1, 1 + counterexample.FOUND)} | {1 + counterexample.FOUND: 1}
        assert self.shortest([21], later, monkeypatch) == (18, 1 + counterexample.FOUND)

    def test_only_the_shortest_of_them_are_made_short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried: list[int] = []

        def shrunk(violation: Violation, *, fixed: bool) -> Violation:
            tried.append(len(violation.events))
            return violation

        monkeypatch.setattr(counterexample, "shrink", shrunk)
        self.shortest([20], {run: 18 - run for run in range(counterexample.FOUND)}, monkeypatch)
        assert tried == [20, *range(19 - counterexample.FOUND, 19 - counterexample.FOUND + counterexample.SHRUNK)]

    def test_stays_if_nothing_shorter_comes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.shortest([20], {5: LENGTH}, monkeypatch) == (20, counterexample.RUNS)


def violated(events: int) -> Violation:
    return Violation("a_property", "", "", CONFIG, [mark("1")] * events)


class TestSayingTheSameWithAnEventFewer:
    CONFIG: ClassVar[dict[str, Any]] = {**CONFIG, "markets": {"A": {"tick": "0.5"}}}

    def fewer(self, *given: EventData) -> list[tuple[str, list[EventData]]]:
        """The starting marks and the events of each run that says the same."""
        return [(run.config["marks"]["A"], run.events) for run in condense_events(FailingRun(self.CONFIG, list(given)))]

    def test_a_mark_is_there_from_the_start(self) -> None:
        assert self.fewer(mark("7"), block(1), mark("9")) == [
            ("7", [block(1), mark("9")]),
            ("9", [mark("7"), block(1)]),
        ]

    def test_a_mark_of_no_market_is_no_starting_mark(self) -> None:
        assert self.fewer({**mark("7"), "market": ["A"]}, {**mark("7"), "market": "B"}) == []

    @pytest.mark.parametrize("price", ["0", "-1", "0.00000001", "free", 7])
    def test_a_mark_that_no_venue_starts_with_stays_an_event(
        self, price: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only a wrong engine accepts it; a run cannot start with it."""
        given: list[EventData] = [{"type": "mark_price", "market": "A", "price": price}]

        def judge_all(violation: Violation, events: list[EventData]) -> Violation | None:
            Engine(Config.from_json(violation.config))
            return violation if events == given else None

        monkeypatch.setattr(counterexample, "judge_all", judge_all)
        assert counterexample.shrink(Violation("a_property", "", "", small_config(), given)).events == given

    @pytest.mark.parametrize(
        ("money", "mode", "size", "price"),
        [
            ({"type": "deposit"}, "cross", "2", "95"),  # 10 / 2 below 100
            ({"type": "deposit"}, "cross", "-2", "105"),
            ({"type": "deposit"}, "cross", "3", "96.5"),  # 96.66, and at least as good
            ({"type": "deposit"}, "cross", "-3", "103.5"),
            ({"type": "transfer", "market": "A"}, "isolated", "2", "95"),
        ],
    )
    def test_a_better_price_replaces_collateral(self, money: EventData, mode: str, size: str, price: str) -> None:
        trade = {"type": "trade", **KEY, "mode": mode, "size": size, "price": "100"}
        paid = {**money, "account": "alice", "amount": "10"}
        assert self.fewer(paid, block(1), trade) == [("1", [block(1), {**trade, "price": price}])]

    @pytest.mark.parametrize(
        "change",
        [
            {"account": "bob"},
            {"mode": "isolated"},
            {"size": "0"},
            {"size": "x"},
            {"size": "1e999999999"},
            {"size": float("inf")},
            {"market": "B"},
            {"market": ["A"]},
            {"price": "5"},
        ],
    )
    def test_collateral_stays_where_no_price_can_replace_it(self, change: EventData) -> None:
        """Somebody else's, of another pool, a trade that is refused, or a price that would not be above 0."""
        trade = {"type": "trade", **KEY, "size": "2", "price": "100", **change}
        assert self.fewer({"type": "deposit", "account": "alice", "amount": "10"}, trade) == []


class TestTheLoop:
    """Passes in their order, from the first again where a later one makes the run shorter, until the deadline."""

    def applied(self, *lengths: tuple[int, ...], deadline: float | None = None) -> tuple[list[str], int]:
        """The passes that are applied, and the events that are left; each pass proposes its lengths, one at a time."""
        order: list[str] = []

        def proposing(name: str, wanted: list[int]) -> Callable[[FailingRun], Candidates]:
            def one(run: FailingRun) -> Candidates:
                order.append(name)
                found = (yield FailingRun(CONFIG, run.events[: wanted.pop(0)])) if wanted else None
                return found or run

            return one

        passes = tuple(proposing("abc"[place], list(wanted)) for place, wanted in enumerate(lengths))
        run = FailingRun(CONFIG, [mark("1")] * 9)
        return order, len(minimise(run, lambda candidate: candidate, passes, deadline=deadline).events)

    def test_begins_again_where_a_later_pass_makes_the_run_shorter(self) -> None:
        assert self.applied((), (8, 7), ()) == (list("abababc"), 7)

    def test_goes_on_where_the_first_pass_does_or_nothing_is_shorter(self) -> None:
        assert self.applied((5,), (5,), (5,)) == (list("abc"), 5)

    def test_asks_nothing_after_the_deadline(self) -> None:
        assert self.applied((5,), (4,), deadline=0.0) == (["a"], 9)

    def test_takes_a_candidate_without_a_valid_configuration_for_none(self) -> None:
        def fails(candidate: FailingRun) -> FailingRun | None:
            Engine(Config.from_json(candidate.config))
            return candidate

        run = FailingRun(small_config(), [mark("0")])
        assert minimise(run, fails, (condense_events,)) is run

    def test_past_the_deadline_the_shortest_so_far_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = iter([1.0, 2.0, 3.0])
        monkeypatch.setattr(time, "monotonic", lambda: next(times))
        assert self.applied((5,), (4,), (3,), deadline=2.5) == (list("ababc"), 4)

    def test_reports_an_exception_of_the_test_with_the_events_of_the_candidate(self) -> None:
        def fails(candidate: FailingRun) -> FailingRun | None:
            raise LookupError("no such pool")

        with pytest.raises(InternalFailure) as failed:
            minimise(FailingRun(CONFIG, [mark("1"), mark("2")]), fails, FEWER)
        assert (failed.value.where, failed.value.events) == ("a run that is made shorter", [mark("1")])
        assert failed.value.what.startswith("LookupError in fails (test_shrink.py, line ")

    def test_reports_an_exception_on_the_way_of_a_shorter_run(self) -> None:
        class Crashing:
            """At the second event."""

            def __init__(self) -> None:
                self.events: list[EventData] = []
                self.position = 0

            def restore(self, position: int, events: list[EventData]) -> None:
                self.position, self.events = position, list(events)

            def apply(self, event: EventData) -> None:
                self.events.append(event)
                self.position += 1
                if self.position == 2:
                    raise LookupError("no such pool")

        run = FailingRun(CONFIG, [mark("1"), mark("2"), mark("3")])
        with pytest.raises(InternalFailure) as failed:
            minimise(run, lambda _: None, (AllShorter(lambda _: Crashing(), (), 9),))
        assert (failed.value.where, failed.value.events) == ("a shorter run", [mark("1"), mark("1")])
