"""The runs of random runs: most are small, and each extreme is met early, whatever the seed."""

from collections import Counter
from functools import cache
from random import Random

import pytest

from adversaries.wrong_engines.search import SHIPPED
from liqspec.core.config import Config
from liqspec.core.effects import LiquidationEntered
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.core.parameters import FAMILIES
from liqspec.edge.keys import check_name
from liqspec.generate import names
from liqspec.generate.configurations import configuration
from liqspec.generate.random_runs import ROUND, RandomRun, kind_of, length_of, of_run
from liqspec.search.campaign import seeded

USUAL = 40


def drawn(number: int, *, fixed: bool = False, seed: int = 3) -> tuple[RandomRun, Random]:
    random = seeded(seed, number)
    base = SHIPPED[number % len(SHIPPED)]
    return of_run(number, random, base, usual=USUAL, families=FAMILIES, fixed=fixed), random


@cache
def largest() -> dict[str, int]:
    """How far the runs of the first rounds go that are not usual ones."""
    far: Counter[str] = Counter()

    def reached(what: str, count: int) -> None:
        far[what] = max(far[what], count)

    for number in (number for number in range(2 * ROUND) if kind_of(number) != "usual"):
        made, random = drawn(number)
        engine = Engine(Config.from_json(made.config))
        guide, state = made.guide(random, engine), engine.state
        reached("events", made.length)
        reached("tiers", max(len(market["tiers"]) for market in made.config["markets"].values()))
        for _ in range(made.length):
            outcome = apply_event(engine, guide.next_event())
            held = [len(pool.open_positions()) for pool in state.pools()]
            entered = sum(isinstance(effect, LiquidationEntered) for effect in outcome.effects)
            reached("accounts with a position", len({pool.account for pool in state.pools() if pool.open_positions()}))
            reached("positions in a pool", max(held))
            reached("pools with a position", sum(map(bool, held)))
            reached("pools that enter liquidation at once", entered)
            reached("orders at work", len(state.working_orders()))
            reached("lives", max((position.life for _, position in state.positions()), default=0))
            reached("markets of the vault", len(state.vault.positions))
            reached("bits of collateral", max(pool.collateral for pool in state.pools()).bit_length())
        reached("blocks", state.block)
        reached("bits of time", state.time.bit_length())
    return far


@pytest.mark.parametrize(
    ("what", "least"),
    [
        ("events", 1200),
        ("blocks", 257),
        ("lives", 40),
        ("tiers", 9),
        ("accounts with a position", 16),
        ("positions in a pool", 16),
        ("pools with a position", 20),
        ("pools that enter liquidation at once", 12),
        ("orders at work", 9),
        ("markets of the vault", 5),
        ("bits of collateral", 130),
        ("bits of time", 33),
    ],
)
def test_two_rounds_of_runs_go_far_in_every_dimension(what: str, least: int) -> None:
    assert largest()[what] >= least


def test_most_events_are_in_small_runs_and_usual_runs_have_the_most() -> None:
    """A round has a prime number of runs, so that each kind of run meets every venue."""
    events: Counter[str] = Counter()
    for number in range(18 * ROUND):  # in which every size of a long run occurs
        events[kind_of(number)] += length_of(number, USUAL)
    assert events.most_common()[0][0] == "usual"
    assert events["wide"] + events["named"] < sum(events.values()) / 4
    assert all(ROUND % count for count in range(2, ROUND))


def test_a_usual_run_is_near_its_base_and_follows_no_plan() -> None:
    made, _ = drawn(0)
    assert (made.weights, made.plans, made.length) == (None, (), USUAL)
    assert made.config == configuration(seeded(3, 0), SHIPPED[0], FAMILIES)


def test_a_run_has_the_length_that_its_number_says() -> None:
    assert all(drawn(number)[0].length == length_of(number, USUAL) for number in range(ROUND))
    assert drawn(37)[0].at_most(7).length == 7


def test_at_a_fixed_setting_every_run_has_its_markets_and_rules() -> None:
    accounts = set()
    for number in range(2 * ROUND):
        config, base = drawn(number, fixed=True)[0].config, SHIPPED[number % len(SHIPPED)]
        own = {part: base[part] for part in base if part not in ("accounts", "markets", "marks", "vault")}
        assert {part: config[part] for part in own} == own
        assert config["markets"].items() <= base["markets"].items()
        accounts.add(len(config["accounts"]))
    assert {1, 2, 9, 16} <= accounts


def test_every_configuration_can_be_run_and_its_names_are_valid() -> None:
    for seed in range(3):
        for number in range(ROUND):
            config = drawn(number, seed=seed)[0].config
            Engine(Config.from_json(config))
            for name in (*config["accounts"], *config["markets"]):
                check_name(name)


def test_names_are_confusing_in_each_way() -> None:
    """AMT-7: what an engine may ignore, mix up or sort otherwise; and keys that are made of two names."""
    seen, keys = Counter[str](), 0
    for number in range(600):
        accounts, markets = names.of_accounts_and_markets(Random(number), 5, 5)
        assert (len(set(accounts)), len(set(markets))) == (5, 5)
        seen.update({"case": len({name.casefold() for name in accounts}) < 5})
        seen.update({"start": any(one != other and one.startswith(other) for one in accounts for other in accounts)})
        seen.update({"order": sorted(markets) != sorted(markets, key=lambda name: name.encode("utf-16-be"))})
        keys += any(
            f"{one}-{two}" == f"{other}-{another}"
            for one in accounts
            for other in accounts
            for two in markets
            for another in markets
            if one != other
        )
    assert min(seen.values()) > 10
    assert keys > 10


def test_other_names_are_used_everywhere() -> None:
    config = {"accounts": ["x", "bob"], "markets": {"a": {}, "B": {}}, "marks": {"a": "1", "B": "2"}}
    events: list[EventData] = [
        {"account": "x", "market": "a"},
        {"prices": {"B": "1", "a": "2"}},
        {"account": 7, "type": "x"},
    ]
    other, renamed = names.renamed(config, events, {"x": "alice"}, {"a": "A"})
    assert other == {"accounts": ["alice", "bob"], "markets": {"A": {}, "B": {}}, "marks": {"A": "1", "B": "2"}}
    assert renamed == [
        {"account": "alice", "market": "A"},
        {"prices": {"B": "1", "A": "2"}},
        {"account": 7, "type": "x"},
    ]


def test_a_name_that_is_nearly_right_is_another() -> None:
    assert {names.nearly(Random(number), "Bob") for number in range(80)} >= {"BOB", "bob", "Bo", "ob", "Bobx", "0Bob"}
