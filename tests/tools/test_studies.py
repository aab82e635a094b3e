"""Studies: their figures by hand, their committed pages and pictures, and what they refuse (SCN-5, SCN-6)."""

import json
import tomllib
from fractions import Fraction
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from matplotlib.lines import Line2D

from liqspec.draw import study as drawing
from liqspec.draw.diagram import CannotDraw
from liqspec.edge import files
from liqspec.replay import study as running
from liqspec.replay import study_report
from liqspec.replay.run import Run
from liqspec.replay.study import Findings, value_of
from liqspec.spec import scenarios, studies
from liqspec.spec.studies import MEASURES, InvalidStudy
from support.commands import run_here
from support.paths import ROOT

RULES = files.read_text(files.ROOT / "rules.md")


@cache
def found(name: str) -> Findings:
    """A shipped study, run."""
    return running.run(studies.load(name))


@pytest.fixture(params=studies.names())
def findings(request: pytest.FixtureRequest) -> Findings:
    """Each shipped study."""
    return found(request.param)


class TestTheShippedStudies:
    def test_are_as_they_state(self, findings: Findings) -> None:
        assert findings.wrong == []
        verdicts = {claim.verdict for claim in findings.study.file.claim}
        assert verdicts >= {"refuted", "it depends"}
        assert {source.status for source in findings.study.file.source} == {"public", "assumed"}

    def test_have_the_page_that_is_committed(self, findings: Findings) -> None:
        page = files.read_text(files.ROOT / "studies" / f"{findings.study.name}.md")
        assert page == study_report.page(findings), "stale: run `make studies`"

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_have_the_picture_that_is_committed(self, findings: Findings, theme: Any) -> None:
        """Byte for byte with the version of the library that is locked; another one may draw otherwise."""
        if f"\nmatplotlib=={version('matplotlib')} " not in (ROOT / "requirements.lock").read_text("utf-8"):
            pytest.skip("another version of matplotlib")
        drawn = drawing.render(findings, "svg", theme)
        committed = ROOT / "diagrams" / f"study-{findings.study.name}-{theme}.svg"
        assert committed.read_bytes() == drawn, "stale: run `make diagrams`"

    def test_have_cases_that_run_as_scenarios(self, findings: Findings) -> None:
        case = findings.study.cases[-1]
        run = Run(scenarios.build("again", case.data, Path()))
        *_, last = run
        kept = sum(float(pool["equity"]) for pool in last.pools.values())
        assert kept == float(findings.results[-1].measures["kept"] or 0)


def test_the_guide_for_traders_has_the_table_and_the_figures() -> None:
    """What the ten minutes for a trader state of the studies."""
    protection, partial = found("self-protection"), found("partial-orders")
    assert study_report.overview(protection) in RULES

    def figure(findings: Findings, case: str, name: str) -> str:
        return value_of(MEASURES[name], findings.of(case).measures[name])

    sold = figure(protection, "october/stop-loss", "price").removesuffix(".0")
    assert f"the stop at 110,000 sold at {sold} on average" in RULES
    paid, fifth = (figure(partial, "dip/thin/none/fifth", name) for name in ("paid_in", "kept"))
    whole = figure(partial, "dip/thin/none/whole", "kept")
    assert f"of {paid}, a fifth at a time keeps {fifth} in a thin book, the whole order {whole}" in RULES
    assert all(protection.of(f"{one}/lower-leverage").measures["left"] for one in ("october", "dip"))
    results = {one.case.name: one.measures["result"] for one in protection.results}
    worst = min((value, name) for name, value in results.items() if value is not None)
    assert worst[1] == "october/watching"


SMALL = """
title = "Small"
story = "One bitcoin at 20x."
venue = "generic"
market = "BTC"
vault = { cash = "1000" }
columns = ["kept", "left", "price"]
[base]
deposit = "3000"
size = "1"
leverage = 20
every_ms = 1000
depth = [{ distance = "10", size = "0.4" }, { distance = "100", size = "0.9" }]
[[axis]]
name = "marks"
[[axis.choice]]
name = "fall"
title = "a fall"
set.marks = ["50000", "48000"]
[[axis.choice]]
name = "gap"
title = "a gap"
set.marks = ["50000", "46000"]
[[axis]]
name = "way"
[[axis.choice]]
name = "plain"
title = "plain"
[[axis.choice]]
name = "stop"
title = "with a stop"
set.protect = [{ position = "trader/BTC/cross", stop = "49000" }]
[[axis.choice]]
name = "bare"
title = "in a thinner book"
set.depth = [{ distance = "10", size = "0.4" }]
[[claim]]
says = "A stop helps."
why = "It may."
[[claim.shown]]
where = "a gap"
measure = "kept"
case = "gap/stop"
than = "gap/plain"
relation = "equal"
supports = false
[[claim.shown]]
where = "a fall"
measure = "left"
case = "fall/stop"
value = "0.1"
relation = "less"
supports = true
[[source]]
figure = "all"
status = "assumed"
note = "By hand."
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small study in a file."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


STOP = 'set.protect = [{ position = "trader/BTC/cross", stop = "49000" }]'

# 48,000: the order for 1 sells 0.4 at 47,990, which restores the pool; 3,000 - 0.4 x 2,010 - 0.6 x 2,000 is kept.
# With a stop 0.6 more are sold at 47,900. 46,000: 0.4 at 45,990, 0.6 at 45,900: 3,000 - 1,604 - 2,460.
BY_HAND: dict[str, dict[str, str]] = {
    "fall/plain": {
        "paid_in": "3,000",
        "kept": "996",
        "kept_share": "33.2",
        "result": "-2,004",
        "left": "0.6",
        "survives": "yes",
        "by_orders": "0.4",
        "by_trader": "0",
        "by_vault": "0",
        "price": "47,990.0",
        "slippage": "2.1",
        "slippage_cost": "4",
        "shortfall": "2.1",
        "vault": "0",
        "deficit": "0",
    },
    "fall/stop": {
        "kept": "936",
        "left": "0",
        "survives": "no",
        "by_trader": "0.6",
        "by_orders": "0.4",
        "slippage_cost": "64",
    },
    "gap/plain": {"kept": "0", "by_orders": "1", "price": "45,936.0", "vault": "-1,064", "deficit": "1,064"},
    "gap/bare": {"kept": "0", "by_orders": "0.4", "by_vault": "0.6", "vault": "-1,004", "deficit": "1,004"},
    "fall/bare": {"kept": "996", "left": "0.6"},
}


@pytest.mark.parametrize("case", BY_HAND)
def test_the_measures_of_a_case_are_those_by_hand(small: Path, case: str) -> None:
    result = running.run(studies.load(str(small))).of(case)
    assert {name: value_of(MEASURES[name], result.measures[name]) for name in BY_HAND[case]} == BY_HAND[case]


def test_a_sale_below_an_earlier_mark_is_measured_from_the_first(tmp_path: Path) -> None:
    """Sold at 47,990 and, after another fall, at 46,990: 0.4 of each; the marks were 48,000 and 47,000."""
    text = SMALL.replace('["50000", "48000"]', '["50000", "48000", "47000"]')
    text = text.replace('deposit = "3000"', 'deposit = "3010"')
    path = tmp_path / "falling.toml"
    path.write_text(text, encoding="utf-8")
    measures = running.run(studies.load(str(path))).of("fall/bare").measures
    slippage, shortfall = measures["slippage"], measures["shortfall"]
    assert slippage is not None and shortfall is not None
    assert 2 < slippage < 3
    assert 90 < shortfall < 110


def test_a_position_that_nothing_happens_to_has_no_price(tmp_path: Path) -> None:
    path = tmp_path / "calm.toml"
    path.write_text(SMALL.replace('"48000"', '"50100"'), encoding="utf-8")
    measures = running.run(studies.load(str(path))).of("fall/plain").measures
    assert (measures["price"], measures["slippage"], measures["shortfall"]) == (None, None, None)
    assert measures["slippage_cost"] == 0
    assert value_of(MEASURES["price"], measures["price"]) == "none"


def changed(folder: Path, *changes: tuple[str, str]) -> Findings:
    """The small study with some of its text replaced, run."""
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "changed.toml"
    path.write_text(text, encoding="utf-8")
    return running.run(studies.load(str(path)))


def test_each_deposit_of_an_alarm_is_paid_in(tmp_path: Path) -> None:
    """SCN-6: 3,000, and twice 500."""
    alarm = '{ pool = "trader/cross", alarm = "3/2", deposit = "500", times = 2 }'
    outcome = changed(
        tmp_path, ('["50000", "48000"]', '["50000", "48700", "48000"]'), (STOP, f"set.protect = [{alarm}]")
    )
    assert [outcome.of(f"fall/{way}").measures["paid_in"] for way in ("stop", "plain")] == [
        Fraction(4_000),
        Fraction(3_000),
    ]


def test_a_refused_trade_of_a_stop_is_not_a_sale(tmp_path: Path) -> None:
    """SCN-5, ACC-9: the only bid is 2,001 below the mark."""
    far = ('[{ distance = "10", size = "0.4" }, {', '[{ distance = "2001", size = "1" }, {')
    outcome = changed(tmp_path, ('"48000"', '"49000"'), far, ('distance = "100"', 'distance = "3000"'))
    measures = outcome.of("fall/stop").measures
    assert [measures[name] for name in ("by_trader", "price", "left")] == [Fraction(0), None, Fraction(1)]


def test_a_claim_about_a_figure_that_does_not_exist_is_not_as_it_is_stated(tmp_path: Path) -> None:
    outcome = changed(tmp_path, ('"48000"', '"50100"'), ('measure = "left"', 'measure = "price"'))
    (wrong,) = (one for one in outcome.wrong if one.shown.measure == "price")
    assert (wrong.left, wrong.holds) == (None, False)


class TestTheCommand:
    def test_prints_the_cases_and_the_claims(
        self, small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run_here(monkeypatch, "study", str(small)) == 0
        output = capsys.readouterr().out
        assert "│ fall/plain │  996 │           0.6 │      47,990.0 │" in output
        assert "A stop helps. it depends" in output
        assert "a gap: kept gap/stop: 0, the same as gap/plain: 0; against it" in output
        assert "a fall: position left fall/stop: 0, less than 0.1; for it" in output
        assert output.endswith("as the study states it\n")

    def test_exits_with_1_if_a_figure_is_not_as_it_is_stated(
        self, small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        small.write_text(SMALL.replace('relation = "equal"', 'relation = "more"'), encoding="utf-8")
        assert run_here(monkeypatch, "study", str(small)) == 1
        output = capsys.readouterr().out
        assert "kept gap/stop: 0, more than gap/plain: 0; NOT AS STATED" in output
        assert output.endswith("1 not as the study states it\n")
        assert run_here(monkeypatch, "study", str(small), "--json") == 1
        data = json.loads(capsys.readouterr().out)
        assert (data["as_stated"], [one["as_stated"] for one in data["claims"][0]["shown"]]) == (False, [False, True])

    def test_prints_exact_figures_as_json(
        self, small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run_here(monkeypatch, "study", str(small), "--json") == 0
        data = json.loads(capsys.readouterr().out)
        first = data["cases"][0]
        assert (first["case"], first["marks"], first["way"]) == ("fall/plain", "fall", "plain")
        assert (first["measures"]["kept"], first["measures"]["slippage"]) == ("996", "25/12")
        assert data["claims"][0]["verdict"] == "it depends"

    def test_prints_a_case_as_a_scenario(
        self, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run_here(monkeypatch, "study", str(small), "--case", "fall/stop") == 0
        text = capsys.readouterr().out
        assert tomllib.loads(text)["title"] == "Small: a fall, with a stop"
        path = tmp_path / "case.toml"
        path.write_text(text, encoding="utf-8")
        assert run_here(monkeypatch, "simulate", str(path)) == 0
        assert "(the stop) trade trader BTC cross size -0.6 price 47,900" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--case", "fall/stopp"], "--case fall/stopp: the study has no such case; did you mean fall/stop?"),
            (["--case", "?"], "--case ?: the study has no such case; such as fall/plain"),
            (["--json", "--page"], "--case, --page and --json: give one of them"),
        ],
    )
    def test_refuses_what_it_cannot_do(
        self,
        small: Path,
        arguments: list[str],
        said: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert run_here(monkeypatch, "study", str(small), *arguments) == 2
        assert capsys.readouterr().err == f"liqspec: {said}\n"

    def test_lists_what_is_shipped_for_another_name(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run_here(monkeypatch, "study", "partial-order") == 2
        said = capsys.readouterr().err
        assert "no such study; shipped are partial-orders, self-protection" in said
        assert said.endswith("did you mean partial-orders?\n")


WRONG = {
    'columns = ["kept"': ('columns = ["kep"', 'columns 1: there is no measure "kep"; did you mean kept?'),
    'measure = "kept"': (
        'measure = "?"',
        'claim 1, shown 1, measure: there is no measure "?"; the measures are: paid_in',
    ),
    'case = "gap/stop"': (
        'case = "gap/stopp"',
        'claim 1, shown 1, case: there is no case "gap/stopp"; did you mean gap/st',
    ),
    'value = "0.1"': (
        'value = "0.1"\nthan = "gap/stop"',
        "claim 1, shown 2: compares with either `than`, another case",
    ),
    'relation = "less"': (
        'relation = "below"',
        'claim 1, shown 2, relation: expected one of "less", "equal", "more", got "below"',
    ),
    'deposit = "3000"': ("", "base.deposit: required field is missing, in the base or in each choice of an axis"),
    'stop = "49000"': ('stop = "0.5"', "the case fall/stop: protect 1, stop: must be a multiple of 1 above 0; got 0.5"),
    'venue = "generic"': ('venue = "genric"', "the case fall/plain: venue: genric: no such venue"),
    "leverage = 20": ('leverage = 20\nlevrage = "1"', "base.levrage: unknown field"),
}


@pytest.mark.parametrize("place", WRONG)
def test_a_study_that_is_not_valid_is_refused_with_its_place(place: str, small: Path) -> None:
    other, said = WRONG[place]
    assert place in SMALL
    small.write_text(SMALL.replace(place, other, 1), encoding="utf-8")
    with pytest.raises(InvalidStudy) as caught:
        studies.load(str(small))
    assert said in str(caught.value)
    assert str(caught.value).startswith(str(small))


def test_a_study_of_a_trade_that_is_refused_ends_with_one_line(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small.write_text(SMALL.replace('deposit = "3000"', 'deposit = "2000"', 1), encoding="utf-8")
    assert run_here(monkeypatch, "study", str(small), "--json") == 2
    said = capsys.readouterr().err
    assert said.startswith("liqspec: the case fall/plain: step 2 is refused: insufficient_margin: ")
    assert said.count("\n") == 1


def values(line: Line2D) -> list[float]:
    """The heights of a line."""
    heights: Any = line.get_ydata()
    return [float(height) for height in heights]


class TestThePicture:
    def test_shows_the_equity_of_each_trader_and_what_was_kept(self, small: Path) -> None:
        figure = drawing.draw(running.run(studies.load(str(small))))
        mark, equity, kept = figure.axes[:3]
        (line,) = mark.lines
        assert values(line) == [50_000, 48_000]
        assert {one.get_label(): values(one)[-1] for one in equity.lines} == {
            "plain": 996,
            "stop": 936,
            "bare": 996,
        }
        assert [text.get_text() for text in kept.texts] == [
            "996 of 3,000; 0.6 left",
            "936 of 3,000; none left",
            "996 of 3,000; 0.6 left",
        ]

    def test_of_four_axes_shows_what_is_kept_less_what_was_missing(self, small: Path) -> None:
        one = '[[axis]]\nname = "{}"\n[[axis.choice]]\nname = "one"\ntitle = "one"\n'
        text = SMALL.replace("[[axis]]", one.format("a") + one.format("b") + "[[axis]]", 1)
        text = text.replace("gap/", "one/one/gap/").replace("fall/", "one/one/fall/")
        small.write_text(text, encoding="utf-8")
        figure = drawing.draw(running.run(studies.load(str(small))), "dark")
        (axes,) = figure.axes
        lines = [values(line) for line in axes.lines if len(values(line)) == 3]
        assert lines == [[996, 936, 996], [-1064, -1064, -1004]]
        markers = [line.get_marker() for line in axes.lines if len(values(line)) == 1]
        assert markers.count("X") == 1

    def test_of_another_number_of_axes_is_refused(self, small: Path) -> None:
        one = '[[axis]]\nname = "a"\n[[axis.choice]]\nname = "one"\ntitle = "one"\n'
        text = SMALL.replace("[[axis]]", one + "[[axis]]", 1)
        small.write_text(text.replace("gap/", "one/gap/").replace("fall/", "one/fall/"), encoding="utf-8")
        with pytest.raises(CannotDraw, match="a study of 3 axes has no picture; it needs two or four"):
            drawing.draw(running.run(studies.load(str(small))))

    def test_is_drawn_by_a_command(self, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        target = tmp_path / "small.png"
        assert run_here(monkeypatch, "draw", "study", str(small), "-o", str(target)) == 0
        assert target.read_bytes().startswith(b"\x89PNG")
