"""What is recorded of the model saves a first comparison most of the time, and hides nothing."""

import platform
import re
from pathlib import Path

import pytest
from attrs import evolve

from adversaries.measure_conform import command
from liqspec.conform import configurations, recording
from liqspec.conform.kept import RECORDED, Kept, Runs, options_of
from liqspec.conform.lockstep import Comparison
from liqspec.conform.recording import MODEL
from liqspec.conform.search import BLOCKS, LENGTH, Block, Budget, Outcome, Search
from liqspec.conform.session import LiveEngine
from liqspec.core import arithmetic
from liqspec.edge import sources
from liqspec.generate.random_runs import length_of
from support.foreign_engines import Command, c_engine, javascript_engine, python_engine
from support.paths import ROOT

pytestmark = pytest.mark.usefixtures("without_the_protocols_suite")

STALE = "the rules or the random runs are others than those of spec/recorded: `make recorded` writes it again"


def compared(live: LiveEngine, folder: Path | None, **budget: int) -> Search:
    """A comparison that begins as one of the command."""
    setting, comparison = configurations.of(live.hello, None), Comparison.of(live.hello)
    kept = None if folder is None else Kept.of(folder, setting, comparison, live.hello.events, 1, LENGTH)
    return Search(
        engine=live,
        events=live.hello.events,
        setting=setting,
        comparison=comparison,
        budget=Budget(**{"steps": 2_000, "shrink_seconds": 0, **budget}),
        malformed=False,
        kept=kept,
    )


def outcome(engine: Command, folder: Path | None, **budget: int) -> Outcome:
    with LiveEngine(engine, 10) as live:
        return compared(live, folder, **budget).run()


@pytest.mark.parametrize("language", ["c", "javascript", "python"])
def test_a_first_comparison_computes_nothing_and_says_the_same(
    language: str, tmp_path: Path, played: list[str]
) -> None:
    engines = {"javascript": javascript_engine, "python": python_engine}
    engine = engines.get(language, lambda: c_engine(tmp_path))()
    first = outcome(engine, tmp_path / "kept")
    assert len(played) == 1, f"the last run alone, which is cut; {STALE}"
    assert first.coverage.to_json() == outcome(engine, None).coverage.to_json()
    assert not first.findings


@pytest.mark.parametrize("first", [BLOCKS[0], sum(BLOCKS) + 40 * BLOCKS[-1]])
def test_what_is_recorded_is_what_would_be_sent_and_what_is_right(first: int, tmp_path: Path) -> None:
    """Of some blocks: all of them take minutes."""
    count = BLOCKS[1] if first == BLOCKS[0] else BLOCKS[-1]
    block = Block(tuple((number, length_of(number, LENGTH)) for number in range(first, first + count)), malformed=False)
    with LiveEngine(MODEL, 10) as live:
        search = compared(live, tmp_path)
        assert search.kept and search.kept.recorded
        recorded = read(search.kept.recorded, first)
        assert recorded, STALE
        search.kept = evolve(search.kept, recorded=None)
        part = search.block(block)
        assert not part.found
        assert read(search.kept, first) == recorded


def read(kept: Kept, first: int) -> Runs:
    with kept.block(first, [], malformed=False) as runs:
        return runs


def test_every_file_is_of_one_comparison() -> None:
    with LiveEngine(MODEL, 10) as live:
        options = options_of(
            configurations.of(live.hello, None), Comparison.of(live.hello), live.hello.events, 1, LENGTH
        )
    kept, runs = Kept.of_model(options), Runs()
    for path in sorted(RECORDED.glob("*.xz")):
        first = int(re.sub(r"\D", "", path.name))
        found = read(kept, first)
        assert found and min(number for number, _ in found) == first, STALE
        runs |= found
    assert [number for number, _ in sorted(runs)] == [*range(len(runs))]
    assert sum(length for _, length in runs) == recording.STEPS


@pytest.mark.parametrize("wrong", ["B01", "B27", "B80", "X16"])
def test_a_wrong_engine_is_found_as_without_what_is_recorded(wrong: str, tmp_path: Path) -> None:
    engine = command(wrong)
    found, fresh = outcome(engine, tmp_path / "kept"), outcome(engine, None)
    assert found.findings
    assert [(one.where, one.headline, one.events, one.reply) for one in found.findings] == [
        (one.where, one.headline, one.events, one.reply) for one in fresh.findings
    ]


@pytest.mark.parametrize("changed", ["the rules", "a table", "Python"])
def test_what_is_recorded_of_other_rules_is_not_used(
    changed: str, tmp_path: Path, played: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if changed == "the rules":
        of, source = sources._files, Path(arithmetic.__file__)
        monkeypatch.setattr(sources, "_files", lambda *given: [path for path in of(*given) if path != source])
    elif changed == "a table":
        of_table, table = Path.read_bytes, ROOT / "spec/machine.toml"
        monkeypatch.setattr(Path, "read_bytes", lambda path: of_table(path) + b"#" * (path == table))
    else:
        monkeypatch.setattr(platform, "python_version_tuple", lambda: ("3", "99", "0"))
    outcome(python_engine(), tmp_path / "kept", steps=200)
    assert len(played) == 5


@pytest.mark.parametrize("damage", [b"", b"nothing", None])
def test_what_is_recorded_and_damaged_or_gone_is_computed(
    damage: bytes | None, tmp_path: Path, played: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liqspec.conform.kept.RECORDED", tmp_path)
    if damage is not None:
        (tmp_path / "runs-000000.xz").write_bytes(damage)
    assert not outcome(python_engine(), tmp_path / "kept", steps=200).findings
    assert len(played) == 5


def test_recording_writes_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liqspec.conform.kept.RECORDED", tmp_path)
    (tmp_path / "runs-000999.xz").write_bytes(b"of other rules")
    recording.record(400)
    assert [path.name for path in tmp_path.iterdir()] == ["runs-000000.xz"]
    assert (tmp_path / "runs-000000.xz").read_bytes() == (RECORDED / "runs-000000.xz").read_bytes(), STALE
