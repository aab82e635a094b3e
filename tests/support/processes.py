"""Whether a process lives, for tests of what is left behind."""

import os
import sys
from pathlib import Path

import pytest

only_on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lists what left a session")


def lives(pid: int) -> bool:
    """Whether a process exists and is not a zombie that waits to be reaped."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self").exists():
        return stat.exists() and ") Z " not in stat.read_text()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
