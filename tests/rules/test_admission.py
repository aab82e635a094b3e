"""An event is accepted if and only if its rule says so; a refused one changes nothing and says why."""

import math
import re
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqspec.core import events, refusals
from liqspec.core.engine import Engine, apply_event, refusal_of
from liqspec.core.refusals import BadRequest, Refusal
from liqspec.edge import shapes
from liqspec.properties.checker.events import EVENTS as CHECKER_EVENTS
from support.builders import (
    SAMPLES,
    apply,
    backstopped,
    backstopped_and_working,
    chunk_badly_filled,
    holding,
    mark,
    order_event,
    pool,
    position,
    refused,
    restored_by_a_fill,
    small_engine,
    trade,
    trade_fields,
    transitions,
    view,
    waiting,
    working,
)

Fields = dict[str, Any]


def isolated(collateral: str = "200") -> Engine:
    """The situation of `holding`, in the isolated pool of A; the cross pool has 1000 and no position."""
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount="1000")
    apply(engine, "deposit", account="alice", amount=collateral)
    apply(engine, "transfer", account="alice", market="A", amount=collateral)
    trade(engine, "10", "100", 5, mode="isolated")
    return engine


def order_working_in_a_restored_pool() -> Engine:
    """The pool is restored, but the venue lets its orders run: equity 1080 against 88, and 10 are on order."""
    engine = working(liquidation={"stop_when_restored": False})
    apply(engine, "deposit", account="alice", amount="1000")
    return engine


SITUATIONS: list[Callable[[], Engine]] = [
    small_engine,
    holding,
    working,
    waiting,
    backstopped,
    restored_by_a_fill,
    chunk_badly_filled,
    isolated,
    order_working_in_a_restored_pool,
    backstopped_and_working,
]

# Each event once, valid in form.
AMOUNTS = [(kind, name) for kind, fields in SAMPLES.items() for name in fields if name in {"amount", "size", "price"}]
MARKETS = [kind for kind, fields in SAMPLES.items() if "market" in fields]
ACCOUNTS = [kind for kind, fields in SAMPLES.items() if "account" in fields]


def whole(low: int, high: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(str)


ANY_AMOUNT = st.one_of(whole(-12, 12), whole(40, 160), st.sampled_from(["0", "0.5", "-0", "1e5", "88", "100", "1000"]))
ANY_NAME = st.sampled_from(["alice", "bob", "nobody", "A", "B", "C"])


@st.composite
def any_event(draw: st.DrawFn) -> Fields:
    kind = draw(st.sampled_from(list(SAMPLES)))
    event: Fields = {"type": kind}
    for field in attrs.fields(events.EVENTS[kind]):
        name = field.name
        if field.default is not attrs.NOTHING and draw(st.booleans()):
            continue
        if name == "prices":
            event[name] = draw(st.dictionaries(ANY_NAME, ANY_AMOUNT, max_size=3))
        elif name == "perps":
            perp = st.fixed_dictionaries({"price": ANY_AMOUNT, "weight": st.integers(-1, 3)})
            event[name] = draw(st.lists(perp, max_size=3))
        elif name == "time":
            event[name] = draw(st.integers(-1, 3))
        elif name == "leverage":
            event[name] = draw(st.integers(-1, 7))
        elif name == "mode":
            event[name] = draw(st.sampled_from(["cross", "isolated", "hedge"]))
        elif name == "account":
            event[name] = draw(st.sampled_from(["alice", "alice", "bob", "nobody"]))
        elif name == "market":
            event[name] = draw(st.sampled_from(["A", "A", "B", "C"]))
        else:
            event[name] = draw(ANY_AMOUNT)
    return event


class TestEveryRefusal:
    @settings(max_examples=300)
    @given(st.sampled_from(SITUATIONS), any_event())
    def test_changes_nothing_and_says_why(self, situation: Callable[[], Engine], event: Fields) -> None:
        """EVT-3: the whole state is bit for bit as before, and the refusal has code, field, value, limit and rule."""
        engine = situation()
        before, seen = engine.snapshot(), engine.observe()
        try:
            engine.apply(events.from_json(event))
        except Refusal as refusal:
            assert engine.snapshot() == before
            assert engine.observe() == seen
            assert refusal.code in CODES
            fields = {field.name for field in attrs.fields(events.EVENTS[event["type"]])}
            assert re.split(r"[.\[]", refusal.field)[0] in {*fields, "event"}
            assert refusal.value
            assert refusal.limit
            parts = refusal.to_json()
            said = "it " if parts["limit"].startswith(("must ", "has ")) else ""
            sentence = SENTENCES.get(refusal.code, "{field} is {value}; {limit}")
            sentence = sentence.format(**{**parts, "limit": said + parts["limit"]})
            assert str(refusal) == f"{refusal.code}: {sentence} ({refusal.rule})"
            assert "\n" not in str(refusal)

    @settings(max_examples=150)
    @given(st.sampled_from(SITUATIONS), any_event())
    def test_comes_again_when_the_event_is_repeated(self, situation: Callable[[], Engine], event: Fields) -> None:
        """EVT-3: nothing remembers a refusal."""
        engine = situation()
        answers = []
        for _ in range(2):
            try:
                engine.apply(events.from_json(event))
                return
            except Refusal as refusal:
                answers.append(str(refusal))
        assert answers[0] == answers[1]

    def test_is_an_outcome_of_an_event_in_plain_data_like_the_effects_of_one_that_is_accepted(self) -> None:
        """EVT-2, EVT-3."""
        engine = small_engine()
        done = apply_event(engine, {"type": "deposit", "account": "alice", "amount": "1"})
        assert (done.code, done.refusal, [effect.rule for effect in done.effects]) == (None, None, ["ACC-4"])
        done = apply_event(engine, {"type": "deposit", "account": "mallory", "amount": "1"})
        assert (done.code, done.effects) == ("unknown_account", ())
        assert apply_event(engine, "no event").code == "bad_request"

    def test_is_known_before_an_event_is_applied(self) -> None:
        """EVT-2: and whoever asks changes nothing."""
        engine = small_engine()
        before = engine.snapshot()
        assert refusal_of(engine, {"type": "deposit", "account": "alice", "amount": "1"}) is None
        refusal = refusal_of(engine, {"type": "deposit", "account": "mallory", "amount": "1"})
        assert refusal is not None
        assert refusal.code == "unknown_account"
        assert engine.snapshot() == before

    @pytest.mark.parametrize("name", ["A\nB", "x" * 100_000], ids=["line break", "long"])
    def test_is_one_short_line_whatever_the_names_are(self, name: str) -> None:
        """EVT-3."""
        for kind, field in (("mark_price", "market"), ("deposit", "account")):
            text = str(refused(small_engine(), kind, **{**SAMPLES[kind], field: name}))
            assert "\n" not in text
            assert len(text) < 400

    def test_has_one_of_the_codes_of_the_design(self) -> None:
        """EVT-2: no class without its code, no code without its class."""
        assert {kind.code for kind in Refusal.__subclasses__()} == CODES
        assert all(issubclass(kind, Refusal) for kind in vars(refusals).values() if isinstance(kind, type))


_OF_ANOTHER = "{value}: {limit}"
SENTENCES = {
    "bad_request": "{field}: {value}; {limit}",
    "unknown_account": "{field} {value} is {limit}",
    "unknown_market": "{field} {value} is {limit}",
    "not_open": _OF_ANOTHER,
    "order_working": _OF_ANOTHER,
    "in_liquidation": _OF_ANOTHER,
    "no_working_order": _OF_ANOTHER,
    "insufficient_margin": "{field} is refused: {value}, but {limit}",
    "time_not_after": "{field} is {value} ms; {limit} ms",
    "not_formed": "{field} {value}: {limit}",
    "no_price": "{field} {value}: {limit}",
}

CODES = {
    "bad_request",
    "unknown_account",
    "unknown_market",
    "off_grid",
    "not_positive",
    "not_open",
    "order_working",
    "crosses_zero",
    "in_liquidation",
    "bad_leverage",
    "insufficient_margin",
    "no_working_order",
    "overfill",
    "time_not_after",
    "not_formed",
    "no_price",
    "mode_not_allowed",
    "removal_not_allowed",
    "market_settled",
    "worse_than_limit",
}


class TestChecksCommonToAll:
    """EVT-2."""

    @pytest.mark.parametrize("kind", SAMPLES)
    def test_the_sample_of_each_event_is_well_formed(self, kind: str) -> None:
        """EVT-1: what is written is read again."""
        data = {"type": kind, **SAMPLES[kind]}
        assert events.to_json(events.from_json(data)) == data

    @pytest.mark.parametrize(
        ("kind", "field"),
        [
            *((kind, name) for kind, sample in SAMPLES.items() for name in ("account", "market") if name in sample),
            ("adjust", "market"),
            ("marks", "prices"),
        ],
    )
    def test_half_a_surrogate_pair_is_no_name(self, kind: str, field: str) -> None:
        """EVT-2: of an event that a program hands over; a line cannot hold one."""
        sample = {**SAMPLES[kind], field: {"\ud800": "1"} if field == "prices" else "\ud800"}
        if (kind, field) == ("adjust", "market"):
            sample["mode"] = "isolated"
        refusal = refused(small_engine(), kind, **sample)
        assert (refusal.code, refusal.field) == ("bad_request", field)
        assert "has an unpaired surrogate" in str(refusal)

    def test_there_is_a_sample_of_each_event(self) -> None:
        assert list(SAMPLES) == list(events.EVENTS)

    @pytest.mark.parametrize(
        ("data", "field"),
        [
            (None, "event"),
            ([], "event"),
            ("deposit", "event"),
            (1, "event"),
            ({}, "type"),
            ({"type": None}, "type"),
            ({"type": 1}, "type"),
            ({"type": ["deposit"]}, "type"),
            ({"type": "Deposit"}, "type"),
            ({"type": "deposit", "account": "alice"}, "amount"),
            ({"type": "deposit", "amount": "1"}, "account"),
            ({"type": "deposit", "account": "alice", "amount": "1", "memo": "x"}, "memo"),
            ({"type": "deposit", "account": "alice", "amuont": "1"}, "amuont"),
            ({"type": "deposit", "account": 1, "amount": "1"}, "account"),
            ({"type": "deposit", "account": None, "amount": "1"}, "account"),
            ({"type": "deposit", "account": "alice", "amount": 1}, "amount"),
            ({"type": "deposit", "account": "alice", "amount": 1.5}, "amount"),
            ({"type": "deposit", "account": "alice", "amount": None}, "amount"),
            ({"type": "deposit", "account": "alice", "amount": "1e5"}, "amount"),
            ({"type": "deposit", "account": "alice", "amount": "9" * 10_000}, "amount"),
            ({"type": "trade", **trade_fields("1"), "mode": "hedge"}, "mode"),
            ({"type": "trade", **trade_fields("1"), "mode": ["cross"]}, "mode"),
            ({"type": "trade", **trade_fields("1"), "mode": "CROSS"}, "mode"),
            ({"type": "order_done", "account": "nobody", "market": "X", "mode": ""}, "mode"),
            ({"type": "deposit", "account": "\ud800", "amount": "1"}, "account"),
            ({"type": "funding", "market": "A\udfff", "payment": "1"}, "market"),
            ({"type": "marks", "prices": {"A": "1", "\ud800": "1"}}, "prices"),
            ({"type": "trade", **trade_fields("1"), "leverage": None}, "leverage"),
            ({"type": "trade", **trade_fields("1"), "leverage": 1.0}, "leverage"),
            ({"type": "trade", **trade_fields("1"), "leverage": "1"}, "leverage"),
            ({"type": "trade", **trade_fields("1"), "leverage": True}, "leverage"),
            ({"type": "trade", **trade_fields("1"), "leverage": -1}, "leverage"),
            ({"type": "trade", **trade_fields("1"), "leverage": 2**53}, "leverage"),
            ({"type": "block"}, "time"),
            ({"type": "block", "time": "1"}, "time"),
            ({"type": "block", "time": 1.0}, "time"),
            ({"type": "block", "time": True}, "time"),
            ({"type": "block", "time": -1}, "time"),
            ({"type": "block", "time": 2**53}, "time"),
            ({"type": "block", "time": 1 << 20_000}, "time"),
            ({"type": "marks"}, "prices"),
            ({"type": "marks", "prices": {}}, "prices"),
            ({"type": "marks", "prices": [["A", "1"]]}, "prices"),
            ({"type": "marks", "prices": {"A": 1}}, "prices.A"),
            ({"type": "marks", "prices": {"A": "1", "B": "1."}}, "prices.B"),
            ({"type": "price_inputs"}, "market"),
            ({"type": "price_inputs", "market": "A", "index": None}, "index"),
            ({"type": "price_inputs", "market": "A", "last": 100}, "last"),
            ({"type": "price_inputs", "market": "A", "mid": "100"}, "mid"),
            ({"type": "price_inputs", "market": "A", "perps": []}, "perps"),
            ({"type": "price_inputs", "market": "A", "perps": {"price": "1", "weight": 1}}, "perps"),
            ({"type": "price_inputs", "market": "A", "perps": [{"price": "1"}]}, "perps[1].weight"),
            ({"type": "price_inputs", "market": "A", "perps": [{"price": "1", "weight": 0}]}, "perps[1].weight"),
            ({"type": "price_inputs", "market": "A", "perps": [{"price": "1", "weight": 1.0}]}, "perps[1].weight"),
            ({"type": "price_inputs", "market": "A", "perps": [{"price": "1", "weight": "1"}]}, "perps[1].weight"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_is_no_event_is_a_bad_request(self, data: object, field: str) -> None:
        """EVT-2, EVT-4, AMT-3: in one line, and with the field."""
        with pytest.raises(BadRequest) as caught:
            events.from_json(data)
        assert (caught.value.code, caught.value.field, caught.value.rule) == ("bad_request", field, "EVT-2")
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400

    @pytest.mark.parametrize(
        ("key", "needed"),
        [
            ({"mode": "isolated"}, "required in mode isolated"),
            ({"mode": "cross", "market": "A"}, "refused in mode cross"),
        ],
    )
    def test_an_adjustment_names_a_market_in_mode_isolated_only(self, key: Fields, needed: str) -> None:
        """ACC-12."""
        with pytest.raises(BadRequest, match=f"a market is {needed}"):
            events.from_json({"type": "adjust", "account": "alice", "amount": "1", **key})

    @pytest.mark.parametrize("time", [True, 1.0, "1", -1, 2**53])
    def test_an_event_made_in_python_is_held_to_the_same_integers(self, time: Any) -> None:
        """EVT-4."""
        with pytest.raises(shapes.WrongShape, match="time: expected a whole number"):
            events.Block(time)

    @pytest.mark.parametrize("time", [1, 2**53 - 1])
    def test_an_integer_goes_up_to_the_last_exact_one(self, time: int) -> None:
        """EVT-4."""
        engine = small_engine()
        apply(engine, "block", time=time)
        assert engine.observe()["time"] == time

    @pytest.mark.parametrize("kind", ACCOUNTS)
    def test_an_unknown_account_comes_before_an_unknown_market_and_all_else(self, kind: str) -> None:
        fields = {**SAMPLES[kind], "account": "nobody"}
        for wrong in ({"market": "C"}, {"amount": "0.5"}, {"size": "0.5"}):
            fields.update({name: value for name, value in wrong.items() if name in fields})
        refusal = refused(small_engine(), kind, **fields)
        assert (refusal.code, refusal.field, refusal.value) == ("unknown_account", "account", "nobody")

    @pytest.mark.parametrize("kind", MARKETS)
    def test_an_unknown_market_comes_before_a_grid(self, kind: str) -> None:
        fields = {**SAMPLES[kind], "market": "C"}
        for name in ("amount", "size", "price", "payment"):
            if name in fields:
                fields[name] = "0.5"
        refusal = refused(small_engine(), kind, **fields)
        assert (refusal.code, refusal.field, refusal.value) == ("unknown_market", "market", "C")

    @pytest.mark.parametrize(("kind", "name"), [*AMOUNTS, ("funding", "payment")])
    def test_an_amount_off_its_grid_is_refused_and_never_rounded(self, kind: str, name: str) -> None:
        """AMT-4: with the step of the grid."""
        refusal = refused(small_engine(), kind, **{**SAMPLES[kind], name: "1.5"})
        assert (refusal.code, refusal.field, refusal.value) == ("off_grid", name, "1.5")
        assert (refusal.limit, refusal.rule) == ("must be a multiple of 1", "AMT-4")

    @pytest.mark.parametrize(("kind", "name"), AMOUNTS)
    def test_an_amount_off_its_grid_and_not_positive_is_off_its_grid(self, kind: str, name: str) -> None:
        assert refused(small_engine(), kind, **{**SAMPLES[kind], name: "-1.5"}).code == "off_grid"

    @pytest.mark.parametrize(("kind", "name"), AMOUNTS)
    def test_zero_is_not_positive_anywhere(self, kind: str, name: str) -> None:
        for zero in ("0", "-0", "0.0"):
            refusal = refused(small_engine(), kind, **{**SAMPLES[kind], name: zero})
            assert (refusal.code, refusal.field, refusal.value) == ("not_positive", name, zero)

    @pytest.mark.parametrize(("kind", "name"), AMOUNTS)
    def test_below_zero_is_not_positive_where_an_amount_has_no_sign(self, kind: str, name: str) -> None:
        engine, fields = small_engine(), {**SAMPLES[kind], name: "-1"}
        if CHECKER_EVENTS[kind].fields[name].startswith("+"):
            assert refused(engine, kind, **fields).code == "not_positive"
        elif kind in {"trade", "transfer"}:
            assert refused(engine, kind, **fields).code == "insufficient_margin"
        else:
            apply(engine, kind, **fields)

    @pytest.mark.parametrize("kind", ["trade", "fill", "vault_trade"])
    def test_all_grids_come_before_any_sign_and_fields_in_their_order(self, kind: str) -> None:
        engine, fields = small_engine(), SAMPLES[kind]
        both = refused(engine, kind, **{**fields, "size": "0.5", "price": "0.5"})
        assert (both.code, both.field) == ("off_grid", "size")
        mixed = refused(engine, kind, **{**fields, "size": "0", "price": "0.5"})
        assert (mixed.code, mixed.field) == ("off_grid", "price")
        signs = refused(engine, kind, **{**fields, "size": "0", "price": "0"})
        assert (signs.code, signs.field) == ("not_positive", "size")

    @pytest.mark.parametrize(
        ("situation", "kind", "fields"),
        [
            (waiting, "withdraw", {"amount": "0"}),
            (waiting, "transfer", {"amount": "0"}),
            (backstopped, "trade", {"size": "0"}),
            (holding, "fill", {"size": "0"}),
        ],
    )
    def test_a_sign_comes_before_the_events_own_checks(
        self, situation: Callable[[], Engine], kind: str, fields: Fields
    ) -> None:
        assert refused(situation(), kind, **{**SAMPLES[kind], **fields}).code == "not_positive"


class TestMarks:
    """EVT-2, EVT-5, AMT-7."""

    @pytest.mark.parametrize(
        ("prices", "code", "field", "value"),
        [
            # the first in the order of the names, however they are written
            ({"D": "1", "C": "1"}, "unknown_market", "prices", "C"),
            ({"a": "1", "Z": "1"}, "unknown_market", "prices", "Z"),
            # an unknown market that comes last is found before a grid that comes first
            ({"A": "0.5", "C": "1"}, "unknown_market", "prices", "C"),
            # a grid that comes last is found before a sign that comes first
            ({"A": "0", "B": "0.5"}, "off_grid", "prices.B", "0.5"),
            ({"B": "0.5", "A": "0.5"}, "off_grid", "prices.A", "0.5"),
            ({"B": "0", "A": "-1"}, "not_positive", "prices.A", "-1"),
            ({"A": "1", "B": "0"}, "not_positive", "prices.B", "0"),
        ],
    )
    def test_markets_are_checked_in_the_order_of_their_names_check_by_check(
        self, prices: dict[str, str], code: str, field: str, value: str
    ) -> None:
        refusal = refused(small_engine(), "marks", prices=prices)
        assert (refusal.code, refusal.field, refusal.value) == (code, field, value)

    def test_one_price_is_enough_and_one_tick_is_a_price(self) -> None:
        engine = small_engine()
        apply(engine, "marks", prices={"B": "1"})
        assert engine.state.marks == {"A": 100, "B": 1}


class TestDeposit:
    """ACC-4."""

    @pytest.mark.parametrize("situation", SITUATIONS)
    def test_is_accepted_at_any_time_and_goes_to_the_cross_pool(self, situation: Callable[[], Engine]) -> None:
        engine = situation()
        before = int(pool(engine)["collateral"])
        apply(engine, "deposit", account="alice", amount="7")
        assert pool(engine)["collateral"] == str(before + 7)


class TestWithdraw:
    """ACC-5."""

    def test_down_to_the_initial_margin_and_not_one_unit_further(self) -> None:
        """ACC-5: 250 against 1000 / 5."""
        engine = holding("250")
        refusal = refused(engine, "withdraw", account="alice", amount="51")
        assert (refusal.code, refusal.field, refusal.rule) == ("insufficient_margin", "amount", "ACC-5")
        assert (refusal.value, refusal.limit) == ("equity 199 after it", "initial margin 200 after it")
        apply(engine, "withdraw", account="alice", amount="50")
        assert (pool(engine)["equity"], pool(engine)["initial_margin"]) == ("200", "200")
        assert refused(engine, "withdraw", account="alice", amount="1").code == "insufficient_margin"

    def test_everything_from_a_pool_without_positions(self) -> None:
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="5")
        assert refused(engine, "withdraw", account="alice", amount="6").code == "insufficient_margin"
        apply(engine, "withdraw", account="alice", amount="5")
        assert pool(engine)["collateral"] == "0"

    def test_unrealised_profit_may_leave(self) -> None:
        """ACC-5: 200 + 100 at 110, where the second tier asks for 1100 / 2: nothing; with 10 at 100 all but 200."""
        engine = holding()
        mark(engine, "110")
        assert refused(engine, "withdraw", account="alice", amount="1").limit == "initial margin 550 after it"
        trade(engine, "-5", "110")
        # 200 + 100 against 550 / 5
        refused(engine, "withdraw", account="alice", amount="191")
        apply(engine, "withdraw", account="alice", amount="190")
        assert pool(engine)["equity"] == "110"

    def test_a_working_order_comes_before_being_in_liquidation(self) -> None:
        refusal = refused(working(), "withdraw", account="alice", amount="1")
        assert (refusal.code, refusal.value, refusal.rule) == ("order_working", "alice/A/cross", "ACC-5")

    def test_a_working_order_alone_is_enough(self) -> None:
        """ACC-5: the pool is restored and rich."""
        engine = order_working_in_a_restored_pool()
        assert refused(engine, "withdraw", account="alice", amount="1").code == "order_working"

    def test_being_in_liquidation_comes_before_margin(self) -> None:
        refusal = refused(waiting(), "withdraw", account="alice", amount="100000")
        assert (refusal.code, refusal.value, refusal.rule) == ("in_liquidation", "alice/cross", "ACC-5")

    def test_a_pool_that_left_liquidation_pays_again(self) -> None:
        """ACC-5: after a partial fill, 80 + 1000 against 792 / 5 = 158.4, rounded up."""
        engine = restored_by_a_fill()
        apply(engine, "deposit", account="alice", amount="1000")
        refused(engine, "withdraw", account="alice", amount="922")
        apply(engine, "withdraw", account="alice", amount="921")

    def test_an_order_in_an_isolated_pool_does_not_matter(self) -> None:
        """ACC-5, LIQ-1: a liquidation concerns one pool."""
        engine = isolated()
        mark(engine, "88")
        assert position(engine, mode="isolated")["order"] == "10"
        apply(engine, "withdraw", account="alice", amount="1000")

    def test_another_accounts_order_does_not_matter(self) -> None:
        engine = holding()
        apply(engine, "deposit", account="bob", amount="5")
        mark(engine, "88")
        apply(engine, "withdraw", account="bob", amount="5")


class TestTransfer:
    """ACC-3, ACC-6."""

    def test_to_an_isolated_pool_down_to_the_initial_margin(self) -> None:
        engine = holding("250")
        refusal = refused(engine, "transfer", account="alice", market="B", amount="51")
        assert (refusal.code, refusal.value) == ("insufficient_margin", "equity 199 after it")
        assert len(engine.observe()["pools"]) == 2
        apply(engine, "transfer", account="alice", market="B", amount="50")
        assert (pool(engine)["collateral"], pool(engine, "B")["collateral"]) == ("200", "50")

    def test_back_down_to_the_initial_margin(self) -> None:
        engine = isolated("250")
        refusal = refused(engine, "transfer", account="alice", market="A", amount="-51")
        assert (refusal.code, refusal.field, refusal.rule) == ("insufficient_margin", "amount", "ACC-5")
        apply(engine, "transfer", account="alice", market="A", amount="-50")
        assert (pool(engine)["collateral"], pool(engine, "A")["collateral"]) == ("1050", "200")

    def test_from_a_pool_that_was_never_used_is_refused_and_creates_nothing(self) -> None:
        """ACC-3, EVT-3."""
        engine = holding("250")
        refusal = refused(engine, "transfer", account="alice", market="B", amount="-1")
        assert (refusal.code, refusal.value) == ("insufficient_margin", "equity -1 after it")
        assert [entry["market"] for entry in engine.observe()["pools"]] == [None, None]

    def test_an_emptied_pool_stays(self) -> None:
        """ACC-3."""
        engine = holding("250")
        apply(engine, "transfer", account="alice", market="B", amount="50")
        apply(engine, "transfer", account="alice", market="B", amount="-50")
        assert pool(engine, "B")["collateral"] == "0"

    def test_the_paying_pool_is_checked_whichever_it_is(self) -> None:
        """ACC-6: a working order, then a liquidation, of the isolated pool stop what leaves it and not what enters."""
        engine = isolated()
        mark(engine, "88")
        back = refused(engine, "transfer", account="alice", market="A", amount="-1000")
        assert (back.code, back.value) == ("order_working", "alice/A/isolated")
        order_event(engine, "order_done", mode="isolated")
        back = refused(engine, "transfer", account="alice", market="A", amount="-1000")
        assert (back.code, back.value) == ("in_liquidation", "alice/A/isolated")
        assert transitions(apply(engine, "transfer", account="alice", market="A", amount="8")) == ["T4"]

    def test_the_cross_pool_pays_only_when_it_is_well_and_may_always_receive(self) -> None:
        engine = holding("300")
        apply(engine, "transfer", account="alice", market="B", amount="100")
        mark(engine, "88")
        assert refused(engine, "transfer", account="alice", market="B", amount="1").code == "order_working"
        order_event(engine, "order_done")
        assert refused(engine, "transfer", account="alice", market="B", amount="1").code == "in_liquidation"
        assert transitions(apply(engine, "transfer", account="alice", market="B", amount="-8")) == ["T4"]


class TestOpeningAndIncreasing:
    """ACC-7, ACC-8."""

    @pytest.mark.parametrize(
        ("collateral", "size", "price", "leverage", "accepted"),
        [
            # 1000 / 5
            ("200", "10", "100", 5, True),
            ("199", "10", "100", 5, False),
            ("200", "-10", "100", 5, True),
            ("199", "-10", "100", 5, False),
            # bought 1 above the mark: 10 are lost at once
            ("210", "10", "101", 5, True),
            ("209", "10", "101", 5, False),
            # sold 1 above the mark: 10 are won at once
            ("190", "-10", "101", 5, True),
            ("189", "-10", "101", 5, False),
            # 1000 / 3 is 333.3, rounded up
            ("334", "10", "100", 3, True),
            ("333", "10", "100", 3, False),
            # 1100 is in the second tier: / 2, whatever the leverage
            ("550", "11", "100", 5, True),
            ("549", "11", "100", 5, False),
            ("1100", "11", "100", 1, True),
            ("1099", "11", "100", 1, False),
        ],
    )
    @pytest.mark.parametrize("mode", ["cross", "isolated"])
    def test_equity_exactly_equal_to_the_initial_margin_is_enough(
        self, collateral: str, size: str, price: str, leverage: int, accepted: bool, mode: str
    ) -> None:
        """ACC-8, MRG-7."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount=collateral)
        if mode == "isolated":
            apply(engine, "transfer", account="alice", market="A", amount=collateral)
        fields = trade_fields(size, price, leverage, mode=mode)
        if accepted:
            assert transitions(apply(engine, "trade", **fields)) == ["T0"]
        else:
            refusal = refused(engine, "trade", **fields)
            assert (refusal.code, refusal.field, refusal.rule) == ("insufficient_margin", "size", "ACC-8")
            assert engine.observe()["positions"] == []

    def test_a_refused_opening_creates_no_isolated_pool_and_an_accepted_one_does(self) -> None:
        """ACC-3: a pool without collateral can hold what was bought far enough below the mark."""
        engine = small_engine()
        refused(engine, "trade", **trade_fields("10", "81", 5, mode="isolated"))
        assert [entry["market"] for entry in engine.observe()["pools"]] == [None, None]
        # 10 x 20 of profit against 1000 / 5
        trade(engine, "10", "80", 5, mode="isolated")
        assert pool(engine, "A")["equity"] == "200"

    def test_a_key_has_a_cross_and_an_isolated_position_side_by_side(self) -> None:
        """ACC-1."""
        engine = isolated()
        trade(engine, "-1", "100", 5)
        assert (position(engine)["size"], position(engine, mode="isolated")["size"]) == ("-1", "10")

    @pytest.mark.parametrize(("leverage", "accepted"), [(None, False), (0, False), (1, True), (5, True), (6, False)])
    def test_opening_needs_a_leverage_from_one_to_the_first_tiers_maximum(
        self, leverage: int | None, accepted: bool
    ) -> None:
        """ACC-8."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="100")
        fields = trade_fields("1", "100", leverage)
        if accepted:
            apply(engine, "trade", **fields)
        else:
            refusal = refused(engine, "trade", **fields)
            assert (refusal.code, refusal.field, refusal.limit) == ("bad_leverage", "leverage", "must be from 1 to 5")
            assert refusal.value == ("none" if leverage is None else str(leverage))

    def test_an_increase_keeps_the_leverage_or_replaces_it(self) -> None:
        """ACC-8: 200 / 5 for two, then 300 / 1 for three."""
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="299")
        trade(engine, "1", "100", 5)
        trade(engine, "1")
        assert pool(engine)["initial_margin"] == "40"
        assert refused(engine, "trade", **trade_fields("1", "100", 1)).code == "insufficient_margin"
        assert refused(engine, "trade", **trade_fields("1", "100", 6)).code == "bad_leverage"
        assert refused(engine, "trade", **trade_fields("1", "100", 0)).code == "bad_leverage"
        apply(engine, "deposit", account="alice", amount="1")
        trade(engine, "1", "100", 1)
        assert pool(engine)["initial_margin"] == "300"

    def test_a_closed_key_needs_a_leverage_again(self) -> None:
        """ACC-8, LIF-2."""
        engine = holding()
        trade(engine, "-10")
        refusal = refused(engine, "trade", **trade_fields("1"))
        assert (refusal.code, refusal.value) == ("bad_leverage", "none")
        assert transitions(trade(engine, "1", "100", 5)) == ["T0"]
        assert position(engine)["life"] == 2

    def test_other_positions_of_the_pool_count(self) -> None:
        """ACC-8: 200 + 200 for ten of each; the other account's money does not."""
        engine = holding("399")
        apply(engine, "deposit", account="bob", amount="1000")
        refusal = refused(engine, "trade", **trade_fields("10", "100", 5, market="B"))
        assert (refusal.value, refusal.limit) == ("equity 399 after it", "initial margin 400 after it")
        apply(engine, "deposit", account="alice", amount="1")
        trade(engine, "10", "100", 5, market="B")

    def test_a_key_that_the_vault_took_is_not_open_until_the_next_block(self) -> None:
        """ACC-7, BKS-5: neither to buy nor to sell; every other key is."""
        engine = backstopped()
        apply(engine, "deposit", account="alice", amount="400")
        for size in ("1", "-1"):
            refusal = refused(engine, "trade", **trade_fields(size, "85", 5))
            assert (refusal.code, refusal.field, refusal.value) == ("not_open", "market", "alice/A/cross")
        trade(engine, "1", "100", 5, market="B")
        apply(engine, "block", time=1)
        assert transitions(trade(engine, "1", "85", 5)) == ["T0"]

    def test_not_open_comes_before_a_working_order(self) -> None:
        """ACC-7: the pool has an order in B; the key in A is gone."""
        engine = backstopped_and_working()
        assert refused(engine, "trade", **trade_fields("1", "85", 5)).code == "not_open"
        assert refused(engine, "trade", **trade_fields("1", "88", 5, market="B")).code == "order_working"

    def test_an_order_of_any_position_of_the_pool_stops_a_trade_in_all_of_it(self) -> None:
        """ACC-7: but not in another pool."""
        engine = holding("700")
        apply(engine, "transfer", account="alice", market="A", amount="500")
        mark(engine, "88")
        refusal = refused(engine, "trade", **trade_fields("1", "100", 5, market="B"))
        assert (refusal.code, refusal.value, refusal.rule) == ("order_working", "alice/A/cross", "ACC-7")
        trade(engine, "1", "88", 5, mode="isolated")

    def test_a_working_order_comes_before_crossing_zero_and_before_being_in_liquidation(self) -> None:
        assert refused(working(), "trade", **trade_fields("-11", "88")).code == "order_working"
        assert refused(working(), "trade", **trade_fields("1", "88", 5)).code == "order_working"

    def test_a_working_order_alone_is_enough(self) -> None:
        assert refused(order_working_in_a_restored_pool(), "trade", **trade_fields("1", "88")).code == "order_working"

    def test_being_in_liquidation_comes_before_leverage(self) -> None:
        refusal = refused(waiting(), "trade", **trade_fields("1", "88", 99))
        assert (refusal.code, refusal.value, refusal.rule) == ("in_liquidation", "alice/cross", "ACC-8")
        assert refused(waiting(), "trade", **trade_fields("1", "100", 99, market="B")).code == "in_liquidation"

    def test_a_partially_liquidated_position_stops_increases_of_its_pool_until_the_next_block(self) -> None:
        """ACC-8: the pool itself is restored and rich."""
        engine = restored_by_a_fill()
        apply(engine, "deposit", account="alice", amount="1000")
        for fields in (trade_fields("1", "88", 99), trade_fields("1", "100", 5, market="B")):
            refusal = refused(engine, "trade", **fields)
            assert (refusal.code, refusal.value) == ("in_liquidation", "alice/A/cross")
        apply(engine, "block", time=1)
        trade(engine, "1", "88")

    def test_leverage_comes_before_margin(self) -> None:
        assert refused(holding(), "trade", **trade_fields("1000", "100", 6)).code == "bad_leverage"
        assert refused(holding(), "trade", **trade_fields("1000", "100", 5)).code == "insufficient_margin"


class TestReducing:
    """ACC-7, ACC-9."""

    @pytest.mark.parametrize(("opened", "exact", "over"), [("10", "-10", "-11"), ("-10", "10", "11")])
    def test_a_reduction_may_close_the_position_and_not_cross_zero(self, opened: str, exact: str, over: str) -> None:
        engine = small_engine()
        apply(engine, "deposit", account="alice", amount="1000")
        trade(engine, opened, "100", 5)
        refusal = refused(engine, "trade", **trade_fields(over))
        assert (refusal.code, refusal.field, refusal.value) == ("crosses_zero", "size", over)
        assert refusal.limit == f"the position is {opened}"
        assert transitions(trade(engine, exact)) == ["T12"]

    def test_crossing_zero_comes_before_leverage(self) -> None:
        assert refused(holding(), "trade", **trade_fields("-11", "100", 5)).code == "crosses_zero"

    def test_a_reduction_takes_no_leverage_and_that_comes_before_margin(self) -> None:
        refusal = refused(holding(), "trade", **trade_fields("-5", "1", 5))
        assert (refusal.code, refusal.value, refusal.rule) == ("bad_leverage", "5", "ACC-9")
        assert refused(holding(), "trade", **trade_fields("-5", "1")).code == "insufficient_margin"

    def test_a_reduction_keeps_the_leverage(self) -> None:
        """ACC-9: 500 / 5 for what is left."""
        engine = holding()
        assert transitions(trade(engine, "-5")) == []
        assert pool(engine)["initial_margin"] == "100"

    def test_closing_everything_leaves_at_least_nothing(self) -> None:
        """ACC-9, clause 1: 200 - 10 x 20 is 0; one tick less is -10."""
        engine = holding()
        refusal = refused(engine, "trade", **trade_fields("-10", "79"))
        assert (refusal.code, refusal.field, refusal.rule) == ("insufficient_margin", "price", "ACC-9")
        assert refusal.value == "equity 200 before, -10 after"
        trade(engine, "-10", "80")
        assert pool(engine)["collateral"] == "0"

    def test_closing_everything_of_a_bankrupt_pool_makes_no_deeper_deficit(self) -> None:
        """ACC-9, clause 1: at 78 equity is 75 + 390 - 500 = -35, and the vault pays that and no more."""
        engine = chunk_badly_filled()
        mark(engine, "78")
        assert pool(engine)["equity"] == "-35"
        refused(engine, "trade", **trade_fields("-5", "77"))
        assert transitions(trade(engine, "-5", "78")) == ["T12"]
        assert engine.observe()["vault"]["cash"] == "4965"

    def test_what_is_left_is_not_breached(self) -> None:
        """ACC-9, clause 2: 5 left at 100 need 50; sold at 70 they leave 200 - 150."""
        engine = holding()
        refused(engine, "trade", **trade_fields("-5", "69"))
        trade(engine, "-5", "70")
        assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("50", "50")
        assert position(engine)["state"] == "healthy"

    def test_a_breached_pool_may_be_reduced_at_no_worse_cover(self) -> None:
        """ACC-9, clause 3: 15 / 44 before; 4 left need 36, so 12.3 are needed: 13 at a price of 86, 12 at 85."""
        engine = chunk_badly_filled()
        refusal = refused(engine, "trade", **trade_fields("-1", "85"))
        assert refusal.value == "equity 15 before, 12 after"
        trade(engine, "-1", "86")
        assert (pool(engine)["equity"], pool(engine)["in_liquidation"]) == ("13", True)

    def test_a_bankrupt_pool_may_be_reduced_at_no_loss(self) -> None:
        """ACC-9, clause 4: at 78 equity is -35, and selling below 78 makes it worse."""
        engine = chunk_badly_filled()
        mark(engine, "78")
        assert refused(engine, "trade", **trade_fields("-1", "77")).value == "equity -35 before, -36 after"
        trade(engine, "-1", "78")
        assert pool(engine)["equity"] == "-35"

    @pytest.mark.parametrize(
        ("situation", "price"), [(holding, "100"), (waiting, "88"), (restored_by_a_fill, "88"), (isolated, "100")]
    )
    def test_at_the_mark_a_trader_may_always_reduce(self, situation: Callable[[], Engine], price: str) -> None:
        """ACC-9: also in liquidation, and also what was partially liquidated."""
        engine = situation()
        mode = "isolated" if situation is isolated else "cross"
        trade(engine, "-1", price, mode=mode)
        trade(engine, "-8", price, mode=mode)

    def test_a_sale_of_part_of_the_pool_is_judged_on_the_whole_pool(self) -> None:
        """ACC-9, clause 1 is for a pool without any position: B is left, so equity must cover its margin."""
        engine = holding("400")
        trade(engine, "5", "100", 5, market="B")
        # 400 - 350 = 50 is the margin of B
        refused(engine, "trade", **trade_fields("-10", "64"))
        trade(engine, "-10", "65")
        assert (pool(engine)["equity"], pool(engine)["maintenance_margin"]) == ("50", "50")


class TestFillAndOrderDone:
    """FIL-1, FIL-6."""

    def test_a_fill_may_take_all_of_the_order_and_not_more(self) -> None:
        refusal = refused(working(), "fill", account="alice", market="A", mode="cross", size="11", price="88")
        assert (refusal.code, refusal.field, refusal.value, refusal.rule) == ("overfill", "size", "11", "FIL-1")
        assert refusal.limit == "10 is left of the order"
        assert transitions(order_event(working(), "fill", size="10", price="88")) == ["T7"]

    def test_what_is_left_of_the_order_is_the_bound(self) -> None:
        engine = working(liquidation={"stop_when_restored": False})
        order_event(engine, "fill", size="4", price="88")
        assert refused(engine, "fill", **{**SAMPLES["fill"], "size": "7"}).limit == "6 is left of the order"
        order_event(engine, "fill", size="6", price="88")

    def test_a_chunk_is_the_bound_and_not_the_position(self) -> None:
        engine = working(liquidation={"partial_threshold": "100", "partial_fraction": "1/2"})
        assert refused(engine, "fill", **{**SAMPLES["fill"], "size": "6"}).limit == "5 is left of the order"

    @pytest.mark.parametrize(("kind", "rule"), [("fill", "FIL-1"), ("order_done", "FIL-6")])
    @pytest.mark.parametrize(
        ("situation", "key"),
        [
            (small_engine, {}),
            (small_engine, {"mode": "isolated"}),
            (holding, {}),
            (holding, {"account": "bob"}),
            (waiting, {}),
            (backstopped, {}),
            (working, {"mode": "isolated"}),
            (working, {"market": "B"}),
            (restored_by_a_fill, {}),
        ],
    )
    def test_without_a_working_order_there_is_nothing_to_execute(
        self, situation: Callable[[], Engine], key: Fields, kind: str, rule: str
    ) -> None:
        """FIL-1, FIL-6: the absence of an order comes before the size of a fill."""
        fields = {**SAMPLES[kind], **key}
        if kind == "fill":
            fields["size"] = "1000"
        refusal = refused(situation(), kind, **fields)
        assert (refusal.code, refusal.field, refusal.rule) == ("no_working_order", "market", rule)
        assert refusal.value == f"{fields['account']}/{fields['market']}/{fields['mode']}"

    def test_an_order_is_done_once(self) -> None:
        """FIL-6."""
        assert refused(waiting(), "order_done", **SAMPLES["order_done"]).code == "no_working_order"


class TestBlock:
    """EVT-9."""

    @pytest.mark.parametrize("time", [0, 4, 5])
    def test_begins_after_the_present_one(self, time: int) -> None:
        engine = small_engine(time=5)
        refusal = refused(engine, "block", time=time)
        assert (refusal.code, refusal.field) == ("time_not_after", "time")
        assert (refusal.value, refusal.limit) == (str(time), "must be after 5")

    def test_one_millisecond_is_enough(self) -> None:
        engine = small_engine(time=5)
        apply(engine, "block", time=6)
        assert (engine.observe()["time"], engine.observe()["block"]) == (6, 1)

    def test_does_not_begin_while_an_order_works_anywhere(self) -> None:
        """EVT-9: in the isolated pool of the last account as well."""
        engine = small_engine(accounts=["alice", "zoe"])
        apply(engine, "deposit", account="zoe", amount="200")
        apply(engine, "transfer", account="zoe", market="B", amount="200")
        trade(engine, "10", "100", 5, account="zoe", market="B", mode="isolated")
        mark(engine, "88", "B")
        refusal = refused(engine, "block", time=1)
        assert (refusal.code, refusal.value, refusal.rule) == ("order_working", "zoe/B/isolated", "EVT-9")
        order_event(engine, "order_done", account="zoe", market="B", mode="isolated")
        apply(engine, "block", time=1)

    def test_its_time_is_checked_before_the_orders(self) -> None:
        assert refused(working(), "block", time=0).code == "time_not_after"
        assert refused(working(), "block", time=1).code == "order_working"


class TestEventsWithoutOwnChecks:
    @pytest.mark.parametrize("situation", SITUATIONS)
    @pytest.mark.parametrize(
        ("kind", "fields"),
        [
            ("mark_price", {"market": "A", "price": "1"}),
            ("marks", {"prices": {"A": "1", "B": "1000000"}}),
            ("funding", {"market": "A", "payment": "0"}),
            ("funding", {"market": "A", "payment": "-3"}),
            ("vault_trade", {"market": "B", "size": "-1", "price": "1"}),
            ("vault_cash", {"amount": "-1000000"}),
        ],
    )
    def test_are_accepted_in_every_situation(self, situation: Callable[[], Engine], kind: str, fields: Fields) -> None:
        """EVT-5, EVT-6, EVT-7, EVT-8: the vault may go into debt, and a payment may be 0."""
        apply(situation(), kind, **fields)


@settings(max_examples=200)
@given(st.integers(1, 2000), st.integers(-25, 25).filter(bool), st.integers(60, 140), st.integers(1, 5))
def test_an_opening_is_accepted_if_and_only_if_equity_covers_the_initial_margin(
    collateral: int, size: int, price: int, leverage: int
) -> None:
    """ACC-8, MRG-7: the bound stated independently in two lines, at a mark of 100."""
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount=str(collateral))
    equity = collateral + size * (100 - price)
    required = math.ceil(abs(size) * 100 / min(leverage, 5 if abs(size) <= 10 else 2))
    fields = trade_fields(str(size), str(price), leverage)
    if equity >= required:
        apply(engine, "trade", **fields)
        assert view(engine, "pools", "alice", None)["equity"] == str(equity)
    else:
        assert refused(engine, "trade", **fields).code == "insufficient_margin"


@settings(max_examples=200)
@given(st.integers(0, 400), st.integers(-10, 10).filter(bool), st.integers(1, 500))
def test_a_withdrawal_is_accepted_if_and_only_if_equity_still_covers_the_initial_margin(
    spare: int, size: int, amount: int
) -> None:
    """ACC-5: opened at the mark of 100 with 20 a lot and some to spare."""
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount=str(20 * abs(size) + spare))
    trade(engine, str(size), "100", 5)
    if amount <= spare:
        apply(engine, "withdraw", account="alice", amount=str(amount))
    else:
        assert refused(engine, "withdraw", account="alice", amount=str(amount)).code == "insufficient_margin"
