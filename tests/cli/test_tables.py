"""Tables on narrow terminals: every name in them can be typed as it is printed."""

from collections import Counter
from typing import Any

import pytest
from rich.console import Console

from liqspec.conform import report as conformed
from liqspec.conform.lockstep import Compared
from liqspec.core import machine
from liqspec.core.events import EVENTS
from liqspec.core.refusals import MEANINGS
from liqspec.edge.texts import counted
from liqspec.properties.reach import Reach
from liqspec.properties.registry import PROPERTIES
from liqspec.report.tables import table
from liqspec.search.exploration import Exploration
from liqspec.spec import scenarios, scopes, venues
from liqspec.vectors import report as played
from liqspec.vectors.play import Played
from liqspec.vectors.suites import SUITES
from liqspec.verify import report as verified
from support.commands import run_here

WIDTHS = (40, 60, 80)


def words_of(printed: str) -> list[str]:
    """The words that were printed, without the lines of tables."""
    return printed.replace("│", " ").replace(":", " ").split()


def parts_of(name: str) -> list[str]:
    """The words of a name: a name of several words may be broken between them."""
    return name.split()


def empty_report() -> verified.Report:
    """The result of a verification that did nothing in any scope."""
    counts: dict[str, Any] = {"checked": {}, "transitions": {}, "rules": {}, "refusals": {}}
    results = [Exploration(scope=scopes.load(name), exhausted=True) for name in scopes.names()]
    numbers: dict[str, Any] = {"seed": 1, "steps": 1, "examples": 1, "scenarios": 1}
    return verified.Report(
        venues=[], failures=[], proofs=[], violations=[], scopes=results, reach=Reach(), **numbers, **counts
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["scenarios"], scenarios.names()),
        (["venues"], venues.names()),
        (["properties"], [word for entry in PROPERTIES.values() for word in parts_of(entry.title)]),
        (["explain", "EVT-1"], list(EVENTS)),
        (["explain", "EVT-2"], list(MEANINGS)),
    ],
    ids=lambda given: " ".join(given[:2]),
)
def test_every_name_is_whole(
    width: int,
    arguments: list[str],
    names: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert run_here(monkeypatch, *arguments) == 0
    assert set(names) <= set(words_of(capsys.readouterr().out))


@pytest.mark.parametrize("width", WIDTHS)
def test_every_name_of_a_report_is_whole(width: int) -> None:
    console = Console(width=width, no_color=True, highlight=False)
    with console.capture() as capture:
        verified.print_report(empty_report(), console, full=True)
        conformed.print_coverage(Compared(events=Counter(list(EVENTS))), console)
        cases = [Played(path=f"small/{suite}/one.json", title="", outcome="passed") for suite in SUITES]
        played.print_played("an engine", cases, console)
    names = {*machine.lifecycle().by_id, *MEANINGS, *scopes.names(), *EVENTS, *SUITES}
    assert names <= set(words_of(capture.get()))


def test_no_word_of_a_table_is_broken_and_a_row_that_does_not_fit_becomes_a_block() -> None:
    rows = table("name", "about", "count", right=("count",))
    rows.add_row("a-name-that-is-long", "some words about it", "1,234")
    console = Console(width=44, no_color=True)
    with console.capture() as wide:
        console.print(rows)
    assert [line.split("│")[1:4] for line in wide.get().splitlines()[3:5]] == [
        [" a-name-that-is-long ", " some words ", " 1,234 "],
        [" " * 21, " about it   ", " " * 7],
    ]
    with console.capture() as narrow:
        console.width = 30
        console.print(rows)
    assert narrow.get().splitlines() == ["a-name-that-is-long", "  about: some words about it", "  count: 1,234"]


def test_one_thing_is_counted_in_the_singular() -> None:
    assert [counted(number, "event") for number in (0, 1, 2, 2600)] == [
        "0 events",
        "1 event",
        "2 events",
        "2,600 events",
    ]
