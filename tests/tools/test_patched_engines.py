"""`liqspec conform` finds wrong engines whose author had read the rules and one engine, and nothing else."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adversaries import patched
from adversaries.patched import Patched
from liqspec.cli.app import app
from liqspec.conform.configurations import shipped
from liqspec.conform.explanations import Explanation
from liqspec.conform.finding import Finding
from liqspec.conform.lockstep import Comparison, play
from liqspec.conform.session import LiveEngine
from liqspec.spec import rulebook
from support.foreign_engines import c_engine, javascript_engine

ENGINES = patched.engines()
RUNS = patched.runs()
# Of each kind of mistake: what an event forgets or keeps, what has no effect or is hidden, a check, a name.
OF_EACH_KIND = {
    "flat-pool-forgets-window": "block forgets the window of the pool where it has no position",
    "partial-keeps-failed": "the failed attempt of a position in state partially liquidated is kept",
    "no-price-keeps-the-last-trade": "a refused price_inputs leaves its last",
    "move-limited-from-last-formed-mark": "the largest move counts from the mark that was formed last",
    "no-market-step-no-restore-target": "liquidation.restore has no effect with the families of this run",
    "no-cooldown-until-while-liquidatable": "cooldown until is not shown of a position in state liquidatable",
    "backstopped-counts-as-isolated-position": "",
    "closeout-margin-without-the-close-fee": "a close-out margin has no fee",
    "filled-chunk-counts-as-failed-after-a-failed-order": "",
    "position-keys-joined-by-a-colon": "with other names of the accounts and markets, in the same order",
    "re-entry-leaves-attempted-positions-healthy": "positions that were attempted stay healthy or cooldown",
    "only-fresh-inputs-make-samples": "an average gets no sample of earlier inputs",
    "withdrawal-floor-of-the-cost": "`margin_notional(held)` in place of",
    "backstop-line-compared-as-doubles": "float(equity",
    "closed-position-shows-its-window": "cooldown until is shown of a closed position",
    "refused-increase-keeps-its-leverage": "a trade that is refused for insufficient margin leaves its leverage",
    "trade-creates-no-isolated-pool": "",
    "attempt-survives-life": "the attempt of a position outlasts its life",
    "second-sample-of-a-block-ignored": "an average gets no second sample at one time",
    "block-assesses-a-hundred-pools": "after block ",
    "funding-product-in-64-bits": "10^1 times the right number modulo 2^64, divided by 10^1",
    "perps-checked-after-quotes": "",
    "closeout-deduction-not-carried": "deductions of the close-out margin do not add those of the tiers before",
    "settled-mark-frozen": "the mark of a settled market stays",
    "window-outlives-its-life": "begins with the last one's window as it was when the block began",
    "cancel-forgives-only-the-first": "`position.attempted = False` only the first time",
    "one-pool-of-an-account-touched": "only the last pool of each account is assessed",
    "short-releases-too-much-cost": "the result is rounded down in released_cost",
    "settlement-closes-backstopped": "",
    "isolated-fill-opens-no-account-window": "fill forgets the window of the account",
    "restore-target-without-close-fee": "a margin has no fee in restore_target",
    "stale-input-renewed-by-use": "an earlier input that counts is as fresh as the event",
    "close-fee-by-own-leverage": "`leverage` in place of `allowed` in initial_margin",
    "turned-position-keeps-window": "a position that a trade turns round keeps its window",
    "refused-block-forgets-attempts": "a refused block forgets the attempt of the position without a working order",
    "set-mark-becomes-the-last-trade": "a mark that is set is kept as the last of its market",
    "settlement-price-is-limited": "the largest move of a mark holds for settle too",
    "tier-measure-ignores-the-threshold": 'backstop.threshold is always "1"',
    "restore-without-a-measure-means-initial": "liquidation.restore.measure is always initial",
}
TIMEOUT, SECONDS = 20.0, 60.0  # only the number of further runs ends an explanation
FIRST, THREE = 0.85, 0.93  # shares of those with a short run: a broken rule is first, and among the first three


@pytest.mark.parametrize("engine", ENGINES, ids=lambda one: one.name)
def test_each_patch_applies_and_names_rules(engine: Patched) -> None:
    if engine.right.suffix == ".py":
        compile(engine.source(), engine.name, "exec")
    assert engine.source() != engine.right.read_text(encoding="utf-8")
    assert set(engine.rules) <= set(rulebook.rules())


def command(engine: Patched, folder: Path) -> list[str]:
    """Write the engine, and say how it is run."""
    path = folder / f"{engine.name}{engine.right.suffix}"
    path.write_text(engine.source(), encoding="utf-8")
    if path.suffix == ".c":
        return c_engine(folder, source=path)
    return [sys.executable, str(path)] if path.suffix == ".py" else javascript_engine(str(path))


def explained(engine: Patched, tmp_path: Path) -> Finding:
    """What is said of the engine's short counterexample, without any listed mistake."""
    config, events = RUNS[engine.name]
    with LiveEngine(command(engine, tmp_path), TIMEOUT) as live:
        comparison = Comparison.of(live.hello)
        found = play(live, config, events, comparison)
        assert found is not None, engine.name
        setting = shipped(live.hello.families)
        explanation = Explanation(
            engine=live, events=live.hello.events, setting=setting, comparison=comparison, hypotheses=()
        )
        return explanation.of(found, SECONDS)


@pytest.mark.parametrize("engine", [one for one in ENGINES if one.name in OF_EACH_KIND], ids=lambda one: one.name)
def test_the_broken_rule_of_each_kind_is_named_first(engine: Patched, tmp_path: Path) -> None:
    finding = explained(engine, tmp_path)
    assert finding.rules[0] in engine.rules
    assert OF_EACH_KIND[engine.name] in " ".join(finding.reasons[0].because)


def test_a_trade_that_turns_a_position_round_names_the_rule_of_that(tmp_path: Path) -> None:
    (engine,) = [one for one in ENGINES if one.name == "crossing-forgives-its-own-partial"]
    assert "ACC-16" in explained(engine, tmp_path).rules[:2]


@pytest.mark.thorough
def test_the_broken_rules_are_named_first(tmp_path: Path) -> None:
    ranked = [(one.rules, explained(one, tmp_path).rules) for one in ENGINES if one.name in RUNS]
    assert sum(named[0] in rules for rules, named in ranked) >= FIRST * len(ranked)
    assert sum(bool({*named[:3]}.intersection(rules)) for rules, named in ranked) >= THREE * len(ranked)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "engine",
    [
        pytest.param(one, id=one.name, marks=pytest.mark.xfail(reason=one.missed, strict=False) if one.missed else ())
        for one in ENGINES
    ],
)
def test_a_default_comparison_finds_it(engine: Patched, tmp_path: Path) -> None:
    options = ("--shrink", "0", "--save", str(tmp_path))
    done = CliRunner().invoke(app, ["conform", *options, "--", *command(engine, tmp_path)])
    assert done.exit_code == 1, engine.why
