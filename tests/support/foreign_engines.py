"""Runs engines of other hands as processes over the conformance protocol, and compares them with the model."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import frozen

from liqspec.core.config import Config
from liqspec.core.effects import Transitioned
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.parameters import FAMILIES
from liqspec.generate import Guide
from liqspec.generate.configurations import configuration
from support.comparison import first_difference
from support.paths import ENGINES

Command = list[str]


# ------------------------------------------------------------------------------------------------------ the engines


def python_engine() -> Command:
    return [sys.executable, str(ENGINES / "python_engine.py")]


def javascript_engine(file: str = "engine.js") -> Command:
    return [_program("node", f"tests/engines/{file} was not run"), str(ENGINES / file)]


def c_engine(folder: Path, *options: str, source: Path = ENGINES / "engine.c") -> Command:
    """Compile the engine in C, or one near it, into a folder; `options` are further ones of the compiler."""
    compiler = _program("cc", f"{source.name} was not compiled and run")
    binary = folder / source.stem
    command: list[str | Path] = [compiler, "-std=c11", "-O2", *options, "-I", ENGINES, "-o", binary, source]
    subprocess.run(command, check=True, timeout=120)
    return [str(binary)]


def _program(name: str, loss: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"the program {name} is missing: {loss} in lock-step with the model")
    return path


def converse(command: Command, lines: list[bytes], *, last: bytes = b"\n") -> list[dict[str, Any]]:
    """Give an engine all lines at once; its replies, one for each line, after which it must end in peace."""
    done = subprocess.run(command, input=b"\n".join(lines) + last, capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert done.stdout.endswith(b"\n") or not done.stdout
    return [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]


# ------------------------------------------------------------------------------------------------- what the model says


@frozen
class Exchange:
    """A request, and what the model answers: the code of a refusal, or None and an observation with what led to it."""

    line: bytes
    code: str | None
    observation: dict[str, Any]
    transitions: list[tuple[str, str]]


def request(op: str, **fields: Any) -> bytes:
    """A request as a line without its end."""
    return json.dumps({"op": op, **fields}, ensure_ascii=False).encode()


class Recorder:
    """A run of the model that keeps what it was asked and what it answered."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.engine = Engine(Config.from_json(config))
        self.exchanges = [Exchange(request("reset", config=config), None, self.engine.observe(), [])]

    def apply(self, event: EventData) -> None:
        outcome = apply_event(self.engine, event)
        transitions = [(one.transition, one.position) for one in outcome.effects if isinstance(one, Transitioned)]
        line = request("apply", event=event)
        self.exchanges.append(Exchange(line, outcome.code, self.engine.observe(), transitions))


def exchanges_of(config: dict[str, Any], given: list[EventData]) -> list[Exchange]:
    """A run of these events."""
    recorder = Recorder(config)
    for event in given:
        recorder.apply(event)
    return recorder.exchanges


def guided_exchanges(random: Random, base: dict[str, Any], length: int) -> list[Exchange]:
    """A run of guided events in a configuration near `base`."""
    recorder = Recorder(configuration(random, base, FAMILIES))
    guide = Guide(random, recorder.engine)
    for _ in range(length):
        recorder.apply(guide.next_event())
    return recorder.exchanges


# ---------------------------------------------------------------------------------------------------------- comparison


def difference(exchange: Exchange, reply: dict[str, Any]) -> str:
    """Where a reply says something else than the model; "" if nowhere."""
    code = reply.get("error", {}).get("code")
    if code != exchange.code or reply["ok"] is not (code is None):
        return f"ours {exchange.code or 'accepted'}, theirs {reply.get('error', 'accepted')}"
    if code is not None:
        return ""
    if exchange.observation != reply["observation"]:
        found = first_difference(exchange.observation, reply["observation"])
        if found:
            return found
    moves = [_move(effect) for effect in reply.get("effects", [])]
    return "" if moves == exchange.transitions else f"ours {exchange.transitions}, theirs {moves}"


def _move(effect: Any) -> tuple[str, str]:
    """A transition in an engine's own words: a sentence that begins with it and the position, or the list of both."""
    name, key, *_ = effect.split() if isinstance(effect, str) else effect
    return name, key


def first_disagreement(command: Command, exchanges: list[Exchange]) -> str:
    """The first answer in which an engine differs from the model, with the request; "" if it agrees throughout."""
    replies = converse(command, [exchange.line for exchange in exchanges])
    assert len(replies) == len(exchanges)
    for exchange, reply in zip(exchanges, replies, strict=True):
        found = difference(exchange, reply)
        if found:
            return f"{exchange.line.decode()}: {found}"
    return ""
