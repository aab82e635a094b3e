"""Shrinking of long runs and of large settings: to a handful of events by few candidates, in a plain setting."""

from fractions import Fraction
from typing import Any

from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EventData
from liqspec.search.large import FEW, LONG
from liqspec.search.minimise import FailingRun, Test, minimise
from liqspec.search.passes import FEWER, HOPELESS, PLAIN, SIMPLER
from support.builders import small_config

NEEDED = (17, 905, 1402, 1403, 2999)


def mark(price: int, market: str = "A") -> EventData:
    return {"type": "mark_price", "market": market, "price": str(price)}


def counted(test: Test) -> tuple[Test, list[int]]:
    """The test, and the lengths of the runs that it was asked about."""
    lengths: list[int] = []

    def asked(run: FailingRun) -> FailingRun | None:
        lengths.append(len(run.events))
        return test(run)

    return asked, lengths


def test_a_long_run_comes_down_to_a_handful_with_few_candidates() -> None:
    events = [mark(number + 1) for number in range(3000)]
    needed = [events[number] for number in NEEDED]
    fails, lengths = counted(lambda run: run if all(event in run.events for event in needed) else None)
    made = minimise(FailingRun(small_config(), events), fails, FEWER, SIMPLER)
    assert made.events == needed
    assert sum(lengths) < 40 * len(events)


def test_a_long_run_that_needs_every_event_is_given_up_soon() -> None:
    events = [mark(number + 1) for number in range(1000)]
    fails, lengths = counted(lambda run: run if len(run.events) == len(events) else None)
    made = minimise(FailingRun(small_config(), events), fails, FEWER)
    assert made.events == events
    assert len(lengths) <= HOPELESS + 8


def test_accounts_markets_and_kinds_of_events_are_dropped_at_once() -> None:
    accounts = [f"owner{number}" for number in range(8)]
    given: list[EventData] = []
    for _ in range(LONG):
        given += [{"type": "deposit", "account": account, "amount": "1"} for account in accounts]
        given += [mark(3, "B"), {"type": "marks", "prices": {"A": "5", "B": "7"}}]

    def wanted(run: FailingRun) -> FailingRun | None:
        paid = sum(event.get("account") == "owner3" for event in run.events)
        marked = any(event.get("prices", {}).get("A") == "5" for event in run.events)
        return run if paid >= LONG and marked else None

    fails, lengths = counted(wanted)
    made = minimise(FailingRun(small_config(accounts=accounts), given), fails, FEWER)
    assert made.config["accounts"] == ["owner3"]
    assert list(made.config["markets"]) == ["A"]
    assert {event["type"] for event in made.events} == {"deposit", "marks"}
    assert lengths[-1] <= 2 * LONG


def test_names_time_tiers_and_amounts_become_plain() -> None:
    tiers = [{"above": str(1000 * step), "maintenance_rate": "1/10", "max_leverage": 5} for step in range(FEW + 2)]
    market: dict[str, Any] = {**small_config()["markets"]["A"], "tiers": tiers}
    config = small_config(
        accounts=["__proto__", "b"],
        markets={"type": market, "b\u0301": market},
        marks={"type": "5000000000", "b\u0301": "5000000000"},
        time=2**53 - 5,
    )
    events: list[EventData] = [
        {"type": "block", "time": 2**53 - 3},
        {"type": "deposit", "account": "__proto__", "amount": "7000000000"},
        mark(8_000_000_000, "type"),
    ]
    Engine(Config.from_json(config))
    made = minimise(
        FailingRun(config, events), lambda run: run if Engine(Config.from_json(run.config)) else None, PLAIN
    )
    assert made.config["accounts"] == ["alice", "bob"]
    assert list(made.config["markets"]) == ["BTC", "ETH"]
    assert made.config["marks"] == {"BTC": "5000", "ETH": "5000"}
    assert "time" not in made.config
    assert all(len(one["tiers"]) == 1 for one in made.config["markets"].values())
    assert made.events[0] == {"type": "block", "time": 2}
    assert (made.events[1]["account"], made.events[1]["amount"]) == ("alice", "7000")
    assert (made.events[2]["market"], made.events[2]["price"]) == ("BTC", "8000")


def test_amounts_are_divided_together_on_their_grids() -> None:
    million, billion = 10**6, 10**9
    tiers = [{"above": above, "maintenance_rate": "1/10", "max_leverage": 5} for above in ("0", f"{5 * billion}")]
    config = small_config(
        accounts=["alice"],
        markets={"BTC": {**small_config()["markets"]["A"], "tiers": tiers, "tick": "0.25", "lot": "0.04"}},
        marks={"BTC": "3000"},
        liquidation={"partial_threshold": f"{2 * billion}"},
        quote_unit="0.01",
        vault={"cash": "-7"},
    )
    trade = {"type": "trade", "account": "alice", "market": "BTC", "mode": "cross", "price": "3000", "leverage": 5}
    events: list[EventData] = [
        {"type": "deposit", "account": "alice", "amount": f"{6 * billion}"},
        {**trade, "size": f"-{7 * million}.24"},
        {"type": "price_inputs", "market": "BTC", "perps": [{"price": "3000.25", "weight": 2}]},
        {"type": "marks", "prices": {"BTC": "2999.75"}},
    ]

    def above_the_threshold(run: FailingRun) -> FailingRun | None:
        """Fails at this mark only, where the trade is as large for the deposit, the tier and the threshold."""
        deposit, size = Fraction(run.events[0]["amount"]), -Fraction(run.events[1]["size"])
        above = Fraction(run.config["markets"]["BTC"]["tiers"][1]["above"])
        threshold = Fraction(run.config["liquidation"]["partial_threshold"])
        Engine(Config.from_json(run.config))
        notional, marked = size * 3000, run.config["marks"] == config["marks"]
        large = 3 * deposit < notional < 4 * deposit and notional > 4 * above and notional > 10 * threshold
        return run if marked and large else None

    made = minimise(FailingRun(config, events), above_the_threshold, PLAIN)
    assert made.events[0]["amount"] == "6000"
    assert made.events[1]["size"] == "-7"
    assert made.config["markets"]["BTC"]["tiers"][1]["above"] == "5000"
    assert made.config["liquidation"]["partial_threshold"] == "2000"
    assert made.config["vault"]["cash"] == "-0.01", "a step of its grid, and of its sign"
    assert (made.config["marks"], made.events[2:]) == (config["marks"], events[2:]), "prices are short as they are"


def test_amounts_and_rates_are_written_in_their_shortest_form() -> None:
    tiers = [{"above": "-0.00", "maintenance_rate": "07/70", "max_leverage": 5}]
    config = small_config(
        accounts=["00"], markets={"007": {**small_config()["markets"]["A"], "tiers": tiers}}, marks={"007": "0100.0"}
    )
    made = minimise(FailingRun(config, []), lambda run: run if "00" in run.config["accounts"] else None, PLAIN).config
    assert made["marks"] == {"BTC": "100"}
    assert made["markets"]["BTC"]["tiers"] == [{"above": "0", "maintenance_rate": "1/10", "max_leverage": 5}]


def test_a_name_that_the_failure_needs_stays() -> None:
    config = small_config(accounts=["constructor", "b"])
    fails: Test = lambda run: run if "constructor" in run.config["accounts"] else None  # noqa: E731
    assert minimise(FailingRun(config, []), fails, PLAIN).config["accounts"] == ["constructor", "bob"]
