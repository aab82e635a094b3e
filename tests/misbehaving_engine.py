"""An engine that follows the rules and misbehaves in one way, which its first argument names: a process for tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from engines.python_engine import Session

SECOND = 2
AFTER = 1  # events in peace, after which it begins
Reply = dict[str, Any]


def write(text: str) -> None:
    """Write to standard output at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def never_end() -> None:
    """Go on for ever."""
    while True:
        time.sleep(1)


def flood(stream: Any) -> None:
    """Write for ever."""
    while True:
        stream.write("flood " * 10_000)


def hang_with_a_child() -> None:
    """Hang, and have a child that hangs too; its number is told in the log."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    sys.stderr.write(f"child {child.pid}\n")
    sys.stderr.flush()
    never_end()


def half_a_line() -> None:
    """Begin a reply and end."""
    write('{"ok":tr')
    sys.exit(0)


def close_output() -> None:
    """Close standard output, and go on."""
    os.close(1)
    never_end()


def no_text() -> None:
    """Print bytes that are no text."""
    os.write(1, b"\xff\xfe\n")


# What happens in place of a reply.
ACTS: dict[str, Callable[[], None]] = {
    "dies": lambda: sys.exit("a last word"),
    "is killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hangs": hang_with_a_child,
    "half a line": half_a_line,
    "floods": lambda: flood(sys.stdout),
    "floods its log": lambda: flood(sys.stderr),
    "closes its output": close_output,
    "prints garbage": lambda: write("Segmentation fault (not really)\n"),
    "prints a list": lambda: write("[]\n"),
    "prints bytes": no_text,
}

# What becomes of a reply.
CHANGES: dict[str, Callable[[Reply], Reply]] = {
    "confesses": lambda _: {"ok": False, "error": {"code": "internal_error", "message": "assertion failed"}},
    "says nothing of ok": lambda _: {"well": True},
    "has no observation": lambda reply: {"ok": reply["ok"], "error": reply.get("error")},
    "observes a text": lambda reply: {**reply, "observation": "all is well"},
    "observes a number": lambda reply: {**reply, "observation": {"time": 0.5, "vault": 7}},
    "skips": lambda _: {"ok": False, "skipped": "not today"},
}

HELLO: dict[str, Reply] = {
    "speaks protocol 2": {"protocol": 2},
    "observes the moon": {"observes": ["moon"]},
    "says no events": {"events": None},
    "has strange states": {"states": "liquid"},
    "has a bad venue": {"venue": {"markets": {}}},
    "is of the older sort": {"states": "coarse", "observes": ["positions.state", "pools.in_liquidation"]},
    "knows few events": {"events": ["deposit", "trade", "mark_price"]},
    "observes nothing": {"observes": []},
}

CLASSES = {
    "healthy": "ok",
    "cooldown": "ok",
    "liquidatable": "in_liquidation",
    "partially_liquidated": "in_liquidation",
}


def coarse(reply: Reply) -> Reply:
    """The reply with the classes of states in place of states; what is not open is not listed."""
    positions = reply.get("observation", {}).get("positions")
    if positions is not None:
        reply["observation"]["positions"] = [
            {**one, "state": CLASSES[one["state"]]} for one in positions if one["state"] in CLASSES
        ]
    return reply


def main(way: str) -> None:
    """Serve the protocol, in this way."""
    session, count, lines, kept = Session(), 0, 0, ""
    for line in sys.stdin.buffer:
        request = json.loads(line) if line.strip() else {}
        reply, count = session.reply(line.rstrip(b"\n")), count + (b'"apply"' in line)
        if request.get("op") == "hello" and reply["ok"]:
            reply |= HELLO.get(way, {})
        if way == "is of the older sort":
            reply = coarse(reply)
        if request.get("op") == "apply" and (count > AFTER or way == "skips"):
            if way in ACTS:
                ACTS[way]()
                continue
            reply = CHANGES.get(way, dict)(reply)
        if way == "is moody" and request.get("op") == "apply" and count == AFTER:
            reply = {"ok": False, "error": {"code": "insufficient_margin", "message": "not now"}}
        told = json.dumps(reply) + "\n"
        lines += 1
        if way == "answers backwards" and lines == SECOND:
            kept = told
            continue
        write(told + kept)
        kept = ""
        if way == "answers twice" and count > AFTER:
            write(json.dumps(reply) + "\n")
        if session.over and way == "stays":
            never_end()
        if session.over:
            return


if __name__ == "__main__":
    main(sys.argv[1])
