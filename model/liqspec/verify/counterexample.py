"""Counterexamples: made as short as they can be, explained step by step, and saved as a scenario and a test."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import tomli_w
from attrs import evolve
from rich.console import Console

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.edge import writing
from liqspec.edge.texts import counted, visible, words
from liqspec.properties.coverage import Coverage, Violation
from liqspec.properties.monitor import Monitor, judge_whole_run
from liqspec.properties.paired import PAIRED, REPEATED, WHOLE_RUNS, WholeRun
from liqspec.properties.registry import PROPERTIES
from liqspec.replay import timeline
from liqspec.replay.run import Run
from liqspec.report.visible_console import foreign
from liqspec.search import exploration
from liqspec.search.campaign import seeded
from liqspec.search.minimise import FailingRun, minimise
from liqspec.search.passes import PLAIN, PLAINER, SHORTEST
from liqspec.spec import rulebook, scenarios
from liqspec.verify.tasks import LENGTH, random_run

SHORT = 2  # events: above it a shorter counterexample is looked for
PASSES = (SHORTEST, PLAIN, PLAINER, SHORTEST)
RUNS, FOUND, SHRUNK = 80, 8, 3  # more random runs at most, of those that violate something, and of those made short


def judge_all(violation: Violation, events: list[EventData]) -> Violation | None:
    """The violation of the same property in a run of these events, cut after it; None if there is none."""
    if violation.property in WHOLE_RUNS:
        engine = Engine(Config.from_json(violation.config))
        found = dict(judge_whole_run(WholeRun(engine, events), Coverage()))
        wrong = found.get(violation.property)
        return evolve(violation, wrong=wrong, events=events) if wrong else None
    engine = Engine(Config.from_json(violation.config))
    other = engine.another()
    monitor = Monitor.of_one(engine, violation.config, violation.property)
    for index, event in enumerate(events):
        broken = monitor.apply(event)
        if violation.property in PAIRED and not broken:
            broken = monitor.compare(other)
        elif violation.property in REPEATED and not broken:
            broken = monitor.repeat(other)
        for name, wrong in broken:
            if name == violation.property:
                return evolve(violation, wrong=wrong, events=events[: index + 1])
    return None


def shrink(violation: Violation, *, fixed: bool = False) -> Violation:
    """The violation in as few events as possible, and in a plain configuration; with the same rules if `fixed`.

    Each candidate is judged again from its start, so the result violates the same property. A violation that does not
    happen again is returned as it is.
    """
    best = _again(FailingRun(violation.config, violation.events, violation))

    def again(run: FailingRun) -> FailingRun | None:
        left = fixed and not _same_rules(run.config, violation.config)
        return None if left else _again(run)

    return violation if best is None else _violation(minimise(best, again, *PASSES))


def _same_rules(config: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Whether a configuration has the parameters of the whole one, in all its markets or in some of them."""
    of_run = ("markets", "marks", "accounts", "vault", "time")
    rules, others = ({key: part for key, part in one.items() if key not in of_run} for one in (config, whole))
    return rules == others and config["markets"].items() <= whole["markets"].items()


def shortest(
    violations: Iterable[Violation], bases: tuple[dict[str, Any], ...], seed: int, *, fixed: bool = False
) -> Violation | None:
    """The shortest counterexample found with little extra work; None if nothing was violated.

    A defect that is met where much has happened already keeps most of its events when it is shrunk; the same defect is
    often met again soon, and there takes few. What an exploration found is the shortest of its scope, and stays.
    The further runs are near the bases, or in them if `fixed`; what is found then keeps their rules. Deterministic.
    """
    nearest = sorted(violations, key=_length)
    best = _shortest_of(nearest, fixed=fixed)
    if best is None or best.where.startswith(exploration.WHERE) or _length(best) <= SHORT:
        return best
    others = islice(_others(bases, seed, fixed), FOUND)
    return _shortest_of(sorted(others, key=_length)[:SHRUNK], best, fixed=fixed)


def _others(bases: tuple[dict[str, Any], ...], seed: int, fixed: bool) -> Iterator[Violation]:
    """What is violated in other random runs, of which there are not many."""
    for number in range(RUNS):
        random, coverage = seeded(f"{seed}/again", number), Coverage()
        where = f"another random run, {number} of seed {seed}"
        random_run(random.choice(bases), random, LENGTH, where, coverage, fixed=fixed)
        yield from coverage.violations[:1]
        if any(_length(violation) <= SHORT for violation in coverage.violations[:1]):
            break


def _shortest_of(violations: Iterable[Violation], best: Violation | None = None, *, fixed: bool) -> Violation | None:
    """The shortest when these are made short one by one, until one is short."""
    for violation in violations:
        if best is not None and _length(best) <= SHORT:
            break
        best = min((one for one in (best, shrink(violation, fixed=fixed)) if one is not None), key=_length)
    return best


def _length(violation: Violation) -> int:
    return len(violation.events)


def _again(run: FailingRun) -> FailingRun | None:
    """The run up to where it violates the property that it violated before; None if nothing was, or is not now."""
    found = None if run.found is None else judge_all(evolve(run.found, config=run.config), run.events)
    return None if found is None else FailingRun(found.config, found.events, found)


def _violation(run: FailingRun) -> Violation:
    found: Violation = run.found
    return found


def to_toml(violation: Violation) -> str:
    """The violation as a scenario file that replays it."""
    title = f"Counterexample: {words(violation.property)}"
    story = f"{violation.wrong} ({violation.where})"
    return tomli_w.dumps(scenario_data(title, story, violation.config, violation.events))


def scenario_data(
    title: str,
    story: str,
    config: dict[str, Any],
    events: Iterable[EventData],
    engine: dict[str, Any] | None = None,
    answered: str = "",
) -> dict[str, Any]:
    """A scenario of these events as plain data, which expects the refusals that there are now.

    `answered` is the line with which an `engine` answered the last of them (SCN-2).
    """
    monitor = Monitor.of_start(Engine(Config.from_json(config)), config, Coverage())
    steps: list[dict[str, Any]] = []
    for event in events:
        monitor.apply(event)
        expect = {} if monitor.refusal is None else {"expect": {"refused": monitor.refusal}}
        steps.append({"event": event, **expect})
    of_engine: dict[str, Any] = {}
    if engine is not None and steps:
        of_engine["engine"] = engine
        steps[-1]["answered"] = answered
    return {"title": title, "story": story, "config": config, **of_engine, "step": steps}


def to_pytest(violation: Violation, path: Path) -> str:
    """A test that keeps the counterexample, ready to paste."""
    return (
        f"def test_{violation.property}_in_{path.stem.replace('-', '_')}() -> None:\n"
        f'    """{" ".join(PROPERTIES[violation.property].rules)}: {violation.wrong}"""\n'
        f'    run = Run(scenarios.load("{path}"))\n'
        "    list(run)\n"
        "    assert run.outcome().unexpected == ()\n"
    )


def print_counterexample(violation: Violation, path: Path, console: Console) -> None:
    """Print a counterexample saved at `path`: events with what changed, the property, its rules, and how to keep it."""
    console.print(f"\n[bold red]violated[/bold red] [bold]{words(violation.property)}[/bold]")
    console.print(foreign(PROPERTIES[violation.property].sentence))
    console.print(f"found in {foreign(violation.where)}, {counted(len(violation.events), 'event')}\n")
    timeline.print_run(Run(scenarios.load(str(path))), console)
    for number in PROPERTIES[violation.property].rules:
        rule = rulebook.rules()[number]
        console.print(f"\n[bold]{number}[/bold] {foreign(rule.title)}")
    console.print(f"\nreplay it:  liqspec simulate {visible(str(path))}\nkeep it:\n", markup=False)
    console.print(to_pytest(violation, path), markup=False, soft_wrap=True)


def save(violation: Violation, path: Path) -> None:
    """Write the counterexample's scenario file."""
    writing.write(path, to_toml(violation))
