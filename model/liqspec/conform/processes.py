"""What an engine has started, wherever it went: found and killed, so that nothing is left behind.

On Linux this process adopts what loses its parent (`PR_SET_CHILD_SUBREAPER`), and nothing can come back into a session
that it has left: so a child of this process in another session belongs to an engine. Elsewhere only an engine's own
group of processes can be found.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from liqspec.edge.texts import counted, one_line

NOT_LISTED = (
    "processes that the engine leaves running in another session: this system does not list them, "
    "so look for them yourself"
)
PATIENCE = 2.0  # seconds in which what was killed is expected to be gone
PAUSE = 0.01  # seconds between two looks at it

_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")
# Kills a group of processes at the end of its input, unless it reads a line before.
_GUARD = 'trap "" HUP INT QUIT TERM; read -r _ || kill -s KILL -- "-$1"'

_unended: dict[int, str] = {}  # what was killed and did not end: its number, and its name
_started: set[int] = set()  # the processes of engines that this one has started, and that have not been waited for


def adopt_orphans() -> bool:
    """Let this process have the children of its descendants that end; whether this system can, and lists them."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 and _children(os.getpid()) is not None


class Guard:
    """A process that kills a group of processes when this one ends without releasing it, even if it is killed."""

    def __init__(self, group: int) -> None:
        """Guard a group of processes."""
        _started.add(group)
        self._group = group
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # a system without a shell has no guard: then what is killed cannot kill others
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", str(group)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )

    def release(self) -> None:
        """End the guard: the group is gone; may be called again."""
        _started.discard(self._group)
        if self._process is not None:
            self._process.kill()  # it may be stopped, so it is not asked
            self._process.communicate()


def left(group: int, grace: float) -> list[str]:
    """The names of what an engine has left running after its own end, given `grace` seconds to end too, sorted."""
    deadline = time.monotonic() + grace
    while True:
        strays, ended = _strays()
        names = sorted(map(_name, strays)) or ["a process of its group"] * _has_members(group)
        if not (names or ended):
            return []
        if time.monotonic() > deadline:
            return names or ["a process that starts another and ends"]
        time.sleep(PAUSE if names else 0)


def described(names: list[str]) -> str:
    """How many processes of what names."""
    listed = ", ".join(dict.fromkeys(names))
    return one_line(
        f"{len(names)} processes: {listed}" if len(names) > 1 else f"{counted(1, 'process')}: {listed}", 200
    )


def kill_group(group: int) -> None:
    """Kill an engine's own group of processes; a signal handler may do so."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill an engine's own group of processes, and see its first end, if it does in time."""
    kill_group(process.pid)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:  # such as one that waits for a device that does not reply
        _unended[process.pid] = _name(process.pid)


def unended() -> list[str]:
    """What could not be ended since the last call, each in a sentence."""
    said = "of the engine did not end when it was killed, so look for it yourself"
    found = [f"process {pid} ({one_line(name, 40)}) {said}" for pid, name in _unended.items()]
    _unended.clear()
    return found


def sweep() -> None:
    """Kill what engines have left anywhere, and see it end, if it does in time.

    What still starts others is killed with them.
    """
    deadline = time.monotonic() + PATIENCE
    while any(look := _strays()) and time.monotonic() < deadline:
        for pid in look[0]:
            for one in (pid, *_descendants(pid)):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(one, signal.SIGKILL)
        time.sleep(PAUSE / 10)
    _unended.update((pid, _name(pid)) for pid in look[0])


def _strays() -> tuple[list[int], bool]:
    """The children of this process that an engine has left, and that still run; those that have ended are buried.

    And whether one had ended: it may have started another before, which this look did not see.
    """
    own, found, ended = os.getsid(0), [], False
    for pid in _children(os.getpid()) or []:
        if pid in _started or pid in _unended:
            continue
        with suppress(ProcessLookupError, ChildProcessError):
            if os.getsid(pid) != own:
                runs = os.waitpid(pid, os.WNOHANG) == (0, 0)
                found += [pid] * runs
                ended |= not runs
    return found, ended


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for one in found:  # which grows meanwhile
        found += _children(one) or []
    return found[1:]


def _children(pid: int) -> list[int] | None:
    """The children of a process; None if it is gone, or where the system does not list them."""
    found = list[int]()
    try:
        for task in (_PROC / str(pid) / "task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    except OSError:
        return None
    return found


def _name(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="backslashreplace").strip()
    except OSError:
        return "(ended)"


def _has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
