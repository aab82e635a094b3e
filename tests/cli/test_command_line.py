"""The command as a user meets it: what it prints, its exit status, and what it says to bad input."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from liqspec import __version__
from liqspec.cli.app import COMMANDS, app
from liqspec.core import refusals
from liqspec.edge import files
from liqspec.edge.files import rules_version
from liqspec.properties import registry
from liqspec.replay import itf
from liqspec.report.amounts import people
from liqspec.spec import citations, rulebook, scenarios, venues
from support.commands import run, run_here


def test_simulate_reports_the_rule_that_acted_and_only_what_changed() -> None:
    done = run("simulate", "market-liquidation")
    assert done.returncode == 0
    assert (
        "T1 by LIQ-3: alice/BTC/cross healthy -> liquidatable: equity 1,205 < maintenance margin 1,205.125"
        in done.stdout
    )
    assert "as expected" in done.stdout
    quiet = done.stdout.split("One tick above")[1].split("  4 mark_price")[0]
    assert "state" not in quiet
    assert "equity 1,206 >= maintenance margin 1,205.15" in quiet


def test_simulate_why_shows_the_guards_with_their_numbers() -> None:
    done = run("simulate", "market-liquidation", "--why", "alice/BTC/cross")
    assert "T1 to liquidatable does not hold: needs liquidation is false (LIQ-5: equity 1,206 >=" in done.stdout
    assert "below backstop is false (BKS-1: equity 1,205 >= 2/3 × maintenance margin 1,205.125)" in done.stdout


def test_simulate_why_shows_how_the_measures_come_about_and_how_far_the_prices_are() -> None:
    """MRG-3, MRG-5, MRG-10, MRG-11."""
    shown = run("simulate", "market-liquidation", "--why", "alice/BTC/cross").stdout.splitlines()
    for line in (
        "equity: collateral 3,000 + PnL -1,794 = 1,206 (MRG-3)",
        "PnL: 1 × 48,206 − 50,000 = -1,794 (size × mark − cost, MRG-1)",
        "maintenance margin: 48,206 × 1/40 = 1,205.15 (tier 1, MRG-5)",
        "backstop line: 2/3 × maintenance margin 1,205.15 = ~803.43 (BKS-1)",
        "liquidation price: 48,205, 1 tick (~0.00207 %) below the mark 48,206 (MRG-10)",
        "bankruptcy price: 47,000, 1,206 ticks (~2.5 %) below the mark 48,206 (MRG-11)",
    ):
        assert f"    why    {line}" in shown


def test_simulate_json_has_the_terms_of_each_measure_and_of_each_decision() -> None:
    lines = [json.loads(line) for line in run("simulate", "market-liquidation", "--json").stdout.splitlines()]
    breached, closed = lines[3], lines[4]
    entered = next(effect for effect in breached["effects"] if effect["kind"] == "liquidation_entered")
    assert entered["terms"] == breached["measures"]["alice/cross"]["terms"]
    (position,) = entered["terms"]["positions"]
    assert (position["notional"], position["maintenance_rate"], position["tier"]) == ("48205", "1/40", 1)
    assert (position["liquidation_price"], position["bankruptcy_price"]) == ("48205", "47000")
    assert closed["measures"]["alice/cross"]["terms"]["positions"] == []
    lines = [json.loads(line) for line in run("simulate", "eth-march-2025", "--json").stdout.splitlines()]
    assert lines[4]["refusal"]["terms"]["equity"] == "6141000"


def test_simulate_json_gives_one_object_a_line() -> None:
    done = run("simulate", "market-liquidation", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["step"] for line in lines[:-1]] == [1, 2, 3, 4, 5]
    assert lines[-1]["end"]["as_expected"] is True
    assert {"subject": "alice/BTC/cross", "field": "order", "before": None, "after": "1"} in lines[3]["changes"]


def test_simulate_exits_with_1_if_the_end_is_another(tmp_path: Path) -> None:
    text = (files.ROOT / "scenarios" / "market-liquidation.toml").read_text(encoding="utf-8")
    path = tmp_path / "other.toml"
    path.write_text(text.replace('collateral = "1200"', 'collateral = "1201"'), encoding="utf-8")
    done = run("simulate", str(path))
    assert done.returncode == 1
    assert "at the end: alice/cross.collateral is 1,200, expected 1,201" in done.stdout


def test_simulate_reports_the_figures_of_a_real_event_with_the_models(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SCN-4."""
    assert run_here(monkeypatch, "simulate", "eth-march-2025") == 0
    sources, compared = capsys.readouterr().out.split("Figures used")[1].split("Reported and modelled")
    assert "│ Deposit of 15.23M                                   │ public  │ Reports of the event. " in sources
    assert "│ Size of exactly 175,000                             │ assumed │" in sources
    assert "│ Price of the takeover │ ~1,915 │ 1,904.49 │ -10.51 (-1,051 ticks) │" in " ".join(compared.split())


BARE_STORY = """
title = "Bare"
venue = "generic"
marks = { BTC = "50000" }
[[step]]
event = { type = "deposit", account = "alice", amount = "100" }
[[report]]
figure = "his size"
reported = "1500"
after_step = 1
measure = "position.alice/BTC/cross.size"
explanation = "He has none."
"""


def test_simulate_reports_a_figure_that_the_model_does_not_have_and_no_more_than_the_story_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SCN-4: an exact figure has no tilde, and where the model has none, there is no gap."""
    path = tmp_path / "bare.toml"
    path.write_text(BARE_STORY, encoding="utf-8")
    assert run_here(monkeypatch, "simulate", str(path)) == 0
    output = capsys.readouterr().out
    assert output.startswith("Bare  venue generic\n\n  1 deposit alice amount 100\n")
    assert "│ his size │    1,500 │  none │ none │ He has none." in output
    assert "Figures used" not in output


def test_simulate_ends_with_what_was_not_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bare.toml"
    path.write_text(BARE_STORY.partition("[[report]]")[0] + 'expect.refused = "off_grid"\n', encoding="utf-8")
    assert run_here(monkeypatch, "simulate", str(path)) == 1
    assert capsys.readouterr().out.endswith(
        "transitions: none\nrules that acted: ACC-4\n1 unexpected\n  step 1: expected off_grid, got acceptance\n"
    )


@pytest.mark.parametrize("rule", list(rulebook.rules()))
def test_explain_prints_every_rule(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    app(["explain", rule], standalone_mode=False)
    assert rulebook.rules()[rule].title.split()[0] in capsys.readouterr().out


def test_explain_names_transitions_code_and_tests() -> None:
    done = run("explain", "liq-3")
    assert "A pool is breached when its equity is strictly below" in done.stdout
    assert "T1 healthy --assess" in done.stdout
    assert "model/liqspec/core/arithmetic.py:" in done.stdout
    assert "Tests" in done.stdout
    assert "BKS-2" in run("explain", "T5").stdout


def test_explain_of_a_rule_says_as_json_what_it_says_as_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "explain", "LIQ-3", "--json") == 0
    data, rule = json.loads(capsys.readouterr().out), rulebook.rules()["LIQ-3"]
    assert (data["rule"], data["title"], data["text"]) == ("LIQ-3", rule.title, rule.text)
    assert data["page"] == f"spec/rules/03-liquidation.md:{rule.line}"
    assert data["examples"] == [example.text for example in rule.examples] != []
    assert data["transitions"] == ["T1", "T2"]
    assert any(
        line.startswith("model/liqspec/core/arithmetic.py:") and line.endswith(" breached") for line in data["code"]
    )
    assert any(line.startswith("tests/support/symbolic_boundaries.py:") for line in data["tests"])


def test_explain_says_where_the_tests_of_an_installed_package_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(citations, "of_tests", lambda: [])
    assert run_here(monkeypatch, "explain", "LIQ-3") == 0
    output = capsys.readouterr().out
    assert output.endswith("No tests here: they are in the project's checkout.\n")
    assert "\nTests\n" not in output and "\nDecided in\n" in output


def test_explain_of_a_transition_has_its_guards_and_rules(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "explain", "t5") == 0
    output = capsys.readouterr().out
    assert output.startswith(
        "T5 liquidatable or partially_liquidated --assess [below_backstop, book_failed]--> backstopped\n"
    )
    assert "\nguard below_backstop (BKS-1): The pool's equity is below the backstop share" in output
    assert f"\nBKS-3: {rulebook.rules()['BKS-3'].title}\n" in output
    assert run_here(monkeypatch, "explain", "T5", "--json") == 0
    entry = json.loads(capsys.readouterr().out)
    assert entry.pop("meaning").startswith("The market was tried and failed")
    assert entry == {
        "transition": "T5",
        "trigger": "assess",
        "from": ["liquidatable", "partially_liquidated"],
        "guard": ["below_backstop", "book_failed"],
        "to": "backstopped",
        "rules": ["BKS-3", "BKS-1", "BKS-2"],
    }


def test_properties_are_a_table_a_page_and_data(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "properties", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed] == list(registry.PROPERTIES)
    closed = next(entry for entry in listed if entry["name"] == "closed_is_empty")
    assert (closed["kind"], closed["judged_on"], closed["rules"]) == ("state", "observation", ["LIF-3"])
    assert run_here(monkeypatch, "properties", "--markdown") == 0
    assert capsys.readouterr().out == (files.ROOT / "properties.md").read_text(encoding="utf-8")
    assert run_here(monkeypatch, "properties") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "│ closed is empty │ A closed or backstopped │ state │ observation │ LIF-3 │" in printed
    assert all(f"│ {entry.title[:12]}" in printed for entry in registry.PROPERTIES.values())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "XYZ-99"], "XYZ-99: no such rule"),
        (["simulate", "nothing"], "no such scenario; `liqspec scenarios` lists those shipped"),
        (["simulate", "nothing.toml"], "nothing.toml: no such file or directory"),
        (["simulate", "."], "is a directory"),
        (["verify", "--venue", "nowhere"], "no such venue; shipped are"),
        (["verify", "--steps", "0"], "--steps"),
        (["fly"], "No such command"),
        (["simulate", "deficit", "--why", "alice"], "expected ACCOUNT/MARKET/MODE"),
        (["simulate", "deficit", "--why", "nobody/BTC/cross"], "no such account or market in this scenario; it has"),
        (["verify", "--scope", "galaxy"], "no such scope; shipped are"),
    ],
)
def test_bad_usage_gets_one_clear_message_and_status_2(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_bad_scenario_file_gets_one_line_with_file_line_and_field(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        'title = "t"\nvenue = "generic"\nmarks = { BTC = "50000" }\n\n[[step]]\n'
        'event = { type = "deposit", account = "alice", amount = 100 }\n',
        encoding="utf-8",
    )
    done = run("simulate", str(path))
    assert done.returncode == 2
    assert (
        done.stderr == f"liqspec: {path}:6: step 1, event.amount: expected a string, got 100: "
        'write "100"; see the fields of deposit\n'
    )


def test_lists_are_complete() -> None:
    assert [row["name"] for row in json.loads(run("scenarios", "--json").stdout)] == scenarios.names()
    assert {"generic", "hyperliquid"} <= {row["name"] for row in json.loads(run("venues", "--json").stdout)}


def test_a_gap_is_exact_and_that_of_a_price_is_in_ticks_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SCN-4: 30,000 of collateral and 3 bought at 50,000 are bankrupt at 40,000."""
    path = tmp_path / "gap.toml"
    story = BARE_STORY.partition("[[report]]")[0].replace('"100" }', '"30000" }')
    key = 'account = "alice", market = "BTC", mode = "cross"'
    path.write_text(
        story
        + f'[[step]]\nevent = {{ type = "trade", {key}, size = "3", price = "50000", leverage = 10 }}\n'
        + '[[report]]\nfigure = "bankrupt"\nreported = "40012"\nafter_step = 2\nexplanation = "x"\n'
        + 'measure = "position.alice/BTC/cross.bankruptcy_price"\n'
        + '[[report]]\nfigure = "mark"\nreported = "49999"\nafter_step = 2\nexplanation = "x"\n'
        + 'measure = "mark.BTC"\n'
        + '[[report]]\nfigure = "third"\nreported = "0.333333"\nafter_step = 2\nexplanation = "x"\n'
        + 'measure = "position.alice/BTC/cross.size"\n',
        encoding="utf-8",
    )
    assert run_here(monkeypatch, "simulate", str(path)) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "│ bankrupt │ 40,012 │ 40,000 │ -12 (-12 ticks) │" in printed
    assert "│ mark │ 49,999 │ 50,000 │ 1 (1 tick) │" in printed
    assert "│ third │ 0.333333 │ 3 │ 2.666667 │" in printed


def test_explain_knows_the_fields_of_an_observation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """OBS-1."""
    assert run_here(monkeypatch, "explain", "positions.size") == 0
    printed = capsys.readouterr().out
    assert (
        printed.startswith("field of an observation positions.size (") and "compared as amount; decided by" in printed
    )


def test_an_unknown_scope_is_answered_with_the_nearest_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "verify", "--scope", "minimall") == 2
    assert capsys.readouterr().err.endswith("; did you mean minimal?\n")


def test_amounts_in_messages_have_thousands_separators_and_times_and_names_have_not() -> None:
    refusal = refusals.OffGrid("amount", "5200000.001", "must be a multiple of 0.01")
    assert str(refusal) == "off_grid: amount is 5200000.001; it must be a multiple of 0.01 (AMT-4)"
    assert people(str(refusal)) == "off_grid: amount is 5,200,000.001; it must be a multiple of 0.01 (AMT-4)"
    same = ("now 86400000 ms", "bot1234/BTC/cross", "1234/BTC/cross", "5,200,000", '"12345" is not a name')
    assert [people(text) for text in same] == list(same)
    assert people("equity -12345 after it, 9999.") == "equity -12,345 after it, 9,999."


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (
            refusals.UnknownAccount("account", "carol", "not among the accounts of this run"),
            "account carol is not among",
        ),
        (refusals.NotPositive("amount", "0", "must be above 0"), "amount is 0; it must be above 0 (EVT-2)"),
        (refusals.TimeNotAfter("time", "5", "must be after 7"), "time is 5 ms; it must be after 7 ms (EVT-9)"),
        (refusals.Overfill("size", "3", "2 is left of the order"), "size is 3; 2 is left of the order (FIL-1)"),
        (
            refusals.NoWorkingOrder("market", "a/B/cross", "has no working liquidation order"),
            "a/B/cross: it has no working liquidation order (FIL-1)",
        ),
        (
            refusals.InsufficientMargin("amount", "equity 1 after it", "initial margin 2 after it"),
            "amount is refused: equity 1 after it, but initial margin 2 after it (ACC-8)",
        ),
    ],
)
def test_a_refusal_is_a_sentence(refusal: refusals.Refusal, sentence: str) -> None:
    """EVT-3."""
    assert refusal.message.startswith(sentence)


COMMANDS_WITH_GROUPS = [
    *([name] for name in COMMANDS if name not in ("draw", "vectors")),
    *(["draw", name] for name in ("machine", "coverage", "all", "run", "mark", "study")),
    *(["vectors", name] for name in ("generate", "check", "run")),
]


@pytest.mark.parametrize("command", COMMANDS_WITH_GROUPS, ids=" ".join)
def test_the_help_of_every_command_has_an_example_and_the_exit_statuses(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert run_here(monkeypatch, *command, "--help") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"liqspec {' '.join(command)}" in printed.split("Example", 1)[1]
    assert "Exit status: 0 if what was asked holds, 1 if it is violated, 2 for bad usage" in printed
    assert "<bool>" not in printed, "an option that takes no value has no type"
    assert "--help -h Show this message" in printed


def test_help_has_examples_and_exit_status() -> None:
    help_text = run("--help").stdout
    assert "liqspec simulate market-liquidation" in help_text
    assert "Exit status" in help_text
    assert "<bool>" not in help_text


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m liqspec simulate market-liquidation --json | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [["venues", "--json"], ["scenarios"], ["simulate", "deficit", "--json"]])
def test_a_reader_that_has_gone_ends_it_with_0(arguments: list[str]) -> None:
    """1 would mean that something is violated."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "liqspec", *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_is_reported_in_one_line_and_ends_it_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(scenarios, "names", interrupt)
    assert run_here(monkeypatch, "scenarios") == 130
    assert capsys.readouterr().err == "liqspec: interrupted\n"


def test_lists_are_tables_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(monkeypatch, "scenarios") == 0
    listed = capsys.readouterr().out
    assert all(f"│ {name} " in listed for name in scenarios.names())
    assert run_here(monkeypatch, "venues") == 0
    listed = capsys.readouterr().out
    assert all(f"│ {name} " in listed for name in venues.names())


def test_the_version_is_that_of_tool_and_rules(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"liqspec {__version__}, rules {rules_version()}\n"


def test_a_trace_goes_to_standard_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(monkeypatch, "trace", "deficit") == 0
    assert itf.from_json(json.loads(capsys.readouterr().out)).config == scenarios.load("deficit").config


@pytest.mark.parametrize("closed", ["stdin", "stdout"])
def test_an_oracle_that_can_not_be_asked_or_heard_ends(closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(sys, closed, None)
    assert run_here(monkeypatch, "oracle") == 0


def test_verify_is_the_same_for_the_same_seed_whatever_the_hash_seed() -> None:
    results = []
    for hash_seed in ("0", "1"):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "liqspec",
                "verify",
                "--scope",
                "minimal",
                "--steps",
                "400",
                "--json",
            ],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            timeout=120,
        )
        results.append(done.stdout)
    assert results[0] == results[1]
    assert json.loads(results[0])["violations"] == []
