"""Which check catches which wrong engine, how soon, with how short a counterexample: `make mutants`.

The random events of a default verification, the exhaustive scopes and the scenarios are tried separately. Writes
the table to `tests/adversaries/MUTANTS.md`, and the lengths of the shortest counterexamples known to
`tests/adversaries/wrong_engines/shortest.toml`. Exits with 1 if a wrong engine is not caught by those random events.
"""

import json
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from statistics import median
from time import process_time
from typing import Annotated

import tomli_w
import typer
from attrs import asdict, evolve, frozen
from rich.console import Console
from rich.progress import track

from adversaries.wrong_engines.search import SHIPPED, contradicted, find, shortest_known, stories
from liqspec.properties.coverage import Violation
from liqspec.search import explore
from liqspec.spec import scopes
from liqspec.step.wrong_engines import EVERY
from liqspec.verify.counterexample import shortest
from liqspec.verify.run import STEPS

MANY = 10**9
SCOPES = ("minimal", "cooldown")  # those that take a second or two
HERE = Path(__file__).parent


@frozen
class Measure:
    """The result of one wrong engine; `caught` is None if no random events caught it."""

    id: str
    title: str
    caught: str | None
    tried: int
    shrunk: int
    seconds: float
    scope: str
    scope_events: int
    story: str


def measure(number: str, length: int = 0) -> Measure:
    """Search, shrink, explore, and run the scenarios, on one wrong engine; a length that is known is not looked for."""
    engine, shipped = EVERY[number], stories()
    loaded = [scopes.load(name) for name in SCOPES]
    with engine.applied():
        began = process_time()
        found = find(STEPS)
        seconds = process_time() - began
        violation = None if found is None else found.violation
        if violation is not None and not length:
            violation = shortest([violation], SHIPPED, seed=1) or violation
            length = len(violation.events)
        where, explored = _explored(loaded)
        story = contradicted(shipped)
    return Measure(
        number,
        engine.title,
        None if violation is None else violation.property,
        0 if found is None else found.tried,
        0 if violation is None else length,
        seconds,
        where,
        0 if explored is None else len(explored.events),
        "" if story is None else story.partition(":")[0],
    )


def _explored(loaded: list[scopes.Scope]) -> tuple[str, Violation | None]:
    for entry in loaded:
        found = explore.explore(evolve(entry, max_depth=min(entry.max_depth, 8)))
        if found.coverage.violations:
            return entry.name, found.coverage.violations[0]
    return "", None


def table(measures: list[Measure]) -> str:
    """The measures as a page."""
    lengths = [entry.shrunk for entry in measures if entry.caught]
    caught = {
        "guided random events": len(lengths),
        "an exhaustive scope": sum(bool(entry.scope) for entry in measures),
        "a worked example or scenario": sum(bool(entry.story) for entry in measures),
    }
    lines = [
        "# Wrong engines, and what catches them",
        "",
        "Written by `make mutants`. B numbers are real bugs, from audits, fixes and post-mortems; X numbers are",
        f"others of their kind. *events* is how many of the {STEPS:,} random events of `liqspec verify` it took,",
        "*shortest* how many the shrunk counterexample has, deposits and opening trades included. The lemmas are not",
        "tried here.",
        "",
        *(f"- by {name}: {count} of {len(measures)}" for name, count in caught.items()),
        f"- shrunk counterexamples: median {median(lengths):g} events, longest {max(lengths)}",
        "",
        "| id | what is wrong | random events: the property | events | shortest | exhaustive scope | story |",
        "|---|---|---|--:|--:|---|---|",
    ]
    for entry in measures:
        prop = entry.caught.replace("_", " ") if entry.caught else "**not caught**"
        where = f"{entry.scope} ({entry.scope_events})" if entry.scope else ""
        counts = f"{entry.tried:,} | {entry.shrunk}" if entry.caught else " | "
        lines.append(f"| {entry.id} | {entry.title} | {prop} | {counts} | {where} | {entry.story} |")
    return "\n".join(lines) + "\n"


def main(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of wrong engines; all if none.")] = None,
    workers: Annotated[int, typer.Option(min=1)] = os.cpu_count() or 1,
    kept: Annotated[
        Path | None,
        typer.Option(help="Keep the results in this file, and do not measure again what it has of the same tree."),
    ] = None,
    known_lengths: Annotated[
        bool, typer.Option("--known-lengths", help="Look for no shorter counterexample where a length is known.")
    ] = False,
) -> None:
    """Measure, write the page where all are measured, and judge."""
    console, chosen = Console(), ids or list(EVERY)
    if unknown := [number for number in chosen if number not in EVERY]:
        raise typer.BadParameter(f"no wrong engine has the id {unknown[0]}", param_hint="IDS")
    lines = kept.read_text(encoding="utf-8").splitlines() if kept is not None and kept.exists() else []
    found = {one.id: one for one in (Measure(**json.loads(line)) for line in lines)}
    waiting, lengths = [number for number in chosen if number not in found], shortest_known() if known_lengths else {}
    with ProcessPoolExecutor(workers) as pool:
        working = [pool.submit(measure, number, lengths.get(number, 0)) for number in waiting]
        for done in track(as_completed(working), "wrong engines", len(waiting), console=Console(stderr=True)):
            found[done.result().id] = done.result()
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(done.result())) + "\n")
    measures = [found[number] for number in chosen]
    page = table(measures)
    console.print(page, markup=False, soft_wrap=True)
    if not ids:
        (HERE / "MUTANTS.md").write_text(page, encoding="utf-8")
    known = shortest_known()
    for entry in measures:
        each = (known.get(entry.id, 0), entry.shrunk, entry.scope_events)
        known[entry.id] = min(length for length in (*each, MANY) if length)
    path = HERE / "wrong_engines" / "shortest.toml"
    path.write_text(tomli_w.dumps({"events": dict(sorted(known.items()))}), encoding="utf-8")
    missed = [entry.id for entry in measures if entry.caught is None]
    if missed:
        console.print(f"not caught by random events: {', '.join(missed)}")
    raise typer.Exit(1 if missed else 0)


if __name__ == "__main__":
    typer.run(main)
