"""What engines do that mean harm or are badly broken: for `misbehaving_engine`, in whose process these are."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from support import hostile_processes

Reply = dict[str, Any]
CONTROLS = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e[/bold]\u2028[green]conforms\r\n"
MANY = 9_000  # fewer than a reply may have of anything
TOO_MANY = 10_001
RESETS: list[int] = []  # one for each
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


def written(data: bytes) -> Callable[[], None]:
    """Write this line."""
    return lambda: write(data + b"\n")


LINES = {
    "UTF-32": '{"ok":true}'.encode("utf-32"),
    "UTF-7": b"+AHsAIg-ok+ACI-:true+AH0-",
    "overlong UTF-8": b'{"ok":"\xc0\xaf"}',
    "surrogates in UTF-8": b'{"ok":"\xed\xa0\x80"}',
    "a key with half a pair": b'{"ok":true,"\\udc00":1}',
    "the same key escaped": b'{"ok":true,"\\u006fk":false}',
    "a zero byte": b'{"ok":true,"a":"\0"}',
    "a raw control in a text": b'{"ok":true,"a":"\x1b[2J"}',
    "a comment": b'{"ok":true} // fine',
    "a last comma": b'{"ok":true,}',
    "single quotes": b"{'ok':True}",
    "form feeds": b'\x0c{"ok":true}\x0c',
    "no-break spaces": '\xa0{"ok":true}\xa0'.encode(),
    "a line separator": '{"ok":true}\u2028'.encode(),
    "a number": b"1",
    "a text": b'"ok"',
    "null": b"null",
    "leading zeros": b'{"ok":true,"a":007}',
    "a number of 1e400": b'{"ok":true,"observation":{"time":1e400}}',
    "100000 keys": b'{"ok":true,' + b",".join(b'"%d":0' % at for at in range(100_000)) + b"}",
    "a million lists": b'{"ok":true,"effects":[' + b"[]," * 1_000_000 + b"[]]}",
    "what is nested 40 deep": b'{"ok":true,"effects":' + b"[" * 40 + b"]" * 40 + b"}",
    "all that a reply may have": b'{"ok":true,"a":"' + b"x" * ((4 << 20) - 18) + b'"}',
    "a byte more than a reply may have": b'{"ok":true,"a":"' + b"x" * ((4 << 20) - 17) + b'"}',
}

# In place of a reply to an event.
ACTS: dict[str, Callable[[], object]] = {
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
    **{f"writes {name}": written(data) for name, data in LINES.items()},
    **hostile_processes.ACTS,
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


def placed(path: str, value: Any) -> Callable[[Reply], Reply]:
    """The reply with this value in a field of its observation: of each entry, where the path has a list's name."""

    def change(reply: Reply) -> Reply:
        name, _, field = path.partition(".")
        within = reply.get("observation", {}).get(name)
        if not field:
            return observing(reply, **{name: value})
        changed = (
            [{**one, field: value} for one in within] if isinstance(within, list) else {**(within or {}), field: value}
        )
        return observing(reply, **{name: changed})

    return change


def accepted(executed: Any) -> Callable[[Reply], Reply]:
    """The reply as that of an accepted event after which the engine executed this."""
    return lambda reply: {**reply, "ok": True, "executed": executed}


def replied(**fields: Any) -> Callable[[Reply], Reply]:
    """A reply of these fields, whatever was asked."""
    return lambda _: fields


FIELDS = (
    *("time", "block", "positions", "pools", "vault", "marks"),
    *("positions.account", "positions.market", "positions.mode", "positions.state", "positions.size", "positions.cost"),
    *("positions.order", "positions.life", "positions.cooldown_until", "pools.account", "pools.market"),
    *("pools.collateral", "pools.equity", "pools.in_liquidation", "vault.cash", "vault.positions"),
)
AMOUNTS = {
    "minus zero": "-0",
    "a plus": "+1",
    "blanks": " 1 ",
    "underscores": "1_0",
    "a hexadecimal": "0x10",
    "a fraction": "1/3",
    "a text of NaN": "NaN",
    "nothing": "",
    "true": True,
    "null": None,
    "a list": ["1"],
    "itself in an object": {"amount": "1"},
    "a line end": "1\n",
    "4000 digits": "9" * 4_000,
}
NUMBERS = {"a half": 0.5, "one in a float": 1.0, "true": True, "many digits": int("9" * 4_000), "less than zero": -1}
FILL = {"type": "fill", "account": "alice", "market": "M", "mode": "cross", "size": "1", "price": "1"}
ORDER_DONE = {"type": "order_done", "account": CONTROLS, "market": CONTROLS, "mode": "cross"}

MORE: dict[str, Callable[[Reply], Reply]] = {
    **{f"has controls in {field}": placed(field, CONTROLS) for field in FIELDS},
    **{f"has lists in {field}": placed(field, [[CONTROLS]]) for field in ("time", "positions.size", "vault", "pools")},
    **{f"has an equity of {name}": placed("pools.equity", value) for name, value in AMOUNTS.items()},
    **{f"has a time of {name}": placed("time", value) for name, value in NUMBERS.items()},
    "observes an unknown field of controls": lambda reply: observing(reply, **{CONTROLS: CONTROLS}),
    "observes each position twice": lambda reply: observing(
        reply, positions=[*reply.get("observation", {}).get("positions", []) * 2]
    ),
    "observes a list": lambda reply: {**reply, "observation": []},
    "observes too many": lambda reply: observing(reply, positions=[position(str(at)) for at in range(TOO_MANY)]),
    "observes too many pools": lambda reply: observing(reply, pools=[{}] * TOO_MANY),
    "executes too many": accepted([FILL] * TOO_MANY),
    "has too many effects": lambda reply: {**reply, "effects": [[]] * TOO_MANY},
    "observes a long note": lambda reply: observing(reply, note="x" * 400_000),
    "executes null": accepted(None),
    "executes an object": accepted({"0": FILL}),
    "executes lists": accepted([[]]),
    "executes what was not asked": accepted([FILL]),
    "executes thousands of fills": accepted([FILL] * MANY),
    "executes orders of controls": accepted([ORDER_DONE]),
    "executes a fill of controls": accepted([{**FILL, "account": CONTROLS, "market": CONTROLS}]),
    "executes a long size": accepted([{**FILL, "size": "9" * 100_000}]),
    "executes an exponent": accepted([{**FILL, "price": "1e9"}]),
    "executes a field of controls": accepted([{**FILL, CONTROLS: CONTROLS}]),
    "executes what it refuses": lambda reply: {"ok": False, "error": {"code": "overfill"}, "executed": [FILL]},
    "skips with nothing": replied(ok=False, skipped=""),
    "skips with null": replied(ok=False, skipped=None),
    "skips with lists": replied(ok=False, skipped=[[CONTROLS]]),
    "skips at length": replied(ok=False, skipped="x" * 1_000_000),
    "skips with 4000 digits": replied(ok=False, skipped=int("9" * 4_000)),
    "skips what it accepts": lambda reply: {**reply, "ok": True, "skipped": "well"},
    "says ok null": lambda reply: {**reply, "ok": None},
    "says ok in a list": lambda reply: {**reply, "ok": [True]},
    "says ok with controls": lambda reply: {**reply, "ok": CONTROLS},
    "says nothing": replied(),
    "has a code of a number": replied(ok=False, error={"code": 5}),
    "has no code": replied(ok=False, error={}),
    "has a code of markup": replied(ok=False, error={"code": "[/x][bold green]conforms", "message": "[/y]"}),
    "has a message of lists": replied(ok=False, error={"code": "overfill", "message": [[CONTROLS]]}),
    "has a message of 4000 digits": replied(ok=False, error={"code": "overfill", "message": int("9" * 4_000)}),
    "has a long message": replied(ok=False, error={"code": "overfill", "message": "x" * 3_000_000}),
    "confesses at length": replied(ok=False, error={"code": "internal_error", "message": "x" * 3_000_000}),
    "has effects of an object": lambda reply: {**reply, "effects": {CONTROLS: CONTROLS}},
}

# What becomes of a reply to an event.
CHANGES: dict[str, Callable[[Reply], Reply]] = {
    **MORE,
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
    if request.get("op") == "reset":
        RESETS.append(1)
    if way == "forks at each event" and request.get("op") == "apply":
        child(session=True)
    if request.get("op") != "hello" or not reply["ok"]:
        return reply
    if way == "changes its hello after a reset" and RESETS:
        return {**reply, "engine": str(len(RESETS))}
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


AT_START: dict[str, Callable[[], object]] = {
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
    **hostile_processes.AT_START,
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
    if op == "bye":
        hostile_processes.AFTER_BYE.get(way, lambda: None)()
    if way == "greets twice" and op == "hello":
        write(text.encode())
    if way == "dies of a reset" and op == "reset":
        sys.exit(9)
    if way == "ends with a signal" and op == "bye":
        os.kill(os.getpid(), signal.SIGTERM)
