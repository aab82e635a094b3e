"""The terms of the measures: they add up to what the arithmetic computes, and to what is printed of them."""

import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from random import Random

import pytest

from liqspec.core import measures
from liqspec.core.config import Config
from liqspec.core.effects import Backstopped, LiquidationEntered, Transitioned
from liqspec.core.engine import Engine, Outcome, apply_event
from liqspec.core.events import EventData
from liqspec.core.measures import Around, PoolTerms, PositionTerms
from liqspec.core.refusals import InsufficientMargin
from liqspec.core.snapshot import Snapshot
from liqspec.edge import keys
from liqspec.generate import Guide
from liqspec.generate.configurations import base_configuration, configuration
from liqspec.report import decisions, terms
from liqspec.report.amounts import percent
from liqspec.report.decisions import Decision
from liqspec.spec import venues
from support.builders import apply, holding, mark, small_engine, trade

LENGTH = 40
ALL: tuple[terms.Measure, ...] = ("equity", "maintenance_margin", "initial_margin", "restore_target", "backstop_line")


def steps(number: int) -> Iterator[tuple[Config, Engine, Snapshot, EventData, Outcome]]:
    """A random run: after each event the engine, the state before it, and what it did."""
    random = Random(f"terms/{number}")
    base = base_configuration(venues.load(venues.BASES[number % len(venues.BASES)]))
    data = configuration(random, base)
    if number % 3 == 0:
        restore = {"measure": random.choice(("maintenance", "initial")), "factor": "7/6"}
        data["liquidation"] = {**data.get("liquidation", {}), "restore": restore}
    config = Config.from_json(data)
    engine = Engine(config)
    guide = Guide(random, engine)
    for _ in range(LENGTH):
        before, event = engine.snapshot(), guide.next_event()
        yield config, engine, before, event, apply_event(engine, event)


def rounded_up(amount: Fraction, step: Fraction) -> Fraction:
    return ceil(amount / step) * step


def check_position(config: Config, one: PositionTerms) -> None:
    """MRG-1 to MRG-7 and MRG-13, in fractions."""
    size, price, step = Fraction(one.size), Fraction(one.mark), Fraction(config.quote_unit)
    notional = abs(size) * price
    assert Fraction(one.notional) == notional
    assert Fraction(one.unrealised_pnl) == size * price - Fraction(one.cost)
    tiers = config.markets[one.market].tiers
    number = max((number for number, tier in enumerate(tiers, 1) if notional > Fraction(tier.above)), default=1)
    assert (one.tier, one.max_leverage) == (number, tiers[number - 1].max_leverage)
    rates = [Fraction(tier.maintenance_rate) for tier in tiers]
    assert Fraction(one.maintenance_rate) == rates[number - 1]
    rises = (Fraction(tiers[at].above) * (rates[at] - rates[at - 1]) for at in range(1, number))
    assert Fraction(one.deduction) == sum(rises)
    exact = notional * Fraction(one.maintenance_rate) - Fraction(one.deduction)
    rounds_down = config.margin is not None and config.margin.rounding == "down"
    assert Fraction(one.maintenance_margin) == (-rounded_up(-exact, step) if rounds_down else rounded_up(exact, step))
    assert Fraction(one.initial_margin) == rounded_up(notional / min(one.leverage, one.max_leverage), step)


def check_pool(config: Config, engine: Engine, pool: PoolTerms) -> None:
    """MRG-3, MRG-6, MRG-7, BKS-1, LIQ-15: the sums are those that the engine shows."""
    seen = next(entry for entry in engine.observe()["pools"] if keys.of_pool(entry) == pool.pool)
    for name in ("collateral", "equity", "maintenance_margin", "initial_margin"):
        assert getattr(pool, name) == seen[name]
    gains = sum(Fraction(one.unrealised_pnl) for one in pool.positions)
    assert Fraction(pool.equity) == Fraction(pool.collateral) + gains
    margin = sum(Fraction(one.maintenance_margin) for one in pool.positions)
    assert Fraction(pool.maintenance_margin) == margin
    assert Fraction(pool.initial_margin) == sum(Fraction(one.initial_margin) for one in pool.positions)
    assert Fraction(pool.backstop_line) == Fraction(config.backstop.threshold) * margin
    assert (pool.restore is None) == (config.liquidation.restore is None)
    if pool.restore is not None:
        assert Fraction(pool.restore.target) == Fraction(pool.restore.factor) * Fraction(
            getattr(pool, pool.restore.measure)
        )
    for one in pool.positions:
        check_position(config, one)


def value_of(calculation: str) -> Fraction:
    """What a printed calculation comes to."""
    words = "collateral |PnL |maintenance margin |initial margin |[0-9]+ more, together |[,~ ]"
    total = Fraction(0)
    for added in calculation.split(" + "):
        for sign, product in zip((1, -1), added.split(" − "), strict=False):
            numbers = [re.sub(words, "", number).strip("()") or "0" for number in re.split("[×÷]", product)]
            value = Fraction(numbers[0])
            for number in numbers[1:]:
                value = value / Fraction(number) if "÷" in product else value * Fraction(number)
            total += sign * value
    return total


def check_calculation(calculation: str, printed: Fraction, config: Config) -> None:
    """A calculation comes to what is printed of it, except for what is said to be rounded."""
    way = next((way for text, way in (("up", 1), ("down", -1)) if f", rounded {text}" in calculation), 0)
    exact = value_of(re.sub(", rounded (up|down)", "", calculation))
    over = (printed - exact) / Fraction(config.quote_unit)
    assert 0 < over * way < 1 if way else over == 0, calculation


def check_sentence(sentence: str, config: Config) -> None:
    """What is printed before the sign is what is printed after it, of each position and of them all."""
    _, rest = re.sub(" [(][^()]*(MRG|BKS|LIQ)-.*", "", sentence).split(": ", maxsplit=1)
    calculation, _, result = rest.partition(" = ")
    for amount, of_one in re.findall(r"([-0-9.,/]+) [(][^ ]+ ([^()]*[×÷][^()]*)[)]", calculation):
        check_calculation(re.sub(", tier.*", "", of_one), value_of(amount), config)
    of_all = re.sub(r" [(](?!-)[^()]*[)]", "", calculation)
    if result.startswith("~"):
        assert 0 < abs(value_of(of_all) - value_of(result)) <= Fraction("0.005"), sentence
    else:
        check_calculation(of_all, value_of(result), config)


def test_the_terms_of_random_states_add_up_to_what_the_arithmetic_computes_and_to_what_is_printed() -> None:
    seen: Counter[str] = Counter()
    for number in range(36):
        for config, engine, before, event, done in steps(number):
            for pool in measures.all_terms(engine.state).values():
                check_pool(config, engine, pool)
                for sentence in terms.lines(pool, *(ALL if pool.positions else ALL[4:])):
                    check_sentence(sentence, config)
                seen[f"{len(pool.positions)} positions"] += 1
                seen["restore"] += pool.restore is not None
                seen["deduction"] += any(one.deduction != "0" for one in pool.positions)
                for one in pool.positions:
                    for sentence in terms.position_lines(pool, one):
                        if "price" not in sentence:
                            check_sentence(sentence, config)
            seen.update(decided(engine, (before, engine.snapshot()), event, done))
    expected = {"2 positions", "restore", "deduction", "ACC-5", "ACC-8", "ACC-9", "LIQ-11", "LIQ-10", "BKS-3", "PRT-3"}
    assert expected <= {name for name, times in seen.items() if times}


def decided(engine: Engine, around: Around, event: EventData, done: Outcome) -> Iterator[str]:
    """The terms of a decision are those of the measures that it saw, which its effect or refusal has."""
    money = engine.venue.money
    refused = decisions.of_refusal(engine.venue, around, event, done.refusal)
    if refused is not None:
        assert done.refusal is not None and done.refusal.code == "insufficient_margin"
        yield done.refusal.rule
        value, limit = done.refusal.value, done.refusal.limit
        assert f"equity {refused.terms.equity} after" in value or value.endswith(f", {refused.terms.equity} after")
        (margin,) = refused.measures[1:]
        if " of notional " in limit:  # ACC-14
            notional = sum(Fraction(one.notional) for one in refused.terms.positions)
            assert Fraction(limit.rpartition(" ")[2]) == notional
        else:
            assert f"{margin.replace('_', ' ')} {getattr(refused.terms, margin)} after" in limit
    for effect, decision in decisions.of_effects(engine.venue, around, event, done.effects):
        if decision is None:
            continue
        yield effect.rule
        pool = decision.terms
        if isinstance(effect, LiquidationEntered | Transitioned | Backstopped):
            assert pool.equity == money.text(effect.equity)
        if isinstance(effect, LiquidationEntered | Transitioned):
            assert pool.maintenance_margin == money.text(effect.maintenance_margin)
        assert list(decision.lines())


def lines_of(engine: Engine, *wanted: terms.Measure) -> list[str]:
    return list(terms.lines(measures.all_terms(engine.state)["alice/cross"], *wanted))


def test_a_pool_of_one_position_shows_its_only_term() -> None:
    assert lines_of(holding(), *ALL) == [
        "equity: collateral 200 + PnL 0 = 200 (MRG-3)",
        "maintenance margin: 1,000 × 1/10 = 100 (tier 1, MRG-5)",
        "initial margin: 1,000 ÷ 5 = 200 (MRG-7)",
        "backstop line: 2/3 × maintenance margin 100 = ~66.67 (BKS-1)",
    ]


def test_a_pool_without_a_position_has_its_collateral() -> None:
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount="1200")
    assert lines_of(engine, "equity", "maintenance_margin", "initial_margin") == [
        "equity: the collateral, 1,200 (MRG-3)",
        "maintenance margin: 0, for the pool has no position (MRG-5, MRG-6)",
        "initial margin: 0, for the pool has no position (MRG-7)",
    ]


def test_a_higher_tier_has_its_deduction_and_its_leverage_and_what_is_rounded_is_said_to_be() -> None:
    """MRG-5, MRG-7: 1,001 is above 1,000: 1/5 less 100, and at most 2x."""
    engine = small_engine(liquidation={"restore": {"measure": "initial", "factor": "6/5"}})
    apply(engine, "deposit", account="alice", amount="1000")
    trade(engine, "1001", "1", 5)
    mark(engine, "1")
    assert lines_of(engine, *ALL) == [
        "equity: collateral 1,000 + PnL 0 = 1,000 (MRG-3)",
        "maintenance margin: 1,001 × 1/5 − 100, rounded up = 101 (tier 2, MRG-5)",
        "initial margin: 1,001 ÷ 2, rounded up = 501 (tier 2 allows 2, MRG-7)",
        "restore target: 6/5 × initial margin 501 = 601.2 (LIQ-15)",
        "backstop line: 2/3 × maintenance margin 101 = ~67.33 (BKS-1)",
    ]


def test_of_two_positions_each_term_has_its_market() -> None:
    engine = holding("500")
    trade(engine, "-3", "100", 5, market="B")
    mark(engine, "95")
    assert lines_of(engine, "equity", "maintenance_margin", "initial_margin") == [
        "equity: collateral 500 + PnL -50 (A) + PnL 0 (B) = 450 (MRG-3)",
        "maintenance margin: 95 (A 950 × 1/10, tier 1) + 30 (B 300 × 1/10, tier 1) = 125 (MRG-5, MRG-6)",
        "initial margin: 190 (A 950 ÷ 5) + 60 (B 300 ÷ 5) = 250 (MRG-7)",
    ]


def test_of_many_positions_the_largest_terms_and_what_the_others_are_together() -> None:
    names = [f"M{number:02}" for number in range(16)]
    market = {"tick": "1", "lot": "1", "tiers": [{"above": "0", "maintenance_rate": "1/10", "max_leverage": 5}]}
    engine = small_engine(markets=dict.fromkeys(names, market), marks=dict.fromkeys(names, "100"))
    apply(engine, "deposit", account="alice", amount="100000")
    for number, name in enumerate(names):
        trade(engine, str(number + 1), "90", 5, market=name)
    equity, margin = lines_of(engine, "equity", "maintenance_margin")
    gains = "PnL 160 (M15) + PnL 150 (M14) + PnL 140 (M13) + PnL 130 (M12) + 12 more, together 780"
    assert equity == f"equity: collateral 100,000 + {gains} = 101,360 (MRG-3)"
    assert margin.startswith("maintenance margin: 160 (M15 1,600 × 1/10, tier 1) + 150 (M14 1,500 ")
    assert margin.endswith(" + 12 more, together 780 = 1,360 (MRG-5, MRG-6)")


def test_one_more_than_are_shown_is_shown_too() -> None:
    names = "ABCDE"
    market = {"tick": "1", "lot": "1", "tiers": [{"above": "0", "maintenance_rate": "1/10", "max_leverage": 5}]}
    engine = small_engine(markets=dict.fromkeys(names, market), marks=dict.fromkeys(names, "100"))
    apply(engine, "deposit", account="alice", amount="10000")
    for name in names:
        trade(engine, "1", "100", 5, market=name)
    (equity,) = lines_of(engine, "equity")
    assert "more" not in equity and equity.count("PnL") == len(names) == terms.SHOWN + 1


def prices_of(engine: Engine) -> list[str]:
    (pool,) = (pool for pool in measures.all_terms(engine.state).values() if pool.positions)
    return [line for line in terms.position_lines(pool, pool.positions[0]) if "price" in line]


def test_the_prices_of_a_long_are_below_the_mark_until_it_reaches_them() -> None:
    """MRG-10, MRG-11: 200 + 10p - 1,000 is below p at 88, and 0 at 80."""
    engine = holding()
    assert prices_of(engine) == [
        "liquidation price: 88, 12 ticks (12 %) below the mark 100 (MRG-10)",
        "bankruptcy price: 80, 20 ticks (20 %) below the mark 100 (MRG-11)",
    ]
    mark(engine, "89")
    assert prices_of(engine)[0] == "liquidation price: 88, 1 tick (~1.12 %) below the mark 89 (MRG-10)"
    mark(engine, "88")
    assert prices_of(engine)[0] == "liquidation price: 88, which is the mark (MRG-10)"
    mark(engine, "78")
    assert prices_of(engine) == [
        "liquidation price: 88, 10 ticks (~12.82 %) above the mark 78 (MRG-10)",
        "bankruptcy price: 80, 2 ticks (~2.56 %) above the mark 78 (MRG-11)",
    ]


def test_the_prices_of_a_short_are_above_the_mark_and_depend_on_the_other_marks() -> None:
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount="500")
    trade(engine, "-7", "100", 5)
    trade(engine, "1", "100", 5, market="B")
    pool = measures.all_terms(engine.state)["alice/cross"]
    short, _ = pool.positions
    shown = list(terms.position_lines(pool, short))
    assert "PnL of A: (-7) × 100 − (-700) = 0 (size × mark − cost, MRG-1)" in shown
    assert (
        "bankruptcy price: ~171.43, ~71.43 ticks (~71.43 %) above the mark 100 (MRG-11, the other marks fixed)" in shown
    )


def test_a_long_that_no_mark_liquidates_has_no_price() -> None:
    engine = holding("1000")
    none = "none, for no positive tick is the highest at which the pool is breached"
    assert prices_of(engine)[0] == f"liquidation price: {none} (MRG-10)"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        ("0", "0 %"),
        ("1/40", "2.5 %"),
        ("1/8", "12.5 %"),
        ("1/3", "~33.33 %"),
        ("20", "2,000 %"),
        ("1/700", "~0.143 %"),
        ("1/48206", "~0.00207 %"),
    ],
)
def test_a_share_in_percent_has_two_places_or_three_significant_digits(share: str, text: str) -> None:
    assert percent(Fraction(share)) == text


def decisions_of(engine: Engine, event: EventData) -> list[str]:
    before = engine.snapshot()
    done = apply_event(engine, event)
    around = before, engine.snapshot()
    refused = decisions.of_refusal(engine.venue, around, event, done.refusal)
    found: list[Decision | None] = [refused]
    found += [decision for _, decision in decisions.of_effects(engine.venue, around, event, done.effects)]
    return [line for decision in found if decision is not None for line in decision.lines()]


def test_a_refusal_is_explained_by_the_pool_as_the_event_would_leave_it() -> None:
    """ACC-5, ACC-6, ACC-8, ACC-9: of a transfer, the pool that pays."""
    withdrawal = {"type": "withdraw", "account": "alice", "amount": "1"}
    left = ["equity after it: collateral 199 + PnL 0 = 199 (MRG-3)", "initial margin after it: 1,000 ÷ 5 = 200 (MRG-7)"]
    assert decisions_of(holding(), withdrawal) == left
    assert decisions_of(holding(), {**withdrawal, "type": "transfer", "market": "B"}) == left
    key = {"type": "trade", "account": "alice", "market": "A", "mode": "cross"}
    assert decisions_of(holding(), {**key, "size": "1", "price": "101", "leverage": 5}) == [
        "equity after it: collateral 200 + PnL -1 = 199 (MRG-3)",
        "initial margin after it: 1,100 ÷ 2 = 550 (tier 2 allows 2, MRG-7)",
    ]
    assert decisions_of(holding(), {**key, "size": "-5", "price": "50"}) == [
        "equity after it: collateral -50 + PnL 0 = -50 (MRG-3)",
        "maintenance margin after it: 500 × 1/10 = 50 (tier 1, MRG-5)",
    ]
    assert decisions_of(holding(), {**key, "size": "-50", "price": "50"}) == []


def test_a_refusal_that_no_rule_makes_is_explained_by_nothing() -> None:
    engine = holding()
    now, refusal = engine.snapshot(), InsufficientMargin("amount", "equity 1", "initial margin 2")
    for event in ({"type": "deposit", "account": "alice", "amount": "1"}, {"type": "vault_cash", "amount": "1"}):
        assert decisions.of_refusal(engine.venue, (now, now), event, refusal) is None


def test_a_takeover_is_explained_by_the_pool_as_it_was_and_a_chunk_by_its_notional() -> None:
    """BKS-1, PRT-2: what the vault takes has no terms afterwards."""
    engine = holding(liquidation={"partial_threshold": "800", "partial_fraction": "1/2"})
    fall = {"type": "mark_price", "market": "A", "price": "88"}
    assert decisions_of(engine, fall) == [
        "equity: collateral 200 + PnL -120 = 80 (MRG-3)",
        "maintenance margin: 880 × 1/10 = 88 (tier 1, MRG-5)",
        "notional: 10 × 88 = 880 (MRG-2); threshold 800 (PRT-2)",
    ]
    mark(engine, "82")
    key = {"account": "alice", "market": "A", "mode": "cross"}
    assert decisions_of(engine, {"type": "order_done", **key}) == [
        "equity: collateral 200 + PnL -180 = 20 (MRG-3)",
        "maintenance margin: 820 × 1/10 = 82 (tier 1, MRG-5)",
        "backstop line: 2/3 × maintenance margin 82 = ~54.67 (BKS-1)",
    ]


def test_the_prices_of_a_position_in_one_phrase_are_those_that_a_mark_can_reach() -> None:
    (position,) = measures.all_terms(holding().state)["alice/cross"].positions
    assert terms.prices(position) == "liquidation price 88; bankruptcy price 80"
    (position,) = measures.all_terms(holding("1000").state)["alice/cross"].positions
    assert terms.prices(position) == "liquidation price none"


def test_the_terms_of_a_decision_at_the_mark_of_another_engine_are_those_of_that_mark() -> None:
    """MRK-9: the rules form a mark of 89, at which the pool is healthy; the engine has 88."""
    engine = holding(mark={})
    before, event = engine.snapshot(), {"type": "price_inputs", "market": "A", "index": "89"}
    done = apply_event(engine, event, {"marks": {"A": "88"}})
    decided = list(decisions.of_effects(engine.venue, (before, engine.snapshot()), event, done.effects))
    (lines,) = (list(decision.lines()) for _, decision in decided if decision is not None)
    assert lines[0] == "equity: collateral 200 + PnL -120 = 80 (MRG-3)"


def test_an_order_that_a_restored_pool_cancels_is_explained_by_its_target_and_what_that_is_a_share_of() -> None:
    """LIQ-9, LIQ-15: the effects that follow from it do not repeat it."""
    engine = holding(liquidation={"restore": {"measure": "initial", "factor": "7/6"}})
    mark(engine, "88")
    before, event = engine.snapshot(), {"type": "deposit", "account": "alice", "amount": "1920"}
    done = apply_event(engine, event)
    decided = list(decisions.of_effects(engine.venue, (before, engine.snapshot()), event, done.effects))
    assert {effect.rule: list(decision.lines()) for effect, decision in decided if decision is not None} == {
        "LIQ-9": [
            "equity: collateral 2,120 + PnL -120 = 2,000 (MRG-3)",
            "maintenance margin: 880 × 1/10 = 88 (tier 1, MRG-5)",
            "initial margin: 880 ÷ 5 = 176 (MRG-7)",
            "restore target: 7/6 × initial margin 176 = ~205.33 (LIQ-15)",
        ]
    }
    assert {effect.rule for effect, _ in decided} >= {"LIQ-9", "LIQ-10", "LIQ-4"}
