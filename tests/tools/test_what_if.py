"""A scenario under other rules, alone and compared with another: what happens, what differs, and what is refused."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from liqspec.cli.app import app
from liqspec.replay.contrast import Contrast
from liqspec.replay.run import Run
from liqspec.spec import scenarios, what_if
from support.commands import run_here

SQUEEZE = "short-squeeze"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *arguments])


class TestAScenarioUnderOtherRules:
    def test_is_the_scenario_itself_if_nothing_is_asked(self) -> None:
        written = scenarios.load(SQUEEZE)
        assert what_if.altered(written) is written

    def test_has_the_value_that_is_set(self) -> None:
        changed = what_if.altered(
            scenarios.load("market-liquidation"),
            settings=(
                "liquidation.cooldown_ms=60000",
                "liquidation.partial_threshold=0",
                "liquidation.stop_when_restored=false",
                'liquidation.restore={factor = "6/5"}',
                "vault.cash=7",
                "marks.BTC=40000",
                'markets.BTC.modes=["cross"]',
            ),
        )
        data = changed.config.to_json()
        rules = data["liquidation"]
        assert (rules["cooldown_ms"], rules["partial_threshold"], rules["stop_when_restored"]) == (60000, "0", False)
        assert rules["restore"] == {"measure": "maintenance", "factor": "6/5"}
        assert (data["vault"]["cash"], data["marks"]["BTC"]) == ("7", "40000")
        assert data["markets"]["BTC"]["modes"] == ["cross"]

    def test_leaves_out_what_is_set_to_none(self) -> None:
        with_threshold = what_if.altered(
            scenarios.load("market-liquidation"), settings=["liquidation.partial_threshold=0"]
        )
        without = what_if.altered(with_threshold, settings=["liquidation.partial_threshold=none"])
        assert "partial_threshold" not in without.config.to_json()["liquidation"]

    def test_has_the_venue_s_own_markets_where_it_has_them_all(self) -> None:
        written = scenarios.load("market-liquidation")
        under = what_if.altered(written, venue="hyperliquid")
        data, before = under.config.to_json(), written.config.to_json()
        assert data["markets"] != before["markets"]
        assert (data["accounts"], data["marks"], data["vault"]) == (
            before["accounts"],
            before["marks"],
            before["vault"],
        )

    def test_has_only_the_venue_s_rules_where_it_lacks_a_market(self) -> None:
        written = scenarios.load("eth-march-2025")
        data = written.config.to_json()
        renamed = {**data, "markets": {"XYZ": data["markets"]["ETH"]}, "marks": {"XYZ": data["marks"]["ETH"]}}
        step = {"event": {"type": "mark_price", "market": "XYZ", "price": data["marks"]["ETH"]}}
        own = scenarios.build("own", {"title": "own", "config": renamed, "step": [step]}, Path())
        under = what_if.altered(own, venue="coarse").config.to_json()
        assert under["markets"] == renamed["markets"]
        assert under["liquidation"] != data["liquidation"]

    def test_is_expected_to_do_nothing_but_keeps_the_properties(self) -> None:
        run = Run(what_if.altered(scenarios.load(SQUEEZE), settings=["liquidation.fee_rate=1/10"]))
        list(run)
        assert run.outcome().unexpected == ()

    @pytest.mark.parametrize(
        ("setting", "said"),
        [
            ("liquidation.cooldown=1", "did you mean liquidation.cooldown_ms?"),
            ("liquidation.cooldown_ms", "expected TABLE.PARAMETER=VALUE"),
            ("liquidation.cooldown_ms=soon", "expected an integer"),
            ("liquidation.stop_when_restored=maybe", "expected true or false"),
            ("liquidation.fee_rate=2", "must be at least 0 and at most 1"),
            ("liquidation.order_policy=most", "liquidation.order_policy"),
            ("backstop.threshold=none", "required"),
            ("markets.BTC.tick=0", "markets.BTC.tick"),
            ("markets.BTC.tiers=[{", "expected a list or a table"),
            ("\x1b]0;no=1", "no parameter"),
        ],
    )
    def test_is_refused_in_one_line(
        self, setting: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run_here(monkeypatch, "simulate", "market-liquidation", "--set", setting) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.startswith("liqspec: --set ")
        assert error.count("\n") == 1
        assert "\x1b" not in error


def test_notes_and_the_verdict_are_those_of_the_scenarios_own_rules() -> None:
    """A note says what happens under the rules that the scenario was written for; so it is left out under others."""
    own, other = invoke("market-liquidation"), invoke("market-liquidation", "--set", "liquidation.fee_rate=1/1000")
    assert "the pool is breached" in own.stdout and own.stdout.endswith("as expected\n")
    assert "the pool is breached" not in other.stdout and "as expected" not in other.stdout
    assert other.stdout.endswith("it expects nothing of them; every property holds\n")
    assert (own.exit_code, other.exit_code) == (0, 0)


class TestTwoRuleSets:
    def test_differs_from_the_first_step_that_is_another(self) -> None:
        """The fee of 1/2000 is the only difference; it is charged first at the fill that is step 9."""
        written = scenarios.load(SQUEEZE)
        rows = list(Contrast(written, what_if.altered(written, settings=["liquidation.fee_rate=0"])))
        assert next(row.number for row in rows if not row.same) == 9
        assert rows[8].first[0].effects != rows[8].second[0].effects
        assert {one.subject for one in rows[8].differences} == {"bob/cross", "vault"}

    def test_is_the_same_under_the_same_rules(self) -> None:
        done = invoke(SQUEEZE, "--against", "scenario")
        assert done.exit_code == 0
        assert "both do the same at every step" in done.stdout

    def test_shows_what_each_does_and_how_they_end(self) -> None:
        done = invoke(SQUEEZE, "--against", "coarse")
        assert done.exit_code == 1
        assert "steps 1 to 8: nothing new differs" in done.stdout
        assert "A FIL-1  1 of bob/BTC/cross closed at 52,980, realises -2,980, fee 20 (FIL-2)" in done.stdout
        assert "B FIL-1  1 of bob/BTC/cross closed at 52,980, realises -2,980\n" in done.stdout
        assert "at the end" in done.stdout

    def test_is_plain_data_too(self) -> None:
        done = invoke(SQUEEZE, "--set", "liquidation.fee_rate=0", "--against", "scenario", "--json")
        data = json.loads(done.stdout)
        assert (done.exit_code, data["differ"], data["from"]) == (1, True, 9)
        assert [step["step"] for step in data["steps"]] == list(range(1, len(data["steps"]) + 1))
        assert data["venues"] == ["generic, liquidation.fee_rate=0", "generic, with the scenario's changes"]
        assert data["unexpected"] == [[], []]

    def test_is_not_asked_why(self) -> None:
        done = invoke(SQUEEZE, "--against", "coarse", "--why", "alice/BTC/cross")
        assert (done.exit_code, "--why and --against" in done.stderr) == (2, True)
