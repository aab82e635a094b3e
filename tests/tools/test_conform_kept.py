"""What is kept of an engine that was right is not computed again, and hides nothing that it does otherwise later."""

import json
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from liqspec.cli.conform import FRESH
from liqspec.conform import configurations, kept, search, tape
from liqspec.conform.kept import Kept
from liqspec.conform.lockstep import Comparison
from liqspec.conform.search import Block, Budget, Outcome, Search
from liqspec.conform.session import LiveEngine
from liqspec.edge import limits, sources, writing
from liqspec.edge.errors import InvalidInput
from liqspec.search.minimise import FailingRun
from support.commands import run_here
from support.foreign_engines import Command, c_engine, javascript_engine, python_engine
from support.paths import ROOT, TESTS

pytestmark = pytest.mark.usefixtures("without_the_protocols_suite")

FEW = (
    "conform",
    "--steps",
    "60",
    "--malformed",
    "off",
    "--processes",
    "1",
    "--seed",
    "9",
)  # of which nothing is recorded
STEPS = 700  # of runs without and with malformed events
SERVED = """
import sys
from liqspec.conform.oracle import Oracle, serve
from liqspec.step.wrong_engines import EVERY
if {wrong!r}:
    EVERY[{wrong!r}].install()
serve(Oracle(sys.stderr, with_effects=False, with_prices=True), sys.stdin.buffer, sys.stdout.buffer)
"""
CHANGED = """
import json, sys, time
sys.path.insert(0, {tests!r})
from engines.python_engine import Session
session, resets, applied, text = Session(), 0, 0, json.dumps
for line in sys.stdin.buffer:
    op, reply = json.loads(line).get("op"), session.reply(line.rstrip(b"\\n"))
    resets, applied = resets + (op == "reset"), applied + (op == "apply")
    {change}
    print(text(reply), flush=True)
    if session.over:
        break
"""
REFUSED = 'reply = {"ok": False, "error": {"code": "overfill", "message": "no"}}'


def model(wrong: str = "") -> Command:
    """The command that is the model, or one of the wrong engines."""
    return [sys.executable, "-c", SERVED.format(wrong=wrong)]


def engine(change: str = "pass") -> Command:
    """The command of an engine that is right, except for a change; `resets` and `applied` count its requests."""
    return [sys.executable, "-c", CHANGED.format(tests=str(TESTS), change=change)]


def search_of(
    live: LiveEngine, folder: Path | None, *, every: bool = False, malformed: bool = True, **budget: Any
) -> Search:
    """A search without the time to make a finding short."""
    setting, comparison = configurations.of(live.hello, None), Comparison.of(live.hello)
    return Search(
        engine=live,
        events=live.hello.events,
        setting=setting,
        comparison=comparison,
        budget=Budget(**{"steps": STEPS, "shrink_seconds": 0, **budget}),
        kept=None if folder is None else Kept.of(folder, setting, comparison),
        every=every,
        malformed=malformed,
    )


def searched(command: Command, folder: Path | None, *, timeout: float = 5, **options: Any) -> Outcome:
    """The outcome of such a search."""
    with LiveEngine(command, timeout) as live:
        return search_of(live, folder, **options).run()


def parts(outcome: Outcome) -> dict[str, Any]:
    """All that a search reports, without what the process had written last."""
    return {
        "counts": outcome.coverage.to_json(),
        "found": [
            (one.kind, one.where, one.headline, one.note, one.config, one.events, one.applied, one.reply, one.reasons)
            for one in outcome.findings
        ],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


# ------------------------------------------------------------------------------------------------------- what is right


@pytest.mark.parametrize("language", ["c", "javascript", "python"])
def test_the_second_time_nothing_is_computed_and_the_same_is_said(
    language: str, folder: Path, tmp_path: Path, played: list[str]
) -> None:
    command = {"javascript": javascript_engine, "python": python_engine}.get(language, lambda: c_engine(tmp_path))()
    without = parts(searched(command, None))
    assert parts(searched(command, folder)) == without
    assert len(played) == 2 * without["counts"]["runs"]
    played.clear()
    assert parts(searched(command, folder)) == without
    assert played == []


@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_command_prints_the_same_bytes(
    processes: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("conform", "--steps", "900", "--json", "--processes", processes)
    said = []
    for more in ((), ("--kept", str(folder)), ("--kept", str(folder))):
        assert run_here(monkeypatch, *options, *more, "--", *c_engine(tmp_path)) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] == said[2]
    assert len(list(folder.iterdir())) > 1


def test_more_steps_continue_with_what_is_kept_of_fewer(folder: Path, played: list[str]) -> None:
    few = parts(searched(engine(), folder, steps=300))
    played.clear()
    more = parts(searched(engine(), folder))
    assert 0 < few["counts"]["runs"] - (more["counts"]["runs"] - len(played)) < 4, (
        "runs that were shorter, or malformed"
    )
    assert more == parts(searched(engine(), None))
    played.clear()
    assert parts(searched(engine(), folder, steps=300)) == few
    assert played == []


def test_a_budget_goes_to_new_runs(folder: Path, played: list[str]) -> None:
    searched(engine(), folder, steps=None, seconds=2.0)
    assert not list(folder.glob("*malformed*")), "their numbers depend on the time"
    first = {f"run {number} of seed 1" for number in numbers_in(folder)}
    played.clear()
    searched(engine(), folder, steps=None, seconds=2.0, malformed=False)
    assert first and first.isdisjoint(played)


def numbers_in(folder: Path) -> list[int]:
    """The numbers of the runs that are kept."""
    heads = [json.loads(lzma.decompress(path.read_bytes()).split(b"\n")[0]) for path in folder.iterdir()]
    return [run["number"] for head in heads for run in head["runs"]]


def test_earlier_runs_are_what_was_played(folder: Path) -> None:
    """A finding may depend on them, and is saved with them."""
    for block in (Block(((0, 40), (1, 40), (2, 40)), malformed=True), Block(((13, 60), (17, 40)), malformed=False)):
        histories = []
        for _ in range(2):
            with LiveEngine(engine(), 5) as live:
                made = search_of(live, folder)
                made.block(block)
            histories.append(list(made._history))
        assert [run.played() for run in histories[1] if not isinstance(run, FailingRun)] == histories[0]


# -------------------------------------------------------------------------------------------------- what is wrong later


@pytest.mark.parametrize(("wrong", "every"), [("B01", True), ("B27", False), ("B80", False), ("X16", False)])
def test_a_wrong_engine_is_found_as_without_what_is_kept(wrong: str, every: bool, folder: Path) -> None:
    assert parts(searched(model(), folder))["found"] == []
    found = parts(searched(model(wrong), folder, every=every))
    assert found["found"]
    assert found == parts(searched(model(wrong), None, every=every))


def test_a_bug_in_another_language_is_found_as_without_what_is_kept(folder: Path) -> None:
    assert parts(searched(javascript_engine(), folder))["found"] == []
    found = parts(searched(javascript_engine("wrong_engine.js"), folder))
    assert found["found"]
    assert found == parts(searched(javascript_engine("wrong_engine.js"), None))


@pytest.mark.parametrize(
    "change",
    {
        "once": f"if applied == 123: {REFUSED}",
        "the last of a run": f"if applied == 40: {REFUSED}",
        "after many runs": f'if resets > 4 and op == "apply": {REFUSED}',
        "at a start": f'if resets == 4 and op == "reset": {REFUSED}',
        "a word too many": "if applied == 40: print(text(reply), flush=True)",
        "a word too many at a start": 'if resets == 3 and op == "reset": print(text(reply), flush=True)',
        "an end": "if applied == 91: sys.exit(3)",
        "an end at a start": 'if resets == 4 and op == "reset": sys.exit(3)',
        "silence": "if applied == 91: time.sleep(60)",
        "a late reply": "if applied == 91: time.sleep(3)",
        "garbage": 'if applied == 91: print("what?", end="")',
        "a closed output": "if applied == 91: sys.stdout.close(); time.sleep(60)",
    }.items(),
    ids=lambda change: change[0],
)
def test_what_depends_on_earlier_requests_is_found_as_without_what_is_kept(
    change: tuple[str, str], folder: Path
) -> None:
    searched(engine(), folder)
    found = parts(searched(engine(change[1]), folder, timeout=2))
    assert found["found"]
    other = parts(searched(engine(change[1]), None, timeout=2))
    if change[0].startswith("a word too many"):  # in which run it is noticed depends on the time
        found, other = (
            {"found": [(one[0], one[2].partition(":")[0]) for one in each["found"]]} for each in (found, other)
        )
    assert found == other


def test_what_says_something_else_is_judged(folder: Path, played: list[str]) -> None:
    searched(engine(), folder)
    played.clear()
    skips = 'if op == "apply": reply = {"ok": False, "skipped": "no"}'
    assert parts(searched(engine(skips), folder)) == parts(searched(engine(skips), None))
    assert len(played) % 2 == 0 and played[: len(played) // 2] == played[len(played) // 2 :]


OTHERWISE = {
    "compact": "text = lambda reply: json.dumps(reply, separators=(',', ':'))",
    "spaces": "text = lambda reply: json.dumps(reply, separators=(' , ', ' : '))",
    "another order": "text = lambda reply: json.dumps(reply, sort_keys=True)",
    "compact, in another order": "text = lambda reply: json.dumps(reply, separators=(',', ':'), sort_keys=True)",
    "not escaped": "text = lambda reply: json.dumps(reply, ensure_ascii=False)",
    "no effects": "reply.pop('effects', None)",
    "more fields": "reply |= {'at': time.time()}",
    "nothing executed": "text = lambda reply: json.dumps(reply | {'executed': []}, separators=(',', ':'))",
}


@pytest.mark.parametrize("way", OTHERWISE)
def test_what_says_the_same_in_other_words_is_right_again(way: str, folder: Path, played: list[str]) -> None:
    right = parts(searched(engine(), folder))
    played.clear()
    assert parts(searched(engine(OTHERWISE[way]), folder)) == right
    assert played == []


WRONG_WORDS = {
    "not JSON": """text = lambda reply: dumps(reply).replace('"effects"', 'effects', applied == 91)""",
    "garbage after it": 'text = lambda reply: dumps(reply) + "}" * (applied == 91)',
    "a repeated key": """text = lambda reply: dumps(reply)[:-1] + ',"ok":true' * (applied == 91) + "}\"""",
    "a float": 'if applied == 91: reply["observation"]["block"] += 0.0',
    "an amount as a number": 'if applied == 91: reply["observation"]["vault"]["cash"] = 0',
    "one executed": 'if applied == 91: reply["executed"] = [{"type": "block"}]',
    "a field less": 'if applied == 91: del reply["observation"]["vault"]["cash"]',
    "a field more": 'if applied == 91: reply["observation"]["vault"]["sum"] = "0"',
    "a table for a list": 'if applied == 91: reply["observation"]["pools"] = {}',
    "no observation": 'if applied == 91: del reply["observation"]',
    "refused as well": 'if applied == 91: reply["ok"] = False',
    "a number as a code": 'if applied == 91: reply = {"ok": False, "error": {"code": 7}}',
}


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("way", WRONG_WORDS)
def test_wrong_words_are_found_as_without_what_is_kept(way: str, compact: bool, folder: Path) -> None:
    separators = (",", ":") if compact else (", ", ": ")
    change = f"text = dumps = lambda reply: json.dumps(reply, separators={separators}); {WRONG_WORDS[way]}"
    change = change.replace("; if applied == 91:", "\n    if applied == 91:")
    searched(engine(), folder)
    found = parts(searched(engine(change), folder))
    assert found["found"]
    assert found == parts(searched(engine(change), None))


@pytest.mark.parametrize("way", ["executes its orders", "skips"])
def test_runs_that_are_played_in_lock_step_are_not_kept(way: str, folder: Path) -> None:
    command = [sys.executable, str(TESTS / "support" / "misbehaving_engine.py"), way]
    for _ in range(2):
        assert parts(searched(command, folder)) == parts(searched(command, None))
        assert list(folder.iterdir()) == []


# ------------------------------------------------------------------------------------------------------------- the time


def test_a_run_that_was_cut_is_not_kept(folder: Path) -> None:
    slow = engine('time.sleep(0.05 * (op == "apply"))')
    assert searched(slow, folder, steps=None, seconds=0.5).findings == []
    assert list(folder.iterdir()) == []


def test_a_run_that_was_cut_between_two_events_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(10))
    monkeypatch.setattr(search, "_is_past", lambda _: next(moments, None) is None)
    with LiveEngine(engine(), 5) as live:
        part = search_of(live, folder).block(Block(((0, 40),), malformed=False))
    assert 0 < part.coverage.steps <= 10
    assert list(folder.iterdir()) == []


def test_a_kept_run_is_cut_too(folder: Path) -> None:
    searched(engine(), folder)
    slow = engine('time.sleep(0.05 * (op == "apply"))')
    outcome = searched(slow, folder, steps=None, seconds=0.5)
    assert (outcome.findings, outcome.interrupted) == ([], False)
    assert outcome.unchecked[0].startswith("a whole run: none ended within")


REPEATS = tape.Tape.repeats


def sent(one: tape.Tape, run: tape.KeptRun) -> bool:
    """Send a run, and find its replies otherwise."""
    return REPEATS(one, evolve(run, replies=[*run.replies[:-1], "otherwise"]))


def test_one_that_differs_is_cut_with_what_it_was_sent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The replies to the rest are nobody's fault."""
    with LiveEngine(engine(), 5) as live:
        search_of(live, folder).block(Block(((0, 40),), malformed=False))
        made = search_of(live, folder)
        monkeypatch.setattr(tape.Tape, "repeats", sent)
        monkeypatch.setattr(search, "_is_past", lambda moment: True)
        part = made.block(Block(((0, 40),), malformed=False))
        assert (part.found, part.finished, part.coverage.steps) == ([], 0, 0)
        assert made._unsettled, "so that the next block begins with a new process"


# ------------------------------------------------------------------------------------------------------------ the files


def forged(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    head, rest = lzma.decompress(data).split(b"\n", 1)
    about = json.loads(head)
    change(about["runs"][0])
    return lzma.compress(json.dumps(about).encode() + b"\n" + rest)


def unpacked(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return lzma.compress(change(lzma.decompress(data)))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[:-100],
    "cut early": lambda data: data[:5],
    "not compressed": lzma.decompress,
    "a byte changed": lambda data: data[:999] + bytes([data[999] ^ 1]) + data[1000:],
    "nothing in it": lambda _: lzma.compress(b""),
    "no UTF-8": lambda data: unpacked(data, lambda text: b"\xff" + text),
    "no JSON": lambda data: unpacked(data, lambda text: text[1:]),
    "a list": lambda _: lzma.compress(b"[1]\n"),
    "another format": lambda data: unpacked(data, lambda text: text.replace(b'"format": 2', b'"format": 3')),
    "nested": lambda _: lzma.compress(b"[" * 100_000 + b"\n"),
    "huge": lambda _: lzma.compress(bytes(200_000_000), preset=0),
    "no requests": lambda data: unpacked(data, lambda text: text.split(b"\n")[0] + b"\n"),
    "no runs": lambda data: unpacked(data, lambda text: text.replace(b'"runs"', b'"none"', 1)),
    "a reply less": lambda data: forged(data, lambda run: run["replies"].pop()),
    "no replies": lambda data: forged(data, lambda run: run.update(requests=0, replies=[])),
    "counts below 0": lambda data: forged(data, lambda run: run.update(requests=-1)),
    "a text of counts": lambda data: forged(data, lambda run: run.update(exercised="much")),
    "another run's number": lambda data: forged(data, lambda run: run.update(number=[])),
    "another run's requests": lambda data: unpacked(data, lambda text: text.replace(b'"amount":"', b'"amount":"9')),
    "requests that are not JSON": lambda data: unpacked(data, lambda text: text.replace(b'{"op":"apply"', b"apply")),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_damaged_file_is_refused_in_one_line_and_stays(
    damage: str, processes: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = (*FEW, "--kept", str(folder), "--processes", processes)
    run_here(monkeypatch, *options, "--", *python_engine())
    (file,) = folder.iterdir()
    file.write_bytes(damaged := DAMAGES[damage](file.read_bytes()))
    capsys.readouterr()
    assert run_here(monkeypatch, *options, "--", *python_engine()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith((f"liqspec: {file}: ", "liqspec: what --kept has of run 0 is damaged: "))
    assert file.read_bytes() == damaged


@pytest.mark.parametrize("name", ["notes.txt", "runs-1.json", "runs-000010.xz"])
def test_a_folder_with_other_files_is_refused_before_anything_is_done(
    name: str, folder: Path, played: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / name).mkdir(parents=True)
    (folder / ".hidden").write_bytes(b"")
    assert run_here(monkeypatch, "conform", "--steps", "60", "--kept", str(folder), "--", *python_engine()) == 2
    why = "is not a file that conform --kept has written; give another folder"
    assert capsys.readouterr().err == f"liqspec: {folder / name}: {why}\n"
    assert played == []


def test_a_folder_that_cannot_be_made_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write_bytes(b"")
    assert run_here(monkeypatch, "conform", "--steps", "60", "--kept", str(folder), "--", *python_engine()) == 2
    assert capsys.readouterr().err == f"liqspec: {folder}: file exists\n"


@pytest.mark.parametrize(
    "options", [("--seed", "2"), ("--venue", "generic"), ("--compare", "code"), ("--tolerance", "pools.equity=0.01")]
)
def test_what_is_kept_of_another_comparison_is_replaced(
    options: tuple[str, ...], folder: Path, played: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("conform", "--steps", "60", "--processes", "1", "--kept", str(folder))
    run_here(monkeypatch, *command, "--", *python_engine())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for times in (1, 0):
        played.clear()
        assert run_here(monkeypatch, *command, *options, "--", *python_engine()) == 0
        assert bool(played) == bool(times)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after.keys() == before.keys()
    assert not [name for name in after if after[name] == before[name]]


def test_what_is_kept_of_other_sources_is_replaced(
    folder: Path, played: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched(engine(), folder)
    played.clear()
    monkeypatch.setattr(sources, "_PACKAGE", tmp_path)
    runs = searched(engine(), folder).coverage.runs
    assert len(played) == runs


def test_the_files_have_a_largest_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched(engine(), folder)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    most = sum(sizes.values()) - 1
    monkeypatch.setattr(kept, "MOST", most)
    assert parts(searched(engine(), folder)) == parts(searched(engine(), None))
    assert 0 < sum(path.stat().st_size for path in folder.iterdir()) <= most
    assert parts(searched(engine(), folder)) == parts(searched(engine(), None))


def test_a_file_that_goes_while_it_is_counted_is_no_hindrance(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process writes under another name first, which is gone when the file is complete."""
    folder.mkdir()
    iterdir = Path.iterdir

    def with_one_more(self: Path) -> list[Path]:
        return [*iterdir(self), *([self / ".runs-000000.xz.gone"] if self == folder else [])]

    monkeypatch.setattr(Path, "iterdir", with_one_more)
    outcome = searched(engine(), folder, steps=60)
    assert (outcome.findings, outcome.unwritten) == ([], [])
    assert (folder / "runs-000000.xz").is_file()


def test_no_file_is_larger_than_what_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched(engine(), folder)
    monkeypatch.setattr(limits, "FILE_BYTES", 10_000)
    with pytest.raises(InvalidInput, match="is damaged"):
        searched(engine(), folder)
    for path in folder.iterdir():
        path.unlink()
    searched(engine(), folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("processes", ["1", "2"])
def test_what_was_found_is_reported_if_nothing_can_be_kept(
    processes: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def is_full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(writing, "write", is_full)
    options = ("--steps", "300", "--malformed", "off", "--json", "--processes", processes, "--kept", str(folder))
    assert run_here(monkeypatch, "conform", *options, "--", *python_engine()) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["conforms"]
    assert err == f"liqspec: {folder / 'runs-000000.xz'}: no space left on device\n"


def test_a_run_with_too_large_replies_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "MOST_REPLIED", 1000)
    searched(engine(), folder)
    assert list(folder.iterdir()) == []


# ----------------------------------------------------------------------------------------------------- the user's cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, which is used as long as nothing else is asked for."""
    monkeypatch.delenv(FRESH)
    monkeypatch.setattr(kept, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "liqspec" / "conform"


def compared(monkeypatch: pytest.MonkeyPatch, *options: str, command: Command | None = None) -> int:
    """The exit status of a short comparison."""
    return run_here(monkeypatch, *FEW, *options, "--", *(command or python_engine()))


def test_runs_are_kept_in_the_users_cache(cache: Path, monkeypatch: pytest.MonkeyPatch, played: list[str]) -> None:
    for times in (2, 0):
        played.clear()
        assert compared(monkeypatch) == 0
        assert len(played) == times
    (folder,) = cache.iterdir()
    assert [path.name for path in folder.iterdir()] == ["runs-000000.xz"]


def test_each_comparison_has_a_folder_in_the_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch, played: list[str]
) -> None:
    renamed = engine('reply |= {"engine": "another"} if op == "hello" else {}')
    for number, options in enumerate([(), ("--seed", "2"), ("--venue", "generic")], start=1):
        assert compared(monkeypatch, *options) == 0
        assert len(list(cache.iterdir())) == number
    assert compared(monkeypatch, command=renamed) == 0
    assert len(list(cache.iterdir())) == 4
    played.clear()
    assert compared(monkeypatch, "--seed", "2") == compared(monkeypatch, command=renamed) == 0
    assert played == []


def test_the_longest_unused_make_room(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in ("1", "2", "3"):
        compared(monkeypatch, "--seed", seed)
    first, second, third = sorted(cache.iterdir(), key=lambda one: one.stat().st_mtime_ns)
    for age, folder in enumerate((third, first, second)):  # times of files may be coarse
        os.utime(folder, (1_000 - age, 1_000 - age))
    (cache / "notes").mkdir()
    monkeypatch.setattr(kept, "MOST", sum(path.stat().st_size for one in (third, first) for path in one.iterdir()))
    compared(monkeypatch, "--seed", "4")
    left = set(cache.iterdir())
    assert {third, first, cache / "notes"} < left and second not in left and len(left) == 4
    compared(monkeypatch, "--seed", "1")
    assert first.stat().st_mtime > 1_000


@pytest.mark.parametrize("way", ["--fresh", FRESH])
def test_nothing_is_kept_if_asked_for(
    way: str, cache: Path, monkeypatch: pytest.MonkeyPatch, played: list[str]
) -> None:
    compared(monkeypatch)
    before = {path: path.read_bytes() for path in cache.rglob("*.xz")}
    if way == FRESH:
        monkeypatch.setenv(FRESH, "1")
    played.clear()
    assert compared(monkeypatch, "--seed", "1", *[way] * (way != FRESH)) == 0
    assert len(played) == 2
    assert {path: path.read_bytes() for path in cache.rglob("*.xz")} == before


def test_a_folder_that_is_given_is_used_in_any_case(
    cache: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FRESH, "1")
    assert compared(monkeypatch, "--kept", str(folder)) == 0
    assert list(folder.iterdir()) and not cache.exists()
    capsys.readouterr()
    assert compared(monkeypatch, "--kept", str(folder), "--fresh") == 2
    said = "liqspec: --kept and --fresh: give one of them, where runs are kept or that none is\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("damage", ["empty", "cut", "not compressed", "no JSON", "another format", "a folder"])
def test_what_is_damaged_in_the_cache_is_replaced(
    damage: str, cache: Path, monkeypatch: pytest.MonkeyPatch, played: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    compared(monkeypatch)
    (file,) = cache.rglob("*.xz")
    right = file.read_bytes()
    if damage == "a folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(DAMAGES[damage](right))
    played.clear()
    capsys.readouterr()
    assert compared(monkeypatch) == 0
    assert len(played) == 2
    err = capsys.readouterr().err
    if damage == "a folder":
        assert err == f"liqspec: some runs are not kept: {file}: is a directory\n"
    else:
        assert (file.read_bytes(), err) == (right, "")


def test_a_cache_that_cannot_be_written_is_said(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.parents[1].write_bytes(b"")
    assert compared(monkeypatch) == 0
    err = capsys.readouterr().err
    assert err.startswith("liqspec: runs are not kept, as with --fresh: ") and err.endswith(": not a directory\n")


def test_a_replay_keeps_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        run_here(
            monkeypatch,
            "conform",
            "--replay",
            str(ROOT / "spec/scenarios/market-liquidation.toml"),
            "--",
            *python_engine(),
        )
        == 0
    )
    assert not cache.exists()
