"""A venue to begin with, and a venue read back in words."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from liqspec.cli.app import app
from liqspec.core.parameters import PARAMETERS
from liqspec.spec import venue_words, venues
from support.commands import run_here


def test_a_new_venue_is_valid_and_says_where_its_numbers_come_from(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert CliRunner().invoke(app, ["new", "venue", str(path)]).exit_code == 0
    venue = venues.load(str(path))
    assert venue.name == "mine"
    assert {one.origin for one in venue_words.of(venue)} == {"assumed"}


def test_what_exists_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    done = CliRunner().invoke(app, ["new", "venue", str(path)])
    assert (done.exit_code, "is not overwritten" in done.stderr, path.read_text()) == (2, True, "mine")
    assert CliRunner().invoke(app, ["new", "venue", str(tmp_path / "mine.txt")]).exit_code == 2


@pytest.mark.parametrize("name", venues.names())
def test_every_parameter_that_a_venue_has_is_read_back(name: str) -> None:
    done = CliRunner().invoke(app, ["venues", name, "--json"])
    read = {one["parameter"]: one for one in json.loads(done.stdout)["parameters"]}
    config = venues.load(name).config(accounts=(), marks={}).to_json()
    for one in PARAMETERS:
        if (value := config.get(one.table, {}).get(one.name)) is not None:
            assert (read[one.path]["value"], read[one.path]["rule"]) == (value, one.rule)
    assert {one["from"] for one in read.values()} <= {"documented", "assumed", "default"}


def test_the_origin_is_that_of_the_nearest_path_above() -> None:
    origins = {one.path: one.origin for one in venue_words.of(venues.load("hyperliquid"))}
    assert origins["liquidation.partial_fraction"] == "documented"
    assert origins["liquidation.stop_when_restored"] == "assumed"


def test_what_says_nothing_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = venue_words.template("mine").partition("[provenance]")[0]
    path.write_text(text.replace('fee_rate = "0"', 'fee_rate = "1/100"'))
    done = CliRunner().invoke(app, ["venues", str(path)])
    origins = {one.path: one.origin for one in venue_words.of(venues.load(str(path)))}
    assert (origins["liquidation.fee_rate"], origins["liquidation.cooldown_ms"]) == ("not said", "default")
    assert f"{list(origins.values()).count('not said')} values do not say where they come from" in done.stdout


def test_an_impossible_value_is_one_line_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(venue_words.template("mine").replace('threshold = "2/3"', 'threshold = "3/2"'))
    assert run_here(monkeypatch, "venues", str(path)) == 2
    assert capsys.readouterr().err.count("\n") == 1
