"""What the command says where something is unknown, missing or mistyped: what to do."""

import sys
from pathlib import Path

import pytest

from liqspec.spec import scenarios, scopes
from liqspec.verify import run as verify_run
from support.commands import run_here

STORY = """
title = "A story"
venue = "generic"
marks = { BTC = "50000" }
[[step]]
event = { type = "deposit", account = "alice", amount = "100" }
[[step]]
[step.event]
type = "trade"
account = "alice"
market = "BTC"
mode = "cross"
size = "0.001"
price = "50000"
leverage = 1
[end]
transitions = ["T0"]
"""


@pytest.mark.parametrize(
    ("library", "arguments", "said"),
    [
        (
            "matplotlib",
            ["draw", "run", "deficit"],
            "liqspec draw run needs matplotlib: pip install 'liqspec[pictures]'",
        ),
        (
            "pyarrow",
            ["audit", "x.parquet"],
            "liqspec audit of a Parquet file needs pyarrow: pip install 'liqspec[logs]'",
        ),
    ],
)
def test_a_missing_library_is_one_line_and_status_2(
    library: str,
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "x.parquet").write_text("event.type\n", encoding="utf-8")
    (tmp_path / "head.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("liqspec.draw.timeline", "liqspec.audit.parquet"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr("liqspec.draw.timeline", raising=False)
    monkeypatch.delattr("liqspec.audit.parquet", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    if library == "pyarrow":
        monkeypatch.setattr("liqspec.audit.log.Head.from_json", lambda *_: None, raising=False)
        arguments = [*arguments, "--head", "head.json"]
    assert run_here(monkeypatch, *arguments) == 2
    assert capsys.readouterr().err == said + "\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["simulate", "deficitt"], "did you mean deficit?"),
        (["draw", "machine", "--venue", "hyperlquid"], "did you mean hyperliquid?"),
        (["explain", "LIQ-" + "33"], "did you mean LIQ-3?"),
        (["explain", "below_backstopp"], "did you mean below_backstop?"),
    ],
)
def test_what_is_unknown_gets_the_closest_name(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, *arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("BKS", "BKS-1 "),
        ("cooldown", "state cooldown: "),
        ("below_backstop", "guard below_backstop (BKS-1): "),
        ("off_grid", "refusal off_grid: "),
        (
            "no_price",
            "refusal no_price: none of the three candidates for the mark exists\nanswers: price_inputs (MRK-6)\n",
        ),
        (
            "price_inputs",
            "event price_inputs: Prices of one market, each optional, from which its mark is formed (MRK-1).",
        ),
        ("mark.max_move", "parameter mark.max_move (MRK-7): "),
        ("cooldown_ms", "parameter cooldown_ms (CLD-"),
        ("liquidation.cooldown_ms", "parameter liquidation.cooldown_ms (CLD-"),
    ],
)
def test_explain_knows_groups_states_guards_codes_and_parameters(
    name: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "explain", name) == 0
    assert capsys.readouterr().out.startswith(said)


def test_explain_of_a_name_of_two_kinds_says_both(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "explain", "marks") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("field of an observation marks (MRK-6): ")
    assert second.startswith("event: New mark prices of several markets at once")
    assert second.endswith("Fields: prices. Refused as: bad_request, unknown_market, off_grid, not_positive.")


def test_explain_separates_what_decides_from_what_mentions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(monkeypatch, "explain", "CLD-3") == 0
    decided, mentioned = capsys.readouterr().out.partition("Decided in")[2].split("Mentioned in")
    assert "core/assessment.py" in decided
    assert "core/" in decided and "step/" not in decided
    assert "checker/" in mentioned


def test_the_end_of_a_scenario_can_name_all_its_transitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SCN-2."""
    path = tmp_path / "story.toml"
    path.write_text(STORY, encoding="utf-8")
    assert scenarios.load(str(path)).file.end.transitions == ("T0",)
    assert run_here(monkeypatch, "simulate", str(path)) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["draw", "machine", "-o", "m.png", "--format", "mermaid"], "the name says png, but --format says mermaid"),
        (["draw", "machine", "-o", "m.txt"], "give a name that ends in .svg, .png, .pdf"),
        (["draw", "run", "deficit", "--html", "-o", "x.png"], "the name says png, but --html says html"),
        (["draw", "run", "deficit", "-o", "x.txt"], "give a name that ends in .svg, .png"),
    ],
)
def test_a_picture_is_refused_where_its_name_and_its_format_differ(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_here(monkeypatch, *arguments) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_format_of_a_picture_is_that_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.png"
    assert run_here(monkeypatch, "draw", "machine", "-o", str(path)) == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_a_run_is_not_poured_into_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run_here(monkeypatch, "draw", "run", "deficit") == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        "liqspec: svg is not for a terminal: give a file with -o, or redirect the output\n",
    )


def test_a_verification_without_z3_says_that_nothing_was_proved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "z3" or name == "liqspec.proofs.symbolic"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "z3", None)
    monkeypatch.setattr(scopes, "names", list)
    monkeypatch.setattr(verify_run, "STEPS", 1)
    arguments = ["--processes", "1", "--json", "--save", str(tmp_path / "x.toml")]
    run_here(monkeypatch, "verify", *arguments)
    captured = capsys.readouterr()
    assert '"proofs": []' in captured.out
    assert "THE PROOFS WERE NOT RUN: they need z3-solver: pip install 'liqspec[prove]'" in captured.err
