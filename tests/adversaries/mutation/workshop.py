"""Trying mutants: each in a forked process, on a copy of the tree, with a limit on its time and memory."""

import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from attrs import define, frozen

from adversaries.mutation.detectors import Detector
from adversaries.mutation.mutants import Mutant

ROOT = Path(__file__).parents[3]
PACKAGE = Path("model") / "liqspec"
COPIED = ("model", "tests", "spec", "diagrams", "docs", "pyproject.toml", "README.md", "Makefile")
# Loaded once, before the forks. Nothing of the project: each process loads that again, with its mutant.
WARM = ("cattrs", "hypothesis.strategies", "jsonschema", "rich.progress", "tomli_w", "transitions", "typer", "z3")

# An endless loop is seen by the processor time that it takes, an endless list by its memory.
SPARE_SECONDS, TIMES_SLOWER = 4, 5
MEMORY = 4 * 2**30
ENDLESS = "time or memory"


class BrokenTree(Exception):
    """The tree as it is fails a detector, or the workshop itself failed: no mutant can be judged."""


@frozen
class Verdict:
    """The fate of a mutant: the detector that saw it and what it saw; both empty if it survived."""

    mutant: Mutant
    detector: str
    seen: str

    @property
    def survived(self) -> bool:
        return not self.detector


@define
class Bench:
    """A place where one mutant at a time is tried: a copy of the tree."""

    root: Path

    @classmethod
    def of_tree(cls, root: Path) -> "Bench":
        """A copy of the tree as it is."""
        root.mkdir()
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
            else:
                shutil.copy2(source, root / name)
        return cls(root)

    def copy_to(self, root: Path) -> "Bench":
        """A copy of this copy, with the byte code that has been made in it."""
        shutil.copytree(self.root, root)
        return Bench(root)

    def replace(self, module: str, source: str) -> None:
        """Put a mutant in the place of its module."""
        target = self.root / PACKAGE / module
        shutil.copy2(target, self._kept(module))  # with its date, by which its byte code is known
        target.write_text(source, encoding="utf-8")

    def restore(self, module: str) -> None:
        """Put the module back in its place."""
        self._kept(module).replace(self.root / PACKAGE / module)

    def _kept(self, module: str) -> Path:
        return self.root / module.replace("/", "-")

    @property
    def _verdict(self) -> Path:
        return self.root / "verdict"

    def start(self, job: Callable[[], tuple[str, str]]) -> int:
        """Do a job in a separate process that sees only this copy; its number."""
        self._verdict.unlink(missing_ok=True)
        number = os.fork()
        if number:
            return number
        code = 3
        try:
            self._settle()
            detector, seen = job()
            self._verdict.write_text(f"{detector}\n{seen}", encoding="utf-8")
            code = 0
        except BaseException:  # whatever it was, it must not run on in this copy of the parent
            traceback.print_exc()
        finally:
            os._exit(code)

    def result(self, status: int) -> tuple[str, str]:
        """What the job of an ended process said: a detector, and what it saw.

        Raises:
            BrokenTree: the process failed before it could say anything.
        """
        if os.WIFSIGNALED(status):
            return ENDLESS, f"ended by signal {os.WTERMSIG(status)}"
        if os.WEXITSTATUS(status) != 0:
            raise BrokenTree((self.root / "output").read_text(encoding="utf-8", errors="replace"))
        detector, _, seen = self._verdict.read_text(encoding="utf-8").partition("\n")
        return detector, seen

    def _settle(self) -> None:
        """Make this process one that works in the copy, and says nothing."""
        os.chdir(self.root)
        output = os.open("output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        paths = [str(self.root / name) for name in ("model", "tests")]
        sys.path[:0] = paths
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def warm_up() -> None:
    """Load the libraries that each trial needs."""
    for name in WARM:
        import_module(name)


def baseline(bench: Bench, detectors: Sequence[Detector]) -> dict[str, float]:
    """The processor seconds that each detector takes on the tree as it is.

    Raises:
        BrokenTree: a detector sees something wrong in it.
    """
    seconds = {}
    for detector in detectors:

        def job(looking: Detector = detector) -> tuple[str, str]:
            began = time.process_time()
            seen = looking.look()
            return (looking.name, seen) if seen else ("", str(time.process_time() - began))

        _, status = os.waitpid(bench.start(job), 0)
        name, output = bench.result(status)
        if name:
            raise BrokenTree(f"the tree as it is fails {detector.name}: {output}")
        seconds[detector.name] = float(output)
    return seconds


def trials(
    benches: Sequence[Bench],
    mutants: Mapping[Mutant, Sequence[Detector]],
    seconds: dict[str, float],
) -> Iterator[Verdict]:
    """Try the mutants, each with its detectors, one on each bench at a time, and give the verdicts as they come.

    Those detectors look first that have seen most mutants of the module for the time that they take.

    Raises:
        BrokenTree: a trial failed by itself.
    """
    free, waiting = list(benches), [*mutants.items()][::-1]
    busy: dict[int, tuple[Bench, Mutant]] = {}
    seen = Counter[tuple[str, str]]()
    while waiting or busy:
        while waiting and free:
            bench, (mutant, detectors) = free.pop(), waiting.pop()
            bench.replace(mutant.module, mutant.source)
            worth = {one.name: (1 + seen[mutant.module, one.name]) / (1 + seconds[one.name]) for one in detectors}
            promising = sorted(detectors, key=lambda one: -worth[one.name])
            busy[bench.start(partial(_look, promising, seconds))] = bench, mutant
        number, status = os.wait()
        bench, mutant = busy.pop(number)
        bench.restore(mutant.module)
        detector, what = bench.result(status)
        seen[mutant.module, detector] += 1
        yield Verdict(mutant, detector, what)
        free.append(bench)


def _look(detectors: Sequence[Detector], seconds: dict[str, float]) -> tuple[str, str]:
    """Let the detectors look, one after the other, each within its time."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for detector in detectors:
        signal.setitimer(signal.ITIMER_PROF, SPARE_SECONDS + TIMES_SLOWER * seconds[detector.name])
        try:
            seen = detector.look()
        except BaseException as error:  # a mutant that ends the import, or the tests, was seen
            seen = f"{type(error).__name__}: {error}"
        if seen:
            return detector.name, seen.splitlines()[0]
    return "", ""
