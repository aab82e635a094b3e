"""Protective orders of scenarios: stops and margin alarms, what they do and in which order (SCN-5, SCN-6)."""

from pathlib import Path
from typing import Any

import pytest

from liqspec.core.parameters import InvalidConfig
from liqspec.draw import page
from liqspec.edge.shapes import WrongShape
from liqspec.replay import itf, recordings, timeline
from liqspec.replay.run import Moment, Run
from liqspec.report.amounts import Units
from liqspec.spec import scenarios
from support.builders import small_config

LONG = {
    "type": "trade",
    "account": "alice",
    "market": "A",
    "mode": "cross",
    "size": "10",
    "price": "100",
    "leverage": 5,
}
SHORT = {**LONG, "size": "-10"}
STOP = {"position": "alice/A/cross", "stop": "95"}
ALARM = {"pool": "alice/cross", "alarm": "3/2", "deposit": "10"}


def deposit(amount: str, account: str = "alice") -> dict[str, Any]:
    """A deposit."""
    return {"type": "deposit", "account": account, "amount": amount}


def mark(price: str, market: str = "A") -> dict[str, Any]:
    """A new mark."""
    return {"type": "mark_price", "market": market, "price": price}


def scenario(protect: list[dict[str, Any]], events: list[Any], depth: Any = None, **changes: Any) -> scenarios.Scenario:
    """A scenario on the small configuration: margins of 1/10, ticks and lots of 1."""
    data: dict[str, Any] = {
        "title": "t",
        "config": small_config(**changes),
        "protect": protect,
        "step": [{"event": event} for event in events],
    }
    if depth is not None:
        data["depth"] = {"A": [{"distance": distance, "size": size} for distance, size in depth]}
    return scenarios.build("t", data, Path())


def moments(*arguments: Any, **options: Any) -> list[Moment]:
    """The moments of a run in which everything is as expected."""
    run = Run(scenario(*arguments, **options))
    found = list(run)
    assert run.outcome().unexpected == ()
    return found


def acted(found: list[Moment]) -> list[tuple[Any, ...]]:
    """What protective orders and the market did: the step, who, and the event in short."""
    short = []
    for moment in found:
        if moment.by_market or moment.protection:
            event = moment.event
            fields = [event[name] for name in ("market", "size", "price", "amount") if name in event]
            refused = [] if moment.refusal is None else [moment.refusal.code]
            short.append((moment.number, moment.protection or "market", event["type"], *fields, *refused))
    return short


class TestAStop:
    @pytest.mark.parametrize(
        ("opening", "stop", "price", "triggers"),
        [
            (LONG, "95", "96", False),
            (LONG, "95", "95", True),
            (LONG, "95", "94", True),
            (SHORT, "105", "104", False),
            (SHORT, "105", "105", True),
            (SHORT, "105", "106", True),
        ],
    )
    def test_triggers_at_its_price_and_beyond(self, opening: Any, stop: str, price: str, triggers: bool) -> None:
        """SCN-5: at or below for a long, at or above for a short; without a ladder at the mark."""
        found = moments([{**STOP, "stop": stop}], [deposit("400"), opening, mark(price)])
        size = "-10" if opening is LONG else "10"
        assert acted(found) == ([(3, "stop", "trade", "A", size, price)] if triggers else [])

    def test_is_not_triggered_by_the_price_of_a_trade(self) -> None:
        """SCN-5, LIQ-2."""
        print_at_50 = {**LONG, "account": "bob", "size": "1", "price": "50"}
        found = moments([STOP], [deposit("400"), deposit("400", "bob"), LONG, print_at_50])
        assert acted(found) == []

    def test_stays_triggered_and_closes_the_rest_when_there_is_liquidity_again(self) -> None:
        """SCN-5: the ladder has 4; the mark comes back, and only the block brings new bids."""
        events = [deposit("400"), LONG, mark("95"), mark("99"), {"type": "block", "time": 1}]
        found = moments([STOP], events, depth=[("1", "3"), ("2", "1")])
        assert acted(found) == [
            (3, "stop", "trade", "A", "-3", "94"),
            (3, "stop", "trade", "A", "-1", "93"),
            (5, "stop", "trade", "A", "-3", "98"),
            (5, "stop", "trade", "A", "-1", "97"),
        ]

    def test_closes_at_most_the_position_and_at_most_its_size(self) -> None:
        """SCN-5: reduce-only."""
        two = [{**STOP, "size": "7"}, {**STOP, "size": "7"}]
        found = moments(two, [deposit("400"), LONG, mark("95"), mark("94")])
        assert acted(found) == [(3, "stop", "trade", "A", "-7", "95"), (3, "stop", "trade", "A", "-3", "95")]

    def test_without_a_size_is_for_the_position_as_it_is_then(self) -> None:
        """SCN-5."""
        found = moments([STOP], [deposit("900"), LONG, {**LONG, "size": "5"}, mark("95")])
        assert acted(found) == [(4, "stop", "trade", "A", "-15", "95")]

    def test_does_not_grow_with_the_position_once_it_is_triggered(self) -> None:
        """SCN-5: 10 when it triggered, 4 of them closed; the 5 bought later stay."""
        events = [deposit("900"), LONG, mark("95"), {**LONG, "size": "5", "price": "95"}, {"type": "block", "time": 1}]
        found = moments([STOP], [*events, {"type": "block", "time": 2}], depth=[("1", "4")])
        assert [size for _, _, _, _, size, _ in acted(found)] == ["-4", "-4", "-2"]

    def test_ends_with_the_life_of_its_position(self) -> None:
        """SCN-5, LIF-2: closed by hand and opened again, the position has no stop any more."""
        closing = {**LONG, "size": "-10"}
        del closing["leverage"]
        events = [deposit("400"), LONG, closing, LONG, mark("90")]
        assert acted(moments([STOP], events)) == []
        assert acted(moments([STOP], [events[0], events[3], events[4]])) == [(3, "stop", "trade", "A", "-10", "90")]

    def test_that_was_triggered_ends_with_the_life_of_its_position_too(self) -> None:
        """SCN-5, LIF-2: 6 of 10 are left to sell when the trader closes them, and opens again."""
        closing = {**LONG, "size": "-6", "price": "95"}
        del closing["leverage"]
        events = [deposit("400"), LONG, mark("95"), closing, {**LONG, "price": "95"}, {"type": "block", "time": 1}]
        assert acted(moments([STOP], events, depth=[("0", "4")])) == [(3, "stop", "trade", "A", "-4", "95")]

    def test_comes_after_the_liquidation_order(self) -> None:
        """SCN-5: the order for all takes the near level and restores the pool; the stop gets what is left."""
        events = [deposit("200"), LONG, mark("88")]
        found = moments([STOP], events, depth=[("1", "6"), ("2", "9")])
        assert acted(found) == [
            (3, "market", "fill", "A", "6", "87"),
            (3, "stop", "trade", "A", "-4", "86"),
        ]

    def test_lets_a_liquidation_order_that_its_own_trade_causes_come_first(self) -> None:
        """SCN-5: bob is liquidated by the mark only after alice's stop has acted on her own pool twice."""
        both = [STOP, {**STOP, "position": "bob/A/cross"}]
        events = [deposit("200"), LONG, deposit("140", "bob"), {**LONG, "account": "bob", "size": "5"}, mark("95")]
        found = moments(both, events, depth=[("5", "4"), ("6", "4"), ("9", "8")])
        assert [(who, size) for _, who, _, _, size, _ in acted(found)] == [
            ("stop", "-4"),
            ("stop", "-4"),
            ("stop", "-2"),
            ("stop", "-5"),
        ]

    def test_waits_while_a_liquidation_order_of_its_pool_is_working(self) -> None:
        """SCN-5, ACC-7: without a ladder the order works until the timeline ends it."""
        done = {"type": "order_done", "account": "alice", "market": "A", "mode": "cross"}
        found = moments([STOP], [deposit("200"), LONG, mark("88"), deposit("1"), done])
        assert acted(found) == [(5, "stop", "trade", "A", "-10", "88")]

    def test_whose_trade_is_refused_is_tried_again_after_the_next_step(self) -> None:
        """SCN-5, ACC-9: 10 at 70 would leave -100; at 80 it leaves 0. The refused trade takes no liquidity."""
        events = [deposit("200"), LONG, mark("95"), mark("104"), mark("105")]
        found = moments([STOP], events, depth=[("25", "10")])
        assert acted(found) == [
            (3, "stop", "trade", "A", "-10", "70", "insufficient_margin"),
            (4, "stop", "trade", "A", "-10", "79", "insufficient_margin"),
            (5, "stop", "trade", "A", "-10", "80"),
        ]

    def test_comes_in_the_order_of_the_file(self) -> None:
        """SCN-5: bob is listed first."""
        events = [deposit("400"), deposit("400", "bob"), LONG, {**LONG, "account": "bob"}, mark("95")]
        both = [{**STOP, "position": "bob/A/cross"}, STOP]
        found = [moment for moment in moments(both, events, depth=[("1", "15")]) if moment.protection]
        assert [(one.event["account"], one.event["size"]) for one in found] == [("bob", "-10"), ("alice", "-5")]


class TestAnAlarm:
    @pytest.mark.parametrize(("collateral", "acts"), [("350", False), ("349", True)])
    def test_acts_strictly_below_its_multiple(self, collateral: str, acts: bool) -> None:
        """SCN-6: at a mark of 80 the margin is 80, and 350 - 200 is exactly 15/8 of it."""
        alarm = {**ALARM, "alarm": "15/8"}
        found = moments([alarm], [deposit(collateral), LONG, mark("80")])
        assert acted(found) == ([(3, "alarm", "deposit", "10")] if acts else [])

    def test_acts_once_after_a_step_and_as_often_as_it_may(self) -> None:
        """SCN-6."""
        events = [deposit("280"), LONG, mark("80"), mark("80"), mark("80"), mark("80")]
        once, twice = moments([ALARM], events), moments([{**ALARM, "times": 3}], events)
        assert acted(once) == [(3, "alarm", "deposit", "10")]
        assert [step for step, *_ in acted(twice)] == [3, 4, 5]

    def test_of_an_isolated_pool_deposits_and_transfers(self) -> None:
        """SCN-6, ACC-4, ACC-6."""
        transfer = {"type": "transfer", "account": "alice", "market": "A", "amount": "250"}
        alarm = {**ALARM, "pool": "alice/A/isolated"}
        events = [deposit("250"), transfer, {**LONG, "mode": "isolated"}, mark("85")]
        found = moments([alarm], events)
        assert acted(found) == [(4, "alarm", "deposit", "10"), (4, "alarm", "transfer", "A", "10")]
        assert found[-1].pools["alice/A/isolated"]["collateral"] == "260"
        assert found[-1].pools["alice/cross"]["collateral"] == "0"

    def test_whose_transfer_is_refused_shows_it(self) -> None:
        """SCN-6, ACC-6: the cross pool needs what was deposited."""
        transfer = {"type": "transfer", "account": "alice", "market": "A", "amount": "250"}
        alarm = {**ALARM, "pool": "alice/A/isolated"}
        of_b = {**LONG, "market": "B", "size": "1"}
        events = [deposit("280"), transfer, {**LONG, "mode": "isolated"}, of_b, mark("85", "B"), mark("85")]
        assert acted(moments([alarm], events))[-1] == (6, "alarm", "transfer", "A", "10", "insufficient_margin")

    def test_reduces_each_position_by_the_fraction_rounded_up(self) -> None:
        """SCN-6: a third of 10 is 4 lots, a third of 3 is 1; by market name."""
        alarm = {"pool": "alice/cross", "alarm": "2", "reduce": "1/3"}
        of_b = {**LONG, "market": "B", "size": "-3"}
        found = moments([alarm], [deposit("330"), of_b, LONG, mark("88")])
        assert acted(found) == [(4, "alarm", "trade", "A", "-4", "88"), (4, "alarm", "trade", "B", "1", "100")]

    def test_does_not_act_again_while_its_reduction_is_unfinished(self) -> None:
        """SCN-6: 5 lots of which 2 find a bid; the rest follows with the blocks, then half of what is left."""
        alarm = {"pool": "alice/cross", "alarm": "9", "reduce": "1/2", "times": 2}
        blocks = [{"type": "block", "time": time} for time in range(1, 5)]
        found = moments([alarm], [deposit("300"), LONG, *blocks], depth=[("0", "2")])
        assert [(step, size) for step, _, _, _, size, _ in acted(found)] == [
            (2, "-2"),
            (3, "-2"),
            (4, "-1"),
            (4, "-1"),
            (5, "-2"),
        ]

    def test_acts_when_a_stop_has_brought_the_pool_below_it(self) -> None:
        """SCN-6: it is the first of the file, but has nothing to do before the stop has sold at a bad price."""
        events = [deposit("300"), LONG, mark("95")]
        protect = [{**ALARM, "alarm": "5/2"}, {**STOP, "size": "5"}]
        near, far = (moments(protect, events, depth=[(distance, "9")]) for distance in ("20", "40"))
        assert [(who, kind) for _, who, kind, *_ in acted(near)] == [("stop", "trade")]
        assert [(who, kind) for _, who, kind, *_ in acted(far)] == [("stop", "trade"), ("alarm", "deposit")]


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "neither": ({"stop": "95"}, "protect[1]", "has neither a position nor a pool; write either position = "),
    "both": ({**STOP, "pool": "alice/cross"}, "protect[1]", "has both a position and a pool; write either position"),
    "no stop": ({"position": "alice/A/cross"}, "protect[1].stop", "required field is missing: a price, such as 1"),
    "stop of zero": ({**STOP, "stop": "0"}, "protect[1].stop", "must be a multiple of 1 above 0; got 0"),
    "stop off the tick": ({**STOP, "stop": "9.5"}, "protect[1].stop", "must be a multiple of 1 above 0; got 9.5"),
    "size off the lot": ({**STOP, "size": "0.5"}, "protect[1].size", "must be a multiple of 1 above 0; got 0.5"),
    "size below zero": ({**STOP, "size": "-1"}, "protect[1].size", "must be a multiple of 1 above 0; got -1"),
    "a pool's key": ({**STOP, "position": "alice/cross"}, "protect[1].position", "is not ACCOUNT/MARKET/MODE, such"),
    "a mode": ({**STOP, "position": "alice/A/crossed"}, "protect[1].position", "is not ACCOUNT/MARKET/MODE, such as"),
    "an account": ({**STOP, "position": "alcie/A/cross"}, "protect[1].position", "; did you mean alice?"),
    "a market": ({**STOP, "position": "alice/X/cross"}, "protect[1].position", 'no market "X"; it has A, B'),
    "alarm of a stop": ({**STOP, "alarm": "2"}, "protect[1].alarm", "is not of a stop; write position = "),
    "size of an alarm": ({**ALARM, "size": "2"}, "protect[1].size", "is not of an alarm; write pool = "),
    "a position's key": (
        {**ALARM, "pool": "alice/A/cross"},
        "protect[1].pool",
        "is not ACCOUNT/cross or ACCOUNT/MARKET",
    ),
    "no alarm": ({"pool": "alice/cross"}, "protect[1].alarm", "required field is missing: a multiple of the margin"),
    "an alarm below 1": ({**ALARM, "alarm": "9/10"}, "protect[1].alarm", "must be at least 1: below that the pool is"),
    "no rate": ({**ALARM, "alarm": "one"}, "protect[1].alarm", 'a rate is written "1/80" or "0.0125"'),
    "two ways": ({**ALARM, "reduce": "1/2"}, "protect[1]", 'an alarm has either a deposit, such as "500", or a reduce'),
    "no way": ({"pool": "alice/cross", "alarm": "2"}, "protect[1]", "an alarm has either a deposit, such as"),
    "a deposit of zero": ({**ALARM, "deposit": "0"}, "protect[1].deposit", "must be a multiple of 1 above 0; got 0"),
    "more than all": (
        {"pool": "alice/cross", "alarm": "2", "reduce": "3/2"},
        "protect[1].reduce",
        "must be above 0 and at most 1, such as 1/2; got 3/2",
    ),
    "nothing": (
        {"pool": "alice/cross", "alarm": "2", "reduce": "0"},
        "protect[1].reduce",
        "must be above 0 and at most 1, such as 1/2; got 0",
    ),
    "never": ({**ALARM, "times": 0}, "protect[1].times", "must be at least 1; leave the alarm out if it must not act"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_value_is_refused_with_what_to_write(name: str) -> None:
    """SCN-5, SCN-6."""
    entry, path, message = WRONG[name]
    with pytest.raises(InvalidConfig) as caught:
        scenario([entry], [deposit("1")])
    assert caught.value.path == path
    assert message in caught.value.message


def test_an_unknown_field_or_a_number_is_refused_with_its_place() -> None:
    with pytest.raises(WrongShape, match=r"protect\[1\]\.stopp: unknown field; .* did you mean stop\?"):
        scenario([{"position": "alice/A/cross", "stopp": "95"}], [deposit("1")])
    with pytest.raises(WrongShape, match=r"protect\[1\]\.stop: expected a string, got 95: write \"95\""):
        scenario([{**STOP, "stop": 95}], [deposit("1")])


def test_a_message_has_the_line_and_counts_from_one(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    text = (
        'title = "t"\nvenue = "generic"\nmarks = { BTC = "50000" }\n'
        '[[protect]]\nposition = "alice/BTC/cross"\nstop = "0.5"\n'
        '[[step]]\nevent = { type = "deposit", account = "alice", amount = "1" }\n'
    )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(scenarios.InvalidScenario) as caught:
        scenarios.load(str(path))
    assert str(caught.value) == f"{path}:6: protect 1, stop: must be a multiple of 1 above 0; got 0.5"


class TestWhatIsShown:
    STORY = ([STOP, ALARM], [deposit("200"), LONG, mark("95"), mark("82")])

    def test_a_timeline_says_who_acts_and_why(self) -> None:
        run = Run(scenario(*self.STORY, depth=[("1", "4")]))
        units = Units(run.engine.venue)
        lines = [line for moment in run for line in timeline.moment_lines(moment, units)]
        assert "[bold]3.1 [dim](the stop)[/dim] trade alice A cross size -4 price 94[/bold]" in lines
        assert "    [italic dim]The stop at 95, triggered at a mark of 95 (SCN-5).[/italic dim]" in lines

    def test_a_line_of_json_has_the_protection_only_where_there_is_one(self) -> None:
        run = Run(scenario(*self.STORY, depth=[("1", "4")]))
        units = Units(run.engine.venue)
        lines = [timeline.moment_json(moment, units) for moment in run]
        kinds = [line.get("protection", "market" if line["by_market"] else "") for line in lines]
        assert kinds == ["", "", "", "stop", "", "alarm"]
        assert ["protection" in line for line in lines] == [False, False, False, True, False, True]
        assert lines[-1]["note"] == "The alarm: equity 68 below 1.5 × maintenance margin 50 (SCN-6)."

    def test_a_page_says_who_acts_and_why(self) -> None:
        shown = page.render(recordings.record(scenario(*self.STORY, depth=[("1", "4")])), None)
        assert "(the stop) trade alice A cross size -4 price 94" in shown
        assert "(the alarm) deposit alice amount 10" in shown
        assert "The alarm: equity 68 below 1.5 × maintenance margin 50 (SCN-6)." in shown

    def test_a_trace_has_its_events_as_ordinary_steps(self) -> None:
        story = scenario(*self.STORY, depth=[("1", "4")])
        trace = itf.run(story.config, [moment.event for moment in Run(story)])
        assert [moment.event["type"] for moment in trace.moments][3] == "trade"
        assert all(moment.refused is None for moment in trace.moments)
