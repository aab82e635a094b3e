"""The guide of random events: its boundaries are exact, and it reaches the places where rules meet."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

from adversaries.wrong_engines.search import SHIPPED
from liqspec.core.admission import listed_fields
from liqspec.core.arithmetic import pool_maintenance_margin
from liqspec.core.changes import reachable_transitions
from liqspec.core.config import Config
from liqspec.core.effects import OrderEmitted
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EVENTS, OPTIONAL, EventData
from liqspec.core.parameters import FAMILIES
from liqspec.edge import keys
from liqspec.edge.amounts import MAX_INTEGER
from liqspec.generate import Guide, boundaries
from liqspec.generate.configurations import configuration, part_of
from liqspec.generate.trader import TraderMoves
from support.builders import apply, refused, small_engine, trade

LENGTH = 40


def engine_in_trouble(deposit: str) -> Engine:
    """Ten at 100 and 5x on that collateral; the mark falls to 85, and the book fills nothing."""
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount=deposit)
    trade(engine, "10", leverage=5)
    apply(engine, "mark_price", market="A", price="85")
    apply(engine, "order_done", account="alice", market="A", mode="cross")
    return engine


class TestBoundaries:
    def test_a_ratio_is_kept_to_the_unit_and_a_tick_less_is_refused(self) -> None:
        """ACC-9: equity 60 below the margin of 85; half of the position for half of the equity is at 79."""
        engine = engine_in_trouble("210")
        pool = engine.state.accounts["alice"].cross
        position = pool.positions["A"]
        assert boundaries.measures(engine.state, pool) == (60, 85)
        assert boundaries.ratio_keeping_price(engine.state, pool, position, 8) == 79
        assert boundaries.ratio_keeping_price(engine.state, pool, position, 10) is None, "nothing would be left"
        key = {"account": "alice", "market": "A", "mode": "cross"}
        assert refused(engine, "trade", **key, size="-8", price="78").code == "insufficient_margin"
        apply(engine, "trade", **key, size="-8", price="79")
        equity, margin = boundaries.measures(engine.state, pool)
        assert Fraction(equity, margin) == Fraction(60, 85)

    def test_there_is_no_price_where_no_tick_keeps_a_ratio_or_nothing_is_in_trouble(self) -> None:
        engine = engine_in_trouble("211")
        pool = engine.state.accounts["alice"].cross
        assert boundaries.ratio_keeping_price(engine.state, pool, pool.positions["A"], 8) is None
        apply(engine, "deposit", account="alice", amount="100")
        assert boundaries.ratio_keeping_price(engine.state, pool, pool.positions["A"], 8) is None

    def test_a_position_is_exact_at_a_threshold_or_just_above_it_or_next_to_its_equal(self) -> None:
        engine = small_engine(liquidation={"partial_threshold": "1000", "partial_fraction": "1/2"})
        apply(engine, "deposit", account="alice", amount="2000")
        trade(engine, "10", leverage=5)
        pool = engine.state.accounts["alice"].cross
        assert boundaries.is_exact(engine.state, pool, pool.positions["A"])
        for price, is_exact in (("99", False), ("101", True), ("111", True), ("112", False)):  # less than a lot above
            apply(engine, "mark_price", market="A", price=price)
            assert boundaries.is_exact(engine.state, pool, pool.positions["A"]) is is_exact
        trade(engine, "5", leverage=5, market="B")
        assert not boundaries.is_exact(engine.state, pool, pool.positions["A"])
        apply(engine, "mark_price", market="B", price="224")
        assert boundaries.is_exact(engine.state, pool, pool.positions["A"])
        pool.in_liquidation = True
        assert not boundaries.is_exact(engine.state, pool, pool.positions["A"])


def test_what_is_done_about_trouble_is_nothing_where_there_is_none() -> None:
    trader = TraderMoves(Random(1), small_engine())
    assert (trader.rescue(), trader.increase_in_trouble(), trader.trade_what_the_vault_took()) == (None, None, None)


# --------------------------------------------------------------------------------------------------- where it comes to


def situations(engine: Engine, effects: tuple[Any, ...]) -> Iterator[str]:
    """What is rare in a random walk: several rules that meet in one event."""
    state = engine.state
    for effect in effects:
        if not isinstance(effect, OrderEmitted):
            continue
        account, market, mode = keys.parts(effect.position)
        pool = state.pool(account, "cross" if mode == "cross" else "isolated", market)
        assert pool is not None
        position = pool.positions[market]
        held = state.holding(position)
        if effect.sizing == "window":
            yield "an order that a window forces"
            window = state.scope_window(pool, position)
            if window.until > position.window.until:
                yield "an order that a sibling's window forces"
            if window.until > window.forcing_until:
                yield "an order in a block in which a window was made longer"
        if state.venue.partial_threshold == boundaries.worth(held):
            yield "an order at the threshold"
        equity, margin = boundaries.measures(state, pool)
        if equity == Fraction(*state.venue.backstop_threshold) * margin:
            yield "an order at the backstop line"
        margins = Counter(pool_maintenance_margin([state.holding(one)]) for one in pool.open_positions())
        if state.venue.order_policy == "ranked" and max(margins.values()) > 1:
            yield "an order of one of equals"


def test_random_events_come_to_where_rules_meet() -> None:
    seen: Counter[str] = Counter()
    for number in range(1000):
        random = Random(f"meet/{number}")
        engine = Engine(Config.from_json(configuration(random, SHIPPED[number % len(SHIPPED)])))
        guide = Guide(random, engine)
        for _ in range(LENGTH):
            seen.update(after(engine, guide.next_event()))
    rare = {
        "an order that a window forces",
        "an order that a sibling's window forces",
        "an order in a block in which a window was made longer",
        "an order at the threshold",
        "an order at the backstop line",
        "an order of one of equals",
        "a reduction that keeps the ratio",
        "an amount that no machine's integer holds",
        *reachable_transitions(),
    }
    assert rare - seen.keys() == set()


def after(engine: Engine, event: EventData) -> list[str]:
    """Apply an event; what it came to."""
    before = {pool.key: boundaries.measures(engine.state, pool) for pool in engine.state.pools()}
    outcome = apply_event(engine, event)
    if outcome.code is not None:
        return [outcome.code]
    effects = outcome.effects
    seen = [*situations(engine, effects), *(entry.transition for entry in effects if hasattr(entry, "transition"))]
    for pool in engine.state.pools():
        equity, margin = boundaries.measures(engine.state, pool)
        was, margin_was = before.get(pool.key, (0, 0))
        if (
            event["type"] == "trade"
            and was < margin_was
            and 0 < margin < margin_was
            and was * margin == equity * margin_was
        ):
            seen.append("a reduction that keeps the ratio")
        if equity > 2**64:
            seen.append("an amount that no machine's integer holds")
    return seen


def test_chunks_are_ordered_in_tiers_with_and_without_as_many_tiers_below() -> None:
    """PRT-4: two tiers down from the third, and the whole from the second."""
    tiers = [
        {"above": "0", "maintenance_rate": "1/10", "max_leverage": 5},
        {"above": "300000", "maintenance_rate": "1/5", "max_leverage": 2},
        {"above": "3000000", "maintenance_rate": "1/4", "max_leverage": 2},
    ]
    markets = {name: {"tick": "1", "lot": "1", "tiers": tiers} for name in "AB"}
    rules = {"partial_threshold": "0", "partial_method": "tier_down", "tier_steps": 2}
    found: Counter[int] = Counter()
    for effect, mark in _chunks({"markets": markets, "liquidation": rules}):
        notional = abs(effect.of) * mark
        found[sum(notional > above for above in (0, 300_000, 3_000_000))] += 1
    assert min(found[2], found[3]) > 40, found


def test_chunks_lead_exactly_to_where_a_tier_starts() -> None:
    """PRT-4, MRG-4: a notional of exactly the start of a tier is in the tier below."""
    tiers = [
        {"above": "0", "maintenance_rate": "1/10", "max_leverage": 5},
        {"above": "300000", "maintenance_rate": "1/5", "max_leverage": 2},
    ]
    markets = {name: {"tick": "1", "lot": "1", "tiers": tiers} for name in "AB"}
    rules = {"partial_threshold": "0", "partial_method": "tier_down"}
    exact = 0
    for effect, mark in _chunks({"markets": markets, "liquidation": rules}):
        exact += (abs(effect.of) - effect.size) * mark == 300_000
    assert exact > 20


def test_chunks_restore_pools_at_marks_of_few_ticks() -> None:
    """PRT-4, FIL-2: a margin and a fee are rounded there by a large part of themselves."""
    rules = {"partial_threshold": "0", "partial_method": "restore", "fee_rate": "1/200"}
    sizes = [effect.size for effect, mark in _chunks({"liquidation": rules}) if mark < 10 < abs(effect.of)]
    assert len(sizes) > 40
    assert len(set(sizes)) > 15


def _chunks(changes: dict[str, Any]) -> Iterator[tuple[OrderEmitted, int]]:
    """The orders for chunks in guided runs, each with the mark of its market."""
    for seed in range(60):
        engine = small_engine(**changes)
        guide = Guide(Random(seed), engine)
        for _ in range(LENGTH):
            for effect in apply_event(engine, guide.next_event()).effects:
                if isinstance(effect, OrderEmitted) and effect.sizing in ("tier_down", "restore"):
                    yield effect, engine.state.marks[keys.market_of(effect.position)]


def test_a_block_begins_at_the_last_millisecond_while_a_window_is_open() -> None:
    """CFG-2, CLD-3: no window ends there that is still open."""
    rules = {"partial_threshold": "0", "partial_fraction": "1/2", "cooldown_ms": 30_000}
    found = 0
    for seed in range(60):
        engine = small_engine(liquidation=rules, time=MAX_INTEGER - 30_001)
        guide = Guide(Random(seed), engine)
        for _ in range(LENGTH):
            apply_event(engine, guide.next_event())
        windows = [pool.window.until for pool in engine.state.pools()]
        found += engine.state.time == MAX_INTEGER and max(windows) > MAX_INTEGER
    assert found > 3


def test_inputs_of_a_mark_are_heavy_and_wrong_in_two_ways() -> None:
    """MRK-4, EVT-2: weights whose sum no double has, and two prices of which one is reported."""
    engine, found = small_engine(mark={}), Counter[str]()
    guide = Guide(Random(1), engine, {"price_inputs"})
    for _ in range(1500):
        event = guide.next_event()
        outcome = apply_event(engine, event)
        if event["type"] == "price_inputs":
            weights = [one.get("weight") for one in event.get("perps") or ()]
            found["heavy"] += outcome.code is None and sum(weights) > 2**53
            quotes = [event.get(name) for name in ("index", "best_bid", "best_ask", "last")]
            quotes += [one.get("price") for one in event.get("perps") or ()]
            found["two wrong"] += sum(quote in ("0", "-1") or str(quote).endswith("01") for quote in quotes) > 1
    assert min(found["heavy"], found["two wrong"]) > 5, found


def test_positions_whose_margin_is_rounded_down_to_nothing_are_liquidated() -> None:
    """MRG-13, LIQ-17: alone and with another one, with less than nothing and with nothing."""
    found: Counter[str] = Counter()
    for seed in range(60):
        engine = small_engine(margin={"rounding": "down"}, liquidation={"order_price": "bankruptcy"})
        guide = Guide(Random(seed), engine)
        for _ in range(LENGTH):
            effects = apply_event(engine, guide.next_event()).effects
            for pool in engine.state.pools():
                equity, margin = boundaries.measures(engine.state, pool)
                if (held := pool.open_positions()) and not margin:
                    ordered = any(getattr(effect, "position", "") == held[0].key for effect in effects)
                    found["a breached pool"] += equity < 0
                    found["a pool at 0"] += equity == 0
                    found["two positions"] += equity <= 0 and len(held) > 1
                    found["a limit of a tick"] += ordered and held[0].limit == 1
    assert set(found) == {"a breached pool", "a pool at 0", "two positions", "a limit of a tick"}
    assert min(found.values()) > 3, found


def test_a_part_of_a_base_leaves_its_rules_as_they_are() -> None:
    """A venue that is asked for, or that is all that an engine can run, is not changed."""
    base = SHIPPED[0]
    for number in range(50):
        config = part_of(Random(number), base)
        assert {**config, **{name: base[name] for name in ("accounts", "markets", "marks", "vault")}} == base
        assert all(base["markets"][name] == market for name, market in config["markets"].items())
        assert config["marks"] == {name: base["marks"][name] for name in config["markets"]}


def test_configurations_near_a_base_can_be_run_and_some_have_names_that_are_easily_sorted_wrong() -> None:
    """AMT-7: by code points `Ａ` comes before `𝐁`, by UTF-16 after it; `Z` comes before `m`, without case after it."""
    names: set[tuple[str, ...]] = set()
    unsorted = 0
    for number in range(600):
        config = configuration(Random(number), SHIPPED[number % len(SHIPPED)])
        engine = Engine(Config.from_json(config))
        assert list(engine.venue.markets) == sorted(config["markets"])
        names.add(tuple(sorted(config["markets"])))
        unsorted += config["accounts"] != sorted(config["accounts"]) or list(config["markets"]) != sorted(
            config["markets"]
        )
    assert any(sorted(markets, key=lambda name: name.encode("utf-16-be")) != list(markets) for markets in names)
    assert any(sorted(markets, key=str.casefold) != list(markets) for markets in names)
    assert 100 < unsorted < 500


def test_configurations_near_a_base_have_markets_of_every_kind() -> None:
    """MRG-5, AMT-2, BKS-1, PRT-3: what no shipped venue has, an engine that cannot do it would pass for right."""
    seen: set[str] = set()
    for number in range(600):
        config = configuration(Random(number), SHIPPED[number % len(SHIPPED)])
        markets = config["markets"].values()
        seen.update(f"{len(market['tiers'])} tiers" for market in markets)
        seen.update(f"{grid} of no power of ten" for grid in ("tick", "lot") for market in markets if odd(market[grid]))
        rates = [tier["maintenance_rate"] for market in markets for tier in market["tiers"]]
        shares = {"maintenance_rate": rates, **{name: [value] for name, value in config["backstop"].items()}}
        shares |= {name: [config["liquidation"].get(name, "1")] for name in ("partial_fraction", "fee_rate")}
        seen.update(f"{name} {value}" for name, values in shares.items() for value in values)
    assert {"1 tiers", "2 tiers", "3 tiers", "4 tiers", "tick of no power of ten", "lot of no power of ten"} <= seen
    for name in ("maintenance_rate", "threshold", "return_fraction", "partial_fraction", "fee_rate"):
        parts = [Fraction(entry.removeprefix(name)) for entry in seen if entry.startswith(name)]
        assert any(part.numerator > 1 for part in parts), name


def test_where_chunks_restore_a_pool_most_have_a_target_beyond_its_margin() -> None:
    """PRT-4, LIQ-15: only together they decide a size; and nothing is in a configuration that has no effect (CFG-2)."""
    found: Counter[bool] = Counter()
    for number in range(300):
        config = configuration(Random(number), SHIPPED[number % len(SHIPPED)], FAMILIES)
        Engine(Config.from_json(config))
        if (rules := config.get("liquidation", {})).get("partial_method") == "restore":
            found["restore" in rules] += 1
    assert found[True] > found[False] > 0, found


def odd(step: str) -> bool:
    """Whether a grid's step is neither a power of ten nor one over a whole number."""
    return Fraction(step).numerator % 10 not in (0, 1)


def test_events_of_any_type_are_refused_for_each_of_their_fields() -> None:
    """EVT-2: of every type each refusal is met that its fields alone can have."""
    engine = small_engine()
    guide = Guide(Random(1), engine, OPTIONAL)
    met = {(event["type"], apply_event(engine, event).code) for event in (guide.of_any_type() for _ in range(5000))}
    due = {(kind, check.code) for kind, event in EVENTS.items() for check in listed_fields(event)}
    assert due <= met
    assert {kind for kind, code in met if code is None} > {"deposit", "marks"}, "a few are as they must be"


def test_the_last_events_of_a_few_runs_are_refused_for_each_field_of_an_optional_event() -> None:
    """EVT-2, EVT-11: a default verification has 155 runs with these events, each with one last event."""
    met = set()
    for number in range(155):
        engine = small_engine()
        if number % 2:
            apply(engine, "settle", market="B", price="100")
        event = Guide(Random(number), engine, OPTIONAL).of_any_type()
        met.add((event["type"], apply_event(engine, event).code))
    plain = OPTIONAL - {"price_inputs"}
    due = {(kind, check.code) for kind in plain for check in listed_fields(EVENTS[kind])}
    assert due | {("settle", "market_settled")} <= met


def test_no_optional_event_is_proposed_where_none_is_supported() -> None:
    guide = Guide(Random(1), small_engine())
    assert {guide.of_any_type()["type"] for _ in range(1000)} == EVENTS.keys() - OPTIONAL
