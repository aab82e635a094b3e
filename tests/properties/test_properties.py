"""The properties themselves: they hold of the model, and each fails of a model that is wrong in its way."""

import ast
import contextlib
import copy
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversaries.wrong_engines.search import BASES
from liqspec.core import arithmetic, assessment, changes, events
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.core.state import Position, Window
from liqspec.edge import files
from liqspec.properties import registry
from liqspec.properties.catalogue import OBSERVED
from liqspec.properties.checker import exact
from liqspec.properties.checker.witness import Witness
from liqspec.properties.coverage import Coverage
from liqspec.properties.monitor import Monitor
from liqspec.properties.property import HOLDS, NOT_EXERCISED, Verdict
from liqspec.spec import rulebook
from liqspec.verify.tasks import random_run
from support.builders import small_config, small_engine


def violated(random: Random, events_each: int = 80) -> set[str]:
    """The properties that one guided run finds violated; empty if all hold."""
    coverage = Coverage()
    random_run(BASES[0], random, events_each, "a test", coverage)
    return {violation.property for violation in coverage.violations}


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_every_property_holds_of_the_model(random: Random) -> None:
    """EVT-1, EVT-10, ACC-1, ACC-10, LIQ-1, LIQ-4, LIQ-5, LIQ-6, LIQ-7, LIQ-12, LIQ-13: by all properties at once."""
    assert violated(random) == set()


def _keeps_no_sign(size: int, cost: int, mark: int, unit: int) -> int:
    return abs(size) * mark * unit - cost


def _releases_nothing(size: int, cost: int, closed: int) -> int:
    return 0 if closed != abs(size) else cost


def _never_ends(self: Position, inputs: Any) -> bool:
    return self.window.until > 0 or self.state == "cooldown"


def _forces_at_once(self: Window, now: int) -> bool:
    return now < self.until


def _confiscates(state: Any, pool: Any, inputs: Any, effects: Any) -> None:
    for position in pool.open_positions():
        state.vault.add(position.market.name, position.size, position.cost)
        position.end_life()
    pool.collateral = 0
    pool.in_liquidation = False


def _carries_over(self: Position) -> None:
    self.size = self.leverage = 0
    self.order = None
    self.attempted = self.failed = False


_ASSESS = assessment.assess


def _backwards(state: Any, pools: Any, effects: Any) -> None:
    _ASSESS(state, pools[::-1], effects)


def _waits_for_nobody(state: Any, pool: Any, effects: Any) -> None:
    return None


# What is replaced, by what, and a property that must see it. Each is a bug that engines have had.
WRONG: list[tuple[str, Any, str, Any, str]] = [
    ("breach at equality", arithmetic, "breached", lambda e, m: e <= m, "a_covered_pool_is_left_alone"),
    (
        "a decision that the states follow",
        arithmetic,
        "needs_liquidation",
        lambda e, m, flag, _=None: e < m - 1 or (flag and e < m),
        "a_breach_is_seen_at_once",
    ),
    (
        "profit without a sign",
        arithmetic,
        "unrealised_pnl",
        _keeps_no_sign,
        "equity_and_maintenance_margin_are_what_the_rules_say",
    ),
    (
        "margin rounded down",
        arithmetic,
        "maintenance_margin",
        lambda amount, schedule: (
            (amount * (t := arithmetic.tier_at(amount, schedule)).rate - t.deduction) // schedule.denominator
        ),
        "equity_and_maintenance_margin_are_what_the_rules_say",
    ),
    (
        "tier at equality",
        arithmetic,
        "initial_margin",
        lambda amount, leverage, schedule: -(-amount // leverage),
        "initial_margin_is_what_the_rules_say",
    ),
    (
        "a fee that is not capped",
        arithmetic,
        "liquidation_fee",
        lambda amount, rate, equity: -(-amount * rate.numerator // rate.denominator),
        "an_event_changes_exactly_what_it_must",
    ),
    ("cost not released", arithmetic, "released_cost", _releases_nothing, "an_event_changes_exactly_what_it_must"),
    (
        "a chunk rounded down",
        arithmetic,
        "chunk",
        lambda size, fraction: max(1, abs(size) * fraction.numerator // fraction.denominator),
        "an_order_has_exactly_the_size_of_its_rule",
    ),
    (
        "a window that forces at once",
        Window,
        "forces_full_size",
        _forces_at_once,
        "an_order_has_exactly_the_size_of_its_rule",
    ),
    ("a window that never ends", Position, "own_window_open", _never_ends, "windows_open_and_end_on_time"),
    ("the book is never asked", Position, "book_failed", lambda self, inputs: True, "the_vault_comes_last"),
    ("the line is the margin", Position, "below_backstop", lambda self, inputs: True, "the_vault_comes_last"),
    (
        "the vault forgets the collateral",
        assessment,
        "hand_to_vault",
        _confiscates,
        "the_vault_takes_the_whole_pool_and_nothing_else",
    ),
    ("no pool is backstopped", assessment, "backstop_or_wait", _waits_for_nobody, "liquidation_makes_progress"),
    ("cost survives the end", Position, "end_life", _carries_over, "closed_is_empty"),
    (
        "a deficit is forgotten",
        assessment,
        "cover_deficit",
        lambda state, pool, effects: None,
        "no_negative_collateral_without_position",
    ),
    (
        "funding without the vault's side",
        arithmetic,
        "funding_due",
        lambda size, payment, lot: size * payment * lot.numerator // lot.denominator,
        "an_event_changes_exactly_what_it_must",
    ),
    (
        "no liquidation price where there is one",
        arithmetic,
        "liquidation_price",
        lambda equity, others, held: None,
        "a_liquidation_price_is_exact",
    ),
    ("pools in the reverse order", assessment, "assess", _backwards, "pools_are_assessed_in_their_order"),
    (
        "positions opened without margin",
        arithmetic,
        "initial_margin",
        lambda amount, leverage, schedule: 0,
        "only_prices_and_funding_start_a_liquidation",
    ),
    (
        "profit in the trader's favour",
        arithmetic,
        "realised_pnl",
        lambda size, closed, price, unit, released: abs(closed * price * unit),
        "a_trader_cannot_extract_at_constant_marks",
    ),
    (
        "a fee beyond the equity",
        arithmetic,
        "liquidation_fee",
        lambda amount, rate, equity: amount,
        "a_fill_no_worse_than_bankruptcy_makes_no_deficit",
    ),
    (
        "a mark without a position",
        changes,
        "pools_in",
        lambda state, *markets: [],
        "a_breach_is_seen_at_once",
    ),
]


@pytest.mark.parametrize(("title", "owner", "name", "wrong", "seen_by"), WRONG, ids=[entry[0] for entry in WRONG])
def test_a_wrong_engine_is_seen_by_the_property_that_is_about_it(
    title: str, owner: Any, name: str, wrong: Callable[..., Any], seen_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PRT-2, CLD-2, CLD-3, CLD-4, CLD-6, BKS-1, BKS-2, BKS-3, BKS-6, LIF-3, LIQ-8: none can be broken unseen."""
    monkeypatch.setattr(owner, name, wrong)
    found: set[str] = set()
    for episode in range(400):
        found |= violated(Random(f"wrong/{episode}"))
        if seen_by in found:
            return
    pytest.fail(f"{title}: {seen_by} did not see it, but {sorted(found)}")


def judged(name: str, given: list[EventData], event: EventData, change: Callable[[dict[str, Any]], None]) -> Verdict:
    """What a property says of an event after these, if the engine shows what it should except for a change."""
    engine = small_engine()
    witness = Witness(small_config(), engine.observe())
    for one in given:
        engine.apply(events.from_json(one))
        witness.see(one, None, engine.observe())
    engine.apply(events.from_json(event))
    seen = copy.deepcopy(engine.observe())
    change(seen)
    return OBSERVED[name].judge(witness.see(event, None, seen))


ALICE = {"account": "alice", "market": "A", "mode": "cross"}
OPENED: list[EventData] = [
    {"type": "deposit", "account": "alice", "amount": "200"},
    {"type": "trade", **ALICE, "size": "10", "price": "100", "leverage": 5},
]
WAITING: list[EventData] = [
    *OPENED,
    {"type": "mark_price", "market": "A", "price": "88"},
    {"type": "order_done", **ALICE},
]
CASH: EventData = {"type": "vault_cash", "amount": "1"}


def position_shown(**fields: object) -> Callable[[dict[str, Any]], None]:
    return lambda seen: seen["positions"][0].update(fields)


def test_a_second_order_in_a_block_is_seen() -> None:
    """LIQ-12."""
    name = "an_order_is_emitted_only_if_needed_and_once"
    assert judged(name, WAITING, CASH, lambda seen: None) == NOT_EXERCISED
    wrong = judged(name, WAITING, CASH, position_shown(order="10")).wrong
    assert wrong == "alice/A/cross got a second order in this block"


def test_a_life_that_begins_without_an_opening_is_seen() -> None:
    """LIF-2."""
    wrong = judged("a_life_ends_once", OPENED, CASH, position_shown(life=2)).wrong
    assert wrong == "alice/A/cross has life 2 after 1"


def test_a_closed_position_that_comes_back_is_seen() -> None:
    """LIF-1."""
    closed: list[EventData] = [*OPENED, {"type": "trade", **ALICE, "size": "-10", "price": "100"}]
    assert judged("a_life_ends_once", closed, CASH, lambda seen: None) == HOLDS
    wrong = judged("a_life_ends_once", closed, CASH, position_shown(state="healthy")).wrong
    assert wrong == "alice/A/cross was closed and is healthy in the same life"


def backstopped() -> list[EventData]:
    return [*OPENED, {"type": "mark_price", "market": "A", "price": "85"}, {"type": "order_done", **ALICE}]


def test_a_vault_that_does_not_have_what_it_took_is_seen() -> None:
    """BKS-3."""
    name = "the_vault_takes_the_whole_pool_and_nothing_else"
    *reported, event = backstopped()
    assert judged(name, reported, event, lambda seen: None) == HOLDS
    wrong = judged(name, reported, event, lambda seen: seen["vault"].update(positions={"A": "9"})).wrong
    assert wrong == "the vault's positions are not those that it took"
    wrong = judged(name, reported, event, lambda seen: seen["vault"].update(cash="1")).wrong
    assert wrong.startswith("the vault's cash is 1, must be ")


def test_a_vault_that_takes_a_pool_also_has_the_deficit_of_another() -> None:
    """BKS-3, FIL-5: alice's fill leaves -300, which is the vault's; bob's 10 B come with 200 at a cost of 1000."""
    bob = {**ALICE, "account": "bob"}
    events: list[EventData] = [
        *OPENED,
        {**OPENED[0], "account": "bob"},
        {**OPENED[1], **bob, "market": "B"},
        {"type": "mark_price", "market": "A", "price": "88"},
    ]
    fill: EventData = {"type": "fill", **ALICE, "size": "10", "price": "50"}

    def taken(cash: str) -> Callable[[dict[str, Any]], None]:
        def change(seen: dict[str, Any]) -> None:
            seen["positions"][1].update(state="backstopped", size="0", cost="0")
            seen["pools"][1].update(collateral="0", equity="0")
            seen["vault"] = {"cash": cash, "equity": "0", "positions": {"B": "10"}}

        return change

    name = "the_vault_takes_the_whole_pool_and_nothing_else"
    assert judged(name, events, fill, taken("3900")) == HOLDS
    assert judged(name, events, fill, taken("4200")).wrong == "the vault's cash is 4200, must be 3900"


def test_an_engine_that_crashes_is_reported_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """EVT-1: whatever the exception."""
    engine = small_engine()
    judge = Monitor.of_start(engine, small_config(), Coverage())
    monkeypatch.setattr(type(engine), "apply", lambda self, event: 1 // 0)
    found = judge.apply(OPENED[0])
    assert found == [
        ("every_event_gets_an_answer", "deposit ended in ZeroDivisionError: integer division or modulo by zero")
    ]


def test_the_naive_checker_shares_no_arithmetic_with_the_model() -> None:
    """A property that calls what it judges proves nothing."""
    for path in (files.ROOT.parent / "model" / "liqspec" / "properties" / "checker").glob("*.py"):
        imported = {
            node.module
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module
        }
        ours = {name for name in imported if name.startswith("liqspec")}
        assert all(name.startswith("liqspec.properties.checker") for name in ours), path


def test_the_page_of_the_properties_is_the_one_that_they_make() -> None:
    page = files.ROOT / "properties.md"
    assert page.read_text(encoding="utf-8") == registry.markdown(), (
        "run: liqspec properties --markdown > spec/properties.md"
    )


def test_every_property_has_a_sentence_and_rules() -> None:
    rules = rulebook.rules()
    for entry in registry.PROPERTIES.values():
        assert entry.sentence.endswith(".")
        assert entry.rules
        assert [rule for rule in entry.rules if rule not in rules] == []


@given(
    equity=st.integers(1, 10**9),
    less=st.integers(1, 10**9),
    size=st.integers(1, 10**6),
    mark=st.integers(1, 10**6),
)
def test_higher_exposure_is_liquidated_by_a_smaller_move(equity: int, less: int, size: int, mark: int) -> None:
    """MRG-12: one tier of 1/40, two long pools at the same mark, the second with more notional for its equity."""
    schedule = arithmetic.Schedule(40, (arithmetic.Tier(0, 1, 0, 20),))
    crossings = []
    for own in (equity + less, equity):
        held = arithmetic.Holding(size, 0, 1, mark, 1, schedule)
        crossing = arithmetic.liquidation_crossing(own, 0, held)
        crossings.append(Fraction(0) if crossing is None else Fraction(*crossing))
    assert crossings[0] < crossings[1] or crossings[0] == crossings[1] == 0


def test_the_compiled_fraction_reads_no_text() -> None:
    """Reading digits of other scripts it writes where it must not, so texts are read by the standard library alone."""
    folder = files.ROOT.parent / "model" / "liqspec" / "properties" / "checker"
    called = {
        path.stem
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fraction"
    }
    assert called == {"exact"}
    with contextlib.suppress(ValueError):
        exact.number("\u0663")
    assert chr(0).encode() == bytes(1)
    assert exact.number("1/3") == Fraction(1, 3)


def test_a_ranked_venue_with_two_orders_or_the_wrong_one_is_seen() -> None:
    """LIQ-11: one order a pool, for the largest margin of those not attempted."""
    config = small_config(liquidation={"order_policy": "ranked"})
    engine = Engine(Config.from_json(config))
    witness = Witness(config, engine.observe())
    event: EventData
    for event in (
        {"type": "deposit", "account": "alice", "amount": "300"},
        {"type": "trade", **ALICE, "size": "9", "price": "100", "leverage": 5},
        {"type": "trade", **ALICE, "market": "B", "size": "5", "price": "100", "leverage": 5},
    ):
        engine.apply(events.from_json(event))
        witness.see(event, None, engine.observe())
    event = {"type": "marks", "prices": {"A": "85", "B": "85"}}
    engine.apply(events.from_json(event))
    name = "an_order_is_emitted_only_if_needed_and_once"
    assert OBSERVED[name].judge(witness.copy().see(event, None, engine.observe())) == HOLDS
    first, second = (copy.deepcopy(engine.observe()) for _ in range(2))
    first["positions"][1]["order"] = "5"
    wrong = OBSERVED[name].judge(witness.copy().see(event, None, first)).wrong
    assert wrong == "alice/cross has two orders at once"
    second["positions"][0]["order"], second["positions"][1]["order"] = None, "5"
    wrong = OBSERVED[name].judge(witness.copy().see(event, None, second)).wrong
    assert wrong == "alice/B/cross got the order, but alice/A/cross comes first"
    second["positions"][1]["state"] = "healthy"
    wrong = OBSERVED[name].judge(witness.copy().see(event, None, second)).wrong
    assert wrong == "alice/B/cross got an order, but is healthy"


def test_an_event_with_a_field_that_it_does_not_have_must_be_refused() -> None:
    """EVT-1."""
    engine = small_engine()
    witness = Witness(small_config(), engine.observe())
    seen = witness.see({**OPENED[0], "colour": "red"}, None, engine.observe())
    assert seen.expected_refusal == "bad_request"


def test_a_breach_at_another_mark_is_of_the_pool_and_the_marks_as_they_are() -> None:
    """LIQ-3: what is computed once is computed again when a collateral, a size or another mark is another."""
    engine = small_engine()
    witness = Witness(small_config(), engine.observe())

    def breached_at(mark: str, *given: EventData) -> bool:
        for event in given:
            engine.apply(events.from_json(event))
            witness.see(event, None, engine.observe())
        pool = witness.view.contents("alice/cross")
        at_marks = witness.memory.breached(pool)
        found = witness.memory.breached_at(pool, "A", exact.number(mark))
        assert witness.memory.breached(pool) is at_marks is False
        return found

    def trade(market: str, size: str) -> EventData:
        key = {"account": "alice", "market": market, "mode": "cross"}
        return {"type": "trade", **key, "size": size, "price": "100", "leverage": 5}

    deposit = {"type": "deposit", "account": "alice", "amount": "1000"}
    assert not breached_at("10", deposit, trade("A", "5"))
    assert breached_at("10", trade("A", "10"))
    assert not breached_at("10", deposit)
    assert not breached_at("10", trade("B", "8"))
    assert breached_at("10", {"type": "mark_price", "market": "B", "price": "1"})
    assert not breached_at("100")
