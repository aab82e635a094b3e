"""An engine that follows the rules and misbehaves in one way, which its first argument names: a process for tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from engines.python_engine import EVENTS, Session
from liqspec.edge.amounts import decimal_text
from liqspec.edge.files import parse_json
from support import hostile_hello, hostile_processes, hostile_ways

SECOND = 2
STRANGE = 50  # a signal without a name, where the system has one
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


def log(text: str) -> None:
    """Write a line to the log at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def have_a_child() -> None:
    """Have a child that hangs and holds standard output open; its number is written to the log."""
    log(f"child {subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)']).pid}")


def hang_with_a_child() -> None:
    """Hang, and have a child that hangs too."""
    have_a_child()
    never_end()


def die_with_a_child() -> None:
    """Die, and leave a child behind."""
    have_a_child()
    os._exit(3)


def half_a_line() -> None:
    """Begin a reply and end."""
    write('{"ok":tr')
    sys.exit(0)


def close_output() -> None:
    """Close standard output, and continue."""
    os.close(1)
    never_end()


def no_text() -> None:
    """Print bytes that are not text."""
    os.write(1, b"\xff\xfe\n")


# What happens in place of a reply.
ACTS: dict[str, Callable[[], object]] = {
    "dies": lambda: sys.exit("a last word"),
    "is killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hangs": hang_with_a_child,
    "dies before its child": die_with_a_child,
    "half a line": half_a_line,
    "floods": lambda: flood(sys.stdout),
    "floods its log": lambda: flood(sys.stderr),
    "closes its output": close_output,
    "prints garbage": lambda: write("Segmentation fault (not really)\n"),
    "prints a list": lambda: write("[]\n"),
    "prints bytes": no_text,
    "is killed strangely": lambda: os.kill(os.getpid(), STRANGE),
    **hostile_ways.ACTS,
}


def confess(_: Reply) -> Reply:
    """A reply that says that something is wrong inside, and its stack in the log."""
    log("the stack of a defect")
    return {"ok": False, "error": {"code": "internal_error", "message": "assertion failed"}}


def dream(reply: Reply) -> Reply:
    """The reply with a wrong vault and wrong measures of pools."""
    observed = reply.get("observation", {})
    for pool in observed.get("pools", []):
        pool.update(dict.fromkeys(("collateral", "equity", "maintenance_margin", "initial_margin"), "7"))
    return {**reply, "observation": {**observed, "time": 9, "block": 9}} if observed else reply


# What becomes of a reply.
CHANGES: dict[str, Callable[[Reply], Reply]] = {
    "confesses": confess,
    "says nothing of ok": lambda _: {"well": True},
    "has no observation": lambda reply: {"ok": reply["ok"], "error": reply.get("error")},
    "observes a text": lambda reply: {**reply, "observation": "all is well"},
    "dreams": dream,
    "observes a number": lambda reply: {**reply, "observation": {"time": 0.5, "vault": 7}},
    "executes nothing known": lambda reply: {**reply, "ok": True, "executed": [{"type": "fill", "price": None}]},
    "skips": lambda _: {"ok": False, "skipped": "not today"},
    "refuses without a code": lambda _: {"ok": False, "error": "no"},
    "executes a number": lambda reply: {**reply, "ok": True, "executed": 3},
    "executes a deposit": lambda reply: {**reply, "ok": True, "executed": [{"type": "deposit"}]},
    **hostile_ways.CHANGES,
}

# The replies to other requests than events.
OTHERS: dict[tuple[str, str], Reply] = {
    ("does not greet", "hello"): {"ok": False},
    ("does not take leave", "bye"): {"ok": False},
    ("holds no configuration", "reset"): {"ok": False, "error": {"code": "bad_request", "message": "too wide"}},
    ("overfills at once", "reset"): {"ok": False, "error": {"code": "overfill", "message": "no"}},
    ("skips at once", "reset"): {"ok": False, "skipped": "no such venue"},
}

# What an engine that executes its own orders puts in front of the sizes that it reports.
EXECUTING = {"executes its orders": "", "executes too much": "9"}
OWN = [kind for kind in EVENTS if kind not in ("fill", "order_done")]

HELLO: dict[str, Reply] = {
    "executes its orders": {"events": OWN},
    "executes too much": {"events": OWN},
    "is slow without orders": {"events": OWN},
    "speaks protocol 2": {"protocol": 2},
    "observes the moon": {"observes": ["moon"]},
    "says no events": {"events": None},
    "has strange states": {"states": "liquid"},
    "has a bad venue": {"venue": {"markets": {}}},
    "is of the older sort": {"states": "coarse", "observes": ["positions.state", "pools.in_liquidation"]},
    "knows few events": {"events": ["deposit", "trade", "mark_price"]},
    "observes nothing": {"observes": []},
    "has no families": {"families": []},
    "has a strange family": {"families": ["addams"]},
    "knows no events": {"events": []},
    **hostile_hello.HELLO,
}


WAYS = {
    *(*ACTS, *CHANGES, *HELLO, *EXECUTING, *hostile_ways.AT_START, *hostile_processes.AFTER_BYE),
    *(way for way, _ in OTHERS),
}


def executing(session: Session, reply: Reply, more: str) -> Reply:
    """The reply after the book of this engine has filled every order; it reports sizes with `more` in front of them."""
    executed: list[Reply] = []
    while order := next((one for one in reply.get("observation", {}).get("positions", []) if one["order"]), None):
        event = {"type": "fill", **{name: order[name] for name in ("account", "market", "mode")}}
        event |= {"size": order["order"], "price": price_of(session, order)}
        executed.append({**event, "size": more + order["order"]})
        reply = session.reply(json.dumps({"op": "apply", "event": event}).encode())
    return {**reply, "executed": executed} if executed else reply


def price_of(session: Session, order: Reply) -> str:
    """The mark of the market of an order, or its limit where the mark is worse (LIQ-17)."""
    assert session.engine is not None
    mark = session.engine.markets[order["market"]].tick.write(session.engine.marks[order["market"]])
    limit = order.get("limit") or mark
    return max(mark, limit, key=Fraction) if Fraction(order["size"]) > 0 else min(mark, limit, key=Fraction)


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


def end_early(way: str, event: object, before: object, count: int) -> None:
    """End at an event that repeats the one before it, or after some events for want of what was there at the start."""
    if way == "dies at a repetition" and event is not None and event == before:
        sys.exit(7)
    if way == "starts once" and count > AFTER:
        sys.exit("out of order")


def off_by(reply: Reply, amount: str) -> Reply:
    """The reply with every pool's equity too large by so much."""
    for pool in reply.get("observation", {}).get("pools", []):
        pool["equity"] = decimal_text(Fraction(pool["equity"]) + Fraction(amount))
    return reply


def answer(session: Session, way: str, request: Reply, line: bytes) -> Reply:
    """The reply of an engine that has no fault, though it may do less than the rules have, or more by itself."""
    event = request.get("event")
    if way == "skips funding and fills" and isinstance(event, dict) and event.get("type") in ("funding", "fill"):
        return {"ok": False, "skipped": "not here"}
    reply = session.reply(line.rstrip(b"\n"))
    if way == "is of the older sort":
        return coarse(reply)
    if way == "is off by":
        return off_by(reply, sys.argv[2])
    if way in EXECUTING and request.get("op") == "apply":
        return executing(session, reply, EXECUTING[way])
    return reply


def read(line: bytes) -> Reply:
    """The request in a line; an empty one if it is not an object."""
    try:
        request = parse_json(line.decode("utf-8"))
    except ValueError:
        return {}
    return request if isinstance(request, dict) else {}


def main(way: str) -> None:
    """Serve the protocol, in this way."""
    session, count, lines, kept, late = Session(), 0, 0, "", ""
    before: object = None
    hostile_ways.AT_START.get(way, lambda: None)()
    if way == "starts once":
        Path(sys.argv[2]).touch(exist_ok=False)
    for line in sys.stdin.buffer:
        request = read(line)
        hostile_processes.before_reply(way, request)
        if request.get("op") == "reset" and way in hostile_ways.MORE:
            count = 0  # the same in each run
        reply, count = answer(session, way, request, line), count + (b'"apply"' in line)
        if request.get("op") == "hello" and reply["ok"]:
            reply |= HELLO.get(way, {})
        if reply["ok"]:
            reply = OTHERS.get((way, str(request.get("op"))), reply)
        reply = hostile_ways.at_every_reply(way, request, reply)
        end_early(way, request.get("event"), before, count)
        before = request.get("event")
        if request.get("op") == "apply" and (count > AFTER or way == "skips"):
            if way in ACTS:
                ACTS[way]()
                continue
            reply = CHANGES.get(way, dict)(reply)
        if way == "is moody" and request.get("op") == "apply" and not Path(sys.argv[2]).exists():
            Path(sys.argv[2]).touch()
            reply = {"ok": False, "error": {"code": "overfill", "message": "not now"}}
        text = json.dumps(reply) + "\n"
        lines += 1
        if way == "answers backwards" and lines == SECOND:
            kept = text
            continue
        hostile_ways.put(way, late + text + kept)
        hostile_ways.after_reply(way, request, text, count)
        kept = ""
        if way == "answers twice" and count > AFTER:
            write(json.dumps(reply) + "\n")
        late = text if way == "answers again" and count > AFTER else ""  # only when the next request has come
        if session.over and way == "stays":
            never_end()
        if session.over:
            return
    hostile_processes.after_input(way)


if __name__ == "__main__":
    main(sys.argv[1])
