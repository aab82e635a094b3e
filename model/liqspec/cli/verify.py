"""The command that verifies."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from attrs import evolve

from liqspec.cli.app import Json, check_written, fail, finish, print_json, terminal
from liqspec.cli.options import Seed
from liqspec.search.explore import THOROUGH_WHOLE_STEPS, WHOLE_STEPS
from liqspec.search.parallel import run_parallel
from liqspec.spec import scopes, venues
from liqspec.verify import counterexample, report, run
from liqspec.verify.counterexample import shortest

KEYS, THOROUGH_KEYS = 1, 2  # keys in a pool, in the proofs of the engine's steps


def verify(
    venue: Annotated[
        str | None, typer.Option(help="Only this rule set, as it is: a shipped venue's name, or a .toml file.")
    ] = None,
    scope_names: Annotated[
        list[str] | None, typer.Option("--scope", help="Only this exhaustive scope (may be given several times).")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help=f"Random events to check; {run.STEPS:,} if not given.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Random events for so long, in place of --steps.")
    ] = None,
    seed: Seed = 1,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Also the large scopes, millions of states, and more random events.")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="A part of it in seconds: examples and scenarios, the smallest scope, few random events."
        ),
    ] = False,
    keys: Annotated[
        int | None,
        typer.Option(
            "--inductive",
            min=0,
            max=3,
            metavar="KEYS",
            help="Prove the engine's own steps for all numbers, in pools of positions in at most KEYS markets.",
        ),
    ] = None,
    liveness: Annotated[
        bool, typer.Option("--liveness", help="How many blocks a liquidation can take, at venues and in scopes.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Print every property, rule and scope in tables.")] = False,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="How many processes work at once; as many as there are cores if not given."),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep in this file what is done, and do not do again what it has."),
    ] = None,
    save: Annotated[Path, typer.Option(help="Where a counterexample is written, if there is one.")] = Path(
        "counterexample.toml"
    ),
    as_json: Json = False,
) -> None:
    """Check that the rules hold, four ways: scenarios, exhaustive scopes, random events, and proofs.

    Every step of the first three is judged by every property; the proofs hold for all numbers: those of the arithmetic,
    and those of the engine's own steps, which `--inductive` makes for larger pools. The same seed and steps
    give the same result, byte for byte, on any number of processes; timings go to standard error. Exits with 1 if
    anything is violated, is not proved, or was never exercised. A violation is shrunk, shown step by step, and saved as
    a scenario.

    Options say what is wanted, and nothing else is done: --scope only explores; --steps and --budget run examples,
    scenarios and random events; --venue only random events, in its own markets and with its own parameters, in a minute
    or two, few with --quick; --inductive only proofs; --liveness only asks how long liquidations take, at each shipped
    venue and in each scope, or in those given. --quick and --venue hold although they did not exercise everything.

    With --resume, one that was interrupted continues where it was, by the same command, with the same result: a scope,
    a lemma, the steps of an event or some random runs at a time. A file of other options, rules or sources is refused.

    **Examples**

    - `liqspec verify`
    - `liqspec verify --quick`
    - `liqspec verify --quick --venue my.toml`
    - `liqspec verify --venue hyperliquid --budget 600 --seed 7`
    - `liqspec verify --scope minimal`
    - `liqspec verify --inductive 2`
    - `liqspec verify --thorough --full --resume thorough.json`
    """
    if steps is not None and budget is not None:
        fail("--steps and --budget: give one of them, how many random events or for how long")
    if quick and (thorough or scope_names or steps or budget or keys is not None):
        fail("--quick: goes with none of --scope, --steps, --budget, --inductive and --thorough")
    if budget and resume:
        fail("--resume: goes with --steps, not with --budget, by which no two runs do the same")
    check_written("--save", save)
    if liveness:
        if quick or steps or budget or keys is not None or resume:
            fail("--liveness: goes with none of --quick, --steps, --budget, --inductive and --resume")
        _liveness(venue, tuple(scope_names or ()), processes, thorough=thorough, full=full, as_json=as_json)
    limits = _limits(
        venue, tuple(scope_names or ()), steps, budget, seed, processes, keys, quick=quick, thorough=thorough
    )
    unproved = limits.proved and find_spec("z3") is None
    if unproved:
        limits = evolve(limits, proved=False, keys=None)
    found = run.verify(limits, terminal(stderr=True), resume)
    smallest = shortest(found.violations, limits.bases(), seed, fixed=limits.fixed)
    if smallest is not None:
        counterexample.save(smallest, save)
    if as_json:
        print_json(found.to_json())
    else:
        report.print_report(found, terminal(), full=full)
        if smallest is not None:
            counterexample.print_counterexample(smallest, save, terminal())
    if unproved:
        typer.echo("liqspec: THE PROOFS WERE NOT RUN: they need z3-solver: pip install 'liqspec[prove]'", err=True)
    finish(found.holds)


def _liveness(
    venue: str | None,
    scope_names: tuple[str, ...],
    processes: int | None,
    *,
    thorough: bool,
    full: bool,
    as_json: bool,
) -> NoReturn:
    """Judge how long liquidations take, print it, and end."""
    from liqspec.verify import liveness  # noqa: PLC0415 (only this needs it)

    asked = bool(venue or scope_names) and not thorough
    at = [venue] if venue else [] if asked else venues.names()
    names = scope_names if asked else [*scopes.names(), *(scopes.thorough_names() if thorough else []), *scope_names]
    judged = [*(liveness.around(venues.load(name)) for name in at), *(scopes.load(name) for name in names)]
    count = processes or run.Budget().processes
    found = list(run_parallel(liveness.judge, judged, processes=min(count, len(judged))))
    holds = not any(one.broken for one in found)
    if as_json:
        print_json({"holds": holds, "scopes": [one.to_json() for one in found]})
    else:
        liveness.print_liveness(found, terminal(), full=full)
    finish(holds)


def _limits(
    venue: str | None,
    scope_names: tuple[str, ...],
    steps: int | None,
    seconds: float | None,
    seed: int,
    processes: int | None,
    keys: int | None,
    *,
    quick: bool,
    thorough: bool,
) -> run.Budget:
    """What the options ask for."""
    asked = bool(venue or scope_names or steps or seconds or keys is not None) and not thorough
    random = not (scope_names or keys is not None) or bool(venue or steps or seconds) or thorough
    if keys is None and not asked and not quick:
        keys = THOROUGH_KEYS if thorough else KEYS
    usual = run.THOROUGH_STEPS if thorough else run.QUICK_STEPS if quick else run.STEPS
    if not scope_names and not asked:
        scope_names = (run.QUICK_SCOPE,) if quick else (*scopes.names(), *(scopes.thorough_names() if thorough else []))
    return run.Budget(
        venue=venue,
        scopes=scope_names,
        whole_steps=THOROUGH_WHOLE_STEPS if thorough else WHOLE_STEPS,
        steps=None if seconds or not random else steps or usual,
        seconds=seconds,
        seed=seed,
        processes=processes or run.Budget().processes,
        proved=keys is not None,
        keys=keys,
        replayed=random and not venue,
        adequate=random and not venue and not quick,
    )
