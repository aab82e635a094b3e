"""The table of refusal checks is true: of two neighbouring checks that both fail, the first is the answer."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import attrs
import pytest

from liqspec.core import refusals
from liqspec.core.admission import Situation
from liqspec.core.engine import Engine
from liqspec.core.events import CHECKS, EVENTS, checks_with, from_json
from liqspec.edge import files, schemas
from liqspec.spec import generated, rulebook
from liqspec.vectors.refusals import IMPOSSIBLE
from support.builders import (
    SAMPLES,
    backstopped,
    backstopped_and_working,
    holding,
    refused,
    restricted,
    settled,
    waiting,
    working,
)

Fields = dict[str, Any]
Failing = tuple[Callable[[], Engine], Fields]

_FIRST_AMOUNT = {
    "price_inputs": "index",
    "trade": "price",
    "marks": "prices",
    "fill": "price",
    "vault_trade": "price",
    "mark_price": "price",
    "settle": "price",
}

SITUATIONS: dict[Situation, Callable[[], Engine]] = {
    "holding": holding,
    "working": working,
    "waiting": waiting,
    "backstopped": backstopped,
    "forming": lambda: holding(mark={}),
    "restricted": restricted,
    "limited": lambda: working(liquidation={"order_price": "bankruptcy"}),
    "settled": settled,
}


def own(name: str, code: str) -> Failing | None:
    """How to make a check of an event's own fail, by its record; None for those of `common`.

    The situation of an earlier check also makes the later ones fail that look at the state: an order works only in
    liquidation, and a pool in liquidation lacks margin.
    """
    for check in checks_with(kind_of(name), code):
        if check.example is not None and (check.of is None or check.of in name):
            situation, fields = check.example
            return SITUATIONS[situation], {**({"size": "-1"} if name == "reducing trade" else {}), **fields}
    return None


# What the pair needs where the situation of its first check does not make its second fail.
BOTH: dict[tuple[str, str, str], Failing] = {
    ("increasing trade", "not_open", "order_working"): (backstopped_and_working, {}),
    ("reducing trade", "not_open", "order_working"): (backstopped_and_working, {"size": "-1"}),
    ("block", "time_not_after", "order_working"): (working, {"time": 0}),
}


def kind_of(name: str) -> str:
    """The type of an event, whatever sort of trade it is."""
    return name.rpartition(" ")[2]


def common(kind: str, code: str) -> Fields:
    """The fields that make one of the checks fail that all events share."""
    amount = _FIRST_AMOUNT.get(kind, "payment" if kind == "funding" else "amount")
    if kind == "marks":
        prices = {"unknown_market": {"C": "100"}, "off_grid": {"A": "100.5"}, "not_positive": {"A": "0"}}
        return {"prices": prices[code]} if code in prices else {"extra": 1}
    fields: dict[str, Fields] = {
        "bad_request": {"extra": 1},
        "unknown_account": {"account": "nobody"},
        "unknown_market": {"market": "C"} if "market" in SAMPLES[kind] else {"mode": "isolated", "market": "C"},
        "off_grid": {amount: "0.5"},
        "not_positive": {amount: "0"},
    }
    return fields[code]


def kinds() -> list[tuple[str, list[str]]]:
    """Each event, trades of both sorts, with its codes in the order of the table."""
    found = []
    for kind, listed in CHECKS.items():
        if kind == "trade":
            for sort in ("increasing", "reducing"):
                codes = [check.code for check in listed if check.of in (None, sort)]
                found.append((f"{sort} trade", codes))
        else:
            found.append((kind, [check.code for check in listed]))
    return found


PAIRS = [(kind, *pair) for kind, codes in kinds() for pair in pairwise(codes)]


def failing(name: str, code: str) -> Failing:
    """A situation and fields in which this check fails, and none before it."""
    return own(name, code) or (holding, common(kind_of(name), code))


def answer(name: str, situation: Callable[[], Engine], fields: Fields) -> refusals.Refusal:
    """The refusal of the event in the situation."""
    kind = kind_of(name)
    sample = {**SAMPLES[kind], **fields}
    sample = {field: value for field, value in sample.items() if value is not None}
    if name == "reducing trade" and "leverage" not in fields:
        del sample["leverage"]
    return refused(situation(), kind, **sample)


class TestTheTable:
    @pytest.mark.parametrize(("name", "first", "second"), PAIRS)
    def test_of_two_checks_that_fail_the_first_is_the_answer(self, name: str, first: str, second: str) -> None:
        """EVT-2."""
        (situation, fields), (_, other) = failing(name, first), failing(name, second)
        if own(name, second) and not own(name, first):
            situation = failing(name, second)[0]
        if (name, first, second) in BOTH:
            situation, fields = BOTH[name, first, second]
        both = {**other, **fields}
        if (first, second) == ("off_grid", "not_positive"):
            if (name, first, second) in IMPOSSIBLE:
                return
            both = {amount: negative(value) for amount, value in fields.items()}
        assert answer(name, situation, both).code == first
        assert answer(name, *failing(name, second)).code == second

    @pytest.mark.parametrize(("name", "codes"), kinds())
    def test_each_check_is_by_its_rule(self, name: str, codes: list[str]) -> None:
        kind = kind_of(name)
        for code in codes:
            rules = {check.rule for check in checks_with(kind, code) if check.of is None or check.of in name}
            assert {answer(name, *failing(name, code)).rule} == rules, code

    def test_every_code_is_one_of_some_event(self) -> None:
        assert {code for _, codes in kinds() for code in codes} == set(refusals.CODES)

    def test_it_cites_rules_that_exist(self) -> None:
        cited = {rule for listed in CHECKS.values() for check in listed for rule in (check.rule, *check.also)}
        assert cited <= set(rulebook.rules())

    def test_the_protocols_page_shows_it(self) -> None:
        assert generated.checks_table() in files.read_text(files.ROOT / "protocol.md")

    def test_the_protocols_page_has_a_valid_example_of_every_event(self) -> None:
        page = files.read_text(files.ROOT / "protocol.md")
        rows = re.findall(r"^\| `(\w+)` \| (.+) \| `(\{.+\})` \|$", page, re.MULTILINE)
        assert [kind for kind, _, _ in rows] == list(EVENTS)
        for kind, listed, example in rows:
            event = json.loads(example)
            assert from_json(event).type == kind
            assert schemas.accepts("event", event)
            fields = re.findall(r"`(\w+)`: ", listed)
            assert event.keys() - {"type"} <= set(fields) == {field.name for field in attrs.fields(EVENTS[kind])}

    @pytest.mark.parametrize("name", generated.texts())
    def test_what_spec_states_is_what_the_model_declares(self, name: str) -> None:
        assert (files.ROOT / name).read_text(encoding="utf-8") == generated.texts()[name], "run: make events"

    def test_it_says_what_each_check_means(self) -> None:
        for listed in CHECKS.values():
            for check in listed:
                assert check.meaning
        assert checks_with("mark_price", "overfill") == ()


def negative(value: Any) -> Any:
    """An amount, or each of a table of amounts, below 0."""
    return {name: negative(amount) for name, amount in value.items()} if isinstance(value, dict) else f"-{value}"


def test_each_part_of_a_message_has_at_most_120_characters() -> None:
    """An amount of 78 digits is shown in full; a longer one is cut, and its length shown."""
    fits, too_long = "f" * 120, "v" * 121
    data = refusals.OffGrid(fits, too_long, too_long, rule="EVT-2").to_json()
    cut = "v" * 80 + "… (121 characters)"
    assert data == {"code": "off_grid", "field": fits, "value": cut, "limit": cut, "rule": "EVT-2"}
    assert refusals.OffGrid(fits, too_long, "l").message == f"{fits} is {cut}; l ({refusals.OffGrid.rule})"
