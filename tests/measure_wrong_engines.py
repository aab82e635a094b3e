"""How soon each wrong engine is caught, by what, and how short its counterexample becomes: `make mutants`.

Exits with 1 if one is not caught in time.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from time import process_time

from attrs import frozen
from rich.console import Console
from rich.table import Table

from liqspec import counterexample
from wrong_engines import WRONG_ENGINES
from wrong_engines.search import contradicted, find, stories

SECONDS = 60.0
_MANY = 10**9  # runs; the time ends the search


@frozen
class Measure:
    """What one wrong engine came to; `caught` is None if nothing caught it, or tells how the judge failed."""

    id: str
    title: str
    caught: str | None
    failed: str | None
    tried: int
    length: int
    shrunk: int
    story: str | None
    seconds: float


def measure(number: str) -> Measure:
    """Search, shrink, and tell the stories, on one wrong engine."""
    engine, told = WRONG_ENGINES[number], stories()
    with engine.applied():
        began = process_time()
        failed, found = None, None
        try:
            found = find(number, _MANY, SECONDS)
        except Exception as error:  # a judge must judge anything; if it cannot, that is a finding
            failed = f"the judge failed: {type(error).__name__}"
        seconds = process_time() - began
        shorter = None if found is None else counterexample.shrink(found.violation)
        story = contradicted(told)
    return Measure(
        number,
        engine.title,
        None if found is None else found.violation.property,
        failed,
        0 if found is None else found.tried,
        0 if found is None else len(found.violation.events),
        0 if shorter is None else len(shorter.events),
        story,
        seconds,
    )


def main(numbers: list[str]) -> int:
    """Measure these wrong engines, or all; 1 if one was not caught."""
    console = Console()
    table = Table("id", "title", "caught by", "events", "length", "shrunk", "seconds", "story")
    for column in table.columns[3:7]:
        column.justify = "right"
    with ProcessPoolExecutor() as pool:
        measures = list(pool.map(measure, numbers or WRONG_ENGINES))
    for entry in measures:
        caught = entry.caught.replace("_", " ") if entry.caught else f"[red]{entry.failed or 'NOT CAUGHT'}[/red]"
        counts = (entry.tried, entry.length, entry.shrunk) if entry.caught else ("", "", "")
        seen = "" if entry.story is None else entry.story.partition(":")[0]
        table.add_row(entry.id, entry.title, caught, *map(str, counts), f"{entry.seconds:.1f}", seen)
    console.print(table)
    missed = [entry.id for entry in measures if entry.caught is None]
    by_story = sum(entry.story is not None for entry in measures)
    console.print(
        f"{len(measures) - len(missed)} of {len(measures)} caught by random events, {by_story} by a story"
        + (f"; not caught: {', '.join(missed)}" if missed else "")
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
