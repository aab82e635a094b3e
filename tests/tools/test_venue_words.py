"""A venue to begin with, and a venue read back in words."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from typer.testing import CliRunner

from liqspec.cli.app import app
from liqspec.core.parameters import (
    MARKET_PARAMETERS,
    PARAMETERS,
    AccountConfig,
    BackstopConfig,
    LiquidationConfig,
    MarginConfig,
    MarkConfig,
    MarketRules,
    Parameter,
    RestoreConfig,
    TradingConfig,
)
from liqspec.spec import venue_words, venues
from support.commands import run_here


def test_a_new_venue_is_valid_and_says_where_its_numbers_come_from(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert CliRunner().invoke(app, ["new", "venue", str(path)]).exit_code == 0
    venue = venues.load(str(path))
    assert venue.name == "mine"
    assert {one.origin for one in venue_words.of(venue)} == {"assumed"}
    still_true_when_changed = "Not compared with the documents of the venue yet."
    assert {venue.description, *(one.note for one in venue.provenance.values())} == {still_true_when_changed}


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


@pytest.mark.parametrize("one", [*PARAMETERS, *MARKET_PARAMETERS], ids=lambda one: one.path)
def test_what_a_value_means_is_an_answer_and_no_question(one: Parameter) -> None:
    values = {value for value in one.samples if isinstance(value, bool | str)} if one.answers else set()
    assert bool(one.answers) == one.meaning.startswith("Whether")
    assert values <= one.answers.keys()
    assert len({*one.answers.values()}) == len(one.answers)


def test_a_value_is_read_back_in_words_and_all_numbers_alike() -> None:
    wide = {"COLUMNS": "200"}
    lines = CliRunner().invoke(app, ["venues", "hyperliquid"], env=wide).stdout.splitlines()
    read = {line.split("│")[1].strip(): line for line in lines if line.startswith("│")}
    assert "A trade that turns a position round is split into two." in read["trading.crossing"]
    assert "The working orders of a restored pool" in read["liquidation.stop_when_restored"]
    assert "30,000" in read["liquidation.cooldown_ms"]
    assert "above 20,000,000: " in read["markets.DOGE.tiers 2"]
    assert "0.000001" in read["quote_unit"]


USUAL = [
    "Orders for whole positions, all of a pool at once; they stop when restored",
    "no cooldown",
    "no liquidation fee",
]
FULL = LiquidationConfig(
    partial_threshold="20000",
    partial_fraction="1/4",
    order_policy="ranked",
    stop_when_restored=False,
    cooldown_ms=30000,
    cooldown_scope="account",
    fee_rate="1/200",
)
IN_SHORT: list[tuple[Any, list[str]]] = [
    (
        FULL,
        [
            "Orders for 25 % of a position above 20,000, the largest margin of a pool first; they run to their end",
            "cooldown 30 s of the account",
            "a fee of 0.5 % on liquidation fills",
        ],
    ),
    (LiquidationConfig(restore=RestoreConfig(factor="6/5")), ["restored at 120 % of the maintenance margin"]),
    (LiquidationConfig(restore=RestoreConfig(measure="initial")), ["restored at 100 % of the initial margin"]),
    (LiquidationConfig(partial_method="fraction"), []),
    (LiquidationConfig(partial_method="restore"), ["a chunk is as much as restores the pool"]),
    (LiquidationConfig(partial_method="tier_down"), ["a chunk is 1 tier down"]),
    (LiquidationConfig(partial_method="tier_down", tier_steps=2), ["a chunk is 2 tiers down"]),
    (LiquidationConfig(partial_method="lots"), ["a chunk is 1 lot"]),
    (LiquidationConfig(partial_method="lots", partial_lots=1000), ["a chunk is 1,000 lots"]),
    (LiquidationConfig(min_order_notional="5000"), ["a chunk has a notional of at least 5,000"]),
    (LiquidationConfig(min_rest_notional="5000"), ["a rest below 5,000 is ordered with its chunk"]),
    (LiquidationConfig(order_price="bankruptcy"), ["orders limited by the bankruptcy price"]),
    (LiquidationConfig(order_price={"band": "1/50"}), ["orders within 2 % of the mark"]),
    (LiquidationConfig(order_price="market"), []),
    (LiquidationConfig(market_attempt=False), ["no orders: the vault alone liquidates"]),
    (LiquidationConfig(market_attempt=True), []),
    (LiquidationConfig(assess_at="block"), ["liquidations begin at blocks"]),
    (LiquidationConfig(assess_at="event"), []),
    (BackstopConfig(threshold="1/2"), ["backstop below 50 % of the margin", "the vault keeps the equity"]),
    (
        BackstopConfig(threshold="1", return_fraction="0.7", measure="tier"),
        [
            "backstop below 100 % of the margin",
            "the vault returns 70 % of the equity",
            "the backstop line is at the tiers' close-out rates",
        ],
    ),
    (
        BackstopConfig(threshold="1", measure="threshold"),
        ["backstop below 100 % of the margin", "the vault keeps the equity"],
    ),
    (MarginConfig(rounding="down"), ["maintenance margins are rounded down"]),
    (MarginConfig(rounding="up", valuation="mark"), []),
    (MarginConfig(valuation="entry"), ["margins are asked of the cost"]),
    (MarginConfig(close_fee_rate="1/1000"), ["margins count a closing fee of 0.1 %"]),
    (AccountConfig(withdraw_floor="1/10"), ["what leaves a pool leaves 10 % of its notional"]),
    (AccountConfig(withdraw_from="collateral"), ["only collateral leaves a pool"]),
    (AccountConfig(withdraw_from="equity"), []),
    (TradingConfig(crossing="split"), ["a trade may turn a position round"]),
    (TradingConfig(crossing="refuse"), []),
    (MarketRules(modes=("cross",)), ["cross only"]),
    (MarketRules(modes=("isolated",)), ["isolated only"]),
    (MarketRules(modes=("cross", "isolated")), []),
    (MarketRules(isolated_removal="never"), ["no collateral leaves a position"]),
    (MarketRules(isolated_removal="free"), []),
    (MarkConfig(max_move="1/20"), ["a mark moves by at most 5 % of itself"]),
    (MarkConfig(stale_ms=1000), ["an input counts for 1 s"]),
]


def _in_short(rules: Any) -> list[str]:
    """What the parameters of a table say in short."""
    own = [one.note for one in (*PARAMETERS, *MARKET_PARAMETERS) if one.name in attrs.asdict(rules)]
    return [text for note in own if note is not None and (text := note(rules))]


def test_the_usual_rules_are_said_in_short() -> None:
    assert _in_short(LiquidationConfig()) == USUAL


@pytest.mark.parametrize(("rules", "said"), IN_SHORT)
def test_a_value_that_is_not_usual_is_said_in_short(rules: Any, said: list[str]) -> None:
    assert [text for text in _in_short(rules) if text not in USUAL] == said


@pytest.mark.parametrize(
    ("path", "hint"),
    [("backstops", "backstop"), ("markets.BT.tick", "markets.BTC.tick"), ("liquidation.fee", "fee_rate")],
)
def test_a_provenance_that_names_nothing_is_refused(tmp_path: Path, path: str, hint: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(venue_words.template("mine") + f'"{path}" = {{ status = "assumed", note = "a slip" }}\n')
    with pytest.raises(venues.InvalidVenueFile, match=rf"provenance.{path}: names no number .*; did you mean .*{hint}"):
        venues.load(str(file))


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
    assert f"{list(origins.values()).count('not said')} values without a word where it comes from: " in done.stdout
    assert "liquidation.fee_rate" in done.stdout.partition("without a word")[2]


def test_an_impossible_value_is_one_line_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(venue_words.template("mine").replace('threshold = "2/3"', 'threshold = "3/2"'))
    assert run_here(monkeypatch, "venues", str(path)) == 2
    assert capsys.readouterr().err.count("\n") == 1
