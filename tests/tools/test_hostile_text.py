"""Text from an engine or a file is printed with its controls visible: it cannot act on a terminal, nor add a line."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from liqspec.core.events import EventData
from liqspec.edge.texts import one_line, visible
from liqspec.testing import Model, Refused, check_engine
from support.builders import small_config
from support.commands import run_here
from support.paths import ROOT

# Clears the screen (in both ways), writes backwards, isolates, rings, begins a line.
EVIL = "\x1b[2J\x9b2J\u202e\u2066\x07\r\nevil"

ENGINE = """
import json, os, sys
EVIL, way = json.loads(sys.argv[2]), sys.argv[1]
HELLO = {"ok": True, "protocol": 1, "engine": EVIL, "observes": ["time", "pools.collateral"], "states": "full"}
HELLO["events"] = ["deposit", EVIL] if way == "hello" else ["deposit", "block"]
sys.stderr.write(EVIL + chr(10))

def answer(request):
    if request["op"] != "apply":
        if request["op"] != "reset":
            return HELLO if request.get("protocol", 1) == 1 else {"ok": False, "error": {"code": "bad_request"}}
        pools = [{"account": name, "mode": "cross", "collateral": "0"} for name in request["config"]["accounts"]]
        observation = {"time": request["config"].get("time", 0), "pools": pools}
        return {"ok": True, "effects": [EVIL], "observation": observation}
    if way == "dies":
        sys.exit(EVIL)
    key = {"account": EVIL, "market": EVIL, "mode": "cross"}
    return {
        "skips": {"ok": False, "skipped": EVIL},
        "message": {"ok": False, "error": {"code": "overfill", "message": EVIL}},
        "code": {"ok": False, "error": {"code": EVIL}},
        "internal": {"ok": False, "error": {"code": "internal_error", "message": EVIL}},
        "key": {"ok": True, "observation": {"time": 0, "pools": [{**key, "mode": "isolated", "collateral": "0"}]}},
        "repeated": {"ok": True, "observation": {"time": 0, "pools": [{**key, "mode": "isolated"}] * 2}},
        "value": {"ok": True, "observation": {"time": EVIL, "pools": []}},
        "executes": {"ok": True, "observation": {}, "executed": [{"type": "order_done", **key}]},
        "name": {"ok": EVIL, EVIL: EVIL},
    }.get(way)

for line in sys.stdin:
    reply = answer(json.loads(line))
    print(EVIL if reply is None else json.dumps(reply), flush=True)
    if '"bye"' in line:
        break
"""
WAYS = (
    "hello",
    "skips",
    "message",
    "code",
    "internal",
    "key",
    "repeated",
    "value",
    "executes",
    "name",
    "garbage",
    "dies",
)
SILENT = {"message", "name"}  # what these say is not printed: the code, and the name of an unknown field


def is_harmless(text: str) -> bool:
    """Whether a text has no control but line feeds and tabs, and no line that a hostile text has begun."""
    plain = all(one.isprintable() or one in "\n\t" for one in text)
    return plain and not any(line.startswith("evil") for line in text.splitlines())


@pytest.mark.parametrize("way", WAYS)
def test_what_an_engine_writes_is_printed_visibly(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "engine.py").write_text(ENGINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    engine = [sys.executable, "engine.py", way, json.dumps(EVIL)]
    status = 2 if way == "hello" else 1  # it cannot be compared
    for options in (["--junit", "conform.xml"], ["--json"]):
        assert run_here(monkeypatch, "conform", "--steps", "20", "--shrink", "0", *options, "--", *engine) == status
        said = capsys.readouterr()
        assert is_harmless(said.out) and is_harmless(said.err), said
        assert "evil" in said.out + said.err or way in SILENT
    assert status == 2 or is_harmless(Path("conform.xml").read_text(encoding="utf-8"))
    run_here(monkeypatch, "vectors", "run", "--suite", "essential", "--", *engine)
    said = capsys.readouterr()
    assert is_harmless(said.out) and is_harmless(said.err), said


class Hostile(Model):
    """A Python engine; its texts have an unpaired surrogate too."""

    act: Any = None

    def apply(self, _: EventData) -> object:
        """Apply an event."""
        raise self.act


@pytest.mark.parametrize("error", [ValueError(EVIL + "\ud800"), Refused(EVIL + "\ud800"), Refused("overfill", EVIL)])
def test_what_a_python_engine_raises_is_reported_visibly(error: Exception) -> None:
    with pytest.raises(AssertionError) as failed:
        check_engine(type("Raising", (Hostile,), {"act": error}), steps=20)
    assert is_harmless(str(failed.value)), str(failed.value)


def test_what_a_python_engine_raises_as_it_is_made_is_reported_visibly() -> None:
    def make() -> Model:
        raise ValueError(EVIL)

    with pytest.raises(AssertionError) as failed:
        check_engine(make)
    assert all(one.isprintable() or one in "\n\t" for one in str(failed.value)), str(failed.value)


def test_a_scenario_is_printed_visibly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its title, its notes, its events, and its name."""
    monkeypatch.chdir(tmp_path)
    quoted = json.dumps(EVIL.replace("\r\n", ""))
    event = f'{{ type = "deposit", account = {json.dumps(EVIL)}, amount = {json.dumps(EVIL)} }}'
    text = f'title = {quoted}\nvenue = "generic"\nmarks = {{ BTC = "50000" }}\n[[step]]\nnote = {quoted}\n'
    text += f"event = {event}\n"
    Path("story.toml").write_text(text + 'expect.refused = "bad_request"\n', encoding="utf-8")
    for options in ([], ["--json"]):
        assert run_here(monkeypatch, "simulate", "story.toml", *options) == 0
        said = capsys.readouterr()
        assert is_harmless(said.out) and "evil" in said.out, said
    name = EVIL.replace("\r\n", "\n") + ".toml"
    for contents in ("title = 5\n", "title"):
        Path(name).write_text(contents, encoding="utf-8")
        assert run_here(monkeypatch, "simulate", name) == 2
        assert is_harmless(capsys.readouterr().err)


def test_a_log_and_a_step_are_printed_visibly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    event = {"type": "deposit", "account": EVIL, "amount": EVIL}
    after = {"pools": [{"account": EVIL, "mode": "isolated", "market": EVIL, "collateral": "5"}], "time": 5}
    head = {"format": 1, "engine": EVIL, "config": small_config()}
    deposit = {"type": "deposit", "account": "alice", "amount": "1"}
    lines = [head, {"event": event, "accepted": True}, {"event": deposit, "observation": after}, {EVIL: EVIL}]
    Path("log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    question = {"config": small_config(), "before": {}, "after": after}
    Path("bad.json").write_text(json.dumps({**question, "event": event}), encoding="utf-8")
    Path("good.json").write_text(json.dumps({**question, "event": deposit}), encoding="utf-8")
    for command, status in ((["audit", "log.jsonl"], 2), (["step", "bad.json"], 1), (["step", "good.json"], 1)):
        for options in ([], ["--json"]):
            assert run_here(monkeypatch, *command, *options) == status
            said = capsys.readouterr()
            assert is_harmless(said.out) and is_harmless(said.err), said
            assert "evil" in said.out


@pytest.mark.parametrize(
    "one", ["\x1b", "\x9b", "\x00", "\r", "\n", "\u2028", "\u202a", "\u202e", "\u2066", "\u2069", "\ud800"]
)
def test_what_is_not_printable_is_escaped(one: str) -> None:
    assert visible(f"a{one}b") == one_line(f"a{one}b") == f"a{one.encode('unicode_escape').decode()}b"
    assert visible(f"a{one}b", kept=one) == f"a{one}b"


@pytest.mark.parametrize("text", ["", "equity 1,205 < 1,205.125", "Größe ≥ 永续 🙂"])
def test_what_is_printable_stays(text: str) -> None:
    assert visible(text) == text


def test_a_diagram_is_printed_visibly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The venue's name is in it."""
    name = EVIL.replace("\r\n", "")
    generic = (ROOT / "spec/venues/generic.toml").read_text(encoding="utf-8")
    path = tmp_path / "venue.toml"
    path.write_text(generic.replace('name = "generic"', f"name = {json.dumps(name)}"), encoding="utf-8")
    assert run_here(monkeypatch, "draw", "machine", "--venue", str(path), "--format", "dot") == 0
    printed = capfdbinary.readouterr().out.decode()
    assert "evil" in printed and is_harmless(printed.replace("\xa0", " "))
