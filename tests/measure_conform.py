"""Which wrong engines `conform` catches as processes of their own, how soon, and with how short a counterexample.

Each runs beside the model through the protocol, for at most 60 seconds. Exits with 1 if one is not caught, if the
median counterexample has more than 6 events, or the longest more than 12. Arguments are ids; without them, all.
"""

import sys
from pathlib import Path
from statistics import median
from time import monotonic

from attrs import frozen
from rich.console import Console
from rich.table import Table

from liqspec.conform.beside import Comparison
from liqspec.conform.live import LiveEngine
from liqspec.conform.search import Effort, Search
from liqspec.conform.worlds import shipped
from wrong_engines import WRONG_ENGINES

SECONDS, MEDIAN, LONGEST = 60.0, 6, 12


@frozen(kw_only=True)
class Measure:
    """What one wrong engine came to; `caught` is empty if it was not caught."""

    id: str
    caught: str
    steps: int
    found: int
    shrunk: int
    seconds: float


def command(number: str) -> list[str]:
    """The command that is this wrong engine, speaking the protocol."""
    path = f"sys.path.insert(0, {str(Path(__file__).parent)!r})"
    install = f"from wrong_engines import WRONG_ENGINES; WRONG_ENGINES[{number!r}].install()"
    # The oracle without the rest of the command line, which takes a second to load.
    served = "serve(Oracle(sys.stderr, with_effects=False), sys.stdin.buffer, sys.stdout.buffer)"
    return [sys.executable, "-c", f"import sys; {path}; {install}; from liqspec.oracle import Oracle, serve; {served}"]


def measure(number: str, seconds: float = SECONDS, seed: int = 1) -> Measure:
    """Run one wrong engine beside the model."""
    with LiveEngine(command(number), timeout=10) as engine:
        began = monotonic()
        outcome = Search(
            engine=engine,
            events=engine.hello.events,
            world=shipped(),
            comparison=Comparison.of(engine.hello),
            effort=Effort(seconds=seconds, seed=seed),
        ).run()
        taken = monotonic() - began
    found = outcome.finding
    return Measure(
        id=number,
        caught="" if found is None else f"{found.kind}: {found.headline} ({found.rules[0]})",
        steps=outcome.coverage.steps,
        found=outcome.found_events,
        shrunk=0 if found is None else len(found.events),
        seconds=taken,
    )


def main() -> int:
    """Measure, print, and judge."""
    table, measures = Table("id", "title", "caught by", "steps", "events", "shrunk to", "seconds"), []
    for number in sys.argv[1:] or WRONG_ENGINES:
        found = measure(number)
        measures.append(found)
        row = (str(found.steps), str(found.found), str(found.shrunk), f"{found.seconds:.1f}")
        table.add_row(number, WRONG_ENGINES[number].title, found.caught or "[red]nothing[/red]", *row)
        print(number, *row, found.caught, file=sys.stderr, flush=True)  # noqa: T201
    Console(width=160).print(table)
    lengths = [found.shrunk for found in measures if found.caught]
    missed = [found.id for found in measures if not found.caught]
    middle, most = (median(lengths), max(lengths)) if lengths else (0, 0)
    slowest = max(found.seconds for found in measures)
    Console(width=160).print(
        f"{len(lengths)} of {len(measures)} caught, median {middle:g} events, longest {most}, slowest {slowest:.0f} s; "
        f"missed: {', '.join(missed) or 'none'}"
    )
    return 1 if missed or middle > MEDIAN or most > LONGEST else 0


if __name__ == "__main__":
    sys.exit(main())
