"""`liqspec conform` finds wrong engines whose author had read the rules and one engine, and nothing else."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adversaries import patched
from adversaries.patched import Patched
from liqspec.cli.app import app
from liqspec.spec import rulebook

ENGINES = patched.engines()


@pytest.mark.parametrize("engine", ENGINES, ids=lambda one: one.name)
def test_each_patch_applies_and_names_rules(engine: Patched) -> None:
    compile(engine.source(), engine.name, "exec")
    assert set(engine.rules) <= set(rulebook.rules())


@pytest.mark.thorough
@pytest.mark.parametrize(
    "engine",
    [
        pytest.param(one, id=one.name, marks=pytest.mark.xfail(reason=one.missed, strict=False) if one.missed else ())
        for one in ENGINES
    ],
)
def test_a_default_comparison_finds_it(engine: Patched, tmp_path: Path) -> None:
    path = tmp_path / "engine.py"
    path.write_text(engine.source(), encoding="utf-8")
    done = CliRunner().invoke(
        app, ["conform", "--shrink", "0", "--save", str(tmp_path), "--", sys.executable, str(path)]
    )
    assert done.exit_code == 1, engine.why
