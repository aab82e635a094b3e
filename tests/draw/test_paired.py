"""Two runs next to each other, in the picture and on the page: both sides, and from which event on they differ."""

from pathlib import Path

import pytest
from matplotlib.axes import Axes

from liqspec.draw import decisions, page, timeline
from liqspec.edge import keys
from liqspec.replay import paired, recordings
from liqspec.replay.contrast import A, B, Contrast
from liqspec.replay.record import Record
from liqspec.spec import scenarios, what_if
from support.commands import run_here

STORY, FEE = "short-squeeze", "liquidation.fee_rate=0"


def pair(story: str, *settings: str) -> Record:
    written = scenarios.load(story)
    return paired.record(Contrast(what_if.altered(written, None, settings), written))


def single(story: str, *settings: str) -> Record:
    return recordings.record(what_if.altered(scenarios.load(story), None, settings))


def line_places(axes: Axes) -> list[float]:
    """Where the upright lines across a panel are."""
    return [float(line.get_xdata(orig=True)[0]) for line in axes.lines if len(line.get_xdata(orig=True)) == 2]  # type: ignore[index, arg-type]


def side_of(record: Record, side: str) -> dict[str, list[object]]:
    """What a recording of two runs shows of one side, without its name."""
    own = [key for key in record.positions() if key.startswith(f"{side} ")]
    return {paired.plain(key): [step.state(key) for step in record.steps] for key in own}


@pytest.mark.parametrize(("side", "settings"), [(A, [FEE]), (B, [])])
def test_each_side_is_what_it_is_alone(side: str, settings: list[str]) -> None:
    both, alone = pair(STORY, FEE), single(STORY, *settings)
    assert side_of(both, side) == {key: [step.state(key) for step in alone.steps] for key in alone.positions()}
    for key in alone.pools():
        assert [step.measures[f"{side} {key}"].equity for step in both.steps] == [
            step.measures[key].equity for step in alone.steps
        ]
        made = [(one.event, one.kind, one.amounts) for one in decisions.decisions(both, f"{side} {key}")]
        assert made == [(one.event, one.kind, one.amounts) for one in decisions.decisions(alone, key)]
    trades = [
        (one.event, paired.plain(one.position), one.sells) for one in both.trades() if one.position.startswith(side)
    ]
    assert trades == [(one.event, one.position, one.sells) for one in alone.trades()]
    assert both.vault_equities().get(f"{side} vault") == alone.vault_equities().get("vault")


def test_the_page_opens_where_they_begin_to_differ_and_says_in_what() -> None:
    data = page.data(pair(STORY, FEE), "A bob/BTC/cross")
    assert data["opens"] == 9
    assert data["verdict"] == "They differ from event 9 on."
    assert [event["theirs"] for event in data["events"][:8]] == [[]] * 8
    assert {"subject": "bob/cross", "field": "equity", "ours": "20", "theirs": "0"} in data["events"][8]["theirs"]
    texts = [effect["text"] for effect in data["events"][8]["effects"]]
    assert "both: order of bob/BTC/cross is filled" in texts
    assert sum(text.startswith("A: 1 of bob/BTC/cross closed") for text in texts) == 1
    assert sum(text.startswith("B: 1 of bob/BTC/cross closed") for text in texts) == 1
    assert {market["name"] for market in data["markets"]} == {"BTC"}, "the same marks are drawn once"
    bob = next(entry for entry in data["positions"] if entry["key"] == "A bob/BTC/cross")
    assert "B bob/cross" in bob["concerns"], "what is of the other side stands next to it"


def test_a_difference_is_marked_where_it_begins_and_not_again() -> None:
    record = pair(STORY, FEE)
    shown = [one for step in record.steps for one in step.theirs]
    assert len(shown) == len(set(shown))
    assert record.part(9, 11).differs_from == 1


def test_runs_that_do_the_same_say_so() -> None:
    record = pair(STORY, "liquidation.fee_rate=1/1000")
    assert record.differs_from is None
    assert page.data(record, None)["verdict"] == "Both do the same at every event."


def test_a_refusal_of_one_side_alone_is_a_difference() -> None:
    record = pair(STORY, "liquidation.market_attempt=false")
    step = next(step for step in record.steps if any(one.subject == "event" for one in step.theirs))
    assert step.refusal is None, "only one side refuses it"
    assert "A: refused, no_working_order" in [effect.text for effect in step.effects]
    assert [event["account"] for event in step.executed()] == ["B bob"]


def test_marks_that_differ_are_drawn_for_each_side() -> None:
    record = pair("each-source-fails-once", "mark.max_move=1/1000")
    assert {"A BTC", "B BTC"} <= set(record.markets())
    assert all(keys.market_of(key).startswith(key[:2]) for key in record.positions())


def test_the_picture_has_the_panels_of_both_and_a_line_where_they_begin_to_differ() -> None:
    figure = timeline.draw(pair(STORY, FEE))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [titles.count(f"{side} bob/cross: equity against its lines") for side in (A, B)] == [1, 1]
    assert all(8.5 in line_places(axes) for axes in figure.axes)
    assert "they differ from event 9 on" in "".join(text.get_text() for text in figure.texts)
    assert single(STORY).differs_from is None, "nothing is marked in the picture of one run"


def test_the_command_draws_both_and_refuses_a_recording(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "differ.html"
    assert run_here(monkeypatch, "draw", "run", STORY, "--set", FEE, "--against", "scenario", "-o", str(file)) == 0
    assert '"selected":"A bob/BTC/cross"' in file.read_text("utf-8"), (
        "it opens with a position that differs"
    )  # a page by its name
    assert (
        run_here(monkeypatch, "draw", "run", "recorded.jsonl", "--against", "generic", "--html", "-o", str(file)) == 2
    )
    assert "recorded.jsonl: --venue, --set and --against need a scenario" in capsys.readouterr().err
