"""Damaged files of every kind that is read: each ends with 0, 1 or 2, in time, and an error is one harmless line."""

import csv
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pa_parquet  # type: ignore[import-untyped]
import pytest

from liqspec.vectors import conversations, suites
from support.commands import run_here
from support.forked import Commands, Ended
from support.mutants import mutants
from support.paths import ROOT, TESTS

FEW, SOME, MANY = 8, 60, 500
SECONDS = 10  # of processor time, for one file
BYTES = 300_000_000  # of memory, for one file, of which the libraries are about 115 million
SPEC = ROOT / "spec"
ENGINE = [sys.executable, str(TESTS / "engines" / "python_engine.py")]


class Kind(NamedTuple):
    """A kind of file: a valid one, the name that it is given, and what reads it; `{}` is the file, `{text}` its text.

    Some are read before an engine is started, which /bin/true is not: then the valid one ends with 2 too.
    """

    original: Callable[[Path], bytes]
    name: str
    command: tuple[str, ...]
    no_engine: bool = False


def shipped(*parts: str) -> Callable[[Path], bytes]:
    return lambda _: SPEC.joinpath(*parts).read_bytes()


def printed(*arguments: str) -> Callable[[Path], bytes]:
    """What a command prints, which another one reads."""

    def made(_: Path) -> bytes:
        from typer.testing import CliRunner  # noqa: PLC0415

        from liqspec.cli.app import app  # noqa: PLC0415

        done = CliRunner().invoke(app, list(arguments))
        assert done.exit_code == 0, done.output
        return done.stdout_bytes

    return made


def question(_: Path) -> bytes:
    vector = json.loads((SPEC / "vectors/small/boundaries/margin-at.json").read_bytes())
    first, second = vector["steps"][:2]
    asked = {"config": vector["config"], "before": first["observation"], "event": second["event"]}
    return json.dumps({**asked, "after": second.get("observation", {})}).encode()


def table(_: Path) -> bytes:
    rows = [
        "event.type,event.account,event.amount,pool.collateral,vault.positions,observation",
        'deposit,maker,200,200,"{}",',
        "withdraw,maker,5,195,,",
        'deposit,trader,7,,,"{""vault"":{""cash"":""1000000""}}"',
    ]
    return "\n".join(rows).encode()


def columns(folder: Path) -> bytes:
    """The same rows as a Parquet file, of which the footer is the greater part."""
    path = folder / "written.parquet"
    rows = csv.DictReader(table(folder).decode().splitlines())
    listed = [{name: value or None for name, value in row.items()} for row in rows]
    pa_parquet.write_table(pa.Table.from_pylist(listed), path)
    return path.read_bytes()


def conversation(_: Path) -> bytes:
    """The requests of a conversation, of each way to describe one."""
    vector = json.loads((SPEC / "vectors/small/protocol/a-byte-order-mark.json").read_bytes())
    sent = [step["line"] for step in vector["steps"] if step["line"].startswith("{")]
    made = [
        {"line": "\ufeff{}"},
        {"bytes": "7b22ff"},
        {"parts": [[" ", 99], ["{}", 1]]},
        {"line": "{", "line_feed": False},
    ]
    return "".join(f"{one}\n" for one in (*sent, *map(json.dumps, made), json.dumps({"close": True}))).encode()


def known(_: Path) -> bytes:
    """The example of the documents."""
    text = (TESTS / "engines" / "README.md").read_text(encoding="utf-8")
    return text.partition("```toml\n")[2].partition("```")[0].encode()


def counts(_: Path) -> bytes:
    """What `verify --json` prints, as far as another command reads it."""
    fired = {"T1": 5, "T2": 0, "T3": 1_000_000}
    return json.dumps({"holds": True, "transitions": fired, "rules": {"LIQ-1": 2}, "violations": []}).encode()


def index(folder: Path) -> bytes:
    """The index of a corpus of a vector and a conversation, which are put there too."""
    listed = {"cases": "small/boundaries/margin-at.json", "conversations": "small/protocol/a-byte-order-mark.json"}
    for name, path in listed.items():
        shutil.copy(SPEC / "vectors" / path, folder / f"{name}.json")
    entries = {name: [{"path": f"{name}.json", "title": "a", "rules": ["LIQ-1"], "steps": 3}] for name in listed}
    return json.dumps({"format": 1, **entries}).encode()


def of_corpus(name: str) -> Callable[[Path], bytes]:
    """A file of that corpus, next to its index."""

    def made(folder: Path) -> bytes:
        (folder / "index.json").write_bytes(index(folder))
        return (folder / f"{name}.json").read_bytes()

    return made


NONE = ("--timeout", "1", "--", "/bin/true")
PLAYED = ("vectors", "run", "--directory", ".")
KINDS = {
    "requests": Kind(conversation, "x.jsonl", ("conform", "--replay", "{}", *NONE), no_engine=True),
    "known divergences": Kind(known, "x.toml", ("conform", "--known", "{}", *NONE), no_engine=True),
    "counts": Kind(counts, "x.json", ("draw", "coverage", "{}")),
    "index": Kind(index, "index.json", (*PLAYED, *NONE), no_engine=True),
    "vector of a corpus": Kind(of_corpus("cases"), "cases.json", (*PLAYED, *NONE), no_engine=True),
    "conversation of a corpus": Kind(
        of_corpus("conversations"), "conversations.json", (*PLAYED, *NONE), no_engine=True
    ),
    "conversation": Kind(of_corpus("conversations"), "conversations.json", (*PLAYED, "--timeout", "1", "--", *ENGINE)),
    "requests that are sent": Kind(conversation, "x.jsonl", ("conform", "--replay", "{}", "--", *ENGINE)),
    "setting": Kind(lambda _: b"liquidation.fee_rate=1/100", "x", ("simulate", "deficit", "--set", "{text}", "--json")),
    "setting of a market": Kind(lambda _: b"markets.BTC.tick=0.5", "x", ("simulate", "deficit", "--set", "{text}")),
    "head": Kind(lambda folder: (folder / "head.json").read_bytes(), "x.json", ("audit", "table.csv", "--head", "{}")),
    "scenario": Kind(shipped("scenarios", "short-squeeze.toml"), "x.toml", ("simulate", "{}")),
    "scenario of prices": Kind(shipped("scenarios", "stale-inputs.toml"), "x.toml", ("simulate", "{}", "--json")),
    "protective orders": Kind(shipped("scenarios", "stop-loss-slips.toml"), "x.toml", ("simulate", "{}")),
    "venue": Kind(shipped("venues", "hyperliquid.toml"), "x.toml", ("venues", "{}")),
    "study": Kind(shipped("studies", "self-protection.toml"), "x.toml", ("study", "{}", "--json")),
    "log": Kind(shipped("logs", "takeover-without-an-order.jsonl"), "x.jsonl", ("audit", "{}")),
    "table": Kind(table, "x.csv", ("audit", "{}", "--head", "head.json")),
    "columns": Kind(columns, "x.parquet", ("audit", "{}", "--head", "head.json")),
    "step": Kind(question, "x.json", ("step", "{}")),
    "recording": Kind(
        printed("simulate", "deficit", "--json"), "x.jsonl", ("draw", "run", "{}", "--html", "-o", "page.html")
    ),
    "vector": Kind(
        shipped("vectors", "small", "boundaries", "margin-at.json"),
        "x.json",
        ("conform", "--replay", "{}", "--", *ENGINE),
    ),
    "finding": Kind(shipped("scenarios", "deficit.toml"), "x.toml", ("conform", "--replay", "{}", "--", *ENGINE)),
}
SLOW = ("columns", "vector", "finding", "study", "conversation", "requests that are sent")
QUICK = [name for name in KINDS if name not in SLOW]


def check(name: str, count: int, folder: Path, run: Callable[..., Ended]) -> None:
    """Damage a file of a kind in a folder, again and again, and see how what reads it ends."""
    kind = KINDS[name]
    head = (SPEC / "logs/takeover-without-an-order.jsonl").read_text(encoding="utf-8").partition("\n")[0]
    (folder / "head.json").write_text(head, encoding="utf-8")
    (folder / "table.csv").write_bytes(table(folder))
    original = kind.original(folder)
    for number, data in enumerate((original, *mutants(original, count, seed=7))):
        (folder / kind.name).write_bytes(data)
        text = data.decode(errors="surrogateescape").replace("\0", "")  # no argument has a zero
        given = {"{}": kind.name, "{text}": text}
        ended = run(*(given.get(one, one) for one in kind.command))
        where = f"mutant {number} of {name}: {ended.status} {ended.err[-300:]}"
        if ended.status not in (0, 1, 2):
            shutil.copy(folder / kind.name, folder / f"failed-{number}")
        assert ended.status in (0, 1, 2), where
        assert ended.seconds < SECONDS, where
        assert ended.peak < BYTES, f"{ended.peak} bytes: {where}"
        assert number or (ended.status == 2) == kind.no_engine, where  # the first one is not damaged
        assert number or not kind.no_engine or "cannot be compared: the engine died" in ended.err, where
        assert ended.status != 2 or ended.err.startswith("liqspec: "), where
        assert ended.status != 2 or ended.err.count("\n") == 1, where
        assert all(one.isprintable() or one in "\n\t\xa0" for one in ended.out + ended.err), where


@pytest.fixture
def run_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Runs a command, of which the memory is not measured."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ended:
        begun = time.process_time()
        status = run_here(monkeypatch, *arguments)
        spent, said = time.process_time() - begun, capsys.readouterr()
        return Ended(status=status, out=said.out, err=said.err, seconds=spent, peak=0)

    return run


@pytest.mark.parametrize("name", QUICK)
def test_a_damaged_file_ends_with_one_line(
    name: str, tmp_path: Path, run_in_this_process: Callable[..., Ended]
) -> None:
    check(name, FEW, tmp_path, run_in_this_process)


@pytest.mark.thorough
@pytest.mark.parametrize("name", KINDS)
def test_many_damaged_files_end_with_one_line(name: str, tmp_path: Path, commands: Commands) -> None:
    check(name, MANY, tmp_path, lambda *arguments: commands.run(tmp_path, *arguments))


@pytest.mark.thorough
def test_a_damaged_parquet_file_is_read_in_another_process(tmp_path: Path, commands: Commands) -> None:
    """As it is used, where each try starts a process; the others fork it."""
    check("columns", SOME, tmp_path, lambda *arguments: commands.run(tmp_path, *arguments, forks=False))


CHECKED = ("index", "vector of a corpus", "conversation of a corpus")


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("name", CHECKED)
def test_a_damaged_corpus_is_checked_with_one_line(
    name: str,
    count: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_in_this_process: Callable[..., Ended],
) -> None:
    """It is stale in any case, because what else the specification makes is not in it; that is not made again here."""
    monkeypatch.setattr(suites, "worked", list)
    monkeypatch.setattr(conversations, "conversations", list)
    kind = KINDS[name]
    original = kind.original(tmp_path)
    for data in (original, *mutants(original, count, seed=11)):
        (tmp_path / kind.name).write_bytes(data)
        ended = run_in_this_process("vectors", "check", ".")
        assert ended.status in (1, 2), (data, ended)
        assert ended.seconds < SECONDS
        assert ended.status == 1 or ended.err.count("\n") == 1
        assert all(one.isprintable() or one == "\n" for one in ended.out + ended.err)
