"""Two rule sets are distinguished by few events and the necessary parameters; equal ones never are."""

import json
import re
import time
from fractions import Fraction
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import evolve
from rich.console import Console
from typer.testing import CliRunner

from liqspec.cli.app import app
from liqspec.core.events import EventData, from_json
from liqspec.core.parameters import InvalidConfig
from liqspec.distinguish import report
from liqspec.distinguish import search as looking
from liqspec.distinguish.by_parameter import by_parameter
from liqspec.distinguish.search import Pair, RuleSets, play, search
from liqspec.edge import files
from liqspec.replay.run import Run
from liqspec.search.campaign import Budget
from liqspec.spec import scenarios, venues
from liqspec.spec.venues import VenueFile

BASE = venues.load("coarse")
ONE_CHANGE = {
    "liquidation.order_policy": "ranked",
    "liquidation.stop_when_restored": False,
    "liquidation.partial_threshold": "0",
    "liquidation.partial_fraction": "1/2",
    "liquidation.cooldown_ms": 25,
    "liquidation.cooldown_scope": "account",
    "liquidation.fee_rate": "1/100",
    "backstop.threshold": "1/2",
    "backstop.return_fraction": "1/10",
}


def changed(path: str, value: object) -> VenueFile:
    """The base with one parameter changed."""
    table, _, name = path.partition(".")
    changes = {"liquidation": {}, "backstop": {}, table: {name: value}}
    return evolve(BASE.changed(**changes), name="other")


PAIR = {"liquidation.cooldown_ms": "CLD-1", "liquidation.fee_rate": "FIL-2"}
QUICK = ("liquidation.order_policy", "liquidation.cooldown_ms", "backstop.threshold")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make two differing runs short instead of twelve: what is found is longer now and then, and found much faster."""
    monkeypatch.setattr(looking, "CANDIDATES", 2)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    "path", [path if path in QUICK else pytest.param(path, marks=pytest.mark.thorough) for path in ONE_CHANGE]
)
def test_one_changed_parameter_is_found_and_named(path: str) -> None:
    sets = RuleSets.of(BASE, changed(path, ONE_CHANGE[path]))
    assert [one.path for one in sets.parameters()] == [path]
    found = search(sets, Budget(seed=3)).distinction
    assert found is not None
    assert [one.path for one in found.parameters] == [path]
    assert len(found.divergence.events) <= 12
    assert found.divergence.rules


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("name", "value"), [("modes", ("isolated",)), ("isolated_removal", "never")])
def test_what_one_market_restricts_is_found_and_named_from_both_sides(name: str, value: Any) -> None:
    """ACC-17, ACC-18: in the market that both have; one that only the first has is the same for both."""
    market = evolve(BASE.markets["A"], **{name: value})
    restricted = evolve(BASE, markets={"A": market, "other": market})
    for first, second in ((BASE, restricted), (restricted, BASE)):
        sets = RuleSets.of(first, second)
        assert [one.path for one in sets.parameters()] == [f"markets.A.{name}"]
        found = search(sets, Budget()).distinction
        assert found is not None
        assert [one.path for one in found.parameters] == [f"markets.A.{name}"]
        assert {"ACC-17", "ACC-18"} & set(found.divergence.rules)


def test_what_is_reported_happens_and_one_event_less_shows_nothing() -> None:
    """Shrinking keeps a difference, and keeps no event that it does not need."""
    sets = RuleSets.of(venues.load("generic"), venues.load("hyperliquid"))
    found = search(sets, Budget()).distinction
    assert found is not None and found.exhausted
    events = list(found.divergence.events)
    assert play(sets, found.setting, events) is not None
    for index in range(len(events)):
        assert play(sets, found.setting, events[:index] + events[index + 1 :]) is None


def test_the_events_are_believable() -> None:
    """Trades and fills at the mark, money paid in for them, and a mark that moves little; the difference stays."""
    first, second = venues.load("generic"), venues.load("hyperliquid")
    sets = RuleSets.of(first, second)
    parameter = next(one for one in sets.parameters() if one.path == "liquidation.cooldown_ms")
    found = search(sets.only(parameter), Budget(steps=1_000)).distinction
    assert found is not None and found.shortest < len(found.divergence.events)
    assert play(sets.only(parameter), found.setting, list(found.divergence.events)) is not None
    marks = dict(found.setting["marks"])
    assert marks == {name: sets.setting["marks"][name] for name in marks}, "the venue's own markets and marks"
    kinds = [event["type"] for event in found.divergence.events]
    assert kinds.index("deposit") < kinds.index("trade") < kinds.index("fill")
    for event in found.divergence.events:
        if event["type"] in ("trade", "fill"):
            assert event["price"] == marks[event["market"]]
        if event["type"] == "mark_price":
            assert abs(Fraction(event["price"]) / Fraction(marks[event["market"]]) - 1) <= Fraction(1, 2)
            marks[event["market"]] = event["price"]


@pytest.mark.usefixtures("few")
def test_the_same_seed_finds_the_same() -> None:
    sets = RuleSets.of(venues.load("generic"), venues.load("coarse"))
    assert report.to_json(search(sets, Budget(seed=5))) == report.to_json(search(sets, Budget(seed=5)))


def test_a_number_written_in_another_way_is_the_same_rule() -> None:
    sets = RuleSets.of(BASE, changed("liquidation.partial_fraction", "2/6"))
    assert BASE.liquidation.partial_fraction == "1/3"
    assert sets.parameters() == ()


def test_a_parameter_that_means_something_only_with_another_is_tried_in_the_rules_that_have_it() -> None:
    """PRT-3: a fraction does nothing without a threshold, and is tried where one is."""
    plain = venues.load("generic")
    changed_two = plain.changed(liquidation={"partial_threshold": "20000", "partial_fraction": "1/3"})
    sets = RuleSets.of(plain, evolve(changed_two, name="other"))
    found = {one.parameter.path: one for one in by_parameter(sets, Budget(steps=300))}
    fraction = found["liquidation.partial_fraction"]
    assert fraction.within == sets.names[1]
    assert fraction.distinction is not None
    for path, one in found.items():
        assert one.distinction is not None
        assert [needed.path for needed in one.distinction.parameters] == [path]


def test_a_parameter_without_effect_is_no_difference() -> None:
    """The scope of windows says nothing where there are none."""
    plain = BASE.changed(liquidation={"cooldown_ms": 0, "cooldown_scope": "pool"})
    other = BASE.changed(liquidation={"cooldown_ms": 0, "cooldown_scope": "account"})
    outcome = search(RuleSets.of(plain, other), Budget(steps=2_000))
    assert outcome.distinction is None
    assert outcome.steps >= 2_000


def test_rules_that_do_not_fit_the_markets_are_refused() -> None:
    coarse = evolve(BASE, quote_unit="1")
    with pytest.raises(InvalidConfig, match="do not fit the markets of coarse"):
        RuleSets.of(coarse, changed("liquidation.partial_threshold", "0.0001"))


def test_a_search_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is past the end after two runs."""
    times = iter([0.0, 0.0, 1.0, *[9.0] * 10])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    plain = BASE.changed(liquidation={"cooldown_ms": 0, "cooldown_scope": "pool"})
    other = BASE.changed(liquidation={"cooldown_ms": 0, "cooldown_scope": "account"})
    outcome = search(RuleSets.of(plain, other), Budget(seconds=5.0))
    assert (outcome.runs, outcome.distinction) == (2, None)


def test_a_search_without_a_difference_names_what_differs() -> None:
    plain = BASE.changed(liquidation={"cooldown_ms": 0, "cooldown_scope": "pool"})
    other = evolve(BASE.changed(liquidation={"cooldown_ms": 0, "cooldown_scope": "account"}), name="other")
    outcome = search(RuleSets.of(plain, other), Budget(steps=80))
    console = Console(file=StringIO(), width=200)
    report.print_outcome(outcome, console)
    printed = cast(StringIO, console.file).getvalue()
    assert "no difference found in 80 events of 2 runs, though these parameters differ:" in printed
    assert "    liquidation.cooldown_scope: coarse pool, other account" in printed
    data = report.to_json(outcome)
    assert (data["differ"], data["steps"], "distinction" in data) == (False, 80, False)


@pytest.mark.usefixtures("few")
def test_where_too_many_shorter_ones_are_possible_it_says_that_there_may_be_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looking, "STATES", 2)
    outcome = search(RuleSets.of(BASE, changed("backstop.threshold", "1/2")), Budget(seed=3))
    assert outcome.distinction is not None
    assert not outcome.distinction.exhausted
    console = Console(file=StringIO(), width=200)
    report.print_outcome(outcome, console)
    printed = cast(StringIO, console.file).getvalue()
    assert "There may be shorter ones: those one event shorter were too many to try all." in printed


class TestTheCommand:
    def test_says_at_once_that_rules_are_equal(self) -> None:
        done = CliRunner().invoke(app, ["distinguish", "hyperliquid", "hyperliquid"])
        assert done.exit_code == 0
        assert "hyperliquid and hyperliquid have the same rules and markets\n" in done.output

    def test_says_in_which_markets_and_numbers_two_venues_of_the_same_rules_differ(self, tmp_path: Path) -> None:
        path, text = tmp_path / "mine.toml", (files.ROOT / "venues" / "generic.toml").read_text()
        head, found, rest = text.partition("[markets.ETH")
        assert found
        head = head.replace('tick = "1"', 'tick = "0.5"').replace('name = "generic"', 'name = "mine"')
        path.write_text(head + (found + rest).replace("markets.ETH", "markets.X"))
        done = CliRunner().invoke(app, ["distinguish", "generic", str(path)])
        assert done.exit_code == 0, done.output
        assert done.output.splitlines()[-4:] == [
            "generic and mine have the same rules; their markets differ:",
            "    markets.ETH: only in generic",
            "    markets.X: only in mine",
            "    markets.BTC.tick: generic 1, mine 0.5",
        ]

    def test_reports_the_difference_and_saves_it_as_a_scenario(self, tmp_path: Path) -> None:
        path = tmp_path / "difference.toml"
        done = CliRunner().invoke(
            app, ["distinguish", "generic", "hyperliquid", "--shortest-only", "--save", str(path)]
        )
        assert done.exit_code == 1
        assert "The rule that makes the difference" in done.output
        run = Run(scenarios.load(str(path)))
        assert len(list(run)) <= 4
        assert run.outcome().unexpected == ()

    def test_answers_machines_the_same(self) -> None:
        done = CliRunner().invoke(app, ["distinguish", "generic", "hyperliquid", "--shortest-only", "--json"])
        assert done.exit_code == 1
        found = json.loads(done.output)["distinction"]
        assert found["difference"]["rules"] == found["rules"][: len(found["difference"]["rules"])]
        assert {one["parameter"] for one in found["parameters"]} <= {
            one["parameter"] for one in json.loads(done.output)["parameters"]
        }

    def test_shows_what_each_parameter_does_alone(self, tmp_path: Path) -> None:
        """CLD-1, FIL-2: two changes, each with its own events and its own rule; then the shortest of all."""
        other = tmp_path / "other.toml"
        text = (files.ROOT / "venues" / "coarse.toml").read_text("utf-8")
        for name, value in (("cooldown_ms", "77"), ("fee_rate", '"1/10"')):
            text = re.sub(f"^{name} = .*$", f"{name} = {value}", text, count=1, flags=re.MULTILINE)
        other.write_text(text)
        arguments = ["distinguish", "coarse", str(other), "--steps", "400"]
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code == 1
        found = {one["parameter"]: one for one in json.loads(done.stdout)["by_parameter"]}
        assert {path: one["rule"] for path, one in found.items()} == PAIR
        assert all(one["events"] for one in found.values())
        assert found["liquidation.cooldown_ms"]["difference"] != found["liquidation.fee_rate"]["difference"]
        page = tmp_path / "page.html"
        printed = CliRunner().invoke(app, [*arguments, "--html", str(page)], env={"COLUMNS": "200"}).stdout
        shown = page.read_text("utf-8")
        assert all(f"<h2>{path}</h2>" in shown and f'id="rule-{rule}"' in shown for path, rule in PAIR.items())
        assert "\\n" not in printed, "each event is on its own line"
        assert printed.index("Parameter by parameter") < printed.index("The shortest of all:")

    def test_refuses_two_efforts(self) -> None:
        done = CliRunner().invoke(app, ["distinguish", "generic", "coarse", "--steps", "5", "--budget", "1"])
        assert done.exit_code == 2


def test_rule_sets_of_which_one_refuses_are_reported_with_the_refusal_and_what_the_other_does() -> None:
    """ACC-5: a leverage of 5 leaves something to be withdrawn, one of 2 does not."""
    sets = RuleSets.of(BASE, changed("backstop.threshold", "1/2"))
    pair = Pair(sets, {**sets.setting, "accounts": ["alice"]})
    key = {"account": "alice", "market": "A", "mode": "cross"}
    deposit: EventData = {"type": "deposit", "account": "alice", "amount": "50000"}
    for engine, leverage in zip(pair.engines, (5, 2), strict=True):
        trade: EventData = {"type": "trade", **key, "size": "1", "price": "50000", "leverage": leverage}
        for event in (deposit, trade):
            engine.apply(from_json(event))
    pair.restore((pair.engines[0].snapshot(), pair.engines[1].snapshot()), [])
    withdrawal: EventData = {"type": "withdraw", "account": "alice", "amount": "30000"}
    divergence = pair.apply(withdrawal)
    assert divergence is not None and divergence.events == (withdrawal,)
    assert str(divergence.first.difference) == "outcome: ours accepted, theirs insufficient_margin"
    assert str(divergence.second.difference) == "outcome: ours insufficient_margin, theirs accepted"
    assert "ACC-5" in divergence.rules
    did, refused = divergence.did
    assert did[0].startswith("ACC-5  ") and refused[0].startswith("refused insufficient_margin")
    assert refused[1].startswith("       equity after it: ") and refused[2].startswith(
        "       initial margin after it: "
    )
