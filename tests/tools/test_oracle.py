"""The oracle answers every line once, in order, changes nothing by mistake, and ends only on request."""

import copy
import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversaries.wrong_engines.search import BASES
from engines import python_engine
from liqspec.conform import oracle
from liqspec.conform.oracle import Oracle
from liqspec.core import events
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.parameters import FAMILIES
from liqspec.edge import files, protocol
from liqspec.edge.files import rules_version
from liqspec.generate import Guide
from liqspec.generate.configurations import configuration
from liqspec.spec import observables, venues
from support.builders import small_config
from support.request_lines import BAD_LINES, EVENT, HELLO, fuzzed, request

Reply = dict[str, Any]
RESET = request("reset", config=small_config())


def conversation(**options: Any) -> Callable[[bytes], Reply]:
    """A conversation in this process: from a line to its reply. Nothing may be logged in it."""
    log = io.StringIO()
    served = Oracle(log, **options)

    def ask(line: bytes) -> Reply:
        reply = served.reply(line)
        assert reply.endswith(b"\n") and reply.count(b"\n") == 1
        assert log.getvalue() == ""
        read: Reply = json.loads(reply)
        return read

    return ask


class TestReplies:
    def test_hello_reports_what_the_oracle_is_and_observes(self) -> None:
        reply = conversation()(HELLO)
        assert reply["ok"] and reply["protocol"] == protocol.PROTOCOL
        assert reply["engine"].startswith("liqspec ")
        assert reply["observes"] == list(observables.names())
        assert (reply["states"], reply["events"]) == ("full", list(events.EVENTS))
        assert reply["rules"] == rules_version()
        assert reply["families"] == sorted(FAMILIES)
        assert "venue" not in reply

    def test_a_run_is_that_of_the_engine(self) -> None:
        """OBS-1, EVT-3: observations, refusals and effects are the model's own."""
        random = Random(7)
        for base in BASES:
            config = configuration(random, base)
            engine, ask = Engine(Config.from_json(config)), conversation()
            assert ask(request("reset", config=config)) == {"ok": True, "observation": engine.observe()}
            guide = Guide(random, engine)
            for _ in range(200):
                event = guide.next_event()
                reply = ask(request("apply", event=event))
                outcome = apply_event(engine, event)
                if outcome.refusal is not None:
                    assert not reply["ok"]
                    assert reply["error"] == {**outcome.refusal.to_json(), "message": outcome.refusal.message}
                else:
                    assert reply["ok"]
                    assert reply["observation"] == engine.observe()
                    assert [effect["rule"] for effect in reply["effects"]] == [
                        effect.rule for effect in outcome.effects
                    ]

    def test_a_reset_forgets_the_run_before_and_a_wrong_one_does_not(self) -> None:
        ask = conversation()
        first = ask(RESET)
        changed = ask(request("apply", event={"type": "deposit", "account": "alice", "amount": "5"}))
        assert changed["observation"] != first["observation"]
        wrong = ask(request("reset", config=small_config(accounts=[])))
        assert wrong["error"]["code"] == "bad_request"
        assert "accounts" in wrong["error"]["message"]
        again = ask(request("apply", event={"type": "vault_cash", "amount": "1"}))
        assert again["observation"]["pools"][0]["collateral"] == "5"
        assert ask(RESET) == first
        anew = ask(request("apply", event={"type": "vault_cash", "amount": "1"}))
        assert anew["observation"]["pools"] == first["observation"]["pools"]

    def test_there_is_no_run_before_the_first_reset(self) -> None:
        reply = conversation()(request("apply", event=EVENT))
        assert reply == {
            "ok": False,
            "error": {"code": "bad_request", "message": "apply before reset: there is no run yet"},
        }

    def test_effects_can_be_left_out(self) -> None:
        ask = conversation(with_effects=False)
        ask(RESET)
        assert "effects" not in ask(request("apply", event=EVENT))

    @pytest.mark.parametrize("name", BAD_LINES)
    def test_a_bad_line_is_refused_and_changes_nothing(self, name: str) -> None:
        line, said = BAD_LINES[name]
        ask = conversation()
        ask(RESET)
        reply = ask(line[: protocol.MAX_LINE + 1])  # as the reader of lines gives it
        assert reply["ok"] is False
        assert reply["error"]["code"] == "bad_request"
        assert said in reply["error"]["message"]
        assert len(reply["error"]["message"]) < 2_500
        probe = ask(request("apply", event={"type": "vault_cash", "amount": "1"}))
        assert probe["observation"]["vault"]["cash"] == "5001"

    def test_an_event_that_is_refused_for_a_huge_value_is_refused_in_few_words(self) -> None:
        ask = conversation()
        ask(RESET)
        reply = ask(request("apply", event={"type": "deposit", "account": "x" * 500_000, "amount": "1"}))
        assert reply["error"]["code"] == "unknown_account"
        assert len(json.dumps(reply)) < 1_500

    def test_a_defect_of_the_model_costs_the_run_and_not_the_conversation(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = io.StringIO()
        served = Oracle(log)
        served.reply(RESET)
        with monkeypatch.context() as patched:
            patched.setattr(Engine, "apply", lambda *_: 1 / 0)
            reply = json.loads(served.reply(request("apply", event=EVENT)))
        assert reply["error"]["code"] == oracle.INTERNAL_ERROR
        assert "ZeroDivisionError" in log.getvalue()
        assert json.loads(served.reply(request("apply", event=EVENT)))["error"]["code"] == "bad_request"
        assert json.loads(served.reply(RESET))["ok"]

    @given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([RESET, HELLO, request("apply", event=EVENT)]))))
    @settings(max_examples=150, deadline=None)
    def test_every_line_gets_one_reply(self, lines: list[bytes]) -> None:
        ask = conversation()
        for line in lines:
            reply = ask(line)
            assert reply["ok"] is True or set(reply) == {"ok", "error"}

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=8,
    )

    @given(st.sampled_from(["event", "config", "protocol", "op", "extra"]), JSON, st.randoms(use_true_random=False))
    @settings(max_examples=80, deadline=None)
    def test_every_value_anywhere_gets_one_reply(self, place: str, value: Any, random: Random) -> None:
        ask = conversation()
        engine = Engine(Config.from_json(small_config()))
        ask(RESET)
        event: Any = Guide(random, engine).next_event()
        config: Any = copy.deepcopy(small_config())
        if place == "event" and random.random() < 0.8:
            event = {**event, random.choice([*event, "extra"]): value}
        elif place == "config" and random.random() < 0.8:
            config[random.choice([*config, "liquidation"])] = value
        message = {"op": "apply", "event": event} if place == "event" else {"op": "reset", "config": config}
        if place in ("protocol", "op", "extra"):
            message[place] = value
        reply = ask(json.dumps(message).encode())
        assert isinstance(reply["ok"], bool)


class TestAFixedVenue:
    VENUE = venues.load("generic")

    def config(self, **changes: Any) -> dict[str, Any]:
        given = {**oracle.rule_set(self.VENUE), **changes}
        given.setdefault("marks", dict.fromkeys(given["markets"], "50000"))
        return {"accounts": ["alice"], **given}

    def test_is_reported_in_hello_as_a_configuration_without_a_run(self) -> None:
        """CFG-4."""
        rule_set = conversation(venue=self.VENUE)(HELLO)["venue"]
        assert set(rule_set) == {"quote_unit", "markets", "liquidation", "backstop"}
        run = {"accounts": ["alice"], "marks": dict.fromkeys(rule_set["markets"], "50000")}
        assert Engine(Config.from_json({**rule_set, **run}))

    def test_runs_its_own_rules_however_they_are_written_and_with_fewer_markets(self) -> None:
        ask = conversation(venue=self.VENUE)
        assert ask(request("reset", config=self.config()))["ok"]
        assert ask(request("reset", config=self.config(quote_unit="0.0000010")))["ok"]
        only = {"BTC": oracle.rule_set(self.VENUE)["markets"]["BTC"]}
        assert ask(request("reset", config=self.config(markets=only)))["ok"]

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"backstop": {"threshold": "1/2"}}, "config: backstop.threshold: is "),
            ({"liquidation": {"cooldown_ms": 7}}, "config: liquidation."),
            ({"quote_unit": "0.01"}, "config: quote_unit: is "),
            (
                {"markets": {"X": oracle.rule_set(VENUE)["markets"]["BTC"]}},
                "config: markets.X: not a market of generic",
            ),
        ],
    )
    def test_refuses_other_rules(self, changes: dict[str, Any], said: str) -> None:
        reply = conversation(venue=self.VENUE)(request("reset", config=self.config(**changes)))
        assert reply["error"]["message"].startswith(said)


class TestLines:
    @given(
        st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"").rstrip(b"\r"))), st.integers(5, 20)
    )
    def test_come_one_by_one_and_never_longer_than_they_may(self, written: list[bytes], most: int) -> None:
        read = list(protocol.lines(io.BytesIO(b"".join(line + b"\n" for line in written)), most))
        assert len(read) == len(written)
        for line, meant in zip(read, written, strict=True):
            assert line == meant[: most + 1]

    def test_a_last_line_without_an_end_is_a_line(self) -> None:
        assert list(protocol.lines(io.BytesIO(b"a\nb"))) == [b"a", b"b"]

    def test_a_long_line_is_not_held(self) -> None:
        """The reader asks its stream for pieces only."""
        asked = []

        class Watched(io.BytesIO):
            def readline(self, size: int | None = -1, /) -> bytes:
                asked.append(size)
                return super().readline(size)

        assert [len(line) for line in protocol.lines(Watched(b"x" * 10_000 + b"\ny"), 100)] == [101, 1]
        assert all(size is not None and 0 < size <= 102 for size in asked)


# ------------------------------------------------------------------------------------------------------- the process


@contextmanager
def process(*options: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The oracle as a separate process."""
    # SIGINT is ignored in what a shell starts in the background; here it must not be.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", f"{code}from liqspec.cli import main; main()", "oracle", *options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = subprocess.Popen(command, **pipes)  # type: ignore[call-overload]  # one value for three names
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        for pipe in (started.stdin, started.stdout, started.stderr):
            with suppress(BrokenPipeError):  # what was written and never read is of no interest here
                pipe.close()


def talk(lines: bytes, *options: str) -> "subprocess.CompletedProcess[bytes]":
    """Everything that the oracle says to this input, and how it ends."""
    command = [sys.executable, "-c", "from liqspec.cli import main; main()", "oracle", *options]
    return subprocess.run(command, input=lines, capture_output=True, check=False, timeout=60)


class TestTheProcess:
    def test_answers_in_order_and_ends_when_its_input_does(self) -> None:
        lines = [line for line, _ in BAD_LINES.values()]
        done = talk(b"\n".join([HELLO, *lines, RESET, request("apply", event=EVENT)]))
        assert (done.returncode, done.stderr) == (0, b"")
        replies = [json.loads(line) for line in done.stdout.splitlines()]
        assert [reply["ok"] for reply in replies] == [True, *(False for _ in lines), True, True]

    def test_a_carriage_return_counts_towards_the_length_of_a_line(self) -> None:
        fits = HELLO.ljust(protocol.MAX_LINE - 1) + b"\r\n"
        too_long = HELLO.ljust(protocol.MAX_LINE) + b"\r\n"
        done = talk(fits + too_long)
        assert [json.loads(line)["ok"] for line in done.stdout.splitlines()] == [True, False]

    def test_ends_with_bye_and_says_so(self) -> None:
        done = talk(b'{"op":"bye"}\n' + HELLO + b"\n")
        assert (done.returncode, done.stdout, done.stderr) == (0, b'{"ok":true}\n', b"")

    def test_an_empty_input_is_an_end(self) -> None:
        done = talk(b"")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    def test_a_line_that_never_ends_gets_its_reply_when_the_input_does(self) -> None:
        done = talk(b"x" * (3 * protocol.MAX_LINE))
        assert done.returncode == 0
        assert b"longer than" in done.stdout
        assert done.stdout.count(b"\n") == 1

    def test_ends_quietly_when_nobody_reads(self) -> None:
        with process() as served:
            assert served.stdin and served.stdout and served.stderr
            served.stdout.close()
            with pytest.raises(BrokenPipeError):
                for _ in range(100_000):
                    served.stdin.write(HELLO + b"\n")
                    served.stdin.flush()
            assert served.wait(timeout=20) == 0
            assert served.stderr.read() == b""

    def test_ends_quietly_when_it_is_interrupted(self) -> None:
        with process() as served:
            assert served.stdin and served.stdout and served.stderr
            served.stdin.write(HELLO + b"\n")
            served.stdin.flush()
            assert json.loads(served.stdout.readline())["ok"]
            served.send_signal(signal.SIGINT)
            assert served.wait(timeout=20) == 130
            assert served.stderr.read() == b""

    def test_serves_one_venue(self) -> None:
        done = talk(HELLO, "--venue", "hyperliquid")
        assert json.loads(done.stdout)["venue"]["backstop"]["threshold"] == "2/3"
        unknown = talk(HELLO, "--venue", "atlantis")
        assert (unknown.returncode, unknown.stdout) == (2, b"")
        assert unknown.stderr.count(b"\n") == 1

    @pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.thorough)])
    def test_fuzzed_lines_get_one_reply_each_and_the_state_stays_intact(self, count: int) -> None:
        """After each line the process is asked for its state: that of an engine that was given only what counts."""
        random = Random(count)
        config = configuration(random, BASES[0])
        mirror = Engine(Config.from_json(config))
        with process("--no-effects") as served:
            assert served.stdin and served.stdout and served.stderr
            ask = asking(served)
            assert ask(request("reset", config=config))["ok"]
            guide = Guide(random, mirror)
            for number in range(count):
                line = fuzzed(random, mirror) if number % 4 else request("apply", event=guide.next_event())
                reply = ask(line)
                follow(mirror, line, reply)
                probe = {"type": "vault_cash", "amount": random.choice(("1", "-1"))}
                mirror.apply(events.from_json(probe))
                assert ask(request("apply", event=probe))["observation"] == mirror.observe(), line
            assert ask(request("bye")) == {"ok": True}
            assert served.wait(timeout=20) == 0
            assert served.stderr.read() == b""


def asking(served: "subprocess.Popen[bytes]") -> Callable[[bytes], Reply]:
    """From a line to its reply, through the pipes; a process that hangs is killed, and the next read fails."""
    watch = threading.Timer(120, served.kill)
    watch.daemon = True
    watch.start()

    def ask(line: bytes) -> Reply:
        assert served.stdin and served.stdout
        served.stdin.write(line + b"\n")
        served.stdin.flush()
        reply: Reply = json.loads(served.stdout.readline())
        return reply

    return ask


def follow(mirror: Engine, line: bytes, reply: Reply) -> None:
    """Give the mirror what the process has accepted, and see that it refuses what the process has refused."""
    try:
        message = files.parse_json(line.decode())
        event = message["event"] if message["op"] == "apply" and len(message) == 2 else None
    except (ValueError, KeyError, TypeError):
        event = None
    if event is None:
        assert reply["ok"] is False, line
        return
    code = apply_event(mirror, event).code
    if code is not None:
        assert reply["error"]["code"] == code
    else:
        assert reply["ok"] is True


def test_an_independent_engine_answers_the_same_lines_alike() -> None:
    """The other engine's own session against the oracle: the same replies to good and bad lines, except the words."""
    random = Random(3)
    config = configuration(random, BASES[1])
    mirror, ask, other = Engine(Config.from_json(config)), conversation(with_effects=False), python_engine.Session()
    lines = [HELLO, *(line for line, _ in BAD_LINES.values() if len(line) < protocol.MAX_LINE)]
    lines = [line for line in lines if b'protocol":1,"protocol"' not in line and b'time":1,"time' not in line]
    lines.append(request("reset", config=config))
    guide = Guide(random, mirror)
    for line in [*lines, *(request("apply", event=guide.next_event()) for _ in range(50))]:
        ours, theirs = ask(line), other.reply(line)
        assert ours["ok"] is theirs["ok"], line
        assert ours.get("error", {}).get("code") == theirs.get("error", {}).get("code"), line
        assert ours.get("observation") == theirs.get("observation"), line


@pytest.mark.parametrize("compiled", [True, False])
def test_a_line_is_written_as_the_library_writes_it(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer is made once: compiled, or where there is none that is compiled, the library's own."""
    if not compiled:
        monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    monkeypatch.setattr(protocol, "_encoded", protocol._encoder())
    scalars = [2**80, -5, 1.5, 1e16, -0.0, True, None, "", 'é\u2028\ud800\x7f\x00"\\/', "\U0001f600"]
    message: dict[str, Any] = {"é": scalars, "nested": {"list": [[], {}, [scalars]], "1": 1}}
    assert protocol.write_line(message) == json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"
    with pytest.raises(TypeError):
        protocol.write_line({"a set": {1}})
