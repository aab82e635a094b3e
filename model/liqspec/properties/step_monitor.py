"""Monitor one step from a state that is known: what must hold of a state, whatever led to it, is judged when the state
is met first, except what is about the vault, which differs with the way to a state.
"""

from collections.abc import Callable
from typing import Any

from liqspec.core.engine import Engine
from liqspec.core.observation import Observer
from liqspec.core.snapshot import Snapshot
from liqspec.core.state import Book, Pool, Position
from liqspec.properties.catalogue import the_vaults_equity_is_its_own
from liqspec.properties.checker.witness import Witness
from liqspec.properties.coverage import Coverage
from liqspec.properties.monitor import ALL, Judged, Monitor, chosen

_MOST_KEPT = 1 << 15  # entries, so that memory stays bounded


class StateObserver(Observer):
    """Observes states of many runs; an entry is formed once for what it shows, whichever state shows it."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[object, dict[str, Any]] = {}

    def _kept(
        self, of: Position | Pool | Book, shown: tuple[object, ...], form: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        key = ("vault" if isinstance(of, Book) else of.key, shown)
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) >= _MOST_KEPT:
                self._entries.clear()
            entry = self._entries[key] = form()
        return entry


class StepMonitor(Monitor):
    """Judges one event in a known state.

    `met` says of the state after it whether what must hold of a state was judged there.
    """

    def __init__(
        self,
        engine: Engine,
        snapshot: Snapshot,
        witness: Witness,
        coverage: Coverage,
        observer: StateObserver,
        met: Callable[[Snapshot], bool],
    ) -> None:
        super().__init__(engine, snapshot, witness, coverage)
        self._observer, self._met = observer, met

    def judged(self) -> Judged:
        """The properties by which the latest event is judged."""
        return _STEP if self.unchanged or self._met(self.snapshot) else ALL


_STEP = chosen(lambda entry: entry.kind != "state" or entry.judge is the_vaults_equity_is_its_own)
