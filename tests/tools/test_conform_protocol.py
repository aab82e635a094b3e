"""`liqspec conform` on the protocol itself: raw lines, resets that do not forget, the end of a conversation."""

import io
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from liqspec.cli.app import app
from liqspec.conform import saved, start_up
from liqspec.conform.configurations import shipped
from liqspec.conform.finding import Fault, FaultKind
from liqspec.conform.lockstep import OF_SHAPE
from liqspec.conform.oracle import Oracle
from liqspec.conform.protocol import lines, requests
from liqspec.conform.protocol.invalid_configurations import invalid_configurations
from liqspec.conform.protocol.odd_configurations import odd_configurations
from liqspec.conform.protocol.requests import CLOSE
from liqspec.conform.protocol.suite import PARTS
from liqspec.conform.search import Budget, Search
from liqspec.conform.session import LiveEngine
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EVENTS
from liqspec.core.parameters import FAMILIES, PARAMETERS, families_of
from liqspec.edge.files import UnreadableFile
from liqspec.edge.protocol import MAX_LINE
from liqspec.search.campaign import seeded
from support.every_field import CONFIG
from support.paths import ROOT, TESTS

DEPOSIT = {"type": "deposit", "account": "alice", "amount": "1"}


def wrong(way: str, **hello: Any) -> list[str]:
    """The command of an engine that is wrong in this way, and says this of itself too."""
    script = str(TESTS / "support" / "wrong_protocol_engine.py")
    return [sys.executable, script, way, *([json.dumps(hello)] if hello else [])]


def conform(*options: str) -> Any:
    """Run the command."""
    return CliRunner().invoke(app, ["conform", *options])


class TestTheLines:
    """The list, against the model."""

    def test_each_that_must_be_refused_is(self) -> None:
        served = asked()
        for topic, line in lines.refused(CONFIG, EVENTS):
            reply = json.loads(served.reply(line[: MAX_LINE + 1]))
            assert reply.get("error", {}).get("code") == "bad_request", (topic, line[:200])
            assert b"\n" not in line

    def test_each_that_must_be_accepted_is(self) -> None:
        served = asked()
        for topic, line in lines.accepted(CONFIG, DEPOSIT, EVENTS):
            assert json.loads(served.reply(line[: MAX_LINE + 1]))["ok"], (topic, line[:200])

    def test_each_that_is_nearly_malformed_is_not(self) -> None:
        served, codes = asked(), set()
        for topic, line in lines.well_formed(CONFIG, EVENTS):
            reply = json.loads(served.reply(line))
            codes.add(reply.get("error", {}).get("code"))
            assert "bad_request" not in codes, (topic, line[:200])
        assert {None, "unknown_account", "unknown_market", "not_positive"} <= codes

    def test_each_thing_that_no_string_has_is_in_names_of_some_event(self) -> None:
        """Elsewhere a line is refused for another reason too: only a name may be any other text."""
        for topic, parts in (("an unpaired surrogate", lines._HALVES), (CONTROL, lines._CONTROLS)):
            sent = b"".join(line for named, line in lines.refused(CONFIG, EVENTS) if named == topic)
            for part in parts:
                assert any(b'"account":"' + name.encode() + part + b'"' in sent for name in CONFIG["accounts"]), part

    def test_an_event_that_is_not_supported_is_not_among_them(self) -> None:
        sent = [line for _, line in (*lines.refused(CONFIG, ["deposit"]), *lines.well_formed(CONFIG, ["deposit"]))]
        assert [line for line in sent if b'"type":"order_done"' in line] == []

    @pytest.mark.parametrize("families", [FAMILIES, frozenset[str]()])
    def test_each_configuration_is_invalid(self, families: frozenset[str]) -> None:
        """CFG-1 to CFG-3, in every parameter of the families."""
        paths, unpriced = set(), list[str]()
        for path, config in invalid_configurations(CONFIG, families):
            paths.add(path)
            if path == "liquidation" and isinstance(config[path], dict) and config[path].get("market_attempt") is False:
                unpriced.append(json.dumps(config[path].get("order_price", "")))
            with pytest.raises(ValueError):
                Engine(Config.from_json(config))
        assert ("liquidation.restore" in paths, "mark.stale_ms" in paths) == (bool(families), bool(families))
        assert any("band" in price for price in unpriced) == any("bankruptcy" in price for price in unpriced)
        assert any("band" in price for price in unpriced) == bool(families)
        assert {"config", "accounts", "marks.A", "markets.A.tiers.0.above", "backstop.threshold"} <= paths

    @pytest.mark.parametrize("families", [FAMILIES, *(frozenset({one}) for one in sorted(FAMILIES))])
    def test_an_odd_configuration_is_of_the_families_of_the_engine(self, families: frozenset[str]) -> None:
        """An engine gets no parameter that it does not list (protocol, `families`)."""
        config = shipped(families).config(0, seeded("odd", 0))
        for what, odd in odd_configurations(config, families):
            assert families_of(odd).keys() <= families, what

    @pytest.mark.parametrize("families", [FAMILIES, frozenset[str]()])
    def test_each_odd_configuration_is_valid(self, families: frozenset[str]) -> None:
        """CFG-1, CFG-2: around each kind of configuration, with all that can say what holds anyway."""
        seen = set()
        for number in range(20):
            config = shipped(families).config(number, seeded("odd", number))
            for what, odd in odd_configurations(config, families):
                seen.add(what)
                venue, plain = (Engine(Config.from_json(one)).venue for one in (odd, config))
                assert json.dumps(odd) != json.dumps(config)
                if what in ("the order of fields", "how rates are written", "the defaults"):
                    assert venue.backstop_threshold == plain.backstop_threshold
        idle = {entry.path for entry in PARAMETERS if entry.idle_with and entry.family in families}
        assert idle <= seen


def asked() -> Oracle:
    """The model over the protocol, in a run."""
    served = Oracle(io.StringIO())
    assert json.loads(served.reply(json.dumps({"op": "reset", "config": CONFIG}).encode()))["ok"]
    return served


CONTROL = "a control character in a string"
FOUND = {
    "accepts a repeated key": "a repeated key, once spelled with an escape: ours bad_request",
    "accepts an unpaired surrogate": "an unpaired surrogate: ours bad_request, theirs ",
    "accepts an unpaired surrogate in a key": "an unpaired surrogate: ours bad_request, theirs ",
    "reads a name up to a zero": "outcome: ours unknown_account",
    "accepts a control character": "a control character in a string: ours bad_request, theirs ",
    "composes names that it does not know": "outcome: ours unknown_",
    "refuses a rate of -0": "a valid configuration, liquidation.fee_rate: ours accepted, theirs bad_request",
    "refuses all as a share": "a valid configuration, liquidation.partial_fraction: ours accepted, theirs bad_",
    "counts a minus as a digit": "theirs bad_request",
    "accepts 1.0": "ours bad_request, theirs ",
    "accepts NaN": "ours bad_request, theirs ",
    "refuses 2^53 - 1": "outcome: ours accepted, theirs bad_request",
    "refuses amounts of 78 digits": "outcome: ours accepted, theirs bad_request",
    "refuses decimals of 78 digits": "outcome: ours accepted, theirs bad_request",
    "refuses a least order of 0": "a valid configuration, liquidation.min_order_notional: ours accepted, theirs bad_",
    "refuses long names of other planes": "a valid configuration, names of 128 from U+1D401",
    "accepts a byte order mark": "a byte order mark: ours bad_request, theirs accepted",
    "accepts an id": "an unknown field: ours bad_request, theirs ",
    "refuses an escaped slash": "an escape: ours accepted, theirs bad_request",
    "takes no character in two parts": "a long line: ours accepted, theirs bad_request",
    "accepts U+2065 in a name": "an invalid configuration, accounts: ours bad_request, theirs accepted",
    "finds a method in place of an account": "outcome: ours unknown_account, theirs ",
    "looks for the account before other fields": "outcome: ours bad_request, theirs unknown_account",
    "refuses a factor above 10": "a valid configuration, liquidation.restore: ours accepted, theirs bad_",
    "keeps the cash": "vault.cash: ours ",
    "keeps the time": "time: ours ",
    "counts runs": "block: ours ",
    "forgets at a hello": "outcome: ours accepted, theirs bad_request",
    "drops the run": "outcome: ours accepted, theirs bad_request",
    "reopens settled markets": "outcome: ours market_settled, theirs accepted",
    "takes no line of 1 MiB": "a line of exactly 1 MiB: ours accepted, theirs bad_request",
    "dies of a long line": "the engine died: exit status 3",
    "ends with status 4": "the engine died: exit status 4",
    "reads on after its bye": "the engine did not end: 1 s after its `bye`",
    "loses a last line": "the engine died: exit status 0",
    "stays when its input ends": "s after the end of its input",
}


QUICK = (
    "accepts a control character",
    "composes names that it does not know",
    "refuses a rate of -0",
    "refuses long names of other planes",
    "refuses a least order of 0",
    "forgets at a hello",
    "reopens settled markets",
    "refuses amounts of 78 digits",
    "ends with status 4",
)


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=[] if way in QUICK else [pytest.mark.thorough]) for way in FOUND]
)
def test_a_default_comparison_finds_it_and_its_command_shows_it_again(way: str, tmp_path: Path) -> None:
    options = ("--steps", "400", "--timeout", "1", "--shrink", "20", "--processes", "1")  # some tries wait for an end
    done = conform(*options, "--save", str(tmp_path), "--", *wrong(way))
    assert (done.exit_code, FOUND[way] in done.stdout.replace("\n", " ")) == (1, True), done.stdout
    (replay,) = (line for line in done.stdout.splitlines() if line.startswith("replay it:"))
    again = conform(*shlex.split(replay.partition("liqspec conform ")[2]))
    assert (again.exit_code, FOUND[way].partition("ours")[2] in again.stdout) == (1, True), again.stdout
    kept = requests.load(tmp_path / "counterexample.jsonl")
    assert len(kept) <= 4 or way in ("keeps the cash", "keeps the time", "counts runs")  # which need other runs


class TestMalformedInputIsOptional:
    """`--malformed off`, and `"validates": false` in hello."""

    @pytest.mark.parametrize("how", ["option", "hello"])
    def test_nothing_malformed_is_sent_to_an_engine_that_does_not_check(self, how: str) -> None:
        engine = wrong("accepts NaN") if how == "option" else wrong("accepts NaN", validates=False)
        options = ("--malformed", "off") if how == "option" else ()
        done = conform("--steps", "400", "--json", *options, "--processes", "1", "--", *engine)
        exercised = json.loads(done.stdout)["exercised"]
        assert done.exit_code == 0, done.stdout
        assert {code.split()[1] for code in exercised["refusals"]} & {"bad_request", "off_grid"} == set()
        assert [name for name in exercised["never"] if name.endswith(("bad_request", "off_grid"))] == []
        assert any(code.endswith("insufficient_margin") for code in exercised["refusals"])

    def test_events_that_the_rules_decide_come_first(self) -> None:
        with LiveEngine(wrong(""), 5) as live:
            hello = live.hello
            budget = Budget(steps=400)
            setting = shipped(hello.families)
            search = Search(engine=live, events=hello.events, setting=setting, budget=budget)
            blocks = list(search._blocks())
            coverage = [search.block(block).coverage for block in blocks if block.runs]
        assert [block.malformed for block in blocks] == [False, *[True] * PARTS, True]
        assert [sum(length for _, length in block.runs) for block in blocks] == [320, *[0] * PARTS, 80]
        shape = [sum(one.codes[code] for code in OF_SHAPE) for one in coverage]
        assert (shape[0], shape[1] > 0) == (0, True)

    def test_a_validates_that_is_not_a_flag_is_named(self) -> None:
        done = conform("--", *wrong("", validates="no"))
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert 'hello.validates: expected true or false, got "no"; for example: "validates":true' in done.stderr


class TestTheFile:
    """A conversation in a file."""

    SENT = (
        b'{"op":"hello","protocol":1}\n',
        b'{"op":"bye","op":"bye"}\n',
        b"\r\n",
        b"\n",
        b"{\xff}\n",
        b'{"\\u006fp":"bye"}\r\n',
        b'{"op":"bye"}',
        CLOSE,
    )

    def test_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        path = tmp_path / "requests.jsonl"
        path.write_text(requests.to_text(self.SENT), encoding="utf-8")
        assert requests.load(path) == list(self.SENT)
        assert all(isinstance(json.loads(line), dict) for line in path.read_text().splitlines())
        assert saved.load(path) == list(self.SENT)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"op":"bye"}\n[]', "line 2: expected a request, or an object with"),
            ('{"line":"a","bytes":"00"}', "line 1: expected a request, or an object with"),
            ('{"line":3}', "line 1: expected a text without line feeds, got 3"),
            ('{"line":"","line_feed":true}', "line 1: expected a text without line feeds"),
            ('{"bytes":"0"}', "line 1: "),
            ('{"close":true}\n{"op":"bye"}', "line 2: nothing can be sent when standard input is closed"),
            ("{", "line 1: "),
        ],
    )
    def test_is_refused_with_its_line(self, text: str, message: str, tmp_path: Path) -> None:
        path = tmp_path / "requests.jsonl"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UnreadableFile, match=r"requests\.jsonl: ") as refused:
            requests.load(path)
        assert message in str(refused.value)

    def test_the_example_of_the_page_is_played(self, tmp_path: Path) -> None:
        page = (ROOT / "spec" / "protocol.md").read_text(encoding="utf-8")
        (example,) = (block for block in page.split("```") if '\n{"bytes":"' in block)
        path = tmp_path / "requests.jsonl"
        path.write_text(example.strip(), encoding="utf-8")
        assert len(requests.load(path)) == 4
        done = conform("--replay", str(path), "--", *wrong(""))
        assert done.exit_code == 0, done.output


class TestSeveralFindings:
    """`--all`, `--processes`, and an interruption."""

    def test_each_defect_is_reported_once_and_saved(self, tmp_path: Path) -> None:
        options = ("--all", "--steps", "600", "--shrink", "2", "--save", str(tmp_path), "--json")
        done = conform(*options, "--processes", "1", "--", *wrong("accepts 1.0"))
        data = json.loads(done.stdout)
        listed = data["findings"]
        assert (done.exit_code, data["finding"]) == (1, listed[0])
        kinds = [(one["kind"], one["rules"][0], one["headline"]) for one in listed]
        assert len(set(kinds)) == len(kinds) > 1
        numbers = {int(path.stem.rpartition("-")[2]) for path in tmp_path.iterdir()}
        assert numbers == set(range(1, len(listed) + 1))
        short = ("--all", "--steps", "200", "--shrink", "1", "--processes", "1")
        shown = conform(*short, "--save", str(tmp_path), "--", *wrong("accepts 1.0")).stdout
        assert "shortest" in shown

    @pytest.mark.thorough
    def test_the_outcome_is_the_same_on_any_number_of_processes(self, tmp_path: Path) -> None:
        engine = [sys.executable, str(TESTS / "support" / "misbehaving_engine.py"), "is off by", "0.5"]
        options = (
            "--steps",
            "1600",
            "--shrink",
            "0",
            "--json",
            "--tolerance",
            "pools.equity=0.5",
            "--save",
            str(tmp_path),
        )
        one, two = (conform(*options, "--processes", str(count), "--", *engine) for count in (1, 2))
        assert (one.exit_code, one.stdout) == (two.exit_code, two.stdout)
        right = ("--steps", "1600", "--json", "--processes")
        one, two = (conform(*right, str(count), "--", *wrong("")) for count in (1, 2))
        assert (one.exit_code, one.stdout) == (0, two.stdout)


class TestStartUp:
    """What cannot be started, with the likely remedy in one line."""

    @pytest.mark.parametrize(
        ("code", "remedy"),
        [
            ("print('starting up', flush=True); input()", "(it printed: starting up); only replies may go to standard"),
            (
                "import sys; sys.exit('no licence')",
                "before it answered `hello`; its standard error ends with: no licence",
            ),
            ('print(\'{"ok":true,"protocol":1}\', flush=True); input()', 'for example: "states":"full"'),
        ],
    )
    def test_is_bad_usage_with_a_remedy(self, code: str, remedy: str) -> None:
        done = conform("--", sys.executable, "-c", code)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
        assert remedy in done.stderr

    @pytest.mark.parametrize("kind", ["printed garbage", "answered without being asked"])
    def test_a_log_on_standard_output_has_its_remedy_whenever_it_comes(self, kind: FaultKind) -> None:
        said = start_up.explained(Fault(kind=kind, message="it", stdout="starting up\nready\n"))
        assert "(it printed: starting up); only replies may go to standard output" in said

    def test_an_engine_that_keeps_its_reply_is_advised_to_flush(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("liqspec.conform.session.START", 0.5)
        monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
        code = "import sys, time; sys.stdin.readline(); print('{}'); time.sleep(9)"
        done = conform("--timeout", "0.5", "--", sys.executable, "-c", code)
        assert (done.exit_code, "flush standard output after each line" in done.stderr) == (2, True)

    def test_a_file_that_cannot_be_executed_is_bad_usage(self, tmp_path: Path) -> None:
        (tmp_path / "engine").write_text("")
        done = conform("--", str(tmp_path / "engine"))
        assert (done.exit_code, "cannot be started: permission denied" in done.stderr) == (2, True)
