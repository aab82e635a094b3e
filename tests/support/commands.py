"""Runs a command as a user does, but in this process."""

import subprocess
import sys

import pytest

from liqspec import cli


def run_here(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command in this process; its exit status."""
    monkeypatch.setattr(sys, "argv", ["liqspec", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a separate process."""
    return subprocess.run(
        [sys.executable, "-m", "liqspec", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
