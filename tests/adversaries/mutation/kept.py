"""Verdicts kept in a file, so that a measurement of hours can be stopped and continued."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from adversaries.mutation.detectors import Detector
from adversaries.mutation.mutants import Mutant
from adversaries.mutation.workshop import Verdict


@frozen
class Kept:
    """A file of verdicts, a line each.

    A verdict is used again for the same source only, and that a mutant survived only for the same detectors.
    """

    path: Path | None
    detectors: tuple[str, ...]

    @classmethod
    def of(cls, path: Path | None, detectors: Sequence[Detector]) -> "Kept":
        """The verdicts of a run with these detectors; without a file nothing is kept."""
        return cls(path, tuple(detector.name for detector in detectors))

    def load(self, mutants: Sequence[Mutant]) -> dict[Mutant, Verdict]:
        """The verdicts on these mutants that are in the file."""
        if self.path is None or not self.path.exists():
            return {}
        lines = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
        known = {line["source"]: line for line in lines if line["detector"] or line["survived"] == [*self.detectors]}
        found = {mutant: known.get(_digest(mutant)) for mutant in mutants}
        return {one: Verdict(one, line["detector"], line["seen"]) for one, line in found.items() if line is not None}

    def add(self, verdict: Verdict) -> None:
        """Write one more verdict to the file."""
        if self.path is None:
            return
        line = {
            "source": _digest(verdict.mutant),
            "detector": verdict.detector,
            "seen": verdict.seen,
            "survived": [*self.detectors] if verdict.survived else [],
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _digest(mutant: Mutant) -> str:
    return hashlib.sha256(f"{mutant.module}\n{mutant.source}".encode()).hexdigest()
