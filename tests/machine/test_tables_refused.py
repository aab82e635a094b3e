"""The tables of the specification that the code must know in full are refused where they say something else."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from liqspec.core import machine
from liqspec.draw import diagram
from liqspec.draw.diagram import CannotDraw
from liqspec.edge import files, shapes
from liqspec.edge.files import rules_version
from liqspec.spec import observables, rulebook, scopes


def table(name: str) -> dict[str, Any]:
    """A table of the specification as plain data, which the test may change."""
    return files.read_toml(files.ROOT / name)


def test_a_state_without_its_class_is_missed() -> None:
    data = table("observation.toml")
    next(iter(data["classes"].values())).pop()
    with pytest.raises(shapes.WrongShape, match="classes: must list each of these states once: "):
        shapes.structure(data, observables.Observables)


def test_a_sizing_without_its_rules_is_missed() -> None:
    data = table("observation.toml")
    del data["sizings"]["window"]
    with pytest.raises(shapes.WrongShape, match=r"sizings: must have each of these: no_threshold, .*window, chunk"):
        shapes.structure(data, observables.Observables)


@pytest.fixture
def another_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A specification of which the rules are those that the test writes."""
    (tmp_path / "rules").mkdir()
    monkeypatch.setattr(files, "ROOT", tmp_path)
    return tmp_path


def test_a_repeated_rule_is_refused(another_root: Path) -> None:
    for name in ("01-one.md", "02-two.md"):
        (another_root / "rules" / name).write_text("# Page\n\n### LIQ-1 · A rule\n\nText.\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"02-two\.md: LIQ-1 is repeated"):
        rulebook.rules.__wrapped__()


def test_rules_without_a_version_are_refused(another_root: Path) -> None:
    (another_root / "rules.md").write_text("# The rules\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rules\.md: the version of the rules is missing"):
        rules_version.__wrapped__()


def test_a_symmetric_scope_in_which_one_account_can_do_more_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its states would count as the same, and are not."""
    name = next(name for name in scopes.names() if len(scopes.load(name).config["accounts"]) > 1)
    scope = scopes.load(name)
    first = scope.config["accounts"][0]
    more = attrs.evolve(scope, symmetric=True, events=attrs.evolve(scope.events, deposit={first: "1"}))
    monkeypatch.setattr(shapes, "structure", lambda data, shape: more)
    with pytest.raises(shapes.WrongShape, match="symmetric: one account can do what another cannot"):
        scopes.load(name)


def test_sources_that_cross_cannot_be_framed() -> None:
    lifecycle = machine.lifecycle()
    many = next(entry for entry in lifecycle.table.transitions if len(entry.sources) > 1)
    outside = next(name for name in lifecycle.table.states if name not in many.sources)
    crossing = attrs.evolve(many, sources=(many.sources[0], outside))
    changed = attrs.evolve(lifecycle.table, transitions=(many, crossing))
    with pytest.raises(CannotDraw, match="cross"):
        diagram._frames(changed)


def test_a_frame_is_named_after_what_its_states_have_in_common() -> None:
    changed = machine.lifecycle().table
    assert diagram._frame_name(changed, ("new", "closed")) == "without_position"
    assert diagram._frame_name(changed, ("healthy", "closed")) == "healthy_or_closed"
