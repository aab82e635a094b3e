"""A second look at an engine that says too much or starts no more, and what is read of a process at odd moments."""

import selectors
import sys
from typing import Any

import pytest

from liqspec.conform import configurations
from liqspec.conform.answers import of_this_process
from liqspec.conform.finding import CannotStart, EngineFault, Fault
from liqspec.conform.peer import Peer
from liqspec.conform.search import Budget, Outcome, Search
from support.in_process import Pausing


def searched(engine: Pausing, **budget: Any) -> Outcome:
    """The outcome of a comparison with an engine in this process."""
    hello = of_this_process()
    return Search(
        engine=engine, events=hello.events, setting=configurations.of(hello, None), budget=Budget(**budget)
    ).run()


class Talkative(Pausing):
    """It is wrong, and then it turns out to have said more than it was asked."""

    def settle(self) -> None:
        raise EngineFault(Fault(kind="answered without being asked", message="and another thing"))


class Mortal(Pausing):
    """It dies after some events, and after several restarts it does not start again."""

    def __init__(self, wrong: int, lives: int, error: Exception) -> None:
        super().__init__(wrong)
        self.lives, self.error = lives, error

    def answer(self) -> dict[str, Any]:
        if self.events >= self.wrong:
            raise EngineFault(Fault(kind="died", message="exit status 1"))
        return self.reply

    def renew(self) -> None:
        self.lives -= 1
        if self.lives < 0:
            raise self.error


def test_an_engine_that_says_more_than_it_was_asked_is_reported_as_that() -> None:
    """What comes out of order makes every difference doubtful."""
    outcome = searched(Talkative(3), steps=100)
    assert outcome.finding is not None and outcome.finding.fault is not None
    assert (outcome.finding.kind, outcome.finding.reasons) == ("fault", ())
    assert outcome.finding.headline == str(Fault(kind="answered without being asked", message="and another thing"))


@pytest.mark.parametrize(
    "error", [CannotStart("no more"), EngineFault(Fault(kind="hung", message="no reply"))], ids=["start", "greet"]
)
def test_an_engine_that_does_not_start_again_while_its_run_is_made_shorter_keeps_the_first(error: Exception) -> None:
    """The second look finds it again; then there is no third."""
    outcome = searched(Mortal(9, 1, error), steps=100)
    assert outcome.finding is not None
    assert (outcome.finding.headline, len(outcome.finding.events)) == (
        str(Fault(kind="died", message="exit status 1")),
        9,
    )
    assert outcome.finding.found_events == 9
    plainer = searched(Mortal(9, 10_000, error), steps=100)  # one that does start again needs less of a configuration
    assert plainer.finding is not None
    assert len(repr(plainer.finding.config)) < len(repr(outcome.finding.config))


class TestAProcess:
    def test_that_says_two_things_unasked_is_heard_to_its_end(self) -> None:
        code = "import time; print('one', flush=True); time.sleep(0.2); print('two')"
        with Peer([sys.executable, "-c", code], timeout=5) as peer, pytest.raises(EngineFault) as fault:
            peer.expect_silence(30)
        assert fault.value.fault.stdout == "one\ntwo\n"
        assert fault.value.fault.message == "after its reply came also: one"

    def test_that_is_said_to_be_ready_and_is_not_has_not_ended(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A selector may wake up for nothing."""
        with Peer([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2) as peer:
            ready = [(key, selectors.EVENT_READ) for key in peer._selector.get_map().values()]
            monkeypatch.setattr(peer._selector, "select", lambda timeout=None: ready)
            with pytest.raises(EngineFault) as fault:
                peer.receive()
        assert (fault.value.fault.kind, fault.value.fault.message) == ("hung", "no reply within 0.2 s")

    def test_that_logged_at_its_very_end_has_its_last_words_in_the_fault(self) -> None:
        with Peer([sys.executable, "-c", "import sys; sys.stderr.write('a last word')"], timeout=5) as peer:
            peer._process.wait()
            assert peer.fault("hung", "no reply").fault.stderr == "a last word"
            assert peer.fault("hung", "no reply").fault.stderr == "a last word"
