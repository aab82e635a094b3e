"""A verification: what it says of rules that hold, of an engine that breaks one, and of what was never exercised."""

import json
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from rich.console import Console

from liqspec.core import arithmetic
from liqspec.core.changes import reachable_transitions
from liqspec.core.events import EventData
from liqspec.core.parameters import families_of
from liqspec.core.refusals import CODES
from liqspec.generate.guide import Guide
from liqspec.generate.random_runs import RandomRun
from liqspec.proofs.inductive import covered, planted, steps
from liqspec.proofs.lemmas import LEMMAS
from liqspec.properties.coverage import Coverage, Violation, acting_rules
from liqspec.properties.reach import Reach
from liqspec.properties.registry import PROPERTIES
from liqspec.replay.run import Run
from liqspec.search import explore
from liqspec.spec import rulebook, scenarios, scopes, venue_words
from liqspec.verify import counterexample, run, tasks
from liqspec.verify.report import Report, print_report
from liqspec.verify.run import Budget
from liqspec.verify.tasks import ProofResult, StepsResult
from support.commands import run_here

Command = Callable[..., tuple[int, str, str]]
LEMMA = "equality_is_healthy"  # the soonest proved
SMALL = attrs.evolve(scopes.load("minimal"), max_depth=3)


def quiet() -> Console:
    """A console without a reader."""
    return Console(file=StringIO())


def breach_at_equality(equity: int, maintenance: int) -> bool:
    """LIQ-3 with the wrong sign."""
    return equity <= maintenance


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command in this process: its exit status, and what it printed."""

    def captured(*arguments: str) -> tuple[int, str, str]:
        status = run_here(monkeypatch, *arguments)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return captured


@pytest.fixture
def small_scope(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every scope is a small one, one lemma is all that is proved; the names of the scopes that were loaded."""
    loaded: list[str] = []

    def load(name: str) -> scopes.Scope:
        loaded.append(name)
        return attrs.evolve(SMALL, name=name)

    monkeypatch.setattr(scopes, "load", load)
    monkeypatch.setattr(run, "LEMMAS", {LEMMA: LEMMAS[LEMMA]})
    monkeypatch.setattr(run, "COVERED", ())
    monkeypatch.setattr(run, "PARTS", ())
    return loaded


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Budget]:
    """Nothing is verified; what the command asked for."""
    budgets: list[Budget] = []

    def note(budget: Budget, progress: Console, resumed: Path | None) -> Report:
        budgets.append(budget)
        return report()

    monkeypatch.setattr(run, "verify", note)
    return budgets


# ---------------------------------------------------------------------------------------------------------- the command


def test_what_holds_is_reported_as_tables_and_ends_with_0(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LEMMAS", {LEMMA: LEMMAS[LEMMA]})
    monkeypatch.setattr(run, "COVERED", ())
    monkeypatch.setattr(run, "PARTS", ())
    monkeypatch.setattr(scopes, "names", lambda: ["minimal"])
    monkeypatch.setattr(run, "STEPS", 8_000)
    status, out, err = command("verify", "--processes", "1", "--full")
    assert out.splitlines()[-1] == "all hold"
    assert status == 0
    assert "never exercised" not in out
    assert "8,000 random events (seed 1, venues " in out
    assert "1 scope: 1,084 states, " in out
    assert "exhausted" in out
    assert "equality is healthy" in out
    assert "proved" in out
    assert "scope minimal: 1,084 states" in err


def test_without_full_there_is_one_table_and_the_verdict(command: Command, small_scope: list[str]) -> None:
    status, out, _ = command("verify", "--scope", "minimal")
    assert status == 1, "the small one does not exercise all that the scope must"
    assert out.count("┏") == 1
    assert "│ scopes " in out
    assert "random events" not in out
    assert "worked examples" not in out
    assert "lemmas" not in out


@pytest.mark.parametrize(
    ("options", "scoped", "steps", "replayed", "proved", "adequate"),
    [
        ((), True, run.STEPS, True, True, True),
        (("--scope", "minimal"), True, None, False, False, False),
        (("--steps", "70"), False, 70, True, False, True),
        (("--scope", "minimal", "--steps", "70"), True, 70, True, False, True),
        (("--venue", "coarse"), False, run.STEPS, False, False, False),
        (("--quick",), True, run.QUICK_STEPS, True, False, False),
        (("--quick", "--venue", "coarse"), False, run.QUICK_STEPS, False, False, False),
        (("--inductive", "1"), False, None, False, True, False),
        (("--thorough", "--steps", "70"), True, 70, True, True, True),
    ],
)
def test_options_say_what_is_wanted_and_nothing_else_is_done(
    command: Command,
    asked: list[Budget],
    options: tuple[str, ...],
    scoped: bool,
    steps: int | None,
    replayed: bool,
    proved: bool,
    adequate: bool,
) -> None:
    assert command("verify", *options)[0] == 0
    (budget,) = asked
    assert (bool(budget.scopes), budget.steps, budget.replayed) == (scoped, steps, replayed)
    assert (budget.proved, budget.adequate) == (proved, adequate)


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ((), 1),
        (("--thorough",), 2),
        (("--inductive", "3"), 3),
        (("--quick",), None),
        (("--scope", "minimal"), None),
        (("--scope", "minimal", "--inductive", "0"), 0),
    ],
)
def test_steps_are_proved_up_to_a_number_of_keys(
    command: Command, asked: list[Budget], options: tuple[str, ...], keys: int | None
) -> None:
    assert command("verify", *options)[0] == 0
    assert asked[0].keys == keys


@pytest.mark.parametrize("other", [("--steps", "1"), ("--inductive", "0"), ("--scope", "minimal"), ("--thorough",)])
def test_quick_chooses_alone(command: Command, other: tuple[str, ...]) -> None:
    status, _, err = command("verify", "--quick", *other)
    assert (status, err.startswith("liqspec: --quick: goes with none of ")) == (2, True)


def test_what_is_no_adequate_verification_holds_without_having_exercised_everything() -> None:
    found = report(transitions={}, adequate=False)
    assert (found.holds, found.never) == (True, [])
    few = attrs.evolve(found, checked={"a_covered_pool_is_left_alone": 3})
    judged = f"1 of {len(PROPERTIES)} properties had something to judge (--full lists them)"
    assert printed(few).splitlines()[-1] == f"what was looked at holds: {judged}"
    assert not report(transitions={}).holds


def test_a_wrong_engine_ends_with_1_and_a_counterexample_that_replays(
    command: Command, small_scope: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIQ-3: it liquidates at equality."""
    path = tmp_path / "found.toml"
    monkeypatch.setattr(arithmetic, "breached", breach_at_equality)
    arguments = ("verify", "--scope", "minimal", "--steps", "80", "--processes", "1", "--save", str(path))
    status, out, _ = command(*arguments)
    assert status == 1
    assert small_scope == ["minimal"]
    assert "\nviolated: a_covered_pool_is_left_alone in scope minimal: alice/cross" in out
    assert "\nviolated\n" in out
    assert "never exercised:" not in out, "it did not come to its end"
    output = out.split("violated a covered pool is left alone\n")[1]
    assert "found in scope minimal, 3 events" in output
    assert "\nLIQ-3 " in output
    assert f"replay it:  liqspec simulate {path}" in output
    assert "def test_a_covered_pool_is_left_alone_in_found() -> None:" in output
    run = Run(scenarios.load(str(path)))
    list(run)
    assert run.outcome().unexpected[0].startswith("step 3: property a_covered_pool_is_left_alone")

    status, out, _ = command(*arguments, "--json")
    assert status == 1
    found = json.loads(out)
    assert not found["holds"]
    assert found["never"] == []
    assert [violation["property"] for violation in found["violations"]] == ["a_covered_pool_is_left_alone"]


def test_too_little_is_reported_as_such_and_ends_with_1(command: Command, small_scope: list[str]) -> None:
    status, out, _ = command("verify", "--scope", "minimal", "--steps", "1", "--processes", "1", "--seed", "5")
    assert status == 1
    assert small_scope == ["minimal"]
    assert "never exercised: scope minimal: transition T11" in out
    assert "1 random event (seed 5, venues " in out
    assert out.splitlines()[-1] == "not enough was exercised: try more --steps"


def test_thorough_adds_the_large_scopes_and_more_events(
    command: Command, small_scope: list[str], asked: list[Budget]
) -> None:
    assert command("verify")[0] == 0
    assert command("verify", "--thorough", "--processes", "3")[0] == 0
    assert command("verify", "--budget", "2", "--seed", "9")[0] == 0
    assert [budget.scopes for budget in asked[:2]] == [
        tuple(scopes.names()),
        (*scopes.names(), *scopes.thorough_names()),
    ]
    assert [budget.steps for budget in asked[:2]] == [run.STEPS, run.THOROUGH_STEPS]
    assert asked[1].processes == 3
    assert asked[0].processes == Budget().processes
    assert (asked[2].seconds, asked[2].seed) == (2, 9)


def test_steps_and_a_budget_are_refused_together(command: Command) -> None:
    status, out, err = command("verify", "--steps", "1", "--budget", "1")
    assert (status, out) == (2, "")
    assert err == "liqspec: --steps and --budget: give one of them, how many random events or for how long\n"


# ----------------------------------------------------------------------------------------------------- the verification


def test_the_result_is_the_same_on_one_process_and_on_two(small_scope: list[str]) -> None:
    budget = Budget(venue="generic", scopes=("one", "two"), steps=900, processes=1)
    alone = run.verify(budget, quiet()).to_json()
    assert alone["steps"] == 900
    assert [result["scope"] for result in alone["scopes"]] == ["one", "two"]
    assert run.verify(attrs.evolve(budget, processes=2), quiet()).to_json() == alone


def test_the_first_violation_is_the_same_on_two_processes(
    small_scope: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arithmetic, "breached", breach_at_equality)
    budget = Budget(venue="generic", scopes=("one", "two"), steps=10_000_000, processes=1)
    alone = run.verify(budget, quiet()).to_json()
    assert [violation["where"] for violation in alone["violations"]] == ["scope one"]
    assert run.verify(attrs.evolve(budget, processes=2), quiet()).to_json() == alone


def test_another_seed_is_another_run() -> None:
    budget = Budget(venue="generic", steps=80, proved=False, processes=1)
    first, second = (run.verify(attrs.evolve(budget, seed=seed), quiet()) for seed in (1, 2))
    assert (first.examples, first.scenarios, first.steps) == (second.examples, second.scenarios, 80)
    assert first.checked != second.checked


def test_a_budget_ends_the_random_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stops until the first run has begun, and is past the budget then."""
    times = iter([0.0, 0.0, *[5.0] * 100])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    lengths = list(run._lengths(Budget(seconds=4.0)))
    assert lengths == [((0, 80),)]


def test_progress_is_shown_for_each_kind_of_work(small_scope: list[str]) -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    run.verify(Budget(venue="generic", scopes=("one",), steps=80, processes=1), console)
    shown = screen.getvalue()
    for kind in ("scopes", "lemmas", "random events"):
        assert kind in shown
    assert "scope one:" in shown
    assert "80/80" in shown


def test_where_no_bar_is_seen_one_line_says_what_is_done(small_scope: list[str]) -> None:
    read = StringIO()
    run.verify(
        Budget(venue="generic", steps=1, proved=False, replayed=False, processes=1), Console(file=read, width=100)
    )
    assert read.getvalue() == "checking 1 random event\n"


def test_the_last_event_of_a_random_run_is_of_any_type(monkeypatch: pytest.MonkeyPatch) -> None:
    event = {"type": "settle", "market": 7}
    monkeypatch.setattr(Guide, "of_any_type", lambda _: event)
    given = tasks.random_run(Budget().bases()[0], Random(1), 5, "a test", Coverage())
    assert [one == event for one in given] == [False, False, False, False, True]


def test_at_a_venue_every_random_run_has_its_markets_and_parameters_as_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(venue_words.template("mine").replace('fee_rate = "0"', 'fee_rate = "1/77"'))
    drawn: list[dict[str, Any]] = []

    def noted(one: RandomRun, *_: object) -> list[EventData]:
        drawn.append(one.config)
        return [{"type": "block"}] * one.length

    monkeypatch.setattr(tasks, "run_in", noted)
    monkeypatch.setattr(counterexample, "seeded", lambda *_: Random(len(drawn)))
    budget = Budget(venue=str(path), steps=12_000, proved=False, replayed=False, processes=1)
    run.verify(budget, quiet())
    list(counterexample._others(budget.bases(), 1, budget.fixed))
    (base,) = budget.bases()
    assert len(drawn) > 100
    own = ("backstop", "liquidation", "quote_unit")
    assert all(config[part] == base[part] for config in drawn for part in own)
    assert all(config["markets"].items() <= base["markets"].items() for config in drawn)
    assert not any(families_of(config) for config in drawn)


def test_a_counterexample_at_a_venue_is_made_short_with_its_own_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIQ-3: the engine liquidates at equality, at any venue: plainer rules would do, but were not asked about."""
    path = tmp_path / "mine.toml"
    path.write_text(
        venue_words.template("mine").replace('fee_rate = "0"', 'fee_rate = "1/77"\npartial_threshold = "7"')
    )
    monkeypatch.setattr(arithmetic, "breached", breach_at_equality)
    (base,) = Budget(venue=str(path)).bases()
    alice = {"account": "alice", "market": "BTC", "mode": "cross"}
    events: list[EventData] = [
        {"type": "block", "time": 1000},
        {"type": "deposit", "account": "alice", "amount": "3200"},
        {"type": "trade", **alice, "size": "1", "price": "50000", "leverage": 20},
        {"type": "mark_price", "market": "BTC", "price": "48000"},
    ]
    config = {**base, "accounts": ["alice", "bob"]}
    found = Violation("a_covered_pool_is_left_alone", "", "", config, events)
    rules = ("backstop", "liquidation", "quote_unit")
    for fixed in (True, False):
        small = counterexample.shrink(found, fixed=fixed)
        assert (len(small.events), small.config["accounts"], list(small.config["markets"])) == (2, ["alice"], ["BTC"])
        assert (small.config["markets"]["BTC"] == base["markets"]["BTC"]) or not fixed
        assert all(small.config.get(part) == base[part] for part in rules) == fixed


def test_a_run_that_violates_is_the_last_of_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def run(drawn: RandomRun, random: object, where: str, coverage: Coverage, _: object) -> list[EventData]:
        begun.append(where)
        if len(begun) == 2:
            coverage.violations.append(Violation("a_covered_pool_is_left_alone", "wrong", where, {}, []))
        return [{"type": "block"}] * drawn.length

    monkeypatch.setattr(tasks, "run_in", run)
    part = tasks.random_runs((SMALL.config,), 7, ((3, 80), (4, 20), (5, 80)))
    assert begun == ["random run 3 of seed 7", "random run 4 of seed 7"]
    assert part.steps == 100
    assert [violation.where for violation in part.coverage.violations] == begun[1:]


def test_a_story_that_ends_otherwise_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    story = scenarios.load("deficit")
    step = attrs.evolve(story.file.step[0], expect=attrs.evolve(story.file.step[0].expect, refused="wrong_state"))
    other = attrs.evolve(story, file=attrs.evolve(story.file, step=(step, *story.file.step[1:])))
    monkeypatch.setattr(scenarios, "names", lambda: ["deficit"])
    monkeypatch.setattr(scenarios, "load", lambda name: other)
    part = tasks.shipped_scenarios()
    assert part.steps == 1
    assert part.failures
    assert part.failures[0].startswith("deficit: ")


# ----------------------------------------------------------------------------------------------------------- the report


def report(**changes: Any) -> Report:
    """The report of a verification in which everything was exercised and held, with what the test changes."""
    everything = Report(
        venues=["generic"],
        seed=1,
        steps=10,
        examples=2,
        scenarios=3,
        failures=[],
        checked={name: 7 for name, entry in PROPERTIES.items() if entry.counted},
        transitions=dict.fromkeys(reachable_transitions(), 1),
        rules=dict.fromkeys(acting_rules(), 1),
        refusals=dict.fromkeys(CODES, 1),
        scopes=[],
        proofs=[],
        violations=[],
        reach=Reach(),
    )
    return attrs.evolve(everything, **changes)


def printed(found: Report) -> str:
    """The printed report."""
    console = Console(file=StringIO(), width=200)
    print_report(found, console, full=True)
    output = console.file
    assert isinstance(output, StringIO)
    return output.getvalue()


def row(found: Report, title: str) -> list[str]:
    """The cells of a table's row."""
    line = next(line for line in printed(found).splitlines() if line.startswith(f"│ {title} "))
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_a_report_without_scopes_and_proofs_has_four_tables() -> None:
    output = printed(report())
    assert report().holds
    assert output.count("┏") == 4
    assert output.splitlines()[-1] == "all hold"
    assert row(report(), "every event gets an answer")[-3:] == ["7", "0", "holds"]


def test_a_violation_is_reported_in_its_row_and_below() -> None:
    found = report(violations=[Violation("a_covered_pool_is_left_alone", "[b]oops", "run 3", {}, [])], transitions={})
    output = printed(found)
    assert not found.holds
    assert found.never == [], "it stopped there"
    assert "violated: a_covered_pool_is_left_alone in run 3: [b]oops" in output
    assert output.splitlines()[-1] == "violated"
    assert row(found, "a covered pool is left alone")[-1] == "violated"
    assert row(found, "a refused event changes no bit")[-1] == "holds so far"
    checked = {**found.checked, "a_refused_event_changes_no_bit": 0}
    assert row(attrs.evolve(found, checked=checked), "a refused event changes no bit")[-1] == "not come to"
    assert "It stopped there" in output
    assert "It stopped there" not in printed(report())


def test_what_acted_is_reported_for_transitions_rules_and_refusals() -> None:
    """Each with how often in runs and in scopes; T13, which nothing causes, is there and not missed (LIF-5)."""
    small = explore.explore(attrs.evolve(SMALL, max_depth=3))
    found = report(transitions={"T1": 1234}, rules={"LIQ-3": 77}, refusals={"overfill": 5}, scopes=[small])
    assert row(found, "T1")[-2:] == ["1,234", str(small.coverage.transitions["T1"])]
    assert row(found, "T0")[-2:] == ["0", str(small.coverage.transitions["T0"])]
    assert row(found, "T13")[-2:] == ["0", "0"]
    assert row(found, "LIQ-3")[1:] == [rulebook.rules()["LIQ-3"].title, "77", str(small.coverage.rules["LIQ-3"])]
    assert row(found, "ACC-8")[-2:] == ["0", str(small.coverage.rules["ACC-8"])]
    assert row(found, "overfill")[-2:] == ["5", "0"]
    assert small.coverage.rules["ACC-8"] > 0
    assert "never exercised: rule ACC-8\n" in printed(found)
    assert "never exercised: rule LIQ-3\n" not in printed(found)
    assert "T13" not in " ".join(found.never)


def test_every_rule_acts_or_is_judged_or_proved_or_reported_as_neither() -> None:
    """A rule that nothing is about is not passed over in silence."""
    elsewhere = report().elsewhere
    assert {rule.partition("-")[0] for rule in elsewhere} == {"AMT", "LIF", "CFG", "OBS", "SCN", "STP", "VER"}
    assert f"for they define, or say how files and tools are: {' '.join(elsewhere)}\n" in printed(report())
    assert report().to_json()["elsewhere"] == elsewhere
    judged = {rule for known in PROPERTIES.values() for rule in known.rules}
    proved = {rule for known in LEMMAS.values() for rule in known.rules}
    examples = {number for number, rule in rulebook.rules().items() if rule.examples}
    assert set(elsewhere) == set(rulebook.rules()) - judged - proved - examples - set(acting_rules())


def test_what_was_never_exercised_is_reported_by_kind() -> None:
    checked = {**report().checked, "a_covered_pool_is_left_alone": 0}
    small = explore.explore(attrs.evolve(SMALL, max_depth=1))
    found = report(checked=checked, transitions={}, refusals={}, scopes=[small])
    output = printed(found)
    assert not found.holds
    assert "never exercised: property a_covered_pool_is_left_alone" in output
    assert "never exercised: transition T1\n" in output
    assert f"never exercised: refusal {CODES[0]}\n" in output
    assert "never exercised: scope minimal: transition T1\n" in output
    assert "bounded by depth" in output
    assert output.splitlines()[-1] == "not enough was exercised: try more --steps"
    assert row(found, "a covered pool is left alone")[-1] == "never exercised"


@pytest.mark.parametrize(
    ("status", "control", "message"),
    [
        ("refuted", "refuted", "lemma equality_is_healthy is refuted, its control refuted"),
        ("unknown", "refuted", "lemma equality_is_healthy is unknown, its control refuted"),
        ("proved", "proved", "lemma equality_is_healthy is proved, its control proved"),
    ],
)
def test_a_lemma_that_is_not_proved_violates(status: str, control: str, message: str) -> None:
    proof = ProofResult(name=LEMMA, status=status, counterexample={}, control=control, control_numbers={})
    found = report(proofs=[proof])
    assert not found.holds
    assert found.to_json()["unproved"] == [message]
    assert f"not proved: {message}\n" in printed(found)
    assert row(found, "equality is healthy")[-2:] == [status, control]
    assert printed(found).splitlines()[-1] == "violated"


def test_a_lemma_that_did_not_run_is_reported_with_its_error() -> None:
    proof = ProofResult(
        name=LEMMA, status="unknown", counterexample={}, control="unknown", control_numbers={}, reason="TypeError: no"
    )
    output = "lemma equality_is_healthy is unknown, its control unknown: TypeError: no"
    assert report(proofs=[proof]).unproved == [output]


def test_a_failure_of_a_story_violates() -> None:
    found = report(failures=["deficit: [step] 3 was accepted"])
    assert not found.holds
    assert "not as expected: deficit: [step] 3 was accepted\n" in printed(found)
    assert printed(found).splitlines()[-1] == "violated"


STEPS = StepsResult(
    event="fill",
    keys=1,
    shapes=[f"cross [{number}]" for number in range(9)],
    steps=36,
    paths=1_234,
    obligations=40_000,
    unproved=[],
    counterexample="",
    control=("the fee is credited to nobody", "refuted"),
    lemmas=(LEMMA,),
)
PROVED = ProofResult(name=LEMMA, status="proved", counterexample={}, control="refuted", control_numbers={})


def test_proved_steps_have_a_table_and_a_sentence() -> None:
    found = report(proofs=[PROVED], proved_steps=[STEPS])
    output = printed(found)
    assert (found.holds, found.unproved) == (True, [])
    assert row(found, "fill")[1:-1] == ["1", "9", "36", "1,234", "40,000", "proved"]
    assert row(found, "fill")[-1] == "refuted: the fee is credited to nobody"
    assert "no pool has had positions in more than 1 market" in output
    plain = found.to_json()["proved_steps"][0]
    assert (plain["paths"], plain["shapes"]) == (1_234, 9)


def test_parts_of_the_steps_of_an_event_count_as_one() -> None:
    other = attrs.evolve(STEPS, shapes=["cross [8]", "cross [9]"], steps=4, unproved=["fill of A"], control=None)
    both = STEPS + other
    assert (len(both.shapes), both.steps, both.paths, both.obligations) == (10, 40, 2_468, 80_000)
    assert (both.unproved, both.control, both.holds) == (["fill of A"], STEPS.control, False)
    assert (other + STEPS).control == STEPS.control


@pytest.mark.parametrize(
    ("kind", "keys", "parts"), [("chunk", 0, 1), ("trade", 1, 1), ("trade", 2, 2), ("chunk", 3, 7)]
)
def test_the_parts_of_an_event_have_all_of_its_steps(kind: str, keys: int, parts: int) -> None:
    assert steps.parts(kind, keys) == parts
    found = [step for part in range(parts) for step in steps.part_of(kind, keys, part)]
    assert found == list(steps.steps(kind, keys))


@pytest.mark.parametrize(
    ("changes", "proofs", "lines"),
    [
        ({}, [], ["steps of fill rest on the lemma equality_is_healthy, which is not proved"]),
        (
            {"unproved": ["fill of A"], "counterexample": "fill of A, accepted"},
            [PROVED],
            ["step of fill of A", "and fails: fill of A, accepted"],
        ),
        (
            {"control": ("it", "not refuted")},
            [PROVED],
            ["steps of fill: the control is not refuted: it"],
        ),
    ],
)
def test_a_step_that_is_not_proved_violates(changes: Any, proofs: list[ProofResult], lines: list[str]) -> None:
    found = report(proofs=proofs, proved_steps=[attrs.evolve(STEPS, **changes)])
    assert (found.holds, found.unproved) == (False, lines)
    assert printed(found).splitlines()[-1] == "violated"
    assert row(found, "fill")[-2] == ("proved" if "control" in changes else "not proved")


def test_a_parameter_that_the_proofs_leave_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covered, "ANY", covered.ANY - {"max_move"})
    assert "Not with these parameters, which are left out: mark.max_move." in printed(
        report(proofs=[PROVED], proved_steps=[STEPS])
    )


def test_steps_rest_on_the_part_of_events_that_they_do_not_run() -> None:
    resting, chunk = attrs.evolve(STEPS, parts=("chunk",)), attrs.evolve(STEPS, event="chunk", control=None)
    assert report(proofs=[PROVED], proved_steps=[resting, chunk]).unproved == []
    for others in ([], [attrs.evolve(chunk, keys=2)]):
        found = report(proofs=[PROVED], proved_steps=[resting, *others])
        assert found.unproved == ["steps of fill rest on those of chunk, which are not proved"]
    found = report(proofs=[PROVED], proved_steps=[resting, attrs.evolve(chunk, unproved=["chunk of A"])])
    assert found.unproved == ["steps of fill rest on those of chunk, which are not proved", "step of chunk of A"]


def test_a_lemma_that_is_not_proved_is_named_once() -> None:
    found = report(proofs=[], proved_steps=[STEPS, attrs.evolve(STEPS, keys=0), attrs.evolve(STEPS, event="trade")])
    assert found.unproved == ["steps of fill, trade rest on the lemma equality_is_healthy, which is not proved"]


def test_a_wrong_engine_is_refuted_by_numbers_in_the_proofs_of_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own control is right only where the engine is: the numbers are found with the engine as it is."""
    wrong = planted.CONTROLS["vault_cash"]
    real = planted.CONTROLS
    monkeypatch.setattr(planted, "CONTROLS", {**real, "vault_cash": real["deposit"]})
    with wrong.applied():
        found = tasks.proved_steps("vault_cash", 0).proved_steps
    assert found is not None
    assert not found.holds
    assert "vault_cash, cross [never used], accepted: nothing_is_created [money]" in found.unproved[0]
    assert "event.amount = " in found.counterexample
    assert found.control == ("a deposit comes from nowhere", "refuted")
