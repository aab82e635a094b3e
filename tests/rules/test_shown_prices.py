"""The prices of a position that an engine may show, by hand (OBS-5, MRG-10, MRG-11)."""

from typing import Any

import pytest

from liqspec.conform.answers import of_this_process
from liqspec.conform.finding import Finding
from liqspec.conform.lockstep import Comparison, play
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.observation import bankruptcy_text
from liqspec.edge import schemas
from liqspec.properties.checker.exact import number
from liqspec.spec import observables
from liqspec.testing.engines import InProcess
from support.builders import apply, mark, order_event, position, small_config, trade

PRICES = ("positions.liquidation_price", "positions.bankruptcy_price")
CROSS = {"account": "alice", "mode": "cross"}


def engine(**changes: Any) -> Engine:
    """A run that shows prices."""
    return Engine(Config.from_json(small_config(**changes)), shows_prices=True)


def shown(run: Engine, market: str = "A") -> tuple[str | None, str | None]:
    """The two prices of alice's cross position."""
    seen = position(run, market)
    return seen["liquidation_price"], seen["bankruptcy_price"]


def test_an_open_position_shows_both_and_a_closed_one_null() -> None:
    """Long 10 from 100 with 200: equity 10p − 800 meets a margin of p at 88.9, and is 0 at 80."""
    run = engine()
    apply(run, "deposit", account="alice", amount="200")
    trade(run, "10", "100", 5)
    assert shown(run) == ("88", "80")
    assert list(position(run))[-2:] == ["liquidation_price", "bankruptcy_price"]
    assert schemas.accepts("observation", run.observe())
    trade(run, "-10", "100")
    assert shown(run) == (None, None)


def test_a_price_is_that_of_the_whole_pool() -> None:
    """Long 10 A and short 1 B, both from 100, with 240: the margin of B is 12, and its loss of 20 is A's too."""
    run = engine()
    apply(run, "deposit", account="alice", amount="240")
    trade(run, "10", "100", 5)
    trade(run, "-1", "100", 5, market="B")
    mark(run, "120", "B")
    # 240 + 10p − 1000 − 20 = p + 12 at exactly 88; 10p = 780 at 78. B: 240 + 100 − q = 100 + q ÷ 10 at 218.2; 340.
    assert shown(run) == ("87", "78")
    assert shown(run, "B") == ("219", "340")


def test_what_has_no_decimal_is_rounded_in_the_favour_of_the_pool() -> None:
    """A long of 3 from 100 with 100 is bankrupt at 66.66…; a short of 3 at 133.33…"""
    run = engine()
    apply(run, "deposit", account="alice", amount="130")
    trade(run, "3", "100", 5)
    trade(run, "-3", "100", 5, market="B")
    assert shown(run)[1] == "56.666666666666666667"
    assert shown(run, "B")[1] == "143.333333333333333333"


@pytest.mark.parametrize(
    ("exact", "long", "short"),
    [
        ("7/2", "3.5", "3.5"),
        ("1/262144", "0.000003814697265625", "0.000003814697265625"),  # 2 to the 18th: just 18 places
        ("1/524288", "0.000001907348632813", "0.000001907348632812"),  # 19
        ("-1/3", "-0.333333333333333333", "-0.333333333333333334"),
        ("0", "0", "0"),
    ],
)
def test_a_bankruptcy_price_has_at_most_18_places(exact: str, long: str, short: str) -> None:
    assert (bankruptcy_text(number(exact), 1), bankruptcy_text(number(exact), -1)) == (long, short)


def test_a_long_that_cannot_be_liquidated_shows_none_and_may_be_bankrupt_below_zero() -> None:
    run = engine()
    apply(run, "deposit", account="alice", amount="2000")
    trade(run, "10", "100", 5)
    assert shown(run) == (None, "-100")


def test_the_prices_follow_a_fill() -> None:
    """Half of the chunk is sold at 88: size 5, collateral 140, equity 5p − 360 meets p ÷ 2 at 80, is 0 at 72."""
    run = engine()
    apply(run, "deposit", account="alice", amount="200")
    trade(run, "10", "100", 5)
    mark(run, "88")
    order_event(run, "fill", size="5", price="88")
    assert shown(run) == ("79", "72")


@pytest.mark.parametrize("name", PRICES)
def test_an_engine_may_name_either(name: str) -> None:
    assert name not in observables.names()
    assert name in observables.every_name()


class Showing:
    """The model as an engine that shows prices, off by a tick where it is wrong."""

    observes = observables.every_name()

    def __init__(self, off: int = 0) -> None:
        self._off = off

    def reset(self, config: dict[str, Any]) -> dict[str, Any]:
        """Start a run."""
        self._engine = Engine(Config.from_json(config), shows_prices=True)
        return self._engine.observe()

    def apply(self, event: dict[str, Any]) -> dict[str, Any]:
        """Apply an event that the rules accept."""
        apply(self._engine, event["type"], **{name: value for name, value in event.items() if name != "type"})
        seen = self._engine.observe()
        for held in seen["positions"]:
            if held["liquidation_price"] is not None:
                held["liquidation_price"] = str(int(held["liquidation_price"]) + self._off)
        return seen


EVENTS: list[dict[str, Any]] = [
    {"type": "deposit", "account": "alice", "amount": "200"},
    {"type": "trade", **CROSS, "market": "A", "size": "10", "price": "100", "leverage": 5},
]


def compared(off: int, tolerance: dict[str, str] | None = None) -> Finding | None:
    """What lock-step finds of the engine."""
    played = InProcess(lambda: Showing(off))
    comparison = Comparison.of(played.hello, tolerance=tolerance)
    return play(played, small_config(), EVENTS, comparison)


def test_a_wrong_price_is_found_and_named() -> None:
    assert compared(0) is None
    found = compared(1)
    assert found is not None
    (reason,) = found.reasons
    assert str(reason.difference) == "alice/A/cross positions.liquidation_price: ours 88, theirs 89"
    assert reason.rules == ("MRG-10", "OBS-5")
    assert compared(1, {"positions.liquidation_price": "1"}) is None


def test_without_being_named_they_leave_no_trace() -> None:
    """VER-1: what everybody else observes is what it was."""
    assert not of_this_process().observes & set(PRICES)
    run = Engine(Config.from_json(small_config()))
    apply(run, "deposit", account="alice", amount="200")
    trade(run, "10", "100", 5)
    assert not {"liquidation_price", "bankruptcy_price"} & position(run).keys()
