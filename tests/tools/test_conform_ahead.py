"""A run that is sent ahead of its replies ends as in lock-step: the same counts, and the same finding."""

import sys
from pathlib import Path
from typing import Any

import pytest

from liqspec.conform import ahead, configurations
from liqspec.conform.ahead import Ahead
from liqspec.conform.lockstep import Comparison
from liqspec.conform.peer import Peer
from liqspec.conform.search import Budget, Outcome, Search
from liqspec.conform.session import LiveEngine
from liqspec.core.events import EventData
from support.foreign_engines import Command, c_engine, javascript_engine, python_engine
from support.paths import TESTS

pytestmark = pytest.mark.usefixtures("without_the_protocols_suite")

MISBEHAVING = [sys.executable, str(TESTS / "support" / "misbehaving_engine.py")]


class OneByOne:
    """An engine that is sent one request at a time."""

    def __init__(self, engine: LiveEngine) -> None:
        self._engine = engine

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        return self._engine.reset(config)

    def give(self, event: EventData) -> None:
        self._engine.give(event)

    def answer(self) -> dict[str, Any]:
        return self._engine.answer()

    def settle(self) -> None:
        self._engine.settle()

    def renew(self) -> None:
        self._engine.renew()


@pytest.fixture(params=[ahead.MOST_DUE, 3])
def most_due(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many replies are due at most: those of a usual run, or few of them."""
    monkeypatch.setattr(ahead, "MOST_DUE", request.param)


def searched(command: Command, *, sent_ahead: bool, timeout: float = 5, steps: int = 300) -> tuple[Outcome, Ahead]:
    """A search without the time to make a finding short, and how its runs were played."""
    with LiveEngine(command, timeout) as engine:
        search = Search(
            engine=engine if sent_ahead else OneByOne(engine),
            events=engine.hello.events,
            setting=configurations.of(engine.hello, None),
            comparison=Comparison.of(engine.hello),
            budget=Budget(steps=steps, shrink_seconds=0),
        )
        return search.run(), search._ahead


def parts(outcome: Outcome) -> dict[str, Any]:
    """All that a search reports, without what the process had written last."""
    found: Any = outcome.finding
    if found is None:
        return {"counts": outcome.coverage.to_json()}
    return {
        "counts": outcome.coverage.to_json(),
        "found": (found.kind, found.where, found.headline, found.note, found.fault and found.fault.kind),
        "run": (found.config, found.events, found.applied, found.reply),
        "reasons": (found.reasons, found.broken),
    }


def both(command: Command, **options: Any) -> tuple[dict[str, Any], Ahead]:
    """What a search reports, which must be the same both ways."""
    (fast, played), (slow, _) = (searched(command, sent_ahead=way, **options) for way in (True, False))
    assert parts(fast) == parts(slow)
    return parts(fast), played


@pytest.mark.usefixtures("most_due")
@pytest.mark.parametrize("language", ["c", "javascript", "python"])
def test_an_engine_without_a_fault_is_played_ahead_throughout(language: str, tmp_path: Path) -> None:
    command = {"javascript": javascript_engine, "python": python_engine}.get(language, lambda: c_engine(tmp_path))()
    reported, played = both(command, steps=800)
    assert reported["counts"]["steps"] == 800
    assert (played._played, played._elsewhere) == (reported["counts"]["runs"], 0)


@pytest.mark.usefixtures("most_due")
@pytest.mark.parametrize("way", ["dies", "is killed", "half a line", "prints garbage", "closes its output"])
def test_a_fault_in_the_middle_of_a_run_is_at_its_event(way: str) -> None:
    reported, _ = both([*MISBEHAVING, way])
    assert reported["found"][0] == "fault"
    assert len(reported["run"][1]) == 2


def test_one_that_hangs_is_not_waited_for_at_an_earlier_event() -> None:
    reported, _ = both([*MISBEHAVING, "hangs"], timeout=1)
    assert (reported["found"][4], len(reported["run"][1])) == ("hung", 2)


def test_one_that_floods_its_log_is_found_in_lock_step() -> None:
    """Several events of a run sent ahead may log, together, what one may not."""
    reported, played = both([*MISBEHAVING, "floods its log"], timeout=2)
    assert (reported["found"][4], len(reported["run"][1])) == ("flooded standard error", 2)
    assert played._elsewhere == 1


def test_one_that_answers_twice_is_reported_as_that() -> None:
    """Which line is shown depends on when it came, here as in lock-step."""
    outcome, played = searched([*MISBEHAVING, "answers twice"], sent_ahead=True)
    assert outcome.finding is not None
    assert outcome.finding.fault is not None
    assert (outcome.finding.fault.kind, len(outcome.finding.events)) == ("answered without being asked", 3)
    assert played._elsewhere <= 1, "as it came soon enough or not"


@pytest.mark.parametrize("way", ["confesses", "says nothing of ok", "observes a text", "executes nothing known"])
def test_a_reply_that_is_not_valid_is_at_its_event(way: str) -> None:
    reported, _ = both([*MISBEHAVING, way])
    assert reported["found"][0] == "fault"


@pytest.mark.usefixtures("most_due")
@pytest.mark.parametrize("way", ["dreams", "has no observation", "is moody", "executes too much"])
def test_a_difference_has_the_same_reasons(way: str) -> None:
    reported, _ = both([*MISBEHAVING, way])
    assert "found" in reported


@pytest.mark.parametrize("way", ["is of the older sort", "knows few events", "observes nothing", "has no families"])
def test_one_that_says_less_is_played_ahead_too(way: str) -> None:
    reported, _ = both([*MISBEHAVING, way])
    assert "found" not in reported


@pytest.mark.usefixtures("most_due")
@pytest.mark.parametrize("way", ["skips funding and fills", "skips"])
def test_one_that_is_elsewhere_than_the_model_is_played_in_lock_step(way: str) -> None:
    reported, played = both([*MISBEHAVING, way])
    assert "found" not in reported
    assert played._elsewhere > 1 + played._played // 4  # so that no further run is played ahead
    assert played._played < 7


def test_one_that_executes_its_orders_is_never_played_ahead() -> None:
    reported, played = both([*MISBEHAVING, "executes its orders"])
    assert "found" not in reported
    assert (played._played, played._elsewhere) == (0, 0)


def test_a_process_that_reads_nothing_fails_at_the_first_request_that_it_does_not_answer() -> None:
    code = "import sys, time; sys.stdin.readline(); print('{}', flush=True); time.sleep(60)"
    with Peer([sys.executable, "-c", code], timeout=1) as peer:
        peer.send_ahead(b"{}\n" + b" " * 2_000_000 + b"{}\n")
        assert peer.receive() == b"{}"
        with pytest.raises(Exception, match="hung: no reply within 1 s"):
            peer.receive()


def test_replies_that_came_before_a_process_died_are_read() -> None:
    code = "import sys; [sys.stdin.readline() for _ in range(2)]; print('1\\n2', flush=True); sys.exit(4)"
    with Peer([sys.executable, "-c", code], timeout=5) as peer:
        peer.send_ahead(b"{}\n{}\n")
        peer._process.wait()
        peer.send_ahead(b"{}\n")
        assert (peer.receive(), peer.receive()) == (b"1", b"2")
        with pytest.raises(Exception, match="died: exit status 4"):
            peer.receive()


def test_requests_that_are_sent_ahead_and_their_replies_fill_no_pipe() -> None:
    """Each side waits for the other, unless one reads while it writes."""
    code = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(b'x' * 100_000 + b'\\n')"
    with Peer([sys.executable, "-c", code], timeout=10) as peer:
        peer.send_ahead(b"".join(b"y" * 100_000 + b"\n" for _ in range(40)))
        assert [len(peer.receive()) for _ in range(40)] == [100_000] * 40
