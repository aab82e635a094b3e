"""Liveness: how long liquidations can take, pinned for the shipped venues, and wrong engines that break each claim."""

import json
from typing import Any

import attrs
import pytest

from liqspec.core import assessment
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.state import Position
from liqspec.properties.liveness import BELOW, FILLED, ORDERS_END
from liqspec.search.liveness import EXECUTIONS, Graph, Step, Waiting, Waits, stuck
from liqspec.spec import scopes, venues
from liqspec.step.wrong_engines import EVERY
from liqspec.verify.liveness import Liveness, Wait, around, judge
from support.commands import run_here

# The longest waits in blocks, None for ever: where every order is filled, below the backstop line, and in any market.
VENUES: dict[str, tuple[int | None, ...]] = {
    "coarse": (2, 1, None),
    "eth-march-2025": (4, 1, None),
    "generic": (1, 1, None),
    "hyperliquid": (4, 1, None),
    "hyperliquid-testnet": (4, 1, None),
}
SCOPES: dict[str, tuple[int | None, ...]] = {
    "cooldown": (2, 1, None),
    "cross": (1, 1, None),
    "four": (1, 1, 1),
    "isolated": (1, 1, None),
    "mark": (1, 1, None),
    "minimal": (1, 1, None),
    "ranked": (1, 1, None),
    "vault": (1, 1, None),
}
COARSE = around(venues.load("coarse"))


def blocks(found: Liveness) -> tuple[int | None, ...]:
    return tuple(wait.blocks for wait in found.waits)


def replayed(found: Liveness, wait: Wait) -> list[bool]:
    """Whether the pool is in liquidation when each block of a story begins, and at the story's end."""
    engine, seen = Engine(Config.from_json(found.scope.config)), []
    for event in [*found.scope.setup, *wait.story, *wait.loop]:
        before = {pool.key: pool.in_liquidation for pool in engine.state.pools()}
        assert apply_event(engine, event).code is None
        if event["type"] == "block":
            seen.append(before[str(wait.pool)])
    return [*seen, {pool.key: pool.in_liquidation for pool in engine.state.pools()}[str(wait.pool)]]


@pytest.mark.parametrize("name", venues.names())
def test_the_longest_waits_of_each_venue(name: str) -> None:
    """LIQ-11, LIQ-13: four blocks at most at a venue with chunks of a fifth, and for ever only above the line."""
    found = judge(around(venues.load(name)))
    assert (blocks(found), found.broken) == (VENUES[name], [])
    filled, below, unfilled = found.waits
    for wait in (filled, below):
        *begun, left = replayed(found, wait)
        assert (begun.count(True), left) == (wait.blocks, False)
    assert [event["type"] for event in unfilled.loop] == ["order_done", "block"]
    assert replayed(found, unfilled)[-1]


@pytest.mark.parametrize(
    "name", [name if name == "mark" else pytest.param(name, marks=pytest.mark.thorough) for name in scopes.names()]
)
def test_the_longest_waits_of_each_scope(name: str) -> None:
    """LIQ-13: also where marks are formed, whose inputs grow older without an end (MRK-5)."""
    found = judge(scopes.load(name))
    assert (blocks(found), found.broken) == (SCOPES[name], [])


def test_where_no_order_is_emitted_a_pool_above_the_line_waits_for_ever_in_every_market() -> None:
    """LIQ-16: it is reported with the events that repeat."""
    found = judge(around(venues.load("generic").changed(liquidation={"market_attempt": False})))
    (broken,) = found.broken
    assert (broken.claim, [event["type"] for event in broken.loop]) == (FILLED.name, ["block"])
    assert blocks(found) == (None, 0, None)


def takes_nothing(*_: Any) -> None:
    """BKS-3: the vault takes no pool."""


def test_a_vault_that_never_takes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessment, "backstop_or_wait", takes_nothing)
    (broken,) = judge(COARSE).broken
    assert broken.claim == BELOW.name
    assert [event["type"] for event in broken.loop] == ["order_done", "block"]


def test_a_block_that_does_not_renew_attempts_is_found() -> None:
    with EVERY["X53"].applied():
        broken = judge(COARSE).broken
    assert {one.claim for one in broken} >= {FILLED.name, BELOW.name}
    assert all([event["type"] for event in one.loop] == ["block"] for one in broken)


def ends_nothing(position: Position) -> None:
    """FIL-3: an order works on, whatever has happened to it."""


def test_an_order_that_never_ends_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Position, "end_order", ends_nothing)
    (broken,) = [one for one in judge(COARSE).broken if one.claim == ORDERS_END.name]
    assert {event["type"] for event in broken.loop} == {"order_done"}


def graph(*steps: list[tuple[str, int]]) -> Graph:
    """States in which one pool waits, with the types and the ends of their steps."""
    kept = [[Step({"type": kind}, after) for kind, after in state] for state in steps]
    way = [None, *((0, {"type": "mark_price"}) for _ in steps[1:])]
    return Graph(COARSE, [{"pool": Waiting(below=False, orders=1)} for _ in steps], kept, way)


def test_a_state_in_which_nothing_can_happen_is_found() -> None:
    assert stuck(graph([("fill", 1)], [("deposit", 1)]), "pool") == 1
    assert stuck(graph([("fill", 1)], [("block", 1)]), "pool") is None


def test_waits_are_counted_in_blocks_only() -> None:
    kinds = ("mark_price", "block", *EXECUTIONS)
    there_and_back = graph([("mark_price", 1)], [("mark_price", 0), ("block", 2)], [("block", 3)], [])
    found = Waits(there_and_back, "pool", lambda _: True, kinds)
    assert (found.blocks, [sorted(layer) for layer in found.layers]) == (2, [[0, 1, 2, 3], [0, 1, 2], [0, 1]])
    assert found.later_than(lambda _: 1) == 0
    assert found.later_than(lambda _: 2) is None
    assert [event["type"] for event in found.story()[0]] == ["mark_price", "block", "block"]


def test_a_wait_without_an_end_is_a_loop_with_a_block() -> None:
    kinds = ("fill", "block")
    found = Waits(graph([("fill", 1)], [("fill", 2), ("fill", 1)], [("block", 1)]), "pool", lambda _: True, kinds)
    assert found.blocks is None
    assert [[event["type"] for event in part] for part in found.story()] == [["mark_price"], ["fill", "block"]]
    assert found.later_than(lambda _: 100) == 0


def test_the_command_reports_waits_as_plain_data_and_as_stories(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "verify", "--liveness", "--venue", "generic", "--processes", "1", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["holds"]
    assert [[wait["blocks"] for wait in one["waits"]] for one in data["scopes"]] == [[1, 1, None]]
    assert run_here(monkeypatch, "verify", "--liveness", "--venue", "generic", "--processes", "1") == 0
    assert "and then again and again:" in capsys.readouterr().out


def test_the_command_says_with_what_it_does_not_go(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "verify", "--liveness", "--quick") == 2
    assert capsys.readouterr().err.startswith("liqspec: --liveness: goes with none of ")


def test_a_setup_that_is_refused_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = attrs.evolve(COARSE, setup=COARSE.setup[1:])
    monkeypatch.setattr("liqspec.verify.liveness.around", lambda _: refused)
    assert run_here(monkeypatch, "verify", "--liveness", "--venue", "generic", "--processes", "1") == 2
    assert capsys.readouterr().err.count("\n") == 1
