"""No false alarm in a long comparison: the model compared with itself, and with the three engines of other hands."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from liqspec.cli.app import app
from support import foreign_engines

STEPS, MANY = 400, 1_000_000
ENGINES = ("model", "python", "javascript", "c")


def compared(engine: str, steps: int, folder: Path) -> Any:
    """What `conform` reports of that number of steps with an engine, for machines."""
    if engine == "model":
        command = [sys.executable, "-m", "liqspec", "oracle"]
    elif engine == "c":
        command = foreign_engines.c_engine(folder)
    else:
        command = getattr(foreign_engines, f"{engine}_engine")()
    done = CliRunner().invoke(app, ["conform", "--steps", str(steps), "--json", "--", *command])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("steps", [STEPS, pytest.param(MANY, marks=pytest.mark.thorough)])
def test_a_right_engine_conforms_however_long_it_is_compared(engine: str, steps: int, tmp_path: Path) -> None:
    report = compared(engine, steps, tmp_path)
    assert report["conforms"] is True
    assert report["exercised"]["steps"] >= steps
