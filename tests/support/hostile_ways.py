"""What engines do that mean harm or are badly broken: for `misbehaving_engine`, in whose process these are."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

Reply = dict[str, Any]
CONTROLS = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e[/bold]\u2028[green]conforms\r\n"
MANY = 20_000
LATE = 0.3  # seconds
SLEEP = "import time; time.sleep(100)"


def never_end() -> None:
    """Go on for ever."""
    while True:
        time.sleep(1)


def write(data: bytes) -> None:
    """Write to standard output at once, whatever it is."""
    sys.stdout.flush()
    while data:
        data = data[os.write(1, data) :]


def child(*, session: bool, output: int = subprocess.DEVNULL) -> None:
    """Start a child that hangs, perhaps in another session, or with this process's standard output."""
    kept = None if output == 1 else output
    subprocess.Popen([sys.executable, "-S", "-c", SLEEP], start_new_session=session, stdout=kept, stderr=kept)


def daemon() -> None:
    """Start a grandchild whose parent ends at once, in another session."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 3)
            time.sleep(100)
        os._exit(0)


def deaf() -> None:
    """Close standard input, and hang."""
    os.close(0)
    never_end()


def mute_and_deaf() -> None:
    """Close standard input and output, and hang."""
    os.close(1)
    deaf()


def mute() -> None:
    """Close standard output, and hang."""
    os.close(1)
    never_end()


def flood() -> None:
    """Write for ever."""
    while True:
        write(b"flood " * 10_000)


def echo() -> None:
    """Write what comes, and end with it."""
    for line in sys.stdin.buffer:
        write(line)
    sys.exit(0)


def trickle() -> None:
    """Write a reply that never ends, little by little."""
    while True:
        write(b" ")
        time.sleep(0.05)


def stubborn() -> None:
    """Ignore what can be ignored, and hang."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    never_end()


def last_words() -> None:
    """Die with controls in the log."""
    sys.stderr.write(CONTROLS)
    sys.exit(5)


# In place of a reply to an event.
ACTS: dict[str, Callable[[], None]] = {
    "closes its input": deaf,
    "closes its input and output": mute_and_deaf,
    "trickles": trickle,
    "ignores signals": stubborn,
    "stops itself": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "aborts": os.abort,
    "faults": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "kills its group": lambda: os.killpg(0, signal.SIGKILL),
    "dies with controls": last_words,
    "writes 5 MiB": lambda: write(b" " * (5 << 20) + b"\n"),
    "nests deeply": lambda: write(b"[" * 100_000 + b"\n"),
    "nests objects deeply": lambda: write(b'{"a":' * 100_000 + b"\n"),
    "repeats a key": lambda: write(b'{"ok":true,"ok":true}\n'),
    "says NaN": lambda: write(b'{"ok":true,"observation":NaN}\n'),
    "says Infinity": lambda: write(b'{"ok":true,"observation":-Infinity}\n'),
    "writes a million digits": lambda: write(b'{"ok":' + b"9" * 1_000_000 + b"}\n"),
    "writes half a pair": lambda: write(b'{"ok":"\\ud800"}\n'),
    "writes UTF-16": lambda: write('{"ok":true}\n'.encode("utf-16")),
    "writes Latin-1": lambda: write('{"ok":"é"}\n'.encode("latin-1")),
    "writes a byte order mark": lambda: write(b'\xef\xbb\xbf{"ok":true}\n'),
    "writes an empty line": lambda: write(b"\n"),
    "writes zeros": lambda: write(b"\0" * 1000 + b"\n"),
    "writes controls": lambda: write(CONTROLS.encode() + b"\n"),
    "ends lines with CR": lambda: write(b'{"ok":true}\r'),
    "writes two objects in a line": lambda: write(b'{"ok":true}{"ok":true}\n'),
}


def observing(reply: Reply, **more: Any) -> Reply:
    """The reply with something else in its observation, if it has one."""
    return {**reply, "observation": {**reply["observation"], **more}} if "observation" in reply else reply


def position(account: str) -> Reply:
    """A position that nobody has."""
    of_nobody = {"account": account, "market": "M", "mode": "cross", "state": "closed", "size": "0", "cost": "0"}
    return {**of_nobody, "order": None, "life": 1, "cooldown_until": None}


def pools(reply: Reply, equity: Any) -> Reply:
    """The reply with this equity in each pool."""
    listed = reply.get("observation", {}).get("pools", [])
    return observing(reply, pools=[{**one, "equity": equity} for one in listed])


def slowly(reply: Reply) -> Reply:
    """The reply, after the seconds that the second argument gives."""
    time.sleep(float(sys.argv[2]))
    return reply


# What becomes of a reply to an event.
CHANGES: dict[str, Callable[[Reply], Reply]] = {
    "observes thousands": lambda reply: observing(reply, positions=[position(str(at)) for at in range(MANY)]),
    "observes controls": lambda reply: observing(reply, positions=[position(CONTROLS)]),
    "observes a list of lists": lambda reply: observing(reply, positions=[[]]),
    "observes null": lambda reply: observing(reply, positions=None),
    "observes an endless time": lambda reply: observing(reply, time=float("1e400")),
    "observes a long amount": lambda reply: pools(reply, "9" * 100_000),
    "observes an exponent": lambda reply: pools(reply, "1e999999999"),
    "observes a long exponent": lambda reply: pools(reply, "1e" + "9" * 5_000),
    "observes digits of another script": lambda reply: pools(reply, "١٢٣"),
    "observes a number in place of an amount": lambda reply: pools(reply, 1.5),
    "executes thousands": lambda reply: {**reply, "ok": True, "executed": [{"type": "fill"}] * MANY},
    "executes controls": lambda reply: {**reply, "ok": True, "executed": [{"type": CONTROLS}]},
    "has thousands of effects": lambda reply: {**reply, "effects": ["x"] * MANY},
    "has effects with controls": lambda reply: {**reply, "effects": [CONTROLS]},
    "has a code with controls": lambda _: {"ok": False, "error": {"code": CONTROLS, "message": CONTROLS}},
    "has a long code": lambda _: {"ok": False, "error": {"code": "x" * 1_000_000}},
    "confesses with controls": lambda _: {"ok": False, "error": {"code": "internal_error", "message": CONTROLS}},
    "skips with controls": lambda _: {"ok": False, "skipped": CONTROLS},
    "skips for ever other reasons": lambda _: {"ok": False, "skipped": str(time.monotonic_ns())},
    "says ok 1": lambda reply: {**reply, "ok": 1},
    "says ok in a text": lambda reply: {**reply, "ok": "true"},
    "is slow": slowly,
    "is slow without orders": slowly,
    "is slow and wrong": lambda reply: slowly(pools(reply, "7")),
}


def at_every_reply(way: str, request: Reply, reply: Reply) -> Reply:
    """The reply of an engine that does this at every request, or says it of itself."""
    if way == "forks at each event" and request.get("op") == "apply":
        child(session=True)
    if request.get("op") != "hello" or not reply["ok"]:
        return reply
    named = {
        "changes its name": str(os.getpid()),
        "changes its name later": str(time.monotonic_ns()),
        "has a name with controls": CONTROLS,
    }
    if way in named:
        return {**reply, "engine": named[way]}
    if way == "greets at length":
        return {**reply, **{f"field {at}": at for at in range(MANY)}}
    if way == "greets with thousands of names":
        return {**reply, "observes": [f"field {at}" for at in range(MANY)]}
    return reply


def put(way: str, text: str) -> None:
    """Write a reply line as such an engine does."""
    data = text.encode()
    if way == "ends lines with CRLF":
        data = data[:-1] + b"\r\n"
    if way == "pads its replies":
        data = b" " * 50_000 + data
    if way == "writes byte by byte":
        for at in range(len(data)):
            write(data[at : at + 1])
    else:
        write(data)


AT_START: dict[str, Callable[[], None]] = {
    "ends at once": lambda: sys.exit(0),
    "is killed at once": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "floods at once": flood,
    "hangs at once": never_end,
    "echoes": echo,
    "closes its output at once": mute,
    "says controls at once": lambda: write(CONTROLS.encode() + b"\n"),
    "has a child": lambda: child(session=False),
    "has a child in another session": lambda: child(session=True),
    "has a child with its output": lambda: child(session=True, output=1),
    "has a daemon": daemon,
    "logs for ever": lambda: threading.Thread(target=log_for_ever, daemon=True).start(),
}


def log_for_ever() -> None:
    """Write to the log, not too much."""
    while True:
        sys.stderr.write("x" * 1000 + "\n")
        time.sleep(0.001)


def after_reply(way: str, request: Reply, text: str, count: int) -> None:
    """What such an engine does after a reply."""
    op = request.get("op")
    if way == "replies late" and op == "apply" and count > 1:
        threading.Timer(LATE, lambda: write(text.encode())).start()
    if way == "says a last word late" and op == "bye":
        time.sleep(LATE)
        write(b'{"ok":true}\n')
    if way == "greets twice" and op == "hello":
        write(text.encode())
    if way == "dies of a reset" and op == "reset":
        sys.exit(9)
    if way == "ends with a signal" and op == "bye":
        os.kill(os.getpid(), signal.SIGTERM)
