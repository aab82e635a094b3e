"""How many states Spin finds in the scopes that tests/peers/accounts.pml states once more."""

import re
import shutil
import subprocess
from pathlib import Path

from attrs import frozen

from support.paths import PEERS

MISSING = ", ".join(name for name in ("spin", "gcc") if shutil.which(name) is None)
SCOPES: dict[str, tuple[str, ...]] = {"thorough/accounts": (), "four": ("-DFOUR",)}  # with Spin's options for each
SEARCH = ("-DNOCOMP", "-DBFS", "-DSAFETY")
PARALLEL = ("-DNOCOMP", "-DBFS_PAR", "-DSAFETY")  # on several cores, with a hash of each state in place of the state


@frozen
class Counted:
    """What Spin found up to a depth in events: states and steps of the scope, and the seconds that it says it took."""

    states: int
    steps: int
    seconds: float


@frozen
class Peer:
    """A compiled search."""

    program: Path
    options: tuple[str, ...] = ()

    def count(self, depth: int) -> Counted:
        """Search up to a number of events after the setup.

        Spin also counts the state before the setup, the way into that state, and the setup itself as a step. A state
        that it does not expand, as it lies at the end of the depth, is a matched step to it; these are the states that
        one event less does not reach.
        """
        states, steps, seconds = self._search(depth + 1)
        return Counted(states - 1, steps - 2 - (states - self._search(depth)[0]), seconds)

    def _search(self, depth: int) -> tuple[int, int, float]:
        command = [str(self.program), *self.options, f"-m{depth}"]
        text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
        assert "errors: 0" in text, text
        states, steps, seconds = (
            re.search(pattern, text)
            for pattern in (r"(\d+) states, stored", r"(\d+) transitions", r"elapsed time ([\d.e+-]+) seconds")
        )
        assert states is not None and steps is not None and seconds is not None, text
        return int(states[1]), int(steps[1]), float(seconds[1])


def peer(folder: Path, *options: str, search: tuple[str, ...] = SEARCH, optimised: bool = False) -> Peer:
    """Compile the peer in a folder that is empty; `options` are Spin's."""
    subprocess.run(["spin", *options, "-a", PEERS / "accounts.pml"], cwd=folder, check=True, timeout=60)
    level, cores = "-O2" if optimised else "-O0", ("-u2",) if search is PARALLEL else ()
    subprocess.run(["gcc", level, "-w", *search, "-o", "pan", "pan.c"], cwd=folder, check=True, timeout=600)
    return Peer(folder / "pan", cores)


def version() -> str:
    """What Spin says that it is."""
    return _first_line("spin", "-V")


def compiler() -> str:
    """What the compiler says that it is."""
    return _first_line("gcc", "--version")


def _first_line(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()[0]
