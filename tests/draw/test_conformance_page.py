"""The page and the SARIF of a comparison: every finding with its rule, both sides and its replay, and no markup."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from liqspec.conform.answers import of_this_process
from liqspec.conform.configurations import shipped
from liqspec.conform.finding import Fault, Finding
from liqspec.conform.known_divergences import load, silencing
from liqspec.conform.sarif import to_sarif
from liqspec.conform.saved import Saved, save, to_scenario
from liqspec.conform.search import Budget, Outcome, Search
from liqspec.draw import conformance
from liqspec.edge.limits import TOML_BYTES
from liqspec.replay.run import Run
from liqspec.spec import scenarios
from support.in_process import Pausing

HOSTILE = '<script>alert("1")</script>'


@pytest.fixture(scope="module")
def found() -> Outcome:
    engine = Pausing(wrong=3)
    events = of_this_process().events
    return Search(engine=engine, events=events, setting=shipped(), budget=Budget(steps=300, shrink_seconds=0)).run()


def kept(finding: Finding, folder: Path) -> Saved:
    return save(finding, folder, ["./engine"], [], hello=of_this_process())


def test_the_page_has_rule_both_sides_and_replay_of_each_finding(found: Outcome, tmp_path: Path) -> None:
    (finding,) = found.findings
    page = conformance.render(found, "acme 1", [kept(finding, tmp_path)], "7 runs")
    assert "Does not conform: 1 finding." in page
    assert f'id="rule-{finding.rules[0]}"' in page
    assert "theirs" in page
    assert "<td>overfill</td>" in page
    assert f"liqspec conform --replay {tmp_path}/counterexample.toml -- ./engine" in page
    assert page.count("<li><strong>") == len(finding.applied)


def test_nothing_of_an_engine_becomes_markup() -> None:
    fault = Fault(kind="died", message=HOSTILE, stdout=HOSTILE, stderr=HOSTILE)
    outcome = Outcome(findings=[Finding(kind="fault", config={}, events=[], applied=[], fault=fault, where=HOSTILE)])
    page = conformance.render(outcome, HOSTILE, [], HOSTILE)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6


def test_a_page_without_findings_says_that_it_conforms() -> None:
    outcome = Outcome()
    assert "Nothing was compared." in conformance.render(outcome, "acme", [], "")
    outcome.coverage.steps = 7
    assert "Conforms in 7 steps." in conformance.render(outcome, "acme", [], "")


def test_a_page_says_what_was_not_checked() -> None:
    outcome = Outcome(unchecked=["a whole run: none ended", HOSTILE])
    page = conformance.render(outcome, "acme", [], "")
    assert "<h2>Not checked</h2><ul><li>a whole run: none ended</li><li>&lt;script&gt;" in page
    outcome.unchecked.clear()
    assert "Not checked" not in conformance.render(outcome, "acme", [], "")


def test_sarif_has_a_result_for_each_finding_with_its_rule(found: Outcome, tmp_path: Path) -> None:
    (finding,) = found.findings
    (run,) = to_sarif(found, "acme 1", [kept(finding, tmp_path)])["runs"]
    (result,) = run["results"]
    assert result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == finding.rules[0]
    assert "liqspec conform --replay" in result["message"]["text"]
    place: dict[str, Any] = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("counterexample.toml")
    (empty,) = to_sarif(Outcome(), "acme 1", [])["runs"]
    assert empty["results"] == []


def test_a_saved_finding_has_what_the_engine_answered(found: Outcome) -> None:
    (finding,) = found.findings
    assert "answered" not in to_scenario(finding)
    *before, last = Run(scenarios.parse(to_scenario(finding, of_this_process()), Path("counterexample.toml")))
    assert all(moment.theirs == () for moment in before)
    (difference,) = last.theirs
    assert (difference.field, difference.theirs) == ("outcome", "overfill")


def test_a_saved_finding_can_be_read_back_however_long_the_answer_is(found: Outcome, tmp_path: Path) -> None:
    (finding,) = found.findings
    assert finding.reply is not None
    long = attrs.evolve(finding, reply={**finding.reply, "error": {"code": "overfill", "message": "x" * TOML_BYTES}})
    saved = save(long, tmp_path, ["engine"], [], hello=of_this_process())
    assert saved.scenario is not None
    assert scenarios.load(str(saved.scenario)).file.step[-1].answered is None
    assert str(saved.scenario) in saved.replay


def test_a_finding_of_very_many_events_is_played_again_by_its_vector(found: Outcome, tmp_path: Path) -> None:
    (finding,) = found.findings
    deposit = {"type": "deposit", "account": next(iter(finding.config["accounts"])), "amount": "1"}
    long = attrs.evolve(finding, applied=[deposit] * (TOML_BYTES // 60))
    saved = save(long, tmp_path, ["engine"], [])
    assert saved.scenario is None
    assert saved.vector is not None
    assert str(saved.vector) in saved.replay


def test_the_entry_that_is_printed_makes_a_finding_known(found: Outcome, tmp_path: Path) -> None:
    (finding,) = found.findings
    path = tmp_path / "known.toml"
    path.write_text("format = 1\n" + silencing(finding), encoding="utf-8")
    (entry,) = load(path)
    assert entry.matches(finding)
    fault = Finding(kind="fault", config={}, events=[], applied=[], fault=Fault(kind="died", message=""))
    assert silencing(fault) == ""


def test_the_example_in_the_documents_is_a_list_of_known_divergences(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "engines" / "README.md").read_text(encoding="utf-8")
    path = tmp_path / "known.toml"
    path.write_text(text.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    assert [entry.rule for entry in load(path)] == ["FIL-2"]
