"""How often the rule that a wrong engine breaks is named first, and among the first three; writes `NAMING.md`.

Each wrong engine answers its shortest counterexample in this process, and then further runs. It is explained twice:
with all known mistakes, and without its own, as for the engine of a stranger. Exits with 1 if, with all of them, fewer
than 90 % are first, or fewer than 99 % among three.
"""

import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from attrs import frozen

from adversaries.wrong_engines.mistakes import name_of
from liqspec.conform.configurations import shipped
from liqspec.conform.explanations import Explanation
from liqspec.conform.finding import Finding
from liqspec.conform.lockstep import Comparison, play
from liqspec.step.wrong_engines import WRONG_ENGINES, WrongEngine
from liqspec.vectors.corpus import FOLDER
from liqspec.vectors.suites import MISTAKES
from support.in_process import wrong_engine

SECONDS = 60.0  # so much that only the number of further runs ends them
FIRST, THREE = 0.90, 0.99
HEADING = """# Which rule is named

Each wrong engine was explained by its shortest counterexample and further runs: with all known mistakes, and without
its own, as for the engine of a stranger. The columns have the first three rules; `make naming` writes this page.

"""


@frozen(kw_only=True)
class Named:
    """The rules that are named for a wrong engine, the first before all, and the mistake that explains it."""

    broken: str
    finding: Finding

    @property
    def rules(self) -> tuple[str, ...]:
        """The first three."""
        return self.finding.rules[:3]

    @property
    def first(self) -> bool:
        """Whether the broken rule is the first."""
        return self.rules[0] == self.broken

    @property
    def among(self) -> bool:
        """Whether it is among the first three."""
        return self.broken in self.rules


def named(wrong: WrongEngine, *, known: bool = True) -> Named:
    """What is named for a wrong engine; `known` is whether its own mistake is among those that may explain it."""
    vector = json.loads((FOLDER / "own" / MISTAKES / f"{name_of(wrong)}.json").read_text(encoding="utf-8"))
    engine = wrong_engine(wrong)
    comparison = Comparison.of(engine.hello)
    found = play(engine, vector["config"], [step["event"] for step in vector["steps"]], comparison)
    assert found is not None, f"{wrong.id} is not found by its counterexample"
    explanation = Explanation(
        engine=engine,
        events=engine.hello.events,
        setting=shipped(engine.hello.families),
        comparison=comparison,
        hypotheses=tuple(each for each in WRONG_ENGINES.values() if known or each.id != wrong.id),
    )
    return Named(broken=wrong.rule, finding=explanation.of(found, SECONDS))


def both_ways(identifier: str) -> tuple[Named, Named]:
    """What is named for a wrong engine with all known mistakes, and without its own."""
    wrong = WRONG_ENGINES[identifier]
    return named(wrong), named(wrong, known=False)


def shares(measured: Iterable[Named]) -> tuple[float, float]:
    """The shares of those whose rule is named first, and among the first three."""
    listed = list(measured)
    return sum(each.first for each in listed) / len(listed), sum(each.among for each in listed) / len(listed)


def main(
    every: Annotated[int, typer.Option(min=1, help="Only each wrong engine at this distance; writes no page.")] = 1,
) -> None:
    """Measure, write the page, and judge."""
    rows, everything = [], ([], [])  # type: tuple[list[str], tuple[list[Named], list[Named]]]
    wrong_engines = list(islice(WRONG_ENGINES.values(), 0, None, every))
    with ProcessPoolExecutor() as processes:
        measured = processes.map(both_ways, (wrong.id for wrong in wrong_engines))
        for wrong, both in zip(wrong_engines, measured, strict=True):
            for listed, one in zip(everything, both, strict=True):
                listed.append(one)
            cells = (" ".join(one.rules) for one in both)
            rows.append(f"| {wrong.id} | {wrong.title} | {wrong.rule} | {' | '.join(cells)} |")
            typer.echo(rows[-1], err=True)
    results = []
    for text, listed in zip(("with all mistakes", "without its own"), everything, strict=True):
        first, three = shares(listed)
        results.append(f"{text}: first {first:.1%}, among three {three:.1%}")
    typer.echo("\n".join(results))
    table = ["| id | mistake | breaks | with all mistakes | without its own |", "|---|---|---|---|---|", *rows]
    page = HEADING + "".join(f"- {line}\n" for line in results) + "\n" + "\n".join(table) + "\n"
    if every == 1:
        (Path(__file__).parent / "NAMING.md").write_text(page, encoding="utf-8")
    first, three = shares(everything[0])
    raise typer.Exit(0 if first >= FIRST and three >= THREE else 1)


if __name__ == "__main__":
    typer.run(main)
