"""Work grows as the input does, in time and in memory, whatever is in it; what is too large is refused first."""

import contextlib
import io
import json
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pa_parquet  # type: ignore[import-untyped]
import pytest

from liqspec.audit import run, sources
from liqspec.audit.log import InvalidLog
from liqspec.conform.answers import Accepted, read_answer, read_hello
from liqspec.conform.finding import EngineFault
from liqspec.conform.own_observations import RESET, OwnObservations
from liqspec.conform.peer import MAX_REPLY
from liqspec.edge import files, limits, protocol
from liqspec.edge.errors import InvalidInput
from liqspec.edge.protocol import BadLine
from liqspec.properties.checker import exact
from liqspec.replay import recordings
from liqspec.spec import studies
from liqspec.step.compare import Observes, differences
from support.builders import small_config
from support.paths import ROOT

HEAD = {"format": 1, "config": small_config()}


def toml(text: str) -> None:
    """Read it, and look for the line of a field."""
    files.line_of(text, "step[3].event.price")
    files.parse_toml(text, Path("x.toml"))


def line(text: str) -> None:
    protocol.read_line(text.encode())


def trace(text: str) -> None:
    recordings.read(io.BytesIO(text.encode()), Path("trace"))


def log(text: str, kind: sources.Format) -> None:
    path = Path("log")
    path.write_text(text, encoding="utf-8")
    found = run.audit(path, head=HEAD, kind=kind)
    assert found.error


def jsonl(text: str) -> None:
    log(text, "jsonl")


def csv(text: str) -> None:
    log(text, "csv")


def parquet(rows: int) -> None:
    """Rows that all have the same long text, which the file has once."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 100_000]))
    table = pa.table({"event.type": pa.array(["block"] * rows), "note": texts})
    pa_parquet.write_table(table, "log.parquet", compression="zstd")
    run.audit(Path("log.parquet"), head=HEAD)


def reply(text: str) -> None:
    """What is done with a reply to an event: its line is read, and what it observes is compared and judged."""
    answer = read_answer(protocol.read_line(text.encode(), MAX_REPLY))
    assert isinstance(answer, Accepted)
    assert isinstance(answer.observation, dict)
    ours = {"time": 0, "block": 0, "positions": [], "pools": [], "vault": {"cash": "0", "equity": "0", "positions": {}}}
    list(differences(ours, {**ours, **answer.observation}, Observes()))
    OwnObservations(small_config(), Counter()).broken_by(RESET, None, {**ours, **answer.observation})


def hello(text: str) -> None:
    read_hello(protocol.read_line(text.encode(), MAX_REPLY))


def position(number: int) -> str:
    closed = f'"account":"{number}","market":"M","mode":"cross","state":"healthy","size":"1","cost":"1"'
    return "{" + closed + ',"order":null,"life":1,"cooldown_until":null}'


def observing(n: int) -> str:
    return '{"ok":true,"observation":{"positions":[' + ",".join(map(position, range(n))) + "]}}"


def greeting(field: str, n: int) -> str:
    """A hello with a list of `n` names in a field."""
    fields = {"ok": True, "protocol": 1, "observes": [], "states": "full", "events": [], field: ["deposit"] * n}
    return json.dumps({**fields, **({str(at): at for at in range(n)} if field == "fields" else {})})


# What makes a hostile input of a size, the size at which it takes some time, and who reads it.
INPUTS: dict[str, tuple[Callable[[int], object], int, Callable[..., None]]] = {
    "repeated keys": (lambda n: "{" + ",".join(f'"{k}":1' for k in range(n)) + f',"{n - 1}":1}}', 20_000, line),
    "escapes": (lambda n: '{"a":"' + "\\ud83d\\ude00" * n + '"}', 20_000, line),
    "wide": (lambda n: '{"a":[' + "[]," * n + "[]]}", 100_000, line),
    "deep": (lambda n: "[" * n, 50_000, line),
    "digits": (lambda n: '{"a":' + "9" * n + "}", 100_000, line),
    "blanks in a header": (lambda n: "[" + " " * n, 50_000, toml),
    "blanks before a header": (lambda n: " " * n + "[a" + " " * n, 50_000, toml),
    "blanks after a key": (lambda n: "a" + " " * n, 50_000, toml),
    "headers": (lambda n: "[[a]]\n" * n + "b = 1 = 2", 2_000, toml),
    "a dotted key": (lambda n: "a" + ".a" * n + " = 1", 25_000, toml),
    "a dotted key in quotes": (lambda n: '""' + " . ''" * n + " = 1", 100_000, toml),
    "a name": (lambda n: "a" * n, 100_000, toml),
    "quotes": (lambda n: "x = " + "'\"" * n, 50_000, toml),
    "a trace of blank lines": (lambda n: "\n" * n, 100_000, trace),
    "a trace of repeated keys": (lambda n: "{" + '"a":1,' * n + '"a":1}\n', 40_000, trace),
    "a log without a line end": (lambda n: "x" * n, 100_000, jsonl),
    "a row of many lines": (lambda n: 'event.type,note\nblock,"' + "\n" * n, 40_000, csv),
    "a row of many cells": (lambda n: "event.type,note\n" + "," * n, 100_000, csv),
    "a text that is repeated": (lambda n: n, 200, parquet),
    "positions": (observing, 1_000, reply),
    "effects": (lambda n: '{"ok":true,"effects":[' + "{}," * n + '{}],"observation":{"pools":[]}}', 1_000, reply),
    "fields of a hello": (lambda n: greeting("fields", n), 5_000, hello),
    "events of a hello": (lambda n: greeting("events", n), 20_000, hello),
    "names of a hello": (lambda n: greeting("observes", n), 20_000, hello),
}


def measured(act: Callable[[object], None], given: object) -> tuple[float, int]:
    """The least processor time of three calls, in seconds, and the most memory of one, in bytes."""
    times = []
    for _ in range(3):
        began = time.process_time()
        attempt(act, given)
        times.append(time.process_time() - began)
    tracemalloc.start()
    attempt(act, given)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return min(times), peak


def attempt(act: Callable[[object], None], given: object) -> None:
    """Read it; it may be refused."""
    with contextlib.suppress(InvalidInput, BadLine, EngineFault):
        act(given)


@pytest.mark.parametrize("name", INPUTS)
def test_four_times_the_input_needs_four_times_the_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for what else the machine does; work by the square of the input would be sixteen times as much."""
    monkeypatch.chdir(tmp_path)
    make, size, act = INPUTS[name]
    once, four = measured(act, make(size)), measured(act, make(4 * size))
    assert four[0] < 8 * once[0] + 0.05
    assert four[1] < 5 * once[1] + 4 * limits.MEBIBYTE
    assert four[0] < 2


class TestBeyondItsBound:
    """Refused in one line."""

    def test_a_stream_in_the_place_of_a_trace(self) -> None:
        class Endless(io.BytesIO):
            read_so_far = 0

            def read(self, size: int | None = -1) -> bytes:
                assert size is not None and size >= 0, "all of it"
                self.read_so_far += size
                return b"{" * size

        stream = Endless()
        with pytest.raises(files.UnreadableFile, match=r"^standard input: is larger than 8 MiB"):
            recordings.read(stream, Path("standard input"))
        assert stream.read_so_far == limits.FILE_BYTES + 1

    def test_a_toml_text(self) -> None:
        with pytest.raises(files.UnreadableFile, match=r"^x.toml: is larger than 1 MiB, the most of TOML$"):
            toml("#" * (limits.TOML_BYTES + 1))
        toml("#" * limits.TOML_BYTES)

    def test_a_json_text_of_many_values(self) -> None:
        with pytest.raises(ValueError, match=r"^more than 2,500,000 values$"):
            files.parse_json("[" + "{}," * (limits.JSON_VALUES // 2) + "0]")

    def test_a_study_of_repeated_choices(self, tmp_path: Path) -> None:
        """Each would be run with all choices of the other axes."""
        text = (ROOT / "spec/studies/self-protection.toml").read_text(encoding="utf-8")
        choice = "[[axis.choice]]" + text.split("[[axis.choice]]")[1]
        path = tmp_path / "x.toml"
        path.write_text(text.replace(choice, choice * 2, 1), encoding="utf-8")
        with pytest.raises(InvalidInput, match="has two choices of the same name"):
            studies.load(str(path))

    @pytest.mark.parametrize(
        ("axes", "marks", "said"),
        [
            (300, 1, "the choices make more than 500 cases"),
            (8, 1_000, "the choices make cases of more than 1 MiB together"),
        ],
    )
    def test_a_study_whose_axes_multiply(
        self, axes: int, marks: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is refused before any case is made."""
        monkeypatch.setattr(studies, "_case", None)
        text = (ROOT / "spec/studies/self-protection.toml").read_text(encoding="utf-8").partition("[[axis]]")[0]
        text = text.replace("[base]", "[base]\nmarks = [" + '"50000",' * marks + "]")
        choices = "".join(f'[[axis.choice]]\nname = "{name}"\ntitle = "a"\n' for name in "ab")
        path = tmp_path / "x.toml"
        path.write_text(text + "".join(f'[[axis]]\nname = "{at}"\n{choices}' for at in range(axes)), encoding="utf-8")
        with pytest.raises(InvalidInput, match=f"axis: {said}$"):
            studies.load(str(path))

    @pytest.mark.parametrize("text", ["1e999999999", "9" * 4_001, "1/1e9", "0x1", "\u0661", "-", ""])
    def test_a_number_that_an_engine_shows(self, text: str) -> None:
        """The checker reads it when it judges what an engine reports of itself."""
        with pytest.raises(ValueError, match="not a number of a bounded size"):
            exact.number(text)

    @pytest.mark.parametrize("name", ["effects", "executed", "observation.positions", "observation.pools"])
    def test_a_list_of_a_reply(self, name: str) -> None:
        most: list[object] = [{}] * limits.REPLY_ENTRIES
        field = name.removeprefix("observation.")

        def sent(entries: list[object]) -> dict[str, object]:
            shown: dict[str, object] = {field: entries}
            return {"ok": True, "observation": shown} if field != name else {"ok": True, **shown}

        with pytest.raises(EngineFault, match=f"{name}: 10,001 entries, more than 10,000"):
            read_answer(sent([*most, {}]))
        if name != "executed":  # whose entries are read
            read_answer(sent([*most]))

    def test_a_line_of_a_log(self) -> None:
        """It is read no further, so it may be endless."""

        class Endless(io.BytesIO):
            def readline(self, size: int | None = -1) -> bytes:
                assert size is not None and 0 < size < 2 * limits.LOG_LINE_BYTES
                return b"x" * size

        assert next(protocol.lines(Endless(), whole=False)) == b"x" * (limits.LINE_BYTES + 1)

    def test_a_row_of_csv(self, tmp_path: Path) -> None:
        path = tmp_path / "log.csv"
        path.write_text('event.type,note\nblock,"' + "x\n" * limits.MEBIBYTE, encoding="utf-8")
        assert run.audit(path, head=HEAD).error == f"{path}: after row 1: a row is longer than 1048576 bytes"

    def test_a_parquet_file_of_more_rows_than_it_can_have(self, tmp_path: Path) -> None:
        path = tmp_path / "log.parquet"
        pa_parquet.write_table(pa.table({"event.type": pa.array(["block"] * 200_000)}), path)
        with pytest.raises(InvalidLog, match=r"log.parquet: 200000 rows are too many for a file of \d+ bytes"):
            run.audit(path, head=HEAD)

    def test_a_parquet_file_of_more_text_than_it_can_have(self, tmp_path: Path) -> None:
        path = tmp_path / "log.parquet"
        table = pa.table({"event.type": pa.array(["block"] * 4000), "note": pa.array(["x" * 100_000] * 4000)})
        pa_parquet.write_table(table, path, compression="zstd")
        assert "more text than a file of its size may have" in run.audit(path, head=HEAD).error

    def test_a_parquet_file_of_a_text_that_is_too_long(self, tmp_path: Path) -> None:
        path = tmp_path / "log.parquet"
        table = pa.table({"event.type": pa.array(["block"]), "note": pa.array(["x" * 200_000_000])})
        pa_parquet.write_table(table, path, compression="zstd")
        with pytest.raises(InvalidLog, match=r"log.parquet: \d+ bytes of cells are too many for a file of \d+ bytes"):
            run.audit(path, head=HEAD)
