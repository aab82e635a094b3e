"""The picture of how a mark is formed: its numbers are those of the run and of the runs under each other choice."""

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from liqspec.draw import mark
from liqspec.edge.amounts import exact
from liqspec.replay.mark_choices import CHOICES, Comparison, FormsNoMark, compare
from liqspec.replay.run import Run
from liqspec.spec import scenarios
from support.commands import run_here

STORIES = [name for name in scenarios.names() if scenarios.load(name).file.change.mark is not None]


@cache
def compared(name: str) -> Comparison:
    return compare(scenarios.load(name))


def built(events: list[dict[str, Any]], **changes: Any) -> scenarios.Scenario:
    data = {
        "title": "t",
        "venue": "generic",
        "marks": {"BTC": "50000", "ETH": "2500"},
        "change": {"mark": {}},
        "step": [{"event": event} for event in events],
    }
    return scenarios.build("t", {**data, **changes}, Path())


def inputs(market: str = "BTC", **fields: Any) -> dict[str, Any]:
    return {"type": "price_inputs", "market": market, **fields}


class TestChoices:
    @pytest.mark.parametrize("name", STORIES)
    def test_the_row_of_the_rules_is_the_run(self, name: str) -> None:
        moments = {moment.number: moment for moment in Run(scenarios.load(name)) if not moment.by_market}
        found = compared(name)
        for column, formed in zip(found.columns, found.formed.marks, strict=True):
            assert formed == exact(moments[column.step].marks["BTC"])
            assert column.time == moments[column.step].after["time"]

    def test_each_source_alone_liquidates_somebody_whom_the_mark_does_not(self) -> None:
        """MRK-6, LIQ-2: the numbers that the guide for traders shows."""
        found = compared("each-source-fails-once")
        steps = [column.step for column in found.columns]
        first = {
            name: {
                step: [key.split("/")[0] for key in hit] for step, hit in zip(steps, row.liquidated, strict=True) if hit
            }
            for name, row in (("mark", found.formed), *found.choices.items())
        }
        assert first == {
            "mark": {19: ["alice"]},
            "last": {11: ["alice"]},
            "index": {15: ["bob"], 19: ["alice"]},
            "book": {13: ["alice"]},
            "perps": {17: ["alice"]},
        }

    def test_the_last_trade_alone_is_the_scenario_with_it_as_the_mark(self) -> None:
        moments = list(Run(scenarios.load("last-trade-as-mark")))
        row = compared("last-trade-spike").choices["last"]
        assert list(row.marks) == [50000, 44000, 57000]
        begun = {key.partition("/")[0] for moment in moments for key, pool in moment.pools.items() if pool["breached"]}
        assert {key.partition("/")[0] for key in row.everybody} == begun == {"alice", "bob"}

    def test_a_choice_without_a_price_leaves_the_mark_as_it_is(self) -> None:
        """The first mark before there is a price, then the last one; a mean is rounded half to even."""
        book = {"best_bid": "49001", "best_ask": "49002"}
        found = compare(built([inputs(index="49900"), inputs(**book), inputs(index="49800"), inputs(last="1")]))
        assert found.choices.keys() == {"index", "book", "last"}
        assert list(found.choices["index"].marks) == [49900, 49900, 49800, 49800]
        assert found.choices["index"].given == (True, False, True, False)
        assert list(found.choices["book"].marks) == [50000, 49002, 49002, 49002]
        assert list(found.choices["last"].marks) == [50000, 50000, 50000, 1]
        assert found.formed.given == (True, True, True, False)
        assert found.columns[3].candidates == {}

    def test_inputs_that_are_refused_for_their_form_are_not_in_the_picture(self) -> None:
        malformed = {"event": inputs(index="?"), "expect": {"refused": "bad_request"}}
        found = compare(built([], step=[{"event": inputs(index="49900")}, malformed]))
        assert [column.step for column in found.columns] == [1]

    def test_a_market_is_asked_for_or_the_first_that_forms_its_mark(self) -> None:
        story = built([inputs("ETH", last="1"), inputs("ETH", index="2400"), inputs(index="49900")])
        assert compare(story).market == "ETH"
        assert compare(story, "BTC").formed.marks[0] == 49900

    def test_what_happens_between_two_inputs_is_of_the_first(self) -> None:
        trade = {"type": "trade", "account": "alice", "market": "BTC", "mode": "cross", "size": "1", "price": "50000"}
        events: list[dict[str, Any]] = [
            {"type": "deposit", "account": "alice", "amount": "3000"},
            {**trade, "leverage": 20},
            inputs(index="50000"),
            {"type": "mark_price", "market": "BTC", "price": "48000"},
            inputs(index="50000"),
        ]
        found = compare(built(events))
        assert found.formed.liquidated == (("alice/BTC/cross",), ())
        assert found.columns[0].liquidation_prices == {"alice/BTC/cross": Fraction(48205)}

    @pytest.mark.parametrize(
        ("name", "market", "said"),
        [
            ("deficit", None, "deficit: no price_inputs is"),
            ("feed-jumps", "ETH", 'no price_inputs of "ETH" is accepted'),
        ],
    )
    def test_a_run_without_a_formed_mark_is_refused(self, name: str, market: str | None, said: str) -> None:
        with pytest.raises(FormsNoMark, match=said):
            compare(scenarios.load(name), market)


def drawn(name: str) -> tuple[Axes, Axes]:
    prices, choices = mark.draw(compared(name)).axes
    return prices, choices


class TestPicture:
    @pytest.mark.parametrize("name", STORIES)
    def test_the_marks_the_candidates_and_the_inputs_are_at_their_prices(self, name: str) -> None:
        found, (prices, _) = compared(name), drawn(name)
        (stairs,) = (patch for patch in prices.patches if patch.get_label() == "mark")
        assert isinstance(stairs, StepPatch)
        assert list(stairs.get_data()[0]) == [float(one) for one in found.formed.marks]
        points = {(line.get_label(), round(float(x)), float(y)) for line in prices.lines for x, y in _points(line)}
        for place, column in enumerate(found.columns, start=1):
            for candidate, value in column.candidates.items():
                assert (candidate, place, float(value)) in points
            for field in ("index", "last"):
                if field in column.inputs:
                    assert (field, place, float(column.inputs[field])) in points
            for field in ("best_bid", "best_ask"):
                if field in column.inputs:
                    assert ("bid and ask", place, float(column.inputs[field])) in points
            for perp in column.inputs.get("perps", ()):
                assert ("perps", place, float(perp["price"])) in points

    @pytest.mark.parametrize("name", STORIES)
    def test_a_row_for_each_choice_says_who_is_liquidated_where(self, name: str) -> None:
        found, (_, choices) = compared(name), drawn(name)
        rows = [found.formed, *found.choices.values()]
        wanted = {
            (place, number, ", ".join(key.split("/")[0] for key in hit))
            for place, row in enumerate(rows)
            for number, hit in enumerate(row.liquidated, start=1)
            if hit
        }
        assert {(box.get_y(), box.get_x() + 0.5, box.get_label()) for box in choices.patches} == wanted  # type: ignore[attr-defined]
        assert len(choices.get_yticklabels()) == len(rows)
        named = [text.get_text() for text in choices.texts if text.get_text().startswith("nobody")]
        assert len(named) == sum(not row.everybody for row in rows)

    def test_a_liquidation_price_out_of_reach_is_named_at_the_border(self) -> None:
        prices, _ = drawn("each-source-fails-once")
        named = [text.get_text() for text in prices.texts]
        assert named == ["carol 41,025, below", "alice 48,205", "bob 51,708"]
        assert {patch.get_label() for patch in prices.patches if "liquidation" in str(patch.get_label())} == {
            "liquidation price of alice/BTC/cross",
            "liquidation price of bob/BTC/cross",
        }

    @pytest.mark.parametrize("name", STORIES)
    def test_no_text_lies_outside_the_picture_or_on_another(self, name: str) -> None:
        figure = mark.draw(compared(name))
        boxes = _boxes(figure)
        across, up = figure.get_size_inches() * figure.dpi
        for text, box in boxes:
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= across and box.y1 <= up, text
        for place, (text, box) in enumerate(boxes):
            for other, another in boxes[:place]:
                assert not box.overlaps(another), (text, other)


def _points(line: Line2D) -> list[tuple[Any, Any]]:
    return list(zip(line.get_xdata(), line.get_ydata(), strict=True))  # type: ignore[arg-type]


def _boxes(figure: Figure) -> list[tuple[str, Any]]:
    """Every text that is seen, with where it is."""
    figure.draw_without_rendering()
    prices, choices = figure.axes
    texts = [*figure.texts, *prices.texts, *choices.texts, *choices.get_xticklabels(), *choices.get_yticklabels()]
    bottom, top = prices.get_ylim()
    texts += [label for label in prices.get_yticklabels() if bottom <= label.get_position()[1] <= top]
    texts += [legend for one in figure.legends for legend in one.get_texts()]
    return [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]


def test_the_command_draws_either_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, begin in (("x.png", b"\x89PNG"), ("x.svg", b"<?xml")):
        assert run_here(monkeypatch, "draw", "mark", "feed-jumps", "-o", str(tmp_path / name)) == 0
        assert (tmp_path / name).read_bytes().startswith(begin)
    assert run_here(monkeypatch, "draw", "mark", "deficit", "-o", str(tmp_path / "y.svg")) == 2
    assert "no mark is formed" in capsys.readouterr().err


def test_every_choice_has_its_words_and_its_place() -> None:
    assert set(CHOICES) == mark._ALONE.keys()
