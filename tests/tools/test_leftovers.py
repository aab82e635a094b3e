"""Nothing that an engine starts is left behind, however the comparison ends; an engine that leaves something is named.

Engines here are short shell scripts, as far as they need not answer.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liqspec.conform import processes
from liqspec.conform.finding import EngineFault
from liqspec.conform.peer import Peer
from support.paths import ENGINES
from support.processes import lives, only_on_linux

RIGHT = str(ENGINES / "python_engine.py")
# Ignores what would end it, and the end of its input; its number and that of a child that left are its first line.
STUBBORN = """trap '' HUP INT TERM; setsid sh -c 'trap "" HUP INT TERM; sleep 60' & echo $$ $! > {log}; {then}"""
STAYS = "while :; do sleep 1; done"


def started(script: str, timeout: float = 5.0) -> Peer:
    return Peer(["/bin/sh", "-c", script], timeout)


def guard(peer: Peer) -> int:
    """The number of the process that guards a peer."""
    assert peer._guard._process is not None
    return peer._guard._process.pid


def numbers(log: Path) -> list[int]:
    """The numbers of processes in a file that a process writes, when they are there."""
    deadline = time.monotonic() + 20
    while not (log.exists() and log.read_text().endswith("\n")) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [int(number) for number in log.read_text().split()]


def gone(pids: list[int], seconds: float = 5.0) -> bool:
    """Whether these processes end within so long."""
    deadline = time.monotonic() + seconds
    while any(map(lives, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(lives, pids))


class TestAtItsEnd:
    """What an engine leaves running when it ends as it should."""

    @only_on_linux
    @pytest.mark.parametrize("how", ["setsid sleep 60", "setsid setsid sleep 60", "sleep 60"])
    def test_what_it_leaves_is_a_fault_and_is_ended(self, how: str, tmp_path: Path) -> None:
        log = tmp_path / "log"
        with started(f"{how} >/dev/null 2>&1 & echo $! > {log}") as peer, pytest.raises(EngineFault) as fault:
            peer.wait_for_end("its `bye`", any_status=False)
        assert fault.value.fault.kind == "left processes running"
        assert re.search("after its end, 1 process: (setsid|sleep)", fault.value.fault.message)
        assert gone(numbers(log))

    def test_what_ends_soon_after_it_is_no_fault(self) -> None:
        with started("setsid sleep 0.2 >/dev/null 2>&1 &") as peer:
            peer.wait_for_end("its `bye`", any_status=False)

    @only_on_linux
    def test_many_are_ended_with_their_own_children(self) -> None:
        script = "for one in 1 2 3 4 5 6 7 8; do setsid sh -c 'sleep 61 & setsid sleep 61 & sleep 61' & done; sleep 0.3"
        with started(f"exec >/dev/null 2>&1; {script}") as peer, pytest.raises(EngineFault, match="processes: s"):
            peer.wait_for_end("its `bye`", any_status=False)
        assert processes.unended() == []  # what is listed there is not listed as left
        assert processes.left(peer.pid, 0) == []

    def test_what_it_writes_late_is_not_asked_for(self) -> None:
        with started("sleep 0.2; echo too late") as peer, pytest.raises(EngineFault) as fault:
            peer.wait_for_end("its `bye`", any_status=False)
        assert fault.value.fault.kind == "answered without being asked"
        assert fault.value.fault.message == "after its `bye` came also: too late"

    def test_a_child_that_holds_its_output_open_costs_no_time(self) -> None:
        began = time.monotonic()
        with started("sleep 60 &", timeout=20) as peer, pytest.raises(EngineFault, match="left processes running"):
            peer.wait_for_end("its `bye`", any_status=False)
        assert time.monotonic() - began < 5

    def test_where_processes_are_not_listed_its_group_is_looked_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(processes, "_children", lambda _: None)
        with started("sleep 60 >/dev/null 2>&1 &") as peer, pytest.raises(EngineFault) as fault:
            assert not peer.sees_all
            peer.wait_for_end("its `bye`", any_status=False)
        assert fault.value.fault.message == "after its end, 1 process: a process of its group"


def test_what_cannot_be_killed_is_waited_for_no_longer_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is as if the system did not end it."""
    monkeypatch.setattr(processes, "PATIENCE", 0.2)
    kill = os.kill
    peer = started("exec sleep 60")
    time.sleep(0.3)
    with monkeypatch.context() as patched:
        patched.setattr(os, "killpg", lambda *_: None)
        patched.setattr(os, "kill", lambda pid, number: kill(pid, number) if pid == guard(peer) else None)
        began = time.monotonic()
        peer.close()
        assert time.monotonic() - began < 3
    said = processes.unended()
    assert f"process {peer.pid} (sleep) of the engine did not end when it was killed" in said[0]
    assert (len(said), processes.unended()) == (1, [])
    peer.close()
    assert processes.left(peer.pid, 5) == []


def test_a_guard_that_has_stopped_holds_nothing_up() -> None:
    peer = started("sleep 60")
    os.kill(guard(peer), signal.SIGSTOP)
    began = time.monotonic()
    peer.close()
    assert time.monotonic() - began < 3


def test_one_that_closed_its_input_is_said_to_have_done_that() -> None:
    with started("exec <&-; sleep 60") as peer, pytest.raises(EngineFault) as fault:
        time.sleep(0.3)
        peer.send(b"{}\n")
    assert (fault.value.fault.kind, "still runs" in fault.value.fault.message) == ("closed its input", True)


@only_on_linux
def test_what_left_a_process_that_hangs_is_ended_with_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with started(STUBBORN.format(log=log, then=STAYS), timeout=0.5) as peer:
        pids = numbers(log)
        with pytest.raises(EngineFault, match="hung"):
            peer.receive()
    assert len(pids) == 2
    assert gone(pids, 0.5)


def test_an_engine_ends_when_what_started_it_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"trap '' HUP INT TERM; echo $$ > {log}; {STAYS}"
    code = f"import time; from liqspec.conform.peer import Peer; Peer(['/bin/sh', '-c', {script!r}], 5); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        pids = numbers(log)
        time.sleep(0.3)  # so that it is guarded
        process.kill()
    assert gone(pids)


SIGNALS = [
    pytest.param(one, marks=() if one == "SIGHUP" else pytest.mark.thorough) for one in ("SIGHUP", "SIGTERM", "SIGQUIT")
]


@only_on_linux
@pytest.mark.parametrize("number", [*SIGNALS, pytest.param("SIGINT", marks=pytest.mark.thorough)])
@pytest.mark.parametrize(
    "command",
    [
        ["vectors", "run"],
        ["conform", "--budget", "60", "--processes", "1"],
        pytest.param(["conform", "--budget", "60", "--processes", "2"], marks=pytest.mark.thorough),
    ],
    ids=" ".join,
)
def test_a_signal_leaves_no_process(command: list[str], number: str, tmp_path: Path) -> None:
    """The engine ignores the signals and the end of its input, and so does a child of it that left its session."""
    log = tmp_path / "log"
    serves = f"{sys.executable} {RIGHT}; {STAYS}"
    engine = ["/bin/sh", "-c", STUBBORN.format(log=log, then=serves).replace("$! >", "$! >>")]
    # SIGINT is ignored in what a shell starts in the background; here it must not be.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # the tests may run where it is ignored
    code += "from liqspec.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command, "--timeout", "30", "--", *engine],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    numbers(log)
    time.sleep(0.5)
    process.send_signal(getattr(signal, number))
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in errors) == (130, False), errors
    assert gone(numbers(log), 1)


@pytest.mark.skipif(os.name != "posix", reason="the guard is a shell")
def test_a_hang_up_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """`nohup liqspec conform …`."""
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    code += "from liqspec.conform.interruption import interrupted_by_signals\n"
    code += "with interrupted_by_signals(): print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout == "True\n"


@only_on_linux
def test_what_starts_another_and_ends_between_two_looks_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of children has only the first, which has ended when it is looked at; the other came after the list."""
    with subprocess.Popen(["true"], start_new_session=True) as first:
        os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)
        with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
            lists = iter([[first.pid]])
            monkeypatch.setattr(processes, "_children", lambda _: next(lists, [other.pid]))
            try:
                assert processes.left(first.pid, grace=0.1) == ["sleep"]
            finally:
                other.kill()
