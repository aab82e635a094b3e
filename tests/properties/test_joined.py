"""Exploration by accounts: the states and steps of the plain explorer, to the last; and its counterexamples."""

import os
import re
import signal
import subprocess
import sys
import time
from typing import Any

import attrs
import pytest

from liqspec.search import expand, packing, seen, whole
from liqspec.search.exploration import Exploration
from liqspec.search.explore import explore
from liqspec.spec import scopes
from liqspec.spec.scopes import Scope
from liqspec.step.wrong_engines import EVERY
from liqspec.verify import tasks

ACCOUNTS = scopes.load("thorough/accounts")


def counts(found: Exploration) -> tuple[Any, ...]:
    """What both explorers must count alike."""
    return found.states, found.steps, found.refused, found.depth, found.exhausted


def of_several(name: str, depth: int) -> Scope:
    """A scope of one account, with a second account that can do the same."""
    scope = scopes.load(name)
    (first,) = scope.config["accounts"]
    again = tuple({**event, "account": "zoe"} for event in scope.setup if event.get("account") == first)
    events = attrs.evolve(
        scope.events,
        deposit={name: amount for amount in scope.events.deposit.values() for name in (first, "zoe")},
        withdraw={name: amount for amount in scope.events.withdraw.values() for name in (first, "zoe")},
        transfer=tuple({**one, "account": name} for one in scope.events.transfer for name in (first, "zoe")),
        trade=tuple(attrs.evolve(one, account=name) for one in scope.events.trade for name in (first, "zoe")),
    )
    config = {**scope.config, "accounts": [first, "zoe"]}
    return attrs.evolve(scope, config=config, setup=scope.setup + again, events=events, max_depth=depth, symmetric=True)


@pytest.mark.parametrize(
    "scope",
    [
        attrs.evolve(ACCOUNTS, max_depth=4),
        attrs.evolve(ACCOUNTS, max_depth=3, symmetric=False),
        attrs.evolve(scopes.load("cross"), max_depth=3),
        attrs.evolve(scopes.load("four"), max_depth=3),
        pytest.param(attrs.evolve(scopes.load("four"), max_depth=6), marks=pytest.mark.thorough),
        pytest.param(attrs.evolve(scopes.load("thorough/four"), max_depth=3), marks=pytest.mark.thorough),
        of_several("minimal", 3),
        of_several("vault", 2),
        of_several("mark", 1),
        of_several("isolated", 2),
        attrs.evolve(of_several("ranked", 2), symmetric=False),
        *(
            pytest.param(of_several(name, depth), marks=pytest.mark.thorough)
            for name, depth in (("minimal", 5), ("vault", 5), ("mark", 2), ("isolated", 4), ("thorough/modes", 3))
        ),
    ],
    ids=lambda scope: f"{scope.name}-{scope.max_depth}{'' if scope.symmetric else '-each'}",
)
def test_the_join_counts_what_the_plain_explorer_counts(scope: Scope) -> None:
    """EVT-1, EVT-9, LIQ-2: an account alone may also do what an order of another one holds back."""
    together, plain = explore(scope, whole_steps=20), explore(scope, joined=False)
    assert (together.explorer, plain.explorer) == ("joined", "plain")
    assert counts(together) == counts(plain)
    assert together.coverage.violations == plain.coverage.violations == []
    assert together.coverage.failures == []
    assert together.whole_steps >= 20
    assert set(together.never) <= set(plain.never)


def test_three_accounts_are_joined() -> None:
    config = {**ACCOUNTS.config, "accounts": ["alice", "bob", "carol"]}
    trades = tuple(
        attrs.evolve(one, account=name)
        for name in config["accounts"]
        for one in ACCOUNTS.events.trade
        if one.account == "bob"
    )
    setup = tuple({"type": "deposit", "account": name, "amount": "22"} for name in config["accounts"])
    events = attrs.evolve(ACCOUNTS.events, trade=trades)
    scope = attrs.evolve(ACCOUNTS, config=config, setup=setup, events=events, max_depth=3)
    assert counts(explore(scope)) == counts(explore(scope, joined=False))


def test_states_that_are_too_many_for_a_cell_each_are_counted_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    scope = attrs.evolve(ACCOUNTS, max_depth=4)
    in_cells = counts(explore(scope, whole_steps=1))
    monkeypatch.setattr(seen, "DENSE", 1 << 9)
    assert counts(explore(scope, whole_steps=1)) == in_cells


@pytest.fixture(name="two")
def two_accounts() -> Scope:
    """Two accounts of the scope four, which is soon exhausted."""
    four = scopes.load("four")
    trades = tuple(one for one in four.events.trade if one.account in ("alice", "bob"))
    setup = tuple(event for event in four.setup if event["account"] in ("alice", "bob"))
    config = {**four.config, "accounts": ["alice", "bob"]}
    return attrs.evolve(four, config=config, setup=setup, events=attrs.evolve(four.events, trade=trades))


def test_a_long_exploration_prints_how_far_it_is_and_what_can_be_left(
    two: Scope, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tasks, "INTERVAL", 0.0)
    found = tasks.explored(two, whole_steps=1).exploration
    assert found is not None
    assert found.exhausted
    assert found.most == found.states == 14_262
    first, *_, last = capfd.readouterr().err.splitlines()
    assert re.fullmatch(r"scope four: depth 1, 1 state, [\d,]+ a second", first)
    assert re.fullmatch(
        r"scope four: depth \d+, [\d,]+ states of at most 14,262, [\d,]+ a second, at most \d+ s left", last
    )


def test_an_exploration_that_is_interrupted_says_what_it_had_counted(
    two: Scope, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(whole, "sample_whole_steps", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tasks.explored(attrs.evolve(two, max_depth=4))
    printed = capfd.readouterr().err
    assert re.fullmatch(
        r"interrupted, with nothing violated so far: scope four: depth 4, 228 states, .* second\n", printed
    )


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="a terminal sends the signal to a group of processes")
def test_explorations_on_several_processes_say_what_they_had_counted_when_interrupted() -> None:
    # SIGINT is ignored in what a shell starts in the background; here it must not be.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from liqspec.cli import main; main()"
    command = [sys.executable, "-c", code, "verify", "--scope", "isolated", "--scope", "isolated", "--processes", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(8)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.count("interrupted, with nothing violated so far: scope isolated: depth ") == 2
    assert "Traceback" not in errors


def test_most_steps_of_the_scope_are_not_steps_of_the_model() -> None:
    found = explore(attrs.evolve(ACCOUNTS, max_depth=6))
    assert counts(found) == (4_023, 13_198, 3_129, 6, False)
    assert found.model_steps == 3_171


@pytest.mark.parametrize(("scope", "explorer"), [("minimal", "plain"), ("cross", "joined")])
def test_one_account_is_explored_plainly(scope: str, explorer: str) -> None:
    assert explore(attrs.evolve(scopes.load(scope), max_depth=1), whole_steps=20).explorer == explorer


def test_symmetric_accounts_that_begin_differently_are_explored_plainly() -> None:
    scope = attrs.evolve(ACCOUNTS, setup=ACCOUNTS.setup[:1], max_depth=2)
    assert explore(scope).explorer == "plain"


def test_accounts_of_more_states_than_there_is_room_for_are_explored_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MOST", 1 << 4)
    scope = attrs.evolve(ACCOUNTS, max_depth=3)
    found = explore(scope)
    assert found.explorer == "plain"
    assert counts(found) == counts(explore(scope, joined=False))


@pytest.mark.parametrize(
    ("number", "depth"),
    [("B01", 2), ("B35", 5), ("X44", 5), ("B14", 5), pytest.param("X63", 6, marks=pytest.mark.thorough)],
)
def test_a_wrong_engine_has_the_counterexample_that_the_plain_explorer_finds(number: str, depth: int) -> None:
    scope = attrs.evolve(ACCOUNTS, max_depth=depth)
    with EVERY[number].applied():
        found, plain = explore(scope), explore(scope, joined=False)
    assert plain.coverage.violations != []
    assert found.coverage.violations == plain.coverage.violations


def test_a_join_that_cannot_go_on_is_a_named_failure_with_the_events_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    def canonical(*_: object) -> bytes:
        raise LookupError("no such pool")

    monkeypatch.setattr(expand, "_account", canonical)
    (failure,) = explore(ACCOUNTS).coverage.failures
    assert failure.where == "scope thorough/accounts"
    assert failure.what.startswith("LookupError in canonical (")
    assert failure.events == [ACCOUNTS.setup[0]]
