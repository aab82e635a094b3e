"""A log that is divided by account gives what it gives undivided, to the byte, whatever is wrong with it."""

import io
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from adversaries.wrong_engines.search import BASES
from liqspec.audit import divided, follow, run
from liqspec.audit.follow import Audit
from liqspec.audit.routes import Routes
from liqspec.audit.workers import Workers
from liqspec.core.config import Config
from liqspec.core.engine import Engine, apply_event
from liqspec.edge import files
from liqspec.generate import Guide
from liqspec.generate.configurations import configuration
from support import big_logs
from support.builders import small_config
from support.commands import run_here

Line = dict[str, Any]
Lines = list[Line]
DEPOSIT = {"type": "deposit", "account": "alice", "amount": "200"}
KEY = {"account": "alice", "market": "A", "mode": "cross"}
TRADE = {"type": "trade", **KEY, "size": "10", "price": "100", "leverage": 5}
BREACH = {"type": "mark_price", "market": "A", "price": "88"}  # 200 - 120 = 80 is below 88
FILL = {"type": "fill", **KEY, "size": "10", "price": "88"}


class Here(Executor):
    """An executor that works at once, and hands over and returns copies, as other processes do."""

    def submit(self, work: Any, /, *arguments: Any, **_: Any) -> "Future[Any]":
        """Work now."""
        future: Future[Any] = Future()
        future.set_result(pickle.loads(pickle.dumps(work(*pickle.loads(pickle.dumps(arguments))))))
        return future


def written(path: Path, lines: Lines) -> Path:
    """The file of a log."""
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def printed(audit: Audit) -> tuple[str, str]:
    """What is printed of an audit: as text, and as JSON."""
    console = Console(file=io.StringIO(), width=200)
    run.print_audit(audit, console)
    return console.file.getvalue(), json.dumps(run.to_json(audit))  # type: ignore[attr-defined]  # it is a StringIO


def audited(path: Path, shares: int, **options: Any) -> Audit:
    """The audit of a log in this number of shares."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "begun", lambda *_: _given(Workers(Here(), shares)))
        return run.audit(path, workers=shares, **options)


class _given:  # noqa: N801  # a context manager that gives what it is given
    def __init__(self, value: Any) -> None:
        self._value = value

    def __enter__(self) -> Any:
        return self._value

    def __exit__(self, *_: object) -> None:
        return None


# --------------------------------------------------------------------------------------------------------- random logs


def guided(random: Random, length: int) -> Lines:
    """The log of a guided run, of which each line shows some of everything."""
    config = configuration(random, random.choice(BASES))
    config["accounts"] = [f"{name}{place}" for place in "12" for name in config["accounts"]]
    engine = Engine(Config.from_json(config))
    guide = Guide(random, engine)
    lines: Lines = [{"format": 1, "config": config}]
    for _ in range(length):
        event = guide.next_event()
        code = apply_event(engine, event).code
        shown = thinned(random, engine.observe(), event)
        lines.append({"event": event, "refused": code} if code else {"event": event, "observation": shown})
    return lines


def thinned(random: Random, observation: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """Some of an observation: often only what the event names."""
    alone = random.random() < 0.8 and "account" in event
    left: dict[str, Any] = {}
    for name, part in observation.items():
        if random.random() < (0.9 if name == "vault" else 0.3):
            continue
        if name in ("positions", "pools"):
            entries = [one for one in part if not alone or one["account"] == event["account"]]
            left[name] = [dict(one) for one in entries if random.random() < 0.7]
        else:
            left[name] = part
    return left


def wrong(random: Random, lines: Lines) -> None:
    """Change something of a line at random."""
    line = lines[random.randrange(1, len(lines))]
    shown = line.get("observation", {})
    entries = [*shown.get("positions", []), *shown.get("pools", [])]
    match random.randrange(10):
        case 0 | 1 | 2 | 3 if entries:
            entry = random.choice(entries)
            name = random.choice([name for name in entry if name not in ("account", "market", "mode")])
            entry[name] = random.choice(["1", "0", "-7", True, 3, "healthy", "closed", None])
        case 4:
            line.pop("observation", None)
            line.pop("refused", None)
            line["refused"] = random.choice(["order_working", "insufficient_margin", "time_not_after", "off_grid"])
        case 5:
            line.pop("refused", None)
            line["accepted"] = True
        case 6:
            lines.remove(line) if len(lines) > 2 else None
        case 7:
            line["observation"] = {**shown, "time": 1, "block": random.randrange(3)}
            line.pop("refused", None)
        case 8:
            line["observation"] = {**shown, "vault": {"cash": "5"}}
            line.pop("refused", None)
        case _:
            known = {"pools": [{"account": lines[0]["config"]["accounts"][0], "mode": "cross", "collateral": "9"}]}
            line.update(random.choice([{"before": known}, {"surprise": 1}, {"note": '\\ "account"'}]))


class TestARandomLog:
    @given(st.integers(0, 10**9))
    @example(325)  # a position that was closed before what is known of it was
    @settings(max_examples=12, deadline=None)
    def test_gives_the_same_in_any_number_of_shares(self, tmp_path_factory: Any, seed: int) -> None:
        random = Random(seed)
        lines = guided(random, random.randrange(1, 60))
        for _ in range(random.choice([0, 0, 1, 2, 6])):
            wrong(random, lines)
        path = written(tmp_path_factory.getbasetemp() / "divided.jsonl", lines)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(divided, "CHUNK_LINES", random.choice([1, 5, 16, 1000]))
            alone = printed(run.audit(path))
            for shares in (2, 3):
                assert printed(audited(path, shares)) == alone

    @pytest.mark.parametrize("seed", range(3))
    def test_that_holds_is_divided_to_its_end(self, seed: int, tmp_path: Path) -> None:
        path = written(tmp_path / "log.jsonl", guided(Random(seed), 60))
        found = audited(path, 3)
        assert (found.holds, found.by_one) == (True, "")


BIG = big_logs.configuration(12, 2)
BIG_LINES: Lines = [big_logs.head(BIG), *big_logs.lines(BIG, 800, seed=2)]


class TestABigLog:
    """A log of which each line shows something of what its event names."""

    def test_has_what_accounts_have_in_common(self) -> None:
        """Orders that refuse a block, takeovers by the vault, funding."""
        kinds = {(line["event"]["type"], line.get("refused")) for line in BIG_LINES[1:]}
        assert {("block", None), ("block", "order_working"), ("funding", None), ("fill", None)} <= kinds

    def test_is_divided_though_it_departs_from_the_rules(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each account that departs continues from what its own lines show, and no other account sees it."""
        lines = json.loads(json.dumps(BIG_LINES))
        for line in [line for line in lines if line.get("observation", {}).get("pools")][60::25]:
            line["observation"]["pools"][0]["collateral"] = "3.5"
        path = written(tmp_path / "log.jsonl", lines)
        monkeypatch.setattr(divided, "CHUNK_LINES", 250)
        alone, found = run.audit(path), audited(path, 5)
        assert (found.diverged > 12, len(found.first) > 5, found.by_one) == (True, True, "")
        assert printed(found) == printed(alone)
        monkeypatch.setattr(follow, "MAX_KEPT", 3)
        monkeypatch.setattr(divided, "CHUNK_LINES", 1_000)
        few, found = run.audit(path), audited(path, 2)
        assert (len(found.first), found.unlisted) == (3, few.unlisted)
        assert printed(found) == printed(few) != printed(alone)

    def test_shows_a_vault_that_is_as_the_rules_say(self, tmp_path: Path) -> None:
        """The vault has what the accounts of all shares handed to it, in the order of the lines; then a cent more."""
        engine = Engine(Config.from_json(BIG))
        lines = json.loads(json.dumps(BIG_LINES))
        for line in lines[1:]:
            apply_event(engine, line["event"])
            if line["event"]["type"] in ("block", "funding", "fill") and "refused" not in line:
                line.setdefault("observation", {})["vault"] = engine.observe()["vault"]
        assert engine.state.vault.positions, "something was taken"
        found = audited(written(tmp_path / "log.jsonl", lines), 3)
        assert (found.holds, found.by_one) == (True, "")
        shown = [line for line in lines[1:] if "vault" in line.get("observation", {})][-1]["observation"]["vault"]
        shown["cash"] = f"{float(shown['cash']) + 0.01:.6f}"
        path = written(tmp_path / "log.jsonl", lines)
        found = audited(path, 3)
        assert found.by_one and found.diverged == 1
        assert printed(found) == printed(run.audit(path))

    @pytest.mark.parametrize("write", [big_logs.write_csv, big_logs.write_parquet])
    def test_may_be_a_table(self, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = write(tmp_path / f"log.{write.__name__.removeprefix('write_')}", BIG_LINES[1:])
        monkeypatch.setattr(divided, "CHUNK_LINES", 300)
        found = audited(path, 4, head=BIG_LINES[0])
        assert (found.holds, found.by_one) == (True, "")
        assert printed(found) == printed(run.audit(path, head=BIG_LINES[0]))


def test_the_shipped_logs_give_the_same(tmp_path: Path) -> None:
    logs = sorted((files.ROOT / "logs").glob("*.jsonl"))
    assert logs
    for log in logs:
        assert printed(audited(log, 2)) == printed(run.audit(log))


# ------------------------------------------------------------------------------------------------- what is not divided


def first(*lines: Line) -> Lines:
    """A log of two accounts."""
    return [{"format": 1, "config": small_config()}, *lines]


NOT_DIVISIBLE: dict[str, Line] = {
    "it has a state before it": {"event": DEPOSIT, "before": {"pools": [{"account": "bob", "mode": "cross"}]}},
    "a block begins while an order works": {"event": {"type": "block", "time": 9}, "accepted": True},
    "what it shows is not as the rules say": {
        "event": {"type": "mark_price", "market": "B", "price": "99"},
        "observation": {"pools": [{"account": "alice", "mode": "cross", "collateral": "7"}]},
    },
    "an execution in it is not as the rules say": {
        "event": {"type": "mark_price", "market": "B", "price": "99"},
        "executed": [{**FILL, "size": "11"}],
    },
    "what it shows of all accounts is not as the rules say": {
        "event": {**DEPOSIT, "account": "bob"},
        "observation": {"time": 5, "pools": [{"account": "bob", "mode": "cross", "collateral": "1"}]},
    },
    "what it shows of the run or the vault is not as the rules say": {
        "event": {**DEPOSIT, "account": "bob"},
        "observation": {"vault": {"cash": "1"}},
    },
    "it names what the run does not have": {
        "event": {"type": "mark_price", "market": "B", "price": "99"},
        "executed": [{**FILL, "account": "carol"}],
    },
    "surprise: unknown field": {"event": DEPOSIT, "surprise": 1},
}


@pytest.mark.parametrize("why", NOT_DIVISIBLE)
def test_a_line_that_is_not_divisible_is_followed_by_one_who_says_why(why: str, tmp_path: Path) -> None:
    lines = first({"event": DEPOSIT}, {"event": TRADE}, {"event": BREACH}, NOT_DIVISIBLE[why], {"event": FILL})
    path = written(tmp_path / "log.jsonl", lines)
    found = audited(path, 2)
    assert f"1 of 1 chunk of the log could not be divided by account and had one worker; line 5: {why}" in found.by_one
    assert printed(found) == printed(run.audit(path))


def test_a_block_that_an_order_refuses_is_divided(tmp_path: Path) -> None:
    """EVT-9: the order of any account refuses it, also in the shares of those that have none."""
    block = {"event": {"type": "block", "time": 9}}
    lines = first({"event": DEPOSIT}, {"event": TRADE}, {"event": BREACH}, {**block, "refused": "order_working"})
    bob = {"event": {**DEPOSIT, "account": "bob"}, "observation": {"time": 0}}
    path = written(tmp_path / "log.jsonl", [*lines, bob, {"event": FILL}, {**block, "accepted": True}])
    found = audited(path, 2)
    assert (found.holds, found.by_one, found.coverage.codes) == (True, "", {"order_working": 1})
    assert printed(found) == printed(run.audit(path))
    path = written(tmp_path / "log.jsonl", first({**block, "refused": "order_working"}))
    found = audited(path, 2)
    assert found.by_one and printed(found) == printed(run.audit(path))


class TestALineIsOfOneAccount:
    ROUTES = Routes(["alice", "bob"], 2)

    @pytest.mark.parametrize(
        "text",
        [
            '{"event": {"type": "mark_price", "account": "alice"}}',
            '{"event": {"type": "deposit", "account": "alice"}, "observation": {"pools": [{"account": "bob"}]}}',
            '{"event": {"type": "deposit", "account": "alice"}, "observation": {"vault": {}}}',
            '{"event": {"type": "deposit", "account": "alice"}, "before": {"marks": {}}}',
            '{"event": {"type": "deposit", "acc\\u006funt": "bob"}, "observation": {"pools": [{"account": "alice"}]}}',
            '{"event": {"type": "deposit", "account": "carol"}}',
            '{"event": {"account": "alice"}}',
        ],
    )
    def test_unless_it_may_say_more(self, text: str) -> None:
        assert self.ROUTES.of(text.encode()) is None
        assert self.ROUTES.of(b'{"event": {"type": "deposit", "account": "alice"}}') == 0

    @pytest.mark.parametrize(
        "more",
        [{"event": "{}"}, {"vault.cash": "1"}, {"observation": "{}"}, {"before": "{}"}, {"event.type": "block"}],
    )
    def test_unless_its_row_may(self, more: dict[str, str]) -> None:
        row = {"event.type": "deposit", "event.account": "bob"}
        assert self.ROUTES.of(row) == 1
        assert self.ROUTES.of({**row, **more}) is None


# ----------------------------------------------------------------------------------------------------------- processes


def test_processes_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(divided, "CHUNK_LINES", 500)
    lines = json.loads(json.dumps(BIG_LINES))
    lines[600]["observation"] = {"pools": [{"account": "trader00001", "mode": "cross", "collateral": "1"}]}
    path = written(tmp_path / "log.jsonl", lines)
    outcomes = []
    for options in ([], ["--workers", "2"], ["--workers", "40"], ["--json"], ["--json", "--workers", "2"]):
        status = run_here(monkeypatch, "audit", str(path), *options)
        outcomes.append((status, capsys.readouterr().out))
    assert outcomes[0] == outcomes[1] == outcomes[2] and outcomes[3] == outcomes[4]
    assert outcomes[0][0] == 1


def test_a_worker_that_dies_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("liqspec.audit.shares.data_of", lambda _: os._exit(9))
    path = written(tmp_path / "log.jsonl", first({"event": DEPOSIT}))
    assert run_here(monkeypatch, "audit", str(path), "--workers", "2") == 2
    error = capsys.readouterr().err
    assert error.startswith("liqspec: a worker ended before its result was there") and error.count("\n") == 1


def test_an_interrupt_leaves_no_worker_and_one_line(tmp_path: Path) -> None:
    """The interrupt of a terminal reaches the workers too."""
    code = "from liqspec.audit import divided; divided.CHUNK_LINES = 1; from liqspec.cli import main; main()"
    command = [sys.executable, "-c", code, "audit", "-", "--workers", "2"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, start_new_session=True, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        for line in first({"event": DEPOSIT}, {"event": TRADE}, {"event": DEPOSIT}):
            process.stdin.write(json.dumps(line).encode() + b"\n")
        process.stdin.flush()
        wait_for(lambda: len(in_group(process.pid)) == 3)
        os.killpg(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert (process.returncode, error) == (130, b"liqspec: interrupted\n")
        assert in_group(process.pid) == []


def in_group(group: int) -> list[int]:
    """The processes of a group that have not ended."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = entry.read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(of) == group and state != "Z":
            found.append(int(entry.parent.name))
    return found


def wait_for(done: Any) -> None:
    """Wait until something is so, at most a minute."""
    for _ in range(1_200):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("it took longer than a minute")


# ---------------------------------------------------------------------------------------------------------------- Dask


def test_dask_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    path = written(tmp_path / "log.jsonl", first({"event": DEPOSIT}))
    assert run_here(monkeypatch, "audit", str(path), "--scheduler", "tcp://127.0.0.1:9") == 2
    hint = "liqspec audit --scheduler needs distributed: pip install 'liqspec[dask]'\n"
    assert capsys.readouterr().err == hint


def test_a_dask_cluster_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'liqspec[dask]'")
    monkeypatch.setattr(divided, "CHUNK_LINES", 700)
    path = written(tmp_path / "log.jsonl", BIG_LINES)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, protocol="tcp://"
    ) as cluster:
        found = run.audit(path, scheduler=cluster.scheduler_address)
    assert (found.holds, found.by_one) == (True, "")
    assert printed(found) == printed(run.audit(path))


@pytest.mark.parametrize("address", ["", "127.0.0.1:8786", "tcp://host", "nonsense://x:1"])
def test_an_address_that_is_none_is_one_line(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'liqspec[dask]'")
    path = written(tmp_path / "log.jsonl", first({"event": DEPOSIT}))
    assert run_here(monkeypatch, "audit", str(path), "--scheduler", address) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"liqspec: {address}: not an address: ") and error.count("\n") == 1
