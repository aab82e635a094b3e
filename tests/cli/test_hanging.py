"""Long lines where the width is known: broken between words, and continued below the beginning of their text."""

import pytest
from rich.text import Text

from liqspec.cli.app import terminal
from liqspec.report.hanging import hanging
from support.commands import run_here

COMMANDS = [
    ["simulate", "market-liquidation", "--why", "alice/BTC/cross"],
    ["simulate", "market-liquidation", "--venue", "hyperliquid", "--against", "generic"],
    ["venues", "hyperliquid"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_line_runs_over_where_the_width_is_known(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    run_here(monkeypatch, *command)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_a_pipe_of_unknown_width_gets_each_line_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_here(monkeypatch, *COMMANDS[0])
    piped = capsys.readouterr().out
    assert max(map(len, piped.splitlines())) > 120
    monkeypatch.setenv("COLUMNS", "60")
    run_here(monkeypatch, *COMMANDS[0])
    assert capsys.readouterr().out.split() == piped.split()


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("    LIQ-11 alice/cross is in it", ["    LIQ-11 alice/cross is", "           in it"]),
        ("    alice/cross   equity 1,000 and more", ["    alice/cross   equity", "      1,000 and more"]),
        ("    why    the margin has a bound", ["    why    the margin has", "           a bound"]),
        ("    B FIL-1 is closed at 48,200", ["    B FIL-1 is closed at", "            48,200"]),
        ("  5 fill alice BTC cross size 1,000", ["  5 fill alice BTC cross", "    size 1,000"]),
        ("3.1 (the market) fill alice size 1", ["3.1 (the market) fill", "    alice size 1"]),
        ("rules that acted: ACC-4 EVT-5 FIL-1", ["rules that acted: ACC-4", "  EVT-5 FIL-1"]),
        ("liqspec simulate a-name-longer-than-this.toml", ["liqspec simulate", "  a-name-longer-than-this.toml"]),
        ("short", ["short"]),
        ("", [""]),
    ],
)
def test_a_line_is_continued_below_its_text_and_no_word_is_cut(line: str, lines: list[str]) -> None:
    assert hanging(Text(line), 25).plain.split("\n") == lines


def test_what_is_to_be_copied_stays_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed without markup is a command, a request or a file."""
    monkeypatch.setenv("COLUMNS", "30")
    command = "replay it:  liqspec conform --replay counterexample.toml -- ./engine"
    terminal().print(command, markup=False, soft_wrap=True)
    assert capsys.readouterr().out == f"{command}\n"
