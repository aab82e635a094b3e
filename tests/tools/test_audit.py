"""Recorded logs: those of the model hold, each change is reported at its line, and a wrong line loses nothing."""

import csv
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pa_parquet  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from adversaries.wrong_engines.search import BASES
from liqspec.audit.follow import VENUE, Audit, Follower
from liqspec.audit.log import Entry, Head, InvalidLog
from liqspec.audit.run import audit
from liqspec.cli.app import app
from liqspec.core import events, snapshot
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.core.events import EventData
from liqspec.edge import schemas
from liqspec.generate import Guide
from liqspec.generate.configurations import configuration
from liqspec.replay.run import Run
from liqspec.spec import rulebook, scenarios
from liqspec.spec.scenarios import Scenario
from support.builders import small_config

STORIES = [*rulebook.example_scenarios(), *(scenarios.load(name) for name in scenarios.names())]
Lines = list[dict[str, Any]]


def line(engine: Engine, event: EventData) -> dict[str, Any]:
    """The line of a log that an engine writes of an event."""
    code = apply_event(engine, event).code
    if code is not None:
        return {"event": event, "refused": code}
    return {"event": event, "observation": engine.observe()}


def log_of(config: dict[str, Any], events: list[EventData]) -> Lines:
    """The log of a run of the model."""
    engine = Engine(Config.from_json(config))
    return [{"format": 1, "engine": "test", "config": config}, *(line(engine, event) for event in events)]


def guided_log(seed: int, length: int) -> Lines:
    """The log of a guided run."""
    random = Random(seed)
    config = configuration(random, BASES[0])
    engine = Engine(Config.from_json(config))
    guide = Guide(random, engine)
    return [{"format": 1, "config": config}, *(line(engine, guide.next_event()) for _ in range(length))]


def followed(lines: Lines, **options: Any) -> Audit:
    """The audit of a log that is in memory."""
    follower = Follower(Head.from_json(lines[0], options.pop("tolerance", {})), **options)
    for number, data in enumerate(lines[1:], start=2):
        follower.see(number, Entry.from_json(json.loads(json.dumps(data))))
    return follower.audit


def written(path: Path, lines: Lines) -> Path:
    """The file of a log."""
    path.write_text("".join(json.dumps(data) + "\n" for data in lines), encoding="utf-8")
    return path


SMALL: list[EventData] = [
    {"type": "deposit", "account": "alice", "amount": "200"},
    {"type": "trade", "account": "alice", "market": "A", "mode": "cross", "size": "10", "price": "100", "leverage": 5},
    {"type": "mark_price", "market": "A", "price": "88"},  # 200 - 120 = 80 is below 88
    {"type": "fill", "account": "alice", "market": "A", "mode": "cross", "size": "10", "price": "88"},
]


class TestALogOfTheModelItself:
    @pytest.mark.parametrize("story", STORIES, ids=[f"{index}-{story.name}" for index, story in enumerate(STORIES)])
    def test_holds_in_every_story(self, story: Scenario) -> None:
        events = [moment.event for moment in Run(story)]
        found = followed(log_of(story.config.to_json(), events))
        assert (found.diverged, found.first) == (0, {})
        assert found.compared == len(events)

    @given(st.randoms(use_true_random=False), st.integers(0, 10**6))
    @settings(max_examples=25, deadline=None)
    def test_holds_with_anything_left_out_of_what_was_observed(self, random: Random, seed: int) -> None:
        lines = guided_log(seed, 40)
        for data in lines[1:]:
            if "observation" in data:
                data["observation"] = thinned(random, data["observation"])
        assert followed(lines).first == {}

    def test_fits_the_schema(self) -> None:
        for data in guided_log(3, 60):
            assert schemas.mismatch("log", json.loads(json.dumps(data))) == ""

    def test_can_begin_in_the_middle(self) -> None:
        config = small_config()
        engine = Engine(Config.from_json(config))
        for event in SMALL[:3]:
            engine.apply(events.from_json(event))
        before = snapshot.to_json(engine.venue, engine.snapshot())
        lines = [{"format": 1, "config": config, "before": before}, line(engine, SMALL[3])]
        assert followed(lines).holds

    def test_can_be_given_a_state_in_between(self) -> None:
        """STP-2: alice's collateral is set from elsewhere, so that she is not breached."""
        lines = log_of(small_config(), SMALL[:2])
        known = {"pools": [{"account": "alice", "mode": "cross", "collateral": "1000"}]}
        rest = {"event": SMALL[2], "observation": {"positions": [{**KEY, "state": "healthy"}]}, "before": known}
        assert followed([*lines, rest]).holds
        assert not followed([*lines, {**rest, "before": {}}]).holds


KEY = {"account": "alice", "market": "A", "mode": "cross"}


def thinned(random: Random, observation: dict[str, Any]) -> dict[str, Any]:
    """An observation with parts, entries and fields left out by chance, but no key."""
    left: dict[str, Any] = {}
    for name, part in observation.items():
        if random.random() < 0.3:
            continue
        left[name] = part
        if isinstance(part, list):
            kept = [entry for entry in part if random.random() < 0.7]
            left[name] = [
                {key: value for key, value in entry.items() if key in KEY or random.random() < 0.7} for entry in kept
            ]
    return left


class TestAChangedLog:
    def test_reports_the_first_divergence_with_the_guard_and_its_numbers(self) -> None:
        """LIQ-3: the engine does not see the breach."""
        lines = log_of(small_config(), SMALL[:3])
        lines[3]["observation"]["positions"][0].update(state="healthy", order=None)
        lines[3]["observation"]["pools"][0]["in_liquidation"] = False
        found = followed(lines)
        first = found.first["alice"]
        assert (first.line, first.reason.rule) == (4, "LIQ-3")
        assert "equity 80 < maintenance margin 88" in " ".join(first.reason.lines())
        assert found.diverged == 1

    @pytest.mark.parametrize("seed", range(12))
    def test_is_reported_at_the_line_that_was_changed(self, seed: int) -> None:
        random, lines = Random(seed), guided_log(seed, 60)
        accepted = [number for number, data in enumerate(lines) if data.get("observation", {}).get("pools")]
        number = random.choice(accepted)
        pool = random.choice(lines[number]["observation"]["pools"])
        pool["collateral"] = str(int(float(pool["collateral"])) + 1_000_000)
        found = followed(lines)
        assert min(one.line for one in found.first.values()) == number + 1
        assert found.first[pool["account"]].line == number + 1
        assert found.broken

    def test_goes_on_from_what_the_engine_shows(self) -> None:
        """One wrong fee, and all later lines follow from it: one divergence."""
        config = small_config()
        engine = Engine(Config.from_json(config))
        lines: Lines = [{"format": 1, "config": config}, *(line(engine, event) for event in SMALL)]
        wrong = engine.snapshot()
        data = snapshot.to_json(engine.venue, wrong)
        data["accounts"][0]["pools"][0]["collateral"] = "70"
        engine.restore(snapshot.from_json(engine.venue, data))
        lines[-1]["observation"] = engine.observe()
        lines += [line(engine, event) for event in (SMALL[0], {"type": "block", "time": 5}, SMALL[1])]
        found = followed(lines)
        assert (found.diverged, found.adopted, list(found.first)) == (1, 1, ["alice"])
        assert found.first["alice"].went_on == "continued from what the log shows"

    def test_goes_on_from_before_an_event_that_it_must_not_refuse(self) -> None:
        lines = log_of(small_config(), SMALL[:1])
        lines.append({"event": SMALL[0], "refused": "in_liquidation"})
        engine = Engine(Config.from_json(small_config()))
        engine.apply(events.from_json(SMALL[0]))
        lines.append(line(engine, {"type": "block", "time": 1}))
        found = followed(lines)
        assert (found.diverged, found.first["alice"].went_on) == (1, "continued from the state before it")

    def test_says_that_it_went_on_from_its_own_state_where_nothing_is_shown(self) -> None:
        lines = log_of(small_config(), SMALL[:1])
        lines.append({"event": {"type": "withdraw", "account": "alice", "amount": "999"}, "accepted": True})
        found = followed(lines)
        assert (found.diverged, found.kept) == (1, 1)
        assert found.first["alice"].went_on.startswith("continued from the model's state")

    def test_is_nobodys_where_the_vault_differs(self) -> None:
        lines = log_of(small_config(), SMALL)
        lines[2]["observation"] = {"vault": {"cash": "1"}}
        assert list(followed(lines).first) == [VENUE]

    def test_of_executions_that_the_rules_refuse_is_reported(self) -> None:
        lines = log_of(small_config(), SMALL[:2])
        fill = {**SMALL[3], "size": "11"}
        found = followed([*lines, {"event": SMALL[2], "executed": [fill]}])
        assert found.first["alice"].reason.difference.ours == "overfill"
        allowed = followed([*lines, {"event": SMALL[2], "executed": [SMALL[3]], "observation": {"positions": []}}])
        assert allowed.holds

    def test_is_compared_as_deep_and_as_near_as_asked(self) -> None:
        lines = log_of(small_config(), SMALL[:1])
        lines[1]["observation"]["pools"][0]["equity"] = "201"
        assert not followed(lines).holds
        assert followed(lines, mode="code").holds
        assert followed(lines, tolerance={"pools.equity": "1"}).holds

    def test_is_compared_in_what_it_says_that_it_observes(self) -> None:
        lines = log_of(small_config(), SMALL)
        lines[3]["observation"]["positions"][0]["state"] = "in_liquidation"
        lines[3]["observation"]["pools"][0]["equity"] = "1"
        assert not followed(lines).holds
        lines[0].update(observes=["positions.state"], states="coarse")
        assert followed(lines).holds

    def test_that_shows_nothing_does_not_hold(self) -> None:
        found = followed([{"format": 1, "config": small_config()}, {"event": SMALL[0]}])
        assert (found.compared, found.holds) == (0, False)


# ---------------------------------------------------------------------------------------------------------- the formats

COLUMNS = ("type", "account", "market", "mode", "size", "price", "leverage", "amount", "time")


def rows(lines: Lines) -> Iterator[dict[str, Any]]:
    """The rows of a log as a table: the pool of the account that each event names."""
    for data in lines[1:]:
        row: dict[str, Any] = {f"event.{name}": data["event"].get(name) for name in COLUMNS}
        row["refused"] = data.get("refused")
        row["accepted"] = None if "refused" in data else True
        pools = data.get("observation", {}).get("pools", [])
        row["pool.equity"] = pools[0]["equity"] if pools and data["event"].get("account") else None
        yield row


def as_csv(path: Path, lines: Lines) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(next(rows(lines))))
        writer.writeheader()
        for row in rows(lines):
            writer.writerow({name: str(value).lower() if value is True else value for name, value in row.items()})
    return path


def as_parquet(path: Path, lines: Lines) -> Path:
    pa_parquet.write_table(pa.Table.from_pylist(list(rows(lines))), path)
    return path


@pytest.mark.parametrize(("name", "write"), [("log.csv", as_csv), ("log.parquet", as_parquet)])
class TestATable:
    def test_says_what_json_lines_say(self, tmp_path: Path, name: str, write: Callable[[Path, Lines], Path]) -> None:
        lines = log_of(small_config(accounts=["alice"]), [*SMALL, {"type": "block", "time": 7}])
        found = audit(write(tmp_path / name, lines), head=lines[0])
        assert (found.holds, found.events, found.compared) == (True, 5, 5)
        lines[2]["observation"]["pools"][0]["equity"] = "199"
        found = audit(write(tmp_path / name, lines), head=lines[0])
        assert [(one.line, one.reason.difference.field) for one in found.first.values()] == [(3, "pools.equity")]

    def test_needs_to_be_given_its_run(self, tmp_path: Path, name: str, write: Callable[[Path, Lines], Path]) -> None:
        path = write(tmp_path / name, log_of(small_config(), SMALL))
        with pytest.raises(InvalidLog, match="--head"):
            audit(path)


BAD_TABLES = {
    "event.type,event.colour,equity\ndeposit,red,3\n": "equity",
    "refused\nbad_request\n": "the table needs a column",
    "event.type,event.time\nblock,1.5\n": ":2: event.time: expected a whole number",
    "event.type,accepted\nblock,yes\n": ":2: accepted: expected true or false",
    "event.type,position.size\nblock,5\n": ":2: position: the event does not name a position",
    "event\n{\n": ":2: event: is not JSON",
    "event.type,note\nblock\n": "log.csv",
    "": "log.csv: header: the file is empty",
}


@pytest.mark.parametrize("text", BAD_TABLES)
def test_a_table_that_is_no_log_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "head.json").write_text(json.dumps({"format": 1, "config": small_config()}), encoding="utf-8")
    done = run(str(path), "--head", str(tmp_path / "head.json"))
    assert done.returncode == 2
    assert BAD_TABLES[text] in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_parquet_file_that_ends_what_reads_it_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged footer can make the library end its process; the reader here stands for it."""
    reader = tmp_path / "reader"
    reader.write_text("#!/bin/sh\nkill -ABRT $$\n", encoding="utf-8")
    reader.chmod(0o755)
    lines = log_of(small_config(), SMALL)
    path = as_parquet(tmp_path / "log.parquet", lines)
    monkeypatch.setattr(sys, "executable", str(reader))
    with pytest.raises(InvalidLog, match=r"log\.parquet: the file is damaged: what reads it was ended by SIGABRT"):
        audit(path, head=lines[0])


def test_a_float_in_a_parquet_file_is_refused(tmp_path: Path) -> None:
    row = {"event.type": "deposit", "event.account": "alice", "event.amount": 0.1}
    pa_parquet.write_table(pa.Table.from_pylist([row]), tmp_path / "log.parquet")
    found = audit(tmp_path / "log.parquet", head={"format": 1, "config": small_config()})
    assert "log.parquet:2: event.amount: 0.1 is a float" in found.error


# ---------------------------------------------------------------------------------------------------------- the command


def run(*arguments: str, patience: float = 120) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from liqspec.cli import main; main()", "audit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=patience)


BAD_LINES = [
    '{"event": ',
    "",
    "[1]",
    '{"event": {}, "surprise": 1}',
    '{"observation": {}}',
    '{"event": {}, "refused": "no_such_code"}',
    '{"event": {}, "refused": "off_grid", "accepted": true}',
    '{"event": {}, "accepted": false}',
    '{"event": {}, "observation": 5}',
    '{"event": {}, "observation": {"positions": [{"account": "alice"}]}}',
    '{"event": {}, "executed": [{"type": "block"}]}',
    '{"event": {}, "before": {"pools": [{"account": "nobody", "mode": "cross"}]}}',
    '{"event": {}, "event": {}}',
    '{"event": ' + "[" * 100_000,
]


class TestTheCommand:
    def test_reports_a_log_that_holds(self, tmp_path: Path) -> None:
        done = CliRunner().invoke(app, ["audit", str(written(tmp_path / "log.jsonl", log_of(small_config(), SMALL)))])
        assert done.exit_code == 0
        assert "4 events of test, after 4 of which something was observed" in done.output
        assert "Transitions: T0 1, T1 1, T7 1" in done.output

    def test_reports_a_log_that_does_not(self, tmp_path: Path) -> None:
        lines = log_of(small_config(), SMALL)
        lines[2]["observation"]["pools"][0]["equity"] = "1"
        path = written(tmp_path / "log.jsonl", lines)
        done = CliRunner().invoke(app, ["audit", str(path)])
        assert done.exit_code == 1
        assert "line 3  alice  trade" in done.output and "MRG-3" in done.output
        data = json.loads(CliRunner().invoke(app, ["audit", str(path), "--json"]).output)
        assert data["first_by_account"][0]["line"] == 3
        assert data["rules_departed_from"]

    @pytest.mark.parametrize("bad", BAD_LINES, ids=range(len(BAD_LINES)))
    def test_reports_a_wrong_line_and_what_was_found_before_it(self, tmp_path: Path, bad: str) -> None:
        lines = log_of(small_config(), SMALL)
        lines[2]["observation"]["pools"][0]["equity"] = "1"
        path = written(tmp_path / "log.jsonl", lines)
        with path.open("a", encoding="utf-8") as file:
            file.write(bad + "\n")
        done = CliRunner().invoke(app, ["audit", str(path)])
        assert done.exit_code == 2
        assert f"{path}:6: " in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "line 3  alice  trade" in done.stdout

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty"),
            ("{}\n", ":1: config: required field"),
            ('{"format": 1, "config": {}}\n', ":1: config."),
            ('{"format": 9, "config": {}}\n', ":1: format: this version reads format 1, got 9"),
            ('{"format": 1, "config": {}, "observes": ["x"]}\n', ':1: observes: unknown field "x"'),
            ("\0\n", ":1: "),
        ],
    )
    def test_refuses_a_log_that_does_not_begin(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "log.jsonl"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidLog, match=message.replace(".", r"\.")):
            audit(path)

    def test_refuses_what_cannot_be(self, tmp_path: Path) -> None:
        log = str(written(tmp_path / "log.jsonl", log_of(small_config(), SMALL)))
        for arguments, message in (
            ([str(tmp_path / "none.jsonl")], "no such file"),
            ([str(tmp_path.parent)], "is not a file"),
            ([log, "--format", "parquet", "--head", log], "log.jsonl"),
            ([log, "--tolerance", "pools.equity"], "FIELD=UNITS"),
            ([log, "--tolerance", "pools.state=1"], "tolerance: unknown field"),
            ([log, "--tolerance", "pools.equity=x"], "tolerance.pools.equity"),
        ):
            done = run(*arguments)
            assert done.returncode == 2, arguments
            assert message in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.thorough
def test_a_log_of_200_000_lines_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """150 MB of log; the address space of the command is bounded, so that keeping the log would end it."""
    path = tmp_path / "log.jsonl"
    config = small_config()
    engine = Engine(Config.from_json(config))
    guide, written_lines = Guide(Random(1), engine), 0
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"format": 1, "config": config}) + "\n")
        while written_lines < 200_000:
            file.write(json.dumps(line(engine, guide.next_event())) + "\n")
            written_lines += 1
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    done = run(str(path), "--json", patience=1800)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"] == 200_000
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert max(before, peak) < 400 * 1024  # in KiB, as Linux counts
