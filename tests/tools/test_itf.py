"""Traces in ITF lose nothing, and are of that format."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversaries.wrong_engines.search import BASES
from liqspec.core import machine
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.edge import shapes
from liqspec.generate import Guide
from liqspec.generate.configurations import configuration
from liqspec.replay import itf
from liqspec.replay.run import Run
from liqspec.spec import scenarios
from support.commands import run


def guided(random: Random, count: int) -> itf.Trace:
    """The trace of a guided random run, with its refused events."""
    config = Config.from_json(configuration(random, BASES[0]))
    engine = Engine(config)
    guide = Guide(random, engine)
    given = []
    for _ in range(count):
        given.append(guide.next_event())
        apply_event(engine, given[-1])
    return itf.run(config, given)


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_a_trace_is_read_back_as_it_was(random: Random) -> None:
    """OBS-4: configuration, events, refusals and every bit of every state; prices may come in another order."""
    trace = guided(random, 30)
    assert itf.from_json(json.loads(json.dumps(itf.to_json(trace)))) == trace


@pytest.mark.parametrize("name", scenarios.names())
def test_every_story_is_of_the_format(name: str) -> None:
    """States number from 0 and have exactly the variables; every value is one of the format."""
    story = scenarios.load(name)
    data = itf.to_json(itf.run(story.config, [moment.event for moment in Run(story)]), name)
    assert data["#meta"]["format"] == "ITF"
    assert [state["#meta"]["index"] for state in data["states"]] == list(range(len(data["states"])))
    for state in data["states"]:
        assert set(state) == {"#meta", *data["vars"]}
        for variable in data["vars"]:
            assert list(strange(state[variable])) == []
    assert [state[itf.ACTION] for state in data["states"]] == [
        itf.INIT,
        *(moment.event["type"] for moment in Run(story)),
    ]


def strange(value: Any) -> Iterator[Any]:
    """Values that ITF does not have: numbers, null, and objects of unknown hashes."""
    if isinstance(value, list):
        for entry in value:
            yield from strange(entry)
    elif isinstance(value, dict):
        marked = [name for name in value if name.startswith("#")]
        if marked == ["#bigint"]:
            yield from (
                () if isinstance(value["#bigint"], str) and str(int(value["#bigint"])) == value["#bigint"] else [value]
            )
        elif marked == ["#map"]:
            yield from (entry for pair in value["#map"] for half in pair for entry in strange(half))
        elif marked == ["#tup"]:
            yield from strange(value["#tup"])
        elif marked:
            yield value
        else:
            yield from strange(list(value.values()))
    elif not isinstance(value, bool | str):
        yield value


def test_values_of_one_variable_are_of_one_shape() -> None:
    """A viewer with types needs the same fields in every record of a variable."""
    data = itf.to_json(guided(Random(1), 60))
    positions = [
        position
        for state in data["states"]
        for account in state["accounts"]
        for pool in account["pools"]
        for position in pool["positions"]
    ]
    assert len({tuple(sorted(position)) for position in positions}) == 1
    assert {position["state"] for position in positions} <= set(machine.lifecycle().table.states)
    assert {position["order"]["tag"] for position in positions} == {"None", "Some"}


@pytest.mark.parametrize("malformed", [None, [], {}, {"states": []}, {"states": [{}], "#meta": {}}])
def test_what_is_no_trace_is_refused(malformed: Any) -> None:
    with pytest.raises(shapes.WrongShape, match="no trace"):
        itf.from_json(malformed)


def test_a_value_of_no_kind_is_refused() -> None:
    data = itf.to_json(guided(Random(1), 3))
    data["states"][0]["time"] = {"#set": []}
    with pytest.raises(shapes.WrongShape, match="unknown value"):
        itf.from_json(data)


def test_the_command_writes_one(tmp_path: Path) -> None:
    file = tmp_path / "deficit.itf.json"
    done = run("trace", "deficit", "-o", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert itf.from_json(json.loads(file.read_text())).config == scenarios.load("deficit").config
