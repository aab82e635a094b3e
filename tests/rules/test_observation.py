"""What is observed is the same however a run came to it, and amounts are compared as numbers (OBS-1, OBS-3, OBS-4)."""

from random import Random

import pytest

from liqspec.core.config import Config, Venue
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import OPTIONAL
from liqspec.core.observation import Observer, same
from liqspec.core.parameters import FAMILIES
from liqspec.core.refusals import BadRequest, Refusal
from liqspec.generate.configurations import configuration, shipped_bases
from liqspec.generate.guide import Guide
from support.builders import apply, mark, position, small_config, small_engine, trade


def run(order: tuple[str, ...]) -> Engine:
    """A run in which positions and the vault's trades came market by market in this order."""
    engine = small_engine()
    apply(engine, "deposit", account="alice", amount="1000")
    for market in order:
        trade(engine, "1", leverage=1, market=market)
        apply(engine, "vault_trade", market=market, size="1", price="100")
    return engine


def test_the_order_in_which_markets_were_touched_is_not_remembered() -> None:
    """OBS-4."""
    first, second = run(("A", "B")), run(("B", "A"))
    assert first.snapshot() == second.snapshot()
    assert list(second.observe()["vault"]["positions"]) == ["A", "B"]
    assert first.observe() == second.observe()


def test_prices_are_shown_where_they_are_asked_for() -> None:
    """OBS-5."""
    config = Config.from_json(small_config())
    assert [Venue.from_config(config, shows_prices=asked).shows_prices for asked in (False, True)] == [False, True]
    assert not Venue.from_config(config).shows_prices


@pytest.mark.parametrize("shows_prices", [False, True])
def test_what_an_observer_kept_is_what_would_be_formed_now(shows_prices: bool) -> None:
    """OBS-1, OBS-5: after every event of random runs."""
    random, bases = Random("observer"), list(shipped_bases().values())
    for number in range(12):
        config = configuration(random, bases[number % len(bases)], FAMILIES)
        engine = Engine(Config.from_json(config), shows_prices=shows_prices)
        guide, observer = Guide(random, engine, OPTIONAL), Observer()
        for _ in range(40):
            event = guide.next_event()
            assert event is not None
            apply_event(engine, event)
            assert observer.observe(engine.state) == engine.observe()


def test_an_observer_sees_a_limit_that_moves_alone() -> None:
    """LIQ-17: no event does that, but an observer may have missed some."""
    engine, observer = small_engine(liquidation={"order_price": "bankruptcy"}), Observer()
    apply(engine, "deposit", account="alice", amount="200")
    trade(engine, "10", "100", 5)
    mark(engine, "88")
    before = observer.observe(engine.state)["positions"][0]
    held = engine.state.position("alice", "A", "cross")
    assert held is not None
    held.limit = 81
    assert (before["limit"], observer.observe(engine.state)["positions"][0]) == ("80", position(engine))


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("1", "1.0", True),
        ("-0", "0", True),
        ("-0.50", "-00.5", True),
        ("-5", "5", False),
        ("5", 5, False),
        ("5", None, False),
        (None, None, True),
        (True, 1, False),
        ("healthy", "healthy", True),
        ("0ok", "ok", False),  # texts that are not amounts are compared as texts
        ("1.", "1", False),
    ],
)
def test_amounts_are_compared_as_numbers_and_all_else_exactly(left: object, right: object, equal: bool) -> None:
    """OBS-3."""
    assert (same(left, right), same(right, left)) == (equal, equal)


def test_a_refusal_as_data_has_its_parts_in_bounded_length() -> None:
    """EVT-3."""
    refusal: Refusal = BadRequest("field", "v" * 500, "limit")
    data = refusal.to_json()
    assert data == {"code": "bad_request", "field": "field", "value": data["value"], "limit": "limit", "rule": "EVT-2"}
    assert data["value"].startswith("vvv")
    assert len(data["value"]) <= 120
    assert str(refusal) == f"bad_request: field: {data['value']}; limit (EVT-2)"
    assert refusal.args == ("field", "v" * 500, "limit")
