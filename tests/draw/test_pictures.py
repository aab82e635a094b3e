"""Pictures of a run show the run: each value, state, transition, fill and time in them is that of the engine."""

import io
import json
import math
import re
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle, StepPatch

from liqspec import cli
from liqspec.core import machine, measures
from liqspec.core.effects import Filled, Transitioned
from liqspec.core.engine import Engine
from liqspec.draw import decisions, lifecycle_svg, page, path, timeline, timeline_heading
from liqspec.draw.legend import event_label
from liqspec.draw.theme import THEMES
from liqspec.edge import files, keys
from liqspec.edge.amounts import exact
from liqspec.edge.texts import words
from liqspec.replay import recordings
from liqspec.replay import timeline as replay_timeline
from liqspec.replay.record import Record
from liqspec.replay.run import Moment, Run
from liqspec.report.amounts import Units
from liqspec.spec import scenarios

# Among them: several pools, windows, refusals, large numbers, a fee, the vault, negative equity, a second life.
SHOWN = ["windows-of-a-sibling", "eth-march-2025", "short-squeeze", "deficit", "reopened-life"]

every_scenario = pytest.mark.parametrize("name", scenarios.names())
shown_scenario = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SHOWN else pytest.mark.thorough) for name in scenarios.names()]
)


@cache
def recorded(name: str) -> Record:
    return recordings.load(name)


@cache
def ran(name: str) -> tuple[Run, list[Moment]]:
    run = Run(scenarios.load(name))
    return run, list(run)


@cache
def lines(name: str) -> tuple[str, ...]:
    """What `liqspec simulate --json` prints."""
    run, moments = ran(name)
    plain = [replay_timeline.moment_json(moment, Units(run.engine.venue)) for moment in moments]
    return tuple(json.dumps(line) for line in (*plain, replay_timeline.outcome_json(run.outcome())))


def longest(record: Record) -> str:
    return max(record.positions(), key=lambda key: len(record.path(key)))


# ---------------------------------------------------------------------------------------------------------- the record


@every_scenario
def test_the_record_ends_in_the_state_of_the_engine(name: str) -> None:
    run, _ = ran(name)
    last = recorded(name).steps[-1]
    observed = run.engine.observe()
    assert (last.observation.time, last.observation.block) == (observed["time"], observed["block"])
    positions = {seen.key: (seen.state, seen.size.exact, seen.cost.exact) for seen in last.observation.positions}
    assert positions == {
        key: (held.state, held.market.size.step * held.size, run.engine.venue.money.step * held.cost)
        for key, held in measures.all_positions(run.engine).items()
    }
    for key, pool in measures.all_pools(run.engine).items():
        details = measures.pool_details(run.engine, pool)
        assert last.measures[key].equity.exact == exact(details["equity"])
        assert last.measures[key].maintenance_margin.exact == exact(details["maintenance_margin"])
        assert last.measures[key].backstop_line.exact == Fraction(details["backstop_line"])
        assert last.measures[key].below_backstop == details["below_backstop"]
    markets = run.engine.venue.markets
    assert {market: mark.exact for market, mark in last.marks.items()} == {
        market: markets[market].price.step * mark for market, mark in run.engine.state.marks.items()
    }


@every_scenario
def test_every_transition_is_on_the_path_of_its_position_and_the_paths_are_unbroken(name: str) -> None:
    """LIF-1."""
    _, moments = ran(name)
    fired = [
        (event, effect.position, effect.transition)
        for event, moment in enumerate(moments, start=1)
        for effect in moment.effects
        if isinstance(effect, Transitioned)
    ]
    record = recorded(name)
    drawn = [(visit.event, key, visit.recorded.transition) for key in record.positions() for visit in record.path(key)]
    assert sorted(drawn) == sorted(fired)
    for key in record.positions():
        steps = record.path(key)
        assert steps[0].recorded.source == machine.lifecycle().table.initial
        assert steps[-1].recorded.target == record.steps[-1].state(key)
        assert all(earlier.recorded.target == later.recorded.source for earlier, later in pairwise(steps))
        assert [visit.number for visit in steps] == list(range(1, len(steps) + 1))


@every_scenario
def test_fills_are_recorded_with_their_price_and_side(name: str) -> None:
    run, moments = ran(name)
    fills = [
        (event, effect.position, run.engine.venue.markets[keys.market_of(effect.position)].price.step * effect.price)
        for event, moment in enumerate(moments, start=1)
        for effect in moment.effects
        if isinstance(effect, Filled)
    ]
    record = recorded(name)
    trades = [trade for trade in record.trades() if trade.kind == "fill"]
    assert [(trade.event, trade.position, trade.price.exact) for trade in trades] == fills
    for trade in trades:
        before = record.steps[trade.event - 2].position(trade.position)
        assert before is not None
        assert trade.sells == (before.size.exact > 0)


@every_scenario
def test_a_trace_is_read_back_as_the_record_of_its_run(name: str) -> None:
    read = recordings.parse("\n".join(lines(name)), Path("any.jsonl"))
    assert (read.steps, read.end) == (recorded(name).steps, recorded(name).end)


def test_fields_that_the_pictures_do_not_know_are_ignored() -> None:
    first, *rest = lines("deficit")
    more = json.dumps({**json.loads(first), "a_later_field": [1]})
    assert recordings.parse("\n".join([more, *rest]), Path("t.jsonl")).steps == recorded("deficit").steps


PLAIN: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-5, 10**30) | st.text(max_size=4) | st.just({}) | st.just([])
)


def replaced(data: st.DataObject) -> Record | None:
    """A trace with one value replaced by another, if it is still one; else it was refused in one line."""
    answer = [json.loads(line) for line in lines("chunk-cooldown-full-size")]
    within: Any = answer
    while True:
        key = data.draw(st.sampled_from(list(within) if isinstance(within, dict) else list(range(len(within)))))
        if not isinstance(within[key], dict | list) or not within[key] or data.draw(st.integers(0, 4)) == 0:
            break
        within = within[key]
    within[key] = data.draw(PLAIN)
    try:
        return recordings.parse("\n".join(map(json.dumps, answer)), Path("t.jsonl"))
    except recordings.InvalidTrace as error:
        assert "\n" not in str(error)
        assert str(error).startswith("t.jsonl:")
        return None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_trace_with_one_value_replaced_is_reported_or_refused_in_one_line(data: st.DataObject) -> None:
    if (record := replaced(data)) is not None:
        page.data(record, None)
        assert all(len(path.listed(record, key)) == len(record.path(key)) for key in record.positions())


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_trace_with_one_value_replaced_is_drawn_or_refused_in_one_line(data: st.DataObject) -> None:
    if (record := replaced(data)) is not None:
        page.data(record, None)
        timeline.render(record, "png")


# ------------------------------------------------------------------------------------------------------------ the chart


def panel(figure: Figure, title: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def market_panel(figure: Figure, market: str) -> tuple[Axes, bool]:
    """The panel of a market, and whether it is folded because its mark never moves."""
    start = f"{market}: mark price"
    (axes,) = [axes for axes in figure.axes if axes.get_title(loc="left").startswith(start)]
    return axes, axes.get_title(loc="left") != start


def stairs(axes: Axes, label: str) -> list[float | None]:
    """The values of a line, column by column; None where it has a gap."""
    (line,) = [part for part in axes.patches if isinstance(part, StepPatch) and part.get_label() == label]
    values, edges, _ = line.get_data()
    assert list(edges) == [event + 0.5 for event in range(len(values) + 1)]
    return [None if math.isnan(value) else float(value) for value in values]


def cut(axes: Axes, label: str, values: list[float | None]) -> list[float | None]:
    """The values, infinite where they are beyond what the panel shows of a line."""
    (line,) = [part for part in axes.patches if isinstance(part, StepPatch) and part.get_label() == label]
    box = line.get_clip_box()
    assert box is not None
    (_, low), (_, high) = axes.transData.inverted().transform([(box.x0, box.y0), (box.x1, box.y1)])
    room = (high - low) / 1e9
    ends = (low - room, high + room)
    return [
        value if value is None or ends[0] <= value <= ends[1] else math.copysign(math.inf, value - low)
        for value in values
    ]


RATIO = "margin ratio (equity ÷ maintenance margin)"


def notes(axes: Axes) -> set[str]:
    """The texts at the top and the bottom of a panel."""
    return {part.get_text() for part in axes.texts if part.get_label() == "note"}


def places(axes: Axes, *labels: str) -> list[tuple[str, float, float]]:
    """The lines with these labels, each with where it begins."""
    found = [part for part in axes.lines if part.get_label() in labels]
    points = [np.asarray(part.get_xydata()).tolist()[0] for part in found]
    return [(str(part.get_label()), x, y) for part, (x, y) in zip(found, points, strict=True)]


def areas(axes: Axes) -> list[tuple[str, int, int]]:
    """The named areas of a band, with their first and last events."""
    return [
        (str(part.get_label()), int(part.get_x() + 0.5), int(part.get_x() + part.get_width() - 0.5))
        for part in axes.patches
        if isinstance(part, Rectangle) and not str(part.get_label()).startswith("_") and part.get_label()
    ]


@shown_scenario
def test_the_chart_draws_the_values_of_the_run(name: str) -> None:
    record = recorded(name)
    figure = timeline.draw(record)
    for market in record.markets():
        axes, _ = market_panel(figure, market)
        assert stairs(axes, "mark price") == [float(step.marks[market].text) for step in record.steps]
        drawn = places(axes, "trade", "fill")
        wanted = [(t.kind, t.event, float(t.price.text)) for t in record.trades() if t.market == market]
        assert drawn == wanted
    for pool in record.pools():
        axes = panel(figure, f"{pool}: equity against its lines")
        seen = [step.measures.get(pool) for step in record.steps]
        equity = [None if at is None else float(at.equity.text) for at in seen]
        assert cut(axes, "equity", stairs(axes, "equity")) == cut(axes, "equity", equity)
        margins = [float(at.maintenance_margin.text) if at else 0.0 for at in seen]
        assert [value or 0.0 for value in stairs(axes, "maintenance margin")] == margins
        backstop = [float(Fraction(at.backstop_line.text)) if at else 0.0 for at in seen]
        assert [value or 0.0 for value in stairs(axes, "backstop line")] == backstop
        taken = [x for _, x, _ in places(axes, "the vault takes the pool")]
        assert taken == record.takeovers(pool)
    for key in record.positions():
        axes = panel(figure, key)
        drawn_areas = areas(axes)
        states = [(span.value, span.first, span.last) for span in record.states(key) if span.value != "new"]
        assert [area for area in drawn_areas if area[0] != "window"] == states
        windows = [("window", span.first, span.last) for span in record.windows(key)]
        assert [area for area in drawn_areas if area[0] == "window"] == windows


@shown_scenario
def test_the_chart_shows_the_time_of_every_block_and_the_name_of_every_event(name: str) -> None:
    record = recorded(name)
    axes = panel(timeline.draw(record), "blocks and their times")
    given = " ".join(text.get_text() for text in axes.texts)
    for step in record.steps:
        milliseconds = step.observation.time
        seconds = f"{milliseconds / 1000:,.3f}".rstrip("0").rstrip(".")
        assert (f"{milliseconds} ms" if milliseconds < 1000 else f"{seconds} s") in given.replace("\n", " ")
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert [label.split("\n")[0] for label in labels] == [str(event) for event in range(1, len(record.steps) + 1)]
    for label, step in zip(labels, record.steps, strict=True):
        assert step.event["type"].split("_")[0] in label


@shown_scenario
def test_no_text_of_the_chart_overlaps_another_or_leaves_the_picture(name: str) -> None:
    with timeline.settings():
        figure = timeline.draw(recorded(name))
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        figure.draw(renderer)
    parts = [*figure.texts, *figure.legends[0].get_texts()]
    for axes in figure.axes:
        low, high = axes.get_ylim()
        scale = [label for label in axes.get_yticklabels() if low <= label.get_position()[1] <= high]
        parts += [axes._left_title, *axes.texts, *axes.get_xticklabels(), *scale]  # type: ignore[attr-defined]
    boxes = [(part.get_text(), part.get_window_extent(renderer)) for part in parts if part.get_text()]
    whole = figure.bbox
    for text, box in boxes:
        assert box.x0 >= whole.x0, text
        assert box.y0 >= whole.y0, text
        assert box.x1 <= whole.x1, text
        assert box.y1 <= whole.y1, text
    for (first, one), (second, other) in combinations(boxes, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        up = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert across <= 1 or up <= 1, (first, second)


@shown_scenario
def test_the_names_in_a_band_stay_inside_their_areas(name: str) -> None:
    record = recorded(name)
    with timeline.settings():
        figure = timeline.draw(record)
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        figure.draw(renderer)
    for title in [*record.positions(), "blocks and their times"]:
        axes = panel(figure, title)
        boxes = [part.get_window_extent(renderer) for part in axes.patches if isinstance(part, Rectangle)]
        for text in axes.texts:
            extent = text.get_window_extent(renderer)
            assert any(box.x0 <= extent.x0 and extent.x1 <= box.x1 for box in boxes), text.get_text()


def test_a_breach_is_reported_with_its_two_numbers() -> None:
    """LIQ-3: on the scale of the panel, the two lines of this story are one."""
    axes = panel(timeline.draw(recorded("market-liquidation")), "alice/cross: equity against its lines")
    assert notes(axes) == {"1,205\n< 1,205.125", "1,206\n> 1,205.15"}


def test_the_two_numbers_that_decided_are_those_of_the_decision_itself() -> None:
    """LIQ-3, BKS-1: at a takeover, of the pool before the vault took it."""
    figure = timeline.draw(recorded("eth-march-2025"))
    wanted = {"3,062,904.86\n> 3,061,927.5294", "3,061,302.52\n< 3,061,911.506", "2,034,202.58\n< 2,034,427.0044"}
    assert wanted <= notes(panel(figure, "trader/cross: equity against its lines"))
    ratios = {"1.0003 > 1\nhealthy", "0.9998 < 1\nbreached", "0.6666 < 2/3\nto the vault"}
    assert ratios <= notes(panel(figure, f"trader/cross: {RATIO}"))


def test_the_last_price_before_a_liquidation_is_healthy() -> None:
    axes = panel(timeline.draw(recorded("market-liquidation")), f"alice/cross: {RATIO}")
    assert {"1.001 > 1\nhealthy", "0.9999 < 1\nbreached"} <= notes(axes)


def test_exactly_equal_is_healthy_and_said_to_be() -> None:
    """LIQ-3, LIQ-4: a pool whose equity is its margin is not breached, and one in liquidation is restored."""
    for name in ("funding-liquidation", "short-squeeze"):
        assert "1 = 1\nhealthy" in notes(panel(timeline.draw(recorded(name)), f"alice/cross: {RATIO}"))
    restored = timeline.draw(recorded("recovery-by-deposit"))
    assert "1,205\n= 1,205" in notes(panel(restored, "alice/cross: equity against its lines"))
    assert "1 = 1\nrestored" in notes(panel(restored, f"alice/cross: {RATIO}"))


@given(st.fractions(0, 3), st.sampled_from([Fraction(1), Fraction(2, 3)]))
def test_a_rounded_ratio_is_on_the_same_side_of_each_line(ratio: Fraction, line: Fraction) -> None:
    shown = Fraction(decisions.ratio_text(ratio, Fraction(1), line).replace(",", ""))
    assert (shown > 1, shown < 1) == (ratio > 1, ratio < 1)
    assert (shown > line, shown < line) == (ratio > line, ratio < line) or line == ratio == Fraction(2, 3)


@shown_scenario
def test_the_ratio_is_equity_by_margin_against_1_and_the_backstop_share(name: str) -> None:
    record = recorded(name)
    figure = timeline.draw(record)
    for pool in record.pools():
        seen = [step.measures.get(pool) for step in record.steps]
        backing = [at if at is not None and at.maintenance_margin.exact else None for at in seen]
        axes = panel(figure, f"{pool}: {RATIO}")
        ratios = [None if at is None else float(at.equity.exact / at.maintenance_margin.exact) for at in backing]
        assert cut(axes, "equity", stairs(axes, "equity")) == cut(axes, "equity", ratios)
        assert stairs(axes, "maintenance margin") == [at and 1.0 for at in backing]
        (share,) = {value for value in stairs(axes, "backstop line") if value is not None}
        assert share == float(Fraction(ran(name)[0].scenario.config.to_json()["backstop"]["threshold"]))
        low, high = axes.get_ylim()
        assert low < 0
        assert 1 < high < 4


def test_equity_far_above_the_margin_is_cut_off_and_marked() -> None:
    axes = panel(timeline.draw(recorded("eth-march-2025")), "trader/cross: equity against its lines")
    assert {"▲ 15,230,000", "▲ 23,231,000"} <= notes(axes)
    assert axes.get_ylim()[1] < 15_230_000
    lines = [part for part in axes.patches if isinstance(part, StepPatch)]
    assert len(lines) == 3
    for line in lines:
        assert line.get_clip_box().y1 < axes.bbox.y1, "no line reaches the texts"  # type: ignore[union-attr]


@shown_scenario
def test_the_liquidation_price_is_a_line_on_the_mark(name: str) -> None:
    record = recorded(name)
    run, moments = ran(name)
    figure = timeline.draw(record)
    for market in record.markets():
        axes, folded = market_panel(figure, market)
        drawn = [
            [None if math.isnan(value) else float(value) for value in part.get_data()[0]]
            for part in axes.patches
            if isinstance(part, StepPatch) and part.get_label() == "liquidation price"
        ]
        keys_of = [key for key in record.positions() if keys.market_of(key) == market]
        wanted = [[liquidation_price(run, moment, key) for moment in moments] for key in keys_of]
        assert drawn == ([] if folded else wanted)


def liquidation_price(run: Run, moment: Moment, key: str) -> float | None:
    """The price of an engine in the state after an event."""
    engine = Engine(run.scenario.config)
    engine.restore(moment.snapshots[1])
    held = measures.all_positions(engine).get(key)
    if held is None or not held.size:
        return None
    account, market, mode = keys.parts(key)
    ticks, _ = engine.liquidation_price(account, market, "cross" if mode == "cross" else "isolated")
    return None if ticks is None else float(engine.venue.markets[market].price.step * ticks)


@shown_scenario
def test_the_size_is_drawn_as_steps_with_its_working_order_hatched(name: str) -> None:
    record = recorded(name)
    figure = timeline.draw(record)
    for key in record.positions():
        (axes,) = [axes for axes in figure.axes if axes.get_label() == f"{key}: size"]
        seen = [step.position(key) for step in record.steps]
        assert stairs(axes, "position size") == [None if at is None else float(at.size.text) for at in seen]
        hatched = [part for part in axes.patches if isinstance(part, Rectangle) and part.get_label() == "order"]
        assert all(part.get_hatch() for part in hatched)
        heights = {
            event: part.get_height()
            for part in hatched
            for event in range(int(part.get_x() + 0.5), int(part.get_x() + 0.5 + part.get_width()))
        }
        orders = {event: float(at.order.text) for event, at in enumerate(seen, start=1) if at is not None and at.order}
        assert heights.keys() == orders.keys()
        for event, height in heights.items():
            at = seen[event - 1]
            assert at is not None
            assert height == pytest.approx(math.copysign(orders[event], at.size.exact), rel=1e-9)


def test_the_vault_is_drawn_from_its_first_change() -> None:
    record = recorded("short-squeeze")
    drawn = stairs(panel(timeline.draw(record), "vault: equity"), "the vault's equity")
    equity = [float(step.observation.vault.equity.text) for step in record.steps]
    assert drawn == [None] * 8 + equity[8:]
    untouched = timeline.draw(recorded("recovery-by-deposit"))
    assert not [axes for axes in untouched.axes if axes.get_title(loc="left") == "vault: equity"]


def test_fills_and_trades_are_labelled_with_size_and_price() -> None:
    labels = notes(panel(timeline.draw(recorded("short-squeeze")), "BTC: mark price"))
    assert labels == {"-2\nat 50,000", "-1\nat 50,000", "1\nat 52,980", "0.5\nat 52,520"}


def test_a_market_that_never_moves_is_folded() -> None:
    record = recorded("short-squeeze").part(1, 4)
    figure = timeline.draw(record)
    axes = panel(figure, "BTC: mark price 50,000 throughout")
    assert axes.get_position().height * figure.get_size_inches()[1] < 0.3
    assert [kind for kind, _, _ in places(axes, "trade")] == ["trade", "trade"]
    assert notes(axes) == {"-2", "-1"}


def test_the_mark_of_a_decision_just_below_zero_is_whole_and_the_lines_of_blocks_end_below_the_texts() -> None:
    axes = panel(timeline.draw(recorded("breach-waits-for-a-block")), f"alice/cross: {RATIO}")
    dots = [line for line in axes.lines if line.get_label() == "breached"]
    assert [float(np.asarray(dot.get_ydata())[0]) < 0 and dot.get_clip_on() for dot in dots] == [False, False]
    lines = [line for line in axes.lines if len(np.asarray(line.get_xdata())) == 2]
    assert len(lines) == 2
    for line in lines:
        box = line.get_clip_box()
        assert box is not None
        assert box.y1 < axes.bbox.y1


def test_the_heading_counts_what_was_refused() -> None:
    texts = [text.get_text() for text in timeline.draw(recorded("eth-march-2025")).texts]
    assert "venue eth-march-2025, 17 events (2 refused, in italics), from 0 ms to 1 s" in texts


def test_many_blocks_are_ticks_instead_of_lines() -> None:
    data = [json.loads(line) for line in lines("market-liquidation")]
    many = [{**data[0], "observation": {**data[0]["observation"], "block": n, "time": n}} for n in range(20)]
    record = recordings.parse("\n".join(map(json.dumps, [*many, data[-1]])), Path("t.jsonl"))
    figure = timeline.draw(record)
    (blocks,) = [axes for axes in figure.axes if axes.get_title(loc="left") == "blocks and their times"]
    assert len(blocks.lines) == 19
    assert all(max(np.asarray(line.get_ydata())) < 0.5 for line in blocks.lines)
    assert all(not axes.lines for axes in figure.axes if axes is not blocks)


def test_a_part_of_a_run_is_drawn_as_in_the_whole(draw_run: "Command") -> None:
    whole = recorded("short-squeeze")
    part = whole.part(8, 10)
    figure = timeline.draw(part)
    equity = panel(figure, "alice/cross: equity against its lines")
    assert stairs(equity, "equity") == [float(step.measures["alice/cross"].equity.text) for step in whole.steps[7:10]]
    labels = [label.get_text().split("\n")[0] for label in figure.axes[-1].get_xticklabels()]
    assert labels == ["8", "9", "10"]
    assert any("events 8 to 10" in text.get_text() for text in figure.texts)
    sides = {(trade.event + 7, trade.position): trade.sells for trade in part.trades()}
    assert sides == {(t.event, t.position): t.sells for t in whole.trades() if 8 <= t.event <= 10}
    first = whole.part(9, 10)
    assert [trade.sells for trade in first.trades()] == [False, False], (
        "the side of the first fill needs the step before"
    )
    done = draw_run("short-squeeze", "--from", "8", "--to", "10")
    assert done.status == 0
    assert b">events 8 to 10" not in done.out
    assert b"events 8 to 10, at 0 ms" in done.out


def test_a_text_of_the_svg_stays_a_text_and_cannot_become_markup(tmp_path: Path) -> None:
    title = "</text><script>alert(1)</script> & \u0007 ]]>"
    file = tmp_path / "hostile.toml"
    text = (files.ROOT / "scenarios" / "market-liquidation.toml").read_text(encoding="utf-8")
    file.write_text(re.sub(r"^title = .*", lambda _: f"title = {json.dumps(title)}", text, count=1), encoding="utf-8")
    svg = timeline.render(recordings.load(str(file)), "svg")
    root = ElementTree.fromstring(svg)
    written = [" ".join(part.itertext()) for part in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any("<script>alert(1)</script> &" in text for text in written)
    assert any("alice/cross: equity against its lines" in text for text in written)
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_fills_and_trades_point_in_the_direction_of_their_side() -> None:
    axes = panel(timeline.draw(recorded("short-squeeze")), "BTC: mark price")
    markers = [(part.get_label(), part.get_marker()) for part in axes.lines if isinstance(part, Line2D)]
    assert [pair for pair in markers if pair[0] == "trade"] == [("trade", "v")] * 2
    assert [pair for pair in markers if pair[0] == "fill"] == [("fill", "^")] * 2


def test_the_same_record_gives_the_same_bytes() -> None:
    record = recorded("market-liquidation")
    assert timeline.render(record, "svg") == timeline.render(record, "svg")


def test_a_long_run_is_still_drawn(tmp_path: Path) -> None:
    """Narrow columns: numbers below some of them only, and the states in the legend."""
    data = [json.loads(line) for line in lines("windows-of-a-sibling")]
    many = [*data[:-1] * 4, data[-1]]
    record = recordings.parse("\n".join(map(json.dumps, many)), tmp_path / "long.jsonl")
    figure = timeline.draw(record)
    assert figure.get_size_inches()[0] < 45
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "partially liquidated" in named


def test_a_name_may_be_anything_that_a_name_may_be(tmp_path: Path) -> None:
    """AMT-7: dollars, brackets, other scripts, quotes and backslashes are drawn as they are."""
    text = (files.ROOT / "scenarios" / "market-liquidation.toml").read_text(encoding="utf-8")
    strange = "$x_1$<b>&漢\\\\N"
    file = tmp_path / "strange.toml"
    file.write_text(text.replace("alice", strange), encoding="utf-8")
    record = recordings.load(str(file))
    assert record.end.as_expected
    (key,) = record.positions()
    assert timeline.render(record, "png").startswith(b"\x89PNG")
    assert path.render(record, key, "svg").startswith(b"<?xml")
    titles = [axes.get_title(loc="left") for axes in timeline.draw(record).axes]
    assert "$x_1$<b>&漢\\N/BTC/cross" in titles


# ------------------------------------------------------------------------------------------------------------- the path


@every_scenario
def test_the_path_numbers_each_transition_and_lists_its_event(name: str) -> None:
    record = recorded(name)
    for key in [longest(record)] if record.positions() else []:
        figure, visits = path.draw(record, key), record.path(key)
        (axes,) = figure.axes
        numbers = {str(text.get_gid()): text.get_text() for text in axes.texts if text.get_gid()}
        wanted: dict[str, list[str]] = {}
        for visit in visits:
            edge = lifecycle_svg.edge_id(visit.recorded.source, visit.recorded.target)
            wanted.setdefault(f"numbers-{edge}", []).append(str(visit.number))
        assert numbers == {edge: ", ".join(found) for edge, found in wanted.items()}
        solid = {str(patch.get_gid()) for patch in axes.patches if patch.get_linestyle() == "solid"}
        passed = {state for visit in visits for state in (visit.recorded.source, visit.recorded.target)}
        assert {one for one in solid if one.startswith("state-")} == {f"state-{state}" for state in passed}
        ends = [patch.get_gid() for patch in axes.patches if str(patch.get_gid()).startswith("ends-")]
        assert ends == [f"ends-{visits[-1].recorded.target}"]
        assert set(path.listed(record, key)) <= {text.get_text() for text in axes.texts}


def test_the_path_shows_every_transition_of_the_table_and_every_state() -> None:
    record = recorded("chunk-cooldown-full-size")
    listed = path.listed(record, "alice/BTC/cross")
    assert listed[5] == "6   event 7: T6, liquidatable → partially liquidated, by fill [size remains]"
    (axes,) = path.draw(record, "alice/BTC/cross").axes
    texts = [text.get_text() for text in axes.texts]
    shown = [number for text in texts for number in text.split() if number in machine.lifecycle().by_id]
    labels = [label for edge in lifecycle_svg.layout().edges for label in edge.label.split()]
    assert sorted(labels) == sorted(
        entry.id for entry in machine.lifecycle().table.transitions for _ in entry.sources
    ), "the layout has each transition once for each state that it leaves"
    assert set(labels) <= set(shown)
    assert {words(state).replace(" ", "\n") for state in machine.lifecycle().table.states} <= set(texts)


# ---------------------------------------------------------------------------------------------------------- the command


@frozen
class Done:
    """How a command ended, and what it printed."""

    status: int
    out: bytes
    error: str


Command = Callable[..., Done]


@pytest.fixture
def draw_run(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`liqspec draw run`, in this process."""

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["liqspec", "draw", "run", *arguments])
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        sys.stdout.flush()
        captured = capfdbinary.readouterr()
        return Done(int(ended.value.code or 0), captured.out, captured.err.decode())

    return run


def test_a_picture_is_written_in_the_format_of_the_files_name(tmp_path: Path, draw_run: Command) -> None:
    file = tmp_path / "deficit.png"
    assert draw_run("deficit", "-o", str(file)).status == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in draw_run("deficit", "--picture", "path", "--theme", "dark").out


def test_a_trace_is_drawn_from_a_file_and_from_the_standard_input(
    tmp_path: Path, draw_run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n".join(lines("deficit")) + "\n"
    file = tmp_path / "recorded.jsonl"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    for done in (draw_run(str(file)), draw_run("-")):
        assert done.status == 0, done.error
        assert b"<svg" in done.out


def test_a_trace_may_have_any_suffix(tmp_path: Path) -> None:
    """It is known by its first character; what does not begin with a brace is a scenario."""
    trace, story = tmp_path / "recorded.txt", tmp_path / "story.txt"
    trace.write_text("\n".join(lines("deficit")), encoding="utf-8")
    story.write_text((files.ROOT / "scenarios" / "deficit.toml").read_text(encoding="utf-8"), encoding="utf-8")
    assert len(recordings.load(str(trace)).steps) == len(recordings.load(str(story)).steps) == len(lines("deficit")) - 1


def test_a_trace_of_too_many_events_is_refused() -> None:
    text = "\n".join(["{}"] * (recordings.MOST_STEPS + 2))
    with pytest.raises(
        recordings.InvalidTrace, match=f"t: {recordings.MOST_STEPS + 1} events are too many for a picture"
    ):
        recordings.parse(text, Path("t"))


def test_a_run_without_a_position_has_no_path(tmp_path: Path, draw_run: Command) -> None:
    file = tmp_path / "recorded.jsonl"
    file.write_text("\n".join((*lines("deficit")[:2], lines("deficit")[-1])), encoding="utf-8")
    done = draw_run(str(file), "--picture", "path")
    assert (done.status, done.out) == (2, b"")
    assert "no position was ever opened in this run, so there is no path" in done.error
    assert draw_run(str(file)).status == 0, "the timeline is drawn all the same"


def test_the_path_of_a_wanted_position_is_drawn(draw_run: Command) -> None:
    done = draw_run("deficit", "--picture", "path", "--position", "alice/BTC/isolated")
    assert done.status == 0
    assert b"alice/BTC/isolated" in done.out


def test_a_png_is_not_printed_to_a_terminal(draw_run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    done = draw_run("deficit", "--format", "png")
    assert (done.status, done.out) == (2, b"")
    assert done.error == "liqspec: png is not for a terminal: give a file with -o, or redirect the output\n"


def test_an_event_is_labelled_by_all_markets_of_its_prices() -> None:
    assert event_label({"type": "marks", "prices": {"A": "1", "B": "2"}}) == "marks\nA, B"


def test_a_counterexample_that_was_drawn_before_it_ended_well_says_so() -> None:
    data = [json.loads(line) for line in lines("deficit")]
    data[-1]["end"] |= {"as_expected": False, "unexpected": ["step 3: property conservation: 5 appeared"]}
    record = recordings.parse("\n".join(map(json.dumps, data)), Path("t.jsonl"))
    assert any("NOT AS EXPECTED" in text.get_text() for text in timeline.draw(record).texts)


FIRST = json.loads(lines("deficit")[1])


OPENED = json.loads(lines("deficit")[3])
(TAKEN,) = OPENED["transitions"]
TRADED = OPENED["event"]


def malformed(**changes: Any) -> str:
    """A trace of a trade and its end, with this instead."""
    return json.dumps({**OPENED, **changes}) + "\n" + lines("deficit")[-1]


def seen_as(state: str) -> dict[str, Any]:
    """What is observed after the trade, with the position in this state."""
    observation: dict[str, Any] = OPENED["observation"]
    return {**observation, "positions": [{**observation["positions"][0], "state": state}]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n".join(lines("deficit")[:-1]), "recorded.jsonl:8: the end of the run is missing: the trace is cut off"),
        ("\n".join(lines("deficit"))[:-30], "recorded.jsonl:9: malformed JSON, perhaps cut off"),
        ("\n".join(lines("deficit")[:2])[:-9], "recorded.jsonl:2: malformed JSON, perhaps cut off"),
        (lines("deficit")[-1], "there is no event to draw"),
        ("[1]\n{}\n", "recorded.jsonl:1: expected an object, as `liqspec simulate --json` prints them"),
        ('{"a": 1}\n{"end": {"as_expected": true}}', "recorded.jsonl:1: step: required field step is missing"),
        (
            json.dumps({**FIRST, "step": "2"}) + "\n" + lines("deficit")[-1],
            "recorded.jsonl:1: step: expected a whole number",
        ),
        (
            json.dumps({**FIRST, "marks": {"BTC": "1e9"}}) + "\n" + lines("deficit")[-1],
            "recorded.jsonl:1: marks['BTC']: expected an amount such as \"1.5\"",
        ),
        (
            json.dumps({**FIRST, "effects": [{"kind": "x", "rule": "ZZZ-1", "text": ""}]})
            + "\n"
            + lines("deficit")[-1],
            "recorded.jsonl:1: unknown rule 'ZZZ-1'",
        ),
        ("", "is empty"),
        (malformed(marks={}), "recorded.jsonl:1: the marks are missing, or are of other markets than before"),
        (malformed(transitions=[TAKEN | {"transition": "T99"}]), "the lifecycle has no transition T99 from"),
        (
            malformed(transitions=[TAKEN | {"source": "closed", "target": "cooldown"}]),
            "no transition T0 from closed to cooldown",
        ),
        (malformed(observation=seen_as("nowhere")), "alice/BTC/isolated: unknown state 'nowhere'"),
        (malformed(event={"type": "trade"}), "recorded.jsonl:1: event.account: expected a string"),
        (malformed(event=TRADED | {"size": "x"}), "recorded.jsonl:1: event.size: "),
        (malformed(event=TRADED | {"market": "DOGE"}), "recorded.jsonl:1: event.market: 'DOGE' has no mark"),
        (malformed(refusal={"code": "no", "rule": "EVT-2"}), "recorded.jsonl:1: unknown refusal 'no'"),
    ],
)
def test_a_truncated_or_wrong_trace_gets_one_line_and_status_2(
    text: str, said: str, tmp_path: Path, draw_run: Command
) -> None:
    file = tmp_path / "recorded.jsonl"
    file.write_text(text, encoding="utf-8")
    done = draw_run(str(file))
    assert done.status == 2
    assert said in done.error
    assert done.error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "no such scenario"),
        (["nothing.jsonl"], "nothing.jsonl: no such file or directory"),
        (["deficit", "-o", "picture"], "give a name that ends in .svg, .png, or say --format"),
        (["deficit", "-o", "x.svg", "--format", "png"], "the name says svg, but --format says png"),
        (["deficit", "-o", "no/such/folder/x.svg"], "no such file or directory"),
        (["deficit", "--position", "bob/BTC/cross"], "no such position in this run; it has alice/BTC/isolated"),
        (["deficit", "--from", "3", "--to", "9"], "--from 3 --to 9: the events of this run are 1 to 8"),
        (["deficit", "--from", "0"], "--from 0 --to 8: the events of this run are 1 to 8"),
        (["deficit", "--from", "4", "--to", "3"], "--from 4 --to 3: the events of this run are 1 to 8"),
        (["deficit", "--html", "--to", "3"], "--from and --to are for the timeline: leave them out"),
        (["deficit", "--html", "--format", "svg"], "leave out --format, --picture and --theme"),
    ],
)
def test_bad_usage_gets_one_line_and_status_2(arguments: list[str], said: str, draw_run: Command) -> None:
    done = draw_run(*arguments)
    assert done.status == 2
    assert said in done.error
    assert done.error.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--html"], ["--picture", "path"]])
def test_no_picture_of_a_run_needs_dot(
    arguments: list[str], tmp_path: Path, draw_run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert draw_run("deficit", *arguments).status == 0


def test_a_legend_without_room_has_one_column() -> None:
    drawn = timeline_heading.Heading.of(recorded("deficit"), THEMES["light"], 40, labelled=True)
    assert drawn.columns > 1
    assert evolve(drawn, width=0.5).columns == 1
    assert evolve(drawn, width=0.5).height > drawn.height


@every_scenario
def test_the_timeline_and_the_page_have_one_legend(name: str) -> None:
    record = recorded(name)
    drawn = timeline_heading.Heading.of(record, THEMES["light"], 40, labelled=True)
    texts = [entry["text"] for entry in page.data(record, None)["legend"]]
    assert [entry.get_label() for entry in drawn.entries] == texts
