"""What hostile engines do with processes, signals, streams and time: for `misbehaving_engine`, in its process.

Whatever runs on ends by itself within `LONGEST` seconds, should a test fail to end it.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Reply = dict[str, Any]
NAME = "\x1b[2J\u202e"  # at most 15 bytes
CHILDREN = 40
LONGEST = 60.0
LATE = 1.5  # seconds, more than the timeout that the tests give
GUARD = b"kill -s KILL"  # in the command of what guards a group of processes


def write(data: bytes) -> None:
    """Write to standard output at once, whatever it is."""
    sys.stdout.flush()
    while data:
        data = data[os.write(1, data) :]


def in_child(act: Callable[[], object], *, session: bool = True, kept: tuple[int, ...] = ()) -> None:
    """Do this in a child, in another session or group, of whose standard streams these are kept, and then wait."""
    if os.fork() == 0:
        try:
            (os.setsid if session else os.setpgrp)()
            for stream in {0, 1, 2} - {*kept}:
                os.close(stream)
            act()
            time.sleep(LONGEST)
        finally:
            os._exit(0)


def fork_on() -> None:
    """Live on in a child of a child, for as long as it may."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        if os.fork():
            os._exit(0)
        time.sleep(0.002)


def rename() -> None:
    """Take a name that acts on a terminal."""
    Path("/proc/self/comm").write_text(NAME, encoding="utf-8")


def ignore_all() -> None:
    """Ignore every signal that can be ignored."""
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)


def log_on() -> None:
    """Write to the log now and then."""
    while True:
        os.write(2, b"still here\n")
        time.sleep(0.2)


def signal_guard(number: int) -> None:
    """Send this signal to what would kill this process if its parent were killed."""
    children = Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children").read_text(encoding="ascii").split()
    for child in children:
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        if GUARD in command and str(os.getpid()).encode() in command.split(b"\0"):
            os.kill(int(child), number)


def in_turn(*acts: Callable[[], object]) -> Callable[[], None]:
    """Do one after the other."""

    def act() -> None:
        for one in acts:
            one()

    return act


def wait() -> None:
    """Hang."""
    time.sleep(LONGEST)


def close_all() -> None:
    """Close all standard streams."""
    os.closerange(0, 3)


def signalled(number: int) -> Callable[[], None]:
    """Send this signal to itself, with what it does where nobody handles it."""

    def act() -> None:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        time.sleep(LONGEST)

    return act


def run_out_of_memory() -> None:
    """Ask for more than there is."""
    raise MemoryError


def half_and_closed() -> None:
    """Begin a reply, close standard output, and hang."""
    write(b'{"ok":tr')
    os.close(1)
    time.sleep(LONGEST)


def become(*command: str) -> Callable[[], None]:
    """Execute another program in this process."""
    return lambda: os.execv(command[0], command)


AT_START: dict[str, Callable[[], object]] = {
    "has a child that forks on": lambda: in_child(fork_on),
    "has a child with a name of controls": lambda: in_child(rename),
    "has a child that ignores signals": lambda: in_child(ignore_all),
    "has a child in another group": lambda: in_child(lambda: None, session=False),
    "has a child that has stopped": lambda: in_child(lambda: os.kill(os.getpid(), signal.SIGSTOP)),
    "has a child that logs": lambda: in_child(log_on, kept=(2,)),
    "has a child with its input": lambda: in_child(lambda: None, kept=(0,)),
    "has many children": in_turn(*[lambda: in_child(lambda: None)] * CHILDREN),
    "closes its log": lambda: os.close(2),
    "kills its guard": lambda: signal_guard(signal.SIGKILL),
    "stops its guard": lambda: signal_guard(signal.SIGSTOP),
    "holds its own input open": lambda: os.open("/proc/self/fd/0", os.O_WRONLY),
    "sleeps at the start": lambda: time.sleep(LATE),  # which a process may
}

# In place of a reply to an event.
ACTS: dict[str, Callable[[], object]] = {
    "replies after its time": in_turn(lambda: time.sleep(LATE), lambda: write(b'{"ok":true}\n')),
    "closes its output in a reply": half_and_closed,
    "replies on its log": lambda: os.write(2, b'{"ok":true,"observation":{}}\n'),
    "is hung up": signalled(signal.SIGHUP),
    "is terminated": signalled(signal.SIGTERM),
    "is interrupted": signalled(signal.SIGINT),
    "is woken": signalled(signal.SIGALRM),
    "breaks its pipe": signalled(signal.SIGPIPE),
    "interrupts its parent": in_turn(lambda: os.kill(os.getppid(), signal.SIGTERM), wait),
    "runs out of memory": run_out_of_memory,
    "becomes true": become("/bin/true"),
    "becomes sleep": become("/bin/sleep", str(int(LONGEST))),
    "dies and leaves a child": in_turn(lambda: in_child(ignore_all, kept=(1,)), lambda: os._exit(0)),
    "closes all streams": in_turn(close_all, wait),
}


def leave_with_words() -> None:
    """End badly, with controls in the log."""
    sys.stderr.write(NAME)
    sys.stderr.flush()
    os._exit(4)


def flood() -> None:
    """Write for ever."""
    while True:
        write(b"flood " * 10_000)


# After the reply to `bye`.
AFTER_BYE: dict[str, Callable[[], object]] = {
    "replies to bye twice": lambda: write(b'{"ok":true}\n'),
    "says controls after bye": lambda: write(b"\x1b[2J\xe2\x80\xae\n"),
    "writes no line after bye": lambda: write(b"x"),
    "floods after bye": flood,
    "closes all after bye and hangs": in_turn(close_all, wait),
    "ends badly after bye": leave_with_words,
    "dies of a signal after bye": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "starts a child after bye": lambda: in_child(ignore_all),
    "stops itself after bye": lambda: os.kill(os.getpid(), signal.SIGSTOP),
}


def before_reply(way: str, request: Reply) -> None:
    """What such an engine does before it replies."""
    if way == "does not reply to bye" and request.get("op") == "bye":
        sys.exit(0)
    if way == "pauses in its time" and request.get("op") == "apply":
        time.sleep(0.02)


def after_input(way: str) -> None:
    """What such an engine does at the end of its standard input."""
    if way == "ignores the end of its input":
        time.sleep(LONGEST)
