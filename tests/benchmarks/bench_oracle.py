"""What serving costs: a step through the pipe beyond the engine's own time, and memory over many events.

Prints times and their ratio; ends with 1 if it is far above the recorded one. The engine's own time is that of
applying the event and observing the state after it, in this process and in the same situation: an account with five
cross positions. Both are measured in turn.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from benchmarks.bench_engine import MARKETS, five_positions
from benchmarks.bounds import best_in_turn, within
from liqspec.core.events import MarkPrice

PER_STEP = 2.5  # the recorded ratio of a step through the pipe to the engine's own
STEPS = 500
EVENTS = 100_000
BOUND_KIB = 512


def ask(oracle: "subprocess.Popen[bytes]", line: bytes) -> dict[str, Any]:
    """Send a line, and wait for its reply."""
    reply: dict[str, Any] = json.loads(_exchange(oracle, line))
    return reply


def _exchange(oracle: "subprocess.Popen[bytes]", line: bytes) -> bytes:
    requests, replies = _pipes(oracle)
    requests.write(line)
    requests.flush()
    return replies.readline()


def _pipes(oracle: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
    assert oracle.stdin is not None and oracle.stdout is not None, "started with pipes"
    return oracle.stdin, oracle.stdout


def line_of(op: str, **fields: Any) -> bytes:
    """A request as a line."""
    return json.dumps({"op": op, **fields}).encode() + b"\n"


def start(*options: str) -> "subprocess.Popen[bytes]":
    """The oracle in a separate process, in the situation of `five_positions`."""
    command = [sys.executable, "-c", "from liqspec.cli import main; main()", "oracle", *options]
    oracle = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    tiers = [
        {"above": "0", "maintenance_rate": "1/80", "max_leverage": 40},
        {"above": "100000", "maintenance_rate": "1/40", "max_leverage": 20},
    ]
    config = {
        "accounts": ["alice"],
        "markets": {name: {"tick": "0.1", "lot": "0.001", "tiers": tiers} for name in MARKETS},
        "marks": dict.fromkeys(MARKETS, "100"),
        "backstop": {"threshold": "2/3"},
    }
    key = {"account": "alice", "mode": "cross"}
    trade = {"type": "trade", **key, "size": "10", "price": "100", "leverage": 10}
    events: list[dict[str, Any]] = [{"type": "deposit", "account": "alice", "amount": "100000"}]
    events += [{**trade, "market": name} for name in MARKETS]
    assert ask(oracle, line_of("reset", config=config))["ok"]
    for event in events:
        assert ask(oracle, line_of("apply", event=event))["ok"], event
    return oracle


def through_the_pipe(oracle: "subprocess.Popen[bytes]") -> Callable[[], None]:
    """Two requests with their replies, which are not parsed."""
    marks = [
        line_of("apply", event={"type": "mark_price", "market": "M0", "price": price}) for price in ("100.1", "99.9")
    ]

    def two_steps() -> None:
        for line in marks:
            _exchange(oracle, line)

    return two_steps


def resident(oracle: "subprocess.Popen[bytes]") -> int | None:
    """The resident memory of the process in KiB, where the system reports it."""
    status = Path(f"/proc/{oracle.pid}/status")
    if not status.exists():
        return None
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))


def grown_over(oracle: "subprocess.Popen[bytes]", count: int) -> int | None:
    """How much the process' memory has grown over `count` events, in KiB."""
    before = resident(oracle)
    for index in range(count):
        price = f"{90 + index % 20}.{index % 10}"
        _exchange(oracle, line_of("apply", event={"type": "mark_price", "market": "M0", "price": price}))
    after = resident(oracle)
    return None if before is None or after is None else after - before


def main() -> int:
    """Measure, print, and judge."""
    engine = five_positions()
    up, down = MarkPrice("M0", "100.1"), MarkPrice("M0", "99.9")

    def two_steps() -> None:
        engine.apply(up)
        engine.observe()
        engine.apply(down)
        engine.observe()

    held = True
    for replies, options in (("with effects", ()), ("without effects", ("--no-effects",))):
        oracle = start(*options)
        own, step = (two / 2 for two in best_in_turn(STEPS, two_steps, through_the_pipe(oracle)))
        print(f"a step through the pipe, {replies:<16} {step:7.1f} us = engine {own:.1f} us + {step - own:.1f} us")
        held &= within("a step through the pipe to the engine's own", step / own, PER_STEP)
        grown = grown_over(oracle, EVENTS) if not options else None
        if grown is not None:
            print(f"memory grown over {EVENTS:,} events         {grown:7} KiB")
            held &= grown < BOUND_KIB
        assert ask(oracle, line_of("bye"))["ok"]
        if oracle.wait(timeout=10) != 0:
            return 1
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
