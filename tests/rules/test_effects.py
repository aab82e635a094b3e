"""What each event reports, effect by effect and in order, and the sentence of each effect; all written by hand."""

from fractions import Fraction
from typing import get_args

import attrs
import pytest

from liqspec.core.effects import (
    Backstopped,
    BlockBegun,
    CollateralMoved,
    DeficitCovered,
    Effect,
    Filled,
    FundingPaid,
    LeverageSet,
    LiquidationEntered,
    LiquidationLeft,
    Marked,
    MarkFormed,
    OrderEmitted,
    OrderEnded,
    PositionSettled,
    Traded,
    Transitioned,
    VaultFunded,
    VaultTraded,
    WindowOpened,
)
from liqspec.core.engine import Engine
from liqspec.edge.texts import thousands
from liqspec.report.amounts import Units, counted_ticks, value_text
from liqspec.report.sentences import effect_json, effect_text, event_text
from support.builders import (
    apply,
    backstopped,
    holding,
    mark,
    order_event,
    small_engine,
    trade,
    working,
)

KEY, POOL = "alice/A/cross", "alice/cross"
# Above a notional of 100 an order is for half; a fill that leaves size opens the account's window for 10 ms.
CHUNKS = {"partial_threshold": "100", "partial_fraction": "1/2", "cooldown_ms": 10, "cooldown_scope": "account"}


def moved(transition: str, way: str, rule: str, guards: str, equity: int, margin: int) -> Transitioned:
    """A transition of alice's A, cross; `way` and `guards` with a space and a comma between their parts."""
    source, target = way.split()
    return Transitioned(
        KEY, transition, source, target, rule, tuple(guards.split(", ") if guards else ()), equity, margin
    )


T7 = moved("T7", "liquidatable closed", "FIL-1", "not size_remains", 0, 0)


class TestReports:
    """EVT-1, LIF-4: the effects of an event are all that it did, in the order in which it happened."""

    def test_money(self) -> None:
        """ACC-4, ACC-5, ACC-6."""
        engine = small_engine()
        assert apply(engine, "deposit", account="alice", amount="200") == (CollateralMoved("ACC-4", POOL, 200),)
        assert apply(engine, "withdraw", account="alice", amount="50") == (CollateralMoved("ACC-5", POOL, -50),)
        assert apply(engine, "transfer", account="alice", market="A", amount="30") == (
            CollateralMoved("ACC-6", POOL, -30),
            CollateralMoved("ACC-6", "alice/A/isolated", 30),
        )

    def test_trades(self) -> None:
        """ACC-8, ACC-9, LIF-2, MRG-9: ten cost 1001; one of them releases 100.1, and four of nine release 400.4."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="400")
        assert trade(engine, "9", "100", 5) == (
            Traded("ACC-8", KEY, 9, 100, 0),
            moved("T0", "new healthy", "LIF-2", "", 400, 90),
        )
        assert trade(engine, "1", "101") == (Traded("ACC-8", KEY, 1, 101, 0),)
        assert trade(engine, "-1", "92") == (Traded("ACC-9", KEY, -1, 92, -8),)
        assert trade(engine, "-4", "110") == (Traded("ACC-9", KEY, -4, 110, 40),)
        assert trade(engine, "-5", "90") == (
            Traded("ACC-9", KEY, -5, 90, -51),
            moved("T12", "healthy closed", "ACC-9", "not size_remains", 381, 0),
        )
        assert trade(engine, "-2", "100", 1) == (
            Traded("ACC-8", KEY, -2, 100, 0),
            moved("T0", "closed healthy", "LIF-2", "", 381, 20),
        )

    def test_a_breach(self) -> None:
        """EVT-5, LIQ-11, LIQ-3, PRT-1: equity 200 - 120 = 80 is below 880 / 10."""
        assert mark(holding(), "88") == (
            Marked("A", 88),
            LiquidationEntered(POOL, 80, 88),
            moved("T1", "healthy liquidatable", "LIQ-3", "needs_liquidation", 80, 88),
            OrderEmitted(KEY, 10, 10, "no_threshold"),
        )

    def test_marks_come_in_the_order_of_their_names(self) -> None:
        """EVT-5."""
        reported = apply(small_engine(), "marks", prices={"B": "7", "A": "9"})
        assert reported == (Marked("A", 9), Marked("B", 7))

    def test_a_recovery_during_an_order(self) -> None:
        """LIQ-9, LIQ-10: equity 150 covers 95."""
        assert mark(working(), "95") == (
            Marked("A", 95),
            OrderEnded(KEY, 10, "restored"),
            LiquidationLeft("LIQ-10", POOL),
            moved("T4", "liquidatable healthy", "LIQ-4", "restored, not own_window_open", 150, 95),
        )

    def test_a_whole_fill_with_a_fee(self) -> None:
        """FIL-1, FIL-2, FIL-3, LIQ-8: 880 for what cost 1000; 8.8 of fee is 9."""
        engine = working(liquidation={"fee_rate": "1/100"})
        assert order_event(engine, "fill", size="10", price="88") == (
            Filled(KEY, 10, 88, 1000, -120, 9),
            OrderEnded(KEY, 0, "filled"),
            moved("T7", "liquidatable closed", "FIL-1", "not size_remains", 71, 0),
            LiquidationLeft("LIQ-8", POOL),
        )

    @pytest.mark.parametrize(("price", "left"), [("199", 1), ("200", 0), ("201", -1)])
    def test_only_a_deficit_is_covered(self, price: str, left: int) -> None:
        """BKS-7: one is short from 100 with 100 behind it; bought back at 200, nothing is left, and nothing is owed."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="100")
        trade(engine, "-1", "100", 1)
        mark(engine, "200")
        *_, last = order_event(engine, "fill", size="1", price=price)
        assert last == (DeficitCovered(POOL, 1) if left < 0 else LiquidationLeft("LIQ-8", POOL))
        assert engine.observe()["vault"]["cash"] == ("4999" if left < 0 else "5000")
        assert engine.observe()["pools"][0]["collateral"] == str(max(left, 0))

    def test_a_chunk_and_its_window(self) -> None:
        """PRT-3, CLD-1, CLD-2: 24 are lost on two, and 80 cover the margin of 704 / 10 of the other eight."""
        engine = working(liquidation=CHUNKS)
        assert order_event(engine, "fill", size="2", price="88") == (
            Filled(KEY, 2, 88, 200, -24, 0),
            moved("T6", "liquidatable partially_liquidated", "FIL-1", "size_remains", 80, 71),
            WindowOpened(KEY, "account", 10),
            OrderEnded(KEY, 3, "restored"),
            LiquidationLeft("LIQ-10", POOL),
        )
        assert apply(engine, "block", time=5) == (
            BlockBegun(1, 5),
            moved("T8", "partially_liquidated cooldown", "EVT-9", "own_window_open", 80, 71),
        )
        assert mark(engine, "85") == (  # 200 - 24 - 120 = 56 is below 68, and above 2/3 of it
            Marked("A", 85),
            LiquidationEntered(POOL, 56, 68),
            moved("T2", "cooldown liquidatable", "LIQ-3", "needs_liquidation", 56, 68),
            OrderEmitted(KEY, 8, 8, "window"),
        )
        assert mark(engine, "90") == (
            Marked("A", 90),
            OrderEnded(KEY, 8, "restored"),
            LiquidationLeft("LIQ-10", POOL),
            moved("T3", "liquidatable cooldown", "LIQ-4", "restored, own_window_open", 96, 72),
        )
        assert apply(engine, "block", time=10) == (
            BlockBegun(2, 10),
            moved("T10", "cooldown healthy", "EVT-9", "not own_window_open", 96, 72),
        )

    def test_an_order_that_finds_nothing_and_the_backstop(self) -> None:
        """FIL-6, BKS-1 to BKS-5: at 85 equity is 50, and two thirds of 85 are more; a tenth of 50 is returned."""
        engine = working(backstop={"threshold": "2/3", "return_fraction": "1/10"})
        assert order_event(engine, "order_done") == (OrderEnded(KEY, 10, "no_liquidity"),)
        assert mark(engine, "85") == (
            Marked("A", 85),
            moved("T5", "liquidatable backstopped", "BKS-3", "below_backstop, book_failed", 50, 85),
            Backstopped(POOL, 50, 195, 5),
            LiquidationLeft("BKS-3", POOL),
        )
        assert apply(engine, "block", time=1) == (
            BlockBegun(1, 1),
            moved("T11", "backstopped closed", "EVT-9", "", 5, 0),
        )

    @pytest.mark.parametrize(
        ("payment", "paid"),
        [("3", (30, 30)), ("-3", (-30, -30)), ("0", (0, 0))],
    )
    def test_funding_of_a_position_and_of_the_vault(self, payment: str, paid: tuple[int, int]) -> None:
        """EVT-6: the vault holds alice's ten, and bob has ten too; no mark moves."""
        engine = backstopped()
        apply(engine, "deposit", account="bob", amount="1000")
        trade(engine, "10", "85", 5, account="bob")
        assert apply(engine, "funding", market="A", payment=payment) == (
            FundingPaid("bob/A/cross", "A", paid[0]),
            FundingPaid(None, "A", paid[1]),
        )

    def test_the_vault(self) -> None:
        """EVT-7, EVT-8."""
        engine = backstopped()
        assert apply(engine, "vault_trade", market="A", size="-4", price="80") == (VaultTraded("A", -4, 80),)
        assert apply(engine, "vault_cash", amount="-7") == (VaultFunded(-7),)


SENTENCES: list[tuple[Effect, str]] = [
    (Marked("A", 1234), "mark of A is 1,234"),
    (CollateralMoved("ACC-4", POOL, 1), "alice/cross receives 1"),
    (CollateralMoved("ACC-5", POOL, -1234), "alice/cross pays 1,234"),
    (Traded("ACC-8", KEY, 1, 2000, 0), "alice/A/cross buys 1 at 2,000"),
    (Traded("ACC-8", KEY, -3, 2, 0), "alice/A/cross sells 3 at 2"),
    (Traded("ACC-9", KEY, -1, 2, -10), "alice/A/cross sells 1 at 2, realises -10"),
    (Traded("ACC-9", KEY, 1, 2, 0), "alice/A/cross buys 1 at 2, realises 0"),
    (Filled(KEY, 3, 88, 9, -120, 0), "3 of alice/A/cross closed at 88, realises -120"),
    (Filled(KEY, 3, 88, 9, 5, 1), "3 of alice/A/cross closed at 88, realises 5, fee 1 (FIL-2)"),
    (
        OrderEmitted(KEY, 1, 1, "no_threshold"),
        "order to sell 1 of 1 of alice/A/cross: the venue has no threshold for partial orders",
    ),
    (
        OrderEmitted(KEY, 2, -3, "chunk"),
        "order to buy 2 of 3 of alice/A/cross: notional above the threshold, no window",
    ),
    (
        OrderEmitted(KEY, 3, 3, "not_above_threshold"),
        "order to sell 3 of 3 of alice/A/cross: notional not above the threshold",
    ),
    (
        OrderEmitted(KEY, 3, 3, "below_backstop"),
        "order to sell 3 of 3 of alice/A/cross: the pool is below the backstop line",
    ),
    (OrderEmitted(KEY, 3, 3, "window"), "order to sell 3 of 3 of alice/A/cross: a window forces full size"),
    (
        OrderEmitted(KEY, 2, 3, "least_order"),
        "order to sell 2 of 3 of alice/A/cross: "
        "notional above the threshold, no window: raised to the least notional of an order",
    ),
    (
        OrderEmitted(KEY, 3, 3, "least_rest"),
        "order to sell 3 of 3 of alice/A/cross: "
        "notional above the threshold, no window: all, as a rest would be below the least notional",
    ),
    (OrderEnded(KEY, 0, "filled"), "order of alice/A/cross is filled"),
    (OrderEnded(KEY, 4, "no_liquidity"), "order of alice/A/cross ends with 4 left: no liquidity"),
    (OrderEnded(KEY, 4, "restored"), "order of alice/A/cross is cancelled with 4 left: the pool is restored"),
    (moved("T0", "new healthy", "LIF-2", "", 5, 4), "T0 by LIF-2: alice/A/cross new -> healthy"),
    (
        moved("T1", "healthy liquidatable", "LIQ-3", "needs_liquidation", 1205, 1206),
        "T1 by LIQ-3: alice/A/cross healthy -> liquidatable: equity 1,205 < maintenance margin 1,206",
    ),
    (
        moved("T1", "healthy liquidatable", "LIQ-3", "needs_liquidation", 1206, 1206),
        "T1 by LIQ-3: alice/A/cross healthy -> liquidatable: the pool is not restored",
    ),
    (
        moved("T1", "healthy liquidatable", "LIQ-3", "needs_liquidation", 1207, 1206),
        "T1 by LIQ-3: alice/A/cross healthy -> liquidatable: the pool is not restored",
    ),
    (
        moved("T3", "liquidatable cooldown", "LIQ-4", "restored, own_window_open", 5, 4),
        "T3 by LIQ-4: alice/A/cross liquidatable -> cooldown: equity 5 >= maintenance margin 4 and its window is open",
    ),
    (
        moved("T4", "liquidatable healthy", "LIQ-4", "restored, not own_window_open", 5, 4),
        "T4 by LIQ-4: alice/A/cross liquidatable -> healthy: "
        "equity 5 >= maintenance margin 4 and no window of its own is open",
    ),
    (
        moved("T5", "liquidatable backstopped", "BKS-3", "below_backstop, book_failed", 5, 9),
        "T5 by BKS-3: alice/A/cross liquidatable -> backstopped: equity 5 < 2/3 × maintenance margin 9 "
        "and the market was tried and failed",
    ),
    (
        moved("T6", "liquidatable partially_liquidated", "FIL-1", "size_remains", 5, 9),
        "T6 by FIL-1: alice/A/cross liquidatable -> partially_liquidated: size remains",
    ),
    (T7, "T7 by FIL-1: alice/A/cross liquidatable -> closed: no size remains"),
    (
        WindowOpened(KEY, "account", 10),
        "window of alice/A/cross open until 10 ms; from the next block on, orders of its account are for the full size",
    ),
    (LiquidationEntered(POOL, 1205, 1206), "alice/cross is in liquidation: equity 1,205 < maintenance margin 1,206"),
    (LiquidationLeft("LIQ-8", POOL), "alice/cross is not in liquidation any more"),
    (DeficitCovered(POOL, 1000), "the vault covers a deficit of 1,000 of alice/cross"),
    (Backstopped(POOL, 50, 195, 5), "the vault takes alice/cross: equity 50, collateral 195, returned 5"),
    (FundingPaid(KEY, "A", 0), "alice/A/cross pays 0 of A funding"),
    (FundingPaid(KEY, "A", 1), "alice/A/cross pays 1 of A funding"),
    (FundingPaid(None, "A", -1), "the vault receives 1 of A funding"),
    (VaultTraded("A", 1, 1000), "the vault buys 1 A at 1,000"),
    (VaultTraded("A", -4, 80), "the vault sells 4 A at 80"),
    (VaultFunded(1), "the vault receives 1"),
    (OrderEnded("alice/A/cross", 3, "settled"), "order of alice/A/cross ends with 3 left: the market is settled"),
    (
        PositionSettled("alice/A/cross", "A", -1000, 90, 5000),
        "alice/A/cross is closed by the venue: -1,000 at 90, realises 5,000",
    ),
    (
        PositionSettled(None, "A", 2, 90, 180),
        "the vault's A is closed by the venue: 2 at 90, realises 180",
    ),
    (LeverageSet("alice/A/cross", 4, 5), "leverage of alice/A/cross is 4, was 5"),
    (VaultFunded(-7), "the vault pays out 7"),
    (BlockBegun(1, 5), "block 1 begins at 5 ms"),
    (
        MarkFormed("A", 1000, (("spot", 1000 * 10**9 - 1), ("book", 1000 * 10**9), ("perps", 1200 * 10**9)), False),
        "mark of A is 1,000: the median of spot ~1,000, book 1,000 and perps 1,200",
    ),
    (
        MarkFormed("A", 12, (("spot", 12_004_999_999), ("perps", 12 * 10**9)), False),
        "mark of A is 12: the mean of spot ~12 and perps 12",
    ),
    (
        MarkFormed("A", 12, (("book", 12_250_000_000),), False),
        "mark of A is 12: book 12.25, the only candidate",
    ),
    (
        MarkFormed("A", 110, (("spot", 120 * 10**9),), True),
        "mark of A is 110, as far as one update moves it (MRK-7), towards spot 120, the only candidate",
    ),
]


@pytest.mark.parametrize(("effect", "sentence"), SENTENCES, ids=[sentence for _, sentence in SENTENCES])
def test_each_effect_has_its_sentence(effect: Effect, sentence: str) -> None:
    assert effect_text(effect, Units(small_engine().venue)) == sentence


def test_every_kind_of_effect_has_a_sentence_here() -> None:
    assert {type(effect) for effect, _ in SENTENCES} == set(get_args(Effect))


def test_each_effect_cites_its_rule() -> None:
    rules = {sentence: effect.rule for effect, sentence in SENTENCES}
    assert [rules[text] for _, text in SENTENCES[9:19]] == [
        "PRT-1",
        "PRT-3",
        "PRT-1",
        "PRT-1",
        "CLD-3",
        "PRT-5",
        "PRT-5",
        "FIL-3",
        "FIL-6",
        "LIQ-9",
    ]


@pytest.mark.parametrize(
    ("effect", "about"),
    [(T7, KEY), (LiquidationLeft("LIQ-8", POOL), POOL), (FundingPaid(None, "A", -1), None), (BlockBegun(1, 5), None)],
)
def test_an_effect_is_about_a_position_or_a_pool_or_neither(effect: Effect, about: str | None) -> None:
    """As plain data an effect has a subject only where it is about one, and a transition only where it is one."""
    text = effect_text(effect, Units(small_engine().venue))
    named = {} if about is None else {"subject": about}
    moved_by = {"transition": "T7"} if effect is T7 else {}
    assert effect.subject == about
    reported = effect_json(effect, Units(small_engine().venue))
    assert reported == {"kind": effect.kind, "rule": effect.rule, **named, **moved_by, "text": text}
    assert list(reported)[-1] == "text"


def test_effects_are_values() -> None:
    """Equal where all is equal, and none can be changed."""
    for effect, _ in SENTENCES:
        assert attrs.evolve(effect) == effect
        assert hash(attrs.evolve(effect)) == hash(effect)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(effect, attrs.fields(type(effect))[0].name, "another")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0", "0"),
        ("999", "999"),
        ("1000", "1,000"),
        ("-999", "-999"),
        ("-1000", "-1,000"),
        ("123456", "123,456"),
        ("1234567", "1,234,567"),
        ("-1234567.0001", "-1,234,567.0001"),
        ("0.12345", "0.12345"),
    ],
)
def test_thousands_are_separated_before_the_point_only(text: str, written: str) -> None:
    assert thousands(text) == written


def test_sizes_prices_and_money_are_reported_on_their_own_grids() -> None:
    market = {
        "tick": "0.5",
        "lot": "0.1",
        "tiers": [{"above": "0", "maintenance_rate": "1/10", "max_leverage": 5}],
    }
    engine: Engine = small_engine(quote_unit="0.01", markets={"A": market}, marks={"A": "10"})
    units = Units(engine.venue)
    assert (units.size("A", 12345), units.price("A", 2469), units.money(123456)) == ("1,234.5", "1,234.5", "1,234.56")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1234567.5", "1,234,567.5"),
        ("healthy", "healthy"),
        (1234567, "1234567"),
        (True, "yes"),
        (None, "none"),
        ({"A": "1000"}, "A 1,000"),
        ({}, "none"),
    ],
)
def test_a_value_is_written_for_people(value: object, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("ticks", "text"), [(1, " (1 tick)"), (-1, " (-1 tick)"), (2, " (2 ticks)"), (0, " (0 ticks)")]
)
def test_ticks_are_counted(ticks: int, text: str) -> None:
    assert counted_ticks(Fraction(ticks)) == text


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"type": "block", "time": 12345}, "block time 12345"),
        ({"type": "mark_price", "market": "BTC", "price": "48205"}, "mark_price BTC price 48,205"),
        ({"type": "marks", "prices": {"A": "1000", "B": "2"}}, "marks A 1,000, B 2"),
        (
            {"type": "trade", "account": "1234", "market": "5678", "mode": "cross", "size": "-1000", "leverage": 5},
            "trade 1234 5678 cross size -1,000 leverage 5",
        ),
        (
            {
                "type": "price_inputs",
                "market": "A",
                "perps": [{"price": "1000", "weight": 2}, {"price": "3", "weight": 1}],
            },
            "price_inputs A perps price 1,000 weight 2 and price 3 weight 1",
        ),
        ({"type": {"a": "1"}, "amount": "1"}, "{'a': '1'} amount 1"),
        ({"amount": None}, "None amount none"),
        ({"type": "deposit", "account": "a\x1b[31m"}, "deposit a\\x1b[31m"),
    ],
)
def test_an_event_is_one_line(event: dict[str, object], said: str) -> None:
    """Its type, whom it is about, and its fields; names as they are, amounts with separators."""
    assert event_text(event) == said
