"""Damaged request lines: each gets one reply, and what is refused leaves no trace in the run."""

import json
from collections.abc import Iterator
from random import Random

import pytest

from liqspec.conform.oracle import Oracle
from liqspec.edge import protocol
from support.mutants import mutants
from support.paths import ROOT

CASES = ("small/boundaries/margin-at.json", "small/scale/siblings-pool.json", "generic/scenarios/deficit.json")
SHOWN = 20  # the interval, in damaged lines, at which a valid event shows the state


def requests(case: str) -> list[bytes]:
    """The requests of a case, without line feeds."""
    vector = json.loads((ROOT / "spec/vectors" / case).read_bytes())
    events = [step["event"] for step in vector["steps"]]
    sent = [{"op": "reset", "config": vector["config"]}, *({"op": "apply", "event": event} for event in events)]
    return [protocol.write_line(one)[:-1] for one in sent]


def damaged(lines: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Damaged copies of some of the lines, none of which has a line feed."""
    random = Random(seed)
    for number in range(count):
        (data,) = mutants(random.choice(lines), 1, seed=seed * 1_000_000 + number)
        yield data.replace(b"\n", b" ")


def check(case: str, count: int, seed: int) -> None:
    """Two oracles get the same valid requests; one also the damaged ones that are refused."""
    lines = requests(case)
    clean, attacked = Oracle(log=None), Oracle(log=None)  # type: ignore[arg-type]  # nothing is logged
    refused, last = 0, lines
    for number, line in enumerate(damaged(lines, count, seed)):
        if number % SHOWN == 0:
            last = last[1:] or lines
            assert clean.reply(last[0]) == attacked.reply(last[0]), f"after {number} damaged lines"
        reply = attacked.reply(line)
        read = json.loads(reply)
        assert reply.endswith(b"\n") and reply.count(b"\n") == 1
        if read["ok"]:
            assert clean.reply(line) == reply, line
        else:
            refused += 1
            assert read["error"]["code"] != "internal_error", line
    assert refused > count // 2


@pytest.mark.parametrize("case", CASES)
def test_what_is_refused_leaves_no_trace(case: str) -> None:
    check(case, 700, seed=1)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(2, 8))
@pytest.mark.parametrize("case", CASES)
def test_what_is_refused_leaves_no_trace_in_many_lines(case: str, seed: int) -> None:
    check(case, 3_000, seed)
