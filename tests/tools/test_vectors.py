"""The corpus of vectors: fresh, whole, passed by the model and by an engine from elsewhere, failed by wrong ones."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from typer.testing import CliRunner

from adversaries.wrong_engines.mistakes import name_of
from engines import python_engine
from liqspec.cli.app import app
from liqspec.core.changes import reachable_transitions
from liqspec.core.events import CHECKS, EVENTS, OPTIONAL
from liqspec.core.parameters import families_of
from liqspec.core.refusals import MEANINGS
from liqspec.edge import schemas
from liqspec.search import parallel
from liqspec.search.minimise import FailingRun, minimise
from liqspec.search.passes import PLAINER
from liqspec.spec import rulebook
from liqspec.spec.vectors import Case, to_text
from liqspec.step.wrong_engines import AT_SCALE, WRONG_ENGINES
from liqspec.vectors import corpus, refusals, related_names, scale, suites
from liqspec.vectors import search as searching
from liqspec.vectors.goals import acting_rules, boundaries_met
from liqspec.vectors.play import EVERYTHING, Played, play, play_all
from liqspec.vectors.search import reached, search
from liqspec.vectors.suites import GOALS, MISTAKES, SUITES
from support import foreign_engines
from support.builders import working
from support.corpus import InProcess, loaded, model
from support.request_lines import HELLO

PYTHON_ENGINE = [sys.executable, str(Path(python_engine.__file__))]


def failures(player: InProcess) -> list[Played]:
    """What of the corpus an engine does not pass."""
    return [one for one in play_all(loaded(), player, EVERYTHING) if one.outcome != "passed"]


def due_to(hello: dict[str, Any]) -> list[dict[str, Any]]:
    """What of the corpus an engine has to pass that says this: it may lack optional events and families (VER-1)."""
    lacking = EVENTS.keys() - set(hello["events"])
    assert lacking <= OPTIONAL
    return [
        vector
        for vector in loaded()
        if families_of(vector["config"]).keys() <= set(hello["families"])
        and not any(step["event"].get("type") in lacking for step in vector["steps"] if isinstance(step["event"], dict))
    ]


def hello_of(command: list[str]) -> dict[str, Any]:
    """What an engine says of itself."""
    (hello,) = foreign_engines.converse(command, [HELLO])
    return hello


class TestTheCorpus:
    def test_is_what_the_specification_makes(self) -> None:
        """If this fails after a change of the rules: liqspec vectors generate spec/vectors."""
        assert list(corpus.stale(corpus.FOLDER)) == []

    def test_is_passed_by_the_model(self) -> None:
        assert failures(model()) == []

    def test_is_passed_by_an_engine_that_shares_nothing_with_the_model(self) -> None:
        hello = hello_of(PYTHON_ENGINE)
        abilities = evolve(EVERYTHING, events=frozenset(hello["events"]), families=frozenset(hello["families"]))
        played = list(play_all(loaded(), InProcess(python_engine.Session()), abilities))
        assert [one for one in played if one.outcome == "failed"] == []
        assert sum(one.outcome == "passed" for one in played) == len(due_to(hello))

    def test_fits_the_schema(self) -> None:
        for vector in loaded()[:: 1 if len(loaded()) < 100 else 5]:
            assert schemas.mismatch("vector", vector) == "", Case.of_vector(vector).path

    def test_is_small(self) -> None:
        size = sum(path.stat().st_size for path in corpus.FOLDER.rglob("*.json"))
        assert size < 10_000_000
        assert 300 < len(loaded()) < 1_500

    def test_begins_with_what_is_essential(self) -> None:
        order = [vector["suite"] for vector in loaded()]
        assert list(dict.fromkeys(order)) == list(SUITES)

    def test_shows_every_refusal_and_every_transition(self) -> None:
        index = json.loads((corpus.FOLDER / corpus.INDEX).read_text(encoding="utf-8"))
        assert all(index["refusals"][code] for code in MEANINGS)
        assert all(index["transitions"][name] for name in reachable_transitions())
        page = (corpus.FOLDER.parent / "vectors.md").read_text(encoding="utf-8")
        excused = re.findall("[A-Z]{3}-[0-9]+", page.partition("## Rules without a vector")[2])
        assert excused != []
        assert index["rules"].keys() | set(index["rules_of_no_case"]) <= set(rulebook.rules())
        assert sorted(index["rules_of_no_case"]) == sorted(excused)

    def test_shows_what_breaks_each_rule_that_acts(self) -> None:
        """Each rule positively, and negatively: an engine that breaks it fails, or an event is refused by it."""
        index = json.loads((corpus.FOLDER / corpus.INDEX).read_text(encoding="utf-8"))
        refusing_rules = {check.rule for listed in CHECKS.values() for check in listed}
        assert set(index["rules"]) - index["mistakes"].keys() - refusing_rules == set()

    def test_shows_each_adjacent_pair_of_checks(self) -> None:
        """EVT-2: the last event of the case is refused with the first code; with its first fault fixed, the second."""
        names = {case.name for case in refusals.cases()}
        for kind, listed in CHECKS.items():
            for first, second in pairwise(listed):
                if (kind, first.code, second.code) in refusals.IMPOSSIBLE or kind == "trade":
                    continue
                assert f"{kind}-{first.code}-before-{second.code}".replace("_", "-") in names

    def test_refuses_at_the_last_step_what_its_name_says(self) -> None:
        for case in refusals.cases():
            vector = case.vector()
            *before, last = vector["steps"]
            assert all("accepted" in step["expect"] for step in before), case.name
            assert last["expect"]["refused"].replace("_", "-") in case.name, case.name
            assert last["rules"] == [vector["rules"][0]], case.name

    @pytest.mark.thorough
    def test_is_found_anew_the_same(self, tmp_path: Path) -> None:
        corpus.write(tmp_path, corpus.texts_by_path(corpus.cases()))
        for path in corpus.present(tmp_path) | corpus.present(corpus.FOLDER):
            assert (tmp_path / path).read_text() == (corpus.FOLDER / path).read_text(), path


# ------------------------------------------------------------------------------------------------- wrong engines


def test_a_wrong_engine_fails_with_the_case_and_the_field() -> None:
    with WRONG_ENGINES["X01"].applied():  # breached at equality
        failed = failures(model())
    (boundary,) = (one for one in failed if one.path == "small/boundaries/margin-at")
    assert boundary.difference is not None
    assert (boundary.difference.field, boundary.difference.ours) == ("positions.state", "healthy")
    assert boundary.rules[0] == "LIQ-3"


@pytest.mark.parametrize("number", WRONG_ENGINES)
def test_an_engine_that_makes_a_mistake_fails_its_case_at_the_last_step(number: str) -> None:
    """The catalogue of wrong engines is the measure of the corpus: `make conform` finds a case for each."""
    wrong = WRONG_ENGINES[number]
    (vector,) = (one for one in loaded() if (one["suite"], one["case"]) == (MISTAKES, name_of(wrong)))
    with wrong.applied():
        played = play(vector, model(), EVERYTHING)
    assert (played.outcome, played.step) == ("failed", len(vector["steps"]))
    assert (vector["title"], vector["rules"]) == (wrong.title, [wrong.rule])
    assert played.rules[0] == wrong.rule


@pytest.mark.parametrize("number", AT_SCALE)
def test_an_engine_that_is_wrong_from_some_size_on_fails_a_case_about_size_or_names(number: str) -> None:
    about = [vector for vector in loaded() if vector["suite"] in (scale.SUITE, related_names.SUITE)]
    shortest_first = sorted(about, key=lambda vector: len(vector["steps"]))
    with AT_SCALE[number].applied():
        assert any(play(vector, model(), EVERYTHING).outcome == "failed" for vector in shortest_first)


def test_every_mistake_is_one_of_a_wrong_engine() -> None:
    cases = {one["case"] for one in loaded() if one["suite"] == MISTAKES}
    assert cases == {name_of(wrong) for wrong in WRONG_ENGINES.values()}


# ------------------------------------------------------------------------------------------------------- staleness


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(corpus.FOLDER, tmp_path / "vectors")
    return tmp_path / "vectors"


class TestACorpusThatIsStale:
    def test_is_reported_case_by_case(self, copied: Path) -> None:
        changed, gone, added = sorted(corpus.present(copied))[:3]
        vector = json.loads((copied / changed).read_text())
        vector["steps"][-1]["observation"]["time"] = 77
        (copied / changed).write_text(to_text(vector))
        (copied / gone).unlink()
        shutil.copy(copied / added, copied / added.replace(".json", "-too.json"))
        with pytest.raises(ValueError, match=gone):
            list(corpus.stale(copied))
        shutil.copy(corpus.FOLDER / gone, copied / gone)
        another, where = corpus.stale(copied)
        assert another == f"{added.replace('.json', '-too.json')}: is not a case any more"
        assert where.startswith(f"{changed}: is not what the model does now, first in line ")
        assert '"time": 77' in where

    def test_is_one_whose_case_does_not_show_any_more_what_it_is_about(self, copied: Path) -> None:
        path = "small/boundaries/margin-at.json"
        vector = json.loads((copied / path).read_text())
        vector["steps"].pop()
        (copied / path).write_text(to_text(vector))
        assert f"{path}: does not show any more what it is about" in list(corpus.stale(copied))

    def test_lacks_a_case_that_its_index_does_not_have_either(self, copied: Path) -> None:
        path = next(one for one in sorted(corpus.present(copied)) if "/refusals/" in one)
        index = json.loads((copied / corpus.INDEX).read_text())
        index["cases"] = [entry for entry in index["cases"] if entry["path"] != path]
        (copied / corpus.INDEX).write_text(json.dumps(index))
        (copied / path).unlink()
        places = [one.partition(", first in ")[0] for one in corpus.stale(copied)]
        assert sorted(places) == sorted((f"{corpus.INDEX}: is not what the model does now", f"{path}: is missing"))

    def test_is_one_where_two_values_of_a_parameter_end_alike(self, copied: Path) -> None:
        one, other = (f"small/parameters/fee-rate.0-or-1-of-200.{value}.json" for value in ("0", "1-of-200"))
        alike = json.loads((copied / one).read_text())
        vector = {**json.loads((copied / other).read_text()), "config": alike["config"], "steps": alike["steps"]}
        (copied / other).write_text(to_text(vector))
        assert f"{other}: does not show any more what it is about" in list(corpus.stale(copied))

    def test_is_written_anew_without_touching_what_is_not_its_own(self, copied: Path) -> None:
        (copied / "README.md").write_text("mine")
        (copied / "small" / "mine.json").write_text("{}")
        corpus.write(copied, {"small/essential/one.json": "{}\n", corpus.INDEX: "{}\n"})
        assert corpus.present(copied) == {"small/essential/one.json"}
        assert (copied / "README.md").read_text() == "mine"
        assert (copied / "small" / "mine.json").exists()


# -------------------------------------------------------------------------------------------------------- the search


def test_the_search_finds_the_same_every_time() -> None:
    wanted = {"FIL-3", "LIQ-4"}
    found = [search(suites.search_space(), wanted, acting_rules, "test") for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].keys() == wanted
    assert all(len(run.events) <= 6 for run in found[0].values())


def search_little(patched: pytest.MonkeyPatch) -> None:
    """So few runs that a search takes seconds; what is rare is not found."""
    patched.setattr(searching, "RUNS", 1)
    patched.setattr(searching, "MORE", 4)
    patched.setattr(suites, "STEPS", 300)


@pytest.fixture
def few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    search_little(monkeypatch)


@pytest.mark.usefixtures("few_runs")
@pytest.mark.parametrize("task", ["transitions ranked pool", "boundaries", "essential"])
def test_a_searched_case_reaches_at_its_last_event_what_it_is_about(task: str) -> None:
    cases = suites.searched(task)
    assert cases
    for case in cases:
        met = [suites.goal_of(case) in goals for goals in reached(case.config, case.events, GOALS[case.suite])]
        assert met == [False] * (len(met) - 1) + [True], case.name


@pytest.mark.usefixtures("few_runs")
@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        ("liquidation.restore", None, {"factor": "3/2"}),
        ("backstop.measure", None, "tier"),
        ("mark.stale_ms", None, 1000),
        ("markets.*.modes", None, ["isolated"]),
    ],
)
def test_two_values_of_a_parameter_answer_the_same_events_otherwise(
    path: str, one: Any, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "PAIRS", ((path, one, other),))
    first, second = suites.searched("parameters")
    assert first.events == second.events
    assert json.dumps(other) in json.dumps(second.config)
    assert first.vector()["steps"][:-1] == second.vector()["steps"][:-1]
    assert first.vector()["steps"][-1] != second.vector()["steps"][-1]


@pytest.mark.usefixtures("few_runs")
def test_two_values_that_make_no_difference_have_no_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "PAIRS", (("liquidation.cooldown_ms", 30000, 30000),))
    assert suites.searched("parameters") == []


def test_numbers_are_made_plain_while_a_run_still_fails() -> None:
    def fails(candidate: FailingRun) -> FailingRun | None:
        return candidate if float(candidate.events[0]["amount"]) >= 350 else None

    found = minimise(FailingRun({}, [{"type": "deposit", "amount": "98765.4321", "time": 7}]), fails, PLAINER)
    assert found.events == [{"type": "deposit", "amount": "1000", "time": 1}]


def test_an_order_that_runs_to_its_end_meets_no_boundary_when_its_pool_recovers() -> None:
    """LIQ-4, LIQ-9: without stopping, a pool whose equity is its margin again stays in liquidation: not restored."""
    for stops, met in ((True, {"restore-at"}), (False, set[str]())):
        engine = working(liquidation={"stop_when_restored": stops})
        reached = boundaries_met(engine, {"type": "deposit", "account": "alice", "amount": "8"})
        assert {name for name in reached if name.startswith("restore")} == met


# ----------------------------------------------------------------------------------------------------- the command


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["vectors", *arguments])


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """A corpus written from so few runs that it takes seconds, in this process; it lacks what is rare."""
    folder = tmp_path_factory.mktemp("vectors")
    with pytest.MonkeyPatch.context() as patched:
        search_little(patched)
        patched.setattr(parallel, "available", lambda: 1)
        yield folder, invoke("generate", str(folder))


@pytest.mark.thorough
class TestGenerating:
    def test_writes_cases_of_every_suite_that_are_those_of_the_model(self, generated: tuple[Path, Any]) -> None:
        folder, done = generated
        assert done.exit_code == 0, done.output
        written = corpus.load(folder)
        assert f"{len(written)} cases" in done.stdout
        assert {vector["suite"] for vector in written} == set(SUITES)
        assert len({(vector["venue"], vector["suite"], vector["case"]) for vector in written}) == len(written)
        assert [one.path for one in play_all(written, model(), EVERYTHING) if one.outcome != "passed"] == []
        mistakes = {vector["case"] for vector in loaded() if vector["suite"] == MISTAKES}
        assert {vector["case"] for vector in written if vector["suite"] == MISTAKES} == mistakes

    def test_what_was_not_found_is_missing(self, generated: tuple[Path, Any]) -> None:
        folder, _ = generated
        done = invoke("check", str(folder))
        assert done.exit_code == 1
        assert {line.rpartition(": ")[2] for line in done.stdout.splitlines()[:-1]} == {"is missing"}
        assert f"regenerate the corpus: liqspec vectors generate {folder}" in done.stdout


class TestTheCommand:
    def test_plays_a_suite_to_a_process(self) -> None:
        done = invoke("run", "--suite", "essential", "--json", "--", *PYTHON_ENGINE)
        assert done.exit_code == 0, done.output
        answered = json.loads(done.stdout)
        assert (answered["conforms"], answered["engine"]) == (True, "python_engine 2.5.0")
        due = due_to(hello_of(PYTHON_ENGINE))
        assert answered["passed"] == sum(vector["suite"] == "essential" for vector in due)

    @pytest.mark.parametrize("language", ["python", "javascript", "c"])
    def test_the_engines_of_other_hands_pass_all(self, language: str, tmp_path: Path) -> None:
        if language == "c":
            command = foreign_engines.c_engine(tmp_path)
        else:
            command = getattr(foreign_engines, f"{language}_engine")()
        done = invoke("run", "--json", "--", *command)
        answered = json.loads(done.stdout)
        due = len(due_to(hello_of(command))) + len(corpus.load_conversations(corpus.FOLDER))
        assert (done.exit_code, answered["passed"]) == (0, due)

    def test_an_engine_with_a_bug_does_not(self) -> None:
        done = invoke("run", "--suite", "boundaries", "--", *foreign_engines.javascript_engine("wrong_engine.js"))
        assert done.exit_code == 1
        assert "LIQ-3" in done.stdout

    def test_reports_what_failed(self, copied: Path) -> None:
        path = copied / "small/boundaries/margin-at.json"
        vector = json.loads(path.read_text())
        vector["steps"][-1]["observation"]["positions"][0]["state"] = "liquidatable"
        path.write_text(to_text(vector))
        arguments = ("run", "--suite", "boundaries", "--directory", str(copied))
        done = invoke(*arguments, "--", *PYTHON_ENGINE)
        assert done.exit_code == 1
        assert "small/boundaries/margin-at" in done.stdout
        assert "positions.state: expected liquidatable, answered healthy" in done.stdout

    def test_checks(self, copied: Path) -> None:
        assert invoke("check", str(copied)).exit_code == 0
        case = copied / "small/boundaries/margin-at.json"
        case.write_text(case.read_text().replace("LIQ-3", "LIQ-4"))
        assert invoke("check", str(copied)).exit_code == 1

    @pytest.mark.parametrize(
        ("engine", "message", "status"),
        [
            (["/nowhere/engine"], "cannot be started", 2),
            ([sys.executable, "-c", "print('hello')"], "the engine printed garbage", 2),
            (
                [sys.executable, "-c", "import sys; sys.exit('out of order')"],
                "its standard error ends with: out of order",
                2,
            ),
            ([sys.executable, "-c", "print('{}')"], "the engine sent an invalid reply: hello", 2),
        ],
    )
    def test_reports_an_engine_that_is_none(self, engine: list[str], message: str, status: int) -> None:
        done = invoke("run", "--timeout", "1", "--", *engine)
        assert (done.exit_code, message in done.stderr) == (status, True), done.stderr

    def test_refuses_an_unknown_suite_and_a_folder_without_index(self, tmp_path: Path) -> None:
        assert invoke("run", "--suite", "none", "--", *PYTHON_ENGINE).exit_code == 2
        (tmp_path / "index.json").write_text("[]")
        with pytest.raises(ValueError, match="is not an index of vectors"):
            corpus.load(tmp_path)
        (tmp_path / "index.json").write_text('{"cases": [{"path": "one.json"}]}')
        (tmp_path / "one.json").write_text('{"steps": [{}]}')
        with pytest.raises(ValueError, match=r"one\.json: is not a vector: format: is missing"):
            corpus.load(tmp_path)
        for text_of_none in ("[]", '{"steps": 5}'):
            (tmp_path / "one.json").write_text(text_of_none)
            with pytest.raises(
                ValueError, match=r"one\.json: is not a vector: expected an object with a list of steps"
            ):
                corpus.load(tmp_path)
