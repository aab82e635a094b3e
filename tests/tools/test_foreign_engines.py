"""Engines written independently from the specification, as processes over the protocol, in lock-step with the model.

Their answers are what the specification alone implies: a disagreement is a defect of one of
the three. An engine whose compiler or runtime is missing is skipped by name.
"""

import json
import select
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adversaries.wrong_engines.search import BASES
from liqspec.conform.protocol.invalid_configurations import invalid_configurations
from liqspec.conform.protocol.lines import BYE, HELLO, refused, sample
from liqspec.core import events, refusals
from liqspec.core.config import Config
from liqspec.core.engine import Engine
from liqspec.core.events import EVENTS
from liqspec.core.parameters import FAMILIES
from liqspec.core.refusals import BadRequest
from liqspec.edge import files, keys
from liqspec.edge.files import rules_version
from liqspec.generate.configurations import base_configuration
from liqspec.replay.run import Run
from liqspec.spec import observables, venues
from support import foreign_engines
from support.comparison import STORIES
from support.damaged_lines import damaged_line
from support.every_field import CONFIG
from support.foreign_engines import (
    Command,
    Exchange,
    converse,
    difference,
    exchanges_of,
    first_disagreement,
    guided_exchanges,
    request,
)

EPISODES, LENGTH, DAMAGED = 36, 100, 500


@pytest.fixture(scope="session", params=["python", "javascript", "c"])
def command(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """How each engine is started; the one in C is compiled once."""
    if request.param == "python":
        return foreign_engines.python_engine()
    if request.param == "javascript":
        return foreign_engines.javascript_engine()
    return foreign_engines.c_engine(tmp_path_factory.mktemp("c"))


@cache
def stories() -> tuple[Exchange, ...]:
    """Every worked example and every scenario, with what a depth ladder does in them."""
    exchanges: list[Exchange] = []
    for story in STORIES:
        exchanges += exchanges_of(story.config.to_json(), [moment.event for moment in Run(story)])
    return tuple(exchanges)


@cache
def random_runs(venue: str = "") -> tuple[Exchange, ...]:
    """Guided events in configurations of every kind; of one venue, many more."""
    bases = [base_configuration(venues.load(venue))] if venue else BASES
    exchanges: list[Exchange] = []
    for episode in range(300 if venue else EPISODES):
        exchanges += guided_exchanges(Random(f"foreign/{venue}/{episode}"), bases[episode % len(bases)], LENGTH)
    return tuple(exchanges)


class TestInLockStepWithTheModel:
    """EVT-2, OBS-1 to OBS-3, LIF-4: the code of every refusal, whole observations, and the transitions in order."""

    def test_every_example_and_every_scenario_is_answered_the_same(self, command: Command) -> None:
        assert first_disagreement(command, list(stories())) == ""

    def test_random_events_are_answered_the_same(self, command: Command) -> None:
        assert first_disagreement(command, list(random_runs())) == ""

    def test_the_prices_that_they_show_on_demand_are_the_same(self, command: Command) -> None:
        """OBS-5: with `--prices` each shows what the engine in Python does."""
        lines = [exchange.line for exchange in random_runs()]
        mine, others = (
            [
                {field: position[field] for field in ("market", "liquidation_price", "bankruptcy_price")}
                for reply in converse([*one, "--prices"], lines)
                for position in reply.get("observation", {}).get("positions", [])
            ]
            for one in (command, foreign_engines.python_engine())
        )
        assert len(mine) > LENGTH
        assert mine == others

    def test_they_reach_every_code_and_every_transition(self) -> None:
        """A comparison of runs in which nothing happens would hold of any engine; T13 is reserved (LIF-5)."""
        exchanges = [*stories(), *random_runs()]
        assert {exchange.code for exchange in exchanges} == {None, *refusals.CODES}
        fired = {transition for exchange in exchanges for transition, _ in exchange.transitions}
        assert fired == {f"T{number}" for number in range(13)}

    @pytest.mark.thorough
    @pytest.mark.parametrize("name", venues.names())
    def test_many_random_events_are_answered_the_same(self, command: Command, name: str) -> None:
        assert first_disagreement(command, list(random_runs(name))) == ""

    def test_a_wrong_engine_is_distinguished(self) -> None:
        """LIQ-3: it treats equality as a breach; the examples detect it, and so do random events."""
        wrong = foreign_engines.javascript_engine("wrong_engine.js")
        assert first_disagreement(wrong, list(stories())).endswith("state: ours healthy, theirs liquidatable")
        assert first_disagreement(wrong, list(random_runs())) != ""


# ---------------------------------------------------------------------------------------- what only few would think of


def odd_configurations() -> list[dict[str, Any]]:
    """Valid configurations at the edges of the formats."""
    tiers = [{"above": "-0", "maintenance_rate": "0001/00040", "max_leverage": 20}]
    wide = "0." + "0" * 76 + "1"
    changes: list[dict[str, Any]] = [
        {"vault": {}},
        {"liquidation": {}},
        {"vault": {"cash": "-0"}, "liquidation": {"partial_threshold": "-0.00", "fee_rate": "-0"}},
        {"vault": {"cash": "-" + "9" * 76 + ".99"}},
        {"quote_unit": "00.010"},
        {
            "liquidation": {"fee_rate": "0/7", "partial_fraction": "12/12"},
            "backstop": {"threshold": "1", "return_fraction": "1.0"},
        },
        {"time": 2**53 - 1, "liquidation": {"cooldown_ms": 2**53 - 1}},
        {
            "accounts": [
                "__proto__",
                "constructor",
                "toString",
                "\U0001f600" * 128,
                "\xe9",
                "e\u0301",
                "\uff5e",
                "\U00010000",
            ]
        },
        {"markets": {"A": {"tick": "1", "lot": "1", "tiers": tiers}}, "marks": {"A": "0" * 70 + "100.000"}},
        {
            "quote_unit": wide,
            "markets": {"A": {"tick": "1", "lot": wide, "tiers": tiers}},
            "marks": {"A": "9" * 78},
            "vault": {"cash": "9" + "." + "9" * 77},
        },
    ]
    return [{**CONFIG, **change} for change in changes]


def names_at_the_edges() -> list[str]:
    """Names around each end of each refused range, except surrogates, which no line can hold."""
    ends = {end + step for first, last in keys.REFUSED for end in (first, last) for step in (-1, 0, 1)}
    planes = {plane * 0x10000 + end for plane in range(17) for end in (0xFFFD, 0xFFFE, 0xFFFF)}
    points = sorted(point for point in ends | planes if point >= 0 and not 0xD800 <= point <= 0xDFFF)
    return [*map(chr, points), "", "x" * 128, "x" * 129, "\U0001f600" * 129]


class TestTheEdgesOfTheFormats:
    """AMT-3, AMT-5, AMT-7, CFG-1, EVT-4."""

    def test_valid_configurations_are_accepted(self, command: Command) -> None:
        assert first_disagreement(command, [exchanges_of(config, [])[0] for config in odd_configurations()]) == ""

    def test_names_are_accepted_and_refused_as_by_the_model(self, command: Command) -> None:
        """Of accounts and of markets; unassigned code points and other planes too."""
        tried = [{**CONFIG, "accounts": [name]} for name in names_at_the_edges()]
        market = CONFIG["markets"]["A"]
        tried += [{**CONFIG, "markets": {name: market}, "marks": {name: "1"}} for name in names_at_the_edges()]
        replies = converse(command, [request("reset", config=config) for config in tried])
        assert [reply["ok"] for reply in replies] == [_is_valid(config) for config in tried]

    def test_amounts_of_78_digits_stay_exact(self, command: Command) -> None:
        """AMT-1: prices, sizes and money as wide as they may be, and products of them."""
        exchanges = exchanges_of(*wide_run())
        assert [exchange.code for exchange in exchanges] == [None] * len(exchanges)
        assert "T5" in {transition for exchange in exchanges for transition, _ in exchange.transitions}
        assert first_disagreement(command, exchanges) == ""

    def test_averages_are_of_28_digits(self, command: Command) -> None:
        """MRK-5: of longer prices every digit of the marks shows how they were computed."""
        exchanges = exchanges_of(*averaged_run())
        assert [exchange.code for exchange in exchanges] == [None] * len(exchanges)
        assert first_disagreement(command, exchanges) == ""

    def test_the_end_of_a_window_may_lie_beyond_the_integers(self, command: Command) -> None:
        """CFG-2, OBS-2: with all its digits."""
        exchanges = exchanges_of(*late_run())
        assert str(exchanges[-1].observation["positions"][0]["cooldown_until"]) == "18014398509481981"
        assert first_disagreement(command, exchanges) == ""

    def test_a_request_may_be_spelt_otherwise(self, command: Command) -> None:
        """White space, escapes and a carriage return are JSON's."""
        lines = [b' \t{ "op" : "hello" ,\r "protocol" : 1 } \r', rb'{"\u006fp":"h\u0065llo","protocol":1}', HELLO]
        assert [reply["ok"] for reply in converse(command, lines)] == [True] * 3
        exchanges = exchanges_of(
            {**CONFIG, "accounts": ["\U0001f600"]}, [{"type": "deposit", "account": "\U0001f600", "amount": "1"}]
        )
        escaped = [exchange.line.decode().replace("\U0001f600", r"\ud83d\uDE00").encode() for exchange in exchanges]
        for exchange, reply in zip(exchanges, converse(command, escaped), strict=True):
            assert difference(exchange, reply) == ""


def _is_valid(config: dict[str, Any]) -> bool:
    try:
        Engine(Config.from_json(config))
    except ValueError:
        return False
    return True


def wide_run() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Steps of 10^-38, prices of 10^38 and rates of 77 digits: a chunk with a fee, a backstop with a return."""
    step, price = "0." + "0" * 37 + "1", "1" + "0" * 38
    share, chunk = "3" * 38 + "7/" + "7" * 39, "3" * 38 + "/" + "7" * 39  # about 0.43, and a tenth of it
    tiers = [
        {"above": "0", "maintenance_rate": "1/" + "7" * 77, "max_leverage": 20},
        {"above": "1", "maintenance_rate": "3" * 37 + "/" + "8" * 39, "max_leverage": 20},
        {"above": price, "maintenance_rate": "0.0" + "4" * 76, "max_leverage": 20},
    ]
    config = {
        **CONFIG,
        "quote_unit": step,
        "markets": {"A": {"tick": "1", "lot": step, "tiers": tiers}},
        "marks": {"A": price},
        "liquidation": {"partial_threshold": price, "partial_fraction": chunk, "fee_rate": "1/" + "7" * 77},
        "backstop": {"threshold": share, "return_fraction": share},
    }
    key = {"account": "alice", "market": "A", "mode": "cross"}
    return config, [
        {"type": "deposit", "account": "alice", "amount": price + ".1"},
        {"type": "trade", **key, "size": "19." + "9" * 38, "price": price, "leverage": 20},
        {"type": "mark_price", "market": "A", "price": "97" + "7" * 36},
        {"type": "fill", **key, "size": "0." + "3" * 38, "price": "95" + "1" * 36},
        {"type": "fill", **key, "size": step, "price": "94" + "9" * 36 + "." + "0" * 40},
        {"type": "order_done", **key},
        {"type": "funding", "market": "A", "payment": "0." + "3" * 38},
        {"type": "block", "time": 6},
        {"type": "mark_price", "market": "A", "price": "96" + "1" * 36},
        {"type": "order_done", **key},
        {"type": "vault_trade", "market": "A", "size": "-" + "9" * 40 + "." + "9" * 38, "price": "9" * 78},
        {"type": "vault_cash", "amount": "-" + "9" * 40 + "." + "9" * 38},
    ]


def averaged_run() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Prices of 60 digits: the average of the book is the middle candidate, and at the end spot is the only one."""
    perps = [{"price": "8" * 60, "weight": 1}]
    events: list[dict[str, Any]] = []
    for step, digit in enumerate("12345"):
        book = {"best_bid": digit * 59, "best_ask": digit * 58 + "9"}
        events += [
            {"type": "block", "time": 7 + 31_415 * step},
            {"type": "price_inputs", "market": "A", **book, "perps": perps},
            {"type": "price_inputs", "market": "A", **book, "index": "1" + "0" * 58},
        ]
    return {**CONFIG, "mark": {}}, [*events, {"type": "price_inputs", "market": "A", "index": "7" * 60}]


def late_run() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A chunk filled at the last time but one, with the longest cooldown."""
    latest = 2**53 - 1
    config = {
        **CONFIG,
        "time": latest - 1,
        "liquidation": {"partial_threshold": "0", "partial_fraction": "1/2", "cooldown_ms": latest},
    }
    key = {"account": "alice", "market": "A", "mode": "cross"}
    return config, [
        {"type": "deposit", "account": "alice", "amount": "100"},
        {"type": "trade", **key, "size": "10", "price": "100", "leverage": 20},
        {"type": "mark_price", "market": "A", "price": "92"},
        {"type": "fill", **key, "size": "5", "price": "92"},
        {"type": "block", "time": latest},
    ]


# ------------------------------------------------------------------------------------------------------ what is refused


def malformed() -> list[bytes]:
    """The lines and the configurations that `conform` sends to test the protocol, and requests damaged at random."""
    random = Random("malformed")
    found = [line for _, line in refused(CONFIG, EVENTS)]
    found += [request("reset", config=config) for _, config in invalid_configurations(CONFIG, FAMILIES)]
    found += [damaged_line(random) for _ in range(DAMAGED)]
    return random.sample(found, k=len(found))


class TestMalformedLines:
    """EVT-2, EVT-3: one `bad_request` each, nothing changed, and the conversation continues."""

    def test_each_gets_one_bad_request_and_the_run_goes_on(self, command: Command) -> None:
        """Between them is a run, whose every answer must be what it would be without them."""
        bad, good = malformed(), list(random_runs()[: 3 * (LENGTH + 1)])
        per_line = len(bad) // len(good)
        lines = []
        for index, exchange in enumerate(good):
            lines += [*bad[index * per_line : (index + 1) * per_line], exchange.line]
        lines += bad[len(good) * per_line :]
        replies = converse(command, lines)
        assert len(replies) == len(lines)
        for line, reply in zip(lines, replies, strict=True):
            if good and line is good[0].line:
                assert difference(good.pop(0), reply) == "", line
            else:
                assert (reply["ok"], reply.get("error", {}).get("code")) == (False, "bad_request"), line[:200]
                assert isinstance(reply["error"]["message"], str)
        assert good == []

    def test_the_model_refuses_what_of_them_reaches_it(self) -> None:
        """The same events and configurations, as plain data."""
        reached: Counter[str] = Counter()
        for line in malformed():
            try:
                data = files.parse_json(line.decode("utf-8"))
            except ValueError:
                continue
            if isinstance(data, dict) and data.keys() == {"op", "event"} and data["op"] == "apply":
                with pytest.raises(BadRequest):
                    events.from_json(data["event"])
                reached["event"] += 1
            elif isinstance(data, dict) and data.keys() == {"op", "config"} and data["op"] == "reset":
                assert not _is_valid(data["config"])
                reached["config"] += 1
        assert min(reached["event"], reached["config"]) > 200

    def test_an_event_before_the_first_configuration_is_refused(self, command: Command) -> None:
        first, *rest = converse(command, [request("apply", event=sample("trade", CONFIG)), HELLO])
        assert (first["error"]["code"], [reply["ok"] for reply in rest]) == ("bad_request", [True])


# ---------------------------------------------------------------------------------------------------- the conversation


class TestTheConversation:
    def test_hello_reports_versions_events_and_everything_observed(self, command: Command) -> None:
        """VER-1, OBS-1; `marks` are observed only where they are formed (MRK-8)."""
        (reply,) = converse(command, [HELLO])
        assert (reply["protocol"], reply["states"]) == (1, "full")
        # A patch changes only words, and a minor version adds what an engine lists if it has it.
        (major, minor), (ours, latest) = reply["rules"].split(".")[:2], rules_version().split(".")[:2]
        assert major == ours
        assert int(minor) <= int(latest)
        assert set(reply["events"]) == EVENTS.keys()
        assert set(reply["families"]) == FAMILIES
        assert sorted(reply["observes"]) == sorted(observables.due(reply["families"]))

    def test_each_reply_comes_at_once(self, command: Command) -> None:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        with process:
            for line in (HELLO, request("reset", config=CONFIG), b"nonsense", BYE):
                process.stdin.write(line + b"\n")
                process.stdin.flush()
                assert select.select([process.stdout], [], [], 30)[0]
                assert json.loads(process.stdout.readline())["ok"] is (line != b"nonsense")
            assert process.wait(timeout=30) == 0

    def test_nothing_is_read_after_bye(self, command: Command) -> None:
        assert converse(command, [BYE, HELLO]) == [{"ok": True}]

    @pytest.mark.parametrize(
        ("lines", "last", "replies"), [([], b"", 0), ([HELLO], b"", 1), ([HELLO, HELLO], b"", 2), ([b""], b"\n", 1)]
    )
    def test_a_last_line_need_not_be_ended(
        self, command: Command, lines: list[bytes], last: bytes, replies: int
    ) -> None:
        assert len(converse(command, lines, last=last)) == replies

    def test_a_hello_leaves_the_run_alone_and_a_bad_reset_too(self, command: Command) -> None:
        """CFG-1."""
        reset, deposit = exchanges_of(CONFIG, [{"type": "deposit", "account": "alice", "amount": "1"}])
        bad = request("reset", config={})
        replies = converse(command, [reset.line, HELLO, bad, deposit.line])
        assert [reply["ok"] for reply in replies] == [True, True, False, True]
        assert difference(deposit, replies[-1]) == ""


@pytest.mark.thorough
def test_the_engine_in_c_has_no_undefined_behaviour(tmp_path: Path) -> None:
    """With the compiler's own checks it says the same, and nothing on standard error."""
    checked = foreign_engines.c_engine(
        tmp_path, "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wall", "-Wextra", "-Werror"
    )
    assert (
        first_disagreement(
            checked,
            [
                *stories(),
                *random_runs(),
                *exchanges_of(*wide_run()),
                *exchanges_of(*averaged_run()),
                *exchanges_of(*late_run()),
            ],
        )
        == ""
    )
    assert len(converse(checked, malformed())) == len(malformed())
