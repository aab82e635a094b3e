"""The measurement of small changes works: its detectors run, see a mutant, and verdicts are kept.

The measurement itself takes hours (`make mutation`), so that nobody would notice for long that it fails at its start.
"""

from pathlib import Path

import pytest

from adversaries.mutation import workshop
from adversaries.mutation.detectors import DETECTORS, Detector
from adversaries.mutation.kept import Kept
from adversaries.mutation.mutants import mutants_of
from adversaries.mutation.workshop import PACKAGE, ROOT, Bench

LOOKING = [Detector.of_tests("refusals", "rules/test_refusal_table")]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.of_tree(tmp_path / "bench")


def test_every_detector_finds_the_files_of_its_tests() -> None:
    missing = [name for one in DETECTORS for name in one.files if not (ROOT / "tests" / f"{name}.py").exists()]
    assert not missing


def test_the_tree_as_it_is_passes_and_a_mutant_does_not(bench: Bench) -> None:
    seconds = workshop.baseline(bench, LOOKING)
    assert set(seconds) == {one.name for one in LOOKING}
    mutant = mutants_of(ROOT / PACKAGE / "core" / "refusals.py")[0]
    (verdict,) = workshop.trials([bench], [mutant], LOOKING, seconds)
    assert (verdict.mutant, verdict.detector) == (mutant, "refusals")


def test_a_verdict_is_kept_for_the_same_source_and_the_same_detectors(tmp_path: Path) -> None:
    seen, survived, untried = mutants_of(ROOT / PACKAGE / "core" / "refusals.py")[:3]
    kept = Kept.of(tmp_path / "kept.jsonl", LOOKING)
    kept.add(workshop.Verdict(seen, "refusals", "LIQ-1"))
    kept.add(workshop.Verdict(survived, "", ""))
    assert kept.load([seen, survived, untried]) == {
        seen: workshop.Verdict(seen, "refusals", "LIQ-1"),
        survived: workshop.Verdict(survived, "", ""),
    }
    assert set(Kept.of(kept.path, DETECTORS).load([seen, survived])) == {seen}
