"""The shipped scenarios and venues: each ends as it says, and together they reach every transition."""

from fractions import Fraction
from pathlib import Path

import pytest

from liqspec.core import machine
from liqspec.core.config import Config, Venue
from liqspec.core.parameters import MARKET_PARAMETERS, families_of, of_table
from liqspec.edge import files
from liqspec.generate.configurations import base_configuration, shipped_bases
from liqspec.replay.run import Outcome, Run
from liqspec.spec import scenarios, venues
from support.commands import run_here

# T13 waits for its extension (LIF-5).
REACHABLE = [entry.id for entry in machine.lifecycle().table.transitions if entry.id != "T13"]


@pytest.mark.parametrize("name", scenarios.names())
def test_a_scenario_ends_as_it_says(name: str) -> None:
    """SCN-1, SCN-2."""
    story = scenarios.load(name)
    run = Run(story)
    list(run)
    assert run.outcome().unexpected == ()
    assert story.file.story.strip(), "a scenario needs a story"
    end = story.file.end
    assert end.positions or end.pools, "a scenario says how it ends"


def test_the_scenarios_reach_every_transition() -> None:
    reached: set[str] = set()
    for name in scenarios.names():
        run = Run(scenarios.load(name))
        list(run)
        reached |= set(run.outcome().transitions)
    assert [transition for transition in REACHABLE if transition not in reached] == []


def test_an_unmet_expectation_is_reported_with_its_step(tmp_path: Path) -> None:
    """SCN-2."""
    text = (Path(files.ROOT) / "scenarios" / "market-liquidation.toml").read_text(encoding="utf-8")
    path = tmp_path / "changed.toml"
    path.write_text(text.replace('equity = "1205",', 'equity = "1204",'), encoding="utf-8")
    run = Run(scenarios.load(str(path)))
    list(run)
    assert run.outcome().unexpected == ("step 4: alice/cross.equity is 1205, expected 1204",)


def test_a_refusal_that_was_not_expected_is_reported(tmp_path: Path) -> None:
    """SCN-2: a step without `refused` must be accepted."""
    path = tmp_path / "refused.toml"
    path.write_text(
        'title = "t"\nvenue = "generic"\nmarks = { BTC = "50000" }\n'
        '[[step]]\nevent = { type = "withdraw", account = "alice", amount = "1" }\n',
        encoding="utf-8",
    )
    run = Run(scenarios.load(str(path)))
    list(run)
    (line,) = run.outcome().unexpected
    assert line.startswith("step 1: expected acceptance, got insufficient_margin")


SMALL_STORY = """
title = "t"
venue = "generic"
marks = { BTC = "50000" }
[vault]
cash = "1000"
[[step]]
event = { type = "deposit", account = "alice", amount = "3000" }
[[step]]
[step.event]
type = "trade"
account = "alice"
market = "BTC"
mode = "cross"
size = "1"
price = "50000"
leverage = 20
[[step]]
event = { type = "mark_price", market = "BTC", price = "51000" }
[[step]]
event = { type = "withdraw", account = "alice", amount = "500" }
[[step]]
event = { type = "vault_cash", amount = "200" }
[[step]]
event = { type = "vault_trade", market = "BTC", size = "0.1", price = "50500" }
"""


def _ended(path: Path, more: str) -> Outcome:
    path.write_text(SMALL_STORY + more, encoding="utf-8")
    run = Run(scenarios.load(str(path)))
    list(run)
    return run.outcome()


UNMET = {
    'expect.transitions = ["T0"]': "step 6: expected transitions T0, got none",
    'expect.positions."alice/ETH/cross".size = "1"': "step 6: alice/ETH/cross does not exist",
    'expect.pools."alice/BTC/isolated".equity = "1"': "step 6: alice/BTC/isolated does not exist",
    'expect.pools."alice/cross".colour = "red"': "step 6: alice/cross has no colour; it has: account, mode, market, ",
    'expect.positions."alice/BTC/cross".state = "none"': "step 6: alice/BTC/cross.state is healthy, expected none",
}


@pytest.mark.parametrize("expect", UNMET)
def test_each_kind_of_unmet_expectation_is_reported(tmp_path: Path, expect: str) -> None:
    """SCN-2."""
    (line,) = _ended(tmp_path / "story.toml", expect).unexpected
    assert line.startswith(UNMET[expect])


def test_an_expectation_of_none_is_met_where_there_is_none(tmp_path: Path) -> None:
    """SCN-2."""
    assert _ended(tmp_path / "story.toml", 'expect.positions."alice/BTC/cross".order = "none"').unexpected == ()


MEASURED = {
    "vault.cash": "-3850",  # 1,000 + 200 - 0.1 x 50,500
    "vault.result": "50",  # 0.1 x (51,000 - 50,500); net deposits are not a result
    "mark.BTC": "51000",
    "position.alice/BTC/cross.unrealised_pnl": "1000",
    "pool.alice/cross.equity": "3500",
    "net.alice": "1000",  # equity 3,500 and withdrawals 500, less the deposit of 3,000
    "pool.alice/BTC/isolated.equity": None,
    "position.alice/ETH/cross.size": None,
    "pool.alice/cross.in_liquidation": None,
    "mark.DOGE": None,
    "net.nobody": None,
}


@pytest.mark.parametrize("measure", MEASURED)
def test_a_reported_figure_is_shown_with_the_models(tmp_path: Path, measure: str) -> None:
    """SCN-4: a path to nothing, or to no amount, has no figure and no gap."""
    report = f'[[report]]\nfigure = "f"\nreported = "10"\nafter_step = 6\nmeasure = "{measure}"\nexplanation = "e"\n'
    (comparison,) = _ended(tmp_path / "story.toml", report).comparisons
    model = MEASURED[measure]
    wanted = (None, None) if model is None else (Fraction(model), Fraction(model) - 10)
    assert (comparison.model, comparison.gap) == wanted


def test_a_ladder_fills_from_the_nearest_level_and_refills_with_the_block(tmp_path: Path) -> None:
    """SCN-3: 0.4 at 10 below, 0.3 at 30 below, and then the order is done; in the next block all of it is back."""
    path = tmp_path / "ladder.toml"
    opening = (
        'type = "trade", account = "alice", market = "BTC", mode = "cross", size = "2", price = "50000", leverage = 20'
    )
    path.write_text(
        """
title = "t"
venue = "generic"
marks = { BTC = "50000" }
change.liquidation = { stop_when_restored = false }
[depth]
BTC = [ { distance = "30", size = "0.3" }, { distance = "10", size = "0.4" } ]
[[step]]
event = { type = "deposit", account = "alice", amount = "5000" }
[[step]]
event = { OPENING }
[[step]]
event = { type = "mark_price", market = "BTC", price = "48200" }
[[step]]
event = { type = "mark_price", market = "BTC", price = "48190" }
[[step]]
event = { type = "block", time = 1 }
""".replace("OPENING", opening),
        encoding="utf-8",
    )
    moments = [moment for moment in Run(scenarios.load(str(path))) if moment.by_market]
    listed = [(moment.number, moment.event["type"], moment.event.get("price", "")) for moment in moments]
    assert listed == [
        (3, "fill", "48190"),
        (3, "fill", "48170"),
        (3, "order_done", ""),
        (5, "fill", "48180"),
        (5, "fill", "48160"),
        (5, "order_done", ""),
    ]


TWO_SIDES = """
title = "t"
venue = "generic"
accounts = ["ann", "bob"]
marks = { BTC = "50000" }
change.liquidation = { stop_when_restored = false }
depth.BTC = [{ distance = "60000", size = "9" }, { distance = "10", size = "0.4" }]
[[step]]
event = { type = "deposit", account = "ann", amount = "5000" }
[[step]]
event = { type = "deposit", account = "bob", amount = "5000" }
[[step]]
event = { type = "trade", account = "ann", market = "BTC", mode = "cross", size = "1", price = "50000", leverage = 20 }
[[step]]
event = { type = "trade", account = "bob", market = "BTC", mode = "cross", size = "-1", price = "50000", leverage = 20 }
[[step]]
event = { type = "mark_price", market = "BTC", price = "46000" }
[[step]]
event = { type = "block", time = 0 }
expect.refused = "time_not_after"
[[step]]
event = { type = "mark_price", market = "BTC", price = "54000" }
"""


def test_each_side_of_a_ladder_has_its_own_liquidity_and_none_at_a_price_of_zero_or_less(tmp_path: Path) -> None:
    """SCN-3: ann sells 0.4 at 10 below, none at 60,000 below; bob buys all, as nothing above was taken."""
    path = tmp_path / "ladder.toml"
    path.write_text(TWO_SIDES, encoding="utf-8")
    run = Run(scenarios.load(str(path)))
    listed = [(m.number, *(m.event.get(name, "") for name in ("account", "size", "price"))) for m in run if m.by_market]
    assert listed == [
        (5, "ann", "0.4", "45990"),
        (5, "ann", "", ""),
        (7, "bob", "0.4", "54010"),
        (7, "bob", "0.6", "114000"),
    ]
    assert run.outcome().unexpected == ()


def test_a_refused_block_does_not_refill_a_ladder(tmp_path: Path) -> None:
    """SCN-3: ann took 1 of 1.1, so bob finds 0.1."""
    head, *steps = TWO_SIDES.split("[[step]]")
    head = head.replace('"60000", size = "9"', '"10", size = "0.1"').replace('"0.4"', '"1"')
    steps[0] = steps[0].replace("5000", "2600")
    steps[3] = steps[3].replace('"-1"', '"1"')
    steps[4] = steps[4].replace("46000", "48000")
    steps[6] = steps[6].replace("54000", "46000")
    path = tmp_path / "ladder.toml"
    path.write_text("[[step]]".join([head, *steps]), encoding="utf-8")
    executions = [moment for moment in Run(scenarios.load(str(path))) if moment.by_market]
    listed = [(moment.number, moment.event["account"], moment.event.get("size", "")) for moment in executions]
    assert listed == [(5, "ann", "0.1"), (5, "ann", "0.9"), (7, "bob", "0.1"), (7, "bob", "")]


@pytest.mark.parametrize("name", venues.names())
def test_every_number_of_a_venue_says_where_it_comes_from(name: str) -> None:
    """CFG-4."""
    venue = venues.load(name)
    numbers = ["quote_unit"]
    numbers += [f"markets.{market}.{field}" for market in venue.markets for field in ("tick", "lot", "tiers")]
    numbers += [f"liquidation.{field}" for field in ("order_policy", "stop_when_restored", "partial_threshold")]
    numbers += [f"liquidation.{field}" for field in ("partial_fraction", "cooldown_ms", "cooldown_scope", "fee_rate")]
    numbers += ["backstop.threshold", "backstop.return_fraction"]
    tables = {table: getattr(venue, table) for table in ("margin", "account", "trading", "mark")}
    for table, rules in tables.items():
        numbers += [f"{table}.{one.name}" for one in of_table(table) if getattr(rules, one.name, None) is not None]
    for traded, market in venue.markets.items():
        numbers += [f"markets.{traded}.{entry.name}" for entry in MARKET_PARAMETERS if getattr(market, entry.name)]
    unsourced = [
        number
        for number in numbers
        if not any(number == path or number.startswith(f"{path}.") for path in venue.provenance)
    ]
    assert unsourced == []
    assert all(entry.note for entry in venue.provenance.values())


def test_random_runs_are_near_venues_as_every_engine_can_run_them() -> None:
    """VER-1: without what only engines of a family have, a market that has one included; nothing else is left out."""
    bases = shipped_bases()
    assert list(bases) == list(venues.BASES)
    assert not any(families_of(base) for base in bases.values())
    whole, near = base_configuration(venues.load("hyperliquid")), bases["hyperliquid"]
    assert whole.keys() - near.keys() == {"margin", "account", "trading"}
    assert whole["markets"].keys() - near["markets"].keys() == whole["marks"].keys() - near["marks"].keys() == {"HPOS"}
    assert all(near[part] == whole[part] for part in near.keys() - {"markets", "marks"})


def test_the_configuration_of_the_rules_page_is_valid() -> None:
    """CFG-1: the configuration shown there, word for word."""
    page = (files.ROOT / "rules" / "09-data.md").read_text(encoding="utf-8")
    config = files.parse_json(page.split("```json\n")[1].split("```")[0])
    venue = Venue.from_config(Config.from_json(config))
    assert venue.markets["BTC"].unit == 1
    assert venue.partial_threshold == 100_000 * 10**6


def test_a_new_scenario_runs_as_it_expects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_here(monkeypatch, "new", "scenario") == 0
    assert run_here(monkeypatch, "new", "scenario") == run_here(monkeypatch, "new", "scenario", "mine.txt") == 2
    for line in capsys.readouterr().out.splitlines()[1:4]:
        _, *arguments = line.partition(":")[2].split()
        assert run_here(monkeypatch, *arguments) == 0
    assert "as expected" in capsys.readouterr().out
    page = (tmp_path / "my-scenario.html").read_text(encoding="utf-8")
    assert "My scenario" in page
    text = (tmp_path / "my-scenario.toml").read_text(encoding="utf-8")
    (tmp_path / "my-scenario.toml").write_text(text.replace('"T1"', '"T2"'), encoding="utf-8")
    assert run_here(monkeypatch, "simulate", "my-scenario.toml") == 1


@pytest.mark.parametrize(("next_to_it", "hint"), [(True, "; the finding's scenario is next to it"), (False, "")])
def test_a_vector_or_requests_are_not_a_scenario(
    tmp_path: Path, next_to_it: bool, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if next_to_it:
        (tmp_path / "counterexample.toml").write_text("")
    for ending in ("json", "jsonl"):
        path = tmp_path / f"counterexample.{ending}"
        path.write_text("{}\n")
        assert run_here(monkeypatch, "simulate", str(path)) == 2
        assert capsys.readouterr().err == f"liqspec: {path}: a scenario is a .toml file{hint}\n"
