"""`liqspec conform`: engines that follow the rules pass, and each other one is reported as exactly what it is."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from attrs import evolve
from typer.testing import CliRunner

from liqspec.cli.app import app
from liqspec.conform import configurations
from liqspec.conform.answers import of_this_process
from liqspec.conform.finding import EngineFault
from liqspec.conform.peer import Peer
from liqspec.conform.search import Budget, Search
from liqspec.conform.session import LiveEngine
from liqspec.core.parameters import FAMILIES
from liqspec.edge import files, schemas
from liqspec.spec.rulebook import rules
from support import foreign_engines
from support.commands import run_here
from support.in_process import Pausing
from support.paths import ENGINES, TESTS
from support.processes import lives

RIGHT = [sys.executable, str(ENGINES / "python_engine.py")]
MODEL = [sys.executable, "-c", "from liqspec.cli import main; main()", "oracle"]


def misbehaving(way: str, *arguments: str) -> list[str]:
    """The command of an engine that misbehaves in this way."""
    return [sys.executable, str(TESTS / "support" / "misbehaving_engine.py"), way, *arguments]


def conform(*options: str, engine: list[str], folder: Path | None = None) -> Any:
    """Run the command; what it saves goes to `folder`."""
    saving = [] if folder is None else ["--save", str(folder)]
    return CliRunner().invoke(app, ["conform", *options, *saving, "--", *engine])


def found(way: str, folder: Path, *arguments: str, steps: int = 200) -> dict[str, Any]:
    """What is found of a misbehaving engine, for machines; not made shorter, as each attempt starts a process."""
    engine = misbehaving(way, *arguments)
    ends = ("--malformed", "off") if way in ("does not take leave", "stays") else ()  # which come after all lines
    options = ("--steps", str(steps), "--timeout", "0.7", "--shrink", "0", "--json", *ends)
    done = conform(*options, engine=engine, folder=folder)
    assert done.exit_code == 1, done.output
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def flattened(text: str) -> str:
    """A text without its line ends."""
    return " ".join(text.split())


FAULTS = {
    "dies": ("died", "exit status 1"),
    "is killed": ("died", "ended by SIGKILL"),
    "dies before its child": ("died", "exit status 3"),
    "hangs": ("hung", "no reply within 0.7 s"),
    "half a line": ("died", "exit status 0"),
    "floods": ("flooded standard output", "more than"),
    "floods its log": ("flooded standard error", "more than"),
    "closes its output": ("closed its output", "still runs"),
    "prints garbage": ("printed garbage", "not JSON"),
    "prints a list": ("printed garbage", "expected an object"),
    "prints bytes": ("printed garbage", "not UTF-8"),
    "confesses": ("reported an internal defect", "assertion failed"),
    "says nothing of ok": ("sent an invalid reply", "ok"),
    "has no observation": ("sent an invalid reply", "observation"),
    "executes nothing known": ("sent an invalid reply", "executed[1]"),
    "observes a text": ("sent an invalid reply", "observation"),
    "refuses without a code": ("sent an invalid reply", "error: expected an object with a code"),
    "executes a number": ("sent an invalid reply", "executed: expected a list, got 3"),
    "executes a deposit": ("sent an invalid reply", "executed[1]: expected a fill or an order_done"),
    "does not take leave": ("sent an invalid reply", "bye: expected ok true"),
    "answers twice": ("answered without being asked", "came also"),
    "answers backwards": ("answered out of order", "the second first"),
}

if hasattr(signal, "SIGRTMIN"):
    FAULTS["is killed strangely"] = ("died", "ended by signal 50")


# What is wrong before anything can be compared; each with what its one line says.
NOT_STARTED = {
    "does not greet": "hello: expected ok true",
    "speaks protocol 2": "hello.protocol: expected 1, got 2",
    "observes the moon": 'hello.observes: unknown "moon"',
    "says no events": "hello.events: expected a list",
    "has strange states": "hello.states",
    "has a strange family": f'hello.families: unknown "addams"; there are {", ".join(sorted(FAMILIES))}',
    "has a bad venue": "hello.venue",
}


class TestMisbehaviour:
    """Engines that do something other than answer."""

    @pytest.mark.parametrize(("way", "kind", "message"), [(way, *data) for way, data in FAULTS.items()])
    def test_is_reported_as_what_it_is(self, way: str, kind: str, message: str, tmp_path: Path) -> None:
        began = time.monotonic()
        data = found(way, tmp_path)
        fault = data["finding"]["fault"]
        assert (fault["kind"], message in fault["message"]) == (kind, True), fault
        assert not data["conforms"]
        assert time.monotonic() - began < 20

    @pytest.mark.parametrize("way", NOT_STARTED)
    def test_one_that_cannot_be_compared_is_bad_usage(self, way: str) -> None:
        done = conform(engine=misbehaving(way))
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
        assert NOT_STARTED[way] in done.stderr

    def test_the_last_words_of_an_engine_are_shown(self, tmp_path: Path) -> None:
        done = conform("--steps", "50", "--shrink", "0", engine=misbehaving("dies"), folder=tmp_path)
        assert "the engine died: exit status 1" in done.stdout
        assert "a last word" in done.stdout

    def test_the_log_of_an_engine_that_confesses_is_kept(self, tmp_path: Path) -> None:
        assert "the stack of a defect" in found("confesses", tmp_path)["finding"]["fault"]["stderr"]

    def test_one_that_does_not_start_again_keeps_its_finding(self, tmp_path: Path) -> None:
        data = found("starts once", tmp_path, str(tmp_path / "lock"))["finding"]
        assert (data["fault"]["message"], len(data["events"])) == ("exit status 1", 2)
        assert "out of order" in data["fault"]["stderr"]

    def test_an_event_that_repeats_the_one_before_it_is_saved_too(self, tmp_path: Path) -> None:
        data = found("dies at a repetition", tmp_path, steps=3000)["finding"]
        assert data["events"][-1] == data["events"][-2]
        assert data["applied"] == data["events"]
        for file in ("counterexample.toml", "counterexample.json"):
            again = conform("--replay", str(tmp_path / file), engine=misbehaving("dies at a repetition"))
            assert (again.exit_code, "the engine died: exit status 7" in again.stdout) == (1, True), again.output

    @pytest.mark.parametrize("way", ["hangs", "dies before its child"])
    def test_nothing_is_left_of_an_engine_and_its_children(self, way: str, tmp_path: Path) -> None:
        data = found(way, tmp_path)
        child = re.search(r"child (\d+)", data["finding"]["fault"]["stderr"])
        assert child is not None
        deadline = time.monotonic() + 5
        while lives(int(child[1])) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not lives(int(child[1]))

    def test_one_that_does_not_end_is_reported_and_ended(self, tmp_path: Path) -> None:
        assert found("stays", tmp_path)["finding"]["fault"]["kind"] == "did not end"

    def test_one_that_is_not_deterministic_is_reported_as_that(self, tmp_path: Path) -> None:
        data = found("is moody", tmp_path, str(tmp_path / "once"))["finding"]
        assert data["kind"] == "not deterministic"
        assert "the same" in data["headline"]

    def test_of_one_that_is_not_deterministic_it_is_said_that_a_replay_may_not_show_it(self, tmp_path: Path) -> None:
        engine = misbehaving("is moody", str(tmp_path / "once"))
        done = conform("--steps", "200", "--shrink", "0", engine=engine, folder=tmp_path)
        assert "a replay may not show it: play it more than once" in done.stdout

    def test_one_that_skips_everything_was_not_compared(self, tmp_path: Path) -> None:
        data = found("skips", tmp_path)
        assert (data["finding"], data["exercised"]["steps"]) == (None, 0)
        assert {entry["why"] for entry in data["exercised"]["skipped"]} == {"not today"}

    @pytest.mark.parametrize(
        ("way", "why"), [("holds no configuration", "too wide"), ("skips at once", "no such venue")]
    )
    def test_one_that_cannot_hold_any_configuration_was_not_compared(self, way: str, why: str, tmp_path: Path) -> None:
        """AMT-1."""
        data = found(way, tmp_path)
        assert (data["finding"], data["exercised"]["steps"]) == (None, 0)
        assert {(entry["event"], entry["why"]) for entry in data["exercised"]["skipped"]} == {("reset", why)}

    def test_one_that_refuses_a_run_for_another_reason_is_wrong(self, tmp_path: Path) -> None:
        """CFG-1."""
        data = found("overfills at once", tmp_path)["finding"]
        assert (data["headline"], data["rules"]) == ("config: ours accepted, theirs overfill", ["CFG-1"])

    def test_a_process_that_has_ended_is_said_to_have_died(self) -> None:
        with Peer([sys.executable, "-c", "import sys; sys.exit('no more')"], timeout=5) as peer:
            while lives(peer.pid):
                time.sleep(0.02)
            with pytest.raises(EngineFault) as fault:
                peer.send(b"{}\n")
        assert (fault.value.fault.kind, fault.value.fault.stderr) == ("died", "no more\n")

    def test_a_process_that_talks_unasked_floods(self) -> None:
        code = "import sys; sys.stdout.write('and another thing ' * 20_000); sys.stdout.flush(); sys.stdin.read()"
        with Peer([sys.executable, "-c", code], timeout=5) as peer, pytest.raises(EngineFault) as fault:
            peer.expect_silence(5)
        assert fault.value.fault.kind == "flooded standard output"
        assert "without a request" in fault.value.fault.message

    def test_a_program_that_is_not_there_is_bad_usage(self) -> None:
        done = conform(engine=["./no-such-engine"])
        assert done.exit_code == 2
        assert done.stderr.count("\n") == 1
        assert "./no-such-engine: cannot be started" in done.stderr

    def test_a_process_that_does_not_read_is_no_deadlock(self) -> None:
        with Peer([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.3) as peer:
            with pytest.raises(Exception, match="did not read its request"):
                peer.send(b"x" * 10_000_000)
            pid = peer.pid
        assert not lives(pid)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_both_soon(self, number: signal.Signals, tmp_path: Path) -> None:
        log = tmp_path / "log"
        engine = f"import os, sys, runpy; open({str(log)!r}, 'w').write(str(os.getpid()))\n"
        engine += f"runpy.run_path({RIGHT[1]!r}, run_name='__main__')"
        arguments = ["conform", "--budget", "60", "--", sys.executable, "-c", engine]
        # SIGINT is ignored in what a shell starts in the background; here it must not be.
        code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        process = subprocess.Popen(
            [sys.executable, "-c", f"{code}from liqspec.cli import main; main()", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 20
        while not (log.exists() and log.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(number)
        _, errors = process.communicate(timeout=15)
        assert (process.returncode, "Traceback" in errors) == (130, False)
        assert not lives(int(log.read_text()))


class TestBoundedTime:
    """What is found is reported soon, however slow the engine is and whatever else is wrong with it."""

    @pytest.mark.parametrize(
        "engine", [Pausing(12, pause=0.005), Pausing(12, hung=2)], ids=["slow", "hangs in the second look"]
    )
    def test_a_shorter_run_is_not_looked_for_for_ever(self, engine: Pausing) -> None:
        hello = of_this_process()
        budget = Budget(steps=500, shrink_seconds=0.3)
        began = time.monotonic()
        search = Search(engine=engine, events=hello.events, setting=configurations.of(hello, None), budget=budget)
        outcome = search.run()
        assert outcome.finding is not None
        assert outcome.finding.kind in ("difference", "not deterministic")
        assert time.monotonic() - began < 5


@pytest.mark.usefixtures("without_the_protocols_suite")
class TestNegotiation:
    """What an engine says of itself is what it is compared in."""

    @pytest.mark.parametrize("way", ["is of the older sort", "observes nothing", "peace"])
    def test_one_that_reports_less_conforms_in_that(self, way: str) -> None:
        done = conform("--steps", "300", engine=misbehaving(way))
        assert done.exit_code == 0, done.output

    def test_one_that_knows_few_events_gets_no_others(self) -> None:
        done = conform("--steps", "150", "--json", engine=misbehaving("knows few events"))
        exercised = json.loads(done.stdout)["exercised"]
        assert set(exercised["events"]) <= {"deposit", "trade", "mark_price"}
        assert exercised["unsupported"]["block"]
        assert "accepted events: block" not in exercised["never"]

    @pytest.mark.parametrize(("way", "sent"), [("peace", True), ("has no families", False)])
    def test_a_family_is_sent_only_to_one_that_lists_it(self, way: str, sent: bool) -> None:
        done = conform("--steps", "600", "--json", engine=misbehaving(way))
        exercised = json.loads(done.stdout)["exercised"]
        assert done.exit_code == 0
        assert bool(exercised["families"].get("restore")) is sent
        assert "families: restore" not in exercised["never"]

    def test_one_that_lacks_the_family_of_a_venue_or_of_a_run_is_not_given_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        generic, venue = (files.ROOT / "venues/generic.toml").read_text(encoding="utf-8"), tmp_path / "restoring.toml"
        venue.write_text(generic.replace("[liquidation]\n", '[liquidation]\nrestore = { factor = "6/5" }\n'))
        vector = files.ROOT / "vectors/generic/essential/liq-15.json"
        for option in (["--venue", str(venue)], ["--replay", str(vector)]):
            for way, status in (("peace", 0), ("has no families", 2)):
                given = ["conform", *option, "--steps", "60", "--", *misbehaving(way)]
                assert run_here(monkeypatch, *given) == status
                printed = capsys.readouterr().err
                assert (
                    "liquidation.restore: is of the family restore, which the engine does not list" in printed
                ) is bool(status)

    def test_one_that_skips_some_events_conforms_in_the_others(self) -> None:
        done = conform("--steps", "600", "--json", engine=misbehaving("skips funding and fills"))
        exercised = json.loads(done.stdout)["exercised"]
        assert done.exit_code == 0, done.output
        assert {entry["event"] for entry in exercised["skipped"]} == {"funding", "fill"}
        assert exercised["events"].keys() & {"funding", "fill"} == set()

    def test_what_an_engine_executes_by_itself_is_followed(self) -> None:
        done = conform("--steps", "1500", "--json", engine=misbehaving("executes its orders"))
        exercised = json.loads(done.stdout)["exercised"]
        assert done.exit_code == 0, done.output
        assert exercised["executed"]["fill"] > 0
        assert exercised["transitions"]["T7"] > 0

    def test_an_execution_that_is_not_allowed_names_its_rule(self, tmp_path: Path) -> None:
        engine = misbehaving("executes too much")
        done = conform("--steps", "1500", "--json", engine=engine, folder=tmp_path)
        data = json.loads(done.stdout)["finding"]
        assert (done.exit_code, data["rules"][0]) == (1, "FIL-1")
        assert data["headline"] == "outcome: ours overfill, theirs accepted"
        assert len(data["applied"]) > len(data["events"])
        again = conform("--replay", str(tmp_path / "counterexample.toml"), engine=engine)
        assert (again.exit_code, data["headline"] in again.stdout) == (1, True)

    def test_one_that_supports_no_events_gets_what_is_none(self) -> None:
        done = conform("--steps", "400", "--json", engine=misbehaving("knows no events"))
        exercised = json.loads(done.stdout)["exercised"]
        assert exercised["events"] == {}
        assert set(exercised["refusals"]) == {"liquidate bad_request"}

    def test_one_that_closes_its_log_conforms(self) -> None:
        assert conform("--steps", "100", engine=misbehaving("closes its log")).exit_code == 0

    def test_a_budget_ends_in_time(self) -> None:
        began = time.monotonic()
        done = conform("--budget", "0.5", "--json", engine=RIGHT)
        assert (done.exit_code, json.loads(done.stdout)["exercised"]["steps"] > 0) == (0, True)
        assert time.monotonic() - began < 10

    def test_one_venue_is_left_as_it_is(self) -> None:
        oracle = [*MODEL, "--venue", "hyperliquid"]
        assert conform("--steps", "300", engine=oracle).exit_code == 0

    def test_the_engine_in_plain_python_conforms(self) -> None:
        assert conform("--steps", "1500", engine=foreign_engines.python_engine()).exit_code == 0

    def test_the_engine_in_javascript_conforms(self) -> None:
        assert conform("--steps", "1500", engine=foreign_engines.javascript_engine()).exit_code == 0

    def test_the_engine_in_c_conforms(self, tmp_path: Path) -> None:
        assert conform("--steps", "1500", engine=foreign_engines.c_engine(tmp_path)).exit_code == 0

    @pytest.mark.parametrize("steps", [1_000, pytest.param(1_000_000, marks=pytest.mark.thorough)])
    def test_the_model_conforms_to_itself(self, steps: int) -> None:
        done = conform("--steps", str(steps), "--json", engine=MODEL)
        data = json.loads(done.stdout)
        assert (done.exit_code, data["exercised"]["steps"] >= steps) == (0, True)
        assert steps < 100_000 or data["exercised"]["never"] == []


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, list[str]]:
    """The wrong engine of the tutorial: what is reported of it, and where it was saved."""
    folder, engine = tmp_path_factory.mktemp("wrong"), foreign_engines.javascript_engine("wrong_engine.js")
    report = folder / "conform.xml"
    return conform("--seed", "1", "--junit", str(report), engine=engine, folder=folder), folder, engine


@pytest.mark.usefixtures("without_the_protocols_suite")
class TestACounterexample:
    """What is reported and saved of an engine that breaks a rule."""

    def test_it_is_short_and_names_the_rule(self, wrong: tuple[Any, Path, list[str]]) -> None:
        done, *_ = wrong
        assert done.exit_code == 1
        assert "ours healthy, theirs liquidatable" in done.stdout
        assert re.search(r"\nafter [1-3] events?, shortened from ", done.stdout)
        assert flattened(rules()["LIQ-3"].title) in flattened(done.stdout)

    def test_the_vector_fits_its_schema_and_the_scenario_is_a_story(self, wrong: tuple[Any, Path, list[str]]) -> None:
        _, folder, _ = wrong
        vector = json.loads((folder / "counterexample.json").read_text())
        assert schemas.accepts("vector", vector)
        assert vector["rules"][0] == "LIQ-3"
        assert CliRunner().invoke(app, ["simulate", str(folder / "counterexample.toml")]).exit_code == 0

    @pytest.mark.parametrize("file", ["counterexample.toml", "counterexample.json"])
    def test_it_can_be_played_again(self, wrong: tuple[Any, Path, list[str]], file: str) -> None:
        done, folder, engine = wrong
        again = conform("--replay", str(folder / file), engine=engine)
        assert again.exit_code == 1
        headline = next(line for line in done.stdout.splitlines() if line.startswith("differs"))
        assert headline in again.stdout
        mended = conform("--replay", str(folder / file), engine=RIGHT)
        assert mended.exit_code == 0, mended.output

    def test_the_report_for_a_build_server_has_it(self, wrong: tuple[Any, Path, list[str]]) -> None:
        _, folder, _ = wrong
        root = ElementTree.parse(folder / "conform.xml").getroot()  # written by ourselves
        (failure,) = root.iter("failure")
        assert "theirs liquidatable" in failure.attrib["message"]
        assert "LIQ-3" in (failure.text or "")

    @pytest.mark.parametrize("option", ["--save", "--junit"])
    def test_what_cannot_be_written_is_reported_after_what_was_found(
        self, option: str, wrong: tuple[Any, Path, list[str]], tmp_path: Path
    ) -> None:
        *_, engine = wrong
        (tmp_path / "counterexample.toml").mkdir()  # as /dev/full, it can only be tried
        where = ["--junit", "/dev/full", "--save", str(tmp_path / "saved")]
        where = where if option == "--junit" else ["--save", str(tmp_path)]
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from liqspec.cli import main; main()",
                "conform",
                "--seed",
                "1",
                *where,
                "--",
                *engine,
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "ours healthy, theirs liquidatable" in done.stdout

    @pytest.mark.parametrize(
        ("option", "below", "why"),
        [
            ("--save", "file/below", "not a directory"),
            ("--junit", "file/below", "not a directory"),
        ],
    )
    def test_what_cannot_be_written_is_refused_before_anything_is_started(
        self, option: str, below: str, why: str, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_text("")
        done = conform(option, str(tmp_path / below), engine=["no-such-engine"])
        assert done.exit_code == 2
        assert f"{option} {tmp_path / below}: {why}" in done.output

    def test_the_same_seed_reports_the_same(self, wrong: tuple[Any, Path, list[str]], tmp_path: Path) -> None:
        _, _, engine = wrong
        first, second = (conform("--steps", "4000", "--json", engine=engine, folder=tmp_path) for _ in range(2))
        assert first.stdout == second.stdout

    def test_of_many_fields_that_differ_some_are_shown_and_the_others_counted(self, tmp_path: Path) -> None:
        options = ("--steps", "50", "--shrink", "0")
        shown = conform(*options, engine=misbehaving("dreams"), folder=tmp_path).stdout
        assert re.search(r"\nand \d+ more fields\n", shown)
        data = json.loads(conform(*options, "--json", engine=misbehaving("dreams"), folder=tmp_path).stdout)
        assert len(data["finding"]["reasons"]) > 5

    def test_less_is_compared_when_less_is_asked_for(self, tmp_path: Path) -> None:
        engine = misbehaving("observes a number")
        assert conform("--steps", "200", engine=engine, folder=tmp_path).exit_code == 1
        assert conform("--steps", "200", "--compare", "code", engine=engine, folder=tmp_path).exit_code == 0
        assert conform("--steps", "200", "--compare", "decision", engine=engine, folder=tmp_path).exit_code == 0


KNOWN = """
format = 1

[[known]]
why = "equality is a breach here"
field = "positions.state"
"""


@pytest.mark.usefixtures("without_the_protocols_suite")
class TestKnownDivergences:
    """`--known`."""

    def test_one_that_occurs_is_no_finding(self, wrong: tuple[Any, Path, list[str]], tmp_path: Path) -> None:
        *_, engine = wrong
        known = tmp_path / "known.toml"
        fields = ("positions.state", "pools.in_liquidation", "outcome", "positions.order")
        entries = "".join(f'[[known]]\nwhy = "equality"\nfield = "{field}"\n' for field in fields)
        known.write_text("format = 1\n" + entries)
        done = conform("--steps", "1500", "--seed", "3", "--json", "--known", str(known), engine=engine)
        data = json.loads(done.stdout)
        assert (done.exit_code, data["finding"]) == (0 if all(entry["times"] for entry in data["known"]) else 1, None)
        assert sum(entry["times"] for entry in data["known"]) > 0

    def test_one_is_no_finding_of_a_replay_either(self, wrong: tuple[Any, Path, list[str]], tmp_path: Path) -> None:
        _, folder, engine = wrong
        known = tmp_path / "known.toml"
        known.write_text(KNOWN + '[[known]]\nwhy = "another"\nfield = "time"\n')
        done = conform("--known", str(known), "--replay", str(folder / "counterexample.toml"), engine=engine)
        assert (done.exit_code, "known, 1 time" in done.stdout, "did not occur" in done.stdout) == (0, True, False)

    def test_one_that_does_not_occur_fails_the_run(self, tmp_path: Path) -> None:
        known = tmp_path / "known.toml"
        known.write_text(KNOWN)
        done = conform("--steps", "100", "--known", str(known), engine=RIGHT)
        assert done.exit_code == 1
        assert "known, but it did not occur: positions.state (equality is a breach here)" in done.stdout

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("format = 2\n", "format"),
            ("format = 1\nknown = 3\n", "known"),
            ('format = 1\n[[known]]\nfield = "x"\n', "why"),
            ('format = 1\n[[known]]\nfield = "x"\nwhy = " "\n', "why: must say something"),
            ("format = ", "malformed TOML"),
        ],
    )
    def test_a_malformed_list_is_bad_usage(
        self,
        text: str,
        message: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        known = tmp_path / "known.toml"
        known.write_text(text)
        assert message in bad_usage(["--known", str(known)], monkeypatch, capsys)


def bad_usage(options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which these options are refused."""
    status = run_here(monkeypatch, "conform", *options, "--", *RIGHT)
    line = capsys.readouterr().err
    assert (status, line.count("\n")) == (2, 1), line
    return line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "5", "--budget", "5"], "give one of them"),
        (["--tolerance", "pools.equity"], "expected FIELD=UNITS"),
        (["--tolerance", "pools.moon=1"], "pools.moon"),
        (["--tolerance", "pools.equity=much"], "much"),
        (["--tolerance", "positions.state=1"], "positions.state"),
        (["--venue", "atlantis"], "atlantis"),
        (["--replay", "nowhere.toml"], "nowhere.toml"),
        (["--replay", "nowhere.json"], "nowhere.json"),
    ],
)
def test_bad_usage_is_one_line(
    options: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in bad_usage(options, monkeypatch, capsys)


@pytest.mark.parametrize("text", ["[]", "{}", '{"steps": [3], "config": {}}', '{"steps": 3}', "nonsense"])
def test_a_file_that_is_no_vector_is_not_replayed(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vector = tmp_path / "vector.json"
    vector.write_text(text)
    assert "vector.json" in bad_usage(["--replay", str(vector)], monkeypatch, capsys)


def test_the_engine_in_plain_python_observes_everything() -> None:
    with LiveEngine(RIGHT, 5) as engine:
        assert engine.hello.observes_everything


@pytest.mark.parametrize(("families", "everything"), [((), True), (("restore",), True), (("mark",), False)])
def test_marks_are_part_of_everything_where_they_are_formed(families: tuple[str, ...], everything: bool) -> None:
    """MRK-8."""
    with LiveEngine(RIGHT, 5) as engine:
        hello = evolve(engine.hello, observes=engine.hello.observes - {"marks"}, families=frozenset(families))
    assert hello.observes_everything == everything
    assert not evolve(hello, observes=hello.observes - {"time"}).observes_everything


@pytest.mark.usefixtures("without_the_protocols_suite")
class TestTolerance:
    """`--tolerance`: an engine whose equities are off by an amount."""

    @pytest.mark.parametrize(("amount", "status"), [("0.4", 0), ("-0.5", 0), ("0.500001", 1)])
    def test_an_amount_within_it_is_no_difference(self, amount: str, status: int, tmp_path: Path) -> None:
        options = ("--steps", "100", "--shrink", "0", "--tolerance", "pools.equity=0.5", "--tolerance")
        done = conform(*options, "vault.equity=0.5", "--json", engine=misbehaving("is off by", amount), folder=tmp_path)
        assert done.exit_code == status, done.output
        if status:
            assert "pools.equity" in json.loads(done.stdout)["finding"]["headline"]

    def test_without_one_every_unit_counts(self, tmp_path: Path) -> None:
        done = conform("--steps", "100", "--shrink", "0", engine=misbehaving("is off by", "0.000001"), folder=tmp_path)
        assert done.exit_code == 1


@pytest.mark.usefixtures("without_the_protocols_suite")
class TestTheReport:
    """`--json` and `--junit`."""

    def test_for_machines_has_all_that_people_are_shown(
        self, wrong: tuple[Any, Path, list[str]], tmp_path: Path
    ) -> None:
        *_, engine = wrong
        done = conform("--steps", "2000", "--shrink", "0", "--json", engine=engine, folder=tmp_path)
        data = json.loads(done.stdout)
        verdict = {"conforms", "interrupted", "unchecked"}
        assert data.keys() == verdict | {"engine", "finding", "saved", "known", "exercised"}
        found = data["finding"]
        assert found["rules"] == found["reasons"][0]["rules"]
        assert "LIQ-3" in found["rules"]
        assert found["found_events"] == len(found["events"]) > 3  # as it was found
        assert found["config"]["accounts"]
        assert {Path(data["saved"][kind]).parent for kind in ("scenario", "vector")} == {tmp_path}
        assert data["exercised"]["steps"] > 0

    def test_for_a_build_server_passes_when_the_engine_does(self, tmp_path: Path) -> None:
        report = tmp_path / "conform.xml"
        assert conform("--steps", "100", "--junit", str(report), engine=RIGHT).exit_code == 0
        root = ElementTree.parse(report).getroot()
        assert next(case.attrib["name"] for case in root.iter("testcase")) == "python_engine 2.5.0 conforms"
        assert list(root.iter("failure")) == []
        assert any("never reached" in skipped.attrib["message"] for skipped in root.iter("skipped"))

    def test_for_a_build_server_reports_a_fault_and_a_divergence_that_could_not_occur(self, tmp_path: Path) -> None:
        report, known = tmp_path / "conform.xml", tmp_path / "known.toml"
        known.write_text(KNOWN)
        options = ("--steps", "50", "--shrink", "0", "--known", str(known), "--junit", str(report))
        assert conform(*options, engine=misbehaving("confesses"), folder=tmp_path).exit_code == 1
        messages = [failure.attrib["message"] for failure in ElementTree.parse(report).getroot().iter("failure")]
        assert "assertion failed" in messages[0]
        assert len(messages) == 1
        assert "could not occur yet" in report.read_text()

    def test_for_a_build_server_fails_when_nothing_was_compared(self, tmp_path: Path) -> None:
        report = tmp_path / "conform.xml"
        assert conform("--steps", "50", "--junit", str(report), engine=misbehaving("skips")).exit_code == 1
        (failure,) = ElementTree.parse(report).getroot().iter("failure")
        assert failure.attrib["message"] == "nothing was compared"
