"""What would have prevented a liquidation: `simulate --why` says a mark and an amount, and both are exact."""

import re
from decimal import Decimal

import pytest
from attrs import evolve

from liqspec.core.effects import LiquidationEntered
from liqspec.replay.run import Moment, Run
from liqspec.spec import scenarios
from liqspec.spec.scenarios import Scenario, Step

SAID = re.compile(r"with the mark of (\w+) at ([\d,.]+) or (above|below).* or with ([\d,.]+) more collateral")


def breached(scenario: Scenario, key: str, why: str | None = None) -> Moment | None:
    pool = "/".join(key.split("/")[::2]) if key.endswith("cross") else key
    for moment in Run(scenario, why=why):
        if any(isinstance(effect, LiquidationEntered) and effect.pool == pool for effect in moment.effects):
            return moment
    return None


def marked(scenario: Scenario, at: int, market: str, price: Decimal) -> Scenario:
    """The scenario up to a step, which sets this mark instead."""
    *earlier, last = scenario.file.step[:at]
    marks = {"prices": last.event["prices"] | {market: str(price)}} if "prices" in last.event else {"price": str(price)}
    return of(scenario, [*earlier, Step(event=last.event | marks)])


def richer(scenario: Scenario, at: int, amount: Decimal) -> Scenario:
    """The scenario up to a step, with so much more in the first deposit."""
    first, *later = scenario.file.step[:at]
    more = str(Decimal(str(first.event["amount"])) + amount)
    return of(scenario, [Step(event=first.event | {"amount": more}), *later])


def of(scenario: Scenario, steps: list[Step]) -> Scenario:
    return evolve(scenario, file=evolve(scenario.file, step=tuple(steps)), expects=False)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("market-liquidation", "alice/BTC/cross"),
        ("short-squeeze", "alice/BTC/cross"),
        ("cross-two-positions-all", "alice/BTC/cross"),
        ("cross-two-positions-all", "alice/ETH/cross"),
    ],
)
def test_the_mark_and_the_amount_that_would_have_prevented_a_liquidation_are_the_nearest(name: str, key: str) -> None:
    scenario = scenarios.load(name)
    moment = breached(scenario, key, why=key)
    assert moment is not None
    said = SAID.search(moment.why[0])
    assert said, moment.why
    market, price, more = said[1], Decimal(said[2].replace(",", "")), Decimal(said[4].replace(",", ""))
    venue = scenario.config.to_json()
    tick = Decimal(venue["markets"][market]["tick"]) * (-1 if said[3] == "above" else 1)
    assert breached(marked(scenario, moment.number, market, price), key) is None
    assert breached(marked(scenario, moment.number, market, price + tick), key) is not None
    assert breached(richer(scenario, moment.number, more), key) is None
    assert breached(richer(scenario, moment.number, more - Decimal(venue["quote_unit"])), key) is not None


def test_only_the_step_at_which_the_liquidation_begins_says_what_would_have_prevented_it() -> None:
    moments = list(Run(scenarios.load("market-liquidation"), why="alice/BTC/cross"))
    assert [moment.number for moment in moments if SAID.search("\n".join(moment.why))] == [4]
