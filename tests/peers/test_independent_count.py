"""An independent count: Spin finds exactly the states and steps of a scope that was written in Promela from spec/."""

from pathlib import Path

import attrs
import pytest

from liqspec.search.explore import explore
from liqspec.spec import scopes
from support import spin

pytestmark = pytest.mark.skipif(
    bool(spin.MISSING), reason=f"STATES ARE NOT COUNTED BY SPIN: {spin.MISSING} missing; apt-get install spin gcc"
)


@pytest.mark.parametrize(
    ("name", "depths", "symmetric"),
    [
        ("thorough/accounts", [2, 5], True),
        ("four", [6], True),
        pytest.param("thorough/accounts", [7, 10], True, marks=pytest.mark.thorough),
        pytest.param("thorough/accounts", [3, 8], False, marks=pytest.mark.thorough),
        pytest.param("four", [3, 10], True, marks=pytest.mark.thorough),
        pytest.param("four", [6], False, marks=pytest.mark.thorough),
    ],
)
def test_spin_counts_the_states_and_steps_of_several_accounts(
    name: str, depths: list[int], symmetric: bool, tmp_path: Path
) -> None:
    """EVT-1, LIQ-1: written twice, the rules have the same states and steps, to the last one."""
    peer = spin.peer(tmp_path, *spin.SCOPES[name], *(() if symmetric else ("-DEACH",)))
    scope = attrs.evolve(scopes.load(name), symmetric=symmetric)
    for depth in depths:
        ours, theirs = explore(attrs.evolve(scope, max_depth=depth), whole_steps=1), peer.count(depth)
        assert ours.coverage.violations == []
        assert (theirs.states, theirs.steps) == (ours.states, ours.steps)
