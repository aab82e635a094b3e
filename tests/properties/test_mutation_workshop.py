"""The measurement of small changes works: its detectors run, see a mutant, and verdicts are kept.

The measurement itself takes hours (`make mutation`), so that nobody would notice for long that it fails at its start.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adversaries.measure_mutation import MODULES
from adversaries.mutation import survivors, workshop
from adversaries.mutation.detectors import DETECTORS, Detector
from adversaries.mutation.kept import Kept
from adversaries.mutation.mutants import mutants_of
from adversaries.mutation.workshop import PACKAGE, ROOT

LOOKING = DETECTORS[:2]


# In a process that has loaded nothing of the project, as the measurement needs it.
TRY = """
import sys
from pathlib import Path
from adversaries.mutation import workshop
from adversaries.mutation.detectors import Detector
from adversaries.mutation.mutants import mutants_of

looking = [Detector.of_tests("refusals", "rules/test_refusal_table")]
bench = workshop.Bench.of_tree(Path(sys.argv[1]))
seconds = workshop.baseline(bench, looking)
mutant = mutants_of("core/refusals.py", workshop.ROOT / workshop.PACKAGE)[0]
(verdict,) = workshop.trials([bench], {mutant: looking}, seconds)
print(verdict.detector)
"""


def test_every_detector_finds_the_files_of_its_tests() -> None:
    missing = [name for one in DETECTORS for name in one.files if not (ROOT / "tests" / f"{name}.py").exists()]
    assert not missing


def test_a_mutant_of_a_module_in_a_folder_replaces_that_module(tmp_path: Path) -> None:
    module, bench = "core/events/__init__.py", workshop.Bench(tmp_path)
    target = tmp_path / PACKAGE / module
    target.parent.mkdir(parents=True)
    target.write_text("as it was")
    mutant = mutants_of(module, ROOT / PACKAGE)[0]
    bench.replace(mutant.module, mutant.source)
    assert target.read_text() == mutant.source
    bench.restore(mutant.module)
    assert target.read_text() == "as it was"


@pytest.mark.thorough
def test_the_list_of_survivors_has_only_mutants_that_there_are() -> None:
    mutants = [mutant for name in MODULES for mutant in mutants_of(name, ROOT / PACKAGE)]
    assert survivors.out_of_date(survivors.load(), mutants, []) == []


def test_the_tree_as_it_is_passes_and_a_mutant_does_not(tmp_path: Path) -> None:
    paths = os.pathsep.join(str(ROOT / name) for name in ("model", "tests"))
    done = subprocess.run(
        [sys.executable, "-c", TRY, str(tmp_path / "bench")],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("refusals\n", 0), done.stderr


def test_a_verdict_is_kept_for_the_same_source_and_what_survived_by_detector(tmp_path: Path) -> None:
    seen, survived, untried = mutants_of("core/refusals.py", ROOT / PACKAGE)[:3]
    kept = Kept.of(tmp_path / "kept.jsonl", LOOKING)
    kept.add(workshop.Verdict(seen, "refusals", "LIQ-1"))
    kept.add(workshop.Verdict(survived, "", ""))
    assert kept.load([seen, survived, untried]) == {
        seen: workshop.Verdict(seen, "refusals", "LIQ-1"),
        survived: workshop.Verdict(survived, "", ""),
    }
    more = Kept.of(kept.path, DETECTORS[:3])
    assert set(more.load([seen, survived])) == {seen}
    assert more.passed([survived, untried]) == {survived: {one.name for one in LOOKING}}


def test_a_detector_with_other_tests_looks_again(tmp_path: Path) -> None:
    mutant = mutants_of("core/refusals.py", ROOT / PACKAGE)[0]
    one, other = (Detector.of_tests("refusals", file) for file in ("rules/test_refusal_table", "rules/test_names"))
    Kept.of(tmp_path / "kept.jsonl", [one]).add(workshop.Verdict(mutant, "", ""))
    assert set(Kept.of(tmp_path / "kept.jsonl", [one]).load([mutant])) == {mutant}
    assert Kept.of(tmp_path / "kept.jsonl", [other]).load([mutant]) == {}
