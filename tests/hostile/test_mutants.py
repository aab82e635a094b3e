"""Damaged files of every kind that is read: each ends with 0, 1 or 2, in time, and an error is one harmless line."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from support.commands import run_here
from support.mutants import mutants
from support.paths import ROOT, TESTS

FEW, SOME, MANY = 30, 60, 500
SECONDS = 10  # of processor time, for one file
SPEC = ROOT / "spec"
ENGINE = [sys.executable, str(TESTS / "engines" / "python_engine.py")]


class Kind(NamedTuple):
    """A kind of file: a valid one, the name that it is given, and what reads it; `{}` is the file, `.` its folder."""

    original: Callable[[Path], bytes]
    name: str
    command: tuple[str, ...]


def shipped(*parts: str) -> Callable[[Path], bytes]:
    return lambda _: SPEC.joinpath(*parts).read_bytes()


def printed(*arguments: str) -> Callable[[Path], bytes]:
    """What a command prints, which another one reads."""

    def made(_: Path) -> bytes:
        from typer.testing import CliRunner  # noqa: PLC0415

        from liqspec.cli.app import app  # noqa: PLC0415

        return CliRunner().invoke(app, list(arguments)).stdout_bytes

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


KINDS = {
    "scenario": Kind(shipped("scenarios", "short-squeeze.toml"), "x.toml", ("simulate", "{}")),
    "scenario of prices": Kind(shipped("scenarios", "stale-inputs.toml"), "x.toml", ("simulate", "{}", "--json")),
    "protective orders": Kind(shipped("scenarios", "stop-loss-slips.toml"), "x.toml", ("simulate", "{}")),
    "venue": Kind(shipped("venues", "hyperliquid.toml"), "x.toml", ("venues", "{}")),
    "study": Kind(shipped("studies", "partial-orders.toml"), "x.toml", ("study", "{}", "--json")),
    "log": Kind(shipped("logs", "takeover-without-an-order.jsonl"), "x.jsonl", ("audit", "{}")),
    "table": Kind(table, "x.csv", ("audit", "{}", "--head", "head.json")),
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
QUICK = [name for name in KINDS if name not in ("vector", "finding", "study")]


def check(
    name: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = KINDS[name]
    monkeypatch.chdir(tmp_path)
    head = (SPEC / "logs/takeover-without-an-order.jsonl").read_text(encoding="utf-8").partition("\n")[0]
    Path("head.json").write_text(head, encoding="utf-8")
    original = kind.original(tmp_path)
    for number, data in enumerate((original, *mutants(original, count, seed=7))):
        Path(kind.name).write_bytes(data)
        begun = time.process_time()
        status = run_here(monkeypatch, *(kind.name if one == "{}" else one for one in kind.command))
        spent, said = time.process_time() - begun, capsys.readouterr()
        where = f"mutant {number} of {name}: {said.err[-300:]}"
        if status not in (0, 1, 2):
            shutil.copy(kind.name, tmp_path / f"failed-{number}")
        assert status in (0, 1, 2), where
        assert spent < SECONDS, where
        assert number or status != 2, where  # the first one is not damaged
        assert status != 2 or said.err.startswith("liqspec: "), where
        assert status != 2 or said.err.count("\n") == 1, where
        assert all(one.isprintable() or one in "\n\t\xa0" for one in said.out + said.err), where


@pytest.mark.parametrize("name", QUICK)
def test_a_damaged_file_ends_with_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check(name, FEW, tmp_path, monkeypatch, capsys)


@pytest.mark.thorough
@pytest.mark.parametrize("name", KINDS)
def test_many_damaged_files_end_with_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check(name, MANY if name in QUICK else SOME, tmp_path, monkeypatch, capsys)
