"""The boundaries of the decisions, searched symbolically in a separate process, which the search patches."""

import os
import subprocess
import sys
from pathlib import Path

from support.paths import ROOT


def test_the_boundaries_hold_where_symbolic_execution_looks(tmp_path: Path) -> None:
    """LIQ-3, LIQ-4, CLD-2, BKS-1, ACC-9, MRG-4, AMT-6: see `symbolic_boundaries.py`."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-o",
            "addopts=",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "tests/support/symbolic_boundaries.py",
        ],
        cwd=ROOT,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout, done.stdout
