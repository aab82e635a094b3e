"""What a comparison reports of an outcome and a finding, and what it reads: hello, and a saved vector."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from rich.console import Console

from liqspec.conform import report, sarif, search, second_look
from liqspec.conform.answers import of_this_process, read_hello
from liqspec.conform.configurations import Setting, shipped
from liqspec.conform.finding import EngineFault, Fault, FaultKind, Finding
from liqspec.conform.known_divergences import Divergence
from liqspec.conform.lockstep import Compared, Comparison
from liqspec.conform.saved import load, to_vector
from liqspec.conform.search import Outcome
from liqspec.conform.second_look import SecondLook
from liqspec.core.changes import reachable_transitions
from liqspec.core.events import CHECKS
from liqspec.draw import conformance
from liqspec.edge.shapes import WrongShape
from liqspec.properties.coverage import acting_rules
from liqspec.properties.registry import PROPERTIES
from liqspec.search.minimise import FailingRun
from liqspec.spec.observables import names
from liqspec.step.compare import Difference
from liqspec.step.reasons import Reason
from liqspec.testing.engines import InProcess, Model
from support.builders import small_config
from support.corpus import loaded

DEPOSIT = {"type": "deposit", "account": "alice", "amount": "200"}


def text(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> str:
    """The printed outcome."""
    report.print_outcome(outcome, Console(width=200, highlight=False))
    return capsys.readouterr().out


def everything() -> Compared:
    """A coverage in which nothing that can be reached is left out."""
    coverage = Compared(runs=1, steps=7)
    for kind, listed in CHECKS.items():
        coverage.events[kind] = 1
        coverage.refusals.update((kind, check.code) for check in listed)
    coverage.transitions.update(reachable_transitions())
    coverage.rules.update(acting_rules())
    return coverage


def test_an_outcome_without_a_run_reports_that_nothing_was_compared_and_no_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert text(Outcome(occurred={}), capsys) == "nothing was compared: the engine skipped every step\n"


def test_what_was_sent_as_the_type_of_a_malformed_event_is_not_shown_as_an_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    coverage = everything()
    coverage.refusals.update({("dposit", "bad_request"): 2, ("null", "bad_request"): 3})
    shown = text(Outcome(occurred={}, coverage=coverage), capsys)
    assert "dposit" not in shown
    (row,) = (line for line in shown.splitlines() if "(not an event)" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["(not an event)", "", "5", ""]


def test_what_was_not_supported_and_what_was_never_reached_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    coverage = everything()
    whole = text(Outcome(occurred={}, coverage=coverage), capsys)
    assert "NEVER REACHED" not in whole and "not supported" not in whole
    assert whole.endswith("conforms in 7 steps\n")
    del coverage.events["block"], coverage.transitions["T9"]
    coverage.unsupported["block"] = 12
    lines = text(Outcome(occurred={}, coverage=coverage), capsys).splitlines()
    assert "the engine does not support block" in lines
    assert [line for line in lines if "NEVER" in line] == [
        "NEVER REACHED accepted events: block",
        "NEVER REACHED transitions: T9",
    ]


def test_what_an_engine_says_it_lacks_or_always_skips_is_not_what_was_never_reached() -> None:
    coverage = everything()
    del coverage.events["block"], coverage.events["funding"], coverage.events["fill"]
    for kind, code in [*coverage.refusals]:
        if kind in ("block", "funding"):
            del coverage.refusals[kind, code]
    coverage.supported -= {"block"}
    coverage.skip("funding", "not implemented")
    coverage.skip("fill", "no such order")  # refusals of it were compared
    assert coverage.never_listed() == ["accepted events: fill"]


def test_what_was_never_reached_is_a_line_for_each_area_and_whole_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    coverage = everything()
    coverage.refusals.clear()
    coverage.skip("block", "slow")
    coverage.skip("fill", "slow")
    outcome = Outcome(occurred={}, coverage=coverage)
    lines = text(outcome, capsys).splitlines()
    assert "the engine skipped block (1), fill (1): slow" in lines
    (line,) = (line for line in lines if "NEVER" in line)
    count = len([code for kind, listed in CHECKS.items() for code in {check.code for check in listed}])
    assert line.startswith(f"NEVER REACHED refusals: {count}, such as bad_request of deposit, ")
    assert line.endswith(" (--full lists them)")
    report.print_outcome(outcome, Console(width=200, highlight=False), full=True)
    whole = capsys.readouterr().out
    assert whole.count("NEVER REACHED refusals of ") == len(CHECKS)


def test_a_replay_is_printed_without_what_it_exercised(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_outcome(Outcome(occurred={}, coverage=everything()), Console(width=200), replayed=True)
    assert capsys.readouterr().out == "conforms in 7 steps\n"


def test_a_family_that_was_to_be_drawn_and_that_no_step_had_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    coverage = everything()
    coverage.drawn = frozenset({"restore"})
    assert "NEVER REACHED families: restore\n" in text(Outcome(occurred={}, coverage=coverage), capsys)
    assert coverage.never_listed() == ["families: restore"]
    coverage.families["restore"] = 3
    shown = text(Outcome(occurred={}, coverage=coverage), capsys)
    assert "NEVER REACHED" not in shown
    assert "families  restore 3\n" in shown


def test_a_setting_has_only_the_families_of_the_engine() -> None:
    base = small_config(liquidation={"restore": {"factor": "6/5"}})
    free = Setting(bases=(base,), names=("mine",), families=frozenset())
    assert not free.allows(base)
    assert Setting(bases=(base,), names=("mine",), families=frozenset({"restore"})).allows(base)
    fixed = Setting(bases=(base,), names=("mine",), fixed=True, families=frozenset({"restore", "other"}))
    assert sorted(fixed.drawn) == ["restore"]
    assert not free.drawn
    assert all(Setting(bases=(one,), names=("any",)).allows(one) for one in shipped().bases)


def test_a_hello_without_families_has_none_and_no_venue_with_one() -> None:
    """Nor does an engine in this process that says nothing of itself."""
    said: dict[str, Any] = {"ok": True, "protocol": 1, "states": "full", "observes": list(names()), "events": []}
    assert read_hello(said).families == of_this_process().families == frozenset()
    venue = {name: small_config()[name] for name in ("markets", "backstop")}
    venue["liquidation"] = {"restore": {"measure": "initial"}}
    with pytest.raises(EngineFault, match=r"hello\.venue: liquidation\.restore: is of the family restore, which"):
        read_hello({**said, "venue": venue})
    assert read_hello({**said, "venue": venue, "families": ["restore"]}).base is not None


def test_where_a_finding_ended_the_run_what_was_never_reached_is_only_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    coverage = everything()
    del coverage.events["block"], coverage.transitions["T9"], coverage.transitions["T8"]
    finding = Finding(
        config=small_config(), events=[], applied=[], kind="fault", fault=Fault(kind="died", message="exit 1")
    )
    printed = text(Outcome(occurred={}, coverage=coverage, findings=[finding]), capsys)
    assert "NEVER REACHED 3 things before the finding; --json lists them\n" in printed


def differing(event: str, field: str, rule: str, length: int) -> Finding:
    """A finding that an observation differs in a field after `length` events, the last of this type."""
    reason = Reason(difference=Difference("vault", field, {"B": f"-{length}"}, {}), rules=(rule,))
    events = [DEPOSIT] * (length - 1) + [{"type": event}]
    return Finding(kind="difference", config={}, events=events, applied=events, reasons=(reason,))


def test_of_findings_with_one_cause_only_the_shortest_is_looked_at_and_kept() -> None:
    long, short, other = (
        differing("fill", "vault.positions", "BKS-3", 9),
        differing("funding", "vault.positions", "BKS-3", 4),
        differing("fill", "vault.positions", "EVT-7", 5),
    )
    answers = [differing(event, "outcome", "EVT-2", 1) for event in ("fill", "funding")]
    every = [long, short, other, *answers]
    chosen = search._shortest_of_causes([search.Found(one, malformed=False) for one in every])
    assert [one.finding for one in chosen] == [short, other, *answers]
    kept = list[Finding]()
    for one in (long, short, other):
        search.keep_shortest(kept, one)
    assert kept == [short, other]


@pytest.mark.parametrize("same_cause", [True, False])
def test_of_several_defects_each_is_made_shorter_as_the_same_one(
    same_cause: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shorter may be another defect where only one is reported."""
    right = InProcess(Model)
    first, other = differing("fill", "vault.positions", "BKS-3", 9), differing("fill", "vault.cash", "BKS-7", 4)
    monkeypatch.setattr(SecondLook, "_try", lambda _look, _run: other)
    look = SecondLook(
        engine=right,
        events=right.hello.events,
        setting=shipped(),
        comparison=Comparison.of(right.hello),
        seconds=1.0,
        seed=1,
        length=40,
        same_cause=same_cause,
    )
    made = look._fails(FailingRun(small_config(), first.events, first))
    assert (made is None) == same_cause


def test_a_line_too_many_is_the_same_fault_before_and_after_a_reply() -> None:
    kinds: tuple[FaultKind, ...] = ("printed garbage", "answered without being asked", "hung")
    found = [
        Finding(kind="fault", config={}, events=[DEPOSIT], applied=[DEPOSIT], fault=Fault(kind=kind, message="so"))
        for kind in kinds
    ]
    assert [second_look._same_kind(one, found[0]) for one in found] == [True, True, False]
    later = [evolve(found[1], events=[DEPOSIT] * length) for length in (1, 2, 3)]
    assert [second_look._is_a_line_later(one, found[0]) for one in later] == [True, True, False]


def test_a_value_that_is_an_object_is_printed_as_json() -> None:
    assert differing("fill", "vault.positions", "BKS-3", 1).headline == 'vault.positions: ours {"B": "-1"}, theirs {}'


def test_an_interrupted_comparison_is_no_pass_in_any_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    outcome = Outcome(coverage=everything(), interrupted=True)
    assert text(outcome, capsys).endswith("interrupted after 7 steps\n")
    data = report.to_json(outcome, "mine", [])
    assert (data["conforms"], data["interrupted"]) == (False, True)
    report.write_junit(outcome, "mine", 1.0, tmp_path / "junit.xml")
    assert 'errors="1"' in (tmp_path / "junit.xml").read_text()
    (invocation,) = sarif.to_sarif(outcome, "mine", [])["runs"][0]["invocations"]
    assert (invocation["executionSuccessful"], "interrupted" in str(invocation)) == (False, True)
    assert "Interrupted after 7 steps" in conformance.render(outcome, "mine", [], "now")


def test_what_is_known_could_not_occur_where_the_first_finding_ended_the_comparison(tmp_path: Path) -> None:
    unseen = Divergence(why="was so once", field="vault.cash")
    found = [differing("fill", "vault.positions", "BKS-3", 1)]
    assert Outcome(occurred={unseen: 0}, findings=found).stale == []
    assert Outcome(occurred={unseen: 0}, findings=found, every=True).stale == [unseen]
    for every, said in ((False, "could not occur yet"), (True, "it did not occur: take it out")):
        outcome = Outcome(occurred={unseen: 0}, coverage=everything(), interrupted=not every)
        report.write_junit(outcome, "mine", 1.0, tmp_path / "junit.xml")
        assert said in (tmp_path / "junit.xml").read_text()


def test_a_known_divergence_is_reported_with_how_often_it_occurred(capsys: pytest.CaptureFixture[str]) -> None:
    seen = Divergence(why="rounds up", field="pools.equity", event="funding")
    unseen = Divergence(why="was so once", field="vault.cash")
    printed = text(Outcome(occurred={seen: 1200, unseen: 0}, coverage=everything()), capsys)
    assert "known, 1,200 times: pools.equity, event funding (rounds up)\n" in printed
    assert "known, but it did not occur: vault.cash (was so once)\n" in printed
    assert printed.endswith("does not conform\n")


def test_a_broken_property_is_reported_with_its_sentence_and_its_first_rule() -> None:
    """EVT-10 comes first among the rules of what is created from nothing."""
    broken = (("nothing_is_created", "the outside has 5 too many"), ("closed_is_empty", "bob has 1"))
    finding = Finding(
        kind="property", config=small_config(), events=[DEPOSIT], applied=[DEPOSIT], broken=broken, where="here"
    )
    assert finding.headline == "nothing is created: the outside has 5 too many"
    assert finding.rules == PROPERTIES["nothing_is_created"].rules
    shown = report.text(finding)
    assert shown.startswith(
        "breaks a property nothing is created: the outside has 5 too many\nafter 1 event; here\n"
        "what the rules make of these events:\n  1 deposit alice amount 200\n"
    )
    assert "its observations break: closed is empty: bob has 1" in shown
    assert f"\n{finding.rules[0]} " in shown
    assert f"also {', '.join(finding.rules[1:])}; liqspec explain {finding.rules[0]}" in shown


@pytest.mark.parametrize("venue", [5, {"name": "mine"}, {"markets": ["BTC"]}])
def test_a_rule_set_without_markets_is_no_hello(venue: Any) -> None:
    reply = {"ok": True, "protocol": 1, "states": "full", "observes": list(names()), "events": [], "venue": venue}
    with pytest.raises(EngineFault, match=r"hello\.venue: markets: expected an object with markets, got "):
        read_hello(reply)


@pytest.mark.parametrize("step", [3, {"expect": {}}, {"event": "deposit"}])
def test_a_vector_with_a_step_that_has_no_event_is_refused(step: Any, tmp_path: Path) -> None:
    path = tmp_path / "vector.json"
    path.write_text(json.dumps({"config": small_config(), "steps": [{"event": DEPOSIT}, step]}))
    with pytest.raises(WrongShape) as refused:
        load(path)
    assert str(refused.value) == f"{path}.steps: expected objects, each with an event that is an object"


def test_a_vector_is_read_as_its_configuration_and_events(tmp_path: Path) -> None:
    path = tmp_path / "vector.json"
    path.write_text(json.dumps({"config": small_config(), "steps": [{"event": DEPOSIT, "expect": {}}]}))
    read = load(path)
    assert isinstance(read, FailingRun)
    assert (read.config["accounts"], read.events) == (["alice", "bob"], [DEPOSIT])


def test_a_counterexample_is_kept_with_the_same_steps_as_a_vector_of_the_corpus() -> None:
    """The rules of its transitions too: LIQ-5 acts in these steps, and no effect but a transition names it."""
    vectors = loaded()[::40]
    assert any("LIQ-5" in step["rules"] for vector in vectors for step in vector["steps"])
    fault = Fault(kind="died", message="")
    for vector in vectors:
        events = [step["event"] for step in vector["steps"]]
        finding = Finding(kind="fault", config=vector["config"], events=events, applied=events, fault=fault)
        assert to_vector(finding)["steps"] == vector["steps"], vector["title"]
