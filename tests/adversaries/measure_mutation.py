"""Which small changes of the rules' modules the tests see: `make mutation`.

Exits with 1 if one survives that is not listed in mutation/survivors.toml, or if that list is out of date, or if the
score of a module is below the bound.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Collection
from itertools import groupby, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adversaries.mutation import survivors, workshop
from adversaries.mutation.detectors import DETECTORS, Detector
from adversaries.mutation.kept import Kept
from adversaries.mutation.mutants import Mutant, Name, mutants_of
from adversaries.mutation.report import markdown, page, unexplained
from adversaries.mutation.workshop import PACKAGE, ROOT, Bench, BrokenTree, Verdict

# Everything that decides, computes or reports what the rules say.
MODULES = (
    "edge/amounts.py",
    "edge/keys.py",
    "core/events/__init__.py",
    "core/events/trader.py",
    "core/events/market.py",
    "core/events/vault_and_time.py",
    "core/parameters.py",
    "core/config.py",
    "core/arithmetic.py",
    "core/machine.py",
    "core/state.py",
    "core/admission.py",
    "core/changes.py",
    "core/assessment.py",
    "core/engine.py",
    "core/snapshot.py",
    "core/refusals.py",
    "core/effects.py",
    "replay/order_book.py",
    "core/observation.py",
    "report/amounts.py",
    "report/sentences.py",
)


def main(
    module: Annotated[list[str] | None, typer.Argument(help="Modules such as core/arithmetic.py; all if none.")] = None,
    only: Annotated[str, typer.Option(help="Only the mutants whose line has this text.")] = "",
    listed: Annotated[bool, typer.Option("--listed", help="Only the mutants that the list says survive.")] = False,
    every: Annotated[int, typer.Option(min=1, metavar="N", help="Only every N-th mutant of each module.")] = 1,
    until: Annotated[str, typer.Option(help="Stop after this detector.")] = DETECTORS[-1].name,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    kept: Annotated[
        Path | None, typer.Option(help="Keep the verdicts in this file, and do not try again what it has.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Write the table and the list of what survives to this file.")
    ] = None,
) -> None:
    """Change one small thing at a time in a copy of the rules' modules, and see which test notices."""
    console, began = Console(), time.monotonic()
    allowed = survivors.load()
    names = {entry.name for entry in allowed}
    mutants = [mutant for name in module or MODULES for mutant in mutants_of(name, ROOT / PACKAGE)]
    tried = [mutant for mutant in _each(mutants, every) if only in mutant.was and (not listed or mutant.name in names)]
    last = [detector.name for detector in DETECTORS].index(until)
    try:
        detectors = DETECTORS[: last + 1]
        verdicts = _verdicts(tried, detectors, workers, names, Kept.of(kept, detectors), console)
    except BrokenTree as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None
    missed = unexplained(verdicts, names)
    concerned = [entry for entry in allowed if entry.name[0] in (module or MODULES)]
    stale = survivors.out_of_date(concerned, mutants, verdicts)
    for text in stale:
        console.print(f"OUT OF DATE {text}", style="red", markup=False, soft_wrap=True)
    text = markdown(verdicts, names, DETECTORS, every)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    counts = Counter(verdict.detector or "survived" for verdict in verdicts)
    console.print(f"{dict(counts)}, {(time.monotonic() - began) / 60:.1f} minutes")
    if table is not None:
        table.write_text(page(text, allowed), encoding="utf-8")
    raise typer.Exit(1 if missed or stale else 0)


def _each(mutants: list[Mutant], every: int) -> list[Mutant]:
    """Every N-th mutant of each module."""
    modules = groupby(mutants, key=lambda mutant: mutant.module)
    return [mutant for _, own in modules for mutant in islice(own, 0, None, every)]


def _verdicts(
    mutants: list[Mutant],
    detectors: tuple[Detector, ...],
    workers: int,
    listed: Collection[Name],
    kept: Kept,
    console: Console,
) -> list[Verdict]:
    """The verdicts on mutants, in their order; a survivor that is not listed is shown at once."""
    workshop.warm_up()
    columns = (TextColumn("mutants"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]} survive"))
    found = kept.load(mutants)
    passed = kept.passed(mutants)
    waiting = {
        mutant: [one for one in detectors if one.name not in passed.get(mutant, ())]
        for mutant in sorted(mutants, key=lambda mutant: mutant.name in listed)  # these take longest, so last
        if mutant not in found
    }
    if not waiting:
        return [found[mutant] for mutant in mutants]
    with TemporaryDirectory(prefix="mutation-") as folder:
        first = Bench.of_tree(Path(folder) / "bench")
        seconds = workshop.baseline(first, detectors)
        benches = [first, *(first.copy_to(Path(folder) / f"bench{number}") for number in range(1, workers))]
        with Progress(*columns, TimeElapsedColumn(), console=console, transient=True, auto_refresh=False) as bars:
            bar = bars.add_task("", total=len(mutants), completed=len(found), left=0)
            for verdict in workshop.trials(benches, waiting, seconds):
                found[verdict.mutant] = verdict
                kept.add(verdict)
                if unexplained([verdict], listed):
                    _show(verdict.mutant, console)
                bars.update(bar, advance=1, left=sum(one.survived for one in found.values()), refresh=True)
    return [found[mutant] for mutant in mutants]


def _show(mutant: Mutant, console: Console) -> None:
    console.print(f"SURVIVES {mutant.module}:{mutant.line} in {mutant.inside}, {mutant.operator}", style="red")
    console.print(f"  - {mutant.was}\n  + {mutant.becomes}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    typer.run(main)
