"""What leaks from one account into another is found three ways: by whole steps, by random events, and by the proofs."""

from typing import Any

import attrs
import pytest

from liqspec.core import assessment, changes
from liqspec.core.effects import Effect
from liqspec.core.state import Pool, Position, State
from liqspec.generate.configurations import shipped_bases
from liqspec.proofs.inductive.prove import prove
from liqspec.proofs.inductive.steps import Step
from liqspec.proofs.inductive.unknown import Kind, Shape
from liqspec.search import alone
from liqspec.search.explore import explore
from liqspec.spec import scopes
from liqspec.verify.tasks import LENGTH, random_runs

OPEN_WINDOWS = changes.open_windows


def windows_of_all(state: State, pool: Pool, position: Position, effects: list[Effect]) -> None:
    """CLD-5: the fill of one account opens the windows of all."""
    OPEN_WINDOWS(state, pool, position, effects)
    for account in state.accounts.values():
        account.window.extend(state.time + state.venue.cooldown_ms)


def another_pays(state: State, pool: Pool, effects: list[Effect]) -> None:
    """BKS-7: a deficit is taken from another account, where there is one."""
    if pool.collateral < 0:
        other = next((one for name, one in state.accounts.items() if name != pool.account), None)
        if other is None:
            state.vault.cash += pool.collateral
        else:
            other.cross.collateral += pool.collateral
        pool.collateral = 0


WINDOWS, DEFICIT = (changes, "open_windows", windows_of_all), (assessment, "cover_deficit", another_pays)
LEAKS = pytest.mark.parametrize(("module", "name", "leak"), [WINDOWS, DEFICIT], ids=["windows", "deficit"])


@pytest.mark.parametrize(
    ("module", "name", "leak", "within"),
    [(*WINDOWS, "four"), (*DEFICIT, "thorough/accounts")],
    ids=["windows", "deficit"],
)
def test_it_is_found_by_whole_steps(
    module: Any, name: str, leak: Any, within: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIQ-2: alone an account leaks nowhere, so only steps with all of them can show it."""
    monkeypatch.setattr(module, name, leak)
    scope = attrs.evolve(scopes.load(within), max_depth=6)
    found = explore(scope, whole_steps=3_000)
    assert found.whole_steps
    (violation,) = found.coverage.violations
    assert violation.where.startswith("sampled run")
    account = attrs.evolve(alone.only(scope, "alice"), max_depth=6)
    assert explore(account).coverage.violations == []


@LEAKS
def test_it_is_found_by_random_events(module: Any, name: str, leak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, name, leak)
    part = random_runs(tuple(shipped_bases().values()), 1, tuple((number, LENGTH) for number in range(40)))
    assert part.coverage.violations != []


@pytest.mark.parametrize(
    ("module", "name", "leak"),
    [WINDOWS, pytest.param(*DEFICIT, marks=pytest.mark.thorough)],
    ids=["windows", "deficit"],
)
def test_it_is_refuted_by_the_frame(module: Any, name: str, leak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an event looks at another account its step is not proved, for any numbers."""
    working = Shape(True, (("A", Kind("liquidatable", order=True)),))
    monkeypatch.setattr(module, name, leak)
    found = prove(Step("fill", "cross", working, "A"))
    assert {one.end for one in found.unproved} == {"leak: the other entries of accounts"}
