"""Verdicts kept in a file, so that a measurement of hours can be stopped and continued."""

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from adversaries.mutation.detectors import Detector
from adversaries.mutation.mutants import Mutant
from adversaries.mutation.workshop import ROOT, Verdict


@frozen
class Kept:
    """A file of verdicts, a line each.

    A verdict is used again for the same source only. What a mutant survived is kept by detector, with a digest of its
    tests: only detectors that are new, or have new tests, look again.
    """

    path: Path | None
    detectors: dict[str, str]

    @classmethod
    def of(cls, path: Path | None, detectors: Sequence[Detector]) -> "Kept":
        """The verdicts of a run with these detectors; without a file nothing is kept."""
        return cls(path, {detector.name: _digest_of_tests(detector) for detector in detectors})

    def load(self, mutants: Sequence[Mutant]) -> dict[Mutant, Verdict]:
        """The verdicts on these mutants that are in the file: seen, or survived all the detectors."""
        found = {}
        for mutant, line in self._lines(mutants).items():
            if line["detector"] or self._passed(line) == {*self.detectors}:
                found[mutant] = Verdict(mutant, line["detector"], line["seen"])
        return found

    def passed(self, mutants: Sequence[Mutant]) -> dict[Mutant, Collection[str]]:
        """The detectors that each of these mutants has survived by the file."""
        return {mutant: self._passed(line) for mutant, line in self._lines(mutants).items()}

    def add(self, verdict: Verdict) -> None:
        """Write one more verdict to the file."""
        if self.path is None:
            return
        line = {
            "source": _digest(verdict.mutant),
            "detector": verdict.detector,
            "seen": verdict.seen,
            "survived": self.detectors if verdict.survived else {},
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _passed(self, line: dict[str, Any]) -> set[str]:
        return {name for name, digest in line["survived"].items() if self.detectors.get(name) == digest}

    def _lines(self, mutants: Sequence[Mutant]) -> dict[Mutant, dict[str, Any]]:
        """The last line about each mutant that is in the file."""
        if self.path is None or not self.path.exists():
            return {}
        lines = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
        known = {line["source"]: line for line in lines}
        return {mutant: known[digest] for mutant in mutants if (digest := _digest(mutant)) in known}


def _digest(mutant: Mutant) -> str:
    return hashlib.sha256(f"{mutant.module}\n{mutant.source}".encode()).hexdigest()


def _digest_of_tests(detector: Detector) -> str:
    texts = [(ROOT / "tests" / f"{name}.py").read_bytes() for name in detector.files]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()
