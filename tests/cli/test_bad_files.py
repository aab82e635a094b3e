"""A venue or scenario file that is wrong is refused in one line that names the file and the field, or the line."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liqspec.core import events
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.parameters import InvalidConfig
from liqspec.core.refusals import BadRequest
from liqspec.edge import files
from liqspec.edge.files import UnreadableFile
from liqspec.edge.shapes import WrongShape
from liqspec.spec import scenarios, venue_problems, venues
from liqspec.spec.scenarios import InvalidScenario
from liqspec.spec.venue_problems import problems
from liqspec.spec.venues import InvalidVenueFile
from support.builders import small_config
from support.commands import run_here

VENUE = """\
name = "small"
title = "Small"
description = "Two tiers."
quote_unit = "0.01"

[markets.A]
tick = "0.1"
lot = "0.1"
tiers = [
    { above = "0", maintenance_rate = "1/10", max_leverage = 5 },
    { above = "1000", maintenance_rate = "1/5", max_leverage = 2 },
]

[liquidation]
partial_threshold = "500"
partial_fraction = "1/5"
cooldown_ms = 1000
fee_rate = "0.001"

[backstop]
threshold = "2/3"

[provenance]
"markets" = { status = "assumed", note = "made up" }
"""

SCENARIO = """\
title = "A story"
venue = "small.toml"
accounts = ["alice"]
marks = { A = "100" }

[vault]
cash = "1000"

[[step]]
event = { type = "deposit", account = "alice", amount = "300" }

[[step]]
note = "Ten at 100."

[step.event]
type = "trade"
account = "alice"
market = "A"
mode = "cross"
size = "10"
price = "100"
leverage = 5

[[depth.A]]
distance = "0.1"
size = "1"

[[report]]
figure = "vault"
reported = "1000"
after_step = 2
measure = "vault.cash"
explanation = "Nothing happened to it."

[end.pools."alice/cross"]
equity = "300"
"""


class Folder:
    """A folder with a venue file and a scenario file that are right until a test changes them."""

    def __init__(self, path: Path) -> None:
        self.venue, self.scenario = path / "small.toml", path / "story.toml"
        self.venue.write_text(VENUE)
        self.scenario.write_text(SCENARIO)

    def load_venue(self, old: str = "", new: str = "") -> None:
        self.venue.write_text(_replaced(VENUE, old, new))
        venues.load(str(self.venue))

    def load_scenario(self, old: str = "", new: str = "") -> None:
        self.scenario.write_text(_replaced(SCENARIO, old, new))
        scenarios.load(str(self.scenario))


def _replaced(text: str, old: str, new: str) -> str:
    assert not old or old in text
    return text.replace(old, new, 1) if old else new + text


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def one_line(error: pytest.ExceptionInfo[ValueError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert len(text) < 600
    return text


LOADERS: list[Callable[[str], object]] = [venues.load, scenarios.load]
BOTH = pytest.mark.parametrize("load", LOADERS, ids=["venue", "scenario"])


def test_the_files_are_right_before_they_are_changed(folder: Folder) -> None:
    """CFG-1, SCN-1: so that what the other tests see is what they changed."""
    folder.load_venue()
    folder.load_scenario()


@BOTH
class TestAnyFile:
    """SCN-1, CFG-1: refused before anything of it is understood, with its name first."""

    def refused(self, load: Callable[[str], object], path: Path) -> str:
        with pytest.raises(UnreadableFile) as caught:
            load(str(path))
        text = one_line(caught)
        assert text.startswith(f"{path}: ")
        return text.removeprefix(f"{path}: ")

    def test_that_is_missing(self, load: Callable[[str], object], tmp_path: Path) -> None:
        assert self.refused(load, tmp_path / "none.toml") == "no such file or directory"

    def test_that_is_a_directory(self, load: Callable[[str], object], tmp_path: Path) -> None:
        (tmp_path / "x.toml").mkdir()
        assert self.refused(load, tmp_path / "x.toml") == "is a directory, not a file"

    def test_below_a_file(self, load: Callable[[str], object], folder: Folder) -> None:
        assert self.refused(load, folder.venue / "x.toml") == "not a directory"

    @pytest.mark.parametrize("content", ["", " \n\t\n"])
    def test_that_is_empty(self, load: Callable[[str], object], tmp_path: Path, content: str) -> None:
        path = tmp_path / "x.toml"
        path.write_text(content)
        assert self.refused(load, path) == "is empty"

    def test_that_is_not_utf8(self, load: Callable[[str], object], tmp_path: Path) -> None:
        """With the byte at which it goes wrong."""
        path = tmp_path / "x.toml"
        path.write_bytes(b'title = "\xff\xfe"')
        assert self.refused(load, path) == "is not UTF-8 text (byte 9)"

    def test_of_100_megabytes(self, load: Callable[[str], object], tmp_path: Path) -> None:
        """It is not read to its end: the file is sparse, and the test is fast."""
        path = tmp_path / "x.toml"
        with path.open("wb") as file:
            file.truncate(100 * 1024 * 1024)
        assert self.refused(load, path) == "is larger than 8 MiB, the most that is read"

    def test_that_nobody_may_read(self, load: Callable[[str], object], folder: Folder) -> None:
        folder.venue.chmod(0)
        if os.access(folder.venue, os.R_OK):
            pytest.skip("this user can read a file without permissions")
        assert self.refused(load, folder.venue) == "permission denied"

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ("title =\n", "malformed TOML: Invalid value (at line 1"),
            ('title = "open\n', "malformed TOML: Illegal character '\\n' (at line 1"),
            ("a = 1\na = 2\n", "malformed TOML: Cannot overwrite a value (at line 2"),
            ("[a]\n[a]\n", "malformed TOML: Cannot declare ('a',) twice (at line 2"),
            ("x = { a = 1, a = 2 }\n", "malformed TOML: Duplicate inline table key 'a' (at line 1"),
            ("x = 01\n", "malformed TOML: Expected newline or end of document after a statement"),
            ("x = +nonsense\n", "malformed TOML: Invalid value"),
            ("not toml\n", "malformed TOML: Expected '=' after a key"),
            ("\x00", "malformed TOML: Invalid statement"),
            ("x = " + "9" * 5000, "malformed TOML: a number has too many digits"),
            ("x = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
            ("x = " + "{ x = " * 5000 + "1" + " }" * 5000, "nested too deeply"),
            ("[" + ".".join("a" * 5000) + "]", "nested too deeply"),
            ("x = 1\ny = [{ z = 1979-05-27 }]\n", ":2: y 1, z: expected a text or a number, got the date or time 1979"),
            ("x = [-inf]\n", ":1: x 1: expected a finite number or a string, got -inf"),
        ],
        ids=lambda value: str(value)[:24],
    )
    def test_that_is_malformed(self, load: Callable[[str], object], tmp_path: Path, content: str, why: str) -> None:
        path = tmp_path / "x.toml"
        path.write_text(content)
        with pytest.raises((UnreadableFile, InvalidVenueFile, InvalidScenario)) as caught:
            load(str(path))
        assert why in one_line(caught)
        if isinstance(caught.value, UnreadableFile):
            assert str(caught.value).startswith(f"{path}: ")

    @pytest.mark.parametrize("name", ["nothing", "", "../venues", "generic.json"])
    def test_of_an_unknown_name(self, load: Callable[[str], object], name: str) -> None:
        """It says where to find the right ones."""
        with pytest.raises(UnreadableFile, match=r"no such|is a directory"):
            load(name)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(cut=st.integers(1, 800), junk=st.sampled_from(["", "\x00", '"', "=", "]", "[[", "é", "1e5", "nan", "\n\n"]))
    def test_cut_off_anywhere_or_with_junk_in_it(
        self, load: Callable[[str], object], folder: Folder, cut: int, junk: str
    ) -> None:
        """Whatever is left is loaded, or refused in one line, and never a crash."""
        for path, text in ((folder.venue, VENUE), (folder.scenario, SCENARIO)):
            path.write_text(text[:cut] + junk)
            try:
                load(str(path))
            except (UnreadableFile, InvalidScenario, InvalidVenueFile) as error:
                assert "\n" not in str(error)
                if isinstance(error, InvalidVenueFile):
                    assert str(error) in problems(str(path))
                path.write_text(text)
            path.write_text(text)


def test_a_file_of_the_other_kind_is_recognised(folder: Folder) -> None:
    with pytest.raises(InvalidVenueFile) as caught:
        venues.load(str(folder.scenario))
    assert "this is a scenario, not a venue (liqspec simulate FILE): it has step" in one_line(caught)
    with pytest.raises(InvalidScenario) as refused:
        scenarios.load(str(folder.venue))
    assert "this is a venue, not a scenario (liqspec venues FILE, or simulate SCENARIO --venue FILE)" in one_line(
        refused
    )


# Text of the venue file, its replacement, and what the message begins with.
BAD_VENUES = [
    # numbers of the file format where strings are due (AMT-3, AMT-5)
    ('tick = "0.1"', "tick = 0.1", "markets.A.tick: expected a string, got 0.1"),
    ('tick = "0.1"', "tick = 1", "markets.A.tick: expected a string, got 1"),
    ('tick = "0.1"', "tick = nan", "markets.A.tick: expected a finite number or a string, got nan"),
    ('tick = "0.1"', "tick = true", "markets.A.tick: expected a string, got true"),
    ('"1/10"', "0.1", "markets.A.tiers 1, maintenance_rate: expected a string, got 0.1"),
    ('threshold = "2/3"', "threshold = 0.67", "backstop.threshold: expected a string, got 0.67"),
    ("max_leverage = 5", "max_leverage = 5.0", "markets.A.tiers 1, max_leverage: expected a whole number, got 5.0"),
    ("max_leverage = 5", 'max_leverage = "5"', 'markets.A.tiers 1, max_leverage: expected a whole number, got "5"'),
    ("cooldown_ms = 1000", "cooldown_ms = 1000.0", "liquidation.cooldown_ms: expected a whole number, got 1000.0"),
    # malformed amounts and rates (AMT-3, AMT-5)
    ('tick = "0.1"', 'tick = "NaN"', 'markets.A.tick: "NaN" is not a decimal number'),
    ('tick = "0.1"', 'tick = "1e-1"', 'markets.A.tick: "1e-1" is not a decimal number'),
    ('lot = "0.1"', 'lot = "+0.1"', 'markets.A.lot: "+0.1" is not a decimal number'),
    ('above = "1000"', 'above = "1_000"', 'markets.A.tiers 2, above: "1_000" is not a decimal number'),
    ('"1/5"', '"1:5"', 'markets.A.tiers 2, maintenance_rate: "1:5" is not a decimal number'),
    ('"1/5"', '"1/0"', 'markets.A.tiers 2, maintenance_rate: "1/0" divides by zero'),
    ('threshold = "2/3"', 'threshold = "inf"', 'backstop.threshold: "inf" is not a decimal number'),
    # by CFG-3, AMT-2 and AMT-4: grids
    ('tick = "0.1"', 'tick = "0"', "markets.A.tick: a grid step must be above 0, got 0"),
    ('lot = "0.1"', 'lot = "-0.1"', "markets.A.lot: a grid step must be above 0, got -0.1"),
    ('quote_unit = "0.01"', 'quote_unit = "-1"', "quote_unit: a grid step must be above 0, got -1"),
    (
        'tick = "0.1"',
        'tick = "0.01"',
        "markets.A.tick: tick 0.01 x lot 0.1 is not a whole number of quote units of 0.01 (AMT-2)",
    ),
    ('above = "1000"', 'above = "1000.001"', "markets.A.tiers 2, above: 1000.001 is not a multiple of 0.01"),
    ('"500"', '"500.001"', "liquidation.partial_threshold: 500.001 is not a multiple of 0.01"),
    # by MRG-8: tiers
    ('above = "0"', 'above = "1"', "markets.A.tiers 1, above: the first tier starts above 0, got 1"),
    ('above = "0"', 'above = "-1"', "markets.A.tiers 1, above: "),
    (
        'above = "0", maintenance_rate = "1/10", max_leverage = 5',
        'above = "1", maintenance_rate = "-1", max_leverage = 0',
        "markets.A.tiers 1, above: the first tier starts above 0, got 1",
    ),
    ('above = "1000"', 'above = "0"', "markets.A.tiers 2, above: tiers out of order: 0 does not rise from 0"),
    ('above = "1000"', 'above = "-1"', "markets.A.tiers 2, above: tiers out of order: -1 does not rise from 0"),
    ('"1/5"', '"1/11"', "markets.A.tiers 2, maintenance_rate: the rate falls from 1/10 to 1/11"),
    ('"1/10"', '"0"', "markets.A.tiers 1, maintenance_rate: must be above 0, got 0"),
    ('"1/10"', '"-1"', "markets.A.tiers 1, maintenance_rate: must be above 0, got -1"),
    ('"1/10"', '"1/4"', "markets.A.tiers 1, maintenance_rate: 1/4 is above the initial rate 1/5"),
    ('"1/5"', '"0.51"', "markets.A.tiers 2, maintenance_rate: 0.51 is above the initial rate 1/2"),
    ("max_leverage = 5", "max_leverage = 1", "markets.A.tiers 2, max_leverage: the maximum leverage rises from 1 to 2"),
    ("max_leverage = 2", "max_leverage = 0", "markets.A.tiers 2, max_leverage: must be at least 1"),
    ("max_leverage = 2", "max_leverage = -1", "markets.A.tiers 2, max_leverage: expected a whole number from 0"),
    # by CFG-2: shares
    ('"2/3"', '"0"', "backstop.threshold: must be above 0 and at most 1, got 0"),
    ('"2/3"', '"4/3"', "backstop.threshold: must be above 0 and at most 1, got 4/3"),
    ('"2/3"', '"-0.5"', "backstop.threshold: must be above 0 and at most 1, got -0.5"),
    (
        'threshold = "2/3"',
        'threshold = "1"\nreturn_fraction = "1.1"',
        "backstop.return_fraction: must be at least 0",
    ),
    (
        'partial_fraction = "1/5"',
        'partial_fraction = "0"',
        "liquidation.partial_fraction: must be above 0",
    ),
    ('"0.001"', '"1.001"', "liquidation.fee_rate: must be at least 0 and at most 1, got 1.001"),
    ('"500"', '"-1"', "liquidation.partial_threshold: must be at least 0, got -1"),
    ('"500"', '"-0.01"', "liquidation.partial_threshold: must be at least 0, got -0.01"),
    ("cooldown_ms = 1000", "cooldown_ms = -1", "liquidation.cooldown_ms: expected a whole number from 0"),
    # fields
    ("[backstop]", "[backstp]", "backstp: unknown field; the fields here are: account, backstop, description, "),
    ('threshold = "2/3"', "", "backstop.threshold: required field is missing"),
    ('title = "Small"', "", "title: required field is missing"),
    ("fee_rate", "fee", "liquidation.fee: unknown field; the fields here are: assess_at, cooldown_ms, cooldown_scope"),
    ("max_leverage = 5", "max_leverage = 5, colour = 1", "markets.A.tiers 1, colour: unknown field"),
    ('lot = "0.1"', "", "markets.A.lot: required field is missing"),
    ("cooldown_ms = 1000", 'cooldown_scope = "market"', 'liquidation.cooldown_scope: expected one of "position", '),
    ("cooldown_ms = 1000", 'order_policy = "both"', 'liquidation.order_policy: expected one of "all", "ranked", got'),
    ("cooldown_ms = 1000", "stop_when_restored = 1", "liquidation.stop_when_restored: expected true or false, got 1"),
    ("[markets.A]", '[markets."A B"]', 'markets.A B: "A B" is not a valid name'),
    ("[markets.A]", '[markets."A/B"]', 'markets.A/B: "A/B" is not a valid name'),
    ("[markets.A]", '[markets.""]', 'markets.: "" is not a valid name'),
    ('"assumed"', '"guessed"', 'provenance.markets.status: expected one of "documented", "assumed", got "guessed"'),
    ('"made up"', "1", "provenance.markets.note: expected a string, got 1"),
]


PROBLEMS = [
    ": title: required field is missing",
    ':6: markets.A.tick: expected a string, got 1: write "1"',
    ':8: markets.A.tiers 1, max_leverage: expected a whole number, got "5x"',
    ':8: markets.A.tiers 2, max_leverage: expected a whole number, got "2x"',
    ':8: markets.A.tiers 1, maintenance_rate: "10%" is not a decimal number',
    ":14: liquidation.tier_steps: has a meaning only with partial_method",
    ':15: liquidation.partial_threshold: "1e3" is not a decimal number',
    ":16: liquidation.partial_share: unknown field",
    ":17: liquidation.cooldown_ms: expected a whole number from 0",
    ":18: liquidation.fee_rate: must be at least 0 and at most 1, got 2",
    ":23: markets.B.tiers: at least one tier is needed",
    ":25: backstop.threshold: must be above 0 and at most 1, got 3/2",
    ":28: provenance.market: names no number of this file; did you mean markets?",
]


class TestABadVenueFile:
    """CFG-1, CFG-2, CFG-3, CFG-4, MRG-8, AMT-2, AMT-3, AMT-4, AMT-5, AMT-7."""

    @pytest.mark.parametrize(("old", "new", "message"), BAD_VENUES)
    def test_is_refused_with_its_field(self, folder: Folder, old: str, new: str, message: str) -> None:
        with pytest.raises(InvalidVenueFile) as caught:
            folder.load_venue(old, new)
        assert message in one_line(caught)
        assert problems(str(folder.venue)) == [str(caught.value)]

    def test_with_several_problems_is_refused_with_a_line_for_each(
        self, folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What only follows from another problem is not repeated, and what is wrong elsewhere is not hidden."""
        changes = [
            ('title = "Small"\n', ""),
            ('tick = "0.1"', "tick = 1"),
            ('"1/10"', '"10%"'),
            ("max_leverage = 5", 'max_leverage = "5x"'),
            ("max_leverage = 2", 'max_leverage = "2x"'),
            ('partial_threshold = "500"', 'partial_threshold = "1e3"'),
            ("cooldown_ms = 1000", "cooldown_ms = -1"),
            ("partial_fraction", "partial_share"),
            ("[liquidation]", "[liquidation]\ntier_steps = 2"),
            ('fee_rate = "0.001"', 'fee_rate = "2"'),
            ('"2/3"', '"3/2"'),
            ('"markets"', '"market"'),
            ("[backstop]", '[markets.B]\ntick = "1"\nlot = "1"\ntiers = []\n[backstop]'),
        ]
        text = VENUE
        for old, new in changes:
            text = _replaced(text, old, new)
        folder.venue.write_text(text)
        assert run_here(monkeypatch, "venues", str(folder.venue), "--all") == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        lines = [line.removeprefix(f"liqspec: {folder.venue}") for line in printed.err.splitlines()]
        assert [line[: len(start)] for line, start in zip(lines, PROBLEMS, strict=True)] == PROBLEMS

    def test_is_refused_in_one_line_that_counts_the_others(
        self, folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder.venue.write_text("x = 1\ny = 2\n" + VENUE)
        assert run_here(monkeypatch, "venues", str(folder.venue)) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"liqspec: {folder.venue}:1: x: unknown field")
        assert line.endswith(" (and 1 other problem: --all lists all)")

    def test_with_many_problems_is_refused_in_21_lines(
        self, folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder.venue.write_text("".join(f"x{number} = 1\n" for number in range(1000)) + VENUE)
        assert run_here(monkeypatch, "venues", str(folder.venue), "--all") == 2
        lines = capsys.readouterr().err.splitlines()
        assert (len(lines), lines[-1]) == (21, "liqspec: and more; correct these first")

    def test_of_a_large_one_only_the_first_problems_are_looked_for(
        self, folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Each is found by reading all of it once more: the time must not be the product of both."""
        text = "".join(f"x{number} = 1\n" for number in range(5)) + VENUE
        folder.venue.write_text(text)
        monkeypatch.setattr(venue_problems, "_LOOKED_AT", 3 * len(text))
        assert run_here(monkeypatch, "venues", str(folder.venue), "--all") == 2
        lines = capsys.readouterr().err.splitlines()
        assert (len(lines), lines[-1].partition(": there ")[2]) == (4, "may be more; correct these first")

    def test_without_a_market_or_a_tier_is_none(self, folder: Folder) -> None:
        """CFG-1, MRG-8."""
        start, end = VENUE.index("[markets.A]"), VENUE.index("[liquidation]")
        with pytest.raises(InvalidVenueFile, match="markets: at least one market is needed"):
            folder.load_venue(VENUE[start:end], "[markets]\n")
        start = VENUE.index("tiers = [")
        with pytest.raises(InvalidVenueFile, match=r"markets\.A\.tiers: at least one tier is needed"):
            folder.load_venue(VENUE[start:end], "tiers = []\n")

    @pytest.mark.parametrize(("old", "new", "message"), BAD_VENUES[::9])
    def test_makes_a_scenario_on_it_bad_at_the_line_of_the_venue(
        self, folder: Folder, old: str, new: str, message: str
    ) -> None:
        """SCN-1."""
        folder.venue.write_text(VENUE.replace(old, new, 1))
        with pytest.raises(InvalidScenario) as caught:
            folder.load_scenario()
        assert one_line(caught).startswith(f"{folder.scenario}:2: venue: ")
        assert message in str(caught.value)

    @pytest.mark.parametrize(
        ("old", "new"), [('tick = "0.1"', "tick = 1"), ('above = "1000"', 'above = "0"')], ids=["shape", "rules"]
    )
    def test_is_named_in_the_message(self, folder: Folder, old: str, new: str) -> None:
        """CFG-1: of several venue files the message names the one that is wrong."""
        with pytest.raises(ValueError) as caught:  # the name is what is tested
            folder.load_venue(old, new)
        assert "small.toml" in one_line(caught)

    def test_boundaries_of_the_tiers_are_valid(self, folder: Folder) -> None:
        """MRG-8: equal rates, equal leverages and a rate equal to the initial one are allowed."""
        folder.load_venue('"1/5"', '"1/10"')
        folder.load_venue("max_leverage = 2", "max_leverage = 5")
        folder.load_venue('"1/10"', '"1/5"')
        folder.load_venue('"1/5"', '"1/2"')
        folder.load_venue('above = "1000"', 'above = "0.01"')

    def test_boundaries_of_the_shares_are_valid(self, folder: Folder) -> None:
        """CFG-2."""
        folder.load_venue('"2/3"', '"1"')
        folder.load_venue('partial_fraction = "1/5"', 'partial_fraction = "1"')
        folder.load_venue('"0.001"', '"0"')
        folder.load_venue('"0.001"', '"1/1"')
        folder.load_venue('"500"', '"0"')


# Text of the scenario file, its replacement, the line named, and what follows it.
BAD_SCENARIOS = [
    # numbers where strings are due, and malformed ones (AMT-3)
    ('amount = "300"', "amount = 300", 10, "step 1, event.amount: expected a string, got 300"),
    ('amount = "300"', "amount = 300.0", 10, "step 1, event.amount: expected a string, got 300.0"),
    ('amount = "300"', "amount = nan", 10, "step 1, event.amount: expected a finite number or a string, got nan"),
    ('amount = "300"', 'amount = "NaN"', 10, 'step 1, event.amount: "NaN" is not a decimal number'),
    ('amount = "300"', 'amount = "3e2"', 10, 'step 1, event.amount: "3e2" is not a decimal number'),
    ('price = "100"', 'price = "1e2"', 21, 'step 2, event.price: "1e2" is not a decimal number'),
    ('size = "10"', "size = -10", 20, "step 2, event.size: expected a string, got -10"),
    ('A = "100"', "A = 100.0", 4, "marks.A: expected a string, got 100.0"),
    ('A = "100"', 'A = "1 00"', 4, 'marks.A: "1 00" is not a decimal number'),
    ('cash = "1000"', "cash = 1000", 7, "vault.cash: expected a string, got 1000"),
    ('reported = "1000"', 'reported = "1k"', 30, 'report 1, reported: "1k" is not a decimal number'),
    # by EVT-4: integers
    ("leverage = 5", "leverage = 5.0", 22, "step 2, event.leverage: expected a whole number, got 5.0"),
    ("leverage = 5", "leverage = -5", 22, "step 2, event.leverage: expected a whole number from 0"),
    ("leverage = 5", 'leverage = "5"', 22, 'step 2, event.leverage: expected a whole number, got "5"'),
    ('title = "A story"', 'title = "A story"\ntime = -1', 2, "time: expected a whole number from 0"),
    # marks, cash and depth on their grids and above 0 (AMT-4, CFG-1, SCN-3)
    ('A = "100"', 'A = "100.05"', 4, "marks.A: 100.05 is not a multiple of 0.1"),
    ('A = "100"', 'A = "0"', 4, "marks.A: must be above 0, got 0"),
    ('A = "100"', 'A = "-100"', 4, "marks.A: must be above 0, got -100"),
    ('A = "100"', 'A = "100", B = "1"', 4, "marks.B: venue small has no such market"),
    ('cash = "1000"', 'cash = "0.001"', 7, "vault.cash: 0.001 is not a multiple of 0.01"),
    ('size = "1"\n', 'size = "-1"\n', 26, "depth.A 1, size: must be a multiple of 0.1 above 0; got -1"),
    ('size = "1"\n', 'size = "0"\n', 26, "depth.A 1, size: must be a multiple of 0.1 above 0; got 0"),
    (
        'distance = "0.1"',
        'distance = "-0.1"',
        25,
        "depth.A 1, distance: must be a multiple of 0.1, at least 0; got -",
    ),
    (
        'distance = "0.1"',
        'distance = "0.01"',
        25,
        "depth.A 1, distance: must be a multiple of 0.1, at least 0;",
    ),
    # fields
    ('type = "deposit"', 'type = "dposit"', 10, 'step 1, event.type: "dposit"; the types are: deposit, '),
    ('type = "trade"', "", 15, "step 2, event.type: "),
    ('mode = "cross"', 'mode = "hedge"', 19, 'step 2, event.mode: expected one of "cross", "isolated", got "hedge"'),
    ('mode = "cross"', 'moed = "cross"', 19, "step 2, event.moed: unknown field"),
    ('market = "A"', "", 15, "step 2, event.market: required field is missing"),
    ('note = "Ten at 100."', "noet = 1", 13, "step 2, noet: unknown field; the fields here are: answered, event"),
    ('title = "A story"', 'tilte = "A story"', 1, "tilte: unknown field"),
    ('accounts = ["alice"]', 'accounts = "alice"', 3, 'accounts: expected a list, got "alice"'),
    ('accounts = ["alice"]', "accounts = []", 3, "accounts: at least one account is needed"),
    ('accounts = ["alice"]', 'accounts = ["a", "a"]', 3, "accounts: 'a' is repeated"),
    ('accounts = ["alice"]', 'accounts = ["a b"]', 3, 'accounts: "a b" is not a valid name'),
    ('accounts = ["alice"]', f'accounts = ["{"a" * 129}"]', 3, "accounts: "),
    ('venue = "small.toml"', 'venue = "smal"', 2, "venue: smal: no such venue; shipped are "),
    ('venue = "small.toml"', "venue = 1", 2, "venue: expected a string, got 1"),
    (
        'note = "Ten at 100."',
        'expect = { refused = "no" }',
        13,
        'step 2, expect.refused: "no" is not one of: bad_request,',
    ),
    (
        'venue = "small.toml"',
        'config = {}\nvenue = "small.toml"',
        2,
        "config: a scenario with its own config has",
    ),
    # changes of the venue (SCN-1)
    ("[vault]", "[change.liquidation]\nfee = 1\n[vault]", 7, "change.liquidation.fee: unknown field"),
    ("[vault]", "[change.backstop]\nthreshold = 1\n[vault]", 7, "change.backstop.threshold: expected a string, got 1"),
    # by SCN-4: reports
    ("after_step = 2", "after_step = 0", 31, "report 1, after_step: must be from 1 to 2, the steps there are"),
    ("after_step = 2", "after_step = 3", 31, "report 1, after_step: must be from 1 to 2, the steps there are"),
]


class TestABadScenarioFile:
    """SCN-1, SCN-3, SCN-4, CFG-1, AMT-3, AMT-4, AMT-7, EVT-4."""

    @pytest.mark.parametrize(("old", "new", "line", "message"), BAD_SCENARIOS)
    def test_is_refused_with_its_file_line_and_field(
        self, folder: Folder, old: str, new: str, line: int, message: str
    ) -> None:
        with pytest.raises(InvalidScenario) as caught:
            folder.load_scenario(old, new)
        assert one_line(caught).startswith(f"{folder.scenario}:{line}: {message}")

    @pytest.mark.parametrize("field", ["title", "venue", "marks"])
    def test_without_a_field_names_the_field_that_is_missing(self, folder: Folder, field: str) -> None:
        """SCN-1: there is no line to name."""
        line = next(line for line in SCENARIO.splitlines() if line.startswith(field))
        with pytest.raises(InvalidScenario) as caught:
            folder.load_scenario(line, "")
        assert one_line(caught).startswith(f"{folder.scenario}: {field}: ")

    @pytest.mark.parametrize(
        ("old", "new", "line", "message"),
        [
            ("[[depth.A]]", "[[depth.B]]", 24, "depth.B: the market has no starting mark in this scenario"),
            ("[end.pools", "[end.pool", 35, "end.pool: unknown field; the fields here are: marks, pools, positions, "),
        ],
    )
    def test_whose_field_is_part_of_a_header_is_refused_at_the_line_of_the_header(
        self, folder: Folder, old: str, new: str, line: int, message: str
    ) -> None:
        """SCN-1."""
        with pytest.raises(InvalidScenario) as caught:
            folder.load_scenario(old, new)
        assert one_line(caught).startswith(f"{folder.scenario}:{line}: {message}")

    def test_loads_with_events_that_the_rules_refuse(self, folder: Folder) -> None:
        """SCN-1, EVT-2: a negative size or an amount off its grid is an event, and what the run is to show."""
        folder.load_scenario('amount = "300"', 'amount = "-300"')
        folder.load_scenario('amount = "300"', 'amount = "300.001"')
        folder.load_scenario('size = "10"', 'size = "-10"')

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ('[change.backstop]\nthreshold = "3"\n[vault]', "change.backstop.threshold"),
            ('[change.liquidation]\npartial_fraction = "0"\n[vault]', "change.liquidation.partial_fraction"),
        ],
    )
    def test_whose_change_breaks_the_rule_set_is_refused_at_the_line_of_the_change(
        self, folder: Folder, change: str, field: str
    ) -> None:
        """SCN-1, CFG-2: the field as this file writes it."""
        with pytest.raises(InvalidScenario) as caught:
            folder.load_scenario("[vault]", change)
        assert one_line(caught).startswith(f"{folder.scenario}:7: {field}: must be above 0")

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('title = "A story"', '"tit\\nle" = "A story"'),
            ('A = "100"', '"A\\nB" = "100"'),
            ('amount = "300"', '"am\\nount" = "300"'),
        ],
    )
    def test_with_a_line_break_in_a_key_is_still_refused_in_one_line(self, folder: Folder, old: str, new: str) -> None:
        with pytest.raises(InvalidScenario) as caught:
            folder.load_scenario(old, new)
        one_line(caught)

    def test_with_an_integer_beyond_all_bounds_inside_a_list_is_refused_like_any_other(self, folder: Folder) -> None:
        """EVT-2: Python refuses to write such an integer out, which a message must not stumble over."""
        with pytest.raises(InvalidScenario) as caught:
            folder.load_scenario('type = "deposit"', f"type = [0x{'F' * 6000}]")
        assert "step 1, event.type" in one_line(caught)


class TestBadConfigurations:
    """CFG-1, AMT-7: what the protocol sends, refused with the path."""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"accounts": []}, "accounts: at least one account is needed"),
            ({"accounts": ["a", "b", "a"]}, "accounts: 'a' is repeated"),
            ({"markets": {}, "marks": {}}, "markets: at least one market is needed"),
            ({"marks": {"A": "100"}}, "marks.B: the market has no starting mark"),
            ({"marks": {"A": "100", "B": "100", "C": "1"}}, "marks.C: not among the markets"),
            ({"marks": {"A": "100", "B": "0"}}, "marks.B: must be above 0, got 0"),
            ({"marks": {"A": "0.5", "B": "1"}}, "marks.A: 0.5 is not a multiple of 1"),
            ({"vault": {"cash": "0.5"}}, "vault.cash: 0.5 is not a multiple of 1"),
            ({"vault": {"csah": "1"}}, "vault.csah: unknown field; the fields here are: cash"),
            ({"backstop": {}}, "backstop.threshold: required field is missing"),
            ({"time": -1}, "time: expected a whole number from 0"),
            ({"time": 2**53}, "time: expected a whole number from 0"),
            ({"quote_unit": "1e-6"}, 'quote_unit: "1e-6" is not a decimal number'),
            ({"colour": "red"}, "colour: unknown field"),
            ({"accounts": ["a/b"]}, 'accounts: "a/b" is not a valid name'),
            ({"accounts": ["a\tb"]}, 'accounts: "a\\tb" is not a valid name'),
            ({"accounts": [""]}, 'accounts: "" is not a valid name'),
            ({"accounts": ["a" * 129]}, "accounts: "),
            (
                {"accounts": ["a\u200bb"]},
                'accounts: "a\\u200bb" is not a valid name: a name must not have U+200B (AMT-7',
            ),
            ({"accounts": ["\ud800"]}, 'accounts: "\\ud800" is not a valid name: a name must not have U+D800'),
            ({"accounts": [1]}, "accounts[1]: expected a string, got 1"),
        ],
    )
    def test_are_refused(self, change: dict[str, object], message: str) -> None:
        with pytest.raises((WrongShape, InvalidConfig)) as caught:
            Engine(Config.from_json(small_config(**change)))
        assert one_line(caught).startswith(message)

    def test_a_name_may_have_128_characters_of_any_script(self) -> None:
        """AMT-7."""
        for name in ("a" * 128, "Ωμέγα", "alice@example.com", "a.b-c_d"):
            assert list(Engine(Config.from_json(small_config(accounts=[name]))).state.accounts) == [name]

    @pytest.mark.parametrize("field", ["markets", "marks", "accounts", "backstop"])
    def test_what_is_required_may_not_be_missing(self, field: str) -> None:
        data = small_config()
        del data[field]
        with pytest.raises(WrongShape, match=f"^{field}: required field is missing$"):
            Config.from_json(data)


class TestJsonText:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"a": 1, "a": 2}', "the key 'a' is repeated in one object"),
            ('{"a": NaN}', "NaN is not a JSON number"),
            ('{"a": -Infinity}', "-Infinity is not a JSON number"),
            ("{", "Expecting property name"),
            ("", "Expecting value"),
            ("[" * 100_000, "nested too deeply"),
            ("9" * 5000, "a number has too many digits"),
            (r'{"a": "\ud800"}', r"\\ud800 is an unpaired surrogate"),
            (r'{"\uDFFF": 1}', r"\\uDFFF is an unpaired surrogate"),
            (r'["\ud83d\ud83d\ude00"]', r"\\ud83d is an unpaired surrogate"),
            (r'["\\\ude00"]', r"\\ude00 is an unpaired surrogate"),
        ],
        ids=lambda value: str(value)[:16],
    )
    def test_that_is_malformed_is_refused_in_one_line(self, text: str, message: str) -> None:
        """EVT-2: the edge of the protocol."""
        with pytest.raises(ValueError, match=message) as caught:
            files.parse_json(text)
        one_line(caught)

    def test_a_pair_of_surrogates_is_one_character_and_an_escaped_backslash_none(self) -> None:
        assert files.parse_json(r'["\uD83D\ude00", "\\ud800", "\u00e9"]') == ["\U0001f600", r"\ud800", "é"]

    @pytest.mark.parametrize("text", ["-0", "1.0", "1e3", "1E0", "0e0", "-0.0"])
    def test_a_number_that_is_spelt_as_no_integer_is_none(self, text: str) -> None:
        """EVT-4."""
        data = files.parse_json(text)
        with pytest.raises(BadRequest, match="time: expected a whole number"):
            events.from_json({"type": "block", "time": data})
        with pytest.raises(WrongShape, match=r"^time: expected a whole number"):
            Config.from_json(small_config(time=data))

    def test_digits_are_an_integer(self) -> None:
        """EVT-4: and so is 0, and a number below it, which is out of range."""
        read = files.parse_json("[0, 10, -1, 9007199254740991]")
        assert [(type(number), number) for number in read] == [(int, 0), (int, 10), (int, -1), (int, 2**53 - 1)]

    def test_a_bad_json_file_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "config.json"
        path.write_text('{"a": 1, "a": 2}')
        with pytest.raises(UnreadableFile) as caught:
            files.read_json(path)
        assert one_line(caught) == f"{path}: malformed JSON: the key 'a' is repeated in one object"


class TestTheLineOfAField:
    """SCN-1."""

    @pytest.mark.parametrize(
        ("path", "line"),
        [
            ("title", 1),
            ("marks.A", 4),
            ("vault.cash", 7),
            ("vault", 6),
            ("step[1].event.amount", 10),
            ("step[2]", 12),
            ("step[2].note", 13),
            ("step[2].event", 15),
            ("step[2].event.price", 21),
            ("step[2].event.missing", 15),
            ("depth.A[1].size", 26),
            ("report[1].measure", 32),
            ("end.pools.alice/cross.equity", 36),
            ("step[8].event", None),
            ("nothing", None),
        ],
    )
    def test_is_found_or_that_of_the_nearest_table_around_it(self, path: str, line: int | None) -> None:
        assert files.line_of(SCENARIO, path) == line

    @given(st.text(max_size=200), st.text(max_size=40))
    def test_of_any_text_and_path_is_a_line_of_it_or_none(self, text: str, path: str) -> None:
        line = files.line_of(text, path)
        assert line is None or 1 <= line <= len(text.splitlines())
